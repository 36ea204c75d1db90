"""DICOM objects as they are sent and received: what they are, and in which encodings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.domain.identifiers import PatientKey
from spinealign.domain.network import NetworkError, NetworkProblem

if TYPE_CHECKING:
    from pydicom import Dataset
    from pynetdicom.presentation import PresentationContext

IMAGE_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.1",  # computed radiography
    "1.2.840.10008.5.1.4.1.1.1.1",  # digital X-ray, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # digital X-ray, for processing
    "1.2.840.10008.5.1.4.1.1.12.1",  # X-ray angiography
    "1.2.840.10008.5.1.4.1.1.12.2",  # X-ray radiofluoroscopy
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.2.1",  # enhanced CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.4.1",  # enhanced MR
    "1.2.840.10008.5.1.4.1.1.4.3",  # enhanced MR, colour
    "1.2.840.10008.5.1.4.1.1.4.4",  # legacy converted enhanced MR
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
    "1.2.840.10008.5.1.4.1.1.7.2",  # multi-frame greyscale byte secondary capture
    "1.2.840.10008.5.1.4.1.1.7.3",  # multi-frame greyscale word secondary capture
    "1.2.840.10008.5.1.4.1.1.7.4",  # multi-frame true colour secondary capture
)
"""Images that the program reads (PS3.4 B.5)."""

RESULT_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.66.4",  # segmentation
    "1.2.840.10008.5.1.4.1.1.66.7",  # label map segmentation
    "1.2.840.10008.5.1.4.1.1.88.11",  # basic text structured report
    "1.2.840.10008.5.1.4.1.1.88.22",  # enhanced structured report
    "1.2.840.10008.5.1.4.1.1.88.33",  # comprehensive structured report
    "1.2.840.10008.5.1.4.1.1.88.34",  # comprehensive 3D structured report
    "1.2.840.10008.5.1.4.1.1.11.1",  # greyscale softcopy presentation state
    "1.2.840.10008.5.1.4.1.1.104.1",  # encapsulated PDF
    "1.2.840.10008.5.1.4.1.1.30",  # parametric map
    "1.2.840.10008.5.1.4.1.1.88.59",  # key object selection
)
"""What is made of images, here or elsewhere."""

UNCOMPRESSED = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
COMPRESSED = (
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, selection value 1
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.5",  # RLE
)
"""Transfer syntaxes that the program reads (PS3.5 annex A), the preferred first."""

_TRAILING_PADDING = 0xFFFCFFFC
_HEAD_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality",
    "BodyPartExamined", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientName",
    "PatientSex", "SpecificCharacterSet",
]  # fmt: skip


@dataclass(frozen=True)
class ObjectHead:
    """What an object says of itself; patients only as a checksum.

    Parameters
    ----------
    sop_class, sop_uid, study_uid, series_uid : str
    modality, body_part : str
        In capitals; empty where it does not say.
    patient : str
        Checksum of whose it is: of two patients there are two.
    patient_id : str
        As it stands there; for the audit trail only.
    """

    sop_class: str
    sop_uid: str = field(repr=False)
    study_uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    modality: str
    body_part: str
    patient: str = field(repr=False)
    patient_id: str = field(default="", repr=False)

    @property
    def group(self) -> str:
        """Name of the folder in which this series of this patient lies, and nothing else."""
        whole = "\n".join((self.patient, self.study_uid, self.series_uid))
        return hashlib.sha256(whole.encode()).hexdigest()[:32]

    @property
    def file_name(self) -> str:
        """Name of its file; it tells nobody whose it is."""
        return f"{hashlib.sha256(self.sop_uid.encode()).hexdigest()[:32]}.dcm"


@dataclass(frozen=True)
class ObjectFile:
    """A DICOM file that is to be sent.

    Parameters
    ----------
    path : Path
    sop_class, sop_uid, transfer_syntax : str
    series_number, instance_number : str
        As it states them; empty where it does not.
    """

    path: Path
    sop_class: str
    sop_uid: str = field(repr=False)
    transfer_syntax: str
    series_number: str = ""
    instance_number: str = ""


Answer = tuple[ObjectFile, NetworkError | None]
"""An object that was sent, and why it was not stored."""


def head_of(dataset: Dataset) -> ObjectHead:
    """Return what a data set says of itself."""
    facts = PatientKey.stated(
        _text(dataset, "PatientID"),
        _text(dataset, "IssuerOfPatientID"),
        _text(dataset, "PatientBirthDate"),
        _text(dataset, "PatientName"),
        _text(dataset, "PatientSex"),
    )
    parts = (facts.identifier, facts.issuer, facts.birth_date, facts.name, facts.sex)
    patient = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
    return ObjectHead(
        _text(dataset, "SOPClassUID"),
        _text(dataset, "SOPInstanceUID"),
        _text(dataset, "StudyInstanceUID"),
        _text(dataset, "SeriesInstanceUID"),
        _text(dataset, "Modality").upper(),
        _text(dataset, "BodyPartExamined").upper(),
        patient,
        _text(dataset, "PatientID"),
    )


def parsed_head(content: bytes) -> ObjectHead:
    """Return what an object in the file format (PS3.10) says of itself.

    Raises
    ------
    NetworkError
        It is no DICOM object, or lacks an identifier.
    """
    return _head_in(BytesIO(content))


def head_of_file(path: Path) -> ObjectHead:
    """Return what an object in a file says of itself; see `parsed_head`."""
    return _head_in(path)


def _head_in(place: Path | BytesIO) -> ObjectHead:
    from pydicom import dcmread

    try:
        dataset = dcmread(place, stop_before_pixels=True, specific_tags=_HEAD_TAGS)
        head = head_of(dataset)
    except Exception as error:
        raise NetworkError(NetworkProblem.NOT_DICOM) from error
    if not all((head.sop_class, head.sop_uid, head.study_uid, head.series_uid)):
        raise NetworkError(NetworkProblem.NOT_DICOM)
    return head


def hold_the_same(one: bytes, other: bytes) -> bool:
    """Return whether two files (PS3.10) hold one object, maybe in other encodings of its values.

    Explicit and implicit VR are the same, defined and undefined lengths too, and what PS3.5 lets
    everybody leave out (group lengths, trailing padding); another compression of pixels is not.
    """
    if one == other:
        return True
    try:
        return _in_one_encoding(one) == _in_one_encoding(other)
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return False


def _in_one_encoding(content: bytes) -> tuple[str, bytes, bytes]:
    """Return compression, pixel data, and everything else in implicit VR little endian."""
    from pydicom import dcmread
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    dataset = dcmread(BytesIO(content))
    syntax = dataset.file_meta.TransferSyntaxUID
    pixels = dataset.pop("PixelData", None)
    for tag in tuple(dataset.keys()):
        if tag.element == 0 or tag == _TRAILING_PADDING:
            del dataset[tag]
    dataset.walk(_with_defined_lengths)
    written = DicomBytesIO()
    written.is_little_endian = written.is_implicit_VR = True
    write_dataset(written, dataset)
    value = b"" if pixels is None else bytes(pixels.value or b"")
    return (str(syntax) if syntax.is_compressed else ""), value, written.getvalue()


def _with_defined_lengths(_: Dataset, element: Any) -> None:
    if element.VR == "SQ":
        element.is_undefined_length = False
        for item in element.value:
            item.is_undefined_length_sequence_item = False


def object_file(path: Path, content: bytes) -> ObjectFile:
    """Return a file as it is sent.

    Parameters
    ----------
    path : Path
    content : bytes
        What it holds.

    Raises
    ------
    NetworkError
        It is no DICOM file, or not all of one.
    """
    from pydicom import dcmread

    from spinealign.network.wholeness import require_whole

    try:
        meta = dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=[]).file_meta
        made = ObjectFile(
            path,
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
        )
    except Exception as error:
        raise NetworkError(NetworkProblem.NOT_DICOM, detail=path.name) from error
    head = parsed_head(content)
    if (made.sop_class, made.sop_uid) != (head.sop_class, head.sop_uid):
        raise NetworkError(NetworkProblem.NOT_DICOM, detail=path.name)
    whole = require_whole(content)
    return replace(
        made,
        series_number=_text(whole, "SeriesNumber"),
        instance_number=_text(whole, "InstanceNumber"),
    )


def incoming_contexts() -> list[PresentationContext]:
    """Return what this program takes in, as it is offered for C-GET.

    Each encoding of an image has a context of its own: in one context for all of them, a peer
    chooses one for all images, and cannot send those that it keeps in another.
    """
    from pynetdicom import build_context

    contexts = [build_context(uid, list(UNCOMPRESSED)) for uid in (*IMAGE_CLASSES, *RESULT_CLASSES)]
    contexts += [build_context(uid, syntax) for uid in IMAGE_CLASSES for syntax in COMPRESSED]
    return contexts


def _text(dataset: Any, keyword: str) -> str:
    """Return a value as text; one that is damaged counts as missing."""
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return ""
    return "" if value is None else str(value).strip()
