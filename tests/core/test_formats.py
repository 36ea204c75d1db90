"""One table of formats: readers, sniffing, words, installers and documents follow it."""

from __future__ import annotations

import gzip
from pathlib import Path
from xml.etree import ElementTree

import pytest

from installer.debian import HERE
from installer.file_kinds import filled, mime_xml, offered_formats, setup_header
from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.formats import FORMAT_NAMES, IMAGE_FORMATS, SUFFIXES
from spinealign.imaging.find import find_images
from spinealign.imaging.readers import READERS
from spinealign.imaging.sniff import HEAD_BYTES, sniff
from spinealign.wording import explain
from spinealign.wording.text import listed

ROOT = Path(__file__).resolve().parent.parent.parent
SIGNATURES = [(each, signature) for each in IMAGE_FORMATS for signature in each.signatures]
NAMESPACE = "{http://www.freedesktop.org/standards/shared-mime-info}"


def head_of(signature, filler=b"\x00") -> bytes:
    head = bytearray(filler * HEAD_BYTES)
    for offset, part in signature:
        head[offset : offset + len(part)] = part
    return bytes(head)


def test_names_and_suffixes_belong_to_one_format():
    assert len(set(FORMAT_NAMES)) == len(IMAGE_FORMATS)
    assert len(set(SUFFIXES)) == len(SUFFIXES)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SUFFIXES)


def test_every_format_has_a_reader():
    assert tuple(READERS) == FORMAT_NAMES


@pytest.mark.parametrize(
    ("each", "signature"), SIGNATURES, ids=[f"{each.name}-{s}" for each, s in SIGNATURES]
)
def test_every_signature_is_recognised_and_each_of_its_parts_counts(each, signature):
    assert sniff(head_of(signature)) is each
    for missing in range(len(signature)):
        assert sniff(head_of(signature[:missing] + signature[missing + 1 :], b"\x01")) is None


@pytest.mark.parametrize(
    ("each", "signature"), SIGNATURES, ids=[f"{each.name}-{s}" for each, s in SIGNATURES]
)
def test_only_some_formats_may_be_packed_as_a_whole(each, signature):
    found = sniff(gzip.compress(head_of(signature)))
    assert found is (each if each.is_gzipped_too else None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_holds_what_is_named_like_an_image(tmp_path, suffix):
    (tmp_path / f"a{suffix.upper()}").write_bytes(b"anything")
    (tmp_path / "a.other").write_bytes(b"anything")
    assert [path.name for path in find_images([tmp_path])] == [f"a{suffix.upper()}"]


@pytest.mark.parametrize(
    "problem",
    [
        ReadProblem.NOT_AN_IMAGE,
        ReadProblem.NO_IMAGES_IN_FOLDER,
        ReadProblem.NO_IMAGES_IN_ARCHIVE,
    ],
)
def test_advice_names_every_format(problem):
    assert listed(FORMAT_NAMES, "or") in explain(ImageReadError(Path("a"), problem)).advice


def test_the_readme_names_every_format():
    first = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"({listed(FORMAT_NAMES)})" in first


@pytest.mark.parametrize(
    "name",
    ["linux/spinealign.1", "linux/org.spinealign.SpineAlign.metainfo.xml", "debian.py"],
)
def test_the_packages_texts_name_every_format(name):
    template = (HERE.parent / name).read_text(encoding="utf-8")
    assert listed(FORMAT_NAMES) not in template
    assert listed(FORMAT_NAMES) in filled(template)


def test_desktops_learn_every_suffix_and_signature_of_the_files_offered():
    kinds = ElementTree.fromstring(mime_xml())
    assert len(kinds) == len(list(offered_formats()))
    for kind, (about, each) in zip(kinds, offered_formats(), strict=True):
        globs = [glob.get("pattern") for glob in kind.iter(f"{NAMESPACE}glob")]
        offsets = [int(match.get("offset")) for match in kind.iter(f"{NAMESPACE}match")]
        assert kind.get("type") == about.mime_type
        assert globs == [f"*{suffix}" for suffix in each.suffixes]
        assert offsets == [offset for signature in each.signatures for offset, _ in signature]


def test_signatures_of_several_parts_are_nested():
    from installer import file_kinds

    text = file_kinds._match(((0, b"RI\\F"), (8, b"W\x00")))
    outer = ElementTree.fromstring(text)
    (inner,) = outer
    assert (outer.get("offset"), outer.get("value")) == ("0", "RI\\134F")
    assert (inner.get("offset"), inner.get("value")) == ("8", "W\\000")


def test_windows_learns_the_last_suffixes_of_the_files_offered():
    header = setup_header()
    for _, each in offered_formats():
        for suffix in each.suffixes:
            assert (f'"{suffix}"' in header) is (suffix.count(".") == 1)
