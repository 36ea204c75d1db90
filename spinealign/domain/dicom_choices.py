"""What a person chooses for DICOM objects: roots of identifiers, and whose image it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

LONGEST_ROOT = 40
"""Letters of a root of identifiers: of 64 at least 23 digits remain (PS3.5 section 9.1)."""

_ROOT = re.compile(r"[012](\.(0|[1-9][0-9]*))+")
_LONGEST_TEXT, _LONGEST_SHORT_TEXT = 64, 16
_SEXES = ("", "F", "M", "O")
_FORBIDDEN = re.compile(r"[\\\x00-\x1f\x7f]")
_MOST_NAME_PARTS = 5


@dataclass(frozen=True)
class StatedPatient:
    """Whose image it is, as a person filled it in for a picture whose file does not say.

    The values do not appear in the representation, so that no log or crash report holds them.

    Parameters
    ----------
    identifier : str
        As the hospital has it (PatientID); at least one letter.
    name : str
        As DICOM writes it: family name^given name^middle name^prefix^suffix.
    birth_date : date or None
    sex : str
        "F", "M", "O", or empty.
    study_date : date or None
        Of the examination.
    accession_number : str
        At most 16 letters.
    """

    identifier: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str = field(default="", repr=False)
    study_date: date | None = field(default=None, repr=False)
    accession_number: str = field(default="", repr=False)

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of the fields that DICOM does not take as they are."""
        is_sound = {
            "identifier": bool(self.identifier.strip()) and _fits(self.identifier, _LONGEST_TEXT),
            "name": bool(self.name.strip(" ^")) and _is_name(self.name),
            "birth_date": self.birth_date is None or self.birth_date.year > 1,
            "sex": self.sex in _SEXES,
            "study_date": self._is_born_by_then,
            "accession_number": _fits(self.accession_number, _LONGEST_SHORT_TEXT),
        }
        return tuple(name for name, holds in is_sound.items() if not holds)

    @property
    def _is_born_by_then(self) -> bool:
        if self.study_date is None or self.birth_date is None:
            return True
        return self.birth_date <= self.study_date


def _fits(text: str, longest: int) -> bool:
    return len(text) <= longest and not _FORBIDDEN.search(text)


def _is_name(text: str) -> bool:
    groups = text.split("=")
    return (
        len(groups) <= 3
        and not _FORBIDDEN.search(text)
        and all(len(g) <= _LONGEST_TEXT and g.count("^") < _MOST_NAME_PARTS for g in groups)
    )


@dataclass(frozen=True)
class EarlierReport:
    """A structured report of the same image that a new one replaces.

    Parameters
    ----------
    study_uid, series_uid, sop_class_uid, sop_instance_uid : str
    """

    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)


@dataclass(frozen=True)
class DicomChoices:
    """How DICOM objects are written.

    Parameters
    ----------
    patient : StatedPatient or None
        Only of an image that is not DICOM; the others say themselves whose they are.
    uid_root : str
        Of new identifiers, without the last dot; empty for 2.25, which needs no registration.
    is_label_map : bool
        Whether segmentations are written as label maps, which fewer programs read.
    is_in_folder : bool
        Whether folders of results hold DICOM objects; they say whose image it is.
    earlier_reports : tuple of EarlierReport
        What a structured report takes the place of.
    """

    patient: StatedPatient | None = None
    uid_root: str = ""
    is_label_map: bool = False
    is_in_folder: bool = False
    earlier_reports: tuple[EarlierReport, ...] = ()


def is_uid_root(text: str) -> bool:
    """Whether a text can stand before the numbers of new identifiers; empty means 2.25."""
    return not text or (len(text) <= LONGEST_ROOT and _ROOT.fullmatch(text) is not None)
