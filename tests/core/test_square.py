"""Pictures with pixels that are not square: the same column is found, in its own pixels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.findings import ModelIdentity, ModelStatus, Segmentation
from spinealign.domain.image import SpacingSource, SpineImage
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.grading import grade_discs
from spinealign.measure.outlines.mr_bodies import bodies_from_mask
from spinealign.measure.outlines.square import SquareGrid
from tests import phantoms_lumbar as phantom
from tests.cards import grading_card

CLASSES = {1: "vertebra", 2: "disc", 3: "canal"}
IDENTITY = ModelIdentity("m", "M", "1", "0" * 64, ModelStatus.DEMONSTRATION, "fake")
ASPECTS = pytest.mark.parametrize("aspect", [2.0, 0.5, 1.4], ids=["tall", "wide", "slightly tall"])


class _Silent:
    name = "silent"

    def run(self, batch, **_others):
        return {name: np.full((57, 11), -4, np.float32) for name in ("t2", "t1")}


def squeezed(aspect):
    """Return the drawn column with its pixels joined to ones of this aspect."""
    mask = phantom.column_mask()
    picture = phantom.column_picture(mask)
    rows, cols = mask.shape
    size = (round(cols * min(aspect, 1)), round(rows / max(aspect, 1)))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    grey = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    spacing_mm = (0.5 * rows / size[1], 0.5 * cols / size[0])
    image = SpineImage(
        grey, 16, Path("x.png"), "0" * 64, spacing_mm=spacing_mm,
        spacing_source=SpacingSource.PATIENT_PLANE,
    )  # fmt: skip
    sure = np.full(small.shape, 0.95, np.float32)
    return Segmentation(IDENTITY, CLASSES, small, sure), image


def bodies_of(aspect):
    segmentation, image = squeezed(aspect)
    found = bodies_from_mask(
        segmentation.mask, CLASSES, segmentation.confidence, image.pixels, image.pixel_aspect
    )
    scale = np.array(image.spacing_mm[::-1])
    return {body.name: middle_of(np.array(body.outline)) * scale for body in found.vertebrae}


def middle_of(outline):
    moments = cv2.moments(outline.astype(np.float32))
    return np.array([moments["m10"], moments["m01"]]) / moments["m00"]


def discs_of(aspect):
    segmentation, image = squeezed(aspect)
    graded = grade_discs(segmentation, image, LoadedModel(grading_card(), _Silent()))
    return graded.discs, np.array(image.spacing_mm[::-1])


@ASPECTS
def test_bodies_keep_their_names_and_places(aspect):
    expected, found = bodies_of(1.0), bodies_of(aspect)
    assert list(found) == list(expected)
    for name, place_mm in found.items():
        assert place_mm == pytest.approx(expected[name], abs=1.5)


@ASPECTS
def test_discs_keep_their_names_places_and_heights(aspect):
    expected, expected_scale = discs_of(1.0)
    found, scale = discs_of(aspect)
    assert [disc.level for disc in found] == [disc.level for disc in expected]
    for disc, other in zip(found, expected, strict=True):
        for name in ("anterior", "posterior"):
            place = np.array(getattr(disc, name)) * scale
            assert place == pytest.approx(np.array(getattr(other, name)) * expected_scale, abs=1.5)


@ASPECTS
def test_a_crop_shows_the_same_anatomy(aspect):
    for disc, other in zip(discs_of(aspect)[0], discs_of(1.0)[0], strict=True):
        middle = np.array([64.0, 56.0, 1.0])
        scale = discs_of(aspect)[1] / discs_of(1.0)[1]
        place = np.reshape(disc.crop_to_image, (2, 3)) @ middle + 0.5
        expected = np.reshape(other.crop_to_image, (2, 3)) @ middle + 0.5
        assert place * scale == pytest.approx(expected, abs=3)


def test_nearly_square_pixels_are_left_alone():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    grid = SquareGrid.over(values.shape, 1.004)
    assert not grid.is_needed
    assert grid.resampled(values) is values


@given(
    aspect=st.floats(0.05, 20),
    shape=st.tuples(st.integers(32, 400), st.integers(32, 400)),
    point=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_corners_of_the_grid_are_corners_of_the_picture(aspect, shape, point):
    grid = SquareGrid.over(shape, aspect)
    on_grid = np.array(point) * grid.shape[::-1]
    assert grid.to_picture(on_grid) == pytest.approx(np.array(point) * shape[::-1])
    matrix = grid.matrix_to_picture(np.eye(2, 3))
    assert matrix @ [*(on_grid - 0.5), 1] + 0.5 == pytest.approx(grid.to_picture(on_grid))
    assert grid.shape[0] / shape[0] >= 1
    assert grid.shape[1] / shape[1] >= 1
