"""The words by which an examination is found, made of what the tables hold."""

from __future__ import annotations

from typing import Any

import msgspec

from spinealign.json_files import JsonError, parse_json


class _Addendum(msgspec.Struct):
    text: str = ""
    reason: str = ""


class _Reading(msgspec.Struct):
    addenda: tuple[_Addendum, ...] = ()


def index_examination(connection: Any, number: int) -> None:
    """Make the words of an examination anew, from what its tables hold.

    Parameters
    ----------
    connection : connection
    number : int
        Its row.
    """

    def joined(query: str) -> str:
        rows = connection.execute(query, (number,))
        return "\n".join(" ".join(str(value) for value in row) for row in rows)

    connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
    columns = (
        joined(
            "SELECT replace(p.name, '^', ' '), p.patient_id, e.accession FROM examination e "
            "JOIN patient p USING (patient) WHERE e.examination = ?"
        ),
        joined("SELECT description FROM examination WHERE examination = ?"),
        joined("SELECT level, statement FROM finding WHERE examination = ?"),
        _read_words(connection, number),
        joined("SELECT tag FROM tag WHERE examination = ?"),
        joined("SELECT content FROM note WHERE examination = ?"),
    )
    connection.execute(
        "INSERT INTO words(rowid, people, description, findings, impression, tags, notes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, *columns),
    )


def index_amended(connection: Any) -> None:
    """Make the words of all examinations with an addendum anew."""
    rows = connection.execute(
        "SELECT DISTINCT examination FROM reading_version WHERE status = 'amended'"
    ).fetchall()
    for row in rows:
        index_examination(connection, int(row[0]))


def addenda_words(content: bytes) -> str:
    """Return the texts and reasons of a reading's addenda, a line each.

    Parameters
    ----------
    content : bytes
        The reading's own file.

    Returns
    -------
    str
        Empty without any, and of a file that cannot be read: its impression is found all the same.
    """
    try:
        reading = parse_json(content, _Reading)
    except JsonError:
        return ""
    return "\n".join(f"{each.text}\n{each.reason}" for each in reading.addenda)


def _read_words(connection: Any, number: int) -> str:
    """Return what the latest version of the reading says: its impression and its addenda."""
    row = connection.execute(
        "SELECT impression, content FROM reading_version WHERE examination = ? "
        "ORDER BY version DESC LIMIT 1",
        (number,),
    ).fetchone()
    return "" if row is None else f"{row[0]}\n{addenda_words(bytes(row[1]))}"
