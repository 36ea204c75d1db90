"""Words of the window about DICOM objects: whose a picture is, and what was taken over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

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
SEGMENTATION_TITLE = "Open a segmentation of this image"
SEGMENTATION_FILTER = "DICOM segmentations (*.dcm);;All files (*)"
TAKEN_OVER_LABEL = "take over a segmentation"


def taken_over_message(path: Path, is_own: bool, grades_discs: bool = False) -> Message:
    """Say what a case is like after a segmentation was opened."""
    name = display_name(path)
    if is_own:
        return Message(
            f"Outlines, points and drawings are those of “{name}”.",
            "Undo brings back what was there before.",
        )
    discs = " Grades of discs and the canal are still those of the program." if grades_discs else ""
    return Message(
        f"The vertebral bodies are those of “{name}”; their corners were taken from its outlines."
        f"{discs}",
        "Check the corners before you use the measures; undo brings back what was there before.",
    )


def faults_text(words: str) -> str:
    """Say which fields DICOM does not take as they are."""
    return f"DICOM does not take this: {words}."
