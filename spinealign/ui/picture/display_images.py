"""What the viewer draws, made ready in the worker thread so that drawing never waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QPointF
from PyQt6.QtGui import QColor, QImage, QPolygonF

from spinealign.domain.findings import Analysis, Segmentation, Vertebra
from spinealign.domain.image import DisplayWindow, SpineImage
from spinealign.domain.landmarks import NamedPoint
from spinealign.wording.vertebrae import shown_name, suggested_name

INDEX_LEVELS = 65536
SMALLEST_LEVEL_PX = 256
_SMALLEST_SPAN = 1e-30
"""Grey values that differ by less are shown as one; single precision ends near 1e-38."""

OUTLINE_TOLERANCES_PX = (0.05, 0.2, 0.4, 0.8, 1.6)
"""A contour traced at every pixel has tens of thousands of points; drawing them takes a second."""

HEATMAP_SIDE_PX = 768
"""A heat map is a few dozen network cells wide; more pixels would only cost time."""

MAX_STRETCH = 20.0
"""Beyond this the spacing is a mistake; exported pictures draw the same line."""


@dataclass(frozen=True, eq=False)
class DisplayImage:
    """A picture as 16-bit indices, so that a new window is a new table and not new pixels.

    Parameters
    ----------
    image : SpineImage
        Where the values come from.
    levels : tuple of ndarray of uint16
        The picture at full size (H, W) and halved again and again.
    low, step : float
        Index i stands for the value ``low + i * step``.
    windows : tuple of DisplayWindow
        What the picture may be shown with; with the first one it begins.
    first_greys : ndarray of uint8, shape (65536,), optional
        The grey of each index in that first window; without it, it is calculated when asked for.
    """

    image: SpineImage
    levels: tuple[NDArray[np.uint16], ...]
    low: float
    step: float
    windows: tuple[DisplayWindow, ...]
    first_greys: NDArray[np.uint8] | None = None

    @property
    def default_window(self) -> DisplayWindow:
        """What the picture is shown with to begin with."""
        return self.windows[0]

    def grey_table(self, window: DisplayWindow, inverted: bool) -> NDArray[np.uint8]:
        """Return the grey of each index, shape (65536,), for a window or table."""
        table = self.first_greys
        if table is None or window is not self.default_window:
            table = _grey_of_indices(self.low, self.step, window)
        return 255 - table if inverted else table

    @property
    def row_stretch(self) -> float:
        """Height of a pixel divided by its width; 1 where that is absurd or unknown."""
        spacing = self.image.spacing_mm
        if spacing is None or max(spacing) > MAX_STRETCH * min(spacing):
            return 1.0
        return spacing[0] / spacing[1]


@dataclass(frozen=True, eq=False)
class OutlineLevel:
    """Closed contours with no more points than a zoom needs.

    Parameters
    ----------
    tolerance_px : float
        How far they may be off, in pixels of the picture.
    polygons : tuple of QPolygonF
        In pixel coordinates, (0, 0) being the outer corner of the first pixel.
    """

    tolerance_px: float
    polygons: tuple[QPolygonF, ...]


@dataclass(frozen=True, eq=False)
class DisplayBody:
    """A vertebral body as it is drawn, in pixel coordinates of the picture.

    Parameters
    ----------
    vertebra : Vertebra
        Its name is written beside it, its landmarks are handles.
    class_id : int or None
        Its value in the mask; None where the mask does not tell bodies apart.
    colour : QColor
    outline : tuple of OutlineLevel
        From the finest to the coarsest.
    place : tuple of float
        (x, y) on its outline, next to the name.
    away : tuple of float
        Unit vector from the body to its name.
    is_suggested : bool
        Whether it is not counted, and a click accepts it.
    """

    vertebra: Vertebra
    class_id: int | None
    colour: QColor
    outline: tuple[OutlineLevel, ...]
    place: tuple[float, float]
    away: tuple[float, float]
    is_suggested: bool = False

    @property
    def name(self) -> str:
        """What is written beside it."""
        return (suggested_name if self.is_suggested else shown_name)(self.vertebra)


@dataclass(frozen=True, eq=False)
class DisplayOverlay:
    """What an analysis adds to the picture.

    Parameters
    ----------
    names, colours : mapping
        By mask value.
    mask_levels : tuple of ndarray of uint8
        The mask at full size (H, W) and halved again and again; empty without one, and
        where all that it holds is a body.
    outlines : mapping of int to tuple of OutlineLevel
        Of what is no body of its own, from the finest to the coarsest.
    heatmap : QImage or None
        Colours with transparency, stretched over the picture.
    bodies : tuple of DisplayBody
        Vertebral bodies with names and landmarks.
    suggestions : tuple of DisplayBody
        Those that were seen and are not counted.
    points : tuple of NamedPoint
        That a model of the user's own placed.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    colours: Mapping[int, QColor] = field(default_factory=dict)
    mask_levels: tuple[NDArray[np.uint8], ...] = ()
    outlines: Mapping[int, tuple[OutlineLevel, ...]] = field(default_factory=dict)
    heatmap: QImage | None = None
    bodies: tuple[DisplayBody, ...] = ()
    suggestions: tuple[DisplayBody, ...] = ()
    points: tuple[NamedPoint, ...] = ()


def prepare_image(image: SpineImage) -> DisplayImage:
    """Quantise an image to indices and halve it until it is small."""
    from spinealign.imaging.windows import offered_windows

    pixels = image.pixels
    if not np.isfinite(pixels.sum()):
        pixels = np.nan_to_num(pixels, posinf=0.0, neginf=0.0)
    low, high = float(pixels.min()), float(pixels.max())
    step = (high - low if high - low > _SMALLEST_SPAN else 1.0) / (INDEX_LEVELS - 1)
    indices = np.rint((pixels - np.float32(low)) * np.float32(1 / step))
    full = np.clip(indices, 0, INDEX_LEVELS - 1).astype(np.uint16)
    windows = offered_windows(image)
    greys = _grey_of_indices(low, step, windows[0])
    return DisplayImage(image, _halved(full, _mean), low, step, windows, greys)


def _grey_of_indices(low: float, step: float, window: DisplayWindow) -> NDArray[np.uint8]:
    from spinealign.imaging.windows import apply_window

    return apply_window(low + step * np.arange(INDEX_LEVELS), window)


def prepare_overlay(analysis: Analysis) -> DisplayOverlay:
    """Make structures and heat map of an analysis ready to be drawn."""
    heatmap = None
    if analysis.heatmap is not None:
        heatmap = _heatmap_image(analysis.heatmap)
    bodies, suggestions = prepare_bodies(analysis), prepare_suggestions(analysis)
    points = () if analysis.located is None else analysis.located.points
    segmentation = analysis.segmentation
    if segmentation is None:
        return DisplayOverlay(
            heatmap=heatmap, bodies=bodies, suggestions=suggestions, points=points
        )
    rest = _without_bodies(segmentation, bodies)
    return DisplayOverlay(
        names=dict(segmentation.classes),
        colours=_colours(segmentation.classes),
        mask_levels=_mask_levels(segmentation) if rest else (),
        outlines=_mask_outlines(segmentation, rest),
        heatmap=heatmap,
        bodies=bodies,
        suggestions=suggestions,
        points=points,
    )


def prepare_structures(segmentation: Segmentation) -> DisplayOverlay:
    """Make the structures of one slice ready to be drawn, without bodies and heat map."""
    return DisplayOverlay(
        names=dict(segmentation.classes),
        colours=_colours(segmentation.classes),
        mask_levels=_mask_levels(segmentation),
        outlines=_mask_outlines(segmentation, segmentation.classes),
    )


def with_bodies(overlay: DisplayOverlay, analysis: Analysis) -> DisplayOverlay:
    """Return an overlay with the bodies of an analysis that a person changed.

    What did not change is taken over, so that this can be done at every mouse move.
    """
    names = dict(analysis.segmentation.classes) if analysis.segmentation else {}
    return replace(
        overlay,
        names=names,
        colours=_colours(names),
        bodies=prepare_bodies(analysis, overlay.bodies),
        suggestions=prepare_suggestions(analysis, overlay.suggestions),
    )


def prepare_bodies(
    analysis: Analysis, earlier: Sequence[DisplayBody] = ()
) -> tuple[DisplayBody, ...]:
    """Make the vertebral bodies ready to be drawn; what `earlier` holds already is reused."""
    classes = analysis.segmentation.classes if analysis.segmentation is not None else {}
    class_ids = {name: class_id for class_id, name in classes.items()}
    known = {id(body.vertebra): body for body in earlier}
    bodies = []
    for vertebra in analysis.vertebrae:
        body = known.get(id(vertebra))
        class_id = class_ids.get(vertebra.name)
        if body is None or body.class_id != class_id:
            body = _prepare_body(vertebra, class_id, analysis)
        bodies.append(body)
    return tuple(bodies)


def prepare_suggestions(
    analysis: Analysis, earlier: Sequence[DisplayBody] = ()
) -> tuple[DisplayBody, ...]:
    """Make the suggested bodies ready to be drawn; what `earlier` holds already is reused."""
    known = {id(body.vertebra): body for body in earlier}
    return tuple(
        known.get(id(one)) or replace(_prepare_body(one, None, analysis), is_suggested=True)
        for one in analysis.suggestions
    )


def _prepare_body(vertebra: Vertebra, class_id: int | None, analysis: Analysis) -> DisplayBody:
    from spinealign.imaging.labels import label_place
    from spinealign.imaging.render import class_colour

    others = (*analysis.vertebrae, *analysis.suggestions)
    where = label_place(vertebra, analysis.facing, analysis.image.shape, others)
    colour = QColor(*class_colour(vertebra.name, class_id or vertebra.index))
    outline = _outline_levels([np.array(vertebra.outline)])
    return DisplayBody(vertebra, class_id, colour, outline, where.point, where.away)


def _without_bodies(segmentation: Segmentation, bodies: Sequence[DisplayBody]) -> dict[int, str]:
    """Return the classes that are no bodies of their own."""
    drawn = {body.class_id for body in bodies}
    return {i: name for i, name in segmentation.classes.items() if i not in drawn}


def _colours(classes: Mapping[int, str]) -> dict[int, QColor]:
    from spinealign.imaging.render import class_colour

    return {i: QColor(*class_colour(name, i)) for i, name in classes.items()}


def _mask_levels(segmentation: Segmentation) -> tuple[NDArray[np.uint8], ...]:
    mask = np.ascontiguousarray(segmentation.mask)
    return _halved(mask, lambda fine: fine[::2, ::2])


def _mask_outlines(
    segmentation: Segmentation, classes: Mapping[int, str]
) -> dict[int, tuple[OutlineLevel, ...]]:
    from spinealign.imaging.render import outlines

    return {i: _outline_levels(outlines(segmentation.mask, i)) for i in classes}


def _halved(full: NDArray, shrink: Callable[[NDArray], NDArray]) -> tuple[NDArray, ...]:
    levels = [full]
    while min(levels[-1].shape) >= 2 * SMALLEST_LEVEL_PX:
        levels.append(np.ascontiguousarray(shrink(levels[-1])))
    return tuple(levels)


def _mean(fine: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Average blocks of 2 x 2; an odd last row or column stands for itself."""
    padded = np.pad(fine, [(0, side % 2) for side in fine.shape], mode="edge").astype(np.uint32)
    total = padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]
    return (total // 4).astype(np.uint16)


def _outline_levels(contours: list[NDArray[np.float64]]) -> tuple[OutlineLevel, ...]:
    return tuple(
        OutlineLevel(tolerance, tuple(_simplified(contour, tolerance) for contour in contours))
        for tolerance in OUTLINE_TOLERANCES_PX
    )


def _simplified(contour: NDArray[np.float64], tolerance_px: float) -> QPolygonF:
    """Leave out points of a closed contour (N, 2) that lie on the line between others."""
    import cv2

    points = cv2.approxPolyDP(contour.astype(np.float32)[:, None, :], tolerance_px, True)
    return QPolygonF([QPointF(x, y) for x, y in points[:, 0, :].tolist()])


def _heatmap_image(heatmap: NDArray[np.float32]) -> QImage:
    from spinealign.imaging.render import heat_colours

    stride = max(1, -(-max(heatmap.shape) // HEATMAP_SIDE_PX))
    colours = np.ascontiguousarray(heat_colours(np.ascontiguousarray(heatmap[::stride, ::stride])))
    rows, cols = colours.shape[:2]
    # The copy makes Qt own the bytes: the array is gone when this function returns.
    return QImage(colours.tobytes(), cols, rows, 4 * cols, QImage.Format.Format_RGBA8888).copy()
