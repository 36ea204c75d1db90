"""Discs cut out, described and graded, with a network that answers what the test says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinealign.domain.discs import NEEDS_T2, GradeName, Overall, overall_of
from spinealign.domain.findings import (
    Caution,
    ModelIdentity,
    ModelStatus,
    Segmentation,
    WarningCode,
)
from spinealign.domain.image import SpineImage, Weighting
from spinealign.domain.model_card import GradeRule, ModelCard
from spinealign.domain.paths import models_dirs
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar import grade_discs, level_name, renamed
from spinealign.lumbar.crops import CROP_SHAPE, DISC_PX, cut_out, cut_out_mask, frames_of
from spinealign.lumbar.grading import (
    chosen,
    classify_sequence,
    ranked_signs,
    read_column,
    severity,
)
from spinealign.lumbar.signs import SIGN_NAMES, column_signs
from spinealign.measure.outlines.disc_shapes import DISC
from spinealign.measure.outlines.discs import find_discs
from spinealign.wording.discs import (
    NO_ABNORMALITY,
    disc_summary,
    discs_line,
    finding_lines,
    grade_text,
)
from tests import phantoms_lumbar as phantom
from tests.cards import grading_card

CLASSES = {1: "vertebra", 2: "disc", 3: "canal"}
IDENTITY = ModelIdentity("m", "M", "1", "0" * 64, ModelStatus.DEMONSTRATION, "fake")


class Answers:
    """A network whose logits are functions of the sign "level" only."""

    name = "fake"

    def __init__(self, logits, place=28):
        self._logits, self._place = logits, place

    def run(self, batch, **others):
        assert batch.shape == (1, *CROP_SHAPE, 3)
        level = others["signs"][0, SIGN_NAMES.index("level")]
        rows = np.tile(self._logits(round(float(level))), (57, 1)).astype(np.float32)
        rows[1 + self._place] -= 1  # one place matters
        return {"t2": rows, "t1": rows + 1}


def model_answering(logits, place=28):
    return LoadedModel(grading_card(), Answers(logits, place))


def seen(mask=None, is_t2=True, is_stated=True):
    mask = phantom.column_mask() if mask is None else mask
    picture = phantom.column_picture(mask, is_t2)
    confidence = np.full(mask.shape, 0.9, np.float32)
    stated = Weighting.T2 if is_t2 else Weighting.T1
    return (
        Segmentation(IDENTITY, CLASSES, mask, confidence),
        SpineImage(picture, 16, Path("x.png"), "0" * 64, weighting=stated if is_stated else None),
    )


def quiet(_level):
    return np.full(11, -4.0)


def sick(level):
    logits = np.full(11, -4.0)
    if level == 2:
        logits[:4] = (6, 5, 4, -4)
        logits[4] = 5
    return logits


def crops_of(mask, picture):
    column = find_discs(mask, np.full(mask.shape, 0.9, np.float32))
    frames = frames_of(column.discs)
    return (
        column.discs, frames, [cut_out(picture, f) for f in frames],
        [cut_out_mask(mask, f) for f in frames],
    )  # fmt: skip


@pytest.mark.parametrize("turned", [False, True], ids=["facing left", "facing right"])
def test_a_crop_shows_the_disc_level_at_one_scale_with_the_canal_behind(turned):
    mask = phantom.column_mask()
    mask = np.ascontiguousarray(mask[:, ::-1]) if turned else mask
    for crop in crops_of(mask, phantom.column_picture(mask))[3]:
        middle = crop[CROP_SHAPE[0] // 2]
        inside = np.flatnonzero(middle == DISC)
        assert len(inside) == pytest.approx(DISC_PX, abs=6)
        assert inside.mean() == pytest.approx((CROP_SHAPE[1] - 1) / 2, abs=3)
        assert (middle[inside[-1] + 1 :] == 3).any()
        assert not (middle[: inside[0]] == 3).any()


def test_discs_are_cut_and_described_alike_whatever_numbers_classes_have():
    mask, sure = phantom.column_mask(), np.full((420, 300), 0.9, np.float32)
    image = SpineImage(phantom.column_picture(mask), 16, Path("a"), "0" * 64)
    plain = read_column(Segmentation(IDENTITY, CLASSES, mask, sure), image)
    other = np.array([0, 5, 2, 7], np.uint8)[mask]
    behind = other == 5
    behind[:, :180] = False
    other[behind] = 1
    names = {5: "body", 1: "posterior elements", 3: "sacrum", 2: "disc", 7: "canal"}
    sacrum = Segmentation(IDENTITY, names, with_sacrum(other), sure)
    found = read_column(sacrum, image)
    assert plain is not None
    assert found is not None
    assert found.sequence == plain.sequence
    np.testing.assert_array_equal(found.signs, plain.signs)
    np.testing.assert_array_equal(found.crops, plain.crops)


def with_sacrum(mask):
    """Put a sacrum below the lowest disc."""
    (x, y), tilt = phantom.places()[0]
    mask = mask.copy()
    below = np.array([x, y]) + 30 * np.array([np.sin(tilt), np.cos(tilt)])
    drawn = np.zeros_like(mask)
    phantom._box(drawn, below, tilt, phantom.LENGTH_PX, 40, 1)
    mask[(drawn > 0) & (mask == 0)] = 3
    return mask


def test_a_mirrored_picture_gives_the_same_crops():
    mask = phantom.column_mask()
    picture = phantom.column_picture(mask)
    straight = crops_of(mask, picture)[2]
    mirrored = crops_of(
        np.ascontiguousarray(mask[:, ::-1]), np.ascontiguousarray(picture[:, ::-1])
    )[2]
    for one, other in zip(straight, mirrored, strict=True):
        assert np.abs(one - other).mean() < 6


def test_the_frame_leads_back_to_the_image():
    _, frames, crops, _ = crops_of(
        phantom.column_mask(), phantom.column_picture(phantom.column_mask())
    )
    middle = np.array([(crops[0].shape[1] - 1) / 2, (crops[0].shape[0] - 1) / 2, 1])
    for frame in frames:
        assert frame.to_image @ middle == pytest.approx(frame.centre - 0.5)


def test_jitter_moves_by_parts_of_the_length():
    frame = crops_of(phantom.column_mask(), phantom.column_picture(phantom.column_mask()))[1][0]
    moved = frame.jittered(0, 1.25, (0.1, 0.0))
    assert np.hypot(*(moved.centre - frame.centre)) == pytest.approx(0.1 * frame.length_px)
    assert moved.length_px == pytest.approx(frame.length_px / 1.25)


def sign(values, name):
    return values[:, SIGN_NAMES.index(name)]


def test_signs_measure_what_was_drawn():
    mask = phantom.column_mask()
    signs = column_signs(*crops_of(mask, phantom.column_picture(mask)))
    assert signs.shape == (6, len(SIGN_NAMES))
    wanted = phantom.HEIGHT_PX / phantom.LENGTH_PX
    assert sign(signs, "height") == pytest.approx(np.full(6, wanted), rel=0.25)
    assert np.nanmax(np.abs(sign(signs, "slip_back"))) < 0.3
    assert (sign(signs, "fluid") > 1.4).all()
    assert list(sign(signs, "level")) == [1, 2, 3, 4, 5, 6]
    assert np.isnan(sign(signs, "step_below")[0])


@pytest.mark.parametrize("factor", [1e-4, 1e-9])
def test_signs_do_not_depend_on_the_unit_of_grey_values(factor):
    discs, frames, crops, masks = crops_of(
        mask := phantom.column_mask(), phantom.column_picture(mask)
    )
    plain = column_signs(discs, frames, crops, masks)
    scaled = column_signs(discs, frames, [crop * np.float32(factor) for crop in crops], masks)
    np.testing.assert_allclose(scaled, plain, rtol=1e-4, atol=1e-5)
    segmentation, image = seen(is_t2=False)
    assert classify_sequence(segmentation, image.pixels * factor) == "t1"


def test_a_thin_disc_and_a_slipped_vertebra_show_in_the_signs():
    mask = phantom.column_mask()
    plain = column_signs(*crops_of(mask, phantom.column_picture(mask)))
    y = int(phantom.places()[3][0][1])
    slipped = mask.copy()
    slipped[: y - 6] = np.roll(mask[: y - 6], -8, axis=1)
    thin = mask.copy()
    thin[y - 7 : y - 2][thin[y - 7 : y - 2] == DISC] = 1
    signs = column_signs(*crops_of(slipped, phantom.column_picture(slipped)))
    assert sign(signs, "slip_back")[3] < sign(plain, "slip_back")[3] - 0.08
    signs = column_signs(*crops_of(thin, phantom.column_picture(thin)))
    assert sign(signs, "height")[3] < 0.8 * sign(plain, "height")[3]
    assert sign(signs, "height_to_column")[3] < 0


@pytest.mark.parametrize(("is_t2", "name"), [(True, "t2"), (False, "t1")])
def test_the_sequence_is_told_from_the_fluid(is_t2, name):
    segmentation, image = seen(is_t2=is_t2)
    assert classify_sequence(segmentation, image.pixels) == name


def test_discs_are_graded_named_and_worded():
    graded = grade_discs(*seen(), model_answering(sick))
    assert [disc.level for disc in graded.discs][:3] == ["L5/S1", "L4/L5", "L3/L4"]
    second = graded.discs[1]
    assert second.grade("pfirrmann").value == 4
    assert second.grade("narrowing").value is True
    assert second.grade("narrowing").probabilities[1] == pytest.approx(0.9933, abs=1e-3)
    assert second.grade("bulging").value is False
    assert graded.discs[0].grade("pfirrmann").value == 1
    assert overall_of(graded.discs) is Overall.ABNORMAL
    assert discs_line(graded.discs) == "L4/L5: Pfirrmann 4, narrowed"
    assert second.name == "L4/L5"
    told = [grade_text(second.grade(name)) for name in ("pfirrmann", "narrowing")]
    assert told == ["4 (96\u00a0%)", "yes (over 99\u00a0%)"]
    assert graded.cautions == ()


def test_nothing_above_threshold_is_healthy_and_said_so():
    graded = grade_discs(*seen(), model_answering(quiet))
    assert overall_of(graded.discs) is Overall.HEALTHY
    assert discs_line(graded.discs) == NO_ABNORMALITY


def test_a_coin_toss_is_uncertain():
    graded = grade_discs(
        *seen(), model_answering(lambda _: np.array([-4.0] * 4 + [0.0] + [-4.0] * 6))
    )
    assert all(disc.grade("narrowing").value is None for disc in graded.discs)
    assert overall_of(graded.discs) is Overall.UNCERTAIN
    assert "uncertain: " in discs_line(graded.discs)
    assert overall_of(()) is Overall.UNCERTAIN


@pytest.mark.parametrize("place", [9, 28, 54], ids=["top left", "middle", "bottom right"])
def test_the_heat_map_shows_the_place_that_matters(place):
    heat = grade_discs(*seen(), model_answering(sick, place)).discs[1].grade("narrowing").heatmap
    assert heat.shape == CROP_SHAPE
    row, col = np.unravel_index(heat.argmax(), heat.shape)
    assert (row // 16, col // 16) == (place // 8, place % 8)
    assert 0 <= heat.min() <= heat.max() <= 1


def test_t1_and_t2_are_mixed_by_the_cards_share():
    own, other = seen(), seen(is_t2=False)
    alone = grade_discs(*own, model_answering(sick))
    both = grade_discs(*own, model_answering(sick), companion=other)
    # The fake T1 answers one logit more and the card gives it a share of a quarter.
    p = [graded.discs[1].grade("bulging").probabilities[1] for graded in (alone, both)]
    logits = np.log(np.array(p) / (1 - np.array(p)))
    assert logits[1] - logits[0] == pytest.approx(0.25, abs=1e-3)


def test_each_disc_is_joined_with_the_same_disc_of_the_other_contrast():
    both = grade_discs(*seen(), model_answering(sick), companion=seen(is_t2=False))
    p = np.array([disc.grade("narrowing").probabilities[1] for disc in both.discs])
    logits = np.log(p / (1 - p))
    # T2 says 5 of the second disc and -4 of the others, T1 one more of each.
    assert logits == pytest.approx([-3.75, 5.25, *[-3.75] * 4], abs=0.01)


def codes(graded):
    return [caution.code for caution in graded.cautions]


def test_t1_alone_gives_no_grade_that_needs_t2():
    graded = grade_discs(*seen(is_t2=False), model_answering(sick))
    assert codes(graded) == [WarningCode.T1_ALONE]
    for disc in graded.discs:
        left = {grade.name for grade in disc.grades if grade.needs_t2}
        assert left == NEEDS_T2
        assert {disc.grade(name).value for name in left} == {None}
        assert {disc.grade(name).probabilities for name in left} == {()}
    sick_one = graded.discs[1]
    assert sick_one.grade("narrowing").value is True
    assert grade_text(sick_one.grade("pfirrmann")) == "not determined (T2 needed)"
    assert "Pfirrmann grade (T2 needed), disc herniation (T2 needed)" in disc_summary(sick_one)
    assert "herniation not determined (T2 needed)" in finding_lines(sick_one)
    beside = grade_discs(*seen(is_t2=False), model_answering(sick), companion=seen())
    assert not codes(beside)
    assert beside.discs[1].grade("pfirrmann").value == 4


def test_a_weighting_that_no_file_states_is_taken_from_grey_values_and_told():
    t2, t1 = (
        grade_discs(*seen(is_t2=is_t2, is_stated=False), model_answering(sick))
        for is_t2 in (True, False)
    )
    assert codes(t2) == [WarningCode.WEIGHTING_ASSUMED]
    assert codes(t1) == [WarningCode.T1_ALONE, WarningCode.WEIGHTING_ASSUMED]


def test_a_stated_weighting_counts_more_than_grey_values():
    segmentation, image = seen()
    graded = grade_discs(
        segmentation, replace(image, weighting=Weighting.T1), model_answering(sick)
    )
    assert codes(graded) == [WarningCode.T1_ALONE]


def test_what_needs_t2_is_what_the_card_shows_to_need_it():
    """Pfirrmann's grade is defined on T2; others lose more than 0.05 of balanced accuracy."""
    card = json.loads((models_dirs()[0] / "disc_grading/card.json").read_text(encoding="utf-8"))
    t2, t1 = (
        card["metrics"][f"cross_validation_{name}_alone_found_discs"]["findings"]
        for name in ("t2", "t1")
    )
    lost = {
        name: t2[name]["balanced_accuracy"]["value"] - t1[name]["balanced_accuracy"]["value"]
        for name in t2
    }
    assert {GradeName.PFIRRMANN, *(name for name in lost if lost[name] > 0.05)} == NEEDS_T2


def test_a_companion_of_the_same_contrast_is_not_used_and_said_so():
    graded = grade_discs(*seen(), model_answering(sick), companion=seen())
    assert [c.code for c in graded.cautions] == [WarningCode.COMPANION_ALIKE]


def test_a_missing_outline_is_a_caution_with_the_level():
    graded = grade_discs(*seen(phantom.column_mask(missing=(2,))), model_answering(quiet))
    assert graded.discs[2].is_inferred
    assert graded.cautions == (Caution(WarningCode.DISC_INFERRED, levels=("L3/L4",)),)


def test_levels_can_be_shifted_and_end_somewhere():
    discs = grade_discs(*seen(), model_answering(quiet)).discs
    assert [d.level for d in renamed(discs, 1)][:2] == ["L4/L5", "L3/L4"]
    assert renamed(discs, -1)[0].level is None
    assert renamed(discs, -1)[0].name == "disc 1"
    assert level_name(99) is None


def test_a_picture_without_a_column_has_no_discs():
    assert grade_discs(*seen(np.zeros((80, 80), np.uint8)), model_answering(quiet)).discs == ()


def test_signs_are_ranked_by_the_knots_and_holes_become_zero():
    rule = grading_card().grading
    signs = np.full((1, len(SIGN_NAMES)), np.nan)
    signs[0, 0] = 2.0
    ranked = ranked_signs(signs, rule, "t2")
    assert ranked[0, 0] == 2.0
    assert not ranked[0, 1:].any()


def test_each_sequence_has_its_own_ranks():
    rule = grading_card().grading
    knots = {"t2": ((0.0, 10.0),) * len(SIGN_NAMES), "t1": ((0.0, 20.0),) * len(SIGN_NAMES)}
    rule = replace(rule, sign_knots=knots, knot_values=(-1.0, 1.0))
    signs = np.full((1, len(SIGN_NAMES)), 10.0)
    assert (ranked_signs(signs, rule, "t2") == 1.0).all()
    assert (ranked_signs(signs, rule, "t1") == 0.0).all()


def test_a_sign_is_compared_with_the_disc_above_the_one_below_and_all():
    mask = phantom.column_mask()
    signs = column_signs(*crops_of(mask, phantom.column_picture(mask)))
    for name in ("height", "length", "signal"):
        own = sign(signs, name)
        assert sign(signs, f"{name}_to_above")[:-1] == pytest.approx(own[:-1] - own[1:])
        assert sign(signs, f"{name}_to_below")[1:] == pytest.approx(own[1:] - own[:-1])
        assert sign(signs, f"{name}_to_column") == pytest.approx(own - np.median(own))
        assert np.isnan(
            [sign(signs, f"{name}_to_above")[-1], sign(signs, f"{name}_to_below")[0]]
        ).all()


@pytest.mark.parametrize(
    ("p", "value"),
    [(0.29, False), (0.31, None), (0.49, None), (0.5, True), (0.51, True)],
)
def test_a_finding_is_reported_from_its_threshold_on(p, value):
    rule = GradeRule(4, 1, 1.0, (0.0,), 0.5, (0.3, 0.5))
    assert chosen(np.array([1 - p, p]), rule) is value


@pytest.mark.parametrize(
    ("probabilities", "grade"),
    [((0.9, 0.1, 0, 0, 0), 1), ((0, 0.1, 0.8, 0.1, 0), 3), ((0, 0, 0, 0.1, 0.9), 5)],
)
def test_severity_rounds_to_the_grade(probabilities, grade):
    rule = GradeRule(0, 4, 1.0, (0.0,) * 4, 0.0, (0.2, 1.0), (1.5, 2.5, 3.5, 4.5))
    p = np.array(probabilities)
    assert chosen(p, rule) == grade
    assert severity(p, rule) == pytest.approx(float(p @ np.arange(1, 6)))
    assert chosen(np.full(5, 0.19), replace(rule, uncertain=(0.5, 1.0))) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.pop("grading"),
        lambda c: c["grading"].update(unknown=1),
        lambda c: c["grading"]["grades"]["t2"].pop("modic"),
        lambda c: c["grading"]["grades"]["t2"]["modic"].update(unknown=1),
        lambda c: c["grading"]["sign_knots"]["t1"].pop(),
    ],
    ids=["no grading", "unknown key", "grade missing", "unknown rule key", "sign missing"],
)
def test_a_card_that_says_too_little_or_too_much_is_refused(spoil):
    card = json.loads(json.dumps(grading_card().to_json()))
    assert ModelCard.from_json(card).grading == grading_card().grading
    spoil(card)
    with pytest.raises((ValueError, TypeError, KeyError)):
        ModelCard.from_json(card)


def test_every_grade_has_a_rule_in_the_card_of_the_tests():
    assert set(grading_card().grading.grades["t2"]) == set(GradeName)
