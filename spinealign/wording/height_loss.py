"""Height lost by vertebral bodies, in words."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.height_loss import BodyDeformity, HeightLoss, HeightPart
from spinealign.wording.text import safe_text

_SHAPES = {
    BodyDeformity.WEDGE: "wedge",
    BodyDeformity.BICONCAVE: "biconcave",
    BodyDeformity.CRUSH: "crush",
}
_PARTS = {
    HeightPart.ANTERIOR: "anterior",
    HeightPart.MIDDLE: "middle",
    HeightPart.WHOLE: "whole body",
}
_MEANINGS = {
    1: "possible fracture or normal variant",
    2: "possible fracture",
    3: "possible fracture",
}
"""By Genant's grade; a mild deformity is often no fracture."""


def height_loss_text(loss: HeightLoss) -> str:
    """Return one height loss: what, where, how much, Genant's grade and what it may be.

    Such as "height loss of L1, anterior, 31 % (95 % 22 to 40), Genant grade 2 (wedge):
    possible fracture".
    """
    interval = ""
    if loss.interval is not None:
        low, high = loss.interval
        interval = f" (95 % {low:.0f} to {high:.0f})"
    return f"height loss of {safe_text(loss.level)}, {_details(loss, interval)}"


def height_loss_phrase(loss: HeightLoss) -> str:
    """Return one height loss without its level and its interval, as it is dictated."""
    return f"height loss, {_details(loss)}"


def height_loss_note(loss: HeightLoss) -> str:
    """Return what stands below grade and per cent: "anterior (wedge), 95 % 22 to 40, ..."."""
    interval = ""
    if loss.interval is not None:
        interval = ", 95 % {:.0f} to {:.0f}".format(*loss.interval)
    possibly = ", grade not certain" if loss.is_grade_possible else ""
    shape = f"{_PARTS[loss.part]} ({_SHAPES[loss.deformity]})"
    return f"{shape}{interval}{possibly}: {_MEANINGS[loss.grade]}"


def height_loss_meaning(grade: int) -> str:
    """Return what a height loss of one of Genant's grades, 1 to 3, may be."""
    return _MEANINGS[grade]


def _details(loss: HeightLoss, interval: str = "") -> str:
    possibly = "possibly " if loss.is_grade_possible else ""
    up_to = "up to " if loss.part is HeightPart.WHOLE else ""
    return (
        f"{_PARTS[loss.part]}, {up_to}{loss.percent:.0f} %{interval}, "
        f"{possibly}Genant grade {loss.grade} ({_SHAPES[loss.deformity]}): "
        f"{_MEANINGS[loss.grade]}"
    )


def height_loss_sentences(losses: Sequence[HeightLoss]) -> list[str]:
    """Return a sentence a body, in the order given."""
    return [f"H{height_loss_text(loss)[1:]}." for loss in losses]
