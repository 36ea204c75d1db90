"""The analysis of a drawn neck, some of whose bodies are suggested only."""

from dataclasses import replace

from spinealign.domain.findings import Caution, WarningCode
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.outlines.suggestions import suggestion_cautions
from tests.phantoms_xray import analysed, draw_column

FOUND = analysed(draw_column("T1"))


def numbered(bodies, start=1):
    return tuple(replace(body, index=i) for i, body in enumerate(bodies, start=start))


def with_suggestions(*levels, has_levels=True):
    """Return the analysis of the drawn neck with some of its bodies suggested only."""
    kept = numbered(body for body in FOUND.vertebrae if body.level not in levels)
    offered = [body for body in FOUND.vertebrae if body.level in levels]
    offered = [b if has_levels else replace(b, level=None) for b in offered]
    offered = numbered(offered, start=len(kept) + 1)
    geometry = PixelGeometry.of(FOUND.image)
    cautions = [] if kept else [Caution(WarningCode.NOT_OUTLINED)]
    mask = FOUND.segmentation.mask.copy()
    values = {name: value for value, name in FOUND.segmentation.classes.items()}
    for level in levels:
        mask[mask == values[level]] = 0
    classes = {values[body.level]: body.level for body in kept}
    return replace(
        FOUND,
        vertebrae=kept,
        suggestions=offered,
        segmentation=replace(FOUND.segmentation, mask=mask, classes=classes),
        measurements=measure_alignment(kept, FOUND.facing, geometry, FOUND.examination),
        cautions=(*cautions, *suggestion_cautions(offered)),
    )
