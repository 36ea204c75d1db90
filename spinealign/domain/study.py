"""What a file, folder or archive holds: series, volumes, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import ModelIdentity, Segmentation
from spinealign.domain.image import ImagePart, SpineImage, View

_EVEN_WITHIN = 0.1


@dataclass(frozen=True)
class SeriesEntry:
    """Pictures that belong together, in the order in which one leafs through them.

    Parameters
    ----------
    parts : tuple of ImagePart
        At least one. Slices run from the patient's right to left, front to back, or
        head to feet; frames without position as they are stored.
    file_format : str
        Such as "DICOM".
    description : str
        The file's own name for the series; may be empty, may hold anything.
    modality : str or None
    plane : str or None
        "sagittal", "coronal" or "axial" when the slices state it.
    shape : tuple of int or None
        (rows, columns) as stored, when known without decoding.
    number : int or None
        Series number in the study.
    study : str
        Tells the studies of one folder apart; empty without one.
    view_hint : View or None
        The view that the tags imply.
    positions_mm : tuple of float or None
        Place of each part along the slices' common normal, growing; None when not stated.
    unapplied_states : int
        How many presentation states lie beside these pictures and are not applied.
    """

    parts: tuple[ImagePart, ...]
    file_format: str
    description: str = ""
    modality: str | None = None
    plane: str | None = None
    shape: tuple[int, int] | None = None
    number: int | None = None
    study: str = ""
    view_hint: View | None = None
    positions_mm: tuple[float, ...] | None = None
    unapplied_states: int = 0

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def middle(self) -> int:
        """Index of the middle picture."""
        return len(self.parts) // 2

    @property
    def slice_spacing_mm(self) -> float | None:
        """Distance of neighbours; None when unknown, or uneven by more than a tenth."""
        if self.positions_mm is None or len(self.positions_mm) < 2:
            return None
        gaps = np.diff(self.positions_mm)
        typical = float(np.median(gaps))
        if typical <= 0 or np.abs(gaps - typical).max() > _EVEN_WITHIN * typical:
            return None
        return typical


@dataclass(frozen=True, eq=False)
class SpineVolume:
    """Parallel slices, all turned the same way, in the order of their series.

    Parameters
    ----------
    voxels : ndarray of float32, shape (S, H, W)
        Grey values as in `SpineImage.pixels`; axes are slice, row, column.
    template : SpineImage
        The middle slice with everything the slices share.
    series : SeriesEntry
        Where each slice lies, how far apart, and in which plane.
    """

    voxels: NDArray[np.float32]
    template: SpineImage
    series: SeriesEntry

    def __len__(self) -> int:
        return len(self.series)

    def slice_image(self, index: int) -> SpineImage:
        """Return one slice as an image of its own."""
        return replace(self.template, pixels=self.voxels[index], part=self.series.parts[index])


@dataclass(frozen=True)
class PatientFacts:
    """Whose image this is: shown in the window, never logged, exported only by choice.

    The values do not appear in the representation, so that no log or crash report
    holds them by accident. Empty means that the file does not say.
    """

    name: str = field(default="", repr=False)
    identifier: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    age: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
    series_description: str = field(default="", repr=False)
    institution: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return any(vars(self).values())


@dataclass(frozen=True)
class StructureVolume:
    """How large a structure is; `millilitres` is None unless all three spacings are known."""

    class_id: int
    name: str
    voxels: int
    millilitres: float | None


@dataclass(frozen=True, eq=False)
class SegmentedVolume:
    """A series of which every slice was segmented.

    Parameters
    ----------
    volume : SpineVolume
    model : ModelIdentity
    classes : mapping of int to str
        Mask value to structure name, background (0) not included.
    masks : ndarray of uint8, shape (S, H, W)
        Structure of each voxel.
    confidence : ndarray of float32, shape (S, H, W)
        Probability of the structure chosen.
    mid_index : int
        The slice in which the spinal canal is widest.
    structures : tuple of StructureVolume
    """

    volume: SpineVolume
    model: ModelIdentity
    classes: Mapping[int, str]
    masks: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    mid_index: int
    structures: tuple[StructureVolume, ...]

    def slice_segmentation(self, index: int) -> Segmentation:
        """Return what was found on one slice."""
        return Segmentation(self.model, self.classes, self.masks[index], self.confidence[index])
