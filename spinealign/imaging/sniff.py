"""File type detection from the first bytes of a file."""

from __future__ import annotations

import struct
import zlib

from spinealign.domain.formats import DICOM, IMAGE_FORMATS, ImageFormat

HEAD_BYTES = 1024
"""How much of a file `sniff` wants to see."""


# DICOM is asked first: its preamble may hold a TIFF header (PS3.10 section 7.1). What may have to
# be unpacked is asked last.
_IN_ORDER = sorted(IMAGE_FORMATS, key=lambda each: each.is_gzipped_too)
_INDEX_CLASS = b"1.2.840.10008.1.3.10"
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS CS DA DT LO OB PN SH SQ ST TM UI UL UN US UT".split(),
)


def sniff(head: bytes) -> ImageFormat | None:
    """Tell the format from the first `HEAD_BYTES` bytes of a file.

    Returns
    -------
    ImageFormat or None
        None when the bytes begin no image that SpineAlign reads.
    """
    unpacked = _inflate(head)
    for each in _IN_ORDER:
        if _begins(each, unpacked if each.is_gzipped_too else head):
            return each
    return DICOM if _begins_bare_dicom(head) else None


def _begins(file_format: ImageFormat, head: bytes) -> bool:
    return any(
        all(head.startswith(part, offset) for offset, part in signature)
        for signature in file_format.signatures
    )


def is_zip(head: bytes) -> bool:
    """Tell whether the bytes begin a zip archive."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_dicom_index(head: bytes) -> bool:
    """Tell whether the bytes begin the index of a DICOM medium (PS3.10 section 8.6)."""
    return _begins(DICOM, head) and _INDEX_CLASS in head


def is_gzip(head: bytes) -> bool:
    """Tell whether the bytes begin a gzip stream."""
    return head.startswith(b"\x1f\x8b")


def _inflate(head: bytes) -> bytes:
    if not is_gzip(head):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _begins_bare_dicom(head: bytes) -> bool:
    """Recognise a data set that was stored without preamble and file meta information.

    It starts with an element of group 0002 or 0008: four bytes of tag, then a value
    representation, or in implicit encoding a short and even length.
    """
    if len(head) < 16:
        return False
    tag, representation = head[:4], head[4:6]
    little = tag[:2] in (b"\x02\x00", b"\x08\x00") and tag[3] == 0
    big = tag[:2] == b"\x00\x08" and tag[2] == 0
    if representation in _VALUE_REPRESENTATIONS:
        return little or big
    length = int(struct.unpack_from("<I", head, 4)[0])
    return little and length <= 256 and length % 2 == 0
