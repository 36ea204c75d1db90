import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from spinealign.domain.image import SpacingSource, SpineImage
from spinealign.domain.measurements import Drawing, DrawingTool, MeasureState, StrokeKind
from spinealign.domain.measures import MeasureCode
from spinealign.measure.geometry.drawings import measure_drawings, points_needed
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.wording.measure_rows import grey_text, note_parts
from spinealign.wording.measures import measurement_name, method_text, reason_text

PIXELS = PixelGeometry()
SQUARE = PixelGeometry((0.5, 0.5), True)
TALL = PixelGeometry((2.0, 1.0), True)
"""Pixels twice as high as wide."""

places = st.floats(0, 1000)
points = st.tuples(places, places)


def measured(tool, points, geometry=PIXELS, sigma_px=1.0):
    return measure_drawings([Drawing(tool, 1, tuple(points))], geometry, sigma_px)[0]


@pytest.mark.parametrize(
    ("tool", "points", "geometry", "value", "unit"),
    [
        (DrawingTool.DISTANCE, [(1, 2), (4, 6)], PIXELS, 5, "px"),
        (DrawingTool.DISTANCE, [(1, 2), (4, 6)], SQUARE, 2.5, "mm"),
        (DrawingTool.DISTANCE, [(0, 0), (3, 2)], TALL, 5, "mm"),
        (DrawingTool.ANGLE, [(10, 0), (0, 0), (0, 7)], PIXELS, 90, "deg"),
        (DrawingTool.ANGLE, [(10, 0), (0, 0), (-3, 0)], PIXELS, 180, "deg"),
        (DrawingTool.ANGLE, [(1, 0), (0, 0), (1, 1)], PIXELS, 45, "deg"),
        (DrawingTool.ANGLE, [(2, 0), (0, 0), (2, 1)], TALL, 45, "deg"),
        (DrawingTool.COBB, [(0, 0), (10, 0), (0, 5), (10, 15)], PIXELS, 45, "deg"),
        (DrawingTool.COBB, [(10, 0), (0, 0), (0, 5), (10, 15)], PIXELS, 45, "deg"),
        (DrawingTool.COBB, [(0, 0), (10, 0), (0, 5), (10, 5)], PIXELS, 0, "deg"),
        (DrawingTool.COBB, [(0, 0), (10, 0), (0, 0), (4, 2)], TALL, 45, "deg"),
        (DrawingTool.AREA, [(0, 0), (4, 0), (4, 3), (0, 3)], PIXELS, 12, "px²"),
        (DrawingTool.AREA, [(0, 0), (4, 0), (4, 3), (0, 3)], SQUARE, 3, "mm²"),
        (DrawingTool.AREA, [(0, 0), (4, 0), (4, 3), (0, 3)], TALL, 24, "mm²"),
        (DrawingTool.AREA, [(0, 0), (0, 3), (4, 0)], PIXELS, 6, "px²"),
        (DrawingTool.AREA, [(0, 0), (6, 0), (6, 6), (3, 3), (0, 6)], PIXELS, 27, "px²"),
    ],
)
def test_computed_by_hand(tool, points, geometry, value, unit):
    found = measured(tool, points, geometry)
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.unit == unit
    assert (found.state, found.automatic_value, found.levels) == (MeasureState.DRAWN, None, ())
    assert method_text(found).endswith(".")
    assert len(found.points) == len(points)
    assert found.strokes


@pytest.mark.parametrize(
    ("tool", "name", "code"),
    [
        (DrawingTool.DISTANCE, "Distance 3", MeasureCode.DRAWN_DISTANCE),
        (DrawingTool.ANGLE, "Angle 3", MeasureCode.DRAWN_ANGLE),
        (DrawingTool.COBB, "Cobb angle 3", MeasureCode.DRAWN_COBB),
        (DrawingTool.AREA, "Area 3", MeasureCode.DRAWN_AREA),
    ],
)
def test_names_and_codes(tool, name, code):
    points = [(0, 0), (9, 0), (9, 9), (0, 9)][: points_needed(tool)]
    (found,) = measure_drawings([Drawing(tool, 3, tuple(points))], PIXELS)
    assert (measurement_name(found), found.code) == (name, code)


def test_two_drawings_of_one_kind_have_different_keys():
    line = ((0.0, 0.0), (3.0, 4.0))
    drawings = [Drawing(DrawingTool.DISTANCE, number, line) for number in (1, 2)]
    assert len({found.key for found in measure_drawings(drawings, PIXELS)}) == 2


@pytest.mark.parametrize("tool", [tool for tool in DrawingTool if not tool.is_note])
def test_too_few_points_have_a_reason_and_no_value(tool):
    for count in range(points_needed(tool)):
        found = measured(tool, [(10.0 * i, 3.0 * i * i) for i in range(count)])
        assert found.value is None
        assert found.interval is None
        assert str(points_needed(tool)) in reason_text(found.unmeasurable)


@pytest.mark.parametrize(
    ("tool", "points", "word"),
    [
        (DrawingTool.ANGLE, [(1, 1), (1, 1), (5, 5)], "coincide"),
        (DrawingTool.COBB, [(1, 1), (1, 1), (5, 5), (9, 9)], "coincide"),
        (DrawingTool.AREA, [(0, 0), (4, 4), (4, 0), (0, 4)], "crosses itself"),
    ],
)
def test_a_drawing_that_means_nothing_has_no_value(tool, points, word):
    found = measured(tool, points)
    assert found.value is None
    assert word in reason_text(found.unmeasurable)


@given(points, points, st.floats(0.05, 5), st.floats(0.05, 5))
def test_a_distance_on_oblong_pixels_is_pythagoras_in_millimetres(a, b, row_mm, col_mm):
    found = measured(DrawingTool.DISTANCE, (a, b), PixelGeometry((row_mm, col_mm), True))
    expected = math.hypot((a[0] - b[0]) * col_mm, (a[1] - b[1]) * row_mm)
    assert found.value == pytest.approx(expected, abs=1e-9)


def apart(*pairs):
    return all(math.dist(a, b) > 5 for a, b in pairs)


@given(points, points, points, points, st.floats(-180, 180), st.floats(0.2, 5))
def test_a_cobb_angle_stays_under_rotation_scale_and_change_of_direction(a, b, c, d, turn, scale):
    assume(apart((a, b), (c, d)))
    sine, cosine = math.sin(math.radians(turn)), math.cos(math.radians(turn))
    matrix = scale * np.array([[cosine, -sine], [sine, cosine]])
    moved = [tuple(matrix @ p) for p in (a, b, c, d)]
    value = measured(DrawingTool.COBB, (a, b, c, d)).value
    assert 0 <= value <= 90
    for same in (moved, (b, a, c, d), (a, b, d, c), (c, d, a, b)):
        assert measured(DrawingTool.COBB, same).value == pytest.approx(value, abs=1e-6)


@given(points, points, points)
def test_an_angle_and_its_two_others_make_half_a_turn(a, b, c):
    assume(apart((a, b), (b, c), (a, c)))
    turns = [(a, b, c), (b, c, a), (c, a, b)]
    total = sum(measured(DrawingTool.ANGLE, three).value for three in turns)
    assert total == pytest.approx(180, abs=1e-6)


@given(st.lists(points, min_size=3, max_size=3), points)
def test_an_area_does_not_depend_on_where_it_lies(three, shift):
    moved = [(x + shift[0], y + shift[1]) for x, y in three]
    one, other = (measured(DrawingTool.AREA, p).value for p in (three, moved))
    assert one == pytest.approx(other, abs=1e-6)


def test_the_interval_of_a_distance_follows_from_both_ends():
    found = measured(DrawingTool.DISTANCE, [(0, 0), (100, 0)], sigma_px=2.0)
    half = 1.959964 * math.sqrt(2) * 2
    assert found.interval == pytest.approx((100 - half, 100 + half), abs=1e-3)


def test_the_interval_of_a_distance_counts_the_pixel_s_side():
    across = measured(DrawingTool.DISTANCE, [(0, 0), (100, 0)], TALL)
    down = measured(DrawingTool.DISTANCE, [(0, 0), (0, 100)], TALL)
    widths = [np.ptp(found.interval) for found in (across, down)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=1e-3)


def test_intervals_hold_what_resampled_points_show():
    rng = np.random.default_rng(4)
    points = np.array([(100.0, 100.0), (160.0, 104.0), (100.0, 200.0), (160.0, 230.0)])
    found = measured(DrawingTool.COBB, [tuple(p) for p in points], sigma_px=1.0)
    drawn = points + rng.standard_normal((2000, 4, 2))
    values = [measured(DrawingTool.COBB, [tuple(p) for p in four]).value for four in drawn[:600]]
    low, high = np.percentile(values, (2.5, 97.5))
    assert found.interval == pytest.approx((low, high), abs=0.4)


def test_no_length_is_below_nothing():
    assert measured(DrawingTool.DISTANCE, [(5, 5), (5.5, 5)]).interval[0] == 0


def test_the_arc_of_an_angle_lies_at_its_apex():
    found = measured(DrawingTool.ANGLE, [(100, 0), (0, 0), (0, 100)])
    arc = next(stroke for stroke in found.strokes if stroke.kind is StrokeKind.ARC)
    radii = [math.hypot(x, y) for x, y in arc.points]
    assert radii == pytest.approx([radii[0]] * len(radii))
    assert all(x >= -1e-9 and y >= -1e-9 for x, y in arc.points)


def test_cobb_lines_are_prolonged_to_where_they_meet():
    found = measured(DrawingTool.COBB, [(10, 0), (20, 0), (10, 10), (20, 20)])
    kinds = [stroke.kind for stroke in found.strokes]
    assert kinds.count(StrokeKind.EXTENSION) == 2
    ends = [s.points[-1] for s in found.strokes if s.kind is StrokeKind.EXTENSION]
    assert ends == [pytest.approx((0, 0), abs=1e-9)] * 2


def test_lines_that_meet_far_away_are_not_prolonged():
    found = measured(DrawingTool.COBB, [(0, 0), (100, 0), (0, 30), (100, 31)])
    assert {stroke.kind for stroke in found.strokes} == {StrokeKind.LINE}


def picture(pixels, is_hounsfield=False):
    return SpineImage(
        np.asarray(pixels, np.float32), 12, Path("x.dcm"), "", is_hounsfield=is_hounsfield
    )


STEPS = np.arange(100).reshape(10, 10)
"""Grey values that tell every pixel from the others: ten times the row, plus the column."""


def grey_of(tool, corners, image=None, geometry=PIXELS):
    shown = picture(STEPS) if image is None else image
    [found] = measure_drawings([Drawing(tool, 1, tuple(corners))], geometry, image=shown)
    return found.grey


def test_a_rectangle_holds_the_pixels_whose_middle_lies_inside():
    grey = grey_of(DrawingTool.RECTANGLE, [(2.4, 3.6), (5.6, 4.4)])
    assert grey is None  # between two rows of middles
    grey = grey_of(DrawingTool.RECTANGLE, [(5.6, 3.4), (2.4, 5.4)])
    inside = STEPS[3:5, 2:6]
    assert (grey.pixels, grey.lowest, grey.highest) == (8, inside.min(), inside.max())
    assert grey.mean == pytest.approx(inside.mean())
    assert grey.deviation == pytest.approx(inside.std(ddof=1))


@pytest.mark.parametrize(
    ("corners", "count"),
    [([(-5, -5), (50, 50)], 100), ([(8.2, 8.2), (50, 50)], 4), ([(20, 20), (30, 30)], None)],
)
def test_what_lies_beside_the_picture_does_not_count(corners, count):
    grey = grey_of(DrawingTool.RECTANGLE, corners)
    assert (None if grey is None else grey.pixels) == count


def test_an_ellipse_and_a_polygon_are_counted_by_middles():
    rows, cols = np.mgrid[:90, :90] + 0.5
    image = picture(np.ones((90, 90)))
    disc = ((cols - 40) / 30) ** 2 + ((rows - 45) / 20) ** 2 < 1
    counted = grey_of(DrawingTool.ELLIPSE, [(10, 25), (70, 65)], image).pixels
    assert counted == pytest.approx(disc.sum(), rel=2e-3)
    right = [(10, 10), (50, 10), (10, 50)]
    below = (rows > 10) & (cols > 10) & (rows + cols < 60)
    assert grey_of(DrawingTool.AREA, right, image).pixels == pytest.approx(below.sum(), abs=20)


def test_areas_of_rectangle_and_ellipse():
    corners = [(1, 2), (5, 5)]
    assert measured(DrawingTool.RECTANGLE, corners).value == pytest.approx(12)
    assert measured(DrawingTool.ELLIPSE, corners).value == pytest.approx(3 * np.pi)
    assert measured(DrawingTool.RECTANGLE, corners, TALL).value == pytest.approx(24)
    flat = measured(DrawingTool.ELLIPSE, [(1, 2), (5, 2)])
    assert flat.value is None


@pytest.mark.parametrize("is_hounsfield", [True, False])
def test_hounsfield_units_only_where_the_picture_has_them(is_hounsfield):
    image = picture(STEPS - 50, is_hounsfield)
    grey = grey_of(DrawingTool.RECTANGLE, [(0, 0), (10, 10)], image)
    assert grey.is_hounsfield is is_hounsfield
    assert ("HU" in grey_text(grey)) is is_hounsfield
    assert grey_text(grey).startswith("mean -0.5")


def test_a_pixel_without_a_value_leaves_an_area_without_grey_values():
    holed = STEPS.astype(float)
    holed[4, 4] = np.nan
    corners = [(0, 0), (10, 10)]
    assert grey_of(DrawingTool.RECTANGLE, corners, picture(holed)) is None
    assert grey_of(DrawingTool.RECTANGLE, [(0, 0), (3, 3)], picture(holed)).pixels == 9


def test_a_length_in_millimetres_is_told_in_pixels_too_and_what_it_rests_on():
    image = replace(picture(STEPS), spacing_mm=(0.5, 0.5), spacing_source=SpacingSource.USER)
    line = Drawing(DrawingTool.DISTANCE, 1, ((0, 0), (3, 4)))
    area = Drawing(DrawingTool.RECTANGLE, 1, ((0, 0), (4, 2)))
    distance, box = measure_drawings([line, area], SQUARE, image=image)
    assert (distance.value, distance.value_px) == (pytest.approx(2.5), pytest.approx(5))
    assert (box.value, box.value_px) == (pytest.approx(2), pytest.approx(8))
    assert note_parts(distance) == ("5.0 px, scale calibrated by the user",)
    assert note_parts(box)[0] == "8.0 px², scale calibrated by the user"
    [bare] = measure_drawings([line], PIXELS, image=picture(STEPS))
    assert (bare.unit, bare.value_px, bare.spacing_source) == ("px", None, None)
    assert note_parts(bare) == ()


def test_texts_and_arrows_measure_nothing():
    notes = [
        Drawing(DrawingTool.TEXT, 1, ((1, 1),), "here"),
        Drawing(DrawingTool.ARROW, 1, ((1, 1), (5, 5))),
    ]
    assert measure_drawings(notes, PIXELS) == ()
    assert [points_needed(note.tool) for note in notes] == [1, 2]
