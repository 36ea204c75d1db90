"""Files with a patient planted in every place that holds text, and a search of its own for them.

The search knows no code of the program. It looks through raw bytes in several encodings, through
what pydicom reads, and through what is compressed in files; names of files and folders count too.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from PIL import Image, ImageCms, PngImagePlugin
from pydicom import DataElement, Dataset, Sequence, dcmread, dcmwrite
from pydicom.datadict import DicomDictionary
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

SURNAME, GIVEN, NUMBER, ACCESSION = "Zwickelmann", "Ottokar", "QK88231ZP", "ACX7719031"
DOCTOR, BIRTH = "Krummholz", "19370419"
JAPANESE, KANJI, KANA = "Yamamoto", "山本", "やまもと"
SWEDISH = "Ångströmsson"
SECRETS = (SURNAME, GIVEN, NUMBER, ACCESSION, DOCTOR, JAPANESE, KANJI, KANA, SWEDISH)
BIRTH_DATES = (BIRTH, "1937-04-19", "19.04.1937", "04/19/1937")
ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "shift_jis", "euc_jp", "iso2022_jp")
UID_ROOT = "1.2.826.0.1.3680043.9.7777."
"""All UIDs of planted files begin so; none may be left where UIDs are not kept."""

MR, SR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.88.22"
DAYS = {"StudyDate": "20210310", "SeriesDate": "20210311", "AcquisitionDate": "20210314"}
SIZE = 96

_TEXTS = ("LO", "LT", "SH", "ST", "UC", "UT", "PN", "AE", "UR")
_NOT_PLANTED = (0x00080005, 0x00080016)


def planted_text(representation: str) -> str:
    """Return a value with secrets that fits a value representation."""
    if representation == "PN":
        return f"{SURNAME}^{GIVEN}"
    if representation in ("SH", "AE"):
        return SURNAME
    if representation == "UR":
        return f"http://pacs/{NUMBER}"
    return f"MR of {SURNAME}, born 19.04.1937, {NUMBER}"


def text_tags() -> list[tuple[int, str]]:
    """Return every attribute of the standard that holds text, retired ones too."""
    return [
        (tag, entry[0])
        for tag, entry in DicomDictionary.items()
        if entry[0] in _TEXTS and tag >> 16 >= 8 and tag not in _NOT_PLANTED and tag >> 16 < 0xFFFA
    ]


class Corpus:
    """A folder of planted files; `places` counts what was planted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"{SURNAME} {GIVEN}"
        self.folder.mkdir(parents=True)
        self.places = 0

    def plant(self, dataset: Dataset, tag: int, representation: str, value: object) -> None:
        dataset[tag] = DataElement(tag, representation, value)
        self.places += 1

    def save(self, name: str, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        meta.TransferSyntaxUID = UID(syntax)
        meta.SourceApplicationEntityTitle = SURNAME
        meta.PrivateInformationCreatorUID = UID(f"{UID_ROOT}9")
        meta.PrivateInformation = SURNAME.encode()
        dataset.file_meta = meta
        dataset.preamble = f"{SURNAME} {NUMBER}".encode().ljust(128, b"\0")
        self.places += 4
        path = self.folder / f"{SURNAME}-{name}"
        dcmwrite(path, dataset, enforce_file_format=True)
        return path


def mr_dataset(corpus: Corpus, number: int, patient: tuple[str, str] = ("", "")) -> Dataset:
    """Return a small MR image with identifiers, dates and pixels, and nothing else planted."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MR, f"{UID_ROOT}3.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{UID_ROOT}1", f"{UID_ROOT}2"
    dataset.FrameOfReferenceUID = f"{UID_ROOT}4"
    dataset.Modality, dataset.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M"]
    name, identifier = patient
    dataset.PatientName = name or f"{SURNAME}^{GIVEN}"
    dataset.PatientID, dataset.AccessionNumber = identifier or NUMBER, ACCESSION
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = BIRTH, "M", "093Y"
    dataset.ReferringPhysicianName = f"{DOCTOR}^Eva"
    for keyword, day in DAYS.items():
        setattr(dataset, keyword, day)
    dataset.StudyTime, dataset.AcquisitionDateTime = "101112", "20210312101112.000000+0100"
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "", 1, number
    dataset.Rows = dataset.Columns = SIZE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelSpacing, dataset.ImagePositionPatient = [1, 1], [0, 0, number]
    dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    rows, columns = np.mgrid[:SIZE, :SIZE]
    waves = 900 + 500 * np.sin(rows / 9 + number) + 300 * np.cos(columns / 13)
    dataset.PixelData = waves.astype("<u2").tobytes()
    corpus.places += 5
    return dataset


def plant_everywhere(corpus: Corpus, dataset: Dataset) -> None:
    """Plant the patient in every text attribute of the standard."""
    for tag, representation in text_tags():
        if tag not in (0x00100010, 0x00100020, 0x00080050):
            corpus.plant(dataset, tag, representation, planted_text(representation))
    # Values that are no text by the standard, in files that do not keep to it.
    for keyword, wrong in (("ImageType", SURNAME.upper()), ("BodyPartExamined", "ZWICKELMANN M")):
        tag = pydicom.datadict.tag_for_keyword(keyword)
        values = ["ORIGINAL", "PRIMARY", wrong] if keyword == "ImageType" else wrong
        corpus.plant(dataset, tag, "CS", values)


def plant_nested(corpus: Corpus, dataset: Dataset) -> None:
    """Plant the patient three and more sequences deep, in lists that stay."""

    def item(level: int) -> Dataset:
        inner = Dataset()
        for tag, representation in (
            (0x00080104, "LO"), (0x00100010, "PN"), (0x00100020, "LO"), (0x00081030, "LO"),
            (0x00204000, "LT"), (0x0040A123, "PN"), (0x00081070, "PN"), (0x0040A160, "UT"),
            (0x00102160, "SH"), (0x00380300, "LO"),
        ):  # fmt: skip
            corpus.plant(inner, tag, representation, planted_text(representation))
        inner.ReferencedSOPClassUID = MR
        inner.ReferencedSOPInstanceUID = f"{UID_ROOT}3.1"
        block = inner.private_block(0x0019, SURNAME, create=True)
        block.add_new(1, "LO", NUMBER)
        corpus.places += 2
        if level < 5:
            inner.PurposeOfReferenceCodeSequence = [item(level + 1)]
        return inner

    for keyword in ("ReferencedImageSequence", "SourceImageSequence", "ViewCodeSequence",
                    "AnatomicRegionSequence", "ProcedureCodeSequence", "RequestAttributesSequence",
                    "ReferencedStudySequence", "AcquisitionContextSequence"):  # fmt: skip
        setattr(dataset, keyword, [item(1)])


def plant_hidden(corpus: Corpus, dataset: Dataset) -> None:
    """Plant the patient where no viewer shows it."""
    private = dataset.private_block(0x0009, f"{SURNAME} PRIVATE", create=True)
    private.add_new(0x10, "LO", SURNAME)
    private.add_new(0x11, "UN", f"{NUMBER} ".encode())
    private.add_new(0x12, "OB", f"{GIVEN} ".encode())
    inner = Dataset()
    inner.PatientName = f"{SURNAME}^{GIVEN}"
    private.add_new(0x13, "SQ", Sequence([inner]))
    corpus.places += 5
    for group in (0x6000, 0x6002):
        corpus.plant(dataset, group << 16 | 0x0022, "LO", SURNAME)
        corpus.plant(dataset, group << 16 | 0x1500, "LO", NUMBER)
        corpus.plant(dataset, group << 16 | 0x4000, "LT", GIVEN)
        corpus.plant(dataset, group << 16 | 0x3000, "OW", SURNAME.encode().ljust(1152, b"\0"))
        dataset[group << 16 | 0x0010] = DataElement(group << 16 | 0x0010, "US", SIZE)
    corpus.plant(dataset, 0x50000022, "LO", SURNAME)
    corpus.plant(dataset, 0x50002500, "LO", GIVEN)
    corpus.plant(dataset, 0x50003000, "OW", f"{SURNAME}!".encode())
    icon = Dataset()
    icon.Rows = icon.Columns = icon.BitsAllocated = 8
    icon.PixelData = f"{SURNAME}     ".encode()
    icon.ImageComments = SURNAME
    dataset.IconImageSequence = [icon]
    corpus.plant(dataset, 0x00282000, "OB", colour_profile())
    corpus.plant(dataset, 0xFFFCFFFC, "OB", f"{SURNAME}!".encode())
    corpus.plant(dataset, 0x00091001, "LO", NUMBER)  # without a creator
    corpus.plant(dataset, 0x00189999, "UN", SURNAME.encode() + b"!")  # not in any dictionary
    dataset.PixelData = dataset.PixelData + f"{SURNAME}!".encode()
    corpus.places += 3


def encoded_dataset(corpus: Corpus, number: int, character_set: list[str], name: str) -> Dataset:
    """Return an image whose texts are in a character set."""
    dataset = mr_dataset(corpus, number, (name, f"{NUMBER}{number}"))
    dataset.SpecificCharacterSet = character_set
    plain = name.split("=")[-1].replace("^", " ") if "=" in name else name.replace("^", " ")
    for tag in (0x0008103E, 0x00081030, 0x00204000, 0x00104000, 0x00181030, 0x00080104, 0x00402400):
        representation = DicomDictionary[tag][0]
        corpus.plant(dataset, tag, representation, plain)
    return dataset


def report_dataset(corpus: Corpus) -> Dataset:
    """Return a structured report that names the patient in its texts, persons and codes."""
    dataset = mr_dataset(corpus, 90)
    for keyword in ("Rows", "Columns", "PixelData", "ImageType", "BitsAllocated", "BitsStored",
                    "HighBit", "PixelRepresentation", "SamplesPerPixel", "PixelSpacing",
                    "PhotometricInterpretation", "ImagePositionPatient", "FrameOfReferenceUID",
                    "ImageOrientationPatient"):  # fmt: skip
        delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.Modality = SR, "SR"
    dataset.SeriesInstanceUID = f"{UID_ROOT}22"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "VERIFIED"
    dataset.ContentDate, dataset.ContentTime = "20210315", "120000"
    dataset.ConceptNameCodeSequence = [code("126000", "Imaging Measurement Report")]
    verifier = Dataset()
    verifier.VerifyingObserverName = f"{DOCTOR}^Eva"
    verifier.VerifyingOrganization = f"Praxis {DOCTOR}"
    verifier.VerificationDateTime = "20210315120000"
    verifier.VerifyingObserverIdentificationCodeSequence = []
    dataset.VerifyingObserverSequence = [verifier]

    def item(kind: str, concept: tuple[str, str], **fields: object) -> Dataset:
        made = Dataset()
        made.RelationshipType, made.ValueType = "CONTAINS", kind
        made.ConceptNameCodeSequence = [code(*concept)]
        for keyword, value in fields.items():
            setattr(made, keyword, value)
        corpus.places += 1
        return made

    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = MR, f"{UID_ROOT}3.1"
    measured = Dataset()
    measured.NumericValue = "12.5"
    measured.MeasurementUnitsCodeSequence = [code("deg", "degree", "UCUM")]
    deep = item("CONTAINER", ("125007", "Measurement Group"), ContinuityOfContent="SEPARATE")
    deep.ContentSequence = [
        item("TEXT", ("121071", "Finding"), TextValue=f"{SURNAME} has pain, seen by {DOCTOR}"),
        item("TEXT", ("112039", "Tracking Identifier"), TextValue=f"angle of {SURNAME}"),
        item("NUM", ("285285000", "Cobb angle", "SCT"), MeasuredValueSequence=[measured]),
        item("PNAME", ("121008", "Person Observer Name"), PersonName=f"{DOCTOR}^Eva"),
        item("UIDREF", ("112040", "Tracking UID"), UID=f"{UID_ROOT}77.1"),
        item("DATE", ("111060", "Study Date"), Date="20210310"),
        item(
            "CODE", ("121071", "Finding"), ConceptCodeSequence=[code("X", f"as {SURNAME}", "99X")]
        ),
    ]
    dataset.ContentSequence = [
        item("PNAME", ("121029", "Subject Name"), PersonName=f"{SURNAME}^{GIVEN}"),
        item("TEXT", ("121030", "Subject ID"), TextValue=NUMBER),
        item("IMAGE", ("121112", "Source of Measurement"), ReferencedSOPSequence=[image]),
        deep,
    ]
    evidence, series = Dataset(), Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = f"{UID_ROOT}2", [image]
    evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = f"{UID_ROOT}1", [series]
    dataset.CurrentRequestedProcedureEvidenceSequence = [evidence]
    return dataset


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made


def jpeg_bytes(pixels: np.ndarray, **options: object) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=90, **options)
    return target.getvalue()


def soft_pixels() -> np.ndarray:
    rows, columns = np.mgrid[:120, :160]
    return (120 + 60 * np.sin(rows / 20) + 50 * np.cos(columns / 31)).astype(np.uint8)


def compressed_dataset(corpus: Corpus, number: int) -> Dataset:
    """Return an image of one JPEG frame that holds a comment and EXIF data."""
    dataset = mr_dataset(corpus, number)
    pixels = soft_pixels()
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    frame = with_comment(jpeg_bytes(pixels, exif=exif(), icc_profile=colour_profile()))
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    corpus.places += 2
    return dataset


def with_comment(jpeg: bytes) -> bytes:
    text = f"{SURNAME} {NUMBER}".encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + jpeg[2:]


def exif() -> bytes:
    data = Image.Exif()
    data[0x010E], data[0x013B], data[0x0112] = f"{SURNAME} {GIVEN}", DOCTOR, 6
    data.get_ifd(0x8769)[0x9286] = f"UNICODE{SURNAME}"
    return data.tobytes()


def colour_profile(space: str = "sRGB") -> bytes:
    """Return a colour profile whose description, maker and rights name the patient."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    (count,) = struct.unpack_from(">I", plain, 128)
    entries = [struct.unpack_from(">4sII", plain, 132 + 12 * n) for n in range(count)]
    elements = {tag: plain[start : start + length] for tag, start, length in entries}
    text = f"{SURNAME} {GIVEN}".encode()
    elements[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" * 79
    elements[b"cprt"] = elements[b"priv"] = b"text\0\0\0\0" + text + b"\0"
    elements[b"dmnd"] = f"mluc{SURNAME}".encode("utf-16-be")
    elements[b"wtpt"] += text  # behind the numbers
    table, body = struct.pack(">I", len(elements)), b""
    for tag, data in elements.items():
        start = 132 + 12 * len(elements) + len(body)
        table += struct.pack(">4sII", tag, start, len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = bytearray(plain[:128])
    struct.pack_into(">I", header, 0, 128 + len(table) + len(body))
    return bytes(header) + table + body


def plant_pictures(corpus: Corpus) -> None:
    """Write PNG, JPEG, TIFF, WebP, GIF and BMP files with metadata that name the patient."""
    pixels = soft_pixels()
    picture = Image.fromarray(pixels)
    info = PngImagePlugin.PngInfo()
    info.add_text("Patient", f"{SURNAME} {GIVEN}")
    info.add_text("Comment", f"{NUMBER} " * 20, zip=True)
    info.add_itxt("Beschreibung", f"{SWEDISH} {KANJI}", zip=True)
    info.add_itxt("XML:com.adobe.xmp", f"<x>{SURNAME}</x>")
    info.add(b"tIME", struct.pack(">HBBBBB", 2021, 3, 10, 1, 2, 3))
    info.add(b"prVt", SURNAME.encode())
    profile = {"icc_profile": colour_profile()}
    picture.save(corpus.folder / f"{SURNAME}.png", pnginfo=info, exif=exif(), **profile)
    with (corpus.folder / f"{SURNAME}.png").open("ab") as file:
        file.write(SURNAME.encode())
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", 20) + SURNAME.encode().ljust(20)
    jpeg = with_comment(
        jpeg_bytes(pixels, exif=exif(), xmp=f"<x>{SURNAME}</x>".encode(), **profile)
    )
    jpeg = jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + jpeg[2:]
    (corpus.folder / f"{GIVEN}.jpg").write_bytes(jpeg + NUMBER.encode())
    tags = {
        270: f"{SURNAME} {NUMBER}",
        305: SURNAME,
        315: DOCTOR,
        316: SURNAME,
        700: SURNAME.encode(),
    }
    for name, options in (("raw", profile), ("lzw", {"compression": "tiff_lzw"}),
                          ("big", {"big_tiff": True})):  # fmt: skip
        pages = [picture, picture.rotate(180)]
        target = corpus.folder / f"{SURNAME}-{name}.tif"
        pages[0].save(target, save_all=True, append_images=pages[1:], tiffinfo=tags, **options)
        corpus.places += 10
    picture.save(
        corpus.folder / f"{SURNAME}.webp",
        lossless=True,
        exif=exif(),
        xmp=SURNAME.encode(),
        **profile,
    )
    picture.convert("P").save(corpus.folder / f"{SURNAME}.gif", comment=f"{SURNAME} {NUMBER}")
    picture.save(corpus.folder / f"{SURNAME}.bmp")
    with (corpus.folder / f"{SURNAME}.bmp").open("ab") as file:
        file.write(SURNAME.encode())
    corpus.places += 30


def plant_volumes(corpus: Corpus) -> None:
    """Write NIfTI files with texts, extensions and a packed name that name the patient."""
    values = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    for number, kind in enumerate((nib.Nifti1Image, nib.Nifti2Image, nib.Nifti1Pair)):
        image = kind(values, np.diag([1, 2, 3, 1]))
        image.header["descrip"], image.header["aux_file"] = f"{SURNAME} {NUMBER}", GIVEN
        image.header["intent_name"] = SURNAME
        if number == 0:
            image.header["db_name"], image.header["data_type"] = SURNAME, "Ottokar"
        extension = nib.nifti1.Nifti1Extension(6, f"{SURNAME} comment".encode())
        image.header.extensions.append(extension)
        corpus.places += 6
        if kind is nib.Nifti1Pair:
            nib.save(image, corpus.folder / f"{SURNAME}-pair.hdr")
            continue
        plain = image.to_bytes() + SURNAME.encode()
        (corpus.folder / f"{SURNAME}-{number}.nii").write_bytes(plain)
        packed = corpus.folder / f"{SURNAME}-{number}.nii.gz"
        with packed.open("wb") as file, gzip.GzipFile(f"{SURNAME}.nii", "wb", 6, file) as inner:
            inner.write(plain)
        corpus.places += 3


def build(folder: Path) -> Corpus:
    """Write the whole corpus."""
    corpus = Corpus(folder)
    every = mr_dataset(corpus, 1)
    plant_everywhere(corpus, every)
    corpus.save("every.dcm", every)
    implicit = mr_dataset(corpus, 2)
    plant_everywhere(corpus, implicit)
    corpus.save("implicit.dcm", implicit, ImplicitVRLittleEndian)
    nested = mr_dataset(corpus, 3)
    plant_nested(corpus, nested)
    corpus.save("nested.dcm", nested)
    hidden = mr_dataset(corpus, 4)
    plant_hidden(corpus, hidden)
    corpus.save("hidden.dcm", hidden)
    name = f"{JAPANESE}^Tsukasa={KANJI}^司={KANA}^つかさ"
    japanese = encoded_dataset(corpus, 5, ["", "ISO 2022 IR 87"], name)
    corpus.save("japanese.dcm", japanese)
    unicode = encoded_dataset(corpus, 6, ["ISO_IR 192"], name)
    corpus.save("unicode.dcm", unicode)
    latin = encoded_dataset(corpus, 7, ["ISO_IR 100"], f"{SWEDISH}^Jörgen")
    corpus.save("latin.dcm", latin)
    corpus.save("compressed.dcm", compressed_dataset(corpus, 8), JPEGBaseline8Bit)
    corpus.save("report.dcm", report_dataset(corpus))
    plant_pictures(corpus)
    plant_volumes(corpus)
    corpus.places += len(list(corpus.folder.iterdir()))  # the names of the files
    return corpus


# The search


def search(folder: Path, secrets: tuple[str, ...] = SECRETS + BIRTH_DATES) -> list[str]:
    """Return where a secret is found below a folder, by path and kind of look."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found += [f"{name}: name" for secret in secrets if fold(secret) in fold(name)]
        if path.is_file():
            for how, content in looks(path):
                found += [f"{name}: {how}: {s}" for s in secrets if is_in(s, content)]
    return found


def fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def is_in(secret: str, content: bytes | str) -> bool:
    if isinstance(content, str):
        return fold(secret) in fold(content)
    lowered = content.lower()
    for encoding in ENCODINGS:
        for spelt in (secret, secret.upper(), secret.lower(), fold(secret)):
            raw = spelt.encode(encoding, "ignore").lower()
            if encoding == "iso2022_jp":
                raw = re.sub(rb"\x1b..", b"", raw)
            if len(raw) > 3 and raw in lowered:
                return True
    return False


def looks(path: Path) -> Iterator[tuple[str, bytes | str]]:
    """Yield a file's content in every way that it can be looked at."""
    content = path.read_bytes()
    yield "bytes", content
    if content[:2] == b"\x1f\x8b":
        yield "unpacked", gzip.decompress(content)
    if content[:4] == b"\x89PNG":
        place = 8
        while place < len(content):
            (length,) = struct.unpack_from(">I", content, place)
            data = content[place + 8 : place + 8 + length]
            for start in range(min(100, len(data))):
                try:
                    yield "png", zlib.decompress(data[start:])
                except zlib.error:
                    continue
            place += 12 + length
    if content[128:132] == b"DICM":
        dataset = dcmread(path)
        yield "meta", str(dataset.file_meta)
        for element in dataset.iterall():
            if element.VR != "SQ":
                yield f"element {element.tag}", text_of(element)


def text_of(element: DataElement) -> bytes | str:
    value = element.value
    if isinstance(value, bytes):
        return value
    if element.VR == "PN":
        return " ".join(map(str, (value.alphabetic, value.ideographic, value.phonetic)))
    return str(value)
