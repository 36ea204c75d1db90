from dataclasses import replace

import numpy as np
import pytest

from spinealign.domain.findings import ModelStatus
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.export import strips
from spinealign.export.bodies import suggested_colour
from spinealign.export.overlay import (
    MIN_LONGEST_PX,
    heatmap_picture,
    mask_picture,
    overlay_picture,
    plain_picture,
)
from spinealign.imaging.render import class_colour, picture_scale
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from tests.phantoms import (
    ct_analysis,
    failed_view_analysis,
    mr_analysis,
    without_spacing,
    xray_analysis,
)
from tests.phantoms_alignment import box
from tests.suggested import with_suggestions

AMBER = (255, 193, 7)
HEAT_OUTLINE = (230, 159, 0)


def has_colour(picture, colour, tolerance=6):
    difference = np.abs(np.asarray(picture).astype(int) - colour).max(axis=2)
    return bool((difference <= tolerance).any())


@pytest.mark.parametrize(
    "analysis",
    [ct_analysis(), mr_analysis(), mr_analysis((64, 40)), failed_view_analysis(), xray_analysis()],
    ids=["ct", "mr", "tiny mr", "other", "xray"],
)
def test_pictures_are_large_enough_to_read(analysis):
    picture = overlay_picture(analysis)
    assert picture.mode == "RGB"
    assert max(picture.size) >= MIN_LONGEST_PX


def test_mask_picture_is_the_mask():
    analysis = mr_analysis()
    picture = mask_picture(analysis)
    assert picture.mode == "L"
    assert (np.asarray(picture) == analysis.segmentation.mask).all()


def test_anatomy_is_never_covered_by_words():
    analysis = failed_view_analysis()
    shown = np.asarray(overlay_picture(analysis))
    plain = np.asarray(plain_picture(analysis, paper=True))
    rows, cols = (6 * side for side in analysis.image.shape)
    assert (shown[:rows, :cols] == plain[:rows, :cols]).all()
    assert shown.shape[0] > rows


def test_every_structure_found_is_in_the_legend():
    analysis = mr_analysis()
    strip = overlay_picture(analysis).crop((0, 3.2 * 320, 600, 3.2 * 320 + 30))
    for class_id, name in analysis.segmentation.classes.items():
        assert has_colour(strip, class_colour(name, class_id))


def test_structures_that_were_not_found_are_not_in_the_legend():
    analysis = mr_analysis()
    mask = np.where(analysis.segmentation.mask == 2, 0, analysis.segmentation.mask)
    found = replace(analysis.segmentation, mask=mask.astype(np.uint8))
    picture = overlay_picture(replace(analysis, segmentation=found))
    assert not has_colour(picture, class_colour("disc", 2))
    assert has_colour(picture, class_colour("canal", 3))


def test_a_demonstration_is_visible_in_its_heat_map_and_not_drawn_into_the_finding():
    shown = np.asarray(heatmap_picture(ct_analysis()))
    assert (shown[2, ::10] == AMBER).all()
    asked, unasked = (
        np.asarray(overlay_picture(a)) for a in (ct_analysis(), ct_analysis().without_demonstration)
    )
    assert np.array_equal(asked, unasked)


def test_a_validated_model_has_no_demonstration_band():
    shown = np.asarray(overlay_picture(mr_analysis()))
    assert not (shown[2] == AMBER).all(axis=1).any()
    demonstration = overlay_picture(mr_analysis(status=ModelStatus.DEMONSTRATION))
    assert demonstration.height > shown.shape[0]


def test_a_heat_map_is_outlined_over_a_measure_that_was_drawn():
    found = ct_analysis(status=ModelStatus.INTERNALLY_VALIDATED)
    line = Drawing(DrawingTool.DISTANCE, 1, ((5.0, 8.0), (60.0, 8.0)))
    drawn = apply_corrections(found, replace(initial_corrections(found), drawings=(line,)))
    assert has_colour(overlay_picture(drawn), HEAT_OUTLINE)


def test_paper_leaves_the_band_and_the_small_print_to_the_report():
    shown = np.asarray(heatmap_picture(ct_analysis(), paper=True))
    assert not (shown[2] == AMBER).all(axis=1).any()


def test_scale_bar_only_with_known_spacing():
    analysis = mr_analysis((320, 320))
    known = plain_picture(analysis, paper=True)
    unknown = plain_picture(without_spacing(analysis), paper=True)
    assert unknown.height == 960
    assert known.height > round(3 * 320 * 0.8 / 0.75)


@pytest.mark.parametrize("width", [150, 220, 1000])
def test_a_legend_never_runs_over_its_edge(width):
    words = "C2 C7 Cobb -2.6 (manually corrected; automatic 13.1) and more words"
    strip = np.asarray(strips.legend([((255, 0, 0), words)], width, 16))
    assert strip.shape[1] == width
    assert (strip[:, -4:] == strip[0, 0]).all()
    assert (strip == (255, 0, 0)).all(axis=2).any()


@pytest.mark.parametrize(
    ("px_per_mm", "image_width", "length_mm"),
    [(4, 1024, 50), (1, 1000, 200), (20, 600, 5), (900, 600, 0.2)],
)
def test_scale_bar_has_a_round_length_and_the_right_number_of_pixels(
    px_per_mm, image_width, length_mm
):
    strip = np.asarray(strips.scale_bar(px_per_mm, image_width, image_width, 16, ""))
    middle = (strip[strip.shape[0] // 2] == (235, 237, 240)).all(axis=1)
    bar_px = int(np.argmin(middle[8:]))
    assert bar_px == pytest.approx(length_mm * px_per_mm, abs=3)


def test_pixels_that_are_not_square_are_stretched():
    image = replace(failed_view_analysis().image, spacing_mm=(2.0, 1.0))
    picture = plain_picture(replace(failed_view_analysis(), image=image), paper=True)
    assert picture.width == 160 * 4
    assert picture.height > 120 * 8


def flat(analysis, spacing_mm=(2.0, 1.0), source=SpacingSource.PATIENT_PLANE):
    """Return an analysis whose pixels are twice as high as wide."""
    image = replace(analysis.image, spacing_mm=spacing_mm, spacing_source=source)
    return replace(analysis, image=image)


def bar_px(picture):
    """Return the length of the scale bar below a picture."""
    ink = (np.asarray(picture) == (235, 237, 240)).all(axis=2)
    runs = [np.diff(np.flatnonzero(np.diff(np.pad(row.astype(int), 1))))[::2] for row in ink]
    return max(int(run.max()) for run in runs if run.size)


def test_the_scale_bar_goes_by_the_width_of_a_pixel():
    picture = plain_picture(flat(failed_view_analysis()), paper=True)
    # 640 px across show 160 mm, so that the longest round bar of at most 30 % is 20 mm long.
    assert picture.width == 640
    assert bar_px(picture) == pytest.approx(80, abs=4)


def test_a_magnified_scale_bar_says_so():
    true, magnified = (
        np.asarray(plain_picture(flat(failed_view_analysis(), source=source), paper=True))
        for source in (SpacingSource.PATIENT_PLANE, SpacingSource.DETECTOR_PLANE)
    )
    assert true.shape == magnified.shape
    changed = (true != magnified).any(axis=(1, 2))
    assert changed.any()
    assert not changed[: 8 * 120].any()


@pytest.mark.parametrize("spacing_mm", [(2.0, 1.0), (1.0, 2.0)], ids=["high", "wide"])
def test_points_and_lines_lie_where_they_are_whatever_the_shape_of_pixels(spacing_mm):
    found = flat(failed_view_analysis(), spacing_mm)
    ends = ((30.0, 20.0), (90.0, 60.0))
    line = Drawing(DrawingTool.DISTANCE, 1, ends)
    drawn = apply_corrections(found, replace(initial_corrections(found), drawings=(line,)))
    body = box("C5", 40.0, 50.0, width=60.0, height=30.0)
    outlined = replace(found, vertebrae=(body,))
    bare = replace(found, vertebrae=(replace(body, landmarks=()),))
    plain = np.asarray(plain_picture(found)).astype(int)
    scale = np.array(picture_scale((120, 160), spacing_mm, MIN_LONGEST_PX)[::-1])
    assert scale[0] / spacing_mm[1] == scale[1] / spacing_mm[0]
    shape = round(120 * scale[1]), round(160 * scale[0])

    def changed(one, other):
        difference = np.abs(one[: shape[0], : shape[1]] - other[: shape[0], : shape[1]])
        return difference.max(axis=2) > 30

    lines = changed(np.asarray(overlay_picture(drawn)).astype(int), plain)
    for share in (0.0, 0.5, 1.0):
        x, y = (np.array(ends[0]) * (1 - share) + np.array(ends[1]) * share) * scale
        assert lines[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].any()
    dots = changed(*(np.asarray(overlay_picture(each)).astype(int) for each in (outlined, bare)))
    for mark in body.landmarks:
        x, y = np.array([mark.x, mark.y]) * scale
        assert dots[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].any()


def test_heat_map_without_a_classifier_is_refused():
    with pytest.raises(ValueError, match="heat map"):
        heatmap_picture(mr_analysis())
    with pytest.raises(ValueError, match="segmentation"):
        mask_picture(ct_analysis())


def test_long_words_are_wrapped_and_narrow_images_get_room():
    analysis = mr_analysis((300, 20))
    long_title = replace(analysis.models[0], title="A model with a very long title " * 6)
    picture = overlay_picture(replace(analysis, models=(long_title,)))
    one_line = overlay_picture(analysis)
    assert picture.width == one_line.width == 480
    assert picture.height > one_line.height


def test_text_needs_no_font_beside_the_program(monkeypatch, tmp_path):
    strips.letters.cache_clear()
    monkeypatch.setattr(strips.reportlab, "__file__", str(tmp_path / "__init__.py"))
    strip = strips.footer(["not for diagnosis"], 400, 20)
    strips.letters.cache_clear()
    assert len(strip.getcolors()) > 2


@pytest.mark.parametrize("paper", [False, True])
@pytest.mark.parametrize("levels", [("C4",), ("C2", "C3", "C4", "C5", "C6", "C7", "T1")])
def test_bodies_that_are_only_suggested_are_dashed(paper, levels):
    analysis = with_suggestions(*levels)
    shown = np.asarray(overlay_picture(analysis, paper)).astype(int)
    hidden = np.asarray(overlay_picture(replace(analysis, suggestions=()), paper)).astype(int)
    scale = picture_scale(analysis.image.shape, analysis.image.spacing_mm, MIN_LONGEST_PX)
    body = next(one for one in analysis.suggestions if one.level == "C4")
    outline = np.rint(np.array(body.outline) * scale[::-1] - 0.5).astype(int)
    colour = suggested_colour(analysis, body)
    is_drawn = [np.abs(shown[y, x] - colour).max() < 40 for x, y in outline]
    assert 0.3 < np.mean(is_drawn) < 0.85
    assert not any(np.abs(hidden[y, x] - colour).max() < 40 for x, y in outline)
    x, y = np.mean(outline, axis=0).astype(int)
    assert (shown[y, x] == hidden[y, x]).all()
