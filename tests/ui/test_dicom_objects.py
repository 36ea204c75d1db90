"""DICOM objects in the window: saved, with the patient asked for first, and opened back."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog

from spinealign.dicom.segmentation import segmentation_bytes
from spinealign.dicom.source import source_of
from spinealign.domain.findings import Step
from spinealign.domain.report_details import ReportDetails
from spinealign.imaging.readers import read_part
from spinealign.measure.correction.changes import move_landmark
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.ui.window.dicom_patient_dialog import DicomPatientDialog
from spinealign.ui.work.services import program_services
from tests.dicom_objects import KINDS, PATIENT, film_analysis
from tests.fakes import part_of
from tests.ui.hands import at_rest


def _analyse(source, _models, _examination, _companion, _demonstration, _presentation_of):
    image = read_part(part_of(source))
    yield Step("Reading the image", 0.1, image)
    return film_analysis(image)


@pytest.fixture
def window(open_window, fake, tmp_path):
    """A window that reads real files, and knows what is on them without a network."""
    real = program_services(tmp_path / "profile")
    services = replace(
        fake.build(),
        analyse=_analyse,
        scan=real.scan,
        read_slices=real.read_slices,
        read_patient=real.read_patient,
        write_report=real.write_report,
        restore=real.restore,
        described_images=real.described_images,
    )
    fake.build = lambda: services
    return open_window()


@pytest.fixture
def opened(qtbot, window, tmp_path):
    """Return a function that opens an image of a kind and waits for its result."""

    def run(name):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = KINDS[name](folder / "image.dcm")
        window.workbench.opener.open_paths([path])
        qtbot.waitUntil(lambda: window.workbench.current_analysis is not None)
        qtbot.waitUntil(lambda: at_rest(window))
        return path

    return run


@pytest.fixture
def target(tmp_path, monkeypatch):
    """Where the dialog for a file says to."""
    path = tmp_path / "saved.dcm"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    return path


def trigger(window, name):
    action = window.actions_by_name[name]
    assert action.isEnabled(), action.toolTip()
    action.trigger()


def written(qtbot, window, path):
    qtbot.waitUntil(lambda: path.exists() and not window.workbench.files.is_busy)
    return dcmread(path)


def type_into(dialog, **texts):
    for name, text in texts.items():
        dialog.lines[name].clear()
        QTest.keyClicks(dialog.lines[name], text)


@pytest.mark.parametrize("kind", ["dicom_seg", "dicom_sr", "dicom_pr", "dicom_sc", "dicom_pdf"])
def test_an_object_of_a_dicom_image_is_saved_at_once(qtbot, window, opened, target, kind):
    opened("film")
    trigger(window, f"save_{kind}")
    assert written(qtbot, window, target).PatientID == "PHANTOM-17"
    assert not window.findChildren(DicomPatientDialog)
    assert not window.actions_by_name["dicom_patient"].isEnabled()
    assert not window.actions_by_name["save_dicom_source"].isEnabled()


def test_the_patient_of_a_picture_is_asked_for_once(qtbot, window, opened, target):
    opened("picture")
    trigger(window, "save_dicom_seg")
    dialog = window.findChild(DicomPatientDialog)
    assert not dialog.keep.isEnabled()
    assert "patient ID" in dialog.keep.toolTip()
    type_into(dialog, identifier="P-17", family="Doe", given="Jane", birth_date="1970-13-01")
    assert not dialog.keep.isEnabled()
    type_into(dialog, birth_date="1970-01-02", study_date="2026-11-28")
    dialog.sex.setCurrentIndex(1)
    QTest.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
    seg = written(qtbot, window, target)
    assert (seg.PatientID, seg.PatientName, seg.PatientSex) == ("P-17", "Doe^Jane", "F")
    assert (seg.PatientBirthDate, seg.StudyDate) == ("19700102", "20261128")
    qtbot.waitUntil(lambda: window.findChild(DicomPatientDialog) is None)
    target.unlink()
    trigger(window, "save_dicom_source")
    image = written(qtbot, window, target)
    (series,) = seg.ReferencedSeriesSequence
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID


def test_nothing_is_written_where_the_question_is_refused(qtbot, window, opened, target):
    opened("picture")
    trigger(window, "save_dicom_seg")
    dialog = window.findChild(DicomPatientDialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(DicomPatientDialog) is None)
    assert not target.exists()


def test_what_was_filled_in_can_be_changed(qtbot, window, opened):
    opened("picture")
    dialog = DicomPatientDialog(PATIENT, window)
    qtbot.addWidget(dialog)
    assert dialog.patient == PATIENT
    assert dialog.keep.isEnabled()


def test_nothing_of_the_patient_is_kept_on_the_disk(qtbot, window, opened, target, tmp_path):
    opened("picture")
    trigger(window, "dicom_patient")
    dialog = window.findChild(DicomPatientDialog)
    type_into(dialog, identifier="SECRET-17", family="Hidden")
    QTest.mouseClick(dialog.keep, Qt.MouseButton.LeftButton)
    window.workbench.preferences.save()
    for path in (tmp_path / "profile").rglob("*"):
        assert not path.is_file() or b"SECRET-17" not in path.read_bytes()


def test_settings_decide_on_root_and_label_map(qtbot, window, opened, target):
    opened("film")
    preferences = window.workbench.preferences
    preferences.choose(dicom_uid_root="1.2.840.99", dicom_label_map=True)
    trigger(window, "save_dicom_seg")
    seg = written(qtbot, window, target)
    assert seg.SOPInstanceUID.startswith("1.2.840.99.")
    assert seg.SegmentationType == "LABELMAP"


def segmentation_beside(path, change=lambda analysis: analysis):
    """Write a segmentation of an image into its folder."""
    from spinealign.domain.image import ImagePart

    analysis = change(film_analysis(read_part(ImagePart(path))))
    target = path.with_name("seg.dcm")
    target.write_bytes(segmentation_bytes(analysis, source_of(analysis.image)))
    return target


def moved(analysis):
    wanted = initial_corrections(analysis)
    mark = analysis.vertebrae[0].landmarks[0]
    return apply_corrections(analysis, move_landmark(wanted, 1, mark.name, mark.x + 3, mark.y + 2))


def first_mark(window):
    mark = window.workbench.current_analysis.vertebrae[0].landmarks[0]
    return mark.x, mark.y


def test_a_segmentation_is_taken_over_and_can_be_undone(qtbot, window, opened, monkeypatch):
    path = opened("film")
    seg = segmentation_beside(path, moved)
    x, y = first_mark(window)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(seg), ""))
    trigger(window, "open_segmentation")
    qtbot.waitUntil(lambda: first_mark(window) == (x + 3, y + 2))
    assert "seg.dcm" in window.banner.text
    trigger(window, "undo")
    assert first_mark(window) == (x, y)


def test_a_segmentation_of_another_image_is_refused_in_words(
    qtbot, window, opened, monkeypatch, tmp_path
):
    other = KINDS["film on its head"](tmp_path / "other.dcm")
    seg = segmentation_beside(other)
    opened("film")
    before = window.workbench.current_analysis.vertebrae
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(seg), ""))
    trigger(window, "open_segmentation")
    qtbot.waitUntil(lambda: "made of another image" in window.banner.text)
    assert window.workbench.current_analysis.vertebrae == before


def test_a_segmentation_that_is_dropped_goes_to_its_open_case(qtbot, window, opened):
    path = opened("film")
    seg = segmentation_beside(path, moved)
    x, y = first_mark(window)
    opened("film on its side")
    window.workbench.opener.open_paths([seg])
    qtbot.waitUntil(lambda: window.workbench.current.path == path)
    qtbot.waitUntil(lambda: first_mark(window) == (x + 3, y + 2))
    assert len(window.workbench.session.cases) == 2


def test_the_image_of_a_segmentation_is_opened_from_its_folder(qtbot, window, tmp_path):
    path = KINDS["film"](tmp_path / "image.dcm")
    (tmp_path / "notes.txt").write_text("no image")
    plain = film_analysis(read_part(part_of(path)))
    mark = plain.vertebrae[0].landmarks[0]
    window.workbench.opener.open_paths([segmentation_beside(path, moved)])
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None)
    qtbot.waitUntil(lambda: first_mark(window) == (mark.x + 3, mark.y + 2))
    assert [case.path for case in window.workbench.session.cases] == [path]


def test_a_segmentation_alone_is_told_for_what_it_is(qtbot, window, tmp_path):
    path = KINDS["film"](tmp_path / "image.dcm")
    seg = segmentation_beside(path)
    path.unlink()
    window.workbench.opener.open_paths([seg])
    qtbot.waitUntil(lambda: "is a DICOM segmentation" in window.banner.text)
    assert not window.workbench.session.cases


def test_masks_of_another_program_are_told_to_be_checked(qtbot, window, opened, monkeypatch):
    path = opened("film")
    seg = segmentation_beside(path)
    dataset = dcmread(seg)
    dataset.remove_private_tags()
    dataset.save_as(seg)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(seg), ""))
    trigger(window, "open_segmentation")
    qtbot.waitUntil(lambda: "Check the corners" in window.banner.text)
    found = window.workbench.current_analysis
    assert [body.level for body in found.vertebrae] == ["C3", "C4"]
    original = film_analysis(read_part(part_of(path))).segmentation.mask
    assert np.mean(found.segmentation.mask != original) < 0.02


@pytest.mark.parametrize(("description", "title"), [("C-Spine lateral", "C-Spine lateral"),
                                                    ("", "DX, series 3")])  # fmt: skip
def test_what_came_from_a_node_is_called_as_its_series(qtbot, window, tmp_path, description, title):
    folder = tmp_path / "fetched" / "0123456789abcdef"
    folder.mkdir(parents=True)
    path = KINDS["film"](folder / "fedcba9876543210.dcm")
    dataset = dcmread(path)
    dataset.SeriesDescription = description
    dataset.save_as(path)
    window.workbench.opener.open_private([folder])
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None)
    qtbot.waitUntil(lambda: at_rest(window))
    assert window.workbench.current.title == title
    assert window.navigation.title == title
    assert window.windowTitle().startswith(title)


def test_a_picture_of_own_results_is_no_case(qtbot, window, opened, tmp_path):
    from spinealign.export.exporters import EXPORTERS

    opened("film")
    analysis = window.workbench.current_analysis
    picture = tmp_path / "overlay.dcm"
    picture.write_bytes(EXPORTERS["dicom_sc"].write(analysis, ReportDetails()))
    window.workbench.opener.open_paths([picture])
    qtbot.waitUntil(lambda: "picture of results of SpineAlign" in window.banner.text)
    assert len(window.workbench.session.cases) == 1
