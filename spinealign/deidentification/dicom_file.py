"""One DICOM file de-identified: read, cleaned, looked through once more, written anew."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    UID_dictionary,
)

from spinealign import __version__
from spinealign.deidentification.boxes import Box
from spinealign.deidentification.cleaner import Cleaner, NestedTooDeepError, Patient
from spinealign.deidentification.codestreams import CodestreamError
from spinealign.deidentification.counting import Change, Changes, changed
from spinealign.deidentification.dicom_pixels import BlackeningError, bare_pixels, blacken
from spinealign.deidentification.options import Dates, Options, method_codes
from spinealign.deidentification.pseudonyms import Pseudonyms
from spinealign.deidentification.table import TABLE
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.imaging.decoding import quiet_libraries

IMPLEMENTATION_CLASS: Final = "2.25.186063208306905113817163396513936190463"
"""The same that the network part states to other nodes."""

IMPLEMENTATION_VERSION: Final = "SPINEALIGN"
_INDEX_CLASS: Final = "1.2.840.10008.1.3.10"
_RAW_DATA_CLASS: Final = "1.2.840.10008.5.1.4.1.1.66"
_DOCUMENTS: Final = "Encapsulated"
_MOVED = {Dates.REMOVED: "REMOVED", Dates.SHIFTED: "MODIFIED", Dates.FULL: "UNMODIFIED"}


@dataclass(frozen=True)
class CleanedDicom:
    """A de-identified DICOM file.

    Parameters
    ----------
    content : bytes
        The whole file.
    study, series, instance : str
        UIDs as they are now; of an object without a series its own.
    """

    content: bytes
    study: str
    series: str
    instance: str


def read_whole(path: Path, content: bytes) -> Dataset:
    """Read a data set with all its values, and refuse what cannot be de-identified safely.

    Raises
    ------
    DeidentificationError
        UNREADABLE, INDEX, DOCUMENT, UNKNOWN_CLASS.
    """
    try:
        with quiet_libraries():
            dataset = dcmread(io.BytesIO(content), force=True)
            # Of broken sequences pydicom tells when they are asked for.
            sop_class = str(dataset.get("SOPClassUID") or "")
    except (Exception, RecursionError) as error:
        raise DeidentificationError(path, DeidentificationProblem.UNREADABLE) from error
    meta_class = str(dataset.file_meta.get("MediaStorageSOPClassUID") or "")
    sop_class = sop_class or meta_class
    if _INDEX_CLASS in (meta_class, sop_class) or "DirectoryRecordSequence" in dataset:
        raise DeidentificationError(path, DeidentificationProblem.INDEX)
    known = UID_dictionary.get(sop_class)
    if known is None or known[1] != "SOP Class" or sop_class == _RAW_DATA_CLASS:
        raise DeidentificationError(path, DeidentificationProblem.UNKNOWN_CLASS)
    if _DOCUMENTS in known[0] or "EncapsulatedDocument" in dataset:
        raise DeidentificationError(path, DeidentificationProblem.DOCUMENT)
    dataset.SOPClassUID = UID(sop_class)
    _complete_syntax(dataset)
    return dataset


def _complete_syntax(dataset: Dataset) -> None:
    """Name the encoding that pydicom found where the file meta information is missing."""
    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    is_implicit, is_little_endian = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if is_little_endian else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit


def cleaned_dicom(
    path: Path,
    dataset: Dataset,
    patient: Patient,
    options: Options,
    pseudonyms: Pseudonyms,
    counts: Changes,
    *,
    boxes: Sequence[Box] = (),
    was_looked_at: bool = False,
) -> CleanedDicom:
    """De-identify a data set and write it as a file.

    Parameters
    ----------
    path : Path
        Where it came from, for errors.
    dataset : Dataset
        As `read_whole` gives it; changed.
    patient : Patient
    options : Options
    pseudonyms : Pseudonyms
    counts : Counter of Change
        Is added to.
    boxes : sequence of Box
        Blackened.
    was_looked_at : bool
        Whether a person looked at the pixels: only then the file says that nothing is burned in.

    Raises
    ------
    DeidentificationError
        UNREADABLE, TOO_DEEP, NOT_BLACKENED, or LEFTOVER where a second search still finds the
        patient.
    """
    with quiet_libraries():
        try:
            return _cleaned(
                path, dataset, patient, options, pseudonyms, counts, boxes, was_looked_at
            )
        except (DeidentificationError, MemoryError):
            raise
        except BlackeningError as error:
            problem = DeidentificationProblem.NOT_BLACKENED
            raise DeidentificationError(path, problem) from error
        except (NestedTooDeepError, RecursionError) as error:
            raise DeidentificationError(path, DeidentificationProblem.TOO_DEEP) from error
        except (Exception, CodestreamError) as error:
            raise DeidentificationError(path, DeidentificationProblem.UNREADABLE) from error


def _cleaned(
    path: Path,
    dataset: Dataset,
    patient: Patient,
    options: Options,
    pseudonyms: Pseudonyms,
    counts: Changes,
    boxes: Sequence[Box],
    was_looked_at: bool,
) -> CleanedDicom:
    sop_class = str(dataset.SOPClassUID)
    for what in bare_pixels(dataset):
        counts[Change("(7FE0,0010)", "Pixel Data", f"{what} removed")] += 1
    blacken(dataset, boxes)
    if boxes:
        counts[Change("(7FE0,0010)", "Pixel Data", "boxes blackened")] += len(boxes)
    temporal = str(dataset.get("LongitudinalTemporalInformationModified") or "")
    if not dataset.get("SOPInstanceUID"):
        dataset.SOPInstanceUID = UID(_unnamed_instance(dataset))
    cleaner = Cleaner(options, pseudonyms, patient, sop_class, counts)
    cleaner.clean(dataset)
    if cleaner.has_other_letters:
        dataset.SpecificCharacterSet = "ISO_IR 192"
    _state_method(dataset, options, temporal, was_looked_at=was_looked_at)
    _renew_meta(dataset, counts)
    _require_nothing_left(path, dataset, patient)
    return CleanedDicom(
        _written(dataset),
        str(dataset.get("StudyInstanceUID") or dataset.SOPInstanceUID),
        str(dataset.get("SeriesInstanceUID") or dataset.SOPInstanceUID),
        str(dataset.SOPInstanceUID),
    )


def _unnamed_instance(dataset: Dataset) -> str:
    """Return a name for an object without a UID: the same for the same object."""
    meta = str(dataset.file_meta.get("MediaStorageSOPInstanceUID") or "")
    digest = hashlib.sha256(_written_bare(dataset)).digest()
    return meta or f"2.25.{int.from_bytes(digest[:16], 'big')}"


_NEED_BURNED_IN = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.2",
        "1.2.840.10008.5.1.4.1.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.1.3",
        "1.2.840.10008.5.1.4.1.1.1.3.1",
    }
)
"""Digital X-ray, mammography and intra-oral images. Source: PS3.3 C.8.11.3, type 1."""


def _state_method(
    dataset: Dataset, options: Options, temporal: str, *, was_looked_at: bool
) -> None:
    """Say what was done (PS3.15 E.1.1; PS3.3 C.7.1.1, C.12.1)."""
    if "PatientName" not in dataset:
        dataset.PatientName = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [f"SpineAlign {__version__}", TABLE]
    items = []
    for value, meaning in method_codes(options, pixels_cleaned=was_looked_at):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        items.append(item)
    dataset.DeidentificationMethodCodeSequence = items
    is_changed_already = options.dates is Dates.FULL and temporal in ("MODIFIED", "REMOVED")
    dataset.LongitudinalTemporalInformationModified = (
        temporal if is_changed_already else _MOVED[options.dates]
    )
    if was_looked_at and "Rows" in dataset:
        dataset.BurnedInAnnotation = "NO"
    elif str(dataset.get("BurnedInAnnotation") or "").upper() == "NO":
        _unsay_clean_pixels(dataset)


def _unsay_clean_pixels(dataset: Dataset) -> None:
    """Take away what the scanner said of its pixels, which nobody has looked at since.

    Where a class demands the attribute, the value that asks for a look takes its place.
    """
    if str(dataset.get("SOPClassUID")) in _NEED_BURNED_IN:
        dataset.BurnedInAnnotation = "YES"
    else:
        del dataset.BurnedInAnnotation


def _renew_meta(dataset: Dataset, counts: Changes) -> None:
    """Write the file meta information anew, with nothing of the program that wrote it before."""
    old = dataset.file_meta
    kept = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID",
            "FileMetaInformationVersion", "FileMetaInformationGroupLength",
            "ImplementationClassUID", "ImplementationVersionName")  # fmt: skip
    for element in old:
        if element.keyword not in kept:
            changed(counts, int(element.tag), element.name, "removed")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = old.TransferSyntaxUID
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    dataset.file_meta = meta
    if any(dataset.preamble or b""):
        counts[Change("", "Preamble of the file", "zeroed")] += 1
    dataset.preamble = b"\0" * 128


def _require_nothing_left(path: Path, dataset: Dataset, patient: Patient) -> None:
    """Search what will be written, but its pixels, for the patient's name and numbers."""
    if patient.identity.is_in_bytes(_written_bare(dataset)):
        raise DeidentificationError(path, DeidentificationProblem.LEFTOVER)


def _written_bare(dataset: Dataset) -> bytes:
    """Return a data set as it is written, without preamble, meta information and pixel data."""
    bulk: dict[Any, Any] = {}
    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
        if keyword in dataset:
            bulk[keyword] = dataset[keyword]
            del dataset[keyword]
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        if syntax == DeflatedExplicitVRLittleEndian:  # what is compressed cannot be searched
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        target = io.BytesIO()
        dcmwrite(
            target, dataset, enforce_file_format=False,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
        )  # fmt: skip
        return target.getvalue()
    finally:
        dataset.file_meta.TransferSyntaxUID = syntax
        for element in bulk.values():
            dataset.add(element)


def _written(dataset: Dataset) -> bytes:
    target = io.BytesIO()
    dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()
