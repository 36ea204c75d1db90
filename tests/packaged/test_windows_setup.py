"""The Windows installer, compiled around the built folder's layout and run under Wine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from installer.windows import build_setup
from tests.packaged.machine import PROGRAM_FOLDER, ROOT

KEY = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\SpineAlign"
OFFER = r"HKCU\Software\Classes\.dcm\OpenWithProgids"


class Windows:
    """A Windows of Wine's making."""

    def __init__(self, folder: Path, display: str) -> None:
        self._environment = {
            **os.environ, "WINEPREFIX": str(folder), "WINEDEBUG": "-all", "DISPLAY": display,
        }  # fmt: skip
        self.run("wineboot", "--init")
        user = next((folder / "drive_c" / "users").glob("*/AppData")).parent
        self.local = user / "AppData" / "Local"
        self.program = self.local / "Programs" / "SpineAlign"

    def run(self, *command: str) -> str:
        """Run a program and return what it wrote; it must succeed."""
        done = subprocess.run(
            ["wine", *command], env=self._environment, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def knows(self, key: str) -> bool:
        """Whether the registry has a key."""
        done = subprocess.run(
            ["wine", "reg", "query", key], env=self._environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def remove(self) -> None:
        """Run the uninstaller silently and to its end."""
        place = f"_?={self.windows_path(self.program)}"
        self.run(str(self.program / "uninstall.exe"), "/S", place)

    def windows_path(self, path: Path) -> str:
        """Return a path as Windows names it."""
        return "C:" + str(path).split("drive_c", 1)[1].replace("/", "\\")


@pytest.fixture(scope="module")
def setups(machine, tmp_path_factory) -> dict[str, Path]:
    """Setup programs of two versions, with the layout that PyInstaller gives on Windows."""
    folder = tmp_path_factory.mktemp("setup")
    layout = folder / "SpineAlign"
    shutil.copytree(machine.at(PROGRAM_FOLDER), layout, ignore=links)
    (layout / "SpineAlign").rename(layout / "SpineAlign.exe")
    shutil.copyfile(layout / "SpineAlign.exe", layout / "spinealign-cli.exe")
    made = {}
    for version in ("0.0.1", "0.1.0"):
        old = layout / "_internal" / "obsolete.txt"
        old.write_text("old") if version == "0.0.1" else old.unlink()
        made[version] = folder / f"SpineAlign-{version}-setup.exe"
        icon = ROOT / "build" / "icons" / "spinealign.ico"
        build_setup(layout, icon, made[version], version, "-DTRIAL")
    return made


def links(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_symlink()]


@pytest.fixture(scope="module")
def windows(machine, tmp_path_factory) -> Windows:
    """A fresh Windows."""
    return Windows(tmp_path_factory.mktemp("wine") / "prefix", machine.display)


def test_windows_setup_from_first_to_last(windows, setups, seen):
    """Windows setup under Wine: silent install, upgrade, silent removal, user data stay."""
    windows.run(str(setups["0.0.1"]), "/S")
    assert (windows.program / "SpineAlign.exe").is_file()
    assert (windows.program / "spinealign-cli.exe").is_file()
    assert (windows.program / "_internal" / "obsolete.txt").is_file()
    assert not windows.knows(OFFER)
    data = windows.local / "SpineAlign" / "settings.json"
    data.parent.mkdir()
    data.write_text("{}")
    windows.run(str(setups["0.1.0"]), "/S", "/ASSOCIATE")
    assert not (windows.program / "_internal" / "obsolete.txt").exists()
    assert "0.1.0" in windows.run("reg", "query", KEY, "/v", "DisplayVersion")
    assert windows.knows(OFFER)
    assert data.read_text() == "{}"
    stranger = windows.program / "mine.txt"
    stranger.write_text("mine")
    windows.remove()
    assert not windows.knows(KEY)
    assert not (windows.program / "_internal").exists()
    assert not (windows.program / "SpineAlign.exe").exists()
    assert stranger.exists()
    assert data.exists()
    seen(
        "no associations without /ASSOCIATE; obsolete files gone after the upgrade; settings and a "
        "stranger's file stay after the removal"
    )
