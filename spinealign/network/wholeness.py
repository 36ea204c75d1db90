"""Whether a file holds all of its object; a peer waits for what a cut one promises, and breaks off.

Elements are walked as PS3.5 section 7.1 has them. pydicom's `dcmread` takes a value that ends with
the file for a whole one, and only warns where a delimiter is missing.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator, read_dataset, read_preamble
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from spinealign.domain.network import NetworkError, NetworkProblem

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_ELSEWHERE = "PixelDataProviderURL"
_UNDEFINED = 0xFFFFFFFF
_BITS_OF_BYTE = 8
_HALF_CHROMA = "YBR_FULL_422"
_SAMPLES_OF_HALF_CHROMA = 2
"""Native pixels of this kind: two luminances, one of each colour difference (PS3.3 C.7.6.3.1.2)."""


def require_whole(content: bytes) -> Dataset:
    """Return the data set of a file (PS3.10) that holds all of its object.

    Parameters
    ----------
    content : bytes
        Of a file that is known to be DICOM.

    Raises
    ------
    NetworkError
        `CUT_OFF`: the file ends within an element, a sequence or encapsulated pixel data.
        `PIXELS_SHORT`: there are fewer pixel data than rows, columns and frames say.
    """
    try:
        dataset, is_native = _walked(content)
    except NetworkError:
        raise
    except Exception as error:
        raise NetworkError(NetworkProblem.CUT_OFF) from error
    if is_native:
        _require_pixels(dataset)
    return dataset


def _walked(content: bytes) -> tuple[Dataset, bool]:
    """Return the data set, and whether its pixel data are not encapsulated."""
    file = BytesIO(content)
    read_preamble(file, False)
    meta = read_dataset(
        file, is_implicit_VR=False, is_little_endian=True,
        stop_when=lambda tag, vr, length: tag.group != 2,  # file meta group (PS3.10 7.1)
    )  # fmt: skip
    syntax = UID(str(meta.TransferSyntaxUID))
    if syntax == DeflatedExplicitVRLittleEndian:
        file = BytesIO(zlib.decompress(file.read(), -zlib.MAX_WBITS))
    is_known = not syntax.is_private
    elements: dict[Any, Any] = {}
    end = file.tell()
    for element in data_element_generator(
        file,
        is_implicit_VR=is_known and syntax.is_implicit_VR,
        is_little_endian=not is_known or syntax.is_little_endian,
    ):
        is_raw = isinstance(element, RawDataElement) and element.length != _UNDEFINED
        if is_raw and len(element.value or b"") != element.length:
            raise NetworkError(NetworkProblem.CUT_OFF)
        elements[element.tag] = element
        end = file.tell()
    if end != len(file.getbuffer()):  # a part of the next element's head
        raise NetworkError(NetworkProblem.CUT_OFF)
    return Dataset(elements), not (is_known and syntax.is_encapsulated)


def _require_pixels(dataset: Dataset) -> None:
    """Refuse native pixel data that are shorter than the image (PS3.5 8.1.1)."""
    try:
        wanted = _bytes_of_image(dataset)
    except (TypeError, ValueError, AttributeError):
        return  # what is no image, or does not say how large it is
    given = [dataset[keyword].value for keyword in _PIXELS if keyword in dataset]
    held = len(given[0] or b"") if given else 0
    if held < wanted and (given or _ELSEWHERE not in dataset):
        raise NetworkError(NetworkProblem.PIXELS_SHORT, detail=f"{held} of {wanted} bytes")


def _bytes_of_image(dataset: Dataset) -> int:
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples > 1 and dataset.get("PhotometricInterpretation") == _HALF_CHROMA:
        samples = _SAMPLES_OF_HALF_CHROMA
    frames = int(dataset.get("NumberOfFrames") or 1)
    pixels = int(dataset.Rows) * int(dataset.Columns) * frames
    return -(-pixels * samples * int(dataset.BitsAllocated) // _BITS_OF_BYTE)
