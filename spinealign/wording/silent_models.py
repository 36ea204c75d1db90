"""Why a model that a person named or chose did not answer."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.examination import (
    ALONE_TASKS,
    BodySource,
    Examination,
    ImageKind,
)
from spinealign.domain.findings import Analysis, ModelStatus
from spinealign.domain.model_card import ModelCard, titled_by_name
from spinealign.wording.examinations import examination_text, kind_text
from spinealign.wording.models import TASK_WORDS
from spinealign.wording.results import is_nothing_assessed
from spinealign.wording.text import listed, safe_text

NO_IMAGE_KINDS = (
    "its card names no kind of image (“image_kinds”) for which it is asked all the same"
)


def silent_model_texts(chosen: Sequence[ModelCard], analysis: Analysis) -> list[str]:
    """Return for each model that a person named and that did not answer a sentence that says why.

    A demonstration that would answer but for its status is told too where nobody named it, unless
    the headline says that nothing was assessed for this reason.

    Parameters
    ----------
    chosen : sequence of ModelCard
        In the order in which they were named.
    analysis : Analysis
    """
    spoke, withheld = {model.name for model in analysis.models}, analysis.withheld
    if withheld is not None and is_nothing_assessed(analysis):
        spoke.add(withheld.name)
    told = [
        f"The model “{_called(card)}” {_reason(card, chosen, analysis)}."
        for card in chosen
        if card.name not in spoke and not _is_asked_with_others(card, analysis.examination)
    ]
    if withheld is not None and withheld.name not in spoke | {card.name for card in chosen}:
        called = safe_text(titled_by_name(withheld.title, withheld.name))
        told.append(f"The model “{called}” {_ONLY_SHOWS}.")
    return told


_ONLY_SHOWS = (
    "was not asked: it is only a demonstration, which “--demonstration” asks (in the window a "
    "button, in Python demonstration=True)"
)


def _is_asked_with_others(card: ModelCard, examination: Examination | None) -> bool:
    """Whether a network was asked together with others; bodies on films are told by several."""
    if examination is None or examination.body_source is not BodySource.CORNER_MAPS:
        return False
    return card.task == "segmentation" and (card.serves(examination) or card.is_for_all)


def _reason(card: ModelCard, chosen: Sequence[ModelCard], analysis: Analysis) -> str:
    examination = analysis.examination
    shown = examination or analysis.named_kind
    if shown is None:
        why = NO_IMAGE_KINDS if card.is_for_all else f"its card is for {meant_text(card)}"
        return f"was not asked: the image was rejected, and {why}"
    if _is_meant(card, shown):
        first = next(one for one in chosen if one.task == card.task and _is_meant(one, shown))
        if first.name == card.name:
            is_shown = card.status is ModelStatus.DEMONSTRATION or _is_withheld(card, analysis)
            return _ONLY_SHOWS if is_shown else "was named, and has no task on this image"
        return (
            f"was not asked: “{_called(first)}” was named before it for the same task "
            f"({TASK_WORDS[card.task]}), and one model answers for each"
        )
    if examination is None:
        return f"was not asked: {_why_not_alone(card, shown)}"
    words = f"was not asked: it is for {meant_text(card)}, and the image was analysed as "
    words += examination_text(examination)
    keys = listed([f"“--examination {kind.value}”" for kind in card.image_kinds], "or")
    return f"{words}; {keys} overrules that" if keys else words


def _is_withheld(card: ModelCard, analysis: Analysis) -> bool:
    return analysis.withheld is not None and analysis.withheld.name == card.name


def _why_not_alone(card: ModelCard, shown: Examination | ImageKind) -> str:
    assert isinstance(shown, ImageKind)
    if card.is_for_all:
        return NO_IMAGE_KINDS
    if shown in card.image_kinds and card.task not in ALONE_TASKS:
        return f"nothing is outlined or measured on {kind_text(shown)}"
    return f"it is for {meant_text(card)}, and the image was taken for {kind_text(shown)}"


def _is_meant(card: ModelCard, shown: Examination | ImageKind) -> bool:
    """Whether a model is asked of such images once a person names it."""
    return card.serves(shown) or (card.is_for_all and not isinstance(shown, ImageKind))


def _called(card: ModelCard) -> str:
    return safe_text(titled_by_name(card.title, card.name))


def meant_text(card: ModelCard) -> str:
    """Return which images a model is for, fit for the middle of a sentence."""
    kinds = [examination_text(kind.examination) for kind in card.examinations]
    return listed([*kinds, *map(kind_text, card.image_kinds)], "or") or "all images"
