"""Which pictures a model learned from: figures on them say nothing of other patients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEY = "learned_from"
"""Under which a card's `training` has the marks of files."""

CONTENT_KEY = "learned_from_content"
"""Under which it has the marks of what the pictures show (`imaging.likeness`)."""

MARK_LENGTH = 12
"""Hex digits of a file's SHA-256: among a million files, fewer than one in ten thousand chances
that any two share one where a thousand pictures are asked about."""

MOST_PICTURES = 20_000
"""Of more pictures no marks are kept: a card is read by people too."""

MOST_CONTENTS = 5_000
"""The same for marks of contents, which are longer; about 200 kB."""

CONTENT_LENGTH = 32
"""Hex digits of a mark of content."""

MOST_DIFFERING_BITS = 12
"""Of 128, in which marks of one picture may differ. Source: 160 re-encoded or resized copies of
sagittal MR slices and frontal films differed in at most 6, brighter or darker ones in 14; slices of
two patients (63,687 pairs) in at least 23. Of 115,440 pairs of frontal films nine differed in less
than 20: the eight looked at are one film or patient twice (docs/design/own-training.md)."""

_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


def picture_marks(checksums: Iterable[str]) -> list[str]:
    """Return the beginnings of the SHA-256 of files, in order of the alphabet, each once.

    Empty if there are more than `MOST_PICTURES`. A mark tells who has a file whether it is the
    same; nothing of the picture follows from it.
    """
    marks = sorted({checksum[:MARK_LENGTH] for checksum in checksums if checksum})
    return marks if len(marks) <= MOST_PICTURES else []


def content_marks(marks: Iterable[str]) -> list[str]:
    """Return marks of contents in order, each once; empty if there are over `MOST_CONTENTS`."""
    kept = sorted({mark for mark in marks if mark})
    return kept if len(kept) <= MOST_CONTENTS else []


@dataclass(frozen=True, eq=False)
class LearnedFrom:
    """The pictures that a model learned from, as far as its card tells.

    Parameters
    ----------
    files : frozenset of str
        See `picture_marks`.
    contents : (n, 16) uint8
        Bits of `content_marks`.
    """

    files: frozenset[str] = frozenset()
    contents: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 16), np.uint8))

    def has_file(self, checksum: str) -> bool:
        """Tell whether a file with this SHA-256 is one of them."""
        return checksum[:MARK_LENGTH] in self.files

    def has_alike(self, mark: str) -> bool:
        """Tell whether one of them shows what a picture with this mark of content shows."""
        if not _is_mark(mark) or not len(self.contents):
            return False
        asked = np.frombuffer(bytes.fromhex(mark), np.uint8)
        differing = _ONES[self.contents ^ asked].sum(axis=1)
        return bool(differing.min() <= MOST_DIFFERING_BITS)


def learned_from(training: Mapping[str, Any]) -> LearnedFrom:
    """Return what a card's `training` tells; nothing where it tells nothing that can be used."""
    files, contents = (_listed(training.get(key)) for key in (KEY, CONTENT_KEY))
    bits = b"".join(bytes.fromhex(mark) for mark in contents if _is_mark(mark))
    return LearnedFrom(frozenset(files), np.frombuffer(bits, np.uint8).reshape(-1, 16))


def _listed(told: Any) -> list[str]:
    return [str(each) for each in told] if isinstance(told, (list, tuple)) else []


def _is_mark(text: str) -> bool:
    return re.fullmatch(rf"[0-9a-f]{{{CONTENT_LENGTH}}}", text) is not None
