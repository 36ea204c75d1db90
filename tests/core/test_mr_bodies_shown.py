"""Bodies of a sagittal MR in words, in JSON, in the picture and in the report."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jsonschema
import numpy as np
import pytest

from spinealign import wording
from spinealign.domain.findings import Caution, VertebraState, WarningCode
from spinealign.export.overlay import overlay_picture
from spinealign.export.report import report_pdf
from spinealign.export.tables import analysis_json, analysis_schema
from spinealign.measure.correction.changes import delete_vertebra, rename_level
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.measure.outlines.mr_bodies import bodies_from_mask
from spinealign.measure.outlines.regions import region_statistics
from tests.phantoms import mr_analysis
from tools.phantoms.lumbar import CLASSES, SHIPPED_SEED, render_lumbar_phantom


@cache
def shown(rows=None):
    """Return an analysis of the rendered phantom, or of its uppermost rows."""
    pixels, mask = (part[:rows] for part in render_lumbar_phantom(SHIPPED_SEED))
    sure = np.full(mask.shape, 0.97, np.float32)
    plain = mr_analysis()
    segmentation = replace(plain.segmentation, classes=CLASSES, mask=mask, confidence=sure)
    column = bodies_from_mask(mask, CLASSES, sure)
    return replace(
        plain,
        image=replace(plain.image, pixels=pixels.astype(np.float32)),
        segmentation=segmentation,
        regions=region_statistics(segmentation, None),
        vertebrae=column.vertebrae,
        facing=column.facing,
        facing_confidence=column.facing_confidence,
        levels_uncertain=column.levels_uncertain,
        cautions=column.cautions,
    )


@pytest.mark.parametrize(
    ("rows", "start"),
    [
        (None, "Segmented vertebrae (T11 to L5), 7 discs and the spinal canal on"),
        (300, "Segmented 6 vertebral bodies, 5 discs and the spinal canal on"),
    ],
    ids=["counted", "uncertain"],
)
def test_the_headline_says_which_bodies_were_told_apart(rows, start):
    assert wording.headline(shown(rows)).startswith(start)


@pytest.mark.parametrize("rows", [None, 300], ids=["counted", "uncertain"])
def test_every_caution_is_worded(rows):
    for caution in shown(rows).cautions:
        text = wording.caution_text(caution)
        assert text[0].isupper()
        assert text.endswith(".")
        assert "_" not in text
        assert "{" not in text


def test_counted_levels_and_the_sacrum_are_said_to_be_assumptions():
    texts = " ".join(wording.caution_text(caution) for caution in shown().cautions)
    assert "lowest disc, assumed to be L5/S1; a transitional" in texts
    assert "The body below the lowest disc is not outlined" in texts
    assert "(S1)" in texts


def test_a_reason_is_given_when_no_column_is_found():
    text = wording.caution_text(Caution(WarningCode.NO_COLUMN))
    assert "Fewer than two discs" in text


def test_rows_of_the_table_say_where_corners_come_from():
    rows = {row[0]: row for row in map(wording.format_vertebra_row, shown().vertebrae)}
    assert rows["L3"][1:3] == ("complete", "from the outline")
    assert rows["T11"][1] == "cut off by the image border"
    assert rows["S1"][1] == "superior endplate only"


@pytest.mark.parametrize("rows", [None, 300], ids=["counted", "uncertain"])
def test_the_json_follows_the_schema(rows):
    table = analysis_json(shown(rows), {})
    jsonschema.Draft202012Validator(analysis_schema()).validate(table)
    states = {body["name"]: body["state"] for body in table["vertebrae"]}
    if rows is None:
        assert states["S1"] == VertebraState.ENDPLATE
        assert table["vertebrae"][-1]["class_id"] is None


def test_discs_and_canal_stay_in_the_picture_beside_the_bodies():
    def colours_at(analysis):
        picture = np.asarray(overlay_picture(analysis))
        scale = picture.shape[1] / analysis.image.shape[1]
        mask = analysis.segmentation.mask
        places = [np.argwhere(mask == value).mean(axis=0) * scale for value in (2, 3)]
        return [picture[int(y), int(x)].astype(int) for y, x in places]

    with_bodies = colours_at(shown())
    without = colours_at(replace(shown(), vertebrae=()))
    for one, other in zip(with_bodies, without, strict=True):
        assert np.abs(one - other).max() <= 2


def test_the_report_lists_the_bodies():
    assert report_pdf(shown()).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        (lambda c: rename_level(c, 7, "L4"), WarningCode.LEVELS_COUNTED),
        (lambda c: delete_vertebra(c, 8), WarningCode.ENDPLATE_FROM_DISC),
    ],
    ids=["levels named", "S1 deleted"],
)
def test_a_caution_goes_when_a_person_dealt_with_it(change, gone):
    analysis = shown()
    codes = {caution.code for caution in analysis.cautions}
    corrected = apply_corrections(analysis, change(initial_corrections(analysis)))
    left = {caution.code for caution in corrected.cautions}
    assert codes - left == {gone}
