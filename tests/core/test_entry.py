"""The program's entry: the window gets a worker, and nothing else starts one."""

import subprocess
import sys
from types import ModuleType

import pytest

import spinealign.__main__ as entry
from spinealign.cli.command_names import COMMANDS


class Started:
    """A process, and the worker of it."""

    def __init__(self, profile):
        self.profile, self.ends = profile, []

    def kill(self):
        self.ends.append("killed")

    def close(self):
        self.ends.append("closed")


@pytest.fixture
def started(monkeypatch):
    found = []

    def start(profile):
        assert not gc_is_off  # the process comes first
        found.append(Started(profile))
        return found[-1]

    gc_is_off = []
    monkeypatch.setattr("spinealign.ui.work.worker_start.started_process", start)
    monkeypatch.setattr(
        "spinealign.ui.work.remote_services.started_worker",
        lambda profile, process: (profile, process),
    )
    monkeypatch.setattr(entry.gc, "disable", lambda: gc_is_off.append(True))
    monkeypatch.setattr(entry, "has_display", lambda: True)
    return found


def test_the_window_gets_a_worker(started, monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(
        "spinealign.ui.app.run_window", lambda *arguments: given.append(arguments) or 7
    )
    assert entry.main(["--profile-dir", str(tmp_path), "a.dcm"]) == 7
    assert given == [([entry.Path("a.dcm")], tmp_path, (tmp_path, started[0]))]
    assert (started[0].profile, started[0].ends) == (tmp_path, [])


def test_without_the_library_of_the_window_the_worker_ends(started, monkeypatch):
    told = []
    monkeypatch.setattr(entry, "show_startup_error", told.append)
    monkeypatch.setitem(sys.modules, "spinealign.ui.app", None)
    with pytest.raises(ImportError):
        entry.main([])
    assert [each.ends for each in started] == [["killed", "closed"]]


class EndedError(Exception):
    """Stands for the end of the process."""


def test_a_process_that_had_a_window_ends_without_taking_it_down(monkeypatch, capsys):
    def end(code):
        raise EndedError(code)

    monkeypatch.setattr(entry.os, "_exit", end)
    monkeypatch.setattr(entry, "main", lambda: print("last words", end="") or 3)
    for module, ended in ((ModuleType("app"), EndedError), (None, SystemExit)):
        monkeypatch.setitem(sys.modules, "spinealign.ui.app", module)
        if module is None:
            monkeypatch.delitem(sys.modules, "spinealign.ui.app")
        with pytest.raises(ended, match="3"):
            entry.program()
        assert capsys.readouterr().out == "last words"


def test_the_process_starts_before_a_library_is_loaded():
    code = (
        "import sys, spinealign.ui.work.worker_start\n"
        "heavy = {'numpy', 'msgspec', 'PyQt6', 'spinealign.worker.client'}\n"
        "sys.exit(bool(heavy & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_command_starts_none(started, capsys):
    assert entry.main(["analyze", "--help"]) == 0
    assert (started, "usage" in capsys.readouterr().out) == ([], True)


def test_the_names_of_commands_load_none_of_them():
    code = (
        "import sys, spinealign.cli.command_names; sys.exit('spinealign.cli.main' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "batch" in COMMANDS


TRACKER = "from multiprocessing.resource_tracker import main;main(7)"


@pytest.mark.parametrize(
    "arguments",
    [["--multiprocessing-fork", "pipe_handle=7"], ["-c", TRACKER], ["-B", "-I", "-c", TRACKER]],
    ids=["worker", "tracker", "tracker with flags"],
)
def test_helpers_of_a_package_become_what_they_are_for(arguments, monkeypatch, started):
    monkeypatch.setattr(sys, "argv", ["SpineAlign", *arguments])
    monkeypatch.setattr("multiprocessing.freeze_support", lambda: sys.exit(9))
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert (ended.value.code, started) == (9, [])


def test_other_arguments_are_no_helper(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["SpineAlign", "analyze", "--help"])
    monkeypatch.setattr("multiprocessing.freeze_support", lambda: sys.exit(9))
    assert entry.main() == 0
