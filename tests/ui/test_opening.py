"""The ways in: dialogs, folders, drops, the clipboard, recent files, samples, the first start."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PyQt6.QtCore import QMimeData, QPoint, QPointF, QSysInfo, Qt, QUrl
from PyQt6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QPushButton, QTreeWidget

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.formats import ARCHIVE_SUFFIX, SUFFIXES
from spinealign.domain.study import SlicePosition
from spinealign.ui.cases.opening import file_filters
from spinealign.ui.cases.skipped_dialog import SkippedDialog
from spinealign.ui.settings.recent import Recent
from spinealign.ui.settings.settings import SettingsStore
from tests.fakes import two_samples
from tests.image_files import ramp, write_dicom
from tests.ui.hands import at_rest, open_and_rest, titles


def urls_of(*paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def drop(window, data):
    """Drop onto the window as a file manager does."""
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    no_key = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), copy, data, left, no_key)
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), copy, data, left, no_key))
    return enter.isAccepted()


@pytest.fixture
def clipboard(qapp):
    board = QApplication.clipboard()
    yield board
    board.clear()


def test_files_from_the_dialog(qtbot, window, files, monkeypatch):
    paths = files("ct_1.dcm", "mr_2.nii")
    monkeypatch.setattr(
        "spinealign.ui.cases.opening.QFileDialog.getOpenFileNames",
        lambda *_: ([str(path) for path in paths], ""),
    )
    window.actions_by_name["open"].trigger()
    qtbot.waitUntil(lambda: at_rest(window))
    assert [case.path for case in window.workbench.session.cases] == paths
    assert window.workbench.preferences.state.last_folder == str(paths[0].parent)


@pytest.mark.parametrize("action", ["open", "open_folder"])
def test_a_dismissed_dialog_changes_nothing(window, monkeypatch, action):
    monkeypatch.setattr(
        "spinealign.ui.cases.opening.QFileDialog.getOpenFileNames", lambda *_: ([], "")
    )
    monkeypatch.setattr(
        "spinealign.ui.cases.opening.QFileDialog.getExistingDirectory", lambda *_: ""
    )
    window.actions_by_name[action].trigger()
    assert window.workbench.session.cases == []
    assert not window.workbench.files.is_busy


def test_a_folder_is_queued_and_remembered_itself(qtbot, window, tmp_path, monkeypatch):
    folder = tmp_path / "study"
    folder.mkdir()
    for name in ("ct_1.dcm", "ct_2.dcm"):
        (folder / name).write_bytes(b"")
    monkeypatch.setattr(
        "spinealign.ui.cases.opening.QFileDialog.getExistingDirectory", lambda *_: str(folder)
    )
    with qtbot.waitSignal(window.workbench.opener.opened):
        window.actions_by_name["open_folder"].trigger()
    qtbot.waitUntil(lambda: at_rest(window))
    assert len(window.workbench.session.cases) == 2
    assert window.workbench.preferences.recent == [Recent(folder)]


def test_a_folder_without_images_is_explained(qtbot, window, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.workbench.opener.open_paths([empty])
    assert "no images in the folder “empty”" in window.banner.text
    assert window.workbench.preferences.recent == []


def test_dropped_files_are_opened(qtbot, window, files):
    assert drop(window, urls_of(*files("ct_1.dcm", "mr_2.nii")))
    qtbot.waitUntil(lambda: at_rest(window))
    assert [case.title for case in window.workbench.session.cases] == ["ct_1.dcm", "mr_2.nii"]


def test_a_drop_from_the_web_is_refused_with_a_reason(window):
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/spine.png")])
    drop(window, data)
    assert "Only files on this computer" in window.banner.text


def test_a_picture_dropped_with_its_address_is_opened(qtbot, window):
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/spine.png")])
    picture = QImage(80, 60, QImage.Format.Format_Grayscale8)
    picture.fill(90)
    data.setImageData(picture)
    drop(window, data)
    qtbot.waitUntil(lambda: at_rest(window))
    assert len(window.workbench.session.cases) == 1


@pytest.mark.parametrize("address", ["file://localhost", "file:///gone/spine.png"])
def test_a_picture_dropped_with_an_address_of_nothing_is_opened(qtbot, window, address):
    data = QMimeData()
    data.setUrls([QUrl(address)])
    picture = QImage(80, 60, QImage.Format.Format_Grayscale8)
    picture.fill(90)
    data.setImageData(picture)
    drop(window, data)
    qtbot.waitUntil(lambda: at_rest(window))
    [case] = window.workbench.session.cases
    assert case.title == "Pasted image 1"


def test_what_of_a_drop_is_not_on_this_computer_is_told(qtbot, window, files):
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/a.png"), QUrl.fromLocalFile(str(*files("ct_1.dcm")))])
    data.setData("application/x-qt-image", b"garbage")
    drop(window, data)
    assert "Only files on this computer" in window.banner.text
    qtbot.waitUntil(lambda: at_rest(window))
    assert [case.title for case in window.workbench.session.cases] == ["ct_1.dcm"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", QSysInfo.machineHostName()])
def test_a_file_address_may_name_this_computer(qtbot, window, files, host):
    (path,) = files("ct_1.dcm")
    data = QMimeData()
    data.setUrls([QUrl(f"file://{host}{path}")])
    drop(window, data)
    qtbot.waitUntil(lambda: at_rest(window))
    assert [case.title for case in window.workbench.session.cases] == ["ct_1.dcm"]


def test_dropped_text_is_not_taken(window):
    data = QMimeData()
    data.setText("hello")
    assert not drop(window, data)


def test_no_part_of_the_window_swallows_a_drop(window):
    window.pages.setCurrentWidget(window.viewer)
    for part in (window.viewer, window.viewer.viewport(), window.welcome, window.results):
        assert not part.acceptDrops()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (QImage.Format.Format_ARGB32, QImage.Format.Format_RGB32),
        (QImage.Format.Format_Grayscale8, QImage.Format.Format_Grayscale8),
    ],
    ids=["colour", "grey"],
)
def test_a_pasted_picture_is_analysed_and_cleaned_up(qtbot, open_window, clipboard, kind, expected):
    window = open_window()
    picture = QImage(40, 30, kind)
    picture.fill(QColor("red") if kind is QImage.Format.Format_ARGB32 else QColor("gray"))
    clipboard.setImage(picture)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.actions_by_name["paste"].trigger()
    path = window.workbench.current.path
    assert window.workbench.current.title == "Pasted image 1"
    stored = QImage(str(path))
    assert stored.size() == picture.size()
    assert not stored.hasAlphaChannel()
    assert stored.format() == expected
    assert window.workbench.preferences.recent == []
    window.close()
    qtbot.waitUntil(lambda: not path.exists())


def test_pasted_files_are_opened(qtbot, window, clipboard, files):
    clipboard.setMimeData(urls_of(*files("ct_1.dcm")))
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.actions_by_name["paste"].trigger()
    assert window.workbench.current.title == "ct_1.dcm"


def test_an_empty_clipboard_is_explained(window, clipboard):
    clipboard.setText("no picture")
    window.actions_by_name["paste"].trigger()
    assert "no image on the clipboard" in window.banner.text


def test_recent_files_are_listed_opened_and_cleared(qtbot, window, analysed):
    case = analysed()
    menu = next(
        m
        for m in window.menuBar().findChildren(type(window.image_type_button.menu()))
        if "recent" in m.title()
    )
    assert [action.text() for action in menu.actions()] == ["&1  ct_1.dcm"]
    window.workbench.close_all()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        menu.actions()[0].trigger()
    assert window.workbench.current.path == case.path
    window.actions_by_name["clear_recent"].trigger()
    assert menu.isEmpty()
    assert window.workbench.preferences.recent == []


def test_a_file_that_failed_is_not_remembered(qtbot, window, files):
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.workbench.opener.open_paths(files("bad.txt"))
    assert window.workbench.preferences.recent == []


def test_the_first_start_offers_the_samples(qtbot, window, fake):
    fake.samples = two_samples()
    window.start()
    qtbot.waitUntil(lambda: not window.workbench.files.is_busy)
    qtbot.waitUntil(lambda: at_rest(window))
    assert window.pages.currentWidget() is window.welcome
    buttons = window.welcome.samples.findChildren(QPushButton)
    assert [button.text() for button in buttons] == [sample.title for sample in fake.samples]
    qtbot.waitUntil(lambda: all(button.isVisible() for button in buttons))
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        qtbot.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert window.workbench.current.title == fake.samples[1].title
    assert window.workbench.current.finding.analysis.segmentation is not None
    assert window.workbench.preferences.recent == []


def test_samples_stand_in_one_place_that_a_command_shows_again(qtbot, window, fake, analysed):
    fake.samples = two_samples()
    window.start()
    qtbot.waitUntil(lambda: not window.workbench.files.is_busy)
    titles = {sample.title for sample in fake.samples}
    offered = [b for b in window.findChildren(QPushButton) if b.text() in titles]
    assert len(offered) == len(titles)
    listed = window.cases.findChild(QTreeWidget).findItems("", Qt.MatchFlag.MatchContains)
    assert titles.isdisjoint(item.text(0) for item in listed)
    case = analysed()
    assert not any(button.isVisible() for button in offered)
    window.actions_by_name["start_page"].trigger()
    assert all(button.isVisible() for button in offered)
    assert window.workbench.session.cases == [case]


def test_the_models_are_warmed_after_the_start(qtbot, window, fake):
    window.start()
    qtbot.waitUntil(fake.models.warmed.is_set)
    qtbot.waitUntil(lambda: at_rest(window))


def test_files_of_the_command_line_are_opened(qtbot, window, files, fake):
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.start(files("mr_1.nii"))
    assert window.workbench.current.title == "mr_1.nii"
    assert not fake.models.warmed.is_set()


def test_a_model_that_cannot_be_trusted_is_explained(qtbot, window, fake, monkeypatch):
    def refuse():
        raise ModelError("ct", ModelProblem.WRONG_CHECKSUM)

    monkeypatch.setattr(fake.models, "warm_up", refuse)
    window.start()
    qtbot.waitUntil(lambda: "“ct”" in window.banner.text)
    assert window.banner.isVisible()


def test_damaged_settings_are_told(qtbot, open_window, tmp_path):
    folder = tmp_path / "damaged profile"
    folder.mkdir()
    (folder / "settings.json").write_text("{")
    window = open_window(SettingsStore(folder))
    window.start()
    assert "settings.json" in window.banner.text
    qtbot.waitUntil(
        lambda: not (window.workbench.files.is_busy or window.workbench.inference.is_busy)
    )


def test_a_file_with_an_ampersand_keeps_it_in_the_menu(qtbot, window, analysed):
    analysed("ct_a&b.dcm")
    texts = [
        a.text()
        for m in window.findChildren(type(window.image_type_button.menu()))
        for a in m.actions()
    ]
    assert "&1  ct_a&&b.dcm" in texts


def test_relative_paths_become_absolute(qtbot, window, files, monkeypatch):
    [path] = files("ct_1.dcm")
    monkeypatch.chdir(path.parent)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths([Path("ct_1.dcm")])
    assert window.workbench.current.path == path


def test_the_dialog_lists_every_suffix_and_every_file():
    filters = file_filters().split(";;")
    assert filters[0] == "All files (*)"
    patterns = " ".join(each.partition("(")[2].rstrip(")") for each in filters).split()
    wanted = [f"*{suffix}" for suffix in (*SUFFIXES, ARCHIVE_SUFFIX)]
    assert patterns == ["*", *wanted, "DICOMDIR"]


class TestSkipped:
    @pytest.fixture
    def mixed(self, qtbot, browsing, tmp_path):
        """A window that opened a folder with two pictures and three files that are none."""
        folder = tmp_path / "mixed"
        folder.mkdir()
        for number in range(2):
            write_dicom(
                folder / f"{number}.dcm",
                ramp() + number,
                SeriesInstanceUID=f"1.2.{number}",
                SOPInstanceUID=f"1.3.{number}",
            )
        (folder / "notes.txt").write_text("hello")
        (folder / "viewer.exe").write_bytes(b"MZ")
        (folder / "empty.png").write_bytes(b"")
        open_and_rest(qtbot, browsing, folder)
        return browsing

    def test_how_many_and_why_is_said(self, mixed):
        assert "3 files were skipped: 2 not an image and 1 empty." in mixed.banner.text

    def test_the_list_is_one_click_away(self, mixed):
        QTest.mouseClick(mixed.banner._action, Qt.MouseButton.LeftButton)
        assert mixed.findChild(SkippedDialog).isVisible()

    def test_the_list_can_be_opened_and_copied(self, mixed, clipboard, tmp_path):
        mixed.actions_by_name["skipped"].trigger()
        dialog = mixed.findChild(SkippedDialog)
        rows = [dialog.list.topLevelItem(n) for n in range(dialog.list.topLevelItemCount())]
        told = {(row.text(0), Path(row.text(1)).name) for row in rows}
        assert told == {
            ("not an image", "notes.txt"), ("not an image", "viewer.exe"), ("empty", "empty.png"),
        }  # fmt: skip
        QTest.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
        lines = clipboard.text().splitlines()
        assert lines[0] == "Reason\tFile"
        assert f"empty\t{tmp_path / 'mixed' / 'empty.png'}" in lines
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()


def closed(qtbot, window):
    """Close a window, and wait until what is being written is written."""
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())


class TestLastSession:
    @pytest.fixture
    def remembered(self, qtbot, open_window, files):
        """Open two films and a sample, and close the window; return the films' paths."""
        window = open_window()
        paths = files("film_1.png", "film_2.png")
        window.workbench.opener.open_paths(paths)
        window.workbench.opener.open_sample(two_samples()[0])
        qtbot.waitUntil(
            lambda: len(window.workbench.session.cases) == 3 and at_rest(window), timeout=20_000
        )
        closed(qtbot, window)
        return paths

    def test_nothing_is_opened_without_being_asked_for(self, qtbot, remembered, open_window):
        window = open_window()
        window.start()
        qtbot.waitUntil(lambda: at_rest(window), timeout=20_000)
        assert window.workbench.session.cases == []
        assert window.welcome.last_session.text() == "Open the 2 images of last time"
        assert window.welcome.last_session.isVisible()
        said = window.welcome.last_session
        assert "film" not in said.text() + said.toolTip() + said.accessibleName()

    def test_it_is_opened_when_asked_for(self, qtbot, remembered, open_window):
        window = open_window()
        with qtbot.waitSignal(window.workbench.opener.opened):
            QTest.mouseClick(window.welcome.last_session, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: at_rest(window), timeout=20_000)
        assert [case.path for case in window.workbench.session.cases] == remembered

    def test_it_is_offered_where_the_window_was_never_closed(
        self, qtbot, open_window, files, tmp_path
    ):
        lost = open_window()
        paths = files("film_1.png", "film_2.png", "film_3.png")
        lost.workbench.opener.open_paths(paths)
        qtbot.waitUntil(lambda: len(titles(lost)) == 3 and at_rest(lost), timeout=20_000)
        lost.workbench.close([lost.workbench.session.cases[1]])
        # As the system does with what a process leaves behind.
        lost.workbench.preferences.let_go()
        again = open_window(SettingsStore(tmp_path / "profile"))
        with qtbot.waitSignal(again.workbench.opener.opened):
            again.actions_by_name["open_last_session"].trigger()
        qtbot.waitUntil(lambda: at_rest(again), timeout=20_000)
        assert [case.path for case in again.workbench.session.cases] == [paths[0], paths[2]]

    def test_what_another_window_has_open_is_neither_offered_nor_forgotten(
        self, qtbot, open_window, files, tmp_path
    ):
        first = open_window()
        first.workbench.opener.open_paths(files("film_1.png"))
        qtbot.waitUntil(lambda: len(titles(first)) == 1 and at_rest(first), timeout=20_000)
        second = open_window(SettingsStore(tmp_path / "profile"))
        assert not second.welcome.last_session.isVisible()
        second.workbench.opener.open_paths(files("film_2.png"))
        qtbot.waitUntil(lambda: len(titles(second)) == 1 and at_rest(second), timeout=20_000)
        closed(qtbot, second)
        first.workbench.preferences.let_go()
        third = open_window(SettingsStore(tmp_path / "profile"))
        assert [recent.path.name for recent in third.workbench.preferences.last_session] == [
            "film_1.png"
        ]

    def test_what_was_closed_is_not_taken_for_lost(self, remembered, tmp_path):
        state = SettingsStore(tmp_path / "profile").load_window_state()
        assert state.open_now == ()
        assert len(state.last_session) == 2

    def test_nothing_is_written_where_that_is_not_wanted(self, qtbot, open_window, files, tmp_path):
        window = open_window()
        window.workbench.preferences.set_remembering(False)
        window.workbench.opener.open_paths(files("film_1.png"))
        qtbot.waitUntil(lambda: len(titles(window)) == 1 and at_rest(window), timeout=20_000)
        assert b"film" not in (tmp_path / "profile" / "window.json").read_bytes()

    def test_what_is_not_there_any_more_is_said(self, qtbot, remembered, open_window, real_files):
        remembered[0].unlink()
        Image.fromarray(ramp().astype(np.uint8)).save(remembered[1])
        window = open_window()
        with qtbot.waitSignal(window.workbench.opener.opened):
            window.actions_by_name["open_last_session"].trigger()
        qtbot.waitUntil(lambda: at_rest(window), timeout=20_000)
        assert [case.path for case in window.workbench.session.cases] == [remembered[1]]
        assert "1 file was skipped: “film_1.png” (not there)." in window.banner.text

    def test_it_can_be_forgotten_at_once(self, remembered, open_window, tmp_path):
        window = open_window()
        QTest.mouseClick(window.welcome.forget_session, Qt.MouseButton.LeftButton)
        assert not window.welcome.last_session.isVisible()
        assert "Nothing is remembered" in window.actions_by_name.reason("open_last_session")
        stored = SettingsStore(tmp_path / "profile").load_window_state()
        assert stored.last_session == ()
        assert stored.recent_files

    @pytest.mark.parametrize("command", ["clear_recent", "remember_recent"])
    def test_forgetting_recent_files_forgets_it_too(
        self, qtbot, remembered, open_window, tmp_path, command
    ):
        window = open_window()
        window.actions_by_name[command].trigger()
        closed(qtbot, window)
        assert b"film" not in (tmp_path / "profile" / "window.json").read_bytes()

    def test_a_start_without_opening_anything_keeps_the_offer(self, qtbot, remembered, open_window):
        closed(qtbot, open_window())
        assert open_window().welcome.last_session.isVisible()

    def test_who_closes_all_cases_is_offered_nothing(self, qtbot, remembered, open_window, files):
        window = open_window()
        window.workbench.opener.open_paths(files("film_3.png"))
        qtbot.waitUntil(lambda: len(titles(window)) == 1 and at_rest(window), timeout=20_000)
        window.actions_by_name["close_all"].trigger()
        closed(qtbot, window)
        assert not open_window().welcome.last_session.isVisible()

    def test_a_picture_of_a_series_is_found_again(self, qtbot, real_files, open_window, study):
        window = open_window()
        open_and_rest(qtbot, window, study)
        case = window.workbench.current
        with qtbot.waitSignal(window.workbench.session.finding_ready):
            window.workbench.session.analyse_picture(case, SlicePosition(0, 1))
        title = case.title
        closed(qtbot, window)
        again = open_window()
        with qtbot.waitSignal(again.workbench.session.finding_ready):
            again.actions_by_name["open_last_session"].trigger()
        assert again.workbench.current.title == title

    def test_single_pictures_of_a_folder_are_found_again(
        self, qtbot, real_files, open_window, tmp_path
    ):
        folder = tmp_path / "films"
        folder.mkdir()
        for grey, name in enumerate(("a.png", "b.png", "c.png")):
            Image.fromarray(ramp().astype(np.uint8) + np.uint8(grey)).save(folder / name)
        window = open_window()
        open_and_rest(qtbot, window, folder)
        window.workbench.close([window.workbench.session.cases[1]])
        closed(qtbot, window)
        again = open_window()
        with qtbot.waitSignal(again.workbench.opener.opened):
            again.actions_by_name["open_last_session"].trigger()
        qtbot.waitUntil(lambda: at_rest(again), timeout=20_000)
        assert titles(again) == ["a.png", "c.png"]
