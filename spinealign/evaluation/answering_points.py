"""Named points of one of this program's models, or of a table of any program's, evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.dicom_facts import patient_of
from spinealign.data_audit.landmarks import MarkedPicture, MarkedSet, list_marked, places
from spinealign.data_audit.tables import table_of
from spinealign.domain.errors import AnswersError, DataSetError, SpineAlignError
from spinealign.evaluation import agreement
from spinealign.evaluation.answering import AskedOfModel, Evaluated
from spinealign.evaluation.familiar import Familiar
from spinealign.evaluation.intervals import DRAWS, Figure
from spinealign.evaluation.landmarks import (
    COLUMNS,
    AngleWanted,
    PointedCases,
    angle_cases,
    angle_told,
    point_figures_by_patient,
)
from spinealign.evaluation.predicting import GALLERY_PX, Show, found_patients, held_out_part
from spinealign.evaluation.run import WORST, Evaluation, Subgroup, WorstCase
from spinealign.evaluation.table_checks import require_whole_rows
from spinealign.imaging.read import read_image
from spinealign.inference.engine import LoadedModel
from spinealign.locate import locate_with
from spinealign.wording import answer_tables as table_words
from spinealign.wording import evaluation as words


@dataclass(frozen=True, eq=False)
class Placed:
    """Points that a model placed, names of pictures that were left out, and what to know."""

    cases: PointedCases
    left_out: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


def evaluated_points(
    model: LoadedModel, asked: AskedOfModel, show: Show, told: Callable[[str], object]
) -> Evaluated:
    """Evaluate a model that places named points."""
    try:
        marked = list_marked(asked.data, asked.layout, asked.coordinates)
    except DataSetError as error:
        raise AnswersError(str(error)) from error
    shared = [name for name in model.card.classes if name in marked.names]
    if not shared:
        raise AnswersError(words.strange_classes(marked.names, model.card.classes))
    marked, part = _held_out(marked)
    pictures, knows = _with_patients(marked.pictures, asked.pattern)
    placed = cases_of(model, replace(marked, pictures=pictures), knows, show)
    found = evaluate_points(model.card.name, placed.cases, asked.angles, placed.left_out, show=told)
    cautions = list(placed.cautions)
    if len(shared) < len(model.card.classes):
        missing = [name for name in model.card.classes if name not in shared]
        cautions.append(words.points_without_truth(missing))
    cautions += [part] if part else []
    paths = {each.name: each.path for each in marked.pictures}
    drawn = {one.image: _drawn(placed.cases, one.image, paths[one.image]) for one in found.worst}
    return Evaluated(replace(found, cautions=tuple(cautions)), drawn)


def _held_out(marked: MarkedSet) -> tuple[MarkedSet, str]:
    """Return the part of a split that no training saw, and what to say of that."""
    wanted = held_out_part(each.part for each in marked.pictures)
    if not wanted:
        return marked, ""
    kept = tuple(each for each in marked.pictures if each.part.casefold() == wanted)
    told = words.part_text(wanted, len(kept), len(marked.pictures))
    return replace(marked, pictures=kept), told


def _with_patients(
    pictures: Sequence[MarkedPicture], pattern: str
) -> tuple[tuple[MarkedPicture, ...], bool]:
    if pattern:
        owners = found_patients([each.name for each in pictures], pattern)
    else:
        owners = tuple(each.patient or patient_of(each.path) for each in pictures)
    named = tuple(
        replace(each, patient=owner or f"\0{k}")
        for k, (each, owner) in enumerate(zip(pictures, owners, strict=True))
    )
    return named, any(owners)


def cases_of(model: LoadedModel, marked: MarkedSet, knows_patients: bool, show: Show) -> Placed:
    """Let a model place its points on pictures where somebody placed them.

    Pictures that cannot be read, on which nothing is known, or with points outside, are left out.

    Raises
    ------
    AnswersError
        None is left.
    """
    names = model.card.classes
    left_out: list[str] = []
    kept: list[MarkedPicture] = []
    answers, truths, spacings, sizes = [], [], [], []
    familiar = Familiar(model.card.training)
    for done, each in enumerate(marked.pictures):
        show(each.name, done, len(marked.pictures))
        try:
            image = read_image(each.path)
            truth = places(each, names, marked.coordinates, image.shape)
        except SpineAlignError:
            left_out.append(each.name)
            continue
        if not np.isfinite(truth).any():
            left_out.append(each.name)
            continue
        kept.append(each)
        truths.append(truth)
        familiar.see(each.name, image)
        answers.append(_answer(model, image))
        stated = image.spacing_mm or (each.mm_per_pixel or np.nan,) * 2
        spacings.append(stated[::-1])
        sizes.append(image.shape[::-1])
    if not kept:
        raise AnswersError(words.no_points(marked.names))
    found = np.stack(answers)
    cases = PointedCases(
        tuple(each.name for each in kept),
        tuple(each.patient for each in kept),
        names,
        np.stack(truths),
        found[..., :2],
        np.array(spacings, np.float64),
        np.array(sizes, np.float64),
        found[..., 2],
        knows_patients=knows_patients,
    )
    cautions = tuple(familiar.cautions(len(kept)))
    return Placed(cases, tuple(left_out), cautions)


def _answer(model: LoadedModel, image: Any) -> NDArray[np.float64]:
    """Return x, y and confidence of each point of the card (points, 3); NaN of those not found."""
    found = {point.name: point for point in locate_with(model, image).points}
    nowhere = (np.nan, np.nan, np.nan)
    told = [
        (found[name].x, found[name].y, found[name].confidence) if name in found else nowhere
        for name in model.card.classes
    ]
    return np.array(told, np.float64)


def evaluate_points(
    name: str,
    cases: PointedCases,
    angles: Sequence[str] = (),
    left_out: Sequence[str] = (),
    draws: int = DRAWS,
    show: Callable[[str], object] | None = None,
) -> Evaluation:
    """Evaluate named points, and the angles that a user states as ``NAME=A,B,C,D``.

    Raises
    ------
    AnswersError
        An angle is stated that there is not, or that no picture has.
    """
    wanted = [angle_told(each, cases.classes) for each in angles]
    if show is not None:
        show(words.ALL_CASES)
    figures = point_figures_by_patient(cases, draws)
    measured = {each.name: _measured(cases, each) for each in wanted}
    for angle, those in measured.items():
        figures |= {
            f"{kind}/{angle}": figure for kind, figure in agreement.figures(those, draws).items()
        }
    return Evaluation(
        name, cases, tuple(left_out), None, "", figures, None,
        _subgroups(cases, draws), _worst(cases), draws=draws, angles=measured,
    )  # fmt: skip


def _measured(cases: PointedCases, wanted: AngleWanted) -> Any:
    found = angle_cases(cases, wanted)
    if not len(found):
        raise AnswersError(words.angle_nowhere(wanted.name))
    return found


def _subgroups(cases: PointedCases, draws: int) -> tuple[Subgroup, ...]:
    found = []
    for column, values in cases.groups.items():
        for value in sorted(set(filter(None, values))):
            part = cases.only(np.array([k for k, each in enumerate(values) if each == value]))
            figures: dict[str, Figure] = {
                name: figure
                for name, figure in point_figures_by_patient(part, draws).items()
                if "/" not in name
            }
            found.append(Subgroup(column, value, len(part), len(set(part.patients)), figures))
    return tuple(found)


def _worst(cases: PointedCases) -> tuple[WorstCase, ...]:
    """Return the pictures with the largest mean error; points not found are told first."""
    errors = cases.errors_mm if cases.unit == "mm" else cases.errors_px
    known = cases.is_known
    missed = (known & ~np.isfinite(errors)).sum(axis=1)
    means = np.array(
        [float(np.nanmean(row)) if np.isfinite(row).any() else np.inf for row in errors]
    )
    order = np.lexsort((-means, -missed))[:WORST]
    told = []
    for k in order.tolist():
        farthest = int(np.nanargmax(errors[k])) if np.isfinite(errors[k]).any() else -1
        answer = words.farthest_point(
            cases.classes[farthest] if farthest >= 0 else "",
            float(errors[k, farthest]) if farthest >= 0 else 0.0,
            cases.unit,
            int(missed[k]),
        )
        patient = cases.patients[k]
        owner = patient if cases.knows_patients and not patient.startswith("\0") else ""
        known_text = words.known_points(int(known[k].sum()))
        told.append(WorstCase(cases.images[k], owner, known_text, answer, float(means[k])))
    return tuple(told)


def _drawn(cases: PointedCases, name: str, path: Path) -> bytes:
    """Return PNG of a picture with true points as rings and found ones as crosses, joined."""
    image = read_image(path)
    low, high = np.percentile(image.pixels, (1, 99))
    grey = np.clip((image.pixels - low) / max(high - low, 1e-6), 0, 1) * 255
    scale = 2 * GALLERY_PX / max(image.shape)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    plain = cv2.resize(grey.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    shown = cv2.cvtColor(plain, cv2.COLOR_GRAY2BGR)
    k = cases.images.index(name)
    for true, found in zip(cases.truth[k] * scale, cases.found[k] * scale, strict=True):
        at, answer = _pixel(true), _pixel(found)
        if at and answer:
            cv2.line(shown, at, answer, (0, 200, 255), 1)
        if at:
            cv2.circle(shown, at, 4, (80, 220, 80), 1)
        if answer:
            x, y = answer
            cv2.line(shown, (x - 4, y), (x + 4, y), (60, 60, 255), 1)
            cv2.line(shown, (x, y - 4), (x, y + 4), (60, 60, 255), 1)
    _, content = cv2.imencode(".png", shown)
    return content.tobytes()


def _pixel(at: NDArray[np.float64]) -> tuple[int, int] | None:
    return (int(at[0]), int(at[1])) if np.isfinite(at).all() else None


def read_points(path: Path) -> Placed:
    """Read a table of any program's points: `COLUMNS`, of which the last four may be missing.

    Raises
    ------
    AnswersError
        It is none, lacks a column, or has a point twice.
    """
    try:
        table = table_of(path)
    except DataSetError as error:
        raise AnswersError(str(error)) from error
    require_whole_rows(table)
    lacking = [name for name in COLUMNS[2:7] if name not in table.columns]
    if "image" not in table.columns or lacking:
        raise AnswersError(words.point_columns(path, COLUMNS))
    rows = [dict(zip(table.columns, map(str.strip, line), strict=True)) for line in table.lines]
    names = tuple(dict.fromkeys(row["point"] for row in rows))
    images = tuple(dict.fromkeys(row["image"] for row in rows))
    told = np.full((len(images), len(names), 8), np.nan)
    owners = [""] * len(images)
    seen: set[tuple[str, str]] = set()
    places_of = {name: k for k, name in enumerate(images)}, {n: k for k, n in enumerate(names)}
    for row, number in zip(rows, table.numbers, strict=True):
        key = row["image"], row["point"]
        if key in seen:
            raise AnswersError(words.point_told_twice(path, *key))
        seen.add(key)
        at = places_of[0][key[0]], places_of[1][key[1]]
        told[at] = [_number(path, row.get(name, ""), number) for name in COLUMNS[3:]]
        owners[at[0]] = row.get("patient", "") or owners[at[0]]
    picture = np.array([_first_known(each[:, 5:]) for each in told])
    cases = PointedCases(
        images,
        tuple(owner or f"\0{k}" for k, owner in enumerate(owners)),
        names,
        told[..., :2],
        told[..., 2:4],
        np.repeat(picture[:, :1], 2, axis=1),
        picture[:, 1:],
        told[..., 4],
        knows_patients=any(owners),
    )
    known = np.flatnonzero(cases.is_known.any(axis=1))
    if not len(known):
        raise AnswersError(table_words.no_rows(path))
    left_out = tuple(name for k, name in enumerate(images) if k not in set(known.tolist()))
    return Placed(cases.only(known), left_out)


def _first_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each column (points, 3) the first number."""
    return np.array(
        [next((v for v in column if np.isfinite(v)), np.nan) for column in values.T], np.float64
    )


def _number(path: Path, text: str, number: int) -> float:
    if not text or text.casefold() in ("nan", "na", "none", "null"):
        return float("nan")
    try:
        return float(text)
    except ValueError as error:
        raise AnswersError(table_words.no_number(path, text, number)) from error
