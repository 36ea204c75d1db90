"""Whatever the bytes: an image or an `ImageReadError`, never a crash."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spinealign.domain.errors import ImageReadError
from spinealign.domain.image import SpineImage
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series
from tests.image_files import ramp, write_dicom, write_nifti

FUZZ = settings(max_examples=120, deadline=None)


def valid_file(kind: str) -> bytes:
    grey = (ramp(40, 50) % 256).astype(np.uint8)
    if kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"):
        stream = io.BytesIO()
        Image.fromarray(grey).save(stream, format=kind)
        return stream.getvalue()
    with TemporaryDirectory() as folder:
        if kind == "zip":
            path = Path(folder) / "a.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("study/1", valid_file("DICOM"))
                archive.writestr("study/2.png", valid_file("PNG"))
        elif kind == "DICOM":
            path = write_dicom(
                Path(folder) / "a.dcm", ramp(), Modality="CT", RescaleSlope=1, RescaleIntercept=-5,
                PixelSpacing=[1, 1], WindowCenter=4, WindowWidth=5, PixelPaddingValue=3,
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0], NumberOfFrames=1,
            )  # fmt: skip
        else:
            path = write_nifti(Path(folder) / f"a.{kind}", ramp(40, 50)[..., None], np.eye(4))
        return path.read_bytes()


def read_bytes(content: bytes) -> SpineImage | None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        try:
            image = read_image(path)
        except ImageReadError:
            return None
        assert len(list_series(path)) >= 1
    assert image.pixels.ndim == 2
    assert min(image.shape) >= 32
    assert np.isfinite(image.pixels).all()
    return image


SIGNATURES = [
    b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"GIF89a", b"BM",
    b"RIFF\x00\x00\x00\x00WEBP", bytes(128) + b"DICM", b"\x08\x00\x05\x00CS",
    bytes(344) + b"n+1\x00",
    b"\x5c\x01\x00\x00" + bytes(340) + b"n+1\x00", b"\x1c\x02\x00\x00n+2\x00\r\n\x1a\n",
]  # fmt: skip


@FUZZ
@given(signature=st.sampled_from(SIGNATURES), rest=st.binary(max_size=2000))
def test_random_bytes(signature: bytes, rest: bytes) -> None:
    read_bytes(signature + rest)


@pytest.mark.parametrize(
    "kind", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "DICOM", "nii", "nii.gz", "zip"]
)
def test_a_valid_file_changed_anywhere(kind: str) -> None:
    whole = valid_file(kind)
    assert read_bytes(whole) is not None

    @FUZZ
    @given(
        changes=st.lists(
            st.tuples(st.integers(0, min(len(whole), 1500) - 1), st.integers(0, 255)),
            min_size=1,
            max_size=6,
        ),
        length=st.one_of(st.just(len(whole)), st.integers(0, len(whole))),
    )
    def check(changes: list[tuple[int, int]], length: int) -> None:
        content = bytearray(whole)
        for place, value in changes:
            content[place] = value
        read_bytes(bytes(content[:length]))

    check()
