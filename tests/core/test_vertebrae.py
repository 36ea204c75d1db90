import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.findings import Facing, LandmarkName, LandmarkSource
from spinealign.measure.outlines.bodies import Blob
from spinealign.measure.outlines.corners import CORNERS, Peak, all_peaks, corner_lines, peak_in
from spinealign.measure.outlines.vertebrae import (
    BodyAxes,
    body_landmarks,
    contour_corner,
    facing,
    right_of,
    touches_border,
    up_by_corners,
    up_vectors,
)

UP = np.array([0.0, -1.0])
RIGHT = np.array([1.0, 0.0])
EVERYWHERE = np.ones((80, 80), bool)


def spot(x, y, height=0.9, shape=(80, 80), sigma=2.5):
    rows, cols = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    apart = (cols - x) ** 2 + (rows - y) ** 2
    return (height * np.exp(-apart / (2 * sigma**2))).astype(np.float32)


def box(x=100.0, y=100.0, width=60.0, height=50.0):
    """Return the outline of a body and its corners in the order of `CORNERS`, facing right."""
    left, right, top, low = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    corners = np.array([[right, top], [left, top], [left, low], [right, low]])
    steps = np.linspace(0, 1, 40, endpoint=False)[:, None]
    ring = [a + steps * (b - a) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
    return np.concatenate(ring), corners


def piece(c2_share=0.0):
    return Blob(1, np.array([[0.0, 0.0]]), 0.9, c2_share)


def peaks_at(points, height=0.8):
    return [[Peak(point, height)] for point in points]


class TestPeaks:
    @given(st.floats(20, 60), st.floats(20, 60))
    def test_a_peak_is_placed_between_the_pixels(self, x, y):
        found = peak_in(spot(x, y), EVERYWHERE)
        assert found.point == pytest.approx((x, y), abs=0.12)
        assert found.height == pytest.approx(0.9, abs=0.06)

    def test_a_peak_at_the_border_of_the_map_is_found(self):
        assert peak_in(spot(0.5, 79.5), EVERYWHERE).point == pytest.approx((1, 79), abs=1.5)

    def test_low_and_outside_peaks_do_not_count(self):
        assert peak_in(spot(40, 40, 0.2), EVERYWHERE) is None
        assert peak_in(spot(40, 40), ~EVERYWHERE) is None

    def test_neighbouring_peaks_are_told_apart(self):
        found = all_peaks(np.maximum(spot(20, 40), spot(50, 40, 0.6)), EVERYWHERE, 15)
        assert sorted(round(p.point[0]) for p in found) == [20, 50]

    def test_endplates_join_the_nearest_anterior_and_posterior_corners(self):
        corners = np.zeros((80, 80, 4), np.float32)
        corners[..., 0] = np.maximum(spot(60, 20), spot(60, 60))
        corners[..., 1] = np.maximum(spot(20, 20), spot(20, 60))
        lines = corner_lines(corners, EVERYWHERE, 40)
        assert len(lines) == 2
        assert all(abs(start[1] - stop[1]) < 1 for start, stop in lines)


class TestDirections:
    @given(st.floats(0, 2 * np.pi))
    def test_right_is_right_of_up(self, angle):
        up = np.array([np.cos(angle), np.sin(angle)])
        right = right_of(up)
        assert right @ up == pytest.approx(0)
        # Turning up to the top of the picture turns right to its right.
        turn = np.array([[-up[1], up[0]], [-up[0], -up[1]]])
        assert turn @ up == pytest.approx((0, -1))
        assert turn @ right == pytest.approx((1, 0))

    def test_up_runs_towards_the_upper_neighbours(self):
        ups = up_vectors([np.array([0.0, 0]), np.array([3.0, 4]), np.array([6.0, 8])])
        assert all(up == pytest.approx((-0.6, -0.8)) for up in ups)

    def test_corners_say_what_is_up(self):
        four = tuple(Peak(point, 0.8) for point in box()[1])
        assert up_by_corners([four, (None, None, None, None)])[1] < 0
        assert up_by_corners([(None, None, *four[2:])]) == pytest.approx((0, 0))

    @pytest.mark.parametrize("side", list(Facing))
    @pytest.mark.parametrize("count", [1, 5])
    def test_endplates_vote_on_the_facing(self, side, count):
        points = box()[1] * ([1, 1] if side is Facing.RIGHT else [-1, 1])
        four = tuple(Peak(point, 0.8) for point in points)
        found, confidence = facing([four] * count, [piece()] * count, [UP] * count)
        assert found is side
        assert confidence > (0.9 if count == 5 else 0.7)

    def test_contradicting_corners_lower_the_confidence(self):
        one = tuple(Peak(point, 0.8) for point in box()[1])
        other = tuple(Peak(point * [-1, 1], 0.8) for point in box()[1])
        assert facing([one, other], [piece()] * 2, [UP] * 2)[1] == pytest.approx(0.5)


class TestLandmarks:
    @given(st.floats(0, 2 * np.pi), st.booleans(), st.floats(0.7, 1.6))
    def test_corners_of_the_outline_follow_the_body_s_directions(self, angle, mirrored, ratio):
        outline, corners = box(0, 0, 60, 60 / ratio)
        sine, cosine = np.sin(angle), np.cos(angle)
        turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([-1 if mirrored else 1, 1])
        for channel in range(4):
            found = contour_corner(outline @ turn.T, channel, turn @ UP, turn @ RIGHT, 60 / ratio)
            assert found == pytest.approx(turn @ corners[channel], abs=1e-6)

    def test_a_body_takes_its_own_peaks_and_not_its_neighbours(self):
        outline, corners = box()
        below = corners + np.array([0, 62])
        peaks = [[Peak(b, 0.9), Peak(a + 1, 0.7)] for a, b in zip(corners, below, strict=True)]
        marks = body_landmarks(outline, peaks, BodyAxes(UP, RIGHT), 50, piece())
        by_name = {mark.name: mark for mark in marks}
        for name, corner in zip(CORNERS, corners, strict=True):
            assert (by_name[name].x, by_name[name].y) == pytest.approx(corner + 1)
            assert by_name[name].source is LandmarkSource.NETWORK
            assert by_name[name].confidence == pytest.approx(0.7)
        assert len(marks) == 6

    def test_peaks_off_the_outline_or_at_the_wrong_corner_are_not_believed(self):
        outline, corners = box()
        wrong = [corners[1], corners[0], corners[2] + np.array([-30, 30]), corners[3]]
        marks = body_landmarks(outline, peaks_at(wrong), BodyAxes(UP, RIGHT), 50, piece())
        by_name = {mark.name: mark for mark in marks}
        for name, corner in zip(CORNERS, corners, strict=True):
            assert (by_name[name].x, by_name[name].y) == pytest.approx(corner, abs=1e-6)
        sources = [by_name[name].source.value for name in CORNERS]
        assert sources == ["contour", "contour", "contour", "network"]

    @pytest.mark.parametrize(
        ("height", "expected"), [(0.45, (0.6, -0.6)), (0.8, (2, -2))], ids=["unsure", "sure"]
    )
    def test_unsure_endplates_turn_towards_the_outline(self, height, expected):
        outline, corners = box()
        tilted = corners + np.array([[0, 2], [0, -2], [0, 0], [0, 0]])
        marks = body_landmarks(outline, peaks_at(tilted, height), BodyAxes(UP, RIGHT), 50, piece())
        by_name = {mark.name: mark for mark in marks}
        for name, corner, off in zip(CORNERS, corners, expected, strict=False):
            assert by_name[name].y - corner[1] == pytest.approx(off, abs=0.05)

    def test_without_a_facing_only_seen_corners_are_named(self):
        outline, corners = box()
        peaks = [*peaks_at(corners[:2]), [], []]
        names = {m.name for m in body_landmarks(outline, peaks, BodyAxes(UP, None), 50, piece())}
        assert names == {CORNERS[0], CORNERS[1], LandmarkName.SUPERIOR_MIDDLE}

    def test_c2_has_two_corners_and_a_tip(self):
        outline, corners = box()
        marks = body_landmarks(outline, peaks_at(corners), BodyAxes(UP, RIGHT), 50, piece(1.0))
        assert {m.name for m in marks} == {
            CORNERS[2], CORNERS[3], LandmarkName.INFERIOR_MIDDLE, LandmarkName.DENS_TIP,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((200, 200), False), ((125, 200), True), ((200, 130), True)],
    ids=["inside", "bottom", "right"],
)
def test_touching_the_border(shape, expected):
    assert touches_border(box()[0], shape) is expected
