"""Work done piece by piece in the window's thread."""

import pytest
from PyQt6.QtCore import QEvent, QObject, QTimer
from PyQt6.QtWidgets import QApplication

from spinealign.ui.results.result_page import ResultPage
from spinealign.ui.widgets.chunked_fill import ChunkedFill
from spinealign.ui.widgets.labels import Fold
from tests.ui.hands import has_whole_page


@pytest.fixture
def owner(qapp):
    owner = QObject()
    yield owner
    owner.deleteLater()


def test_steps_run_in_their_order_and_not_before_the_event_loop(qtbot, owner):
    done = []
    ChunkedFill([lambda k=k: done.append(k) for k in range(5)], owner)
    assert done == []
    qtbot.waitUntil(lambda: done == [0, 1, 2, 3, 4])


def test_the_window_is_heard_between_steps(qtbot, owner, monkeypatch):
    done = []
    monkeypatch.setattr("spinealign.ui.widgets.chunked_fill.TURN_S", 1e-9)
    ChunkedFill([lambda: done.append("step")] * 3, owner)
    QTimer.singleShot(0, lambda: done.append("event"))
    qtbot.waitUntil(lambda: len(done) == 4)
    assert done[-1] == "step"


def test_finishing_runs_the_rest_at_once_and_only_once(qtbot, owner):
    done = []
    filling = ChunkedFill([lambda k=k: done.append(k) for k in range(3)], owner)
    filling.finish()
    assert done == [0, 1, 2]
    filling.finish()
    qtbot.wait(20)
    assert done == [0, 1, 2]


def test_what_is_gone_is_not_filled(qtbot, owner):
    done, parent = [], QObject(owner)
    ChunkedFill([lambda: done.append(1)], parent)
    parent.deleteLater()
    qtbot.wait(20)
    assert done == []


def test_a_page_fills_by_itself_and_in_its_order(qtbot, window, analysed):
    analysed("mr_1.nii")
    window.results._show_due_page()
    page = window.results._scroll.widget()
    assert isinstance(page, ResultPage)
    qtbot.waitUntil(lambda: any("Time taken" in f._button.text() for f in page.findChildren(Fold)))
    alone = [type(page.layout().itemAt(k).widget()) for k in range(page.layout().count())]
    window.results.set_colours(window.theme.colours)
    again = window.results.page
    assert again is not page
    assert [type(again.layout().itemAt(k).widget()) for k in range(again.layout().count())] == alone


def test_the_page_of_a_first_result_is_made_and_shown_in_turns_of_their_own(
    qtbot, window, files, monkeypatch
):
    panel, bench, seen = window.results, window.workbench, []
    go_on = panel._go_on_with_page

    def look():
        go_on()
        seen.append((type(panel._scroll.widget()), panel._made is None))

    panel._page_due.timeout.disconnect()
    panel._page_due.timeout.connect(look)
    bench.opener.open_paths(list(files("ct_1.dcm")))
    qtbot.waitUntil(lambda: has_whole_page(window), timeout=20_000)
    (before, is_shown), (after, is_shown_then) = seen
    assert before is not ResultPage
    assert not is_shown
    assert (after, is_shown_then) == (ResultPage, True)


def test_a_page_that_was_made_is_not_shown_of_a_case_that_was_left(qtbot, window, analysed):
    analysed("ct_1.dcm")
    qtbot.waitUntil(lambda: has_whole_page(window))
    panel = window.results
    shown, panel._shown = panel._scroll.widget(), None
    panel._go_on_with_page()
    made = panel._made[-1]
    assert panel._scroll.widget() is shown
    window.workbench.select(None)
    assert panel._made is None
    with qtbot.waitSignal(made.destroyed):
        pass
    assert not isinstance(panel._scroll.widget(), ResultPage)


def test_steps_that_are_held_wait(qtbot, owner):
    done = []
    filling = ChunkedFill([lambda: done.append(1)], owner)
    filling.hold()
    qtbot.wait(20)
    assert done == []
    filling.go_on()
    qtbot.waitUntil(lambda: done == [1])


def frames_while(qtbot, window, act):
    """Do something until the page is filled, and return how the panel looked in between."""
    panel, seen = window.results, []

    def look():
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)
        image = panel.grab().toImage()
        if not seen or image != seen[-1]:
            seen.append(image)
        return has_whole_page(window)

    look()
    act()
    qtbot.waitUntil(look)
    look()
    return seen


@pytest.fixture
def slow_filling(monkeypatch):
    """Let every step take its own turn of the event loop."""
    monkeypatch.setattr("spinealign.ui.widgets.chunked_fill.TURN_S", -1)


@pytest.mark.parametrize(("name", "most"), [("ct_1.dcm", 4), ("mr_1.nii", 4)])
def test_a_page_does_not_flash_while_it_is_filled(
    qtbot, window, analysed, slow_filling, name, most
):
    case = analysed(name)
    # The panel becomes as wide as this page needs, and stays so.
    qtbot.waitUntil(lambda: has_whole_page(window))
    other = analysed("disc_1.png")
    qtbot.waitUntil(lambda: has_whole_page(window))
    seen = frames_while(qtbot, window, lambda: window.workbench.select(case))
    # The other case, nothing or the reading, the patient once read, the page as it will stay.
    assert len(seen) <= most
    assert window.workbench.current is not other


def test_the_same_case_analysed_again_is_seen_until_its_page_is_whole(
    qtbot, window, analysed, slow_filling
):
    case = analysed("ct_1.dcm")
    qtbot.waitUntil(lambda: has_whole_page(window))
    qtbot.waitUntil(lambda: not window.workbench.patients.is_busy)
    QApplication.processEvents()

    def again():
        window.results._shown = None
        window.results.show_case(case)

    assert len(frames_while(qtbot, window, again)) == 1


def test_nothing_of_another_case_is_seen_while_a_page_is_filled(
    qtbot, window, analysed, slow_filling
):
    case, other = analysed("ct_1.dcm"), analysed("ct_2.dcm")
    qtbot.waitUntil(lambda: has_whole_page(window))
    panel = window.results
    before = panel._scroll.viewport().grab().toImage()
    window.workbench.select(case)
    assert window.workbench.current is not other
    during = panel._scroll.viewport().grab().toImage()
    assert during != before
    assert len({during.pixelColor(x, 40).name() for x in range(0, during.width(), 3)}) == 1


def test_a_first_result_is_drawn_on_the_picture_before_its_page_is_made(qtbot, window, files):
    made = []
    note = lambda _: made.append(isinstance(window.results._scroll.widget(), ResultPage))  # noqa: E731
    window.workbench.current_updated.connect(note)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths(files("ct_1.dcm"))
    qtbot.waitUntil(lambda: isinstance(window.results._scroll.widget(), ResultPage))
    assert made
    assert not any(made)


def test_rows_of_a_closed_section_are_made_piece_by_piece_and_all_as_it_opens(qtbot, window, files):
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths(files("spine_1.png"))
    findings = window.results.reading.findings
    qtbot.waitUntil(lambda: findings._closed.is_filled)
    findings._layout_shown = {}
    findings.show_reading(findings._snapshot, False)
    made, known = len(findings._rows), len(findings._keys)
    assert made < 10 < 25 < known
    fold = findings._folds["normal"]
    fold._button.click()
    assert len(findings._rows) == known
    assert [row.key for row in findings.rows] == list(findings._keys)
    shown = [row for row in findings.rows if fold.isAncestorOf(row)]
    assert len(shown) > 20
    assert all(row.read for row in shown)
    fold._button.click()


def test_a_page_is_replaced_within_its_holder_and_begins_at_its_top(qtbot, window, analysed):
    analysed("spine_1.png")
    scroll = window.results._scroll
    first, bar = window.results.page, scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 50)
    bar.setValue(50)
    holder = first.parentWidget()
    analysed("film_2.png")
    window.workbench.select(window.workbench.session.cases[1])
    second = window.results.page
    assert second is not first
    assert scroll.widget() is second
    assert second.parentWidget() is holder
    assert bar.value() == 0
    qtbot.waitUntil(second.isVisible)
