"""Settings survive a round trip; damage costs the settings and never the start."""

import json
import os
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.measurements import LengthUnit
from spinealign.domain.report_details import PaperSize, ReportPart
from spinealign.domain.study import SlicePosition
from spinealign.reading.impression import Phrase
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import (
    MAX_RECENT_FILES,
    OverlayStyle,
    Settings,
    SettingsStore,
    ThemeChoice,
    WindowState,
)
from spinealign.ui.settings.window_lock import WindowLock

CHOSEN = Settings(
    theme=ThemeChoice.DARK,
    overlay_opacity=0.7,
    overlay_style=OverlayStyle.OUTLINES,
    show_overlay=False,
    show_heatmap=False,
    show_measures=False,
    shown_measures=("c7_slope|C7",),
    hidden_measures=("cobb_c2_c7|C2|C7",),
    wheel_leafs=False,
    show_reference_lines=False,
    drawn_lengths=LengthUnit.BOTH,
    remember_recent=False,
    hide_patient_data=True,
    reader_name="A. Reader",
    phrases=(Phrase("nl", "No listhesis."),),
    institution_name="Klinika Łódź",
    institution_address="Main Street 1",
    paper=PaperSize.LETTER,
    left_out_parts=(ReportPart.DISCS, ReportPart.PICTURE),
    analyses_at_once=False,
    case_memory_mb=3000,
    slice_memory_mb=64,
    dicom_uid_root="1.2.3",
    dicom_label_map=True,
    lock_after_minutes=3,
    asks_password_to_sign=True,
)
EARLIER = Path(__file__).parent.parent / "earlier_files"
REMEMBERED = WindowState(
    "Z2Vv", "bGF5", 1280, ("/a/b.dcm", "/c"), "/a", "/out", ("/c",), "Y29t", ("/d",),
    sent_kinds=("dicom_seg",), sent_to="PACS", searched_node="PACS", models_geometry="bW9k",
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return SettingsStore(tmp_path / "profile")


def test_nothing_stored_means_defaults_and_a_first_start(store):
    assert store.is_first_start
    assert store.load_settings() == Settings()
    assert store.load_window_state() == WindowState()
    assert store.notices == []


def test_examples_differ_from_the_defaults_in_every_field():
    for chosen, default in ((CHOSEN, Settings()), (REMEMBERED, WindowState())):
        for field in fields(chosen):
            assert getattr(chosen, field.name) != getattr(default, field.name)


def test_round_trip(store):
    assert store.save(CHOSEN)
    assert store.save(REMEMBERED)
    again = SettingsStore(store.folder)
    assert again.load_settings() == CHOSEN
    assert again.load_window_state() == REMEMBERED
    assert not again.is_first_start


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"theme": "pink"}',
        '{"theme": 3}',
        '{"overlay_opacity": 7}',
        '{"overlay_opacity": NaN}',
        '{"overlay_opacity": "0.5"}',
        '{"show_overlay": 1}',
        "\udce9",
        '{"overlay_opacity": 1e308}',
        '{"case_memory_mb": 1}',
        '{"case_memory_mb": 1e12}',
        '{"slice_memory_mb": 256.5}',
        '{"paper": "a3"}',
        '{"drawn_lengths": "cm"}',
        '{"left_out_parts": ["impression"]}',
        '{"overlay_opacity": 1e999}',
        "[" * 200_000,
        '{"something_new": ' + "[" * 200_000,
    ],
    ids=[
        "empty", "cut", "list", "null", "unknown theme", "number as theme", "out of range",
        "not a number", "text as number", "number as bool", "not UTF-8",
        "huge", "too little memory", "too much memory", "half a megabyte", "unknown paper",
        "unknown unit",
        "part that must stay", "infinite", "deep", "deep in an unknown key",
    ],
)  # fmt: skip
def test_damage_gives_defaults_and_a_notice_and_keeps_the_file(store, text):
    store.folder.mkdir()
    path = store.folder / "settings.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert store.load_settings() == Settings()
    assert len(store.notices) == 1
    assert "settings.json" in store.notices[0]
    assert (store.folder / "settings.damaged.json").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_place_of_the_settings_is_set_aside(store):
    store.folder.mkdir()
    os.mkfifo(store.folder / "settings.json")
    assert store.load_settings() == Settings()
    assert len(store.notices) == 1
    assert store.save(CHOSEN)
    assert store.load_settings() == CHOSEN


def test_files_of_earlier_versions_open_as_they_did(store):
    store.folder.mkdir()
    for name in ("settings.json", "window.json"):
        shutil.copy(EARLIER / name, store.folder / name)
    known = json.loads((EARLIER / "settings.json").read_text("utf-8"))
    new = {field.name for field in fields(Settings)} - set(known)
    later = {name: getattr(Settings(), name) for name in new}
    assert store.load_settings() == replace(CHOSEN, **later)
    state = store.load_window_state()
    assert store.notices == []
    odd = Path(os.fsdecode(b"/films/n\xe9ck.dcm"))
    assert [Recent.from_text(text) for text in state.recent_files] == [
        Recent(odd, 2), Recent(Path("/a/series"), 3, SlicePosition(0, 7)), Recent(odd),
        Recent(Path("/a/b.dcm")),
    ]  # fmt: skip
    assert (state.geometry, state.layout_width_px, state.last_folder) == ("Z2Vv", 1280, str(odd))


@pytest.mark.parametrize(
    "text",
    ['{"path": 1}', '{"path": "a", "series": "2", "place": null}', '{"a":' * 200_000, "{"],
    ids=["number", "text as number", "deep", "cut"],
)
def test_what_is_no_stored_series_is_a_path(text):
    assert Recent.from_text(text) == Recent(Path(text))


@pytest.mark.parametrize("recent", ['"a"', "[1]", "{}"])
def test_damaged_recent_files(store, recent):
    store.folder.mkdir()
    (store.folder / "window.json").write_text(f'{{"recent_files": {recent}}}')
    assert store.load_window_state() == WindowState()
    assert store.notices


def test_settings_of_a_newer_version_are_read_as_far_as_known(store):
    store.folder.mkdir()
    stored = {"theme": "dark", "something_new": [1]}
    (store.folder / "settings.json").write_text(json.dumps(stored))
    assert store.load_settings() == Settings(theme=ThemeChoice.DARK)
    assert store.notices == []


def test_saving_where_nothing_can_be_written_says_so(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    store = SettingsStore(blocked)
    assert not store.save(Settings())
    assert store.load_settings() == Settings()


def test_a_failed_save_leaves_the_old_file_and_nothing_else(store, monkeypatch):
    store.save(CHOSEN)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spinealign.files.os.fsync", full)
    assert not store.save(Settings())
    assert [path.name for path in store.folder.iterdir()] == ["settings.json"]
    assert store.load_settings() == CHOSEN


@given(st.lists(st.sampled_from([f"/f{n}" for n in range(20)]), max_size=40))
def test_recent_files_are_the_latest_first_without_repetition(opened):
    state = WindowState()
    for text in opened:
        state = WindowState(recent_files=state.with_recent(Recent(Path(text))))
    expected = list(dict.fromkeys(reversed(opened)))[:MAX_RECENT_FILES]
    assert list(state.recent_files) == expected


def test_clear_recent_is_on_disk_at_once(store, tmp_path):
    preferences = Preferences(store)
    preferences.remember(Recent(tmp_path / "a.dcm"))
    preferences.save()
    preferences.clear_recent()
    assert SettingsStore(store.folder).load_window_state().recent_files == ()


def test_not_remembering_forgets_and_stays_empty(store, tmp_path):
    preferences = Preferences(store)
    preferences.remember(Recent(tmp_path / "a.dcm"))
    preferences.set_remembering(False)
    preferences.remember(Recent(tmp_path / "b.dcm"))
    assert preferences.recent == []


def test_forget_takes_one_file_off(store, tmp_path):
    preferences = Preferences(store)
    for name in "ab":
        preferences.remember(Recent(tmp_path / name))
    preferences.forget(Recent(tmp_path / "b"))
    preferences.forget(Recent(tmp_path / "never seen"))
    assert preferences.recent == [Recent(tmp_path / "a")]


def test_a_window_writes_only_what_was_changed_in_it(store, tmp_path):
    Preferences(store).save()
    first, second = Preferences(store), Preferences(SettingsStore(store.folder))
    first.choose(theme=ThemeChoice.DARK)
    first.note(last_folder="here")
    first.save()
    second.adopt(replace(second.settings, wheel_leafs=False))
    second.note(sent_to="PACS")
    second.save()
    kept = SettingsStore(store.folder)
    settings, state = kept.load_settings(), kept.load_window_state()
    assert (settings.theme, settings.wheel_leafs) == (ThemeChoice.DARK, False)
    assert (state.last_folder, state.sent_to) == ("here", "PACS")


def test_only_one_of_two_windows_is_the_first(tmp_path):
    first = WindowLock(tmp_path / "new")
    second = WindowLock(tmp_path / "new")
    assert (first.is_first, second.is_first) == (True, False)
    first.let_go()
    assert WindowLock(tmp_path / "new").is_first


def test_where_no_lock_can_be_made_a_window_counts_as_the_first(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert WindowLock(tmp_path / "file").is_first
