"""Coded terms: every measure and finding that the program knows has one, and none is invented."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from pydicom.sr._concepts_dict import concepts

from spinealign.dicom.anatomy import PRIVATE_SCHEME, CodedConcept, StructureKind, anatomy_code
from spinealign.dicom.codes import (
    DEFORMITY_VALUES,
    EXAMINATION_VALUES,
    GRADE_TERMS,
    LONGEST_CODE,
    MEASURE_TERMS,
    NORMALITY_VALUES,
    POINTS_VALUES,
    REASON_VALUES,
    REGIONS,
    SCALE_VALUES,
    SEVERITY_VALUES,
    STATUS_VALUES,
    UNITS,
    all_terms,
    disc_term,
    site_terms,
)
from spinealign.domain.discs import GradeName
from spinealign.domain.examination import LEVEL_SEQUENCE, ExaminationKind, SpineRegion
from spinealign.domain.height_loss import BodyDeformity
from spinealign.domain.measurements import MeasureState, UnmeasurableReason
from spinealign.domain.measures import MEASURES, MeasureCode, Quantity, SeverityGrade
from spinealign.domain.reading import GRADE_LIMITS, Decision, Normality

RADELEMENT = {"RDES281"}
"""Sets of RadElement for which there is a source (hoodcm/oifm-definitions)."""
UCUM_ANNOTATIONS = {"{pixels}", "{square_pixels}"}
GRADES = {(scale, grade) for scale, (low, high) in GRADE_LIMITS.items()
          for grade in range(low, high + 1)}  # fmt: skip
UNITS_OF_VALUES = {*(quantity.value for quantity in Quantity), "px", "px²"}


@pytest.mark.parametrize(
    ("table", "known"),
    [
        (MEASURE_TERMS, set(MeasureCode)),
        (GRADE_TERMS, set(GradeName)),
        (SCALE_VALUES, GRADES),
        (SEVERITY_VALUES, set(SeverityGrade)),
        (DEFORMITY_VALUES, set(BodyDeformity)),
        (EXAMINATION_VALUES, set(ExaminationKind)),
        (STATUS_VALUES, set(Decision)),
        (POINTS_VALUES, set(MeasureState)),
        (REASON_VALUES, set(UnmeasurableReason)),
        (NORMALITY_VALUES, set(Normality) - {Normality.UNJUDGED}),
        (REGIONS, set(SpineRegion)),
        (UNITS, UNITS_OF_VALUES),
    ],
    ids=lambda value: type(next(iter(value), None)).__name__,
)  # fmt: skip
def test_everything_that_the_program_can_report_has_a_code(table, known):
    assert set(table) == known


def test_numbers_of_published_reasons_stay_as_they_are():
    published = list(REASON_VALUES)[:19]
    assert published[0] is UnmeasurableReason.LEVELS_UNKNOWN
    assert published[-1] is UnmeasurableReason.NOT_UPRIGHT
    assert UnmeasurableReason.CANAL_CLOSED not in published
    assert REASON_VALUES[UnmeasurableReason.NEEDS_T2].value == "WHY_18"


def standard_meanings(term: CodedConcept) -> set[str]:
    found = (entry.get(term.value) for entry in concepts.get(term.scheme, {}).values())
    return {meaning.casefold() for meaning, _ in filter(None, found)}


@pytest.mark.parametrize("term", all_terms(), ids=lambda term: f"{term.scheme}:{term.value}")
def test_a_code_is_of_the_standard_or_private_and_says_so(term):
    assert len(term.value) <= LONGEST_CODE  # longer ones need another attribute
    assert len(term.meaning) <= 64
    assert term.meaning
    if term.scheme == PRIVATE_SCHEME:
        assert not any(term.value in entry for entry in concepts["SCT"].values())
    elif term.scheme == "RADELEMENT":
        assert term.value in RADELEMENT
    elif term.scheme == "UCUM":
        assert standard_meanings(term) or term.value in UCUM_ANNOTATIONS
    else:
        assert term.meaning.casefold() in standard_meanings(term)


def test_no_code_means_two_things():
    counted = Counter((term.scheme, term.value) for term in all_terms())
    assert [code for code, times in counted.items() if times > 1] == []


def test_methods_tell_every_measure_from_every_other_one():
    methods = [terms.method for terms in MEASURE_TERMS.values()]
    assert len(set(methods)) == len(MeasureCode)
    assert {method.scheme for method in methods} == {PRIVATE_SCHEME}


CONCEPTS = {
    Quantity.ANGLE: {("SCT", "285285000"), ("DCM", "110859")},
    Quantity.LENGTH: {("DCM", "121206"), ("DCM", "121207"), ("SCT", "81827009")},
    Quantity.AREA: {("SCT", "42798000")},
}


@pytest.mark.parametrize("code", MeasureCode)
def test_the_name_of_a_number_is_of_its_quantity(code):
    concept = MEASURE_TERMS[code].concept
    quantity = MEASURES[code].quantity
    if quantity in CONCEPTS:
        assert (concept.scheme, concept.value) in CONCEPTS[quantity]
    else:
        assert concept == MEASURE_TERMS[code].method


def test_sites_of_measures():
    def told(*args):
        return [term.meaning for term in site_terms(*args)]

    assert told(MeasureCode.COBB_C2_C7, ("C2", "C7")) == ["C2 vertebra", "C7 vertebra"]
    assert told(MeasureCode.DISC_HEIGHT, ("L4", "L5")) == ["L4/L5 disc"]
    assert told(MeasureCode.CANAL_DIAMETER, ("L5", "S1")) == ["Vertebral canal", "L5/S1 disc"]
    assert told(None, ("L4", "L5")) == ["L4/L5 disc"]
    assert told(MeasureCode.DRAWN_ANGLE, (), (SpineRegion.LUMBAR,)) == ["Lumbar spine"]
    assert told(MeasureCode.DRAWN_ANGLE, (), tuple(SpineRegion)) == ["Spine"]
    assert told(MeasureCode.FEMORAL_HEADS, ()) == ["Femoral head"]
    assert told(MeasureCode.TRANSLATION, ("body 1", "body 2")) == ["Spine"]


def test_neighbours_have_a_disc_and_others_none():
    named = itertools.pairwise(LEVEL_SEQUENCE[1:])
    assert all(disc_term(pair) is not None for pair in named)
    assert disc_term(("L3", "L5")) is None
    assert disc_term(("C1", "C2")) is None
    assert anatomy_code(StructureKind.VERTEBRA, "C4").value == "5329002"
