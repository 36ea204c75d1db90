"""The shipped networks on a slice whose pixels are not square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from spinealign.analysis import analyze_file
from spinealign.domain.discs import GradeName
from spinealign.domain.findings import Analysis
from spinealign.domain.generators import run_to_end
from spinealign.domain.measures import MeasureCode
from spinealign.imaging.samples import list_samples
from spinealign.inference.catalog import ModelStore
from tests.examinations import SPINE_MR

pytestmark = pytest.mark.model
SEVERITY, LORDOSIS_DEG, HEIGHT_MM = 0.25, 1.5, 1.0


@pytest.fixture(scope="module")
def models() -> ModelStore:
    return ModelStore()


def analysed(folder: Path, models: ModelStore, rows: int, cols: int) -> Analysis:
    """Analyse the MR phantom with only every so manieth row and column kept."""
    (case,) = (case for case in list_samples() if case.examination is SPINE_MR)
    dataset = dcmread(case.path)
    pixels = dataset.pixel_array[::rows, ::cols]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelSpacing = [float(dataset.PixelSpacing[0]) * step for step in (rows, cols)]
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(folder / f"{rows}x{cols}.dcm")
    return run_to_end(analyze_file(folder / f"{rows}x{cols}.dcm", models))


def values_of(analysis: Analysis, code: MeasureCode) -> dict[tuple[str, ...], float]:
    return {
        m.levels: m.value for m in analysis.measurements if m.code is code and m.value is not None
    }


@pytest.mark.parametrize(("rows", "cols"), [(2, 1), (1, 2)], ids=["tall", "wide"])
def test_levels_grades_and_measures_are_those_of_square_pixels(
    tmp_path: Path, models: ModelStore, rows: int, cols: int
) -> None:
    square, other = analysed(tmp_path, models, 1, 1), analysed(tmp_path, models, rows, cols)
    assert [body.name for body in other.vertebrae] == [body.name for body in square.vertebrae]
    assert [disc.level for disc in other.discs] == [disc.level for disc in square.discs]
    for disc, expected in zip(other.discs, square.discs, strict=True):
        grades = [d.grade(GradeName.PFIRRMANN) for d in (disc, expected)]
        severities = [grade.severity for grade in grades if grade is not None]
        assert abs(np.diff(severities)) <= SEVERITY
        assert disc.crop_to_image != expected.crop_to_image
    for code, most in (
        (MeasureCode.LUMBAR_LORDOSIS_L1_S1, LORDOSIS_DEG), (MeasureCode.DISC_HEIGHT, HEIGHT_MM)
    ):  # fmt: skip
        expected_values = values_of(square, code)
        assert expected_values
        assert values_of(other, code) == pytest.approx(expected_values, abs=most)
