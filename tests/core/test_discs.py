"""Discs from masks: found, ordered, counted and turned the right way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.measure.outlines.disc_shapes import DISC
from spinealign.measure.outlines.discs import find_discs
from tests import phantoms_lumbar as phantom


def found(mask, certainty=0.9):
    return find_discs(mask, np.full(mask.shape, certainty, np.float32))


def test_every_disc_is_found_from_the_bottom_up():
    column = found(phantom.column_mask())
    truth = [centre for centre, _ in phantom.places()]
    assert len(column.discs) == len(truth)
    for disc, centre in zip(column.discs, truth, strict=True):
        assert np.hypot(*(disc.centre - centre)) < 3
        assert disc.length_px == pytest.approx(phantom.LENGTH_PX, rel=0.08)
        assert disc.height_px == pytest.approx(phantom.HEIGHT_PX, rel=0.2)
        assert disc.confidence == pytest.approx(0.9)
    assert column.is_sacrum_seen
    assert not column.is_upside_down
    assert not column.is_count_doubtful


def test_the_canal_tells_which_end_is_behind():
    for disc in found(phantom.column_mask()).discs:
        assert disc.posterior[0] > disc.anterior[0]
    for disc in found(phantom.column_mask()[:, ::-1]).discs:
        assert disc.posterior[0] < disc.anterior[0]


def test_a_picture_on_its_head_is_noticed_and_counted_from_the_sacrum():
    turned = found(np.ascontiguousarray(phantom.column_mask()[::-1, ::-1]))
    assert turned.is_upside_down
    assert [d.centre[1] for d in turned.discs] == sorted(d.centre[1] for d in turned.discs)
    assert all(disc.down[1] < 0 for disc in turned.discs)


def test_fragments_of_one_disc_are_joined():
    column = found(phantom.column_mask(halved=(2,)))
    assert len(column.discs) == 6
    assert column.discs[2].length_px == pytest.approx(phantom.LENGTH_PX, rel=0.1)


def test_discs_that_touch_are_parted():
    mask = phantom.column_mask()
    (x1, y1), (x2, y2) = (phantom.places()[i][0].round().astype(int) for i in (3, 4))
    mask[y2:y1, min(x1, x2) : min(x1, x2) + 3] = DISC
    column = found(mask)
    assert len(column.discs) == 6
    assert max(disc.height_px for disc in column.discs) < 1.6 * phantom.HEIGHT_PX


def test_specks_and_strays_are_left_out():
    mask = phantom.column_mask()
    mask[20:24, 20:24] = DISC
    mask[200:208, 20:60] = DISC
    assert len(found(mask).discs) == 6


@pytest.mark.parametrize("gap", [1, 2, 3, 4])
def test_a_missing_disc_is_inferred_where_it_must_be(gap):
    column = found(phantom.column_mask(missing=(gap,)))
    assert [disc.is_inferred for disc in column.discs] == [i == gap for i in range(6)]
    inferred = column.discs[gap]
    assert inferred.confidence == 0
    assert np.hypot(*(inferred.centre - phantom.places()[gap][0])) < 8


def test_a_picture_that_ends_above_the_sacrum_is_doubtful():
    assert not found(phantom.column_mask(with_sacrum=False)).is_sacrum_seen
    cut = phantom.column_mask()[:362]
    assert not found(np.ascontiguousarray(cut)).is_sacrum_seen


def test_a_short_disc_without_a_vertebra_above_it_is_sacral():
    mask = phantom.column_mask()
    centre, tilt = phantom.places()[0]
    below = centre + 34 * np.array([np.sin(tilt), np.cos(tilt)])
    phantom._box(mask, below, tilt, 24, 6, DISC)
    column = found(mask)
    assert column.remnants == 1
    assert column.is_count_doubtful
    assert len(column.discs) == 6
    assert np.hypot(*(column.discs[0].centre - centre)) < 3


@pytest.mark.parametrize("discs", [0, 1])
def test_fewer_than_two_discs_are_no_column(discs):
    assert found(phantom.column_mask(missing=tuple(range(discs, 6)))).discs == ()


def test_an_empty_mask_has_no_discs():
    assert found(np.zeros((50, 60), np.uint8)).discs == ()


@settings(max_examples=15, deadline=None)
@given(turn=st.floats(-15, 15), scale=st.floats(0.7, 1.3))
def test_count_and_order_survive_turning_and_scaling(turn, scale):
    import cv2

    matrix = cv2.getRotationMatrix2D((150, 210), turn, 0.8 * scale)
    mask = cv2.warpAffine(phantom.column_mask(), matrix, (300, 420), flags=cv2.INTER_NEAREST)
    column = found(mask)
    assert len(column.discs) == 6
    for disc, (centre, _) in zip(column.discs, phantom.places(), strict=True):
        assert np.hypot(*(disc.centre - (matrix @ [*centre, 1]))) < 4
        assert disc.length_px == pytest.approx(0.8 * scale * phantom.LENGTH_PX, rel=0.15)
