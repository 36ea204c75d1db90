"""Image type predicted from the pixels, as stored and rotated by quarter turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spinealign.domain.examination import ImageKind
from spinealign.domain.image import SpineImage
from spinealign.inference.engine import LoadedModel
from spinealign.predict import network_input


@dataclass(frozen=True)
class KindPrediction:
    """How a picture looks to the gate.

    Parameters
    ----------
    probabilities : mapping of ImageKind to float
        Summing to 1.
    ood_distance : float
        Distance from the nearest pictures of analysed kinds that the gate learned from.
    """

    probabilities: Mapping[ImageKind, float]
    ood_distance: float


def classify_kind(image: SpineImage, model: LoadedModel) -> KindPrediction:
    """Show an image to the gate."""
    probabilities, ood_distance = model.recognise(network_input(image, model.card)[0])
    kinds = (ImageKind(name) for name in model.card.classes)
    return KindPrediction(dict(zip(kinds, probabilities, strict=True)), ood_distance)
