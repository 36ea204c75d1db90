"""Codes of vertebrae, discs and the canal, there and back.

Source: PS3.16 CID 7603 (vertebrae), CID 7604 (intervertebral discs), CID 6115 (canal), as they
stand in the dictionaries of pydicom 3.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from spinealign.domain.examination import LEVEL_SEQUENCE

PRIVATE_SCHEME = "99SPINEALIGN"
"""Designator of this program's own codes (PS3.16 section 8.2: 99 begins private ones)."""


class CodedConcept(NamedTuple):
    """One coded term: value, scheme and meaning."""

    value: str
    scheme: str
    meaning: str


class StructureKind(StrEnum):
    """What a segment is a part of."""

    VERTEBRA = "vertebra"
    DISC = "disc"
    CANAL = "canal"
    OTHER = "other"


_VERTEBRAE = {
    "C1": "14806007", "C2": "39976000", "C3": "113205007", "C4": "5329002", "C5": "36978003",
    "C6": "36054005", "C7": "87391001", "T1": "64864005", "T2": "53733008", "T3": "1626008",
    "T4": "73071006", "T5": "56401006", "T6": "45296009", "T7": "62487009", "T8": "11068009",
    "T9": "82687006", "T10": "7610001", "T11": "12989004", "T12": "23215003", "L1": "66794005",
    "L2": "14293000", "L3": "36470004", "L4": "11994002", "L5": "49668003",
}  # fmt: skip
_DISCS = {
    "C2/C3": "1078209008", "C3/C4": "58820006", "C4/C5": "49400002", "C5/C6": "73959003",
    "C6/C7": "75095006", "C7/T1": "37414007", "T1/T2": "40908007", "T2/T3": "6004007",
    "T3/T4": "2620004", "T4/T5": "82965004", "T5/T6": "72692000", "T6/T7": "74401007",
    "T7/T8": "28693002", "T8/T9": "9188009", "T9/T10": "113209001", "T10/T11": "34959001",
    "T11/T12": "1537001", "T12/L1": "76206002", "L1/L2": "80064006", "L2/L3": "67459009",
    "L3/L4": "62551000", "L4/L5": "84020006", "L5/S1": "715056000",
}  # fmt: skip
_ALSO_DISCS = {"75782005": "L5/S1"}
"""Disc below L5 as its vertebra's own, in objects of other programs."""

ANATOMICAL_STRUCTURE = CodedConcept("91723000", "SCT", "Anatomical Structure")
SPINE = CodedConcept("421060004", "SCT", "Spine")
_ANY_VERTEBRA = CodedConcept("51282000", "SCT", "Vertebra")
_SACRUM = CodedConcept("54735007", "SCT", "Sacrum")
_CANAL = CodedConcept("61853006", "SCT", "Vertebral canal")
_ANY_DISC = CodedConcept("INTERVERT_DISC", PRIVATE_SCHEME, "Intervertebral disc")
"""No code of DICOM's own subset of SNOMED CT names a disc without a level."""


def anatomy_code(kind: StructureKind, level: str | None) -> CodedConcept:
    """Return the code of a structure.

    Parameters
    ----------
    kind : StructureKind
    level : str or None
        Such as "C5" or "L4/L5"; None where it is not known. The first sacral vertebra has no code
        in DICOM's subset and is coded as the sacrum.
    """
    if kind is StructureKind.VERTEBRA:
        if level == "S1":
            return _SACRUM
        if level in _VERTEBRAE:
            return CodedConcept(_VERTEBRAE[level], "SCT", f"{level} vertebra")
        return _ANY_VERTEBRA
    if kind is StructureKind.DISC:
        if level in _DISCS:
            return CodedConcept(_DISCS[level], "SCT", f"{level} disc")
        return _ANY_DISC
    return _CANAL if kind is StructureKind.CANAL else ANATOMICAL_STRUCTURE


class Structure(NamedTuple):
    """What a code or a label names; `level` is None where it names none."""

    kind: StructureKind
    level: str | None = None


def _known() -> Mapping[str, Structure]:
    named = {
        **{code: Structure(StructureKind.VERTEBRA, level) for level, code in _VERTEBRAE.items()},
        **{code: Structure(StructureKind.DISC, level) for level, code in _DISCS.items()},
        **{code: Structure(StructureKind.DISC, level) for code, level in _ALSO_DISCS.items()},
        _SACRUM.value: Structure(StructureKind.VERTEBRA, "S1"),
        _ANY_VERTEBRA.value: Structure(StructureKind.VERTEBRA),
        _CANAL.value: Structure(StructureKind.CANAL),
    }
    return MappingProxyType(named)


_BY_CODE = _known()
_SCHEMES = frozenset({"SCT", "SNM3", "SRT"})
_CANAL_WORDS = ("canal", "thecal", "dural")
_DISC_WORDS = ("disc", "disk")


def structure_of_code(value: str, scheme: str) -> Structure | None:
    """Return what a code names; None where it names nothing of the spine that is known here."""
    if (value, scheme) == (_ANY_DISC.value, PRIVATE_SCHEME):
        return Structure(StructureKind.DISC)
    return _BY_CODE.get(value) if scheme in _SCHEMES else None


def structure_of_label(label: str) -> Structure:
    """Return what a segment's label names, for segments whose code says nothing.

    "vertebrae_L4" and "Corpus L4" name a body, "L4-L5" and "disc L4/5" a disc.
    """
    words = _words(label)
    levels = [word for word in words if word in LEVEL_SEQUENCE]
    is_disc = any(word.lower().startswith(_DISC_WORDS) for word in words)
    if any(word.lower().startswith(_CANAL_WORDS) for word in words):
        return Structure(StructureKind.CANAL)
    if is_disc or len(levels) == 2:
        return Structure(StructureKind.DISC, _disc_level(levels))
    if len(levels) == 1:
        return Structure(StructureKind.VERTEBRA, levels[0])
    if any(word.lower().startswith(("vertebra", "corpus", "body")) for word in words):
        return Structure(StructureKind.VERTEBRA)
    return Structure(StructureKind.OTHER)


def _words(label: str) -> list[str]:
    parted = "".join(letter if letter.isalnum() else " " for letter in label)
    words = [word.upper() if word[:1] in "cCtTlLsS" and word[1:].isdigit() else word
             for word in parted.split()]  # fmt: skip
    if len(words) > 1 and words[-1].isdigit() and words[-2] in LEVEL_SEQUENCE:
        words[-1] = f"{words[-2][0]}{words[-1]}"  # "L4/5"
    return words


def _disc_level(levels: list[str]) -> str | None:
    if not levels:
        return None
    name = "/".join(levels[:2])
    if name in _DISCS:
        return name
    below = [disc for disc in _DISCS if disc.split("/")[0] == levels[0]]
    return below[0] if len(levels) == 1 and below else None
