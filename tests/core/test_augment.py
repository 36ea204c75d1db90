import numpy as np
import pytest

from spinealign.training import augment

SHAPE = (64, 48)


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def image_and_mask():
    mask = np.zeros(SHAPE, np.uint8)
    mask[20:40, 10:20] = 1
    mask[20:40, 24:34] = 3
    image = np.full(SHAPE, 0.3, np.float32)
    image[mask == 1] = 0.5
    image[mask == 3] = 0.9
    return image, mask


def test_image_and_mask_move_together(rng):
    image, mask = image_and_mask()
    for _ in range(20):
        matrix = augment.random_affine(SHAPE, SHAPE, (30, 22), 1.0, augment.Geometry(), rng)
        moved, labels = augment.warp_pair(image, mask, matrix, SHAPE)
        if (labels == 3).sum() > 20:
            assert moved[labels == 3].mean() > 0.75
            assert set(np.unique(labels)) <= {0, 1, 3}


def test_without_limits_nothing_moves(rng):
    still = augment.Geometry(0, (1, 1), 0, 0, 0, flip=False)
    image, mask = image_and_mask()
    matrix = augment.random_affine(SHAPE, SHAPE, (32, 24), 1.0, still, rng)
    moved, labels = augment.warp_pair(image, mask, matrix, SHAPE)
    assert np.allclose(moved, image)
    assert np.array_equal(labels, mask)


def test_t1_like_makes_the_canal_darker_than_the_marrow(rng):
    image, mask = image_and_mask()
    out = augment.t1_like(image, mask, rng)
    assert out[mask == 3].mean() < out[mask == 1].mean()


@pytest.mark.parametrize(
    "change", [augment.random_exposure, augment.occlude], ids=lambda f: f.__name__
)
def test_results_stay_in_range_and_differ(change, rng):
    image, _ = image_and_mask()
    before = image.copy()
    outs = [change(image, rng) for _ in range(10)]
    assert all(o.min() >= 0 and o.max() <= 1 and o.shape == SHAPE for o in outs)
    assert any(not np.allclose(o, image) for o in outs)
    assert np.array_equal(image, before)


def test_remapping_changes_tissues_apart_from_each_other(rng):
    image, mask = image_and_mask()
    gaps = []
    for _ in range(20):
        out = augment.remap_classes(image, mask, 4, rng)
        assert 0 <= out.min() <= out.max() <= 1
        gaps.append(float(out[25:35, 27:31].mean() - out[25:35, 13:17].mean()))
    assert min(gaps) < 0 < max(gaps)
