"""Where an archive lies, and what protects it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from spinealign import protected_folders
from spinealign.accounts.attempts import AttemptLog
from spinealign.accounts.book import AccountBook
from spinealign.accounts.keys import calibrated_cost
from spinealign.archive.store import DATABASE, FILES
from spinealign.core_dumps import switch_off_core_dumps
from spinealign.domain.paths import ARCHIVE_FOLDER, ARCHIVE_POINTER
from spinealign.domain.protection import ArchiveError, ArchiveProblem
from spinealign.json_files import JsonError, read_json
from spinealign.vault.network_folders import is_on_network

ACCOUNTS, ATTEMPTS, FAILED_SIGN_INS = "accounts.json", "attempts.json", "failed-sign-ins.json"
KEY_STORE, KEPT, ANCHOR = "key-store.json", "kept", "audit-anchor.json"
TURNED_OFF = "key-store-off.json"


class Protection(StrEnum):
    """What the key of an archive is protected by."""

    NONE = "none"
    KEY_STORE = "key_store"
    ACCOUNTS = "accounts"


class KeyStoreFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Says that the key lies in the system's key store, and under which archive's name."""

    archive: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]


class _Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    folder: Annotated[str, Meta(pattern=r"^[^\0]+$")]


@dataclass(frozen=True)
class Place:
    """The folder of an archive, and the profile beside which its anchor lies.

    Parameters
    ----------
    folder : Path
        Database, encrypted files, accounts.
    profile : Path
        Of the user or the computer; the anchor of the audit trail lies here, apart from the trail.
    """

    folder: Path
    profile: Path

    @classmethod
    def of_profile(cls, profile: Path) -> Place:
        """Return the place that a profile names, or the usual one within it."""
        try:
            chosen = Path(read_json(profile / ARCHIVE_POINTER, _Chosen).folder)
        except (OSError, JsonError):
            return cls(profile / ARCHIVE_FOLDER, profile)
        return cls(chosen if chosen.is_absolute() else profile / ARCHIVE_FOLDER, profile)

    @property
    def accounts(self) -> Path:
        """File of accounts."""
        return self.folder / ACCOUNTS

    @property
    def key_store(self) -> Path:
        """File which says that the key is in the system's key store."""
        return self.folder / KEY_STORE

    @property
    def turned_off(self) -> Path:
        """What `key_store` is called while encryption without accounts is turned off."""
        return self.folder / TURNED_OFF

    @property
    def is_turned_off(self) -> bool:
        """Whether there is an archive without accounts that nobody opens for now."""
        return self.protection is Protection.NONE and self.turned_off.exists()

    @property
    def database(self) -> Path:
        """The encrypted database."""
        return self.folder / DATABASE

    @property
    def files(self) -> Path:
        """Folder of encrypted images."""
        return self.folder / FILES

    @property
    def kept(self) -> Path:
        """Folder of encrypted readings, corrections and whatever else the program keeps."""
        return self.folder / KEPT

    @property
    def anchor(self) -> Path:
        """File of the audit trail's anchor."""
        return self.profile / ANCHOR

    @property
    def failed_sign_ins(self) -> Path:
        """File of what could not be written into the trail, as nobody had a key."""
        return self.folder / FAILED_SIGN_INS

    @property
    def protection(self) -> Protection:
        """What protects the archive; `Protection.NONE` where there is none.

        A database without the file that says so is an archive whose accounts were lost: to go on
        without them would write readings in plain.
        """
        if self.accounts.exists():
            return Protection.ACCOUNTS
        if self.key_store.exists():
            return Protection.KEY_STORE
        is_lost = self.database.exists() and not self.turned_off.exists()
        return Protection.ACCOUNTS if is_lost else Protection.NONE

    def book(self) -> AccountBook:
        """Return the accounts; from now on no crash file of this program is written.

        Raises
        ------
        AccountError
        """
        switch_off_core_dumps()
        return AccountBook(self.accounts, calibrated_cost)

    def attempts(self) -> AttemptLog:
        """Return the log of wrong passwords."""
        return AttemptLog(self.folder / ATTEMPTS)

    def close_folders(self) -> None:
        """Have nothing be read or written in the encrypted folders while nobody is signed in."""
        for folder in (self.files, self.kept):
            protected_folders.lock(folder)

    def require_local(self) -> None:
        """Refuse a folder on another computer.

        Raises
        ------
        ArchiveError
            ``ON_NETWORK``.
        """
        if is_on_network(self.folder):
            raise ArchiveError(ArchiveProblem.ON_NETWORK)
