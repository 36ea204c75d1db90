"""Dummies by value representation, and what values of each must look like to be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

DUMMY_TEXT: Final = "REMOVED"
DUMMY_DATE: Final = "19000101"
TEXTS: Final = frozenset(["AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"])
DATES: Final = frozenset({"DA", "DT", "TM"})
BYTES: Final = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
NUMBERS: Final = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})
NUMBERS_AS_TEXT: Final = frozenset({"DS", "IS", "AS"})

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_AGE = re.compile(r"\d{3}[DWMY]")
_DUMMIES: Mapping[str, Any] = {
    "PN": DUMMY_TEXT, "DA": DUMMY_DATE, "DT": f"{DUMMY_DATE}000000", "TM": "000000",
    "AS": "000Y", "DS": "0", "IS": "0", "UR": "urn:removed", "OB": b"\0\0", "OW": b"\0\0",
    "OD": b"\0" * 8, "OF": b"\0" * 4, "OL": b"\0" * 4, "OV": b"\0" * 8, "UN": b"\0\0",
    "US": 0, "SS": 0, "UL": 0, "SL": 0, "UV": 0, "SV": 0, "FL": 0.0, "FD": 0.0, "AT": 0,
}  # fmt: skip

BULK: Final = frozenset([
    "PixelData", "FloatPixelData", "DoubleFloatPixelData", "LUTData",
    "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "AlphaPaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData", "SegmentedAlphaPaletteColorLookupTableData",
    "ICCProfile", "SpectroscopyData", "WaveformData", "PointCoordinatesData",
    "DoublePointCoordinatesData", "LongPrimitivePointIndexList", "LongEdgePointIndexList",
    "LongVertexPointIndexList", "LongTrianglePointIndexList", "PrimitivePointIndexList",
    "EdgePointIndexList", "VertexPointIndexList", "TrianglePointIndexList", "VectorGridData",
    "VectorAccuracyData", "SurfacePointPresentationValueData",
    "SurfacePointColorCIELabValueData", "TrackPointIndexList", "CoordinateStartValue",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "BlendingLookupTableData",
    "FirstPaletteColorLookupTableData", "SecondPaletteColorLookupTableData", "RedLUT",
    "PixelDataPadding",
])  # fmt: skip
"""Attributes of bytes that objects need for their pixels, points and curves; others go."""


def dummy(representation: str) -> Any:
    """Return a value that says nothing (action D)."""
    return _DUMMIES.get(representation, DUMMY_TEXT)


def is_number(value: str) -> bool:
    """Tell whether a part of a DS or IS value is a number, or empty."""
    return not value.strip() or _NUMBER.fullmatch(value) is not None


def is_age(value: str) -> bool:
    """Tell whether a value is an age, such as "047Y"."""
    return _AGE.fullmatch(value.strip()) is not None
