"""Signing: a reading frozen by checksum, keyed checksum and the checksum of its last version.

The checksum (SHA-256) is taken over canonical JSON: keys sorted, no spaces, UTF-8, a line feed at
the end, which is also what stands in the file, so that any byte changed is noticed. The keyed
checksum (HMAC-SHA-256, RFC 2104) needs the key file of the profile: a change by anybody who does
not have it is noticed even if all checksums were made anew. Who can read the profile can sign.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from spinealign.domain.errors import ReadingError, ReadingProblem
from spinealign.domain.findings import Analysis, Corrections
from spinealign.domain.presentation import AS_IN_FILE
from spinealign.domain.reading import (
    Addendum,
    Decision,
    Finding,
    FindingDecision,
    Normality,
    Reading,
)
from spinealign.json_files import json_schema
from spinealign.reading.decisions import (
    ReadFinding,
    is_another_now,
    not_carried_out,
    pending,
    read_findings,
    require_unsigned,
)
from spinealign.reading.findings import is_detail
from spinealign.reading.impression import with_fresh_impression
from spinealign.wording.reading_page import decision_statement

SCHEMA_ID: Final = "spinealign-reading-1"
SCHEMA_FAMILY = "spinealign-reading-"
SCHEMA_URI = "urn:spinealign:schema:reading-1"

KEY_BYTES = 32
"""Length of the key: that of the checksum. Source: RFC 2104, section 3."""

Checksum = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Seal(msgspec.Struct, frozen=True):
    """What shows that a version is as it was signed.

    Parameters
    ----------
    version : int
        1 for the signed reading, one more for each addendum.
    previous : str
        `sha256` of the version before; empty for the first.
    sha256 : str
        Of everything else in the file but the two keyed values.
    key_id : str
        Start of the key's own SHA-256: which key it was.
    hmac_sha256 : str
        Of the same bytes as `sha256`, with the key.
    """

    version: Annotated[int, Meta(ge=1)]
    previous: Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{64})?$(?!\n)")]
    sha256: Checksum
    key_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
    hmac_sha256: Checksum


class ReadingFile(msgspec.Struct, frozen=True):
    """A reading on the disk; `seal` is null until it is signed."""

    schema: Literal["spinealign-reading-1"]
    program_version: str
    reading: Reading
    seal: Seal | None


def reading_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a reading's file, as it is published in `resources`."""
    return json_schema(ReadingFile, SCHEMA_URI, "SpineAlign reading")


# What a reader does


def signed(reading: Reading, findings: Iterable[Finding], reader: str, now: datetime) -> Reading:
    """Return a reading as it is signed: complete, with its findings frozen.

    Parameters
    ----------
    reading : Reading
    findings : iterable of Finding
        Of the analysis as it is now.
    reader : str
        Name of who signs; decisions that nobody gave a name for become this reader's.
    now : datetime

    Raises
    ------
    ReadingError
        It is signed already, has no reader or no impression, waits for decisions, or a change
        of levels or kind was not carried out.
    """
    require_unsigned(reading)
    found, name = tuple(findings), reader.strip()
    if not name:
        raise ReadingError(ReadingProblem.NO_READER)
    _require_complete(reading, found)
    fresh = with_fresh_impression(reading, found)
    if not fresh.impression.text.strip():
        raise ReadingError(ReadingProblem.NO_TEXT)
    kept = [read for read in read_findings(found, fresh) if not _is_left_out(read)]
    valid = ((read, read.decision) for read in kept if not read.is_outdated)
    decided = [(read, made) for read, made in valid if made is not None]
    return fresh.with_changes(
        reader=name,
        decisions=tuple(_named(made, name) for _, made in decided),
        findings=tuple(read.finding for read in kept),
        statements=tuple(
            decision_statement(read.finding, made, read.said) for read, made in decided
        ),
        signed_utc=now,
    )


def _require_complete(reading: Reading, findings: tuple[Finding, ...]) -> None:
    waiting = pending(findings, reading)
    if waiting:
        raise ReadingError(ReadingProblem.UNDECIDED, tuple(each.key for each in waiting))
    undone = not_carried_out(findings, reading)
    if undone:
        raise ReadingError(ReadingProblem.NOT_CARRIED_OUT, tuple(each.key for each in undone))


def _is_left_out(read: ReadFinding) -> bool:
    """Whether a finding is no part of a signed reading; what could not be told stays."""
    is_known = read.finding.normality is not Normality.UNDETERMINED
    return is_detail(read.finding) and is_known and read.state is Decision.UNDECIDED


def _named(decision: FindingDecision, reader: str) -> FindingDecision:
    return decision if decision.reader else msgspec.structs.replace(decision, reader=reader)


def with_addendum(reading: Reading, text: str, reason: str, reader: str, now: datetime) -> Reading:
    """Return a signed reading with one more addendum; nothing else of it can be changed.

    Raises
    ------
    ReadingError
        It is not signed, or text, reason or reader is missing.
    """
    if reading.signed_utc is None:
        raise ReadingError(ReadingProblem.NOT_SIGNED)
    needed = (
        (text, ReadingProblem.NO_TEXT),
        (reason, ReadingProblem.NO_REASON),
        (reader, ReadingProblem.NO_READER),
    )
    for words, problem in needed:
        if not words.strip():
            raise ReadingError(problem)
    addendum = Addendum(text.strip(), reason.strip(), reader.strip(), now)
    return reading.with_changes(addenda=(*reading.addenda, addendum))


# What was signed, and what is there now


def corrections_of(analysis: Analysis) -> Corrections | None:
    """Return what a person corrected and drew, without a date; None where nobody did.

    The date that a person gave an examination may come later, and how the picture is shown may
    change: they are no part of the result.
    """
    wanted = _of_result(analysis.corrections)
    return None if wanted == _of_result(analysis.uncorrected) else wanted


def corrections_checksum(analysis: Analysis) -> str:
    """Return the SHA-256 of what a person corrected and drew; empty where nobody did."""
    wanted = corrections_of(analysis)
    return "" if wanted is None else _checksum(wanted)


def corrections_as_signed(
    analysis: Analysis, reading: Reading | None, beside: Corrections | None
) -> Corrections | None:
    """Return the corrections that a picture is shown with: those that were signed, if any were.

    Parameters
    ----------
    analysis : Analysis
        Of the picture.
    reading : Reading or None
        Of the picture; one that is not signed, or of another kind of examination, has no say.
    beside : Corrections or None
        What lies beside the image.

    Returns
    -------
    Corrections or None
        `beside` where they are the signed ones, and where a program signed that kept their
        checksum only; else those kept with the signature, with the date of `beside` and shown as
        it has the picture shown.
    """
    sha256 = None if reading is None else reading.corrections_sha256
    if reading is None or sha256 is None or reading.view != analysis.view_name:
        return beside
    if has_corrections_of(dataclasses.replace(analysis, corrections=beside), sha256):
        return beside
    if sha256 and reading.corrections is None:
        return beside
    kept = reading.corrections or analysis.uncorrected
    if beside is None:
        return dataclasses.replace(kept, examination_date=None)
    stands = kept.presentation
    shown = dataclasses.replace(
        beside.presentation, upright_deg=stands.upright_deg, analysed_deg=stands.analysed_deg
    )
    return dataclasses.replace(kept, examination_date=beside.examination_date, presentation=shown)


def has_corrections_of(analysis: Analysis, sha256: str) -> bool:
    """Whether an analysis has the corrections that this is the checksum of."""
    wanted = _of_result(analysis.corrections)
    # Earlier versions of the program took a date alone for a correction.
    return sha256 in (corrections_checksum(analysis), "" if wanted is None else _checksum(wanted))


def _of_result(wanted: Corrections | None) -> Corrections | None:
    """Return corrections without what the result does not depend on."""
    if wanted is None:
        return None
    stands = wanted.presentation.of_result
    return dataclasses.replace(wanted, examination_date=None, presentation=stands)


def _checksum(wanted: Corrections) -> str:
    values: dict[str, Any] = msgspec.to_builtins(wanted)
    # Earlier versions of the program turned no picture, and their signatures stay valid.
    if wanted.presentation == AS_IN_FILE:
        del values["presentation"]
    # Nor took another program's outlines over.
    if wanted.outlined_by is None:
        del values["outlined_by"]
    for drawing in values["drawings"]:
        # Nor had drawings a text.
        if not drawing["text"]:
            del drawing["text"]
    return hashlib.sha256(canonical(values)).hexdigest()


def differs_from_signed(analysis: Analysis, findings: Iterable[Finding], reading: Reading) -> bool:
    """Whether an analysis is not the one that a signed reading was made on.

    Its corrections are others, or it says something else or of another place of a finding that
    was signed. A reading that is not signed follows the analysis, and never differs.

    Parameters
    ----------
    analysis : Analysis
        As it is now.
    findings : iterable of Finding
        Of it.
    reading : Reading
    """
    if reading.signed_utc is None:
        return False
    kept = reading.corrections_sha256
    if kept is not None and not has_corrections_of(analysis, kept):
        return True
    now = {finding.key: finding for finding in findings}
    return any(is_another_now(one, now.get(one.key)) for one in reading.findings)


# Checksums


def canonical(value: Any) -> bytes:
    """Return JSON values as the bytes that checksums are taken of and that stand in the file."""
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return f"{text}\n".encode()


def key_id_of(key: bytes) -> str:
    """Return what tells a key from others without telling it."""
    return hashlib.sha256(key).hexdigest()[:16]


def sealed(reading: Reading, previous: str, key: bytes, program_version: str) -> ReadingFile:
    """Return the file of a signed reading.

    Parameters
    ----------
    reading : Reading
        Signed.
    previous : str
        `Seal.sha256` of the version before; empty for the first.
    key : bytes
    program_version : str
    """
    bare = Seal(reading.version, previous, "0" * 64, key_id_of(key), "0" * 64)
    unsealed = ReadingFile(SCHEMA_ID, program_version, reading, bare)
    sha256, keyed = checksums(as_json(unsealed), key)
    seal = msgspec.structs.replace(bare, sha256=sha256, hmac_sha256=keyed)
    return msgspec.structs.replace(unsealed, seal=seal)


def as_json(file: ReadingFile) -> dict[str, Any]:
    """Return a file as JSON values."""
    values: dict[str, Any] = json.loads(msgspec.json.encode(file))
    return values


def checksums(values: dict[str, Any], key: bytes) -> tuple[str, str]:
    """Return the checksum and the keyed checksum of a file's JSON values.

    The values are those that were read, not what this version of the program makes of them: a
    version signed by an older program stays valid when types grow.
    """
    seal = {name: values["seal"][name] for name in ("version", "previous")}
    content = canonical({**values, "seal": seal})
    return hashlib.sha256(content).hexdigest(), keyed_checksum(content, key)


def keyed_checksum(content: bytes, key: bytes) -> str:
    """Return the HMAC-SHA-256 of some bytes."""
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def is_equal(one: str, other: str) -> bool:
    """Whether two checksums are the same, in a time that tells nothing about them."""
    return hmac.compare_digest(one, other)
