"""The part of the report about discs: the overall word, its rule, and a row for each disc."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reportlab.lib.units import mm
from reportlab.platypus import Image as Picture
from reportlab.platypus import Spacer, Table

from spinealign.domain.discs import Disc, GradeName
from spinealign.domain.findings import Analysis
from spinealign.export import page
from spinealign.export.alignment_pages import Overrulings
from spinealign.export.page import Story, paragraph, section
from spinealign.export.report_content import Overruling
from spinealign.export.report_pictures import Encoded, jpeg
from spinealign.imaging.render import default_window, to_display
from spinealign.lumbar.pictures import disc_picture, leading_grade
from spinealign.reading.findings import grade_key
from spinealign.wording import NOTHING
from spinealign.wording.discs import (
    COUNTED_FROM_BELOW,
    OVERALL_OF_PROGRAM,
    OVERALL_RULE,
    are_levels_counted,
    companion_text,
    disc_detail_lines,
    grade_text,
    grade_title,
    overall_text,
)

_HEADINGS = ("Disc", "Picture", "Heat map", "Pfirrmann grade", "Findings")
_WIDTHS = (0.12, 0.17, 0.17, 0.16, 0.38)
_PICTURE_WIDTH, _PICTURE_PX = 26 * mm, 400
_HEAT_NOTE = (
    "Each disc is rotated to horizontal: anterior to the left, sacrum below. Heat map: image "
    "regions that the grade named below it is based on; it marks no border of any finding. "
    "Numbers are the probabilities that the model gives."
)

DiscPictures = tuple[Encoded, Encoded | None]
"""A disc, and with the heat map of the grade that says most of it."""

_PICTURES: WeakKeyDictionary[Analysis, list[DiscPictures]] = WeakKeyDictionary()


def discs_story(analysis: Analysis, overrulings: Overrulings) -> Story:
    """Return the section about discs as reportlab flowables, empty where none was graded.

    Parameters
    ----------
    analysis : Analysis
    overrulings : mapping of str to Overruling
        What the reader changed or rejected, by key of the finding.
    """
    overall = analysis.overall
    if overall is None:
        return []
    pictures = _pictures(analysis)
    rows = [
        _row(disc, shown, overrulings)
        for disc, shown in zip(reversed(analysis.discs), reversed(pictures), strict=True)
    ]
    is_read = any(
        grade_key(disc, one) in overrulings for disc in analysis.discs for one in GradeName
    )
    head = [paragraph(text, page.BOLD) for text in _HEADINGS]
    widths = [width * page.TEXT_WIDTH for width in _WIDTHS]
    columns = page.fitted_widths([head, *rows], widths)
    table = Table([head, *rows], colWidths=columns, repeatRows=1)
    table.hAlign = "LEFT"
    table.setStyle([*page.GRID, ("VALIGN", (0, 1), (-1, -1), "MIDDLE")])
    return section(
        "Intervertebral discs",
        paragraph(
            f"{OVERALL_OF_PROGRAM if is_read else 'Overall'}: {overall_text(overall)}", page.FINDING
        ),
        paragraph(OVERALL_RULE, page.SMALL),
        *([paragraph(COUNTED_FROM_BELOW, page.SMALL)] if are_levels_counted(analysis) else []),
        *_companion(analysis),
        Spacer(0, 1 * mm),
        table,
        Spacer(0, 1 * mm),
        paragraph(_HEAT_NOTE, page.SMALL),
    )


def _companion(analysis: Analysis) -> Story:
    text = companion_text(analysis)
    return [paragraph(text, page.SMALL)] if text else []


def _pictures(analysis: Analysis) -> list[DiscPictures]:
    """Return the pictures of all discs; a report is set several times until its pages suffice."""
    if analysis not in _PICTURES:
        grey = to_display(analysis.image.pixels, default_window(analysis.image))
        _PICTURES[analysis] = [_drawn(grey, disc) for disc in analysis.discs]
    return _PICTURES[analysis]


def _drawn(grey: NDArray[np.uint8], disc: Disc) -> DiscPictures:
    grade = leading_grade(disc)
    heat = None if grade is None else grade.heatmap
    plain = _encoded(disc_picture(grey, disc))
    return plain, None if heat is None else _encoded(disc_picture(grey, disc, heat))


def _row(disc: Disc, pictures: DiscPictures, overrulings: Overrulings) -> list[Any]:
    plain, heat = pictures
    grade = leading_grade(disc)
    shown: list[Any] = [paragraph(NOTHING)]
    if grade is not None and heat is not None:
        shown = [_printed(heat), paragraph(grade_title(grade.name), page.SMALL)]
    return [
        paragraph(disc.name, page.BOLD),
        _printed(plain),
        shown,
        paragraph(_pfirrmann(disc, overrulings)),
        [paragraph(line) for line in _details(disc, overrulings)],
    ]


def _pfirrmann(disc: Disc, overrulings: Overrulings) -> str:
    overruling = overrulings.get(grade_key(disc, GradeName.PFIRRMANN))
    if overruling is not None:
        return _overruled(overruling)
    grade = disc.grade(GradeName.PFIRRMANN)
    return NOTHING if grade is None else grade_text(grade)


def _overruled(overruling: Overruling) -> str:
    return ", ".join(part for part in (overruling.value, overruling.words) if part)


def _details(disc: Disc, overrulings: Overrulings) -> list[str]:
    """Return what is told of a disc beside Pfirrmann's grade, the reader's own first."""
    own = {
        name: overruling
        for name in GradeName
        if name is not GradeName.PFIRRMANN
        and (overruling := overrulings.get(grade_key(disc, name))) is not None
    }
    told = [f"{grade_title(name)}: {_overruled(overruling)}" for name, overruling in own.items()]
    rest = replace(disc, grades=tuple(grade for grade in disc.grades if grade.name not in own))
    return [*told, *(disc_detail_lines(rest) if rest.is_abnormal or not told else ())]


def _encoded(picture: NDArray[np.uint8]) -> Encoded:
    return picture.shape[1::-1], jpeg(Image.fromarray(picture), _PICTURE_PX)


def _printed(picture: Encoded) -> Picture:
    (width, height), encoded = picture
    return page.picture(encoded, _PICTURE_WIDTH, _PICTURE_WIDTH * height / width)
