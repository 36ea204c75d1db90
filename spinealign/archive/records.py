"""What the archive keeps of an examination, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import CurveShape, MeasureState


@dataclass(frozen=True)
class PatientRecord:
    """Who an examination is of, as its images say.

    Parameters
    ----------
    patient_id, issuer, name : str
        As in the images; the name in DICOM's form.
    birth_date : str
        "19700131", or empty.
    sex : str
    """

    patient_id: str
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True)
class MeasureBasis:
    """What a value rests on: whether a later one differs by more than error is judged by it.

    Parameters
    ----------
    state : MeasureState
        Who placed the points.
    spacing_source : SpacingSource
        Of its image.
    is_named : bool
        Whether the levels of its image are certain.
    interval_factor, change_factor : float
        Of the network that placed the points, as in `IntervalRule`; None of the second where
        the error of a change was not measured.
    """

    state: MeasureState
    spacing_source: SpacingSource
    is_named: bool
    interval_factor: float
    change_factor: float | None = None


@dataclass(frozen=True)
class MeasureRecord:
    """One measure, for the course in time.

    Parameters
    ----------
    code, level, unit : str
    value : float
    lower, upper : float, optional
        Bounds of its interval.
    basis : MeasureBasis, optional
        None of what an earlier version of the program kept.
    curve : CurveShape, optional
        Of a curve on a frontal film: its apex and its side. None of what an earlier version of
        the program kept.
    """

    code: str
    level: str
    unit: str
    value: float
    lower: float | None = None
    upper: float | None = None
    basis: MeasureBasis | None = None
    curve: CurveShape | None = None


@dataclass(frozen=True)
class FindingRecord:
    """One finding, for the search: its key, its level, and what it says."""

    key: str
    level: str
    statement: str


@dataclass(frozen=True)
class ReadingVersion:
    """One version of a reading.

    Parameters
    ----------
    version : int
        From 1 for signed ones; 0 for what is not signed yet.
    status, reader, at_utc, impression : str
    content : bytes
        The reading's own file.
    """

    version: int
    status: str
    reader: str
    at_utc: str
    impression: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class ExaminationRecord:
    """One examination: what was analysed at one time of one patient.

    Parameters
    ----------
    identifier : str
        A random one of the archive's own.
    patient : PatientRecord
    study_uid, accession, description : str
    study_date : str
        "20261129", or empty.
    kind : str
        Such as "lateral-neck".
    status, reader : str
        Of its reading; the reader's account.
    added_utc, changed_utc, signed_utc : str
        "2026-11-29T15:04:05Z"; the last one empty before it was signed.
    key_value : str
        What the list shows of it.
    findings : tuple of FindingRecord
    measures : tuple of MeasureRecord
    tags : tuple of str
    """

    identifier: str
    patient: PatientRecord
    kind: str
    added_utc: str
    changed_utc: str
    study_uid: str = ""
    accession: str = ""
    study_date: str = ""
    description: str = ""
    status: str = ""
    reader: str = ""
    signed_utc: str = ""
    key_value: str = ""
    findings: tuple[FindingRecord, ...] = ()
    measures: tuple[MeasureRecord, ...] = ()
    tags: tuple[str, ...] = ()


class FileRole(StrEnum):
    """What a file of an examination is."""

    ORIGINAL = "original"
    THUMBNAIL = "thumbnail"
    RESULT = "result"
    CORRECTIONS = "corrections"


@dataclass(frozen=True)
class StoredFile:
    """A file of an examination.

    Parameters
    ----------
    identifier : str
        Random; the name of the encrypted file.
    role : FileRole
    name : str
        What it was called.
    size_bytes : int
    sha256 : str
        Of the plain content.
    """

    identifier: str
    role: FileRole
    name: str
    size_bytes: int
    sha256: str


MOST_LISTED = 1000
"""Examinations that the window lists of a search, the latest: more would take longer than 0.1 s."""


class View(StrEnum):
    """Lists of the worklist."""

    ALL = "all"
    TO_READ = "to_read"
    MINE = "mine"
    SIGNED_TODAY = "signed_today"


@dataclass(frozen=True)
class Search:
    """What is looked for; what is left empty is not asked.

    Parameters
    ----------
    words : str
        In names, IDs, descriptions, findings, impressions, addenda with their reasons, tags and
        notes; the beginnings of words are enough, and accents do not matter.
    view : View
    reader : str
        Whose examinations ``View.MINE`` shows: the name that stands under their readings.
    today_utc : (str, str)
        The first moment of the day that ``View.SIGNED_TODAY`` shows and that of the next one, as
        `searching.day_of` returns them: a day begins when it does on this computer.
    kind, status, level, tag, read_by : str
    first_date, last_date : str
        "20261129", both included.
    most : int
        How many are returned, the latest first.
    """

    words: str = ""
    view: View = View.ALL
    reader: str = ""
    today_utc: tuple[str, str] = ("", "")
    kind: str = ""
    status: str = ""
    level: str = ""
    tag: str = ""
    read_by: str = ""
    first_date: str = ""
    last_date: str = ""
    most: int = 500


@dataclass(frozen=True)
class CoursePoint:
    """One measure of one examination of a person.

    Parameters
    ----------
    examination : str
    study_date : str
    measure : MeasureRecord
    is_signed : bool
    """

    examination: str
    study_date: str
    measure: MeasureRecord
    is_signed: bool


@dataclass(frozen=True)
class RetentionRule:
    """What may be deleted.

    Parameters
    ----------
    years : int
        Since the last change of an examination.
    keeps_unsigned : bool
        Whether what was never signed stays for a person to look at.
    """

    years: int
    keeps_unsigned: bool = True

    def last_day(self, today: date) -> date:
        """Return the last day whose examinations are old enough."""
        # A year is counted with its leap day, so that nothing goes a day too early.
        return today - timedelta(days=366 * self.years)
