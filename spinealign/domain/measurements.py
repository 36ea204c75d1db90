"""Measurements with interval, points and state, and the user's drawings and corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from spinealign.domain.image import SpacingSource
from spinealign.domain.measures import (
    MEASURES,
    Extent,
    MeasureCode,
    MeasureDefinition,
    NormalRange,
    Severity,
)

Coordinate = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
"""Place in an image, in pixels; the largest image has 16,384 on a side (`imaging.decoding`)."""

Millimetres = Annotated[float, Meta(gt=0, le=1_000_000)]
"""A length or a spacing; the upper limit keeps arithmetic finite and is no clinical one."""

Share = Annotated[float, Meta(ge=0, le=1)]
"""A confidence, an opacity: none to all."""

Point = Annotated[
    tuple[Coordinate, Coordinate],
    Meta(description="[x, y] in image pixels: x to the right, y down, pixel i covers i to i + 1."),
]
"""(x, y) in image pixels: pixel i covers i to i + 1, y runs down."""


FEMORAL_HEAD = "femoral head"
"""What stands in the place of a body where a point lies on the rim of a femoral head."""


NORMAL_95 = 1.959964
"""Standard deviations within which 95 % of a normal distribution lie on either side of its mean.

Source: JCGM 100:2008, annex G, table G.1.
"""


@dataclass(frozen=True)
class IntervalRule:
    """How the 95 % interval of a value follows from the spread of the program's points.

    Parameters
    ----------
    factors : mapping of MeasureCode to float
        Half of the interval in standard deviations of the value, calibrated for the network
        that placed the points (`ModelCard.interval_factors`).
    otherwise : float
        The same of measures that have no factor of their own.
    is_limited : bool
        Whether a value is withheld where its interval is wider than a reader's without a
        program (`MeasureDefinition.reader_limit`).
    change_factors : mapping of MeasureCode to float
        Half of the 95 % interval of a difference between two examinations in standard
        deviations of that difference (`ModelCard.change_factors`).
    """

    factors: Mapping[MeasureCode, float] = field(default_factory=dict)
    otherwise: float = NORMAL_95
    is_limited: bool = False
    change_factors: Mapping[MeasureCode, float] = field(default_factory=dict)

    def factor_of(self, code: MeasureCode) -> float:
        """Return the factor of a measure."""
        return self.factors.get(code, self.otherwise)


class MeasureState(StrEnum):
    """Who placed the points: the program, the program and a person, or a person alone."""

    AUTOMATIC = "automatic"
    EDITED = "edited"
    DRAWN = "drawn"


@dataclass(frozen=True)
class GreyValues:
    """What the pixels of an area hold.

    Parameters
    ----------
    mean, deviation, lowest, highest : float
        In Hounsfield units where `is_hounsfield`, else as the file stores them. The
        deviation is that of a sample (n - 1).
    pixels : int
        How many have their middle inside.
    is_hounsfield : bool
    """

    mean: float
    deviation: float
    lowest: float
    highest: float
    pixels: int
    is_hounsfield: bool


class StrokeKind(StrEnum):
    """How a line of a measurement is drawn over the picture."""

    LINE = "line"
    EXTENSION = "extension"
    ARC = "arc"
    PLUMB = "plumb"


@dataclass(frozen=True)
class Stroke:
    """A polyline of at least two points that shows what was measured."""

    kind: StrokeKind
    points: tuple[Point, ...]


@dataclass(frozen=True)
class MeasuredPoint:
    """A landmark that a measurement used: which body, which point, where, and who placed it.

    `source` is a `LandmarkSource` value, or "mask" for a point found on the segmentation.
    """

    body: str
    name: str
    x: float
    y: float
    source: str


class PictureSide(StrEnum):
    """A side of the picture, as it is stored; which side of the patient that is, is not said."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True)
class CurveShape:
    """What a curve of the spine seen from the front is, beside its angle.

    Parameters
    ----------
    apex : tuple of str
        The body farthest from the line between both end vertebrae; both beside it where it is a
        disc.
    convex_to : PictureSide
    patient_side : PictureSide or None
        The side of the patient that is; None where the file does not say which way round it is.
    """

    apex: tuple[str, ...]
    convex_to: PictureSide
    patient_side: PictureSide | None = None


class UnmeasurableReason(StrEnum):
    """Why a measure could not be taken, or a grade not be given."""

    LEVELS_UNKNOWN = "levels_unknown"
    FACING_UNKNOWN = "facing_unknown"
    NOT_OUTLINED = "not_outlined"
    REMOVED = "removed"
    NAME_UNCONFIRMED = "name_unconfirmed"
    CUT_OFF = "cut_off"
    CORNERS_MISSING = "corners_missing"
    CANAL_INTERRUPTED = "canal_interrupted"
    CANAL_CLOSED = "canal_closed"
    POINTS_COINCIDE = "points_coincide"
    OUTLINE_CROSSES = "outline_crosses"
    POINTS_MISSING = "points_missing"
    FEMORAL_HEADS_MISSING = "femoral_heads_missing"
    FEMORAL_HEADS_IMPOSSIBLE = "femoral_heads_impossible"
    PLUMB_POINTS_MISSING = "plumb_points_missing"
    CHEST_EDGES_MISSING = "chest_edges_missing"
    OUTLINES_UNCERTAIN = "outlines_uncertain"
    ENDPLATES_TOUCH = "endplates_touch"
    NEEDS_T2 = "needs_t2"
    NOT_UPRIGHT = "not_upright"


@dataclass(frozen=True)
class Unmeasurable:
    """Why a measure could not be taken.

    Parameters
    ----------
    reason : UnmeasurableReason
    bodies : tuple of str
        Names of the bodies that are not outlined, removed by a person, cut off, lack corners,
        whose outlines are uncertain, whose endplates touch, or whose names nobody confirmed.
    points_needed, points_given : int
        Of a drawing that is not finished.
    """

    reason: UnmeasurableReason
    bodies: tuple[str, ...] = ()
    points_needed: int = 0
    points_given: int = 0


@dataclass(frozen=True)
class Measurement:
    """One measure of one image, or the reason why it could not be taken.

    Its name and definition in words are those of its code; see `spinealign.wording.measures`.

    Parameters
    ----------
    code : MeasureCode
        Key of the definition; with `levels` it identifies the measure on an image.
    value : float or None
        None when it is not measurable; `unmeasurable` then says why.
    unit : str
        "deg", "mm", "px", "%" or "" for a ratio; "mm²" or "px²".
    levels : tuple of str
        Bodies measured, from the top: ("C2", "C7").
    unmeasurable : Unmeasurable or None
    hidden : tuple of str
        Bodies measured that the program was unsure of, and whose points are its own.
    drawing : int
        Number of the drawing; 0 where nobody drew it.
    points : tuple of MeasuredPoint
        What the value was computed from.
    interval : tuple of float or None
        95 % interval (low, high) from the uncertainty of the points.
    normal : NormalRange or None
        Only where the unit and its provenance allow the comparison.
    severity : Severity or None
        Only where a published threshold exists.
    state : MeasureState
    automatic_value : float or None
        What the program measured by itself; equals `value` unless edited, None if
        it had no value or the measure was drawn. Same unit as `value`.
    strokes : tuple of Stroke
        What to draw over the picture.
    value_px : float or None
        A drawn length or area in image pixels, where `value` is in millimetres.
    spacing_source : SpacingSource or None
        What the millimetres of a drawn measure rest on.
    grey : GreyValues or None
        Of a drawn area.
    curve : CurveShape or None
        Of a curve of the spine seen from the front.
    """

    code: MeasureCode
    value: float | None
    unit: str
    levels: tuple[str, ...] = ()
    unmeasurable: Unmeasurable | None = None
    hidden: tuple[str, ...] = ()
    drawing: int = 0
    points: tuple[MeasuredPoint, ...] = ()
    interval: tuple[float, float] | None = None
    normal: NormalRange | None = None
    severity: Severity | None = None
    state: MeasureState = MeasureState.AUTOMATIC
    automatic_value: float | None = None
    strokes: tuple[Stroke, ...] = ()
    value_px: float | None = None
    spacing_source: SpacingSource | None = None
    grey: GreyValues | None = None
    curve: CurveShape | None = None

    @property
    def definition(self) -> MeasureDefinition:
        """The entry of `MEASURES`."""
        return MEASURES[self.code]

    @property
    def is_measurable(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """What is the same for the same measure on another examination.

        Drawings have no levels; their numbers tell them apart. The end vertebrae of a curve may
        be others on the next film; of further curves of one part of the spine there may be two.
        """
        if self.definition.extent is Extent.CURVE and self.code is not MeasureCode.CURVE_FURTHER:
            return (self.code.value, ())
        is_drawn = self.state is MeasureState.DRAWN
        return (self.code.value, (str(self.drawing),) if is_drawn else self.levels)


class LengthUnit(StrEnum):
    """In what lengths and areas that a person drew are written on the picture.

    Without a scale they are in pixels whatever is chosen.
    """

    MILLIMETRES = "mm"
    PIXELS = "px"
    BOTH = "both"


class DrawingTool(StrEnum):
    """What a person draws: two points, three, four (two lines), a polygon, or femoral heads.

    A rectangle and an ellipse are two opposite corners of what surrounds them, the femoral heads
    two opposite points on the rim of one, then of the other. A text stands at its point, and an
    arrow points at its first; nothing is measured with these two. On a frontal film the plumb
    points are the middle of C7, then of S1; the edges are those of the chest at one height.
    """

    DISTANCE = "distance"
    ANGLE = "angle"
    COBB = "cobb"
    AREA = "area"
    FEMORAL_HEADS = "femoral_heads"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    TEXT = "text"
    ARROW = "arrow"
    PLUMB_POINTS = "plumb_points"
    CHEST_EDGES = "chest_edges"

    @property
    def is_of_spine(self) -> bool:
        """Whether measures of the spine rest on it, so that there is one of a case at most."""
        return self in (
            DrawingTool.FEMORAL_HEADS, DrawingTool.PLUMB_POINTS, DrawingTool.CHEST_EDGES,
        )  # fmt: skip

    @property
    def is_note(self) -> bool:
        """Whether it says something, and measures nothing."""
        return self in (DrawingTool.TEXT, DrawingTool.ARROW)


DrawingKey = tuple[DrawingTool, int]
"""Which drawing of a case: its tool, and its number among those of the same tool."""

LONGEST_NOTE = 200
"""Letters of a text on the picture."""


@dataclass(frozen=True)
class Drawing:
    """What a person drew to be measured or noted; `number` tells drawings of one tool apart."""

    tool: DrawingTool
    number: Annotated[int, Meta(ge=1, le=1_000_000)]
    points: Annotated[tuple[Point, ...], Meta(min_length=1, max_length=1000)]
    text: Annotated[str, Meta(max_length=LONGEST_NOTE)] = ""

    @property
    def key(self) -> DrawingKey:
        """What tells it from every other drawing of a case."""
        return self.tool, self.number


@dataclass(frozen=True)
class Calibration:
    """A spacing that a person set: a length between two points, known in millimetres.

    `spacing_mm` is (row spacing, column spacing), vertical first.
    """

    start: Point
    end: Point
    length_mm: Millimetres
    spacing_mm: Annotated[
        tuple[Millimetres, Millimetres],
        Meta(description="[row spacing, column spacing], vertical first."),
    ]
