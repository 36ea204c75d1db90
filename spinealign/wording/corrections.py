"""Words for what a person changes on the picture: points, bodies, drawings."""

from __future__ import annotations

from pathlib import Path

from spinealign.domain.findings import (
    Analysis,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    WarningCode,
)
from spinealign.domain.measurements import Drawing, DrawingTool, MeasureCode, Measurement
from spinealign.wording.failures import Message
from spinealign.wording.text import safe_text

LANDMARK_WORDS = {
    LandmarkName.ANTERIOR_SUPERIOR: "anterior-superior corner",
    LandmarkName.POSTERIOR_SUPERIOR: "posterior-superior corner",
    LandmarkName.SUPERIOR_MIDDLE: "middle of the superior endplate",
    LandmarkName.POSTERIOR_INFERIOR: "posterior-inferior corner",
    LandmarkName.ANTERIOR_INFERIOR: "anterior-inferior corner",
    LandmarkName.INFERIOR_MIDDLE: "middle of the inferior endplate",
    LandmarkName.DENS_TIP: "tip of the dens",
}

TOOL_WORDS = {
    DrawingTool.DISTANCE: "distance",
    DrawingTool.ANGLE: "angle",
    DrawingTool.COBB: "Cobb angle",
    DrawingTool.AREA: "area",
}

HANDLE_HINT = (
    "drag to move, with Shift onto the edge; arrow keys nudge (Shift 10 pixels, Alt 0.1); "
    "Tab goes on, Esc ends"
)

_SHORT_NAMES = {
    MeasureCode.COBB_C2_C7: "{0}–{1} Cobb",
    MeasureCode.COBB_C2_C6: "{0}–{1} Cobb",
    MeasureCode.COBB_C2_LOWEST: "{0}–{1} Cobb",
    MeasureCode.POSTERIOR_TANGENT: "{0}–{1} tangents",
    MeasureCode.SEGMENTAL_ANGLE: "{0}/{1}",
    MeasureCode.SAGITTAL_VERTICAL_AXIS: "{0}–{1} SVA",
    MeasureCode.T1_SLOPE_MINUS_LORDOSIS: "T1 slope − lordosis",
    MeasureCode.TRANSLATION: "{0}/{1} shift",
    MeasureCode.BODY_HEIGHT_ANTERIOR: "{0} front",
    MeasureCode.BODY_HEIGHT_MIDDLE: "{0} middle",
    MeasureCode.BODY_HEIGHT_POSTERIOR: "{0} back",
    MeasureCode.BODY_HEIGHT_RATIO: "{0} front : back",
    MeasureCode.MIDDLE_HEIGHT_RATIO: "{0} middle : back",
    MeasureCode.DISC_HEIGHT: "{0}/{1} disc",
    MeasureCode.DISC_HEIGHT_RATIO: "{0}/{1} disc ratio",
    MeasureCode.DISC_HEIGHT_INDEX: "{0}/{1} disc index",
    MeasureCode.LISTHESIS_PERCENT: "{0}/{1} slip",
    MeasureCode.LUMBAR_LORDOSIS_L1_S1: "{0}–{1} lordosis",
    MeasureCode.LUMBAR_LORDOSIS_L1_L5: "{0}–{1} lordosis",
}
_SOURCE_WORDS = {
    LandmarkSource.NETWORK: "seen by the network",
    LandmarkSource.CONTOUR: "taken from the outline",
    LandmarkSource.USER: "placed by hand",
}


def point_name(body: str, name: LandmarkName) -> str:
    """Return such as "C4 anterior-superior corner"."""
    words = LANDMARK_WORDS[name]
    return f"{body}, {words}" if words.startswith("middle") else f"{body} {words}"


def landmark_text(body: Vertebra, mark: Landmark) -> str:
    """Return which point this is, who placed it, and how sure that is; for a tool tip."""
    sure = "" if mark.source is LandmarkSource.USER else f", confidence {mark.confidence:.2f}"
    return f"{point_name(body.name, mark.name)}\n{_SOURCE_WORDS[mark.source]}{sure}"


def short_name(measurement: Measurement) -> str:
    """Return a name fit to stand on the picture: "C2–C7 Cobb", "C4/C5"."""
    pattern = _SHORT_NAMES.get(measurement.code) if measurement.code is not None else None
    if pattern is None or not measurement.levels:
        return measurement.name
    return pattern.format(measurement.levels[0], measurement.levels[-1])


def drawing_name(drawing: Drawing) -> str:
    """Return such as "distance 2"."""
    return f"{TOOL_WORDS[drawing.tool]} {drawing.number}"


def kept_text(image: Path, path: Path) -> str:
    """Return in a few words where the corrections of an image were saved."""
    if path.parent == image.parent:
        return f"Corrections saved beside the image in {safe_text(path.name)}"
    return "Corrections saved in the profile folder"


def kept_elsewhere_message(image: Path, path: Path) -> Message | None:
    """Return where corrections were saved, if that is not beside their image."""
    if path.parent == image.parent:
        return None
    return Message(
        "Corrections of this image are saved in the profile folder, because nothing can be "
        "saved beside it. They are found again when the image is opened.",
        safe_text(str(path)),
    )


def edit_state_text(analysis: Analysis) -> str:
    """Return "corrected by hand", "measured by hand", or nothing."""
    if analysis.corrections is None:
        return ""
    if any(caution.code is WarningCode.CORRECTED_BY_USER for caution in analysis.cautions):
        return "corrected by hand"
    return "measured by hand"


def flip_text(facing: str | None) -> str:
    """Return the words of the command that turns the patient round."""
    now = {Facing.LEFT: "right", Facing.RIGHT: "left"}
    other = now.get(Facing(facing)) if facing else None
    return f"Patient faces {other} (flip facing)" if other else "Flip facing"


POINTS_COINCIDE = "two of its points are at the same place"
OUTLINE_CROSSES = "its outline crosses itself"


def points_missing(needed: int, given: int) -> str:
    """Return why a drawing that is not finished has no value."""
    return f"{needed} points are needed, and {given} {'is' if given == 1 else 'are'} set"
