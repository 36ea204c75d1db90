"""What stands in the view while a picture is read: a small one of it, a veil, words."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSizeF, Qt
from PyQt6.QtGui import QColor, QImage, QPainter

from spinealign.ui.picture.corner_texts import CANVAS_VEIL, write_words

PREVIEW_OPACITY = 0.45
"""A small picture is darker than the one that it stands for, so that nobody reads it."""


def draw_coming(painter: QPainter, area: QRectF, words: str, small: QImage | None) -> None:
    """Write words in the middle, over a small picture of what is read where there is one."""
    if small is not None and not small.isNull():
        size = QSizeF(small.size()).scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRectF(QPointF(), size)
        target.moveCenter(area.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setOpacity(PREVIEW_OPACITY)
        painter.drawImage(target, small)
        painter.setOpacity(1.0)
    write_words(painter, area, words, Qt.AlignmentFlag.AlignCenter)


def draw_veil(painter: QPainter, area: QRectF, words: str) -> None:
    """Cover the picture before with a veil that says what is read in its place."""
    painter.fillRect(area, QColor(*CANVAS_VEIL))
    write_words(painter, area, words, Qt.AlignmentFlag.AlignCenter)
