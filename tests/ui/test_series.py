"""Folders, archives and files with several pictures: found, chosen, leafed through, analysed."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign.domain.image import DisplayWindow, ImagePart
from spinealign.domain.study import SlicePlace
from spinealign.ui.case_session import CaseStatus
from spinealign.ui.compare_dialog import CompareWindow
from spinealign.ui.recent import Recent
from spinealign.ui.services import program_services
from spinealign.ui.settings import SettingsStore
from tests.fakes import WAIT_S
from tests.image_files import ramp, write_dicom, write_nifti, write_series, zipped
from tests.ui.hands import at_rest


@pytest.fixture
def real_files(fake):
    """Let the fake services look at files and read them as the program does."""
    fake.analyser.reads = True
    real, build = program_services(), fake.build
    fake.build = lambda: replace(
        build(), scan=real.scan, read_slices=real.read_slices, read_patient=real.read_patient
    )


@pytest.fixture
def browsing(real_files, open_window):
    """A window that reads real files and analyses as the fakes do."""
    return open_window()


@pytest.fixture
def study(tmp_path):
    """A folder with sagittal T1 and T2 and an axial series."""
    folder = tmp_path / "mr study"
    write_series(folder / "t1", 5, SeriesNumber=1, SeriesDescription="T1 sag")
    write_series(folder / "t2", 5, SeriesNumber=2, SeriesDescription="T2 sag")
    write_series(folder / "ax", 4, "axial", SeriesNumber=3, SeriesDescription="T2 tra")
    return folder


def open_and_rest(qtbot, window, *paths):
    window.opener.open_paths(list(paths))
    settle(qtbot, window)


def settle(qtbot, window):
    qtbot.waitUntil(lambda: at_rest(window) and not window.reading.is_busy, timeout=10_000)


def titles(window):
    return [case.title for case in window.session.cases]


def shown_value(window):
    """What tells a slice from the others: `write_series` adds its number to all pixels."""
    return int(window.viewer.picture.display.image.pixels.min())


# --- what is opened ----------------------------------------------------------------


def test_of_a_study_the_sensible_series_opens_and_the_others_stay_at_hand(qtbot, browsing, study):
    open_and_rest(qtbot, browsing, study)
    assert titles(browsing) == ["T2 sag, slice 3 of 5"]
    assert browsing.series.dock.isVisible()
    browser = browsing.series.browser
    assert [stack.first.description for stack in browser.selected] == ["T2 sag"]
    texts = [browser.tree.topLevelItem(row).text(0) for row in range(3)]
    assert texts[0] == "1: T1 sag\nMR sagittal\n5 images, 50×40"
    assert texts[1].startswith("✓ 2: T2 sag")
    assert texts[2].startswith("3: T2 tra\nMR axial\n4 images")


def test_thumbnails_are_drawn_for_what_is_seen(qtbot, browsing, study):
    open_and_rest(qtbot, browsing, study)
    for row in range(3):
        item = browsing.series.browser.tree.topLevelItem(row)
        picture = item.icon(0).pixmap(64, 64).toImage()
        greys = [picture.pixelColor(32, y).lightness() for y in range(8, 56)]
        assert greys == sorted(greys)
        assert len(set(greys)) > 20


def test_nothing_is_analysed_before_it_is_chosen(qtbot, browsing, study, fake):
    shutil.rmtree(study / "t1")
    write_series(study / "t2 again", 5, SeriesNumber=4, SeriesDescription="T2 sag after contrast")
    open_and_rest(qtbot, browsing, study)
    assert browsing.session.cases == []
    assert fake.analyser.calls == []
    tree = browsing.series.browser.tree
    assert [s.first.number for s in browsing.series.browser.selected] == [2]
    QTest.keyClick(tree, Qt.Key.Key_Down)
    QTest.keyClick(tree, Qt.Key.Key_Return)
    settle(qtbot, browsing)
    assert titles(browsing) == ["T2 sag after contrast, slice 3 of 5"]
    assert len(fake.analyser.calls) == 1


def test_several_series_are_opened_at_once_with_the_keyboard(qtbot, browsing, study):
    open_and_rest(qtbot, browsing, study)
    browser = browsing.series.browser
    QTest.keyClick(browser.tree, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert browser.open_button.text() == "&Open 3 series"
    QTest.keyClick(browser.open_button, Qt.Key.Key_Space)
    settle(qtbot, browsing)
    assert len(browsing.session.cases) == 3
    assert all(case.status is CaseStatus.DONE for case in browsing.session.cases)


def test_a_double_click_opens_a_series_and_opens_it_once(qtbot, browsing, study):
    open_and_rest(qtbot, browsing, study)
    tree = browsing.series.browser.tree
    where = tree.visualItemRect(tree.topLevelItem(2)).center()
    left = Qt.MouseButton.LeftButton
    for _ in range(2):
        QTest.mouseClick(tree.viewport(), left, pos=where)
        QTest.mouseDClick(tree.viewport(), left, pos=where)
        settle(qtbot, browsing)
    assert titles(browsing) == ["T2 sag, slice 3 of 5", "T2 tra, slice 3 of 4"]
    assert browsing.current.title.startswith("T2 tra")


def test_two_studies_have_headings_that_say_whose_they_are(qtbot, browsing, tmp_path):
    for number, date in enumerate(("20250101", "20260101")):
        write_series(
            tmp_path / "mr" / date, 4, StudyInstanceUID=f"1.2.{number}", StudyDate=date,
            PatientName="Doe^Jane", StudyDescription="Lumbar spine",
        )  # fmt: skip
    open_and_rest(qtbot, browsing, tmp_path / "mr")
    tree = browsing.series.browser.tree
    assert [tree.topLevelItem(row).text(0) for row in range(2)] == [
        "Doe, Jane · 2025-01-01 · Lumbar spine",
        "Doe, Jane · 2026-01-01 · Lumbar spine",
    ]
    browsing.actions_by_name["hide_patient"].trigger()
    assert [tree.topLevelItem(row).text(0) for row in range(2)] == ["Study 1", "Study 2"]
    browsing.actions_by_name["hide_patient"].trigger()
    qtbot.waitUntil(lambda: tree.topLevelItem(1).text(0).startswith("Doe, Jane"))


@pytest.mark.parametrize("kind", ["archive", "files"])
def test_archives_and_many_files_are_series_like_folders(qtbot, browsing, tmp_path, kind):
    paths = write_series(tmp_path / "mr_t2", 5)
    given = [zipped(tmp_path / "mr.zip", tmp_path / "mr_t2")] if kind == "archive" else paths
    open_and_rest(qtbot, browsing, *given)
    assert titles(browsing) == ["T2 sag, slice 3 of 5"]
    assert browsing.slice_bar.isVisible()
    assert not browsing.series.dock.isVisible()


def test_unrelated_pictures_become_a_case_each(qtbot, browsing, tmp_path):
    for name in ("b.png", "a.png"):
        Image.fromarray(ramp().astype(np.uint8)).save(tmp_path / name)
    open_and_rest(qtbot, browsing, tmp_path)
    assert titles(browsing) == ["a.png", "b.png"]
    assert not browsing.slice_bar.isVisible()
    assert browsing.preferences.recent == [Recent(tmp_path)]


def test_volumes_chosen_one_by_one_open_each(qtbot, browsing, tmp_path):
    values = np.arange(5 * 40 * 36, dtype=np.int16).reshape(5, 40, 36)
    paths = [
        write_nifti(tmp_path / f"mr {n}.nii", values, np.diag([4.0, 0.6, 0.5, 1])) for n in (1, 2)
    ]
    open_and_rest(qtbot, browsing, *paths)
    assert titles(browsing) == ["mr 1.nii, slice 3 of 5", "mr 2.nii, slice 3 of 5"]
    assert not browsing.series.dock.isVisible()


# --- what cannot be opened ---------------------------------------------------------


def test_a_damaged_file_in_a_folder_is_told_and_the_rest_opens(qtbot, browsing, study):
    write_dicom(study / "t2" / "stamp.dcm", ramp(8, 8))
    open_and_rest(qtbot, browsing, study)
    assert "“stamp.dcm” is too small" in browsing.banner.text
    assert titles(browsing) == ["T2 sag, slice 3 of 5"]


def test_a_file_that_is_no_image_is_a_case_that_says_why(qtbot, browsing, study):
    text = study / "bad.txt"
    text.write_text("hello" * 100)
    open_and_rest(qtbot, browsing, study / "t2" / "IM0001", text)
    assert [case.status for case in browsing.session.cases] == [CaseStatus.DONE, CaseStatus.FAILED]
    assert "“bad.txt” is not an image" in browsing.banner.text


def test_a_locked_archive_leaves_what_is_open_and_shown(qtbot, browsing, study, tmp_path):
    open_and_rest(qtbot, browsing, study)
    shown = browsing.viewer.picture.display
    locked = zipped(tmp_path / "locked.zip", study / "ax")
    content = bytearray(locked.read_bytes())
    at = 0
    while (at := content.find(b"PK\x01\x02", at) + 1) > 0:
        content[at + 7] |= 1  # the flag of an encrypted member
    locked.write_bytes(content)
    open_and_rest(qtbot, browsing, locked)
    assert "“locked.zip” is locked with a password" in browsing.banner.text
    assert browsing.viewer.picture.display is shown
    assert len(browsing.session.cases) == 1


def test_an_empty_folder_leaves_what_is_open(qtbot, browsing, study, tmp_path):
    open_and_rest(qtbot, browsing, study)
    (tmp_path / "empty").mkdir()
    open_and_rest(qtbot, browsing, tmp_path / "empty")
    assert "no images in the folder “empty”" in browsing.banner.text
    assert titles(browsing) == ["T2 sag, slice 3 of 5"]
    assert len(browsing.series.browser.study.stacks) == 3


def test_cancelling_while_looking_leaves_the_window_as_it_was(qtbot, fake, open_window, tmp_path):
    def slowly(paths):
        yield 119
        yield 120
        fake.analyser.reached.set()
        fake.analyser.gate.wait(WAIT_S)
        yield 121

    build = fake.build
    fake.build = lambda: replace(build(), scan=slowly)
    window = open_window()
    window.opener.open_paths([tmp_path])
    qtbot.waitUntil(lambda: window.status.step.text() == "Looking at 120 files…")
    assert window.status.cancel.isVisible()
    assert window.actions_by_name["cancel"].isEnabled()
    QTest.mouseClick(window.status.cancel, Qt.MouseButton.LeftButton)
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: not window.looking.is_busy)
    assert window.session.cases == []
    assert window.pages.currentWidget() is window.welcome
    assert not window.status.cancel.isVisible()
    assert not window.series.dock.isVisible()


# --- leafing -----------------------------------------------------------------------


@pytest.fixture
def leafed(qtbot, browsing, study):
    """A window with a series of five slices whose middle one was analysed."""
    open_and_rest(qtbot, browsing, study)
    browsing.activateWindow()
    browsing.viewer.setFocus()
    return browsing


def wheel(window, up, keys=Qt.KeyboardModifier.ShiftModifier):
    viewport = window.viewer.viewport()
    where = QPointF(viewport.rect().center())
    event = QWheelEvent(
        where, QPointF(viewport.mapToGlobal(where.toPoint())), QPoint(), QPoint(0, 120 * up),
        Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def test_keys_wheel_and_slider_leaf_through_the_series(qtbot, leafed):
    assert shown_value(leafed) == 2
    QTest.keyClick(leafed.viewer, Qt.Key.Key_PageDown)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 3
    wheel(leafed, up=-1)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 4
    QTest.keyClick(leafed.viewer, Qt.Key.Key_PageDown)
    assert leafed.leafing.place == SlicePlace(0, 4)
    leafed.slice_bar.slider.setValue(0)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 0
    assert leafed.slice_bar.words.text() == "Slice 1 of 5 – result: slice 3"


def test_the_wheel_alone_zooms(leafed):
    zoom = leafed.viewer.zoom
    wheel(leafed, 1, Qt.KeyboardModifier.NoModifier)
    assert leafed.viewer.zoom > zoom
    assert not leafed.leafing.is_away


def test_zoom_and_window_stay_while_leafing(qtbot, leafed):
    leafed.viewer.zoom_to(3.0)
    wide = DisplayWindow(500.0, 900.0)
    leafed.viewer.picture.set_window(wide)
    leafed.leafing.step(1)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 3
    assert leafed.viewer.zoom == pytest.approx(3.0)
    assert leafed.viewer.picture.window is wide


def test_the_result_lies_only_over_its_own_slice(qtbot, leafed):
    assert leafed.viewer.picture.overlay.mask_levels
    assert leafed.actions_by_name["tool_distance"].isEnabled()
    leafed.leafing.step(1)
    settle(qtbot, leafed)
    assert not leafed.viewer.picture.overlay.mask_levels
    assert leafed.desk.editing.corrections is None
    assert not leafed.actions_by_name["tool_distance"].isEnabled()
    assert leafed.actions_by_name["save"].isEnabled()
    QTest.keyClick(leafed.viewer, Qt.Key.Key_Home)
    assert leafed.viewer.picture.display is leafed.current.display
    assert leafed.viewer.picture.overlay.mask_levels
    assert leafed.actions_by_name["tool_distance"].isEnabled()


def test_f5_analyses_the_slice_that_is_shown(qtbot, leafed, fake):
    leafed.leafing.step(1)
    with qtbot.waitSignal(leafed.session.finding_ready):
        QTest.keyClick(leafed.viewer, Qt.Key.Key_F5)
    settle(qtbot, leafed)
    assert fake.analyser.parts[-1].path.name == "IM0002"  # numbers run against positions
    assert leafed.current.title == "T2 sag, slice 4 of 5"
    assert leafed.slice_bar.words.text() == "Slice 4 of 5 – analysed"
    assert not leafed.slice_bar.analyse.isEnabled()
    assert leafed.viewer.picture.overlay.mask_levels
    assert leafed.preferences.recent[0].place == SlicePlace(0, 3)


def test_who_leafs_on_while_a_slice_is_analysed_is_left_there(qtbot, leafed, fake):
    fake.analyser.hold = "Classifying"
    leafed.leafing.step(1)
    QTest.mouseClick(leafed.slice_bar.analyse, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(fake.analyser.reached.is_set)
    assert leafed.slice_bar.words.text() == "Slice 4 of 5 – being analysed"
    leafed.leafing.step(1)
    with qtbot.waitSignal(leafed.session.finding_ready):
        fake.analyser.gate.set()
    settle(qtbot, leafed)
    assert shown_value(leafed) == 4
    assert leafed.slice_bar.words.text() == "Slice 5 of 5 – result: slice 4"
    assert not leafed.viewer.picture.overlay.mask_levels


def test_a_slice_whose_analysis_fails_leaves_the_result_of_the_other(qtbot, leafed, fake):
    before = leafed.current.finding
    leafed.leafing.step(1)
    fake.analyser.failure = MemoryError()
    with qtbot.waitSignal(leafed.session.failed):
        leafed.actions_by_name["again"].trigger()
    assert leafed.current.finding is before
    leafed.leafing.follow()
    fake.analyser.failure = None
    with qtbot.waitSignal(leafed.session.finding_ready):
        leafed.actions_by_name["again"].trigger()
    assert leafed.current.title == "T2 sag, slice 3 of 5"


def test_a_slice_that_cannot_be_read_says_so_and_the_others_can(qtbot, browsing, tmp_path):
    paths = write_series(tmp_path / "mr", 5)
    paths[3].write_bytes(paths[3].read_bytes()[:-1000])
    open_and_rest(qtbot, browsing, tmp_path / "mr")
    browsing.leafing.step(1)
    settle(qtbot, browsing)
    assert browsing.viewer.picture.display is None
    assert "“IM0002” is damaged or cut short" in browsing.viewer._placeholder
    browsing.leafing.step(1)
    settle(qtbot, browsing)
    assert shown_value(browsing) == 4


def test_leafing_begins_before_the_first_result(qtbot, real_files, open_window, study, fake):
    fake.analyser.hold = "Classifying"
    window = open_window()
    window.opener.open_paths([study])
    qtbot.waitUntil(fake.analyser.reached.is_set)
    window.leafing.step(-1)
    qtbot.waitUntil(lambda: window.viewer.picture.display is not None)
    qtbot.waitUntil(lambda: shown_value(window) == 1)
    assert window.slice_bar.words.text() == "Slice 2 of 5 – not analysed yet"
    fake.analyser.gate.set()
    settle(qtbot, window)
    assert shown_value(window) == 1
    assert not window.viewer.picture.overlay.mask_levels


def test_pictures_near_by_are_there_at_once(qtbot, leafed):
    leafed.leafing.step(1)
    settle(qtbot, leafed)
    calls = []
    leafed.leafing.reader._services = replace(
        leafed.services, read_slices=lambda *args: calls.append(args)
    )
    leafed.leafing.step(1)
    assert shown_value(leafed) == 4
    assert calls == []


def test_the_volume_in_time_is_picked_by_the_user(qtbot, browsing, tmp_path, fake):
    values = np.zeros((5, 40, 36, 3), np.int16)
    values += np.arange(5, dtype=np.int16)[::-1, None, None, None]
    values += 100 * np.arange(3, dtype=np.int16)
    values[:, 0] = 900
    path = write_nifti(tmp_path / "mr time.nii.gz", values, np.diag([4.0, 0.6, 0.5, 1]))
    open_and_rest(qtbot, browsing, path)
    assert browsing.slice_bar.volume.isVisible()
    browsing.slice_bar.volume.setValue(3)
    settle(qtbot, browsing)
    assert shown_value(browsing) == 202
    QTest.mouseClick(browsing.slice_bar.analyse, Qt.MouseButton.LeftButton)
    settle(qtbot, browsing)
    assert fake.analyser.parts[-1] == ImagePart(path, "", 2, 2)
    assert browsing.current.title == "mr time.nii.gz, slice 3 of 5, volume 3 of 3"


def test_pages_are_leafed_like_slices(qtbot, browsing, tmp_path):
    pages = [Image.fromarray((ramp() % 200 + k).astype(np.uint8)) for k in range(3)]
    pages[0].save(tmp_path / "mr.tif", save_all=True, append_images=pages[1:])
    open_and_rest(qtbot, browsing, tmp_path / "mr.tif")
    browsing.leafing.step(1)
    settle(qtbot, browsing)
    assert shown_value(browsing) == 2
    assert browsing.slice_bar.words.text() == "Page 3 of 3 – result: page 2"


# --- what else knows of parts ------------------------------------------------------


def test_corrections_belong_to_their_slice(qtbot, fake, real_files, open_window, tmp_path):
    values = np.arange(5 * 40 * 36, dtype=np.int16).reshape(5, 40, 36)
    path = write_nifti(tmp_path / "film.nii", values, np.diag([4.0, 0.6, 0.5, 1]))
    fake.analyser.reads = False
    real, build = program_services(tmp_path / "profile"), fake.build
    fake.build = lambda: replace(
        build(), load_corrections=real.load_corrections, save_corrections=real.save_corrections
    )
    window = open_window()
    open_and_rest(qtbot, window, path)
    window.desk.changes.flip_facing()
    flipped = window.desk.editing.corrections
    window.leafing.step(1)
    with qtbot.waitSignal(window.session.finding_ready):
        window.leafing.analyse_here()
    assert not window.desk.editing.is_edited
    window.leafing.step(-1)
    with qtbot.waitSignal(window.session.finding_ready):
        window.leafing.analyse_here()
    assert window.desk.editing.corrections == flipped
    qtbot.waitUntil(lambda: window.desk.editing.unsaved_count == 0)
    kept = [file.name for file in tmp_path.glob("*.json")]
    assert kept == ["film.nii.picture-3.spinealign.json"]


def test_a_recent_series_opens_again_at_its_slice(qtbot, real_files, open_window, study, tmp_path):
    first = open_window()
    open_and_rest(qtbot, first, study)
    first.leafing.step(1)
    with qtbot.waitSignal(first.session.finding_ready):
        first.leafing.analyse_here()
    first.close()
    qtbot.waitUntil(lambda: not first.isVisible())
    stored = (tmp_path / "profile" / "window.json").read_text(encoding="utf-8")
    assert "T2 sag" not in stored, "a series may be called after its patient"
    again = open_window(SettingsStore(tmp_path / "profile"))
    assert [recent.title for recent in again.preferences.recent] == [
        "mr study, series 2, picture 4"
    ]
    with qtbot.waitSignal(again.session.finding_ready):
        again.opener.open_recent(*again.preferences.recent)
    settle(qtbot, again)
    assert titles(again) == ["T2 sag, slice 4 of 5"]
    assert len(again.series.browser.study.stacks) == 3


def test_a_recent_series_that_is_gone_opens_what_is_there(qtbot, browsing, study):
    browsing.opener.open_recent(Recent(study, 9))
    settle(qtbot, browsing)
    assert titles(browsing) == ["T2 sag, slice 3 of 5"]


@pytest.mark.parametrize(
    "recent",
    [Recent(Path("/a b/ü.dcm")), Recent(Path("/a"), 2), Recent(Path("/a"), None, SlicePlace(1, 7))],
    ids=["plain", "series", "picture"],
)
def test_recent_files_are_stored_and_read_again(recent):
    assert Recent.from_text(recent.text) == recent


@pytest.mark.parametrize("text", ["{", '{"path": 3}', '{"path": "/a", "series": "x", "place": []}'])
def test_what_is_no_recent_file_is_a_path(text):
    assert Recent.from_text(text) == Recent(Path(text))


def test_another_series_serves_as_the_other_contrast(qtbot, leafed, fake):
    browser = leafed.series.browser
    t1, t2, axial = leafed.series.browser.study.stacks
    offered = {
        stack.number: [action.text() for action in browser.menu_for(stack).actions()]
        for stack in (t1, t2, axial)
    }
    assert [len(texts) for texts in offered.values()] == [2, 1, 1]
    with qtbot.waitSignal(leafed.session.finding_ready):
        browser.menu_for(t1).actions()[1].trigger()
    assert fake.analyser.companions[-1] == t1.first


def test_all_slices_are_those_of_the_series_shown(leafed, monkeypatch):
    asked = []
    monkeypatch.setattr("spinealign.ui.commands.open_slices", lambda *given: asked.append(given[1]))
    assert leafed.actions_by_name["all_slices"].isEnabled()
    leafed.actions_by_name["all_slices"].trigger()
    assert asked == [leafed.current.stack.first]


def test_closing_while_slices_are_read_waits_for_them(qtbot, real_files, open_window, study):
    window = open_window()
    open_and_rest(qtbot, window, study)
    window.leafing.step(1)
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not window.reading.is_busy


def test_the_panel_comes_back_with_a_key(leafed):
    leafed.series.dock.hide()
    QTest.keyClick(leafed.viewer, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert leafed.series.dock.isVisible()
    assert leafed.series.browser.tree.hasFocus()


def test_a_narrow_bar_stands_in_two_lines(leafed):
    bar = leafed.slice_bar
    bar.resize(1200, bar.height())
    bar.layout().activate()
    assert bar.words.y() < bar.slider.geometry().bottom()
    bar.resize(300, bar.height())
    assert bar.minimumSizeHint().width() < 300
    bar.layout().activate()
    assert bar.words.y() > bar.slider.y()


def test_looking_at_a_structure_of_the_result_returns_to_its_slice(qtbot, leafed):
    leafed.leafing.step(1)
    settle(qtbot, leafed)
    leafed.results.highlighted.emit(None)
    assert leafed.leafing.is_away
    leafed.results.highlighted.emit(1)
    assert not leafed.leafing.is_away
    assert leafed.viewer.picture.highlighted == 1


def test_a_comparison_takes_a_study_without_showing_it(qtbot, leafed, tmp_path, monkeypatch):
    shown = leafed.current
    write_series(tmp_path / "mr before", 5, SeriesDescription="T2 sag, before")
    archive = zipped(tmp_path / "before.zip", tmp_path / "mr before")
    monkeypatch.setattr(
        "spinealign.ui.compare_dialog.QFileDialog.getOpenFileName", lambda *_: (str(archive), "")
    )
    leafed.actions_by_name["compare"].trigger()
    [compared] = leafed.findChildren(CompareWindow)
    with qtbot.waitSignal(leafed.session.finding_ready):
        compared.second.choice.activated.emit(1)
    assert compared.second.case.title == "T2 sag, before, slice 3 of 5"
    assert leafed.current is shown
    compared.close()
