"""Structured report and presentation state of a result: what the table of exporters writes."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.findings import Analysis
from spinealign.domain.report_details import ReportDetails
from spinealign.imaging.decoding import quiet_libraries

SEGMENTATION = "dicom_seg"
"""Kind of the object that a report refers to."""


@quiet_libraries()
def structured_report(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return every measure and finding of a reading as a DICOM structured report.

    It refers to the segmentation among `details.objects`, if there is one.

    Raises
    ------
    DicomObjectError
        Nothing can refer to the image.
    """
    from pydicom import dcmread

    from spinealign.dicom.measurement_report import measurement_report
    from spinealign.dicom.objects import object_bytes

    beside = (details.objects or {}).get(SEGMENTATION)
    outlined = None if beside is None else dcmread(BytesIO(beside))
    return object_bytes(measurement_report(analysis, details, outlined))


def with_replaced(analysis: Analysis, details: ReportDetails, path: Path) -> ReportDetails:
    """Return details that name the report which a new one takes the place of.

    Parameters
    ----------
    analysis : Analysis
    details : ReportDetails
    path : Path
        Where the new one is going to lie: what lies there is named where it is a structured
        report of this program about the image.
    """
    from spinealign.dicom.report_file import read_report
    from spinealign.dicom.source import source_of

    if not path.is_file():
        return details
    try:
        earlier = read_report(path).told_before(source_of(analysis.image, details.dicom))
    except SpineAlignError:
        return details  # whatever lies there, it is no report of this image
    known = details.dicom.earlier_reports
    if earlier is None or earlier in known:
        return details
    return replace(details, dicom=replace(details.dicom, earlier_reports=(*known, earlier)))


@quiet_libraries()
def presentation(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return outlines, lines and labels, as the screen shows them, as a presentation state.

    Raises
    ------
    DicomObjectError
        Nothing can refer to the image.
    """
    from spinealign.dicom.objects import object_bytes
    from spinealign.dicom.presentation_state import presentation_state
    from spinealign.export.measure_drawing import main_measures, ticked_measures
    from spinealign.export.report_content import as_drawn

    drawn, layers = as_drawn(analysis.without_demonstration, details), details.layers
    measures = main_measures(drawn) if layers is None else ticked_measures(drawn, layers)
    return object_bytes(presentation_state(drawn, details, measures))
