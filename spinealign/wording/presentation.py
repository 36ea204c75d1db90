"""Words for how a picture is shown: turned, mirrored, inverted."""

from __future__ import annotations

from spinealign.domain.presentation import Presentation
from spinealign.wording.examinations import turn_text
from spinealign.wording.failures import Message

MIRRORED_LETTERS = (
    "letters and side markers on the film itself are now the other way round than in the file"
)
"""True of mirror writing in the file too, which mirroring makes readable; nothing detects it."""

TURN_AND_ANALYSE = "Turn and analyse"
SHOWN_ELSEWHERE = "The other slices are turned with the analysed image: go back to it first (Home)"
AS_FILE = "The image is shown as its file has it"
STANDS = "Nothing says that the image lies on its side or stands on its head"
TURNED_SINCE = "The image was turned since, and is analysed as it is shown (F5)"
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
        told.append("mirrored against its file")
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
        told.append("MIRRORED against the file")
    return ", ".join(told)


def vertical_note(presentation: Presentation) -> str:
    """Return against which vertical a turned picture is measured; empty where it is the file's."""
    if not presentation.upright_deg:
        return ""
    turn = turn_words(presentation.upright_deg)
    return f"Angles to the vertical and plumb lines are those of the image turned by {turn}."


MIRRORED_MESSAGE = Message(
    "The image is mirrored against its file.",
    f"Directions at its borders are right; {MIRRORED_LETTERS}.",
)


TURN_STEPPED_MESSAGE = Message(
    "The image is turned as it was, and analysed again so.",
    "Vertebrae, measures and drawings are again as they were; all else follows with the result.",
)


def turn_label(quarter_turns: int) -> str:
    """Return what turning the picture is called where it can be undone."""
    return f"turn the image {'left' if quarter_turns > 0 else 'right'}"


def lies_message(quarter_turns: int, is_refused: bool) -> Message:
    """Return that a picture does not stand upright, and what the button beside it does."""
    turn = turn_text(quarter_turns)
    place = "seems to stand on its head" if quarter_turns == 2 else "seems to lie on its side"
    why = "so it was not analysed" if is_refused else "and was analysed as it lies"
    return Message(
        f"The image {place}, {why}.",
        f"“{TURN_AND_ANALYSE}” shows it after {turn} and analyses it again; "
        "its file stays as it is.",
    )
