"""Structured report and presentation state of a result: what the table of exporters writes."""

from __future__ import annotations

from spinealign.domain.findings import Analysis
from spinealign.domain.report_details import ReportDetails
from spinealign.imaging.decoding import quiet_libraries


@quiet_libraries()
def structured_report(analysis: Analysis, details: ReportDetails) -> bytes:
    """Return every measure and finding of a reading as a DICOM structured report.

    Raises
    ------
    DicomObjectError
        Nothing can refer to the image.
    """
    from spinealign.dicom.measurement_report import measurement_report
    from spinealign.dicom.objects import object_bytes

    return object_bytes(measurement_report(analysis, details))


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
