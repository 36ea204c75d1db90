"""The results panel says what was found, how sure that is, and what it is worth."""

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLabel, QLineEdit, QPushButton

import spinealign.ui
from spinealign import wording
from spinealign.domain.examination import EXAMINATIONS
from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.image import DecisionSource
from spinealign.ui.results.measure_model import MeasureColumn
from spinealign.ui.results.probability_bars import ProbabilityBar
from spinealign.ui.results.refusal import RefusalBox
from spinealign.ui.results.region_table import COLUMNS, RegionTable
from spinealign.ui.results.result_page import ImageTypeChoice
from spinealign.ui.widgets.labels import Fold, Strip
from spinealign.wording.finding_text import finding_text
from spinealign.wording.model_card import metric_lines
from tests import phantoms
from tests.examinations import NECK_CT


def words_of(widget):
    """All words of a widget, top to bottom, those of closed sections too."""
    texts = [label.text() for label in widget.findChildren(QLabel)]
    texts += [button.text() for button in widget.findChildren(QPushButton)]
    return "\n".join(texts)


def card_of(shown):
    """The section of the model card; the details around it have its words too."""
    return [fold for fold in shown.findChildren(Fold) if "Model card" in words_of(fold)][-1]


@pytest.fixture
def page(window, analysed):
    def show(name):
        analysed(name)
        return window.results.page

    return show


def test_the_finding_comes_first_in_words(page):
    first = page("ct_1.dcm").findChildren(QLabel)[0]
    assert first.text() == wording.headline(phantoms.ct_analysis())
    assert first.property("kind") == "headline"


def test_a_demonstration_answers_only_when_it_is_asked(window, page, demonstrated, analysed):
    shown = page("ct_1.dcm")
    assert "Nothing is assessed on a CT slice" in words_of(shown)
    assert not shown.findChildren(ProbabilityBar)
    assert window.viewer.picture.overlay.heatmap is None
    demonstrated("ct_2.dcm")
    assert "Demonstration model: pattern labelled “fracture”" in words_of(window.results.page)
    assert window.viewer.picture.overlay.heatmap is not None
    assert not analysed("ct_3.dcm").wants_demonstration


def test_a_demonstration_model_is_marked_with_its_limits(window, demonstrated):
    demonstrated()
    [strip] = window.results.page.findChildren(Strip)
    assert strip.property("strip") == "warning"
    assert "DEMONSTRATION MODEL" in words_of(strip)
    assert phantoms.ct_model().limits in words_of(strip)


def test_a_validated_model_is_marked_as_such(page):
    [strip] = page("mr_1.nii").findChildren(Strip)
    assert strip.property("strip") == "info"
    assert "INTERNALLY VALIDATED MODEL" in words_of(strip)


def test_probabilities_have_bars_with_the_threshold_on_the_abnormal_one(window, demonstrated):
    demonstrated()
    shown = window.results.page
    bars = shown.findChildren(ProbabilityBar)
    assert [bar._mark for bar in bars] == [0.5, None]
    assert [round(bar._value, 2) for bar in bars] == [0.87, 0.13]
    text = words_of(shown)
    assert "reported from 0.50" in text
    assert "not calibrated" in text


def test_cautions_view_spacing_and_times_are_told(page):
    text = words_of(page("mr_1.nii"))
    assert "Sagittal slice 8 of 15 was taken" in text
    assert "Sagittal spine MR (recognised from the pixels, confidence 0.97)" in text
    assert "0.8 × 0.75 mm (from the NIfTI header)" in text
    assert "segment: 0.62 s" in text
    assert "together: 0.68 s" in text


def test_measurements_and_why_one_is_missing(page):
    shown = page("mr_1.nii")
    model = shown.measures.model
    group = model.index(0, 0)
    assert model.index(0, MeasureColumn.MEASURE, group).data() == "L4/L5 canal diameter"
    assert model.index(0, MeasureColumn.VALUE, group).data() == "11.4 mm"
    assert "L1–S1 lumbar lordosis: the border of the image cuts S1 off." in words_of(shown)


def test_the_disclaimer_is_always_on_screen_and_once(window, page):
    for name in (None, "ct_1.dcm", "photo_2.png", "mr_3.nii"):
        if name is not None:
            page(name)
        shown = [
            label
            for label in window.findChildren(QLabel)
            if DISCLAIMER in label.text() and label.isVisible()
        ]
        assert len(shown) == 1


def test_beside_the_results_only_about_says_the_disclaimer():
    folder = Path(spinealign.ui.__file__).parent
    sayers = [path.name for path in folder.rglob("*.py") if "DISCLAIMER" in path.read_text("utf-8")]
    assert sorted(sayers) == ["dialogs.py", "results_panel.py"]


def test_an_image_that_fits_no_model_can_be_overruled(window, page):
    text = words_of(page("photo_1.png"))
    assert "it was not analysed" in text
    assert "the result records your choice" in text
    assert "distance to training images 7.5, over the limit of 5.0" in text
    assert window.results.page.findChild(ImageTypeChoice) is not None


@pytest.mark.parametrize("examination", EXAMINATIONS.values(), ids=lambda each: each.key)
def test_a_refusal_has_a_button_for_each_way(window, page, qtbot, examination):
    box = page("photo_1.png").findChild(RefusalBox)
    wanted = wording.examination_text(examination)
    button = next(b for b in box.findChildren(QPushButton) if wanted in b.text())
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        button.click()
    analysis = window.workbench.current.finding.analysis
    assert (analysis.examination, analysis.decided_by) == (examination, DecisionSource.USER)
    assert window.results.page.findChild(RefusalBox) is None


def test_an_accepted_image_has_no_refusal(page):
    assert page("mr_1.nii").findChild(RefusalBox) is None


def test_the_card_opens_and_stays_open_for_the_next_case(window, page):
    fold = card_of(page("mr_1.nii"))
    assert not fold._content.isVisible()
    fold._button.click()
    assert fold._content.isVisible()
    text = words_of(fold)
    for part in (
        "Intended use",
        "Tests of the window.",
        "Known failures",
        "Training data",
        "dice, disc: 0.9 (95 % CI 0.88 to 0.92; 12 independent units)",
    ):
        assert part in text
    assert fold.findChild(QLineEdit).text() == phantoms.mr_model().sha256
    again = card_of(page("mr_2.nii"))
    assert again._content.isVisible()


def test_the_words_about_the_image_type_have_room(page):
    shown = page("mr_1.nii")
    said = "Sagittal spine MR ("
    (words,) = (each for each in shown.findChildren(QLabel) if said in each.text())
    assert words.width() > shown.width() / 2


def test_the_image_type_is_overruled_from_the_panel(qtbot, window, page):
    choice = page("mr_1.nii").findChild(ImageTypeChoice)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        choice.setFocus()
        QTest.keyClick(choice, Qt.Key.Key_N)
        choice.activated.emit(choice.currentIndex())
    assert window.workbench.current.finding.analysis.examination is NECK_CT
    assert window.results.page.findChild(ImageTypeChoice).currentText() == "Neck CT"


@pytest.fixture
def table(page):
    return page("mr_1.nii").findChild(RegionTable)


def cell(table, row, column):
    return table.model().index(row, column).data()


def column_of(heading):
    return [column.heading for column in COLUMNS].index(heading)


def test_the_table_lists_structures_all_of_them_and_background(table):
    names = [cell(table, row, 0) for row in range(table.model().rowCount())]
    assert names == ["vertebra", "disc", "canal", "all structures", "background"]
    pixels = [int(cell(table, row, 1).replace(",", "")) for row in range(5)]
    assert pixels[0] + pixels[1] + pixels[2] == pixels[3]
    assert pixels[3] + pixels[4] == 320 * 200
    assert cell(table, 4, column_of("% struct.")) == "–"


def test_the_table_sorts_by_number(table):
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    pixels = [int(cell(table, row, 1).replace(",", "")) for row in range(5)]
    assert pixels == sorted(pixels, reverse=True)


def test_a_click_on_a_row_highlights_and_another_one_ends_that(window, table):
    window.actions_by_name["overlay"].setChecked(False)
    row = table.model().index(1, 0)
    place = table.visualRect(row).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.viewer.picture.highlighted == 2
    assert window.actions_by_name["overlay"].isChecked()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.viewer.picture.highlighted is None


def test_a_click_on_the_background_highlights_nothing(window, table):
    place = table.visualRect(table.model().index(4, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.viewer.picture.highlighted is None


def test_the_table_is_copied_as_text_in_the_order_shown(table):
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:2] == ["Structure", "Pixels"]
    assert lines[1].startswith("disc\t")
    assert len({line.count("\t") for line in lines}) == 1
    QGuiApplication.clipboard().clear()


def test_without_spacing_there_is_no_column_of_areas(qtbot):
    with_spacing = phantoms.mr_analysis()
    for analysis, hidden in ((with_spacing, False), (phantoms.without_spacing(with_spacing), True)):
        table = RegionTable(analysis.regions, {})
        qtbot.addWidget(table)
        assert table.isColumnHidden(column_of("mm²")) is hidden
        assert ("mm²" in table.text()) is not hidden


def test_text_from_a_file_is_never_markup(qtbot, window, analysed, monkeypatch, fake):
    case = analysed("<b>ct_1.dcm")
    assert case.title == "<b>ct_1.dcm"
    for label in window.results.findChildren(QLabel):
        assert label.text() == "" or label.textFormat() != Qt.TextFormat.RichText


@pytest.mark.parametrize("kind", ["ct", "mr", "failed", "xray"])
def test_a_finding_as_text_says_what_the_panel_says(kind):
    analysis = {
        "ct": phantoms.ct_analysis,
        "mr": phantoms.mr_analysis,
        "failed": phantoms.failed_view_analysis,
        "xray": phantoms.xray_analysis,
    }[kind]().without_demonstration
    text = finding_text(analysis)
    assert text.startswith(wording.headline(analysis))
    assert DISCLAIMER in text
    assert all(wording.caution_text(caution) in text for caution in analysis.cautions)
    assert all(model.limits in text for model in analysis.models)


def test_a_file_name_with_line_breaks_cannot_forge_lines():
    analysis = phantoms.ct_analysis()
    odd = analysis.image.source_path.with_name("a\nFinding: healthy.dcm")
    text = finding_text(replace(analysis, image=replace(analysis.image, source_path=odd)))
    assert "\nFinding: healthy" not in text


@pytest.mark.parametrize(
    ("metrics", "lines"),
    [
        ({"accuracy": 0.91955}, ["accuracy: 0.92"]),
        ({"auc": {"value": 0.8, "low": 0.7, "high": 0.9}}, ["auc: 0.8 (95 % CI 0.7 to 0.9)"]),
        ({"a_b": {"c": 3, "d": "x"}}, ["a b, c: 3", "a b, d: x"]),
        ({"matrix": [[1, 2], [3, 4]]}, ["matrix: 1, 2 / 3, 4"]),
    ],
    ids=["number", "interval", "nested", "matrix"],
)
def test_figures_of_a_card_in_lines(metrics, lines):
    assert list(metric_lines(metrics)) == lines


def test_nothing_open_says_how_to_begin(window):
    assert "Open image…" in words_of(window.results.page)


def test_a_failed_case_says_why_and_can_be_tried_again(qtbot, window, files, fake):
    [path] = files("bad_1.dcm")
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.workbench.opener.open_paths([path])
    assert "not an image" in words_of(window.results.page)
    again = next(
        b for b in window.results.page.findChildren(QPushButton) if b.text() == "Analyse again"
    )
    with qtbot.waitSignal(window.workbench.messages.failed):
        again.click()
    assert len(fake.analyser.calls) == 2
