"""Results in words: the finding, its cautions, and the numbers behind it."""

from __future__ import annotations

import math

from spinealign.domain.findings import (
    Analysis,
    Classification,
    LocatedPoints,
    ModelIdentity,
    ModelStatus,
    Region,
    Vertebra,
    WarningCode,
)
from spinealign.domain.height_loss import height_losses
from spinealign.domain.image import SpacingSource, SpineImage
from spinealign.domain.structures import BODY, CANAL, DISC, SACRUM, VERTEBRA
from spinealign.wording.discs import discs_headline
from spinealign.wording.examinations import examination_text, kind_text, refusal_message
from spinealign.wording.height_loss import height_loss_sentences
from spinealign.wording.labels import grade_headline, labels_headline
from spinealign.wording.points import points_headline
from spinealign.wording.text import listed, probability_text, safe_text
from spinealign.wording.vertebrae import (
    bodies_phrase,
    is_body_segmentation,
    outlines_headline,
)

DISCLAIMER_IN_SHORT = (
    "Not a certified medical device; a qualified professional must confirm every result."
)
"""Where there is no room for all of it; the whole stands in its tool tip and in every report."""

NOT_FOR_DIAGNOSIS = "Not for diagnosis"
DEMONSTRATION_BAND = "DEMONSTRATION MODEL: shows how the program works, not for diagnosis"
NOTHING = "–"
"""Stands in a table where there is no value."""

REGION_HEADINGS = ("Structure", "Pixels", "Image", "Structures", "Area", "Parts", "Confidence")

_SPACING_TEXTS = {
    SpacingSource.PATIENT_PLANE: "from the DICOM file",
    SpacingSource.CALIBRATED: "from the DICOM file, calibrated",
    SpacingSource.DETECTOR_PLANE: ("at the detector, from the DICOM file: magnified"),
    SpacingSource.DEMAGNIFIED: "at the detector, divided by the estimated magnification",
    SpacingSource.NIFTI_HEADER: "from the NIfTI header",
    SpacingSource.USER: "calibrated by the user",
}

_STRUCTURE_PHRASES = {CANAL: "the spinal canal", SACRUM: "the sacrum"}


def spacing_text(image: SpineImage) -> str:
    """Return an image's pixel spacing and where it comes from.

    Returns
    -------
    str
        Such as "0.70 x 0.70 mm (from the DICOM file)", height before width.
    """
    if image.spacing_mm is None:
        return "Pixel spacing unknown: areas in pixels only"
    rows_mm, cols_mm = image.spacing_mm
    origin = _SPACING_TEXTS.get(image.spacing_source, "origin unknown")
    return f"{rows_mm:.3g} × {cols_mm:.3g} mm ({origin})"


def spacing_origin(source: SpacingSource) -> str:
    """Return where a pixel spacing comes from."""
    return _SPACING_TEXTS.get(source, "origin unknown")


def lengths_text(image: SpineImage, calibrated_by_mm: float | None = None) -> str:
    """Return what the lengths of an image are based on, as one sentence.

    Parameters
    ----------
    image : SpineImage
    calibrated_by_mm : float or None
        The known length by which a person set the spacing.
    """
    if calibrated_by_mm is not None:
        return f"Lengths calibrated by the user: {calibrated_by_mm:g} mm line."
    if image.spacing_mm is None:
        return (
            "Lengths are in pixels, because the pixel spacing is unknown; thresholds and reference "
            "ranges in millimetres are not applied."
        )
    if image.spacing_source is SpacingSource.DETECTOR_PLANE:
        return (
            "Lengths were measured at the detector and are magnified; thresholds and reference "
            "ranges in millimetres are not applied."
        )
    return f"Lengths are based on the pixel spacing {spacing_text(image)}."


def size_text(image: SpineImage) -> str:
    """Return width by height and the bits of a grey value."""
    rows, cols = image.shape
    return f"{cols} × {rows} pixels, {image.bits} bits"


def model_text(model: ModelIdentity) -> str:
    """Return a model's title, version and status in one line."""
    return f"{model.title}, version {model.version}, {model.status.value}"


def is_demonstration(analysis: Analysis) -> bool:
    """Return whether a model that made the finding is only a demonstration.

    The gate finds nothing, so its own status does not count here.
    """
    answers = (
        analysis.classification, analysis.labelled, analysis.picture_grade, analysis.segmentation,
        analysis.located,
    )  # fmt: skip
    models = [answer.model for answer in answers if answer is not None]
    models += [analysis.disc_model] if analysis.disc_model is not None else []
    return any(model.status is ModelStatus.DEMONSTRATION for model in models)


def is_nothing_assessed(analysis: Analysis) -> bool:
    """Return whether no network but demonstrations said anything, so that the headline says so."""
    shown = analysis.without_demonstration
    return not any(
        answer is not None
        for answer in (
            shown.classification, shown.labelled, shown.picture_grade, shown.segmentation,
            shown.located,
        )
    )  # fmt: skip


def headline(analysis: Analysis) -> str:
    """Return the finding in words: one or two sentences, cautious where the model is weak.

    An image that a person forced into another kind says so first.

    Parameters
    ----------
    analysis : Analysis
        What was found, or that nothing could be analysed.
    """
    analysis = analysis.without_demonstration
    losses = height_loss_sentences(height_losses(analysis.measurements))
    parts = [discs] if (discs := discs_headline(analysis)) else []
    if analysis.classification is not None:
        parts.append(_classification_headline(analysis.classification))
    parts += _picture_headlines(analysis)
    if analysis.segmentation is not None:
        parts.append(_segmentation_headline(analysis))
    if analysis.located is not None:
        parts.append(_points_headline(analysis.located))
    first = [forced] if (forced := forced_text(analysis)) else []
    return " ".join([*first, *losses, *(parts or [_nothing_analysed(analysis)])])


def forced_text(analysis: Analysis) -> str:
    """Return what must be known first about an image that a person forced into another kind."""
    if analysis.kind_check is None or not analysis.kind_check.overruled:
        return ""
    if analysis.named_kind is not None:
        forced = kind_text(analysis.named_kind)
    else:
        forced = f"a {examination_text(analysis.examination)}"
    return f"Analysed as {forced} against the program’s check: the result may be meaningless."


def _nothing_analysed(analysis: Analysis) -> str:
    if analysis.named_kind is not None:
        kind = kind_text(analysis.named_kind)
        return f"Nothing is assessed on {kind}: the model for it is a demonstration."
    if analysis.examination is None:
        return refusal_message(analysis).sentence
    if analysis.vertebrae:
        return outlines_headline(analysis)
    kind = kind_text(analysis.examination.image_kind)
    if analysis.withheld is not None:
        return f"Nothing is assessed on {kind}: the only model for it is a demonstration."
    by_hand = "; vertebrae can be added by hand" if analysis.examination.levels else ""
    return f"No model for {kind} is installed, so nothing was analysed{by_hand}."


def demonstration_text(analysis: Analysis) -> str:
    """Return what a demonstration classifier answered, or "" if it was not asked."""
    shown = [model.name for model in analysis.demonstrations]
    parts = []
    if analysis.demonstration is not None:
        parts.append(_classification_headline(analysis.demonstration))
    if analysis.labelled is not None and analysis.labelled.model.name in shown:
        parts.append(labels_headline(analysis.labelled))
    if analysis.picture_grade is not None and analysis.picture_grade.model.name in shown:
        parts.append(grade_headline(analysis.picture_grade))
    if not parts:
        return ""
    said = " ".join(parts)
    return (
        f"Demonstration model: {said[0].lower()}{said[1:]} This model’s results are not reliable."
    )


def _classification_headline(answer: Classification) -> str:
    probability = probability_text(answer.positive_probability)
    label = safe_text(answer.positive_label)
    if answer.is_positive:
        return f"Pattern labelled “{label}” (probability {probability})."
    return f"No “{label}” pattern above the threshold (probability {probability})."


def _picture_headlines(analysis: Analysis) -> list[str]:
    """Return what is said of findings and of a grade of the whole picture."""
    told = [] if analysis.labelled is None else [labels_headline(analysis.labelled)]
    grade = analysis.picture_grade
    return told if grade is None else [*told, grade_headline(grade)]


def _points_headline(found: LocatedPoints) -> str:
    return _of_model(points_headline(found), found.model)


def _of_model(text: str, model: ModelIdentity) -> str:
    """Return what a model said, which a demonstration says with its name."""
    if model.status is ModelStatus.DEMONSTRATION:
        return f"Demonstration model: {text[0].lower()}{text[1:]}"
    return text


def _segmentation_headline(analysis: Analysis) -> str:
    assert analysis.segmentation is not None
    return _of_model(_structures_headline(analysis), analysis.segmentation.model)


def _structures_headline(analysis: Analysis) -> str:
    if is_body_segmentation(analysis):
        return outlines_headline(analysis)
    found = [
        _structure_phrase(region, analysis.vertebrae)
        for region in analysis.regions
        if region.class_id and region.pixels > 0
    ]
    kind = examination_text(analysis.examination)
    if not found:
        return f"No spine structure was found on this {kind}."
    missing = "" if analysis.disc_model is not None else f"; {_what_is_missing(analysis)}"
    return f"Segmented {listed(found)} on this {kind}{missing}."


def _what_is_missing(analysis: Analysis) -> str:
    codes = {caution.code for caution in analysis.cautions}
    if WarningCode.SLICE_BESIDE_CANAL in codes:
        return "the slice lies beside the spinal canal, so no disc was graded"
    graded = analysis.examination is not None and analysis.examination.grades_discs
    if analysis.classification is not None or not graded:
        return "outlines and areas only"
    if WarningCode.NO_COLUMN in codes:
        return "no row of discs was found, so none was graded"
    return "no grading model is installed, so disease was not assessed"


def _structure_phrase(region: Region, bodies: tuple[Vertebra, ...]) -> str:
    if region.name == VERTEBRA:
        return bodies_phrase(bodies)
    if region.name == BODY:
        return bodies_phrase([body for body in bodies if body.level != "S1"])
    if region.name == DISC:
        return f"{region.parts} disc" + ("" if region.parts == 1 else "s")
    return _STRUCTURE_PHRASES.get(region.name, safe_text(region.name))


def format_region_row(region: Region) -> tuple[str, ...]:
    """Return the cells of one region under `REGION_HEADINGS`."""
    return (
        safe_text(region.name),
        f"{region.pixels:,}",
        f"{region.percent_of_image:.1f} %",
        _optional(region.percent_of_structures, "{:.1f} %"),
        _optional(region.area_mm2, "{:,.1f} mm²"),
        str(region.parts),
        NOTHING if region.mean_confidence is None else probability_text(region.mean_confidence),
    )


def _optional(value: float | None, pattern: str) -> str:
    return NOTHING if value is None or not math.isfinite(value) else pattern.format(value)
