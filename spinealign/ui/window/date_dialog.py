"""Asks for the date of an examination whose file states none."""

from __future__ import annotations

from datetime import date

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.manual.manual_window import explain
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label

EARLIEST = date(1895, 11, 8)
"""No image is older. Source: Röntgen found the rays on that day."""

EXPLANATION = (
    "Orders examinations of one patient in comparisons and courses, where it is shown as given by "
    "you. It is kept with the corrections beside the image."
)
_WIDTH_EM = 56


class DateDialog(QDialog):
    """Takes a date that there is, not in the future; `chosen` brings it, or None to take it away.

    Parameters
    ----------
    given : date or None
        What was given before. Nothing is proposed: a date that was only nodded at would be
        an invented one.
    today : date, optional
    """

    chosen = pyqtSignal(object)

    def __init__(self, given: date | None, parent: QWidget, today: date | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Date of the examination")
        explain(self, "comparing")
        self._today = today or date.today()
        self.text = QLineEdit("" if given is None else given.isoformat())
        self.text.setPlaceholderText("YYYY-MM-DD")
        self.text.setAccessibleName("Date of the examination")
        self.text.textChanged.connect(self._offer)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep, self.remove = QPushButton("Keep the date"), QPushButton("&Remove")
        self.keep.setDefault(True)
        buttons.addButton(self.keep, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.remove, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.accepted.connect(self._keep)
        buttons.rejected.connect(self.reject)
        self.remove.clicked.connect(lambda: self._choose(None))
        without_icons(buttons)
        form = QFormLayout()
        form.addRow("&Date", self.text)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(wrapped_label(EXPLANATION, "muted"))
        column.addWidget(buttons)
        self.resize(_WIDTH_EM * self.fontMetrics().averageCharWidth(), self.sizeHint().height())
        offer(self.remove, "" if given is not None else "No date was given")
        self._offer()

    @property
    def day(self) -> date | None:
        """The date that is typed, if it can be one."""
        try:
            day = date.fromisoformat(self.text.text().strip())
        except ValueError:
            return None
        return day if EARLIEST <= day <= self._today else None

    def _offer(self) -> None:
        offer(self.keep, "" if self.day else "Type a date that is not in the future: YYYY-MM-DD")

    def _keep(self) -> None:
        self._choose(self.day)

    def _choose(self, day: date | None) -> None:
        self.chosen.emit(day)
        self.accept()
