"""The curves of a frontal film in the window: together, and what one film cannot tell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt6.QtWidgets import QAbstractButton, QLabel

from spinealign.domain.curve_pattern import pattern_of
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.ui.results.result_page import CURVE_NOTES
from spinealign.ui.widgets.labels import Fold
from spinealign.wording.alignment import alignment_sentences
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
