"""Presentation states: where lines and words lie, which way round the picture is shown."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from spinealign.dicom.graphics import clipped
from spinealign.dicom.presentation_state import presentation_state, spatial_transformation
from spinealign.dicom.source import source_of
from spinealign.domain.measurements import DrawingTool
from spinealign.domain.presentation import Presentation
from spinealign.domain.reading import Decision, NumberValue
from spinealign.domain.report_details import PictureLayers
from spinealign.export.measure_drawing import main_measures
from spinealign.imaging.presenting import as_shown
from spinealign.imaging.read import read_image
from spinealign.measure.correction.changes import add_drawing, apply_corrections
from tests.dicom_objects import KINDS, dciodvfy_errors, kind_analysis, require_program
from tests.dicom_reports import CASES, case, details, read_by_hand, with_measures
from tests.image_files import write_dicom

VIEWS = (
    Presentation(),
    Presentation(turn_deg=90.0),
    Presentation(turn_deg=180.0, is_mirrored=True),
    Presentation(turn_deg=-90.0, is_mirrored=True, is_inverted=True),
    Presentation(is_mirrored=True),
    Presentation(turn_deg=3.5),
)


def written(analysis, folder: Path, reading=None, **changes) -> Dataset:
    path = folder / "state.dcm"
    measures = main_measures(analysis)
    presentation_state(analysis, details(reading, **changes), measures).save_as(path)
    return dcmread(path)


def shown_by_dicom(stored: np.ndarray, state: Dataset) -> np.ndarray:
    """Return what a viewer shows (PS3.3 C.10.6): turned with the clock, then mirrored."""
    turned = np.rot90(stored, -state.ImageRotation // 90)
    return turned[:, ::-1] if state.ImageHorizontalFlip == "Y" else turned


@pytest.mark.parametrize("name", CASES)
def test_another_program_finds_no_fault(name, tmp_path):
    require_program("dciodvfy", "dicom3tools")
    analysis = case(name, tmp_path)
    state = written(analysis, tmp_path)
    assert dciodvfy_errors(tmp_path / "state.dcm") == []
    layers = [item.GraphicLayer for item in state.get("GraphicAnnotationSequence", [])]
    assert layers == ([] if name == "classified CT" else ["OUTLINES", "CORNERS", "MEASURES"])


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("colour", "picture")])
def test_a_viewer_shows_the_picture_the_way_round_the_program_does(name, view, tmp_path):
    analysis = kind_analysis(name, tmp_path)
    image = replace(analysis.image, presentation=view)
    source = source_of(image)
    stored = source.mask_to_stored(image.pixels)
    state = Dataset()
    state.ImageRotation, is_flipped = spatial_transformation(source, image)
    state.ImageHorizontalFlip = "Y" if is_flipped else "N"

    nearest = replace(view, turn_deg=90.0 * round(view.turn_deg / 90))
    wanted = as_shown(replace(analysis, image=replace(image, presentation=nearest))).image.pixels
    assert np.array_equal(shown_by_dicom(stored, state), wanted)


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_corners_of_the_area_are_named_by_where_they_come_to_lie(view, tmp_path):
    analysis = kind_analysis("film on its side", tmp_path)
    analysis = replace(analysis, image=replace(analysis.image, presentation=view))
    state = written(analysis, tmp_path)
    stored = dcmread(analysis.image.source_path)
    numbers = np.arange(stored.Rows * stored.Columns).reshape(stored.Rows, stored.Columns)
    shown = shown_by_dicom(numbers, state)

    (area,) = state.DisplayedAreaSelectionSequence
    for corner, wanted in (
        (area.DisplayedAreaTopLeftHandCorner, shown[0, 0]),
        (area.DisplayedAreaBottomRightHandCorner, shown[-1, -1]),
    ):
        column, row = corner
        assert numbers[row - 1, column - 1] == wanted
    assert [float(mm) for mm in area.PresentationPixelSpacing] == [0.2, 0.2]


@pytest.mark.parametrize("name", ["film on its side", "slice turned and mirrored", "multi-frame"])
def test_lines_lie_on_the_stored_pixels(name, tmp_path):
    analysis = with_measures(kind_analysis(name, tmp_path))
    source = source_of(analysis.image)
    state = written(analysis, tmp_path)
    by_layer = {item.GraphicLayer: item for item in state.GraphicAnnotationSequence}

    lines = by_layer["OUTLINES"].GraphicObjectSequence
    told = {line.TrackingID: np.array(line.GraphicData).reshape(-1, 2) for line in lines}
    for body in analysis.vertebrae:
        back = source.points_from_stored(told[body.name])
        assert np.allclose(back[:-1], body.outline, atol=1e-3)
        assert (back[0] == back[-1]).all()
    corners = [obj.GraphicData for obj in by_layer["CORNERS"].GraphicObjectSequence]
    marks = [(m.x, m.y) for body in analysis.vertebrae for m in body.landmarks]
    assert np.allclose(source.points_from_stored(np.array(corners)), marks, atol=1e-3)
    for item in state.GraphicAnnotationSequence:
        reference = item.ReferencedImageSequence[0]
        assert reference.ReferencedSOPInstanceUID == source.sop_instance_uid
        assert reference.get("ReferencedFrameNumber") == source.frame_number
    texts = [text.UnformattedTextValue for text in by_layer["MEASURES"].TextObjectSequence]
    assert any(text.endswith("°") for text in texts)
    names = [text.UnformattedTextValue for text in by_layer["OUTLINES"].TextObjectSequence]
    assert {body.name for body in analysis.vertebrae} <= set(names)


def test_the_canal_is_outlined_where_no_body_or_disc_stands_for_it(tmp_path):
    state = written(kind_analysis("slice", tmp_path), tmp_path)
    lines = state.GraphicAnnotationSequence[0].GraphicObjectSequence
    assert {line.TrackingID for line in lines} == {"L4", "L5", "L4/L5", "canal"}


# What is shown


def test_layers_of_the_screen_are_kept(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    wanted = add_drawing(film.corrections, DrawingTool.TEXT, [(11.0, 12.0)], "Näht")
    film = apply_corrections(film, add_drawing(wanted, DrawingTool.ARROW, [(5, 5), (9, 9)]))
    all_of_it = written(film, tmp_path, layers=PictureLayers(measures=frozenset()))
    bare = written(film, tmp_path, layers=PictureLayers(structures=False, notes=False))

    layers = {item.GraphicLayer: item for item in all_of_it.GraphicAnnotationSequence}
    assert [t.UnformattedTextValue for t in layers["NOTES"].TextObjectSequence] == ["Näht"]
    assert list(layers["NOTES"].TextObjectSequence[0].AnchorPoint) == [11.0, 12.0]
    assert [list(g.GraphicData) for g in layers["NOTES"].GraphicObjectSequence] == [[5, 5, 9, 9]]
    assert [item.GraphicLayer for item in bare.GraphicAnnotationSequence] == ["MEASURES"]


def test_what_the_reader_rejected_or_changed_is_not_drawn(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    decided = {
        "measure/drawn_cobb/1": (Decision.REJECTED, None),
        "measure/drawn_angle/1": (Decision.CHANGED, NumberValue(10.0, "deg")),
    }
    reading = read_by_hand(film, tmp_path, decided)

    def texts(state):
        layer = state.GraphicAnnotationSequence[-1].TextObjectSequence
        return {text.UnformattedTextValue for text in layer}

    before, after = texts(written(film, tmp_path)), texts(written(film, tmp_path, reading))
    assert len(before) == 6
    assert after < before
    assert sorted(text.split()[0] for text in before - after) == ["Angle", "Cobb"]


def test_window_and_polarity(tmp_path):
    film = kind_analysis("film", tmp_path)
    windowed = read_image(write_dicom(
        tmp_path / "w.dcm", (film.image.pixels).astype(np.uint16), Modality="DX",
        WindowCenter=1000, WindowWidth=500, StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2",
        PatientOrientation=["P", "F"],
    ))  # fmt: skip
    state = written(replace(film, image=windowed), tmp_path)
    (voi,) = state.SoftcopyVOILUTSequence
    assert (float(voi.WindowCenter), float(voi.WindowWidth)) == (1000.0, 500.0)
    assert state.PresentationLUTShape == "IDENTITY"
    inverted = replace(windowed, presentation=Presentation(is_inverted=True))
    assert written(replace(film, image=inverted), tmp_path).PresentationLUTShape == "INVERSE"


def test_a_negative_keeps_its_own_window(tmp_path):
    film = kind_analysis("film", tmp_path)
    negative = read_image(write_dicom(
        tmp_path / "n.dcm", (film.image.pixels).astype(np.uint16), Modality="DX",
        PhotometricInterpretation="MONOCHROME1", WindowCenter=1000, WindowWidth=500,
        StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2", PatientOrientation=["P", "F"],
    ))  # fmt: skip
    state = written(replace(film, image=negative), tmp_path)
    assert float(state.SoftcopyVOILUTSequence[0].WindowCenter) == 1000.0
    assert state.PresentationLUTShape == "INVERSE"


# Lines that leave the picture

SIZE = (96, 120)


def test_a_line_that_leaves_and_comes_back_is_two():
    line = np.array([(10.0, 10.0), (-10.0, 20.0), (10.0, 30.0), (50.0, 30.0)])
    first, second = clipped(line, SIZE)
    assert first.tolist() == [[10, 10], [0, 15]]
    assert second.tolist() == [[0, 25], [10, 30], [50, 30]]
    assert clipped(np.array([(-5.0, 3.0), (-1.0, 90.0)]), SIZE) == []
    assert clipped(np.array([(97.0, 3.0)]), SIZE) == []


POINT = st.tuples(st.floats(-200, 300), st.floats(-200, 300))


@given(st.lists(POINT, min_size=2, max_size=6))
def test_clipped_lines_lie_inside_and_on_the_line(points):
    line = np.array(points)
    for part in clipped(line, SIZE):
        assert part.min() >= 0
        assert (part <= SIZE).all()
        for x, y in part:
            distance = min(_distance((x, y), a, b) for a, b in itertools.pairwise(line))
            assert distance < 1e-6


@given(st.lists(st.tuples(st.floats(0, 96), st.floats(0, 120)), min_size=2, max_size=6))
def test_a_line_inside_stays_whole(points):
    (part,) = clipped(np.array(points), SIZE)
    assert np.array_equal(part, points)


def _distance(point, start, end) -> float:
    way = np.subtract(end, start)
    length = float(way @ way)
    share = 0.0 if length == 0 else float(np.clip(np.subtract(point, start) @ way / length, 0, 1))
    return float(np.hypot(*(start + share * way - point)))
