"""Table of image file formats, used by readers, dialogs, messages and installers.

How to add one: docs/design/formats.md.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Signature = tuple[tuple[int, bytes], ...]
"""Bytes, each with its offset in a file, that begin a file of one format when all are there."""


@dataclass(frozen=True)
class FileKind:
    """What a desktop calls files that installers offer the program for.

    Parameters
    ----------
    title : str
        Such as "DICOM image".
    mime_type : str
    """

    title: str
    mime_type: str


@dataclass(frozen=True)
class ImageFormat:
    """One file format.

    Parameters
    ----------
    name : str
        In sentences, in analysis.json, and the key of its reader.
    suffixes : tuple of str
        Lower case with the dot. Files of these names are taken for images in a folder,
        and results go by the name without them.
    signatures : tuple of Signature
        Any of them begins a file of this format.
    group : str
        Under which the file dialog lists it.
    file_kind : FileKind or None
        None where the desktop has better programs for such files.
    is_gzipped_too : bool
        Whether a whole file may be compressed with gzip and keeps its format.
    has_pages : bool
        Whether the pictures of a file are called pages.
    has_volumes : bool
        Whether a file may hold several volumes, one after the other in time.
    """

    name: str
    suffixes: tuple[str, ...]
    signatures: tuple[Signature, ...]
    group: str = "Pictures"
    file_kind: FileKind | None = None
    is_gzipped_too: bool = False
    has_pages: bool = False
    has_volumes: bool = False


DICOM = ImageFormat(
    "DICOM",
    (".dcm", ".dicom", ".ima"),
    # PS3.10 section 7.1. Files without it are recognised by their first element.
    (((128, b"DICM"),),),
    group="DICOM",
    file_kind=FileKind("DICOM image", "application/dicom"),
)
NIFTI = ImageFormat(
    "NIfTI",
    (".nii", ".nii.gz"),
    (
        ((344, b"n+1\x00"),),
        ((344, b"ni1\x00"),),
        ((4, b"n+2\x00"),),
        ((4, b"ni2\x00"),),
    ),
    group="NIfTI",
    file_kind=FileKind("NIfTI volume", "application/x-nifti"),
    is_gzipped_too=True,
    has_volumes=True,
)
PNG = ImageFormat("PNG", (".png",), (((0, b"\x89PNG\r\n\x1a\n"),),))
JPEG = ImageFormat("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), (((0, b"\xff\xd8\xff"),),))
TIFF = ImageFormat(
    "TIFF",
    (".tif", ".tiff"),
    (
        ((0, b"II*\x00"),),
        ((0, b"MM\x00*"),),
        ((0, b"II+\x00"),),
        ((0, b"MM\x00+"),),
    ),
    has_pages=True,
)
BMP = ImageFormat(
    "BMP",
    (".bmp",),
    # The sizes of the header in its versions tell pictures from texts that begin with BM.
    tuple(((0, b"BM"), (14, struct.pack("<I", size))) for size in (12, 40, 52, 56, 64, 108, 124)),
)
WEBP = ImageFormat("WebP", (".webp",), (((0, b"RIFF"), (8, b"WEBP")),), has_pages=True)
GIF = ImageFormat("GIF", (".gif",), (((0, b"GIF87a"),), ((0, b"GIF89a"),)), has_pages=True)

IMAGE_FORMATS = (DICOM, NIFTI, PNG, JPEG, TIFF, BMP, WEBP, GIF)
"""In the order of sentences and dialogs; content is looked at in this order too."""

FORMATS_BY_NAME: Mapping[str, ImageFormat] = MappingProxyType({f.name: f for f in IMAGE_FORMATS})
FORMAT_NAMES = tuple(FORMATS_BY_NAME)
SUFFIXES = tuple(suffix for each in IMAGE_FORMATS for suffix in each.suffixes)
ARCHIVE_SUFFIX = ".zip"
DICOM_INDEX_NAME = "DICOMDIR"
RESULT_NAME = "analysis.json"
RESULT_PICTURES = frozenset({"overlay.png", "mask.png", "heatmap.png"})
"""Pictures that the program itself wrote, where `RESULT_NAME` lies beside them."""

BATCH_STATE_NAME, BATCH_PICTURES, BATCH_FLAT_FOLDER = "batch.sqlite", "gallery", "results"
"""The state of a batch, the folder beside it with a small picture of each image's results, and the
one in which all results lie that have no folders of their own."""


def flat_prefix(name: str) -> str:
    """Return what the names of an image's files begin with in `BATCH_FLAT_FOLDER`."""
    return f"{name}_"


CORRECTIONS_SUFFIX = ".spinealign.json"
"""Of what a person corrected on an image, behind the image's whole name."""

VOLUMES_NAME, MASKS_NAME = "volumes.csv", "masks"
"""The table of the volumes of a series, and the folder of its masks beside it."""
