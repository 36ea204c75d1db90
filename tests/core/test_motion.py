"""Flexion and extension: which is which, how far each level moves, and what that counts as."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinealign.domain.comparison import Change, PatientExamination
from spinealign.domain.findings import Analysis, Facing
from spinealign.domain.identifiers import DicomIdentifiers, PatientKey
from spinealign.domain.image import DecisionSource, SpacingSource, SpineImage
from spinealign.domain.measurements import IntervalRule
from spinealign.domain.measures import MeasureCode
from spinealign.domain.motion import (
    MOTION_LIMITS,
    NORMAL_ROTATION_DEG,
    MetSign,
    MotionSign,
)
from spinealign.domain.study import PatientFacts
from spinealign.export.motion import MOTION_ORIGIN_COLUMNS, motion_csv, write_motion
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.measure.motion import motion_of, unjudged
from spinealign.wording.motion import (
    MOTION_COLUMNS,
    MOTION_HEADINGS,
    NO_USUAL_ROTATION,
    motion_cautions,
    motion_lines,
    motion_row,
    motion_sentences,
)
from tests.examinations import LATERAL_NECK
from tests.phantoms_alignment import bent_column, box, from_corners, numbered

FLEXION = bent_column([-2.0, -4.0, -6.0, -5.0, -3.0], [0.0] * 5)
EXTENSION = bent_column([6.0, 8.0, 17.0, 9.0, 7.0], [0.0] * 5)
ROTATION = [8.0, 12.0, 23.0, 14.0, 10.0]
RULE = IntervalRule(change_factors=dict.fromkeys(MeasureCode, 1.0))
KEY = PatientKey("id", "", "born", "name")


def film(bodies, day="20250505", name="a", spacing=0.2, rule=RULE, facing=Facing.RIGHT, **image):
    """A film of a column, analysed as a reader's points would be."""
    if spacing:
        image = {
            "spacing_mm": (spacing, spacing), "spacing_source": SpacingSource.CALIBRATED, **image,
        }  # fmt: skip
    picture = SpineImage(
        np.zeros((900, 900), np.float32), 8, Path(f"{name}.dcm"), name,
        dicom=DicomIdentifiers(patient=KEY), **image,
    )  # fmt: skip
    measures = measure_alignment(bodies, facing, PixelGeometry.of(picture), LATERAL_NECK, rule=rule)
    analysis = Analysis(
        picture, LATERAL_NECK, DecisionSource.USER, None, "0", "", vertebrae=bodies,
        facing=facing, measurements=measures, interval_rule=rule,
    )  # fmt: skip
    return PatientExamination(analysis, PatientFacts(study_date=day))


def column(corners):
    return from_corners(corners)


def pair(**changes):
    return film(column(FLEXION), **changes), film(column(EXTENSION), name="b", **changes)


def test_the_film_with_less_lordosis_is_flexion_in_whichever_order():
    bent, stretched = pair()
    for motion in (motion_of(bent, stretched), motion_of(stretched, bent)):
        assert motion.flexion is bent
        assert motion.extension is stretched
        assert motion.is_told
    swapped = motion_of(bent, stretched, is_swapped=True)
    assert swapped.flexion is stretched
    assert swapped.total.difference == -motion_of(bent, stretched).total.difference


def test_every_level_rotates_by_what_the_films_differ_by_and_all_add_up():
    motion = motion_of(*pair())
    assert [one.levels for one in motion.segments] == [
        ("C2", "C3"), ("C3", "C4"), ("C4", "C5"), ("C5", "C6"), ("C6", "C7"),
    ]  # fmt: skip
    turned = [one.rotation.difference for one in motion.segments]
    assert turned == pytest.approx(ROTATION, abs=1e-6)
    assert motion.total.difference == pytest.approx(sum(ROTATION), abs=1e-6)


def test_a_level_that_moves_the_other_way_is_negative_and_told():
    stretched = bent_column([20.0, 20.0, -20.0, 9.0, 7.0], [0.0] * 5)
    motion = motion_of(film(column(FLEXION)), film(column(stretched), name="b"))
    assert motion.segments[2].rotation.difference == pytest.approx(-14.0, abs=1e-6)
    assert any("against the direction" in line for line in motion_sentences(motion))


def met(motion, levels):
    [segment] = [one for one in motion.segments if one.levels == levels]
    return segment.signs


@pytest.mark.parametrize(
    ("extension_deg", "signs"),
    [
        (13.0, ()),
        (17.0, (MetSign(MotionSign.ROTATION, is_possible=True),)),
        (27.0, (MetSign(MotionSign.ROTATION, is_possible=False),)),
    ],
    ids=["19 degrees", "23 degrees", "33 degrees"],
)
def test_rotation_over_twenty_degrees_in_the_neck_counts(extension_deg, signs):
    # What readers differ by, 9.2 degrees, leaves 23 degrees open.
    rule = IntervalRule(change_factors=dict.fromkeys(MeasureCode, 0.01))
    stretched = bent_column([6.0, 8.0, extension_deg, 9.0, 7.0], [0.0] * 5)
    motion = motion_of(
        film(column(FLEXION), rule=rule), film(column(stretched), name="b", rule=rule)
    )
    assert met(motion, ("C4", "C5")) == signs
    assert met(motion, ("C3", "C4")) == ()


def test_levels_of_the_back_have_limits_of_their_own():
    assert [MOTION_LIMITS["L4", "L5"].rotation_deg, MOTION_LIMITS["L5", "S1"].rotation_deg] == [
        20.0, 25.0,
    ]  # fmt: skip
    assert {MOTION_LIMITS[levels].rotation_deg for levels in MOTION_LIMITS if levels[0] < "D"} == {
        20.0
    }
    assert MOTION_LIMITS["L1", "L2"].excess_deg is None
    assert set(NORMAL_ROTATION_DEG) <= set(MOTION_LIMITS)


def slipped(offset_px):
    """C4 to C6 upright, C5 displaced forward on C6."""
    return numbered(
        box("C4", 100 + offset_px, 100, width=80, height=60),
        box("C5", 100 + offset_px, 185, width=80, height=60),
        box("C6", 100, 270, width=80, height=60),
    )


@pytest.mark.parametrize(
    ("spacing", "source", "unit", "signs"),
    [
        (0.2, SpacingSource.CALIBRATED, "mm", {MotionSign.TRANSLATION_MM}),
        (0.2, SpacingSource.DETECTOR_PLANE, "mm", set()),
        (None, None, "px", set()),
    ],
    ids=["millimetres of the patient", "magnified", "pixels"],
)
def test_millimetres_count_only_where_they_are_the_patients(spacing, source, unit, signs):
    image = {} if source is None else {"spacing_source": source}
    motion = motion_of(
        film(slipped(20), spacing=spacing, **image),
        film(slipped(4), "20250505", "b", spacing, **image),
    )
    [segment] = [one for one in motion.segments if one.levels == ("C5", "C6")]
    assert segment.translation.unit == unit
    assert {one.sign for one in segment.signs} == signs | {MotionSign.TRANSLATION_PERCENT}
    # 16 of 80 pixels, in whatever unit.
    assert abs(segment.translation_percent.difference) == pytest.approx(20.0)
    assert (segment.translation.change is Change.PIXELS) is (unit == "px")
    row = dict(zip(MOTION_HEADINGS, motion_row(segment), strict=True))
    assert ("mm" in row["Translation"]) is (unit == "mm")
    assert ("magnified" in row["Translation"]) is (source is SpacingSource.DETECTOR_PLANE)
    assert ("no spacing" in row["Translation"]) is (unit == "px")


def test_a_segment_more_kyphotic_than_both_neighbours_counts_on_the_flexion_film():
    kinked = bent_column([-2.0, -2.0, -17.0, -4.0, -3.0], [0.0] * 5)
    motion = motion_of(film(column(kinked)), film(column(EXTENSION), name="b"))
    excesses = [one.excess_deg for one in motion.segments]
    assert excesses[2] == pytest.approx(13.0, abs=1e-6)
    signs = {one.sign for one in met(motion, ("C4", "C5"))}
    assert MotionSign.ANGLE_AGAINST_NEIGHBOURS in signs
    assert MotionSign.ANGLE_AGAINST_NEIGHBOURS not in {
        one.sign for one in met(motion, ("C3", "C4"))
    }


def test_without_a_common_lordosis_the_order_given_stays_and_that_is_said():
    upper = column(FLEXION)[1:3]
    one, other = film(upper), film(column(EXTENSION)[1:3], name="b")
    motion = motion_of(one, other)
    assert motion.flexion is one
    assert not motion.is_told
    assert any("could not be told" in line for line in motion_cautions(motion))
    assert motion_of(one, other, is_swapped=True).flexion is other


def test_films_of_different_days_are_no_motion():
    bent, stretched = pair()
    later = replace(stretched, facts=PatientFacts(study_date="20260505"))
    assert any("12 months apart" in line for line in motion_cautions(motion_of(bent, later)))
    undated = replace(stretched, facts=PatientFacts())
    assert any("not known to be of one day" in x for x in motion_cautions(motion_of(bent, undated)))
    same_day = " ".join(motion_cautions(motion_of(bent, stretched)))
    assert "apart" not in same_day


def test_levels_that_only_one_film_shows_are_named():
    bent, stretched = film(column(FLEXION)), film(column(EXTENSION)[:4], name="b")
    motion = motion_of(bent, stretched)
    assert [one.levels for one in motion.segments] == [("C2", "C3"), ("C3", "C4"), ("C4", "C5")]
    assert motion.unmeasured == (("C5", "C6"), ("C6", "C7"))
    assert any("C5/C6 and C6/C7" in line for line in motion_sentences(motion))


def test_levels_that_are_uncertain_give_no_motion():
    bent, stretched = pair()
    doubtful = replace(stretched, analysis=replace(stretched.analysis, levels_uncertain=True))
    assert motion_of(bent, doubtful).segments == ()


def test_text_and_table_say_the_same(tmp_path):
    motion = motion_of(*pair())
    lines = motion_lines(motion)
    assert lines[0].startswith("Flexion: 2025-05-05")
    assert "\t".join(MOTION_HEADINGS) in lines
    write_motion(motion, tmp_path / "motion.csv")
    assert (tmp_path / "motion.csv").read_bytes().decode() == motion_csv(motion)
    rows = list(csv.DictReader(io.StringIO(motion_csv(motion))))
    assert tuple(rows[0]) == (*MOTION_COLUMNS, *MOTION_ORIGIN_COLUMNS)
    assert [float(row["rotation_deg"]) for row in rows] == pytest.approx(ROTATION, abs=1e-3)
    assert [row["level"] for row in rows] == ["C2/C3", "C3/C4", "C4/C5", "C5/C6", "C6/C7"]
    assert {row["usual_mean_deg"] for row in rows} == {""}  # none was verified for the neck
    assert NO_USUAL_ROTATION in lines
    assert rows[0]["flexion_sha256"] == "a"


def test_ranges_of_healthy_people_are_of_levels_with_a_source_and_never_below_none():
    assert all(levels[1][0] in "LS" for levels in NORMAL_ROTATION_DEG)
    for normal in NORMAL_ROTATION_DEG.values():
        low, high = normal.range_95
        assert 0.0 <= low < normal.mean < high
        assert high == pytest.approx(normal.mean + 2 * normal.sd)


def test_a_patient_who_looks_the_other_way_moves_the_same():
    mirrored = [
        film(
            tuple(
                replace(
                    body,
                    outline=tuple((900 - x, y) for x, y in body.outline),
                    landmarks=tuple(replace(m, x=900 - m.x) for m in body.landmarks),
                )
                for body in column(corners)
            ),
            name=name,
            facing=Facing.LEFT,
        )
        for corners, name in ((FLEXION, "a"), (EXTENSION, "b"))
    ]
    turned = [one.rotation.difference for one in motion_of(*mirrored).segments]
    assert turned == pytest.approx(ROTATION, abs=1e-6)


def test_what_could_not_be_judged_is_not_called_free():
    whole, pixels = motion_of(*pair()), motion_of(*pair(spacing=None))
    assert {one.unjudged for one in whole.segments} == {()}
    assert {one.unjudged for one in pixels.segments} == {(MotionSign.TRANSLATION_MM,)}
    [told] = [text for text in motion_sentences(pixels) if text.startswith("No criterion")]
    assert told.startswith("No criterion of the checklist that could be judged is met at C2/C3")
    assert told.endswith("not judged: translation in millimetres.")
    assert "No criterion of the checklist is met at" in " ".join(motion_sentences(whole))
    free = next(one for one in pixels.segments if not one.signs)
    assert motion_row(free)[-1] == "open"
    assert motion_row(replace(free, unjudged=()))[-1] == "none met"


def test_a_translation_without_the_depth_of_the_body_is_not_judged_by_it():
    segment = motion_of(*pair()).segments[0]
    gone = replace(segment.translation_percent, difference=None)
    for share in (None, gone):
        told = tuple(unjudged(replace(segment, translation_percent=share)))
        assert told == (MotionSign.TRANSLATION_PERCENT,)


def test_a_level_alone_has_no_neighbour_to_be_judged_against():
    ends = [film(column(one)[:2], name=str(n)) for n, one in enumerate((FLEXION, EXTENSION))]
    [segment] = motion_of(*ends).segments
    assert segment.unjudged == (MotionSign.ANGLE_AGAINST_NEIGHBOURS,)
