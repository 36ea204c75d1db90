import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spinealign.domain.findings import ModelIdentity, ModelStatus, Segmentation
from spinealign.measure.outlines.regions import region_statistics, remove_specks

MODEL = ModelIdentity("m", "M", "1", "0", ModelStatus.DEMONSTRATION, "test")
CLASSES = {1: "vertebra", 2: "disc"}


def segmentation(mask):
    return Segmentation(MODEL, CLASSES, mask, np.full(mask.shape, 0.75, np.float32))


def test_hand_counted_example():
    mask = np.zeros((4, 5), np.uint8)
    mask[0, :2] = 1
    mask[3, 3:] = 1
    mask[1:3, 2] = 2
    vertebra, disc, everything, background = region_statistics(segmentation(mask), 0.25)
    assert (vertebra.pixels, vertebra.parts, vertebra.area_mm2) == (4, 2, 1.0)
    assert (disc.pixels, disc.percent_of_image) == (2, 10.0)
    assert disc.percent_of_structures == pytest.approx(100 / 3)
    assert (everything.pixels, everything.class_id) == (6, None)
    assert (background.pixels, background.percent_of_structures) == (14, None)
    assert vertebra.mean_confidence == pytest.approx(0.75)


@given(hnp.arrays(np.uint8, (13, 17), elements=st.integers(0, 2)))
def test_the_parts_add_up_to_the_image(mask):
    *classes, everything, background = region_statistics(segmentation(mask), None)
    assert sum(r.pixels for r in classes) == everything.pixels
    assert everything.pixels + background.pixels == mask.size
    assert sum(r.percent_of_image for r in [*classes, background]) == pytest.approx(100)
    assert all(r.area_mm2 is None for r in classes)


@given(
    hnp.arrays(np.uint8, (9, 11), elements=st.sampled_from([0, 0, 0, 0, 1, 2, 7])),
    hnp.arrays(np.float32, (9, 11), elements=st.floats(0, 1, width=32)),
)
def test_counted_pixel_by_pixel(mask, confidence):
    found = Segmentation(MODEL, CLASSES, mask, confidence)
    inside = (mask == 1) | (mask == 2)
    for region, where in zip(
        region_statistics(found, None), (mask == 1, mask == 2, inside, ~inside), strict=True
    ):
        assert region.pixels == where.sum()
        assert region.parts == cv2.connectedComponents(where.astype(np.uint8))[0] - 1
        if where.any():
            expected = confidence[where].mean(dtype=np.float64)
            assert region.mean_confidence == pytest.approx(expected, abs=1e-6)


def test_an_empty_class_is_listed_with_nothing():
    rows = region_statistics(segmentation(np.zeros((3, 3), np.uint8)), 1.0)
    assert [r.pixels for r in rows] == [0, 0, 0, 9]
    assert rows[0].mean_confidence is None
    assert rows[0].percent_of_structures == 0.0


def test_specks_go_and_structures_stay():
    mask = np.zeros((100, 100), np.uint8)
    mask[10:30, 10:30] = 1
    mask[80, 80] = 1
    mask[50:60, 50:60] = 2
    cleaned = remove_specks(mask, CLASSES, 0.001)
    assert cleaned[80, 80] == 0
    assert np.array_equal(cleaned[:70], mask[:70])
