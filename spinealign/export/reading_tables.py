"""A reading as JSON, for programs: what was decided, without anything that a person typed."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec

from spinealign.domain.reading import (
    FindingDecision,
    FindingValue,
    GradeValue,
    Moment,
    NumberValue,
    PresenceValue,
    Reading,
)
from spinealign.domain.report_details import LeftOutReading, ReadingUse

_DECIMALS = 4


def reading_record(
    reading: Reading | None, left_out: LeftOutReading | None = None
) -> dict[str, Any] | None:
    """Return status and decisions of a reading; None without one.

    Impression, addenda and names of readers are left out: results hold no patient data.

    Parameters
    ----------
    reading : Reading or None
    left_out : LeftOutReading or None
        A stored reading that the result does not rest on: its status stands there alone.

    Returns
    -------
    dict or None
        Fits `reading` of `analysis_schema`.
    """
    if reading is None:
        return None if left_out is None else _left_out(left_out)
    return {
        "use": ReadingUse.TAKEN_IN.value,
        "status": reading.status.value,
        "version": reading.version,
        "signed_utc": None if reading.signed_utc is None else _time(reading.signed_utc),
        "decisions": [_decision(made) for made in reading.decisions],
    }


def status_cell(reading: Reading | None) -> str:
    """Return how far an image is read, for a table; empty where nobody has begun."""
    return "" if reading is None else reading.status.value


def reader_cell(reading: Reading | None, key: str) -> str | float | int:
    """Return what the reader signed of a finding, for a table.

    Returns
    -------
    str, float or int
        A number, a grade, "yes" or "no"; "rejected"; empty where nothing was signed.
    """
    is_signed = reading is not None and reading.signed_utc is not None
    made = reading.decision_on(key) if reading is not None and is_signed else None
    if made is None:
        return ""
    match made.effective:
        case NumberValue(value=number):
            return round(number, _DECIMALS)
        case GradeValue(grade=grade):
            return grade
        case PresenceValue(is_present=is_present):
            return "yes" if is_present else "no"
    return made.decision.value


def _left_out(left_out: LeftOutReading) -> dict[str, Any]:
    status = None if left_out.status is None else left_out.status.value
    return {
        "use": left_out.use.value,
        "status": status,
        "version": None,
        "signed_utc": None,
        "decisions": [],
    }


def _decision(made: FindingDecision) -> dict[str, Any]:
    return {
        "finding": made.key,
        "decision": made.decision.value,
        "shown": _value(made.shown),
        "automatic": _value(made.automatic),
        "value": _value(made.effective),
        "decided_utc": _time(made.decided_utc),
    }


def _value(value: FindingValue | None) -> dict[str, Any] | None:
    """Return a value with its type, as files of readings hold it."""
    record: dict[str, Any] | None = msgspec.to_builtins(value)
    return record


def _time(moment: Moment) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
