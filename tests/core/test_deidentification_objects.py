"""De-identified: what the program itself makes of a case, and every test file of pydicom."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from spinealign.deidentification.cleaner import Patient
from spinealign.deidentification.collecting import take_up
from spinealign.deidentification.dicom_file import cleaned_dicom, read_whole
from spinealign.deidentification.identity import Identity
from spinealign.deidentification.options import Dates, Options
from spinealign.deidentification.pseudonyms import Pseudonyms
from spinealign.deidentification.run import deidentify
from spinealign.dicom.encapsulated_pdf import document_bytes
from spinealign.dicom.measurement_report import measurement_report
from spinealign.dicom.presentation_state import presentation_state
from spinealign.dicom.secondary_capture import capture_bytes
from spinealign.dicom.segmentation import segmentation_bytes
from spinealign.dicom.source import source_of
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.domain.generators import run_to_end
from spinealign.export.measure_drawing import main_measures
from spinealign.imaging.decoding import quiet_libraries
from tests import planted
from tests.corpus import corpus_files
from tests.dicom_objects import PATIENT, dciodvfy_errors, kind_analysis, require_program
from tests.dicom_reports import details, with_measures

KEY = bytes(range(32))
CLEANED = Options(
    dates=Dates.SHIFTED, clean_descriptors=True, clean_structured=True, clean_graphics=True
)
SECRETS = ("Phantom", "PHANTOM-17", "ACC17", "Jané", "19700102")
"""What the images of `tests.dicom_objects` say of their patient."""
UIDS = re.compile(rb"2\.25\.1700[12](?!\d)")
"""Their UIDs, whole: a new random UID may begin with the same digits."""


@pytest.fixture(params=["film", "slice", "multi-frame"])
def folder(request, tmp_path) -> Path:
    """An image with everything that the program writes about it, in one folder."""
    made = tmp_path / "in"
    made.mkdir()
    analysis = with_measures(kind_analysis(request.param, made))
    chosen = DicomChoices(PATIENT)
    source = source_of(analysis.image, chosen)
    (made / "seg.dcm").write_bytes(segmentation_bytes(analysis, source, chosen))
    picture = np.zeros((120, 96, 3), np.uint8)
    (made / "sc.dcm").write_bytes(capture_bytes(source, picture, "Structures of Phantom"))
    measurement_report(analysis, details()).save_as(made / "sr.dcm")
    presentation_state(analysis, details(), main_measures(analysis)).save_as(made / "pr.dcm")
    pdf = document_bytes(source, b"%PDF-1.4", "T", names_patient=True, is_verified=False)
    (made / "pdf.dcm").write_bytes(pdf)
    return made


def cleaned(folder: Path, out: Path, options: Options = CLEANED) -> dict[str, Dataset]:
    report = run_to_end(deidentify([folder], out, options, key=KEY, review={}))
    left = {error.path.name: error.problem for error in report.failures}
    assert left == {"pdf.dcm": DeidentificationProblem.DOCUMENT}
    found = [dcmread(path) for path in sorted(out.rglob("*.dcm"))]
    return {str(each.Modality): each for each in found}


def references(dataset: Dataset) -> set[str]:
    return {
        str(element.value)
        for element in dataset.iterall()
        if element.keyword == "ReferencedSOPInstanceUID"
    }


def test_objects_of_a_case_stay_whole_and_sound(folder, tmp_path):
    require_program("dciodvfy", "dicom3tools")
    before = {str(d.Modality): d for d in map(dcmread, folder.glob("*.dcm"))}
    after = cleaned(folder, tmp_path / "out")
    new = Pseudonyms(KEY).uid
    for modality in ("SEG", "SR", "PR", "OT"):
        expected = {new(uid) for uid in references(before[modality])}
        assert references(after[modality]) == expected
        assert after[modality].StudyInstanceUID == new(before[modality].StudyInstanceUID)
    instances = {str(d.SOPInstanceUID) for d in after.values()}
    assert set().union(*map(references, after.values())) <= instances
    np.testing.assert_array_equal(after["SEG"].pixel_array, before["SEG"].pixel_array)
    assert numbers(after["SR"]) == numbers(before["SR"])
    assert graphics(after["PR"]) == graphics(before["PR"])
    require_no_new_errors(folder, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.dcm"):
        content = path.read_bytes()
        assert [secret for secret in SECRETS if planted.is_in(secret, content)] == []
        assert UIDS.findall(content) == []


def require_no_new_errors(before: Path, after: Path) -> None:
    known = {error for path in before.rglob("*.dcm") for error in dciodvfy_errors(path)}
    assert {e for path in after.rglob("*.dcm") for e in dciodvfy_errors(path)} <= known


def numbers(report: Dataset) -> list[str]:
    values = [e for e in report.iterall() if e.keyword == "NumericValue"]
    assert values
    return [str(element.value) for element in values]


def graphics(state: Dataset) -> list[list[float]]:
    return [list(e.value) for e in state.iterall() if e.keyword == "GraphicData"]


def test_without_its_options_reports_and_states_lose_their_content(folder, tmp_path):
    require_program("dciodvfy", "dicom3tools")
    after = cleaned(folder, tmp_path / "out", Options())
    assert "GraphicAnnotationSequence" not in after["PR"]
    assert not any(e.keyword == "NumericValue" for e in after["SR"].iterall())
    require_no_new_errors(folder, tmp_path / "out")


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless],
    ids=lambda syntax: syntax.name,
)
def test_every_encoding_is_searched(tmp_path, syntax):
    with quiet_libraries():
        corpus = planted.Corpus(tmp_path / "in")
        dataset = planted.mr_dataset(corpus, 1)
        pixels = np.frombuffer(dataset.PixelData, "<u2").reshape(planted.SIZE, planted.SIZE)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = pixels.astype(">u2").tobytes()
        planted.plant_everywhere(corpus, dataset)
        planted.plant_nested(corpus, dataset)
        if syntax == RLELossless:
            dataset.file_meta = planted.FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.compress(RLELossless, generate_instance_uid=False)
        corpus.save("a.dcm", dataset, syntax)
        report = run_to_end(
            deidentify([corpus.folder], tmp_path / "out", CLEANED, key=KEY, review={})
        )
        assert report.failures == ()
        assert planted.search(tmp_path / "out") == []
        (path,) = (tmp_path / "out").rglob("*.dcm")
        now = dcmread(path)
        assert now.file_meta.TransferSyntaxUID == syntax
        np.testing.assert_array_equal(now.pixel_array, pixels)


def test_values_of_wrong_representations_do_not_slip_through(tmp_path):
    """Files that keep to no dictionary: names as bytes, texts in numbers and dates, no creator."""
    corpus = planted.Corpus(tmp_path / "in")
    dataset = planted.mr_dataset(corpus, 1)
    name = planted.SURNAME.encode() + b" "
    for keyword, representation in (
        ("StationName", "OB"), ("ImageComments", "UN"), ("ContentDate", "LO"),
        ("EchoNumbers", "SH"), ("MagneticFieldStrength", "LO"), ("TagThickness", "LO"),
        ("LargestImagePixelValue", "LO"),
        ("SliceThickness", "LO"), ("SeriesNumber", "SH"), ("FilterType", "UN"),
        ("SoftwareVersions", "OB"), ("ScanningSequence", "ST"), ("CodeMeaning", "OW"),
        ("AcquisitionTime", "SH"), ("FrameOfReferenceUID", "LT"), ("PatientAge", "SH"),
    ):  # fmt: skip
        value = name if representation in ("OB", "UN", "OW") else name.decode()
        corpus.plant(dataset, tag_for_keyword(keyword), representation, value)
    options = Options(dates=Dates.FULL, retain_uids=True, retain_patient=True, retain_device=True)
    with quiet_libraries():
        corpus.save("a.dcm", dataset)
        report = run_to_end(
            deidentify([corpus.folder], tmp_path / "out", options, key=KEY, review={})
        )
        assert report.failures == ()
        assert planted.search(tmp_path / "out", planted.SECRETS) == []


NUMBER_TAGS = [
    (tag, entry[0])
    for tag, entry in DicomDictionary.items()
    if entry[0] in ("IS", "DS") and tag >> 16 >= 8 and tag >> 16 not in (0x0028, 0x7FE0)
]  # fmt: skip


def numbered(folder: Path, identifier: str) -> Dataset:
    """Write an image with an identifier in every attribute of numbers, the nested ones too."""
    corpus = planted.Corpus(folder)
    dataset = planted.mr_dataset(corpus, 1, ("", identifier))
    inner = Dataset()
    for target in (dataset, inner):
        for tag, representation in NUMBER_TAGS:
            digits = int("".join(filter(str.isdecimal, identifier)))
            target[tag] = DataElement(tag, representation, f"{digits}")
    inner.ImagePositionPatient = [float(digits), 0, 1]
    dataset.ReferencedImageSequence = [inner]
    dataset.WindowWidth = digits
    corpus.save("a.dcm", dataset)
    return dataset


def numbers_left(folder: Path, digits: str) -> Counter[str]:
    (path,) = folder.rglob("*.dcm")
    found: Counter[str] = Counter()
    for element in dcmread(path).iterall():
        if element.VR in ("IS", "DS"):
            values = element.value if element.VM > 1 else [element.value]
            found[element.keyword] += any(str(v) in (digits, f"{digits}.0") for v in values)
    return +found


def test_an_identifier_is_in_no_attribute_of_numbers_and_the_report_says_so(tmp_path):
    numbered(tmp_path / "in", "PID 7719031")
    options = Options(dates=Dates.FULL, retain_patient=True, retain_device=True)
    report = run_to_end(
        deidentify([tmp_path / "in"], tmp_path / "out", options, key=KEY, review={})
    )
    assert report.failures == ()
    assert numbers_left(tmp_path / "out", "7719031") == {"WindowWidth": 1}  # describes pixels
    told = [c for c in report.file.changes if c.action.endswith("looked like an identifier")]
    assert sum(change.count for change in told) > len(NUMBER_TAGS)
    (path,) = (tmp_path / "out").rglob("*.dcm")
    now = dcmread(path)
    assert (now.SeriesNumber, now.InstanceNumber) == (None, None)  # must be there, may be empty
    assert now.ReferencedImageSequence[0].ImagePositionPatient is None
    assert "7719031" not in (tmp_path / "out" / "deidentification.txt").read_text("utf-8")


@pytest.mark.parametrize("identifier", ["12", "4711", "A12B34"])
def test_a_short_identifier_takes_no_numbers_out(tmp_path, identifier):
    numbered(tmp_path / "in", identifier)
    report = run_to_end(
        deidentify([tmp_path / "in"], tmp_path / "out", Options(), key=KEY, review={})
    )
    assert not any("looked" in change.action for change in report.file.changes)
    digits = "".join(filter(str.isdecimal, identifier))
    assert numbers_left(tmp_path / "out", digits)["InstanceNumber"] == 2


def region(meaning: str, value: str, scheme: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def only(folder: Path, out: Path, options: Options) -> list[Dataset]:
    report = run_to_end(deidentify([folder], out, options, key=KEY, review={}))
    assert report.failures == ()
    return [dcmread(path) for path in sorted(out.rglob("*.dcm"))]


CERVICAL = ("122494005", "SCT")
COLUMN = "Structure of cervical vertebral column (body structure)"
"""Source: PS3.16, as pydicom's dictionary of concepts prints it."""


@pytest.mark.parametrize("options", [Options(), CLEANED], ids=["basic", "cleaned"])
@pytest.mark.parametrize(
    ("meaning", "code", "left"),
    [
        ("spine of Ng Li, sister of Müllerzz", CERVICAL, COLUMN),
        ("Cervical SPINE", CERVICAL, "Cervical SPINE"),
        ("Halswirbelsäule", ("T-11501", "SRT"), COLUMN),
        ("spine of Ng Li, sister of Müllerzz", ("1", "99HOSP"), "spine of of"),
        ("spine of ZZWALDMÜLLER", ("1", "99HOSP"), "spine of"),
        ("Aunt Wolkenstein", ("1", "99HOSP"), "REMOVED"),
    ],
)
def test_the_meaning_of_a_code_is_the_standards_or_words_of_imaging(
    tmp_path, options, meaning, code, left
):
    corpus = planted.Corpus(tmp_path / "in")
    dataset = planted.mr_dataset(corpus, 1, ("Ng^Li", "PID1"))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.AnatomicRegionSequence = [region(meaning, *code)]
    corpus.save("a.dcm", dataset)
    (now,) = only(tmp_path / "in", tmp_path / "out", options)
    (item,) = now.AnatomicRegionSequence
    assert (item.CodeMeaning, item.CodeValue) == (left, code[0])


def test_names_of_others_of_the_set_and_of_items_are_in_no_text(tmp_path):
    corpus = planted.Corpus(tmp_path / "in")
    first = planted.mr_dataset(corpus, 1, ("Ng^Li", "PID1"))
    first.SpecificCharacterSet = "ISO_IR 192"
    inner = Dataset()
    inner.PatientName = "ZZWALDMUELLER^Anna"
    first.ReferencedPatientSequence = [inner]
    first.Manufacturer = "Coils by Quellnöck, for ZZWALDMÜLLER, A., and the neck"
    corpus.save("a.dcm", first)
    corpus.save("b.dcm", planted.mr_dataset(corpus, 2, ("Quellnoeck^Neck", "PID2")))
    found = only(tmp_path / "in", tmp_path / "out", Options(retain_device=True))
    (text,) = {one.Manufacturer for one in found if "Manufacturer" in one}
    assert text == "Coils by , for , and the neck"


UNSAFE = {
    DeidentificationProblem.INDEX,
    DeidentificationProblem.UNKNOWN_CLASS,
}


def test_every_test_file_of_pydicom_is_cleaned_or_refused_with_a_reason():
    outcomes: Counter[str] = Counter()
    for name, path in corpus_files().items():
        try:
            dataset = read_whole(path, path.read_bytes())
            identity = Identity()
            with quiet_libraries():
                take_up(dataset, CLEANED, identity)
            patient = Patient("SA-TEST", -3, identity)
            content = cleaned_dicom(
                path, dataset, patient, CLEANED, Pseudonyms(KEY), Counter()
            ).content
        except DeidentificationError as refused:
            outcomes[refused.problem] += 1
            continue
        outcomes["cleaned"] += 1
        assert not identity.is_in_bytes(content[: content.find(b"\xe0\x7f\x10\x00")]), name
        require_same_pixels(name, path, content)
    assert set(outcomes) == {"cleaned", *UNSAFE}
    assert outcomes["cleaned"] >= 250
    assert outcomes[DeidentificationProblem.UNKNOWN_CLASS] <= 20


def require_same_pixels(name: str, path: Path, content: bytes) -> None:
    from io import BytesIO

    with quiet_libraries():
        try:
            before = dcmread(path, force=True).pixel_array
        except Exception:  # noqa: BLE001 - files that hold no pixels, or damaged ones
            return
        np.testing.assert_array_equal(dcmread(BytesIO(content)).pixel_array, before, name)
