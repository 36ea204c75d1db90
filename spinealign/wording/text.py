"""Text from files and people, made safe to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

_UNBREAKABLE = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
_FROM_THE_RIGHT = ("R", "AL", "AN")
_MARK = "\N{LEFT-TO-RIGHT MARK}"
_ISOLATE = "\N{FIRST STRONG ISOLATE}"
_END_OF_ISOLATE = "\N{POP DIRECTIONAL ISOLATE}"
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Without width, but Persian and Indian names are spelt with them."""


_NAMES = ("Cobb", "Modic", "Pfirrmann")

UNKNOWN_FIGURE = "not defined here"
"""Where a figure cannot be computed."""


def display_name(path: Path) -> str:
    """Return a file's name that is safe to show: no control or undecodable characters."""
    return safe_text(path.name or str(path))


def safe_text(text: str) -> str:
    """Return `text` with every unprintable character replaced (U+FFFD).

    Kept are `JOINERS` and spaces that do not break, which stand before our own units.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        c if c.isprintable() or c in JOINERS or c in _UNBREAKABLE else "\N{REPLACEMENT CHARACTER}"
        for c in composed
    )


def isolated(text: str) -> str:
    """Return text as a part of a line that runs from left to right, whatever its letters.

    Only text with letters from right to left gets the characters for that (Unicode Standard Annex
    9, 2.4.2); for windows, not for reports and terminals, whose lines hold none of them. The mark
    is for Qt's documents, which look for a line's direction inside isolates too.
    """
    is_turned = any(unicodedata.bidirectional(c) in _FROM_THE_RIGHT for c in text)
    return f"{_MARK}{_ISOLATE}{text}{_END_OF_ISOLATE}" if is_turned else text


def probability_text(probability: float) -> str:
    """Return a probability with two decimals, never rounded to certainty."""
    if probability < 0.01:
        return "under 0.01"
    if probability > 0.99:
        return "over 0.99"
    return f"{probability:.2f}"


def as_sentence(text: str) -> str:
    """Return `text` as a sentence with its full stop."""
    text = safe_text(text.strip()) or "no reason was given"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def in_sentence(title: str) -> str:
    """Return a title as it stands inside a sentence: "sacral slope", and "C7 slope" as it is."""
    is_name = title.startswith(_NAMES) or not title[1:2].islower()
    return title if is_name else title[0].lower() + title[1:]


def count_text(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 file", "2 files", "1,200 files"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as a list in a sentence: "C2, C3 and C4"."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
