"""Names of discs follow the vertebrae beside them: found, shifted, confirmed, undone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinealign.domain.findings import CorrectionKind, VertebraState, WarningCode
from spinealign.lumbar import level_name
from spinealign.measure.correction.changes import rename_level
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.measure.correction.level_shift import shift_levels
from spinealign.measure.outlines.disc_levels import disc_cautions, named_by_bodies
from tests.disc_models import graded_analysis

COUNTED = ["L5/S1", "L4/L5", "L3/L4", "L2/L3", "L1/L2", "T12/L1", "T11/T12"]
CUT_ROWS = 300
"""The phantom without its sacrum: levels are uncertain."""


def names(analysis):
    return [disc.name for disc in analysis.discs]


def shifted(analysis, steps):
    return apply_corrections(analysis, shift_levels(initial_corrections(analysis), steps, analysis))


def codes(analysis):
    return [caution.code for caution in analysis.cautions]


def test_vertebrae_and_counting_from_below_give_the_same_names():
    discs = graded_analysis().discs
    assert names(graded_analysis()) == COUNTED
    assert [disc.level for disc in discs] == [level_name(d.index_from_bottom) for d in discs]


def test_uncertain_levels_are_marked_and_said_once():
    analysis = graded_analysis(rows=CUT_ROWS)
    assert analysis.levels_uncertain
    assert names(analysis)[:2] == ["L5/S1?", "L4/L5?"]
    assert [c.code for c in disc_cautions(analysis.discs)] == [WarningCode.DISC_COUNT_UNCERTAIN]


@pytest.mark.parametrize(
    ("steps", "lowest", "body_names"),
    [
        (1, "L4/L5", ["T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5"]),
        (2, "L3/L4", ["T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4"]),
        (-1, "disc 1", ["T12", "L1", "L2", "L3", "L4", "L5", "S1"]),
    ],
    ids=["up", "two up", "down, S1 goes"],
)
def test_a_shift_renames_vertebrae_and_discs_alike(steps, lowest, body_names):
    analysis = shifted(graded_analysis(), steps)
    assert [body.name for body in analysis.vertebrae] == body_names
    assert names(analysis)[0] == lowest
    for disc in analysis.discs[1:]:
        upper, lower = disc.name.split("/")
        assert body_names.index(lower) == body_names.index(upper) + 1
    assert [disc.name for disc in analysis.automatic.discs] == COUNTED


@pytest.mark.parametrize("steps", [1, -1, 3], ids=["up", "down", "far"])
def test_shifting_back_restores_everything(steps):
    analysis = graded_analysis()
    there = shifted(analysis, steps)
    back = shift_levels(there.corrections, -steps, there)
    assert back == initial_corrections(analysis)
    assert apply_corrections(there, back).discs == analysis.discs


def test_grades_stay_with_their_disc_when_names_move():
    analysis = graded_analysis()
    moved = shifted(analysis, 1)
    for before, after in zip(analysis.discs, moved.discs, strict=True):
        assert after.grades is before.grades
        assert after.index_from_bottom == before.index_from_bottom


def test_confirming_assumed_levels_takes_the_question_marks_away():
    analysis = graded_analysis(rows=CUT_ROWS)
    sure = shifted(analysis, 0)
    assert names(sure) == COUNTED[:5]
    assert WarningCode.DISC_COUNT_UNCERTAIN not in codes(sure)
    assert WarningCode.LEVELS_UNCERTAIN not in codes(sure)
    assert not sure.levels_uncertain
    assert CorrectionKind.LEVELS_RENAMED in sure.cautions[-1].corrections


def test_uncertain_levels_can_be_shifted_at_once():
    assert names(shifted(graded_analysis(rows=CUT_ROWS), 1)) == COUNTED[1:6]


def test_renaming_one_vertebra_with_a_gap_moves_only_the_discs_below():
    analysis = graded_analysis()
    state = rename_level(initial_corrections(analysis), 1, "T10")
    state = rename_level(state, 4, "L2", above_follow=False)
    renamed = apply_corrections(analysis, state)
    assert names(renamed)[-2:] == ["T11/T12", "T10/T11"]
    assert names(renamed)[0] == "L5/S1"


def test_a_shift_beyond_the_last_level_is_refused():
    analysis = graded_analysis()
    with pytest.raises(ValueError, match="no level is left"):
        shift_levels(initial_corrections(analysis), -3, analysis)


def test_nothing_to_name_is_refused():
    analysis = replace(graded_analysis(), vertebrae=())
    with pytest.raises(ValueError, match="no vertebra"):
        shift_levels(initial_corrections(analysis), 1, analysis)


def test_a_disc_without_a_vertebra_beside_it_is_called_after_its_neighbour():
    analysis = graded_analysis()
    kept = [body for body in analysis.vertebrae if body.level not in ("L2", "L3")]
    assert [disc.name for disc in named_by_bodies(analysis.discs, kept)] == COUNTED


def test_inferred_discs_are_named_by_what_they_are_called_now():
    analysis = graded_analysis()
    discs = tuple(
        replace(disc, confidence=0.0) if disc.level == "L3/L4" else disc for disc in analysis.discs
    )
    inferred = replace(analysis, discs=discs, cautions=(*analysis.cautions, *disc_cautions(discs)))
    details = {c.code: c.levels for c in inferred.cautions}
    assert details[WarningCode.DISC_INFERRED] == ("L3/L4",)
    moved = {c.code: c.levels for c in shifted(inferred, 1).cautions}
    assert moved[WarningCode.DISC_INFERRED] == ("L2/L3",)


def test_the_endplate_below_the_lowest_disc_keeps_its_warning_under_its_new_name():
    moved = shifted(graded_analysis(), 1)
    assert moved.vertebrae[-1].state is VertebraState.ENDPLATE
    details = {c.code: c.levels for c in moved.cautions}
    assert details[WarningCode.ENDPLATE_FROM_DISC] == ("L5",)
