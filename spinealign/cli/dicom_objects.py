"""DICOM objects on the command line: whether they are written, whose they are, what is restored."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.cli.series import WrongUseError
from spinealign.domain.dicom_choices import DicomChoices, StatedPatient, is_uid_root

if TYPE_CHECKING:
    from spinealign.domain.findings import Analysis

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
    add_object_options(parser, "segmentation, overlay picture and report as DICOM objects")
    parser.add_argument(
        "--segmentation", type=Path, metavar="FILE",
        help="take outlines from this DICOM segmentation of the image, of SpineAlign or of another "
        "program, for one image",
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
    """Refuse options that belong to one image where several are named.

    Raises
    ------
    WrongUseError
    """
    if images == 1:
        return
    if options.segmentation is not None:
        raise WrongUseError("A segmentation belongs to one image; name just one.")
    if any(getattr(options, name) is not None for name in _PATIENT_OPTIONS):
        raise WrongUseError("A patient is stated for one image; name just one.")


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


def with_segmentation(analysis: Analysis, options: argparse.Namespace) -> Analysis:
    """Return an analysis as the named segmentation has it.

    Raises
    ------
    DicomObjectError, ImageReadError
        It cannot be used.
    """
    from spinealign.dicom.restoring import restored, with_restored
    from spinealign.dicom.segmentation_file import read_segmentation
    from spinealign.dicom.source import source_of

    file = read_segmentation(options.segmentation)
    source = source_of(analysis.image, dicom_choices(options))
    return with_restored(analysis, restored(analysis, file, source))


def _root(text: str) -> str:
    if not is_uid_root(text):
        raise argparse.ArgumentTypeError("no root of DICOM identifiers, such as 1.2.840.99999")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("no date as YYYY-MM-DD") from None
