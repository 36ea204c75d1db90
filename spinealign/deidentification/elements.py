"""Single attributes of a data set: as the standard has them, and as a file has them."""

from __future__ import annotations

from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.multival import MultiValue

from spinealign.deidentification.dates import is_time, shifted_date, shifted_date_time
from spinealign.deidentification.values import NUMBERS


def is_stored_as_number(dataset: Dataset, tag: int) -> bool:
    """Tell whether an attribute of numbers does not hold text, as a faulty file may have it."""
    representation = dataset.get_item(tag).VR
    if representation == "UN":
        element = element_of(dataset, tag)
        representation = element.VR if element is not None else "LT"
    return representation is None or representation in NUMBERS or representation == "OW"


def moved_by(days: int, representation: str, value: str) -> str | None:
    """Return a value of DA, DT or TM some days later; None if it is none."""
    if not value.strip():
        return ""
    if representation == "TM":
        return value if is_time(value) else None
    if representation == "DT":
        return shifted_date_time(value, days)
    parts = [shifted_date(part, days) for part in value.split("-")]
    return None if None in parts else "-".join(filter(None, parts))


def is_date(representation: str, value: str) -> bool:
    """Tell whether a value is one of DA, DT or TM."""
    return moved_by(0, representation, value) is not None


def element_of(dataset: Dataset, tag: int) -> DataElement | None:
    """Return an attribute with its value decoded; None where that fails."""
    try:
        return dataset[tag]
    except Exception:  # noqa: BLE001 - whatever pydicom's decoders raise on damaged bytes
        return None


def representation_of(tag: int) -> str:
    """Return the value representation that the standard gives a tag; UN where it knows none."""
    return all_representations(tag).split(" or ")[0]


def all_representations(tag: int) -> str:
    """Return what the standard allows for a tag, such as "OB or OW"; UN where it knows none."""
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return "UN"


def name_of(tag: int) -> str:
    """Return the standard's name of an attribute."""
    try:
        return str(dictionary_description(tag))
    except KeyError:
        return "Unknown Attribute"


def several(value: Any) -> list[Any]:
    """Return the values of an attribute as a list; empty for none."""
    if value is None:
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def joined(values: list[Any]) -> Any:
    """Return values as pydicom takes them: one by itself, none as None."""
    return values[0] if len(values) == 1 else values or None
