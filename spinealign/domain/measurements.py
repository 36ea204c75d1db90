"""A measured number with everything that is needed to check it, and what people drew or changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Point = tuple[float, float]
"""(x, y) in image pixels: pixel i covers i to i + 1, y runs down."""


class MeasureCode(StrEnum):
    """Which definition a measurement follows; `spinealign.wording.measures` tells what each is."""

    COBB_C2_C7 = "cobb_c2_c7"
    COBB_C2_C6 = "cobb_c2_c6"
    COBB_C2_LOWEST = "cobb_c2_lowest"
    POSTERIOR_TANGENT = "posterior_tangent"
    SEGMENTAL_ANGLE = "segmental_angle"
    SAGITTAL_VERTICAL_AXIS = "sagittal_vertical_axis"
    C7_SLOPE = "c7_slope"
    T1_SLOPE = "t1_slope"
    T1_SLOPE_MINUS_LORDOSIS = "t1_slope_minus_lordosis"
    TRANSLATION = "translation"
    BODY_HEIGHT_ANTERIOR = "body_height_anterior"
    BODY_HEIGHT_MIDDLE = "body_height_middle"
    BODY_HEIGHT_POSTERIOR = "body_height_posterior"
    BODY_HEIGHT_RATIO = "body_height_ratio"
    MIDDLE_HEIGHT_RATIO = "middle_height_ratio"
    DISC_HEIGHT = "disc_height"
    DISC_HEIGHT_RATIO = "disc_height_ratio"
    LUMBAR_LORDOSIS_L1_S1 = "lumbar_lordosis_l1_s1"
    LUMBAR_LORDOSIS_L1_L5 = "lumbar_lordosis_l1_l5"
    DISC_HEIGHT_INDEX = "disc_height_index"
    LISTHESIS_PERCENT = "listhesis_percent"
    CANAL_DIAMETER = "canal_diameter"
    DRAWN_DISTANCE = "drawn_distance"
    DRAWN_ANGLE = "drawn_angle"
    DRAWN_COBB = "drawn_cobb"
    DRAWN_AREA = "drawn_area"


class MeasureState(StrEnum):
    """Who placed the points: the program, the program and a person, or a person alone."""

    AUTOMATIC = "automatic"
    EDITED = "edited"
    DRAWN = "drawn"


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


@dataclass(frozen=True)
class NormalRange:
    """Where values of people without complaints lie; an open end is None.

    `source` cites the study; `note` is what to know before comparing.
    """

    low: float | None
    high: float | None
    source: str
    note: str = ""

    def holds(self, value: float) -> bool:
        """Whether a value lies inside, ends included."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Severity:
    """A word for a value, from a cited threshold."""

    word: str
    source: str


@dataclass(frozen=True)
class Measurement:
    """One named measure, or the reason why it could not be taken.

    Parameters
    ----------
    name : str
        Fit for a table: "C2–C7 Cobb lordosis", "C4/C5 segmental angle".
    value : float or None
        None when it is not measurable; `reason` then says why.
    unit : str
        "deg", "mm", "px", "%" or "" for a ratio.
    method : str
        How it is defined, in one sentence.
    source : str
        Who defined it.
    code : MeasureCode or None
        Key of the definition; with `levels` it identifies the measure on an image.
    levels : tuple of str
        Bodies measured, from the top: ("C2", "C7").
    points : tuple of MeasuredPoint
        What the value was computed from.
    interval : tuple of float or None
        95 % interval (low, high) from the uncertainty of the points.
    normal : NormalRange or None
        Only where the unit and its provenance allow the comparison.
    severity : Severity or None
        Only where a cited threshold exists.
    state : MeasureState
    automatic_value : float or None
        What the program measured by itself; equals `value` unless edited, None if
        it had no value or the measure was drawn. Same unit as `value`.
    strokes : tuple of Stroke
        What to draw over the picture.
    """

    name: str
    value: float | None
    unit: str
    method: str
    source: str = ""
    reason: str = ""
    code: MeasureCode | None = None
    levels: tuple[str, ...] = ()
    points: tuple[MeasuredPoint, ...] = ()
    interval: tuple[float, float] | None = None
    normal: NormalRange | None = None
    severity: Severity | None = None
    state: MeasureState = MeasureState.AUTOMATIC
    automatic_value: float | None = None
    strokes: tuple[Stroke, ...] = ()

    @property
    def is_measurable(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """What is the same for the same measure on another examination.

        Drawings have no levels; their names tell them apart.
        """
        levels = (self.name,) if self.state is MeasureState.DRAWN else self.levels
        return (self.code.value if self.code is not None else self.name, levels)


class DrawingTool(StrEnum):
    """A measure that a person draws: two points, three, four (two lines), or a polygon."""

    DISTANCE = "distance"
    ANGLE = "angle"
    COBB = "cobb"
    AREA = "area"


@dataclass(frozen=True)
class Drawing:
    """What a person drew to be measured; `number` tells drawings of one case apart."""

    tool: DrawingTool
    number: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Calibration:
    """A spacing that a person set: a length between two points, known in millimetres."""

    start: Point
    end: Point
    length_mm: float
    spacing_mm: tuple[float, float]
