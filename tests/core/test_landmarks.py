"""Named points of own data: layouts, and errors of points and angles."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from spinealign.data_audit.landmarks import list_marked, places
from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import IntensityRule, LandmarkRule
from spinealign.inference.engine import LoadedModel
from spinealign.locate import locate_with
from spinealign.training.own.pictures import list_pictures
from tests.cards import classifier_card
from tests.phantoms_spine import spine_image

LABELME = {"shapes": [{"label": "a", "points": [[3, 4]], "shape_type": "point"}], "imagePath": ""}


def picture(folder, name="p.png"):
    Image.fromarray(np.zeros((20, 10), np.uint8)).save(folder / name)
    return folder


def table(folder, text):
    (picture(folder) / "t.csv").write_text(text)
    return folder


@pytest.mark.parametrize(
    "text",
    ["image,A_x,A_y,b_x,b_y\np.png,3,4,,\n", "image;point;x;y\np;A;3;4\np;b;;\n"],
    ids=["wide", "long"],
)
def test_a_table_says_names_as_they_are_and_nothing_of_unknown_points(tmp_path, text):
    data = table(tmp_path, text.replace("b_x", "B_x").replace("b_y", "B_y").replace(";b;", ";B;"))
    with pytest.raises(DataSetError, match="“B” lies"):
        list_marked(data, coordinates="edges")
    marked = list_marked(data, coordinates="edges", points=["A"])
    assert marked.names == ("A",)
    assert marked.pictures[0].points == {"A": (3.0, 4.0)}


@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_table_may_name_pictures_anywhere_as_all_tables_may(tmp_path, is_absolute):
    for name in ("pictures", "lists"):
        (tmp_path / name).mkdir()
    place = picture(tmp_path / "pictures") / "p.png"
    given = place.as_posix() if is_absolute else "../pictures/p.png"
    listed = tmp_path / "lists" / "t.csv"
    listed.write_text(f"image,a_x,a_y\n{given},1,2\n")
    (found,) = list_marked(listed, coordinates="edges").pictures
    assert found.path.resolve() == place.resolve()
    assert found.name == given
    assert places(found, ["a"], "edges", (20, 10)).tolist() == [[1, 2]]
    listed.write_text("image,label\n" + f"{given},wide\n")
    (same,) = list_pictures(listed).pictures
    assert (same.path.resolve(), same.name) == (place.resolve(), given)
    listed.write_text("image,a_x,a_y\n../gone.png,1,2\n")
    with pytest.raises(DataSetError, match=r"is not there; name pictures from the folder of"):
        list_marked(listed, coordinates="edges")


def test_a_table_must_state_what_its_coordinates_count_from(tmp_path):
    data = table(tmp_path, "image,a_x,a_y\np.png,3,4\n")
    with pytest.raises(DataSetError, match="State it"):
        list_marked(data)
    found = {
        told: places(list_marked(data, coordinates=told).pictures[0], ["a"], told, (20, 10))
        for told in ("edges", "centres")
    }
    assert found["edges"].tolist() == [[3.0, 4.0]]
    assert found["centres"].tolist() == [[3.5, 4.5]]


@pytest.mark.parametrize(
    ("cells", "said"), [("15,4", "swapped"), ("0,0", "leave its"), ("3,", "only x or only y")]
)
def test_points_that_cannot_be_are_refused(tmp_path, cells, said):
    data = table(tmp_path, f"image,a_x,a_y\np.png,{cells}\n")
    with pytest.raises(DataSetError, match=said):
        places(list_marked(data, coordinates="edges").pictures[0], ["a"], "edges", (20, 10))


def test_coco_keypoints_that_are_not_labelled_are_unknown(tmp_path):
    told = {
        "images": [{"id": 1, "file_name": "p.png"}],
        "annotations": [{"image_id": 1, "category_id": 2, "keypoints": [3, 4, 1, 0, 0, 0]}],
        "categories": [{"id": 2, "name": "spine", "keypoints": ["a", "b"]}],
    }
    (picture(tmp_path) / "coco.json").write_text(json.dumps(told))
    marked = list_marked(tmp_path, points=["a"])
    assert (marked.layout, marked.pictures[0].points) == ("coco-keypoints", {"a": (3.0, 4.0)})


def test_labelme_points_are_read_and_a_point_twice_is_refused(tmp_path):
    one = {**LABELME, "imagePath": "p.png"}
    (picture(tmp_path) / "p.json").write_text(json.dumps(one))
    assert list_marked(tmp_path).pictures[0].points == {"a": (3.0, 4.0)}
    (tmp_path / "p.json").write_text(json.dumps({**one, "shapes": one["shapes"] * 2}))
    with pytest.raises(DataSetError, match="twice"):
        list_marked(tmp_path)


@pytest.mark.train
def test_errors_and_angles_are_those_of_the_distances():
    pytest.importorskip("sklearn")
    from spinealign.evaluation.landmarks import (
        PointedCases,
        angle_cases,
        angle_told,
        point_figures_by_patient,
    )

    truth = np.array([[[0, 0], [10, 0], [0, 0], [0, 10]]] * 2, float)
    found = truth + np.array([3.0, 4.0])
    found[1, 1] = np.nan
    cases = PointedCases(
        ("i", "j"), ("p", "q"), ("a", "b", "c", "d"), truth, found, np.full((2, 2), 0.5),
        np.full((2, 2), 100.0), np.full((2, 4), 0.9),
    )  # fmt: skip
    figures = point_figures_by_patient(cases, draws=20)
    assert figures["error_px"].value == pytest.approx(5)
    assert figures["median_error_mm"].value == pytest.approx(2.5)
    # A point that was not found is outside of every limit.
    assert figures["within_2.5_mm"].value == pytest.approx(7 / 8)
    assert figures["within_2_mm"].value == 0
    assert figures["found/b"].value == pytest.approx(1 / 2)
    told = angle_cases(cases, angle_told("right=a,b,c,d", cases.classes))
    assert (told.truth.tolist(), told.measured.tolist()) == ([90.0], [90.0])


class SpotEngine:
    """Answers spots where bright pixels are, in cells of two pixels; counts how it was asked."""

    name = "spots"

    def __init__(self):
        self.asked = []

    def run(self, batch, **_):
        grey = batch[0, ..., 0]
        self.asked.append(grey)
        cells = grey.reshape(grey.shape[0] // 2, 2, grey.shape[1] // 2, 2).mean(axis=(1, 3))
        heat = np.maximum(0.9 * cells, 0.001)[None, ..., None]
        return {"points": np.log(heat / (1 - heat)).astype(np.float32)}


def test_the_second_look_is_magnified_and_places_a_point_to_a_fraction_of_a_pixel():
    rule = LandmarkRule(zoom=4.0, stride=2, search_cells=4.0, least_peak=0.05)
    card = replace(
        classifier_card(), task="landmarks", classes=("a",), landmarks=rule, input_shape=(64, 64),
        intensity=IntensityRule(), positive_class=None, positive_output=None, threshold=None,
    )  # fmt: skip
    engine = SpotEngine()
    model = LoadedModel(card, engine)
    down, across = np.indices((400, 300)) + 0.5
    pixels = 255 * np.exp(-((across - 210.3) ** 2 + (down - 121.8) ** 2) / (2 * 12**2))
    image = replace(spine_image(), pixels=pixels.astype(np.float32), bits=8)
    [point] = locate_with(model, image).points
    assert (point.x, point.y) == pytest.approx((210.3, 121.8), abs=0.25)
    first, second = (int((grey > 0.5).sum()) for grey in engine.asked)
    # Four times as long and as wide.
    assert second / first == pytest.approx(16, rel=0.25)
