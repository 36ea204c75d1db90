import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.findings import Facing, WarningCode
from spinealign.domain.measurements import Measurement
from spinealign.domain.measures import MeasureCode, Reference, Severity, SeverityGrade
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.outlines.canal import (
    LevelLine,
    canal_measures,
    canal_of,
    narrowing_cautions,
)
from spinealign.reading.findings import findings_of, page_of
from spinealign.wording.measures import measurement_name, reason_text, severity_text
from spinealign.wording.reading_page import (
    canal_sentence,
    canal_title,
    canal_values,
    limit_text,
)
from tests.examinations import SPINE_MR
from tests.phantoms import mr_analysis
from tests.phantoms_alignment import PIXELS, box, numbered, rasterised

LEVELS = ("L4", "L5")


def true_mm(spacing):
    return PixelGeometry((spacing, spacing), are_lengths_true=True)


def band(width, angle_deg=0.0, shape=(200, 240), narrow=None):
    """Return a canal of a given width behind (left of) a disc line, both turned together.

    `narrow` is the width at the disc, where both borders come closer on a short stretch.
    """
    sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    half, waist = width / 2, (narrow or width) / 2
    ring = np.array([
        (-half, -60), (-half, -8), (-waist, -2), (-waist, 2), (-half, 8), (-half, 60),
        (half, 60), (half, 8), (waist, 2), (waist, -2), (half, -8), (half, -60),
    ], float)  # fmt: skip
    centre = np.array([100.0, 100.0])
    line = np.array([(width / 2 + 42, 0.0), (width / 2 + 2, 0.0)]) @ matrix.T + centre
    disc = LevelLine(LEVELS, tuple(line[0]), tuple(line[1]))
    return rasterised(ring @ matrix.T + centre, shape), disc


@settings(deadline=None, max_examples=25)
@given(st.floats(14, 34), st.floats(-40, 40))
def test_the_width_of_a_canal_is_found_at_any_angle(width, angle):
    canal, disc = band(width, angle)
    (found,) = canal_measures(canal, [disc], PIXELS)
    assert found.value == pytest.approx(width, abs=1.05)
    assert (found.unit, found.severity, found.levels) == ("px", None, LEVELS)
    assert found.interval[0] < found.value < found.interval[1]


def test_a_canal_one_pixel_wide_is_not_measured():
    canal = np.zeros((60, 60), bool)
    canal[20:, 40] = True
    assert canal_measures(canal, [LevelLine(LEVELS, (20.0, 21.5), (38.0, 21.5))], PIXELS) == ()


def test_the_narrowest_place_at_the_disc_counts():
    canal, disc = band(30, narrow=18)
    (found,) = canal_measures(canal, [disc], PIXELS)
    assert found.value == pytest.approx(18, abs=0.8)


def test_the_shortest_way_across_is_not_the_disc_s_direction():
    canal, disc = band(24, 0)
    oblique = LevelLine(LEVELS, (150.0, 80.0), disc.posterior)
    (found,) = canal_measures(canal, [oblique], PIXELS)
    assert found.value == pytest.approx(24, abs=0.8)


def test_both_ends_lie_on_the_border():
    canal, disc = band(24)
    (found,) = canal_measures(canal, [disc], PIXELS)
    front, back = found.points
    assert (front.x, back.x) == (pytest.approx(112, abs=0.5), pytest.approx(88, abs=0.5))
    assert (front.source, front.name, back.name) == ("mask", "anterior_border", "posterior_border")
    assert found.strokes[0].points == ((front.x, front.y), (back.x, back.y))


@pytest.mark.parametrize(
    ("spacing", "word"),
    [(0.7, None), (0.5, "relative stenosis"), (0.3, "absolute stenosis")],
    ids=["16.8 mm", "12 mm", "7.2 mm"],
)
def test_stenosis_needs_true_millimetres(spacing, word):
    canal, disc = band(24)
    (found,) = canal_measures(canal, [disc], true_mm(spacing))
    assert found.value == pytest.approx(24 * spacing, abs=0.5)
    assert (found.unit, found.severity is None) == ("mm", word is None)
    assert word is None or word in severity_text(found.severity)
    magnified = PixelGeometry((spacing, spacing), are_lengths_true=False)
    assert canal_measures(canal, [disc], magnified)[0].severity is None


@pytest.mark.parametrize(
    ("levels", "is_graded"),
    [
        (("T11", "T12"), False), (("T12", "L1"), False), (("L1", "L2"), True), (("L5", "S1"), True),
        (("body 1", "body 2"), True),
    ],
)  # fmt: skip
def test_the_limits_of_the_lumbar_canal_are_not_applied_above_it(levels, is_graded):
    canal, disc = band(24)
    (found,) = canal_measures(canal, [replace(disc, levels=levels)], true_mm(0.4))
    assert (found.severity is not None) == is_graded


@pytest.mark.parametrize("spacing", [1.0, 0.5], ids=["1 mm", "half a millimetre"])
def test_the_interval_is_of_a_border_uncertain_by_over_a_pixel_on_both_sides(spacing):
    canal, disc = band(24)
    (found,) = canal_measures(canal, [disc], true_mm(spacing))
    half = 1.96 * 1.4 * 2**0.5 * spacing
    assert found.interval == pytest.approx((found.value - half, found.value + half))


def test_pixels_that_are_not_square():
    canal, disc = band(24)
    flat = cv2.resize(canal.astype(np.uint8), None, fx=1, fy=0.5, interpolation=0) > 0
    line = LevelLine(LEVELS, *((x, y / 2) for x, y in (disc.anterior, disc.posterior)))
    (found,) = canal_measures(flat, [line], PixelGeometry((1.0, 0.5), are_lengths_true=True))
    assert found.value == pytest.approx(12, abs=0.5)


@pytest.mark.parametrize(
    "canal",
    [np.zeros((200, 240), bool), np.pad(np.ones((20, 20), bool), ((0, 180), (220, 0)))],
    ids=["no canal", "canal elsewhere"],
)
def test_without_a_canal_behind_the_disc_there_is_no_diameter(canal):
    assert canal_measures(canal, [band(24)[1]], PIXELS) == ()


@pytest.mark.parametrize(
    "rows",
    [slice(0, 103), slice(97, 200), slice(96, 104)],
    ids=["ends below", "ends above", "a scrap"],
)
def test_a_canal_that_ends_at_the_disc_has_no_diameter(rows):
    canal, disc = band(24)
    left = np.zeros_like(canal)
    left[rows] = canal[rows]
    (found,) = canal_measures(left, [disc], true_mm(0.6))
    assert (found.value, found.severity, found.unit) == (None, None, "mm")
    assert "ends" in reason_text(found.unmeasurable)


def test_a_disc_without_a_canal_among_others_is_told():
    canal, disc = band(24)
    canal[90:110] = False
    upper = LevelLine(("L3", "L4"), *((x, y - 35) for x, y in (disc.anterior, disc.posterior)))
    found = canal_measures(canal, [upper, disc], PIXELS)
    assert [m.value is None for m in found] == [False, True]


def test_a_canal_far_narrower_than_at_other_discs_is_not_measured():
    canal, disc = band(30, narrow=6)
    others = [
        LevelLine(("L3", "L4"), *((x, y - 35) for x, y in (disc.anterior, disc.posterior))),
        LevelLine(("L5", "S1"), *((x, y + 35) for x, y in (disc.anterior, disc.posterior))),
    ]
    above, narrow, below = canal_measures(canal, [others[0], disc, others[1]], PIXELS)
    assert [m.value for m in (above, below)] == pytest.approx([30, 30], abs=1.05)
    assert (narrow.value, "narrowed" in reason_text(narrow.unmeasurable)) == (None, True)


def test_a_point_for_a_disc_has_no_direction():
    canal, disc = band(24)
    assert canal_measures(canal, [LevelLine(LEVELS, disc.posterior, disc.posterior)], PIXELS) == ()


def test_the_canal_of_a_segmentation():
    analysis = mr_analysis()
    canal = canal_of(analysis.segmentation)
    number = next(k for k, v in analysis.segmentation.classes.items() if v == "canal")
    assert canal.any()
    assert (canal == (analysis.segmentation.mask == number)).all()
    without = replace(analysis.segmentation, classes={1: "vertebra"})
    assert canal_of(without) is None
    assert canal_of(None) is None


def test_alignment_measures_the_canal_at_every_disc():
    bodies = numbered(
        box("L3", 116, 40, 40, 30), box("L4", 116, 80, 40, 30), box("L5", 116, 120, 40, 30)
    )
    canal, _ = band(24)
    found = measure_alignment(bodies, Facing.RIGHT, true_mm(0.6), SPINE_MR, canal)
    diameters = [m for m in found if m.code == "canal_diameter"]
    names = [measurement_name(m) for m in diameters]
    assert names == ["L3/L4 canal diameter", "L4/L5 canal diameter"]
    assert all(m.value == pytest.approx(14.4, abs=0.5) for m in diameters)


def spine_of(*gaps):
    """Return three discs, four bodies between them, and a straight canal with gaps in rows."""
    canal = np.zeros((400, 240), bool)
    canal[20:380, 85:115] = True
    for rows, columns in gaps:
        canal[rows, columns] = False
    at = {"L2": 60, "L3": 140, "L4": 220, "L5": 300}
    bodies = [LevelLine((name,), (157.0, row), (117.0, row)) for name, row in at.items()]
    names = list(at)
    discs = [
        LevelLine(pair, (157.0, row), (117.0, row))
        for pair, row in zip(itertools.pairwise(names), (100, 180, 260), strict=True)
    ]
    return canal, discs, bodies


def by_code(measured):
    return {(m.code.value, m.levels): m for m in measured}


def test_the_canal_is_measured_behind_bodies_and_compared_with_the_one_above():
    canal, discs, bodies = spine_of((slice(176, 185), slice(85, 100)))
    found = by_code(canal_measures(canal, discs, true_mm(0.5), bodies))
    assert found["canal_diameter_behind_body", ("L3",)].value == pytest.approx(15, abs=0.5)
    ratio = found["canal_ratio", ("L3", "L4")]
    assert (ratio.value, ratio.unit) == (pytest.approx(0.5, abs=0.05), "")
    assert ratio.severity.grade is SeverityGrade.CANAL_BELOW_TWO_THIRDS
    whole = found["canal_ratio", ("L2", "L3")]
    assert (whole.value, whole.severity) == (pytest.approx(1.0, abs=0.02), None)


def test_the_body_above_is_the_one_that_is_compared_with():
    canal, discs, bodies = spine_of((slice(200, 380), slice(85, 95)))
    found = by_code(canal_measures(canal, discs, PIXELS, bodies))
    assert found["canal_ratio", ("L3", "L4")].value == pytest.approx(1.0, abs=0.02)
    assert found["canal_diameter_behind_body", ("L4",)].value == pytest.approx(20, abs=0.6)
    assert found["canal_ratio", ("L4", "L5")].value == pytest.approx(1.0, abs=0.02)


def test_a_ratio_needs_no_millimetres_and_its_interval_is_of_both_lengths():
    canal, discs, bodies = spine_of((slice(176, 185), slice(85, 100)))
    found = by_code(canal_measures(canal, discs, PIXELS, bodies))["canal_ratio", ("L3", "L4")]
    half = 1.96 * 1.4 * 2**0.5 / 30 * np.hypot(1, found.value)
    assert found.interval == pytest.approx((found.value - half, found.value + half), abs=0.01)
    assert len(found.points) == 4


def test_a_canal_below_a_third_between_two_bodies_is_measured_and_suspected():
    canal, discs, bodies = spine_of((slice(172, 189), slice(85, 107)))
    found = canal_measures(canal, discs, PIXELS, bodies)
    ratio = by_code(found)["canal_ratio", ("L3", "L4")]
    assert ratio.value < 1 / 3
    assert ratio.severity.grade is SeverityGrade.CANAL_BELOW_ONE_THIRD
    assert by_code(found)["canal_diameter", ("L3", "L4")].value == pytest.approx(8, abs=1)
    (caution,) = narrowing_cautions(found)
    assert (caution.code, caution.levels) == (WarningCode.SEVERE_NARROWING, ("L3/L4",))


def test_a_canal_that_is_closed_between_two_bodies_is_suspected_and_has_no_width():
    canal, discs, bodies = spine_of((slice(172, 189), slice(80, 120)))
    found = canal_measures(canal, discs, PIXELS, bodies)
    diameter = by_code(found)["canal_diameter", ("L3", "L4")]
    assert diameter.value is None
    assert "severe narrowing is suspected" in reason_text(diameter.unmeasurable)
    assert [c.levels for c in narrowing_cautions(found)] == [("L3/L4",)]


def test_a_slice_that_leaves_the_canal_behind_a_body_is_no_narrowing():
    canal, discs, bodies = spine_of((slice(172, 240), slice(80, 120)))
    found = canal_measures(canal, discs, PIXELS, bodies)
    assert by_code(found)["canal_diameter", ("L3", "L4")].value is None
    assert ("canal_ratio", ("L4", "L5")) not in by_code(found)
    assert narrowing_cautions(found) == ()


@pytest.mark.parametrize(("above", "is_graded"), [("T12", False), ("L2", True)])
def test_the_ratio_is_graded_in_the_lumbar_spine(above, is_graded):
    canal, discs, bodies = spine_of((slice(96, 105), slice(85, 100)))
    first = replace(discs[0], levels=(above, "L3"))
    found = canal_measures(
        canal, [first, *discs[1:]], PIXELS, [replace(bodies[0], levels=(above,)), *bodies[1:]]
    )
    ratio = by_code(found)["canal_ratio", (above, "L3")]
    assert (ratio.severity is not None) == is_graded


def test_a_ratio_of_a_few_pixels_is_not_told():
    canal, discs, bodies = spine_of((slice(0, 400), slice(97, 120)))
    found = by_code(canal_measures(canal, discs, PIXELS, bodies))
    assert found["canal_diameter_behind_body", ("L3",)].value == pytest.approx(12, abs=0.5)
    assert ("canal_ratio", ("L3", "L4")) not in found


def narrowed(levels, value):
    severity = Severity(SeverityGrade.CANAL_BELOW_TWO_THIRDS, Reference.LURIE)
    return Measurement(MeasureCode.CANAL_RATIO, value, "", levels, severity=severity)


def test_ratios_of_several_discs_share_a_line_and_a_sentence_apart_from_diameters():
    pairs = (("L3", "L4"), 0.5), (("L4", "L5"), 0.4)
    analysis = replace(mr_analysis(), measurements=tuple(narrowed(*pair) for pair in pairs))
    found = [one for one in findings_of(analysis) if one.code == MeasureCode.CANAL_RATIO]
    lines = {line.key: line.findings for line in page_of(found).lines}
    assert [one.place for one in lines["canal_ratio"]] == ["L3/L4", "L4/L5"]
    assert canal_title(found[0]) == "Canal ratio"
    assert canal_values(found) == "0.40 to 0.50, narrowest at L4/L5"
    assert limit_text(found[0]) == "threshold 0.667"
    assert canal_sentence(found) == (
        "Spinal canal on this slice, as a share of its diameter behind the body above: moderate "
        "narrowing at L3/L4 and L4/L5 (0.40 to 0.50)."
    )
