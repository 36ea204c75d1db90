"""Numbers of DICOM attributes, also where a writer did not keep to the standard."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import STANDARD_VR

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_COMMA_BETWEEN = re.compile(r"[^,]*\.[^,]*(?:,[^,]*\.[^,]*)+")
_DECIMAL_TEXT = re.compile(rb"[-+0-9eE ]*[.,\\][-+0-9eE.,\\ \0]*")

_INTEGERS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "SamplesPerPixel", "PlanarConfiguration", "NumberOfFrames",
)  # fmt: skip
_DECIMALS = (
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio",
    "EstimatedRadiographicMagnificationFactor", "ImageOrientationPatient",
    "ImagePositionPatient", "SliceLocation", "RescaleSlope", "RescaleIntercept",
    "WindowCenter", "WindowWidth", "InstanceNumber", "SeriesNumber", "EchoTime",
)  # fmt: skip
_WHOLE = frozenset(Tag(keyword) for keyword in _INTEGERS)
_EXPECTED = {Tag(keyword): dictionary_VR(keyword) for keyword in (*_DECIMALS, *_INTEGERS)}
_UNSIGNED, _MOST_OF_SEVEN_BITS = {"US": 2, "UL": 4}, 0x7F
_BINARY = frozenset(("FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"))


def settle_numbers(dataset: Dataset) -> None:
    """Bring numbers that were written under another VR than theirs into a form that is read.

    Decimal strings under an unknown VR or a binary one are left as bytes, which `numbers` reads.
    Whole numbers that describe the pixels become whole numbers, whatever they were.
    """
    for tag, expected in _EXPECTED.items():
        raw = dataset.get_item(tag, keep_deferred=True)
        if not isinstance(raw, RawDataElement) or not isinstance(raw.value, bytes):
            continue
        # Of values without a VR, pydicom looks it up itself.
        if raw.VR not in (None, "UN", expected):
            _settle(dataset, raw, expected)
        if tag in _WHOLE and (expected != raw.VR or expected == "IS"):
            _make_whole(dataset, raw.tag, expected)


def _make_whole(dataset: Dataset, tag: BaseTag, expected: str) -> None:
    value = dataset[tag].value
    found = None if isinstance(value, int) else whole_number(value)
    if found is not None:
        dataset.add_new(tag, expected, found)


def _settle(dataset: Dataset, raw: RawDataElement, expected: str) -> None:
    is_unknown, is_whole = raw.VR not in STANDARD_VR, expected == "US"
    is_text = raw.VR in _BINARY and _DECIMAL_TEXT.fullmatch(raw.value or b"")
    if is_whole and (is_unknown or raw.VR in ("OB", "OW")) and len(raw.value or b"") == 2:
        dataset[raw.tag] = raw._replace(VR="US")
    elif is_unknown or is_text or _may_be_negative(raw, expected):
        dataset[raw.tag] = raw._replace(VR="OB")


def _may_be_negative(raw: RawDataElement, expected: str) -> bool:
    """Tell numbers under an unsigned VR that a writer may have meant with a sign, as -1024."""
    size = _UNSIGNED.get(raw.VR or "", 0) if expected in ("DS", "IS") else 0
    last = size - 1 if raw.is_little_endian else 0
    return any(byte > _MOST_OF_SEVEN_BITS for byte in raw.value[last::size]) if size else False


def numbers(value: Any) -> tuple[float, ...]:
    """Return the finite numbers of an attribute; empty when any is not a number.

    Text of a decimal string (PS3.5 6.2) is read under any VR. A decimal comma, a comma between
    numbers with a decimal point, and a separator too many at the end have one meaning and are
    read; three digits behind a comma may be thousands and are not.

    Parameters
    ----------
    value : object
        As pydicom returns it: a number, text, bytes, several of these, or None.
    """
    return _read(value)[0]


def whole_number(value: Any) -> int | None:
    """Return the only number of an attribute if it is a whole one, else None."""
    found = numbers(value)
    return int(found[0]) if len(found) == 1 and found[0].is_integer() else None


def is_irregular(value: Any) -> bool:
    """Tell whether numbers are written otherwise than the standard allows."""
    return _read(value)[1]


def is_stated(value: Any) -> bool:
    """Tell whether an attribute holds anything but separators and blanks."""
    return any(part not in (None, "") for part in _parts(value))


def _read(value: Any) -> tuple[tuple[float, ...], bool]:
    """Return the numbers, and whether they had to be repaired."""
    stated = _parts(value)
    parts = list(stated)
    while parts and parts[-1] == "":
        parts.pop()
    repaired = [each for part in parts for each in _repaired(part)]
    try:
        found = tuple(float(part) for part in repaired)
    except (TypeError, ValueError, OverflowError):
        return (), False
    if not all(map(math.isfinite, found)):
        return (), False
    return found, bool(found) and (repaired != stated or _is_hidden(value))


def _is_hidden(value: Any) -> bool:
    """Tell numbers under a VR of bytes or of text that is not parted by backslashes."""
    return isinstance(value, bytes) or (isinstance(value, str) and "\\" in value)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        value = value.split("\\")
    several = value if isinstance(value, Sequence) else [] if value is None else [value]
    return [_plain(part) for part in several]


def _plain(part: Any) -> Any:
    """Return text without padding; a person's name, which is not of type `str`, as text."""
    is_text = isinstance(part, str) or hasattr(part, "family_name")
    return str(part).strip(" \0\t\r\n") if is_text else part


def _repaired(part: Any) -> list[Any]:
    if not isinstance(part, str):
        return [part]
    if _DECIMAL_COMMA.fullmatch(part) and not _THOUSANDS.fullmatch(part):
        return [part.replace(",", ".")]
    return part.split(",") if _COMMA_BETWEEN.fullmatch(part) else [part]
