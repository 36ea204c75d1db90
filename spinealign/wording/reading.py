"""What readers decided, windows and series, in words."""

from __future__ import annotations

from spinealign.domain.image import DisplayWindow, NoteKind, ReaderNote, WindowKind
from spinealign.domain.study import PatientFacts
from spinealign.wording.text import safe_text

_NOTES = {
    NoteKind.FRAME_TAKEN: "Frame {0} of {1}.",
    NoteKind.PAGE_TAKEN: "Page {0} of {1}.",
    NoteKind.SLICE_TAKEN: "{0} slice {1} of {2}.",
    NoteKind.VOLUME_TAKEN: "Volume {0} of {1}.",
    NoteKind.CANAL_WIDEST: (
        "Sagittal slice {0} of {1} was taken, in which the spinal canal is widest."
    ),
    NoteKind.SERIES_TAKEN: "Picture {0} of {1} in series {2} of {3}.",
    NoteKind.COLOUR_TO_GREY: "Colour picture, turned to grey.",
    NoteKind.GREY_IN_COLOUR: "Grey picture, stored in colour.",
    NoteKind.TRANSPARENT: "Transparent pixels are shown on black.",
    NoteKind.TURNED_BY_EXIF: "Turned upright as the file’s orientation tag says.",
    NoteKind.TURNED: "Turned the usual way round, as the file’s patient directions say.",
    NoteKind.MADE_SQUARE: "The pixels are not square ({0} : {1}); the picture was stretched.",
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
}

_CALIBRATIONS = {
    "GEOMETRY": "by the geometry of the exposure",
    "FIDUCIAL": "on an object of known size",
    "": "in a way that the file does not state",
}

_WINDOWS = {
    WindowKind.FILE: "Window of the file",
    WindowKind.FILE_TABLE: "Table of the file",
    WindowKind.BONE: "Bone",
    WindowKind.SOFT_TISSUE: "Soft tissue",
    WindowKind.BRAIN: "Brain",
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


def note_text(note: ReaderNote) -> str:
    """Return the sentence for one decision of a reader."""
    values = note.values
    if note.kind is NoteKind.CALIBRATED:
        values = (_CALIBRATIONS[str(values[0])],)
    words = _NOTES[note.kind].format(*values)
    return words[0].upper() + words[1:]


def window_text(window: DisplayWindow) -> str:
    """Return the name of a window with its centre and width, fit for a menu."""
    name = safe_text(window.explanation) or _WINDOWS[window.kind]
    if window.table is not None:
        return name
    return f"{name} (C {window.centre:g}, W {window.width:g})"


def patient_rows(facts: PatientFacts) -> tuple[tuple[str, str], ...]:
    """Return (label, value) of what is known, for the window only; empty when nothing is."""
    rows = (
        (label, _fact_text(name, getattr(facts, name))) for name, label in _PATIENT_LABELS.items()
    )
    return tuple((label, value) for label, value in rows if value)


def _fact_text(name: str, value: str) -> str:
    if name == "name":
        # Family^given^middle^prefix^suffix in Latin letters, then in others (PS3.5 6.2.1).
        family, _, rest = value.split("=")[0].partition("^")
        given = " ".join(word for word in rest.split("^") if word)
        return safe_text(", ".join(part for part in (family.strip(), given.strip()) if part))
    if name in ("birth_date", "study_date") and len(value) == 8 and value.isdecimal():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    return safe_text(value.strip())
