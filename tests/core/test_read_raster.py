"""PNG, JPEG, TIFF, BMP, WebP and GIF in the shapes that users bring them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from spinealign.domain.image import SpacingSource
from spinealign.imaging.read import read_image
from tests.image_files import notes_of, ramp

GREY = (ramp(60, 80) % 256).astype(np.uint8)
COLOUR_NOTE = "Colour picture, turned to grey."


def smooth() -> np.ndarray:
    """Return a soft 8-bit picture that lossy formats keep within a few grey values."""
    rows, cols = np.mgrid[:64, :96]
    return (128 + 60 * np.sin(rows / 9) + 50 * np.cos(cols / 13)).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif", "webp"])
def test_lossless_grey_is_kept_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"scan.{suffix}"
    Image.fromarray(GREY).save(path, **({"lossless": True} if suffix == "webp" else {}))
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert (image.bits, notes_of(image)) == (8, ())
    assert image.file_format.upper() == {"tif": "TIFF"}.get(suffix, suffix.upper())


def test_jpeg_is_kept_nearly(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "scan.jpg", quality=95)
    image = read_image(tmp_path / "scan.jpg")
    assert np.abs(image.pixels - smooth()).max() < 6
    assert image.file_format == "JPEG"


def test_print_resolution_is_no_pixel_spacing(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "scan.png", dpi=(300, 300))
    image = read_image(tmp_path / "scan.png")
    assert (image.spacing_mm, image.spacing_source) == (None, SpacingSource.UNKNOWN)
    assert image.view_hint is None


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_stays_16_bit(tmp_path: Path, suffix: str) -> None:
    deep = (ramp(60, 80, np.int64) * 13).astype(np.uint16)
    path = tmp_path / f"film.{suffix}"
    Image.fromarray(deep).save(path)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, deep)
    assert image.bits == 16


def test_16_bit_white_is_zero_tiff_is_turned_bright(tmp_path: Path) -> None:
    stored = ramp(60, 80, np.uint16)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 0
    path = tmp_path / "film.tif"
    Image.fromarray(stored).save(path, tiffinfo=tags)
    with Image.open(path) as written:
        assert isinstance(written, TiffImagePlugin.TiffImageFile)
        assert written.tag_v2[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] == 0
    np.testing.assert_array_equal(read_image(path).pixels, 65535 - stored.astype(float))


def test_8_bit_white_is_zero_tiff_is_turned_bright(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = 0
    path = tmp_path / "film.tif"
    Image.fromarray(GREY).save(path, tiffinfo=tags, compression=None)
    assert (255 - GREY).tobytes() in path.read_bytes()
    np.testing.assert_array_equal(read_image(path).pixels, GREY)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_tiff_keeps_its_values(tmp_path: Path, mode: str) -> None:
    values = ramp(60, 80, np.int32 if mode == "I" else np.float32) * 3 - 50
    path = tmp_path / "map.tif"
    Image.fromarray(values).save(path)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, values)
    assert image.bits == 32


def test_black_and_white_becomes_0_and_255(tmp_path: Path) -> None:
    Image.fromarray(GREY).convert("1").save(tmp_path / "fax.png")
    image = read_image(tmp_path / "fax.png")
    assert set(np.unique(image.pixels)) == {0, 255}
    assert image.bits == 8


@pytest.mark.parametrize("mode", ["RGB", "P", "CMYK", "RGBA", "LA", "YCbCr"])
def test_grey_stored_as_colour_is_the_same_grey_without_a_note(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("scan.tif" if mode in ("CMYK", "YCbCr") else "scan.png")
    Image.fromarray(GREY).convert("RGB").convert(mode).save(path)
    image = read_image(path)
    assert np.abs(image.pixels - GREY).max() <= (40 if mode == "P" else 1)
    assert notes_of(image) == ()


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "RGBA"])
def test_true_colour_is_turned_to_luminance_with_a_note(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGB", (80, 60), (200, 30, 30))
    picture.paste((20, 180, 60), (0, 0, 40, 60))
    path = tmp_path / ("photo.jpg" if mode == "CMYK" else "photo.png")
    picture.convert(mode).save(path)
    image = read_image(path)
    assert notes_of(image) == (COLOUR_NOTE,)
    assert image.pixels[30, 10] == pytest.approx(0.299 * 20 + 0.587 * 180 + 0.114 * 60, abs=3)


def test_a_small_coloured_marker_does_not_make_a_film_a_colour_picture(tmp_path: Path) -> None:
    picture = Image.fromarray(smooth()).convert("RGB")
    picture.paste((255, 230, 0), (4, 4, 9, 9))
    picture.save(tmp_path / "film.png")
    assert notes_of(read_image(tmp_path / "film.png")) == ()


def test_transparent_pixels_are_laid_on_black(tmp_path: Path) -> None:
    picture = Image.fromarray(np.full((60, 80), 200, np.uint8)).convert("RGBA")
    picture.paste((255, 255, 255, 0), (0, 0, 40, 60))
    picture.putpixel((60, 30), (200, 200, 200, 128))
    picture.save(tmp_path / "cut_out.png")
    image = read_image(tmp_path / "cut_out.png")
    assert image.pixels[10, 10] == 0
    assert image.pixels[10, 70] == 200
    assert image.pixels[30, 60] == pytest.approx(100, abs=1)
    assert notes_of(image) == ("Transparent pixels are shown on black.",)


def test_a_transparent_palette_colour_is_laid_on_black(tmp_path: Path) -> None:
    picture = Image.fromarray((GREY > 100).astype(np.uint8), mode=None).convert("P")
    picture.putpalette([250, 250, 250, 90, 90, 90])
    picture.save(tmp_path / "icon.gif", transparency=0)
    assert set(np.unique(read_image(tmp_path / "icon.gif").pixels)) == {0, 90}


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(np.roll(smooth(), 20 * k, axis=1)) for k in range(3)]
    path = tmp_path / f"cine.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)
    image = read_image(path)
    assert notes_of(image) == ("Page 1 of 3.",)
    assert np.abs(image.pixels - smooth()).mean() < 4


def test_of_a_tiff_with_pages_the_first_is_taken(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    image = read_image(tmp_path / "pages.tif")
    assert notes_of(image) == ("Page 1 of 2.",)
    np.testing.assert_array_equal(image.pixels, GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_tag_is_obeyed(tmp_path: Path, orientation: int) -> None:
    turn = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 3),
        7: lambda a: np.rot90(a, 2).T,
        8: np.rot90,
    }[orientation]
    tags = Image.Exif()
    tags[0x0112] = orientation
    path = tmp_path / "phone.jpg"
    Image.fromarray(smooth()).save(path, exif=tags, quality=100)
    image = read_image(path)
    assert image.shape == turn(smooth()).shape
    assert np.abs(image.pixels - turn(smooth())).max() < 4
    assert bool(notes_of(image)) == (orientation > 1)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_deep_colour_keeps_its_16_bits(tmp_path: Path, suffix: str) -> None:
    deep = np.repeat((ramp(60, 80, np.int64) * 13).astype(np.uint16)[..., None], 3, axis=2)
    cv2.imwrite(str(tmp_path / f"deep.{suffix}"), deep)
    image = read_image(tmp_path / f"deep.{suffix}")
    assert (image.bits, notes_of(image)) == (16, ())
    np.testing.assert_allclose(image.pixels, deep[..., 0], atol=0.01)


def test_deep_colour_is_weighed_and_laid_on_black(tmp_path: Path) -> None:
    deep = np.zeros((60, 80, 4), np.uint16)
    deep[..., :3] = (1000, 30_000, 60_000)  # blue, green, red
    deep[:, :40, 3] = 65_535
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    image = read_image(tmp_path / "deep.png")
    expected = 0.299 * 60_000 + 0.587 * 30_000 + 0.114 * 1000
    assert image.pixels[30, 10] == pytest.approx(expected, abs=1)
    assert image.pixels[30, 70] == 0
    assert notes_of(image) == (COLOUR_NOTE, "Transparent pixels are shown on black.")


@pytest.mark.parametrize("side", [1, 31])
def test_tiny_pictures_are_refused_and_32_is_enough(tmp_path: Path, side: int) -> None:
    Image.fromarray(ramp(32, 32, np.uint8)).save(tmp_path / "enough.png")
    assert read_image(tmp_path / "enough.png").shape == (32, 32)
    Image.fromarray(ramp(side, 64, np.uint8)).save(tmp_path / "tiny.png")
    with pytest.raises(Exception, match=f"64 x {side}"):
        read_image(tmp_path / "tiny.png")
