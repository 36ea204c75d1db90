"""Bodies that the program saw and did not count, taken over by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Corrections, Vertebra, VertebraState
from spinealign.measure.correction.levels import numbered, with_free_level
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
    bodies = corrections.vertebrae
    place = place_in_column(bodies, suggestion)
    body = replace(suggestion, state=VertebraState.ACCEPTED)
    before, after = bodies[:place], bodies[place:]
    if any(other.level is None for other in bodies):
        body = replace(body, level=None)
    elif bodies and not _fits(before, body, after):
        before, body, after = with_free_level(before, replace(body, level=None), after)
    return numbered(corrections, (*before, body, *after))


def accept_suggestions(corrections: Corrections, suggestions: Sequence[Vertebra]) -> Corrections:
    """Count all suggested bodies that are still open among the bodies, from the top down."""
    for suggestion in open_suggestions(suggestions, corrections.vertebrae):
        corrections = accept_suggestion(corrections, suggestion)
    return corrections


def _fits(before: Sequence[Vertebra], body: Vertebra, after: Sequence[Vertebra]) -> bool:
    """Whether the level that was suggested lies between those of the neighbours."""
    if body.level is None:
        return False
    ranks = [LEVEL_SEQUENCE.index(b.level) for b in (*before[-1:], body, *after[:1]) if b.level]
    return ranks == sorted(set(ranks))
