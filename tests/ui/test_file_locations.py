"""Where files are kept: said once, shown, changeable."""

import json

import pytest
from PyQt6.QtWidgets import QFileDialog, QLabel, QPushButton

from spinealign.domain import paths
from spinealign.ui.settings.settings import SettingsStore, ThemeChoice
from spinealign.ui.window.file_locations import (
    FileLocationsDialog,
    change_profile_dir,
    choose_profile_dir,
    file_locations,
)


@pytest.fixture
def usual(tmp_path, monkeypatch):
    """The user's usual folder, which the window of these tests uses."""
    folder = tmp_path / "profile"
    monkeypatch.delenv(paths.PROFILE_VARIABLE, raising=False)
    monkeypatch.setattr(paths, "usual_profile_dir", lambda: folder)
    return folder


def texts(dialog):
    return [label.text() for label in dialog.findChildren(QLabel)]


def test_the_first_start_says_what_is_kept_and_where(qtbot, window, usual):
    window.start()
    assert "Images stay on this computer" in window.banner.text
    assert str(usual) in window.banner.text
    qtbot.waitUntil(
        lambda: not window.workbench.files.is_busy and not window.workbench.inference.is_busy
    )


def test_it_is_said_once(qtbot, open_window, usual):
    first = open_window(SettingsStore(usual))
    first.start()
    qtbot.waitUntil(
        lambda: not first.workbench.files.is_busy and not first.workbench.inference.is_busy
    )
    second = open_window(SettingsStore(usual))
    second.start()
    qtbot.waitUntil(
        lambda: not second.workbench.files.is_busy and not second.workbench.inference.is_busy
    )
    assert not second.banner.isVisible()


def test_a_profile_that_cannot_be_written_is_told(qtbot, open_window, tmp_path):
    (tmp_path / "file").write_text("")
    window = open_window(SettingsStore(tmp_path / "file" / "profile"))
    window.start()
    assert "cannot be kept" in window.banner.text
    qtbot.waitUntil(
        lambda: not window.workbench.files.is_busy and not window.workbench.inference.is_busy
    )


def test_the_dialog_names_every_place(qtbot, window, usual):
    dialog = FileLocationsDialog(window.workbench.preferences, window.workbench.messages, window)
    qtbot.addWidget(dialog)
    assert str(usual) in texts(dialog)
    assert {"Settings", "Corrections", "Results", "Working files", "Models"} <= set(texts(dialog))


def test_the_last_folder_of_results_is_named(tmp_path):
    found = {location.title: location for location in file_locations(tmp_path, "/results")}
    assert found["Results"].folder.as_posix().endswith("/results")
    assert "last time" in found["Results"].words


def test_own_models_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv(paths.MODELS_VARIABLE, "/mine")
    found = {location.title: location for location in file_locations(tmp_path, "")}
    assert "/mine" in found["Own models"].words


def test_another_folder_is_chosen(qtbot, window, usual, tmp_path, monkeypatch):
    corrections = usual / "corrections"
    corrections.mkdir(parents=True)
    (corrections / "one.spinealign.json").write_text("{}")
    window.workbench.preferences.choose(theme=ThemeChoice.DARK)
    new = tmp_path / "elsewhere"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(new))
    dialog = FileLocationsDialog(window.workbench.preferences, window.workbench.messages, window)
    qtbot.addWidget(dialog)
    change = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Change…")
    change.click()
    assert window.workbench.preferences.folder == new
    assert paths.profile_dir() == new
    assert json.loads((new / "settings.json").read_text())["theme"] == "dark"
    assert (new / "corrections" / "one.spinealign.json").exists()
    assert (corrections / "one.spinealign.json").exists()
    assert str(new) in window.banner.text


def test_a_folder_that_cannot_be_written_changes_nothing(window, usual, tmp_path):
    (tmp_path / "file").write_text("")
    change_profile_dir(
        window.workbench.preferences, window.workbench.messages, tmp_path / "file" / "profile"
    )
    assert window.workbench.preferences.folder == usual
    assert paths.profile_dir() == usual
    assert "cannot be kept" in window.banner.text


def test_files_that_are_there_already_stay(tmp_path, usual):
    usual.mkdir()
    (usual / "settings.json").write_text("old")
    new = tmp_path / "new"
    new.mkdir()
    (new / "settings.json").write_text("kept")
    choose_profile_dir(usual, new)
    assert (new / "settings.json").read_text() == "kept"


def test_a_stated_folder_cannot_be_changed(qtbot, window, usual, monkeypatch):
    monkeypatch.setenv(paths.PROFILE_VARIABLE, str(usual))
    dialog = FileLocationsDialog(window.workbench.preferences, window.workbench.messages, window)
    qtbot.addWidget(dialog)
    assert not [b for b in dialog.findChildren(QPushButton) if b.text() == "Change…"]
