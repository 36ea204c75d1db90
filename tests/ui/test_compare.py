"""Two examinations side by side: which ones, how they move, what changed."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QGuiApplication, QImage, QKeySequence
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QApplication, QLabel, QPushButton, QWidget

from spinealign.domain.comparison import (
    Change,
    ComparedMeasure,
    ErrorOfChange,
    PatientExamination,
)
from spinealign.domain.findings import LandmarkName
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.measure.correction.changes import move_landmark
from spinealign.measure.geometry.comparison import compare
from spinealign.ui.compare.compare_dialog import CompareWindow
from spinealign.ui.compare.compare_table import CompareColumn, CompareTable
from spinealign.ui.compare.course_page import CoursePage
from spinealign.ui.compare.linked_viewers import Match, match_points, match_rects
from spinealign.ui.compare.motion_page import MotionPage
from spinealign.ui.widgets.theme import LIGHT
from spinealign.wording.comparison import (
    ONE_CASE,
    OPEN_EARLIER,
    comparison_lines,
    comparison_row,
    without_result_text,
)
from spinealign.wording.worklist import Standing
from tests import fakes
from tests.phantoms_xray import analysed as analysed_film
from tests.phantoms_xray import draw_column, turned
from tests.ui.cut_texts import settled_cut_texts
from tests.ui.hands import at_rest

COBB_KEY = (MeasureCode.COBB_C2_C7.value, ("C2", "C7"))


@pytest.fixture(scope="module")
def films():
    small = analysed_film(draw_column())
    large = analysed_film(turned(draw_column(), scale=1.3, shift=(40, 0), shape=(1300, 1000)))
    return {"small": small, "large": large}


@pytest.fixture
def cases(window, analysed, films, monkeypatch):
    """Two open cases, the larger film being the current one."""

    def answer(path, _view, _side):
        film = films["large" if "large" in path.name else "small"]
        return replace(film, image=replace(film.image, source_path=path, sha256=path.name))

    monkeypatch.setattr(fakes, "answer_for", answer)
    return [analysed("film_small.png"), analysed("film_large.png")]


def over(window, qtbot):
    """Open the comparison by its command."""
    window.actions_by_name["compare"].trigger()
    [found] = window.findChildren(CompareWindow)
    qtbot.waitUntil(found.isVisible)
    return found


@pytest.fixture
def opened(window, cases, qtbot):
    """The comparison window, opened by its command."""
    found = over(window, qtbot)
    qtbot.waitUntil(found.isVisible)
    qtbot.waitUntil(lambda: not window.workbench.patients.is_busy)
    yield found
    if not sip.isdeleted(found):
        found.close()


@pytest.fixture
def compared(opened):
    """Its page of two examinations."""
    return opened.pair


def names_of(half):
    return [half.choice.itemText(place) for place in range(half.choice.count())]


def test_the_current_case_is_compared_with_the_one_before_it(compared, cases):
    assert [compared.first.case, compared.second.case] == cases
    assert names_of(compared.first) == ["film_small.png", "film_large.png", "Other file…"]
    assert compared.second.choice.currentText() == "film_large.png"
    for half, case in zip((compared.first, compared.second), cases, strict=True):
        assert half.viewer.picture.display is case.finding.display


def test_the_table_shows_what_compare_says(compared, cases):
    first, second = (case.finding.analysis for case in cases)
    rows = compare(first, second)
    model = compared.table.rows_model
    assert model.rows == rows
    texts = [c for c in CompareColumn if c is not CompareColumn.BAR]
    shown = tuple(model.index(0, column).data() for column in texts)
    assert shown == comparison_row(rows[0])


def test_swapping_turns_the_differences_round(compared, cases):
    [before] = [row for row in compared.table.rows_model.rows if row.either.key == COBB_KEY]
    compared.swap()
    [after] = [row for row in compared.table.rows_model.rows if row.either.key == COBB_KEY]
    assert after.difference == -before.difference
    assert compared.first.case is cases[1]


def test_another_case_is_chosen_above_its_picture(compared, cases):
    compared.first.choice.setCurrentIndex(1)
    compared.first.choice.activated.emit(1)
    assert compared.first.case is cases[1]
    assert all(row.difference in (0, None) for row in compared.table.rows_model.rows)


def test_a_file_that_is_not_open_is_opened_and_analysed(
    compared, cases, window, files, monkeypatch, qtbot
):
    [path] = files("film_small_2.png")
    monkeypatch.setattr(
        "spinealign.ui.compare.pair_page.QFileDialog.getOpenFileName",
        lambda *_: (str(path), ""),
    )
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        compared.second.choice.activated.emit(2)
    assert compared.second.case.path == path
    assert compared.second.viewer.picture.display is not None
    assert window.workbench.current is cases[1]


def test_with_one_case_open_the_other_half_asks_for_an_examination(window, analysed, qtbot):
    analysed("mr_1.nii")
    opened = over(window, qtbot)
    assert opened.pair.second.case is None
    assert opened.pair.second.viewer._placeholder == ONE_CASE
    assert opened.pair.second.open_button.isVisible()
    assert opened.pair.second.open_button.text() == OPEN_EARLIER
    assert not opened.pair.first.open_button.isVisible()
    assert not opened.pair.doubt.isVisible()
    assert opened.pair.table.rows_model.rows == ()
    assert not any(button.isEnabled() for button in opened.pair._needs_both)
    opened.close()


def test_both_halves_are_equally_wide_whatever_is_in_them(window, analysed, qtbot):
    analysed("film_1.png")
    opened = over(window, qtbot)
    qtbot.waitUntil(lambda: abs(opened.pair.first.width() - opened.pair.second.width()) <= 2)
    opened.close()


def test_the_button_of_an_empty_half_opens_an_examination(
    window, analysed, files, monkeypatch, qtbot
):
    analysed("film_1.png")
    opened = over(window, qtbot)
    [path] = files("film_small_2.png")
    monkeypatch.setattr(
        "spinealign.ui.compare.pair_page.QFileDialog.getOpenFileName",
        lambda *_: (str(path), ""),
    )
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        opened.pair.second.open_button.click()
    assert opened.pair.second.case.path == path
    assert not opened.pair.second.open_button.isVisible()
    opened.close()


def test_what_is_opened_to_be_compared_is_analysed_though_nothing_else_is_at_once(
    compared, cases, window, files, monkeypatch, qtbot
):
    [path] = files("film_small_2.png")
    monkeypatch.setattr(window.workbench.session, "analyses_at_once", False)
    monkeypatch.setattr(
        "spinealign.ui.compare.pair_page.QFileDialog.getOpenFileName",
        lambda *_: (str(path), ""),
    )
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        compared.second.choice.activated.emit(2)
    assert compared.second.viewer.picture.display is not None
    assert compared.table.rows_model.rows


@pytest.fixture
def resting(window, cases, analysed, qtbot, files):
    """A comparison of an analysed case with one opened while nothing is analysed by itself."""
    window.workbench.session.analyses_at_once = False
    window.workbench.opener.open_paths(files("film_small_3.png"))
    qtbot.waitUntil(lambda: len(window.workbench.session.cases) == 3 and at_rest(window))
    [*_, last] = window.workbench.session.cases
    assert last.finding is None
    window.workbench.select(cases[1])
    window.workbench.close([cases[0]])
    shown = over(window, qtbot)
    qtbot.waitUntil(lambda: not window.workbench.patients.is_busy)
    yield shown, last
    shown.close()


def test_a_case_that_nobody_analysed_is_analysed_by_a_button(resting, window, qtbot):
    shown, last = resting
    half = next(half for half in (shown.pair.first, shown.pair.second) if half.case is last)
    assert half.viewer.said == "film_small_3.png\nNot analysed yet"
    assert half.analyse_button.isVisible()
    assert half.analyse_button.text() == "Analyse this image"
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        QTest.mouseClick(half.analyse_button, Qt.MouseButton.LeftButton)
    assert half.viewer.picture.display is not None
    assert not half.analyse_button.isVisible()
    assert shown.pair.table.rows_model.rows


def test_a_case_that_is_chosen_to_be_compared_is_analysed_at_once(resting, window, qtbot):
    shown, last = resting
    place = shown.pair.first.choice.findText("film_small_3", Qt.MatchFlag.MatchContains)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        shown.pair.first.choice.setCurrentIndex(place)
        shown.pair.first.choice.activated.emit(place)
    assert shown.pair.first.case is last
    assert shown.pair.first.viewer.picture.display is not None


def test_the_course_offers_to_analyse_what_is_ticked_and_has_no_result(resting, window, qtbot):
    shown, _ = resting
    shown.show_page(shown.course)
    list_of_cases = shown.course.cases
    for row in range(list_of_cases.count()):
        list_of_cases.item(row).setCheckState(Qt.CheckState.Checked)
    button = shown.course.analyse_button
    assert (button.isVisible(), button.text()) == (True, "Analyse this image")
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not button.isVisible()
    assert len(shown.course.course.examinations) == 2


def test_flexion_and_extension_analyse_a_film_that_is_chosen(resting, window, qtbot):
    shown, last = resting
    shown.show_page(shown.motion)
    shown.motion.chosen = [last, None]
    shown.motion._is_chosen = True
    shown.motion.refresh()
    assert shown.motion.analyse_button.isVisible()
    place = shown.motion._cases.index(last)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        shown.motion.choices[0].activated.emit(place)
    assert not shown.motion.analyse_button.isVisible()


@pytest.mark.parametrize(
    ("standing", "reason", "words"),
    [
        (Standing.STOPPED, "", "film\nIts analysis was stopped"),
        (Standing.FAILED, "“film” is not an image.", "film\n“film” is not an image."),
        (Standing.FAILED, "", "film\nIt could not be analysed"),
        (Standing.RUNNING, "", "film\nBeing analysed…"),
    ],
)
def test_what_stands_in_place_of_a_picture(standing, reason, words):
    assert without_result_text("film", standing, reason) == words


def test_it_opens_with_its_title_on_the_screen_the_first_time(opened):
    free = opened.screen().availableGeometry()
    assert opened.testAttribute(Qt.WidgetAttribute.WA_Moved)
    assert free.contains(opened.pos())
    assert opened.y() >= free.top() + 20


def test_a_closed_case_leaves_the_comparison(compared, cases, window):
    window.workbench.close([cases[0]])
    assert compared.first.case is None
    assert compared.second.case is cases[1]


def test_a_closed_comparison_hears_nothing_any_more(opened, cases, window, analysed, qtbot):
    with qtbot.waitSignal(opened.destroyed):
        opened.close()
    analysed("film_small_3.png")
    window.correction.changes.swap_anterior_posterior()
    window.workbench.close([cases[0]])
    assert window.findChildren(CompareWindow) == []


def test_a_correction_in_the_main_window_is_followed(compared, cases, window, qtbot):
    before = compared.table.rows_model.rows
    c7 = next(b for b in cases[1].finding.analysis.vertebrae if b.level == "C7")
    mark = c7.landmark(LandmarkName.ANTERIOR_INFERIOR)
    window.workbench.editing.change(
        "move", lambda c: move_landmark(c, c7.index, mark.name, mark.x, mark.y + 20)
    )
    qtbot.waitUntil(lambda: compared.table.rows_model.rows != before)
    index = [row.either.key for row in compared.table.rows_model.rows].index(COBB_KEY)
    cell = compared.table.rows_model.index(index, CompareColumn.SECOND)
    assert "manually corrected" in cell.data()


def test_only_what_changed_is_shown_on_request(compared):
    compared.only_changed.setChecked(True)
    assert all(row.change is Change.BEYOND for row in compared.table.rows_model.rows)
    compared.only_changed.setChecked(False)
    assert compared.table.rows_model.rows


def middle_of(viewer):
    return viewer.mapToScene(viewer.viewport().rect().center())


def test_both_pictures_move_together_by_their_vertebrae(compared):
    first, second = compared.first.viewer, compared.second.viewer
    first.zoom_to(1.0)
    assert second.zoom == pytest.approx(1 / 1.3, rel=0.03)
    second.zoom_in()
    assert first.zoom == pytest.approx(1.25, rel=0.03)
    c5 = [
        next(body for body in half.analysis.vertebrae if body.level == "C5")
        for half in (compared.first, compared.second)
    ]
    first.centerOn(QPointF(*c5[0].outline[0]))
    there = QPointF(*c5[1].outline[0])
    apart = middle_of(second) - there
    assert apart.manhattanLength() < 12


def test_each_picture_moves_by_itself_when_told_so(compared):
    compared.move_together.setChecked(False)
    zoom = compared.second.viewer.zoom
    compared.first.viewer.zoom_in()
    assert compared.second.viewer.zoom == zoom
    compared.move_together.setChecked(True)
    assert compared.second.viewer.zoom != zoom


def test_the_selected_measure_is_drawn_on_both_pictures(compared):
    rows = compared.table.rows_model.rows
    place = next(
        i for i, row in enumerate(rows) if row.either.code is MeasureCode.BODY_SEGMENTAL_ANGLE
    )
    key = rows[place].either.key
    usual = compared.first.viewer.picture.measures.keys
    assert COBB_KEY in usual
    assert key not in usual
    compared.table.selectRow(place)
    for half in (compared.first, compared.second):
        assert half.viewer.picture.measures.keys == usual | {key}


def press(compared, text):
    push = next(b for b in compared.findChildren(QPushButton) if b.text() == text)
    QTest.mouseClick(push, Qt.MouseButton.LeftButton)


def test_the_comparison_is_copied(compared, cases):
    press(compared, "&Copy")
    first, second = (PatientExamination(case.finding.analysis) for case in cases)
    lines = comparison_lines(first, second, compare(first.analysis, second.analysis))
    assert QGuiApplication.clipboard().text() == "\n".join(lines)
    QGuiApplication.clipboard().clear()


def test_the_comparison_is_saved(compared, opened, window, fake, tmp_path, monkeypatch, qtbot):
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / "c"), ""),
    )
    with qtbot.waitSignal(window.workbench.saver.saved):
        press(compared, "Save as &table (CSV)…")
    assert fake.written == [("comparison", tmp_path / "c.csv")]
    assert "c.csv" in opened.message.text()


coordinates = st.floats(-1000, 1000)


@given(
    st.floats(0.1, 10),
    coordinates,
    coordinates,
    st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=7, unique=True),
)
def test_a_match_finds_scale_and_shift_again(scale, x, y, places):
    across, down = ([place[axis] for place in places] for axis in (0, 1))
    assume(max(max(across) - min(across), max(down) - min(down)) >= 1)
    truth = Match(scale, (x, y))
    first = {str(i): QPointF(*place) for i, place in enumerate(places)}
    second = {name: truth.map(point) for name, point in first.items()}
    found = match_points(first, {**second, "only there": QPointF()})
    for name, point in first.items():
        assert (found.map(point) - second[name]).manhattanLength() < 1e-4
        assert (found.inverse.map(second[name]) - point).manhattanLength() < 1e-3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"C2": QPointF(0, 0)}, {"C2": QPointF(1, 1)}),
        ({"C2": QPointF(0, 0), "C3": QPointF(0, 9)}, {"C4": QPointF(1, 1), "C5": QPointF(1, 2)}),
        ({"C2": QPointF(3, 3), "C3": QPointF(3, 3)}, {"C2": QPointF(1, 1), "C3": QPointF(1, 2)}),
    ],
    ids=["one body", "no common body", "one place"],
)
def test_without_common_bodies_there_is_no_match_by_them(first, second):
    assert match_points(first, second) is None


def test_whole_pictures_are_matched_at_their_middle():
    match = match_rects(QRectF(0, 0, 100, 200), QRectF(10, 0, 300, 400))
    assert match.scale == 2
    assert match.map(QPointF(50, 100)) == QPointF(160, 200)


def painted_bar(qtbot, change, difference):
    one = Measurement(MeasureCode.T1_SLOPE, 10.0, "deg")
    row = ComparedMeasure(one, one, change, difference, ErrorOfChange(1.0, 1.0, None))
    wide = ComparedMeasure(one, one, Change.WITHIN, 0.0, ErrorOfChange(10.0, 10.0, None))
    table = CompareTable(LIGHT)
    qtbot.addWidget(table)
    table.set_rows([row, wide])
    table.resize(900, 120)
    picture = QImage(table.viewport().size(), QImage.Format.Format_RGB32)
    table.viewport().render(picture)
    rect = table.visualRect(table.rows_model.index(0, CompareColumn.BAR))
    return picture.copy(rect)


def columns_of(picture, colour):
    return [
        x
        for x in range(picture.width())
        for y in range(picture.height())
        if picture.pixelColor(x, y).name() == colour
    ]


@pytest.mark.parametrize("difference", [-6.0, 6.0])
def test_the_bar_shows_side_and_certainty_of_a_difference(qtbot, difference):
    beyond = painted_bar(qtbot, Change.BEYOND, difference)
    marks = columns_of(beyond, LIGHT.warning)
    side = sum(marks) / len(marks) - beyond.width() / 2
    assert side * difference > 0
    assert not columns_of(painted_bar(qtbot, Change.WITHIN, difference), LIGHT.warning)


def test_the_comparison_is_seen_with_all_that_is_in_it_and_never_before(window, cases, qtbot):
    window.actions_by_name["compare"].trigger()
    [found] = window.findChildren(CompareWindow)
    assert found.pair.first.case is None
    assert not found.isVisible()
    seen = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() is QEvent.Type.Show:
                rows = len(watched.pair.table.rows_model.rows)
                seen.append(({watched.pair.first.case, watched.pair.second.case}, rows))
            return False

    watch = Watch()
    found.installEventFilter(watch)
    qtbot.waitUntil(found.isVisible)
    assert found.is_filled
    assert [both for both, _ in seen] == [set(cases)]
    assert seen[0][1] == len(found.pair.table.rows_model.rows) > 0
    found.close()


def test_a_comparison_that_is_filled_is_shown_at_once(window, cases, qtbot):
    found = CompareWindow(window.workbench, window.theme, window)
    qtbot.waitUntil(lambda: found.is_filled)
    assert not found.isVisible()
    found.show_filled()
    assert found.isVisible()
    found.close()


def test_no_large_part_of_a_comparison_is_styled_twice(window, cases, qtbot):
    # Styling anew what gets another parent took two thirds of the time of making the page.
    moved = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() is QEvent.Type.ParentChange:
                moved.append((len(watched.findChildren(QWidget)), type(watched).__name__))
            return False

    watch = Watch()
    QApplication.instance().installEventFilter(watch)
    found = CompareWindow(window.workbench, window.theme, window)
    QApplication.instance().removeEventFilter(watch)
    assert moved
    assert max(moved)[0] < 10
    found.close()


def test_pages_are_built_when_they_are_turned_to(opened):
    assert opened.findChildren(CoursePage) == opened.findChildren(MotionPage) == []
    opened.tabs.setCurrentIndex(1)
    assert opened.findChildren(CoursePage) == [opened.course]
    assert opened.findChildren(MotionPage) == []
    assert opened.course.cases.count() == 2
    opened.tabs.setCurrentIndex(2)
    assert opened.findChildren(MotionPage) == [opened.motion]
    assert opened.shown_page is opened.motion


def test_every_page_fits_a_small_screen_and_scrolls_where_it_does_not(qtbot, opened):
    for size in ((1270, 680), (893, 460), (640, 330)):
        opened.resize(*size)
        assert (opened.width(), opened.height()) == size
        for page in (opened.pair, opened.course, opened.motion):
            opened.show_page(page)
            assert settled_cut_texts(qtbot, opened) == []
            area = page.parentWidget().parentWidget()
            hidden = page.height() - area.viewport().height()
            assert area.verticalScrollBar().maximum() == max(hidden, 0)


def is_seen_whole(view):
    part = view.viewport()
    return part.isVisible() and part.visibleRegion().boundingRect() == part.rect()


def test_a_low_window_shows_pictures_or_table_and_each_of_them_whole(qtbot, opened, compared):
    for size in ((640, 357), (893, 460)):
        opened.resize(*size)
        compared.halves.tabs.setCurrentIndex(0)
        qtbot.waitUntil(lambda: is_seen_whole(compared.first.viewer))
        assert compared.halves.is_low
        assert is_seen_whole(compared.second.viewer)
        assert compared.first.viewer.height() > 120
        assert not compared.table.isVisible()
        QTest.keyClick(compared.halves.tabs, Qt.Key.Key_Right)
        qtbot.waitUntil(lambda: is_seen_whole(compared.table))
        assert not compared.first.viewer.isVisible()
        assert settled_cut_texts(qtbot, opened) == []
    opened.resize(1270, 680)
    qtbot.waitUntil(lambda: is_seen_whole(compared.first.viewer))
    assert is_seen_whole(compared.table)
    assert not compared.halves.is_low
    assert not compared.halves.tabs.isVisible()


def test_pages_and_halves_of_the_comparison_have_keys_of_their_own(opened):
    bars = [opened.tabs.tabBar(), opened.pair.halves.tabs]
    texts = [bar.tabText(k) for bar in bars for k in range(bar.count())]
    keyed = [each for each in opened.pair.findChildren(QWidget) if hasattr(each, "text")]
    texts += [each.text() for each in keyed if isinstance(each, QAbstractButton | QLabel)]
    keys = [QKeySequence.mnemonic(text).toString() for text in texts if "&" in text]
    assert len(keys) >= 10
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("room", [(0, 0, 1366, 768), (0, 0, 683, 384), (1920, 30, 800, 600)])
def test_a_remembered_size_is_cut_to_the_screen(opened, cases, window, qtbot, room):
    opened.setGeometry(2500, 1200, 3000, 1900)
    with qtbot.waitSignal(opened.destroyed):
        opened.close()
    assert window.workbench.preferences.state.compare_geometry
    window.actions_by_name["compare"].trigger()
    [again] = window.findChildren(CompareWindow)
    again.setGeometry(2500, 1200, 3000, 1900)
    again._keep_within(QRect(*room))
    assert QRect(*room).contains(again.geometry())
    again.close()


def test_where_the_comparison_stood_is_remembered(opened, window, qtbot):
    opened.resize(620, 401)
    with qtbot.waitSignal(opened.destroyed):
        opened.close()
    window.actions_by_name["compare"].trigger()
    [again] = window.findChildren(CompareWindow)
    assert (again.width(), again.height()) == (620, 401)
    again.close()
