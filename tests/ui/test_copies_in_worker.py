"""Copies without the patient are read and written by the worker: a file that ends it is one row."""

import signal
import time

import numpy as np
import pytest
from pydicom import dcmread
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest

from spinealign.deidentification.options import Options
from spinealign.deidentification.steps import Begun
from spinealign.domain.errors import DeidentificationProblem
from spinealign.domain.findings import Step
from spinealign.domain.generators import run_to_end
from spinealign.domain.worker import WorkerError, WorkerProblem
from spinealign.ui.deidentify.dialog import DeidentifyDialog
from spinealign.ui.deidentify.jobs import deidentify
from spinealign.ui.work.worker_start import ADMITTED
from spinealign.worker.client import Worker
from tests.image_files import write_dicom
from tests.ui import worker_faults

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="ends processes by signal")

OPTIONS = Options(retain_device=True)


def here(function, *arguments):
    return function(*arguments)


@pytest.fixture
def worker():
    found = Worker(("spinealign.deidentification.run",), cancel_s=0.5, admitted=ADMITTED)
    yield found
    found.close()


@pytest.fixture
def images(tmp_path):
    """Five slices of one patient; only the first one says who referred her."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(5):
        referred = {} if number else {"ReferringPhysicianName": "Osterloh^Kim"}
        write_dicom(
            folder / f"{number}.dcm", np.full((32, 32), 90 + number, np.uint16),
            PatientName="Miller^Anna", PatientID="M-17", StudyInstanceUID="2.25.1",
            SeriesInstanceUID="2.25.2", SOPInstanceUID=f"2.25.3{number}", Modality="MR",
            Manufacturer="Coils for Osterloh, and the neck", **referred,
        )  # fmt: skip
    return folder


def copied(away, images, out, profile):
    profile.mkdir(exist_ok=True)
    return run_to_end(deidentify(away, [images], out, OPTIONS, profile, {}))


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.dcm")}


def test_the_worker_writes_the_same_copies_and_the_same_report(worker, images, tmp_path):
    reports = []
    for name, away in (("there", worker.stream), ("here", here)):
        reports.append(copied(away, images, tmp_path / name, tmp_path / "profile"))
    assert reports[0].file == reports[1].file
    assert reports[0].written == 5
    for name in ("deidentification.json", "deidentification.txt"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(contents(tmp_path / "here")) == 5


@pytest.mark.parametrize("step", ["reading", "writing"])
def test_a_file_that_ends_the_worker_is_one_row_and_all_others_are_copied(
    worker, images, tmp_path, step
):
    whole = copied(here, images, tmp_path / "whole", tmp_path / "profile")
    worker.call(worker_faults.end_at, step, "2.dcm")
    told = []

    def away(function, *arguments):
        told.append(len(arguments[-1]))
        if len(told) > 1:
            worker.call(worker_faults.end_at, step, "2.dcm")
        return worker.stream(function, *arguments)

    report = copied(away, images, tmp_path / "copies", tmp_path / "profile")
    [failure] = report.failures
    assert failure.path == images / "2.dcm"
    assert failure.problem is DeidentificationProblem.CRASHED
    assert failure.detail == "signal 11"
    # The file is not opened a second time, and what was copied is not written a second time.
    assert told == [0, 1 if step == "reading" else 3]
    outcomes = [(each.number, bool(each.written), each.problem) for each in report.file.files]
    assert outcomes == [
        (number, number != 3, "crashed" if number == 3 else "") for number in range(1, 6)
    ]
    written = contents(tmp_path / "copies")
    lost = whole.file.files[2].written
    expected = contents(tmp_path / "whole")
    assert written == {path: each for path, each in expected.items() if path.as_posix() != lost}
    assert len(written) == 4


def test_who_is_named_in_a_file_that_was_copied_is_looked_for_after_a_crash(
    worker, images, tmp_path
):
    worker.call(worker_faults.end_at, "writing", "2.dcm")
    copied(worker.stream, images, tmp_path / "copies", tmp_path / "profile")
    written = contents(tmp_path / "copies")
    said = [dcmread(tmp_path / "copies" / path).Manufacturer for path in written]
    assert said == ["Coils for , and the neck"] * 4


def test_two_files_of_one_identifier_stay_told_apart_after_a_crash(worker, images, tmp_path):
    twin = write_dicom(
        images / "4.dcm", np.full((32, 32), 7, np.uint16), PatientName="Miller^Anna",
        PatientID="M-17", StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2",
        SOPInstanceUID="2.25.30", Modality="MR",
    )  # fmt: skip
    worker.call(worker_faults.end_at, "writing", "2.dcm")
    report = copied(worker.stream, images, tmp_path / "copies", tmp_path / "profile")
    assert {each.path.name: each.problem.value for each in report.failures} == {
        "2.dcm": "crashed", twin.name if twin else "4.dcm": "same_instance",
    }  # fmt: skip


def test_a_file_that_takes_too_long_is_one_row(images, tmp_path):
    worker = Worker(
        ("spinealign.deidentification.run", "tests.ui.worker_faults"),
        step_limit_s=5.0, cancel_s=0.5, admitted=ADMITTED,
    )  # fmt: skip
    try:
        worker.call(worker_faults.end_at, "hanging", "1.dcm")
        report = copied(worker.stream, images, tmp_path / "copies", tmp_path / "profile")
    finally:
        worker.close()
    [failure] = report.failures
    assert (failure.path.name, failure.problem) == ("1.dcm", DeidentificationProblem.TOO_LONG)
    assert failure.detail == "5 s"
    assert report.written == 4


def test_a_file_that_needs_too_much_memory_is_one_row(worker, images, tmp_path):
    worker.call(worker_faults.end_at, "memory", "1.dcm")
    report = copied(worker.stream, images, tmp_path / "copies", tmp_path / "profile")
    [failure] = report.failures
    assert (failure.path.name, failure.problem) == ("1.dcm", DeidentificationProblem.TOO_LARGE)
    assert report.written == 4


def test_a_worker_that_does_not_start_is_told_and_no_file_is_blamed(images, tmp_path):
    def away(*_):
        raise WorkerError(WorkerProblem.NO_START)
        yield

    with pytest.raises(WorkerError):
        copied(away, images, tmp_path / "copies", tmp_path / "profile")
    assert not (tmp_path / "copies").exists()


def test_a_process_that_ends_again_and_again_ends_the_copies(images, tmp_path):
    asked = []

    def away(_function, *_):
        asked.append(1)
        step = Step("", 0.1)
        yield Begun(images / "1.dcm", 2, step)
        raise WorkerError(WorkerProblem.ENDED, -9)

    with pytest.raises(WorkerError):
        copied(away, images, tmp_path / "copies", tmp_path / "profile")
    assert len(asked) == 2


def test_stopping_ends_what_hangs_and_keeps_what_was_copied(worker, images, tmp_path):
    worker.call(worker_faults.end_at, "hanging", "3.dcm")
    (tmp_path / "profile").mkdir()
    work = deidentify(
        worker.stream, [images], tmp_path / "copies", OPTIONS, tmp_path / "profile", {}
    )
    for _ in range(9):  # five are read, and the fourth of five is about to be written
        next(work)
    began = time.monotonic()
    work.close()
    assert time.monotonic() - began < 5
    assert len(contents(tmp_path / "copies")) == 3


def test_the_window_names_the_file_and_goes_on(fake, worker, open_window, images, tmp_path, qtbot):
    from dataclasses import replace

    build = fake.build
    fake.build = lambda: replace(build(), away=worker.stream)
    window = open_window()
    window.actions_by_name["deidentify"].trigger()
    dialog = window.findChild(DeidentifyDialog)
    dialog.add([images])
    dialog.choices.target.setText(str(tmp_path / "copies"))
    QTest.mouseClick(dialog.go_on, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1, timeout=60_000)
    worker.call(worker_faults.end_at, "writing", "2.dcm")
    QTest.mouseClick(dialog.go_on, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 2, timeout=60_000)
    said = dialog.report.toPlainText()
    assert "4 files written" in said
    assert "1 file left out" in said
    assert "“2.dcm” made the process that reads files end (signal 11)" in said
    dialog.close()
