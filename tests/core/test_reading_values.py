"""Values of a reading: what they refuse, what their status is, and that JSON gives them back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.reading import (
    GRADE_LIMITS,
    Addendum,
    Decision,
    FindingDecision,
    FindingValue,
    GradeScale,
    GradeValue,
    Impression,
    NameValue,
    NumberValue,
    PresenceValue,
    ReadImage,
    Reading,
    ReadingStatus,
)
from spinealign.json_files import JsonError, typed

NOW = datetime(2026, 11, 28, 21, 0, tzinfo=UTC)
IMAGE = ReadImage("a" * 64, 100, 200)

finite = st.floats(allow_nan=False, allow_infinity=False)
shares = st.none() | st.floats(0, 1)
printable = st.text(max_size=40)
values: st.SearchStrategy[FindingValue] = st.one_of(
    st.builds(
        NumberValue,
        finite,
        st.sampled_from(["deg", "mm", "%", ""]),
        st.none() | st.tuples(finite, finite),
    ),
    st.builds(GradeValue, st.sampled_from(GradeScale), st.integers(0, 5), shares),
    st.builds(PresenceValue, st.booleans(), shares),
    st.builds(NameValue, printable),
)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@st.composite
def decisions(draw: st.DrawFn, key: str = "measure/cobb_c2_c7") -> FindingDecision:
    decision = draw(st.sampled_from([Decision.ACCEPTED, Decision.CHANGED, Decision.REJECTED]))
    human = draw(values) if decision is Decision.CHANGED else None
    shown, automatic = draw(st.none() | values), draw(st.none() | values)
    return FindingDecision(key, decision, shown, automatic, human, draw(printable), draw(moments))


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    keys = draw(st.lists(st.text("abc/", min_size=1, max_size=8), unique=True, max_size=5))
    made = tuple(draw(decisions(key)) for key in keys)
    signed = draw(st.none() | moments)
    addenda = st.builds(Addendum, printable, st.text(min_size=1, max_size=9), st.just("B"), moments)
    return Reading(
        IMAGE,
        "xray",
        made,
        Impression(draw(printable), draw(st.booleans())),
        "A. Reader" if signed else draw(printable),
        signed_utc=signed,
        addenda=tuple(draw(st.lists(addenda, max_size=3))) if signed else (),
    )


def accepted(key: str = "k", **changes: object) -> FindingDecision:
    made = FindingDecision(key, Decision.ACCEPTED, PresenceValue(True), None, None, "A", NOW)
    return msgspec.structs.replace(made, **changes)


@given(readings())
def test_json_gives_a_reading_back(reading: Reading):
    text = msgspec.json.encode(reading)
    assert typed(json.loads(text), Reading, is_strict=True) == reading


def test_status_follows_from_what_was_done():
    begun = Reading(IMAGE, "xray")
    assert begun.status is ReadingStatus.AUTOMATIC
    assert (
        begun.with_changes(impression=Impression("text", False)).status is ReadingStatus.AUTOMATIC
    )
    assert begun.with_changes(impression=Impression("", True)).status is ReadingStatus.BEING_READ
    read = begun.with_changes(decisions=(accepted(),))
    assert (read.status, read.version) == (ReadingStatus.BEING_READ, 0)
    signed = read.with_changes(signed_utc=NOW, reader="A")
    assert (signed.status, signed.version) == (ReadingStatus.SIGNED, 1)
    amended = signed.with_changes(addenda=(Addendum("more", "forgotten", "A", NOW),))
    assert (amended.status, amended.version) == (ReadingStatus.AMENDED, 2)
    assert [s for s in ReadingStatus if s.is_verified] == [signed.status, amended.status]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decisions": (accepted(), accepted())}, "one decision"),
        ({"addenda": (Addendum("more", "why", "A", NOW),)}, "only a signed"),
        ({"signed_utc": NOW, "reader": " "}, "has a reader"),
    ],
    ids=["two-decisions", "addendum-to-a-draft", "signed-by-nobody"],
)
def test_a_reading_refuses(changes: dict[str, object], words: str):
    with pytest.raises(ValueError, match=words):
        Reading(IMAGE, "xray").with_changes(**changes)


@pytest.mark.parametrize(
    ("decision", "human"),
    [
        (Decision.UNDECIDED, None),
        (Decision.CHANGED, None),
        (Decision.ACCEPTED, PresenceValue(False)),
        (Decision.REJECTED, PresenceValue(False)),
    ],
)
def test_a_decision_refuses_what_contradicts_it(decision: Decision, human: FindingValue | None):
    with pytest.raises(ValueError, match="finding"):
        accepted(decision=decision, human=human)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("decided_utc", "2026-11-28T21:00:00"),
        ("decision", "undecided"),
        ("shown", {"type": "grade", "scale": "thompson", "grade": 3}),
        ("shown", {"type": "presence", "is_present": True, "probability": 1.2}),
        ("key", ""),
    ],
    ids=["no-time-zone", "undecided", "unknown-scale", "over-certain", "no-key"],
)
def test_a_file_with_an_impossible_decision_is_refused(place: str, value: object):
    reading = msgspec.to_builtins(Reading(IMAGE, "xray", (accepted(),)))
    reading["decisions"][0][place] = value
    with pytest.raises(JsonError):
        typed(json.loads(json.dumps(reading)), Reading, is_strict=True)


@given(decisions())
def test_what_holds_is_the_reader_s_value_then_the_accepted_one(made: FindingDecision):
    wanted = {
        Decision.ACCEPTED: made.shown,
        Decision.CHANGED: made.human,
        Decision.REJECTED: None,
    }
    assert made.effective == wanted[made.decision]


def test_every_scale_has_limits():
    assert set(GRADE_LIMITS) == set(GradeScale)


def test_later_versions_are_later():
    addenda = tuple(Addendum("t", "r", "A", NOW + timedelta(days=n)) for n in range(3))
    assert Reading(IMAGE, "xray", reader="A", signed_utc=NOW, addenda=addenda).version == 4
