"""Somebody at work: signing in, rights, locking, the trail of what was done, and what is kept."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spinealign import protected_folders
from spinealign.accounts import book as accounts_book
from spinealign.accounts.book import Right, Role
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.backup import BackedUp
from spinealign.archive.records import FileRole, ReadingVersion, Search, View
from spinealign.audit.events import AuditObject, EventKind, ObjectKind, Outcome
from spinealign.domain.errors import ExportError, SpineAlignError
from spinealign.domain.protection import (
    AccountError,
    AccountProblem,
    ArchiveError,
    ArchiveProblem,
    AuditDamagedError,
    Damage,
    DamagedFileError,
    NoKeyStoreError,
    PauseError,
    RecoveryKeyError,
)
from spinealign.domain.reading import Addendum, ReadImage, Reading
from spinealign.domain.study import PatientFacts
from spinealign.files import write_durably
from spinealign.imaging.read import read_image
from spinealign.json_files import read_json
from spinealign.protected_folders import LockedFolderError, open_binary
from spinealign.vault import (
    administration,
    exchange,
    network_folders,
    place,
    safety_copies,
    session,
)
from spinealign.vault.keeping import Opened, delete, keep, keeping, originals
from spinealign.vault.network_folders import is_on_network, type_of
from spinealign.vault.place import Place, Protection
from spinealign.vault.session import (
    Person,
    Session,
    open_with_key_store,
    recover,
    set_up_accounts,
    set_up_key_store,
    sign_in,
)
from spinealign.vault.taking_in import take_in
from spinealign.wording import explain
from spinealign.wording.archive import event_cells, object_words, study_name
from spinealign.wording.protection import waiting_text
from start import FILM_SAMPLE, MR_SAMPLE
from tests.readings import neck_analysis

PASSWORD, OTHER = "correct horse battery", "another horse battery"
JANE = PatientFacts(
    name="Planted^Jane", identifier="ID-PLANTED-1", birth_date="19700131", study_date="20261101"
)


class Store:
    """A key store in memory."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.held: dict[str, str] = {}
        self.is_there = is_there

    def get(self, name: str) -> str | None:
        return self.held.get(name)

    def set(self, name: str, secret: str) -> bool:
        if self.is_there:
            self.held[name] = secret
        return self.is_there

    def forget(self, name: str) -> None:
        self.held.pop(name, None)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (place, session, safety_copies):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)


@pytest.fixture
def where(tmp_path: Path) -> Iterator[Place]:
    here = Place.of_profile(tmp_path / "profile")
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def anna(where: Place) -> Iterator[Session]:
    """Signed in as the first account, which administers and reads."""
    made, _ = set_up_accounts(where, "anna", "Dr. Anna Reader", PASSWORD)
    yield made
    made.close()


def kinds(at_work: Session) -> list[EventKind]:
    return [event.kind for _, event in at_work.events()]


def kept_film(at_work: Session) -> str:
    return keep(at_work, Opened((FILM_SAMPLE,), JANE, "lateral-neck")).identifier


class TestSigningIn:
    def test_accounts_whose_file_is_lost_are_no_archive_without_accounts(
        self, where: Place, anna: Session
    ) -> None:
        anna.close()
        where.accounts.unlink()
        assert where.protection is Protection.ACCOUNTS
        with pytest.raises(FileExistsError):
            set_up_accounts(where, "eve", "Eve", PASSWORD)
        with pytest.raises(FileExistsError):
            set_up_key_store(where, Store())
        with pytest.raises(AccountError) as told:
            sign_in(where, "anna", PASSWORD)
        assert told.value.problem is AccountProblem.FILE_UNREADABLE
        assert not where.accounts.exists()

    def test_with_the_right_password(self, where: Place, anna: Session) -> None:
        anna.close()
        again = sign_in(where, "Anna", PASSWORD)
        assert (again.person.name, again.person.full_name) == ("anna", "Dr. Anna Reader")
        assert kinds(again) == [
            EventKind.USER_ADMINISTRATION,
            EventKind.LOGIN,
            EventKind.LOGOUT,
            EventKind.LOGIN,
            EventKind.AUDIT_LOG_USED,
        ]
        again.close()

    @pytest.mark.parametrize(
        ("name", "written"), [("anna", "anna"), ("correct horse battery", "")],
        ids=["known", "a password typed as a name"],
    )  # fmt: skip
    def test_failures_are_in_the_trail_after_the_next_success(
        self, where: Place, anna: Session, name: str, written: str
    ) -> None:
        anna.close()
        with pytest.raises(AccountError) as raised:
            sign_in(where, name, "wrong password")
        assert raised.value.problem is AccountProblem.WRONG_NAME_OR_PASSWORD
        assert b"horse" not in where.failed_sign_ins.read_bytes()
        again = sign_in(where, "anna", PASSWORD)
        failed = [event for _, event in again.events() if event.outcome is Outcome.MINOR_FAILURE]
        assert [(event.kind, event.user) for event in failed] == [(EventKind.LOGIN, written)]
        assert not where.failed_sign_ins.exists()
        again.close()

    def test_after_three_failures_nobody_may_try(self, where: Place, anna: Session) -> None:
        anna.close()
        for _ in range(3):
            with pytest.raises(AccountError):
                sign_in(where, "ANNA", "wrong password")
        with pytest.raises(PauseError) as raised:
            sign_in(where, "anna", PASSWORD)
        assert 0 < raised.value.seconds <= 5
        assert not raised.value.is_clock_set_back

    def test_the_first_account_is_made_once(self, where: Place, anna: Session) -> None:
        with pytest.raises(FileExistsError):
            set_up_accounts(where, "eve", "", PASSWORD)
        assert [account.name for account in administration.accounts(anna)] == ["anna"]

    def test_by_the_recovery_key(self, where: Place) -> None:
        made, key = set_up_accounts(where, "anna", "", PASSWORD)
        identifier = kept_film(made)
        made.close()
        with pytest.raises(RecoveryKeyError):
            recover(where, key[:-1], "anna", OTHER)
        again = recover(where, key.lower().replace("-", " "), "anna", OTHER)
        assert again.archive.get(identifier).patient.name == "Planted^Jane"
        again.close()
        with pytest.raises(AccountError):
            sign_in(where, "anna", PASSWORD)
        sign_in(where, "anna", OTHER).close()

    def test_folders_are_private(self, where: Place, anna: Session) -> None:
        kept_film(anna)
        for path in (where.folder, *where.folder.rglob("*")):
            mode = path.stat().st_mode & 0o777
            assert mode & 0o077 == 0, (path, oct(mode))


class TestKeyStore:
    def test_opens_without_a_password(self, where: Place) -> None:
        store = Store()
        made = set_up_key_store(where, store)
        identifier = kept_film(made)
        made.close()
        assert where.protection is Protection.KEY_STORE
        again = open_with_key_store(where, store)
        assert again.archive.get(identifier)
        assert again.person.may(Right.SIGN)
        assert not again.person.may(Right.MANAGE_ACCOUNTS)
        again.close()

    def test_without_a_key_store_nothing_is_made(self, where: Place) -> None:
        with pytest.raises(NoKeyStoreError):
            set_up_key_store(where, Store(is_there=False))
        assert where.protection is Protection.NONE

    def test_a_store_that_lost_the_key_opens_nothing(self, where: Place) -> None:
        set_up_key_store(where, Store()).close()
        with pytest.raises(NoKeyStoreError):
            open_with_key_store(where, Store())

    def test_accounts_take_the_archive_over(self, where: Place) -> None:
        store = Store()
        made = set_up_key_store(where, store)
        identifier = kept_film(made)
        made.close()
        with_accounts, _ = set_up_accounts(where, "anna", "", PASSWORD, store)
        assert with_accounts.archive.get(identifier)
        assert where.protection is Protection.ACCOUNTS
        assert store.held == {}
        with_accounts.close()


class TestLocking:
    def test_nothing_is_read_or_written_while_locked(self, where: Place, anna: Session) -> None:
        kept_film(anna)
        write_durably(where.kept / "a.json", b"[1]")
        paths = originals(anna, anna.archive.search(Search())[0].identifier)
        opened, anna_key = anna._opened, anna._opened.data_key
        anna.lock()
        assert anna.is_locked
        assert not any(anna_key)
        for act in (
            lambda: anna.archive,
            lambda: anna.keys,
            lambda: anna.record(EventKind.VIEW),
            lambda: anna.require(Right.VIEW),
            lambda: anna.confirm(PASSWORD),
            lambda: anna.unlocked(),
        ):
            with pytest.raises(AccountError):
                act()
        with pytest.raises(LockedFolderError):
            read_json(where.kept / "a.json", list)
        with pytest.raises(LockedFolderError):
            opened.images.opened(paths[0])
        with pytest.raises(ArchiveError, match="locked"):
            opened.archive.search(Search())

    def test_the_same_person_goes_on(self, where: Place, anna: Session) -> None:
        identifier = kept_film(anna)
        anna.lock()
        with pytest.raises(AccountError):
            anna.unlock("wrong password")
        assert anna.is_locked
        anna.unlock(PASSWORD)
        assert anna.archive.get(identifier)
        told = kinds(anna)
        assert told[-4:] == [
            EventKind.LOCK, EventKind.LOGIN, EventKind.UNLOCK, EventKind.AUDIT_LOG_USED,
        ]  # fmt: skip

    def test_somebody_else_signs_in_meanwhile(self, where: Place, anna: Session) -> None:
        administration.add_account(anna, "bob", "Bob", [Role.VIEWER], OTHER)
        anna.lock()
        bob = sign_in(where, "bob", OTHER)
        assert bob.person.name == "bob"
        bob.close()

    def test_locking_twice_is_locking_once(self, anna: Session) -> None:
        anna.lock()
        anna.lock()
        anna.unlock(PASSWORD)
        assert kinds(anna).count(EventKind.LOCK) == 1

    def test_confirming_needs_the_password(self, anna: Session) -> None:
        anna.confirm(PASSWORD)
        with pytest.raises(AccountError):
            anna.confirm(OTHER)


class TestAccounts:
    def test_a_viewer_may_view_only(self, where: Place, anna: Session) -> None:
        identifier = kept_film(anna)
        administration.add_account(anna, "bob", "Bob", [Role.VIEWER], OTHER)
        anna.close()
        bob = sign_in(where, "bob", OTHER)
        assert bob.person.account is not None
        assert bob.person.account.must_change
        assert originals(bob, identifier)
        for act in (
            lambda: keep(bob, Opened((MR_SAMPLE,), JANE)),
            lambda: delete(bob, [identifier]),
            lambda: bob.events(),
            lambda: bob.verify_trail(),
            lambda: bob.begin_new_trail(),
            lambda: list(safety_copies.back_up(bob, where.profile)),
            lambda: administration.add_account(bob, "eve", "", [Role.ADMINISTRATOR], OTHER),
            lambda: administration.set_roles(bob, "bob", [Role.ADMINISTRATOR]),
            lambda: administration.reset_password(bob, "anna", OTHER),
            lambda: administration.remove_account(bob, "anna"),
            lambda: administration.renew_recovery_key(bob),
        ):
            with pytest.raises(AccountError) as raised:
                act()
            assert raised.value.problem is AccountProblem.NOT_ALLOWED
        assert bob.archive.get(identifier)
        bob.close()

    def test_each_step_is_in_the_trail(self, anna: Session) -> None:
        administration.add_account(anna, "bob", "Bob", [Role.VIEWER, Role.READER], OTHER)
        administration.set_roles(anna, "bob", [Role.READER])
        administration.reset_password(anna, "bob", PASSWORD)
        administration.remove_account(anna, "bob")
        administration.change_password(anna, PASSWORD, OTHER)
        administration.renew_recovery_key(anna)
        told = [
            (event.description, event.objects[0].identifier)
            for _, event in anna.events()
            if event.kind is EventKind.USER_ADMINISTRATION
        ]
        assert told == [
            ("first account", "anna"),
            ("added: viewer, reader", "bob"),
            ("roles: reader", "bob"),
            ("password set by an administrator", "bob"),
            ("removed", "bob"),
            ("password changed", "anna"),
            ("recovery key renewed", "anna"),
        ]

    def test_nobody_takes_their_own_account_away(self, anna: Session) -> None:
        administration.add_account(anna, "bob", "", [Role.ADMINISTRATOR], OTHER)
        with pytest.raises(AccountError) as raised:
            administration.remove_account(anna, "ANNA")
        assert (raised.value.problem, raised.value.name) == (AccountProblem.OWN_ACCOUNT, "anna")

    def test_a_changed_password_needs_the_old_one(self, where: Place, anna: Session) -> None:
        with pytest.raises(AccountError):
            administration.change_password(anna, OTHER, OTHER)
        administration.change_password(anna, PASSWORD, OTHER)
        anna.lock()
        with pytest.raises(AccountError):
            anna.unlock(PASSWORD)
        anna.unlock(OTHER)

    def test_an_unknown_name_costs_what_the_others_do(
        self, where: Place, anna: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spent = []
        real = accounts_book.password_key
        monkeypatch.setattr(
            accounts_book, "password_key",
            lambda password, salt, cost: spent.append(cost) or real(password, salt, cost),
        )  # fmt: skip
        for name in ("anna", "nobody-of-that-name"):
            with pytest.raises(AccountError):
                where.book().sign_in(name, "wrong password")
        assert spent[0] == spent[1]


def outcomes(at_work: Session, kind: EventKind) -> list[tuple[Outcome, str]]:
    return [(each.outcome, each.description) for _, each in at_work.events() if each.kind is kind]


class TestKeeping:
    def test_what_could_not_be_kept_is_in_the_trail(
        self, anna: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(type(anna.archive), "prepare_file", full)
        with pytest.raises(OSError, match="No space"):
            kept_film(anna)
        assert outcomes(anna, EventKind.IMPORT) == [
            (Outcome.SERIOUS_FAILURE, "No space left on device")
        ]
        failed = next(e for _, e in anna.events() if e.kind is EventKind.IMPORT)
        assert [o.identifier for o in failed.objects] == ["ID-PLANTED-1", FILM_SAMPLE.name]

    def test_who_stops_keeping_is_in_the_trail(self, anna: Session) -> None:
        work = keeping(anna, Opened((FILM_SAMPLE,), JANE, "lateral-neck"))
        next(work)
        work.close()
        assert outcomes(anna, EventKind.IMPORT) == [(Outcome.MINOR_FAILURE, "stopped")]
        kept_film(anna)
        assert outcomes(anna, EventKind.IMPORT)[1:] == [(Outcome.SUCCESS, "")]

    def test_an_examination_with_its_files(self, where: Place, anna: Session) -> None:
        identifier = kept_film(anna)
        record = anna.archive.get(identifier)
        assert (record.patient.name, record.patient.patient_id) == ("Planted^Jane", "ID-PLANTED-1")
        assert (record.kind, record.status, record.study_date) == (
            "lateral-neck", "automatic", "20261101",
        )  # fmt: skip
        [path] = originals(anna, identifier)
        assert (read_image(path).pixels == read_image(FILM_SAMPLE).pixels).all()
        [stored] = anna.archive.files(identifier, FileRole.ORIGINAL)
        assert stored.name == FILM_SAMPLE.name

    def test_the_same_file_is_kept_once(self, anna: Session) -> None:
        first = kept_film(anna)
        anna.archive.set_tags(first, ["teaching"])
        assert kept_film(anna) == first
        assert len(anna.archive.files(first)) == 1
        assert anna.archive.get(first).tags == ("teaching",)
        assert anna.archive.count(Search()) == 1

    def test_a_file_of_another_patient_is_refused(self, anna: Session) -> None:
        identifier = kept_film(anna)
        with pytest.raises(ArchiveError) as raised:
            keep(anna, Opened((FILM_SAMPLE,), PatientFacts(name="Other^John", identifier="2")))
        assert raised.value.problem is ArchiveProblem.OTHER_PATIENT
        assert anna.archive.get(identifier).patient.name == "Planted^Jane"

    def test_what_is_known_of_it_is_not_forgotten(self, anna: Session) -> None:
        analysed = Opened((FILM_SAMPLE,), JANE, "lateral-neck", analysis=neck_analysis())
        before = keep(anna, analysed)
        signed = ReadingVersion(1, "signed", "Dr. Anna", "2026-11-29T10:00:00Z", "", b"{}")
        anna.archive.put_reading(before.identifier, signed)
        after = keep(anna, Opened((FILM_SAMPLE,), JANE))
        assert (after.status, after.reader) == ("signed", "Dr. Anna")
        assert after.kind == "lateral-neck"
        assert after.measures == before.measures != ()

    def test_keeping_that_is_stopped_leaves_nothing(self, where: Place, anna: Session) -> None:
        steps = keeping(anna, Opened((FILM_SAMPLE, MR_SAMPLE), JANE))
        assert [next(steps) for _ in range(4)] == [(0, 4), (1, 4), (2, 4), (3, 4)]
        assert [path for path in where.files.rglob("*") if path.is_file()]
        steps.close()
        assert not [path for path in where.files.rglob("*") if path.is_file()]
        assert not anna.archive.search(Search())

    def test_a_package_that_is_stopped_leaves_nothing(
        self, where: Place, anna: Session, tmp_path: Path
    ) -> None:
        path = tmp_path / "two.spinealign-case"
        record = keep(anna, Opened((FILM_SAMPLE, MR_SAMPLE), JANE))
        steps = exchange.exporting(anna, record.identifier, path, PASSWORD)
        assert [next(steps), next(steps)] == [(0, 2), (1, 2)]
        steps.close()
        assert not path.exists()
        exchange.export_package(anna, record.identifier, path, PASSWORD)
        delete(anna, [record.identifier])
        assert not [each for each in where.files.rglob("*") if each.is_file()]
        coming = exchange.importing(anna, path, PASSWORD)
        assert [next(coming), next(coming)] == [(0, 2), (1, 2)]
        assert [each for each in where.files.rglob("*") if each.is_file()]
        coming.close()
        assert not [each for each in where.files.rglob("*") if each.is_file()]
        assert not anna.archive.search(Search())

    def test_what_fails_is_marked_in_the_trail(self, anna: Session, tmp_path: Path) -> None:
        identifier, packed = kept_film(anna), tmp_path / "one.spinealign-case"
        with pytest.raises(ExportError):
            exchange.export_package(anna, identifier, tmp_path / "no" / "x.c", "package horse")
        exchange.export_package(anna, identifier, packed, "package horse")
        with pytest.raises(ArchiveError):
            exchange.import_package(anna, packed, "another package")
        with pytest.raises(FileNotFoundError):
            exchange.import_package(anna, tmp_path / "none", "package horse")
        told = [event_cells(*each)[3:] for each in anna.events()][3:-1]
        [film] = {about for what, about, _ in told if what == "Exported"}
        assert told == [
            ("Exported", film, ""),
            ("Exported", film, "failed; not writable"),
            ("Exported", film, ""),
            ("Imported", "file one.spinealign-case", "failed; wrong package password"),
            ("Imported", "file none", "failed; No such file or directory"),
        ]

    def test_a_signature_counts_from_when_it_was_made(self, anna: Session) -> None:
        image = ReadImage("0" * 64, "film.png", 10, 10)
        reading = Reading(image, "lateral neck", reader="Dr. Anna")
        signed = reading.with_changes(signed_utc=datetime(2026, 11, 2, 23, 30, tzinfo=UTC))
        before = keep(anna, Opened((FILM_SAMPLE,), JANE, reading=signed))
        assert before.signed_utc == "2026-11-02T23:30:00Z"
        assert before.changed_utc > "2026-11-03"
        [version] = anna.archive.readings(before.identifier)
        assert (version.version, version.at_utc) == (1, "2026-11-02T23:30:00Z")
        said = Addendum("more", "seen again", "Dr. Anna", datetime(2026, 11, 5, 1, tzinfo=UTC))
        keep(anna, Opened((FILM_SAMPLE,), JANE, reading=signed.with_changes(addenda=(said,))))
        after = anna.archive.get(before.identifier)
        assert (after.status, after.signed_utc) == ("amended", "2026-11-05T01:00:00Z")
        assert after.changed_utc >= before.changed_utc

    @staticmethod
    def keep_with_addendum(anna: Session) -> str:
        image = ReadImage("0" * 64, "film.png", 10, 10)
        moment = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
        said = Addendum("A zebrawort at C7.", "The quagga was overlooked.", "Dr. Anna", moment)
        reading = Reading(image, "lateral neck", reader="Dr. Anna", signed_utc=moment)
        for each in (reading, reading.with_changes(addenda=(said,))):
            kept = keep(anna, Opened((FILM_SAMPLE,), JANE, reading=each))
        return kept.identifier

    @pytest.mark.parametrize("words", ["zebrawort", "quagga overlooked", "zebra planted jane"])
    def test_an_addendum_is_found_by_its_text_and_its_reason(
        self, anna: Session, words: str
    ) -> None:
        identifier = self.keep_with_addendum(anna)
        found = anna.archive.search(Search(words=words))
        assert [each.identifier for each in found] == [identifier]

    def test_an_addendum_that_an_earlier_version_kept_is_found_once_it_is_opened(
        self, anna: Session, where: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from spinealign.archive import word_index

        with monkeypatch.context() as earlier:
            earlier.setattr(word_index, "addenda_words", lambda _: "")
            identifier = self.keep_with_addendum(anna)
        assert not anna.archive.search(Search(words="zebrawort"))
        for column in ("apex", "convex_to", "patient_side"):
            anna.archive.connection.execute(f"ALTER TABLE measure DROP COLUMN {column}")
        anna.archive.connection.execute("PRAGMA user_version = 2")
        anna.close()
        again = sign_in(where, "anna", PASSWORD)
        found = again.archive.search(Search(words="zebrawort"))
        assert [each.identifier for each in found] == [identifier]
        assert again.archive.search(Search(words="planted"))
        again.close()
        assert where.database.with_name("archive.db.before").is_file()

    def test_readings_without_a_full_name_are_signed_with_the_account(self) -> None:
        assert Person("anna").signs_as == "anna"
        assert Person("anna", "Dr. Anna").signs_as == "Dr. Anna"

    def test_it_is_found_and_its_views_are_true(self, anna: Session) -> None:
        identifier = kept_film(anna)
        for search in (
            Search(words="plant jane"),
            Search(words="ID-PLANTED-1"),
            Search(view=View.TO_READ),
            Search(first_date="20261101", last_date="20261101"),
        ):
            assert [each.identifier for each in anna.archive.search(search)] == [identifier]
        assert not anna.archive.search(Search(view=View.SIGNED_TODAY))

    def test_what_is_done_names_patient_and_study(self, anna: Session) -> None:
        identifier = kept_film(anna)
        originals(anna, identifier)
        delete(anna, [identifier])
        told = {
            event.kind: {each.kind: each.identifier for each in event.objects}
            for _, event in anna.events()
        }
        for kind in (EventKind.IMPORT, EventKind.VIEW, EventKind.DELETE):
            assert told[kind][ObjectKind.PATIENT] == "ID-PLANTED-1"
            assert told[kind][ObjectKind.STUDY] == identifier
        named = {event.kind: event_cells(1, event)[4] for _, event in anna.events()}
        assert named[EventKind.VIEW] == (
            "patient Planted^Jane, study 2026-11-01 Lateral neck X-ray"
        )

    @pytest.mark.parametrize("checksum", ["ab" * 32, "ab" * 16], ids=["of an image", "random"])
    def test_a_study_of_an_earlier_event_is_no_checksum(self, checksum: str) -> None:
        earlier = AuditObject(ObjectKind.STUDY, checksum)
        assert object_words(earlier) == "study of the image abababab…"
        assert object_words(AuditObject(ObjectKind.STUDY, "1.2.3")) == "study 1.2.3"
        asked = AuditObject(ObjectKind.QUERY, checksum, query="plant")
        assert object_words(asked) == "the archive for “plant”"
        node = AuditObject(ObjectKind.QUERY, "1.2.840", query="plant")
        assert object_words(node) == "query 1.2.840"
        assert object_words(AuditObject(ObjectKind.AUDIT_LOG, checksum)) == "audit trail"
        assert object_words(AuditObject(ObjectKind.QUERY, checksum)) == "the archive"
        assert object_words(AuditObject(ObjectKind.FILE, checksum)) == f"file {checksum}"
        named = AuditObject(ObjectKind.STUDY, checksum, study_name("", "lateral-neck"))
        assert object_words(named) == "study Lateral neck X-ray"

    def test_a_plain_file_stays_where_another_one_is_kept(
        self, where: Place, anna: Session
    ) -> None:
        kept, plain = where.kept / "corrections" / "a.json", where.profile / "corrections"
        kept.parent.mkdir()
        write_durably(kept, b"kept")
        plain.mkdir()
        for name, content in (("a.json", b"another"), ("b.json", b"moved")):
            (plain / name).write_bytes(content)
        assert take_in(where, ("corrections",)) == 1
        assert [path.name for path in plain.iterdir()] == ["a.json"]
        with open_binary(kept) as there, open_binary(kept.with_name("b.json")) as moved:
            assert (there.read(), moved.read()) == (b"kept", b"moved")

    def test_nothing_of_it_can_be_read_on_the_disk(self, where: Place, anna: Session) -> None:
        kept_film(anna)
        write_durably(where.kept / "draft.json", b'"Planted^Jane"')
        anna.lock()
        for path in where.profile.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert b"Planted" not in content, path
                assert b"ID-PLANTED" not in content, path
                assert b"DICM" not in content, path


class TestTrail:
    def test_a_sound_one_is_whole(self, anna: Session) -> None:
        kept_film(anna)
        assert anna.verify_trail().damage is None

    def damage(self, anna: Session) -> None:
        """Take the last event away, as somebody would who has the key."""
        connection = anna.archive.connection
        connection.execute("DROP TRIGGER audit_trail_is_not_shortened")
        connection.execute(
            "DELETE FROM audit_trail WHERE counter = (SELECT max(counter) FROM audit_trail)"
        )

    def test_with_a_damaged_one_work_goes_on_and_events_wait(
        self, where: Place, anna: Session
    ) -> None:
        self.damage(anna)
        identifier = kept_film(anna)
        assert anna.trail_damage is Damage.CUT_OFF
        waiting = where.kept / "waiting-events.json"
        assert b"import" not in waiting.read_bytes()
        assert EventKind.IMPORT not in kinds(anna)
        anna.lock()
        anna.unlock(PASSWORD)
        assert anna.archive.get(identifier)
        anna.begin_new_trail()
        told = kinds(anna)
        assert told[0] is EventKind.AUDIT_LOG_DAMAGED
        assert told.index(EventKind.IMPORT) < told.index(EventKind.LOCK)
        assert not waiting.exists()
        assert anna.verify_trail().damage is None

    def test_the_damaged_one_stays_beside_the_new_one(self, where: Place, anna: Session) -> None:
        self.damage(anna)
        assert anna.verify_trail().damage is Damage.CUT_OFF
        before = anna.archive.connection.execute("SELECT * FROM audit_trail").fetchall()
        anchor = where.anchor.read_bytes()
        anna.begin_new_trail()
        kept = anna.archive.connection.execute("SELECT * FROM audit_trail_1").fetchall()
        assert kept == before
        assert where.anchor.with_name("audit-anchor-1.json").read_bytes() == anchor

    def test_a_missing_anchor_is_damage(self, where: Place, anna: Session) -> None:
        anna.close()
        where.anchor.unlink()
        again = sign_in(where, "anna", PASSWORD)
        assert again.trail_damage is Damage.ANCHOR_MISSING
        again.close()


class TestSafetyCopies:
    def test_lose_the_computer_and_begin_again_with_the_recovery_key(
        self, where: Place, tmp_path: Path
    ) -> None:
        made, key = set_up_accounts(where, "anna", "Dr. Anna Reader", PASSWORD)
        identifier = kept_film(made)
        write_durably(where.kept / "draft.json", b'["impression"]')
        *_, done = safety_copies.back_up(made, tmp_path / "disk")
        assert isinstance(done, BackedUp)
        made.close()
        fresh = Place.of_profile(tmp_path / "new computer")
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        assert safety_copies.restore_with_recovery_key(copy, fresh, key, "anna", OTHER) == 1
        again = sign_in(fresh, "anna", OTHER)
        assert again.trail_damage is None
        assert again.verify_trail().damage is None
        assert read_json(fresh.kept / "draft.json", list) == ["impression"]
        [path] = originals(again, identifier)
        assert (read_image(path).pixels == read_image(FILM_SAMPLE).pixels).all()
        again.close()

    def test_with_a_password_of_that_time(
        self, where: Place, anna: Session, tmp_path: Path
    ) -> None:
        kept_film(anna)
        list(safety_copies.back_up(anna, tmp_path / "disk"))
        administration.change_password(anna, PASSWORD, OTHER)
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        fresh = Place.of_profile(tmp_path / "new computer")
        with pytest.raises(AccountError):
            safety_copies.restore(copy, fresh, "anna", OTHER)
        assert fresh.protection is Protection.NONE
        assert safety_copies.restore(copy, fresh, "anna", PASSWORD) == 1
        sign_in(fresh, "anna", PASSWORD).close()

    def test_two_within_one_second_are_two(self, anna: Session, tmp_path: Path) -> None:
        for _ in range(3):
            list(safety_copies.back_up(anna, tmp_path / "disk"))
        assert len(safety_copies.back_ups_on(tmp_path / "disk")) == 3

    def test_what_locking_ended_is_marked_after_unlocking(
        self, anna: Session, tmp_path: Path
    ) -> None:
        kept_film(anna)
        steps = safety_copies.back_up(anna, tmp_path / "disk")
        next(steps)
        anna.lock()
        with pytest.raises(ArchiveError):
            next(steps)
        anna.unlock(PASSWORD)
        told = [event_cells(*each) for each in anna.events()]
        failed = [cells[3:] for cells in told if cells[5].startswith("failed")]
        assert [(what, details) for what, _, details in failed] == [("Backed up", "failed; locked")]

    def test_the_trail_says_that_it_was_restored(
        self, where: Place, anna: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = administration.renew_recovery_key(anna)
        list(safety_copies.back_up(anna, tmp_path / "disk"))
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        anna.close()
        restored = Place.of_profile(tmp_path / "restored")
        safety_copies.restore(copy, restored, "Anna", PASSWORD)
        half = Place.of_profile(tmp_path / "half")

        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as disk:
            disk.setattr(accounts_book.AccountBook, "recover", fail)
            with pytest.raises(OSError, match="No space"):
                safety_copies.restore_with_recovery_key(copy, half, key, "anna", OTHER)
        for here, outcomes in (
            (restored, [Outcome.SUCCESS]),
            (half, [Outcome.SUCCESS, Outcome.SERIOUS_FAILURE]),
        ):
            again = sign_in(here, "anna", PASSWORD)
            told = [event for _, event in again.events() if event.kind is EventKind.RESTORE]
            assert [(each.user, each.outcome) for each in told] == [
                ("anna", outcome) for outcome in outcomes
            ]
            again.close()

    def test_restoring_that_is_stopped_leaves_nothing(
        self, where: Place, anna: Session, tmp_path: Path
    ) -> None:
        kept_film(anna)
        list(safety_copies.back_up(anna, tmp_path / "disk"))
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        fresh = Place.of_profile(tmp_path / "fresh")
        steps = safety_copies.restoring(copy, fresh, "anna", PASSWORD)
        told = [next(steps) for _ in range(3)]
        assert [done for done, _ in told] == [0, 1, 2]
        assert [path for path in fresh.profile.rglob("*") if path.is_file()]
        steps.close()
        assert not [path for path in fresh.profile.rglob("*") if path.is_file()]
        assert safety_copies.restore(copy, fresh, "anna", PASSWORD) == 1

    def test_never_beside_the_anchor_of_an_archive(
        self, where: Place, anna: Session, tmp_path: Path
    ) -> None:
        list(safety_copies.back_up(anna, tmp_path / "disk"))
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        anna.close()
        before = where.anchor.read_bytes()
        shutil.rmtree(where.folder)
        with pytest.raises(FileExistsError):
            safety_copies.restore(copy, where, "anna", PASSWORD)
        assert not where.folder.exists()
        assert where.anchor.read_bytes() == before

    def test_never_over_an_archive(self, where: Place, anna: Session, tmp_path: Path) -> None:
        list(safety_copies.back_up(anna, tmp_path / "disk"))
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        with pytest.raises(FileExistsError):
            safety_copies.restore(copy, where, "anna", PASSWORD)
        assert not anna.archive.search(Search())

    def test_a_password_that_is_not_taken_restores_nothing(
        self, where: Place, tmp_path: Path
    ) -> None:
        made, key = set_up_accounts(where, "anna", "", PASSWORD)
        list(safety_copies.back_up(made, tmp_path / "disk"))
        made.close()
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        fresh = Place.of_profile(tmp_path / "new computer")
        for name, password in (("anna", "short"), ("eve", OTHER)):
            with pytest.raises(AccountError):
                safety_copies.restore_with_recovery_key(copy, fresh, key, name, password)
        assert not fresh.folder.exists()

    def test_an_archive_without_accounts_has_no_copy_that_opens(
        self, where: Place, tmp_path: Path
    ) -> None:
        made = set_up_key_store(where, Store())
        with pytest.raises(ArchiveError) as raised:
            list(safety_copies.back_up(made, tmp_path / "disk"))
        assert raised.value.problem is ArchiveProblem.NO_ACCOUNTS
        made.close()

    def test_a_drill_reads_everything(self, anna: Session, tmp_path: Path) -> None:
        kept_film(anna)
        list(safety_copies.back_up(anna, tmp_path / "disk"))
        [copy] = safety_copies.back_ups_on(tmp_path / "disk")
        (tmp_path / "work").mkdir()
        assert safety_copies.drill(anna, copy, tmp_path / "work") == (1, 1)


class TestNetworkFolders:
    MOUNTS = (("/", "ext4"), ("/home", "nfs4"), ("/home/local", "xfs"), ("/mnt/pacs", "cifs"))

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/var/lib", "ext4"), ("/home/anna", "nfs4"), ("/home", "nfs4"),
            ("/home/local/a", "xfs"), ("/home/localised", "nfs4"), ("/mnt/pacs/x", "cifs"),
        ],
    )  # fmt: skip
    def test_the_innermost_mount_counts(self, path: str, kind: str) -> None:
        assert type_of(path, self.MOUNTS) == kind

    def test_an_archive_there_is_refused(
        self, where: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not is_on_network(where.folder)
        root = str(where.profile.parent)
        monkeypatch.setattr(network_folders, "_linux_mounts", lambda: [(root, "nfs4")])
        monkeypatch.setattr(network_folders, "_other_mounts", lambda: [(root, "nfs4")])
        monkeypatch.setattr(network_folders, "_is_remote_drive", lambda _: True)
        for act in (
            lambda: set_up_accounts(where, "anna", "", PASSWORD),
            lambda: set_up_key_store(where, Store()),
        ):
            with pytest.raises(ArchiveError) as raised:
                act()
            assert raised.value.problem is ArchiveProblem.ON_NETWORK
        assert not where.folder.exists()


def test_events_carry_the_time_of_this_computer(where: Place) -> None:
    made, _ = set_up_accounts(where, "anna", "", PASSWORD)
    before = datetime.now(UTC) - timedelta(minutes=1)
    stamps = [event.at_utc for _, event in made.events()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", each) for each in stamps)
    assert all(datetime.fromisoformat(each) > before for each in stamps)
    made.close()


PROBLEMS = [
    *(AccountError(problem, "anna") for problem in AccountProblem),
    *(ArchiveError(problem) for problem in ArchiveProblem),
    *(AuditDamagedError(damage) for damage in Damage),
    PauseError(7.2, is_clock_set_back=False),
    PauseError(700, is_clock_set_back=True),
    RecoveryKeyError(),
    NoKeyStoreError(),
    DamagedFileError(Path("/profile/archive/files/ab/abc")),
]


@pytest.mark.parametrize("error", PROBLEMS, ids=repr)
def test_every_failure_is_a_sentence_with_advice(error: SpineAlignError) -> None:
    message = explain(error)
    assert message.sentence.endswith(".")
    assert ". " not in message.sentence
    assert "{" not in message.sentence
    assert "could not finish" not in message.sentence
    assert message.advice.endswith(".")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1, "1 second"), (4.1, "5 seconds"), (99.5, "2 minutes"), (121, "3 minutes")],
)
def test_a_pause_is_never_told_shorter_than_it_is(seconds: float, text: str) -> None:
    assert waiting_text(seconds) == text


class TestTwoThreads:
    def test_an_event_waits_for_the_transaction_of_another_thread(self, anna: Session) -> None:
        begun, recorded = threading.Event(), threading.Event()

        def record() -> None:
            begun.wait(10)
            anna.record(EventKind.VIEW)
            recorded.set()

        thread = threading.Thread(target=record)
        thread.start()
        with anna.archive.together():
            begun.set()
            assert not recorded.wait(0.2)
            anna.archive.connection.execute("ROLLBACK")
            anna.archive.connection.execute("BEGIN")
        thread.join(10)
        assert recorded.is_set()
        assert EventKind.VIEW in kinds(anna)
        assert anna.verify_trail().damage is None
