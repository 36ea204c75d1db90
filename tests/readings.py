"""Analyses made by hand for the reading: a neck film, and a lumbar MR with graded discs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spinealign.domain.discs import Disc, DiscGrade, GradeName
from spinealign.domain.findings import (
    Analysis,
    Caution,
    ModelIdentity,
    ModelStatus,
    Vertebra,
    VertebraState,
    WarningCode,
)
from spinealign.domain.image import DecisionSource
from spinealign.domain.measurements import (
    MeasuredPoint,
    Measurement,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import (
    MEASURES,
    MeasureCode,
    NormalRange,
    Reference,
    Severity,
    SeverityGrade,
)
from spinealign.domain.reading import (
    FindingValue,
    GradeScale,
    GradeValue,
    NumberValue,
    PresenceValue,
)
from spinealign.reading.store import ReadingStore
from tests import phantoms
from tests.examinations import LATERAL_NECK, SPINE_MR

NOW = datetime(2026, 11, 28, 21, 0, tzinfo=UTC)
BODY_PX = 40.0
NECK = ("C2", "C3", "C4", "C5", "C6", "C7")
BACK = ("L1", "L2", "L3", "L4", "L5")
DISCS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")


class Clock:
    """Time that goes on by a second a look."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def body(level: str | None, place: int) -> Vertebra:
    top = BODY_PX * place
    square = ((20.0, top), (60.0, top), (60.0, top + 30), (20.0, top + 30))
    return Vertebra(level, place + 1, square, (), 0.9, VertebraState.COMPLETE)


def measured(
    code: MeasureCode,
    value: float | None,
    levels: tuple[str, ...],
    place: int = 0,
    spread: float = 1.0,
    **changes,
) -> Measurement:
    """Return a measure whose points lie at the body of a place from the top."""
    definition = MEASURES[code]
    top = BODY_PX * place
    points = [(20.0, top), (60.0, top + 70)]
    made = Measurement(
        code=code,
        value=value,
        unit=definition.quantity.value,
        levels=levels,
        points=tuple(MeasuredPoint(levels[0], "corner", x, y, "network") for x, y in points),
        interval=None if value is None else (value - spread, value + spread),
        automatic_value=value,
    )
    return replace(made, **changes)


def neck_analysis(
    cobb_deg: float = 12.0, automatic_deg: float | None = None, path: Path = Path("neck.png")
) -> Analysis:
    """Return a neck film: a Cobb angle, an axis, segments, and a T1 that was not found."""
    image = replace(phantoms.xray_analysis().image, source_path=path)
    not_found = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("T1",))
    slip = Severity(SeverityGrade.TRANSLATION_OVER_3_5_MM, Reference.WHITE_PANJABI, True)
    angle = MeasureCode.COBB_C2_C7
    before = cobb_deg if automatic_deg is None else automatic_deg
    return replace(
        phantoms.xray_analysis(),
        image=image,
        vertebrae=tuple(body(level, place) for place, level in enumerate(NECK)),
        measurements=(
            measured(
                angle, cobb_deg, ("C2", "C7"), normal=NormalRange(0.0, 30.0), automatic_value=before
            ),
            measured(
                MeasureCode.SAGITTAL_VERTICAL_AXIS, 20.0, ("C2", "C7"), normal=NormalRange(4, 27)
            ),
            measured(MeasureCode.T1_SLOPE, None, ("T1",), unmeasurable=not_found, points=()),
            measured(MeasureCode.C7_SLOPE, 15.0, ("C7",), place=5),
            measured(MeasureCode.TRANSLATION, 3.8, ("C4", "C5"), place=2, severity=slip),
            measured(MeasureCode.TRANSLATION, 0.4, ("C5", "C6"), place=3),
            measured(MeasureCode.DISC_HEIGHT, 5.0, ("C5", "C6"), place=3),
        ),
        cautions=(),
    )


def disc(level: str, place: int, pfirrmann: int | None, **present: bool | None) -> Disc:
    """Return a graded disc; grades that are not named are absent, None is uncertain."""
    top = BODY_PX * place + 30
    outline = ((20.0, top), (60.0, top), (60.0, top + 10), (20.0, top + 10))
    shares = tuple(0.6 if n == pfirrmann else 0.1 for n in range(1, 6))
    grades = [DiscGrade(GradeName.PFIRRMANN, pfirrmann, shares, True, 0.0, 2.5)]
    for name in list(GradeName)[1:]:
        is_there = present.get(name.value, False)
        share = 0.5 if is_there is None else 0.9 if is_there else 0.02
        grades.append(DiscGrade(name, is_there, (1 - share, share), True, 0.5))
    return Disc(level, 6 - place, outline, outline[0], outline[1], 10.0, 0.9, tuple(grades))


def disc_model(status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED) -> ModelIdentity:
    return replace(phantoms.mr_model(status), name="disc_grading")


SICK: Mapping[str, Mapping[str, object]] = {
    "L4/L5": {"pfirrmann": 5, "bulging": True, "narrowing": True, "herniation": None},
    "L5/S1": {"pfirrmann": 4, "herniation": True, "modic": True},
    "L1/L2": {"pfirrmann": None},
}


def back_analysis(
    told: Mapping[str, Mapping[str, object]] = SICK,
    status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED,
    l1_ratio: float = 0.69,
) -> Analysis:
    """Return a lumbar MR: discs graded, heights of bodies, a narrow canal at L4/L5."""
    sick = Severity(SeverityGrade.GENANT_2, Reference.GENANT)
    stenosis = Severity(SeverityGrade.ABSOLUTE_STENOSIS, Reference.RADIOPAEDIA)
    heights = [
        measured(code, 0.98, (level,), place=place, spread=0.05)
        for place, level in enumerate(BACK)
        for code in (MeasureCode.BODY_HEIGHT_RATIO, MeasureCode.MIDDLE_HEIGHT_RATIO)
    ]
    if l1_ratio < 0.75:
        heights[0] = replace(heights[0], value=l1_ratio, severity=sick)
    discs = [
        disc(level, place, **{"pfirrmann": 2, **told.get(level, {})})
        for place, level in enumerate(DISCS)
    ]
    plain = phantoms.mr_analysis()
    return replace(
        plain,
        examination=SPINE_MR,
        decided_by=DecisionSource.DICOM,
        vertebrae=tuple(
            replace(body(level, place - 1), index=place + 1)
            for place, level in enumerate(("T12", *BACK, "S1"))
        ),
        discs=tuple(reversed(discs)),
        disc_model=disc_model(status),
        measurements=(
            measured(MeasureCode.LUMBAR_LORDOSIS_L1_S1, 54.0, ("L1", "S1")),
            measured(MeasureCode.CANAL_DIAMETER, 9.0, ("L4", "L5"), place=3, severity=stenosis),
            measured(MeasureCode.CANAL_DIAMETER, 15.0, ("L1", "L2"), place=0),
            *heights,
        ),
        cautions=(Caution(WarningCode.LEVELS_COUNTED),),
    )


def narrow_canal_analysis() -> Analysis:
    """Return the lumbar MR with a canal that is narrow at four discs, and one above the back."""
    plain = back_analysis()
    relative = Severity(SeverityGrade.RELATIVE_STENOSIS, Reference.RADIOPAEDIA, True)
    narrow = (("L1", "L2", 12.6), ("L2", "L3", 11.2), ("L3", "L4", 11.9))
    canal = MeasureCode.CANAL_DIAMETER
    kept = tuple(m for m in plain.measurements if (m.code, m.levels) != (canal, ("L1", "L2")))
    added = (
        measured(canal, value, (upper, lower), place=place, severity=relative)
        for place, (upper, lower, value) in enumerate(narrow)
    )
    above = measured(canal, 12.9, ("T12", "L1"), place=-1)
    return replace(plain, measurements=(*kept, *added, above))


def forced_analysis() -> Analysis:
    """Return a picture that a person has analysed as a neck film against the program's check."""
    plain = phantoms.failed_view_analysis()
    return replace(plain, examination=LATERAL_NECK, decided_by=DecisionSource.USER)


def pfirrmann(grade: int) -> FindingValue:
    return GradeValue(GradeScale.PFIRRMANN, grade)


def genant(grade: int) -> FindingValue:
    return GradeValue(GradeScale.GENANT, grade)


def degrees(angle_deg: float) -> FindingValue:
    return NumberValue(angle_deg, "deg")


def there(is_present: bool) -> FindingValue:
    return PresenceValue(is_present)


def store_in(folder: Path) -> ReadingStore:
    return ReadingStore(folder / "profile")
