"""No memory of a program that has an archive open is written to the disk when it crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks as Linux allows it")

PLAIN_CRASH = """
import os, resource, signal
most = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
os.kill(os.getpid(), signal.SIGABRT)
"""
CRASH = """
import os, resource, signal, sys
from pathlib import Path
from spinealign.accounts.keys import LEAST_COST
from spinealign.domain.protection import AccountError
from spinealign.vault import place, safety_copies, session

for module in (place, session, safety_copies):
    module.calibrated_cost = lambda: LEAST_COST
most = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
here, fresh = (place.Place.of_profile(Path(name)) for name in ("profile", "fresh"))
password, what = "correct horse battery", sys.argv[1]

def set_up_by_another_process():
    if not (child := os.fork()):
        made, key = session.set_up_accounts(here, "anna", "Dr. Anna", password)
        list(safety_copies.back_up(made, Path("disk")))
        made.close()
        Path("key").write_text(key)
        os._exit(0)
    os.waitpid(child, 0)
    return safety_copies.back_ups_on(Path("disk"))[-1], Path("key").read_text()

if what == "set up":
    session.set_up_accounts(here, "anna", "Dr. Anna", password)
else:
    copy, key = set_up_by_another_process()
if what == "sign in and lock":
    session.sign_in(here, "anna", password).lock()
elif what == "wrong password":
    try:
        session.sign_in(here, "anna", "wrong horse battery")
    except AccountError:
        pass
elif what == "recover":
    session.recover(here, key, "anna", "another horse battery")
elif what == "restore":
    safety_copies.restore(copy, fresh, "anna", password)
elif what == "restore by key":
    safety_copies.restore_with_recovery_key(copy, fresh, key, "anna", "another horse battery")
os.kill(os.getpid(), signal.SIGABRT)
"""


def is_dumped(program: str, folder: Path, *arguments: str) -> bool:
    """Whether the system says that it wrote a core dump of a program that crashed."""
    child = subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=folder)
    _, status = os.waitpid(child.pid, 0)  # `Popen.wait` keeps no word of a core dump
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == -signal.SIGABRT
    return os.WCOREDUMP(status)


@pytest.fixture
def dumping(tmp_path: Path) -> Path:
    """A folder in which programs that crash leave a core dump."""
    (tmp_path / "plain").mkdir()
    if not is_dumped(PLAIN_CRASH, tmp_path / "plain"):
        pytest.skip("this system writes no core dumps")
    return tmp_path


@pytest.mark.parametrize(
    "what", ["set up", "sign in and lock", "wrong password", "recover", "restore", "restore by key"]
)
def test_none_is_written_once_a_password_was_typed(what: str, dumping: Path) -> None:
    assert not is_dumped(CRASH, dumping, what)
    assert not list(dumping.glob("core*"))


def test_without_an_archive_the_system_does_as_it_always_does(dumping: Path) -> None:
    assert is_dumped(CRASH, dumping, "nothing")
