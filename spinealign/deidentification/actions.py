"""Which action of PS3.15 Annex E holds for an attribute, given options and its type."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from spinealign.deidentification.table import Row, type_of

_DATE_COLUMNS = ("full_dates", "shifted_dates")
_MUST_HAVE_VALUE = ("1", "1C")
_MAY_BE_EMPTY = ("2", "2C")


class Action(StrEnum):
    """What is done; the letters are those of PS3.15 table E.1-1a."""

    DUMMY = "D"
    EMPTY = "Z"
    REMOVE = "X"
    KEEP = "K"
    CLEAN = "C"
    SHIFT = "C (dates)"
    NEW_UID = "U"
    ITEMS = "U*"


def action_of(
    row: Row, columns: Collection[str], sop_class: str, parent: str, keyword: str
) -> Action:
    """Return what is done with an attribute.

    Where options disagree, the one that keeps less holds: a date that a device's identity would
    keep is only kept or shifted as dates are. Where the type is not known, the action is that
    of type 1, a dummy: nothing of the value stays, and the object stays valid whatever the type.

    Parameters
    ----------
    row : Row
    columns : collection of str
        Of the options that hold; see `Options.columns`.
    sop_class, parent, keyword : str
        Where the attribute stands; see `table.type_of`.
    """
    chosen = {name: letter for name, letter in row.options.items() if name in columns}
    if any(name in row.options for name in _DATE_COLUMNS):
        chosen = {name: letter for name, letter in chosen.items() if name in _DATE_COLUMNS}
    if "K" in chosen.values():
        return Action.KEEP
    if "shifted_dates" in chosen:
        return Action.SHIFT
    if chosen:
        return Action.CLEAN
    return basic_action(row.basic, type_of(sop_class, parent, keyword))


def basic_action(letters: str, kind: str | None) -> Action:
    """Return the action of the basic profile for an attribute of a type (None: not known)."""
    if letters == "X/Z/U*":
        return Action.ITEMS
    if letters == "U":
        return Action.NEW_UID
    choices = letters.split("/")
    if letters == "X":  # an object that must have it stays valid
        return {"1": Action.DUMMY, "2": Action.EMPTY}.get(kind or "", Action.REMOVE)
    if letters == "Z":
        return Action.DUMMY if kind in _MUST_HAVE_VALUE else Action.EMPTY
    if kind == "3" and "X" in choices:
        return Action.REMOVE
    if kind in _MAY_BE_EMPTY and "Z" in choices:
        return Action.EMPTY
    if kind == "3" and "Z" in choices:
        return Action.EMPTY
    if "D" in choices or kind in _MUST_HAVE_VALUE:
        return Action.DUMMY
    return Action.EMPTY
