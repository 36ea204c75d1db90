"""Graded discs as rows for a table, from the top down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PyQt6.QtGui import QImage, QPixmap

from spinealign.domain.discs import Disc, GradeName
from spinealign.domain.findings import Analysis
from spinealign.wording import NOTHING, safe_text
from spinealign.wording.discs import disc_summary, finding_lines, grade_text, percent_text

HEADINGS = ("Disc", "Pfirrmann", "Findings")
MEANINGS = (
    "Click a disc to select it in the image and enlarge it",
    "Pfirrmann's grade of degeneration, 1 to 5, with the probability of each grade as a bar",
    "Findings above their thresholds, and uncertain findings, with probabilities",
)
DISC_COLUMN, PFIRRMANN_COLUMN, FINDINGS_COLUMN = range(3)
DISC_ROLE = Qt.ItemDataRole.UserRole
THUMBNAIL_WIDTH_PX, THUMBNAIL_SHARPNESS = 64, 2.0


@dataclass
class DiscChoice:
    """Which disc the user looks at, and which grade's heat map lies over it.

    `grade` None shows the leading one; `shows_heat` False shows none.
    """

    index_from_bottom: int | None = None
    grade: GradeName | None = None
    shows_heat: bool = True


class DiscModel(QAbstractTableModel):
    """Rows of `Disc` under `HEADINGS`."""

    def __init__(self, analysis: Analysis, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.grey = windowed_grey(analysis)
        self.discs: tuple[Disc, ...] = ()
        self._thumbnails: dict[int, QPixmap] = {}
        self.set_discs(analysis)

    def set_discs(self, analysis: Analysis) -> None:
        """Show the discs as they are called now; the pictures stay."""
        discs = tuple(reversed(analysis.discs))
        if [d.index_from_bottom for d in discs] == [d.index_from_bottom for d in self.discs]:
            self.discs = discs
            self.dataChanged.emit(self.index(0, 0), self.index(len(discs) - 1, FINDINGS_COLUMN))
            return
        self.beginResetModel()
        self.discs = discs
        self._thumbnails = {d.index_from_bottom: _thumbnail(self.grey, d) for d in discs}
        self.endResetModel()

    def row_of(self, index_from_bottom: int | None) -> int | None:
        """Return the row of a disc, or None if it is not there."""
        numbers = [disc.index_from_bottom for disc in self.discs]
        return numbers.index(index_from_bottom) if index_from_bottom in numbers else None

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of discs."""
        return 0 if parent is not None and parent.isValid() else len(self.discs)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(HEADINGS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows, says to a screen reader, or belongs to."""
        disc, column = self.discs[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return cell_text(disc, column)
        if role == Qt.ItemDataRole.DecorationRole and column == DISC_COLUMN:
            return self._thumbnails[disc.index_from_bottom]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(disc, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            spoken = f"{disc.name}: {disc_summary(disc)}"
            return safe_text(spoken) if column == DISC_COLUMN else cell_text(disc, column)
        return disc if role == DISC_ROLE else None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return a heading or its explanation."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return MEANINGS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None


def cell_text(disc: Disc, column: int) -> str:
    """Return the words of one cell."""
    if column == DISC_COLUMN:
        return safe_text(disc.name)
    if column == FINDINGS_COLUMN:
        return "\n".join(finding_lines(disc))
    grade = disc.grade(GradeName.PFIRRMANN)
    return NOTHING if grade is None else grade_text(grade)


def to_pixmap(picture: NDArray[np.uint8], sharpness: float = 1.0) -> QPixmap:
    """Return red, green and blue (h, w, 3) as a pixmap with `sharpness` pixels to one of Qt's."""
    rows, cols = picture.shape[:2]
    image = QImage(picture.tobytes(), cols, rows, 3 * cols, QImage.Format.Format_RGB888)
    pixmap = QPixmap.fromImage(image.copy())
    pixmap.setDevicePixelRatio(sharpness)
    return pixmap


def windowed_grey(analysis: Analysis) -> NDArray[np.uint8]:
    """Return an image (H, W) in the greys it is first shown with."""
    from spinealign.imaging.render import default_window, to_display

    return to_display(analysis.image.pixels, default_window(analysis.image))


def _thumbnail(grey: NDArray[np.uint8], disc: Disc) -> QPixmap:
    from spinealign.lumbar.crops import CROP_SHAPE
    from spinealign.lumbar.pictures import disc_picture

    enlargement = THUMBNAIL_SHARPNESS * THUMBNAIL_WIDTH_PX / CROP_SHAPE[1]
    return to_pixmap(disc_picture(grey, disc, enlargement=enlargement), THUMBNAIL_SHARPNESS)


def _tip(disc: Disc, column: int) -> str | None:
    grade = disc.grade(GradeName.PFIRRMANN)
    if column != PFIRRMANN_COLUMN or grade is None:
        return None
    shares = enumerate(grade.probabilities, start=1)
    return "\n".join(f"Grade {number}: {percent_text(p)}" for number, p in shares)
