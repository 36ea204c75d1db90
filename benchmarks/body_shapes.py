"""Shapes of the cervical bodies that people outlined on training films, in heights of a body.

``python benchmarks/body_shapes.py DATA``: DATA is the folder ``xray_lateral``. The rules that
find bodies on a film (`spinealign.measure.outlines`) hold limits of sizes, distances and bends;
this prints what the outlines of the training films reach, so that a limit can be compared with
anatomy. A height is the mean height of a film's bodies below C2.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from spinealign.measure.geometry.outline_points import centroid, polygon_area
from spinealign.training.xray import XrayRecipe
from spinealign.training.xray_data import AnnotatedBody, Film, load_films, split_films

LONGEST_PX = 1024
FINER = 8
"""Pixels of the drawn outline to a pixel of the film, for the inscribed circle."""


def main() -> None:
    """Print the spread of every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    recipe = XrayRecipe()
    films = load_films(parser.parse_args().data, LONGEST_PX)
    training, _ = split_films(films, recipe.held_out_fraction, recipe.seed)
    figures: dict[str, list[float]] = defaultdict(list)
    for film in training:
        for name, value in shapes(film):
            figures[name].append(value)
    print(f"{len(training)} training films; number, mean, and 0, 1, 5, 50, 95, 99, 100 %")
    for name, values in figures.items():
        spread = " ".join(f"{v:6.3f}" for v in np.percentile(values, (0, 1, 5, 50, 95, 99, 100)))
        print(f"{name:32} {len(values):4d} {np.mean(values):6.3f} | {spread}")


def shapes(film: Film) -> Iterator[tuple[str, float]]:
    """Yield figures of a film's bodies and of neighbours, by name."""
    height = film.height_px
    for body in film.bodies:
        which = "C2" if body.level == "C2" else "body"
        yield f"area, {which}", polygon_area(body.outline) / height**2
        if which == "body":
            yield "height / inscribed radius", body.height_px / inscribed_radius(body)
            for front, back in ((0, 1), (3, 2)):
                yield "endplate", _distance(body.corners[front], body.corners[back]) / height
    centres = [centroid(body.outline) for body in film.bodies]
    for upper, lower in pairwise(film.bodies):
        apart = _distance(centroid(upper.outline), centroid(lower.outline)) / height
        yield f"centres, {'C2 and C3' if upper.level == 'C2' else 'others'}", apart
        yield "gap of facing endplates", _gap(upper, lower) / height
        if upper.level != "C2":
            areas = polygon_area(upper.outline), polygon_area(lower.outline)
            yield "ratio of areas", max(areas) / min(areas)
    for one, two, three in zip(centres, centres[1:], centres[2:], strict=False):
        before, after = two - one, three - two
        yield "cosine of bend", float(before @ after) / _distance(one, two) / _distance(two, three)


def inscribed_radius(body: AnnotatedBody) -> float:
    """Return the radius of the largest circle inside an outline, in pixels of the film."""
    low = body.outline.min(axis=0)
    points = np.round((body.outline - low) * FINER + FINER).astype(np.int32)
    drawn = np.zeros(tuple(points.max(axis=0)[::-1] + FINER), np.uint8)
    cv2.fillPoly(drawn, [points], 1)
    depth = cv2.distanceTransform(drawn, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(depth.max()) / FINER


def _gap(upper: AnnotatedBody, lower: AnnotatedBody) -> float:
    return _distance(upper.corners[2:].mean(axis=0), lower.corners[:2].mean(axis=0))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.hypot(*(one - other)))


if __name__ == "__main__":
    main()
