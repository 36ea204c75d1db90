"""Accounts, archive and audit trail in words."""

from __future__ import annotations

import math

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.protection import (
    AccountError,
    AccountProblem,
    ArchiveError,
    ArchiveProblem,
    AuditDamagedError,
    Damage,
    DamagedFileError,
    NoKeyStoreError,
    PauseError,
    RecoveryKeyError,
)
from spinealign.wording.text import safe_text

ACCOUNT_WORDS: dict[AccountProblem, tuple[str, str]] = {
    AccountProblem.WRONG_NAME_OR_PASSWORD: (
        "Name or password is wrong.",
        "Check capital letters and the keyboard's language; an administrator can set a new "
        "password.",
    ),
    AccountProblem.WRONG_RECOVERY_KEY: (
        "This recovery key does not open this archive.",
        "Look for a later print: a recovery key that was renewed replaces the earlier one.",
    ),
    AccountProblem.FILE_CHANGED: (
        "The file of accounts was changed by something other than SpineAlign.",
        "Do not go on working; the page “The archive is damaged” of the manual says how a "
        "back-up is restored. Find out who could write to that folder.",
    ),
    AccountProblem.FILE_UNREADABLE: (
        "The file of accounts cannot be read.",
        "Check that the drive is connected and that you may read its folder; else the page “The "
        "archive is damaged” of the manual says how a back-up is restored.",
    ),
    AccountProblem.NAME_TAKEN: (
        "There is an account “{name}” already.",
        "Choose another name; capital letters make no difference.",
    ),
    AccountProblem.NAME_NOT_ALLOWED: (
        "“{name}” cannot be the name of an account.",
        "Use 1 to 64 letters, digits, or . @ + - _ without spaces.",
    ),
    AccountProblem.NO_SUCH_ACCOUNT: (
        "There is no account “{name}”.",
        "Choose one of the list of accounts.",
    ),
    AccountProblem.LAST_ADMINISTRATOR: (
        "“{name}” is the last administrator.",
        "Make another account an administrator first.",
    ),
    AccountProblem.NO_ROLE: (
        "An account needs at least one role.",
        "Choose viewer, reader or administrator.",
    ),
    AccountProblem.NOT_ALLOWED: (
        "Your account may not do this.",
        "Ask an administrator, or sign in with another account.",
    ),
    AccountProblem.OWN_ACCOUNT: (
        "You are signed in as “{name}”, and nobody removes their own account.",
        "Another administrator can remove it.",
    ),
    AccountProblem.PASSWORD_TOO_SHORT: (
        "The password is too short.",
        "Use at least 8 letters; a few words in a row are easy to keep in mind.",
    ),
    AccountProblem.PASSWORD_TOO_LONG: (
        "The password is too long.",
        "Use at most 1024 letters.",
    ),
    AccountProblem.PASSWORD_COMMON: (
        "This password is one of the first that anybody would try.",
        "Choose another one; a few words in a row are easy to keep in mind.",
    ),
    AccountProblem.PASSWORD_HAS_NAME: (
        "The password is little more than the name of the account.",
        "Choose another one.",
    ),
    AccountProblem.PASSWORD_IS_TEMPORARY: (
        "This password was given by an administrator and has to be changed first.",
        "On the command line: spinealign accounts password --user NAME.",
    ),
    AccountProblem.NO_SYSTEM_SIGN_IN: (
        "“{name}” does not sign in with this computer's account.",
        "Type the password, or ask an administrator to allow it.",
    ),
    AccountProblem.SYSTEM_USER_TAKEN: (
        "This user of the system signs in as “{name}” already.",
        "Give each person a user of the system, or have the others type their passwords.",
    ),
    AccountProblem.SYSTEM_KEY_MISSING: (
        "This system's key store is locked, or does not hold the key of “{name}”.",
        "Type the password: the key is made anew then.",
    ),
    AccountProblem.NO_KEY_STORE: (
        "This system has no key store that SpineAlign can use.",
        "On Linux it takes a desktop session with GNOME Keyring or KWallet; a server has none.",
    ),
    AccountProblem.SET_UP_ALREADY: (
        "There are accounts already.",
        "Ask an administrator for an account of your own.",
    ),
}

ARCHIVE_WORDS: dict[ArchiveProblem, tuple[str, str]] = {
    ArchiveProblem.WRONG_KEY_OR_DAMAGED: (
        "The archive does not open: its database is damaged, or belongs to other accounts.",
        "Restore the latest back-up, as the page “The archive is damaged” of "
        "the manual says; keep the damaged folder.",
    ),
    ArchiveProblem.NO_ENCRYPTION: (
        "The library that encrypts the archive is missing or was replaced, so nothing was opened.",
        "Install SpineAlign again.",
    ),
    ArchiveProblem.NEWER: (
        "The archive was written by a newer version of SpineAlign.",
        "Open it with that version; nothing was changed.",
    ),
    ArchiveProblem.IN_USE: (
        "Another window of SpineAlign is writing into the archive.",
        "Wait until it is done, then try again.",
    ),
    ArchiveProblem.NOT_WRITABLE: (
        "The folder of the archive, or the one that was chosen, cannot be written.",
        "Check the drive and your rights to that folder.",
    ),
    ArchiveProblem.FULL: (
        "The drive that was to be written is full, so nothing was changed.",
        "Make room on it, then try again.",
    ),
    ArchiveProblem.LOCKED: (
        "The archive was locked before this was done.",
        "Unlock it, look whether it is there, and do it again if not.",
    ),
    ArchiveProblem.ON_NETWORK: (
        "The archive's folder lies on another computer, where several programs cannot write "
        "safely.",
        "Choose a folder on a drive of this computer; a network folder is good for back-ups.",
    ),
    ArchiveProblem.NO_SUCH_EXAMINATION: (
        "The archive has no such examination any more.",
        "Search again: somebody may have deleted it.",
    ),
    ArchiveProblem.BACK_UP_DAMAGED: (
        "This back-up is not as it was written, so it cannot be restored.",
        "Take an earlier one, and look for the cause: a failing drive, or somebody's change.",
    ),
    ArchiveProblem.NO_ACCOUNTS: (
        "Without accounts a back-up would open on this computer only.",
        "Set up the first account; its recovery key opens back-ups anywhere.",
    ),
    ArchiveProblem.OTHER_PATIENT: (
        "A file of these images is in the archive already, as another patient's.",
        "Look in the archive whose it is; nothing was changed.",
    ),
    ArchiveProblem.NO_PACKAGE: (
        "This is no examination that SpineAlign packed, or it was cut off.",
        "Choose a file that ends in .spinealign-case, or copy it again.",
    ),
    ArchiveProblem.WRONG_PACKAGE_PASSWORD: (
        "The package does not open with this password, or was changed since it was packed.",
        "Ask whoever packed it; copy it again if the password is right.",
    ),
    ArchiveProblem.PACKAGE_TOO_LARGE: (
        "The examination is too large for one package.",
        "Copy its images themselves, or restore a back-up.",
    ),
}

DAMAGE_WORDS: dict[Damage, str] = {
    Damage.CHANGED: "its last record was changed",
    Damage.REMOVED: "a record was removed",
    Damage.SWAPPED: "a record stands in another's place",
    Damage.CUT_OFF: "records at the end are missing, as after an older database was put back",
    Damage.ANCHOR_MISSING: "the file that holds its end, audit-anchor.json, is missing",
    Damage.ANCHOR_CHANGED: "the file that holds its end, audit-anchor.json, was changed",
}

_FIRST_WORDS: dict[Damage, str] = {
    Damage.CHANGED: "record {counter} was changed",
    Damage.REMOVED: "record {counter} was removed",
    Damage.SWAPPED: "record {counter} stands in another's place",
    Damage.CUT_OFF: "the records from number {counter} on are missing, as after an older database "
    "was put back",
}
"""The same where the first record that was touched is known."""

_DAMAGE_ADVICE = (
    "Keep a copy of archive and profile as evidence; an administrator can then begin a new trail, "
    "which keeps the damaged one."
)


def protection_words(error: SpineAlignError) -> tuple[str, str] | None:
    """Return a failure of accounts, archive or audit trail in words; None for other failures."""
    match error:
        case AccountError():
            sentence, advice = ACCOUNT_WORDS[error.problem]
            return sentence.format(name=safe_text(error.name)), advice
        case ArchiveError():
            return ARCHIVE_WORDS[error.problem]
        case PauseError():
            return pause_words(error)
        case RecoveryKeyError():
            return (
                "This is no recovery key: a letter is wrong or missing.",
                "Compare it with the print, group by group.",
            )
        case NoKeyStoreError():
            return (
                "The system's key store is locked, or does not hold the key of the archive.",
                "Unlock the key store of your system, as by signing in to it anew, and try again.",
            )
        case DamagedFileError():
            return (
                "A file of the archive is not as it was written.",
                "Check the archive on its page Safety, which names what is concerned, and restore "
                "the latest back-up.",
            )
        case AuditDamagedError():
            return damage_text(error.damage, 0), _DAMAGE_ADVICE
    return None


def pause_words(error: PauseError) -> tuple[str, str]:
    """Return how long nobody may try again, in words."""
    wait = waiting_text(error.seconds)
    if error.is_clock_set_back:
        return (
            f"After several wrong passwords this account can be tried again in {wait}; the "
            "computer's clock was set back, so the whole pause counts anew.",
            "Set the clock right.",
        )
    return (
        f"After several wrong passwords this account can be tried again in {wait}.",
        "An administrator can set a new password meanwhile.",
    )


def waiting_text(seconds: float) -> str:
    """Return a pause as people say it, never shorter than it is."""
    whole = math.ceil(seconds)
    if whole < 100:
        return f"{whole} second{'' if whole == 1 else 's'}"
    return f"{math.ceil(whole / 60)} minutes"


def damage_text(damage: Damage, counter: int) -> str:
    """Return what is wrong with an audit trail as a sentence, with the first record if known.

    Parameters
    ----------
    damage : Damage
    counter : int
        0 where nobody looked which record it is.
    """
    words = DAMAGE_WORDS[damage]
    if counter:
        words = _FIRST_WORDS.get(damage, words).format(counter=counter)
    return f"The audit trail is not as it was written: {words}."
