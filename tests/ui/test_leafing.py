"""SliceNavigation through a series: keys, wheel, slider, and the slice that is analysed."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QImage, QPalette, QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign.domain.image import DisplayWindow, ImagePart
from spinealign.domain.study import SlicePosition
from tests.fakes import WAIT_S
from tests.image_files import ramp, write_nifti, write_series
from tests.ui.hands import open_and_rest, settle, shown_value


def wheel(window, up, keys=Qt.KeyboardModifier.ShiftModifier):
    viewport = window.viewer.viewport()
    where = QPointF(viewport.rect().center())
    event = QWheelEvent(
        where, QPointF(viewport.mapToGlobal(where.toPoint())), QPoint(), QPoint(0, round(120 * up)),
        Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def test_keys_wheel_and_slider_leaf_through_the_series(qtbot, leafed):
    assert shown_value(leafed) == 2
    QTest.keyClick(leafed.viewer, Qt.Key.Key_PageDown)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 3
    wheel(leafed, up=-1)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 4
    QTest.keyClick(leafed.viewer, Qt.Key.Key_PageDown)
    assert leafed.navigation.place == SlicePosition(0, 4)
    leafed.slice_bar.slider.setValue(0)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 0
    assert leafed.slice_bar.words.text() == "Slice 1 of 5 – result: slice 3"


PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.mark.parametrize(
    ("alone", "keys", "leafs"),
    [
        (True, PLAIN, True),
        (True, SHIFT, True),
        (True, CTRL, False),
        (True, CTRL | SHIFT, False),
        (False, PLAIN, False),
        (False, SHIFT, True),
        (False, CTRL, True),
    ],
)
def test_the_wheel_leafs_or_zooms_as_was_chosen(qtbot, leafed, alone, keys, leafs):
    leafed.workbench.preferences.choose(wheel_leafs=alone)
    leafed.viewer.zoom_to(3.0)
    wheel(leafed, -1, keys)
    settle(qtbot, leafed)
    assert shown_value(leafed) == (3 if leafs else 2)
    assert leafed.viewer.zoom == pytest.approx(3.0 if leafs else 2.4)


def test_on_a_single_picture_the_wheel_zooms(window, analysed):
    analysed("film_1.png")
    zoom = window.viewer.zoom
    wheel(window, 1, PLAIN)
    assert window.viewer.zoom > zoom


def test_a_touch_pad_adds_up_to_a_slice(qtbot, leafed):
    for _ in range(3):
        wheel(leafed, -0.3, PLAIN)
    assert not leafed.navigation.is_away
    wheel(leafed, -0.3, PLAIN)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 3


def test_results_of_another_slice_are_named_and_dimmed_with_a_way_back(qtbot, leafed):
    note = leafed.results.foreign
    assert not note.isVisible()
    assert not note.veil.isVisible()
    wheel(leafed, -1, PLAIN)
    assert leafed.windowTitle() == "T2 sag, slice 4 of 5 – SpineAlign"
    assert note.words.text() == "Results of slice 3; you see slice 4"
    scroll = leafed.results._scroll
    assert note.veil.isVisible()
    assert note.veil.size() == scroll.size()
    ground = leafed.results.palette().color(QPalette.ColorRole.Base)
    dimmed = scroll.grab().toImage()
    QTest.mouseClick(note.button, Qt.MouseButton.LeftButton)
    assert not leafed.navigation.is_away
    assert leafed.windowTitle() == "T2 sag, slice 3 of 5 – SpineAlign"
    assert not note.isVisible()
    plain = scroll.grab().toImage()
    assert contrast(dimmed, ground) < 0.7 * contrast(plain, ground)


def contrast(picture, ground):
    """How far the pixel that differs most is from the ground."""
    lightness = [
        picture.pixelColor(x, y).lightness()
        for x in range(0, picture.width(), 2)
        for y in range(0, picture.height(), 2)
    ]
    return max(abs(value - ground.lightness()) for value in lightness)


def test_a_slice_analysed_anew_is_not_named_as_another(qtbot, leafed):
    wheel(leafed, -1, PLAIN)
    with qtbot.waitSignal(leafed.workbench.session.finding_ready):
        QTest.keyClick(leafed.viewer, Qt.Key.Key_F5)
    settle(qtbot, leafed)
    assert not leafed.results.foreign.isVisible()
    wheel(leafed, 1, PLAIN)
    assert leafed.results.foreign.words.text() == "Results of slice 4; you see slice 3"


def test_zoom_and_window_stay_while_leafing(qtbot, leafed):
    leafed.viewer.zoom_to(3.0)
    wide = DisplayWindow(500.0, 900.0)
    leafed.viewer.picture.set_window(wide)
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    assert shown_value(leafed) == 3
    assert leafed.viewer.zoom == pytest.approx(3.0)
    assert leafed.viewer.picture.window is wide


def test_the_result_lies_only_over_its_own_slice(qtbot, leafed):
    assert leafed.viewer.picture.overlay.mask_levels
    assert leafed.actions_by_name["tool_distance"].isEnabled()
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    assert not leafed.viewer.picture.overlay.mask_levels
    assert leafed.workbench.editing.is_bare
    assert not leafed.actions_by_name["tool_vertebra"].isEnabled()
    assert leafed.actions_by_name["save"].isEnabled()
    QTest.keyClick(leafed.viewer, Qt.Key.Key_Home)
    assert leafed.viewer.picture.display is leafed.workbench.current.display
    assert leafed.viewer.picture.overlay.mask_levels
    assert leafed.actions_by_name["tool_distance"].isEnabled()


def test_f5_analyses_the_slice_that_is_shown(qtbot, leafed, fake):
    leafed.navigation.step(1)
    with qtbot.waitSignal(leafed.workbench.session.finding_ready):
        QTest.keyClick(leafed.viewer, Qt.Key.Key_F5)
    settle(qtbot, leafed)
    assert fake.analyser.parts[-1].path.name == "IM0002"  # numbers run against positions
    assert leafed.workbench.current.title == "T2 sag, slice 4 of 5"
    assert leafed.slice_bar.words.text() == "Slice 4 of 5 – analysed"
    assert not leafed.slice_bar.analyse.isEnabled()
    assert leafed.viewer.picture.overlay.mask_levels
    assert leafed.workbench.preferences.recent[0].place == SlicePosition(0, 3)


def test_who_leafs_on_while_a_slice_is_analysed_is_left_there(qtbot, leafed, fake):
    fake.analyser.hold = "Classifying"
    leafed.navigation.step(1)
    QTest.mouseClick(leafed.slice_bar.analyse, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(fake.analyser.reached.is_set)
    assert leafed.slice_bar.words.text() == "Slice 4 of 5 – being analysed"
    leafed.navigation.step(1)
    with qtbot.waitSignal(leafed.workbench.session.finding_ready):
        fake.analyser.gate.set()
    settle(qtbot, leafed)
    assert shown_value(leafed) == 4
    assert leafed.slice_bar.words.text() == "Slice 5 of 5 – result: slice 4"
    assert not leafed.viewer.picture.overlay.mask_levels


def test_a_slice_whose_analysis_fails_leaves_the_result_of_the_other(qtbot, leafed, fake):
    before = leafed.workbench.current.finding
    leafed.navigation.step(1)
    fake.analyser.failure = MemoryError()
    with qtbot.waitSignal(leafed.workbench.messages.failed):
        leafed.actions_by_name["again"].trigger()
    assert leafed.workbench.current.finding is before
    leafed.navigation.follow()
    fake.analyser.failure = None
    with qtbot.waitSignal(leafed.workbench.session.finding_ready):
        leafed.actions_by_name["again"].trigger()
    assert leafed.workbench.current.title == "T2 sag, slice 3 of 5"


def test_a_slice_that_cannot_be_read_says_so_and_the_others_can(qtbot, browsing, tmp_path):
    paths = write_series(tmp_path / "mr", 5)
    paths[3].write_bytes(paths[3].read_bytes()[:-1000])
    open_and_rest(qtbot, browsing, tmp_path / "mr")
    browsing.navigation.step(1)
    settle(qtbot, browsing)
    assert browsing.viewer.picture.display is None
    assert "“IM0002” is damaged or incomplete" in browsing.viewer._placeholder
    browsing.navigation.step(1)
    settle(qtbot, browsing)
    assert shown_value(browsing) == 4


def test_leafing_begins_before_the_first_result(qtbot, real_files, open_window, study, fake):
    fake.analyser.hold = "Classifying"
    window = open_window()
    window.workbench.opener.open_paths([study])
    qtbot.waitUntil(fake.analyser.reached.is_set)
    window.navigation.step(-1)
    qtbot.waitUntil(lambda: window.viewer.picture.display is not None)
    qtbot.waitUntil(lambda: shown_value(window) == 1)
    assert window.slice_bar.words.text() == "Slice 2 of 5 – not analysed yet"
    fake.analyser.gate.set()
    settle(qtbot, window)
    assert shown_value(window) == 1
    assert not window.viewer.picture.overlay.mask_levels


def test_pictures_near_by_are_there_at_once(qtbot, leafed):
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    calls = []
    leafed.navigation.reader._services = replace(
        leafed.workbench.services, read_slices=lambda *args: calls.append(args)
    )
    leafed.navigation.step(1)
    assert shown_value(leafed) == 4
    assert calls == []


def test_the_volume_in_time_is_picked_by_the_user(qtbot, browsing, tmp_path, fake):
    values = np.zeros((5, 40, 36, 3), np.int16)
    values += np.arange(5, dtype=np.int16)[::-1, None, None, None]
    values += 100 * np.arange(3, dtype=np.int16)
    values[:, 0] = 900
    path = write_nifti(tmp_path / "mr time.nii.gz", values, np.diag([4.0, 0.6, 0.5, 1]))
    open_and_rest(qtbot, browsing, path)
    assert browsing.slice_bar.volume.isVisible()
    browsing.slice_bar.volume.setValue(3)
    settle(qtbot, browsing)
    assert shown_value(browsing) == 202
    QTest.mouseClick(browsing.slice_bar.analyse, Qt.MouseButton.LeftButton)
    settle(qtbot, browsing)
    assert fake.analyser.parts[-1] == ImagePart(path, "", 2, 2)
    assert browsing.workbench.current.title == "mr time.nii.gz, slice 3 of 5, volume 3 of 3"


def test_pages_are_leafed_like_slices(qtbot, browsing, tmp_path):
    pages = [Image.fromarray((ramp() % 200 + k).astype(np.uint8)) for k in range(3)]
    pages[0].save(tmp_path / "mr.tif", save_all=True, append_images=pages[1:])
    open_and_rest(qtbot, browsing, tmp_path / "mr.tif")
    browsing.navigation.step(1)
    settle(qtbot, browsing)
    assert shown_value(browsing) == 2
    assert browsing.slice_bar.words.text() == "Page 3 of 3 – result: page 2"


def test_a_narrow_bar_stands_in_two_lines(leafed):
    bar = leafed.slice_bar
    bar.resize(1200, bar.height())
    bar.layout().activate()
    assert bar.words.y() < bar.slider.geometry().bottom()
    bar.resize(300, bar.height())
    assert bar.minimumSizeHint().width() < 300
    bar.layout().activate()
    assert bar.words.y() > bar.slider.y()


def test_looking_at_a_structure_of_the_result_returns_to_its_slice(qtbot, leafed):
    leafed.navigation.step(1)
    settle(qtbot, leafed)
    leafed.results.highlighted.emit(None)
    assert leafed.navigation.is_away
    leafed.results.highlighted.emit(1)
    assert not leafed.navigation.is_away
    assert leafed.viewer.picture.highlighted == 1


def test_closing_while_slices_are_read_waits_for_them(qtbot, real_files, open_window, study):
    window = open_window()
    open_and_rest(qtbot, window, study)
    window.navigation.step(1)
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert not window.workbench.reading.is_busy


def brightness(viewer):
    """How bright the view is in all, 0 to 255."""
    grey = viewer.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    bits = grey.constBits()
    bits.setsize(grey.sizeInBytes())
    return np.frombuffer(bits, np.uint8).mean()


@pytest.fixture
def slow_reading(leafed):
    """The window with slices that are read only once the gate is opened."""
    gate = threading.Event()
    read = leafed.workbench.services.read_slices

    def wait_and_read(*args):
        gate.wait(WAIT_S)
        return read(*args)

    leafed.navigation.reader._services = replace(
        leafed.workbench.services, read_slices=wait_and_read
    )
    yield gate
    gate.set()


def test_a_slice_that_is_not_read_yet_is_named_over_the_one_before(qtbot, leafed, slow_reading):
    viewer = leafed.viewer
    before = brightness(viewer)
    QTest.keyClick(viewer, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: viewer.said != "")
    assert viewer.said.splitlines()[0].endswith("slice 4 of 5")
    assert viewer.said.splitlines()[1] == "Reading the image…"
    assert brightness(viewer) < 0.6 * before
    slow_reading.set()
    settle(qtbot, leafed)
    assert (viewer.said, shown_value(leafed)) == ("", 3)


def test_who_goes_back_before_a_slice_is_read_sees_the_result_again(qtbot, leafed, slow_reading):
    QTest.keyClick(leafed.viewer, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: leafed.viewer.said != "")
    leafed.actions_by_name["result_slice"].trigger()
    assert (leafed.viewer.said, shown_value(leafed)) == ("", 2)
    QTest.keyClick(leafed.viewer, Qt.Key.Key_PageDown)
    leafed.actions_by_name["result_slice"].trigger()
    assert not leafed.navigation._late.isActive()


class TestWhereASeriesWasLeft:
    """A series is shown again at the slice that was looked at last."""

    @pytest.fixture
    def left(self, qtbot, leafed):
        """A window whose series was left at its last slice; its result is of the third."""
        for _ in range(2):
            QTest.keyClick(leafed.viewer, Qt.Key.Key_PageDown)
        settle(qtbot, leafed)
        assert shown_value(leafed) == 4
        return leafed

    def series(self, window, name):
        study = window.series.browser.study
        stack = next(s for s in study.stacks if name in s.first.description)
        window.series.browser.chosen.emit([stack])

    def test_after_another_case(self, qtbot, left):
        first = left.workbench.current
        self.series(left, "T1")
        settle(qtbot, left)
        assert shown_value(left) == 2
        left.workbench.select(first)
        settle(qtbot, left)
        assert (left.workbench.current, shown_value(left)) == (first, 4)
        assert left.slice_bar.words.text() == "Slice 5 of 5 – result: slice 3"
        assert left.workbench.editing.is_bare
        left.actions_by_name["result_slice"].trigger()
        self.series(left, "T1")
        settle(qtbot, left)
        left.workbench.select(first)
        settle(qtbot, left)
        assert shown_value(left) == 2
        assert not left.workbench.editing.is_bare

    @pytest.mark.parametrize("how", ["recent", "file", "series"])
    def test_after_it_was_closed(self, qtbot, left, study, how):
        left.actions_by_name["close_case"].trigger()
        if how == "recent":
            left.workbench.opener.open_recent(left.workbench.preferences.recent[0])
        elif how == "file":
            left.workbench.opener.open_paths([study])
        else:
            self.series(left, "T2 sag")
        settle(qtbot, left)
        assert shown_value(left) == 4
        assert left.workbench.current.finding is not None
        assert left.slice_bar.words.text() == "Slice 5 of 5 – result: slice 3"

    def test_in_another_session(self, qtbot, left, open_window):
        left.close()
        qtbot.waitUntil(lambda: not left.isVisible())
        again = open_window()
        again.actions_by_name["open_last_session"].trigger()
        settle(qtbot, again)
        assert shown_value(again) == 4

    def test_at_the_result_that_a_person_chose(self, qtbot, left, study):
        with qtbot.waitSignal(left.workbench.session.finding_ready):
            left.actions_by_name["again"].trigger()
        settle(qtbot, left)
        left.actions_by_name["close_case"].trigger()
        left.workbench.opener.open_paths([study])
        settle(qtbot, left)
        assert shown_value(left) == 4
        assert left.slice_bar.words.text() == "Slice 5 of 5 – analysed"

    def test_a_slice_that_is_not_there_any_more_is_forgotten(self, qtbot, left, study):
        left.actions_by_name["close_case"].trigger()
        for path in sorted((study / "t2").iterdir())[-1:]:
            path.unlink()
        left.workbench.opener.open_paths([study])
        settle(qtbot, left)
        assert left.workbench.current.finding is not None
        assert not left.navigation.is_away


def test_nothing_is_decided_on_a_result_while_another_slice_is_seen(qtbot, leafed):
    page = leafed.results.reading
    wheel(leafed, -1, PLAIN)
    settle(qtbot, leafed)
    reason = "These are the results of slice 3; go back to it first (Home)"
    for name in ("accept_rest", "sign"):
        assert not leafed.actions_by_name[name].isEnabled()
        assert reason in leafed.actions_by_name[name].toolTip()
    for button in (page.accept_rest, page.sign):
        assert not button.isEnabled()
        assert button.toolTip() == reason
    leafed.navigation.follow()
    settle(qtbot, leafed)
    assert page.sign.isEnabled()
    assert leafed.actions_by_name["sign"].isEnabled()
