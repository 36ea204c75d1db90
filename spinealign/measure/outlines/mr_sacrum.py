"""S1 on a sagittal MR: on an outlined sacrum, or the endplate that the disc above it implies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import (
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.measure.outlines.contours import thinned
from spinealign.measure.outlines.disc_shapes import DiscShape
from spinealign.measure.outlines.endplates import outline_landmarks
from spinealign.measure.outlines.mr_pieces import BodyPiece
from spinealign.measure.outlines.vertebrae import BodyAxes

Points = NDArray[np.float64]

_SHORTEST_SACRAL_DISC = 0.62
"""Least length of the lowest disc from which the endplate of S1 is taken, in the median length.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SACRUM_BEYOND_ENDS = (0.13, 0.08)
"""How far the endplate of S1 goes on beyond the line along the disc's border, in front and behind,
in lengths of the disc.

Source: in front measured on the discs above, where the body below is outlined; behind 0.11 there,
set to 0.08 by eye (`_sacral_endplate`); a fifth less or a quarter more changes no angle on 2
slices, and a length by up to 20 % (benchmarks/constants.py).
"""

_SACRUM_BELOW_DISC = 0.03
"""How far the endplate of S1 lies below that line, in lengths of the disc.

Source: 0.06 on the discs above, set to 0.03 by eye (`_sacral_endplate`); a fifth less or a quarter
more changes no angle on 2 slices, and a length by up to 3 % (benchmarks/constants.py).
"""

_SACRUM_CONFIDENCE = 0.6
"""Confidence of the corners of S1, in confidences of the disc.

Source: unknown; set by hand; a quarter more changes the width of an interval on 2 slices by up to
19 % (benchmarks/constants.py).
"""

_SACRUM_STRIP = 0.05
"""Height of the strip that is drawn for S1, in lengths of the disc.

Source: drawing only: no line of the strip is measured.
"""


_UNSURE_SACRUM = 0.8
"""Mean probability of the sacrum below which S1 is called uncertain.

Source: set by hand; docs/design/mr-from-any-scanner.md has what it decides.
"""

_SHALLOW_SACRUM = 0.7
"""Depth of S1 below which it is called uncertain, in the median depth of all bodies.

Source: that of the bodies above.
"""

SUPERIOR = (
    LandmarkName.ANTERIOR_SUPERIOR,
    LandmarkName.POSTERIOR_SUPERIOR,
    LandmarkName.SUPERIOR_MIDDLE,
)
"""What is measured of S1: its superior endplate. Source: convention of this program."""


def outlined_sacrum(
    piece: BodyPiece, usual_depth: float, is_oriented: bool,
    inside: Callable[[tuple[Landmark, ...]], tuple[Landmark, ...]],
) -> Vertebra:  # fmt: skip
    """Return S1 with its outline and the landmarks of its superior endplate.

    Parameters
    ----------
    piece : BodyPiece
    usual_depth : float
        Median depth of the bodies above, in pixels.
    is_oriented : bool
        Whether it is known which side is anterior; else there are no landmarks.
    inside : callable
        Leaves out the landmarks of an endplate that the border of the picture cuts.
    """
    frame = BodyAxes(piece.up, -piece.backwards if is_oriented else None)
    marks = tuple(
        mark
        for mark in outline_landmarks(piece.contour, frame, piece.certainty)
        if mark.name in SUPERIOR
    )
    kept = inside(marks)
    is_doubtful = piece.certainty < _UNSURE_SACRUM
    is_doubtful |= piece.depth_px < _SHALLOW_SACRUM * usual_depth
    state = VertebraState.HIDDEN if is_doubtful else VertebraState.COMPLETE
    return Vertebra(
        level="S1",
        index=0,
        outline=tuple((float(x), float(y)) for x, y in thinned(piece.contour)),
        landmarks=kept,
        confidence=piece.certainty,
        state=state if len(kept) == len(marks) else VertebraState.CUT,
    )


def sacrum_below(disc: DiscShape, column: Sequence[DiscShape], border: Points) -> Vertebra | None:
    """Return S1 with the endplate that the lower border of the disc L5/S1 implies.

    Parameters
    ----------
    disc : DiscShape
    column : sequence of DiscShape
        All discs; None is returned where the lowest is far shorter.
    border : ndarray of float64, shape (2, 2)
        Line along the lower border of the disc, from front to back.
    """
    usual = float(np.median([each.length_px for each in column]))
    if disc.length_px < _SHORTEST_SACRAL_DISC * usual:
        return None
    front, back = _sacral_endplate(disc, border)
    confidence = _SACRUM_CONFIDENCE * disc.confidence
    marks = tuple(
        Landmark(name, float(x), float(y), confidence, LandmarkSource.CONTOUR)
        for name, (x, y) in zip(SUPERIOR, (front, back, (front + back) / 2), strict=True)
    )
    deep = _SACRUM_STRIP * disc.length_px * disc.down
    strip = [front, back, back + deep, front + deep]
    outline = tuple((float(x), float(y)) for x, y in strip)
    return Vertebra("S1", 0, outline, marks, confidence, VertebraState.ENDPLATE)


def _sacral_endplate(disc: DiscShape, border: Points) -> Points:
    """Return front and back of S1's superior endplate (2, 2), from the border of the disc.

    Notes
    -----
    How far the endplate goes on beyond the border's line was taken from the discs above,
    where the body below is outlined too. It lies less deep than there (0.03 instead of 0.06
    of the disc's length) and ends sooner at the back (0.08 instead of 0.11), by eye, as the
    sacrum's rim is sharper.
    """
    run = border[1] - border[0]
    along = run / max(float(np.hypot(*run)), 1e-9)
    normal = np.array([-along[1], along[0]])
    normal *= 1.0 if normal @ disc.down >= 0 else -1.0
    reach = np.array([-_SACRUM_BEYOND_ENDS[0], _SACRUM_BEYOND_ENDS[1]])[:, None]
    return np.asarray(
        border + disc.length_px * (reach * along + _SACRUM_BELOW_DISC * normal), np.float64
    )
