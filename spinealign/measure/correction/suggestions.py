"""Bodies that the program saw and did not count, taken over by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Corrections, Vertebra, VertebraState
from spinealign.measure.correction.levels import has_free_level, numbered, with_free_level
from spinealign.measure.outlines.body_places import place_in_column
from spinealign.measure.outlines.suggestions import open_suggestions


def accept_suggestion(corrections: Corrections, suggestion: Vertebra) -> Corrections:
    """Count a suggested body among the bodies, with the corners that the program gave it.

    It takes its place in the column by height. It keeps the level that was suggested where
    that lies between its neighbours' levels; else it is named as an added body is. The first
    body of a column whose levels are in doubt stays without a level.

    Raises
    ------
    ValueError
        No level is left.
    """
    return _with_accepted(corrections, suggestion, VertebraState.ACCEPTED)


def accept_suggestions(corrections: Corrections, suggestions: Sequence[Vertebra]) -> Corrections:
    """Count all suggested bodies that are still open among the bodies, from the top down.

    Nobody looked at each of their levels: these stay open until a person confirms them. A body at
    whose place no level is free stays suggested.
    """
    for suggestion in open_suggestions(suggestions, corrections.vertebrae):
        if _has_free_level(corrections.vertebrae, suggestion):
            corrections = _with_accepted(corrections, suggestion, VertebraState.NAME_OPEN)
    return corrections


def _with_accepted(
    corrections: Corrections, suggestion: Vertebra, state: VertebraState
) -> Corrections:
    bodies = corrections.vertebrae
    place = place_in_column(bodies, suggestion)
    body = replace(suggestion, state=state)
    before, after = bodies[:place], bodies[place:]
    if any(other.level is None for other in bodies):
        body = replace(body, level=None)
    elif bodies and not _fits(before, body, after):
        before, body, after = with_free_level(before, replace(body, level=None), after)
    return numbered(corrections, (*before, body, *after))


def _has_free_level(bodies: Sequence[Vertebra], suggestion: Vertebra) -> bool:
    """Whether a body gets a level at its place without another one being renamed."""
    place = place_in_column(bodies, suggestion)
    before, after = bodies[:place], bodies[place:]
    if not bodies or any(other.level is None for other in bodies):
        return True
    return _fits(before, suggestion, after) or has_free_level(before, after)


def _fits(before: Sequence[Vertebra], body: Vertebra, after: Sequence[Vertebra]) -> bool:
    """Whether the level that was suggested lies between those of the neighbours."""
    if body.level is None:
        return False
    ranks = [LEVEL_SEQUENCE.index(b.level) for b in (*before[-1:], body, *after[:1]) if b.level]
    return ranks == sorted(set(ranks))
