"""Every measure against numbers worked out by hand."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from spinealign.domain.findings import Facing, LandmarkName, LandmarkSource, VertebraState
from spinealign.domain.measurements import (
    IntervalRule,
    MeasureState,
    StrokeKind,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MEASURES, Extent, MeasureCode, MeasureGroup
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.wording.measure_rows import interval_text
from spinealign.wording.measures import measurement_name, method_text, reason_text, severity_text
from tests.examinations import LATERAL_NECK, SPINE_MR
from tests.phantoms_alignment import (
    PIXELS,
    TRUE_MM,
    box,
    by_network,
    c2,
    numbered,
    taken,
    value_of,
    vertebra,
)

# C2 stands level: its body is the square from (100, 80) to (120, 100), so its centre is (110, 90).
C2 = c2((100, 100), (120, 100))
C3 = vertebra("C3", [(120, 107), (100, 105), (100, 120), (120, 121)])
C7 = vertebra("C7", [(115, 205), (95, 200), (90, 216), (110, 226)])
T1 = vertebra("T1", [(108, 234), (88, 222), (80, 240), (100, 252)])
NECK = numbered(C2, C3, C7, T1)


def degrees(rise, run):
    return math.degrees(math.atan2(rise, run))


COBB = degrees(10, 20)
NECK_TABLE = {
    "cobb": (MeasureCode.COBB_C2_C7, ("C2", "C7"), COBB),
    "tangent": (MeasureCode.POSTERIOR_TANGENT, ("C2", "C7"), degrees(5, 16)),
    "sva": (MeasureCode.SAGITTAL_VERTICAL_AXIS, ("C2", "C7"), 110 - 95),
    "c7 slope": (MeasureCode.C7_SLOPE, ("C7",), degrees(5, 20)),
    "t1 slope": (MeasureCode.T1_SLOPE, ("T1",), degrees(12, 20)),
    "mismatch": (
        MeasureCode.T1_SLOPE_MINUS_LORDOSIS, ("C2", "C7", "T1"), degrees(12, 20) - COBB,
    ),
    "segment": (MeasureCode.BODY_SEGMENTAL_ANGLE, ("C2", "C3"), degrees(1, 20)),
    "disc angle": (MeasureCode.DISC_ANGLE, ("C2", "C3"), degrees(2, 20)),
    "anterior": (MeasureCode.BODY_HEIGHT_ANTERIOR, ("C3",), 14),
    "posterior": (MeasureCode.BODY_HEIGHT_POSTERIOR, ("C3",), 15),
    "middle": (MeasureCode.BODY_HEIGHT_MIDDLE, ("C3",), 14.5),
    "wedge": (MeasureCode.BODY_HEIGHT_RATIO, ("C3",), 14 / 15),
    "hollow": (MeasureCode.MIDDLE_HEIGHT_RATIO, ("C3",), 14.5 / 15),
}  # fmt: skip


@pytest.mark.parametrize(("code", "levels", "expected"), NECK_TABLE.values(), ids=NECK_TABLE)
def test_measures_of_the_neck(code, levels, expected):
    assert value_of(taken(NECK), code, *levels) == pytest.approx(expected, abs=1e-9)


# Upright boxes: C4 stands 3 px before C5, which stands 1 px behind C6.
STACK = numbered(box("C4", 103, 100), box("C5", 100, 125), box("C6", 101, 146), box("C7", 101, 169))
# Heights of the discs: 125 - 115 = 10, 146 - 140 = 6, 169 - 161 = 8.
STACK_TABLE = {
    "slip forwards": (MeasureCode.TRANSLATION, ("C4", "C5"), 3),
    "slip backwards": (MeasureCode.TRANSLATION, ("C5", "C6"), -1),
    "no slip": (MeasureCode.TRANSLATION, ("C6", "C7"), 0),
    "disc": (MeasureCode.DISC_HEIGHT, ("C5", "C6"), 6),
    "disc at the end": (MeasureCode.DISC_HEIGHT_RATIO, ("C4", "C5"), 10 / 6),
    "disc between": (MeasureCode.DISC_HEIGHT_RATIO, ("C5", "C6"), 6 / 9),
}


@pytest.mark.parametrize(("code", "levels", "expected"), STACK_TABLE.values(), ids=STACK_TABLE)
def test_measures_of_levels(code, levels, expected):
    assert value_of(taken(STACK), code, *levels) == pytest.approx(expected, abs=1e-9)


# Hollow discs: 6 high at both ends and 9 in the middle; bodies 26 and 30 high in the middle.
BACK = numbered(
    vertebra("L4", [(144, 100), (104, 100), (104, 130), (144, 130)], ((124, 102.5), (124, 128.5))),
    vertebra("L5", [(140, 136), (100, 136), (100, 170), (140, 174)], ((120, 137.5), (120, 167.5))),
    vertebra("S1", [(128, 201), (98, 186), (float("nan"),) * 2, (float("nan"),) * 2]),
)
L1 = vertebra("L1", [(150, 8), (110, 16), (108, 40), (148, 36)])
BACK_TABLE = {
    "slip": (MeasureCode.LISTHESIS_PERCENT, ("L4", "L5"), 100 * 4 / 40),
    "index": (MeasureCode.DISC_HEIGHT_INDEX, ("L4", "L5"), 7 / 28),
    "segment": (MeasureCode.BODY_SEGMENTAL_ANGLE, ("L5", "S1"), degrees(15, 30)),
    "disc angle": (MeasureCode.DISC_ANGLE, ("L5", "S1"), degrees(15, 30) - degrees(4, 40)),
    "wedge": (MeasureCode.BODY_HEIGHT_RATIO, ("L5",), 38 / 34),
    "lordosis": (
        MeasureCode.LUMBAR_LORDOSIS_L1_S1, ("L1", "S1"), degrees(15, 30) + degrees(8, 40),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "levels", "expected"), BACK_TABLE.values(), ids=BACK_TABLE)
def test_measures_of_the_back(code, levels, expected):
    found = taken(numbered(L1, *BACK), examination=SPINE_MR)
    assert value_of(found, code, *levels) == pytest.approx(expected, abs=1e-9)


def test_the_slip_on_the_sacrum_is_along_its_endplate():
    found = taken(BACK, examination=SPINE_MR)
    # L5's wall, x = 100, meets the endplate at (100, 187): sqrt(5) from (98, 186), of 15 sqrt(5).
    slip = value_of(found, MeasureCode.LISTHESIS_PERCENT, "L5", "S1")
    assert slip == pytest.approx(100 / 15)


@pytest.mark.parametrize("tilt_deg", [0, 10, 25])
def test_lordosis_alone_is_no_slip(tilt_deg):
    # The lower body turns about its posterior corner, which stays on the wall above.
    sine, cosine = math.sin(math.radians(tilt_deg)), math.cos(math.radians(tilt_deg))
    corners = [(40, 0), (0, 0), (0, 30), (40, 30)]
    turned = [(100 + cosine * x - sine * y, 136 + sine * x + cosine * y) for x, y in corners]
    bodies = numbered(box("L4", 100, 100, 40, 30), vertebra("L5", turned))
    slip = value_of(taken(bodies, examination=SPINE_MR), MeasureCode.LISTHESIS_PERCENT, "L4", "L5")
    assert slip == pytest.approx(0, abs=1e-9)


def test_without_the_sacrum_lordosis_has_another_name():
    found = taken(numbered(L1, *BACK[:2]), examination=SPINE_MR)
    whole = found[("lumbar_lordosis_l1_s1", ("L1", "S1"))]
    assert whole.value is None
    assert whole.unmeasurable == Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("S1",))
    rest = value_of(found, MeasureCode.LUMBAR_LORDOSIS_L1_L5, "L1", "L5")
    assert rest == pytest.approx(degrees(4, 40) + degrees(8, 40))


def why(found):
    return reason_text(found[("cobb_c2_c7", ("C2", "C7"))].unmeasurable)


def test_every_measure_is_in_these_tables():
    tables = (NECK_TABLE, STACK_TABLE, BACK_TABLE)
    tested = {code for table in tables for code, _, _ in table.values()}
    elsewhere = {
        MeasureCode.COBB_C2_C6, MeasureCode.COBB_C2_LOWEST, MeasureCode.LUMBAR_LORDOSIS_L1_L5,
        MeasureCode.CANAL_DIAMETER, MeasureCode.HEIGHT_TO_NEIGHBOURS,
            MeasureCode.CANAL_RATIO, MeasureCode.CANAL_DIAMETER_BEHIND_BODY,
    }  # fmt: skip
    elsewhere |= {code for code in MeasureCode if MEASURES[code].whole_spine_only}
    drawn = {code for code in MeasureCode if MEASURES[code].group is MeasureGroup.DRAWN}
    # tests/core/test_coronal_curves.py
    frontal = {code for code in MeasureCode if MEASURES[code].extent is Extent.CURVE} | {
        MeasureCode.T1_TILT, MeasureCode.L5_TILT, MeasureCode.CORONAL_BALANCE,
        MeasureCode.TRUNK_SHIFT, MeasureCode.APICAL_TRANSLATION, MeasureCode.CHALLENGE_COBB_1,
        MeasureCode.CHALLENGE_COBB_2, MeasureCode.CHALLENGE_COBB_3,
    }  # fmt: skip
    assert tested | elsewhere | drawn | frontal == set(MeasureCode)


class TestHiddenLevels:
    @pytest.mark.parametrize(
        ("lowest", "code", "name"),
        [
            ("C6", MeasureCode.COBB_C2_C6, "C2–C6 Cobb lordosis"),
            ("C5", MeasureCode.COBB_C2_LOWEST, "C2–C5 Cobb lordosis"),
            ("C3", MeasureCode.COBB_C2_LOWEST, "C2–C3 Cobb lordosis"),
        ],
    )
    def test_a_shorter_angle_has_its_own_name(self, lowest, code, name):
        found = taken(numbered(C2, replace(C7, level=lowest)))
        assert measurement_name(found[(code.value, ("C2", lowest))]) == name
        assert value_of(found, code, "C2", lowest) == pytest.approx(COBB)
        assert value_of(found, MeasureCode.POSTERIOR_TANGENT, "C2", lowest) > 0
        whole = found[("cobb_c2_c7", ("C2", "C7"))]
        assert whole.value is None
        assert whole.unmeasurable == Unmeasurable(UnmeasurableReason.NOT_OUTLINED, ("C7",))

    def test_what_is_looked_for_and_missing_has_a_reason(self):
        found = taken(numbered(C2, C3))
        missing = {key[0] for key, m in found.items() if m.value is None}
        assert missing == {
            "cobb_c2_c7", "sagittal_vertical_axis", "c7_slope", "t1_slope",
            "t1_slope_minus_lordosis",
        }  # fmt: skip
        assert all(m.unmeasurable for m in found.values() if m.value is None)

    def test_the_border_of_the_film_is_named(self):
        superior = tuple(m for m in C7.landmarks if "inferior" not in m.name)
        cut = replace(C7, landmarks=superior, state=VertebraState.CUT)
        found = taken(numbered(C2, C3, cut))
        assert "cuts C7 off" in why(found)
        assert value_of(found, MeasureCode.C7_SLOPE, "C7") == pytest.approx(degrees(5, 20))
        assert value_of(found, MeasureCode.COBB_C2_LOWEST, "C2", "C3") > 0

    def test_corners_that_nobody_placed_are_named(self):
        bare = replace(C7, landmarks=())
        slope = taken(numbered(C2, bare))[("c7_slope", ("C7",))]
        reason = reason_text(slope.unmeasurable)
        assert reason == "the corners of C7 that are needed could not be placed"

    def test_a_film_that_cuts_the_body_of_c2_gives_no_plumb_line(self):
        low = replace(C2, outline=((100, 95), (120, 95), (120, 100), (100, 100)))
        found = taken(numbered(low, C3, C7))
        assert found[("sagittal_vertical_axis", ("C2", "C7"))].value is None
        assert found[("posterior_tangent", ("C2", "C7"))].value is None
        assert value_of(found, MeasureCode.COBB_C2_C7, "C2", "C7") == pytest.approx(COBB)

    def test_neighbours_are_those_that_share_a_disc(self):
        found = taken(numbered(C2, C3, C7))
        assert [key[1] for key in found if key[0] == "disc_height"] == [("C2", "C3")]

    def test_nothing_has_no_measures(self):
        assert measure_alignment((), Facing.RIGHT, PIXELS, LATERAL_NECK) == ()


class TestEndplatesThatTouch:
    HEIGHTS = ("disc_height", "disc_height_ratio")

    def lumbar(self, *tops):
        levels = ("L1", "L2", "L3", "L4")
        return numbered(*(box(lv, 100, top) for lv, top in zip(levels, tops, strict=True)))

    def test_overlapping_bodies_give_no_disc_height_and_no_ratio_to_it(self):
        found = taken(self.lumbar(100, 119, 132, 151))
        for code in (*self.HEIGHTS, "disc_height_index"):
            disc = found[(code, ("L2", "L3"))]
            assert (disc.value, disc.interval) == (None, None)
            assert disc.unmeasurable == Unmeasurable(
                UnmeasurableReason.ENDPLATES_TOUCH, ("L2", "L3")
            )
        assert found[("disc_height", ("L1", "L2"))].value == pytest.approx(4)
        assert found[("disc_height_index", ("L3", "L4"))].value is not None
        beside = found[("disc_height_ratio", ("L1", "L2"))]
        assert beside.unmeasurable.bodies == ("L2", "L3")
        assert "L2 and L3 touch or cross" in reason_text(beside.unmeasurable)

    def test_endplates_that_cross_in_front_leave_no_height_either(self):
        upper, lower = self.lumbar(100, 119, 138, 157)[1:3]
        front = LandmarkName.ANTERIOR_INFERIOR
        sunk = replace(
            upper,
            landmarks=tuple(
                replace(m, y=m.y + 5) if m.name == front else m for m in upper.landmarks
            ),
        )
        assert taken((upper, lower))[("disc_height", ("L2", "L3"))].value == pytest.approx(4)
        for code in ("disc_height", "disc_height_index"):
            assert taken((sunk, lower))[(code, ("L2", "L3"))].value is None


class TestUncertainLevelsAndFacing:
    UNNAMED = tuple(replace(body, level=None) for body in STACK)

    def test_bodies_with_numbers_are_measured_by_their_numbers(self):
        found = taken(self.UNNAMED)
        assert found[("translation", ("body 1", "body 2"))].value == pytest.approx(3)
        assert measurement_name(found[("translation", ("body 1", "body 2"))]) == (
            "body 1/body 2 translation"
        )
        assert why(found) == ("the levels of the bodies are uncertain")

    def test_a_gap_as_wide_as_a_body_is_no_disc(self):
        found = taken(numbered(self.UNNAMED[0], self.UNNAMED[2]))
        assert not [key for key in found if key[0] == "disc_height"]

    def test_unnamed_bodies_of_an_mr_belong_to_the_back(self):
        codes = {key[0] for key in taken(self.UNNAMED, examination=SPINE_MR)}
        assert "listhesis_percent" in codes
        assert "translation" not in codes

    def test_without_a_facing_only_what_needs_no_front_is_measured(self):
        found = taken(NECK, facing=None)
        measured = {key[0] for key, m in found.items() if m.value is not None}
        assert measured == {"body_height_middle", "disc_height"}
        assert why(found) == ("it is unknown which side the patient faces")


class TestUnits:
    def test_without_spacing_lengths_are_in_pixels_and_have_no_thresholds(self):
        axis = taken(NECK)[("sagittal_vertical_axis", ("C2", "C7"))]
        assert (axis.unit, axis.normal, axis.severity) == ("px", None, None)

    def test_magnified_millimetres_are_shown_without_thresholds(self):
        magnified = PixelGeometry((4.0, 4.0), are_lengths_true=False)
        axis = taken(NECK, magnified)[("sagittal_vertical_axis", ("C2", "C7"))]
        assert (axis.value, axis.unit) == (pytest.approx(60), "mm")
        assert (axis.normal, axis.severity) == (None, None)

    @pytest.mark.parametrize(
        ("spacing", "value", "word"),
        [(1.0, 15, None), (4.0, 60, "over 40 mm, related to disability")],
        ids=["short", "long"],
    )
    def test_true_millimetres_are_compared(self, spacing, value, word):
        geometry = PixelGeometry((spacing, spacing), are_lengths_true=True)
        axis = taken(NECK, geometry)[("sagittal_vertical_axis", ("C2", "C7"))]
        assert axis.value == pytest.approx(value)
        assert axis.normal.holds(axis.value) is (word is None)
        assert severity_text(axis.severity) == (word or "")

    def test_pixels_that_are_not_square_are_measured_in_millimetres(self):
        found = taken(NECK, PixelGeometry((0.5, 0.25), are_lengths_true=True))
        slope = value_of(found, MeasureCode.C7_SLOPE, "C7")
        assert slope == pytest.approx(degrees(5 * 0.5, 20 * 0.25))
        axis = value_of(found, MeasureCode.SAGITTAL_VERTICAL_AXIS, "C2", "C7")
        height = value_of(found, MeasureCode.BODY_HEIGHT_POSTERIOR, "C3")
        assert (axis, height) == (pytest.approx(15 * 0.25), pytest.approx(15 * 0.5))


def between(body, below=VertebraState.COMPLETE):
    """Return L2 between L1 and L3."""
    lower = replace(box("L3", 100, 136, 40, 30), state=below)
    return numbered(box("L1", 100, 64, 40, 30), body, lower)


class TestSeverity:
    @pytest.mark.parametrize(
        ("rise", "word"),
        [(3, "Ames modifier 0"), (6.5, "Ames modifier 1"), (12, "Ames modifier 2")],
    )
    def test_slope_minus_lordosis_names_whose_grade_it_is(self, rise, word):
        level = vertebra("C7", [(115, 200), (95, 200), (95, 216), (115, 216)])
        steep = vertebra("T1", [(115, 220 + rise), (95, 220), (95, 240), (115, 240 + rise)])
        found = taken(numbered(C2, level, steep))
        measure = found[("t1_slope_minus_lordosis", ("C2", "C7", "T1"))]
        assert measure.value == pytest.approx(degrees(rise, 20))
        assert word in severity_text(measure.severity)

    def test_a_value_whose_interval_crosses_a_threshold_is_only_possible(self):
        found = taken(STACK, PixelGeometry((1.25, 1.25), are_lengths_true=True))
        slip = found[("translation", ("C4", "C5"))]
        assert slip.value == pytest.approx(3.75)
        assert slip.interval[0] < 3.5
        assert severity_text(slip.severity) == "possibly over 3.5 mm"
        assert found[("translation", ("C5", "C6"))].severity is None

    def test_a_backward_slip_is_as_far_as_a_forward_one(self):
        moved = numbered(box("C4", 90, 100), box("C5", 100, 125))
        slip = taken(moved, TRUE_MM)[("translation", ("C4", "C5"))]
        assert (slip.value, slip.severity) == (pytest.approx(-2), None)
        wide = PixelGeometry((1.0, 1.0), are_lengths_true=True)
        assert (
            severity_text(taken(moved, wide)[("translation", ("C4", "C5"))].severity)
            == "over 3.5 mm"
        )

    @pytest.mark.parametrize(
        ("slip", "word"),
        [(0.2, None), (-8, None), (8, "Meyerding grade I"), (14, "Meyerding grade II"),
         (25, "Meyerding grade III"), (34, "Meyerding grade IV"), (45, "over grade IV")],
    )  # fmt: skip
    def test_meyerding(self, slip, word):
        bodies = numbered(box("L4", 100 + slip, 100, 40, 30), box("L5", 100, 140, 40, 30))
        grade = taken(bodies, examination=SPINE_MR)[("listhesis_percent", ("L4", "L5"))].severity
        assert grade is None if word is None else word in severity_text(grade)

    @pytest.mark.parametrize(
        ("anterior", "word"),
        [(30, None), (23.2, "mild"), (20, "moderate"), (14, "severe")],
    )
    def test_genant_counts_in_the_back_only(self, anterior, word):
        corners = [(140, 130 - anterior), (100, 100), (100, 130), (140, 130)]
        bodies = between(vertebra("L2", corners))
        ratio = taken(bodies, examination=SPINE_MR)[("body_height_ratio", ("L2",))]
        assert ratio.value == pytest.approx(anterior / 30)
        assert (ratio.severity is None) if word is None else (word in severity_text(ratio.severity))
        neck = taken([vertebra("C5", corners)])[("body_height_ratio", ("C5",))]
        assert (neck.value, neck.severity) == (ratio.value, None)

    @pytest.mark.parametrize(
        "bodies",
        [
            lambda flat: between(flat)[:2],
            lambda flat: between(flat)[1:],
            lambda flat: between(flat, below=VertebraState.CUT),
            lambda flat: between(flat, below=VertebraState.HIDDEN),
            lambda flat: between(replace(flat, state=VertebraState.HIDDEN)),
        ],
        ids=["none below", "none above", "cut below", "doubtful below", "doubtful itself"],
    )
    def test_no_grade_for_what_may_be_part_of_a_sacrum(self, bodies):
        flat = vertebra("L2", [(140, 116), (100, 100), (100, 130), (140, 130)])
        ratio = taken(bodies(flat), examination=SPINE_MR)[("body_height_ratio", ("L2",))]
        assert (ratio.value, ratio.severity) == (pytest.approx(14 / 30), None)

    @pytest.mark.parametrize(
        ("tilts", "word"),
        [
            ((0, 1, -5, -4), "over 11° more kyphotic than its neighbours"),
            ((-5, 0, 0, 0), ""),
            ((0, 0, 0, 5), ""),
        ],
        ids=["than both", "than the one above only", "than the one below only"],
    )
    def test_a_kyphotic_level_among_lordotic_ones_stands_out(self, tilts, word):
        def below(level, top, tilt):
            corners = [(120, top + tilt), (100, top), (100, top + 15), (120, top + 15 + tilt)]
            return vertebra(level, corners)

        places = zip(("C3", "C4", "C5", "C6"), (100, 120, 140, 160), tilts, strict=True)
        found = taken(numbered(*(below(*place) for place in places)))
        words = {
            levels: severity_text(m.severity)
            for (code, levels), m in found.items()
            if code == "body_segmental_angle"
        }
        assert words == {("C3", "C4"): "", ("C4", "C5"): word, ("C5", "C6"): ""}


class TestVagueDifferences:
    KEY = ("body_segmental_angle", ("C4", "C5"))
    LIMIT = 9.2

    def tilted(self, *tilts):
        def below(level, top, tilt):
            corners = [(120, top + tilt), (100, top), (100, top + 15), (120, top + 15 + tilt)]
            return vertebra(level, corners)

        places = zip(("C3", "C4", "C5", "C6"), (100, 120, 140, 160), tilts, strict=True)
        return by_network(*(below(*place) for place in places))

    def told(self, bodies, half, is_limited=True):
        """The grade where a segment's difference from its neighbours is as uncertain as that."""
        plain = taken(bodies)[self.KEY]
        factor = 1.959964 * half / (math.sqrt(3) * half_width(plain))
        found = taken(bodies, rule=IntervalRule(otherwise=factor, is_limited=is_limited))[self.KEY]
        assert found.value is not None
        return severity_text(found.severity)

    def test_possibly_is_told_where_the_difference_is_as_sure_as_a_readers_angle(self):
        bodies, grade = self.tilted(0, 1, -2, -1), "over 11° more kyphotic than its neighbours"
        assert self.told(bodies, 0.9 * self.LIMIT) == f"possibly {grade}"
        assert self.told(bodies, 1.1 * self.LIMIT) == ""
        assert self.told(bodies, 1.1 * self.LIMIT, is_limited=False) == f"possibly {grade}"

    def test_what_is_sure_is_told_however_wide_the_interval(self):
        bodies, grade = self.tilted(0, 5, -5, 0), "over 11° more kyphotic than its neighbours"
        assert self.told(bodies, 1.1 * self.LIMIT) == grade


class TestUncertainty:
    def test_intervals_hold_the_value_and_follow_who_placed_the_points(self):
        def width(source):
            marks = [replace(m, source=source) for m in C7.landmarks]
            body = replace(C7, landmarks=tuple(marks))
            measure = taken(numbered(C2, body))[("c7_slope", ("C7",))]
            assert measure.interval[0] < measure.value < measure.interval[1]
            return measure.interval[1] - measure.interval[0]

        sources = (LandmarkSource.USER, LandmarkSource.NETWORK, LandmarkSource.CONTOUR)
        widths = [width(source) for source in sources]
        assert widths == sorted(widths)
        assert widths[0] < widths[1] / 1.3

    def test_a_hidden_body_is_measured_and_says_so(self):
        own = tuple(replace(m, source=LandmarkSource.NETWORK) for m in C7.landmarks)
        seen = replace(C7, landmarks=own)
        hidden = replace(seen, state=VertebraState.HIDDEN)
        key = ("c7_slope", ("C7",))
        one, other = taken(numbered(C2, seen))[key], taken(numbered(C2, hidden))[key]
        assert one.value == other.value
        assert other.interval[1] - other.interval[0] > 1.8 * (one.interval[1] - one.interval[0])
        assert "C7 was found with low confidence" in method_text(other)
        assert "low confidence" not in method_text(one)

    def test_a_hidden_body_that_a_person_corrected_is_no_longer_doubted(self):
        hidden = replace(C7, state=VertebraState.HIDDEN)
        key = ("c7_slope", ("C7",))
        assert taken(numbered(C2, hidden))[key] == taken(numbered(C2, C7))[key]

    def test_the_same_bodies_give_the_same_intervals(self):
        assert taken(NECK) == taken(NECK)


def half_width(measure):
    return (measure.interval[1] - measure.interval[0]) / 2


class TestFactors:
    KEY = ("c7_slope", ("C7",))
    FACTORS = IntervalRule({MeasureCode.C7_SLOPE: 1.0, MeasureCode.COBB_C2_C7: 3.0}, otherwise=2.0)

    def test_each_measure_has_its_own(self):
        bodies = by_network(C2, C3, C7, T1)
        plain, scaled = taken(bodies), taken(bodies, rule=self.FACTORS)
        for key, measure in plain.items():
            factor = {"c7_slope": 1.0, "cobb_c2_c7": 3.0}.get(key[0], 2.0)
            if measure.value is not None and not measure.definition.is_size:
                wanted = half_width(measure) * factor / 1.959964
                assert half_width(scaled[key]) == pytest.approx(wanted), key

    def test_what_a_person_placed_has_the_readers_error_whatever_the_network(self):
        bodies = numbered(C2, C7)
        assert taken(bodies, rule=self.FACTORS)[self.KEY] == taken(bodies)[self.KEY]

    def test_what_a_person_confirmed_has_another_readers_error_whatever_the_network(self):
        bodies = tuple(
            replace(
                body,
                landmarks=tuple(
                    replace(m, source=LandmarkSource.CONFIRMED) for m in body.landmarks
                ),
            )
            for body in by_network(C2, C7)
        )
        found = taken(bodies)[self.KEY]
        assert taken(bodies, rule=self.FACTORS)[self.KEY] == found
        assert half_width(found) > 2 * half_width(taken(numbered(C2, C7))[self.KEY])

    def test_the_parts_of_both_add_as_independent(self):
        key = ("cobb_c2_c7", ("C2", "C7"))
        mixed = numbered(C2, *by_network(C7))
        hand = half_width(taken(numbered(C2, C7))[key]) / math.sqrt(2)
        network = half_width(taken(by_network(C2, C7))[key]) / math.sqrt(2)
        found = half_width(taken(mixed, rule=self.FACTORS)[key])
        assert found == pytest.approx(math.hypot(hand, 3 / 1.959964 * network), rel=0.1)

    def test_sizes_are_never_negative(self):
        thin = by_network(box("C4", 100, 100), box("C5", 100, 116))
        disc = taken(thin, rule=IntervalRule(otherwise=9.0))[("disc_height", ("C4", "C5"))]
        assert disc.interval[0] == 0.0
        slip = taken(thin, rule=IntervalRule(otherwise=9.0))[("translation", ("C4", "C5"))]
        assert slip.interval[0] < 0


class TestUncertainOutlines:
    COBB = ("cobb_c2_c7", ("C2", "C7"))
    NECK = (C2, C3, C7, T1)

    def limited(self, factor, is_limited=True):
        return IntervalRule(otherwise=factor, is_limited=is_limited)

    def factor_at_limit(self, bodies, key):
        """The factor with which an interval is just as wide as a reader's."""
        plain = taken(bodies)[key]
        limit = MEASURES[plain.code].reader_limit.half_width
        return 1.959964 * limit / half_width(plain)

    def test_every_measure_of_bodies_has_a_limit(self):
        free = (MeasureGroup.CANAL, MeasureGroup.DRAWN)
        for definition in MEASURES.values():
            assert (definition.reader_limit is None) == (definition.group in free)

    @pytest.mark.parametrize("code", ["cobb_c2_c7", "c7_slope", "posterior_tangent"])
    def test_half_of_the_interval_is_compared_with_the_limit(self, code):
        bodies = by_network(*self.NECK)
        key = next(key for key in taken(bodies) if key[0] == code)
        at = self.factor_at_limit(bodies, key)
        assert taken(bodies, rule=self.limited(0.999 * at))[key].value is not None
        withheld = taken(bodies, rule=self.limited(1.001 * at))[key]
        assert (withheld.value, withheld.interval, withheld.severity) == (None, None, None)
        assert withheld.unmeasurable.reason is UnmeasurableReason.OUTLINES_UNCERTAIN

    def test_a_size_that_cannot_be_told_from_none_is_withheld(self):
        thin = by_network(box("C4", 100, 100), box("C5", 100, 116))
        key = ("disc_height", ("C4", "C5"))
        narrow = taken(thin)[key]
        reaching = 1.959964 * narrow.value / (narrow.interval[1] - narrow.value)
        assert taken(thin, rule=self.limited(0.99 * reaching))[key].interval[0] > 0
        withheld = taken(thin, rule=self.limited(1.01 * reaching))[key]
        assert withheld.value is None
        assert withheld.unmeasurable.reason is UnmeasurableReason.OUTLINES_UNCERTAIN
        told = taken(thin, rule=self.limited(1.01 * reaching, False))[key]
        assert interval_text(told.interval, told.unit).startswith("up to ")

    def test_without_a_limit_everything_is_told(self):
        bodies = by_network(*self.NECK)
        assert taken(bodies, rule=self.limited(50, False))[self.COBB].value is not None

    def test_it_says_whose_corners_to_correct(self):
        bodies = by_network(*self.NECK)
        cobb = taken(bodies, rule=self.limited(30))[self.COBB]
        assert cobb.unmeasurable.bodies == ("C2", "C7")
        half_done = (*bodies[:2], replace(C7, index=3), bodies[3])
        cobb = taken(half_done, rule=self.limited(30))[self.COBB]
        assert cobb.unmeasurable.bodies == ("C2",)

    def test_corrected_corners_make_it_measurable(self):
        done = numbered(*self.NECK)
        found = taken(done, rule=self.limited(30))
        assert all(m.unmeasurable is None for m in found.values())
        assert found[self.COBB] == taken(done)[self.COBB]

    def test_what_a_person_placed_is_never_withheld(self):
        thin = vertebra("C7", [(104, 200), (100, 200), (100, 240), (104, 240)])
        key = ("c7_slope", ("C7",))
        by_hand = taken(numbered(C2, thin), rule=self.limited(1.0))[key]
        assert half_width(by_hand) > by_hand.definition.reader_limit.half_width
        assert taken(by_network(C2, thin), rule=self.limited(1.0))[key].value is None

    def test_a_shorter_span_stands_in_where_it_is_sure(self):
        sure, doubted = by_network(C2, C3, confidence=0.9), by_network(C7, confidence=0.1)
        bodies = numbered(*sure, *doubted)
        short = ("cobb_c2_lowest", ("C2", "C3"))
        assert short not in taken(bodies)
        factor = 1.02 * self.factor_at_limit(bodies, self.COBB)
        found = taken(bodies, rule=self.limited(factor))
        assert found[self.COBB].value is None
        assert found[short].value == pytest.approx(degrees(1, 20))
        hopeless = taken(bodies, rule=self.limited(90))
        assert hopeless[self.COBB].value is None
        assert short not in hopeless

    @pytest.mark.parametrize(
        ("levels", "usual_mm"),
        [(("C4", "C5"), 14.0), (("T5", "T6"), 20.0), (("L3", "L4"), 27.0), ((None, None), 14.0)],
    )
    def test_lengths_without_spacing_are_judged_by_the_size_of_the_bodies(self, levels, usual_mm):
        bodies = by_network(box(levels[0], 100, 100), box(levels[1], 102, 125))
        key = ("disc_height", tuple(body.name for body in bodies))
        # The median of a body's heights and what its depth makes of them.
        mm = usual_mm / ((15 + 0.86 * 20) / 2)
        at = 1.959964 * 2.3 / (taken(bodies)[key].interval[1] - taken(bodies)[key].value) / mm
        for geometry in (PIXELS, PixelGeometry((mm, mm), are_lengths_true=True)):
            kept = taken(bodies, geometry, rule=self.limited(0.999 * at))[key]
            withheld = taken(bodies, geometry, rule=self.limited(1.001 * at))[key]
            assert (kept.value is None, withheld.value is None) == (False, True)


class TestWhatIsTold:
    def test_points_are_those_that_were_used(self):
        cobb = taken(NECK)[("cobb_c2_c7", ("C2", "C7"))]
        assert [(p.body, p.name) for p in cobb.points] == [
            ("C2", LandmarkName.POSTERIOR_INFERIOR), ("C2", LandmarkName.ANTERIOR_INFERIOR),
            ("C7", LandmarkName.POSTERIOR_INFERIOR), ("C7", LandmarkName.ANTERIOR_INFERIOR),
        ]  # fmt: skip
        assert [(p.x, p.y, p.source) for p in cobb.points][2] == (90, 216, "user")

    def test_a_measure_carries_its_definition(self):
        cobb = taken(NECK)[("cobb_c2_c7", ("C2", "C7"))]
        assert (measurement_name(cobb), cobb.unit, cobb.state) == (
            "C2–C7 Cobb lordosis", "deg", MeasureState.AUTOMATIC,
        )  # fmt: skip
        assert cobb.automatic_value == cobb.value
        assert (cobb.normal.low, cobb.normal.high) == (-10.2, 38)
        assert cobb.normal.source in cobb.definition.sources

    def test_the_most_important_comes_first(self):
        found = measure_alignment(NECK, Facing.RIGHT, PIXELS, LATERAL_NECK)
        names = [measurement_name(m) for m in found]
        assert names[0] == "C2–C7 Cobb lordosis"
        assert names.index("T1 slope") < names.index("C2/C3 translation")
        assert names.index("C2/C3 segmental angle") < names.index("C3 anterior height")

    def test_every_value_is_drawn(self):
        for measure in (*taken(NECK).values(), *taken(BACK, examination=SPINE_MR).values()):
            assert bool(measure.strokes) is (measure.value is not None)
            assert all(len(stroke.points) >= 2 for stroke in measure.strokes)

    def test_the_drawn_arc_is_the_angle(self):
        for key in (
            ("cobb_c2_c7", ("C2", "C7")), ("c7_slope", ("C7",)), ("disc_angle", ("C2", "C3")),
            ("body_segmental_angle", ("C7", "T1")),
            ("posterior_tangent", ("C2", "C7")),
        ):  # fmt: skip
            measure = taken(NECK)[key]
            (arc,) = (s.points for s in measure.strokes if s.kind is StrokeKind.ARC)
            assert turned_by(arc) == pytest.approx(abs(measure.value), rel=0.02)

    def test_the_plumb_line_hangs_from_the_centre_of_c2(self):
        axis = taken(NECK)[("sagittal_vertical_axis", ("C2", "C7"))]
        plumb, way = axis.strokes
        assert plumb.kind is StrokeKind.PLUMB
        assert plumb.points[0] == pytest.approx((110, 90))
        assert plumb.points[1][0] == pytest.approx(110)
        assert way.points == (pytest.approx((110, 200)), pytest.approx((95, 200)))


def turned_by(arc):
    """Return the angle that a polyline with even steps on a circle spans, from its bends."""
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(arc)]
    one, other = steps[0], steps[1]
    bend = math.atan2(one[0] * other[1] - one[1] * other[0], one[0] * other[0] + one[1] * other[1])
    return abs(math.degrees(bend)) * len(steps)
