"""Somebody at the real window of the real program: accounts, archive, reading, back-up, lock.

`run_program` starts what `spinealign` starts and hands its window to a function once it is shown;
everything is then done by mouse, keys and the commands of the menus. File dialogs, which belong to
nobody's hands here, are answered as soon as they open.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn
from unittest.mock import patch

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QKeySequence
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog

from tests.ui.hands import Hands

LEFT = Qt.MouseButton.LeftButton
MOST_SECONDS = 300


def run_program(profile: Path, drive: Callable[[ArchivePerson], object]) -> NoReturn:
    """Run the program, let somebody work at its window as soon as it is shown, end the process."""
    from spinealign import __main__
    from spinealign.ui import app

    class Driven(app.MainWindow):
        def start(self, paths=()) -> None:
            super().start(paths)
            QTimer.singleShot(0, partial(drive, ArchivePerson(self)))

    arguments = [sys.argv[0], "--profile-dir", str(profile)]
    with patch.object(app, "MainWindow", Driven), patch.object(sys, "argv", arguments):
        __main__.program()


class ArchivePerson:
    """Works at one window; what is done is done when a step returns."""

    def __init__(self, window) -> None:
        self.window = window

    # What there is

    @property
    def keeper(self):
        return self.window.accounts.keeper

    @property
    def readings(self):
        return self.window.workbench.readings

    def the(self, name: str):
        """Wait for the window of a class that is seen."""
        self.wait(lambda: self._seen(name) is not None, name)
        return self._seen(name)

    def _seen(self, name: str):
        found = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == name]
        return next((w for w in found if w.isVisible()), None)

    def wait(self, is_done: Callable[[], object], what: str = "") -> None:
        deadline = time.monotonic() + MOST_SECONDS
        QApplication.processEvents()
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            QApplication.processEvents()
            time.sleep(0.001)

    def rest(self) -> None:
        """Wait until nothing is analysed, read, written or asked of the archive."""
        bench = self.window.workbench
        runners = [bench.looking, bench.inference, bench.reading, bench.files, bench.records]
        if self.window.accounts.archive_keeper is not None:
            runners.append(self.window.archive.desk.runner)
        self.wait(
            lambda: not any(each.is_busy for each in runners) and not bench.readings.is_saving,
            "rest",
        )

    def press(self, button) -> None:
        self.wait(button.isEnabled, button.text())
        QTest.mouseClick(button, LEFT)

    def keys(self, *chords: str) -> None:
        for chord in chords:
            QTest.keySequence(QApplication.focusWidget() or self.window, QKeySequence(chord))
            self.rest()

    # Accounts

    def set_up(self, name: str, full_name: str, password: str) -> str:
        """Set up the first account; returns the recovery key as it is shown."""
        self.window.actions_by_name["set_up_accounts"].trigger()
        dialog = self.the("SetUpDialog")
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        QTest.keyClicks(dialog.names.name, name)
        QTest.keyClicks(dialog.names.full_name, full_name)
        for field in (dialog.new.first, dialog.new.again):
            QTest.keyClicks(field.line, password)
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        self.wait(lambda: dialog.key.key.text(), "recovery key")
        key = dialog.key.key.text().replace("\n", "-")
        QTest.keyClick(dialog.key.kept, Qt.Key.Key_Space)
        self.press(dialog.next)
        self.wait(lambda: self.keeper.is_open, "signed in")
        return key

    def sign_in(self, password: str, dialog: str = "SignInDialog") -> None:
        """Sign in as the first account, or unlock."""
        asked = self.the(dialog)
        QTest.keyClicks(asked.password.line, password)
        QTest.keyClick(asked, Qt.Key.Key_Return)
        self.wait(lambda: self.keeper.is_open, "signed in")
        self.window.activateWindow()

    def lock(self) -> None:
        self.window.actions_by_name["lock"].trigger()
        self.wait(lambda: self.keeper.session.is_locked, "locked")

    # Reading

    def open(self, *paths: Path) -> None:
        """Open images by the dialog, and wait for their results."""
        chosen = [str(path) for path in paths], ""
        with patch.object(QFileDialog, "getOpenFileNames", lambda *_, **__: chosen):
            self.window.actions_by_name["open"].trigger()
        self.wait(lambda: self.window.workbench.session.cases, "opened")
        self.rest()
        self.wait(lambda: self.window.viewer.picture.display is not None, "shown")

    def close_all(self) -> None:
        while self.window.workbench.session.cases:
            self.window.actions_by_name["close_all"].trigger()
            self.rest()

    def write_impression(self, text: str) -> None:
        """Type at the end of the impression and wait until it is kept."""
        box = self.window.results.reading.impression
        self.wait(lambda: self.readings.shown is not None, "reading")
        box.text.moveCursor(box.text.textCursor().MoveOperation.End)
        QTest.keyClicks(box.text, text)
        self.wait(lambda: not box.is_unsaved, "impression")
        self.rest()

    def sign(self) -> None:
        """Accept all findings and sign."""
        self.window.actions_by_name["accept_rest"].trigger()
        self.rest()
        self.window.actions_by_name["sign"].trigger()
        dialog = self.the("SignDialog")
        if not dialog.name.text():  # without accounts somebody says who they are
            QTest.keyClicks(dialog.name, "Dr. Anna")
        self.press(dialog.sign)
        self.wait(lambda: self.readings.shown.is_signed, "signed")
        self.rest()

    def add(self, text: str, reason: str) -> None:
        """Sign an addendum."""
        self.window.actions_by_name["addendum"].trigger()
        dialog = self.the("AddendumDialog")
        QTest.keyClicks(dialog.text, text)
        QTest.keyClicks(dialog.reason, reason)
        before = len(self.readings.shown.reading.addenda)
        self.press(dialog.add)
        self.wait(lambda: len(self.readings.shown.reading.addenda) > before, "addendum")
        self.rest()

    def write_on_picture(self, text: str) -> None:
        """Type a text on the picture: a correction."""
        hands = Hands(self.window)
        self.window.actions_by_name["tool_text"].trigger()
        hands.move((120, 200), held=False)
        hands.click((120, 200))
        editors = [
            e for e in hands.viewer.viewport().children() if "NoteEditor" in type(e).__name__
        ]
        editor = next(e for e in editors if e.isVisible())
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key.Key_Return)
        self.window.workbench.editing.save()
        self.rest()

    # Archive

    def keep(self) -> None:
        self.window.actions_by_name["keep_in_archive"].trigger()
        self.rest()

    def archive(self):
        """Show the archive and return its dialog."""
        if self._seen("ArchiveDialog") is None:
            self.window.actions_by_name["archive"].trigger()
        dialog = self.the("ArchiveDialog")
        self.rest()
        return dialog

    def search(self, words: str):
        """Search and choose the first that is found; returns the page."""
        page = self.archive().list
        page.lines["words"].clear()
        QTest.keyClicks(page.lines["words"], words)
        QTest.keyClick(page.lines["words"], Qt.Key.Key_Return)
        self.rest()
        self.wait(lambda: page.rows.model().rowCount(), f"nothing found for {words!r}")
        rect = page.rows.visualRect(page.rows.model().index(0, 0))
        QTest.mouseClick(page.rows.viewport(), LEFT, pos=rect.center())
        self.rest()
        return page

    def tag(self, page, tags: str) -> None:
        page.details.tags.clear()
        QTest.keyClicks(page.details.tags, tags)
        QTest.keyClick(page.details.tags, Qt.Key.Key_Return)
        self.rest()

    def note(self, page, text: str) -> None:
        QTest.keyClicks(page.details.note, text)
        self.press(page.details.add_note)
        self.rest()

    def export(self, page, path: Path, password: str) -> None:
        """Write the chosen examination into an encrypted package."""
        with patch.object(QFileDialog, "getSaveFileName", lambda *_, **__: (str(path), "")):
            self.press(page.export)
            dialog = self.the("ExportDialog")
            for field in (dialog.field.first, dialog.field.again):
                QTest.keyClicks(field.line, password)
            QTest.keyClick(dialog, Qt.Key.Key_Return)
            self.wait(lambda: self._seen("ExportDialog") is None, "exported")
        self.rest()

    def back_up(self, disk: Path) -> str:
        """Back up to a folder; returns what is told."""
        return self._safety("back_up", disk)

    def drill(self, disk: Path) -> str:
        return self._safety("drill", disk)

    def check(self) -> str:
        return self._safety("check", None)

    def _safety(self, what: str, disk: Path | None) -> str:
        dialog = self.archive()
        dialog.turn_to(dialog.safety)
        with patch.object(QFileDialog, "getExistingDirectory", lambda *_, **__: str(disk)):
            self.press(getattr(dialog.safety, what))
        self.rest()
        return dialog.safety.told.text()

    def follow(self, page) -> None:
        self.press(page.follow)
        self.rest()

    def open_from_archive(self, page) -> None:
        self.press(page.open)
        self.rest()
        self.close_archive()
        self.wait(lambda: self.window.workbench.session.cases, "opened from the archive")
        self.rest()
        self.wait(lambda: self.readings.shown is not None, "reading")

    def close_archive(self) -> None:
        dialog = self._seen("ArchiveDialog")
        if dialog is not None:
            dialog.close()
            self.wait(lambda: self._seen("ArchiveDialog") is None, "archive closed")

    def restore(self, disk: Path, name: str, key: str, password: str) -> None:
        """Make an archive of the latest back-up, by the recovery key, with a new password."""
        self.window.actions_by_name["restore_archive"].trigger()
        dialog = self.the("RestoreDialog")
        with patch.object(QFileDialog, "getExistingDirectory", lambda *_, **__: str(disk)):
            self.press(dialog.browse)
        QTest.keyClicks(dialog.name, name)
        dialog.way.setCurrentIndex(dialog.way.findData("key"))
        QTest.keyClicks(dialog.key, key)
        for field in (dialog.new.first, dialog.new.again):
            QTest.keyClicks(field.line, password)
        self.press(dialog.run)
        self.wait(lambda: self._seen("RestoreDialog") is None or dialog.reason == "", "restored")

    def quit(self) -> None:
        self.close_archive()
        self.window.close()
