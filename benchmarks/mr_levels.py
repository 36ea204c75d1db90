"""Names and measures of bodies on T1 slices of patients kept aside, S1 with readers' outlines.

``python benchmarks/mr_levels.py --data DATA --cache CACHE --model FOLDER ...``: the readers of
`mr_lumbar_t1` outlined L1 to L5 and S1. The same code takes corners from their masks, so the
differences are the network's. ``--changed mirrored`` and so on change every slice first.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.mr_bodies import Difference, apart, figure_of, told, typical_height
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import Facing, Vertebra, VertebraState
from spinealign.domain.image import SpineImage
from spinealign.domain.measures import MeasureCode
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.segmenting import segment_slice
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.measure.outlines.bodies import largest_piece
from spinealign.measure.outlines.contours import level_contour, thinned
from spinealign.measure.outlines.endplates import outline_landmarks
from spinealign.measure.outlines.mr_bodies import MrColumn, bodies_from_mask
from spinealign.measure.outlines.mr_sacrum import SUPERIOR
from spinealign.measure.outlines.vertebrae import BodyAxes, right_of, up_vectors
from spinealign.training.mr_sources import (
    FOLDERS,
    T1,
    Outlined,
    is_aside,
    outlined_t1,
    posterior_sides,
)

SAME_BODY, SMOOTHING_PX = 0.45, 1.4
LEVELS = ("L1", "L2", "L3", "L4", "L5", "S1")
WHOLE = (MeasureCode.LUMBAR_LORDOSIS_L1_S1, MeasureCode.LUMBAR_LORDOSIS_L4_S1)
AT_S1 = (MeasureCode.DISC_ANGLE, MeasureCode.LISTHESIS_PERCENT, MeasureCode.DISC_HEIGHT_INDEX)
MIRRORED, UPSIDE_DOWN = "mirrored", "upside down"
CHANGES: Mapping[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "": lambda pixels, row: pixels,
    MIRRORED: lambda pixels, row: pixels[:, ::-1],
    UPSIDE_DOWN: lambda pixels, row: pixels[::-1, ::-1],
    "cropped at L5": lambda pixels, row: pixels[:row],
    "cropped at the top": lambda pixels, row: pixels[len(pixels) // 3 :],
    "narrow": lambda pixels, row: pixels[:, pixels.shape[1] // 5 : -(pixels.shape[1] // 5)],
}


@dataclass(frozen=True)
class Read:
    """A slice as its reader outlined it."""

    patient: str
    pixels: np.ndarray
    bodies: tuple[Vertebra, ...]
    side: Facing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="as of mr_sources.py")
    parser.add_argument("--model", type=Path, nargs="+", required=True)
    parser.add_argument("--changed", choices=sorted(CHANGES), default="")
    parser.add_argument("--patients", type=int)
    options = parser.parse_args()
    read = slices_of(options)
    for folder in options.model:
        judge(ModelStore([folder.parent]).load(folder.name), read)


def slices_of(options: argparse.Namespace) -> list[Read]:
    known = [s for s in outlined_t1(options.data / FOLDERS[T1]) if is_aside(T1, s.patient)]
    known = [one for one in known if len(one.regions()) > 2][: options.patients]
    sides = posterior_sides(known, T1, options.cache / f"facing_{T1}_aside.json")
    return [as_read(one, sides[one.patient], options.changed) for one in known]


def as_read(one: Outlined, posterior: float, change: str) -> Read:
    """Return a slice after a change; readers' outlines are changed with it."""
    is_turned = change == UPSIDE_DOWN
    # The side is told with the head up, so that it stays in a picture that stands on its head.
    side = Facing.LEFT if (posterior > 0) != (change == MIRRORED) else Facing.RIGHT
    row = int(np.nonzero(one.labels == LEVELS.index("L5") + 1)[0].max(initial=0)) - 4
    labels = one.labels if is_turned else CHANGES[change](one.labels, row)
    drawn = {name: labels == value for value, name in enumerate(LEVELS, start=1)}
    bodies = read_bodies({name: mask for name, mask in drawn.items() if mask.any()}, side)
    if is_turned:
        bodies = tuple(turned(body, one.pixels.shape) for body in bodies)
    pixels = np.ascontiguousarray(CHANGES[change](one.pixels, row))
    return Read(one.patient, pixels, bodies, side)


def read_bodies(masks: Mapping[str, np.ndarray], side: Facing) -> tuple[Vertebra, ...]:
    """Return bodies with landmarks of outlines from the top, as the program takes them on MR."""
    contours = {name: level_contour(smooth(mask)) for name, mask in masks.items()}
    found = {name: contour for name, contour in contours.items() if contour is not None}
    centres = [contour.mean(axis=0) for contour in found.values()]
    bodies = []
    for (name, contour), up in zip(found.items(), up_vectors(centres), strict=True):
        ahead = right_of(up) if side is Facing.RIGHT else -right_of(up)
        marks = outline_landmarks(contour, BodyAxes(up, ahead), 1.0)
        marks = tuple(mark for mark in marks if name != "S1" or mark.name in SUPERIOR)
        outline = tuple((float(x), float(y)) for x, y in thinned(contour))
        bodies.append(Vertebra(name, len(bodies) + 1, outline, marks, 1.0, VertebraState.COMPLETE))
    return tuple(bodies)


def smooth(mask: np.ndarray) -> np.ndarray:
    largest = largest_piece(mask)
    return cv2.GaussianBlur(largest.astype(np.float32), (0, 0), SMOOTHING_PX)


def turned(body: Vertebra, shape: tuple[int, ...]) -> Vertebra:
    rows, cols = shape
    return replace(
        body,
        outline=tuple((cols - x, rows - y) for x, y in body.outline),
        landmarks=tuple(replace(m, x=cols - m.x, y=rows - m.y) for m in body.landmarks),
    )


def judge(model: LoadedModel, read: Sequence[Read]) -> None:
    outcomes: dict[str, list[str]] = defaultdict(list)
    states, doubts = Counter(), Counter()
    off: dict[str, list[Difference]] = defaultdict(list)
    for one in read:
        image = SpineImage(one.pixels.astype(np.float32), 8, Path(one.patient), "0" * 64)
        found = segment_slice(model, image)
        column = bodies_from_mask(found.mask, found.classes, found.confidence, image.pixels)
        outcomes[outcome(one, column)].append(one.patient)
        doubts.update(c.doubt.value for c in column.cautions if c.doubt is not None)
        doubts.update(["beside the canal"] * column.is_beside_canal)
        doubts.update(["faces the other way"] * (column.facing not in (None, one.side)))
        last = next((body for body in column.vertebrae if body.level == "S1"), None)
        states[None if last is None else last.state.value] += 1
        for name, difference in differences(one, column):
            off[name].append(difference)
    patients = sum(map(len, outcomes.values()))
    print(f"\n{model.card.name}: {patients} patients")
    for name, own in sorted(outcomes.items(), key=lambda pair: -len(pair[1])):
        print(f"  {name:28} {len(own):4}  {' '.join(own[:12]) if len(own) < 30 else ''}")
    print(f"  S1: {dict(states)}; told: {dict(doubts)}")
    print(f"  {'measure':34} {'n':>3} {'MAE':>7} {'95 % interval':>18} {'bias':>7} {'worst':>7}")
    for name in sorted(off):
        values = np.array([d.value for d in off[name]])
        mean = figure_of(off[name], lambda v: float(np.mean(np.abs(v))))
        print(
            f"  {name:34} {len(values):3} {told(mean, 2)} {values.mean():+7.2f} "
            f"{np.abs(values).max():7.1f}",
            flush=True,
        )


def outcome(one: Read, column: MrColumn) -> str:
    """Return how the names of the bodies that the reader outlined were told."""
    drawn = [body for body in one.bodies if body.level != "S1"]
    height = typical_height(drawn)
    said = []
    for body in drawn:
        near = [other for other in column.vertebrae if apart(body, other) < SAME_BODY * height]
        said.append((body.level, [other.level for other in near]))
    if not column.vertebrae:
        return "no column"
    if any(level is not None and level != wanted for wanted, own in said for level in own):
        return "a wrong name"
    if column.levels_uncertain:
        return "left open"
    return "every name right" if all(own for _, own in said) else "right, a body missing"


def differences(one: Read, column: MrColumn) -> list[tuple[str, Difference]]:
    """Return how measures differ that stand on S1, and those of the discs above for comparison."""
    examination = EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR]
    drawn, own = (
        {
            m.key: m.value
            for m in measure_alignment(bodies, side, PixelGeometry(), examination)
            if m.value is not None
        }
        for bodies, side in ((one.bodies, one.side), (column.vertebrae, column.facing))
    )
    found = []
    for key in drawn.keys() & own.keys():
        code, levels = MeasureCode(key[0]), key[1]
        difference = Difference(one.patient, own[key] - drawn[key])
        if code in WHOLE:
            found.append((code.value, difference))
        elif code in AT_S1:
            where = "at L5/S1" if levels[-1] == "S1" else "above"
            found.append((f"{code.value} {where}", difference))
    return found


if __name__ == "__main__":
    main()
