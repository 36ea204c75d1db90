"""What every object begins with: patient and study of the image, a series of its own, equipment."""

from __future__ import annotations

import io
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING

from spinealign import __version__
from spinealign.dicom.identifiers import new_uid
from spinealign.dicom.picture import MANUFACTURER, state_writer, with_file_meta
from spinealign.dicom.source import SourceImage

if TYPE_CHECKING:
    from pydicom import Dataset

SERIAL_NUMBER = "none"
"""Device Serial Number: a program has none, and enhanced objects must state one (PS3.3 C.7.5.2)."""

_OF_PATIENT_AND_STUDY = (
    "SpecificCharacterSet", "PatientID", "PatientName", "PatientBirthDate", "PatientSex",
    "IssuerOfPatientID", "PatientAge", "PatientSize", "PatientWeight", "StudyInstanceUID",
    "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName",
)  # fmt: skip
_SOURCE_IMAGE = ("121322", "DCM", "Source Image for Image Processing Operation")


class SeriesNumber(IntEnum):
    """Series of each kind of object: beyond those of the images of a study."""

    SEGMENTATION = 9701
    REPORT = 9702
    PRESENTATION = 9703
    CAPTURE = 9704
    DOCUMENT = 9705


def begun_object(
    source: SourceImage,
    sop_class_uid: str,
    modality: str,
    number: SeriesNumber,
    description: str,
    root: str = "",
) -> Dataset:
    """Return a new object in the study of an image, with identifiers that nobody has used.

    Parameters
    ----------
    source : SourceImage
    sop_class_uid, modality : str
    number : SeriesNumber
    description : str
        Series Description.
    root : str
        Of the identifiers; empty for 2.25.
    """
    from pydicom import Dataset

    dataset = Dataset()
    for keyword in _OF_PATIENT_AND_STUDY:
        if keyword in source.header:
            setattr(dataset, keyword, source.header.get(keyword))
    now = datetime.now()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class_uid, new_uid(root)
    dataset.SeriesInstanceUID, dataset.SeriesNumber = new_uid(root), int(number)
    dataset.InstanceNumber, dataset.Modality = 1, modality
    dataset.SeriesDescription = description
    dataset.InstanceCreationDate = dataset.SeriesDate = dataset.ContentDate = f"{now:%Y%m%d}"
    dataset.InstanceCreationTime = dataset.SeriesTime = dataset.ContentTime = f"{now:%H%M%S}"
    dataset.Manufacturer = dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions, dataset.DeviceSerialNumber = __version__, SERIAL_NUMBER
    return dataset


def image_reference(source: SourceImage, *, has_purpose: bool = False) -> Dataset:
    """Return a reference to the image, and to its frame where it has several.

    Parameters
    ----------
    source : SourceImage
    has_purpose : bool
        Whether it says what the image was used for, as Source Image Sequence demands.
    """
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = source.sop_class_uid
    item.ReferencedSOPInstanceUID = source.sop_instance_uid
    if source.frame_number is not None:
        item.ReferencedFrameNumber = source.frame_number
    if has_purpose:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = _SOURCE_IMAGE
        item.PurposeOfReferenceCodeSequence = [code]
    return item


def object_bytes(dataset: Dataset) -> bytes:
    """Return an object as the bytes of a DICOM file (PS3.10)."""
    from pydicom import dcmwrite

    file = io.BytesIO()
    meta = getattr(dataset, "file_meta", None)
    if meta is None:
        with_file_meta(dataset)
    else:
        state_writer(meta)
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()
