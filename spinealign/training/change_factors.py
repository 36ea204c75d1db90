"""Calibrates how far a measure may differ between two examinations that show no change.

As the intervals of single values (`interval_factors`), by split conformal prediction with
normalised scores. The score of a pair is the part of its difference that is error, in standard
deviations of the difference as they follow from the points, and the factor of a measure is the
score that 95 % of new pairs stay below.

On films two sources of pairs are at hand, neither of which is one neck on two days:

- two films of different necks that a reader outlined both: the error is the program's difference
  less the reader's. Errors of the network that one neck would repeat do not cancel here, so this
  factor is an upper bound as far as the placing of points goes. It is what changes are judged by.
- one film in two simulated exposures: the error is the whole difference. What one neck repeats
  cancels altogether, so this is the lower bound, told beside it (`ChangeFactor.repeated`).

On MR one patient is there in two sequences of one session, slices and all taken anew; the error
is the whole difference.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.analysis import analyze_file
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import Analysis, Facing, Vertebra
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpineImage
from spinealign.domain.measurements import NORMAL_95, Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.domain.model_card import ChangeFactor, ModelCard
from spinealign.inference.catalog import ModelStore, write_card
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.training.augment import coarser
from spinealign.training.interval_factors import (
    ALIKE,
    FEWEST_FILMS,
    Finder,
    ScoredValue,
    examination_of,
    films_of,
    find,
    finders_of,
    mean_height,
    quantile_95,
    scored_values,
)
from spinealign.training.spine_films import TrainingFilm

EXPOSURES = 3
"""Simulated exposures of each film, which make three pairs."""

_TURN_DEG, _SCALE, _SHIFT = 4.0, 0.07, 0.03
"""How far an exposure may be turned, enlarged, and moved in shares of the film's width.

Source: set by hand: what a patient who stands before the detector again differs by.
"""

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]
Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class ScoredPair:
    """One measure on two examinations.

    Parameters
    ----------
    patients : tuple of str
        Whose they are: once where both are of one patient.
    source : str
    code : MeasureCode
    error, spread : float
        Part of the difference that is error, and its standard deviation as it follows from
        the points of both; in degrees, ratios, or heights of a body.
    """

    patients: tuple[str, ...]
    source: str
    code: MeasureCode
    error: float
    spread: float

    @property
    def score(self) -> float:
        """The error in standard deviations."""
        return abs(self.error) / self.spread


def pairs_of_films(
    values: Sequence[ScoredValue], factors: Mapping[MeasureCode, float]
) -> list[ScoredPair]:
    """Pair the values of different films that a reader measured too.

    Parameters
    ----------
    values : sequence of ScoredValue
        Of all measures.
    factors : mapping of MeasureCode to float
        `interval_factors` of the network: values that are withheld with them do not count.
    """
    told = [one for one in values if one.is_told(factors.get(one.code, NORMAL_95))]
    return [
        ScoredPair(
            (one.film, other.film), "films of two necks", code,
            (one.found - one.truth) - (other.found - other.truth),
            float(np.hypot(one.spread, other.spread)),
        )
        for code, own in _by_code(told).items()
        for one, other in combinations(own, 2)
        if one.film != other.film
    ]  # fmt: skip


def pairs_of_exposures(film: TrainingFilm, find_bodies: Finder) -> Iterator[ScoredPair]:
    """Yield every measure of one film on two of its simulated exposures."""
    taken = [_exposed_measures(film, find_bodies, number) for number in range(EXPOSURES)]
    for one, other in combinations(taken, 2):
        yield from _pairs(film.name, "one film exposed twice", one, other)


def _exposed_measures(
    film: TrainingFilm, find_bodies: Finder, number: int
) -> dict[Key, Measurement]:
    pixels, there = exposure(film.pixels, zlib.crc32(f"{film.name} {number}".encode()))
    examination = examination_of(film)
    found = find_bodies(_image(film, pixels), examination.levels)
    back = np.asarray(cv2.invertAffineTransform(there), np.float64)
    bodies = [moved(body, back) for body in found.vertebrae if body.level is not None]
    facing = None if found.facing is None else Facing(found.facing)
    heights = PixelGeometry((1 / mean_height(film),) * 2)
    taken = measure_alignment(bodies, facing, heights, examination)
    return {m.key: m for m in taken if m.is_measurable}


def exposure(pixels: Pixels, seed: int) -> tuple[Pixels, Values]:
    """Return a film as another exposure would show it, and where its points then lie.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    ndarray of float64, shape (2, 3)
        Brings (x, y, 1) of the film to the exposure.
    """
    rng = np.random.default_rng(seed)
    height, width = pixels.shape
    turn, scale = rng.uniform(-_TURN_DEG, _TURN_DEG), 1 + rng.uniform(-_SCALE, _SCALE)
    middle = (width / 2, height / 2)
    there = np.asarray(cv2.getRotationMatrix2D(middle, turn, scale), np.float64)
    there[:, 2] += rng.uniform(-_SHIFT, _SHIFT, 2) * width
    grey = cv2.warpAffine(
        pixels, there, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return developed(np.asarray(grey, np.uint8), rng), there


def developed(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Return a film in another exposure: gamma, contrast, sharpness and quantum noise."""
    grey = (pixels / 255.0) ** np.exp(rng.uniform(-0.35, 0.35))
    grey = (grey - 0.5) * rng.uniform(0.8, 1.2) + 0.5 + rng.uniform(-0.06, 0.06)
    grey = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), rng.uniform(0.3, 1.2))
    grey = coarser(grey, rng.uniform(0.6, 1.0))
    grey = grey + rng.normal(0, rng.uniform(0.005, 0.025), grey.shape)
    return np.asarray((255 * grey.clip(0, 1)).round(), np.uint8)


def moved(body: Vertebra, matrix: Values) -> Vertebra:
    """Return a body with outline and landmarks moved by an affine matrix (2, 3)."""
    marks = _moved_points([(mark.x, mark.y) for mark in body.landmarks], matrix)
    return replace(
        body,
        outline=tuple(_moved_points(body.outline, matrix)),
        landmarks=tuple(
            replace(mark, x=x, y=y) for mark, (x, y) in zip(body.landmarks, marks, strict=True)
        ),
    )


def _moved_points(
    points: Sequence[tuple[float, float]], matrix: Values
) -> list[tuple[float, float]]:
    if not points:
        return []
    found = np.array(points) @ matrix[:, :2].T + matrix[:, 2]
    return [(float(x), float(y)) for x, y in found]


def pairs_of_sequences(patient: str, analyses: Sequence[Analysis]) -> Iterator[ScoredPair]:
    """Yield every measure of one patient on two sequences of one session.

    Lengths are left out: pixels of the sequences differ and their spacing is not known.
    """
    taken = [
        {m.key: m for m in one.measurements if m.is_measurable and m.unit not in ("px", "mm")}
        for one in analyses
        if not one.levels_uncertain
    ]
    for one, other in combinations(taken, 2):
        yield from _pairs(patient, "two sequences of one session", one, other)


def _pairs(
    patient: str, source: str, one: Mapping[Key, Measurement], other: Mapping[Key, Measurement]
) -> Iterator[ScoredPair]:
    for key in one.keys() & other.keys():
        first, second = one[key], other[key]
        spread = float(np.hypot(_spread(first), _spread(second)))
        assert first.value is not None
        assert second.value is not None
        if spread:
            yield ScoredPair((patient,), source, first.code, second.value - first.value, spread)


def _spread(measurement: Measurement) -> float:
    """Return the standard deviation: the upper end of an interval is never cut off."""
    assert measurement.value is not None
    if measurement.interval is None:
        return 0.0
    return (measurement.interval[1] - measurement.value) / NORMAL_95


def calibrated(
    pairs: Sequence[ScoredPair], repeated: Sequence[ScoredPair] = ()
) -> dict[MeasureCode, ChangeFactor]:
    """Return the factor of every measure that enough patients have.

    Parameters
    ----------
    pairs : sequence of ScoredPair
        What changes are judged by.
    repeated : sequence of ScoredPair, optional
        The same of one film in two exposures.
    """
    found: dict[MeasureCode, ChangeFactor] = {}
    alike = _by_code(repeated)
    for code, own in _by_code(pairs).items():
        patients = {name for one in own for name in one.patients}
        if len(patients) >= FEWEST_FILMS:
            again = [one.score for one in alike.get(code, ())]
            factor = ChangeFactor(
                round(quantile_95([one.score for one in own]), 3),
                round(quantile_95(again), 3) if again else None,
                len(patients), len(own), round(held_left_out(own), 3),
                tuple(dict.fromkeys(one.source for one in own)),
            )  # fmt: skip
            shared = [one for one, as_ in ALIKE.items() if as_ is code]
            found |= dict.fromkeys((code, *shared), factor)
    return found


def held_left_out(pairs: Sequence[ScoredPair]) -> float:
    """Return the share of pairs below a factor that comes from pairs of other patients."""
    inside: list[bool] = []
    for name in {name for one in pairs for name in one.patients}:
        others = [one.score for one in pairs if name not in one.patients]
        if others:
            factor = quantile_95(others)
            inside += [one.score <= factor for one in pairs if name in one.patients]
    return float(np.mean(inside)) if inside else 0.0


def _by_code(found: Iterable[ScoredValue | ScoredPair]) -> dict[MeasureCode, list]:
    groups: dict[MeasureCode, list] = defaultdict(list)
    for one in found:
        groups[ALIKE.get(one.code, one.code)].append(one)
    return {code: groups[code] for code in MeasureCode if code in groups}


def report(pairs: Sequence[ScoredPair]) -> list[str]:
    """Return a line for each measure and source of pairs."""
    lines = [
        f"{'measure':28} {'source':30} {'patients':>8} {'pairs':>6} | error: SD  95 % | factor, "
        "half width | held, left out"
    ]
    for code, own in _by_code(pairs).items():
        for source in dict.fromkeys(one.source for one in own):
            lines.append(f"{code.value:28} {source:30} {_figures(own, source)}")
    return lines


def _figures(own: Sequence[ScoredPair], source: str) -> str:
    here = [one for one in own if one.source == source]
    errors = np.array([one.error for one in here])
    factor = quantile_95([one.score for one in here])
    half = np.mean([factor * one.spread for one in here])
    patients = len({name for one in here for name in one.patients})
    return (
        f"{patients:8} {len(here):6} | {np.sqrt((errors**2).mean()):8.3f} "
        f"{np.quantile(np.abs(errors), 0.95):6.3f} | {factor:5.2f} {half:7.3f} | "
        f"{held_left_out(here):4.0%}"
    )


def _image(film: TrainingFilm, pixels: Pixels) -> SpineImage:
    return SpineImage(pixels.astype(np.float32), 8, Path(film.name), "0" * 64)


def film_pairs(model: Path, data: Path) -> tuple[list[ScoredPair], list[ScoredPair]]:
    """Return pairs of films of two necks, and of single films exposed twice."""
    films = films_of(data, with_spines=False)
    finders = finders_of(films, model, ())
    card = ModelStore([model.parent]).load(model.name).card
    factors = {code: one.factor for code, one in card.interval_factors.items()}
    values = [one for film in find(films, finders) for one in scored_values(film)]
    exposed = [pair for film in films for pair in pairs_of_exposures(film, finders[film.name])]
    return pairs_of_films(values, factors), exposed


def sequence_pairs(model: Path, data: Path, patients: int) -> list[ScoredPair]:
    """Return pairs of sequences of patients that the network was not trained on."""
    models = ModelStore([model.parent])
    examination = EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR]
    found: list[ScoredPair] = []
    for patient, paths in _sessions(data)[:patients]:
        analyses = [run_to_end(analyze_file(path, models, examination)) for path in paths]
        found += pairs_of_sequences(patient, analyses)
    return found


def _sessions(data: Path) -> list[tuple[str, list[Path]]]:
    """Return the pictures of patients with several sequences, of none that was trained on."""
    folder = data / "mr_disc_grading"
    trained = {p.name.split("_")[0] for p in (data / "mr_sagittal_segmentation/images").iterdir()}
    found: dict[str, list[Path]] = defaultdict(list)
    with (folder / "images.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            found[f"{int(row['patient']):03}"].append(row["name"])  # type: ignore[arg-type]
    files = {path.stem: path for path in (folder / "images").iterdir()}
    return [
        (patient, [files[str(name)] for name in names])
        for patient, names in sorted(found.items())
        if patient not in trained and len(names) > 1
    ]


Measure = Callable[[argparse.Namespace], tuple[list[ScoredPair], list[ScoredPair]]]


def run(options: argparse.Namespace) -> int:
    """Calibrate a model folder, print the report, and write the factors into its card."""
    card = ModelStore([options.model.parent]).load(options.model.name).card
    repeated: list[ScoredPair] = []
    if ExaminationKind.SAGITTAL_SPINE_MR in card.examinations:
        pairs = sequence_pairs(options.model, options.data, options.patients)
    else:
        pairs, repeated = film_pairs(options.model, options.data)
    print("\n".join(report([*pairs, *repeated])))
    if options.write:
        write_card(options.model, with_factors(card, pairs, repeated))
    return 0


def with_factors(
    card: ModelCard, pairs: Sequence[ScoredPair], repeated: Sequence[ScoredPair]
) -> ModelCard:
    """Return the card with the factors of these pairs."""
    return replace(card, change_factors=calibrated(pairs, repeated))
