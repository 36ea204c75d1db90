import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spinealign import files
from tests import killed_results

ROOT = Path(__file__).parents[2]


@pytest.fixture
def narrow_umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.parametrize("older", [None, b"older and longer than the new"], ids=["new", "replaced"])
def test_a_file_is_written_whole(tmp_path, older):
    path = tmp_path / "a.json"
    if older is not None:
        path.write_bytes(older)
    files.write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize(
    ("is_private", "mode"), [(False, 0o640), (True, 0o600)], ids=["shared", "private"]
)
def test_who_may_read_it(tmp_path, narrow_umask, is_private, mode):
    files.write_whole(tmp_path / "a", b"x", is_private=is_private)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_files_written_together_are_as_readable_as_others(tmp_path, narrow_umask):
    files.write_together(tmp_path / "new", {"a": b"x"})
    assert stat.S_IMODE((tmp_path / "new" / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750


def test_bytes_are_on_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    steps = []
    real_sync, real_replace = os.fsync, files.Path.replace
    monkeypatch.setattr(files.os, "fsync", lambda fd: (steps.append("sync"), real_sync(fd)))
    monkeypatch.setattr(
        files.Path, "replace", lambda *names: (steps.append("rename"), real_replace(*names))
    )
    files.write_whole(tmp_path / "a", b"x")
    assert steps == ["sync", "rename"]


@pytest.mark.parametrize("problem", [OSError(errno.EIO, "broken"), KeyboardInterrupt()])
def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path, monkeypatch, problem):
    path = tmp_path / "a"
    path.write_bytes(b"older")

    def fail(_):
        raise problem

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(type(problem)):
        files.write_whole(path, b"new")
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_stale_goes_with_the_change(tmp_path):
    (tmp_path / "old").write_bytes(b"1")
    (tmp_path / "other").write_bytes(b"2")
    files.write_together(tmp_path, {"new": b"3"}, ["old"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "new": b"3",
        "other": b"2",
    }


def killed_at_each_step(folder, how):
    """Return what was left in the result folder after a kill at each step, then all names."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.killed_results", str(folder), how],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    steps = json.loads(told.stdout)
    return [each["texts"] for each in steps], [each["after"] for each in steps]


@pytest.mark.skipif(sys.platform != "linux", reason="kills processes that were forked")
class TestKilled:
    AFTER = sorted(["case", *(f"case/{n}" for n in killed_results.NEW | killed_results.FOREIGN)])

    def test_a_result_is_wholly_old_or_wholly_new(self, tmp_path):
        texts, after = killed_at_each_step(tmp_path, "exchange")
        old, new = (
            each | killed_results.FOREIGN for each in (killed_results.OLD, killed_results.NEW)
        )
        assert len(texts) > 20
        assert [each for each in texts if each not in (old, new)] == []
        assert texts[0] == old
        assert texts[-1] == new
        assert [each for each in after if each != self.AFTER] == []

    def test_where_folders_cannot_be_exchanged_a_mixture_is_no_result(self, tmp_path):
        texts, after = killed_at_each_step(tmp_path, "move")
        mixed = [
            each for each in texts
            if "analysis.json" in each
            and set(each.values()) - {"mine"} != {each["analysis.json"]}
        ]  # fmt: skip
        assert mixed == []
        assert {each.get("analysis.json") for each in texts} == {"old", "new", None}
        assert all(each["notes.txt"] == "mine" for each in texts)
        assert [each for each in after if each != self.AFTER] == []


def test_what_another_run_is_writing_stays(tmp_path):
    with files.written_beside(tmp_path / "a", b"x") as temporary:
        files.clear_unfinished(tmp_path)
        assert temporary.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [b"../taken", b"sub/taken", b"\xff", b"\0", b"x\n" * 100_000])
def test_names_that_lead_out_of_a_folder_are_not_followed(tmp_path, names):
    folder, taken = tmp_path / "case", tmp_path / "taken"
    left = folder / f"{files.TEMPORARY_PREFIX}{files._COMPUTER}-4194304999-ab"
    (left / "old").mkdir(parents=True)
    (folder / "sub").mkdir()
    for place in (taken, folder / "sub" / "taken"):
        place.write_bytes(b"mine")
    (left / ".names").write_bytes(names)
    files.clear_unfinished(folder)
    assert taken.read_bytes() == (folder / "sub" / "taken").read_bytes() == b"mine"


def test_what_is_not_of_the_program_s_making_is_not_cleared(tmp_path):
    for name in (".spinealign-notes", "a.png"):
        (tmp_path / name).write_bytes(b"mine")
    files.clear_unfinished(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such links")
def test_a_linked_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files.write_together(tmp_path / "link", {"a": b"x"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_bytes() == b"x"
