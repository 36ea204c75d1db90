"""One file looked at once: whatever the audit compares, counts or shows of it.

What costs time depends on the content alone and is kept under its checksum, so that an audit that
was stopped goes on where it was, and a changed data set costs only what changed. What tells whose
picture it is comes from the tags each time and is never kept.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit import numbers
from spinealign.data_audit.container import Container, look_at
from spinealign.data_audit.descriptors import Recognised, recognised
from spinealign.data_audit.marks import mark_numbers, mark_place_numbers
from spinealign.data_audit.metaimage import is_metaimage, middle_slice
from spinealign.deidentification.text_on_pixels import text_boxes
from spinealign.domain.data_audit import FileProblem
from spinealign.domain.errors import ExportError, ImageReadError, ReadProblem
from spinealign.files import write_whole
from spinealign.imaging.read import read_image
from spinealign.imaging.sniff import HEAD_BYTES, sniff
from spinealign.protected_folders import open_binary

_VERSION: Final = 3
"""Counted up when what is kept changes: what an earlier version kept is then made anew."""

_REFUSED: Final = {
    ReadProblem.NOT_AN_IMAGE: FileProblem.NOT_AN_IMAGE,
    ReadProblem.CONSTANT: FileProblem.BLANK,
    ReadProblem.TOO_SMALL: FileProblem.TINY,
}
_TINY_PX: Final = 64
_TEXT_SIDE: Final = 512
_CLIPPED: Final = 0.5
_MOST_TEXT: Final = 0.08
"""Share of a picture that looks like text: above it, noise is taken for letters."""

_MOST_KEPT_BYTES: Final = 20_000_000


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen of one file.

    Parameters
    ----------
    sha256 : str
        Empty where the file cannot be read at all.
    problems : tuple of FileProblem
    recognised : Recognised or None
        None where there is no picture.
    thumbnail, border : ndarray of float32
    numbers : dict of str to dict of str to float
        By group: histogram, noise, mark, mark place, marker, text, level, compression, size.
    words : dict of str to str
        Format, colour and tags of the container.
    shape : tuple of int
        (rows, columns).
    """

    sha256: str
    problems: tuple[FileProblem, ...]
    recognised: Recognised | None = None
    thumbnail: NDArray[np.float32] | None = None
    border: NDArray[np.float32] | None = None
    numbers: Mapping[str, Mapping[str, float]] | None = None
    words: Mapping[str, str] | None = None
    shape: tuple[int, int] = (0, 0)
    bits: int = 0


def look(path: Path, cache: Path | None, earlier: Sequence[Path] = ()) -> Looked:
    """Look at one file; whatever is wrong with it is a problem of it, never an exception.

    Parameters
    ----------
    path : Path
    cache : Path or None
        Folder in which what was seen is kept.
    earlier : sequence of Path
        Folders of other audits, which are read only.
    """
    try:
        with open_binary(path) as file:
            content = file.read()
    except FileNotFoundError:
        return Looked("", (FileProblem.MISSING,))
    except OSError:
        return Looked("", (FileProblem.UNREADABLE,))
    sha256 = hashlib.sha256(content).hexdigest()
    if not content:
        return Looked(sha256, (FileProblem.EMPTY,))
    places = [*([] if cache is None else [cache]), *earlier]
    found = next(filter(None, (_read(kept_file(each, sha256), sha256) for each in places)), None)
    if found is None:
        found = _looked(path, content, sha256)
        if cache is not None:
            _keep(kept_file(cache, sha256), found)
    # The name is the one thing that is not of the content.
    named = look_at(content, path.name, _format_of(content))
    return _renamed(found, named)


def kept_file(cache: Path, sha256: str) -> Path:
    """Return where what was seen of a file with this checksum is kept."""
    return cache / f"{sha256}-{_VERSION}.npz"


def _format_of(content: bytes) -> Any:
    return sniff(content[:HEAD_BYTES])


def _renamed(found: Looked, named: Container) -> Looked:
    others = (p for p in found.problems if p is not FileProblem.MISNAMED)
    problems: list[FileProblem] = list(others)
    problems += [p for p in named.problems if p is FileProblem.MISNAMED]
    words = dict(found.words or {}) | {"file suffix": named.words["file suffix"]}
    return Looked(
        found.sha256, tuple(problems), found.recognised, found.thumbnail, found.border,
        found.numbers, words, found.shape, found.bits,
    )  # fmt: skip


def _looked(path: Path, content: bytes, sha256: str) -> Looked:
    container = look_at(content, path.name, _format_of(content))
    try:
        pixels, bits = _pixels(path)
    except ImageReadError as error:
        broken = _REFUSED.get(error.problem, FileProblem.UNREADABLE)
        return Looked(sha256, (*container.problems, broken), words=container.words)
    problems = [*container.problems, *_odd(pixels, container.words.get("colour", ""))]
    grey = to_grey(pixels, bits)
    height, width = grey.shape
    text = _text_numbers(grey)
    if 0 < text["share of text"] <= _MOST_TEXT:
        problems.append(FileProblem.TEXT_BURNT_IN)
    found = {
        "size": {"width": float(width), "height": float(height), "width to height": width / height},
        "compression": container.numbers,
        "histogram": numbers.histogram_numbers(pixels),
        "noise": numbers.noise_numbers(pixels),
        "mark": mark_numbers(grey),
        "mark place": mark_place_numbers(grey),
        "marker": numbers.marker_numbers(grey),
        "level": numbers.level_numbers(grey),
        "text": text,
    }
    return Looked(
        sha256, tuple(problems), recognised(grey), numbers.thumbnail(grey), numbers.border(grey),
        found, container.words | {"bits": str(bits)}, (height, width), bits,
    )  # fmt: skip


def _pixels(path: Path) -> tuple[NDArray[np.float32], int]:
    if is_metaimage(path):
        return middle_slice(path)
    image = read_image(path)
    return image.pixels, image.bits


def to_grey(pixels: NDArray[np.float32], bits: int) -> NDArray[np.uint8]:
    """Return a picture as 8 bits: as it is where it has 8, else between its percentiles."""
    if bits == 8:
        return np.clip(pixels, 0, 255).astype(np.uint8)
    low, high = np.percentile(pixels, (0.5, 99.5))
    scaled = (pixels - low) * (255 / max(float(high - low), 1e-6))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)


def _odd(pixels: NDArray[np.float32], colour: str) -> list[FileProblem]:
    found = []
    low, high = float(pixels.min()), float(pixels.max())
    if high <= low:
        found.append(FileProblem.BLANK)
    elif float(np.mean(pixels >= high)) > _CLIPPED:
        found.append(FileProblem.CLIPPED)
    if min(pixels.shape) < _TINY_PX:
        found.append(FileProblem.TINY)
    if colour in ("RGB", "RGBA", "CMYK", "YCbCr", "P"):
        found.append(FileProblem.COLOUR)
    return found


def _text_numbers(grey: NDArray[np.uint8]) -> dict[str, float]:
    factor = min(1.0, _TEXT_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    boxes = text_boxes(small)
    area = sum(max(0, b.right - b.left) * max(0, b.bottom - b.top) for b in boxes)
    return {"boxes": float(len(boxes)), "share of text": area / small.size}


def _keep(path: Path, found: Looked) -> None:
    """Write what was seen; a folder that cannot be written costs time next time, no more."""
    told = {
        "problems": [problem.value for problem in found.problems],
        "numbers": found.numbers, "words": found.words, "shape": found.shape, "bits": found.bits,
    }  # fmt: skip
    arrays: dict[str, Any] = {}
    if found.recognised is not None:
        seen = found.recognised
        arrays = {
            "small": seen.small, "hashes": seen.hashes, "points": seen.points,
            "features": seen.features, "thumbnail": found.thumbnail, "border": found.border,
        }  # fmt: skip
    stream = io.BytesIO()
    np.savez(stream, told=np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, stream.getvalue())
    except (ExportError, OSError):
        return


def _read(path: Path, sha256: str) -> Looked | None:
    """Read what was seen before; None where nothing is kept, or nothing that can be read."""
    try:
        if path.stat().st_size > _MOST_KEPT_BYTES:
            return None
        with np.load(path, allow_pickle=False) as kept:
            told = json.loads(kept["told"].tobytes())
            problems = tuple(FileProblem(value) for value in told["problems"])
            words = told["words"]
            if "small" not in kept:
                return Looked(sha256, problems, words=words)
            seen = Recognised(kept["small"], kept["hashes"], kept["points"], kept["features"])
            rows, columns = told["shape"]
            return Looked(
                sha256, problems, seen, kept["thumbnail"], kept["border"], told["numbers"], words,
                (int(rows), int(columns)), int(told["bits"]),
            )  # fmt: skip
    except Exception:  # noqa: BLE001 - whatever lies there instead is made anew
        return None
