"""What the program itself said when an object was written, and an analysis as it was then.

A person's changes are told apart from the program's own values by comparing the two: a case that
is restored by another version of the program, or with other networks, needs what was said then.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from spinealign.domain.discs import Disc, DiscGrade, GradeName
from spinealign.domain.findings import (
    MOST_BODIES,
    Analysis,
    Corrections,
    Facing,
    ModelIdentity,
    Segmentation,
    Vertebra,
)
from spinealign.domain.measurements import IntervalRule, Point
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.outlines.canal import canal_of
from spinealign.measure.outlines.regions import region_statistics

_MOST_DISCS = 40
_SAME = 1e-6


@dataclass(frozen=True)
class SaidGrade:
    """One grade of a disc, without its heat map; as in `DiscGrade`."""

    name: GradeName
    value: bool | int | None
    probabilities: Annotated[tuple[float, ...], Meta(max_length=20)]
    calibrated: bool
    threshold: float
    severity: float | None = None
    needs_t2: bool = False


@dataclass(frozen=True)
class SaidDisc:
    """One graded disc; as in `Disc`."""

    level: Annotated[str, Meta(max_length=16)] | None
    index_from_bottom: int
    outline: Annotated[tuple[Point, ...], Meta(max_length=5000)]
    anterior: Point
    posterior: Point
    height_px: float
    confidence: float
    grades: Annotated[tuple[SaidGrade, ...], Meta(max_length=20)]
    crop_to_image: tuple[float, float, float, float, float, float]
    is_level_assumed: bool


@dataclass(frozen=True)
class ProgramState:
    """What the program itself said of an image, without any person's change.

    Parameters
    ----------
    found : Corrections
        Its own bodies, facing and certainty of levels, and how the picture was analysed.
    facing_confidence : float or None
    suggestions : tuple of Vertebra
    model, disc_model : ModelIdentity or None
        What outlined, and what graded discs.
    rule : IntervalRule
    discs : tuple of SaidDisc
    classes : mapping of str to str
        Of its own mask, as in `Segmentation.classes`; keys in decimal.
    mask : str
        Its own mask where another one is shown: bytes row by row, packed by zlib, in base64.
    """

    found: Corrections
    facing_confidence: float | None
    suggestions: Annotated[tuple[Vertebra, ...], Meta(max_length=MOST_BODIES)]
    model: ModelIdentity | None
    disc_model: ModelIdentity | None
    rule: IntervalRule
    discs: Annotated[tuple[SaidDisc, ...], Meta(max_length=_MOST_DISCS)]
    classes: Annotated[Mapping[str, str], Meta(max_length=256)]
    mask: str = ""


def program_state(analysis: Analysis) -> ProgramState:
    """Return what the program itself said of an image that may be corrected."""
    said = analysis.automatic or analysis
    own, shown = said.segmentation, analysis.segmentation
    is_other = own is not None and shown is not None and not np.array_equal(own.mask, shown.mask)
    return ProgramState(
        analysis.uncorrected,
        said.facing_confidence,
        said.suggestions,
        None if own is None else own.model,
        said.disc_model,
        said.interval_rule,
        tuple(_said_disc(disc) for disc in said.discs),
        {} if own is None else {str(value): name for value, name in own.classes.items()},
        packed_mask(own.mask) if own is not None and is_other else "",
    )


def packed_mask(mask: NDArray[np.uint8]) -> str:
    """Return a mask (H, W) as text."""
    content = zlib.compress(np.ascontiguousarray(mask, np.uint8).tobytes(), 6)
    return base64.b64encode(content).decode("ascii")


def unpacked_mask(text: str, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Return a mask (H, W) of text; None where it is none of this shape."""
    wanted = shape[0] * shape[1]
    unpacking = zlib.decompressobj()
    try:
        # Never more than the mask has, however small the text.
        content = unpacking.decompress(base64.b64decode(text, validate=True), wanted + 1)
    except (zlib.error, binascii.Error, ValueError):
        return None
    if len(content) != wanted:
        return None
    return np.frombuffer(content, np.uint8).reshape(shape).copy()


def as_said(now: Analysis, then: ProgramState, mask: NDArray[np.uint8]) -> Analysis:
    """Return what the program says of an image as it was said when an object was written.

    Parameters
    ----------
    now : Analysis
        Of the same image, without a person's changes.
    then : ProgramState
    mask : ndarray of uint8, shape (H, W)
        The program's own of then.

    Returns
    -------
    Analysis
        The very same where nothing differs. Else bodies, mask, discs and grades are those of
        then, measured anew.
    """
    segmentation = now.segmentation
    if segmentation is None:
        return now
    discs = now.discs if _are_same(now.discs, then.discs) else tuple(map(_disc, then.discs))
    is_same = now.uncorrected == then.found and np.array_equal(segmentation.mask, mask)
    if is_same and discs is now.discs:
        return now
    model = then.model or segmentation.model
    if model != segmentation.model or not np.array_equal(segmentation.mask, mask):
        same = segmentation.mask == mask
        sure = np.where(same, segmentation.confidence, 1 - segmentation.confidence)
        classes = {int(v): name for v, name in then.classes.items() if v.isdecimal()}
        segmentation = Segmentation(model, classes, mask, sure.astype(np.float32))
    found = then.found
    image = replace(now.image, presentation=found.presentation)
    shown = replace(
        now,
        image=image,
        segmentation=segmentation,
        regions=region_statistics(segmentation, image.pixel_area_mm2),
        vertebrae=found.vertebrae,
        facing=None if found.facing is None else found.facing.value,
        facing_confidence=then.facing_confidence,
        levels_uncertain=found.levels_uncertain,
        suggestions=then.suggestions,
        discs=discs,
        disc_model=now.disc_model if discs is now.discs else then.disc_model,
        interval_rule=then.rule,
        models=_models(now, then),
    )
    return replace(shown, measurements=_measured(shown, found.facing))


def _measured(said: Analysis, facing: Facing | None) -> tuple:  # type: ignore[type-arg]
    return measure_alignment(
        said.vertebrae,
        facing,
        PixelGeometry.of(said.image),
        said.examination,
        canal_of(said.segmentation),
        rule=said.interval_rule,
        age_years=said.image.patient_age_years,
        is_bent=said.image.is_bent,
        picture_rows=said.image.shape[0],
    )


def _models(now: Analysis, then: ProgramState) -> tuple[ModelIdentity, ...]:
    outlined = None if now.segmentation is None else now.segmentation.model
    known = {outlined: then.model, now.disc_model: then.disc_model}
    return tuple(known.get(model) or model for model in now.models)


def _said_disc(disc: Disc) -> SaidDisc:
    return SaidDisc(
        disc.level,
        disc.index_from_bottom,
        tuple((float(x), float(y)) for x, y in disc.outline),
        (float(disc.anterior[0]), float(disc.anterior[1])),
        (float(disc.posterior[0]), float(disc.posterior[1])),
        float(disc.height_px),
        float(disc.confidence),
        tuple(_said_grade(grade) for grade in disc.grades),
        tuple(map(float, disc.crop_to_image)),  # type: ignore[arg-type]
        disc.is_level_assumed,
    )


def _said_grade(grade: DiscGrade) -> SaidGrade:
    value = grade.value
    return SaidGrade(
        grade.name,
        value if value is None or isinstance(value, bool) else int(value),
        tuple(map(float, grade.probabilities)),
        grade.calibrated,
        float(grade.threshold),
        None if grade.severity is None else float(grade.severity),
        grade.needs_t2,
    )


def _disc(said: SaidDisc) -> Disc:
    grades = tuple(
        DiscGrade(
            one.name, one.value, one.probabilities, one.calibrated, one.threshold, one.severity,
            needs_t2=one.needs_t2,
        )
        for one in said.grades
    )  # fmt: skip
    return Disc(
        said.level, said.index_from_bottom, said.outline, said.anterior, said.posterior,
        said.height_px, said.confidence, grades, said.crop_to_image, said.is_level_assumed,
    )  # fmt: skip


def _are_same(discs: Sequence[Disc], then: Sequence[SaidDisc]) -> bool:
    """Whether discs and grades are those that were said: then their heat maps can be kept."""
    said = [_said_disc(disc) for disc in discs]
    return len(said) == len(then) and all(map(_is_same, said, then))


def _is_same(one: SaidDisc, other: SaidDisc) -> bool:
    if (one.level, one.is_level_assumed) != (other.level, other.is_level_assumed):
        return False
    if len(one.outline) != len(other.outline) or len(one.grades) != len(other.grades):
        return False
    if not np.allclose(one.outline, other.outline, atol=_SAME):
        return False
    return all(
        (a.name, a.value, a.needs_t2) == (b.name, b.value, b.needs_t2)
        and len(a.probabilities) == len(b.probabilities)
        and bool(np.allclose(a.probabilities, b.probabilities, atol=_SAME))
        for a, b in zip(one.grades, other.grades, strict=True)
    )
