"""The recipe for frontal films on a tiny network; needs TensorFlow."""

from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.frontal import find_bodies
from spinealign.inference.catalog import ModelStore
from spinealign.training import frontal_bodies, networks
from spinealign.training import frontal_patches as labelled
from spinealign.training.dataset import IGNORE
from spinealign.training.frontal_films import image_of
from spinealign.training.keras_engine import open_keras
from spinealign.training.package import to_litert, write_model_folder
from spinealign.training.xray import XrayRecipe, xray_card
from tests.frontal import drawn_film, write_films

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
WIDTHS = (8, 8, 12)
TINY = frontal_bodies.FrontalRecipe(
    widths=WIDTHS, context=(2,), crop=(96, 64), batch=2, steps=3, negatives_per_folder=2,
    left_out=("held out",),
)  # fmt: skip


@pytest.fixture(autouse=True)
def full_precision():
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@pytest.fixture
def data(tmp_path):
    return write_films(tmp_path / "data" / "xray_spine_ap").parent


@pytest.fixture(scope="module")
def lateral(tmp_path_factory):
    """A network of lateral films, and its model folder."""
    keras.utils.set_random_seed(1)
    old = networks.vertebra_unet((96, 64, 1), 3, 4, WIDTHS, batch_normalisation=False)
    rng = np.random.default_rng(0)
    old.set_weights([w + rng.uniform(0, 0.05, w.shape) for w in old.get_weights()])
    recipe = XrayRecipe(widths=WIDTHS)
    card = replace(
        xray_card(recipe, films=(1, 1), started_from=None, negatives=False),
        architecture={
            "name": "vertebra_unet",
            "arguments": {
                "input_shape": [96, 64, 1], "classes": 3, "corners": 4, "widths": list(WIDTHS),
                "batch_normalisation": False,
            },
        },
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("lateral") / "old"
    write_model_folder(folder, to_litert(old, "float32"), card)
    return old, folder


def answers(shape=(1, 8, 8)):
    made = np.zeros((*shape, 17), np.float32)
    made[..., 0] = 4
    made[..., 2:7] = -6
    return made


def labels(shape=(1, 8, 8)):
    made = np.zeros((*shape, labelled.CHANNELS), np.float32)
    made[..., labelled.CORNER_WEIGHT] = made[..., labelled.CENTRE_WEIGHT] = 1
    return made


def loss(made, answer):
    return float(frontal_bodies.frontal_loss(TINY)(made, answer))


def test_each_part_of_the_loss_falls_where_the_answer_is_right():
    made, wrong = labels(), answers()
    body = (slice(None), slice(2, 6), slice(2, 6))
    made[(*body, labelled.MASK)] = 1
    made[(*body, labelled.LEVEL)], made[(*body, labelled.LEVEL_WEIGHT)] = 12, 1
    made[(*body, labelled.OFFSET_WEIGHT)] = 1 / 30
    made[(*body, labelled.OFFSETS)] = 16.0
    made[0, 4, 4, labelled.CENTRE] = 1
    made[0, 2, 2, labelled.CORNERS] = [1, 0, 0, 0]
    steps = [
        ((*body, slice(0, 2)), [0, 5]), ((0, 4, 4, 6), 5.0), ((0, 2, 2, 2), 5.0),
        ((*body, 7), (12 - frontal_bodies.LEVEL_CENTRE) / frontal_bodies.LEVEL_SCALE),
        ((*body, slice(9, 17)), 16.0 / frontal_bodies.OFFSET_SCALE_PX),
    ]  # fmt: skip
    before = loss(made, wrong)
    for place, right in steps:
        wrong[place] = right
        after = loss(made, wrong)
        assert after < before - 1e-3
        before = after


def test_a_turned_body_costs_more_than_one_that_is_moved_as_far():
    made, right = labels(), answers()
    body = (slice(None), slice(2, 6), slice(2, 6))
    made[(*body, labelled.OFFSET_WEIGHT)] = 1 / 30
    moved, turned = right.copy(), right.copy()
    unit = 4.0 / frontal_bodies.OFFSET_SCALE_PX
    moved[(*body, slice(10, 17, 2))] = unit
    turned[(*body, slice(10, 17, 2))] = np.array([unit, -unit, -unit, unit])
    assert loss(made, turned) > loss(made, moved) + 1e-3
    assert loss(made, moved) > loss(made, right) + 1e-3


def test_unknown_cells_teach_nothing():
    made, answer = labels(), answers()
    made[..., labelled.MASK] = IGNORE
    made[..., labelled.CORNER_WEIGHT] = made[..., labelled.CENTRE_WEIGHT] = 0
    changed = answer.copy()
    changed[..., 1:7], changed[..., 7:] = 9, 3
    assert loss(made, changed) == pytest.approx(loss(made, answer), abs=1e-6)


def test_parts_that_are_left_out_and_broken_films_are_not_loaded(data):
    assert len(frontal_bodies.load_training_set(data, TINY).films) == 4
    recipe = replace(TINY, left_out=("2",))
    assert len(frontal_bodies.load_training_set(data, recipe).films) == 1
    assert len(frontal_bodies.load_training_set(data, replace(TINY, films=2)).films) == 2


def test_training_starts_from_lateral_films_resumes_and_is_packaged(data, lateral, tmp_path):
    work = tmp_path / "work"
    first = replace(TINY, steps=2)
    frontal_bodies.train_frontal_bodies(data, lateral[1], work, first, save_every=1)
    assert frontal_bodies.averaged_weights(work)[1] == 2
    frontal_bodies.train_frontal_bodies(data, None, work, TINY)
    assert frontal_bodies.averaged_weights(work)[1] == 3
    made = frontal_bodies.export(work, tmp_path / "models" / "frontal", TINY)
    assert made.training["left_out"] == ["held out"]
    model = ModelStore([tmp_path / "models"]).load("frontal")
    spine = find_bodies(model, image_of(drawn_film()))
    assert len(spine.bodies) <= 17


def test_convolutions_of_lateral_films_pass_on_what_they_did(lateral):
    old, folder = lateral
    model = TINY.network()
    examples = np.random.default_rng(1).uniform(0, 1, (2, 96, 64, 1)).astype(np.float32)
    frontal_bodies.start_from_shipped(model, folder, examples)
    before = keras.Model(old.input, old.get_layer("down0b_relu").output)
    after = keras.Model(model.input, model.get_layer("down0b_relu").output)
    expected = np.asarray(before(examples))
    assert np.asarray(after(examples, training=False)) == pytest.approx(
        expected, abs=0.02 * float(np.abs(expected).max())
    )


def test_a_shipped_network_for_frontal_films_goes_on_where_it_was(tmp_path):
    keras.utils.set_random_seed(2)
    plain = networks.frontal_unet(**TINY.arguments())
    rng = np.random.default_rng(0)
    plain.set_weights([w + rng.uniform(0, 0.05, w.shape) for w in plain.get_weights()])
    folder = tmp_path / "frontal"
    write_model_folder(folder, to_litert(plain, "float32"), frontal_bodies.frontal_card(TINY, 3))
    examples = rng.uniform(0, 1, (2, 96, 64, 1)).astype(np.float32)
    model = TINY.network()
    frontal_bodies.start_from_shipped(model, folder, examples)
    expected = np.concatenate([np.asarray(head) for head in plain(examples)], axis=-1)
    off = np.abs(np.asarray(model(examples, training=False)) - expected)
    assert off.max() < 0.03 * np.abs(expected).max()


def test_the_packaged_network_computes_what_keras_does_on_the_same_weights(tmp_path):
    keras.utils.set_random_seed(2)
    plain = networks.frontal_unet(**TINY.arguments())
    rng = np.random.default_rng(0)
    plain.set_weights([w + rng.uniform(0, 0.05, w.shape) for w in plain.get_weights()])
    card = frontal_bodies.frontal_card(TINY, 3)
    write_model_folder(tmp_path / "frontal", to_litert(plain, "float32"), card)
    batch = rng.uniform(0, 1, (1, 96, 64, 1)).astype(np.float32)
    small = ModelStore([tmp_path]).load("frontal").engine.run(batch)
    reference = ModelStore([tmp_path], open_engine=open_keras).load("frontal").engine.run(batch)
    assert set(small) == {"logits", "corners", "levels", "offsets"}
    for name, value in small.items():
        scale = float(np.abs(value).max())
        assert reference[name] == pytest.approx(value, abs=1e-3 * scale)
        assert value.shape[1:3] == (48, 32)
