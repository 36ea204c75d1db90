"""Whether a neck runs out of the picture."""

from __future__ import annotations

import pytest

from spinealign.domain.findings import Vertebra, VertebraState, WarningCode
from spinealign.measure.geometry.reach import cut_off_cautions


def body(level: str | None, top: float, bottom: float) -> Vertebra:
    outline = ((10.0, top), (50.0, top), (50.0, bottom), (10.0, bottom))
    return Vertebra(level, 1, outline, (), 0.9, VertebraState.COMPLETE)


@pytest.mark.parametrize(
    ("lowest", "level"),
    [
        pytest.param(body("C5", 160, 200), "C5", id="touches the border"),
        pytest.param(body("C4", 130, 180), "C4", id="no room for another body"),
        pytest.param(body("C5", 60, 100), None, id="room below: hidden, not cut off"),
        pytest.param(body("C7", 160, 200), None, id="all of the neck"),
        pytest.param(body("L3", 160, 200), None, id="lumbar"),
        pytest.param(body(None, 160, 200), None, id="no level known"),
    ],
)
def test_a_neck_that_ends_at_the_border_is_cut_off(lowest: Vertebra, level: str | None) -> None:
    found = cut_off_cautions((body("C2", 5, 40), lowest), (200, 100))
    expected = [] if level is None else [(WarningCode.CUT_OFF, (level,))]
    assert [(caution.code, caution.levels) for caution in found] == expected


def test_nothing_is_said_without_bodies() -> None:
    assert cut_off_cautions((), (100, 100)) == ()
