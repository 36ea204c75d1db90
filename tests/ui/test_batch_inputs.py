"""Studies of a PACS and examinations of the encrypted archive as inputs of the batch's window."""

import hashlib
import sys
from contextlib import ExitStack, suppress
from functools import partial

import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign import protected_folders
from spinealign.accounts.keys import LEAST_COST
from spinealign.audit.events import EventKind
from spinealign.batch import pool
from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.domain.protection import Right
from spinealign.domain.study import PatientFacts
from spinealign.network.node import Network
from spinealign.network.peers import DicomPeer, NetworkSettings, WebPeer, save_settings
from spinealign.ui.batch.dialog import BatchDialog
from spinealign.ui.network import studies_dialog
from spinealign.ui.network.secret_dialog import SecretDialog
from spinealign.ui.network.studies_dialog import StudiesDialog
from spinealign.ui.vault.examinations_dialog import ExaminationsDialog
from spinealign.ui.vault.sign_in_dialog import SignInDialog, UnlockDialog
from spinealign.vault import place, session
from spinealign.vault.keeping import Opened, keep
from spinealign.vault.place import Place
from spinealign.vault.session import set_up_accounts
from spinealign.wording.archive_window import IS_LOCKED, NO_ARCHIVE
from spinealign.wording.batch_window import (
    LOCKED_MEANWHILE,
    MAY_NOT_RETRIEVE,
    NO_EXAMINATIONS,
    NO_STUDIES,
    STOPPED_RETRIEVING,
)
from spinealign.wording.network_window import NO_NODES_MESSAGE
from tests.batch_workers import serve_contents
from tests.loopback import only_loopback
from tests.pacs import Pacs, free_port
from tests.ui.access_keys import clashing_keys, unnamed
from tests.ui.cut_texts import settled_cut_texts

LEFT = Qt.MouseButton.LeftButton
PASSWORD = "correct horse battery"
STUDIES = ("CT_small.dcm", "MR_small.dcm")


@pytest.fixture(scope="module", autouse=True)
def loopback():
    """A network of these tests' own where there can be one, else this computer's loopback."""
    with ExitStack() as stack:
        if sys.platform == "linux":
            with suppress(OSError):
                stack.enter_context(only_loopback())
        yield


@pytest.fixture(autouse=True)
def readers(monkeypatch):
    """Workers that read each file and write its checksum."""
    monkeypatch.setattr(pool, "Pool", partial(pool.Pool, serve_as=serve_contents))


@pytest.fixture
def profile(tmp_path):
    folder = tmp_path / "profile"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def pacs(profile):
    with Pacs([get_testdata_file(name) for name in STUDIES]).listening() as pacs:
        save_settings(profile, NetworkSettings(peers=(pacs.peer(),)))
        yield pacs


def press(button):
    assert button.isEnabled(), button.toolTip()
    assert button.isVisible()
    QTest.mouseClick(button, LEFT)


def shown(window):
    """The window of the batch, with its results going to a folder."""
    window.actions_by_name["batch"].trigger()
    dialog = window.findChild(BatchDialog)
    dialog.choices.target.setText(str(window.workbench.preferences.folder.parent / "results"))
    return dialog


def results(window):
    return window.workbench.preferences.folder.parent / "results"


def asking(qtbot, window, button, kind):
    press(button)
    qtbot.waitUntil(lambda: window.findChild(kind) is not None)
    return window.findChild(kind)


def add_studies(qtbot, window, dialog, **texts):
    """Ask the PACS for studies; returns the dialog that asks, which may be gone."""
    with qtbot.waitSignal(window.network.desk.changed):
        asked = asking(qtbot, window, dialog.choices.add_studies, StudiesDialog)
    for name, text in texts.items():
        QTest.keyClicks(asked.form.lines[name], text)
    press(asked.add)
    return asked


def entries(dialog):
    rows = dialog.choices.list
    return [rows.item(place).text() for place in range(rows.count())]


def ended(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog.is_busy, timeout=60_000)
    return dialog.told.text()


def checksums(*paths):
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def analysed(window):
    return set((results(window) / "contents.txt").read_text().split())


class TestStudies:
    def test_they_are_retrieved_and_analysed(self, qtbot, pacs, open_window):
        window = open_window()
        dialog = shown(window)
        add_studies(qtbot, window, dialog, patient_id="4MR1", modality="mr")
        qtbot.waitUntil(lambda: bool(entries(dialog)))
        assert entries(dialog) == ["PACS “Archive”: ID 4MR1, modality MR (1 study)"]
        assert window.workbench.preferences.state.searched_node == "Archive"
        press(dialog.start)
        assert ended(qtbot, dialog) == "Finished: 1 done, 0 refused, 0 failed."
        [came] = (results(window) / "retrieved").rglob("*.dcm")
        assert analysed(window) == checksums(came)

    def test_nothing_found_is_told_and_not_added(self, qtbot, pacs, open_window):
        window = open_window()
        dialog = shown(window)
        asked = add_studies(qtbot, window, dialog, name="Nobody")
        qtbot.waitUntil(lambda: asked.told.text() == NO_STUDIES)
        assert asked.isVisible()
        assert entries(dialog) == []

    def test_what_a_query_cannot_bring_whole_is_not_taken(
        self, qtbot, pacs, open_window, monkeypatch
    ):
        monkeypatch.setattr(studies_dialog, "MOST_ANSWERS", 1)
        window = open_window()
        dialog = shown(window)
        asked = add_studies(qtbot, window, dialog, first_date="2004-01-01")
        qtbot.waitUntil(lambda: "Fill in the first and the last date" in asked.told.text())
        QTest.keyClicks(asked.form.lines["last_date"], "2005-01-01")
        press(asked.add)
        qtbot.waitUntil(lambda: bool(entries(dialog)))
        assert entries(dialog)[0].startswith("PACS “Archive”: from 2004-01-01, to 2005-01-01 (")

    def test_a_study_that_does_not_come_is_a_row(self, qtbot, pacs, open_window, monkeypatch):
        fetch, failing = Network.fetch, [True]

        def sometimes(self, name, folder, study_uid, series_uid=""):
            if failing:
                failing.clear()
                raise NetworkError(NetworkProblem.CLOSED, name)
            return fetch(self, name, folder, study_uid, series_uid)

        monkeypatch.setattr(Network, "fetch", sometimes)
        window = open_window()
        dialog = shown(window)
        add_studies(qtbot, window, dialog, first_date="2004-01-01")
        qtbot.waitUntil(lambda: bool(entries(dialog)))
        press(dialog.start)
        said = "1 study did not come: Start asks for them again."
        assert ended(qtbot, dialog) == f"Finished: 1 done, 0 refused, 0 failed. {said}"
        assert dialog.failures.item(0, 0).text() == "A study of “Archive”"
        assert dialog.failures.item(0, 1).text()
        press(dialog.start)
        assert ended(qtbot, dialog) == "Finished: 2 done, 0 refused, 0 failed."
        assert dialog.failures.rowCount() == 0

    def test_a_retrieval_is_stopped_and_gone_on_with(self, qtbot, pacs, open_window):
        window = open_window()
        dialog = shown(window)
        add_studies(qtbot, window, dialog, first_date="2004-01-01")
        qtbot.waitUntil(lambda: bool(entries(dialog)))
        pacs.gate.clear()
        press(dialog.start)
        qtbot.waitUntil(lambda: dialog.progress.maximum() == 2 or len(pacs.asked) >= 2)
        qtbot.wait(50)
        press(dialog.stop)
        assert ended(qtbot, dialog) == STOPPED_RETRIEVING
        assert not (results(window) / "contents.txt").exists()
        pacs.gate.set()
        press(dialog.start)
        assert ended(qtbot, dialog) == "Finished: 2 done, 0 refused, 0 failed."

    def test_without_a_node_it_says_what_to_do(self, qtbot, window):
        dialog = shown(window)
        asked = asking(qtbot, window, dialog.choices.add_studies, StudiesDialog)
        qtbot.waitUntil(lambda: asked.told.text() == NO_NODES_MESSAGE)
        assert not asked.add.isEnabled()
        asked.reject()

    def test_a_node_that_is_gone_is_told_in_words(self, qtbot, profile, open_window):
        peer = DicomPeer(name="Gone", called_title="X", host="127.0.0.1", port=free_port())
        save_settings(profile, NetworkSettings(peers=(peer,)))
        window = open_window()
        dialog = shown(window)
        asked = add_studies(qtbot, window, dialog, name="Carter")
        qtbot.waitUntil(lambda: "Nobody listens where “Gone”" in asked.told.text(), timeout=10_000)
        assert entries(dialog) == []
        asked.reject()

    def test_a_missing_password_is_asked_for(self, qtbot, profile, open_window):
        peer = WebPeer(name="Web", url="https://127.0.0.1:1/dicom-web", sign_in="token")
        save_settings(profile, NetworkSettings(peers=(peer,)))
        window = open_window()
        asked = add_studies(qtbot, window, shown(window), name="Carter")
        qtbot.waitUntil(lambda: asked.findChild(SecretDialog) is not None, timeout=10_000)
        secret = asked.findChild(SecretDialog)
        QTest.keyClicks(secret.line, "t0ken")
        press(secret.use)
        qtbot.waitUntil(lambda: "Nobody listens" in asked.told.text(), timeout=10_000)
        asked.reject()

    def test_who_may_not_retrieve_is_told_so(self, qtbot, window):
        dialog = shown(window)
        window.workbench.at_work.may = lambda right: right is not Right.IMPORT
        window.workbench.at_work.changed.emit()
        assert dialog.choices.add_studies.toolTip() == MAY_NOT_RETRIEVE
        assert not dialog.choices.add_studies.isEnabled()

    def test_keys_names_and_words_fit(self, qtbot, pacs, open_window):
        window = open_window()
        asked = asking(qtbot, window, shown(window).choices.add_studies, StudiesDialog)
        assert not clashing_keys(asked)
        assert not unnamed(asked)
        assert settled_cut_texts(qtbot, asked) == []
        asked.reject()


# The archive


@pytest.fixture
def where(profile, monkeypatch):
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    here = Place.of_profile(profile)
    made, _ = set_up_accounts(here, "anna", "Dr. Anna Reader", PASSWORD)
    made.close()
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


def enter(qtbot, window, kind=SignInDialog):
    [dialog] = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    QTest.keyClicks(dialog.password.line, PASSWORD)
    with qtbot.waitSignal(window.accounts.keeper.entered):
        QTest.keyClick(dialog, Qt.Key.Key_Return)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)


@pytest.fixture
def kept(qtbot, where, open_window, files):
    """The window of anna, who has put two films into the archive; and the films."""
    made = session.sign_in(where, "anna", PASSWORD)
    paths = files("film_1.png", "film_2.png")
    for number, path in enumerate(paths):
        Image.new("L", (40, 40), 90 * number).save(path)
        keep(made, Opened((path,), PatientFacts(identifier=f"ID-{number}"), "lateral-neck"))
    made.close()
    window = open_window()
    window.start()
    enter(qtbot, window)
    return window, paths


def add_examinations(qtbot, window, dialog, words=""):
    asked = asking(qtbot, window, dialog.choices.add_examinations, ExaminationsDialog)
    QTest.keyClicks(asked.words, words)
    press(asked.add)
    return asked


class TestExaminations:
    def test_they_are_read_where_they_lie(self, qtbot, kept):
        window, paths = kept
        dialog = shown(window)
        add_examinations(qtbot, window, dialog)
        qtbot.waitUntil(lambda: bool(entries(dialog)))
        assert entries(dialog) == ["Archive: all examinations (2 examinations)"]
        press(dialog.start)
        assert ended(qtbot, dialog) == "Finished: 2 done, 0 refused, 0 failed."
        assert analysed(window) == checksums(*paths)
        events = [event.kind for _, event in window.accounts.keeper.session.events()]
        assert events.count(EventKind.QUERY) == 1
        assert EventKind.EXPORT in events

    def test_nothing_found_is_told_and_not_added(self, qtbot, kept):
        window, _ = kept
        dialog = shown(window)
        asked = add_examinations(qtbot, window, dialog, "nobody")
        qtbot.waitUntil(lambda: asked.told.text() == NO_EXAMINATIONS)
        assert entries(dialog) == []
        asked.reject()

    def test_locking_stops_the_batch_and_its_workers(self, qtbot, kept):
        window, _ = kept
        dialog = shown(window)
        add_examinations(qtbot, window, dialog)
        qtbot.waitUntil(lambda: bool(entries(dialog)))
        results(window).mkdir()
        (results(window) / "hang").touch()
        press(dialog.start)
        qtbot.waitUntil(lambda: dialog.progress.maximum() == 2, timeout=60_000)
        with qtbot.waitSignal(window.accounts.keeper.locked):
            window.actions_by_name["lock"].trigger()
        assert LOCKED_MEANWHILE in ended(qtbot, dialog)
        assert dialog.choices.add_examinations.toolTip() == IS_LOCKED
        dialog.begin()
        assert dialog.told.text() == f"{IS_LOCKED}."
        assert not dialog.is_busy
        (results(window) / "hang").unlink()
        enter(qtbot, window, UnlockDialog)
        dialog.begin()
        assert ended(qtbot, dialog) == "Finished: 2 done, 0 refused, 0 failed."

    def test_without_an_archive_it_says_why(self, window):
        dialog = shown(window)
        assert not dialog.choices.add_examinations.isEnabled()
        assert dialog.choices.add_examinations.toolTip() == NO_ARCHIVE

    def test_keys_names_and_words_fit(self, qtbot, kept):
        window, _ = kept
        asked = asking(qtbot, window, shown(window).choices.add_examinations, ExaminationsDialog)
        assert not clashing_keys(asked)
        assert not unnamed(asked)
        assert settled_cut_texts(qtbot, asked) == []
        asked.reject()
