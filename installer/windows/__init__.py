"""The installer for Windows."""

from __future__ import annotations

import subprocess
from pathlib import Path

from installer.identity import IDENTITY

SCRIPT = Path(__file__).resolve().parent / "SpineAlign.nsi"


def build_setup(folder: Path, icon: Path, path: Path) -> Path:
    """Compile the NSIS script around a built folder.

    Raises
    ------
    subprocess.CalledProcessError
        ``makensis`` refused the script; a warning counts as an error.
    """
    values = {"VERSION": IDENTITY.version, "FOLDER": folder, "ICON": icon, "OUT": path}
    defined = [f"-D{name}={value}" for name, value in values.items()]
    subprocess.run(["makensis", "-V2", "-WX", *defined, str(SCRIPT)], check=True)
    return path
