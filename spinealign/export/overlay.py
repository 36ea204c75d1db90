"""Pictures of an analysis for people: outlines, heat map, and what is needed to read them."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.domain.image import SpacingSource
from spinealign.domain.report_details import PictureLayers
from spinealign.export import strips
from spinealign.export.bodies import (
    draw_bodies,
    draw_suggestions,
    name_boxes,
    suggested_colour,
    write_names,
)
from spinealign.export.measure_drawing import (
    draw_measures,
    draw_notes,
    legend_items,
    main_measures,
    ticked_measures,
)
from spinealign.export.points import COLOUR as POINTS_COLOUR
from spinealign.export.points import draw_points
from spinealign.imaging.presenting import as_shown
from spinealign.imaging.render import (
    Colour,
    class_colour,
    draw_heat,
    draw_overlay,
    draw_region,
    enlarge,
    lay_heat,
    outline_region,
    picture_scale,
)
from spinealign.imaging.windows import apply_window, default_display
from spinealign.wording import (
    DEMONSTRATION_BAND,
    NOT_FOR_DIAGNOSIS,
    is_body_segmentation,
    is_demonstration,
    model_text,
    safe_text,
)
from spinealign.wording.labels import heat_words
from spinealign.wording.points import LEGEND, LEGEND_UNSURE
from spinealign.wording.presentation import AS_FILE, presentation_note

MIN_LONGEST_PX = 900
_MIN_WIDTH_PX = 480
_HEAT_OUTLINE: Colour = (230, 159, 0)
_HEAT_LEVEL = 0.5
_FILL_OPACITY = 0.2
_PAPER_LINE_WEIGHT = 2.0
_PAPER_LETTERS = 1.8
_TALL = 1.6
"""Longer side over the shorter one beyond which letters grow no more."""

_BESIDE_UNITS = 32
"""Width of a legend beside a picture, in heights of its letters."""


_COMPRESSION = 3
"""Of PNG files: those of 6, zlib's own choice, are as small but take twice as long."""


def mask_picture(analysis: Analysis) -> Image.Image:
    """Return the mask as an 8-bit picture of the image's size: pixel value = class number.

    Raises
    ------
    ValueError
        The analysis has no segmentation.

    Notes
    -----
    It is never turned: its pixels are those of the file's picture.
    """
    if analysis.segmentation is None:
        raise ValueError("no segmentation")
    return Image.fromarray(np.ascontiguousarray(analysis.segmentation.mask, dtype=np.uint8))


def plain_picture(analysis: Analysis, paper: bool = False) -> Image.Image:
    """Return the image as it is shown, in the size of the other pictures.

    For the parameters see `overlay_picture`.
    """
    analysis = as_shown(analysis)
    scale = picture_scale(analysis.image.shape, analysis.image.spacing_mm, MIN_LONGEST_PX)
    return _compose(analysis, enlarge(_grey(analysis), scale), scale, paper)


def overlay_picture(
    analysis: Analysis, paper: bool = False, layers: PictureLayers | None = None
) -> Image.Image:
    """Draw what was found over the image.

    Parameters
    ----------
    analysis : Analysis
        Structures are outlined, vertebral bodies with their names and corners; the main
        measures are drawn with their values; of a heat map, the half that spoke most; texts
        and arrows that a person put there.
    paper : bool
        For a report: bolder letters and lines, and neither the models below nor
        a demonstration's band above, because the report says both itself; a whole spine has
        no legend either, because its measures stand beside it.
    layers : PictureLayers, optional
        What is drawn instead: what the screen shows. A demonstration's heat map is drawn, with
        its band above, where these ask for it.

    Returns
    -------
    PIL.Image.Image
        RGB, at least `MIN_LONGEST_PX` on the longest side, with legend, and with
        a scale bar when the pixel spacing is known.
    """
    is_heat = layers is not None and layers.heat_opacity is not None
    analysis = as_shown(analysis if is_heat else analysis.without_demonstration)
    scale = picture_scale(analysis.image.shape, analysis.image.spacing_mm, MIN_LONGEST_PX)
    weight = _PAPER_LINE_WEIGHT if paper else 1.0
    canvas = _draw_structures(analysis, scale, weight, paper, layers)
    heat = _heat(analysis)
    if layers is not None and layers.heat_opacity is not None and heat is not None:
        canvas = lay_heat(canvas, heat, layers.heat_opacity)
    measures = main_measures(analysis) if layers is None else ticked_measures(analysis, layers)
    if measures:
        letters = _unit(canvas, paper)
        aside = [] if _hides_structures(layers) else _aside(analysis, scale, letters)
        canvas = draw_measures(canvas, measures, scale, weight, letters, aside, not paper)
        if not _hides_structures(layers):
            canvas = write_names(canvas, analysis, scale, letters)
    if analysis.located is not None and not _hides_structures(layers):
        unit = _unit(canvas, paper)
        names = [box * (scale[1], scale[0]) for box in name_boxes(analysis, scale, unit)]
        taken = [(*low.tolist(), *high.tolist()) for low, high in names]
        canvas = draw_points(canvas, analysis.located, scale, unit, taken)
    drawings = analysis.corrections.drawings if analysis.corrections is not None else ()
    if any(drawing.tool.is_note for drawing in drawings) and (layers is None or layers.notes):
        canvas = draw_notes(canvas, drawings, scale, weight, _unit(canvas, paper))
    items = [] if _hides_structures(layers) else _structure_items(analysis)
    items += legend_items(measures)
    if layers is None and heat is not None:
        polygons = outline_region(heat >= _HEAT_LEVEL)
        draw_region(canvas, polygons, _HEAT_OUTLINE, scale, 0.0, weight)
        items.append((_HEAT_OUTLINE, f"strongest evidence for {heat_words(analysis)}"))
    return _compose(
        analysis, canvas, scale, paper, _legends(analysis, canvas, items, paper, is_heat)
    )


def _legends(
    analysis: Analysis,
    canvas: NDArray[np.uint8],
    items: Sequence[tuple[Colour, str]],
    paper: bool,
    is_heat: bool,
) -> list[Image.Image]:
    """Return what explains the colours of a picture, below it or beside it."""
    unit = _unit(canvas, paper)
    width = round(_BESIDE_UNITS * unit) if _is_tall(analysis, canvas) else _width(canvas)
    is_told = bool(items) and not (paper and _is_tall(analysis, canvas))
    legends = [strips.legend(items, width, unit)] if is_told else []
    if is_heat and _heat(analysis) is not None:
        legends.append(strips.heat_bar(f"evidence for {heat_words(analysis)}", width, unit))
    return legends


def _hides_structures(layers: PictureLayers | None) -> bool:
    return layers is not None and not layers.structures


def _heat(analysis: Analysis) -> NDArray[np.float32] | None:
    return analysis.heatmap


def _aside(analysis: Analysis, scale: tuple[float, float], unit: int) -> list[NDArray[np.float64]]:
    """Return outlines, in image pixels, that values keep off."""
    bodies = (*analysis.vertebrae, *analysis.suggestions)
    return [
        *(np.array(body.outline) for body in bodies),
        *name_boxes(analysis, scale, unit),
    ]


def heatmap_picture(analysis: Analysis, paper: bool = False) -> Image.Image:
    """Lay the classifier's heat map over the image; see `overlay_picture`.

    Raises
    ------
    ValueError
        The analysis has no heat map.
    """
    analysis = as_shown(analysis)
    if analysis.heatmap is None:
        raise ValueError("no heat map")
    scale = picture_scale(analysis.image.shape, analysis.image.spacing_mm, MIN_LONGEST_PX)
    canvas = draw_heat(_grey(analysis), analysis.heatmap, scale)
    label = f"evidence for {heat_words(analysis)}"
    legend = strips.heat_bar(label, _width(canvas), _unit(canvas, paper))
    return _compose(analysis, canvas, scale, paper, [legend])


def png_bytes(picture: Image.Image, analysis: Analysis) -> bytes:
    """Return the picture as PNG with where it comes from in its text chunks."""
    notes = PngInfo()
    notes.add_text("Software", f"SpineAlign {analysis.program_version}")
    notes.add_text("Disclaimer", DISCLAIMER)
    notes.add_text("Source SHA-256", analysis.image.sha256)
    notes.add_itxt("Presentation", presentation_note(analysis.image.presentation) or AS_FILE)
    for model in analysis.models:
        notes.add_itxt("Model", f"{model_text(model)}, SHA-256 {model.sha256}")
    target = io.BytesIO()
    picture.save(target, "PNG", pnginfo=notes, compress_level=_COMPRESSION)
    return target.getvalue()


def _compose(
    analysis: Analysis,
    canvas: NDArray[np.uint8],
    scale: tuple[float, float],
    paper: bool,
    legend: Sequence[Image.Image] = (),
) -> Image.Image:
    picture = Image.fromarray(canvas)
    is_beside = _is_tall(analysis, canvas) and bool(legend)
    width = legend[0].width if is_beside else _width(canvas)
    words = [*legend, *_notes(analysis, canvas, scale, paper, width)]
    rows = [strips.beside(picture, strips.stack(words))] if is_beside else [picture, *words]
    if not paper and is_demonstration(analysis):
        wide = max(row.width for row in rows)
        rows.insert(0, strips.band(DEMONSTRATION_BAND, wide, _unit(canvas, paper)))
    return strips.stack(rows)


def _notes(
    analysis: Analysis,
    canvas: NDArray[np.uint8],
    scale: tuple[float, float],
    paper: bool,
    width: int,
) -> list[Image.Image]:
    """Return the scale bar and the small print, as wide as they have room."""
    unit, rows = _unit(canvas, paper), []
    if analysis.image.spacing_mm is not None:
        px_per_mm = scale[1] / analysis.image.spacing_mm[1]
        note = _spacing_note(analysis.image.spacing_source)
        rows.append(strips.scale_bar(px_per_mm, canvas.shape[1], width, unit, note))
    if not paper:
        rows.append(strips.footer(_footer_lines(analysis), width, unit))
    return rows


def _is_tall(analysis: Analysis, canvas: NDArray[np.uint8]) -> bool:
    """Whether a legend has more room beside a picture than below it: of a whole spine."""
    whole = analysis.examination is not None and analysis.examination.shows_all_regions
    return whole and canvas.shape[0] > _TALL * canvas.shape[1]


def _width(canvas: NDArray[np.uint8]) -> int:
    return max(int(canvas.shape[1]), _MIN_WIDTH_PX)


def _unit(canvas: NDArray[np.uint8], paper: bool) -> int:
    sides = canvas.shape[:2]
    unit = strips.unit_px(min(max(sides), round(_TALL * min(sides))))
    return round(unit * _PAPER_LETTERS) if paper else unit


def _grey(analysis: Analysis) -> NDArray[np.uint8]:
    grey = apply_window(analysis.image.pixels, default_display(analysis.image))
    return 255 - grey if analysis.image.presentation.is_inverted else grey


def _draw_structures(
    analysis: Analysis,
    scale: tuple[float, float],
    line_weight: float,
    paper: bool,
    layers: PictureLayers | None,
) -> NDArray[np.uint8]:
    grey, found = _grey(analysis), analysis.segmentation
    if _hides_structures(layers):
        return enlarge(grey, scale)
    fill = _FILL_OPACITY if layers is None else layers.fill_opacity
    if found is None or is_body_segmentation(analysis):
        canvas = enlarge(grey, scale)
    else:
        canvas = draw_overlay(grey, found.mask, found.classes, scale, fill, line_weight)
    unit = _unit(canvas, paper)
    if analysis.vertebrae:
        body_fill = None if layers is None else fill
        canvas = draw_bodies(canvas, analysis, scale, line_weight, unit, body_fill)
    if analysis.suggestions:
        canvas = draw_suggestions(canvas, analysis, scale, line_weight, unit)
    return canvas


def _structure_items(analysis: Analysis) -> list[tuple[Colour, str]]:
    located = analysis.located
    points: list[tuple[Colour, str]] = []
    if located is not None and located.points:
        points.append((POINTS_COLOUR, f"{LEGEND}; {LEGEND_UNSURE}" if located.unsure else LEGEND))
    return [*_mask_items(analysis), *points]


def _mask_items(analysis: Analysis) -> list[tuple[Colour, str]]:
    if analysis.segmentation is None:
        return []
    present = set(np.unique(analysis.segmentation.mask).tolist())
    classes = analysis.segmentation.classes.items()
    items = [(class_colour(name, i), safe_text(name)) for i, name in classes if i in present]
    if analysis.suggestions:
        colour = suggested_colour(analysis, analysis.suggestions[0])
        items.append((colour, "dashed: suggested, not measured"))
    return items


def _spacing_note(source: SpacingSource) -> str:
    return "at the detector (magnified)" if source is SpacingSource.DETECTOR_PLANE else ""


def _footer_lines(analysis: Analysis) -> list[str]:
    models = [f"{safe_text(model_text(m))}, {m.engine}" for m in analysis.models]
    shown = presentation_note(analysis.image.presentation)
    return [
        *([shown] if shown else []),
        *(models or ["No model was used."]),
        f"SpineAlign {analysis.program_version}. {NOT_FOR_DIAGNOSIS}.",
    ]
