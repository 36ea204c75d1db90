"""A search as conditions of the database."""

from __future__ import annotations

import re

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
