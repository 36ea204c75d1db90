"""The small learners and figures of an audit equal scikit-learn's."""

import numpy as np
import pytest

from spinealign.data_audit import scoring
from spinealign.evaluation.cases import ClassifiedCases
from spinealign.resampling import auc

CASES = range(6)


@pytest.mark.parametrize("seed", CASES)
def test_trees_score_like_scikit_learn(seed):
    tree = pytest.importorskip("sklearn.tree")
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(80, 5))
    truth = values[:, 2] + rng.normal(0, 0.7, 80) > 0.3
    theirs = tree.DecisionTreeClassifier(
        max_depth=2, min_samples_leaf=3, min_samples_split=6, class_weight="balanced",
        random_state=0,
    ).fit(values, truth)  # fmt: skip
    weights = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())

    def impurity(shares):
        return float((weights * shares * (1 - shares)).sum())

    # Questions that are equally good may differ; how pure the leaves are does not.
    ours = scoring.by_tree(values, truth, values)
    assert impurity(ours) == pytest.approx(impurity(theirs.predict_proba(values)[:, 1]), abs=1e-9)
    assert ours[truth].mean() > ours[~truth].mean() + 0.3


@pytest.mark.parametrize("seed", CASES)
def test_areas_are_scikit_learns_with_ties_and_weights(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    truth = rng.random(60) > 0.6
    scores = np.round(truth * 0.3 + rng.random(60), 1)
    weights = rng.integers(0, 4, 60).astype(float)
    assert auc(scores, truth) == pytest.approx(metrics.roc_auc_score(truth, scores))
    wanted = metrics.roc_auc_score(truth, scores, sample_weight=weights)
    assert auc(scores, truth, weights) == pytest.approx(wanted)


def test_no_group_is_learned_from_and_asked_about():
    groups = np.repeat(np.arange(12), 5)
    truth = groups % 2 == 0
    # Each group has its own value: only who saw the group can tell its class.
    values = np.random.default_rng(3).permutation(12)[groups][:, None].astype(float)
    seen = []

    def learner(known, told, asked):
        seen.append(set(known[:, 0]) & set(asked[:, 0]))
        return np.zeros(len(asked))

    scores = scoring.out_of_group(learner, values, truth, groups)
    assert seen == [set()] * 5
    assert not np.isnan(scores).any()


def test_intervals_count_groups_not_files():
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(10), 30)
    truth = groups % 2 == 0
    scores = truth * 0.8 + rng.normal(0, 1, 10)[groups]
    low, high = scoring.bootstrap_interval(scores, truth, groups)
    narrow = scoring.bootstrap_interval(scores, truth, np.arange(300))
    assert low < auc(scores, truth) < high
    assert high - low > 3 * (narrow[1] - narrow[0])


def test_neighbours_of_the_class_score_high():
    known = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    truth = np.array([True, True, True, False, False, False])
    near, far = scoring.by_neighbours(known, truth, np.array([[0.1], [5.1]]))
    assert near > 0.9
    assert far < 0.1


@pytest.mark.parametrize("count", [4, 10, 34])
def test_an_area_without_an_error_has_the_exact_bound_of_evaluations(count):
    classification = pytest.importorskip("spinealign.evaluation.classification")
    groups = np.repeat(np.arange(2 * count), 3)
    truth = groups % 2 == 0
    low, high = scoring.bootstrap_interval(truth.astype(float), truth, groups)
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / count))
    cases = ClassifiedCases(
        tuple(map(str, range(len(truth)))), tuple(map(str, groups)), ("no", "yes"),
        truth.astype(int), np.stack([~truth, truth], axis=1).astype(float),
    )  # fmt: skip
    theirs = classification.figures(cases, 0.5, draws=60)["auc"]
    assert (theirs.low, theirs.high) == pytest.approx((low, high))


def test_scores_that_are_all_equal_have_no_interval():
    groups = np.arange(20)
    assert scoring.bootstrap_interval(np.full(20, 0.5), groups % 2 == 0, groups) == (0, 1)
