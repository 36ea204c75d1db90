"""Pictures that nobody analysed, on which a person measures all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from spinealign import __version__
from spinealign.domain.findings import Analysis, Corrections
from spinealign.domain.image import DecisionSource, SpineImage


def bare_analysis(image: SpineImage) -> Analysis:
    """Return what holds a person's measures of a picture without a result: nothing was found."""
    return Analysis(
        image=image,
        examination=None,
        decided_by=DecisionSource.USER,
        kind_confidence=None,
        program_version=__version__,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def is_bare(analysis: Analysis) -> bool:
    """Whether nobody analysed the picture; of a refused one it was asked what it is."""
    return analysis.examination is None and analysis.kind_check is None


def drawn_part(corrections: Corrections) -> Corrections:
    """Return what belongs to the picture itself, whatever it is taken for."""
    return Corrections(
        drawings=corrections.drawings,
        calibration=corrections.calibration,
        examination_date=corrections.examination_date,
        presentation=corrections.presentation,
    )


def with_drawn_part(corrections: Corrections, drawn: Corrections) -> Corrections:
    """Return corrections of a result with what was drawn on its picture without one."""
    return replace(
        corrections,
        drawings=drawn.drawings,
        calibration=drawn.calibration,
        examination_date=drawn.examination_date,
        presentation=drawn.presentation,
    )


def has_bodies_of(corrections: Corrections, other: Corrections) -> bool:
    """Whether two states have the same bodies, facing and certainty of levels."""
    return with_bodies_of(corrections, other) == corrections


def with_bodies_of(corrections: Corrections, other: Corrections) -> Corrections:
    """Return corrections with the bodies, facing and certainty of levels of another state."""
    return replace(
        corrections,
        vertebrae=other.vertebrae,
        facing=other.facing,
        levels_uncertain=other.levels_uncertain,
    )


def carried_to(analysis: Analysis, before: Corrections, keeps_bodies: bool) -> Corrections:
    """Return what a person wants of a picture that was turned and analysed anew.

    Parameters
    ----------
    analysis : Analysis
        The new one, as the program made it.
    before : Corrections
        With how the picture is shown now.
    keeps_bodies : bool
        Whether a person corrected the bodies: then these stand, where they are; else the new
        ones do.
    """
    if keeps_bodies:
        return before
    return replace(with_drawn_part(analysis.uncorrected, before), is_bent=before.is_bent)
