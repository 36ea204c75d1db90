"""Drawn sagittal MR slices, and small folders of them as the training sources lie on disk."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

SHAPE = (160, 128)
LEFT, DEPTH, HEIGHT, GAP = 44, 22, 18, 6
LEVELS = 5
GREY = {0: 40, 1: 110, 2: 170, 3: 230}


def structures(shift: int = 0) -> np.ndarray:
    """Return a mask of vertebrae (1), discs (2) and canal (3), facing left, S1 left out."""
    mask = np.zeros(SHAPE, np.uint8)
    for level in range(LEVELS):
        top = 8 + shift + level * (HEIGHT + GAP)
        mask[top : top + HEIGHT, LEFT : LEFT + DEPTH] = 1
        mask[top + HEIGHT : top + HEIGHT + GAP, LEFT + 1 : LEFT + DEPTH - 1] = 2
        mask[top + 4 : top + 14, LEFT + DEPTH + 12 : LEFT + DEPTH + 30] = 1
    mask[: 8 + shift + LEVELS * (HEIGHT + GAP), LEFT + DEPTH + 2 : LEFT + DEPTH + 9] = 3
    return mask


def sacrum(shift: int = 0) -> np.ndarray:
    """Return S1 (H, W) below the lowest disc of `structures`."""
    drawn = np.zeros(SHAPE, bool)
    top = 8 + shift + LEVELS * (HEIGHT + GAP)
    drawn[top : top + HEIGHT, LEFT + 2 : LEFT + DEPTH + 2] = True
    return drawn


def bodies(shift: int = 0) -> list[np.ndarray]:
    """Return the bodies of `structures`, from the top down."""
    regions = []
    for level in range(LEVELS):
        drawn = np.zeros(SHAPE, bool)
        top = 8 + shift + level * (HEIGHT + GAP)
        drawn[top : top + HEIGHT, LEFT : LEFT + DEPTH] = True
        regions.append(drawn)
    return regions


def discs(shift: int = 0) -> list[np.ndarray]:
    """Return the discs of `structures`, from the top down."""
    regions = []
    for level in range(LEVELS):
        drawn = np.zeros(SHAPE, bool)
        top = 8 + shift + level * (HEIGHT + GAP) + HEIGHT
        drawn[top : top + GAP, LEFT + 1 : LEFT + DEPTH - 1] = True
        regions.append(drawn)
    return regions


def picture(seed: int, shift: int = 0) -> np.ndarray:
    """Return grey values of `structures` with noise."""
    mask = structures(shift)
    grey = np.vectorize(GREY.get)(mask).astype(float)
    grey[sacrum(shift)] = GREY[1]
    noise = np.random.default_rng(seed).normal(0, 6, SHAPE)
    return np.clip(grey + noise, 0, 255).astype(np.uint8)


def write_sources(folder: Path, *, patients: int = 4) -> Path:
    """Write a small folder of every source, one slice a patient."""
    _write_spider(folder / "mr_sagittal_segmentation", patients)
    _write_t1(folder / "mr_lumbar_t1", patients)
    _write_bodies(folder / "mr_bodies", patients)
    _write_unlabelled(folder / "mr_disc_grading", patients)
    return folder


def write_disc_grading(folder: Path, *, patients: int) -> Path:
    """Write T2 slices of patients with five discs each, none of which is degenerated."""
    names = ("narrowing", "bulging", "herniation")
    grades = {f"disc_{name}": "0" for name in names} | {"pfirrmann_grade": "1"}
    ends = ("spondylolisthesis", "upper_endplate_change", "lower_endplate_change", "modic")
    grades |= dict.fromkeys(ends, "0")
    slices, discs = [], []
    for n in range(patients):
        _save(folder / "images" / f"{n:03}_t2.webp", picture(n))
        slices.append({"name": f"{n:03}_t2", "patient": str(n), "sequence": "t2"})
        for place in range(1, LEVELS + 1):
            discs.append({"patient": str(n), "disc_from_bottom": str(place), **grades})
    _table(folder / "images.csv", slices)
    _table(folder / "gradings.csv", discs)
    return folder


def _write_spider(folder: Path, patients: int) -> None:
    rows = [{"name": f"{n:03}_t2", "patient": str(n)} for n in range(patients)]
    for n, row in enumerate(rows):
        _save(folder / "images" / f"{row['name']}.webp", picture(n, n))
        _save(folder / "masks" / f"{row['name']}.png", structures(n))
    _table(folder / "manifest.csv", rows)


def _write_t1(folder: Path, patients: int) -> None:
    rows = [{"name": f"T1_{n}", "patient": str(n), "kind": "clean"} for n in range(patients)]
    for n, row in enumerate(rows):
        _save(folder / "images" / f"{row['name']}.webp", 255 - picture(n, n))
        _save(folder / "masks" / f"{row['name']}.png", _numbered([*bodies(n), sacrum(n)]))
        row["report"] = "L4-L5: diffuse disc bulge compressing the thecal sac."
    _table(folder / "manifest.csv", rows)


def _write_bodies(folder: Path, patients: int) -> None:
    rows = []
    for n in range(patients):
        for name, regions in (("VB2", bodies(n)[::-1]), ("VB3", bodies(n)), ("IVD", discs(n))):
            image, label = f"{name}/{n:02}_z1.png", f"{name}/{n:02}_z1_label.png"
            _save(folder / image, picture(n, n))
            _save(folder / label, _numbered(regions))
            exam = {"set": name, "exam": f"{n:02}", "sequence": "T2", "slice": "1"}
            rows.append({**exam, "image": image, "label": label})
    _table(folder / "index.csv", rows)


def _write_unlabelled(folder: Path, patients: int) -> None:
    rows = [{"name": f"{n:03}_t1", "patient": str(n)} for n in range(patients)]
    for n, row in enumerate(rows):
        _save(folder / "images" / f"{row['name']}.webp", 255 - picture(n))
    _table(folder / "images.csv", rows)


def _numbered(regions: list[np.ndarray]) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    for number, region in enumerate(regions, start=1):
        labels[region] = number
    return labels


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"lossless": True} if path.suffix == ".webp" else {}))


def _table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
