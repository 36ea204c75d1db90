"""Pages of the manual as they lie on the disk, and the search in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CONTENTS = "index"
"""The page that names all others, in their order."""

_LINK = re.compile(r"\[([^\]]+)\]\(([\w-]+)\.md\)")
_MARKS = (
    (re.compile(r"!\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"^\|[-| :]+\|$", re.MULTILINE), ""),
    (re.compile(r"^#+ |^[-*] |^\d+\. |[`*]|\|", re.MULTILINE), " "),
    (re.compile(r"\s+"), " "),
)
_BEFORE, _AFTER = 40, 90
"""Letters shown around a hit."""


@dataclass(frozen=True)
class Page:
    """A page: its file's stem, and its Markdown."""

    name: str
    markdown: str

    @cached_property
    def title(self) -> str:
        """Its heading."""
        first = self.markdown.lstrip().splitlines()[0] if self.markdown.strip() else self.name
        return first.lstrip("# ").strip()

    @cached_property
    def words(self) -> str:
        """What is read of it, on one line."""
        text = self.markdown
        for mark, instead in _MARKS:
            text = mark.sub(instead, text)
        return text.strip()


@dataclass(frozen=True)
class Hit:
    """A page that holds all words that were looked for, how often, and the place of the first."""

    page: Page
    count: int
    excerpt: str


def read_pages(folder: Path) -> tuple[Page, ...]:
    """Return all pages, the contents first and the others in the order that it names them.

    A page that cannot be read is left out.
    """
    contents = _read(folder, CONTENTS)
    if contents is None:
        return ()
    names = dict.fromkeys(name for _, name in _LINK.findall(contents.markdown) if name != CONTENTS)
    others = (_read(folder, name) for name in names)
    return (contents, *(page for page in others if page is not None))


def words_of(text: str) -> tuple[str, ...]:
    """Return what is looked for, word by word, upper and lower case alike."""
    return tuple(dict.fromkeys(text.casefold().split()))


def search(pages: Sequence[Page], text: str) -> tuple[Hit, ...]:
    """Return the pages that hold every word of a text, those first that have one in the title.

    Parameters
    ----------
    text : str
        Words or beginnings of words.
    """
    wanted = words_of(text)
    if not wanted:
        return ()
    hits = [hit for hit in (_hit(page, wanted) for page in pages) if hit is not None]
    hits.sort(key=lambda hit: (-_in_title(hit.page, wanted), -hit.count))
    return tuple(hits)


def _hit(page: Page, wanted: Sequence[str]) -> Hit | None:
    if page.name == CONTENTS:
        return None
    low = page.words.casefold()
    if not all(word in low for word in wanted):
        return None
    first = min(low.index(word) for word in wanted)
    begin = max(0, first - _BEFORE)
    begin = page.words.find(" ", begin) + 1 if begin else 0
    shown = page.words[min(begin, first) : first + _AFTER].strip()
    return Hit(page, sum(map(low.count, wanted)), f"…{shown}…" if begin else f"{shown}…")


def _in_title(page: Page, wanted: Sequence[str]) -> int:
    return sum(word in page.title.casefold() for word in wanted)


def _read(folder: Path, name: str) -> Page | None:
    try:
        return Page(name, (folder / f"{name}.md").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
