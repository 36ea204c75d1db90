"""The identifiers of a DICOM frame, from its tags."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from spinealign.domain.identifiers import DicomIdentifiers, PatientKey
from spinealign.imaging.dicom_tags import text_of

if TYPE_CHECKING:
    from pydicom import Dataset

_UID = re.compile(r"[0-9.]{1,64}")
"""PS3.5 section 9.1, without the rule on leading zeros, which real files break."""

_KEY = secrets.token_bytes(32)
"""Of this run of the program; kept nowhere."""


def dicom_identifiers(dataset: Dataset, frame: int, frames: int) -> DicomIdentifiers:
    """Return the identifiers of a frame.

    Parameters
    ----------
    dataset : Dataset
    frame : int
        Counted from 0.
    frames : int
        How many the object has.
    """
    return DicomIdentifiers(
        _uid(dataset, "StudyInstanceUID"),
        _uid(dataset, "SeriesInstanceUID"),
        _uid(dataset, "SOPClassUID"),
        _uid(dataset, "SOPInstanceUID"),
        _uid(dataset, "FrameOfReferenceUID"),
        frame + 1 if frames > 1 else None,
        patient_key(dataset),
    )


def patient_key(dataset: Dataset) -> PatientKey:
    """Return whose image a data set is, without telling who that is."""
    return PatientKey.stated(
        _text(dataset, "PatientID"),
        _text(dataset, "IssuerOfPatientID"),
        _text(dataset, "PatientBirthDate"),
        _text(dataset, "PatientName"),
        _text(dataset, "PatientSex"),
        _hashed,
    )


def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), key=_KEY).hexdigest()


def _uid(dataset: Dataset, keyword: str) -> str:
    text = _text(dataset, keyword)
    return text if _UID.fullmatch(text) else ""


def _text(dataset: Dataset, keyword: str) -> str:
    """Return an attribute as text; a damaged one must not keep the picture from being read."""
    try:
        return text_of(dataset.get(keyword)).strip()
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return ""
