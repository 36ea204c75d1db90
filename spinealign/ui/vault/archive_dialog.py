"""The archive: its examinations, one person's in time, and what keeps it safe."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QWidget

from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.forms import end_with_close, fit, quiet_tabs
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.vault.fitted_dialog import Scrolled
from spinealign.ui.vault.follow_page import FollowPage
from spinealign.ui.vault.safety_page import SafetyPage
from spinealign.ui.vault.search_page import SearchPage
from spinealign.ui.widgets.theme import Theme
from spinealign.wording.archive_window import ARCHIVE_TITLE, FOLLOW_PAGE, LIST_PAGE, SAFETY_PAGE

_WIDTH_EM, _HEIGHT_EM = 210, 120


class ArchiveDialog(QDialog):
    """Shows the archive of whoever is at work; it closes when that is locked."""

    def __init__(self, desk: ArchiveDesk, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(ARCHIVE_TITLE)
        explain(self, "archive")
        self.tabs = quiet_tabs()
        self.list = SearchPage(desk)
        self.person = FollowPage(desk, theme)
        self.safety = SafetyPage(desk)
        for page, title in (
            (self.list, LIST_PAGE), (self.person, FOLLOW_PAGE), (self.safety, SAFETY_PAGE),
        ):  # fmt: skip
            # The screen may be lower than the highest page.
            self.tabs.addTab(Scrolled(page), title)
        end_with_close(self, self.tabs)
        self.list.follow_wanted.connect(self._show_person)
        self.list.linked.connect(self.person.show_person)
        for changing in (self.person, self.safety):
            changing.changed.connect(self.list.refresh)
        self.list.opened.connect(self.accept)
        desk.closed.connect(self.reject)
        fit(self, _WIDTH_EM, _HEIGHT_EM)
        self.list.lines["words"].setFocus()
        self.list.run_search()

    def _show_person(self, identifier: str) -> None:
        self.person.show_person(identifier)
        self.turn_to(self.person)
        self.person.rows.setFocus()

    def turn_to(self, page: QWidget) -> None:
        """Show one of the pages."""
        self.tabs.setCurrentIndex((self.list, self.person, self.safety).index(page))
