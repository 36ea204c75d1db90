"""What a list says of a result, by what its reader decided and signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import Reading
from spinealign.reading.findings import findings_of
from spinealign.reading.key_value import key_value_of_result
from spinealign.reading.store import image_of
from tests.readings import neck_analysis

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def test_the_worst_finding_of_a_result_alone() -> None:
    assert key_value_of_result(neck_analysis(), None) == "C4/C5 translation 3.8 mm"


def test_a_signed_reading_tells_what_was_signed() -> None:
    now = neck_analysis()
    signed = replace(
        now, measurements=tuple(m for m in now.measurements if m.code != MeasureCode.TRANSLATION)
    )
    begun = Reading(image_of(now), now.view_name, reader="A. Reader")
    assert key_value_of_result(now, begun) == "C4/C5 translation 3.8 mm"
    reading = begun.with_changes(signed_utc=NOW, findings=findings_of(signed))
    assert key_value_of_result(now, reading) == "C2–C7 Cobb 12.0°"
