"""Readings and outlines through DICOM objects in the window: written, and taken back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog

from spinealign.dicom.codes import STATUS_VALUES
from spinealign.dicom.report_file import read_report
from spinealign.dicom.restoring import outlined_by, restored, with_restored
from spinealign.dicom.segmentation import segmentation_bytes
from spinealign.dicom.segmentation_file import read_segmentation
from spinealign.dicom.source import source_of
from spinealign.domain.findings import Step
from spinealign.domain.measurements import DrawingTool
from spinealign.domain.reading import Decision, NumberValue
from spinealign.imaging.readers import read_part
from spinealign.measure.correction.changes import add_drawing
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.measure.outlines.class_ids import class_id
from spinealign.ui.work.services import program_services
from tests.dicom_objects import KINDS, film_analysis, mr_analysis
from tests.dicom_reports import dsrdump
from tests.fakes import part_of
from tests.phantoms_alignment import box, by_network
from tests.ui.hands import at_rest

DRAWN = [(10.25, 12.5), (44.0, 61.125)]


LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7")


def neck(image):
    """Return made-up bodies C2 to C7 of a film, with a class of the mask for each."""
    found = film_analysis(image)
    mask, classes, boxes = np.zeros(image.shape, np.uint8), {}, []
    for number, level in enumerate(LEVELS):
        left, top, value = 30 + 2 * number, 6 + 18 * number, class_id(level, number + 1)
        boxes.append(box(level, left, top, 24, 12))
        mask[top : top + 12, left : left + 24] = value
        classes[value] = level
    outlined = replace(found.segmentation, mask=mask, classes=classes)
    return replace(found, vertebrae=by_network(*boxes), segmentation=outlined)


def made(image):
    """Return an analysis with the measures of its bodies."""
    found = mr_analysis(image) if image.modality == "MR" else neck(image)
    start = initial_corrections(found)
    bent = apply_corrections(found, replace(start, is_bent=True))
    return replace(found, measurements=bent.measurements)


def analyse(source, _models, _examination, _companion, _demonstration, _presentation_of):
    image = read_part(part_of(source))
    yield Step("Reading the image", 0.1, image)
    return made(image)


def analyse_outlined(source, _models, _examination, _companion, _demonstration, path, choices):
    image = read_part(part_of(source))
    yield Step("Reading the image", 0.1, image)
    file, found = read_segmentation(path), made(image)
    found = replace(found, segmentation=outlined_by(file, choices)(image, found.segmentation))
    return with_restored(found, restored(found, file, source_of(image, choices)))


@pytest.fixture
def window(open_window, fake, tmp_path):
    real = program_services(tmp_path / "profile")
    services = replace(
        fake.build(),
        analyse=analyse,
        analyse_outlined=analyse_outlined,
        scan=real.scan,
        read_slices=real.read_slices,
        read_patient=real.read_patient,
        write_report=real.write_report,
        restore=real.restore,
        described_images=real.described_images,
    )
    fake.build = lambda: services
    return open_window()


def rest(qtbot, window):
    bench = window.workbench
    qtbot.waitUntil(
        lambda: (
            not (bench.records.is_busy or bench.readings.is_saving or bench.files.is_busy)
            and at_rest(window)
        ),
        timeout=20_000,
    )


@pytest.fixture
def opened(qtbot, window, tmp_path):
    def run(name):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = KINDS[name](folder / "image.dcm")
        window.workbench.opener.open_paths([path])
        qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=20_000)
        rest(qtbot, window)
        window.activateWindow()
        return path

    return run


def measures(window) -> list[str]:
    """Return keys of measures that have a value and a row of their own."""
    read = window.workbench.readings.shown.read
    keys = [row.key for row in window.results.reading.findings.rows]
    return [key for key in keys if key in read and isinstance(read[key].finding.value, NumberValue)]


def decide(qtbot, window, key, pressed):
    """Click a finding, and press the key of a decision."""
    row = window.results.reading.findings.row(key)
    QTest.mouseClick(row.title, Qt.MouseButton.LeftButton)
    QTest.keyClick(QApplication.focusWidget() or window, pressed)
    rest(qtbot, window)


def exported(qtbot, window, monkeypatch, path, name="save_dicom_sr"):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    window.actions_by_name[name].trigger()
    qtbot.waitUntil(lambda: path.exists() and not window.workbench.files.is_busy)
    return path


def take(qtbot, window, monkeypatch, path):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    window.actions_by_name["open_segmentation"].trigger()
    rest(qtbot, window)


def observers(path) -> list[str]:
    return [
        item.ConceptCodeSequence[0].CodeMeaning
        for item in dcmread(path).ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Observer Type"
    ]


def statuses(path, image) -> dict[str, str]:
    told = {(t.scheme, t.value): decision for decision, t in STATUS_VALUES.items()}
    items = read_report(path).items_on(source_of(image))
    return {item.key: told[item.status.scheme, item.status.value] for item in items if item.status}


@pytest.fixture
def decided(qtbot, window, opened, monkeypatch, tmp_path):
    """A film of which one measure is accepted and one rejected by keys, and its report."""
    path = opened("film")
    window.workbench.preferences.choose(reader_name="A. Reader")
    accepted, rejected = measures(window)[:2]
    decide(qtbot, window, accepted, Qt.Key.Key_A)
    decide(qtbot, window, rejected, Qt.Key.Key_R)
    report = exported(qtbot, window, monkeypatch, tmp_path / "report.dcm")
    return path, report, accepted, rejected


def test_accepted_and_rejected_values_are_told_apart_in_the_report(window, decided):
    _, report, accepted, rejected = decided
    said = statuses(report, window.workbench.current_analysis.image)
    assert said[accepted] is Decision.ACCEPTED
    assert said[rejected] is Decision.REJECTED
    others = {key for key in said if key not in (accepted, rejected)}
    assert others
    assert {said[key] for key in others} == {Decision.UNDECIDED}
    # The person read it, and the device measured it.
    assert observers(report)[-1] == "Device"
    numbers = [
        item
        for item in read_report(report).items_on(source_of(window.workbench.current_analysis.image))
        if item.number is not None
    ]
    assert accepted in {item.key for item in numbers}
    assert rejected not in {item.key for item in numbers}
    assert all(any("sha256=" in one for one in item.parameters) for item in numbers)


def test_a_report_is_opened_back_and_can_be_undone(qtbot, window, decided, opened, monkeypatch):
    _, report, accepted, rejected = decided
    bench = window.workbench
    for _ in range(2):
        window.actions_by_name["undo"].trigger()
        rest(qtbot, window)
    assert bench.readings.shown.reading.decisions == ()
    take(qtbot, window, monkeypatch, report)
    qtbot.waitUntil(lambda: len(bench.readings.shown.reading.decisions) == 2, timeout=10_000)
    made = {one.key: one.decision for one in bench.readings.shown.reading.decisions}
    assert made == {accepted: Decision.ACCEPTED, rejected: Decision.REJECTED}
    assert "2 decisions" in window.banner.text
    window.actions_by_name["undo"].trigger()
    rest(qtbot, window)
    assert bench.readings.shown.reading.decisions == ()


def test_what_was_decided_here_stays(qtbot, window, decided, monkeypatch):
    _, report, accepted, _ = decided
    decide(qtbot, window, accepted, Qt.Key.Key_R)
    take(qtbot, window, monkeypatch, report)
    qtbot.waitUntil(lambda: "stay as they are" in window.banner.text)
    made = {one.key: one.decision for one in window.workbench.readings.shown.reading.decisions}
    assert made[accepted] is Decision.REJECTED


def test_a_report_dropped_beside_its_image_brings_its_drawings(qtbot, window, opened, tmp_path):
    from spinealign.domain.report_details import ReportDetails
    from spinealign.export.exporters import EXPORTERS

    path = KINDS["film"](tmp_path / "image.dcm")
    analysis = made(read_part(part_of(path)))
    wanted = add_drawing(initial_corrections(analysis), DrawingTool.DISTANCE, DRAWN)
    report = tmp_path / "report.dcm"
    drawn = apply_corrections(analysis, wanted)
    report.write_bytes(EXPORTERS["dicom_sr"].write(drawn, ReportDetails()))
    window.workbench.opener.open_paths([report])
    qtbot.waitUntil(lambda: window.workbench.current_analysis is not None, timeout=20_000)

    def points():
        corrections = window.workbench.current_analysis.corrections
        return [] if corrections is None else [one.points for one in corrections.drawings]

    qtbot.waitUntil(lambda: points() != [], timeout=20_000)
    np.testing.assert_allclose(points()[0], DRAWN, atol=1e-3)
    rest(qtbot, window)
    assert "1 drawing" in window.banner.text


@pytest.mark.parametrize("change", ["image", "patient"])
def test_a_report_of_another_is_refused_in_one_sentence(
    qtbot, window, decided, opened, monkeypatch, change
):
    _, report, *_ = decided
    if change == "patient":
        dataset = dcmread(report)
        dataset.PatientID, dataset.PatientName = "ZZ", "Other^Person"
        dataset.save_as(report)
        words = "names another patient"
    else:
        opened("film on its head")
        words = "speaks of another image"
    before = window.workbench.readings.shown.reading
    take(qtbot, window, monkeypatch, report)
    qtbot.waitUntil(lambda: words in window.banner.text)
    assert window.workbench.readings.shown.reading.decisions == before.decisions


def test_another_file_is_told_to_be_neither(qtbot, window, opened, monkeypatch):
    path = opened("film")
    take(qtbot, window, monkeypatch, path)
    qtbot.waitUntil(lambda: "neither a DICOM segmentation nor" in window.banner.text)


def foreign_segmentation(path, folder):
    """Write a segmentation as another program does: discs and canal elsewhere, no points."""
    analysis = made(read_part(part_of(path)))
    mask = analysis.segmentation.mask.copy()
    mask[mask == 2] = 0
    mask[43:47, 34:55] = 2
    mask[mask == 3] = 0
    mask[10:90, 67:75] = 3
    other = replace(analysis, segmentation=replace(analysis.segmentation, mask=mask))
    target = folder / "foreign.dcm"
    target.write_bytes(segmentation_bytes(other, source_of(analysis.image)))
    dataset = dcmread(target)
    dataset.remove_private_tags()
    dataset.save_as(target)
    return target, mask


def test_discs_and_canal_of_another_program_are_taken_on_mr(
    qtbot, window, opened, monkeypatch, tmp_path
):
    path = opened("slice")
    bench = window.workbench
    before = bench.current_analysis.segmentation.mask
    seg, mask = foreign_segmentation(path, tmp_path)
    take(qtbot, window, monkeypatch, seg)
    qtbot.waitUntil(
        lambda: np.array_equal(bench.current_analysis.segmentation.mask, mask), timeout=20_000
    )
    assert not np.array_equal(before, mask)
    assert "bodies, discs and canal of “foreign.dcm”" in window.banner.text
    rest(qtbot, window)
    window.actions_by_name["again"].trigger()
    qtbot.waitUntil(
        lambda: np.array_equal(bench.current_analysis.segmentation.mask, before), timeout=20_000
    )


def test_the_report_of_a_window_is_read_by_other_programs(window, decided):
    _, report, *_ = decided
    printed, warned = dsrdump(report)
    assert "Rejected" in printed or "rejected" in printed
    assert [one for one in warned if "Character Set" not in one] == []
