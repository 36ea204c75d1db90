"""Decisions on findings: what holds, what waits, what is outdated, what a reader may say."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.errors import ReadingError, ReadingProblem
from spinealign.domain.findings import Analysis
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import (
    Decision,
    Finding,
    FindingValue,
    GradeScale,
    GradeValue,
    NameValue,
    Normality,
    NumberValue,
    Reading,
)
from spinealign.reading.decisions import (
    accept_rest,
    allowed_grades,
    decide,
    not_carried_out,
    number_limits,
    pending,
    read_findings,
    unmatched_decisions,
)
from spinealign.reading.findings import findings_of, is_to_be_read
from spinealign.reading.store import image_of
from tests.readings import (
    NOW,
    back_analysis,
    degrees,
    genant,
    neck_analysis,
    pfirrmann,
    there,
)

COBB = "measure/cobb_c2_c7/C2/C7"
MODIC = "disc_grade/modic/L5/S1"


def begun(analysis: Analysis) -> Reading:
    return Reading(image_of(analysis), analysis.view_name, reader="A. Reader")


def found(analysis: Analysis, key: str) -> Finding:
    return next(finding for finding in findings_of(analysis) if finding.key == key)


def decided(
    analysis: Analysis, key: str, decision: Decision, human: FindingValue | None = None
) -> Reading:
    return decide(begun(analysis), found(analysis, key), decision, human, NOW)


def state(analysis: Analysis, reading: Reading, key: str):
    return next(r for r in read_findings(findings_of(analysis), reading) if r.finding.key == key)


def test_both_values_the_reader_and_the_time_are_kept():
    analysis = neck_analysis(cobb_deg=9.0, automatic_deg=12.0)
    made = decided(analysis, COBB, Decision.CHANGED, degrees(4.0)).decisions[0]
    assert made.shown == NumberValue(9.0, "deg", (8.0, 10.0))
    assert made.automatic == NumberValue(12.0, "deg")
    assert made.human == degrees(4.0)
    assert (made.reader, made.decided_utc) == ("A. Reader", NOW)


@pytest.mark.parametrize(
    ("decision", "human", "effective"),
    [
        (Decision.ACCEPTED, None, NumberValue(12.0, "deg", (11.0, 13.0))),
        (Decision.CHANGED, degrees(4.0), degrees(4.0)),
        (Decision.REJECTED, None, None),
    ],
)
def test_what_holds(decision, human, effective):
    analysis = neck_analysis()
    read = state(analysis, decided(analysis, COBB, decision, human), COBB)
    assert read.state is decision
    assert (None if read.said is None else read.said.value) == effective


def test_nothing_holds_before_a_decision():
    analysis = neck_analysis()
    reading = begun(analysis)
    assert all(r.said is None for r in read_findings(findings_of(analysis), reading))


def test_a_changed_value_is_judged_anew():
    analysis = back_analysis()
    reading = decided(analysis, "disc_grade/pfirrmann/L4/L5", Decision.CHANGED, pfirrmann(2))
    read = state(analysis, reading, "disc_grade/pfirrmann/L4/L5")
    assert read.finding.normality is Normality.ABNORMAL
    assert read.said.normality is Normality.NORMAL


def test_a_later_decision_takes_the_place_of_an_earlier_one():
    analysis = neck_analysis()
    one = decided(analysis, COBB, Decision.CHANGED, degrees(4.0))
    other = decide(one, found(analysis, COBB), Decision.ACCEPTED, None, NOW)
    assert [made.decision for made in other.decisions] == [Decision.ACCEPTED]
    back = decide(other, found(analysis, COBB), Decision.UNDECIDED, None, NOW)
    assert back == begun(analysis)


def test_a_doubt_cannot_be_accepted_but_told():
    analysis, key = back_analysis(), "disc_grade/herniation/L4/L5"
    with pytest.raises(ReadingError) as caught:
        decided(analysis, key, Decision.ACCEPTED)
    assert caught.value.problem is ReadingProblem.NOTHING_TO_ACCEPT
    read = state(analysis, decided(analysis, key, Decision.CHANGED, there(True)), key)
    assert read.said.normality is Normality.ABNORMAL


def test_all_the_rest_is_accepted_and_nothing_else():
    analysis = back_analysis()
    rejected = decided(analysis, MODIC, Decision.REJECTED)
    reading = accept_rest(rejected, findings_of(analysis), NOW)
    assert pending(findings_of(analysis), reading) == ()
    states = {r.finding.key: r.state for r in read_findings(findings_of(analysis), reading)}
    assert states.pop(MODIC) is Decision.REJECTED
    for finding in findings_of(analysis):
        wanted = Decision.ACCEPTED if is_to_be_read(finding) else Decision.UNDECIDED
        assert states.get(finding.key, wanted) is wanted


def test_an_accepted_grade_that_became_uncertain_waits_for_the_reader():
    """Neither accepted with the rest, for there is nothing to accept, nor forgotten."""
    key = "disc_grade/pfirrmann/L4/L5"
    reading = decided(back_analysis(), key, Decision.ACCEPTED)
    unsure = back_analysis({"L4/L5": {"pfirrmann": None}})
    findings = findings_of(unsure)
    rest = accept_rest(reading, findings, NOW)
    assert [finding.key for finding in pending(findings, rest)] == [key]
    for decision, human in ((Decision.UNDECIDED, None), (Decision.CHANGED, pfirrmann(3))):
        told = decide(rest, found(unsure, key), decision, human, NOW)
        assert pending(findings, told) == ()


def test_an_uncertain_grade_of_a_name_that_another_disc_has_now_waits_for_nobody():
    """Levels were renamed: there is nothing to accept, and nothing that was decided here."""
    key = "disc_grade/pfirrmann/L4/L5"
    reading = decided(back_analysis(), key, Decision.ACCEPTED)
    unsure = back_analysis({"L4/L5": {"pfirrmann": None}})
    elsewhere = [
        msgspec.structs.replace(one, box=(0.0, 0.0, 1.0, 1.0)) if one.key == key else one
        for one in findings_of(unsure)
    ]
    assert key not in [finding.key for finding in pending(elsewhere, reading)]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        (COBB, pfirrmann(3), ReadingProblem.WRONG_TYPE),
        (COBB, NumberValue(3.0, "mm"), ReadingProblem.WRONG_TYPE),
        (COBB, None, ReadingProblem.WRONG_TYPE),
        (COBB, degrees(180.1), ReadingProblem.OUT_OF_LIMITS),
        (COBB, degrees(float("nan")), ReadingProblem.OUT_OF_LIMITS),
        (COBB, degrees(float("inf")), ReadingProblem.OUT_OF_LIMITS),
        ("measure/disc_height/C5/C6", NumberValue(-1.0, "mm"), ReadingProblem.OUT_OF_LIMITS),
        ("levels", NameValue("C3 C2 C4 C5 C6 C7"), ReadingProblem.UNKNOWN_NAME),
        ("levels", NameValue("C3 C4 C5 C6 C7"), ReadingProblem.UNKNOWN_NAME),
        ("levels", NameValue("C2 C3 C4 C5 C6 C8"), ReadingProblem.UNKNOWN_NAME),
        ("levels", degrees(1.0), ReadingProblem.UNKNOWN_NAME),
        ("examination", NameValue("skull"), ReadingProblem.UNKNOWN_NAME),
    ],
)
def test_impossible_values_of_a_neck_are_refused(key, value, problem):
    with pytest.raises(ReadingError) as caught:
        decided(neck_analysis(), key, Decision.CHANGED, value)
    assert caught.value.problem is problem
    assert caught.value.keys == (key,)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("disc_grade/pfirrmann/L4/L5", pfirrmann(0), ReadingProblem.OUT_OF_LIMITS),
        ("disc_grade/pfirrmann/L4/L5", pfirrmann(6), ReadingProblem.OUT_OF_LIMITS),
        ("disc_grade/pfirrmann/L4/L5", genant(2), ReadingProblem.WRONG_TYPE),
        ("disc_grade/pfirrmann/L4/L5", there(True), ReadingProblem.WRONG_TYPE),
        ("height_loss/L1", genant(4), ReadingProblem.OUT_OF_LIMITS),
        ("height_loss/L1", pfirrmann(2), ReadingProblem.WRONG_TYPE),
        (MODIC, pfirrmann(2), ReadingProblem.WRONG_TYPE),
    ],
)
def test_impossible_values_of_a_back_are_refused(key, value, problem):
    with pytest.raises(ReadingError) as caught:
        decided(back_analysis(), key, Decision.CHANGED, value)
    assert caught.value.problem is problem


def test_what_may_be_typed_is_offered():
    back, neck = back_analysis(), neck_analysis()
    assert allowed_grades(found(back, "disc_grade/pfirrmann/L4/L5")) == (1, 2, 3, 4, 5)
    assert allowed_grades(found(back, "height_loss/L1")) == (0, 1, 2, 3)
    assert allowed_grades(found(back, MODIC)) == ()
    assert number_limits(found(neck, COBB)) == (-180.0, 180.0)
    assert number_limits(found(neck, "measure/disc_height/C5/C6"))[0] == 0.0
    assert number_limits(found(back, MODIC)) is None


def test_a_reader_s_value_has_no_interval_of_the_program():
    given_interval = NumberValue(4.0, "deg", (3.0, 5.0))
    made = decided(neck_analysis(), COBB, Decision.CHANGED, given_interval).decisions[0]
    assert made.human == degrees(4.0)
    sure = GradeValue(GradeScale.PFIRRMANN, 3, 0.9)
    key = "disc_grade/pfirrmann/L4/L5"
    assert decided(back_analysis(), key, Decision.CHANGED, sure).decisions[0].human == pfirrmann(3)


# What a correction does to decisions


@pytest.mark.parametrize(
    ("cobb_deg", "is_outdated"), [(12.0, False), (12.04, False), (12.3, True), (-12.0, True)]
)
def test_a_moved_value_makes_its_decision_outdated(cobb_deg, is_outdated):
    reading = decided(neck_analysis(), COBB, Decision.ACCEPTED)
    moved = neck_analysis(cobb_deg=cobb_deg)
    read = state(moved, reading, COBB)
    assert read.is_outdated is is_outdated
    assert (read.said is None) is is_outdated
    assert (COBB in [f.key for f in pending(findings_of(moved), reading)]) is is_outdated
    assert reading.decisions[0].shown == NumberValue(12.0, "deg", (11.0, 13.0))


@pytest.mark.parametrize(("l1_ratio", "is_outdated"), [(0.69, False), (0.67, True)])
def test_a_height_measured_anew_makes_its_decision_outdated_within_one_grade(l1_ratio, is_outdated):
    key = "height_loss/L1"
    for decision, human in ((Decision.ACCEPTED, None), (Decision.CHANGED, genant(3))):
        reading = decided(back_analysis(), key, decision, human)
        assert state(back_analysis(l1_ratio=l1_ratio), reading, key).is_outdated is is_outdated


def test_a_change_that_the_analysis_then_follows_is_not_outdated():
    reading = decided(neck_analysis(), COBB, Decision.CHANGED, degrees(4.0))
    followed = state(neck_analysis(cobb_deg=4.0), reading, COBB)
    assert (followed.is_outdated, followed.state) == (False, Decision.CHANGED)


def test_a_renamed_level_does_not_take_over_a_decision():
    """A Pfirrmann grade accepted at L4/L5 says nothing of the disc that is called so later."""
    analysis = back_analysis({"L4/L5": {"pfirrmann": 4}, "L5/S1": {"pfirrmann": 4}})
    key = "disc_grade/pfirrmann/L4/L5"
    reading = decided(analysis, key, Decision.ACCEPTED)
    names = {"L5/S1": "S1/S2", "L4/L5": "L5/S1", "L3/L4": "L4/L5", "L2/L3": "L3/L4"}
    shifted = replace(
        analysis,
        discs=tuple(
            replace(disc, level=names[disc.level], grades=analysis.discs[1].grades)
            for disc in analysis.discs
            if disc.level in names
        ),
    )
    assert found(shifted, key).value == found(analysis, key).value
    assert state(shifted, reading, key).is_outdated


def test_decisions_on_what_is_gone_are_told():
    reading = decided(back_analysis(), MODIC, Decision.ACCEPTED)
    without = replace(back_analysis(), discs=())
    assert [made.key for made in unmatched_decisions(findings_of(without), reading)] == [MODIC]
    assert unmatched_decisions(findings_of(back_analysis()), reading) == ()


def test_a_change_of_levels_is_carried_out_on_the_picture():
    analysis = neck_analysis()
    lower = NameValue("C3 C4 C5 C6 C7 T1")
    reading = decided(analysis, "levels", Decision.CHANGED, lower)
    assert [f.key for f in not_carried_out(findings_of(analysis), reading)] == ["levels"]
    renamed = replace(
        analysis,
        vertebrae=tuple(
            replace(body, level=name)
            for body, name in zip(analysis.vertebrae, lower.name.split(" "), strict=True)
        ),
    )
    assert not_carried_out(findings_of(renamed), reading) == ()
    assert state(renamed, reading, "levels").state is Decision.CHANGED


def test_a_signed_reading_takes_no_decision():
    analysis = neck_analysis()
    signed = begun(analysis).with_changes(signed_utc=NOW)
    with pytest.raises(ReadingError) as caught:
        decide(signed, found(analysis, COBB), Decision.ACCEPTED, None, NOW)
    assert caught.value.problem is ReadingProblem.SIGNED_ALREADY


# Any decisions in any order

ANALYSES = (neck_analysis(), back_analysis())
steps = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from(Decision), st.integers(0, 5), st.booleans()),
    max_size=25,
)


def human_for(finding: Finding, number: int, is_there: bool) -> FindingValue:
    grades = allowed_grades(finding)
    if grades:
        scale = GradeScale.GENANT if 0 in grades else GradeScale.PFIRRMANN
        return GradeValue(scale, grades[number % len(grades)])
    if finding.kind.value == "measure":
        return NumberValue(float(number) / 2, finding.unit)
    if finding.kind.value == "disc_grade":
        return there(is_there)
    return finding.value or NameValue("C2")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ANALYSES), steps)
def test_any_decisions_leave_one_a_finding_and_the_last_one_counts(analysis, chosen):
    findings = findings_of(analysis)
    reading, last = begun(analysis), {}
    for number, decision, digit, is_there in chosen:
        finding = findings[number % len(findings)]
        human = human_for(finding, digit, is_there) if decision is Decision.CHANGED else None
        try:
            reading = decide(reading, finding, decision, human, NOW)
        except ReadingError:
            assert decision in (Decision.ACCEPTED, Decision.CHANGED)
            continue
        last[finding.key] = (decision, human)
    states = {r.finding.key: r for r in read_findings(findings, reading)}
    for key, (decision, human) in last.items():
        assert states[key].state is decision
        if decision is Decision.CHANGED:
            assert states[key].said.value == human
    undecided = {key for key, read in states.items() if key not in last}
    assert all(states[key].said is None for key in undecided)
    assert msgspec.json.decode(msgspec.json.encode(reading), type=Reading) == reading


def test_numbers_of_every_measure_have_limits():
    finding = found(neck_analysis(), COBB)
    for code in MeasureCode:
        low, high = number_limits(msgspec.structs.replace(finding, code=code.value))
        assert low < high
