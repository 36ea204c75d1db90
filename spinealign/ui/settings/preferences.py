"""The settings in use, the files opened lately, and when both are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import MAX_SESSION, Settings, SettingsStore


class Preferences(QObject):
    """Holds what the user chose and what the window remembers, and writes it on request.

    `adopted` says that all settings may have changed at once.
    """

    recent_changed = pyqtSignal()
    adopted = pyqtSignal()

    def __init__(self, store: SettingsStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.is_first_start = store.is_first_start
        self.settings = store.load_settings()
        self.state = store.load_window_state()
        if self.state.open_now:
            # The window was not closed: the program or the computer failed.
            self.note(last_session=self.state.open_now, open_now=())

    @property
    def folder(self) -> Path:
        """Where both files are kept."""
        return self._store.folder

    def move(self, folder: Path) -> None:
        """Keep both files in another folder from now on."""
        self._store.folder = folder
        self.save()

    @property
    def notices(self) -> list[str]:
        """What went wrong when the settings were read."""
        return self._store.notices

    @property
    def recent(self) -> list[Recent]:
        """Files, folders and series opened lately, the latest first."""
        return [Recent.from_text(text) for text in self.state.recent_files]

    def choose(self, **changes: Any) -> None:
        """Change settings, by the names of the fields of `Settings`."""
        self.settings = replace(self.settings, **changes)

    def adopt(self, settings: Settings) -> bool:
        """Take all settings at once, as a person confirmed them; return whether they are kept.

        `adopted` lets every part of the window follow.
        """
        self.settings = settings
        is_kept = self._store.save(settings)
        self.adopted.emit()
        return is_kept

    def note(self, **changes: Any) -> None:
        """Change what the window remembers, by the names of the fields of `WindowState`."""
        self.state = replace(self.state, **changes)

    def remember(self, recent: Recent) -> None:
        """Put a file at the top of the recent ones, unless the user does not want that."""
        if self.settings.remember_recent:
            self.note(recent_files=self.state.with_recent(recent))
            self.recent_changed.emit()

    @property
    def last_session(self) -> list[Recent]:
        """What was open when the window was closed last."""
        return [Recent.from_text(text) for text in self.state.last_session]

    def remember_session(self, recents: Sequence[Recent] | None) -> None:
        """Keep what is open for the next start, unless the user does not want that.

        None keeps what is there: nothing was opened since.
        """
        self.note(open_now=())
        if not self.settings.remember_recent:
            self.note(last_session=())
        elif recents is not None:
            self.note(last_session=_texts_of(recents))

    def note_open(self, recents: Sequence[Recent] | None) -> None:
        """Keep on the disk what is open now, unless the user does not want that."""
        if recents is None or not self.settings.remember_recent:
            return
        texts = _texts_of(recents)
        if texts != self.state.open_now:
            self.note(open_now=texts)
            self._store.save(self.state)

    def forget_session(self) -> None:
        """Forget what was open last, on disk too and at once."""
        self.note(last_session=(), open_now=())
        self._store.save(self.state)
        self.recent_changed.emit()

    def forget(self, recent: Recent) -> None:
        """Take a file off the recent ones."""
        if recent.text in self.state.recent_files:
            kept = tuple(text for text in self.state.recent_files if text != recent.text)
            self.note(recent_files=kept)
            self.recent_changed.emit()

    def set_remembering(self, wanted: bool) -> None:
        """Keep recent files from now on, or forget them and keep none."""
        self.choose(remember_recent=wanted)
        if not wanted:
            self.clear_recent()

    def clear_recent(self) -> None:
        """Forget all recent files and what was open last, on disk too and at once."""
        self.note(recent_files=(), last_session=(), open_now=())
        self._store.save(self.state)
        self.recent_changed.emit()

    def save(self) -> bool:
        """Write both files; return whether that worked."""
        saved = [self._store.save(self.settings), self._store.save(self.state)]
        return all(saved)


def _texts_of(recents: Sequence[Recent]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(recent.text for recent in recents))[:MAX_SESSION]
