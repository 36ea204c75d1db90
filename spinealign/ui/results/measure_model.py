"""The measures of one analysis as a tree of groups, changed in place while a point is dragged."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from PyQt6.QtCore import QAbstractItemModel, QModelIndex, QObject, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QFont, QPixmap

from spinealign.domain.measurements import Measurement, MeasureState
from spinealign.domain.measures import DrawnOn, MeasureGroup
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import safe_text
from spinealign.wording.definitions import GROUP_TITLES
from spinealign.wording.measure_rows import (
    grouped,
    interval_text,
    measure_sentence,
    position_in_range,
    reference_text,
    value_text,
)
from spinealign.wording.measures import measurement_name, method_text, severity_source

MEASUREMENT_ROLE = Qt.ItemDataRole.UserRole
TOOL_TIP_LETTERS = 72
ICON_PX = 15
MOST_OPEN_ROWS = 24
"""Rows of a group that lies open without being opened: all segments of a neck or a back."""

Key = tuple[str, tuple[str, ...]]
_Groups = tuple[tuple[MeasureGroup, tuple[Measurement, ...]], ...]
_OPEN_AT_FIRST = frozenset(MeasureGroup) - {MeasureGroup.DISCS, MeasureGroup.BODIES}


class MeasureColumn(IntEnum):
    """Columns of the table."""

    MEASURE = 0
    VALUE = 1
    INTERVAL = 2
    DEFINITION = 3


HEADINGS = {
    MeasureColumn.MEASURE: ("Measure", "Measure; select its box to draw it on the image"),
    MeasureColumn.VALUE: (
        "Value", "Measured value; the pencil marks values whose points were moved",
    ),
    MeasureColumn.INTERVAL: ("95 %", "95 % interval from the uncertainty of the points"),
    MeasureColumn.DEFINITION: ("", "Definition and source"),
}  # fmt: skip


@dataclass
class MeasureChoices:
    """Which measures the user draws on the picture, and which groups lie open.

    Kept from case to case; `shown` holds only what the user decided, without levels for all
    levels of a measure. A group of more than
    `MOST_OPEN_ROWS`, as of a whole spine, lies open only where the user opened it.
    """

    shown: dict[Key, bool] = field(default_factory=dict)
    open_groups: set[MeasureGroup] = field(default_factory=lambda: set(_OPEN_AT_FIRST))
    opened_by_user: set[MeasureGroup] = field(default_factory=set)

    def is_open(self, group: MeasureGroup, rows: int) -> bool:
        """Whether a group of so many rows lies open."""
        is_short = rows <= MOST_OPEN_ROWS
        return group in self.open_groups and (is_short or group in self.opened_by_user)

    def set_open(self, group: MeasureGroup, is_open: bool) -> None:
        """Remember that the user opened or folded a group."""
        for groups in (self.open_groups, self.opened_by_user):
            (groups.add if is_open else groups.discard)(group)

    def is_shown(self, measurement: Measurement) -> bool:
        """Whether a measure is drawn on the picture."""
        is_usual = measurement.definition.drawn_on is DrawnOn.SCREEN_AND_REPORT
        of_all_levels = self.shown.get((measurement.code.value, ()), is_usual)
        return self.shown.get(measurement.key, of_all_levels)


class MeasureModel(QAbstractItemModel):
    """Groups with their measures below them.

    `set_measurements` keeps every index valid as long as the same measures have values,
    and then only says that data changed.
    """

    toggled = pyqtSignal(object, bool)

    def __init__(
        self, choices: MeasureChoices, colours: Colours, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._choices = choices
        self._colours = colours
        self._groups: _Groups = ()
        self._pencil = _picture("edited", colours.accent)
        self._info = _picture("info", colours.muted)
        self._arrows = {True: _picture("expanded"), False: _picture("collapsed")}
        self._bold = QFont()
        self._bold.setBold(True)

    def set_measurements(self, measurements: Sequence[Measurement]) -> bool:
        """Show these measures; returns whether rows came, went or moved."""
        groups = grouped(measurements)
        if _shape(groups) != _shape(self._groups):
            self.beginResetModel()
            self._groups = groups
            self.endResetModel()
            return True
        before, self._groups = self._groups, groups
        for row, ((_, old), (_, new)) in enumerate(zip(before, groups, strict=True)):
            changed = [i for i, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
            if changed:
                self._say_changed(self.index(row, 0), changed[0], changed[-1])
        return False

    def measurement(self, index: QModelIndex) -> Measurement | None:
        """Return the measure of a row, None for the heading of a group."""
        if not index.isValid() or index.internalId() == 0:
            return None
        return self._groups[index.internalId() - 1][1][index.row()]

    def texts(self, column: MeasureColumn) -> list[str]:
        """Return what the cells of a column show, from the top."""
        return [_cell(member, column) for _, members in self._groups for member in members]

    def is_open(self, index: QModelIndex) -> bool:
        """Whether the group of a heading lies open."""
        group, members = self._groups[index.row()]
        return self._choices.is_open(group, len(members))

    def group(self, index: QModelIndex) -> MeasureGroup:
        """Return the group of a heading or a row."""
        return self._groups[(index.internalId() or index.row() + 1) - 1][0]

    def index_of(self, key: Key) -> QModelIndex:
        """Return the row of a measure, invalid if it has none."""
        for number, (_, members) in enumerate(self._groups):
            for row, member in enumerate(members):
                if member.key == key:
                    return self.createIndex(row, 0, number + 1)
        return QModelIndex()

    def toggle(self, index: QModelIndex) -> None:
        """Draw a measure, or all of a group, on the picture or take it off again."""
        first = index.siblingAtColumn(MeasureColumn.MEASURE)
        checked = self.data(first, Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        wanted = Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked
        self.setData(first, wanted, Qt.ItemDataRole.CheckStateRole)

    def index(self, row: int, column: int, parent: QModelIndex | None = None) -> QModelIndex:
        """Return the index of a heading, or of a measure below one."""
        if parent is None or not parent.isValid():
            return self.createIndex(row, column, 0) if row < len(self._groups) else QModelIndex()
        if parent.internalId() or row >= self.rowCount(parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1)

    def parent(self, index: QModelIndex | None = None) -> Any:
        """Return the heading above a measure; without an index the model's owner."""
        if index is None:
            return super().parent()
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, 0)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of groups, or of measures in one."""
        if parent is None or not parent.isValid():
            return len(self._groups)
        if parent.internalId() or parent.column() != 0:
            return 0
        return len(self._groups[parent.row()][1])

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return len(MeasureColumn)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Allow the first column to be ticked."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == MeasureColumn.MEASURE:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a heading or its explanation."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        heading, meaning = HEADINGS[MeasureColumn(section)]
        if role == Qt.ItemDataRole.DisplayRole:
            return heading
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return meaning
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(MeasureColumn(section))
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what one cell shows."""
        measurement = self.measurement(index)
        if measurement is None:
            return self._group_data(index, role)
        column = MeasureColumn(index.column())
        if role == MEASUREMENT_ROLE:
            return measurement
        if role == Qt.ItemDataRole.DisplayRole:
            return _cell(measurement, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.CheckStateRole and column is MeasureColumn.MEASURE:
            shown = self._choices.is_shown(measurement)
            return Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked
        if role == Qt.ItemDataRole.DecorationRole:
            return self._decoration(measurement, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tool_tip(measurement)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _accessible(measurement, column)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take a tick for a measure or for all of a group."""
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != MeasureColumn.MEASURE:
            return False
        shown = Qt.CheckState(value) == Qt.CheckState.Checked
        one = self.measurement(index)
        members = self._groups[index.row()][1] if one is None else (one,)
        changed = [m for m in members if self._choices.is_shown(m) != shown]
        for measurement in changed:
            self._choices.shown[measurement.key] = shown
        top = index if one is None else self.parent(index)
        self._say_changed(top, 0, self.rowCount(top) - 1)
        for measurement in changed:
            self.toggled.emit(measurement.key, shown)
        return True

    def _group_data(self, index: QModelIndex, role: int) -> Any:
        if not index.isValid() or index.column() != MeasureColumn.MEASURE:
            return None
        group, members = self._groups[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return group_title(group, members)
        if role == Qt.ItemDataRole.FontRole:
            return self._bold
        if role == Qt.ItemDataRole.DecorationRole:
            return self._arrows[self._choices.is_open(group, len(members))]
        if role == Qt.ItemDataRole.CheckStateRole:
            shown = {self._choices.is_shown(member) for member in members}
            if len(shown) > 1:
                return Qt.CheckState.PartiallyChecked
            return Qt.CheckState.Checked if True in shown else Qt.CheckState.Unchecked
        return None

    def _decoration(self, measurement: Measurement, column: MeasureColumn) -> QPixmap | None:
        if column is MeasureColumn.VALUE and measurement.state is MeasureState.EDITED:
            return self._pencil
        return self._info if column is MeasureColumn.DEFINITION else None

    def _say_changed(self, top: QModelIndex, first: int, last: int) -> None:
        right = len(MeasureColumn) - 1
        self.dataChanged.emit(top, top.siblingAtColumn(right))
        self.dataChanged.emit(self.index(first, 0, top), self.index(last, right, top))


def group_title(group: MeasureGroup, members: Sequence[Measurement]) -> str:
    """Return a group's heading with how many values are edited or outside the reference range."""
    places = [position_in_range(member) for member in members]
    outside = sum(place is not None and not place.is_inside for place in places)
    edited = sum(member.state is MeasureState.EDITED for member in members)
    counts = ((outside, "outside range"), (edited, "edited"))
    told = [str(len(members)), *(f"{count} {word}" for count, word in counts if count)]
    return f"{GROUP_TITLES[group]} ({', '.join(told)})"


def tool_tip(measurement: Measurement) -> str:
    """Return what there is to know about a value, in lines that are not too long."""
    severity = measurement.severity
    lines = [
        measure_sentence(measurement),
        method_text(measurement),
        reference_text(measurement),
        f"Severity: {severity_source(severity)}" if severity is not None else "",
    ]
    wrapped = (textwrap.fill(safe_text(line).strip(), TOOL_TIP_LETTERS) for line in lines if line)
    return "\n\n".join(wrapped)


def _picture(name: str, colour: str | None = None) -> QPixmap:
    """Return an icon painted once: as a drawing it would be painted at every mouse move."""
    return icon(name, colour).pixmap(QSize(ICON_PX, ICON_PX), 2.0)


def _cell(measurement: Measurement, column: MeasureColumn) -> str:
    if column is MeasureColumn.MEASURE:
        return measurement_name(measurement)
    if column is MeasureColumn.VALUE:
        return value_text(measurement)
    if column is MeasureColumn.INTERVAL:
        return interval_text(measurement.interval, measurement.unit)
    return ""


def _accessible(measurement: Measurement, column: MeasureColumn) -> str:
    """Return the whole row for the first column, drawn bar and second line included."""
    if column is MeasureColumn.MEASURE:
        return measure_sentence(measurement)
    if column is MeasureColumn.DEFINITION:
        return "Definition and source"
    return _cell(measurement, column)


def _alignment(column: MeasureColumn) -> Qt.AlignmentFlag:
    right = column in (MeasureColumn.VALUE, MeasureColumn.INTERVAL)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _shape(groups: _Groups) -> tuple[tuple[MeasureGroup, tuple[Key, ...]], ...]:
    return tuple((group, tuple(member.key for member in members)) for group, members in groups)
