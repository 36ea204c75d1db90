"""Where slices lie in the patient: stored and turned, cut by others, nearest to a place."""

from dataclasses import replace

import numpy as np
import pytest

from spinealign.domain.image import ImagePart, PatientPlane
from spinealign.imaging.patient_planes import cut, nearest_slice, patient_place
from spinealign.imaging.readers import read_part
from tests.image_files import ramp, write_dicom

SAGITTAL = PatientPlane("1.2", (5.0, -50.0, 100.0), (0.0, 0.5, 0.0), (0.0, 0.0, -1.0))
"""200 columns to the back and 200 rows to the feet, 5 mm to the left."""

AXIAL = PatientPlane("1.2", (-20.0, -40.0, 30.0), (0.4, 0.0, 0.0), (0.0, 0.4, 0.0))
"""100 columns to the left and 100 rows to the back, 30 mm above the origin."""


def test_an_axial_slice_cuts_a_sagittal_one_in_a_level_line():
    line = cut(SAGITTAL, (200, 200), AXIAL, (100, 100))
    (x0, y0), (x1, y1) = sorted(line)
    assert (y0, y1) == (pytest.approx(70), pytest.approx(70))
    assert (x0, x1) == (pytest.approx(20), pytest.approx(100))


def test_and_is_cut_by_it_in_an_upright_one():
    line = cut(AXIAL, (100, 100), SAGITTAL, (200, 200))
    (x0, y0), (x1, y1) = sorted(line, key=lambda p: p[1])
    assert (x0, x1) == (pytest.approx(62.5), pytest.approx(62.5))
    assert (y0, y1) == (pytest.approx(0), pytest.approx(100))


@pytest.mark.parametrize(
    "other",
    [
        replace(AXIAL, frame_uid="1.3"),
        replace(AXIAL, corner_mm=(-20.0, -40.0, 300.0)),
        replace(AXIAL, corner_mm=(50.0, -40.0, 30.0)),
        replace(SAGITTAL, corner_mm=(9.0, -50.0, 100.0)),
        replace(SAGITTAL, right_mm=(0.05, 0.5, 0.0)),
    ],
    ids=["another frame", "above", "beside", "parallel", "almost parallel"],
)
def test_slices_that_do_not_meet_or_have_no_common_space_have_no_line(other):
    assert cut(SAGITTAL, (200, 200), other, (100, 100)) is None


def test_tilted_slices_meet_where_both_are():
    tilted = replace(AXIAL, down_mm=(0.0, 0.36, -0.12))
    line = cut(SAGITTAL, (200, 200), tilted, (100, 100))
    for point in line:
        place = patient_place(SAGITTAL, point)
        normal = np.cross(tilted.right_mm, tilted.down_mm)
        assert (place - tilted.corner_mm) @ normal == pytest.approx(0, abs=1e-9)


TAGS = {"Modality": "MR", "PixelSpacing": [0.6, 0.5], "FrameOfReferenceUID": "1.2.3"}


@pytest.mark.parametrize(
    "cosines",
    [
        [0, 1, 0, 0, 0, -1], [0, 1, 0, 0, 0, 1], [0, -1, 0, 0, 0, -1], [0, 0, -1, 0, 1, 0],
        [1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, 1, 0], [0, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, -1],
    ],
    ids=str,
)  # fmt: skip
def test_every_pixel_stays_where_it_is_when_a_slice_is_turned_for_the_screen(tmp_path, cosines):
    place = [3.0, -7.0, 11.0]
    path = write_dicom(
        tmp_path / "x.dcm", ramp(), ImagePositionPatient=place, ImageOrientationPatient=cosines,
        **TAGS,
    )  # fmt: skip
    image = read_part(ImagePart(path))
    stored = ramp().astype(float)
    row, col = np.argwhere(stored == stored.max())[0]
    expected = (
        np.array(place) + col * 0.5 * np.array(cosines[:3]) + row * 0.6 * np.array(cosines[3:])
    )
    y, x = np.argwhere(image.pixels == image.pixels.max())[0]
    found = patient_place(image.patient_plane, (x + 0.5, y + 0.5))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("missing", ["FrameOfReferenceUID", "ImagePositionPatient", "PixelSpacing"])
def test_what_the_file_does_not_say_is_not_invented(tmp_path, missing):
    stated = TAGS | {
        "ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [0, 1, 0, 0, 0, -1],
    }  # fmt: skip
    del stated[missing]
    path = write_dicom(tmp_path / "x.dcm", ramp(), **stated)
    assert read_part(ImagePart(path)).patient_plane is None


def test_the_slice_that_passes_a_place(tmp_path):
    from spinealign.domain.study import SeriesEntry

    parts = tuple(ImagePart(tmp_path / str(k)) for k in range(5))
    entry = SeriesEntry(parts, "DICOM", positions_mm=(-40.0, -36.0, -32.0, -28.0, -24.0))
    # Positions of axial slices grow towards the feet: AXIAL lies at -30 mm + 30 mm = index 2.
    assert nearest_slice(entry, 2, AXIAL, np.array([0.0, 0.0, 30.0])) == 2
    assert nearest_slice(entry, 2, AXIAL, np.array([0.0, 0.0, 21.0])) == 4
    assert nearest_slice(entry, 2, AXIAL, np.array([0.0, 0.0, 90.0])) == 0
