"""Whether outlines and the file's patient directions agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinealign.domain.findings import WarningCode
from spinealign.domain.image import SpineImage
from spinealign.measure.geometry.facing import facing_cautions


@pytest.mark.parametrize(
    ("orientation", "facing", "said"),
    [
        (("P", "F"), "left", None),
        (("A", "F"), "right", None),
        (("A", "F"), "left", "right"),
        (("P", "F"), "right", "left"),
        (("A", "F"), None, None),
        (("L", "F"), "left", None),
        (None, "left", None),
    ],
    ids=["left", "right", "said right", "said left", "not found", "other plane", "not said"],
)
def test_contradictions_are_told(
    orientation: tuple[str, str] | None, facing: str | None, said: str | None
) -> None:
    pixels = np.zeros((4, 4), np.float32)
    image = SpineImage(pixels, 8, Path("film.dcm"), "0", orientation=orientation)
    expected = [] if said is None else [(WarningCode.FACING_DISPUTED, said)]
    assert [(c.code, c.facing) for c in facing_cautions(image, facing)] == expected
