"""Dates moved by days: the values of DA and DT of PS3.5, 6.2."""

from __future__ import annotations

import re
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_DATE_TIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?")
_TIME = re.compile(r"\d{2}:?(\d{2}:?(\d{2}(\.\d{1,6})?)?)?")


def shifted_date(value: str, days: int) -> str | None:
    """Return a date (YYYYMMDD, or of old YYYY.MM.DD) some days later; None if it is none."""
    found = _DATE.fullmatch(value.strip())
    moved = found and _moved(found[1], found[2], found[3], days)
    return f"{moved:%Y%m%d}" if moved else None


def shifted_date_time(value: str, days: int) -> str | None:
    """Return a date with time some days later, as exact as before; None if it is none.

    Of a value that states no day, the first one counts.
    """
    found = _DATE_TIME.fullmatch(value.strip())
    if not found or (found[4] and not found[3]):
        return None
    year, month, day, time, zone = found.groups()
    moved = _moved(year, month or "01", day or "01", days)
    if moved is None:
        return None
    digits = f"{moved:%Y%m%d}"[: len(year + (month or "") + (day or ""))]
    return f"{digits}{time or ''}{zone or ''}"


def is_time(value: str) -> bool:
    """Tell whether a value is a time of day."""
    return _TIME.fullmatch(value.strip()) is not None


def _moved(year: str, month: str, day: str, days: int) -> date | None:
    try:
        moved = date(int(year), int(month), int(day)) + timedelta(days)
    except (ValueError, OverflowError):
        return None
    return moved if moved.year >= 1000 else None
