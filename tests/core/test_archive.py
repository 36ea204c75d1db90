"""The archive: what is kept comes back, is found, and is nowhere readable without its key."""

from __future__ import annotations

import ctypes.util
import io
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.accounts.keys import SubKeys, new_key, sub_keys
from spinealign.archive.backup import (
    BackedUp,
    back_up,
    back_ups,
    drill,
    drilling,
    is_back_up_whole,
    restore,
)
from spinealign.archive.database import SCHEMA_VERSION, connect, migrate, transaction
from spinealign.archive.encrypted_files import PIECE_BYTES, encrypt_file, read_decrypted
from spinealign.archive.records import (
    ExaminationRecord,
    FileRole,
    FindingRecord,
    MeasureRecord,
    PatientRecord,
    ReadingVersion,
    RetentionRule,
    Search,
    View,
)
from spinealign.archive.searching import SORTED_BY, choices_of, day_of
from spinealign.archive.store import DATABASE, FILES, Archive
from spinealign.domain.measurements import CurveShape, PictureSide
from spinealign.domain.protection import ArchiveError, ArchiveProblem, DamagedFileError
from spinealign.files import write_durably
from spinealign.wording.archive import course_line

KEYS = sub_keys(bytes(range(32)), "archive")
JANE = PatientRecord("P1", "HOSPITAL", "Planted^Jane", "19700131", "F")
JOHN = PatientRecord("P2", "HOSPITAL", "Müller^Johann", "19800229", "M")
NOW = "2026-11-29T15:04:05Z"


def examination(identifier: str = "a", **changes: object) -> ExaminationRecord:
    record = ExaminationRecord(
        identifier,
        JANE,
        "lateral-neck",
        NOW,
        NOW,
        study_uid="1.2.3",
        accession="ACC7",
        study_date="20261101",
        description="Cervical spine lateral",
        status="being_read",
        reader="anna",
        key_value="C2-C7 -12.5°",
        findings=(FindingRecord("narrowing/C5", "C5/C6", "Disc space narrowed"),),
        measures=(MeasureRecord("cobb_c2_c7", "", "deg", -12.5, -15.0, -10.0),),
        tags=("study",),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


@pytest.fixture
def archive(tmp_path: Path):
    opened = Archive(tmp_path / "archive", KEYS)
    yield opened
    opened.close()


def found(archive: Archive, **asked: object) -> list[str]:
    return [each.identifier for each in archive.search(Search(**asked))]  # type: ignore[arg-type]


class TestKept:
    def test_an_examination_comes_back_as_it_was(self, archive: Archive) -> None:
        archive.put(examination())
        assert archive.get("a") == examination()

    def test_what_changed_takes_its_place(self, archive: Archive) -> None:
        archive.put(examination())
        changed = examination(status="signed", findings=(), tags=("x", "y"), key_value="-9.0°")
        archive.put(changed)
        assert archive.get("a") == changed
        assert len(archive.search(Search())) == 1

    def test_what_is_not_there_is_told(self, archive: Archive) -> None:
        with pytest.raises(ArchiveError) as raised:
            archive.get("b")
        assert raised.value.problem is ArchiveProblem.NO_SUCH_EXAMINATION

    def test_it_outlives_closing(self, archive: Archive, tmp_path: Path) -> None:
        archive.put(examination())
        archive.close()
        again = Archive(tmp_path / "archive", KEYS)
        assert again.get("a") == examination()
        assert again.is_whole()
        again.close()

    def test_every_version_of_a_reading_stays(self, archive: Archive) -> None:
        archive.put(examination(status="automatic", reader=""))
        draft = ReadingVersion(0, "being_read", "anna", NOW, "narrowing", b"{0}")
        first = ReadingVersion(1, "signed", "anna", NOW, "narrowing at C5/C6", b"{1}")
        second = ReadingVersion(2, "amended", "bert", "2026-11-30T10:00:00Z", "and C6/C7", b"{2}")
        archive.put_reading("a", replace(draft, impression="earlier"))
        for version in (draft, first, second):
            archive.put_reading("a", version)
        assert archive.readings("a") == (draft, first, second)
        record = archive.get("a")
        assert (record.status, record.reader) == ("amended", "bert")
        assert record.signed_utc == "2026-11-30T10:00:00Z"

    def test_a_signed_version_is_not_written_over(self, archive: Archive) -> None:
        archive.put(examination())
        signed = ReadingVersion(1, "signed", "anna", NOW, "first", b"1")
        archive.put_reading("a", signed)
        with pytest.raises(Exception, match="UNIQUE"):
            archive.put_reading("a", replace(signed, content=b"2", impression="other"))
        assert archive.readings("a") == (signed,)
        assert found(archive, words="first") == ["a"]

    def test_notes_come_back_in_order(self, archive: Archive) -> None:
        archive.put(examination())
        archive.add_note("a", "anna", NOW, "ask for flexion")
        archive.add_note("a", "bert", NOW, "done")
        assert [note[1:] for note in archive.notes("a")] == [
            ("anna", "ask for flexion"),
            ("bert", "done"),
        ]


class TestFound:
    @pytest.mark.parametrize(
        "words",
        [
            "planted", "JANE", "plan", "P1", "ACC7", "lateral", "narrowed", "C5", "study",
            "flexion", "kyphosis", "jane narrow",
        ],
    )  # fmt: skip
    def test_by_words_of_every_kind(self, words: str, archive: Archive) -> None:
        archive.put(examination())
        archive.put(
            examination("b", patient=JOHN, accession="ACC8", description="MR", findings=(), tags=())
        )
        archive.add_note("a", "anna", NOW, "ask for flexion")
        archive.put_reading("a", ReadingVersion(0, "being_read", "anna", NOW, "Kyphosis.", b""))
        assert found(archive, words=words) == ["a"]

    @pytest.mark.parametrize("words", ["muller", "Müller", "MÜL"])
    def test_accents_do_not_matter(self, words: str, archive: Archive) -> None:
        archive.put(examination("b", patient=JOHN))
        assert found(archive, words=words) == ["b"]

    @pytest.mark.parametrize("words", ['"', "a' OR 1=1 --", "NEAR(", "*", "col:x", "-x"])
    def test_signs_of_a_query_do_nothing(self, words: str, archive: Archive) -> None:
        archive.put(examination())
        archive.search(Search(words=words))
        assert archive.get("a")

    def test_what_was_changed_is_no_longer_found(self, archive: Archive) -> None:
        archive.put(examination())
        archive.put(examination(description="other", findings=()))
        archive.set_tags("a", ["second"])
        assert found(archive, words="lateral") == found(archive, words="narrowed") == []
        assert found(archive, tag="study") == []
        assert found(archive, tag="second") == found(archive, words="second") == ["a"]

    def test_by_views(self, archive: Archive) -> None:
        archive.put(examination("a", status="automatic", reader=""))
        archive.put(examination("b", status="signed", signed_utc=NOW, reader="bert"))
        archive.put(examination("c", status="signed", signed_utc="2026-11-28T23:00:00Z"))
        archive.put(examination("d"))
        today = day_of(datetime(2026, 11, 29, 12, tzinfo=UTC), UTC)
        assert sorted(found(archive, view=View.TO_READ)) == ["a", "d"]
        assert sorted(found(archive, view=View.MINE, reader="anna")) == ["c", "d"]
        assert found(archive, view=View.SIGNED_TODAY, today_utc=today) == ["b"]

    @pytest.mark.parametrize(
        ("hours", "moment", "first", "last"),
        [
            (9, "2026-11-29T14:59:59Z", "2026-11-28T15:00:00Z", "2026-11-29T14:59:59Z"),
            (9, "2026-11-29T15:00:00Z", "2026-11-29T15:00:00Z", "2026-11-30T14:59:59Z"),
            (-8, "2026-11-29T07:59:59Z", "2026-11-28T08:00:00Z", "2026-11-29T07:59:59Z"),
            (-8, "2026-11-29T08:00:00Z", "2026-11-29T08:00:00Z", "2026-11-30T07:59:59Z"),
        ],
        ids=["before midnight in Tokyo", "midnight in Tokyo", "before midnight in Los Angeles",
             "midnight in Los Angeles"],
    )  # fmt: skip
    def test_today_is_the_day_of_this_place(
        self, archive: Archive, hours: int, moment: str, first: str, last: str
    ) -> None:
        zone = timezone(timedelta(hours=hours))
        second = timedelta(seconds=1)
        for identifier, at_utc in (
            ("before", datetime.fromisoformat(first) - second), ("first", first), ("last", last),
            ("after", datetime.fromisoformat(last) + second),
        ):  # fmt: skip
            said = at_utc if isinstance(at_utc, str) else f"{at_utc:%Y-%m-%dT%H:%M:%SZ}"
            archive.put(examination(identifier, status="signed", signed_utc=said))
        today = day_of(datetime.fromisoformat(moment), zone)
        assert found(archive, view=View.SIGNED_TODAY, today_utc=today) == ["last", "first"]

    @pytest.mark.parametrize(
        ("zone", "day"),
        [
            ("JST-9", ("2026-11-29T15:00:00Z", "2026-11-30T15:00:00Z")),
            ("PST8", ("2026-11-29T08:00:00Z", "2026-11-30T08:00:00Z")),
        ],
        ids=["nine hours ahead", "eight hours behind"],
    )
    @pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows keeps its zone")
    def test_the_day_is_that_of_this_computer(
        self, monkeypatch: pytest.MonkeyPatch, zone: str, day: tuple[str, str]
    ) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            assert day_of(datetime(2026, 11, 29, 20, 30, tzinfo=UTC)) == day
        finally:
            monkeypatch.undo()
            time.tzset()

    def test_a_day_on_which_clocks_change_has_its_own_length(self) -> None:
        begin, end = day_of(datetime(2026, 10, 25, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
        assert (begin, end) == ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")

    def test_by_the_reader_who_is_named(self, archive: Archive) -> None:
        archive.put(examination("a"))
        archive.put(examination("b", reader="bert"))
        assert found(archive, read_by="bert") == ["b"]
        assert choices_of(archive.connection).readers == ("anna", "bert")

    def test_what_is_found_brings_its_tags_and_what_it_is_sorted_by(self, archive: Archive) -> None:
        archive.put(examination("a", tags=("zeal", "art")))
        archive.put(examination("b", patient=JOHN, tags=(), study_date="20250101"))
        records = archive.search(Search())
        assert [each.tags for each in records] == [("art", "zeal"), ()]
        assert [each.patient for each in records] == [JANE, JOHN]
        shown = {name: records.values(name) for name in SORTED_BY}
        assert shown == {
            "study_date": ["20261101", "20250101"],
            "name": [JANE.name, JOHN.name],
            "patient_id": ["P1", "P2"],
            "kind": ["lateral-neck"] * 2,
            "status": ["being_read"] * 2,
            "reader": ["anna"] * 2,
            "key_value": ["C2-C7 -12.5°"] * 2,
            "tags": ["art\x1fzeal", ""],
        }
        assert records.identifiers == ["a", "b"] == [records.identifier(n) for n in (0, 1)]

    def test_by_the_rest(self, archive: Archive) -> None:
        archive.put(examination("a"))
        archive.put(
            examination("b", kind="mr_lumbar", study_date="20260105", findings=(), status="signed")
        )
        assert found(archive, kind="mr_lumbar") == ["b"]
        assert found(archive, level="C5/C6") == ["a"]
        assert found(archive, status="signed") == ["b"]
        assert found(archive, first_date="20261101") == ["a"]
        assert found(archive, last_date="20260105") == ["b"]
        assert found(archive, last_date="20260104") == []
        assert found(archive) == ["a", "b"]  # the latest first
        assert found(archive, most=1) == ["a"]
        assert archive.count(Search(most=1)) == 2

    def test_of_many_the_latest_are_listed_whenever_they_came(self, archive: Archive) -> None:
        for name, day in (("old", "20200101"), ("new", "20270101"), ("middle", "20230101")):
            archive.put(examination(name, study_date=day))
        assert found(archive, most=2) == ["new", "middle"]


class TestInTime:
    def test_a_measure_is_followed_through_linked_patients(self, archive: Archive) -> None:
        def measured(value: float) -> tuple[MeasureRecord, ...]:
            return (MeasureRecord("cobb_c2_c7", "", "deg", value),)

        archive.put(examination("a", measures=measured(1.0), status="signed"))
        archive.put(examination("b", measures=measured(2.0), study_date="20200101"))
        archive.put(examination("c", patient=JOHN, measures=measured(3.0), study_date="20230101"))
        values = lambda: [each.measure.value for each in archive.course("a", "cobb_c2_c7")]  # noqa: E731
        assert values() == [2.0, 1.0]
        assert [each.is_signed for each in archive.course("a", "cobb_c2_c7")] == [False, True]
        archive.link(JANE, JOHN)
        assert values() == [2.0, 3.0, 1.0]
        assert [each.identifier for each in archive.examinations_of("c")] == ["b", "c", "a"]
        archive.unlink(JANE)
        assert values() == [2.0, 1.0]
        assert [each.identifier for each in archive.examinations_of("c")] == ["c"]

    def test_a_curve_is_followed_though_its_ends_move(self, archive: Archive) -> None:
        left, right = PictureSide.LEFT, PictureSide.RIGHT
        for name, day, level, curve in (
            ("a", "20250101", "T5/T11", CurveShape(("T8",), left, right)),
            ("b", "20260101", "T6/T12", CurveShape(("T9", "T10"), right)),
            ("c", "20270101", "T6/T11", None),
        ):
            record = MeasureRecord("curve_main_thoracic", level, "deg", 30.0, curve=curve)
            archive.put(examination(name, study_date=day, measures=(record,)))
        points = archive.course("b", "curve_main_thoracic")
        assert [each.measure.curve for each in points] == [
            CurveShape(("T8",), left, right), CurveShape(("T9", "T10"), right), None,
        ]  # fmt: skip
        assert [course_line(each).split("  ", 1)[1] for each in points] == [
            "T5/T11  30.0 deg, convex to the patient’s right, not signed",
            "T6/T12  30.0 deg, convex to the right of the picture, not signed",
            "T6/T11  30.0 deg, not signed",
        ]
        [point] = archive.course("b", "curve_main_thoracic", "T6/T12")
        assert point.study_date == "20260101"

    def test_two_patients_with_one_id_are_two(self, archive: Archive) -> None:
        archive.put(examination("a"))
        archive.put(examination("b", patient=replace(JANE, name="Other^Jane")))
        archive.put(examination("c", patient=replace(JANE, issuer="PRACTICE")))
        assert [each.identifier for each in archive.examinations_of("a")] == ["a"]

    @pytest.mark.parametrize("gone", [0, 1, 2])
    def test_unlinking_one_of_three_leaves_the_others_linked(
        self, gone: int, archive: Archive
    ) -> None:
        people = [replace(JANE, patient_id=f"P{number}") for number in range(3)]
        for number, person in enumerate(people):
            archive.put(examination(str(number), patient=person))
        archive.link(people[0], people[1])
        archive.link(people[2], people[0])
        assert len(archive.examinations_of("0")) == 3
        archive.unlink(people[gone])
        others = [str(number) for number in range(3) if number != gone]
        assert [each.identifier for each in archive.examinations_of(str(gone))] == [str(gone)]
        assert [each.identifier for each in archive.examinations_of(others[0])] == others


class TestFiles:
    @pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 5])
    def test_a_file_comes_back(self, size: int, archive: Archive) -> None:
        archive.put(examination())
        content = (b"Planted^Jane" * (size // 12 + 1))[:size]
        stored = archive.add_file("a", FileRole.ORIGINAL, "IM1", io.BytesIO(content), NOW)
        assert stored.size_bytes == size
        assert archive.files("a") == (stored,)
        assert archive.read_file(stored) == content
        assert archive.files("a", FileRole.THUMBNAIL) == ()
        assert archive.is_whole()

    def test_a_file_opens_under_its_own_name_only(self, tmp_path: Path) -> None:
        encrypt_file(tmp_path / "a", io.BytesIO(b"x"), KEYS.files, "a")
        with pytest.raises(DamagedFileError):
            read_decrypted(tmp_path / "a", KEYS.files, "b")
        with pytest.raises(DamagedFileError):
            read_decrypted(tmp_path / "a", new_key(), "a")

    @given(data=st.data())
    def test_any_changed_byte_is_noticed(
        self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "changed"
        encrypt_file(path, io.BytesIO(b"some content"), KEYS.files, "a")
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with pytest.raises(DamagedFileError):
            read_decrypted(path, KEYS.files, "a")

    @pytest.mark.parametrize("cut", ["last piece", "one byte", "first piece", "swapped", "all"])
    def test_pieces_stay_together(self, cut: str, tmp_path: Path) -> None:
        path = tmp_path / "a"
        source = io.BytesIO(bytes(range(256)) * (3 * PIECE_BYTES // 256))
        encrypt_file(path, source, KEYS.files, "a")
        content, head, piece = path.read_bytes(), 24, PIECE_BYTES + 16
        pieces = [content[head + n * piece : head + (n + 1) * piece] for n in range(3)]
        path.write_bytes(
            {
                "last piece": content[: head + 2 * piece],
                "one byte": content[:-1],
                "first piece": content[:head] + pieces[1] + pieces[2],
                "swapped": content[:head] + pieces[1] + pieces[0] + pieces[2],
                "all": content[:head],
            }[cut]
        )
        with pytest.raises(DamagedFileError):
            read_decrypted(path, KEYS.files, "a")

    def test_a_damaged_or_missing_file_is_named(self, archive: Archive, tmp_path: Path) -> None:
        archive.put(examination())
        stored = [
            archive.add_file("a", FileRole.RESULT, str(n), io.BytesIO(b"x" * n), NOW)
            for n in range(1, 4)
        ]
        folder = tmp_path / "archive" / FILES
        first = folder / stored[0].identifier[:2] / stored[0].identifier
        first.write_bytes(first.read_bytes()[:-1])
        (folder / stored[2].identifier[:2] / stored[2].identifier).unlink()
        assert {each.name for each in archive.damaged_files()} == {"1", "3"}
        assert not archive.is_whole()

    def test_strays_go_and_nothing_else(self, archive: Archive, tmp_path: Path) -> None:
        archive.put(examination())
        stored = archive.add_file("a", FileRole.RESULT, "r", io.BytesIO(b"x"), NOW)
        stray = tmp_path / "archive" / FILES / "ff" / ("f" * 32)
        stray.parent.mkdir(exist_ok=True)
        stray.write_bytes(b"of a program that was killed")
        assert archive.remove_strays() == 0  # another window may be about to tell of it
        assert archive.remove_strays(least_age_s=0) == 1
        assert archive.read_file(stored) == b"x"


class TestEncryption:
    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="symbols of ELF")
    def test_another_sqlite_in_the_process_does_not_answer_instead(self, tmp_path: Path) -> None:
        library = ctypes.util.find_library("sqlite3")
        if library is None:
            pytest.skip("no other SQLite here")
        script = (
            "import ctypes, pathlib, sys\n"
            f"ctypes.CDLL({library!r}, ctypes.RTLD_GLOBAL)\n"
            "from spinealign.archive.database import connect\n"
            "connection = connect(pathlib.Path(sys.argv[1]), bytes(range(32)))\n"
            "connection.execute(\"INSERT INTO patient VALUES (1,'P','','Planted','','',1)\")\n"
            "connection.close()\n"
        )
        path = tmp_path / "archive.db"
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
        assert b"SQLite format" not in path.read_bytes()
        assert b"Planted" not in path.read_bytes()

    def test_nothing_is_written_without_encryption(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "sqlcipher3", sqlite3)
        with pytest.raises(ArchiveError) as raised:
            connect(tmp_path / "plain.db", KEYS.database)
        assert raised.value.problem is ArchiveProblem.NO_ENCRYPTION
        assert not (tmp_path / "plain.db").exists() or not (tmp_path / "plain.db").stat().st_size


class TestDeleted:
    def test_nothing_of_an_examination_stays(self, archive: Archive, tmp_path: Path) -> None:
        archive.put(examination("a"))
        archive.put(examination("b", patient=JOHN))
        archive.add_note("a", "anna", NOW, "note")
        archive.put_reading("a", ReadingVersion(1, "signed", "anna", NOW, "i", b"c"))
        archive.add_file("a", FileRole.ORIGINAL, "IM1", io.BytesIO(b"x"), NOW)
        archive.delete(["a"])
        assert found(archive) == ["b"]
        assert found(archive, words="planted") == []
        assert [path for path in (tmp_path / "archive" / FILES).rglob("*") if path.is_file()] == []
        for table in ("finding", "measure", "tag", "note", "reading_version", "stored_file"):
            count = f"SELECT count(*) FROM {table} WHERE examination = 1"
            assert archive.connection.execute(count).fetchone() == (0,)
        for table in ("patient", "words"):
            count = f"SELECT count(*) FROM {table}"
            assert archive.connection.execute(count).fetchone() == (1,)
        assert archive.is_whole()

    def test_all_or_none(self, archive: Archive) -> None:
        archive.put(examination("a"))
        with pytest.raises(ArchiveError):
            archive.delete(["a", "no such one"])
        assert found(archive, words="planted") == ["a"]

    def test_a_rule_shows_what_it_would_delete(self, archive: Archive) -> None:
        archive.put(examination("old", changed_utc="2016-11-01T00:00:00Z", signed_utc=NOW))
        archive.put(examination("unsigned", changed_utc="2016-11-01T00:00:00Z"))
        archive.put(examination("young", changed_utc="2016-12-05T00:00:00Z", signed_utc=NOW))
        today = date(2026, 11, 29)
        assert [e.identifier for e in archive.due(RetentionRule(10), today)] == ["old"]
        both = archive.due(RetentionRule(10, keeps_unsigned=False), today)
        assert [e.identifier for e in both] == ["old", "unsigned"]
        assert len(found(archive)) == 3


class TestOpened:
    def test_another_key_opens_nothing(self, archive: Archive, tmp_path: Path) -> None:
        archive.put(examination())
        archive.close()
        with pytest.raises(ArchiveError) as raised:
            Archive(tmp_path / "archive", sub_keys(new_key(), "archive"))
        assert raised.value.problem is ArchiveProblem.WRONG_KEY_OR_DAMAGED

    def test_nothing_is_readable_on_the_disk(self, archive: Archive, tmp_path: Path) -> None:
        archive.put(examination())
        archive.add_file("a", FileRole.ORIGINAL, "Planted^Jane.dcm", io.BytesIO(b"Planted"), NOW)
        contents = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        assert len(contents) >= 3  # the write-ahead log is among them
        for planted in (b"Planted", b"19700131", b"ACC7", b"narrowed", b"anna", b"SQLite format"):
            assert not any(planted in content for content in contents)
        with pytest.raises(sqlite3.DatabaseError):
            sqlite3.connect(tmp_path / "archive" / DATABASE).execute("SELECT * FROM patient")

    def test_a_changed_page_is_noticed(self, archive: Archive, tmp_path: Path) -> None:
        for number in range(50):
            archive.put(examination(str(number)))
        archive.close()
        path = tmp_path / "archive" / DATABASE
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        again = Archive(tmp_path / "archive", KEYS)
        assert not again.is_whole()
        again.close()

    def test_one_of_a_newer_program_is_left_alone(self, archive: Archive, tmp_path: Path) -> None:
        archive.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        archive.close()
        with pytest.raises(ArchiveError) as raised:
            Archive(tmp_path / "archive", KEYS)
        assert raised.value.problem is ArchiveProblem.NEWER

    def test_two_programs_work_at_one_archive(self, archive: Archive, tmp_path: Path) -> None:
        other = Archive(tmp_path / "archive", KEYS)
        archive.put(examination("a"))
        other.put(examination("b"))
        assert sorted(found(archive)) == sorted(found(other)) == ["a", "b"]
        other.close()

    def test_a_step_to_newer_tables_is_whole_or_not_at_all(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from spinealign.archive import database

        def broken(connection: object) -> None:
            connection.execute("CREATE TABLE half(x)")  # type: ignore[attr-defined]
            raise RuntimeError("killed")

        copies: list[str] = []
        monkeypatch.setattr(database, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        monkeypatch.setattr(database, "_MIGRATIONS", {SCHEMA_VERSION: broken})
        with pytest.raises(RuntimeError, match="killed"):
            migrate(archive.connection, lambda: copies.append("copied"))
        tables = archive.connection.execute("SELECT name FROM sqlite_master").fetchall()
        assert ("half",) not in [tuple(table) for table in tables]
        assert copies == ["copied"]
        monkeypatch.setattr(database, "_MIGRATIONS", {SCHEMA_VERSION: lambda _: None})
        assert migrate(archive.connection, lambda: copies.append("copied"))
        assert not migrate(archive.connection, lambda: copies.append("copied"))
        assert copies == ["copied", "copied"]

    def test_a_fault_of_the_program_is_no_damage(self, archive: Archive) -> None:
        with pytest.raises(Exception, match="no such table"), transaction(archive.connection):
            archive.connection.execute("SELECT * FROM absent")

    def test_a_place_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(ArchiveError) as raised:
            Archive(tmp_path / "file", KEYS)
        assert raised.value.problem is ArchiveProblem.NOT_WRITABLE

    def test_a_folder_in_place_of_the_database_is_told(self, tmp_path: Path) -> None:
        (tmp_path / DATABASE).mkdir()
        with pytest.raises(ArchiveError):
            connect(tmp_path / DATABASE, KEYS.database)


def backed_up(archive: Archive, folder: Path, place: Path, name: str, keys: SubKeys = KEYS):
    others = {"accounts.json": folder / "accounts.json"}
    return list(back_up(archive, folder, keys, place, "ab", name, others))[-1]


class TestBackUp:
    @pytest.fixture
    def filled(self, archive: Archive, tmp_path: Path) -> Archive:
        (tmp_path / "archive" / "accounts.json").write_bytes(b"wrapped keys")
        archive.put(examination())
        archive.add_file("a", FileRole.ORIGINAL, "IM1", io.BytesIO(b"Planted" * 1000), NOW)
        return archive

    def test_a_back_up_gives_the_archive_back(self, filled: Archive, tmp_path: Path) -> None:
        place = tmp_path / "disk"
        done = backed_up(filled, tmp_path / "archive", place, "20261129T150405Z")
        assert isinstance(done, BackedUp)
        assert (done.examinations, done.files, done.new_files) == (1, 1, 1)
        assert restore(done.folder, KEYS, tmp_path / "new") == 1
        again = Archive(tmp_path / "new", KEYS)
        assert again.get("a") == examination()
        assert again.read_file(again.files("a")[0]) == b"Planted" * 1000
        again.close()
        assert (tmp_path / "new" / "accounts.json").read_bytes() == b"wrapped keys"

    def test_the_next_one_copies_what_is_new_only(self, filled: Archive, tmp_path: Path) -> None:
        place, folder = tmp_path / "disk", tmp_path / "archive"
        backed_up(filled, folder, place, "20261129T150405Z")
        filled.add_file("a", FileRole.RESULT, "r", io.BytesIO(b"new"), NOW)
        done = backed_up(filled, folder, place, "20261130T150405Z")
        assert (done.files, done.new_files) == (2, 1)
        assert [path.name for path in back_ups(place, "ab")] == [
            "20261129T150405Z",
            "20261130T150405Z",
        ]
        assert all(is_back_up_whole(each, KEYS) for each in back_ups(place, "ab"))

    def test_nothing_is_readable_in_it(self, filled: Archive, tmp_path: Path) -> None:
        backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")
        for path in (tmp_path / "disk").rglob("*"):
            assert path.is_dir() or b"Planted" not in path.read_bytes()

    @pytest.mark.parametrize("name", [DATABASE, "accounts.json", "contents.json", "file"])
    def test_a_damaged_one_restores_nothing(
        self, name: str, filled: Archive, tmp_path: Path
    ) -> None:
        done = backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")
        path = done.folder / name
        if name == "file":
            path = next(p for p in (done.folder.parent / FILES).rglob("*") if p.is_file())
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ArchiveError) as raised:
            restore(done.folder, KEYS, tmp_path / "new")
        assert raised.value.problem is ArchiveProblem.BACK_UP_DAMAGED
        assert not (tmp_path / "new").exists()
        with pytest.raises(ArchiveError):
            drill(done.folder, KEYS, tmp_path)

    def test_one_that_reads_back_otherwise_is_none(
        self, filled: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write_otherwise(path: Path, content: bytes) -> None:
            write_durably(path, content[:-1] + b"?" if path.name == "contents.json" else content)

        monkeypatch.setattr("spinealign.archive.backup.write_durably", write_otherwise)
        with pytest.raises(ArchiveError) as raised:
            backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")
        assert raised.value.problem is ArchiveProblem.BACK_UP_DAMAGED
        assert back_ups(tmp_path / "disk", "ab") == ()

    def test_what_a_kill_left_goes_after_a_day(self, filled: Archive, tmp_path: Path) -> None:
        place = tmp_path / "disk" / "ab"
        old, young = (place / f"2026112{n}T000000Z.unfinished" for n in (1, 2))
        for folder in (old, young):
            folder.mkdir(parents=True)
            (folder / "half").write_bytes(b"half")
        os.utime(old, (1e9, 1e9))
        backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T000000Z")
        assert (old.exists(), young.exists()) == (False, True)

    def test_an_unfinished_one_is_none(self, filled: Archive, tmp_path: Path) -> None:
        steps = back_up(
            filled, tmp_path / "archive", KEYS, tmp_path / "disk", "ab", "20261129T150405Z", {}
        )
        next(steps)
        steps.close()
        assert back_ups(tmp_path / "disk", "ab") == ()
        assert backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")

    def test_a_drill_leaves_nothing(self, filled: Archive, tmp_path: Path) -> None:
        done = backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")
        (tmp_path / "work").mkdir()
        assert drill(done.folder, KEYS, tmp_path / "work") == (1, 1)
        assert list((tmp_path / "work").iterdir()) == []

    def test_a_drill_tells_how_far_it_is_and_leaves_nothing_where_it_is_stopped(
        self, filled: Archive, tmp_path: Path
    ) -> None:
        for n in range(3):
            filled.add_file("a", FileRole.RESULT, str(n), io.BytesIO(b"x" * n), NOW)
        done = backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")
        work = tmp_path / "work"
        work.mkdir()
        steps = list(drilling(done.folder, KEYS, work))
        shares = [done / count for done, count in steps]
        assert shares == sorted(shares)
        assert shares[0] == 0
        assert any(share < 0.5 for share in shares[1:])
        assert [step for step in steps if step[0] / step[1] >= 0.5] == [(n, 8) for n in range(4, 8)]
        assert list(work.iterdir()) == []
        stopped = drilling(done.folder, KEYS, work)
        next(stopped)
        assert list(work.iterdir())
        stopped.close()
        assert list(work.iterdir()) == []

    def test_a_full_folder_is_not_restored_into(self, filled: Archive, tmp_path: Path) -> None:
        done = backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")
        with pytest.raises(FileExistsError):
            restore(done.folder, KEYS, tmp_path / "archive")
        assert filled.get("a")

    def test_another_key_restores_nothing(self, filled: Archive, tmp_path: Path) -> None:
        done = backed_up(filled, tmp_path / "archive", tmp_path / "disk", "20261129T150405Z")
        assert not is_back_up_whole(done.folder, sub_keys(new_key(), "archive"))
