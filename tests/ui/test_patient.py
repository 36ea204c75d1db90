"""Patient data: shown in the window, hidden at will, and nowhere else unless asked for."""

import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QTextDocument
from PyQt6.QtTest import QTest

from spinealign.domain.comparison import PatientExamination
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.reading import Impression, ReadImage, Reading
from spinealign.domain.report_details import ReportDetails
from spinealign.domain.study import PatientFacts
from spinealign.export.exporters import EXPORTERS
from spinealign.imaging.read import read_image
from spinealign.measure.geometry.comparison import course_of
from spinealign.measure.motion import motion_of
from spinealign.reading.store import IN_USE
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.window.actions import REPORTS
from spinealign.ui.window.crash import crash_report
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import program_services
from spinealign.ui.work.tasks import TaskRunner
from tests import phantoms
from tests.fakes import FakeServices
from tests.image_files import write_dicom

CTRL = Qt.KeyboardModifier.ControlModifier
JANE = PatientFacts(
    name="Doe^Jane", identifier="4711", birth_date="19700203", sex="F", age="054Y",
    study_date="20240506", institution="Clinique générale", series_description="t2 sag",
)  # fmt: skip
SECRETS = ("Doe", "Jane", "4711", "1970", "Clinique")


@pytest.fixture
def jane(qtbot, window, fake, analysed):
    """A window that shows Jane's slice."""
    fake.patients["ct_1.dcm"] = JANE
    analysed()
    qtbot.waitUntil(lambda: bool(window.patient.facts))
    return window


def test_who_the_patient_is_stands_above_the_picture(jane):
    assert jane.patient.isVisible()
    assert jane.patient.words.text() == (
        "Doe, Jane  ·  Born: 1970-02-03  ·  Sex: female  ·  54 years  ·  Patient ID: 4711  ·  "
        "Examined: 2024-05-06"
    )
    assert jane.patient.geometry().bottom() <= jane.pages.geometry().top()


def test_all_that_is_known_can_be_unfolded_and_copied(jane):
    jane.patient.more.click()
    lines = jane.patient.words.text().split("\n")
    assert lines[0] == "Name: Doe, Jane"
    assert {"Series: t2 sag", "Institution: Clinique générale"} <= set(lines)
    flags = jane.patient.words.textInteractionFlags()
    assert flags & Qt.TextInteractionFlag.TextSelectableByMouse
    assert flags & Qt.TextInteractionFlag.TextSelectableByKeyboard
    jane.patient.more.click()
    assert "\n" not in jane.patient.words.text()


def test_text_of_a_file_is_not_read_as_markup(qtbot, window, fake, analysed):
    fake.patients["ct_1.dcm"] = PatientFacts(name="<b>Doe</b>^<img src='x'>")
    analysed()
    qtbot.waitUntil(lambda: bool(window.patient.facts))
    assert window.patient.words.textFormat() is Qt.TextFormat.PlainText
    assert "<b>Doe</b>" in window.patient.words.text()


def test_a_name_from_right_to_left_leaves_the_line_as_it_is(qtbot, window, fake, analysed):
    fake.patients["mr_1.dcm"] = replace(JANE, name="محمد^أحمد")
    analysed("mr_1.dcm")
    qtbot.waitUntil(lambda: bool(window.patient.facts))
    for label in (window.patient.words, window.results.reading.patient):
        assert "محمد, أحمد" in label.text()
        laid_out = QTextDocument(label.text())
        assert laid_out.firstBlock().textDirection() is Qt.LayoutDirection.LeftToRight


def test_a_picture_without_a_patient_has_no_strip(qtbot, jane, analysed):
    analysed("photo_1.png")
    qtbot.waitUntil(lambda: not jane.patient.is_busy)
    assert not jane.patient.isVisible()
    assert jane.patient.words.text() == ""


def test_going_back_brings_the_patient_back(qtbot, jane, analysed):
    case = jane.workbench.current
    analysed("mr_1.nii")
    assert not jane.patient.facts
    jane.workbench.select(case)
    qtbot.waitUntil(lambda: bool(jane.patient.facts))
    jane.workbench.close_all()
    assert not jane.patient.isVisible()
    assert not jane.patient.facts


def test_a_key_hides_and_shows(qtbot, jane):
    QTest.keyClick(jane, Qt.Key.Key_H, CTRL)
    assert not jane.patient.isVisible()
    assert jane.patient.words.text() == jane.patient.words.accessibleName()[9:] == ""
    assert not jane.patient.facts
    QTest.keyClick(jane, Qt.Key.Key_H, CTRL)
    qtbot.waitUntil(lambda: jane.patient.isVisible())


def test_the_button_of_the_strip_hides_and_the_menu_tells(qtbot, jane):
    buttons = [b for b in jane.patient.children() if b is not jane.patient.more]
    next(b for b in buttons if hasattr(b, "click")).click()
    assert not jane.patient.isVisible()
    assert jane.actions_by_name["hide_patient"].isChecked()


def test_hidden_stays_hidden_at_the_next_start_and_nothing_is_read(
    qtbot, fake, open_window, tmp_path, jane, files
):
    QTest.keyClick(jane, Qt.Key.Key_H, CTRL)
    jane.workbench.preferences.save()
    read = []
    fake.patients = type("Watched", (dict,), {"get": lambda _, *key: read.append(key)})()
    second = open_window(SettingsStore(tmp_path / "profile"))
    assert second.workbench.preferences.settings.hide_patient_data
    with qtbot.waitSignal(second.workbench.session.finding_ready):
        second.workbench.opener.open_paths(files("ct_1.dcm"))
    qtbot.waitUntil(lambda: not second.patient.is_busy)
    assert not second.patient.isVisible()
    assert read == []


def test_a_late_answer_about_another_patient_is_dropped(qtbot, tmp_path):
    fake = FakeServices(patients={"a.dcm": JANE}, profile_dir=tmp_path)
    runner = TaskRunner(Messages())
    strip = PatientStrip(fake.build(), runner, is_hidden=False)
    qtbot.addWidget(strip)
    image = phantoms.ct_image(16)
    strip.show_patient_of(_at(image, tmp_path / "a.dcm"))
    strip.show_patient_of(_at(image, tmp_path / "b.dcm"))
    qtbot.waitUntil(lambda: not strip.is_busy)
    assert not strip.facts
    assert strip.is_unnamed


def test_a_file_that_names_nobody_says_so_where_it_is_read(qtbot, window, analysed, fake):
    analysed("film_1.png")
    qtbot.waitUntil(lambda: not window.patient.is_busy)
    shown = window.results.reading.patient
    assert (shown.text(), shown.isVisible()) == ("Patient not named in the file", True)
    window.patient.set_hidden(True)
    assert not shown.isVisible()


def _at(image, path):
    return replace(image, source_path=path)


def test_silence_is_kept_about_the_patient(jane, tmp_path, caplog):
    """Neither title nor list, settings, logs or crash reports hold a word of it."""
    caplog.set_level(logging.DEBUG)
    jane.workbench.preferences.save()
    error = ImageReadError(Path("x"), ReadProblem.NOT_AN_IMAGE, str(JANE))
    shown = [jane.windowTitle(), caplog.text, crash_report(error), repr(jane.patient.facts)]
    shown += [path.read_text() for path in (tmp_path / "profile").iterdir()]
    assert len(shown) >= 6
    for secret in SECRETS:
        assert not any(secret in text for text in shown)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Titles of the questions for a file, each answered."""
    titles = []

    def answer(_parent, title, proposed, _filters):
        titles.append(title)
        return str(tmp_path / Path(proposed).name), ""

    monkeypatch.setattr("spinealign.ui.cases.saving.QFileDialog.getSaveFileName", answer)
    return titles


def _save(qtbot, window, command):
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name[command].trigger()


def test_the_report_names_the_patient_where_the_window_does(qtbot, jane, fake, asked):
    command = jane.actions_by_name["save_report"]
    assert command.text() == "&Report with patient data (PDF)…"
    _save(qtbot, jane, "save_report")
    assert asked == ["Save report with patient data"]
    assert not fake.reports[-1].is_deidentified


def test_the_report_is_silent_where_the_window_is(qtbot, jane, fake, asked):
    QTest.keyClick(jane, Qt.Key.Key_H, CTRL)
    assert jane.actions_by_name["save_report"].text() == "&Report without patient data (PDF)…"
    assert jane.actions_by_name["print"].text() == "Pr&int report without patient data…"
    _save(qtbot, jane, "save_report")
    assert asked == ["Save report without patient data"]
    assert fake.reports[-1].is_deidentified


def test_a_file_without_patient_data_gets_a_plain_report(qtbot, window, analysed, fake, asked):
    analysed("mr_1.nii")
    assert window.actions_by_name["save_report"].text() == "&Report (PDF)…"
    _save(qtbot, window, "save_report")
    assert asked == ["Save report"]
    assert not fake.reports[-1].is_deidentified


@pytest.mark.parametrize("kind", REPORTS)
def test_a_de_identified_report_is_a_command_of_its_own(qtbot, jane, fake, asked, kind):
    _save(qtbot, jane, f"save_deidentified_{kind}")
    assert asked[0].endswith(" without patient data")
    assert fake.reports[-1].is_deidentified
    [(written, path)] = fake.written
    assert written == kind
    assert "deidentified" in path.name
    image = jane.workbench.current_analysis.image  # may be named after the patient
    assert image.source_path.stem not in path.name
    assert path.name.startswith(f"image_{image.sha256[:12]}_")


def _gossip(analysis):
    """Return a reading in whose impression the patient is named."""
    rows, cols = analysis.image.shape
    text = "Jane DOE, born 03.02.1970 (ID 4711): unremarkable."
    image = ReadImage(analysis.image.sha256, cols, rows)
    return Reading(image, analysis.view_name, impression=Impression(text, is_edited=True))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A file with a patient's data, analysed by hand, and all that is exported of it."""
    folder = tmp_path_factory.mktemp("exports")
    path = write_dicom(
        folder / "slice.dcm", np.arange(96 * 96, dtype=np.uint16).reshape(96, 96),
        Modality="CT", RescaleSlope=1, RescaleIntercept=-1024, PatientName="Doe^Jane",
        PatientID="4711", PatientBirthDate="19700203", InstitutionName="Clinique",
        SOPInstanceUID="1.2.3",  # a random one may hold the digits that are looked for
    )  # fmt: skip
    analysis = phantoms.ct_analysis(side=96)
    answer = replace(analysis, image=read_image(path))
    services = program_services(folder / "profile")
    services.write_bundle(answer, folder / "bundle", ReportDetails(reading=_gossip(answer)))
    read = PatientExamination(answer, services.read_patient(answer.image.place))
    assert read.facts.name == "Doe^Jane"
    for kind in ("csv", "pdf"):
        services.write_comparison(read, read, folder / "bundle" / f"comparison.{kind}")
        services.write_course(course_of([read, read]), None, folder / "bundle" / f"course.{kind}")
        services.write_motion(motion_of(read, read), folder / "bundle" / f"motion.{kind}")
    services.save_corrections(answer)
    for kind in REPORTS:
        suffix = EXPORTERS[kind].file_type.suffix
        services.write_report(answer, kind, ReportDetails(), folder / f"named_{kind}{suffix}")
        silent = ReportDetails(reading=_gossip(answer), is_deidentified=True)
        services.write_report(answer, kind, silent, folder / f"silent_{kind}{suffix}")
    return folder


def test_no_exported_file_names_the_patient_by_itself(exported):
    asked_for = {"slice.dcm", *(path.name for path in exported.glob("named_*"))}
    written = [p for p in exported.rglob("*") if p.is_file() and p.name not in asked_for]
    [mark] = [path for path in written if path.name == IN_USE]
    assert mark.read_bytes() == b""
    written.remove(mark)
    assert {".pdf", ".html", ".json", ".png", ".csv"} == {path.suffix for path in written}
    assert {"slice.dcm.spinealign.json", "analysis.json"} <= {path.name for path in written}
    silent = [path for path in written if path.name.startswith("silent_report")]
    silent.append(exported / "bundle" / "report.pdf")
    assert len(silent) == 3
    assert all("[left out] [left out], born [left out]" in _text_of(path) for path in silent)
    for path in written:
        content = _text_of(path)
        assert "DOE" not in content
        assert not any(secret in content for secret in SECRETS[:2] + SECRETS[4:]), path.name
        assert "1970-02-03" not in content
        assert "19700203" not in content


@pytest.mark.parametrize("name", ["named_report.pdf", "named_report_html.html"])
def test_the_named_report_names_the_patient(exported, name):
    content = _text_of(exported / name)
    for words in ("Doe, Jane", "4711", "1970-02-03", "Clinique"):
        assert words in content


def _text_of(path):
    """All words of a file, of a PDF those on its pages and in its metadata."""
    if path.suffix != ".pdf":
        content = path.read_bytes().decode("latin-1")
        return re.sub(r"data:image/jpeg;base64,[^\"]*", "", content)
    from pypdf import PdfReader

    reader = PdfReader(path)
    return f"{reader.metadata} " + " ".join(page.extract_text() for page in reader.pages)
