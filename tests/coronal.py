"""Columns of a frontal film by the tilts of their bodies, and what is measured of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spinealign.domain.examination import LUMBAR_LEVELS, THORACIC_LEVELS, Plane
from spinealign.domain.findings import (
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.measurements import Drawing, IntervalRule, Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.domain.presentation import Presentation
from spinealign.measure.alignment import MEASURED_IN, MeasuredBodies, measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from tests.examinations import FRONTAL
from tests.phantoms import xray_analysis

LEVELS = (*THORACIC_LEVELS, *LUMBAR_LEVELS)
RING = (
    LandmarkName.SUPERIOR_LEFT, LandmarkName.SUPERIOR_RIGHT,
    LandmarkName.INFERIOR_RIGHT, LandmarkName.INFERIOR_LEFT,
)  # fmt: skip
WIDTH, HEIGHT, PITCH = 60.0, 40.0, 55.0
DOUBLE = [0, -6, -14, -20, -24, -20, -12, 0, 12, 22, 26, 20, 8, -4, -10, -6, 0]
"""A thoracic curve to the right between T5 and T11 and a lumbar one to the left down to L3."""


TWO_THORACIC = [-7, -8, -10, -6, -2, 2, 6, 10, 2, -8, -16, -20, -16, -10, -4, 0, 0]
"""A thoracic curve of 20 degrees to the right from T3 to T8, one of 30 to the left down to T12, and
a third one below."""

UPPER_IS_LARGER = [-17, -18, -20, -12, -4, 4, 12, 20, 12, 4, -2, -5, -2, 0, 0, 0, 0]
"""Two thoracic curves of which the upper one, from T3 to T8, is the larger."""


def column(tilts: list[float]) -> np.ndarray:
    """Return bodies with parallel endplates and these tilts, each below the one before."""
    place, found = np.array([300.0, 50.0]), []
    for tilt in tilts:
        angle = np.radians(tilt)
        across = np.array([np.cos(angle), np.sin(angle)])
        down = np.array([-np.sin(angle), np.cos(angle)])
        found.append(
            [
                place - across * WIDTH / 2 - down * HEIGHT / 2,
                place + across * WIDTH / 2 - down * HEIGHT / 2,
                place + across * WIDTH / 2 + down * HEIGHT / 2,
                place - across * WIDTH / 2 + down * HEIGHT / 2,
            ]
        )
        place = place + down * PITCH
    return np.array(found)


def bodies(corners: np.ndarray, levels: tuple[str, ...] = LEVELS) -> tuple[Vertebra, ...]:
    return tuple(
        Vertebra(
            level, number, tuple((float(x), float(y)) for x, y in ring),
            tuple(
                Landmark(name, float(x), float(y), 0.8, LandmarkSource.NETWORK)
                for name, (x, y) in zip(RING, ring, strict=True)
            ),
            0.9, VertebraState.COMPLETE,
        )
        for number, (level, ring) in enumerate(zip(levels, corners, strict=True), start=1)
    )  # fmt: skip


def all_measures(
    found: tuple[Vertebra, ...], drawings: tuple[Drawing, ...] = (), upright_deg: float = 0.0,
    spacing: tuple[float, float] | None = None,
) -> list[Measurement]:  # fmt: skip
    geometry = PixelGeometry(spacing, spacing is not None, upright_deg)
    work = MeasuredBodies(found, None, geometry, None, None, drawings, IntervalRule(), None, 1280)
    return MEASURED_IN[Plane.CORONAL](work)


def measured(
    found: tuple[Vertebra, ...], drawings: tuple[Drawing, ...] = (), upright_deg: float = 0.0,
    spacing: tuple[float, float] | None = None,
) -> dict[MeasureCode, Measurement]:  # fmt: skip
    taken = all_measures(found, drawings, upright_deg, spacing)
    return {one.code: one for one in taken}


def analysis_of(corners: np.ndarray, directions=None, drawings=(), levels=LEVELS, **presented):
    """Return the analysis of a frontal film with these bodies; directions as in its file."""
    found = bodies(corners, levels)
    before = xray_analysis()
    image = replace(before.image, orientation=directions, presentation=Presentation(**presented))
    measures = measure_alignment(
        found, None, PixelGeometry.of(image), FRONTAL, drawings=drawings, picture_rows=1280
    )
    return replace(
        before, image=image, examination=FRONTAL, vertebrae=found, measurements=measures
    )  # fmt: skip
