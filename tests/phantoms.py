"""Small made-up analyses of drawn images: nothing here comes from a patient or a network.

Imports only ``spinealign.domain``, numpy and OpenCV, so every test may use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import ExaminationKind, ImageKind
from spinealign.domain.findings import (
    Analysis,
    Caution,
    Classification,
    ModelIdentity,
    ModelStatus,
    Region,
    Segmentation,
    WarningCode,
)
from spinealign.domain.image import (
    DecisionSource,
    KindCheck,
    NoteKind,
    ReaderNote,
    SpacingSource,
    SpineImage,
)
from spinealign.domain.measurements import Measurement, Unmeasurable, UnmeasurableReason
from spinealign.domain.measures import MeasureCode
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR

MR_CLASSES = {1: "vertebra", 2: "disc", 3: "canal"}
CREATED_UTC = "2025-01-31T12:00:00+00:00"
PROGRAM_VERSION = "0.1.0"


def ct_model(status: ModelStatus = ModelStatus.DEMONSTRATION) -> ModelIdentity:
    """Return the identity of an invented classifier."""
    return ModelIdentity(
        name="ct_fracture_vgg16",
        title="CT fracture classifier (VGG16)",
        version="1.0.0",
        sha256=hashlib.sha256(b"ct").hexdigest(),
        status=status,
        engine="LiteRT",
        limits=(
            "Trained on a handful of CT series in which fractured and normal images come from "
            "different patients; it shows how the program works and does not detect fractures."
        ),
    )


def mr_model(status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED) -> ModelIdentity:
    """Return the identity of an invented segmentation network."""
    return ModelIdentity(
        name="mr_sagittal_unet",
        title="Sagittal MR segmentation (U-Net)",
        version="1.0.0",
        sha256=hashlib.sha256(b"mr").hexdigest(),
        status=status,
        engine="LiteRT",
        limits="Tested on patients of the same centre only; outlines need checking by eye.",
    )


def ct_pixels(side: int = 256) -> NDArray[np.float32]:
    """Draw an axial neck slice in Hounsfield units, shape (side, side)."""
    canvas = np.full((side, side), -1000.0, np.float32)
    unit = side / 256

    def ellipse(x: float, y: float, rx: float, ry: float, value: float) -> None:
        centre = (round(x * unit), round(y * unit))
        axes = (max(round(rx * unit), 1), max(round(ry * unit), 1))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, value, -1)

    ellipse(128, 132, 100, 88, -80)
    ellipse(128, 132, 92, 80, 50)
    ellipse(128, 78, 12, 9, -950)
    ellipse(128, 124, 32, 22, 700)
    ellipse(128, 124, 28, 18, 300)
    for x in (98, 158):
        ellipse(x, 136, 14, 9, 600)
        ellipse(x, 134, 5, 4, 60)
    ellipse(128, 162, 27, 22, 650)
    ellipse(128, 157, 19, 15, 30)
    ellipse(128, 196, 6, 22, 550)
    noise = np.random.default_rng(7).normal(0, 18, canvas.shape)
    return (cv2.GaussianBlur(canvas, (0, 0), 0.8 * unit) + noise).astype(np.float32)


def ct_image(side: int = 256) -> SpineImage:
    """Return the drawn CT slice with the geometry of a DICOM file."""
    return SpineImage(
        pixels=ct_pixels(side),
        bits=16,
        source_path=Path("phantom_ct.dcm"),
        sha256=hashlib.sha256(b"phantom ct").hexdigest(),
        spacing_mm=(0.7, 0.7),
        spacing_source=SpacingSource.PATIENT_PLANE,
        window=(300.0, 1500.0),
        modality="CT",
        is_hounsfield=True,
        possible_examinations=(NECK_CT,),
        file_format="DICOM",
    )


def heatmap(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a smooth bump, 0..1, a little above the middle."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    dy, dx = (y / shape[0] - 0.5) / 0.13, (x / shape[1] - 0.56) / 0.16
    return np.exp(-(dy**2 + dx**2) / 2).astype(np.float32)


def ct_analysis(
    probability: float = 0.87, side: int = 256, status: ModelStatus = ModelStatus.DEMONSTRATION
) -> Analysis:
    """Return the answer of a classifier on a drawn CT slice, a demonstration that was asked."""
    model, image = ct_model(status), ct_image(side)
    warned = (Caution(WarningCode.DEMONSTRATION_MODEL, model_title=model.title),)
    classification = Classification(
        model=model,
        labels=("fracture", "normal"),
        probabilities=(probability, 1 - probability),
        positive_label="fracture",
        threshold=0.5,
        predicted="fracture" if probability >= 0.5 else "normal",
        calibrated=False,
        heatmap=heatmap(image.shape),
    )
    return Analysis(
        image=image,
        examination=NECK_CT,
        decided_by=DecisionSource.DICOM,
        kind_confidence=None,
        program_version=PROGRAM_VERSION,
        created_utc=CREATED_UTC,
        classification=classification,
        cautions=(
            *(warned if status is ModelStatus.DEMONSTRATION else ()),
            Caution(WarningCode.PROBABILITY_NOT_CALIBRATED),
        ),
        models=(model,),
        seconds={"read": 0.02, "classify": 0.31},
    )


def mr_mask(shape: tuple[int, int] = (320, 200)) -> NDArray[np.uint8]:
    """Draw seven vertebrae, six discs and a canal along a gentle curve, shape (H, W)."""
    scale = 4
    canvas = np.zeros((shape[0] * scale, shape[1] * scale), np.uint8)
    rows, cols = canvas.shape
    levels = np.linspace(0.1, 0.9, 13)
    xs = cols * (0.42 + 0.09 * np.sin(np.pi * levels))
    ys = rows * levels
    canal = np.stack([xs + cols * 0.22, ys], axis=1).round().astype(np.int32)
    cv2.polylines(canvas, [canal], False, 3, thickness=round(cols * 0.075))
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        slope = np.degrees(np.arctan(-0.09 * np.pi * np.cos(np.pi * levels[i]) * cols / rows))
        is_disc = i % 2 == 1
        size = (cols * (0.25 if is_disc else 0.24), rows * (0.030 if is_disc else 0.074))
        box = cv2.boxPoints(((float(x), float(y)), size, float(slope)))
        cv2.fillConvexPoly(canvas, box.round().astype(np.int32), 2 if is_disc else 1)
        if not is_disc:
            process = (round(x + cols * 0.36), round(y + rows * 0.03))
            axes = (round(cols * 0.085), round(rows * 0.018))
            cv2.ellipse(canvas, process, axes, 20, 0, 360, 1, -1)
    return canvas[scale // 2 :: scale, scale // 2 :: scale].copy()


def mr_pixels(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return T2-like grey values (12 bits) for a mask of `MR_CLASSES`, same shape."""
    greys = np.array([420.0, 700.0, 950.0, 1500.0], np.float32)[mask]
    rows, cols = mask.shape
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    tissue = 1 - 0.5 * np.clip(np.abs(x / cols - 0.55) - 0.2, 0, None)
    greys = greys * tissue + 60 * np.sin(x / 9) * np.cos(y / 13)
    noise = np.random.default_rng(3).normal(0, 25, mask.shape)
    return np.clip(cv2.GaussianBlur(greys, (0, 0), 1.0) + noise, 0, 4095).astype(np.float32)


def mr_image(mask: NDArray[np.uint8]) -> SpineImage:
    """Return the drawn MR slice with the geometry of a NIfTI file."""
    return SpineImage(
        pixels=mr_pixels(mask),
        bits=16,
        source_path=Path("phantom_mr.nii.gz"),
        sha256=hashlib.sha256(b"phantom mr").hexdigest(),
        spacing_mm=(0.8, 0.75),
        spacing_source=SpacingSource.NIFTI_HEADER,
        modality="MR",
        possible_examinations=(SPINE_MR,),
        file_format="NIfTI",
        notes=(ReaderNote(NoteKind.SLICE_TAKEN, ("sagittal", 8, 15)),),
    )


def region(
    mask: NDArray[np.uint8], class_id: int | None, name: str, pixel_area_mm2: float | None
) -> Region:
    """Count one class of a mask; `class_id` None counts all structures, 0 the background."""
    chosen = mask > 0 if class_id is None else mask == class_id
    pixels, structures = int(chosen.sum()), int((mask > 0).sum())
    is_background = class_id == 0
    parts = cv2.connectedComponents(chosen.astype(np.uint8), connectivity=8)[0] - 1
    return Region(
        class_id=class_id,
        name=name,
        pixels=pixels,
        percent_of_image=100 * pixels / mask.size,
        percent_of_structures=None if is_background else 100 * pixels / max(structures, 1),
        area_mm2=None if pixel_area_mm2 is None else pixels * pixel_area_mm2,
        parts=parts,
        mean_confidence=0.95 if pixels else None,
    )


def regions(
    mask: NDArray[np.uint8], classes: Mapping[int, str], pixel_area_mm2: float | None
) -> tuple[Region, ...]:
    """Count every class, then all structures together, then the background."""
    rows = [*classes.items(), (None, "all structures"), (0, "background")]
    return tuple(region(mask, class_id, name, pixel_area_mm2) for class_id, name in rows)


def mr_analysis(
    shape: tuple[int, int] = (320, 200),
    status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED,
) -> Analysis:
    """Return the answer of a segmentation network on a drawn sagittal MR slice."""
    model, mask = mr_model(status), mr_mask(shape)
    image = mr_image(mask)
    segmentation = Segmentation(
        model=model,
        classes=MR_CLASSES,
        mask=mask,
        confidence=np.full(mask.shape, 0.95, np.float32),
    )
    return Analysis(
        image=image,
        examination=SPINE_MR,
        decided_by=DecisionSource.PIXELS,
        kind_confidence=0.97,
        program_version=PROGRAM_VERSION,
        created_utc=CREATED_UTC,
        segmentation=segmentation,
        regions=regions(mask, MR_CLASSES, image.pixel_area_mm2),
        measurements=(
            Measurement(MeasureCode.CANAL_DIAMETER, 11.4, "mm", ("L4", "L5")),
            Measurement(
                MeasureCode.LUMBAR_LORDOSIS_L1_S1,
                None,
                "deg",
                ("L1", "S1"),
                Unmeasurable(UnmeasurableReason.CUT_OFF, ("S1",)),
            ),
        ),
        models=(model,),
        cautions=(
            Caution(WarningCode.READER_NOTE, note=ReaderNote(NoteKind.CANAL_WIDEST, (8, 15))),
        ),
        seconds={"read": 0.05, "segment": 0.62, "measure": 0.01},
    )


def without_spacing(analysis: Analysis) -> Analysis:
    """Return the same analysis of an image whose pixel spacing is unknown."""
    image = replace(analysis.image, spacing_mm=None, spacing_source=SpacingSource.UNKNOWN)
    rows = tuple(replace(row, area_mm2=None) for row in analysis.regions)
    cautions = (*analysis.cautions, Caution(WarningCode.NO_SPACING))
    return replace(analysis, image=image, regions=rows, cautions=cautions)


def photo_image() -> SpineImage:
    """Return a small colour-gradient picture that is no spine image."""
    y, x = np.mgrid[0:120, 0:160].astype(np.float32)
    return SpineImage(
        pixels=(y + x).astype(np.float32) * 0.9,
        bits=8,
        source_path=Path("holiday.png"),
        sha256=hashlib.sha256(b"photo").hexdigest(),
        file_format="PNG",
        notes=(ReaderNote(NoteKind.COLOUR_TO_GREY),),
    )


def failed_view_analysis() -> Analysis:
    """Return the answer for a picture that is none of the three kinds: nothing analysed."""
    return Analysis(
        image=photo_image(),
        examination=None,
        decided_by=DecisionSource.PIXELS,
        kind_confidence=0.91,
        kind_check=KindCheck(
            ImageKind.NONE_OF_THESE,
            accepted=False,
            pixels=ImageKind.NONE_OF_THESE,
            confidence=0.91,
            ood_distance=7.5,
            ood_limit=5.0,
        ),
        program_version=PROGRAM_VERSION,
        created_utc=CREATED_UTC,
        cautions=(
            Caution(WarningCode.NO_SPACING),
            Caution(WarningCode.READER_NOTE, note=ReaderNote(NoteKind.COLOUR_TO_GREY)),
        ),
        seconds={"read": 0.01, "view": 0.02},
    )


def xray_analysis() -> Analysis:
    """Return the answer for a lateral radiograph while no model for it is installed."""
    image = replace(
        photo_image(),
        source_path=Path("lateral.dcm"),
        bits=12,
        spacing_mm=(0.15, 0.15),
        spacing_source=SpacingSource.DETECTOR_PLANE,
        modality="DX",
        possible_examinations=(LATERAL_NECK,),
        file_format="DICOM",
        notes=(),
    )
    return replace(
        failed_view_analysis(),
        image=image,
        examination=LATERAL_NECK,
        decided_by=DecisionSource.DICOM,
        kind_confidence=None,
        kind_check=None,
        cautions=(
            Caution(
                WarningCode.NO_MODEL_FOR_VIEW,
                examination=ExaminationKind.LATERAL_NECK_RADIOGRAPH,
            ),
            Caution(WarningCode.MAGNIFIED_SPACING),
        ),
    )
