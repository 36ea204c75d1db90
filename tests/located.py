"""A network that places named points on pictures with a bright and a faint spot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from spinealign.domain.findings import (
    Analysis,
    LocatedPoints,
    ModelIdentity,
    ModelStatus,
)
from spinealign.domain.image import SpacingSource, SpineImage
from spinealign.domain.landmarks import NamedPoint
from spinealign.domain.model_card import IntensityRule, LandmarkRule, ModelCard
from spinealign.inference.engine import LoadedModel
from tests.cards import classifier_card
from tests.examinations import LATERAL_NECK

NAMES = ("top left", "low right", "nowhere")
BRIGHT, FAINT = (37.3, 21.8), (81.6, 118.4)
"""(x, y) of the spots in `spotted`."""


class GreySpots:
    """Sees the bright spot surely, the faint one a little, and the third point nowhere."""

    name = "spots"

    def run(self, batch, **_):
        grey = batch[0, ..., 0]
        side = (grey.shape[0] // 2, 2, grey.shape[1] // 2, 2)
        cells = grey.reshape(side).mean(axis=(1, 3))
        away = cv2.dilate(cells, np.ones((15, 15), np.uint8)) < 0.75
        faint = 0.3 * away * (cells - 0.52) / 0.14
        heat = np.stack([0.9 * (cells - 0.6) / 0.4, faint, np.zeros_like(cells)], axis=-1)
        heat = np.clip(heat, 1e-4, 1)[None]
        return {"points": np.log(heat / (1 - heat)).astype(np.float32)}


def point_card(**changes) -> ModelCard:
    card = replace(
        classifier_card(), name="spots", title="Two spots", task="landmarks", classes=NAMES,
        landmarks=LandmarkRule(zoom=2.0, stride=2, search_cells=4.0, least_peak=0.1),
        input_shape=(128, 128), intensity=IntensityRule(), examinations=(LATERAL_NECK.kind,),
        positive_class=None, positive_output=None, threshold=None,
        status=ModelStatus.INTERNALLY_VALIDATED,
    )  # fmt: skip
    return replace(card, **changes)


def point_model(**changes) -> LoadedModel:
    return LoadedModel(point_card(**changes), GreySpots())


def spotted(**changes) -> SpineImage:
    """A lateral film of nothing but two spots, higher than wide, 0.5 by 0.25 mm a pixel."""
    down, across = np.indices((160, 120)) + 0.5
    pixels = np.full((160, 120), 128.0)
    for (x, y), height in ((BRIGHT, 120), (FAINT, 40)):
        pixels += height * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * 4**2))
    image = SpineImage(
        pixels.astype(np.float32), 8, Path("film.png"), "4" * 64,
        possible_examinations=(LATERAL_NECK,),
        spacing_mm=(0.5, 0.5), spacing_source=SpacingSource.PATIENT_PLANE,
    )  # fmt: skip
    return replace(image, **changes)


def located(model: ModelIdentity | None = None) -> LocatedPoints:
    """What the network says of `spotted`, to a hundredth of a pixel."""
    return LocatedPoints(
        model or point_model().identity,
        (NamedPoint(NAMES[0], *BRIGHT, 0.87), NamedPoint(NAMES[1], *FAINT, 0.28, is_sure=False)),
        (NAMES[2],),
        0.5,
    )


def with_points(analysis: Analysis, found: LocatedPoints | None = None) -> Analysis:
    """Return an analysis on which a model placed points, too."""
    found = found or located()
    return replace(analysis, located=found, models=(*analysis.models, found.model))
