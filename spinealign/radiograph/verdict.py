"""Which of the bodies seen on a film count, which are only suggested, and what to say of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from spinealign.domain.findings import (
    Caution,
    Facing,
    LevelUncertainty,
    ModelIdentity,
    Segmentation,
    Vertebra,
    WarningCode,
)
from spinealign.imaging.tiles import Grid
from spinealign.inference.engine import Array
from spinealign.measure.outlines.body_cautions import state_cautions
from spinealign.measure.outlines.class_ids import class_id
from spinealign.measure.outlines.column_limits import breaches
from spinealign.measure.outlines.suggestions import open_suggestions, suggestion_cautions
from spinealign.radiograph.bodies_on_film import FEWEST_BODIES, BodyShape, FilmMask

_LEAST_PLAUSIBLE = 0.6
"""Least share of the bodies seen that can be neighbours for any of them to count.

Source: set by hand on seven films of fold 0 (docs/design/films-from-anywhere.md).
"""


@dataclass(frozen=True, eq=False)
class VertebraOutlines:
    """What was found on one film.

    Parameters
    ----------
    segmentation : Segmentation or None
        Mask values of `measure.outlines.class_ids`: C2 = 1 ... C7 = 6, T1 = 7; 11, 12, ...
        when levels are uncertain. None only where no film was looked at.
    vertebrae : tuple of Vertebra
        From the top; empty when fewer than two plausible bodies were found.
    facing : Facing or None
        None when it could not be told.
    facing_confidence : float or None
    levels_uncertain : bool
        The bodies then have numbers and no levels.
    cautions : tuple of Caution
    suggestions : tuple of Vertebra
        From the top, `index` counting on from the bodies: seen, but no neighbours of the
        others, or too unsure; a level is the likeliest one.
    """

    segmentation: Segmentation | None = None
    vertebrae: tuple[Vertebra, ...] = ()
    facing: Facing | None = None
    facing_confidence: float | None = None
    levels_uncertain: bool = False
    cautions: tuple[Caution, ...] = ()
    suggestions: tuple[Vertebra, ...] = ()


@dataclass(frozen=True, eq=False)
class Sighting:
    """A body on the film before it is decided whether it counts.

    Parameters
    ----------
    vertebra : Vertebra
        With the likeliest level, if any.
    shape : BodyShape
    grid : Grid
    bone : ndarray of float32, shape (h, w)
        Where it was seen, and how surely there is bone.
    number : int
        Counts levels from the top, so that neighbours are one apart.
    is_named : bool
        Whether the level is sure.
    is_weak : bool
        Whether it is too unsure to count.
    """

    vertebra: Vertebra
    shape: BodyShape
    grid: Grid
    bone: Array
    number: int
    is_named: bool = True
    is_weak: bool = False


@dataclass(frozen=True, eq=False)
class FilmSight:
    """What was seen on one film.

    Parameters
    ----------
    model : ModelIdentity
    mask : FilmMask
        Nothing painted yet.
    sightings : tuple of Sighting
        From the top.
    facing : Facing or None
    facing_confidence : float or None
    doubt : LevelUncertainty
        Why levels are uncertain, if too few bodies have one.
    pixel_aspect : float
        Row by column spacing of the film.
    """

    model: ModelIdentity
    mask: FilmMask
    sightings: tuple[Sighting, ...] = ()
    facing: Facing | None = None
    facing_confidence: float | None = None
    doubt: LevelUncertainty = LevelUncertainty.IRREGULAR
    pixel_aspect: float = 1.0


def outlines_of(
    sight: FilmSight, levels: Sequence[str], *, is_plausible: bool = True
) -> VertebraOutlines:
    """Decide which bodies count, and paint them.

    Bodies that break anatomy are left out; where too many do, none counts. Where at least
    two bodies have a sure level, those without one are left out; else none has a level.
    What is left out is suggested.

    Parameters
    ----------
    sight : FilmSight
    levels : sequence of str
        Levels that the examination names; bodies of other levels are dropped.
    is_plausible : bool
        Whether what was seen is a column at all.
    """
    kept = possible_neighbours([s for s in sight.sightings if not s.is_weak], sight.pixel_aspect)
    named = [one for one in kept if one.is_named]
    has_levels = len(named) >= FEWEST_BODIES
    counted = [s for s in named if s.vertebra.level in levels] if has_levels else kept
    if len(counted) < FEWEST_BODIES or not is_plausible:
        return _not_outlined(sight, levels)
    bodies = _painted(sight.mask, counted, has_levels=has_levels)
    others = [one for one in sight.sightings if one not in counted]
    offered = _offered(others, bodies, levels, has_levels=has_levels)
    return VertebraOutlines(
        _segmentation(sight, bodies),
        bodies,
        sight.facing,
        sight.facing_confidence,
        not has_levels,
        _cautions(bodies, offered, sight.facing, None if has_levels else sight.doubt),
        offered,
    )


def possible_neighbours(sightings: Sequence[Sighting], pixel_aspect: float) -> list[Sighting]:
    """Leave out bodies that cannot be neighbours of the others; nothing stays where most cannot."""
    kept = list(sightings)
    while found := breaches([one.vertebra for one in kept], _level_steps(kept), pixel_aspect):
        counts = np.bincount([i for b in found for i in b.places], minlength=len(kept))
        worst = max(range(len(kept)), key=lambda i: (counts[i], -kept[i].vertebra.confidence))
        kept.pop(worst)
    return kept if len(kept) >= _LEAST_PLAUSIBLE * len(sightings) else []


def _level_steps(sightings: Sequence[Sighting]) -> list[int | None]:
    return [lower.number - upper.number for upper, lower in pairwise(sightings)]


def _not_outlined(sight: FilmSight, levels: Sequence[str]) -> VertebraOutlines:
    """Return a result without bodies, and suggest all that was seen."""
    offered = _offered(sight.sightings, (), levels, has_levels=True)
    if not offered:
        return VertebraOutlines(_segmentation(sight, ()))
    cautions = [Caution(WarningCode.NOT_OUTLINED), *suggestion_cautions(offered)]
    if sight.facing is None:
        cautions.append(Caution(WarningCode.FACING_UNCERTAIN))
    return VertebraOutlines(
        _segmentation(sight, ()), (), sight.facing, sight.facing_confidence, False,
        tuple(cautions), offered,
    )  # fmt: skip


def _painted(
    mask: FilmMask, counted: Sequence[Sighting], *, has_levels: bool
) -> tuple[Vertebra, ...]:
    bodies = []
    for index, one in enumerate(counted, start=1):
        level = one.vertebra.level if has_levels else None
        bodies.append(replace(one.vertebra, index=index, level=level))
        mask.paint(one.shape, class_id(level, index), one.grid, one.bone)
    return tuple(bodies)


def _offered(
    others: Sequence[Sighting],
    bodies: Sequence[Vertebra],
    levels: Sequence[str],
    *,
    has_levels: bool,
) -> tuple[Vertebra, ...]:
    """Return the suggestions, with levels of the examination or with none."""
    wanted = [one.vertebra for one in others if one.vertebra.level in (None, *levels)]
    numbered = (replace(v, index=i) for i, v in enumerate(wanted, start=len(bodies) + 1))
    offered = open_suggestions(tuple(numbered), bodies)
    return offered if has_levels else tuple(replace(body, level=None) for body in offered)


def _segmentation(sight: FilmSight, bodies: Sequence[Vertebra]) -> Segmentation:
    classes = {class_id(body.level, body.index): body.name for body in bodies}
    return Segmentation(sight.model, classes, sight.mask.mask, sight.mask.confidence)


def _cautions(
    bodies: Sequence[Vertebra],
    offered: Sequence[Vertebra],
    side: Facing | None,
    doubt: LevelUncertainty | None,
) -> tuple[Caution, ...]:
    """Return what is to be known about the bodies of a film."""
    cautions = [Caution(WarningCode.LEVELS_UNCERTAIN, doubt=doubt)] if doubt else []
    cautions += [*state_cautions(bodies), *suggestion_cautions(offered)]
    if side is None:
        cautions.append(Caution(WarningCode.FACING_UNCERTAIN))
    return tuple(cautions)
