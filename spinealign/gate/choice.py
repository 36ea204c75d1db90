"""Which way an image goes: a person's word, a sample's record, or the verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spinealign.domain.findings import Caution, ModelIdentity, WarningCode
from spinealign.domain.image import ImageKind, SpineImage, View, ViewCheck, ViewSource
from spinealign.gate.classify import classify_kind, turned
from spinealign.gate.verdict import judge
from spinealign.imaging.samples import sample_of
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel

_SURE = 0.8
_TURNABLE = (ImageKind.LATERAL_FILM, ImageKind.SPINE_MR)


@dataclass(frozen=True)
class ViewChoice:
    """Which way an image goes, who said so, and what to warn of.

    `view` is `View.OTHER` where the image is refused. `confidence` is None unless the
    pixels decided, `gate` unless there is a gate.
    """

    view: View
    source: ViewSource
    check: ViewCheck
    confidence: float | None = None
    gate: ModelIdentity | None = None
    cautions: tuple[Caution, ...] = ()

    @property
    def is_refusal(self) -> bool:
        """Whether nothing may be analysed without a person's word."""
        return self.view is View.OTHER


def choose_view(image: SpineImage, models: ModelStore, wanted: View | None) -> ViewChoice:
    """Decide which of the three ways an image goes, or none.

    The user's word counts most, then a shipped sample's own record, then the verdict on
    tags and pixels; what is overruled is recorded.
    """
    card = models.find("view", View.OTHER)
    gate = None if card is None else models.load(card.name)
    check = _check(image, gate)
    # A sample that would be refused is opened all the same: it is known what it shows.
    sample = None if wanted or check.accepted else sample_of(image.source_path)
    if wanted is not None:
        choice = _overruled(check, wanted, ViewSource.USER, WarningCode.VIEW_OVERRULED)
    elif sample is not None:
        choice = _overruled(check, sample.view, ViewSource.SAMPLE, WarningCode.VIEW_OF_SAMPLE)
    else:
        choice = _judged(check)
    return replace(choice, gate=None if gate is None else gate.identity)


def _check(image: SpineImage, gate: LoadedModel | None) -> ViewCheck:
    if gate is None:
        return judge(image, None, None)
    rule = gate.card.gate
    check = judge(image, classify_kind(image, gate), rule)
    if check.accepted or (check.tags is not None and check.tags.view is None):
        return check
    for turns in (1, 3, 2):
        image_turned = turned(image, turns)
        again = judge(image_turned, classify_kind(image_turned, gate), rule)
        if again.accepted and again.kind in _TURNABLE:
            return replace(check, quarter_turns=turns)
    return check


def _overruled(check: ViewCheck, view: View, source: ViewSource, code: WarningCode) -> ViewChoice:
    agrees = check.accepted and check.kind.view is view
    cautions = () if agrees else (Caution(code, kind=check.kind),)
    is_by_person = source is ViewSource.USER
    check = replace(check, overruled=is_by_person and not agrees)
    return ViewChoice(view, source, check, cautions=cautions)


def _judged(check: ViewCheck) -> ViewChoice:
    source = ViewSource.PIXELS if check.tags is None else ViewSource.DICOM
    confidence = check.confidence if source is ViewSource.PIXELS else None
    if not check.accepted:
        cautions: tuple[Caution, ...] = ()
        if check.quarter_turns:
            cautions = (Caution(WarningCode.TURNED, quarter_turns=check.quarter_turns),)
        return ViewChoice(View.OTHER, source, check, confidence, cautions=cautions)
    view = check.kind.view
    assert view is not None
    return ViewChoice(view, source, check, confidence, cautions=_doubts(check))


def _doubts(check: ViewCheck) -> tuple[Caution, ...]:
    if check.pixels is None or check.confidence is None:
        return ()
    if check.tags is not None:
        agrees = check.pixels is check.tags
        return () if agrees else (Caution(WarningCode.VIEW_DISPUTED, kind=check.pixels),)
    if check.confidence < _SURE:
        return (Caution(WarningCode.VIEW_UNCERTAIN, confidence=check.confidence),)
    return ()
