"""Text in any script on a page: fonts chosen letter by letter, shaped, ordered, broken into lines.

reportlab's own paragraphs know one font and no joined letters; `Text` takes their place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Any

from reportlab.lib.colors import Color, HexColor, black
from reportlab.platypus import Flowable

from spinealign.export.bidirectional import base_level, levels, visual_order
from spinealign.export.fonts import FIRST, Font, Glyph, font_for
from spinealign.export.pdf_fonts import EmbeddedFont, embedded
from spinealign.wording import safe_text

GREY = HexColor("#5a6068")
ELLIPSIS = "…"
_FALSE_BOLD = 0.02
"""Line about the shapes of a font without bold letters, in sizes of the font."""
_BASE_LINE = 0.76
"""Where the base line lies in a line, as a share of its height from the top."""
_BREAK_AFTER = " -/\u2013\u2014\u200b"
_NO_BREAK_SPACE = "\u00a0"
_NO_BREAK_BEFORE = "、。，．・：；？！）」』】〉》々ーぁぃぅぇぉっゃゅょァィゥェォッャュョ"
_LEAST_LINES = 2
"""Of a paragraph on a page, where it goes over two."""
_LEFT_TO_RIGHT = 0
_EAST_ASIAN_WIDE = ("W", "F")


@dataclass(frozen=True)
class TextStyle:
    """How a text looks.

    Parameters
    ----------
    size, leading : float
        Of the letters, and from line to line, in points.
    align : {"left", "right", "centre", "start"}
        "start" is the right for text that runs from right to left.
    space_before, space_after : float
        In points.
    """

    size: float = 9
    leading: float = 12
    is_bold: bool = False
    colour: Color = black
    align: str = "start"
    space_before: float = 0
    space_after: float = 0

    def but(self, **changes: Any) -> TextStyle:
        """Return this style with changes."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Span:
    """A piece of text in one style."""

    text: str
    style: TextStyle


@dataclass(frozen=True, eq=False)
class Cluster:
    """Letters that cannot be parted, with their shapes.

    `width` is in points; `level` is even from left to right; the shapes stand as on paper.
    """

    letters: str
    glyphs: tuple[Glyph, ...]
    font: Font
    style: TextStyle
    level: int
    width: float

    @property
    def is_space(self) -> bool:
        """Whether it leaves no mark at the end of a line."""
        return self.letters.isspace()


Line = list[Cluster]


class Text(Flowable):  # type: ignore[misc]
    """A paragraph of spans; a new line begins at each line feed.

    Parameters
    ----------
    spans : sequence of Span
    style : TextStyle
        Of the lines.
    most_lines : int, optional
        What goes beyond them is cut, with an ellipsis.
    """

    def __init__(
        self, spans: Sequence[Span], style: TextStyle, most_lines: int | None = None
    ) -> None:
        super().__init__()
        self.style, self._most_lines = style, most_lines
        self._paragraphs = [_paragraph(tuple(part)) for part in _paragraphs(spans)]
        self._rest: list[tuple[Line, int]] | None = None
        self._lines: list[tuple[Line, int]] = []
        self.spaceBefore, self.spaceAfter = style.space_before, style.space_after
        self.keepWithNext = 0

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        """Break the text into lines; return its size in points."""
        if self._rest is None:
            self._lines = [pair for each in self._paragraphs for pair in each.lines(width)]
            self._cut(width)
        else:
            self._lines = self._rest
        self.width, self.height = width, len(self._lines) * self.style.leading
        return self.width, self.height

    def _cut(self, width: float) -> None:
        most = self._most_lines
        if most is None or len(self._lines) <= most:
            return
        last, base = self._lines[most - 1]
        self._lines[most - 1 :] = [(_with_ellipsis(last, self.style, width), base)]

    def split(self, width: float, height: float) -> list[Flowable]:
        """Return what fits into `height`, and what does not; nothing where no line fits."""
        self.wrap(width, height)
        count = int((height + _ROUNDING) // self.style.leading)
        if count >= len(self._lines):
            return [self]
        # No line stands alone on either page.
        count = min(count, len(self._lines) - _LEAST_LINES)
        if count < _LEAST_LINES:
            return []
        return [self._part(self._lines[:count]), self._part(self._lines[count:])]

    def minWidth(self) -> float:  # noqa: N802 - reportlab calls it
        """Return the width of the widest word, in points: less would tear it."""
        return max((each.widest_word for each in self._paragraphs), default=0.0)

    def natural_width(self) -> float:
        """Return the width of the longest paragraph on one line, in points."""
        return max((each.width for each in self._paragraphs), default=0.0)

    def draw(self) -> None:
        """Draw on the canvas that reportlab set."""
        y = self.height - _BASE_LINE * self.style.leading
        for line, base in self._lines:
            draw_line(self.canv, line, self._start(line, base), y)
            y -= self.style.leading

    def _start(self, line: Line, base: int) -> float:
        room = self.width - _line_width(line)
        align = self.style.align
        if align == "centre":
            return room / 2
        return room if align == "right" or (align == "start" and base) else 0.0

    def _part(self, lines: list[tuple[Line, int]]) -> Text:
        part = Text((), self.style)
        part._rest = lines
        return part


def text_on_line(text: str, style: TextStyle, width: float | None = None) -> Line:
    """Return text as one line, cut with an ellipsis where it is wider than `width` points.

    What it begins with stands at the left, whatever its direction.
    """
    line = _clusters([Span(text.replace("\n", " "), style)], base=_LEFT_TO_RIGHT)
    if width is None or _line_width(line) <= width:
        return line
    return _with_ellipsis(line, style, width)


def _with_ellipsis(line: Line, style: TextStyle, width: float) -> Line:
    mark = _clusters([Span(ELLIPSIS, style)])
    room, kept = width - _line_width(mark), []
    for cluster in line:
        room -= cluster.width
        if room < 0:
            break
        kept.append(cluster)
    return [*kept, *mark]


def draw_text(canvas: Any, text: str, style: TextStyle, x: float, y: float, width: float) -> None:
    """Draw one line of text between `x` and ``x + width`` with its base line at `y`."""
    line = text_on_line(text, style, width)
    room = width - _line_width(line)
    share = {"right": 1.0, "centre": 0.5}.get(style.align, 0.0)
    draw_line(canvas, line, x + share * room, y)


def draw_line(canvas: Any, line: Line, x: float, y: float) -> None:
    """Draw clusters from `x` on, in the order in which they are seen."""
    starts = {}
    for at in visual_order([cluster.level for cluster in line]):
        starts[at] = x
        x += line[at].width
    # Runs are written in the order they are read, wherever they stand: so they are copied.
    for (font, style, level), run in groupby(enumerate(line), key=lambda pair: _look(pair[1])):
        places = [at for at, _ in run]
        left = min(starts[at] for at in places)
        seen = [line[at] for at in (reversed(places) if level % 2 else places)]
        _draw_run(canvas, embedded(canvas._doc, font), style, seen, left, y)


def _look(cluster: Cluster) -> tuple[Font, TextStyle, int]:
    return cluster.font, cluster.style, cluster.level


def _draw_run(
    canvas: Any, font: EmbeddedFont, style: TextStyle, run: Line, x: float, y: float
) -> None:
    canvas.setFillColor(style.colour)
    is_false_bold = style.is_bold and font.font.name not in FIRST
    mode = f"2 Tr {_FALSE_BOLD * style.size:.3f} w " if is_false_bold else ""
    if is_false_bold:
        canvas.setStrokeColor(style.colour)
    codes = " ".join(_shown(font, run))
    after = " 0 Tr" if is_false_bold else ""
    canvas._code.append(
        f"BT /{font.name} {style.size:g} Tf {mode}{x:.3f} {y:.3f} Td {codes}{after} ET"
    )


def _shown(font: EmbeddedFont, run: Line) -> Iterator[str]:
    """Yield PDF operators that show shapes; moves between them are in thousandths of the size."""
    rise, pending = 0.0, ["["]
    for cluster in run:
        for glyph, letters in _with_letters(cluster):
            if glyph.y_offset != rise:
                rise = glyph.y_offset
                yield from (*pending, "] TJ", f"{rise * cluster.style.size / 1000:.3f} Ts")
                pending = ["["]
            code = font.code(glyph.index, letters)
            after = font.font.width(glyph.index) - glyph.advance + glyph.x_offset
            pending += [_move(-glyph.x_offset), f"<{code:04X}>", _move(after)]
    yield from (*pending, "] TJ")
    if rise:
        yield "0 Ts"


def _move(thousandths: float) -> str:
    return f"{thousandths:.1f}" if abs(thousandths) >= 0.05 else ""


def _with_letters(cluster: Cluster) -> list[tuple[Glyph, str]]:
    """Share the letters of a cluster among its shapes, so that copying gives them in order.

    Viewers turn text round that runs from right to left, so that there no shape may stand for
    two letters: a blank one without width stands for each letter too many.
    """
    glyphs, letters = list(cluster.glyphs), cluster.letters
    if cluster.level % 2:
        blank = Glyph(cluster.font.space, 0, 0.0, 0.0, glyphs[0].y_offset)
        glyphs = [blank] * (len(letters) - len(glyphs)) + glyphs
    count = len(glyphs)
    shared = [*letters[: count - 1], letters[count - 1 :]]
    shared += [""] * (count - len(shared))
    return list(zip(glyphs, shared[::-1] if cluster.level % 2 else shared, strict=True))


def _paragraphs(spans: Sequence[Span]) -> Iterator[list[Span]]:
    current: list[Span] = []
    for span in spans:
        first, *others = span.text.split("\n")
        current.append(Span(first, span.style))
        for text in others:
            yield current
            current = [Span(text, span.style)]
    if current:
        yield current


@lru_cache(maxsize=4096)
def _paragraph(spans: tuple[Span, ...]) -> _Paragraph:
    """Return text between two line feeds; reports say most of it more than once."""
    return _Paragraph(spans)


class _Paragraph:
    """Text between two line feeds; it never changes."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.base = base_level("".join(span.text for span in spans))
        self._clusters = _clusters(spans)
        self._words = list(_words(self._clusters))
        self._widths = [_line_width(word) for word in self._words]
        self._shown_widths = [_line_width(_without_end(word)) for word in self._words]
        self.width = _line_width(self._clusters)

    @property
    def widest_word(self) -> float:
        """What may not be parted, in points."""
        return max(self._shown_widths, default=0.0)

    def lines(self, width: float) -> Iterator[tuple[Line, int]]:
        """Yield lines no wider than `width` points, with the level of the paragraph."""
        line: Line = []
        taken = 0.0
        for word, whole, shown in zip(self._words, self._widths, self._shown_widths, strict=True):
            if line and taken + shown > width + _ROUNDING:
                yield _without_end(line), self.base
                line, taken = [], 0.0
            line = [*line, *word]
            # A word that is wider than a line begins one.
            while shown > width + _ROUNDING and len(line) > 1:
                count = _fitting(line, width)
                yield line[:count], self.base
                line = line[count:]
                whole, shown = _line_width(line), _line_width(_without_end(line))
            taken += whole
        yield _without_end(line), self.base


_ROUNDING = 0.01


def _fitting(line: Line, width: float) -> int:
    total = 0.0
    for count, cluster in enumerate(line):
        total += cluster.width
        if total > width:
            return max(count, 1)
    return len(line)


def _words(clusters: Line) -> Iterator[Line]:
    """Yield what may not be parted over two lines, unless it is wider than a line."""
    word: Line = []
    for cluster in clusters:
        if word and _may_break(word, cluster):
            yield word
            word = []
        word.append(cluster)
    if word:
        yield word


def _may_break(word: Line, after: Cluster) -> bool:
    before = word[-1]
    if after.is_space or after.letters in _NO_BREAK_BEFORE:
        return False
    if before.letters[-1] in _BREAK_AFTER:
        return not _is_minus(word)
    return _is_wide(before) or _is_wide(after)


def _is_minus(word: Line) -> bool:
    """Whether the last cluster is the sign of a number that follows."""
    follows_word = len(word) > 1 and word[-2].letters[-1].isalnum()
    return word[-1].letters[-1] == "-" and not follows_word


def _is_wide(cluster: Cluster) -> bool:
    letter = cluster.letters[0]
    # Korean parts words at spaces.
    is_hangul = "\uac00" <= letter <= "\ud7a3"
    return unicodedata.east_asian_width(letter) in _EAST_ASIAN_WIDE and not is_hangul


def _without_end(line: Line) -> Line:
    end = len(line)
    while end and line[end - 1].is_space:
        end -= 1
    return line[:end]


def _line_width(line: Sequence[Cluster]) -> float:
    return sum(cluster.width for cluster in line)


def _clusters(spans: Sequence[Span], base: int | None = None) -> Line:
    """Shape text; clusters in the order they are read."""
    spans = [replace(span, text=_printable(span.text)) for span in spans]
    text = "".join(span.text for span in spans)
    styles = [span.style for span in spans for _ in span.text]
    text_levels = levels(text, base_level(text) if base is None else base)
    fonts = _fonts(text, styles)
    keys = list(zip(map(id, fonts), map(id, styles), text_levels, strict=True))
    found: Line = []
    for _, run in groupby(range(len(text)), key=lambda at: keys[at]):
        places = list(run)
        first = places[0]
        letters = text[first : places[-1] + 1]
        found += _shaped(letters, fonts[first], styles[first], text_levels[first])
    return found


def _printable(text: str) -> str:
    return _NO_BREAK_SPACE.join(map(safe_text, text.split(_NO_BREAK_SPACE)))


@lru_cache(maxsize=4096)
def _shaped(letters: str, font: Font, style: TextStyle, level: int) -> tuple[Cluster, ...]:
    glyphs = font.shape(letters, is_right_to_left=level % 2 == 1)
    ordered = sorted(glyphs, key=lambda glyph: glyph.cluster)
    starts = sorted({glyph.cluster for glyph in glyphs})
    by_start = {start: tuple(same) for start, same in groupby(ordered, lambda one: one.cluster)}
    unit = style.size / 1000
    return tuple(
        Cluster(
            letters[start:end],
            by_start[start],
            font,
            style,
            level,
            sum(glyph.advance for glyph in by_start[start]) * unit,
        )
        for start, end in zip(starts, [*starts[1:], len(letters)], strict=True)
    )


def _fonts(text: str, styles: Sequence[TextStyle]) -> list[Font]:
    """Return the font of each letter; signs and marks stay in the font of the letter before."""
    found: list[Font] = []
    for letter, style in zip(text, styles, strict=True):
        is_letter = unicodedata.category(letter)[0] == "L"
        before = found[-1] if found else None
        is_same_weight = before is not None and (
            before.name not in FIRST or before.name == FIRST[style.is_bold]
        )
        if before is not None and not is_letter and is_same_weight and before.has(letter):
            found.append(before)
        else:
            found.append(font_for(letter, style.is_bold))
    return found
