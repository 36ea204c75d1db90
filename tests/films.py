"""Made-up lateral films: straight columns of square bodies, drawn from known points."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from spinealign.training.xray_data import Film, make_body

SIDE = 30.0
LEFT = 60.0


@dataclass(frozen=True)
class ColumnShape:
    levels: tuple[str, ...] = ("C2", "C3", "C4", "C5")
    shape: tuple[int, int] = (320, 240)


def square_points(top: float, left: float = LEFT, side: float = SIDE) -> np.ndarray:
    """Eight points of a body with the face to the right: it starts anterior-superior."""
    right, middle, bottom = left + side, left + side / 2, top + side
    half = top + side / 2
    return np.array(
        [
            (right, top), (middle, top), (left, top), (left, half),
            (left, bottom), (middle, bottom), (right, bottom), (right, half),
        ]
    )  # fmt: skip


def c2_points(bottom: float, left: float = LEFT, side: float = SIDE) -> np.ndarray:
    right, middle, tip = left + side, left + side / 2, bottom - 2.2 * side
    return np.array(
        [
            (left, bottom), (middle, bottom), (right, bottom), (right, bottom - side / 2),
            (right, bottom - side), (right - 6, bottom - 1.7 * side), (middle, tip),
            (left + 6, bottom - 1.7 * side), (left, bottom - side), (left, bottom - side / 2),
        ]
    )  # fmt: skip


def points_of(column: ColumnShape = ColumnShape()) -> dict[str, np.ndarray]:
    bottom = 20 + 2.2 * SIDE
    points = {"C2": c2_points(bottom)}
    for place, level in enumerate(column.levels[1:]):
        points[level] = square_points(bottom + 8 + place * (SIDE + 8))
    return points


def write_sources(folder: Path) -> Path:
    """Write a small folder of every source of lateral films; returns it."""
    from tests.core.test_spine_films import spine_points

    for name in range(4):
        write_film(folder / "xray_lateral", f"{name:03}")
    write_film(folder / "xray_lateral_neck", "neck")
    spine = folder / "xray_spine_lateral"
    (spine / "images").mkdir(parents=True)
    rows = [f"{n},{key},{x},{y}" for n in range(3) for key, (x, y) in spine_points().items()]
    (spine / "landmarks.csv").write_text("\n".join(["name,point,x,y", *rows]), "utf-8")
    for n in range(3):
        cv2.imwrite(str(spine / "images" / f"{n}.webp"), make_film().pixels)
    return folder


def make_film(column: ColumnShape = ColumnShape(), name: str = "made up") -> Film:
    bodies = tuple(make_body(level, p, False) for level, p in points_of(column).items())
    pixels = np.full(column.shape, 60, np.uint8)
    for body in bodies:
        cv2.fillPoly(pixels, [np.round(body.outline).astype(np.int32)], 180)
    noise = np.random.default_rng(0).integers(0, 20, column.shape)
    return Film(name, (pixels + noise).astype(np.uint8), bodies, (), "good")


def write_film(
    folder, name: str, column: ColumnShape = ColumnShape(), uncertain: tuple[str, ...] = ()
):
    film = make_film(column)
    for part in ("images", "annotations"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / f"{name}.png"), film.pixels)
    record = {
        "image": f"{name}.png",
        "vertebrae": {level: p.tolist() for level, p in points_of(column).items()},
        "cut": ["C6"],
        "uncertain": list(uncertain),
    }
    (folder / "annotations" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
