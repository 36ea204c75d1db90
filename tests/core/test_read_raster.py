"""PNG, JPEG, TIFF, BMP, WebP and GIF in the shapes that users bring them."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import SpacingSource
from spinealign.imaging.read import read_image
from tests.image_files import notes_of, png_turned, ramp

GREY = (ramp(60, 80) % 256).astype(np.uint8)
COLOUR_NOTE = "Colour image, converted to greyscale."


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
    assert image.possible_examinations is None


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


# --- TIFF of every kind ------------------------------------------------------------


def tiff_of(path: Path, values: np.ndarray, **tags: object) -> Path:
    """Write an uncompressed grey TIFF, with the tags that Pillow and OpenCV do not write."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    rows, cols = values.shape
    fields = {
        256: cols, 257: rows, 258: values.itemsize * 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: rows,
        279: values.nbytes, 339: kind,
    } | {int(name[1:]): value for name, value in tags.items()}  # fmt: skip
    start = 8 + 2 + 12 * len(fields) + 4
    fields[273] = start
    entries = (struct.pack("<HHII", tag, 4, 1, int(str(v))) for tag, v in sorted(fields.items()))
    head = b"II*\0" + struct.pack("<IH", 8, len(fields))
    path.write_bytes(head + b"".join(entries) + bytes(4) + values.tobytes())
    return path


WIDE = ramp(60, 80, np.int64)
KINDS = {
    "int8": (WIDE % 256 - 128).astype(np.int8),
    "int16": (WIDE - 2000).astype(np.int16),
    "uint16": (WIDE * 13).astype(np.uint16),
    "int32": (WIDE * -1000).astype(np.int32),
    "uint32": (WIDE * 1000).astype(np.uint32),
    "float32": (WIDE / 7).astype(np.float32),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number_in_a_tiff(tmp_path: Path, kind: str) -> None:
    image = read_image(tiff_of(tmp_path / "a.tif", KINDS[kind]))
    np.testing.assert_array_equal(image.pixels, KINDS[kind].astype(np.float32))
    assert image.bits > 8


@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_white_is_zero_in_every_depth(tmp_path: Path, kind: str) -> None:
    image = read_image(tiff_of(tmp_path / "a.tif", KINDS[kind], _262=0))
    fall = np.diff(image.pixels.astype(np.float64).ravel())
    rise = np.diff(KINDS[kind].astype(np.float64).ravel())
    np.testing.assert_allclose(fall, -rise, atol=0.01)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint64])
def test_numbers_that_no_decoder_knows_are_not_called_damaged(tmp_path: Path, dtype: type) -> None:
    with pytest.raises(ImageReadError) as caught:
        read_image(tiff_of(tmp_path / "a.tif", WIDE.astype(dtype)))
    assert caught.value.problem is ReadProblem.UNSUPPORTED_PIXELS
    assert caught.value.detail == f"{np.dtype(dtype).itemsize * 8} bits"


@pytest.mark.parametrize("kept", [4, 9, 60, 300])
def test_a_tiff_cut_short_is_damaged(tmp_path: Path, kept: int) -> None:
    path = tiff_of(tmp_path / "a.tif", WIDE.astype(np.float32))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ImageReadError) as caught:
        read_image(path)
    assert caught.value.problem is ReadProblem.TRUNCATED


TURNS = {
    1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.T, 6: lambda a: np.rot90(a, -1), 7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a),
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["tif", "png", "webp"])
def test_every_orientation_is_turned_upright_and_said(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(GREY).save(path, exif=exif, **options)
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, TURNS[orientation](GREY))
    said = "Rotated upright as the file’s orientation tag states."
    assert notes_of(image) == ((said,) if orientation > 1 else ())


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("channels", [3, 4])
def test_deep_colour_is_turned_upright_too(tmp_path: Path, channels: int, orientation: int) -> None:
    deep = np.full((60, 80, channels), 65_535, np.uint16)
    deep[..., :3] = (ramp(60, 80, np.int64) * 13).astype(np.uint16)[..., None]
    path = tmp_path / "deep.png"
    path.write_bytes(png_turned(cv2.imencode(".png", deep)[1].tobytes(), orientation))
    image = read_image(path)
    np.testing.assert_allclose(image.pixels, TURNS[orientation](deep[..., 0]), atol=0.01)
    said = "Rotated upright as the file’s orientation tag states."
    assert (image.bits, notes_of(image)) == (16, (said,) if orientation > 1 else ())


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lossless_compressions_of_tiff(tmp_path: Path, compression: str, dtype: type) -> None:
    values = (WIDE % 256).astype(dtype)
    Image.fromarray(values).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, values)


# --- other shapes ------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_of_every_colour(tmp_path: Path, mode: str, options: dict[str, bool]) -> None:
    Image.fromarray(smooth()).convert("RGB").convert(mode).save(
        tmp_path / "a.jpg", quality=95, **options
    )
    assert np.abs(read_image(tmp_path / "a.jpg").pixels - smooth()).max() < 6


def bitmap(path: Path, rows: int, packing: int, data: bytes) -> Path:
    palette = b"".join(bytes([grey, grey, grey, 0]) for grey in range(256))
    start = 54 + len(palette)
    head = struct.pack("<IiiHHIIiiII", 40, 80, rows, 1, 8, packing, len(data), 0, 0, 256, 0)
    whole = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
    path.write_bytes(whole + head + palette + data)
    return path


def test_bitmaps_from_the_top_and_run_length_encoded(tmp_path: Path) -> None:
    from_top = bitmap(tmp_path / "top.bmp", -60, 0, GREY.tobytes())
    np.testing.assert_array_equal(read_image(from_top).pixels, GREY)
    runs = b"".join(b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in GREY[::-1])
    packed = bitmap(tmp_path / "runs.bmp", 60, 1, runs + b"\0\1")
    np.testing.assert_array_equal(read_image(packed).pixels, GREY)


@pytest.mark.parametrize(
    "name",
    ["A B.WEBP", "ü é.Png", "脊椎 图像.tif", "🦴.dcm", "no ending", "x" * 250, "%s{0}'&<>.jpg"],
)
def test_names_say_nothing(tmp_path: Path, name: str) -> None:
    Image.fromarray(GREY).save(tmp_path / name, "PNG")
    image = read_image(tmp_path / name)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert image.file_format == "PNG"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_that_is_wholly_transparent_is_shown_and_said(
    tmp_path: Path, dtype: type
) -> None:
    grey = ramp(40, 50).astype(dtype)
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([grey, grey, grey, np.zeros_like(grey)]))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_allclose(image.pixels, grey, atol=0.01)
    (note,) = notes_of(image)
    assert note == "Every pixel is marked as transparent; the transparency was ignored."


@pytest.mark.parametrize(("size", "count"), [(3_000_000, 1), (70_000_000, 1), (40_000_000, 3)])
def test_a_long_text_in_a_png_does_not_matter(tmp_path: Path, size: int, count: int) -> None:
    info = PngImagePlugin.PngInfo()
    for number in range(count):
        info.add_text(f"Comment {number}", "x" * size, zip=True)
    Image.fromarray(GREY).save(tmp_path / "a.png", pnginfo=info)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, GREY)


@pytest.mark.parametrize(
    ("head", "name", "detail"),
    [
        (b"MM\x00\x2b\x00\x08", "a.tif", "big-endian BigTIFF"),
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc1\x00\x0b\x0c", "a.jpg", "JPEG of 12 bits"),
        (b"\xff\xd8\xff\xc3\x00\x0b\x08", "a.jpg", "lossless JPEG"),
    ],
    ids=["big-endian BigTIFF", "12 bits", "lossless"],
)
def test_sound_files_that_cannot_be_read_are_not_called_damaged(
    tmp_path: Path, head: bytes, name: str, detail: str
) -> None:
    (tmp_path / name).write_bytes(head + bytes(100))
    with pytest.raises(ImageReadError) as caught:
        read_image(tmp_path / name)
    assert (caught.value.problem, caught.value.detail) == (ReadProblem.UNSUPPORTED_PIXELS, detail)
