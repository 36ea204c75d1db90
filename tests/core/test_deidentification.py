"""A whole set de-identified: nothing of the patient is found; what belongs together stays so."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import stat
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import UID_dictionary

from spinealign.deidentification import cleaner, dicom_file, dicom_pixels
from spinealign.deidentification.boxes import Box, load_review, review_json
from spinealign.deidentification.options import Dates, Options, Pixels
from spinealign.deidentification.pseudonyms import Pseudonyms
from spinealign.deidentification.report import Report
from spinealign.deidentification.run import accepted, deidentify, propose
from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.domain.generators import run_to_end
from spinealign.imaging.decoding import quiet_libraries
from tests import planted

KEY = bytes(range(32))
EVERYTHING = Options(
    dates=Dates.SHIFTED, retain_patient=True, retain_device=True, retain_institution=True,
    clean_descriptors=True, clean_structured=True, clean_graphics=True,
)  # fmt: skip
CHOICES = {
    "basic": Options(),
    "everything": EVERYTHING,
    "full dates and UIDs": Options(
        dates=Dates.FULL, retain_uids=True, clean_descriptors=True, clean_structured=True
    ),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> planted.Corpus:
    with quiet_libraries():
        return planted.build(tmp_path_factory.mktemp("planted"))


def run(folder: Path, out: Path, options: Options = EVERYTHING, **others) -> Report:
    work = deidentify([folder], out, options, key=KEY, review=others.get("review", {}))
    return run_to_end(work)


def searched(folder: Path, *secrets: tuple[str, ...]) -> list[str]:
    with quiet_libraries():
        return planted.search(folder, *secrets)


def datasets(folder: Path) -> list[pydicom.Dataset]:
    with quiet_libraries():
        return [pydicom.dcmread(path) for path in sorted(folder.rglob("*.dcm"))]


@pytest.fixture(scope="module")
def results(corpus, tmp_path_factory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("results")
    for name, options in CHOICES.items():
        report = run(corpus.folder, out / name, options)
        assert report.failures == ()
    return {name: out / name for name in CHOICES}


def test_the_corpus_names_the_patient_in_more_than_300_places_and_the_search_finds_them(corpus):
    assert corpus.places >= 300
    assert len(searched(corpus.folder)) > corpus.places
    kinds = {path.suffix for path in corpus.folder.iterdir()}
    assert kinds >= {".dcm", ".png", ".jpg", ".tif", ".webp", ".gif", ".bmp", ".nii", ".gz", ".hdr"}


@pytest.mark.parametrize("name", CHOICES)
def test_nothing_of_the_patient_is_found(results, name):
    secrets = planted.SECRETS + planted.BIRTH_DATES
    assert searched(results[name], secrets) == []


def test_no_uid_of_the_source_is_left(results):
    for name in ("basic", "everything"):
        for path in results[name].rglob("*"):
            assert path.is_dir() or planted.UID_ROOT.encode() not in path.read_bytes()


def without_walk(self, dataset, parent="", level=0, _clean=cleaner.Cleaner.clean):
    if level == 0:
        _clean(self, dataset, parent, level)


def keeping(is_kept):
    """Return a cleaner's method that leaves some attributes alone, by their group."""

    def clean_one(self, dataset, tag, parent, level, _clean=cleaner.Cleaner._clean_one):
        if not is_kept(tag >> 16):
            _clean(self, dataset, tag, parent, level)

    return clean_one


FAULTS = {
    "nested items are skipped": (cleaner.Cleaner, "clean", without_walk),
    "private attributes are kept": (
        cleaner.Cleaner, "_clean_one", keeping(lambda group: group % 2 == 1),
    ),
    "overlays are kept": (cleaner.Cleaner, "_clean_one", keeping(lambda group: group >> 8 == 0x60)),
    "curves are kept": (cleaner.Cleaner, "_clean_one", keeping(lambda group: group >> 8 == 0x50)),
    "texts that stay are not looked through": (
        cleaner.Cleaner, "_cleaned_text", lambda self, value, representation: value,
    ),
    "the file meta information is kept": (dicom_file, "_renew_meta", lambda dataset, counts: None),
    "pixel data are not looked through": (dicom_file, "bare_pixels", lambda dataset: []),
    "frames keep their comments": (dicom_pixels, "_bare_jpeg_frame", lambda stream: stream),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_search_finds_what_a_fault_leaves(corpus, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(*FAULTS[fault])
    # The last look before writing would stop some of them: it has a test of its own.
    monkeypatch.setattr(dicom_file, "_require_nothing_left", lambda *values: None)
    run(corpus.folder, tmp_path / "out")
    assert searched(tmp_path / "out") != []


def test_the_last_look_before_writing_stops_what_a_fault_would_leave(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(*FAULTS["nested items are skipped"])
    report = run(corpus.folder, tmp_path / "out")
    problems = {error.path.name: error.problem for error in report.failures}
    assert problems[f"{planted.SURNAME}-nested.dcm"] is DeidentificationProblem.LEFTOVER
    assert searched(tmp_path / "out", (planted.SURNAME, planted.NUMBER)) == []


# What belongs together


def uids_of(dataset: pydicom.Dataset) -> set[str]:
    values: set[str] = set()
    for element in dataset.iterall():
        if element.VR == "UI":
            values |= {str(v) for v in (element.value if element.VM > 1 else [element.value])}
    return {v for v in values if v and v not in UID_dictionary and not v.startswith("1.2.840.")}


@pytest.mark.parametrize("name", CHOICES)
def test_every_reference_leads_to_the_same_object_as_before(corpus, results, name):
    before = datasets(corpus.folder)
    after = {str(d.SOPInstanceUID): d for d in datasets(results[name])}
    new = Pseudonyms(KEY).uid
    for old in before:
        uid = str(old.SOPInstanceUID)
        now = after[uid if name == "full dates and UIDs" else new(uid)]
        assert now.file_meta.MediaStorageSOPInstanceUID == now.SOPInstanceUID
        assert now.InstanceNumber == old.InstanceNumber
    assert len({str(d.StudyInstanceUID) for d in after.values()}) == 1
    report = next(d for d in after.values() if d.Modality == "SR")
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    referenced = evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert referenced in after
    assert after[referenced].InstanceNumber == 1
    assert evidence.SeriesInstanceUID == after[referenced].SeriesInstanceUID
    assert report.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == referenced


def test_the_same_patient_has_one_pseudonym_and_others_have_others(results):
    found = {}
    for dataset in datasets(results["basic"]):
        found.setdefault(str(dataset.PatientID), set()).add(str(dataset.PatientName))
    assert len(found) == 4
    assert all(names == {identifier} for identifier, names in found.items())


def test_dates_of_a_patient_are_shifted_alike(corpus, results):
    old = {int(d.InstanceNumber): d for d in datasets(corpus.folder)}
    shifts: dict[str, set[int]] = {}
    for now in datasets(results["everything"]):
        then = old[int(now.InstanceNumber)]
        for keyword in (*planted.DAYS, "ContentDate"):
            if keyword in then and then.Modality in ("MR", "SR"):
                days = day(now[keyword].value) - day(then[keyword].value)
                shifts.setdefault(str(now.PatientID), set()).add(days.days)
        moment = str(now.AcquisitionDateTime)
        assert moment[8:] == "101112.000000+0100"
        assert day(moment[:8]) - day(now.StudyDate) == day("20210312") - day("20210310")
        assert now.StudyTime == "101112"
        assert now.LongitudinalTemporalInformationModified == "MODIFIED"
    assert len(shifts) == 4
    assert all(len(days) == 1 and -3650 <= min(days) <= -1 for days in shifts.values())
    assert len(set().union(*shifts.values())) > 1


def day(value: str) -> datetime:
    return datetime.strptime(str(value), "%Y%m%d")


def test_dates_are_removed_or_kept_as_asked_for(results):
    for dataset in datasets(results["basic"]):
        assert dataset.StudyDate in ("", None)
        assert dataset.get("AcquisitionDate") in ("", None)
        assert dataset.LongitudinalTemporalInformationModified == "REMOVED"
    for dataset in datasets(results["full dates and UIDs"]):
        assert dataset.StudyDate == "20210310"
        assert dataset.LongitudinalTemporalInformationModified == "UNMODIFIED"


def test_files_say_what_was_done_with_the_codes_of_cid_7050(results):
    said = {
        name: {
            tuple(item.CodeValue for item in d.DeidentificationMethodCodeSequence)
            for d in datasets(path)
        }
        for name, path in results.items()
    }
    assert said == {
        "basic": {("113100",)},
        "everything": {
            ("113100", "113103", "113104", "113105", "113107", "113108", "113109", "113112")
        },
        "full dates and UIDs": {("113100", "113104", "113105", "113106", "113110")},
    }
    for dataset in datasets(results["basic"]):
        assert dataset.PatientIdentityRemoved == "YES"
        assert "BurnedInAnnotation" not in dataset  # nobody looked
        assert dataset.preamble == b"\0" * 128


def test_what_options_keep_is_kept(results):
    images = [d for d in datasets(results["everything"]) if d.Modality == "MR"]
    assert {d.PatientSex for d in images} == {"M"}
    assert {d.PatientAge for d in images} == {"090Y"}  # 93 would be one of few
    assert all(d.PatientBirthDate in ("", None) for d in images)
    basic = [d for d in datasets(results["basic"]) if d.Modality == "MR"]
    assert {d.PatientSex for d in basic} <= {"", None}
    assert not any("PatientAge" in d for d in basic)


def test_a_report_keeps_its_numbers_and_loses_its_texts(results):
    report = next(d for d in datasets(results["everything"]) if d.Modality == "SR")
    kinds = [item.ValueType for item in report.ContentSequence]
    assert kinds == ["IMAGE", "CONTAINER"]  # the subject is gone
    group = {item.ValueType: item for item in report.ContentSequence[1].ContentSequence[1:]}
    assert group["NUM"].MeasuredValueSequence[0].NumericValue == 12.5
    assert group["TEXT"].TextValue == "angle of"
    assert group["PNAME"].PersonName == "REMOVED"
    assert str(group["UIDREF"].UID) == Pseudonyms(KEY).uid(f"{planted.UID_ROOT}77.1")
    assert group["DATE"].Date == report.StudyDate
    basic = next(d for d in datasets(results["basic"]) if d.Modality == "SR")
    assert [item.ValueType for item in basic.ContentSequence] == ["IMAGE"]


def test_pixels_stay_bit_by_bit(corpus, results):
    with quiet_libraries():
        old = {int(d.InstanceNumber): d.pixel_array for d in datasets(corpus.folder)
               if "PixelData" in d}  # fmt: skip
        now = {int(d.InstanceNumber): d.pixel_array for d in datasets(results["basic"])
               if "PixelData" in d}  # fmt: skip
    assert len(now) == len(old) == 8
    for number, pixels in old.items():
        np.testing.assert_array_equal(now[number], pixels)


def test_the_key_decides_and_the_same_key_gives_the_same_files(corpus, results, tmp_path):
    run(corpus.folder, tmp_path / "again", Options())
    assert files_of(tmp_path / "again") == files_of(results["basic"])
    other = deidentify([corpus.folder], tmp_path / "other", Options(), key=b"o" * 32, review={})
    run_to_end(other)
    names = {name for name in files_of(tmp_path / "other") if name.startswith("SA-")}
    assert names.isdisjoint(files_of(results["basic"]))


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("deidentification.")
    }


@pytest.mark.parametrize("name", CHOICES)
def test_what_was_de_identified_before_stays_as_it_is(results, tmp_path, name):
    report = run(results[name], tmp_path / "twice", CHOICES[name])
    left = {e.path.name for e in report.failures}
    assert left <= {"deidentification.json", "deidentification.txt"}
    assert files_of(tmp_path / "twice") == files_of(results[name])


def test_sources_stay_as_they_are(corpus, tmp_path):
    before = files_of(corpus.folder)
    run(corpus.folder, tmp_path / "out")
    assert files_of(corpus.folder) == before
    for out in (corpus.folder, corpus.folder / "inside", corpus.folder.parent):
        with pytest.raises(DeidentificationError) as refused:
            run(corpus.folder, out)
        assert refused.value.problem is DeidentificationProblem.SAME_FOLDER


def test_the_report_counts_without_values(results):
    content = json.loads((results["basic"] / "deidentification.json").read_text("utf-8"))
    counts = {(c["tag"], c["action"]): c["count"] for c in content["changes"]}
    assert counts[("(0010,0010)", "pseudonym")] >= 10
    assert counts[("(odd,....)", "removed")] >= 6
    assert counts[("(0002,0016)", "removed")] == 9
    assert counts[("", "zeroed")] == 9
    assert counts[("tEXt", "removed")] == 1
    assert counts[("descrip", "removed")] == 5
    assert [f["number"] for f in content["files"]] == sorted(f["number"] for f in content["files"])
    words = (results["basic"] / "deidentification.txt").read_text("utf-8")
    assert "113100 Basic Application Confidentiality Profile" in words
    assert "Patient's Name: pseudonym" in words


# What is left out


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("notes.txt", "not_dicom_or_picture"),
        ("all.zip", "archive"),
        ("broken.png", "layout"),
        ("document.dcm", "document"),
        ("raw.dcm", "unknown_class"),
        ("DICOMDIR", "index"),
    ],
)
def test_what_cannot_be_cleaned_is_left_out(corpus, tmp_path, name, problem):
    source = tmp_path / "in" / name
    source.parent.mkdir()
    make_unsafe(corpus, source)
    report = run(source.parent, tmp_path / "out")
    assert [error.problem for error in report.failures] == [problem]
    assert report.written == 0
    kept = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert kept == {"deidentification.json", "deidentification.txt"}
    assert searched(tmp_path / "out") == []


def make_unsafe(corpus: planted.Corpus, target: Path) -> None:
    if target.suffix == ".dcm" or target.name == "DICOMDIR":
        dataset = planted.mr_dataset(corpus, 50)
        dataset.SOPClassUID = {
            "document.dcm": "1.2.840.10008.5.1.4.1.1.104.1",
            "raw.dcm": "1.2.840.10008.5.1.4.1.1.66",
            "DICOMDIR": "1.2.840.10008.1.3.10",
        }[target.name]
        with quiet_libraries():
            shutil.move(corpus.save(target.name, dataset), target)
        return
    heads = {".txt": b"", ".zip": b"PK\x03\x04", ".png": b"\x89PNG\r\n\x1a\n"}
    target.write_bytes(heads[target.suffix] + planted.SURNAME.encode())


def test_two_objects_of_one_uid_are_not_taken_for_one(corpus, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in (1, 2):
        dataset = planted.mr_dataset(corpus, number)
        dataset.SOPInstanceUID = f"{planted.UID_ROOT}3.1"
        with quiet_libraries():
            shutil.move(corpus.save("same.dcm", dataset), folder / f"{number}.dcm")
    shutil.copy(folder / "1.dcm", folder / "3.dcm")
    report = run(folder, tmp_path / "out")
    assert [error.path.name for error in report.failures] == ["2.dcm"]
    assert report.failures[0].problem is DeidentificationProblem.SAME_INSTANCE
    assert len(datasets(tmp_path / "out")) == 1


# Text in pixels


@pytest.fixture
def burned(corpus, tmp_path) -> Path:
    """A folder with a DICOM file, a PNG and a JPEG that show the patient's name."""
    import cv2

    folder = tmp_path / "burned"
    folder.mkdir()
    pixels = planted.soft_pixels()
    cv2.putText(pixels, "ZWICKELMANN", (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    dataset = planted.mr_dataset(corpus, 60)
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.NumberOfFrames = 2
    dataset.PixelData = np.stack([pixels, pixels // 2]).astype("<u2").tobytes()
    with quiet_libraries():
        shutil.move(corpus.save("burned.dcm", dataset), folder / "a.dcm")
    Image.fromarray(pixels).save(folder / "b.png")
    (folder / "c.jpg").write_bytes(planted.jpeg_bytes(pixels))
    return folder


def test_pictures_with_text_are_held_back_until_somebody_looked(burned, tmp_path):
    report = run(burned, tmp_path / "out")
    assert report.written == 0
    assert report.held_back == 3
    assert {error.problem for error in report.failures} == {DeidentificationProblem.TEXT_FOUND}
    unchecked = run(burned, tmp_path / "unchecked", Options(pixels=Pixels.UNCHECKED))
    assert unchecked.written == 3
    assert all("BurnedInAnnotation" not in d for d in datasets(tmp_path / "unchecked"))


@pytest.mark.parametrize(
    ("sop_class", "told"),
    [("1.2.840.10008.5.1.4.1.1.1", None), ("1.2.840.10008.5.1.4.1.1.1.1", "YES")],
)
def test_nothing_says_that_nothing_is_burned_in_before_somebody_looked(
    burned, tmp_path, sop_class, told
):
    source = pydicom.dcmread(burned / "a.dcm")
    source.BurnedInAnnotation = "NO"
    source.SOPClassUID = source.file_meta.MediaStorageSOPClassUID = sop_class
    (tmp_path / "in").mkdir()
    source.save_as(tmp_path / "in" / "a.dcm")
    run(tmp_path / "in", tmp_path / "out", Options(pixels=Pixels.UNCHECKED))
    (dataset,) = datasets(tmp_path / "out")
    assert dataset.get("BurnedInAnnotation") == told


def test_boxes_that_a_person_accepted_are_black_and_the_rest_is_as_it_was(burned, tmp_path):
    proposed = run_to_end(propose([burned], tmp_path / "review"))
    assert [image.looked for image in proposed] == [False] * 3
    assert all(image.boxes for image in proposed)
    assert len(list((tmp_path / "review").glob("preview-*.png"))) == 3
    if os.name != "nt":  # what is burned in is for this user alone
        assert stat.S_IMODE((tmp_path / "review").stat().st_mode) == 0o700
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "review").iterdir()}
        assert modes == {0o600}
    file = tmp_path / "boxes.json"
    file.write_bytes(review_json(proposed))
    assert run(burned, tmp_path / "unlooked", review=load_review(file)).written == 0
    file.write_bytes(review_json([accepted(image, image.boxes) for image in proposed]))
    report = run(burned, tmp_path / "out", review=load_review(file))
    assert report.written == 3
    (dataset,) = datasets(tmp_path / "out")
    assert dataset.BurnedInAnnotation == "NO"
    assert "113101" in {c.CodeValue for c in dataset.DeidentificationMethodCodeSequence}
    source = pydicom.dcmread(burned / "a.dcm")
    require_black(dataset.pixel_array, source.pixel_array, proposed[0].boxes)
    pictures = sorted((tmp_path / "out").rglob("picture-*"))
    assert [path.suffix for path in pictures] == [".png", ".png"]
    for path, name, image in zip(pictures, ("b.png", "c.jpg"), proposed[1:], strict=True):
        now, then = (np.asarray(Image.open(p)) for p in (path, burned / name))
        require_black(now[None], then[None], image.boxes)


def require_black(now: np.ndarray, then: np.ndarray, boxes: list[Box]) -> None:
    inside = np.zeros(now.shape[1:3], bool)
    for box in boxes:
        inside[box.top : box.bottom, box.left : box.right] = True
    assert (then[0][inside] == 255).any()  # the text is in the boxes
    assert not (then[0][~inside] == 255).any()
    assert len(np.unique(now[:, inside])) == 1
    np.testing.assert_array_equal(now[:, ~inside], then[:, ~inside])


def test_a_file_that_says_that_text_is_burned_in_is_held_back(corpus, tmp_path):
    dataset = planted.mr_dataset(corpus, 61)
    dataset.BurnedInAnnotation = "YES"
    folder = tmp_path / "in"
    folder.mkdir()
    with quiet_libraries():
        shutil.move(corpus.save("stated.dcm", dataset), folder / "a.dcm")
    report = run(folder, tmp_path / "out")
    assert [e.problem for e in report.failures] == [DeidentificationProblem.TEXT_STATED]
    (seen,) = run_to_end(propose([folder], tmp_path / "review"))
    review = {seen.sha256: accepted(seen, [])}
    assert run(folder, tmp_path / "out", review=review).written == 1
    (dataset,) = datasets(tmp_path / "out")
    assert dataset.BurnedInAnnotation == "NO"


def test_every_step_is_progress_and_may_be_the_last(corpus, tmp_path):
    work = deidentify([corpus.folder], tmp_path / "out", Options(), key=KEY, review={})
    fractions = [step.fraction for step in itertools.islice(work, 40)]
    work.close()
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 20
    assert not (tmp_path / "out" / "deidentification.json").exists()
    whole = [pydicom.dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert whole


# Judged by others


def errors_of(path: Path) -> set[str]:
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, timeout=60)
    lines = (done.stdout + done.stderr).decode("latin-1").splitlines()
    return {line.split(" <")[0] for line in lines if line.startswith("Error")}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("name", CHOICES)
def test_sound_objects_stay_sound(corpus, tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    with quiet_libraries():
        shutil.move(corpus.save("mr.dcm", planted.mr_dataset(corpus, 70)), folder / "mr.dcm")
        shutil.move(corpus.save("sr.dcm", planted.report_dataset(corpus)), folder / "sr.dcm")
    run(folder, tmp_path / "out", CHOICES[name])
    before = set().union(*(errors_of(path) for path in folder.iterdir()))
    after = set().union(*(errors_of(path) for path in (tmp_path / "out").rglob("*.dcm")))
    assert after - before == set()
