"""What is prepared for drawing stands for the same values as the image."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PyQt6.QtCore import QPointF, Qt

from spinealign.domain.image import DisplayWindow, WindowCurve
from spinealign.imaging.render import to_display
from spinealign.ui.picture.display_images import prepare_image, prepare_overlay
from tests import phantoms


def image_of(pixels, **changes):
    return replace(phantoms.photo_image(), pixels=pixels.astype(np.float32), **changes)


@given(
    arrays(np.float32, (5, 7), elements=st.floats(-2000, 4000, width=32)),
    st.floats(-1000, 1000),
    st.floats(1, 4000),
)
@settings(max_examples=60, deadline=None)
def test_greys_are_those_of_an_exported_picture(pixels, centre, width):
    display = prepare_image(image_of(pixels))
    window = DisplayWindow(centre, width, curve=WindowCurve.LINEAR_EXACT)
    shown = display.grey_table(window, False)[display.levels[0]]
    exact = to_display(pixels, (centre, width))
    # An index stands for a range of values, of which each end may round differently.
    allowed = 1 + 255 / width * display.step
    assert np.abs(shown.astype(int) - exact.astype(int)).max() <= allowed


def test_greys_of_the_first_window_are_made_with_the_picture_and_are_the_same():
    display = prepare_image(phantoms.ct_image(64))
    window = display.default_window
    calculated = replace(display, first_greys=None).grey_table(window, False)
    assert display.grey_table(window, False) is display.first_greys
    assert (display.first_greys == calculated).all()
    other = replace(window, centre=window.centre + window.width)
    assert (display.grey_table(other, False) < calculated).any()


def test_inverted_greys_are_the_negative():
    display = prepare_image(phantoms.ct_image(64))
    window = display.default_window
    straight = display.grey_table(window, False).astype(int)
    assert (straight + display.grey_table(window, True) == 255).all()


@pytest.mark.parametrize("shape", [(1024, 512), (1023, 517), (600, 3000), (40, 40)])
def test_levels_halve_until_small(shape):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    display = prepare_image(image_of(rows + cols))
    for fine, coarse in zip(display.levels, display.levels[1:], strict=False):
        assert coarse.shape == tuple(-(-side // 2) for side in fine.shape)
        assert abs(float(coarse.mean()) - float(fine.mean())) < 0.01 * 65535
    assert min(display.levels[-1].shape) < 512


def test_pixels_that_are_no_numbers_do_not_hide_the_others():
    pixels = np.array([[0.0, np.nan], [np.inf, 100.0]])
    display = prepare_image(image_of(pixels))
    assert display.levels[0][1, 1] == 65535
    assert display.levels[0][0, 0] == 0


def test_values_far_below_1_are_drawn_apart():
    rows, cols = np.mgrid[:64, :64]
    display = prepare_image(image_of((rows + cols) * 1e-9, window=None, windows=(), bits=16))
    shown = display.grey_table(display.default_window, False)[display.levels[0]]
    assert (shown.min(), shown.max()) == (0, 255)
    assert len(np.unique(shown)) > 100


def test_a_constant_image_is_drawable():
    display = prepare_image(image_of(np.full((8, 8), 7.0)))
    assert (display.levels[0] == 0).all()


@pytest.mark.parametrize(
    ("spacing", "stretch"),
    [(None, 1.0), ((0.5, 0.5), 1.0), ((2.0, 0.5), 4.0), ((30.0, 1.0), 1.0)],
    ids=["unknown", "square", "tall", "absurd"],
)
def test_pixels_that_are_not_square_are_stretched(spacing, stretch):
    display = prepare_image(replace(phantoms.ct_image(32), spacing_mm=spacing))
    assert display.row_stretch == stretch


def test_outlines_enclose_their_structure_at_every_level():
    analysis = phantoms.mr_analysis()
    overlay = prepare_overlay(analysis)
    mask = analysis.segmentation.mask
    for class_id, levels in overlay.outlines.items():
        tolerances = [level.tolerance_px for level in levels]
        assert tolerances == sorted(tolerances)
        for level in levels:
            assert _disagreement(mask == class_id, level) <= 1.5 + 1.5 * level.tolerance_px


def _disagreement(inside, level):
    """Return how deep, in pixels, the wrongly enclosed pixels reach from the true border."""
    import cv2

    enclosed = np.zeros(inside.shape, bool)
    for row, col in np.ndindex(*inside.shape):
        centre = QPointF(col + 0.5, row + 0.5)
        odd_even = Qt.FillRule.OddEvenFill
        enclosed[row, col] = any(p.containsPoint(centre, odd_even) for p in level.polygons)
    depth = [
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (inside, ~inside)
    ]
    wrong = enclosed != inside
    return float(np.maximum(*depth)[wrong].max()) if wrong.any() else 0.0


def test_a_large_heat_map_is_reduced_and_keeps_its_place():
    analysis = phantoms.ct_analysis(side=64)
    large = phantoms.heatmap((1600, 1600))
    answer = replace(analysis.classification, heatmap=large)
    heat = prepare_overlay(replace(analysis, classification=answer)).heatmap
    assert max(heat.width(), heat.height()) <= 768
    alpha = [heat.pixelColor(x, heat.height() // 2).alpha() for x in range(heat.width())]
    assert np.argmax(alpha) / heat.width() == pytest.approx(0.56, abs=0.02)


def test_nothing_found_is_an_empty_overlay():
    overlay = prepare_overlay(phantoms.failed_view_analysis())
    assert (overlay.mask_levels, overlay.outlines, overlay.heatmap) == ((), {}, None)
