"""Which pictures a model learned from: figures on them say nothing of other patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

KEY = "learned_from"
"""Under which a card's `training` has the marks of pictures."""

MARK_LENGTH = 12
"""Hex digits of a file's SHA-256: among a million files, fewer than one in ten thousand chances
that any two share one where a thousand pictures are asked about."""

MOST_PICTURES = 20_000
"""Of more pictures no marks are kept: a card is read by people too."""


def picture_marks(checksums: Iterable[str]) -> list[str]:
    """Return the beginnings of the SHA-256 of files, in order of the alphabet, each once.

    Empty if there are more than `MOST_PICTURES`. A mark tells who has a file whether it is the
    same; nothing of the picture follows from it.
    """
    marks = sorted({checksum[:MARK_LENGTH] for checksum in checksums if checksum})
    return marks if len(marks) <= MOST_PICTURES else []


def marks_of(training: Mapping[str, Any]) -> frozenset[str]:
    """Return the marks that a card's `training` holds; empty where it tells none."""
    marks = training.get(KEY)
    return frozenset(map(str, marks)) if isinstance(marks, (list, tuple)) else frozenset()


def is_learned_from(marks: frozenset[str], checksum: str) -> bool:
    """Tell whether a file with this SHA-256 is one of those that the marks stand for."""
    return checksum[:MARK_LENGTH] in marks
