"""The installer for Windows."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from installer.file_kinds import setup_header
from installer.identity import IDENTITY

SCRIPT = Path(__file__).resolve().parent / "SpineAlign.nsi"


def build_setup(
    folder: Path, icon: Path, path: Path, version: str = IDENTITY.version, *options: str
) -> Path:
    """Compile the NSIS script around a built folder.

    Parameters
    ----------
    folder, icon : Path
        The built folder, and the icon of setup and uninstaller.
    path : Path
        The setup program to write.
    version : str
    *options : str
        More for ``makensis``, such as ``-DTRIAL``.

    Raises
    ------
    subprocess.CalledProcessError
        ``makensis`` refused the script; a warning counts as an error.
    """
    with tempfile.TemporaryDirectory() as work:
        header = Path(work) / "suffixes.nsh"
        header.write_text(setup_header(), encoding="utf-8")
        values = {
            "VERSION": version, "FOLDER": folder, "ICON": icon, "OUT": path, "SUFFIXES": header,
        }  # fmt: skip
        defined = [*options, *(f"-D{name}={value}" for name, value in values.items())]
        subprocess.run(["makensis", "-V2", "-WX", *defined, str(SCRIPT)], check=True)
    return path
