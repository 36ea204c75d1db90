"""Prediction of a loaded network on an image: mask, class probabilities or heat map."""

from __future__ import annotations

import cv2
import numpy as np

from spinealign.domain.findings import Classification, Segmentation
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.imaging.fit import Letterbox, to_network_input, unplace
from spinealign.inference.engine import Array, LoadedModel
from spinealign.measure.outlines.regions import remove_specks

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
    card = model.card
    batch, box = network_input(image, card)
    probabilities = unplace(model.segment(batch), box)
    classes = dict(enumerate(card.classes))
    del classes[0]
    mask = probabilities.argmax(axis=-1).astype(np.uint8)
    mask = remove_specks(mask, classes, MIN_PART_SHARE)
    confidence = np.take_along_axis(probabilities, mask[..., None].astype(np.intp), axis=-1)[..., 0]
    return Segmentation(model.identity, classes, mask, confidence)


def classify_with(model: LoadedModel, image: SpineImage) -> Classification:
    """Classify an image and explain the answer at the image's own size."""
    card = model.card
    batch, box = network_input(image, card)
    probabilities, activation = model.classify(batch)
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
        heatmap=None if activation is None else _heatmap(activation, box),
    )


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
