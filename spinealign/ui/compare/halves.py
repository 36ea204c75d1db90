"""Pictures above, what changed below; in a low window one of both at a time, behind tabs."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QSplitter, QTabBar, QVBoxLayout, QWidget

from spinealign.ui.widgets.labels import WordsColumn

LOW_LINES = 36
"""Where a window has room for fewer, pictures and table would leave each other none."""

PICTURE_PERCENT = 50


class Halves(QWidget):
    """Two parts of a page that share its height: `pictures` side by side, `below` a column.

    What they show is best made with one of them as its parent: a widget that gets another parent
    is styled anew, with all that is in it.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.tabs = QTabBar(self)
        self.tabs.setAccessibleName("Pictures or what changed")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for words in ("Pict&ures", "W&hat changed"):
            self.tabs.addTab(words)
        self.tabs.currentChanged.connect(self._show)
        # A splitter takes in whatever is made as its child.
        self._splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.pictures = QSplitter(Qt.Orientation.Horizontal, self._splitter)
        self.pictures.setChildrenCollapsible(False)
        self.below = WordsColumn(4, self._splitter)
        self._parts = self.pictures, self.below
        for place, share in enumerate((PICTURE_PERCENT, 100 - PICTURE_PERCENT)):
            self._splitter.setStretchFactor(place, share)
        self._splitter.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.tabs)
        column.addWidget(self._splitter, 1)
        self.tabs.hide()

    @property
    def is_low(self) -> bool:
        """Whether one part is shown at a time."""
        return not self.tabs.isHidden()

    def share_height(self, height_px: int) -> None:
        """Give each part its share of a height."""
        shares = (PICTURE_PERCENT, 100 - PICTURE_PERCENT)
        self._splitter.setSizes([height_px * share // 100 for share in shares])

    def fit(self, window_height_px: int) -> None:
        """Show both parts, or one of them where the window is too low for both."""
        is_low = window_height_px < LOW_LINES * self.fontMetrics().height()
        if is_low != self.is_low:
            self.tabs.setVisible(is_low)
            self._show()

    def _show(self) -> None:
        for place, part in enumerate(self._parts):
            part.setVisible(not self.is_low or place == self.tabs.currentIndex())
