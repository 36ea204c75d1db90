"""Table of exporters, used by menus, dialogs, result folders and the schema.

How to add one: docs/design/formats.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from spinealign.domain.findings import Analysis
from spinealign.domain.report_details import ReportDetails


@dataclass(frozen=True)
class FileType:
    """What a dialog calls a type of file, and its suffix with the dot."""

    title: str
    suffix: str


PNG = FileType("PNG picture", ".png")
PDF = FileType("PDF document", ".pdf")
HTML = FileType("Web page", ".html")
CSV = FileType("Table", ".csv")
JSON = FileType("JSON", ".json")
DICOM_OBJECT = FileType("DICOM object", ".dcm")


@dataclass(frozen=True)
class Exporter:
    """One kind of file.

    Parameters
    ----------
    kind : str
        Its key in `files` of analysis.json; the window's command is ``save_`` and this.
    file_name : str
        In a folder of results.
    file_type : FileType
        What the dialog offers.
    title : str
        Of the dialog.
    menu_text : str
        With "&" before the letter that chooses it.
    description : str
        What the file holds, for the published schema.
    write : callable
        Analysis and details of the report to the file's bytes; imports what it needs when it
        is called. Called only where `is_available` holds, or `is_always_written` says so.
    is_available : callable
        Whether an analysis has something to write.
    is_always_written : bool
        Whether a folder of results holds the file even where there is nothing to write.
    is_report : bool
        Whether the file is for people and says whose image it is, where that is known.
    is_in_folder : bool
        Whether folders of results hold the file; the others are written when they are asked for.
    is_dicom : bool
        Whether the file is a DICOM object, which says whose image it is: folders of results hold
        it where `DicomChoices.is_in_folder` says so.
    keys : tuple of str
        Shortcuts, the one to show first.
    icon_name, tip : str
        Of the command.
    """

    kind: str
    file_name: str
    file_type: FileType
    title: str
    menu_text: str
    description: str
    write: Callable[[Analysis, ReportDetails], bytes]
    is_available: Callable[[Analysis], bool] = lambda _: True
    is_always_written: bool = False
    is_report: bool = False
    is_in_folder: bool = True
    is_dicom: bool = False
    keys: tuple[str, ...] = ()
    icon_name: str = ""
    tip: str = ""


RESULT = "json"
"""Kind of the file that says what a folder of results is."""


def available_kinds(analysis: Analysis, details: ReportDetails | None = None) -> tuple[str, ...]:
    """Return the kinds of file that a folder of results of this analysis holds, in order.

    Parameters
    ----------
    analysis : Analysis
    details : ReportDetails, optional
        Whose choices tell whether DICOM objects are among them, without, they are not; and
        which kinds are wanted.
    """
    wanted = frozenset[str]() if details is None else details.kinds
    with_dicom = details is not None and details.dicom.is_in_folder
    made = None if details is None else details.objects
    return tuple(
        kind
        for kind, exporter in EXPORTERS.items()
        if (exporter.is_in_folder or (exporter.is_dicom and with_dicom))
        and (exporter.is_always_written or exporter.is_available(analysis))
        and (not exporter.is_dicom or made is None or kind in made)
        and (not wanted or kind in wanted or kind == RESULT)
    )


def object_writers(
    analysis: Analysis, kinds: Sequence[str] | None = None
) -> dict[str, Callable[[Analysis, ReportDetails], bytes]]:
    """Return what writes each DICOM object that an analysis has something for, by kind.

    Parameters
    ----------
    analysis : Analysis
    kinds : sequence of str, optional
        The wanted ones; without, all.
    """
    return {
        kind: exporter.write
        for kind, exporter in EXPORTERS.items()
        if exporter.is_dicom
        and exporter.is_available(analysis)
        and (kinds is None or kind in kinds)
    }


def file_names(analysis: Analysis, details: ReportDetails | None = None) -> dict[str, str]:
    """Return the name of each file of `available_kinds`, by kind."""
    prefix = "" if details is None else details.prefix
    kinds = available_kinds(analysis, details)
    return {kind: f"{prefix}{EXPORTERS[kind].file_name}" for kind in kinds}


def _is_segmented(analysis: Analysis) -> bool:
    return analysis.segmentation is not None


def _is_outlined(analysis: Analysis) -> bool:
    found = analysis.segmentation
    return _is_taken(analysis) and found is not None and bool(found.mask.any())


def _is_taken(analysis: Analysis) -> bool:
    """Whether the image was not refused: of one that was, no archive gets any object."""
    return not analysis.is_refused


def _is_other_format(analysis: Analysis) -> bool:
    from spinealign.export.dicom_objects import is_other_format

    return _is_taken(analysis) and is_other_format(analysis)


def _dicom_seg(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.dicom_objects import segmentation

    return segmentation(analysis, details)


def _dicom_sr(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.dicom_reports import structured_report

    return structured_report(analysis, details)


def _dicom_pr(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.dicom_reports import presentation

    return presentation(analysis, details)


def _dicom_sc(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.dicom_objects import overlay_capture

    return overlay_capture(analysis, details)


def _dicom_pdf(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.dicom_objects import report_document

    return report_document(analysis, details)


def _dicom_source(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.dicom_objects import source_picture

    return source_picture(analysis, details)


def _has_heatmap(analysis: Analysis) -> bool:
    return analysis.heatmap is not None


def _overlay(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.overlay import overlay_picture, png_bytes

    return png_bytes(overlay_picture(analysis, layers=details.layers), analysis)


def _mask(analysis: Analysis, _details: ReportDetails) -> bytes:
    from spinealign.export.overlay import mask_picture, png_bytes

    return png_bytes(mask_picture(analysis), analysis)


def _heatmap(analysis: Analysis, _details: ReportDetails) -> bytes:
    from spinealign.export.overlay import heatmap_picture, png_bytes

    return png_bytes(heatmap_picture(analysis), analysis)


def _report(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.report import report_pdf

    return report_pdf(analysis, details)


def _report_html(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.report_html import report_html

    return report_html(analysis, details)


def _annex(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.report import annex_pdf

    return annex_pdf(analysis, details)


def _regions(analysis: Analysis, _details: ReportDetails) -> bytes:
    from spinealign.export.tables import regions_csv

    return regions_csv(analysis).encode()


def _measurements(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.measure_tables import measurements_csv

    return measurements_csv(analysis, details.reading).encode()


def _discs(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.disc_tables import discs_csv

    return discs_csv(analysis, details.reading).encode()


def _points(analysis: Analysis, _details: ReportDetails) -> bytes:
    from spinealign.export.point_tables import points_csv

    return points_csv(analysis).encode()


def _json(analysis: Analysis, details: ReportDetails) -> bytes:
    from spinealign.export.tables import analysis_json

    table = analysis_json(
        analysis, file_names(analysis, details), details.reading, details.left_out
    )
    text = json.dumps(table, ensure_ascii=False, allow_nan=False)
    # Python's own indenting takes four times as long, and writes the same.
    return msgspec.json.format(text, indent=2).encode() + b"\n"


OVERLAY = "overlay"
"""Kind of the picture that shows what the screen shows."""

REPORT_OBJECT = "dicom_sr"
"""Kind of the object that tells measures and findings."""

_ALL = (
    Exporter(
        OVERLAY,
        "overlay.png",
        PNG,
        title="Save overlay picture",
        menu_text="&Overlay picture (PNG)…",
        description="Structures drawn over the image.",
        write=_overlay,
        icon_name="overlay",
    ),
    Exporter(
        "mask",
        "mask.png",
        PNG,
        title="Save mask",
        menu_text="&Mask (PNG)…",
        description="8-bit picture of the image's size; pixel value = key of "
        "`segmentation.classes`.",
        write=_mask,
        is_available=_is_segmented,
    ),
    Exporter(
        "heatmap",
        "heatmap.png",
        PNG,
        title="Save heat map",
        menu_text="&Heat map (PNG)…",
        description="Evidence for the positive class, over the image.",
        write=_heatmap,
        is_available=_has_heatmap,
        icon_name="heatmap",
    ),
    Exporter(
        "report",
        "report.pdf",
        PDF,
        title="Save report",
        menu_text="&Report (PDF)…",
        description="Report for people.",
        write=_report,
        is_report=True,
        keys=("Ctrl+E",),
        icon_name="report",
        tip="Save the report as PDF",
    ),
    Exporter(
        "report_html",
        "report.html",
        HTML,
        title="Save report as web page",
        menu_text="Report (HTM&L)…",
        description="Report for people, as one web page.",
        write=_report_html,
        is_report=True,
        is_in_folder=False,
        tip="Save the report as a web page that needs no other file",
    ),
    Exporter(
        "annex",
        "annex.pdf",
        PDF,
        title="Save technical annex",
        menu_text="Technical &annex (PDF)…",
        description="Every measure with its definition, regions, models, cautions and timings.",
        write=_annex,
        is_report=True,
        is_in_folder=False,
        tip="Save all measures with definitions, models, cautions and timings as PDF",
    ),
    Exporter(
        "regions",
        "regions.csv",
        CSV,
        title="Save region table",
        menu_text="Region &table (CSV)…",
        description="The regions as a table.",
        write=_regions,
        is_available=_is_segmented,
        is_always_written=True,
    ),
    Exporter(
        "measurements",
        "measurements.csv",
        CSV,
        title="Save measures",
        menu_text="Measures (&CSV)…",
        description="The measurements as a table.",
        write=_measurements,
        is_available=lambda analysis: bool(analysis.measurements),
        tip="Save the measures as a table",
    ),
    Exporter(
        "discs",
        "discs.csv",
        CSV,
        title="Save table of discs",
        menu_text="Table of &discs (CSV)…",
        description="The graded discs as a table.",
        write=_discs,
        is_available=lambda analysis: bool(analysis.discs),
        tip="Save the graded discs as a table",
    ),
    Exporter(
        "points",
        "points.csv",
        CSV,
        title="Save points",
        menu_text="Tabl&e of points (CSV)…",
        description="The named points of a model of the user's own as a table.",
        write=_points,
        is_available=lambda analysis: analysis.located is not None,
        tip="Save the named points of your own model as a table",
    ),
    Exporter(
        "json",
        "analysis.json",
        JSON,
        title="Save all figures",
        menu_text="All figures (&JSON)…",
        description="This object.",
        write=_json,
    ),
    Exporter(
        "dicom_seg",
        "segmentation.dcm",
        DICOM_OBJECT,
        title="Save DICOM segmentation",
        menu_text="&Segmentation (DICOM)…",
        description="The structures as a DICOM segmentation, in the study of the image.",
        write=_dicom_seg,
        is_available=_is_outlined,
        is_in_folder=False,
        is_dicom=True,
        tip="Save the outlines for the archive: each body and disc coded, on the image's pixels",
    ),
    Exporter(
        "dicom_sr",
        "measurements.dcm",
        DICOM_OBJECT,
        title="Save DICOM structured report",
        menu_text="Meas&ures and findings (DICOM)…",
        description="Measures and findings with their points as a DICOM structured report, in the "
        "study of the image.",
        write=_dicom_sr,
        is_available=_is_taken,
        is_in_folder=False,
        is_dicom=True,
        tip="Save measures and findings for the archive: coded, with points, and who says so",
    ),
    Exporter(
        "dicom_pr",
        "presentation.dcm",
        DICOM_OBJECT,
        title="Save DICOM presentation state",
        menu_text="Li&nes and labels (DICOM)…",
        description="Outlines, lines and labels as a DICOM presentation state, in the study of the "
        "image.",
        write=_dicom_pr,
        is_available=_is_taken,
        is_in_folder=False,
        is_dicom=True,
        tip="Save outlines, lines and labels for the archive: viewers lay them over the image",
    ),
    Exporter(
        "dicom_sc",
        "overlay.dcm",
        DICOM_OBJECT,
        title="Save overlay as DICOM picture",
        menu_text="Overlay p&icture (DICOM)…",
        description="The overlay picture as a DICOM secondary capture, in the study of the image.",
        write=_dicom_sc,
        is_available=_is_taken,
        is_in_folder=False,
        is_dicom=True,
        tip="Save the picture with everything drawn on it for the archive; any viewer shows it",
    ),
    Exporter(
        "dicom_pdf",
        "report.dcm",
        DICOM_OBJECT,
        title="Save report as DICOM document",
        menu_text="Re&port document (DICOM)…",
        description="The report as a DICOM encapsulated PDF, in the study of the image.",
        write=_dicom_pdf,
        is_available=_is_taken,
        is_in_folder=False,
        is_dicom=True,
        tip="Save the report for the archive, as pages in a DICOM object",
    ),
    Exporter(
        "dicom_source",
        "image.dcm",
        DICOM_OBJECT,
        title="Save the image as DICOM picture",
        menu_text="Ima&ge itself (DICOM)…",
        description="The image itself as a DICOM secondary capture, which the other DICOM objects "
        "refer to; only of an image that is no DICOM file.",
        write=_dicom_source,
        is_available=_is_other_format,
        is_in_folder=False,
        is_dicom=True,
        tip="Save the picture that the other DICOM objects refer to; send it to the archive first",
    ),
)

EXPORTERS: Mapping[str, Exporter] = MappingProxyType({one.kind: one for one in _ALL})
"""By kind, in the order of menus."""
