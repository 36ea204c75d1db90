"""Texts of reader notes, windows, orientation and patient data."""

from __future__ import annotations

from spinealign.domain.image import DisplayWindow, NoteKind, ReaderNote, WindowKind
from spinealign.domain.study import PatientFacts
from spinealign.wording.text import isolated, safe_text

_NOTES = {
    NoteKind.FRAME_TAKEN: "Frame {0} of {1}.",
    NoteKind.PAGE_TAKEN: "Page {0} of {1}.",
    NoteKind.SLICE_TAKEN: "{0} slice {1} of {2}.",
    NoteKind.VOLUME_TAKEN: "Volume {0} of {1}.",
    NoteKind.CANAL_WIDEST: (
        "Sagittal slice {0} of {1} was taken, in which the spinal canal is widest."
    ),
    NoteKind.SERIES_TAKEN: "Image {0} of {1} in series {2} of {3}.",
    NoteKind.COLOUR_TO_GREY: "Colour image, converted to greyscale.",
    NoteKind.GREY_IN_COLOUR: "Greyscale image, stored in colour.",
    NoteKind.TRANSPARENT: "Transparent pixels are shown on black.",
    NoteKind.TRANSPARENCY_IGNORED: (
        "Every pixel is marked as transparent; the transparency was ignored."
    ),
    NoteKind.TURNED_BY_EXIF: "Rotated upright as the file’s orientation tag states.",
    NoteKind.TURNED: "Set to the standard orientation by the patient orientation of the file.",
    NoteKind.MADE_SQUARE: "The pixels are not square ({0} : {1}); the image was resampled.",
    NoteKind.CALIBRATED: "The pixel spacing was calibrated {0}.",
    NoteKind.DEMAGNIFIED: (
        "The pixel spacing was corrected by the magnification of {0} that the file estimates."
    ),
    NoteKind.LOCALIZER: "{0} localizer, not a slice.",
    NoteKind.PROJECTION: "{0} projection, not a slice.",
    NoteKind.OTHER_PLANE: "{0} {1} slice; {2} ones are analysed.",
    NoteKind.NO_ORIENTATION: "The file does not state its orientation.",
    NoteKind.UNIT_ASSUMED: ("The file does not state its unit of length; millimetres are assumed."),
    NoteKind.UNEVEN_SLICES: "The slices are not evenly spaced; some may be missing.",
    NoteKind.MIXED_SPACING: (
        "The slices of the series differ in pixel spacing; each is measured by its own."
    ),
    NoteKind.SPACING_CONFLICT: (
        "The file states two different pixel spacings, so lengths are given in pixels."
    ),
    NoteKind.OVERLAY_LEFT_OUT: "Overlays stored with the image are not shown.",
    NoteKind.STATES_LEFT_OUT: ("Presentation states of this image ({0}) are not applied."),
    NoteKind.SET_APART: (
        "Further images of this series identifier, or of none, ({0}) are listed as series of their "
        "own, as they differ in size, direction, patient, study or space; no volume or choice of a "
        "slice counts them."
    ),
    NoteKind.COPIES_LEFT_OUT: (
        "Further pictures with the identifiers and places of those in this series ({0}) were taken "
        "for copies and left out."
    ),
    NoteKind.NUMBER_REPAIRED: ("The file writes {0} in an irregular form; it was read as {1}."),
    NoteKind.NUMBER_LEFT_OUT: (
        "The file states {0} in a form that cannot be used, so it was left out."
    ),
    NoteKind.WINDOW_LEFT_OUT: (
        "A window stored with the image would show nothing of it and is not used."
    ),
    NoteKind.LAYOUT_ASSUMED: "The file does not state {0}.",
    NoteKind.TABLE_LEFT_OUT: ("A {0} stored with the image is empty or damaged and is not used."),
    NoteKind.FRAMES_COUNTED: (
        "The file does not state how many frames it holds; {0} were found in it."
    ),
    NoteKind.FRAMES_LEFT_OVER: (
        "The pixel data are longer than the file states, by {0} whole frames beside {1}: these may "
        "be further images, and are not shown."
    ),
    NoteKind.FRAMES_CONTRADICTED: (
        "The file states another number of frames ({0}) than it holds and describes ({1})."
    ),
    NoteKind.FRAMES_NOT_TOLD_APART: (
        "The file describes another number of frames ({0}) than it holds ({1}), so what it says "
        "of single frames only was left out."
    ),
    NoteKind.ZEROS_IN_DATA: (
        "The compressed data hold many zeros in a row, as damaged ones do: parts of the picture "
        "may be missing or wrong."
    ),
    NoteKind.DAMAGED_PASSED_OVER: (
        "Pictures nearer to the middle of the series ({0}) cannot be read; this is the nearest "
        "that can."
    ),
    NoteKind.NO_RESCALE: (
        "The file does not state a usable rescale: grey values are as stored, and none of the "
        "file’s windows is used."
    ),
}

_NUMBERS = {
    "PixelSpacing": "the pixel spacing",
    "ImagerPixelSpacing": "the pixel spacing at the detector",
    "NominalScannedPixelSpacing": "the pixel spacing of the scanned film",
    "PixelAspectRatio": "the proportions of a pixel",
    "EstimatedRadiographicMagnificationFactor": "the magnification",
    "ImageOrientationPatient": "the orientation of the image",
    "ImagePositionPatient": "the position of the image",
    "RescaleSlope": "the rescale slope",
    "RescaleIntercept": "the rescale intercept",
    "PixelPaddingValue": "the padding value",
    "WindowCenter": "the window centre",
    "WindowWidth": "the window width",
    "vox_offset": "the start of its values (vox_offset)",
    "bitpix": "the bits of a value (bitpix)",
    "pixdim": "the size of a voxel (pixdim)",
    "srow": "its place in space (srow)",
    "quatern": "its place in space (quatern)",
    "scl_slope": "the scale factor (scl_slope)",
    "scl_inter": "the offset of its values (scl_inter)",
}
"""What the numbers of a file are called, by DICOM keyword or NIfTI field."""

_CALIBRATIONS = {
    "GEOMETRY": "by the geometry of the exposure",
    "FIDUCIAL": "on an object of known size",
    "": "in a way that the file does not state",
}

_ASSUMED = {
    "PhotometricInterpretation": "whether high values are bright; they were taken to be",
    "PixelRepresentation": "whether its values are signed; they were taken to be unsigned",
    "BitsAllocated": "how many bits a pixel takes; {1} were found",
    "BitsStored": "how many bits a value has, or not rightly; {1} were assumed",
}
_TABLES = {"ModalityLUTSequence": "modality LUT", "VOILUTSequence": "VOI LUT"}

_WINDOWS = {
    WindowKind.FILE: "Window from the file",
    WindowKind.FILE_TABLE: "VOI LUT from the file",
    WindowKind.BONE: "Bone",
    WindowKind.SOFT_TISSUE: "Soft tissue",
    WindowKind.BRAIN: "Brain",
    WindowKind.AS_STORED: "As stored",
    WindowKind.AUTOMATIC: "Automatic",
    WindowKind.WHOLE_RANGE: "Whole range",
    WindowKind.MANUAL: "Manual",
}

_SIDES = {"L": "Left side", "R": "Right side", "B": "Both sides"}

_DIRECTIONS = {
    "L": "the patient’s left",
    "R": "the patient’s right",
    "A": "the front",
    "P": "the back",
    "H": "the head",
    "F": "the feet",
}


_PATIENT_LABELS = {
    "name": "Name",
    "identifier": "Patient ID",
    "birth_date": "Born",
    "sex": "Sex",
    "age": "Age",
    "study_date": "Examined",
    "study_description": "Examination",
    "series_description": "Series",
    "institution": "Institution",
    "accession_number": "Accession number",
}
_WHO = ("name", "birth_date", "sex", "age", "identifier", "study_date")
_SPEAKS_FOR_ITSELF = ("name", "age")
_SEXES = {"F": "female", "M": "male", "O": "other"}
_AGE_UNITS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}


def note_text(note: ReaderNote) -> str:
    """Return the sentence for one decision of a reader."""
    values = note.values
    if note.kind is NoteKind.CALIBRATED:
        values = (_CALIBRATIONS[str(values[0])],)
    elif note.kind in (NoteKind.NUMBER_REPAIRED, NoteKind.NUMBER_LEFT_OUT):
        values = (_NUMBERS.get(str(values[0]), str(values[0])), *values[1:])
    elif note.kind is NoteKind.LAYOUT_ASSUMED:
        values = (_ASSUMED.get(str(values[0]), str(values[0])).format(*values),)
    elif note.kind is NoteKind.TABLE_LEFT_OUT:
        values = (_TABLES.get(str(values[0]), str(values[0])),)
    words = _NOTES[note.kind].format(*values)
    return words[0].upper() + words[1:]


def window_text(window: DisplayWindow) -> str:
    """Return the name of a window with its centre and width, fit for a menu."""
    name = window_name(window)
    if window.table is not None:
        return name
    return f"{name} (C {window.centre:.6g}, W {window.width:.6g})"


def window_name(window: DisplayWindow) -> str:
    """Return what a window is called, in the file's own words where it has some."""
    return safe_text(window.explanation.strip()) or _WINDOWS[window.kind]


def side_text(laterality: str) -> str:
    """Return the side of a paired body part, or nothing when the file does not state it."""
    return _SIDES.get(laterality, "")


def directions_text(orientation: tuple[str, str] | None) -> str:
    """Return what lies at the right and at the bottom of a picture; empty when unknown."""
    if orientation is None:
        return ""
    right, bottom = (_DIRECTIONS[letter] for letter in orientation)
    return f"To the right lies {right}, below {bottom}"


def patient_rows(facts: PatientFacts) -> tuple[tuple[str, str], ...]:
    """Return (label, value) of what is known, for the window only; empty when nothing is."""
    rows = (
        (label, _fact_text(name, getattr(facts, name))) for name, label in _PATIENT_LABELS.items()
    )
    return tuple((label, value) for label, value in rows if value)


PATIENT_NOT_NAMED = "Patient not named in the file"


def patient_line(facts: PatientFacts) -> str:
    """Return who the patient is and when the picture was taken, in one line of a window."""
    words = []
    for name in _WHO:
        text = isolated(_fact_text(name, getattr(facts, name)))
        if text:
            words.append(text if name in _SPEAKS_FOR_ITSELF else f"{_PATIENT_LABELS[name]}: {text}")
    return "  ·  ".join(words) or "  ·  ".join(
        f"{k}: {isolated(v)}" for k, v in patient_rows(facts)
    )


def study_heading(facts: PatientFacts) -> str:
    """Return whose study it is, and of which day, for a list; empty where the file says nothing.

    A patient without a name goes by the identifier.
    """
    known = dict(patient_rows(facts))
    if "Name" not in known and "Patient ID" in known:
        known["Name"] = f"Patient ID: {known['Patient ID']}"
    labels = ("Name", "Examined", "Examination")
    return " · ".join(isolated(known[label]) for label in labels if label in known)


def _fact_text(name: str, value: str) -> str:
    if name == "name":
        return name_text(value)
    if name in ("birth_date", "study_date") and len(value) == 8 and value.isdecimal():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    if name == "age" and value[:-1].isdecimal() and value[-1] in _AGE_UNITS:
        return f"{int(value[:-1])} {_AGE_UNITS[value[-1]]}"
    if name == "sex":
        value = _SEXES.get(value.strip(), value)
    return safe_text(value.strip())


def name_text(value: str) -> str:
    """Return a person's name: in Latin letters, then in the country's own in brackets.

    A name is family^given^middle^prefix^suffix, in groups of letters parted by "=": alphabetic,
    ideographic, phonetic (PS3.5 6.2.1). The phonetic group says how the others are read.
    """
    groups = [_group_text(group) for group in value.split("=")[:3]]
    alphabetic, ideographic, phonetic = (*groups, "", "")[:3]
    if alphabetic and ideographic and ideographic != alphabetic:
        return f"{alphabetic} ({ideographic})"
    return alphabetic or ideographic or phonetic


def _group_text(group: str) -> str:
    family, _, rest = group.partition("^")
    given = " ".join(word for word in rest.split("^") if word)
    return safe_text(", ".join(part for part in (family.strip(), given.strip()) if part))
