"""DICOM identifiers of an image: study, series, instance, frame of reference, patient key."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class PatientMatch(StrEnum):
    """Whether two images show one patient; `UNKNOWN` where what the files state does not tell.

    `DOUBTFUL` where identifiers tell of one patient, and the names or the sex differ.
    """

    SAME = "same"
    DOUBTFUL = "doubtful"
    OTHER = "other"
    UNKNOWN = "unknown"


class _Names(StrEnum):
    """How two names agree; `UNTOLD` where one is missing, or is a part of one word of the other."""

    AGREE = "agree"
    UNTOLD = "untold"
    DIFFER = "differ"
    SHARE_NOTHING = "share nothing"


@dataclass(frozen=True)
class PatientKey:
    """Whose image it is, perhaps as keyed hashes: comparable, and telling nobody who that is.

    The key of the hashes is made anew at every start of the program, so that the values
    mean nothing outside it; they are never written. Empty means that the file does not say.

    Parameters
    ----------
    identifier : str
        Of PatientID.
    issuer : str
        Of IssuerOfPatientID.
    birth_date : str
        Of PatientBirthDate.
    name : str
        Of PatientName: the sorted words of each of its representations, between equal signs
        (alphabetic, ideographic, phonetic). Without a shared identifier names tell patients apart.
    sex : str
        Of PatientSex, where it is M or F.
    """

    identifier: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)

    @classmethod
    def stated(
        cls,
        identifier: str,
        issuer: str,
        birth_date: str,
        name: str,
        sex: str,
        hidden: Callable[[str], str] = str,
    ) -> PatientKey:
        """Return the key of what a file states, as far as it tells one person from another.

        Case, spaces, prefixes and suffixes do not count, nor do words that de-identification puts
        in place of everybody's name and identifier, nor a birth date that is no whole date.

        Parameters
        ----------
        identifier, issuer, birth_date, name, sex : str
            As the tags hold them; empty where they do not.
        hidden : callable
            Makes a word unreadable.
        """
        return cls(
            _hidden(_identifier(identifier), hidden),
            _hidden(_identifier(issuer), hidden),
            _hidden(_birth_date(birth_date), hidden),
            "=".join(
                " ".join(sorted(map(hidden, _name_words(group)))) for group in name.split("=")[:3]
            ).rstrip("="),
            sex.strip().upper() if sex.strip().upper() in _SEXES else "",
        )

    def __bool__(self) -> bool:
        return bool(self.identifier or self.name or self.birth_date)

    def has_other_name_than(self, other: PatientKey) -> bool:
        """Whether both files state names, and those of two persons."""
        return self._names(other) in (_Names.DIFFER, _Names.SHARE_NOTHING)

    def is_other_patient_than(self, other: PatientKey) -> bool:
        """Whether what both files state is of two patients; False where nothing can be compared.

        Where the identifier is the same, a name alone or the sex alone may be a mistake or have
        changed; see `match`.
        """
        facts = [
            (self.identifier, other.identifier),
            (self.issuer, other.issuer),
            (self.birth_date, other.birth_date),
        ]
        if any(mine and theirs and mine != theirs for mine, theirs in facts):
            return True
        names, have_two_sexes = self._names(other), self._has_other_sex_than(other)
        if self.identifier and other.identifier:
            return have_two_sexes and names is _Names.SHARE_NOTHING
        if self.birth_date and other.birth_date and names is _Names.DIFFER:
            return have_two_sexes  # spelt in another way, perhaps, or a twin
        return have_two_sexes or self.has_other_name_than(other)

    def match(self, other: PatientKey) -> PatientMatch:
        """Return whether two images show one patient, as far as their files tell.

        Two facts must agree: a shared identifier alone may be a placeholder, and a shared name
        alone belongs to many.
        """
        if self.is_other_patient_than(other):
            return PatientMatch.OTHER
        if self.has_other_name_than(other) or self._has_other_sex_than(other):
            return PatientMatch.DOUBTFUL
        agreeing = sum(
            (
                bool(self.identifier) and self.identifier == other.identifier,
                bool(self.birth_date) and self.birth_date == other.birth_date,
                self._names(other) is _Names.AGREE,
            )
        )
        return PatientMatch.SAME if agreeing > 1 else PatientMatch.UNKNOWN

    def _has_other_sex_than(self, other: PatientKey) -> bool:
        return bool(self.sex and other.sex) and self.sex != other.sex

    def _names(self, other: PatientKey) -> _Names:
        """Compare every representation of the name that both state: one that differs is enough."""
        pairs = zip(self.name.split("="), other.name.split("="), strict=False)
        found = [
            _compared(set(mine.split()), set(theirs.split()))
            for mine, theirs in pairs
            if mine and theirs
        ]
        if len(set(found)) == 2 and _Names.SHARE_NOTHING in found:
            return _Names.DIFFER  # written alike in one script
        return max(found, key=_WORST.index, default=_Names.UNTOLD)


_WORST = (_Names.UNTOLD, _Names.AGREE, _Names.DIFFER, _Names.SHARE_NOTHING)

_SEXES = frozenset("MF")
_FEWEST_WORDS = 2
"""A family name alone tells nobody's name."""

_PLACEHOLDERS = frozenset(
    (
        "anon", "anonym", "anonymous", "anonymised", "anonymized", "anonymisiert", "anonymise",
        "deidentified", "de", "identified", "unknown", "none", "no", "name", "noname", "nobody",
        "null", "na", "removed", "redacted", "patient",
    )
)  # fmt: skip
"""What de-identification and empty forms put in place of everybody's name or identifier."""

_PLACEHOLDER_DATES = frozenset({"19000101", "00010101"})


def _compared(mine: set[str], theirs: set[str]) -> _Names:
    shared = mine & theirs
    if not shared:
        return _Names.SHARE_NOTHING
    if shared not in (mine, theirs):
        return _Names.DIFFER
    return _Names.AGREE if mine == theirs or len(shared) >= _FEWEST_WORDS else _Names.UNTOLD


def _hidden(text: str, hidden: Callable[[str], str]) -> str:
    return hidden(text) if text else ""


def _plain(text: str) -> str:
    """Return a text without case and accents."""
    parted = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in parted if not _ACCENT <= letter <= _LAST_ACCENT)


_ACCENT, _LAST_ACCENT = "\u0300", "\u036f"


def _identifier(text: str) -> str:
    """Return an identifier without case and spaces; empty for a placeholder."""
    words = {word for word in re.split(r"[\W_]+", _plain(text)) if word}
    letters = set("".join(words))
    if words <= _PLACEHOLDERS | {"id", "test"} or words == {"n", "a"} or letters in ({"0"}, {"x"}):
        return ""
    return "".join(_plain(text).split())


def _birth_date(text: str) -> str:
    """Return a date as eight digits, also of YYYY.MM.DD (PS3.5 6.2); empty where it is none."""
    digits = text.strip().replace(".", "")
    if len(digits) != len("YYYYMMDD") or not digits.isdecimal() or not digits.isascii():
        return ""
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return ""
    return "" if digits in _PLACEHOLDER_DATES else digits


def _name_words(group: str) -> set[str]:
    """Return the words of family, given and middle name (PS3.5 6.2.1.2); none of a placeholder.

    Of suffixes only those count that tell a father from his son.
    """
    parts = _plain(group).split("^")
    suffix = {word.strip(" .") for word in parts[4:5]} & _GENERATIONS
    named = re.sub(r"[.'\u2019]", "", "^".join(parts[:3]))
    words = {word for word in re.split(r"[\s^,\-_*/]+", named) if word}
    return set() if words <= _PLACEHOLDERS | {"test"} else words | suffix


_GENERATIONS = frozenset({"jr", "sr", "ii", "iii", "iv"})


@dataclass(frozen=True)
class DicomIdentifiers:
    """The identifiers of one frame (PS3.3 C.7.2.1, C.7.3.1, C.7.4.1, C.12.1).

    None of them appears in the representation, so that no log or crash report holds them.
    Empty means that the file does not say, or says what is no identifier (PS3.5 section 9).

    Parameters
    ----------
    study_instance_uid, series_instance_uid : str
    sop_class_uid, sop_instance_uid : str
    frame_of_reference_uid : str
    frame_number : int or None
        Counted from 1, as references in DICOM count; None where the object has one frame.
    patient : PatientKey
    """

    study_instance_uid: str = field(default="", repr=False)
    series_instance_uid: str = field(default="", repr=False)
    sop_class_uid: str = field(default="", repr=False)
    sop_instance_uid: str = field(default="", repr=False)
    frame_of_reference_uid: str = field(default="", repr=False)
    frame_number: int | None = field(default=None, repr=False)
    patient: PatientKey = field(default=PatientKey(), repr=False)
