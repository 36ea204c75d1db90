"""Texts about the image type: its name, its source, and why an image was rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spinealign.domain.examination import (
    EXAMINATIONS,
    Examination,
    ExaminationKind,
    ImageKind,
    examination_named,
)
from spinealign.domain.findings import Analysis
from spinealign.domain.image import DecisionSource, KindCheck, NoteKind, ReaderNote
from spinealign.domain.measurements import MeasureState
from spinealign.domain.measures import MeasureGroup
from spinealign.wording.failures import Message
from spinealign.wording.text import listed, probability_text


@dataclass(frozen=True)
class _Words:
    """What one kind of examination is called.

    Parameters
    ----------
    name : str
        Fit for the middle of a sentence.
    label : str
        On buttons and in menus, with the letter of its mnemonic behind "&".
    article : str
    scope : tuple of str
        What can be assessed on such an image, of `_ASSESSED`; empty where nothing is.
    beyond : tuple of str
        What else of it a reader looks at, and the program does not.
    """

    name: str
    label: str
    article: str = "a"
    scope: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()


_ALIGNMENT, _HEIGHTS = "alignment", "heights of vertebral bodies"
_DISCS, _CANAL = "discs", "width of the canal"

_OF_BODIES = frozenset({MeasureGroup.BODIES})
_OF_ALIGNMENT = frozenset({MeasureGroup.ALIGNMENT, MeasureGroup.BALANCE})

_ASSESSED: Mapping[str, Callable[[Analysis], bool]] = {
    _DISCS: lambda analysis: bool(analysis.discs),
    _CANAL: lambda analysis: _has_value(analysis, frozenset({MeasureGroup.CANAL})),
    _HEIGHTS: lambda analysis: _has_value(analysis, _OF_BODIES),
    _ALIGNMENT: lambda analysis: _has_value(analysis, _OF_ALIGNMENT),
}
"""What may be assessed, and whether it was."""

_FILM_SCOPE = (_ALIGNMENT, _HEIGHTS)
_BEYOND_FILM = ("fractures without loss of height", "degeneration", "soft tissues")
_FRONTAL_SCOPE = (_ALIGNMENT,)
_BEYOND_FRONTAL = (
    "rotation of the vertebrae", "heights of vertebral bodies", "fractures", "hips and legs",
    "soft tissues",
)  # fmt: skip
_MR_SCOPE = (_DISCS, _CANAL, _HEIGHTS, _ALIGNMENT)
_BEYOND_MR = ("other slices", "foramina", "nerves and cord", "marrow", "soft tissues")


def _has_value(analysis: Analysis, groups: frozenset[MeasureGroup]) -> bool:
    return any(
        each.value is not None and each.definition.group in groups
        for each in analysis.measurements
        if each.state is not MeasureState.DRAWN
    )


_WORDS: Mapping[ExaminationKind, _Words] = {
    ExaminationKind.LATERAL_NECK_RADIOGRAPH: _Words(
        "lateral cervical radiograph",
        "Lateral neck &X-ray",
        scope=_FILM_SCOPE,
        beyond=_BEYOND_FILM,
    ),
    ExaminationKind.NECK_CT_SLICE: _Words("CT slice through the neck", "Nec&k CT"),
    ExaminationKind.SAGITTAL_SPINE_MR: _Words(
        "sagittal spine MR", "Spine &MR", scope=_MR_SCOPE, beyond=_BEYOND_MR
    ),
    ExaminationKind.LATERAL_SPINE_RADIOGRAPH: _Words(
        "lateral whole-spine radiograph",
        "Lateral whole &spine X-ray",
        scope=_FILM_SCOPE,
        beyond=_BEYOND_FILM,
    ),
    ExaminationKind.FRONTAL_SPINE_RADIOGRAPH: _Words(
        "frontal spine radiograph",
        "Fronta&l spine X-ray",
        scope=_FRONTAL_SCOPE,
        beyond=_BEYOND_FRONTAL,
    ),
}

_PLACES = {
    NoteKind.CANAL_WIDEST: slice(0, 2),
    NoteKind.FRAME_TAKEN: slice(0, 2),
    NoteKind.SERIES_TAKEN: slice(0, 2),
    NoteKind.SLICE_TAKEN: slice(1, 3),
}
"""Where notes on which slice was taken hold its number and how many there are."""

_OTHER_KINDS = {
    ImageKind.OTHER_RADIOGRAPH: "a radiograph of another body part or projection",
    ImageKind.OBLIQUE_FILM: "an oblique film of the spine",
    ImageKind.OTHER_CT: "a CT image of another body part or plane",
    ImageKind.OTHER_MR: "an MR image of another body part or plane",
    ImageKind.NONE_OF_THESE: "an image of another type",
}

_PROJECTIONS = {
    ImageKind.OBLIQUE_FILM: "an oblique film (open foramina)",
}
"""Refused for their projection alone, which another film of the patient may have."""

_SOURCE_TEXTS = {
    DecisionSource.USER: "chosen by the user",
    DecisionSource.DICOM: "from the file’s tags",
    DecisionSource.PIXELS: "recognised from the pixels",
    DecisionSource.SAMPLE: "from the sample’s own record",
}

_TURNS = {
    1: "rotation by 90° to the left",
    2: "rotation by 180°",
    3: "rotation by 90° to the right",
}


def examination_text(examination: Examination | None) -> str:
    """Return a kind of examination, fit for the middle of a sentence."""
    return "other image" if examination is None else _WORDS[examination.kind].name


def scope_text(analysis: Analysis) -> str:
    """Return what of an image was assessed and what was not; "" where nothing ever is.

    Returns
    -------
    str
        "Assessed on one sagittal slice (10 of 18): discs and alignment. Not assessed: width of the
        canal, heights of vertebral bodies, other slices, ...".
    """
    if analysis.examination is None or not _WORDS[analysis.examination.kind].scope:
        return ""
    words = _WORDS[analysis.examination.kind]
    done = [part for part in words.scope if _ASSESSED[part](analysis)]
    left = [part for part in words.scope if part not in done]
    where = f" on {_slice_words(analysis.image.notes)}" if analysis.examination.is_slice else ""
    return (
        f"Assessed{where}: {listed(done) if done else 'nothing'}. "
        f"Not assessed: {listed([*left, *words.beyond])}."
    )


def _slice_words(notes: Sequence[ReaderNote]) -> str:
    """Return "one sagittal slice (10 of 18)", without the number where nobody counted."""
    for note in notes:
        place, count = (*note.values[_PLACES.get(note.kind, slice(0))], 1, 1)[:2]
        if int(count) > 1:
            return f"one sagittal slice ({place} of {count})"
    return "one sagittal slice"


def examination_label(examination: Examination, has_mnemonic: bool = False) -> str:
    """Return a kind of examination as on a button, with "&" before its mnemonic if wanted."""
    label = _WORDS[examination.kind].label
    return label if has_mnemonic else label.replace("&", "")


def kind_text(kind: ImageKind) -> str:
    """Return a kind of image with its article, fit for the middle of a sentence."""
    if kind.examination is None:
        return _OTHER_KINDS[kind]
    words = _WORDS[kind.examination.kind]
    return f"{words.article} {words.name}"


def kind_label(kind: ImageKind) -> str:
    """Return a kind of image as in a column of a list: "Frontal film of the spine"."""
    if kind.examination is not None:
        return examination_label(kind.examination)
    words = kind_text(kind).split(" ", 1)[-1]
    return words[0].upper() + words[1:]


def named_kind_text(name: str) -> str | None:
    """Return an image kind or an examination of this name in words; None for other names."""
    if name in set(ImageKind):
        return kind_text(ImageKind(name))
    try:
        return examination_text(examination_named(name))
    except ValueError:
        return None


def _analysed_kinds() -> str:
    return listed([kind_text(each.image_kind) for each in EXAMINATIONS.values()], "or")


def source_text(source: DecisionSource) -> str:
    """Return who decided on the kind of image, fit to follow its name in brackets."""
    return _SOURCE_TEXTS[source]


def turn_text(quarter_turns: int) -> str:
    """Return how far to turn a picture, fit for the middle of a sentence."""
    return _TURNS[quarter_turns]


def refusal_message(analysis: Analysis) -> Message:
    """Return why an image was not analysed, and what to do next."""
    check = analysis.kind_check
    sentence = _unknown_sentence() if check is None else _refusal_sentence(check)
    if check is not None and check.quarter_turns:
        turn = turn_text(check.quarter_turns)
        advice = (
            f"After {turn} it is recognised as one of them: "
            "“Turn and analyse” in the window shows and analyses it so."
        )
        return Message(sentence, f"{advice} {_overrule_advice()}")
    if check is not None and check.kind in _PROJECTIONS:
        return Message(sentence, f"{_FILM_ADVICE} {_overrule_advice()}")
    return Message(sentence, f"{_overrule_advice()} Otherwise open another image.")


_FILM_ADVICE = "Open the lateral or the frontal film of the same examination."


def _projection_sentence(check: KindCheck) -> str:
    """Return that a film was refused for its projection, and who says so."""
    by_tags = check.tags is check.kind
    said = "The file’s tags say that this is" if by_tags else "This looks like"
    return (
        f"{said} {_PROJECTIONS[check.kind]}; only lateral and frontal films of the spine are "
        "measured, so it was not analysed."
    )


def _unknown_sentence() -> str:
    return f"It is not known whether this image is {_analysed_kinds()}, so it was not analysed."


def _refusal_sentence(check: KindCheck) -> str:
    if check.pixels is None and check.tags is None:
        return _unknown_sentence()
    if check.kind in _PROJECTIONS and check.tags in (None, check.kind):
        return _projection_sentence(check)
    if check.tags is not None and check.tags.examination is None:
        said = f"The file’s tags say that this is {kind_text(check.tags)}"
        return f"{said}, not {_analysed_kinds()}; it was not analysed."
    if check.tags is not None:
        said = f"The file’s tags say that this is {kind_text(check.tags)}"
        return f"{said}, but it was classified as {kind_text(check.kind)}; it was not analysed."
    if check.pixels is not None and check.pixels.examination is not None:
        return f"This image was not recognised as {_analysed_kinds()}; it was not analysed."
    sentence = f"This image was classified as {kind_text(check.kind)}"
    return f"{sentence}, not as {_analysed_kinds()}; it was not analysed."


def _overrule_advice() -> str:
    return (
        "If it is one of these nevertheless, choose its image type, and it is analysed as that; "
        "the result records your choice."
    )


def kind_check_text(check: KindCheck) -> str:
    """Return what the tags and the pixels say, and whether a person overruled it, in one line."""
    said = [f"tags: {kind_text(check.tags)}" if check.tags else "tags: no definite type"]
    if check.pixels is not None and check.confidence is not None:
        confidence = probability_text(check.confidence)
        said.append(f"pixels: {kind_text(check.pixels)} (confidence {confidence})")
    if check.ood_distance is not None and check.ood_limit is not None:
        than = "over" if check.ood_distance > check.ood_limit else "within"
        limit = f"{check.ood_limit:.1f}"
        said.append(
            f"distance to training images {check.ood_distance:.1f}, {than} the limit of {limit}"
        )
    if check.overruled:
        said.append("overridden by the user")
    text = "; ".join(said)
    return text[0].upper() + text[1:]
