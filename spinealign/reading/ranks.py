"""How bad a finding is, on one scale: findings are listed and dictated worst first.

0 is normal and 1 the edge of the normal. Where a value has a 95 % reference range, each standard
deviation beyond its edge counts 1. A published grade counts what the tables here say: grades of
one scale keep their order; between scales, what may be unstable or presses on nerves goes before
what is worn, and a vertebral body that lost height goes before everything else, because a
fracture must not be overlooked. The weights between scales are this program's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spinealign.domain.discs import GradeName
from spinealign.domain.measurements import NORMAL_95
from spinealign.domain.measures import NormalRange, SeverityGrade
from spinealign.domain.reading import GradeScale

ABNORMAL_FROM = 1.0
"""From this rank on, a value is told as a finding."""

SEVERITY_RANKS: Mapping[SeverityGrade, float] = MappingProxyType(
    {
        SeverityGrade.GENANT_3: 13.0,
        SeverityGrade.GENANT_2: 12.0,
        SeverityGrade.GENANT_1: 11.0,
        SeverityGrade.SPONDYLOPTOSIS: 6.0,
        SeverityGrade.MEYERDING_4: 5.0,
        SeverityGrade.MEYERDING_3: 4.5,
        SeverityGrade.CANAL_BELOW_ONE_THIRD: 4.2,
        SeverityGrade.ABSOLUTE_STENOSIS: 4.0,
        SeverityGrade.CURVE_OVER_45: 4.0,
        SeverityGrade.MEYERDING_2: 3.5,
        SeverityGrade.TRANSLATION_OVER_3_5_MM: 3.0,
        SeverityGrade.KYPHOTIC_AGAINST_NEIGHBOURS: 3.0,
        SeverityGrade.CURVE_25_TO_45: 3.0,
        SeverityGrade.MEYERDING_1: 2.5,
        SeverityGrade.AMES_2: 2.0,
        SeverityGrade.SVA_OVER_95_MM: 2.0,
        SeverityGrade.TILT_OVER_30: 2.0,
        SeverityGrade.MISMATCH_OVER_20: 2.0,
        SeverityGrade.AXIS_OVER_40_MM: 2.0,
        SeverityGrade.CURVE_10_TO_25: 2.0,
        SeverityGrade.IMBALANCE_OVER_20_MM: 1.5,
        SeverityGrade.AMES_1: 1.5,
        SeverityGrade.SVA_40_TO_95_MM: 1.5,
        SeverityGrade.TILT_20_TO_30: 1.5,
        SeverityGrade.MISMATCH_10_TO_20: 1.5,
        SeverityGrade.RELATIVE_STENOSIS: 1.05,
        SeverityGrade.CANAL_BELOW_TWO_THIRDS: 1.05,
        SeverityGrade.AMES_0: 0.0,
        SeverityGrade.SVA_UNDER_40_MM: 0.0,
        SeverityGrade.TILT_UNDER_20: 0.0,
        SeverityGrade.MISMATCH_UNDER_10: 0.0,
        SeverityGrade.CURVE_UNDER_10: 0.0,
    }
)
"""Of each published grade.

Source: the order within a scale is that of `MeasureDefinition.severities`; that height loss,
then instability and a narrow canal, go first is the order in which Genant 1993, White and
Panjabi's checklist (PMID 3437146) and Meyerding's grades are acted on; set by hand. A relative
stenosis comes after what is graded on discs: the threshold is of the bony canal, the outline of
the dural sac on one slice. So does a canal narrowed by one to two thirds: of 56
discs with such a ratio on T1 slices reports name 23 (docs/design/mr-from-any-scanner.md).
"""

GRADE_RANKS: Mapping[tuple[GradeScale, int], float] = MappingProxyType(
    {
        (GradeScale.GENANT, 3): 13.0,
        (GradeScale.GENANT, 2): 12.0,
        (GradeScale.GENANT, 1): 11.0,
        (GradeScale.PFIRRMANN, 5): 2.0,
        (GradeScale.PFIRRMANN, 4): 1.5,
    }
)
"""Of each abnormal whole grade; others are normal.

Source: Genant 1993, J Bone Miner Res 8:1137; Pfirrmann 2001, Spine 26:1873, grades 4 and 5 being
those that `Disc.is_abnormal` counts.
"""

PRESENCE_RANKS: Mapping[GradeName, float] = MappingProxyType(
    {
        GradeName.HERNIATION: 2.8,
        GradeName.SPONDYLOLISTHESIS: 2.6,
        GradeName.MODIC: 1.4,
        GradeName.NARROWING: 1.3,
        GradeName.UPPER_ENDPLATE: 1.2,
        GradeName.LOWER_ENDPLATE: 1.2,
        GradeName.BULGING: 1.1,
    }
)
"""Of each change of a disc that is there.

Source: set by hand; nerves and stability first, then wear, bulging being the most frequent in
people without pain (Brinjikji 2015, AJNR 36:811).
"""

_POSSIBLE = 0.05
"""How much less a finding counts whose interval also allows a normal value.

Source: set by hand, so that of two alike the sure one comes first.
"""


def severity_rank(grade: SeverityGrade, is_possible: bool) -> float:
    """Return the rank of a published grade; of an absolute stenosis only if it is sure."""
    if is_possible and grade is SeverityGrade.ABSOLUTE_STENOSIS:
        grade = SeverityGrade.RELATIVE_STENOSIS
    rank = SEVERITY_RANKS[grade]
    return rank - _POSSIBLE if is_possible and rank else rank


def range_rank(value: float, normal: NormalRange) -> float:
    """Return the rank of a value by its 95 % reference range.

    Returns
    -------
    float
        0 inside; outside 1, and 1 more for each standard deviation from the edge. A range with
        an open end has no standard deviation: there it is 1.
    """
    if normal.holds(value):
        return 0.0
    if normal.low is None or normal.high is None or normal.high <= normal.low:
        return ABNORMAL_FROM
    deviation = (normal.high - normal.low) / (2 * NORMAL_95)
    outside = normal.low - value if value < normal.low else value - normal.high
    return ABNORMAL_FROM + outside / deviation
