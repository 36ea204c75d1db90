"""Charts of one patient: a measure over time, and motion by level, on paper or screen."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from PIL import Image, ImageDraw

from spinealign.domain.comparison import Change, ComparedMeasure, Course, CourseRow
from spinealign.domain.measurements import Measurement
from spinealign.domain.motion import MOTION_LIMITS, Motion, MotionSign, SegmentMotion
from spinealign.export.strips import letters
from spinealign.files import write_export
from spinealign.wording.comparison import date_text
from spinealign.wording.measure_rows import number_text, unit_text, value_text
from spinealign.wording.measures import measurement_name
from spinealign.wording.motion import NO_SEGMENTS, level_text

MOTION_TITLE = "Range of motion"
COURSE_KEY = "band: error of a change"
MOTION_KEY = "band healthy people, line limit"
NOTHING_TO_DRAW = "Fewer than two dated values that can be compared."
_STEPS = (1.0, 2.0, 5.0, 10.0)
_FEWEST_TICKS = 3


@dataclass(frozen=True)
class ChartColours:
    """Colours as ``#rrggbb``: ground, letters, fine print, grid, the error's band, and a change."""

    ground: str = "#ffffff"
    ink: str = "#17202b"
    muted: str = "#53606f"
    grid: str = "#d2d9e2"
    band: str = "#e3ebf5"
    mark: str = "#b04a00"


PAPER = ChartColours()


@dataclass(frozen=True)
class DatedValue:
    """One value of a course that can be drawn."""

    day: date
    measurement: Measurement
    change: ComparedMeasure | None

    @property
    def value(self) -> float:
        """The value."""
        assert self.measurement.value is not None
        return self.measurement.value

    @property
    def ends(self) -> tuple[float, float]:
        """Its interval, or twice the value without one."""
        return self.measurement.interval or (self.value, self.value)

    @property
    def is_changed(self) -> bool:
        """Whether it changed against the first by more than the error of a change."""
        return self.change is not None and self.change.change is Change.BEYOND


def drawn_values(course: Course, row: CourseRow) -> tuple[DatedValue, ...]:
    """Return the values that have a date and may be compared with the first of them.

    Pixels of different images have no common axis, and leave none to be drawn.
    """
    found = [
        DatedValue(one.date, value, change)
        for one, value, change in zip(course.examinations, row.values, row.changes, strict=True)
        if one.date is not None and value is not None
        if change is None or change.difference is not None
    ]
    return tuple(found) if len(found) > 1 else ()


def course_picture(
    course: Course,
    row: CourseRow,
    size: tuple[int, int] = (1200, 620),
    *,
    scale: float = 2.0,
    colours: ChartColours = PAPER,
) -> Image.Image:
    """Draw one measure over time.

    Parameters
    ----------
    course : Course
    row : CourseRow
        Which measure of it.
    size : tuple of int
        (width, height) in pixels.
    scale : float
        Size of letters and lines; 1 is a screen of 96 dots an inch.
    colours : ChartColours, optional

    Notes
    -----
    The band is the error of a change about the first value: what lies in it has not changed
    beyond the error. A diamond has; a dot has not, or is not judged.
    """
    picture = Image.new("RGB", size, colours.ground)
    chart = _Chart(ImageDraw.Draw(picture), size, scale, colours)
    values = drawn_values(course, row)
    key = f" ({COURSE_KEY})" if values and _band(values) is not None else ""
    chart.title(f"{measurement_name(row.either)}{key}")
    if values:
        chart.draw(values)
    else:
        chart.say(NOTHING_TO_DRAW)
    return picture


def values_picture(
    values: Sequence[DatedValue],
    size: tuple[int, int] = (1200, 620),
    *,
    scale: float = 2.0,
    colours: ChartColours = PAPER,
) -> Image.Image:
    """Draw at least two values of one measure over time, in the order of their dates.

    Parameters
    ----------
    values : sequence of DatedValue
    size : tuple of int
        (width, height) in pixels.
    scale : float
        Size of letters and lines; 1 is a screen of 96 dots an inch.
    colours : ChartColours, optional

    Notes
    -----
    As `course_picture`, with a band where the error of a change is known.
    """
    picture = Image.new("RGB", size, colours.ground)
    chart = _Chart(ImageDraw.Draw(picture), size, scale, colours)
    key = f" ({COURSE_KEY})" if _band(values) is not None else ""
    chart.title(f"{measurement_name(values[0].measurement)}{key}")
    chart.draw(values)
    return picture


def motion_picture(
    motion: Motion,
    size: tuple[int, int] = (1100, 420),
    *,
    scale: float = 2.0,
    colours: ChartColours = PAPER,
) -> Image.Image:
    """Draw the range of motion of every level.

    Notes
    -----
    The band of a level is where 95 % of healthy people lie, where that is published; the line
    above it is White and Panjabi's limit. A diamond is over the limit.
    """
    picture = Image.new("RGB", size, colours.ground)
    chart = _Chart(ImageDraw.Draw(picture), size, scale, colours)
    chart.title(f"{MOTION_TITLE} ({MOTION_KEY})")
    if motion.segments:
        chart.draw_levels(motion.segments)
    else:
        chart.say(NO_SEGMENTS)
    return picture


def motion_in_words(motion: Motion) -> str:
    """Return what the picture shows, for those who cannot see it."""
    levels = (f"{level_text(one)} {_turn(one):.1f}°" for one in motion.segments)
    return f"{MOTION_TITLE}: {', '.join(levels)}" if motion.segments else NO_SEGMENTS


def _turn(segment: SegmentMotion) -> float:
    return segment.rotation.difference or 0.0


def course_in_words(course: Course, row: CourseRow) -> str:
    """Return what the picture shows, for those who cannot see it."""
    values = drawn_values(course, row)
    if not values:
        return f"{measurement_name(row.either)}: {NOTHING_TO_DRAW}"
    said = (
        f"{date_text(one.day)} {value_text(one.measurement)}{_changed_text(one)}" for one in values
    )
    return f"{measurement_name(row.either)}: {', '.join(said)}"


def _changed_text(one: DatedValue) -> str:
    return " (changed)" if one.is_changed else ""


def write_course_picture(course: Course, row: CourseRow, path: Path) -> None:
    """Write the drawn course of one measure as PNG, whole or not at all.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    buffer = io.BytesIO()
    course_picture(course, row).save(buffer, "PNG")
    write_export(path, buffer.getvalue())


def nice_ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Return round numbers from below `low` to above `high`, at most about `most` steps apart."""
    span = max(high - low, 1e-6)
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(one * power for one in _STEPS if one * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    last = max(last, first + _FEWEST_TICKS - 1)
    return tuple(number * step for number in range(first, last + 1))


class _Chart:
    """Draws on one picture; lengths are in units of `scale`."""

    def __init__(
        self, pen: ImageDraw.ImageDraw, size: tuple[int, int], scale: float, colours: ChartColours
    ) -> None:
        self._pen, self._size, self._scale, self._colours = pen, size, scale, colours
        self._letters = letters(max(8, round(12 * scale)))
        self._bold = letters(max(9, round(13 * scale)), bold=True)
        self._left, self._top = 62 * scale, 30 * scale
        self._right, self._bottom = size[0] - 26 * scale, size[1] - 30 * scale

    def title(self, text: str) -> None:
        self._pen.text((10 * self._scale, 6 * self._scale), text, self._colours.ink, self._bold)

    def say(self, text: str) -> None:
        middle = self._size[0] / 2, self._size[1] / 2
        self._pen.text(middle, text, self._colours.muted, self._letters, anchor="mm")

    def draw(self, values: Sequence[DatedValue]) -> None:
        band = _band(values)
        ends = [end for one in values for end in one.ends] + list(band or ())
        ticks = nice_ticks(min(ends), max(ends))
        self._days = values[0].day.toordinal(), values[-1].day.toordinal()
        self._range = ticks[0], ticks[-1]
        if band is not None:
            low, high = (self._y(end) for end in band)
            self._pen.rectangle((self._left, high, self._right, low), self._colours.band)
        self._grid(ticks, values[0].measurement.unit)
        self._dates(values)
        self._curve(values)

    def draw_levels(self, segments: Sequence[SegmentMotion]) -> None:
        """Draw a column for each level, from the top down to the right."""
        halves = [one.rotation.error.half_width if one.rotation.error else 0.0 for one in segments]
        ends = [0.0]
        for one, half in zip(segments, halves, strict=True):
            normal = one.normal_rotation.range_95 if one.normal_rotation else None
            ends += [_turn(one) - half, _turn(one) + half, *(normal or ())]
        ticks = nice_ticks(min(ends), max(ends))
        self._range = ticks[0], ticks[-1]
        self._grid(ticks, "deg")
        width = (self._right - self._left) / len(segments)
        for place, (one, half) in enumerate(zip(segments, halves, strict=True)):
            self._level(one, half, self._left + (place + 0.5) * width, width)

    def _level(self, segment: SegmentMotion, half: float, x: float, width: float) -> None:
        reach, turn = 0.3 * width, _turn(segment)
        normal = segment.normal_rotation.range_95 if segment.normal_rotation else None
        if normal is not None:
            low, high = (self._y(max(end, self._range[0])) for end in normal)
            self._pen.rectangle((x - reach, high, x + reach, low), self._colours.band)
        limits = MOTION_LIMITS.get(segment.levels)
        if limits is not None and limits.rotation_deg <= self._range[1]:
            y = self._y(limits.rotation_deg)
            self._line([(x - reach, y), (x + reach, y)], self._colours.muted, 1.5)
        is_over = any(one.sign is MotionSign.ROTATION for one in segment.signs)
        colour = self._colours.mark if is_over else self._colours.ink
        self._bar(x, self._y(turn - half), self._y(turn + half), colour)
        self._mark(x, self._y(turn), colour, is_over)
        place = (x, self._bottom + 8 * self._scale)
        self._pen.text(place, level_text(segment), self._colours.muted, self._letters, "ma")

    def _bar(self, x: float, low: float, high: float, colour: str) -> None:
        """Draw an interval between two heights, with caps."""
        cap = 5 * self._scale
        self._line([(x, low), (x, high)], colour, 1.5)
        for end in (low, high):
            self._line([(x - cap, end), (x + cap, end)], colour, 1.5)

    def _grid(self, ticks: Sequence[float], unit: str) -> None:
        step = ticks[1] - ticks[0]
        for tick in ticks:
            y = self._y(tick)
            self._line([(self._left, y), (self._right, y)], self._colours.grid, 1)
            text = f"{_tick_text(tick, step)}{unit_text(unit)}"
            self._pen.text(
                (self._left - 6 * self._scale, y), text, self._colours.muted, self._letters, "rm"
            )

    def _dates(self, values: Sequence[DatedValue]) -> None:
        """Write dates below the axis, as many as have room."""
        end = -math.inf
        for one in values:
            x, text = self._x(one), date_text(one.day)
            half = self._pen.textlength(text, self._letters) / 2
            x = min(max(x, self._left - 30 * self._scale + half), self._size[0] - half - 2)
            if x - half > end:
                place = (x, self._bottom + 8 * self._scale)
                self._pen.text(place, text, self._colours.muted, self._letters, "ma")
                end = x + half + 8 * self._scale

    def _curve(self, values: Sequence[DatedValue]) -> None:
        places = [(self._x(one), self._y(one.value)) for one in values]
        self._line(places, self._colours.muted, 1.5)
        for one, (x, y) in zip(values, places, strict=True):
            colour = self._colours.mark if one.is_changed else self._colours.ink
            low, high = (self._y(end) for end in one.ends)
            cap = 5 * self._scale
            self._bar(x, low, high, colour)
            self._mark(x, y, colour, one.is_changed)
            said = number_text(one.value, one.measurement.unit)
            self._pen.text((x + cap * 1.6, y - cap * 1.4), said, colour, self._letters, "lm")

    def _mark(self, x: float, y: float, colour: str, is_changed: bool) -> None:
        r = 5 * self._scale
        if is_changed:
            r *= 1.2
            self._pen.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], colour)
        else:
            self._pen.ellipse((x - r, y - r, x + r, y + r), colour)

    def _line(self, places: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        self._pen.line(list(places), colour, max(1, round(width * self._scale)))

    def _x(self, one: DatedValue) -> float:
        first, last = self._days
        share = (one.day.toordinal() - first) / (last - first) if last > first else 0.5
        inset = 26 * self._scale
        return self._left + inset + share * (self._right - self._left - 2 * inset)

    def _y(self, value: float) -> float:
        low, high = self._range
        return self._bottom - (value - low) / (high - low) * (self._bottom - self._top)


def _band(values: Sequence[DatedValue]) -> tuple[float, float] | None:
    """Return the widest error of a change about the first value; None where none is known."""
    errors = [one.change.error for one in values if one.change is not None]
    halves = [error.half_width for error in errors if error is not None]
    first = values[0].value
    return (first - max(halves), first + max(halves)) if halves else None


def _tick_text(tick: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{tick + 0.0:.{decimals}f}"
