"""Graded discs in the window: table, one disc closely, levels shifted, the other contrast."""

from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog, QLabel

from spinealign import wording
from spinealign.domain.discs import GradeName
from spinealign.ui.cases.case import CaseStatus
from spinealign.ui.results.disc_inset import NO_HEAT
from spinealign.ui.results.disc_model import DISC_COLUMN, FINDINGS_COLUMN, PFIRRMANN_COLUMN
from spinealign.ui.results.probability_bars import ProbabilityBar
from spinealign.wording.discs import OVERALL_RULE
from tests import fakes
from tests.disc_models import graded_analysis

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(window, analysed):
    analysed("disc_1.png")
    return window.results.page


@pytest.fixture
def assumed(window, analysed, monkeypatch):
    """The page of a picture that ends above the sacrum: levels are only assumed."""
    cut = graded_analysis(rows=300)
    monkeypatch.setattr(fakes, "_discs", lambda: cut)
    analysed("disc_1.png")
    return window.results.page


def column(table, number):
    model = table.model()
    return [model.index(row, number).data() for row in range(model.rowCount())]


def click(table, row):
    place = table.visualRect(table.model().index(row, FINDINGS_COLUMN)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=place)


def names(window):
    return [disc.name for disc in window.workbench.editing.analysis.discs]


def test_the_table_has_a_row_for_each_disc_from_the_top(page):
    table = page.discs.table
    assert column(table, DISC_COLUMN)[0] == "T11/T12"
    assert column(table, DISC_COLUMN)[-2:] == ["L4/L5", "L5/S1"]
    assert column(table, PFIRRMANN_COLUMN)[-2:] == ["5 (over 99\u00a0%)", "4 (over 99\u00a0%)"]
    assert column(table, FINDINGS_COLUMN)[-2:] == [
        "herniation uncertain (52\u00a0%)",
        "narrowed (95\u00a0%)\nbulging (88\u00a0%)",
    ]
    assert column(table, FINDINGS_COLUMN)[0] == "no abnormality detected"


def test_the_overall_word_stands_with_its_rule(page):
    texts = [label.text() for label in page.discs.findChildren(QLabel)]
    assert page.discs.overall.text() == "Overall: Abnormal"
    assert OVERALL_RULE in texts


def test_every_row_has_a_picture_of_its_own(page):
    model = page.discs.model
    pictures = [
        model.index(row, DISC_COLUMN).data(Qt.ItemDataRole.DecorationRole).toImage()
        for row in range(model.rowCount())
    ]
    assert all(picture.width() == 128 for picture in pictures)
    assert all(a != b for i, a in enumerate(pictures) for b in pictures[:i])


def test_all_rows_are_seen_without_a_scroll_bar_of_the_table(page):
    table = page.discs.table
    last = table.visualRect(table.model().index(table.model().rowCount() - 1, 0))
    assert last.bottom() <= table.viewport().height()


def test_a_click_brings_the_disc_to_the_middle_of_the_picture(page, window):
    disc, before = page.discs.model.discs[-1], window.viewer.zoom
    click(page.discs.table, len(page.discs.model.discs) - 1)
    viewer = window.viewer
    middle = viewer.to_picture(window.disc_inset._free().center().toPointF())
    x, y = ((a + b) / 2 for a, b in zip(disc.anterior, disc.posterior, strict=True))
    assert abs(middle.x() - x) < 3
    assert abs(middle.y() - y) < 3
    assert viewer.zoom > 1.3 * before


def test_the_disc_is_shown_larger_with_the_leading_heat_map(page, window):
    detail = window.disc_inset
    assert not detail.isVisible()
    click(page.discs.table, len(page.discs.model.discs) - 1)
    assert detail.isVisible()
    assert detail.title.text() == "L5/S1"
    assert detail.picture.accessibleName().endswith("L5/S1: Pfirrmann 4, narrowed, bulging")
    assert detail.heat.currentData() is GradeName.NARROWING
    with_heat = detail.picture.pixmap().toImage()
    detail.heat.setCurrentIndex(detail.heat.findText(NO_HEAT))
    detail.heat.activated.emit(detail.heat.currentIndex())
    assert detail.picture.pixmap().toImage() != with_heat


def test_a_heat_map_that_was_put_away_stays_away_for_the_next_disc(page, window):
    click(page.discs.table, 0)
    detail = window.disc_inset
    detail.heat.setCurrentIndex(detail.heat.count() - 1)
    detail.heat.activated.emit(detail.heat.currentIndex())
    click(page.discs.table, 1)
    assert detail.heat.currentText() == NO_HEAT


def test_arrow_keys_go_from_disc_to_disc(page, window):
    table = page.discs.table
    click(table, 0)
    window.activateWindow()
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert window.disc_inset.title.text() == "T12/L1"
    assert page.discs.grades.title.text() == "All grades of T12/L1"


def test_the_picture_of_a_disc_can_be_put_away(page, window):
    click(page.discs.table, 0)
    QTest.mouseClick(window.disc_inset.close_button, LEFT)
    assert not window.disc_inset.isVisible()
    assert window.viewer.picture._mark is None


def test_all_grades_of_the_disc_have_bars(page):
    click(page.discs.table, len(page.discs.model.discs) - 1)
    bars = page.discs.grades.findChildren(ProbabilityBar)
    assert [bar.accessibleName() for bar in bars][:2] == [
        "Pfirrmann grade: 4 (over 99\u00a0%)",
        "Disc narrowing: yes (95\u00a0%)",
    ]
    assert len(bars) == 8


def test_the_disc_looked_at_is_marked_until_another_case_comes(page, window, analysed):
    click(page.discs.table, 0)
    assert window.viewer.picture._mark is not None
    analysed("ct_1.dcm")
    assert window.viewer.picture._mark is None
    assert not window.disc_inset.isVisible()
    assert window.results.disc_choice.index_from_bottom is None


@pytest.mark.parametrize(
    ("steps", "lowest", "first_body"), [(1, "L4/L5", "T10"), (-1, "disc 1", "T12")]
)
def test_a_level_button_renames_discs_and_vertebrae_everywhere(
    page, window, steps, lowest, first_body
):
    click(page.discs.table, len(page.discs.model.discs) - 1)
    QTest.mouseClick(page.discs.buttons[steps], LEFT)
    shown = window.results.page
    analysis = window.workbench.editing.analysis
    assert names(window)[0] == lowest
    assert column(shown.discs.table, DISC_COLUMN)[-1] == lowest
    assert window.disc_inset.title.text() == lowest
    assert analysis.vertebrae[0].name == first_body
    assert wording.headline(analysis) in [label.text() for label in shown.findChildren(QLabel)]
    window.workbench.editing.undo()
    assert names(window)[0] == "L5/S1"
    assert column(window.results.page.discs.table, DISC_COLUMN)[-1] == "L5/S1"


def test_shifted_levels_are_kept_and_come_back(page, window, qtbot, fake, analysed):
    window.actions_by_name["levels_up"].trigger()
    with qtbot.waitSignal(window.workbench.editing.saved):
        window.workbench.editing.save()
    path = window.workbench.current.path
    assert fake.kept[path].vertebrae[0].level == "T10"
    window.workbench.close_current()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.workbench.opener.open_paths([path])
    assert names(window)[0] == "L4/L5"


def test_a_shift_that_is_impossible_is_refused_in_words(page, window):
    for _ in range(3):
        window.actions_by_name["levels_down"].trigger()
    assert "no level is left" in window.banner.findChildren(QLabel)[0].text() or any(
        "no level is left" in label.text() for label in window.banner.findChildren(QLabel)
    )


def test_assumed_levels_can_be_confirmed(assumed, window):
    confirm = assumed.discs.buttons[0]
    assert confirm.isVisible()
    assert names(window)[0] == "L5/S1?"
    QTest.mouseClick(confirm, LEFT)
    assert names(window)[0] == "L5/S1"
    assert not window.results.page.discs.buttons[0].isVisible()


def test_sure_levels_need_no_confirming(page):
    assert not page.discs.buttons[0].isVisible()


def test_everything_has_a_name_for_a_screen_reader(page, window):
    click(page.discs.table, len(page.discs.model.discs) - 1)
    discs, inset = page.discs, window.disc_inset
    spoken = [discs.table, inset.heat, inset.picture, inset.close_button, *discs.buttons.values()]
    assert all(widget.accessibleName() for widget in spoken)
    cell = discs.model.index(len(discs.model.discs) - 1, DISC_COLUMN)
    said = cell.data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "L5/S1: Pfirrmann 4, narrowed, bulging"


def test_other_images_have_no_discs_to_save_or_shift(window, analysed):
    analysed("ct_1.dcm")
    for name in ("save_discs", "levels_up", "levels_down", "add_companion", "drop_companion"):
        assert not window.actions_by_name[name].isEnabled()


def test_the_table_of_discs_can_be_saved(page, window, qtbot, fake, tmp_path, monkeypatch):
    target = tmp_path / "mine.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    assert window.actions_by_name["save_discs"].isEnabled()
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save_discs"].trigger()
    assert fake.written == [("discs", target)]


@pytest.fixture
def other(files, monkeypatch):
    """Return a function that answers the next file dialog with a file of this name."""

    def choose(name):
        [path] = files(name)
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        return path

    return choose


def test_the_other_contrast_is_added_and_left_out_again(page, window, qtbot, fake, other):
    path = other("t1.png")
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.actions_by_name["add_companion"].trigger()
    assert fake.analyser.companions == [None, path]
    words = [label.text() for label in window.results.page.findChildren(QLabel)]
    told = [text for text in words if text.startswith("The discs were graded together with")]
    assert len(told) == 1
    assert "t1.png" in told[0]
    chips = window.results.reading.chips.buttons
    assert [chip.toolTip() for chip in chips if chip.text() == "T1 and T2"] == told
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.actions_by_name["drop_companion"].trigger()
    assert fake.analyser.companions[-1] is None
    assert not window.actions_by_name["drop_companion"].isEnabled()


def test_a_contrast_that_cannot_be_read_leaves_the_result_as_it_was(page, window, qtbot, other):
    other("bad.png")
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.actions_by_name["add_companion"].trigger()
    assert window.workbench.current.status is CaseStatus.DONE
    assert window.workbench.current.companion is None
    assert names(window)[0] == "L5/S1"


def test_the_contrast_of_another_patient_is_refused_with_advice_that_helps(
    page, window, qtbot, other
):
    other("stranger_t1.png")
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.actions_by_name["add_companion"].trigger()
    assert window.workbench.current.status is CaseStatus.DONE
    assert window.workbench.current.companion is None
    assert "so they are not graded together" in window.banner.text
    assert window.banner.text.endswith("Choose the other contrast of the same examination.")


def test_a_dialog_that_is_closed_adds_nothing(page, window, fake, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    window.actions_by_name["add_companion"].trigger()
    assert fake.analyser.companions == [None]
    assert isinstance(window.workbench.current.path, Path)


def test_the_bars_are_drawn_for_every_grade(page):
    table = page.discs.table
    rect = table.visualRect(table.model().index(len(page.discs.model.discs) - 1, 1))
    picture = table.viewport().grab(rect).toImage()
    bottom = rect.height() // 2 + 14
    colours = {
        picture.pixelColor(QPoint(6 + 4 + number * 12, bottom)).name() for number in range(5)
    }
    assert len(colours) > 1


def test_no_direction_of_the_patient_stands_below_the_picture_of_a_disc(page, window):
    viewer, analysis = window.viewer, window.workbench.current_analysis
    window.disc_inset.look_at(analysis.discs[0], analysis)
    assert window.disc_inset.isVisible()
    inset = window.disc_inset.geometry().toRectF()
    assert viewer.covered == [inset]
    assert not any(text.ground.intersects(inset) for text in viewer.texts)
    window.disc_inset.hide_inset()
    assert viewer.covered == []
