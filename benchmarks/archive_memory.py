"""Peak memory of looking through hostile archives: ``python -m benchmarks.archive_memory``.

Each archive is made, then looked through (`list_series`) and read (`read_image`, patient) in a
process of its own. The peak is that process's resident memory, libraries included.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from spinealign.domain.errors import ImageReadError
from spinealign.domain.image import ImagePart
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, read_patient
from tests.image_files import ramp, write_dicom

LIMIT_BYTES = 600 * 10**6
MEMBERS = 20_000
PLACE = {
    "Modality": "MR", "SeriesInstanceUID": "1.2.3", "InstanceNumber": 7654321,
    "PixelSpacing": [1, 1], "ImageOrientationPatient": [0, 1, 0, 0, 0, -1],
    "ImagePositionPatient": ["1234567", 0, 0],
}  # fmt: skip
Members = Iterator[tuple[str, bytes]]


def slices(count: int, **tags: object) -> Members:
    """Yield slices of one series, each at a place of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_dicom(Path(folder) / "a.dcm", ramp(), **PLACE | tags)
        whole = path.read_bytes()
    for number in range(count):
        place = f"{1_000_000 + number:07d}".encode()
        yield f"{number}.dcm", whole.replace(b"1234567", place).replace(b"7654321", place)


def small_slices() -> Members:
    """Yield 20,000 slices of one series."""
    yield from slices(MEMBERS)


def series_each() -> Members:
    """Yield 20,000 slices, each a series of its own."""
    for number, (name, content) in enumerate(slices(MEMBERS, SeriesInstanceUID="1.2.33333")):
        yield name, content.replace(b"1.2.33333", f"1.2.{number:05d}".encode())


def long_texts() -> Members:
    """Yield 2,000 slices whose texts that are kept have 60 kB each."""
    long = "x" * 60_000
    yield from slices(2000, SeriesDescription=long, PatientName=long, StudyDescription=long)


def many_frames() -> Members:
    """Yield 20,000 files that claim 19,999 frames each."""
    yield from slices(MEMBERS, NumberOfFrames=19_999)


def pictures() -> Members:
    """Yield 20,000 PNG pictures."""
    stream = io.BytesIO()
    Image.fromarray((ramp(40, 50) % 256).astype(np.uint8)).save(stream, "PNG")
    for number in range(MEMBERS):
        yield f"{number}.png", stream.getvalue()


def pages() -> Members:
    """Yield 5,000 TIFF files of 60 pages each."""
    stream = io.BytesIO()
    page = Image.fromarray((ramp(32, 32) % 256).astype(np.uint8))
    page.save(stream, "TIFF", save_all=True, append_images=[page] * 59)
    for number in range(5000):
        yield f"{number}.tif", stream.getvalue()


def long_names() -> Members:
    """Yield 20,000 pictures whose names have 700 letters each."""
    chance = random.Random(1)
    for name, content in pictures():
        yield f"{chance.randbytes(350).hex()}{name}", content


def other_files() -> Members:
    """Yield 20,000 files that are no images."""
    for number in range(MEMBERS):
        yield f"{number}.txt", bytes(200)


def bombs() -> Members:
    """Yield files that unpack to 250 MB each."""
    for number in range(4):
        yield f"{number}.dcm", bytes(128) + b"DICM" + bytes(250 << 20)


def volumes() -> Members:
    """Yield NIfTI volumes that unpack to 230 MB each."""
    head = nib.Nifti1Image(np.zeros((33, 33, 33), np.int16), np.eye(4)).to_bytes()[:352]
    changed = bytearray(head)
    changed[42:48] = np.array([480, 480, 500], "<i2").tobytes()
    for number in range(2):
        yield f"{number}.nii", bytes(changed) + bytes(range(250)) * 921_600


def huge_pictures() -> Members:
    """Yield pictures of 64 megapixels each."""
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8000, 8000), np.uint8)).save(stream, "PNG", compress_level=9)
    for number in range(20):
        yield f"{number}.png", stream.getvalue()


def elements() -> Members:
    """Yield 20 slices with 50,000 private attributes each."""
    empty = b"".join(struct.pack("<HH2sH", 9, 0x1000 + k, b"LO", 0) for k in range(50_000))
    for name, content in slices(20, PatientName="x"):
        where = content.index(b"\x10\x00\x10\x00PN")
        yield name, content[:where] + empty + content[where:]


ARCHIVES: tuple[Callable[[], Members], ...] = (
    small_slices, series_each, long_texts, many_frames, pictures, pages, long_names, other_files,
    bombs, volumes, huge_pictures, elements,
)  # fmt: skip


def pack(path: Path, members: Members) -> int:
    """Write an archive; return how many members it has."""
    count = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            archive.writestr(name, content)
            count += 1
    return count


def look(path: Path, report: int) -> None:
    """Look through an archive in this process and report on a pipe."""
    said = []
    for read in (list_series, read_image, lambda path: read_patient(ImagePart(path))):
        try:
            found = read(path)
            said.append(f"{len(found)} series" if isinstance(found, tuple) else "read")
        except ImageReadError as error:
            said.append(f"{error.problem.value} {error.detail}".strip())
        except BaseException:  # noqa: BLE001 - a traceback is what this looks for
            said.append(traceback.format_exc(limit=-1).splitlines()[-1])
    peak = peak_bytes()
    os.write(report, f"{peak} {'; '.join(said)}".encode())


def peak_bytes() -> int:
    """Return the most memory that this process had; `getrusage` counts its parent's too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def measured(path: Path) -> tuple[int, float, str]:
    """Return peak memory in bytes, seconds and what came out, of a fresh process."""
    receive, send = os.pipe()
    os.set_inheritable(send, True)
    began = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.archive_memory", "--look", str(path), str(send)]
    child = os.posix_spawn(
        sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, receive)]
    )
    os.close(send)
    told = b""
    while block := os.read(receive, 65_536):
        told += block
    os.close(receive)
    os.waitpid(child, 0)
    peak, _, said = told.decode().partition(" ")
    return int(peak or 0), time.monotonic() - began, said


def main() -> None:
    """Print a row an archive; end with 1 if one takes more than the limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="a part of the name of an archive")
    parser.add_argument("--look", nargs=2, metavar=("PATH", "PIPE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        look(Path(options.look[0]), int(options.look[1]))
        return
    worst = 0
    print("| archive | members | packed MB | peak MB | s | outcome |\n|---|---|---|---|---|---|")
    for make in ARCHIVES:
        if options.only not in make.__name__:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.zip"
            count = pack(path, make())
            peak, seconds, said = measured(path)
            size = path.stat().st_size / 1e6
        worst = max(worst, peak)
        name = make.__name__.replace("_", " ")
        row = f"| {name} | {count} | {size:.1f} | {peak / 1e6:.0f} | {seconds:.0f} | {said} |"
        print(row, flush=True)
    print(f"worst {worst / 1e6:.0f} MB of {LIMIT_BYTES / 1e6:.0f}")
    sys.exit(worst > LIMIT_BYTES)


if __name__ == "__main__":
    main()
