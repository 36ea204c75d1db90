"""Named points of a user's own model: placed, told, saved and drawn, in pixels of the file."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from spinealign.analysis import analyze_file, analyze_image
from spinealign.batch.cohort import IMAGE_COLUMNS, image_row
from spinealign.batch.state import ItemStatus, Row
from spinealign.batch.worker import record_of
from spinealign.domain.errors import ModelError
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import ModelStatus, WarningCode
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpacingSource
from spinealign.domain.model_card import LandmarkRule, ModelCard
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.export.exporters import EXPORTERS, available_kinds
from spinealign.export.overlay import overlay_picture
from spinealign.export.point_tables import POINT_COLUMNS, points_csv
from spinealign.export.points import COLOUR
from spinealign.export.tables import analysis_json, analysis_schema
from spinealign.imaging.point_labels import place_names
from spinealign.imaging.presenting import as_shown
from spinealign.inference.engine import LoadedModel
from spinealign.model_store import trial
from spinealign.scripting import Result
from spinealign.wording import headline, is_demonstration
from spinealign.wording.finding_text import finding_text
from spinealign.wording.model_card import CLASSES_CAPTION, task_sections
from spinealign.wording.points import POINT_HEADINGS, point_rows, points_headline
from tests.core.test_one_way import Store
from tests.examinations import LATERAL_NECK
from tests.located import (
    BRIGHT,
    FAINT,
    NAMES,
    GreySpots,
    located,
    point_card,
    point_model,
    spotted,
    with_points,
)

DEMO = ModelStatus.DEMONSTRATION


def analysed(image=None, **changes):
    store = Store(point_model(**changes))
    return run_to_end(analyze_image(image or spotted(), store, LATERAL_NECK))


def at(point):
    return (point.x, point.y)


def test_points_are_placed_with_names_and_confidence_and_unsure_ones_are_told_so():
    found = analysed().located
    assert [point.name for point in found.points] == [NAMES[0], NAMES[1]]
    assert at(found.points[0]) == pytest.approx(BRIGHT, abs=0.3)
    assert at(found.points[1]) == pytest.approx(FAINT, abs=0.3)
    assert [point.is_sure for point in found.points] == [True, False]
    assert found.points[0].confidence == pytest.approx(0.8, abs=0.1)
    assert (found.not_found, found.trusted_from) == (("nowhere",), 0.5)
    assert (found.sure, found.unsure) == (found.points[:1], found.points[1:])


def test_what_a_card_trusts_decides_which_points_are_sure():
    low = LandmarkRule(2.0, 2, 4.0, 0.1, trusted_peak=0.2)
    assert all(point.is_sure for point in analysed(landmarks=low).located.points)
    high = LandmarkRule(2.0, 2, 4.0, 0.1, trusted_peak=0.95)
    assert not any(point.is_sure for point in analysed(landmarks=high).located.points)


def test_the_card_in_words_says_from_when_on_points_are_sure():
    told = dict(task_sections(point_card()))[CLASSES_CAPTION]
    assert told.endswith("nowhere; sure from a confidence of 0.50 on")


def test_a_card_that_trusts_what_it_does_not_even_tell_is_refused():
    wrong = replace(point_card(), landmarks=LandmarkRule(2.0, 2, 4.0, 0.4, trusted_peak=0.3))
    with pytest.raises(ValueError, match="trusted_peak"):
        ModelCard.from_json(wrong.to_json())
    assert ModelCard.from_json(point_card().to_json()).landmarks.trusted_peak == 0.5


@pytest.mark.parametrize("kind", list(ExaminationKind), ids=str)
def test_points_may_be_placed_on_every_kind_of_examination(kind):
    assert "landmarks" in EXAMINATIONS[kind].tasks


@pytest.mark.parametrize("turn_deg", [90, 180, 270, 12])
def test_points_of_a_turned_picture_lie_where_the_file_has_them(monkeypatch, turn_deg):
    """The film was turned by hand before it was analysed: the file's own pixels are told."""
    turned = Presentation(upright_deg=turn_deg, analysed_deg=turn_deg)
    image = replace(spotted(), presentation=turned)
    found = analysed(image)
    assert found.image.shape == (160, 120)
    assert at(found.located.points[0]) == pytest.approx(BRIGHT, abs=0.6)
    assert at(found.located.points[1]) == pytest.approx(FAINT, abs=0.6)


def test_pictures_show_points_where_they_are_seen_and_tables_where_the_file_has_them():
    found = with_points(analysed())
    mirrored = replace(
        found, image=replace(found.image, presentation=Presentation(turn_deg=90, is_mirrored=True))
    )
    shown = as_shown(mirrored)
    # Turned by a quarter to the left, then mirrored: what was on top is on the right.
    x, y = 160 - BRIGHT[1], 120 - BRIGHT[0]
    assert shown.image.shape == (120, 160)
    assert at(shown.located.points[0]) == pytest.approx((x, y))
    value = shown.image.pixels[round(y - 0.5), round(x - 0.5)]
    assert value == pytest.approx(shown.image.pixels.max(), abs=2)
    told = analysis_json(mirrored, {})["points"]["points"][0]
    assert (told["x"], told["y"]) == pytest.approx(BRIGHT)


def test_millimetres_stand_only_beside_a_known_spacing_and_go_by_rows_and_columns():
    oblong = replace(spotted(), spacing_mm=(0.5, 0.25))
    rows = Result(replace(with_points(analysed()), image=oblong)).points
    assert (rows[0]["x"], rows[0]["y"]) == pytest.approx(BRIGHT)
    assert (rows[0]["x_mm"], rows[0]["y_mm"]) == pytest.approx((37.3 * 0.25, 21.8 * 0.5))
    unknown = replace(spotted(), spacing_mm=None, spacing_source=SpacingSource.UNKNOWN)
    result = Result(replace(with_points(analysed()), image=unknown))
    assert (result.points[0]["x_mm"], result.points[0]["y_mm"]) == (None, None)
    assert (result.points[1]["sure"], result.points_not_found) == (False, ("nowhere",))
    cells = list(csv.DictReader(io.StringIO(points_csv(result.analysis))))
    assert (cells[0]["x_mm"], cells[0]["spacing_source"]) == ("", "")
    assert Result(analysed_without()).points == []


def analysed_without():
    return run_to_end(analyze_image(spotted(), Store(), LATERAL_NECK))


def test_the_result_object_and_the_table_hold_each_point_once():
    found = with_points(analysed())
    told = analysis_json(found, {})
    jsonschema.validate(told, analysis_schema())
    assert told["points"]["model"] == "spots"
    assert told["points"]["not_found"] == ["nowhere"]
    assert told["points"]["points"][1] == {
        "name": "low right", "x": 81.6, "y": 118.4, "x_mm": 40.8, "y_mm": 59.2,
        "confidence": 0.28, "sure": False,
    }  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(points_csv(found))))
    assert tuple(rows[0]) == POINT_COLUMNS
    assert [(row["point"], row["state"]) for row in rows] == [
        ("top left", "sure"), ("low right", "unsure"), ("nowhere", "not_found"),
    ]  # fmt: skip
    assert [row["x_px"] for row in rows] == ["37.3", "81.6", ""]
    assert (rows[0]["x_mm"], rows[0]["spacing_source"]) == ("18.65", "dicom_pixel_spacing")
    assert analysis_json(analysed_without(), {})["points"] is None


def test_a_folder_of_results_has_the_table_where_there_are_points():
    assert "points" in available_kinds(with_points(analysed()))
    assert "points" not in available_kinds(analysed_without())
    assert EXPORTERS["points"].file_name == "points.csv"


def test_the_finding_says_how_many_points_were_placed_and_which_are_in_doubt():
    said = "Placed 2 of 3 points of “Two spots”; unsure: “low right”; not found: “nowhere”."
    assert points_headline(located()) == said
    assert headline(analysed()).endswith(said)
    text = finding_text(with_points(analysed()))
    assert "top left\t37.3, 21.8\t18.6, 10.9\t0.87" in text.splitlines()
    assert "low right\t81.6, 118.4\t40.8, 59.2\t0.28\tunsure" in text.splitlines()
    assert "from a confidence of 0.50 on" in text
    nobody = replace(located(), points=(), not_found=NAMES)
    assert points_headline(nobody) == "None of the 3 points of “Two spots” was found."
    many = replace(located(), not_found=tuple(f"p{n}" for n in range(9)))
    assert points_headline(many).endswith("“p4”, “p5” and 3 more.")
    assert all(len(row) == len(POINT_HEADINGS) for row in point_rows(located(), None))


def test_points_of_a_demonstration_say_so_everywhere():
    found = analysed(status=DEMO)
    assert is_demonstration(found)
    assert "Demonstration model: placed 2 of 3" in headline(found)
    assert WarningCode.DEMONSTRATION_MODEL in {caution.code for caution in found.cautions}
    sound = analysed()
    assert not is_demonstration(sound)
    assert [model.name for model in sound.models] == ["spots"]
    # Something was placed: it is not said that there is no model.
    assert WarningCode.NO_MODEL_FOR_VIEW not in {caution.code for caution in sound.cautions}
    assert WarningCode.NO_MODEL_FOR_VIEW in {c.code for c in analysed_without().cautions}


def painted(picture, scale, place):
    """Return how many pixels near a place have the colour of points."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    x, y = round(place[0] * scale), round(place[1] * scale)
    part = pixels[max(y - 9, 0) : y + 10, max(x - 9, 0) : x + 10]
    return int((np.abs(part - COLOUR).sum(axis=-1) < 60).sum())


def test_the_overlay_has_a_dot_where_a_point_is_sure_and_a_ring_where_it_is_not():
    drawn = overlay_picture(with_points(analysed_without()))
    plain = overlay_picture(analysed_without())
    scale = drawn.width / 120
    for place in (BRIGHT, FAINT):
        assert painted(plain, scale, place) == 0
        assert painted(drawn, scale, place) > 15
    # An unsure point is hollow: the picture is seen in its middle.
    row, column = round(FAINT[1] * scale), round(FAINT[0] * scale)
    assert np.asarray(drawn)[row, column].tolist() == np.asarray(plain)[row, column].tolist()
    row, column = round(BRIGHT[1] * scale), round(BRIGHT[0] * scale)
    assert np.asarray(drawn)[row, column].tolist() != np.asarray(plain)[row, column].tolist()


def test_names_stand_beside_their_points_over_nothing_else():
    points = np.array([[50.0, 50.0], [60.0, 50.0], [50.0, 60.0], [95.0, 80.0]])
    sizes = np.full((4, 2), (30.0, 10.0))
    boxes = place_names(points, sizes, (0, 0, 100, 100), 6)
    assert all(box is not None for box in boxes)
    for k, box in enumerate(boxes):
        assert 0 <= box[0] < box[2] <= 100
        for other in boxes[k + 1 :]:
            assert (
                box[2] <= other[0]
                or other[2] <= box[0]
                or box[3] <= other[1]
                or (other[3] <= box[1])
            )
        for j, (x, y) in enumerate(points):
            assert j == k or not (box[0] < x < box[2] and box[1] < y < box[3])
    assert boxes[3][2] < 95
    assert place_names(points[:1], np.array([[200.0, 10.0]]), (0, 0, 100, 100), 6) == [None]
    blocked = place_names(points[:1], sizes[:1], (0, 0, 100, 100), 6, [(0, 0, 100, 100)])
    assert blocked == [None]


def test_a_series_and_a_file_are_analysed_alike(tmp_path):
    from PIL import Image

    path = tmp_path / "film.png"
    Image.fromarray(spotted().pixels.astype(np.uint8)).save(path)
    found = run_to_end(analyze_file(path, Store(point_model()), LATERAL_NECK))
    assert at(found.located.points[0]) == pytest.approx(BRIGHT, abs=0.4)
    assert found.image.presentation == AS_IN_FILE
    assert "place points" in found.seconds


def test_the_trial_before_installing_runs_the_network_and_looks_at_every_heat_map():
    assert trial._answers(point_model())
    other = LandmarkRule(2.0, 4, 4.0, 0.1)
    assert not trial._answers(point_model(landmarks=other))
    with pytest.raises(ModelError):
        trial._answers(point_model(classes=("one", "two")))

    class Broken(GreySpots):
        def run(self, batch, **others):
            return {"points": super().run(batch, **others)["points"] * np.nan}

    assert not trial._answers(LoadedModel(point_card(), Broken()))


def test_a_batch_counts_the_points_of_each_image():
    def row(analysis):
        record = json.dumps(record_of(analysis))
        return image_row(
            Row("a", 1, Path("film.png"), "film", ItemStatus.DONE, 1, "", "", 1.0, record)
        )

    told = row(with_points(analysed_without()))
    names = ("points_sure", "points_unsure", "points_not_found")
    assert [told[name] for name in names] == [1, 1, 1]
    assert set(names) <= set(IMAGE_COLUMNS)
    assert not set(names) & set(row(analysed_without()))
