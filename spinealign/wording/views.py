"""What kind of image it is, who says so, and why it was refused, in words."""

from __future__ import annotations

from spinealign.domain.findings import Analysis
from spinealign.domain.image import ImageKind, View, ViewCheck, ViewSource
from spinealign.wording.failures import Message

_VIEW_TEXTS = {
    View.XRAY: "lateral cervical radiograph",
    View.CT: "CT slice through the neck",
    View.MR: "sagittal spine MR",
    View.OTHER: "other image",
}

_KIND_TEXTS = {
    ImageKind.LATERAL_FILM: "a lateral cervical radiograph",
    ImageKind.OTHER_RADIOGRAPH: "a radiograph of another body part or from another side",
    ImageKind.NECK_CT: "a CT slice through the neck",
    ImageKind.OTHER_CT: "a CT picture of another body part or plane",
    ImageKind.SPINE_MR: "a sagittal spine MR",
    ImageKind.OTHER_MR: "an MR picture of another body part or plane",
    ImageKind.NONE_OF_THESE: "a picture of another kind",
}

_SOURCE_TEXTS = {
    ViewSource.USER: "chosen by the user",
    ViewSource.DICOM: "from the file’s tags",
    ViewSource.PIXELS: "recognised from the pixels",
    ViewSource.SAMPLE: "from the sample’s own record",
}

_THE_THREE = "a lateral cervical radiograph, a CT slice through the neck or a sagittal spine MR"
_TURNS = {1: "a quarter turn to the left", 2: "half a turn", 3: "a quarter turn to the right"}


def view_text(view: View) -> str:
    """Return what kind of image a view is, fit for the middle of a sentence."""
    return _VIEW_TEXTS[view]


def kind_text(kind: ImageKind) -> str:
    """Return a kind of image with its article, fit for the middle of a sentence."""
    return _KIND_TEXTS[kind]


def source_text(source: ViewSource) -> str:
    """Return who decided on the view, fit to follow its name in brackets."""
    return _SOURCE_TEXTS[source]


def turn_text(quarter_turns: int) -> str:
    """Return how far to turn a picture, fit for the middle of a sentence."""
    return _TURNS[quarter_turns]


def refusal_message(analysis: Analysis) -> Message:
    """Return why an image was not analysed, and what to do next."""
    check = analysis.view_check
    sentence = _unknown_sentence() if check is None else _refusal_sentence(check)
    if check is not None and check.quarter_turns:
        turn = turn_text(check.quarter_turns)
        advice = (
            f"After {turn} it looks like one of them: turn the picture, save it and open it again."
        )
        return Message(sentence, f"{advice} {_overrule_advice()}")
    return Message(sentence, f"{_overrule_advice()} Otherwise open another image.")


def _unknown_sentence() -> str:
    return f"It is not known whether this image is {_THE_THREE}, so it was not analysed."


def _refusal_sentence(check: ViewCheck) -> str:
    if check.pixels is None and check.tags is None:
        return _unknown_sentence()
    if check.tags is not None and check.tags.view is None:
        said = f"The file’s tags say that this is {kind_text(check.tags)}"
        return f"{said}, not {_THE_THREE}; it was not analysed."
    if check.tags is not None:
        said = f"The file’s tags say that this is {kind_text(check.tags)}"
        return f"{said}, but it looks like {kind_text(check.kind)}; it was not analysed."
    if check.pixels is not None and check.pixels.view is not None:
        return f"This image does not look enough like {_THE_THREE}; it was not analysed."
    return f"This looks like {kind_text(check.kind)}, not like {_THE_THREE}; it was not analysed."


def _overrule_advice() -> str:
    return (
        "If it is one of the three all the same, say which, and it is analysed as that; "
        "the result records that you chose."
    )


def who_said_text(check: ViewCheck) -> str:
    """Return what the tags and the pixels say, and whether a person overruled it, in one line."""
    said = [f"tags: {kind_text(check.tags)}" if check.tags else "tags: nothing definite"]
    if check.pixels is not None and check.confidence is not None:
        sure = min(99, round(100 * check.confidence))
        said.append(f"pixels: {kind_text(check.pixels)} ({sure} % sure)")
    if check.ood_distance is not None and check.ood_limit is not None:
        than = "over" if check.ood_distance > check.ood_limit else "within"
        limit = f"{check.ood_limit:.1f}"
        said.append(
            f"distance from known images {check.ood_distance:.1f}, {than} the limit of {limit}"
        )
    if check.overruled:
        said.append("overruled by the user")
    text = "; ".join(said)
    return text[0].upper() + text[1:]
