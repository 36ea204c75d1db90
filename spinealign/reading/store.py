"""Readings on the disk, in the user's profile: one folder a picture, one file a version.

```
readings/<checksum of the image>/draft.json        what is not signed yet
readings/<checksum of the image>/addendum.json     an addendum that is not signed yet
readings/<checksum of the image>/in-use            held by the window that writes just now
readings/<checksum of the image>/version-0001.json the signed one, then one for each addendum
signed/<checksum of the image>.json                how many versions there are
set-aside/<checksum of the image>/<time>/          signed ones that were not as written
reading.key                                        what signed versions are made with
```
A version is never written over. Each call returns when its file and its name are on the disk.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from spinealign import __version__
from spinealign.domain import paths
from spinealign.domain.errors import (
    CorrectionsError,
    ExportError,
    ReadingError,
    ReadingProblem,
    StoredReadingError,
    StoredReadingProblem,
)
from spinealign.domain.findings import Analysis, Corrections
from spinealign.domain.reading import AddendumDraft, ReadImage, Reading, ReadingStatus
from spinealign.domain.report_details import LeftOutReading, ReadingUse
from spinealign.files import as_export_error, held_alone, write_durably, write_once
from spinealign.json_files import JsonError, JsonProblem, parse_json, read_bytes, typed
from spinealign.reading.signing import (
    KEY_BYTES,
    SCHEMA_FAMILY,
    SCHEMA_ID,
    Checksum,
    ReadingFile,
    Seal,
    as_json,
    canonical,
    checksums,
    corrections_as_signed,
    corrections_checksum,
    has_corrections_of,
    is_equal,
    key_id_of,
    keyed_checksum,
    sealed,
)

KEY_FILE = "reading.key"
FOLDER, COUNTS_FOLDER = "readings", "signed"
ASIDE_FOLDER, ASIDE_COUNT = "set-aside", "count.json"
DRAFT, ADDENDUM, IN_USE = "draft.json", "addendum.json", "in-use"

_LARGEST_BYTES = 16_000_000
MOST_VERSIONS = 9999
"""Of one reading; the names of their files have four digits."""

_ASIDE_FORMAT = "%Y%m%dT%H%M%S.%fZ"
_VERSION_NAME = re.compile(r"version-(\d{4})\.json")


class _Count(msgspec.Struct, frozen=True):
    """How many versions of a reading there are, kept apart from them."""

    version: Annotated[int, Meta(ge=1, le=MOST_VERSIONS)]
    sha256: Checksum
    hmac_sha256: Checksum


@dataclass(frozen=True)
class StoredReading:
    """What the disk has of the reading of one picture.

    Parameters
    ----------
    reading : Reading or None
        The last version that is as it was written, else the draft; None without any.
    versions : tuple of Reading
        All signed versions that are as they were written, the first first.
    faults : tuple of StoredReadingError
        What is not as it was written; empty if all is well.
    unverified : Reading or None
        The last version that only the right key could vouch for; never shown as signed.
    was_signed : bool
        Whether there is a signed version, or should be one.
    """

    reading: Reading | None = None
    versions: tuple[Reading, ...] = ()
    faults: tuple[StoredReadingError, ...] = ()
    unverified: Reading | None = None
    was_signed: bool = False

    @property
    def is_unvouched(self) -> bool:
        """Whether it was signed, and is not as it was written: nothing of it can be changed."""
        return self.was_signed and bool(self.faults)

    @property
    def may_be_set_aside(self) -> bool:
        """Whether a new reading may take its place: not where a newer program can read it."""
        newer = StoredReadingProblem.NEWER
        return self.is_unvouched and all(fault.problem is not newer for fault in self.faults)


def taken_in(
    analysis: Analysis, stored: StoredReading
) -> tuple[Reading | None, LeftOutReading | None]:
    """Return the reading that results of an analysis rest on, or why they do not.

    Parameters
    ----------
    analysis : Analysis
    stored : StoredReading
        Of its picture.
    """
    known = stored.reading or stored.unverified
    status = None if known is None else known.status
    is_seen = status is not None and status.is_verified
    if stored.was_signed and not is_seen:  # no signed version of it can be read
        status = ReadingStatus.SIGNED
    if stored.faults:
        return None, LeftOutReading(ReadingUse.FAULTY, status)
    if stored.reading is not None and stored.reading.view != analysis.view_name:
        return None, LeftOutReading(ReadingUse.OF_ANOTHER_KIND, status)
    return stored.reading, None


def image_of(analysis: Analysis) -> ReadImage:
    """Return which picture an analysis is of."""
    rows, cols = analysis.image.shape
    place = analysis.image.place
    return ReadImage(analysis.image.sha256, cols, rows, place.index, place.volume)


def folder_name(image: ReadImage) -> str:
    """Return what a picture's folder is called: a checksum that tells nobody whose it is."""
    volume = f"-volume-{image.volume + 1}" if image.volume else ""
    index = "" if image.index is None else f"-picture-{image.index + 1}"
    return f"{image.sha256}{volume}{index}"


class ReadingStore:
    """Readings of one profile.

    Parameters
    ----------
    profile_dir : Path, optional
        None is the one of this user on this computer.
    """

    def __init__(self, profile_dir: Path | None = None) -> None:
        self._profile = profile_dir or paths.profile_dir()

    # Reading

    def load(self, image: ReadImage) -> StoredReading:
        """Return what the disk has of a picture's reading, and what is wrong with it."""
        return self._load(folder_name(image))

    def is_signed(self, image: ReadImage) -> bool:
        """Whether a signed version of the reading of a picture is there; it is not checked."""
        return bool(_version_numbers(self._folder(image)))

    def status_by_names(self, image: ReadImage) -> ReadingStatus | None:
        """Return how far a reading is by the names of its files; None where there are none.

        Nothing is opened, so that it can be told of a reading that is encrypted.
        """
        folder = self._folder(image)
        versions = len(_version_numbers(folder))
        if versions:
            return ReadingStatus.SIGNED if versions == 1 else ReadingStatus.AMENDED
        return ReadingStatus.BEING_READ if (folder / DRAFT).is_file() else None

    def corrections_that_hold(
        self, analysis: Analysis, beside: Corrections | None
    ) -> Corrections | None:
        """Return the corrections that a picture is shown with; see `corrections_as_signed`.

        A reading that is not as it was written has no say.
        """
        stored = self.load(image_of(analysis))
        reading = None if stored.faults else stored.reading
        return corrections_as_signed(analysis, reading, beside)

    def of_file(self, sha256: str) -> dict[str, StoredReading]:
        """Return the readings of all pictures of a file by folder name."""
        folder = self._profile / FOLDER
        counted = self._profile / COUNTS_FOLDER  # tells a reading whose files are all gone
        found = [*folder.glob(f"{sha256}*"), *counted.glob(f"{sha256}*.json")] if sha256 else []
        names = sorted({path.name.removesuffix(".json") for path in found})
        own = [name for name in names if name.split("-")[0] == sha256]
        loaded = {name: self._load(name) for name in own}
        return {name: stored for name, stored in loaded.items() if stored != StoredReading()}

    def has_any(self) -> bool:
        """Whether any picture has a reading in this profile."""
        folder = self._profile / FOLDER
        return folder.is_dir() and any(folder.iterdir())

    def _load(self, name: str) -> StoredReading:
        folder = self._profile / FOLDER / name
        numbers = _version_numbers(folder)
        count, count_faults = self._count(name, numbers)
        last = max([count.version if count else 0, *numbers])
        if not last:
            return _with_draft(folder / DRAFT, count_faults)
        checked = _Chain(folder, self._key())
        faults = [*count_faults, *checked.faults_up_to(last, numbers)]
        if count is not None and checked.differs_from(count.version, count.sha256):
            path = self._count_path(name)
            faults.append(StoredReadingError(path, StoredReadingProblem.COUNT_CHANGED))
        versions = tuple(checked.good.values())
        newest = versions[-1] if versions else None
        return StoredReading(newest, versions, tuple(faults), checked.unverified, was_signed=True)

    def _count(
        self, name: str, numbers: list[int]
    ) -> tuple[_Count | None, list[StoredReadingError]]:
        """Return how many versions there should be, and what is wrong with that file.

        It is written after a version: one version more than it says is a kill in between.
        """
        path, key = self._count_path(name), self._key()
        try:
            count = parse_json(read_bytes(path, _LARGEST_BYTES), _Count, is_strict=True)
        except FileNotFoundError:
            missing = StoredReadingError(path, StoredReadingProblem.COUNT_MISSING)
            return None, [missing] if len(numbers) > 1 else []
        except (JsonError, OSError) as error:
            return None, [_broken(path, 0, error)]
        is_own = key is None or is_equal(count.hmac_sha256, _count_keyed(name, count, key))
        if is_own and max(numbers, default=0) <= count.version + 1:
            return count, []
        return count, [StoredReadingError(path, StoredReadingProblem.COUNT_CHANGED)]

    def addendum_draft(self, image: ReadImage) -> AddendumDraft:
        """Return the addendum that is being typed; an empty one where there is none to be read."""
        with suppress(OSError, JsonError):
            content = read_bytes(self._folder(image) / ADDENDUM, _LARGEST_BYTES)
            return parse_json(content, AddendumDraft)
        return AddendumDraft()

    # Writing

    @contextmanager
    def held(self, image: ReadImage) -> Iterator[None]:
        """Let no other window write the reading of a picture: looking and writing are one step.

        Raises
        ------
        ExportError
            Nothing can be written in the profile.
        """
        folder = self._folder(image)
        with as_export_error(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with held_alone(folder / IN_USE):
                yield

    @contextmanager
    def corrections_held(
        self, analysis: Analysis, on_disk: Callable[[], Corrections | None]
    ) -> Iterator[bool]:
        """Let the corrections of a picture be written, unless that changes what somebody signed.

        No other window signs meanwhile. Of a signed reading may be written what was signed, or what
        is on the disk: a date of the examination is no part of the result.

        Parameters
        ----------
        analysis : Analysis
            With the corrections to be written.
        on_disk : callable
            Returns those that are on the disk.

        Yields
        ------
        bool
            Whether the reading is signed.

        Raises
        ------
        ReadingError
            The reading is signed, and the result would be another one.
        """
        image = image_of(analysis)
        with ExitStack() as stack:
            with suppress(ExportError):  # nobody signs in a profile that cannot be written
                stack.enter_context(self.held(image))
            is_signed = self.is_signed(image)
            if is_signed and not self._is_as_signed(analysis, on_disk):
                raise ReadingError(ReadingProblem.CHANGES_WHAT_IS_SIGNED)
            yield is_signed

    def _is_as_signed(self, analysis: Analysis, on_disk: Callable[[], Corrections | None]) -> bool:
        signed = self.load(image_of(analysis)).reading
        if signed is not None and signed.view != analysis.view_name:
            return False
        sha256 = None if signed is None else signed.corrections_sha256
        if sha256 is not None and has_corrections_of(analysis, sha256):
            return True
        with suppress(CorrectionsError):
            there = replace(analysis, corrections=on_disk())
            return corrections_checksum(there) == corrections_checksum(analysis)
        return False

    def save_addendum_draft(self, image: ReadImage, draft: AddendumDraft) -> None:
        """Keep an addendum that is not signed yet; an empty one takes it away.

        Raises
        ------
        ExportError
            It could not be written; the earlier one is as it was.
        """
        path = self._folder(image) / ADDENDUM
        with as_export_error(path):
            if draft.is_empty:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_durably(path, canonical(msgspec.to_builtins(draft)))

    def save_draft(self, reading: Reading) -> None:
        """Keep what is not signed yet; a draft that cannot be read is kept under another name.

        Raises
        ------
        ReadingError
            The picture has a signed reading.
        ExportError
            It could not be written; the earlier draft is as it was.
        """
        folder = self._folder(reading.image)
        with as_export_error(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if _version_numbers(folder):
                raise ReadingError(ReadingProblem.SIGNED_ALREADY)
            if _with_draft(folder / DRAFT, []).faults:
                (folder / DRAFT).replace(_free_name(folder))
            file = ReadingFile(SCHEMA_ID, __version__, reading, None)
            write_durably(folder / DRAFT, canonical(as_json(file)))

    def discard_draft(self, image: ReadImage) -> None:
        """Take a draft away: the reader undid everything."""
        path = self._folder(image) / DRAFT
        with as_export_error(path):
            path.unlink(missing_ok=True)

    def set_aside(self, image: ReadImage, now: datetime) -> None:
        """Keep a signed reading that is not as it was written elsewhere; a new one can begin.

        Raises
        ------
        ReadingError
            It is as it was written, or a newer program wrote it.
        ExportError
            It could not be moved; what is left of it is still not as it was written.
        """
        name = folder_name(image)
        place = self._aside(image) / f"{now.astimezone(UTC):{_ASIDE_FORMAT}}"
        with self.held(image):
            if not self._load(name).may_be_set_aside:
                raise ReadingError(ReadingProblem.SIGNED_ALREADY)
            with as_export_error(place):
                place.mkdir(parents=True, exist_ok=True)
                # The count comes last: until then something is missing, and nothing counts.
                for path in sorted(self._folder(image).iterdir()):
                    if path.name != IN_USE:
                        path.replace(place / path.name)
                with suppress(FileNotFoundError):
                    self._count_path(name).replace(place / ASIDE_COUNT)

    def set_aside_utc(self, image: ReadImage) -> datetime | None:
        """Return when a signed reading of a picture was last set aside; None if none was."""
        folder = self._aside(image)
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        for name in reversed(names):
            with suppress(ValueError):
                return datetime.strptime(name, _ASIDE_FORMAT).replace(tzinfo=UTC)
        return None

    def add_version(self, reading: Reading) -> None:
        """Keep a signed reading, or one with a further addendum, for good.

        Raises
        ------
        ReadingError
            There is another version already, or earlier ones are not as they were written.
        ExportError
            It could not be written.
        """
        name, folder = folder_name(reading.image), self._folder(reading.image)
        before = self.load(reading.image)
        if before.faults:
            raise ReadingError(ReadingProblem.FAULTY)
        if reading.version != len(before.versions) + 1:
            raise ReadingError(ReadingProblem.SIGNED_ALREADY)
        with as_export_error(folder):
            key = self._key_for_signing()
            previous = self._last_checksum(name, folder, reading.version - 1, key)
            file = sealed(reading, previous, key, __version__)
            self._put(folder, reading.version, file)
            assert file.seal is not None
            self._write_count(name, file.seal, key)
            (folder / DRAFT).unlink(missing_ok=True)

    def _put(self, folder: Path, version: int, file: ReadingFile) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write_once(folder / f"version-{version:04}.json", canonical(as_json(file)))
        except FileExistsError:  # another window of this user signed first
            raise ReadingError(ReadingProblem.SIGNED_ALREADY) from None

    def _last_checksum(self, name: str, folder: Path, version: int, key: bytes) -> str:
        """Return the checksum of the version before; its count is on the disk afterwards."""
        if not version:
            return ""
        values, _ = _values(folder / f"version-{version:04}.json")
        seal = typed(values["seal"], Seal)
        self._write_count(name, seal, key)
        return seal.sha256

    def _write_count(self, name: str, seal: Seal, key: bytes) -> None:
        bare = _Count(seal.version, seal.sha256, "0" * 64)
        count = msgspec.structs.replace(bare, hmac_sha256=_count_keyed(name, bare, key))
        path = self._count_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, canonical(msgspec.to_builtins(count)))

    # Places

    def _folder(self, image: ReadImage) -> Path:
        return self._profile / FOLDER / folder_name(image)

    def _aside(self, image: ReadImage) -> Path:
        return self._profile / ASIDE_FOLDER / folder_name(image)

    def _count_path(self, name: str) -> Path:
        return self._profile / COUNTS_FOLDER / f"{name}.json"

    def _key(self) -> bytes | None:
        """Return the profile's key; None where there is none that can be used."""
        with suppress(OSError, ValueError, JsonError):
            key = bytes.fromhex(read_bytes(self._profile / KEY_FILE, 1000).decode().strip())
            return key if len(key) == KEY_BYTES else None
        return None

    def _key_for_signing(self) -> bytes:
        path = self._profile / KEY_FILE
        with suppress(FileExistsError):  # another window made it first
            if self._key() is None:
                self._profile.mkdir(parents=True, exist_ok=True)
                write_once(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
        key = self._key()
        if key is None:
            raise ReadingError(ReadingProblem.FAULTY)
        return key


class _Chain:
    """Signed versions checked one after another."""

    def __init__(self, folder: Path, key: bytes | None) -> None:
        self._folder, self._key = folder, key
        self.good: dict[int, Reading] = {}
        self.unverified: Reading | None = None
        self._checksums: dict[int, str] = {}

    def faults_up_to(self, last: int, numbers: list[int]) -> Iterator[StoredReadingError]:
        """Yield what is wrong with each version; those that are well are in `good`."""
        for version in range(1, last + 1):
            path = self._folder / f"version-{version:04}.json"
            if version not in numbers:
                is_last = not any(number > version for number in numbers)
                yield StoredReadingError(
                    path,
                    StoredReadingProblem.LAST_VERSION_MISSING
                    if is_last
                    else StoredReadingProblem.VERSION_MISSING,
                    version,
                )
                continue
            try:
                self._check(path, version)
            except StoredReadingError as fault:
                yield fault

    def differs_from(self, version: int, sha256: str) -> bool:
        """Whether a version that is here is another than the one that was counted."""
        return version in self._checksums and self._checksums[version] != sha256

    def _check(self, path: Path, version: int) -> None:
        file, fault = _sealed_file(path, version, self._key)
        if fault is not None:
            self.unverified = file.reading
            raise fault
        assert file.seal is not None
        if folder_name(file.reading.image) != self._folder.name:
            raise StoredReadingError(path, StoredReadingProblem.FOREIGN, version)
        before = self._checksums.get(version - 1)
        is_next = before is None or file.seal.previous == before
        is_first = version > 1 or not file.seal.previous
        if not (is_next and is_first and file.seal.version == version == file.reading.version):
            raise StoredReadingError(path, StoredReadingProblem.OUT_OF_ORDER, version)
        self._checksums[version] = file.seal.sha256
        self.good[version] = file.reading


def _version_numbers(folder: Path) -> list[int]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = [_VERSION_NAME.fullmatch(name) for name in names]
    return sorted(int(match[1]) for match in found if match is not None)


def _free_name(folder: Path) -> Path:
    """Return a name that no file has: "draft.kept-1.json"."""
    number = 1
    while (kept := folder / f"draft.kept-{number}.json").exists():
        number += 1
    return kept


def _with_draft(path: Path, faults: list[StoredReadingError]) -> StoredReading:
    try:
        file = typed(_values(path)[0], ReadingFile, is_strict=True)
    except FileNotFoundError:
        return StoredReading(faults=tuple(faults))
    except StoredReadingError as error:
        return StoredReading(faults=(*faults, error))
    except (JsonError, OSError) as error:
        return StoredReading(faults=(*faults, _broken(path, 0, error)))
    is_foreign = folder_name(file.reading.image) != path.parent.name
    if is_foreign or file.seal is not None or file.reading.signed_utc is not None:
        fault = StoredReadingError(path, StoredReadingProblem.FOREIGN)
        return StoredReading(faults=(*faults, fault))
    return StoredReading(file.reading, faults=tuple(faults))


def _sealed_file(
    path: Path, version: int, key: bytes | None
) -> tuple[ReadingFile, StoredReadingError | None]:
    """Return a signed version that has its checksum, and why its key does not vouch for it.

    Raises
    ------
    StoredReadingError
        It is damaged, changed, or of a newer program.
    """
    try:
        values, content = _values(path)
        seal = typed(values.get("seal"), Seal, is_strict=True)
        sha256, keyed = checksums(values, key or b"")
        if content != canonical(values) or not is_equal(sha256, seal.sha256):
            raise StoredReadingError(path, StoredReadingProblem.CHANGED, version)
        file = typed(values, ReadingFile, is_strict=True)
    except (JsonError, OSError, UnicodeEncodeError) as error:  # half a letter has no bytes
        raise _broken(path, version, error) from error
    problem = None
    if key is None:
        problem = StoredReadingProblem.KEY_MISSING
    elif seal.key_id != key_id_of(key):
        problem = StoredReadingProblem.OTHER_KEY
    elif not is_equal(keyed, seal.hmac_sha256):
        raise StoredReadingError(path, StoredReadingProblem.CHANGED, version)
    return file, None if problem is None else StoredReadingError(path, problem, version)


def _values(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the JSON values of a file and its bytes.

    Raises
    ------
    JsonError, OSError
        It is no JSON, or cannot be read.
    StoredReadingError
        A newer program wrote it.
    """
    content = read_bytes(path, _LARGEST_BYTES)
    values = parse_json(content, dict[str, Any])
    schema = values.get("schema")
    if schema != SCHEMA_ID and str(schema).startswith(SCHEMA_FAMILY):
        raise StoredReadingError(path, StoredReadingProblem.NEWER)
    if schema != SCHEMA_ID:
        raise JsonError(JsonProblem.WRONG_VALUE, "schema")
    return values, content


def _broken(path: Path, version: int, error: Exception) -> StoredReadingError:
    damage = error if isinstance(error, JsonError) else None
    return StoredReadingError(path, StoredReadingProblem.BROKEN, version, damage)


def _count_keyed(name: str, count: _Count, key: bytes) -> str:
    """Return the keyed checksum of a count; it holds for one picture only."""
    values = {"name": name, "version": count.version, "sha256": count.sha256}
    return keyed_checksum(canonical(values), key)
