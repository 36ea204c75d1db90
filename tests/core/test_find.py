"""Which files a folder stands for, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.formats import RESULT_NAME, RESULT_PICTURES
from spinealign.domain.generators import run_to_end
from spinealign.export.exporters import EXPORTERS
from spinealign.imaging.find import all_images, find_images, natural_key
from spinealign.imaging.study import list_series, scan_series
from tests.image_files import ramp, write_dicom


def names_in(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_images([folder])]


def problem_of(*paths: Path) -> tuple[ReadProblem, Path]:
    with pytest.raises(ImageReadError) as caught:
        find_images(list(paths))
    return caught.value.problem, caught.value.path


def make(folder: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_files_are_kept_as_given_whatever_they_are(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a.txt")
    given_paths = [tmp_path / "b.png", tmp_path / "a.txt"]
    assert find_images(given_paths) == given_paths


def test_no_paths_no_images() -> None:
    assert find_images([]) == []


def test_a_folder_is_searched_to_the_bottom_in_the_order_of_numbers(tmp_path: Path) -> None:
    make(
        tmp_path, "10.png", "2.png", "1.PNG", "series 12/3.dcm", "series 2/20.dcm", "series 2/3.dcm"
    )
    assert names_in(tmp_path) == [
        "1.PNG", "2.png", "10.png", "series 2/3.dcm", "series 2/20.dcm", "series 12/3.dcm",
    ]  # fmt: skip


def test_hidden_entries_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.png", ".b.png", "._a.png", ".cache/c.png")
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    "name", ["a.jpg", "a.JPEG", "a.tif", "a.TIFF", "a.bmp", "a.webp", "a.gif", "a.nii", "a.nii.gz"]
)
def test_image_endings_are_taken_at_their_word(tmp_path: Path, name: str) -> None:
    make(tmp_path, name)
    assert names_in(tmp_path) == [name]


def test_other_files_count_by_their_content(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", "table.csv", "empty", "archive.gz", "a.json")
    write_dicom(tmp_path / "IM000001", ramp())
    write_dicom(tmp_path / "1.2.840.113619.2", ramp())
    write_dicom(tmp_path / "DICOMDIR", ramp())
    make(tmp_path, "picture", content=b"\x89PNG\r\n\x1a\nrest")
    assert names_in(tmp_path) == ["1.2.840.113619.2", "IM000001", "picture"]


def test_nothing_is_listed_twice(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    found = find_images([tmp_path / "b.png", tmp_path, tmp_path / "." / "b.png"])
    assert [path.name for path in found] == ["b.png", "a.png"]


def test_links_to_a_file_are_that_file(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png")
    for k in range(30):
        (tmp_path / f"soft {k}.png").symlink_to(tmp_path / "a.png")
        os.link(tmp_path / "b.png", tmp_path / f"hard {k}.png")
    assert len(all_images([tmp_path])) == 62
    assert [path.name for path in find_images([tmp_path])] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "content", [[], ["notes.txt"], [".hidden.png"]], ids=["empty", "text", "hidden"]
)
def test_refuses_a_folder_without_images(tmp_path: Path, content: list[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder, *content)
    make(tmp_path, "a.png")
    assert problem_of(tmp_path / "a.png", folder) == (ReadProblem.NO_IMAGES_IN_FOLDER, folder)


def test_refuses_a_missing_path(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "gone") == (ReadProblem.MISSING, tmp_path / "gone")
    assert problem_of(tmp_path / ("x" * 4000))[0] is ReadProblem.MISSING


def test_refuses_a_folder_it_may_not_look_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert problem_of(tmp_path)[0] is ReadProblem.UNREADABLE


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "broken.lnk").symlink_to(tmp_path / "nowhere")
    assert names_in(tmp_path) == ["a.png"]


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=1))
def test_numbers_sort_as_numbers(numbers: list[int]) -> None:
    paths = [Path(f"slice {number}.png") for number in numbers]
    expected = [Path(f"slice {number}.png") for number in sorted(numbers)]
    assert sorted(paths, key=natural_key) == expected


def test_archives_in_a_folder_count(tmp_path: Path) -> None:
    make(tmp_path, "study.ZIP", "a.png", "report.docx", content=b"PK\x03\x04")
    assert names_in(tmp_path) == ["a.png", "study.ZIP"]


def test_a_subfolder_that_may_not_be_looked_into_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.png", "locked/b.png")
    scan = os.scandir

    def guarded(folder: str | Path) -> object:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    assert names_in(tmp_path) == ["a.png"]
    (tmp_path / "a.png").unlink()
    assert problem_of(tmp_path)[0] is ReadProblem.UNREADABLE


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_pipes_among_the_files_are_passed_over(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", ramp())
    os.mkfifo(tmp_path / "pipe.dcm")
    os.mkfifo(tmp_path / "pipe")
    assert [len(entry) for entry in list_series(tmp_path)] == [1]
    with pytest.raises(ImageReadError) as caught:
        list_series(tmp_path / "pipe.dcm")
    assert caught.value.problem is ReadProblem.UNREADABLE


def test_a_file_that_vanishes_while_a_folder_is_looked_through(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        write_dicom(tmp_path / name, ramp())
    steps = scan_series(tmp_path)
    next(steps)
    (tmp_path / "2").unlink()
    (tmp_path / "3").write_bytes((tmp_path / "3").read_bytes()[:200])
    assert [entry.parts[0].path.name for entry in run_to_end(steps)] == ["1"]


def test_a_link_that_leads_to_itself_is_named_and_the_rest_is_found(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", ramp())
    for name in ("loop.dcm", "a.dcm.spinealign.json", "loop"):
        (tmp_path / name).symlink_to(name)
    assert names_in(tmp_path) == ["a.dcm", "loop.dcm"]
    assert [len(entry) for entry in list_series(tmp_path)] == [1]
    with pytest.raises(ImageReadError) as caught:
        list_series(tmp_path / "loop.dcm")
    assert caught.value.problem is ReadProblem.UNREADABLE


def test_pictures_that_an_earlier_run_wrote_are_left_out(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", ramp())
    make(tmp_path / "results" / "a", "analysis.json", *RESULT_PICTURES)
    make(tmp_path / "volume", "volumes.csv", "masks/slice_001.png")
    make(tmp_path / "mine", "mask.png", "masks/slice_001.png")
    assert names_in(tmp_path) == ["a.dcm", "mine/mask.png", "mine/masks/slice_001.png"]
    (tmp_path / "mine" / "mask.png").unlink()
    (tmp_path / "mine" / "masks" / "slice_001.png").unlink()
    assert [entry.parts[0].path.name for entry in list_series(tmp_path)] == ["a.dcm"]


def test_the_names_of_results_are_those_that_are_written() -> None:
    pictures = {e.file_name for e in EXPORTERS.values() if e.file_name.endswith(".png")}
    assert pictures == RESULT_PICTURES
    assert EXPORTERS["json"].file_name == RESULT_NAME
