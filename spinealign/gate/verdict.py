"""Tags and pixels together: what an image shows, and whether it may be analysed."""

from __future__ import annotations

from collections.abc import Mapping

from spinealign.domain.image import ImageKind, SpineImage, View, ViewCheck
from spinealign.domain.model_card import GateRule
from spinealign.gate.classify import KindPrediction

_OF_MODALITY: Mapping[View | None, tuple[ImageKind, ...]] = {
    View.XRAY: (ImageKind.LATERAL_FILM, ImageKind.OTHER_RADIOGRAPH),
    View.CT: (ImageKind.NECK_CT, ImageKind.OTHER_CT),
    View.MR: (ImageKind.SPINE_MR, ImageKind.OTHER_MR),
}
_BELIEF_AGAINST_MODALITY = 0.05
"""How much a look that contradicts a stated modality still counts."""


def judge(image: SpineImage, answer: KindPrediction | None, rule: GateRule | None) -> ViewCheck:
    """Weigh what the tags say against what the pixels look like.

    A body part that the tags name decides, unless the pixels are sure that a picture said
    to be of one of the three kinds is not. Where the tags leave it open, the pixels decide;
    a picture far from everything that the gate knows is refused however sure it is.

    Parameters
    ----------
    image : SpineImage
    answer, rule : KindPrediction, GateRule or None
        None without a gate: then the tags alone count.
    """
    tags = image.stated_kind
    if answer is None or rule is None:
        by_modality = image.view_hint or View.OTHER
        kind = tags or ImageKind.of_view(by_modality)
        return ViewCheck(kind, kind.view is not None, tags)
    pixels, confidence = _likeliest(answer, image.view_hint)
    is_strange = answer.ood_distance > rule.ood_limit
    if tags is None:
        is_own = pixels.view is not None
        accepted = is_own and confidence >= rule.accept_from and not is_strange
        kind = ImageKind.NONE_OF_THESE if is_own and not accepted else pixels
    elif tags.view is None:
        accepted, kind = False, tags
    else:
        accepted = pixels.view is not None or confidence < rule.refuse_from
        kind = tags if accepted else pixels
    return ViewCheck(
        kind,
        accepted,
        tags,
        pixels,
        confidence,
        answer.ood_distance,
        rule.ood_limit,
    )


def _likeliest(answer: KindPrediction, modality: View | None) -> tuple[ImageKind, float]:
    """Return the likeliest kind and its probability, given what modality the tags state."""
    possible = _OF_MODALITY.get(modality, tuple(ImageKind))
    belief = {
        kind: p * (1.0 if kind in possible else _BELIEF_AGAINST_MODALITY)
        for kind, p in answer.probabilities.items()
    }
    best = max(belief, key=lambda kind: belief[kind])
    return best, belief[best] / max(sum(belief.values()), 1e-9)
