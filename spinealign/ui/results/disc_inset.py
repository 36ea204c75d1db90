"""One disc looked at closely: its crop with a heat map, in a corner of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, QObject, QPoint, QRect, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QWheelEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
)

from spinealign.domain.discs import Disc
from spinealign.domain.findings import Analysis
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.results.disc_model import DiscChoice, to_pixmap, windowed_grey
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording import safe_text
from spinealign.wording.discs import disc_summary, grade_title

DISC_LENGTHS_SHOWN = 4.0
"""How much of the picture is shown about a disc that was chosen."""

PICTURE_ENLARGEMENT, PICTURE_SHARPNESS = 3.5, 2.0
LARGEST_SHARE, HIGHEST_SHARE = 0.45, 0.8
"""How much of the viewer's width and height the picture of a disc takes at most."""

SMALLEST_PX = 60
MARGIN_PX = 12
NO_HEAT = "No heat map"
HEAT_TIP = "Grade that the heat map belongs to; it marks no anatomical border"


class DiscInset(QFrame):
    """Shows a disc of the case that is shown, and brings it to the middle of the picture.

    Parameters
    ----------
    viewer : Viewer
        In whose corner it lies.
    choice : DiscChoice
        Which disc and which heat map the user wants; changed in place.
    """

    closed = pyqtSignal()

    def __init__(self, viewer: Viewer, choice: DiscChoice) -> None:
        super().__init__(viewer)
        self._viewer, self._choice = viewer, choice
        self._disc: Disc | None = None
        self._grey: NDArray[np.uint8] | None = None
        self.setObjectName("discInset")
        self.setAccessibleName("Disc")
        self.title = wrapped_label("", strong=True)
        self.picture = QLabel()
        self.heat = _HeatChoice()
        self.heat.setAccessibleName("Heat map of the disc")
        self.heat.activated.connect(self._choose)
        self.heat.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.close_button = QToolButton()
        self.close_button.setIcon(icon("close"))
        self.close_button.setToolTip("Put the picture of the disc away")
        self.close_button.setAccessibleName("Put the picture of the disc away")
        self.close_button.clicked.connect(self.hide_inset)
        self._lay_out()
        viewer.installEventFilter(self)
        self.hide()

    def look_at(self, disc: Disc, analysis: Analysis) -> None:
        """Show a disc closely, and go to it in the picture."""
        self._grey = windowed_grey(analysis)
        self._show(disc)
        (x0, y0), (x1, y1) = disc.anterior, disc.posterior
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        side = DISC_LENGTHS_SHOWN * length
        self._viewer.show_place((x0 + x1) / 2, (y0 + y1) / 2, side, self._free())
        self._viewer.picture.mark(disc.outline)

    def follow(self, analysis: Analysis) -> None:
        """Call the disc what it is called now."""
        shown = self._disc
        if shown is None:
            return
        same = (d for d in analysis.discs if d.index_from_bottom == shown.index_from_bottom)
        disc = next(same, None)
        if disc is not None and disc.grades is shown.grades:
            self._disc = disc
            self._show_title(disc)

    def hide_inset(self) -> None:
        """Look at no disc."""
        if self._disc is not None:
            self._disc = self._grey = None
            self._viewer.picture.mark(())
            self.hide()
            self._viewer.keep_clear_of(QRect())
            self.closed.emit()

    def _show(self, disc: Disc) -> None:
        self._disc = disc
        self._show_title(disc)
        self._fill_heat(disc)
        self._draw()
        self.show()
        self.raise_()
        self._fit()

    def _show_title(self, disc: Disc) -> None:
        name = safe_text(disc.name)
        self.title.setText(name)
        self.picture.setAccessibleName(f"Picture of {name}: {disc_summary(disc)}")
        self._fit()

    def _fill_heat(self, disc: Disc) -> None:
        from spinealign.lumbar.pictures import leading_grade

        with_heat = [grade for grade in disc.grades if grade.heatmap is not None]
        self.heat.clear()
        for grade in with_heat:
            self.heat.addItem(f"Heat map: {grade_title(grade.name)}", grade.name)
        self.heat.addItem(NO_HEAT, None)
        leading = leading_grade(disc)
        wanted = self._choice.grade or (leading.name if leading is not None else None)
        row = self.heat.findData(wanted) if self._choice.shows_heat else -1
        self.heat.setCurrentIndex(row if row >= 0 else self.heat.count() - 1)
        self.heat.setVisible(bool(with_heat))

    def _choose(self, row: int) -> None:
        self._choice.grade = self.heat.itemData(row)
        self._choice.shows_heat = self._choice.grade is not None
        self._draw()

    def _draw(self) -> None:
        from spinealign.lumbar.pictures import disc_picture

        # In a small window the box is too narrow for its words.
        self.heat.setToolTip(f"{self.heat.currentText()}\n{HEAT_TIP}")
        if self._disc is None or self._grey is None:
            return
        name = self.heat.currentData()
        grade = None if name is None else self._disc.grade(name)
        heatmap = None if grade is None else grade.heatmap
        cut = disc_picture(self._grey, self._disc, heatmap, PICTURE_ENLARGEMENT)
        self.picture.setPixmap(to_pixmap(cut, self._sharpness(*cut.shape[:2])))

    def _sharpness(self, rows: int, cols: int) -> float:
        """Return how many pixels of the cut go to one of Qt's, so that the disc stays to be seen.

        The picture takes no more than its share of the viewer, whatever the size of letters.
        """
        view, sides = self._viewer.size(), 2 * MARGIN_PX
        others = self.title.sizeHint().height() + self.heat.sizeHint().height() + 2 * sides
        width = max(view.width() * LARGEST_SHARE - sides, SMALLEST_PX)
        height = max(view.height() * HIGHEST_SHARE - others, SMALLEST_PX)
        return max(PICTURE_SHARPNESS, cols / width, rows / height)

    def _free(self) -> QRect:
        """Return the part of the viewer that this does not lie over: beside it, or below."""
        viewport = self._viewer.viewport()
        whole = QRect(QPoint(), self._viewer.size()) if viewport is None else viewport.rect()
        beside, below = QRect(whole), QRect(whole)
        beside.setLeft(self.geometry().right() + MARGIN_PX)
        below.setTop(self.geometry().bottom() + MARGIN_PX)
        return max(beside, below, key=lambda part: min(part.width(), part.height()))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Become as large as the viewer has room for."""
        if event is not None and event.type() == QEvent.Type.Resize and self._disc is not None:
            self._draw()
            self._fit()
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 8)
        column.setSpacing(6)
        column.addLayout(head)
        column.addWidget(self.picture)
        column.addWidget(self.heat)

    def _fit(self) -> None:
        """Become as high as the words need at the picture's width."""
        pixmap, layout = self.picture.pixmap(), self.layout()
        if pixmap.isNull() or layout is None:
            return
        sides = layout.contentsMargins()
        width = round(pixmap.deviceIndependentSize().width()) + sides.left() + sides.right()
        layout.activate()
        self.setGeometry(MARGIN_PX, MARGIN_PX, width, layout.totalHeightForWidth(width))
        self._viewer.keep_clear_of(self.geometry())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Keep clicks from the picture behind."""
        if event is not None:
            event.accept()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Keep the wheel from the picture behind."""
        if event is not None:
            event.accept()


class _HeatChoice(QComboBox):
    """Keeps the wheel from changing the choice by accident."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is not None:
            event.ignore()
