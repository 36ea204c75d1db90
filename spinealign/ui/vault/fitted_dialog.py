"""A dialog as high as its words need at its width."""

from __future__ import annotations

from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QDialog

WIDTH_EM = 62


class FittedDialog(QDialog):
    """Grows when it is shown until no field is squeezed, as far as the screen allows.

    A layout asks for the height of wrapped words at a width that the dialog will not have.
    """

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the height that is needed."""
        self.fit()
        super().showEvent(event)

    def fit(self) -> None:
        """Make the dialog as high as it needs to be now."""
        layout, screen = self.layout(), self.screen()
        if layout is None or screen is None:
            return
        room = screen.availableGeometry()
        width = min(WIDTH_EM * self.fontMetrics().averageCharWidth(), room.width() - 40)
        layout.activate()
        needed = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        self.resize(width, min(needed, room.height() - 60))
