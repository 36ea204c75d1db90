"""Colour profiles without their texts: names of devices, makers, whoever calibrated a monitor.

A profile is a table of tagged elements (ICC.1:2022, 7). Those that colours are computed with are
kept, each as long as its type makes it; description and copyright, which a profile must have,
say nothing; every other text goes, and with it dates, makers and identifiers of the header.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

_HEADER_BYTES, _ENTRY_BYTES = 128, 12
_SIGNATURE: Final = b"acsp"
_MOST_TAGS: Final = 200
_VERSION_4: Final = 4
_DATE: Final = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
_HEADER_WITHOUT: Final = ((4, 4), (48, 8), (80, 48))
"""Where the header names programs, makers and models, and holds a checksum of the whole."""

_NUMBERS: Final = frozenset([
    b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"chad",
    b"chrm", b"lumi", b"view", b"meas", b"tech", b"cicp", b"gamt", b"A2B0", b"A2B1", b"A2B2",
    b"B2A0", b"B2A1", b"B2A2", b"pre0", b"pre1", b"pre2", b"D2B0", b"D2B1", b"D2B2", b"D2B3",
    b"B2D0", b"B2D1", b"B2D2", b"B2D3", b"rig0", b"rig2",
])  # fmt: skip
"""Tags of numbers (ICC.1:2022, 9.2)."""

_PARAMETERS: Final = (1, 3, 4, 5, 7)
"""Of the curves of type `para`, by function."""


def _length_of_curve(data: bytes) -> int:
    (count,) = struct.unpack_from(">I", data, 8)
    return int(12 + 2 * count)


def _length_of_parameters(data: bytes) -> int:
    (function,) = struct.unpack_from(">H", data, 8)
    return 12 + 4 * _PARAMETERS[function]


def _length_of_table(data: bytes) -> int:
    """Return how long a table of one or two bytes a value is (`mft1`, `mft2`)."""
    inputs, outputs, points = data[8:11]
    if data[:4] == b"mft1":
        return int(48 + 256 * (inputs + outputs) + points**inputs * outputs)
    ins, outs = struct.unpack_from(">HH", data, 48)
    return int(52 + 2 * (ins * inputs + points**inputs * outputs + outs * outputs))


def _whole(data: bytes) -> int:
    return len(data)


_LENGTHS: Final[dict[bytes, Callable[[bytes], int]]] = {
    b"XYZ ": lambda _: 20, b"curv": _length_of_curve, b"para": _length_of_parameters,
    b"sf32": lambda _: 44, b"sig ": lambda _: 12, b"meas": lambda _: 36, b"view": lambda _: 36,
    b"cicp": lambda _: 12, b"chrm": lambda data: 12 + 8 * int.from_bytes(data[8:10], "big"),
    b"mft1": _length_of_table, b"mft2": _length_of_table, b"mAB ": _whole, b"mBA ": _whole,
    b"mpet": _whole,
}  # fmt: skip
"""How long an element of a type is (ICC.1:2022, 10)."""


def bare_profile(profile: bytes) -> bytes | None:
    """Return a colour profile with what colours are computed with, and nothing that names anybody.

    Returns
    -------
    bytes or None
        None where the profile is not laid out as profiles are: then it is better left away.
    """
    try:
        elements = _elements(profile)
    except (ValueError, IndexError, struct.error, OverflowError):
        return None
    is_newer = profile[8] >= _VERSION_4
    elements[b"desc"] = _unicode("profile") if is_newer else _description("profile")
    elements[b"cprt"] = _unicode("none") if is_newer else b"text\0\0\0\0none\0"
    return _written(profile, elements)


def _elements(profile: bytes) -> dict[bytes, bytes]:
    if profile[36:40] != _SIGNATURE:
        raise ValueError
    (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
    if count > _MOST_TAGS:
        raise ValueError
    found = {}
    for number in range(count):
        place = _HEADER_BYTES + 4 + number * _ENTRY_BYTES
        tag, start, length = struct.unpack_from(">4sII", profile, place)
        data = profile[start : start + length]
        if len(data) < length:
            raise ValueError
        measure = _LENGTHS.get(data[:4])
        if tag in _NUMBERS and measure is not None:
            needed = measure(data)
            if needed > length:
                raise ValueError
            found[tag] = data[:4] + b"\0\0\0\0" + data[8:needed]
    return found


def _written(profile: bytes, elements: dict[bytes, bytes]) -> bytes:
    header = bytearray(profile[:_HEADER_BYTES])
    header[24:36] = _DATE
    for start, length in _HEADER_WITHOUT:
        header[start : start + length] = b"\0" * length
    place = _HEADER_BYTES + 4 + len(elements) * _ENTRY_BYTES
    table, body = struct.pack(">I", len(elements)), b""
    for tag, data in sorted(elements.items()):
        table += struct.pack(">4sII", tag, place + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    struct.pack_into(">I", header, 0, place + len(body))
    return bytes(header) + table + body


def _description(text: str) -> bytes:
    """Return a description as profiles of version 2 have it (ICC.1:2001-04, 6.5.17)."""
    ascii_text = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text + b"\0" * 78


def _unicode(text: str) -> bytes:
    """Return a text as profiles of version 4 have it (ICC.1:2022, 10.15)."""
    content = text.encode("utf-16-be")
    return (
        b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(content), 28) + content
    )
