"""Text and legend strips above and below an exported image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import reportlab
from PIL import Image, ImageDraw, ImageFont

from spinealign.imaging.render import Colour, heat_colours

BACKGROUND: Colour = (22, 24, 28)
_INK: Colour = (235, 237, 240)
_MUTED: Colour = (172, 178, 186)
_AMBER: Colour = (255, 193, 7)
_BLACK: Colour = (0, 0, 0)
_NICE_LENGTHS = (1, 2, 5)
_MAX_BAR_SHARE = 0.3
_GRADIENT_GREY = 110

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=32)
def letters(size_px: int, bold: bool = False) -> Font:
    """Return Bitstream Vera, which comes with ReportLab, or Pillow's own font without it.

    Pillow's own font knows neither "²" nor "–".
    """
    name = "VeraBd.ttf" if bold else "Vera.ttf"
    file = Path(reportlab.__file__).parent / "fonts" / name
    if file.is_file():
        return ImageFont.truetype(str(file), size_px)
    return ImageFont.load_default(size_px)


def unit_px(longest_px: int) -> int:
    """Return the height of letters that suits a picture with this longest side."""
    return max(14, round(longest_px / 64))


def stack(rows: Sequence[Image.Image]) -> Image.Image:
    """Put pictures below each other, centred, on the dark background."""
    width = max(row.width for row in rows)
    canvas = Image.new("RGB", (width, sum(row.height for row in rows)), BACKGROUND)
    top = 0
    for row in rows:
        canvas.paste(row, ((width - row.width) // 2, top))
        top += row.height
    return canvas


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Put two pictures beside each other on the dark background, their tops level."""
    size = (left.width + right.width, max(left.height, right.height))
    canvas = Image.new("RGB", size, BACKGROUND)
    canvas.paste(left, (0, 0))
    canvas.paste(right, (left.width, 0))
    return canvas


def band(text: str, width: int, unit: int) -> Image.Image:
    """Draw a warning that nobody can miss: bold black on amber, the full width."""
    return _text_block([text], letters(unit, bold=True), width, unit, _BLACK, _AMBER)


def footer(lines: Iterable[str], width: int, unit: int) -> Image.Image:
    """Draw small print, each line wrapped to the width."""
    return _text_block(lines, letters(max(11, round(unit * 0.8))), width, unit, _MUTED, BACKGROUND)


def legend(items: Sequence[tuple[Colour, str]], width: int, unit: int) -> Image.Image:
    """Draw coloured squares with their names, as many rows as needed."""
    font, pad, swatch = letters(unit), unit // 2, round(unit * 0.9)
    rows: list[list[tuple[int, Colour | None, str]]] = [[]]
    x = pad
    for colour, text in _fitting(
        items, lambda words: swatch + 3 * pad + font.getlength(words), width
    ):
        needed = swatch + pad + round(font.getlength(text)) + 2 * pad
        if rows[-1] and x + needed > width:
            rows.append([])
            x = pad
        rows[-1].append((x, colour, text))
        x += needed
    height = round(unit * 1.6)
    strip = Image.new("RGB", (width, len(rows) * height + pad), BACKGROUND)
    draw = ImageDraw.Draw(strip)
    for i, row in enumerate(rows):
        middle = i * height + (height + pad) // 2
        for left, colour, text in row:
            top = middle - swatch // 2
            if colour is not None:
                draw.rectangle((left, top, left + swatch, top + swatch), fill=colour)
            draw.text((left + swatch + pad, middle), text, font=font, fill=_INK, anchor="lm")
    return strip


def _fitting(
    items: Sequence[tuple[Colour, str]], needed: Callable[[str], float], width: int
) -> Iterator[tuple[Colour | None, str]]:
    """Yield names that have room; what a line has no room for follows without its square."""
    for item_colour, text in items:
        colour: Colour | None = item_colour
        line = ""
        for word in text.split(" "):
            longer = f"{line} {word}".strip()
            if line and needed(longer) > width:
                yield colour, line
                colour, longer = None, word
            line = longer
        yield colour, line


def scale_bar(px_per_mm: float, image_width: int, width: int, unit: int, note: str) -> Image.Image:
    """Draw a bar of a round length in millimetres at the picture's own scale.

    Parameters
    ----------
    px_per_mm : float
        Picture pixels in a millimetre, horizontally.
    image_width : int
        The bar takes at most three tenths of it.
    width, unit : int
        Of the strip and of its letters, in picture pixels.
    note : str
        Stands behind the length, such as "at the detector".
    """
    length_mm = _round_length(image_width * _MAX_BAR_SHARE / px_per_mm)
    pad, tick = unit // 2, max(3, unit // 4)
    strip = Image.new("RGB", (width, round(unit * 1.6)), BACKGROUND)
    draw = ImageDraw.Draw(strip)
    left, right = pad, pad + round(length_mm * px_per_mm)
    middle, line = strip.height // 2, max(2, unit // 8)
    draw.line((left, middle, right, middle), fill=_INK, width=line)
    for x in (left, right):
        draw.line((x, middle - tick, x, middle + tick), fill=_INK, width=line)
    label = " ".join(filter(None, (f"{length_mm:g} mm", note)))
    draw.text((right + pad, middle), label, font=letters(unit), fill=_INK, anchor="lm")
    return strip


def heat_bar(label: str, width: int, unit: int) -> Image.Image:
    """Draw the heat map's colours from weak to strong, with what they speak for."""
    font, pad = letters(unit), unit // 2
    strip = Image.new("RGB", (width, round(unit * 2)), BACKGROUND)
    draw = ImageDraw.Draw(strip)
    middle, x = strip.height // 2, pad
    for part in ("weak", _gradient(max(60, width // 5), unit), "strong", label):
        if isinstance(part, str):
            draw.text((x, middle), part, font=font, fill=_INK, anchor="lm")
            x += round(font.getlength(part)) + pad
        else:
            strip.paste(part, (x, middle - part.height // 2))
            x += part.width + pad
    return strip


def _gradient(width: int, height: int) -> Image.Image:
    ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    colours = heat_colours(ramp).astype(np.float32)
    alpha = colours[..., 3:] / 255
    blended = _GRADIENT_GREY * (1 - alpha) + colours[..., :3] * alpha
    return Image.fromarray(np.rint(blended).astype(np.uint8))


def _round_length(longest_mm: float) -> float:
    decade = 10.0 ** math.floor(math.log10(longest_mm))
    return max(n * decade for n in _NICE_LENGTHS if n * decade <= longest_mm)


def _text_block(
    lines: Iterable[str], font: Font, width: int, unit: int, colour: Colour, background: Colour
) -> Image.Image:
    pad, pitch = unit // 2, round(font.getbbox("Ég")[3] * 1.2)
    wrapped = [part for line in lines for part in _wrap(line, font, width - 2 * pad)]
    strip = Image.new("RGB", (width, len(wrapped) * pitch + 2 * pad), background)
    draw = ImageDraw.Draw(strip)
    for i, text in enumerate(wrapped):
        draw.text((pad, pad + i * pitch + pitch // 2), text, font=font, fill=colour, anchor="lm")
    return strip


def _wrap(text: str, font: Font, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
