"""The fonts that ship with the program: which one has a letter, and what its shapes are.

Noto Sans for Latin, Greek and Cyrillic, a Noto font for each other script, NanumSquare for
Korean, Droid Sans Fallback for Chinese and Japanese (`resources/fonts/LICENCES.md`).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

import uharfbuzz as hb

from spinealign.domain.paths import resources_dir

_SCRIPTS = (
    "Arabic", "Hebrew", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil",
    "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Khmer", "Myanmar", "Armenian",
    "Georgian", "Ethiopic",
)  # fmt: skip
FIRST = ("NotoSans-Regular", "NotoSans-Bold")
"""The font asked first, regular and bold."""
_OTHERS = (
    *(f"NotoSans{script}-Regular" for script in _SCRIPTS), "NanumSquareR", "DroidSansFallbackFull",
)  # fmt: skip
_SUBSET_FLAGS = (
    hb.SubsetFlags.RETAIN_GIDS | hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
)
_ONLY_FOR_SHAPING = ("GSUB", "GPOS", "GDEF", "vhea", "vmtx", "name", "post", "OS/2", "cmap")
_WITHOUT_INK = ("Z", "C")
NOT_DEFINED = 0
"""Glyph of every font for a letter it lacks: an empty box."""


@dataclass(frozen=True, eq=False)
class Glyph:
    """One shape of a font, placed.

    Parameters
    ----------
    index : int
        In the font.
    cluster : int
        Index in the text of the first letter that the shape belongs to.
    advance, x_offset, y_offset : float
        To the next shape, and of this one, in thousandths of the font's size.
    """

    index: int
    cluster: int
    advance: float
    x_offset: float
    y_offset: float


class Font:
    """One font file; opened once, and only when a letter asks for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        path = resources_dir() / "fonts" / f"{name}.ttf"
        self.face = hb.Face(hb.Blob.from_file_path(str(path)))
        self._font = hb.Font(self.face)
        self._thousandths = 1000 / self.face.upem
        self.space = int(self._font.get_nominal_glyph(ord(" ")) or NOT_DEFINED)

    def has(self, letter: str) -> bool:
        """Whether the font has a shape for a letter; NanumSquare lists Chinese ones without."""
        glyph = self._font.get_nominal_glyph(ord(letter))
        if not glyph:
            return False
        extents = self._font.get_glyph_extents(glyph)
        return bool(extents and extents.width) or unicodedata.category(letter)[0] in _WITHOUT_INK

    def shape(self, text: str, is_right_to_left: bool) -> list[Glyph]:
        """Return the shapes of a text in one script, from left to right as they stand on paper."""
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if is_right_to_left else "ltr"
        hb.shape(self._font, buffer)
        unit = self._thousandths
        return [
            Glyph(i.codepoint, i.cluster, p.x_advance * unit, p.x_offset * unit, p.y_offset * unit)
            for i, p in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
        ]

    def width(self, index: int) -> float:
        """Return how far the next shape stands by default, in thousandths of the size."""
        return float(self._font.get_glyph_h_advance(index) * self._thousandths)

    @property
    def line_extents(self) -> tuple[float, float]:
        """Height above and depth below the base line, in thousandths of the size."""
        extents = self._font.get_font_extents("ltr")
        return extents.ascender * self._thousandths, -extents.descender * self._thousandths

    def subset(self, indices: set[int]) -> bytes:
        """Return a font file with these shapes only, under the same indices."""
        wanted = hb.SubsetInput()
        wanted.glyph_set.update(indices | {NOT_DEFINED})
        wanted.drop_table_tag_set.update(int.from_bytes(tag.encode()) for tag in _ONLY_FOR_SHAPING)
        wanted.flags = _SUBSET_FLAGS
        return bytes(hb.subset(self.face, wanted).blob.data)


font = cache(Font)
"""Return a font by its name."""


@lru_cache(maxsize=4096)
def font_for(letter: str, is_bold: bool = False) -> Font:
    """Return the first font that has a letter, or the font whose box stands for it."""
    first = font(FIRST[is_bold])
    if first.has(letter):
        return first
    return next((found for name in _OTHERS if (found := font(name)).has(letter)), first)
