"""The curves of a spine seen from the front taken together: pattern, severity and types.

Lenke's and King's types are told as far as one standing film goes, with what else they need.
Sources: Lenke et al. 2001, J Bone Joint Surg Am 83:1169; King et al. 1983, J Bone Joint Surg Am
65:1302. Both describe idiopathic scoliosis; both need films that are not this one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from types import MappingProxyType

import numpy as np

from spinealign.domain.curve_regions import COLUMN_LEVELS
from spinealign.domain.findings import FRONTAL_CORNERS, Analysis
from spinealign.domain.measurements import MeasuredPoint, Measurement, PictureSide
from spinealign.domain.measures import Extent, MeasureCode

LEAST_SCOLIOSIS_DEG = 10.0
"""Least Cobb angle of a scoliosis. Source: Scoliosis Research Society; SOSORT 2016 (Negrini et
al. 2018, doi:10.1186/s13013-017-0145-8).
"""

LEAST_MODERATE_DEG, LEAST_SEVERE_DEG = 25.0, 45.0
"""Where a mild curve ends and a severe one begins, in degrees.

Source: a brace is discussed from 25 degrees of a growing patient on (criteria of the Scoliosis
Research Society, Richards 2005, Spine 30:2068); severe curves are those that treatment is to keep
below 45 degrees (SOSORT 2016, table 5). Others cut at 20 and at 40 degrees.
"""

STRUCTURAL_DEG = 25.0
"""What a minor curve keeps at least, bent to its side, if it is structural. A curve that is
smaller already standing is structural by its kyphosis only. Source: Lenke 2001.
"""

LEAST_CLASSIFIED_DEG = 25.0
"""Least largest curve whose type is told. Source: set by hand: both systems were made of curves
that were operated on; below, not even a brace is discussed.
"""

NEARLY_EQUAL_DEG = 5.0
"""Curves whose angles differ by less may each be the larger one. Source: the error of a reader is
3 to 5 degrees (SOSORT 2016, doi:10.1186/s13013-017-0145-8).
"""

MOST_CURVES = 3
"""Curves that a pattern counts. Source: proximal thoracic, main thoracic and thoracolumbar or
lumbar (Lenke 2001).
"""

FEWEST_BODIES = 3
"""Bodies that a curve has at least. Source: geometry: two ends and an apex."""

_PROXIMAL = MeasureCode.CURVE_PROXIMAL_THORACIC
_MAIN = MeasureCode.CURVE_MAIN_THORACIC
_LOWER = (MeasureCode.CURVE_THORACOLUMBAR, MeasureCode.CURVE_LUMBAR)


class CurveCount(StrEnum):
    """How many curves of 10 degrees and more there are, of the three largest."""

    NONE = "none"
    SINGLE = "single"
    DOUBLE = "double"
    TRIPLE = "triple"


class CurveSize(StrEnum):
    """Severity of a scoliosis by its largest curve."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class StillNeeded(StrEnum):
    """What a type depends on beside one standing film from the front."""

    BENDING_FILMS = "bending_films"
    LATERAL_FILM = "lateral_film"
    SACRAL_MIDLINE = "sacral_midline"
    PEDICLES = "pedicles"
    WHOLE_COLUMN = "whole_column"


@dataclass(frozen=True)
class FoundCurve:
    """A curve of a film.

    Parameters
    ----------
    measured : Measurement
        With a value in degrees and its `curve`.
    """

    measured: Measurement

    @property
    def patient_side(self) -> PictureSide | None:
        """Side of the patient; None where the file does not say which side is which."""
        return None if self.measured.curve is None else self.measured.curve.patient_side

    @property
    def angle_deg(self) -> float:
        """Cobb's angle; never negative."""
        return self.measured.value or 0.0

    @property
    def is_further(self) -> bool:
        """Whether another curve of its part of the spine is larger."""
        return self.measured.code is MeasureCode.CURVE_FURTHER

    @property
    def sign(self) -> int:
        """1 where it is convex to the right of the picture, else -1."""
        curve = self.measured.curve
        return 1 if curve is not None and curve.convex_to is PictureSide.RIGHT else -1

    @property
    def may_reach_10_deg(self) -> bool:
        """Whether its 95 % interval reaches up to the least angle of a scoliosis."""
        interval = self.measured.interval
        return interval is not None and interval[1] >= LEAST_SCOLIOSIS_DEG


@dataclass(frozen=True)
class PossibleTypes:
    """The types of a classification that one film leaves open.

    Parameters
    ----------
    types : tuple of int
        In their order; empty where the classification has none for these curves, or where
        `needs` says why it cannot be told at all.
    major : tuple of MeasureCode
        Which curves may be the major one.
    modifiers : tuple of str
        Lenke's lumbar modifiers that are left, of "A", "B", "C"; empty where none is known.
    needs : tuple of StillNeeded
    """

    types: tuple[int, ...] = ()
    major: tuple[MeasureCode, ...] = ()
    modifiers: tuple[str, ...] = ()
    needs: tuple[StillNeeded, ...] = ()


@dataclass(frozen=True)
class CurvePattern:
    """All curves of one film.

    Parameters
    ----------
    curves : tuple of FoundCurve
        Of 10 degrees and more, from the top, three at most: the largest.
    beyond : tuple of FoundCurve
        Of 10 degrees and more, where there are more than three.
    smaller : tuple of FoundCurve
        Less than that: no scoliosis.
    untold : tuple of Measurement
        Curves whose angle is not measurable.
    levels : tuple of str
        Bodies that are named and have all of their corners, T1 to L5, from the top.
    lenke, king : PossibleTypes or None
        None where the largest curve is too small for it, or not every curve is measurable.
    """

    curves: tuple[FoundCurve, ...]
    smaller: tuple[FoundCurve, ...]
    untold: tuple[Measurement, ...]
    levels: tuple[str, ...]
    lenke: PossibleTypes | None = None
    king: PossibleTypes | None = None
    beyond: tuple[FoundCurve, ...] = ()

    @property
    def count(self) -> CurveCount:
        """How many curves there are."""
        return count_of(len(self.curves))

    @property
    def largest(self) -> FoundCurve | None:
        """The largest curve, of 10 degrees or more if there is one; of equal ones the upper."""
        found = self.curves or self.smaller
        return max(found, key=lambda one: one.angle_deg, default=None)

    @property
    def size(self) -> CurveSize | None:
        """How severe the largest curve is; None without a scoliosis."""
        return size_of(self.largest.angle_deg) if self.curves and self.largest else None

    @property
    def is_whole(self) -> bool:
        """Whether every body from T1 to L5 is named."""
        return self.levels == COLUMN_LEVELS


def counted_places(angles_deg: Sequence[float]) -> list[int]:
    """Return which curves a pattern counts, in their order; of equal ones the upper."""
    ranked = sorted(range(len(angles_deg)), key=lambda place: -angles_deg[place])
    return sorted(ranked[:MOST_CURVES])


def count_of(curves: int) -> CurveCount:
    """Return the word for a number of curves of 10 degrees and more."""
    return tuple(CurveCount)[min(curves, MOST_CURVES)]


def size_of(angle_deg: float) -> CurveSize | None:
    """Return how severe a curve is; None below 10 degrees, which is no scoliosis."""
    if angle_deg < LEAST_SCOLIOSIS_DEG:
        return None
    if angle_deg < LEAST_MODERATE_DEG:
        return CurveSize.MILD
    return CurveSize.MODERATE if angle_deg < LEAST_SEVERE_DEG else CurveSize.SEVERE


def pattern_of(analysis: Analysis) -> CurvePattern | None:
    """Return the curves of a film from the front; None for other images and without bodies."""
    measures = analysis.measurements
    if not any(one.code is MeasureCode.T1_TILT for one in measures):
        return None
    named = {
        body.level
        for body in analysis.vertebrae
        if {*FRONTAL_CORNERS} <= {mark.name for mark in body.landmarks}
    }
    levels = [level for level in COLUMN_LEVELS if level in named]
    return curve_pattern(measures, levels, analysis.image.presentation.upright_deg)


def curve_pattern(
    measures: Sequence[Measurement],
    levels: Sequence[str],
    upright_deg: float = 0.0,
) -> CurvePattern:
    """Take the measures of one film together.

    Parameters
    ----------
    measures : sequence of Measurement
        Of a film from the front.
    levels : sequence of str
        Named bodies with all of their corners, from the top.
    upright_deg : float
        By how much the picture of the file is turned to the left to stand upright.
    """
    bent = [one for one in measures if one.definition.extent is Extent.CURVE and one.curve]
    told = [one for one in bent if one.value is not None]
    found = [FoundCurve(one) for one in sorted(told, key=_top)]
    large = [one for one in found if one.angle_deg >= LEAST_SCOLIOSIS_DEG]
    largest_three = [large[place] for place in counted_places([one.angle_deg for one in large])]
    pattern = CurvePattern(
        tuple(largest_three), tuple(one for one in found if one not in large),
        tuple(one for one in bent if one.value is None), tuple(levels),
        beyond=tuple(one for one in large if one not in largest_three),
    )  # fmt: skip
    largest = pattern.largest
    if pattern.untold or largest is None or largest.angle_deg < LEAST_CLASSIFIED_DEG:
        return pattern
    lenke, king = _types(pattern, found, measures, upright_deg)
    return replace(pattern, lenke=lenke, king=king)


def _top(measured: Measurement) -> int:
    return COLUMN_LEVELS.index(measured.levels[0]) if measured.levels[0] in COLUMN_LEVELS else -1


def _types(
    pattern: CurvePattern,
    found: Sequence[FoundCurve],
    measures: Sequence[Measurement],
    upright_deg: float,
) -> tuple[PossibleTypes, PossibleTypes]:
    if not pattern.is_whole:
        unknown = PossibleTypes(needs=(StillNeeded.WHOLE_COLUMN,))
        return unknown, unknown
    regions = {one.measured.code: one for one in found}
    lower = max((c for code in _LOWER if (c := regions.get(code))),
                key=lambda one: one.angle_deg, default=None)  # fmt: skip
    offset = None if lower is None else _offset(lower, measures, upright_deg)
    return _lenke(regions, lower, offset), _king(regions, lower, offset, _t1_tilt(measures))


# Lenke

_BY_MAJOR: Mapping[bool, Mapping[frozenset[str], int]] = MappingProxyType(
    {
        True: {frozenset(): 1, frozenset({"PT"}): 2, frozenset({"TL"}): 3,
               frozenset({"PT", "TL"}): 4},
        False: {frozenset(): 5, frozenset({"MT"}): 6, frozenset({"PT", "MT"}): 4},
    }
)  # fmt: skip
"""Type by whether the main thoracic curve is the major one, and which others are structural.

Source: Lenke 2001, table 1. The proximal thoracic curve is never the major one.
"""


def _lenke(
    regions: Mapping[MeasureCode, FoundCurve], lower: FoundCurve | None, offset: Offset | None
) -> PossibleTypes:
    main, proximal = regions.get(_MAIN), regions.get(_PROXIMAL)
    present = {
        name: one for name, one in (("PT", proximal), ("MT", main), ("TL", lower)) if one
    }  # fmt: skip
    majors = _majors(main, lower)
    if not majors:
        return PossibleTypes()
    types = {
        kind
        for name in majors
        for structural in _subsets(present.keys() - {name})
        if (kind := _BY_MAJOR[name == "MT"].get(structural)) is not None
    }
    minors = [one for name, one in present.items() if majors != [name]]
    needs = [StillNeeded.LATERAL_FILM]
    if any(one.angle_deg >= STRUCTURAL_DEG for one in minors):
        needs = [StillNeeded.BENDING_FILMS, *needs]
    modifiers = ("A",) if lower is None else _modifiers(majors, offset)
    needs += [] if modifiers else [StillNeeded.SACRAL_MIDLINE]
    needs += [StillNeeded.PEDICLES] if "B" in modifiers or not modifiers else []
    codes = tuple(present[name].measured.code for name in majors)
    return PossibleTypes(tuple(sorted(types)), codes, modifiers, tuple(needs))


def _majors(main: FoundCurve | None, lower: FoundCurve | None) -> list[str]:
    """Return which of both curves may be the larger one."""
    if main is None or lower is None:
        return [name for name, one in (("MT", main), ("TL", lower)) if one is not None]
    away = main.angle_deg - lower.angle_deg
    return [name for name, ahead in (("MT", away), ("TL", -away)) if ahead > -NEARLY_EQUAL_DEG]


def _subsets(names: Collection[str]) -> Iterator[frozenset[str]]:
    for count in range(len(names) + 1):
        yield from (frozenset(chosen) for chosen in combinations(sorted(names), count))


@dataclass(frozen=True)
class Offset:
    """Where the apex of the lower curve lies beside the sacral midline.

    Parameters
    ----------
    away, spread : float
        How far to the right of the upright picture, and half of its 95 % interval, in pixels.
    half_width : float
        Half of the width of the apical body, or the mean of both beside a disc, in pixels.
    """

    away: float
    spread: float
    half_width: float


def _modifiers(majors: Sequence[str], offset: Offset | None) -> tuple[str, ...]:
    """Return the lumbar modifiers that are left.

    A: the midline runs between the pedicles of the apex; B: it touches the apical body outside
    them; C: it does not touch it. Without a lower curve it is A, and where that curve is the
    major one C. Source: Lenke 2001. Pedicles are not measured.
    """
    if majors == ["TL"]:
        return ("C",)
    if offset is None:
        return ()
    if abs(offset.away) - offset.spread > offset.half_width:
        return ("C",)
    if abs(offset.away) + offset.spread < offset.half_width:
        return ("A", "B")
    return ("B", "C")


_CORNERS, _SAME_PX = 4, 1.0


def _offset(
    lower: FoundCurve, measures: Sequence[Measurement], upright_deg: float
) -> Offset | None:
    """Return where the apex lies; None without a person's points, of which S1 is the last."""
    apex = () if lower.measured.curve is None else lower.measured.curve.apex
    found = next(
        (one for one in measures if one.code is MeasureCode.APICAL_TRANSLATION
         and one.levels == apex and one.value is not None and one.interval is not None),
        None,
    )  # fmt: skip
    if found is None or found.value is None or found.interval is None:
        return None
    corners = [point for point in found.points if point.body in apex]
    placed = [point for point in found.points if point.body not in apex]
    if len(corners) < _CORNERS * len(apex) or not placed:
        return None
    x = {(p.body, p.name): _x(p, upright_deg) for p in corners}
    away = abs(float(np.mean([*x.values()])) - _x(placed[-1], upright_deg))
    ends = [[place for (body, _), place in x.items() if body == level] for level in apex]
    half_width = float(np.mean([max(each) - min(each) for each in ends])) / 2
    if away < _SAME_PX:
        return Offset(0.0, 0.0, half_width)
    spread = (found.interval[1] - found.interval[0]) / 2 * away / abs(found.value)
    return Offset(math.copysign(away, found.value), spread, half_width)


def _x(point: MeasuredPoint, upright_deg: float) -> float:
    """Return where a point lies across, in pixels of the upright picture."""
    turn = math.radians(upright_deg)
    return point.x * math.cos(turn) + point.y * math.sin(turn)


# King


def _king(
    regions: Mapping[MeasureCode, FoundCurve],
    lower: FoundCurve | None,
    offset: Offset | None,
    t1_tilt: float | None,
) -> PossibleTypes:
    """Return King's types that are left: they are of thoracic curves only.

    I and II are S-shaped, with both curves across the midline: I where the lower curve is larger
    or stiffer, II where the thoracic one is; III and IV have a lower curve that does not cross it,
    or none; V has two thoracic curves, and T1 higher on the convex side of the upper one.
    """
    main, proximal = regions.get(_MAIN), regions.get(_PROXIMAL)
    if main is None or main.angle_deg < LEAST_SCOLIOSIS_DEG:
        return PossibleTypes()
    needs = [StillNeeded.BENDING_FILMS]
    types = {3, 4}
    if lower is not None and lower.sign != main.sign:
        crosses = None if offset is None else _crosses(lower, offset)
        s_shaped = {"MT": 2, "TL": 1}
        open_types = {s_shaped[name] for name in _majors(main, lower)}
        types = {True: open_types, False: {3, 4}, None: open_types | {3, 4}}[crosses]
        needs += [StillNeeded.SACRAL_MIDLINE] if crosses is None else []
    if proximal is not None and proximal.angle_deg >= LEAST_SCOLIOSIS_DEG and t1_tilt is not None:
        types |= {5} if t1_tilt * proximal.sign < 0 else set()
    return PossibleTypes(tuple(sorted(types)), (_MAIN,), needs=tuple(needs))


def _crosses(lower: FoundCurve, offset: Offset) -> bool | None:
    """Whether the apex lies on the convex side of the midline; None where that is not sure."""
    ahead = lower.sign * offset.away
    if abs(ahead) <= offset.spread:
        return None
    return ahead > 0


def _t1_tilt(measures: Sequence[Measurement]) -> float | None:
    return next((one.value for one in measures if one.code is MeasureCode.T1_TILT), None)
