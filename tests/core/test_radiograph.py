import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.findings import (
    LandmarkName,
    LandmarkSource,
    LevelUncertainty,
    VertebraState,
    WarningCode,
)
from spinealign.domain.measurements import NORMAL_95, UnmeasurableReason
from spinealign.domain.measures import MeasureCode
from spinealign.domain.model_card import IntervalFactor
from spinealign.measure.alignment import PixelGeometry, measure_alignment
from spinealign.measure.outlines.corners import CORNERS
from spinealign.radiograph import finds_bodies, interval_rule, outline_vertebrae
from spinealign.radiograph.interval_rule import UNCALIBRATED
from tests.cards import classifier_card
from tests.phantoms_xray import (
    LEVELS,
    analysed,
    draw_column,
    film_of,
    ideal_model,
    replace,
    turned,
    xray_card,
)


def outlined(column):
    return outline_vertebrae(ideal_model(column), film_of(column))


def corner_errors_px(found, column):
    """Return the distances of all placed corners from the drawn ones of the same name."""
    errors = []
    for body in found.vertebrae:
        for name, truth in zip(CORNERS, column.named(body.level).corners, strict=True):
            mark = body.landmark(name)
            if mark is not None:
                errors.append(float(np.hypot(mark.x - truth[0], mark.y - truth[1])))
    return errors


def outline_errors_px(found, column):
    errors = []
    for body in found.vertebrae:
        truth = column.named(body.level).outline.astype(np.float32)[:, None]
        errors += [abs(cv2.pointPolygonTest(truth, point, True)) for point in body.outline]
    return errors


def names(found):
    return [body.name for body in found.vertebrae]


def ellipse(x, y, radius):
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + radius * np.cos(angles), y + 0.8 * radius * np.sin(angles)], axis=1)


def centre(column, level):
    return column.named(level).outline.mean(axis=0)


class TestWholeColumn:
    @settings(max_examples=8, deadline=None)
    @given(
        degrees=st.floats(-35, 35),
        scale=st.floats(0.6, 1.3),
        mirrored=st.booleans(),
        shift=st.tuples(st.floats(-60, 60), st.floats(-40, 40)),
        lowest=st.sampled_from(["C4", "C6", "C7", "T1"]),
    )
    def test_bodies_corners_and_facing_are_found_wherever_the_neck_lies(
        self, degrees, scale, mirrored, shift, lowest
    ):
        column = turned(draw_column(lowest), degrees, scale, mirrored, shift, (1000, 1000))
        found = outlined(column)
        assert names(found) == list(LEVELS[: LEVELS.index(lowest) + 1])
        assert found.facing == ("left" if mirrored else "right")
        assert found.facing_confidence > 0.8
        errors = corner_errors_px(found, column)
        assert len(errors) == 2 + 4 * LEVELS.index(lowest)
        assert max(errors) < 1
        assert np.mean(outline_errors_px(found, column)) < 0.6

    @pytest.mark.parametrize("degrees", [90, 180, 270])
    def test_up_is_where_c2_is_and_not_where_the_film_has_its_top(self, degrees):
        column = turned(draw_column(), degrees)
        found = outlined(column)
        assert names(found) == list(LEVELS[:6])
        assert found.facing == "right"
        assert max(corner_errors_px(found, column)) < 1

    @pytest.mark.parametrize(
        ("scale", "shape"),
        [(0.35, (1200, 1200)), (3.2, (3000, 2400))],
        ids=["small neck on a large film", "film of 3000 rows"],
    )
    def test_size_on_the_film_does_not_matter(self, scale, shape):
        column = turned(draw_column(), scale=scale, shape=shape)
        found = outlined(column)
        assert names(found) == list(LEVELS[:6])
        assert max(corner_errors_px(found, column)) < 1
        assert max(outline_errors_px(found, column)) < 2 * max(scale, 1)

    @pytest.mark.parametrize("degrees", [30, -30])
    def test_small_windows_follow_a_tilted_neck(self, degrees):
        column = turned(draw_column("T1"), degrees, shape=(1100, 1100))
        found = outline_vertebrae(ideal_model(column, side=256), film_of(column))
        assert names(found) == list(LEVELS)
        assert max(corner_errors_px(found, column)) < 1

    def test_mask_outlines_and_classes_tell_the_same(self):
        column = draw_column("T1")
        found = outlined(column)
        assert found.segmentation.classes == dict(enumerate(LEVELS, start=1))
        for class_id, body in enumerate(found.vertebrae, start=1):
            pixels = int((found.segmentation.mask == class_id).sum())
            area = cv2.contourArea(np.array(body.outline, np.float32))
            assert pixels == pytest.approx(area, rel=0.01)
        inside = found.segmentation.mask > 0
        assert found.segmentation.confidence[inside].mean() > 0.9
        assert found.segmentation.confidence[~inside].mean() > 0.98

    def test_middles_of_endplates_lie_on_the_outline_between_the_corners(self):
        column = draw_column()
        found = outlined(column)
        for body in found.vertebrae[1:]:
            corners = dict(zip(CORNERS, column.named(body.level).corners, strict=True))
            middle = body.landmark(LandmarkName.SUPERIOR_MIDDLE)
            ends = (LandmarkName.ANTERIOR_SUPERIOR, LandmarkName.POSTERIOR_SUPERIOR)
            expected = np.mean([corners[name] for name in ends], axis=0)
            assert np.hypot(middle.x - expected[0], middle.y - expected[1]) < 1
            assert middle.source is LandmarkSource.CONTOUR

    def test_c2_has_a_dens_tip_and_no_superior_corners(self):
        column = draw_column()
        c2 = outlined(column).vertebrae[0]
        assert {mark.name for mark in c2.landmarks} == {
            LandmarkName.POSTERIOR_INFERIOR,
            LandmarkName.ANTERIOR_INFERIOR,
            LandmarkName.INFERIOR_MIDDLE,
            LandmarkName.DENS_TIP,
        }
        tip = c2.landmark(LandmarkName.DENS_TIP)
        highest = column.named("C2").outline[:, 1].min()
        assert tip.y == pytest.approx(highest, abs=2)


class TestNaming:
    @pytest.mark.parametrize("disc", [0.0, 0.05, 0.15], ids=["touching", "nearly touching", "thin"])
    def test_touching_bodies_are_told_apart(self, disc):
        column = draw_column(disc=disc)
        found = outlined(column)
        assert names(found) == list(LEVELS[:6])
        assert max(corner_errors_px(found, column)) < 1
        for body in found.vertebrae:
            drawn = cv2.contourArea(column.named(body.level).outline.astype(np.float32))
            area = cv2.contourArea(np.array(body.outline, np.float32))
            assert area == pytest.approx(drawn, rel=0.05)

    def test_fused_bodies_without_corners_are_not_called_one_body(self):
        found = outlined(replace(draw_column(disc=0.0), corner_height=0.01))
        assert found.vertebrae == ()

    @pytest.mark.parametrize("missing", ["C3", "C4", "C5", "C6"])
    def test_a_missed_body_leaves_its_name_out(self, missing):
        found = outlined(draw_column("T1").without(missing))
        assert names(found) == [level for level in LEVELS if level != missing]
        assert found.segmentation.classes == {
            number: level for number, level in enumerate(LEVELS, start=1) if level != missing
        }

    def test_without_c2_bodies_are_numbered_and_not_named(self):
        found = outlined(draw_column().without("C2"))
        assert names(found) == [f"body {i}" for i in range(1, 6)]
        assert found.levels_uncertain
        assert {body.level for body in found.vertebrae} == {None}
        assert list(found.segmentation.classes) == [11, 12, 13, 14, 15]
        assert set(np.unique(found.segmentation.mask)) == {0, 11, 12, 13, 14, 15}
        caution = next(c for c in found.cautions if c.code is WarningCode.LEVELS_UNCERTAIN)
        assert caution.doubt is LevelUncertainty.NO_C2

    def test_stray_bone_is_no_body(self):
        column = draw_column()
        processes = [
            ellipse(centre(column, level)[0] - 145, centre(column, level)[1], 31)
            for level in ("C3", "C4", "C5", "C6")
        ]
        atlas = ellipse(*(centre(column, "C2") + np.array([25, -140])), 26)
        letters = [ellipse(620, 150, 55), ellipse(90, 820, 40)]
        found = outlined(replace(column, strays=(*processes, atlas, *letters)))
        assert names(found) == list(LEVELS[:6])
        assert max(corner_errors_px(found, column)) < 1
        shown = found.segmentation.mask > 0
        assert not any(
            shown[int(y), int(x)] for x, y in (p.mean(axis=0) for p in (*processes, *letters))
        )


class TestEdges:
    def test_a_body_at_the_border_is_cut_and_has_no_corners_there(self):
        column = turned(draw_column(), shift=(0, 300))
        found = outlined(column)
        last = found.vertebrae[-1]
        assert last.state is VertebraState.CUT
        assert [body.state for body in found.vertebrae[:-1]] == [VertebraState.COMPLETE] * 4
        assert all(mark.y < column.shape[0] - 1.5 for mark in last.landmarks)
        assert max(corner_errors_px(found, column)) < 1
        cut = next(c for c in found.cautions if c.code is WarningCode.BODY_CUT)
        assert cut.levels == (last.name,)

    def test_corners_where_the_film_ends_are_no_corners(self):
        column = turned(draw_column(), shift=(0, 300))
        c6 = column.named("C6")
        at_border = c6.corners.copy()
        at_border[3, 1] = column.shape[0] - 2.0
        bodies = tuple(
            replace(body, corners=at_border) if body is c6 else body for body in column.bodies
        )
        last = outlined(replace(column, bodies=bodies)).vertebrae[-1]
        assert last.level == "C6"
        assert last.landmark(LandmarkName.SUPERIOR_MIDDLE) is not None
        assert last.landmark(CORNERS[3]) is None
        assert last.landmark(LandmarkName.INFERIOR_MIDDLE) is None

    def test_bodies_that_the_network_hardly_sees_are_called_hidden(self):
        found = outlined(replace(draw_column(), certainty=0.86, corner_height=0.33))
        assert {body.state for body in found.vertebrae} == {VertebraState.HIDDEN}
        caution = next(c for c in found.cautions if c.code is WarningCode.BODY_HIDDEN)
        assert caution.levels == tuple(names(found))

    def test_a_lowest_body_that_is_little_more_than_a_guess_is_left_out(self):
        column = replace(draw_column(), certainty=0.9)
        guess = replace(column.named("C7"), corners=np.full((4, 2), np.nan))
        found = outlined(replace(column, bodies=(*column.bodies[:-1], guess)))
        assert names(found) == list(LEVELS[:5])
        assert list(found.segmentation.classes.values()) == names(found)
        x, y = centre(column, "C7").astype(int)
        assert found.segmentation.mask[y, x] == 0
        assert found.segmentation.confidence[y, x] < 0.2

    def test_corners_that_the_network_does_not_see_come_from_the_outline(self):
        column = draw_column()
        blind = replace(column.named("C5"), corners=np.full((4, 2), np.nan))
        bodies = tuple(blind if body.level == "C5" else body for body in column.bodies)
        found = outlined(replace(column, bodies=bodies))
        c5 = found.vertebrae[3]
        corners = [c5.landmark(name) for name in CORNERS]
        assert {mark.source for mark in corners} == {LandmarkSource.CONTOUR}
        for mark, truth in zip(corners, column.named("C5").corners, strict=True):
            assert np.hypot(mark.x - truth[0], mark.y - truth[1]) < 2.5
        assert c5.confidence < found.vertebrae[2].confidence

    def test_a_network_that_sees_no_corners_leaves_the_facing_open(self):
        found = outlined(replace(draw_column(), corner_height=0.01))
        assert names(found) == list(LEVELS[:6])
        assert found.facing is None
        assert WarningCode.FACING_UNCERTAIN in {c.code for c in found.cautions}
        assert not any(body.landmark(CORNERS[0]) for body in found.vertebrae)

    @pytest.mark.parametrize(
        "column",
        [
            draw_column().without(*LEVELS),
            draw_column("C2"),
            draw_column().without(*LEVELS[:5]),
            replace(draw_column(), certainty=0.6, corner_height=0.5),
            replace(
                draw_column().without(*LEVELS),
                strays=(ellipse(300, 300, 60), ellipse(320, 420, 60)),
            ),
        ],
        ids=["nothing", "C2 alone", "C7 alone", "unsure network", "two blobs"],
    )
    def test_nothing_is_outlined_without_a_plausible_column(self, column):
        found = outlined(column)
        assert found.vertebrae == ()
        assert found.segmentation.classes == {}
        assert not found.segmentation.mask.any()
        assert not found.levels_uncertain

    def test_what_is_no_plausible_column_is_suggested(self):
        found = outlined(replace(draw_column(), certainty=0.6, corner_height=0.5))
        assert [body.level for body in found.suggestions] == list(LEVELS[:6])
        codes = [caution.code for caution in found.cautions]
        assert codes[:2] == [WarningCode.NOT_OUTLINED, WarningCode.BODIES_SUGGESTED]
        assert found.cautions[1].levels == LEVELS[:6]
        assert not found.segmentation.mask.any()

    def test_a_guess_is_suggested_with_its_level(self):
        column = replace(draw_column(), certainty=0.9)
        guess = replace(column.named("C7"), corners=np.full((4, 2), np.nan))
        found = outlined(replace(column, bodies=(*column.bodies[:-1], guess)))
        assert [body.level for body in found.suggestions] == ["C7"]
        assert found.suggestions[0].index == 6
        assert found.suggestions[0].outline

    def test_a_body_that_cannot_be_a_neighbour_is_suggested_and_the_others_keep_their_names(self):
        column = draw_column()
        c5 = column.named("C5")
        middle = c5.corners.mean(axis=0)
        flat = np.array([1.0, 0.35])
        thin = replace(c5, outline=middle + (c5.outline - middle) * flat,
                       corners=middle + (c5.corners - middle) * flat)  # fmt: skip
        bodies = tuple(thin if body is c5 else body for body in column.bodies)
        found = outlined(replace(column, bodies=bodies))
        assert names(found) == ["C2", "C3", "C4", "C6", "C7"]
        assert [body.level for body in found.suggestions] == ["C5"]
        x, y = middle.astype(int)
        assert found.segmentation.mask[y, x] == 0


class TestAnalysis:
    def test_the_program_s_analysis_carries_the_bodies(self):
        analysis = analysed(draw_column("C6"))
        assert [body.level for body in analysis.vertebrae] == list(LEVELS[:5])
        assert analysis.facing == "right"
        assert not analysis.levels_uncertain
        rows = {region.name: region for region in analysis.regions}
        assert list(rows) == [*LEVELS[:5], "all structures", "background"]
        assert {rows[level].parts for level in LEVELS[:5]} == {1}

    def test_nothing_found_is_a_caution(self):
        analysis = analysed(draw_column().without(*LEVELS))
        assert analysis.vertebrae == ()
        assert WarningCode.NOTHING_SEGMENTED in {c.code for c in analysis.cautions}

    def test_only_networks_that_find_bodies_are_asked_for_them(self):
        assert finds_bodies(xray_card())
        assert not finds_bodies(replace(xray_card(), classes=("background", "vertebra")))
        assert not finds_bodies(classifier_card())


def card_with(**factors):
    known = {
        MeasureCode(code): IntervalFactor(factor, 20, 20, 0.95, ("drawn",))
        for code, factor in factors.items()
    }
    return replace(xray_card(), interval_factors=known)


class TestIntervalRule:
    def test_each_measure_has_the_factor_of_the_card(self):
        rule = interval_rule(card_with(cobb_c2_c7=1.4, c7_slope=2.5, translation=3.0))
        codes = (MeasureCode.COBB_C2_C7, MeasureCode.C7_SLOPE, MeasureCode.TRANSLATION)
        assert [rule.factor_of(code) for code in codes] == [1.4, 2.5, 3.0]
        assert rule.is_limited

    def test_a_measure_without_one_has_the_largest_of_its_quantity(self):
        rule = interval_rule(card_with(cobb_c2_c7=1.4, disc_angle=1.8, translation=3.0))
        assert rule.factor_of(MeasureCode.T1_SLOPE) == 1.8
        assert rule.factor_of(MeasureCode.DISC_HEIGHT) == 3.0
        assert rule.factor_of(MeasureCode.BODY_HEIGHT_RATIO) == 3.0

    def test_a_card_without_factors_has_wide_intervals(self):
        rule = interval_rule(card_with())
        assert {rule.factor_of(code) for code in MeasureCode} == {UNCALIBRATED}
        assert UNCALIBRATED >= 2 * NORMAL_95 - 0.01

    def test_the_program_measures_with_the_rule_of_its_network(self):
        analysis = analysed(draw_column())
        assert analysis.interval_rule == interval_rule(xray_card())
        taken = measure_alignment(
            analysis.vertebrae, analysis.facing, PixelGeometry.of(analysis.image),
            analysis.examination, rule=analysis.interval_rule,
        )  # fmt: skip
        assert analysis.measurements == taken

    def test_faint_corners_leave_no_figure_that_cannot_be_true(self):
        faint = analysed(replace(draw_column(), corner_height=0.36))
        withheld = [m for m in faint.measurements if m.value is None and m.unmeasurable]
        reasons = {m.unmeasurable.reason for m in withheld}
        assert UnmeasurableReason.OUTLINES_UNCERTAIN in reasons
        for measure in faint.measurements:
            limit = measure.definition.reader_limit
            if measure.value is not None and measure.unit in ("deg", "") and limit is not None:
                assert measure.interval[1] - measure.value <= limit.half_width


def test_the_network_looks_no_more_often_than_needed():
    model = ideal_model(draw_column())
    outline_vertebrae(model, film_of(draw_column()))
    assert 2 <= len(model.engine.windows) <= 4
    _, _, sharp = model.engine.windows[-1]
    assert 60 * sharp == pytest.approx(48, rel=0.15)
