"""Shapes of the shipped fonts in a PDF, each with the letters that it stands for.

A PDF that reportlab makes names letters, not shapes, so that joined letters (Arabic, Hindi,
Telugu) could not be copied out of it. Here each pair of a shape and its letters gets a code.
"""

from __future__ import annotations

from typing import Any

from reportlab.pdfbase import pdfdoc

from spinealign.export.fonts import NOT_DEFINED, Font

_SLANT_OF_NONE, _USUAL_STEM, _SYMBOLIC = 0, 80, 4
_BATCH = 100
"""Most mappings in one block of a ToUnicode map (PDF 32000-1, 9.10.3)."""


class EmbeddedFont:
    """The shapes of one font that one document uses."""

    def __init__(self, font: Font, name: str) -> None:
        self.font, self.name = font, name
        self._codes: dict[tuple[int, str], int] = {(NOT_DEFINED, ""): 0}

    def code(self, index: int, letters: str) -> int:
        """Return the code of a shape that stands for these letters."""
        return self._codes.setdefault((index, letters), len(self._codes))

    def addObjects(self, document: Any) -> None:  # noqa: N802 - reportlab calls it
        """Put the font into the document, when all its pages are drawn."""
        base = f"{_prefix(self.name)}+{self.font.name}"
        descendant = {
            "Type": "/Font",
            "Subtype": "/CIDFontType2",
            "BaseFont": f"/{base}",
            "CIDSystemInfo": _system_info(),
            "FontDescriptor": self._reference(document, "descriptor", self._descriptor(document)),
            "DW": 0,
            "W": self._widths(),
            "CIDToGIDMap": self._stream(document, "indices", self._indices()),
        }
        parent = {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": f"/{base}",
            "Encoding": "/Identity-H",
            "DescendantFonts": pdfdoc.PDFArray(
                [self._reference(document, "descendant", _dictionary(descendant))]
            ),
            "ToUnicode": self._stream(document, "letters", _to_unicode(list(self._codes))),
        }
        fonts = document.idToObject["BasicFonts"].dict
        fonts[self.name] = self._reference(document, "font", _dictionary(parent))

    def _descriptor(self, document: Any) -> Any:
        above, below = self.font.line_extents
        data = self.font.subset({index for index, _ in self._codes})
        return _dictionary(
            {
                "Type": "/FontDescriptor",
                "FontName": f"/{_prefix(self.name)}+{self.font.name}",
                "Flags": _SYMBOLIC,
                "FontBBox": pdfdoc.PDFArray([-1000, round(-below), 3000, round(above)]),
                "ItalicAngle": _SLANT_OF_NONE,
                "Ascent": round(above),
                "Descent": round(-below),
                "CapHeight": round(above),
                "StemV": _USUAL_STEM,
                "FontFile2": self._stream(document, "file", data, Length1=len(data)),
            }
        )

    def _widths(self) -> Any:
        widths = [round(self.font.width(index), 2) for index, _ in self._codes]
        return pdfdoc.PDFArray([0, pdfdoc.PDFArray(widths)])

    def _indices(self) -> bytes:
        return b"".join(index.to_bytes(2, "big") for index, _ in self._codes)

    def _stream(self, document: Any, what: str, content: bytes, **entries: Any) -> Any:
        stream = pdfdoc.PDFStream()
        stream.content = content
        stream.filters = [pdfdoc.PDFZCompress]
        stream.dictionary.dict.update(entries)
        return self._reference(document, what, stream)

    def _reference(self, document: Any, what: str, value: Any) -> Any:
        return document.Reference(value, f"{self.name}-{what}")


def embedded(document: Any, font: Font) -> EmbeddedFont:
    """Return a font as one document uses it, from the first time on."""
    fonts: dict[str, EmbeddedFont] = document.__dict__.setdefault("spinealign_fonts", {})
    if font.name not in fonts:
        fonts[font.name] = EmbeddedFont(font, f"S{len(fonts) + 1}")
        document.delayedFonts.append(fonts[font.name])
    return fonts[font.name]


def _dictionary(entries: dict[str, Any]) -> Any:
    return pdfdoc.PDFDictionary(entries)


def _system_info() -> Any:
    return _dictionary(
        {
            "Registry": pdfdoc.PDFString("Adobe"),
            "Ordering": pdfdoc.PDFString("Identity"),
            "Supplement": 0,
        }
    )


def _prefix(name: str) -> str:
    """Return the six capitals that mark a font of which not all shapes are there."""
    return f"SPINE{chr(ord('A') + int(name[1:]) % 26)}"


def _to_unicode(codes: list[tuple[int, str]]) -> bytes:
    pairs = [(code, letters) for code, (_, letters) in enumerate(codes) if letters]
    blocks = []
    for start in range(0, len(pairs), _BATCH):
        batch = pairs[start : start + _BATCH]
        lines = [f"<{code:04X}> <{_utf16(letters)}>" for code, letters in batch]
        blocks.append("\n".join([f"{len(batch)} beginbfchar", *lines, "endbfchar"]))
    return _MAP.format("\n".join(blocks)).encode("ascii")


def _utf16(letters: str) -> str:
    return letters.encode("utf-16-be", errors="replace").hex().upper()


_MAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{}
endcmap
CMapName currentdict /CMap defineresource pop
end
end"""
