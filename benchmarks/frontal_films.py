"""How the network for frontal films does: the challenge's angles, end vertebrae, corners, bodies.

Run: ``python benchmarks/frontal_films.py --data DATA --model FOLDER --part 0``: films of the part
that the network did not see (``held out`` for the final report), or ``--by-fold FOLDER`` with the
networks ``fold0`` to ``fold3``. Whole films, and the same cut to their thoracic and lumbar
part and set into a drawn body.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from spinealign.frontal import FrontalSpine, find_bodies
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.training.frontal_appearance import Body, whole_body
from spinealign.training.frontal_evaluate import (
    FrontalScore,
    as_text,
    bland_altman,
    by_severity,
    figures,
    score_film,
)
from spinealign.training.frontal_films import (
    FOLDER,
    FrontalFilm,
    cut_film,
    image_of,
    load_frontal,
)

GREEN, RED, YELLOW = (0, 200, 0), (60, 60, 255), (0, 220, 255)
THORACIC, LUMBAR = ("T1", "T12"), ("T10", "L5")
BODY_MARGIN = (0.45, 0.5, 0.75)
"""Room above, below and to either side of a film set into a body, in its height."""


def within_body(film: FrontalFilm) -> FrontalFilm:
    """Set a film into a drawn body, so that the column is a third of the picture."""
    rows, cols = film.pixels.shape
    top, bottom, side = (int(share * rows) for share in BODY_MARGIN)
    side = max(0, (side - cols // 2) // 2)
    corners = film.corners + np.array([side, top])
    wide = cv2.copyMakeBorder(film.pixels, top, bottom, side, side, cv2.BORDER_REPLICATE)
    shown = np.zeros(wide.shape, bool)
    shown[top : top + rows, side : side + cols] = True
    rng = np.random.default_rng(int(film.name.split("_")[-1]))
    drawn = whole_body(wide.astype(np.float32) / 255, shown, Body(corners.mean(axis=1)), rng)
    pixels = np.round(255 * drawn.clip(0, 1)).astype(np.uint8)
    return replace(film, pixels=pixels, corners=corners)


ROWS: dict[str, Callable[[FrontalFilm], FrontalFilm]] = {
    "whole film": lambda film: film,
    "thoracic part": lambda film: cut_film(film, *THORACIC),
    "lumbar part": lambda film: cut_film(film, *LUMBAR),
    "within a drawn body": within_body,
}


def judge_of(model: Path | None, by_fold: Path | None) -> Callable[[FrontalFilm], LoadedModel]:
    """Return which network judges a film: with folds the one that did not see its patient."""
    if model is not None:
        loaded = ModelStore([model.parent]).load(model.name)
        return lambda _film: loaded
    store = ModelStore([by_fold])
    return lambda film: store.load(f"fold{film.part}")


def judged(model: LoadedModel, film: FrontalFilm) -> tuple[FrontalScore, FrontalSpine]:
    started = time.perf_counter()
    spine = find_bodies(model, image_of(film))
    return score_film(film, spine, time.perf_counter() - started), spine


def badness(score: FrontalScore) -> tuple[float, float]:
    """Return what the worst films have most of: missing or misnamed bodies, then the error."""
    away = np.nan_to_num(score.answer_deg[0]) - score.truth_deg[0]
    return (score.outlined - score.named + score.strays, abs(float(away)))


def drawn(film: FrontalFilm, spine: FrontalSpine, score: FrontalScore) -> np.ndarray:
    """Draw the reader's corners green, bodies and names found red."""
    zoom = 620 / film.pixels.shape[0]
    shown = cv2.resize(film.pixels, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    tile = cv2.cvtColor(cv2.createCLAHE(2.0).apply(shown), cv2.COLOR_GRAY2BGR)
    for x, y in zoom * film.corners.reshape(-1, 2):
        cv2.circle(tile, (int(x), int(y)), 2, GREEN, -1)
    for body in spine.bodies:
        line = (zoom * body.corners).astype(np.int32)
        cv2.polylines(tile, [line], True, RED, 1, cv2.LINE_AA)
        at = (int(line[1][0]) + 3, int(line[:, 1].mean()))
        cv2.putText(tile, body.level, at, 0, 0.35, YELLOW, 1, cv2.LINE_AA)
    told = f"{film.name} {score.truth_deg[0]:.0f} {np.nan_to_num(score.answer_deg[0]):.0f}"
    cv2.putText(tile, told, (4, 16), 0, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def sheet(tiles: Sequence[np.ndarray]) -> np.ndarray:
    lines = [tiles[start : start + 10] for start in range(0, len(tiles), 10)]
    rows = [np.hstack(line) for line in lines]
    widest = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 6), (0, widest - row.shape[1]), (0, 0))) for row in rows])


def report(name: str, scores: Sequence[FrontalScore], *, is_whole: bool) -> None:
    patients = len({score.patient for score in scores})
    seconds = np.mean([score.seconds for score in scores])
    print(f"{name}: {len(scores)} films of {patients} patients, {seconds:.2f} s a film")
    print(as_text(figures(scores)), flush=True)
    if is_whole:
        for severity, group in by_severity(scores).items():
            row = figures(group)
            chosen = {key: row[key] for key in row if "error" in key or "SMAPE" in key}
            print(f" {severity}: {len(group)} films\n{as_text(chosen)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", type=Path)
    which.add_argument("--by-fold", type=Path, help="folder of the networks fold0 to fold3")
    parser.add_argument("--part", nargs="+", default=["0", "1", "2", "3"], help="or 'held out'")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--limit", type=int, help="at most so many films")
    parser.add_argument("--all-points", action="store_true", help="broken points count as well")
    parser.add_argument("--keep", type=Path, help="file for the scores of every film")
    parser.add_argument("--pictures", type=Path, help="folder for Bland-Altman and worst films")
    options = parser.parse_args()
    judge = judge_of(options.model, options.by_fold)
    films = [f for f in load_frontal(options.data / FOLDER) if f.part in options.part]
    films = [f for f in films if f.is_usable or options.all_points][: options.limit]
    kept = {}
    for name, change in ROWS.items():
        if options.only not in name:
            continue
        changed = [change(film) for film in films]
        pairs = [judged(judge(film), film) for film in changed]
        scores = [score for score, _ in pairs]
        report(name, scores, is_whole=name == "whole film")
        kept[name] = scores
        if options.pictures:
            options.pictures.mkdir(parents=True, exist_ok=True)
            stem = name.replace(" ", "-")
            (options.pictures / f"bland-altman-{stem}.png").write_bytes(bland_altman(scores))
            order = sorted(range(len(films)), key=lambda i: badness(scores[i]), reverse=True)
            tiles = [drawn(changed[i], pairs[i][1], scores[i]) for i in order[:20]]
            cv2.imwrite(str(options.pictures / f"worst-{stem}.png"), sheet(tiles))
    if options.keep:
        options.keep.write_bytes(pickle.dumps(kept))


if __name__ == "__main__":
    main()
