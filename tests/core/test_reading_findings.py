"""Findings of an analysis: which, how bad, in which order, and what is no finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.discs import GradeName
from spinealign.domain.findings import Caution, ModelStatus, VertebraState, WarningCode
from spinealign.domain.height_loss import HeightPart
from spinealign.domain.measures import (
    MEASURES,
    MeasureCode,
    NormalRange,
    Reference,
    Severity,
    SeverityGrade,
)
from spinealign.domain.reading import (
    GRADE_LIMITS,
    FindingKind,
    GradeScale,
    NameValue,
    Normality,
    NumberValue,
)
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.measure.correction.level_shift import shift_levels
from spinealign.reading.findings import (
    FINDING_RULES,
    MOST_LINES,
    assessed,
    findings_of,
    is_to_be_read,
    page_of,
)
from spinealign.reading.ranks import (
    ABNORMAL_FROM,
    GRADE_RANKS,
    PRESENCE_RANKS,
    SEVERITY_RANKS,
    range_rank,
    severity_rank,
)
from tests import phantoms
from tests.disc_models import graded_analysis
from tests.readings import (
    BACK,
    DISCS,
    back_analysis,
    degrees,
    forced_analysis,
    genant,
    measured,
    narrow_canal_analysis,
    neck_analysis,
    pfirrmann,
    there,
)


def by_key(analysis):
    return {finding.key: finding for finding in findings_of(analysis)}


def line_keys(analysis) -> list[str]:
    return [line.key for line in page_of(findings_of(analysis)).lines]


def test_a_back_is_read_worst_first_and_a_lost_height_before_all():
    assert line_keys(back_analysis()) == [
        "height_loss/L1",
        "measure/canal_diameter/L4/L5",
        "disc/L5/S1",
        "disc/L4/L5",
    ]


def test_grades_of_one_disc_share_a_line_worst_first():
    lines = page_of(findings_of(back_analysis())).lines
    codes = [
        finding.code for line in lines if line.key == "disc/L5/S1" for finding in line.findings
    ]
    assert codes == ["herniation", "pfirrmann", "modic"]


def test_a_neck_is_read():
    page = page_of(findings_of(neck_analysis(cobb_deg=-12.0)))
    assert [line.key for line in page.lines] == [
        "measure/translation/C4/C5",
        "measure/cobb_c2_c7/C2/C7",
    ]
    assert [f.key for f in page.doubts] == ["measure/t1_slope/T1"]
    assert [f.key for f in page.context] == ["examination", "levels"]
    assert {f.code for f in page.normal} == {"sagittal_vertical_axis", "c7_slope"}
    assert {f.code for f in page.details} == {"translation", "disc_height"}


def test_normal_values_are_no_findings():
    page = page_of(findings_of(neck_analysis(cobb_deg=12.0)))
    assert "measure/cobb_c2_c7/C2/C7" in {f.key for f in page.normal}
    assert page_of(findings_of(back_analysis(told={}, l1_ratio=1.0))).lines[0].key == (
        "measure/canal_diameter/L4/L5"
    )


def test_what_is_uncertain_is_a_doubt_and_no_finding():
    found = by_key(back_analysis())
    doubts = {f.key for f in page_of(found.values()).doubts}
    assert doubts == {"disc_grade/herniation/L4/L5", "disc_grade/pfirrmann/L1/L2"}
    assert all(found[key].value is None and not is_to_be_read(found[key]) for key in doubts)


def test_answers_of_a_demonstration_are_in_no_reading():
    kinds = {f.kind for f in findings_of(back_analysis(status=ModelStatus.DEMONSTRATION))}
    assert FindingKind.DISC_GRADE not in kinds
    assert {f.kind for f in findings_of(phantoms.ct_analysis())} == {FindingKind.EXAMINATION}


def test_every_value_of_an_analysis_has_one_finding():
    analysis = back_analysis()
    keys = [finding.key for finding in findings_of(analysis)]
    graded = sum(len(disc.grades) for disc in analysis.discs)
    assert len(keys) == len(set(keys)) == len(analysis.measurements) + graded + len(BACK) + 2
    assert all(f"disc_grade/{name}/{place}" in keys for name in GradeName for place in DISCS)


def test_the_page_folds_what_comes_after_the_eighth_line():
    slip = Severity(SeverityGrade.TRANSLATION_OVER_3_5_MM, Reference.WHITE_PANJABI)
    analysis = replace(
        neck_analysis(),
        measurements=tuple(
            measured(MeasureCode.TRANSLATION, 4.0, (f"C{n}", f"C{n + 1}"), severity=slip)
            for n in range(2, 7)
        )
        + tuple(
            measured(MeasureCode.DISC_ANGLE, 9.0, (f"C{n}", f"C{n + 1}"), severity=slip)
            for n in range(2, 7)
        ),
    )
    page = page_of(findings_of(analysis))
    assert (len(page.lines), len(page.folded)) == (MOST_LINES, 2)


def test_a_narrow_canal_is_one_line_and_pushes_no_disc_into_the_fold():
    page = page_of(findings_of(narrow_canal_analysis()))
    keys = [line.key for line in page.lines]
    assert keys == ["height_loss/L1", "canal", "disc/L5/S1", "disc/L4/L5"]
    [canal] = [line for line in page.lines if line.key == "canal"]
    assert canal.place == "L4/L5"
    assert len(canal.findings) == 4
    assert not page.folded


def test_a_lost_height_says_where_how_much_and_what_the_program_saw_before_a_correction():
    before, now = back_analysis(l1_ratio=0.69), back_analysis(l1_ratio=0.72)
    found = by_key(replace(now, automatic=before))["height_loss/L1"]
    assert (found.value.grade, round(found.value.percent)) == (2, 28)
    assert (found.automatic.grade, round(found.automatic.percent)) == (2, 31)
    assert found.height_loss.part is HeightPart.ANTERIOR
    assert by_key(before)["height_loss/L1"].automatic == by_key(before)["height_loss/L1"].value
    assert assessed(found, genant(1)).height_loss is None


def test_a_body_at_the_end_of_the_row_is_not_called_normal():
    analysis = back_analysis(l1_ratio=1.0)
    found = by_key(replace(analysis, vertebrae=analysis.vertebrae[1:]))
    assert found["height_loss/L1"].normality is Normality.UNDETERMINED
    assert found["height_loss/L2"].normality is Normality.NORMAL
    without_sacrum = by_key(replace(analysis, vertebrae=analysis.vertebrae[:-1]))
    assert without_sacrum["height_loss/L5"].normality is Normality.UNDETERMINED


def test_the_first_thoracic_body_of_a_neck_film_is_no_doubt():
    t1 = measured(MeasureCode.BODY_HEIGHT_RATIO, 0.95, ("T1",))
    neck = neck_analysis()
    found = by_key(replace(neck, measurements=(*neck.measurements, t1)))
    assert "height_loss/T1" not in found


def test_a_place_is_a_disc_or_a_span():
    found = by_key(neck_analysis())
    assert found["measure/cobb_c2_c7/C2/C7"].place == "C2–C7"
    assert found["measure/translation/C4/C5"].place == "C4/C5"
    assert found["measure/c7_slope/C7"].place == "C7"
    assert by_key(back_analysis())["measure/lumbar_lordosis_l1_s1/L1/S1"].place == "L1–S1"
    assert by_key(back_analysis())["disc_grade/modic/L5/S1"].place == "L5/S1"


def test_of_two_losses_of_one_grade_the_larger_comes_first():
    analysis = back_analysis(l1_ratio=0.74)
    heights = tuple(
        replace(m, value=0.61, severity=Severity(SeverityGrade.GENANT_2, Reference.GENANT))
        if (m.code, m.levels) == (MeasureCode.MIDDLE_HEIGHT_RATIO, ("L4",))
        else m
        for m in analysis.measurements
    )
    keys = line_keys(replace(analysis, measurements=heights))
    assert keys[:2] == ["height_loss/L4", "height_loss/L1"]


@pytest.mark.parametrize("value", [0.69, None])
def test_a_low_height_that_was_not_graded_is_not_called_normal(value):
    """A body at the border of the picture is low because it is cut, or is broken: unknown."""
    analysis = back_analysis(l1_ratio=1.0)
    heights = tuple(
        replace(m, value=value, interval=None)
        if (m.code, m.levels) == (MeasureCode.BODY_HEIGHT_RATIO, ("L2",))
        else m
        for m in analysis.measurements
    )
    found = by_key(replace(analysis, measurements=heights))
    assert found["height_loss/L2"].normality is Normality.UNDETERMINED
    assert found["height_loss/L3"].normality is Normality.NORMAL


@pytest.mark.parametrize("state", [VertebraState.CUT, VertebraState.HIDDEN])
def test_a_body_that_is_not_seen_as_a_whole_is_not_called_normal(state):
    analysis = back_analysis()
    bodies = tuple(
        replace(body, state=state) if body.level in ("L1", "L2") else body
        for body in analysis.vertebrae
    )
    found = by_key(replace(analysis, vertebrae=bodies))
    assert found["height_loss/L2"].normality is Normality.UNDETERMINED
    assert found["height_loss/L1"].normality is Normality.ABNORMAL


@pytest.mark.parametrize(
    ("value", "low", "high", "normality", "is_possible"),
    [
        (12.0, 11.0, 13.0, Normality.NORMAL, False),
        (12.0, -5.0, 40.0, Normality.NORMAL, False),
        (-8.0, -10.0, -6.0, Normality.ABNORMAL, False),
        (-8.0, -20.0, 4.0, Normality.ABNORMAL, True),
        (31.0, 29.0, 33.0, Normality.ABNORMAL, True),
        (31.0, -9.0, 71.0, Normality.ABNORMAL, True),
    ],
)
def test_a_value_is_judged_by_its_range(value, low, high, normality, is_possible):
    analysis = replace(
        neck_analysis(),
        measurements=(
            measured(
                MeasureCode.COBB_C2_C7,
                value,
                ("C2", "C7"),
                normal=NormalRange(0.0, 30.0),
                interval=(low, high),
            ),
        ),
    )
    found = by_key(analysis)["measure/cobb_c2_c7/C2/C7"]
    assert (found.normality, found.is_possible) == (normality, is_possible)


def test_a_measure_without_reference_is_neither_normal_nor_abnormal():
    found = by_key(neck_analysis())
    assert found["measure/c7_slope/C7"].normality is Normality.UNJUDGED
    assert found["measure/translation/C5/C6"].normality is Normality.NORMAL


@pytest.mark.parametrize(
    ("grade", "value_mm", "normality"),
    [
        (SeverityGrade.SVA_UNDER_40_MM, 20.0, Normality.NORMAL),
        (SeverityGrade.SVA_UNDER_40_MM, 35.0, Normality.ABNORMAL),
        (SeverityGrade.SVA_OVER_95_MM, 99.0, Normality.ABNORMAL),
    ],
)
def test_the_worse_of_grade_and_range_counts(grade, value_mm, normality):
    axis = measured(
        MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1,
        value_mm,
        ("C7", "S1"),
        normal=NormalRange(-20.0, 28.0),
        severity=Severity(grade, Reference.SRS_SCHWAB),
    )
    found = by_key(replace(neck_analysis(), measurements=(axis,)))
    finding = found["measure/sagittal_vertical_axis_c7_s1/C7/S1"]
    assert finding.normality is normality
    least = severity_rank(grade, is_possible=False)
    assert finding.rank == max(least, range_rank(value_mm, axis.normal))


def test_what_the_program_said_before_a_correction_is_kept():
    found = by_key(neck_analysis(cobb_deg=9.0, automatic_deg=12.0))["measure/cobb_c2_c7/C2/C7"]
    assert found.value == NumberValue(9.0, "deg", (8.0, 10.0))
    assert found.automatic == NumberValue(12.0, "deg")


def test_a_chosen_kind_keeps_what_the_program_saw():
    forced = by_key(forced_analysis())["examination"]
    assert (forced.value, forced.automatic) == (NameValue("lateral_cervical_radiograph"), None)
    told = by_key(neck_analysis())["examination"]
    assert told.automatic == told.value


def test_uncertain_levels_are_a_doubt():
    certain = by_key(neck_analysis())["levels"]
    assert certain.value == NameValue("C2 C3 C4 C5 C6 C7")
    assert certain.levels == ("C2", "C7")
    uncertain = by_key(replace(neck_analysis(), levels_uncertain=True))["levels"]
    assert (uncertain.value, uncertain.normality) == (None, Normality.UNDETERMINED)


def test_cautions_stand_beside_what_they_change():
    cautions = (
        Caution(WarningCode.MAGNIFIED_SPACING),
        Caution(WarningCode.BODY_HIDDEN, levels=("C7",)),
        Caution(WarningCode.BLURRED),
    )
    found = by_key(replace(neck_analysis(), cautions=cautions))
    magnified, hidden = WarningCode.MAGNIFIED_SPACING, WarningCode.BODY_HIDDEN
    assert found["measure/cobb_c2_c7/C2/C7"].cautions == (hidden,)
    assert found["measure/sagittal_vertical_axis/C2/C7"].cautions == (magnified, hidden)
    assert found["measure/translation/C5/C6"].cautions == (magnified,)
    assert found["measure/translation/C5/C6"].normality is Normality.UNJUDGED


def test_a_finding_says_where_to_look():
    found = by_key(back_analysis())
    assert found["disc_grade/modic/L5/S1"].box == (20.0, 190.0, 60.0, 200.0)
    assert found["height_loss/L1"].box == (20.0, 0.0, 60.0, 30.0)
    assert found["examination"].box is None


@pytest.mark.parametrize(
    ("key", "value", "normality"),
    [
        ("disc_grade/pfirrmann/L4/L5", pfirrmann(3), Normality.NORMAL),
        ("disc_grade/pfirrmann/L2/L3", pfirrmann(4), Normality.ABNORMAL),
        ("disc_grade/herniation/L4/L5", there(True), Normality.ABNORMAL),
        ("disc_grade/herniation/L5/S1", there(False), Normality.NORMAL),
        ("height_loss/L1", genant(0), Normality.NORMAL),
        ("height_loss/L2", genant(3), Normality.ABNORMAL),
        ("measure/canal_diameter/L4/L5", NumberValue(14.0, "mm"), Normality.NORMAL),
        ("measure/canal_diameter/L1/L2", NumberValue(9.9, "mm"), Normality.ABNORMAL),
        ("measure/canal_diameter/T12/L1", NumberValue(9.9, "mm"), Normality.UNJUDGED),
        ("measure/lumbar_lordosis_l1_s1/L1/S1", degrees(2.0), Normality.UNJUDGED),
    ],
)
def test_a_reader_s_value_is_judged_by_the_same_limits(key, value, normality):
    judged = assessed(by_key(narrow_canal_analysis())[key], value)
    assert (judged.normality, judged.value) == (normality, value)
    assert (judged.rank >= ABNORMAL_FROM) == (normality is Normality.ABNORMAL)


def test_a_slip_backwards_by_hand_is_as_bad_as_one_forwards():
    found = by_key(neck_analysis())["measure/translation/C5/C6"]
    for value in (-3.6, 3.6):
        assert assessed(found, NumberValue(value, "mm")).normality is Normality.ABNORMAL
    assert assessed(found, NumberValue(-3.4, "mm")).normality is Normality.NORMAL


def test_the_tables_of_ranks_are_whole():
    assert set(SEVERITY_RANKS) == set(SeverityGrade)
    assert set(PRESENCE_RANKS) == set(GradeName) - {GradeName.PFIRRMANN}
    assert set(FINDING_RULES) == set(FindingKind)
    for scale, (low, high) in GRADE_LIMITS.items():
        ranks = [GRADE_RANKS.get((scale, grade), 0.0) for grade in range(low, high + 1)]
        assert ranks == sorted(ranks)
        assert ranks[0] == 0.0
    worst = max(rank for (scale, _), rank in GRADE_RANKS.items() if scale is GradeScale.PFIRRMANN)
    least = min(rank for (scale, _), rank in GRADE_RANKS.items() if scale is GradeScale.GENANT)
    assert least > max(worst, *PRESENCE_RANKS.values())


def test_ranks_keep_the_order_of_each_published_scale():
    for definition in MEASURES.values():
        grades = [band.grade for band in definition.severities]
        ranks = [SEVERITY_RANKS[grade] for grade in grades]
        assert ranks in (sorted(ranks), sorted(ranks, reverse=True)), definition.code


def test_a_possible_finding_comes_after_a_sure_one_and_stays_abnormal():
    for grade, rank in SEVERITY_RANKS.items():
        possible = severity_rank(grade, is_possible=True)
        assert possible <= rank
        assert (possible >= ABNORMAL_FROM) == (rank >= ABNORMAL_FROM)


@given(st.floats(-500, 500), st.floats(-100, 100), st.floats(0.1, 100))
def test_farther_from_the_range_is_worse(value, low, width):
    normal = NormalRange(low, low + width)
    rank = range_rank(value, normal)
    assert (rank == 0.0) == normal.holds(value)
    step = 1.0 if value >= low else -1.0
    if not normal.holds(value):
        assert rank >= ABNORMAL_FROM
        assert range_rank(value + step, normal) > rank


def test_a_renamed_disc_keeps_what_the_program_said_of_it():
    """After levels are shifted L3/L4 is another disc: its own grade is the automatic one."""
    graded = graded_analysis()
    start = initial_corrections(graded)
    renamed = apply_corrections(graded, shift_levels(start, steps=1, analysis=graded))
    told = {f.key: f for f in findings_of(renamed) if f.kind is FindingKind.DISC_GRADE}
    assert {f.code: f.automatic for f in told.values() if f.place == "L4/L5"} == {
        f.code: f.value for f in findings_of(graded) if f.place == "L5/S1"
    }
    assert all(f.automatic == f.value for f in told.values())


def test_a_canal_that_may_be_narrow_comes_after_what_is_graded_on_discs():
    least = min(PRESENCE_RANKS.values())
    for grade in (SeverityGrade.ABSOLUTE_STENOSIS, SeverityGrade.RELATIVE_STENOSIS):
        assert 0 < severity_rank(grade, is_possible=True) < least
    assert severity_rank(SeverityGrade.ABSOLUTE_STENOSIS, is_possible=False) > least
