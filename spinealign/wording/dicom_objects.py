"""DICOM objects in words: why one cannot be written or opened, and what its fields are called."""

from __future__ import annotations

from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.wording.text import display_name, listed

FIELD_WORDS = {
    "identifier": "patient ID (1 to 64 characters)",
    "name": "name (family name^given name, at most 64 characters)",
    "birth_date": "birth date",
    "sex": "sex (F, M, O or empty)",
    "study_date": "date of the examination (not before the birth)",
    "accession_number": "accession number (at most 16 characters)",
}
"""Fields of `StatedPatient`, with what DICOM takes there."""

_MESSAGES = {
    DicomObjectProblem.NO_PATIENT: (
        "“{name}” is not a DICOM file and does not say whose image it is, so no DICOM object can "
        "refer to it.",
        "Fill in patient and examination first: in the window with “Patient for DICOM…”, on the "
        "command line with --dicom-patient-id and --dicom-patient-name.",
    ),
    DicomObjectProblem.FAULTY_PATIENT: (
        "DICOM does not take what was filled in for “{name}”: {fields}.",
        "Correct these fields; a backslash and line breaks are never allowed.",
    ),
    DicomObjectProblem.FAULTY_ROOT: (
        "The root of DICOM identifiers is not one.",
        "Use the numbers and dots that were registered for your institution, at most 40 "
        "characters without a dot at the end, or leave the root empty.",
    ),
    DicomObjectProblem.NO_IDENTIFIERS: (
        "“{name}” lacks identifiers that a DICOM object must refer to ({fields}).",
        "Take the image from the archive again; copies that were made by other programs may have "
        "lost them.",
    ),
    DicomObjectProblem.PATIENT_STATED: (
        "“{name}” is a DICOM file and says itself whose image it is, so a patient that is stated "
        "beside it cannot hold.",
        "Leave the options of the patient out; if the file names a wrong patient, let the archive "
        "correct it.",
    ),
    DicomObjectProblem.FILE_CHANGED: (
        "“{name}” has changed since it was analysed, so no DICOM object can refer to it.",
        "Analyse the image again, then write the DICOM objects.",
    ),
    DicomObjectProblem.RESAMPLED: (
        "The pixels of “{name}” are not square and were stretched to be analysed, so no "
        "segmentation fits the stored picture pixel by pixel.",
        "Export the image from the archive with its pixel spacing, or with square pixels.",
    ),
    DicomObjectProblem.NOTHING_OUTLINED: (
        "Nothing was outlined on “{name}”, so there is no segmentation to write.",
        "Add the vertebral bodies by hand, or write the report instead.",
    ),
    DicomObjectProblem.TOO_MANY_FRAMES: (
        "“{name}” has too many frames for a segmentation of one of them.",
        "Export the frame as an image of its own and analyse that.",
    ),
    DicomObjectProblem.NO_PLACE: (
        "The slices of “{name}” do not state where they lie in the patient, so no segmentation of "
        "the whole series can refer to them.",
        "Write the segmentation of single slices, or take the series from the archive as DICOM.",
    ),
    DicomObjectProblem.FAULTY_TAGS: (
        "The tags of “{name}” contradict each other or lack what a DICOM object must refer to.",
        "Take the image from the archive again; copies that were made by other programs may have "
        "lost or changed its tags.",
    ),
    DicomObjectProblem.NO_OBJECT: (
        "“{name}” is neither a DICOM segmentation nor a structured report with measurements.",
        "Choose a file of the modality SEG or SR; images are opened with “Open files…”.",
    ),
    DicomObjectProblem.NO_SEGMENTATION: (
        "“{name}” is not a DICOM segmentation.",
        "Choose a file of the modality SEG.",
    ),
    DicomObjectProblem.DAMAGED: (
        "The segmentation “{name}” is damaged or incomplete.",
        "Copy or export it again and open the new file.",
    ),
    DicomObjectProblem.OTHER_IMAGE: (
        "The segmentation “{name}” was made of another image.",
        "Open the image that it belongs to; it lies in the same study.",
    ),
    DicomObjectProblem.OTHER_MATRIX: (
        "The segmentation “{name}” has other rows and columns than the image, or lies elsewhere.",
        "Export the segmentation on the grid of the image that it was made of.",
    ),
    DicomObjectProblem.OTHER_PATIENT: (
        "“{name}” names another patient than the image, so nothing of it is taken over.",
        "Ask the archive which of the two has the right patient; two spellings of one name are no "
        "reason for this.",
    ),
    DicomObjectProblem.NO_SPINE: (
        "The segmentation “{name}” names nothing of the spine on this image.",
        "Choose another segmentation, or give its segments the codes or names of vertebrae.",
    ),
    DicomObjectProblem.NO_REPORT: (
        "“{name}” is not a DICOM structured report with measurements.",
        "Choose a file of the modality SR.",
    ),
    DicomObjectProblem.DAMAGED_REPORT: (
        "The structured report “{name}” is damaged or incomplete.",
        "Copy or export it again and open the new file.",
    ),
    DicomObjectProblem.REPORT_OF_OTHER: (
        "The structured report “{name}” speaks of another image.",
        "Open the image that it belongs to; it lies in the same study.",
    ),
    DicomObjectProblem.NOTHING_REPORTED: (
        "The structured report “{name}” has no measure, decision or impression that can be taken "
        "over.",
        "Read its text in a viewer of reports, and measure on the image by hand.",
    ),
}


_LACKING_TAGS = "“{name}” lacks what a DICOM object must take from it ({fields})."


def dicom_object_words(error: DicomObjectError) -> tuple[str, str]:
    """Return the sentence and the advice for an object that could not be written or opened."""
    sentence, advice = _MESSAGES[error.problem]
    words = [FIELD_WORDS.get(field, field) for field in error.fields]
    fields = listed(words) if words else ""
    if error.problem is DicomObjectProblem.FAULTY_TAGS and words:
        sentence = _LACKING_TAGS
    return sentence.format(name=display_name(error.path), fields=fields), advice
