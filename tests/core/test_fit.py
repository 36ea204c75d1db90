import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.model_card import IntensityRule
from spinealign.imaging.fit import (
    VGG_MEAN_BGR,
    finish_input,
    place,
    plan_letterbox,
    reduce_noise,
    resize_area,
    scale_intensity,
    to_network_input,
    unplace,
)
from spinealign.json_files import JsonError, parse_json, typed

sides = st.integers(33, 400)


def blob(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(rows - centre[0], cols - centre[1])
    return np.clip(radius - distance, 0, 1).astype(np.float32)


@given(sides, sides, st.sampled_from([(96, 96), (224, 224), (128, 200)]))
def test_letterbox_fits_inside_and_touches_two_sides(rows, cols, target):
    box = plan_letterbox((rows, cols), target)
    assert box.fitted_shape[0] <= target[0]
    assert box.fitted_shape[1] <= target[1]
    assert box.fitted_shape[0] == target[0] or box.fitted_shape[1] == target[1]
    assert box.offset[0] * 2 + box.fitted_shape[0] in (target[0], target[0] - 1)


@given(sides, sides, st.floats(0.3, 0.7), st.floats(0.3, 0.7))
def test_there_and_back_keeps_a_structure_in_its_place(rows, cols, at_row, at_col):
    shape = (rows, cols)
    image = blob(shape, (at_row * rows, at_col * cols), 0.15 * min(shape))
    box = plan_letterbox(shape, (224, 224))
    back = unplace(place(image, box), box)
    assert back.shape == shape
    where = np.argwhere(image > 0.5).mean(axis=0)
    found = np.argwhere(back > 0.5).mean(axis=0)
    assert np.abs(where - found).max() < 0.75 / min(*box.scale, 1) * 0.5 + 0.5


def test_a_coarse_map_comes_back_to_the_image():
    box = plan_letterbox((100, 50), (224, 224))
    coarse = np.zeros((14, 14), np.float32)
    coarse[:7] = 1.0
    back = unplace(coarse, box)
    assert back.shape == (100, 50)
    assert back[:40].min() > 0.99
    assert back[60:].max() < 0.01


@pytest.mark.parametrize(
    ("pixels", "rule", "bits", "hounsfield", "expected"),
    [
        ([0, 51, 255], IntensityRule(), 8, False, [0, 0.2, 1]),
        ([-1000, 0, 1000], IntensityRule(window_hu=(-1000, 1000)), 16, True, [0, 0.5, 1]),
        ([0, 51, 255], IntensityRule(window_hu=(-1000, 1000)), 8, False, [0, 0.2, 1]),
        ([5, 10, 15], IntensityRule(percentiles=(0, 100)), 16, False, [0, 0.5, 1]),
        ([5, 10, 15], IntensityRule(), 16, False, [0, 0.5, 1]),
    ],
    ids=["8-bit as is", "window in HU", "HU window not for 8-bit", "percentiles", "16-bit default"],
)
def test_grey_values_become_zero_to_one(pixels, rule, bits, hounsfield, expected):
    scaled = scale_intensity(
        np.array([pixels], np.float32), rule, bits=bits, is_hounsfield=hounsfield
    )
    assert scaled[0] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("rule", [IntensityRule(), IntensityRule(percentiles=(1, 99))])
@pytest.mark.parametrize("factor", [1e-4, 1e-9, 1e-20, 1e9])
def test_the_unit_of_grey_values_does_not_matter(rule, factor):
    pixels = np.random.default_rng(3).normal(500, 90, (64, 64)).astype(np.float32)
    plain, scaled = (
        scale_intensity(each, rule, bits=16, is_hounsfield=False)
        for each in (pixels, pixels * np.float32(factor))
    )
    np.testing.assert_allclose(scaled, plain, atol=1e-5)


def test_a_few_values_in_an_empty_picture_are_kept_apart():
    pixels = np.zeros((100, 100), np.float32)
    pixels[50, 50:54] = 2e-7, 4e-7, 6e-7, 8e-7
    scaled = scale_intensity(pixels, IntensityRule(), bits=16, is_hounsfield=False)
    assert scaled[50, 50:54] == pytest.approx([0.25, 0.5, 0.75, 1])
    flat = scale_intensity(np.ones((4, 4), np.float32), IntensityRule(), bits=16, is_hounsfield=0)
    assert (flat == 0).all()


def test_vgg_input_is_bgr_less_the_imagenet_means_without_scaling():
    white = finish_input(np.ones((4, 4), np.float32), IntensityRule(channels="vgg_caffe"))
    assert white.shape == (4, 4, 3)
    assert white[0, 0] == pytest.approx(255 - VGG_MEAN_BGR)
    assert VGG_MEAN_BGR[0] < VGG_MEAN_BGR[2]


def test_report_input_is_three_equal_channels_in_zero_to_one():
    out = finish_input(np.full((4, 4), 0.5, np.float32), IntensityRule(channels="rgb_unit"))
    assert out.shape == (4, 4, 3)
    assert np.unique(out).tolist() == [0.5]


@pytest.mark.parametrize("method", ["gaussian", "median", "wavelet"])
def test_denoising_reduces_noise_and_keeps_the_mean(method):
    pytest.importorskip("pywt") if method == "wavelet" else None
    noisy = np.clip(np.random.default_rng(0).normal(0.5, 0.1, (64, 64)), 0, 1).astype(np.float32)
    clean = reduce_noise(noisy, method)
    assert clean.std() < 0.8 * noisy.std()
    assert clean.mean() == pytest.approx(noisy.mean(), abs=0.02)


def test_equalisation_raises_local_contrast():
    flat = np.tile(np.linspace(0.48, 0.52, 96, dtype=np.float32), (96, 1))
    out = finish_input(flat, IntensityRule(clahe_clip_limit=4.0))
    assert np.ptp(out) > 2 * np.ptp(flat)


def test_network_input_has_a_batch_axis_and_the_cards_shape():
    batch, box = to_network_input(
        np.ones((50, 70), np.float32), (96, 96), IntensityRule(), bits=8, is_hounsfield=False
    )
    assert batch.shape == (1, 96, 96, 1)
    assert batch.dtype == np.float32
    assert box.source_shape == (50, 70)


@given(rows=st.integers(60, 300), cols=st.integers(60, 300), aspect=st.floats(0.25, 4.0))
def test_networks_see_square_pixels(rows, cols, aspect):
    """A round thing stays round whatever the shape of the pixels it was stored in."""
    down, across = np.mgrid[:rows, :cols]
    height, radius = rows * aspect, 0.3 * min(rows * aspect, cols)
    distance = np.hypot((down + 0.5) * aspect - height / 2, across + 0.5 - cols / 2)
    disc = (distance < radius).astype(np.float32)
    box = plan_letterbox((rows, cols), (224, 224), aspect)
    seen = place(disc, box)
    widths = [(seen.max(axis=axis) > 0.5).sum() for axis in (0, 1)]
    coarsest = max(1.0, *box.scale)
    assert abs(widths[0] - widths[1]) <= 2 * coarsest + 2
    assert unplace(seen, box).shape == (rows, cols)


def test_square_pixels_are_placed_as_before():
    assert plan_letterbox((100, 50), (224, 224)) == plan_letterbox((100, 50), (224, 224), 1.0)
    assert plan_letterbox((100, 50), (224, 224), 0.5).fitted_shape == (224, 224)


def test_what_shrinks_one_way_and_grows_the_other_is_averaged_once():
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (10, 100))
    wide = resize_area(stripes, (40, 50))
    assert wide.shape == (40, 50)
    assert wide == pytest.approx(0.5)


def test_an_unknown_key_in_a_cards_rule_is_refused():
    with pytest.raises(JsonError, match="gamma"):
        typed({"gamma": 2.0}, IntensityRule, is_strict=True)


def test_a_rule_survives_its_card():
    rule = IntensityRule(percentiles=(1, 99), denoise="median", clahe_clip_limit=2.0)
    assert parse_json(json.dumps(asdict(rule)), IntensityRule, is_strict=True) == rule
