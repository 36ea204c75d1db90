"""The program's icon in the formats of each system, drawn from its one SVG."""

from __future__ import annotations

import io
import os
from pathlib import Path

from installer.identity import ROOT

DRAWING = ROOT / "resources" / "icons" / "spinealign.svg"
PNG_SIDES = (16, 22, 24, 32, 48, 64, 128, 256, 512)


def draw_icons(folder: Path) -> None:
    """Write ``<side>.png``, ``spinealign.ico`` and ``spinealign.icns`` into `folder`."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    drawn = {side: _drawn_png(side) for side in (*PNG_SIDES, 1024)}
    for side in PNG_SIDES:
        (folder / f"{side}.png").write_bytes(drawn[side])
    pictures = {side: Image.open(io.BytesIO(png)) for side, png in drawn.items()}
    small = [side for side in PNG_SIDES if side <= 256]
    pictures[256].save(
        folder / "spinealign.ico",
        sizes=[(side, side) for side in small],
        append_images=[pictures[side] for side in small],
    )
    pictures[1024].save(
        folder / "spinealign.icns",
        append_images=[pictures[side] for side in (32, 64, 128, 256, 512)],
    )


def _drawn_png(side: int) -> bytes:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PyQt6.QtCore import QBuffer, QIODevice
    from PyQt6.QtGui import QImage, QPainter
    from PyQt6.QtSvg import QSvgRenderer

    picture = QImage(side, side, QImage.Format.Format_ARGB32)
    picture.fill(0)
    painter = QPainter(picture)
    QSvgRenderer(str(DRAWING)).render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    return bytes(buffer.data())
