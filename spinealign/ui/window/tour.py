"""Four bubbles that show a newcomer where to begin; they lie over the window and block nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from PyQt6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Colours, Theme
from spinealign.wording.tour import BEGIN, CASES, HELP, RESULTS, TourStep, progress_text

_WIDTH_EM = 46
_ARROW_PX, _GAP_PX, _EDGE_PX, _ROUND_PX = 10, 4, 8, 8
_BUTTON_PX = 60
"""Nothing lower is a panel."""

_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox, QComboBox)
"""What keeps its keys while a bubble is up."""

_KEYS = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
_FOLLOWED = (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show, QEvent.Type.Hide)


class Side(Enum):
    """Where a bubble lies beside what it is about; `OVER` where no side has room."""

    BELOW = auto()
    RIGHT = auto()
    LEFT = auto()
    ABOVE = auto()
    OVER = auto()


@dataclass(frozen=True)
class Place:
    """Where a bubble lies, with its arrow, and what the arrow points at."""

    rect: QRect
    side: Side
    tip: QPoint


def place_beside(anchor: QRect, size: QSize, room: QRect) -> Place:
    """Return a place wholly in the room, beside an anchor where that leaves it free.

    Parameters
    ----------
    anchor : QRect
        What the bubble is about.
    size : QSize
        Of the bubble, room for its arrow included on every side.
    room : QRect
        The window, less a border.
    """
    middle, gap = anchor.center(), _GAP_PX
    x, y = middle.x() - size.width() // 2, middle.y() - size.height() // 2
    above, left = anchor.top() - gap - size.height(), anchor.left() - gap - size.width()
    places = {
        Side.RIGHT: (QPoint(anchor.right() + gap, y), QPoint(anchor.right(), middle.y())),
        Side.LEFT: (QPoint(left, y), QPoint(anchor.left(), middle.y())),
        Side.BELOW: (QPoint(x, anchor.bottom() + gap), QPoint(middle.x(), anchor.bottom())),
        Side.ABOVE: (QPoint(x, above), QPoint(middle.x(), anchor.top())),
    }
    # Beside a menu or a button a bubble would lie on its neighbours.
    sides = list(places) if anchor.height() > _BUTTON_PX else [Side.BELOW, *places]
    for side in sides:
        corner, tip = places[side]
        rect = _pushed_in(QRect(corner, size), room)
        if room.contains(rect) and not rect.intersects(anchor):
            return Place(rect, side, tip)
    lowest = QPoint(room.center().x() - size.width() // 2, room.bottom() - size.height())
    return Place(_pushed_in(QRect(lowest, size), room), Side.OVER, middle)


def _pushed_in(rect: QRect, room: QRect) -> QRect:
    left = max(room.left(), min(rect.left(), room.right() + 1 - rect.width()))
    top = max(room.top(), min(rect.top(), room.bottom() + 1 - rect.height()))
    return QRect(QPoint(left, top), rect.size())


class Bubble(QFrame):
    """One step: words, how far one is, and buttons; Esc skips the rest."""

    stepped = pyqtSignal(int)
    skipped = pyqtSignal()

    def __init__(self, colours: Colours, parent: QWidget) -> None:
        super().__init__(parent)
        self._colours = colours
        self._side, self._tip = Side.OVER, QPoint()
        self.title = wrapped_label("", "section")
        self.text = wrapped_label("")
        self.progress = QLabel()
        self.progress.setProperty("kind", "muted")
        self.skip, self.back = QPushButton("&Skip"), QPushButton("&Back")
        self.next = QPushButton("&Next")
        self.next.setProperty("primary", "true")
        self.skip.setToolTip("Show no more of this (Esc)")
        self.skip.clicked.connect(self.skipped)
        self.back.clicked.connect(lambda: self.stepped.emit(-1))
        self.next.clicked.connect(lambda: self.stepped.emit(1))
        row = QHBoxLayout()
        row.addWidget(self.progress)
        row.addStretch(1)
        for button in (self.skip, self.back, self.next):
            row.addWidget(button)
        column = QVBoxLayout(self)
        side = _ARROW_PX + 12
        column.setContentsMargins(side, side, side, side)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addLayout(row)

    def show_step(self, step: TourStep, number: int, count: int) -> None:
        """Say what a step says."""
        self.title.setText(step.title)
        self.text.setText(step.text)
        self.progress.setText(progress_text(number, count))
        self.back.setVisible(number > 1)
        self.next.setText("&Done" if number == count else "&Next")
        self.skip.setVisible(number < count)
        told = f"{step.title}. {step.text}"
        self.setAccessibleName(f"First steps, {progress_text(number, count)}: {told}")
        self.next.setAccessibleDescription(told)

    def fitting_size(self, most: int) -> QSize:
        """Return the size that shows all words, no wider than so many pixels."""
        width = min(_WIDTH_EM * self.fontMetrics().averageCharWidth(), most)
        layout = self.layout()
        assert layout is not None
        layout.activate()
        return QSize(width, layout.totalHeightForWidth(width))

    def lie(self, place: Place) -> None:
        """Lie there, the arrow towards its tip."""
        self._side, self._tip = place.side, place.tip - place.rect.topLeft()
        self.setGeometry(place.rect)
        self.raise_()
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Wear another theme."""
        self._colours = colours
        self.update()

    def event(self, event: QEvent | None) -> bool:
        """Take Esc before the command that has it."""
        is_override = event is not None and event.type() == QEvent.Type.ShortcutOverride
        if isinstance(event, QKeyEvent) and is_override and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Skip the rest with Esc; Return presses the button that has the keys."""
        if event is None:
            return
        if event.key() == Qt.Key.Key_Escape:
            self.skipped.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            pressed = self.focusWidget()
            (pressed if isinstance(pressed, QPushButton) else self.next).click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw a round box with an arrow."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._colours.accent), 2))
        painter.setBrush(QColor(self._colours.raised))
        painter.drawPath(self._shape())

    def _shape(self) -> QPainterPath:
        box = self.rect().adjusted(_ARROW_PX, _ARROW_PX, -_ARROW_PX, -_ARROW_PX)
        path, arrow = QPainterPath(), QPainterPath()
        path.addRoundedRect(box.toRectF(), _ROUND_PX, _ROUND_PX)
        wide = _ARROW_PX
        low, high = _ARROW_PX + _ROUND_PX + wide, -_ARROW_PX - _ROUND_PX - wide
        x = max(low, min(self._tip.x(), self.width() + high))
        y = max(low, min(self._tip.y(), self.height() + high))
        ends = {
            Side.BELOW: ((x - wide, box.top()), (x, 1), (x + wide, box.top())),
            Side.ABOVE: (
                (x - wide, box.bottom()),
                (x, self.height() - 1),
                (x + wide, box.bottom()),
            ),
            Side.RIGHT: ((box.left(), y - wide), (1, y), (box.left(), y + wide)),
            Side.LEFT: ((box.right(), y - wide), (self.width() - 1, y), (box.right(), y + wide)),
        }.get(self._side)
        if ends is None:
            return path
        arrow.addPolygon(QPolygonF([QPoint(*end).toPointF() for end in ends]))
        arrow.closeSubpath()
        return path.united(arrow)


Anchor = Callable[[], QRect]
"""Where something is in the window now; empty while it is not seen."""


class Tour(QObject):
    """Shows one bubble after the other, each beside what it is about, until the last or Esc.

    Parameters
    ----------
    window : QWidget
        What the bubbles lie over; all else in it goes on working.
    steps : sequence of (TourStep, sequence of Anchor)
        What is said, and beside what: the first anchor that is seen.
    """

    about_to_show = pyqtSignal(int)
    """Brings the place of a step, before it is looked for what its bubble stands beside."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        steps: Sequence[tuple[TourStep, Sequence[Anchor]]],
    ) -> None:
        super().__init__(window)
        self._window, self._theme, self._steps = window, theme, steps
        self._number = 0
        self._before: QWidget | None = None
        self.bubble: Bubble | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._place)
        theme.changed.connect(self._wear)

    def start(self) -> None:
        """Show the first bubble."""
        self.end()
        self._before = self._window.focusWidget()
        self.bubble = Bubble(self._theme.colours, self._window)
        self.bubble.stepped.connect(self._step)
        self.bubble.skipped.connect(self.end)
        self._window.installEventFilter(self)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)
        self._number = 0
        self._show()
        self.bubble.next.setFocus(Qt.FocusReason.OtherFocusReason)

    def pass_beginning(self) -> None:
        """Go on from the first bubble, as what it is about has been done."""
        if self.bubble is not None and self._number == 0:
            self._step(1)

    def end(self) -> None:
        """Show no more."""
        bubble, self.bubble = self.bubble, None
        if bubble is not None:
            self._window.removeEventFilter(self)
            app = QApplication.instance()
            if app is not None:
                app.removeEventFilter(self)
            self._soon.stop()
            had_keys = bubble.isAncestorOf(self._window.focusWidget())
            bubble.hide()
            bubble.deleteLater()
            if had_keys and self._before is not None:
                self._before.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the window when its parts move, and take the keys of a bubble that is up.

        Fields for text, menus and dialogs keep their keys, and so does a button that has them.
        """
        if watched is self._window and event is not None and event.type() in _FOLLOWED:
            self._soon.start(0)
        if isinstance(event, QKeyEvent) and event.type() in _KEYS and self._is_for_bubble(event):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
            elif event.key() == Qt.Key.Key_Escape:
                self.end()
            else:
                self._step(1)
            return True
        return super().eventFilter(watched, event)

    def _is_for_bubble(self, event: QKeyEvent) -> bool:
        """Whether a key that another part of the window has is meant for the bubble."""
        app = QApplication.instance()
        if self.bubble is None or not isinstance(app, QApplication):
            return False
        keys = app.focusWidget()
        is_here = app.activeWindow() is self._window and app.activePopupWidget() is None
        if not is_here or (keys is not None and self.bubble.isAncestorOf(keys)):
            return False
        if event.key() == Qt.Key.Key_Escape:
            return not isinstance(keys, _FIELDS)
        is_return = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        return is_return and plain and not isinstance(keys, (*_FIELDS, QAbstractButton))

    def _step(self, by: int) -> None:
        self._number += by
        if 0 <= self._number < len(self._steps):
            self._show()
        else:
            self.end()

    def _show(self) -> None:
        assert self.bubble is not None
        step, _ = self._steps[self._number]
        self.about_to_show.emit(self._number)
        self.bubble.show_step(step, self._number + 1, len(self._steps))
        self._place()
        self.bubble.show()
        # What was brought forward is laid out a moment later.
        self._soon.start(0)

    def _place(self) -> None:
        if self.bubble is None:
            return
        edge = _EDGE_PX
        room = self._window.rect().adjusted(edge, edge, -edge, -edge)
        _, anchors = self._steps[self._number]
        found = next((rect for rect in (anchor() for anchor in anchors) if rect.isValid()), room)
        size = self.bubble.fitting_size(room.width())
        self.bubble.lie(place_beside(found, size, room))

    def _wear(self) -> None:
        if self.bubble is not None:
            self.bubble.set_colours(self._theme.colours)


def anchor_of(part: QWidget) -> Anchor:
    """Return where a part of a window is, as far as it is seen."""

    def rect() -> QRect:
        if not part.isVisible() or part.visibleRegion().isEmpty():
            return QRect()
        seen = part.visibleRegion().boundingRect()
        return QRect(part.mapTo(part.window(), seen.topLeft()), seen.size())

    return rect


def first_steps(
    window: QMainWindow,
    theme: Theme,
    begin: Sequence[QWidget],
    cases: QDockWidget,
    results: QDockWidget,
) -> Tour:
    """Return the four steps of a main window.

    Parameters
    ----------
    begin : sequence of QWidget
        Where one begins; the first that is seen counts.
    cases, results : QDockWidget
        The panels at both sides; the one a step is about comes before those over it.
    """
    tour = Tour(
        window,
        theme,
        (
            (BEGIN, [anchor_of(part) for part in begin]),
            (CASES, [anchor_of(cases)]),
            (RESULTS, [anchor_of(results)]),
            (HELP, [partial(_last_menu, window)]),
        ),
    )
    tour.about_to_show.connect(partial(_bring_forward, (None, cases, results, None)))
    return tour


def _bring_forward(panels: Sequence[QDockWidget | None], number: int) -> None:
    panel = panels[number]
    if panel is not None and panel.isVisible():
        panel.raise_()


def _last_menu(window: QMainWindow) -> QRect:
    bar = window.menuBar()
    if bar is None or not bar.isVisible() or not bar.actions():
        return QRect()
    place = bar.actionGeometry(bar.actions()[-1])
    return QRect(bar.mapTo(window, place.topLeft()), place.size())
