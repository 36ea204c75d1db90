from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinealign import wording
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    MOST_BODIES,
    Caution,
    CorrectionKind,
    Facing,
    LandmarkSource,
    LevelUncertainty,
    Segmentation,
    VertebraState,
    WarningCode,
)
from spinealign.domain.image import NoteKind, ReaderNote, SpacingSource
from spinealign.domain.measurements import (
    DrawingTool,
    MeasureState,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.correction import changes
from spinealign.measure.correction.corrected import (
    apply_corrections,
    initial_corrections,
    without_corrections,
)
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.outlines.class_ids import class_id
from spinealign.measure.outlines.corners import CORNERS
from spinealign.measure.outlines.regions import region_statistics
from spinealign.wording import headline
from spinealign.wording.measure_rows import edited_text, unmeasurable_lines
from tests import phantoms
from tests.examinations import SPINE_MR
from tests.phantoms_alignment import box, c2, numbered
from tests.phantoms_xray import analysed, draw_column

FRONT_CORNER = CORNERS[0]
few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def with_measures(analysis):
    facing = None if analysis.facing is None else Facing(analysis.facing)
    geometry = PixelGeometry.of(analysis.image)
    found = measure_alignment(
        analysis.vertebrae, facing, geometry, analysis.examination, rule=analysis.interval_rule
    )
    return replace(analysis, measurements=found)


@pytest.fixture(scope="module")
def found():
    return with_measures(analysed(draw_column()))


@pytest.fixture(scope="module")
def faint():
    return with_measures(analysed(replace(draw_column(), corner_height=0.36)))


@pytest.fixture(scope="module")
def unnamed():
    return with_measures(analysed(draw_column().without("C2")))


def start_of(analysis):
    return initial_corrections(analysis)


def moved(corrections, index=4, dx=9.0, dy=-5.0, name=FRONT_CORNER):
    mark = changes.body_at(corrections, index).landmark(name)
    return changes.move_landmark(corrections, index, name, mark.x + dx, mark.y + dy)


def codes(analysis):
    return {caution.code for caution in analysis.cautions}


def kinds(analysis):
    return [kind for caution in analysis.cautions for kind in caution.corrections]


def by_key(measurements):
    return {measurement.key: measurement for measurement in measurements}


def same(one, other):
    """Whether two analyses say the same, array by array."""
    assert (one.segmentation is None) == (other.segmentation is None)
    if one.segmentation is not None:
        assert one.segmentation.classes == other.segmentation.classes
        assert np.array_equal(one.segmentation.mask, other.segmentation.mask)
        assert np.array_equal(one.segmentation.confidence, other.segmentation.confidence)
    for part in ("vertebrae", "facing", "facing_confidence", "levels_uncertain", "measurements",
                 "regions", "cautions", "corrections"):  # fmt: skip
        assert getattr(one, part) == getattr(other, part), part
    assert one.image.spacing_mm == other.image.spacing_mm
    assert one.image.spacing_source == other.image.spacing_source
    return True


class TestNothingChanged:
    def test_the_initial_state_is_the_untouched_analysis(self, found):
        assert apply_corrections(found, start_of(found)) is found

    def test_everything_undone_is_the_program_s_own_again(self, found):
        changed = apply_corrections(found, moved(start_of(found)))
        back = apply_corrections(changed, start_of(changed))
        assert same(back, found)
        assert back.automatic is None

    def test_a_drawing_alone_corrects_nothing(self, found):
        drawn = changes.add_drawing(start_of(found), DrawingTool.DISTANCE, [(1, 2), (3, 4)])
        result = apply_corrections(found, drawn)
        assert result.measurements[:-1] == found.measurements
        assert result.measurements[-1].state is MeasureState.DRAWN
        assert result.cautions == found.cautions
        assert result.segmentation is found.segmentation


actions = st.lists(
    st.tuples(
        st.sampled_from(["move", "delete", "rename", "flip", "add", "draw", "calibrate"]),
        st.integers(0, 20),
        st.floats(-9, 9),
    ),
    min_size=1,
    max_size=4,
)


def after(actions, state):
    """Return a state after a few changes, as a person makes them."""
    for what, number, shift in actions:
        if state.vertebrae or what in ("draw", "calibrate"):
            state = changed(state, what, number, shift)
    return state


def changed(state, what, number, shift):
    index = 1 + number % max(len(state.vertebrae), 1)
    match what:
        case "move":
            marks = changes.body_at(state, index).landmarks
            return moved(state, index, shift, 3.0, marks[number % len(marks)].name)
        case "delete":
            return changes.delete_vertebra(state, index)
        case "rename":
            levels = changes.possible_levels(state, index)
            return changes.rename_level(state, index, levels[number % len(levels)])
        case "flip":
            return changes.swap_anterior_posterior(state)
        case "add" if state.vertebrae[-1].level != "S1":
            return changes.add_vertebra_at(state, 250 + shift, 800.0, 40.0)
        case "add":
            return state
        case "draw":
            return changes.add_drawing(state, DrawingTool.ANGLE, [(1, 2), (30, shift), (9, 90)])
    return changes.calibrate(state, (0, 0), (100, shift), 20.0, phantoms.photo_image())


class TestTheSameFromAnywhere:
    @few
    @given(actions, actions, st.booleans())
    def test_an_earlier_correction_makes_no_difference(self, found, one, other, goes_on):
        first = after(one, start_of(found))
        second = after(other, first if goes_on else start_of(found))
        earlier = apply_corrections(found, first)
        assert same(apply_corrections(earlier, second), apply_corrections(found, second))
        assert same(without_corrections(earlier), found)

    @few
    @given(actions)
    def test_mask_and_regions_fit_the_bodies(self, found, actions):
        result = apply_corrections(found, after(actions, start_of(found)))
        segmentation = result.segmentation
        assert [segmentation.classes[i] for i in segmentation.classes] == [
            body.name for body in result.vertebrae
        ]
        assert set(np.unique(segmentation.mask)) <= {0, *segmentation.classes}
        area = result.image.pixel_area_mm2
        assert result.regions == region_statistics(segmentation, area)

    @few
    @given(actions)
    def test_what_the_program_found_is_kept(self, found, actions):
        result = apply_corrections(found, after(actions, start_of(found)))
        if result.automatic is not None:
            assert result.automatic.vertebrae == found.vertebrae
            assert result.automatic.measurements == found.measurements
            assert result.automatic.segmentation is found.segmentation
            assert result.automatic.cautions == found.cautions


class TestMovedPoints:
    def test_measures_of_the_body_change_and_others_do_not(self, found):
        result = apply_corrections(found, moved(start_of(found), index=4))
        before, now = by_key(found.measurements), by_key(result.measurements)
        assert before.keys() == now.keys()
        for key, measurement in now.items():
            assert measurement.automatic_value == before[key].value
            is_touched = any(p.source == LandmarkSource.USER for p in measurement.points)
            is_other = measurement.value != before[key].value
            assert (measurement.state is MeasureState.EDITED) is (is_touched or is_other)
        near, far = (now[("disc_angle", levels)] for levels in (("C4", "C5"), ("C2", "C3")))
        assert near.state is MeasureState.EDITED
        assert near.value != near.automatic_value
        assert far.state is MeasureState.AUTOMATIC

    def test_the_mask_stays(self, found):
        result = apply_corrections(found, moved(start_of(found)))
        assert result.segmentation is found.segmentation
        assert kinds(result) == [CorrectionKind.POINTS_MOVED]


class TestUncertainOutlines:
    COBB = ("cobb_c2_c7", ("C2", "C7"))

    def corrected(self, analysis, *levels):
        """The corners of levels moved by hand, a tenth of a pixel each."""
        state = start_of(analysis)
        bodies = [body for body in state.vertebrae if body.level in levels]
        for body in bodies:
            for mark in body.landmarks:
                if mark.name in CORNERS:
                    place = mark.x + 0.1, mark.y
                    state = changes.move_landmark(state, body.index, mark.name, *place)
        return by_key(apply_corrections(analysis, state).measurements)

    def test_corrected_corners_bring_the_figure_back(self, faint):
        why = by_key(faint.measurements)[self.COBB].unmeasurable
        assert why == Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("C2", "C7"))
        cobb = self.corrected(faint, *why.bodies)[self.COBB]
        assert (cobb.state, cobb.automatic_value) == (MeasureState.EDITED, None)
        assert cobb.interval[1] - cobb.value < cobb.definition.reader_limit.half_width
        assert edited_text(cobb) == "placed manually"

    def test_confirmed_corners_bring_it_back_with_another_readers_error(self, faint):
        start = start_of(faint)
        result = apply_corrections(faint, changes.confirm_corners(start, "C2", "C7"))
        cobb = by_key(result.measurements)[self.COBB]
        placed = self.corrected(faint, "C2", "C7")[self.COBB]
        assert cobb.value == pytest.approx(placed.value, abs=0.5)
        assert (cobb.state, cobb.automatic_value) == (MeasureState.EDITED, None)
        assert edited_text(cobb) == "points confirmed by the reader; no automatic value"
        widths = [one.interval[1] - one.interval[0] for one in (placed, cobb)]
        assert widths[1] > 1.5 * widths[0]
        assert {point.source for point in cobb.points} == {LandmarkSource.CONFIRMED}
        assert kinds(result) == [CorrectionKind.POINTS_CONFIRMED]
        for before, after in zip(faint.vertebrae, result.vertebrae, strict=True):
            places = [[(m.name, m.x, m.y) for m in body.landmarks] for body in (before, after)]
            assert places[0] == places[1]

    def test_a_placed_corner_stays_placed_when_the_body_is_confirmed(self, faint):
        state = changes.confirm_corners(moved(start_of(faint), 3), "C4")
        body = next(body for body in state.vertebrae if body.level == "C4")
        sources = [mark.source for mark in body.landmarks]
        assert sources.count(LandmarkSource.USER) == 1
        assert set(sources) == {LandmarkSource.USER, LandmarkSource.CONFIRMED}
        again = changes.reset_body(state, body.index, faint)
        assert again.vertebrae == faint.vertebrae

    def test_other_bodies_do_not_help_and_a_half_done_one_is_still_named(self, faint):
        assert self.corrected(faint, "C4", "C5")[self.COBB].value is None
        left = self.corrected(faint, "C2")[self.COBB]
        if left.value is None:
            assert left.unmeasurable.bodies == ("C7",)

    def test_a_film_that_nobody_doubts_keeps_its_rule_after_a_change(self, found):
        assert apply_corrections(found, moved(start_of(found))).interval_rule is found.interval_rule


class TestBodies:
    def test_a_deleted_body_was_removed_and_not_missed(self, found):
        after = apply_corrections(found, changes.delete_vertebra(start_of(found), 6))
        assert after.removed == ("C7",)
        assert "T1 was not found; C7 was removed by the reader." in headline(after)
        told = unmeasurable_lines(after.measurements)
        assert any("C2–C7 Cobb" in line and "C7 was removed by the reader" in line for line in told)
        assert any("T1 slope" in line and "T1 was not found" in line for line in told)

    def test_a_renamed_body_was_not_removed(self, found):
        renamed = changes.rename_level(start_of(found), 4, "C6")
        assert apply_corrections(found, renamed).removed == ()

    def test_a_deleted_body_leaves_mask_regions_and_measures(self, found):
        state = changes.delete_vertebra(start_of(found), 4)
        result = apply_corrections(found, state)
        was_c5 = found.segmentation.mask == 4
        assert was_c5.any()
        assert not result.segmentation.mask[was_c5].any()
        assert np.array_equal(result.segmentation.mask[~was_c5], found.segmentation.mask[~was_c5])
        assert "C5" not in [region.name for region in result.regions]
        assert not any("C5" in m.levels for m in result.measurements if m.is_measurable)
        assert kinds(result) == [CorrectionKind.BODIES_DELETED]

    def test_levels_renamed_take_their_classes_along(self, found):
        state = changes.rename_level(start_of(found), 1, "C1")
        result = apply_corrections(found, state)
        before, now = ({r.name: r.pixels for r in a.regions} for a in (found, result))
        assert (now["C1"], now["C2"], now["C6"]) == (before["C2"], before["C3"], before["C7"])
        assert kinds(result) == [CorrectionKind.LEVELS_RENAMED]
        assert result.segmentation.confidence is found.segmentation.confidence

    def test_measures_of_a_place_keep_the_program_s_value_under_their_new_name(self, found):
        result = apply_corrections(found, changes.rename_level(start_of(found), 1, "C1"))
        pairs = zip(result.vertebrae, found.vertebrae, strict=True)
        was = {now.name: before.name for now, before in pairs}
        own = {m.key: m.value for m in found.measurements}
        segments = [m for m in result.measurements if m.code.value == "disc_angle"]
        told = [segment for segment in segments if segment.is_measurable]
        assert told
        for segment in told:
            before = own["disc_angle", tuple(was[level] for level in segment.levels)]
            assert segment.automatic_value == pytest.approx(before)
            assert segment.state is MeasureState.AUTOMATIC

    def test_an_added_body_is_painted_where_it_lies(self, found):
        gap = changes.delete_vertebra(start_of(found), 4)
        outline = np.array(found.vertebrae[3].outline)
        state = changes.add_vertebra_at(gap, *outline.mean(axis=0))
        result = apply_corrections(found, state)
        body = result.vertebrae[3]
        assert (body.level, body.state) == ("C5", VertebraState.ADDED)
        overlap = (result.segmentation.mask == 4) & (found.segmentation.mask == 4)
        assert overlap.sum() > 0.9 * (found.segmentation.mask == 4).sum()
        others = (found.segmentation.mask > 0) & (found.segmentation.mask != 4)
        assert np.array_equal(result.segmentation.mask[others], found.segmentation.mask[others])
        assert set(kinds(result)) == {CorrectionKind.BODIES_ADDED, CorrectionKind.BODIES_DELETED}

    def test_the_mask_follows_a_moved_corner_of_an_added_body(self, found):
        state = changes.add_vertebra_at(start_of(found), 200.0, 820.0)
        one = apply_corrections(found, state)
        other = apply_corrections(one, moved(state, len(state.vertebrae), 30.0, 0.0))
        name = state.vertebrae[-1].name
        areas = [{r.name: r.pixels for r in a.regions}[name] for a in (one, other)]
        assert areas[0] != areas[1]

    def test_pixels_of_an_added_body_are_as_unsure_as_the_network_was(self, found):
        state = changes.add_vertebra_at(start_of(found), 200.0, 820.0)
        result = apply_corrections(found, state)
        new = (result.segmentation.mask > 0) & (found.segmentation.mask == 0)
        assert new.any()
        assert result.segmentation.confidence[new] == pytest.approx(
            1 - found.segmentation.confidence[new]
        )


class TestFacing:
    def test_flipping_changes_signs_and_says_so(self, found):
        result = apply_corrections(found, changes.swap_anterior_posterior(start_of(found)))
        key = ("cobb_c2_c7", ("C2", "C7"))
        before, now = (by_key(a.measurements)[key] for a in (found, result))
        assert now.value == pytest.approx(-before.value)
        assert now.state is MeasureState.EDITED
        assert now.automatic_value == before.value
        assert kinds(result) == [CorrectionKind.FACING_CHANGED]
        assert result.facing_confidence is None

    def test_a_facing_that_was_told_is_no_worry_any_more(self, found):
        doubtful = replace(
            found, facing=None, cautions=(*found.cautions, Caution(WarningCode.FACING_UNCERTAIN))
        )
        told = changes.set_facing(start_of(doubtful), Facing.RIGHT)
        assert WarningCode.FACING_UNCERTAIN not in codes(apply_corrections(doubtful, told))
        still = apply_corrections(doubtful, moved(start_of(doubtful)))
        assert WarningCode.FACING_UNCERTAIN in codes(still)


class TestLevels:
    def test_naming_one_body_names_all_and_ends_the_doubt(self, unnamed):
        assert unnamed.levels_uncertain
        state = changes.rename_level(start_of(unnamed), 1, "C3")
        result = apply_corrections(unnamed, state)
        assert not result.levels_uncertain
        assert WarningCode.LEVELS_UNCERTAIN not in codes(result)
        assert [body.level for body in result.vertebrae][:2] == ["C3", "C4"]
        assert set(result.segmentation.classes) <= set(range(1, 8))
        assert "body" not in wording.headline(result)

    def test_the_doubt_stays_while_nobody_names_a_level(self, unnamed):
        result = apply_corrections(unnamed, moved(start_of(unnamed), 2))
        doubts = [c for c in result.cautions if c.code is WarningCode.LEVELS_UNCERTAIN]
        assert doubts == [Caution(WarningCode.LEVELS_UNCERTAIN, doubt=LevelUncertainty.NO_C2)]

    def test_deleting_one_of_the_unnamed_takes_the_right_one_out_of_the_mask(self, unnamed):
        for index in (1, 2, 3):
            state = changes.delete_vertebra(start_of(unnamed), index)
            earlier = changes.delete_vertebra(start_of(unnamed), 4)
            result = apply_corrections(apply_corrections(unnamed, earlier), state)
            gone = unnamed.segmentation.mask == 10 + index
            assert gone.any()
            assert not result.segmentation.mask[gone].any()


class TestCautions:
    @pytest.mark.parametrize(
        ("state", "code"),
        [
            (VertebraState.CUT, WarningCode.BODY_CUT),
            (VertebraState.HIDDEN, WarningCode.BODY_HIDDEN),
        ],
    )
    def test_names_in_cautions_follow(self, found, state, code):
        bodies = (*found.vertebrae[:-1], replace(found.vertebrae[-1], state=state))
        cautioned = replace(
            found, vertebrae=bodies, cautions=(*found.cautions, Caution(code, levels=("C7",)))
        )
        last = len(bodies)
        renamed = changes.rename_level(start_of(cautioned), last, "T1")
        assert Caution(code, levels=("T1",)) in apply_corrections(cautioned, renamed).cautions
        deleted = changes.delete_vertebra(start_of(cautioned), last)
        assert code not in codes(apply_corrections(cautioned, deleted))

    def test_a_hidden_body_whose_corners_were_all_placed_is_no_worry(self, found):
        bodies = (*found.vertebrae[:-1], replace(found.vertebrae[-1], state=VertebraState.HIDDEN))
        cautions = (*found.cautions, Caution(WarningCode.BODY_HIDDEN, levels=("C7",)))
        state = start_of(replace(found, vertebrae=bodies, cautions=cautions))
        hidden = replace(found, vertebrae=bodies, cautions=cautions)
        for name in CORNERS[:3]:
            state = moved(state, len(bodies), 1.0, 1.0, name)
        assert WarningCode.BODY_HIDDEN in codes(apply_corrections(hidden, state))
        state = moved(state, len(bodies), 1.0, 1.0, CORNERS[3])
        assert WarningCode.BODY_HIDDEN not in codes(apply_corrections(hidden, state))

    def test_each_kind_of_correction_is_worded(self):
        every = tuple(CorrectionKind)
        text = wording.caution_text(Caution(WarningCode.CORRECTED_BY_USER, corrections=every))
        assert "points moved, points confirmed where they were, bodies added, suggested" in text
        assert "_" not in text


class TestCalibration:
    def test_pixels_become_millimetres_and_the_caution_goes(self, found):
        assert WarningCode.NO_SPACING in codes(found)
        state = changes.calibrate(start_of(found), (0, 0), (100, 0), 25.0, found.image)
        result = apply_corrections(found, state)
        assert result.image.spacing_mm == (0.25, 0.25)
        assert result.image.spacing_source is SpacingSource.USER
        assert WarningCode.NO_SPACING not in codes(result)
        assert kinds(result) == [CorrectionKind.CALIBRATED]
        assert result.regions[0].area_mm2 == pytest.approx(result.regions[0].pixels / 16)
        assert result.segmentation is found.segmentation
        before = by_key(found.measurements)
        for key, measurement in by_key(result.measurements).items():
            assert measurement.state is MeasureState.AUTOMATIC
            assert measurement.unit != "px"
            if measurement.unit == "mm":
                assert measurement.value == pytest.approx(before[key].value / 4)

    def test_the_automatic_value_of_an_edited_length_is_in_the_same_unit(self, found):
        state = changes.calibrate(start_of(found), (0, 0), (100, 0), 25.0, found.image)
        result = apply_corrections(found, moved(state, 4))
        before = by_key(found.measurements)
        lengths = [m for m in result.measurements if m.unit == "mm" and m.value is not None]
        assert any(m.state is MeasureState.EDITED for m in lengths)
        for measurement in lengths:
            assert measurement.automatic_value == pytest.approx(before[measurement.key].value / 4)

    def test_notes_on_the_file_s_spacing_go_with_it(self, found):
        notes = tuple(ReaderNote(kind, (1.1,)) for kind in (NoteKind.CALIBRATED, NoteKind.TURNED))
        start = replace(found, image=replace(found.image, notes=notes))
        state = changes.calibrate(start_of(start), (0, 0), (100, 0), 25.0, start.image)
        result = apply_corrections(start, state)
        assert [note.kind for note in result.image.notes] == [NoteKind.TURNED]
        again = apply_corrections(result, changes.without_calibration(result.corrections))
        assert again.image.notes == notes

    def test_without_calibration_the_file_s_spacing_is_back(self, found):
        magnified = replace(
            found.image, spacing_mm=(0.2, 0.1), spacing_source=SpacingSource.DETECTOR_PLANE
        )
        cautions = (Caution(WarningCode.MAGNIFIED_SPACING),)
        start = with_measures(replace(found, image=magnified, cautions=cautions))
        state = changes.calibrate(start_of(start), (0, 0), (100, 0), 20.0, magnified)
        result = apply_corrections(start, moved(state))
        assert result.image.spacing_mm == pytest.approx((0.4, 0.2))
        assert WarningCode.MAGNIFIED_SPACING not in codes(result)
        again = apply_corrections(result, changes.without_calibration(result.corrections))
        assert again.image.spacing_mm == (0.2, 0.1)
        assert again.image.spacing_source is SpacingSource.DETECTOR_PLANE
        assert WarningCode.MAGNIFIED_SPACING in codes(again)


class TestResetting:
    def test_a_point_goes_back_to_where_the_program_saw_it(self, found):
        state = moved(moved(start_of(found)), name=CORNERS[2])
        back = changes.reset_landmark(state, 4, FRONT_CORNER, found)
        assert back.vertebrae[3].landmark(FRONT_CORNER) == found.vertebrae[3].landmark(FRONT_CORNER)
        assert back.vertebrae[3].landmark(CORNERS[2]).source is LandmarkSource.USER

    def test_it_goes_back_also_after_renaming_deleting_and_flipping(self, found):
        state = changes.delete_vertebra(moved(start_of(found)), 1)
        state = changes.swap_anterior_posterior(changes.rename_level(state, 1, "C4"))
        name = CORNERS[1]
        assert state.vertebrae[2].landmark(name).source is LandmarkSource.USER
        back = changes.reset_landmark(state, 3, name, found)
        mark, own = back.vertebrae[2].landmark(name), found.vertebrae[3].landmark(FRONT_CORNER)
        assert (mark.x, mark.y, mark.source) == (own.x, own.y, own.source)

    def test_a_point_that_the_program_had_not_placed_goes(self, found):
        without = tuple(m for m in found.vertebrae[3].landmarks if m.name != FRONT_CORNER)
        bodies = list(found.vertebrae)
        bodies[3] = replace(bodies[3], landmarks=without)
        lacking = replace(found, vertebrae=tuple(bodies))
        placed = changes.move_landmark(start_of(lacking), 4, FRONT_CORNER, 300, 400)
        back = changes.reset_landmark(placed, 4, FRONT_CORNER, lacking)
        assert back.vertebrae[3].landmark(FRONT_CORNER) is None

    def test_a_body_goes_back_and_keeps_its_level(self, found):
        state = changes.rename_level(moved(start_of(found)), 1, "C1")
        back = changes.reset_body(state, 4, found)
        assert back.vertebrae[3] == replace(found.vertebrae[3], level="C4")

    def test_everything_goes_back_but_the_person_s_own_measures(self, found):
        state = changes.add_drawing(moved(start_of(found)), DrawingTool.ANGLE, [(1, 1)] * 3)
        state = changes.calibrate(state, (0, 0), (9, 9), 5, found.image)
        back = changes.reset_all(state, found)
        assert back.vertebrae == found.vertebrae
        assert (back.drawings, back.calibration) == (state.drawings, state.calibration)


class TestOneClassForAllVertebrae:
    """On MR the vertebrae are one class of the mask."""

    @pytest.fixture
    def mr(self):
        mask = np.zeros((120, 90), np.uint8)
        bodies = [box(f"L{n}", 20, 10 + 30 * n, 30, 20) for n in (1, 2)]
        for body in bodies:
            (left, top), (right, low) = np.min(body.outline, 0), np.max(body.outline, 0)
            mask[int(top) : int(low), int(left) : int(right)] = 1
        mask[:, 60:64] = 3
        base = phantoms.mr_analysis()
        segmentation = Segmentation(
            base.segmentation.model,
            {1: "vertebra", 3: "canal"},
            mask,
            np.full(mask.shape, 0.9, np.float32),
        )
        image = replace(base.image, pixels=np.ones(mask.shape, np.float32))
        return with_measures(
            replace(
                base,
                image=image,
                examination=SPINE_MR,
                vertebrae=numbered(*bodies),
                facing="left",
                segmentation=segmentation,
                regions=region_statistics(segmentation, image.pixel_area_mm2),
            )
        )

    def test_a_deleted_body_is_taken_out_and_nothing_else(self, mr):
        result = apply_corrections(mr, changes.delete_vertebra(start_of(mr), 1))
        assert not (result.segmentation.mask[35:65, :58] == 1).any()
        assert (result.segmentation.mask == 1).sum() == 600
        assert (result.segmentation.mask == 3).sum() == (mr.segmentation.mask == 3).sum()

    def test_an_added_body_does_not_paint_over_the_canal(self, mr):
        state = changes.add_vertebra(start_of(mr), [(40, 95), (70, 95), (70, 110), (40, 110)])
        result = apply_corrections(mr, state)
        assert (result.segmentation.mask == 3).sum() == (mr.segmentation.mask == 3).sum()
        assert (result.segmentation.mask[100, 41:59] == 1).all()

    @pytest.fixture
    def apart(self, mr):
        """Bodies without posterior elements, and the second one as the sacrum."""
        mask = mr.segmentation.mask.copy()
        mask[mask == 3] = 5
        mask[65:95][mask[65:95] == 1] = 3
        classes = {1: "body", 2: "posterior elements", 3: "sacrum", 5: "canal"}
        found = replace(mr.segmentation, classes=classes, mask=mask)
        bodies = (mr.vertebrae[0], replace(mr.vertebrae[1], level="S1"))
        return replace(mr, segmentation=found, vertebrae=bodies)

    def test_bodies_and_the_sacrum_are_taken_out_of_their_own_classes(self, apart):
        before = apart.segmentation.mask
        for number, value in ((1, 1), (2, 3)):
            result = apply_corrections(apart, changes.delete_vertebra(start_of(apart), number))
            after = result.segmentation.mask
            assert (before == value).sum() == 600
            assert not (after == value).any()
            assert (before != value).sum() + 600 == ((after == before) | (after == 0)).sum()

    def test_an_added_body_is_painted_as_a_body_and_a_sacrum_as_sacrum(self, apart):
        above = changes.add_vertebra(start_of(apart), [(20, 10), (50, 10), (50, 30), (20, 30)])
        mask = apply_corrections(apart, above).segmentation.mask
        assert (mask[12:28, 22:48] == 1).all()
        without = changes.delete_vertebra(start_of(apart), 2)
        low = changes.add_vertebra(without, [(20, 100), (50, 100), (50, 115), (20, 115)])
        sacrum = changes.rename_level(low, 2, "S1", above_follow=False)
        mask = apply_corrections(apart, sacrum).segmentation.mask
        assert (mask[102:113, 22:48] == 3).all()

    def test_a_renamed_level_changes_no_pixel(self, mr):
        result = apply_corrections(mr, changes.rename_level(start_of(mr), 1, "L3"))
        assert np.array_equal(result.segmentation.mask, mr.segmentation.mask)
        assert [body.level for body in result.vertebrae] == ["L3", "L4"]


def test_an_image_without_segmentation_can_be_measured_by_hand():
    blank = phantoms.failed_view_analysis()
    state = changes.add_vertebra(start_of(blank), [(20, 40), (40, 40), (40, 55), (20, 55)])
    state = changes.add_drawing(state, DrawingTool.DISTANCE, [(0, 0), (3, 4)])
    result = apply_corrections(blank, state)
    assert result.segmentation is None
    assert result.measurements[-1].value == pytest.approx(5)
    assert WarningCode.CORRECTED_BY_USER in codes(result)
    assert wording.headline(result)


@pytest.mark.parametrize(
    ("first", "lowest", "words"),
    [
        ("C1", "C6", "Outlined C1 to C6"),
        ("C3", "T1", "Outlined C3 to T1"),
        ("L1", "S1", "Outlined L1 to S1"),
    ],
)
def test_levels_beyond_the_neck_are_put_in_words(found, first, lowest, words):
    result = apply_corrections(found, changes.rename_level(start_of(found), 1, first))
    assert result.vertebrae[-1].level == lowest
    assert wording.headline(result).startswith(words)


def test_c2_added_above_a_column_is_measured(unnamed):
    named = changes.rename_level(start_of(unnamed), 1, "C3")
    top = c2((330, 150), (395, 160))
    points = [top.outline[0], top.outline[1], (360, 60)]
    result = apply_corrections(unnamed, changes.add_vertebra(named, points))
    assert result.vertebrae[0].level == "C2"
    assert result.segmentation.classes[1] == "C2"
    assert any(m.key[0].startswith("cobb_c2") and m.is_measurable for m in result.measurements)


def test_as_many_bodies_as_a_file_may_hold_get_values_of_their_own(found):
    start = start_of(found)
    body = replace(start.vertebrae[0], level=None)
    many = tuple(replace(body, index=i) for i in range(1, MOST_BODIES + 1))
    result = apply_corrections(found, replace(start, vertebrae=many, levels_uncertain=True))
    assert len(result.vertebrae) == MOST_BODIES
    values = {class_id(None, i) for i in range(1, MOST_BODIES + 1)}
    assert len(values) == MOST_BODIES
    assert values.isdisjoint({class_id(level, 1) for level in LEVEL_SEQUENCE})
    assert max(values) <= 255
