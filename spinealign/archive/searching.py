"""A search as conditions of the database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spinealign.archive.records import Search, View

_WORD = re.compile(r"\w+", re.UNICODE)


def match_of(words: str) -> str:
    """Return words as a query of the full text: each must occur, as the beginning of a word."""
    return " ".join(f'"{word}"*' for word in _WORD.findall(words))


def where_of(search: Search) -> tuple[str, tuple[object, ...]]:
    """Return the conditions of a search, and their values."""
    conditions: list[str] = ["1"]
    values: list[object] = []

    def ask(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    match = match_of(search.words)
    if match:
        ask("e.examination IN (SELECT rowid FROM words WHERE words MATCH ?)", match)
    if search.view is View.TO_READ:
        ask("e.status NOT IN ('signed', 'amended')")
    elif search.view is View.MINE:
        ask("e.reader = ?", search.reader)
    elif search.view is View.SIGNED_TODAY:
        ask("substr(e.signed_utc, 1, 10) = ?", search.today_utc.isoformat())
    for column, value in (("kind", search.kind), ("status", search.status)):
        if value:
            ask(f"e.{column} = ?", value)
    if search.level:
        ask("e.examination IN (SELECT examination FROM finding WHERE level = ?)", search.level)
    if search.tag:
        ask("e.examination IN (SELECT examination FROM tag WHERE tag = ?)", search.tag)
    if search.first_date:
        ask("e.study_date >= ?", search.first_date)
    if search.last_date:
        ask("e.study_date <= ?", search.last_date)
    return " AND ".join(conditions), tuple(values)


@dataclass(frozen=True)
class Choices:
    """What a search can choose among: what the archive holds, sorted.

    Parameters
    ----------
    kinds, levels, tags : tuple of str
    """

    kinds: tuple[str, ...]
    levels: tuple[str, ...]
    tags: tuple[str, ...]


def choices_of(connection: Any) -> Choices:
    """Return what a search in an archive can choose among."""

    def column(query: str) -> tuple[str, ...]:
        return tuple(row[0] for row in connection.execute(query) if row[0])

    return Choices(
        column("SELECT DISTINCT kind FROM examination ORDER BY kind"),
        column("SELECT DISTINCT level FROM finding ORDER BY level"),
        column("SELECT DISTINCT tag FROM tag ORDER BY tag"),
    )


def tags_of(connection: Any, identifiers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the tags of examinations, by their identifiers; those without are missing."""
    wanted = set(identifiers)
    found: dict[str, tuple[str, ...]] = {}
    rows = connection.execute(
        "SELECT e.identifier, t.tag FROM tag t JOIN examination e USING (examination) "
        "ORDER BY t.tag"
    )
    for identifier, tag in rows:
        if identifier in wanted:
            found[identifier] = (*found.get(identifier, ()), tag)
    return found
