"""Two networks that outline necks: which one's bodies count.

The network of the neck is the better one on films like those it was trained on, the network of
the whole column on all others (docs/design/films-from-anywhere.md, "Two networks").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from spinealign.domain.findings import Vertebra, WarningCode
from spinealign.domain.image import SpineImage
from spinealign.inference.engine import LoadedModel
from spinealign.measure.outlines.body_places import counterparts
from spinealign.measure.outlines.suggestions import open_suggestions, suggestion_cautions
from spinealign.radiograph.looks import COLUMN_CLASSES
from spinealign.radiograph.negative_film import outline_either_polarity
from spinealign.radiograph.outlines import BODY_CLASSES, outline_vertebrae
from spinealign.radiograph.verdict import VertebraOutlines

_FEWEST_AGREED = 3
"""Fewest bodies that both networks give the same name. Source: convention of this program."""

_MOST_UNSHARED = 1
"""Most bodies from C2 to C7 that one network alone names: the lowest, behind the shoulders.

Source: on 33 home films and three necks at most one, on necks of other sources up to six
(docs/design/films-from-anywhere.md).
"""

_SURER = 0.05
"""By how much the network of the neck must be surer (0..1) of the bodies that both name.

Source: 0.059 to 0.10 on 33 home films, 0.048 to 0.072 on three necks, and less than 0.05 on 27 of
28 necks cut out of seven films of fold 0 (docs/design/films-from-anywhere.md).
"""


def outline_film(
    models: Sequence[LoadedModel], image: SpineImage, levels: Sequence[str]
) -> VertebraOutlines:
    """Outline and name the bodies of a lateral film with all networks that are for it.

    A film on which little is seen is looked at as a negative as well.

    Parameters
    ----------
    models : sequence of LoadedModel
        One at least. Of the networks with `BODY_CLASSES`, and of those with `COLUMN_CLASSES`,
        the first one is asked.
    image : SpineImage
    levels : sequence of str
        What the examination names.
    """
    return outline_either_polarity(partial(_outline_film, models, levels=levels), image)


def _outline_film(
    models: Sequence[LoadedModel], image: SpineImage, *, levels: Sequence[str]
) -> VertebraOutlines:
    """Outline and name the bodies of a film on which bone is bright."""
    neck, column = (_first_of(models, classes) for classes in (BODY_CLASSES, COLUMN_CLASSES))
    found = [outline_vertebrae(one, image, levels) for one in (neck, column) if one is not None]
    return chosen_of(*found) if len(found) > 1 else found[0]


def _first_of(models: Sequence[LoadedModel], classes: tuple[str, ...]) -> LoadedModel | None:
    return next((model for model in models if model.card.classes == classes), None)


def chosen_of(neck: VertebraOutlines, column: VertebraOutlines) -> VertebraOutlines:
    """Return the outlines of the network that knows films of this kind.

    Those of the neck's network count where both networks give the same bodies the same names and
    it is the surer one; what only the other one saw is suggested then. They count as well where
    the other one has no names to offer. Else those of the column's network count.
    """
    if not _has_names(neck):
        return column
    if not _has_names(column):
        return neck
    if is_confirmed(neck.vertebrae, column.vertebrae):
        return _with_suggestions(neck, column.vertebrae)
    return column


def is_confirmed(neck: Sequence[Vertebra], column: Sequence[Vertebra]) -> bool:
    """Whether bodies of the network of the neck are those that the other network is less sure of.

    Parameters
    ----------
    neck, column : sequence of Vertebra
        What each network named.
    """
    same = counterparts(neck, column)
    pairs = [(body, same[body.index]) for body in neck if body.index in same]
    if len(pairs) < _FEWEST_AGREED or any(one.level != other.level for one, other in pairs):
        return False
    unshared = {v.level for v in neck} ^ {v.level for v in column}
    surer = float(np.mean([one.confidence - other.confidence for one, other in pairs]))
    return sum(_is_cervical(level) for level in unshared) <= _MOST_UNSHARED and surer >= _SURER


def _is_cervical(level: str | None) -> bool:
    return level is not None and level.startswith("C")


def _has_names(found: VertebraOutlines) -> bool:
    return bool(found.vertebrae) and not found.levels_uncertain


def _with_suggestions(found: VertebraOutlines, others: Sequence[Vertebra]) -> VertebraOutlines:
    """Return outlines that also suggest bodies which another network found elsewhere."""
    first = len(found.vertebrae) + 1
    new = open_suggestions(others, (*found.vertebrae, *found.suggestions))
    offered = (*found.suggestions, *new)
    if not new:
        return found
    numbered = tuple(replace(body, index=i) for i, body in enumerate(offered, start=first))
    kept = tuple(c for c in found.cautions if c.code is not WarningCode.BODIES_SUGGESTED)
    return replace(found, suggestions=numbered, cautions=(*kept, *suggestion_cautions(numbered)))
