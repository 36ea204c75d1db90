from dataclasses import replace
from itertools import combinations, pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spinealign.imaging import render
from tests.phantoms import MR_CLASSES, ct_image, failed_view_analysis, heatmap, mr_analysis, mr_mask

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
COLOUR_BLINDNESS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def seen(colour, blindness):
    """Return the CIE Lab value of an sRGB colour as a colour-blind person sees it."""
    srgb = np.array(colour) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    mixed = np.clip(COLOUR_BLINDNESS[blindness] @ linear, 0, 1)
    back = np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055)
    return cv2.cvtColor(back.astype(np.float32).reshape(1, 1, 3), cv2.COLOR_RGB2LAB)[0, 0]


def filled(polygons, shape, factor=8):
    """Fill polygons in edge coordinates on a grid `factor` times finer, by odd-even."""
    canvas = np.zeros((shape[0] * factor, shape[1] * factor), np.uint8)
    fixed = [np.rint((p * factor - 0.5) * 16).astype(np.int32) for p in polygons]
    cv2.fillPoly(canvas, fixed, 1, cv2.LINE_8, 4)
    return canvas > 0


class TestWindow:
    def test_file_window_comes_first(self):
        assert render.default_window(ct_image()) == (300.0, 1500.0)

    def test_8_bit_image_is_shown_as_it_is(self):
        image = failed_view_analysis().image
        shown = render.to_display(image.pixels, render.default_window(image))
        assert np.abs(shown - image.pixels).max() <= 0.5

    def test_percentiles_ignore_a_few_extreme_pixels(self):
        image = mr_analysis().image
        pixels = image.pixels.copy()
        pixels[0, :5] = 60000
        before = render.default_window(image)
        after = render.default_window(replace(image, pixels=pixels))
        assert after == pytest.approx(before, rel=0.02)

    def test_impossible_window_of_the_file_is_ignored(self):
        image = replace(ct_image(), window=(40.0, 0.0))
        assert render.default_window(image)[1] > 0

    @pytest.mark.parametrize("value", [0.0, 1000.0], ids=["black", "grey"])
    def test_constant_image_has_a_window(self, value):
        image = replace(ct_image(), window=None, pixels=np.full((4, 4), value, np.float32))
        assert render.default_window(image)[1] > 0

    @pytest.mark.parametrize("factor", [1e-4, 1e-9])
    def test_values_far_below_1_are_shown_apart(self, factor):
        image = mr_analysis().image
        pixels = image.pixels * np.float32(factor)
        window = render.default_window(replace(image, pixels=pixels, window=None))
        plain = render.default_window(replace(image, window=None))
        assert window == pytest.approx([factor * number for number in plain], rel=1e-4)
        assert np.ptp(render.to_display(pixels, window)) == 255

    def test_mostly_constant_image_still_shows_its_detail(self):
        pixels = np.zeros((100, 100), np.float32)
        pixels[50, 50:54] = 700
        image = replace(ct_image(), window=None, pixels=pixels)
        assert render.to_display(pixels, render.default_window(image)).max() == 255

    @given(st.floats(-1000, 3000), st.floats(1, 4000))
    def test_display_is_monotonous_and_covers_the_window(self, centre, width):
        ramp = np.linspace(centre - width, centre + width, 64, dtype=np.float32)[None]
        shown = render.to_display(ramp, (centre, width))
        assert shown.dtype == np.uint8
        assert (np.diff(shown[0].astype(int)) >= 0).all()
        assert (shown[0, 0], shown[0, -1]) == (0, 255)

    def test_not_a_number_is_black_and_input_is_left_alone(self):
        pixels = np.array([[np.nan, 5.0]], np.float32)
        assert render.to_display(pixels, (5.0, 10.0)).tolist() == [[0, 128]]
        assert np.isnan(pixels[0, 0])


class TestColours:
    @pytest.mark.parametrize("blindness", COLOUR_BLINDNESS)
    def test_structures_on_one_image_are_told_apart_by_everyone(self, blindness):
        colours = [seen(render.class_colour(n, i), blindness) for i, n in MR_CLASSES.items()]
        for one, other in combinations(colours, 2):
            assert np.linalg.norm(one - other) > 30

    @pytest.mark.parametrize("blindness", COLOUR_BLINDNESS)
    def test_neighbouring_levels_are_told_apart_by_everyone(self, blindness):
        levels = ["C2", "C3", "C4", "C5", "C6", "C7", "T1"]
        colours = [seen(render.class_colour(name, 1), blindness) for name in levels]
        for one, other in pairwise(colours):
            assert np.linalg.norm(one - other) > 30

    def test_a_known_structure_keeps_its_colour_whatever_its_number(self):
        assert len({render.class_colour("disc", class_id) for class_id in range(1, 20)}) == 1

    def test_unknown_structures_take_their_colour_from_their_number(self):
        assert render.class_colour("rib", 1) != render.class_colour("rib", 2)
        assert render.class_colour("rib", 255) == render.class_colour("lung", 255)


MASKS = arrays(
    np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24)), elements=st.integers(0, 2)
)


class TestOutlines:
    @settings(max_examples=60, deadline=None)
    @given(MASKS)
    def test_outlines_stay_within_half_a_pixel_of_the_region(self, mask):
        polygons = render.outlines(mask, 1)
        assert bool(polygons) == bool((mask == 1).any())
        inside = np.pad((mask == 1).astype(np.uint8), 1)
        fine = np.kron(inside, np.ones((16, 16), np.uint8))
        away = cv2.distanceTransform(1 - fine, cv2.DIST_L2, 5) / 16
        deep = cv2.distanceTransform(fine, cv2.DIST_L2, 5) / 16
        for polygon in polygons:
            assert polygon.shape[0] >= 3
            x, y = np.floor((polygon + 1).T * 16).astype(int)
            assert away[y, x].max() <= 0.5 + 2 / 16
            assert deep[y, x].max() <= 0.5 + 2 / 16

    def test_area_of_a_disc_is_kept(self):
        mask = np.zeros((60, 60), np.uint8)
        cv2.circle(mask, (30, 30), 20, 7, -1)
        (polygon,) = render.outlines(mask, 7)
        area = cv2.contourArea(polygon.astype(np.float32))
        assert area == pytest.approx(int((mask == 7).sum()), rel=0.02)

    def test_outline_lies_where_the_pixels_lie(self):
        mask = np.zeros((10, 20), np.uint8)
        mask[2:6, 10:18] = 1
        (polygon,) = render.outlines(mask, 1)
        assert polygon.mean(axis=0) == pytest.approx((14.0, 4.0), abs=0.1)
        assert polygon.min(axis=0) == pytest.approx((10.0, 2.0), abs=0.25)
        assert polygon.max(axis=0) == pytest.approx((18.0, 6.0), abs=0.25)

    def test_filled_outlines_give_the_mask_back(self):
        mask = mr_mask()
        for class_id in MR_CLASSES:
            fine = np.kron(mask == class_id, np.ones((8, 8), bool))
            drawn = filled(render.outlines(mask, class_id), mask.shape)
            dice = 2 * (fine & drawn).sum() / (fine.sum() + drawn.sum())
            assert dice > 0.97

    def test_a_hole_has_an_outline_of_its_own(self):
        mask = np.ones((30, 30), np.uint8)
        mask[10:20, 10:20] = 0
        assert len(render.outlines(mask, 1)) == 2
        assert not filled(render.outlines(mask, 1), mask.shape)[120, 120]

    def test_stairs_become_a_nearly_straight_line(self):
        mask = np.zeros((60, 60), np.uint8)
        for row in range(60):
            mask[row, : 20 + row // 4] = 1
        (polygon,) = render.outlines(mask, 1)
        edge = polygon[(polygon[:, 0] > 21) & (polygon[:, 1] > 5) & (polygon[:, 1] < 55)]
        fit = np.polyfit(edge[:, 1], edge[:, 0], 1)
        assert np.abs(np.polyval(fit, edge[:, 1]) - edge[:, 0]).max() < 0.3

    def test_large_masks_are_traced_too(self):
        mask = np.zeros((3000, 40), np.uint8)
        mask[10:2990, 10:30] = 1
        (polygon,) = render.outlines(mask, 1)
        assert np.ptp(polygon[:, 1]) == pytest.approx(2980, abs=1)


class TestHeat:
    def test_alpha_rises_with_the_value_and_leaves_the_image_visible(self):
        ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
        alpha = render.heat_colours(ramp)[0, :, 3].astype(int)
        assert alpha[0] == 0
        assert (np.diff(alpha) >= 0).all()
        assert 128 < alpha[-1] < 220

    def test_lightness_rises_with_the_value(self):
        ramp = np.linspace(0, 1, 64, dtype=np.float32)[None]
        rgb = np.ascontiguousarray(render.heat_colours(ramp)[..., :3]).astype(np.float32) / 255
        assert (np.diff(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0, :, 0]) > 0).all()

    def test_values_outside_are_clipped(self):
        odd = np.array([[-1.0, np.nan, 2.0]], np.float32)
        usual = np.array([[0.0, 0.0, 1.0]], np.float32)
        assert (render.heat_colours(odd) == render.heat_colours(usual)).all()

    def test_heat_changes_only_where_it_is_hot(self):
        grey = np.full((40, 60), 100, np.uint8)
        hot = np.zeros((40, 60), np.float32)
        hot[10:20, 10:20] = 1
        drawn = render.draw_heat(grey, hot)
        changed = (drawn != 100).any(axis=2)
        assert (changed == (hot > 0)).all()


class TestPictures:
    @pytest.mark.parametrize(
        ("shape", "spacing_mm", "scale"),
        [
            ((320, 200), None, (3, 3)),
            ((320, 200), (0.5, 0.5), (3, 3)),
            ((1200, 900), (0.2, 0.2), (1, 1)),
            ((100, 200), (4.0, 1.0), (12, 3)),
            ((200, 100), (1.0, 4.0), (3, 12)),
            ((900, 900), (1.0, 1000.0), (1, 1)),
        ],
        ids=["unknown", "square", "large", "tall pixels", "wide pixels", "nonsense"],
    )
    def test_scale_enlarges_and_keeps_proportions(self, shape, spacing_mm, scale):
        assert render.picture_scale(shape, spacing_mm, 900) == pytest.approx(scale)

    def test_overlay_colours_the_structure_and_leaves_the_rest(self):
        grey = np.full((50, 50), 90, np.uint8)
        mask = np.zeros((50, 50), np.uint8)
        mask[10:30, 10:30] = 2
        drawn = render.draw_overlay(grey, mask, {2: "disc"}, (4, 4), fill_opacity=0.5)
        expected = (90 + np.array(render.class_colour("disc", 2))) / 2
        assert drawn.shape == (200, 200, 3)
        assert drawn[80, 80] == pytest.approx(expected, abs=1)
        assert (drawn[150:, 150:] == 90).all()

    def test_without_fill_only_the_border_changes(self):
        grey = np.full((50, 50), 90, np.uint8)
        mask = np.zeros((50, 50), np.uint8)
        mask[10:30, 10:30] = 1
        changed = (render.draw_overlay(grey, mask, {1: "disc"}, (4, 4), 0.0) != 90).any(axis=2)
        assert not changed[60:100, 60:100].any()
        assert changed[80, 36:44].any()

    def test_classes_that_are_not_listed_are_not_drawn(self):
        grey = np.full((50, 50), 90, np.uint8)
        assert (render.draw_overlay(grey, np.full((50, 50), 5, np.uint8), {1: "disc"}) == 90).all()

    def test_bolder_lines_cover_more(self):
        grey = np.zeros((320, 200), np.uint8)
        thin, bold = (
            (render.draw_overlay(grey, mr_mask(), MR_CLASSES, (4, 4), 0.0, w) > 0).sum()
            for w in (1.0, 3.0)
        )
        assert bold > 1.5 * thin

    def test_heat_picture_has_the_size_asked_for(self):
        drawn = render.draw_heat(np.zeros((30, 20), np.uint8), heatmap((30, 20)), (6, 3))
        assert drawn.shape == (180, 60, 3)


@pytest.mark.parametrize("at", [(12.0, 10.0), (-20.0, 30.0), (38.0, 44.0), (-300.0, 5.0)])
def test_a_region_looks_the_same_on_a_larger_canvas(at):
    polygon = np.array([[0, 0], [30.3, 4.2], [22.7, 35.1], [-6.4, 20.9]]) + at
    small = np.full((120, 100, 3), 90, np.uint8)
    large = np.full((920, 900, 3), 90, np.uint8)
    weight = 920 / 120  # lines are as thick as the canvas is long
    render.draw_region(small, [polygon], (20, 200, 90), (2.0, 2.0), 0.3, weight)
    render.draw_region(large, [polygon + 200], (20, 200, 90), (2.0, 2.0), 0.3, 1.0)
    # OpenCV draws a line that the edge cuts from the edge on: a shade differs along it.
    away = np.abs(small.astype(int) - large[400:520, 400:500])
    is_whole = at == (12.0, 10.0)
    assert np.percentile(away, 99) <= (0 if is_whole else 12)
    assert away.mean() < (1e-9 if is_whole else 0.5)
    assert (small == 90).all() == (at[0] < -200)
    if is_whole:
        rows, cols = np.nonzero((small != 90).any(axis=-1))
        low, high = 2 * polygon.min(axis=0) - 1, 2 * polygon.max(axis=0) + 1
        assert (cols.min() <= low[0], cols.max() >= high[0] - 1) == (True, True)
        assert (rows.min() <= low[1], rows.max() >= high[1] - 1) == (True, True)
