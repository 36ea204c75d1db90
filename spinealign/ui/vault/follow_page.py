"""All examinations of one person in time, with the course of one measure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from spinealign.archive.records import ExaminationRecord
from spinealign.domain.protection import Right
from spinealign.ui.compare.drawn_chart import DrawnChart
from spinealign.ui.network.forms import Told, choice
from spinealign.ui.network.tables import Rows
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.vault.fitted_dialog import LowSplitter
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.ui.widgets.questions import ask
from spinealign.ui.widgets.theme import Theme
from spinealign.vault.following import (
    Followed,
    MeasureKey,
    day_of_study,
    followed,
    in_time,
)
from spinealign.vault.keeping import unlink
from spinealign.vault.session import Session
from spinealign.wording import Message
from spinealign.wording.archive_list import (
    chart_words,
    follow_cautions,
    follow_cells,
    measure_words,
    patient_line,
    unlink_question,
)
from spinealign.wording.archive_window import (
    CHANGED_SUFFIX,
    CHOOSE_TO_UNLINK,
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


_LEAST_LINES = 7
"""Heading and three rows, where the screen is low."""


class FollowPage(QWidget):
    """Shows the person of one examination; `changed` says that patients are linked otherwise."""

    changed = pyqtSignal()

    def __init__(self, desk: ArchiveDesk, theme: Theme) -> None:
        super().__init__()
        self._desk, self._identifier = desk, ""
        self._records: tuple[ExaminationRecord, ...] = ()
        self._courses: dict[MeasureKey, Followed] = {}
        self.title = wrapped_label(NO_ONE_CHOSEN, strong=True)
        self.measure = choice({})
        self.measure.setAccessibleName(MEASURE_LABEL.replace("&", ""))
        self.rows = Rows(FOLLOW_NAME, FOLLOW_HEADINGS)
        self.rows.setMinimumHeight(_LEAST_LINES * self.fontMetrics().height())
        self.chart = DrawnChart(theme)
        self.told, self.cautions = Told(), wrapped_label("", "muted")
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
        halves = LowSplitter(Qt.Orientation.Vertical)
        halves.addWidget(self.rows)
        halves.addWidget(self.chart)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        column.addLayout(line)
        column.addWidget(halves, 1)
        column.addWidget(self.told)
        column.addWidget(self.cautions)
        column.addWidget(self.unlink, 0, Qt.AlignmentFlag.AlignLeft)

    def show_person(self, identifier: str) -> None:
        """Show the person of an examination, whose row is chosen."""
        self._identifier = identifier
        task = self._desk.ask(partial(_person, identifier), self._fail, self)
        task.finished.connect(self._show)

    def _show(self, found: tuple[tuple[ExaminationRecord, ...], tuple[Followed, ...]]) -> None:
        self._records, courses = found
        self._courses = {course.key: course for course in courses}
        patients = dict.fromkeys(record.patient for record in self._records)
        self.title.setText("; ".join(map(patient_line, patients)))
        before = self.measure.currentData()
        self.measure.blockSignals(True)
        self.measure.clear()
        for key, course in self._courses.items():
            changed = CHANGED_SUFFIX if course.is_changed else ""
            self.measure.addItem(f"{measure_words(*key)}{changed}", key)
        self.measure.setCurrentIndex(max(self.measure.findData(before), 0))
        self.measure.blockSignals(False)
        self._show_measure()
        self.rows.choose(self._identifier)

    @property
    def shown(self) -> Followed | None:
        """The measure that is chosen, over all examinations."""
        key: MeasureKey | None = self.measure.currentData()
        return None if key is None else self._courses.get((key[0], key[1], key[2]))

    def _show_measure(self) -> None:
        shown, count = self.shown, len(self._records)
        values = (None,) * count if shown is None else shown.values
        changes = (None,) * count if shown is None else shown.changes
        self.rows.put(
            [
                (follow_cells(record, value, change), record.identifier)
                for record, value, change in zip(self._records, values, changes, strict=True)
            ]
        )
        self._draw(shown)
        self.cautions.setText(" ".join(follow_cautions(self._records, changes)))
        self._follow()

    def _draw(self, shown: Followed | None) -> None:
        from spinealign.export.course_picture import values_picture

        drawn = () if shown is None else dated_values(self._records, shown)
        if len(drawn) < 2:
            self.chart.show_chart(None)
            self.told.say(TOO_FEW_VALUES if shown is not None else NO_MEASURES, "muted")
            return
        self.told.say("")
        said = [(one.day, one.measurement, one.change) for one in drawn]
        words = chart_words(self.measure.currentText(), said)
        self.chart.show_chart(partial(values_picture, drawn), words)

    def _follow(self) -> None:
        refused = self._desk.bench.at_work.refusal(Right.CHANGE, MAY_NOT_CHANGE)
        several = len({record.patient for record in self._records}) > 1
        none = "" if len(self.rows.chosen) == 1 else CHOOSE_TO_UNLINK
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


def dated_values(records: Sequence[ExaminationRecord], shown: Followed) -> tuple[DatedValue, ...]:
    """Return the values that have a date and may be compared, as a chart takes them.

    Pixels of different images have no common axis, and leave none to be drawn.
    """
    from spinealign.export.course_picture import DatedValue

    found = []
    for record, value, change in zip(records, shown.values, shown.changes, strict=True):
        day = day_of_study(record)
        is_comparable = change is None or change.difference is not None
        if day is not None and value is not None and is_comparable:
            found.append(DatedValue(day, value, change))
    return tuple(found)


def _person(
    identifier: str, session: Session
) -> tuple[tuple[ExaminationRecord, ...], tuple[Followed, ...]]:
    session.require(Right.VIEW)
    archive = session.archive
    found = in_time(archive.get(each.identifier) for each in archive.examinations_of(identifier))
    return found, followed(found)
