"""Why something of accounts, archive or audit trail was not done."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from spinealign.domain.errors import SpineAlignError


class Right(StrEnum):
    """What is asked for before it is done."""

    VIEW = "view"
    CHANGE = "change"
    SIGN = "sign"
    IMPORT = "import"
    EXPORT = "export"
    DELETE = "delete"
    BACK_UP = "back_up"
    MANAGE_ACCOUNTS = "manage_accounts"
    READ_AUDIT_TRAIL = "read_audit_trail"
    CHANGE_MODELS = "change_models"


class AccountProblem(StrEnum):
    """Why something about accounts was not done."""

    WRONG_NAME_OR_PASSWORD = "wrong_name_or_password"
    WRONG_RECOVERY_KEY = "wrong_recovery_key"
    FILE_CHANGED = "file_changed"
    FILE_UNREADABLE = "file_unreadable"
    NAME_TAKEN = "name_taken"
    NAME_NOT_ALLOWED = "name_not_allowed"
    NO_SUCH_ACCOUNT = "no_such_account"
    LAST_ADMINISTRATOR = "last_administrator"
    NO_ROLE = "no_role"
    NOT_ALLOWED = "not_allowed"
    OWN_ACCOUNT = "own_account"
    PASSWORD_TOO_SHORT = "password_too_short"
    PASSWORD_TOO_LONG = "password_too_long"
    PASSWORD_COMMON = "password_common"
    PASSWORD_HAS_NAME = "password_has_name"
    SET_UP_ALREADY = "set_up_already"
    PASSWORD_IS_TEMPORARY = "password_is_temporary"
    NO_SYSTEM_SIGN_IN = "no_system_sign_in"
    SYSTEM_USER_TAKEN = "system_user_taken"
    SYSTEM_KEY_MISSING = "system_key_missing"
    NO_KEY_STORE = "no_key_store"


class AccountError(SpineAlignError):
    """Something about accounts was not done; nothing was changed.

    Parameters
    ----------
    problem : AccountProblem
    name : str
        Of the account; empty where there is none.
    """

    def __init__(self, problem: AccountProblem, name: str = "") -> None:
        super().__init__(problem.value)
        self.problem, self.name = problem, name


class RecoveryKeyError(SpineAlignError):
    """What was typed is no recovery key: a letter is wrong or missing."""


class ArchiveProblem(StrEnum):
    """Why an archive was not opened, or something in it was not done."""

    WRONG_KEY_OR_DAMAGED = "wrong_key_or_damaged"
    NO_ENCRYPTION = "no_encryption"
    NEWER = "newer"
    IN_USE = "in_use"
    NOT_WRITABLE = "not_writable"
    FULL = "full"
    LOCKED = "locked"
    ON_NETWORK = "on_network"
    NO_SUCH_EXAMINATION = "no_such_examination"
    BACK_UP_DAMAGED = "back_up_damaged"
    NO_ACCOUNTS = "no_accounts"
    OTHER_PATIENT = "other_patient"
    NO_PACKAGE = "no_package"
    WRONG_PACKAGE_PASSWORD = "wrong_package_password"
    PACKAGE_TOO_LARGE = "package_too_large"


class ArchiveError(SpineAlignError):
    """Something of the archive was not done; what it holds is as it was before.

    Parameters
    ----------
    problem : ArchiveProblem
    """

    def __init__(self, problem: ArchiveProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class UnreadableResultError(ValueError):
    """What the archive keeps of a result is not as written, or of a newer program."""


class DamagedFileError(SpineAlignError):
    """An encrypted file is not as it was written, or is another archive's.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        super().__init__("damaged")
        self.path = path


class Damage(StrEnum):
    """What is wrong with the first record that is not as it was written."""

    CHANGED = "changed"
    REMOVED = "removed"
    SWAPPED = "swapped"
    CUT_OFF = "cut_off"
    ANCHOR_MISSING = "anchor_missing"
    ANCHOR_CHANGED = "anchor_changed"


class AuditDamagedError(SpineAlignError):
    """The trail is not as it was written, and nothing more is written into it.

    Parameters
    ----------
    damage : Damage
    """

    def __init__(self, damage: Damage) -> None:
        super().__init__(damage.value)
        self.damage = damage


class PauseError(SpineAlignError):
    """After wrong passwords nobody may try again yet.

    Parameters
    ----------
    seconds : float
        Until then.
    is_clock_set_back : bool
        Whether the clock shows a time before one that was seen already.
    """

    def __init__(self, seconds: float, is_clock_set_back: bool) -> None:
        super().__init__("pause")
        self.seconds, self.is_clock_set_back = seconds, is_clock_set_back


class NoKeyStoreError(SpineAlignError):
    """There is no key store on this system, or it does not hold the key of the archive."""
