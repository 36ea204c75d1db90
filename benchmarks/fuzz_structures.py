"""Changes that keep to the structure of a file: attributes, directories, headers, JSON of ours.

`benchmarks.fuzz_readers` asks for them beside its changes of single bytes, most of which end at
the first check.
"""

from __future__ import annotations

import copy
import io
import json
import random
import struct
import warnings
from collections.abc import Callable
from typing import Any

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.encaps import encapsulate, generate_fragments

NUMBERS = (0, 1, 2, 3, 7, 16, 255, 256, 4096, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
SMALL_NUMBERS = tuple(number for number in NUMBERS if number < 65536)
TEXTS = (
    "", " ", "0", "1", "-1", "1\\2", "0\\0", "1\\1\\1", "nan", "inf", "1e400", "-1e-400", "1,5",
    "0.5\\", "x" * 70, "\ud7ff", "\x00", "\\", "HFS", "MONOCHROME1", "PALETTE COLOR", "99999999999",
    "YBR_FULL_422", "1.2.840.10008.1.2.4.70", "1\\0\\0\\0\\1\\0", "0\\0\\0\\0\\0\\0",
    "ISO 2022 IR 58",
)  # fmt: skip
KEYWORDS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation", "NumberOfFrames",
    "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio", "SpacingBetweenSlices",
    "SliceThickness", "ImagePositionPatient", "ImageOrientationPatient", "SliceLocation",
    "InstanceNumber", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID",
    "SOPInstanceUID", "SOPClassUID", "Modality", "ImageType", "PatientOrientation", "ViewPosition",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "PixelPaddingValue", "PixelPaddingRangeLimit", "PresentationLUTShape",
    "EstimatedRadiographicMagnificationFactor", "SmallestImagePixelValue", "EchoTime",
    "SpecificCharacterSet", "PatientName", "PatientID", "PatientAge", "SeriesNumber",
    "LossyImageCompression", "TemporalPositionIndex", "DiffusionBValue", "BurnedInAnnotation",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
)  # fmt: skip
SEQUENCES = (
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelMeasuresSequence",
    "PlanePositionSequence", "PlaneOrientationSequence", "PixelValueTransformationSequence",
    "FrameVOILUTSequence", "FrameContentSequence", "ModalityLUTSequence", "VOILUTSequence",
    "DirectoryRecordSequence", "ReferencedSeriesSequence", "MRImageFrameTypeSequence",
)  # fmt: skip
NIFTI_FIELDS = (
    (0, "i"), (40, "8h"), (68, "h"), (70, "h"), (72, "h"), (74, "h"), (76, "8f"), (108, "f"),
    (112, "f"), (116, "f"), (123, "b"), (124, "f"), (128, "f"), (252, "h"), (254, "h"), (256, "6f"),
    (280, "4f"), (296, "4f"), (312, "4f"), (344, "4s"),
)  # fmt: skip
FLOATS = (0.0, -1.0, 1.0, 1e-30, 1e30, float("inf"), float("nan"), 352.0, 3e38, -0.0)
TIFF_TAGS = (
    254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325,
    330, 338, 339, 347, 530, 34665,
)  # fmt: skip
MOST_JSON_BYTES = 3_000_000
JSON_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -1e-308, 10**30, 0.5, "", "x", "x" * 5000, "\x00", "\ud800",
    "../..", [], {}, [None], [[]], [0, 0], [[1e308, -1e308]] * 4, {"x": {}}, [[]] * 3000,
)  # fmt: skip


def changed_structure(content: bytes, chance: random.Random) -> bytes:
    """Return a file with one to six of its parts changed, or itself where it has no known ones."""
    count = chance.choice((1, 1, 2, 3, 6))
    for known, change in (
        (_is_tiff, _tiff),
        (_is_nifti, _nifti),
        (_is_dicom, _dicom),
    ):
        if known(content):
            return change(content, count, chance)
    return content


def _is_tiff(content: bytes) -> bool:
    return content[:4] in (b"II*\0", b"MM\0*")


def _is_nifti(content: bytes) -> bool:
    return len(content) > 352 and content[344:348] in (b"n+1\0", b"ni1\0")


def _is_dicom(content: bytes) -> bool:
    return content[128:132] == b"DICM"


# --- DICOM -------------------------------------------------------------------------


def _dicom(content: bytes, count: int, chance: random.Random) -> bytes:
    try:
        with warnings.catch_warnings(action="ignore"):
            dataset = copy.deepcopy(dcmread(io.BytesIO(content)))
            for _ in range(count):
                chance.choice(DICOM_CHANGES)(dataset, chance)
            stream = io.BytesIO()
            dcmwrite(stream, dataset, enforce_file_format=False)
    except Exception:  # noqa: BLE001 - pydicom does not write everything that it reads
        return content
    return stream.getvalue()


def _some_dataset(dataset: Dataset, chance: random.Random) -> Dataset:
    """Return the data set itself or an item of one of its sequences, at any depth."""
    while chance.random() < 0.5:
        found = [element for element in dataset if element.VR == "SQ" and element.value]
        if not found:
            break
        dataset = chance.choice(list(chance.choice(found).value))
    return dataset


def set_attribute(dataset: Dataset, chance: random.Random) -> None:
    """Give an attribute another value, or the value of another type."""
    keyword = chance.choice(KEYWORDS)
    place = _some_dataset(dataset, chance)
    kind = dictionary_VR(keyword).split(" or ")[0] if chance.random() < 0.85 else "LO"
    value: Any = chance.choice(TEXTS)
    if kind in ("US", "SS", "UL"):
        value = chance.choice(SMALL_NUMBERS)
        value = [value] * 2 if chance.random() < 0.1 else value
    elif kind in ("OW", "OB"):
        value = chance.randbytes(chance.choice((0, 2, 512, 514)))
    element = Dataset()
    element.add_new(keyword, kind, value)
    place[tag_for_keyword(keyword)] = element[keyword]


def remove_attribute(dataset: Dataset, chance: random.Random) -> None:
    """Leave an attribute out."""
    place = _some_dataset(dataset, chance)
    keyword = chance.choice((*KEYWORDS, *SEQUENCES))
    if keyword in place:
        delattr(place, keyword)


def change_sequence(dataset: Dataset, chance: random.Random) -> None:
    """Empty, shorten, double or reorder a sequence, or put one where none is."""
    place = _some_dataset(dataset, chance)
    found = [element for element in place if element.VR == "SQ"]
    if not found or chance.random() < 0.2:
        item = Dataset()
        set_attribute(item, chance)
        setattr(place, chance.choice(SEQUENCES), [item] * chance.choice((0, 1, 2)))
        return
    element = chance.choice(found)
    items = list(element.value)
    way = chance.choice(("empty", "shorten", "double", "shuffle", "hollow"))
    if way == "shuffle":
        chance.shuffle(items)
    elif way == "hollow" and items:
        items[chance.randrange(len(items))] = Dataset()
    else:
        items = {"empty": [], "shorten": items[:-1], "double": items * 2}.get(way, items)
    element.value = items


def change_fragments(dataset: Dataset, chance: random.Random) -> None:
    """Cut, join, leave out or reorder fragments, and change the tables of offsets."""
    if "PixelData" not in dataset or not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return set_attribute(dataset, chance)
    fragments = list(generate_fragments(dataset.PixelData))[1:] or [b""]
    place = chance.randrange(len(fragments))
    one = fragments[place]
    at = chance.randrange(len(one) + 1) // 2 * 2
    ways: dict[str, list[bytes]] = {
        "cut": [one[:at]],
        "split": [one[:at], one[at:]],
        "drop": [],
        "double": [one, one],
        "hollow": [one[:at] + bytes(len(one) - at)],
        "empty": [b""],
        "keep": [one],
    }
    fragments[place : place + 1] = ways[chance.choice(list(ways))]
    if chance.random() < 0.2:
        chance.shuffle(fragments)
    dataset.PixelData = encapsulate(fragments, has_bot=chance.random() < 0.5)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    if chance.random() < 0.4:
        count = chance.choice((0, 1, len(fragments), 3 * len(fragments)))
        for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            numbers = [chance.choice((*NUMBERS, at)) for _ in range(count)]
            setattr(dataset, keyword, struct.pack(f"<{count}Q", *numbers))
    return None


def change_syntax(dataset: Dataset, chance: random.Random) -> None:
    """Name another transfer syntax of the same kind, so that another decoder gets the bytes."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        ending = chance.choice(("50", "51", "57", "70", "80", "81", "90", "91", "201"))
        dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{ending}"
    else:
        set_attribute(dataset, chance)


DICOM_CHANGES: tuple[Callable[[Dataset, random.Random], None], ...] = (
    set_attribute, set_attribute, set_attribute, remove_attribute, change_sequence,
    change_sequence, change_fragments, change_fragments, change_syntax,
)  # fmt: skip


# --- NIfTI and TIFF ----------------------------------------------------------------


def _nifti(content: bytes, count: int, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(count):
        place, kind = chance.choice(NIFTI_FIELDS)
        values = list(struct.unpack_from(f"<{kind}", changed, place))
        which = chance.randrange(len(values))
        if kind[-1] == "s":
            values[0] = chance.choice((b"n+1\0", b"ni1\0", b"n+2\0", b"\0\0\0\0"))
        elif kind[-1] == "f":
            values[which] = chance.choice((*FLOATS, values[which] * 1.5))
        else:
            most = {"b": 127, "h": 32767, "i": 2**31 - 1}[kind[-1]]
            values[which] = min(chance.choice((-1, *NUMBERS)), most)
        struct.pack_into(f"<{kind}", changed, place, *values)
    return bytes(changed)


def _tiff(content: bytes, count: int, chance: random.Random) -> bytes:
    changed = bytearray(content)
    sign = "<" if content[:2] == b"II" else ">"
    directories = _directories(content, sign)
    for _ in range(count):
        start, entries = chance.choice(directories)
        way = chance.choice(("value", "value", "count", "type", "tag", "next", "size"))
        place = start + 2 + 12 * chance.randrange(max(entries, 1))
        with_numbers = (*NUMBERS, start, len(content), len(content) - 1)
        if place + 12 > len(changed):
            continue
        if way == "next" and start + 6 + 12 * entries <= len(changed):
            struct.pack_into(f"{sign}I", changed, start + 2 + 12 * entries, _mild(start, chance))
        elif way == "size":
            struct.pack_into(f"{sign}H", changed, start, chance.choice((0, 1, entries - 1, 65535)))
        elif way == "tag":
            struct.pack_into(f"{sign}H", changed, place, chance.choice(TIFF_TAGS))
        elif way == "type":
            struct.pack_into(f"{sign}H", changed, place + 2, chance.randrange(19))
        else:
            at = place + (4 if way == "count" else 8)
            struct.pack_into(f"{sign}I", changed, at, chance.choice(with_numbers))
    return bytes(changed)


def _mild(start: int, chance: random.Random) -> int:
    return chance.choice((0, start, 8, 1, 2**32 - 1))


def _directories(content: bytes, sign: str) -> list[tuple[int, int]]:
    """Return start and number of entries of each directory of a TIFF file."""
    found: list[tuple[int, int]] = []
    (place,) = struct.unpack_from(f"{sign}I", content, 4)
    while place and place + 2 <= len(content) and len(found) < 8:
        (entries,) = struct.unpack_from(f"{sign}H", content, place)
        found.append((place, entries))
        end = place + 2 + 12 * entries
        place = struct.unpack_from(f"{sign}I", content, end)[0] if end + 4 <= len(content) else 0
    return found or [(8, 1)]


# --- JSON of ours ------------------------------------------------------------------


def changed_json(text: bytes, chance: random.Random) -> bytes:
    """Return a JSON document with parts of it exchanged, left out, repeated or nested."""
    document = json.loads(text)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        places = list(_places(document))
        holder, key = chance.choice(places)
        way = chance.random()
        if way < 0.6:
            holder[key] = copy.deepcopy(chance.choice(JSON_VALUES))
        elif way < 0.7:
            del holder[key]
        elif way < 0.85:
            other, name = chance.choice(places)
            holder[key] = copy.deepcopy(other[name]) if name in _keys(other) else None
        elif isinstance(holder, dict):
            holder[chance.choice(("x", "schema", "name", str(key).upper()))] = holder[key]
        else:
            holder *= 2 if len(holder) > 100 else chance.choice((2, 50))
    packed = json.dumps(document).encode()[:MOST_JSON_BYTES]
    if chance.random() < 0.1:
        at = chance.randrange(len(packed))
        packed = packed[:at] + chance.choice((b"[" * 5000, b"", b"\xff", b"1e999", b'{"a":'))
    return packed


def _places(document: Any, most: int = 4000) -> list[tuple[Any, Any]]:
    """Return every holder and key of a document, as far as they are few enough."""
    found, left = [], [document]
    while left and len(found) < most:
        holder = left.pop()
        for key in _keys(holder):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                left.append(holder[key])
    return found or [({"x": 1}, "x")]


def _keys(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))
