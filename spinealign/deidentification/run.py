"""A whole set of files de-identified: one key, the same patient under the same name throughout.

This is all that a window or another program needs::

    work = deidentify(paths, out, options, key=load_key(), review={})
    report = run_to_end(work, on_step)          # domain/generators.py; a step is a fraction

    work = propose(paths, folder)               # boxes.json and pictures with the boxes drawn in
    images = run_to_end(work, on_step)          # list of ReviewedImage
    decided = [accepted(image, boxes) for image in images]      # a person looked at each
    run_to_end(deidentify(paths, out, options, key=key, review={i.sha256: i for i in decided}))

Each yield is progress and the place where the work may be stopped; files written before stay.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spinealign.deidentification.boxes import BOXES_NAME, Box, ReviewedImage, review_json
from spinealign.deidentification.counting import Changes
from spinealign.deidentification.identity import Identity
from spinealign.deidentification.looking import look
from spinealign.deidentification.options import Options, Pixels
from spinealign.deidentification.pseudonyms import PATIENT_PREFIX, Pseudonyms
from spinealign.deidentification.report import (
    REPORT_NAME,
    TEXT_NAME,
    FileOutcome,
    Report,
    report_file,
    report_json,
)
from spinealign.deidentification.sources import (
    FOLDER_PREFIX,
    Source,
    is_nifti_pair,
    list_sources,
)
from spinealign.deidentification.steps import Begun, FileDone
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.domain.findings import Step
from spinealign.domain.formats import DICOM, NIFTI, PNG
from spinealign.files import as_export_error, write_whole
from spinealign.imaging.find import values_beside
from spinealign.wording.deidentification import (
    CLEANING_STEP,
    LOOKING_STEP,
    READING_STEP,
    report_text,
)

if TYPE_CHECKING:
    from pydicom import Dataset

_SHORT, _LONG = 8, 16
_SHARE_OF_READING: Final = 0.2


def deidentify(
    inputs: Sequence[Path],
    out: Path,
    options: Options,
    *,
    key: bytes,
    review: Mapping[str, ReviewedImage],
) -> Generator[Step, None, Report]:
    """Write files without what names the patient, and a report beside them.

    Parameters
    ----------
    inputs : sequence of Path
        Files and folders; none of them is changed.
    out : Path
        Folder for the results, apart from the inputs.
    options : Options
    key : bytes
        See `pseudonyms.load_key`.
    review : Mapping of str to ReviewedImage
        What a person decided, by SHA-256 of the source; see `boxes.load_review`.

    Yields
    ------
    Step

    Returns
    -------
    Report

    Raises
    ------
    ImageReadError, DeidentificationError
        The inputs cannot be listed, or lie where the results would.
    ExportError
        A file could not be written; those before are whole.
    """
    done: list[FileDone] = []
    for told in write_copies(inputs, out, options, key, review):
        if isinstance(told, FileDone):
            done.append(told)
        else:
            yield told.step
    return write_report(done, out, options)


def write_copies(
    inputs: Sequence[Path],
    out: Path,
    options: Options,
    key: bytes,
    review: Mapping[str, ReviewedImage],
    before: Sequence[FileDone] = (),
) -> Generator[Begun | FileDone, None, None]:
    """Write the files of a set, and tell of each before it is opened and after it is done.

    May end in the middle of a file, with the process that it runs in; another one then goes on
    with what was told until there.

    Parameters
    ----------
    before : sequence of FileDone
        What became of files already; they are not written again. What names their patients is
        looked for all the same, unless they were given up.

    Raises
    ------
    ImageReadError, DeidentificationError, ExportError
        As `deidentify` does.
    """
    sources = list_sources(inputs, out)
    known = {each.path: each for each in before}
    work = _Set(options, Pseudonyms(key), review, out)
    work.written.update(pair for each in before for pair in each.written)
    for count, source in enumerate(sources):
        if source.path not in known or not known[source.path].is_given_up:
            step = Step(READING_STEP, _SHARE_OF_READING * count / len(sources))
            yield Begun(source.path, source.number, step)
            work.take_up(source)
    for count, source in enumerate(sources):
        if source.path not in known:
            share = _SHARE_OF_READING + (1 - _SHARE_OF_READING) * count / len(sources)
            yield Begun(source.path, source.number, Step(CLEANING_STEP, share))
            yield work.write(source)


def write_report(done: Sequence[FileDone], out: Path, options: Options) -> Report:
    """Write what became of all files, as JSON and as text.

    Raises
    ------
    ExportError
    """
    in_order = sorted(done, key=lambda each: each.outcome.number)
    counts: Changes = Counter()
    for each in in_order:
        counts.update(dict(each.changes))
    report = report_file(options, [each.outcome for each in in_order], counts)
    _write(out / REPORT_NAME, report_json(report))
    lines = report_text(
        report.program_version,
        report.table,
        report.method,
        [(outcome.number, outcome.written, outcome.problem) for outcome in report.files],
        [(c.tag, c.name, c.action, c.count) for c in report.changes],
    )
    _write(out / TEXT_NAME, lines.encode())
    failures = tuple(each.failure for each in in_order if each.failure is not None)
    return Report(report, failures, out)


def propose(inputs: Sequence[Path], out: Path) -> Generator[Step, None, list[ReviewedImage]]:
    """Look for text in the pixels of all files, for a person to decide; nothing is de-identified.

    Writes `boxes.json` and a picture a file, with the boxes drawn in. The pictures show what is
    burned in: they are as confidential as the sources, and only this user may read them.

    Yields
    ------
    Step

    Returns
    -------
    list of ReviewedImage
        In the order of the files; `looked` is False in all of them.

    Raises
    ------
    ImageReadError, DeidentificationError, ExportError
        As `deidentify` does.
    """
    from spinealign.deidentification.previews import preview_png

    found: list[ReviewedImage] = []
    sources = [source for source in list_sources(inputs, out) if source.kind is not None]
    for done, source in enumerate(sources):
        yield Step(LOOKING_STEP, done / len(sources))
        assert source.kind is not None
        content = _content(source.path)
        seen = look(source.path, source.kind, content) if content is not None else None
        if seen is None or content is None:
            continue
        name = f"preview-{source.number:04}.png" if seen.picture is not None else ""
        problem = "" if seen.picture is not None else DeidentificationProblem.PIXELS_UNSEEN.value
        found.append(ReviewedImage(
            hashlib.sha256(content).hexdigest(), name, seen.frames, seen.rows, seen.columns,
            looked=False, boxes=list(seen.boxes), problem=problem,
        ))  # fmt: skip
        if seen.picture is not None:
            _write(out / name, preview_png(seen.picture, seen.boxes), is_private=True)
    _write(out / BOXES_NAME, review_json(found), is_private=True)
    return found


def accepted(image: ReviewedImage, boxes: Sequence[Box]) -> ReviewedImage:
    """Return an image as a person decided on it: all of it looked at, these boxes to blacken."""
    return ReviewedImage(
        image.sha256, image.preview, image.frames, image.rows, image.columns,
        looked=True, boxes=list(boxes), problem=image.problem,
    )  # fmt: skip


class _Set:
    """The files of one run, and what is known of their patients."""

    def __init__(
        self,
        options: Options,
        pseudonyms: Pseudonyms,
        review: Mapping[str, ReviewedImage],
        out: Path,
    ) -> None:
        self._options, self._pseudonyms, self._review = options, pseudonyms, review
        self._out = out
        self._identities: dict[str, Identity] = {}
        self._whole: dict[str, Identity] = {}
        self.written: dict[str, str] = {}
        """SHA-256 of each file that was written, by its name in the folder of results."""

    def take_up(self, source: Source) -> None:
        """Learn from a file what names its patient; whether it can be read, writing will tell."""
        if source.kind is not DICOM:
            return
        from pydicom import dcmread

        from spinealign.deidentification.collecting import take_up
        from spinealign.imaging.decoding import quiet_libraries

        with quiet_libraries():
            try:
                dataset = dcmread(source.path, stop_before_pixels=True, force=True)
                key = _patient_key(dataset)
            except (Exception, RecursionError):  # noqa: BLE001 - what pydicom raises on damage
                return
            take_up(dataset, self._options, self._identities.setdefault(key, Identity()))

    def write(self, source: Source) -> FileDone:
        """De-identify one file and write it, or tell why not."""
        try:
            return self._written_as(source)
        except DeidentificationError as error:
            failure = error
        except MemoryError:
            failure = DeidentificationError(source.path, DeidentificationProblem.TOO_LARGE)
        outcome = FileOutcome(source.number, "", failure.problem.value)
        return FileDone(source.path, outcome, failure)

    def _written_as(self, source: Source) -> FileDone:
        if source.problem is not None or source.kind is None:
            problem = source.problem or DeidentificationProblem.NOT_DICOM_OR_PICTURE
            raise DeidentificationError(source.path, problem)
        content = _content(source.path)
        if content is None:
            raise DeidentificationError(source.path, DeidentificationProblem.UNREADABLE)
        counts: Changes = Counter()  # of a file that is not written nothing counts
        decided = self._review.get(hashlib.sha256(content).hexdigest())
        is_decided = decided is not None and decided.looked
        boxes = decided.boxes if decided is not None and is_decided else []
        if source.kind is DICOM:
            name, whole = self._dicom(source, content, boxes, counts, is_decided=is_decided)
            files = {name: whole}
        else:
            files = self._other(source, content, boxes, counts)
            if not is_decided:
                self._require_no_text(source, content)
        written = tuple(self._put(source, name, whole) for name, whole in files.items())
        outcome = FileOutcome(source.number, written[0][0], "", len(boxes), is_decided)
        return FileDone(source.path, outcome, None, tuple(counts.items()), written)

    def _put(self, source: Source, name: str, whole: bytes) -> tuple[str, str]:
        digest = hashlib.sha256(whole).hexdigest()
        if self.written.setdefault(name, digest) != digest:
            raise DeidentificationError(source.path, DeidentificationProblem.SAME_INSTANCE)
        _write(self._out / name, whole)
        return name, digest

    def _dicom(
        self,
        source: Source,
        content: bytes,
        boxes: Sequence[Box],
        counts: Changes,
        *,
        is_decided: bool,
    ) -> tuple[str, bytes]:
        from spinealign.deidentification.dicom_file import cleaned_dicom, read_whole

        dataset = read_whole(source.path, content)
        if not is_decided:
            stated = str(dataset.get("BurnedInAnnotation") or "").upper()
            if stated == "YES" and self._options.pixels is Pixels.CHECKED:
                raise DeidentificationError(source.path, DeidentificationProblem.TEXT_STATED)
            self._require_no_text(source, content)
        patient = self._patient(dataset)
        cleaned = cleaned_dicom(
            source.path, dataset, patient, self._options, self._pseudonyms, counts,
            boxes=boxes, was_looked_at=is_decided,
        )  # fmt: skip
        study, series = (_short(uid, _SHORT) for uid in (cleaned.study, cleaned.series))
        instance = _short(cleaned.instance, _LONG)
        return f"{patient.pseudonym}/{study}/{series}/{instance}.dcm", cleaned.content

    def _patient(self, dataset: Dataset) -> Any:
        from spinealign.deidentification.cleaner import Patient

        key = _patient_key(dataset)
        pseudonym = self._pseudonyms.name(PATIENT_PREFIX, "patient", key)
        temporal = str(dataset.get("LongitudinalTemporalInformationModified") or "")
        is_moved = self._pseudonyms.is_own_name(key) and temporal != "UNMODIFIED"
        days = 0 if is_moved else self._pseudonyms.days(pseudonym)
        return Patient(pseudonym, days, self._identity(key))

    def _identity(self, key: str) -> Identity:
        """Return what names a patient, and the names of all the others of the set."""
        if key not in self._whole:
            is_own = self._pseudonyms.is_own_name
            # Of files that were de-identified before the pseudonym is all that names the patient.
            named = {k: one for k, one in self._identities.items() if not is_own(k)}
            others = set().union(*(one.parts for k, one in named.items() if k != key))
            self._whole[key] = named.get(key, Identity()).with_others(others)
        return self._whole[key]

    def _require_no_text(self, source: Source, content: bytes) -> None:
        if self._options.pixels is Pixels.UNCHECKED or source.kind is None:
            return
        seen = look(source.path, source.kind, content)
        if seen is None:
            return
        if seen.picture is None:
            raise DeidentificationError(source.path, DeidentificationProblem.PIXELS_UNSEEN)
        if seen.boxes:
            raise DeidentificationError(source.path, DeidentificationProblem.TEXT_FOUND)

    def _other(
        self, source: Source, content: bytes, boxes: Sequence[Box], counts: Changes
    ) -> dict[str, bytes]:
        from spinealign.deidentification.nifti import bare_nifti, bare_values
        from spinealign.deidentification.pictures import bare_picture

        folder = self._pseudonyms.name(FOLDER_PREFIX, "folder", _folder_key(source.path))
        if source.kind is NIFTI:
            stem = f"{folder}/volume-{source.place:04}"
            bare, suffix = bare_nifti(source.path, content, counts)
            files = {f"{stem}{suffix}": bare}
            beside = values_beside(source.path) if is_nifti_pair(source) else None
            if beside is not None:
                values = _content(beside) or b""
                gz = ".gz" if beside.suffix.lower() == ".gz" else ""
                files[f"{stem}.img{gz}"] = bare_values(source.path, values, content)
            return files
        assert source.kind is not None
        stem = f"{folder}/picture-{source.place:04}"
        if boxes:
            return {f"{stem}{PNG.suffixes[0]}": _blackened(source.path, content, boxes)}
        suffix = source.kind.suffixes[0]
        return {f"{stem}{suffix}": bare_picture(source.path, source.kind, content, counts)}


def _blackened(path: Path, content: bytes, boxes: Sequence[Box]) -> bytes:
    """Return a picture with its boxes black, as PNG: the other pixels as they were decoded."""
    from spinealign.deidentification.pictures import blackened_png, page_count, picture_pixels

    try:
        if page_count(content) > 1:
            raise ValueError
        pixels = picture_pixels(content).copy()
        for box in boxes:
            inside = pixels[box.top : box.bottom, box.left : box.right]
            inside[..., : 3 if inside.ndim > 2 else None] = 0  # opacity stays
        return blackened_png(pixels)
    except Exception as error:
        raise DeidentificationError(path, DeidentificationProblem.NOT_BLACKENED) from error


def _patient_key(dataset: Dataset) -> str:
    """Return what tells a patient from others: the identifier, else name and birth date.

    Whoever issued the identifier does not count: many files of one patient do not state it.
    """
    identifier = str(dataset.get("PatientID") or "").strip()
    if identifier:
        return identifier
    named = [str(dataset.get(k) or "").strip() for k in ("PatientName", "PatientBirthDate")]
    if any(named):
        return "\0".join(["", *named])
    return f"\0\0{dataset.get('StudyInstanceUID') or dataset.get('SOPInstanceUID') or ''}"


def _folder_key(path: Path) -> str:
    """Return what tells a folder from others; one that this program named, by its name."""
    folder = path.absolute().parent
    return folder.name if folder.name.startswith(FOLDER_PREFIX) else str(folder)


def _short(uid: str, length: int) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:length]


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _write(path: Path, content: bytes, *, is_private: bool = False) -> None:
    """Write a file, and its folder if there is none."""
    with as_export_error(path):
        path.parent.mkdir(0o700 if is_private else 0o777, parents=True, exist_ok=True)
        write_whole(path, content, is_private=is_private)
