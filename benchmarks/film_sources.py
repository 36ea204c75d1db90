"""How the lateral film's networks do on films of each source, the one left out above all.

Run: ``python benchmarks/film_sources.py --data DATA [--model FOLDER [--fold 0]]``, or
``--by-fold FOLDER`` with the networks ``fold0``, ``fold1`` and ``fold2``: every whole-spine
film is then judged by the network that did not see it. With two folders after ``--model``, or one
beside ``--by-fold``, the program chooses between two networks as it does for a neck film.
"""

from __future__ import annotations

import argparse
import os
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np

from spinealign.domain.findings import Vertebra
from spinealign.inference.catalog import ModelStore
from spinealign.radiograph import outline_film
from spinealign.radiograph.looks import COLUMN_LEVELS
from spinealign.training.film_sources import (
    VEILED_C7,
    FilmScore,
    Finder,
    as_text,
    figures,
    films_kept_aside,
    image_of,
    neck_part,
    score_by_corners,
)
from spinealign.training.spine_films import (
    HEAD_SOURCE,
    NECK_SOURCE,
    SPINE_SOURCE,
    TrainingFilm,
    fold_by_film,
    fold_of_spine_films,
)

FRAMES = {"tight": 0.35, "usual": 0.8, "wide": 1.6}
FOLDS = 3
TILE_PX, TILES_IN_A_ROW = 620, 7
GREEN, RED, YELLOW = (0, 200, 0), (60, 60, 255), (0, 220, 255)


def sets(data: Path) -> dict[str, list[TrainingFilm]]:
    """Return the films of each row."""
    by_source = films_kept_aside(data)
    spines = by_source[SPINE_SOURCE]
    rows = {"whole spine, full film": spines}
    for name, margin in FRAMES.items():
        rows[f"whole spine, {name} neck"] = [neck_part(f, margin) for f in spines]
    rows["whole spine, usual neck mirrored"] = [
        neck_part(f, FRAMES["usual"], is_mirrored=True) for f in spines
    ]
    rows["home, held out"] = by_source[HEAD_SOURCE]
    rows["three necks"] = by_source[NECK_SOURCE]
    return rows


def finder(folders: Sequence[Path]) -> Finder:
    """Return the way from a film to bodies of the shipped network, or of others."""
    models = [ModelStore([folder.parent]).load(folder.name) for folder in folders]
    models = models or [ModelStore().load("xray_bodies")]
    return lambda image: outline_film(models, image, COLUMN_LEVELS).vertebrae


def finders(options: argparse.Namespace, spines: Sequence[str]) -> Callable[[TrainingFilm], Finder]:
    """Return which network judges a film: of a whole spine the one that did not see it."""
    if options.by_fold is None:
        find = finder(options.model)
        return lambda _film: find
    folders = [options.by_fold / f"fold{fold}" for fold in range(FOLDS)]
    by_fold = [finder([*options.model, folder]) for folder in folders]
    fold_of = fold_by_film(spines, FOLDS)
    # Other sources were left out of every fold alike, or held out; the first network judges them.
    return lambda film: by_fold[fold_of[film.name] if film.source == SPINE_SOURCE else 0]


def report(name: str, scores: Sequence[FilmScore]) -> None:
    """Print a row, and those of films with a hidden and a clear C7 apart."""
    parts = {
        "": list(scores),
        ", C7 behind the shoulders": [s for s in scores if s.name in VEILED_C7],
        ", C7 clear of the shoulders": [s for s in scores if s.name not in VEILED_C7],
    }
    is_parted = 0 < len(parts[", C7 behind the shoulders"]) < len(scores)
    for part, chosen in parts.items():
        if not part or is_parted:
            print(f"{name}{part}: {len(chosen)} films\n{as_text(figures(chosen))}", flush=True)


def badness(score: FilmScore) -> tuple[float, ...]:
    """Return what the worst films have most of."""
    corners = score.neck.corner_errors
    missed = score.neck.outlined - score.neck.matched
    return (score.whole.wrong_names + missed, float(np.median(corners)) if corners else 1.0)


def contact_sheet(
    films: Sequence[TrainingFilm], find: Callable[[TrainingFilm], Finder]
) -> np.ndarray:
    """Draw films side by side: the reader's corners green, outlines and names found red."""
    tiles = [contact_tile(film, find(film)(image_of(film))) for film in films]
    lines = [
        tiles[start : start + TILES_IN_A_ROW] for start in range(0, len(tiles), TILES_IN_A_ROW)
    ]
    rows = [np.hstack(line) for line in lines]
    widest = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 6), (0, widest - row.shape[1]), (0, 0))) for row in rows])


def contact_tile(film: TrainingFilm, found: Sequence[Vertebra]) -> np.ndarray:
    """Draw the part of a film that the reader marked, with what was found."""
    frame, width = tile_frame(film)
    shown = cv2.cvtColor(cv2.createCLAHE(2.0).apply(film.pixels), cv2.COLOR_GRAY2BGR)
    tile = cv2.warpAffine(shown, frame, (width, TILE_PX), flags=cv2.INTER_AREA)
    for body in film.bodies:
        for x, y in on_tile(frame, body.corners[np.isfinite(body.corners[:, 0])]):
            cv2.circle(tile, (int(x), int(y)), 2, GREEN, -1)
    for vertebra in found:
        line = on_tile(frame, np.array(vertebra.outline))
        cv2.polylines(tile, [line.astype(np.int32)], True, RED, 1, cv2.LINE_AA)
        at = tuple(int(v) for v in line.mean(axis=0) - (8, -4))
        cv2.putText(tile, vertebra.name, at, 0, 0.4, YELLOW, 1, cv2.LINE_AA)
    cv2.putText(tile, film.name, (4, 16), 0, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def tile_frame(film: TrainingFilm) -> tuple[np.ndarray, int]:
    """Return the matrix (2, 3) from a film to its tile, and the tile's width."""
    every = np.concatenate([body.outline for body in film.bodies])
    low, high = every.min(axis=0), every.max(axis=0)
    room = 0.15 * float((high - low).max())
    zoom = TILE_PX / float(high[1] - low[1] + 2 * room)
    frame = np.array([[zoom, 0, -zoom * (low[0] - room)], [0, zoom, -zoom * (low[1] - room)]])
    return frame, max(200, round(zoom * float(high[0] - low[0] + 2 * room)))


def on_tile(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return points (N, 2) of a film on its tile."""
    return points @ frame[:, :2].T + frame[:, 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, nargs="+", default=[])
    parser.add_argument("--by-fold", type=Path)
    parser.add_argument("--fold", type=int, help="whole spines of this fold only")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--keep", type=Path, help="file for the scores of every film")
    parser.add_argument("--worst", type=Path, help="PNG of the twenty worst films of each row")
    options = parser.parse_args()
    rows = sets(options.data)
    spines = [film.name for film in rows["whole spine, full film"]]
    find = finders(options, spines)
    kept = {}
    for name, films in rows.items():
        if options.only not in name:
            continue
        if options.fold is not None and films[0].source == SPINE_SOURCE:
            aside = fold_of_spine_films(spines, options.fold, FOLDS)
            films = [film for film in films if film.name in aside]
        started = time.perf_counter()
        scores = [score_by_corners(find(film), film) for film in films]
        print(f"{(time.perf_counter() - started) / len(films):.2f} s a film")
        report(name, scores)
        kept[name] = scores
        if options.worst:
            order = sorted(range(len(films)), key=lambda i: badness(scores[i]), reverse=True)
            sheet = contact_sheet([films[i] for i in order[:20]], find)
            stem = f"{options.worst.stem}-{name.replace(', ', '-').replace(' ', '-')}"
            cv2.imwrite(str(options.worst.with_name(f"{stem}.png")), sheet)
    if options.keep:
        options.keep.write_bytes(pickle.dumps(kept))


if __name__ == "__main__":
    main()
