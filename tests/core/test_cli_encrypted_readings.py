"""Commands that take an image, in a profile whose readings are encrypted."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pypdf
import pytest

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.records import Search
from spinealign.audit.events import AuditEvent, EventKind
from spinealign.cli.main import run_command
from spinealign.domain.paths import resources_dir
from spinealign.domain.reading import Decision
from spinealign.imaging.read import read_image
from spinealign.reading.session import ReadingSession
from spinealign.reading.store import ReadingStore
from spinealign.vault import administration, place, session
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts, sign_in
from tests.readings import Clock, degrees, neck_analysis

PASSWORD, OTHER = "correct horse battery", "another horse battery"
SAMPLE = resources_dir() / "samples" / "xray_lateral_phantom" / "truth_mask.png"
COBB = "measure/cobb_c2_c7/C2/C7"
PLANTED = "Planted words of an impression."
IGNORED = ("--ignore-reading", "--ignore-corrections")


@dataclass
class Answer:
    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    (tmp_path / "pw").write_text(f"{PASSWORD}\n")
    here = Place.of_profile(tmp_path / "profile")
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A film whose result is made by hand."""
    path = Path(shutil.copy(SAMPLE, tmp_path / "neck.png"))

    def analysed(*_: object, **__: object):
        yield from ()
        return replace(neck_analysis(), image=read_image(path))

    monkeypatch.setattr("spinealign.analysis.analyze_file", analysed)
    return path


@pytest.fixture
def run(
    where: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:  # fmt: skip
    def run(*words: object, user: str = "") -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        name = ("--user", user, "--password-file", str(tmp_path / "pw")) if user else ()
        own = ("--profile-dir", str(where.profile))
        code = run_command([*map(str, words), *own, *name])
        told = capsys.readouterr()
        return Answer(code, told.out, told.err)

    return run


def read_by(film: Path, folder: Path, *, is_signed: bool) -> ReadingSession:
    """Read the film with its readings in a folder, and sign it."""
    analysis = replace(neck_analysis(), image=read_image(film))
    reading = ReadingSession(analysis, ReadingStore(folder), "A. Reader", Clock())
    reading.decide(COBB, Decision.CHANGED, degrees(-4.0))
    reading.write_impression(PLANTED)
    if is_signed:
        reading.accept_rest()
        reading.sign()
    return reading


@pytest.fixture
def anna(where: Place) -> Session:
    """Accounts of anna, who reads and administers, and of bob, who looks; nobody is signed in."""
    made, _ = set_up_accounts(where, "anna", "Dr. Anna", PASSWORD)
    administration.add_account(made, "bob", "Bob", [Role.VIEWER], OTHER)
    administration.reset_password(made, "bob", PASSWORD)
    made.close()
    sign_in(where, "bob", PASSWORD).close()
    return made


@pytest.fixture
def signed(film: Path, where: Place, anna: Session) -> Path:
    at_work = sign_in(where, "anna", PASSWORD)
    read_by(film, where.kept, is_signed=True)
    at_work.close()
    return film


def result_of(out: Path) -> dict[str, object]:
    found = json.loads(next(out.rglob("analysis.json")).read_text(encoding="utf-8"))
    return dict(found["reading"] or {"use": "none"})


def report_of(out: Path) -> str:
    pages = pypdf.PdfReader(next(out.rglob("report.pdf"))).pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


def events(where: Place) -> list[AuditEvent]:
    at_work = sign_in(where, "anna", PASSWORD)
    found = [event for _, event in at_work.events()]
    at_work.close()
    return found


class TestSignedIn:
    def test_a_signed_reading_is_taken_into_the_results(self, run: Run, signed: Path, tmp_path):
        done = run("analyze", signed, "--out", tmp_path / "out", user="anna")
        assert (done.code, done.err) == (0, "")
        assert "reading: signed by A. Reader" in done.out
        assert result_of(tmp_path / "out")["status"] == "signed"
        assert PLANTED in report_of(tmp_path / "out")

    def test_it_is_shown_and_checked(self, run: Run, signed: Path):
        shown = run("reading", "show", signed, user="anna")
        assert (shown.code, PLANTED in shown.out) == (0, True)
        checked = run("reading", "check", signed, user="anna")
        assert (checked.code, "as it was signed" in checked.out) == (0, True)

    def test_the_trail_says_what_was_exported_and_viewed(self, run: Run, signed, where, tmp_path):
        run("analyze", signed, "--out", tmp_path / "out", user="anna")
        run("reading", "show", signed, user="anna")
        sha256 = read_image(signed).sha256
        told = [
            (each.kind, each.user)
            for each in events(where)
            if any(what.identifier == sha256 for what in each.objects)
        ]
        assert told == [(EventKind.EXPORT, "anna"), (EventKind.VIEW, "anna")]

    def test_corrections_that_hold_are_those_of_the_reading(self, run: Run, signed, where):
        both = (signed, signed, "--patient-confirmed")
        assert run("compare", *both, user="anna").code == 0
        assert EventKind.VIEW in [each.kind for each in events(where)]

    def test_what_lay_in_plain_comes_into_the_encrypted_folder(self, run, film, where, anna):
        read_by(film, where.profile, is_signed=False)
        shown = run("reading", "show", film, user="anna")
        assert (shown.code, PLANTED in shown.out) == (0, True)
        left = [path for path in where.profile.rglob("*") if path.is_file()]
        assert [path for path in left if PLANTED.encode() in path.read_bytes()] == []

    def test_an_account_that_passes_nothing_on_gets_no_files(self, run, signed, tmp_path, anna):
        # The password of an administrator counts nowhere but where it is changed.
        refused = run("analyze", signed, "--out", tmp_path / "out", user="bob")
        assert (refused.code, "changed first" in refused.err) == (1, True)
        assert not (tmp_path / "out").exists()

    def test_a_viewer_looks_and_writes_nothing(self, run, signed, where, tmp_path, anna):
        bob = sign_in(where, "bob", PASSWORD)
        administration.change_password(bob, PASSWORD, OTHER)
        bob.close()
        (tmp_path / "pw").write_text(OTHER)
        assert PLANTED in run("reading", "show", signed, user="bob").out
        refused = run("analyze", signed, "--out", tmp_path / "out", user="bob")
        assert (refused.code, refused.err.split(".")[0]) == (1, "Your account may not do this")
        assert not (tmp_path / "out").exists()

    def test_a_wrong_password_opens_nothing(self, run, signed, tmp_path):
        (tmp_path / "pw").write_text("wrong password")
        refused = run("analyze", signed, "--out", tmp_path / "out", user="anna")
        assert (refused.code, refused.out, (tmp_path / "out").exists()) == (1, "", False)

    def test_the_archive_gets_the_reading_with_its_status(self, run, signed, where, anna):
        kept = run("archive", "keep", signed, "--analyze", user="anna")
        assert kept.code == 0, kept.err
        at_work = sign_in(where, "anna", PASSWORD)
        [record] = at_work.archive.search(Search(words="planted"))
        assert (record.status, record.reader) == ("signed", "A. Reader")
        at_work.close()


class TestNobodySignedIn:
    @pytest.mark.parametrize(
        ("command", "without"),
        [
            (("analyze", "FILM", "--out", "OUT"), "--ignore-reading --ignore-corrections"),
            (("analyze", "FILM", "--out", "OUT", "--ignore-reading"), "--ignore-corrections"),
            (("compare", "FILM", "FILM", "--patient-confirmed"), "--ignore-corrections"),
            (("reading", "show", "FILM"), "--user NAME"),
            (("reading", "check", "FILM"), "--user NAME"),
        ],
        ids=["analyze", "corrections too", "compare", "show", "check"],
    )
    def test_that_is_said_with_what_to_do(self, run, signed, tmp_path, command, without):
        paths = {"FILM": signed, "OUT": tmp_path / "out"}
        refused = run(*(paths.get(word, word) for word in command))
        assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
        assert "encrypted, and nobody is signed in" in refused.err
        assert refused.err.rstrip().endswith(without)
        assert not (tmp_path / "out").exists()

    def test_without_readings_results_say_that_one_was_left_out(self, run, signed, tmp_path):
        done = run("analyze", signed, "--out", tmp_path / "out", *IGNORED)
        assert (done.code, done.err) == (0, "")
        told = result_of(tmp_path / "out")
        assert (told["use"], told["status"]) == ("left_out", "signed")
        assert PLANTED not in report_of(tmp_path / "out")

    def test_an_image_that_nobody_read_is_told_as_such(self, run, film, anna, tmp_path):
        done = run("analyze", film, "--out", tmp_path / "out", *IGNORED)
        assert (done.code, done.err) == (0, "")
        plain = run("analyze", film, "--out", tmp_path / "again", user="anna")
        assert plain.code == 0
        assert result_of(tmp_path / "out") == result_of(tmp_path / "again") == {"use": "none"}

    def test_a_profile_without_an_archive_asks_for_nobody(self, run, film, where, tmp_path):
        read_by(film, where.profile, is_signed=True)
        done = run("analyze", film, "--out", tmp_path / "out")
        assert (done.code, result_of(tmp_path / "out")["status"]) == (0, "signed")
        assert not where.folder.exists()


@pytest.mark.parametrize(
    ("is_signed", "addenda", "status"),
    [(False, 0, "being_read"), (True, 0, "signed"), (True, 1, "amended")],
)
def test_names_of_files_tell_how_far_a_reading_is(tmp_path, film, is_signed, addenda, status):
    from spinealign.reading.store import image_of

    reading = read_by(film, tmp_path / "own", is_signed=is_signed)
    for _ in range(addenda):
        reading.add_addendum("C1 as well.", "asked", "B. Reader")
    image = image_of(replace(neck_analysis(), image=read_image(film)))
    assert ReadingStore(tmp_path / "own").status_by_names(image) == status
    assert ReadingStore(tmp_path / "other").status_by_names(image) is None


def test_a_name_in_a_profile_without_accounts_is_refused(
    film: Path, tmp_path: Path, capsys
) -> None:
    given = ["analyze", str(film), "--out", str(tmp_path / "out"), "--user", "anna"]
    assert run_command([*given, "--profile-dir", str(tmp_path / "mistyped")]) == 2
    assert "this profile has no accounts" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
