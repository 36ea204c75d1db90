"""Where bodies stand to each other, as films in flexion and extension are compared."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spinealign.domain.findings import Analysis, Facing
from spinealign.domain.image import DecisionSource, SpacingSource, SpineImage
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.segment_positions import segment_positions
from tests.examinations import LATERAL_NECK, SPINE_MR
from tests.phantoms_alignment import bent_column, box, from_corners, numbered

BENT = from_corners(bent_column([2.0, 4.0, -3.0, 5.0, 1.0, 2.0], [1.0, -2.0, 3.0, 0.5, 1.0, 0.0]))
STACK = numbered(box("C4", 103, 100), box("C5", 100, 125), box("C6", 101, 146))
LUMBAR = numbered(box("L3", 100, 100), box("L4", 104, 125), box("L5", 102, 150))


def analysed(bodies, facing=Facing.RIGHT, examination=LATERAL_NECK, **image):
    picture = SpineImage(np.zeros((400, 400), np.float32), 8, Path("film.png"), "0" * 64, **image)
    found = measure_alignment(bodies, facing, PixelGeometry.of(picture), examination)
    return Analysis(
        picture, examination, DecisionSource.USER, None, "0", "", vertebrae=bodies, facing=facing,
        measurements=found,
    )  # fmt: skip


def numbers(positions, name):
    return {p.levels: getattr(p, name).value for p in positions if getattr(p, name) is not None}


def test_angles_are_from_body_to_body():
    angles = numbers(segment_positions(analysed(BENT)), "angle")
    assert list(angles) == list(pairwise(("C2", "C3", "C4", "C5", "C6", "C7", "T1")))
    assert list(angles.values()) == pytest.approx([3.0, 2.0, 0.0, 5.5, 2.0, 2.0], abs=1e-6)


@pytest.mark.parametrize(
    ("bodies", "examination", "offsets"),
    [
        (STACK, LATERAL_NECK, {("C4", "C5"): 3, ("C5", "C6"): -1}),
        (LUMBAR, SPINE_MR, {("L3", "L4"): -4, ("L4", "L5"): 2}),
    ],
    ids=["neck", "back"],
)
def test_a_body_before_the_one_below_has_a_positive_translation(bodies, examination, offsets):
    positions = segment_positions(analysed(bodies, examination=examination))
    assert numbers(positions, "translation") == pytest.approx(offsets)
    shares = {levels: 100 * offset / 20 for levels, offset in offsets.items()}
    assert numbers(positions, "translation_percent") == pytest.approx(shares)


def test_a_patient_who_looks_the_other_way_has_the_same_positions():
    mirrored = tuple(
        replace(
            body, landmarks=tuple(replace(m, x=400 - m.x) for m in body.landmarks),
            outline=tuple((400 - x, y) for x, y in body.outline),
        )
        for body in STACK
    )  # fmt: skip
    for name in ("angle", "translation", "translation_percent"):
        one, other = (
            numbers(segment_positions(found), name)
            for found in (analysed(STACK), analysed(mirrored, Facing.LEFT))
        )
        assert other == pytest.approx(one), name


def test_magnification_changes_millimetres_and_not_the_share():
    def taken(spacing):
        found = analysed(
            STACK, spacing_mm=(spacing, spacing), spacing_source=SpacingSource.DETECTOR_PLANE
        )
        return segment_positions(found)

    near, far = taken(0.2), taken(0.25)
    assert [p.translation.unit for p in near] == ["mm", "mm"]
    assert numbers(near, "translation") == pytest.approx({("C4", "C5"): 0.6, ("C5", "C6"): -0.2})
    assert numbers(far, "translation") == pytest.approx({("C4", "C5"): 0.75, ("C5", "C6"): -0.25})
    shares = numbers(near, "translation_percent")
    assert numbers(far, "translation_percent") == pytest.approx(shares)


def test_limits_of_neutral_images_are_not_applied():
    slipped = analysed(numbered(box("C4", 112, 100), box("C5", 100, 125)))
    for position in segment_positions(slipped):
        for one in (position.angle, position.translation, position.translation_percent):
            assert one.severity is None
            assert one.interval is not None


def test_without_levels_or_facing_there_is_none():
    assert segment_positions(replace(analysed(STACK), levels_uncertain=True)) == ()
    assert segment_positions(analysed(STACK, facing=None)) == ()
    assert segment_positions(analysed(())) == ()
