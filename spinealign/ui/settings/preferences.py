"""The settings in use, the files opened lately, and when both are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import MAX_SESSION, Settings, SettingsStore
from spinealign.ui.settings.window_lock import WindowLock


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
        self._lock = WindowLock(store.folder)
        self.settings = store.load_settings()
        self.state = store.load_window_state()
        self._chosen: set[str] = set()
        self._noted: set[str] = set()
        if self.state.open_now and self._lock.is_first:
            # The window was not closed: the program or the computer failed.
            self.note(last_session=self.state.open_now, open_now=())

    @property
    def folder(self) -> Path:
        """Where both files are kept."""
        return self._store.folder

    def move(self, folder: Path) -> None:
        """Keep both files in another folder from now on."""
        self._store.folder = folder
        self._store.save(self.settings)
        self._store.save(self.state)

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
        self._chosen.update(changes)

    def adopt(self, settings: Settings) -> bool:
        """Take all settings at once, as a person confirmed them; return whether they are kept.

        `adopted` lets every part of the window follow.
        """
        named = (field.name for field in fields(Settings))
        self._chosen |= {n for n in named if getattr(settings, n) != getattr(self.settings, n)}
        self.settings = settings
        is_kept = self._save_settings()
        self.adopted.emit()
        return is_kept

    def note(self, **changes: Any) -> None:
        """Change what the window remembers, by the names of the fields of `WindowState`."""
        self.state = replace(self.state, **changes)
        self._noted.update(changes)

    def remember(self, recent: Recent) -> None:
        """Put a file at the top of the recent ones, unless the user does not want that."""
        if self.settings.remember_recent:
            self.note(recent_files=self.state.with_recent(recent))
            self.recent_changed.emit()

    def revise(self, recent: Recent) -> None:
        """Keep another picture with a series among the recent files, where it is one of them."""
        kept = self.recent
        now = [recent if other.is_same_series(recent) else other for other in kept]
        texts = tuple(other.text for other in now)
        if texts != self.state.recent_files:
            self.note(recent_files=texts)
            self.recent_changed.emit()

    @property
    def last_session(self) -> list[Recent]:
        """What was open when the window was closed last."""
        return [Recent.from_text(text) for text in self.state.last_session]

    def remember_session(self, recents: Sequence[Recent] | None) -> None:
        """Keep what is open for the next start, unless the user does not want that.

        None keeps what is there: nothing was opened since.
        """
        if self._lock.is_first:
            self.note(open_now=())
        if not self.settings.remember_recent:
            self.note(last_session=())
        elif recents is not None:
            self.note(last_session=_texts_of(recents))

    def note_open(self, recents: Sequence[Recent] | None) -> None:
        """Keep on the disk what is open now, unless the user does not want that."""
        if recents is None or not self.settings.remember_recent:
            return
        if not self._lock.is_first:
            # What the first window has open is kept there, in case it fails.
            return
        texts = _texts_of(recents)
        if texts != self.state.open_now:
            self.note(open_now=texts)
            self._save_state()

    def forget_session(self) -> None:
        """Forget what was open last, on disk too and at once."""
        self.note(last_session=(), open_now=())
        self._save_state()
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
        self._save_state()
        self.recent_changed.emit()

    def save(self) -> bool:
        """Write both files; return whether that worked."""
        saved = [self._save_settings(), self._save_state()]
        return all(saved)

    def let_go(self) -> None:
        """Let the next window of this profile be the first: this one is closed."""
        self._lock.let_go()

    def _save_settings(self) -> bool:
        """Write the settings; of those that nobody changed here another window's count."""
        if not self._store.has_settings:
            return self._store.save(self.settings)
        chosen = {name: getattr(self.settings, name) for name in self._chosen}
        return self._store.save(replace(self._store.load_settings(), **chosen))

    def _save_state(self) -> bool:
        """Write what the window remembers; what it did not touch stays as another left it."""
        if not self._store.has_state:
            return self._store.save(self.state)
        noted = {name: getattr(self.state, name) for name in self._noted}
        return self._store.save(replace(self._store.load_window_state(), **noted))


def _texts_of(recents: Sequence[Recent]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(recent.text for recent in recents))[:MAX_SESSION]
