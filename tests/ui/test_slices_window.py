"""All slices of a series: progress, stopping, leafing, volumes."""

from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign.domain.image import DisplayWindow
from spinealign.ui.series.all_slices_window import SlicesWindow
from spinealign.ui.window.crash import CrashDialog
from tests.ui.hands import at_rest


@pytest.fixture
def slices(qtbot, window, analysed):
    """The window of a series once all its slices are segmented; closed at the end."""
    analysed("series_1.nii")
    window.actions_by_name["all_slices"].trigger()
    [shown] = [w for w in QApplication.topLevelWidgets() if isinstance(w, SlicesWindow)]
    qtbot.waitUntil(lambda: shown.found is not None)
    yield shown
    shown.close()


def open_slices(window, path):
    shown = SlicesWindow(window.workbench, path, window)
    shown.show()
    return shown


def test_only_a_series_has_more_slices(window, analysed):
    analysed("mr_1.nii")
    assert not window.actions_by_name["all_slices"].isEnabled()
    analysed("series_1.nii")
    assert window.actions_by_name["all_slices"].isEnabled()


def test_it_opens_at_the_middle_slice_and_tells_volumes(slices):
    assert slices.slider.value() == 3
    assert slices.place.text() == "Slice 4 of 5, where the canal is widest"
    assert "disc: " in slices.words.text()
    assert " ml (" in slices.words.text()
    assert not slices.progress.isVisible()
    assert slices.slider.accessibleName() == "Slice"


def test_the_slider_shows_each_slice_with_its_own_structures(slices):
    QTest.keyClick(slices.slider, Qt.Key.Key_Left)
    QTest.keyClick(slices.slider, Qt.Key.Key_Left)
    scene, found = slices.viewer.picture, slices.found
    assert slices.place.text() == "Slice 2 of 5"
    assert (scene.display.image.pixels == found.volume.voxels[1]).all()
    assert (scene.overlay.mask_levels[0] == found.masks[1]).all()


def test_zoom_and_window_stay_from_slice_to_slice(slices):
    slices.viewer.zoom_to(3.0)
    wide = DisplayWindow(500.0, 900.0)
    slices.viewer.picture.set_window(wide)
    place = slices.viewer.to_picture(slices.viewer.viewport().rect().center().toPointF())
    slices.slider.setValue(0)
    assert slices.viewer.zoom == pytest.approx(3.0)
    assert slices.viewer.picture.window is wide
    after = slices.viewer.to_picture(slices.viewer.viewport().rect().center().toPointF())
    assert (after.x(), after.y()) == pytest.approx((place.x(), place.y()), abs=1)


def test_the_middle_slice_is_shown_before_all_are_done(qtbot, window, fake, files):
    fake.analyser.hold = "slices"
    [path] = files("series_1.nii")
    shown = open_slices(window, path)
    qtbot.waitUntil(lambda: shown.viewer.picture.display is not None)
    assert not shown.slider.isEnabled()
    assert shown.progress.value() == 40
    QTest.mouseClick(shown.cancel, Qt.MouseButton.LeftButton)
    assert "Stopped" in shown.words.text()
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(window))
    assert shown.found is None
    shown.close()


def test_closing_stops_the_work(qtbot, window, fake, files):
    fake.analyser.hold = "slices"
    [path] = files("series_1.nii")
    shown = open_slices(window, path)
    qtbot.waitUntil(fake.analyser.reached.is_set)
    shown.close()
    fake.analyser.gate.set()
    qtbot.waitUntil(lambda: at_rest(window))


def test_a_series_that_cannot_be_read_is_said_so(qtbot, window, files):
    [path] = files("bad_series.nii")
    shown = open_slices(window, path)
    qtbot.waitUntil(lambda: bool(shown.words.text()))
    assert "no sagittal MR series" in shown.words.text()
    shown.close()


def test_an_unexpected_failure_gets_an_error_report(qtbot, window, files):
    def fail(source, models):
        yield 1 / 0

    window.workbench.services = replace(window.workbench.services, segment_volume=fail)
    [path] = files("series_1.nii")
    with qtbot.waitSignal(window.workbench.messages.crashed):
        shown = open_slices(window, path)
    assert "unexpected" in shown.words.text()
    assert window.findChild(CrashDialog) is not None
    shown.close()
