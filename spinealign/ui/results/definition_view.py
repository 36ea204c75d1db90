"""How one measure is defined, who says so, and what this value of it rests on."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.measurements import Measurement
from spinealign.ui.widgets.labels import rule, without_icons, wrapped_label
from spinealign.wording.measure_rows import measure_sentence, points_text
from spinealign.wording.measures import definition_text, measurement_name

WIDTH_EM, HEIGHT_EM = 66, 64


class DefinitionView(QDialog):
    """Stays open beside the window and shows the measure that was asked about last."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._measurement: Measurement | None = None
        page = QWidget()
        page.setObjectName("resultsPage")
        column = QVBoxLayout(page)
        column.setContentsMargins(18, 16, 18, 16)
        column.setSpacing(10)
        self._title = wrapped_label("", "headline")
        self._value = wrapped_label("", strong=True)
        self._points = wrapped_label("", "muted")
        self._definition = wrapped_label("")
        for widget in (self._title, self._value, self._points, rule(), self._definition):
            column.addWidget(widget)
        column.addStretch(1)
        for label in (self._value, self._points, self._definition):
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        outer = QVBoxLayout(self)
        outer.addWidget(scroll)
        outer.addWidget(self._buttons())
        em = self.fontMetrics().averageCharWidth()
        self.resize(WIDTH_EM * em, min(HEIGHT_EM * em, parent.height()))

    @property
    def text(self) -> str:
        """All that is said, as plain text."""
        labels = (self._title, self._value, self._points, self._definition)
        return "\n\n".join(label.text() for label in labels if label.text())

    def show_measure(self, measurement: Measurement) -> None:
        """Explain this measure, in front of the window."""
        self._fill(measurement)
        self.show()
        self.activateWindow()

    def refresh(self, measurements: Iterable[Measurement]) -> None:
        """Show the present value of the measure that is explained."""
        if self._measurement is None or not self.isVisible():
            return
        key = self._measurement.key
        for measurement in measurements:
            if measurement.key == key:
                self._fill(measurement)

    def _fill(self, measurement: Measurement) -> None:
        self._measurement = measurement
        name = measurement_name(measurement)
        self.setWindowTitle(f"Definition: {name}")
        said = measure_sentence(measurement).removeprefix(f"{name}: ")
        points = points_text(measurement)
        explained = definition_text(measurement.code)
        # The heading of the definition is the name of this measure without its levels.
        _, _, body = explained.partition("\n\n")
        self._title.setText(name)
        self._value.setText(said)
        self._points.setText(f"Points: {points}." if points else "")
        self._points.setVisible(bool(points))
        self._definition.setText(body)

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton("Copy")
        copy.setToolTip("Copy the definition as text")
        copy.clicked.connect(self._copy)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        return buttons

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text)
