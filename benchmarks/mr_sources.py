"""How well networks outline structures on MR of each source, the one left out above all.

``python benchmarks/mr_sources.py --data DATA --cache CACHE --model models/mr_segmentation
work/models/all``: patients kept aside by every training. ``--left-out work/models`` holds
networks trained without sources: every source is then judged, on all its patients, by one that
did not see it. ``--patients 4 --slices 1`` is a quick look.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np

from spinealign.domain.image import SpineImage
from spinealign.inference.catalog import ModelStore, read_card
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.structures import mask_of, structures_on
from spinealign.predict import segment_with
from spinealign.training.mr_scores import (
    GROUPS,
    SliceScore,
    drawn_by_reader,
    edge,
    figures,
    score_slice,
)
from spinealign.training.mr_sources import (
    SOURCES,
    SPIDER,
    MrSlice,
    aside_at_home,
    is_aside,
    load_sources,
)
from spinealign.training.mr_targets import Region

HELD_OUT, SEED = 0.25, 7
GREEN, RED = (0, 220, 0), (60, 60, 255)
TILE_PX, ACROSS = 420, 6


def opened(folder: Path) -> LoadedModel:
    return ModelStore([folder.parent]).load(folder.name)


def found(model: LoadedModel, one: MrSlice, *, is_sharp: bool) -> dict[str, Region]:
    """Return what a network outlines, by class, as the program sees it."""
    image = SpineImage(one.pixels.astype(np.float32), 8, Path(one.name), "0" * 64)
    if "body" in model.card.classes:
        told = structures_on(model, image, is_sharp=is_sharp)
        return dict(mask_of(told.probabilities, model.card.classes))
    answer = segment_with(model, image)
    return {name: answer.mask == number for number, name in answer.classes.items()}


def slices_of(source: str, options: argparse.Namespace, *, is_left_out: bool) -> list[MrSlice]:
    """Return the slices that judge a network: those aside, or all where it saw none."""
    home = aside_at_home(options.data, HELD_OUT, SEED)

    def is_wanted(of: str, patient: str) -> bool:
        return is_left_out or (patient in home if of == SPIDER else is_aside(of, patient))

    slices = load_sources(options.data, options.cache, [source], is_wanted)
    by_patient: dict[str, list[MrSlice]] = defaultdict(list)
    for one in slices:
        by_patient[one.patient].append(one)
    patients = sorted(by_patient, key=lambda p: hashlib.sha256(p.encode()).digest())
    return [
        one for patient in patients[: options.patients]
        for one in middle(by_patient[patient], options.slices)
    ]  # fmt: skip


def middle(slices: Sequence[MrSlice], count: int | None) -> Sequence[MrSlice]:
    if count is None:
        return slices
    first = max((len(slices) - count) // 2, 0)
    return slices[first : first + count]


def judges(options: argparse.Namespace, source: str) -> Iterator[tuple[Path, bool]]:
    """Yield model folders that judge a source, and whether they never saw it."""
    for folder in options.model:
        yield folder, False
    folders = sorted(options.left_out.glob("*/card.json")) if options.left_out else []
    for card in folders:
        if source in (read_card(card.parent).training or {}).get("left_out", ()):
            yield card.parent, True


def told(figure: Mapping[str, float | None], digits: int) -> str:
    """Return a figure with its interval; a single patient has none."""
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None:
        return "none"
    words = f"{value:.{digits}f}"
    return words if low is None else f"{words} ({low:.{digits}f}-{high:.{digits}f})"


def report(title: str, scores: Sequence[SliceScore], seconds: float) -> None:
    patients = len({score.one.patient for score in scores})
    print(f"{title}: {patients} patients, {len(scores)} slices, {seconds:.2f} s a slice")
    for name, (dice, apart) in figures(scores).items():
        print(
            f"  {name:18} Dice {told(dice, 3)}  edges {told(apart, 2)} px",
            flush=True,
        )


def badness(score: SliceScore) -> float:
    drawn = [o.dice for o in score.overlaps.values() if o.drawn]
    return -min(drawn, default=1.0)


def contact_sheet(model: LoadedModel, worst: Sequence[SliceScore], *, is_sharp: bool) -> np.ndarray:
    """Draw slices side by side: edges of the readers green, of the network red."""
    tiles = []
    for score in worst:
        one, shown = score.one, found(model, score.one, is_sharp=is_sharp)
        grey = cv2.normalize(one.pixels, None, 0, 255, cv2.NORM_MINMAX)
        zoom = TILE_PX / max(grey.shape)
        size = (round(grey.shape[1] * zoom), round(grey.shape[0] * zoom))
        tile = cv2.cvtColor(cv2.resize(grey, size), cv2.COLOR_GRAY2BGR)
        drawn = [drawn_by_reader(one.target.allowed, bits) for bits in GROUPS.values()]
        for regions, colour in ((drawn, GREEN), (shown.values(), RED)):
            for region in regions:
                small = cv2.resize(region.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
                tile[edge(small > 0)] = colour
        text = " ".join(f"{name[:4]} {o.dice:.2f}" for name, o in score.overlaps.items())
        cv2.putText(tile, one.name, (4, 14), 0, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
        cv2.putText(tile, text, (4, 28), 0, 0.35, (255, 255, 255), 1, cv2.LINE_AA)
        pads = [(0, TILE_PX - n) for n in tile.shape[:2]]
        tiles.append(np.pad(tile, [*pads, (0, 0)]))
    while len(tiles) % ACROSS:
        tiles.append(np.zeros_like(tiles[0]))
    return np.vstack([np.hstack(tiles[i : i + ACROSS]) for i in range(0, len(tiles), ACROSS)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="as the training's own")
    parser.add_argument("--model", type=Path, nargs="*", default=[], help="judged on those aside")
    parser.add_argument("--left-out", type=Path, help="folder of models trained without sources")
    parser.add_argument("--sources", nargs="*", default=list(SOURCES))
    parser.add_argument("--patients", type=int, help="no more of each source")
    parser.add_argument("--slices", type=int, help="middle slices of a patient")
    parser.add_argument("--one-look", action="store_true", help="the first look alone")
    parser.add_argument("--worst", type=Path, help="folder for pictures of the worst slices")
    options = parser.parse_args()
    for source in options.sources:
        for folder, is_left_out in judges(options, source):
            model = opened(folder)
            slices = slices_of(source, options, is_left_out=is_left_out)
            if not slices:
                continue
            started = time.perf_counter()
            scores = [
                score_slice(one, found(model, one, is_sharp=not options.one_look))
                for one in slices
            ]  # fmt: skip
            seconds = (time.perf_counter() - started) / len(slices)
            title = f"{source}, {'never seen by' if is_left_out else 'aside,'} {folder.name}"
            report(title, scores, seconds)
            if options.worst:
                options.worst.mkdir(parents=True, exist_ok=True)
                worst = sorted(scores, key=badness, reverse=True)[: 2 * ACROSS]
                sheet = contact_sheet(model, worst, is_sharp=not options.one_look)
                cv2.imwrite(str(options.worst / f"{source}-{folder.name}.png"), sheet)


if __name__ == "__main__":
    main()
