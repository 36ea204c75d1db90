"""Analyses with measures, grades and drawings on written pictures of every kind of examination."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.findings import Analysis, Facing, ModelStatus
from spinealign.domain.measurements import DrawingTool
from spinealign.domain.reading import Decision, FindingValue, Reading
from spinealign.domain.report_details import ReportDetails
from spinealign.imaging.read import read_image
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.correction.changes import (
    add_drawing,
    apply_corrections,
    initial_corrections,
)
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.reading.session import ReadingSession
from tests import phantoms, phantoms_spine, readings
from tests.dicom_objects import KINDS, PATIENT, kind_analysis
from tests.examinations import NECK_CT
from tests.image_files import AXIAL, write_dicom

DRAWN = (
    (DrawingTool.DISTANCE, ((10.25, 12.5), (44.0, 61.125))),
    (DrawingTool.ANGLE, ((12.0, 70.5), (30.0, 100.0), (80.0, 95.0))),
    (DrawingTool.COBB, ((10.0, 20.0), (40.0, 26.0), (12.0, 90.0), (44.0, 80.0))),
    (DrawingTool.AREA, ((70.0, 20.0), (90.0, 24.0), (84.0, 50.0), (66.0, 41.0))),
    (DrawingTool.RECTANGLE, ((60.5, 60.0), (90.0, 80.25))),
    (DrawingTool.ELLIPSE, ((5.0, 80.0), (25.0, 118.0))),
)
"""One drawing of each tool that measures, on the smallest of the pictures; none is symmetric."""


def with_measures(analysis: Analysis) -> Analysis:
    """Return a made-up analysis with what follows from its bodies, grades, and drawings."""
    kind, facing = analysis.examination, Facing(analysis.facing or "left")
    geometry = PixelGeometry.of(analysis.image)
    taken = measure_alignment(analysis.vertebrae, facing, geometry, kind)
    found = replace(analysis, measurements=taken)
    if found.discs:
        graded = readings.disc("L4/L5", 3, 4, bulging=True, herniation=None, modic=True)
        own = tuple(replace(disc, grades=graded.grades) for disc in found.discs)
        found = replace(found, discs=own, disc_model=readings.disc_model())
    return drawn_on(found)


def drawn_on(analysis: Analysis) -> Analysis:
    """Return an analysis with one drawing of each tool."""
    wanted = initial_corrections(analysis)
    for tool, points in DRAWN:
        wanted = add_drawing(wanted, tool, points)
    return apply_corrections(analysis, wanted)


def whole_spine(folder: Path) -> Analysis:
    """Return the drawn whole spine on a film that is a file."""
    found = phantoms_spine.spine_analysis()
    image = read_image(_whole_spine_file(folder))
    return replace(found, image=replace(image, spacing_mm=found.image.spacing_mm))


def _whole_spine_file(folder: Path) -> Path:
    shape = (phantoms_spine.HEIGHT_PX, phantoms_spine.WIDTH_PX)
    pixels = np.random.default_rng(3).integers(0, 4096, shape, dtype=np.uint16)
    study = {
        "PatientName": "Phantom^Spine", "PatientID": "PHANTOM-18", "PatientBirthDate": "",
        "PatientSex": "", "StudyInstanceUID": "2.25.18001", "SeriesInstanceUID": "2.25.18002",
        "StudyDate": "20261128", "StudyTime": "", "AccessionNumber": "", "StudyID": "",
        "Modality": "DX", "PatientOrientation": ["P", "F"], "PixelSpacing": [0.5, 0.5],
        "BodyPartExamined": "WHOLESPINE",
    }  # fmt: skip
    return write_dicom(folder / "spine.dcm", pixels, **study)


def classified_ct(folder: Path, status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED) -> Analysis:
    """Return a neck CT with the answer of a classifier, on a slice that is a file."""
    found = phantoms.ct_analysis(status=status)
    stored = (found.image.pixels + 1024).astype(np.uint16)
    path = write_dicom(
        folder / "ct.dcm", stored, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        PatientName="Phantom^Ct", PatientID="PHANTOM-19", PatientBirthDate="", PatientSex="",
        StudyInstanceUID="2.25.19001", SeriesInstanceUID="2.25.19002", StudyDate="20261128",
        StudyTime="", AccessionNumber="", StudyID="", RescaleSlope=1, RescaleIntercept=-1024,
        ImageOrientationPatient=AXIAL, ImagePositionPatient=[0, 0, 0], PixelSpacing=[0.7, 0.7],
        FrameOfReferenceUID="2.25.19003",
    )  # fmt: skip
    return replace(found, image=read_image(path), examination=NECK_CT)


CASES = (*KINDS, "whole spine", "classified CT")
"""Every kind of picture that a report is written of."""


def case(name: str, folder: Path) -> Analysis:
    """Return an analysis with everything that its kind of picture can have."""
    if name == "whole spine":
        return whole_spine(folder)
    if name == "classified CT":
        return classified_ct(folder)
    return with_measures(kind_analysis(name, folder))


def details(reading: Reading | None = None, **changes) -> ReportDetails:
    """Return what a report needs beside the analysis; pictures without a patient get one."""
    return ReportDetails(reading=reading, dicom=DicomChoices(PATIENT), **changes)


def read_by_hand(
    analysis: Analysis,
    folder: Path,
    decided: Mapping[str, tuple[Decision, FindingValue | None]] | None = None,
    *,
    is_signed: bool = True,
    reader: str = "A. Reader",
) -> Reading:
    """Return the reading of an analysis: some findings decided on, the rest accepted."""
    session = ReadingSession(analysis, readings.store_in(folder), reader, readings.Clock())
    session.decide_all(dict(decided or {}))
    if is_signed:
        session.accept_rest()
        session.write_impression("Signed by hand.")
        return session.sign(reader)
    return session.reading


def dsrdump(path: Path) -> tuple[str, list[str]]:
    """Return what DCMTK prints of a report, and what it warns of."""
    done = subprocess.run(
        ["dsrdump", "+Pl", str(path)], capture_output=True, text=True, errors="replace",
        timeout=60, check=False,
    )  # fmt: skip
    said = re.findall(r"^[WEF]: .*$", done.stderr + done.stdout, re.MULTILINE)
    return done.stdout, said if done.returncode == 0 else [*said, f"rc {done.returncode}"]
