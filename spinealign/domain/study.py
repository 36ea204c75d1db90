"""Series, volumes and patient data of a file, folder or archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.examination import Examination, Plane
from spinealign.domain.findings import ModelIdentity, Segmentation
from spinealign.domain.formats import IMAGE_FORMATS
from spinealign.domain.identifiers import PatientKey
from spinealign.domain.image import ImagePart, NoteKind, ReaderNote, SpineImage, Weighting

FEWEST_SLICES = 3
"""What is less is no volume whose middle could be looked for."""

_TIMED_FORMATS = frozenset(each.name for each in IMAGE_FORMATS if each.has_volumes)
_EVEN_WITHIN = 0.1
_SAME_SPACING = 1e-3
_LONGEST_STEP = 2.5
"""Steps between slices longer than this many usual ones are gaps; set by hand."""

_BENT = ("flex", "exten", "bending", "functional", "funktion", "inklin", "reklin")
_WEIGHTINGS = re.compile(r"t[12](?!\d)")
_FAT_SUPPRESSED = frozenset(("stir", "tirm", "fs", "spair", "spir", "fatsat", "dixon"))


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
    plane : Plane or None
        When the slices state it.
    shape : tuple of int or None
        (rows, columns) as stored, when known without decoding.
    number : int or None
        Series number in the study.
    study : str
        Tells the studies of one folder apart; empty without one.
    possible_examinations : tuple of Examination or None
        What the tags allow; empty where no kind fits, None where they name no modality.
    positions_mm : tuple of float or None
        Place of each part along the slices' common normal, growing; None when not stated.
    unapplied_states : int
        How many presentation states lie beside these pictures and are not applied.
    copies : int
        How many further pictures have the identifiers and places of these, and are left out.
    apart : int
        How many further pictures have its series identifier, lie beside these and are series of
        their own, because they differ in size, direction, patient, study or space.
    """

    parts: tuple[ImagePart, ...]
    file_format: str
    description: str = ""
    modality: str | None = None
    plane: Plane | None = None
    shape: tuple[int, int] | None = None
    number: int | None = None
    study: str = ""
    possible_examinations: tuple[Examination, ...] | None = None
    positions_mm: tuple[float, ...] | None = None
    unapplied_states: int = 0
    copies: int = 0
    apart: int = 0

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def notes(self) -> tuple[ReaderNote, ...]:
        """What lies beside the pictures of the series and is not used."""
        counts = {
            NoteKind.STATES_LEFT_OUT: self.unapplied_states,
            NoteKind.COPIES_LEFT_OUT: self.copies,
            NoteKind.SET_APART: self.apart,
        }
        return tuple(ReaderNote(kind, (count,)) for kind, count in counts.items() if count)

    @property
    def middle(self) -> int:
        """Index of the middle picture."""
        return len(self.parts) // 2

    @property
    def fits(self) -> bool:
        """Whether the tags allow a kind of examination."""
        return bool(self.possible_examinations)

    def nearest(self, other: SeriesEntry, index: int) -> int:
        """Return which picture lies nearest to picture `index` of another series.

        Without positions, the one at the same share of the way through.
        """
        if self.positions_mm is None or other.positions_mm is None:
            return min(index * len(self) // len(other), len(self) - 1)
        away_mm = np.abs(np.array(self.positions_mm) - other.positions_mm[index])
        return int(away_mm.argmin())

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

    @property
    def slice_thicknesses_mm(self) -> tuple[float, ...] | None:
        """What each slice stands for: from half way to one neighbour to half way to the other.

        The first and the last stand for a whole step. None when positions are unknown, or where
        a step is so long that several slices are missing.
        """
        if self.positions_mm is None or len(self.positions_mm) < 2:
            return None
        gaps = np.diff(self.positions_mm)
        if gaps.min() <= 0 or gaps.max() > _LONGEST_STEP * float(np.median(gaps)):
            return None
        around = np.concatenate([gaps[:1], gaps, gaps[-1:]])
        return tuple(((around[:-1] + around[1:]) / 2).tolist())


@dataclass(frozen=True)
class SeriesPicture:
    """One picture of a series, chosen by a person; `index` counts from 0."""

    series: SeriesEntry
    index: int


ImageSource = Path | SeriesEntry | SeriesPicture
"""What can be analysed: a file, a series, or one picture of a series."""


@dataclass(frozen=True, order=True)
class SlicePosition:
    """One picture of a stack: which volume in time, and which picture of it, both from 0."""

    volume: int
    index: int


@dataclass(frozen=True)
class SeriesStack:
    """A series as one leafs through it.

    Parameters
    ----------
    volumes : tuple of SeriesEntry
        At least one; more only for a series in time, all with as many pictures.
    number : int
        Its place among all the series that were found together, counted from 1.
    """

    volumes: tuple[SeriesEntry, ...]
    number: int = 1

    @property
    def first(self) -> SeriesEntry:
        """The first volume, which stands for all of them in lists."""
        return self.volumes[0]

    @property
    def is_single(self) -> bool:
        """Whether there is only one picture."""
        return len(self.volumes) == 1 and len(self.first) == 1

    def picture_at(self, place: SlicePosition) -> SeriesPicture:
        """Return the picture at a place."""
        return SeriesPicture(self.volumes[place.volume], place.index)

    def has_position(self, place: SlicePosition | None) -> bool:
        """Tell whether there is a picture at a place."""
        if place is None or not 0 <= place.volume < len(self.volumes):
            return False
        return 0 <= place.index < len(self.volumes[place.volume])

    def place_of(self, part: ImagePart | None) -> SlicePosition | None:
        """Return where a picture is; None when it is not of this series."""
        for number, entry in enumerate(self.volumes):
            if part in entry.parts:
                return SlicePosition(number, entry.parts.index(part))
        return None


@dataclass(frozen=True)
class SkippedFile:
    """A file that was looked at in a folder or an archive, and why it is not opened."""

    part: ImagePart
    problem: ReadProblem


@dataclass(frozen=True)
class Scan:
    """What some paths hold.

    Parameters
    ----------
    found : tuple of SeriesEntry
        DICOM first, by study and series number.
    refused : tuple of ImageReadError
        Why a path, or a damaged image in it, could not be used.
    other_names : int
        How many names, links or the same path again, led to a file already looked at.
    skipped : tuple of SkippedFile
        What in folders and archives could not be used: what was refused, and what is no picture.
    skipped_beyond : int
        How many more there are than `skipped` names.
    """

    found: tuple[SeriesEntry, ...]
    refused: tuple[ImageReadError, ...] = ()
    other_names: int = 0
    skipped: tuple[SkippedFile, ...] = ()
    skipped_beyond: int = 0


def stacked(entries: Iterable[SeriesEntry]) -> tuple[SeriesStack, ...]:
    """Put the volumes of each series in time together; every other series stands alone."""

    def key(entry: SeriesEntry) -> object:
        first = entry.parts[0]
        is_timed = entry.file_format in _TIMED_FORMATS
        return (first.path, first.member) if is_timed else entry.parts

    groups = [tuple(group) for _, group in groupby(entries, key)]
    return tuple(SeriesStack(group, number) for number, group in enumerate(groups, start=1))


def likeliest(stacks: Sequence[SeriesStack]) -> tuple[SeriesStack, ...]:
    """Return the series that are best to begin with; none where nothing can be analysed.

    Only series that can be analysed count: volumes before single slices, and T2 before
    other contrasts, because discs are graded on T2. The contrast is taken from the
    series' name; when that leaves several, it is for a person to choose.
    """
    merits = [_merit(stack.first) for stack in stacks]
    best = max(merits, default=0)
    return tuple(stack for merit, stack in zip(merits, stacks, strict=True) if merit == best > 0)


def _merit(entry: SeriesEntry) -> int:
    if not entry.fits:
        return 0
    is_single = not all(each.is_slice for each in entry.possible_examinations or ())
    is_whole = is_single or len(entry) >= FEWEST_SLICES
    words = set(entry.description.casefold().replace("_", " ").replace("-", " ").split())
    is_plain_t2 = "t2" in " ".join(words) and not words & _FAT_SUPPRESSED
    return 1 + 2 * is_whole + is_plain_t2


def common_spacing_mm(images: Sequence[SpineImage]) -> tuple[float, float] | None:
    """Return the spacing of the middle image; None where one states none, or another.

    Scanners write the last digits of one spacing differently.
    """
    stated = [image.spacing_mm for image in images]
    known = [spacing for spacing in stated if spacing is not None]
    if len(known) < len(stated) or not np.allclose(known, known[0], rtol=_SAME_SPACING, atol=0):
        return None
    return known[len(known) // 2]


@dataclass(frozen=True, eq=False)
class SpineVolume:
    """Parallel slices, all turned the same way, in the order of their series.

    Parameters
    ----------
    voxels : ndarray of float32, shape (S, H, W)
        Grey values as in `SpineImage.pixels`; axes are slice, row, column.
    images : tuple of SpineImage
        The slices with what each of them states itself; their pixels are those of `voxels`.
    series : SeriesEntry
        Where each slice lies, how far apart, and in which plane.
    notes : tuple of ReaderNote
        On the series as a whole.
    """

    voxels: NDArray[np.float32]
    images: tuple[SpineImage, ...]
    series: SeriesEntry
    notes: tuple[ReaderNote, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    def slice_image(self, index: int) -> SpineImage:
        """Return one slice as an image of its own."""
        image = self.images[index]
        return replace(image, notes=(*image.notes, *self.notes))

    @property
    def middle(self) -> SpineImage:
        """The middle slice."""
        return self.slice_image(self.series.middle)

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """(row, column) spacing of all slices; None where one does not state it or they differ."""
        return common_spacing_mm(self.images)

    @property
    def pixel_areas_mm2(self) -> tuple[float, ...] | None:
        """Area of a pixel on each slice; None where one does not state it."""
        areas = [image.pixel_area_mm2 for image in self.images]
        known = tuple(area for area in areas if area is not None)
        return known if len(known) == len(areas) else None

    @property
    def voxel_volumes_mm3(self) -> tuple[float, ...] | None:
        """Volume of a voxel on each slice; None where pixels or steps are not known."""
        areas, thicknesses = self.pixel_areas_mm2, self.series.slice_thicknesses_mm
        if areas is None or thicknesses is None:
            return None
        return tuple(a * t for a, t in zip(areas, thicknesses, strict=True))


def says_bent(description: str) -> bool:
    """Whether a description calls a film one in flexion or extension."""
    words = description.casefold()
    return any(word in words for word in _BENT)


def said_weighting(description: str) -> Weighting | None:
    """Return the contrast that a description of an MR series names; None for none or both."""
    named = set(_WEIGHTINGS.findall(description.casefold()))
    return Weighting(named.pop()) if len(named) == 1 else None


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
    acquisition_date: str = field(default="", repr=False)
    acquisition_time: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    @property
    def key(self) -> PatientKey:
        """Who the patient is, to be matched with others of the same session."""
        return PatientKey.stated(self.identifier, "", self.birth_date, self.name, self.sex)

    @property
    def is_bent(self) -> bool:
        """Whether the file's own words call the film one in flexion or extension."""
        return says_bent(f"{self.series_description} {self.study_description}")

    @property
    def examination_date(self) -> date | None:
        """When the examination took place; None where the file states no date that there is."""
        stated = (_date_of(text) for text in (self.study_date, self.acquisition_date))
        return next((day for day in stated if day is not None), None)


def _date_of(text: str) -> date | None:
    """Read a DICOM date: YYYYMMDD, or YYYY.MM.DD of objects before 1993 (PS3.5 6.2)."""
    digits = text.strip().replace(".", "")
    if len(digits) != 8 or not digits.isdecimal():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


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
