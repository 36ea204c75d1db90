"""A picture turned, mirrored and straightened: pixels, points, spacing and measures agree."""

import hashlib
import io
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pypdf import PdfReader

from spinealign.analysis import analyze_image
from spinealign.domain.findings import (
    Facing,
    LandmarkName,
    ModelIdentity,
    ModelStatus,
    Segmentation,
)
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import UnmeasurableReason
from spinealign.domain.measures import MeasureCode
from spinealign.domain.presentation import AS_IN_FILE, Presentation, levelling_turn_deg
from spinealign.domain.report_details import ReportDetails
from spinealign.export.bodies import name_boxes, names_on
from spinealign.export.overlay import (
    MIN_LONGEST_PX,
    mask_picture,
    overlay_picture,
    plain_picture,
    png_bytes,
)
from spinealign.export.overlay import _unit as overlay_unit
from spinealign.export.report import report_pdf
from spinealign.export.report_content import report_content
from spinealign.export.strips import letters as letter_font
from spinealign.export.tables import analysis_json
from spinealign.imaging.presenting import (
    Placing,
    as_shown,
    brought_back,
    inverse_of,
    moved_points,
    placed_image,
)
from spinealign.imaging.render import picture_scale
from spinealign.measure.alignment import TO_THE_VERTICAL as VERTICAL
from spinealign.measure.alignment import measure_alignment
from spinealign.measure.correction.changes import (
    apply_corrections,
    initial_corrections,
    move_landmark,
)
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.reading.signing import canonical, corrections_checksum
from tests.phantoms_spine import spine_analysis
from tests.phantoms_xray import FilmModels, analysed, draw_column, film_of, ideal_model

MODEL = ModelIdentity("m", "M", "1", "0" * 64, ModelStatus.INTERNALLY_VALIDATED, "fake")


@pytest.fixture
def spine():
    """A whole spine with a mask of no meaning."""
    found = spine_analysis()
    rows, cols = found.image.shape
    mask = ((np.arange(rows)[:, None] // 7 + np.arange(cols) // 5) % 3).astype(np.uint8)
    confidence = np.linspace(0, 1, rows * cols, dtype=np.float32).reshape(rows, cols)
    segmentation = Segmentation(MODEL, {1: "one", 2: "two"}, mask, confidence)
    return replace(found, segmentation=segmentation)


shapes = st.tuples(st.integers(3, 40), st.integers(3, 40))
steps = st.sampled_from(["left", "right", "mirror"])
aspects = st.sampled_from([0.5, 1.0, 1.7])


def after(presentation, step):
    if step == "mirror":
        return presentation.mirrored()
    return presentation.turned(1 if step == "left" else -1)


def step_on(pixels, step):
    if step == "mirror":
        return pixels[:, ::-1]
    return np.rot90(pixels, 1 if step == "left" else -1)


@given(shapes, st.lists(steps, max_size=6))
def test_each_step_is_done_to_what_is_seen(shape, taken):
    """Turning a mirrored picture to the left turns what is seen to the left."""
    pixels = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    presentation, seen = AS_IN_FILE, pixels
    for step in taken:
        presentation, seen = after(presentation, step), step_on(seen, step)
    placing = Placing(shape, 1.0, presentation.turn_deg, presentation.is_mirrored)
    np.testing.assert_array_equal(placing.pixels(pixels), seen)
    assert placing.new_shape == seen.shape
    np.testing.assert_array_equal(placing.pixels_back(seen), pixels)


@pytest.mark.parametrize("quarter_turns", [1, -1])
def test_four_quarter_turns_change_nothing(quarter_turns):
    presentation = AS_IN_FILE
    for _ in range(4):
        assert presentation == AS_IN_FILE or presentation.is_moved
        presentation = presentation.turned(quarter_turns)
    assert presentation == AS_IN_FILE
    assert AS_IN_FILE.mirrored().mirrored() == AS_IN_FILE == AS_IN_FILE.inverted().inverted()


@given(shapes, st.floats(-180, 180, exclude_min=True), st.booleans(), aspects, st.data())
def test_points_go_with_the_pixels_below_them(shape, turn_deg, is_mirrored, aspect, data):
    placing = Placing(shape, aspect, turn_deg, is_mirrored)
    row, col = (data.draw(st.integers(0, side - 1)) for side in shape)
    [place] = moved_points([(col + 0.5, row + 0.5)], placing.matrix)
    rows, cols = placing.new_shape
    assert 0 <= place[0] <= cols
    assert 0 <= place[1] <= rows
    if placing.is_exact:
        pixels = np.zeros(shape, np.float32)
        pixels[row, col] = 1
        seen = placing.pixels(pixels)
        assert seen[int(place[1]), int(place[0])] == 1
    [back] = moved_points([place], inverse_of(placing.matrix))
    assert back == pytest.approx((col + 0.5, row + 0.5), abs=1e-9)


@pytest.mark.parametrize(("turn_deg", "is_mirrored"), [(7.0, False), (-33.0, True), (97.0, True)])
def test_a_straightened_picture_and_its_points_are_turned_alike(turn_deg, is_mirrored):
    """Grey values are mixed, but a spot lies where its point goes; classes stay classes."""
    rows, cols = 60, 80
    placing = Placing((rows, cols), 1.4, turn_deg, is_mirrored)
    x, y = np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
    spot = np.exp(-((x - 52) ** 2 + (y - 21) ** 2) / 8).astype(np.float32)
    seen = placing.pixels(spot)
    down, across = np.unravel_index(seen.argmax(), seen.shape)
    [(to_x, to_y)] = moved_points([(52.0, 21.0)], placing.matrix)
    assert (across + 0.5, down + 0.5) == pytest.approx((to_x, to_y), abs=1.0)
    classes = (spot > 0.2).astype(np.uint8) * 7
    assert set(np.unique(placing.pixels(classes))) == {0, 7}
    back = placing.pixels_back(placing.pixels(classes))
    assert np.mean(back != classes) < 0.01


@given(st.floats(-180, 180, exclude_min=True), st.booleans(), aspects, st.data())
def test_lengths_and_angles_are_those_of_the_file(turn_deg, is_mirrored, aspect, data):
    """Spacing is turned with the picture, so that nothing is longer or flatter than it was."""
    placing = Placing((30, 50), aspect, turn_deg, is_mirrored)
    spacing = (0.3 * aspect, 0.3)
    coordinates = st.floats(0, 30)
    points = [tuple(data.draw(coordinates) for _ in range(2)) for _ in range(3)]
    seen = moved_points(points, placing.matrix)
    before, now = (
        np.array(place) * (worth[1], worth[0])
        for place, worth in ((points, spacing), (seen, placing.spacing(spacing)))
    )
    for one, other in ((0, 1), (0, 2), (1, 2)):
        length = math.dist(before[one], before[other])
        assert math.dist(now[one], now[other]) == pytest.approx(length, abs=1e-9)


def test_rows_and_columns_exchange_their_spacing_at_a_quarter_turn():
    assert Placing((3, 4), 2.0, 90.0).spacing((0.4, 0.2)) == (0.2, 0.4)
    assert Placing((3, 4), 2.0, 180.0).spacing((0.4, 0.2)) == (0.4, 0.2)
    assert Placing((3, 4), 2.0, -90.0, True).spacing((0.4, 0.2)) == (0.2, 0.4)
    assert Placing((3, 4), 2.0, 12.0).spacing((0.4, 0.2)) == (0.4, 0.2)
    assert Placing((3, 4), 2.0, 90.0).spacing(None) is None


@pytest.mark.parametrize(
    ("presentation", "directions"),
    [
        (Presentation(), ("P", "F")),
        (Presentation(turn_deg=90.0), ("F", "A")),
        (Presentation(turn_deg=-90.0), ("H", "P")),
        (Presentation(turn_deg=180.0), ("A", "H")),
        (Presentation(is_mirrored=True), ("A", "F")),
        (Presentation(turn_deg=90.0, is_mirrored=True), ("H", "A")),
        (Presentation(turn_deg=6.0), ("P", "F")),
    ],
)
def test_patient_directions_stay_true(spine, presentation, directions):
    image = replace(spine.image, orientation=("P", "F"), presentation=presentation)
    assert placed_image(image, Placing.of(image)).orientation == directions


@given(st.floats(-100, 100), st.floats(-100, 100), st.booleans(), st.floats(-170, 170))
def test_a_line_that_straightens_is_level_or_upright_afterwards(across, down, is_mirrored, before):
    if math.hypot(across, down) < 1e-3:
        return
    shown = Presentation(turn_deg=before, is_mirrored=is_mirrored)
    straight = shown.straightened(levelling_turn_deg(across, down))
    to_file = np.linalg.inv(Placing((1, 1), 1.0, before, is_mirrored).linear)
    seen = Placing((1, 1), 1.0, straight.turn_deg, is_mirrored).linear
    x, y = seen @ to_file @ np.array([across, down])
    assert min(abs(x), abs(y)) < 1e-6 * max(abs(x), abs(y))
    assert abs(levelling_turn_deg(across, down)) <= 45.0
    assert straight.upright_deg == pytest.approx(straight.turn_deg - before, abs=1e-6)


def test_a_line_without_length_straightens_nothing():
    with pytest.raises(ValueError, match="no length"):
        levelling_turn_deg(0.0, 0.0)


# Measures


def measured(analysis, presentation, bodies=None, facing=None):
    image = replace(analysis.image, presentation=presentation)
    return measure_alignment(
        analysis.vertebrae if bodies is None else bodies,
        facing or analysis.facing,
        PixelGeometry.of(image),
        analysis.examination,
    )


def values(measurements):
    return {m.key: m.value for m in measurements}


TO_THE_VERTICAL = {
    MeasureCode.SAGITTAL_VERTICAL_AXIS,
    MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1,
    MeasureCode.T1_SLOPE,
    MeasureCode.C7_SLOPE,
    MeasureCode.SACRAL_SLOPE,
    MeasureCode.T1_SLOPE_MINUS_LORDOSIS,
}


@pytest.mark.parametrize("degrees", [90.0, 180.0, -90.0, 7.5])
def test_looking_at_a_picture_turned_changes_no_measure(spine, degrees):
    looked_at = Presentation(turn_deg=degrees, is_mirrored=True)
    assert values(measured(spine, looked_at)) == values(measured(spine, AS_IN_FILE))


@pytest.mark.parametrize("degrees", [90.0, 180.0, -90.0, 7.5, -31.0])
@pytest.mark.parametrize("spacing", [None, (0.2, 0.2), (0.3, 0.2)])
def test_a_film_that_lies_measures_as_it_would_standing(spine, degrees, spacing):
    """Bodies of a film on its side, said to be upright after a turn, are as if it stood."""
    source = SpacingSource.USER if spacing else SpacingSource.UNKNOWN
    image = replace(spine.image, spacing_mm=spacing, spacing_source=source)
    standing = replace(spine, image=image)
    lying_placing = Placing(image.shape, image.pixel_aspect, -degrees)
    lying_image = replace(
        placed_image(image, lying_placing), presentation=Presentation(upright_deg=degrees)
    )
    lying = as_shown(
        replace(standing, image=replace(image, presentation=Presentation(turn_deg=-degrees)))
    )
    found = values(
        measure_alignment(
            lying.vertebrae, standing.facing, PixelGeometry.of(lying_image), standing.examination
        )
    )
    wanted = values(measured(standing, AS_IN_FILE))
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, abs=1e-6), key
    assert any(code in TO_THE_VERTICAL for code, _ in wanted)


def test_a_straightened_picture_has_another_vertical(spine):
    """Only measures against the vertical change, and slopes by just that angle."""
    before = {m.code: m.value for m in measured(spine, AS_IN_FILE)}
    straight = AS_IN_FILE.straightened(5.0)
    now = {m.code: m.value for m in measured(spine, straight)}
    changed = {
        code for code, value in before.items() if value != pytest.approx(now[code], abs=1e-6)
    }
    assert changed == TO_THE_VERTICAL & set(before)
    sign = 1 if spine.facing is Facing.LEFT else -1
    assert now[MeasureCode.C7_SLOPE] - before[MeasureCode.C7_SLOPE] == pytest.approx(
        sign * 5.0, abs=1e-6
    )


# There and back


@pytest.mark.parametrize("degrees", [90.0, 180.0, -90.0, 11.0])
def test_what_was_found_on_a_turned_picture_comes_back(spine, degrees):
    image = spine.image
    turned = as_shown(
        replace(spine, image=replace(image, presentation=Presentation(turn_deg=degrees)))
    )
    back = brought_back(turned, image, Placing(image.shape, image.pixel_aspect, degrees))
    assert back.image is image
    for body, own in zip(back.vertebrae, spine.vertebrae, strict=True):
        assert np.allclose(body.outline, own.outline, atol=1e-8)
        for mark, before in zip(body.landmarks, own.landmarks, strict=True):
            assert (mark.name, mark.x, mark.y) == (
                before.name,
                pytest.approx(before.x),
                pytest.approx(before.y),
            )
    for one, own in zip(back.measurements, spine.measurements, strict=True):
        assert one.value == own.value
        for stroke, before in zip(one.strokes, own.strokes, strict=True):
            assert np.allclose(stroke.points, before.points, atol=1e-8)
    if degrees % 90 == 0:
        np.testing.assert_array_equal(back.segmentation.mask, spine.segmentation.mask)


def test_a_mirrored_picture_shows_the_patient_looking_to_the_other_side(spine):
    image = replace(spine.image, presentation=Presentation(is_mirrored=True))
    seen = as_shown(replace(spine, image=image))
    assert {seen.facing, spine.facing} == {Facing.LEFT, Facing.RIGHT}
    cols = image.shape[1]
    for body, own in zip(seen.vertebrae, spine.vertebrae, strict=True):
        assert np.allclose(body.outline, [(cols - x, y) for x, y in own.outline])


# Analysed as it stands


@pytest.mark.parametrize("lies_deg", [90.0, -90.0, 180.0])
@pytest.mark.parametrize("spacing", [None, (0.3, 0.2)])
def test_a_film_on_its_side_is_analysed_standing_and_found_where_it_lies(lies_deg, spacing):
    """Bodies lie on the same anatomy in the file's pixels, and every measure is the same."""
    column = draw_column("C7")
    source = SpacingSource.CALIBRATED if spacing else SpacingSource.UNKNOWN
    standing = replace(film_of(column), spacing_mm=spacing, spacing_source=source)
    # Film and its spacing lie on their side in the file, and are turned back for the networks.
    placing = Placing(standing.shape, standing.pixel_aspect, -lies_deg)
    lying = placed_image(standing, placing)
    wanted = Presentation(upright_deg=lies_deg, analysed_deg=lies_deg)
    models = FilmModels(ideal_model(column))
    found = run_to_end(analyze_image(replace(lying, presentation=wanted), models))
    plain = run_to_end(analyze_image(standing, models))
    assert found.image.shape == lying.shape == found.segmentation.mask.shape
    assert found.facing == plain.facing
    assert len(found.vertebrae) == len(plain.vertebrae) > 5
    for body, own in zip(found.vertebrae, plain.vertebrae, strict=True):
        assert body.level == own.level
        assert np.allclose(body.outline, moved_points(own.outline, placing.matrix), atol=1e-6)
    assert values(found.measurements) == pytest.approx(values(plain.measurements), nan_ok=True)
    np.testing.assert_array_equal(found.segmentation.mask, placing.pixels(plain.segmentation.mask))


@pytest.mark.parametrize("lies_deg", [90.0, 180.0])
def test_a_correction_on_a_turned_film_lies_on_the_same_anatomy(lies_deg):
    """A corner moved on the lying film changes the measures as one on the standing film does."""
    column = draw_column("C7")
    standing = film_of(column)
    placing = Placing(standing.shape, 1.0, -lies_deg)
    wanted = Presentation(upright_deg=lies_deg, analysed_deg=lies_deg)
    lying = replace(placed_image(standing, placing), presentation=wanted)
    models = FilmModels(ideal_model(column))
    corrected = []
    for image, there in ((standing, None), (lying, placing.matrix)):
        found = run_to_end(analyze_image(image, models))
        state = initial_corrections(found)
        mark = standing_mark(column, models, standing)
        place = (mark.x + 9.0, mark.y - 4.0)
        x, y = place if there is None else moved_points([place], there)[0]
        moved = move_landmark(state, 3, LandmarkName.ANTERIOR_SUPERIOR, x, y)
        corrected.append(apply_corrections(found, moved))
    upright, turned = corrected
    changed = values(upright.measurements)
    assert values(turned.measurements) == pytest.approx(changed, nan_ok=True)
    assert changed != values(upright.automatic.measurements)


def standing_mark(column, models, image):
    found = run_to_end(analyze_image(image, models))
    return found.vertebrae[2].landmark(LandmarkName.ANTERIOR_SUPERIOR)


def test_a_signature_of_an_earlier_program_stays_valid():
    """It took a checksum of no word on how a picture is shown, nor on another's outlines."""
    analysis = spine_analysis()
    state = move_landmark(initial_corrections(analysis), 1, LandmarkName.DENS_TIP, 5.0, 6.0)
    corrected = apply_corrections(analysis, state)
    earlier = msgspec.to_builtins(state)
    del earlier["presentation"], earlier["outlined_by"]
    sha256 = hashlib.sha256(canonical(earlier)).hexdigest()
    assert corrections_checksum(corrected) == sha256
    shown = replace(state, presentation=AS_IN_FILE.turned(1).mirrored().inverted())
    assert corrections_checksum(apply_corrections(analysis, shown)) == sha256
    straight = replace(state, presentation=AS_IN_FILE.straightened(2.0))
    assert corrections_checksum(apply_corrections(analysis, straight)) != sha256


# Pictures and files


def stripes(spine, presentation):
    """A film that is bright in its upper left quarter."""
    rows, cols = spine.image.shape
    pixels = np.zeros((rows, cols), np.float32)
    pixels[: rows // 2, : cols // 2] = 255
    image = replace(spine.image, pixels=pixels, bits=8, presentation=presentation)
    return replace(spine, image=image, segmentation=None)


def quarter_greys(picture, shape):
    """The grey in the middle of each quarter of a picture that stands at the upper left."""
    scale, _ = picture_scale(shape, (1.0, 1.0), MIN_LONGEST_PX)
    grey = np.array(picture.convert("L"), float)
    return {
        (down, across): grey[
            round((down / 2 + 0.25) * shape[0] * scale),
            round((across / 2 + 0.25) * shape[1] * scale),
        ]
        for down in (0, 1)
        for across in (0, 1)
    }


@pytest.mark.parametrize(
    ("presentation", "bright"),
    [
        (AS_IN_FILE, (0, 0)),
        (AS_IN_FILE.turned(1), (1, 0)),
        (AS_IN_FILE.turned(-1), (0, 1)),
        (AS_IN_FILE.mirrored(), (0, 1)),
        (AS_IN_FILE.turned(1).mirrored(), (1, 1)),
    ],
)
def test_exported_pictures_show_what_the_screen_shows(spine, presentation, bright):
    """`bright` is the quarter (down, across) that is bright."""
    analysis = stripes(spine, presentation)
    shape = Placing.of(analysis.image).new_shape
    greys = quarter_greys(plain_picture(analysis), shape)
    assert [quarter for quarter, grey in greys.items() if grey > 200] == [bright]
    inverted = stripes(spine, presentation.inverted())
    negative = quarter_greys(plain_picture(inverted), shape)
    assert [quarter for quarter, grey in negative.items() if grey < 50] == [bright]


def test_a_picture_says_how_it_is_shown(spine):
    shown = AS_IN_FILE.turned(1).mirrored().inverted()
    analysis = replace(spine, image=replace(spine.image, presentation=shown))
    told = Image.open(io.BytesIO(png_bytes(overlay_picture(analysis), analysis))).text
    assert "mirrored" in told["Presentation"]
    record = analysis_json(analysis, {})["input"]["presentation"]
    assert (record["turned_left_deg"], record["mirrored"], record["inverted"]) == (90, True, True)
    body = analysis.vertebrae[0].outline
    matrix = np.array(record["file_to_shown"])
    assert moved_points(body, matrix) == pytest.approx(
        np.array(as_shown(analysis).vertebrae[0].outline), abs=1e-3
    )
    # Tables and mask stay in the file's pixels.
    assert mask_picture(analysis).size == spine.image.shape[::-1]
    assert analysis_json(analysis, {})["vertebrae"] == analysis_json(spine, {})["vertebrae"]


@pytest.mark.parametrize(
    ("presentation", "words"),
    [
        (AS_IN_FILE, ""),
        (AS_IN_FILE.turned(1), "Shown turned by 90° to the left."),
        (
            AS_IN_FILE.turned(-1).inverted(),
            "Shown turned by 90° to the right, grey values inverted.",
        ),
        (AS_IN_FILE.turned(2), "Shown turned by 180°."),
        (
            AS_IN_FILE.mirrored(),
            "Shown mirrored against its file: letters and side markers on the film itself are now "
            "the other way round than in the file.",
        ),
        (AS_IN_FILE.straightened(-2.5), "Shown turned by 2.5° to the right."),
    ],
)
def test_a_report_says_how_its_picture_is_shown(spine, presentation, words):
    analysis = replace(spine, image=replace(spine.image, presentation=presentation))
    content = report_content(analysis, ReportDetails())
    assert content.picture_caption.endswith(words)
    told = [line for line in content.cautions if "to the vertical" in line]
    assert bool(told) == bool(presentation.upright_deg)


@pytest.mark.parametrize("degrees", [90.0, 180.0, -90.0])
def test_nothing_is_measured_against_the_vertical_of_a_film_that_lies(spine, degrees):
    """All else is measured as if it stood; slopes of a lying film would mean nothing."""
    lying = replace(spine.image, presentation=Presentation(upright_deg=degrees))
    found = measure_alignment(
        spine.vertebrae, spine.facing, PixelGeometry.of(lying), spine.examination
    )
    wanted = values(measured(spine, AS_IN_FILE))
    for one in found:
        if one.code in VERTICAL:
            assert one.value is None
            is_told = one.unmeasurable.reason is UnmeasurableReason.NOT_UPRIGHT
            assert is_told == (wanted[one.key] is not None)
        else:
            assert one.value == pytest.approx(wanted[one.key], abs=1e-6)


@pytest.mark.parametrize("degrees", [60.0, -60.0])
def test_a_column_that_leans_far_is_measured_against_the_vertical(spine, degrees):
    leaning = replace(spine.image, presentation=Presentation(upright_deg=degrees))
    found = measure_alignment(
        spine.vertebrae, spine.facing, PixelGeometry.of(leaning), spine.examination
    )
    assert {m.code: m.value for m in found}[MeasureCode.SACRAL_SLOPE] is not None


@pytest.mark.parametrize("shape", [(1150, 880), (1700, 560)], ids=["wide", "high"])
def test_a_long_caption_stays_with_its_picture(shape):
    found = analysed(draw_column("C7"))
    shown = AS_IN_FILE.mirrored().inverted()
    image = replace(found.image, pixels=np.resize(found.image.pixels, shape), presentation=shown)
    report = report_pdf(replace(found, image=image, segmentation=None))
    first = PdfReader(io.BytesIO(report)).pages[0]
    assert "letters and side markers" in " ".join(first.extract_text().split())


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("degrees", [-97.6, -60.0, -30.0, 0.0, 30.0, 60.0, 97.6, 150.0])
@pytest.mark.parametrize("letters", [18, 34, 52])
@pytest.mark.parametrize("drawn", ["neck", "whole spine"])
def test_a_name_stands_nearest_to_its_own_body_however_a_picture_is_turned(
    degrees, is_mirrored, letters, drawn
):
    found = analysed(draw_column()) if drawn == "neck" else spine_analysis()
    shown = Presentation(turn_deg=degrees, is_mirrored=is_mirrored)
    found = as_shown(replace(found, image=replace(found.image, presentation=shown)))
    scale = picture_scale(found.image.shape, found.image.spacing_mm, MIN_LONGEST_PX)
    boxes = name_boxes(found, scale, letters)
    for place, (body, box) in enumerate(zip(found.vertebrae, boxes, strict=True)):
        low, high = box.min(axis=0), box.max(axis=0)
        away = {
            one.name: np.hypot(*(np.clip(one.outline, low, high) - one.outline).T).min()
            for one in found.vertebrae
        }  # fmt: skip
        assert min(away, key=away.__getitem__) == body.name
        for other in boxes[:place]:
            shared = np.minimum(high, other.max(axis=0)) - np.maximum(low, other.min(axis=0))
            assert shared.min() <= 0.2 * (high - low).min()


@pytest.mark.parametrize("paper", [False, True])
def test_no_line_of_a_measure_is_drawn_over_a_name(paper):
    found = as_shown(spine_analysis())
    drawn = [overlay_picture(one, paper) for one in (found, replace(found, measurements=()))]
    with_lines, without = (np.asarray(picture.convert("RGB")) for picture in drawn)
    scale = picture_scale(found.image.shape, found.image.spacing_mm, MIN_LONGEST_PX)
    rows, cols = (round(f * side) for f, side in zip(scale, found.image.shape, strict=True))
    canvas = np.zeros((rows, cols, 3), np.uint8)
    for name in names_on(found, scale, overlay_unit(canvas, paper)):
        letters_of = Image.new("L", (cols, rows))
        ImageDraw.Draw(letters_of).text(
            tuple(name.centre), name.text, font=letter_font(name.unit, bold=True), anchor="mm",
            fill=255,
        )  # fmt: skip
        inside = np.asarray(letters_of) == 255
        assert inside.sum() > 20
        apart = np.abs(with_lines[:rows, :cols][inside].astype(int) - without[:rows, :cols][inside])
        assert apart.max() <= 40, name.text
