import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.findings import LevelUncertainty
from spinealign.measure.outlines.bodies import (
    Blob,
    closed_gaps,
    largest_piece,
    separate,
    typical_height,
    without_spurs,
)
from spinealign.measure.outlines.column import (
    LEVELS,
    find_chain,
    gaps_in_heights,
    missed_bodies,
    name_levels,
    turned_downwards,
)

DISC = 0.3


def blob(x, y, width=58, height=48, label=1, c2_share=0.0, certainty=0.95):
    """Return a rectangle of bone about (x, y)."""
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    pixels = np.stack([(xs + x - width / 2).ravel(), (ys + y - height / 2).ravel()], axis=1)
    return Blob(label, pixels, certainty, c2_share)


def column(count=5, step=64, lean=0.1):
    return [
        blob(200 + lean * step * i, 100 + step * i, label=i, c2_share=float(i == 0))
        for i in range(count)
    ]


def labels_of(chain):
    return [piece.label for piece in chain]


class TestChain:
    @given(st.permutations(range(5)))
    def test_order_of_the_pieces_does_not_matter(self, order):
        pieces = column()
        found = labels_of(find_chain([pieces[i] for i in order], 48))
        assert found in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])

    @pytest.mark.parametrize(
        "stray",
        [
            blob(60, 200, label=9),
            blob(420, 350, label=9),
            blob(300, 330, 15, 15, label=9),
            blob(215, 700, label=9),
        ],
        ids=["spinous process", "jaw", "speck", "far below"],
    )
    def test_strays_fall_out(self, stray):
        assert sorted(labels_of(find_chain([*column(), stray], 48))) == [0, 1, 2, 3, 4]

    def test_a_row_of_processes_beside_the_column_is_not_mixed_in(self):
        beside = [blob(80, 130 + 64 * i, 40, 34, label=20 + i, certainty=0.8) for i in range(4)]
        assert sorted(labels_of(find_chain([*beside, *column()], 48))) == [0, 1, 2, 3, 4]

    def test_a_single_piece_is_a_chain_of_one_and_none_is_none(self):
        assert labels_of(find_chain([blob(10, 10, label=4)], 48)) == [4]
        assert find_chain([], 48) == []


class TestUp:
    def test_c2_is_up_even_when_it_lies_below(self):
        pieces = [blob(200, 400 - 64 * i, label=i, c2_share=float(i == 0)) for i in range(4)]
        assert labels_of(turned_downwards(pieces[::-1], np.array([0.0, -9.0]))) == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        ("up", "first"), [((0, -1), 0), ((0, 1), 3), ((0, 0), 0)], ids=["up", "down", "unknown"]
    )
    def test_without_c2_the_corners_and_then_the_picture_decide(self, up, first):
        pieces = [blob(200, 100 + 64 * i, label=i) for i in range(4)]
        assert turned_downwards(pieces, np.array(up, float))[0].label == first


class TestNames:
    @given(st.integers(2, 7), st.lists(st.floats(0.0, 0.55), min_size=6, max_size=6))
    def test_counting_down_from_c2(self, count, gaps):
        naming = name_levels([1.0] + [0.0] * (count - 1), gaps[: count - 1])
        assert naming.levels == LEVELS[:count]
        assert naming.doubt is None

    @given(st.integers(0, 3), st.floats(0.2, 0.4))
    def test_a_gap_of_one_body_skips_its_name(self, place, disc):
        gaps = [disc] * 4
        gaps[place] = 1 + 2 * disc
        levels = name_levels([1.0, 0, 0, 0, 0], gaps).levels
        assert levels == tuple(level for i, level in enumerate(LEVELS[:6]) if i != place + 1)

    @pytest.mark.parametrize(
        ("shares", "gaps", "doubt"),
        [
            ([0, 0, 0], [0.3, 0.3], LevelUncertainty.NO_C2),
            ([0.45, 0, 0], [0.3, 0.3], LevelUncertainty.NO_C2),
            ([1, 0, 1], [0.3, 0.3], LevelUncertainty.SEVERAL_C2),
            ([0, 0.6, 0], [0.3, 0.3], LevelUncertainty.BODIES_ABOVE_C2),
            ([1, 0, 0, 0], [0.3, 2.9, 0.3], LevelUncertainty.IRREGULAR),
            ([1, 0, 0, 0], [0.3, 0.95, 0.3], LevelUncertainty.IRREGULAR),
        ],
        ids=["no C2", "weak C2", "two C2", "doubtful C2 below", "two bodies missing", "odd gap"],
    )
    def test_doubt_instead_of_a_wrong_name(self, shares, gaps, doubt):
        naming = name_levels(shares, gaps)
        assert naming.levels == ()
        assert naming.doubt is doubt

    def test_what_lies_above_a_sure_c2_does_not_count(self):
        naming = name_levels([0.0, 0.95, 0.0], [0.3, 0.3])
        assert (naming.first, naming.levels) == (1, ("C2", "C3"))

    def test_bodies_below_t1_have_no_name(self):
        assert name_levels([1.0] + [0.0] * 8, [0.3] * 8).levels == LEVELS

    def test_gaps_are_measured_between_facing_endplates(self):
        assert gaps_in_heights(column(3), 48) == pytest.approx([(64 - 48) / 48 + 0.1] * 2, abs=0.06)

    def test_missing_bodies_are_counted_by_the_film_s_own_discs(self):
        assert missed_bodies([0.3, 1.6, 0.3]) == [0, 1, 0]
        assert missed_bodies([]) == []


class TestBlobs:
    def bone(self, *rects):
        canvas = np.zeros((400, 300), np.float32)
        for top, left, height, width in rects:
            canvas[top : top + height, left : left + width] = 0.9
        return canvas

    def test_height_is_that_of_a_body_even_when_bodies_touch(self):
        apart = self.bone(*((50 + 60 * i, 100, 44, 54) for i in range(5)))
        fused = self.bone((50, 100, 5 * 44, 54))
        assert typical_height(apart) == pytest.approx(46, abs=4)
        assert typical_height(fused) == pytest.approx(54, abs=8)
        assert typical_height(np.zeros((50, 50), np.float32)) is None

    def test_a_narrow_bridge_is_cut(self):
        bone = self.bone((50, 100, 44, 54), (110, 100, 44, 54), (90, 118, 24, 14))
        labels, blobs = separate(bone, 0 * bone, np.zeros((400, 300, 4), np.float32), 46)
        assert len(blobs) == 2
        assert labels[60, 120] != labels[140, 120] != 0

    @pytest.mark.parametrize("height_px", [46, 52])
    def test_small_bodies_joined_by_a_bridge_are_two_and_a_large_one_is_one(self, height_px):
        bone = self.bone((50, 100, 36, 44), (100, 100, 36, 44), (80, 112, 30, 14))
        bone += self.bone((200, 100, 60, 66))
        corners = np.zeros((400, 300, 4), np.float32)
        labels, blobs = separate(bone, 0 * bone, corners, height_px)
        assert len(blobs) == 3
        assert len(np.unique(labels[200:260, 100:166])) == 1

    def test_specks_and_large_areas_are_no_bodies(self):
        bone = self.bone((50, 20, 44, 54), (150, 100, 12, 12), (250, 20, 130, 250))
        labels, blobs = separate(bone, 0 * bone, np.zeros((400, 300, 4), np.float32), 46)
        assert len(blobs) == 1
        assert set(np.unique(labels[100:])) == {0}

    def test_a_dens_behind_the_atlas_still_belongs_to_c2(self):
        bone = self.bone((100, 100, 44, 54), (60, 116, 32, 20), (160, 95, 44, 54))
        c2 = self.bone((100, 100, 44, 54), (60, 116, 32, 20))
        labels, blobs = separate(bone, c2, np.zeros((400, 300, 4), np.float32), 46)
        assert len(blobs) == 2
        assert labels[70, 125] == labels[120, 125]

    def test_a_spur_goes_and_the_corners_stay(self):
        plain, spurred = self.bone((50, 100, 46, 56)), self.bone((50, 100, 46, 56), (50, 60, 7, 45))
        cleaned = without_spurs(spurred, 12) >= 0.5
        assert not cleaned[:, :93].any()
        assert (without_spurs(plain, 12) >= 0.5).sum() > 0.995 * (plain >= 0.5).sum()
        assert (cleaned[:, 100:] == (without_spurs(plain, 12) >= 0.5)[:, 100:]).all()

    def test_gaps_within_a_piece_are_bridged(self):
        bone = self.bone((100, 100, 44, 54), (60, 116, 36, 24))
        assert largest_piece(closed_gaps(bone, 14) >= 0.5)[70, 125]
        assert not largest_piece(bone >= 0.5)[70, 125]

    def test_many_specks_change_neither_height_nor_bodies(self):
        rng = np.random.default_rng(1)
        bone = self.bone(*((50 + 60 * i, 100, 44, 54) for i in range(5)))
        rows, cols = rng.integers(0, 400, 300), rng.integers(170, 300, 300)
        bone[rows, cols] = 0.8
        height = typical_height(bone)
        assert height == pytest.approx(46, abs=4)
        assert len(separate(bone, 0 * bone, np.zeros((400, 300, 4), np.float32), height)[1]) == 5

    def test_the_largest_piece_is_kept_and_filled(self):
        mask = np.zeros((40, 40), bool)
        mask[5:25, 5:25] = True
        mask[12:16, 12:16] = False
        mask[32:36, 32:36] = True
        piece = largest_piece(mask)
        assert piece.sum() == 400
        assert not largest_piece(np.zeros((5, 5), bool)).any()
