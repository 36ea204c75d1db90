"""Named points of own data: trained, measured, installed and evaluated; needs TensorFlow."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.cli.main import run_command
from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_store import ModelStoreError
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore, read_card
from spinealign.locate import locate_with
from spinealign.model_store.trial import try_here
from spinealign.training.augment import Exposure, Geometry
from spinealign.training.own.about import Judgement, Stated
from spinealign.training.own.landmark_patches import (
    UNKNOWN,
    PointedPicture,
    PointPatches,
    PointPatchSettings,
    heat_maps,
    swaps_of,
)
from spinealign.training.own.landmark_recipe import LandmarkJob, LandmarkRecipe
from spinealign.training.own.landmarks import point_loss, train_landmarks
from spinealign.training.train import Checkpoint
from tests.pointed import pointed

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
STILL = Geometry(rotation_deg=0, scale=(0.95, 1.05), anisotropy=0, shear=0, shift=0.05, flip=False)


def job(tmp_path, data, steps=60, **changes):
    recipe = LandmarkRecipe(
        widths=(8, 12), context=(2,), input_px=64, zoom=2.0, batch=4, steps=steps, save_every=10,
        learning_rate=1e-2, geometry=STILL, exposure=Exposure(0.05, 0.05, 0.01),
    )  # fmt: skip
    standard = LandmarkJob(
        data=data, work=tmp_path / "work", out=tmp_path / "models" / "mine", recipe=recipe,
        coordinates="edges", audit=lambda *_: Judgement(),
    )  # fmt: skip
    return replace(standard, **changes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("points")
    stated = Stated(image_kind=ImageKind.OBLIQUE_FILM)
    card = train_landmarks(job(folder, pointed(folder / "data", patients=8), stated=stated))
    return folder, card


def test_a_tiny_network_places_points_to_a_fraction_of_a_pixel(trained):
    folder, card = trained
    held = card.metrics["held_out"]
    assert held["images"] == 2
    assert held["found"]["value"] == 1.0
    assert held["error_px"]["value"] < 1.0, held
    with (folder / "work" / "results" / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    away = np.array(
        [[float(r["x"]) - float(r["truth_x"]), float(r["y"]) - float(r["truth_y"])]
         for r in rows if r["x"] and r["truth_x"]]
    )  # fmt: skip
    # Half a pixel to one side would show in the mean.
    assert np.abs(away.mean(axis=0)).max() < 0.4, away.mean(axis=0)
    unknown = [r for r in rows if r["image"].endswith("p1.png") and r["point"] == "b"]
    assert [r["truth_x"] for r in unknown] == [""]


def test_the_card_says_what_was_known_and_what_was_never_taught(trained, monkeypatch):
    # A limit of memory would stay with the process of the tests.
    monkeypatch.setattr("spinealign.model_store.trial._limit_memory", lambda: None)
    folder, card = trained
    assert read_card(folder / "models" / "mine") == card
    assert card.task == "landmarks"
    assert card.classes == ("a", "b")
    assert card.status is ModelStatus.DEMONSTRATION
    assert "absent" in " ".join(card.known_failures)
    assert "Trained on 6 pictures of 6 patients" in card.training_data
    assert card.training["coordinates"] == "edges"
    assert card.image_kinds == (ImageKind.OBLIQUE_FILM,)
    assert try_here(folder / "models" / "mine")


def test_a_model_of_points_is_evaluated_and_its_table_read_again(trained, capsys):
    folder, _ = trained
    model, out = str(folder / "models" / "mine"), folder / "told"
    wanted = ["--angle", "tilt=a,b,b,a"]
    told = ["evaluate", model, str(folder / "data"), "--out", str(out), "--coordinates", "edges"]
    assert run_command(told) == 0
    assert "learned from" in capsys.readouterr().out
    first = json.loads((out / "evaluation.json").read_text())
    assert first["kind"] == "points"
    assert first["patients"] == 8
    again = folder / "again"
    table = str(out / "predictions.csv")
    assert run_command(["evaluate", table, "--points", "--out", str(again), *wanted]) == 0
    second = json.loads((again / "evaluation.json").read_text())
    for name in ("error_px", "within_1_percent", "found", "error_px/b"):
        assert second["figures"][name]["value"] == pytest.approx(
            first["figures"][name]["value"], abs=1e-3
        )
    assert second["figures"]["mean_absolute_error/tilt"]["value"] == pytest.approx(0, abs=1e-6)
    assert "Bland-Altman" in (again / "evaluation.html").read_text()


def package(folder, *words, names=("a", "b"), network=None):
    path = folder / "work" / "results" / "model.keras"
    if network is not None:
        path = folder / "other.keras"
        network.save(path)
    told = ["package", str(path), "--points", *names, "--out", str(folder / "packed" / "mine")]
    return run_command([*told, "--percentiles", "0.5", "99.5", "--clahe", "2", *words])


def test_a_network_of_points_is_packaged_and_places_what_it_placed_before(trained, capsys):
    folder, card = trained
    assert package(folder, "--second-look", "2", "--examination", "lateral-neck") == 0
    packed = read_card(folder / "packed" / "mine")
    assert (packed.task, packed.classes) == ("landmarks", ("a", "b"))
    assert packed.landmarks == card.landmarks
    assert packed.intensity == card.intensity
    assert packed.status is ModelStatus.DEMONSTRATION
    assert packed.threshold is packed.positive_class is None
    image = read_image(folder / "data" / "images" / "p0.png")
    found, before = (
        locate_with(ModelStore([folder / where]).load("mine"), image)
        for where in ("packed", "models")
    )
    assert [point.name for point in found.points] == [point.name for point in before.points]
    for one, other in zip(found.points, before.points, strict=True):
        assert (one.x, one.y) == pytest.approx((other.x, other.y), abs=0.1)
        assert one.confidence == pytest.approx(other.confidence, abs=0.01)


@pytest.mark.parametrize(
    ("words", "names", "told"),
    [
        ((), ("a", "b"), "state --second-look"),
        (("--second-look", "2"), ("a", "b", "c"), "--points names 3 different points"),
        (("--second-look", "2"), ("a", "a"), "--points names 1 different points"),
        (("--second-look", "0"), ("a", "b"), "its card would be refused"),
        (("--second-look", "2", "--trusted-peak", "0.05"), ("a", "b"), "is least_peak or more"),
        (("--second-look", "2", "--scaling", "unit"), ("a", "b"), "--scaling must be grey"),
    ],
)  # fmt: skip
def test_what_a_card_of_points_needs_is_asked_for_and_never_guessed(
    trained, tmp_path, capsys, words, names, told
):
    folder, _ = trained
    assert package(folder, *words, "--out", str(tmp_path / "mine"), names=names) != 0
    assert told in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_heat_maps_whose_cells_are_no_squares_are_refused(tmp_path, capsys):
    image = keras.layers.Input((32, 32, 1))
    heat = keras.layers.Conv2D(2, 1, strides=(2, 4), activation="sigmoid")(image)
    assert package(tmp_path, "--second-look", "1", network=keras.Model(image, heat)) != 0
    assert "no whole square" in capsys.readouterr().err
    even = keras.layers.Conv2D(2, 1, strides=4, activation="sigmoid")(image)
    assert package(tmp_path, "--second-look", "1", network=keras.Model(image, even)) == 0
    assert read_card(tmp_path / "packed" / "mine").landmarks.stride == 4


def test_a_killed_training_goes_on_with_the_same_curve(tmp_path, monkeypatch):
    data = pointed(tmp_path / "data", patients=4)
    whole = job(tmp_path, data, 30, work=tmp_path / "whole")
    train_landmarks(whole)
    save = Checkpoint.save

    def die(self, model, average, step, curve=()):
        save(self, model, average, step, curve)
        if step == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", die)
    cut = job(tmp_path, data, 30, work=tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        train_landmarks(cut)
    monkeypatch.setattr(Checkpoint, "save", save)
    train_landmarks(cut)
    curves = [
        json.loads((tmp_path / name / "results" / "history.json").read_text())["training"]
        for name in ("whole", "cut")
    ]
    assert [p["step"] for p in curves[0]] == [10, 20, 30]
    losses = [[point["loss"] for point in curve] for curve in curves]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_nothing_is_learned_of_a_point_that_nobody_knows():
    points = np.array([[10.0, 6.0], [np.nan, np.nan]])
    labels = heat_maps(points, (32, 24))
    assert labels.shape == (16, 12, 2)
    # x 10, y 6 is column 5, row 3 in cells of 2: between cells 4 and 5, and 2 and 3.
    assert np.unravel_index(labels[..., 0].argmax(), (16, 12)) in ((2, 4), (3, 5), (2, 5), (3, 4))
    assert (labels[..., 1] == UNKNOWN).all()
    wrong = np.full((1, 16, 12, 2), -8.0, np.float32)
    other = wrong.copy()
    other[..., 1] = 8.0
    loss = point_loss()
    assert float(loss(labels[None], wrong)) == float(loss(labels[None], other))


def test_mirrored_crops_swap_pairs_and_only_those():
    assert swaps_of(("l", "m", "r"), {"l": "r"}) == (2, 1, 0)
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, :32] = 255
    one = PointedPicture("a", "p", pixels, np.array([[16.0, 32.0], [48.0, 32.0]]))
    still = Geometry(rotation_deg=0, scale=(1, 1), anisotropy=0, shear=0, shift=0, flip=True)
    settings = PointPatchSettings(
        (64, 64), 1.0, 0.0, geometry=still, exposure=Exposure(0, 0, 0), swaps=(1, 0)
    )
    patches = PointPatches([one], settings, 0)
    sides = set()
    for step in range(12):
        images, heat = next(patches.from_step(step, 1))
        column = int(heat[0, ..., 0].max(axis=0).argmax())
        sides.add(bool(images[0, 32, 8, 0] > 0.5))
        # The first point is the one on the left of the picture, whatever side is bright.
        assert column in (7, 8), (step, column)
    assert sides == {True, False}


@pytest.mark.parametrize(
    ("flip", "pairs", "said"),
    [(True, None, "swaps left and right"), (False, {"a": "b"}, "mirrored pictures only"),
     (True, {"a": "z"}, "were asked for")],
    ids=["no pairs", "no flip", "no such point"],
)  # fmt: skip
def test_sides_are_never_guessed(tmp_path, flip, pairs, said):
    wanted = job(tmp_path, pointed(tmp_path / "data"), mirror_pairs=pairs)
    geometry = replace(wanted.recipe.geometry, flip=flip)
    with pytest.raises(DataSetError, match=said):
        train_landmarks(replace(wanted, recipe=replace(wanted.recipe, geometry=geometry)))


def test_other_points_in_the_same_work_begin_anew(tmp_path):
    data = pointed(tmp_path / "data", patients=4)
    train_landmarks(job(tmp_path, data, 1))
    other = job(tmp_path, data, 1, coordinates="centres")
    with pytest.raises(ModelStoreError, match="other_there"):
        train_landmarks(other)
    train_landmarks(replace(other, is_replacing=True))
    assert len(list((tmp_path / "work").glob("landmarks-*"))) == 2
