"""Asks for name, address and logo of the institution that reports are headed with."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QPixmap
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.settings.letterhead import logo_path, remove_logo, take_logo
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.ui.work.messages import Messages
from spinealign.wording import Message

_WIDTH_EM, _LOGO_HEIGHT_PX, _LOGO_WIDTH_PX = 70, 64, 260
_MOST_LETTERS = 200
EXPLANATION = "Stands on every report except de-identified ones. Leave empty for plain paper."
NOT_A_PICTURE = Message(
    "The logo could not be taken over.", "Choose a PNG, JPEG or SVG picture that opens elsewhere."
)


class LetterheadDialog(QDialog):
    """Changes the settings when it is accepted, and the logo at once."""

    def __init__(self, preferences: Preferences, messages: Messages, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Letterhead of reports")
        self._preferences, self._messages = preferences, messages
        settings = preferences.settings
        self.name = _line(settings.institution_name, "Name of the institution")
        self.address = _line(settings.institution_address, "Address of the institution")
        self.logo = QLabel()
        self.logo.setAccessibleName("Logo")
        self._remove = QPushButton("&Remove")
        self._remove.clicked.connect(self._remove_logo)
        form = QFormLayout()
        form.addRow("&Institution", self.name)
        form.addRow("&Address", self.address)
        form.addRow("Logo", self._logo_row())
        save = QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        buttons = QDialogButtonBox(save)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        without_icons(buttons)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(wrapped_label(EXPLANATION, "muted"))
        column.addWidget(buttons)
        self.resize(_WIDTH_EM * self.fontMetrics().averageCharWidth(), self.sizeHint().height())
        self._show_logo()

    def accept(self) -> None:
        """Keep what was typed."""
        self._preferences.choose(
            institution_name=self.name.text().strip(),
            institution_address=self.address.text().strip(),
        )
        self._preferences.save()
        super().accept()

    def _logo_row(self) -> QHBoxLayout:
        choose = QPushButton("&Choose…")
        choose.clicked.connect(self._ask_logo)
        row = QHBoxLayout()
        row.addWidget(self.logo, 0, Qt.AlignmentFlag.AlignLeft)
        row.addStretch(1)
        row.addWidget(choose)
        row.addWidget(self._remove)
        return row

    def _ask_logo(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Choose a logo", "", "Pictures (*.png *.jpg *.jpeg *.svg);;All files (*)"
        )
        if name and not take_logo(self._preferences, Path(name)):
            self._messages.fail(NOT_A_PICTURE)
        self._show_logo()

    def _remove_logo(self) -> None:
        remove_logo(self._preferences)
        self._show_logo()

    def _show_logo(self) -> None:
        picture = QPixmap(str(logo_path(self._preferences)))
        offer(self._remove, "" if not picture.isNull() else "There is no logo")
        self.logo.setProperty("kind", "muted" if picture.isNull() else "paper")
        _restyle(self.logo)
        if picture.isNull():
            self.logo.setText("None")
            return
        # As many pixels as the screen has, and no wider than the dialog.
        density = self.devicePixelRatioF()
        shown = picture.scaled(
            QSize(_LOGO_WIDTH_PX, _LOGO_HEIGHT_PX) * density,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        shown.setDevicePixelRatio(density)
        self.logo.setPixmap(shown)


def _restyle(widget: QWidget) -> None:
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)


def _line(text: str, name: str) -> QLineEdit:
    line = QLineEdit(text)
    line.setMaxLength(_MOST_LETTERS)
    line.setAccessibleName(name)
    return line
