"""Where files are kept: said at the first start, shown in the Help menu, changeable there."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QDir, Qt, QUrl
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from spinealign.domain import paths
from spinealign.files import write_whole
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.widgets.labels import offer, rule, wrapped_label
from spinealign.ui.window.dialogs import TextDialog
from spinealign.ui.work.messages import Messages
from spinealign.wording import Message, safe_text

CARRIED = ("settings.json", "window.json", "corrections", "readings", "signed", "reading.key",
           "network.json", "network", "models", "model-store.json")  # fmt: skip
"""What goes along when another folder is chosen."""


@dataclass(frozen=True)
class FileLocation:
    """One kind of files, where it is kept, and what to know about it.

    Parameters
    ----------
    folder : Path or None
        None where that depends on the image.
    """

    title: str
    folder: Path | None
    words: str


def file_locations(profile: Path, export_folder: str) -> tuple[FileLocation, ...]:
    """Return every location where the program keeps files.

    Parameters
    ----------
    profile : Path
        Folder for settings in use.
    export_folder : str
        Where results were saved last; empty if never.
    """
    own_models = os.environ.get(paths.MODELS_VARIABLE)
    return (
        FileLocation("Settings", profile, "Your choices, the window's location, and recent files."),
        FileLocation(
            "Corrections",
            None,
            "Beside each image, in IMAGE.spinealign.json; for samples, pasted pictures, and where "
            "the image's folder cannot be written, in “corrections” below the settings.",
        ),
        FileLocation(
            "Readings",
            profile / "readings",
            "What was accepted, changed, rejected and signed, by the image's checksum; the key "
            "with which signed readings are checked is in reading.key above.",
        ),
        FileLocation(
            "Network",
            profile / "network",
            "Only where you configured a node: images that were retrieved and received, and what "
            "waits to be sent. Transfers deletes them.",
        ),
        FileLocation(
            "Results",
            Path(export_folder) if export_folder else None,
            "Only where you save them." + (" The last time:" if export_folder else ""),
        ),
        FileLocation(
            "Working files", Path(QDir.tempPath()), "Pasted pictures, until the window closes."
        ),
        FileLocation(
            "Own models",
            profile / "models",
            "What you installed with Models… in the Edit menu; which of them answers is kept in "
            "model-store.json above."
            + (
                f" More are in {own_models}, as {paths.MODELS_VARIABLE} says." if own_models else ""
            ),
        ),
        FileLocation("Models", paths.models_dirs()[-1], "Those that came with SpineAlign."),
    )


def is_fixed(profile: Path) -> bool:
    """Whether the folder was stated from outside, so that no choice would last."""
    return bool(os.environ.get(paths.PROFILE_VARIABLE)) or profile != paths.profile_dir()


def choose_profile_dir(old: Path, new: Path) -> None:
    """Keep settings in another folder from now on; what is in the old one stays there as well.

    Parameters
    ----------
    old, new : Path
        Files that `new` has already are not replaced.

    Raises
    ------
    OSError
        `new`, or the note where to find it, cannot be written; nothing has changed then.
    """
    new.mkdir(parents=True, exist_ok=True)
    for name in CARRIED:
        source, target = old / name, new / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file() and not target.exists():
            shutil.copyfile(source, target)
    usual = paths.usual_profile_dir()
    usual.mkdir(parents=True, exist_ok=True)
    pointer = json.dumps({"folder": str(new.absolute())}).encode()
    write_whole(usual / paths.PROFILE_POINTER, pointer, is_private=True)


class FileLocationsDialog(TextDialog):
    """Lists the locations, opens each, and lets the user choose another for the settings."""

    def __init__(self, preferences: Preferences, messages: Messages, parent: QWidget) -> None:
        super().__init__("File locations", 90, parent, "privacy")
        self._preferences, self._messages = preferences, messages
        self._show()

    def _show(self) -> None:
        profile = self._preferences.folder
        export_folder = self._preferences.state.last_export_folder
        for number, location in enumerate(file_locations(profile, export_folder)):
            if number:
                self.column.addWidget(rule())
            self.column.addWidget(wrapped_label(location.title, "section"))
            self.column.addWidget(wrapped_label(location.words))
            if location.folder is not None:
                self._show_folder(location.folder, is_profile=location.folder == profile)
        self.column.addWidget(rule())
        self.column.addWidget(
            wrapped_label(
                "Nothing is sent anywhere but to nodes that you configured; removing SpineAlign "
                "leaves all of it.",
                "muted",
            )
        )
        self.column.addStretch(1)

    def _show_folder(self, folder: Path, is_profile: bool) -> None:
        self.column.addWidget(wrapped_label(safe_text(str(folder)), strong=True))
        row = QHBoxLayout()
        shown = QPushButton("Show")
        shown.setAccessibleName(f"Show {folder} in the file manager")
        offer(shown, "" if folder.is_dir() else "This folder is made when something is kept in it")
        shown.clicked.connect(partial(_show_in_file_manager, folder))
        row.addWidget(shown, 0, Qt.AlignmentFlag.AlignLeft)
        if is_profile and is_fixed(folder):
            row.addWidget(wrapped_label("As stated when SpineAlign was started.", "muted"), 1)
        elif is_profile:
            change = QPushButton("Change…")
            change.setToolTip("Keep settings and corrections in another folder")
            change.clicked.connect(self.ask_profile_dir)
            row.addWidget(change, 0, Qt.AlignmentFlag.AlignLeft)
            row.addStretch(1)
        else:
            row.addStretch(1)
        self.column.addLayout(row)

    def ask_profile_dir(self) -> None:
        """Let the user choose another folder for settings and corrections."""
        old = self._preferences.folder
        name = QFileDialog.getExistingDirectory(self, "Keep settings in this folder", str(old))
        if not name or Path(name) == old:
            return
        self.close()
        change_profile_dir(self._preferences, self._messages, Path(name))


def change_profile_dir(preferences: Preferences, messages: Messages, new: Path) -> None:
    """Keep settings and corrections in `new` from now on, and say whether that worked."""
    preferences.save()
    try:
        choose_profile_dir(preferences.folder, new)
    except OSError as error:
        messages.fail(
            Message(
                f"Settings cannot be kept in {safe_text(str(new))} ({error.strerror}).",
                "Choose a folder that you may write to; for now they stay where they were.",
            )
        )
        return
    old = preferences.folder
    preferences.move(new)
    messages.notice(
        Message(
            f"Settings and corrections are kept in {safe_text(str(new))} from now on.",
            f"What was in {safe_text(str(old))} was copied and is there still.",
        )
    )


def first_start_notice(preferences: Preferences) -> Message:
    """Return what is said at the very first start; the settings are written then."""
    folder = safe_text(str(preferences.folder))
    is_kept = preferences.save()
    words = f"Settings are kept in {folder}." if is_kept else NOT_KEPT.format(folder=folder)
    return Message(words, STAYS_HERE)


NOT_KEPT = "Settings cannot be kept, because {folder} cannot be written."
STAYS_HERE = (
    "Images stay on this computer; copies are kept only of cases that you keep in an archive."
)


def _show_in_file_manager(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
