"""A reading as JSON, for programs: what was decided, without anything that a person typed."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import msgspec

from spinealign.domain.reading import FindingDecision, FindingValue, Moment, Reading


def reading_record(reading: Reading | None) -> dict[str, Any] | None:
    """Return status and decisions of a reading; None without one.

    Impression, addenda and names of readers are left out: results hold no patient data.

    Parameters
    ----------
    reading : Reading or None

    Returns
    -------
    dict or None
        Fits `reading` of `analysis_schema`.
    """
    if reading is None:
        return None
    return {
        "status": reading.status.value,
        "version": reading.version,
        "signed_utc": None if reading.signed_utc is None else _time(reading.signed_utc),
        "decisions": [_decision(made) for made in reading.decisions],
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
