"""Bodies that the program saw and did not count, taken over by a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Corrections, Vertebra, VertebraState
from spinealign.measure.correction.levels import has_free_level, numbered, with_free_level
from spinealign.measure.outlines.body_places import counterparts, place_in_column
from spinealign.measure.outlines.column_limits import breaches, level_steps
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


@dataclass(frozen=True)
class AcceptedSuggestions:
    """What came of accepting all suggestions at once.

    Parameters
    ----------
    corrections : Corrections
    implausible : tuple of Vertebra
        Still suggested: they cannot be neighbours of the other bodies.
    without_level : tuple of Vertebra
        Still suggested: no level is free at their place.
    """

    corrections: Corrections
    implausible: tuple[Vertebra, ...] = ()
    without_level: tuple[Vertebra, ...] = ()


def accept_suggestions(
    corrections: Corrections, suggestions: Sequence[Vertebra], pixel_aspect: float = 1.0
) -> AcceptedSuggestions:
    """Count all suggested bodies that are still open among the bodies, from the top down.

    Nobody looked at each of them. Their levels stay open until a person confirms them; a body at
    whose place no level is free, or which cannot be a neighbour of the others, stays suggested: the
    one in most breaches of `column_limits`, of several the least confident one, again and again.

    Parameters
    ----------
    corrections : Corrections
    suggestions : sequence of Vertebra
    pixel_aspect : float
        Row by column spacing of the film.
    """
    offered = open_suggestions(suggestions, corrections.vertebrae)
    implausible: tuple[Vertebra, ...] = ()
    while True:
        taken = [one for one in offered if one not in implausible]
        made, without_level = _all_accepted(corrections, taken)
        worst = _most_implausible(made.vertebrae, taken, pixel_aspect)
        if worst is None:
            left = tuple(one for one in offered if one in implausible)
            return AcceptedSuggestions(made, left, without_level)
        implausible = (*implausible, worst)


def _all_accepted(
    corrections: Corrections, suggestions: Sequence[Vertebra]
) -> tuple[Corrections, tuple[Vertebra, ...]]:
    """Return corrections with the suggestions, and those that found no free level."""
    without_level: list[Vertebra] = []
    for suggestion in suggestions:
        if _has_free_level(corrections.vertebrae, suggestion):
            corrections = _with_accepted(corrections, suggestion, VertebraState.NAME_OPEN)
        else:
            without_level.append(suggestion)
    return corrections, tuple(without_level)


def _most_implausible(
    bodies: Sequence[Vertebra], suggestions: Sequence[Vertebra], pixel_aspect: float
) -> Vertebra | None:
    """Return the suggestion among the bodies that is in most breaches; None without any."""
    own = counterparts(bodies, suggestions)
    found = breaches(bodies, level_steps(bodies, pixel_aspect), pixel_aspect)
    counts = Counter(place for breach in found for place in breach.places)
    broken = [
        (counts[i], own[b.index]) for i, b in enumerate(bodies) if b.index in own and counts[i]
    ]
    worst = max(broken, key=lambda one: (one[0], -one[1].confidence), default=None)
    return None if worst is None else worst[1]


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
