"""Results as DICOM objects: what the table of exporters writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem, SpineAlignError
from spinealign.domain.findings import Analysis
from spinealign.domain.formats import DICOM
from spinealign.domain.report_details import ReportDetails
from spinealign.domain.study import SegmentedVolume
from spinealign.files import write_export
from spinealign.imaging.decoding import quiet_libraries

_OVERLAY_WORDS = "Structures and measures drawn over the image"
_REPORT_TITLE = "SpineAlign report"


Write = Callable[[Analysis, ReportDetails], bytes]


@dataclass(frozen=True)
class MissingObject:
    """A DICOM object that cannot be made: its kind, as in `EXPORTERS`, and why."""

    kind: str
    error: SpineAlignError


def made_objects(
    analysis: Analysis, details: ReportDetails, writers: Mapping[str, Write]
) -> tuple[ReportDetails, tuple[MissingObject, ...]]:
    """Make the DICOM objects of a result as far as they can be made, each from those before it.

    Parameters
    ----------
    analysis : Analysis
    details : ReportDetails
    writers : mapping of str to callable
        By kind, the segmentation before the structured report that refers to it.

    Returns
    -------
    ReportDetails
        With what was made as `objects`.
    tuple of MissingObject
        What was not, and why: tags that a library stumbles over keep no other object away.
    """
    from spinealign.dicom.source import lacking_keyword

    told, missing = replace(details, objects={}), []
    for kind, write in writers.items():
        try:
            content = write(analysis, told)
        except SpineAlignError as error:
            missing.append(MissingObject(kind, error))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            lacking = lacking_keyword(error)
            path, problem = analysis.image.source_path, DicomObjectProblem.FAULTY_TAGS
            missing.append(MissingObject(kind, DicomObjectError(path, problem, lacking)))
        else:
            told = replace(told, objects={**(told.objects or {}), kind: content})
    return told, tuple(missing)


@quiet_libraries()
def segmentation(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return what was outlined as a DICOM segmentation.

    Raises
    ------
    DicomObjectError
        Nothing can refer to the image, or nothing was outlined.
    """
    from spinealign.dicom.segmentation import segmentation_bytes
    from spinealign.dicom.source import source_of

    return segmentation_bytes(analysis, source_of(analysis.image, details.dicom), details.dicom)


@quiet_libraries()
def overlay_capture(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return the overlay picture, as the screen shows it, as a secondary capture.

    Raises
    ------
    DicomObjectError
        Nothing can refer to the image.
    """
    from spinealign.dicom.secondary_capture import capture_bytes
    from spinealign.dicom.source import source_of
    from spinealign.export.overlay import overlay_picture

    source = source_of(analysis.image, details.dicom)
    picture = overlay_picture(analysis, layers=details.layers).convert("RGB")
    drawings = () if analysis.corrections is None else analysis.corrections.drawings
    has_notes = any(drawing.tool.is_note for drawing in drawings)
    return capture_bytes(
        source,
        np.asarray(picture, np.uint8),
        _OVERLAY_WORDS,
        has_free_text=has_notes or analysis.image.burned_in,
        root=details.dicom.uid_root,
    )


@quiet_libraries()
def report_document(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return the report as an encapsulated PDF.

    Raises
    ------
    DicomObjectError
        Nothing can refer to the image.
    """
    from spinealign.dicom.encapsulated_pdf import document_bytes
    from spinealign.dicom.source import source_of
    from spinealign.export.report import report_pdf

    source = source_of(analysis.image, details.dicom)
    names_patient = bool(details.patient) and not details.is_deidentified
    return document_bytes(
        source,
        report_pdf(analysis, details),
        _REPORT_TITLE,
        names_patient=names_patient or analysis.image.burned_in,
        is_verified=not details.is_draft,
        root=details.dicom.uid_root,
    )


@quiet_libraries()
def source_picture(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return a picture that is no DICOM file as the secondary capture that objects refer to.

    Raises
    ------
    DicomObjectError
        Nobody said whose picture it is.
    """
    from spinealign.dicom.objects import object_bytes
    from spinealign.dicom.picture import made_picture

    return object_bytes(made_picture(analysis.image, details.dicom))


@quiet_libraries()
def write_volume_segmentation(volume: SegmentedVolume, folder: Path, choices: DicomChoices) -> Path:
    """Write the masks of a whole series as one DICOM segmentation, and return the file.

    Raises
    ------
    DicomObjectError
        The slices do not state where they lie, or nothing was outlined.
    ExportError
        It could not be written.
    """
    from spinealign.dicom.segmentation import volume_segmentation_bytes
    from spinealign.dicom.source import sources_of

    sources = sources_of(volume.volume.images, choices)
    path = folder / "segmentation.dcm"
    write_export(path, volume_segmentation_bytes(volume, sources, choices))
    return path


def is_other_format(analysis: Analysis) -> bool:
    """Whether the image is no DICOM file, so that objects need a picture to refer to."""
    return analysis.image.file_format != DICOM.name
