"""Two batches of the same images compared: other models, another version, other options."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from spinealign.batch.state import BatchState, ItemStatus, Row, opened_to_read
from spinealign.domain.measures import MeasureCode
from spinealign.evaluation.agreement import point_figures
from spinealign.evaluation.cases import MeasuredCases
from spinealign.wording.definitions import MEASURE_WORDS
from spinealign.wording.text import safe_text

MeasureKey = tuple[str, tuple[str, ...]]
"""Code and levels of a measure: one for each image."""


@dataclass(frozen=True)
class RunFacts:
    """What a run was made with."""

    folder: Path
    program_version: str
    models: Mapping[str, str]
    images: int


@dataclass(frozen=True)
class ComparedMeasure:
    """A measure that has another value in the second run, or a value in one run only.

    Parameters
    ----------
    path : Path
    key : MeasureKey
    name, unit : str
        The unit is empty of ratios, and where the runs state two.
    first, second : float or None
    times : float or None
        Size of the difference over half the wider 95 % interval; None without one.
    reason : str
        Why one run has no value.
    """

    path: Path
    key: MeasureKey
    name: str
    unit: str
    first: float | None
    second: float | None
    times: float | None
    reason: str
    has_two_units: bool = False

    @property
    def difference(self) -> float | None:
        """Second minus first; None where one is missing, or in another unit."""
        if self.first is None or self.second is None or self.has_two_units:
            return None
        return self.second - self.first


@dataclass(frozen=True)
class Ended:
    """What became of an image in one run; `headline` is empty without a result."""

    path: Path
    number: int
    status: ItemStatus
    sentence: str
    headline: str


@dataclass(frozen=True)
class ComparedImage:
    """An image of one run or both; None for a run that lacks it."""

    first: Ended | None
    second: Ended | None
    alike: int = 0
    differing: tuple[ComparedMeasure, ...] = ()

    @property
    def path(self) -> Path:
        """The first file, of the second run where it is in both."""
        ended = self.second or self.first
        assert ended is not None
        return ended.path

    @property
    def place(self) -> str:
        """``both``, ``first`` or ``second``: the runs that have the image."""
        if self.first is not None and self.second is not None:
            return "both"
        return "first" if self.second is None else "second"

    @property
    def is_changed(self) -> bool:
        """Whether both runs have it, with another status."""
        if self.first is None or self.second is None:
            return False
        return self.first.status is not self.second.status

    @property
    def worst(self) -> float | None:
        """The largest difference of its measures, in halves of their intervals."""
        return max((one.times for one in self.differing if one.times is not None), default=None)


@dataclass(frozen=True)
class Agreement:
    """How two runs agree in one measure; differences are second minus first.

    `figures` is empty without pairs; of one pair there is no standard deviation (NaN).
    """

    code: str
    name: str
    unit: str
    pairs: int
    alike: int
    largest: float
    one_only: int
    figures: Mapping[str, float]


@dataclass
class BatchComparison:
    """What two runs say of the same images."""

    runs: tuple[RunFacts, RunFacts]
    images: list[ComparedImage] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)

    @property
    def worst(self) -> list[ComparedMeasure]:
        """All measures that differ, the largest difference first."""
        found = [one for image in self.images for one in image.differing]
        return sorted(found, key=_worst_first)

    def counts(self) -> tuple[int, int, int, int, int]:
        """Return images in both, only in the first, only in the second, changed, differing."""
        places = Counter(image.place for image in self.images)
        changed = sum(image.is_changed for image in self.images)
        differing = sum(bool(image.differing) for image in self.images)
        return places["both"], places["first"], places["second"], changed, differing


def compare_batches(first: Path, second: Path) -> BatchComparison:
    """Compare the batches in two folders.

    An image is the same where files, sizes and times are; else where its checksum and its place in
    the file are, if there is one such image only; else where its path is.

    Raises
    ------
    BatchError
        NO_BATCH: a folder holds none; DAMAGED or NEWER.
    """
    with opened_to_read(first) as one, opened_to_read(second) as other:
        pairs = _paired(one, other)
        found = BatchComparison((_facts(one, first), _facts(other, second)))
        values: dict[tuple[str, str], _Values] = {}
        for left, right in pairs:
            rows = (one.row(left) if left else None, other.row(right) if right else None)
            found.images.append(_compared(*rows, values))
    found.agreements = [_agreement(*key, told) for key, told in sorted(values.items())]
    return found


@dataclass
class _Values:
    """Values of one measure: pairs, and how many one run alone has."""

    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    one_only: int = 0


def _facts(state: BatchState, folder: Path) -> RunFacts:
    recipe, models = state.made_with()
    versions = {name: used.sha256.partition(" ")[2] for name, used in models.items()}
    return RunFacts(folder, recipe.partition("\n")[0], versions, sum(1 for _ in state.rows()))


def _paired(one: BatchState, other: BatchState) -> Iterator[tuple[str, str]]:
    """Yield identities of the same image in both runs, empty where a run lacks it."""
    left, right = _known(one), _known(other)
    partners: dict[str, str] = {name: name for name in left if name in right}
    for kind in (1, 2):
        free = _unique(right, kind, set(partners.values()))
        for key, name in _unique(left, kind, set(partners)).items():
            if key in free:
                partners[name] = free[key]
    taken = set(partners.values())
    for name in left:
        yield name, partners.get(name, "")
    for name in right:
        if name not in taken:
            yield "", name


def _known(state: BatchState) -> dict[str, tuple[str, str, str]]:
    """Return identity, content and path by identity, in the order of the run."""
    return {row.identity: (row.identity, _content(row), str(row.path)) for row in state.rows()}


def _content(row: Row) -> str:
    if not row.record:
        return ""
    given = json.loads(row.record)["input"]
    return json.dumps([given["sha256"], given.get("place")]) if given["sha256"] else ""


def _unique(
    known: Mapping[str, tuple[str, str, str]], kind: int, taken: set[str]
) -> dict[str, str]:
    """Return identities by a key that one image alone has, without those that are taken."""
    free = {name: told[kind] for name, told in known.items() if name not in taken and told[kind]}
    counted = Counter(free.values())
    return {key: name for name, key in free.items() if counted[key] == 1}


def _compared(
    first: Row | None, second: Row | None, values: dict[tuple[str, str], _Values]
) -> ComparedImage:
    """Compare one image, and add its values to those of all."""
    sides = _ended(first), _ended(second)
    if first is None or second is None:
        return ComparedImage(*sides)
    before, after = _measures(first), _measures(second)
    alike, differing = 0, []
    for key in dict.fromkeys((*before, *after)):
        one = _measure(second.path, key, before.get(key), after.get(key))
        if one.first is None and one.second is None:
            continue
        told = values.setdefault((key[0], one.unit), _Values())
        if one.difference is not None:
            told.first.append(one.first or 0.0)
            told.second.append(one.second or 0.0)
        else:
            told.one_only += 1
        if one.difference == 0:
            alike += 1
        else:
            differing.append(one)
    return ComparedImage(*sides, alike, tuple(sorted(differing, key=_worst_first)))


def _ended(row: Row | None) -> Ended | None:
    """Return what is kept of a row: its record is large, and there may be thousands."""
    if row is None:
        return None
    has_result = row.status in (ItemStatus.DONE, ItemStatus.REFUSED)
    headline = json.loads(row.record)["headline"] if has_result else ""
    return Ended(row.path, row.number, row.status, row.sentence, headline)


def _measures(row: Row) -> dict[MeasureKey, Mapping[str, Any]]:
    if row.status is not ItemStatus.DONE:
        return {}
    told = json.loads(row.record)["measures"]
    return {(one["code"], tuple(one["levels"])): one for one in told}


def _measure(
    path: Path,
    key: MeasureKey,
    first: Mapping[str, Any] | None,
    second: Mapping[str, Any] | None,
) -> ComparedMeasure:
    told = [one for one in (first, second) if one is not None]
    valued = [one for one in told if one["value"] is not None]
    units = {one["unit"] for one in valued}
    missing = [one for one in told if one["value"] is None]
    old, new = (None if one is None else one["value"] for one in (first, second))
    has_two_units = len(units) > 1
    unit = units.pop() if len(units) == 1 else ""
    found = ComparedMeasure(
        path, key, told[-1]["name"], unit, old, new, None,
        missing[0]["reason"] if missing else "", has_two_units,
    )  # fmt: skip
    widths = [one["interval"][1] - one["interval"][0] for one in valued if one["interval"]]
    if found.difference is None or not widths or max(widths) <= 0:
        return found
    return replace(found, times=abs(found.difference) / (max(widths) / 2))


def _worst_first(one: ComparedMeasure) -> tuple[float, float]:
    """Sort by differences in halves of intervals, then by those without interval."""
    times = -1.0 if one.times is None else one.times
    return -times, -abs(one.difference or 0.0)


def _agreement(code: str, unit: str, values: _Values) -> Agreement:
    first, second = (np.array(told, np.float64) for told in (values.first, values.second))
    pairs = len(first)
    names = tuple(map(str, range(pairs)))
    cases = MeasuredCases(names, names, first, second, unit)
    away = second - first
    return Agreement(
        code=code,
        name=_title(code),
        unit=unit,
        pairs=pairs,
        alike=int((away == 0).sum()),
        largest=float(np.abs(away).max()) if pairs else math.nan,
        one_only=values.one_only,
        figures=point_figures(cases, np.ones(pairs)) if pairs else {},
    )


def _title(code: str) -> str:
    """Return a measure's name; of another version's measure the code."""
    try:
        return MEASURE_WORDS[MeasureCode(code)].title
    except ValueError:
        return safe_text(code)
