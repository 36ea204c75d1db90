"""Selects the first image shown of a series, and the matching image of another series."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from spinealign.domain.errors import ImageReadError, PatientsDifferError, ReadProblem
from spinealign.domain.examination import Examination, Plane
from spinealign.domain.generators import run_to_end
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.image import NoteKind, SpineImage
from spinealign.domain.study import (
    FEWEST_SLICES,
    ImageSource,
    SeriesEntry,
    SeriesPicture,
    SpineVolume,
    likeliest,
    stacked,
)
from spinealign.imaging.read import read_image
from spinealign.imaging.study import read_middle, read_series_slice, scan_series
from spinealign.imaging.volume import load_volume

_CHOICES = {NoteKind.SLICE_TAKEN, NoteKind.FRAME_TAKEN, NoteKind.SERIES_TAKEN}


def sagittal_series(path: Path) -> Generator[int, None, SeriesEntry | None]:
    """Look for the likeliest sagittal series of at least three slices that may be analysed.

    Yields
    ------
    int
        How many files have been looked at.

    Returns
    -------
    SeriesEntry or None
    """
    stacks = stacked(filter(is_sagittal_volume, (yield from scan_series(path))))
    best = likeliest(stacks) or stacks
    return best[0].first if best else None


def is_sagittal_volume(entry: SeriesEntry) -> bool:
    """Tell whether a series is sagittal, may be analysed, and has at least three slices."""
    if entry.plane is not Plane.SAGITTAL or len(entry) < FEWEST_SLICES:
        return False
    return entry.possible_examinations is None or _is_sagittal(entry.possible_examinations)


def _is_sagittal(examinations: Sequence[Examination]) -> bool:
    return any(each.is_sagittal_slice for each in examinations)


def first_picture(source: ImageSource) -> SpineImage:
    """Read the picture to begin with: of a series the readable one nearest to the middle.

    Raises
    ------
    ImageReadError
        No picture of it can be read; the reason is that of the one in the middle.
    """
    if isinstance(source, Path):
        return read_image(source)
    if isinstance(source, SeriesPicture):
        return _with_notes(read_series_slice(source.series, source.index), source.series)
    return _with_notes(read_middle(source)[0], source)


def _with_notes(image: SpineImage, series: SeriesEntry) -> SpineImage:
    """Note what lies beside the pictures of a series and is not used."""
    return replace(image, notes=(*image.notes, *series.notes))


def series_to_search(
    source: ImageSource, image: SpineImage
) -> Generator[int, None, SeriesEntry | None]:
    """Return the sagittal MR series in which the middle of the canal is looked for, or None.

    Yields
    ------
    int
        How many files have been looked at.
    """
    if isinstance(source, SeriesPicture) or not _is_sagittal(image.possible_examinations or ()):
        return None
    if isinstance(source, SeriesEntry):
        return source if is_sagittal_volume(source) else None
    was_chosen = any(note.kind in _CHOICES for note in image.notes)
    return (yield from sagittal_series(source)) if was_chosen else None


def read_companion(
    companion: Path | SeriesEntry | None, source: ImageSource, image: SpineImage
) -> SpineImage | None:
    """Read the other contrast: of a series the picture next to the one that is analysed.

    Parameters
    ----------
    companion : Path, SeriesEntry or None
        Where it lies; None without one.
    source : Path, SeriesEntry or SeriesPicture
        What `image` was chosen from.
    image : SpineImage
        The picture that is analysed.

    Raises
    ------
    ImageReadError
        It cannot be read.
    PatientsDifferError
        What both files state of the patient differs.
    """
    if companion is None:
        return None
    other = _picture_beside(companion, source, image)
    if image.dicom is not None and other.dicom is not None:
        match = image.dicom.patient.match(other.dicom.patient)
        if match in (PatientMatch.OTHER, PatientMatch.DOUBTFUL):
            raise PatientsDifferError(image.source_path, other.source_path, is_companion=True)
    return other


def _picture_beside(
    companion: Path | SeriesEntry, source: ImageSource, image: SpineImage
) -> SpineImage:
    series = source.series if isinstance(source, SeriesPicture) else source
    if isinstance(series, Path) or image.part not in series.parts:
        return first_picture(companion)
    beside = run_to_end(sagittal_series(companion)) if isinstance(companion, Path) else companion
    if beside is None:
        return first_picture(companion)
    return read_series_slice(beside, beside.nearest(series, series.parts.index(image.part)))


def readable_volume(series: SeriesEntry) -> Generator[int, None, SpineVolume]:
    """Read a volume; slices that are damaged are left out.

    Yields
    ------
    int
        How many slices have been read.

    Returns
    -------
    SpineVolume

    Raises
    ------
    ImageReadError
        No slice can be read, or it is not the slices that are in the way.
    """
    try:
        return (yield from load_volume(series))
    except ImageReadError as error:
        kept = []
        for index in range(len(series)):
            if _is_readable(series, index):
                kept.append(index)
            yield index + 1
        if not 0 < len(kept) < len(series):
            raise error
    places = series.positions_mm
    return (
        yield from load_volume(
            replace(
                series,
                parts=tuple(series.parts[index] for index in kept),
                positions_mm=None if places is None else tuple(places[index] for index in kept),
            )
        )
    )


def _is_readable(series: SeriesEntry, index: int) -> bool:
    try:
        read_series_slice(series, index)
    except ImageReadError as error:
        return error.problem is ReadProblem.CONSTANT
    return True
