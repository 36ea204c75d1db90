"""What is temporary lies in one private folder, which is gone at the end, or at the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from spinealign.working_files import VARIABLES, private_working_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and signals of POSIX")

CHILD = """
import sys, tempfile
from spinealign.working_files import private_working_folder
with private_working_folder() as folder:
    open(tempfile.mkstemp()[1], "w").write("Planted^Jane")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files that all users share."""
    for name in VARIABLES:
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def started() -> tuple[subprocess.Popen[str], Path]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


def test_libraries_put_their_files_there_and_they_are_gone_afterwards(shared: Path) -> None:
    with private_working_folder() as folder:
        assert folder is not None
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        with tempfile.NamedTemporaryFile(delete=False) as file:
            assert Path(file.name).parent == folder
        assert {os.environ[name] for name in VARIABLES} == {str(folder)}
    assert not folder.exists()
    assert {os.environ[name] for name in VARIABLES} == {str(shared)}
    assert tempfile.gettempdir() == str(shared)


def test_what_a_killed_run_left_is_gone_after_the_next_start() -> None:
    child, left = started()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert any(path.read_text() == "Planted^Jane" for path in left.iterdir())
    with private_working_folder():
        assert not left.exists()


def test_what_another_run_uses_stays() -> None:
    child, used = started()
    with private_working_folder():
        assert any(path.read_text() == "Planted^Jane" for path in used.iterdir())
    child.communicate()
    assert child.returncode == 0
    assert not used.exists()


@pytest.mark.parametrize("obstacle", ["open", "file", "link"])
def test_a_folder_that_others_can_enter_is_not_used(shared: Path, obstacle: str) -> None:
    root = shared / f"spinealign-{os.getuid()}"
    if obstacle == "open":
        root.mkdir()
        root.chmod(0o755)
    elif obstacle == "file":
        root.write_bytes(b"")
    else:
        (shared / "elsewhere").mkdir(mode=0o700)
        root.symlink_to(shared / "elsewhere")
    with private_working_folder() as folder:
        assert folder is None
        assert tempfile.gettempdir() == str(shared)
    assert not any(shared.glob("elsewhere/*"))


def test_a_failure_leaves_nothing() -> None:
    with pytest.raises(RuntimeError), private_working_folder() as folder:
        raise RuntimeError
    assert folder is not None
    assert not folder.exists()
