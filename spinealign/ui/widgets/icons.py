"""Icons: line drawings in ``resources/icons``, painted in the colour of the theme."""

from __future__ import annotations

from functools import lru_cache

from PyQt6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QIcon, QIconEngine, QPainter, QPalette, QPixmap, QPixmapCache
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QApplication

from spinealign.domain.paths import resources_dir


class _LineIconEngine(QIconEngine):
    """Paints a drawing in a fixed colour, or in the palette's text colour of the moment."""

    def __init__(self, name: str, colour: str | None) -> None:
        super().__init__()
        self._name = name
        self._colour = colour

    def paint(
        self, painter: QPainter | None, rect: QRect, mode: QIcon.Mode, state: QIcon.State
    ) -> None:
        if painter is not None:
            _renderer(self._name, self._colour_for(mode)).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return _drawn(self._name, self._colour_for(mode), size.width(), size.height())

    def clone(self) -> QIconEngine:
        return _LineIconEngine(self._name, self._colour)

    def _colour_for(self, mode: QIcon.Mode) -> str:
        group = QPalette.ColorGroup.Normal
        if mode == QIcon.Mode.Disabled:
            group = QPalette.ColorGroup.Disabled
        elif self._colour is not None:
            return self._colour
        return QApplication.palette().color(group, QPalette.ColorRole.ButtonText).name()


def icon(name: str, colour: str | None = None) -> QIcon:
    """Return the icon ``resources/icons/<name>.svg``.

    Parameters
    ----------
    colour : str, optional
        ``#rrggbb``; without it the icon follows the theme's text colour.
    """
    return QIcon(_LineIconEngine(name, colour))


def application_icon() -> QIcon:
    """Return the program's own icon, in its own colours."""
    return QIcon(str(resources_dir() / "icons" / "spinealign.svg"))


def _drawn(name: str, colour: str, width_px: int, height_px: int) -> QPixmap:
    """Return a drawing in one size; a list asks for it in each of its rows, whenever it paints."""
    key = f"icon/{name}/{colour}/{width_px}x{height_px}"
    kept = QPixmapCache.find(key)
    if kept is not None:
        return kept
    pixmap = QPixmap(width_px, height_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    _renderer(name, colour).render(painter, QRectF(0, 0, width_px, height_px))
    painter.end()
    QPixmapCache.insert(key, pixmap)
    return pixmap


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_drawing(name).replace("currentColor", colour).encode()))


@lru_cache(maxsize=256)
def _drawing(name: str) -> str:
    return (resources_dir() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
