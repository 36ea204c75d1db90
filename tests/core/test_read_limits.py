"""Files that claim to be huge: refused within one gigabyte of memory.

``benchmarks/fuzz_readers.py`` also watches the time.
"""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate

from spinealign.domain.errors import ImageReadError
from spinealign.imaging.dicom_pixels import codestream_size
from spinealign.imaging.read import read_image
from tests.image_files import png_claiming, ramp, write_dicom

J2K, JPEG, DEFLATED = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1.99"


def j2k_head(rows: int, cols: int) -> bytes:
    sizes = struct.pack(">HIIIIIIII", 0, cols, rows, 0, 0, cols, rows, 0, 0)
    siz = sizes + struct.pack(">HBBB", 1, 15, 1, 1)
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(siz) + 2) + siz


def jpeg_head(rows: int, cols: int) -> bytes:
    frame = struct.pack(">BHHBBBB", 8, rows, cols, 1, 1, 0x11, 0)
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame


def compressed(path: Path, stream: bytes, syntax: str, rows: int = 40, cols: int = 50) -> None:
    dataset = dcmread(write_dicom(path, ramp(), Rows=rows, Columns=cols))
    dataset.PixelData = encapsulate([stream])
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)


def deflated_bomb(path: Path) -> None:
    """Write a deflated data set that unpacks to a quarter of a gigabyte."""
    write_dicom(path, ramp())
    meta = dcmread(path)
    meta.file_meta.TransferSyntaxUID = DEFLATED
    head = io.BytesIO()
    meta.save_as(head)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(1 << 22)
    body = b"".join(squeeze.compress(block) for _ in range(64))
    whole = head.getvalue()
    start = 144 + int.from_bytes(whole[140:144], "little")
    path.write_bytes(whole[:start] + body + squeeze.flush())


def png_bomb(path: Path) -> None:
    """Write a whole PNG of 64 megapixels in colour, all black but for its size."""
    claim = png_claiming(8000, 8000)
    header = struct.pack(">IIBBBBB", 8000, 8000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(8000 * 24_001), 9)
    path.write_bytes(claim[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", data))


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def tiff_claim(path: Path) -> None:
    tags = [(256, 4, 8000), (257, 4, 8000), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8),
            (277, 3, 1), (278, 4, 8000), (279, 4, 128_000_000)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4))


def webp_claim(path: Path) -> None:
    size = (16_382).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + size
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def nifti_head(sizes: tuple[int, int, int]) -> bytes:
    content = bytearray(nib.Nifti1Image(np.zeros((33, 34, 36), np.int16), np.eye(4)).to_bytes())
    content[42:48] = np.array(sizes, "<i2").tobytes()
    return bytes(content)


def nifti_claim(path: Path) -> None:
    path.write_bytes(nifti_head((700, 700, 700)))


def nifti_bomb(path: Path) -> None:
    part = gzip.compress(bytes(69_000_000))
    path.write_bytes(gzip.compress(nifti_head((700, 700, 700))) + 10 * part)


def zip_claim(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.dcm", bytes(250 << 20))


def long_element(path: Path) -> None:
    """Write an element that claims four gigabytes in front of the pixels."""
    content = write_dicom(path, ramp(), ImageComments="x" * 20).read_bytes()
    where = content.index(b"x" * 20)
    path.write_bytes(content[: where - 4] + b"\xfe\xff\xff\xff" + content[where:])


def countless_elements(path: Path) -> None:
    """Write a million empty private attributes in front of the pixels."""
    content = write_dicom(path, ramp(), PatientName="x").read_bytes()
    where = content.index(b"\x10\x00\x10\x00PN")
    empty = b"".join(struct.pack("<HH2sH", 9, 0x1000 + k, b"LO", 0) for k in range(50_000))
    path.write_bytes(content[:where] + empty * 20 + content[where:])


CLAIMS: dict[str, Callable[[Path], object]] = {
    "dicom rows": lambda path: write_dicom(path, ramp(), Rows=60_000, Columns=60_000),
    "dicom frames": lambda path: write_dicom(path, ramp(), NumberOfFrames=2_000_000_000),
    "dicom 64 megapixels": lambda path: write_dicom(path, ramp(), Rows=8000, Columns=8000),
    "dicom element": long_element,
    "dicom elements": countless_elements,
    "dicom deflated": deflated_bomb,
    "jpeg 2000 inside": lambda path: compressed(path, j2k_head(60_000, 60_000), J2K),
    "jpeg 2000 64 megapixels": lambda p: compressed(p, j2k_head(8000, 8000), J2K, 8000, 8000),
    "jpeg inside": lambda path: compressed(path, jpeg_head(60_000, 60_000), JPEG),
    "png claim": lambda path: path.write_bytes(png_claiming(60_000, 60_000)),
    "png bomb": png_bomb,
    "tiff": tiff_claim,
    "webp": webp_claim,
    "nifti": nifti_claim,
    "nifti bomb": nifti_bomb,
    "zip": zip_claim,
}

# Read in one child that may use 1 GB more than what it needs for having the decoders loaded.
CHILD = """
import resource, sys
from pathlib import Path
import spinealign.imaging.dicom, spinealign.imaging.dicom_series, spinealign.imaging.nifti
import spinealign.imaging.raster
from spinealign.domain.errors import ImageReadError
from spinealign.imaging.read import read_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)
for path in sys.argv[1:]:
    try:
        read_image(Path(path))
    except ImageReadError as error:
        print(error.problem.value, end=" ")
    else:
        print("opened", end=" ")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(peak // 1024, flush=True)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """Return problem and highest memory so far of every claim that the child came to read."""
    folder = tmp_path_factory.mktemp("claims")
    paths = [folder / str(number) for number in range(len(CLAIMS))]
    for path, claim in zip(paths, CLAIMS.values(), strict=True):
        claim(path)
    run = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    lines = [line.split() for line in run.stdout.splitlines()]
    return {name: (words[0], int(words[1])) for name, words in zip(CLAIMS, lines, strict=False)}


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_of_huge_size_is_refused_cheaply(
    outcomes: dict[str, tuple[str, int]], claim: str
) -> None:
    assert claim in outcomes, "the child ended before or while it read this"
    problem, peak_mb = outcomes[claim]
    assert problem in ("too_large", "truncated", "no_images_in_archive")
    assert peak_mb < 700


@pytest.mark.parametrize("head", [j2k_head, jpeg_head])
def test_the_size_inside_a_codestream_is_found(head: Callable[[int, int], bytes]) -> None:
    assert codestream_size(head(300, 400)) == (300, 400)
    assert codestream_size(head(300, 400)[:9]) is None


def test_a_jpeg_2000_file_with_an_endless_box_ends(tmp_path: Path) -> None:
    boxes = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40)
    compressed(tmp_path / "endless.dcm", boxes, J2K)
    with pytest.raises(ImageReadError, match="truncated"):
        read_image(tmp_path / "endless.dcm")


def test_a_frame_without_rows_ends(tmp_path: Path) -> None:
    segments = b"\xff\xd8\xff\xf7\x00\x0b\x08\x00\x00\x002\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x02\x00\x00" + b"\xff\x7f" * 200
    compressed(tmp_path / "endless.dcm", segments + scan, "1.2.840.10008.1.2.4.81")
    with pytest.raises(ImageReadError, match="truncated"):
        read_image(tmp_path / "endless.dcm")
