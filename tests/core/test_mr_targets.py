"""What pixels of MR slices may be, as partial outlines say."""

import numpy as np
import pytest

from spinealign.training import mr_sources, mr_targets
from spinealign.training.mr_targets import (
    BACKGROUND,
    BODY,
    CANAL,
    DISC,
    POSTERIOR,
    SACRUM,
    UNKNOWN,
    VERTEBRA,
)
from tests import mr_slices
from tests.mr_slices import DEPTH, GAP, HEIGHT, LEFT, LEVELS, SHAPE

STEP = HEIGHT + GAP
AXIS = LEFT + DEPTH // 2
"""Column of the middle of the bodies."""

IN_CANAL, IN_POSTERIOR, IN_FRONT = LEFT + DEPTH + 5, LEFT + DEPTH + 20, LEFT - 20
LOWEST_DISC = 8 + LEVELS * STEP - GAP // 2
MIDDLE_OF_L3, BELOW_L3 = 8 + 2 * STEP + HEIGHT // 2, 8 + 3 * STEP - GAP // 2


def mirrored(regions):
    return [region[:, ::-1] for region in regions]


def test_readers_of_all_structures_teach_every_class_but_leave_the_sacrum_open():
    target = mr_targets.target_of_structures(mr_slices.structures())
    allowed = target.allowed
    assert allowed[MIDDLE_OF_L3, AXIS] == BODY
    assert allowed[MIDDLE_OF_L3, IN_POSTERIOR] == POSTERIOR
    assert allowed[MIDDLE_OF_L3, IN_CANAL] == CANAL
    assert allowed[BELOW_L3, AXIS] == DISC
    assert allowed[MIDDLE_OF_L3, IN_FRONT] == BACKGROUND
    assert allowed[LOWEST_DISC + 9, AXIS] == SACRUM
    assert allowed[LOWEST_DISC + 20, AXIS] == BACKGROUND | SACRUM | CANAL
    assert allowed[SHAPE[0] - 2, 2] == BACKGROUND, "far before the sacrum"
    assert target.height_px == pytest.approx(STEP * mr_targets.HEIGHT_OF_SPACING)


def test_a_pedicle_that_joins_body_and_arch_is_left_open():
    mask = mr_slices.structures()
    rows = slice(MIDDLE_OF_L3 - 3, MIDDLE_OF_L3 + 3)
    mask[rows, LEFT + DEPTH : LEFT + DEPTH + 12] = 1
    allowed = mr_targets.target_of_structures(mask).allowed
    assert allowed[MIDDLE_OF_L3, AXIS] == BODY
    assert allowed[MIDDLE_OF_L3, LEFT + DEPTH] == VERTEBRA
    assert allowed[MIDDLE_OF_L3, IN_POSTERIOR] == POSTERIOR
    assert allowed[MIDDLE_OF_L3 + STEP, LEFT + DEPTH - 1] == BODY, "the next is not joined"


def test_above_outlines_that_end_below_the_edge_nothing_is_known():
    mask = mr_slices.structures()
    mask[:30] = 0
    allowed = mr_targets.target_of_structures(mask).allowed
    assert (allowed[:20] == UNKNOWN & ~SACRUM).all()


def test_a_slice_without_two_discs_teaches_nothing():
    mask = mr_slices.structures()
    mask[mask == 2] = 0
    assert mr_targets.target_of_structures(mask) is None


@pytest.mark.parametrize("side", [1.0, -1.0], ids=["facing left", "facing right"])
def test_outlined_bodies_teach_bodies_and_what_is_before_them(side):
    regions, sacrum = mr_slices.bodies(), mr_slices.sacrum()
    if side < 0:
        regions, (sacrum,) = mirrored(regions), mirrored([sacrum])
    allowed = mr_targets.target_of_bodies(regions, sacrum, side).allowed
    if side < 0:
        allowed = allowed[:, ::-1]
    assert allowed[MIDDLE_OF_L3, AXIS] == BODY
    assert allowed[LOWEST_DISC + 10, AXIS] == SACRUM
    assert allowed[BELOW_L3, AXIS] == BACKGROUND | DISC
    assert allowed[MIDDLE_OF_L3, IN_FRONT] == BACKGROUND
    assert allowed[MIDDLE_OF_L3, IN_POSTERIOR] == BACKGROUND | CANAL | POSTERIOR
    assert not allowed[MIDDLE_OF_L3, LEFT + DEPTH] & BODY, "beside an outline is no other body"
    assert allowed[1, AXIS] == UNKNOWN & ~SACRUM, "bodies above have no outline"
    below = allowed[SHAPE[0] - 2, AXIS]
    assert below & (SACRUM | BACKGROUND) == SACRUM | BACKGROUND, "nor has the rest of the sacrum"
    assert not below & (BODY | DISC)


def test_without_a_sacrum_nothing_is_known_below():
    allowed = mr_targets.target_of_bodies(mr_slices.bodies(), None, 1.0).allowed
    assert allowed[LOWEST_DISC + 12, AXIS] == UNKNOWN


def test_between_outlines_with_a_body_missing_nothing_is_known():
    regions = mr_slices.bodies()
    del regions[2]
    allowed = mr_targets.target_of_bodies(regions, mr_slices.sacrum(), 1.0).allowed
    assert allowed[MIDDLE_OF_L3, AXIS] == UNKNOWN


def test_where_the_side_is_not_known_the_front_may_be_anything_behind():
    allowed = mr_targets.target_of_bodies(mr_slices.bodies(), None, 0.0).allowed
    assert allowed[MIDDLE_OF_L3, IN_FRONT] == BACKGROUND | CANAL | POSTERIOR
    assert allowed[MIDDLE_OF_L3, IN_POSTERIOR] == BACKGROUND | CANAL | POSTERIOR


def test_outlined_discs_teach_the_middle_of_bodies_and_of_the_sacrum():
    allowed = mr_targets.target_of_discs(mr_slices.discs(), 1.0).allowed
    assert allowed[BELOW_L3, AXIS] == DISC
    assert allowed[MIDDLE_OF_L3, AXIS] == BODY
    assert allowed[LOWEST_DISC + 9, AXIS] == SACRUM
    edge = allowed[MIDDLE_OF_L3, LEFT + DEPTH - 1]
    assert edge & BODY
    assert edge & BACKGROUND
    assert not allowed[BELOW_L3, LEFT - 2] & DISC
    assert allowed[8 + HEIGHT // 2, AXIS] == UNKNOWN & ~SACRUM


def test_open_pixels_are_decided_only_among_what_readers_allow():
    choice = BACKGROUND | DISC
    allowed = np.array([[choice, choice, BODY, choice, choice, choice]], np.uint8)
    sure_disc, unsure = [0.1, 0, 0, 0, 0.9, 0], [0.5, 0, 0, 0, 0.5, 0]
    excluded = [0.02, 0.9, 0, 0, 0.08, 0]
    background, surely = [0.9, 0, 0, 0, 0.1, 0], [0.98, 0, 0, 0, 0.02, 0]
    told = np.array([[sure_disc, unsure, sure_disc, excluded, background, surely]], np.float32)
    decided = mr_targets.narrowed(allowed, told, 0.8, 0.95)
    assert decided.tolist() == [[DISC, choice, BODY, choice, choice, BACKGROUND]]


@pytest.fixture
def data(tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    sides = '{"0": 1, "1": 1, "2": 1, "3": 1, "00": 1, "01": 1, "02": 1, "03": 1}'
    for source in ("t1", "vb2", "vb3", "ivd"):
        (cache / f"facing_{source}.json").write_text(sides, "utf-8")
    return mr_slices.write_sources(tmp_path / "data")


def test_every_source_is_loaded_with_what_it_teaches(data):
    slices = mr_sources.load_sources(data, data.parent / "cache")
    assert [s.source for s in slices[::4]] == list(mr_sources.SOURCES)
    for one in slices:
        here = set(np.unique(one.target.allowed).tolist())
        assert (DISC in here) == (one.source in ("spider", "ivd")), one.source
        assert (CANAL in here) == (one.source == "spider")
        assert (SACRUM in here) == (one.source in ("spider", "t1", "ivd"))
        assert BODY in here
        assert one.target.places[0][1] < one.target.places[-1][1], "numbered from below, too"


def test_patients_aside_are_the_same_every_time_and_in_slices_without_outlines(data):
    cache = data.parent / "cache"
    slices = mr_sources.load_sources(data, cache, ["spider", "unlabelled", "vb3"])
    training, aside = mr_sources.split(slices, 0.25, 7)
    assert len(training) + len(aside) == len(slices)
    home = {s.patient for s in aside if s.source == "spider"}
    assert len(home) == 1
    assert {s.patient for s in aside if s.source == "unlabelled"} == home
    for one in aside:
        if one.source == "vb3":
            assert mr_sources.is_aside("vb3", one.patient)
    share = np.mean([mr_sources.is_aside("t1", str(n)) for n in range(600)])
    assert 0.1 < share < 0.24


def test_an_unknown_source_is_told(data):
    with pytest.raises(mr_sources.DataSetError, match="'knees'"):
        mr_sources.load_sources(data, data.parent, ["knees"])
