"""One data set de-identified in place, attribute by attribute, down through all its sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydicom import DataElement, Dataset, Sequence
from pydicom.datadict import (
    dictionary_has_tag,
    keyword_for_tag,
    repeater_has_tag,
)
from pydicom.uid import UID_dictionary

from spinealign.deidentification.actions import Action, action_of, basic_action
from spinealign.deidentification.content import cleaned_content, reduced_content
from spinealign.deidentification.counting import Changes, changed
from spinealign.deidentification.elements import (
    all_representations,
    element_of,
    is_date,
    is_stored_as_number,
    joined,
    moved_by,
    name_of,
    representation_of,
    several,
)
from spinealign.deidentification.icc import bare_profile
from spinealign.deidentification.identity import (
    DEFINED_TERMS,
    Identity,
    cleaned_description,
    folded,
    uids_in,
)
from spinealign.deidentification.meanings import cleaned_meaning
from spinealign.deidentification.options import Dates, Options
from spinealign.deidentification.pseudonyms import Pseudonyms
from spinealign.deidentification.table import UNKNOWN, Row, known_words, row_of, type_of
from spinealign.deidentification.values import (
    BULK,
    BYTES,
    DATES,
    DUMMY_TEXT,
    NUMBERS,
    NUMBERS_AS_TEXT,
    TEXTS,
    dummy,
    is_age,
    is_number,
)

MOST_LEVELS: Final = 60
_CHARACTER_SET: Final = 0x00080005
_PATIENT_TAGS: Final = (0x00100010, 0x00100020)
_CODE_MEANING: Final = 0x00080104
_CONTENT: Final = frozenset({0x0040A730, 0x00400555, 0x00400610})
_GRAPHICS: Final = 0x00700001
_BEFORE_OBJECTS: Final = 8
_OLDEST_YEARS: Final = 89
_PIXELS: Final = 0x0028
"""The group that pixels are shown by: a number wrongly taken out there would change them."""

_NEEDED: Final = ("1", "1C")
_LOOKED: Final = "looked like an identifier"
_FREE_TEXTS: Final = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_OF_UIDS: Final = frozenset("0123456789.")
_STANDARD_ROOTS: Final = ("1.2.840.10008.", "2.16.840.1.113883.")
"""Of DICOM itself and of HL7's registered coding schemes: the same in every file."""


class NestedTooDeepError(Exception):
    """Sequences lie deeper in each other than any object needs."""


@dataclass(frozen=True)
class Patient:
    """What a patient is called afterwards.

    Parameters
    ----------
    pseudonym : str
    days : int
        By how much dates are moved.
    identity : Identity
        What the patient's files say now, to be found in no text afterwards.
    """

    pseudonym: str
    days: int
    identity: Identity


class Cleaner:
    """De-identifies the data set of one file.

    Parameters
    ----------
    options : Options
    pseudonyms : Pseudonyms
    patient : Patient
    sop_class : str
        UID of the object's class, for the types of its attributes.
    counts : Counter of Change
        Is added to.
    """

    def __init__(
        self,
        options: Options,
        pseudonyms: Pseudonyms,
        patient: Patient,
        sop_class: str,
        counts: Changes,
    ) -> None:
        self._options, self._pseudonyms, self._patient = options, pseudonyms, patient
        self._columns = frozenset(options.columns)
        self._sop_class, self._counts = sop_class, counts
        self.has_other_letters = False

    def clean(self, dataset: Dataset, parent: str = "", level: int = 0) -> None:
        """De-identify a data set and what it holds.

        Raises
        ------
        NestedTooDeepError
        """
        if level > MOST_LEVELS:
            raise NestedTooDeepError
        for tag in list(dataset.keys()):
            self._clean_one(dataset, int(tag), parent, level)
        dataset.pop(_CHARACTER_SET, None)

    def _clean_one(self, dataset: Dataset, tag: int, parent: str, level: int) -> None:
        if tag == _CHARACTER_SET:  # the others are decoded by it
            return
        if tag & 0xFFFF == 0 or tag >> 16 < _BEFORE_OBJECTS:
            del dataset[tag]
            return
        if tag == _CODE_MEANING:
            self._clean_meaning(dataset)
            return
        row = row_of(tag)
        if row is None and not (dictionary_has_tag(tag) or repeater_has_tag(tag)):
            row = UNKNOWN
        keyword = keyword_for_tag(tag)
        if tag in _PATIENT_TAGS:
            self._put(dataset, tag, self._patient.pseudonym, "pseudonym")
            return
        if row is None:
            self._keep(dataset, tag, parent, level, is_listed=False)
            return
        action = action_of(row, self._columns, self._sop_class, parent, keyword)
        self._act(dataset, tag, row, action, parent, level)

    def _act(
        self, dataset: Dataset, tag: int, row: Row, action: Action, parent: str, level: int
    ) -> None:
        if action is Action.REMOVE:
            self._remove(dataset, tag)
        elif action is Action.EMPTY:
            self._put(dataset, tag, None, "emptied")
        elif action is Action.DUMMY:
            self._put_dummy(dataset, tag)
        elif action is Action.SHIFT:
            self._shift(dataset, tag, row, parent)
        elif action is Action.CLEAN:
            self._clean_value(dataset, tag, row, parent, level)
        else:
            self._keep(dataset, tag, parent, level, is_listed=action is Action.KEEP)

    # What is done to one attribute

    def _remove(self, dataset: Dataset, tag: int) -> None:
        del dataset[tag]
        changed(self._counts, tag, name_of(tag), "removed")

    def _put(self, dataset: Dataset, tag: int, value: Any, action: str) -> None:
        representation = representation_of(tag)
        if representation == "SQ" and value is None:
            value = Sequence([])
        dataset[tag] = DataElement(tag, representation, value)
        changed(self._counts, tag, name_of(tag), action)

    def _put_dummy(self, dataset: Dataset, tag: int) -> None:
        """Replace a value by one that says nothing; sequences by as little as keeps them valid."""
        if tag in _CONTENT:
            items = self._items(dataset, tag)
            self._put(dataset, tag, None, "reduced to references")
            dataset[tag].value = Sequence(reduced_content(items))
            for item in dataset[tag].value:
                self.clean(item, keyword_for_tag(tag), 1)
        elif tag == _GRAPHICS:
            self._remove(dataset, tag)
        elif representation_of(tag) == "SQ":
            items = self._items(dataset, tag)[:1]
            for item in items:
                self._fill_with_dummies(item)
            self._put(dataset, tag, Sequence(items), "dummy")
        else:
            self._put(dataset, tag, dummy(representation_of(tag)), "dummy")

    def _fill_with_dummies(self, item: Dataset, level: int = 0) -> None:
        if level > MOST_LEVELS:
            raise NestedTooDeepError
        item.pop(_CHARACTER_SET, None)
        for tag in map(int, list(item.keys())):
            if (tag >> 16) % 2 or not dictionary_has_tag(tag):
                del item[tag]
            elif representation_of(tag) == "SQ":
                inner = self._items(item, tag)[:1]
                for each in inner:
                    self._fill_with_dummies(each, level + 1)
                item[tag] = DataElement(tag, "SQ", Sequence(inner))
            elif representation_of(tag) == "UI":
                self._renew_uids(item, tag)
            elif representation_of(tag) not in NUMBERS:  # these name nobody
                item[tag] = DataElement(tag, representation_of(tag), dummy(representation_of(tag)))

    def _shift(self, dataset: Dataset, tag: int, row: Row, parent: str) -> None:
        representation = representation_of(tag)
        values = self._values(dataset, tag)
        if representation in DATES and values is not None:
            moved = [self._moved(representation, value) for value in values]
            if None not in moved:
                self._put(dataset, tag, joined(moved), "shifted")
                return
        elif representation in TEXTS and values is not None:  # the offset from UTC
            self._keep(dataset, tag, parent, 0, is_listed=True)
            return
        kind = type_of(self._sop_class, parent, keyword_for_tag(tag))
        self._act(dataset, tag, row, basic_action(row.basic, kind), parent, 0)

    def _moved(self, representation: str, value: str) -> str | None:
        return moved_by(self._patient.days, representation, value)

    def _clean_value(self, dataset: Dataset, tag: int, row: Row, parent: str, level: int) -> None:
        representation = representation_of(tag)
        if representation == "SQ":
            if tag in _CONTENT:
                items = self._items(dataset, tag)
                dataset[tag].value = Sequence(
                    cleaned_content(items, self._options, self._patient.identity, self._counts)
                )
            self._keep(dataset, tag, parent, level, is_listed=True)
            return
        values = self._values(dataset, tag) if representation in TEXTS else None
        cleaned = [cleaned_description(v, self._patient.identity) for v in values or ()]
        if not any(cleaned):
            kind = type_of(self._sop_class, parent, keyword_for_tag(tag))
            self._act(dataset, tag, row, basic_action(row.basic, kind), parent, level)
        elif cleaned != values:
            self._put_text(dataset, tag, cleaned, "cleaned")

    def _keep(
        self, dataset: Dataset, tag: int, parent: str, level: int, *, is_listed: bool
    ) -> None:
        """Keep a value as far as it can be looked through and names nobody."""
        representation, keyword = representation_of(tag), keyword_for_tag(tag)
        if representation == "SQ":
            for item in self._items(dataset, tag):
                self.clean(item, keyword, level + 1)
        elif representation == "UI":
            is_kept = self._options.retain_uids or is_listed or keyword.endswith("SOPClassUID")
            if not is_kept or not self._are_uids(dataset, tag):
                self._renew_uids(dataset, tag)
        elif representation == "PN":
            self._put_dummy(dataset, tag)
        elif representation in DATES:
            self._keep_date(dataset, tag, representation)
        elif representation in TEXTS:
            self._keep_text(dataset, tag, representation)
        elif representation in NUMBERS_AS_TEXT:
            self._keep_number(dataset, tag, representation, parent)
        elif representation in NUMBERS:
            if not is_stored_as_number(dataset, tag):
                self._remove(dataset, tag)
        elif keyword == "ICCProfile":
            self._keep_profile(dataset, tag)
        elif keyword not in BULK and (representation in BYTES or "OB" in all_representations(tag)):
            self._remove(dataset, tag)

    def _keep_profile(self, dataset: Dataset, tag: int) -> None:
        element = element_of(dataset, tag)
        value = bytes(element.value or b"") if element is not None else b""
        bare = bare_profile(value)
        if bare is None:
            self._remove(dataset, tag)
        elif bare != value:
            self._put(dataset, tag, bare, "texts removed")

    def _keep_date(self, dataset: Dataset, tag: int, representation: str) -> None:
        """Do with a date that no row of the table moves or keeps what is done with dates."""
        values = self._values(dataset, tag)
        if self._options.dates is Dates.SHIFTED:
            self._shift(dataset, tag, Row(name_of(tag), "D", {}), "")
        elif self._options.dates is Dates.FULL:
            if values is None or not all(is_date(representation, value) for value in values):
                self._put_dummy(dataset, tag)
        elif values is None or any(values):
            self._put_dummy(dataset, tag)

    def _clean_meaning(self, dataset: Dataset) -> None:
        text = "\\".join(self._values(dataset, _CODE_MEANING) or ())
        cleaned = cleaned_meaning(dataset, text, self._patient.identity)
        if cleaned != text:
            self._put_text(dataset, _CODE_MEANING, [cleaned], "cleaned")
        self._note_letters([cleaned])

    def _keep_text(self, dataset: Dataset, tag: int, representation: str) -> None:
        values = self._values(dataset, tag)
        if values is None:
            self._remove(dataset, tag)
            return
        cleaned = [self._cleaned_text(value, representation) for value in values]
        if cleaned != values:
            if any(values) and not any(cleaned):
                cleaned = [DUMMY_TEXT]
            self._put_text(dataset, tag, cleaned, "cleaned")
        self._note_letters(cleaned)

    def _cleaned_text(self, value: str, representation: str) -> str:
        term = folded(value.strip())
        if representation == "CS" and (term in DEFINED_TERMS or term in known_words()):
            return value
        cleaned = self._patient.identity.without(value)
        if representation in _FREE_TEXTS and not self._options.retain_uids:
            for found in reversed(list(uids_in(cleaned))):
                uid = self._new_uid(found[0])
                cleaned = f"{cleaned[: found.start()]}{uid}{cleaned[found.end() :]}"
        return cleaned

    def _keep_number(self, dataset: Dataset, tag: int, representation: str, parent: str) -> None:
        element = dataset.get_item(tag)
        raw = element.value
        if isinstance(raw, bytes):
            values = raw.decode("latin-1").rstrip("\0 ").split("\\")
        else:
            values = [str(v) for v in several(raw)]
        if representation == "AS":
            if not all(is_age(value) or not value.strip() for value in values):
                self._put(dataset, tag, None, "emptied")
            elif any(v.endswith("Y") and int(v[:-1]) > _OLDEST_YEARS for v in values if v.strip()):
                self._put(dataset, tag, f"{_OLDEST_YEARS + 1:03}Y", "made coarser")
        elif not all(map(is_number, values)):
            self._remove(dataset, tag)
        elif tag >> 16 != _PIXELS and any(map(self._patient.identity.is_number, values)):
            self._put_away(dataset, tag, parent)

    def _put_away(self, dataset: Dataset, tag: int, parent: str) -> None:
        """Take out a number that looks like an identifier; a value of type 1 becomes a dummy."""
        kind = type_of(self._sop_class, parent, keyword_for_tag(tag))
        if kind in _NEEDED:
            self._put(dataset, tag, dummy(representation_of(tag)), f"dummy, {_LOOKED}")
        else:
            self._put(dataset, tag, None, f"emptied, {_LOOKED}")

    def _renew_uids(self, dataset: Dataset, tag: int) -> None:
        values = self._values(dataset, tag)
        if values is None:
            self._remove(dataset, tag)
            return
        renewed = [self._new_uid(value) for value in values]
        if renewed != values:
            self._put(dataset, tag, joined(renewed), "new UID")

    def _are_uids(self, dataset: Dataset, tag: int) -> bool:
        values = self._values(dataset, tag)
        return values is not None and all(set(value) <= _OF_UIDS for value in values)

    def _new_uid(self, uid: str) -> str:
        plain = uid.strip("\0 ")
        if not plain or plain in UID_dictionary or plain.startswith(_STANDARD_ROOTS):
            return plain
        return self._pseudonyms.uid(plain)

    # Values as they are read

    def _items(self, dataset: Dataset, tag: int) -> list[Dataset]:
        element = element_of(dataset, tag)
        return list(element.value or ()) if element is not None and element.VR == "SQ" else []

    def _values(self, dataset: Dataset, tag: int) -> list[str] | None:
        """Return the values of an attribute as text; None where they cannot be read as such."""
        element = element_of(dataset, tag)
        if element is None or element.VR in BYTES or element.VR == "SQ":
            return None
        return [str(value) for value in several(element.value)]

    def _put_text(self, dataset: Dataset, tag: int, values: list[str], action: str) -> None:
        self._put(dataset, tag, joined(values), action)
        self._note_letters(values)

    def _note_letters(self, values: list[str]) -> None:
        if not all(value.isascii() for value in values):
            self.has_other_letters = True
