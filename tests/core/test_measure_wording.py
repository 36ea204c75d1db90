from itertools import pairwise

import pytest

from spinealign.domain.measurements import Measurement, Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import (
    MEASURES,
    Extent,
    MeasureCode,
    MeasureGroup,
    SeverityGrade,
)
from spinealign.domain.model_card import IntervalFactor
from spinealign.wording.definitions import GROUP_TITLES, MEASURE_WORDS, SEVERITY_WORDS
from spinealign.wording.measures import (
    definition_text,
    factor_lines,
    measure_name,
    method_text,
    reason_text,
    severity_source,
    severity_text,
    short_name,
    sources_text,
)

ALL = pytest.mark.parametrize("code", list(MeasureCode))


def test_every_measure_is_defined_and_worded_once():
    assert list(MEASURES) == list(MEASURE_WORDS)
    assert set(MEASURES) == set(MeasureCode)
    titles = [words.title for words in MEASURE_WORDS.values()]
    assert len(set(titles)) == len(titles)


def test_every_group_and_grade_is_worded_and_used():
    assert set(GROUP_TITLES) == set(MeasureGroup)
    assert {definition.group for definition in MEASURES.values()} == set(MeasureGroup)
    assert set(SEVERITY_WORDS) == set(SeverityGrade)
    bands = [band for definition in MEASURES.values() for band in definition.severities]
    assert {band.grade for band in bands} == set(SeverityGrade)


@ALL
def test_a_definition_is_complete(code):
    definition, words = MEASURES[code], MEASURE_WORDS[code]
    assert definition.code is code
    assert definition.scope
    assert words.definition.endswith(".")
    assert words.how_to_read.endswith(".")
    assert words.contradictions == "" or words.contradictions.endswith(".")
    assert sources_text(code)
    assert bool(definition.ranges) >= bool(words.normal_note)
    assert (definition.extent is Extent.SPAN) == bool(words.after_levels)


@ALL
def test_a_substitute_stands_beside_what_it_stands_in_for(code):
    first = MEASURES[code].stands_in_for
    if first is not None:
        assert MEASURES[first].stands_in_for is None
        assert MEASURES[first].group is MEASURES[code].group
        assert MEASURES[first].scope == MEASURES[code].scope
        assert MEASURES[first].importance < MEASURES[code].importance


@ALL
def test_the_help_text_says_all_of_it(code):
    definition, words, text = MEASURES[code], MEASURE_WORDS[code], definition_text(code)
    assert text.lower().startswith(words.title.lower())
    for part in (words.definition, words.how_to_read, words.contradictions, words.normal_note):
        assert part in text
    assert all(source in text for source in definition.sources)
    for band in definition.severities:
        assert SEVERITY_WORDS[band.grade][0] in text
        assert severity_source(band) in text
    assert "\n\n\n" not in text


@ALL
def test_bands_follow_each_other_without_gaps(code):
    bands = sorted(MEASURES[code].severities, key=lambda b: -1e9 if b.low is None else b.low)
    for band, following in pairwise(bands):
        assert band.high == following.low


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (MeasureCode.COBB_C2_C7, ("12.7°", "6.6 to 18.8°", "a quarter", "66 %", "Daffin 2017")),
        (MeasureCode.COBB_C2_C7, ("-10.2 to 38°", "13.9 ± 12.3°", "1,230 people aged 20 to 79")),
        (MeasureCode.COBB_C2_C7, ("7 to 9°", "Harrison 2000", "10954638")),
        (MeasureCode.POSTERIOR_TANGENT, ("18.6°", "Cobb 17° against tangent 26°")),
        (
            MeasureCode.SAGITTAL_VERTICAL_AXIS,
            (
                "40 mm",
                "15.6 ± 11.2 mm",
                "3.1 to 34.1 mm",
                "18 to 30",
                "NEU.0b013e31826100c9",
            ),
        ),
        (MeasureCode.T1_SLOPE, ("under 20°", "20 to 30°", "over 30°")),
        (MeasureCode.T1_SLOPE_MINUS_LORDOSIS, ("15 and 20°", "17°", "Protopsaltis", "Ames")),
        (MeasureCode.BODY_SEGMENTAL_ANGLE, ("11°", "White and Panjabi", "in the neck only")),
        (MeasureCode.DISC_ANGLE, ("9.1 ± 12.1°", "126", "Tang 2021")),
        (MeasureCode.TRANSLATION, ("3.5 mm", "2 to 3 mm", "Suzuki", "3437146", "Meyerding")),
        (MeasureCode.BODY_HEIGHT_RATIO, ("20, 25 and 40 %", "C5 and C6", "Genant")),
        (MeasureCode.DISC_HEIGHT, ("no accepted absolute cut-off",)),
        (MeasureCode.COBB_C2_C6, ("62 %", "20 %")),
        (MeasureCode.CANAL_DIAMETER, ("10 to 13 mm", "under 10 mm", "Radiopaedia")),
        (MeasureCode.LISTHESIS_PERCENT, ("25", "50", "75", "100 %", "Meyerding")),
    ],
)
def test_values_and_disagreements_of_the_literature_are_named(code, words):
    text = definition_text(code)
    assert [word for word in words if word not in text] == []


def test_thresholds_in_millimetres_say_when_they_count():
    assert "only where lengths are true millimetres" in definition_text(
        MeasureCode.SAGITTAL_VERTICAL_AXIS
    )
    assert "only where lengths are true millimetres" not in definition_text(MeasureCode.COBB_C2_C7)


@pytest.mark.parametrize(
    ("code", "levels", "name"),
    [
        (MeasureCode.COBB_C2_C7, ("C2", "C7"), "C2–C7 Cobb lordosis"),
        (MeasureCode.COBB_C2_LOWEST, ("C2", "C5"), "C2–C5 Cobb lordosis"),
        (MeasureCode.POSTERIOR_TANGENT, ("C2", "C6"), "C2–C6 posterior tangent angle"),
        (MeasureCode.BODY_SEGMENTAL_ANGLE, ("C4", "C5"), "C4/C5 segmental angle"),
        (MeasureCode.DISC_ANGLE, ("C4", "C5"), "C4/C5 disc angle"),
        (MeasureCode.BODY_HEIGHT_RATIO, ("C5",), "C5 ratio of anterior to posterior height"),
        (MeasureCode.CANAL_DIAMETER, ("body 1", "body 2"), "body 1/body 2 canal diameter"),
        (MeasureCode.DRAWN_DISTANCE, (), "Distance"),
    ],
)
def test_names(code, levels, name):
    assert measure_name(code, levels) == name


@pytest.mark.parametrize(
    ("value", "low", "high", "word"),
    [
        (12.0, 10.5, 12.5, "relative stenosis"),
        (12.0, 9.5, 14.5, "possibly relative stenosis"),
        (9.0, 8.0, 9.9, "absolute stenosis"),
        (14.0, 12.0, 16.0, ""),
    ],
)
def test_a_word_is_sure_only_if_the_interval_is(value, low, high, word):
    severity = MEASURES[MeasureCode.CANAL_DIAMETER].severity_of(value, low, high)
    assert severity_text(severity) == word
    assert severity is None or "Radiopaedia" in severity_source(severity)


def test_a_measure_without_thresholds_has_no_words():
    assert MEASURES[MeasureCode.DISC_HEIGHT_RATIO].severity_of(0.1, 0.0, 0.2) is None


def c2_c6(hidden=()):
    return Measurement(MeasureCode.COBB_C2_C6, 8.0, "deg", ("C2", "C6"), hidden=hidden)


def test_hidden_bodies_are_named_in_the_method():
    plain = method_text(c2_c6())
    assert plain == MEASURE_WORDS[MeasureCode.COBB_C2_C6].definition
    assert method_text(c2_c6(("C6",))).startswith(f"{plain} C6 was found with low confidence")
    assert "C2 and C6 were found with low confidence" in method_text(c2_c6(("C2", "C6")))


@pytest.mark.parametrize(
    ("measurement", "name"),
    [
        (c2_c6(), "C2–C6 Cobb"),
        (Measurement(MeasureCode.BODY_SEGMENTAL_ANGLE, 1.0, "deg", ("C4", "C5")), "C4/C5"),
        (Measurement(MeasureCode.T1_SLOPE, 1.0, "deg", ("T1",)), "T1 slope"),
        (Measurement(MeasureCode.DRAWN_COBB, 1.0, "deg", drawing=3), "Cobb angle 3"),
    ],
    ids=["span", "disc", "slope", "drawing"],
)
def test_short_names(measurement, name):
    assert short_name(measurement) == name


@pytest.mark.parametrize(
    ("why", "text"),
    [
        (Unmeasurable(UnmeasurableReason.LEVELS_UNKNOWN), "levels of the bodies are uncertain"),
        (Unmeasurable(UnmeasurableReason.FACING_UNKNOWN), "unknown which side the patient faces"),
        (
            Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("C7",)),
            "C7 was not found",
        ),
        (
            Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("C2", "C7")),
            "C2 and C7 were not found",
        ),
        (Unmeasurable(UnmeasurableReason.CUT_OFF, ("C7",)), "border of the image cuts C7 off"),
        (Unmeasurable(UnmeasurableReason.CORNERS_MISSING, ("T1",)), "the corners of T1"),
        (Unmeasurable(UnmeasurableReason.CANAL_INTERRUPTED), "the slice leaves the canal"),
        (Unmeasurable(UnmeasurableReason.POINTS_COINCIDE), "points coincide"),
        (Unmeasurable(UnmeasurableReason.NOT_UPRIGHT), "lies on its side"),
        (Unmeasurable(UnmeasurableReason.OUTLINE_CROSSES), "crosses itself"),
        (
            Unmeasurable(UnmeasurableReason.POINTS_MISSING, points_needed=3, points_given=1),
            "3 points are needed, and 1 is set",
        ),
        (
            Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("C5", "C6")),
            "the outlines are uncertain; check and correct the corners of C5 and C6",
        ),
    ],
)
def test_every_reason_is_worded(why, text):
    assert text in reason_text(why)


def test_no_reason_is_left_without_words():
    for reason in UnmeasurableReason:
        assert reason_text(Unmeasurable(reason, ("C7",)))
    assert reason_text(None) == ""


def test_a_factor_says_what_its_intervals_held():
    factor = IntervalFactor(1.35, 35, 36, 0.943, ("home",))
    assert factor_lines({MeasureCode.COBB_C2_C7: factor}) == [
        "C2–C7 Cobb lordosis: held 94 % of 36 values on 35 films (home), factor 1.35"
    ]
    assert factor_lines({}) == []


def test_a_definition_says_from_when_on_there_is_no_value_and_why():
    text = definition_text(MeasureCode.COBB_C2_C7)
    assert "no value is given where its 95 % interval reaches farther than ± 8.2°" in text
    assert "doi:10.31616/asj.2019.0069" in text
    by_hand = definition_text(MeasureCode.C7_SLOPE)
    assert "± 6.5°" in by_hand
    assert "no published value found: set by hand" in by_hand
    assert "farther than" not in definition_text(MeasureCode.CANAL_DIAMETER)


@pytest.mark.parametrize(
    ("levels", "is_graded"),
    [
        (("L4", "L5"), True), (("L5", "S1"), True), (("L1", "L2"), True),
        (("T12", "L1"), False), (("T8", "T9"), False), (("C5", "C6"), False),
    ],
)  # fmt: skip
def test_limits_of_the_lumbar_canal_hold_for_lumbar_levels_alone(levels, is_graded):
    assert MEASURES[MeasureCode.CANAL_DIAMETER].is_graded_between(levels) is is_graded


def test_a_canal_is_judged_from_where_no_stenosis_begins():
    reference = MEASURES[MeasureCode.CANAL_DIAMETER].ungraded
    assert (reference.low, reference.high) == (13.0, None)
