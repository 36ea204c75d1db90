"""A secondary capture of a picture that is no DICOM file, so that objects can refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spinealign import __version__
from spinealign.dicom.identifiers import IMPLEMENTATION_NAME, IMPLEMENTATION_UID, derived_uid
from spinealign.domain.dicom_choices import DicomChoices, StatedPatient
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.image import SpacingSource, SpineImage

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset

MANUFACTURER = "SpineAlign"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_LARGEST = 65_535
_UNTOLD = (SpacingSource.UNKNOWN, SpacingSource.USER)
"""Spacings that are not the file's own: the picture is the same whoever calibrates it."""


def made_picture(image: SpineImage, choices: DicomChoices) -> Dataset:
    """Return a picture as a Secondary Capture (PS3.3 A.8.1), the same one at every call.

    Parameters
    ----------
    image : SpineImage
        Its pixels are stored as they are where they are whole numbers of 8 or 16 bits; else
        scaled to 16 bits, with slope and intercept that lead back.
    choices : DicomChoices
        `patient` says whose the picture is.

    Raises
    ------
    DicomObjectError
        Nobody said whose it is, or in words that DICOM does not take.
    """
    from pydicom import Dataset

    patient = choices.patient
    if patient is None:
        raise DicomObjectError(image.source_path, DicomObjectProblem.NO_PATIENT)
    if patient.faults:
        problem = DicomObjectProblem.FAULTY_PATIENT
        raise DicomObjectError(image.source_path, problem, patient.faults)
    dataset = Dataset()
    _state_patient(dataset, patient)
    _identify(dataset, image, patient, choices.uid_root)
    dataset.Modality = "OT"
    dataset.ConversionType = "WSD"
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions = __version__
    dataset.SecondaryCaptureDeviceManufacturer = MANUFACTURER
    dataset.SeriesDescription = "Picture that was analysed"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.Laterality = None
    dataset.PatientOrientation = list(image.orientation) if image.orientation else None
    if image.spacing_mm is not None and image.spacing_source not in _UNTOLD:
        dataset.PixelSpacing = [f"{mm:.10g}" for mm in image.spacing_mm]
    _set_pixels(dataset, image.pixels)
    return dataset


def with_file_meta(dataset: Dataset) -> Dataset:
    """Give an object what a file of it begins with, in place, and return it."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(dataset.SOPClassUID)
    meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    state_writer(meta)
    dataset.file_meta = meta
    return dataset


def state_writer(meta: FileMetaDataset) -> None:
    """Say in file meta information that this program wrote the file, in place."""
    from pydicom.uid import UID

    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_NAME


def _state_patient(dataset: Dataset, patient: StatedPatient) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientID, dataset.PatientName = patient.identifier.strip(), patient.name.strip()
    dataset.PatientSex = patient.sex
    born, taken = patient.birth_date, patient.study_date
    dataset.PatientBirthDate = "" if born is None else f"{born:%Y%m%d}"
    dataset.StudyDate = "" if taken is None else f"{taken:%Y%m%d}"
    dataset.StudyTime = dataset.StudyID = dataset.ReferringPhysicianName = ""
    dataset.AccessionNumber = patient.accession_number


def _identify(dataset: Dataset, image: SpineImage, patient: StatedPatient, root: str) -> None:
    place = image.place
    picture: tuple[str, ...] = (
        image.sha256,
        str(place.index),
        str(place.volume),
        patient.identifier.strip(),
    )
    taken = "" if patient.study_date is None else patient.study_date.isoformat()
    study: tuple[str, ...] = (patient.identifier.strip(), taken, patient.accession_number)
    if not any(study[1:]):
        study = picture[:1] + study  # nothing tells studies of one patient apart
    dataset.StudyInstanceUID = derived_uid("study", *study, root=root)
    dataset.SeriesInstanceUID = derived_uid("series", *picture, root=root)
    dataset.SOPClassUID = SECONDARY_CAPTURE
    dataset.SOPInstanceUID = derived_uid("picture", *picture, root=root)


def _set_pixels(dataset: Dataset, pixels: NDArray[np.float32]) -> None:
    low, high = float(pixels.min()), float(pixels.max())
    is_whole = bool((pixels == np.round(pixels)).all()) and low >= 0 and high <= _LARGEST
    slope, intercept = 1.0, 0.0
    if not is_whole:
        slope, intercept = (high - low) / _LARGEST, low
    bits = 8 if is_whole and high <= np.iinfo(np.uint8).max else 16
    scaled = (pixels.astype(np.float64) - intercept) / slope
    stored = np.round(scaled).astype(np.uint8 if bits == 8 else np.dtype("<u2"))
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    if not is_whole:
        dataset.RescaleIntercept, dataset.RescaleSlope = f"{intercept:.10g}", f"{slope:.10g}"
        dataset.RescaleType = "US"
    content = stored.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
