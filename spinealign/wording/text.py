"""Text from files and people, made safe to show."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

_UNBREAKABLE = "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Without width, but Persian and Indian names are spelt with them."""


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


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as a list in a sentence: "C2, C3 and C4"."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
