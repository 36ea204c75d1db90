"""Feed changed image files to the readers for hours: ``python -m benchmarks.fuzz_readers``.

Every input must give images or an `ImageReadError`, within two seconds of CPU time and
one gigabyte of memory. Inputs are made from pydicom's test files and a few small files
of the other formats, by bytes (`changed`), by structure (`fuzz_structures`), and of JSON files
of ours (`fuzz_documents`), which must be taken or refused; each is made anew from its number, so
a finding is repeated with ``--only NUMBER``. Inputs run in a child process, so that a crash of a
decoder is seen.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import os
import random
import select
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.archive_memory import peak_bytes
from benchmarks.fuzz_documents import documents, read_document
from benchmarks.fuzz_structures import changed_json, changed_structure
from spinealign.domain.errors import ImageReadError
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import ImagePart
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, read_patient
from spinealign.imaging.volume import load_volume
from tests.corpus import corpus_files
from tests.image_files import ramp, write_dicom, write_nifti, write_series

CPU_SECONDS = 2.0
WALL_SECONDS = 60.0
MEMORY_BYTES = 1 << 30
BATCH = 400
MAX_INPUT_BYTES = 600_000
MOST_SLICES = 20
SHARE_OF_DOCUMENTS, SHARE_OF_STRUCTURES = 0.15, 0.5
HOSTILE_NAMES = (
    "../a.dcm", "/a.dcm", "C:\\a.dcm", "..\\..\\a.dcm", "a.dcm:stream", "nul\0a.dcm", "CON",
    "a/./b.dcm", "a//b.dcm", " ", "x" * 5000, "a.dcm", "a.dcm",
)  # fmt: skip
TAGS = tuple(
    group.to_bytes(2, "little") + element.to_bytes(2, "little")
    for group, elements in {
        0x0008: (0x0008, 0x0060),
        0x0018: (0x1114, 0x1164),
        0x0020: (0x0013, 0x0020, 0x0032, 0x0037),
        0x0028: (
            *(0x0002, 0x0004, 0x0006, 0x0008, 0x0010, 0x0011, 0x0030, 0x0034, 0x0100, 0x0101),
            *(0x0102, 0x0103, 0x0120, 0x1050, 0x1051, 0x1052, 0x1053, 0x1101, 0x1201, 0x3002),
        ),
    }.items()
    for element in elements
)
STRIKING = (b"\x00", b"\x01", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", bytes(4))


def seeds() -> list[bytes]:
    """Return the whole files that inputs are made from."""
    corpus = [path.read_bytes() for name, path in corpus_files().items() if "TINY" not in name]
    small = [content for content in corpus if content and len(content) <= MAX_INPUT_BYTES]
    hostile = [*hostile_archives(), *series_archives()]
    return [*small, *pictures(), *pictures(), *volumes(), *volumes(), *archives(small), *hostile]


def pictures() -> Iterator[bytes]:
    """Yield small pictures of every ordinary format, several of each for their weight."""
    grey = Image.fromarray((ramp(64, 80) % 256).astype(np.uint8))
    deep = Image.fromarray(ramp(64, 80).astype(np.uint16))
    colour = Image.merge("RGB", (grey, grey.rotate(180), grey))
    kinds = [(grey, "PNG"), (deep, "PNG"), (colour, "PNG"), (grey, "JPEG"), (colour, "JPEG")]
    kinds += [(grey, "TIFF"), (deep, "TIFF"), (colour, "TIFF"), (grey, "BMP"), (colour, "BMP")]
    kinds += [(grey, "GIF"), (grey, "WEBP"), (colour, "WEBP")]
    for picture, kind in kinds:
        stream = io.BytesIO()
        picture.save(stream, kind)
        yield stream.getvalue()
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        stream = io.BytesIO()
        grey.save(stream, "TIFF", compression=compression, save_all=True, append_images=[grey])
        yield stream.getvalue()


def volumes() -> Iterator[bytes]:
    """Yield small NIfTI files."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.nii", "a.nii.gz"):
            values = ramp(40, 36 * 33).reshape(40, 36, 33).astype(np.int16)
            yield write_nifti(Path(folder) / name, values, np.eye(4)).read_bytes()


def archives(contents: list[bytes]) -> Iterator[bytes]:
    """Yield small zip archives."""
    small = [content for content in contents if 1000 < len(content) < 40_000]
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for start in range(0, len(small), len(small) // 4):
            stream = io.BytesIO()
            with zipfile.ZipFile(stream, "w", method) as archive:
                for number, content in enumerate(small[start : start + 3]):
                    archive.writestr(f"study/{number}.dcm", content)
            yield stream.getvalue()


def hostile_archives() -> Iterator[bytes]:
    """Yield archives with names that lead elsewhere, members on top of each other, and lies."""
    with tempfile.TemporaryDirectory() as folder:
        picture = write_dicom(Path(folder) / "a.dcm", ramp()).read_bytes()
    with warnings.catch_warnings(action="ignore"):
        yield packed([(name, picture) for name in HOSTILE_NAMES])
        yield packed([("a.zip", packed([("a.dcm", picture)])), ("b.gz", gzip.compress(picture))])
        yield packed([("huge.dcm", picture + bytes(1 << 20)), ("a.dcm", picture)])
    one = packed([("a.dcm", picture)])
    start, end = one.index(b"PK\1\2"), one.index(b"PK\5\6")
    record, ending = bytearray(one[start:end]), bytearray(one[end:])
    struct.pack_into("<HHII", ending, 8, 500, 500, 500 * len(record), start)
    yield one[:start] + bytes(record) * 500 + bytes(ending)
    struct.pack_into("<II", record, 20, 2**32 - 1, 2**32 - 1)  # as if the sizes were in zip64
    yield one[:start] + bytes(record) + one[end:]


def packed(members: list[tuple[str, bytes]]) -> bytes:
    """Return a zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def series_archives() -> Iterator[bytes]:
    """Yield stored slices of one series in an archive, so that changes reach their positions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_series(folder / "a", 4)
        for path in write_series(folder / "b", 3, SeriesInstanceUID="1.2.9", EchoNumbers=1):
            (folder / f"{path.name} again").write_bytes(path.read_bytes())
        members = [(path.name, path.read_bytes()) for path in folder.rglob("IM*")]
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for number, (member, content) in enumerate(members):
                archive.writestr(f"{number} {member}", content)
        yield stream.getvalue()
        yield stream.getvalue()


def changed(whole: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return a file with one to eight things changed in it."""
    content = bytearray(whole)
    ways: tuple[Callable[..., None], ...] = (
        flip,
        flip,
        strike,
        strike,
        retag,
        retag,
        cut,
        drop,
        repeat,
        splice,
    )
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4, 8))):
        if content:
            chance.choice(ways)(content, others, chance)
    return bytes(content)


def retag(content: bytearray, _: list[bytes], chance: random.Random) -> None:
    """Write another value into an attribute that a DICOM reader relies on."""
    found = [place for place in map(content.find, TAGS) if 0 <= place < 20_000]
    if found:
        value = chance.choice((*STRIKING, chance.randbytes(2), b"0\\0", b"-1", b"1e9", b"nan "))
        place = chance.choice(found) + 8
        content[place : place + len(value)] = value


def place_in(content: bytearray, chance: random.Random) -> int:
    """Choose a place, three times in four in the first kilobytes, where headers are."""
    end = len(content) if chance.random() < 0.25 else min(len(content), 2500)
    return chance.randrange(end)


def flip(content: bytearray, _: list[bytes], chance: random.Random) -> None:
    """Change one byte."""
    content[place_in(content, chance)] = chance.randrange(256)


def strike(content: bytearray, _: list[bytes], chance: random.Random) -> None:
    """Write a number that programs stumble over."""
    place, value = place_in(content, chance), chance.choice(STRIKING)
    content[place : place + len(value)] = value


def cut(content: bytearray, _: list[bytes], chance: random.Random) -> None:
    """Leave the end away, now and then."""
    if chance.random() < 0.3:
        del content[place_in(content, chance) :]


def drop(content: bytearray, _: list[bytes], chance: random.Random) -> None:
    """Leave a few bytes away."""
    place = place_in(content, chance)
    del content[place : place + chance.choice((1, 2, 4, 8, 100))]


def repeat(content: bytearray, _: list[bytes], chance: random.Random) -> None:
    """Write a part twice."""
    place, length = place_in(content, chance), chance.choice((1, 4, 8, 40, 400))
    content[place:place] = content[place : place + length]


def splice(content: bytearray, others: list[bytes], chance: random.Random) -> None:
    """Write a part of another file."""
    other = chance.choice(others)
    start, length = chance.randrange(len(other)), chance.choice((4, 16, 64, 512))
    place = place_in(content, chance)
    content[place : place + length] = other[start : start + length]


def make_input(number: int, whole: list[bytes]) -> tuple[str, bytes]:
    """Return the input of this number: the kind of a document, or "" for an image, and bytes."""
    chance = random.Random(number)
    way = chance.random()
    if way < SHARE_OF_DOCUMENTS:
        kind, document = chance.choice(whole_documents())
        return kind, changed_json(document, chance)
    content = chance.choice(whole)
    if way < SHARE_OF_DOCUMENTS + SHARE_OF_STRUCTURES:
        content = changed_structure(content, chance)
        return "", content if chance.random() < 0.8 else changed(content, whole, chance)
    return "", changed(content, whole, chance)


@lru_cache(maxsize=1)
def whole_documents() -> list[tuple[str, bytes]]:
    """Return JSON files of ours and their kinds."""
    return list(documents())


def outcome(kind: str, content: bytes, folder: Path) -> str:
    """Read one input in every way; return what came out, or raise what must not."""
    start = time.process_time()
    if kind:
        with tempfile.TemporaryDirectory() as place:
            found = read_document(kind, content, Path(place))
    else:
        found = image_outcome(content, folder)
    seconds = time.process_time() - start
    if seconds > CPU_SECONDS:
        raise TimeoutError(f"{seconds:.1f} s of CPU time")
    peak = peak_bytes()
    if peak > MEMORY_BYTES:
        raise MemoryError(f"{peak >> 20} MB")
    return found


def image_outcome(content: bytes, folder: Path) -> str:
    """Read one image in every way; return what came out, or raise what must not."""
    path = folder / "input"
    path.write_bytes(content)
    found = []
    for read in (read_image, list_series):
        try:
            read(path)
            found.append("opened")
        except ImageReadError as error:
            found.append(error.problem.value)
    read_patient(ImagePart(path))
    if found[-1] == "opened":
        found.append(volume_outcome(path))
    left = sorted(place.name for place in folder.iterdir())
    if left != ["input"]:
        raise PermissionError(f"written: {left}")
    return found[0]


def volume_outcome(path: Path) -> str:
    """Read the largest series of a path as a volume, if it has several pictures."""
    try:
        entry = max(list_series(path), key=len)
        if 1 < len(entry) <= MOST_SLICES:
            run_to_end(load_volume(entry))
        return "opened"
    except ImageReadError as error:
        return error.problem.value


def run_batch(numbers: range, whole: list[bytes], report: int) -> None:
    """Read inputs in this process; one line each on the pipe `report`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # libtiff writes there
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            os.write(report, f"start {number}\n".encode())
            try:
                line = f"done {outcome(*make_input(number, whole), Path(folder))}"
            except BaseException as error:  # noqa: BLE001 - anything here is a finding
                line = f"finding {number} {type(error).__name__}: {error}".replace("\n", " ")
            os.write(report, f"{line[:300]}\n".encode())


def supervised(numbers: range, whole: list[bytes]) -> Iterator[str]:
    """Run a batch in a child; yield its lines, and a finding when it dies or hangs."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        run_batch(numbers, whole, send)
        os._exit(0)
    os.close(send)
    last, rest = numbers.start, b""
    while select.select([receive], [], [], WALL_SECONDS)[0]:
        block = os.read(receive, 65_536)
        if not block:
            break
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            kind, _, value = line.decode().partition(" ")
            last = int(value) if kind == "start" else last
            yield line.decode()
    else:
        os.kill(child, 9)
        yield f"finding {last} no answer for {WALL_SECONDS:.0f} s"
    os.close(receive)
    status = os.waitpid(child, 0)[1]
    if status and status != 9:
        yield f"finding {last} died with status {status}"
    yield f"last {last}"


def main() -> None:
    """Run until the time is up; print findings as they come, then the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--inputs", type=int, default=10**12, help="end after so many")
    parser.add_argument("--only", type=int, help="repeat one input in this process")
    options = parser.parse_args()
    whole = seeds()
    with tempfile.TemporaryDirectory() as folder:
        for content in whole:  # imports the decoders before the first child
            outcome("", content, Path(folder))
    if options.only is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(outcome(*make_input(options.only, whole), Path(folder)))
        return
    for kind, document in whole_documents():
        with tempfile.TemporaryDirectory() as folder:
            read_document(kind, document, Path(folder))
    print(f"{len(whole)} files and {len(whole_documents())} documents", flush=True)
    outcomes: Counter[str] = Counter()
    last = options.first + options.inputs
    end, next_number, began = time.monotonic() + 60 * options.minutes, options.first, time.time()
    with contextlib.suppress(KeyboardInterrupt):  # what was found so far is still told
        while time.monotonic() < end and next_number < last:
            numbers = range(next_number, min(next_number + BATCH, last))
            for line in supervised(numbers, whole):
                kind, _, value = line.partition(" ")
                if kind == "finding":
                    print(line, flush=True)
                outcomes[value if kind == "done" else kind] += kind in ("done", "finding")
                next_number = int(value) + 1 if kind == "last" else next_number
    hours = (time.time() - began) / 3600
    print(f"{next_number - options.first} inputs in {hours:.2f} h")
    for name, count in outcomes.most_common():
        print(f"{count:8d}  {name}")


if __name__ == "__main__":
    main()
