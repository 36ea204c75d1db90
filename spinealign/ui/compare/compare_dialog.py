"""Examinations of one patient: two side by side, the course over dates, flexion and extension."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from PyQt6.QtCore import QByteArray, QRect, QSize, Qt, QTimer
from PyQt6.QtGui import QHideEvent, QResizeEvent
from PyQt6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from spinealign.ui.cases.case import Case
from spinealign.ui.cases.saving import saved_message
from spinealign.ui.compare.course_page import CoursePage
from spinealign.ui.compare.motion_page import MotionPage
from spinealign.ui.compare.pair_page import PairPage, push_button
from spinealign.ui.compare.patients import PatientReader
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.widgets.chunked_fill import ChunkedFill
from spinealign.ui.widgets.theme import Theme
from spinealign.ui.workbench import Workbench

FOLLOW_DELAY_MS = 150
"""A point that is dragged in the main window is followed when it rests."""

_TITLES = ("Two e&xaminations", "Cours&e", "&Flexion and extension")
_COURSE, _MOTION = 1, 2

_MOST_PERCENT = 93
_FRAME_PX = 40


class CompareWindow(QDialog):
    """Stays open beside the main window and follows what is corrected there.

    The current case is compared to begin with; the user may choose others. The pages of the
    course and of flexion and extension are built when they are first turned to.

    Parameters
    ----------
    parent : QWidget
        The window that it opens over.
    """

    def __init__(self, bench: Workbench, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Compare examinations of one patient – SpineAlign")
        explain(self, "comparing")
        self._bench, self._theme = bench, theme
        self.patients = PatientReader(bench, self)
        self.tabs = QTabWidget(self)
        self._areas = [_scrolled() for _ in _TITLES]
        for area, title in zip(self._areas, _TITLES, strict=True):
            self.tabs.addTab(area, title)
        self.pair = PairPage(bench, self.patients, theme, self._areas[0].viewport())
        self.message = QLabel()
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setProperty("kind", "muted")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(FOLLOW_DELAY_MS)
        self._soon.timeout.connect(self.refresh)
        self._build(parent.size())
        self._connect()
        self._filling = ChunkedFill((self.pair.choose, *self.pair.steps), self)

    @property
    def is_filled(self) -> bool:
        """Whether all is shown that was there to compare when this window was opened."""
        return self._filling.is_filled

    def show_filled(self) -> None:
        """Show this window once all is in it: making, filling and painting it take a turn each."""
        if self.is_filled:
            self.show()
        else:
            later = Qt.ConnectionType.QueuedConnection
            self._filling.filled.connect(self.show, later)  # type: ignore[call-arg]  # not in the stubs

    def refresh(self) -> None:
        """Take over what was corrected, analysed, opened or closed since."""
        self.pair.refresh()
        self._refresh_shown()

    @cached_property
    def course(self) -> CoursePage:
        """The page of the course, built when it is first asked for."""
        page = CoursePage(self._bench, self.patients, self._theme)
        self._areas[_COURSE].setWidget(page)
        return page

    @cached_property
    def motion(self) -> MotionPage:
        """The page of flexion and extension, built when it is first asked for."""
        page = MotionPage(self._bench, self.patients, self._theme)
        self._areas[_MOTION].setWidget(page)
        page.halves.share_height(self.height())
        page.halves.fit(self.height())
        return page

    @property
    def shown_page(self) -> PairPage | CoursePage | MotionPage:
        """The page that is turned to."""
        place = self.tabs.currentIndex()
        return self.course if place == _COURSE else self.motion if place == _MOTION else self.pair

    def show_page(self, page: QWidget) -> None:
        """Turn to a page."""
        self.tabs.setCurrentIndex([area.widget() for area in self._areas].index(page))

    def _refresh_shown(self) -> None:
        """Bring the page that is shown up to date; the others are when they are turned to."""
        shown = self.shown_page
        if shown is not self.pair:
            shown.refresh()

    def _take_facts(self) -> None:
        self.pair.take_facts()
        self._refresh_shown()

    def _case_changed(self, case: Case) -> None:
        if self.pair.concerns(case) or self.shown_page is not self.pair:
            self.refresh()

    def _refresh_soon(self) -> None:
        self._soon.start()

    def _connect(self) -> None:
        # Methods of a Qt object are let go with it; lambdas would outlive this window.
        session = self._bench.session
        session.changed.connect(self._case_changed)
        session.added.connect(self.refresh)
        session.removed.connect(self.refresh)
        self._bench.editing.corrected.connect(self._refresh_soon)
        self._bench.saver.saved.connect(self._report_saved)
        self._theme.changed.connect(self._apply_theme)
        self.patients.changed.connect(self._take_facts)
        self.tabs.currentChanged.connect(self._refresh_shown)

    def _report_saved(self, written: Sequence[Path]) -> None:
        self.message.setText(saved_message(written, 0).sentence)

    def _apply_theme(self) -> None:
        self.pair.table.set_colours(self._theme.colours)

    def _build(self, room: QSize) -> None:
        self._areas[0].setWidget(self.pair)
        self.tabs.setDocumentMode(True)
        bar = self.tabs.tabBar()
        assert bar is not None
        bar.setDrawBase(False)
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, 2)
        row.addWidget(self.message)
        row.addWidget(push_button("C&lose", self.close_window))
        self.tabs.setCornerWidget(corner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(8, 6, 8, 6)
        outer.addWidget(self.tabs, 1)
        self.resize(room * (_MOST_PERCENT / 100))
        self.restoreGeometry(
            QByteArray.fromBase64(self._bench.preferences.state.compare_geometry.encode())
        )
        screen = self.screen()
        if screen is not None:
            self._keep_within(screen.availableGeometry())
        self.pair.halves.share_height(self.height())
        self._fit_halves()

    def _keep_within(self, free: QRect) -> None:
        """Become no larger than a screen leaves room for, wherever this window stood before."""
        # Window managers place frames that are as high as the screen above its upper edge.
        room = free.adjusted(0, _FRAME_PX // 2, 0, -_FRAME_PX // 2)
        most = QSize(room.width() * _MOST_PERCENT // 100, room.height() * _MOST_PERCENT // 100)
        self.resize(self.size().boundedTo(most))
        frame = self.frameGeometry()
        if not self.testAttribute(Qt.WidgetAttribute.WA_Moved):
            # Else a window manager may place the title above the screen.
            frame.moveCenter(room.center())
        left = min(max(frame.x(), room.left()), room.right() - frame.width())
        top = min(max(frame.y(), room.top()), room.bottom() - frame.height())
        self.move(left, max(top, room.top()))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show pictures and table at once, or one of them in a low window."""
        super().resizeEvent(event)
        self._fit_halves()

    def _fit_halves(self) -> None:
        self.pair.halves.fit(self.height())
        if "motion" in self.__dict__:  # it is built
            self.motion.halves.fit(self.height())

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Remember where this window stood."""
        geometry = self.saveGeometry().toBase64().data().decode()
        self._bench.preferences.note(compare_geometry=geometry)
        super().hideEvent(event)

    def close_window(self) -> None:
        """Close the window."""
        self.reject()


def _scrolled() -> QScrollArea:
    """Return a place for a page, which is scrolled where the window is too small for it."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setProperty("plain", "true")
    return area
