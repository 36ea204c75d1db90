"""Corrections on disk: one JSON file beside the image, opened again exactly as it was saved."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spinealign import __version__
from spinealign.domain import paths
from spinealign.domain.errors import CorrectionsError, CorrectionsProblem
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    Analysis,
    Corrections,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import Calibration, Drawing, DrawingTool, Point
from spinealign.files import export_error, written_beside

SCHEMA_ID = "spinealign-corrections-1"
SUFFIX = ".spinealign.json"

_SCHEMA_FAMILY = "spinealign-corrections-"
_FOLDER = "corrections"
_LARGEST_BYTES = 20_000_000


def corrections_schema() -> dict[str, Any]:
    """Return the published JSON Schema (2020-12) of a corrections file."""
    path = paths.resources_dir() / "schemas" / "corrections.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def corrections_path(image_path: Path, part: str = "") -> Path:
    """Return where the corrections of an image lie: beside it, with its name in front.

    Parameters
    ----------
    image_path : Path
        The file, which may hold more pictures than this one.
    part : str
        `part_label` of the picture.
    """
    return image_path.with_name(f"{image_path.name}{part}{SUFFIX}")


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
    return (profile_dir or paths.profile_dir()) / _FOLDER / f"{sha256}{part}{SUFFIX}"


def save_corrections(
    analysis: Analysis, path: Path | None = None, profile_dir: Path | None = None
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

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ExportError
        It could be written nowhere; the earlier files are as they were.
    """
    text = json.dumps(_document(analysis), indent=1, ensure_ascii=False, allow_nan=False)
    image = analysis.image
    part = part_label(image)
    beside = path or corrections_path(image.source_path, part)
    try:
        return _written(beside, f"{text}\n", analysis)
    except OSError as error:
        if path is not None:
            raise export_error(beside, error) from error
    fallback = profile_path(image.sha256, profile_dir, part)
    try:
        fallback.parent.mkdir(parents=True, exist_ok=True)
        return _written(fallback, f"{text}\n", analysis)
    except OSError as error:
        raise export_error(fallback, error) from error


def load_corrections(
    analysis: Analysis, path: Path | None = None, profile_dir: Path | None = None
) -> Corrections | None:
    """Return what a person had corrected on this very picture, seen as this view.

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
        None where nothing was saved, or where it belongs to another view of the image.

    Raises
    ------
    CorrectionsError
        No file can be used, and one is damaged, of another image, or of a newer
        program. It stays as it is.
    """
    image, part = analysis.image, part_label(analysis.image)
    places = [
        corrections_path(image.source_path, part),
        profile_path(image.sha256, profile_dir, part),
    ]
    documents, problems = [], []
    for place in [path] if path is not None else places:
        try:
            found = _read(place, image)
        except CorrectionsError as error:
            problems.append(error)
        else:
            documents += [found] if found is not None else []
    if not documents and problems:
        raise problems[0]
    fitting = [found for found in documents if found.view == analysis.view_name]
    return max(fitting, key=lambda found: found.saved_utc).corrections if fitting else None


class _Document:
    """What a corrections file holds, checked.

    Raises
    ------
    KeyError, TypeError, ValueError
        A part is missing or impossible.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.sha256 = _text(table["image"]["sha256"])
        # Files of earlier versions name no place, and are of the only picture of their file.
        place = table["image"].get("place", {"index": None, "volume": 0})
        index, self.volume = place["index"], _whole(place["volume"])
        self.index = None if index is None else _whole(index)
        self.view = _text(table["view"])
        self.saved_utc = datetime.fromisoformat(table["saved_utc"])
        if self.saved_utc.tzinfo is None:
            raise ValueError("saved_utc")
        wanted = table["corrections"]
        self.corrections = None if wanted is None else _corrections(wanted)


def _read(path: Path, image: SpineImage) -> _Document | None:
    """Return a file's content, or None where there is no file.

    Raises
    ------
    CorrectionsError
        The file cannot be used for this picture.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise CorrectionsError(path, CorrectionsProblem.BROKEN)
        table = json.loads(path.read_bytes(), parse_constant=_refused)
        schema = table["schema"]
        if schema != SCHEMA_ID and str(schema).startswith(_SCHEMA_FAMILY):
            raise CorrectionsError(path, CorrectionsProblem.NEWER)
        if schema != SCHEMA_ID:
            raise ValueError("schema")
        document = _Document(table)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorrectionsError(path, CorrectionsProblem.BROKEN) from error
    place = (image.place.index, image.place.volume)
    if document.sha256 != image.sha256 or (document.index, document.volume) != place:
        raise CorrectionsError(path, CorrectionsProblem.FOREIGN)
    return document


def _document(analysis: Analysis) -> dict[str, Any]:
    rows, cols = analysis.image.shape
    part = analysis.image.place
    image = {"sha256": analysis.image.sha256, "width_px": cols, "height_px": rows}
    place = {"index": part.index, "volume": part.volume}
    is_among_others = place != {"index": None, "volume": 0}
    wanted = analysis.corrections
    return {
        "schema": SCHEMA_ID,
        "program": {"name": "SpineAlign", "version": __version__},
        "saved_utc": datetime.now(UTC).isoformat(),
        "image": image | ({"place": place} if is_among_others else {}),
        "view": analysis.view_name,
        "models": [
            {"name": model.name, "version": model.version, "sha256": model.sha256}
            for model in analysis.models
        ],
        "corrections": None if wanted is None else asdict(wanted),
    }


def _written(path: Path, text: str, analysis: Analysis) -> Path:
    """Write a file beside its place and then put it there; what must not be lost is moved away."""
    with written_beside(path, text.encode()) as temporary:
        if _holds_something_else(path, analysis):
            path.replace(_free_name(path))
        temporary.replace(path)
    return path


def _holds_something_else(path: Path, analysis: Analysis) -> bool:
    try:
        found = _read(path, analysis.image)
    except CorrectionsError:
        return True
    if found is None or found.corrections is None:
        return False
    return found.view != analysis.view_name


def _free_name(path: Path) -> Path:
    """Return a name beside a file that no file has: "neck.png.spinealign.kept-1.json"."""
    stem = path.name.removesuffix(".json")
    number = 1
    while (kept := path.with_name(f"{stem}.kept-{number}.json")).exists():
        number += 1
    return kept


def _corrections(table: Mapping[str, Any]) -> Corrections:
    vertebrae = tuple(_vertebra(body) for body in table["vertebrae"])
    drawings = tuple(_drawing(drawing) for drawing in table["drawings"])
    if [body.index for body in vertebrae] != list(range(1, len(vertebrae) + 1)):
        raise ValueError("vertebrae are not numbered from the top")
    if len({drawing.number for drawing in drawings}) < len(drawings):
        raise ValueError("drawings have the same number")
    facing, calibration = table["facing"], table["calibration"]
    return Corrections(
        vertebrae=vertebrae,
        facing=None if facing is None else Facing(facing),
        levels_uncertain=_flag(table["levels_uncertain"]),
        drawings=drawings,
        calibration=None if calibration is None else _calibration(calibration),
    )


def _vertebra(table: Mapping[str, Any]) -> Vertebra:
    level = table["level"]
    return Vertebra(
        level=None if level is None else _level(level),
        index=_whole(table["index"]),
        outline=_points(table["outline"]),
        landmarks=tuple(_landmark(mark) for mark in table["landmarks"]),
        confidence=_number(table["confidence"]),
        state=VertebraState(table["state"]),
    )


def _landmark(table: Mapping[str, Any]) -> Landmark:
    return Landmark(
        name=LandmarkName(table["name"]),
        x=_number(table["x"]),
        y=_number(table["y"]),
        confidence=_number(table["confidence"]),
        source=LandmarkSource(table["source"]),
    )


def _drawing(table: Mapping[str, Any]) -> Drawing:
    return Drawing(DrawingTool(table["tool"]), _whole(table["number"]), _points(table["points"]))


def _calibration(table: Mapping[str, Any]) -> Calibration:
    down, across = (_above_0(value) for value in table["spacing_mm"])
    start, end = _points([table["start"], table["end"]])
    return Calibration(start, end, _above_0(table["length_mm"]), (down, across))


def _points(table: Any) -> tuple[Point, ...]:
    return tuple((_number(x), _number(y)) for x, y in table)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    if not math.isfinite(value):
        raise ValueError("not finite")
    return float(value)


def _above_0(value: Any) -> float:
    if not _number(value) > 0:
        raise ValueError("not above 0")
    return _number(value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _level(value: Any) -> str:
    if value not in LEVEL_SEQUENCE:
        raise ValueError("no level")
    return _text(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not true or false")
    return value


def _refused(constant: str) -> float:
    raise ValueError(constant)
