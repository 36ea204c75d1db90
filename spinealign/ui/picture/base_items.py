"""What all items drawn on the picture have in common: layers, halos, lines of constant width."""

from __future__ import annotations

from enum import IntEnum

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QGuiApplication, QPainter, QPen
from PyQt6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

HALO = QColor(0, 0, 0, 200)
"""Drawn below bright lines and letters, so that they are seen on every grey."""


class Layer(IntEnum):
    """What covers what on the picture, from below."""

    PICTURE = 0
    MARK = 5
    HALOS = 29
    STROKES = 30
    NAMES = 40
    VALUES = 45
    HANDLES = 50
    UNFINISHED = 60


class PictureItem(QGraphicsItem):
    """Draws in pixels of the picture, and is told which part of it is exposed.

    Parameters
    ----------
    parent : QGraphicsItem
        Whose coordinates are pixels of the picture.
    """

    def __init__(self, parent: QGraphicsItem, layer: Layer = Layer.PICTURE) -> None:
        super().__init__(parent)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setZValue(layer)

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw what is exposed."""
        if painter is not None and option is not None:
            self.draw(painter, option.exposedRect)

    def draw(self, painter: QPainter, exposed: QRectF) -> None:
        """Draw the part inside a rectangle."""
        raise NotImplementedError

    def grown(self, bounds: QRectF, margin_px: float) -> QRectF:
        """Return a rectangle wider on every side by a margin in screen pixels."""
        margin = margin_px * self._pixel_size()
        return bounds.adjusted(-margin, -margin, margin, margin)

    def pen(self, colour: QColor, width_px: float) -> QPen:
        """Return a pen for lines of constant width on screen."""
        return cosmetic_pen(colour, width_px)

    def over_halo(self, colour: QColor, width_px: float, halo_px: float) -> tuple[QPen, QPen]:
        """Return the pens for a line with a dark one below it, in the order of drawing."""
        return self.pen(HALO, halo_px), self.pen(colour, width_px)

    def remove(self) -> None:
        """Take the item off the picture."""
        scene = self.scene()
        if scene is not None:
            scene.removeItem(self)

    def on_screen(self, length: float) -> float:
        """Return how many screen pixels a length in pixels of the picture is, as it is shown."""
        return length / self._pixel_size()

    def _pixel_size(self) -> float:
        """Return how many pixels of the picture one screen pixel covers at the present zoom.

        A line of constant width on screen reaches further over the picture the smaller it
        is shown, and what is not inside the bounding rectangle is not wiped.
        """
        scene = self.scene()
        views = scene.views() if scene is not None else []
        if not views:
            return 4.0
        zoom = views[0].transform().m11()
        return 1 / max(zoom, 1e-6)


class ScreenSizedItem(PictureItem):
    """Stands at a point of the picture and has the same size on screen at every zoom."""

    def __init__(self, parent: QGraphicsItem, layer: Layer) -> None:
        super().__init__(parent, layer)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)

    def pen(self, colour: QColor, width_px: float) -> QPen:
        """Return a plain pen, because nothing is magnified here."""
        return QPen(colour, width_px)


def pixels_of_screen() -> float:
    """Return how many pixels of the finest screen one pixel of a window is."""
    app = QGuiApplication.instance()
    return app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0


def cosmetic_pen(
    colour: QColor, width_px: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine
) -> QPen:
    """Return a pen that is as wide on screen at every zoom, with round ends and corners.

    Qt counts the width of such pens in the screen's own pixels, of which a magnified desktop has
    several for one of a window's.
    """
    pen = QPen(
        colour,
        width_px * pixels_of_screen(),
        style,
        Qt.PenCapStyle.RoundCap,
        Qt.PenJoinStyle.RoundJoin,
    )
    pen.setCosmetic(True)
    return pen
