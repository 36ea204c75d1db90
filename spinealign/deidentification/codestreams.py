"""Compressed pictures without what programs wrote beside their pixels; no pixel is decoded."""

from __future__ import annotations

import struct
from typing import Final

from spinealign.deidentification.icc import bare_profile

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_TEM, _RST0, _RST7 = 0x01, 0xD0, 0xD7
_JFIF, _ICC, _ADOBE, _EXIF = b"JFIF\0", b"ICC_PROFILE\0", b"Adobe", b"Exif\0\0"
_JFIF_BYTES, _ADOBE_BYTES = 14, 12
_MOST_OF_PROFILE = 65_519
TEXTS_OF_PROFILE: Final = "texts of the colour profile"
_ORIENTATION: Final = 0x0112
_JP2_START, _JP2_BOXES = b"\0\0\0\x0cjP  ", (b"jP  ", b"ftyp", b"jp2h", b"jp2c")
_JP2_COLOUR, _JP2_HEADER = b"colr", (b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"res ")
_J2K_START, _J2K_COM, _J2K_SOT, _J2K_EOC = b"\xff\x4f", 0x64, 0x90, b"\xff\xd9"


class CodestreamError(ValueError):
    """A compressed picture is not laid out as its format has it."""


def bare_jpeg(
    stream: bytes, removed: list[str] | None = None, *, may_end_early: bool = False
) -> bytes:
    """Return a JPEG (also lossless, and JPEG-LS) without comments and application data.

    Kept are JFIF's density (without its thumbnail), Adobe's colour transform, ICC profiles
    without their texts, and of EXIF the orientation alone. What follows the picture goes.

    Parameters
    ----------
    stream : bytes
    removed : list of str, optional
        The names of what went are added to it.
    may_end_early : bool
        Whether the last scan may go on to the end, without a mark of it.

    Raises
    ------
    CodestreamError
    """
    names = removed if removed is not None else []
    if stream[:2] != b"\xff\xd8":
        raise CodestreamError
    kept, place = [stream[:2]], 2
    profile: list[bytes] = []
    while True:
        marker, place = _marker(stream, place)
        if marker == _EOI:
            if stream[place:].strip(b"\0\xff"):
                names.append("data after the picture")
            return b"".join([*kept, b"\xff\xd9"])
        if marker == _TEM or _RST0 <= marker <= _RST7:
            kept.append(bytes((0xFF, marker)))
            continue
        end = place + _length(stream, place)
        segment = stream[place + 2 : end]
        if marker == _APP2 and segment.startswith(_ICC):
            profile.append(segment[len(_ICC) :])
            kept += _profile_segments(profile, names)
            place = end
            continue
        content = _kept_segment(marker, segment)
        if content != segment:
            names.append(_segment_name(marker, segment))
        if content is not None:
            kept.append(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content)
        place = end
        if marker == _SOS:
            try:
                end = _end_of_scan(stream, place)
            except CodestreamError:
                if may_end_early:
                    return b"".join([*kept, stream[place:]])
                raise
            kept.append(stream[place:end])
            place = end


def _marker(stream: bytes, place: int) -> tuple[int, int]:
    """Return the marker at a place, and where it ends."""
    if stream[place : place + 1] != b"\xff":
        raise CodestreamError
    while stream[place : place + 1] == b"\xff":
        place += 1
    if place >= len(stream):
        raise CodestreamError
    return stream[place], place + 1


def _length(stream: bytes, place: int) -> int:
    if place + 2 > len(stream):
        raise CodestreamError
    length = int(struct.unpack_from(">H", stream, place)[0])
    if length < 2 or place + length > len(stream):
        raise CodestreamError
    return length


def _end_of_scan(stream: bytes, place: int) -> int:
    """Return where the entropy-coded data end: at a marker that is no stuffing and no restart."""
    while True:
        place = stream.find(b"\xff", place)
        if place < 0 or place + 1 >= len(stream):
            raise CodestreamError
        following = stream[place + 1]
        # In JPEG-LS a byte after 0xFF begins with a bit 0 (ITU-T T.87, A.1).
        if following >= 0x80 and not _RST0 <= following <= _RST7 and following != 0xFF:
            return place
        place += 1 if following == 0xFF else 2


def _kept_segment(marker: int, segment: bytes) -> bytes | None:
    if marker == _COM:
        return None
    if marker == _APP0:
        if not segment.startswith(_JFIF) or len(segment) < _JFIF_BYTES:
            return None
        return segment[: _JFIF_BYTES - 2] + b"\0\0"
    if marker == _APP1:
        return _orientation_alone(segment)
    if marker == _APP14:
        return segment[:_ADOBE_BYTES] if segment.startswith(_ADOBE) else None
    # APP8 of JPEG-LS (SPIFF, colour transforms) changes how pixels are read: HP's is kept.
    if marker == 0xE8 and segment.startswith(b"mrfx"):
        return segment[:5]
    return None if _APP0 <= marker <= _APP15 else segment


def _profile_segments(parts: list[bytes], names: list[str]) -> list[bytes]:
    """Return the segments of a colour profile once all its parts are there, without its texts.

    Parameters
    ----------
    parts : list of bytes
        Each begins with its number, from 1, and the number of all (ICC.1:2022, B.4).
    names : list of str
        What went is added to it.
    """
    if len(parts) < 1 or any(len(part) < 2 or part[1] != len(parts) for part in parts):
        return []
    whole = b"".join(part[2:] for part in sorted(parts))
    bare = bare_profile(whole)
    if bare != whole:
        names.append("colour profile" if bare is None else TEXTS_OF_PROFILE)
    rest = bare or b""
    pieces = [rest[at : at + _MOST_OF_PROFILE] for at in range(0, len(rest), _MOST_OF_PROFILE)]
    return [
        struct.pack(">BBH", 0xFF, _APP2, len(_ICC) + len(piece) + 4)
        + _ICC + bytes((number, len(pieces))) + piece
        for number, piece in enumerate(pieces, 1)
    ]  # fmt: skip


def _segment_name(marker: int, segment: bytes) -> str:
    if marker == _COM:
        return "COM"
    kind = (
        "EXIF" if segment.startswith(_EXIF) else "XMP" if b"adobe.com/xap" in segment[:40] else ""
    )
    return kind or ("IPTC" if segment.startswith(b"Photoshop") else f"APP{marker - _APP0}")


def _orientation_alone(segment: bytes) -> bytes | None:
    """Return EXIF data with the orientation and nothing else; None where it is upright."""
    if not segment.startswith(_EXIF) or len(segment) < len(_EXIF) + 8:
        return None
    tiff = segment[len(_EXIF) :]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if tag == _ORIENTATION and 2 <= value <= 8:
                return _EXIF + exif_orientation(value)
    except struct.error:
        return None
    return None


def exif_orientation(value: int) -> bytes:
    """Return the TIFF part of EXIF data that states an orientation and nothing else."""
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, value, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + b"\0\0\0\0"


def bare_jpeg_2000(stream: bytes) -> bytes:
    """Return a JPEG 2000 codestream without the comments of its main header (ITU-T T.800, A.9.2).

    Of a file with boxes (JP2) those stay that are needed to read the codestream.

    Raises
    ------
    CodestreamError
    """
    if stream.startswith(_JP2_START):
        return _bare_boxes(stream)
    if not stream.startswith(_J2K_START):
        raise CodestreamError
    kept, place = [stream[:2]], 2
    while True:
        if stream[place : place + 1] != b"\xff" or place + 1 >= len(stream):
            raise CodestreamError
        marker = stream[place + 1]
        if marker == _J2K_SOT:
            finish = stream.rfind(_J2K_EOC, place)
            return b"".join([*kept, stream[place : finish + 2 if finish > 0 else None]])
        end = place + 2 + _length(stream, place + 2)
        if marker != _J2K_COM:
            kept.append(stream[place:end])
        place = end


def _bare_boxes(stream: bytes) -> bytes:
    kept, place = [], 0
    while place + 8 <= len(stream):
        length, kind = struct.unpack_from(">I4s", stream, place)
        length = length or len(stream) - place
        if length < 8 or place + length > len(stream):
            raise CodestreamError
        content = stream[place + 8 : place + length]
        if kind == b"jp2c":
            content = bare_jpeg_2000(content)
        if kind == b"jp2h":
            content = _bare_header_boxes(content)
        if kind in _JP2_BOXES:
            kept.append(struct.pack(">I4s", len(content) + 8, kind) + content)
        if kind == b"jp2c":
            return b"".join(kept)
        place += length
    raise CodestreamError


def _bare_header_boxes(content: bytes) -> bytes:
    """Return what describes the pixels, with colour profiles without their texts."""
    kept, place = [], 0
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if length < 8 or place + length > len(content):
            raise CodestreamError
        data = content[place + 8 : place + length]
        if kind == _JP2_COLOUR and data[:1] != b"\1":  # not one of the spaces that have a number
            profile = bare_profile(data[3:])
            data = data[:3] + profile if profile is not None else b""
        if kind in _JP2_HEADER and data:
            kept.append(struct.pack(">I4s", len(data) + 8, kind) + data)
        place += length
    return b"".join(kept)
