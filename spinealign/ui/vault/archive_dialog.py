"""The archive: its examinations, one person's in time, and what keeps it safe."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QWidget

from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.forms import end_with_close, fit, quiet_tabs
from spinealign.ui.vault.desk import ArchiveDesk
from spinealign.ui.vault.search_page import SearchPage
from spinealign.ui.widgets.theme import Theme
from spinealign.wording.archive_window import ARCHIVE_TITLE, LIST_PAGE

_WIDTH_EM, _HEIGHT_EM = 176, 108


class ArchiveDialog(QDialog):
    """Shows the archive of whoever is at work; it closes when that is locked."""

    def __init__(self, desk: ArchiveDesk, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(ARCHIVE_TITLE)
        explain(self, "archive")
        self.tabs = quiet_tabs()
        self.list = SearchPage(desk)
        self.tabs.addTab(self.list, LIST_PAGE)
        end_with_close(self, self.tabs)
        self.list.opened.connect(self.accept)
        desk.closed.connect(self.reject)
        fit(self, _WIDTH_EM, _HEIGHT_EM)
        self.list.lines["words"].setFocus()
        self.list.run_search()
