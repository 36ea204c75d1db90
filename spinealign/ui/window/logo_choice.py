"""The logo of reports: shown, chosen and removed, and kept only when the settings are."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPixmap
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QWidget

from spinealign.ui.settings.letterhead import read_logo
from spinealign.ui.widgets.labels import offer

_LOGO_HEIGHT_PX, _LOGO_WIDTH_PX = 64, 260


class LogoChoice(QWidget):
    """Shows a logo, with buttons to choose another and to remove it.

    `refused` tells of a file that is no picture.
    """

    edited = pyqtSignal()
    refused = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.png = b""
        self.picture = QLabel()
        self.picture.setAccessibleName("Logo")
        self.choose, self.remove = QPushButton("&Choose…"), QPushButton("Re&move")
        self.choose.setToolTip("Choose a picture as the logo")
        self.remove.setToolTip("Print no logo")
        self.choose.clicked.connect(self._ask)
        self.remove.clicked.connect(lambda: self._edit(b""))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.picture)
        row.addStretch(1)
        row.addWidget(self.choose)
        row.addWidget(self.remove)
        self.show_logo(b"")

    def show_logo(self, png: bytes) -> None:
        """Show this logo; empty for none."""
        self.png = png
        picture = QPixmap()
        picture.loadFromData(png)
        offer(self.remove, "" if png else "There is no logo")
        self.picture.setProperty("kind", "muted" if picture.isNull() else "paper")
        style = self.picture.style()
        if style is not None:
            style.unpolish(self.picture)
            style.polish(self.picture)
        if picture.isNull():
            self.picture.setText("None")
            return
        # As many pixels as the screen has, and no wider than the dialog.
        density = self.devicePixelRatioF()
        shown = picture.scaled(
            QSize(_LOGO_WIDTH_PX, _LOGO_HEIGHT_PX) * density,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        shown.setDevicePixelRatio(density)
        self.picture.setPixmap(shown)

    def _ask(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Choose a logo", "", "Pictures (*.png *.jpg *.jpeg *.svg);;All files (*)"
        )
        if name:
            png = read_logo(Path(name))
            if png:
                self._edit(png)
            else:
                self.refused.emit()

    def _edit(self, png: bytes) -> None:
        self.show_logo(png)
        self.edited.emit()
