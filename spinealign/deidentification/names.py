"""Names of persons as patterns: their spellings, and how much of a text goes with one."""

from __future__ import annotations

import re
from collections.abc import Iterable

LEAST_ANYWHERE = 5
"""Letters of a name that is looked for inside other words too; shorter ones stand alone."""

_VOWELS = {"a": "a[ea]?", "o": "oe?", "u": "ue?"}
_INITIAL = r"[a-z]\b\.?"
_BETWEEN = r"[\s,.^_\-]"
_INITIALS_BEFORE = re.compile(rf"(?:(?<![a-z0-9]){_INITIAL}{_BETWEEN}*)+$", re.ASCII)
_INITIALS_BEHIND = re.compile(rf"(?:{_BETWEEN}+{_INITIAL}(?!\w))+", re.ASCII)
_LETTERS_BEFORE, _LETTERS_BEHIND = re.compile(r"[a-z]+$"), re.compile(r"[a-z]+")
_MOST_BEFORE = 64


def simplest(name: str) -> str:
    """Return a folded name without the letters that stand for marks: "mueller" is "muller"."""
    return re.sub("aa", "a", re.sub("(?<=[aou])e", "", name))


def pattern_of(names: Iterable[str], *, only_long: bool = False) -> re.Pattern[str] | None:
    """Return what finds names in folded text; None without names.

    "ue" and "u", "oe" and "o", "ae", "aa" and "a" are the same.

    Parameters
    ----------
    names : iterable of str
        Folded.
    only_long : bool
        Whether names that are too short to be told inside other words are left out.
    """
    anywhere, alone = set[str](), set[str]()
    for name in names:
        spelt = {name: re.escape(name)}
        if name.isascii():
            plain = simplest(name)
            spelt[plain] = "".join(_VOWELS.get(letter, re.escape(letter)) for letter in plain)
        for form, pattern in spelt.items():
            is_long = not name.isascii() or len(form) >= LEAST_ANYWHERE
            (anywhere if is_long else alone).add(pattern)
    parts = sorted(anywhere, key=len, reverse=True)
    if alone and not only_long:
        parts.append(rf"(?<![a-z])(?:{'|'.join(sorted(alone, key=len, reverse=True))})(?![a-z])")
    return re.compile("|".join(parts)) if parts else None


def whole_names(text: str, found: Iterable[re.Match[str]]) -> list[tuple[int, int]]:
    """Return what of a folded text goes with the names in it: whole words, and initials beside.

    Of "muellers, j. l., sagittal" that is "muellers, j. l.": an end of a name or an initial that
    stays is part of the name. Names in other letters than Latin ones stand by themselves.

    Parameters
    ----------
    text : str
    found : iterable of re.Match
        Of names.
    """
    spans = []
    for match in found:
        start, end = match.span()
        if match[0].isascii():
            before = _LETTERS_BEFORE.search(text, max(0, start - _MOST_BEFORE), start)
            start = before.start() if before else start
            behind = _LETTERS_BEHIND.match(text, end)
            end = behind.end() if behind else end
            initials = _INITIALS_BEFORE.search(text, max(0, start - _MOST_BEFORE), start)
            start = initials.start() if initials else start
            more = _INITIALS_BEHIND.match(text, end)
            end = more.end() if more else end
        spans.append((start, end))
    return spans
