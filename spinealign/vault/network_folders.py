"""Whether a folder lies on another computer, where a database cannot be locked reliably.

Source: "SQLite Over a Network, Caveats and Considerations" (sqlite.org/useovernet.html), and
"Write-Ahead Logging", which all programs on one computer have to share memory for.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_NETWORK_TYPES = frozenset(
    [
        *("9p", "afs", "ceph", "cifs", "davfs", "fuse.davfs2", "fuse.glusterfs", "fuse.rclone"),
        *("fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs"),
        *("afpfs", "webdav", "fuse.smbnetfs", "beegfs", "ocfs2", "gfs2"),
    ]
)
"""File systems that come from another computer, as Linux and macOS name them."""

_REMOTE_DRIVE = 4
"""Source: DRIVE_REMOTE of GetDriveTypeW, fileapi.h."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


def is_on_network(folder: Path) -> bool:
    """Return whether a folder, which need not exist yet, lies on another computer."""
    whole = os.path.realpath(folder)
    if sys.platform == "win32":
        return _is_remote_drive(whole)
    mounts = _linux_mounts() if sys.platform == "linux" else _other_mounts()
    return type_of(whole, mounts) in _NETWORK_TYPES


def type_of(path: str, mounts: Iterable[tuple[str, str]]) -> str:
    """Return the type of the file system that a path lies on.

    Parameters
    ----------
    path : str
        Absolute, without symbolic links.
    mounts : iterable of (str, str)
        Where each file system begins, and its type; of two at one place the later one counts.
    """
    longest, kind = -1, ""
    for place, type_here in mounts:
        inside = path == place or path.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= longest:
            longest, kind = len(place), type_here
    return kind


def _linux_mounts() -> list[tuple[str, str]]:
    try:
        lines = Path("/proc/self/mounts").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    parts = [line.split(" ") for line in lines]
    return [(_unescaped(each[1]), each[2]) for each in parts if len(each) > 2]


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def _other_mounts() -> list[tuple[str, str]]:
    try:
        told = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return []
    found = (re.search(r" on (.+) \((\w+)", line) for line in told.splitlines())
    return [(each[1], each[2]) for each in found if each]


def _is_remote_drive(path: str) -> bool:
    if path.startswith("\\\\"):
        return True
    import ctypes

    system = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined, unused-ignore]
    return bool(system.GetDriveTypeW(os.path.splitdrive(path)[0] + "\\") == _REMOTE_DRIVE)
