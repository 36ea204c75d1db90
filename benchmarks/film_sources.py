"""How the lateral film's networks do on films of each source, the one left out above all.

Run: ``python benchmarks/film_sources.py --data DATA [--model FOLDER] [--films fold 0]``
"""

from __future__ import annotations

import argparse
import os
import pickle
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from spinealign.inference.catalog import ModelStore
from spinealign.radiograph import outline_vertebrae
from spinealign.training.film_sources import (
    VEILED_C7,
    as_text,
    figures,
    neck_part,
    score_by_corners,
)
from spinealign.training.spine_films import (
    HEAD_SOURCE,
    NECK_SOURCE,
    fold_of_spine_films,
    from_outlined,
    load_spine_films,
)
from spinealign.training.xray_data import load_films, split_films

FRAMES = {"tight": 0.35, "usual": 0.8, "wide": 1.6}


def sets(data: Path, fold: int | None):
    """Return the films of each row; `fold` keeps only the whole spines that a training left out."""
    spines = load_spine_films(data / "xray_spine_lateral")
    if fold is not None:
        aside = fold_of_spine_films([f.name for f in spines], fold)
        spines = [f for f in spines if f.name in aside]
    _, home = split_films(load_films(data / "xray_lateral"), 0.25, 7)
    necks = load_films(data / "xray_lateral_neck")
    rows = {"whole spine, full film": spines}
    for name, margin in FRAMES.items():
        rows[f"whole spine, {name} neck"] = [neck_part(f, margin) for f in spines]
    rows["whole spine, usual neck mirrored"] = [
        neck_part(f, FRAMES["usual"], is_mirrored=True) for f in spines
    ]
    rows["home, held out"] = [from_outlined(f, HEAD_SOURCE, is_continued=True) for f in home]
    rows["three necks"] = [from_outlined(f, NECK_SOURCE, is_continued=False) for f in necks]
    return rows


def finder(folder: Path | None):
    """Return the way from a film to bodies of the shipped network, or of one in training."""
    if folder is None:
        model = ModelStore().load("xray_bodies")
        return lambda image: outline_vertebrae(model, image).vertebrae
    from spinealign.radiograph.whole_column import find_bodies

    model = ModelStore([folder.parent]).load(folder.name)
    return lambda image: find_bodies(model, image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--fold", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path, help="file for the scores of every film")
    options = parser.parse_args()
    find = finder(options.model)
    kept = {}
    for name, films in sets(options.data, options.fold).items():
        if options.only not in name:
            continue
        started = time.perf_counter()
        kept[name] = [score_by_corners(find, film) for film in films]
        seconds = (time.perf_counter() - started) / len(films)
        print(f"{name}: {len(films)} films, {seconds:.2f} s a film")
        print(as_text(figures(kept[name])), flush=True)
        veiled = [s for s in kept[name] if s.name in VEILED_C7]
        if veiled and len(films) > len(veiled):
            print(f"{name}, C7 behind the shoulders: {len(veiled)} films")
            print(as_text(figures(veiled)))
            clear = [s for s in kept[name] if s.name not in VEILED_C7]
            print(f"{name}, C7 clear of the shoulders: {len(clear)} films")
            print(as_text(figures(clear)), flush=True)
    if options.keep:
        options.keep.write_bytes(pickle.dumps(kept))


if __name__ == "__main__":
    main()
