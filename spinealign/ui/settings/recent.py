"""What was opened lately: a path, and which picture of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from spinealign import wording
from spinealign.domain.study import SlicePosition
from spinealign.json_files import JsonError, parse_json


@dataclass(frozen=True)
class Recent:
    """A path that was opened, with the series and picture chosen in it.

    Of a series its file or folder and its kind are kept, and not what the file calls it: that may
    be a patient's name.

    Parameters
    ----------
    path : Path
        File, folder, archive or index.
    series : int or None
        Number in the list of all series of the path, from 1; None when it holds only one.
    place : SlicePosition or None
        The picture that a person chose; None leaves the choice to the program.
    seen : SlicePosition or None
        The picture that was looked at last, where that is another one than the result is of.
    name : str
        What tells the series from the others of the path: its file or folder, and its kind.
    """

    path: Path
    series: int | None = None
    place: SlicePosition | None = None
    name: str = field(default="", compare=False)
    seen: SlicePosition | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """How it is stored: the plain path where that says all."""
        if self.series is None and self.place is None and self.seen is None:
            return str(self.path)
        place = None if self.place is None else [self.place.volume, self.place.index]
        table = {"path": str(self.path), "series": self.series, "place": place}
        if self.name:
            table["name"] = self.name
        if self.seen is not None:
            table["seen"] = [self.seen.volume, self.seen.index]
        return json.dumps(table)

    @property
    def title(self) -> str:
        """What it is called in lists."""
        words = [wording.display_name(self.path)]
        if self.name:
            words = [f"{words[0]} › {wording.safe_text(self.name)}"]
        elif self.series is not None:
            words.append(f"series {self.series}")
        if self.place is not None:
            words.append(f"image {self.place.index + 1}")
        return ", ".join(words)

    def is_same_series(self, other: Recent) -> bool:
        """Whether both are of one series of one path."""
        return (self.path, self.series) == (other.path, other.series)

    @classmethod
    def from_text(cls, text: str) -> Recent:
        """Read what `text` gave; what is no such table is a plain path."""
        if not text.startswith("{"):
            return cls(Path(text))
        try:
            stored = parse_json(text, _Stored)
        except JsonError:
            return cls(Path(text))
        place = None if stored.place is None else SlicePosition(*stored.place)
        seen = None if stored.seen is None else SlicePosition(*stored.seen)
        return cls(Path(stored.path), stored.series, place, stored.name, seen)


@dataclass(frozen=True)
class _Stored:
    path: str
    series: int | None
    place: tuple[int, int] | None
    name: str = ""
    seen: tuple[int, int] | None = None
