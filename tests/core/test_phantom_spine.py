"""The drawn film of a whole spine: the shipped files, and what the program makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinealign.analysis import analyze_file
from spinealign.domain.generators import run_to_end
from spinealign.domain.measures import MeasureCode
from spinealign.domain.paths import resources_dir
from spinealign.export.corrections import load_corrections
from spinealign.imaging.read import read_image
from spinealign.measure.correction.changes import apply_corrections
from tests.examinations import WHOLE_SPINE
from tests.gates import OneGate
from tools.phantoms import spine_film
from tools.phantoms.spine_anatomy import true_angles

SHIPPED = resources_dir() / "samples" / "xray_spine_phantom"
FILES = (spine_film.DICOM_NAME, spine_film.MASK_NAME, spine_film.OUTLINES_NAME)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spine")
    assert spine_film.main([str(folder)]) == 0
    return folder


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_files_are_the_rendered_ones(written: Path, name: str) -> None:
    assert (written / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_its_tags_say_that_it_is_a_lateral_film_of_the_whole_spine(written: Path) -> None:
    image = read_image(written / spine_film.DICOM_NAME)
    assert image.stated_kind is WHOLE_SPINE.image_kind
    assert image.spacing_mm == (spine_film.SPACING_MM,) * 2


def test_every_body_is_in_the_mask(written: Path) -> None:
    mask = read_image(written / spine_film.MASK_NAME).pixels.astype(int)
    assert np.unique(mask).tolist() == list(range(len(WHOLE_SPINE.levels) + 1))
    assert WHOLE_SPINE.levels == spine_film.MASK_LEVELS


def test_bodies_beside_it_are_found_and_measure_the_drawing(written: Path) -> None:
    found = run_to_end(analyze_file(written / spine_film.DICOM_NAME, OneGate(None)))
    assert found.examination is WHOLE_SPINE
    wanted = load_corrections(found)
    assert wanted is not None
    assert tuple(body.level for body in wanted.vertebrae) == WHOLE_SPINE.levels
    values = {m.code: m.value for m in apply_corrections(found, wanted).measurements}
    pelvic = ("pelvic_tilt", "pelvic_incidence", "pelvic_incidence_minus_lordosis")
    for code, truth in true_angles().items():
        if code not in pelvic:
            assert values[MeasureCode(code)] == pytest.approx(truth, abs=0.1), code
    assert values[MeasureCode.PELVIC_TILT] is None


def test_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert spine_film.main([]) == 2
    assert "OUT_DIR" in capsys.readouterr().err
