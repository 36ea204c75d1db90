"""The image viewer: pan, zoom, window and level, and what lies under the cursor."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PyQt6.QtWidgets import QFrame, QGraphicsView, QWidget

from spinealign.ui.display import DisplayImage, DisplayOverlay, Window
from spinealign.ui.picture_scene import PictureScene

CANVAS = "#07090c"
CANVAS_TEXT = "#dbe3ec"
CANVAS_VEIL = (7, 9, 12, 150)
"""Behind words on the picture, which may be of any grey."""

ZOOM_STEP = 1.25
SMALLEST_ZOOM, LARGEST_ZOOM = 0.02, 64.0
WINDOW_DRAG_SHARE = 1 / 350
"""Share of the picture's default width that one pixel of mouse movement is worth."""
SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True)
class PixelReading:
    """What lies under the cursor; `row` and `col` count from 0 at the top left."""

    row: int
    col: int
    value: float
    is_hounsfield: bool
    structure: str | None


class Viewer(QGraphicsView):
    """Shows one picture; the mouse and a few methods move about in it.

    Left-drag pans, right-drag changes the window (across) and level (up and down),
    the wheel zooms about the cursor, a double click fits the picture to the view.
    """

    zoom_changed = pyqtSignal(float)
    pixel_read = pyqtSignal(object)
    overlay_toggle_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = PictureScene(self)
        self.setScene(self.picture)
        self._placeholder = ""
        self._is_fitted = True
        self._drag_from: QPoint | None = None
        self._drag_button = Qt.MouseButton.NoButton
        self._set_up()
        self.picture.window_changed.connect(self._refresh)

    def _set_up(self) -> None:
        self.setAccessibleName("Image viewer")
        self.setAccessibleDescription("Shows the picture and the structures found on it")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setBackgroundBrush(QColor(CANVAS))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 160)
        # Files dropped on the picture belong to the window.
        self.setAcceptDrops(False)
        viewport = self.viewport()
        assert viewport is not None
        viewport.setAcceptDrops(False)

    def show_image(self, display: DisplayImage | None, placeholder: str = "") -> None:
        """Show another picture, fitted to the view, or a sentence where there is none."""
        self._placeholder = placeholder
        self.picture.show_image(display)
        self.pixel_read.emit(None)
        self.fit()

    def show_overlay(self, overlay: DisplayOverlay) -> None:
        """Put what an analysis found onto the picture."""
        self.picture.show_overlay(overlay)

    @property
    def zoom(self) -> float:
        """Screen pixels for one picture pixel, horizontally."""
        return self.transform().m11() * self.devicePixelRatioF()

    def fit(self) -> None:
        """Show the whole picture, and keep doing so when the view changes its size."""
        self._is_fitted = True
        if self.picture.display is not None:
            self.fitInView(self.picture.picture_rect, Qt.AspectRatioMode.KeepAspectRatio)
            self._limit_zoom()
        self.zoom_changed.emit(self.zoom)

    def zoom_to(self, zoom: float) -> None:
        """Set `zoom`; 1 shows one picture pixel as one screen pixel."""
        self._zoom_by(zoom / self.zoom, self._middle())

    def zoom_in(self) -> None:
        """Magnify about the middle of the view."""
        self._zoom_by(ZOOM_STEP, self._middle())

    def zoom_out(self) -> None:
        """Shrink about the middle of the view."""
        self._zoom_by(1 / ZOOM_STEP, self._middle())

    def drag_window(self, across: int, down: int) -> None:
        """Change the window as a right-drag by so many screen pixels does."""
        display = self.picture.display
        if display is None:
            return
        unit = display.default_window[1] * WINDOW_DRAG_SHARE
        centre, width = self.picture.window
        self.picture.set_window((centre + down * unit, max(width + across * unit, unit)))

    def read_pixel(self, where: QPoint) -> PixelReading | None:
        """Return what lies at a place of the view, or None beside the picture."""
        display = self.picture.display
        if display is None:
            return None
        point = self.mapToScene(where)
        row, col = int(point.y() // display.row_stretch), int(point.x() // 1)
        rows, cols = display.image.shape
        if not (0 <= row < rows and 0 <= col < cols):
            return None
        value = float(display.image.pixels[row, col])
        structure = self.picture.structure_at(row, col)
        return PixelReading(row, col, value, display.image.is_hounsfield, structure)

    def _zoom_by(self, factor: float, about: QPoint) -> None:
        """Zoom so that what lies at `about` (view coordinates) stays there."""
        if self.picture.display is None:
            return
        self._is_fitted = False
        limited = min(max(self.zoom * factor, SMALLEST_ZOOM), LARGEST_ZOOM) / self.zoom
        held = self.mapToScene(about)
        self.scale(limited, limited)
        self._scroll_by(self.mapFromScene(held) - about)
        self.zoom_changed.emit(self.zoom)

    def _scroll_by(self, moved: QPoint) -> None:
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        assert across is not None
        assert down is not None
        across.setValue(across.value() + moved.x())
        down.setValue(down.value() + moved.y())

    def _middle(self) -> QPoint:
        viewport = self.viewport()
        return viewport.rect().center() if viewport is not None else QPoint()

    def _limit_zoom(self) -> None:
        limited = min(max(self.zoom, SMALLEST_ZOOM), LARGEST_ZOOM)
        if limited != self.zoom:
            factor = limited / self.devicePixelRatioF()
            self.setTransform(QTransform.fromScale(factor, factor))

    def _refresh(self) -> None:
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom about the cursor."""
        if event is not None and event.angleDelta().y():
            factor = ZOOM_STEP ** (event.angleDelta().y() / 120)
            self._zoom_by(factor, event.position().toPoint())
            event.accept()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to pan (left or middle button) or to change the window (right button)."""
        if event is None or self._drag_from is not None:
            return
        self._drag_from, self._drag_button = event.position().toPoint(), event.button()
        is_window = event.button() == Qt.MouseButton.RightButton
        shape = Qt.CursorShape.SizeAllCursor if is_window else Qt.CursorShape.ClosedHandCursor
        self.setCursor(shape)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Pan, change the window, or read the pixel under the cursor."""
        if event is None:
            return
        here = event.position().toPoint()
        if self._drag_from is not None:
            moved, self._drag_from = here - self._drag_from, here
            self._drag(moved)
        self.pixel_read.emit(self.read_pixel(here))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End a drag."""
        if event is not None and event.button() == self._drag_button:
            self._drag_from = None
            self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Fit the picture to the view."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.fit()

    def leaveEvent(self, event: QEvent | None) -> None:
        """Nothing is under the cursor any more."""
        self.pixel_read.emit(None)
        super().leaveEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep a fitted picture fitted."""
        super().resizeEvent(event)
        if self._is_fitted:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Toggle the overlay with the space bar; arrows pan.

        The space bar is no shortcut of the whole window because it also presses buttons.
        """
        if event is not None and event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.overlay_toggle_requested.emit()
            return
        super().keyPressEvent(event)

    def _drag(self, moved: QPoint) -> None:
        if self._drag_button == Qt.MouseButton.RightButton:
            self.drag_window(moved.x(), moved.y())
            return
        self._scroll_by(-moved)
        self._is_fitted = False

    def drawForeground(self, painter: QPainter | None, rect: QRectF) -> None:
        """Write window, zoom and scale over the picture."""
        viewport = self.viewport()
        if painter is None or viewport is None:
            return
        painter.save()
        painter.resetTransform()
        area = QRectF(viewport.rect())
        display = self.picture.display
        if display is None:
            _write(painter, area, self._placeholder, Qt.AlignmentFlag.AlignCenter)
        else:
            self._annotate(painter, area.adjusted(12, 10, -12, -10), display)
        painter.restore()

    def _annotate(self, painter: QPainter, area: QRectF, display: DisplayImage) -> None:
        text = window_text(self.picture.window, display.image.is_hounsfield)
        if self.picture.is_inverted:
            text += "  inverted"
        corner = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft
        _write(painter, area, text, corner)
        if display.image.spacing_mm is not None:
            _draw_scale_bar(painter, area, self.transform().m11() / display.image.spacing_mm[1])


def window_text(window: Window, is_hounsfield: bool) -> str:
    """Return width and level for the corner of the picture."""
    centre, width = window
    unit = " HU" if is_hounsfield else ""
    digits = 0 if width >= 20 else 2
    return f"W {width:.{digits}f}   L {centre:.{digits}f}{unit}"


def _write(painter: QPainter, area: QRectF, text: str, where: Qt.AlignmentFlag) -> None:
    flags = int(where | Qt.TextFlag.TextWordWrap)
    ground = painter.boundingRect(area, flags, text).adjusted(-5, -2, 5, 2)
    painter.fillRect(ground, QColor(*CANVAS_VEIL))
    painter.setPen(QColor(CANVAS_TEXT))
    painter.drawText(area, flags, text)


def _draw_scale_bar(painter: QPainter, area: QRectF, px_per_mm: float) -> None:
    """Draw the longest round length that fits a quarter of the view."""
    fitting = [mm for mm in SCALE_BARS_MM if mm * px_per_mm <= area.width() / 4]
    if not fitting:
        return
    length = fitting[-1] * px_per_mm
    end, start = area.bottomRight(), area.bottomRight() - QPointF(length, 0)
    for colour, width in ((CANVAS, 4.0), (CANVAS_TEXT, 2.0)):
        painter.setPen(QPen(QColor(colour), width))
        painter.drawLine(start, end)
        for tip in (start, end):
            painter.drawLine(tip, tip - QPointF(0, 6))
    corner = Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignRight
    _write(painter, area.adjusted(0, 0, 0, -10), f"{fitting[-1]} mm", corner)
