"""Words of the window about DICOM objects: whose a picture is, and what was taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from spinealign.domain.reading import Finding
from spinealign.wording.dicom_report import restored_report_text
from spinealign.wording.failures import Message
from spinealign.wording.text import display_name

PATIENT_TITLE = "Patient for DICOM"
PATIENT_EXPLANATION = (
    "This image is no DICOM file and does not say whose it is. What you fill in goes into the "
    "DICOM objects that you save of it, and is forgotten when the program is closed. Take it from "
    "the order, so that the archive finds patient and examination."
)
PATIENT_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "identifier": "Patient &ID",
        "family": "&Family name",
        "given": "&Given names",
        "birth_date": "Date of &birth",
        "sex": "&Sex",
        "study_date": "Date of &examination",
        "accession_number": "&Accession number",
    }
)
"""By field of `StatedPatient`; the name in two parts."""

SEX_WORDS: Mapping[str, str] = MappingProxyType(
    {"": "not stated", "F": "female", "M": "male", "O": "other"}
)
DATE_FORM = "YYYY-MM-DD"
KEEP_PATIENT = "Use this &patient"
NO_DATE = f"Type dates that there are as {DATE_FORM}, or leave them empty"

SAYS_ITSELF = "The image is a DICOM file, and says itself whose it is"
OBJECT_TITLE = "Open a DICOM segmentation or report of this image"
OBJECT_FILTER = "DICOM objects (*.dcm);;All files (*)"
TAKEN_OVER_LABEL = "take over a segmentation"
REPORT_LABEL = "take over a structured report"
SIGNED_MESSAGE = Message(
    "The reading of this image is signed, so nothing is taken over from a DICOM object.",
    "Set the reading aside first, or open the image in another profile.",
)


def analysed_anew_message(path: Path, is_own: bool) -> Message:
    """Say that a slice is analysed with the outlines of a segmentation."""
    name = display_name(path)
    check = "" if is_own else "Check outlines and corners before you use the measures. "
    return Message(
        f"The image is analysed with the bodies, discs and canal of “{name}”.",
        f"{check}Analysing the image again (F5) brings back the program’s own outlines; the "
        "segmentation is not kept with the image: open it again another day.",
    )


def report_message(
    path: Path, drawn: int, decisions: int, waiting: Sequence[Finding], kept: int
) -> Message:
    """Say what was taken over from a structured report.

    Parameters
    ----------
    path : Path
    drawn, decisions : int
        How many.
    waiting : sequence of Finding
        Of which the report tells something else than the case has now.
    kept : int
        How many findings were decided on here already, and stay so.
    """
    text = restored_report_text(drawn, decisions, waiting)
    stay = ""
    if kept:
        stay = f" {kept} finding{'' if kept == 1 else 's'} decided on here before stay as they are."
    return Message(
        f"“{display_name(path)}”: {text}{stay}",
        "The reading waits to be signed; undo brings back what was there before.",
    )


def taken_over_message(
    path: Path, is_own: bool, grades_discs: bool = False, other_view: str = ""
) -> Message:
    """Say what a case is like after a segmentation was opened.

    Parameters
    ----------
    path : Path
    is_own : bool
        Whether its points were written with it.
    grades_discs : bool
        Whether discs of the image are graded.
    other_view : str
        As what else it was taken for when the segmentation was written; empty for the same.
    """
    name = display_name(path)
    if is_own:
        return Message(
            f"Outlines, points and drawings are those of “{name}”.",
            "Undo brings back what was there before.",
        )
    discs = " Grades of discs and the canal are still those of the program." if grades_discs else ""
    if other_view:
        discs = " It was written for another kind of examination; drawings are taken over too."
    return Message(
        f"The vertebral bodies are those of “{name}”; their corners were taken from its outlines."
        f"{discs}",
        "Check the corners before you use the measures; undo brings back what was there before.",
    )


def faults_text(words: str) -> str:
    """Say which fields DICOM does not take as they are."""
    return f"DICOM does not take this: {words}."
