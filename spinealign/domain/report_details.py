"""What a report says beside the analysis: whose it is, who read it, and on whose paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from spinealign.domain.comparison import Course, PatientExamination
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.motion import Motion
from spinealign.domain.reading import Reading, ReadingStatus
from spinealign.domain.study import PatientFacts


@dataclass(frozen=True)
class Institution:
    """Whose paper a report is printed on.

    Parameters
    ----------
    name, address : str
        Empty for plain paper.
    logo_png : bytes
        A picture as PNG; empty for none.
    """

    name: str = ""
    address: str = ""
    logo_png: bytes = field(default=b"", repr=False)


class ReadingUse(StrEnum):
    """What became of the reading that is stored of an image, in a report or a folder of results."""

    TAKEN_IN = "taken_in"
    LEFT_OUT = "left_out"
    FAULTY = "faulty"
    OF_ANOTHER_KIND = "of_another_kind"


@dataclass(frozen=True)
class LeftOutReading:
    """A stored reading that results do not rest on.

    Parameters
    ----------
    use : ReadingUse
        Why: it was asked for, the files are not as they were written, or the image was read as
        another kind of examination. Never `TAKEN_IN`.
    status : ReadingStatus or None
        How far it is; None where that cannot be told.
    """

    use: ReadingUse
    status: ReadingStatus | None = None


class PaperSize(StrEnum):
    """What a report is printed on."""

    A4 = "a4"
    LETTER = "letter"


class ReportPart(StrEnum):
    """What a report may leave out: it stands in the technical annex, or in a file of its own."""

    PICTURE = "picture"
    DISCS = "discs"
    MEASURES = "measures"
    LEVEL_MEASURES = "level_measures"


@dataclass(frozen=True)
class ReportLayout:
    """How a report is printed.

    Parameters
    ----------
    paper : PaperSize
    left_out : tuple of ReportPart
        What nobody wants to see there. Status, impression, findings and cautions always stay.
    """

    paper: PaperSize = PaperSize.A4
    left_out: tuple[ReportPart, ...] = ()


@dataclass(frozen=True)
class PictureLayers:
    """What of a result lies over the picture on the screen.

    Parameters
    ----------
    structures : bool
        Outlines, bodies with their names, and suggestions.
    fill_opacity : float
        0..1, of structures; 0 for outlines only.
    heat_opacity : float or None
        0..1, of the heat map; None where it is not shown.
    measures : frozenset
        `Measurement.key` of those drawn, by the program or by hand.
    notes : bool
        Texts and arrows.
    """

    structures: bool = True
    fill_opacity: float = 0.0
    heat_opacity: float | None = None
    measures: frozenset[tuple[str, tuple[str, ...]]] = frozenset()
    notes: bool = True


@dataclass(frozen=True)
class ReportDetails:
    """What a report needs beside the analysis.

    Parameters
    ----------
    patient : PatientFacts
        Printed as far as it is known. Of a de-identified report only used to find the patient
        in what the reader typed.
    reading : Reading or None
        None where nobody has begun to read, or where it is `left_out`.
    left_out : LeftOutReading or None
        A stored reading that is not taken in: the report says so.
    institution : Institution
    is_deidentified : bool
        Whether patient, institution, reader, dates and the file's name are left out.
    prior : PatientExamination or None
        An earlier examination of the patient that this one is compared with in a section.
    course : Course or None
        Several examinations of the patient, for a section; it is dates, and left out of a
        de-identified report.
    motion : Motion or None
        Flexion and extension, for a section.
    layout : ReportLayout
    layers : PictureLayers or None
        What the overlay picture shows; None for structures, main measures and all that was drawn.
    dicom : DicomChoices
        How DICOM objects are written.
    objects : mapping of str to bytes, or None
        DICOM objects that are made already, by kind, for a folder of results: those that are not
        among them cannot be made. None where nobody has tried yet.
    kinds : frozenset of str
        Which files a folder of results holds, besides ``json``; empty for all.
    prefix : str
        What the names of files begin with, in a folder that holds the results of several images;
        empty in a folder of its own.
    """

    patient: PatientFacts = field(default_factory=PatientFacts)
    reading: Reading | None = None
    institution: Institution = Institution()
    is_deidentified: bool = False
    prior: PatientExamination | None = None
    course: Course | None = None
    motion: Motion | None = None
    left_out: LeftOutReading | None = None
    layout: ReportLayout = ReportLayout()
    layers: PictureLayers | None = None
    dicom: DicomChoices = field(default_factory=DicomChoices)
    objects: Mapping[str, bytes] | None = field(default=None, repr=False)
    kinds: frozenset[str] = frozenset()
    prefix: str = ""

    @property
    def status(self) -> ReadingStatus:
        """How far the reading is."""
        return ReadingStatus.AUTOMATIC if self.reading is None else self.reading.status

    @property
    def is_draft(self) -> bool:
        """Whether nobody has signed."""
        return not self.status.is_verified
