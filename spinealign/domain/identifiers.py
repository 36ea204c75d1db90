"""DICOM identifiers of an image: study, series, instance, frame of reference, patient key."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class PatientMatch(StrEnum):
    """Whether two images show one patient; `UNKNOWN` where what the files state does not tell."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PatientKey:
    """Whose image it is, as keyed hashes: comparable, and telling nobody who that is.

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
        Of PatientName, which counts only where an identifier is missing: names are
        spelt in more than one way.
    """

    identifier: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    name: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.identifier or self.name or self.birth_date)

    def is_other_patient_than(self, other: PatientKey) -> bool:
        """Whether something that both files state differs; False where nothing can be compared."""
        facts = [
            (self.identifier, other.identifier),
            (self.issuer, other.issuer),
            (self.birth_date, other.birth_date),
        ]
        if not (self.identifier and other.identifier):
            facts.append((self.name, other.name))
        return any(mine and theirs and mine != theirs for mine, theirs in facts)

    def match(self, other: PatientKey) -> PatientMatch:
        """Return whether two images show one patient, as far as their files tell.

        Two facts must agree: a shared identifier alone may be a placeholder, and a shared name
        alone belongs to many.
        """
        if self.is_other_patient_than(other):
            return PatientMatch.OTHER
        agreeing = sum(
            bool(mine) and mine == theirs
            for mine, theirs in (
                (self.identifier, other.identifier),
                (self.birth_date, other.birth_date),
                (self.name, other.name),
            )
        )
        return PatientMatch.SAME if agreeing > 1 else PatientMatch.UNKNOWN


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
