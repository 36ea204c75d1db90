"""Drawn columns as a frontal film shows them, and what a network that knows them would say."""

from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import cv2
import numpy as np

from spinealign.analysis import analyze_image
from spinealign.domain.findings import Analysis, ModelStatus
from spinealign.domain.generators import run_to_end
from spinealign.domain.model_card import IntensityRule
from spinealign.frontal import FRONTAL_CLASSES, bodies
from spinealign.frontal.looks import (
    FRONTAL_LEVELS,
    LEVEL_CENTRE,
    LEVEL_SCALE,
    OFFSET_SCALE_PX,
    STRIDE,
    FrontalLook,
    as_look,
)
from spinealign.imaging.tiles import FilmWindow, Grid
from spinealign.inference.engine import LoadedModel
from spinealign.training.frontal_films import FrontalFilm, image_of
from spinealign.training.frontal_patches import (
    CENTRE,
    CORNERS,
    LEVEL,
    LEVEL_WEIGHT,
    MASK,
    OFFSETS,
    FrontalLabels,
)
from tests.cards import classifier_card
from tests.examinations import FRONTAL

TILE = (384, 192)


def drawn_corners(bend_deg=25.0, pitch=66.0, top=60.0, middle=220.0, count=17):
    """Corners (n, 4, 2) of a column that bends to both sides, its bodies square to it."""
    corners, place = [], np.array([middle, top])
    for number in range(count):
        tilt = np.deg2rad(bend_deg) * np.sin(2 * np.pi * number / (count - 1))
        size = 0.8 + 0.4 * number / count
        across = np.array([np.cos(tilt), np.sin(tilt)]) * 0.55 * pitch * size
        down = np.array([-np.sin(tilt), np.cos(tilt)]) * 0.36 * pitch * size
        corners.append([
            place - across - down, place + across - down,
            place + across + down, place - across + down,
        ])  # fmt: skip
        place = place + 2.75 * down
    return np.array(corners)


def drawn_film(name="ap_001", patient="900", corners=None, shape=(1280, 440)):
    """A film whose bodies are bright, their endplates brighter, on noise."""
    corners = drawn_corners() if corners is None else corners
    pixels = np.random.default_rng(3).integers(40, 70, shape, np.uint8)
    for body in np.ascontiguousarray(np.round(corners).astype(np.int32)):
        cv2.fillPoly(pixels, [body], 130)
        cv2.polylines(pixels, [body], True, 220, 2)
    levels = FRONTAL_LEVELS[: len(corners)]
    return FrontalFilm(name, patient, pixels, levels, corners)


def row_of(corners, name="ap_001", source="sunhl-1th-02-Jan-2017-162 A AP"):
    """A row of the data set's table."""
    row = {"name": name, "source_name": source}
    row |= {f"cobb_{n}_deg": "1.0" for n in (1, 2, 3)}
    for level, body in zip(FRONTAL_LEVELS, corners, strict=True):
        for end, point in zip(("tl", "tr", "br", "bl"), body, strict=True):
            row |= {f"{level}_{end}_{axis}": str(v) for axis, v in zip("xy", point, strict=True)}
    return row


def write_films(folder: Path, count: int = 4) -> Path:
    """Write a small data set of films, each of a patient of its own; returns it."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for number in range(count):
        corners = drawn_corners(10.0 * number)
        name = f"ap_{number:03}"
        rows.append(row_of(corners, name, f"sunhl-1th-02-Jan-2017-{162 + number} A AP"))
        pixels = drawn_film(corners=corners).pixels
        cv2.imwrite(str(folder / "images" / f"{name}.webp"), pixels)
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (folder / "landmarks.csv").write_text("\n".join(lines), "utf-8")
    return folder


@dataclass
class Oracle:
    """Stands in for looks of a network: what one that knows a film's bodies would say.

    Parameters
    ----------
    level_error : float
        Added to every level; `spread` is the uncertainty that is told.
    hidden : tuple of str
        Levels that are not seen.
    shift_px : float
        Added to every x, in the film and in its mirror image.
    """

    film: FrontalFilm
    level_error: float = 0.0
    spread: float = 0.5
    hidden: tuple[str, ...] = ()
    blank_heat: bool = False
    shift_px: float = 0.0
    looks: int = 0

    def whole_look(self, model, image):
        rows, cols = image.shape
        return self.look_at(model, image, FilmWindow(0, 0, cols, rows))

    def look_at(self, _model, image, window):
        self.looks += 1
        own = image_of(self.film).pixels
        is_mirrored = image is not None and np.array_equal(image.pixels[:, ::-1], own)
        scale = min(TILE[0] / window.shape[0], TILE[1] / window.shape[1])
        rows, cols = (round(scale * side) for side in window.shape)
        exact = (rows / window.shape[0], cols / window.shape[1])
        top, left = (TILE[0] - rows) // 2, (TILE[1] - cols) // 2
        origin = (window.left - left / exact[1], window.top - top / exact[0])
        cells = (exact[0] / STRIDE, exact[1] / STRIDE)
        grid = Grid((TILE[0] // STRIDE, TILE[1] // STRIDE), cells, origin)
        return self.look_on(grid, is_mirrored=is_mirrored)

    def look_on(self, grid: Grid, *, is_mirrored: bool = False) -> FrontalLook:
        film = self.film
        if is_mirrored:
            turned = film.corners * [-1, 1] + [film.pixels.shape[1], 0]
            film = replace(film, corners=turned[:, (1, 0, 3, 2)])
        film = replace(film, corners=film.corners + np.array([self.shift_px, 0]))
        seen = [n for n, level in enumerate(film.levels) if level not in self.hidden]
        corners = film.corners[seen]
        placed = STRIDE * grid.to_grid(corners.reshape(-1, 2)).reshape(corners.shape)
        shown = replace(film, levels=tuple(film.levels[n] for n in seen), corners=corners)
        pitch = float(np.linalg.norm(np.diff(placed.mean(axis=1), axis=0), axis=1).mean())
        labels = FrontalLabels(
            shown, placed, (STRIDE * grid.shape[0], STRIDE * grid.shape[1]), pitch
        )
        return as_look(grid, self.outputs(labels.packed()))

    def outputs(self, labels):
        heat = np.concatenate([labels[..., CORNERS], labels[..., CENTRE, None]], axis=-1)
        if self.blank_heat:
            heat[..., :4] = 0
        heat = np.clip(heat, 1e-4, 1 - 1e-4)
        body = np.where(labels[..., MASK] == 1, 4.0, -4.0)
        known = labels[..., LEVEL_WEIGHT] > 0
        level = np.where(known, labels[..., LEVEL] + self.level_error, LEVEL_CENTRE)
        told = np.where(known, np.log(self.spread), 2.0)
        return {
            "logits": np.stack([-body / 2, body / 2], axis=-1)[None].astype(np.float32),
            "corners": np.log(heat / (1 - heat))[None].astype(np.float32),
            "levels": np.stack([(level - LEVEL_CENTRE) / LEVEL_SCALE, told], axis=-1)[None],
            "offsets": labels[None, ..., OFFSETS] / np.float32(OFFSET_SCALE_PX),
        }


class NoNetwork:
    """Stands where a network is; what it would say comes from an oracle."""

    name = "oracle"


def frontal_model() -> LoadedModel:
    """A network for frontal films, validated."""
    card = replace(
        classifier_card(), name="frontal_bodies", title="Frontal bodies", task="segmentation",
        status=ModelStatus.INTERNALLY_VALIDATED, examinations=(FRONTAL.kind,), input_shape=TILE,
        intensity=IntensityRule(), classes=FRONTAL_CLASSES, positive_class=None,
        positive_output=None, threshold=None,
    )  # fmt: skip
    return LoadedModel(card, NoNetwork())


def film_analysis(store, film=None, image=None, **how) -> Analysis:
    """Analyse a drawn frontal film, of which an oracle knows all."""
    film = drawn_film() if film is None else film
    oracle = Oracle(film, **how)
    with (
        mock.patch.object(bodies, "whole_look", oracle.whole_look),
        mock.patch.object(bodies, "look_at", oracle.look_at),
    ):
        return run_to_end(analyze_image(image or image_of(film), store, FRONTAL))
