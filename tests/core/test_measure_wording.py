from itertools import pairwise

import pytest

from spinealign.domain.measurements import MeasureCode
from spinealign.wording.measures import (
    DEFINITIONS,
    definition_of,
    definition_text,
    measure_name,
    method_text,
    not_outlined,
    severity_of,
)

ALL = pytest.mark.parametrize("code", list(MeasureCode))


def test_every_measure_is_defined_once():
    assert set(DEFINITIONS) == set(MeasureCode)
    titles = [definition.title for definition in DEFINITIONS.values()]
    assert len(set(titles)) == len(titles)


@ALL
def test_a_definition_is_complete(code):
    definition = definition_of(code)
    assert definition.code is code
    assert definition.definition.endswith(".")
    assert definition.how_to_read.endswith(".")
    assert definition.sources
    assert definition.unit in ("deg", "mm", "mm²", "%", "")
    assert definition.contradictions == "" or definition.contradictions.endswith(".")


@ALL
def test_the_help_text_says_all_of_it(code):
    definition, text = definition_of(code), definition_text(code)
    assert text.lower().startswith(definition.title.lower())
    for part in (definition.definition, definition.how_to_read, definition.contradictions):
        assert part in text
    assert all(source in text for source in definition.sources)
    assert all(band.word in text and band.source in text for band in definition.severities)
    assert "\n\n\n" not in text


@ALL
def test_bands_follow_each_other_without_gaps(code):
    bands = sorted(definition_of(code).severities, key=lambda b: -1e9 if b.low is None else b.low)
    for band, following in pairwise(bands):
        assert band.high == following.low


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (MeasureCode.COBB_C2_C7, ("12.7°", "6 to 19°", "a quarter", "66 %", "Daffin 2017")),
        (MeasureCode.COBB_C2_C7, ("7 to 9°", "Harrison 2000", "10954638")),
        (MeasureCode.POSTERIOR_TANGENT, ("18.6°", "Cobb 17° against tangent 26°")),
        (MeasureCode.SAGITTAL_VERTICAL_AXIS, ("40 mm", "15.6 ± 11.2 mm", "NEU.0b013e31826100c9")),
        (MeasureCode.T1_SLOPE, ("under 20°", "20 to 30°", "over 30°")),
        (MeasureCode.T1_SLOPE_MINUS_LORDOSIS, ("15 and 20°", "17°", "Protopsaltis", "Ames")),
        (MeasureCode.SEGMENTAL_ANGLE, ("11°", "White and Panjabi")),
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
    assert "only where millimetres hold" in definition_text(MeasureCode.SAGITTAL_VERTICAL_AXIS)
    assert "only where millimetres hold" not in definition_text(MeasureCode.COBB_C2_C7)


@pytest.mark.parametrize(
    ("code", "levels", "name"),
    [
        (MeasureCode.COBB_C2_C7, ("C2", "C7"), "C2–C7 Cobb lordosis"),
        (MeasureCode.COBB_C2_LOWEST, ("C2", "C5"), "C2–C5 Cobb lordosis"),
        (MeasureCode.POSTERIOR_TANGENT, ("C2", "C6"), "C2–C6 posterior tangent angle"),
        (MeasureCode.SEGMENTAL_ANGLE, ("C4", "C5"), "C4/C5 segmental angle"),
        (MeasureCode.BODY_HEIGHT_RATIO, ("C5",), "C5 anterior/posterior height"),
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
        (14.0, 12.0, 16.0, None),
    ],
)
def test_a_word_is_sure_only_if_the_interval_is(value, low, high, word):
    severity = severity_of(MeasureCode.CANAL_DIAMETER, value, low, high)
    assert (severity and severity.word) == word
    assert severity is None or "Radiopaedia" in severity.source


def test_a_measure_without_thresholds_has_no_words():
    assert severity_of(MeasureCode.DISC_HEIGHT_RATIO, 0.1, 0.0, 0.2) is None


def test_hidden_bodies_are_named_in_the_method():
    plain = method_text(MeasureCode.COBB_C2_C6)
    assert method_text(MeasureCode.COBB_C2_C6, ["C6"]).startswith(plain)
    assert "C2 and C6 are hardly visible" in method_text(MeasureCode.COBB_C2_C6, ["C2", "C6"])


def test_reasons_count():
    assert not_outlined(["C7"]) == "C7 is not visible or not outlined"
    assert not_outlined(["C2", "C7"]) == "C2 and C7 are not visible or not outlined"
