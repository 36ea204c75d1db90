"""Crops of MR slices: scale, what lies outside, and contrast."""

import numpy as np
import pytest

from spinealign.training import mr_patches
from spinealign.training.mr_patches import MrPatchSettings, MrStructurePatches
from spinealign.training.mr_sources import MrSlice
from spinealign.training.mr_targets import (
    BACKGROUND,
    BODY,
    CANAL,
    DISC,
    POSTERIOR,
    SACRUM,
    UNKNOWN,
    VERTEBRA,
    target_of_structures,
)
from tests import mr_slices


def slices(count=3, source="spider"):
    made = []
    for n in range(count):
        target = target_of_structures(mr_slices.structures(n))
        made.append(MrSlice(f"s{n}", source, f"p{n}", mr_slices.picture(n, n), target))
    return made


def patches(seed=0, **changes):
    settings = MrPatchSettings(crop=(96, 96), **changes)
    return MrStructurePatches(slices(), [mr_slices.picture(9)], settings, seed)


def test_crops_are_repeated_by_their_seed():
    one, other, third = (next(patches(seed).batches(2)) for seed in (1, 1, 2))
    assert one[0].shape == (2, 96, 96, 1)
    assert one[1].shape == (2, 96, 96)
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])
    assert not np.array_equal(one[0], third[0])


def test_crops_are_in_range_and_their_targets_are_sets_of_classes():
    drawn = patches()
    for _ in range(40):
        image, allowed = drawn.sample()
        assert np.isfinite(image).all()
        assert image.min() >= 0
        assert image.max() <= 1
        assert allowed.min() > 0
        assert allowed.max() <= UNKNOWN


def test_bodies_are_as_high_as_asked(monkeypatch):
    drawn = patches(close_px=(40, 40), close_share=1.0)
    heights = []
    for _ in range(20):
        matrix = drawn._matrix(slices(1)[0])
        heights.append(np.sqrt(abs(np.linalg.det(matrix[:, :2]))) * 18)
    assert np.median(heights) == pytest.approx(40, rel=0.05)


def test_sources_without_a_share_are_not_drawn():
    both = [*slices(2), *slices(2, source="t1")]
    drawn = MrStructurePatches(both, [], MrPatchSettings(shares={"t1": 1.0}), 0)
    assert drawn._sources == ["t1"]


def test_pixels_and_targets_stay_together():
    drawn = patches(changed_share=0.0)
    bright, dark = [], []
    for _ in range(30):
        image, allowed = drawn.sample()
        shown = image[..., 0]
        if (allowed == CANAL).sum() > 30 and (allowed == BODY).sum() > 30:
            bright.append(float(np.median(shown[allowed == CANAL])))
            dark.append(float(np.median(shown[allowed == BODY])))
    assert len(bright) > 10
    assert np.mean(np.array(bright) > np.array(dark)) > 0.9


def test_a_picture_covers_a_smaller_crop_and_lies_inside_a_larger_one():
    far = np.array([[2.0, 0, 500], [0, 2.0, -900]])
    frame = np.array([[0, 0], [128, 160]], float)
    low, high = mr_patches.apply(mr_patches._filled(far, (160, 128), (100, 100)), frame)
    assert (low <= 10).all()
    assert (high >= 90).all()
    small = far * [[0.2, 0.2, 1]]
    low, high = mr_patches.apply(mr_patches._filled(small, (160, 128), (100, 100)), frame)
    assert (low >= 0).all()
    assert (high <= 100).all()


def test_upside_down_turns_the_crop_by_half_a_turn():
    matrix = np.array([[1.0, 0, 3], [0, 1, 4]])
    turned = mr_patches._upside_down(matrix, (50, 60))
    assert mr_patches.apply(turned, np.array([[7.0, 6.0]])).tolist() == [[50.0, 40.0]]


def test_tissues_of_a_target():
    allowed = np.array(
        [[BODY, VERTEBRA, SACRUM, POSTERIOR, DISC, CANAL, BACKGROUND, UNKNOWN, BACKGROUND | DISC]],
        np.uint8,
    )
    assert mr_patches.tissues(allowed).tolist() == [[1, 1, 1, 1, 2, 3, 0, 0, 0]]


def test_without_fat_marrow_and_bright_surroundings_are_dark_and_water_is_not():
    mask = mr_slices.structures()
    image = np.vectorize({0: 0.9, 1: 0.6, 2: 0.5, 3: 0.95}.get)(mask).astype(np.float32)
    tissue = mr_patches.tissues(target_of_structures(mask).allowed)
    for seed in range(5):
        out = mr_patches.fat_suppressed(image, tissue, np.random.default_rng(seed))
        assert out[mask == 3].mean() > 0.85
        assert out[mask == 1].mean() < 0.52
        assert out[:, :20].mean() < 0.4


def test_tone_curves_fill_the_range_and_some_turn_the_brightest_down():
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    folded = 0
    for seed in range(40):
        out = mr_patches.tone_curve(ramp, np.random.default_rng(seed))
        assert out.min() == pytest.approx(0, abs=1e-6)
        assert out.max() == pytest.approx(1, abs=1e-5)
        folded += out[-1, -1] < 0.95
    assert 5 < folded < 25


def test_thick_pixels_keep_size_and_mean():
    image = mr_slices.picture(0).astype(np.float32) / 255
    out = mr_patches.thick_pixels(image, np.random.default_rng(0))
    assert out.shape == image.shape
    assert out.mean() == pytest.approx(image.mean(), abs=0.01)
    assert np.abs(np.diff(out)).mean() < np.abs(np.diff(image)).mean()


def test_a_field_of_view_is_one_rectangle():
    for seed in range(10):
        seen = mr_patches.field_of_view((60, 80), np.random.default_rng(seed))
        rows, cols = seen.any(axis=1).sum(), seen.any(axis=0).sum()
        assert seen.sum() == rows * cols
        assert 0.1 < seen.mean() < 0.95
