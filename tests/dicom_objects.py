"""Pictures of every kind of examination as files, with made-up outlines, for DICOM objects."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spinealign.domain.dicom_choices import StatedPatient
from spinealign.domain.findings import Analysis, Segmentation, Vertebra
from spinealign.domain.image import DecisionSource, SpineImage
from spinealign.domain.structures import STRUCTURES
from spinealign.imaging.read import read_image
from tests import phantoms
from tests.examinations import LATERAL_NECK, SPINE_MR
from tests.image_files import SAGITTAL, dicom_object, write_dicom
from tests.phantoms_alignment import box, by_network

ROWS, COLS = 120, 96
PATIENT = StatedPatient("P-17", "Doe^Jané", date(1970, 1, 2), "F", date(2026, 11, 28), "A17")

_STUDY = {
    "SpecificCharacterSet": "ISO_IR 192", "PatientName": "Phantom^Jané", "PatientID": "PHANTOM-17",
    "PatientBirthDate": "19700102", "PatientSex": "O", "StudyInstanceUID": "2.25.17001",
    "SeriesInstanceUID": "2.25.17002", "StudyDate": "20261128", "StudyTime": "101500",
    "AccessionNumber": "ACC17", "StudyID": "17", "ReferringPhysicianName": "", "SeriesNumber": 3,
    "InstanceNumber": 7, "Manufacturer": "drawn",
}  # fmt: skip
_FILM = {**_STUDY, "Modality": "DX", "BodyPartExamined": "CSPINE", "PatientOrientation": ["P", "F"],
         "PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.22, 0.22]}  # fmt: skip
MR_CLASS, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
_MR = {**_STUDY, "Modality": "MR", "SOPClassUID": MR_CLASS, "FrameOfReferenceUID": "2.25.17003",
       "PositionReferenceIndicator": "", "PixelSpacing": [0.8, 0.7], "SliceThickness": 4,
       "ImageOrientationPatient": SAGITTAL, "ImagePositionPatient": [3, -40, 50]}  # fmt: skip


def _grey(shape: tuple[int, ...] = (ROWS, COLS), seed: int = 17) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(0, 4096, shape, dtype=np.uint16)


def write_mr_series(folder: Path, count: int = 5, **tags) -> list[Path]:
    """Write the slices of a sagittal MR series, from the patient's right to the left."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        stated = {**_MR, "ImagePositionPatient": [4.0 * number - 8, -40, 50]}
        stated |= {"InstanceNumber": number + 1, **tags}
        pixels = _grey(seed=number)
        paths.append(write_dicom(folder / f"slice{number}.dcm", pixels, **stated))
    return paths


def _multi_frame(path: Path) -> Path:
    return write_dicom(
        path, _grey((3, ROWS, COLS)), **{**_STUDY, "Modality": "RF",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.2"},
    )  # fmt: skip


def _enhanced(path: Path) -> Path:
    dataset = dicom_object(_grey((4, ROWS, COLS)), **{**_STUDY, "Modality": "MR",
        "SOPClassUID": ENHANCED_MR, "FrameOfReferenceUID": "2.25.17003",
        "PositionReferenceIndicator": ""})  # fmt: skip
    from pydicom import Dataset, dcmwrite

    def group(**values) -> Dataset:
        item = Dataset()
        for keyword, value in values.items():
            setattr(item, keyword, value)
        return item

    dataset.DimensionOrganizationSequence = [group(DimensionOrganizationUID="2.25.17004")]
    dataset.SharedFunctionalGroupsSequence = [
        group(
            PlaneOrientationSequence=[group(ImageOrientationPatient=SAGITTAL)],
            PixelMeasuresSequence=[group(PixelSpacing=[0.8, 0.7], SliceThickness=4)],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        group(
            PlanePositionSequence=[group(ImagePositionPatient=[4.0 * frame, -40, 50])],
            FrameContentSequence=[group(DimensionIndexValues=[frame + 1])],
        )
        for frame in range(4)
    ]
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def _colour(path: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (ROWS, COLS, 3), dtype=np.uint8)
    return write_dicom(path, pixels, **{**_STUDY, "Modality": "OT",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "ConversionType": "DI"})  # fmt: skip


def _png(path: Path) -> Path:
    path = path.with_suffix(".png")
    Image.fromarray((_grey() >> 4).astype(np.uint8)).save(path)
    return path


_AXIAL_OBLIQUE = [0, 0, 1, 0, -1, 0]
KINDS: Mapping[str, object] = {
    "film": lambda path: write_dicom(path, _grey(), **_FILM),
    "film on its side": lambda path: write_dicom(
        path, _grey((COLS, ROWS)), **{**_FILM, "PatientOrientation": ["F", "A"]}
    ),
    "film on its head": lambda path: write_dicom(
        path, _grey(), **{**_FILM, "PatientOrientation": ["A", "H"]}
    ),
    "frontal film": lambda path: write_dicom(
        path, _grey(), **{**_FILM, "PatientOrientation": ["L", "F"], "ViewPosition": "AP"}
    ),
    "no spacing": lambda path: write_dicom(
        path, _grey(), **{k: v for k, v in _FILM.items() if "Spacing" not in k}
    ),
    "slice": lambda path: write_dicom(path, _grey(), **_MR),
    "slice turned and mirrored": lambda path: write_dicom(
        path, _grey((COLS, ROWS)), **{**_MR, "ImageOrientationPatient": _AXIAL_OBLIQUE}
    ),
    "multi-frame": _multi_frame,
    "enhanced": _enhanced,
    "colour": _colour,
    "picture": _png,
}
"""What writes an image of each kind to a path, and returns where it lies."""


def kind_analysis(name: str, folder: Path) -> Analysis:
    """Return an analysis of a written image: two bodies of a film, or bodies and a disc of MR."""
    write = KINDS[name]
    image = read_image(write(folder / f"{name.replace(' ', '_')}.dcm"))  # type: ignore[operator]
    if image.modality == "MR":
        return mr_analysis(image)
    return film_analysis(image)


def film_analysis(image: SpineImage) -> Analysis:
    """Return made-up bodies C3 and C4 with their mask: no symmetry that hides a turn."""
    mask = np.zeros(image.shape, np.uint8)
    mask[20:41, 30:55] = 2
    mask[50:70, 33:60] = 3
    mask[20, 30] = 0  # a corner that tells a mirrored mask from its own
    bodies = _bodies("C3", "C4")
    return _analysis(image, mask, {2: "C3", 3: "C4"}, bodies, LATERAL_NECK)


def mr_analysis(image: SpineImage) -> Analysis:
    """Return made-up bodies L4 and L5, the disc between them, a loose piece, and the canal."""
    mask = np.zeros(image.shape, np.uint8)
    mask[20:41, 30:55] = 1
    mask[50:70, 33:60] = 1
    mask[5:9, 5:9] = 1  # a piece of no body
    mask[42:49, 32:57] = 2
    mask[10:90, 65:72] = 3
    bodies = _bodies("L4", "L5")
    found = _analysis(image, mask, dict(phantoms.MR_CLASSES), bodies, SPINE_MR)
    return replace(found, discs=(_disc("L4/L5"),))


def structured_analysis(image: SpineImage) -> Analysis:
    """Return made-up bodies L5 and S1, each of a class of its own, and posterior elements."""
    plain = mr_analysis(image)
    assert plain.segmentation is not None
    mask = np.array([0, 1, 4, 5], np.uint8)[plain.segmentation.mask]
    mask[50:70, 33:60] = 3
    mask[5:9, 5:9] = 2
    found = _analysis(
        image, mask, dict(enumerate(STRUCTURES[1:], 1)), _bodies("L5", "S1"), SPINE_MR
    )
    return replace(found, discs=(_disc("L5/S1"),))


def _bodies(upper: str, lower: str) -> tuple[Vertebra, ...]:
    return by_network(box(upper, 30, 20, 25, 21), box(lower, 33, 50, 27, 20))


def _disc(level: str):
    from spinealign.domain.discs import Disc

    outline = ((32.0, 42.0), (57.0, 42.0), (57.0, 49.0), (32.0, 49.0))
    return Disc(level, 1, outline, (32.0, 45.5), (57.0, 45.5), 7.0, 0.9)


def _analysis(image, mask, classes, bodies, examination) -> Analysis:
    confidence = np.where(mask > 0, 0.9, 1.0).astype(np.float32)
    model = phantoms.mr_model()
    return Analysis(
        image, examination, DecisionSource.USER, None, phantoms.PROGRAM_VERSION,
        phantoms.CREATED_UTC, vertebrae=bodies, facing="right", models=(model,),
        segmentation=Segmentation(model, classes, mask, confidence),
    )  # fmt: skip


def dciodvfy_errors(path: Path) -> list[str]:
    """Return what dicom3tools' judge finds wrong with an object."""
    done = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", timeout=60,
        check=False,
    )  # fmt: skip
    return re.findall(r"^Error.*$", done.stderr + done.stdout, re.MULTILINE)


def require_program(name: str, package: str) -> None:
    """Skip a test where a program is not installed; under CI that is a failure."""
    if shutil.which(name) is not None:
        return
    missing = f"{name} of {package} is not installed"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
