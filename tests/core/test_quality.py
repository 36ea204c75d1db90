"""What is called a bad image, and what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spinealign.domain.findings import WarningCode
from spinealign.domain.image import SpineImage
from spinealign.imaging.quality import check_quality
from spinealign.imaging.read import read_image
from spinealign.imaging.samples import list_samples
from tools.phantoms.lumbar import render_lumbar_phantom

PHANTOM = render_lumbar_phantom(5)[0]


def image_of(pixels: NDArray[np.generic], bits: int = 8) -> SpineImage:
    return SpineImage(np.asarray(pixels, np.float32), bits, Path("scan.png"), "0" * 64)


def codes(pixels: NDArray[np.generic], bits: int = 8) -> set[WarningCode]:
    return {caution.code for caution in check_quality(image_of(pixels, bits))}


def blurred(sigma: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(PHANTOM, (0, 0), sigma), np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(PHANTOM, id="phantom"),
        pytest.param(255 - PHANTOM // 2, id="negative"),
        pytest.param(PHANTOM[:200, 60:260], id="small but enough"),
        pytest.param(blurred(0.8), id="soft"),
        pytest.param(np.kron(PHANTOM, np.ones((2, 2), np.uint8)), id="large"),
    ],
)
def test_usable_images_are_not_flagged(pixels: NDArray[np.uint8]) -> None:
    assert codes(pixels) == set()


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        pytest.param(blurred(4), WarningCode.BLURRED, id="blurred"),
        pytest.param(
            cv2.resize(blurred(4), (1536, 1536), interpolation=cv2.INTER_CUBIC),
            WarningCode.BLURRED,
            id="blurred and large",
        ),
        pytest.param(PHANTOM // 5, WarningCode.TOO_DARK, id="dark"),
        pytest.param(205 + PHANTOM // 6, WarningCode.TOO_BRIGHT, id="bright"),
        pytest.param(120 + PHANTOM // 20, WarningCode.LOW_CONTRAST, id="flat"),
        pytest.param(PHANTOM[150:320, 100:270], WarningCode.LOW_RESOLUTION, id="tiny"),
    ],
)
def test_bad_images_are_flagged_for_what_is_wrong(
    pixels: NDArray[np.uint8], expected: WarningCode
) -> None:
    assert codes(pixels) == {expected}


@pytest.mark.parametrize("factor", [1e-9, 1e-4, 0.01, 1, 37])
def test_exposure_is_not_judged_without_a_known_display_range(factor: float) -> None:
    assert codes(PHANTOM * factor, bits=16) == set()


def test_a_single_hot_pixel_leaves_a_deep_image_flat() -> None:
    pixels = PHANTOM.astype(np.float32)
    pixels[0, 0] = 60_000
    assert codes(pixels, bits=16) == {WarningCode.LOW_CONTRAST}


def test_the_size_found_is_told() -> None:
    (caution,) = check_quality(image_of(PHANTOM[150:320, 100:300]))
    assert caution.size_px == (200, 170)


def test_the_shipped_samples_are_sharp_and_well_exposed() -> None:
    for sample in list_samples():
        found = {caution.code for caution in check_quality(read_image(sample.path))}
        assert found <= {WarningCode.LOW_RESOLUTION}


def written_on(text: str, shade: int = 255) -> NDArray[np.uint8]:
    page = PHANTOM.copy()
    cv2.putText(page, text, (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.6, shade, 1)
    return page


@pytest.mark.parametrize("text", ["SMITH JOHN", "12.03.1961 M", "Acc 4711 Se 2"])
def test_letters_in_the_picture_are_seen(text: str) -> None:
    assert codes(written_on(text)) == {WarningCode.BURNED_IN}


def test_a_side_mark_is_no_text() -> None:
    assert codes(written_on("L")) == set()


def test_what_the_tags_say_of_letters_is_believed() -> None:
    found = check_quality(replace(image_of(PHANTOM), burned_in=True))
    assert [caution.code for caution in found] == [WarningCode.BURNED_IN]
