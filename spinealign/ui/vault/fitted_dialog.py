"""A dialog as high as its words need at its width; what is higher than the screen scrolls."""

from __future__ import annotations

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QShowEvent
from PyQt6.QtWidgets import QDialog, QFrame, QScrollArea, QSplitter, QWidget

WIDTH_EM = 62


class Scrolled(QScrollArea):
    """Fields that scroll where the screen is too low for them; it asks for the room of all."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("plain", "true")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)

    @property
    def needed_width(self) -> int:
        """How wide its content is at least, with a bar beside it."""
        content, bar = self.widget(), self.verticalScrollBar()
        least = 0 if content is None else content.minimumSizeHint().width()
        return least + (0 if bar is None else bar.sizeHint().width())

    def needed_height(self, width: int) -> int:
        """Return how high its content is at a width, with a bar beside it.

        Before it has that height the bar is there, and makes words wrap that would not without it.
        """
        content = self.widget()
        layout = None if content is None else content.layout()
        if layout is None:
            return 0
        layout.activate()
        bar = self.verticalScrollBar()
        inner = width - (0 if bar is None else bar.sizeHint().width())
        return max(layout.totalHeightForWidth(inner), layout.totalMinimumSize().height())

    def sizeHint(self) -> QSize:
        """Ask for little: the dialog adds what is needed."""
        return QSize(super().sizeHint().width(), self.minimumSizeHint().height())


class LowSplitter(QSplitter):
    """Asks for no more height than its parts need at least, and takes what there is.

    A page that scrolls gives its parts the height that they ask for, however low the screen is.
    """

    def __init__(self, orientation: Qt.Orientation) -> None:
        super().__init__(orientation)
        self.setChildrenCollapsible(False)

    def sizeHint(self) -> QSize:
        """Ask for little."""
        return QSize(super().sizeHint().width(), self.minimumSizeHint().height())


class FittedDialog(QDialog):
    """Grows when it is shown until no field is squeezed, as far as the screen allows.

    A layout asks for the height of wrapped words at a width that the dialog will not have.
    """

    scrolled: Scrolled | None = None

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
        margins = layout.contentsMargins()
        beside = margins.left() + margins.right()
        if self.scrolled is not None:
            width = max(width, self.scrolled.needed_width + beside)
        layout.activate()
        needed = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        if self.scrolled is not None:
            needed += self.scrolled.needed_height(width - beside)
            needed -= self.scrolled.sizeHint().height()
        self.resize(width, min(needed, room.height() - 60))
