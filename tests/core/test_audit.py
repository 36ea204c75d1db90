"""The audit trail: what was written stays, and what was touched is named."""

from __future__ import annotations

import base64
import csv
import random
import re
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from spinealign.audit import trail as trail_module
from spinealign.audit.chain import Anchor, Record, check_chain, first_mac, record_mac
from spinealign.audit.events import (
    EVENT_CODES,
    OWN_SCHEME,
    AuditEvent,
    AuditObject,
    EventKind,
    ObjectKind,
    Outcome,
)
from spinealign.audit.messages import message_xml, messages_xml, syslog_message
from spinealign.audit.trail import AuditTrail, create_trail, read_anchor
from spinealign.domain.protection import AuditDamagedError, Damage
from spinealign.wording.archive import verdict_text

KEY = bytes(range(32))
SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "audit_message.rng"))
CODES = Path(__file__).parents[3] / "shared" / "standards" / "codes_audit_deid_CIDs.csv"


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def event(number: int = 0, **changes: object) -> AuditEvent:
    values: dict[str, object] = {
        "kind": EventKind.VIEW,
        "at_utc": "2026-11-29T15:04:05.123456Z",
        "user": f"reader {number}",
    }
    return AuditEvent(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def trail(tmp_path: Path) -> AuditTrail:
    return create_trail(connected(tmp_path / "archive.db"), KEY, tmp_path / "anchor.json")


def reopened(folder: Path) -> AuditTrail:
    return AuditTrail(connected(folder / "archive.db"), KEY, folder / "anchor.json")


def tampered(folder: Path, *statements: str) -> None:
    """Change a trail as somebody does who has the database open and no key."""
    connection = connected(folder / "archive.db")
    for trigger in ("audit_trail_is_not_changed", "audit_trail_is_not_shortened"):
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def swap(first: int, second: int) -> tuple[str, ...]:
    return tuple(
        f"UPDATE audit_trail SET counter = {new} WHERE counter = {old}"
        for old, new in ((first, 10**6), (second, first), (10**6, second))
    )


class TestWhole:
    def test_events_come_back_in_order(self, trail: AuditTrail, tmp_path: Path) -> None:
        written = [event(number) for number in range(5)]
        assert [trail.append(each) for each in written] == [1, 2, 3, 4, 5]
        assert [each for _, each in reopened(tmp_path).events()] == written
        assert trail.verify().damage is None
        assert trail.verify().records == 5

    def test_an_empty_trail_is_whole(self, trail: AuditTrail) -> None:
        assert (trail.verify().records, trail.verify().damage) == (0, None)

    def test_records_that_the_anchor_does_not_know_yet_are_whole(
        self, trail: AuditTrail, tmp_path: Path
    ) -> None:
        trail.append(event(1))
        anchor = (tmp_path / "anchor.json").read_bytes()
        trail.append(event(2))
        (tmp_path / "anchor.json").write_bytes(anchor)  # killed before the anchor was written
        assert trail.verify().damage is None
        assert trail.append(event(3)) == 3
        assert trail.verify().records == 3

    def test_two_programs_write_into_one_trail(self, trail: AuditTrail, tmp_path: Path) -> None:
        other = reopened(tmp_path)
        numbers = [(trail if number % 2 else other).append(event(number)) for number in range(6)]
        assert numbers == [1, 2, 3, 4, 5, 6]
        assert trail.verify().damage is None

    def test_the_slower_of_two_programs_leaves_the_anchor_at_the_end(
        self, trail: AuditTrail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other, alone, entered = reopened(tmp_path), trail_module._alone, []

        def slow(connection: sqlite3.Connection) -> object:
            entered.append(connection)
            if len(entered) == 2:  # its record is in the database, its anchor is not written yet
                other.append(event(2))
            return alone(connection)

        monkeypatch.setattr(trail_module, "_alone", slow)
        trail.append(event(1))
        monkeypatch.undo()
        anchor = read_anchor(tmp_path / "anchor.json", KEY)
        assert isinstance(anchor, Anchor)
        assert anchor.counter == 2
        assert trail.verify().damage is None

    def test_the_database_itself_lets_nothing_be_changed(
        self, trail: AuditTrail, tmp_path: Path
    ) -> None:
        trail.append(event())
        connection = connected(tmp_path / "archive.db")
        for statement in ("UPDATE audit_trail SET event = ''", "DELETE FROM audit_trail"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


TAMPERINGS = {
    "changed": (("UPDATE audit_trail SET event = X'7B7D' WHERE counter = 4",), Damage.CHANGED, 4),
    "checksum changed": (
        ("UPDATE audit_trail SET mac = X'00' WHERE counter = 4",),
        Damage.CHANGED,
        4,
    ),
    "removed": (("DELETE FROM audit_trail WHERE counter = 4",), Damage.REMOVED, 4),
    "first removed": (("DELETE FROM audit_trail WHERE counter = 1",), Damage.REMOVED, 1),
    "removed and closed up": (
        (
            "DELETE FROM audit_trail WHERE counter = 4",
            *(f"UPDATE audit_trail SET counter = {n - 1} WHERE counter = {n}" for n in range(5, 9)),
        ),
        Damage.CHANGED,
        4,
    ),
    "neighbours swapped": (swap(4, 5), Damage.SWAPPED, 4),
    "others swapped": (swap(2, 7), Damage.SWAPPED, 2),
    "cut off": (("DELETE FROM audit_trail WHERE counter > 6",), Damage.CUT_OFF, 7),
    "last one cut off": (("DELETE FROM audit_trail WHERE counter = 8",), Damage.CUT_OFF, 8),
    "all cut off": (("DELETE FROM audit_trail",), Damage.CUT_OFF, 1),
}


KINDS = ("event", "checksum", "removed", "closed up", "swapped", "cut off", "older copy")


def tampered_at_random(
    folder: Path, draw: random.Random, number: int
) -> tuple[int, tuple[Damage, ...]]:
    """Write a trail and tamper with it; returns the first record touched, and what it may be."""
    count, kind = draw.randint(5, 40), KINDS[number % len(KINDS)]
    first = draw.randint(2, count - 1)
    trail = create_trail(connected(folder / "archive.db"), KEY, folder / "anchor.json")
    for written in range(1, count + 1):
        if written == first:
            shutil.copy(folder / "archive.db", folder / "older.db")
        trail.append(event(written))
    changed = (Damage.CHANGED, Damage.SWAPPED)
    if kind == "older copy":
        shutil.copy(folder / "older.db", folder / "archive.db")
        return first, (Damage.CUT_OFF,)
    if kind == "cut off":
        tampered(folder, f"DELETE FROM audit_trail WHERE counter >= {first}")
        return first, (Damage.CUT_OFF,)
    if kind == "swapped":
        tampered(folder, *swap(first, draw.randint(first + 1, count)))
        return first, (Damage.SWAPPED,)
    if kind in ("removed", "closed up"):
        closing = (
            f"UPDATE audit_trail SET counter = {n - 1} WHERE counter = {n}"
            for n in range(first + 1, count + 1)
        )
        tampered(
            folder, f"DELETE FROM audit_trail WHERE counter = {first}",
            *(closing if kind == "closed up" else ()),
        )  # fmt: skip
        return first, changed if kind == "closed up" else (Damage.REMOVED,)
    column = "event" if kind == "event" else "mac"
    [(content,)] = connected(folder / "archive.db").execute(
        f"SELECT {column} FROM audit_trail WHERE counter = {first}"
    )
    other = bytearray(content)
    other[draw.randrange(len(other))] ^= draw.randint(1, 255)
    tampered(folder, f"UPDATE audit_trail SET {column} = X'{other.hex()}' WHERE counter = {first}")
    return first, changed


class TestTampered:
    @pytest.mark.parametrize("name", TAMPERINGS)
    def test_the_first_record_that_was_touched_is_named(
        self, name: str, trail: AuditTrail, tmp_path: Path
    ) -> None:
        statements, damage, counter = TAMPERINGS[name]
        for number in range(8):
            trail.append(event(number))
        tampered(tmp_path, *statements)
        verdict = reopened(tmp_path).verify()
        assert (verdict.damage, verdict.counter) == (damage, counter)

    def test_a_hundred_drawn_tamperings_are_all_found(self, tmp_path: Path) -> None:
        """The first record that was touched is named each time, in words too."""
        for draw in range(100):
            folder = tmp_path / str(draw)
            folder.mkdir()
            first, damages = tampered_at_random(folder, random.Random(draw), draw)
            verdict = reopened(folder).verify()
            assert verdict.damage in damages, draw
            assert verdict.counter == first, draw
            assert re.search(rf"\b{first}\b", verdict_text(verdict)), draw

    def test_a_cut_end_is_not_covered_by_writing_on(
        self, trail: AuditTrail, tmp_path: Path
    ) -> None:
        for number in range(4):
            trail.append(event(number))
        tampered(tmp_path, "DELETE FROM audit_trail WHERE counter > 2")
        with pytest.raises(AuditDamagedError) as raised:
            reopened(tmp_path).append(event())
        assert raised.value.damage is Damage.CUT_OFF
        assert reopened(tmp_path).verify().damage is Damage.CUT_OFF

    def test_a_changed_end_is_not_covered_by_writing_on(
        self, trail: AuditTrail, tmp_path: Path
    ) -> None:
        trail.append(event())
        tampered(tmp_path, "UPDATE audit_trail SET mac = X'00'")
        with pytest.raises(AuditDamagedError):
            reopened(tmp_path).append(event())

    def test_a_new_trail_does_not_take_the_place_of_one_that_was_taken_away(
        self, trail: AuditTrail, tmp_path: Path
    ) -> None:
        trail.append(event())
        (tmp_path / "archive.db").unlink()
        with pytest.raises(FileExistsError):
            create_trail(connected(tmp_path / "archive.db"), KEY, tmp_path / "anchor.json")
        with pytest.raises(AuditDamagedError):
            AuditTrail(connected(tmp_path / "other.db"), KEY, tmp_path / "anchor.json")

    def test_a_missing_or_changed_anchor_is_told(self, trail: AuditTrail, tmp_path: Path) -> None:
        trail.append(event())
        trail.append(event())
        anchor = tmp_path / "anchor.json"
        text = anchor.read_text()
        anchor.write_text(text.replace('"counter":2', '"counter":1'))
        assert trail.verify().damage is Damage.ANCHOR_CHANGED
        with pytest.raises(AuditDamagedError):
            trail.append(event())
        anchor.write_text("{")
        assert read_anchor(anchor, KEY) is Damage.ANCHOR_CHANGED
        anchor.unlink()
        assert trail.verify().damage is Damage.ANCHOR_MISSING

    def test_an_anchor_of_another_trail_is_told(self, trail: AuditTrail, tmp_path: Path) -> None:
        trail.append(event())
        create_trail(connected(tmp_path / "b.db"), KEY, tmp_path / "b.json")
        (tmp_path / "b.json").replace(tmp_path / "anchor.json")
        assert trail.verify().damage is Damage.ANCHOR_CHANGED

    def test_another_key_verifies_nothing(self, trail: AuditTrail, tmp_path: Path) -> None:
        trail.append(event())
        other = AuditTrail(connected(tmp_path / "archive.db"), bytes(32), tmp_path / "anchor.json")
        assert other.verify().damage is Damage.ANCHOR_CHANGED

    @given(st.data())
    def test_any_byte_that_is_changed_is_found(self, data: st.DataObject) -> None:
        folder_records = _RECORDS
        place = data.draw(st.integers(0, len(folder_records) - 1))
        record = folder_records[place]
        is_event = data.draw(st.booleans())
        content = bytearray(record.event if is_event else record.mac)
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        changed = (
            Record(record.counter, bytes(content), record.mac)
            if is_event
            else Record(record.counter, record.event, bytes(content))
        )
        records = [*folder_records[:place], changed, *folder_records[place + 1 :]]
        verdict = check_chain(KEY, _ANCHOR, records)
        assert verdict.counter == place + 1
        assert verdict.damage is Damage.CHANGED


def _chain(count: int) -> tuple[list[Record], Anchor]:
    before, records = first_mac(KEY, "ab"), []
    for counter in range(1, count + 1):
        content = msgspec.json.encode(event(counter))
        before = record_mac(KEY, before, counter, content)
        records.append(Record(counter, content, before))
    return records, Anchor("ab", count, before)


_RECORDS, _ANCHOR = _chain(6)

OBJECTS = tuple(
    AuditObject(
        kind,
        "1.2.840.1",
        name="" if kind is ObjectKind.QUERY else "Doe^Jane",
        query="PatientID=<1&2>" if kind is ObjectKind.QUERY else "",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.7",
        instances=3,
    )
    for kind in ObjectKind
)


class TestMessages:
    @pytest.mark.parametrize("kind", EventKind)
    @pytest.mark.parametrize("peer", ["", "PACS@10.0.0.1:104", "https://pacs.example/dicom-web"])
    @pytest.mark.parametrize("outcome", Outcome)
    def test_every_event_is_valid_by_the_schema(
        self, kind: EventKind, peer: str, outcome: Outcome
    ) -> None:
        message = message_xml(
            event(kind=kind, peer=peer, outcome=outcome, description="why", objects=OBJECTS),
            "SpineAlign@ward-3",
            "St. Mary's",
        )
        SCHEMA.assertValid(etree.fromstring(message))

    @given(text=st.text())
    def test_any_text_gives_a_valid_message(self, text: str) -> None:
        what = AuditObject(ObjectKind.PATIENT, text, name=text)
        query = AuditObject(ObjectKind.QUERY, "1.2", query=text)
        message = message_xml(
            event(user=text, description=text, objects=(what, query)), "SpineAlign", text
        )
        root = etree.fromstring(message)
        SCHEMA.assertValid(root)
        found = root.findtext(".//ParticipantObjectQuery")
        expected = text.encode("utf-8", "replace")
        assert base64.b64decode(found or "") == expected

    @given(texts=st.lists(st.text(), max_size=4))
    def test_a_file_of_them_is_one_document(self, texts: list[str]) -> None:
        events = [event(user=text, description=text) for text in texts]
        document = "".join(messages_xml(events, "SpineAlign", "Ward")).encode()
        root = etree.fromstring(document)
        assert root.tag == "AuditMessages"
        assert [etree.tostring(each).strip().decode("ascii") for each in root] == [
            etree.tostring(etree.fromstring(message_xml(each, "SpineAlign", "Ward"))).decode()
            for each in events
        ]
        for message in root:
            SCHEMA.assertValid(etree.fromstring(etree.tostring(message)))

    @pytest.mark.skipif(not CODES.is_file(), reason="the tables of codes are not here")
    def test_codes_are_those_of_the_standard(self) -> None:
        with CODES.open(newline="", encoding="utf-8") as table:
            known = {(row["CID"], row["code"], row["meaning"]) for row in csv.DictReader(table)}
        own = {kind for kind, codes in EVENT_CODES.items() if codes.event.scheme == OWN_SCHEME}
        assert own == {EventKind.CHECK, EventKind.DRILL}
        for kind in set(EVENT_CODES) - own:
            codes = EVENT_CODES[kind]
            assert codes.event.scheme == "DCM"
            assert ("400", codes.event.value, codes.event.meaning) in known
            if codes.event_type is not None:
                assert ("401", codes.event_type.value, codes.event_type.meaning) in known

    @pytest.mark.parametrize("kind", [EventKind.CHECK, EventKind.DRILL])
    def test_what_reads_all_and_shows_nothing_claims_no_access_to_instances(
        self, kind: EventKind
    ) -> None:
        root = etree.fromstring(message_xml(event(kind=kind), "SpineAlign"))
        told = root.find("EventIdentification/EventID")
        assert told.get("codeSystemName") == "99SPINEALIGN"
        assert not told.get("csd-code").isdigit()
        assert root.find("EventIdentification").get("EventActionCode") == "R"

    def test_every_event_has_codes(self) -> None:
        assert set(EVENT_CODES) == set(EventKind)

    def test_who_reads_the_log_is_recorded_as_the_standard_asks(self) -> None:
        what = AuditObject(ObjectKind.AUDIT_LOG, "file:///audit")
        root = etree.fromstring(
            message_xml(event(kind=EventKind.AUDIT_LOG_USED, objects=(what,)), "SpineAlign")
        )
        assert root.find("EventIdentification/EventID").get("csd-code") == "110101"
        item = root.find("ParticipantObjectIdentification")
        assert item.get("ParticipantObjectTypeCode") == "2"
        assert item.get("ParticipantObjectTypeCodeRole") == "13"
        assert item.find("ParticipantObjectIDTypeCode").get("csd-code") == "12"
        assert item.findtext("ParticipantObjectName") == "Security Audit Log"

    def test_a_line_of_syslog_is_framed_by_its_length(self) -> None:
        message = syslog_message(event(process=4242, outcome=Outcome.MINOR_FAILURE), "SpineAlign")
        length, _, rest = message.partition(b" ")
        assert int(length) == len(rest)
        assert rest.startswith(b"<84>1 2026-11-29T15:04:05.123456Z ")
        head, mark, body = rest.decode().partition("\ufeff")
        assert mark
        assert head.endswith(" SpineAlign 4242 IHE+RFC-3881 - ")
        SCHEMA.assertValid(etree.fromstring(body.encode()))


def test_a_trail_tells_itself_from_every_other(tmp_path: Path) -> None:
    for name in "ab":
        create_trail(connected(tmp_path / f"{name}.db"), KEY, tmp_path / f"{name}.json")
    anchors = [read_anchor(tmp_path / f"{name}.json", KEY) for name in "ab"]
    assert anchors[0] != anchors[1]
