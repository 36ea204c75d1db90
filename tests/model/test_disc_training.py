"""The disc grader's recipe on drawn columns: prepared, cross-validated, assembled, measured."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from spinealign.domain.discs import GradeName
from spinealign.domain.errors import DataSetError
from spinealign.domain.model_card import GradeRule
from spinealign.lumbar.crops import CROP_SHAPE
from spinealign.lumbar.grading import ranked_signs
from spinealign.lumbar.signs import SIGN_NAMES
from spinealign.training import (
    disc_data,
    disc_evaluate,
    disc_grading,
    disc_rules,
    disc_shipped,
    networks,
)
from spinealign.training.package import to_litert

pytestmark = pytest.mark.train
TINY = disc_grading.DiscRecipe(
    copies=0,
    folds=2,
    experts=1,
    epochs=30,
    batch=8,
    components=4,
    widths=(2, 4, 24, 24),
    learning_rate=1e-2,
    averaging=0.5,
    uses_image=False,
)
BLOCKS = ((1, 2), (1, 3), (1, 4), (1, 5))
GRID = (7, 8)
VGG_CHANNELS = 768


def drawn_set(patients=36, seed=0, channels=24):
    """Discs whose signs tell the Pfirrmann grade and narrowing; the image is noise."""
    rng = np.random.default_rng(seed)
    count = patients * 2 * 3
    sequences = np.tile(np.repeat(["t2", "t1"], 3), patients)
    numbers = np.tile([1, 2, 3], patients * 2)
    owners = np.repeat(np.arange(1, patients + 1), 6)
    grades = {
        (p, n): (grade := int(rng.integers(1, 6)), int(grade > 3), *rng.integers(0, 2, 6).tolist())
        for p in range(1, patients + 1) for n in (1, 2, 3)
    }  # fmt: skip
    truth = np.array([grades[p, n][0] for p, n in zip(owners, numbers, strict=True)])
    signs = 6 - truth[:, None] + rng.normal(0, 1, (count, len(SIGN_NAMES)))
    signs[::7, 5] = np.nan
    features = rng.normal(1, 1, (1, count, *GRID, channels)).astype(np.float16)
    return disc_data.DiscSet(owners, numbers, sequences, signs, features), grades


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    discs, grades = drawn_set()
    work = tmp_path_factory.mktemp("work")
    return discs, grades, disc_grading.cross_validate(discs, grades, TINY, work), work


def cases_of(discs, grades, logits):
    keys = sorted(grades)
    parts = [disc_data.by_place(discs, logits, keys, name) for name in ("t2", "t1")]
    return disc_rules.make_cases(grades, *parts)


def test_patients_never_stand_on_both_sides():
    folds = disc_grading.assign_folds([1, 1, 2, 3, 4, 5, 6], replace(TINY, folds=3))
    assert sorted(folds) == [1, 2, 3, 4, 5, 6]
    assert sorted(folds.values()) == [0, 0, 1, 1, 2, 2]


def test_what_can_be_learned_is_learned_and_scored_on_others(validated):
    discs, grades, logits, _ = validated
    cases = cases_of(discs, grades, logits)
    folds = disc_grading.assign_folds([p for p, _ in grades], TINY)
    figures = disc_evaluate.figures(disc_evaluate.cross_fitted(cases, folds), draws=50)
    assert figures["pfirrmann"]["quadratic_kappa"]["value"] > 0.7
    assert figures["findings"]["narrowing"]["auc"]["value"] > 0.9
    assert figures["findings"]["herniation"]["auc"]["value"] < 0.8
    assert figures["pfirrmann"]["quadratic_kappa"]["units"] == 36


def test_a_disc_that_was_not_found_counts_as_wrong(validated):
    discs, grades, logits, _ = validated
    folds = disc_grading.assign_folds([p for p, _ in grades], TINY)
    cases = cases_of(discs, grades, logits)
    cases.t2[::2], cases.t1[::2] = np.nan, np.nan
    scored = disc_evaluate.cross_fitted(cases, folds)
    missed = cases.given == ""
    assert missed.sum() == 54
    assert (np.abs(scored.forced - cases.pfirrmann)[missed] >= 2).all()
    assert (scored.p[missed] == 1 - cases.findings[missed]).all()


def test_a_finished_fold_is_not_trained_again(validated):
    discs, grades, logits, work = validated
    for kept in work.glob("fold_*.npy"):
        np.save(kept, np.load(kept) + 1)
    again = disc_grading.cross_validate(discs, grades, TINY, work)
    assert again == pytest.approx(logits + 1)
    for kept in work.glob("fold_*.npy"):
        np.save(kept, np.load(kept) - 1)


def any_basis(features, count):
    """A basis that costs no decomposition of all channels."""
    rng = np.random.default_rng(6)
    flat = features.reshape(-1, features.shape[-1]).astype(np.float32)
    matrix = rng.normal(0, 0.05, (flat.shape[1], count)).astype(np.float32)
    return disc_grading.Basis(flat.mean(axis=0), flat.std(axis=0), matrix)


def test_the_assembled_network_says_what_the_heads_say(tmp_path, monkeypatch):
    monkeypatch.setattr(disc_grading, "fit_basis", any_basis)
    discs, grades = drawn_set(6, channels=VGG_CHANNELS)
    recipe = replace(TINY, epochs=1, experts=2, uses_image=True)
    graders = {
        name: disc_grading.train_grader(
            discs, disc_grading.make_samples(discs, grades, name), name, recipe
        )
        for name in disc_grading.CONTRASTS
    }
    archive = tmp_path / "vgg.npz"
    write_imagenet(archive)
    model, arguments = disc_shipped.assemble(graders, archive, recipe)
    crop = np.random.default_rng(1).normal(0, 60, (1, *CROP_SHAPE, 3)).astype(np.float32)
    depths = model.get_layer("depths").output
    import keras

    features = keras.Model(model.inputs[0], depths).predict_on_batch(crop)
    one = replace(
        discs, features=(features[None] / disc_data.FEATURE_SCALE).astype(np.float16),
        signs=discs.signs[:1],
    )  # fmt: skip
    flat = to_litert(model, "float32")
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=flat).get_signature_runner()
    rule = disc_grading.sign_rule({name: grader.knots for name, grader in graders.items()})
    for name, grader in graders.items():
        expected = grader.logits(one, np.array([0]), name)[0]
        outputs = runner(image=crop, signs=ranked_signs(discs.signs[:1], rule, name))
        assert outputs[name].shape == (57, disc_grading.OUTPUTS)
        assert outputs[name][0] == pytest.approx(expected, abs=0.05)
    assert networks.disc_grader(**arguments).count_params() == model.count_params()


def write_imagenet(path):
    rng = np.random.default_rng(0)
    arrays, channels = {}, 3
    for block, (count, filters) in enumerate(networks.VGG16_BLOCKS, start=1):
        for i in range(1, count + 1):
            shape = (3, 3, channels, filters)
            arrays[f"block{block}_conv{i}/kernel"] = rng.normal(0, 0.05, shape).astype(np.float16)
            arrays[f"block{block}_conv{i}/bias"] = np.zeros(filters, np.float16)
            channels = filters
    np.savez(path, **arrays)


def test_blanked_places_change_only_what_they_feed():
    model = networks.disc_grader((32, 32, 3), 4, ("t2",), 1, 3, (4, 6, 6, 6), BLOCKS)
    image = np.random.default_rng(0).normal(0, 50, (1, 32, 32, 3)).astype(np.float32)
    out = np.asarray(model([image, np.zeros((1, 4), np.float32)]))
    assert out.shape == (1 + 4, 3)
    assert np.abs(out[1:] - out[0]).max() > 0


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_calibration_brings_probabilities_to_frequencies(share):
    rng = np.random.default_rng(3)
    truth = rng.random(4000) < share
    logits = np.full((4000, 11), np.nan)
    logits[:] = (4 * (truth - 0.5) + rng.normal(0, 2, 4000) + 1)[:, None]
    cases = disc_rules.Cases(
        np.arange(4000), np.where(truth, 4, 2), np.repeat(truth[:, None], 7, 1).astype(np.int64),
        logits, np.full_like(logits, np.nan),
    )  # fmt: skip
    scored = disc_evaluate.score(cases, disc_rules.fit(cases))
    assert scored.p[:, 0].mean() == pytest.approx(truth.mean(), abs=0.01)
    assert (scored.reported[:, 0] < 0).mean() == pytest.approx(0.15, abs=0.02)


def test_kappa_and_concordance_are_one_for_perfect_and_low_for_shuffled():
    truth = np.array([1, 2, 3, 4, 5] * 20)
    assert disc_evaluate.quadratic_kappa(truth, truth) == 1
    assert disc_evaluate.concordance(truth * 1.0, truth * 1.0) == pytest.approx(1)
    shuffled = np.random.default_rng(0).permutation(truth)
    assert abs(disc_evaluate.quadratic_kappa(truth, shuffled)) < 0.3
    # All one grade off: perfectly correlated, yet not in agreement.
    assert disc_evaluate.concordance(truth * 1.0, truth + 1.0) == pytest.approx(0.8)


def test_detection_counts_missing_and_misnamed_discs():
    keys = [(1, 1), (1, 2), (2, 1), (2, 2)]
    figures = disc_evaluate.detection(keys, {1: 2, 2: 2}, misnamed=(2,))
    assert figures["found"]["value"] == 0.75
    assert figures["found_and_named"]["value"] == 0.5
    assert figures["patients_named"]["value"] == 0.5


def test_a_folder_without_grades_is_an_expected_failure(tmp_path):
    with pytest.raises(DataSetError):
        disc_data.read_grades(tmp_path)
    (tmp_path / "gradings.csv").write_text("patient,disc_from_bottom\n1,1\n")
    with pytest.raises(DataSetError):
        disc_data.read_grades(tmp_path)


def test_augmented_crops_stay_in_range_and_differ():
    rng = np.random.default_rng(2)
    crop = rng.random(CROP_SHAPE).astype(np.float32)
    looks = [disc_data.random_augmentation(crop, rng) for _ in range(20)]
    assert all(look.shape == CROP_SHAPE and 0 <= look.min() <= look.max() <= 1 for look in looks)
    assert np.std([look.mean() for look in looks]) > 0.01


def test_rules_of_an_ordinal_grade_never_cross():
    rng = np.random.default_rng(4)
    grade = rng.integers(1, 6, 800)
    logits = np.full((800, 11), 0.0)
    logits[:, :4] = (grade - 3 + rng.normal(0, 0.7, 800))[:, None] + np.array([2, 1, -1, -2])
    cases = disc_rules.Cases(
        np.arange(800), grade, np.zeros((800, 7), np.int64) + (grade > 3)[:, None], logits,
        np.full_like(logits, np.nan),
    )  # fmt: skip
    rule = disc_rules.fit(cases).rules["t2"][GradeName.PFIRRMANN.value]
    assert isinstance(rule, GradeRule)
    assert list(rule.cuts) == sorted(rule.cuts)
    assert len(rule.cuts) == 4
