"""An honest split: every group on one side, every class on both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from spinealign.domain.data_audit import AuditedFile, HonestSplit, SplitPart

_HELD_OUT: Final = 0.25
"""Share of each class's files that is held out, as near as groups allow."""

_TRIES: Final = 200
_SEED: Final = 19
TRAIN, HELD_OUT = "train", "val"


def honest_split(files: Sequence[AuditedFile]) -> tuple[HonestSplit, dict[str, str]]:
    """Split by groups.

    Returns
    -------
    split : HonestSplit
    parts : dict of str to str
        Part of every path; empty where no honest split is possible.
    """
    used = [file for file in files if not file.is_broken]
    groups_of: dict[str, set[int]] = {}
    for file in used:
        groups_of.setdefault(file.label, set()).add(file.group)
    blocking = tuple(sorted(label for label, groups in groups_of.items() if len(groups) < 2))
    if not used or blocking:
        return HonestSplit(False, blocking=blocking), {}
    held = _held_out(used, sorted(groups_of))
    if held is None:
        # No class is to blame alone: each has several groups, and they overlap.
        return HonestSplit(False), {}
    parts = {file.path: HELD_OUT if file.group in held else TRAIN for file in used}
    return HonestSplit(True, _counted(used, parts)), parts


def _held_out(files: Sequence[AuditedFile], labels: Sequence[str]) -> set[int] | None:
    """Return the groups to hold out, the best of many orders in which they were tried.

    None where none of the orders left every class on both sides.
    """
    groups = sorted({file.group for file in files})
    places = {group: place for place, group in enumerate(groups)}
    table = np.zeros((len(groups), len(labels)))
    for file in files:
        table[places[file.group], labels.index(file.label)] += 1
    totals = table.sum(axis=0)
    rng = np.random.default_rng(_SEED)
    best: tuple[float, list[int]] | None = None
    for _ in range(_TRIES):
        order = rng.permutation(len(groups))
        chosen = _completed(table, totals, order, _tried(table, totals, order))
        held = table[chosen].sum(axis=0)
        if (held == 0).any() or (held == totals).any():
            continue
        apart = float(np.abs(held / totals - _HELD_OUT).sum())
        if best is None or apart < best[0] - 1e-9:
            best = apart, chosen
    return None if best is None else {groups[place] for place in best[1]}


def _tried(table: np.ndarray, totals: np.ndarray, order: np.ndarray) -> list[int]:
    """Hold out group after group as long as that brings the shares nearer to what is wanted."""
    chosen: list[int] = []
    held = np.zeros(table.shape[1])
    for place in order:
        before = np.abs(held / totals - _HELD_OUT).sum()
        after = held + table[place]
        if np.abs(after / totals - _HELD_OUT).sum() < before:
            held = after
            chosen.append(int(place))
    return chosen


def _completed(
    table: np.ndarray, totals: np.ndarray, order: np.ndarray, chosen: Sequence[int]
) -> list[int]:
    """Hold out a group of every class that has none yet: of two equal groups, half is too much.

    Parameters
    ----------
    table : (groups, classes) float64
        Files.
    totals : (classes,) float64
    order : (groups,) int
        In which groups are tried.
    chosen : sequence of int
        Groups that are held out already.
    """
    found = list(chosen)
    for label in range(table.shape[1]):
        held = table[found].sum(axis=0)
        if held[label]:
            continue
        possible = [
            place for place in order if table[place, label] and (held + table[place] < totals).all()
        ]
        if possible:
            found.append(int(min(possible, key=lambda place: table[place].sum())))
    return found


def _counted(files: Sequence[AuditedFile], parts: dict[str, str]) -> tuple[SplitPart, ...]:
    keys = sorted({(parts[file.path], file.label) for file in files})
    counts = Counter((parts[file.path], file.label) for file in files)
    return tuple(
        SplitPart(
            part, label, counts[part, label],
            len({f.group for f in files if (parts[f.path], f.label) == (part, label)}),
        )
        for part, label in keys
    )  # fmt: skip
