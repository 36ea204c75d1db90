"""The curves of a frontal film in the window: together, and what one film cannot tell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt6 import sip
from PyQt6.QtWidgets import QAbstractButton, QLabel

from spinealign.domain.curve_pattern import pattern_of
from spinealign.domain.identifiers import DicomIdentifiers
from spinealign.domain.study import PatientFacts
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.ui.compare.compare_dialog import CompareWindow
from spinealign.ui.results.result_page import CURVE_NOTES
from spinealign.ui.widgets.labels import Fold
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.curve_changes import READERS_DIFFER
from spinealign.wording.curve_pattern import NO_ROTATION, pattern_notes
from tests import fakes
from tests.coronal import DOUBLE, bodies, column
from tests.examinations import FRONTAL
from tests.phantoms import xray_analysis


def frontal_film(path, tilts):
    before = xray_analysis()
    image = replace(before.image, source_path=path, orientation=("L", "F"))
    found = bodies(column(tilts))
    measures = measure_alignment(found, None, PixelGeometry.of(image), FRONTAL)
    return replace(
        before,
        image=image,
        examination=FRONTAL,
        vertebrae=found,
        measurements=measures,
        cautions=(),
    )


@pytest.fixture
def page(window, analysed, monkeypatch):
    """The page of a frontal film with a double curve."""
    monkeypatch.setattr(fakes, "answer_for", lambda path, *_: frontal_film(path, DOUBLE))
    analysed("film_1.png")
    return window.results.page


def curve_fold(page):
    """The innermost fold with this heading."""
    headed = [
        fold for fold in page.findChildren(Fold)
        if any(button.text() == CURVE_NOTES for button in fold.findChildren(QAbstractButton))
    ]  # fmt: skip
    return min(headed, key=lambda fold: len(fold.findChildren(QLabel)))


def notes_of(page):
    fold = curve_fold(page)
    return fold, "\n".join(label.text() for label in fold.findChildren(QLabel))


def test_curves_stand_below_the_finding_with_their_types_in_a_fold(window, page):
    analysis = window.workbench.current.finding.analysis
    words = [label.text() for label in page.findChildren(QLabel)]
    said = alignment_sentences(analysis)
    assert said.startswith(("Double curve: ", "Triple curve: "))
    assert said in words
    fold, notes = notes_of(page)
    assert not fold.isHidden()
    assert NO_ROTATION in notes
    assert "Lenke type" in notes


def test_a_correction_changes_the_types_in_place(window, page):
    analysis = window.workbench.current.finding.analysis
    flat = frontal_film(analysis.image.source_path, [0.0] * 17)
    window.results.update_analysis(replace(flat, automatic=analysis))
    assert window.results.page is page
    _, notes = notes_of(page)
    assert notes == "\n".join(pattern_notes(pattern_of(flat)))
    assert "Lenke type" not in notes


def test_a_lateral_film_has_no_such_fold(window, analysed):
    analysed("film_1.png")
    assert curve_fold(window.results.page).isHidden()


FACTS = {
    "film_2024.dcm": PatientFacts(identifier="1", birth_date="19610704", study_date="20240301"),
    "film_2025.dcm": PatientFacts(identifier="1", birth_date="19610704", study_date="20250505"),
}


@pytest.fixture
def compared(window, fake, analysed, monkeypatch, qtbot):
    """The page of two films of one patient, whose curves grew by a fifth and moved by a body."""
    fake.patients |= FACTS
    grown = [1.2 * tilt for tilt in (0.0, *DOUBLE[:-1])]

    def answer(path, *_):
        film = frontal_film(path, grown if "2025" in path.name else DOUBLE)
        dicom = DicomIdentifiers(patient=FACTS[path.name].key)
        return replace(film, image=replace(film.image, sha256=path.name, dicom=dicom))

    monkeypatch.setattr(fakes, "answer_for", answer)
    for name in FACTS:
        analysed(name)
    window.actions_by_name["compare"].trigger()
    [found] = window.findChildren(CompareWindow)
    qtbot.waitUntil(found.isVisible)
    qtbot.waitUntil(lambda: not window.workbench.patients.is_busy)
    qtbot.waitUntil(lambda: len(found.patients._facts) == len(FACTS))
    yield found.pair
    if not sip.isdeleted(found):
        found.close()


def test_two_films_say_which_curve_progressed_and_what_a_difference_is_worth(compared):
    said = compared.times.text()
    assert "Progression (5° or more larger on the later film): " in said
    assert "main thoracic curve T5–T11 (second: T6–T12) from 50.0° to 60.0°" in said
    assert READERS_DIFFER in compared.cautions.text()
    assert "between T5–T11 the second has" in compared.cautions.text()


def test_a_row_of_a_curve_is_drawn_on_both_films_whatever_it_is_called_there(compared):
    rows = compared.table.rows_model.rows
    place, row = next(
        (place, row) for place, row in enumerate(rows)
        if row.is_of_curve and row.first and row.second and row.first.code != row.second.code
    )  # fmt: skip
    compared.table.selectRow(place)
    for half, measure in ((compared.first, row.first), (compared.second, row.second)):
        label = half.viewer.picture.measures._items[measure.key][1]
        assert label.is_selected
