"""The table of measures: values in groups, ticks, bars, keys, and changes in place."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from PyQt6.QtCore import QModelIndex, QPoint, Qt
from PyQt6.QtGui import QGuiApplication, QImage, QPainter
from PyQt6.QtTest import QSignalSpy, QTest

from spinealign.domain.measurements import (
    Measurement,
    MeasureState,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import (
    MEASURES,
    MeasureCode,
    MeasureGroup,
    NormalRange,
    Reference,
    Severity,
    SeverityGrade,
)
from spinealign.ui.results.definition_view import DefinitionView
from spinealign.ui.results.measure_model import ICON_PX, MeasureChoices, MeasureColumn
from spinealign.ui.results.measure_tree import MeasureTable
from spinealign.ui.widgets.range_bar import bar_scale, draw_range
from spinealign.ui.widgets.theme import DARK, LIGHT
from spinealign.wording.measure_rows import measure_sentence
from spinealign.wording.measures import definition_text, measurement_name

LEVELS = ("C2", "C3", "C4", "C5", "C6", "C7")
DISCS = tuple(pairwise(LEVELS))


def measure(code, value, levels=(), **changes):
    definition = MEASURES[code]
    found = Measurement(
        code, value, definition.quantity, levels, interval=(value - 2, value + 2),
        normal=definition.normal_for(levels), automatic_value=value,
    )  # fmt: skip
    return replace(found, **changes)


def missing(code, levels=()):
    why = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, levels[-1:])
    found = measure(code, 0.0, levels, interval=None, normal=None, unmeasurable=why)
    return replace(found, value=None, automatic_value=None)


def film(cobb=12.3):
    return (
        measure(MeasureCode.COBB_C2_C7, cobb, ("C2", "C7")),
        measure(MeasureCode.SAGITTAL_VERTICAL_AXIS, 15.0, ("C2", "C7")),
        missing(MeasureCode.T1_SLOPE, ("T1",)),
        *(measure(MeasureCode.BODY_SEGMENTAL_ANGLE, 3.0, disc) for disc in DISCS),
        *(measure(MeasureCode.DISC_HEIGHT_RATIO, 0.3, disc) for disc in DISCS),
        *(measure(MeasureCode.BODY_HEIGHT_RATIO, 0.9, (level,)) for level in LEVELS[1:]),
    )


@pytest.fixture
def show(qtbot):
    def make(measurements, choices=None, width=430):
        table = MeasureTable(choices or MeasureChoices(), LIGHT)
        qtbot.addWidget(table)
        table.set_measurements(measurements)
        table.resize(width, 700)
        with qtbot.waitExposed(table):
            table.show()
        return table

    return make


def headings(table):
    return [table.model.index(row, 0).data() for row in range(table.model.rowCount())]


def row_of(table, code, levels):
    return table.model.index_of((code.value, levels))


COBB_KEY = (MeasureCode.COBB_C2_C7.value, ("C2", "C7"))


@pytest.fixture
def cobb_row(show):
    table = show(film())
    index = table.model.index_of(COBB_KEY)
    table.tree.setCurrentIndex(index)
    table.tree.setFocus()
    return table, index


def test_measures_stand_in_groups_with_what_is_missing_below(show):
    table = show(film())
    assert headings(table) == ["Alignment (2)", "Segments (5)", "Discs (5)", "Bodies (5)"]
    assert table.missing_list.text() == "T1 slope: T1 was not found."
    assert "Not measurable (1)" in table.missing_fold._button.text()


def test_a_heading_counts_what_lies_outside_and_what_is_edited(show):
    table = show(film(cobb=45.0))
    assert headings(table)[0] == "Alignment (2, 1 outside range)"
    edited = replace(film(cobb=45.0)[0], state=MeasureState.EDITED)
    table.set_measurements((edited, *film()[1:]))
    assert headings(table)[0] == "Alignment (2, 1 outside range, 1 edited)"


def test_a_row_shows_value_and_interval_and_reads_out_all_of_it(cobb_row):
    _, index = cobb_row
    assert index.data() == "C2–C7 Cobb lordosis"
    assert index.siblingAtColumn(MeasureColumn.VALUE).data() == "12.3°"
    assert index.siblingAtColumn(MeasureColumn.INTERVAL).data() == "10.3 to 14.3"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == measure_sentence(film()[0])
    assert "within the 95 % reference range (-10.2 to 38°)" in measure_sentence(film()[0])


def test_the_tool_tip_names_method_and_source_of_the_range(cobb_row):
    tip = cobb_row[1].data(Qt.ItemDataRole.ToolTipRole)
    assert "inferior endplate of C7" in tip.replace("\n", " ")
    assert "13.9 ± 12.3°, 1,230 people aged 20 to 79, Yukawa 2012" in tip.replace("\n", " ")
    assert max(map(len, tip.splitlines())) <= 72


def test_edited_values_are_marked_with_the_automatic_value(show):
    edited = replace(film()[0], state=MeasureState.EDITED, automatic_value=10.0)
    table = show((edited, *film()[1:]))
    index = table.model.index_of(COBB_KEY)
    pencil = Qt.ItemDataRole.DecorationRole
    assert index.siblingAtColumn(MeasureColumn.VALUE).data(pencil) is not None
    assert "manually corrected; automatic 10.0°" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert table.edited_note.isVisible()
    table.set_measurements(film())
    assert index.siblingAtColumn(MeasureColumn.VALUE).data(pencil) is None
    assert not table.edited_note.isVisible()


@pytest.mark.parametrize("width", [430, 900])
def test_the_list_does_not_grow_when_every_value_is_corrected(show, width):
    """Swapping anterior and posterior corrects all of them at once."""
    table = show(film(), width=width)
    before, plain = table.tree.height(), table.tree.grab().toImage()
    corrected = [replace(m, state=MeasureState.EDITED, automatic_value=-1.0) for m in film()]
    table.set_measurements(corrected)
    assert table.tree.height() == before
    table.edited_note.hide()
    assert table.tree.grab().toImage() != plain


def test_nothing_is_cut_off_at_the_width_of_the_narrowest_screen(show):
    table = show(film(-12.3), width=430)
    tree = table.tree
    assert sum(tree.columnWidth(column) for column in MeasureColumn) <= tree.viewport().width()
    for column in (MeasureColumn.MEASURE, MeasureColumn.VALUE, MeasureColumn.INTERVAL):
        names = [measurement_name(film(-12.3)[0])]
        texts = names if column == MeasureColumn.MEASURE else table.tree._measures.texts(column)
        room = tree.columnWidth(column) - (30 if column == MeasureColumn.MEASURE else 12)
        assert max(tree.fontMetrics().horizontalAdvance(text) for text in texts) <= room


def test_a_drag_changes_values_in_place(show, qtbot):
    table = show(film())
    index = table.model.index_of(COBB_KEY)
    table.tree.setCurrentIndex(index)
    resets, changes = QSignalSpy(table.model.modelReset), QSignalSpy(table.model.dataChanged)
    height = table.tree.height()
    table.set_measurements(film(cobb=13.9))
    assert len(resets) == 0
    # The heading of the group, and the one row that is another.
    assert [(spy[0].row(), spy[1].row()) for spy in changes] == [(0, 0), (0, 0)]
    assert index.siblingAtColumn(MeasureColumn.VALUE).data() == "13.9°"
    assert table.tree.currentIndex() == index
    assert table.tree.height() == height


def test_the_same_measures_again_change_nothing(show):
    table = show(film())
    changes = QSignalSpy(table.model.dataChanged)
    table.set_measurements(film())
    assert len(changes) == 0


def test_rows_that_come_and_go_keep_selection_and_open_groups(show):
    table = show(film())
    table.tree.setCurrentIndex(table.model.index_of(COBB_KEY))
    table.tree.setExpanded(table.model.index(2, 0), True)
    drawn = measure(MeasureCode.DRAWN_DISTANCE, 20.0, drawing=1, state=MeasureState.DRAWN)
    table.set_measurements((*film(), drawn))
    assert headings(table)[0] == "Manual measurements (1)"
    assert table.tree.selected_key == COBB_KEY
    assert table.tree.isExpanded(table.model.index(3, 0))


def test_a_threshold_word_makes_its_row_taller_and_is_read_out(show):
    table = show(film())
    before = table.tree.height()
    grave = replace(film()[0], severity=Severity(SeverityGrade.GENANT_1, Reference.GENANT))
    table.set_measurements((grave, *film()[1:]))
    assert table.tree.height() == before + table.tree.fontMetrics().height()
    index = table.model.index_of(COBB_KEY)
    assert "mild" in index.data(Qt.ItemDataRole.AccessibleTextRole)


def test_space_draws_on_the_picture_and_is_remembered(cobb_row):
    table, index = cobb_row
    spy = QSignalSpy(table.measure_toggled)
    assert index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    for _ in range(2):
        QTest.keyClick(table.tree, Qt.Key.Key_Space)
    assert list(spy) == [[COBB_KEY, False], [COBB_KEY, True]]


def test_a_tick_on_a_heading_draws_its_whole_group(show):
    choices = MeasureChoices()
    table = show(film(), choices)
    heading = table.model.index(1, 0)
    spy = QSignalSpy(table.measure_toggled)
    table.model.toggle(heading)
    assert len(spy) == len(DISCS)
    assert heading.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    angle = row_of(table, MeasureCode.BODY_SEGMENTAL_ANGLE, ("C4", "C5"))
    table.model.toggle(angle)
    assert heading.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.PartiallyChecked
    assert not choices.is_shown(table.model.measurement(angle))


def test_the_tick_box_answers_to_the_mouse_in_a_row_of_two_lines(show):
    table = show(film())
    index = table.model.index_of(COBB_KEY)
    rect = table.tree.visualRect(index)
    assert rect.height() > 1.5 * table.tree.fontMetrics().height()
    first_line = table.tree.fontMetrics().height() // 2 + 3
    spy = QSignalSpy(table.measure_toggled)
    place = QPoint(rect.left() + 10, rect.top() + first_line)
    QTest.mouseClick(table.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert list(spy) == [[COBB_KEY, False]]


def click(table, index, column=MeasureColumn.VALUE):
    place = table.tree.visualRect(index.siblingAtColumn(column)).center()
    QTest.mouseClick(table.tree.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_click_selects_and_another_one_ends_that(show):
    table = show(film())
    spy = QSignalSpy(table.measure_selected)
    index = table.model.index_of(COBB_KEY)
    click(table, index)
    click(table, index)
    assert list(spy) == [[COBB_KEY], [None]]


def test_one_click_opens_the_definition(show):
    table = show(film())
    spy = QSignalSpy(table.definition_requested)
    click(table, table.model.index_of(COBB_KEY), MeasureColumn.DEFINITION)
    assert [asked.code for [asked] in spy] == [MeasureCode.COBB_C2_C7]


def test_enter_opens_the_definition_and_folds_a_group(cobb_row):
    table, _ = cobb_row
    spy = QSignalSpy(table.definition_requested)
    QTest.keyClick(table.tree, Qt.Key.Key_Return)
    assert len(spy) == 1
    group = table.model.index(0, 0)
    table.tree.setCurrentIndex(group)
    QTest.keyClick(table.tree, Qt.Key.Key_Return)
    assert not table.tree.isExpanded(group)
    assert len(spy) == 1


def test_arrows_walk_through_rows_and_open_groups(cobb_row):
    table, _ = cobb_row
    QTest.keyClick(table.tree, Qt.Key.Key_Down)
    assert table.tree.selected_key == (MeasureCode.SAGITTAL_VERTICAL_AXIS.value, ("C2", "C7"))
    table.tree.setCurrentIndex(table.model.index(3, 0))
    assert not table.tree.isExpanded(table.model.index(3, 0))
    before = table.tree.height()
    QTest.keyClick(table.tree, Qt.Key.Key_Right)
    assert table.tree.isExpanded(table.model.index(3, 0))
    assert table.tree.height() > before


def test_folded_groups_are_remembered_for_the_next_case(show):
    choices = MeasureChoices()
    table = show(film(), choices)
    table.tree.collapse(table.model.index(1, 0))
    assert MeasureGroup.SEGMENTS not in choices.open_groups
    again = show(film(), choices)
    assert not again.tree.isExpanded(again.model.index(1, 0))


def test_without_any_value_only_the_reasons_are_shown(show):
    table = show((missing(MeasureCode.COBB_C2_C7, ("C2", "C7")),))
    assert not table.tree.isVisible()
    assert table.missing_fold.isVisible()


def test_an_index_beside_the_rows_is_nothing(show):
    table = show(film())
    assert table.model.measurement(QModelIndex()) is None
    assert not table.model.index_of(("nothing", ())).isValid()


@pytest.mark.parametrize(
    ("low", "high", "shares"),
    [
        (6, 19, (0.25, 0.75)),
        (None, 40, (0.0, 2 / 3)),
        (0.8, None, (1 / 3, 1.0)),
        (5, 5, (0.5, 0.5)),
    ],
    ids=["both ends", "upper end", "lower end", "a point"],
)
def test_the_bar_leaves_room_beside_the_range(low, high, shares):
    scale = bar_scale(NormalRange(low, high))
    ends = (scale.low if low is None else low, scale.high if high is None else high)
    assert tuple(scale.share(end) for end in ends) == pytest.approx(shares)
    assert scale.share(-1e6) == 0
    assert scale.share(1e6) == 1


def test_a_range_without_ends_has_no_bar():
    assert bar_scale(NormalRange(None, None)) is None


def painted(measurement, colours):
    image = QImage(200, 24, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    draw_range(painter, image.rect().toRectF(), measurement, colours)
    painter.end()
    return image


def mark_place(image, colour):
    """Return the mean column of the pixels that have exactly this colour."""
    columns = [x for x in range(200) for y in range(24) if image.pixelColor(x, y).name() == colour]
    return sum(columns) / len(columns)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_mark_stands_where_the_value_lies(colours):
    inside = replace(film()[0], value=13.9, interval=None)
    outside = replace(film()[0], value=48.0, interval=None)
    beyond = replace(film()[0], value=80.0, interval=None)
    assert mark_place(painted(inside, colours), colours.text) == pytest.approx(99.5, abs=1.5)
    assert 160 < mark_place(painted(outside, colours), colours.warning) < 180
    assert mark_place(painted(beyond, colours), colours.warning) > 187


def test_without_a_normal_range_nothing_is_painted():
    bare = replace(film()[0], normal=None)
    assert painted(bare, LIGHT) == painted(replace(bare, value=90.0), LIGHT)


@pytest.fixture
def definition(qtbot, show):
    table = show(film())
    view = DefinitionView(table)
    with qtbot.waitExposed(view):
        view.show_measure(film()[0])
    yield view
    table.close()


def test_the_definition_says_value_method_and_sources(definition):
    assert "Definition: C2–C7 Cobb lordosis" in definition.windowTitle()
    assert "12.3°, 95 % interval 10.3 to 14.3" in definition.text
    assert definition_text(MeasureCode.COBB_C2_C7).partition("\n\n")[2] in definition.text
    assert "Sources:" in definition.text


def test_the_definition_follows_a_drag_and_another_measure(definition):
    definition.refresh(film(cobb=14.5))
    assert "14.5°" in definition.text
    definition.show_measure(film()[1])
    assert "plumb line" in definition.text


def test_a_closed_definition_stays_closed(definition):
    definition.close()
    definition.refresh(film(cobb=14.5))
    assert "14.5°" not in definition.text
    assert not definition.isVisible()


def test_the_definition_is_copied_as_text(definition):
    definition._copy()
    assert QGuiApplication.clipboard().text() == definition.text
    QGuiApplication.clipboard().clear()


def test_corners_that_a_measure_asks_to_check_can_be_confirmed(show):
    why = Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("C2", "C7"))
    uncertain = replace(missing(MeasureCode.COBB_C2_C7, ("C2", "C7")), unmeasurable=why)
    at_disc = replace(missing(MeasureCode.DISC_ANGLE, ("C4", "C5")), unmeasurable=why)
    table = show((uncertain, replace(at_disc, levels=("C4", "C5"))))
    assert table.confirm_button.isVisible()
    [action] = table.confirm_menu.actions()
    assert action.text() == "Checked: the corners of C2 and C7 are right"
    asked = QSignalSpy(table.corners_confirmed)
    action.trigger()
    assert list(asked) == [[("C2", "C7")]]
    table.set_measurements(film())
    assert not table.confirm_button.isVisible()


@pytest.mark.parametrize("scale", ["1", "2"])
def test_icons_have_one_size_whatever_the_screen(scale):
    """Qt makes icons larger where the screen does, which must not be done twice."""
    ask = (
        "from PyQt6.QtWidgets import QApplication; app = QApplication([]);"
        "from spinealign.ui.results.measure_model import _picture;"
        "print(_picture('info').deviceIndependentSize().width())"
    )
    asked = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "QT_SCALE_FACTOR": scale},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(asked.stdout) == ICON_PX
