"""What the user chose, and what the window remembers: two small JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from spinealign.files import write_whole
from spinealign.ui.settings.recent import Recent

MAX_RECENT_FILES = 12


class ThemeChoice(StrEnum):
    """Which colours the window wears."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class OverlayStyle(StrEnum):
    """How structures are drawn on the picture."""

    FILLED = "filled"
    OUTLINES = "outlines"


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    Parameters
    ----------
    overlay_opacity : float
        0..1, of filled structures and of the heat map.
    shown_measures, hidden_measures : tuple of str
        Measures that the user drew on the picture, or took off it, against the default.
    remember_recent : bool
        Whether the paths of opened files are kept for the next start.
    hide_patient_data : bool
        Whether the window is silent about the patient; the data themselves are never here.
    """

    theme: ThemeChoice = ThemeChoice.SYSTEM
    overlay_opacity: float = 0.45
    overlay_style: OverlayStyle = OverlayStyle.FILLED
    show_overlay: bool = True
    show_heatmap: bool = True
    show_measures: bool = True
    shown_measures: tuple[str, ...] = ()
    hidden_measures: tuple[str, ...] = ()
    remember_recent: bool = True
    hide_patient_data: bool = False


@dataclass(frozen=True)
class WindowState:
    """What the window remembers by itself.

    Parameters
    ----------
    geometry, layout : str
        Qt's own description of place and panels, in base 64.
    layout_width_px : int
        How wide the window was then, in pixels that scaling does not change.
    recent_files : tuple of str
        What the user opened, the latest first, each as `Recent.text` has it.
    last_folder, last_export_folder : str
        Where the file dialogs start.
    """

    geometry: str = ""
    layout: str = ""
    layout_width_px: int = 0
    recent_files: tuple[str, ...] = ()
    last_folder: str = ""
    last_export_folder: str = ""

    def with_recent(self, recent: Recent) -> tuple[str, ...]:
        """Return `recent_files` with this one at the top, each series once."""
        others = tuple(
            other
            for other in self.recent_files
            if not Recent.from_text(other).is_same_series(recent)
        )
        return (recent.text, *others)[:MAX_RECENT_FILES]


_Values = TypeVar("_Values", Settings, WindowState)


class SettingsStore:
    """Reads and writes both files in a profile folder.

    Reading never fails: a damaged file is set aside and counts as absent, and
    `notices` says so. Writing reports success, because a full disk must not stop
    anybody from working.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notices: list[str] = []

    @property
    def is_first_start(self) -> bool:
        """Whether this profile has never been written."""
        return not self._path(WindowState).exists()

    def load_settings(self) -> Settings:
        """Return the stored choices, or the defaults."""
        return self._load(Settings)

    def load_window_state(self) -> WindowState:
        """Return the stored window state, or an empty one."""
        return self._load(WindowState)

    def save(self, values: Settings | WindowState) -> bool:
        """Write one of the two files; return whether that worked."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            content = json.dumps(asdict(values), indent=2).encode()
            write_whole(self._path(type(values)), content, is_private=True)
        except OSError:
            return False
        return True

    def _path(self, kind: type[Settings] | type[WindowState]) -> Path:
        return self.folder / ("settings.json" if kind is Settings else "window.json")

    def _load(self, kind: type[_Values]) -> _Values:
        path = self._path(kind)
        try:
            return _from_json(kind, json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return kind()
        except (OSError, ValueError, TypeError):
            self._set_aside(path)
            return kind()

    def _set_aside(self, path: Path) -> None:
        kept = path.with_suffix(".damaged.json")
        try:
            path.replace(kept)
        except OSError:
            kept = path
        self.notices.append(f"The file {path.name} in the profile folder was damaged.")


def _from_json(kind: type[_Values], stored: object) -> _Values:
    """Take what is stored and valid; unknown keys come from a newer version and are left out."""
    if not isinstance(stored, Mapping):
        raise TypeError("not an object")
    known = {field.name: field.default for field in fields(kind)}
    checked = {
        name: _as_type_of(known[name], value) for name, value in stored.items() if name in known
    }
    return kind(**checked)


def _as_type_of(default: Any, value: Any) -> Any:
    if isinstance(default, StrEnum):
        return type(default)(value)
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise TypeError("not a list of strings")
        return tuple(value)
    if isinstance(default, float) and type(value) in (int, float):
        if not 0 <= value <= 1:
            raise ValueError("not a fraction")
        return float(value)
    if type(value) is not type(default):
        raise TypeError(type(default).__name__)
    return value
