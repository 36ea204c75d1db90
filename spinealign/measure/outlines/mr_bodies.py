"""Vertebral bodies, endplates and discs of a sagittal MR, from its segmentation mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.findings import (
    Caution,
    Facing,
    Landmark,
    LandmarkName,
    LevelUncertainty,
    Vertebra,
    VertebraState,
    WarningCode,
)
from spinealign.domain.structures import CANAL, SACRUM
from spinealign.measure.outlines.body_cautions import state_cautions
from spinealign.measure.outlines.contours import thinned
from spinealign.measure.outlines.disc_shapes import DiscShape
from spinealign.measure.outlines.discs import DiscColumn, find_discs
from spinealign.measure.outlines.endplates import disc_borders, outline_landmarks
from spinealign.measure.outlines.mr_classes import standard_mask, tells_bodies
from spinealign.measure.outlines.mr_pieces import (
    BodyPiece,
    body_pieces,
    canal_side,
    has_canal,
    processes_side,
    sacral_piece,
)
from spinealign.measure.outlines.mr_sacrum import SUPERIOR, outlined_sacrum, sacrum_below
from spinealign.measure.outlines.square import SquareGrid
from spinealign.measure.outlines.vertebrae import BodyAxes, right_of

Array = NDArray[np.float32]
Mask = NDArray[np.uint8]
Points = NDArray[np.float64]

LEVELS = ("L5", "L4", "L3", "L2", "L1", *(f"T{number}" for number in range(12, 0, -1)))
"""Bodies from the sacrum up. Source: human anatomy, twelve thoracic and five lumbar vertebrae."""

_OPEN_HEIGHT = (0.85, 1.25)
"""Least and largest height of a body with a disc at one end only that counts as whole, in the
median height of its neighbours.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_CUT_OFF = 0.12
"""Distance from the border of the picture within which a corner of a cut body is left out, in
heights of a body.

Source: unknown; set by hand; a fifth less changes the width of an interval on 2 slices by up to
46 % (benchmarks/constants.py).
"""

_AT_BORDER_PX, _OPEN_AT_BORDER = 2.0, 0.08
"""Distance from the border of the picture at which a body is cut: in pixels, and for one with a
disc at one end only in heights of a body.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_UNSEEN_SIDE_PX = 5
"""Side of the smallest square of the lowest grey value that counts as not shown, in pixels.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_FACING_PRIOR, _SURE_FACING = 0.5, 0.6
"""Sum of votes that facing has to outweigh, in discs with canal on one side alone, and confidence
(0..1) from which it is told.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_UNSURE_BONE = 0.9
"""Mean probability of bone below which a body is called uncertain.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_UNSURE_ABOVE_SACRUM = 0.85
"""Mean probability of bone of the lowest body below which levels are uncertain though the sacrum
is outlined below it.

Source: set by hand; of 80 patients kept aside five lie between 0.82 and 0.90, all counted right
(docs/design/mr-from-any-scanner.md).
"""

_SHALLOW = 0.7
"""Depth below which a body is called uncertain, in the median depth of all bodies.

Source: unknown; set by hand, benchmarks/constants.py shows its effect.
"""

_SHALLOW_LOWEST = 0.78
"""Depth of the lowest body below which levels are uncertain, in the median depth of all bodies.

Source: unknown; set by hand; a quarter more withholds levels on 1 of 2 slices
(benchmarks/constants.py).
"""

_SMALL_LENGTH, _SMALL_AREA = 0.76, 0.56
"""Length, and length times height, of the lowest disc below which levels are uncertain, in the
medians of the next three discs.

Source: unknown; set by hand; a quarter more of the first withholds levels on 1 of 2 slices
(benchmarks/constants.py).
"""


@dataclass(frozen=True, eq=False)
class MrDisc:
    """A disc and its borders to the bodies above and below.

    Parameters
    ----------
    name : str
        "L4/L5"; "disc 3", counted from the top, where levels are uncertain.
    shape : DiscShape
    upper, lower : ndarray of float64, shape (2, 2), or None
        Lines (x, y) along the borders, from front to back; None for an inferred disc.
    """

    name: str
    shape: DiscShape
    upper: Points | None
    lower: Points | None


@dataclass(frozen=True, eq=False)
class MrColumn:
    """What a mask tells about the column.

    Parameters
    ----------
    vertebrae : tuple of Vertebra
        From the top, outlines without posterior elements. The last one may be S1, of which
        the superior endplate is measured: on its outline where the network tells the sacrum, else
        along the lower border of the disc L5/S1.
    facing : Facing or None
        The canal lies behind. None when neither canal nor processes tell.
    facing_confidence : float or None
        0.5 to 1; None without discs.
    levels_uncertain : bool
        The lowest disc cannot be told to be L5/S1; bodies then have numbers only.
    discs : tuple of MrDisc
        From the top, in square pixels (`SquareGrid`).
    cautions : tuple of Caution
    found : DiscColumn
        The discs as they were found and counted, from the sacrum up, in square pixels.
    is_beside_canal : bool
        The slice lies so far from the middle that the canal is behind none of the discs.
    """

    vertebrae: tuple[Vertebra, ...] = ()
    facing: Facing | None = None
    facing_confidence: float | None = None
    levels_uncertain: bool = False
    discs: tuple[MrDisc, ...] = ()
    cautions: tuple[Caution, ...] = ()
    found: DiscColumn = field(default_factory=DiscColumn)
    is_beside_canal: bool = False


def bodies_from_mask(
    mask: Mask,
    classes: Mapping[int, str],
    confidence: Array,
    pixels: Array | None = None,
    pixel_aspect: float = 1.0,
) -> MrColumn:
    """Find the vertebral bodies of a sagittal lumbar MR in its segmentation.

    Levels are counted from the sacrum up, the lowest disc above it being taken for L5/S1: an
    assumption that a transitional vertebra breaks, and a caution says so.

    Parameters
    ----------
    mask : ndarray of uint8, shape (H, W)
        Structure of each pixel.
    classes : mapping of int to str
        Meaning of the mask's values: "vertebra" (bodies with posterior elements), or "body" and
        "posterior elements"; "disc", "canal" and "sacrum". Without the last the sacrum is
        background.
    confidence : ndarray of float32, shape (H, W)
        Probability of the structure chosen.
    pixels : ndarray of float32, shape (H, W), optional
        The picture: margins of its lowest value, as slices that were turned upright
        have, count as beyond its border.
    pixel_aspect : float
        Height of a pixel divided by its width: the work is done in square pixels.

    Returns
    -------
    MrColumn
        With a caution and no vertebrae when fewer than two discs lie in line; empty
        when a mask does not tell vertebrae and discs apart.
    """
    if not tells_bodies(classes.values()):
        return MrColumn()
    grid = SquareGrid.over(mask.shape, pixel_aspect)
    mask, confidence = grid.resampled_mask(standard_mask(mask, classes)), grid.resampled(confidence)
    found = find_discs(mask, confidence, tells_sacrum=SACRUM in classes.values())
    if len(found.discs) < 2:
        return MrColumn(cautions=(Caution(WarningCode.NO_COLUMN),))
    shown = None if pixels is None else grid.resampled(pixels)
    room = room_around(mask.shape, shown)
    tells_canal = CANAL in classes.values()
    column = _MrColumnBuilder(mask, confidence, found, room, tells_canal=tells_canal).result()
    return replace(column, vertebrae=tuple(map(grid.body_in_picture, column.vertebrae)))


def _is_small(discs: Sequence[DiscShape]) -> bool:
    """Whether the lowest disc is much shorter and flatter than those above it."""
    above = discs[1:4]
    length = discs[0].length_px / float(np.median([disc.length_px for disc in above]))
    height = discs[0].height_px / float(np.median([disc.height_px for disc in above]))
    return length < _SMALL_LENGTH and length * height < _SMALL_AREA


def room_around(shape: tuple[int, ...], pixels: Array | None = None) -> Array:
    """Return how far each pixel (H, W) is from what the picture does not show, in pixels."""
    shown = np.ones(shape, np.uint8)
    if pixels is not None:
        side = np.ones((_UNSEEN_SIDE_PX, _UNSEEN_SIDE_PX), np.uint8)
        empty = (pixels <= np.nanmin(pixels)).astype(np.uint8)
        shown[cv2.morphologyEx(empty, cv2.MORPH_OPEN, side) > 0] = 0
    framed = cv2.copyMakeBorder(shown, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(distance[1:-1, 1:-1], np.float32)


class _MrColumnBuilder:
    """Works from the sacrum up, and turns the order round at the end."""

    def __init__(
        self, mask: Mask, confidence: Array, found: DiscColumn, room: Array, *, tells_canal: bool
    ) -> None:
        self._room = room
        discs = found.discs
        votes = _votes(discs, mask)
        total = sum(votes)
        self._certainty = 0.5 + 0.5 * abs(total) / (sum(map(abs, votes)) + _FACING_PRIOR)
        self._discs = tuple(discs) if total >= 0 else tuple(_mirrored(disc) for disc in discs)
        self._pieces = body_pieces(mask, confidence, self._discs)
        self._sacral = None
        if found.is_sacrum_outlined and found.is_sacrum_seen:
            self._sacral = sacral_piece(mask, confidence, self._discs)
            self._pieces = [piece for piece in self._pieces if piece.place >= 0]
        self._facing = self._side() if self._certainty >= _SURE_FACING else None
        self._borders = [disc_borders(disc, mask) for disc in self._discs]
        depths = [piece.depth_px for piece in self._pieces]
        self._usual_depth = float(np.median(depths)) if depths else 0.0
        self._found = found
        shows_canal = any(has_canal(disc, mask) for disc in self._discs)
        self._is_beside_canal = tells_canal and not shows_canal
        self._doubt = self._level_doubt(found)

    def _side(self) -> Facing:
        backwards = np.sum([d.posterior - d.anterior for d in self._discs], axis=0)
        up = self._discs[-1].centre - self._discs[0].centre
        return Facing.LEFT if backwards @ right_of(up) > 0 else Facing.RIGHT

    def _level_doubt(self, found: DiscColumn) -> LevelUncertainty | None:
        """Return why the lowest disc may not be L5/S1.

        A network may have been taught that the sacrum is background; a sacrum that looks like a
        vertebra, or one with a disc inside, is outlined in part and without certainty.
        """
        is_lost = found.is_sacrum_outlined and self._sacral is None
        if is_lost or not found.is_sacrum_seen or self._discs[0].is_inferred:
            return LevelUncertainty.NO_SACRUM
        lowest = next((piece for piece in self._pieces if piece.place == 0), None)
        if lowest is None:
            return LevelUncertainty.NO_LOWEST_BODY
        if found.is_count_doubtful or _is_small(self._discs):
            return LevelUncertainty.SMALL_LOWEST_DISC
        is_shallow = lowest.depth_px < _SHALLOW_LOWEST * self._usual_depth
        least = _UNSURE_ABOVE_SACRUM if found.is_sacrum_outlined else _UNSURE_BONE
        is_doubtful = is_shallow or lowest.certainty < least
        return LevelUncertainty.PARTIAL_LOWEST_BODY if is_doubtful else None

    def result(self) -> MrColumn:
        from_below = [self._vertebra(piece) for piece in self._pieces]
        sacrum = self._sacrum()
        from_top = [*reversed(from_below), *([] if sacrum is None else [sacrum])]
        vertebrae = tuple(replace(body, index=i) for i, body in enumerate(from_top, start=1))
        return MrColumn(
            vertebrae=vertebrae,
            facing=self._facing,
            facing_confidence=self._certainty,
            levels_uncertain=self._doubt is not None,
            discs=tuple(self._mr_disc(i) for i in reversed(range(len(self._discs)))),
            cautions=self._cautions(vertebrae),
            found=self._found,
            is_beside_canal=self._is_beside_canal,
        )

    def _level(self, place: int) -> str | None:
        return LEVELS[place] if self._doubt is None and 0 <= place < len(LEVELS) else None

    def _vertebra(self, piece: BodyPiece) -> Vertebra:
        frame = BodyAxes(piece.up, None if self._facing is None else -piece.backwards)
        marks = outline_landmarks(piece.contour, frame, piece.certainty)
        state = self._state(piece)
        if state is VertebraState.CUT:
            marks = self._away_from_border(marks, _CUT_OFF * self._usual_height(piece))
        elif state is VertebraState.HIDDEN:
            marks = self._beside_disc(piece, marks)
        return Vertebra(
            level=self._level(piece.place),
            index=0,
            outline=tuple((float(x), float(y)) for x, y in thinned(piece.contour)),
            landmarks=marks,
            confidence=piece.certainty,
            state=state,
        )

    def _state(self, piece: BodyPiece) -> VertebraState:
        usual, is_open = self._usual_height(piece), self._is_open(piece)
        # The network often stops a few pixels short of the border.
        reach = max(_AT_BORDER_PX, _OPEN_AT_BORDER * usual if is_open else 0.0)
        if self._room_at(piece.contour).min() < reach:
            return VertebraState.CUT
        is_odd = piece.depth_px < _SHALLOW * self._usual_depth or self._is_guessed(piece)
        if is_open:
            is_odd |= not _OPEN_HEIGHT[0] <= piece.height_px / usual <= _OPEN_HEIGHT[1]
        is_hidden = is_odd or piece.certainty < _UNSURE_BONE
        return VertebraState.HIDDEN if is_hidden else VertebraState.COMPLETE

    def _room_at(self, points: Points) -> Array:
        """Return how far inside the picture points (N, 2) lie."""
        cols, rows = np.floor(points).astype(int).T
        high = np.array(self._room.shape) - 1
        places = np.clip(rows, 0, high[0]), np.clip(cols, 0, high[1])
        return np.asarray(self._room[places], np.float32)

    def _away_from_border(
        self, marks: tuple[Landmark, ...], margin_px: float
    ) -> tuple[Landmark, ...]:
        """Leave out the endplates of which a corner is near what the picture does not show."""
        points = np.array([[mark.x, mark.y] for mark in marks]).reshape(-1, 2)
        near = {m.name for m, room in zip(marks, self._room_at(points), strict=True)
                if room < max(margin_px, _AT_BORDER_PX)}  # fmt: skip
        lost = {name for side in (SUPERIOR, _INFERIOR) if near & set(side) for name in side}
        return tuple(mark for mark in marks if mark.name not in lost)

    def _is_open(self, piece: BodyPiece) -> bool:
        return not 0 <= piece.place < len(self._discs) - 1

    def _is_guessed(self, piece: BodyPiece) -> bool:
        """Whether a disc beside a body was not seen, so that the body may be two or go on."""
        beside = self._discs[max(piece.place, 0) : piece.place + 2]
        return any(disc.is_inferred for disc in beside)

    def _usual_height(self, piece: BodyPiece) -> float:
        """Return the median height of the nearest bodies between two discs."""
        whole = [p for p in self._pieces if not self._is_open(p) and p is not piece]
        nearest = sorted(whole, key=lambda p: abs(p.place - piece.place))[:3]
        return float(np.median([p.height_px for p in nearest or [piece]]))

    def _beside_disc(self, piece: BodyPiece, marks: tuple[Landmark, ...]) -> tuple[Landmark, ...]:
        """Leave out the landmarks of the end where no disc says that the body ends."""
        if not self._is_open(piece):
            return marks
        kept = _INFERIOR if piece.place >= 0 else SUPERIOR
        return tuple(mark for mark in marks if mark.name in kept)

    def _sacrum(self) -> Vertebra | None:
        """Return S1, of which nothing is known where the levels are uncertain."""
        if self._doubt is not None:
            return None
        if self._found.is_sacrum_outlined:
            piece = self._sacral
            if piece is None:
                return None
            margin_px = _CUT_OFF * self._usual_height(piece)
            is_oriented = self._facing is not None
            return outlined_sacrum(
                piece, self._usual_depth, is_oriented,
                lambda marks: self._away_from_border(marks, margin_px),
            )  # fmt: skip
        borders = self._borders[0]
        if self._facing is None or borders is None:
            return None
        return sacrum_below(self._discs[0], self._discs, borders[1])

    def _mr_disc(self, i: int) -> MrDisc:
        lower = "S1" if i == 0 and self._doubt is None else self._level(i - 1)
        upper = self._level(i)
        number = f"disc {len(self._discs) - i}"
        name = number if upper is None or lower is None else f"{upper}/{lower}"
        borders = self._borders[i] or (None, None)
        return MrDisc(name, self._discs[i], *borders)

    def _cautions(self, vertebrae: Sequence[Vertebra]) -> tuple[Caution, ...]:
        counted = WarningCode.LEVELS_COUNTED
        if self._sacral is not None:
            counted = WarningCode.LEVELS_FROM_SACRUM
        cautions = [
            Caution(counted)
            if self._doubt is None
            else Caution(WarningCode.LEVELS_UNCERTAIN, doubt=self._doubt)
        ]
        if self._found.is_remnant_long:
            cautions.append(Caution(WarningCode.LUMBAR_COUNT_DOUBTFUL))
        if self._is_beside_canal:
            cautions.append(Caution(WarningCode.SLICE_BESIDE_CANAL))
        cautions += state_cautions(vertebrae)
        if self._facing is None:
            cautions.append(Caution(WarningCode.FACING_UNCERTAIN))
        return tuple(cautions)


_INFERIOR = (
    LandmarkName.ANTERIOR_INFERIOR,
    LandmarkName.POSTERIOR_INFERIOR,
    LandmarkName.INFERIOR_MIDDLE,
)


def _votes(discs: Sequence[DiscShape], mask: Mask) -> list[float]:
    """Return how much each disc says that its posterior end is one: by the canal, or by bone."""
    votes = [canal_side(disc, mask) for disc in discs]
    return votes if any(votes) else [processes_side(disc, mask) for disc in discs]


def _mirrored(disc: DiscShape) -> DiscShape:
    return replace(disc, anterior=disc.posterior, posterior=disc.anterior)
