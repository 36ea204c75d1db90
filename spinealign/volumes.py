"""Segmentation of all slices of a sagittal MR series, midsagittal slice first."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np

from spinealign.domain.errors import ImageReadError, ModelError, ModelProblem, ReadProblem
from spinealign.domain.examination import Examination, sagittal_examination, sagittal_examinations
from spinealign.domain.findings import Segmentation, Step
from spinealign.domain.generators import mapped
from spinealign.domain.study import SegmentedVolume, SeriesEntry, SpineVolume
from spinealign.gate import choose_examination
from spinealign.imaging.choice import first_picture, is_sagittal_volume, sagittal_series
from spinealign.imaging.volume import load_volume
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.segmenting import segment_slice
from spinealign.measure.outlines.volumes import canal_extent, find_mid_slice, structure_volumes


def segment_volume(
    source: Path | SeriesEntry, models: ModelStore
) -> Generator[Step, None, SegmentedVolume]:
    """Segment every slice of a sagittal MR series.

    Parameters
    ----------
    source : Path or SeriesEntry
        The series, or the file, folder, archive or DICOMDIR that holds it.

    Yields
    ------
    Step
        Progress, and the place to stop at; the step after the mid-sagittal slice was
        found carries it.

    Returns
    -------
    SegmentedVolume

    Raises
    ------
    ImageReadError
        The path holds no sagittal series, or it cannot be read.
    ModelError
        No network for the examination is installed, or it cannot be trusted.
    """
    reading = Step("Reading the series", 0.0)
    yield reading
    series = source if isinstance(source, SeriesEntry) else None
    if isinstance(source, Path):
        series = yield from mapped(sagittal_series(source), lambda _: reading)
    if series is None or not is_sagittal_volume(series):
        path = source if isinstance(source, Path) else source.parts[0].path
        raise ImageReadError(path, ReadProblem.NO_SAGITTAL_SERIES)
    card = models.find("segmentation", _examination_of(series, models))
    if card is None:
        raise ModelError("segmentation", ModelProblem.MISSING)
    volume = yield from mapped(load_volume(series), lambda _: reading)
    slices = _Slices(volume, models.load(card.name))
    return (yield from slices.segment_all())


def _examination_of(series: SeriesEntry, models: ModelStore) -> Examination:
    """Return as what the series is segmented; the gate is asked where several are possible."""
    possible = sagittal_examinations(series.possible_examinations)
    if len(possible) == 1:
        return possible[0]
    chosen = choose_examination(first_picture(series), models, None).examination
    return sagittal_examination(possible, chosen)


class _Slices:
    """The slices of a volume, each segmented when it is first asked for."""

    def __init__(self, volume: SpineVolume, model: LoadedModel) -> None:
        self._volume, self._model = volume, model
        self._found: dict[int, Segmentation] = {}

    def segment_all(self) -> Generator[Step, None, SegmentedVolume]:
        count = len(self._volume)
        finding = find_mid_slice(count, self._canal_extent)
        title = "Looking for the middle of the canal"
        mid = yield from mapped(finding, lambda _: Step(title, len(self._found) / count))
        yield Step("Segmenting all slices", len(self._found) / count, self._volume.slice_image(mid))
        for index in sorted(range(count), key=lambda i: abs(i - mid)):
            self._segment(index)
            yield Step("Segmenting all slices", len(self._found) / count)
        return self._result(mid)

    def _canal_extent(self, index: int) -> float:
        return canal_extent(self._segment(index), self._volume, index)

    def _segment(self, index: int) -> Segmentation:
        if index not in self._found:
            self._found[index] = segment_slice(self._model, self._volume.slice_image(index))
        return self._found[index]

    def _result(self, mid: int) -> SegmentedVolume:
        volume, classes = self._volume, self._found[mid].classes
        found = [self._found[index] for index in range(len(volume))]
        masks = np.stack([part.mask for part in found])
        confidence = np.stack([part.confidence for part in found])
        structures = structure_volumes(masks, classes, volume.voxel_volumes_mm3)
        return SegmentedVolume(
            volume, self._model.identity, classes, masks, confidence, mid, structures
        )
