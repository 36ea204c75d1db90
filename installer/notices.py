"""THIRD-PARTY-LICENCES.txt: whose work is in the package, and under which terms."""

from __future__ import annotations

import sys
from pathlib import Path

from installer.contents import (
    INTERNAL,
    debian_owner,
    distributions,
    is_elf,
    model_cards,
)
from installer.identity import IDENTITY, ROOT

NAME = "THIRD-PARTY-LICENCES.txt"
_RULE = "=" * 100

_QT = """\
Qt {version} (the libraries libQt6*, and their plugins) is used under the GNU Lesser General Public
License, version 3. They are separate files in {place}, which you may replace by your own builds
of the same version; their source is at download.qt.io. Qt brings ICU (Unicode licence) with it.
PyQt6 is used under the GNU General Public License, version 3, which therefore holds for
SpineAlign as a whole; its text is in LICENSE beside this file.
"""

_APACHE = ROOT / "resources" / "fonts" / "Apache-2.0.txt"
_LICENCES = Path(__file__).resolve().parent / "licences"
_MIT, _BSD = _LICENCES / "MIT.txt", _LICENCES / "BSD-3-Clause.txt"

NOT_IN_WHEEL = {
    "flatbuffers": ((_APACHE, "FlatBuffers: Copyright 2014 Google Inc."),),
    "pyjpegls": (
        (_MIT, "pyjpegls: Copyright (c) Pierre V. Villeneuve and the contributors of pydicom"),
        (_BSD, "CharLS, compiled in: Copyright (c) 2007, Jan de Vaan, Victor Derks"),
    ),
    "cryptography": ((_APACHE, "OpenSSL, compiled in: Copyright The OpenSSL Project Authors"),),
    "sqlcipher3": (
        (_BSD, "SQLCipher, compiled in: Copyright (c) 2008-2025, ZETETIC LLC"),
        (_APACHE, "OpenSSL, compiled in: Copyright The OpenSSL Project Authors"),
    ),
}
"""Terms that a wheel does not carry: of itself, or of what is compiled into it."""


def write_notices(folder: Path) -> Path:
    """Write the file into a built folder and return its path.

    Raises
    ------
    LookupError
        Nobody says under which terms a distribution is used.
    """
    parts = [
        f"Third-party software and data in {IDENTITY.name} {IDENTITY.version}\n",
        "SpineAlign itself: GPL-3.0-or-later, see LICENSE.\n",
        *_of_qt(),
        *_of_models(folder),
        *_of_samples(),
        *_of_fonts(),
        *_of_python(),
        *_of_distributions(),
        *_of_system_libraries(folder),
    ]
    path = folder / NAME
    path.write_text("\n".join(parts), encoding="utf-8")
    (folder / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    return path


def _heading(title: str) -> str:
    return f"\n{_RULE}\n{title}\n{_RULE}\n"


def _of_qt() -> list[str]:
    version = next(d.version for d in distributions() if d.name.lower() == "pyqt6-qt6")
    return [
        _heading("Qt and PyQt6"),
        _QT.format(version=version, place=f"{INTERNAL}/PyQt6/Qt6"),
    ]


def _of_models(folder: Path) -> list[str]:
    lines = [
        f"{card['name']} {card['version']}: {card['licence']}\n"
        f"    trained on: {card['training_data']}"
        for card in model_cards(folder)
    ]
    return [_heading("Models (weights)"), *lines]


def _of_samples() -> list[str]:
    text = (ROOT / "resources" / "samples" / "LICENCES.md").read_text(encoding="utf-8")
    return [_heading("Sample images"), text]


def _of_fonts() -> list[str]:
    fonts = ROOT / "resources" / "fonts"
    names = ("LICENCES.md", "OFL-1.1.txt", "Apache-2.0.txt")
    return [_heading("Fonts"), *((fonts / name).read_text(encoding="utf-8") for name in names)]


def _of_python() -> list[str]:
    version = ".".join(map(str, sys.version_info[:3]))
    return [
        _heading(f"Python {version}: PSF-2.0"),
        "Copyright © 2001 Python Software Foundation; all rights reserved. "
        "The text is at docs.python.org/3/license.html, and here as Python tells it:\n",
        _python_licence(),
        "PyInstaller's bootloader: GPL-2.0-or-later with an exception that allows programs of any "
        "licence to be packed with it.",
    ]


def _python_licence() -> str:
    library = Path(next(p for p in sys.path if p.endswith(f"python3.{sys.version_info[1]}")))
    for place in (library / "LICENSE.txt", Path(sys.base_prefix) / "LICENSE.txt"):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    return sys.copyright


def _of_distributions() -> list[str]:
    parts = []
    for found in distributions():
        parts.append(_heading(f"{found.name} {found.version}: {found.licence}"))
        parts += [f"--- {name}\n\n{text}" for name, text in found.texts]
        added = NOT_IN_WHEEL.get(found.name, ())
        parts += [f"--- {whose}\n\n{path.read_text(encoding='utf-8')}" for path, whose in added]
        if not (found.texts or added):
            raise LookupError(f"{found.name} carries no licence, and NOT_IN_WHEEL has none")
        parts += [
            f"Compiled in: {part.name} {part.version}: {part.licence or 'see the text'}"
            for part in found.inside
        ]
    return parts


def _of_system_libraries(folder: Path) -> list[str]:
    parts = []
    for library in sorted((folder / INTERNAL).glob("lib*.so*")):
        owner = debian_owner(library.name) if is_elf(library) else None
        if owner is None:
            continue
        parts.append(_heading(f"{library.name}, from {owner[0]} {owner[1]}"))
        text = Path("/usr/share/doc") / owner[0] / "copyright"
        parts.append(text.read_text(encoding="utf-8", errors="replace") if text.is_file() else "")
    return parts
