"""How often the view gate is right, together and for every source of pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.examination import PROJECTIONS_TOLD, ImageKind
from spinealign.domain.model_card import GateRule
from spinealign.training.evaluate import bootstrap
from spinealign.training.gate_data import GatePicture

Array = NDArray[np.float32]
KINDS = tuple(ImageKind)
OWN = tuple(kind for kind in ImageKind if kind.examination is not None)


def figures(
    pictures: Sequence[GatePicture],
    probabilities: Array,
    ood_distance: Array,
    rule: GateRule,
    ood_limits: Array | None = None,
) -> dict[str, Any]:
    """Return how often pictures are judged rightly, together and for every source.

    Intervals are over independent patients, films, series or files. A picture of our own
    kinds is right when it is accepted as what it is; a foreign one when it is refused.

    Parameters
    ----------
    ood_limits : ndarray of float32, shape (pictures,), optional
        The limit of each picture where it is not the rule's.
    """
    answers = probabilities.argmax(axis=1)
    least = np.array([rule.least_probability(KINDS[a]) for a in answers])
    sure = probabilities.max(axis=1) >= least
    is_own_answer = np.array([KINDS[a] in OWN for a in answers])
    limits = rule.ood_limit if ood_limits is None else ood_limits
    accepted = is_own_answer & sure & (ood_distance <= limits)
    right = [
        bool(ok and KINDS[a] is p.kind) if p.kind in OWN else not ok
        for p, a, ok in zip(pictures, answers, accepted, strict=True)
    ]
    matrix = np.zeros((len(KINDS), len(KINDS)), int)
    truths = [KINDS.index(p.kind) for p in pictures]
    np.add.at(matrix, (truths, answers), 1)
    named = [
        not ok and KINDS[a] is p.kind for p, a, ok in zip(pictures, answers, accepted, strict=True)
    ]
    parts: dict[str, Callable[[GatePicture], bool]] = {
        "own_kinds_accepted": lambda p: p.kind in OWN and not p.is_made,
        "foreign_refused": lambda p: p.kind not in OWN and not p.is_made,
        "made_foreign_refused": lambda p: p.kind not in OWN and p.is_made,
    }
    result = {name: _share(pictures, right, belongs) for name, belongs in parts.items()}
    sources = sorted({(p.kind.value, p.source) for p in pictures})
    told = {
        f"{kind.value}: {source}": _share(pictures, named, partial(_is_of, kind.value, source))
        for kind in PROJECTIONS_TOLD
        for source in sorted({p.source for p in pictures if p.kind is kind})
    }
    return {
        **{name: share for name, share in result.items() if share is not None},
        "told_by_name": told,
        "kinds": list(KINDS),
        "confusion_matrix_before_refusal": matrix.tolist(),
        "by_source": {
            f"{kind}: {source}": _share(pictures, right, partial(_is_of, kind, source))
            for kind, source in sources
        },
    }


def _is_of(kind: str, source: str, picture: GatePicture) -> bool:
    return picture.kind.value == kind and picture.source == source


def _share(
    pictures: Sequence[GatePicture], right: Sequence[bool], belongs: Callable[[GatePicture], bool]
) -> dict[str, Any] | None:
    groups: dict[str, list[bool]] = defaultdict(list)
    for picture, is_right in zip(pictures, right, strict=True):
        if belongs(picture):
            groups[picture.group].append(is_right)
    if not groups:
        return None
    units = list(groups.values())
    mean = bootstrap(units, lambda draw: float(np.mean([r for g in draw for r in g])), draws=1000)
    return {**mean, "images": sum(map(len, units))}
