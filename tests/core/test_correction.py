from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    Corrections,
    Facing,
    LandmarkName,
    LandmarkSource,
    VertebraState,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import DrawingTool
from spinealign.measure.correction import changes
from spinealign.measure.outlines.body_places import counterparts, height_of
from spinealign.measure.outlines.corners import CORNERS
from tests.phantoms_alignment import box, c2

NETWORK = {"source": LandmarkSource.NETWORK}
shifts = st.floats(-8, 8)


def column(levels=("C2", "C3", "C4", "C5"), facing=Facing.RIGHT):
    """Return boxes under each other that look to the right."""
    bodies = [
        c2((40, 60 + 22 * place), (60, 60 + 22 * place), index=place + 1, **NETWORK)
        if level == "C2"
        else box(level, 40, 70 + 22 * place, index=place + 1, **NETWORK)
        for place, level in enumerate(levels)
    ]
    return Corrections(tuple(bodies), facing, levels_uncertain=None in levels)


def levels_of(corrections):
    return [body.level for body in corrections.vertebrae]


def place_of(corrections, index, name):
    mark = changes.body_at(corrections, index).landmark(name)
    return mark.x, mark.y


def image(spacing_mm=None):
    return SpineImage(np.zeros((300, 200), np.float32), 8, Path("film.png"), "0", spacing_mm)


class TestMovingPoints:
    @given(shifts, shifts, st.sampled_from(CORNERS))
    def test_the_point_is_where_it_was_put_and_is_the_user_s(self, dx, dy, name):
        x, y = place_of(column(), 2, name)
        moved = changes.move_landmark(column(), 2, name, x + dx, y + dy)
        mark = moved.vertebrae[1].landmark(name)
        assert (mark.x, mark.y, mark.source) == (x + dx, y + dy, LandmarkSource.USER)
        assert [b for b in moved.vertebrae if b.index != 2] == [
            b for b in column().vertebrae if b.index != 2
        ]

    @given(shifts, shifts, st.sampled_from(CORNERS))
    def test_a_straight_side_stays_straight_and_its_middle_on_it(self, dx, dy, name):
        x, y = place_of(column(), 2, name)
        body = changes.move_landmark(column(), 2, name, x + dx, y + dy).vertebrae[1]
        for middle, ends in (
            (LandmarkName.SUPERIOR_MIDDLE, CORNERS[:2]),
            (LandmarkName.INFERIOR_MIDDLE, CORNERS[2:]),
        ):
            one, other = (body.landmark(end) for end in ends)
            found = body.landmark(middle)
            assert (found.x, found.y) == pytest.approx(
                ((one.x + other.x) / 2, (one.y + other.y) / 2), abs=1e-9
            )
        corners = [(m.x, m.y) for m in map(body.landmark, CORNERS)]
        assert np.array(body.outline) == pytest.approx(np.array(corners), abs=1e-9)

    @given(st.lists(st.tuples(shifts, shifts), min_size=1, max_size=6), st.sampled_from(CORNERS))
    def test_many_small_moves_are_one_large_move(self, steps, name):
        x, y = place_of(column(), 3, name)
        walked = column()
        for dx, dy in steps:
            walked = changes.move_landmark(walked, 3, name, x + dx, y + dy)
        jumped = changes.move_landmark(column(), 3, name, x + steps[-1][0], y + steps[-1][1])
        assert np.array(walked.vertebrae[2].outline) == pytest.approx(
            np.array(jumped.vertebrae[2].outline), abs=1e-6
        )

    def test_vertices_follow_less_the_farther_they_are(self):
        body = box("C3", 0, 0, 40, 40, index=1, **NETWORK)
        ring = [(40, 0), (20, 0), (0, 0), (0, 20), (0, 40), (20, 40), (40, 40), (40, 20)]
        start = Corrections((replace(body, outline=tuple(ring)),), Facing.RIGHT)
        moved = changes.move_landmark(start, 1, LandmarkName.ANTERIOR_SUPERIOR, 44, -8)
        way = np.array(moved.vertebrae[0].outline) - np.array(ring)
        assert way[0] == pytest.approx((4, -8))
        assert way[1] == pytest.approx((2, -4))
        assert way[7] == pytest.approx((2, -4))
        assert way[2:7] == pytest.approx(np.zeros((5, 2)))

    def test_a_middle_that_the_user_placed_stays_and_holds_the_outline(self):
        start = column()
        placed = changes.move_landmark(start, 2, LandmarkName.SUPERIOR_MIDDLE, 50, 95)
        moved = changes.move_landmark(placed, 2, LandmarkName.ANTERIOR_SUPERIOR, 66, 90)
        assert place_of(moved, 2, LandmarkName.SUPERIOR_MIDDLE) == (50, 95)
        assert (50.0, 95.0) in moved.vertebrae[1].outline

    def test_moving_a_middle_bends_the_endplate_between_its_corners(self):
        moved = changes.move_landmark(column(), 2, LandmarkName.INFERIOR_MIDDLE, 50, 104)
        outline = moved.vertebrae[1].outline
        assert (50.0, 104.0) in outline
        for name in CORNERS:
            assert place_of(moved, 2, name) in outline

    def test_a_missing_corner_can_be_placed(self):
        body = column().vertebrae[1]
        bare = replace(body, landmarks=tuple(m for m in body.landmarks if m.name != CORNERS[0]))
        start = replace(column(), vertebrae=(column().vertebrae[0], bare))
        assert changes.missing_landmarks(bare) == (LandmarkName.ANTERIOR_SUPERIOR,)
        placed = changes.move_landmark(start, 2, CORNERS[0], 62, 91)
        assert place_of(placed, 2, CORNERS[0]) == (62, 91)
        assert (62.0, 91.0) in placed.vertebrae[1].outline
        assert changes.missing_landmarks(placed.vertebrae[1]) == ()

    def test_c2_can_have_a_dens_and_no_superior_endplate(self):
        missing = changes.missing_landmarks(column().vertebrae[0])
        assert missing == (LandmarkName.DENS_TIP,)

    @pytest.mark.parametrize("place", [(float("nan"), 1), (1, float("inf"))])
    def test_nowhere_is_refused(self, place):
        with pytest.raises(ValueError, match="nowhere"):
            changes.move_landmark(column(), 2, CORNERS[0], *place)

    def test_a_body_that_is_not_there_is_refused(self):
        with pytest.raises(KeyError):
            changes.move_landmark(column(), 9, CORNERS[0], 1, 1)


named = st.tuples(st.integers(0, 20), st.integers(1, 5)).map(
    lambda two: tuple(LEVEL_SEQUENCE[two[0] : two[0] + two[1]])
)


class TestLevels:
    @given(named, st.data())
    def test_renamed_there_and_back_is_as_before(self, levels, data):
        start = column(levels)
        index = data.draw(st.integers(1, len(levels)))
        follow = data.draw(st.booleans())
        target = data.draw(st.sampled_from(changes.possible_levels(start, index, follow)))
        there = changes.rename_level(start, index, target, follow)
        assert changes.body_at(there, index).level == target
        assert changes.rename_level(there, index, levels[index - 1], follow) == start

    @given(named, st.data())
    def test_levels_stay_in_order_and_are_never_doubled(self, levels, data):
        index = data.draw(st.integers(1, len(levels)))
        for target in changes.possible_levels(column(levels), index):
            found = levels_of(changes.rename_level(column(levels), index, target))
            ranks = [LEVEL_SEQUENCE.index(level) for level in found]
            assert list(np.diff(ranks)) == [1] * (len(ranks) - 1)

    def test_neighbours_follow(self):
        start = column(("C2", "C3", "C5", "C6"))
        moved = changes.rename_level(start, 3, "C6")
        assert levels_of(moved) == ["C3", "C4", "C6", "C7"]

    def test_only_those_below_follow_when_that_is_wanted(self):
        start = column(("C2", "C3", "C5", "C6"))
        moved = changes.rename_level(start, 3, "C4", above_follow=False)
        assert levels_of(moved) == ["C2", "C3", "C4", "C5"]
        with pytest.raises(ValueError, match="C3"):
            changes.rename_level(start, 3, "C3", above_follow=False)

    def test_bodies_without_levels_are_counted_from_the_one_named(self):
        start = column((None, None, None))
        moved = changes.rename_level(start, 2, "C7")
        assert levels_of(moved) == ["C6", "C7", "T1"]
        assert start.levels_uncertain
        assert not moved.levels_uncertain

    def test_nothing_goes_beyond_the_ends(self):
        start = column(("C2", "C3", "C4"))
        assert changes.possible_levels(start, 2)[0] == "C2"
        assert changes.possible_levels(start, 2)[-1] == "L5"
        for level in ("C1", "S1", "C9"):
            with pytest.raises(ValueError, match=level):
                changes.rename_level(start, 2, level)


class TestFacing:
    @given(st.sampled_from(Facing), st.lists(st.sampled_from(CORNERS), max_size=3))
    def test_flipped_twice_is_as_before(self, facing, lacking):
        body = column().vertebrae[2]
        kept = tuple(mark for mark in body.landmarks if mark.name not in lacking)
        bodies = (*column().vertebrae[:2], replace(body, landmarks=kept))
        start = Corrections(bodies, facing)
        assert changes.swap_anterior_posterior(changes.swap_anterior_posterior(start)) == start

    def test_front_and_back_change_names_and_no_point_moves(self):
        flipped = changes.swap_anterior_posterior(column())
        assert flipped.facing is Facing.LEFT
        before, after = column().vertebrae[1], flipped.vertebrae[1]
        assert {(m.x, m.y) for m in before.landmarks} == {(m.x, m.y) for m in after.landmarks}
        assert place_of(flipped, 2, LandmarkName.ANTERIOR_SUPERIOR) == place_of(
            column(), 2, LandmarkName.POSTERIOR_SUPERIOR
        )
        assert after.outline == before.outline

    @pytest.mark.parametrize("side", Facing)
    def test_an_unknown_facing_can_be_told(self, side):
        unknown = replace(column(), facing=None)
        told = changes.set_facing(unknown, side)
        front, back = (
            place_of(told, 2, name)
            for name in (LandmarkName.ANTERIOR_INFERIOR, LandmarkName.POSTERIOR_INFERIOR)
        )
        assert (front[0] > back[0]) is (side is Facing.RIGHT)

    def test_flipping_an_unknown_facing_takes_what_the_corners_say(self):
        assert changes.swap_anterior_posterior(replace(column(), facing=None)) == column()

    def test_without_corners_any_side_can_be_told(self):
        bare = tuple(replace(body, landmarks=()) for body in column().vertebrae)
        told = changes.set_facing(Corrections(bare), Facing.RIGHT)
        assert told == Corrections(bare, Facing.RIGHT)


class TestAddingAndDeleting:
    def test_deleting_keeps_the_other_levels_and_numbers_anew(self):
        left = changes.delete_vertebra(column(), 2)
        assert levels_of(left) == ["C2", "C4", "C5"]
        assert [body.index for body in left.vertebrae] == [1, 2, 3]

    @pytest.mark.parametrize("index", [2, 3, 4])
    def test_a_deleted_body_that_is_added_again_has_its_level_back(self, index):
        start = column()
        corners = [place_of(start, index, name) for name in CORNERS]
        again = changes.add_vertebra(changes.delete_vertebra(start, index), corners)
        assert levels_of(again) == levels_of(start)
        body = changes.body_at(again, index)
        assert body.state is VertebraState.ADDED
        assert [place_of(again, index, name) for name in CORNERS] == corners
        assert {m.source for m in body.landmarks if m.name in CORNERS} == {LandmarkSource.USER}

    @given(st.permutations(range(4)), st.sampled_from(Facing))
    def test_the_order_of_the_clicks_does_not_matter(self, order, facing):
        corners = [(61, 140), (41, 141), (42, 158), (60, 157)]
        start = replace(column(("C2", "C3")), facing=facing)
        given_corners = [corners[i] for i in order]
        body = changes.add_vertebra(start, given_corners).vertebrae[-1]
        front = 61 if facing is Facing.RIGHT else 41
        assert body.landmark(LandmarkName.ANTERIOR_SUPERIOR).x == front
        assert body.landmark(LandmarkName.SUPERIOR_MIDDLE).source is LandmarkSource.CONTOUR

    @given(st.permutations(range(6)))
    def test_middles_can_be_given_too(self, order):
        six = [(61, 140), (51, 143), (41, 141), (42, 158), (51, 155), (60, 157)]
        start = column(("C2", "C3"))
        body = changes.add_vertebra(start, [six[i] for i in order]).vertebrae[-1]
        middle = body.landmark(LandmarkName.INFERIOR_MIDDLE)
        assert (middle.x, middle.y, middle.source) == (51, 155, LandmarkSource.USER)
        assert body.outline == tuple(six)

    def test_without_a_free_level_the_bodies_below_move_down(self):
        start = column(("C2", "C3", "C4"))
        added = changes.add_vertebra(start, [(40, 106), (60, 106), (60, 111), (40, 111)])
        assert levels_of(added) == ["C2", "C3", "C4", "C5"]
        assert added.vertebrae[2].state is VertebraState.ADDED

    def test_below_the_last_and_above_the_first(self):
        start = column(("C3", "C4"))
        below = changes.add_vertebra_at(start, 50, 130)
        assert levels_of(below) == ["C3", "C4", "C5"]
        above = changes.add_vertebra(start, [(40, 60), (60, 60), (50, 20)])
        assert levels_of(above) == ["C2", "C3", "C4"]
        assert above.vertebrae[0].landmark(LandmarkName.DENS_TIP).y == 20
        assert above.vertebrae[0].landmark(LandmarkName.SUPERIOR_MIDDLE) is None

    def test_a_c2_from_four_corners_has_no_superior_endplate(self):
        above = changes.add_vertebra_at(column(("C3", "C4")), 50, 50)
        names = {mark.name for mark in above.vertebrae[0].landmarks}
        assert LandmarkName.ANTERIOR_SUPERIOR not in names
        assert LandmarkName.ANTERIOR_INFERIOR in names

    def test_a_column_without_levels_gets_another_number(self):
        added = changes.add_vertebra_at(column((None, None)), 50, 130)
        assert [body.name for body in added.vertebrae] == ["body 1", "body 2", "body 3"]
        assert added.levels_uncertain

    def test_the_first_body_of_all_has_no_level_until_it_is_named(self):
        corners = [(40, 60), (60, 60), (60, 75), (40, 75)]
        alone = changes.add_vertebra(Corrections(), corners)
        assert (levels_of(alone), alone.levels_uncertain) == ([None], True)
        assert levels_of(changes.rename_level(alone, 1, "C4")) == ["C4"]

    def test_between_two_bodies_the_new_one_is_like_them(self):
        start = column(("C2", "C3", "C4", "C5"))
        gap = changes.delete_vertebra(start, 3)
        x, y = 50, 70 + 44 + 7.5
        again = changes.add_vertebra_at(gap, x, y)
        for name in CORNERS:
            assert place_of(again, 3, name) == pytest.approx(place_of(start, 3, name))

    def test_a_height_can_be_given(self):
        added = changes.add_vertebra_at(column(("C2", "C3")), 50, 130, height_px=30)
        assert height_of(added.vertebrae[-1]) == pytest.approx(30)

    @pytest.mark.parametrize(
        "points",
        [[], [(1, 1), (9, 1)], [(0, 0)] * 5, [(3, 3)] * 4, [(0, 0), (1, 1), (2, 2), (3, 3)]],
        ids=["none", "two", "five", "one place", "a line"],
    )
    def test_what_is_no_body_is_refused(self, points):
        with pytest.raises(ValueError, match=r"points|enclose"):
            changes.add_vertebra(column(), points)

    def test_without_neighbours_a_height_is_needed(self):
        with pytest.raises(ValueError, match="body"):
            changes.add_vertebra_at(Corrections(), 50, 50)

    def test_below_the_sacrum_is_nothing(self):
        with pytest.raises(ValueError, match="level"):
            changes.add_vertebra_at(column(("L5", "S1")), 50, 130)


class TestDrawingsAndCalibration:
    def test_drawings_are_numbered_by_their_kind_and_keep_their_numbers(self):
        distance, angle = DrawingTool.DISTANCE, DrawingTool.ANGLE
        state = Corrections()
        for tool in (distance, angle, distance, distance):
            state = changes.add_drawing(state, tool, [(1, 2), (3, 4)])
        state = changes.delete_drawing(state, (distance, 2))
        assert [d.key for d in state.drawings] == [(distance, 1), (angle, 1), (distance, 3)]
        moved = changes.move_drawing_point(state, (distance, 3), 1, 9, 9)
        assert moved.drawings[2].points == ((1, 2), (9, 9))
        assert moved.drawings[:2] == state.drawings[:2]

    def test_a_note_says_something_else(self):
        state = changes.add_drawing(Corrections(), DrawingTool.TEXT, [(1, 2)], "old")
        state = changes.add_drawing(state, DrawingTool.ARROW, [(1, 2), (3, 4)])
        changed = changes.set_drawing_text(state, (DrawingTool.TEXT, 1), "new")
        assert [d.text for d in changed.drawings] == ["new", ""]

    @pytest.mark.parametrize(("number", "point"), [(7, 0), (1, 2), (1, -1)])
    def test_points_that_are_not_there_are_refused(self, number, point):
        state = changes.add_drawing(Corrections(), DrawingTool.DISTANCE, [(1, 2), (3, 4)])
        with pytest.raises(KeyError):
            changes.move_drawing_point(state, (DrawingTool.DISTANCE, number), point, 0, 0)

    @pytest.mark.parametrize(
        ("known", "expected"),
        [
            (None, (0.5, 0.5)),
            ((0.2, 0.2), (0.5, 0.5)),
            ((2.0, 1.0), (1.0 * 10 / np.hypot(12, 32), 0.5 * 10 / np.hypot(12, 32))),
        ],
        ids=["unknown", "square", "oblong"],
    )
    def test_a_known_length_gives_the_spacing(self, known, expected):
        state = changes.calibrate(Corrections(), (10, 10), (22, 26), 10, image(known))
        scale = 2 if known == (2.0, 1.0) else 1
        assert state.calibration.spacing_mm == pytest.approx([scale * v for v in expected])

    @given(
        st.tuples(st.floats(0, 100), st.floats(0, 100)),
        st.tuples(st.floats(150, 300), st.floats(150, 300)),
        st.floats(0.5, 500),
        st.sampled_from([None, (0.3, 0.3), (0.4, 0.1)]),
    )
    def test_the_calibrated_line_is_as_long_as_was_said(self, start, end, length, known):
        found = changes.calibrate(Corrections(), start, end, length, image(known)).calibration
        down, across = found.spacing_mm
        run = np.subtract(end, start) * (across, down)
        assert np.hypot(*run) == pytest.approx(length)
        if known is not None:
            assert down / across == pytest.approx(known[0] / known[1])

    @pytest.mark.parametrize(
        ("end", "length"), [((10.2, 10), 5), ((50, 50), 0), ((50, 50), float("nan"))]
    )
    def test_what_gives_no_spacing_is_refused(self, end, length):
        with pytest.raises(ValueError, match=r"length|close"):
            changes.calibrate(Corrections(), (10, 10), end, length, image())

    def test_a_calibration_can_be_taken_back(self):
        state = changes.calibrate(Corrections(), (0, 0), (10, 0), 5, image())
        assert changes.without_calibration(state) == Corrections()


class TestCounterparts:
    @given(shifts, shifts, st.sampled_from(CORNERS))
    def test_a_body_is_known_again_after_a_move(self, dx, dy, name):
        start = column()
        x, y = place_of(start, 3, name)
        moved = changes.move_landmark(start, 3, name, x + dx, y + dy)
        found = counterparts(moved.vertebrae, start.vertebrae)
        assert {index: body.index for index, body in found.items()} == {1: 1, 2: 2, 3: 3, 4: 4}

    def test_after_a_deletion_the_others_are_known_again(self):
        left = changes.delete_vertebra(column(), 2)
        found = counterparts(left.vertebrae, column().vertebrae)
        assert {index: body.level for index, body in found.items()} == {1: "C2", 2: "C4", 3: "C5"}
