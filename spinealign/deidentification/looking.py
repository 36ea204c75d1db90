"""Looking through the pixels of a file for text, before it is given away."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spinealign.deidentification.boxes import Box
from spinealign.deidentification.pictures import page_count, picture_pixels
from spinealign.deidentification.text_on_pixels import text_boxes
from spinealign.domain.formats import DICOM, NIFTI, ImageFormat
from spinealign.imaging.decoding import quiet_libraries

MOST_FRAMES: Final = 16
"""Of more frames, so many evenly spread are looked at, and the mean of these."""

_NOT_PICTURES: Final = ("Segmentation", "Parametric Map", "RT Dose", "Label Map", "Real World")


@dataclass(frozen=True)
class Looked:
    """What was seen in one file.

    Parameters
    ----------
    frames, rows, columns : int
    boxes : tuple of Box
        For all frames: text that is on one is on others too, as a rule.
    picture : ndarray or None
        (H, W) or (H, W, 3), the frame of the first box, else the first one; None where the pixels
        could not be decoded.
    """

    frames: int
    rows: int
    columns: int
    boxes: tuple[Box, ...]
    picture: NDArray[Any] | None


def look(path: Path, kind: ImageFormat, content: bytes) -> Looked | None:
    """Look for text in the pixels of a file.

    Returns
    -------
    Looked or None
        None for what shows no picture of the patient: volumes of NIfTI, segmentations, objects
        without pixels.
    """
    if kind is NIFTI:
        return None
    try:
        with quiet_libraries():
            if kind is DICOM:
                return _look_at_dicom(path, content)
            pages = page_count(content)
            return _look_at(pages, iter([(0, picture_pixels(content))]))
    except Exception:  # noqa: BLE001 - whatever decoders raise: then a person has to look
        return Looked(0, 0, 0, (), None)


def _look_at_dicom(path: Path, content: bytes) -> Looked | None:
    from pydicom.uid import UID

    from spinealign.imaging.dicom_pixels import (
        check_layout,
        frame_count,
        has_pixels,
        load_dataset,
    )

    file = io.BytesIO(content)
    dataset = load_dataset(path, file)
    named = UID(str(dataset.get("SOPClassUID") or "")).name
    if not has_pixels(dataset) or any(word in named for word in _NOT_PICTURES):
        return None
    frames = frame_count(dataset)
    check_layout(path, file, dataset, 0)
    numbers = list(range(frames))
    if frames > MOST_FRAMES:
        numbers = sorted({round(n) for n in np.linspace(0, frames - 1, MOST_FRAMES)})
    return _look_at(frames, ((n, _shown(file, dataset, n)) for n in numbers))


def _shown(file: Any, dataset: Any, frame: int) -> NDArray[Any]:
    """Return a frame as it is seen: colours out of a palette are looked up."""
    from pydicom.pixels import apply_color_lut

    from spinealign.imaging.dicom_pixels import decode_frame

    pixels = decode_frame(file, dataset, frame)
    if str(dataset.get("PhotometricInterpretation")) == "PALETTE COLOR":
        return np.asarray(apply_color_lut(pixels, dataset))
    return pixels


def _look_at(frames: int, pictures: Iterator[tuple[int, NDArray[Any]]]) -> Looked:
    boxes: dict[Box, None] = {}
    shown: NDArray[Any] | None = None
    total: NDArray[np.float64] | None = None
    count = 0
    for _, pixels in pictures:
        found = text_boxes(pixels)
        if shown is None or (found and not boxes):
            shown = pixels
        boxes.update(dict.fromkeys(found))
        if frames > MOST_FRAMES:
            total = pixels.astype(np.float64) if total is None else total + pixels
            count += 1
    if total is not None:
        boxes.update(dict.fromkeys(text_boxes(total / count)))
    if shown is None:
        return Looked(0, 0, 0, (), None)
    return Looked(frames, shown.shape[0], shown.shape[1], tuple(boxes), shown)
