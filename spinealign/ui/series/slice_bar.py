"""The line under the picture of a series: which slice is shown, and which one was analysed."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QPolygonF, QResizeEvent
from PyQt6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionSlider,
    QWidget,
)

from spinealign.domain.study import SeriesStack, SlicePosition
from spinealign.ui.widgets.labels import ElidedLabel, offer
from spinealign.wording.series import picture_word, position_text

MARK_PX = 5
ONE_LINE_EM = 80
"""A bar narrower than so many letters stands in two lines."""


class MarkedSlider(QSlider):
    """A horizontal slider with a small triangle at the value that was analysed."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._marked: int | None = None

    def mark(self, value: int | None) -> None:
        """Mark a value, or none."""
        if value != self._marked:
            self._marked = value
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the slider, then the mark over its groove."""
        super().paintEvent(event)
        if self._marked is None or self.maximum() <= self.minimum():
            return
        x, painter = self._place_of(self._marked), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().windowText())
        tip, side = QPointF(x, MARK_PX + 1), float(MARK_PX)
        painter.drawPolygon(QPolygonF([tip, QPointF(x - side, 0), QPointF(x + side, 0)]))
        painter.end()

    def _place_of(self, value: int) -> float:
        option, style = QStyleOptionSlider(), self.style()
        self.initStyleOption(option)
        assert style is not None
        control = QStyle.ComplexControl.CC_Slider
        groove, handle = (
            style.subControlRect(control, option, part, self)
            for part in (QStyle.SubControl.SC_SliderGroove, QStyle.SubControl.SC_SliderHandle)
        )
        span = groove.width() - handle.width()
        moved = QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), value, span)
        return groove.x() + handle.width() / 2 + moved


class SliceBar(QWidget):
    """Slider, volume, where one is, and what to do there; hidden for single pictures."""

    place_chosen = pyqtSignal(object)
    analyse_requested = pyqtSignal()
    return_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Slices of the series")
        self._stack: SeriesStack | None = None
        self.slider = MarkedSlider()
        self.slider.setAccessibleName("Slice")
        self.slider.setToolTip(
            "Scroll through the series (Page Up, Page Down, wheel over the image)"
        )
        self.volume = QSpinBox()
        self.volume.setAccessibleName("Volume")
        self.volume.setToolTip("Which volume of the series in time")
        self.volume.setPrefix("Volume ")
        self.volume.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # Words are cut in a narrow window instead of making it wider.
        self.words = ElidedLabel()
        self.words.setMinimumWidth(1)
        self.words.setAccessibleName("Place in the series")
        self.back = QPushButton("&Back to result")
        self.back.setToolTip("Show the analysed image")
        self.analyse = QPushButton("Anal&yse this")
        self.slider.valueChanged.connect(self._announce)
        self.volume.valueChanged.connect(self._announce)
        self.back.clicked.connect(self.return_requested)
        self.analyse.clicked.connect(self.analyse_requested)
        self._lay_out()
        self.hide()

    def show_stack(self, stack: SeriesStack | None) -> None:
        """Serve a series; None, or a single picture, hides the bar."""
        self._stack = stack
        self.setVisible(stack is not None and not stack.is_single)
        if stack is None:
            return
        word = picture_word(stack.first).lower()
        self.analyse.setToolTip(f"Analyse the {word} that is shown (F5)")
        self.slider.setAccessibleName(word.capitalize())
        count = len(stack.volumes)
        with QSignalBlocker(self.slider), QSignalBlocker(self.volume):
            self.slider.setRange(0, len(stack.first) - 1)
            self.volume.setRange(1, count)
        self.volume.setSuffix(f" of {count}")
        self.volume.setVisible(count > 1)

    def show_place(self, place: SlicePosition, result: SlicePosition | None, note: str) -> None:
        """Show which picture is looked at, which one the result is of, and what to know."""
        assert self._stack is not None
        with QSignalBlocker(self.slider), QSignalBlocker(self.volume):
            self.slider.setValue(place.index)
            self.volume.setValue(place.volume + 1)
        is_here = result is not None and result.volume == place.volume
        self.slider.mark(result.index if result is not None and is_here else None)
        text = f"{position_text(self._stack, place).split(',')[0]} – {note}"
        self.words.setText(text)
        self.words.setToolTip(text)
        offer(self.back, "" if result is not None and result != place else self._why_no_way(result))
        offer(self.analyse, "" if result != place else "This picture is analysed")

    @staticmethod
    def _why_no_way(result: SlicePosition | None) -> str:
        return "Nothing is analysed yet" if result is None else "The analysed image is shown"

    def minimumSizeHint(self) -> QSize:
        """Ask for no more width than the upper or the lower of two lines needs."""
        lines = [line.minimumSize() for line in self._lines]
        margins = self.contentsMargins().left() + self.contentsMargins().right() + 20
        return QSize(max(line.width() for line in lines) + margins, lines[0].height() + 6)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Stand in one line where there is room, else in two."""
        super().resizeEvent(event)
        em = self.fontMetrics().averageCharWidth()
        is_wide = self.width() >= ONE_LINE_EM * em
        way = QBoxLayout.Direction
        self._box.setDirection(way.LeftToRight if is_wide else way.TopToBottom)

    def _lay_out(self) -> None:
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(10, 3, 10, 3)
        self._box.setSpacing(8)
        self._lines = (QHBoxLayout(), QHBoxLayout())
        upper, lower = self._lines
        upper.addWidget(self.volume)
        upper.addWidget(self.slider, 1)
        lower.addWidget(self.words, 1)
        lower.addWidget(self.back)
        lower.addWidget(self.analyse)
        self._box.addLayout(upper, 1)
        self._box.addLayout(lower)

    def _announce(self) -> None:
        self.place_chosen.emit(SlicePosition(self.volume.value() - 1, self.slider.value()))
