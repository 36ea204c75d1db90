"""The mask of a sagittal MR slice, from a network that is asked once or twice about it."""

from __future__ import annotations

from spinealign.domain.findings import Segmentation
from spinealign.domain.image import SpineImage
from spinealign.domain.model_card import ModelCard
from spinealign.domain.structures import STRUCTURES
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.structures import structures_on
from spinealign.predict import segment_with, segmentation_of


def looks_twice(card: ModelCard) -> bool:
    """Whether a network learned from close crops too, which its classes tell."""
    return card.classes == STRUCTURES


def segment_slice(model: LoadedModel, image: SpineImage) -> Segmentation:
    """Segment a slice at its own size, with a second look where the network is made for one."""
    if not looks_twice(model.card):
        return segment_with(model, image)
    return segmentation_of(structures_on(model, image).probabilities, model)
