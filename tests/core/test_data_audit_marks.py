"""What was drawn on a picture is told from what is bright in it."""

import cv2
import numpy as np
import pytest

from spinealign.data_audit.marks import mark_numbers, mark_place_numbers


def _tissue():
    """Return dark tissue with a bright, even part that ends sharply on the left and fades."""
    picture = np.full((256, 200), 40, np.float32)
    cv2.circle(picture, (120, 90), 14, 500, -1)
    blurred = cv2.GaussianBlur(picture, (0, 0), 5)
    blurred[:, :110] = 40
    return np.clip(blurred, 0, 255).astype(np.uint8)


def _sharpest(picture):
    return max(mark_numbers(picture).values())


def test_a_bright_even_part_that_fades_is_no_mark():
    assert _sharpest(_tissue()) < 0.4


@pytest.mark.parametrize("corner", [(6, 6), (150, 20), (220, 170), (200, 90)])
def test_a_square_is_a_mark_wherever_it_lies(corner):
    picture = _tissue()
    picture[corner[0] : corner[0] + 12, corner[1] : corner[1] + 12] = 230
    assert _sharpest(picture) > 0.7


def test_a_letter_is_a_mark():
    picture = _tissue()
    cv2.putText(picture, "R", (20, 220), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 230, 3)
    assert _sharpest(picture) > 0.6


def test_thin_letters_are_told_by_their_cell_alone():
    picture = _tissue()
    before = mark_place_numbers(picture)
    cv2.putText(picture, "AB", (4, 250), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 230, 1)
    after = mark_place_numbers(picture)
    changed = {name for name in after if after[name] > before[name]}
    assert "sharp bright edges in row 16, column 1 of 16" in changed
    assert not any("column 9" in name or "row 3," in name for name in changed)


def test_an_even_picture_has_no_marks():
    assert _sharpest(np.full((90, 80), 200, np.uint8)) == 0
    assert _sharpest(np.zeros((90, 80), np.uint8)) == 0
