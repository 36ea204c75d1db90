"""What the database and the disk say of a failure, as what went wrong with the archive."""

from __future__ import annotations

import errno

from spinealign.domain.protection import ArchiveError, ArchiveProblem
from spinealign.protected_folders import LockedFolderError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_MEANINGS = {
    "is full": ArchiveProblem.FULL,
    "locked": ArchiveProblem.IN_USE,
    "busy": ArchiveProblem.IN_USE,
    "readonly": ArchiveProblem.NOT_WRITABLE,
    "unable to open": ArchiveProblem.NOT_WRITABLE,
    "disk i/o": ArchiveProblem.NOT_WRITABLE,
    "not a database": ArchiveProblem.WRONG_KEY_OR_DAMAGED,
    "vtable constructor failed": ArchiveProblem.WRONG_KEY_OR_DAMAGED,
    "malformed": ArchiveProblem.WRONG_KEY_OR_DAMAGED,
    "hmac check failed": ArchiveProblem.WRONG_KEY_OR_DAMAGED,
    "closed database": ArchiveProblem.LOCKED,
    "interrupted": ArchiveProblem.LOCKED,
}
"""What SQLite and SQLCipher say, which have codes of errors only in later versions of Python."""


def as_archive_error(error: Exception) -> ArchiveError | None:
    """Return what an error of the database or of the disk means; None for a fault of this program.

    Parameters
    ----------
    error : Exception
        Of SQLCipher, or an `OSError`.
    """
    if isinstance(error, LockedFolderError):
        return ArchiveError(ArchiveProblem.LOCKED)
    if isinstance(error, OSError):
        is_full = error.errno in _FULL
        return ArchiveError(ArchiveProblem.FULL if is_full else ArchiveProblem.NOT_WRITABLE)
    text = str(error).lower()
    for words, problem in _MEANINGS.items():
        if words in text:
            return ArchiveError(problem)
    return None
