"""From a segmented lumbar MR to graded discs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.discs import NEEDS_T2, Disc, DiscGrade, GradeName
from spinealign.domain.findings import Caution, Segmentation, WarningCode
from spinealign.domain.image import SpineImage, Weighting
from spinealign.domain.model_card import GradeRule, GradingRule, ModelCard
from spinealign.domain.structures import SACRUM
from spinealign.imaging.fit import finish_input, scale_intensity
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.crops import CROP_SHAPE, CropFrame, cut_out, cut_out_mask, frames_of
from spinealign.lumbar.signs import column_signs
from spinealign.measure.outlines.disc_shapes import CANAL, VERTEBRA, DiscShape
from spinealign.measure.outlines.discs import DiscColumn, find_discs
from spinealign.measure.outlines.mr_classes import graded_mask, standard_mask
from spinealign.measure.outlines.square import SquareGrid

Array = NDArray[np.float32]
Values = NDArray[np.float64]

LEVELS = (
    "L5/S1", "L4/L5", "L3/L4", "L2/L3", "L1/L2", "T12/L1", "T11/T12", "T10/T11", "T9/T10",
    "T8/T9", "T7/T8", "T6/T7", "T5/T6", "T4/T5", "T3/T4", "T2/T3", "T1/T2",
)  # fmt: skip
"""Names of the discs counted from the bottom, for five lumbar vertebrae."""

_SAME_PLACE = 0.35
"""Farthest distance between one disc's centres in two contrasts, in lengths of the disc.

Neighbours lie about one length apart. Source: less than half of that distance; geometry.
"""

_SAME_PROPORTIONS = 0.03
"""Largest difference of the proportions of two pictures of one field, natural logarithm.

Source: geometry; a picture of another field of view or another grid differs by more.
"""

_FLUID_PERCENTILE, _FLUID_IS_BRIGHT = 60, 1.0
"""Percentile of the canal's grey that stands for its fluid, and the ratio to the median of bone
above which an image is T2-weighted. Source: fluid is brighter than marrow on T2 and darker on T1;
the percentile, above the median because roots lie in the fluid, was set by hand.
"""

_STORED_BITS = 16
"""Bits of grey values that are not windowed for display. Source: `SpineImage.bits`."""

_HEATMAP_CELL_PX = 16
"""Side of the places that are blanked one by one, in pixels of the crop.

Source: the outputs of `disc_grading` (docs/training.md).
"""


@dataclass(frozen=True, eq=False)
class Graded:
    """Discs from the sacrum up, and what to warn of."""

    discs: tuple[Disc, ...] = ()
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True, eq=False)
class GraderInput:
    """Discs of one image with their crops, signs and sequence ("t2" or "t1").

    Everything is in square pixels: `grid` is the way back, `pixels` (H, W) what was cut.
    """

    found: DiscColumn
    frames: list[CropFrame]
    crops: list[Array]
    signs: Values
    sequence: str
    grid: SquareGrid
    pixels: Array


def grade_discs(
    segmentation: Segmentation,
    image: SpineImage,
    model: LoadedModel,
    companion: tuple[Segmentation, SpineImage] | None = None,
    found: DiscColumn | None = None,
) -> Graded:
    """Find, count and grade the discs of a sagittal lumbar MR.

    Parameters
    ----------
    segmentation, image
        The slice, and its mask at the image's own size; classes as in
        `measure.outlines.mr_classes`.
    model : LoadedModel
        Its card's task is ``disc_grading``.
    companion : (Segmentation, SpineImage), optional
        The same patient's slice in the other contrast (T1 beside T2). Discs are
        matched by place when both pictures show the same field, else by count.
    found : DiscColumn, optional
        The discs of `segmentation` in square pixels, where they were found before.

    Returns
    -------
    Graded
        Empty when fewer than two discs lie in line.
    """
    own = read_column(segmentation, image, found)
    if own is None:
        return Graded()
    other = read_column(*companion) if companion is not None else None
    cautions = _cautions(own.found)
    partners: list[int | None] = [None] * len(own.frames)
    if companion is not None:
        is_alike = other is not None and other.sequence == own.sequence
        partners = _partners(own, other) if other is not None and not is_alike else partners
        if not any(partner is not None for partner in partners):
            unused = WarningCode.COMPANION_ALIKE if is_alike else WarningCode.COMPANION_UNMATCHED
            cautions.append(Caution(unused))
    discs, is_t1_alone = [], False
    for i, (shape, frame) in enumerate(zip(own.found.discs, own.frames, strict=True)):
        logits = {own.sequence: _logits(model, own, i)}
        partner = partners[i]
        if other is not None and partner is not None:
            logits[other.sequence] = _logits(model, other, partner)
        is_t1_alone |= set(logits) == {Weighting.T1}
        discs.append(_disc(i + 1, shape, frame, own.grid, _grades(model.card, logits)))
    cautions += _weighting_cautions(image, is_t1_alone)
    return Graded(tuple(discs), tuple(cautions))


def renamed(discs: tuple[Disc, ...], shift: int) -> tuple[Disc, ...]:
    """Return the discs with every level name moved up (positive) or down the column.

    Parameters
    ----------
    shift : int
        1 when the lowest disc found is L4/L5; -1 when it is a disc below L5/S1,
        which then has no name.
    """
    return tuple(replace(disc, level=level_name(disc.index_from_bottom + shift)) for disc in discs)


def level_name(index_from_bottom: int) -> str | None:
    """Return the name of the disc with this number, or None beyond the list."""
    is_known = 1 <= index_from_bottom <= len(LEVELS)
    return LEVELS[index_from_bottom - 1] if is_known else None


def read_column(
    segmentation: Segmentation, image: SpineImage, found: DiscColumn | None = None
) -> GraderInput | None:
    """Find the discs of an image and cut each out; None without discs.

    Training calls this too, so that networks see the same crops and signs.
    """
    grid = SquareGrid.over(image.shape, image.pixel_aspect)
    pixels, classes = grid.resampled(image.pixels), segmentation.classes
    if found is None:
        found = find_discs(
            grid.resampled_mask(standard_mask(segmentation.mask, classes)),
            grid.resampled(segmentation.confidence),
            tells_sacrum=SACRUM in classes.values(),
        )
    if not found.discs:
        return None
    mask = grid.resampled_mask(graded_mask(segmentation.mask, classes))
    frames = frames_of(found.discs)
    crops = [cut_out(pixels, frame) for frame in frames]
    masks = [cut_out_mask(mask, frame) for frame in frames]
    signs = column_signs(found.discs, frames, crops, masks)
    sequence = image.weighting or classify_sequence(segmentation, image.pixels)
    return GraderInput(found, frames, crops, signs, sequence, grid, pixels)


def classify_sequence(segmentation: Segmentation, pixels: Array) -> str:
    """Tell "t2" from "t1" by the fluid of the canal: brighter than bone marrow only in T2."""
    mask = graded_mask(segmentation.mask, segmentation.classes)
    fluid, bone = (pixels[mask == value] for value in (CANAL, VERTEBRA))
    if not fluid.size or not bone.size:
        return "t2"
    bright, marrow = float(np.percentile(fluid, _FLUID_PERCENTILE)), float(np.median(bone))
    return "t2" if bright > _FLUID_IS_BRIGHT * max(marrow, 0.0) else "t1"


def network_input(crop: Array, card: ModelCard, bits: int = _STORED_BITS) -> Array:
    """Turn a crop of grey values into the network's batch of one, (1, h, w, 3)."""
    scaled = scale_intensity(crop, card.intensity, bits=bits, is_hounsfield=False)
    return finish_input(scaled, card.intensity)[None]


def ranked_signs(signs: Values, rule: GradingRule, sequence: str) -> Array:
    """Put signs (n, signs) on the scale of their ranks in the training data; NaN becomes 0.

    Returns
    -------
    ndarray of float32, shape (n, signs)
    """
    columns = [
        np.interp(values, np.asarray(knots), rule.knot_values)
        for values, knots in zip(signs.T, rule.sign_knots[sequence], strict=True)
    ]
    return np.asarray(np.nan_to_num(np.stack(columns, axis=1)), np.float32)


def _logits(model: LoadedModel, column: GraderInput, i: int) -> Array:
    rule = _rule(model.card)
    signs = ranked_signs(column.signs[i : i + 1], rule, column.sequence)
    outputs = model.grade(network_input(column.crops[i], model.card), signs)
    return outputs[column.sequence]


def _rule(card: ModelCard) -> GradingRule:
    if card.grading is None:
        raise ValueError(f"{card.name} grades no discs")
    return card.grading


def fused(logits: dict[str, Array], rule: GradingRule) -> tuple[str, Array]:
    """Join the logits of one or two sequences.

    Parameters
    ----------
    logits : dict
        "t2", "t1" or both, each (rows, outputs).

    Returns
    -------
    given : str
        "t2", "t1" or "t2_t1".
    joined : ndarray of float32, shape (rows, outputs)
    """
    if len(logits) == 1:
        given, values = next(iter(logits.items()))
        return given, values
    share = np.asarray(rule.weights["t1"], np.float32)
    return "t2_t1", np.asarray((1 - share) * logits["t2"] + share * logits["t1"], np.float32)


def _grades(card: ModelCard, logits: dict[str, Array]) -> tuple[DiscGrade, ...]:
    rule = _rule(card)
    given, joined = fused(logits, rule)
    return tuple(
        _without_t2(name, rule.grades[given][name], card.calibrated)
        if given == Weighting.T1 and name in NEEDS_T2
        else _grade(name, rule.grades[given][name], joined, card.calibrated)
        for name in map(GradeName, card.classes)
    )


def _without_t2(name: GradeName, rule: GradeRule, calibrated: bool) -> DiscGrade:
    return DiscGrade(name, None, (), calibrated, rule.threshold, needs_t2=True)


def _grade(name: GradeName, rule: GradeRule, joined: Array, calibrated: bool) -> DiscGrade:
    part = joined[:, rule.first_output : rule.first_output + rule.outputs]
    above = calibrated_probabilities(part[0], rule)
    probabilities = grade_probabilities(above)
    return DiscGrade(
        name=name,
        value=chosen(probabilities, rule),
        probabilities=tuple(float(p) for p in probabilities),
        calibrated=calibrated,
        threshold=rule.threshold,
        severity=severity(probabilities, rule) if rule.cuts else None,
        heatmap=_heatmap(part.mean(axis=1) * np.float32(np.sign(rule.slope))),
    )


def calibrated_probabilities(logits: Array | Values, rule: GradeRule) -> Values:
    """Return the calibrated probability of each logit; falling, for an ordinal grade."""
    z = rule.slope * logits.astype(np.float64) + np.asarray(rule.offsets)
    return np.asarray(np.minimum.accumulate(0.5 * (1 + np.tanh(0.5 * z)), axis=-1), np.float64)


def grade_probabilities(above: Values) -> Values:
    """Return the probability of each grade from those of being above it."""
    edges = np.concatenate([[1.0], above, [0.0]])
    return np.asarray(edges[:-1] - edges[1:], np.float64)


def chosen(probabilities: Values, rule: GradeRule) -> int | bool | None:
    """Return the grade that the rule chooses, None for "uncertain"."""
    low, high = rule.uncertain
    if not rule.cuts:
        p = float(probabilities[1])
        return None if low < p < high else p >= rule.threshold
    value = nearest_grade(severity(probabilities, rule))
    return value if chosen_probability(probabilities, rule) >= low else None


def chosen_probability(probabilities: Values, rule: GradeRule) -> float:
    """Return the probability of the ordinal grade that the rule chooses."""
    return float(probabilities[nearest_grade(severity(probabilities, rule)) - 1])


def severity(probabilities: Values, rule: GradeRule) -> float:
    """Return an ordinal grade between the whole ones.

    The expected grade shrinks to the middle; it is stretched so that the rule's cuts
    lie half way between grades.
    """
    count = len(probabilities)
    expected = float(probabilities @ np.arange(1, count + 1))
    return float(
        np.interp(expected, [1, *rule.cuts, count], [1, *(np.arange(1, count) + 0.5), count])
    )


def nearest_grade(value: float) -> int:
    """Round a severity to the grade, halves upwards."""
    return int(np.floor(value + 0.5))


def _heatmap(logits: Array) -> Array | None:
    """Return how far the logit falls when each place is blanked, 0..1 over the crop."""
    if len(logits) < 2:
        return None
    fall = np.maximum(logits[0] - logits[1:], 0)
    rows = CROP_SHAPE[0] // _HEATMAP_CELL_PX
    grid = fall.reshape(rows, -1) / max(float(fall.max()), 1e-6)
    size = (CROP_SHAPE[1], CROP_SHAPE[0])
    smooth = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(smooth, 0, 1), np.float32)


def _disc(
    number: int, shape: DiscShape, frame: CropFrame, grid: SquareGrid, grades: tuple[DiscGrade, ...]
) -> Disc:
    a, b, c, d, e, f = (float(value) for value in grid.matrix_to_picture(frame.to_image).ravel())
    outline, anterior, posterior, height = (
        grid.to_picture(points)
        for points in (shape.outline, shape.anterior, shape.posterior, shape.height_px * shape.down)
    )
    return Disc(
        level=level_name(number),
        index_from_bottom=number,
        outline=tuple((float(x), float(y)) for x, y in outline),
        anterior=(float(anterior[0]), float(anterior[1])),
        posterior=(float(posterior[0]), float(posterior[1])),
        height_px=float(np.hypot(*height)),
        confidence=shape.confidence,
        grades=grades,
        crop_to_image=(a, b, c, d, e, f),
    )


def _cautions(found: DiscColumn) -> list[Caution]:
    cautions = []
    if not found.is_sacrum_seen or found.is_count_doubtful:
        cautions.append(Caution(WarningCode.DISC_COUNT_UNCERTAIN))
    if found.is_upside_down:
        cautions.append(Caution(WarningCode.UPSIDE_DOWN))
    inferred = [i + 1 for i, disc in enumerate(found.discs) if disc.is_inferred]
    if inferred:
        names = tuple(level_name(i) or str(i) for i in inferred)
        cautions.append(Caution(WarningCode.DISC_INFERRED, levels=names))
    return cautions


def _weighting_cautions(image: SpineImage, is_t1_alone: bool) -> list[Caution]:
    """Tell that T1 is all there is, and that the file does not say which weighting it has."""
    told = [Caution(WarningCode.T1_ALONE)] if is_t1_alone else []
    return told if image.weighting else [*told, Caution(WarningCode.WEIGHTING_ASSUMED)]


def _partners(own: GraderInput, other: GraderInput) -> list[int | None]:
    """Return, for each disc, its number in the other picture.

    Two pictures of one field (same proportions) are matched by place; if that fails
    for most discs, or they differ, discs are matched by count from the sacrum.
    """
    turned = own.found.is_upside_down != other.found.is_upside_down
    by_place = [] if turned else _by_place(own, other)
    if by_place and sum(partner is not None for partner in by_place) * 2 >= len(by_place):
        return by_place
    return [i if i < len(other.frames) else None for i in range(len(own.frames))]


def _by_place(own: GraderInput, other: GraderInput) -> list[int | None]:
    scale = np.array(other.pixels.shape[::-1]) / np.array(own.pixels.shape[::-1])
    if abs(np.log(scale[0] / scale[1])) > _SAME_PROPORTIONS:
        return [None] * len(own.frames)
    centres = np.array([frame.centre for frame in other.frames])
    partners: list[int | None] = []
    for frame in own.frames:
        away = np.hypot(*(centres - frame.centre * scale).T)
        nearest = int(away.argmin())
        limit = _SAME_PLACE * other.frames[nearest].length_px
        partners.append(nearest if away[nearest] < limit else None)
    return partners
