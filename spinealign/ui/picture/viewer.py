"""The image viewer: pan, zoom, window and level, and what lies under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PyQt6.QtWidgets import QApplication, QFrame, QGraphicsView, QToolTip, QWidget

from spinealign.domain.image import SpineImage
from spinealign.domain.presentation import Presentation, turned_directions
from spinealign.ui.picture.coming import draw_coming, draw_veil
from spinealign.ui.picture.corner_texts import (
    CANVAS,
    FrameNotes,
    Written,
    corner_text,
    draw_frame,
    frame_texts,
    write_beside,
)
from spinealign.ui.picture.display_images import DisplayImage, DisplayOverlay
from spinealign.ui.picture.pointer import Pointer, PointerTool
from spinealign.ui.picture.scene import PictureScene, PixelReading
from spinealign.wording.presentation import corner_words
from spinealign.wording.reading import side_text

ZOOM_STEP = 1.25
SMALLEST_ZOOM, LARGEST_ZOOM = 0.02, 64.0
NEARLY_WHOLE = 0.75
"""Share of a picture, or of its size on screen, from which on it counts as all of it."""

_HOLDING = (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton)
"""Buttons that can hold something; others do nothing on the picture."""


_PAGES = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class Viewer(QGraphicsView):
    """Shows one picture; the mouse and a few methods move about in it.

    Left-drag pans, right-drag changes the window (across) and level (up and down), a
    right click asks for a menu, the wheel zooms about the cursor where nobody leafs with it,
    a double click fits the picture to the view. `hand` is asked first.
    """

    zoom_changed = pyqtSignal(float)
    pixel_read = pyqtSignal(object)
    image_shown = pyqtSignal(object)
    overlay_toggle_requested = pyqtSignal()
    menu_requested = pyqtSignal(object, object)
    _settling = pyqtSignal()
    hand: PointerTool | None = None

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = PictureScene(self)
        self.setScene(self.picture)
        self._placeholder, self._veil = "", ""
        self._preview: QImage | None = None
        self._is_fitted = True
        self._drag_from: QPoint | None = None
        self._drag_button = Qt.MouseButton.NoButton
        self._is_click = False
        self.hint = ""
        self._hidden_px = 0
        self._inset = QRectF()
        self._is_due = False
        self._texts: list[Written] = []
        self.spacing_mm: tuple[float, float] | None = None
        self._turned: dict[tuple[float, ...], tuple[QRectF, float]] = {}
        self._held: Pointer | None = None
        self._is_held = False
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.timeout.connect(self._follow)
        self._set_up()
        queued = Qt.ConnectionType.QueuedConnection
        self._settling.connect(self._settle_shown, queued)  # type: ignore[call-arg]  # not in the stubs
        self.picture.window_changed.connect(self._refresh)
        self.picture.layout_wanted.connect(self._refresh)

    def _set_up(self) -> None:
        self.setAccessibleName("Image viewer")
        self.setAccessibleDescription("Shows the picture and the structures found on it")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setBackgroundBrush(QColor(CANVAS))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
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

    def show_image(
        self, display: DisplayImage | None, placeholder: str = "", preview: QImage | None = None
    ) -> None:
        """Show another picture, fitted to the view, or a sentence where there is none.

        Parameters
        ----------
        preview : QImage, optional
            Stands behind the sentence: small, what will be shown.
        """
        self._placeholder, self._preview, self._veil = placeholder, preview, ""
        self.spacing_mm = display.image.spacing_mm if display is not None else None
        self.picture.show_image(display)
        self._refresh()
        self.pixel_read.emit(None)
        self.image_shown.emit(display.image if display is not None else None)
        self.fit()

    def show_neighbour(self, display: DisplayImage) -> None:
        """Show another slice of the same series at the same place, zoom and window."""
        window, inverted = self.picture.window, self.picture.is_inverted
        self._veil = ""
        self.picture.show_image(display)
        self.picture.set_window(window)
        self.picture.set_inverted(inverted)
        self._refresh()

    @property
    def said(self) -> str:
        """What is said instead of a picture, or over the one before; empty over the right one."""
        return self._placeholder if self.picture.display is None else self._veil

    def veil(self, words: str) -> None:
        """Cover the picture until the next one is shown, and say which that is."""
        if self.picture.display is not None and words != self._veil:
            self._veil = words
            self._refresh()

    def show_overlay(self, overlay: DisplayOverlay) -> None:
        """Put what an analysis found onto the picture."""
        self.picture.show_overlay(overlay)

    def set_hint(self, hint: str) -> None:
        """Write what to do next at the top of the picture, or nothing."""
        if hint != self.hint:
            self.hint = hint
            self._refresh()

    def keep_free(self, height_px: int) -> None:
        """Write nothing into the upper part, which a message lies over."""
        if height_px != self._hidden_px:
            self._hidden_px = height_px
            self._refresh()

    def keep_clear_of(self, inset: QRect) -> None:
        """Write nothing where another picture lies over this one; an empty one is none."""
        if QRectF(inset) != self._inset:
            self._inset = QRectF(inset)
            self._refresh()

    @property
    def covered(self) -> list[QRectF]:
        """What lies over the view: a message above, another picture."""
        message = QRectF(0, 0, self.rect().width(), self._hidden_px)
        return [part for part in (message, self._inset) if not part.isEmpty()]

    @property
    def texts(self) -> list[Written]:
        """What is written at the borders of the view, where it stands now."""
        self.settle()
        return self._texts

    def grounds_beside(self, bodies: Sequence[QRectF]) -> list[QRectF]:
        """Write at the borders; return what is covered there, and by what lies over the view.

        A picture that fills its view cannot be moved from below a text: there the text goes.

        Parameters
        ----------
        bodies : sequence of QRectF
            What names and handles cover on screen.
        """
        display, self._texts = self.picture.display, []
        if display is not None:
            notes, keep = self._notes(display.image), bodies if self._is_fitted else ()
            view = QRectF(self.rect())
            self._texts = frame_texts(view, notes, self.font(), self.covered, keep)
        return [*(text.ground for text in self._texts), *self.covered]

    def set_spacing(self, spacing_mm: tuple[float, float] | None) -> None:
        """Draw the scale bar for this (row, column) spacing."""
        if spacing_mm != self.spacing_mm:
            self.spacing_mm = spacing_mm
            self._refresh()

    def to_picture(self, where: QPointF) -> QPointF:
        """Return the pixel coordinates of the picture that lie at a place of the view."""
        inverse, _ = self.viewportTransform().inverted()
        return self.picture.root.mapFromScene(inverse.map(where))

    def to_view(self, point: QPointF) -> QPointF:
        """Return where pixel coordinates of the picture lie in the view."""
        return self.viewportTransform().map(self.picture.root.mapToScene(point))

    def present(self, presentation: Presentation) -> None:
        """Show the picture turned, mirrored and inverted; what was seen of it stays in view."""
        if self.picture.is_inverted != presentation.is_inverted:
            self.picture.set_inverted(presentation.is_inverted)
        if presentation == self.picture.presentation:
            return
        seen, scale = self._turned.get(self._state, (self._seen, self.transform().m11()))
        self.picture.present(presentation)
        if self._is_fitted or _share(seen, self.picture.root.rect()) >= NEARLY_WHOLE:
            self.fit()
            return
        self._keep_in_view(self.picture.root.mapRectToScene(seen), scale)
        self._turned = {self._state: (seen, scale)}

    @property
    def _seen(self) -> QRectF:
        """The part of the picture that the view shows, in pixels of the picture."""
        view = self.viewportTransform().inverted()[0].mapRect(QRectF(self.rect()))
        root = self.picture.root
        return root.mapRectFromScene(view).intersected(root.rect())

    @property
    def _state(self) -> tuple[float, ...]:
        """What changes when somebody pans, zooms or makes the view another size."""
        across, down = self.horizontalScrollBar(), self.verticalScrollBar()
        assert across is not None
        assert down is not None
        size = self.rect().size()
        return self.transform().m11(), across.value(), down.value(), size.width(), size.height()

    def _keep_in_view(self, part: QRectF, scale: float) -> None:
        """Show a part of the scene in the middle, smaller than `scale` where it needs to be."""
        view = self.rect()
        room = min(
            view.width() / max(part.width(), 1.0), view.height() / max(part.height(), 1.0)
        )  # fmt: skip
        wanted = scale if room >= NEARLY_WHOLE * scale else room
        self.setTransform(QTransform.fromScale(wanted, wanted))
        self._limit_zoom()
        self.centerOn(part.center())
        self._zoomed()

    @property
    def is_fitted(self) -> bool:
        """Whether the whole picture is shown, however large the view is."""
        return self._is_fitted

    @property
    def zoom(self) -> float:
        """Screen pixels for one picture pixel, horizontally."""
        return self.transform().m11() * self.devicePixelRatioF()

    def fit(self) -> None:
        """Show the whole picture, and keep doing so when the view changes its size."""
        self._is_fitted, self._turned = True, {}
        if self.picture.display is not None:
            self.fitInView(self.picture.picture_rect, Qt.AspectRatioMode.KeepAspectRatio)
            self._limit_zoom()
        self._zoomed()

    def zoom_to(self, zoom: float) -> None:
        """Set `zoom`; 1 shows one picture pixel as one screen pixel."""
        self._zoom_by(zoom / self.zoom, self._middle())

    def show_place(self, x: float, y: float, side_px: float, free: QRect | None = None) -> None:
        """Bring a place of the picture to the middle, so that about `side_px` pixels are seen.

        A picture that is magnified more than that stays as large as it is.

        Parameters
        ----------
        free : QRect, optional
            The part of the view that nothing lies over; the place comes to its middle.
        """
        display, viewport = self.picture.display, self.viewport()
        if display is None or viewport is None:
            return
        part = viewport.rect() if free is None else free
        room = min(part.width(), part.height())
        wanted = room / max(side_px, 1.0) * self.devicePixelRatioF()
        if self.zoom < wanted:
            self._zoom_by(wanted / self.zoom, self._middle())
        self._is_fitted = False
        place = self.picture.root.mapToScene(QPointF(x, y))
        self.centerOn(place)
        self._scroll_by(self.mapFromScene(place) - part.center())
        self._zoomed()

    def zoom_in(self) -> None:
        """Magnify about the middle of the view."""
        self._zoom_by(ZOOM_STEP, self._middle())

    def zoom_out(self) -> None:
        """Shrink about the middle of the view."""
        self._zoom_by(1 / ZOOM_STEP, self._middle())

    def read_pixel(self, where: QPoint) -> PixelReading | None:
        """Return what lies at a place of the view, or None beside the picture."""
        return self.picture.reading_at(self.mapToScene(where))

    def _zoom_by(self, factor: float, about: QPoint) -> None:
        """Zoom so that what lies at `about` (view coordinates) stays there."""
        if self.picture.display is None:
            return
        self._is_fitted = False
        limited = min(max(self.zoom * factor, SMALLEST_ZOOM), LARGEST_ZOOM) / self.zoom
        held = self.mapToScene(about)
        self.scale(limited, limited)
        self._scroll_by(self.mapFromScene(held) - about)
        self._zoomed()

    def _zoomed(self) -> None:
        self._refresh()
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

    def settle(self) -> None:
        """Write everything in its place now, if anything changed; else it is done when drawn.

        While another case is shown a dozen things change one after the other, and where names
        and labels stand depends on all of them.
        """
        if self._is_due:
            self._is_due = False
            self.picture.measures.lay_out()

    def _settle_shown(self) -> None:
        """Write everything in its place where it is seen: a hidden view may get another size."""
        if self.isVisible():
            self.settle()

    def _refresh(self) -> None:
        """Draw everything anew, once the present turn is over."""
        if not self._is_due:
            self._is_due = True
            self._settling.emit()
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
        """Begin what the hand does, to pan (left or middle), or to change the window (right)."""
        if event is None:
            return
        self._let_go_of(event.button())
        if self._drag_from is not None or self._is_held:
            return
        if event.button() == Qt.MouseButton.LeftButton and self.hand is not None:
            self._is_held = self.hand.press(self._pointer(event))
            if self._is_held:
                return
        self._drag_from, self._drag_button = event.position().toPoint(), event.button()
        self._is_click = event.button() == Qt.MouseButton.RightButton
        if not self._is_click:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Move what the hand holds, pan, change the window, or read the pixel below."""
        if event is None:
            return
        self._let_go_of(*(button for button in _HOLDING if button not in event.buttons()))
        here = event.position().toPoint()
        if self._is_held:
            # However often the mouse reports, the picture changes once a frame.
            self._held = self._pointer(event)
            self._frame.start(0)
        elif self._drag_from is not None:
            self._drag(here)
        elif self.hand is not None:
            self._show_cursor(self.hand.hover(self._pointer(event)))
        self.pixel_read.emit(self.read_pixel(here))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End a drag; a right button that did not move asks for the menu."""
        if event is None:
            return
        if self._is_held and event.button() == Qt.MouseButton.LeftButton:
            self._follow()
            self._is_held = False
            assert self.hand is not None
            self.hand.release(self._pointer(event))
        elif event.button() == self._drag_button and self._drag_from is not None:
            self._drag_from = None
            self.unsetCursor()
            self._refresh()
            if self._is_click and self._drag_button == Qt.MouseButton.RightButton:
                pointer = self._pointer(event)
                self.menu_requested.emit(pointer.point, event.globalPosition().toPoint())

    def _let_go_of(self, *buttons: Qt.MouseButton) -> None:
        """End what buttons hold that are known to be up, though nobody told of their release.

        A dialog that opens while a button is down, and windows that come to the front, get the
        release; without this the picture would wait for it and be deaf to all else.
        """
        if self._is_held and Qt.MouseButton.LeftButton in buttons:
            self._follow()
            self._is_held = False
            assert self.hand is not None
            self.hand.let_go()
        elif self._drag_from is not None and self._drag_button in buttons:
            self._drag_from = None
            self.unsetCursor()
            self._refresh()

    def _follow(self) -> None:
        self._frame.stop()
        held, self._held = self._held, None
        if held is not None and self.hand is not None:
            self.hand.drag(held)

    def _pointer(self, event: QMouseEvent) -> Pointer:
        return Pointer(self.to_picture(event.position()), event.modifiers())

    def _show_cursor(self, shape: Qt.CursorShape | None) -> None:
        if shape is None:
            self.unsetCursor()
        elif self.cursor().shape() != shape:
            self.setCursor(shape)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Fit the picture to the view, unless the hand takes it."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self.hand is None or not self.hand.double_click(self._pointer(event)):
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

    def event(self, event: QEvent | None) -> bool:
        """Give the hand its keys before menus and focus take them."""
        if event is not None and self.hand is not None and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride and self.hand.wants_key(event):
                event.accept()
                return True
            # Qt moves the focus with Tab before a widget hears of the key.
            tabs = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
            if event.type() == QEvent.Type.KeyPress and event.key() in tabs:
                return self.hand.key(event) or super().event(event)
        return super().event(event)

    def viewportEvent(self, event: QEvent | None) -> bool:
        """Say what the hand knows about a place; draw nothing before it is in its place."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self.settle()
        if isinstance(event, QHelpEvent) and self.hand is not None:
            text = self.hand.tip(self.to_picture(QPointF(event.pos())))
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Toggle the overlay with the space bar; arrows pan; the hand comes first.

        The space bar is no shortcut of the whole window because it also presses buttons. Keys
        that leaf do not scroll the picture away where there is no further slice.
        """
        if event is None or (self.hand is not None and self.hand.key(event)):
            return
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.overlay_toggle_requested.emit()
            return
        if event.key() in _PAGES:
            event.ignore()
            return
        super().keyPressEvent(event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Draw everything again: what stands in the corners does not move along."""
        super().scrollContentsBy(dx, dy)
        self._refresh()

    @property
    def _is_windowing(self) -> bool:
        return self._drag_button == Qt.MouseButton.RightButton and not self._is_click

    def _drag(self, here: QPoint) -> None:
        assert self._drag_from is not None
        moved = here - self._drag_from
        if self._is_click:
            if moved.manhattanLength() < QApplication.startDragDistance():
                return
            self._is_click = False
            self.setCursor(Qt.CursorShape.SizeAllCursor)
        self._drag_from = here
        if self._drag_button == Qt.MouseButton.RightButton:
            self.picture.drag_window(moved.x(), moved.y())
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
        if self.picture.display is None:
            draw_coming(painter, area, self._placeholder, self._preview)
        elif self._veil:
            draw_veil(painter, area, self._veil)
        else:
            painter.setFont(self.font())
            draw_frame(painter, self._texts)
            if self._is_windowing and self._drag_from is not None and self._texts:
                write_beside(painter, area, self._drag_from, self._texts[0].text)
        painter.restore()

    def _notes(self, image: SpineImage) -> FrameNotes:
        spacing, picture = self.spacing_mm, self.picture
        shown = picture.presentation
        window = corner_text(picture.window, image.is_hounsfield, picture.is_inverted)
        return FrameNotes(
            window="\n".join(filter(None, (corner_words(shown), window))),
            hint=self.hint,
            px_per_mm=self.transform().m11() / spacing[1] if spacing is not None else None,
            orientation=turned_directions(image.orientation, shown.turn_deg, shown.is_mirrored),
            side=side_text(image.laterality),
        )


def _share(part: QRectF, whole: QRectF) -> float:
    return part.width() * part.height() / max(whole.width() * whole.height(), 1.0)
