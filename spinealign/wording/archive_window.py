"""Words of the archive in the window: kept, searched, followed in time, backed up."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.wording.failures import Message
from spinealign.wording.text import safe_text

# Keeping

NO_ARCHIVE = "There is no archive yet: set up accounts first (File, Accounts and lock)"
IS_LOCKED = "The archive is locked"
MAY_NOT_KEEP = "Your account may not put images into the archive"
MAY_NOT_VIEW = "Your account may not look at the archive"
NO_CASE_SELECTED = "Select a case first"
IN_ZIP = Message(
    "Images inside a zip archive cannot be kept in the archive by themselves.",
    "Unpack the zip archive, open the images, and keep them again.",
)
LOCKED_BEFORE = Message(
    "The archive was locked before this was done.",
    "Unlock it, look whether it is there, and do it again if not.",
)


def keeping_text(title: str) -> str:
    """Return what is being put into the archive."""
    return f"Keeping {safe_text(title)} in the archive…"


def kept_text(titles: Sequence[str], file_count: int) -> str:
    """Return what was put into the archive."""
    files = _counted(file_count, "file")
    if len(titles) == 1:
        return f"Kept in the archive: {safe_text(titles[0])}, {files}"
    return f"Kept in the archive: {_counted(len(titles), 'case')}, {files}"


def _counted(count: int, noun: str) -> str:
    # Not that of the module of the archive's lines, which a window without an archive never loads.
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
