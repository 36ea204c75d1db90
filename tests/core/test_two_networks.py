"""A neck film that two networks look at: which one's bodies count, and what the other adds."""

from dataclasses import dataclass

import numpy as np
import pytest

from spinealign.analysis import analyze_image
from spinealign.domain.findings import LandmarkName, WarningCode
from spinealign.domain.generators import run_to_end
from spinealign.domain.measures import MeasureCode
from spinealign.inference.engine import LoadedModel
from spinealign.radiograph import outline_film
from spinealign.radiograph.interval_rule import UNCALIBRATED
from spinealign.radiograph.negative_film import outline_either_polarity
from spinealign.radiograph.verdict import VertebraOutlines
from tests.examinations import LATERAL_NECK
from tests.phantoms_column import column_model, draw_whole_spine
from tests.phantoms_xray import FilmModels, film_of, ideal_model, negative_of, replace

NECK = draw_whole_spine("C2", "C7")
NAMES = ["C2", "C3", "C4", "C5", "C6", "C7"]
EMPTY = replace(NECK, bodies=())


def less_sure(column):
    return replace(column, certainty=0.85, corner_height=0.8)


def models(neck, column):
    return ideal_model(neck), column_model(column)


def outlined(neck, column):
    return outline_film(models(neck, column), film_of(NECK), LATERAL_NECK.levels)


def told_by(found):
    return found.segmentation.model.name


def names(bodies):
    return [body.name for body in bodies]


def shifted(column):
    """The column without its C2: what was C3 is taken for C2."""
    lower = [
        replace(body, level=name) for body, name in zip(column.bodies[1:], NAMES, strict=False)
    ]
    return replace(column, bodies=tuple(lower))


def test_the_network_of_the_neck_counts_where_it_is_surer_and_both_agree():
    found = outlined(NECK, less_sure(NECK))
    assert told_by(found) == "xray_bodies"
    assert names(found.vertebrae) == NAMES
    assert found.suggestions == ()


def test_the_network_of_the_column_counts_where_it_is_as_sure():
    found = outlined(less_sure(NECK), NECK)
    assert told_by(found) == "column"
    assert names(found.vertebrae) == NAMES


def test_the_lowest_body_that_the_other_network_alone_saw_is_suggested():
    found = outlined(NECK.without("C7"), less_sure(NECK))
    assert told_by(found) == "xray_bodies"
    assert names(found.vertebrae) == NAMES[:-1]
    assert [(body.level, body.index) for body in found.suggestions] == [("C7", 6)]
    assert found.suggestions[0].landmark(LandmarkName.ANTERIOR_SUPERIOR) is not None
    assert [c.levels for c in found.cautions if c.code is WarningCode.BODIES_SUGGESTED] == [("C7",)]


@pytest.mark.parametrize(
    ("neck", "column"),
    [
        (NECK.without("C6", "C7"), less_sure(NECK)),
        (EMPTY, less_sure(NECK)),
        (NECK, less_sure(NECK.without("C6", "C7"))),
    ],
    ids=["it saw two bodies less", "it saw nothing", "it saw two bodies more"],
)
def test_the_network_of_the_column_counts_where_the_other_saw_another_neck(neck, column):
    found = outlined(neck, column)
    assert told_by(found) == "column"
    assert names(found.vertebrae) == [body.level for body in column.bodies]


def test_the_network_of_the_column_counts_where_names_differ():
    taken_for_c2 = shifted(NECK)
    c2 = replace(
        NECK.named("C2"), outline=NECK.named("C3").outline, corners=NECK.named("C3").corners
    )
    neck = replace(taken_for_c2, bodies=(c2, *taken_for_c2.bodies[1:]))
    assert names(outline_film(models(neck, EMPTY), film_of(NECK), LATERAL_NECK.levels).vertebrae)
    found = outlined(neck, less_sure(NECK))
    assert told_by(found) == "column"
    assert names(found.vertebrae) == NAMES


def test_the_network_of_the_neck_counts_where_the_other_saw_nothing():
    found = outlined(NECK, EMPTY)
    assert told_by(found) == "xray_bodies"
    assert names(found.vertebrae) == NAMES


@pytest.mark.parametrize(("column", "factor"), [(less_sure(NECK), 1.96), (NECK, UNCALIBRATED)])
def test_intervals_are_those_of_the_network_that_placed_the_points(column, factor):
    neck = ideal_model(NECK if column is not NECK else less_sure(NECK))
    other = column_model(column)
    other = LoadedModel(replace(other.card, interval_factors={}), other.engine)
    analysis = run_to_end(analyze_image(film_of(NECK), FilmModels(neck, other), LATERAL_NECK))
    assert analysis.interval_rule.factors[MeasureCode.COBB_C2_C7] == factor
    assert [model.name for model in analysis.models] == [told_by(analysis)]


@pytest.mark.parametrize("seen_by", ["neck", "column"])
def test_a_negative_is_outlined_as_the_film_is_and_says_so(seen_by):
    neck, column = (NECK, EMPTY) if seen_by == "neck" else (EMPTY, NECK)
    as_it_is = outlined(neck, column)
    found = outline_film(models(neck, column), negative_of(film_of(NECK)), LATERAL_NECK.levels)
    assert codes(found) == {WarningCode.ANALYSED_AS_NEGATIVE, *codes(as_it_is)}
    assert WarningCode.ANALYSED_AS_NEGATIVE not in codes(as_it_is)
    for body, same in zip(found.vertebrae, as_it_is.vertebrae, strict=True):
        assert body.name == same.name
        assert np.allclose(corners(body), corners(same), atol=0.5)


@dataclass
class Polarities:
    """Bodies with a confidence each, on the film as it is and on its negative."""

    film: tuple[float, ...]
    negative: tuple[float, ...]
    asked: int = 0

    def __call__(self, image):
        self.asked += 1
        is_film = image.pixels[0, 0] == 1.0
        body = outlined(NECK, EMPTY).vertebrae[0]
        sure = self.film if is_film else self.negative
        return VertebraOutlines(vertebrae=tuple(replace(body, confidence=c) for c in sure))


PLAIN = replace(film_of(NECK), pixels=np.array([[1.0, 2.0], [3.0, 5.0]], np.float32))


@pytest.mark.parametrize(
    ("film", "negative", "counts", "asked"),
    [
        pytest.param((0.8,) * 6, (0.9,) * 20, "film", 1, id="well seen"),
        pytest.param((0.6,) * 5, (0.8,) * 16, "negative", 2, id="scraps at an earring"),
        pytest.param((0.6,) * 5, (0.6,) * 6, "film", 2, id="hardly more"),
        pytest.param((0.8,) * 3, (0.8,) * 6, "negative", 2, id="few"),
        pytest.param((), (0.9,) * 3, "film", 2, id="too few on the negative"),
        pytest.param((0.8,) * 3, (), "film", 2, id="nothing on the negative"),
    ],
)
def test_the_negative_counts_where_it_shows_much_more(film, negative, counts, asked):
    polarities = Polarities(film, negative)
    found = outline_either_polarity(polarities, PLAIN)
    assert len(found.vertebrae) == len(film if counts == "film" else negative)
    assert (WarningCode.ANALYSED_AS_NEGATIVE in codes(found)) == (counts == "negative")
    assert polarities.asked == asked


def corners(body):
    return [(mark.x, mark.y) for mark in body.landmarks]


def codes(found):
    return {caution.code for caution in found.cautions}
