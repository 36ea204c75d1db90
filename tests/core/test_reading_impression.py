"""The impression says what was decided, never the opposite, and spares a reader's own text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.errors import ReadingError, ReadingProblem
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind, ImageKind
from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.measurements import Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import MeasureCode, Reference, Severity, SeverityGrade
from spinealign.domain.reading import (
    CONTEXT_KINDS,
    Decision,
    FindingKind,
    GradeValue,
    NumberValue,
    PresenceValue,
    Reading,
)
from spinealign.domain.report_details import ReportDetails
from spinealign.export.report_content import report_content
from spinealign.json_files import JsonError, typed
from spinealign.reading.decisions import accept_rest, decide, read_findings
from spinealign.reading.findings import findings_of
from spinealign.reading.impression import (
    Phrase,
    Phrases,
    expanded,
    impression_text,
    repeated_keys,
    with_edited_impression,
    with_fresh_impression,
)
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.measure_rows import measure_sentence
from spinealign.wording.reading_page import OVERRULED_TYPE, REJECTED_LEVELS, REJECTED_TYPE
from spinealign.wording.reading_window import line_note
from tests.core.test_reading_decisions import begun, decided, found
from tests.readings import (
    NOW,
    back_analysis,
    genant,
    measured,
    narrow_canal_analysis,
    neck_analysis,
    pfirrmann,
    there,
)


def told(analysis, reading: Reading) -> str:
    return impression_text(read_findings(findings_of(analysis), reading))


def all_accepted(analysis, *changed) -> str:
    reading = begun(analysis)
    for key, decision, human in changed:
        reading = decide(reading, found(analysis, key), decision, human, NOW)
    return told(analysis, accept_rest(reading, findings_of(analysis), NOW))


def test_a_back_is_dictated():
    assert all_accepted(back_analysis()).splitlines() == [
        "L1: height loss, anterior, 31 %, Genant grade 2 (wedge): possible fracture.",
        "L4/L5: canal diameter 9.0 mm, absolute stenosis; disc degeneration (Pfirrmann grade 5) "
        "with narrowing and bulging.",
        "L5/S1: disc herniation; disc degeneration (Pfirrmann grade 4) with Modic change.",
        "No abnormal grade of discs L2/L3 and L3/L4; no height loss of L2 to L5.",
        "Not determined: Pfirrmann grade of L1/L2 (no other change there); "
        "disc herniation of L4/L5.",
        "Measured: L1–S1 lumbar lordosis 54.0°.",
    ]


def test_a_canal_that_is_narrow_at_several_discs_is_dictated_once():
    lines = all_accepted(narrow_canal_analysis()).splitlines()
    assert lines[1] == (
        "Spinal canal on this slice: absolute stenosis at L4/L5 (9.0 mm); possibly relative "
        "stenosis at L1/L2 to L3/L4 (11.2 to 12.6 mm)."
    )
    assert sum("canal" in line for line in lines) == 1
    assert "L4/L5: disc degeneration (Pfirrmann grade 5) with narrowing and bulging." in lines


def test_discs_that_show_the_same_share_a_sentence():
    worn = {"pfirrmann": 4, "upper_endplate": True, "lower_endplate": True}
    bulging = {"bulging": True, "modic": True}
    analysis = back_analysis({"L1/L2": bulging, "L2/L3": worn, "L3/L4": worn, "L5/S1": worn})
    lines = all_accepted(analysis).splitlines()
    assert lines[2:4] == [
        "L2/L3, L3/L4 and L5/S1: disc degeneration (Pfirrmann grade 4) with changes of both "
        "endplates.",
        "L1/L2: Modic change and disc bulging.",
    ]


def test_a_level_in_doubt_keeps_its_question_mark():
    analysis = back_analysis()
    assumed = tuple(replace(disc, is_level_assumed=True) for disc in analysis.discs)
    text = all_accepted(replace(analysis, discs=assumed, vertebrae=()))
    assert "L5/S1?: disc herniation" in text
    assert text.endswith("The levels are uncertain.")


def test_a_healthy_neck_is_one_sentence_and_what_has_no_reference():
    analysis = neck_analysis()
    key = "measure/translation/C4/C5"
    text = all_accepted(analysis, (key, Decision.REJECTED, None))
    assert text.splitlines() == [
        "Within reference limits: C2–C7 Cobb lordosis 12.0° and C2–C7 sagittal vertical axis "
        "20.0 mm.",
        "Measured: C7 slope 15.0°.",
    ]


def test_a_curvature_that_is_not_determined_is_named_unless_another_stands_in():
    whole, *others = neck_analysis().measurements
    why = Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("C2", "C7"))
    unsure = replace(whole, value=None, interval=None, unmeasurable=why)
    lost = replace(neck_analysis(), measurements=(unsure, *others))
    assert "Not determined: C2–C7 Cobb lordosis." in all_accepted(lost).splitlines()
    assert told(lost, begun(lost)) == ""
    shorter = measured(MeasureCode.COBB_C2_C6, 9.0, ("C2", "C6"))
    text = all_accepted(replace(lost, measurements=(unsure, shorter, *others)))
    assert "C2–C6 Cobb lordosis 9.0°" in text
    assert "Not determined" not in text


def test_heights_and_balance_that_are_not_determined_on_a_standing_film_are_named():
    film = EXAMINATIONS[ExaminationKind.LATERAL_SPINE_RADIOGRAPH]
    neck = neck_analysis()
    why = Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("C7", "S1"))
    open_ = replace(
        measured(MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1, 9.0, ("C7", "S1")),
        value=None, interval=None, unmeasurable=why,
    )  # fmt: skip
    heads = Unmeasurable(UnmeasurableReason.FEMORAL_HEADS_MISSING)
    tilt = replace(open_, code=MeasureCode.PELVIC_TILT, levels=("S1",), unmeasurable=heads)
    gaps = [body for body in neck.vertebrae if body.level not in ("C4", "C5", "C6")]
    lost = replace(
        neck, examination=film, vertebrae=tuple(gaps),
        measurements=(*neck.measurements, open_, tilt),
    )  # fmt: skip
    [line] = [one for one in all_accepted(lost).splitlines() if one.startswith("Not determined")]
    assert re.match("Not determined: heights of C4 to C6(, | and )", line)
    assert "C7–S1 sagittal vertical axis" in line
    assert "elvic" not in line


def test_a_kyphotic_neck_is_dictated():
    text = all_accepted(neck_analysis(cobb_deg=-8.0))
    assert text.splitlines()[:2] == [
        "C4/C5: translation 3.8 mm, possibly over 3.5 mm.",
        "C2–C7 Cobb kyphosis 8.0°, below the reference range (lordosis 0 to 30°).",
    ]
    assert "lordosis 3.0°" in all_accepted(neck_analysis(cobb_deg=3.0))


@pytest.mark.parametrize("cobb_deg", [0.5, 29.5, 12.0])
def test_window_report_and_command_line_say_the_same_of_an_interval_beyond_the_range(cobb_deg):
    analysis, reaching = neck_analysis(cobb_deg=cobb_deg), "but its interval reaches beyond it"
    cobb = found(analysis, "measure/cobb_c2_c7/C2/C7")
    rows = report_content(analysis, ReportDetails()).rows
    row = next(row for row in rows if "Cobb" in row.what)
    told_by = {
        "command line": measure_sentence(analysis.measurements[0]),
        "headline": alignment_sentences(analysis),
        "window": line_note([cobb]),
        "report": row.meaning,
    }
    is_near = cobb_deg != 12.0
    assert {place: reaching in words for place, words in told_by.items()} == dict.fromkeys(
        told_by, is_near
    )
    dictated = all_accepted(analysis)
    assert ("but with an interval that reaches beyond them: C2–C7 Cobb" in dictated) is is_near


def test_a_normal_measure_of_a_level_names_it():
    analysis = neck_analysis()
    reading = decided(analysis, "measure/translation/C5/C6", Decision.ACCEPTED)
    assert "C5/C6 translation" in told(analysis, reading)


def test_nothing_decided_says_nothing():
    analysis = back_analysis()
    assert told(analysis, begun(analysis)) == ""


def test_levels_counted_are_said_until_a_reader_confirms_them():
    analysis = back_analysis()
    sentence = "Levels counted upwards from the lowest disc, taken as L5/S1."
    reading = decided(analysis, "disc_grade/modic/L5/S1", Decision.ACCEPTED)
    assert sentence in told(analysis, reading)
    assert sentence not in all_accepted(analysis)


def test_levels_counted_from_the_sacrum_are_said_as_that():
    plain = back_analysis()
    analysis = replace(plain, cautions=(Caution(WarningCode.LEVELS_FROM_SACRUM),))
    reading = decided(analysis, "disc_grade/modic/L5/S1", Decision.ACCEPTED)
    assert "Levels counted upwards from the sacrum." in told(analysis, reading)
    assert "lowest disc" not in told(analysis, reading)


def test_a_disc_with_one_undecided_grade_is_not_called_unremarkable():
    analysis = back_analysis()
    reading = accept_rest(begun(analysis), findings_of(analysis), NOW)
    assert "discs L2/L3 and L3/L4;" in told(analysis, reading)
    for decision in (Decision.UNDECIDED, Decision.REJECTED):
        finding = found(analysis, "disc_grade/bulging/L2/L3")
        text = told(analysis, decide(reading, finding, decision, None, NOW))
        assert "disc L3/L4;" in text


def test_a_reader_s_value_is_said_and_not_the_program_s():
    text = all_accepted(
        back_analysis(),
        ("disc_grade/pfirrmann/L4/L5", Decision.CHANGED, pfirrmann(3)),
        ("height_loss/L1", Decision.CHANGED, genant(0)),
        ("measure/canal_diameter/L4/L5", Decision.CHANGED, NumberValue(11.0, "mm")),
    )
    assert "grade 5" not in text
    assert "fracture" not in text
    assert re.search("L4/L5: .*canal diameter 11.0 mm, relative stenosis", text)
    assert "no height loss of L1 to L5" in text


@pytest.mark.parametrize(("value", "words"), [(-7.5, "kyphosis 7.5°"), (7.5, "lordosis 7.5°")])
def test_tangents_are_dictated_as_the_curve_that_they_show(value, words):
    analysis = neck_analysis()
    cobb = next(m for m in analysis.measurements if m.code == "cobb_c2_c7")
    tangent = replace(
        cobb, code=MeasureCode.POSTERIOR_TANGENT, value=value, interval=None, normal=None
    )
    text = all_accepted(replace(analysis, measurements=(tangent,)))
    assert f"C2–C7 posterior tangent {words}" in text


def test_nothing_is_told_that_rests_on_a_rejected_type_or_on_rejected_levels():
    rejected = {key: (key, Decision.REJECTED, None) for key in ("examination", "levels")}
    analysis = back_analysis()
    assert all_accepted(analysis, rejected["examination"]) == REJECTED_TYPE
    assert all_accepted(analysis, *rejected.values()) == REJECTED_TYPE
    assert all_accepted(analysis, rejected["levels"]) == REJECTED_LEVELS


def test_an_image_of_another_type_than_the_program_says_comes_with_its_reservation():
    analysis = back_analysis()
    caution = Caution(WarningCode.VIEW_OVERRULED, kind=ImageKind.NONE_OF_THESE)
    forced = replace(analysis, cautions=(*analysis.cautions, caution))
    lines = all_accepted(forced).splitlines()
    assert lines == [OVERRULED_TYPE, *all_accepted(analysis).splitlines()]


@pytest.mark.parametrize(("lowest", "is_told"), [("C3", False), ("C4", False), ("C5", True)])
def test_a_curve_of_one_or_two_segments_is_no_finding(lowest, is_told):
    analysis = neck_analysis()
    cobb = next(m for m in analysis.measurements if m.code == "cobb_c2_c7")
    codes = (MeasureCode.COBB_C2_LOWEST, MeasureCode.POSTERIOR_TANGENT)
    short = tuple(
        replace(cobb, code=code, levels=("C2", lowest), interval=None, normal=None)
        for code in codes
    )
    text = all_accepted(replace(analysis, measurements=short))
    assert (f"C2–{lowest}" in text) == is_told


def test_a_change_that_is_less_likely_than_not_is_possible():
    analysis = back_analysis({"L4/L5": {"pfirrmann": 4, "bulging": True, "herniation": True}})
    discs = tuple(
        replace(
            disc,
            grades=tuple(
                replace(grade, probabilities=(0.6, 0.4)) if grade.value is True else grade
                for grade in disc.grades
            ),
        )
        for disc in analysis.discs
    )
    doubtful = replace(analysis, discs=discs)
    text = all_accepted(doubtful)
    assert "possibly disc herniation; " in text
    assert "with possibly bulging" in text
    assert "(Pfirrmann grade 4)" in text
    shares = (0.1, 0.1, 0.1, 0.45, 0.25)
    unsure = tuple(
        replace(
            disc,
            grades=tuple(
                replace(grade, probabilities=shares) if grade.value == 4 else grade
                for grade in disc.grades
            ),
        )
        for disc in analysis.discs
    )
    assert "(possibly Pfirrmann grade 4)" in all_accepted(replace(analysis, discs=unsure))
    assert "possibly" not in all_accepted(analysis)


def test_pixels_are_not_dictated():
    analysis = neck_analysis()
    pixels = tuple(
        replace(m, unit="px", normal=None, severity=None) if m.unit == "mm" else m
        for m in analysis.measurements
    )
    text = all_accepted(replace(analysis, measurements=pixels))
    assert "px" not in text
    assert "C7 slope 15.0°" in text


def test_a_magnified_length_says_so():
    analysis = replace(neck_analysis(), cautions=(Caution(WarningCode.MAGNIFIED_SPACING),))
    assert "axis 20.0 mm (measured at the detector)" in all_accepted(analysis)


# It never inverts

choices = st.dictionaries(
    st.sampled_from([finding.key for finding in findings_of(back_analysis())]),
    st.tuples(st.sampled_from(Decision), st.booleans(), st.integers(0, 5)),
    max_size=60,
)


def decide_all(analysis, chosen) -> Reading:
    reading = begun(analysis)
    for key, (decision, is_there, number) in chosen.items():
        finding = found(analysis, key)
        human = None
        if decision is Decision.CHANGED:
            if finding.kind is FindingKind.MEASURE:
                human = NumberValue(number * 4.0 if finding.unit == "mm" else 0.5, finding.unit)
            elif finding.kind is FindingKind.HEIGHT_LOSS:
                human = genant(number % 4)
            elif finding.code == "pfirrmann":
                human = pfirrmann(max(number, 1))
            elif finding.kind is FindingKind.DISC_GRADE:
                human = there(is_there)
            else:
                continue
        try:
            reading = decide(reading, finding, decision, human, NOW)
        except ReadingError:
            assert finding.value is None
    return reading


NORMAL = re.compile("No abnormal grade|No height loss|Within reference limits")


def place_lines(text: str) -> dict[str, str]:
    """Return what is said of each disc and body."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        places, colon, rest = line.partition(": ")
        names = re.findall(r"\b[TLS]\d\b(?:/[LS]\d)?", spelled_out(places))
        if colon and not NORMAL.match(line) and names:
            found.update(dict.fromkeys(names, rest))
    return found


WORDS = {
    "narrowing": "narrowing",
    "bulging": "bulging",
    "herniation": "disc herniation",
    "spondylolisthesis": "listhesis",
    "modic": "Modic change",
    "upper_endplate": "upper endplate change|both endplates",
    "lower_endplate": "lower endplate change|both endplates",
}


@settings(max_examples=150, deadline=None)
@given(choices)
def test_an_impression_says_exactly_what_was_decided_to_be_there(chosen):
    analysis = back_analysis()
    reading = decide_all(analysis, chosen)
    text = told(analysis, reading)
    lines = place_lines(text)
    for read in read_findings(findings_of(analysis), reading):
        finding, decision = read.finding, read.decision
        value = None if decision is None else decision.effective
        line = lines.get(finding.place, "")
        if finding.code in WORDS:
            is_said = re.search(WORDS[finding.code], line) is not None
            assert is_said == (isinstance(value, PresenceValue) and value.is_present)
        elif finding.code == "pfirrmann":
            grades = re.findall(r"Pfirrmann grade (\d)", line)
            is_worn = isinstance(value, GradeValue) and value.grade >= 4
            assert grades == ([str(value.grade)] if is_worn else [])
        elif finding.kind is FindingKind.HEIGHT_LOSS:
            grades = re.findall(r"Genant grade (\d)", line)
            is_lost = isinstance(value, GradeValue) and value.grade > 0
            assert grades == ([str(value.grade)] if is_lost else [])


def named_normal(text: str) -> str:
    return next((line for line in text.splitlines() if NORMAL.match(line)), "")


@settings(max_examples=150, deadline=None)
@given(choices)
def test_nothing_is_called_normal_that_was_not_decided_to_be(chosen):
    analysis = back_analysis()
    reading = accept_rest(decide_all(analysis, chosen), findings_of(analysis), NOW)
    line = named_normal(told(analysis, reading))
    discs = set(
        re.findall(r"[TL]\d{1,2}/[LS]\d", spelled_out(re.split("[Nn]o height loss", line)[0]))
    )
    bodies = re.findall(r"[Nn]o height loss of ([^;.]*)", line)
    kept = set(re.findall(r"L\d", spelled_out(bodies[0]))) if bodies else set()
    context = {reading.decision_on(kind.value).decision for kind in CONTEXT_KINDS}
    for read in read_findings(findings_of(analysis), reading):
        finding, said = read.finding, read.said
        is_normal = said is not None and said.normality.value == "normal"
        is_normal = is_normal and Decision.REJECTED not in context
        if finding.kind is FindingKind.HEIGHT_LOSS:
            assert (finding.place in kept) == is_normal
        if finding.kind is FindingKind.DISC_GRADE and finding.place in discs:
            assert is_normal


def spelled_out(text: str) -> str:
    """Return a text in which "L1/L2 to L3/L4" names the disc between them too."""
    order = ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]
    bodies = ["L1", "L2", "L3", "L4", "L5"]
    text = text.split("(not determined")[0]
    for names in (order, bodies):
        pattern = rf"\b({'|'.join(names)}) to ({'|'.join(names)})\b"
        for first, last in re.findall(pattern, text):
            between = names[names.index(first) : names.index(last) + 1]
            text = text.replace(f"{first} to {last}", " ".join(between))
    return text


# A reader's own text


def test_a_reader_s_text_is_left_alone_by_decisions():
    analysis = back_analysis()
    findings = findings_of(analysis)
    fresh = with_fresh_impression(accept_rest(begun(analysis), findings, NOW), findings)
    assert fresh.impression.text.startswith("L1: height loss, anterior, 31 %")
    assert not fresh.impression.is_edited
    mine = with_edited_impression(fresh, "Nothing new.")
    rejected = decide(mine, found(analysis, "height_loss/L1"), Decision.REJECTED, None, NOW)
    assert with_fresh_impression(rejected, findings).impression.text == "Nothing new."


def test_typing_nothing_new_is_no_edit_and_a_book_is_refused():
    reading = begun(neck_analysis())
    assert with_edited_impression(reading, "") is reading
    with pytest.raises(ReadingError) as caught:
        with_edited_impression(reading, "x" * 20_001)
    assert caught.value.problem is ReadingProblem.TOO_LONG
    with pytest.raises(ReadingError):
        with_edited_impression(reading.with_changes(signed_utc=NOW), "late")


PHRASES = (Phrase("nad", "No acute disease."), Phrase("grüß", "Thank you for the referral."))


@pytest.mark.parametrize(
    ("text", "caret", "wanted"),
    [
        ("nad", 3, ("No acute disease.", 17)),
        ("L1 normal. NAD", 14, ("L1 normal. No acute disease.", 28)),
        ("grüß rest", 4, ("Thank you for the referral. rest", 27)),
        ("xnad", 4, None),
        ("nad ", 4, None),
        ("na", 2, None),
        ("nad", 2, None),
        ("", 0, None),
    ],
)
def test_a_key_before_the_caret_becomes_its_phrase(text, caret, wanted):
    assert expanded(text, caret, PHRASES) == wanted


@pytest.mark.parametrize(
    "phrase",
    [
        {"key": "two words", "text": "t"},
        {"key": "", "text": "t"},
        {"key": "k" * 21, "text": "t"},
        {"key": "k\n", "text": "t"},
        {"key": "k", "text": ""},
        {"key": "k", "text": "t" * 2001},
        {"key": "k", "text": "t", "more": 1},
    ],
)
def test_settings_with_an_impossible_phrase_are_refused(phrase):
    assert typed([{"key": "grüß-1_a", "text": "t"}], Phrases, is_strict=True)
    with pytest.raises(JsonError):
        typed([phrase], Phrases, is_strict=True)


def test_a_key_stands_for_one_phrase():
    assert repeated_keys((*PHRASES, Phrase("NAD", "other"))) == ("nad",)
    assert repeated_keys(PHRASES) == ()


def with_slip(told, severity, value=15.0, spread=5.0):
    """Return the lumbar MR with a slip measured at L2/L3."""
    plain = back_analysis(told)
    slip = measured(
        MeasureCode.LISTHESIS_PERCENT,
        value,
        ("L2", "L3"),
        place=1,
        severity=severity,
        spread=spread,
    )
    return replace(plain, measurements=(*plain.measurements, slip))


POSSIBLE_SLIP = Severity(SeverityGrade.MEYERDING_1, Reference.MEYERDING, True)


def test_a_level_whose_slip_was_measured_is_not_said_to_have_none_nor_one_undetermined():
    for grade in (False, None):
        text = all_accepted(with_slip({"L2/L3": {"spondylolisthesis": grade}}, POSSIBLE_SLIP))
        lines = text.splitlines()
        assert any(line.startswith("L2/L3: listhesis 15 %") for line in lines)
        assert not any("ot determined" in line and "listhesis" in line for line in lines)
        assert not any("discs L1/L2 to L5/S1" in line for line in lines)


def test_without_a_measured_slip_its_grade_is_told_as_before():
    text = all_accepted(with_slip({"L2/L3": {"spondylolisthesis": None}}, None, 3.0))
    assert "listhesis of L2/L3" in text


def test_a_canal_that_was_measured_nowhere_is_said_to_be_undetermined():
    plain = narrow_canal_analysis()
    why = Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("L4",))
    taken = tuple(
        replace(m, value=None, interval=None, severity=None, unmeasurable=why)
        if m.code is MeasureCode.CANAL_DIAMETER
        else m
        for m in plain.measurements
    )
    said = [line for line in all_accepted(plain).splitlines() if "Not determined" in line]
    assert not any("canal diameter" in line for line in said)
    text = all_accepted(replace(plain, measurements=taken))
    [line] = [line for line in text.splitlines() if "canal diameter of " in line]
    assert line == "Not determined: canal diameter of T12/L1 to L4/L5."


def test_a_canal_that_is_closed_between_two_bodies_is_said_first():
    plain = narrow_canal_analysis()
    why = Unmeasurable(UnmeasurableReason.CANAL_CLOSED)
    taken = tuple(
        replace(m, value=None, interval=None, severity=None, unmeasurable=why)
        if (m.code, m.levels) == (MeasureCode.CANAL_DIAMETER, ("L4", "L5"))
        else m
        for m in plain.measurements
    )
    assert "Severe narrowing" not in all_accepted(plain)
    text = all_accepted(replace(plain, measurements=taken))
    assert text.startswith("Severe narrowing of the spinal canal is suspected at L4/L5, where its")
    assert "Not determined: canal diameter of L4/L5." in text
