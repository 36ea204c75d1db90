"""No socket is opened, and no library of the network loaded, before a person configures a node."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from spinealign.domain.paths import PROFILE_VARIABLE, resources_dir

NETWORK_LIBRARIES = {"pynetdicom", "dicomweb_client", "keyring", "requests", "highdicom", "sqlite3"}
"""`spinealign.network` is the only package that uses them, or loads them when they are used."""

SAMPLE = resources_dir() / "samples" / "xray_lateral_phantom" / "neck_phantom.dcm"
OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen"}
WATCHED = """
import json, os, sys
heard = []
def hook(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        heard.append([event, str(arguments[1:3])])
sys.addaudithook(hook)
{code}
libraries = {libraries}
loaded = sorted({{name.split(".")[0] for name in sys.modules}} & set(libraries))
print("WATCHED", json.dumps([heard, loaded]), flush=True)
os._exit(0)  # the window was not closed: Qt must not take it down after its application
"""
COMMAND = "from spinealign.__main__ import main\ncode = main({arguments!r})\nassert code == 0, code"
WINDOW = """
from pathlib import Path
from PyQt6.QtCore import QTimer
from spinealign.ui.app import make_application, run_window
application = make_application()
QTimer.singleShot(2000, application.quit)
assert run_window([], Path({profile!r})) == 0
"""


WITH_WORKER = WINDOW.replace(
    "assert run_window([], Path({profile!r})) == 0",
    "from spinealign.ui.work.remote_services import started_worker\n"
    "assert run_window([], Path({profile!r}), started_worker()) == 0",
)


def watched(code: str, tmp_path: Path) -> tuple[list, list, bool]:
    """Run code in a process of its own.

    Returns its sockets and the libraries that it loaded, as Python hears them, and whether a
    system call reached for the internet (libraries in C are heard by strace only, where it is).
    """
    script = WATCHED.format(code=code, libraries=sorted(NETWORK_LIBRARIES))
    trace = tmp_path / "trace"
    by = ["strace", "-f", "-qq", "-e", "trace=socket,bind,listen,connect", "-o", str(trace)]
    done = subprocess.run(
        [*(by if shutil.which("strace") else ()), sys.executable, "-c", script],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, PROFILE_VARIABLE: str(tmp_path / "profile"), **OFFSCREEN},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("WATCHED ")]
    sockets, loaded = json.loads(line.removeprefix("WATCHED "))
    return sockets, loaded, trace.exists() and "AF_INET" in trace.read_text(encoding="utf-8")


def test_the_watch_hears_a_socket(tmp_path):
    sockets, loaded, has_reached = watched(
        "import socket, sqlite3\nsocket.socket().close()", tmp_path
    )
    assert [event for event, _ in sockets] == ["socket.__new__"]
    assert loaded == ["sqlite3"]
    assert has_reached == (shutil.which("strace") is not None)


def test_an_analysis_opens_no_socket(tmp_path):
    arguments = ["analyze", str(SAMPLE), "--out", str(tmp_path / "out")]
    assert watched(COMMAND.format(arguments=arguments), tmp_path) == ([], [], False)
    assert list((tmp_path / "out").rglob("analysis.json"))
    assert not (tmp_path / "profile" / "network").exists()


def test_listing_peers_opens_no_socket(tmp_path):
    code = COMMAND.format(arguments=["peers", "list"])
    assert watched(code, tmp_path) == ([], [], False)
    assert not (tmp_path / "profile").exists()


def test_the_window_opens_no_socket(tmp_path):
    code = WINDOW.format(profile=str(tmp_path / "profile"))
    assert watched(code, tmp_path) == ([], [], False)
    assert not (tmp_path / "profile" / "network").exists()


WORKING_WINDOW = """
from pathlib import Path
from PyQt6.QtWidgets import QApplication, QDialog
from PyQt6.QtTest import QTest
from spinealign.ui.app import make_application
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.window.main_window import MainWindow
from spinealign.ui.work.services import program_services
application, profile = make_application(), Path({profile!r})
window = MainWindow(program_services(profile), SettingsStore(profile))
window.show()
window.start([Path({sample!r})])
bench = window.workbench
for _ in range(1200):
    QTest.qWait(50)
    if bench.current_analysis is not None and not bench.is_working:
        break
assert bench.current_analysis is not None
for command in ("nodes", "from_pacs", "send", "transfers"):
    window.actions_by_name[command].trigger()
    QTest.qWait(300)
    dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog)]
    dialog = next(each for each in dialogs if each.isVisible())
    dialog.reject()
    QTest.qWait(50)
window.close()
QTest.qWait(200)
"""


def test_an_analysis_in_the_window_and_its_dialogs_open_no_socket(tmp_path):
    code = WORKING_WINDOW.format(profile=str(tmp_path / "profile"), sample=str(SAMPLE))
    assert watched(code, tmp_path) == ([], [], False)
    assert not (tmp_path / "profile" / "network").exists()
    assert not (tmp_path / "profile" / "network.json").exists()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="pipes are none there")
def test_window_and_worker_talk_through_a_pipe_of_their_own_only(tmp_path):
    code = WITH_WORKER.format(profile=str(tmp_path / "profile"))
    sockets, loaded, has_reached = watched(code, tmp_path)
    made = {words for event, words in sockets if event == "socket.__new__"}
    assert made <= {f"({int(socket.AF_UNIX)}, {int(socket.SOCK_STREAM)})"}
    assert {event for event, _ in sockets} <= {"socket.__new__", "socket.sendmsg"}
    assert (loaded, has_reached) == ([], False)
