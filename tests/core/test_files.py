import errno
import os
import stat

import pytest

from spinealign import files


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
