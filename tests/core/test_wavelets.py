"""Noise reduction by wavelets: what scikit-image gives, without it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from spinealign.imaging.fit import reduce_noise
from spinealign.imaging.wavelets import shrink_wavelets


def noisy(shape, seed=0, sigma=0.1):
    rng = np.random.default_rng(seed)
    rows, cols = np.indices(shape)
    clean = 0.5 + 0.3 * np.sin(rows / 9) * np.cos(cols / 13)
    clean[shape[0] // 3 : shape[0] // 2] = 0.9
    return clean, (clean + rng.normal(0, sigma, shape)).clip(0, 1).astype(np.float32)


@pytest.mark.parametrize("shape", [(224, 224), (97, 130), (64, 33), (16, 200), (9, 9)])
def test_it_is_what_scikit_image_gives(shape):
    restoration = pytest.importorskip("skimage.restoration")
    _, image = noisy(shape)
    expected = restoration.denoise_wavelet(image, rescale_sigma=True)
    assert shrink_wavelets(image) == pytest.approx(expected, abs=2e-5)


def test_noise_falls_and_edges_stay():
    clean, image = noisy((128, 96))
    found = shrink_wavelets(image)
    assert np.abs(found - clean).mean() < 0.6 * np.abs(image - clean).mean()
    assert found.shape == image.shape
    assert found.dtype == np.float32


def test_a_picture_without_details_stays_as_it_is():
    flat = np.full((40, 40), 0.4, np.float32)
    assert np.array_equal(shrink_wavelets(flat), flat)


def test_a_card_with_wavelets_needs_no_library_of_a_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.restoration", None)
    monkeypatch.setitem(sys.modules, "pywt", None)
    _, image = noisy((64, 64))
    assert not np.array_equal(reduce_noise(image, "wavelet"), image)
