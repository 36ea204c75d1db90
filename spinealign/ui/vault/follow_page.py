"""All examinations of one person in time, with the course of one measure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from spinealign.archive.records import ExaminationRecord, MeasureRecord
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.domain.protection import Right
from spinealign.ui.compare.drawn_chart import DrawnChart
from spinealign.ui.network.forms import Told, choice
from spinealign.ui.network.tables import Rows
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.vault.questions import ask
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.ui.widgets.theme import Theme
from spinealign.vault.keeping import unlink
from spinealign.vault.session import Session
from spinealign.wording import Message
from spinealign.wording.archive_list import (
    chart_words,
    follow_cells,
    measure_words,
    patient_line,
    unlink_question,
)
from spinealign.wording.archive_window import (
    CHOOSE_ONE,
    FOLLOW_HEADINGS,
    FOLLOW_NAME,
    MAY_NOT_CHANGE,
    MEASURE_LABEL,
    NO_MEASURES,
    NO_ONE_CHOSEN,
    ONLY_ONE_PATIENT,
    TOO_FEW_VALUES,
    UNLINK,
    UNLINK_MORE,
    UNLINK_NOT,
    UNLINK_NOW,
    UNLINK_TITLE,
    UNLINKED,
)

if TYPE_CHECKING:
    from spinealign.export.course_picture import DatedValue

MeasureKey = tuple[str, str, str]
"""Code, level and unit: pixels and millimetres have no common axis."""


class FollowPage(QWidget):
    """Shows the person of one examination; `changed` says that patients are linked otherwise."""

    changed = pyqtSignal()

    def __init__(self, desk: ArchiveDesk, theme: Theme) -> None:
        super().__init__()
        self._desk, self._identifier = desk, ""
        self._records: tuple[ExaminationRecord, ...] = ()
        self.title = wrapped_label(NO_ONE_CHOSEN, strong=True)
        self.measure = choice({})
        self.measure.setAccessibleName(MEASURE_LABEL.replace("&", ""))
        self.rows = Rows(FOLLOW_NAME, FOLLOW_HEADINGS)
        self.chart = DrawnChart(theme)
        self.told = Told()
        self.unlink = QPushButton(UNLINK)
        self.unlink.setAutoDefault(False)
        self._lay_out()
        self.measure.currentIndexChanged.connect(self._show_measure)
        self.rows.itemSelectionChanged.connect(self._follow)
        self.unlink.clicked.connect(self._ask_unlink)
        self._follow()

    def _lay_out(self) -> None:
        label = QLabel(MEASURE_LABEL)
        label.setBuddy(self.measure)
        line = QHBoxLayout()
        line.addWidget(label)
        line.addWidget(self.measure, 1)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.addWidget(self.rows)
        halves.addWidget(self.chart)
        halves.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        column.addLayout(line)
        column.addWidget(halves, 1)
        column.addWidget(self.told)
        column.addWidget(self.unlink, 0, Qt.AlignmentFlag.AlignLeft)

    def show_person(self, identifier: str) -> None:
        """Show the person of an examination."""
        self._identifier = identifier
        task = self._desk.ask(partial(_person, identifier), self._fail, self)
        task.finished.connect(self._show)

    def _show(self, records: Sequence[ExaminationRecord]) -> None:
        self._records = tuple(records)
        patients = dict.fromkeys(record.patient for record in records)
        self.title.setText("; ".join(map(patient_line, patients)))
        before = self.measure.currentData()
        self.measure.blockSignals(True)
        self.measure.clear()
        for key in _measures_of(records):
            self.measure.addItem(measure_words(*key), key)
        self.measure.setCurrentIndex(max(self.measure.findData(before), 0))
        self.measure.blockSignals(False)
        self._show_measure()

    @property
    def key(self) -> MeasureKey | None:
        """The measure that is chosen."""
        found: MeasureKey | None = self.measure.currentData()
        return None if found is None else (found[0], found[1], found[2])

    def _show_measure(self) -> None:
        key = self.key
        values = [None if key is None else _value_of(record, key) for record in self._records]
        self.rows.put(
            [
                (follow_cells(record, value), record.identifier)
                for record, value in zip(self._records, values, strict=True)
            ]
        )
        known = [
            (record.study_date, value)
            for record, value in zip(self._records, values, strict=True)
            if value is not None
        ]
        self._draw(known)
        self._follow()

    def _draw(self, known: Sequence[tuple[str, MeasureRecord]]) -> None:
        from spinealign.export.course_picture import values_picture

        drawn = dated_values(known)
        if len(drawn) < 2:
            self.chart.show_chart(None)
            self.told.say(TOO_FEW_VALUES if self.key is not None else NO_MEASURES, "muted")
            return
        self.told.say("")
        words = chart_words(self.measure.currentText(), known)
        self.chart.show_chart(partial(values_picture, drawn), words)

    def _follow(self) -> None:
        refused = self._desk.bench.at_work.refusal(Right.CHANGE, MAY_NOT_CHANGE)
        several = len({record.patient for record in self._records}) > 1
        none = "" if len(self.rows.chosen) == 1 else CHOOSE_ONE
        offer(self.unlink, refused or ("" if several else ONLY_ONE_PATIENT) or none)

    def _ask_unlink(self) -> None:
        [identifier] = self.rows.chosen
        [record] = [each for each in self._records if each.identifier == identifier]

        def act() -> None:
            done = partial(unlink, identifier=record.identifier)
            task = self._desk.ask(lambda session: done(session), self._fail, self)
            task.finished.connect(self._unlinked)

        words = UNLINK_TITLE, unlink_question(record.patient), UNLINK_MORE, UNLINK_NOW, UNLINK_NOT
        ask(self, words, act)

    def _unlinked(self) -> None:
        self.show_person(self._identifier)
        self.changed.emit()
        self._desk.bench.messages.tell(UNLINKED)

    def _fail(self, message: Message) -> None:
        self.told.say(f"{message.sentence} {message.advice}", "danger")


def dated_values(known: Sequence[tuple[str, MeasureRecord]]) -> tuple[DatedValue, ...]:
    """Return the values that have a date, as a chart takes them, the earliest first.

    Parameters
    ----------
    known : sequence of (str, MeasureRecord)
        Dates as "20261129", and values of one measure in one unit.
    """
    from spinealign.export.course_picture import DatedValue

    found = []
    for day, record in known:
        with suppress(ValueError):
            levels = tuple(record.level.split("/")) if record.level else ()
            ends = None
            if record.lower is not None and record.upper is not None:
                ends = record.lower, record.upper
            measurement = Measurement(
                MeasureCode(record.code), record.value, record.unit, levels, interval=ends
            )
            found.append(DatedValue(date.fromisoformat(day), measurement, None))
    return tuple(sorted(found, key=lambda one: one.day))


def _person(identifier: str, session: Session) -> tuple[ExaminationRecord, ...]:
    session.require(Right.VIEW)
    archive = session.archive
    return tuple(archive.get(each.identifier) for each in archive.examinations_of(identifier))


def _measures_of(records: Sequence[ExaminationRecord]) -> tuple[MeasureKey, ...]:
    """Return the measures of examinations, those that most of them have first."""
    counts: dict[MeasureKey, int] = {}
    for record in records:
        for each in record.measures:
            key = each.code, each.level, each.unit
            counts[key] = counts.get(key, 0) + 1
    return tuple(sorted(counts, key=lambda key: -counts[key]))


def _value_of(record: ExaminationRecord, key: MeasureKey) -> MeasureRecord | None:
    values = (each for each in record.measures if (each.code, each.level, each.unit) == key)
    return next(values, None)
