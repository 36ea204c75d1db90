"""Corrections on disk: one JSON file beside the image, opened again exactly as it was saved."""

from __future__ import annotations

import errno
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import asdict

from spinealign import __version__
from spinealign.domain import paths
from spinealign.domain.errors import CorrectionsError, CorrectionsProblem
from spinealign.domain.findings import (
    Analysis,
    Corrections,
    Facing,
    ForeignOutlines,
    Vertebra,
)
from spinealign.domain.formats import CORRECTIONS_SUFFIX
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import Calibration, Drawing, Point
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.files import clear_unfinished, export_error, written_beside
from spinealign.json_files import (
    JsonError,
    JsonProblem,
    json_schema,
    parse_json,
    read_bytes,
    read_json,
    typed,
)
from spinealign.measure.correction.bare import drawn_part, is_bare, with_drawn_part

SCHEMA_ID: Final = "spinealign-corrections-1"
SCHEMA_URI = "urn:spinealign:schema:corrections-1"

_WRITTEN_BY = ("saved_utc", "program")
_SCHEMA_FAMILY = "spinealign-corrections-"
_FOLDER = "corrections"
_LARGEST_BYTES = 8_000_000
_FEWEST_POINTS = 3
_SAME_LENGTH = 0.01
"""How far the length that a calibration states may lie from what its spacing makes of its ends."""

_FARTHEST = 10.0
"""How many widths or heights of the picture a point may lie away from its upper left corner."""

_NO_VIEW = "other"
"""What files call the view of a picture that is of no kind, or that nobody analysed."""

_SPACINGS_MM = (0.02, 20.0)
"""Pixels of medical pictures are neither smaller nor larger."""


class Program(msgspec.Struct, frozen=True):
    """What wrote the file."""

    name: Literal["SpineAlign"]
    version: str


class PictureInFile(msgspec.Struct, frozen=True):
    """Which picture of a file that holds several, counted from 0."""

    index: Annotated[int, Meta(ge=0)] | None
    volume: Annotated[int, Meta(ge=0)]


class CorrectedImage(msgspec.Struct, frozen=True):
    """The image that the corrections belong to; without a place it is the only one of its file."""

    sha256: Annotated[str, Meta(min_length=1)]
    width_px: Annotated[int, Meta(ge=1)]
    height_px: Annotated[int, Meta(ge=1)]
    place: PictureInFile | msgspec.UnsetType = msgspec.UNSET


class CorrectedModel(msgspec.Struct, frozen=True):
    """A network whose result was corrected."""

    name: str
    version: str
    sha256: str


class StoredCorrections(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person corrected and drew, whole: `Corrections` with no part left out."""

    vertebrae: Annotated[tuple[Vertebra, ...], Meta(description="From the top.")]
    facing: Facing | None
    levels_uncertain: bool
    drawings: Annotated[tuple[Drawing, ...], Meta(max_length=500)]
    calibration: Calibration | None
    is_bent: Annotated[
        bool | None,
        Meta(description="Whether a person said that the film is in flexion or extension."),
    ] = None
    examination_date: Annotated[
        date | None,
        Meta(description="As a person gave it, where the file of the image states none."),
    ] = None
    presentation: Annotated[
        Presentation,
        Meta(
            description="How the picture is shown: turned to the left by turn_deg, then mirrored. "
            "All points are pixels of the file's picture all the same."
        ),
    ] = AS_IN_FILE
    outlined_by: Annotated[
        ForeignOutlines | None,
        Meta(description="Whose outlines the bodies are, where another program's were opened."),
    ] = None


class CorrectionsFile(msgspec.Struct, frozen=True):
    """What a person corrected and drew on one image: the whole wanted state."""

    schema: Literal["spinealign-corrections-1"]
    program: Program
    saved_utc: Annotated[datetime, Meta(tz=True)]
    image: CorrectedImage
    view: Annotated[
        str,
        Meta(
            min_length=1,
            description="Kind of examination: view.name of the result that was corrected.",
        ),
    ]
    models: tuple[CorrectedModel, ...]
    corrections: StoredCorrections | None


def corrections_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a corrections file, as it is published in `resources`."""
    return json_schema(CorrectionsFile, SCHEMA_URI, "SpineAlign corrections")


def corrections_path(image_path: Path, part: str = "") -> Path:
    """Return where the corrections of an image lie: beside it, with its name in front.

    Parameters
    ----------
    image_path : Path
        The file, which may hold more pictures than this one.
    part : str
        `part_label` of the picture.
    """
    return image_path.with_name(f"{image_path.name}{part}{CORRECTIONS_SUFFIX}")


def part_label(image: SpineImage) -> str:
    """Return what tells a picture from the others of its file; empty if it has none.

    A member of an archive is named by the start of its checksum: its own name may be
    anything, and a name of a file it is not.
    """
    part = image.place
    member = f".{image.sha256[:12]}" if part.member else ""
    volume = f".volume-{part.volume + 1}" if part.volume else ""
    index = "" if part.index is None else f".picture-{part.index + 1}"
    return f"{member}{volume}{index}"


def profile_path(sha256: str, profile_dir: Path | None = None, part: str = "") -> Path:
    """Return where corrections lie when the image's own folder cannot be written.

    Parameters
    ----------
    sha256 : str
        Of the image; the file has no name that could tell whose image it is.
    profile_dir : Path, optional
        The user's profile; None is the one of this user on this computer.
    part : str
        `part_label` of the picture.
    """
    return (profile_dir or paths.profile_dir()) / _FOLDER / f"{sha256}{part}{CORRECTIONS_SUFFIX}"


def save_corrections(
    analysis: Analysis,
    path: Path | None = None,
    profile_dir: Path | None = None,
    is_signed: bool = False,
    keeps_earlier: bool = False,
) -> Path:
    """Write what a person corrected, whole or not at all.

    Parameters
    ----------
    analysis : Analysis
        Without corrections the file says that there are none.
    path : Path, optional
        None writes beside the image, or into the profile where that is not possible.
        A file of somebody else's at that place (damaged, or of another image or view)
        is kept under another name.
    profile_dir : Path, optional
        The user's profile.
    is_signed : bool
        Whether what is written is what a reader signed: other corrections at that place are
        somebody else's too.
    keeps_earlier : bool
        Whether what lies at that place is another window's, and is kept under another name.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ExportError
        It could be written nowhere; the earlier files are as they were.
    """
    document = _document(analysis)
    if is_bare(analysis):
        files, _problems = _files_of(analysis.image, path, profile_dir)
        document = _beside_bodies(document, files)
    content = msgspec.to_builtins(document)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    image = analysis.image
    part = part_label(image)
    beside = path or corrections_path(image.source_path, part)

    def is_kept(place: Path) -> bool:
        return keeps_earlier or _holds_something_else(place, image, document, is_signed)

    try:
        return _written(beside, f"{text}\n", is_kept)
    except OSError as error:
        if path is not None:
            raise export_error(beside, error) from error
    fallback = profile_path(image.sha256, profile_dir, part)
    try:
        fallback.parent.mkdir(parents=True, exist_ok=True)
        return _written(fallback, f"{text}\n", is_kept)
    except OSError as error:
        raise export_error(fallback, error) from error


def load_corrections(
    analysis: Analysis, path: Path | None = None, profile_dir: Path | None = None
) -> Corrections | None:
    """Return what a person had corrected on this very picture, seen as this view.

    What was drawn on the picture belongs to every view; bodies belong to the view that they were
    corrected in (`view_set_aside`).

    Parameters
    ----------
    analysis : Analysis
        Its image's checksum, its place in the file and its view must be those of the
        corrections.
    path : Path, optional
        None looks beside the image and in the profile; the file saved last counts.
    profile_dir : Path, optional
        The user's profile.

    Returns
    -------
    Corrections or None
        None where nothing was saved, or where nothing of it fits this view of the image.

    Raises
    ------
    CorrectionsError
        No file can be used, and one is damaged, of another image, or of a newer
        program. It stays as it is.
    """
    files, problems = _files_of(analysis.image, path, profile_dir)
    if not files and problems:
        raise problems[0]
    if is_bare(analysis):
        latest = _corrections_in(files)
        return None if latest is None else drawn_part(latest)
    fitting = [found for found in files if found.view == analysis.view_name]
    if fitting:
        return _corrections_in(fitting)
    own = replace(_corrections_in(files) or Corrections(), presentation=_presentation_in(files))
    if drawn_part(own) == Corrections():
        return None
    return with_drawn_part(analysis.uncorrected, own)


def view_set_aside(
    analysis: Analysis, path: Path | None = None, profile_dir: Path | None = None
) -> str:
    """Return as which other view bodies were corrected that are not used now; "" where none were.

    Parameters
    ----------
    analysis : Analysis
    path : Path, optional
        As in `load_corrections`.
    profile_dir : Path, optional
        The user's profile.
    """
    files, _ = _files_of(analysis.image, path, profile_dir)
    if is_bare(analysis) or any(found.view == analysis.view_name for found in files):
        return ""
    corrected = [found for found in files if found.view != _NO_VIEW and found.corrections]
    latest = max(corrected, key=lambda found: found.saved_utc, default=None)
    return "" if latest is None else latest.view


def load_presentation(image: SpineImage, profile_dir: Path | None = None) -> Presentation:
    """Return how a person wants a picture to be shown, whichever examination it is taken for.

    It is asked for before the picture is analysed: the networks look at it turned.

    Parameters
    ----------
    image : SpineImage
    profile_dir : Path, optional
        The user's profile.

    Returns
    -------
    Presentation
        As in the file where nothing can be used; `load_corrections` tells why.
    """
    files, _ = _files_of(image, None, profile_dir)
    return _presentation_in(files)


def corrections_marks(
    image: SpineImage, path: Path | None = None, profile_dir: Path | None = None
) -> frozenset[str]:
    """Return what tells the corrections of a picture on the disk from others, for each place.

    A file that was written again with the same content has the same mark. No file, no mark.

    Parameters
    ----------
    image : SpineImage
    path : Path, optional
        As in `load_corrections`.
    profile_dir : Path, optional
        The user's profile.
    """
    places = [path] if path is not None else _places_of(image, profile_dir)
    found = (_mark(place) for place in places)
    return frozenset(mark for mark in found if mark is not None)


def _mark(path: Path) -> str | None:
    """Return a checksum of a file without when and by what it was written; None without a file."""
    try:
        content = read_bytes(path, _LARGEST_BYTES)
    except OSError:
        return None
    except JsonError:
        content = b"too large"
    try:
        table = parse_json(content, dict[str, Any])
        kept = {name: value for name, value in table.items() if name not in _WRITTEN_BY}
        content = json.dumps(kept, sort_keys=True).encode()
    except JsonError:
        pass  # a damaged file is told from others by its bytes
    return hashlib.sha256(content).hexdigest()


def _presentation_in(files: Sequence[CorrectionsFile]) -> Presentation:
    latest = max(files, key=lambda found: found.saved_utc, default=None)
    if latest is None or latest.corrections is None:
        return AS_IN_FILE
    return latest.corrections.presentation


def _files_of(
    image: SpineImage, path: Path | None, profile_dir: Path | None
) -> tuple[list[CorrectionsFile], list[CorrectionsError]]:
    """Return what lies where corrections of a picture may lie, and what cannot be used there."""
    places = _places_of(image, profile_dir)
    files, problems = [], []
    for place in [path] if path is not None else places:
        clear_unfinished(place.parent)
        try:
            found = _read(place, image)
        except CorrectionsError as error:
            problems.append(error)
        else:
            files += [found] if found is not None else []
    return files, problems


def _places_of(image: SpineImage, profile_dir: Path | None) -> list[Path]:
    part = part_label(image)
    return [
        corrections_path(image.source_path, part),
        profile_path(image.sha256, profile_dir, part),
    ]


def _corrections_in(files: Sequence[CorrectionsFile]) -> Corrections | None:
    """Return the corrections saved last; None where there are none."""
    latest = max(files, key=lambda found: found.saved_utc, default=None)
    if latest is None or latest.corrections is None:
        return None
    return Corrections(**asdict(latest.corrections))


def _read(path: Path, image: SpineImage) -> CorrectionsFile | None:
    """Return a file's content, or None where there is no file.

    Raises
    ------
    CorrectionsError
        The file cannot be used for this picture.
    """
    try:
        table = read_json(path, dict[str, Any], most_bytes=_LARGEST_BYTES)
        if _is_of_another_version(table.get("schema")):
            raise CorrectionsError(path, CorrectionsProblem.NEWER)
        stored = typed(table, CorrectionsFile, is_strict=True)
        _require_consistent(stored.corrections, stored.image, image)
    except FileNotFoundError:
        return None
    except JsonError as error:
        raise CorrectionsError(path, CorrectionsProblem.BROKEN, error) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None  # such a file cannot have been written
        raise CorrectionsError(path, CorrectionsProblem.BROKEN) from error
    if stored.image.sha256 != image.sha256 or stored.image.place != _place(image):
        raise CorrectionsError(path, CorrectionsProblem.FOREIGN)
    return stored


def _is_of_another_version(schema: Any) -> bool:
    return schema != SCHEMA_ID and str(schema).startswith(_SCHEMA_FAMILY)


def _require_consistent(
    stored: StoredCorrections | None, of: CorrectedImage, image: SpineImage
) -> None:
    if stored is None:
        return
    _require_near(stored, of)
    calibration = stored.calibration
    if calibration is not None and not (
        _fits_its_ends(calibration) and _keeps_pixels(calibration, image)
    ):
        raise JsonError(JsonProblem.WRONG_VALUE, "corrections.calibration")
    named = [body.level for body in stored.vertebrae if body.level is not None]
    if len(set(named)) < len(named):
        raise JsonError(JsonProblem.WRONG_VALUE, "corrections.vertebrae")
    if [body.index for body in stored.vertebrae] != list(range(1, len(stored.vertebrae) + 1)):
        raise JsonError(JsonProblem.WRONG_VALUE, "corrections.vertebrae")
    if len({drawing.key for drawing in stored.drawings}) < len(stored.drawings):
        raise JsonError(JsonProblem.WRONG_VALUE, "corrections.drawings")
    for number, body in enumerate(stored.vertebrae):
        if len(body.outline) < _FEWEST_POINTS:
            raise JsonError(JsonProblem.WRONG_VALUE, f"corrections.vertebrae[{number}].outline")
    if not stored.levels_uncertain and any(body.level is None for body in stored.vertebrae):
        raise JsonError(JsonProblem.WRONG_VALUE, "corrections.levels_uncertain")


def _require_near(stored: StoredCorrections, image: CorrectedImage) -> None:
    """Refuse points that lie many pictures away from this one."""
    places: list[tuple[str, Sequence[Point]]] = [
        (f"corrections.drawings[{number}].points", drawing.points)
        for number, drawing in enumerate(stored.drawings)
    ]
    for number, body in enumerate(stored.vertebrae):
        where = f"corrections.vertebrae[{number}]"
        marks = [(mark.x, mark.y) for mark in body.landmarks]
        places += [(f"{where}.outline", body.outline), (f"{where}.landmarks", marks)]
    size = (image.width_px, image.height_px)
    for where, points in places:
        apart = (abs(at) / n for point in points for at, n in zip(point, size, strict=True))
        if max(apart, default=0.0) > _FARTHEST:
            raise JsonError(JsonProblem.WRONG_VALUE, where)


def _fits_its_ends(calibration: Calibration) -> bool:
    """Whether spacing, ends and length say the same."""
    down_mm, across_mm = calibration.spacing_mm
    (x0, y0), (x1, y1) = calibration.start, calibration.end
    length_mm = math.hypot((x1 - x0) * across_mm, (y1 - y0) * down_mm)
    are_possible = all(_SPACINGS_MM[0] <= mm <= _SPACINGS_MM[1] for mm in calibration.spacing_mm)
    return are_possible and abs(length_mm - calibration.length_mm) <= (
        _SAME_LENGTH * calibration.length_mm
    )


def _keeps_pixels(calibration: Calibration, image: SpineImage) -> bool:
    """Whether the shape of the pixels is the image's own, as `changes.calibrate` leaves it."""
    down_mm, across_mm = image.spacing_mm or (1.0, 1.0)
    ratio = calibration.spacing_mm[0] / calibration.spacing_mm[1]
    return abs(ratio * across_mm / down_mm - 1) <= _SAME_LENGTH


def _place(image: SpineImage) -> PictureInFile | msgspec.UnsetType:
    place = PictureInFile(image.place.index, image.place.volume)
    return place if place != PictureInFile(None, 0) else msgspec.UNSET


def _document(analysis: Analysis) -> CorrectionsFile:
    rows, cols = analysis.image.shape
    wanted = analysis.corrections
    if wanted is None and analysis.image.presentation != AS_IN_FILE:
        # What the networks looked at has to be turned so again when it is opened.
        wanted = analysis.uncorrected
    return CorrectionsFile(
        schema=SCHEMA_ID,
        program=Program("SpineAlign", __version__),
        saved_utc=datetime.now(UTC),
        image=CorrectedImage(analysis.image.sha256, cols, rows, _place(analysis.image)),
        view=analysis.view_name,
        models=tuple(
            CorrectedModel(model.name, model.version, model.sha256) for model in analysis.models
        ),
        corrections=None if wanted is None else StoredCorrections(**vars(wanted)),
    )


def _beside_bodies(document: CorrectionsFile, files: Sequence[CorrectionsFile]) -> CorrectionsFile:
    """Return what was drawn on a picture without a result, with bodies corrected on another day."""
    of_views = [found for found in files if found.view != _NO_VIEW and found.corrections]
    latest = max(of_views, key=lambda found: found.saved_utc, default=None)
    if latest is None or latest.corrections is None:
        return document
    drawn = document.corrections or StoredCorrections(**vars(Corrections()))
    kept = msgspec.structs.replace(
        latest.corrections,
        drawings=drawn.drawings,
        calibration=drawn.calibration,
        examination_date=drawn.examination_date,
        presentation=drawn.presentation,
    )
    return msgspec.structs.replace(
        document, view=latest.view, models=latest.models, corrections=kept
    )


def _written(path: Path, text: str, is_kept: Callable[[Path], bool]) -> Path:
    """Write a file beside its place and then put it there; what must not be lost is moved away."""
    with written_beside(path, text.encode()) as temporary:
        if path.exists() and is_kept(path):
            path.replace(_free_name(path))
        temporary.replace(path)
    return path


def _holds_something_else(
    path: Path, image: SpineImage, document: CorrectionsFile, is_signed: bool
) -> bool:
    try:
        found = _read(path, image)
    except CorrectionsError:
        return True
    if found is None or found.corrections is None:
        return False
    is_other = is_signed and _of_result(found.corrections) != _of_result(document.corrections)
    if found.view == _NO_VIEW and not found.corrections.vertebrae:
        # What was drawn without a result was taken over by the result.
        return is_other
    return is_other or found.view != document.view


def _of_result(stored: StoredCorrections | None) -> StoredCorrections | None:
    """Return corrections without what the result does not depend on."""
    if stored is None:
        return None
    stands = stored.presentation.of_result
    return msgspec.structs.replace(stored, examination_date=None, presentation=stands)


def _free_name(path: Path) -> Path:
    """Return a name beside a file that no file has: "neck.png.spinealign.kept-1.json"."""
    stem = path.name.removesuffix(".json")
    number = 1
    while (kept := path.with_name(f"{stem}.kept-{number}.json")).exists():
        number += 1
    return kept
