"""What DICOM files say that tells patients and series, and what could give the class away."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydicom

_WORDS: Final = (
    "Manufacturer", "ManufacturerModelName", "StationName", "InstitutionName", "Modality",
    "BodyPartExamined", "SeriesDescription", "ProtocolName", "ConvolutionKernel",
    "ScanningSequence", "SoftwareVersions", "PhotometricInterpretation", "PatientSex",
    "PatientPosition", "ViewPosition", "ImageType", "ScanOptions",
)  # fmt: skip
"""Attributes whose words differ between devices and protocols."""

_NUMBERS: Final = (
    "KVP", "SliceThickness", "RepetitionTime", "EchoTime", "MagneticFieldStrength", "FlipAngle",
    "BitsStored", "XRayTubeCurrent", "Exposure", "WindowCenter", "WindowWidth", "RescaleIntercept",
)  # fmt: skip
_LONGEST: Final = 60


@dataclass(frozen=True)
class DicomFacts:
    """What the tags of one file say.

    Parameters
    ----------
    patient : str
        Checksum of the patient's identifier, or of name and birth date; empty where none is stated.
        It lives in memory only: written down it could be guessed.
    series : str
        Checksum of the identifier of the series.
    slice_number : int or None
        InstanceNumber.
    words : dict of str to str
    numbers : dict of str to float
    """

    patient: str
    series: str
    slice_number: int | None
    words: dict[str, str]
    numbers: dict[str, float]


def dicom_facts(path: Path) -> DicomFacts | None:
    """Read the tags of a file; None where it is no DICOM file that can be read."""
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        stated = [_text(dataset, tag) for tag in ("PatientID", "IssuerOfPatientID")]
        if not stated[0]:
            stated = [_text(dataset, tag) for tag in ("PatientName", "PatientBirthDate")]
        series = _text(dataset, "SeriesInstanceUID")
        number = _number(dataset, "InstanceNumber")
        words = {tag: _text(dataset, tag)[:_LONGEST] for tag in _WORDS}
        numbers = {tag: _number(dataset, tag) for tag in _NUMBERS}
    except Exception:  # noqa: BLE001 - a decoder meets a hostile file
        return None
    if not series and not any(words.values()):
        return None
    return DicomFacts(
        _hidden("/".join(stated)) if stated[0] else "",
        _hidden(series) if series else "",
        None if number is None else int(number),
        {tag: word for tag, word in words.items() if word},
        {tag: value for tag, value in numbers.items() if value is not None},
    )


def patient_of(path: Path) -> str:
    """Return what tells the patient of one file apart; empty where nothing does."""
    found = dicom_facts(path)
    return "" if found is None else found.patient


def _hidden(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _text(dataset: Any, tag: str) -> str:
    value = dataset.get(tag)
    if value is None:
        return ""
    if isinstance(value, pydicom.multival.MultiValue):
        return "/".join(str(one) for one in value).strip()
    return str(value).strip()


def _number(dataset: Any, tag: str) -> float | None:
    value = dataset.get(tag)
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0] if value else None
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if abs(found) < 1e12 else None
