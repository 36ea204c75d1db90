"""Which part of the spine a curve seen from the front lies in, by its apex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from spinealign.domain.examination import LUMBAR_LEVELS, THORACIC_LEVELS
from spinealign.domain.measures import MeasureCode

COLUMN_LEVELS = (*THORACIC_LEVELS, *LUMBAR_LEVELS)
"""The bodies of which curves are measured, from the top."""

_LOWEST_APEX: Mapping[MeasureCode, str] = MappingProxyType(
    {
        MeasureCode.CURVE_PROXIMAL_THORACIC: "T5",
        MeasureCode.CURVE_MAIN_THORACIC: "T11",
        MeasureCode.CURVE_THORACOLUMBAR: "L1",
        MeasureCode.CURVE_LUMBAR: "L5",
    }
)
"""The lowest body that is the apex of each kind of curve. The disc below it belongs to the next
kind but for T11/T12, which is main thoracic.

Source: Lenke 2001, J Bone Joint Surg Am 83:1169: proximal thoracic T3 to T5, main thoracic T6 to
the disc T11/T12, thoracolumbar T12 to L1, lumbar the disc L1/L2 to L4.
"""

_LAST_MAIN_THORACIC_DISC = ("T11", "T12")


def kind_of(apex: Sequence[str]) -> MeasureCode:
    """Return the kind of a curve by the level, or the two levels beside the disc, of its apex."""
    if tuple(apex) == _LAST_MAIN_THORACIC_DISC:
        return MeasureCode.CURVE_MAIN_THORACIC
    lowest = COLUMN_LEVELS.index(apex[-1])
    return next(
        code for code, level in _LOWEST_APEX.items() if lowest <= COLUMN_LEVELS.index(level)
    )  # fmt: skip


def region_of(code: MeasureCode, apex: Sequence[str]) -> MeasureCode:
    """Return the part of the spine of a curve: of a further one that of its apex."""
    return kind_of(apex) if code is MeasureCode.CURVE_FURTHER else code
