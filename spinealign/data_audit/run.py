"""The audit itself: list, look, compare, ask, judge; a generator that yields its progress.

from spinealign.data_audit import audit
outcome = audit(Path("data"))
if outcome.verdict.is_condemned: ...
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spinealign import __version__
from spinealign.data_audit.dicom_facts import DicomFacts, dicom_facts
from spinealign.data_audit.findings import all_findings, counts_of, verdict_of
from spinealign.data_audit.grouping import audited, exact_pairs, grouped, names_told, pair_of
from spinealign.data_audit.kept_matches import keep_matches, kept_matches
from spinealign.data_audit.listing import ListedFile, list_files, told_by_pattern
from spinealign.data_audit.looking import Looked, look
from spinealign.data_audit.masks import mask_problems
from spinealign.data_audit.matching import matched, proposals
from spinealign.data_audit.names import Named
from spinealign.data_audit.persons import with_doubts
from spinealign.data_audit.shortcuts import Evidence, evidence_of, find_shortcuts
from spinealign.data_audit.splitting import honest_split
from spinealign.data_audit.tables import Columns
from spinealign.domain.data_audit import (
    AUDIT_SCHEMA,
    AuditedFile,
    DataAudit,
    FileProblem,
    Layout,
    Pair,
    PatientSource,
    Shortcut,
    Verdict,
)
from spinealign.domain.generators import mapped, run_to_end

_USUAL_SHARE: Final = 0.9
"""Where so many pictures share a depth, another one is odd."""


class Stage(StrEnum):
    """What an audit is doing."""

    LOOKING = "looking"
    COMPARING = "comparing"
    ASKING = "asking"


@dataclass(frozen=True)
class AuditStep:
    """Progress: `done` of `total` in one stage; `total` is 0 where it is not known."""

    stage: Stage
    done: int
    total: int


@dataclass(frozen=True)
class AuditOptions:
    """What a person may say about a data set.

    Parameters
    ----------
    layout : Layout or None
        None: as it looks.
    columns : Columns or None
        Of a CSV list; None: by their usual names.
    cache : Path or None
        Folder in which what was seen of each content is kept; None keeps nothing.
    patient_pattern : str
        Regular expression on paths relative to the data set, whose first group is the patient.
    earlier : tuple of Path
        Such folders of other audits: what they hold is not made again.
    """

    layout: Layout | None = None
    columns: Columns | None = None
    cache: Path | None = None
    patient_pattern: str = ""
    earlier: tuple[Path, ...] = ()

    @property
    def caches(self) -> tuple[Path, ...]:
        """Every folder that is read, the one that is written to first."""
        return (*(() if self.cache is None else (self.cache,)), *self.earlier)


@dataclass(frozen=True, eq=False)
class AuditOutcome:
    """What an audit found, and the pictures that show it.

    Parameters
    ----------
    audit : DataAudit
        What audit.json holds.
    parts : dict of str to str
        Honest part of every path; empty where no honest split is possible.
    pictures : dict of str to ndarray of uint8, (h, w)
        Small pictures by path, of files that have one.
    places : dict of str to Path
        Where the file of every path lies.
    """

    audit: DataAudit
    parts: Mapping[str, str]
    pictures: Mapping[str, NDArray[np.uint8]]
    places: Mapping[str, Path]

    @property
    def verdict(self) -> Verdict:
        """Whether a training should not start on this split, and why."""
        return self.audit.verdict


def audit(
    place: Path, options: AuditOptions | None = None,
    on_step: Callable[[AuditStep], object] | None = None,
) -> AuditOutcome:  # fmt: skip
    """Audit a data set to the end; see `audit_data`."""
    return run_to_end(audit_data(place, options), on_step)


def audit_data(
    place: Path, options: AuditOptions | None = None
) -> Generator[AuditStep, None, AuditOutcome]:
    """Audit a folder or a CSV list.

    Parameters
    ----------
    place : Path
        A folder of one of the layouts of `listing`, or a CSV file.
    options : AuditOptions or None

    Yields
    ------
    AuditStep

    Raises
    ------
    DataSetError
        There is nothing to audit. A file that cannot be read is a row of the audit instead.
    """
    chosen = options or AuditOptions()
    layout, listed = list_files(place, chosen.layout, chosen.columns)
    listed = told_by_pattern(listed, chosen.patient_pattern)
    names = names_told(listed)
    looks, facts = yield from _looked(listed, chosen)
    told = with_doubts(audited(listed, names, facts, looks), listed, names, facts)
    files = _with_odd_ones(told, listed, looks)
    pairs = [*exact_pairs(files), *(yield from _compared(files, looks, chosen))]
    files = grouped(files, pairs)
    evidence, places = _evidence(files, looks, facts, names)
    shortcuts = yield from _asked([files[place] for place in places], evidence)
    split, parts = honest_split(files)
    findings = all_findings(files, pairs, shortcuts, split)
    known = np.mean([file.patient_source is not PatientSource.UNKNOWN for file in files])
    found = DataAudit(
        AUDIT_SCHEMA, __version__, place.resolve().name, layout, fingerprint(files), tuple(files),
        counts_of(files), tuple(pairs), tuple(shortcuts), findings, split, verdict_of(findings),
        round(float(known), 4),
    )  # fmt: skip
    pictures = {
        file.path: seen.recognised.small
        for file, seen in zip(files, looks, strict=True)
        if seen.recognised is not None
    }
    places_of = {file.path: told.path for file, told in zip(files, listed, strict=True)}
    return AuditOutcome(found, parts, pictures, places_of)


def fingerprint(files: Sequence[AuditedFile]) -> str:
    """Return a checksum of content, classes, parts and patients of a data set."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda one: one.path):
        told = (file.path, file.sha256, file.label, file.part, file.patient)
        digest.update("\0".join(told).encode("utf-8", "surrogateescape") + b"\1")
    return digest.hexdigest()


def _looked(
    listed: Sequence[ListedFile], chosen: AuditOptions
) -> Generator[AuditStep, None, tuple[list[Looked], list[DicomFacts | None]]]:
    looks, facts = [], []
    for done, file in enumerate(listed, start=1):
        seen = look(file.path, chosen.cache, chosen.earlier)
        is_dicom = bool(seen.words) and seen.words.get("format") == "DICOM"  # type: ignore[union-attr]
        looks.append(seen)
        facts.append(dicom_facts(file.path) if is_dicom else None)
        yield AuditStep(Stage.LOOKING, done, len(listed))
    return looks, facts


def _with_odd_ones(
    files: Sequence[AuditedFile], listed: Sequence[ListedFile], looks: Sequence[Looked]
) -> list[AuditedFile]:
    """Add what is odd only beside the other files, and what is wrong with masks."""
    depths = [seen.bits for seen in looks if seen.recognised is not None]
    usual = max(set(depths), key=depths.count, default=0)
    is_usual = depths.count(usual) >= _USUAL_SHARE * len(depths)
    in_colour = sum(FileProblem.COLOUR in file.problems for file in files)
    is_colour_usual = in_colour >= _USUAL_SHARE * len(files)
    found = []
    for file, told, seen in zip(files, listed, looks, strict=True):
        problems = list(file.problems)
        if is_colour_usual:
            problems = [problem for problem in problems if problem is not FileProblem.COLOUR]
        if is_usual and seen.recognised is not None and seen.bits != usual:
            problems.append(FileProblem.OTHER_DEPTH)
        if told.mask is not None and seen.recognised is not None:
            problems += mask_problems(told, seen.shape)
        found.append(replace(file, problems=tuple(problems)))
    return found


def _compared(
    files: Sequence[AuditedFile], looks: Sequence[Looked], chosen: AuditOptions
) -> Generator[AuditStep, None, list[Pair]]:
    """Lay alike pictures over each other; of equal contents one is enough."""
    first: dict[str, int] = {}
    for place, seen in enumerate(looks):
        if seen.recognised is not None:
            first.setdefault(seen.sha256, place)
    places = list(first.values())
    pictures = [looks[place].recognised for place in places]
    known = [picture for picture in pictures if picture is not None]
    yield AuditStep(Stage.COMPARING, 0, 0)
    contents = [looks[place].sha256 for place in places]
    found = kept_matches(chosen.caches, contents)
    if found is None:
        pairs = proposals(known)
        steps = mapped(
            matched(known, pairs), lambda done: AuditStep(Stage.COMPARING, done, len(pairs))
        )
        found = yield from steps
        if chosen.cache is not None:
            keep_matches(chosen.cache, contents, found)
    related = (pair_of(files[places[one]], files[places[two]], m) for one, two, m in found)
    return [pair for pair in related if pair is not None]


def _evidence(
    files: Sequence[AuditedFile], looks: Sequence[Looked], facts: Sequence[DicomFacts | None],
    names: Sequence[Named],
) -> tuple[list[Evidence], list[int]]:  # fmt: skip
    places = [place for place, seen in enumerate(looks) if seen.recognised is not None]
    if not places:
        return [], []
    said = [facts[place] for place in places]
    evidence = evidence_of(
        [looks[place] for place in places],
        [fact.words if fact else {} for fact in said],
        [fact.numbers if fact else {} for fact in said],
        [names[place].copies for place in places],
        [files[place].slice_number for place in places],
    )
    return evidence, places


def _asked(
    files: Sequence[AuditedFile], evidence: Sequence[Evidence]
) -> Generator[AuditStep, None, list[Shortcut]]:
    found = yield from mapped(
        find_shortcuts(files, evidence), lambda done: AuditStep(Stage.ASKING, done, 0)
    )
    return found
