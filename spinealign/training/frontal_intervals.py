"""Calibrates the 95 % intervals of measures on frontal films that a network was not trained on.

As on lateral films (`interval_factors`): the factor of a measure is the score below which 95 % of
values stay, by split conformal prediction. Patients are left out whole for the coverage, as
several films are of one patient. The factor of a curve holds the choice of its end vertebrae too:
program and reader each have their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import Examination, Plane
from spinealign.domain.findings import (
    FRONTAL_CORNERS,
    Landmark,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.frontal import named_column
from spinealign.inference.catalog import ModelStore, write_card
from spinealign.training import interval_factors
from spinealign.training.frontal_evaluate import matched, mean_height
from spinealign.training.frontal_films import FOLDER, FrontalFilm, image_of, load_frontal
from spinealign.training.interval_factors import (
    ScoredValue,
    calibrated,
    card_of,
    compared,
    measured_by_key,
    report,
)

SOURCE = "SpineWeb 16"
"""What the factors say that they come from."""

BodyFinder = Callable[[SpineImage], Sequence[Vertebra]]
"""The program's way from a film to its bodies."""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoundColumn:
    """A film with the bodies that the program found on it."""

    film: FrontalFilm
    bodies: tuple[Vertebra, ...]

    @property
    def pairs(self) -> dict[str, Vertebra]:
        """The body found for each level of the reader."""
        centres = np.array([_corners(body).mean(axis=0) for body in self.bodies]).reshape(-1, 2)
        places = matched(self.film, centres)
        return {level: self.bodies[place] for level, place in places.items()}

    @property
    def is_named_right(self) -> bool:
        """Whether every body that the reader has too bears his name."""
        return all(body.level in (None, level) for level, body in self.pairs.items())


def _corners(body: Vertebra) -> Points:
    marks = {mark.name: (mark.x, mark.y) for mark in body.landmarks}
    return np.array([marks[name] for name in FRONTAL_CORNERS])


def readers_bodies(film: FrontalFilm) -> tuple[Vertebra, ...]:
    """Return the reader's bodies without doubtful ones, as if a person had placed them."""
    return tuple(
        Vertebra(
            level, index, tuple((float(x), float(y)) for x, y in corners),
            tuple(
                Landmark(name, float(x), float(y), 1.0, LandmarkSource.USER)
                for name, (x, y) in zip(FRONTAL_CORNERS, corners, strict=True)
            ),
            1.0, VertebraState.COMPLETE,
        )
        for index, (level, corners) in enumerate(
            zip(film.levels, film.corners, strict=True), start=1
        )
        if level not in film.doubtful
    )  # fmt: skip


def scored_values(found: FoundColumn, examination: Examination) -> list[ScoredValue]:
    """Measure one film twice, on the bodies that both have under the same name."""
    film, pairs = found.film, found.pairs
    readers = {body.level: body for body in readers_bodies(film)}
    named = [body for level, body in pairs.items() if body.level == level and level in readers]
    known = [readers[body.level] for body in named]
    rows = film.pixels.shape[0]
    own, truth = (measured_by_key(each, None, examination, rows) for each in (named, known))
    return compared((film.name, SOURCE), own, truth, mean_height(film.corners))


def calibrate(
    card: ModelCard, found: Sequence[FoundColumn], examination: Examination
) -> tuple[ModelCard, list[str]]:
    """Return the card with factors from these films, and the lines of the report."""
    patients = {one.film.name: one.film.patient for one in found}
    values = [value for one in found for value in scored_values(one, examination)]
    factors = calibrated(values, lambda one: patients[one.film])
    right = sum(one.is_named_right for one in found)
    told = (
        f"{right} of {len(found)} films of {len(set(patients.values()))} patients named right; "
        "misnamed bodies are left out above"
    )
    return replace(card, interval_factors=factors), [*report(values), told]


def refuse_known_films(card: ModelCard, parts: Sequence[str]) -> None:
    """Check that a network was not trained on the parts it is to be calibrated on.

    Raises
    ------
    DataSetError
        The card does not say of a part that it was left out.
    """
    left_out = [str(part) for part in card.training.get("left_out", ())]
    known = [part for part in parts if part not in left_out]
    if known:
        told = ", ".join(left_out) or "nothing"
        raise DataSetError(
            f"{card.name} was trained on films of the part {', '.join(known)} (left out: {told}): "
            "intervals need films that it has not seen. Choose another --part."
        )


def found_columns(films: Sequence[FrontalFilm], finder: BodyFinder) -> list[FoundColumn]:
    """Run the program on every film."""
    return [FoundColumn(film, tuple(finder(image_of(film)))) for film in films]


def run_for_kind(options: argparse.Namespace) -> int:
    """Calibrate a model folder on frontal films if it is for these, else on lateral ones."""
    kinds = card_of(options.model).examinations
    is_frontal = any(kind.examination.plane is Plane.CORONAL for kind in kinds)
    return run(options) if is_frontal else interval_factors.run(options)


def run(options: argparse.Namespace) -> int:
    """Calibrate a model folder, print the report, and write the factors into its card.

    Raises
    ------
    DataSetError
        A part is not left out of the training, or holds no film.
    """
    card = card_of(options.model)
    refuse_known_films(card, options.part)
    films = [
        film for film in load_frontal(options.data / FOLDER)
        if film.is_usable and film.part in options.part
    ]  # fmt: skip
    if not films:
        raise DataSetError(f"{options.data / FOLDER} has no film of {', '.join(options.part)}.")
    kinds = (kind.examination for kind in card.examinations)
    examination = next(one for one in kinds if one.plane is Plane.CORONAL)
    model = ModelStore([options.model.parent]).load(options.model.name)
    found = found_columns(films, lambda image: named_column(model, image).vertebrae)
    card, lines = calibrate(card, found, examination)
    print("\n".join(lines))
    if options.write:
        write_card(options.model, card)
    return 0
