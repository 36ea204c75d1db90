"""Height lost by vertebral bodies: which body, which part, how much, and Genant's grade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode, SeverityGrade


class BodyDeformity(StrEnum):
    """Shape of a body that lost height (Genant 1993, J Bone Miner Res 8:1137)."""

    WEDGE = "wedge"
    BICONCAVE = "biconcave"
    CRUSH = "crush"


class HeightPart(StrEnum):
    """Where a body is lower; `WHOLE` where its anterior, middle and posterior heights all are."""

    ANTERIOR = "anterior"
    MIDDLE = "middle"
    WHOLE = "whole"


_SHAPES: Mapping[MeasureCode, tuple[BodyDeformity, HeightPart]] = MappingProxyType(
    {
        MeasureCode.HEIGHT_TO_NEIGHBOURS: (BodyDeformity.CRUSH, HeightPart.WHOLE),
        MeasureCode.BODY_HEIGHT_RATIO: (BodyDeformity.WEDGE, HeightPart.ANTERIOR),
        MeasureCode.MIDDLE_HEIGHT_RATIO: (BodyDeformity.BICONCAVE, HeightPart.MIDDLE),
    }
)
"""By the measure that shows it; a body that is low as a whole counts as that first."""

GENANT_GRADES: Mapping[SeverityGrade, int] = MappingProxyType(
    {SeverityGrade.GENANT_1: 1, SeverityGrade.GENANT_2: 2, SeverityGrade.GENANT_3: 3}
)
"""1: 20 to 25 % of the height lost, 2: 25 to 40 %, 3: more.

Source: Genant 1993, J Bone Miner Res 8:1137.
"""


@dataclass(frozen=True)
class HeightLoss:
    """Height that one body lost.

    It says nothing about when: an old fracture, a fresh one and a shape from birth look alike.

    Parameters
    ----------
    level : str
        Name of the body.
    deformity : BodyDeformity
    part : HeightPart
    percent : float
        Of the body's posterior height; where the whole body is low, of the mean height of its
        neighbours, at the height that is lost most.
    grade : int
        Genant's, 1 to 3.
    interval : tuple of float or None
        95 % interval (low, high) of `percent`, in per cent.
    is_grade_possible : bool
        Whether the interval reaches beyond the grade.
    """

    level: str
    deformity: BodyDeformity
    part: HeightPart
    percent: float
    grade: int
    interval: tuple[float, float] | None = None
    is_grade_possible: bool = False


def height_losses(measurements: Iterable[Measurement]) -> tuple[HeightLoss, ...]:
    """Return the height losses of an image, one a body, the largest first.

    Parameters
    ----------
    measurements : iterable of Measurement
        Of one image; what was measured decides which bodies are graded at all
        (`measure.geometry.segments`): none in the neck, none that may be seen in part.
    """
    worst: dict[str, HeightLoss] = {}
    for measurement in measurements:
        loss = _loss(measurement)
        if loss is not None and _weight(loss) > _weight(worst.get(loss.level)):
            worst[loss.level] = loss
    return tuple(sorted(worst.values(), key=lambda loss: -loss.percent))


def height_loss_cautions(measurements: Iterable[Measurement]) -> tuple[Caution, ...]:
    """Say what the program cannot tell of the bodies that lost height; empty without any."""
    levels = tuple(loss.level for loss in height_losses(measurements))
    return (Caution(WarningCode.HEIGHT_LOSS, levels=levels),) if levels else ()


def _loss(measurement: Measurement) -> HeightLoss | None:
    shape, severity = _SHAPES.get(measurement.code), measurement.severity
    if shape is None or severity is None or measurement.value is None:
        return None
    low, high = measurement.interval or (measurement.value, measurement.value)
    return HeightLoss(
        measurement.levels[0],
        *shape,
        _lost_percent(measurement.value),
        GENANT_GRADES[severity.grade],
        None if measurement.interval is None else (_lost_percent(high), _lost_percent(low)),
        severity.is_possible,
    )


def _lost_percent(ratio: float) -> float:
    return max(100 * (1 - ratio), 0.0)


def _weight(loss: HeightLoss | None) -> tuple[bool, float]:
    """Return what decides between two losses of one body: crush first, then the larger one."""
    if loss is None:
        return (False, -1.0)
    return (loss.deformity is BodyDeformity.CRUSH, loss.percent)
