"""Measures of sagittal MR from the network's mask against those from outlines drawn by people.

``python benchmarks/mr_bodies.py DATA``: DATA is a folder as ``spinealign train mr-segmentation``
takes it. The same code measures both masks of the middle slices of the held-out patients, so
the differences are the network's, and not those of how corners are found. Bodies are paired
by place; levels that were counted otherwise are told apart from measures that differ.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import Vertebra, VertebraState
from spinealign.inference.catalog import ModelStore
from spinealign.lumbar.segmenting import segment_slice
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.measure.outlines.canal import canal_of
from spinealign.measure.outlines.mr_bodies import MrColumn, bodies_from_mask
from spinealign.training.dataset import LabelledSlice, load_mr_segmentation, split_patients
from spinealign.training.evaluate import as_image, bootstrap

CLASSES = {1: "vertebra", 2: "disc", 3: "canal"}
CANAL = 3
HELD_OUT, SEED = 0.25, 7
SAME_BODY = 0.4


@dataclass(frozen=True)
class Difference:
    """Predicted less drawn; `half_interval` is half of the 95 % interval that was given."""

    patient: str
    value: float
    half_interval: float = float("nan")


Table = dict[str, list[Difference]]


def main() -> None:
    """Measure both masks of every slice and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=Path("models/mr_segmentation"))
    parser.add_argument("--slices", type=int, default=3, help="middle slices of a patient")
    options = parser.parse_args()
    model = ModelStore([options.model.parent]).load(options.model.name)
    measures: Table = defaultdict(list)
    landmarks: Table = defaultdict(list)
    counting: dict[str, set[str]] = defaultdict(set)
    for one in middle_slices(load_mr_segmentation(options.data), options.slices):
        found = segment_slice(model, as_image(one))
        pixels = one.pixels.astype(np.float32)
        sure = np.ones(one.mask.shape, np.float32)
        drawn = bodies_from_mask(one.mask, CLASSES, sure, pixels)
        own = bodies_from_mask(found.mask, found.classes, found.confidence, pixels)
        pairs = matched(drawn.vertebrae, own.vertebrae)
        counting[how_counted(pairs)].add(one.name)
        own = replace(own, vertebrae=tuple(replace(b, level=a.level) for a, b in pairs))
        for name, difference in measured(one, drawn, own, canal_of(found)):
            measures[name].append(difference)
        for name, difference in placed(one.patient, pairs):
            landmarks[name].append(difference)
    print_measures(measures)
    print_landmarks(landmarks)
    for outcome, names in sorted(counting.items()):
        print(f"levels {outcome}: {len(names)} slices")


def middle_slices(slices: Sequence[LabelledSlice], count: int) -> Iterator[LabelledSlice]:
    """Yield the middle slices of every held-out patient."""
    _, held = split_patients([one.patient for one in slices], HELD_OUT, SEED)
    for patient in sorted(held):
        own = sorted((s for s in slices if s.patient == patient), key=lambda s: s.name)
        first = max((len(own) - count) // 2, 0)
        yield from own[first : first + count]


def matched(drawn: Sequence[Vertebra], own: Sequence[Vertebra]) -> list[tuple[Vertebra, Vertebra]]:
    """Return the bodies of two columns that lie at the same place, from the top."""
    height = typical_height(drawn)
    pairs = []
    for body in drawn:
        near = [other for other in own if apart(body, other) < SAME_BODY * height]
        if near:
            pairs.append((body, min(near, key=lambda other: apart(body, other))))
    return pairs


def how_counted(pairs: Sequence[tuple[Vertebra, Vertebra]]) -> str:
    """Return whether the network's mask gives the bodies the levels of the drawn one."""
    if any(body.level is None or other.level is None for body, other in pairs):
        return "left open on either mask"
    is_same = all(body.level == other.level for body, other in pairs)
    return "the same on both masks" if is_same else "counted otherwise"


def apart(one: Vertebra, other: Vertebra) -> float:
    """Return the distance of two outlines' middles in pixels."""
    places = [np.mean(body.outline, axis=0) for body in (one, other)]
    return float(np.hypot(*(places[0] - places[1])))


def typical_height(bodies: Sequence[Vertebra]) -> float:
    """Return the median height of complete bodies in pixels."""
    whole = [body for body in bodies if body.state is VertebraState.COMPLETE]
    return float(np.median([np.ptp(np.array(body.outline)[:, 1]) for body in whole]))


def measured(
    one: LabelledSlice, drawn: MrColumn, own: MrColumn, canal: np.ndarray
) -> Iterator[tuple[str, Difference]]:
    """Yield how every measure differs, under its code."""
    geometry = PixelGeometry()
    examination = EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR]
    both = [
        {
            m.key: m
            for m in measure_alignment(c.vertebrae, c.facing, geometry, examination, where)
            if m.value is not None
        }
        for c, where in ((drawn, one.mask == CANAL), (own, canal))
    ]
    for key in both[0].keys() & both[1].keys():
        truth, found = both[0][key], both[1][key]
        low, high = found.interval
        yield key[0], Difference(one.patient, found.value - truth.value, (high - low) / 2)


def placed(
    patient: str, pairs: Sequence[tuple[Vertebra, Vertebra]]
) -> Iterator[tuple[str, Difference]]:
    """Yield how far landmarks are off in x and in y, in body heights."""
    height = typical_height([body for body, _ in pairs])
    for body, other in pairs:
        kind = "of S1" if body.state is VertebraState.ENDPLATE else ""
        for mark in body.landmarks:
            twin = other.landmark(mark.name)
            if twin is not None:
                name = f"{mark.name.value} {kind}".strip()
                yield name, Difference(patient, (twin.x - mark.x) / height)
                yield name, Difference(patient, (twin.y - mark.y) / height)


def print_measures(table: Mapping[str, Sequence[Difference]]) -> None:
    """Print mean absolute differences with intervals over patients."""
    head = f"{'measure':24} {'n':>4} {'MAE':>8} {'95 % interval':>18} {'median':>7} {'bias':>7}"
    print(f"{head} covered")
    for name in sorted(table):
        found = table[name]
        values = np.array([d.value for d in found])
        covered = np.mean([abs(d.value) <= d.half_interval for d in found])
        figure = figure_of(found, lambda v: float(np.mean(np.abs(v))))
        print(
            f"{name:24} {len(found):4} {told(figure, 3)} {np.median(np.abs(values)):7.3f} "
            f"{values.mean():+7.3f} {covered:7.2f}"
        )


def print_landmarks(table: Mapping[str, Sequence[Difference]]) -> None:
    """Print the standard deviation of landmarks in each direction, in body heights."""
    print(f"{'landmark':32} {'n':>4} {'sd':>7} {'95 % interval':>18} {'robust sd':>9}")
    for name in sorted(table):
        found = table[name]
        figure = figure_of(found, lambda v: float(np.sqrt(np.mean(v**2))))
        robust = 1.4826 * np.median(np.abs([d.value for d in found]))
        print(f"{name:32} {len(found) // 2:4} {told(figure, 4)} {robust:9.4f}")


def told(figure: Mapping[str, float | None], digits: int) -> str:
    """Return a figure with its interval; a single patient has none."""
    parts = [figure[name] for name in ("value", "low", "high")]
    value, low, high = ("-" if part is None else f"{part:.{digits}f}" for part in parts)
    return f"{value:>8} {low:>8} to {high:>6}"


def figure_of(
    found: Sequence[Difference], statistic: Callable[[np.ndarray], float]
) -> dict[str, float]:
    """Return a statistic with its interval from resampling patients."""
    units = [
        np.array([d.value for d in found if d.patient == patient])
        for patient in sorted({d.patient for d in found})
    ]
    return bootstrap(units, lambda draw: statistic(np.concatenate(draw)))


if __name__ == "__main__":
    main()
