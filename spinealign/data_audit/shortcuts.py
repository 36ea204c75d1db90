"""Whether a class can be told by what should not tell it.

For each kind of trace a small learner is asked about files of groups that it did not learn from.
Groups are patients where every class has enough of them; else series, else the pictures that copies
were made of: then the figure says what a network would reach on a split that is no better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit import scoring
from spinealign.data_audit.looking import Looked
from spinealign.domain.data_audit import AuditedFile, Shortcut, ShortcutKind
from spinealign.resampling import auc

_LEAST_GROUPS: Final = 4
"""Of each class, to count as a unit: with fewer, folds have no other group to learn from."""

_LEAST_FILES: Final = 6
_MOST_WORDS: Final = 40
_EXAMPLES: Final = 4

_NUMBERS: Final = {
    ShortcutKind.SIZE: "size",
    ShortcutKind.COMPRESSION: "compression",
    ShortcutKind.HISTOGRAM: "histogram",
    ShortcutKind.NOISE: "noise",
    ShortcutKind.MARK: "mark",
    ShortcutKind.MARK_PLACE: "mark place",
    ShortcutKind.MARKER: "marker",
    ShortcutKind.TEXT: "text",
    ShortcutKind.LEVEL: "level",
}
_FORMAT_WORDS: Final = ("format", "file suffix", "colour", "bits", "compression", "progressive")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one learner sees of the usable files.

    Parameters
    ----------
    kind : ShortcutKind
    values : ndarray, shape (n, features)
    names : tuple of str
        Of the features; empty for pictures.
    """

    kind: ShortcutKind
    values: NDArray[Any]
    names: tuple[str, ...] = ()

    @property
    def learner(self) -> scoring.Learner:
        """Neighbours for pictures, a tree for numbers."""
        return scoring.by_tree if self.names else scoring.by_neighbours


def evidence_of(
    looks: Sequence[Looked], words: Sequence[Mapping[str, str]],
    numbers: Sequence[Mapping[str, float]], copies: Sequence[tuple[str, ...]],
    slices: Sequence[int | None],
) -> list[Evidence]:  # fmt: skip
    """Gather what each learner may see.

    Parameters
    ----------
    looks : sequence of Looked
        Of files with a picture.
    words, numbers : sequence of mapping
        What tags of each file say.
    copies : sequence of tuple of str
        Words of augmentation in each file's name.
    slices : sequence of int or None
    """
    found = []
    for kind, group in _NUMBERS.items():
        rows = [dict((one.numbers or {}).get(group, {})) for one in looks]
        if kind is ShortcutKind.LEVEL:
            for row, number in zip(rows, slices, strict=True):
                row["slice number"] = -1.0 if number is None else float(number)
        found.append(_of_rows(kind, rows))
    formats = [{k: v for k, v in (one.words or {}).items() if k in _FORMAT_WORDS} for one in looks]
    found.append(_of_rows(ShortcutKind.FORMAT, [{}] * len(looks), formats))
    others = [
        {k: v for k, v in (one.words or {}).items() if k not in _FORMAT_WORDS} | dict(said)
        for one, said in zip(looks, words, strict=True)
    ]
    found.append(_of_rows(ShortcutKind.METADATA, numbers, others))
    done = [{word: float(word in one) for word in set(sum(copies, ()))} for one in copies]
    found.append(_of_rows(ShortcutKind.PROCESSING, done))
    found.append(Evidence(ShortcutKind.BORDER, np.stack([one.border for one in looks])))  # type: ignore[misc]
    found.append(Evidence(ShortcutKind.THUMBNAIL, np.stack([one.thumbnail for one in looks])))  # type: ignore[misc]
    return [one for one in found if one.values.shape[1]]


def _of_rows(
    kind: ShortcutKind, rows: Sequence[Mapping[str, float]],
    words: Sequence[Mapping[str, str]] | None = None,
) -> Evidence:  # fmt: skip
    """Put rows of named numbers, and of words as yes or no, into one table without constants."""
    columns: dict[str, NDArray[np.float64]] = {}
    for name in sorted({name for row in rows for name in row}):
        columns[name] = np.array([row.get(name, -1.0) for row in rows], np.float64)
    said = Counter(f"{k}: {v}" for row in words or () for k, v in row.items())
    for text, _ in said.most_common(_MOST_WORDS):
        key, _, value = text.partition(": ")
        columns[text] = np.array([float(row.get(key) == value) for row in words or ()])
    varying = {name: one for name, one in columns.items() if len(one) and np.ptp(one) > 0}
    values = np.stack(list(varying.values()), axis=1) if varying else np.zeros((len(rows), 0))
    return Evidence(kind, values, tuple(varying))


def unit_of(files: Sequence[AuditedFile]) -> tuple[str, NDArray[np.int64]]:
    """Return what is kept together when learning, and each file's unit as a number.

    The largest unit of which every class has enough: patient (with all that belongs to it),
    series, the picture that copies were made of, the file.
    """
    keys: dict[str, list[str]] = {"patient": [str(one.group) for one in files]}
    if all(one.series for one in files):
        keys["series"] = [f"{one.patient}/{one.series}" for one in files]
    keys |= {"picture": [one.base for one in files], "file": [one.path for one in files]}
    enough = (unit for unit, names in keys.items() if _fewest(files, names) >= _LEAST_GROUPS)
    unit = next(enough, "file")
    return unit, np.unique(keys[unit], return_inverse=True)[1].astype(np.int64)


def _fewest(files: Sequence[AuditedFile], names: Sequence[str]) -> int:
    """Return how many units the class has that has the fewest."""
    owners: dict[str, set[str]] = {}
    for one, name in zip(files, names, strict=True):
        owners.setdefault(one.label, set()).add(name)
    return min(map(len, owners.values()), default=0)


def find_shortcuts(
    files: Sequence[AuditedFile], evidence: Sequence[Evidence]
) -> Generator[int, None, list[Shortcut]]:
    """Ask every learner about every class; yields how many questions are answered.

    Parameters
    ----------
    files : sequence of AuditedFile
        Those with a picture, in the order of the evidence.
    """
    labels = sorted({one.label for one in files if one.label})
    found: list[Shortcut] = []
    if len(labels) < 2:
        return found
    unit, groups = unit_of(files)
    done = 0
    # Of two classes the one tells the other.
    for label in labels[:1] if len(labels) == 2 else labels:
        truth = np.array([one.label == label for one in files])
        if min(truth.sum(), (~truth).sum()) < _LEAST_FILES:
            continue
        for one in evidence:
            found.append(_asked(one, files, truth, groups, unit, label))
            done += 1
            yield done
    return found


def _asked(
    evidence: Evidence, files: Sequence[AuditedFile], truth: NDArray[np.bool_],
    groups: NDArray[np.int64], unit: str, label: str,
) -> Shortcut:  # fmt: skip
    scores = scoring.out_of_group(evidence.learner, evidence.values, truth, groups)
    kept = ~np.isnan(scores)
    area = auc(scores[kept], truth[kept])
    low, high = scoring.bootstrap_interval(scores[kept], truth[kept], groups[kept])
    rule = ""
    if evidence.names:
        tree = scoring.grow(evidence.values.astype(np.float64), truth)
        asked = scoring.question_words(tree, evidence.names)
        rule = "; ".join(f"{name} ≤ {limit:.4g}" for name, limit in asked)
    return Shortcut(
        evidence.kind, label, round(area, 4), round(low, 4), round(high, 4), unit,
        len(np.unique(groups)), _held_out(evidence, files, truth), rule,
        _examples(files, truth, scores),
    )  # fmt: skip


def _held_out(
    evidence: Evidence, files: Sequence[AuditedFile], truth: NDArray[np.bool_]
) -> float | None:
    """Learn on the data set's own training part and count what is right on its other parts."""
    known = np.array([one.part == "train" for one in files])
    asked = np.array([one.part in ("val", "test") for one in files])
    if not (known.any() and asked.any()) or len(set(truth[known])) < 2:
        return None
    scores = evidence.learner(evidence.values[known], truth[known], evidence.values[asked])
    return round(float(np.mean((scores > 0.5) == truth[asked])), 4)


def _examples(
    files: Sequence[AuditedFile], truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[str, ...]:
    """Return files told most surely, of different pictures: of the class, then others."""
    found: list[str] = []
    for is_mine, order in (
        (True, np.argsort(-scores, kind="stable")),
        (False, np.argsort(scores, kind="stable")),
    ):
        seen: set[str] = set()
        for place in order:
            one = files[place]
            if truth[place] == is_mine and one.base not in seen and scores[place] == scores[place]:
                seen.add(one.base)
                found.append(one.path)
            if len(seen) == _EXAMPLES:
                break
    return tuple(found)
