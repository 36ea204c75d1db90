"""The age of a patient at the examination, from the tags of a DICOM frame."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_OLDEST_YEARS = 120
"""Ages above this are typing errors. Source: set by hand; no older person is known by name."""

_AGE = re.compile(r"(\d{3})([DWMY])")
_IN_A_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
"""Of the units of an age string. Source: DICOM PS3.5 table 6.2-1; days of the Julian year."""

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_DAYS = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


def patient_age_years(dataset: Dataset) -> int | None:
    """Return the age in whole years, by the age or the date of birth that a file states.

    The date of birth counts first, being exact; None where neither is there or credible.
    """
    born = _date_of(dataset, "PatientBirthDate")
    day = next((found for name in _DAYS if (found := _date_of(dataset, name))), None)
    if born is not None and day is not None and born <= day:
        return _credible(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))
    stated = _AGE.fullmatch(_text(dataset, "PatientAge"))
    return None if stated is None else _credible(int(stated[1]) / _IN_A_YEAR[stated[2]])


def _credible(years: float) -> int | None:
    return int(years) if years <= _OLDEST_YEARS else None


def _date_of(dataset: Dataset, keyword: str) -> date | None:
    found = _DATE.match(_text(dataset, keyword))
    try:
        return None if found is None else date(*map(int, found.groups()))
    except ValueError:
        return None


def _text(dataset: Dataset, keyword: str) -> str:
    """Return an attribute as text; a damaged one must not keep the picture from being read."""
    try:
        return str(dataset.get(keyword) or "").strip()
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return ""
