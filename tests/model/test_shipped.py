"""The weights that ship: sizes, honesty of their cards, and what they find."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from spinealign.analysis import analyze_image
from spinealign.domain.discs import GradeName
from spinealign.domain.findings import ModelStatus
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpineImage
from spinealign.domain.paths import models_dirs
from spinealign.imaging.read import read_image
from spinealign.imaging.samples import list_samples
from spinealign.inference.catalog import ModelStore
from spinealign.lumbar import grade_discs
from spinealign.measure.outlines.regions import dice_coefficient
from spinealign.predict import classify_with, network_input, segment_with
from spinealign.radiograph import outline_film, outline_vertebrae
from spinealign.radiograph.looks import COLUMN_LEVELS

pytestmark = pytest.mark.model
SAMPLES = {sample.name: sample for sample in list_samples()}
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LIMIT_MB = {
    "ct_fracture_vgg16": 20,
    "disc_grading": 15,
    "frontal_bodies": 15,
    "mr_segmentation": 15,
    "spine_bodies": 15,
    "view_gate": 4,
    "xray_bodies": 15,
}


@pytest.fixture(scope="module")
def models():
    return ModelStore()


@pytest.fixture(scope="module")
def keras_models():
    pytest.importorskip("tensorflow")
    from spinealign.training.keras_engine import open_keras

    return ModelStore(open_engine=open_keras)


@pytest.mark.parametrize("name", LIMIT_MB)
def test_a_model_fits_its_limit_and_passes_its_checksum(models, name):
    model = models.load(name)
    size = (models_dirs()[-1] / name / model.card.weights).stat().st_size
    assert size < LIMIT_MB[name] * 1e6


def test_the_fracture_classifier_is_a_demonstration_and_says_why(models):
    card = models.load("ct_fracture_vgg16").card
    assert card.status is ModelStatus.DEMONSTRATION
    assert not card.calibrated
    assert "demonstration" in card.limits
    assert card.metrics["cross_validation"]["independent_series"] == 3


@pytest.mark.parametrize(
    ("structure", "at_least"), [("vertebra", 0.90), ("disc", 0.85), ("canal", 0.90)]
)
def test_the_mr_cards_figures_reach_the_goal_with_their_patients(models, structure, at_least):
    figure = models.load("mr_segmentation").card.metrics["validation"]["dice"][structure]
    assert figure["value"] >= at_least
    assert figure["low"] < figure["value"] < figure["high"]
    assert figure["units"] == 8


def test_the_phantom_is_outlined(models):
    sample = SAMPLES["mr_lumbar_phantom"]
    found = segment_with(models.load("mr_segmentation"), read_image(sample.path))
    truth = np.asarray(Image.open(sample.path.parent / "truth_mask.png"))
    scores = {n: dice_coefficient(truth == v, found.mask == v) for v, n in found.classes.items()}
    assert min(scores.values()) > 0.8, scores


def with_wide_pixels(image):
    """Return the image with every other row left out, and what its pixels then measure."""
    rows_mm, cols_mm = image.spacing_mm
    return replace(image, pixels=np.ascontiguousarray(image.pixels[::2]),
                   spacing_mm=(2 * rows_mm, cols_mm))  # fmt: skip


def test_pixels_that_are_not_square_are_outlined_as_well(models):
    sample = SAMPLES["mr_lumbar_phantom"]
    image = with_wide_pixels(read_image(sample.path))
    found = segment_with(models.load("mr_segmentation"), image)
    truth = np.asarray(Image.open(sample.path.parent / "truth_mask.png"))[::2]
    scores = {n: dice_coefficient(truth == v, found.mask == v) for v, n in found.classes.items()}
    assert min(scores.values()) > 0.75, scores


def test_a_film_whose_pixels_are_not_square_has_the_same_bodies(models):
    image = read_image(SAMPLES["xray_lateral_phantom"].path)
    found = [
        outline_vertebrae(models.load("xray_bodies"), each)
        for each in (image, with_wide_pixels(image))
    ]
    names = [[body.name for body in outlines.vertebrae] for outlines in found]
    assert names[0] == names[1][: len(names[0])] == ["C2", "C3", "C4", "C5", "C6", "C7"]
    masks = [np.isin(outlines.segmentation.mask, range(1, 7)) for outlines in found]
    assert dice_coefficient(masks[0][::2], masks[1]) > 0.85


def test_lordosis_and_canal_of_the_phantom_are_measured(models):
    analysis = run_to_end(analyze_image(read_image(SAMPLES["mr_lumbar_phantom"].path), models))
    assert [body.name for body in analysis.vertebrae][-3:] == ["L4", "L5", "S1"]
    found = {measure.key: measure for measure in analysis.measurements}
    # As drawn: L1's superior endplate at 11.1 degrees, that of S1 at -43.
    assert found["lumbar_lordosis_l1_s1", ("L1", "S1")].value == pytest.approx(54.1, abs=2.0)
    canal = found["canal_diameter", ("L4", "L5")]
    assert canal.unit == "mm"
    assert 10 < canal.value < 14


@pytest.mark.parametrize("name", ["mr_lumbar_phantom", "xray_lateral_phantom"])
def test_the_view_is_found_from_pixels_alone(models, name):
    image = read_image(SAMPLES[name].path)
    low, high = np.percentile(image.pixels, (0.1, 99.9))
    grey = np.clip((image.pixels - low) / (high - low) * 255, 0, 255).astype(np.float32)
    bare = SpineImage(np.kron(grey, np.ones((2, 2), np.float32)), 8, Path("x.png"), "0" * 64)
    analysis = run_to_end(analyze_image(bare, models))
    assert analysis.examination is SAMPLES[name].examination
    assert analysis.models[0].name == "view_gate"


def test_a_picture_of_nothing_is_not_analysed(models):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.float32)
    analysis = run_to_end(analyze_image(SpineImage(noise, 8, Path("x.png"), "0" * 64), models))
    assert analysis.examination is None
    assert analysis.segmentation is None
    assert analysis.classification is None


def mr_images():
    yield read_image(SAMPLES["mr_lumbar_phantom"].path)
    folder = SHARED / "mr_sagittal_segmentation" / "images"
    for path in sorted(folder.glob("078_*"))[:2] if folder.is_dir() else ():
        yield read_image(path)


def ct_images():
    yield read_image(SAMPLES["ct_axial"].path)
    for path in sorted((SHARED / "ct_fracture" / "val").glob("*/*"))[::20]:
        yield read_image(path)


@pytest.mark.train
def test_litert_and_keras_draw_the_same_outlines(models, keras_models):
    small, reference = models.load("mr_segmentation"), keras_models.load("mr_segmentation")
    for image in mr_images():
        ours, theirs = segment_with(small, image), segment_with(reference, image)
        for value in ours.classes:
            same = dice_coefficient(ours.mask == value, theirs.mask == value)
            assert same > 1 - 0.005


FILM_SAMPLES = {
    "frontal_bodies": "xray_frontal_phantom",
    "spine_bodies": "xray_spine_phantom",
    "xray_bodies": "xray_lateral_phantom",
}


@pytest.mark.train
@pytest.mark.parametrize("name", FILM_SAMPLES)
def test_litert_and_keras_see_the_same_on_a_film(models, keras_models, name):
    """Heads that lie side by side have kernels of one shape: none may get another's."""
    small, reference = models.load(name), keras_models.load(name)
    film = read_image(SAMPLES[FILM_SAMPLES[name]].path)
    batch, _ = network_input(film, small.card)
    ours, theirs = small.engine.run(batch), reference.engine.run(batch)
    assert ours.keys() == theirs.keys()
    for output, values in ours.items():
        assert theirs[output] == pytest.approx(values, abs=0.001 * float(np.abs(values).max()))


@pytest.mark.train
def test_litert_and_keras_give_the_same_probability(models, keras_models):
    small, reference = models.load("ct_fracture_vgg16"), keras_models.load("ct_fracture_vgg16")
    for image in ct_images():
        ours, theirs = classify_with(small, image), classify_with(reference, image)
        assert ours.probabilities == pytest.approx(theirs.probabilities, abs=0.01)
        assert np.abs(ours.heatmap - theirs.heatmap).mean() < 0.02


def test_the_heat_map_moves_with_the_image(models):
    image = read_image(SAMPLES["ct_axial"].path)
    mirrored = replace(image, pixels=np.ascontiguousarray(image.pixels[:, ::-1]))
    model = models.load("ct_fracture_vgg16")
    straight, flipped = classify_with(model, image), classify_with(model, mirrored)
    assert straight.heatmap.shape == image.shape
    agreement = np.corrcoef(straight.heatmap.ravel(), flipped.heatmap[:, ::-1].ravel())[0, 1]
    assert agreement > np.corrcoef(straight.heatmap.ravel(), flipped.heatmap.ravel())[0, 1]
    assert agreement > 0.6


NECKS = SHARED / "xray_lateral_neck"


@pytest.mark.skipif(not NECKS.is_dir(), reason="the shared films are not here")
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_whole_neck_of_another_source_is_outlined_and_named(models, side):
    film = read_image(NECKS / "images" / "neck_1.png")
    if side == "left":
        film = replace(film, pixels=np.ascontiguousarray(film.pixels[:, ::-1]))
    found = outline_vertebrae(models.load("xray_bodies"), film)
    levels = [body.level for body in found.vertebrae]
    assert levels[:6] == ["C2", "C3", "C4", "C5", "C6", "C7"]
    assert found.facing == side
    assert not found.levels_uncertain


@pytest.mark.skipif(not NECKS.is_dir(), reason="the shared films are not here")
@pytest.mark.parametrize("neck", ["neck_1", "neck_2", "neck_3"])
def test_both_film_networks_name_necks_that_neither_was_trained_on(models, neck):
    film = read_image(NECKS / "images" / f"{neck}.png")
    both = [models.load(name) for name in ("xray_bodies", "spine_bodies")]
    found = outline_film(both, film, COLUMN_LEVELS[:7])
    assert [body.level for body in found.vertebrae][:6] == ["C2", "C3", "C4", "C5", "C6", "C7"]
    assert not found.levels_uncertain


SPINES = SHARED / "xray_spine_lateral"


@pytest.mark.skipif(not SPINES.is_dir(), reason="the shared films are not here")
def test_a_whole_spine_that_was_trained_on_is_named_from_c2_to_s1(models):
    film = read_image(SPINES / "images" / "22.webp")
    found = outline_film([models.load("spine_bodies")], film, COLUMN_LEVELS)
    levels = [body.level for body in found.vertebrae]
    assert {"C2", "C3", "C4", "C5", "C6", "C7", "L1", "L2", "L3", "L4", "L5", "S1"} <= set(levels)
    assert levels == sorted(levels, key=COLUMN_LEVELS.index)
    assert found.facing == "right"


@pytest.mark.parametrize("network", ["xray_bodies", "spine_bodies"])
@pytest.mark.parametrize("name", ["mr_lumbar_phantom", "ct_axial"])
def test_no_body_is_outlined_on_what_is_no_film(models, name, network):
    found = outline_film([models.load(network)], read_image(SAMPLES[name].path), COLUMN_LEVELS)
    assert found.vertebrae == ()
    assert not found.segmentation.mask.any()


def test_the_film_cards_figures_reach_the_goals(models):
    figures = models.load("xray_bodies").card.metrics
    held_out = figures["validation"]
    assert held_out["dice_all_bodies"]["value"] >= 0.92
    assert held_out["dice_per_level"]["value"] >= 0.88
    assert held_out["corner_error_median"]["value"] <= 0.06
    assert held_out["corner_error_p90"]["value"] <= 0.15
    assert held_out["films_named_right"]["value"] >= 0.95
    base = held_out["dice_all_bodies"]["value"]
    for name, row in figures["robustness"].items():
        assert base - row["dice_all_bodies"]["value"] <= 0.03, name
    assert figures["pictures_without_column"]["outlined"] == 0


def test_the_mr_models_together_are_small(models):
    folders = [models_dirs()[-1] / name for name in ("mr_segmentation", "disc_grading")]
    sizes = [(folder / "model.tflite").stat().st_size for folder in folders]
    assert sum(sizes) < 25e6


def graded(store, image):
    segmentation = segment_with(store.load("mr_segmentation"), image)
    return grade_discs(segmentation, image, store.load("disc_grading"))


def test_every_disc_of_the_phantom_is_found_and_graded(models):
    sample = SAMPLES["mr_lumbar_phantom"]
    truth = np.asarray(Image.open(sample.path.parent / "truth_mask.png"))
    parts = cv2.connectedComponents((truth == 2).astype(np.uint8))[0] - 1
    discs = graded(models, read_image(sample.path)).discs
    assert len(discs) == parts
    for disc in discs:
        assert [grade.name for grade in disc.grades] == list(GradeName)
        x, y = np.add(disc.anterior, disc.posterior) / 2
        assert truth[int(y), int(x)] == 2
        for grade in disc.grades:
            assert sum(grade.probabilities) == pytest.approx(1)
            assert grade.calibrated


@pytest.mark.train
def test_litert_and_keras_grade_alike(models, keras_models):
    """int8 convolutions quantise on the fly, so probabilities differ a little."""
    for image in mr_images():
        pairs = zip(graded(models, image).discs, graded(keras_models, image).discs, strict=True)
        gaps = [
            abs(a - b)
            for ours, theirs in pairs
            for one, other in zip(ours.grades, theirs.grades, strict=True)
            for a, b in zip(one.probabilities, other.probabilities, strict=True)
        ]
        assert np.mean(gaps) < 0.01
        assert np.max(gaps) < 0.06


def test_a_mirrored_slice_is_graded_alike(models):
    image = read_image(SAMPLES["mr_lumbar_phantom"].path)
    mirrored = replace(image, pixels=np.ascontiguousarray(image.pixels[:, ::-1]))
    straight, flipped = graded(models, image).discs, graded(models, mirrored).discs
    gaps = [
        abs(one.grade("pfirrmann").severity - other.grade("pfirrmann").severity)
        for one, other in zip(straight, flipped, strict=True)
    ]
    assert np.mean(gaps) < 0.5
