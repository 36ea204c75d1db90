"""Slice navigation in the series of the current case, and return to the analysed slice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QMessageBox

from spinealign.domain.examination import Examination
from spinealign.domain.reading import ReadingStatus
from spinealign.domain.study import SlicePosition
from spinealign.ui.cases.case import Case, CaseStatus
from spinealign.ui.cases.cases_panel import placeholder_text
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.picture.display_images import DisplayImage
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.series.sheets import SheetOpener
from spinealign.ui.series.slice_bar import SliceBar
from spinealign.ui.series.slice_reader import Page, SliceReader
from spinealign.ui.series.wheel import WheelLeafing
from spinealign.ui.workbench import Workbench
from spinealign.wording import Message
from spinealign.wording.reading_page import STATUS_WORDS
from spinealign.wording.series import (
    foreign_result_text,
    picture_word,
    replace_question,
    return_text,
    unseen_result_text,
)
from spinealign.wording.worklist import READING

VEIL_DELAY_MS = 120
"""A slice that is read sooner takes the place of the one before without a flicker."""


class SliceNavigation(QObject):
    """Decides which picture of the current case the viewer shows.

    `moved` says that another one was gone to, `placed` that where one is, or where the
    result is, may have changed. `place` is None while that is the picture that the result is
    of, or will be of; only then the result lies over it, and only then it can be corrected.
    """

    moved = pyqtSignal()
    placed = pyqtSignal()

    def __init__(self, bench: Workbench, viewer: Viewer, bar: SliceBar) -> None:
        super().__init__(viewer)
        self._session, self._editing = bench.session, bench.editing
        self._messages = bench.messages
        self._viewer = viewer
        self.bar = bar
        self.place: SlicePosition | None = None
        self._case: Case | None = None
        self.preview_of: Callable[[Case], QImage | None] = lambda case: None
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(VEIL_DELAY_MS)
        self._late.timeout.connect(self._say_what_is_read)
        self.reader = SliceReader(bench.services, bench.reading, self)
        self.reader.ready.connect(self._show_page)
        self._sheets = SheetOpener(bench.services, bench.files, self)
        self._sheets.opened.connect(self._lay_sheet)
        bar.place_chosen.connect(self.go)
        bar.analyse_requested.connect(self.analyse_here)
        bar.return_requested.connect(self.follow)
        preferences = bench.preferences
        WheelLeafing(
            viewer, self.step, lambda: self.is_series, lambda: preferences.settings.wheel_leafs
        )
        bench.current_changed.connect(self.show)
        bench.selected.connect(self._go_where_it_was_left)
        bench.current_updated.connect(self._update)
        bench.session.display_ready.connect(self._on_display)
        bench.session.finding_ready.connect(self._on_finding)

    @property
    def position(self) -> SlicePosition | None:
        """Where in its series the picture is that is looked at; None without a series."""
        case = self._case
        return None if case is None or case.stack.is_single else self._here()

    @property
    def slice_count(self) -> int:
        """How many pictures the volume has that is looked at."""
        here, case = self.position, self._case
        return 0 if here is None or case is None else len(case.stack.volumes[here.volume])

    @property
    def is_away(self) -> bool:
        """Whether another picture is looked at than the one of the result."""
        return self.place is not None

    @property
    def is_series(self) -> bool:
        """Whether there are pictures to leaf through."""
        return self._case is not None and not self._case.stack.is_single

    @property
    def title(self) -> str:
        """What the picture that is looked at is called, with the one of the result if another."""
        case = self._case
        if case is None:
            return ""
        return case.title if self.place is None else case.title_of(self.place)

    @property
    def foreign(self) -> tuple[str, str]:
        """What to say where the results are of another picture, and how to go there; else empty."""
        case = self._case
        if case is None or self.place is None or case.place is None or case.finding is None:
            return "", ""
        words = (case.stack, case.place, self.place)
        return foreign_result_text(*words), return_text(case.stack, case.place)

    @property
    def why_undecided(self) -> str:
        """Why nobody decides on results of a picture that is not seen; empty where it is."""
        case = self._case
        if case is None or case.place is None or not any(self.foreign):
            return ""
        return unseen_result_text(case.stack, case.place)

    def show(self, case: Case | None) -> None:
        """Show a case's own picture, with what was found on it, or a sentence instead."""
        is_series = case is not None and not case.stack.is_single
        self._case, self.place = case, None
        self.reader.begin(case.stack if case is not None and is_series else None)
        self.bar.show_stack(case.stack if case is not None else None)
        self._late.stop()
        if case is None or case.display is not None:
            self._viewer.show_image(case.display if case is not None else None)
        else:
            self._await_picture(case)
        self._lay_result()
        self._want_sheet()
        self.refresh()

    def _go_where_it_was_left(self, case: Case | None) -> None:
        """Look at the picture of a series that was looked at last."""
        place = None if case is None else case.looked_at
        if place is not None:
            self.go(place)

    def _leave(self) -> None:
        """Be at the picture of the result, or at that of the one that comes."""
        self.place = None
        if self._case is not None:
            self._case.looked_at = None

    def _update(self, case: Case) -> None:
        """Say how far a case is, where its picture will be and beside it."""
        if case.display is None and not self.is_away:
            self._await_picture(case)
        self.refresh()

    def _await_picture(self, case: Case) -> None:
        """Say that the picture of a case is read, over a small one of it where there is one."""
        self._viewer.show_image(None, placeholder_text(case), self.preview_of(case))

    def _say_what_is_read(self) -> None:
        """Cover the slice before: its number is not the one that the window names any more."""
        if self._case is not None and self.place is not None:
            self._viewer.veil(f"{self._case.title_of(self.place)}\n{READING}")

    def _on_display(self, case: Case) -> None:
        """Show the case's new picture, unless another one is being looked at."""
        if case is not self._case or case.display is None:
            return
        if self.place is None or self.place == case.place:
            was_away = self.is_away
            self._leave()
            self._put(case.display, keep=was_away or self._shows(case))
            self._editing.begin(case)
            self._want_sheet()
        self.refresh()

    def _shows(self, case: Case) -> bool:
        """Whether the picture of a case is there already: it was read before its analysis."""
        shown = self._viewer.picture.display
        if shown is None or not case.holds(shown.image.place):
            return False
        return case.stack.is_single or case.stack.place_of(shown.image.place) == case.place

    def _on_finding(self, case: Case) -> None:
        """Lay a new result over its picture."""
        if case is not self._case:
            return
        if self.place == case.place:
            self._leave()
        self._lay_result()
        if not self.is_away:
            self._sheets.drop()
            self._editing.begin(case)
        elif not self._editing.is_bare:
            self._editing.begin(None)
        self.refresh()

    def follow(self) -> None:
        """Return to the picture of the result."""
        case = self._case
        if case is None or self.place is None:
            return
        self._leave()
        self._late.stop()
        if case.display is None:
            self._await_picture(case)
        else:
            self._put(case.display, keep=True)
        self._lay_result()
        self._editing.begin(case)
        self._want_sheet()
        self.refresh()
        self.moved.emit()

    def go(self, place: SlicePosition) -> None:
        """Look at a picture of the series."""
        case = self._case
        if case is None or case.stack.is_single or not case.stack.has_position(place):
            return
        if place == case.place:
            case.looked_at = None
            self.follow()
            return
        self._editing.begin(None)
        self.place = case.looked_at = place
        page = self.reader.want(place)
        if page is not None:
            self._show_page(place, page)
        elif not self._late.isActive():
            self._late.start()
        self.refresh()
        self.moved.emit()

    def step(self, forward: int) -> None:
        """Go to the next picture (1) or the previous one (-1)."""
        here, case = self._here(), self._case
        if here is not None and case is not None:
            last = len(case.stack.volumes[here.volume]) - 1
            self.go(replace(here, index=min(max(here.index + forward, 0), last)))

    def analyse_here(self) -> None:
        """Analyse the picture that is looked at."""
        if self._case is not None:
            self._ask_and_analyse(self._case, self._case.wanted_examination)

    def _ask_and_analyse(self, case: Case, examination: Examination | None) -> None:
        """Analyse the picture that is looked at; ask where a person's work on another gives way."""
        place, result = self.place, case.place
        if place is None or case.finding is None or result is None:
            self._analyse(case, place, examination)
            return
        work = [case.edit_words] if case.edit_words else []
        if case.reading_status is not ReadingStatus.AUTOMATIC:
            work.append(STATUS_WORDS[case.reading_status])
        if not work:
            self._analyse(case, place, examination)
            return
        title, text, more, go_on, keep = replace_question(case.stack, result, place, work)
        box = QMessageBox(QMessageBox.Icon.Question, title, text, parent=self._viewer.window())
        box.setInformativeText(more)
        accept = box.addButton(go_on, QMessageBox.ButtonRole.AcceptRole)
        reject = box.addButton(keep, QMessageBox.ButtonRole.RejectRole)
        assert accept is not None
        accept.clicked.connect(lambda: self._analyse(case, place, examination))
        box.setDefaultButton(reject)
        box.setEscapeButton(reject)
        box.finished.connect(box.deleteLater)
        box.open()

    def _analyse(
        self, case: Case, place: SlicePosition | None, examination: Examination | None
    ) -> None:
        if place is None:
            self._session.analyse(case, examination)
        else:
            case.wanted_examination = examination
            self._session.analyse_picture(case, place)

    def analyse_as(self, examination: Examination | None) -> None:
        """Analyse the picture that is looked at as this kind; None lets the program decide.

        The result of a signed reading stays what it was signed as, and a notice says so.
        """
        reason = None if self.is_away else self._editing.locked()
        if reason is not None:
            self._messages.notice(reason)
        elif self._case is not None:
            self._ask_and_analyse(self._case, examination)

    def show_demonstration(self) -> None:
        """Analyse the picture of the result once more, demonstration classifiers too."""
        if self._case is not None:
            self._session.analyse(self._case, self._case.wanted_examination, demonstration=True)

    def refresh(self) -> None:
        """Say where one is."""
        self.placed.emit()
        here = self._here()
        if self._case is None or self._case.stack.is_single or here is None:
            return
        result = self._case.place if self._case.finding is not None else None
        self.bar.show_place(here, result, self._note())

    def _here(self) -> SlicePosition | None:
        if self.place is not None or self._case is None:
            return self.place
        return self._case.place or SlicePosition(0, self._case.stack.first.middle)

    def _note(self) -> str:
        case = self._case
        assert case is not None
        is_wanted = self.place is not None and self.place == case.wanted_place
        if is_wanted and case.status is CaseStatus.RUNNING:
            return "being analysed"
        if self.place is not None and self.reader.page(self.place) is None:
            return "reading…"
        if case.finding is None:
            return "not analysed yet"
        if not self.is_away or case.place is None:
            return "analysed"
        volume = f", volume {case.place.volume + 1}" if len(case.stack.volumes) > 1 else ""
        return f"result: {picture_word(case.stack.first).lower()} {case.place.index + 1}{volume}"

    def _show_page(self, place: SlicePosition, page: Page) -> None:
        if place != self.place:
            return
        self._late.stop()
        if isinstance(page, Message):
            self._viewer.show_image(None, f"{page.sentence}\n{page.advice}")
        else:
            self._put(page, keep=True)
        self._want_sheet()
        self.refresh()

    def _put(self, display: DisplayImage, keep: bool) -> None:
        """Show a picture; zoom and window are kept from one slice to the next of its kind."""
        before = self._viewer.picture.display
        is_alike = before is not None and before.image.shape == display.image.shape
        if keep and is_alike:
            self._viewer.show_neighbour(display)
        else:
            self._viewer.show_image(display)

    def _want_sheet(self) -> None:
        """Let the picture that is shown be measured by hand where it has no result."""
        self._sheets.drop()
        display, case = self._viewer.picture.display, self._case
        if case is not None and display is not None and (self.is_away or case.finding is None):
            self._sheets.open(display)

    def _lay_sheet(self, sheet: Finding) -> None:
        if sheet.display is self._viewer.picture.display:
            self._editing.begin(self._case, sheet)

    def _lay_result(self) -> None:
        case = self._case
        if case is not None and case.finding is not None and not self.is_away:
            self._viewer.show_overlay(case.finding.overlay)
