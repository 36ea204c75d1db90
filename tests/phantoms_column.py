"""The drawn whole spine, and a fake network of the whole column that sees it ideally."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import Examination
from spinealign.domain.findings import LandmarkName
from spinealign.inference.engine import LoadedModel
from spinealign.measure.outlines.corners import CORNERS
from spinealign.radiograph.looks import (
    COLUMN_CLASSES,
    COLUMN_LEVELS,
    FIRST_LEVEL_NUMBER,
    LEVEL_CENTRE,
    LEVEL_SCALE,
)
from tests.examinations import LATERAL_NECK, WHOLE_SPINE
from tests.phantoms_spine import SPACING_MM, WIDTH_PX, on_film
from tests.phantoms_xray import DrawnBody, DrawnColumn, IdealEngine, Points, _covered, xray_card
from tools.phantoms.spine_anatomy import draw_spine

SHAPE = (1500, WIDTH_PX)
_STRIP = 0.45
"""Part of the sacrum that is S1, in heights of the drawing's S1."""


def draw_whole_spine(first: str = "C2", last: str = "S1") -> DrawnColumn:
    """Return bodies on a film of half-millimetre pixels; the patient looks to the left."""
    bodies = tuple(_body(body) for body in draw_spine().bodies)
    names = [body.level for body in bodies]
    return DrawnColumn(bodies[names.index(first) : names.index(last) + 1], SHAPE)


def _body(drawn) -> DrawnBody:
    outline = np.array([on_film(place) for place in drawn.outline_mm])
    corners = np.full((4, 2), np.nan)
    for channel, name in enumerate(CORNERS):
        lacks = drawn.level == "S1" and name.endswith("inferior")
        if LandmarkName(name).value in drawn.corners_mm and not lacks:
            corners[channel] = on_film(drawn.corners_mm[LandmarkName(name).value])
    if drawn.level == "S1":
        outline = _strip(drawn)
    return DrawnBody(drawn.level, outline, corners)


def _strip(sacrum) -> Points:
    """Return the part of the sacrum below its endplate."""
    front, back, low_back, low_front = (
        np.array(on_film(sacrum.corners_mm[LandmarkName(name).value])) for name in CORNERS
    )
    return np.array(
        [front, back, back + _STRIP * (low_back - back), front + _STRIP * (low_front - front)]
    )


@dataclass
class IdealColumnEngine(IdealEngine):
    """Tells C2, other bodies and S1, corners and levels, as an ideal network would.

    `levels_off` is added to all levels, and `spread` is how unsure it says it is of them.
    """

    levels_off: float = 0.0
    spread: float = 0.4
    last: tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]] | None = None

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Answer for a window, or for the mirror image of the window before."""
        canvas = batch[0, ..., 0]
        if self.last is not None and np.array_equal(canvas[:, ::-1], self.last[0]):
            return {name: answer[:, :, ::-1] for name, answer in self.last[1].items()}
        answers = self._answer(canvas)
        self.last = (canvas.copy(), answers)
        return answers

    def _answer(self, canvas: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        turns = _quarter_turns(canvas)
        answers = self._upright(np.rot90(canvas, -turns))
        return {
            name: np.ascontiguousarray(np.rot90(answer[0], turns))[None]
            for name, answer in answers.items()
        }

    def _upright(self, canvas: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        canvas = canvas.astype(np.float64) * 255
        matrix, column = self._where(canvas), self.column
        above = replace(self, column=column.without("S1"))
        bone, c2 = above._bone(matrix, canvas.shape)
        sacrum = [body.outline for body in column.bodies if body.level == "S1"]
        s1 = column.certainty * _covered(sacrum, matrix, canvas.shape)
        odds = np.stack([1 - bone - s1, c2, bone - c2, s1], axis=-1).clip(1e-4, 1)
        heat = self._heat(matrix, canvas.shape).clip(1e-4, 1 - 1e-4)
        levels = self._levels(matrix, canvas.shape)
        return {
            "logits": np.log(odds)[None].astype(np.float32),
            "corners": np.log(heat / (1 - heat))[None].astype(np.float32),
            "levels": levels[None].astype(np.float32),
        }

    def _levels(self, matrix: NDArray[np.float64], shape: tuple[int, ...]) -> Points:
        bodies = self.column.bodies
        found = np.full((*shape, 2), np.log(self.spread))
        numbers = [COLUMN_LEVELS.index(body.level) + FIRST_LEVEL_NUMBER for body in bodies]
        if not bodies:
            return np.zeros((*shape, 2))
        centres = np.array([body.outline.mean(axis=0) for body in bodies])
        places = centres @ matrix[:, :2].T + matrix[:, 2]
        y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
        apart = np.stack([np.hypot(x - px, y - py) for px, py in places])
        number = np.array(numbers)[apart.argmin(axis=0)] + self.levels_off
        found[..., 0] = (number - LEVEL_CENTRE) / LEVEL_SCALE
        return found


def _quarter_turns(canvas: NDArray[np.float32]) -> int:
    """Return by how many turns to the left a window of `film_of` was turned.

    Its greys grow to the right and downwards on the film as it was.
    """
    inside = np.pad((canvas > 0.01)[4:-4, 4:-4], 4)
    rows, cols = np.nonzero(inside)
    middle = canvas[int(rows.mean()) - 3 : int(rows.mean()) + 4, int(cols.mean()) - 3 :][:, :7]
    grows = (np.diff(middle, axis=1).mean() > 0, np.diff(middle, axis=0).mean() > 0)
    return {(True, True): 0, (True, False): 1, (False, False): 2, (False, True): 3}[grows]


def column_model(column: DrawnColumn, examination: Examination = WHOLE_SPINE, **looks):
    """Return a loaded model of the whole column that sees `column` ideally."""
    card = replace(
        xray_card(), name="column", classes=COLUMN_CLASSES,
        examinations=(LATERAL_NECK.kind, examination.kind),
    )  # fmt: skip
    return LoadedModel(card, IdealColumnEngine(column, **looks))


__all__ = ["SHAPE", "SPACING_MM", "column_model", "draw_whole_spine"]
