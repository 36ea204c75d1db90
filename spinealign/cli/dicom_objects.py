"""DICOM objects on the command line: whether they are written, whose they are, what is restored."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.cli.series import WrongUseError
from spinealign.domain.dicom_choices import DicomChoices, StatedPatient, is_uid_root
from spinealign.domain.errors import DicomObjectError, DicomObjectProblem
from spinealign.domain.formats import DICOM

if TYPE_CHECKING:
    from spinealign.analysis import Outlined
    from spinealign.dicom.restoring_report import RestoredReport
    from spinealign.domain.findings import Analysis
    from spinealign.domain.image import SpineImage
    from spinealign.domain.reading import Reading

_PATIENT_OPTIONS = (
    "dicom_patient_id", "dicom_patient_name", "dicom_birth_date", "dicom_sex", "dicom_study_date",
    "dicom_accession",
)  # fmt: skip


def add_object_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Let a command write DICOM objects; `what` names them."""
    parser.add_argument(
        "--dicom", action="store_true",
        help=f"write {what} too, into the study of the image, with the patient data of its file",
    )  # fmt: skip
    parser.add_argument(
        "--label-map",
        action="store_true",
        help="write the segmentation as a label map, which fewer programs read",
    )
    parser.add_argument(
        "--uid-root", type=_root, default="", metavar="ROOT",
        help="root of new DICOM identifiers, registered for your institution (default: 2.25)",
    )  # fmt: skip


def add_dicom_options(parser: argparse.ArgumentParser) -> None:
    """Let a command write DICOM objects, and restore a case from one."""
    add_object_options(
        parser, "segmentation, measures, presentation, picture and report as DICOM objects"
    )
    parser.add_argument(
        "--segmentation", type=Path, metavar="FILE",
        help="take outlines from this DICOM segmentation of the image, of SpineAlign or of another "
        "program, for one image",
    )  # fmt: skip
    parser.add_argument(
        "--structured-report", type=Path, metavar="FILE",
        help="take hand measures, the reader's decisions and the impression from this DICOM "
        "structured report of the image; of another program the measures, for one image",
    )  # fmt: skip
    whose = parser.add_argument_group(
        "patient of an image that is no DICOM file, for --dicom and one image"
    )
    whose.add_argument("--dicom-patient-id", metavar="ID", help="as the hospital has it")
    whose.add_argument(
        "--dicom-patient-name", metavar="NAME", help="family name^given name^middle name"
    )
    whose.add_argument("--dicom-birth-date", type=_day, metavar="YYYY-MM-DD")
    whose.add_argument("--dicom-sex", choices=["F", "M", "O"])
    whose.add_argument("--dicom-study-date", type=_day, metavar="YYYY-MM-DD")
    whose.add_argument("--dicom-accession", metavar="NUMBER", help="accession number")


def check_dicom_use(options: argparse.Namespace, images: int) -> None:
    """Refuse options that belong to one image where several are named, or that change nothing.

    Raises
    ------
    WrongUseError
    """
    _require_use(options)
    if images == 1:
        return
    if options.segmentation is not None:
        raise WrongUseError("A segmentation belongs to one image; name just one.")
    if options.structured_report is not None:
        raise WrongUseError("A structured report belongs to one image; name just one.")
    if any(getattr(options, name) is not None for name in _PATIENT_OPTIONS):
        raise WrongUseError("A patient is stated for one image; name just one.")


def _require_use(options: argparse.Namespace) -> None:
    """Refuse options about DICOM objects where none is written or opened.

    Raises
    ------
    WrongUseError
    """
    opened = (options.segmentation, options.structured_report)
    is_for_objects = options.dicom or any(path is not None for path in opened)
    if not is_for_objects and any(getattr(options, name) is not None for name in _PATIENT_OPTIONS):
        raise WrongUseError("A patient is stated for DICOM objects; add --dicom.")
    if not options.dicom and options.label_map:
        raise WrongUseError("--label-map is for DICOM objects; add --dicom.")
    if not is_for_objects and options.uid_root:
        raise WrongUseError("--uid-root is for DICOM objects; add --dicom.")


def require_silent_image(image: SpineImage, options: argparse.Namespace) -> None:
    """Refuse a patient that is stated for a DICOM image, which says itself whose it is.

    Raises
    ------
    DicomObjectError
    """
    is_stated = any(getattr(options, name) is not None for name in _PATIENT_OPTIONS)
    if is_stated and image.file_format == DICOM.name:
        raise DicomObjectError(image.source_path, DicomObjectProblem.PATIENT_STATED)


def dicom_choices(options: argparse.Namespace) -> DicomChoices:
    """Return how DICOM objects are written."""
    patient = None
    if any(getattr(options, name) is not None for name in _PATIENT_OPTIONS):
        patient = StatedPatient(
            options.dicom_patient_id or "",
            options.dicom_patient_name or "",
            options.dicom_birth_date,
            options.dicom_sex or "",
            options.dicom_study_date,
            options.dicom_accession or "",
        )
    return DicomChoices(patient, options.uid_root, options.label_map, options.dicom)


def outlined_option(options: argparse.Namespace) -> Outlined | None:
    """Return what puts the masks of the named segmentation in place of the network's."""
    if getattr(options, "segmentation", None) is None:
        return None
    from spinealign.dicom.restoring import outlined_by
    from spinealign.dicom.segmentation_file import read_segmentation

    return outlined_by(read_segmentation(options.segmentation), dicom_choices(options))


def restored_case(
    analysis: Analysis, options: argparse.Namespace
) -> tuple[Analysis, Reading | None]:
    """Return an analysis as the named segmentation and report have it, and the reading they tell.

    Raises
    ------
    DicomObjectError, ImageReadError
        One of them cannot be used.
    """
    if options.segmentation is not None:
        analysis = _with_segmentation(analysis, options)
    if options.structured_report is None:
        return analysis, None
    from spinealign.reading.findings import findings_of
    from spinealign.wording.dicom_report import restored_report_text

    report = _with_report(analysis, options)
    waiting = [one for one in findings_of(report.analysis) if one.key in report.differing]
    sys.stderr.write(
        f"{restored_report_text(report.drawn, len(report.reading.decisions), waiting)}\n"
    )
    return report.analysis, report.reading


def _with_segmentation(analysis: Analysis, options: argparse.Namespace) -> Analysis:
    from spinealign.dicom.restoring import restored, with_restored
    from spinealign.dicom.segmentation_file import read_segmentation
    from spinealign.dicom.source import source_of
    from spinealign.wording.corrections import other_view_message

    file = read_segmentation(options.segmentation)
    source = source_of(analysis.image, dicom_choices(options))
    found = restored(analysis, file, source)
    if found.other_view:
        message = other_view_message(analysis, found.other_view)
        sys.stderr.write(f"{message.sentence} {message.advice}\n")
    return with_restored(analysis, found)


def _with_report(analysis: Analysis, options: argparse.Namespace) -> RestoredReport:
    from spinealign.dicom.report_file import read_report
    from spinealign.dicom.restoring_report import restored_report
    from spinealign.dicom.source import source_of

    file = read_report(options.structured_report)
    source = source_of(analysis.image, dicom_choices(options))
    return restored_report(analysis, file, source, datetime.now(UTC))


def _root(text: str) -> str:
    if not is_uid_root(text):
        raise argparse.ArgumentTypeError("no root of DICOM identifiers, such as 1.2.840.99999")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("no date as YYYY-MM-DD") from None
