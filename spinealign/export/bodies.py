"""Vertebral bodies on a picture: thin outlines, corners, and level names beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from spinealign.domain.discs import Disc
from spinealign.domain.findings import Analysis, LandmarkSource, Vertebra
from spinealign.export.measure_drawing import draw_polyline, on_canvas, pen_px
from spinealign.export.strips import letters
from spinealign.imaging.labels import LabelPlace, label_place, label_places
from spinealign.imaging.render import Colour, class_colour, draw_region, lightened
from spinealign.wording import safe_text
from spinealign.wording.vertebrae import shown_name, suggested_name

Scale = tuple[float, float]

_FILL_OPACITY = 0.1
_THIN = 0.6
_DARK: Colour = (0, 0, 0)
_FIXED_POINT_BITS = 4
_DOT_SHARE = 1 / 560
_DISC_LETTERS = 0.85
_SMALLEST = 1e-6
_SMALLER = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""Sizes of names, in shares of the letters around, until each is told apart from the next."""

_LEAST_PX = 12
_MAY_TOUCH = 0.15
"""Share of two letter boxes that may lie over each other: their halos."""


@dataclass(frozen=True, eq=False)
class Name:
    """A body's name on the canvas.

    Parameters
    ----------
    body : Vertebra
    text : str
    unit : int
        Height of its letters in canvas pixels.
    centre, half : ndarray, shape (2,)
        Middle and half size (x, y) of its box in canvas pixels.
    """

    body: Vertebra
    text: str
    unit: int
    centre: NDArray[np.float64]
    half: NDArray[np.float64]


def body_colour(analysis: Analysis, body: Vertebra) -> Colour:
    """Return a body's (red, green, blue), the same as in the legend."""
    classes = {} if analysis.segmentation is None else analysis.segmentation.classes
    return class_colour(body.name, next((i for i, n in classes.items() if n == body.name), 1))


def draw_bodies(
    canvas: NDArray[np.uint8],
    analysis: Analysis,
    scale: Scale,
    line_weight: float,
    unit: int,
    fill_opacity: float | None = None,
) -> NDArray[np.uint8]:
    """Draw all vertebral bodies of an analysis.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (H', W', 3)
        The enlarged image; outlines are drawn into it.
    scale : tuple of float
        (row, column) enlargement.
    line_weight : float
        Outlines are this much bolder than suits a screen.
    unit : int
        Height of letters in canvas pixels.
    fill_opacity : float, optional
        0..1; None for the light fill of files.

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
    """
    fill = _FILL_OPACITY if fill_opacity is None else fill_opacity
    for body in analysis.vertebrae:
        colour = body_colour(analysis, body)
        polygon = np.array(body.outline)
        draw_region(canvas, [polygon], colour, scale, fill, _THIN * line_weight)
        _draw_dots(canvas, body, colour, scale, line_weight)
    picture = Image.fromarray(canvas)
    for name in names_on(analysis, scale, unit)[: len(analysis.vertebrae)]:
        _write_name(picture, name, analysis)
    for disc in analysis.discs:
        _write_disc_name(picture, disc, scale, round(_DISC_LETTERS * unit))
    return np.array(picture, np.uint8)


def draw_suggestions(
    canvas: NDArray[np.uint8], analysis: Analysis, scale: Scale, line_weight: float, unit: int
) -> NDArray[np.uint8]:
    """Draw the bodies that are only suggested, dashed and without corners; see `draw_bodies`."""
    picture = Image.fromarray(canvas)
    pen = pen_px(canvas.shape, line_weight)
    for body in analysis.suggestions:
        ring = on_canvas((*body.outline, *body.outline[:1]), scale)
        draw_polyline(picture, ring, suggested_colour(analysis, body), pen, is_dashed=True)
    for name in names_on(analysis, scale, unit)[len(analysis.vertebrae) :]:
        _write_name(picture, name, analysis)
    return np.array(picture, np.uint8)


def write_names(
    canvas: NDArray[np.uint8], analysis: Analysis, scale: Scale, unit: int
) -> NDArray[np.uint8]:
    """Write the names of bodies again, over lines that were drawn since; see `draw_bodies`."""
    picture = Image.fromarray(canvas)
    for name in names_on(analysis, scale, unit):
        _write_name(picture, name, analysis)
    return np.array(picture, np.uint8)


def suggested_colour(analysis: Analysis, body: Vertebra) -> Colour:
    """Return the (red, green, blue) of a body that is only suggested."""
    return lightened(body_colour(analysis, body))


def _draw_dots(
    canvas: NDArray[np.uint8], body: Vertebra, colour: Colour, scale: Scale, weight: float
) -> None:
    """Draw corners that the network saw as dots, and points of the outline as rings."""
    radius = max(1.5, weight * max(canvas.shape[:2]) * _DOT_SHARE)
    ones = 1 << _FIXED_POINT_BITS
    for mark in body.landmarks:
        x, y = mark.x * scale[1] - 0.5, mark.y * scale[0] - 0.5
        centre = (round(x * ones), round(y * ones))
        inner = colour if mark.source is LandmarkSource.NETWORK else _DARK
        for size, shade in ((radius + 1.2, _DARK), (radius + 0.4, colour), (radius - 0.6, inner)):
            cv2.circle(
                canvas, centre, round(size * ones), shade, -1, cv2.LINE_AA, _FIXED_POINT_BITS
            )


def name_boxes(analysis: Analysis, scale: Scale, unit: int) -> list[NDArray[np.float64]]:
    """Return two corners (2, 2), in image pixels, of each box that a name is written in."""
    zoom = (scale[1], scale[0])
    return [np.stack([n.centre - n.half, n.centre + n.half]) / zoom for n in names_on(
        analysis, scale, unit
    )]  # fmt: skip


def _write_name(picture: Image.Image, name: Name, analysis: Analysis) -> None:
    centre = np.clip(
        name.centre, name.half, np.maximum(np.array(picture.size) - name.half, name.half)
    )
    ImageDraw.Draw(picture).text(
        (float(centre[0]), float(centre[1])), name.text,
        font=letters(name.unit, bold=True), anchor="mm",
        fill=lightened(body_colour(analysis, name.body)),
        stroke_width=_halo_px(name.unit), stroke_fill=_DARK,
    )  # fmt: skip


def _write_disc_name(picture: Image.Image, disc: Disc, scale: Scale, unit: int) -> None:
    """Write a disc's name in front of it; vertebrae are named behind."""
    zoom = np.array([scale[1], scale[0]])
    front, away = np.array(disc.anterior) * zoom, np.subtract(disc.anterior, disc.posterior) * zoom
    away = away / max(float(np.hypot(*away)), _SMALLEST)
    text, font = safe_text(disc.name), letters(unit, bold=disc.is_abnormal)
    half = np.array([font.getlength(text) / 2, unit / 2]) + _halo_px(unit)
    centre = front + (float(np.abs(away) @ half) + 0.4 * unit) * away
    centre = np.clip(centre, half, np.maximum(np.array(picture.size) - half, half))
    ImageDraw.Draw(picture).text(
        (float(centre[0]), float(centre[1])), text, font=font, anchor="mm",
        fill=lightened(class_colour("disc", 1)),
        stroke_width=_halo_px(unit), stroke_fill=_DARK,
    )  # fmt: skip


def _halo_px(unit: int) -> int:
    return max(1, unit // 8)


def names_on(analysis: Analysis, scale: Scale, unit: int) -> list[Name]:
    """Return where the names of all bodies stand, counted ones first, then suggested ones.

    Letters are as large as asked for, or as much smaller as it takes that every name stands
    nearer to its own body than to any other, and over no other name.

    Parameters
    ----------
    scale : tuple of float
        (row, column) enlargement.
    unit : int
        Height of the largest letters in canvas pixels.
    """
    zoom = np.array([scale[1], scale[0]])
    told = [(body, shown_name(body)) for body in analysis.vertebrae]
    told += [(body, suggested_name(body)) for body in analysis.suggestions]
    others = (*analysis.vertebrae, *analysis.suggestions)
    outlines = [np.array(body.outline) * zoom for body in others]
    found: list[Name] = []
    for share in _SMALLER:
        smaller, found = max(round(share * unit), min(unit, _LEAST_PX)), []
        for (body, text), own in zip(told, outlines, strict=True):
            first = label_place(body, analysis.facing, analysis.image.shape, others)
            straight = label_places(body, analysis.facing)[1]
            # On the other side of the column a name would be looked for in vain.
            ways = [first, *([straight] if np.dot(first.away, straight.away) > 0 else [])]
            names = [_name(body, text, way, zoom, smaller) for way in ways]
            clear = (n for n in names if _is_clear(n, own, outlines, found))
            found.append(next(clear, names[0]))
        if all(
            _is_clear(name, own, outlines, found[:place])
            for place, (name, own) in enumerate(zip(found, outlines, strict=True))
        ):
            break
    return found


def _name(
    body: Vertebra, name: str, place: LabelPlace, zoom: NDArray[np.float64], unit: int
) -> Name:
    text, font, halo = safe_text(name), letters(unit, bold=True), _halo_px(unit)
    width, height = font.getlength(text) + 2 * halo, unit + 2 * halo
    away = np.array(place.away) * zoom
    away /= np.hypot(*away)
    # The text box touches the outline from outside, whatever the direction.
    clear = (abs(away[0]) * width + abs(away[1]) * height) / 2 + 0.5 * unit
    centre = np.asarray(np.array(place.point) * zoom + clear * away, np.float64)
    return Name(body, text, unit, centre, np.array([width, height]) / 2)


def _is_clear(
    name: Name,
    own: NDArray[np.float64],
    outlines: Sequence[NDArray[np.float64]],
    others: Sequence[Name],
) -> bool:
    """Whether a name is nearest to its own body, and over no other name."""
    if _apart(name, own) > min(_apart(name, outline) for outline in outlines):
        return False
    # Letters of neighbours may touch as lines of a text do.
    return not any(
        (np.abs(name.centre - n.centre) < (1 - _MAY_TOUCH) * (name.half + n.half)).all()
        for n in others
    )


def _apart(name: Name, outline: NDArray[np.float64]) -> float:
    """Return how far a name's letters are from an outline (N, 2)."""
    beyond = np.maximum(np.abs(outline - name.centre) - name.half, 0.0)
    return float(np.hypot(*beyond.T).min())
