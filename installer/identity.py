"""What SpineAlign is called, for every kind of package."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def _version() -> str:
    text = (ROOT / "spinealign" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError("spinealign/__init__.py names no version")
    return found[1]


@dataclass(frozen=True)
class Identity:
    """Names and version.

    Parameters
    ----------
    window_program, command_program : str
        Windows and macOS do not tell capital letters apart in file names, so the command
        line has another name there.
    metadata : tuple of str
        Distributions whose metadata the program reads when it runs.
    """

    name: str = "SpineAlign"
    version: str = field(default_factory=_version)
    summary: str = "Measures and reports of spine images, offline"
    copyright: str = "Copyright © the SpineAlign authors, GPL-3.0-or-later"
    bundle_identifier: str = "org.spinealign.SpineAlign"
    window_program: str = "SpineAlign"
    metadata: tuple[str, ...] = (
        "pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "highdicom",
        "pynetdicom", "dicomweb-client", "keyring",
    )  # fmt: skip

    def command_program(self, platform: str) -> str:
        """Return the name of the command-line program on ``sys.platform``."""
        return "spinealign" if platform == "linux" else "spinealign-cli"


IDENTITY = Identity()


def version_resource(program: str) -> Any:
    """Return what Windows shows of a program under Properties, Details."""
    from PyInstaller.utils.win32 import versioninfo as info

    numbers = tuple(int(part) for part in re.findall(r"\d+", IDENTITY.version)[:3])
    four = (*numbers, *(0,) * (4 - len(numbers)))
    words = {
        "CompanyName": "SpineAlign authors",
        "FileDescription": IDENTITY.name if program == IDENTITY.window_program else program,
        "FileVersion": IDENTITY.version,
        "InternalName": program,
        "LegalCopyright": IDENTITY.copyright,
        "OriginalFilename": f"{program}.exe",
        "ProductName": IDENTITY.name,
        "ProductVersion": IDENTITY.version,
    }
    strings = [info.StringStruct(key, value) for key, value in words.items()]
    return info.VSVersionInfo(
        ffi=info.FixedFileInfo(filevers=four, prodvers=four),
        kids=[
            info.StringFileInfo([info.StringTable("040904B0", strings)]),
            info.VarFileInfo([info.VarStruct("Translation", [1033, 1200])]),
        ],
    )
