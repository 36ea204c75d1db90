"""Prediction of a loaded network on an image: mask, class probabilities or heat map."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.findings import (
    Classification,
    GradedPicture,
    LabelAnswer,
    LabelledPicture,
    Segmentation,
)
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard, RegionRule
from spinealign.imaging.fit import Letterbox, to_network_input, unplace
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import Array, LoadedModel
from spinealign.measure.outlines.regions import remove_specks

SMALLEST_REGION_PX = 32
"""A region of fewer rows or columns is a speck, not a column; as the smallest picture read."""

PixelBox = tuple[slice, slice]
"""Rows and columns."""

MIN_PART_SHARE = 1e-4
"""Parts of a structure smaller than this share of the image are network noise."""


def network_input(image: SpineImage, card: ModelCard) -> tuple[Array, Letterbox]:
    """Return the batch of one that a model's card asks for, and how the image lies in it."""
    return to_network_input(
        image.pixels, card.input_shape, card.intensity,
        bits=image.bits, is_hounsfield=image.is_hounsfield, pixel_aspect=image.pixel_aspect,
    )  # fmt: skip


def segment_with(model: LoadedModel, image: SpineImage) -> Segmentation:
    """Segment an image at its own size with a loaded model."""
    batch, box = network_input(image, model.card)
    return segmentation_of(unplace(model.segment(batch), box), model)


def segmentation_of(probabilities: Array, model: LoadedModel) -> Segmentation:
    """Return the likeliest classes of a model by its probabilities (H, W, C), without specks."""
    classes = dict(enumerate(model.card.classes))
    del classes[0]
    mask = probabilities.argmax(axis=-1).astype(np.uint8)
    mask = remove_specks(mask, classes, MIN_PART_SHARE)
    confidence = np.take_along_axis(probabilities, mask[..., None].astype(np.intp), axis=-1)[..., 0]
    return Segmentation(model.identity, classes, mask, confidence)


def region_model(card: ModelCard, models: ModelStore) -> LoadedModel | None:
    """Return the segmentation that tells a classifier where to look; None if it needs none.

    Raises
    ------
    ModelError
        OTHER_REGION: it is missing, or has other weights than the card says.
    """
    if card.region is None:
        return None
    found = next((c for c in models.cards() if c.name == card.region.model), None)
    if found is None or found.sha256 != card.region.sha256:
        raise ModelError(card.name, ModelProblem.OTHER_REGION, card.region.model)
    return models.load(found.name)


def region_of(image: SpineImage, rule: RegionRule, outliner: LoadedModel) -> PixelBox:
    """Return the rows and columns of an image that a classifier sees, by what is outlined."""
    return box_around(segment_with(outliner, image).mask > 0, rule.margin)


def box_around(area: NDArray[np.bool_], margin: float) -> PixelBox:
    """Return the box around an area (H, W), wider by a share of its longer side.

    Where there is nothing, or no more than a speck, it is the whole picture.
    """
    rows, columns = (np.flatnonzero(area.any(axis=axis)) for axis in (1, 0))
    if len(rows) < SMALLEST_REGION_PX or len(columns) < SMALLEST_REGION_PX:
        return slice(0, area.shape[0]), slice(0, area.shape[1])
    ends = [(int(each[0]), int(each[-1]) + 1) for each in (rows, columns)]
    wider = round(margin * max(high - low for low, high in ends))
    sides = [
        slice(max(0, low - wider), min(side, high + wider))
        for (low, high), side in zip(ends, area.shape, strict=True)
    ]
    return sides[0], sides[1]


def classify_with(
    model: LoadedModel, image: SpineImage, outliner: LoadedModel | None = None
) -> Classification:
    """Classify an image and explain the answer at the image's own size.

    Parameters
    ----------
    model : LoadedModel
    image : SpineImage
    outliner : LoadedModel, optional
        What `region_model` returns for the model's card.

    Raises
    ------
    ModelError
        OTHER_REGION: the card asks for a region, and nobody outlines it.
    """
    card = model.card
    seen = _seen(image, card, outliner)
    probabilities, activation = model.classify(seen.batch)
    positive = card.positive_class or card.classes[-1]
    threshold = card.threshold if card.threshold is not None else 0.5
    is_positive = probabilities[card.classes.index(positive)] >= threshold
    others = [p for p in card.classes if p != positive]
    best_other = max(others, key=lambda name: probabilities[card.classes.index(name)])
    return Classification(
        model=model.identity,
        labels=card.classes,
        probabilities=probabilities,
        positive_label=positive,
        threshold=threshold,
        predicted=positive if is_positive else best_other,
        calibrated=card.calibrated,
        heatmap=None if activation is None else seen.heat(activation),
    )


def label_with(
    model: LoadedModel, image: SpineImage, outliner: LoadedModel | None = None
) -> LabelledPicture:
    """Ask a network for several findings, each of which is there or not.

    The heat map is of those that are reported: at each place the strongest of them. Parameters
    and errors are those of `classify_with`.
    """
    card = model.card
    seen = _seen(image, card, outliner)
    probabilities, maps = model.label(seen.batch)
    labels = tuple(
        LabelAnswer(name, p, card.label_rules[name].threshold, card.label_rules[name].prevalence)
        for name, p in zip(card.classes, probabilities, strict=True)
    )
    reported = [place for place, one in enumerate(labels) if one.is_present]
    heat = None
    if maps is not None and reported:
        heat = seen.heat(maps[..., reported].max(axis=-1))
    return LabelledPicture(model.identity, labels, card.calibrated, heat)


def grade_with(
    model: LoadedModel, image: SpineImage, outliner: LoadedModel | None = None
) -> GradedPicture:
    """Ask a network for the grade of a whole picture; as `classify_with`."""
    card = model.card
    seen = _seen(image, card, outliner)
    probabilities, higher = model.grade_picture(seen.batch)
    heat = None if higher is None else seen.heat(higher)
    return GradedPicture(model.identity, card.classes, probabilities, card.calibrated, heat)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a network is given of a picture, and where that lies in it."""

    batch: Array
    box: Letterbox
    region: PixelBox
    shape: tuple[int, int]

    def heat(self, activation: Array) -> Array:
        """Lay a map where it belongs; what was not looked at said nothing."""
        laid = np.zeros(self.shape, np.float32)
        laid[self.region] = _heatmap(activation, self.box)
        return laid


def _seen(image: SpineImage, card: ModelCard, outliner: LoadedModel | None) -> _Seen:
    """Return what a card says that its network sees: a region of the picture, or all of it."""
    whole = image.shape
    region: PixelBox = (slice(0, whole[0]), slice(0, whole[1]))
    if card.region is not None:
        if outliner is None:
            raise ModelError(card.name, ModelProblem.OTHER_REGION, card.region.model)
        region = region_of(image, card.region, outliner)
        image = replace(image, pixels=np.ascontiguousarray(image.pixels[region]))
    batch, box = network_input(image, card)
    return _Seen(batch, box, region, whole)


def _heatmap(activation: Array, box: Letterbox) -> Array:
    """Scale what spoke for the abnormal class to 0..1 and smooth it over the image.

    Only positive evidence is shown; 1 is the strongest place of this image, and a
    map without positive evidence stays 0 rather than being stretched to 1.
    """
    evidence = np.maximum(activation, 0).astype(np.float32)
    peak = float(evidence.max())
    if peak > 0:
        evidence /= peak
    size = (box.target_shape[1], box.target_shape[0])
    smooth = np.asarray(cv2.resize(evidence, size, interpolation=cv2.INTER_CUBIC), np.float32)
    return np.clip(unplace(np.clip(smooth, 0, 1), box), 0, 1)
