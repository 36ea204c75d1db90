"""The content of structured reports: what stays of it, with and without cleaning it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydicom import DataElement, Dataset, Sequence

from spinealign.deidentification.counting import Changes, changed
from spinealign.deidentification.identity import Identity, cleaned_description
from spinealign.deidentification.options import Options
from spinealign.deidentification.values import DUMMY_TEXT

_TEXT_VALUE: Final = 0x0040A160
_CONTENT_SEQUENCE: Final = 0x0040A730
_REFERENCES: Final = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})

KEPT_TEXTS: Final = frozenset({"111001", "111002", "111003", "112039", "121014", "121015"})
"""Concepts (DCM) whose text is made by machines: algorithm name, parameters and version, tracking
identifier, manufacturer, model. Source: PS3.16, Annex D."""

DEVICE_TEXTS: Final = frozenset({"121013", "121016", "121017"})
"""Name, serial number and location of an observing device (DCM). Source: PS3.16, TID 1004."""

SUBJECT: Final = frozenset({"121029", "121030", "121031", "121032", "121033"})
"""Name, identifier, birth date, sex and age of the subject (DCM). Source: PS3.16, TID 1007."""

CHARACTERISTICS: Final = frozenset({"121032", "121033"})


def reduced_content(items: Iterable[Dataset]) -> list[Dataset]:
    """Return content that says nothing but what it refers to (Content Sequence, action D).

    Returns
    -------
    list of Dataset
        The references to objects of the first level, or one text without meaning.
    """
    kept = [item for item in items if str(item.get("ValueType", "")) in _REFERENCES]
    for item in kept:
        item.pop(_CONTENT_SEQUENCE, None)
    return kept or [_finding_without_meaning()]


def _finding_without_meaning() -> Dataset:
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator = "121071", "DCM"
    concept.CodeMeaning = "Finding"
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = Sequence([concept])
    item.TextValue = DUMMY_TEXT
    return item


def cleaned_content(
    items: Iterable[Dataset], options: Options, identity: Identity, counts: Changes
) -> list[Dataset]:
    """Return content items without the subject, and without texts that people wrote.

    Codes, numbers, coordinates and references stay; persons, dates and UIDs are attributes that
    the table knows. A text stays where its concept is one of `KEPT_TEXTS`; else, with cleaned
    descriptors, what is known to be of imaging; else a dummy.

    Parameters
    ----------
    items : iterable of Dataset
        Changed in place, with what they hold (items of items are cleaned when the walk comes to
        them).
    options : Options
    identity : Identity
    counts : Counter of Change
    """
    kept = []
    for item in items:
        concept = _concept(item)
        if concept in SUBJECT and not (options.retain_patient and concept in CHARACTERISTICS):
            changed(counts, _CONTENT_SEQUENCE, "Content Sequence", "item on the subject removed")
            continue
        if _TEXT_VALUE in item:
            _clean_text(item, concept, options, identity, counts)
        kept.append(item)
    return kept


def _clean_text(
    item: Dataset, concept: str, options: Options, identity: Identity, counts: Changes
) -> None:
    if concept in KEPT_TEXTS or (options.retain_device and concept in DEVICE_TEXTS):
        return
    text = str(item[_TEXT_VALUE].value or "")
    cleaned = cleaned_description(text, identity) if options.clean_descriptors else ""
    item[_TEXT_VALUE] = DataElement(_TEXT_VALUE, "UT", cleaned or DUMMY_TEXT)
    changed(counts, _TEXT_VALUE, "Text Value", "cleaned" if cleaned else "dummy")


def _concept(item: Dataset) -> str:
    for name in item.get("ConceptNameCodeSequence") or ():
        is_of_dicom = str(name.get("CodingSchemeDesignator", "")) == "DCM"
        return str(name.get("CodeValue", "")) if is_of_dicom else ""
    return ""
