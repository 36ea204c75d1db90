"""`SpineImage`: pixels, grey values, spacing, orientation and source of one image."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import Examination, ImageKind
from spinealign.domain.identifiers import DicomIdentifiers
from spinealign.domain.presentation import AS_IN_FILE, Presentation

MAX_ASPECT = 20.0
"""A pixel that is said to be longer than this many times its width is not believed."""


class DecisionSource(StrEnum):
    """Who decided which kind of examination an image is of."""

    USER = "user"
    DICOM = "dicom"
    PIXELS = "pixels"
    SAMPLE = "sample"


@dataclass(frozen=True)
class KindCheck:
    """What kind of image this is, who said so, and whether it may be analysed.

    Parameters
    ----------
    kind : ImageKind
        The verdict on tags and pixels together.
    accepted : bool
        Whether the verdict lets the image be analysed without a person's word.
    tags : ImageKind or None
        What the file's tags say; None where they leave it open.
    pixels : ImageKind or None
        What the pixels look like most; None without a gate.
    confidence : float or None
        0..1, of `pixels`.
    ood_distance, ood_limit : float or None
        Distance of the picture from the nearest pictures of analysed kinds that the gate
        learned from, and from where on it counts as foreign.
    overruled : bool
        A person chose a kind that the verdict does not allow.
    quarter_turns : int
        Quarter turns to the left after which a refused picture would be accepted; 0 for none.
    """

    kind: ImageKind
    accepted: bool
    tags: ImageKind | None = None
    pixels: ImageKind | None = None
    confidence: float | None = None
    ood_distance: float | None = None
    ood_limit: float | None = None
    overruled: bool = False
    quarter_turns: int = 0


class Weighting(StrEnum):
    """Which contrast an MR image has, as far as grades of discs depend on it."""

    T1 = "t1"
    T2 = "t2"


class SpacingSource(StrEnum):
    """Where a pixel spacing comes from; lengths are only as good as this."""

    UNKNOWN = "unknown"
    PATIENT_PLANE = "dicom_pixel_spacing"
    CALIBRATED = "dicom_pixel_spacing_calibrated"
    DETECTOR_PLANE = "dicom_imager_pixel_spacing_magnified"
    DEMAGNIFIED = "dicom_imager_pixel_spacing_demagnified"
    NIFTI_HEADER = "nifti_header"
    USER = "user_calibration"


class NoteKind(StrEnum):
    """What a reader had to decide; ``wording`` has the sentences."""

    FRAME_TAKEN = "frame_taken"
    PAGE_TAKEN = "page_taken"
    SLICE_TAKEN = "slice_taken"
    VOLUME_TAKEN = "volume_taken"
    SERIES_TAKEN = "series_taken"
    CANAL_WIDEST = "canal_widest"
    COLOUR_TO_GREY = "colour_to_grey"
    GREY_IN_COLOUR = "grey_in_colour"
    TRANSPARENT = "transparent"
    TRANSPARENCY_IGNORED = "transparency_ignored"
    TURNED_BY_EXIF = "turned_by_exif"
    TURNED = "turned"
    MADE_SQUARE = "made_square"
    CALIBRATED = "calibrated"
    DEMAGNIFIED = "demagnified"
    LOCALIZER = "localizer"
    PROJECTION = "projection"
    OTHER_PLANE = "other_plane"
    NO_ORIENTATION = "no_orientation"
    UNIT_ASSUMED = "unit_assumed"
    UNEVEN_SLICES = "uneven_slices"
    MIXED_SPACING = "mixed_spacing"
    SPACING_CONFLICT = "spacing_conflict"
    OVERLAY_LEFT_OUT = "overlay_left_out"
    STATES_LEFT_OUT = "states_left_out"
    COPIES_LEFT_OUT = "copies_left_out"
    SET_APART = "set_apart"
    NUMBER_REPAIRED = "number_repaired"
    NUMBER_LEFT_OUT = "number_left_out"
    NO_RESCALE = "no_rescale"
    WINDOW_LEFT_OUT = "window_left_out"
    LAYOUT_ASSUMED = "layout_assumed"
    TABLE_LEFT_OUT = "table_left_out"
    FRAMES_COUNTED = "frames_counted"
    FRAMES_LEFT_OVER = "frames_left_over"
    FRAMES_CONTRADICTED = "frames_contradicted"
    FRAMES_NOT_TOLD_APART = "frames_not_told_apart"
    ZEROS_IN_DATA = "zeros_in_data"
    DAMAGED_PASSED_OVER = "damaged_passed_over"


@dataclass(frozen=True)
class ReaderNote:
    """One decision of a reader, with the numbers and codes its sentence needs."""

    kind: NoteKind
    values: tuple[str | int | float, ...] = ()


class WindowKind(StrEnum):
    """Where a window comes from."""

    FILE = "file"
    FILE_TABLE = "file_table"
    BONE = "bone"
    SOFT_TISSUE = "soft_tissue"
    BRAIN = "brain"
    AS_STORED = "as_stored"
    AUTOMATIC = "automatic"
    WHOLE_RANGE = "whole_range"
    MANUAL = "by_hand"


class WindowCurve(StrEnum):
    """How a window maps values to grey (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear_exact"
    SIGMOID = "sigmoid"


@dataclass(frozen=True, eq=False)
class DisplayWindow:
    """One way to show an image: a window, or a table that the file brings.

    Parameters
    ----------
    centre, width : float
        In the image's own grey values; of a table, the range it covers.
    kind : WindowKind
    curve : WindowCurve
    explanation : str
        The file's own name for it; may be empty.
    table : ndarray of float32, shape (N,), or None
        Grey 0..1 of the values ``centre - width / 2``, then one more each.
    """

    centre: float
    width: float
    kind: WindowKind = WindowKind.FILE
    curve: WindowCurve = WindowCurve.LINEAR
    explanation: str = ""
    table: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ImagePart:
    """Where one picture lies: a file, a member of an archive, a frame, page or slice of it.

    Parameters
    ----------
    path : Path
        The file on the disk; never written to logs.
    member : str
        Name inside the archive `path`; empty when `path` is the image itself.
    index : int or None
        Frame, page or slice, counted from 0; None leaves the choice to the reader.
    volume : int
        Which volume of a NIfTI series in time, counted from 0.
    """

    path: Path
    member: str = ""
    index: int | None = None
    volume: int = 0


@dataclass(frozen=True)
class PatientPlane:
    """Where a slice lies in the patient, in millimetres to the left, the back and the head.

    Parameters
    ----------
    frame_uid : str
        Frame of reference: only places of one frame can be compared.
    corner_mm : tuple of float
        Of the picture: pixel 0 begins there.
    right_mm, down_mm : tuple of float
        From one pixel to the next of a row, and of a column.
    """

    frame_uid: str = field(repr=False)
    corner_mm: tuple[float, float, float]
    right_mm: tuple[float, float, float]
    down_mm: tuple[float, float, float]


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
        (centre, width) that the file asks to be shown with; the first of `windows`.
    windows : tuple of DisplayWindow
        What the file offers to be shown with, in its order.
    source_path : Path
        The file read; never written to logs.
    sha256 : str
        Of the file's bytes.
    modality : str or None
        DICOM modality code when the file states one.
    possible_examinations : tuple of Examination or None
        What modality and plane in the file's own tags allow, regardless of the body part;
        empty where no kind fits, None where the tags name no modality.
    stated_kind : ImageKind or None
        What the tags say that the image shows, body part included; None where they leave
        that open or are not to be trusted.
    burned_in : bool
        The tags say that text is burnt into the pixels.
    notes : tuple of ReaderNote
        What the reader had to decide (frame chosen, colour turned to grey).
    orientation : tuple of str or None
        Patient directions (L, R, A, P, H, F) in which columns and rows run, as in
        DICOM's PatientOrientation: ("P", "F") is a sagittal slice that looks to the left.
    laterality : str
        "L", "R" or "B" where the file states the side of a paired body part.
    part : ImagePart or None
        What to read to get this picture again.
    dicom : DicomIdentifiers or None
        What reports refer to; None for other formats.
    patient_age_years : int or None
        Age at the examination where the file states it; decides among reference ranges, and is
        not written down.
    is_bent : bool
        Whether the file's own words for the series call it one in flexion or extension.
    weighting : Weighting or None
        As the file states it, in its attribute or in its own words for an MR series.
    patient_plane : PatientPlane or None
        Only where the file states place, directions, spacing and frame of reference.
    presentation : Presentation
        How a person has it shown; `pixels` are the file's all the same.
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
    possible_examinations: tuple[Examination, ...] | None = None
    stated_kind: ImageKind | None = None
    burned_in: bool = False
    file_format: str = ""
    notes: tuple[ReaderNote, ...] = ()
    windows: tuple[DisplayWindow, ...] = ()
    orientation: tuple[str, str] | None = None
    laterality: str = ""
    part: ImagePart | None = None
    dicom: DicomIdentifiers | None = None
    patient_age_years: int | None = field(default=None, repr=False)
    is_bent: bool = False
    weighting: Weighting | None = None
    patient_plane: PatientPlane | None = None
    presentation: Presentation = AS_IN_FILE

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def place(self) -> ImagePart:
        """What to read to get this picture again: `part`, else the file."""
        return self.part if self.part is not None else ImagePart(self.source_path)

    @property
    def pixel_aspect(self) -> float:
        """Height of a pixel divided by its width; 1 where that is unknown or absurd."""
        if self.spacing_mm is None or max(self.spacing_mm) > MAX_ASPECT * min(self.spacing_mm):
            return 1.0
        return self.spacing_mm[0] / self.spacing_mm[1]

    @property
    def pixel_area_mm2(self) -> float | None:
        """Area of one pixel in square millimetres, or None without spacing."""
        if self.spacing_mm is None:
            return None
        return self.spacing_mm[0] * self.spacing_mm[1]
