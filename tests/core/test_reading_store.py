"""Readings on the disk: drafts, signed versions, and every way in which they can be spoilt."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinealign import files
from spinealign.domain.errors import (
    ExportError,
    ReadingError,
    ReadingProblem,
    StoredReadingProblem,
)
from spinealign.domain.measures import NormalRange, Reference
from spinealign.domain.reading import (
    Addendum,
    Finding,
    FindingKind,
    Impression,
    Normality,
    Reading,
    ReadingStatus,
)
from spinealign.domain.report_details import LeftOutReading, ReadingUse
from spinealign.reading import signing
from spinealign.reading.store import (
    KEY_FILE,
    ReadingStore,
    StoredReading,
    folder_name,
    taken_in,
)
from tests.core.test_reading_values import IMAGE, NOW, accepted, readings
from tests.readings import neck_analysis, store_in

SIGNED = Reading(
    IMAGE, "xray", (accepted(),), Impression("All is well."), "A. Reader", signed_utc=NOW
)
AMENDED = SIGNED.with_changes(addenda=(Addendum("And C7.", "overlooked", "A. Reader", NOW),))
TWICE = AMENDED.with_changes(
    addenda=(*AMENDED.addenda, Addendum("And T1.", "asked", "B. Reader", NOW))
)


@pytest.fixture
def store(tmp_path: Path) -> ReadingStore:
    return store_in(tmp_path)


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "profile"


@pytest.fixture
def kept(store: ReadingStore) -> ReadingStore:
    """A reading signed and amended twice."""
    for reading in (SIGNED, AMENDED, TWICE):
        store.add_version(reading)
    return store


def version_path(profile: Path, version: int) -> Path:
    return profile / "readings" / folder_name(IMAGE) / f"version-{version:04}.json"


def count_path(profile: Path) -> Path:
    return profile / "signed" / f"{folder_name(IMAGE)}.json"


def faults(store: ReadingStore) -> list[tuple[StoredReadingProblem, int]]:
    return [(fault.problem, fault.version) for fault in store.load(IMAGE).faults]


# What results rest on


def test_a_reading_is_taken_in_unless_it_is_spoilt_or_of_another_kind(kept: ReadingStore, profile):
    neck = neck_analysis()
    stored = kept.load(IMAGE)
    of_view = replace(stored, reading=stored.reading.with_changes(view=neck.view_name))
    assert taken_in(neck, of_view) == (of_view.reading, None)
    other = replace(stored, reading=stored.reading.with_changes(view="ct"))
    left_out = LeftOutReading(ReadingUse.OF_ANOTHER_KIND, ReadingStatus.AMENDED)
    assert taken_in(neck, other) == (None, left_out)
    path = version_path(profile, 3)
    path.write_text(path.read_text().replace("And T1", "And T2"))
    spoilt = kept.load(IMAGE)
    assert taken_in(neck, spoilt) == (
        None, LeftOutReading(ReadingUse.FAULTY, ReadingStatus.AMENDED),
    )  # fmt: skip
    for number in (1, 2):
        path = version_path(profile, number)
        path.write_text(path.read_text().replace("Reader", "Writer"))
    unread = kept.load(IMAGE)
    assert unread.reading is None
    assert taken_in(neck, unread) == (
        None, LeftOutReading(ReadingUse.FAULTY, ReadingStatus.SIGNED),
    )  # fmt: skip
    assert taken_in(neck, StoredReading()) == (None, None)


# Drafts


def test_nothing_is_there_before_anything_was_written(store: ReadingStore, profile: Path):
    stored = store.load(IMAGE)
    assert (stored.reading, stored.versions, stored.faults) == (None, (), ())
    assert not profile.exists()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(readings())
def test_a_draft_comes_back_as_it_was(tmp_path: Path, reading: Reading):
    store = store_in(tmp_path)
    draft = reading.with_changes(signed_utc=None, addenda=())
    store.save_draft(draft)
    assert store.load(IMAGE).reading == draft


def test_a_draft_is_for_this_user_only(store: ReadingStore, profile: Path):
    store.save_draft(SIGNED.with_changes(signed_utc=None))
    path = profile / "readings" / folder_name(IMAGE) / "draft.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name == "nt"


def test_pictures_of_one_file_have_readings_of_their_own(store: ReadingStore):
    second = msgspec.structs.replace(IMAGE, index=3, volume=1)
    draft = SIGNED.with_changes(signed_utc=None)
    store.save_draft(draft)
    store.save_draft(draft.with_changes(image=second, reader="Other"))
    assert store.load(IMAGE).reading.reader == "A. Reader"
    assert store.load(second).reading.reader == "Other"
    assert list(store.of_file("a" * 64)) == [folder_name(IMAGE), folder_name(second)]
    assert store.of_file("a" * 63) == store.of_file("") == {}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", StoredReadingProblem.BROKEN),
        (b"{", StoredReadingProblem.BROKEN),
        (b"[]", StoredReadingProblem.BROKEN),
        (b'{"schema": "spinealign-reading-2"}', StoredReadingProblem.NEWER),
        (b'{"schema": "spinealign-reading-1"}', StoredReadingProblem.BROKEN),
    ],
    ids=["empty", "half", "list", "newer", "bare"],
)
def test_a_spoilt_draft_is_told_and_kept(store, profile, content, problem):
    draft = SIGNED.with_changes(signed_utc=None)
    store.save_draft(draft)
    path = profile / "readings" / folder_name(IMAGE) / "draft.json"
    path.write_bytes(content)
    stored = store.load(IMAGE)
    assert (stored.reading, [fault.problem for fault in stored.faults]) == (None, [problem])
    store.save_draft(draft)
    assert store.load(IMAGE).reading == draft
    assert path.with_name("draft.kept-1.json").read_bytes() == content


def test_a_draft_that_claims_to_be_signed_is_not_believed(store, profile):
    store.save_draft(SIGNED.with_changes(signed_utc=None))
    path = profile / "readings" / folder_name(IMAGE) / "draft.json"
    values = json.loads(path.read_bytes())
    values["reading"]["signed_utc"] = "2026-11-28T21:00:00Z"
    path.write_text(json.dumps(values))
    assert faults(store) == [(StoredReadingProblem.FOREIGN, 0)]


def test_a_draft_of_another_picture_is_not_taken(store, profile):
    other = msgspec.structs.replace(IMAGE, sha256="b" * 64)
    store.save_draft(SIGNED.with_changes(signed_utc=None, image=other))
    (profile / "readings" / folder_name(other)).rename(profile / "readings" / folder_name(IMAGE))
    assert faults(store) == [(StoredReadingProblem.FOREIGN, 0)]


# Signed versions


def test_all_versions_are_kept_and_verify(kept: ReadingStore):
    stored = kept.load(IMAGE)
    assert stored.versions == (SIGNED, AMENDED, TWICE)
    assert (stored.reading, stored.faults, stored.unverified) == (TWICE, (), None)


def test_signing_ends_the_draft(store: ReadingStore, profile: Path):
    store.save_draft(SIGNED.with_changes(signed_utc=None))
    store.add_version(SIGNED)
    assert not version_path(profile, 1).with_name("draft.json").exists()
    with pytest.raises(ReadingError) as caught:
        store.save_draft(SIGNED.with_changes(signed_utc=None))
    assert caught.value.problem is ReadingProblem.SIGNED_ALREADY


def test_a_version_is_never_written_over(kept: ReadingStore, profile: Path):
    before = version_path(profile, 1).read_bytes()
    for reading in (SIGNED, AMENDED, TWICE):
        with pytest.raises(ReadingError) as caught:
            kept.add_version(reading.with_changes(impression=Impression("Else.")))
        assert caught.value.problem is ReadingProblem.SIGNED_ALREADY
    assert version_path(profile, 1).read_bytes() == before


def test_two_windows_cannot_both_sign(store: ReadingStore, profile: Path, monkeypatch):
    """The other window signs between this one's look and its own signature."""
    other = ReadingStore(profile)
    look = ReadingStore.load

    def look_then_other_signs(self, image):
        found = look(self, image)
        if self is store:
            other.add_version(SIGNED)
        return found

    monkeypatch.setattr(ReadingStore, "load", look_then_other_signs)
    with pytest.raises(ReadingError) as caught:
        store.add_version(SIGNED.with_changes(impression=Impression("Mine.")))
    assert caught.value.problem is ReadingProblem.SIGNED_ALREADY
    monkeypatch.undo()
    assert store.load(IMAGE).versions == (SIGNED,)


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), version=st.integers(1, 3))
def test_any_byte_changed_in_a_signed_version_is_noticed(place, version):
    content = SIGNED_BYTES[version]
    spoilt = flipped(content, int(place * len(content)))
    assert problems_with(version, spoilt), spoilt


def test_half_a_letter_in_a_signed_version_is_damage():
    spoilt = SIGNED_BYTES[2].replace(b'"A. Reader"', b'"\\ud800"', 1)
    assert spoilt != SIGNED_BYTES[2]
    assert StoredReadingProblem.BROKEN in problems_with(2, spoilt)


def problems_with(version: int, content: bytes) -> list[StoredReadingProblem]:
    profile = SIGNED_PROFILE
    path = version_path(profile, version)
    try:
        path.write_bytes(content)
        return [problem for problem, _ in faults(ReadingStore(profile))]
    finally:
        path.write_bytes(SIGNED_BYTES[version])


@pytest.fixture(scope="module", autouse=True)
def _signed_profile(tmp_path_factory):
    global SIGNED_PROFILE, SIGNED_BYTES
    SIGNED_PROFILE = tmp_path_factory.mktemp("signed") / "profile"
    store = ReadingStore(SIGNED_PROFILE)
    for reading in (SIGNED, AMENDED, TWICE):
        store.add_version(reading)
    SIGNED_BYTES = {
        version: version_path(SIGNED_PROFILE, version).read_bytes() for version in (1, 2, 3)
    }


SIGNED_PROFILE = Path()
SIGNED_BYTES: dict[int, bytes] = {}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_version_is_damaged(kept, profile, share):
    path = version_path(profile, 3)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert faults(kept) == [(StoredReadingProblem.BROKEN, 3)]
    assert kept.load(IMAGE).reading == AMENDED


def test_a_changed_word_is_a_change(kept, profile):
    path = version_path(profile, 1)
    path.write_text(path.read_text().replace("All is well.", "All is lost."))
    assert faults(kept) == [(StoredReadingProblem.CHANGED, 1)]
    assert SIGNED not in kept.load(IMAGE).versions


def test_a_change_is_told_from_a_missing_key(kept, profile):
    (profile / KEY_FILE).unlink()
    path = version_path(profile, 2)
    path.write_text(path.read_text().replace("overlooked", "invented__"))
    assert [fault for fault in faults(kept) if fault[1]] == [
        (StoredReadingProblem.KEY_MISSING, 1),
        (StoredReadingProblem.CHANGED, 2),
        (StoredReadingProblem.KEY_MISSING, 3),
    ]


def resealed(profile: Path, version: int, **changes: object) -> None:
    """Change a version and make its open checksum anew, as somebody without the key could."""
    path = version_path(profile, version)
    values = json.loads(path.read_bytes())
    values["reading"].update(changes)
    sha256, _ = signing.checksums(values, b"")
    values["seal"]["sha256"] = sha256
    path.write_bytes(signing.canonical(values))


def test_a_change_with_a_new_checksum_lacks_the_key(kept, profile):
    resealed(profile, 3, reader="Somebody")
    problems = {problem for problem, _ in faults(kept)}
    assert StoredReadingProblem.CHANGED in problems


def test_a_missing_version_is_told_from_a_missing_last_one(kept, profile):
    version_path(profile, 2).rename(profile / "away")
    assert faults(kept) == [(StoredReadingProblem.VERSION_MISSING, 2)]
    (profile / "away").rename(version_path(profile, 2))
    version_path(profile, 3).unlink()
    assert faults(kept) == [(StoredReadingProblem.LAST_VERSION_MISSING, 3)]
    assert kept.load(IMAGE).reading == AMENDED


def test_all_versions_gone_is_told_by_the_count(kept, profile):
    for version in (1, 2, 3):
        version_path(profile, version).unlink()
    assert faults(kept) == [(StoredReadingProblem.LAST_VERSION_MISSING, n) for n in (1, 2, 3)]


def test_exchanged_versions_are_out_of_order(kept, profile):
    one, two = (version_path(profile, n).read_bytes() for n in (1, 2))
    version_path(profile, 1).write_bytes(two)
    version_path(profile, 2).write_bytes(one)
    problems = {problem for problem, _ in faults(kept)}
    assert StoredReadingProblem.OUT_OF_ORDER in problems


def test_a_version_of_another_history_does_not_follow(kept, profile, tmp_path):
    """With the same key, another first version under the same second one."""
    version_path(profile, 1).unlink()
    count_path(profile).unlink()
    others = [version_path(profile, n).read_bytes() for n in (2, 3)]
    for n in (2, 3):
        version_path(profile, n).unlink()
    kept.add_version(SIGNED.with_changes(impression=Impression("Else.")))
    for n, content in zip((2, 3), others, strict=True):
        version_path(profile, n).write_bytes(content)
    assert (StoredReadingProblem.OUT_OF_ORDER, 2) in faults(kept)


def test_a_version_of_another_picture_is_foreign(kept, profile):
    other = msgspec.structs.replace(IMAGE, sha256="b" * 64)
    kept.add_version(SIGNED.with_changes(image=other))
    moved = profile / "readings" / folder_name(other) / "version-0001.json"
    version_path(profile, 1).write_bytes(moved.read_bytes())
    assert (StoredReadingProblem.FOREIGN, 1) in faults(kept)


def test_without_the_key_nothing_is_vouched_for(kept, profile):
    key = (profile / KEY_FILE).read_bytes()
    (profile / KEY_FILE).unlink()
    stored = kept.load(IMAGE)
    assert {fault.problem for fault in stored.faults} == {StoredReadingProblem.KEY_MISSING}
    assert (stored.reading, stored.unverified) == (None, TWICE)
    (profile / KEY_FILE).write_text("ab" * 32)
    problems = {problem for problem, _ in faults(kept)}
    assert StoredReadingProblem.OTHER_KEY in problems
    (profile / KEY_FILE).write_bytes(key)
    assert faults(kept) == []


def test_a_damaged_key_is_not_replaced(store, profile):
    profile.mkdir()
    (profile / KEY_FILE).write_text("abc")
    with pytest.raises(ReadingError) as caught:
        store.add_version(SIGNED)
    assert caught.value.problem is ReadingProblem.FAULTY
    assert (profile / KEY_FILE).read_text() == "abc"


def test_a_missing_or_changed_count_is_told(kept, profile):
    content = count_path(profile).read_bytes()
    count_path(profile).unlink()
    assert faults(kept) == [(StoredReadingProblem.COUNT_MISSING, 0)]
    count_path(profile).write_bytes(content.replace(b'"version":3', b'"version":2'))
    assert (StoredReadingProblem.COUNT_CHANGED, 0) in faults(kept)
    count_path(profile).write_bytes(b"{")
    assert faults(kept) == [(StoredReadingProblem.BROKEN, 0)]


def test_an_old_count_does_not_hide_a_cut_tail(store, profile):
    store.add_version(SIGNED)
    old = count_path(profile).read_bytes()
    store.add_version(AMENDED)
    store.add_version(TWICE)
    count_path(profile).write_bytes(old)
    assert (StoredReadingProblem.COUNT_CHANGED, 0) in faults(store)


def test_nothing_is_added_to_what_is_spoilt(kept, profile):
    path = version_path(profile, 2)
    path.write_text(path.read_text().replace("overlooked", "invented__"))
    longer = TWICE.with_changes(addenda=(*TWICE.addenda, *AMENDED.addenda))
    with pytest.raises(ReadingError) as caught:
        kept.add_version(longer)
    assert caught.value.problem is ReadingProblem.FAULTY
    assert not version_path(profile, 4).exists()


def test_a_version_of_an_older_program_verifies_after_types_grew(kept, profile):
    """A checksum is of what was written, not of what this program would write."""
    path, key = version_path(profile, 1), bytes.fromhex((profile / KEY_FILE).read_text())
    values = json.loads(path.read_bytes())
    del values["reading"]["statements"]
    sha256, keyed = signing.checksums(values, key)
    values["seal"].update(sha256=sha256, hmac_sha256=keyed)
    path.write_bytes(signing.canonical(values))
    assert (StoredReadingProblem.CHANGED, 1) not in faults(kept)
    assert SIGNED in kept.load(IMAGE).versions


def test_a_reading_signed_under_a_reworded_source_stays_readable(store, profile):
    """Sources are reworded from version to version; what was signed is not."""
    normal = NormalRange(0.0, 30.0, source=Reference.GUO)
    finding = Finding("measure/x", FindingKind.MEASURE, "x", (), Normality.NORMAL, normal=normal)
    store.add_version(SIGNED.with_changes(findings=(finding,)))
    path, key = version_path(profile, 1), bytes.fromhex((profile / KEY_FILE).read_text())
    text = path.read_text(encoding="utf-8").replace(Reference.GUO.value, "Guo et al.")
    values = json.loads(text)
    sha256, keyed = signing.checksums(values, key)
    values["seal"].update(sha256=sha256, hmac_sha256=keyed)
    path.write_bytes(signing.canonical(values))
    count_path(profile).unlink()
    stored = store.load(IMAGE)
    assert stored.faults == ()
    assert stored.reading.findings[0].normal.source is Reference.OTHER_VERSION


@pytest.mark.parametrize("version", [10_000, 10**30])
def test_a_count_of_more_versions_than_there_can_be_is_damage(kept, profile, version):
    content = count_path(profile).read_bytes()
    count_path(profile).write_bytes(
        content.replace(b'"version":3', f'"version":{version}'.encode())
    )
    assert faults(kept) == [(StoredReadingProblem.BROKEN, 0)]
    assert kept.load(IMAGE).reading == TWICE


# A kill between two files


def test_a_kill_after_the_version_and_before_its_count_loses_nothing(store, profile, monkeypatch):
    store.add_version(SIGNED)
    with monkeypatch.context() as killed:
        killed.setattr(ReadingStore, "_write_count", _killed_at_version(2))
        with pytest.raises(KeyboardInterrupt):
            store.add_version(AMENDED)
    stored = store.load(IMAGE)
    assert (stored.reading, stored.faults) == (AMENDED, ())
    store.add_version(TWICE)
    assert store.load(IMAGE).versions == (SIGNED, AMENDED, TWICE)
    assert faults(store) == []


def _killed_at_version(version: int):
    write = ReadingStore._write_count

    def writes(self, name, seal, key):
        if seal.version == version:
            raise KeyboardInterrupt
        write(self, name, seal, key)

    return writes


def test_a_full_disk_leaves_everything_as_it_was(store, profile, monkeypatch):
    draft = SIGNED.with_changes(signed_utc=None)
    store.save_draft(draft)

    def full(path, *_args, **_others):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as filled:
        filled.setattr(files, "_write_new", full)
        for work in (
            lambda: store.add_version(SIGNED),
            lambda: store.save_draft(draft.with_changes(reader="B")),
        ):
            with pytest.raises(ExportError):
                work()
    stored = store.load(IMAGE)
    assert (stored.reading, stored.faults) == (draft, ())
    assert not list(profile.rglob(".spinealign-*"))


def test_a_drive_without_hard_links_keeps_versions_too(store, monkeypatch):
    def no_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    store.add_version(SIGNED)
    with pytest.raises(ReadingError):
        store.add_version(SIGNED)
    assert faults(store) == []


def test_canonical_bytes_do_not_depend_on_the_order_of_keys():
    one = {"b": 1, "a": [1.5, "ä"], "c": {"y": None, "x": True}}
    other = {"c": {"x": True, "y": None}, "a": [1.5, "ä"], "b": 1}
    assert signing.canonical(one) == signing.canonical(other)
    assert signing.canonical(one) == '{"a":[1.5,"ä"],"b":1,"c":{"x":true,"y":null}}\n'.encode()


def test_keyed_checksums_are_those_of_rfc_4231():
    """Test case 2 of RFC 4231."""
    keyed = signing.keyed_checksum(b"what do ya want for nothing?", b"Jefe")
    assert keyed == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_two_profiles_sign_with_two_keys(tmp_path):
    stores = [ReadingStore(tmp_path / name) for name in "ab"]
    for store in stores:
        store.add_version(SIGNED)
    keys = [(tmp_path / name / KEY_FILE).read_text() for name in "ab"]
    assert keys[0] != keys[1]
    assert all(len(bytes.fromhex(key)) == 32 for key in keys)


def test_times_keep_their_zone(store):
    draft = SIGNED.with_changes(
        signed_utc=None, decisions=(accepted(decided_utc=datetime(2026, 1, 2, tzinfo=UTC)),)
    )
    store.save_draft(draft)
    assert store.load(IMAGE).reading.decisions[0].decided_utc.tzinfo is not None
