"""A reading as JSON, for programs: what was decided, without anything that a person typed."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec

from spinealign.domain.reading import FindingDecision, FindingValue, Moment, Reading
from spinealign.domain.report_details import LeftOutReading, ReadingUse


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
