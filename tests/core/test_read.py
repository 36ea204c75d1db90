"""Any path gives an image or one named reason; nothing else."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from spinealign.domain import formats
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.imaging.read import read_image
from spinealign.imaging.sniff import sniff
from tests.image_files import png_claiming, problem_of, ramp, write_dicom, write_nifti


def a_picture(rows: int = 40, cols: int = 50) -> Image.Image:
    return Image.fromarray((ramp(rows, cols) % 251).astype(np.uint8))


# --- what is refused ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", ReadProblem.EMPTY, id="empty"),
        pytest.param(b"\n", ReadProblem.NOT_AN_IMAGE, id="one byte"),
        pytest.param(b"The patient was seen.\n" * 50, ReadProblem.NOT_AN_IMAGE, id="text"),
        pytest.param(b"BMW is not a bitmap at all, is it?", ReadProblem.NOT_AN_IMAGE, id="BM text"),
        pytest.param(b"%PDF-1.7\n" + b"x" * 500, ReadProblem.NOT_AN_IMAGE, id="pdf"),
        pytest.param(bytes(5000), ReadProblem.NOT_AN_IMAGE, id="zeros"),
        pytest.param(b"\x89PNG\r\n\x1a\n", ReadProblem.TRUNCATED, id="png signature"),
        pytest.param(b"\xff\xd8\xff\xe0", ReadProblem.TRUNCATED, id="jpeg signature"),
        pytest.param(b"II*\x00", ReadProblem.TRUNCATED, id="tiff signature"),
        pytest.param(b"RIFF\x00\x00\x00\x00WEBPVP8 ", ReadProblem.TRUNCATED, id="webp signature"),
        pytest.param(bytes(128) + b"DICM", ReadProblem.TRUNCATED, id="dicom preamble"),
        pytest.param(b"\x1f\x8b\x08\x00", ReadProblem.NOT_AN_IMAGE, id="gzip head"),
        pytest.param(png_claiming(20_000, 20_000), ReadProblem.TOO_LARGE, id="png 20000"),
        pytest.param(png_claiming(16_385, 100), ReadProblem.TOO_LARGE, id="png too wide"),
        pytest.param(png_claiming(8_000, 8_001), ReadProblem.TOO_LARGE, id="png 64.008 MP"),
        pytest.param(png_claiming(8_000, 8_000), ReadProblem.TRUNCATED, id="png 64 megapixels"),
        pytest.param(png_claiming(1, 1), ReadProblem.TOO_SMALL, id="png 1x1"),
        pytest.param(png_claiming(31, 400), ReadProblem.TOO_SMALL, id="png 31 wide"),
    ],
)
def test_refuses(tmp_path: Path, content: bytes, problem: ReadProblem) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(content)
    assert problem_of(path) is problem


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "nowhere.png") is ReadProblem.MISSING


def test_refuses_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    assert problem_of(tmp_path / "a.png" / "b.png") is ReadProblem.MISSING


def test_refuses_a_path_that_cannot_exist(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "a\0b.png") is ReadProblem.MISSING


def test_refuses_a_folder(tmp_path: Path) -> None:
    assert problem_of(tmp_path) is ReadProblem.UNREADABLE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_refuses_a_pipe_instead_of_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert problem_of(tmp_path / "pipe.png") is ReadProblem.UNREADABLE


def test_refuses_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "scan.png"
    a_picture().save(path)
    monkeypatch.setattr(Path, "open", refuse)
    assert problem_of(path) is ReadProblem.UNREADABLE


def test_refuses_an_archive_without_images(tmp_path: Path) -> None:
    path = tmp_path / "scan.dcm"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("scan.dcm", "x" * 3000)
    assert problem_of(path) is ReadProblem.NOT_AN_IMAGE


def test_a_disk_that_fails_while_decoding_is_not_called_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Image.Image) -> None:
        raise OSError(5, "Input/output error")

    path = tmp_path / "scan.png"
    a_picture().save(path)
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    assert problem_of(path) is ReadProblem.UNREADABLE


def test_running_out_of_memory_means_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Image.Image) -> None:
        raise MemoryError

    path = tmp_path / "scan.png"
    a_picture().save(path)
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    assert problem_of(path) is ReadProblem.TOO_LARGE


@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "tif", "bmp", "webp", "gif", "dcm", "nii", "nii.gz"]
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_refuses_every_format_cut_short(tmp_path: Path, suffix: str, share: float) -> None:
    whole = tmp_path / f"whole.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (120, 130)).astype(np.uint8)
    if suffix == "dcm":
        write_dicom(whole, noise)
    elif suffix.startswith("nii"):
        write_nifti(whole, noise, np.eye(4))
    else:
        Image.fromarray(noise).save(whole)
    content = whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(content[: int(len(content) * share)])
    assert read_image(whole).shape[0] >= 120
    assert problem_of(cut) is ReadProblem.TRUNCATED


@pytest.mark.parametrize("suffix", ["png", "dcm", "nii.gz"])
def test_refuses_a_constant_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"flat.{suffix}"
    flat = np.full((64, 64), 7, np.uint8)
    if suffix == "dcm":
        write_dicom(path, flat)
    elif suffix == "nii.gz":
        write_nifti(path, flat, np.eye(4))
    else:
        Image.fromarray(flat).save(path)
    assert problem_of(path) is ReadProblem.CONSTANT


def test_the_reason_carries_the_size_found(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    path.write_bytes(png_claiming(17_000, 900))
    with pytest.raises(ImageReadError, match="17000 x 900"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["png", "dcm"])
def test_a_huge_picture_is_never_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def decode(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    path = tmp_path / f"huge.{suffix}"
    if suffix == "dcm":
        write_dicom(path, ramp(), Rows=20_000, Columns=20_000)
    else:
        path.write_bytes(png_claiming(13_000, 13_000))
    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    monkeypatch.setattr("spinealign.imaging.dicom_pixels.pixel_array", decode)
    assert problem_of(path) is ReadProblem.TOO_LARGE


def test_no_library_message_reaches_the_error(tmp_path: Path) -> None:
    path = tmp_path / "bad.dcm"
    write_dicom(path, ramp(), PatientName="Doe^Jane", PixelData=b"\0\0")
    with pytest.raises(ImageReadError) as caught:
        read_image(path)
    assert caught.value.__suppress_context__
    assert "Doe" not in f"{caught.value!r} {caught.value}"


# --- what is chosen and kept -------------------------------------------------------


@pytest.mark.parametrize("name", ["scan.png", "scan.dcm", "scan", "scan.nii.gz", "scan.txt"])
def test_the_reader_is_chosen_by_content(tmp_path: Path, name: str) -> None:
    a_picture().save(tmp_path / name, format="PNG")
    image = read_image(tmp_path / name)
    assert (image.file_format, image.shape) == ("PNG", (40, 50))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x89PNG\r\n\x1a\nxxxx", formats.PNG),
        (b"\xff\xd8\xff\xdb", formats.JPEG),
        (b"MM\x00*\x00\x00", formats.TIFF),
        (b"II+\x00\x08\x00", formats.TIFF),
        (b"GIF89a", formats.GIF),
        (b"RIFF\x10\x00\x00\x00WEBP", formats.WEBP),
        (b"BM" + bytes(12) + b"\x28\x00\x00\x00", formats.BMP),
        (b"II*\x00" + bytes(124) + b"DICM", formats.DICOM),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", formats.DICOM),
        (b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100", formats.DICOM),
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100", formats.DICOM),
        (bytes(344) + b"n+1\x00", formats.NIFTI),
        (b"\x1c\x02\x00\x00n+2\x00", formats.NIFTI),
        (b"\x08\x00\x05\x00\xff\xff\xff\xff        ", None),
        (b"RIFF\x10\x00\x00\x00WAVE", None),
    ],
)
def test_sniff(head: bytes, expected: formats.ImageFormat | None) -> None:
    assert sniff(head) is expected


def test_keeps_checksum_path_and_float_pixels(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    a_picture().save(path)
    image = read_image(path)
    assert image.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert image.source_path == path
    assert image.pixels.dtype == np.float32
    assert image.pixels.flags.c_contiguous
    np.testing.assert_array_equal(image.pixels, np.asarray(a_picture()))


def test_values_that_are_not_finite_become_the_smallest(tmp_path: Path) -> None:
    values = ramp(dtype=np.float32) + 5
    values[0, 0], values[1, 1] = np.nan, np.inf
    path = tmp_path / "map.tif"
    Image.fromarray(values).save(path)
    image = read_image(path)
    assert image.pixels[0, 0] == image.pixels[1, 1] == image.pixels.min() == 6


def test_the_decoders_are_imported_only_when_needed() -> None:
    code = (
        "import sys, spinealign.imaging.read as _;"
        "print([m for m in ('pydicom', 'nibabel', 'PIL') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
