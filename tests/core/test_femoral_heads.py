"""A whole spine without a network of its own: outlined by hand, and femoral heads placed on it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from functools import reduce
from pathlib import Path

import jsonschema
import pytest

from spinealign.analysis import analyze_image
from spinealign.domain.findings import Analysis, Corrections, Facing, WarningCode
from spinealign.domain.generators import run_to_end
from spinealign.domain.measurements import DrawingTool, MeasureState
from spinealign.domain.measures import MeasureCode
from spinealign.export.corrections import load_corrections, save_corrections
from spinealign.export.measure_tables import corrections_record, measurements_csv
from spinealign.export.overlay import overlay_picture
from spinealign.export.tables import analysis_json, analysis_schema
from spinealign.measure.correction.changes import (
    add_drawing,
    add_vertebra,
    add_vertebra_by_corners,
    apply_corrections,
    calibrate,
    delete_drawing,
    initial_corrections,
    move_drawing_point,
    rename_level,
    set_facing,
)
from spinealign.measure.outlines.corners import CORNERS
from spinealign.wording import headline
from spinealign.wording.cautions import caution_text
from spinealign.wording.corrections import drawing_name
from spinealign.wording.measure_rows import edited_text, measure_sentence
from tests.examinations import LATERAL_NECK, WHOLE_SPINE
from tests.gates import OneGate
from tests.phantoms_spine import SPACING_MM, femoral_heads, spine_bodies, spine_image
from tools.phantoms.spine_anatomy import true_angles

PELVIC = (
    MeasureCode.PELVIC_TILT,
    MeasureCode.PELVIC_INCIDENCE,
    MeasureCode.PELVIC_INCIDENCE_MINUS_LORDOSIS,
)


@pytest.fixture
def film(tmp_path: Path) -> Analysis:
    """A film of which nothing was outlined, since no network knows the kind."""
    image = spine_image(tmp_path / "spine.png")
    return run_to_end(analyze_image(image, OneGate(None), WHOLE_SPINE))


@pytest.fixture
def outlined(film: Analysis) -> Corrections:
    wanted = replace(initial_corrections(film), vertebrae=spine_bodies(), facing=Facing.LEFT)
    return add_drawing(wanted, DrawingTool.FEMORAL_HEADS, femoral_heads().points)


def by_code(analysis: Analysis):
    return {measure.code: measure for measure in analysis.measurements}


FORCED = (
    "Analysed as a lateral whole-spine radiograph against the program’s check: the result may be "
    "meaningless."
)
"""Of a drawn film, whose kind the test names against what the pixels say."""


def test_without_a_network_the_film_says_so_in_one_sentence(film: Analysis) -> None:
    [told] = [c for c in film.cautions if c.code is WarningCode.NO_MODEL_FOR_VIEW]
    assert caution_text(told) == (
        "No installed model fits this image type (lateral whole-spine radiograph); nothing was "
        "analysed automatically."
    )
    assert headline(film) == (
        f"{FORCED} No model for a lateral whole-spine radiograph is installed, so nothing was "
        "analysed; vertebrae can be added by hand."
    )
    assert film.vertebrae == ()
    assert film.measurements == ()


def test_a_column_can_be_outlined_from_nothing(film: Analysis) -> None:
    corners = [
        [(mark.x, mark.y) for mark in body.landmarks]
        for body in spine_bodies() if body.level not in ("C2", "S1")
    ]  # fmt: skip
    placed = reduce(add_vertebra, corners[4:12], initial_corrections(film))
    named = set_facing(rename_level(placed, 1, "C7"), Facing.LEFT)
    after = apply_corrections(film, named)
    said = "Outlined C7 to T7 on this lateral whole-spine radiograph"
    assert headline(after).startswith(f"{FORCED} {said}")
    assert [body.level for body in after.vertebrae] == ["C7", *(f"T{n}" for n in range(1, 8))]
    assert by_code(after)[MeasureCode.T1_SLOPE].value == pytest.approx(true_angles()["t1_slope"])
    reason = by_code(after)[MeasureCode.THORACIC_KYPHOSIS_T4_T12].unmeasurable
    assert reason.bodies == ("T12",)


@pytest.mark.parametrize("faces", list(Facing))
def test_the_first_corners_tell_which_way_the_patient_looks(film: Analysis, faces: Facing) -> None:
    marks = {m.name: (m.x, m.y) for m in spine_bodies(faces=faces)[10].landmarks}
    corners = [marks[name] for name in CORNERS]
    added = add_vertebra_by_corners(initial_corrections(film), corners)
    assert added.facing is faces
    assert {m.name: (m.x, m.y) for m in added.vertebrae[0].landmarks if m.name in CORNERS} == marks
    known = add_vertebra_by_corners(replace(added, vertebrae=()), corners[1::-1] + corners[:1:-1])
    assert known.facing is faces


def test_placed_heads_give_the_pelvis_at_once(film: Analysis, outlined: Corrections) -> None:
    found = by_code(apply_corrections(film, outlined))
    for code in PELVIC:
        assert found[code].value == pytest.approx(true_angles()[code], abs=1e-6)
        assert found[code].state is MeasureState.EDITED
        assert found[code].automatic_value is None
        assert edited_text(found[code]) == "femoral heads placed manually"
    diameter = found[MeasureCode.FEMORAL_HEADS]
    assert (diameter.unit, diameter.state) == ("mm", MeasureState.DRAWN)
    assert "Femoral heads: 46.0 mm" in measure_sentence(diameter)


def test_undoing_takes_the_pelvis_back(film: Analysis, outlined: Corrections) -> None:
    with_heads = apply_corrections(film, outlined)
    bare = replace(outlined, drawings=())
    without = apply_corrections(with_heads, bare)
    assert by_code(without)[MeasureCode.PELVIC_TILT].value is None
    assert MeasureCode.FEMORAL_HEADS not in by_code(without)
    assert apply_corrections(without, outlined) == apply_corrections(film, outlined) or (
        by_code(apply_corrections(without, outlined)) == by_code(with_heads)
    )


def test_another_drawing_leaves_the_measures_as_they_are(
    film: Analysis, outlined: Corrections
) -> None:
    before = apply_corrections(film, outlined)
    more = add_drawing(outlined, DrawingTool.DISTANCE, ((1, 1), (4, 5)))
    after = by_code(apply_corrections(before, more))
    assert all(after[code] is by_code(before)[code] for code in PELVIC)


def test_a_moved_head_counts(film: Analysis, outlined: Corrections) -> None:
    before = apply_corrections(film, outlined)
    key = outlined.drawings[0].key
    x, y = outlined.drawings[0].points[0]
    moved = move_drawing_point(outlined, key, 0, x - 60, y)
    after = apply_corrections(before, moved)
    assert by_code(after)[PELVIC[0]].value > by_code(before)[PELVIC[0]].value + 1
    gone = apply_corrections(after, delete_drawing(moved, key))
    assert by_code(gone)[PELVIC[0]].value is None


def test_heads_placed_again_replace_those_before(outlined: Corrections) -> None:
    line = add_drawing(outlined, DrawingTool.DISTANCE, ((1, 1), (4, 5)))
    again = add_drawing(line, DrawingTool.FEMORAL_HEADS, ((0, 0), (9, 0), (1, 1), (8, 2)))
    tools = [(drawing.tool, drawing.number) for drawing in again.drawings]
    assert tools == [(DrawingTool.DISTANCE, 1), (DrawingTool.FEMORAL_HEADS, 2)]
    assert drawing_name(again.drawings[1]) == "femoral heads"


def test_heads_are_kept_on_disk(film: Analysis, outlined: Corrections) -> None:
    save_corrections(apply_corrections(film, outlined))
    assert load_corrections(film) == outlined


def test_heads_and_the_pelvis_are_exported(film: Analysis, outlined: Corrections) -> None:
    after = apply_corrections(film, outlined)
    [drawing] = corrections_record(after)["drawings"]
    assert drawing["tool"] == "femoral_heads"
    assert len(drawing["points"]) == 4
    json.dumps(drawing)
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(measurements_csv(after)))}
    assert float(rows["pelvic_incidence"]["value"]) == pytest.approx(52)
    assert rows["pelvic_incidence"]["levels"] == "S1"
    bare = apply_corrections(film, replace(outlined, drawings=()))
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(measurements_csv(bare)))}
    assert rows["pelvic_tilt"]["reason"] == "place both femoral heads"


def test_the_result_in_json_fits_its_schema(film: Analysis, outlined: Corrections) -> None:
    validator = jsonschema.Draft202012Validator(analysis_schema())
    for found in (film, apply_corrections(film, outlined)):
        table = json.loads(json.dumps(analysis_json(found, {})))
        assert [error.message for error in validator.iter_errors(table)] == []


def test_a_calibration_changes_lengths_and_no_angle(film: Analysis, outlined: Corrections) -> None:
    before = by_code(apply_corrections(film, outlined))
    scaled = calibrate(outlined, (0, 0), (100, 0), 2 * 100 * SPACING_MM, film.image)
    after = by_code(apply_corrections(film, scaled))
    sva = MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1
    assert after[sva].value == pytest.approx(2 * before[sva].value)
    for code in PELVIC:
        assert after[code].value == pytest.approx(before[code].value)


def test_the_legend_of_a_high_film_stands_beside_it(film: Analysis, outlined: Corrections) -> None:
    after = apply_corrections(film, outlined)
    picture = overlay_picture(after)
    rows, columns = film.image.shape
    assert picture.height == rows
    assert picture.width > 1.5 * columns
    lower = overlay_picture(replace(after, examination=LATERAL_NECK))
    assert lower.width == columns
    assert lower.height > rows
