"""How often height loss is told, of patients without a reported fracture and of squeezed bodies.

``python benchmarks/height_loss.py DATA``: DATA holds ``mr_lumbar_t1`` and ``mr_bodies``. The
shipped network outlines the T1 slice of every patient whose picture is not augmented, and the
middle slice of every exam of VB2 and VB3; no report names a fracture. Then one lumbar body of each
of the first 60 T1 patients is squeezed by a known share, in front (wedge) or as a whole (crush),
and outlined again: the disc above is stretched instead, so that the picture is not that of a real
fracture; then L5 of each. ``--levels`` prints instead how high L5 is by readers' outlines of all
patients against L3 and L4, what `measure.geometry.segments` expects of it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.mr_levels import LEVELS, read_bodies
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.findings import Facing, LandmarkName, Vertebra, VertebraState
from spinealign.domain.height_loss import HeightLoss, height_losses
from spinealign.domain.image import SpineImage
from spinealign.domain.measures import MeasureCode
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.segmenting import segment_slice
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.measure.outlines.mr_bodies import MrColumn, bodies_from_mask
from spinealign.training.mr_sources import FOLDERS, T1, outlined_t1

SQUEEZED_PATIENTS, SEED = 60, 1
LOSSES = (0.15, 0.2, 0.25, 0.3, 0.4)
COLUMN = ("T12", "L1", "L2", "L3", "L4", "L5")
LUMBAR = COLUMN[1:5]
HEIGHTS = (
    MeasureCode.BODY_HEIGHT_ANTERIOR, MeasureCode.BODY_HEIGHT_MIDDLE,
    MeasureCode.BODY_HEIGHT_POSTERIOR,
)  # fmt: skip
FADE_BEFORE, FADE_BEHIND = (1.15, 0.6), (0.1, 0.3)
"""Where the squeezing of soft tissue beside a body begins to fade and over what, in depths."""

Pixels = NDArray[np.float32]


def main() -> None:
    """Print false alarms, then how many squeezed bodies are told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=Path("models/mr_segmentation"))
    parser.add_argument("--levels", action="store_true")
    parser.add_argument("--squeezed-only", action="store_true")
    options = parser.parse_args()
    if options.levels:
        print_levels(options.data / FOLDERS[T1])
        return
    model = ModelStore([options.model.parent]).load(options.model.name)
    t1 = [read_image(path) for path in t1_pictures(options.data / "mr_lumbar_t1")]
    if not options.squeezed_only:
        print_alarms("T1, no fracture reported", t1, model)
        others = [read_image(path) for path in middle_slices(options.data / "mr_bodies")]
        print_alarms("VB2 and VB3", others, model)
    print_squeezed(t1[:SQUEEZED_PATIENTS], model, LUMBAR)
    print("L5")
    print_squeezed(t1[:SQUEEZED_PATIENTS], model, COLUMN[-1:])


def print_levels(folder: Path) -> None:
    """Print each height of L5 over the mean of L3 and L4, of readers' outlines."""
    found = []
    for one in outlined_t1(folder):
        drawn = {name: one.labels == number for number, name in enumerate(LEVELS, start=1)}
        if not all(mask.any() for mask in drawn.values()):
            continue
        lower, upper = (np.nonzero(drawn[name])[1].mean() for name in ("S1", "L4"))
        side = Facing.RIGHT if lower < upper else Facing.LEFT
        examination = EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR]
        taken = measure_alignment(read_bodies(drawn, side), side, PixelGeometry(), examination)
        values = {(m.code, m.levels[0]): m.value for m in taken if m.value is not None}
        heights = [[values.get((c, at), np.nan) for c in HEIGHTS] for at in ("L3", "L4", "L5")]
        found.append(heights)
    known = np.array(found)
    known = known[np.isfinite(known).all(axis=(1, 2))]
    shares = known[:, 2] / known[:, :2].mean(axis=1)
    lowest = (shares / shares.mean(axis=0)).max(axis=1)
    for code, mean, spread in zip(HEIGHTS, shares.mean(axis=0), shares.std(axis=0), strict=True):
        print(f"{code.value} of L5 over that of L3 and L4: {mean:.3f} +- {spread:.3f}")
    print(f"{len(known)} patients; all three 20 % lower: {int((lowest <= 0.8).sum())}")


def t1_pictures(folder: Path) -> Iterator[Path]:
    """Yield one picture of each patient that was not augmented."""
    with (folder / "manifest.csv").open(newline="") as file:
        names = [row["name"] for row in csv.DictReader(file) if row["kind"] == "clean"]
    yield from (folder / "images" / f"{name}.webp" for name in sorted(names))


def middle_slices(folder: Path) -> Iterator[Path]:
    """Yield the middle one of the stored slices of every exam in which bodies are outlined."""
    exams: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["set"] != "IVD":
                exams[row["set"], row["exam"], row["sequence"]].append(row)
    for rows in exams.values():
        ordered = sorted(rows, key=lambda row: int(row["slice"]))
        yield folder / ordered[len(ordered) // 2]["image"]


def column_of(image: SpineImage, model: LoadedModel) -> MrColumn:
    """Return the bodies that the program finds."""
    found = segment_slice(model, image)
    return bodies_from_mask(
        found.mask, found.classes, found.confidence, image.pixels, image.pixel_aspect
    )


def told(column: MrColumn) -> tuple[HeightLoss, ...]:
    """Return the height losses that the program tells."""
    examination = EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR]
    return height_losses(
        measure_alignment(column.vertebrae, column.facing, PixelGeometry(), examination)
    )


def print_alarms(name: str, images: list[SpineImage], model: LoadedModel) -> None:
    """Print which bodies are told to have lost height."""
    columns = [column_of(image, model) for image in images]
    losses = [
        (image, loss) for image, one in zip(images, columns, strict=True) for loss in told(one)
    ]
    seen = [body for one in columns for body in one.vertebrae]
    bodies = sum(body.state is not VertebraState.ENDPLATE for body in seen)
    print(f"{name}: {len(losses)} of {bodies} bodies, {len(images)} patients")
    for image, loss in losses:
        place = f"{loss.level} {loss.deformity} {loss.percent:.0f} %"
        print(f"  {image.source_path.stem}: {place}, grade {loss.grade}")


def print_squeezed(images: list[SpineImage], model: LoadedModel, levels: tuple[str, ...]) -> None:
    """Print how many squeezed bodies, and how many others of the same pictures, are told."""
    rng = np.random.default_rng(SEED)
    counts: dict[tuple[str, float], Counter[str]] = defaultdict(Counter)
    for image in images:
        by_level = {body.level: body for body in column_of(image, model).vertebrae}
        if not all(level in by_level for level in COLUMN):
            continue
        place = COLUMN.index(levels[int(rng.integers(len(levels)))])
        upper, body = by_level[COLUMN[place - 1]], by_level[COLUMN[place]]
        for shape in ("wedge", "crush"):
            for loss in LOSSES:
                picture = squeezed(image, upper, body, loss, is_wedge=shape == "wedge")
                found = told(column_of(picture, model))
                count = counts[shape, loss]
                count["bodies"] += 1
                count["told"] += any(one.level == body.level for one in found)
                count["others told"] += sum(one.level != body.level for one in found)
    for (shape, loss), count in sorted(counts.items()):
        print(f"{shape} {loss:.0%}: {dict(count)}")


def squeezed(
    image: SpineImage, upper: Vertebra, body: Vertebra, loss: float, *, is_wedge: bool
) -> SpineImage:
    """Return a picture in which a body lost a share of its height, and the disc above gained it."""
    pixels = image.pixels
    rows, columns = pixels.shape
    across, down = np.arange(columns, dtype=np.float64), np.arange(rows, dtype=np.float64)[:, None]
    back, front = (
        corner(body, name)
        for name in (LandmarkName.POSTERIOR_SUPERIOR, LandmarkName.ANTERIOR_SUPERIOR)
    )
    top = along(upper, LandmarkName.POSTERIOR_INFERIOR, LandmarkName.ANTERIOR_INFERIOR, across)
    plate = along(body, LandmarkName.POSTERIOR_SUPERIOR, LandmarkName.ANTERIOR_SUPERIOR, across)
    base = along(body, LandmarkName.POSTERIOR_INFERIOR, LandmarkName.ANTERIOR_INFERIOR, across)
    depth = (across - back[0]) / (front[0] - back[0])
    fade = np.clip(1 - (depth - FADE_BEFORE[0]) / FADE_BEFORE[1], 0, 1)
    fade *= np.clip(1 - (-depth - FADE_BEHIND[0]) / FADE_BEHIND[1], 0, 1)
    lowered = plate + loss * fade * (np.clip(depth, 0, 1) if is_wedge else 1.0) * (base - plate)
    top = np.minimum(top, plate - 3)
    in_disc = top + (down - top) * (plate - top) / (lowered - top)
    in_body = plate + (down - lowered) * (base - plate) / np.maximum(base - lowered, 1e-6)
    source = np.where((down >= top) & (down < lowered), in_disc, down)
    source = np.where((down >= lowered) & (down < base), in_body, source)
    places = np.broadcast_to(across, pixels.shape)
    warped = cv2.remap(
        pixels, places.astype(np.float32), source.astype(np.float32), cv2.INTER_LINEAR
    )
    return SpineImage(warped, image.bits, image.source_path, image.sha256)


def corner(body: Vertebra, name: LandmarkName) -> tuple[float, float]:
    """Return a corner of a body that has all of them."""
    mark = body.landmark(name)
    assert mark is not None
    return mark.x, mark.y


def along(
    body: Vertebra, start: LandmarkName, end: LandmarkName, across: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the height of the line through two corners at every column."""
    (x, y), (other_x, other_y) = corner(body, start), corner(body, end)
    return np.asarray(y + (across - x) * (other_y - y) / (other_x - x), np.float64)


if __name__ == "__main__":
    main()
