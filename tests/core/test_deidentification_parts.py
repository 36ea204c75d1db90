"""Parts of the de-identification: table and actions, names in texts, dates, keys, formats."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
from collections import Counter
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from spinealign.cli.main import run_command
from spinealign.deidentification.actions import Action, action_of, basic_action
from spinealign.deidentification.boxes import Box, load_review
from spinealign.deidentification.cleaner import Cleaner, Patient
from spinealign.deidentification.codestreams import CodestreamError, bare_jpeg, bare_jpeg_2000
from spinealign.deidentification.dates import is_time, shifted_date, shifted_date_time
from spinealign.deidentification.dicom_pixels import bare_pixels, blacken
from spinealign.deidentification.icc import bare_profile
from spinealign.deidentification.identity import Identity, cleaned_description
from spinealign.deidentification.nifti import bare_nifti, bare_values
from spinealign.deidentification.options import Dates, Options, method_codes
from spinealign.deidentification.pictures import bare_picture
from spinealign.deidentification.pseudonyms import KEY_FILE, Pseudonyms, load_key
from spinealign.deidentification.table import known_words, profile, row_of, type_of
from spinealign.deidentification.text_on_pixels import quantile_of_bytes, text_boxes
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.domain.formats import BMP, GIF, JPEG, PNG, TIFF, WEBP
from spinealign.wording.deidentification import MESSAGES
from spinealign.wording.failures import explain
from tests import planted

MR = planted.MR
KEY = bytes(32)


# Table and actions


def test_the_table_is_whole_and_says_where_options_were_read():
    rows = profile()
    assert len(rows) == 652
    assert Counter(row.options_from for row in rows.values()) == {"table": 616, "DocBook": 36}
    assert all(row.name for row in rows.values())
    assert {row.basic for row in rows.values()} == {
        "X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*",
    }  # fmt: skip
    assert rows[0x00100010].basic == "Z"
    assert rows[0x00080018].options == {"uids": "K"}
    assert rows[0x0008103E].options == {"descriptors": "C"}


@pytest.mark.parametrize(
    ("tag", "options"),
    [
        (0x00700006, {"descriptors": "C"}), (0x00321033, {"descriptors": "C"}),
        (0x00100042, {"descriptors": "C", "patient": "C"}), (0x00100043, {"patient": "K"}),
        (0x0040B020, {"structured": "C"}), (0x0040A034, {"full_dates": "K", "shifted_dates": "C"}),
        (0x00100044, {}), (0x300A0054, {"uids": "K"}), (0x00181010, {"device": "K"}),
    ],
)  # fmt: skip
def test_rows_without_options_in_the_sources_are_as_the_standard_prints_them(tag, options):
    assert profile()[tag].options == options


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x00091010, "Private Attributes"), (0x501E0022, "Curve Data"),
        (0x60FE1500, "Overlay Data"), (0x60003000, "Overlay Data"),
    ],
)  # fmt: skip
def test_groups_that_repeat_go_as_a_whole(tag, name):
    assert row_of(tag).name == name
    assert row_of(tag).basic == "X"


def test_an_attribute_that_the_table_does_not_know_has_no_row():
    assert row_of(0x00280010) is None


@pytest.mark.parametrize(
    ("letters", "kind", "action"),
    [
        ("X", "1", "D"), ("X", "2", "Z"), ("X", "1C", "X"), ("X", "3", "X"), ("X", None, "X"),
        ("U", "3", "U"), ("X/Z/U*", "1C", "U*"),
        ("D", "3", "D"), ("D", None, "D"),
        ("Z", "2", "Z"), ("Z", "3", "Z"), ("Z", None, "Z"), ("Z", "1", "D"),
        ("X/Z", "3", "X"), ("X/Z", "2", "Z"), ("X/Z", "2C", "Z"), ("X/Z", None, "Z"),
        ("X/Z", "1", "D"), ("X/D", "3", "X"), ("X/D", "1", "D"), ("X/D", "2", "D"),
        ("X/D", None, "D"), ("Z/D", "2", "Z"), ("Z/D", "3", "Z"), ("Z/D", "1C", "D"),
        ("Z/D", None, "D"), ("X/Z/D", "3", "X"), ("X/Z/D", "2", "Z"), ("X/Z/D", "1", "D"),
        ("X/Z/D", None, "D"),
    ],
)  # fmt: skip
def test_a_basic_action_follows_the_type(letters, kind, action):
    assert basic_action(letters, kind).value == action


def test_types_are_those_of_the_object():
    assert type_of(MR, "", "StudyDate") == "2"
    assert type_of(MR, "", "DeviceSerialNumber") == "3"
    enhanced = "1.2.840.10008.5.1.4.1.1.4.1"
    assert type_of(enhanced, "", "DeviceSerialNumber") == "1"
    assert type_of("1.2.3", "", "StudyDate") is None
    assert type_of(MR, "VerifyingObserverSequence", "VerifyingObserverName") == "1"


@pytest.mark.parametrize(
    ("keyword_tag", "options", "action"),
    [
        (0x00080020, Options(), Action.EMPTY),
        (0x00080020, Options(dates=Dates.SHIFTED), Action.SHIFT),
        (0x00080020, Options(dates=Dates.FULL), Action.KEEP),
        (0x00181200, Options(retain_device=True), Action.REMOVE),  # a date goes as dates go
        (0x00181200, Options(retain_device=True, dates=Dates.SHIFTED), Action.SHIFT),
        (0x00181000, Options(retain_device=True), Action.KEEP),
        (0x00080080, Options(retain_institution=True), Action.KEEP),
        (0x00080080, Options(retain_device=True), Action.REMOVE),
        (0x00101010, Options(retain_patient=True), Action.KEEP),
        (0x0008103E, Options(clean_descriptors=True), Action.CLEAN),
        (0x0008103E, Options(), Action.REMOVE),
        (0x0020000D, Options(), Action.NEW_UID),
        (0x0020000D, Options(retain_uids=True), Action.KEEP),
        (0x0040A730, Options(clean_structured=True), Action.CLEAN),
        (0x0040A730, Options(), Action.DUMMY),
    ],
)
def test_options_change_actions(keyword_tag, options, action):
    from pydicom.datadict import keyword_for_tag

    row = row_of(keyword_tag)
    assert action_of(row, options.columns, MR, "", keyword_for_tag(keyword_tag)) is action


def test_codes_say_that_pixels_were_cleaned_only_where_they_were():
    assert method_codes(Options(), pixels_cleaned=False) == (
        ("113100", "Basic Application Confidentiality Profile"),
    )
    assert ("113101", "Clean Pixel Data Option") in method_codes(Options(), pixels_cleaned=True)


# Names in texts


@pytest.fixture
def identity() -> Identity:
    found = Identity()
    found.add_name("Müller-Lang^Jörg^^Dr.=山田^太郎=ﾔﾏﾀﾞ^タロウ")
    found.add_name("Li^Wu")
    found.add_number("47-11/815")
    found.add_birth_date("19370419")
    found.add_phrase("Klinik am See")
    return found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("MR of MÜLLER", "MR of"),
        ("mueller_t1", "t1"),
        ("MULLERLANGJORG", ""),
        ("Ｍｕｌｌｅｒ", ""),
        ("山田さん", "さん"),
        ("ヤマダ T2", "T2"),
        ("Li said", "said"),
        ("limit of Wulff", "limit of Wulff"),
        ("No. 4711815x", "No.  x".replace("  ", " ")),
        ("No. 47 11 815", "No."),
        ("born 19.4.37", "born"),
        ("19370419", ""),
        ("19 Apr 1937", ""),
        ("04/19/1937", ""),
        ("Klinik  am SEE, Haus 2", "Haus 2"),
        ("Klinik am Meer", "Klinik am Meer"),
        ("Dr. med. t2", "Dr. med. t2"),
        ("MuMüllerller", ""),
        ("spine of Müllerzz", "spine of"),
        ("MR spine of Li, L., sagittal", "MR spine of , sagittal"),
        ("W. A. Mueller T2", "T2"),
        ("Joerg, jørg, Jorg and JÖRG", "and"),
        ("Li C5, Li L4", "C5, L4"),
        ("", ""),
    ],
)
def test_a_text_loses_what_names_the_patient_and_nothing_else(identity, text, left):
    assert identity.without(text) == left
    assert not identity.is_in(left)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("T2_TSE_SAG", "T2_TSE_SAG"),
        ("L4/L5 20210310 12:30 Frau Krause", "L4/L5"),
        ("te 100 sl 3.5 mm", "te 100 sl 3.5 mm"),
        ("Tel. 030 123 456 78", ""),
        ("Cervical spine lateral, Dr Wolkenstein", "Cervical spine lateral"),
        ("C", "C"),
        ("4711", ""),
        ("12.03.2021", ""),
        ("Müller lumbar", "lumbar"),
    ],
)
def test_a_description_keeps_words_of_imaging_only(identity, text, left):
    assert cleaned_description(text, identity).removesuffix(" Dr").removesuffix(", Dr") == left


def test_known_words_are_lower_case_and_hold_no_digits():
    assert all(word == word.lower() and not word.isdecimal() for word in known_words())
    assert {"sag", "lumbar", "t2"} - known_words() <= {"t2"}


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("4711081", True), (" 4711081 ", True), ("0004711081", True), ("-4711081", True),
        ("4711081.000", True), ("4.711081E+6", True), ("19500312", True), ("12031950", True),
        ("3121950", True), ("55512", True), ("1255512", True), ("4711081.5", False),
        ("47110815", False), ("471108", False), ("812", False), ("12", False), ("", False),
        ("x", False), ("NaN", False), ("Infinity", False), ("1E+999999999", False), ("0", False),
    ],
)  # fmt: skip
def test_a_number_is_the_patients_as_a_whole_and_from_five_digits_on(value, holds):
    identity = Identity()
    identity.add_birth_date("19500312")
    for number in ("004711-081", "812", "12", "PID12X55512", "00000"):
        identity.add_number(number)
    assert identity.is_number(value) is holds


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("4711081", ""), ("0004711081", ""), ("Nr 4711081, T2", "Nr , T2"),
        ("No. 4711081.", "No. ."),
        ("14711081", "14711081"), ("4711081x", "4711081x"), ("1.2.4711081.3", "1.2.4711081.3"),
        ("4711081.5", "4711081.5"), ("812", "812"),
    ],
)  # fmt: skip
def test_a_text_loses_the_digits_of_an_identifier_where_they_stand_alone(text, left):
    identity = Identity()
    identity.add_number("PID 4711081")
    identity.add_number("X812")
    assert identity.without(text) == left


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-16-le", "utf-16-be"])
def test_bytes_are_looked_through_in_several_encodings(identity, encoding):
    assert identity.is_in_bytes(b"\0\1" + "xxMÜLLERxx".encode(encoding))
    assert not identity.is_in_bytes("something else".encode(encoding))


# Dates


@pytest.mark.parametrize(
    ("value", "days", "moved"),
    [
        ("20210301", -1, "20210228"), ("20200301", -1, "20200229"), ("2021.03.01", -1, "20210228"),
        ("20210101", -365, "20200102"), ("20210001", -1, None), ("Miller", -1, None),
        ("00010101", -1, None), ("", -1, None), ("20210301x", -1, None),
    ],
)  # fmt: skip
def test_dates_move_by_days(value, days, moved):
    assert shifted_date(value, days) == moved


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("20210301101112.5+0100", "20210228101112.5+0100"), ("20210301", "20210228"),
        ("202103", "202102"), ("2021", "2020"), ("2021030110", "2021022810"),
        ("20210301-0500", "20210228-0500"), ("Miller", None), ("20211301", None),
    ],
)  # fmt: skip
def test_dates_with_times_stay_as_exact_as_they_were(value, moved):
    assert shifted_date_time(value, -1) == moved


@pytest.mark.parametrize(
    ("value", "holds"),
    [("101112", True), ("10", True), ("101112.123456", True), ("10:11:12", True),
     ("Miller", False), ("1011123", False)],
)  # fmt: skip
def test_times_are_told_from_other_text(value, holds):
    assert is_time(value) is holds


# Keys and pseudonyms


def test_a_key_is_made_once_and_only_this_user_reads_it(tmp_path):
    key = load_key(tmp_path / "profile")
    assert load_key(tmp_path / "profile") == key
    assert len(key) == 32
    assert load_key(tmp_path / "other") != key
    if os.name != "nt":
        mode = (tmp_path / "profile" / KEY_FILE).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_a_damaged_key_is_not_replaced(tmp_path):
    (tmp_path / KEY_FILE).write_text("abc")
    with pytest.raises(DeidentificationError) as refused:
        load_key(tmp_path)
    assert refused.value.problem is DeidentificationProblem.KEY
    assert (tmp_path / KEY_FILE).read_text() == "abc"


def test_pseudonyms_are_the_same_for_the_same_and_recognised():
    one, other = Pseudonyms(KEY), Pseudonyms(b"\1" * 32)
    uid = one.uid("1.2.3")
    assert uid.startswith("2.25.")
    assert len(uid) <= 64
    number = int(uid.removeprefix("2.25."))
    assert number >> 76 & 0xF == 8  # version, RFC 9562
    assert number >> 62 & 0b11 == 0b10  # variant
    assert one.uid("1.2.3 ") == uid
    assert one.uid(uid) == uid
    assert one.uid("1.2.4") != uid != other.uid("1.2.3")
    assert not other.is_own_uid(uid)
    assert not one.is_own_uid(uid[:-1] + ("0" if uid[-1] != "0" else "1"))
    name = one.name("SA-", "patient", "4711")
    assert one.name("SA-", "patient", name) == name
    assert one.name("SA-", "folder", "4711") != name
    assert not other.is_own_name(name)
    assert not one.is_own_name("SA-AAAAAAAAAAAAAA")
    days = {one.days(str(number)) for number in range(400)}
    assert min(days) >= -3650
    assert max(days) <= -1
    assert len(days) > 350


@pytest.mark.parametrize("retain_uids", [False, True])
def test_a_uid_inside_a_text_becomes_the_new_one(retain_uids):
    old, pseudonyms = f"{planted.UID_ROOT}3.1", Pseudonyms(KEY)
    dataset = Dataset()
    dataset.SOPInstanceUID = old
    dataset.TextValue = f"derived from {old}, coded by 1.2.840.10008.5.1.4.1.1.4, version 1.2.3"
    options = Options(retain_uids=retain_uids)
    patient = Patient("SA-TEST", -1, Identity())
    Cleaner(options, pseudonyms, patient, MR, counter()).clean(dataset)
    new = old if retain_uids else pseudonyms.uid(old)
    assert new == dataset.SOPInstanceUID
    assert (
        dataset.TextValue
        == f"derived from {new}, coded by 1.2.840.10008.5.1.4.1.1.4, version 1.2.3"
    )


# Compressed pictures


def test_a_jpeg_loses_its_segments_between_scans_too():
    pixels = planted.soft_pixels()
    plain = planted.jpeg_bytes(pixels, progressive=True)
    at = plain.rindex(b"\xff\xda")
    comment = b"\xff\xfe\x00\x0dZwickelmann"
    removed: list[str] = []
    bare = bare_jpeg(plain[:at] + comment + plain[at:], removed)
    assert b"Zwickelmann" not in bare
    assert removed == ["COM"]
    np.testing.assert_array_equal(Image.open(io.BytesIO(bare)), Image.open(io.BytesIO(plain)))


def test_a_jpeg_keeps_profile_and_orientation():
    pixels = planted.soft_pixels()
    profile = planted.colour_profile()
    content = planted.jpeg_bytes(pixels, exif=planted.exif(), icc_profile=profile)
    removed: list[str] = []
    with Image.open(io.BytesIO(bare_jpeg(content, removed))) as bare:
        assert bare.info["icc_profile"] == bare_profile(profile)
        assert dict(bare.getexif()) == {0x0112: 6}
    assert removed == ["EXIF", "texts of the colour profile"]


def test_a_profile_in_several_segments_is_put_together():
    profile = planted.colour_profile()
    middle = len(profile) // 2
    parts = [profile[:middle], profile[middle:]]
    segments = b"".join(
        struct.pack(">BBH", 0xFF, 0xE2, len(part) + 16) + b"ICC_PROFILE\0" + bytes((n, 2)) + part
        for n, part in ((2, parts[1]), (1, parts[0]))
    )
    plain = planted.jpeg_bytes(planted.soft_pixels())
    with Image.open(io.BytesIO(bare_jpeg(plain[:2] + segments + plain[2:]))) as bare:
        assert bare.info["icc_profile"] == bare_profile(profile)


def test_a_jpeg_2000_with_boxes_keeps_those_that_pixels_need():
    target = io.BytesIO()
    pixels = np.stack([planted.soft_pixels()] * 3, axis=-1)
    Image.fromarray(pixels).save(target, "JPEG2000")
    stream = target.getvalue()
    at = stream.index(b"colr") - 4
    length = int.from_bytes(stream[at : at + 4], "big")
    profile, secret = planted.colour_profile(), planted.SURNAME.encode()
    boxes = struct.pack(">I4s3s", len(profile) + 11, b"colr", b"\2\0\0") + profile
    boxes += struct.pack(">I4s", len(secret) + 8, b"labl") + secret
    head = stream.index(b"jp2h") - 4
    header = int.from_bytes(stream[head : head + 4], "big") + len(boxes) - length
    planted_stream = (
        stream[:head] + header.to_bytes(4, "big") + stream[head + 4 : at] + boxes
        + stream[at + length :] + secret
    )  # fmt: skip
    bare = bare_jpeg_2000(planted_stream)
    assert secret not in bare
    assert bare_profile(profile) in bare
    np.testing.assert_array_equal(Image.open(io.BytesIO(bare)), pixels)


# Colour profiles


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("space", ["sRGB", "XYZ", "LAB"])
def test_a_profile_keeps_its_colours_and_names_nobody(space, version):
    profile = bytearray(planted.colour_profile(space))
    profile[8] = version
    profile[48:56], profile[80:84] = b"ZwicOtto", b"Krum"
    bare = bare_profile(bytes(profile))
    assert bare is not None
    for word in (b"Zwic", b"Otto", b"Krum", "Zwick".encode("utf-16-be")):
        assert word in bytes(profile)
        assert word not in bare
    assert bare_profile(bare) == bare
    assert len(bare) % 4 == 0
    assert int.from_bytes(bare[:4], "big") == len(bare)
    opened = ImageCms.ImageCmsProfile(io.BytesIO(bare))
    assert opened.profile.profile_description == "profile"
    if space == "sRGB":
        colours = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8))
        lab = ImageCms.createProfile("LAB")
        before, after = (
            ImageCms.applyTransform(colours, ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(io.BytesIO(each)), lab, "RGB", "LAB"
            ))
            for each in (bytes(profile), bare)
        )  # fmt: skip
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("points", [2, 5])
@pytest.mark.parametrize("kind", [b"mft1", b"mft2"])
def test_a_table_of_a_profile_is_as_long_as_it_says(kind, points):
    if kind == b"mft1":
        numbers = bytes(range(256)) * 6 + bytes(points**3 * 3)
        table = kind + bytes(4) + bytes((3, 3, points, 0)) + bytes(36) + numbers
    else:
        numbers = b"\1\2" * (2 * 3 + points**3 * 3 + 4 * 3)
        table = kind + bytes(4) + bytes((3, 3, points, 0)) + bytes(36) + b"\0\2\0\4" + numbers
    hidden = planted.SURNAME.encode() + b"!"
    header = bytes(36) + b"acsp" + bytes(88)
    profile = header + struct.pack(">I4sII", 1, b"A2B0", 144, len(table + hidden)) + table + hidden
    bare = bare_profile(profile)
    assert table in bare
    assert hidden not in bare
    assert bare_profile(profile[:140] + struct.pack(">I", len(table) - 1) + table) is None


@pytest.mark.parametrize("profile", [b"", b"a colour profile" * 20, planted.colour_profile()[:300]])
def test_a_damaged_profile_goes_and_the_picture_stays(profile):
    assert bare_profile(profile) is None
    pixels = planted.soft_pixels()
    for kind in (PNG, JPEG, TIFF, WEBP):
        target = io.BytesIO()
        extra = {"lossless": True} if kind is WEBP else {}
        Image.fromarray(pixels).save(target, kind.name, icc_profile=profile, **extra)
        bare = bare_picture(Path("a"), kind, target.getvalue(), counter())
        with Image.open(io.BytesIO(bare)) as picture:
            assert "icc_profile" not in picture.info


@pytest.mark.parametrize("end", [10, 200, -2])
def test_a_jpeg_that_ends_early_is_refused(end):
    with pytest.raises(CodestreamError):
        bare_jpeg(planted.jpeg_bytes(planted.soft_pixels())[:end])


def test_a_jpeg_2000_frame_loses_its_comments():
    target = io.BytesIO()
    pixels = planted.soft_pixels()
    Image.fromarray(pixels).save(target, "JPEG2000", no_jp2=True, comment=planted.SURNAME)
    stream = target.getvalue()
    assert planted.SURNAME.encode() in stream
    assert planted.SURNAME.encode() not in bare_jpeg_2000(stream)
    dataset = dicom_of(pixels, JPEG2000Lossless)
    dataset.PixelData = encapsulate([stream])
    assert bare_pixels(dataset) == ["comments of compressed frames"]
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    assert planted.SURNAME.encode() not in frame
    np.testing.assert_array_equal(Image.open(io.BytesIO(frame)), pixels)


def dicom_of(pixels: np.ndarray, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    frames = pixels if pixels.ndim == 3 else pixels[None]
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    dataset.add_new(0x7FE00010, "OW", pixels.tobytes())
    return dataset


@pytest.mark.parametrize("is_signed", [False, True])
def test_overlays_inside_the_pixel_data_go_and_grey_values_stay(is_signed):
    values = np.arange(-8, 8) if is_signed else np.arange(16)
    stored = (values & 0x0FFF | 0x8000).astype("<u2").reshape(4, 4)  # an overlay in bit 15
    dataset = dicom_of(stored)
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, int(is_signed)
    dataset[0x60000010] = element(0x60000010, "US", 4)
    dataset[0x60000102] = element(0x60000102, "US", 15)
    assert bare_pixels(dataset) == ["overlays inside the pixel data"]
    kind = "<i2" if is_signed else "<u2"
    np.testing.assert_array_equal(np.frombuffer(dataset.PixelData, kind), values)


def element(tag: int, representation: str, value: object):
    from pydicom import DataElement

    return DataElement(tag, representation, value)


def test_bytes_behind_the_last_pixel_go_but_for_the_padding():
    dataset = dicom_of(np.arange(9, dtype=np.uint8).reshape(3, 3))
    dataset.PixelData = bytes(range(9)) + b"\0" + b"name"
    assert bare_pixels(dataset) == ["bytes behind the pixels"]
    assert dataset.PixelData == bytes(range(9)) + b"\0"
    assert bare_pixels(dataset) == []


@pytest.mark.parametrize(
    ("colours", "black"), [("MONOCHROME1", 99), ("MONOCHROME2", 10), ("RGB", 0), ("YBR_FULL", -1)]
)
def test_black_is_what_is_shown_black(colours, black):
    samples = 1 if colours.startswith("MONO") else 3
    pixels = np.full((2, 6, 8, samples), 50, np.uint8)
    pixels[0, 0, 0], pixels[1, 5, 7] = 10, 99
    dataset = dicom_of(pixels[..., 0])
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = samples, colours
    dataset.PixelData = pixels.tobytes()
    blacken(dataset, [Box(1, 2, 3, 5), Box(4, 0, 5, 1, frame=1)])
    now = np.frombuffer(dataset.PixelData, np.uint8).reshape(pixels.shape)
    expected = np.array([0, 128, 128]) if black < 0 else black
    assert (now[:, 1:3, 2:5] == expected).all()
    assert (now[1, 4, 0] == expected).all()
    changed = (now != pixels).any(axis=-1)
    assert int(changed.sum()) == 2 * 6 + 1


# Picture files


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "P", "1"])
@pytest.mark.parametrize("kind", [PNG, TIFF], ids=lambda kind: kind.name)
def test_pictures_of_every_kind_of_pixels_stay(kind, mode):
    grey = Image.fromarray(planted.soft_pixels())
    picture = grey.convert("I;16") if mode == "I;16" else grey.convert(mode)
    target = io.BytesIO()
    picture.save(target, kind.name, dpi=(300, 300))
    bare = bare_picture(Path("a"), kind, target.getvalue(), counter())
    with Image.open(io.BytesIO(bare)) as now:
        assert now.mode == picture.mode
        assert now.tobytes() == picture.tobytes()
        assert round(now.info["dpi"][0]) == 300


def counter():
    from collections import Counter

    return Counter()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_files_of_every_kind_lose_tags_and_keep_pages(compression, order):
    first = Image.fromarray(planted.soft_pixels()).convert("RGB")
    pages = [first, first.rotate(180)]
    target = io.BytesIO()
    tags = {270: planted.SURNAME, 315: planted.DOCTOR}
    options = {} if compression == "raw" else {"compression": compression}
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:], tiffinfo=tags, **options)
    content = target.getvalue()
    if order == ">":
        content = big_endian() if compression == "raw" else content
    counts = counter()
    bare = bare_picture(Path("a"), TIFF, content, counts)
    assert planted.SURNAME.encode() not in bare
    assert {change.tag for change in counts} >= {"tag 270"}
    assert bare_picture(Path("a"), TIFF, bare, counter()) == bare


def big_endian() -> bytes:
    """A TIFF of one strip with a description, its numbers with the high byte first."""
    name = planted.SURNAME.encode() + b"\0"
    pixels = bytes(range(16))
    entries = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
               (270, 2, len(name), 8 + len(pixels)), (273, 4, 1, 8), (277, 3, 1, 1),
               (278, 3, 1, 4), (279, 4, 1, 16)]  # fmt: skip
    fields = b"".join(
        struct.pack(">HHI", tag, kind, count)
        + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
        for tag, kind, count, value in entries
    )
    start = 8 + len(pixels) + len(name)
    head = b"MM\0*" + struct.pack(">I", start) + pixels + name
    return head + struct.pack(">H", len(entries)) + fields + b"\0\0\0\0"


@pytest.mark.parametrize("kind", [PNG, JPEG, TIFF, WEBP, GIF, BMP], ids=lambda kind: kind.name)
@pytest.mark.parametrize("length", [12, 60, -20])
def test_damaged_pictures_are_refused(kind, length):
    target = io.BytesIO()
    Image.fromarray(planted.soft_pixels()).save(target, kind.name)
    with pytest.raises(DeidentificationError):
        bare_picture(Path("a"), kind, target.getvalue()[:length], counter())


def test_a_tiff_that_leads_round_in_a_ring_is_refused():
    content = bytearray(big_endian())
    content[-4:] = content[4:8]
    with pytest.raises(DeidentificationError):
        bare_picture(Path("a"), TIFF, bytes(content), counter())


# NIfTI


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_volume_keeps_values_and_places(kind, order):
    values = np.arange(60, dtype=f"{order}i2").reshape(3, 4, 5)
    affine = np.diag([0.5, 2, 3, 1])
    image = kind(values, affine, kind.header_class(endianness=order))
    image.set_data_dtype(f"{order}i2")
    image.header["descrip"], image.header["cal_max"] = planted.SURNAME, 77
    extension = nib.nifti1.Nifti1Extension(4, planted.SURNAME.encode())
    image.header.extensions.append(extension)
    bare, suffix = bare_nifti(Path("a"), image.to_bytes() + b"tail", counter())
    assert suffix == ".nii"
    assert planted.SURNAME.encode() not in bare
    now = kind.from_bytes(bare)
    np.testing.assert_array_equal(np.asarray(now.dataobj), values)
    np.testing.assert_array_equal(now.affine, affine)
    assert float(now.header["cal_max"]) == 77
    assert len(bare) == (352 if kind is nib.Nifti1Image else 544) + 120
    packed, suffix = bare_nifti(Path("a"), gzip.compress(image.to_bytes()), counter())
    assert suffix == ".nii.gz"
    assert gzip.decompress(packed) == bare


def test_the_values_of_a_pair_end_where_the_header_says():
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    image = nib.Nifti1Pair(values, np.eye(4))
    header = image.header.binaryblock + b"\0" * 4
    image.header["descrip"] = planted.SURNAME
    _, suffix = bare_nifti(Path("a"), header, counter())
    assert suffix == ".hdr"
    raw = values.tobytes(order="F")
    assert bare_values(Path("a"), raw + planted.SURNAME.encode(), header) == raw


@pytest.mark.parametrize("length", [10, 347, 360])
def test_a_volume_that_is_not_whole_is_refused(length):
    content = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4)).to_bytes()[:length]
    with pytest.raises(DeidentificationError) as refused:
        bare_nifti(Path("a"), content, counter())
    assert refused.value.problem is DeidentificationProblem.LAYOUT


# Text on pixels


@pytest.mark.parametrize("ink", [255, 0], ids=["white", "black"])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_a_name_in_a_corner_is_boxed_and_a_soft_picture_is_not(ink, kind):
    pixels = cv2.resize(planted.soft_pixels(), (480, 360))
    pixels = np.maximum(pixels, 110) if ink == 0 else pixels
    assert text_boxes(pixels.astype(kind)) == []
    written = pixels.copy()
    cv2.putText(written, "ZWICKELMANN 1937", (300, 330), cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1)
    boxes = text_boxes(written.astype(kind))
    inside = np.zeros(pixels.shape, bool)
    for box in boxes:
        inside[box.top : box.bottom, box.left : box.right] = True
    assert inside[written != pixels].all()
    assert inside.mean() < 0.1
    assert not inside[:200].any()


@pytest.mark.parametrize("is_up", [True, False], ids=["reads up", "reads down"])
@pytest.mark.parametrize("is_left", [True, False], ids=["left", "right"])
def test_a_name_on_its_side_along_an_edge_is_boxed(is_up, is_left):
    pixels = cv2.resize(planted.soft_pixels() // 2, (360, 480))
    turns = 1 if is_up else -1
    written = np.ascontiguousarray(np.rot90(pixels, -turns))
    row = 20 if is_left is is_up else written.shape[0] - 10
    cv2.putText(written, "ZWICKELMANN 1937", (200, row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    written = np.rot90(written, turns)
    ink = written != pixels
    assert (np.nonzero(ink)[1] < 180).all() == is_left
    inside = np.zeros(pixels.shape, bool)
    for box in text_boxes(written):
        inside[box.top : box.bottom, box.left : box.right] = True
    assert inside[ink].all()
    assert inside.mean() < 0.1


def test_text_on_colours_and_on_small_pictures_is_boxed():
    grey = planted.soft_pixels()
    colours = np.stack([grey, grey // 2, grey // 3], axis=-1)
    cv2.putText(colours, "12345678", (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
    assert text_boxes(colours)
    assert text_boxes(np.zeros((20, 20))) == []
    assert text_boxes(np.full((200, 200), np.nan)) == []


# Words and the command line


@pytest.mark.parametrize("problem", DeidentificationProblem)
def test_every_problem_is_one_sentence_with_advice(problem):
    message = explain(DeidentificationError(Path("folder/neck.dcm"), problem, "PNG"))
    assert "neck.dcm" in message.sentence
    assert message.sentence.endswith(".")
    assert ". " not in message.sentence
    assert "{" not in message.sentence
    assert message.advice.endswith(".")
    assert len({words[0] for words in MESSAGES.values()}) == len(DeidentificationProblem)


def test_the_command_writes_reviews_and_says_what_it_left_out(tmp_path, capsys):
    source = tmp_path / "in"
    source.mkdir()
    pixels = cv2.resize(planted.soft_pixels(), (320, 240))
    Image.fromarray(pixels).save(source / "clean.png")
    written = pixels.copy()
    cv2.putText(written, "ZWICKELMANN", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    Image.fromarray(written).save(source / "named.png")
    (source / "notes.txt").write_text("notes")
    profile_dir = ["--profile-dir", str(tmp_path / "profile")]
    out = tmp_path / "out"
    assert run_command(["deidentify", str(source), "--out", str(out), *profile_dir]) == 1
    told = capsys.readouterr()
    assert "1 file written" in told.out
    assert "1 file held back until a person has looked" in told.out
    assert "1 file left out" in told.out
    assert "“named.png” may have text burned in" in told.err
    assert "“notes.txt” is neither DICOM" in told.err
    review = tmp_path / "review"
    asked = ["deidentify", str(source), "--out", str(review), "--review", *profile_dir]
    assert run_command(asked) == 0
    assert "2 files looked through, boxes proposed in 1" in capsys.readouterr().out
    text = (review / "boxes.json").read_text("utf-8")
    (review / "boxes.json").write_text(text.replace('"looked": false', '"looked": true'), "utf-8")
    assert all(image.looked for image in load_review(review / "boxes.json").values())
    (source / "notes.txt").unlink()
    boxes = ["--boxes", str(review / "boxes.json")]
    second = tmp_path / "second"
    asked = ["deidentify", str(source), "--out", str(second), *boxes, *profile_dir]
    assert run_command(asked) == 0
    assert "2 files written" in capsys.readouterr().out
    assert run_command(["deidentify", str(source), "--out", str(source), *profile_dir]) == 1
    assert "lies among the files" in capsys.readouterr().err


def test_a_file_of_boxes_that_is_none_is_refused(tmp_path):
    file = tmp_path / "boxes.json"
    for content in ("", "{}", '{"schema": "spinealign-text-boxes-1", "images": [1]}'):
        file.write_text(content)
        with pytest.raises(DeidentificationError) as refused:
            load_review(file)
        assert refused.value.problem is DeidentificationProblem.BOXES


def test_quantiles_of_bytes_are_numpys_to_the_last_bit():
    rng = np.random.default_rng(0)
    for size in (*range(1, 40), 257):
        values = rng.integers(0, 256, size).astype(np.uint8)
        for share in (0.5, 0.75, 0.8):
            assert quantile_of_bytes(values, share) == np.quantile(values, share)
        assert quantile_of_bytes(values, 0.5) == np.median(values)
