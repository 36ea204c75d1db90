"""Nodes, From PACS, Send and Transfers by mouse and keys, against a small PACS on the loopback."""

import json
import socket
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest
from pydicom import dcmread
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QMessageBox, QPushButton

from spinealign.domain.findings import Step
from spinealign.imaging.readers import read_part
from spinealign.network.connecting import Timeouts
from spinealign.network.peers import (
    DicomPeer,
    NetworkSettings,
    ReceiverSettings,
    Rule,
    SignIn,
    WebPeer,
    load_settings,
    save_settings,
)
from spinealign.ui.network.find_dialog import FindDialog
from spinealign.ui.network.node_dialog import NodeDialog
from spinealign.ui.network.nodes_dialog import NodesDialog
from spinealign.ui.network.rule_dialog import RuleDialog
from spinealign.ui.network.secret_dialog import SecretDialog
from spinealign.ui.network.send_dialog import SendDialog
from spinealign.ui.network.transfers_dialog import TransfersDialog
from spinealign.ui.window.dicom_patient_dialog import DicomPatientDialog
from spinealign.ui.work.services import program_services
from spinealign.wording.network_window import (
    NO_NODES_MESSAGE,
    NOT_SIGNED,
    RECEIVER_NEEDS_RULE,
    SOURCE_NEEDED,
)
from tests.dicom_objects import KINDS, film_analysis, write_mr_series
from tests.fakes import part_of
from tests.loopback import only_loopback
from tests.pacs import Pacs, free_port
from tests.ui.access_keys import clashing_keys, unnamed
from tests.ui.hands import at_rest

LEFT = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier
QUICK = Timeouts(connect=30, associate=30, answer=60, commitment=0.5)
IMPATIENT = Timeouts(connect=0.5, associate=0.5, answer=0.5, commitment=0.5)


@pytest.fixture(scope="module", autouse=True)
def loopback():
    """A network of these tests' own where there can be one, else this computer's loopback."""
    with ExitStack() as stack:
        if sys.platform == "linux":
            with suppress(OSError):
                stack.enter_context(only_loopback())
        yield


def _analyse(source, _models, _examination, _companion, _demonstration, _presentation_of):
    image = read_part(part_of(source))
    yield Step("Reading the image", 0.1, image)
    return film_analysis(image)


@pytest.fixture
def profile(tmp_path):
    return tmp_path / "profile"


@pytest.fixture
def services(fake, profile):
    """Services that read and write real files, and know what is on them without a network."""
    real = program_services(profile)
    fake.timeouts = QUICK
    built = replace(
        fake.build(), analyse=_analyse, scan=real.scan, read_slices=real.read_slices,
        read_patient=real.read_patient, write_report=real.write_report,
        load_corrections=real.load_corrections, corrections_marks=real.corrections_marks,
        save_corrections=real.save_corrections,
    )  # fmt: skip
    fake.build = lambda: built
    return built


@pytest.fixture
def window(services, open_window):
    return open_window()


@pytest.fixture
def configured(profile):
    """Return a function that configures nodes, and what is received, before a window opens."""

    def run(*peers, receiver=None):
        profile.mkdir(exist_ok=True)
        save_settings(
            profile, NetworkSettings(peers=peers, receiver=receiver or ReceiverSettings())
        )

    return run


@pytest.fixture
def pacs(tmp_path):
    """A PACS with a film and an MR series of two patients."""
    film = KINDS["film"](_made(tmp_path / "film.dcm"))
    dataset = dcmread(film)
    dataset.PatientName, dataset.PatientID = "Carter^Jane", "C-1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.18001", "2.25.18002"
    dataset.StudyDate, dataset.StudyDescription = "20260301", "Cervical spine"
    dataset.save_as(film)
    series = write_mr_series(tmp_path / "mr", 3, StudyDescription="Lumbar spine")
    with Pacs([film, *series]).listening() as running:
        yield running


def _made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def opened(qtbot, window, tmp_path):
    """Return a function that opens an image of a kind and waits for its result."""

    def run(name="film"):
        path = KINDS[name](_made(tmp_path / name / "image.dcm"))
        window.workbench.opener.open_paths([path])
        qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=20_000)
        settle(qtbot, window)
        return path

    return run


def settle(qtbot, window):
    qtbot.waitUntil(lambda: at_rest(window) and not window.workbench.is_working, timeout=20_000)


def show(qtbot, window, command, kind):
    """Give a command and return its dialog, once it knows what is configured."""
    action = window.actions_by_name[command]
    assert action.isEnabled(), action.toolTip()
    with qtbot.waitSignal(window.network.desk.changed):
        action.trigger()
        qtbot.waitUntil(lambda: window.findChild(kind) is not None)
    return window.findChild(kind)


def press(button):
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, LEFT)


def fill(lines, **texts):
    for name, text in texts.items():
        QTest.mouseClick(lines[name], LEFT)
        lines[name].clear()
        QTest.keyClicks(lines[name], text)


def texts(rows):
    tree = [rows.topLevelItem(place) for place in range(rows.topLevelItemCount())]
    return [[item.text(column) for column in range(rows.columnCount())] for item in tree]


# Nothing configured


def test_nothing_is_made_before_something_is_configured(qtbot, window, fake, profile):
    window.start()
    qtbot.waitUntil(lambda: window.network.desk.state is not None)
    assert window.network.desk.state.settings == NetworkSettings()
    assert not (profile / "network").exists()
    assert not (profile / "network.json").exists()
    assert not window.status.transfers.isVisible()
    settle(qtbot, window)


@pytest.mark.parametrize(("command", "kind"), [("from_pacs", FindDialog), ("send", SendDialog)])
def test_without_a_node_the_dialog_says_what_to_do(qtbot, window, opened, command, kind):
    opened()
    dialog = show(qtbot, window, command, kind)
    assert dialog.told.text() == NO_NODES_MESSAGE
    button = dialog.search if kind is FindDialog else dialog.send_button
    assert not button.isEnabled()
    assert button.toolTip() == "No node is configured yet"
    press(dialog.nodes_button)
    assert dialog.findChild(NodesDialog).isVisible()
    settle(qtbot, window)


# Nodes


@pytest.fixture
def form(qtbot, window):
    """The form of a new node, over the list of nodes."""
    dialog = show(qtbot, window, "nodes", NodesDialog)
    press(dialog.add)
    return dialog.findChild(NodeDialog)


def result_of(qtbot, form):
    QTest.keyClick(form, Qt.Key.Key_T, ALT)
    said = lambda: form.told.text().partition("Testing")[0]  # noqa: E731 - asked for many times
    qtbot.waitUntil(lambda: said() != "", timeout=10_000)
    return said()


def test_a_node_is_added_tested_and_kept(qtbot, window, form, pacs, profile):
    assert not form.save.isEnabled()
    assert form.told.text() == "Still missing: Name, AE title of the node and Host."
    fill(form.lines, name="Archive", called_title="WRONG", host="127.0.0.1")
    form.port.setValue(pacs.port)
    assert "has another AE title (WRONG)" in result_of(qtbot, form)
    fill(form.lines, called_title="PACS")
    said = result_of(qtbot, form)
    assert said.startswith("“Archive” answered in ")
    assert "can be searched" in said
    assert "has a worklist" in said
    QTest.keyClick(form.lines["host"], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.network.desk.state.settings.peers != ())
    assert load_settings(profile).peers == (pacs.peer(),)
    rows = window.findChild(NodesDialog).nodes
    assert texts(rows) == [["Archive", "DICOM node", f"PACS at 127.0.0.1:{pacs.port}"]]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("called_title", "T" * 17, "1 to 16"), ("host", "a b", "impossible value (host)")],
)
def test_an_impossible_value_is_told_while_it_is_typed(form, name, text, said):
    fill(form.lines, **{"name": "A", "called_title": "B", "host": "c", name: text})
    assert said in form.told.text()
    assert not form.save.isEnabled()
    assert not form.node_test.test.isEnabled()


def test_a_second_node_of_the_same_name_is_refused_in_words(
    qtbot, configured, services, open_window, pacs
):
    configured(pacs.peer())
    window = open_window()
    dialog = show(qtbot, window, "nodes", NodesDialog)
    press(dialog.add)
    form = dialog.findChild(NodeDialog)
    fill(form.lines, name="Archive", called_title="B", host="c")
    press(form.save)
    qtbot.waitUntil(lambda: "There is a peer “Archive” already." in form.told.text())
    assert form.isVisible()


def test_a_node_that_never_answers_holds_nothing_up(qtbot, window, form, fake, pacs):
    fake.timeouts = IMPATIENT
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        fill(form.lines, name="Silent", called_title="X", host="127.0.0.1")
        form.port.setValue(silent.getsockname()[1])
        press(form.node_test.test)
        assert form.told.text() == "Testing “Silent”…"
        assert form.node_test.stop.isVisible()
        press(form.node_test.stop)
        assert form.told.text() == "The test was stopped."
        # Another node is asked meanwhile, in a thread of its own.
        fill(form.lines, called_title="PACS")
        form.port.setValue(pacs.port)
        assert "answered" in result_of(qtbot, form)
        settle(qtbot, window)
        assert "answered" in form.told.text()


def test_a_password_goes_into_the_key_store_and_nowhere_else(qtbot, window, form, fake, profile):
    form.kind.setCurrentIndex(1)
    fill(form.lines, name="Web", url="https://pacs.example/dicom-web")
    assert not form.lines["secret"].isVisible()
    form.sign_in.setCurrentIndex(1)
    fill(form.lines, user="reader", secret="s3cret")
    qtbot.waitUntil(lambda: "kept in the key store" in form.store.text())
    press(form.save)
    qtbot.waitUntil(lambda: fake.secrets.kept == {"Web": "s3cret"})
    settle(qtbot, window)
    kept = json.loads((profile / "network.json").read_text())
    assert kept["peers"][0]["user"] == "reader"
    written = [p.read_bytes() for p in profile.rglob("*") if p.is_file()]
    assert not any(b"s3cret" in content for content in written)


def test_without_a_key_store_that_is_said_and_the_password_lives_until_the_end(
    qtbot, window, form, fake, profile
):
    fake.secrets.is_there = False
    form.kind.setCurrentIndex(1)
    form.sign_in.setCurrentIndex(2)
    fill(form.lines, name="Web", url="https://pacs.example/dicom-web", secret="t0ken")
    qtbot.waitUntil(lambda: "has no key store" in form.store.text())
    press(form.save)
    qtbot.waitUntil(lambda: "was not kept" in window.banner.text)
    settle(qtbot, window)
    peer = load_settings(profile).peer("Web")
    assert fake.networks[-1]._secret_of(peer) == "t0ken"


def test_removing_asks_before(qtbot, configured, services, open_window, pacs, profile):
    configured(pacs.peer())
    window = open_window()
    dialog = show(qtbot, window, "nodes", NodesDialog)
    press(dialog.remove)
    box = dialog.findChild(QMessageBox)
    QTest.keyClick(box, Qt.Key.Key_Escape)
    settle(qtbot, window)
    assert load_settings(profile).peers == (pacs.peer(),)
    press(dialog.remove)
    box = next(b for b in dialog.findChildren(QMessageBox) if b.isVisible())
    press(next(b for b in box.buttons() if b.text() == "Remove"))
    qtbot.waitUntil(lambda: load_settings(profile).peers == ())


# Receiver


def test_the_receiver_takes_what_its_rule_allows(
    qtbot, configured, services, open_window, fake, pacs, profile, tmp_path
):
    configured(pacs.peer())
    window, port = open_window(), free_port()
    dialog = show(qtbot, window, "nodes", NodesDialog)
    dialog.tabs.setCurrentIndex(1)
    page = dialog.receiver
    page.is_on.setChecked(True)
    assert page.told.text() == f"{RECEIVER_NEEDS_RULE}."
    assert not page.save.isEnabled()
    press(page.add)
    rule = dialog.findChild(RuleDialog)
    assert not rule.keep.isEnabled()
    fill(rule.lines, calling_title="SCANNER", modalities="dx; mr")
    rule.results["Archive"].setChecked(True)
    press(rule.keep)
    page.port.setValue(port)
    page.address.setText("127.0.0.1")
    page.quiet.setValue(0)
    press(page.save)
    qtbot.waitUntil(lambda: window.network.desk.state.is_receiving)
    assert page.state.text() == "The receiver listens now."
    assert load_settings(profile).receiver.rules == (
        Rule(calling_title="SCANNER", modalities=("DX", "MR"), results_to=("Archive",)),
    )
    sent = KINDS["film"](tmp_path / "sent.dcm")
    assert _store(sent, port, "SCANNER") == 0x0000
    assert _store(sent, port, "STRANGER") is None
    qtbot.waitUntil(lambda: fake.arrived != [], timeout=10_000)
    dialog.reject()
    settle(qtbot, window)
    transfers = show(qtbot, window, "transfers", TransfersDialog)
    transfers.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "analysed" in texts(transfers.inbox)[0])
    assert texts(transfers.inbox)[0][:3] == ["SCANNER", "DX", "1"]
    transfers.inbox.focus_first()
    QTest.keyClick(transfers.inbox, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=10_000)
    settle(qtbot, window)
    assert window.patient.facts.identifier == "PHANTOM-17"


def _store(path, port, title):
    """Send a file as a modality does; None where the association is refused."""
    from pynetdicom import AE

    entity, dataset = AE(title), dcmread(path)
    entity.add_requested_context(dataset.SOPClassUID)
    association = entity.associate("127.0.0.1", port, ae_title="SPINEALIGN")
    if not association.is_established:
        return None
    status = association.send_c_store(dataset).Status
    association.release()
    return status


def test_a_port_that_is_taken_is_told(qtbot, configured, services, open_window):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        rule = Rule(calling_title="SCANNER")
        receiver = ReceiverSettings(
            is_on=True, address="127.0.0.1", port=taken.getsockname()[1], rules=(rule,)
        )
        configured(receiver=receiver)
        window = open_window()
        window.start()
        qtbot.waitUntil(lambda: "receiver cannot listen" in window.banner.text)
        settle(qtbot, window)


# From PACS


@pytest.fixture
def search(qtbot, configured, services, open_window, pacs):
    """The dialog that searches the PACS."""
    configured(pacs.peer(), WebPeer(name="Web", url="https://127.0.0.1:1/dicom-web"))
    return show(qtbot, open_window(), "from_pacs", FindDialog)


def found(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog._task is None, timeout=10_000)
    return texts(dialog.rows)


def test_a_search_by_name_and_return_lists_studies(qtbot, search, pacs):
    assert search.lines["name"].hasFocus() or not search.isActiveWindow()
    assert search.search.toolTip() == "Fill in at least one field"
    QTest.keyClicks(search.lines["name"], "Carter, J")
    QTest.keyClick(search.lines["name"], Qt.Key.Key_Return)
    assert found(qtbot, search) == [
        ["Carter, Jane", "C-1", "2026-03-01", "Cervical spine", "DX", "1", "ACC17"]
    ]
    assert str(pacs.asked[0].PatientName) == "Carter^J*"
    assert search.told.text().startswith("1 entry was found.")


def test_dates_are_a_range_and_checked(qtbot, search, pacs):
    fill(search.lines, first_date="2026-13-01")
    assert search.search.toolTip() == "Type dates as YYYY-MM-DD"
    fill(search.lines, first_date="2026-11-01", last_date="2026-10-01")
    assert search.search.toolTip() == "The first date lies after the last one"
    fill(search.lines, first_date="2026-10-01", last_date="2026-12-01", modality="mr")
    press(search.search)
    assert [row[3] for row in found(qtbot, search)] == ["Lumbar spine"]
    assert pacs.asked[0].StudyDate == "20261001-20261201"
    assert pacs.asked[0].ModalitiesInStudy == "MR"


def test_nothing_found_is_said(qtbot, search):
    fill(search.lines, patient_id="nobody")
    press(search.search)
    assert found(qtbot, search) == []
    assert search.told.text().startswith("Nothing was found.")
    assert not search.retrieve.isEnabled()


def test_headings_sort_by_words_and_by_numbers(qtbot, search):
    fill(search.lines, name="*")
    press(search.search)
    assert len(found(qtbot, search)) == 2
    search.rows.sortByColumn(5, Qt.SortOrder.DescendingOrder)
    assert [row[5] for row in texts(search.rows)] == ["3", "1"]
    search.rows.sortByColumn(2, Qt.SortOrder.AscendingOrder)
    assert [row[2] for row in texts(search.rows)] == ["2026-03-01", "2026-11-28"]


def test_one_series_is_retrieved_and_opened_by_keys(qtbot, search, profile):
    window = search.parentWidget()
    fill(search.lines, name="Phantom")
    QTest.keyClick(search.lines["name"], Qt.Key.Key_Return)
    found(qtbot, search)
    rows = search.rows
    QTest.keyClick(rows, Qt.Key.Key_Right)
    study = rows.topLevelItem(0)
    qtbot.waitUntil(lambda: study.child(0) is not None and "Series 3" in study.child(0).text(0))
    QTest.keyClick(rows, Qt.Key.Key_Down)
    assert [one.series_uid for one in search.wanted] == ["2.25.17002"]
    QTest.keyClick(rows, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=10_000)
    settle(qtbot, window)
    [case] = window.workbench.session.cases
    assert len(case.stack.first) == 3
    assert ".dcm" not in window.windowTitle()
    images = list((profile / "network" / "fetched").rglob("*.dcm"))
    assert len(images) == 3
    assert all(path.is_relative_to(profile) and "Phantom" not in str(path) for path in images)
    assert (profile / "network").stat().st_mode & 0o077 == 0
    # What a hospital's archive keeps is not among the files of this computer.
    assert window.workbench.preferences.recent == []


def test_a_study_that_is_chosen_with_its_series_comes_once(qtbot, search):
    fill(search.lines, name="Phantom")
    press(search.search)
    found(qtbot, search)
    rows = search.rows
    rows.expandItem(rows.topLevelItem(0))
    qtbot.waitUntil(lambda: "Series 3" in rows.topLevelItem(0).child(0).text(0))
    rows.selectAll()
    assert [(one.series_uid, one.count) for one in search.wanted] == [("", 3)]


def test_a_retrieval_is_stopped(qtbot, search, pacs):
    window = search.parentWidget()
    pacs.gate.clear()
    fill(search.lines, name="Phantom")
    press(search.search)
    found(qtbot, search)
    press(search.retrieve)
    assert search.told.text() == "Retrieving: 0 of 3 images…"
    assert not search.search.isEnabled()
    press(search.stop)
    assert search.search.isEnabled()
    pacs.gate.set()
    settle(qtbot, window)
    assert window.workbench.session.cases == []
    assert search.isVisible()


def test_a_failure_of_the_search_is_told_in_words(qtbot, configured, services, open_window):
    configured(DicomPeer(name="Gone", called_title="X", host="127.0.0.1", port=free_port()))
    dialog = show(qtbot, open_window(), "from_pacs", FindDialog)
    fill(dialog.lines, name="Carter")
    press(dialog.search)
    found(qtbot, dialog)
    assert dialog.told.text().startswith("Nobody listens where “Gone” should be")
    assert "Check host and port" in dialog.told.text()


def test_the_worklist_leads_to_its_studies(qtbot, search):
    search.node.setCurrentIndex(1)
    fill(search.lines, name="Carter")
    assert search.worklist.toolTip() == "A DICOMweb server has no worklist"
    search.node.setCurrentIndex(0)
    press(search.worklist)
    [row] = found(qtbot, search)
    assert (row[0], row[2], row[5]) == ("Carter, Jane", "2026-11-30 10:15", "ROOM1")
    assert [one.study_uid for one in search.wanted] == ["2.25.18001"]


def test_a_missing_password_is_asked_for(qtbot, configured, services, open_window):
    peer = WebPeer(name="Web", url="https://127.0.0.1:1/dicom-web", sign_in="token")
    configured(peer)
    window = open_window()
    dialog = show(qtbot, window, "from_pacs", FindDialog)
    fill(dialog.lines, name="Carter")
    press(dialog.search)
    qtbot.waitUntil(lambda: dialog.findChild(SecretDialog) is not None, timeout=10_000)
    asked = dialog.findChild(SecretDialog)
    assert not asked.use.isEnabled()
    QTest.keyClicks(asked.line, "t0ken")
    press(asked.use)
    qtbot.waitUntil(lambda: "Nobody listens" in dialog.told.text(), timeout=10_000)
    settle(qtbot, window)


# Send and transfers


@pytest.fixture
def archive(configured):
    """A PACS without images, configured before the window opens."""
    pacs = Pacs()
    configured(pacs.peer())
    return pacs


def sent(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog._task is None, timeout=20_000)
    return dialog.told.text()


def test_chosen_objects_arrive_and_the_choice_is_remembered(qtbot, archive, window, opened):
    with archive.listening():
        opened()
        dialog = show(qtbot, window, "send", SendDialog)
        labels = [label.text() for label in dialog.findChildren(type(dialog.told).__mro__[1])]
        assert NOT_SIGNED in labels
        assert SOURCE_NEEDED not in labels
        dialog.boxes["dicom_pdf"].setFocus()
        QTest.keyClick(dialog.boxes["dicom_pdf"], Qt.Key.Key_Space)
        press(dialog.send_button)
        count = len(dialog.kinds)
        said = f"{count} objects were delivered to “Archive”."
        assert sent(qtbot, dialog) == said
        dialog.reject()
        again = show(qtbot, window, "send", SendDialog)
        assert not again.boxes["dicom_pdf"].isChecked()
        assert again.boxes["dicom_seg"].isChecked()
        settle(qtbot, window)
    assert len(archive.stored) == count
    assert {str(each.PatientID) for each in archive.stored} == {"PHANTOM-17"}
    assert {str(each.StudyInstanceUID) for each in archive.stored} == {"2.25.17001"}
    assert "SEG" in {each.Modality for each in archive.stored}


def test_nothing_chosen_is_not_sent(qtbot, archive, window, opened):
    opened()
    dialog = show(qtbot, window, "send", SendDialog)
    for box in dialog.boxes.values():
        box.setChecked(False)
    assert not dialog.send_button.isEnabled()
    assert dialog.send_button.toolTip() == "Choose at least one object"
    settle(qtbot, window)


def test_a_picture_without_a_patient_asks_first_and_goes_along(qtbot, archive, window, opened):
    with archive.listening():
        opened("picture")
        dialog = show(qtbot, window, "send", SendDialog)
        press(dialog.send_button)
        asked = window.findChild(DicomPatientDialog)
        fill(asked.lines, identifier="P-17", family="Doe", given="Jane")
        press(asked.keep)
        qtbot.waitUntil(lambda: dialog._task is not None or archive.stored != [])
        assert "delivered" in sent(qtbot, dialog)
        settle(qtbot, window)
    images = [each for each in archive.stored if each.Modality == "OT" or "PixelData" in each]
    assert {str(each.PatientID) for each in archive.stored} == {"P-17"}
    segmentation = next(each for each in archive.stored if each.Modality == "SEG")
    [series] = segmentation.ReferencedSeriesSequence
    referred = series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    assert referred in {each.SOPInstanceUID for each in images}


def test_what_is_not_delivered_waits_is_shown_and_survives_a_restart(
    qtbot, archive, window, opened, open_window
):
    opened()
    dialog = show(qtbot, window, "send", SendDialog)
    press(dialog.send_button)
    said = sent(qtbot, dialog)
    assert "were not delivered and wait under Transfers. Nobody listens where “Archive”" in said
    dialog.reject()
    qtbot.waitUntil(lambda: window.status.transfers.text().startswith("Transfers: "))
    waiting = window.network.desk.state.waiting_count
    assert window.status.transfers.text() == f"Transfers: {waiting} waiting"
    settle(qtbot, window)
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())

    again = open_window()
    again.start()
    qtbot.waitUntil(lambda: again.status.transfers.text() == f"Transfers: {waiting} waiting")
    press(again.status.transfers)
    transfers = again.findChild(TransfersDialog)
    qtbot.waitUntil(lambda: len(texts(transfers.outbox)) == waiting)
    row = texts(transfers.outbox)[-1]
    assert row[:3] == ["Archive", "Segmentation, series 9701, number 1", "waits to be tried again"]
    assert row[5].startswith("Nobody listens where “Archive” should be")
    with archive.listening():
        transfers.outbox.selectAll()
        assert "Check host and port" in transfers.told.text()
        press(transfers.retry)
        qtbot.waitUntil(lambda: len(archive.stored) == waiting, timeout=10_000)
        qtbot.waitUntil(lambda: texts(transfers.outbox)[0][2] == "delivered", timeout=10_000)
        settle(qtbot, again)
    assert not again.status.transfers.isVisible()
    transfers.outbox.selectAll()
    assert transfers.retry.toolTip() == "What is chosen is delivered"
    press(transfers.remove)
    qtbot.waitUntil(lambda: texts(transfers.outbox) == [])
    assert transfers.told.text() == "Nothing was sent yet."


def test_the_dialog_follows_what_it_sent(qtbot, archive, window, opened):
    opened()
    dialog = show(qtbot, window, "send", SendDialog)
    press(dialog.send_button)
    assert "not delivered" in sent(qtbot, dialog)
    settle(qtbot, window)
    with archive.listening():
        numbers = [each.number for each in window.network.desk.state.deliveries]
        window.network.desk.retry(numbers)
        said = f"{len(numbers)} objects were delivered to “Archive”."
        qtbot.waitUntil(lambda: dialog.told.text() == said, timeout=10_000)
        settle(qtbot, window)


def test_a_refused_object_is_counted_as_failed(qtbot, archive, window, opened):
    archive.status = 0xA900  # data set does not match the SOP class
    with archive.listening():
        opened()
        dialog = show(qtbot, window, "send", SendDialog)
        press(dialog.send_button)
        assert "refused the object" in sent(qtbot, dialog)
        dialog.reject()
        qtbot.waitUntil(lambda: "failed" in window.status.transfers.text())
        settle(qtbot, window)
    assert window.network.desk.state.failed_count == len(window.network.desk.state.deliveries) > 0


def test_retrieved_images_are_deleted_when_that_is_asked_for(qtbot, search, profile):
    window = search.parentWidget()
    fill(search.lines, name="Carter")
    press(search.search)
    found(qtbot, search)
    press(search.retrieve)
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=10_000)
    settle(qtbot, window)
    window.workbench.close_all()
    transfers = show(qtbot, window, "transfers", TransfersDialog)
    transfers.tabs.setCurrentIndex(1)
    press(transfers.delete_fetched)
    qtbot.waitUntil(lambda: transfers.findChild(QMessageBox) is not None)
    box = transfers.findChild(QMessageBox)
    press(next(b for b in box.buttons() if b.text() == "Delete"))
    qtbot.waitUntil(lambda: transfers.told.text() == "The retrieved images were deleted.")
    assert not (profile / "network" / "fetched").exists()
    assert not transfers.delete_fetched.isEnabled()


# What it looks like


@pytest.mark.parametrize("size", [(1284, 691), (902, 486), (683, 384)], ids=str)
@pytest.mark.parametrize(
    ("command", "kind"),
    [("nodes", NodesDialog), ("from_pacs", FindDialog), ("send", SendDialog),
     ("transfers", TransfersDialog)],
)  # fmt: skip
def test_dialogs_fit_small_screens(
    qtbot, configured, services, open_window, tmp_path, size, command, kind
):
    from tests.ui.cut_texts import settled_cut_texts

    configured(Pacs().peer(name="Archive of the hospital"))
    window = open_window()
    window.resize(*size)
    window.workbench.opener.open_paths([KINDS["film"](tmp_path / "film.dcm")])
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=20_000)
    settle(qtbot, window)
    dialog = show(qtbot, window, command, kind)
    settle(qtbot, window)
    QApplication.processEvents()
    assert dialog.width() <= window.width()
    assert dialog.height() <= window.height()
    assert settled_cut_texts(qtbot, dialog) == []
    assert clashing_keys(dialog) == {}
    assert unnamed(dialog) == []
    if hasattr(dialog, "tabs"):
        dialog.tabs.setCurrentIndex(1)
        assert settled_cut_texts(qtbot, dialog) == []
        assert clashing_keys(dialog) == {}
        assert unnamed(dialog) == []
        dialog.tabs.setCurrentIndex(0)
    if kind is NodesDialog:
        press(dialog.add)
        form = dialog.findChild(NodeDialog)
        assert form.height() <= window.height()
        assert settled_cut_texts(qtbot, form) == []


@pytest.mark.parametrize("kind", ["dicom", "dicomweb"])
def test_every_key_of_the_form_presses_one_thing_and_all_is_named(form, kind):
    form.kind.setCurrentIndex(form.kind.findData(kind))
    form.encrypted.setChecked(True)
    form.sign_in.setCurrentIndex(form.sign_in.findData(SignIn.PASSWORD))
    assert clashing_keys(form) == {}
    assert unnamed(form) == []


def test_files_of_certificates_come_into_sight_when_encryption_is_chosen(qtbot, window, form):
    form.resize(form.width(), 300)
    QTest.keyClick(form, Qt.Key.Key_E, ALT)
    last = form.files["key_file"]
    qtbot.waitUntil(lambda: last.visibleRegion().boundingRect() == last.rect())
    assert form.encrypted.hasFocus()


def test_corrections_of_retrieved_images_outlive_them(qtbot, search, profile):
    window = search.parentWidget()
    fill(search.lines, name="Carter")
    press(search.search)
    found(qtbot, search)
    press(search.retrieve)
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=10_000)
    settle(qtbot, window)
    image = window.workbench.current_analysis.image.source_path
    saved = window.workbench.services.save_corrections(window.workbench.current_analysis)
    assert image.is_relative_to(profile / "network" / "fetched")
    assert saved.is_relative_to(profile / "corrections")


def test_a_defect_with_a_received_series_is_met_once_and_listed(
    qtbot, configured, services, open_window, fake, tmp_path
):
    def fails(*_):
        fake.arrived.append(None)
        raise ZeroDivisionError

    built = replace(services, analyse_arrived=fails)
    fake.build = lambda: built
    port = free_port()
    rule = Rule(calling_title="SCANNER")
    configured(receiver=ReceiverSettings(
        is_on=True, address="127.0.0.1", port=port, rules=(rule,), quiet_seconds=0
    ))  # fmt: skip
    window = open_window()
    window.start()
    qtbot.waitUntil(lambda: window.network.desk.state is not None)
    assert window.network.desk.state.is_receiving
    assert _store(KINDS["film"](tmp_path / "sent.dcm"), port, "SCANNER") == 0x0000
    qtbot.waitUntil(lambda: window.status.transfers.text() == "Transfers: 1 failed", timeout=10_000)
    settle(qtbot, window)
    assert fake.arrived == [None]
    transfers = show(qtbot, window, "transfers", TransfersDialog)
    transfers.tabs.setCurrentIndex(1)
    [row] = texts(transfers.inbox)
    assert row[3] == "failed, waits for Retry"
    assert row[5].startswith("The series could not be analysed")


def test_after_signing_sending_is_offered_where_there_is_a_node(qtbot, archive, window, opened):
    opened()
    window.network.desk.refresh()
    qtbot.waitUntil(lambda: window.network.desk.state is not None)
    window.network._offer_sending(window.workbench.readings.shown.reading)
    assert "You can send it to the PACS now." in window.banner.text
    button = next(b for b in window.banner.findChildren(QPushButton) if b.text() == "Send…")
    press(button)
    qtbot.waitUntil(lambda: window.findChild(SendDialog) is not None)
    settle(qtbot, window)
