"""Whole volumes: all slices of a series, decoded and turned the same way."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import NoteKind, ReaderNote, SpineImage
from spinealign.domain.study import SeriesEntry, SpineVolume, common_spacing_mm
from spinealign.imaging.decoding import require_content, translated_errors
from spinealign.imaging.readers import READERS, read_part
from spinealign.imaging.source import opened

MAX_VOLUME_BYTES = 1 << 30
"""The most memory that the grey values of a volume may take."""


def read_slices(entry: SeriesEntry, indices: Sequence[int]) -> Iterator[SpineImage]:
    """Yield some pictures of a series in the order asked for, constant ones too.

    A file that holds several of them is parsed once.

    Raises
    ------
    ImageReadError
        The next picture cannot be read; those before it were yielded.
    """
    return _slices(replace(entry, parts=tuple(entry.parts[index] for index in indices)))


def load_volume(entry: SeriesEntry) -> Generator[int, None, SpineVolume]:
    """Read all slices of a series as a volume.

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
        A slice cannot be read or has another size than the rest
        (UNSUPPORTED_LAYOUT), or the volume is TOO_LARGE.
    """
    images: list[SpineImage] = []
    voxels = np.empty((0, 0, 0), np.float32)
    for index, image in enumerate(_slices(entry)):
        if not images:
            voxels = _empty_volume(entry, image)
        if image.shape != voxels.shape[1:]:
            raise ImageReadError(image.source_path, ReadProblem.UNSUPPORTED_LAYOUT)
        voxels[index] = image.pixels
        images.append(replace(image, pixels=voxels[index]))
        yield index + 1
    require_content(replace(images[entry.middle], pixels=voxels.reshape(len(entry), -1)))
    return SpineVolume(voxels, tuple(images), entry, (*entry.notes, *_volume_notes(entry, images)))


def _empty_volume(entry: SeriesEntry, image: SpineImage) -> NDArray[np.float32]:
    shape = (len(entry), *image.shape)
    if np.prod(shape, dtype=np.int64) * 4 > MAX_VOLUME_BYTES:
        sizes = " x ".join(str(size) for size in shape[::-1])
        raise ImageReadError(image.source_path, ReadProblem.TOO_LARGE, sizes)
    return np.empty(shape, np.float32)


def _volume_notes(entry: SeriesEntry, images: Sequence[SpineImage]) -> tuple[ReaderNote, ...]:
    is_uneven = entry.positions_mm is not None and entry.slice_spacing_mm is None
    is_stated = any(image.spacing_mm is not None for image in images)
    is_mixed = is_stated and common_spacing_mm(images) is None
    uneven = (ReaderNote(NoteKind.UNEVEN_SLICES),) if is_uneven else ()
    return (*uneven, *((ReaderNote(NoteKind.MIXED_SPACING),) if is_mixed else ()))


def _slices(entry: SeriesEntry) -> Iterator[SpineImage]:
    """Yield the pictures of a series, constant ones too; each file is parsed once."""
    open_file = READERS[entry.file_format].open_file
    if open_file is None:
        yield from (read_part(part) for part in entry.parts)
        return
    for whole, parts in groupby(entry.parts, key=lambda part: replace(part, index=None)):
        with opened(whole) as file:
            with translated_errors(whole.path):
                read = open_file(whole, file)
            for part in parts:
                with translated_errors(part.path):
                    image = read(part)
                yield image
