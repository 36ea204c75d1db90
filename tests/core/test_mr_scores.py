"""Figures of outlines on MR against readers who outlined some structures only."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from spinealign.training import mr_scores
from spinealign.training.mr_sources import MrSlice
from spinealign.training.mr_targets import (
    BACKGROUND,
    BODY,
    DISC,
    POSTERIOR,
    VERTEBRA,
    target_of_bodies,
    target_of_structures,
)
from tests import mr_slices

FAR = 50.0


def square(left, size=10):
    region = np.zeros((40, 40), bool)
    region[10 : 10 + size, left : left + size] = True
    return region


def allowed_of(region, elsewhere=BACKGROUND):
    return np.where(region, np.uint8(BODY), np.uint8(elsewhere))


def test_the_same_outline_is_perfect_and_a_shifted_one_off_by_its_shift():
    same = mr_scores.overlap(allowed_of(square(10)), BODY, square(10), FAR)
    assert same.dice == 1
    assert same.distances.max() == 0
    shifted = mr_scores.overlap(allowed_of(square(10)), BODY, square(12), FAR)
    assert shifted.dice == pytest.approx(0.8)
    assert shifted.distances.max() == pytest.approx(2, abs=0.05)


def test_pixels_left_open_count_neither_way():
    allowed = allowed_of(square(10))
    allowed[:, 20:] = BODY | BACKGROUND
    beyond = mr_scores.overlap(allowed, BODY, square(10) | square(20), FAR)
    assert beyond.dice == 1
    allowed[:, 20:] = BACKGROUND
    assert mr_scores.overlap(allowed, BODY, square(10) | square(20), FAR).dice < 0.7


def test_nothing_found_costs_a_bodys_height_and_no_more():
    missed = mr_scores.overlap(allowed_of(square(10)), BODY, square(0) & False, FAR)
    assert missed.dice == 0
    assert (missed.distances == FAR).all()


def test_a_vertebra_is_body_or_posterior_elements():
    allowed = np.full((4, 4), BACKGROUND, np.uint8)
    allowed[0] = BODY, POSTERIOR, VERTEBRA, DISC
    drawn = mr_scores.drawn_by_reader(allowed, VERTEBRA)
    assert drawn.sum() == 3
    assert drawn[0].tolist() == [True, True, True, False]
    assert mr_scores.drawn_by_reader(allowed, BODY).sum() == 1


def score(source, target, found, patient="a"):
    one = MrSlice("s", source, patient, mr_slices.picture(0), target)
    return mr_scores.score_slice(one, found)


def perfect(target):
    return {name: target.allowed == bits for name, bits in mr_scores.GROUPS.items() if name not in
            ("vertebra",)}  # fmt: skip


def test_each_source_is_measured_by_what_its_readers_outlined():
    target = target_of_structures(mr_slices.structures())
    told = score("spider", target, perfect(target))
    assert set(told.overlaps) == {"body", "posterior elements", "vertebra", "disc", "canal"}
    assert all(part.dice == 1 for part in told.overlaps.values())
    target = target_of_bodies(mr_slices.bodies(), None, 1.0)
    assert set(score("vb3", target, perfect(target)).overlaps) == {"body", "vertebra"}


def test_a_network_of_one_class_of_vertebrae_loses_nothing_behind_the_bodies():
    target = target_of_bodies(mr_slices.bodies(), None, 1.0)
    vertebra = mr_slices.structures() == 1
    told = score("vb2", target, {"vertebra": vertebra, "disc": vertebra & False})
    assert set(told.overlaps) == {"vertebra"}
    assert told.overlaps["vertebra"].dice == 1


def test_figures_pool_slices_of_a_patient_and_resample_patients():
    target = target_of_bodies(mr_slices.bodies(), None, 1.0)
    right, nothing = perfect(target), {n: m & False for n, m in perfect(target).items()}
    scores = [
        score("vb2", target, right), score("vb2", target, nothing),
        score("vb2", target, right, "b"),
    ]  # fmt: skip
    dice, apart = mr_scores.figures(scores)["body"]
    assert dice["units"] == 2
    assert dice["value"] == pytest.approx((2 / 3 + 1) / 2, abs=1e-3)
    assert dice["low"] == pytest.approx(2 / 3, abs=1e-3)
    assert apart["value"] == pytest.approx(target.height_px / 4, rel=0.35)
    assert "sacrum" not in mr_scores.figures(scores)
