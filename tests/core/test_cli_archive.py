"""Accounts, archive and audit trail from the command line, as somebody would type them."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from lxml import etree
from PIL import Image

from spinealign import protected_folders
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.encrypted_files import PIECE_BYTES
from spinealign.archive.records import FileRole
from spinealign.cli.main import run_command
from spinealign.domain.examination import EXAMINATIONS
from spinealign.vault import exchange, place, safety_copies, session
from spinealign.vault.place import Place
from spinealign.vault.session import sign_in
from start import CT_SAMPLE, FILM_SAMPLE, MR_SAMPLE

PASSWORD, OTHER, PACKAGE = "correct horse battery", "another horse battery", "package horse battery"


@dataclass
class Answer:
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    for module in (place, session, safety_copies, exchange):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    (tmp_path / "pw").write_text(f"{PASSWORD}\n")

    def run(*words: str, user: str = "anna", typed: str = "", profile: str = "profile") -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        own = ("--profile-dir", str(tmp_path / profile))
        name = ("--user", user, "--password-file", str(tmp_path / "pw")) if user else ()
        code = run_command([*words[:2], *own, *name, *words[2:]])
        told = capsys.readouterr()
        return Answer(code, told.out, told.err)

    yield run
    for folder in ("profile", "fresh"):
        here = Place.of_profile(tmp_path / folder)
        protected_folders.release(here.files)
        protected_folders.release(here.kept)


@pytest.fixture
def anna(run: Run) -> str:
    """An archive with one account; its recovery key."""
    made = run("accounts", "set-up", "anna", "--full-name", "Dr. Anna")
    assert made.code == 0
    return made.out.split("\n\n")[1].strip()


def kept(run: Run, *paths: Path) -> str:
    done = run("archive", "keep", *map(str, paths or (FILM_SAMPLE,)))
    assert done.code == 0, done.err
    return done.out.split()[0]


def at_a_terminal(words: list[str], key: bytes) -> tuple[int, str]:
    """Run a command in a terminal, press a key at its first prompt, and return what came of it."""
    import pty

    child, terminal = pty.fork()
    if child == 0:
        # Where the tests run in the background, Ctrl+C is ignored, by what they start too.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", "spinealign", *words])
    told = b""
    while not told.endswith(b": "):
        told += os.read(terminal, 1024)
    os.write(terminal, key)
    with suppress(OSError):  # Linux says so at the end
        while piece := os.read(terminal, 1024):
            told += piece
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told.decode()


def refuse_to_write(*_: object) -> None:
    raise OSError(28, "No space left on device", "waiting-events.json")


class TestAccounts:
    def test_the_first_account_and_its_recovery_key(self, run: Run, anna: str) -> None:
        assert len(anna.replace("-", "")) == 56
        assert run("accounts", "list").out == "anna (Dr. Anna): reader, who signs, administrator\n"
        again = run("accounts", "set-up", "eve")
        assert (again.code, again.err.split(".")[0]) == (1, "There are accounts already")

    @pytest.mark.parametrize("is_gone", [True, False])
    def test_lost_accounts_are_told_and_never_set_up_anew(
        self, run: Run, anna: str, tmp_path: Path, is_gone: bool
    ) -> None:
        accounts = tmp_path / "profile" / "archive" / "accounts.json"
        accounts.write_bytes(accounts.read_bytes()[:200])
        if is_gone:
            accounts.unlink()
        again = run("accounts", "set-up", "eve")
        assert again.code == 1
        assert again.err == run("archive", "search").err
        assert "back-up" in again.err
        assert accounts.exists() is not is_gone

    def test_a_mistyped_status_is_no_empty_archive(self, run: Run, anna: str) -> None:
        assert run("archive", "search", "--status", "nonsense").code == 2

    def test_without_an_archive_it_says_what_to_do(self, run: Run) -> None:
        answer = run("archive", "search", user="")
        assert answer.code == 2
        assert "accounts set-up" in answer.err

    def test_with_accounts_a_name_is_needed(self, run: Run, anna: str) -> None:
        answer = run("archive", "search", user="")
        assert (answer.code, "--user" in answer.err) == (2, True)

    def test_a_given_password_has_to_be_changed_before_anything_else(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        added = run("accounts", "add", "bob", "--role", "viewer", typed=f"{OTHER}\n")
        assert "“bob”" in added.out
        (tmp_path / "pw").write_text(OTHER)
        refused = run("archive", "search", user="bob")
        assert (refused.code, "changed first" in refused.err) == (1, True)
        changed = run("accounts", "password", user="bob", typed="bob's own password\n")
        assert changed.code == 0, changed.err
        (tmp_path / "pw").write_text("bob's own password")
        assert run("archive", "search", user="bob").code == 0
        assert run("accounts", "list", user="bob").code == 0
        refused = run("accounts", "roles", "bob", "--role", "administrator", user="bob")
        assert (refused.code, refused.err.split(".")[0]) == (1, "Your account may not do this")

    def test_who_may_not_be_removed_is_said(self, run: Run, anna: str) -> None:
        last = run("accounts", "roles", "anna", "--role", "viewer")
        assert (last.code, last.err.split(".")[0]) == (1, "“anna” is the last administrator")
        own = run("accounts", "remove", "Anna")
        assert (own.code, "signed in as “anna”" in own.err) == (1, True)
        assert "administrator can" in own.err

    @pytest.mark.skipif(os.name != "posix", reason="terminals as POSIX has them")
    @pytest.mark.parametrize("key", [b"\x04", b"\x03"], ids=["Ctrl+D", "Ctrl+C"])
    @pytest.mark.parametrize("words", ["archive search --user anna", "accounts set-up bob"])
    def test_a_prompt_that_is_left_is_one_sentence(
        self, key: bytes, words: str, tmp_path: Path
    ) -> None:
        here = Place.of_profile(tmp_path / "profile")
        if words.startswith("archive"):
            made = session.set_up_accounts(here, "anna", "", PASSWORD)[0]
            made.close()
        code, told = at_a_terminal(
            [*words.split(), "--profile-dir", str(tmp_path / "profile")], key
        )
        lines = told.replace("\r", "").splitlines()
        assert (code, len(lines), lines[-1]) == (1, 2, "Stopped.")

    def test_roles_reset_and_removal(self, run: Run, anna: str) -> None:
        run("accounts", "add", "bob", "--role", "viewer", typed=f"{OTHER}\n")
        assert "reader, who signs" in run("accounts", "roles", "bob", "--role", "reader").out
        assert run("accounts", "reset", "bob", typed=f"{PASSWORD}\n").code == 0
        assert run("accounts", "remove", "bob").code == 0
        assert "bob" not in run("accounts", "list").out
        answer = run("accounts", "remove", "anna")
        assert answer.code == 1

    def test_the_recovery_key_sets_a_password(self, run: Run, anna: str, tmp_path: Path) -> None:
        answer = run("accounts", "recover", "anna", user="", typed=f"{anna}\n{OTHER}\n")
        assert answer.code == 0, answer.err
        assert run("archive", "search").code == 1
        (tmp_path / "pw").write_text(OTHER)
        assert run("archive", "search").code == 0

    def test_a_renewed_recovery_key_ends_the_earlier_one(self, run: Run, anna: str) -> None:
        assert run("accounts", "recovery-key").code == 0
        answer = run("accounts", "recover", "anna", user="", typed=f"{anna}\n{OTHER}\n")
        assert (answer.code, "does not open" in answer.err) == (1, True)


class TestBatch:
    """Thousands of images out of the archive, by the command `batch`."""

    def test_workers_read_what_is_encrypted_and_nothing_of_it_is_left_in_plain(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        kept(run, CT_SAMPLE)
        identifier = kept(run, FILM_SAMPLE)
        run("archive", "tag", identifier, "other")
        out = tmp_path / "out"
        rest = ("--archive", "CompressedSamples", "--patient-columns", "patient_id")
        done = run("batch", f"--out={out}", "--workers=1", "--only=csv", *rest)
        assert (done.code, done.out.splitlines()[-1].split(";")[0]) == (
            0, "1 done, 0 refused, 0 failed",
        )  # fmt: skip
        with (out / "images.csv").open(newline="") as file:
            [row] = csv.DictReader(file)
        told = pydicom.dcmread(CT_SAMPLE)
        assert (row["modality"], row["patient_id"]) == ("CT", told.PatientID)
        written = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
        assert not any(told.PixelData[4000:4200] in content for content in written)
        events = run("audit-trail", "list").out
        assert "CompressedSamples" in events
        none = run("batch", f"--out={tmp_path / 'none'}", "--archive", "nobody")
        assert (none.code, none.err.split(" in ")[0]) == (
            1, "Nothing was found that could be analysed",
        )  # fmt: skip


class TestArchive:
    def test_keep_search_tag_note(self, run: Run, anna: str) -> None:
        identifier = kept(run)
        kept(run, MR_SAMPLE)
        assert run("archive", "search").out.count("\n") == 2
        for words in (("phantom", "neck"), ("--from", "2025-01-01", "neck")):
            assert run("archive", "search", *words).out.startswith(identifier)
        assert run("archive", "search", "--to", "2024-12-31").out == "Nothing was found.\n"
        assert run("archive", "search", "--to", "31.12.2024").code == 2
        run("archive", "tag", identifier, "teaching", "neck")
        run("archive", "note", identifier, "compare", "with", "autumn")
        for words in (("--tag", "teaching"), ("autumn",)):
            assert run("archive", "search", *words).out.startswith(identifier)
        run("archive", "untag", identifier)
        assert run("archive", "search", "--tag", "teaching").out == "Nothing was found.\n"
        assert run("archive", "note", "nothing", "x").code == 1

    def test_what_was_kept_is_named_by_its_file(self, run: Run, anna: str, tmp_path: Path) -> None:
        films = [tmp_path / f"film-{number}.dcm" for number in range(3)]
        for number, film in enumerate(films):
            film.write_bytes(FILM_SAMPLE.read_bytes() + bytes(number))
        told = run("archive", "keep", *map(str, films)).out.splitlines()
        assert [line.partition("(")[2].partition(")")[0] for line in told] == [
            film.name for film in films
        ]

    def test_a_kind_that_there_is_not_is_answered_with_those_there_are(
        self, run: Run, anna: str
    ) -> None:
        answer = run("archive", "search", "--kind", "nonsense")
        assert (answer.code, "“nonsense”" in answer.err) == (2, True)
        for examination in EXAMINATIONS.values():
            assert examination.key in answer.err
            assert run("archive", "search", "--kind", examination.key).code == 0

    def test_analysed_ones_have_kind_measures_findings_key_value_and_thumbnail(
        self, run: Run, anna: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from spinealign import analysis
        from tests.readings import neck_analysis

        def analyze_file(*_):
            yield from ()
            return neck_analysis()

        monkeypatch.setattr(analysis, "analyze_file", analyze_file)
        done = run("archive", "keep", str(FILM_SAMPLE), "--analyze")
        identifier = done.out.split()[0]
        assert "lateral-neck" in run("archive", "search").out
        assert "C4/C5 translation 3.8 mm" in run("archive", "search").out
        with closing(sign_in(Place.of_profile(tmp_path / "profile"), "anna", PASSWORD)) as at_work:
            [small] = at_work.archive.files(identifier, FileRole.THUMBNAIL)
            picture = Image.open(io.BytesIO(at_work.archive.read_file(small)))
            assert max(picture.size) == 128
        course = run("archive", "course", identifier, "cobb_c2_c7", "C2/C7").out
        assert course.startswith("2025-01-01")
        assert course.endswith("not signed\n")
        assert run("archive", "course", identifier, "cobb_c2_c7").out == course
        assert run("archive", "search", "--level", "C2/C7").out.startswith(identifier)

    def test_deleting_asks_for_the_right_and_takes_all_away(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        identifier = kept(run)
        assert run("archive", "delete", identifier).out == "Deleted: 1 examination.\n"
        assert run("archive", "search").out == "Nothing was found.\n"
        assert not any((tmp_path / "profile" / "archive" / "files").rglob("*/*"))

    def test_what_is_due_is_shown_before_it_is_deleted(self, run: Run, anna: str) -> None:
        kept(run)
        assert run("archive", "due", "--years", "1", "--unsigned").out == "Nothing was found.\n"
        assert run("archive", "due", "--years", "0").code == 2

    def test_pictures_that_cannot_be_read_are_named(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        done = run("archive", "keep", str(tmp_path / "broken.png"), str(FILM_SAMPLE))
        assert (done.code, "broken.png" in done.err) == (1, True)
        assert run("archive", "search").out.count("\n") == 1

    def test_images_inside_a_zip_archive_are_not_kept_by_themselves(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
            archive.write(FILM_SAMPLE, "film.dcm")
            archive.write(MR_SAMPLE, "mr.dcm")
        done = run("archive", "keep", str(tmp_path / "two.zip"))
        assert (done.code, "zip archive" in done.err) == (1, True)
        assert run("archive", "search").out == "Nothing was found.\n"

    def test_a_check_names_what_is_damaged(self, run: Run, anna: str, tmp_path: Path) -> None:
        kept(run)
        assert run("archive", "check").code == 0
        [path] = (tmp_path / "profile" / "archive" / "files").glob("*/*")
        path.write_bytes(path.read_bytes()[:-1])
        answer = run("archive", "check")
        assert answer.code == 1
        first, second, advice = answer.out.splitlines()
        assert first == "Not as it was written: 1 file."
        name = f"files/{path.parent.name}/{path.name}"
        assert second == f"2025-01-01: {name} was changed, or cannot be read."
        assert "restore the newest back-up" in advice
        path.unlink()
        assert f"files/{path.parent.name}/{path.name} is missing." in run("archive", "check").out

    def test_a_cut_trail_is_told_at_every_command(
        self, run: Run, anna: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database = tmp_path / "profile" / "archive" / "archive.db"
        older = database.read_bytes()
        assert run("archive", "search").err == ""
        database.write_bytes(older)
        for words in (("archive", "search"), ("archive", "keep", str(FILM_SAMPLE))):
            answer = run(*words)
            assert answer.code == 0
            assert answer.err.count("records at the end are missing") == 1
            assert "begin-anew" in answer.err
        with monkeypatch.context() as full:
            full.setattr(session, "write_events", refuse_to_write)
            kept_before = run("archive", "keep", str(MR_SAMPLE))
            assert (kept_before.code, kept_before.out) == (1, "")
            assert run("archive", "search").out == ""
        assert run("archive", "search").out.count("\n") == 1
        assert "A new trail was begun" in run("audit-trail", "begin-anew").out
        after = run("archive", "search")
        assert (after.code, after.err) == (0, "")
        assert "Imported" in run("audit-trail", "list").out  # what waited is written down


class TestPackages:
    def test_there_and_into_another_archive(self, run: Run, anna: str, tmp_path: Path) -> None:
        identifier = kept(run)
        run("archive", "note", identifier, "compare", "with", "autumn")
        run("archive", "tag", identifier, "teaching")
        packed = tmp_path / "x.spinealign-case"
        done = run("archive", "export", identifier, str(packed), typed=f"{PACKAGE}\n")
        assert done.code == 0, done.err
        content = packed.read_bytes()
        assert b"Phantom" not in content
        assert b"DICM" not in content
        assert packed.stat().st_mode & 0o077 == 0
        run("accounts", "set-up", "anna", profile="fresh")
        taken = run("archive", "import", str(packed), typed=f"{PACKAGE}\n", profile="fresh")
        assert taken.code == 0, taken.err
        assert taken.out.split()[0] != identifier
        for words in (("autumn",), ("--tag", "teaching"), ("neck",)):
            assert "Phantom Neck" in run("archive", "search", *words, profile="fresh").out
        again = run("archive", "import", str(packed), typed=f"{PACKAGE}\n", profile="fresh")
        assert "already" in again.out
        assert run("archive", "search", profile="fresh").out.count("\n") == 1

    @pytest.mark.parametrize("damage", ["password", "cost", "cut", "byte", "no package", "empty"])
    def test_nothing_is_taken_from_one_that_is_not_as_packed(
        self, run: Run, anna: str, tmp_path: Path, damage: str
    ) -> None:
        identifier = kept(run)
        packed = tmp_path / "x.spinealign-case"
        run("archive", "export", identifier, str(packed), typed=f"{PACKAGE}\n")
        run("archive", "delete", identifier)
        content = packed.read_bytes()
        assert len(content) < PIECE_BYTES
        head, rest = content.split(b"\n", 1)
        changed = {
            "password": content,
            "cost": json.dumps(json.loads(head), indent=None).encode() + b"\n" + rest,
            "cut": content[:-20],
            "byte": content[:-30] + bytes([content[-30] ^ 1]) + content[-29:],
            "no package": b"{}\n" + rest,
            "empty": b"",
        }[damage]
        packed.write_bytes(changed)
        typed = OTHER if damage == "password" else PACKAGE
        answer = run("archive", "import", str(packed), typed=f"{typed}\n")
        assert answer.code == 1
        assert answer.err.count("\n") == 1
        assert run("archive", "search").out == "Nothing was found.\n"

    def test_a_weak_password_packs_nothing(self, run: Run, anna: str, tmp_path: Path) -> None:
        identifier = kept(run)
        packed = tmp_path / "x.spinealign-case"
        answer = run("archive", "export", identifier, str(packed), typed="short\n")
        assert (answer.code, packed.exists()) == (1, False)

    def test_a_zip_of_somebody_else_is_no_package(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        packed = tmp_path / "x.spinealign-case"
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("contents.json", "{}")
        answer = run("archive", "import", str(packed), typed=f"{PACKAGE}\n")
        assert (answer.code, "no examination" in answer.err) == (1, True)


class TestSafety:
    def test_a_fresh_computer_by_recovery_key(self, run: Run, anna: str, tmp_path: Path) -> None:
        kept(run)
        disk = str(tmp_path / "disk")
        assert "1 file, of which 1 new" in run("archive", "back-up", disk).out
        assert "1 file, of which 0 new" in run("archive", "back-up", disk).out
        assert "every byte" in run("archive", "drill", disk).out
        restored = run(
            "archive", "restore", disk, "--recovery-key",
            typed=f"{anna}\n{OTHER}\n", profile="fresh",
        )  # fmt: skip
        assert restored.code == 0, restored.err
        assert "sign in as anna with the new password" in restored.out
        (tmp_path / "pw").write_text(OTHER)
        assert "Phantom Neck" in run("archive", "search", profile="fresh").out
        assert run("audit-trail", "verify", profile="fresh").code == 0

    def test_never_over_an_archive(self, run: Run, anna: str, tmp_path: Path) -> None:
        disk = str(tmp_path / "disk")
        run("archive", "back-up", disk)
        answer = run("archive", "restore", disk, "--recovery-key", typed=f"{anna}\n{OTHER}\n")
        assert (answer.code, "--profile-dir" in answer.err) == (2, True)
        assert (answer.out, "Recovery" in answer.err) == ("", False)
        profile = tmp_path / "profile"
        (profile / "archive").rename(tmp_path / "damaged-archive")
        again = run("archive", "restore", disk)  # its anchor is there yet
        assert (again.code, str(profile / "audit-anchor.json") in again.err) == (2, True)
        (profile / "audit-anchor.json").rename(tmp_path / "damaged-archive" / "audit-anchor.json")
        assert run("archive", "restore", disk).code == 0
        assert run("archive", "check").code == 0

    def test_an_archive_is_refused_before_secrets_are_asked_for(
        self, run: Run, anna: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        disk = str(tmp_path / "disk")
        run("archive", "back-up", disk)
        asked: list[str] = []
        monkeypatch.setattr("spinealign.cli.archive.asked", asked.append)
        answer = run("archive", "restore", disk, "--recovery-key")
        assert (answer.code, asked) == (2, [])

    def test_whose_back_up_it_is_can_be_asked(self, run: Run, anna: str, tmp_path: Path) -> None:
        disk = str(tmp_path / "disk")
        run("archive", "back-up", disk)
        answer = run("archive", "restore", disk, "--user", "nobody", profile="fresh")
        assert (answer.code, "an account of the back-up: anna" in answer.err) == (2, True)

    def test_no_back_up_is_said(self, run: Run, anna: str, tmp_path: Path) -> None:
        assert run("archive", "drill", str(tmp_path)).code == 2


class TestAudit:
    def test_listed_verified_exported(self, run: Run, anna: str, tmp_path: Path) -> None:
        kept(run)
        run("archive", "search", "neck")
        told = run("audit-trail", "list").out
        for words in ("Accounts changed", "Imported", "patient Phantom", "Searched", "Signed in"):
            assert words in told
        assert run("audit-trail", "list", "--last", "2").out.count("\n") == 2
        assert "as it was written" in run("audit-trail", "verify").out
        file = tmp_path / "audit.xml"
        assert run("audit-trail", "export", str(file), "--site", "Ward").code == 0
        schema = etree.RelaxNG(etree.parse(Path(__file__).parents[1] / "audit_message.rng"))
        root = etree.parse(file).getroot()
        assert (root.tag, len(root) > 8) == ("AuditMessages", True)
        for message in root:
            schema.assertValid(etree.fromstring(etree.tostring(message)))
        lines = file.read_text().splitlines()
        assert [line for line in lines if line.startswith("<AuditMessage>")] == lines[2:-1]
        assert "QueryParameters" in file.read_text() or "ParticipantObjectQuery" in file.read_text()

    def test_what_could_not_be_done_is_marked(self, run: Run, anna: str, tmp_path: Path) -> None:
        identifier = kept(run)
        nowhere = tmp_path / "missing" / "x.spinealign-case"
        answer = run("archive", "export", identifier, str(nowhere), typed=f"{PACKAGE}\n")
        assert (answer.code, nowhere.exists()) == (1, False)
        done, failed = run("audit-trail", "list").out.splitlines()[-5:-3]
        assert ("Exported" in done, "failed" in done) == (True, False)
        assert ("Exported" in failed, failed.endswith("failed; not writable")) == (True, True)

    def told(self, run: Run, name: str) -> list[str]:
        """What the trail tells of one kind of event: about what, and the details."""
        lines = run("audit-trail", "list").out.splitlines()
        return [line.split(name, 1)[1].strip() for line in lines if f"  {name}  " in line]

    def test_what_was_changed_is_told_without_its_words(self, run: Run, anna: str) -> None:
        identifier = kept(run)
        run("archive", "tag", identifier, "zebra")
        run("archive", "untag", identifier)
        run("archive", "note", identifier, "quagga")
        kept(run)
        told = self.told(run, "Changed")
        details = ("tags set", "tags taken away", "note added", "kept again")
        assert len(told) == len(details)
        for line, words in zip(told, details, strict=True):
            assert line.endswith(f"  {words}")
        assert not any(word in line for line in told for word in ("zebra", "quagga"))

    def test_what_was_searched_for_is_told(self, run: Run, anna: str) -> None:
        for words in (
            ("neck", "--tag", "teaching"), ("--reader", "Dr. Anna"), ("--list", "to-read"),
            ("--kind", "lateral-neck", "--status", "being_read", "--level", "C2/C7"),
            ("--from", "2026-11-01", "--to", "2026-11-02"), (),
        ):  # fmt: skip
            run("archive", "search", *words)
        assert self.told(run, "Searched") == [
            "the archive for “neck; tag teaching”",
            "the archive for “read by Dr. Anna”",
            "the archive for “list to read”",
            "the archive for “image type Lateral neck X-ray; status being read; finding at C2/C7”",
            "the archive for “from 2026-11-01; to 2026-11-02”",
            "the archive for “all examinations”",
        ]

    def test_back_ups_drills_and_checks_are_told_with_what_came_of_them(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        kept(run)
        disk = tmp_path / "disk"
        run("archive", "back-up", str(disk))
        run("archive", "drill", str(disk))
        run("archive", "check")
        [backed_up] = self.told(run, "Backed up")
        assert backed_up.startswith("the archive  ")
        assert backed_up.endswith(f"into {disk}")
        [drilled] = self.told(run, "Restored a back-up for trial")
        assert str(disk) in drilled
        assert drilled.endswith(": 1 examination and 1 file read")
        [path] = (tmp_path / "profile" / "archive" / "files").glob("*/*")
        path.write_bytes(path.read_bytes()[:-1])
        [copied] = [each for each in disk.rglob("*") if each.name == path.name]
        copied.write_bytes(copied.read_bytes()[:-1])
        assert run("archive", "check").code == 1
        assert run("archive", "drill", str(disk)).code == 1
        sound, damaged = self.told(run, "Checked the archive")
        assert sound.endswith("  Database and files are as they were written.")
        assert damaged.endswith("  failed; Not as it was written: 1 file.")
        _, failed = self.told(run, "Restored a back-up for trial")
        assert f"  failed; {disk}" in failed

    @pytest.mark.parametrize("how", ["cut", "anchor changed"])
    def test_a_damaged_trail_is_told_and_stops_no_work(
        self, run: Run, anna: str, tmp_path: Path, how: str
    ) -> None:
        anchor = tmp_path / "profile" / "audit-anchor.json"
        before = anchor.read_bytes()
        if how == "cut":
            database = tmp_path / "profile" / "archive" / "archive.db"
            whole = database.read_bytes()
            assert run("archive", "search").code == 0
            for path in database.parent.glob("archive.db-*"):
                path.unlink()
            database.write_bytes(whole)
        else:
            anchor.write_bytes(before.replace(b'"mac":"', b'"mac":"0')[: len(before)])
        answer = run("archive", "search")
        assert answer.code == 0
        assert answer.err.startswith("The audit trail is not as it was written")
        assert answer.out.strip() == "Nothing was found."
        verdict = run("audit-trail", "verify")
        assert verdict.code == 1
        assert run("audit-trail", "begin-anew").code == 0
        assert "Searched" in run("audit-trail", "list").out

    def test_a_damaged_trail_is_told_and_begun_anew(
        self, run: Run, anna: str, tmp_path: Path
    ) -> None:
        (tmp_path / "profile" / "audit-anchor.json").unlink()
        answer = run("audit-trail", "verify")
        assert (answer.code, "audit-anchor.json, is missing" in answer.out) == (1, True)
        assert run("audit-trail", "begin-anew").code == 0
        assert run("audit-trail", "verify").code == 0
        assert "found damaged" in run("audit-trail", "list").out
