"""Which kind of image file is this, judged by its first bytes and never by its name."""

from __future__ import annotations

import struct
import zlib
from enum import StrEnum

HEAD_BYTES = 1024
"""How much of a file `sniff` wants to see."""


class FileFormat(StrEnum):
    """The file formats that SpineAlign reads; the values are names for people."""

    PNG = "PNG"
    JPEG = "JPEG"
    TIFF = "TIFF"
    BMP = "BMP"
    WEBP = "WebP"
    GIF = "GIF"
    DICOM = "DICOM"
    NIFTI = "NIfTI"


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", FileFormat.PNG),
    (b"\xff\xd8\xff", FileFormat.JPEG),
    (b"II*\x00", FileFormat.TIFF),
    (b"MM\x00*", FileFormat.TIFF),
    (b"II+\x00", FileFormat.TIFF),
    (b"MM\x00+", FileFormat.TIFF),
    (b"GIF87a", FileFormat.GIF),
    (b"GIF89a", FileFormat.GIF),
)
_INDEX_CLASS = b"1.2.840.10008.1.3.10"
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS CS DA DT LO OB PN SH SQ ST TM UI UL UN US UT".split(),
)


def sniff(head: bytes) -> FileFormat | None:
    """Tell the format from the first `HEAD_BYTES` bytes of a file.

    Returns
    -------
    FileFormat or None
        None when the bytes begin no image that SpineAlign reads.
    """
    # A DICOM preamble may itself hold a TIFF header (PS3.10 section 7.1).
    if head[128:132] == b"DICM":
        return FileFormat.DICOM
    for signature, file_format in _SIGNATURES:
        if head.startswith(signature):
            return file_format
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileFormat.WEBP
    if _begins_bmp(head):
        return FileFormat.BMP
    if _begins_nifti(_inflate(head)):
        return FileFormat.NIFTI
    return FileFormat.DICOM if _begins_bare_dicom(head) else None


def is_zip(head: bytes) -> bool:
    """Tell whether the bytes begin a zip archive."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_dicom_index(head: bytes) -> bool:
    """Tell whether the bytes begin the index of a DICOM medium (PS3.10 section 8.6)."""
    return head[128:132] == b"DICM" and _INDEX_CLASS in head


def is_gzip(head: bytes) -> bool:
    """Tell whether the bytes begin a gzip stream."""
    return head.startswith(b"\x1f\x8b")


def _begins_bmp(head: bytes) -> bool:
    if not head.startswith(b"BM") or len(head) < 18:
        return False
    return int(struct.unpack_from("<I", head, 14)[0]) in _BMP_HEADER_SIZES


def _begins_nifti(head: bytes) -> bool:
    return head[344:348] in (b"n+1\x00", b"ni1\x00") or head[4:8] in (b"n+2\x00", b"ni2\x00")


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
