"""Answers of one of this program's models on a data set, in the form that is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.dicom_facts import patient_of
from spinealign.domain.errors import AnswersError, SpineAlignError
from spinealign.domain.image import SpineImage
from spinealign.evaluation.cases import ClassifiedCases, OutlinedCases
from spinealign.evaluation.familiar import Familiar
from spinealign.evaluation.known import (
    NOT_KNOWN,
    KnownPicture,
    KnownSet,
    SharedClasses,
    listed_pictures,
    shared_classes,
)
from spinealign.evaluation.overlaps import overlap
from spinealign.evaluation.run import Threshold
from spinealign.evaluation.tables import groups_of
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.predict import classify_with, region_model, segment_with
from spinealign.wording import evaluation as words

GALLERY_PX = 240
"""Longer side of a picture in the gallery."""

HELD_OUT_PARTS = ("test", "held_out", "val", "valid", "validation")
Show = Callable[[str, int, int], object]


@dataclass(frozen=True, eq=False)
class Answered:
    """A classifier's answers on a data set.

    Parameters
    ----------
    cases : ClassifiedCases
    left_out : tuple of str
        Names of files without a class, or that could not be read, each with the reason.
    paths : tuple of Path
        One a case.
    threshold : Threshold
        Of the model's card.
    cautions : tuple of str
        That the model learned from some of them, or that one part of a split was answered.
    """

    cases: ClassifiedCases
    left_out: tuple[str, ...]
    paths: tuple[Path, ...]
    threshold: Threshold
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Outlined:
    """A segmentation's answers on a data set, and names of what was left out."""

    cases: OutlinedCases
    left_out: tuple[str, ...]
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AnsweredFiles:
    """What a model said of the pictures of a data set whose class is known.

    Parameters
    ----------
    names, labels : tuple of str
        Of the pictures that it answered, and their classes.
    patients : tuple of str
    knows_patients : bool
    answers : tuple of tuple of float
        A probability for each class of the card, in its order.
    left_out : tuple of str
        Names of files without a class, or that could not be read.
    paths : tuple of Path
    groups : mapping of str to tuple of str
        The part of each picture, where there are several, and what further columns of a list say.
    cautions : tuple of str
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    patients: tuple[str, ...]
    knows_patients: bool
    answers: tuple[tuple[float, ...], ...]
    left_out: tuple[str, ...]
    paths: tuple[Path, ...]
    groups: Mapping[str, tuple[str, ...]]
    cautions: tuple[str, ...]


def answered_files(
    model: LoadedModel,
    data: Path | KnownSet,
    pattern: str,
    show: Show | None,
    ask: Callable[[SpineImage], Sequence[float]],
) -> AnsweredFiles:
    """Let a model answer on pictures whose class is known; see `answers_of`.

    Parameters
    ----------
    ask : callable
        Takes a picture; returns a probability for each class of the card.
    """
    card = model.card
    known = data if isinstance(data, KnownSet) else listed_pictures(data)
    listed = known.pictures
    files, part = _held_out(listed)
    folded = {name.casefold() for name in card.classes}
    strange = sorted({f.label for f in files if f.label and f.label.casefold() not in folded})
    if strange:
        raise AnswersError(words.strange_classes(strange, card.classes))
    left_out, kept, answers = [], [], []
    familiar = Familiar(card.training)
    for done, file in enumerate(files):
        _tell(show, file.name, done, len(files))
        if not file.label:
            left_out.append(file.name)
            continue
        try:
            image = read_image(file.path)
            answer = tuple(float(p) for p in ask(image))
        except SpineAlignError:
            left_out.append(file.name)
            continue
        kept.append(file)
        familiar.see(file.name, image)
        answers.append(answer)
    if not kept:
        raise AnswersError(words.NO_PICTURE_TO_ANSWER)
    patients, knows = _patients(kept, pattern)
    groups = _groups(kept)
    cautions = familiar.cautions(len(kept))
    cautions += [words.part_text(part, len(files), len(listed))] if part else []
    cautions += known.cautions
    return AnsweredFiles(
        tuple(f.name for f in kept), tuple(f.label for f in kept), patients, knows,
        tuple(answers), tuple(left_out), tuple(f.path for f in kept), groups, tuple(cautions),
    )  # fmt: skip


def _groups(kept: Sequence[KnownPicture]) -> dict[str, tuple[str, ...]]:
    """Return what the further columns of a list, and its parts, make of the pictures."""
    titles = dict.fromkeys(title for file in kept for title, _ in file.further)
    told = {title: [dict(file.further).get(title, "") for file in kept] for title in titles}
    parts = tuple(file.part for file in kept)
    return {**groups_of(told), **({"part": parts} if len(set(parts)) > 1 else {})}


def answers_of(
    model: LoadedModel, data: Path | KnownSet, pattern: str = "", show: Show | None = None
) -> Answered:
    """Let a classifier answer on pictures whose class is known.

    Parameters
    ----------
    model : LoadedModel
    data : Path or KnownSet
        ``<class>/``, ``train|val/<class>/`` or a CSV list (see `data_audit.listing`), or what
        another layout lists. Of a split that has a part ``test`` or ``val``, that part alone is
        answered.
    pattern : str
        Regular expression that finds the patient in a file's name; else a list or DICOM says it.
    show : callable, optional
        Takes a file's name, how many are done, and how many there are.

    Raises
    ------
    AnswersError
        There are no pictures, or none of the model's classes.
    """
    card = model.card
    outliner = region_model(card, ModelStore())
    found = answered_files(
        model,
        data,
        pattern,
        show,
        lambda image: classify_with(model, image, outliner).probabilities,
    )
    order = _positive_last(card.classes, card.positive_class)
    place = {card.classes[old].casefold(): new for new, old in enumerate(order)}
    cases = ClassifiedCases(
        found.names,
        found.patients,
        tuple(card.classes[k] for k in order),
        np.array([place[label.casefold()] for label in found.labels], np.int64),
        np.array(found.answers, np.float64)[:, order],
        groups=found.groups,
        knows_patients=found.knows_patients,
    )
    value = card.threshold if cases.is_binary else None
    note = words.LIKELIEST if value is None else words.THRESHOLD_CARD.format(threshold=value)
    return Answered(cases, found.left_out, found.paths, Threshold(value, note), found.cautions)


def outlines_of(
    model: LoadedModel, data: Path | KnownSet, pattern: str = "", show: Show | None = None
) -> Outlined:
    """Let a segmentation outline pictures whose masks are known.

    Parameters
    ----------
    data : Path or KnownSet
        ``images/`` with ``masks/`` of the same names, whose values are the indices of the card's
        classes; or what another layout lists. Of a split that has a part ``test`` or ``val``, that
        part alone is outlined.

    Raises
    ------
    AnswersError
        There are no pictures with masks, or a mask has values that are no class.
    """
    known = data if isinstance(data, KnownSet) else listed_pictures(data)
    shared = shared_classes(model.card.classes, known.meanings)
    masked = [one for one in known.pictures if one.values is not None]
    files, part = _held_out(masked)
    left_out, kept, rows = [], [], []
    familiar = Familiar(model.card.training)
    for done, file in enumerate(files):
        _tell(show, file.name, done, len(files))
        try:
            image = read_image(file.path)
        except SpineAlignError:
            left_out.append(file.name)
            continue
        truth = _truth(file, shared, image.shape)
        if truth is None:
            left_out.append(file.name)
            continue
        kept.append(file)
        familiar.see(file.name, image)
        rows.append(_overlaps(model, image, truth, shared))
    if not kept:
        raise AnswersError(words.NO_MASK_TO_COMPARE)
    patients, knows = _patients(kept, pattern)
    names = tuple(file.name for file in kept)
    cases = OutlinedCases(names, patients, shared.classes, tuple(rows), knows_patients=knows)
    cautions = familiar.cautions(len(kept))
    cautions += [words.part_text(part, len(files), len(masked))] if part else []
    return Outlined(cases, tuple(left_out), (*cautions, *shared.cautions, *known.cautions))


def _truth(
    file: KnownPicture, shared: SharedClasses, shape: tuple[int, int]
) -> NDArray[np.int64] | None:
    """Return places in `shared.classes` (rows, cols), from 1; None where a mask is of no use."""
    assert file.values is not None
    try:
        values = file.values()
    except (SpineAlignError, OSError, ValueError):
        return None
    if values is None or values.shape != shape:
        return None
    largest = int(values.max())
    if not 0 <= largest <= NOT_KNOWN or (shared.of_value[values.astype(np.int64)] < 0).any():
        raise AnswersError(words.strange_mask(file.name, largest, shared.classes))
    return np.asarray(shared.of_value[values.astype(np.int64)], np.int64)


HeatOf = Callable[[SpineImage], NDArray[np.float32] | None]
"""Takes a picture; returns its heat map (rows, cols), or None where the network gives none."""


def gallery(paths: Mapping[str, Path], images: Sequence[str], heat_of: HeatOf) -> dict[str, bytes]:
    """Return PNG of some pictures, each beside itself with what spoke for its answer.

    Parameters
    ----------
    paths : mapping of str to Path
        Of all pictures by name.
    images : sequence of str
        Those that are wanted; one twice is drawn once.
    heat_of : callable
    """
    wanted = dict.fromkeys(name for name in images if name in paths)
    return {name: _explained(paths[name], heat_of) for name in wanted}


def heat_of_class(model: LoadedModel) -> HeatOf:
    """Return what tells what spoke for the abnormal class of a classifier."""
    outliner = region_model(model.card, ModelStore())
    return lambda image: classify_with(model, image, outliner).heatmap


def _explained(path: Path, heat_of: HeatOf) -> bytes:
    image = read_image(path)
    heat = heat_of(image)
    low, high = np.percentile(image.pixels, (1, 99))
    grey = np.clip((image.pixels - low) / max(high - low, 1e-6), 0, 1) * 255
    plain = cv2.cvtColor(grey.astype(np.uint8), cv2.COLOR_GRAY2BGR)
    scale = GALLERY_PX / max(plain.shape[:2])
    parts = [plain]
    if heat is not None:
        coloured = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        parts.append((0.55 * plain + 0.45 * coloured).round().astype(np.uint8))
    small = [
        cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for part in parts
    ]
    _, content = cv2.imencode(".png", np.hstack(small))
    return content.tobytes()


def _overlaps(
    model: LoadedModel, image: SpineImage, truth: NDArray[np.int64], shared: SharedClasses
) -> dict[str, dict[str, float]]:
    """Return figures by class; pixels of which nothing is known count on neither side."""
    is_known = truth != NOT_KNOWN
    found = segment_with(model, image).mask
    return {
        name: overlap(truth == number, (found == place) & is_known)
        for number, (name, place) in enumerate(
            zip(shared.classes, shared.of_model, strict=True), start=1
        )
    }


def held_out_part(parts: Iterable[str]) -> str:
    """Return the name, folded, of the part of a split that no training saw; empty without one."""
    there = {part.casefold() for part in parts}
    return next((name for name in HELD_OUT_PARTS if name in there), "")


def _held_out(files: Sequence[KnownPicture]) -> tuple[list[KnownPicture], str]:
    wanted = held_out_part(file.part for file in files)
    return [file for file in files if not wanted or file.part.casefold() == wanted], wanted


def _patients(files: Sequence[KnownPicture], pattern: str) -> tuple[tuple[str, ...], bool]:
    if pattern:
        return found_patients([file.name for file in files], pattern), True
    told = [file.patient or patient_of(file.path) for file in files]
    named = tuple(name or f"\0{k}" for k, name in enumerate(told))
    return named, any(told)


def found_patients(names: Sequence[str], pattern: str) -> tuple[str, ...]:
    """Return what a pattern finds in each name: its first group, or all that it matched.

    Raises
    ------
    AnswersError
        It is no pattern, or finds nothing in a name.
    """
    try:
        found = [re.search(pattern, name) for name in names]
    except re.error as error:
        raise AnswersError(words.bad_pattern(pattern)) from error
    for name, match in zip(names, found, strict=True):
        if match is None:
            raise AnswersError(words.no_match(pattern, name))
    return tuple((m.group(1) if m.re.groups else m.group()) for m in found if m)


def _positive_last(classes: Sequence[str], positive: str | None) -> list[int]:
    places = list(range(len(classes)))
    if len(classes) == 2 and positive in classes:
        places.sort(key=lambda k: classes[k] == positive)
    return places


def _tell(show: Show | None, name: str, done: int, total: int) -> None:
    if show is not None:
        show(name, done, total)
