"""A chart that the export draws, shown in the colours and at the resolution of the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QImage, QPixmap, QResizeEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy

from spinealign.ui.widgets.theme import Theme

if TYPE_CHECKING:
    from PIL import Image

    from spinealign.export.course_picture import ChartColours

Draw = Callable[..., "Image.Image"]
"""Takes the size in pixels, and `scale` and `colours` by name."""


class DrawnChart(QLabel):
    """Draws anew in the size that there is, and says in words what it shows."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: Draw | None = None
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setMinimumSize(200, 140)
        theme.changed.connect(self._draw)

    def show_chart(self, draw: Draw | None, words: str = "") -> None:
        """Show a chart; nothing without one."""
        self._shown = draw
        self.setAccessibleName(words)
        self.setToolTip(words)
        self._draw()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Draw in the new size."""
        super().resizeEvent(event)
        self._draw()

    def sizeHint(self) -> QSize:
        """Return a size that leaves the table its room."""
        return QSize(400, 220)

    def _draw(self) -> None:
        if self._shown is None or self.width() < 2 or self.height() < 2:
            self.clear()
            return
        ratio = self.devicePixelRatioF()
        size = round(self.width() * ratio), round(self.height() * ratio)
        drawn = self._shown(size, scale=ratio, colours=self._colours())
        pixmap = QPixmap.fromImage(_as_image(drawn))
        pixmap.setDevicePixelRatio(ratio)
        self.setPixmap(pixmap)

    def _colours(self) -> ChartColours:
        from spinealign.export.course_picture import ChartColours

        own = self._theme.colours
        return ChartColours(own.panel, own.text, own.muted, own.border, own.info_panel, own.warning)


def _as_image(picture: Image.Image) -> QImage:
    data = picture.convert("RGB").tobytes()
    width, height = picture.size
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
