"""Cut or damaged pictures are refused: decoders of JPEG invent what is missing."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate, generate_fragments

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.imaging.codestreams import holds_zeros, is_whole, jpeg_frame
from spinealign.imaging.dicom_frames import frame_stream
from spinealign.imaging.read import read_image
from tests.corpus import corpus_files
from tests.image_files import dicom_object, notes_of, problem_of, write_tiff

CORPUS = corpus_files()
BY_CODEC = {
    "JPEG baseline": "pydicom/test_files/SC_rgb_jpeg_dcmtk.dcm",
    "JPEG extended": "pydicom/test_files/JPGExtended.dcm",
    "JPEG extended, coefficients 0 to 0": "pydicom/test_files/JPEG-lossy.dcm",
    "JPEG lossless": "pydicom/test_files/JPEG-LL.dcm",
    "JPEG lossless, 12 of 16 bits": "pydicom/test_files/bad_sequence.dcm",
    "JPEG lossless in colour": "pydicom/test_files/SC_rgb_jpeg_gdcm.dcm",
    "JPEG-LS": "pydicom/test_files/MR_small_jpeg_ls_lossless.dcm",
    "JPEG-LS, lossy, sample by sample": "pydicom/test_files/SC_rgb_jls_lossy_sample.dcm",
    "JPEG 2000": "pydicom/test_files/MR_small_jp2klossless.dcm",
    "JPEG 2000 in tiles": "pydicom/test_files/GDCMJ2K_TextGBR.dcm",
    "RLE": "pydicom/test_files/MR_small_RLE.dcm",
}
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
END = b"\xff\xd9"
NOISE = np.random.default_rng(1).integers(0, 256, (90, 120)).astype(np.uint8)


def corpus_object(codec: str) -> tuple[Dataset, bytes]:
    """Return a file of pydicom's by its codec, and the compressed stream in it."""
    names = [name for name in CORPUS if name.endswith(BY_CODEC[codec].split("/")[-1])]
    dataset = dcmread(CORPUS[names[0]])
    return dataset, frame_stream(dataset, 0, 1)


def stored(path: Path, dataset: Dataset, fragments: list[bytes]) -> Path:
    """Write an object with other fragments."""
    dataset.PixelData = encapsulate(fragments, has_bot=False)
    dcmwrite(path, dataset)
    return path


@pytest.mark.parametrize("codec", BY_CODEC)
def test_a_whole_frame_opens(tmp_path: Path, codec: str) -> None:
    dataset, stream = corpus_object(codec)
    assert read_image(stored(tmp_path / "a.dcm", dataset, [stream])).pixels.max() > 0


@pytest.mark.parametrize("end", [b"", END], ids=["without end marker", "with end marker"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("codec", BY_CODEC)
def test_a_cut_frame_is_damaged(tmp_path: Path, codec: str, kept: float, end: bytes) -> None:
    dataset, stream = corpus_object(codec)
    cut = stream[: int(len(stream) * kept)].rstrip(b"\xff") + end
    assert problem_of(stored(tmp_path / "a.dcm", dataset, [cut])) is ReadProblem.TRUNCATED


@pytest.mark.parametrize("codec", [name for name in BY_CODEC if "extended" not in name])
def test_a_frame_without_its_middle_is_damaged(tmp_path: Path, codec: str) -> None:
    dataset, stream = corpus_object(codec)
    third = len(stream) // 3
    lacking = stream[:third] + stream[2 * third :]
    assert problem_of(stored(tmp_path / "a.dcm", dataset, [lacking])) is ReadProblem.TRUNCATED


def test_a_frame_cut_between_two_parts_of_its_tiles_is_damaged(tmp_path: Path) -> None:
    dataset, stream = corpus_object("JPEG 2000 in tiles")
    cut = stream[: stream.rindex(b"\xff\x90\x00\x0a")]
    assert problem_of(stored(tmp_path / "a.dcm", dataset, [cut])) is ReadProblem.TRUNCATED


@pytest.mark.parametrize("codec", ["JPEG 2000", "JPEG 2000 in tiles"])
def test_a_jpeg_2000_stream_ends_where_its_parts_do_whatever_decoders_take(codec: str) -> None:
    stream = corpus_object(codec)[1]
    end = stream.rindex(END)

    def is_taken(changed: bytes) -> bool:
        return is_whole(changed, NOISE, lambda _: NOISE)

    assert is_taken(stream)
    assert not is_taken(stream[:end])
    assert not is_taken(stream[: end // 2] + END)
    assert not is_taken(stream[:end] + bytes(2) + stream[end:])


@pytest.mark.parametrize("codec", ["JPEG 2000", "JPEG 2000 in tiles"])
def test_zeros_in_place_of_jpeg_2000_data_are_told(tmp_path: Path, codec: str) -> None:
    dataset, stream = corpus_object(codec)
    start = len(stream) // 2
    holed = stream[:start] + bytes(400) + stream[start + 400 :]
    notes = notes_of(read_image(stored(tmp_path / "a.dcm", dataset, [holed])))
    assert any("The compressed data hold many zeros in a row" in note for note in notes)
    whole = stored(tmp_path / "a.dcm", dataset, [stream])
    assert not any("zeros" in note for note in notes_of(read_image(whole)))


@pytest.mark.parametrize(
    ("layers", "style", "zeros", "is_told"),
    [
        (1, 0, 130, False), (1, 0, 140, True), (300, 0, 1900, False), (300, 0, 1950, True),
        (65_535, 0, 5000, False), (1, 0x40, 5000, False),
    ],
)  # fmt: skip
def test_a_packet_without_data_is_a_zero(
    layers: int, style: int, zeros: int, is_told: bool
) -> None:
    size = struct.pack(">H8IH3B", 0, 64, 64, 0, 0, 64, 64, 0, 0, 1, 7, 1, 1)
    coding = struct.pack(">BBHBBBBBB", 0, 0, layers, 0, 5, 4, 4, style, 1)
    segments = ((0x51, size), (0x52, coding))
    head = b"".join(struct.pack(">BBH", 255, k, len(c) + 2) + c for k, c in segments)
    part = struct.pack(">BBHHIBB", 255, 0x90, 10, 0, 0, 0, 1) + b"\xff\x93"
    stream = b"\xff\x4f" + head + part + b"\x81" + bytes(zeros) + b"\x81" + END + bytes(9000)
    assert holds_zeros(stream) is is_told


@pytest.mark.parametrize("codec", ["JPEG lossless", "JPEG-LS", "RLE"])
def test_a_frame_with_more_in_it_than_its_picture_is_damaged(tmp_path: Path, codec: str) -> None:
    dataset, stream = corpus_object(codec)
    middle = len(stream) // 2
    more = stream[:middle] + bytes(range(1, 101)) + stream[middle:]
    assert problem_of(stored(tmp_path / "a.dcm", dataset, [more])) is ReadProblem.TRUNCATED


@pytest.mark.parametrize("padding", [b"\0\0", bytes(8), bytes(400)])
def test_zeros_behind_the_last_run_length_segment_are_padding(
    tmp_path: Path, padding: bytes
) -> None:
    dataset, stream = corpus_object("RLE")
    whole = read_image(stored(tmp_path / "a.dcm", dataset, [stream])).pixels
    padded = read_image(stored(tmp_path / "b.dcm", dataset, [stream + padding])).pixels
    np.testing.assert_array_equal(padded, whole)
    rest = stored(tmp_path / "c.dcm", dataset, [stream + b"\0\7" + padding])
    assert problem_of(rest) is ReadProblem.TRUNCATED


def test_a_run_length_frame_may_lie_in_several_fragments(tmp_path: Path) -> None:
    dataset, stream = corpus_object("RLE")
    dataset.pop("NumberOfFrames", None)
    whole = read_image(stored(tmp_path / "a.dcm", dataset, [stream])).pixels
    parts = fragments_of(stream, 3)
    np.testing.assert_array_equal(
        read_image(stored(tmp_path / "b.dcm", dataset, parts)).pixels, whole
    )
    dataset.NumberOfFrames = 2
    twice = read_image(stored(tmp_path / "c.dcm", dataset, [*parts, *parts])).pixels
    np.testing.assert_array_equal(twice, whole)


@pytest.mark.parametrize("place", [60_021, 60_084, 60_161])
def test_lossless_values_above_the_precision_are_damage(tmp_path: Path, place: int) -> None:
    dataset, stream = corpus_object("JPEG lossless, 12 of 16 bits")
    damaged = stream[:place] + bytes((stream[place] ^ 0x10,)) + stream[place + 1 :]
    path = stored(tmp_path / "a.dcm", dataset, [damaged])  # as many samples, of up to 65535
    assert problem_of(path) is ReadProblem.TRUNCATED


def test_a_scan_header_that_names_no_coefficients_means_all(tmp_path: Path) -> None:
    dataset, stream = corpus_object("JPEG extended")
    expected = read_image(stored(tmp_path / "a.dcm", dataset, [stream])).pixels
    frame = jpeg_frame(stream)
    assert frame is not None
    start = frame.scans[0].start
    assert stream[start - 3 : start] == b"\x00\x3f\x00"
    emptied = stream[: start - 3] + bytes(3) + stream[start:]
    pixels = read_image(stored(tmp_path / "b.dcm", dataset, [emptied])).pixels
    np.testing.assert_array_equal(pixels, expected)


# --- fragments ---------------------------------------------------------------------


def frames_in_fragments(offsets: str, parts: int = 3) -> tuple[Dataset, list[np.ndarray]]:
    """Return three frames of several fragments each, found by a table of one kind."""
    pictures = [np.roll(NOISE, shift, axis=1) for shift in (0, 7, 30)]
    streams = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]
    decoded = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_GRAYSCALE) for one in streams]
    dataset = dicom_object(np.stack(pictures))
    dataset.file_meta.TransferSyntaxUID = JPEG_BASELINE
    cut = [fragments_of(stream, parts) for stream in streams]
    data = encapsulate([part for one in cut for part in one], has_bot=False)
    lengths = [sum(len(part) + 8 for part in one) for one in cut]
    starts = [sum(lengths[:number]) for number in range(3)]
    if offsets == "extended":
        dataset.ExtendedOffsetTable = struct.pack("<3Q", *starts)
        dataset.ExtendedOffsetTableLengths = struct.pack("<3Q", *map(len, streams))
    elif offsets == "basic":
        data = data[:4] + struct.pack("<I3I", 12, *starts) + data[8:]
    elif offsets == "damaged":
        data = data[:4] + struct.pack("<I3I", 12, 5, 77, 1 << 30) + data[8:]
    dataset.PixelData = data
    dataset["PixelData"].VR = "OB"
    return dataset, decoded


def fragments_of(stream: bytes, parts: int) -> list[bytes]:
    """Cut a stream into fragments of an even length."""
    size = len(stream) // parts // 2 * 2
    ends = [*range(0, size * parts, size), len(stream) + len(stream) % 2]
    return [(stream + b"\0")[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("offsets", ["none", "basic", "extended", "damaged"])
def test_fragments_are_put_together(tmp_path: Path, offsets: str, parts: int) -> None:
    dataset, expected = frames_in_fragments(offsets, parts)
    dcmwrite(tmp_path / "a.dcm", dataset)
    pixels = read_image(tmp_path / "a.dcm").pixels  # of the middle frame
    assert np.abs(pixels.astype(int) - expected[1]).max() <= 2


@pytest.mark.parametrize("parts", [1, 3])
def test_a_frame_more_than_stated_keeps_no_other_from_opening(tmp_path: Path, parts: int) -> None:
    dataset, expected = frames_in_fragments("none", parts)
    dataset.NumberOfFrames = 2
    dcmwrite(tmp_path / "a.dcm", dataset)
    pixels = read_image(tmp_path / "a.dcm").pixels
    assert np.abs(pixels.astype(int) - expected[1]).max() <= 2


@pytest.mark.parametrize("left_out", [3, 4, 5])
def test_a_frame_that_lacks_a_fragment_is_damaged(tmp_path: Path, left_out: int) -> None:
    dataset, _ = frames_in_fragments("none")
    fragments = list(generate_fragments(dataset.PixelData))[1:]
    del fragments[left_out]
    stored(tmp_path / "a.dcm", dataset, fragments)
    assert problem_of(tmp_path / "a.dcm") is ReadProblem.TRUNCATED


# --- pictures ----------------------------------------------------------------------


def saved(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, kind, **options)
    return stream.getvalue()


def without_end(whole: bytes, kept: int) -> bytes:
    return whole[:kept]


def ended(whole: bytes, kept: int) -> bytes:
    return whole[:kept].rstrip(b"\xff") + END


def filled(whole: bytes, kept: int) -> bytes:
    return whole[:kept] + bytes(len(whole) - kept)


def without_interval(whole: bytes, _: int) -> bytes:
    """Leave out what lies between two restart markers."""
    first, second = whole.index(b"\xff\xd1"), whole.index(b"\xff\xd2")
    return whole[:first] + whole[second:]


PICTURES = {
    "jpeg": saved("JPEG"),
    "progressive jpeg": saved("JPEG", progressive=True),
    "jpeg with restart markers": saved("JPEG", restart_marker_blocks=9),
    "png": saved("PNG"),
    "tiff": saved("TIFF"),
    "bmp": saved("BMP"),
    "gif": saved("GIF"),
    "webp": saved("WEBP"),
}
CUTS: list[tuple[str, Callable[[bytes, int], bytes]]] = [
    *((name, without_end) for name in PICTURES),
    *((name, ended) for name in PICTURES if "jpeg" in name),
    ("jpeg", filled),
    ("png", filled),
    ("jpeg with restart markers", without_interval),
]


@pytest.mark.parametrize("kept", [0.4, 0.95])
@pytest.mark.parametrize(("kind", "cut"), CUTS)
def test_a_cut_picture_is_damaged(
    tmp_path: Path, kind: str, cut: Callable[[bytes, int], bytes], kept: float
) -> None:
    whole, path = PICTURES[kind], tmp_path / "a"
    path.write_bytes(whole)
    assert read_image(path).shape == NOISE.shape
    path.write_bytes(cut(whole, int(len(whole) * kept)))
    assert problem_of(path) is ReadProblem.TRUNCATED


@pytest.mark.parametrize("part", [0.5, 1.0], ids=["inside", "at the end"])
@pytest.mark.parametrize("kind", ["lossy webp", "lzw", "packbits"])
def test_zeros_in_place_of_coded_bytes_are_told_where_no_decoder_does(
    tmp_path: Path, kind: str, part: float
) -> None:
    options: dict[str, object] = {"quality": 90} if "webp" in kind else {
        "compression": f"tiff_{kind}" if kind == "lzw" else kind
    }  # fmt: skip
    whole = saved("WEBP" if "webp" in kind else "TIFF", **options)
    told = "The compressed data hold many zeros in a row"
    path = tmp_path / "a"
    path.write_bytes(whole)
    assert not any(told in note for note in notes_of(read_image(path)))
    start = whole.index(b"VP8 ") + 100 if "webp" in kind else 8
    end = len(whole) if "webp" in kind else 8 + len(whole) * 9 // 10
    end = max(int(start + (end - start) * part), start + 700)
    path.write_bytes(whole[: end - 400] + bytes(400) + whole[end:])
    try:
        is_told = any(told in note for note in notes_of(read_image(path)))
    except ImageReadError as error:  # codes of LZW that nothing was written for yet
        is_told = error.problem is ReadProblem.TRUNCATED and kind == "lzw"
    assert is_told


SMOOTH = ((np.add.outer(np.sin(np.arange(96) / 7), np.cos(np.arange(128) / 9))) * 60 + 125).astype(
    np.uint8
)


def zeros_inside(scan: bytes) -> bytes:
    return scan[: len(scan) // 2] + bytes(60) + scan[len(scan) // 2 + 60 :]


def hole_inside(scan: bytes) -> bytes:
    return scan[: len(scan) // 2] + scan[len(scan) // 2 + 60 :]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("change", [zeros_inside, hole_inside])
def test_a_damaged_scan_of_a_progressive_jpeg_is_damage(
    tmp_path: Path, change: Callable[[bytes], bytes], number: int
) -> None:
    picture = Image.fromarray(SMOOTH).convert("RGB")
    picture.save(tmp_path / "a.jpg", quality=95, progressive=True)
    assert read_image(tmp_path / "a.jpg").shape == SMOOTH.shape
    whole = (tmp_path / "a.jpg").read_bytes()
    frame = jpeg_frame(whole)
    assert frame is not None
    scan = [each for each in frame.scans if each.end - each.start > 240][number]
    changed = change(whole[scan.start : scan.end])
    (tmp_path / "a.jpg").write_bytes(whole[: scan.start] + changed + whole[scan.end :])
    assert problem_of(tmp_path / "a.jpg") is ReadProblem.TRUNCATED


def test_bytes_left_over_in_an_interval_between_restart_markers_are_damage(tmp_path: Path) -> None:
    whole = PICTURES["jpeg with restart markers"]
    place = whole.index(b"\xff\xd1")
    (tmp_path / "a.jpg").write_bytes(whole[:place] + b"\x12\x34\x56" + whole[place:])
    assert problem_of(tmp_path / "a.jpg") is ReadProblem.TRUNCATED


@pytest.mark.parametrize("behind", [b"", bytes(5), END + b"more" * 900, b"\xff\xff" + END])
@pytest.mark.parametrize("marker_rows", [0, 1, 5])
@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize(("mode", "subsampling"), [("L", 0), ("RGB", 0), ("RGB", 2), ("CMYK", 0)])
def test_sound_jpeg_pictures_of_any_writer_open(
    tmp_path: Path, mode: str, subsampling: int, is_progressive: bool, marker_rows: int,
    behind: bytes,
) -> None:  # fmt: skip
    stream = io.BytesIO()
    Image.fromarray(SMOOTH).convert(mode).save(
        stream, "JPEG", quality=40 + 20 * marker_rows % 100, progressive=is_progressive,
        restart_marker_rows=marker_rows, subsampling=subsampling,
    )  # fmt: skip
    (tmp_path / "a.jpg").write_bytes(stream.getvalue().removesuffix(END) + behind + END)
    pixels = read_image(tmp_path / "a.jpg").pixels
    assert np.abs(pixels - SMOOTH).mean() < 6


def strips(change: Callable[[bytes], bytes]) -> list[bytes]:
    """Return three deflated strips of the picture, the second of them changed."""
    rows = [NOISE[top : top + 30].tobytes() for top in (0, 30, 60)]
    return [zlib.compress(rows[0]), change(rows[1]), zlib.compress(rows[2])]


def longer(rows: bytes) -> bytes:
    """Pack rows behind bytes that do not belong to them, under the checksum of the rows."""
    return zlib.compress(b"wrong" + rows)[:-4] + zlib.adler32(rows).to_bytes(4, "big")


def zeroed(rows: bytes) -> bytes:
    """Pack few different values, the last bytes zeros, as a copy leaves that was broken off."""
    return zlib.compress(bytes(value % 4 for value in rows))[:-100] + bytes(100)


def flushed(rows: bytes) -> bytes:
    packing = zlib.compressobj()
    return packing.compress(rows) + packing.flush(zlib.Z_SYNC_FLUSH)


DEFLATED: list[tuple[Callable[[bytes], bytes], bool]] = [
    (zlib.compress, True),
    (flushed, True),
    (lambda rows: zlib.compress(rows + bytes(99)), True),
    (longer, False),
    (zeroed, False),
]


@pytest.mark.parametrize("packing", [8, 32946])
@pytest.mark.parametrize(
    ("change", "is_sound"), DEFLATED, ids=["whole", "flushed", "padded", "longer", "zeroed"]
)
def test_a_deflated_tiff_must_fit_its_checksums(
    tmp_path: Path, change: Callable[[bytes], bytes], packing: int, *, is_sound: bool
) -> None:
    path, tags = tmp_path / "a.tif", {259: packing, 278: 30}
    write_tiff(path, strips(change), NOISE, tags=tags)
    if is_sound:
        np.testing.assert_array_equal(read_image(path).pixels, NOISE)
    else:
        assert problem_of(path) is ReadProblem.TRUNCATED


def test_deflated_strips_that_unpack_to_far_more_than_their_values_are_damage(
    tmp_path: Path,
) -> None:
    bomb = zlib.compress(NOISE[30:60].tobytes() + bytes(80 << 20))
    path = write_tiff(tmp_path / "a.tif", strips(lambda _: bomb), NOISE, tags={259: 8, 278: 30})
    assert problem_of(path) is ReadProblem.TRUNCATED


def test_the_last_tile_of_a_tiff_must_be_there_though_its_end_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tiles = np.pad(NOISE, ((0, 38), (0, 8))).reshape(2, 64, 2, 64).swapaxes(1, 2)
    write_tiff(path, [tile.tobytes() for tile in tiles.reshape(4, 64, 64)], NOISE, tile=(64, 64))
    np.testing.assert_array_equal(read_image(path).pixels, NOISE)
    path.write_bytes(path.read_bytes()[:-40])
    assert problem_of(path) is ReadProblem.TRUNCATED
