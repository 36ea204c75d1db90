"""Words for what a person changes on the picture: points, bodies, drawings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from spinealign.domain.examination import examination_named
from spinealign.domain.findings import (
    BY_PERSON,
    Analysis,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    WarningCode,
)
from spinealign.domain.measurements import (
    Drawing,
    DrawingTool,
    Measurement,
    UnmeasurableReason,
)
from spinealign.wording.examinations import examination_text
from spinealign.wording.failures import Message
from spinealign.wording.presentation import presentation_text
from spinealign.wording.text import listed, probability_text, safe_text
from spinealign.wording.vertebrae import suggested_name

TAKE_OVER, KEEP_OWN = "Take over the other’s corrections", "Keep mine"
CHOOSE_CORRECTIONS = "Choose…"
CONTESTED_TITLE = "Another window changed the corrections"
CONTESTED_ADVICE = (
    "If you take over the other’s, Undo brings yours back. If you keep yours, the other’s are "
    "kept in a file of their own beside them (“.kept-1” in its name)."
)

LANDMARK_WORDS = {
    LandmarkName.ANTERIOR_SUPERIOR: "anterior-superior corner",
    LandmarkName.POSTERIOR_SUPERIOR: "posterior-superior corner",
    LandmarkName.SUPERIOR_MIDDLE: "middle of the superior endplate",
    LandmarkName.POSTERIOR_INFERIOR: "posterior-inferior corner",
    LandmarkName.ANTERIOR_INFERIOR: "anterior-inferior corner",
    LandmarkName.INFERIOR_MIDDLE: "middle of the inferior endplate",
    LandmarkName.DENS_TIP: "tip of the dens",
    LandmarkName.SUPERIOR_LEFT: "superior corner on the left of the picture",
    LandmarkName.SUPERIOR_RIGHT: "superior corner on the right of the picture",
    LandmarkName.INFERIOR_RIGHT: "inferior corner on the right of the picture",
    LandmarkName.INFERIOR_LEFT: "inferior corner on the left of the picture",
}

TOOL_WORDS = {
    DrawingTool.DISTANCE: "distance",
    DrawingTool.ANGLE: "angle",
    DrawingTool.COBB: "Cobb angle",
    DrawingTool.AREA: "area",
    DrawingTool.FEMORAL_HEADS: "femoral heads",
    DrawingTool.PLUMB_POINTS: "plumb points",
    DrawingTool.CHEST_EDGES: "chest edges",
    DrawingTool.RECTANGLE: "rectangle",
    DrawingTool.ELLIPSE: "ellipse",
    DrawingTool.TEXT: "text",
    DrawingTool.ARROW: "arrow",
}


def other_view_message(analysis: Analysis, view: str) -> Message:
    """Say that bodies were corrected while an image was taken for another kind.

    Parameters
    ----------
    analysis : Analysis
        As it is shown now.
    view : str
        As corrections name the other kind.
    """
    return Message(
        f"What was corrected on this image as {_kind_called(view)} is not used for "
        f"{_kind_called(analysis.view_name)}; what was drawn on it is shown.",
        "Nothing of it is lost: analyse the image as that kind again, and it is back.",
    )


def _kind_called(view: str) -> str:
    try:
        kind = examination_named(view)
    except ValueError:
        return "an image of another kind"
    return f"“{examination_text(kind)}”"


SHOWN_AGAIN: Mapping[str, str] = MappingProxyType(
    {
        "overlay": "What lies over the picture is shown again, so that you see what you draw (O).",
        "measures": "Measures are shown again, so that you see what you draw (M).",
    }
)
"""What taking a tool brought back."""

HANDLE_HINT = (
    "drag to move, with Shift to snap to the edge; arrow keys move by 1 pixel (Shift 10, Alt 0.1); "
    "Tab next point, Shift+Enter: the corners of this body are right, Esc ends"
)

_SOURCE_WORDS = {
    LandmarkSource.NETWORK: "detected by the network",
    LandmarkSource.CONTOUR: "taken from the outline",
    LandmarkSource.USER: "placed manually",
    LandmarkSource.CONFIRMED: "confirmed by the reader",
}


def point_name(body: str, name: LandmarkName) -> str:
    """Return such as "C4 anterior-superior corner"."""
    words = LANDMARK_WORDS[name]
    return f"{body}, {words}" if words.startswith("middle") else f"{body} {words}"


def landmark_text(body: Vertebra, mark: Landmark) -> str:
    """Return which point this is, who placed it, and how sure that is; for a tool tip."""
    sure = "" if mark.source in BY_PERSON else f", confidence {probability_text(mark.confidence)}"
    return f"{point_name(body.name, mark.name)}\n{_SOURCE_WORDS[mark.source]}{sure}"


def confirm_corners_text(names: Sequence[str]) -> str:
    """Return the text of the command that stands for the corners of bodies as they are."""
    return f"Checked: the corners of {listed(list(map(safe_text, names)))} are right"


def corners_to_check(measurements: Iterable[Measurement]) -> list[tuple[str, ...]]:
    """Return the bodies that each measure of several levels asks to check, none twice."""
    asked = [
        one.unmeasurable.bodies
        for one in measurements
        if one.unmeasurable is not None
        and one.unmeasurable.reason is UnmeasurableReason.OUTLINES_UNCERTAIN
        and not one.definition.extent.has_one_level
    ]
    return list(dict.fromkeys(asked))


def suggestion_hint(body: Vertebra) -> str:
    """Return what a suggested body is and how it is accepted; for a tool tip."""
    return f"{suggested_name(body)} suggested, not counted\nA click accepts it; check its level"


def left_suggested_message(
    implausible: Sequence[Vertebra], without_level: Sequence[Vertebra]
) -> Message | None:
    """Return which bodies stay suggested where all were to be accepted, and why; None for none."""
    reasons = (
        (implausible, "cannot be neighbours of the others by spacing, size, shape or direction"),
        (without_level, "have no free level at their place"),
    )
    told = [f"{_suggested_names(bodies)} {why}" for bodies, why in reasons if bodies]
    if not told:
        return None
    return Message(
        f"Some bodies stay suggested: {'; '.join(told)}.",
        "Look at each; a click accepts one all the same.",
    )


def _suggested_names(bodies: Sequence[Vertebra]) -> str:
    named = [suggested_name(body) for body in bodies if body.level is not None]
    unnamed = len(bodies) - len(named)
    return listed([*named, *([f"{unnamed} without a level"] if unnamed else [])])


def drawing_name(drawing: Drawing) -> str:
    """Return such as "distance 2"."""
    words = TOOL_WORDS[drawing.tool]
    return words if drawing.tool.is_of_spine else f"{words} {drawing.number}"


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
    """Return "manually corrected", "manually measured", or nothing."""
    if analysis.corrections is None:
        return ""
    if any(caution.code is WarningCode.CORRECTED_BY_USER for caution in analysis.cautions):
        return "manually corrected"
    wanted = analysis.corrections
    return "manually measured" if wanted.drawings or wanted.calibration else ""


def hand_changes_text(analysis: Analysis) -> str:
    """Return what a person did to a case: "corrected, calibrated, turned by 90° to the left".

    Empty where everything is as the program and the file have it.
    """
    wanted, told = analysis.corrections, []
    if any(caution.code is WarningCode.CORRECTED_BY_USER for caution in analysis.cautions):
        told.append("corrected")
    if wanted is not None and wanted.drawings:
        told.append("measured")
    if wanted is not None and wanted.calibration:
        told.append("calibrated")
    shown = presentation_text(analysis.image.presentation)
    return ", ".join([*told, *([shown] if shown else [])])


def swap_facing_text(facing: str | None) -> str:
    """Return the text of the command that swaps anterior and posterior."""
    now = {Facing.LEFT: "right", Facing.RIGHT: "left"}
    other = now.get(Facing(facing)) if facing else None
    words = "Swap anterior and posterior"
    return f"{words} (patient faces {other})" if other else words
