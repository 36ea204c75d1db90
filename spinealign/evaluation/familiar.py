"""Pictures of an evaluation that the model has learned from, counted while it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spinealign.domain.image import SpineImage
from spinealign.domain.trained_on import learned_from
from spinealign.imaging.likeness import content_mark, moved_marks
from spinealign.wording import evaluation as words


class Familiar:
    """Counts pictures that a model learned from, by their files or by what they show.

    Parameters
    ----------
    training : mapping
        Of the model's card.
    """

    def __init__(self, training: Mapping[str, Any]) -> None:
        self._known = learned_from(training)
        self._files = 0
        self._alike: list[str] = []
        self._moved: list[str] = []

    def see(self, name: str, image: SpineImage) -> None:
        """Take one picture that counts in the figures."""
        if self._known.has_file(image.sha256):
            self._files += 1
        elif len(self._known.contents):
            if self._known.has_alike(content_mark(image.pixels)):
                self._alike.append(name)
            elif any(self._known.has_alike(mark) for mark in moved_marks(image.pixels)):
                self._moved.append(name)

    def cautions(self, of: int) -> list[str]:
        """Return what stands before the figures of `of` pictures."""
        told = [words.learned_from_text(self._files, of)] if self._files else []
        alike = ((self._alike, words.STORED_OTHERWISE), (self._moved, words.MOVED))
        told += [words.learned_alike_text(names, of, how) for names, how in alike if names]
        return [*told, words.COPIES_NOT_KNOWN] if told else []
