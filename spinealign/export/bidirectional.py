"""Right-to-left and left-to-right letters in one line: the Unicode bidirectional algorithm.

Unicode Standard Annex 9, without its explicit formatting characters (rules X1 to X8), which
text made safe to show does not hold, and without bracket pairs (rule N0).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U0001efff]")
"""Holds every letter and number with such a direction; without one, a text needs no algorithm."""
_STRONG = {"L": "L", "R": "R", "AL": "R"}
_NUMBERS = ("EN", "AN")
_NEUTRAL = ("ON", "WS", "B", "S", "BN", "ES", "ET", "CS")


def base_level(text: str) -> int:
    """Return 1 where the first letter with a direction runs from right to left, else 0 (P2, P3)."""
    found = (_STRONG.get(unicodedata.bidirectional(letter)) for letter in text)
    return int(next(filter(None, found), "L") == "R")


def levels(text: str, base: int) -> list[int]:
    """Return the embedding level of each letter: even from left to right, odd the other way.

    Parameters
    ----------
    text : str
        One paragraph, in the order it is read.
    base : int
        `base_level` of the paragraph.
    """
    if base == 0 and not _RIGHT_TO_LEFT.search(text):
        return [0] * len(text)
    kinds = _without_weak([unicodedata.bidirectional(letter) for letter in text], base)
    kinds = _without_neutral(kinds, base)
    return [_level(kind, base) for kind in kinds]


def visual_order(line_levels: Sequence[int]) -> list[int]:
    """Return the indices of a line's parts from left to right (L2)."""
    order = list(range(len(line_levels)))
    for level in range(max(line_levels, default=0), 0, -1):
        runs = groupby(order, key=lambda at: line_levels[at] >= level)
        order = [at for is_turned, run in runs for at in _turned(list(run), is_turned)]
    return order


def _turned(run: list[int], is_turned: bool) -> list[int]:
    return run[::-1] if is_turned else run


def _level(kind: str, base: int) -> int:
    if kind == "R":  # I1, I2
        return base if base % 2 else base + 1
    if kind in _NUMBERS:
        return base + 1 if base % 2 else base + 2
    return base + base % 2


def _without_weak(kinds: list[str], base: int) -> list[str]:
    """Resolve marks, numbers and what stands among numbers (W1 to W7)."""
    start = "R" if base else "L"
    found: list[str] = []
    strong = start
    for kind in kinds:
        if kind == "NSM":  # W1
            kind = found[-1] if found else start
        if kind in _STRONG:
            strong = kind
        found.append("AN" if kind == "EN" and strong == "AL" else kind)  # W2
    found = [_STRONG.get(kind, kind) for kind in found]  # W3
    for at in range(1, len(found) - 1):  # W4
        before, after = found[at - 1], found[at + 1]
        is_joint = found[at] == "CS" or (found[at] == "ES" and before == "EN")
        if is_joint and before == after and before in _NUMBERS:
            found[at] = before
    found = _with_terminators(found)
    strong = start
    for at, kind in enumerate(found):  # W7
        strong = kind if kind in ("L", "R") else strong
        if kind == "EN" and strong == "L":
            found[at] = "L"
    return found


def _with_terminators(kinds: list[str]) -> list[str]:
    """Let signs beside a number, such as "%" and "°", go with it (W5)."""
    found: list[str] = []
    for kind, run in groupby(enumerate(kinds), key=lambda pair: pair[1]):
        places = [at for at, _ in run]
        beside = {found[-1] if found else "", *kinds[places[-1] + 1 : places[-1] + 2]}
        found += ["EN" if kind == "ET" and "EN" in beside else kind] * len(places)
    return found


def _without_neutral(kinds: list[str], base: int) -> list[str]:
    """Give what has no direction that of both its neighbours, or the paragraph's (N1, N2)."""
    own = "R" if base else "L"
    found: list[str] = []
    for is_neutral, run in groupby(enumerate(kinds), key=lambda pair: pair[1] in _NEUTRAL):
        places = [at for at, _ in run]
        if not is_neutral:
            found += [kinds[at] for at in places]
            continue
        before = _side(found[-1]) if found else own
        following = kinds[places[-1] + 1 : places[-1] + 2]
        after = _side(following[0]) if following else own
        found += [before if before == after else own] * len(places)
    return found


def _side(kind: str) -> str:
    return "R" if kind in _NUMBERS else kind
