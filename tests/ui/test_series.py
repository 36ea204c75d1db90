"""Folders, archives and files with several pictures: found, chosen, leafed through, analysed."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton

from spinealign.domain.generators import run_to_end
from spinealign.domain.study import SeriesPicture, SlicePosition
from spinealign.imaging.readers import read_part
from spinealign.ui.cases.case import CaseStatus
from spinealign.ui.compare.compare_dialog import CompareWindow
from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.window.crash import CrashDialog
from spinealign.ui.work.services import program_services
from spinealign.wording.reading_window import other_readings_text
from tests.fakes import WAIT_S
from tests.image_files import ramp, write_dicom, write_nifti, write_series, zipped
from tests.readings import back_analysis
from tests.ui.hands import open_and_rest, settle, titles


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
    assert browsing.workbench.session.cases == []
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
    assert len(browsing.workbench.session.cases) == 3
    assert all(case.status is CaseStatus.DONE for case in browsing.workbench.session.cases)


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
    assert browsing.workbench.current.title.startswith("T2 tra")


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


def test_a_study_of_a_patient_without_a_name_goes_by_the_identifier(qtbot, browsing, tmp_path):
    for number in range(2):
        write_series(
            tmp_path / "mr" / str(number), 4, StudyInstanceUID=f"1.2.{number}",
            StudyDate="20250101", PatientName="", PatientID=f"P-{number}",
        )  # fmt: skip
    open_and_rest(qtbot, browsing, tmp_path / "mr")
    tree = browsing.series.browser.tree
    headings = [tree.topLevelItem(row).text(0) for row in range(2)]
    assert [words.split(" · ")[:2] for words in headings] == [
        ["Patient ID: P-0", "2025-01-01"], ["Patient ID: P-1", "2025-01-01"],
    ]  # fmt: skip


def test_searching_brings_the_cases_to_the_front(qtbot, leafed):
    leafed.series.show_panel()
    qtbot.waitUntil(lambda: not in_front(leafed.cases_dock))
    QTest.keyClick(leafed.series.browser.tree, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: in_front(leafed.cases_dock))
    assert leafed.cases.search.hasFocus()
    leafed.cases_dock.hide()
    QTest.keyClick(leafed.viewer, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert leafed.cases.search.hasFocus()


def in_front(dock):
    return not dock.widget().visibleRegion().isEmpty()


def write_film(path, number=0):
    Image.fromarray((ramp() + number).astype(np.uint8)).save(path)


class TestFilmsBesideSeries:
    @pytest.fixture
    def mixed(self, study):
        """Two films beside an MR study with a scout of its own."""
        for number, name in enumerate(("b.png", "a.png")):
            write_film(study / name, number)
        write_series(study / "scout", 1, SeriesNumber=4, SeriesDescription="scout")
        return study

    def test_become_a_case_each(self, qtbot, browsing, mixed, fake):
        open_and_rest(qtbot, browsing, mixed)
        assert sorted(titles(browsing)) == ["T2 sag, slice 3 of 5", "a.png", "b.png"]
        assert all(c.status is CaseStatus.DONE for c in browsing.workbench.session.cases)
        assert len(browsing.series.browser.study.stacks) == 6
        assert browsing.series.dock.isVisible()
        qtbot.waitUntil(lambda: in_front(browsing.cases_dock))

    def test_leave_the_series_to_choose_from_in_front(self, qtbot, browsing, mixed):
        write_series(mixed / "t2 b", 5, SeriesNumber=6, SeriesDescription="T2 sag again")
        open_and_rest(qtbot, browsing, mixed)
        assert sorted(titles(browsing)) == ["a.png", "b.png"]
        qtbot.waitUntil(lambda: in_front(browsing.series.dock))

    def test_wait_where_nothing_is_analysed_at_once(self, qtbot, browsing, mixed, fake):
        browsing.workbench.session.analyses_at_once = False
        open_and_rest(qtbot, browsing, mixed)
        assert len(browsing.workbench.session.cases) == 3
        assert fake.analyser.calls == []

    def test_are_for_a_person_to_choose_where_they_are_many(
        self, qtbot, browsing, mixed, monkeypatch
    ):
        monkeypatch.setattr("spinealign.ui.cases.planning.MOST_ALONE", 1)
        open_and_rest(qtbot, browsing, mixed)
        assert titles(browsing) == ["T2 sag, slice 3 of 5"]

    def test_a_single_series_beside_them_opens_too(self, qtbot, browsing, tmp_path):
        write_film(tmp_path / "a.png")
        write_series(tmp_path / "mr", 5)
        open_and_rest(qtbot, browsing, tmp_path)
        assert sorted(titles(browsing)) == ["T2 sag, slice 3 of 5", "a.png"]


class TestThePanelFollows:
    """Panel and picture speak of the same case."""

    @staticmethod
    def descriptions(window):
        return [stack.first.description for stack in window.series.browser.selected]

    def test_the_series_that_is_shown_is_selected(self, qtbot, browsing, study):
        open_and_rest(qtbot, browsing, study)
        browsing.series.browser.tree.selectAll()
        browsing.series.browser.open_selected()
        settle(qtbot, browsing)
        first, second, _ = browsing.workbench.session.cases
        for case in (second, first, second):
            browsing.workbench.select(case)
            assert self.descriptions(browsing) == [case.stack.first.description]

    def test_the_study_of_what_is_shown_is_listed(self, qtbot, browsing, study, tmp_path):
        open_and_rest(qtbot, browsing, study)
        write_series(tmp_path / "other" / "1", 5, SeriesDescription="T2 other", SeriesNumber=1)
        write_series(tmp_path / "other" / "2", 5, SeriesDescription="T1 other", SeriesNumber=2)
        open_and_rest(qtbot, browsing, tmp_path / "other")
        assert self.descriptions(browsing) == ["T2 other"]
        browsing.workbench.select(browsing.workbench.session.cases[0])
        assert self.descriptions(browsing) == ["T2 sag"]
        assert "mr study" in browsing.series.browser.heading.text()
        assert browsing.series.browser.tree.topLevelItem(1).text(0).startswith("✓")

    def test_nothing_is_selected_where_a_film_is_shown(self, qtbot, browsing, study, tmp_path):
        open_and_rest(qtbot, browsing, study)
        write_film(tmp_path / "film.png")
        open_and_rest(qtbot, browsing, tmp_path / "film.png")
        assert browsing.workbench.current.title == "film.png"
        assert self.descriptions(browsing) == []
        qtbot.waitUntil(lambda: in_front(browsing.cases_dock))

    def test_a_recent_entry_of_an_open_case_leaves_the_list_of_cases(self, qtbot, leafed):
        leafed.cases.bring_to_front()
        qtbot.waitUntil(lambda: in_front(leafed.cases_dock))
        leafed.cases.file_chosen.emit(leafed.workbench.preferences.recent[0])
        settle(qtbot, leafed)
        assert len(leafed.workbench.session.cases) == 1
        assert in_front(leafed.cases_dock)
        assert self.descriptions(leafed) == ["T2 sag"]

    def test_a_study_to_choose_from_comes_to_the_front(self, qtbot, browsing, study):
        open_and_rest(qtbot, browsing, study)
        qtbot.waitUntil(lambda: in_front(browsing.series.dock))


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
    assert browsing.workbench.preferences.recent == [Recent(tmp_path)]


def test_volumes_chosen_one_by_one_open_each(qtbot, browsing, tmp_path):
    values = np.arange(5 * 40 * 36, dtype=np.int16).reshape(5, 40, 36)
    paths = [
        write_nifti(tmp_path / f"mr {n}.nii", values, np.diag([4.0, 0.6, 0.5, 1])) for n in (1, 2)
    ]
    open_and_rest(qtbot, browsing, *paths)
    assert titles(browsing) == ["mr 1.nii, slice 3 of 5", "mr 2.nii, slice 3 of 5"]
    assert not browsing.series.dock.isVisible()


def test_a_damaged_file_in_a_folder_is_told_and_the_rest_opens(qtbot, browsing, study):
    write_dicom(study / "t2" / "stamp.dcm", ramp(8, 8))
    open_and_rest(qtbot, browsing, study)
    assert "1 file was skipped: “stamp.dcm” (too small)." in browsing.banner.text
    assert titles(browsing) == ["T2 sag, slice 3 of 5"]


def test_links_to_a_file_are_one_case_and_told(qtbot, browsing, tmp_path):
    (tmp_path / "in").mkdir()
    write_dicom(tmp_path / "in" / "a.dcm", ramp(), SOPInstanceUID=None)
    for k in range(3):
        (tmp_path / "in" / f"link {k}.dcm").symlink_to(tmp_path / "in" / "a.dcm")
    open_and_rest(qtbot, browsing, tmp_path / "in")
    assert len(browsing.workbench.session.cases) == 1
    assert "3 more names lead to files that are listed already." in browsing.banner.text


def test_a_file_that_is_no_image_is_a_case_that_says_why(qtbot, browsing, study):
    text = study / "bad.txt"
    text.write_text("hello" * 100)
    open_and_rest(qtbot, browsing, study / "t2" / "IM0001", text)
    assert [case.status for case in browsing.workbench.session.cases] == [
        CaseStatus.DONE,
        CaseStatus.FAILED,
    ]
    good, bad = browsing.workbench.session.cases
    qtbot.waitUntil(lambda: not browsing.workbench.reading.is_busy)
    qtbot.wait(100)
    assert "“bad.txt” is not an image" in bad.message.sentence
    assert browsing.findChild(CrashDialog) is None
    # It is not said over the picture of another case, but where its own would be.
    assert browsing.workbench.current is good
    assert not browsing.banner.isVisible()
    assert browsing.status.step.text() == "1 case analysed, 1 failed"


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
    assert "“locked.zip” is protected by a password" in browsing.banner.text
    assert browsing.viewer.picture.display is shown
    assert len(browsing.workbench.session.cases) == 1


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
    window.workbench.opener.open_paths([tmp_path])
    qtbot.waitUntil(lambda: window.status.step.text() == "Reading 120 files…")
    assert window.status.cancel.isVisible()
    assert window.actions_by_name["cancel"].isEnabled()
    QTest.mouseClick(window.status.cancel, Qt.MouseButton.LeftButton)
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: not window.workbench.looking.is_busy)
    assert window.workbench.session.cases == []
    assert window.pages.currentWidget() is window.welcome
    assert not window.status.cancel.isVisible()
    assert not window.series.dock.isVisible()


def test_corrections_belong_to_their_slice(qtbot, fake, real_files, open_window, tmp_path):
    values = np.arange(5 * 40 * 36, dtype=np.int16).reshape(5, 40, 36)
    path = write_nifti(tmp_path / "film.nii", values, np.diag([4.0, 0.6, 0.5, 1]))
    fake.analyser.reads = False
    real, build = program_services(tmp_path / "profile"), fake.build
    fake.build = lambda: replace(
        build(),
        load_corrections=real.load_corrections,
        corrections_marks=real.corrections_marks,
        save_corrections=real.save_corrections,
    )
    window = open_window()
    open_and_rest(qtbot, window, path)
    window.correction.changes.swap_anterior_posterior()
    flipped = window.workbench.editing.corrections
    window.navigation.step(1)
    window.navigation.analyse_here()
    [box] = window.findChildren(QMessageBox)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        [go_on] = [b for b in box.findChildren(QPushButton) if b.text() == "Analyse slice 4"]
        go_on.click()
    assert not window.workbench.editing.is_edited
    window.navigation.step(-1)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.navigation.analyse_here()
    assert window.workbench.editing.corrections == flipped
    qtbot.waitUntil(lambda: window.workbench.editing.unsaved_count == 0)
    kept = [file.name for file in tmp_path.glob("*.json")]
    assert kept == ["film.nii.picture-3.spinealign.json"]


def test_a_recent_series_opens_again_at_its_slice(qtbot, real_files, open_window, study, tmp_path):
    first = open_window()
    open_and_rest(qtbot, first, study)
    first.navigation.step(1)
    with qtbot.waitSignal(first.workbench.session.finding_ready):
        first.navigation.analyse_here()
    first.close()
    qtbot.waitUntil(lambda: not first.isVisible())
    stored = (tmp_path / "profile" / "window.json").read_text(encoding="utf-8")
    assert "T2 sag" not in stored, "a series may be called after its patient"
    again = open_window(SettingsStore(tmp_path / "profile"))
    assert [recent.title for recent in again.workbench.preferences.recent] == [
        "mr study › t2, series 2, MR sagittal T2, image 4"
    ]
    with qtbot.waitSignal(again.workbench.session.finding_ready):
        again.workbench.opener.open_recent(*again.workbench.preferences.recent)
    settle(qtbot, again)
    assert titles(again) == ["T2 sag, slice 4 of 5"]
    assert len(again.series.browser.study.stacks) == 3


def test_a_recent_series_that_is_gone_opens_what_is_there(qtbot, browsing, study):
    browsing.workbench.opener.open_recent(Recent(study, 9))
    settle(qtbot, browsing)
    assert titles(browsing) == ["T2 sag, slice 3 of 5"]


@pytest.mark.parametrize(
    "recent",
    [
        Recent(Path("/a b/ü.dcm")),
        Recent(Path("/a"), 2),
        Recent(Path("/a"), None, SlicePosition(1, 7)),
        Recent(Path("/a"), 3, None, "t2, series 3, MR sagittal T2"),
    ],
    ids=["plain", "series", "picture", "named"],
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
    with qtbot.waitSignal(leafed.workbench.session.finding_ready):
        browser.menu_for(t1).actions()[1].trigger()
    assert fake.analyser.companions[-1] == t1.first


def press_for_companion(window):
    QTest.keyClick(window.viewer, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    return QApplication.activePopupWidget()


def test_the_key_of_the_other_contrast_offers_the_series_of_the_study(qtbot, leafed, fake):
    menu = press_for_companion(leafed)
    t1 = leafed.series.browser.study.stacks[0]
    told = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert told == ["With series 1: T1 sag", "Other &file…"]
    with qtbot.waitSignal(leafed.workbench.session.finding_ready):
        QTest.keyClick(menu, Qt.Key.Key_Return)
    assert fake.analyser.companions[-1] == t1.first


def test_another_file_can_be_the_other_contrast_all_the_same(leafed, monkeypatch):
    asked = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: asked.append(1) or ("", ""))
    menu = press_for_companion(leafed)
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert asked == [1]


def test_a_series_of_another_study_is_not_offered_by_the_key(qtbot, browsing, tmp_path):
    for number, name in enumerate(("T2 sag", "T1 sag")):
        write_series(
            tmp_path / "mr" / name, 5, StudyInstanceUID=f"1.2.{number}", SeriesNumber=number,
            SeriesDescription=name,
        )  # fmt: skip
    open_and_rest(qtbot, browsing, tmp_path / "mr")
    browsing.series.browser.open_selected()
    settle(qtbot, browsing)
    assert len(browsing.workbench.session.cases) == 1
    assert browsing.series.companions() == []


def test_all_slices_are_those_of_the_series_shown(leafed, monkeypatch):
    asked = []

    def note(bench, source, parent, presentation):
        asked.append(source)
        return SimpleNamespace(show=lambda: None)

    monkeypatch.setattr("spinealign.ui.window.commands.SlicesWindow", note)
    assert leafed.actions_by_name["all_slices"].isEnabled()
    leafed.actions_by_name["all_slices"].trigger()
    assert asked == [leafed.workbench.current.stack.first]


def test_the_panel_says_whose_series_it_lists(qtbot, browsing, tmp_path):
    """Picture and results may be of another patient meanwhile."""
    for number in (1, 2):
        write_series(
            tmp_path / f"mr {number}", 3, PatientName="Doe^Jane", SeriesDescription=f"T{number}",
            SeriesNumber=number, StudyInstanceUID="1.2.3",
        )  # fmt: skip
    browsing.workbench.opener.open_paths([tmp_path])
    browser = browsing.series.browser
    qtbot.waitUntil(browser.patient.isVisible)
    assert "Doe, Jane" in browser.patient.text()
    browsing.actions_by_name["hide_patient"].trigger()
    assert not browser.patient.isVisible()
    browsing.actions_by_name["hide_patient"].trigger()
    qtbot.waitUntil(browser.patient.isVisible)


def test_the_panel_comes_back_with_a_key(leafed):
    leafed.series.dock.hide()
    QTest.keyClick(leafed.viewer, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert leafed.series.dock.isVisible()
    assert leafed.series.browser.tree.hasFocus()


def test_a_comparison_takes_a_study_without_showing_it(qtbot, leafed, tmp_path, monkeypatch):
    shown = leafed.workbench.current
    write_series(tmp_path / "mr before", 5, SeriesDescription="T2 sag, before")
    archive = zipped(tmp_path / "before.zip", tmp_path / "mr before")
    monkeypatch.setattr(
        "spinealign.ui.compare.pair_page.QFileDialog.getOpenFileName",
        lambda *_: (str(archive), ""),
    )
    leafed.actions_by_name["compare"].trigger()
    [compared] = leafed.findChildren(CompareWindow)
    qtbot.waitUntil(compared.isVisible)
    with qtbot.waitSignal(leafed.workbench.session.finding_ready):
        compared.pair.second.choice.activated.emit(1)
    assert compared.pair.second.case.title == "T2 sag, before, slice 3 of 5"
    assert leafed.workbench.current is shown
    compared.close()


def test_readings_of_other_slices_of_a_series_are_found(tmp_path):
    """A reading is of one slice; who reads another one is told."""
    services = program_services(tmp_path / "profile")
    paths = write_series(tmp_path / "series", 3)
    [series] = run_to_end(services.scan([tmp_path / "series"])).found
    assert len(series) == 3
    images = [read_part(part) for part in series.parts]
    first, second = (replace(back_analysis(), image=image) for image in images[:2])
    assert services.other_readings(series, first) == ()
    session = services.open_reading(second)
    session.accept_rest()
    session.sign("A. Reader")
    [(number, reading)] = services.other_readings(SeriesPicture(series, 0), first)
    assert (number, reading.reader) == (2, "A. Reader")
    assert services.other_readings(series, second) == ()
    assert services.other_readings(paths[0], first) == ()
    said = other_readings_text([(number, reading)])
    assert "slice 2 (signed by A. Reader, " in said
    assert other_readings_text(()) == ""
