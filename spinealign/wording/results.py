"""Results in words: the finding, its cautions, and the numbers behind it."""

from __future__ import annotations

import math

from spinealign.domain.findings import (
    Analysis,
    Caution,
    Classification,
    CorrectionKind,
    LevelDoubt,
    ModelIdentity,
    ModelStatus,
    Region,
    Vertebra,
    WarningCode,
)
from spinealign.domain.image import ImageKind, SpacingSource, SpineImage, View
from spinealign.domain.measurements import Measurement
from spinealign.wording.discs import discs_headline
from spinealign.wording.text import as_sentence, listed, safe_text
from spinealign.wording.vertebrae import (
    bodies_phrase,
    doubt_text,
    is_of_bodies,
    outlines_headline,
)
from spinealign.wording.views import kind_text, refusal_message, turn_text, view_text

NOT_FOR_DIAGNOSIS = "Not for diagnosis"
DEMONSTRATION_BAND = "DEMONSTRATION MODEL: shows how the program works, not for diagnosis"
NOTHING = "–"
"""Stands in a table where there is no value."""

REGION_HEADINGS = ("Structure", "Pixels", "Image", "Structures", "Area", "Parts", "Confidence")

_CAUTION_TEXTS = {
    WarningCode.DEMONSTRATION_MODEL: (
        "{subject} is only a demonstration: it shows how the program works, and its answers "
        "must not be relied on."
    ),
    WarningCode.NO_SPACING: (
        "The pixel spacing is unknown: areas and lengths are given in pixels only."
    ),
    WarningCode.MAGNIFIED_SPACING: (
        "The pixel spacing holds at the detector, not in the patient: "
        "areas and lengths are magnified."
    ),
    WarningCode.VIEW_UNCERTAIN: (
        "It is uncertain what kind of image this is{detail}; check the view and choose it "
        "yourself if it is wrong."
    ),
    WarningCode.VIEW_OVERRULED: (
        "The kind of image was chosen by the user against the program’s own check{detail}; "
        "the networks were not made for other images, and the result may be meaningless."
    ),
    WarningCode.VIEW_DISPUTED: (
        "The file’s tags were followed, but the picture looks like something else{detail}; check "
        "that it is the right image."
    ),
    WarningCode.VIEW_OF_SAMPLE: (
        "This sample was analysed because its own record says so; as an image of one’s own it "
        "would have been refused{detail}."
    ),
    WarningCode.TURNED: "The picture seems to be turned{detail}; set it upright before analysis.",
    WarningCode.NO_MODEL_FOR_VIEW: (
        "No installed model fits this kind of image{detail}; nothing was analysed."
    ),
    WarningCode.NOTHING_SEGMENTED: (
        "No spine structure was found; check that this is the right kind of image."
    ),
    WarningCode.LOW_RESOLUTION: (
        "The image is small{detail}: structures are only a few pixels wide, "
        "and outlines are less exact."
    ),
    WarningCode.LOW_CONTRAST: "The image has little contrast{detail}; results are less reliable.",
    WarningCode.TOO_DARK: "The image is very dark{detail}; results are less reliable.",
    WarningCode.TOO_BRIGHT: "The image is very bright{detail}; results are less reliable.",
    WarningCode.BLURRED: "The image is blurred{detail}; results are less reliable.",
    WarningCode.CUT_OFF: (
        "The spine runs out of the picture{detail}; measures that need what is missing are left "
        "out."
    ),
    WarningCode.BURNED_IN: (
        "Letters or graphics seem to be burnt into the picture{detail}; they may name the patient, "
        "and disturb the networks where they lie over the spine."
    ),
    WarningCode.READER_NOTE: "A note on reading the file{detail}.",
    WarningCode.PROBABILITY_NOT_CALIBRATED: (
        "The probability is not calibrated: it ranks images, and is not the share of such "
        "images that have the finding."
    ),
    WarningCode.LEVELS_UNCERTAIN: (
        "The levels are uncertain{detail}; the bodies are numbered from the top and not named."
    ),
    WarningCode.LEVELS_COUNTED: (
        "The levels were counted upwards from the lowest disc seen, taken for L5/S1; correct them "
        "if a transitional vertebra or a disc inside the sacrum shifts them."
    ),
    WarningCode.ENDPLATE_FROM_DISC: (
        "The sacrum is not outlined: the superior endplate{detail} was placed along the lower "
        "border of the disc above it, and is less certain than the others."
    ),
    WarningCode.NO_COLUMN: (
        "Fewer than two discs were found in line: vertebral bodies were not told apart, and "
        "nothing was measured."
    ),
    WarningCode.BODY_CUT: (
        "The border of the picture cuts bodies off{detail}: their outlines, areas and corners "
        "are incomplete."
    ),
    WarningCode.BODY_HIDDEN: (
        "Bodies are hardly visible{detail}; check their outlines and corners by eye."
    ),
    WarningCode.DISC_COUNT_UNCERTAIN: (
        "Discs carry a question mark: the lowest one found was taken for L5/S1, which is "
        "uncertain; check the levels, and confirm or shift them."
    ),
    WarningCode.DISC_INFERRED: (
        "No outline was found for {subject}; its place was inferred from its neighbours, so its "
        "grades are less reliable."
    ),
    WarningCode.UPSIDE_DOWN: (
        "The picture seems to stand on its head; discs were counted from its upper end. Turn the "
        "picture for better outlines."
    ),
    WarningCode.COMPANION_UNMATCHED: (
        "The discs of the second picture do not match this one, so it was not used for grading."
    ),
    WarningCode.FACING_DISPUTED: (
        "The outlines show the patient looking to the other side than the file says{detail}; check "
        "which way the patient looks, and the letters at the picture’s borders."
    ),
    WarningCode.FACING_UNCERTAIN: (
        "It is uncertain which way the patient looks; corners that the network did not see "
        "are left out."
    ),
    WarningCode.CORRECTED_BY_USER: (
        "A person corrected this result{detail}; what the program found by itself is kept "
        "beside it."
    ),
}

_CORRECTION_TEXTS = {
    CorrectionKind.POINTS_MOVED: "points moved",
    CorrectionKind.BODIES_ADDED: "bodies added",
    CorrectionKind.BODIES_DELETED: "bodies deleted",
    CorrectionKind.LEVELS_RENAMED: "levels renamed",
    CorrectionKind.FACING_CHANGED: "facing changed",
    CorrectionKind.CALIBRATED: "pixel spacing calibrated",
}

_SPACING_TEXTS = {
    SpacingSource.PATIENT_PLANE: "from the DICOM file",
    SpacingSource.CALIBRATED: "from the DICOM file, calibrated",
    SpacingSource.DETECTOR_PLANE: (
        "at the detector, from the DICOM file: magnified against the patient"
    ),
    SpacingSource.DEMAGNIFIED: "at the detector, divided by the estimated magnification",
    SpacingSource.NIFTI_HEADER: "from the NIfTI header",
    SpacingSource.USER: "calibrated by the user",
}

_STRUCTURE_PHRASES = {"canal": "the spinal canal"}


def caution_text(caution: Caution) -> str:
    """Return the sentence for one warning beside a result."""
    if caution.code is WarningCode.READER_NOTE and caution.detail:
        return as_sentence(caution.detail)
    detail = f" ({_detail_text(caution)})" if caution.detail else ""
    subject = safe_text(caution.detail) or "The model used"
    return _CAUTION_TEXTS[caution.code].format(detail=detail, subject=subject)


def _detail_text(caution: Caution) -> str:
    # A warning about the view carries a view's or a kind's code, or the gate's confidence in it.
    if caution.detail in set(ImageKind):
        return kind_text(ImageKind(caution.detail))
    if caution.detail in set(View):
        return view_text(View(caution.detail))
    if caution.detail in set(LevelDoubt):
        return doubt_text(caution.detail)
    if caution.code is WarningCode.TURNED and caution.detail.isdecimal():
        return f"upright after {turn_text(int(caution.detail))}"
    kinds = caution.detail.split(", ")
    if set(kinds) <= set(CorrectionKind):
        return ", ".join(_CORRECTION_TEXTS[CorrectionKind(kind)] for kind in kinds)
    text = safe_text(caution.detail)
    return f"confidence {text}" if caution.code is WarningCode.VIEW_UNCERTAIN else text


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


def lengths_text(image: SpineImage, calibrated_by_mm: float | None = None) -> str:
    """Return what the lengths of an image rest on, as one sentence.

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
            "Lengths are in pixels, because the pixel spacing is unknown; thresholds and normal "
            "ranges in millimetres are off."
        )
    if image.spacing_source is SpacingSource.DETECTOR_PLANE:
        return (
            "Lengths hold at the detector and are magnified against the patient; thresholds and "
            "normal ranges in millimetres are off."
        )
    return f"Lengths rest on the pixel spacing {spacing_text(image)}."


def size_text(image: SpineImage) -> str:
    """Return width by height and the bits of a grey value."""
    rows, cols = image.shape
    return f"{cols} × {rows} pixels, {image.bits} bits"


def model_text(model: ModelIdentity) -> str:
    """Return a model's title, version and status in one line."""
    return f"{model.title}, version {model.version}, {model.status.value}"


def is_demonstration(analysis: Analysis) -> bool:
    """Return whether a model that made the finding is only a demonstration.

    The view gate finds nothing, so its own status does not count here.
    """
    answers = (analysis.classification, analysis.segmentation)
    models = [answer.model for answer in answers if answer is not None]
    models += [analysis.disc_model] if analysis.disc_model is not None else []
    return any(model.status is ModelStatus.DEMONSTRATION for model in models)


def headline(analysis: Analysis) -> str:
    """Return the finding in words: one or two sentences, cautious where the model is weak.

    Parameters
    ----------
    analysis : Analysis
        What was found, or that nothing could be analysed.
    """
    parts = [discs] if (discs := discs_headline(analysis)) else []
    if analysis.classification is not None:
        parts.append(_classification_headline(analysis.classification))
    if analysis.segmentation is not None:
        parts.append(_segmentation_headline(analysis))
    return " ".join(parts) or _nothing_analysed(analysis)


def _nothing_analysed(analysis: Analysis) -> str:
    if analysis.view is View.OTHER:
        return refusal_message(analysis).sentence
    view = view_text(analysis.view)
    return f"No model for a {view} is installed, so nothing was analysed."


def _classification_headline(answer: Classification) -> str:
    probability = probability_text(answer.positive_probability)
    label = safe_text(answer.positive_label)
    demonstration = answer.model.status is ModelStatus.DEMONSTRATION
    if answer.is_positive:
        found = f"pattern labelled “{label}” (probability {probability})."
    else:
        found = f"no “{label}” pattern above the threshold (probability {probability})."
    if demonstration:
        return f"Demonstration model: {found} This model’s answers are not reliable."
    return found[0].upper() + found[1:]


def _segmentation_headline(analysis: Analysis) -> str:
    assert analysis.segmentation is not None
    text = _structures_headline(analysis)
    if analysis.segmentation.model.status is ModelStatus.DEMONSTRATION:
        return f"Demonstration model: {text[0].lower()}{text[1:]}"
    return text


def _structures_headline(analysis: Analysis) -> str:
    if is_of_bodies(analysis):
        return outlines_headline(analysis, view_text(analysis.view))
    found = [
        _structure_phrase(region, analysis.vertebrae)
        for region in analysis.regions
        if region.class_id and region.pixels > 0
    ]
    view = view_text(analysis.view)
    if not found:
        return f"No spine structure was found on this {view}."
    missing = "" if analysis.disc_model is not None else f"; {_what_is_missing(analysis)}"
    return f"Segmented {listed(found)} on this {view}{missing}."


def _what_is_missing(analysis: Analysis) -> str:
    if analysis.classification is not None:
        return "outlines and areas only"
    return "no grading model is installed, so nothing is said about disease"


def _structure_phrase(region: Region, bodies: tuple[Vertebra, ...]) -> str:
    if region.name == "vertebra":
        return bodies_phrase(bodies)
    if region.name == "disc":
        return f"{region.parts} disc" + ("" if region.parts == 1 else "s")
    return _STRUCTURE_PHRASES.get(region.name, safe_text(region.name))


def probability_text(probability: float) -> str:
    """Return a probability with two decimals, never rounded to certainty."""
    if probability < 0.01:
        return "under 0.01"
    if probability > 0.99:
        return "over 0.99"
    return f"{probability:.2f}"


def format_region_row(region: Region) -> tuple[str, ...]:
    """Return the cells of one region under `REGION_HEADINGS`."""
    return (
        safe_text(region.name),
        f"{region.pixels:,}",
        f"{region.percent_of_image:.1f} %",
        _optional(region.percent_of_structures, "{:.1f} %"),
        _optional(region.area_mm2, "{:,.1f} mm²"),
        str(region.parts),
        _optional(region.mean_confidence, "{:.2f}"),
    )


def measurement_text(measurement: Measurement) -> str:
    """Return a measured value with its unit, or why there is none."""
    if measurement.value is None or not math.isfinite(measurement.value):
        reason = safe_text(measurement.reason)
        return f"not measurable: {reason}" if reason else "not measurable"
    separator = "" if measurement.unit in ("%", "°") else " "
    unit = {"deg": "°"}.get(measurement.unit, f"{separator}{safe_text(measurement.unit)}")
    return f"{measurement.value:.1f}{unit}".rstrip()


def _optional(value: float | None, pattern: str) -> str:
    return NOTHING if value is None or not math.isfinite(value) else pattern.format(value)
