"""The line under the picture of a series: which slice is shown, and which one was analysed."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent, QPolygonF
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QStyle,
    QStyleOptionSlider,
    QWidget,
)

from spinealign.domain.study import SeriesStack, SlicePlace
from spinealign.wording.series import picture_word, place_text

MARK_PX = 5


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
        painter.setBrush(self.palette().highlight())
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
        self.slider.setToolTip("Leaf through the series (Page Up, Page Down, Shift+wheel)")
        self.volume = QSpinBox()
        self.volume.setAccessibleName("Volume")
        self.volume.setToolTip("Which volume of the series in time")
        self.volume.setPrefix("Volume ")
        self.volume.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.words = QLabel()
        self.words.setAccessibleName("Place in the series")
        self.back = QPushButton("&Back to the result")
        self.back.setToolTip("Show the picture that the result is of")
        self.analyse = QPushButton("Anal&yse this slice")
        self.analyse.setToolTip("Analyse the picture that is shown (F5)")
        self.slider.valueChanged.connect(self._announce)
        self.volume.valueChanged.connect(self._announce)
        self.back.clicked.connect(self.return_requested)
        self.analyse.clicked.connect(self.analyse_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 10, 3)
        row.setSpacing(8)
        row.addWidget(self.volume)
        row.addWidget(self.slider, 1)
        row.addWidget(self.words)
        row.addWidget(self.back)
        row.addWidget(self.analyse)
        self.hide()

    def show_stack(self, stack: SeriesStack | None) -> None:
        """Serve a series; None, or a single picture, hides the bar."""
        self._stack = stack
        self.setVisible(stack is not None and not stack.is_single)
        if stack is None:
            return
        word = picture_word(stack.first).lower()
        self.analyse.setText(f"Anal&yse this {word}")
        self.slider.setAccessibleName(word.capitalize())
        count = len(stack.volumes)
        with QSignalBlocker(self.slider), QSignalBlocker(self.volume):
            self.slider.setRange(0, len(stack.first) - 1)
            self.volume.setRange(1, count)
        self.volume.setSuffix(f" of {count}")
        self.volume.setVisible(count > 1)

    def show_place(self, place: SlicePlace, result: SlicePlace | None, note: str) -> None:
        """Show which picture is looked at, which one the result is of, and what to know."""
        assert self._stack is not None
        with QSignalBlocker(self.slider), QSignalBlocker(self.volume):
            self.slider.setValue(place.index)
            self.volume.setValue(place.volume + 1)
        is_here = result is not None and result.volume == place.volume
        self.slider.mark(result.index if result is not None and is_here else None)
        text = place_text(self._stack, place).split(",")[0]
        self.words.setText(f"{text} – {note}" if note else text)
        self.back.setVisible(result is not None and result != place)
        self.analyse.setVisible(result != place)

    def _announce(self) -> None:
        self.place_chosen.emit(SlicePlace(self.volume.value() - 1, self.slider.value()))
