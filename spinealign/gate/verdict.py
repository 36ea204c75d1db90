"""Image type from tags and pixels together, and whether the image may be analysed."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.examination import OTHER_KINDS, Examination, ImageKind, kinds_of
from spinealign.domain.image import KindCheck, SpineImage
from spinealign.domain.model_card import GateRule
from spinealign.gate.classify import KindPrediction

_BELIEF_AGAINST_MODALITY = 0.05
"""Factor on the probability of kinds that the stated modality excludes.

Tags that were copied wrongly stay refutable by a sure look. Source: set by hand when the gate
was made (docs/design/view-gate.md).
"""


def judge(image: SpineImage, answer: KindPrediction | None, rule: GateRule | None) -> KindCheck:
    """Weigh what the tags say against what the pixels look like.

    A body part that the tags name decides, unless the pixels are sure that a picture said
    to be of an analysed kind is not. Where the tags leave it open, the pixels decide;
    a picture far from everything that the gate knows is refused however sure it is. On a kind
    that the gate has not learned, the tags alone count unless the pixels deny them.

    Parameters
    ----------
    image : SpineImage
    answer, rule : KindPrediction, GateRule or None
        None without a gate: then the tags alone count.
    """
    tags = image.stated_kind
    if answer is None or rule is None:
        kind = tags or _only_kind(image.possible_examinations or ())
        return KindCheck(kind, kind.examination is not None, tags)
    possible = image.possible_examinations or ()
    pixels, confidence = _likeliest(answer, possible)
    is_strange = answer.ood_distance > rule.ood_limit
    if tags is None:
        is_own = pixels.examination is not None and pixels.examination in (
            possible or (pixels.examination,)
        )
        accepted = is_own and confidence >= rule.least_probability(pixels) and not is_strange
        kind = ImageKind.NONE_OF_THESE if is_own and not accepted else pixels
    elif tags.examination is None:
        accepted, kind = False, tags
    elif tags not in answer.probabilities and not _is_denied(tags, pixels, False):
        return KindCheck(tags, True, tags)
    else:
        accepted = confidence < rule.refuse_from or not _is_denied(
            tags, pixels, tags in answer.probabilities
        )
        kind = tags if accepted else pixels
    return KindCheck(
        kind,
        accepted,
        tags,
        pixels,
        confidence,
        answer.ood_distance,
        rule.ood_limit,
    )


def _is_denied(tags: ImageKind, pixels: ImageKind, is_known: bool) -> bool:
    """Whether a look speaks against an analysed kind that the tags name.

    It does where it sees none, or another one of the same modality. A gate that has not
    learned the kind sees another one of the modality and the plane, or what belongs to none:
    that denies nothing.
    """
    said, seen = tags.examination, pixels.examination
    if said is None:
        return True
    if seen is None:
        return is_known or pixels is not OTHER_KINDS[said.modality]
    if seen.modality is not said.modality:
        return False
    return seen.plane is not said.plane or (is_known and seen is not said)


def _only_kind(possible: Sequence[Examination]) -> ImageKind:
    """Return the kind of the only possible examination; of several, none is to be guessed."""
    return possible[0].image_kind if len(possible) == 1 else ImageKind.NONE_OF_THESE


def _likeliest(
    answer: KindPrediction, examinations: Sequence[Examination]
) -> tuple[ImageKind, float]:
    """Return the likeliest kind and its probability, given what examinations the tags allow."""
    possible = {kind for e in examinations for kind in kinds_of(e.modality)}
    belief = {
        kind: p * (1.0 if not possible or kind in possible else _BELIEF_AGAINST_MODALITY)
        for kind, p in answer.probabilities.items()
    }
    best = max(belief, key=lambda kind: belief[kind])
    return best, belief[best] / max(sum(belief.values()), 1e-9)
