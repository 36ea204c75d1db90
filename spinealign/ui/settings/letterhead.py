"""Name, address and logo of the institution, as they stand on reports."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QBuffer, QIODevice, Qt
from PyQt6.QtGui import QImageReader

from spinealign.domain.report_details import Institution
from spinealign.files import write_whole
from spinealign.ui.settings.preferences import Preferences

LOGO_NAME = "logo.png"
"""Of the copy in the profile folder: the user's own file may move."""

_MOST_PX = 1200
_MOST_BYTES = 4_000_000


def logo_path(preferences: Preferences) -> Path:
    """Return where the logo lies, if there is one."""
    return preferences.folder / LOGO_NAME


def institution(preferences: Preferences) -> Institution:
    """Return what reports are headed with; a logo that cannot be read is left out."""
    settings, path = preferences.settings, logo_path(preferences)
    try:
        with path.open("rb") as file:
            logo = file.read(_MOST_BYTES + 1)
    except OSError:
        logo = b""
    is_sound = len(logo) <= _MOST_BYTES
    name, address = settings.institution_name, settings.institution_address
    return Institution(name, address, logo if is_sound else b"")


def read_logo(source: Path) -> bytes:
    """Return a picture as the PNG of a logo; empty where it cannot be read."""
    reader = QImageReader(str(source))
    reader.setDecideFormatFromContent(True)
    image = reader.read()
    if image.isNull():
        return b""
    if max(image.width(), image.height()) > _MOST_PX:
        image = image.scaled(
            _MOST_PX,
            _MOST_PX,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return buffer.data().data()


def keep_logo(preferences: Preferences, png: bytes) -> bool:
    """Print this logo from now on, or none where it is empty; return whether it could be kept."""
    try:
        if not png:
            logo_path(preferences).unlink(missing_ok=True)
            return True
        preferences.folder.mkdir(parents=True, exist_ok=True)
        write_whole(logo_path(preferences), png, is_private=True)
    except OSError:
        return False
    return True
