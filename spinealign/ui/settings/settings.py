"""What the user chose, and what the window remembers: two small JSON files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from spinealign.domain.dicom_choices import LONGEST_ROOT
from spinealign.domain.measurements import LengthUnit, Share
from spinealign.domain.reading import PersonName
from spinealign.domain.report_details import PaperSize, ReportLayout, ReportPart
from spinealign.files import write_whole
from spinealign.json_files import JsonError, read_json
from spinealign.reading.impression import Phrases
from spinealign.ui.settings.recent import Recent

MAX_RECENT_FILES = 12
MAX_SESSION = 500
"""How many images of a session are remembered for the next one."""


class ThemeChoice(StrEnum):
    """Which colours the window wears."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class OverlayStyle(StrEnum):
    """How structures are drawn on the picture."""

    FILLED = "filled"
    OUTLINES = "outlines"


ShortText = Annotated[str, Meta(max_length=1000)]
"""What a person types on one line."""


UidRoot = Annotated[str, Meta(max_length=LONGEST_ROOT)]
"""What a person typed for a root of DICOM identifiers; `is_uid_root` tells whether it is one."""

FEWEST_CASE_MB, MOST_CASE_MB = 100, 64_000
FEWEST_SLICE_MB, MOST_SLICE_MB = 32, 16_000
"""Megabytes that results, and pictures read ahead, may be given."""

CaseMegabytes = Annotated[int, Meta(ge=FEWEST_CASE_MB, le=MOST_CASE_MB)]
SliceMegabytes = Annotated[int, Meta(ge=FEWEST_SLICE_MB, le=MOST_SLICE_MB)]
BYTES_IN_MB = 1_000_000

FEWEST_LOCK_MINUTES, MOST_LOCK_MINUTES = 1, 120
"""Without mouse and keys, until a program with accounts locks itself."""

LockMinutes = Annotated[int, Meta(ge=FEWEST_LOCK_MINUTES, le=MOST_LOCK_MINUTES)]


@dataclass(frozen=True)
class Settings:
    """What the user chose.

    Parameters
    ----------
    overlay_opacity : float
        0..1, of filled structures and of the heat map.
    shown_measures, hidden_measures : tuple of str
        Measures that the user draws on the picture, or leaves off it, against the default: a key
        of `MEASURES` alone for all levels, or with levels for one.
    drawn_lengths : LengthUnit
        In what lengths that the user drew are written on the picture.
    wheel_leafs : bool
        Whether the wheel alone leafs through a series, and zooms with Ctrl; else it zooms alone,
        and leafs with Ctrl or Shift. On a single picture it always zooms.
    show_reference_lines : bool
        Whether lines show where slices of other open series cut the one that is seen.
    remember_recent : bool
        Whether the paths of opened files are kept for the next start.
    hide_patient_data : bool
        Whether the window is silent about the patient; the data themselves are never here.
    reader_name : str
        Who signs readings; asked for once.
    phrases : tuple of Phrase
        Texts that keys stand for in an impression.
    institution_name, institution_address : str
        What reports are headed with; the logo lies beside this file.
    paper : PaperSize
    left_out_parts : tuple of ReportPart
        What reports leave to their annex.
    dicom_uid_root : str
        Of identifiers of DICOM objects; empty for 2.25.
    dicom_label_map : bool
        Whether DICOM segmentations are written as label maps.
    analyses_at_once : bool
        Whether cases are analysed as they are opened; else they wait for Analyse.
    case_memory_mb, slice_memory_mb : int
        How many megabytes the results of open cases, and the pictures of a series, may take.
    lock_after_minutes : int
        Without mouse and keys, until a program with accounts locks itself.
    asks_password_to_sign : bool
        Whether signing asks for the account's password again.
    """

    theme: ThemeChoice = ThemeChoice.SYSTEM
    overlay_opacity: Share = 0.45
    overlay_style: OverlayStyle = OverlayStyle.FILLED
    show_overlay: bool = True
    show_heatmap: bool = True
    show_measures: bool = True
    shown_measures: tuple[str, ...] = ()
    hidden_measures: tuple[str, ...] = ()
    drawn_lengths: LengthUnit = LengthUnit.MILLIMETRES
    wheel_leafs: bool = True
    show_reference_lines: bool = True
    remember_recent: bool = True
    hide_patient_data: bool = False
    reader_name: PersonName = ""
    phrases: Phrases = ()
    institution_name: ShortText = ""
    institution_address: ShortText = ""
    paper: PaperSize = PaperSize.A4
    left_out_parts: Annotated[tuple[ReportPart, ...], Meta(max_length=len(ReportPart))] = ()
    analyses_at_once: bool = True
    dicom_uid_root: UidRoot = ""
    dicom_label_map: bool = False
    case_memory_mb: CaseMegabytes = 1500
    slice_memory_mb: SliceMegabytes = 256
    lock_after_minutes: LockMinutes = 10
    asks_password_to_sign: bool = False

    @property
    def report_layout(self) -> ReportLayout:
        """How reports are printed."""
        return ReportLayout(self.paper, self.left_out_parts)


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
    last_session : tuple of str
        What was open when the window was closed last, each as `Recent.text` has it.
    compare_geometry : str
        Qt's own description of where the comparison stood, in base 64.
    open_now : tuple of str
        What is open, each as `Recent.text` has it: offered where the window ends unclosed.
    sent_kinds : tuple of str
        Kinds of DICOM objects that were sent last; empty for all.
    sent_to, searched_node : str
        Names of the nodes used last.
    models_geometry : str
        Qt's own description of where the window of the models stood, in base 64.
    """

    geometry: str = ""
    layout: str = ""
    layout_width_px: int = 0
    recent_files: tuple[str, ...] = ()
    last_folder: str = ""
    last_export_folder: str = ""
    last_session: tuple[str, ...] = ()
    compare_geometry: str = ""
    open_now: tuple[str, ...] = ()
    sent_kinds: tuple[str, ...] = ()
    sent_to: str = ""
    searched_node: str = ""
    models_geometry: str = ""

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
        return not self.has_state

    @property
    def has_state(self) -> bool:
        """Whether what a window remembers was ever written."""
        return self._path(WindowState).exists()

    @property
    def has_settings(self) -> bool:
        """Whether settings were ever written."""
        return self._path(Settings).exists()

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
            content = json.dumps(msgspec.to_builtins(values), indent=2).encode()
            write_whole(self._path(type(values)), content, is_private=True)
        except OSError:
            return False
        return True

    def _path(self, kind: type[Settings] | type[WindowState]) -> Path:
        return self.folder / ("settings.json" if kind is Settings else "window.json")

    def _load(self, kind: type[_Values]) -> _Values:
        path = self._path(kind)
        try:
            # Unknown keys come from a newer version and are left out.
            return read_json(path, kind)
        except (FileNotFoundError, NotADirectoryError):
            return kind()
        except (OSError, JsonError):
            self._set_aside(path)
            return kind()

    def _set_aside(self, path: Path) -> None:
        kept = path.with_suffix(".damaged.json")
        try:
            path.replace(kept)
        except OSError:
            kept = path
        self.notices.append(f"The file {path.name} in the profile folder was damaged.")
