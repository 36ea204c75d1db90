"""Sagittal MR slices of several sources in one form, each with what its outlines teach."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spinealign.domain.errors import DataSetError
from spinealign.domain.image import SpineImage
from spinealign.files import write_whole
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.predict import segment_with
from spinealign.training.dataset import (
    load_mr_segmentation,
    load_mr_unlabelled,
    read_grey,
    split_patients,
)
from spinealign.training.mr_targets import (
    UNKNOWN,
    ColumnFrame,
    Mask,
    Target,
    centre_of,
    target_of_bodies,
    target_of_discs,
    target_of_structures,
)

SPIDER, T1, VB2, VB3, IVD = "spider", "t1", "vb2", "vb3", "ivd"
SOURCES = (SPIDER, T1, VB2, VB3, IVD)
UNLABELLED = "unlabelled"
"""Slices of the SPIDER scanners without outlines: left out wherever `SPIDER` is."""

Wanted = Callable[[str, str], bool]
FOLDERS = {SPIDER: "mr_sagittal_segmentation", T1: "mr_lumbar_t1", UNLABELLED: "mr_disc_grading"}
_BODIES_FOLDER = "mr_bodies"
_SACRUM_LABEL = 6
_ONE_IN = 6
"""Of the T1 and body sets, one patient in this many is kept aside, chosen by a hash."""

_LEAST_PIXELS = 40
_CANAL_LABEL = 3
_LEAST_CANAL_SHARE = 0.7
"""Share of the canal's pixels on one side of the bodies from which the side counts as known."""

_LOOKED_AT = 3
"""Slices of an examination in which the canal is looked for."""


@dataclass(frozen=True, eq=False)
class MrSlice:
    """A sagittal slice and what it teaches.

    Parameters
    ----------
    name, source, patient : str
        `patient` is unique over all sources, except that slices without outlines share the
        patients of their source.
    pixels : ndarray of uint8, shape (H, W)
    target : Target
    """

    name: str
    source: str
    patient: str
    pixels: NDArray[np.uint8]
    target: Target


def is_aside(source: str, patient: str) -> bool:
    """Tell whether a patient of the T1 and body sets is never trained on."""
    digest = hashlib.sha256(f"{source}/{patient}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % _ONE_IN == 0


def split(
    slices: Sequence[MrSlice], held_out_fraction: float, seed: int
) -> tuple[list[MrSlice], list[MrSlice]]:
    """Split slices by patient into (training, aside).

    Patients of `SPIDER` are those that the network before kept aside with the same fraction
    and seed; a patient aside is so in `UNLABELLED` too.
    """
    home = {s.patient for s in slices if s.source == SPIDER}
    held_out = split_patients(home, held_out_fraction, seed)[1] if home else set()
    aside = [s for s in slices if _is_aside(s, held_out)]
    chosen = {id(s) for s in aside}
    return [s for s in slices if id(s) not in chosen], aside


def _is_aside(one: MrSlice, held_out: set[str]) -> bool:
    if one.source in (SPIDER, UNLABELLED):
        return one.patient in held_out
    return is_aside(one.source, one.patient)


def aside_at_home(data: Path, held_out_fraction: float, seed: int) -> set[str]:
    """Return the patients of `SPIDER` that `split` keeps aside."""
    rows = _rows(data / FOLDERS[SPIDER] / "manifest.csv")
    return split_patients({row["patient"] for row in rows}, held_out_fraction, seed)[1]


def load_sources(
    data: Path, cache: Path, sources: Iterable[str] = SOURCES, wanted: Wanted | None = None
) -> list[MrSlice]:
    """Load slices of several sources.

    Parameters
    ----------
    data : Path
        The folder that holds all data sets.
    cache : Path
        Folder that keeps which way slices face, as the shipped network saw it once.
    wanted : callable, optional
        Takes a source and a patient; others are not loaded.

    Raises
    ------
    DataSetError
        A source is unknown or its folder lacks its table.
    """
    wanted = wanted or (lambda source, patient: True)
    slices: list[MrSlice] = []
    for source in sources:
        if source == SPIDER:
            slices += load_spider(data / FOLDERS[SPIDER], wanted)
        elif source == UNLABELLED:
            slices += load_unlabelled(data / FOLDERS[UNLABELLED])
        elif source in (T1, VB2, VB3, IVD):
            slices += load_outlined(data, source, cache, wanted)
        else:
            raise DataSetError(f"no source of MR slices is called {source!r}")
    return slices


def load_spider(folder: Path, wanted: Wanted) -> list[MrSlice]:
    """Load slices with masks of vertebrae, discs and canal; they all face left."""
    slices = []
    for one in load_mr_segmentation(folder):
        target = target_of_structures(one.mask) if wanted(SPIDER, one.patient) else None
        if target is not None:
            slices.append(MrSlice(one.name, SPIDER, one.patient, one.pixels, target))
    return slices


def load_unlabelled(folder: Path) -> list[MrSlice]:
    """Load slices without outlines; they teach nothing until a network has looked at them."""
    return [
        MrSlice(
            one.name, UNLABELLED, one.patient, one.pixels,
            Target(np.full(one.pixels.shape, UNKNOWN, np.uint8), np.zeros((0, 2)), 0.0),
        )
        for one in load_mr_unlabelled(folder)
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Outlined:
    """A slice with numbered outlines, before it is known which way it faces."""

    name: str
    patient: str
    pixels: NDArray[np.uint8]
    labels: Mask

    def regions(self, *, but: int | None = None) -> list[NDArray[np.bool_]]:
        """Return the outlined regions from the top down, without that of one number."""
        values = [v for v in np.unique(self.labels) if v not in (0, but)]
        regions = [self.labels == v for v in values]
        regions = [r for r in regions if r.sum() >= _LEAST_PIXELS]
        return sorted(regions, key=lambda r: float(centre_of(r)[1]))


def load_outlined(data: Path, source: str, cache: Path, wanted: Wanted) -> list[MrSlice]:
    """Load a source whose outlines are numbered: T1, or a set of bodies or discs."""
    known = (
        outlined_t1(data / FOLDERS[T1]) if source == T1 else _bodies(data / _BODIES_FOLDER, source)
    )
    known = [one for one in known if wanted(source, one.patient) and len(one.regions()) > 2]
    sides = posterior_sides(known, source, cache / f"facing_{source}.json")
    slices = []
    for one in known:
        target = _target(one, source, sides[one.patient])
        slices.append(MrSlice(one.name, source, one.patient, one.pixels, target))
    return slices


def _target(one: Outlined, source: str, posterior: float) -> Target:
    if source == IVD:
        return target_of_discs(one.regions(), posterior)
    if source != T1:
        return target_of_bodies(one.regions(), None, posterior)
    sacrum = one.labels == _SACRUM_LABEL
    is_drawn = int(sacrum.sum()) >= _LEAST_PIXELS
    return target_of_bodies(one.regions(but=_SACRUM_LABEL), sacrum if is_drawn else None, posterior)


def outlined_t1(folder: Path) -> list[Outlined]:
    """Load the T1 slices with their outlines: 1 to 5 are L1 to L5, 6 is S1."""
    return [
        Outlined(
            row["name"], row["patient"], read_grey(folder / "images" / f"{row['name']}.webp"),
            _read_labels(folder / "masks" / f"{row['name']}.png"),
        )
        for row in _rows(folder / "manifest.csv")
    ]  # fmt: skip


def _bodies(folder: Path, source: str) -> list[Outlined]:
    return [
        Outlined(
            Path(row["image"]).stem, row["exam"], read_grey(folder / row["image"]),
            _read_labels(folder / row["label"]),
        )
        for row in _rows(folder / "index.csv")
        if row["set"].lower() == source
    ]  # fmt: skip


def _rows(table: Path) -> list[dict[str, str]]:
    if not table.is_file():
        raise DataSetError(f"{table.parent} has no {table.name}")
    with table.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _read_labels(path: Path) -> Mask:
    with Image.open(path) as picture:
        return np.asarray(picture, np.uint8)


def posterior_sides(slices: Sequence[Outlined], source: str, kept: Path) -> Mapping[str, float]:
    """Return by patient where posterior is: 1 right of the picture, -1 left, 0 not known.

    Some copies of the T1 set are mirrored. The shipped network finds the canal; the side of
    the bodies on which it lies is kept in the file `kept`.
    """
    if kept.is_file():
        sides: dict[str, float] = json.loads(kept.read_text("utf-8"))
        if {one.patient for one in slices} <= set(sides):
            return sides
    model = ModelStore().load("mr_segmentation")
    by_patient: dict[str, list[Outlined]] = defaultdict(list)
    for one in slices:
        by_patient[one.patient].append(one)
    sides = {patient: _posterior_side(model, own) for patient, own in by_patient.items()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_whole(kept, json.dumps(sides).encode())
    return sides


def _posterior_side(model: LoadedModel, slices: Sequence[Outlined]) -> float:
    middle = max((len(slices) - _LOOKED_AT) // 2, 0)
    counts = np.zeros(2)
    for one in slices[middle : middle + _LOOKED_AT]:
        image = SpineImage(one.pixels.astype(np.float32), 8, Path(one.name), "0" * 64)
        canal = segment_with(model, image).mask == _CANAL_LABEL
        centres = np.array([centre_of(region) for region in one.regions()])
        frame = ColumnFrame(centres, 1.0, 1.0, canal.shape)
        beside = canal & ~frame.is_above & ~frame.is_below
        right = int((frame.anterior[beside] < 0).sum())
        counts += (right, int(beside.sum()) - right)
    if counts.max() <= _LEAST_CANAL_SHARE * counts.sum():
        return 0.0
    return 1.0 if counts[0] > counts[1] else -1.0
