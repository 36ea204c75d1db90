"""NIfTI: which slice, which way up, how large a pixel is."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.examination import Examination
from spinealign.domain.image import SpacingSource
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series, read_series_slice
from tests.examinations import NECK_CT, SPINE_MR
from tests.image_files import notes_of, problem_of, write_nifti, zipped

SIZES = (33, 34, 36)
SPACING = np.diag([0.9, 0.8, 0.7, 1.0])


def volume(sizes: tuple[int, ...] = SIZES, dtype: Any = np.int16) -> np.ndarray:
    """Return values (right, anterior, superior) that tell every voxel from its neighbours."""
    return (np.arange(np.prod(sizes)).reshape(sizes) % 30_011).astype(dtype)


def stored_as(codes: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the volume and its affine when the file's axes run as `codes` say."""
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    values = nib.apply_orientation(volume(), turn)
    return values, SPACING @ inv_ornt_aff(turn, SIZES)


ORIENTATIONS = [
    "".join(code[flip >> place & 1] for place, code in enumerate(order))
    for order in (("RL", "AP", "SI"), ("AP", "SI", "RL"), ("SI", "RL", "AP"), ("AP", "RL", "SI"))
    for flip in range(8)
]


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_mr_is_cut_sagittally_whatever_the_order_of_axes(tmp_path: Path, codes: str) -> None:
    values, affine = stored_as(codes)
    image = read_image(write_nifti(tmp_path / "mr.nii", values, affine))
    sagittal = volume()[SIZES[0] // 2]
    superior_up_anterior_left = sagittal.T[::-1, ::-1]
    np.testing.assert_array_equal(image.pixels, superior_up_anterior_left)
    assert image.spacing_mm == pytest.approx((0.7, 0.8))
    assert image.spacing_source is SpacingSource.NIFTI_HEADER
    assert (image.possible_examinations, image.is_hounsfield) == ((SPINE_MR,), False)
    assert notes_of(image) == ("Sagittal slice 17 of 33.",)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "LSA"])
def test_ct_is_cut_axially(tmp_path: Path, codes: str) -> None:
    values, affine = stored_as(codes)
    hounsfield = (values % 2000 - 1000).astype(np.int16)
    image = read_image(write_nifti(tmp_path / "ct.nii.gz", hounsfield, affine))
    axial = (volume() % 2000 - 1000)[:, :, SIZES[2] // 2]
    anterior_up_right_left = axial.T[::-1, ::-1]
    np.testing.assert_array_equal(image.pixels, anterior_up_right_left)
    assert image.spacing_mm == pytest.approx((0.8, 0.9))
    assert (image.possible_examinations, image.is_hounsfield) == ((NECK_CT,), True)
    assert notes_of(image) == ("Axial slice 19 of 36.",)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_both_versions_compressed_or_not(tmp_path: Path, suffix: str, kind: type) -> None:
    path = write_nifti(tmp_path / f"mr.{suffix}", volume(), SPACING, kind=kind)
    image = read_image(path.rename(tmp_path / "renamed.dcm"))
    assert (image.shape, image.file_format, image.bits) == ((36, 34), "NIfTI", 16)


@pytest.mark.parametrize(
    ("size_of", "possible", "spacing"),
    [
        pytest.param((1, 40, 50), (SPINE_MR,), (0.7, 0.8), id="sagittal"),
        pytest.param((40, 1, 50), (), (0.7, 0.9), id="coronal"),
        pytest.param((40, 50, 1), (), (0.8, 0.9), id="axial"),
        pytest.param((40, 50), (), (0.8, 0.9), id="two axes"),
        pytest.param((1, 40, 50, 1), (SPINE_MR,), (0.7, 0.8), id="four axes"),
    ],
)
def test_a_single_slice_is_taken_directly(
    tmp_path: Path,
    size_of: tuple[int, ...],
    possible: tuple[Examination, ...],
    spacing: tuple[float, float],
) -> None:
    values = volume(size_of)
    image = read_image(write_nifti(tmp_path / "one.nii", values, SPACING))
    np.testing.assert_array_equal(image.pixels, values.squeeze().T[::-1, ::-1])
    assert (image.possible_examinations, notes_of(image)) == (possible, ())
    assert image.spacing_mm == pytest.approx(spacing)


def test_a_picture_written_by_itk_stands_upright(tmp_path: Path) -> None:
    picture = volume((40, 50))
    path = write_nifti(tmp_path / "itk.nii", picture.T, np.diag([-1.0, -1, 1, 1]))
    np.testing.assert_array_equal(read_image(path).pixels, picture)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("meter", 1000.0), ("micron", 0.001)])
def test_units_become_millimetres(tmp_path: Path, unit: str, factor: float) -> None:
    in_unit = SPACING / [[factor]] if unit == "meter" else SPACING
    in_unit[3, 3] = 1
    path = write_nifti(tmp_path / "mr.nii", volume(), in_unit, unit)
    known = 1.0 if unit == "meter" else factor
    assert read_image(path).spacing_mm == pytest.approx((0.7 * known, 0.8 * known))


def test_an_unstated_unit_is_taken_for_millimetres_and_said(tmp_path: Path) -> None:
    image = read_image(write_nifti(tmp_path / "mr.nii", volume(), SPACING, None))
    assert image.spacing_mm == pytest.approx((0.7, 0.8))
    assert any("millimetres are assumed" in note for note in notes_of(image))


@pytest.mark.parametrize(
    ("unit", "zooms", "known"),
    [("mm", (1, 1, 1), False), (None, (0.9, 0.8, 0.7), False), ("mm", (0.9, 0.8, 0.7), True)],
    ids=["default ones", "no unit", "stated"],
)
def test_without_affine_only_a_stated_spacing_counts(
    tmp_path: Path, unit: str | None, zooms: tuple[float, ...], known: bool
) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    if unit is not None:
        header.set_xyzt_units(unit)
    bare = nib.Nifti1Image(volume(), None, header)
    bare.header.set_zooms(zooms)
    nib.save(bare, tmp_path / "bare.nii")
    image = read_image(tmp_path / "bare.nii")
    assert (image.spacing_mm is not None) is known
    assert (image.spacing_source is SpacingSource.UNKNOWN) is not known
    assert "The file does not state its orientation." in notes_of(image)


def test_scale_factors_are_applied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(volume(dtype=np.uint8), SPACING)
    image.header.set_slope_inter(0.5, 3)
    nib.save(image, tmp_path / "scaled.nii")
    read = read_image(tmp_path / "scaled.nii")
    stored = nib.load(tmp_path / "scaled.nii")
    expected = stored.get_fdata()[SIZES[0] // 2].T[::-1, ::-1]
    np.testing.assert_allclose(read.pixels, expected, rtol=1e-6)
    assert read.bits > 8


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        pytest.param(volume((33, 34, 1, 1, 3)), ReadProblem.UNSUPPORTED_LAYOUT, id="vectors"),
        pytest.param(volume(dtype=np.complex64), ReadProblem.UNSUPPORTED_LAYOUT, id="complex"),
        pytest.param(volume((50,)), ReadProblem.UNSUPPORTED_LAYOUT, id="one axis"),
        pytest.param(volume((20, 64, 20)), ReadProblem.TOO_SMALL, id="low"),
        pytest.param(np.zeros(SIZES, np.int16), ReadProblem.CONSTANT, id="constant"),
    ],
)
def test_refuses(tmp_path: Path, values: np.ndarray, problem: ReadProblem) -> None:
    assert problem_of(write_nifti(tmp_path / "odd.nii", values, SPACING)) is problem


def test_of_a_series_in_time_the_first_volume_is_taken_and_the_others_can_be(
    tmp_path: Path,
) -> None:
    values = np.stack([volume(), volume()[::-1]], axis=-1)
    path = write_nifti(tmp_path / "bold.nii.gz", values, SPACING)
    assert notes_of(read_image(path))[1] == "Volume 1 of 2."
    entries = list_series(path)
    assert [len(entry) for entry in entries] == [33, 33]
    for entry, expected in zip(entries, (volume(), volume()[::-1]), strict=True):
        middle = read_series_slice(entry, entry.middle)
        np.testing.assert_array_equal(middle.pixels, expected[16].T[::-1, ::-1])
        assert middle.notes == ()


def test_few_sagittal_slices_are_enough(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "mr.nii", volume((5, 60, 70)), SPACING)
    assert read_image(path).shape == (70, 60)


def test_refuses_colour_voxels(tmp_path: Path) -> None:
    rgb = np.zeros(SIZES, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    path = write_nifti(tmp_path / "rgb.nii", rgb, SPACING)
    assert problem_of(path) is ReadProblem.UNSUPPORTED_LAYOUT


@pytest.mark.parametrize("ending", ["img", "img.gz"])
@pytest.mark.parametrize("picked", ["hdr", "img"])
def test_header_and_values_in_two_files(tmp_path: Path, ending: str, picked: str) -> None:
    values = volume()
    nib.save(nib.Nifti1Pair(values, SPACING), tmp_path / f"Päar 1.{ending}")
    gz = ".gz" if ending.endswith("gz") else ""
    (tmp_path / "one").mkdir()
    alone = read_image(write_nifti(tmp_path / "one" / "a.nii", values, SPACING, unit=None))
    image = read_image(tmp_path / f"Päar 1.{picked}{gz}")
    np.testing.assert_array_equal(image.pixels, alone.pixels)
    assert image.spacing_mm == alone.spacing_mm
    assert [len(entry) for entry in list_series(tmp_path / f"Päar 1.{picked}{gz}")] == [33]
    assert [len(entry) for entry in list_series(tmp_path)] == [33, 33]


def test_a_pair_is_told_from_another_by_its_values(tmp_path: Path) -> None:
    sums = []
    for name, values in (("a", volume()), ("b", volume() + np.int16(1))):
        nib.save(nib.Nifti1Pair(values, SPACING), tmp_path / f"{name}.img")
        sums.append(read_image(tmp_path / f"{name}.hdr").sha256)
    assert sums[0] != sums[1]


def test_half_a_pair_says_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "halves"
    folder.mkdir()
    nib.save(nib.Nifti1Pair(volume(), SPACING), folder / "pair.img")
    (folder / "pair.img").rename(folder / "other.img")
    assert problem_of(folder / "pair.hdr") is ReadProblem.OTHER_HALF_MISSING
    assert problem_of(folder / "other.img") is ReadProblem.NOT_AN_IMAGE
    path = zipped(tmp_path / "pair.zip", folder)
    assert problem_of(path) is ReadProblem.OTHER_HALF_MISSING


def changed(path: Path, *fields: tuple[int, float]) -> Path:
    """Write numbers into the header of a whole file, which has an affine in both ways."""
    image = nib.Nifti1Image(volume(), SPACING)
    image.header.set_xyzt_units("mm")
    content = bytearray(image.to_bytes())
    for place, value in fields:
        struct.pack_into("<f", content, place, value)
    path.write_bytes(content)
    return path


PIXDIM, SLOPE, INTERCEPT, SROW = 80, 112, 116, 280
DIM, DATATYPE, BITPIX, OFFSET, CODES, QUATERNION = 40, 70, 72, 108, 252, 256


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([(PIXDIM, 9.0)], True),
        ([(SROW + 20, 5.0)], True),
        ([(PIXDIM, 1e30)], True),
        ([(PIXDIM, 0.0)], False),
        ([(PIXDIM, math.nan)], False),
    ],
    ids=["other size", "other affine", "absurd", "none", "not a number"],
)
def test_sizes_that_contradict_each_other_are_not_believed(
    tmp_path: Path, fields: list[tuple[int, float]], said: bool
) -> None:
    image = read_image(changed(tmp_path / "a.nii", *fields))
    assert (image.spacing_mm, image.spacing_source) == (None, SpacingSource.UNKNOWN)
    sentence = "The file states two different pixel spacings, so lengths are given in pixels."
    assert (sentence in notes_of(image)) is said


def test_a_negative_size_is_its_amount(tmp_path: Path) -> None:
    image = read_image(changed(tmp_path / "a.nii", (PIXDIM, -0.9)))
    assert image.spacing_mm == pytest.approx((0.7, 0.8))


NO_PLACE = "The file does not state its orientation."


@pytest.mark.parametrize("broken", [math.nan, 0.0])
def test_an_only_place_that_loses_an_axis_is_left_out(tmp_path: Path, broken: float) -> None:
    image = read_image(changed(tmp_path / "a.nii", (SROW, broken)))
    assert NO_PLACE in notes_of(image)
    assert any("(srow)" in note for note in notes_of(image))


@pytest.mark.parametrize(
    ("fields", "is_told"),
    [
        ([(CODES, "<2h", (0, 0))], False),
        ([(CODES, "<2h", (0, 1)), (SROW, "<12f", (0,) * 12)], False),
        ([(CODES, "<2h", (1, 0)), (QUATERNION, "<3f", (math.nan,) * 3)], True),
        ([(CODES, "<2h", (1, 0)), (QUATERNION, "<3f", (9, 9, 9))], True),
    ],
    ids=["no codes", "zeros", "no numbers", "no rotation"],
)
def test_a_file_without_a_place_in_space_says_so(
    tmp_path: Path, fields: list[tuple[int, str, Any]], is_told: bool
) -> None:
    content = single()
    for place, form, values in fields:
        struct.pack_into(form, content, place, *values)
    (tmp_path / "a.nii").write_bytes(content)
    image = read_image(tmp_path / "a.nii")
    assert NO_PLACE in notes_of(image)
    assert any("(quatern)" in note for note in notes_of(image)) is is_told
    assert image.spacing_mm is not None


@pytest.mark.parametrize("dimensions", [-1, 0, 8, 9])
def test_a_number_of_dimensions_that_cannot_be_is_named(tmp_path: Path, dimensions: int) -> None:
    content = single()
    struct.pack_into("<h", content, DIM, dimensions)
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(ImageReadError) as caught:
        read_image(tmp_path / "a.nii")
    assert caught.value.problem is ReadProblem.TRUNCATED
    assert caught.value.detail == f"{dimensions} dimensions"


def test_an_unknown_kind_of_values_is_named(tmp_path: Path) -> None:
    content = single()
    struct.pack_into("<h", content, DATATYPE, 9999)
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(ImageReadError) as caught:
        read_image(tmp_path / "a.nii")
    assert caught.value.problem is ReadProblem.UNSUPPORTED_PIXELS
    assert caught.value.detail == "datatype 9999"


@pytest.mark.parametrize("offset", [1e30, 1e6, math.inf])
@pytest.mark.parametrize("name", ["b.nii", "b.nii.gz"])
def test_a_start_beyond_a_file_that_its_values_fill_is_put_right(
    tmp_path: Path, offset: float, name: str
) -> None:
    expected = read_image(changed(tmp_path / "a.nii")).pixels
    content = single()
    struct.pack_into("<f", content, OFFSET, offset)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    image = read_image(tmp_path / name)
    np.testing.assert_array_equal(image.pixels, expected)
    assert f"{REPAIRED}352." in notes_of(image)
    cut = content[:-100]
    (tmp_path / name).write_bytes(gzip.compress(cut) if name.endswith("gz") else cut)
    assert problem_of(tmp_path / name) is ReadProblem.TRUNCATED


@pytest.mark.parametrize("slope", [0.0, math.nan, math.inf])
def test_a_slope_that_makes_no_sense_is_left_out(tmp_path: Path, slope: float) -> None:
    image = read_image(changed(tmp_path / "a.nii", (SLOPE, slope)))
    expected = read_image(changed(tmp_path / "b.nii"))
    np.testing.assert_array_equal(image.pixels, expected.pixels)


@pytest.mark.parametrize(
    ("low", "high", "is_ct"),
    [
        (-1024, 2000, True),
        (-32768, 2000, False),
        (-4096, 4095, False),
        (-500, 900, False),
        (-1319, -500, False),
        (-1319, 0, False),
    ],
    ids=["CT", "far below", "phases", "soft", "turned round", "turned round with background"],
)
@pytest.mark.parametrize("slope", [1, -1])
def test_hounsfield_units_are_told_by_air(
    tmp_path: Path, low: int, high: int, is_ct: bool, slope: int
) -> None:
    values = np.linspace(low, high, math.prod(SIZES)).reshape(SIZES)
    image = nib.Nifti1Image(np.round(slope * values).astype(np.int16), SPACING)
    content = bytearray(image.to_bytes())
    struct.pack_into("<f", content, SLOPE, slope)
    (tmp_path / "a.nii").write_bytes(content)
    assert read_image(tmp_path / "a.nii").is_hounsfield is is_ct


def test_padding_far_below_does_not_hide_a_ct(tmp_path: Path) -> None:
    values = (volume() % 3000 - 1024).astype(np.int16)
    values[:3] = -32768
    assert read_image(write_nifti(tmp_path / "a.nii", values, SPACING)).is_hounsfield


def test_signed_bytes_are_not_taken_for_display_values(tmp_path: Path) -> None:
    values = (volume() % 256 - 128).astype(np.int8)
    assert read_image(write_nifti(tmp_path / "a.nii", values, SPACING)).bits > 8


@pytest.mark.parametrize("dtype", [np.complex64, [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_refuses_what_has_no_grey_values(tmp_path: Path, dtype: Any) -> None:
    path = write_nifti(tmp_path / "a.nii", np.zeros(SIZES, dtype), SPACING)
    assert problem_of(path) is ReadProblem.UNSUPPORTED_LAYOUT


@pytest.mark.parametrize("sizes", [(20_000, 20_000, 1), (2000,) * 3], ids=["slice", "volume"])
def test_a_huge_file_is_refused_by_its_header(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    path = write_nifti(tmp_path / "mr.nii", volume(), SPACING)
    content = bytearray(path.read_bytes())
    content[42:48] = np.array(sizes, "<i2").tobytes()
    path.write_bytes(content)
    assert problem_of(path) is ReadProblem.TOO_LARGE


@settings(max_examples=25, deadline=None)
@given(angle=st.floats(-0.6, 0.6), axis=st.integers(0, 2))
def test_oblique_volumes_are_cut_along_their_own_nearest_plane(angle: float, axis: int) -> None:
    from tempfile import TemporaryDirectory

    turn = np.eye(4)
    first, second = [k for k in range(3) if k != axis]
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
    with TemporaryDirectory() as folder:
        image = read_image(write_nifti(Path(folder) / "mr.nii", volume(), turn @ SPACING))
    np.testing.assert_array_equal(image.pixels, volume()[SIZES[0] // 2].T[::-1, ::-1])
    assert image.spacing_mm == pytest.approx((0.7, 0.8), rel=1e-5)


def test_no_number_of_volumes_is_one(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", volume(), SPACING)
    content = bytearray(path.read_bytes())
    content[40:50] = struct.pack("<5h", 4, *SIZES, 0)
    before = read_image(path)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_image(path).pixels, before.pixels)


def test_a_second_place_of_zeros_does_not_hide_the_first(tmp_path: Path) -> None:
    image = nib.Nifti1Image(volume(), SPACING)
    image.set_qform(SPACING, 1)
    image.header.set_xyzt_units("mm")
    nib.save(image, tmp_path / "a.nii")
    before = read_image(tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[280:328] = bytes(48)
    (tmp_path / "a.nii").write_bytes(content)
    after = read_image(tmp_path / "a.nii")
    np.testing.assert_array_equal(after.pixels, before.pixels)
    assert after.spacing_mm == before.spacing_mm is not None


# --- limits of the format, and checksums ------------------------------------------------

REPAIRED = (
    "The file writes the start of its values (vox_offset) in an irregular form; it was read as "
)


def single(kind: type = nib.Nifti1Image, cut: int = 0, rest: bytes = b"") -> bytearray:
    """Return a whole file in one; `cut` bytes in front of its values are left out."""
    image = kind(volume(), SPACING)
    image.header.set_xyzt_units("mm")
    content = bytearray(image.to_bytes())
    start = len(content) - image.get_fdata().size * 2
    return content[: start - cut] + content[start:] + rest


@pytest.mark.parametrize("stated", [0.0, 100.0, 348.0, 351.5, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_values_that_cannot_start_where_the_header_says_are_found(
    tmp_path: Path, suffix: str, stated: float
) -> None:
    expected = read_image(changed(tmp_path / "a.nii")).pixels
    content = single()
    struct.pack_into("<f", content, OFFSET, stated)
    path = tmp_path / f"b{suffix}"
    path.write_bytes(gzip.compress(content) if suffix == ".nii.gz" else content)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, expected)
    assert f"{REPAIRED}352." in notes_of(image)


@pytest.mark.parametrize(
    ("kind", "cut", "rest", "start"),
    [
        (nib.Nifti1Image, 4, b"", 348), (nib.Nifti1Image, 0, b"more", 352),
        (nib.Nifti2Image, 0, b"", 544), (nib.Nifti2Image, 4, b"", 540),
    ],
)  # fmt: skip
def test_the_length_of_a_file_tells_where_values_start(
    tmp_path: Path, kind: type, cut: int, rest: bytes, start: int
) -> None:
    expected = read_image(changed(tmp_path / "a.nii")).pixels
    content = single(kind, cut, rest)
    struct.pack_into("<q" if kind is nib.Nifti2Image else "<f", content,
                     168 if kind is nib.Nifti2Image else OFFSET, 0)  # fmt: skip
    (tmp_path / "b.nii").write_bytes(content)
    image = read_image(tmp_path / "b.nii")
    np.testing.assert_array_equal(image.pixels, expected)
    assert f"{REPAIRED}{start}." in notes_of(image)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([(OFFSET, "<f", 356.0)], id="starts too late"),
        pytest.param([(OFFSET, "<f", 0.0), (348, "<B", 1), (-1, "", 4)], id="something before"),
        pytest.param([(DATATYPE, "<2h", (2, 16))], id="half of the values"),
        pytest.param([(DATATYPE, "<2h", (256, 16))], id="signed bytes"),
        pytest.param([(DATATYPE, "<2h", (8, 16))], id="more than there are"),
        pytest.param([(DATATYPE, "<2h", (0, 16))], id="no kind"),
        pytest.param([(DIM, "<2h", (3, -33))], id="negative size"),
        pytest.param([(DIM, "<2h", (3, 66))], id="longer than the file"),
    ],
)
def test_headers_that_contradict_themselves_or_the_file_are_refused(
    tmp_path: Path, fields: list[tuple[int, str, Any]]
) -> None:
    content = single()
    struct.pack_into("<2f", content, SLOPE, 1, 0)
    for place, form, value in fields:
        if place < 0:
            content += bytes(value)
        else:
            values = value if isinstance(value, tuple) else (value,)
            struct.pack_into(form, content, place, *values)
    (tmp_path / "a.nii").write_bytes(content)
    assert problem_of(tmp_path / "a.nii") in (ReadProblem.TRUNCATED, ReadProblem.UNSUPPORTED_LAYOUT)


@pytest.mark.parametrize("bits", [0, 8, 32, -16])
def test_bits_that_contradict_the_kind_of_values_give_way_where_the_length_fits(
    tmp_path: Path, bits: int
) -> None:
    expected = read_image(changed(tmp_path / "a.nii")).pixels
    content = single()
    struct.pack_into("<h", content, BITPIX, bits)
    (tmp_path / "b.nii").write_bytes(content)
    image = read_image(tmp_path / "b.nii")
    np.testing.assert_array_equal(image.pixels, expected)
    assert any("(bitpix)" in note for note in notes_of(image))


@pytest.mark.parametrize(
    ("place", "value", "name"),
    [
        (PIXDIM, 0.0, "(pixdim)"), (PIXDIM, math.nan, "(pixdim)"),
        (PIXDIM + 4, math.inf, "(pixdim)"), (SLOPE, math.inf, "(scl_slope)"),
        (SLOPE, 1e38, "(scl_slope)"), (SLOPE, 1e-38, "(scl_slope)"),
        (INTERCEPT, math.nan, "(scl_inter)"), (INTERCEPT, -math.inf, "(scl_inter)"),
        (INTERCEPT, 1e38, "(scl_inter)"),
    ],
)  # fmt: skip
def test_a_number_outside_its_limits_is_left_out_and_said(
    tmp_path: Path, place: int, value: float, name: str
) -> None:
    slope = [(SLOPE, 2.0)] if place == INTERCEPT else []
    image = read_image(changed(tmp_path / "a.nii", *slope, (place, value)))
    assert any(name in note for note in notes_of(image))
    assert (image.spacing_mm is None) is (name == "(pixdim)")
    np.testing.assert_array_equal(image.pixels, read_image(changed(tmp_path / "b.nii")).pixels)


@pytest.mark.parametrize(
    "rows",
    [[math.nan] * 12, [0.9, *[0.0] * 11], [0.9, 0, 0, 0] * 2 + [0, 0, 0.7, 0]],
    ids=["no numbers", "one axis", "two axes"],
)
def test_a_place_in_space_that_loses_an_axis_gives_way_to_the_other(
    tmp_path: Path, rows: list[float]
) -> None:
    image = nib.Nifti1Image(volume(), SPACING)
    image.set_qform(SPACING, 1)
    image.header.set_xyzt_units("mm")
    content = bytearray(image.to_bytes())
    (tmp_path / "a.nii").write_bytes(content)
    struct.pack_into("<12f", content, SROW, *rows)
    (tmp_path / "b.nii").write_bytes(content)
    expected, read = (read_image(tmp_path / name) for name in ("a.nii", "b.nii"))
    np.testing.assert_array_equal(read.pixels, expected.pixels)
    assert read.spacing_mm == expected.spacing_mm
    assert any("(srow)" in note for note in notes_of(read))


@pytest.mark.parametrize("slope", [0.0, math.nan])
def test_an_offset_without_a_scale_factor_means_nothing(tmp_path: Path, slope: float) -> None:
    image = read_image(changed(tmp_path / "a.nii", (SLOPE, slope), (INTERCEPT, math.nan)))
    assert not any("(scl_inter)" in note for note in notes_of(image))
    np.testing.assert_array_equal(image.pixels, read_image(changed(tmp_path / "b.nii")).pixels)


def test_absurd_sizes_are_no_millimetres(tmp_path: Path) -> None:
    image = read_image(write_nifti(tmp_path / "a.nii", volume(), SPACING, "meter"))
    assert image.spacing_mm is None
    assert any("(pixdim)" in note for note in notes_of(image))


def packed_times(count: int) -> bytearray:
    """Return a compressed series in time."""
    content = single(rest=bytes(volume().tobytes() * (count - 1)))
    struct.pack_into("<5h", content, DIM, 4 if count > 1 else 3, *SIZES, count)
    return bytearray(gzip.compress(content))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("place", "problem"), [(-8, True), (-1, True), (None, False)], ids=["CRC", "size", "intact"]
)
def test_the_checksum_of_a_compressed_file_is_looked_at(
    tmp_path: Path, place: int | None, problem: bool, count: int
) -> None:
    content = packed_times(count)
    if place is not None:
        content[place] ^= 1
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    if problem:
        assert problem_of(path) is ReadProblem.TRUNCATED
    else:
        assert len(list_series(path)) == count
        assert read_image(path).pixels.any()


@pytest.mark.parametrize("lost", [1, 8])
def test_a_compressed_file_without_its_whole_checksum_is_damaged(tmp_path: Path, lost: int) -> None:
    (tmp_path / "a.nii.gz").write_bytes(packed_times(1)[:-lost])
    assert problem_of(tmp_path / "a.nii.gz") is ReadProblem.TRUNCATED


@pytest.mark.parametrize("behind", [b"put behind", bytes(512)])
def test_what_was_put_behind_a_compressed_file_does_not_matter(
    tmp_path: Path, behind: bytes
) -> None:
    (tmp_path / "a.nii.gz").write_bytes(packed_times(1) + behind)
    assert read_image(tmp_path / "a.nii.gz").pixels.any()


def test_the_checksum_of_a_header_of_its_own_is_looked_at_too(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.hdr", volume(), SPACING, kind=nib.Nifti1Pair)
    packed = bytearray(gzip.compress((tmp_path / "a.hdr").read_bytes()))
    (tmp_path / "a.hdr").unlink()
    (tmp_path / "a.hdr.gz").write_bytes(packed)
    assert read_image(tmp_path / "a.hdr.gz").pixels.any()
    packed[-8] ^= 1
    (tmp_path / "a.hdr.gz").write_bytes(packed)
    assert problem_of(tmp_path / "a.hdr.gz") is ReadProblem.TRUNCATED
