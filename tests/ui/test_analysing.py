"""From a file to a result on screen: order, progress, cancel, late results, failures."""

import pytest
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QLabel

from spinealign.domain.image import DecisionSource
from spinealign.ui.cases.case import CaseStatus
from spinealign.ui.window.crash import CrashDialog
from tests.examinations import NECK_CT, SPINE_MR
from tests.ui.hands import at_rest

HOLD = "Segmenting structures"


@pytest.fixture
def held(qtbot, window, fake, files):
    """A window whose one case stands still after the image was read."""
    fake.analyser.hold = HOLD
    with qtbot.waitSignal(window.workbench.session.display_ready):
        window.workbench.opener.open_paths(files("ct_1.dcm"))
    qtbot.waitUntil(fake.analyser.reached.is_set)
    return window


def let_go(qtbot, window, fake):
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        fake.analyser.gate.set()


def test_the_image_appears_before_the_result(qtbot, held, fake):
    assert held.viewer.picture.display is not None
    assert held.pages.currentWidget() is held.viewer
    assert held.workbench.current.finding is None
    assert held.workbench.current.status is CaseStatus.RUNNING
    let_go(qtbot, held, fake)
    assert held.workbench.current.status is CaseStatus.DONE
    assert held.viewer.picture.overlay is not None


def test_progress_is_shown_while_it_runs_and_gone_afterwards(qtbot, held, fake):
    assert held.status.progress.isVisible()
    assert held.status.cancel.isVisible()
    assert "Checking the image" in held.status.step.text()
    let_go(qtbot, held, fake)
    assert not held.status.progress.isVisible()
    assert held.status.step.text() == "1 case analysed"


def test_the_event_loop_goes_on_during_an_analysis(qtbot, held, fake):
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(fake.analyser.gate.is_set()))
    timer.start(0)
    qtbot.waitUntil(lambda: len(ticks) > 50)
    timer.stop()
    assert not any(ticks)
    assert held.workbench.current.status is CaseStatus.RUNNING


def test_cancel_keeps_the_picture_and_allows_another_try(qtbot, held, fake):
    held.actions_by_name["cancel"].trigger()
    assert held.workbench.current.status is CaseStatus.STOPPED
    assert held.status.step.text() == "Stopped"
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(held))
    assert held.workbench.current.finding is None
    assert held.viewer.picture.display is not None
    assert fake.analyser.closed == 1
    with qtbot.waitSignal(held.workbench.session.finding_ready):
        held.actions_by_name["again"].trigger()
    assert held.workbench.current.status is CaseStatus.DONE


def test_cancel_keeps_an_earlier_result(qtbot, window, analysed, fake):
    case = analysed()
    earlier = case.finding
    fake.analyser.hold = HOLD
    with qtbot.waitSignal(window.workbench.session.progressed):
        window.navigation.analyse_as(SPINE_MR)
    qtbot.waitUntil(fake.analyser.reached.is_set)
    window.work_status.stop()
    assert case.finding is earlier
    assert case.status is CaseStatus.DONE
    assert case.wanted_examination is None
    assert window.actions_by_name["image_type_auto"].isChecked()


def test_the_result_of_an_overtaken_analysis_is_dropped(qtbot, held, fake):
    results = []
    held.workbench.session.finding_ready.connect(
        lambda case: results.append(case.finding.analysis.examination)
    )
    held.navigation.analyse_as(SPINE_MR)
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(held))
    assert results == [SPINE_MR]
    assert fake.analyser.calls == [("ct_1.dcm", None), ("ct_1.dcm", SPINE_MR)]
    assert fake.analyser.closed == 1


def test_overruling_the_image_type_analyses_again_and_says_who_chose(qtbot, window, analysed):
    case = analysed("mr_1.nii")
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.actions_by_name["image_type_neck-ct"].trigger()
    assert case.finding.analysis.examination is NECK_CT
    assert case.finding.analysis.decided_by is DecisionSource.USER
    assert "CT" in window.image_type_button.text()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.actions_by_name["image_type_auto"].trigger()
    assert case.finding.analysis.examination is SPINE_MR


def told_on_page(window):
    """What stands where the result would be."""
    labels = window.results.page.findChildren(QLabel)
    return "\n".join(label.text().replace("\u200b", "") for label in labels)


def test_analysing_again_leaves_zoom_and_window_alone(qtbot, window, analysed):
    analysed()
    window.viewer.zoom_to(3.0)
    window.viewer.picture.drag_window(40, 10)
    zoom, grey = window.viewer.zoom, window.viewer.picture.window
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.navigation.analyse_here()
    assert window.viewer.zoom == pytest.approx(zoom)
    assert window.viewer.picture.window == grey


def test_a_bad_file_says_why_and_the_earlier_result_stays(qtbot, window, analysed, files):
    good = analysed()
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.workbench.opener.open_paths(files("bad.txt"))
    told = told_on_page(window)
    assert "“bad.txt” is not an image" in told
    assert "DICOM" in told
    assert not window.banner.isVisible()
    assert window.workbench.current.status is CaseStatus.FAILED
    assert good.finding is not None
    window.workbench.step(-1)
    assert window.workbench.current is good
    assert window.viewer.picture.display is good.display
    assert not window.banner.isVisible()


def test_many_failures_are_counted(qtbot, window, files):
    window.results_dock.hide()
    window.workbench.opener.open_paths(files("bad1", "bad2", "bad3"))
    qtbot.waitUntil(lambda: at_rest(window))
    assert "2 more problems" in window.banner.text


def test_not_enough_memory_is_explained(qtbot, window, fake, files):
    fake.analyser.failure = MemoryError()
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.workbench.opener.open_paths(files("ct_1.dcm"))
    assert "not enough memory" in told_on_page(window)


def test_an_unexpected_failure_gets_a_report_and_work_goes_on(qtbot, window, fake, files):
    fake.analyser.failure = ZeroDivisionError("secret patient name")
    with qtbot.waitSignal(window.workbench.messages.crashed):
        window.workbench.opener.open_paths(files("ct_1.dcm"))
    dialog = window.findChild(CrashDialog)
    assert dialog is not None
    assert "ZeroDivisionError" in dialog.report
    assert "secret" not in dialog.report
    assert "ct_1" not in dialog.report
    dialog.reject()
    fake.analyser.failure = None
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths(files("ct_2.dcm"))


def test_several_files_are_worked_one_by_one_and_the_first_is_shown(qtbot, window, fake, files):
    names = ("ct_1.dcm", "mr_2.nii", "bad_3", "photo_4.png")
    window.workbench.opener.open_paths(files(*names))
    qtbot.waitUntil(lambda: at_rest(window))
    assert [name for name, _ in fake.analyser.calls] == list(names)
    assert window.workbench.current.title == "ct_1.dcm"
    states = [case.status for case in window.workbench.session.cases]
    assert states == [CaseStatus.DONE, CaseStatus.DONE, CaseStatus.FAILED, CaseStatus.DONE]


def test_a_newly_opened_file_goes_before_those_that_wait(qtbot, held, fake, files):
    held.workbench.opener.open_paths(files("ct_2.dcm", "ct_3.dcm"))
    held.workbench.opener.open_paths(files("ct_4.dcm"))
    qtbot.waitUntil(lambda: held.workbench.session.waiting_count == 3)
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(held))
    order = [name for name, _ in fake.analyser.calls]
    assert order == ["ct_1.dcm", "ct_4.dcm", "ct_2.dcm", "ct_3.dcm"]


def test_opening_an_open_file_only_shows_it(qtbot, window, analysed, fake, files):
    first = analysed("ct_1.dcm")
    analysed("mr_2.nii")
    with qtbot.waitSignal(window.workbench.opener.opened):
        window.workbench.opener.open_paths(files("ct_1.dcm"))
    assert window.workbench.current is first
    assert len(window.workbench.session.cases) == 2
    assert len(fake.analyser.calls) == 2


def test_results_beyond_the_memory_limit_are_made_again_when_wanted(qtbot, window, analysed, fake):
    window.workbench.session.limit_memory(1)
    first = analysed("ct_1.dcm")
    second = analysed("mr_2.nii")
    assert first.finding is None
    assert second.finding is not None
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.step(-1)
    assert window.workbench.current is first
    assert first.finding is not None
    assert window.viewer.picture.display is first.display


def test_closing_a_case_shows_its_neighbour_and_at_last_the_welcome(qtbot, window, analysed):
    first = analysed("ct_1.dcm")
    analysed("mr_2.nii")
    window.actions_by_name["close_case"].trigger()
    assert window.workbench.current is first
    window.actions_by_name["close_case"].trigger()
    assert window.workbench.current is None
    assert window.pages.currentWidget() is window.welcome
    assert not window.actions_by_name["save"].isEnabled()


def test_closing_the_running_case_drops_its_result(qtbot, held, fake):
    results = []
    held.workbench.session.finding_ready.connect(results.append)
    held.workbench.close_all()
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(held))
    assert results == []
    assert held.workbench.session.cases == []
