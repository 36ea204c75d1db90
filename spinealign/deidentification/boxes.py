"""Boxes of text on pixels: proposed by the program, decided on by a person, saved as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.json_files import JsonError, read_json

SCHEMA: Final = "spinealign-text-boxes-1"
BOXES_NAME: Final = "boxes.json"
_LARGEST_BYTES: Final = 200_000_000

_Pixels = Annotated[int, Meta(ge=0, le=1_000_000)]


class Box(msgspec.Struct, frozen=True):
    """A rectangle of whole pixels of a picture.

    Parameters
    ----------
    top, left : int
        First row and column, counted from 0.
    bottom, right : int
        First row and column that are no longer in it.
    frame : int or None
        Counted from 0; None for all frames.
    """

    top: _Pixels
    left: _Pixels
    bottom: _Pixels
    right: _Pixels
    frame: _Pixels | None = None


class ReviewedImage(msgspec.Struct, frozen=True):
    """What was found in one file, and what a person decided.

    Parameters
    ----------
    sha256 : str
        Of the source file.
    preview : str
        Name of the picture that shows the boxes, beside the file of boxes.
    frames, rows, columns : int
        Of the picture.
    looked : bool
        A person looked at all of it, and the boxes are all that must go.
    boxes : list of Box
    problem : str
        Why the pixels could not be looked through; empty where they could.
    """

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    preview: str
    frames: _Pixels
    rows: _Pixels
    columns: _Pixels
    looked: bool
    boxes: list[Box]
    problem: str = ""


class ReviewFile(msgspec.Struct, frozen=True):
    """All pictures of a review, as `boxes.json` holds them."""

    schema: Literal["spinealign-text-boxes-1"]
    images: list[ReviewedImage]


def load_review(path: Path) -> dict[str, ReviewedImage]:
    """Read what a person decided on, by the checksum of the source file.

    Raises
    ------
    DeidentificationError
        BOXES: there is no such file, or it is not what it should be.
    """
    try:
        found = read_json(path, ReviewFile, most_bytes=_LARGEST_BYTES, is_strict=True)
    except (OSError, JsonError) as error:
        raise DeidentificationError(path, DeidentificationProblem.BOXES) from error
    return {image.sha256: image for image in found.images}


def review_json(images: list[ReviewedImage]) -> bytes:
    """Return a review as the bytes of its file."""
    content = msgspec.json.encode(ReviewFile(SCHEMA, images))
    return msgspec.json.format(content, indent=2) + b"\n"
