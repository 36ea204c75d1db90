"""Films of the spine for the gate: lateral necks, lateral whole spines and frontal ones, in parts.

What a part of a whole lateral spine is called follows from what can be measured on it: with C2 to
C7 and not below the chest a lateral neck film, from C7 or above down to the sacrum a lateral whole
spine, and parts without the neck (thoracic, lumbar) another radiograph.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from spinealign.domain.examination import ImageKind
from spinealign.training.dataset import read_grey
from spinealign.training.film_sources import NECK_LEVELS, neck_part
from spinealign.training.gate_data import LONGEST_PX, Box, GatePicture, Grey, shrunk
from spinealign.training.gate_oblique import imitations
from spinealign.training.spine_bodies import unlabelled_films
from spinealign.training.spine_films import (
    HEAD_SOURCE,
    NECK_SOURCE,
    TrainingFilm,
    from_outlined,
    load_spine_films,
)
from spinealign.training.xray_data import AnnotatedBody, load_films

Rng = np.random.Generator
HOME, NECKS, UNLABELLED = "xray_lateral", "xray_lateral_neck", "xray_lateral_unlabelled"
SPINES, FRONTAL = "xray_spine_lateral", "xray_spine_ap"
LATERAL_SOURCES = (HOME, UNLABELLED, NECKS, SPINES)
"""Each is left out whole when it is measured on."""

MARGINS = (0.35, 0.8, 1.6)
"""Room around a neck that is cut out, in lengths of C2 to C7: tight, usual, wide."""

_ROOM = 0.04
_USUAL_BOX: Box = (0.15, 0.1, 0.95, 0.7)
"""Where the neck stands on films that nobody outlined."""


def lateral_films(data: Path, work: Path) -> dict[str, list[TrainingFilm]]:
    """Load the lateral films of each source, those without a reader outlined by the network."""
    home, necks = (load_films(data / name) for name in (HOME, NECKS))
    return {
        HOME: [from_outlined(film, HEAD_SOURCE, is_continued=True) for film in home],
        NECKS: [from_outlined(film, NECK_SOURCE, is_continued=False) for film in necks],
        UNLABELLED: unlabelled_films(data, work),
        SPINES: load_spine_films(data / SPINES),
    }


def lateral_pictures(
    films: dict[str, list[TrainingFilm]], data: Path, rng: Rng
) -> Iterator[GatePicture]:
    """Return lateral necks of all sources, lateral whole spines, and their other parts."""
    for source in (HOME, NECKS):
        for film in films[source]:
            yield _picture(film, source, film.name, ImageKind.LATERAL_FILM)
    known = {film.name: film for film in films[UNLABELLED]}
    for path in sorted((data / UNLABELLED).glob("*.webp")):
        # Films that the network did not outline are films all the same.
        outlined = known.get(path.stem)
        keep = _USUAL_BOX if outlined is None else _box(outlined.bodies, outlined.pixels)
        pixels = shrunk(read_grey(path))
        yield GatePicture(
            pixels, ImageKind.LATERAL_FILM, UNLABELLED, f"{UNLABELLED}/{path.stem}", keep
        )
    for film in films[SPINES]:
        yield from _parts_of_spine(film, rng)


def _parts_of_spine(film: TrainingFilm, rng: Rng) -> Iterator[GatePicture]:
    yield _picture(film, SPINES, film.name, ImageKind.LATERAL_WHOLE_SPINE)
    for level in ("C4", "C7"):
        part = _rows(film, level, "S1", rng)
        yield _picture(part, f"{SPINES}_part", film.name, ImageKind.LATERAL_WHOLE_SPINE)
    for margin in MARGINS:
        for is_mirrored in (False, True):
            neck = neck_part(film, margin * rng.uniform(0.85, 1.15), is_mirrored=is_mirrored)
            yield _picture(neck, f"{SPINES}_neck", film.name, ImageKind.LATERAL_FILM)
    for top, bottom in (("T4", "L1"), ("T6", "S1"), ("T12", "S1")):
        part = _rows(film, top, bottom, rng)
        yield GatePicture(
            shrunk(part.pixels), ImageKind.OTHER_RADIOGRAPH, f"{SPINES}_trunk",
            f"{SPINES}/{film.name}", is_made=True,
        )  # fmt: skip


def _rows(film: TrainingFilm, first: str, last: str, rng: Rng) -> TrainingFilm:
    """Cut the film across, above one body and some way below another."""
    bodies = {body.level: body for body in film.bodies}
    height = float(np.ptp(bodies[first].outline[:, 1]))
    top = float(bodies[first].outline[:, 1].min()) - rng.uniform(0.2, 1.0) * height
    bottom = float(np.nanmax(bodies[last].corners[:, 1])) + rng.uniform(0.5, 4.0) * height
    y0, y1 = max(0, int(top)), min(film.pixels.shape[0], int(bottom))
    kept = film.bodies[[b.level for b in film.bodies].index(first) :]
    kept = tuple(_shifted(body, (0, y0)) for body in kept if np.nanmax(body.corners[:, 1]) < y1)
    return replace(film, pixels=np.ascontiguousarray(film.pixels[y0:y1]), bodies=kept)


def _shifted(body: AnnotatedBody, offset: tuple[int, int]) -> AnnotatedBody:
    return replace(body, outline=body.outline - offset, corners=body.corners - offset)


def _picture(film: TrainingFilm, source: str, name: str, kind: ImageKind) -> GatePicture:
    root = source.removesuffix("_part").removesuffix("_neck")
    return GatePicture(
        shrunk(film.pixels), kind, source, f"{root}/{name}", _box(film.bodies, film.pixels)
    )


def _box(bodies: Sequence[AnnotatedBody], pixels: Grey) -> Box:
    """Return where bodies lie, with some room around them."""
    points = np.concatenate([body.outline for body in bodies])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    room = _ROOM * (bottom - top)
    rows, cols = pixels.shape
    return (
        max(0.0, (top - room) / rows), max(0.0, (left - room) / cols),
        min(1.0, (bottom + room) / rows), min(1.0, (right + room) / cols),
    )  # fmt: skip


def frontal_pictures(data: Path, rng: Rng) -> Iterator[GatePicture]:
    """Return standing frontal films of the spine: uncut, and one part of each.

    Parts are the upper half, the lower half and the chest from side to side.
    """
    with (data / FRONTAL / "landmarks.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for number, row in enumerate(rows):
        pixels = read_grey(data / FRONTAL / "images" / f"{row['name']}.webp")
        patient = re.search(r"-(\d+) [A-Z]", row["source_name"])
        group = f"{FRONTAL}/{patient[1] if patient else row['source_name']}"
        yield GatePicture(shrunk(pixels), ImageKind.FRONTAL_FILM, FRONTAL, group)
        high = pixels.shape[0]
        top, bottom = {
            "upper": (0.0, rng.uniform(0.45, 0.65)),
            "lower": (rng.uniform(0.4, 0.6), 1.0),
            "chest": (0.0, pixels.shape[1] / high),
        }[part := ("upper", "lower", "chest")[number % 3]]
        cut = np.ascontiguousarray(pixels[int(top * high) : int(bottom * high)])
        yield GatePicture(shrunk(cut), ImageKind.FRONTAL_FILM, f"{FRONTAL}_{part}", group)


def redrawn_pictures(
    films: dict[str, list[TrainingFilm]], rng: Rng, *, is_oblique: bool
) -> Iterator[GatePicture]:
    """Return necks drawn anew, oblique ones or lateral ones: drawing alone must tell nothing."""
    kind = ImageKind.OBLIQUE_FILM if is_oblique else ImageKind.LATERAL_FILM
    times = {HOME: 2, UNLABELLED: 2, NECKS: 8, SPINES: 9}
    for source, count in times.items():
        count = count if is_oblique else max(1, count // 2)
        # Framed as necks are: on a whole head film foramina would be too small to be seen.
        chosen = [
            neck_part(film, rng.uniform(0.3, 1.5)) for film in films[source] for _ in range(count)
        ]
        kept = [small(film) for film in chosen]
        for film, drawn in imitations(kept, 1, rng, is_oblique=is_oblique):
            keep = _box([b for b in film.bodies if b.level in NECK_LEVELS], film.pixels)
            name = f"{source}_{'oblique' if is_oblique else 'redrawn'}"
            yield GatePicture(
                drawn.astype(np.uint8), kind, name, f"{source}/{film.name}", keep, is_made=True
            )


def small(film: TrainingFilm) -> TrainingFilm:
    """Shrink a film with its bodies to the size that is kept."""
    factor = min(1.0, LONGEST_PX / max(film.pixels.shape))
    size = tuple(max(1, round(side * factor)) for side in film.pixels.shape[::-1])
    pixels = np.asarray(cv2.resize(film.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    bodies = tuple(
        replace(b, outline=b.outline * factor, corners=b.corners * factor) for b in film.bodies
    )
    return replace(film, pixels=pixels, bodies=bodies)
