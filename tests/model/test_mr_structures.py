"""The recipe of structures on MR of any scanner, on tiny networks; needs TensorFlow."""

import argparse
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from spinealign.cli import main as cli
from spinealign.domain.errors import DataSetError
from spinealign.domain.structures import STRUCTURES
from spinealign.inference.catalog import ModelStore
from spinealign.training import commands, mr_structures, networks, recipes
from spinealign.training.mr_sources import IVD, SPIDER, T1, UNLABELLED, VB2, VB3
from spinealign.training.mr_targets import BACKGROUND, BODY, DISC, UNKNOWN
from spinealign.training.package import to_litert, write_model_folder
from tests import mr_slices

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
WIDTHS = (8, 8, 12)
TINY = mr_structures.MrStructuresRecipe(
    widths=WIDTHS, input_px=64, crop=(64, 64), batch=2, steps=2, self_training_steps=0,
)  # fmt: skip


@pytest.fixture(autouse=True)
def full_precision():
    yield
    keras.mixed_precision.set_dtype_policy("float32")


@pytest.fixture
def data(tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    sides = '{"0": 1, "1": 1, "2": 1, "3": 1, "00": 1, "01": 1, "02": 1, "03": 1}'
    for source in (T1, VB2, VB3, IVD):
        (cache / f"facing_{source}.json").write_text(sides, "utf-8")
    return mr_slices.write_sources(tmp_path / "data")


def loss(allowed, logits, **changes):
    labels = np.full((1, 8, 8), allowed, np.uint8)
    told = np.zeros((1, 8, 8, len(STRUCTURES)), np.float32)
    told[:] = logits
    return float(mr_structures.marginal_loss(replace(TINY, **changes))(labels, told))


SURE_BODY, SURE_DISC, SURE_BACKGROUND = ([0] * 6 for _ in range(3))
SURE_BODY[1], SURE_DISC[4], SURE_BACKGROUND[0] = 9, 9, 9


def test_any_class_of_a_choice_is_right_and_every_other_wrong():
    choice = BACKGROUND | DISC
    assert loss(choice, SURE_DISC) == pytest.approx(loss(choice, SURE_BACKGROUND), abs=1e-3)
    assert loss(choice, SURE_DISC) < 0.01
    assert loss(choice, SURE_BODY) > 5


def test_what_is_not_known_teaches_nothing():
    assert loss(UNKNOWN, SURE_BODY) == pytest.approx(0, abs=1e-4)
    assert loss(UNKNOWN, SURE_DISC) == pytest.approx(0, abs=1e-4)


def test_a_certain_class_counts_by_likelihood_and_overlap():
    unsure = [0, 1, 0, 0, 0, 0]
    assert loss(BODY, SURE_BODY) < 0.01 < loss(BODY, unsure) < loss(BODY, SURE_DISC)
    assert loss(BODY, SURE_DISC) > 9 * 0.9 + 0.5, "no overlap at all costs up to 1 more"


def test_overlap_leaves_out_pixels_that_may_be_of_the_class():
    labels = np.full((1, 20, 20), BODY, np.uint8)
    labels[:, 10:] = BODY | BACKGROUND
    inside, beyond = np.zeros((2, 1, 20, 20, 6), np.float32)
    inside[:, :10, :, 1] = inside[:, 10:, :, 0] = 9
    beyond[..., 1] = 9
    made = mr_structures.marginal_loss(TINY)
    assert float(made(labels, beyond)) == pytest.approx(float(made(labels, inside)), abs=1e-3)


def test_sources_left_out_are_not_loaded_and_unknown_ones_told():
    assert replace(TINY, left_out=(VB2, IVD)).sources() == (SPIDER, T1, VB3)
    with pytest.raises(DataSetError, match="'knees'"):
        replace(TINY, left_out=("knees",)).sources()


def test_slices_without_outlines_belong_to_the_source_of_their_scanners(data):
    for left_out in ((SPIDER,), (UNLABELLED,)):
        assert mr_structures._without_outlines(data, [], replace(TINY, left_out=left_out)) == []
    home = mr_structures.load_sources(data, data.parent / "cache", [SPIDER])
    others = mr_structures._without_outlines(data, home, TINY)
    assert {s.source for s in others} == {UNLABELLED}
    _, aside = mr_structures.split(home, TINY.held_out_fraction, TINY.seed)
    assert len(others) == 3
    assert not {s.patient for s in others} & {s.patient for s in aside}


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The network before, of tiny width, and its model folder."""
    keras.utils.set_random_seed(1)
    old = networks.segmentation_unet((64, 64, 1), 4, WIDTHS, batch_normalisation=False)
    rng = np.random.default_rng(0)
    old.set_weights([w + rng.uniform(0, 0.05, w.shape) for w in old.get_weights()])
    arguments = {
        "input_shape": [64, 64, 1], "classes": 4, "widths": list(WIDTHS),
        "batch_normalisation": False,
    }  # fmt: skip
    recipe = recipes.MrRecipe(widths=WIDTHS, input_px=64)
    card = recipes.mr_card(recipe, arguments, unlabelled=False)
    folder = tmp_path_factory.mktemp("before") / "old"
    write_model_folder(folder, to_litert(old, "float32"), card)
    return old, folder


def test_training_begins_with_what_the_network_before_knew(before):
    old, folder = before
    examples = np.random.default_rng(1).uniform(0, 1, (2, 64, 64, 1)).astype(np.float32)
    model = TINY.network(TINY.crop)
    mr_structures.start_from(model, folder, TINY, examples)
    plain = mr_structures.fold_batch_normalisation(
        model, networks.segmentation_unet(**TINY.arguments())
    )
    was, now = np.asarray(old(examples)), np.asarray(plain(examples))
    scale = 0.01 * float(np.abs(was).max())
    for name, former in (("background", 0), ("body", 1), ("disc", 2), ("canal", 3)):
        number = STRUCTURES.index(name)
        assert now[..., number] == pytest.approx(was[..., former], abs=scale), name
    sacrum = STRUCTURES.index("sacrum")
    assert now[..., sacrum] == pytest.approx(was[..., 1] - 2, abs=scale)


def test_a_network_that_saw_a_source_does_not_start_a_training_without_it(before, tmp_path):
    folder = before[1]
    without_spider = replace(TINY, left_out=(SPIDER,))
    with pytest.raises(DataSetError, match="spider"):
        mr_structures.refuse_what_has_seen(folder, without_spider)
    mr_structures.refuse_what_has_seen(folder, replace(TINY, left_out=(T1,)))
    card = mr_structures.structures_card(replace(TINY, left_out=(T1,)), 1)
    weights = (folder / "model.tflite").read_bytes()
    write_model_folder(tmp_path / "own", weights, card)  # its card alone is asked
    mr_structures.refuse_what_has_seen(tmp_path / "own", replace(TINY, left_out=(T1,)))
    with pytest.raises(DataSetError, match="vb2"):
        mr_structures.refuse_what_has_seen(tmp_path / "own", replace(TINY, left_out=(T1, VB2)))


def test_both_stages_are_trained_resumed_and_packaged(data, before, tmp_path):
    recipe = replace(TINY, self_training_steps=2, left_out=(VB3,), confidence=0.2)
    run = (data, before[1], tmp_path / "work", tmp_path / "cache", recipe)
    first = mr_structures.train_mr_structures(*run)
    again = mr_structures.train_mr_structures(*run)
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert mr_structures.averaged(tmp_path / "work", recipe)[1] == 4
    made = mr_structures.export(tmp_path / "work", tmp_path / "models" / "new", recipe)
    assert made.training["left_out"] == [VB3]
    assert made.classes == STRUCTURES
    model = ModelStore([tmp_path / "models"]).load("new")
    told = model.segment(np.zeros((1, 64, 64, 1), np.float32))
    assert told.shape == (64, 64, len(STRUCTURES))
    assert told.sum(axis=-1) == pytest.approx(1, abs=1e-3)


def test_what_readers_decided_stays_as_it_was_in_the_second_stage(data, tmp_path):
    slices = mr_structures.load_sources(data, tmp_path / "cache", [T1, UNLABELLED])
    keras.utils.set_random_seed(0)
    model = TINY.network(TINY.crop)
    sure = replace(TINY, confidence=0.1, background_confidence=0.1)
    decided = mr_structures.decide(model, slices, tmp_path / "decided.npz", sure)
    by_name = {one.name: one for one in decided}
    changed = 0
    for one in slices:
        if one.source == T1:
            new = by_name[one.name].target.allowed
            assert not (new & ~one.target.allowed).any(), "only classes that readers left open"
            changed += int((new != one.target.allowed).sum())
    assert changed > 0
    assert not [o for o in decided if o.source == UNLABELLED], "three bodies were not found"


def test_bodies_that_a_network_found_say_where_crops_lie(data):
    one = mr_structures.load_sources(data, data.parent / "cache", [UNLABELLED])[0]
    allowed = np.full(mr_slices.SHAPE, BACKGROUND, np.uint8)
    for region in mr_slices.bodies():
        allowed[region] = BODY
    target = mr_structures._with_places(one, allowed)
    assert len(target.places) == mr_slices.LEVELS
    assert target.height_px == pytest.approx(mr_slices.HEIGHT)


def test_the_command_takes_what_the_recipe_needs(monkeypatch, tmp_path):
    seen = {}

    def trained(data, start, work, cache, recipe):
        seen.update(start=start, cache=cache, recipe=recipe)

    monkeypatch.setattr(mr_structures, "train_mr_structures", trained)
    monkeypatch.setattr(mr_structures, "export", lambda work, out, recipe: seen)
    monkeypatch.setattr(commands, "run", lambda options: seen.update(options=options) or 0)
    line = ["train", "mr-structures", "--data", "d", "--work", "w", "--out", "o"]
    assert (
        cli.run_command([*line, "--leave-out", "t1", "--steps", "5", "--self-training-steps", "0"])
        == 0
    )
    commands.train_structures(seen["options"])
    assert isinstance(seen["options"], argparse.Namespace)
    assert seen["recipe"].left_out == (T1,)
    assert (seen["recipe"].steps, seen["recipe"].is_self_trained) == (5, False)
    assert seen["cache"].parts == ("w", "cache")
