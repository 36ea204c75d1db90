"""Words for how a picture is shown: turned, mirrored, inverted."""

from __future__ import annotations

from spinealign.domain.presentation import Presentation
from spinealign.wording.failures import Message

MIRRORED_LETTERS = "letters and side markers on the film itself read mirrored"

SHOWN_ELSEWHERE = "The other slices are turned with the analysed image: go back to it first (Home)"
ANALYSED_SO = "The image was analysed as it is shown"


def turn_words(degrees: float) -> str:
    """Return such as "90° to the left" or "2.5° to the right"."""
    side = "left" if degrees > 0 else "right"
    if abs(degrees) == 180:
        return "180°"
    number = f"{abs(degrees):.1f}".removesuffix(".0")
    return f"{number}° to the {side}"


def presentation_text(presentation: Presentation) -> str:
    """Return how a picture is shown otherwise than its file has it; empty where it is not."""
    told = []
    if presentation.turn_deg:
        told.append(f"turned by {turn_words(presentation.turn_deg)}")
    if presentation.is_mirrored:
        told.append("mirrored")
    if presentation.is_inverted:
        told.append("grey values inverted")
    return ", ".join(told)


def presentation_note(presentation: Presentation) -> str:
    """Return the same as a sentence for reports and pictures, with what a mirror does to letters.

    Empty where the picture is shown as its file has it.
    """
    shown = presentation_text(presentation)
    if not shown:
        return ""
    warning = f": {MIRRORED_LETTERS}" if presentation.is_mirrored else ""
    return f"Shown {shown}{warning}."


def corner_words(presentation: Presentation) -> str:
    """Return what stands in the corner of the picture about turn and mirror, in few words."""
    told = []
    if presentation.turn_deg:
        told.append(f"turned {turn_words(presentation.turn_deg)}")
    if presentation.is_mirrored:
        told.append("MIRRORED (letters on the film too)")
    return ", ".join(told)


def vertical_note(presentation: Presentation) -> str:
    """Return against which vertical a turned picture is measured; empty where it is the file's."""
    if not presentation.upright_deg:
        return ""
    turn = turn_words(presentation.upright_deg)
    return f"Angles to the vertical and plumb lines are those of the image turned by {turn}."


MIRRORED_MESSAGE = Message(
    "The image is shown mirrored.",
    f"Directions at its borders are right, but {MIRRORED_LETTERS}.",
)
