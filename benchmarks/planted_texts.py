"""Whether a patient's texts that passed through the program can be found anywhere afterwards.

The real program, its window driven by mouse and keys and its command line, runs in a fresh home
with accounts. A DICOM film with planted texts is opened, analysed, kept, opened from the archive,
corrected, read, signed, added to, tagged, noted, searched for, exported, followed and backed up.
Then every byte below home, profile, archive with its write-ahead log, temporary and working folder,
back-up, package and standard error is searched for 21 planted texts, the password and the recovery
key, in every form that `tests/searched_bytes.py` knows: while the program runs, while it is locked,
after its end, after a kill (SIGKILL), after a crash with core dumps allowed (SIGABRT), and after
the command line. The memory of the locked program is searched too, where the system allows it. The
film itself, which is the user's own file, lies elsewhere and is not searched.

A control without accounts does the same work and has to find texts, on the disk and in a core dump.

Run: ``python -m benchmarks.planted_texts [--keep FOLDER] [--seed N]``; with
``QT_QPA_PLATFORM=offscreen`` it needs no display. Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from tests.searched_bytes import Searcher

ROOT = Path(__file__).resolve().parent.parent
FILM = ROOT / "resources" / "samples" / "xray_lateral_phantom" / "neck_phantom.dcm"

IN_FILE = {
    "family name": ("PatientName", 0), "given name": ("PatientName", 1),
    "patient ID": ("PatientID", 0), "other ID": ("OtherPatientIDs", 0),
    "accession number": ("AccessionNumber", 0), "institution": ("InstitutionName", 0),
    "institution's address": ("InstitutionAddress", 0),
    "referring physician": ("ReferringPhysicianName", 0), "address": ("PatientAddress", 0),
    "telephone": ("PatientTelephoneNumbers", 0), "study": ("StudyDescription", 0),
    "series": ("SeriesDescription", 0), "comments": ("PatientComments", 0),
    "station": ("StationName", 0), "operator": ("OperatorsName", 0),
}  # fmt: skip
"""Texts of the film's header: the attribute, and which part of it."""

TYPED = ("impression", "addendum", "text on the picture", "note", "tag", "words searched for")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="of the planted texts (default: drawn)")
    parser.add_argument("--keep", type=Path, help="keep the searched folders here")
    parser.add_argument("--window", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.window is not None:
        return window(options.window)
    folder = Path(tempfile.mkdtemp(prefix="planted-texts-"))
    try:
        faults = with_accounts(folder / "accounts", Planted(options.seed))
        faults += control(folder / "plain", Planted(options.seed))
    finally:
        if options.keep is not None:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(faults)} faults" + "".join(f"\n  {fault}" for fault in faults))
    return 1 if faults else 0


class Planted:
    """Texts that occur nowhere else: drawn letters."""

    def __init__(self, seed: int | None) -> None:
        draw = random.Random(seed)
        self.texts = {name: _word(draw) for name in (*IN_FILE, *TYPED)}
        self.password = " ".join(_word(draw).lower() for _ in range(3))

    def write_film(self, path: Path) -> None:
        """Write the sample film with the planted texts in its header."""
        import pydicom

        film = pydicom.dcmread(FILM)
        film.SpecificCharacterSet = "ISO_IR 192"
        for name, (keyword, part) in IN_FILE.items():
            text = self.texts[name]
            setattr(film, keyword, f"{getattr(film, keyword)}^{text}" if part else text)
        film.PatientBirthDate = "19370419"
        path.parent.mkdir(parents=True)
        film.save_as(path)


def _word(draw: random.Random) -> str:
    letters = "".join(draw.choice("bcdfghjklmnpqrstvwxz") + draw.choice("aeiou") for _ in range(5))
    return letters.capitalize()


class Trial:
    """One home with one profile, and what is searched in it."""

    def __init__(self, folder: Path, planted: Planted, secrets: dict[str, str]) -> None:
        self.folder, self.planted, self.faults = folder, planted, list[str]()
        self.film = folder / "own" / "film.dcm"
        planted.write_film(self.film)
        self.searched = [folder / name for name in ("home", "tmp", "cwd", "disk", "out")]
        for each in self.searched:
            each.mkdir()
        self.secrets = secrets

    @property
    def environment(self) -> dict[str, str]:
        """A home of its own, in which core dumps and reports of crashes are allowed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        here = {"HOME": "home", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "tmp"}
        own = {name: str(self.folder / place) for name, place in here.items()}
        more = {"PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return kept | own | more

    def start(self, has_accounts: bool, does: str) -> Window:
        return Window(self, {
            "film": str(self.film), "folder": str(self.folder), "accounts": has_accounts,
            "does": does, "password": self.planted.password,
            **{name: self.planted.texts[name] for name in TYPED},
            "family name": self.planted.texts["family name"] if does != "work" else "",
        })  # fmt: skip

    def searcher(self) -> Searcher:
        return Searcher(self.planted.texts | self.secrets)

    def look(self, state: str) -> dict[Path, set[str]]:
        """Search all that may hold texts and tell what is found."""
        searcher = self.searcher()
        found = searcher.below(self.searched)
        what = sorted({name for each in found.values() for name in each})
        print(
            f"{state:34} {searcher.files:4} files, {searcher.bytes / 1e6:6.1f} MB, "
            f"{searcher.streams:4} compressed streams: {len(what)} of "
            f"{len(self.planted.texts) + len(self.secrets)} texts found {what or ''}",
            flush=True,
        )
        return found

    def expect_none(self, state: str) -> None:
        for path, what in self.look(state).items():
            self.faults.append(f"{state}: {sorted(what)} in {path.relative_to(self.folder)}")


class Window:
    """The program with its window, in a process of its own."""

    def __init__(self, trial: Trial, told: dict[str, Any]) -> None:
        self._errors = (trial.folder / "cwd" / "standard-error.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.planted_texts", "--window", str(trial.folder)],
            cwd=trial.folder / "cwd", env=trial.environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._errors, text=True, preexec_fn=_allow_core_dumps,
        )  # fmt: skip
        self.say(json.dumps(told))

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def wait_for(self, state: str) -> str:
        """Wait until it says that it is in a state; returns what it tells besides."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == state:
                return rest
        raise RuntimeError(f"the program ended before it was {state}; see standard-error.log")

    def end(self) -> int:
        """Wait for its end and return its status as the system tells it."""
        _, status = os.waitpid(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._errors.close()
        return status


def _allow_core_dumps() -> None:
    import resource

    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def with_accounts(folder: Path, planted: Planted) -> list[str]:
    """Search in all states of a program with accounts; none may be found."""
    secrets = {"password": planted.password, "recovery key": "not yet known"}
    trial = Trial(folder, planted, secrets)
    at_work = trial.start(True, "work")
    secrets["recovery key"] = at_work.wait_for("set-up")
    at_work.wait_for("running")
    trial.expect_none("running")
    at_work.say("lock")
    at_work.wait_for("locked")
    trial.expect_none("locked")
    tell_memory(trial, at_work.process.pid)
    at_work.say("quit")
    if at_work.end():
        trial.faults.append("the program did not end well")
    trial.expect_none("after its end")
    killed = trial.start(True, "open")
    killed.wait_for("opened")
    killed.process.send_signal(signal.SIGKILL)
    killed.end()
    trial.expect_none("after a kill")
    for is_locked in (False, True):
        crashed = trial.start(True, "crash locked" if is_locked else "crash")
        crashed.wait_for("crashing")
        status = crashed.end()
        state = f"after a crash, {'locked' if is_locked else 'at work'}"
        if os.WCOREDUMP(status) or list((folder / "cwd").glob("core*")):
            trial.faults.append(f"{state}: a core dump was written")
        trial.expect_none(state)
    commands(trial)
    trial.expect_none("after the command line")
    return trial.faults


def tell_memory(trial: Trial, process: int) -> None:
    """Say what the memory of the locked program holds of the film, which it may.

    What was typed is not counted: it came through the driver of this trial, which holds it too.
    """
    try:
        found = trial.searcher().in_memory(process)
    except OSError as error:
        print(f"memory of the locked program: cannot be looked into ({error.strerror})")
        return
    header = found & set(IN_FILE)
    print(f"memory of the locked program, as root: {len(header)} of {len(IN_FILE)} of the film")
    if "recovery key" in found:
        trial.faults.append("the locked program holds the recovery key")


def commands(trial: Trial) -> None:
    """Do with the command line what it does with examinations."""
    word = trial.planted.texts["family name"]
    password = trial.folder / "own" / "password"
    password.write_text(trial.planted.password)
    listed = _command(trial, password, "archive", "search", word)
    if word.lower() not in listed.lower():
        trial.faults.append("the command line did not find the examination")
        return
    identifier = listed.split()[0]
    package = str(trial.folder / "out" / "by-command.spinealign-case")
    again = "package horse battery\n"
    for arguments, typed in (
        (("archive", "note", identifier, trial.planted.texts["note"]), ""),
        (("archive", "tag", identifier, trial.planted.texts["tag"]), ""),
        (("archive", "keep", str(trial.film)), ""),
        (("archive", "export", identifier, package), again),
        (("archive", "import", package), again),
        (("archive", "back-up", str(trial.folder / "disk")), ""),
        (("archive", "drill", str(trial.folder / "disk")), ""),
        (("archive", "check"), ""),
        (("audit-trail", "list"), ""),
    ):
        _command(trial, password, *arguments, typed=typed)


def _command(trial: Trial, password: Path, *arguments: str, typed: str = "") -> str:
    profile = trial.folder / "home" / "profile"
    done = subprocess.run(
        [sys.executable, "-m", "spinealign", *arguments, "--user", "anna", "--password-file",
         str(password), "--profile-dir", str(profile)],
        cwd=trial.folder / "cwd", env=trial.environment, input=typed, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        words = " ".join(arguments[:2])
        trial.faults.append(f"{words}: exit {done.returncode}, {done.stderr.strip()[-200:]}")
    return done.stdout


def control(folder: Path, planted: Planted) -> list[str]:
    """Do the same without accounts: the search has to find what lies there in plain."""
    trial = Trial(folder, planted, {})
    at_work = trial.start(False, "work")
    at_work.wait_for("running")
    found = trial.look("control, running")
    faults = []
    for name in ("impression", "addendum"):
        if not any(name in each for each in found.values()):
            faults.append(f"the control did not find the {name}, which lies there in plain")
    at_work.say("crash")
    status = at_work.end()
    if not os.WCOREDUMP(status):
        print("control: this system writes no core dumps, so that their absence shows nothing")
        return faults
    cores = list((folder / "cwd").glob("core*"))
    if cores:
        in_core = set().union(*(trial.searcher().in_dump(path) for path in cores))
        print(f"control, core dump: {len(in_core)} of {len(planted.texts)} texts found")
        if "family name" not in in_core:
            faults.append("the control did not find the name in a core dump")
    return faults


# The program that is searched


def window(folder: Path) -> NoReturn:
    """Run the program and do at its window what the parent says."""
    told = json.loads(sys.stdin.readline())
    from tests.ui.archive_person import run_program

    run_program(folder / "home" / "profile", lambda person: act(person, told))


def act(person: Any, told: dict[str, Any]) -> None:
    """Do what was told, say in which state the program is, and wait for the next word."""
    import traceback

    try:
        _act(person, told)
    except Exception:  # noqa: BLE001 - the parent waits
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)


def _act(person: Any, told: dict[str, Any]) -> None:
    if told["does"] == "work":
        if told["accounts"]:
            print("set-up", person.set_up("anna", "Dr. Anna", told["password"]), flush=True)
        work(person, told)
        print("running", flush=True)
        if sys.stdin.readline().strip() == "crash":
            os.abort()
        person.lock()
        print("locked", flush=True)
        sys.stdin.readline()
        person.sign_in(told["password"], "UnlockDialog")
        person.quit()
        return
    person.sign_in(told["password"])
    person.open_from_archive(person.search(told["family name"]))
    if told["does"] == "open":
        print("opened", flush=True)
        sys.stdin.readline()
    if told["does"] == "crash locked":
        person.lock()
    print("crashing", flush=True)
    os.abort()


def work(person: Any, told: dict[str, Any]) -> None:
    """Read a film, with all that the archive does where there are accounts."""
    folder = Path(told["folder"])
    person.open(Path(told["film"]))
    person.window.tour.end()
    if told["accounts"]:
        person.keep()
        person.close_all()
        person.open_from_archive(person.search(""))
    person.write_on_picture(told["text on the picture"])
    person.write_impression(f" {told['impression']}. ")
    person.sign()
    person.add(f"{told['addendum']}.", "asked by the ward")
    person.window.actions_by_name["copy_finding"].trigger()
    if told["accounts"]:
        page = person.search("")
        person.tag(page, told["tag"])
        person.note(page, told["note"])
        person.export(page, folder / "out" / "case.spinealign-case", "package horse battery")
        page = person.search(told["impression"])
        person.follow(page)
        person.archive().turn_to(page)
        page.lines["words"].setText(told["words searched for"])
        person.keys("Return")
        person.back_up(folder / "disk")
        person.drill(folder / "disk")


if __name__ == "__main__":
    raise SystemExit(main())
