"""Folders whose files are encrypted: nothing lies there in plain, and all of it reads as before."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinealign import protected_folders
from spinealign.archive.encrypted_files import (
    PIECE_BYTES,
    ArchivedFiles,
    KeptFiles,
    encrypt_file,
    open_decrypted,
)
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart
from spinealign.files import write_durably, write_once, write_together, write_whole
from spinealign.imaging.find import find_images
from spinealign.imaging.read import read_image
from spinealign.imaging.source import opened
from spinealign.json_files import JsonError, JsonProblem, read_bytes, read_json
from spinealign.protected_folders import LockedFolderError, cipher_of, open_binary
from start import FILM_SAMPLE

KEY = bytes(range(32))
PLAIN = b'["Planted^Jane"]'


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "kept"
    folder.mkdir()
    protected_folders.protect(folder, KeptFiles(KEY))
    yield folder
    protected_folders.release(folder)


@pytest.mark.parametrize("write", [write_whole, write_durably, write_once])
def test_what_is_written_is_encrypted_and_reads_back(kept: Path, write) -> None:
    path = kept / "a.json"
    write(path, PLAIN)
    assert b"Planted" not in path.read_bytes()
    assert read_json(path, list) == ["Planted^Jane"]
    with open_binary(path) as file:
        assert file.read() == PLAIN


def test_files_written_together_are_encrypted(kept: Path) -> None:
    write_together(kept / "results", {"a.json": PLAIN, "b.json": PLAIN})
    for name in ("a.json", "b.json"):
        assert b"Planted" not in (kept / "results" / name).read_bytes()
        assert read_json(kept / "results" / name, list) == ["Planted^Jane"]


def test_files_may_be_moved_within_the_folder(kept: Path) -> None:
    (kept / "aside").mkdir()
    write_durably(kept / "a.json", PLAIN)
    (kept / "a.json").rename(kept / "aside" / "b.json")
    assert read_json(kept / "aside" / "b.json", list) == ["Planted^Jane"]


def test_no_file_of_another_key_is_read(kept: Path) -> None:
    write_durably(kept / "a.json", PLAIN)
    protected_folders.protect(kept, KeptFiles(bytes(32)[:-1] + b"\1"))
    with pytest.raises(OSError, match="not as it was written"):
        read_bytes(kept / "a.json", 100)


def test_a_plain_file_put_there_is_not_taken_for_ours(kept: Path) -> None:
    (kept / "a.json").write_bytes(PLAIN)
    with pytest.raises(OSError, match="not as it was written"):
        read_bytes(kept / "a.json", 100)


def test_a_locked_folder_is_neither_read_nor_written(kept: Path) -> None:
    write_durably(kept / "a.json", PLAIN)
    protected_folders.lock(kept)
    for act in (
        lambda: read_bytes(kept / "a.json", 100),
        lambda: open_binary(kept / "a.json"),
        lambda: write_durably(kept / "b.json", PLAIN),
        lambda: write_together(kept / "c", {"a": PLAIN}),
    ):
        with pytest.raises(LockedFolderError):
            act()
    assert [path.name for path in kept.iterdir()] == ["a.json"]


def test_a_dropped_key_opens_nothing(kept: Path) -> None:
    cipher = KeptFiles(KEY)
    protected_folders.protect(kept, cipher)
    write_durably(kept / "a.json", PLAIN)
    cipher.drop()
    with pytest.raises(LockedFolderError):
        read_bytes(kept / "a.json", 100)
    with pytest.raises(LockedFolderError):
        write_durably(kept / "b.json", PLAIN)
    assert not (kept / "b.json").exists()


def test_a_folder_of_a_like_name_is_another_one(kept: Path) -> None:
    beside = kept.with_name("kept-not")
    beside.mkdir()
    write_durably(beside / "a.json", PLAIN)
    assert (beside / "a.json").read_bytes() == PLAIN
    assert cipher_of(beside / "a.json") is None
    assert cipher_of(kept / ".." / "kept-not" / "a.json") is None
    assert cipher_of(beside / ".." / "kept" / "a.json") is not None


def test_a_file_that_is_too_large_is_refused_as_a_plain_one_is(kept: Path) -> None:
    write_durably(kept / "a.json", b" " * 101)
    with pytest.raises(JsonError) as caught:
        read_bytes(kept / "a.json", 100)
    assert caught.value.problem is JsonProblem.TOO_LARGE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    length=st.sampled_from([0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES]),
    places=st.lists(st.tuples(st.integers(0, 2 * PIECE_BYTES + 3), st.integers(0, 70_000))),
)
def test_any_place_reads_as_in_the_plain_file(tmp_path: Path, length: int, places) -> None:
    content = bytes(range(251)) * (length // 251 + 1)
    content = content[:length]
    path = tmp_path / "file"
    encrypt_file(path, io.BytesIO(content), KEY, "file")
    with open_decrypted(path, KEY, "file") as file:
        assert file.seek(0, io.SEEK_END) == length
        for place, count in places:
            file.seek(place)
            assert file.read(count) == content[place : place + count]
        file.seek(0)
        assert file.read() == content


@pytest.mark.parametrize("cut", [1, 16, PIECE_BYTES + 16])
def test_a_file_that_was_cut_off_does_not_open(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file"
    encrypt_file(path, io.BytesIO(bytes(2 * PIECE_BYTES)), KEY, "file")
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(OSError, match="not as it was written"):
        open_decrypted(path, KEY, "file")


def test_a_changed_piece_is_noticed_where_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    encrypt_file(path, io.BytesIO(bytes(3 * PIECE_BYTES)), KEY, "file")
    changed = bytearray(path.read_bytes())
    changed[PIECE_BYTES + 100] ^= 1
    path.write_bytes(changed)
    with open_decrypted(path, KEY, "file") as file:
        assert file.read(100) == bytes(100)
        with pytest.raises(OSError, match="not as it was written"):
            file.read()


# Images of the archive are opened by their encrypted file.


@pytest.fixture
def archived(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "files"
    folder.mkdir()
    protected_folders.protect(folder, ArchivedFiles(KEY))
    yield folder
    protected_folders.release(folder)


def test_an_archived_image_is_read_like_its_original(archived: Path) -> None:
    path = archived / "0123456789abcdef"
    with FILM_SAMPLE.open("rb") as file:
        encrypt_file(path, file, KEY, path.name)
    image, original = read_image(path), read_image(FILM_SAMPLE)
    assert image.sha256 == original.sha256
    assert (image.pixels == original.pixels).all()
    assert find_images([archived]) == [path]


def test_a_zip_archive_is_read_from_its_encrypted_file(archived: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(FILM_SAMPLE, "film.dcm")
    path = archived / "ab"
    with (tmp_path / "a.zip").open("rb") as file:
        encrypt_file(path, file, KEY, path.name)
    with opened(ImagePart(path, "film.dcm")) as content:
        assert content.read() == FILM_SAMPLE.read_bytes()


def test_an_exchanged_file_is_no_image(archived: Path) -> None:
    with FILM_SAMPLE.open("rb") as file:
        encrypt_file(archived / "ab", file, KEY, "ab")
    shutil.copy(archived / "ab", archived / "cd")
    with pytest.raises(ImageReadError) as caught:
        read_image(archived / "cd")
    assert caught.value.problem is ReadProblem.UNREADABLE


def test_a_locked_image_is_refused_as_one_that_may_not_be_read(archived: Path) -> None:
    with FILM_SAMPLE.open("rb") as file:
        encrypt_file(archived / "ab", file, KEY, "ab")
    protected_folders.lock(archived)
    with pytest.raises(ImageReadError) as caught:
        read_image(archived / "ab")
    assert caught.value.problem is ReadProblem.UNREADABLE
