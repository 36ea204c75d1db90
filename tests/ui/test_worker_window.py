"""A window whose worker process crashes or hangs goes on with all other cases."""

import signal
from dataclasses import replace

import pytest
from PyQt6.QtWidgets import QApplication, QLabel

from spinealign.domain.paths import resources_dir
from spinealign.ui.app import WorkerNotices
from spinealign.ui.cases.case import CaseStatus
from spinealign.ui.window.crash import CrashDialog
from spinealign.ui.window.main_window import MainWindow
from spinealign.ui.work.remote_services import remote_services
from spinealign.ui.work.worker_start import ADMITTED
from spinealign.wording.worker import REPLACED
from spinealign.worker.client import Worker
from tests.ui import worker_faults

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="ends processes by signal")

SAMPLE = resources_dir() / "samples" / "ct_axial" / "CT_small.dcm"


@pytest.fixture
def worker():
    found = Worker(("tests.ui.worker_faults",), cancel_s=0.5, admitted=ADMITTED)
    yield found
    found.close()


@pytest.fixture
def bench(fake, worker, open_window, tmp_path):
    """The workbench of a window that reads and analyses in a worker."""
    far, build = remote_services(worker, tmp_path / "profile"), fake.build
    fake.build = lambda: replace(build(), analyse=far.analyse, scan=far.scan)
    worker.call(worker_faults.install)
    window = open_window()
    WorkerNotices(worker, window.workbench.messages, window)
    yield window.workbench
    for dialog in window.findChildren(CrashDialog):
        dialog.close()
    worker.on_replaced = lambda: None


def opened(bench, qtbot, tmp_path, name):
    """Return the case of a file that was just opened."""
    path = tmp_path / name
    path.write_bytes(SAMPLE.read_bytes())
    count = len(bench.session.cases)
    bench.opener.open_paths([path])
    qtbot.waitUntil(lambda: len(bench.session.cases) > count)
    return bench.session.cases[-1]


def bench_window(bench):
    [window] = [each for each in QApplication.topLevelWidgets() if isinstance(each, MainWindow)]
    assert window.workbench is bench
    return window


def finished(qtbot, case):
    qtbot.waitUntil(lambda: case.status is CaseStatus.DONE, timeout=30_000)


def test_a_crash_in_the_middle_of_reading_costs_one_case(bench, worker, qtbot, tmp_path):
    told = []
    bench.messages.failed.connect(lambda message, _case: told.append(message.sentence))
    before = worker.pid
    first = opened(bench, qtbot, tmp_path, "good.dcm")
    finished(qtbot, first)
    broken = opened(bench, qtbot, tmp_path, "kills.dcm")
    qtbot.waitUntil(lambda: broken.status is CaseStatus.FAILED, timeout=30_000)
    assert "signal 11 while reading the image" in str(broken.message)
    # Where the picture would be too: the page of the result may lie behind another one.
    assert broken.message.sentence in bench_window(bench).viewer._placeholder
    [dialog] = bench_window(bench).findChildren(CrashDialog)
    report, [said, *_] = dialog.report, [label.text() for label in dialog.findChildren(QLabel)]
    assert ("_decode" in report, "kills" in report) == (True, False)
    assert "ended by signal 11 while reading the image" in report
    assert said.startswith(broken.message.sentence)
    assert said.endswith(broken.message.advice)
    assert worker.call(worker_faults.install) != before
    last = opened(bench, qtbot, tmp_path, "good too.dcm")
    finished(qtbot, last)
    assert (first.status, broken.finding, last.finding is None) == (CaseStatus.DONE, None, False)


def is_reading(case):
    return case.progress is not None and case.progress.name == "Reading the image"


def test_what_does_not_stop_leaves_the_queue_at_once(bench, worker, qtbot, tmp_path):
    told = []
    bench.messages.told.connect(told.append)
    hanging = opened(bench, qtbot, tmp_path, "hangs.dcm")
    qtbot.waitUntil(lambda: is_reading(hanging), timeout=30_000)
    bench.session.cancel([hanging])
    qtbot.waitUntil(lambda: not bench.inference.is_busy, timeout=30_000)
    assert hanging.status is CaseStatus.STOPPED
    worker.call(worker_faults.install)
    finished(qtbot, opened(bench, qtbot, tmp_path, "good.dcm"))
    assert REPLACED in told
