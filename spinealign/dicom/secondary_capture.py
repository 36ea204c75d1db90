"""A picture of a result as a secondary capture, for viewers that show no outlines or lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinealign.dicom.objects import SeriesNumber, begun_object, image_reference, object_bytes
from spinealign.dicom.picture import SECONDARY_CAPTURE
from spinealign.dicom.source import SourceImage

_BURNED_IN = ("YES", "NO")


def capture_bytes(
    source: SourceImage,
    picture: NDArray[np.uint8],
    description: str,
    *,
    has_free_text: bool = False,
    root: str = "",
) -> bytes:
    """Return a colour picture as a Secondary Capture (PS3.3 A.8.1) in the study of its image.

    Parameters
    ----------
    source : SourceImage
        What the picture was made of.
    picture : ndarray of uint8, shape (H, W, 3)
        Red, green, blue.
    description : str
        What it shows.
    has_free_text : bool
        Whether words that a person wrote stand in the picture: they may identify the patient, and
        the object says so. Else it says what the image's own file says, or nothing.
    root : str
        Of the identifiers; empty for 2.25.

    Raises
    ------
    ValueError
        The picture is not of this shape and type.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError("no colour picture")
    dataset = begun_object(
        source, SECONDARY_CAPTURE, "OT", SeriesNumber.CAPTURE, "SpineAlign pictures", root
    )
    dataset.ConversionType = "WSD"
    dataset.SecondaryCaptureDeviceManufacturer = dataset.Manufacturer
    dataset.SecondaryCaptureDeviceSoftwareVersions = dataset.SoftwareVersions
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = description
    dataset.SourceImageSequence = [image_reference(source, has_purpose=True)]
    dataset.PatientOrientation = dataset.Laterality = None
    stated = str(source.header.get("BurnedInAnnotation") or "")
    if has_free_text:
        stated = "YES"
    if stated in _BURNED_IN:
        dataset.BurnedInAnnotation = stated
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = picture.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    content = np.ascontiguousarray(picture).tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB"
    return object_bytes(dataset)
