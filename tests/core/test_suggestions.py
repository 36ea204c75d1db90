"""Bodies that were seen and not counted: offered, accepted, taken back, saved, told."""

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.findings import (
    CorrectionKind,
    Corrections,
    LandmarkName,
    LandmarkSource,
    VertebraState,
    WarningCode,
)
from spinealign.domain.measurements import MeasureState, Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import MeasureCode
from spinealign.export.corrections import load_corrections, save_corrections
from spinealign.export.tables import analysis_json, analysis_schema
from spinealign.measure.correction.changes import (
    confirm_name,
    confirm_names,
    delete_vertebra,
    move_landmark,
    rename_level,
    reset_body,
    reset_landmark,
)
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.measure.correction.suggestions import accept_suggestion, accept_suggestions
from spinealign.measure.outlines.suggestions import open_suggestions
from spinealign.wording import caution_text, headline
from spinealign.wording.corrections import left_suggested_message
from spinealign.wording.measures import reason_text
from spinealign.wording.reading_window import caution_label
from spinealign.wording.report import DECISIVE_CAUTIONS
from spinealign.wording.vertebrae import format_vertebra_row, shown_name
from tests.phantoms_xray import LEVELS
from tests.suggested import FOUND, with_suggestions


def levels_of(bodies):
    return [body.level for body in bodies]


def accepted(analysis, *levels):
    """Return the analysis after a click on the suggestions of these levels, in this order."""
    state = initial_corrections(analysis)
    for level in levels:
        [one] = [body for body in analysis.suggestions if body.level == level]
        state = accept_suggestion(state, one)
    return apply_corrections(analysis, state)


def all_of(analysis):
    """Return the corrections after all suggestions were accepted at once."""
    return accept_suggestions(initial_corrections(analysis), analysis.suggestions).corrections


def codes(analysis):
    return [caution.code for caution in analysis.cautions]


@given(st.permutations(["C2", "C3", "C5", "C7", "T1"]))
def test_clicks_in_any_order_give_the_column_that_was_seen(order):
    analysis = with_suggestions("C2", "C3", "C5", "C7", "T1")
    result = accepted(analysis, *order)
    assert levels_of(result.vertebrae) == list(LEVELS)
    assert [body.index for body in result.vertebrae] == list(range(1, 8))
    assert result.suggestions == ()
    assert not result.levels_uncertain


@given(st.sets(st.sampled_from(LEVELS)))
def test_all_at_once_is_one_after_the_other(levels):
    analysis = with_suggestions(*levels)
    at_once = all_of(analysis)
    assert levels_of(at_once.vertebrae) == list(LEVELS)
    assert [body.landmarks for body in at_once.vertebrae] == [
        body.landmarks for body in FOUND.vertebrae
    ]


def test_an_accepted_body_keeps_its_corners_and_says_that_it_was_suggested():
    analysis = with_suggestions("C4")
    result = accepted(analysis, "C4")
    body = result.vertebrae[2]
    assert body.state is VertebraState.ACCEPTED
    assert body.landmarks == FOUND.vertebrae[2].landmarks
    assert {mark.source for mark in body.landmarks} <= set(LandmarkSource) - {LandmarkSource.USER}
    assert "suggested, accepted manually" in format_vertebra_row(body)
    said = next(c for c in result.cautions if c.code is WarningCode.CORRECTED_BY_USER)
    assert said.corrections == (CorrectionKind.SUGGESTIONS_ACCEPTED,)
    assert "suggested bodies accepted" in caution_text(said)
    assert WarningCode.BODIES_SUGGESTED not in codes(result)


def test_its_measures_are_the_person_s_and_less_sure_than_the_program_s_own():
    analysis = with_suggestions("C4")
    result = accepted(analysis, "C4")
    own = next(m for m in FOUND.measurements if m.levels == ("C3", "C4") and m.interval)
    now = next(m for m in result.measurements if m.key == own.key)
    assert now.value == pytest.approx(own.value)
    assert now.state is MeasureState.EDITED
    assert now.hidden == ("C4",)
    width = now.interval[1] - now.interval[0]
    assert width > own.interval[1] - own.interval[0]


def all_accepted(*levels):
    analysis = with_suggestions(*levels)
    return analysis, all_of(analysis)


def test_names_of_bodies_accepted_together_stay_open_and_nothing_is_measured_by_them():
    analysis, state = all_accepted("C4", "C6")
    result = apply_corrections(analysis, state)
    assert [shown_name(body) for body in result.vertebrae] == [
        f"{level}?" if level in ("C4", "C6") else level for level in LEVELS
    ]
    assert "suggested, accepted manually, name not confirmed" in format_vertebra_row(
        result.vertebrae[2]
    )
    told = next(c for c in result.cautions if c.code is WarningCode.NAMES_UNCONFIRMED)
    assert told.levels == ("C4", "C6")
    assert not [m for m in result.measurements if {"C4", "C6"} & set(m.levels) and m.value]


def test_what_an_open_name_would_give_is_told_with_it():
    analysis, state = all_accepted("C7")
    result = apply_corrections(analysis, state)
    lordosis = next(m for m in result.measurements if m.code is MeasureCode.COBB_C2_C7)
    why = lordosis.unmeasurable
    assert why == Unmeasurable(UnmeasurableReason.NAME_UNCONFIRMED, ("C7",))
    assert reason_text(why) == "nobody confirmed the name of C7?"


def test_confirming_a_name_measures_by_it_and_no_other_one():
    analysis, state = all_accepted("C4", "C6")
    alone = accepted(analysis, "C4")
    result = apply_corrections(analysis, confirm_name(state, 3))
    assert [b.name for b in result.vertebrae if b.is_name_open] == ["C6"]
    assert measured(result, ("C3", "C4")) == measured(alone, ("C3", "C4")) != []
    assert measured(result, ("C5", "C6")) == []
    every = apply_corrections(analysis, confirm_names(state))
    assert not any(body.is_name_open for body in every.vertebrae)
    assert WarningCode.NAMES_UNCONFIRMED not in codes(every)
    assert measured(every, ("C5", "C6")) != []


def test_renaming_one_confirms_it_and_leaves_the_others_open():
    _, state = all_accepted("C4", "C6")
    renamed = rename_level(state, 3, "C5")
    assert [body.name for body in renamed.vertebrae if body.is_name_open] == ["C7"]


def test_a_body_without_a_free_level_stays_suggested_when_all_are_accepted():
    analysis = with_suggestions("C4")
    between = replace(analysis.suggestions[0], level="C3")
    full = rename_level(initial_corrections(analysis), 3, "C4", above_follow=False)
    assert levels_of(full.vertebrae)[:3] == ["C2", "C3", "C4"]
    made = accept_suggestions(full, [between])
    assert made.corrections == full
    assert made.without_level == (between,)
    said = left_suggested_message(made.implausible, made.without_level)
    assert "C3? have no free level at their place" in said.sentence


def merged_bodies():
    """Return a neck in which C4 and C5 are suggested, C4's outline down to C5's lower border."""
    analysis = with_suggestions("C4", "C5")
    upper, lower = analysis.suggestions
    own = {mark.name: mark for mark in lower.landmarks}
    marks = tuple(own[m.name] if "inferior" in m.name else m for m in upper.landmarks)
    whole = replace(upper, landmarks=marks, confidence=0.9)
    return replace(analysis, suggestions=(whole, lower))


def test_an_outline_of_two_bodies_stays_suggested_when_all_are_accepted():
    analysis = merged_bodies()
    made = accept_suggestions(initial_corrections(analysis), analysis.suggestions)
    assert levels_of(made.corrections.vertebrae) == ["C2", "C3", "C5", "C6", "C7", "T1"]
    assert levels_of(made.implausible) == ["C4"]
    said = left_suggested_message(made.implausible, made.without_level).sentence
    assert "C4? cannot be neighbours of the others" in said
    result = apply_corrections(analysis, made.corrections)
    assert levels_of(result.suggestions) == ["C4"]
    assert WarningCode.ACCEPTED_IMPLAUSIBLE not in codes(result)


def shifted(body, down_px):
    """Return a body that lies lower."""
    return replace(
        body,
        landmarks=tuple(replace(mark, y=mark.y + down_px) for mark in body.landmarks),
        outline=tuple((x, y + down_px) for x, y in body.outline),
    )


def test_where_several_break_as_much_the_least_sure_one_stays_suggested():
    analysis = with_suggestions("C4", "C5")
    upper, lower = analysis.suggestions
    near = shifted(lower, -30.0)
    for sure, unsure in (("C4", "C5"), ("C5", "C4")):
        offered = [
            replace(body, confidence=0.9 if body.level == sure else 0.5) for body in (upper, near)
        ]
        made = accept_suggestions(initial_corrections(analysis), offered)
        assert levels_of(made.implausible) == [unsure]


def test_what_the_program_and_the_person_counted_is_never_left_out():
    analysis = with_suggestions("C5")
    state = initial_corrections(analysis)
    place = next(i for i, body in enumerate(state.vertebrae, start=1) if body.level == "C4")
    mark = state.vertebrae[place - 1].landmark(LandmarkName.ANTERIOR_INFERIOR)
    state = move_landmark(state, place, mark.name, mark.x, mark.y + 60.0)
    made = accept_suggestions(state, analysis.suggestions)
    assert made.corrections == state
    assert levels_of(made.implausible) == ["C5"]


def test_a_click_accepts_an_implausible_body_and_it_is_told():
    analysis = merged_bodies()
    result = accepted(analysis, "C4", "C5")
    said = next(c for c in result.cautions if c.code is WarningCode.ACCEPTED_IMPLAUSIBLE)
    assert said.levels == ("C4", "C5")
    assert caution_label(said) == "implausible: C4, C5"
    assert WarningCode.ACCEPTED_IMPLAUSIBLE in DECISIVE_CAUTIONS
    assert WarningCode.ACCEPTED_IMPLAUSIBLE not in codes(accepted(analysis, "C5"))


def test_without_levels_bodies_with_no_room_between_them_are_compared_as_neighbours():
    analysis = with_suggestions("C4", "C5")
    state = initial_corrections(analysis)
    nameless = tuple(replace(body, level=None) for body in state.vertebrae)
    upper, lower = (replace(body, level=None) for body in analysis.suggestions)
    offered = [upper, shifted(replace(lower, confidence=0.1), -30.0)]
    made = accept_suggestions(replace(state, vertebrae=nameless, levels_uncertain=True), offered)
    assert [body.index for body in made.implausible] == [lower.index]
    assert "1 without a level cannot be" in left_suggested_message(made.implausible, ()).sentence


def test_nothing_is_said_where_all_were_accepted():
    assert left_suggested_message((), ()) is None


def measured(result, levels):
    return [m.value for m in result.measurements if m.levels == levels and m.is_measurable]


def test_the_mask_gets_the_body():
    analysis = with_suggestions("C4")
    result = accepted(analysis, "C4")
    x, y = (int(sum(v) / len(v)) for v in zip(*result.vertebrae[2].outline, strict=True))
    assert analysis.segmentation.mask[y, x] == 0
    assert result.segmentation.classes[int(result.segmentation.mask[y, x])] == "C4"


def test_a_deleted_body_is_suggested_again():
    analysis = with_suggestions("C4")
    result = accepted(analysis, "C4")
    state = delete_vertebra(result.corrections, 3)
    again = apply_corrections(result, state)
    assert levels_of(again.suggestions) == ["C4"]
    assert again.corrections is None


def test_a_suggested_level_gives_way_to_the_neighbours_levels():
    analysis = with_suggestions("C4")
    state = initial_corrections(analysis)
    odd = replace(analysis.suggestions[0], level="L3")
    assert levels_of(accept_suggestion(state, odd).vertebrae) == list(LEVELS)


def test_among_numbered_bodies_a_suggestion_gets_a_number():
    analysis = with_suggestions("C4")
    numbers = tuple(replace(body, level=None) for body in analysis.vertebrae)
    state = accept_suggestion(
        Corrections(numbers, analysis.facing, levels_uncertain=True), analysis.suggestions[0]
    )
    assert levels_of(state.vertebrae) == [None] * 7
    assert state.levels_uncertain


def test_without_any_body_the_first_click_begins_a_column():
    analysis = with_suggestions(*LEVELS)
    assert WarningCode.NOT_OUTLINED in codes(analysis)
    result = accepted(analysis, "C4")
    assert levels_of(result.vertebrae) == ["C4"]
    assert result.facing == FOUND.facing
    assert WarningCode.NOT_OUTLINED not in codes(result)
    assert len(result.suggestions) == 6


def test_without_levels_accepted_bodies_have_numbers():
    analysis = with_suggestions(*LEVELS, has_levels=False)
    state = all_of(analysis)
    result = apply_corrections(analysis, state)
    assert levels_of(result.vertebrae) == [None] * 7
    assert result.levels_uncertain
    assert WarningCode.LEVELS_UNCERTAIN in codes(result)


def test_what_lies_where_a_body_is_is_no_suggestion():
    analysis = with_suggestions("C4")
    assert open_suggestions(FOUND.vertebrae, FOUND.vertebrae) == ()
    assert open_suggestions(analysis.suggestions, analysis.vertebrae) == analysis.suggestions


def test_a_moved_corner_of_an_accepted_body_goes_back_to_where_the_program_saw_it():
    analysis = with_suggestions("C4")
    result = accepted(analysis, "C4")
    own = result.vertebrae[2]
    mark = own.landmarks[0]
    name = mark.name
    moved = move_landmark(result.corrections, 3, name, mark.x + 9.0, mark.y)
    assert moved.vertebrae[2].landmark(name).x == mark.x + 9.0
    for back in (
        reset_landmark(moved, 3, name, analysis),
        reset_body(moved, 3, apply_corrections(analysis, moved)),
    ):
        assert back.vertebrae[2].landmark(name) == own.landmark(name)
        assert back.vertebrae[2].state is VertebraState.ACCEPTED


def test_accepted_bodies_come_back_from_disk(tmp_path):
    result = accepted(with_suggestions("C4", "C6"), "C4")
    path = save_corrections(result, tmp_path / "saved.json")
    found = load_corrections(with_suggestions("C4", "C6"), path)
    assert found == result.corrections
    assert found.vertebrae[2].state is VertebraState.ACCEPTED


def test_the_json_file_tells_what_was_suggested_and_what_accepted():
    result = accepted(with_suggestions("C4", "C6"), "C4")
    table = json.loads(json.dumps(analysis_json(result, {})))
    jsonschema.validate(table, analysis_schema())
    assert [body["name"] for body in table["suggestions"]] == ["C6"]
    assert table["corrections"]["suggestions_accepted"] == ["C4"]
    assert table["corrections"]["bodies_added"] == 0
    assert table["corrections"]["changes"] == ["suggestions_accepted"]
    assert [body["name"] for body in table["automatic"]["suggestions"]] == ["C4", "C6"]
    assert table["vertebrae"][2]["state"] == "accepted"


def test_words_say_that_nothing_was_outlined_and_why():
    words = headline(with_suggestions(*LEVELS))
    assert "No vertebral body was outlined" in words
    assert "7 bodies are suggested" in words
    said = [caution_text(caution) for caution in with_suggestions(*LEVELS).cautions]
    assert any("do not form a plausible column" in text for text in said)
    assert any("C2, C3, C4" in text and "click" in text for text in said)


def test_a_gap_in_the_column_is_not_found_and_not_called_invisible():
    words = headline(replace(with_suggestions("C3"), suggestions=()))
    assert "C3 was not found." in words
    assert "visible" not in words


def test_a_suggested_body_is_named_as_such_and_not_called_not_found():
    words = headline(with_suggestions("C3"))
    assert "1 body is suggested (C3?)." in words
    assert "not found" not in words
