"""The curves of a frontal film together: pattern, severity, types, sides, and their words."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.domain.curve_pattern import (
    CurveCount,
    CurvePattern,
    CurveSize,
    StillNeeded,
    curve_pattern,
    pattern_of,
    size_of,
)
from spinealign.domain.measurements import (
    CurveShape,
    Drawing,
    DrawingTool,
    MeasuredPoint,
    Measurement,
    PictureSide,
    Unmeasurable,
    UnmeasurableReason,
)
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import Decision, ReadImage, Reading
from spinealign.domain.report_details import ReportDetails
from spinealign.export.report_content import report_content
from spinealign.export.report_html import report_html
from spinealign.measure.geometry.coronal_curves import coronal_curves
from spinealign.reading.decisions import accept_rest, decide, read_findings
from spinealign.reading.findings import findings_of
from spinealign.reading.impression import impression_text
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.curve_pattern import (
    CURVES_TITLE,
    NO_ROTATION,
    pattern_notes,
    pattern_sentences,
)
from spinealign.wording.finding_text import finding_text
from tests.coronal import DOUBLE, LEVELS, all_measures, analysis_of, bodies, column
from tests.phantoms import xray_analysis
from tools.phantoms.frontal_anatomy import true_corners

LEFT, RIGHT = PictureSide.LEFT, PictureSide.RIGHT
HUNG, FROM_BEHIND = ("L", "F"), ("R", "F")
PT, MT = MeasureCode.CURVE_PROXIMAL_THORACIC, MeasureCode.CURVE_MAIN_THORACIC
TL, LUMBAR = MeasureCode.CURVE_THORACOLUMBAR, MeasureCode.CURVE_LUMBAR
PLACES = {
    PT: ("T1", "T5", ("T3",)), MT: ("T5", "T11", ("T8",)), TL: ("T10", "L2", ("T12",)),
    LUMBAR: ("T12", "L4", ("L2",)),
}  # fmt: skip
BENDING, LATERAL = StillNeeded.BENDING_FILMS, StillNeeded.LATERAL_FILM
MIDLINE, PEDICLES = StillNeeded.SACRAL_MIDLINE, StillNeeded.PEDICLES


def curve(code: MeasureCode, angle: float, side: PictureSide = LEFT) -> Measurement:
    upper, lower, apex = PLACES[code]
    return Measurement(code, angle, "deg", (upper, lower), curve=CurveShape(apex, side))


def away(value: float, spread: float, width: float = 40.0) -> Measurement:
    """Return where the apex of the lumbar curve lies beside the sacral midline, in pixels."""
    _, _, apex = PLACES[LUMBAR]
    places = [(500 + value + dx, y) for y in (0, 30) for dx in (-width / 2, width / 2)]
    corners = [MeasuredPoint(apex[0], str(n), x, y, "user") for n, (x, y) in enumerate(places)]
    plumb = [MeasuredPoint("", "c7", 480, 0, "user"), MeasuredPoint("", "s1", 500, 900, "user")]
    return Measurement(
        MeasureCode.APICAL_TRANSLATION, value, "px", apex, points=(*corners, *plumb),
        interval=(value - spread, value + spread),
    )  # fmt: skip


def tilt(value: float) -> Measurement:
    return Measurement(MeasureCode.T1_TILT, value, "deg", ("T1",))


def taken(*measures: Measurement, levels: tuple[str, ...] = LEVELS) -> CurvePattern:
    return curve_pattern(measures, levels)


DOUBLE_CURVE = (curve(MT, 35.0, LEFT), curve(LUMBAR, 26.0, RIGHT))


@pytest.mark.parametrize(
    ("angle", "size"),
    [
        (0.0, None), (9.9, None), (10.0, CurveSize.MILD), (24.9, CurveSize.MILD),
        (25.0, CurveSize.MODERATE), (44.9, CurveSize.MODERATE), (45.0, CurveSize.SEVERE),
        (90.0, CurveSize.SEVERE),
    ],
)  # fmt: skip
def test_severity_is_that_of_the_largest_curve(angle: float, size: CurveSize | None) -> None:
    assert size_of(angle) is size
    assert taken(curve(LUMBAR, angle), curve(PT, 5.0)).size is size


@pytest.mark.parametrize(
    ("measures", "count"),
    [
        ((), CurveCount.NONE),
        ((curve(MT, 9.9),), CurveCount.NONE),
        ((curve(MT, 10.0), curve(LUMBAR, 9.0)), CurveCount.SINGLE),
        (DOUBLE_CURVE, CurveCount.DOUBLE),
        ((curve(PT, 20.0), *DOUBLE_CURVE), CurveCount.TRIPLE),
    ],
)
def test_curves_of_10_degrees_count(measures: tuple[Measurement, ...], count: CurveCount) -> None:
    assert taken(*measures).count is count


@pytest.mark.parametrize(
    ("measures", "types", "modifiers", "needs"),
    [
        ((curve(MT, 40.0),), (1,), ("A",), (LATERAL,)),
        ((curve(PT, 27.0), curve(MT, 40.0)), (1, 2), ("A",), (BENDING, LATERAL)),
        (DOUBLE_CURVE, (1, 3), (), (BENDING, LATERAL, MIDLINE, PEDICLES)),
        ((curve(PT, 20.0), *DOUBLE_CURVE), (1, 2, 3, 4), (),
         (BENDING, LATERAL, MIDLINE, PEDICLES)),
        ((curve(LUMBAR, 40.0),), (5,), ("C",), (LATERAL,)),
        ((curve(MT, 20.0), curve(TL, 40.0)), (5, 6), ("C",), (LATERAL,)),
        ((curve(PT, 20.0), curve(MT, 26.0), curve(TL, 40.0)), (4, 5, 6), ("C",),
         (BENDING, LATERAL)),
        ((curve(MT, 40.0), curve(LUMBAR, 38.0)), (1, 3, 5, 6), (),
         (BENDING, LATERAL, MIDLINE, PEDICLES)),
        ((*DOUBLE_CURVE, away(5, 3)), (1, 3), ("A", "B"), (BENDING, LATERAL, PEDICLES)),
        ((*DOUBLE_CURVE, away(18, 3)), (1, 3), ("B", "C"), (BENDING, LATERAL, PEDICLES)),
        ((*DOUBLE_CURVE, away(30, 3)), (1, 3), ("C",), (BENDING, LATERAL)),
        ((*DOUBLE_CURVE, away(-30, 3)), (1, 3), ("C",), (BENDING, LATERAL)),
        ((curve(PT, 40.0),), (), (), ()),
    ],
)  # fmt: skip
def test_lenke_as_far_as_one_film_tells(
    measures: tuple[Measurement, ...], types: tuple[int, ...], modifiers: tuple[str, ...],
    needs: tuple[StillNeeded, ...],
) -> None:  # fmt: skip
    found = taken(*measures).lenke
    assert found is not None
    assert (found.types, found.modifiers, found.needs) == (types, modifiers, needs)


@pytest.mark.parametrize(
    ("measures", "types"),
    [
        ((curve(MT, 40.0),), (3, 4)),
        (DOUBLE_CURVE, (2, 3, 4)),
        ((*DOUBLE_CURVE, away(12, 3)), (2,)),
        ((*DOUBLE_CURVE, away(-12, 3)), (3, 4)),
        ((*DOUBLE_CURVE, away(2, 3)), (2, 3, 4)),
        ((curve(MT, 26.0), curve(LUMBAR, 35.0, RIGHT), away(12, 3)), (1,)),
        ((curve(MT, 33.0), curve(LUMBAR, 35.0, RIGHT), away(12, 3)), (1, 2)),
        ((curve(PT, 20.0, RIGHT), curve(MT, 40.0), tilt(-8.0)), (3, 4, 5)),
        ((curve(PT, 20.0, RIGHT), curve(MT, 40.0), tilt(8.0)), (3, 4)),
        ((curve(PT, 9.0, RIGHT), curve(MT, 40.0), tilt(-8.0)), (3, 4)),
        ((curve(LUMBAR, 40.0),), ()),
        ((curve(MT, 40.0), curve(LUMBAR, 30.0, LEFT)), (3, 4)),
    ],
)
def test_king_as_far_as_one_film_tells(
    measures: tuple[Measurement, ...], types: tuple[int, ...]
) -> None:
    found = taken(*measures).king
    assert found is not None
    assert found.types == types
    assert (BENDING in found.needs) is bool(types)


def test_types_are_told_of_whole_columns_with_curves_of_25_degrees() -> None:
    assert taken(curve(MT, 24.9)).lenke is None
    assert taken(curve(MT, 24.9)).king is None
    part = taken(*DOUBLE_CURVE, levels=LEVELS[2:])
    assert part.lenke is not None
    assert (part.lenke.types, part.lenke.needs) == ((), (StillNeeded.WHOLE_COLUMN,))
    withheld = replace(
        curve(PT, 0.0), value=None,
        unmeasurable=Unmeasurable(UnmeasurableReason.OUTLINES_UNCERTAIN, ("T2",)),
    )  # fmt: skip
    found = taken(withheld, *DOUBLE_CURVE)
    assert found.lenke is None
    assert "Proximal thoracic curve T1–T5 is not measurable" in pattern_sentences(found)


def drawn() -> np.ndarray:
    places = true_corners(0.5)
    names = ("superior_left", "superior_right", "inferior_right", "inferior_left")
    return np.array([[places[level][name] for name in names] for level in LEVELS])


@pytest.mark.parametrize(
    ("directions", "said"),
    [
        (HUNG, "right thoracic 35.0°"),
        (FROM_BEHIND, "left thoracic 35.0°"),
        (None, "thoracic, convex to the left of the picture, 35.0°"),
        (("P", "F"), "thoracic, convex to the left of the picture, 35.0°"),
    ],
)
def test_the_patient_has_sides_where_the_file_says_them(
    directions: tuple[str, str] | None, said: str
) -> None:
    found = pattern_of(analysis_of(drawn(), directions))
    assert found is not None
    assert pattern_sentences(found).startswith(f"Double curve: {said}")
    assert ("Sides are those of the picture" in pattern_notes(found)[0]) is ("picture" in said)


def test_the_drawn_film_in_words() -> None:
    said = alignment_sentences(analysis_of(drawn(), HUNG))
    said = re.sub(r" \(95 %[^)]*\)", "", said)
    assert said == (
        "Double curve: right thoracic 35.0°, T5 to T11, apex T8; left lumbar 25.0°, T12 to L4, "
        "apex L2. The largest curve is moderate (25 to 45°; a brace is discussed during growth). "
        "Below 10° and no scoliosis: left proximal thoracic 7.0°, T1 to T5, apex T3."
    )


def test_notes_of_the_drawn_film() -> None:
    found = pattern_of(analysis_of(drawn(), HUNG))
    assert found is not None
    assert pattern_notes(found)[:3] == [
        "Sides are the patient’s, as the file states them.",
        "Lenke type 1, 2, 3 or 4 (thoracic curve major); still needed: films bent to both sides, "
        "kyphosis on a lateral film, the middle of C7 and of S1, placed by hand and the pedicles "
        "at the lower apex (Lenke 2001).",
        "King type II, III or IV; still needed: films bent to both sides and the middle of C7 and "
        "of S1, placed by hand (King 1983).",
    ]
    assert pattern_notes(found)[-1] == NO_ROTATION


def test_points_of_a_person_tell_modifier_and_kings_type() -> None:
    plumb = Drawing(DrawingTool.PLUMB_POINTS, 1, ((346.0, 60.0), (334.0, 1050.0)))
    for upright_deg in (0.0, 3.0):
        found = pattern_of(analysis_of(drawn(), HUNG, (plumb,), upright_deg=upright_deg))
        assert found is not None
        assert found.lenke is not None
        assert found.king is not None
    straight = pattern_of(analysis_of(drawn(), HUNG, (plumb,)))
    assert straight is not None
    assert straight.lenke is not None
    assert straight.lenke.modifiers == ("A", "B")
    assert straight.king is not None
    assert straight.king.types == (2,)


SWAP = {"left": "right", "right": "left"}


def swapped(text: str) -> str:
    return re.sub(r"\b(left|right)\b", lambda found: SWAP[found[1]], text)


def mirrored(corners: np.ndarray) -> np.ndarray:
    """Exactly mirrored, so that bodies of equal tilt stay equal."""
    return corners[:, (1, 0, 3, 2)] * (-1.0, 1.0)


TILTS = st.lists(st.floats(-35, 35), min_size=17, max_size=17)


@given(TILTS, st.sampled_from([None, HUNG, FROM_BEHIND]))
def test_a_mirrored_film_gives_the_mirrored_text(
    tilts: list[float], directions: tuple[str, str] | None
) -> None:
    corners = column(tilts)
    one = pattern_of(analysis_of(corners, directions))
    other = pattern_of(analysis_of(mirrored(corners), directions))
    assert one is not None
    assert other is not None
    assert pattern_sentences(other) == swapped(pattern_sentences(one))
    assert pattern_notes(other) == pattern_notes(one)


@given(TILTS, st.integers(1, 3))
def test_other_names_never_change_an_angle(tilts: list[float], up: int) -> None:
    corners = column(tilts)[up:]
    angles = [abs(one.angle_deg) for one in coronal_curves(corners)]
    for levels in (LEVELS[up:], LEVELS[:-up]):
        pattern = curve_pattern(all_measures(bodies(corners, levels)), levels)
        told = [one.angle_deg for one in (*pattern.curves, *pattern.smaller)]
        assert all(
            angle == pytest.approx(min(angles, key=lambda a: abs(a - angle))) for angle in told
        )
        assert max(told, default=0.0) == pytest.approx(max(angles, default=0.0))


@given(st.lists(st.floats(-4.9, 4.9), min_size=17, max_size=17))
def test_below_10_degrees_it_says_no_scoliosis(tilts: list[float]) -> None:
    found = pattern_of(analysis_of(column(tilts), HUNG))
    assert found is not None
    said = pattern_sentences(found)
    assert "no scoliosis: no curve of 10° or more" in said[0].lower() + said[1:]
    assert found.size is None
    assert "type" not in " ".join(pattern_notes(found))


def test_a_part_of_the_column_is_no_proof_of_a_straight_one() -> None:
    corners = column([0.0] * 9)
    part = curve_pattern(all_measures(bodies(corners, LEVELS[4:13])), LEVELS[4:13])
    assert pattern_sentences(part) == (
        "No curve of 10° or more among the 9 bodies between T5 and L1 that are named."
    )
    few = curve_pattern(all_measures(bodies(corners[:2], LEVELS[:2])), LEVELS[:2])
    assert "not measurable" in pattern_sentences(few)


def test_an_interval_up_to_10_degrees_is_possibly_no_scoliosis() -> None:
    unsure = replace(curve(MT, 8.0), interval=(5.5, 10.5))
    sure = replace(curve(MT, 6.0), interval=(4.0, 8.0))
    assert pattern_sentences(taken(unsure)).startswith("Possibly no scoliosis: ")
    assert pattern_sentences(taken(sure)).startswith("No scoliosis: ")


def test_the_whole_double_column_is_read_from_its_corners() -> None:
    found = pattern_of(analysis_of(column(DOUBLE), HUNG))
    assert found is not None
    assert [one.measured.code for one in found.curves] == [PT, MT, TL]
    assert [one.measured.code for one in (*found.beyond, *found.smaller)] == [LUMBAR]
    assert found.size is CurveSize.SEVERE


def test_other_images_have_no_pattern() -> None:
    assert pattern_of(xray_analysis()) is None


def test_report_and_clipboard_say_what_the_curves_are_together() -> None:
    analysis = analysis_of(drawn(), HUNG)
    pattern = pattern_of(analysis)
    assert pattern is not None
    told = (pattern_sentences(pattern), *pattern_notes(pattern))
    assert report_content(analysis, ReportDetails()).curves == told
    page = report_html(analysis).decode()
    for line in (CURVES_TITLE, *told):
        assert html.escape(line) in page
    assert set(pattern_notes(pattern)) < set(finding_text(analysis).splitlines())
    assert report_content(xray_analysis(), ReportDetails()).curves == ()


def all_accepted(analysis, reading=None) -> str:
    findings = findings_of(analysis)
    reading = reading or Reading(ReadImage("0", 10, 10), analysis.view_name)
    whole = accept_rest(reading, findings, datetime(2026, 1, 1, tzinfo=UTC))
    return impression_text(read_findings(findings, whole))


@pytest.mark.parametrize(
    ("directions", "said"),
    [
        (HUNG, "Double curve: right thoracic, left lumbar."),
        (FROM_BEHIND, "Double curve: left thoracic, right lumbar."),
        (None, "Double curve: thoracic (convex to the left of the picture), lumbar (convex to the "
         "right of the picture)."),
    ],
)  # fmt: skip
def test_the_impression_begins_with_the_curves_together(
    directions: tuple[str, str] | None, said: str
) -> None:
    first, second, *_ = all_accepted(analysis_of(drawn(), directions)).splitlines()
    assert first == said
    assert second.startswith("Main thoracic curve T5–T11 35.0°, apex T8, convex to the ")


def test_a_single_curve_needs_no_sentence_of_its_own() -> None:
    tilts = [*([-12.0] * 2), *(-12.0 + 3 * n for n in range(9)), *([12.0] * 6)]
    lines = all_accepted(analysis_of(column(tilts), HUNG)).splitlines()
    assert not any(line.startswith(("Double", "Single", "Triple")) for line in lines)


def test_a_curve_that_the_reader_rejected_is_not_told_with_the_others() -> None:
    analysis = analysis_of(drawn(), HUNG)
    findings = findings_of(analysis)
    lumbar = next(one for one in findings if one.code == LUMBAR)
    blank = Reading(ReadImage("0", 10, 10), analysis.view_name)
    reading = decide(blank, lumbar, Decision.REJECTED, None, datetime(2026, 1, 1, tzinfo=UTC))
    assert report_content(analysis, ReportDetails(reading=reading)).curves == ()
    assert "Double curve" not in all_accepted(analysis, reading)
