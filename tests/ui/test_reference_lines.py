"""Lines where slices of other series cut the picture, and jumps from one series to another."""

import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtTest import QTest

from spinealign.domain.study import SlicePosition
from tests.image_files import write_series
from tests.ui.hands import open_and_rest, settle, shown_value

FRAME = "1.2.826.1"


def crossing(folder, axial_frame=FRAME):
    """Five sagittal and four axial slices that cross each other."""
    write_series(
        folder / "sag", 5, SeriesNumber=1, SeriesDescription="T2 sag", FrameOfReferenceUID=FRAME
    )
    tags = {} if axial_frame is None else {"FrameOfReferenceUID": axial_frame}
    write_series(folder / "tra", 4, "axial", SeriesNumber=2, SeriesDescription="T2 tra", **tags)
    return folder


@pytest.fixture
def crossed(qtbot, browsing, tmp_path):
    """Return a function that opens both series, the sagittal one shown."""

    def show(axial_frame=FRAME):
        folder = crossing(tmp_path / "study", axial_frame)
        open_and_rest(qtbot, browsing, folder)
        study = browsing.series.browser.study
        browsing.workbench.open_cases([study.opening(stack) for stack in study.stacks])
        settle(qtbot, browsing)
        by_name = {case.title.split(",")[0]: case for case in browsing.workbench.session.cases}
        browsing.workbench.select(by_name["T2 sag"])
        settle(qtbot, browsing)
        return by_name

    return show


def lines(window):
    return window.viewer.picture.references.lines


def test_the_slice_of_the_other_series_is_drawn_where_it_cuts(qtbot, browsing, crossed):
    cases = crossed()
    [line] = lines(browsing)
    assert line.name == "T2 tra, slice 3 of 4"
    # The axial slice 2 (from 0) lies 1 mm below the origin, in the middle of pixel 0.
    assert line.start[1] == pytest.approx(line.end[1])
    assert line.start[1] == pytest.approx((8 - 7) / 0.6 + 0.5)
    browsing.workbench.select(cases["T2 tra"])
    settle(qtbot, browsing)
    browsing.navigation.step(1)
    settle(qtbot, browsing)
    browsing.workbench.select(cases["T2 sag"])
    settle(qtbot, browsing)
    [line] = lines(browsing)
    assert line.name == "T2 tra, slice 4 of 4"
    assert line.start[1] == pytest.approx((12 - 7) / 0.6 + 0.5)


@pytest.mark.parametrize("frame", [None, "1.2.826.2"], ids=["unknown", "another"])
def test_there_is_no_line_without_a_common_frame_of_reference(qtbot, browsing, crossed, frame):
    crossed(frame)
    assert lines(browsing) == ()
    assert browsing.references.ways_from(QPointF(4, 4)) == []


def test_a_key_hides_them_and_that_is_remembered(qtbot, browsing, crossed):
    crossed()
    browsing.viewer.setFocus()
    QTest.keyClick(browsing.viewer, Qt.Key.Key_J)
    assert lines(browsing) == ()
    assert not browsing.workbench.preferences.settings.show_reference_lines
    QTest.keyClick(browsing.viewer, Qt.Key.Key_J)
    assert len(lines(browsing)) == 1


def test_the_menu_leads_to_the_same_place_on_the_other_series(qtbot, browsing, crossed):
    cases = crossed()
    point = QPointF(5, (12 - 7) / 0.6 + 0.5)
    menu = browsing.correction.menu.menu_for(point)
    [action] = [a for a in menu.actions() if "T2 tra" in a.text()]
    assert action.text() == "Show this place on T2 tra, slice 4 of 4"
    action.trigger()
    settle(qtbot, browsing)
    assert browsing.workbench.current is cases["T2 tra"]
    assert browsing.navigation.place == SlicePosition(0, 3)
    assert shown_value(browsing) == 3
