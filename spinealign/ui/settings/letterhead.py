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


def take_logo(preferences: Preferences, source: Path) -> bool:
    """Copy a picture as the logo; return whether it could be read and kept."""
    reader = QImageReader(str(source))
    reader.setDecideFormatFromContent(True)
    image = reader.read()
    if image.isNull():
        return False
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
    try:
        preferences.folder.mkdir(parents=True, exist_ok=True)
        write_whole(logo_path(preferences), buffer.data().data(), is_private=True)
    except OSError:
        return False
    return True


def remove_logo(preferences: Preferences) -> None:
    """Print no logo from now on."""
    logo_path(preferences).unlink(missing_ok=True)
