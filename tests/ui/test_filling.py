"""Work done piece by piece in the window's thread."""

import pytest
from PyQt6.QtCore import QObject, QTimer

from spinealign.ui.results.result_page import ResultPage
from spinealign.ui.widgets.chunked_fill import ChunkedFill
from spinealign.ui.widgets.labels import Fold


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
    page = window.results._scroll.widget()
    assert isinstance(page, ResultPage)
    qtbot.waitUntil(lambda: any("Time taken" in f._button.text() for f in page.findChildren(Fold)))
    alone = [type(page.layout().itemAt(k).widget()) for k in range(page.layout().count())]
    window.results.set_colours(window.theme.colours)
    again = window.results.page
    assert again is not page
    assert [type(again.layout().itemAt(k).widget()) for k in range(again.layout().count())] == alone
