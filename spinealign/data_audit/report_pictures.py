"""Pictures of an audit's report: pairs, contact sheets, what a class looks like on the average."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.run import AuditOutcome
from spinealign.domain.data_audit import Pair

_SIDE: Final = 144
_GAP: Final = 6
_A_ROW: Final = 4
_MOST_CLASSES: Final = 8

_Grey = NDArray[np.uint8]


def pair_picture(pictures: Mapping[str, _Grey], pair: Pair) -> _Grey | None:
    """Return both pictures of a pair side by side; None where one has none."""
    if pair.first not in pictures or pair.second not in pictures:
        return None
    return contact_sheet([pictures[pair.first], pictures[pair.second]])


def contact_sheet(
    pictures: Sequence[_Grey], change: Callable[[_Grey], _Grey] | None = None
) -> _Grey:
    """Lay pictures out in rows of four on white, each as large as fits its square."""
    columns = min(_A_ROW, len(pictures))
    rows = -(-len(pictures) // columns)
    step = _SIDE + _GAP
    sheet = np.full((rows * step - _GAP, columns * step - _GAP), 255, np.uint8)
    for place, picture in enumerate(pictures):
        small = _fitted(picture if change is None else change(picture))
        top, left = (place // columns) * step, (place % columns) * step
        top, left = top + (_SIDE - small.shape[0]) // 2, left + (_SIDE - small.shape[1]) // 2
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
    return sheet


def class_means(outcome: AuditOutcome) -> list[tuple[str, _Grey]]:
    """Return the mean picture of each class, stretched to a square; empty without classes."""
    sums: dict[str, list[NDArray[np.float32]]] = {}
    for file in outcome.audit.files:
        picture = outcome.pictures.get(file.path)
        if file.label and picture is not None:
            square = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            sums.setdefault(file.label, []).append(square.astype(np.float32))
    if not 2 <= len(sums) <= _MOST_CLASSES:
        return []
    return [
        (label, np.mean(found, axis=0).astype(np.uint8)) for label, found in sorted(sums.items())
    ]


def _fitted(picture: _Grey) -> _Grey:
    factor = _SIDE / max(picture.shape)
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
