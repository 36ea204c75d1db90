"""Sagittal series: the slice where the canal is widest, every slice segmented, millilitres."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spinealign import analysis as whole
from spinealign import volumes
from spinealign.cli import main as cli
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.findings import Segmentation
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import NoteKind
from spinealign.export.volumes import VOLUME_COLUMNS, volumes_csv, write_volume
from spinealign.imaging.study import list_series
from spinealign.inference.catalog import ModelStore
from spinealign.measure.outlines.volumes import canal_width_px, find_mid_slice, structure_volumes
from spinealign.volumes import segment_volume
from spinealign.wording.reading import note_text
from spinealign.wording.volumes import SPACING_MISSING, structure_text, volume_lines
from tests.examinations import SPINE_MR
from tests.image_files import SAGITTAL, item, write_dicom, write_nifti
from tests.phantoms import MR_CLASSES, mr_mask, mr_model

WIDEST, SLICES, ROWS, COLS = 6, 11, 96, 64
SPACING_MM = (4.0, 0.8, 0.9)
"""Between slices (left to right), across and down a slice."""


def ended(steps):
    """Run a generator to its end; return its result and what it yielded."""
    seen = []
    return run_to_end(steps, seen.append), seen


def drawn_masks():
    """Draw a column whose canal gets narrower with the distance from slice `WIDEST`."""
    whole_mask = mr_mask((ROWS, COLS))
    masks = np.stack([whole_mask] * SLICES)
    for index, mask in enumerate(masks):
        cols = np.nonzero(mask == 3)[1]
        cut = np.percentile(cols, 18 * min(abs(index - WIDEST), 5))
        mask[(mask == 3) & (np.arange(COLS)[None, :] < cut)] = 0
    return masks


@pytest.fixture
def series(tmp_path, monkeypatch):
    """A NIfTI volume whose values tell the classes, and a network that reads them."""
    masks = drawn_masks()
    # The first axis runs to the right, the second to the front, the third to the head, and the
    # series from right to left.
    values = (100 * masks.astype(np.int16) + 10)[::-1, ::-1, ::-1].transpose(0, 2, 1)
    affine = np.diag([SPACING_MM[0], SPACING_MM[1], SPACING_MM[2], 1.0])
    path = write_nifti(tmp_path / "series.nii.gz", values, affine)

    def segment_with(_model, image):
        mask = np.rint((image.pixels - 10) / 100).astype(np.uint8)
        sure = np.full(mask.shape, 0.97, np.float32)
        return Segmentation(mr_model(), MR_CLASSES, mask, sure)

    monkeypatch.setattr(whole, "segment_with", segment_with)
    monkeypatch.setattr(volumes, "segment_slice", segment_with)
    return path


@pytest.fixture(scope="module")
def models():
    return ModelStore()


@pytest.mark.parametrize("widest", [0, 3, 5, 7, 10])
def test_the_widest_slice_is_found_with_few_looks(widest):
    asked = []

    def width_of(index):
        asked.append(index)
        return -abs(index - widest)

    best, looked = ended(find_mid_slice(11, width_of))
    assert best == widest
    assert asked == looked
    assert len(set(asked)) == len(asked) <= 3 + 2 * abs(5 - widest) + 4


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40))
def test_no_slice_near_the_found_one_is_wider(widths):
    best, looked = ended(find_mid_slice(len(widths), widths.__getitem__))
    near = widths[max(best - 2, 0) : best + 3]
    assert widths[best] == max(near)
    assert len(looked) == len(set(looked)) <= len(widths)


def test_a_single_dip_does_not_stop_the_search():
    widths = [0, 1, 2, 3, 4, 5, 4.5, 6, 7, 6, 5]
    assert ended(find_mid_slice(11, widths.__getitem__))[0] == 8


def test_without_a_canal_the_middle_is_kept():
    assert ended(find_mid_slice(9, lambda index: 0.0))[0] == 4


def test_a_narrow_or_short_canal_counts_less():
    mask = np.zeros((10, 10), np.uint8)
    mask[:, 4:7] = 3
    found = Segmentation(mr_model(), MR_CLASSES, mask, np.ones(mask.shape, np.float32))
    assert canal_width_px(found) == 3
    mask[5:] = 0
    assert canal_width_px(found) == 1.5
    assert canal_width_px(replace(found, classes={1: "vertebra"})) == 0


@pytest.mark.parametrize(
    ("voxels_mm3", "millilitres"),
    [((4.0, 4.0, 4.0), 0.024), ((1.0, 4.0, 2.0), 0.015), (None, None)],
    ids=["alike", "different", "unknown"],
)
def test_millilitres_are_summed_slice_by_slice(voxels_mm3, millilitres):
    masks = np.zeros((3, 4, 5), np.uint8)
    masks[:2, 1, 1:4] = 2
    discs = structure_volumes(masks, {1: "vertebra", 2: "disc"}, voxels_mm3)[1]
    assert discs.voxels == 6
    assert discs.millilitres == (None if millilitres is None else pytest.approx(millilitres))


def test_every_slice_is_segmented_the_middle_first(series, models):
    found, steps = ended(segment_volume(series, models))
    masks = drawn_masks()
    assert found.mid_index == WIDEST
    assert np.array_equal(found.masks, masks)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    [shown] = [step for step in steps if step.image is not None]
    assert np.array_equal(np.rint((shown.image.pixels - 10) / 100), masks[WIDEST])
    reading = [step for step in steps if step.name == "Reading the series"]
    assert len(reading) > SLICES, "reading can be stopped at every slice"
    assert steps.index(shown) < len(reading) + SLICES
    per_voxel = np.prod(SPACING_MM) / 1000
    for structure in found.structures:
        assert structure.millilitres == pytest.approx(
            (masks == structure.class_id).sum() * per_voxel
        )


def test_stopping_early_leaves_slices_untouched(series, models, monkeypatch):
    asked = []
    told = volumes.segment_slice
    monkeypatch.setattr(
        volumes, "segment_slice", lambda model, image: asked.append(1) or told(model, image)
    )
    work = segment_volume(series, models)
    for step in work:
        if step.image is not None:
            break
    work.close()
    assert 0 < len(asked) < SLICES


def test_an_analysis_takes_the_slice_where_the_canal_is_widest(series, models):
    # The gate refuses a drawing of classes; what it is, is said.
    analysis, steps = ended(whole.analyze_file(series, models, SPINE_MR))
    image = analysis.image
    assert np.array_equal(np.rint((image.pixels - 10) / 100), drawn_masks()[WIDEST])
    note = image.notes[0]
    assert note.kind is NoteKind.CANAL_WIDEST
    assert note.values == (WIDEST + 1, SLICES)
    assert note_text(note).startswith(f"Sagittal slice {WIDEST + 1} of {SLICES}")
    assert steps[1].image is not None, "the middle slice is shown meanwhile"


def test_a_single_picture_is_no_series(tmp_path, models):
    path = tmp_path / "one.png"
    Image.fromarray(np.tile(np.arange(64, dtype=np.uint8), (64, 1))).save(path)
    with pytest.raises(ImageReadError) as caught:
        ended(segment_volume(path, models))
    assert caught.value.problem is ReadProblem.NO_SAGITTAL_SERIES


def test_slices_in_files_become_a_series(tmp_path, series, models):
    masks, folder = drawn_masks(), tmp_path / "folder"
    folder.mkdir()
    for index, mask in enumerate(masks):
        write_dicom(
            folder / f"{index}.dcm",
            (100 * mask.astype(np.uint16) + 10),
            Modality="MR",
            SeriesInstanceUID="1.2.3",
            ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
            ImagePositionPatient=[-4.0 * index, 0, 0],
            PixelSpacing=[0.9, 0.8],
        )
    found, _ = ended(segment_volume(folder, models))
    assert len(found.volume) == SLICES
    assert all(structure.millilitres is not None for structure in found.structures)
    assert found.volume.series.slice_spacing_mm == pytest.approx(4.0)


PLACES_MM = tuple(4.0 * index for index in range(SLICES))
FINE_MM, COARSE_MM = (0.4, 0.5), (0.9, 0.8)


def write_slices(folder, places_mm=PLACES_MM, fine=()):
    """Write a file a slice; those named in `fine` have smaller pixels."""
    folder.mkdir()
    for index, (mask, place_mm) in enumerate(zip(drawn_masks(), places_mm, strict=True)):
        write_dicom(
            folder / f"{index}.dcm", 100 * mask.astype(np.uint16) + 10, Modality="MR",
            SeriesInstanceUID="1.2.3", ImageOrientationPatient=SAGITTAL,
            ImagePositionPatient=[place_mm, 0, 0],
            PixelSpacing=list(FINE_MM if index in fine else COARSE_MM),
        )  # fmt: skip
    return folder


def write_frames(path, fine=()):
    """Write the slices as frames of one file, with the size of their pixels in their own groups."""
    frames = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[place_mm, 0, 0])],
            PixelMeasuresSequence=[
                item(PixelSpacing=list(FINE_MM if index in fine else COARSE_MM))
            ],
        )
        for index, place_mm in enumerate(PLACES_MM)
    ]
    shared = item(PlaneOrientationSequence=[item(ImageOrientationPatient=SAGITTAL)])
    return write_dicom(
        path, 100 * drawn_masks().astype(np.uint16) + 10, Modality="MR",
        SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=frames,
    )  # fmt: skip


def expected_ml(class_id, thicknesses_mm, fine=()):
    areas = [np.prod(FINE_MM if index in fine else COARSE_MM) for index in range(SLICES)]
    counts = (drawn_masks() == class_id).sum(axis=(1, 2))
    return float((counts * areas * thicknesses_mm).sum() / 1000)


@pytest.mark.parametrize("way", ["files", "frames"])
@pytest.mark.parametrize("fine", [(5,), (0, 1, 2, 6), tuple(range(1, SLICES))], ids=str)
def test_every_slice_is_measured_by_its_own_pixels(series, models, tmp_path, way, fine):
    if way == "files":
        source = write_slices(tmp_path / "folder", fine=fine)
    else:
        source = write_frames(tmp_path / "frames.dcm", fine)
    found, _ = ended(segment_volume(source, models))
    for structure in found.structures:
        expected = expected_ml(structure.class_id, np.full(SLICES, 4.0), fine)
        assert structure.millilitres == pytest.approx(expected)
    spacings = [found.volume.slice_image(index).spacing_mm for index in range(SLICES)]
    assert spacings == [FINE_MM if index in fine else COARSE_MM for index in range(SLICES)]
    assert "differ in pixel spacing" in volume_lines(found)[-1]
    rows = list(csv.DictReader(io.StringIO(volumes_csv(found))))
    assert (rows[0]["spacing_row_mm"], rows[0]["slice_spacing_mm"]) == ("", "4.0")


def test_last_digits_are_no_other_spacing(series, models, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "FINE_MM", (0.90001, 0.8))
    found, _ = ended(segment_volume(write_slices(tmp_path / "folder", fine=(1, 3)), models))
    assert "differ" not in " ".join(volume_lines(found))
    assert found.volume.spacing_mm == COARSE_MM


def test_finer_pixels_do_not_make_a_canal_wider(series, models, tmp_path):
    plain, _ = ended(segment_volume(write_slices(tmp_path / "plain"), models))
    assert plain.mid_index == WIDEST
    fine, _ = ended(segment_volume(write_slices(tmp_path / "fine", fine=(WIDEST,)), models))
    assert fine.mid_index in (WIDEST - 1, WIDEST + 1)


def test_a_chosen_slice_keeps_its_own_millimetres(series, models, tmp_path):
    source = write_slices(tmp_path / "folder", fine=set(range(SLICES)) - {WIDEST})
    (entry,) = list_series(source)
    analysis, _ = ended(whole.analyze_file(entry, models, SPINE_MR))
    assert analysis.image.notes[0].values == (WIDEST + 1, SLICES)
    assert analysis.image.spacing_mm == COARSE_MM


def test_slices_stand_for_half_the_way_to_their_neighbours(series, models, tmp_path):
    steps = np.array([7.0] * 4 + [5.0] + [4.0] * 5)
    source = write_slices(tmp_path / "folder", (0.0, *np.cumsum(steps)))
    found, _ = ended(segment_volume(source, models))
    thicknesses = [7, 7, 7, 7, 6, 4.5, 4, 4, 4, 4, 4]
    assert found.volume.series.slice_thicknesses_mm == pytest.approx(thicknesses)
    for structure in found.structures:
        expected = expected_ml(structure.class_id, thicknesses)
        assert structure.millilitres == pytest.approx(expected)
    assert "not evenly spaced" in volume_lines(found)[-1]


def test_over_a_long_gap_no_volume_is_given(series, models, tmp_path):
    source = write_slices(tmp_path / "folder", (*PLACES_MM[:6], *(12 + p for p in PLACES_MM[6:])))
    found, _ = ended(segment_volume(source, models))
    assert {structure.millilitres for structure in found.structures} == {None}
    assert any(SPACING_MISSING in line for line in volume_lines(found))


def test_files_and_words(series, models, tmp_path):
    found, _ = ended(segment_volume(series, models))
    files = write_volume(found, tmp_path / "out")
    assert len(files) == SLICES + 1
    rows = list(csv.DictReader(io.StringIO(volumes_csv(found))))
    assert list(rows[0]) == list(VOLUME_COLUMNS)
    assert [row["name"] for row in rows] == ["vertebra", "disc", "canal"]
    assert float(rows[1]["millilitres"]) == pytest.approx(found.structures[1].millilitres, abs=1e-3)
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / f"slice_{WIDEST + 1:03}.png"))
    assert np.array_equal(mask, found.masks[WIDEST])
    lines = volume_lines(found)
    assert f"widest in slice {WIDEST + 1}" in lines[0]
    assert "ml (" in lines[2]


def test_unknown_spacing_gives_voxels_and_says_why(series, models):
    found, _ = ended(segment_volume(series, models))
    bare = tuple(replace(structure, millilitres=None) for structure in found.structures)
    lines = volume_lines(replace(found, structures=bare))
    assert "ml" not in structure_text(bare[0])
    assert SPACING_MISSING in lines[-1]


def test_the_command_line_measures_a_series(series, tmp_path, capsys):
    assert cli.run_command(["volume", str(series), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "11 sagittal slices segmented" in printed
    assert "disc: " in printed
    assert (tmp_path / "out" / "volumes.csv").is_file()
