"""What the file around a picture tells: format, colour, compression, words in its header."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from spinealign.domain.data_audit import FileProblem
from spinealign.domain.formats import DICOM, NIFTI, ImageFormat

_WORDS: Final = ("Software", "software", "Comment", "comment", "Author", "Description", "Title")
_LONGEST: Final = 60
_STANDARD_LUMINANCE: Final = 57.6
"""Mean of the luminance table of quality 50. Source: ITU-T T.81, annex K.1."""


@dataclass(frozen=True)
class Container:
    """What a file is besides its pixels.

    Parameters
    ----------
    words : dict of str to str
        Format, colour, tags.
    numbers : dict of str to float
        Compression.
    problems : tuple of FileProblem
    """

    words: dict[str, str]
    numbers: dict[str, float]
    problems: tuple[FileProblem, ...]


def look_at(content: bytes, name: str, file_format: ImageFormat | None) -> Container:
    """Look at a whole file without decoding its pixels."""
    words = {"format": file_format.name if file_format else "MetaImage"}
    words["file suffix"] = name.lower().rpartition(".")[2] if "." in name else "none"
    problems = []
    if file_format and not _is_named_as(name, file_format):
        problems.append(FileProblem.MISNAMED)
    if file_format in (DICOM, NIFTI, None):
        return Container(words, {}, tuple(problems))
    numbers: dict[str, float] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as picture:
                _of_picture(picture, len(content), words, numbers, problems)
    except Exception:  # noqa: BLE001 - a decoder meets a hostile file
        return Container(words, {}, tuple(problems))
    return Container(words, numbers, tuple(problems))


def _is_named_as(name: str, file_format: ImageFormat) -> bool:
    is_named = "." in name and any(
        name.lower().endswith(suffix) for suffix in (*file_format.suffixes, ".gz")
    )
    return is_named or file_format is DICOM


def _of_picture(
    picture: Any, size: int, words: dict[str, str], numbers: dict[str, float],
    problems: list[FileProblem],
) -> None:  # fmt: skip
    words["colour"] = picture.mode
    numbers["bytes a pixel"] = size / max(picture.width * picture.height, 1)
    tables = getattr(picture, "quantization", None)
    if tables:
        mean = float(np.mean(next(iter(tables.values()))))
        numbers["JPEG quantisation"] = mean / _STANDARD_LUMINANCE
    info = picture.info
    words["resolution tag"] = str(info.get("dpi", "none"))[:_LONGEST]
    words["other tags"] = "/".join(sorted(str(key) for key in info))[:_LONGEST]
    words |= {key.lower(): str(info[key])[:_LONGEST] for key in _WORDS if info.get(key)}
    words["compression"] = str(info.get("compression", "none"))[:_LONGEST]
    words["progressive"] = str(bool(info.get("progressive")))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in info:
        problems.append(FileProblem.TRANSPARENT)
    if getattr(picture, "n_frames", 1) > 1:
        problems.append(FileProblem.SEVERAL_PICTURES)
