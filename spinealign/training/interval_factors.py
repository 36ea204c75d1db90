"""Calibrates the 95 % intervals of measures on films that a network was not trained on.

Split conformal prediction with normalised scores (Lei et al. 2018, 10.1080/01621459.2017.1307116):
the score of a value is its distance from the reader's in standard deviations, as they follow from
its points, and the factor of a measure is the score that 95 % of new values stay below: of n scores
the one whose rank is nearest to 0.95 (n + 1). The expected coverage of rank k is k / (n + 1), that
is 93.3 to 96.7 % with 19 scores or more. The guarantee of at least 95 % would round up, and take
the largest of 38 scores, however far off that film is. Only values that the program
gives with this factor count: what has an interval wider than a reader's is withheld, and
whether it is follows from the points and not from the error.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from spinealign.domain.examination import (
    EXAMINATIONS,
    LEVEL_SEQUENCE,
    Examination,
    ExaminationKind,
)
from spinealign.domain.findings import Facing, Vertebra
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import NORMAL_95, Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.domain.model_card import IntervalFactor, ModelCard
from spinealign.inference.catalog import ModelStore, write_card
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.measure.geometry.sampled import usual_height_mm
from spinealign.radiograph import VertebraOutlines, outline_vertebrae
from spinealign.training.film_sources import films_kept_aside, matched_bodies
from spinealign.training.spine_films import SPINE_SOURCE, TrainingFilm, fold_by_film
from spinealign.training.xray_angles import as_vertebra, facing_of

FEWEST_FILMS = 19
"""Fewest films that have a 95 % quantile: the 19th of 19 scores lies at 0.95 (19 + 1)."""

COVERAGE = 0.95
_FACTORS = np.arange(0.2, 10.0, 0.01)

_COBB = MeasureCode.COBB_C2_C7

ALIKE: Mapping[MeasureCode, MeasureCode] = {
    MeasureCode.COBB_C2_C6: _COBB,
    MeasureCode.COBB_C2_LOWEST: _COBB,
    MeasureCode.THORACIC_KYPHOSIS_T4_T12: _COBB,
    MeasureCode.THORACIC_KYPHOSIS_T5_T12: _COBB,
    MeasureCode.LUMBAR_LORDOSIS_L1_S1: _COBB,
    MeasureCode.LUMBAR_LORDOSIS_L1_L5: _COBB,
    MeasureCode.LUMBAR_LORDOSIS_L4_S1: _COBB,
    MeasureCode.T1_SLOPE: MeasureCode.C7_SLOPE,
    MeasureCode.CURVE_PROXIMAL_THORACIC: MeasureCode.CURVE_MAIN_THORACIC,
    MeasureCode.CURVE_THORACOLUMBAR: MeasureCode.CURVE_MAIN_THORACIC,
    MeasureCode.CURVE_LUMBAR: MeasureCode.CURVE_MAIN_THORACIC,
    MeasureCode.CURVE_FURTHER: MeasureCode.CURVE_MAIN_THORACIC,
    MeasureCode.CURVE_UNNAMED: MeasureCode.CURVE_MAIN_THORACIC,
    MeasureCode.L5_TILT: MeasureCode.T1_TILT,
}
"""Measures that share a factor: angles between the endplates of two bodies, wherever these lie,
and the same slope of another body. Scores count standard deviations, so that bodies seen worse
have wider intervals with the same factor.
"""

Finder = Callable[[SpineImage, Sequence[str]], VertebraOutlines]
"""The program's way from a film, and the levels that its examination names, to bodies."""

Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class ScoredValue:
    """A value of the program beside the reader's.

    Parameters
    ----------
    film, source : str
    code : MeasureCode
    found, truth, spread, limit : float
        In degrees, or ratios; lengths in mean body heights of the film. `spread` is the
        standard deviation of `found` as it follows from the program's points, `limit` half of
        the widest interval with which the value is given.
    """

    film: str
    source: str
    code: MeasureCode
    found: float
    truth: float
    spread: float
    limit: float = math.inf

    @property
    def error(self) -> float:
        """Distance from the reader's value."""
        return abs(self.found - self.truth)

    @property
    def score(self) -> float:
        """Distance from the reader's value in standard deviations."""
        return self.error / self.spread

    def is_told(self, factor: float) -> bool:
        """Whether the program gives the value with this factor."""
        return factor * self.spread <= self.limit

    @property
    def shared(self) -> MeasureCode:
        """The measure whose factor it has."""
        return ALIKE.get(self.code, self.code)


@dataclass(frozen=True, eq=False)
class FoundFilm:
    """A film with what the program found on it, misnamed bodies left out."""

    film: TrainingFilm
    outlines: VertebraOutlines

    @property
    def is_named_right(self) -> bool:
        """Whether every body that the reader has too bears his name."""
        pairs = matched_bodies(self.film.bodies, self.outlines.vertebrae)
        return all(found.level in (None, level) for level, found in pairs.items())


def examination_of(film: TrainingFilm) -> Examination:
    """Return what a film of a source is analysed as."""
    if film.source == SPINE_SOURCE:
        return EXAMINATIONS[ExaminationKind.LATERAL_SPINE_RADIOGRAPH]
    return EXAMINATIONS[ExaminationKind.LATERAL_NECK_RADIOGRAPH]


def scored_values(found: FoundFilm) -> list[ScoredValue]:
    """Measure one film twice, on the bodies that both have under the same name.

    Levels that the readers of whole spines guessed are left out; those that the readers of necks
    were unsure of count.
    """
    film = found.film
    guessed = film.guessed if film.source == SPINE_SOURCE else ()
    readers = {b.level: b for b in film.bodies if b.level not in guessed}
    pairs = matched_bodies(tuple(readers.values()), found.outlines.vertebrae)
    named = [v for level, v in pairs.items() if v.level == level]
    known = [as_vertebra(readers[v.level]) for v in named if v.level is not None]
    facing = facing_of(film.bodies)
    examination = examination_of(film)
    own = measured_by_key(named, found.outlines.facing or facing, examination)
    truth = measured_by_key(known, facing, examination)
    return compared((film.name, film.source), own, truth, mean_height(film))


def compared(
    film: tuple[str, str], own: Mapping[Key, Measurement], truth: Mapping[Key, Measurement],
    height: float,
) -> list[ScoredValue]:  # fmt: skip
    """Return the measures that program and reader both have, of a film with name and source.

    Parameters
    ----------
    film : tuple of str
    own, truth : mapping
        From `measured_by_key`.
    height : float
        The unit of lengths, in pixels.
    """
    return [
        _scored(film, own[key], truth[key], height)
        for key in own.keys() & truth.keys()
        if own[key].interval is not None and _spread(own[key]) > 0
    ]


def measured_by_key(
    bodies: Sequence[Vertebra],
    facing: Facing | None,
    examination: Examination,
    picture_rows: int | None = None,
) -> dict[Key, Measurement]:
    """Return what is measurable of named bodies in any order, by the key of each measure."""
    ordered = sorted(bodies, key=lambda body: LEVEL_SEQUENCE.index(body.name))
    taken = measure_alignment(
        ordered, facing, PixelGeometry(), examination, picture_rows=picture_rows
    )
    return {m.key: m for m in taken if m.is_measurable}


def _spread(measurement: Measurement) -> float:
    """Return the standard deviation: the upper end of an interval is never cut off."""
    assert measurement.interval is not None
    assert measurement.value is not None
    return (measurement.interval[1] - measurement.value) / NORMAL_95


def _scored(
    film: tuple[str, str], found: Measurement, truth: Measurement, height: float
) -> ScoredValue:
    assert found.value is not None
    assert truth.value is not None
    unit = height if found.definition.is_length else 1.0
    return ScoredValue(
        *film, found.code, found.value / unit, truth.value / unit,
        _spread(found) / unit, _limit(found),
    )  # fmt: skip


def _limit(found: Measurement) -> float:
    """Return half of the widest interval; that of a length in body heights of its levels."""
    limit = found.definition.reader_limit
    if limit is None:
        return math.inf
    if not found.definition.is_length:
        return limit.half_width
    return limit.half_width / float(np.median([usual_height_mm(name) for name in found.levels]))


def mean_height(film: TrainingFilm) -> float:
    """Return the mean height of the bodies that a reader outlined, in pixels."""
    heights = [b.height_px for b in film.bodies if np.isfinite(b.corners).all()]
    return float(np.mean(heights)) if heights else 1.0


def quantile_95(scores: Sequence[float]) -> float:
    """Return the score that 95 % of new values stay below; the largest of fewer than 19."""
    rank = round(COVERAGE * (len(scores) + 1))
    return float(sorted(scores)[min(rank, len(scores)) - 1])


def factor_of(values: Sequence[ScoredValue]) -> float:
    """Return the smallest factor whose intervals hold 95 % of the values that it gives.

    Where no factor gives a value on enough films, it is that of all values.
    """
    for factor in _FACTORS:
        told = [one for one in values if one.is_told(factor)]
        if len({one.film for one in told}) < FEWEST_FILMS:
            break
        if quantile_95([one.score for one in told]) <= factor:
            return float(factor)
    return quantile_95([one.score for one in values])


def calibrated(
    values: Sequence[ScoredValue], unit_of: Callable[[ScoredValue], str] = lambda one: one.film
) -> dict[MeasureCode, IntervalFactor]:
    """Return the factor of every measure that enough films have.

    Parameters
    ----------
    values : sequence of ScoredValue
    unit_of : callable, optional
        What is left out whole for the coverage: the film of a value, or its patient.
    """
    factors: dict[MeasureCode, IntervalFactor] = {}
    for code, own in _by_measure(values).items():
        films = {one.film for one in own}
        if len(films) >= FEWEST_FILMS:
            found = IntervalFactor(
                round(factor_of(own), 3), len(films), len(own),
                round(coverage_left_out(own, unit_of), 3),
                tuple(dict.fromkeys(one.source for one in own)),
            )  # fmt: skip
            shared = [one for one, as_ in ALIKE.items() if as_ is code]
            factors |= dict.fromkeys((code, *shared), found)
    return factors


def _by_measure(values: Iterable[ScoredValue]) -> dict[MeasureCode, list[ScoredValue]]:
    found: dict[MeasureCode, list[ScoredValue]] = defaultdict(list)
    for one in values:
        found[one.shared].append(one)
    return {code: found[code] for code in MeasureCode if code in found}


def coverage_left_out(
    values: Sequence[ScoredValue], unit_of: Callable[[ScoredValue], str]
) -> float:
    """Return the share of given values inside intervals whose factor comes from other units.

    Parameters
    ----------
    values : sequence of ScoredValue
        Of one measure.
    unit_of : callable
        The film or the source of a value.
    """
    inside: list[bool] = []
    for unit in {unit_of(one) for one in values}:
        factor = factor_of([one for one in values if unit_of(one) != unit])
        told = [one for one in values if unit_of(one) == unit and one.is_told(factor)]
        inside += [one.score <= factor for one in told]
    return float(np.mean(inside)) if inside else 0.0


def report(values: Sequence[ScoredValue]) -> list[str]:
    """Return a line for each measure and source: what its intervals hold and how wide they are.

    Under "left out" the source is left out of its factor whole; there is none where the other
    sources have too few films. "before" is the interval of a normal distribution.
    """
    lines = [
        f"{'measure':24} {'source':12} {'films':>5} {'n':>4} {'MAE':>6} | before: held half | "
        "factor given held half MAE | left out: factor given held half MAE"
    ]
    for code, own in _by_measure(values).items():
        for source in dict.fromkeys(one.source for one in own):
            here = [one for one in own if one.source == source]
            others = [one for one in own if one.source != source]
            lines.append(f"{code.value:24} {source:12} {_figures(here, own, others)}")
    return lines


def _figures(
    here: Sequence[ScoredValue], own: Sequence[ScoredValue], others: Sequence[ScoredValue]
) -> str:
    parts = [_held(here, NORMAL_95), _by_others(here, own), _by_others(here, others)]
    films, error = len({one.film for one in here}), np.mean([one.error for one in here])
    return f"{films:5} {len(here):4} {error:6.3f} | {' | '.join(parts)}"


def _by_others(here: Sequence[ScoredValue], others: Sequence[ScoredValue]) -> str:
    if len({one.film for one in others}) < FEWEST_FILMS:
        return "  -"
    factor = factor_of(others)
    told = [one for one in here if one.is_told(factor)]
    figures = f"{_held(told, factor)} {np.mean([one.error for one in told]):6.3f}" if told else "-"
    return f"{factor:4.2f} {len(told):4} {figures}"


def _held(values: Sequence[ScoredValue], factor: float) -> str:
    held = np.mean([one.score <= factor for one in values])
    return f"{held:4.0%} {np.mean([factor * one.spread for one in values]):6.3f}"


def films_of(data: Path, *, with_spines: bool) -> list[TrainingFilm]:
    """Return the films that no network is trained on, and the whole spines that folds leave out."""
    return [*chain.from_iterable(films_kept_aside(data, with_spines=with_spines).values())]


def finders_of(
    films: Sequence[TrainingFilm], model: Path, folds: Sequence[Path]
) -> dict[str, Finder]:
    """Return what finds the bodies of each film: the network of a fold that did not see it."""
    spines = [film.name for film in films if film.source == SPINE_SOURCE]
    finders = {film.name: _finder(model) for film in films if film.source != SPINE_SOURCE}
    by_fold = [_finder(folder) for folder in folds]
    judged = {n: fold for n, fold in fold_by_film(spines).items() if fold < len(by_fold)}
    return finders | {name: by_fold[fold] for name, fold in judged.items()}


def _finder(folder: Path) -> Finder:
    model = ModelStore([folder.parent]).load(folder.name)
    return lambda image, levels: outline_vertebrae(model, image, levels)


def find(films: Sequence[TrainingFilm], finders: Mapping[str, Finder]) -> list[FoundFilm]:
    """Run the program on every film that a network may judge."""
    return [
        FoundFilm(film, finders[film.name](_image(film), examination_of(film).levels))
        for film in films
        if film.name in finders
    ]


def _image(film: TrainingFilm) -> SpineImage:
    return SpineImage(film.pixels.astype(np.float32), 8, Path(film.name), "0" * 64)


def calibrate(card: ModelCard, found: Sequence[FoundFilm]) -> tuple[ModelCard, list[str]]:
    """Return the card with factors from these films, and the lines of the report."""
    values = [one for film in found for one in scored_values(film)]
    card = replace(card, interval_factors=calibrated(values))
    right = sum(film.is_named_right for film in found)
    names = f"{right} of {len(found)} films named right; misnamed bodies are left out above"
    return card, [*report(values), names]


def card_of(folder: Path) -> ModelCard:
    """Return the card of a model folder that loads."""
    return ModelStore([folder.parent]).load(folder.name).card


def run(options: argparse.Namespace) -> int:
    """Calibrate a model folder, print the report, and write the factors into its card."""
    films = films_of(options.data, with_spines=bool(options.folds))
    finders = finders_of(films, options.model, options.folds)
    card = card_of(options.model)
    card, lines = calibrate(card, find(films, finders))
    print("\n".join(lines))
    if options.write:
        write_card(options.model, card)
    return 0
