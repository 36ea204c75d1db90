"""The measures of a film in the panel: shown first, changed in place, copied, saved, explained."""

from dataclasses import replace

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QSignalSpy, QTest
from PyQt6.QtWidgets import QLabel, QPushButton

from spinealign.domain.findings import (
    DISCLAIMER,
    Caution,
    CorrectionKind,
    LandmarkName,
    WarningCode,
)
from spinealign.domain.measurements import MeasureState
from spinealign.domain.measures import MeasureCode
from spinealign.measure.correction.changes import move_landmark
from spinealign.ui.results.definition_view import DefinitionView
from spinealign.ui.results.measure_model import MeasureColumn
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.finding_text import finding_text, measures_text
from tests import fakes
from tests.phantoms_xray import analysed as analysed_film
from tests.phantoms_xray import draw_column

MOVED = Caution(WarningCode.CORRECTED_BY_USER, corrections=(CorrectionKind.POINTS_MOVED,))
COBB_KEY = (MeasureCode.COBB_C2_C7.value, ("C2", "C7"))


@pytest.fixture(scope="module")
def film():
    return analysed_film(draw_column())


@pytest.fixture
def page(window, analysed, film, monkeypatch):
    """The page of a drawn lateral film."""

    def answer(path, _view, _side):
        return replace(film, image=replace(film.image, source_path=path))

    monkeypatch.setattr(fakes, "answer_for", answer)
    analysed("film_1.png")
    return window.results.page


def measured(analysis, key=COBB_KEY):
    return next(m for m in analysis.measurements if m.key == key)


def with_value(analysis, value):
    cobb = measured(analysis)
    edited = replace(cobb, value=value, state=MeasureState.EDITED)
    return replace(
        analysis,
        measurements=tuple(edited if m is cobb else m for m in analysis.measurements),
        cautions=(*analysis.cautions, MOVED),
    )


def test_the_measures_come_right_after_the_finding(page, film):
    words = [label.text() for label in page.findChildren(QLabel) if label.text()]
    assert words.index("Findings") < words.index(alignment_sentences(film))
    assert words.index(alignment_sentences(film)) < words.index("Measurements")
    assert words.index("Measurements") < words.index("&Image type")
    assert page.measures.model.index_of(COBB_KEY).isValid()


def test_a_correction_changes_words_values_and_cautions_in_place(window, page, film):
    moved = with_value(window.workbench.current.finding.analysis, 31.4)
    window.results.update_analysis(moved)
    assert window.results.page is page
    index = page.measures.model.index_of(COBB_KEY)
    assert index.siblingAtColumn(MeasureColumn.VALUE).data() == "31.4°"
    words = [label.text() for label in page.findChildren(QLabel)]
    assert any("31.4° (95 % " in text and "manually corrected" in text for text in words)
    assert any("This result was manually corrected" in text for text in words)


def test_dragging_a_corner_on_the_picture_changes_the_table(window, page):
    before = measured(window.workbench.current.finding.analysis).value
    mark = next(
        b for b in window.workbench.current.finding.analysis.vertebrae if b.level == "C7"
    ).landmark(LandmarkName.ANTERIOR_INFERIOR)
    window.workbench.editing.change(
        "move", lambda c: move_landmark(c, 6, mark.name, mark.x, mark.y + 12)
    )
    shown = page.measures.model.index_of(COBB_KEY).siblingAtColumn(MeasureColumn.VALUE).data()
    after = measured(window.workbench.current.finding.analysis)
    assert after.state is MeasureState.EDITED
    assert abs(after.value - before) > 3
    assert shown == f"{after.value:.1f}°"
    assert window.results.page is page


def test_what_cannot_be_changed_in_place_makes_a_new_page_at_the_same_place(window, page, qtbot):
    bar = window.results._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 100)
    bar.setValue(100)
    analysis = window.workbench.current.finding.analysis
    window.results.update_analysis(replace(analysis, regions=analysis.regions[1:]))
    assert window.results.page is not page
    assert bar.value() == 100


def test_ticks_outlive_the_page(window, page, analysed):
    index = page.measures.model.index_of(COBB_KEY)
    spy = QSignalSpy(window.results.measure_toggled)
    page.measures.model.toggle(index)
    assert list(spy) == [[COBB_KEY, False]]
    analysed("film_2.png")
    again = window.results.page.measures.model.index_of(COBB_KEY)
    assert again.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked


def test_the_definition_is_one_key_away_and_follows_corrections(window, page):
    tree = page.measures.tree
    tree.setCurrentIndex(page.measures.model.index_of(COBB_KEY))
    QTest.keyClick(tree, Qt.Key.Key_Return)
    [view] = window.findChildren(DefinitionView)
    assert view.isVisible()
    assert "inferior endplate of C2" in view.text
    window.results.update_analysis(with_value(window.workbench.current.finding.analysis, 31.4))
    assert "31.4°" in view.text
    view.close()


def test_the_measures_are_copied_with_key_and_button(window, page):
    expected = measures_text(window.workbench.current.finding.analysis)
    copy = next(b for b in page.findChildren(QPushButton) if b.text() == "Copy")
    for act in (
        copy.click,
        lambda: QTest.keyClick(
            page.measures.tree, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier
        ),
    ):
        QGuiApplication.clipboard().clear()
        act()
        assert QGuiApplication.clipboard().text() == expected
    assert expected.splitlines()[-1] == DISCLAIMER
    QGuiApplication.clipboard().clear()


def test_the_text_of_the_whole_finding_has_the_measures_too(window, page):
    analysis = window.workbench.current.finding.analysis
    text = finding_text(analysis)
    assert alignment_sentences(analysis) in text
    assert "C4/C5 segmental angle: " in text
    assert "C4/C5 disc angle: " in text
    assert "Not measurable: " in text


@pytest.mark.parametrize(
    ("button", "kind"), [("CSV…", "measurements"), ("JSON…", "json")], ids=["csv", "json"]
)
def test_the_buttons_save_measures(qtbot, window, page, fake, tmp_path, monkeypatch, button, kind):
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / "m.x"), ""),
    )
    push = next(b for b in page.findChildren(QPushButton) if b.text() == button)
    with qtbot.waitSignal(window.workbench.saver.saved):
        push.click()
    assert fake.written == [(kind, tmp_path / "m.x")]
