"""Vertebral bodies on a picture: thin outlines, corners, and level names beside them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from spinealign.domain.discs import Disc
from spinealign.domain.findings import Analysis, LandmarkSource, Vertebra
from spinealign.export.measure_drawing import draw_polyline, on_canvas, pen_px
from spinealign.export.strips import letters
from spinealign.imaging.labels import label_place
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
    for body in analysis.vertebrae:
        _write_name(picture, body, shown_name(body), analysis, scale, unit)
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
        _write_name(picture, body, suggested_name(body), analysis, scale, unit)
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
    boxes = []
    names = [(body, shown_name(body)) for body in analysis.vertebrae]
    names += [(body, suggested_name(body)) for body in analysis.suggestions]
    for body, name in names:
        centre, half = _name_box(body, name, analysis, scale, unit)
        boxes.append(np.stack([centre - half, centre + half]) / (scale[1], scale[0]))
    return boxes


def _write_name(
    picture: Image.Image, body: Vertebra, name: str, analysis: Analysis, scale: Scale, unit: int
) -> None:
    centre, half = _name_box(body, name, analysis, scale, unit)
    centre = np.clip(centre, half, np.maximum(np.array(picture.size) - half, half))
    ImageDraw.Draw(picture).text(
        (float(centre[0]), float(centre[1])), safe_text(name),
        font=letters(unit, bold=True), anchor="mm", fill=lightened(body_colour(analysis, body)),
        stroke_width=_halo_px(unit), stroke_fill=_DARK,
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


def _name_box(
    body: Vertebra, name: str, analysis: Analysis, scale: Scale, unit: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and half size (x, y) of a name on the canvas."""
    text, font = safe_text(name), letters(unit, bold=True)
    others = (*analysis.vertebrae, *analysis.suggestions)
    place = label_place(body, analysis.facing, analysis.image.shape, others)
    halo = _halo_px(unit)
    width, height = font.getlength(text) + 2 * halo, unit + 2 * halo
    away = np.array(place.away) * (scale[1], scale[0])
    away /= np.hypot(*away)
    # The text box touches the outline from outside, whatever the direction.
    clear = (abs(away[0]) * width + abs(away[1]) * height) / 2 + 0.5 * unit
    centre = np.array(place.point) * (scale[1], scale[0]) + clear * away
    return np.asarray(centre, np.float64), np.array([width, height]) / 2
