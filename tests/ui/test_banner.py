"""Messages over the picture: they move nothing, go with their case, and are never cut."""

from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QLabel, QToolButton

from spinealign.domain.study import PatientFacts
from spinealign.ui.widgets.banner import Banner
from spinealign.ui.window import case_messages
from spinealign.wording import Message
from tests.ui.hands import at_rest

FAILED = Message("The disk is full.", "Free some room.")
TOLD = Message("Saved.", "In the folder.")


def place_of_picture(window):
    viewer = window.viewer
    return viewer.mapTo(window, QPoint()), viewer.size(), viewer.viewportTransform()


@pytest.fixture
def two(qtbot, window, analysed):
    """A window with two results, the second one shown."""
    cases = [analysed("ct_1.dcm"), analysed("ct_2.dcm")]
    assert window.results.page is not None
    # The panel is as wide as its widest page from now on.
    qtbot.wait(100)
    window.activateWindow()
    window.viewer.setFocus()
    return cases


@pytest.mark.parametrize("tell", ["fail", "notice"])
def test_a_message_does_not_move_the_picture(window, two, tell, qtbot):
    before = place_of_picture(window)
    getattr(window.workbench.messages, tell)(FAILED)
    qtbot.waitUntil(window.banner.isVisible)
    QApplication.processEvents()
    assert place_of_picture(window) == before
    assert window.banner.mapTo(window, QPoint()) == window.pages.mapTo(window, QPoint())
    dismiss = window.banner.findChild(QToolButton)
    QTest.mouseClick(dismiss, Qt.MouseButton.LeftButton)
    assert not window.banner.isVisible()
    QApplication.processEvents()
    assert place_of_picture(window) == before


@pytest.mark.parametrize("tell", ["fail", "notice"])
def test_a_message_goes_when_another_case_is_shown(window, two, tell):
    getattr(window.workbench.messages, tell)(TOLD)
    QTest.keyClick(window.viewer, Qt.Key.Key_P)
    assert window.workbench.current is two[0]
    assert not window.banner.isVisible()


WARNED = Message("The image is mirrored.", "Letters too.")


class TestWarning:
    """What must be known as long as it holds, whatever else is told."""

    @pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
    @pytest.mark.parametrize("tell", ["fail", "notice"])
    def test_stands_beside_another_message(self, window, two, tell, is_first):
        messages, banner = window.workbench.messages, window.banner
        steps = [lambda: messages.warn(WARNED), lambda: getattr(messages, tell)(TOLD)]
        for step in steps if is_first else reversed(steps):
            step()
        assert banner.text == "The image is mirrored.\nLetters too.\nSaved.\nIn the folder."
        shown = [label.text() for label in banner.findChildren(QLabel) if label.isVisible()]
        assert "The image is mirrored. Letters too." in shown
        assert "Saved." in shown
        assert banner.is_failure is (tell == "fail")

    def test_stays_when_the_message_goes(self, window, two):
        window.workbench.messages.warn(WARNED)
        window.workbench.messages.notice(TOLD)
        window.workbench.messages.withdraw(TOLD)
        assert window.banner.isVisible()
        assert window.banner.text == "The image is mirrored.\nLetters too."

    def test_goes_alone_when_it_holds_no_longer(self, window, two):
        window.workbench.messages.warn(WARNED)
        window.workbench.messages.notice(TOLD)
        window.workbench.messages.withdraw(WARNED)
        assert window.banner.text == "Saved.\nIn the folder."
        window.workbench.messages.withdraw(TOLD)
        assert window.banner.isHidden()

    def test_offers_no_button_of_a_message_that_went(self, window, two):
        window.workbench.messages.warn(WARNED)
        window.workbench.messages.notice(TOLD, "Show", lambda: None)
        assert window.banner._action.isVisible()
        window.workbench.messages.withdraw(TOLD)
        assert not window.banner._action.isVisible()

    def test_is_dismissed_by_the_button(self, window, two):
        window.workbench.messages.warn(WARNED)
        QTest.mouseClick(window.banner.findChild(QToolButton), Qt.MouseButton.LeftButton)
        assert window.banner.isHidden()
        window.workbench.messages.notice(TOLD)
        assert window.banner.text == "Saved.\nIn the folder."


def test_a_failure_that_stands_on_the_page_is_told_once(qtbot, window, two, files):
    window.workbench.opener.open_paths(files("bad.txt"))
    qtbot.waitUntil(lambda: at_rest(window) and len(window.workbench.session.cases) == 3)
    sentence = window.workbench.current.message.sentence
    seen = [label for label in window.findChildren(QLabel) if label.isVisible()]
    assert sum(sentence in label.text().replace("\u200b", "") for label in seen) == 1


@pytest.fixture
def failed(qtbot, window, two, files):
    """A third case, which failed and is shown; the page that says so too is put away."""
    window.results_dock.hide()
    window.workbench.opener.open_paths(files("bad.txt"))
    qtbot.waitUntil(lambda: at_rest(window) and window.banner.is_failure)
    return window.workbench.current


def test_a_failure_goes_when_its_case_is_closed(window, failed):
    QTest.keyClick(window.viewer, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert window.workbench.current is not failed
    assert not window.banner.isVisible()


def test_a_failure_does_not_stay_over_a_good_picture(window, two, failed):
    window.workbench.select(two[1])
    assert not window.banner.isVisible()


def test_a_failure_goes_when_its_case_is_analysed_again(qtbot, window, failed, fake):
    fake.analyser.hold = "Classifying"
    failed.stack = window.workbench.session.cases[0].stack
    window.actions_by_name["again"].trigger()
    assert not window.banner.isVisible()
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(window))


def test_a_failure_of_another_case_is_not_shown_over_a_good_picture(qtbot, window, files):
    window.workbench.opener.open_paths(files("ct_1.dcm", "bad1.txt", "bad2.txt"))
    qtbot.waitUntil(lambda: len(window.workbench.session.cases) == 3 and at_rest(window))
    assert window.workbench.current.title == "ct_1.dcm"
    assert not window.banner.isVisible()
    assert window.status.step.text() == "1 case analysed, 2 failed"


def test_what_was_told_at_the_start_stays_until_it_was_read(window, analysed, monkeypatch):
    window.workbench.messages.notice(TOLD)
    case = analysed("ct_1.dcm")
    assert window.banner.isVisible()
    window.workbench.select(None)
    assert not window.banner.isVisible()
    window.workbench.messages.notice(TOLD)
    monkeypatch.setattr(case_messages, "READING_MS", 0)
    window.workbench.select(case)
    assert not window.banner.isVisible()


def test_a_failure_at_the_start_is_not_over_the_first_picture(window, analysed):
    window.workbench.messages.fail(FAILED)
    analysed("ct_1.dcm")
    assert not window.banner.isVisible()


LONG = Path("/home/radiology/") / "/".join(f"a-rather-long-folder-name-{k}" for k in range(8))


@pytest.mark.parametrize("size", [(683, 384), (1284, 691)], ids=str)
@pytest.mark.parametrize("action", ["", "File locations…"])
def test_no_word_of_a_message_is_cut(window, size, action):
    window.resize(*size)
    window.workbench.messages.notice(Message(f"Kept in {LONG}.", f"See {LONG}."), action)
    QApplication.processEvents()
    banner = window.banner
    assert str(LONG) in banner.text
    assert banner.width() == window.pages.width()
    for label in banner.findChildren(QLabel):
        if label.text():
            flags = int(Qt.TextFlag.TextWordWrap)
            room = label.fontMetrics().boundingRect(0, 0, label.width(), 9999, flags, label.text())
            assert room.width() <= label.width()
            assert room.height() <= label.height() + 1
            assert label.geometry().bottom() < banner.height()


def test_the_start_page_is_not_hidden_by_a_message(window):
    labels = window.welcome.findChildren(QLabel)
    heading = next(label for label in labels if label.text() == "SpineAlign")
    before = heading.mapTo(window, QPoint())
    window.workbench.messages.notice(TOLD)
    QApplication.processEvents()
    below = window.banner.mapTo(window, QPoint(0, window.banner.height())).y()
    assert heading.mapTo(window, QPoint()).y() >= below
    window.banner.dismiss()
    QApplication.processEvents()
    assert heading.mapTo(window, QPoint()) == before


def test_what_can_be_copied_holds_no_signs_that_are_not_seen(window):
    window.workbench.messages.notice(Message(f"Kept in {LONG}.", "And plain advice."))
    banner = window.findChild(Banner)
    for label in banner.findChildren(QLabel):
        is_selectable = label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
        assert not (is_selectable and "\u200b" in label.text())


def test_the_picture_stays_where_it_is_from_one_patient_to_the_next(qtbot, window, two, fake):
    for case, name in zip(two, ("Ada", "Bea"), strict=True):
        fake.patients[case.path.name] = PatientFacts(name=name)
    window.actions_by_name["hide_patient"].trigger()
    window.actions_by_name["hide_patient"].trigger()
    qtbot.waitUntil(lambda: "Bea" in window.patient.words.text())
    seen = {place_of_picture(window)[1].height()}
    window.workbench.select(two[0])
    assert "Bea" not in window.patient.words.text()
    QApplication.processEvents()
    seen.add(place_of_picture(window)[1].height())
    qtbot.waitUntil(lambda: "Ada" in window.patient.words.text())
    seen.add(place_of_picture(window)[1].height())
    assert len(seen) == 1


def test_what_failed_before_its_case_was_shown_is_told_with_it(window, two, monkeypatch):
    bench, [first, second] = window.workbench, two
    monkeypatch.setattr(bench, "current", None)
    bench.messages.fail(FAILED, first)
    bench.messages.fail(TOLD, second)
    monkeypatch.undo()
    bench.current = second
    bench.current_changed.emit(second)
    assert FAILED.sentence not in window.banner.text
    monkeypatch.setattr(bench, "current", None)
    bench.messages.fail(FAILED, second)
    monkeypatch.undo()
    bench.current = second
    bench.current_changed.emit(second)
    assert FAILED.sentence in window.banner.text
