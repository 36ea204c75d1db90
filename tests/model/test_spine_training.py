"""The recipe for lateral films of any source on tiny networks; needs TensorFlow."""

from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.inference.catalog import ModelStore
from spinealign.radiograph.looks import COLUMN_CLASSES
from spinealign.training import networks, spine_bodies
from spinealign.training.dataset import IGNORE
from spinealign.training.package import to_litert, write_model_folder
from spinealign.training.spine_films import HEAD_SOURCE, NECK_SOURCE, SPINE_SOURCE
from spinealign.training.xray import XrayRecipe, xray_card
from tests.films import write_sources

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
WIDTHS = (8, 8, 12)
TINY = spine_bodies.SpineRecipe(
    widths=WIDTHS, input_px=64, crop=(64, 64), batch=2, steps=3, negatives_per_folder=2,
    left_out=(NECK_SOURCE, SPINE_SOURCE), shares={HEAD_SOURCE: 1.0},
)  # fmt: skip


@pytest.fixture(autouse=True)
def full_precision():
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@pytest.fixture
def data(tmp_path):
    folder = write_sources(tmp_path / "data")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/unlabelled.json").write_text("{}", "utf-8")
    return folder


def labels(shape=(1, 16, 16)):
    made = np.zeros((*shape, 8), np.uint8)
    made[..., 5] = 255
    return made


def outputs(shape=(1, 16, 16)):
    made = np.zeros((*shape, 10), np.float32)
    made[..., 0] = 4
    made[..., 4:8] = -6
    return made


def loss(made, answer):
    return float(spine_bodies.spine_loss(TINY)(made, answer))


def test_a_wrong_level_costs_and_more_when_the_network_is_sure():
    made, right = labels(), outputs()
    made[..., 6], made[..., 7] = 7, 255
    right[..., 8] = (7 - spine_bodies.LEVEL_CENTRE) / spine_bodies.LEVEL_SCALE
    wrong, sure = right.copy(), right.copy()
    wrong[..., 8] += 3 / spine_bodies.LEVEL_SCALE
    sure[..., 8], sure[..., 9] = wrong[..., 8], -2.0
    assert loss(made, right) < loss(made, wrong) < loss(made, sure)
    made[..., 7] = 0
    assert loss(made, wrong) == pytest.approx(loss(made, right))


def test_unknown_pixels_teach_nothing():
    made, answer = labels(), outputs()
    made[..., 0], made[..., 5] = IGNORE, 0
    changed = answer.copy()
    changed[..., 2], changed[..., 5] = 9, 3
    assert loss(made, changed) == pytest.approx(loss(made, answer))


def test_sources_and_folds_that_are_left_out_are_not_loaded(data):
    cache = data.parent / "cache"
    recipe = replace(TINY, left_out=(NECK_SOURCE, f"{SPINE_SOURCE}/1"))
    films = spine_bodies.load_training_set(data, recipe, cache).films
    assert sum(film.source == HEAD_SOURCE for film in films) == 3
    assert sum(film.source == SPINE_SOURCE for film in films) == 2
    assert not any(film.source == NECK_SOURCE for film in films)
    films = spine_bodies.load_training_set(data, TINY, cache).films
    assert {film.source for film in films} == {HEAD_SOURCE}


def test_training_starts_from_the_network_before_and_is_packaged(data, tmp_path):
    old = networks.vertebra_unet((64, 64, 1), 3, 4, WIDTHS, batch_normalisation=False)
    rng = np.random.default_rng(0)
    old.set_weights([w + rng.uniform(0, 0.05, w.shape) for w in old.get_weights()])
    card = xray_card(XrayRecipe(widths=WIDTHS), films=(1, 1), started_from=None, negatives=False)
    write_model_folder(tmp_path / "old", to_litert(old, "float16"), card)
    cache = tmp_path / "cache"
    work = tmp_path / "work"
    spine_bodies.train_spine_bodies(data, tmp_path / "old", work, cache, TINY)
    assert spine_bodies.averaged(work, TINY)[1] == 3
    made = spine_bodies.export(work, tmp_path / "models" / "new", TINY)
    assert made.training["left_out"] == [NECK_SOURCE, SPINE_SOURCE]
    model = ModelStore([tmp_path / "models"]).load("new")
    answer = model.engine.run(rng.uniform(0, 1, (1, 64, 64, 1)).astype(np.float32))
    assert answer["logits"].shape == (1, 64, 64, len(COLUMN_CLASSES))
    assert answer["corners"].shape == (1, 64, 64, 4)
    assert answer["levels"].shape == (1, 64, 64, 2)


def test_training_goes_on_from_packaged_weights_as_they_were(data, tmp_path):
    keras.utils.set_random_seed(1)
    trained = networks.spine_unet(**TINY.arguments())
    rng = np.random.default_rng(0)
    trained.set_weights([w + rng.uniform(0, 0.05, w.shape) for w in trained.get_weights()])
    card = spine_bodies.spine_card(TINY, 3)
    write_model_folder(tmp_path / "spine_bodies", to_litert(trained, "float32"), card)
    examples = rng.uniform(0, 1, (2, 64, 64, 1)).astype(np.float32)
    model = TINY.network()
    spine_bodies.start_from_bodies(model, tmp_path / "spine_bodies", TINY, examples)
    plain = spine_bodies.fold_batch_normalisation(model, networks.spine_unet(**TINY.arguments()))
    for expected, answer in zip(trained(examples), plain(examples), strict=True):
        scale = float(np.abs(expected).max())
        assert np.asarray(answer) == pytest.approx(np.asarray(expected), abs=0.01 * scale)


def test_joined_outputs_are_the_three_heads_side_by_side():
    keras.utils.set_random_seed(0)
    recipe = replace(TINY, crop=(64, 64))
    new = networks.spine_unet((64, 64, 1), len(COLUMN_CLASSES), 4, WIDTHS)
    assert [tuple(out.shape[1:]) for out in new.outputs] == [(64, 64, 4), (64, 64, 4), (64, 64, 2)]
    joined = recipe.network()
    new.set_weights(joined.get_weights())
    x = np.random.default_rng(0).uniform(0, 1, (1, 64, 64, 1)).astype(np.float32)
    parts = [np.asarray(part) for part in new(x, training=False)]
    both = np.asarray(joined(x, training=False))
    assert both == pytest.approx(np.concatenate(parts, axis=-1), abs=1e-5)


def test_processes_draw_what_one_thread_of_each_would(data):
    source = spine_bodies.CropSource(data, data.parent / "cache", TINY)
    stream = spine_bodies.prefetch_from_processes(source, 2)
    drawn = [next(stream) for _ in range(4)]
    stream.close()
    own = [source(0), source(1)]
    for place, (images, labels) in enumerate(drawn):
        expected = next(own[place % 2])
        np.testing.assert_array_equal(images, expected[0])
        np.testing.assert_array_equal(labels, expected[1])
