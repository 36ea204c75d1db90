"""Pictures of the report, as JPEG: what was found, and the institution's mark."""

from __future__ import annotations

import io
from weakref import WeakKeyDictionary

from PIL import Image

from spinealign.domain.findings import Analysis
from spinealign.export.overlay import overlay_picture

_MOST_PX, _LOGO_PX = 1400, 600
_QUALITY = 90

Encoded = tuple[tuple[int, int], bytes]
"""(width, height) in pixels, and the JPEG."""

_OVERLAYS: WeakKeyDictionary[Analysis, Encoded] = WeakKeyDictionary()


def overlay_jpeg(analysis: Analysis) -> Encoded:
    """Return what was found, drawn for paper; kept as long as the analysis, for a live preview."""
    if analysis not in _OVERLAYS:
        drawn = overlay_picture(analysis, paper=True)
        _OVERLAYS[analysis] = drawn.size, jpeg(drawn, _MOST_PX)
    return _OVERLAYS[analysis]


def logo_jpeg(png: bytes) -> Encoded | None:
    """Return an institution's mark on white; None for none, and for a file that is no picture."""
    if not png:
        return None
    try:
        with Image.open(io.BytesIO(png)) as opened:
            logo = opened.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    paper = Image.new("RGB", logo.size, "white")
    paper.paste(logo, mask=logo.getchannel("A"))
    return paper.size, jpeg(paper, _LOGO_PX)


def jpeg(drawn: Image.Image, longest_px: int) -> bytes:
    """Return a picture no longer than this on its longer side."""
    reduced = drawn.convert("RGB") if drawn.mode not in ("RGB", "L") else drawn
    if max(reduced.size) > longest_px:
        scale = longest_px / max(reduced.size)
        size = (max(1, round(reduced.width * scale)), max(1, round(reduced.height * scale)))
        reduced = reduced.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    reduced.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()
