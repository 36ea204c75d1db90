"""TIFF layouts: every one is read right or refused by name, and thumbnails are no pictures."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter, ImageFileDirectory_v2

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart
from spinealign.imaging.read import read_image
from spinealign.imaging.readers import read_part
from spinealign.imaging.study import list_series
from tests.image_files import notes_of, write_tiff

LUMA = np.array((0.299, 0.587, 0.114))
RISE = np.add.outer(np.arange(45) * 3, np.arange(60) * 2).astype(np.int64)
COLOUR = np.stack([RISE, RISE[::-1], RISE[:, ::-1]], axis=-1)
DEEP = (COLOUR * 250).astype(np.uint16)
DEFLATED, PREDICTED, SEPARATE, TURNED = {259: 8}, {317: 2}, {284: 2}, {274: 6}


def as_bytes(values: NDArray[np.generic], order: str) -> bytes:
    return values.astype(values.dtype.newbyteorder(order)).tobytes()


def in_strips(values: NDArray[np.generic], order: str, tags: dict[int, int]) -> list[bytes]:
    """Return the planes of a picture in strips of 16 rows, packed as the tags say."""
    strips = []
    for number in range(values.shape[2]):
        plane = values[..., number].copy()
        if tags.get(317) == 2:
            plane[:, 1:] = np.diff(values[..., number], axis=1)
        for top in range(0, len(plane), 16):
            strip = as_bytes(plane[top : top + 16], order)
            strips.append(zlib.compress(strip) if tags.get(259) == 8 else strip)
    return strips


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("turn", [{}, TURNED], ids=["upright", "turned"])
@pytest.mark.parametrize(
    "packing", [{}, DEFLATED, DEFLATED | PREDICTED], ids=["plain", "deflated", "predicted"]
)
def test_colours_that_lie_plane_by_plane(
    tmp_path: Path, packing: dict[int, int], turn: dict[int, int], order: str
) -> None:
    tags = SEPARATE | {278: 16} | packing | turn
    path = write_tiff(
        tmp_path / "a.tif", in_strips(DEEP, order, tags), DEEP, tags=tags, order=order
    )
    image = read_image(path)
    expected = DEEP @ LUMA
    np.testing.assert_allclose(image.pixels, np.rot90(expected, -1) if turn else expected, atol=0.1)
    assert image.bits == 16


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_colours_that_lie_plane_by_plane_in_tiles(tmp_path: Path, order: str) -> None:
    padded = np.pad(DEEP, ((0, 3), (0, 4), (0, 0)))
    tiles = [
        as_bytes(padded[top : top + 16, left : left + 32, number], order)
        for number in range(3)
        for top in range(0, 48, 16)
        for left in range(0, 64, 32)
    ]
    path = write_tiff(tmp_path / "a.tif", tiles, DEEP, tile=(16, 32), tags=SEPARATE, order=order)
    np.testing.assert_allclose(read_image(path).pixels, DEEP @ LUMA, atol=0.1)


def test_transparency_that_lies_in_a_plane_of_its_own(tmp_path: Path) -> None:
    values = np.dstack([DEEP, np.full(DEEP.shape[:2], 65535 // 2, np.uint16)])
    planes = [values[..., number].tobytes() for number in range(4)]
    path = write_tiff(tmp_path / "a.tif", planes, values, tags=SEPARATE | {338: 2})
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, DEEP @ LUMA / 2, atol=1)
    assert notes_of(image)[-1] == "Transparent pixels are shown on black."


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_grey_with_a_plane_of_something_else(tmp_path: Path, dtype: type) -> None:
    values = COLOUR[..., :2].astype(dtype)
    planes = [values[..., number].tobytes() for number in range(2)]
    path = write_tiff(tmp_path / "a.tif", planes, values, tags=SEPARATE | {338: 0})
    np.testing.assert_array_equal(read_image(path).pixels, RISE)


def test_white_is_zero_in_a_plane_of_its_own(tmp_path: Path) -> None:
    values = DEEP[..., :2]
    planes = [values[..., number].tobytes() for number in range(2)]
    path = write_tiff(tmp_path / "a.tif", planes, values, tags=SEPARATE | {338: 0, 262: 0})
    np.testing.assert_array_equal(read_image(path).pixels, 65535 - values[..., 0].astype(int))


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("predictor", [{}, PREDICTED], ids=["plain", "predicted"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32])
def test_compressed_numbers_of_either_order(
    tmp_path: Path, dtype: type, predictor: dict[int, int], order: str
) -> None:
    values = ((RISE - 100) * 99).astype(dtype) if dtype != np.uint16 else DEEP[..., 0]
    if predictor and dtype is np.float32:
        predictor = {317: 3}
        packed = b"".join(map(floating_row, values))
    else:
        stored = np.diff(values, axis=1, prepend=values.dtype.type(0)) if predictor else values
        packed = as_bytes(stored.astype(dtype), order)
    path = write_tiff(
        tmp_path / "a.tif", [zlib.compress(packed)], values, tags=DEFLATED | predictor, order=order
    )
    np.testing.assert_array_equal(read_image(path).pixels, values)


def floating_row(row: NDArray[np.float32]) -> bytes:
    """Return a row behind the floating point predictor: differences of bytes, highest first."""
    planes = row.astype(">f4").view(np.uint8).reshape(-1, 4).T.reshape(-1)
    return np.diff(planes, prepend=np.uint8(0)).tobytes()


def test_numbers_above_half_of_what_32_bits_hold(tmp_path: Path) -> None:
    values = (RISE * 15_000_000).astype(np.uint32)
    assert values.max() > 2**31
    path = write_tiff(tmp_path / "a.tif", [values.tobytes()], values)
    np.testing.assert_allclose(read_image(path).pixels, values, rtol=1e-7)


def test_grey_already_multiplied_by_its_transparency(tmp_path: Path) -> None:
    values = np.dstack([RISE, np.full_like(RISE, 255)]).astype(np.uint8)
    path = write_tiff(tmp_path / "a.tif", [values.tobytes()], values, tags={338: 1})
    np.testing.assert_array_equal(read_image(path).pixels, values[..., 0])


@pytest.mark.parametrize(
    ("values", "tags", "detail"),
    [
        (np.dstack([DEEP, DEEP[..., :1]]), {262: 5}, "CMYK of 16 bits"),
        (np.dstack([DEEP, DEEP[..., :1]]), {262: 5} | SEPARATE, "CMYK of 16 bits"),
        (DEEP, {262: 8}, "16 bits"),
        (DEEP.astype(np.float32), {}, "32 bits"),
        (DEEP[..., :2], {338: 2}, "16 bits"),
        (DEEP[..., 0], {262: 3}, "16 bits"),
    ],
)
def test_other_layouts_are_refused_by_name(
    tmp_path: Path, values: NDArray[np.generic], tags: dict[int, int], detail: str
) -> None:
    planes = [values[..., k].tobytes() for k in range(4)] if 284 in tags else [values.tobytes()]
    with pytest.raises(ImageReadError) as caught:
        read_image(write_tiff(tmp_path / "a.tif", planes, values, tags=tags))
    assert (caught.value.problem, caught.value.detail) == (ReadProblem.UNSUPPORTED_PIXELS, detail)


# --- pages -------------------------------------------------------------------------

FULL = (np.add.outer(np.arange(120), np.arange(160)) % 250).astype(np.uint8)
SMALL = FULL[::3, ::3]
REDUCED, MASK, OLD_REDUCED = (254, 1), (254, 4), (255, 2)


def write_pages(path: Path, *pages: tuple[NDArray[np.uint8], tuple[int, int] | None]) -> Path:
    with AppendingTiffWriter(path, new=True) as file:
        for values, tag in pages:
            info = ImageFileDirectory_v2()
            if tag:
                info[tag[0]] = tag[1]
            Image.fromarray(values).save(file, "TIFF", tiffinfo=info)
            file.newFrame()
    return path


def shown(path: Path) -> list[list[tuple[int, int]]]:
    """Return the sizes of the pictures of each series."""
    return [[read_part(part).shape for part in entry.parts] for entry in list_series(path)]


@pytest.mark.parametrize("tag", [REDUCED, MASK, OLD_REDUCED], ids=["reduced", "mask", "old"])
@pytest.mark.parametrize("place", [0, 1], ids=["first", "last"])
def test_a_page_that_says_it_is_no_picture_is_left_out(
    tmp_path: Path, place: int, tag: tuple[int, int]
) -> None:
    pages: list[tuple[NDArray[np.uint8], tuple[int, int] | None]] = [(FULL, None)]
    pages.insert(place, (SMALL, tag))
    path = write_pages(tmp_path / "a.tif", *pages)
    np.testing.assert_array_equal(read_image(path).pixels, FULL)
    assert notes_of(read_image(path)) == (f"Page {2 - place} of 2.",)
    assert shown(path) == [[(120, 160)]]


def test_reduced_pages_that_do_not_say_so_come_after_the_full_one(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", (SMALL, None), (FULL, None), (SMALL[::-1], None))
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, FULL)
    assert notes_of(image) == ("Page 2 of 3.",)
    assert shown(path) == [[(120, 160)], [(40, 54), (40, 54)]]


def test_pages_of_other_proportions_are_pictures(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", (FULL[:40, :40], None), (FULL, None), (FULL, None))
    assert read_image(path).shape == (40, 40)
    assert shown(path) == [[(40, 40), (120, 160), (120, 160)]]


def test_a_file_of_reduced_pages_only_still_opens(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", (FULL, REDUCED))
    assert read_image(path).shape == (120, 160)
    assert list_series(path)[0].parts == (ImagePart(path),)


def test_a_thumbnail_above_its_picture_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "below.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40), subifds=1)
        writer.write(np.arange(384 * 320, dtype=np.uint16).reshape(384, 320))
    with pytest.raises(ImageReadError) as caught:
        read_image(path)
    assert caught.value.problem is ReadProblem.UNSUPPORTED_PIXELS
    assert "directory below" in str(caught.value)


def test_a_picture_above_its_thumbnails_is_read(tmp_path: Path) -> None:
    path = tmp_path / "above.tif"
    full = np.arange(384 * 320, dtype=np.uint16).reshape(384, 320)
    with tifffile.TiffWriter(path) as writer:
        writer.write(full, subifds=1)
        writer.write(full[::8, ::8], subfiletype=1)
    np.testing.assert_array_equal(read_image(path).pixels, full)
