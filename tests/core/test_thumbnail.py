"""Small pictures for lists that are made without a window."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from spinealign.domain.image import SpineImage
from spinealign.domain.presentation import Presentation
from spinealign.export.thumbnail import SIDE_PX, thumbnail_png
from tests import phantoms


@pytest.fixture
def image() -> SpineImage:
    """Twice as high as wide, its upper half white and the left of its lower half."""
    pixels = np.zeros((400, 200), np.float32)
    pixels[:200] = 255
    pixels[200:, :100] = 255
    plain = phantoms.xray_analysis().image
    return replace(plain, pixels=pixels, bits=8, windows=(), window=None, spacing_mm=None)


def opened(image: SpineImage) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(thumbnail_png(image)))).astype(int)


def test_it_is_the_image_small(image: SpineImage) -> None:
    small = opened(image)
    assert small.shape == (SIDE_PX, SIDE_PX // 2)
    assert (small[:60].min(), small[70:, :28].min(), small[70:, 36:].max()) == (255, 255, 0)


def test_it_is_turned_mirrored_and_inverted_as_it_is_shown(image: SpineImage) -> None:
    def shown(**how: object) -> np.ndarray:
        return opened(replace(image, presentation=Presentation(**how)))  # type: ignore[arg-type]

    turned = shown(turn_deg=90.0)  # to the left: what was at the right below is at the right above
    assert turned.shape == (SIDE_PX // 2, SIDE_PX)
    assert (turned[:28, 70:].max(), turned[36:].min()) == (0, 255)
    mirrored = shown(is_mirrored=True)
    assert (mirrored[70:, :28].max(), mirrored[70:, 36:].min()) == (0, 255)
    assert (shown(is_inverted=True) == 255 - opened(image)).all()


def test_pixels_that_are_higher_than_wide_are_shown_so(image: SpineImage) -> None:
    assert opened(replace(image, spacing_mm=(0.5, 1.0))).shape == (SIDE_PX, SIDE_PX)
    tall = opened(replace(image, spacing_mm=(0.5, 0.125)))
    assert tall.shape == (SIDE_PX, SIDE_PX // 8)
