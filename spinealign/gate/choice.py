"""Choice of the image type: by the user, by a sample's record, or by tags and pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spinealign.domain.examination import (
    PROJECTIONS_TOLD,
    Examination,
    ImageKind,
    Modality,
    kinds_of,
)
from spinealign.domain.findings import Caution, ModelIdentity, WarningCode
from spinealign.domain.image import DecisionSource, KindCheck, SpineImage
from spinealign.domain.model_card import GateRule
from spinealign.gate.classify import classify_kind
from spinealign.gate.verdict import judge
from spinealign.imaging.frames import inside_frame
from spinealign.imaging.orientation import turned_left
from spinealign.imaging.samples import sample_of
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel

_SURE = 0.8
"""Probability of the gate's answer below which the kind of image is said to be uncertain.

Source: set by hand when the gate was made; it raises a caution and changes no result.
"""


_NAMED = 0.5
"""Probability from which on a projection that is told by name stays what it is and is not turned.

Source: 82 of 83 frontal films of the spine have 0.93 or more upright, and one 0.66; upside down
three of them were taken for lateral films. None of 27 lateral films, each turned by one, two and
three quarters, is named frontal or oblique (docs/design/view-gate.md).
"""

_FILMS = kinds_of(Modality.RADIOGRAPH)
"""Kinds of image that are radiographs, analysed or not."""


@dataclass(frozen=True)
class ExaminationChoice:
    """Which examination an image is of, who said so, and what to warn of.

    `examination` is None where the image is refused, `confidence` unless the pixels
    decided, `gate` unless there is a gate. `kind` is of what kind the image is taken to be.
    """

    examination: Examination | None
    source: DecisionSource
    check: KindCheck
    confidence: float | None = None
    gate: ModelIdentity | None = None
    cautions: tuple[Caution, ...] = ()
    stated: ImageKind | None = None

    @property
    def kind(self) -> ImageKind:
        """Of what kind the image is taken to be: a person's word counts most."""
        return self.check.kind if self.stated is None else self.stated

    @property
    def is_refusal(self) -> bool:
        """Whether nothing may be analysed without a person's word."""
        return self.examination is None


def choose_examination(
    image: SpineImage, models: ModelStore, wanted: Examination | ImageKind | None
) -> ExaminationChoice:
    """Decide which examination an image is of, or that it is of none.

    The user's word, which may be a kind of image without one, counts most, then a shipped
    sample's own record, then the verdict on tags and pixels; what is overruled is recorded.
    """
    card = models.find("view")
    gate = None if card is None else models.load(card.name)
    check = _check(image, gate)
    # A sample that would be refused is opened all the same: it is known what it shows.
    sample = None if wanted or check.accepted else sample_of(image.source_path)
    if wanted is not None:
        choice = _overruled(check, wanted, DecisionSource.USER, WarningCode.VIEW_OVERRULED)
    elif sample is not None:
        choice = _overruled(
            check, sample.examination, DecisionSource.SAMPLE, WarningCode.VIEW_OF_SAMPLE
        )
    else:
        choice = _judged(check)
    return replace(choice, gate=None if gate is None else gate.identity)


def _check(image: SpineImage, gate: LoadedModel | None) -> KindCheck:
    if gate is None:
        return judge(image, None, None)
    rule = gate.card.gate
    image, check = _without_frame(image, gate, rule)
    is_sure = check.tags is not None or (check.confidence or 0.0) >= _SURE
    if (check.accepted and is_sure) or (check.tags is not None and check.tags.examination is None):
        return check
    if check.pixels in PROJECTIONS_TOLD and (check.confidence or 0.0) >= _NAMED:
        return check
    return _turned_if_surer(check, image, gate, rule)


def _without_frame(
    image: SpineImage, gate: LoadedModel, rule: GateRule | None
) -> tuple[SpineImage, KindCheck]:
    """Return what an image looks like, and as which: a film in a frame counts without the frame."""
    inside = inside_frame(image.pixels).of(image)
    if inside is not image:
        check = judge(inside, classify_kind(inside, gate), rule)
        if check.pixels in _FILMS:
            return inside, check
    return image, judge(image, classify_kind(image, gate), rule)


def _turned_if_surer(
    check: KindCheck, image: SpineImage, gate: LoadedModel, rule: GateRule | None
) -> KindCheck:
    """Refuse an image that is surer to be of an analysed kind after turning; say how to turn it."""
    least = (check.confidence or 0.0) if check.accepted else 0.0
    best = 0
    for turns in (1, 3, 2):
        image_turned = turned_left(image, turns)
        again = judge(image_turned, classify_kind(image_turned, gate), rule)
        found, confidence = again.kind.examination, again.confidence or 0.0
        if again.accepted and found is not None and found.has_upright and confidence > least:
            best, least = turns, confidence
    if not best:
        return check
    kind = ImageKind.NONE_OF_THESE if check.accepted else check.kind
    return replace(check, kind=kind, accepted=False, quarter_turns=best)


def _overruled(
    check: KindCheck, said: Examination | ImageKind, source: DecisionSource, code: WarningCode
) -> ExaminationChoice:
    stated = said if isinstance(said, ImageKind) else None
    examination = said if isinstance(said, Examination) else None
    wanted = said if isinstance(said, ImageKind) else said.image_kind
    agrees = check.accepted is (stated is None) and check.kind is wanted
    cautions = () if agrees else (Caution(code, kind=check.kind),)
    is_by_person = source is DecisionSource.USER
    check = replace(check, overruled=is_by_person and not agrees)
    return ExaminationChoice(examination, source, check, cautions=cautions, stated=stated)


def _judged(check: KindCheck) -> ExaminationChoice:
    source = DecisionSource.PIXELS if check.tags is None else DecisionSource.DICOM
    confidence = check.confidence if source is DecisionSource.PIXELS else None
    if not check.accepted:
        cautions: tuple[Caution, ...] = ()
        if check.quarter_turns:
            cautions = (Caution(WarningCode.TURNED, quarter_turns=check.quarter_turns),)
        return ExaminationChoice(None, source, check, confidence, cautions=cautions)
    examination = check.kind.examination
    return ExaminationChoice(examination, source, check, confidence, cautions=_doubts(check))


def _doubts(check: KindCheck) -> tuple[Caution, ...]:
    if check.pixels is None or check.confidence is None:
        return ()
    if check.tags is not None:
        agrees = check.pixels is check.tags
        return () if agrees else (Caution(WarningCode.VIEW_DISPUTED, kind=check.pixels),)
    if check.confidence < _SURE:
        return (Caution(WarningCode.VIEW_UNCERTAIN, confidence=check.confidence),)
    return ()
