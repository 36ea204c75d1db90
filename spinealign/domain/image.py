"""The one picture that the whole program works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class View(StrEnum):
    """The three ways through the program, and none of them."""

    XRAY = "xray"
    CT = "ct"
    MR = "mr"
    OTHER = "other"


class ViewSource(StrEnum):
    """Who decided on the view."""

    USER = "user"
    DICOM = "dicom"
    PIXELS = "pixels"


class SpacingSource(StrEnum):
    """Where a pixel spacing comes from; lengths are only as good as this."""

    UNKNOWN = "unknown"
    PATIENT_PLANE = "dicom_pixel_spacing"
    CALIBRATED = "dicom_pixel_spacing_calibrated"
    DETECTOR_PLANE = "dicom_imager_pixel_spacing_magnified"
    NIFTI_HEADER = "nifti_header"
    USER = "user_calibration"


@dataclass(frozen=True, eq=False)
class SpineImage:
    """One two-dimensional image with its geometry and where that came from.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W)
        Intensities after the modality transformation: Hounsfield units when
        `is_hounsfield`, else the stored grey values. Bright means bright
        (MONOCHROME1 is already inverted). Row 0 is the top.
    bits : int
        Bits of the stored grey values; 8 means "already windowed for display".
    spacing_mm : tuple of float or None
        (row spacing, column spacing), vertical first, or None when unknown.
    spacing_source : SpacingSource
        Provenance of `spacing_mm`.
    window : tuple of float or None
        (centre, width) that the file asks to be shown with.
    source_path : Path
        The file read; never written to logs.
    sha256 : str
        Of the file's bytes.
    modality : str or None
        DICOM modality code when the file states one.
    view_hint : View or None
        The view that the file's own tags imply.
    notes : tuple of str
        What the reader had to decide (frame chosen, colour turned to grey).
    """

    pixels: NDArray[np.float32]
    bits: int
    source_path: Path
    sha256: str
    spacing_mm: tuple[float, float] | None = None
    spacing_source: SpacingSource = SpacingSource.UNKNOWN
    window: tuple[float, float] | None = None
    modality: str | None = None
    is_hounsfield: bool = False
    view_hint: View | None = None
    file_format: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def pixel_area_mm2(self) -> float | None:
        """Area of one pixel in square millimetres, or None without spacing."""
        if self.spacing_mm is None:
            return None
        return self.spacing_mm[0] * self.spacing_mm[1]
