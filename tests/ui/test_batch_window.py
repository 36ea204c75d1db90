"""The batch window by mouse and keys: choices, a run, pause, stop, failures, closing."""

from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog, QMessageBox

from spinealign.batch import pool
from spinealign.batch.run import Begun, Counts, Progress, TableChoice, Waits
from spinealign.batch.state import ItemStatus, Outcome, Row
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.domain.protection import Right
from spinealign.ui.batch.choices_page import ChoicesPage
from spinealign.ui.batch.dialog import BatchDialog
from spinealign.ui.batch.jobs import Ended, Wanted, run_batch
from spinealign.ui.window.account_commands import COMMANDS_OF_RIGHT
from spinealign.wording.batch_window import NO_FAILURES
from tests.ui.access_keys import clashing_keys, unnamed
from tests.ui.cut_texts import settled_cut_texts

LEFT = Qt.MouseButton.LeftButton


class FakeBatch:
    """Ends an image each time the test says so; every third fails."""

    def __init__(self, count=6):
        self.count, self.allowed, self.ended, self.wanted = count, 0, 0, []
        self.problem = None

    def run(self, wanted, switches, _doors):
        self.wanted.append(wanted)
        if self.problem is not None:
            raise self.problem
        yield 3
        yield Begun(self.count, self.ended, 0, 0)
        while self.ended < self.count and not switches.stop.is_set():
            if switches.pause.is_set() or self.ended >= self.allowed:
                switches.stop.wait(0.01)
                if switches.pause.is_set():
                    yield Waits()
                continue
            self.ended += 1
            fails = self.ended % 3 == 0
            outcome = Outcome(
                ItemStatus.FAILED if fails else ItemStatus.DONE,
                "It cannot be read." if fails else "", "Open it alone." if fails else "",
            )  # fmt: skip
            path = Path(f"image_{self.ended}.png")
            failed = self.ended // 3
            yield Progress(path, outcome, self.count, self.ended, failed, self.ended, self.ended)
        failed = self.ended // 3
        counts = Counts(self.count - self.ended, self.ended - failed, 0, failed)
        rows = [
            Row("", n, Path(f"image_{n}.png"), "", ItemStatus.FAILED, 1, "It failed.", "", 1.0, "")
            for n in range(3, self.ended + 1, 3)
        ]
        return Ended(counts, tuple(rows))


@pytest.fixture
def dialog(window, tmp_path, monkeypatch):
    """The dialog with a folder of images and one for the results, and a stand-in for the run."""
    source = tmp_path / "images"
    source.mkdir()
    window.actions_by_name["batch"].trigger()
    dialog = window.findChild(BatchDialog)
    dialog.fake = FakeBatch()
    dialog.run_batch = dialog.fake.run
    answers = iter([str(source), str(tmp_path / "results")])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: next(answers))
    assert dialog.start.toolTip() == "Add images first"
    press(dialog.choices.add_folder)
    assert dialog.start.toolTip() == "Choose a folder for the results first"
    press(dialog.choices.browse)
    return dialog


def press(button):
    assert button.isEnabled(), button.toolTip()
    assert button.isVisible()
    QTest.mouseClick(button, LEFT)


def ended(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog.is_busy, timeout=60_000)
    return dialog.told.text()


def test_a_run_shows_how_far_it_is_and_what_failed(qtbot, dialog, tmp_path):
    press(dialog.start)
    dialog.fake.allowed = 4
    qtbot.waitUntil(lambda: dialog.progress.value() == 4)
    assert dialog.told.text().startswith("4 of 6, 1 failed, 3,600 an hour")
    assert dialog.failures.rowCount() == 1
    row = [dialog.failures.item(0, place).text() for place in range(3)]
    assert row == ["image_3.png", "It cannot be read.", "Open it alone."]
    dialog.fake.allowed = 6
    assert ended(qtbot, dialog) == "Finished: 4 done, 0 refused, 2 failed."
    assert dialog.failures.rowCount() == 2
    assert dialog.failures.item(1, 0).text() == "image_6.png"
    [wanted] = dialog.fake.wanted
    assert (wanted.inputs, wanted.out) == ((tmp_path / "images",), tmp_path / "results")


def test_pause_waits_and_goes_on(qtbot, dialog):
    press(dialog.start)
    dialog.fake.allowed = 2
    qtbot.waitUntil(lambda: dialog.progress.value() == 2)
    press(dialog.pause)
    qtbot.waitUntil(lambda: dialog.told.text().startswith("Paused. 2 of 6"))
    dialog.fake.allowed = 6
    qtbot.wait(60)
    assert dialog.progress.value() == 2
    assert dialog.pause.text() == "&Go on"
    press(dialog.pause)
    assert ended(qtbot, dialog).startswith("Finished")


def test_a_stopped_run_goes_on_with_the_same_folder(qtbot, dialog):
    press(dialog.start)
    dialog.fake.allowed = 2
    qtbot.waitUntil(lambda: dialog.progress.value() == 2)
    press(dialog.stop)
    said = "Stopped: 2 done, 0 refused, 0 failed, 4 images not analysed yet. Start goes on with "
    assert ended(qtbot, dialog) == f"{said}the same folder."
    dialog.fake.allowed = 6
    press(dialog.start)
    assert ended(qtbot, dialog).startswith("Finished")
    assert dialog.fake.ended == 6


def test_closing_asks_first_while_images_are_analysed(qtbot, window, dialog):
    press(dialog.start)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    [question] = dialog.findChildren(QMessageBox)
    QTest.keyClick(question, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not dialog.findChildren(QMessageBox))
    assert dialog.is_busy
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    [question] = dialog.findChildren(QMessageBox)
    [yes] = [one for one in question.buttons() if one.text() == "Stop and close"]
    press(yes)
    qtbot.waitUntil(lambda: window.findChild(BatchDialog) is None)
    window.actions_by_name["batch"].trigger()
    assert not window.findChild(BatchDialog).is_busy


def test_a_batch_that_cannot_begin_says_why_and_offers_all_again(qtbot, dialog, tmp_path):
    dialog.fake.problem = BatchError(tmp_path / "results", BatchProblem.RUNNING)
    press(dialog.start)
    assert ended(qtbot, dialog).startswith("Another program works on the batch in ")
    assert dialog.choices.isVisible()
    assert dialog.start.isEnabled()


def test_the_command_brings_the_same_window_again(window, dialog):
    window.actions_by_name["batch"].trigger()
    assert window.findChildren(BatchDialog) == [dialog]


def test_it_is_an_export(dialog):
    asked = []
    dialog.may_run = asked.append
    press(dialog.start)
    assert asked == [dialog.choices.wanted]
    assert not dialog.is_busy
    assert "batch" in COMMANDS_OF_RIGHT[Right.EXPORT]


def test_choices_become_options(tmp_path):
    given = {"inputs": (tmp_path,), "out": tmp_path, "workers": 2}
    assert Wanted(**given).options(8).kinds == ()
    assert Wanted(**given).options(8).threads == 4
    tables = Wanted(**given, results="tables", gallery=False).options(1)
    assert tables.kinds == ("json", "regions", "measurements", "discs")
    assert (tables.gallery, tables.threads) == (False, 1)
    assert "mask" in Wanted(**given, results="masks").options(1).kinds
    assert Wanted(**given).tables() == TableChoice()
    assert Wanted(**given, parquet=True).tables().parquet
    assert "patient_id" in Wanted(**given, with_patient=True).tables().patient


def test_parquet_is_offered_where_its_software_is(window, qtbot, monkeypatch):
    for is_there in (True, False):
        monkeypatch.setattr(
            "spinealign.ui.batch.choices_page.can_write_parquet", lambda there=is_there: there
        )
        page = ChoicesPage()
        qtbot.addWidget(page)
        assert page.parquet.isEnabled() is is_there
        page.parquet.click()
        assert page.wanted.parquet is is_there
        assert ("is not installed" in page.parquet.toolTip()) is not is_there


def test_entries_are_removed_from_the_list(dialog, tmp_path):
    added = [tmp_path / name for name in ("a.png", "b.png", "b.png")]
    dialog.choices.add(added)
    assert dialog.choices.inputs == [tmp_path / "images", *added[:2]]
    assert not dialog.choices.list.remove.isEnabled()
    dialog.choices.list.item(1).setSelected(True)
    press(dialog.choices.list.remove)
    assert dialog.choices.inputs == [tmp_path / "images", added[1]]
    assert dialog.choices.list.count() == 2


def test_keys_names_and_words_fit(qtbot, dialog):
    assert not clashing_keys(dialog)
    assert not unnamed(dialog)
    assert settled_cut_texts(qtbot, dialog) == []
    press(dialog.start)
    assert not clashing_keys(dialog)
    assert settled_cut_texts(qtbot, dialog) == []
    press(dialog.stop)
    ended(qtbot, dialog)


def test_real_processes_work_and_a_closed_window_leaves_none(qtbot, dialog, tmp_path, monkeypatch):
    from tests.batch_workers import serve_names

    monkeypatch.setattr(pool, "Pool", partial(pool.Pool, serve_as=serve_names))
    dialog.run_batch = run_batch
    for number in range(2):
        Image.new("L", (40, 40), 9 * number).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "images" / "broken.png").write_bytes(b"")
    press(dialog.start)
    assert ended(qtbot, dialog) == "Finished: 2 done, 0 refused, 1 failed."
    assert (tmp_path / "results" / "images.csv").exists()
    # It was refused while files were looked for, and is told at the end.
    assert dialog.failures.item(0, 0).text() == "broken.png"
    assert dialog.failures.item(0, 1).text()


def test_a_stop_ends_what_a_process_hangs_in(qtbot, dialog, tmp_path, monkeypatch):
    from tests.batch_workers import HANG, serve_names

    monkeypatch.setattr(pool, "Pool", partial(pool.Pool, serve_as=serve_names))
    dialog.run_batch = run_batch
    Image.new("L", (40, 40)).save(tmp_path / "images" / f"{HANG}.png")
    press(dialog.start)
    qtbot.waitUntil(lambda: dialog.progress.maximum() == 1, timeout=60_000)
    press(dialog.stop)
    assert ended(qtbot, dialog).startswith("Stopped: 0 done, 0 refused, 0 failed, 1 image not")


def test_in_a_low_window_the_list_gives_way_before_the_choices_are_scrolled(qtbot, dialog):
    dialog.resize(720, 460)
    bar = dialog.choices.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    assert dialog.choices.list.height() < 120
    assert dialog.choices.tries_again.visibleRegion().boundingRect() == (
        dialog.choices.tries_again.rect()
    )
    dialog.resize(720, 700)
    qtbot.waitUntil(lambda: dialog.choices.list.height() > 250)


def test_the_list_of_failures_says_what_it_is_for_until_one_is_in_it(qtbot, dialog, monkeypatch):
    written = []
    monkeypatch.setattr(
        "spinealign.ui.batch.dialog.write_in_middle", lambda _, words: written.append(words)
    )
    press(dialog.start)
    qtbot.waitUntil(lambda: bool(written))
    assert set(written) == {NO_FAILURES}
    dialog.fake.allowed = 6
    ended(qtbot, dialog)
    written.clear()
    dialog.failures.grab()
    assert dialog.failures.rowCount() == 2
    assert written == []
