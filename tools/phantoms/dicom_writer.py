"""Rendered phantoms as DICOM images of patients who plainly do not exist."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

from tools.phantoms.lumbar_anatomy import SPACING_MM

_STATED = {
    "SpecificCharacterSet": "ISO_IR 192",
    "ImageType": ["DERIVED", "SECONDARY", "OTHER"],
    "StudyDate": "20250101",
    "SeriesDate": "20250101",
    "ContentDate": "20250101",
    "StudyTime": "120000",
    "SeriesTime": "120000",
    "ContentTime": "120000",
    "AccessionNumber": "",
    "Modality": "MR",
    "Manufacturer": "SpineAlign",
    "ManufacturerModelName": "Rendered phantom, no patient",
    "ReferringPhysicianName": "",
    "StudyDescription": "PHANTOM, no patient",
    "SeriesDescription": "PHANTOM: rendered sagittal T2 lumbar spine, no patient",
    "PatientName": "Phantom^Lumbar",
    "PatientID": "PHANTOM",
    "PatientBirthDate": "",
    "PatientSex": "O",
    "BodyPartExamined": "LSPINE",
    "StudyID": "1",
    "SeriesNumber": 1,
    "InstanceNumber": 1,
    "BurnedInAnnotation": "NO",
}
_GEOMETRY = {
    "ScanningSequence": "SE",
    "SequenceVariant": "NONE",
    "ScanOptions": "",
    "MRAcquisitionType": "2D",
    "EchoTime": "",
    "RepetitionTime": "",
    "EchoTrainLength": "",
    "SliceThickness": 4,
    "PatientPosition": "HFS",
    "PositionReferenceIndicator": "",
    "ImagePositionPatient": [0, -153.6, 153.6],
    "ImageOrientationPatient": [0, 1, 0, 0, 0, -1],
    "PixelSpacing": [SPACING_MM, SPACING_MM],
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": 105,
    "WindowWidth": 210,
}

_FILM = {
    "Modality": "DX",
    "SeriesDescription": "PHANTOM: rendered lateral neck film, no patient",
    "PatientName": "Phantom^Neck",
    "BodyPartExamined": "CSPINE",
    "PresentationIntentType": "FOR PRESENTATION",
    "PatientOrientation": ["P", "F"],
    "ImageLaterality": "U",
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": 1,
    "PixelSpacingCalibrationType": "GEOMETRY",
    "PixelSpacingCalibrationDescription": "Known from the drawing",
    "PresentationLUTShape": "IDENTITY",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "WindowCenter": 128,
    "WindowWidth": 256,
}
SPINE_FILM = {
    "SeriesDescription": "PHANTOM: rendered lateral film of the whole spine, no patient",
    "PatientName": "Phantom^Spine",
    "BodyPartExamined": "WHOLESPINE",
    "ViewPosition": "LL",
}
"""What the film of a whole spine states instead."""

FRONTAL_FILM: Mapping[str, str | list[str]] = {
    "SeriesDescription": "PHANTOM: rendered standing frontal film of the spine, no patient",
    "PatientName": "Phantom^Frontal",
    "BodyPartExamined": "WHOLESPINE",
    "ViewPosition": "AP",
    "PatientOrientation": ["L", "F"],
}
"""What a frontal film of the spine states instead."""

_MAGNIFICATION = 1.1


def _uid(seed: int, part: int) -> UID:
    """Return a fixed identifier under 2.25, the root for numbers that nobody registers."""
    return UID(f"2.25.{3405691582_00000000_00000000 + seed * 100 + part}")


def write_sample(
    folder: Path, names: tuple[str, str], image: Dataset, mask: NDArray[np.uint8]
) -> tuple[Path, Path]:
    """Write a drawn image and its truth mask (a PNG) under two names; return the two files."""
    folder.mkdir(parents=True, exist_ok=True)
    image_path, mask_path = folder / names[0], folder / names[1]
    dcmwrite(image_path, image, enforce_file_format=True)
    Image.fromarray(mask).save(mask_path, optimize=False)
    return image_path, mask_path


def dicom_object(pixels: NDArray[np.uint8], seed: int) -> Dataset:
    """Wrap the picture up as an MR image, with nothing in it that changes between runs.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W)
        Sagittal, superior up, anterior to the left.
    seed : int
        Makes the identifiers; equal seeds give equal files.
    """
    dataset = _dataset(MRImageStorage, seed)
    dataset.FrameOfReferenceUID = _uid(seed, 4)
    for keyword, value in (_STATED | _GEOMETRY).items():
        setattr(dataset, keyword, value)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = 0, 255
    dataset.PixelData = pixels.astype("<u2").tobytes()
    return dataset


def film_object(
    pixels: NDArray[np.uint8],
    seed: int,
    spacing_mm: float,
    stated: Mapping[str, str | list[str]] = MappingProxyType({}),
) -> Dataset:
    """Wrap the picture up as a digital radiograph, with nothing that changes between runs.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W)
        An even number of them; superior up.
    seed : int
        Makes the identifiers; equal seeds give equal files.
    spacing_mm : float
        In the patient's middle plane, as the drawing knows it.
    stated : mapping of str to str or list of str
        Tags that are not those of a neck.
    """
    dataset = _dataset(DigitalXRayImageStorageForPresentation, 1000 + seed)
    for keyword, value in (_STATED | _FILM | dict(stated)).items():
        setattr(dataset, keyword, value)
    at_detector = round(spacing_mm * _MAGNIFICATION, 4)
    dataset.PixelSpacing = [spacing_mm, spacing_mm]
    dataset.ImagerPixelSpacing = [at_detector, at_detector]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.tobytes()
    return dataset


def _dataset(sop_class: UID, seed: int) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = _uid(seed, 3)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _uid(0, 0)
    meta.ImplementationVersionName = "SPINEALIGN"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, _uid(seed, 3)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid(seed, 1), _uid(seed, 2)
    return dataset
