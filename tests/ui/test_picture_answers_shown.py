"""Several findings and a grade of a picture, as the results panel shows them."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtWidgets import QLabel

from spinealign.domain.findings import GradedPicture, LabelAnswer, LabelledPicture, ModelStatus
from spinealign.ui.results.probability_bars import GradeBars, LabelBars, ProbabilityBar
from spinealign.ui.widgets.theme import LIGHT
from tests import phantoms


def answers(status):
    found = phantoms.ct_analysis()
    model = replace(found.models[0], title="Findings", status=status)
    labels = (LabelAnswer("bulging", 0.38, 0.2, 0.1), LabelAnswer("narrow", 0.73, 0.9, 0.5))
    grades = GradedPicture(model, ("none", "mild", "severe"), (0.2, 0.35, 0.45), True)
    return LabelledPicture(model, labels, False), grades


def test_each_finding_has_its_own_mark_and_those_reported_stand_out(qtbot):
    labelled, _ = answers(ModelStatus.INTERNALLY_VALIDATED)
    bars = LabelBars(labelled, LIGHT)
    qtbot.addWidget(bars)
    drawn = bars.findChildren(ProbabilityBar)
    assert [bar._mark for bar in drawn] == [0.2, 0.9]
    assert [bar._value for bar in drawn] == [0.38, 0.73]
    assert drawn[0]._colour.name() != drawn[1]._colour.name()
    assert drawn[1].accessibleName() == "Probability of narrow: 0.73"
    texts = [label.text() for label in bars.findChildren(QLabel)]
    assert texts[-1] == (
        "Share of the pictures that the model learned from: bulging 10 % and narrow 50 %. "
        "The probabilities are not calibrated."
    )


def test_grades_stand_in_their_order_and_the_median_one_stands_out(qtbot):
    _, grade = answers(ModelStatus.INTERNALLY_VALIDATED)
    bars = GradeBars(grade, LIGHT)
    qtbot.addWidget(bars)
    drawn = bars.findChildren(ProbabilityBar)
    assert [bar._value for bar in drawn] == [0.2, 0.35, 0.45]
    # The median grade is not the likeliest: those between the quartiles stand out.
    colours = [bar._colour.name() for bar in drawn]
    assert colours[1] == colours[2] != colours[0]
    texts = [label.text() for label in bars.findChildren(QLabel)]
    assert "quartiles" in texts[-1]
    clear = GradeBars(replace(grade, probabilities=(0.2, 0.6, 0.2)), LIGHT)
    qtbot.addWidget(clear)
    drawn = [bar._colour.name() for bar in clear.findChildren(ProbabilityBar)]
    assert drawn[1] not in (drawn[0], drawn[2])
    assert "Expected place: 2.2 of 3, counted from “none”." in texts[-1]
