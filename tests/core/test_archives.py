"""Zip archives and the indexes of DICOM media, hostile ones too."""

from __future__ import annotations

import gc
import gzip
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet
from pydicom.uid import RLELossless

from spinealign.cli.series import print_series
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import ImagePart
from spinealign.imaging import source
from spinealign.imaging.read import read_image
from spinealign.imaging.source import MAX_UNPACKED_BYTES, opened
from spinealign.imaging.study import list_series, read_series_slice, scan_paths
from spinealign.imaging.volume import load_volume
from tests.image_files import (
    dicom_object,
    notes_of,
    offsets,
    problem_of,
    ramp,
    write_dicom,
    write_series,
    zipped,
)

# --- archives ----------------------------------------------------------------------


def test_an_archive_is_read_like_its_folder(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "serié 1")
    path = zipped(tmp_path / "étude.zip", tmp_path / "study")
    before = sorted(tmp_path.rglob("*"))
    (entry,) = list_series(path)
    assert offsets(entry) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(run_to_end(load_volume(entry)).voxels[1], ramp() + 1)
    assert entry.parts[0].member == "serié 1/IM0005"
    assert sorted(tmp_path.rglob("*")) == before, "nothing is unpacked to the disk"


def test_opening_an_archive_shows_the_middle_of_the_likeliest_series(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "a", 3, "axial", SeriesNumber=1)
    write_series(tmp_path / "study" / "b", 5, "sagittal", SeriesNumber=2)
    image = read_image(zipped(tmp_path / "study.zip", tmp_path / "study"))
    assert image.pixels.min() == 2
    assert notes_of(image)[0] == "Image 3 of 5 in series 2 of 2."
    assert image.source_path == tmp_path / "study.zip"


def test_hostile_names_write_nothing_outside(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    content = write_dicom(tmp_path / "a.dcm", ramp()).read_bytes()
    with zipfile.ZipFile(inner / "evil.zip", "w") as archive:
        for name in ("../../evil.dcm", "/evil.dcm", "C:\\evil.dcm", "ok/../../evil2.dcm"):
            archive.writestr(name, content)
    before = sorted(tmp_path.rglob("*"))
    names = [entry.parts[0].member for entry in list_series(inner / "evil.zip")]
    assert names == ["/evil.dcm", "C:\\evil.dcm"], "the others are hidden"
    assert sorted(tmp_path.rglob("*")) == before


HOSTILE = [
    "../a.dcm", "/a.dcm", "C:\\a.dcm", "..\\..\\a.dcm", "a.dcm:stream", "nul\0a.dcm", "CON",
    "a/./b.dcm", "a//b.dcm", " ", "x" * 5000, "\u202eexe.dcm", "ü.dcm",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    content = write_dicom(tmp_path / "a", ramp()).read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, content)
        archive.writestr("harmless.dcm", content)
    before = sorted(tmp_path.rglob("*"))
    for entry in list_series(tmp_path / "a.zip"):
        np.testing.assert_array_equal(read_series_slice(entry, 0).pixels, ramp())
    assert sorted(tmp_path.rglob("*")) == before


def rewritten(path: Path, names: int, **fields: int) -> Path:
    """Write the directory of an archive with one member anew: so many times, with other fields."""
    content = path.read_bytes()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    record, ending = bytearray(content[start:end]), bytearray(content[end:])
    for place, value in fields.items():
        struct.pack_into("<I", record, int(place[1:]), value)
    struct.pack_into("<HHII", ending, 8, names, names, len(record) * names, start)
    path.write_bytes(content[:start] + bytes(record) * names + bytes(ending))
    return path


def packed(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def test_members_that_lie_on_top_of_each_other_are_read_once(tmp_path: Path) -> None:
    content = write_dicom(tmp_path / "a", ramp()).read_bytes()
    path = rewritten(packed(tmp_path / "a.zip", "a.dcm", content), 60_000)
    assert [len(entry) for entry in list_series(path)] == [1]


@pytest.mark.parametrize(
    "fields",
    [{"_20": 5}, {"_24": 5}, {"_42": 7}, {"_42": 2**32 - 2}, {"_16": 1}, {"_24": 2**32 - 1}],
    ids=["short when packed", "short", "elsewhere", "beyond the end", "checksum", "zip64"],
)
def test_an_archive_that_lies_is_damaged(tmp_path: Path, fields: dict[str, int]) -> None:
    content = write_dicom(tmp_path / "a", ramp()).read_bytes()
    path = rewritten(packed(tmp_path / "a.zip", "a.dcm", content), 1, **fields)
    with pytest.raises(ImageReadError) as caught:
        read_image(path)
    assert caught.value.problem in (ReadProblem.TRUNCATED, ReadProblem.TOO_LARGE)


def test_looking_through_an_archive_unpacks_only_the_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write_dicom(tmp_path / "a", ramp()).read_bytes() + bytes(4 << 20)
    path = packed(tmp_path / "a.zip", "a.dcm", content)
    monkeypatch.setattr(source, "MAX_UNPACKED_BYTES", 5 << 20)
    monkeypatch.setattr(source._Unpacked, "_block", counted := Counted(source._Unpacked._block))
    (entry,) = list_series(path)
    assert counted.bytes <= 1 << 17
    np.testing.assert_array_equal(read_series_slice(entry, 0).pixels, ramp())
    assert counted.bytes > 4 << 20, "the picture's checksum is taken of all of it"


class Counted:
    """A method that counts the bytes it returns."""

    def __init__(self, method: Callable[[object, int], bytes]) -> None:
        self._method, self.bytes = method, 0

    def __get__(self, owner: object, _: type) -> Callable[[int], bytes]:
        def call(wanted: int) -> bytes:
            block = self._method(owner, wanted)
            self.bytes += len(block)
            return block

        return call


def test_looking_at_a_compressed_picture_does_not_unpack_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(4).integers(0, 4096, (512, 512)).astype(np.uint16)
    dataset = dicom_object(noise)
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "a.dcm")
    content = (tmp_path / "a.dcm").read_bytes()
    assert len(content) > 400_000
    path = packed(tmp_path / "a.zip", "a.dcm", content)
    monkeypatch.setattr(source._Unpacked, "_block", counted := Counted(source._Unpacked._block))
    assert len(list_series(path)[0]) == 1
    assert counted.bytes <= 1 << 17


def test_archives_in_a_folder_are_looked_into(tmp_path: Path) -> None:
    write_series(tmp_path / "study" / "one", 3, SeriesNumber=1)
    folder = tmp_path / "hospital"
    folder.mkdir()
    zipped(folder / "study.ZIP", tmp_path / "study")
    (folder / "broken.zip").write_bytes(b"PK\3\4 and no more")
    assert [offsets(entry) for entry in list_series(folder)] == [[0, 1, 2]]
    write_series(folder / "two", 2, SeriesNumber=2)
    assert [len(entry) for entry in list_series(folder)] == [3, 2]


def test_an_archive_in_an_archive_says_what_to_do(tmp_path: Path) -> None:
    write_series(tmp_path / "study")
    (tmp_path / "outer").mkdir()
    zipped(tmp_path / "outer" / "inner.zip", tmp_path / "study")
    path = zipped(tmp_path / "outer.zip", tmp_path / "outer")
    assert problem_of(path, list_series) is ReadProblem.NESTED_ARCHIVE
    (tmp_path / "outer" / "notes.txt").write_text("hello")
    assert problem_of(zipped(path, tmp_path / "outer"), list_series) is ReadProblem.NESTED_ARCHIVE


def test_an_archive_changed_on_the_disk_is_read_anew(tmp_path: Path) -> None:
    write_series(tmp_path / "study", 2)
    path = zipped(tmp_path / "study.zip", tmp_path / "study")
    assert [len(entry) for entry in list_series(path)] == [2]
    write_series(tmp_path / "study", 4)
    assert [len(entry) for entry in list_series(zipped(path, tmp_path / "study"))] == [4]


def test_a_zip_bomb_is_refused_whatever_it_claims(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bomb.dcm", "w", force_zip64=True) as member,
    ):
        for _ in range((MAX_UNPACKED_BYTES >> 20) + 1):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    assert problem_of(path, list_series) is ReadProblem.TOO_LARGE
    content = bytearray(path.read_bytes())
    where = content.rindex(b"PK\x01\x02")
    content[where + 24 : where + 28] = (1000).to_bytes(4, "little")  # the size it claims
    path.write_bytes(content)
    assert problem_of(path, list_series) in (ReadProblem.TRUNCATED, ReadProblem.TOO_LARGE)


def test_a_locked_archive_says_so(tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.dcm", b"x" * 500)
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert problem_of(path, list_series) is ReadProblem.ENCRYPTED


@pytest.mark.parametrize("members", [{}, {"a.txt": b"hello", "b.txt": b"bye"}])
def test_an_archive_without_images(tmp_path: Path, members: dict[str, bytes]) -> None:
    path = tmp_path / "texts.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert problem_of(path, list_series) is ReadProblem.NO_IMAGES_IN_ARCHIVE


def test_an_archive_cut_short(tmp_path: Path) -> None:
    write_series(tmp_path / "study")
    path = zipped(tmp_path / "study.zip", tmp_path / "study")
    path.write_bytes(path.read_bytes()[:-300])
    assert problem_of(path, list_series) is ReadProblem.TRUNCATED


# --- the index of a medium ---------------------------------------------------------


def write_medium(folder: Path, tmp_path: Path) -> Path:
    """Write a DICOMDIR and its files, as a hospital's disc has them."""
    files = FileSet()
    for path in write_series(
        tmp_path / "sources", 3, PatientID="1", PatientName="A^B", StudyID="1",
        StudyDate="20200101", StudyTime="120000",
    ):  # fmt: skip
        files.add(path)
    files.write(folder)
    with warnings.catch_warnings(action="ignore"):
        del files  # pydicom leaves the cleaning of its own temporary folder to the collector
        gc.collect()
    return folder / "DICOMDIR"


def test_an_index_inside_an_archive_or_a_folder_is_no_obstacle(tmp_path: Path) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    assert [offsets(entry) for entry in list_series(index.parent)] == [[0, 1, 2]]
    path = zipped(tmp_path / "disc.zip", index.parent)
    assert [offsets(entry) for entry in list_series(path)] == [[0, 1, 2]]


def test_an_index_leads_to_its_files(tmp_path: Path) -> None:
    (entry,) = list_series(write_medium(tmp_path / "disc", tmp_path))
    assert offsets(entry) == [0, 1, 2]


@pytest.mark.parametrize(
    "spelled", [str.lower, str.title, "{}.dcm".format, "{};1".format, "{}.DCM".format]
)
def test_an_index_finds_files_whose_names_copying_changed(
    tmp_path: Path, spelled: Callable[[str], str]
) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    for path in [path for path in index.parent.rglob("*") if path.is_file() and path != index]:
        path.rename(path.with_name(spelled(path.name)))
    assert [offsets(entry) for entry in list_series(index)] == [[0, 1, 2]]


def test_an_index_finds_names_that_are_written_as_one_value(tmp_path: Path) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    dataset = dcmread(index)
    with warnings.catch_warnings(action="ignore"):
        for record in dataset.DirectoryRecordSequence:
            if "ReferencedFileID" in record:
                record["ReferencedFileID"].value = "/".join(record.ReferencedFileID)
        dataset.save_as(index)
    assert [offsets(entry) for entry in list_series(index)] == [[0, 1, 2]]


def test_copies_of_a_name_that_an_index_names_are_all_looked_at(tmp_path: Path) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    for path in [path for path in index.parent.rglob("*") if path.is_file() and path != index]:
        path.rename(path.with_name(f"{path.name}.dcm"))
        shutil.copy(path.with_name(f"{path.name}.dcm"), path.with_name(f"{path.name.lower()}.IMA"))
    (entry,) = list_series(index)
    assert (offsets(entry), entry.copies) == ([0, 1, 2], 3)


def test_files_that_an_index_names_and_that_are_gone_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    gone = next(path for path in index.parent.rglob("*") if path.is_file() and path != index)
    gone.unlink()
    scan = run_to_end(scan_paths([index]))
    assert [len(entry) for entry in scan.found] == [2]
    assert [(each.path.name, each.problem) for each in scan.refused] == [
        (gone.name, ReadProblem.MISSING)
    ]
    assert print_series([index]) == []
    assert f"note: “{gone.name}” does not exist." in capsys.readouterr().out


def test_of_an_archive_with_a_damaged_middle_slice_the_next_one_is_read(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", 5)
    paths[2].write_bytes(paths[2].read_bytes()[:-900])
    archive = zipped(tmp_path / "a.zip", tmp_path / "a")
    image = read_image(archive)
    np.testing.assert_array_equal(image.pixels, ramp() + 1)
    assert notes_of(image)[0] == "Image 2 of 5 in series 1 of 1."


def test_an_index_whose_files_are_gone(tmp_path: Path) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    shutil.move(index, tmp_path / "DICOMDIR")
    assert problem_of(tmp_path / "DICOMDIR", list_series) is ReadProblem.NO_FILES_OF_INDEX


def test_an_index_is_not_followed_out_of_its_folder(tmp_path: Path) -> None:
    index = write_medium(tmp_path / "disc", tmp_path)
    dataset = dcmread(index)
    with warnings.catch_warnings(action="ignore"):
        for record in dataset.DirectoryRecordSequence:
            if "ReferencedFileID" in record:
                record.ReferencedFileID = ["..", "sources", "IM0001"]
        dataset.save_as(index)
    assert (tmp_path / "sources" / "IM0001").is_file()
    assert problem_of(index, list_series) is ReadProblem.NO_FILES_OF_INDEX


def test_what_is_kept_of_refused_files_holds_none_of_them(tmp_path: Path) -> None:
    write_series(tmp_path / "study", 3)
    (tmp_path / "study" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    scan = run_to_end(scan_paths([zipped(tmp_path / "a.zip", tmp_path / "study"), tmp_path / "b"]))
    assert [refusal.problem for refusal in scan.refused] == [
        ReadProblem.TRUNCATED,
        ReadProblem.MISSING,
    ]
    assert [(each.__traceback__, each.__context__) for each in scan.refused] == [(None, None)] * 2


def test_a_long_member_is_read_anywhere(tmp_path: Path) -> None:
    content = np.random.default_rng(1).bytes(3_200_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
    with opened(ImagePart(tmp_path / "a.zip", "a")) as file:
        for start, length in ((1 << 20, 5), ((1 << 20) - 2, 3_000_000), (0, 10), (3_199_990, 99)):
            file.seek(start)
            assert file.read(length) == content[start : start + length]
        assert file.seek(0, 2) == len(content)


def test_a_list_of_names_that_takes_much_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "study", 4)
    path = zipped(tmp_path / "a.zip", tmp_path / "study")
    monkeypatch.setattr("spinealign.imaging.source._MOST_LIST_BYTES", 100)
    assert problem_of(path, list_series) is ReadProblem.TOO_MANY


@pytest.mark.parametrize("frames", [1, 5])
def test_looking_stops_where_pictures_take_much_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    pixels = np.stack([ramp()] * frames) if frames > 1 else ramp()
    for number in range(15 // frames):
        write_dicom(study / f"{number}.dcm", pixels, SOPInstanceUID=f"1.2.{number}")
    monkeypatch.setattr("spinealign.imaging.study.MOST_PICTURES", 8)
    scan = run_to_end(scan_paths([zipped(tmp_path / "a.zip", study)]))
    assert [refusal.problem for refusal in scan.refused] == [ReadProblem.TOO_MANY]
    assert 8 < sum(len(entry) for entry in scan.found) <= 10


def test_of_absurdly_long_texts_little_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spinealign.imaging.dicom_series._LONGEST_TEXT", 10)
    write_dicom(tmp_path / "a.dcm", ramp(), SeriesDescription="T2 sagittal, both arms")
    (entry,) = list_series(tmp_path)
    assert entry.description.startswith("T2 sagitta ")
    assert len(entry.description) == 10 + 1 + 64


def test_a_packing_that_is_not_known_is_named(tmp_path: Path) -> None:
    write_series(tmp_path / "study", 1)
    path = zipped(tmp_path / "a.zip", tmp_path / "study")
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = content.index(signature) + offset
        content[place : place + 2] = (9).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(ImageReadError) as caught:
        list_series(path)
    assert caught.value.problem is ReadProblem.UNSUPPORTED_PACKING
    assert caught.value.detail == "Deflate64"


def test_what_was_put_behind_a_compressed_file_does_not_matter(tmp_path: Path) -> None:
    content = gzip.compress(write_dicom(tmp_path / "a.dcm", ramp()).read_bytes())
    (tmp_path / "b.dcm.gz").write_bytes(content + b"put behind")
    np.testing.assert_array_equal(read_image(tmp_path / "b.dcm.gz").pixels, ramp())
    (tmp_path / "c.dcm.gz").write_bytes(content[:-8] + bytes(8))
    assert problem_of(tmp_path / "c.dcm.gz") is ReadProblem.TRUNCATED
