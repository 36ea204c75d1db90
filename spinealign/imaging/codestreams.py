"""What a compressed stream says about itself, and whether a picture came wholly out of it.

Decoders fill what a cut or damaged JPEG or JPEG-LS stream does not hold with invented values
and say nothing. Two changed copies of the stream tell: what follows the coded data must not
change the picture (else they ended early), and the last coded bytes must change it (else there
were more of them than the picture took). Of what goes wrong on the way, libjpeg-turbo warns where
a JPEG stream has 8 bits. The parts of a JPEG 2000 stream state their length.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

_JPEG_START, _END = b"\xff\xd8", b"\xff\xd9"
_J2K_START, _JP2_SIGNATURE = b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
_HUFFMAN_FRAMES = frozenset((0xC0, 0xC1, 0xC2, 0xC3))
_SEQUENTIAL_FRAMES, _WHOLE_BAND = (0xC0, 0xC1), b"\x00\x3f\x00"
_PROGRESSIVE_FRAME, _LOSSLESS_FRAME, _JPEG_LS_FRAME = 0xC2, 0xC3, 0xF7
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {_JPEG_LS_FRAME}
_TURBO_FRAMES, _TURBO_BITS = (*_SEQUENTIAL_FRAMES, _PROGRESSIVE_FRAME), 8
_WARNING = "Corrupt JPEG data"
_BEHIND_DATA = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_SEARCHED_BYTES, _RLE_HEADER_BYTES = 65_536, 64
_J2K_BITS_AT = 42
_SCAN, _RESTART_INTERVAL, _TILE_PART, _TILE_PART_BYTES = 0xDA, 0xDD, 0x90, 12
_CODING_STYLE, _COMPONENTS_AT = 0x52, 40
_OWN_PRECINCTS, _HIGH_THROUGHPUT = 1, 0x40
_MOST_ZEROS = 128
"""In a row in coded data; scanned pictures have hardly more than a packet without data has each."""

_BARE_MARKERS = frozenset((0x01, *range(0xD0, 0xD8)))
# A byte FF in coded data is followed by 0, in JPEG-LS by any below 80 (T.81 B.1.1.5, T.87 A.1).
_AFTER_DATA = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_AFTER_JPEG_LS_DATA = re.compile(rb"\xff+[\x80-\xfe]")
_RESTART = re.compile(rb"\xff+([\xd0-\xd7])")
_FILLING = bytes(random.Random(1).choices(range(1, 120), k=600))
_OTHER_ENDS = 6
# Changed coefficients of a transform may round to the same values, predicted samples may not.
_CHANGED_BYTES, _CHANGED_PREDICTED_BYTES = 12, 4
_BLOCK_PX, _COEFFICIENTS = 8, 64

Decode = Callable[[bytes], NDArray[Any]]


@dataclass(frozen=True)
class Scan:
    """Where the coded data of a scan lie.

    Parameters
    ----------
    start, end : int
        First byte of the coded data and the byte after them; the header ends where they start.
    components : tuple of int
        Identifiers.
    restarts : int
        How many restart markers belong into the data; -1 where that is not worked out.
    """

    start: int
    end: int
    components: tuple[int, ...]
    restarts: int


@dataclass(frozen=True)
class JpegFrame:
    """Frame header of a JPEG or JPEG-LS stream (T.81 B.2.2), and where its coded data lie.

    Parameters
    ----------
    marker : int
        Second byte of the marker, which names the process.
    bits : int
        Precision of a sample.
    rows, cols : int
    sampling : dict
        Horizontal and vertical sampling factor of each component by its identifier.
    scans : tuple of Scan
    """

    marker: int
    bits: int
    rows: int
    cols: int
    sampling: dict[int, tuple[int, int]]
    scans: tuple[Scan, ...] = ()


def codestream_size(head: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) from the header of a JPEG, JPEG-LS or JPEG 2000 codestream."""
    start = head.find(_J2K_START)
    if start >= 0 and len(head) >= start + 24:
        corners = [int.from_bytes(head[start + k : start + k + 4], "big") for k in (8, 12, 16, 20)]
        return max(corners[1] - corners[3], 0), max(corners[0] - corners[2], 0)
    frame = jpeg_frame(head)
    return None if frame is None else (frame.rows, frame.cols)


def sample_bits(stream: bytes) -> int | None:
    """Return the precision of samples that a JPEG, JPEG-LS or JPEG 2000 codestream states."""
    start = -1 if stream.startswith(_JPEG_START) else stream.find(_J2K_START, 0, _SEARCHED_BYTES)
    if start >= 0 and len(stream) > start + _J2K_BITS_AT:
        return (stream[start + _J2K_BITS_AT] & 0x7F) + 1
    frame = jpeg_frame(stream[:_SEARCHED_BYTES])
    return None if frame is None else frame.bits


def with_sequential_scans(stream: bytes) -> bytes:
    """Return a stream whose scan headers say what sequential DCT demands (T.81 B.2.3).

    Some writers leave the end of the band of coefficients 0, which decoders refuse.
    """
    frame = jpeg_frame(stream)
    if frame is None or frame.marker not in _SEQUENTIAL_FRAMES:
        return stream
    mended = bytearray(stream)
    for scan in frame.scans:
        mended[scan.start - len(_WHOLE_BAND) : scan.start] = _WHOLE_BAND
    return bytes(mended)


def without_padding(stream: bytes, size: int) -> bytes:
    """Return a run-length stream without zeros put behind its last segment (PS3.5 G.3.1).

    Parameters
    ----------
    stream : bytes
    size : int
        Bytes that a segment unpacks to.
    """
    if not stream.endswith(b"\0\0") or len(stream) < _RLE_HEADER_BYTES:
        return stream
    offsets = struct.unpack_from("<16I", stream)
    place, unpacked = offsets[min(offsets[0], 15)], 0
    while place < len(stream) and unpacked < size:
        code = stream[place]
        unpacked += 0 if code == 128 else code + 1 if code < 128 else 257 - code
        place += 1 if code == 128 else code + 2 if code < 128 else 2
    return stream if stream[place:].strip(b"\0") else stream[:place]


def has_sound_boxes(stream: bytes) -> bool:
    """Walk the boxes around a JPEG 2000 codestream; pydicom 3.0 never ends at one of length 0."""
    if not stream.startswith(_JP2_SIGNATURE):
        return True
    place = len(_JP2_SIGNATURE) + 4
    while place < len(stream) and stream[place + 4 : place + 8] != b"jp2c":
        length = int.from_bytes(stream[place : place + 4], "big")
        if length < 8:
            return False
        place += length
    return True


def jpeg_frame(stream: bytes) -> JpegFrame | None:
    """Walk the markers of a JPEG or JPEG-LS stream; None when no frame header is found."""
    if not stream.startswith(_JPEG_START):
        return None
    frame, interval, place = None, 0, 2
    scans: list[Scan] = []
    while (found := _next_segment(stream, place)) is not None:
        marker, start, place = found
        content = stream[start:place]
        if marker in _FRAMES and frame is None:
            frame = _frame_header(marker, content)
        elif marker == _RESTART_INTERVAL:
            interval = int.from_bytes(content[:2], "big")
        elif marker == _SCAN and frame is not None and content:
            parts = tuple(content[1 : 1 + 2 * content[0] : 2])
            end = _end_of_scan(stream, place, frame)
            scans.append(Scan(place, end, parts, _restarts(frame, parts, interval)))
            place = end
    return None if frame is None else replace(frame, scans=tuple(scans))


def _next_segment(stream: bytes, place: int) -> tuple[int, int, int] | None:
    """Return the next marker, where its content starts and where it ends; None at the end."""
    while place + 4 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == _END[1]:
            return None
        if marker == 0xFF or marker in _BARE_MARKERS:
            place += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(stream[place + 2 : place + 4], "big")
        return (marker, place + 4, place + 2 + length) if length >= 2 else None
    return None


def _frame_header(marker: int, content: bytes) -> JpegFrame | None:
    if len(content) < 6:
        return None
    rows, cols = (int.from_bytes(content[k : k + 2], "big") for k in (1, 3))
    parts = [content[k : k + 3] for k in range(6, 6 + 3 * content[5], 3)]
    sampling = {part[0]: (part[1] >> 4 or 1, part[1] & 15 or 1) for part in parts if len(part) == 3}
    return JpegFrame(marker, content[0], rows, cols, sampling)


def _end_of_scan(stream: bytes, start: int, frame: JpegFrame) -> int:
    pattern = _AFTER_JPEG_LS_DATA if frame.marker == _JPEG_LS_FRAME else _AFTER_DATA
    found = pattern.search(stream, start)
    return len(stream) if found is None else found.start()


def _restarts(frame: JpegFrame, parts: tuple[int, ...], interval: int) -> int:
    """Return how many restart markers a scan of these components holds (T.81 A.2, E.1.4)."""
    shares = [frame.sampling.get(part, (1, 1)) for part in parts]
    if frame.marker not in _HUFFMAN_FRAMES or not shares:
        return -1
    if not interval:
        return 0
    widest, highest = (max(share[k] for share in frame.sampling.values()) for k in (0, 1))
    across, down = (1, 1) if len(shares) > 1 else shares[0]
    block = 1 if frame.marker == _LOSSLESS_FRAME else _BLOCK_PX
    if len(shares) > 1:
        cols, rows = ceil(frame.cols / (block * widest)), ceil(frame.rows / (block * highest))
    else:
        cols = ceil(ceil(frame.cols * across / widest) / block)
        rows = ceil(ceil(frame.rows * down / highest) / block)
    return max(ceil(cols * rows / interval) - 1, 0)


def is_whole(stream: bytes, pixels: NDArray[Any], decode: Decode) -> bool:
    """Tell whether a picture came wholly out of a stream, and the stream wholly into it.

    Parameters
    ----------
    stream : bytes
        JPEG, JPEG-LS or JPEG 2000; any other stream is called whole.
    pixels : ndarray
        What `decode` made of it.
    decode : callable
        Decodes changed copies of the stream; may raise anything.
    """
    if not stream.startswith(_JPEG_START):
        start = stream.find(_J2K_START, 0, _SEARCHED_BYTES)
        return start < 0 or _has_whole_tiles(stream, start)
    frame = jpeg_frame(stream)
    if frame is None or frame.marker not in _HUFFMAN_FRAMES | {_JPEG_LS_FRAME}:
        return frame is not None  # arithmetic coding, whose decoders go on with zeros by design
    if not _has_all_scans(stream, frame):
        return False
    if not all(_has_restarts(stream, scan) for scan in frame.scans):
        return False
    if _is_warned_of(stream, frame):
        return False
    if not _gives(_with_filling(stream, frame), pixels, decode):
        return False
    if frame.marker == _PROGRESSIVE_FRAME:  # its last scan may hold nothing that is seen
        return True
    others = (_with_other_end(stream, frame, seed) for seed in range(_OTHER_ENDS))
    return not all(_gives(other, pixels, decode) for other in others)


def _gives(stream: bytes, pixels: NDArray[Any], decode: Decode) -> bool:
    try:
        return np.array_equal(decode(stream), pixels)
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return False


def _is_warned_of(stream: bytes, frame: JpegFrame) -> bool:
    """Tell whether libjpeg-turbo meets coded data that are none, and goes on beyond them.

    A few bytes between the last coded ones and the end do no harm, and some writers leave them.
    """
    if frame.marker not in _TURBO_FRAMES or frame.bits != _TURBO_BITS:
        return False
    try:
        simplejpeg.decode_jpeg(stream, "GRAY", strict=True)
    except ValueError as error:
        behind = _BEHIND_DATA.search(str(error))
        is_harmless = behind is not None and int(behind[1]) < _CHANGED_BYTES
        return str(error).startswith(_WARNING) and not is_harmless
    return False


def _has_all_scans(stream: bytes, frame: JpegFrame) -> bool:
    """Tell whether every component, of progressive coding every coefficient, has its scans."""
    found: set[tuple[int, int]] = set()
    for scan in frame.scans:
        first, last, approximation = stream[scan.start - 3 : scan.start]
        is_last_pass = frame.marker != _PROGRESSIVE_FRAME or not approximation & 15
        band = range(first, last + 1) if frame.marker == _PROGRESSIVE_FRAME else (0,)
        found |= {(part, k) for part in scan.components for k in band if is_last_pass}
    wanted = range(_COEFFICIENTS) if frame.marker == _PROGRESSIVE_FRAME else (0,)
    return all((part, k) in found for part in frame.sampling for k in wanted)


def _has_restarts(stream: bytes, scan: Scan) -> bool:
    """Tell whether the restart markers of a scan are all there, in their order."""
    if scan.restarts < 0:
        return True
    found = [marker[1][0] & 7 for marker in _RESTART.finditer(stream, scan.start, scan.end)]
    return found == [number % 8 for number in range(scan.restarts)]


def _with_filling(stream: bytes, frame: JpegFrame) -> bytes:
    """Return a copy with other bytes behind the coded data of each interval."""
    parts, last = [], 0
    for scan in frame.scans:
        coded = stream[scan.start : scan.end]
        if scan.restarts > 0:
            coded = _RESTART.sub(lambda found: _FILLING + found[0], coded)
        parts += [stream[last : scan.start], coded, _FILLING]
        last = scan.end
    return b"".join((*parts, stream[last:] or _END))


def _with_other_end(stream: bytes, frame: JpegFrame, seed: int) -> bytes:
    """Return a copy whose last coded bytes are others, without making or breaking a marker."""
    start, end = frame.scans[-1].start, frame.scans[-1].end
    is_predicted = frame.marker in (_LOSSLESS_FRAME, _JPEG_LS_FRAME)
    count = _CHANGED_PREDICTED_BYTES if is_predicted else _CHANGED_BYTES
    chance, changed = random.Random(seed), bytearray(stream)
    for place in range(max(end - count, start), end):
        is_after_ff = stream[place - 1] == 0xFF
        if stream[place] != 0xFF and not (is_after_ff and frame.marker != _JPEG_LS_FRAME):
            changed[place] = chance.randrange(0x7F)
    return bytes(changed)


def _has_whole_tiles(stream: bytes, start: int) -> bool:
    """Tell whether all tiles with all their parts lie in a JPEG 2000 stream (T.800 A.4.2)."""
    head = stream[start : start + 40]
    if len(head) < 40:
        return False
    size, tile, tile_origin = (
        [int.from_bytes(head[k : k + 4], "big") for k in (at, at + 4)] for at in (8, 24, 32)
    )
    if 0 in tile:
        return False
    across, down = (ceil((size[k] - tile_origin[k]) / tile[k]) for k in (0, 1))
    parts = _tile_parts(stream, start)
    return parts is not None and len(parts) == across * down


def holds_zeros(stream: bytes) -> bool:
    """Tell whether so many zeros lie in JPEG 2000 data as only patterns that were drawn give.

    Nothing else tells zeros in place of data: each byte is good for some picture.
    """
    start = stream.find(_J2K_START, 0, _SEARCHED_BYTES)
    place, style = start + 2, b""
    while start >= 0 and (found := _next_segment(stream, place)) and found[0] != _TILE_PART:
        style = stream[found[1] : found[2]] if found[0] == _CODING_STYLE else style
        place = found[2]
    if len(style) < 10 or style[0] & _OWN_PRECINCTS or style[8] & _HIGH_THROUGHPUT:
        return False
    components = int.from_bytes(stream[start + _COMPONENTS_AT :][:2], "big")
    packets = int.from_bytes(style[2:4], "big") * (style[5] + 1) * components
    too_many = bytes(min(_MOST_ZEROS + packets, len(stream)))
    return stream.find(too_many, place, stream.rfind(_END)) >= 0


def _tile_parts(stream: bytes, start: int) -> set[int] | None:
    """Return the tiles found; None where a part is cut or the parts are not followed by the end."""
    seen: set[int] = set()
    place = start + 2
    while (found := _next_segment(stream, place)) is not None and found[0] != _TILE_PART:
        place = found[2]
    while stream[place : place + 2] == bytes((0xFF, _TILE_PART)):
        head = stream[place : place + _TILE_PART_BYTES]
        seen.add(int.from_bytes(head[4:6], "big"))
        length = int.from_bytes(head[6:10], "big")
        if not length:  # the last part, to the end of the stream
            return seen if _END in stream[-3:] else None
        place += max(length, _TILE_PART_BYTES)
    return seen if stream[place : place + 2] == _END else None
