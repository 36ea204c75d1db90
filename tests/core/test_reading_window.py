"""Words of the reading page."""

from datetime import UTC, datetime

import pytest

from spinealign.domain.discs import GradeName
from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.measures import NormalRange
from spinealign.domain.reading import (
    Addendum,
    Decision,
    Finding,
    FindingDecision,
    FindingKind,
    FindingValue,
    GradeScale,
    GradeValue,
    Impression,
    Normality,
    NumberValue,
    PresenceValue,
    ReadImage,
    Reading,
)
from spinealign.reading.findings import findings_of, page_of
from spinealign.wording.reading_window import (
    CAUTION_LABELS,
    caution_label,
    decision_text,
    left_text,
    line_note,
    line_title,
    line_value,
    missing_label,
    missing_text,
    normal_text,
    status_text,
    version_text,
    version_title,
)
from tests.readings import narrow_canal_analysis

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ABNORMAL, NORMAL, OPEN = Normality.ABNORMAL, Normality.NORMAL, Normality.UNDETERMINED


def graded(name: GradeName, value: FindingValue | None, normality: Normality) -> Finding:
    key = f"disc_grade/{name.value}/L4/L5"
    return Finding(key, FindingKind.DISC_GRADE, name.value, ("L4", "L5"), normality, value)


def pfirrmann(grade: int, probability: float | None = 0.8) -> Finding:
    value = GradeValue(GradeScale.PFIRRMANN, grade, probability)
    return graded(GradeName.PFIRRMANN, value, ABNORMAL if grade > 3 else NORMAL)


BULGING = graded(GradeName.BULGING, PresenceValue(True, 0.91), ABNORMAL)
QUIET = graded(GradeName.HERNIATION, PresenceValue(False, 0.02), NORMAL)
DOUBT = graded(GradeName.MODIC, None, OPEN)
COBB = Finding(
    "measure/cobb_c2_c7/C2/C7",
    FindingKind.MEASURE,
    "cobb_c2_c7",
    ("C2", "C7"),
    ABNORMAL,
    NumberValue(22.0, "deg", (20.0, 24.0)),
    NumberValue(22.0, "deg"),
    NormalRange(6.0, 19.0),
    unit="deg",
)


@pytest.mark.parametrize(
    ("findings", "title", "value"),
    [
        ((pfirrmann(4), BULGING), "L4/L5 disc", "Pfirrmann grade 4, disc bulging"),
        ((BULGING, pfirrmann(2)), "L4/L5 disc", "disc bulging, Pfirrmann grade 2"),
        ((pfirrmann(2), QUIET), "L4/L5 disc", "no abnormal grade, Pfirrmann grade 2"),
        (
            (pfirrmann(2), QUIET, DOUBT),
            "L4/L5 disc",
            "Modic change not determined, otherwise no change, Pfirrmann grade 2",
        ),
        ((DOUBT,), "L4/L5 disc", "Modic change not determined"),
        ((COBB,), "C2–C7 Cobb lordosis", "22.0°"),
    ],
    ids=["abnormal", "grade changed to a normal one", "normal", "in part", "doubt", "measure"],
)
def test_a_line_says_where_and_what(findings, title, value):
    assert (line_title(findings), line_value(findings)) == (title, value)


def test_a_line_says_how_sure_it_is():
    assert (
        line_note((pfirrmann(4), BULGING)) == "probability: Pfirrmann 80\u00a0%, bulging 91\u00a0%"
    )
    note = line_note((COBB,))
    assert note.startswith("95 % 20.0 to 24.0, ")
    assert "above" in note
    assert "6 to 19°" in note


def test_a_narrow_canal_says_at_which_discs_and_by_what_limit():
    lines = page_of(findings_of(narrow_canal_analysis())).lines
    [found] = [line.findings for line in lines if line.key == "canal"]
    assert (line_title(found), line_value(found)) == (
        "Canal diameter", "9.0 to 12.6 mm, narrowest at L4/L5",
    )  # fmt: skip
    assert line_note(found) == (
        "absolute stenosis at L4/L5; possibly relative stenosis at L1/L2 to L3/L4 (threshold 13 mm)"
    )
    assert line_note(found[:1]).endswith("absolute stenosis (threshold 13 mm)")


def made(decision: Decision, finding: Finding, human: FindingValue | None = None):
    return FindingDecision(
        finding.key, decision, finding.value, finding.value, human, "A. Reader", NOON
    )


@pytest.mark.parametrize(
    ("finding", "decision", "human", "text"),
    [
        (COBB, Decision.ACCEPTED, None, ""),
        (COBB, Decision.REJECTED, None, "rejected"),
        (COBB, Decision.CHANGED, NumberValue(12.0, "deg"), "changed, the program said 22.0°"),
        (BULGING, Decision.REJECTED, None, "disc bulging rejected"),
        (
            pfirrmann(4),
            Decision.CHANGED,
            GradeValue(GradeScale.PFIRRMANN, 2),
            "Pfirrmann grade changed, the program said 4",
        ),
    ],
    ids=["accepted", "rejected", "changed", "grade rejected", "grade changed"],
)
def test_what_a_reader_made_of_it(finding, decision, human, text):
    assert decision_text(finding, made(decision, finding, human), False) == text
    assert "check it" in decision_text(finding, made(decision, finding, human), True)


def test_every_caution_has_a_short_label():
    assert set(CAUTION_LABELS) == set(WarningCode)
    assert all(len(label) <= 30 for label in CAUTION_LABELS.values())


@pytest.mark.parametrize(
    ("caution", "label"),
    [
        (Caution(WarningCode.MAGNIFIED_SPACING), "mm at the detector"),
        (Caution(WarningCode.BODY_HIDDEN, levels=("C6", "C7")), "low confidence: C6, C7"),
        (Caution(WarningCode.BODY_CUT, levels=tuple("ABCD")), "body cut off: A, B, C…"),
    ],
    ids=["plain", "levels", "many levels"],
)
def test_a_caution_names_its_levels_as_far_as_there_is_room(caution, label):
    assert caution_label(caution) == label


def test_levels_that_were_not_found():
    assert missing_label(("T1",)) == "T1 not found"
    assert missing_text(("C7", "T1")).startswith("C7 and T1 were not found;")


def test_how_many_wait():
    assert [left_text(left) for left in ((), (COBB,), (COBB, COBB), (BULGING, COBB))] == [
        "Every finding is decided.",
        "1 finding not decided yet.",
        "2 findings not decided yet.",
        "2 findings not decided yet: 1 grade of 1 disc and 1 other.",
    ]
    graded = (BULGING, QUIET, pfirrmann(2))
    assert left_text(graded) == "3 findings not decided yet: 3 grades of 1 disc."


def test_normal_findings_in_one_sentence():
    text = normal_text((pfirrmann(2), QUIET, DOUBT))
    assert text == "Not determined in part: L4/L5."
    whole = normal_text((pfirrmann(2), QUIET))
    assert whole == "Normal: grades of 1 disc."


def reading(**changes) -> Reading:
    bare = Reading(ReadImage("0" * 64, 10, 10), "xray", impression=Impression("All is well."))
    return bare.with_changes(**changes)


def test_how_far_a_reading_is_and_what_its_versions_say():
    signed = reading(reader="A. Reader", signed_utc=NOON, statements=("Cobb: 22.0°.",))
    amended = signed.with_changes(addenda=(Addendum("More.", "New film", "B. Reader", NOON),))
    assert [status_text(each) for each in (reading(), signed, amended)] == [
        "automatic",
        "signed by A. Reader, 2026-11-28 12:00 UTC",
        "signed by A. Reader, 2026-11-28 12:00 UTC; amended by B. Reader, 2026-11-28 12:00 UTC",
    ]
    assert version_title(reading()) == "Not signed"
    assert version_title(signed) == "Version 1, signed 2026-11-28 12:00 UTC"
    assert version_title(amended) == "Version 2, amended 2026-11-28 12:00 UTC"
    told = version_text(amended)
    for part in ("Reader: A. Reader", "All is well.", "Cobb: 22.0°.", "Reason: New film", "More."):
        assert part in told
    assert "More." not in version_text(signed)
