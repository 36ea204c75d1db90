"""Leaks planted in a drawn data set are found, honest ones are left alone."""

import json
import shutil
import zlib
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from lxml import html as html_reader

from spinealign.data_audit import AuditOptions, audit, audit_data, looking
from spinealign.data_audit.findings import all_findings
from spinealign.data_audit.grouping import grouped, pair_of
from spinealign.data_audit.matching import Match
from spinealign.data_audit.writing import audit_json, split_csv, write_audit
from spinealign.domain.data_audit import (
    AuditedFile,
    DataAudit,
    FileProblem,
    FindingKind,
    HonestSplit,
    Layout,
    Pair,
    PatientSource,
    Relation,
    Severity,
)
from spinealign.json_files import read_json
from spinealign.wording.data_audit import audit_lines, finding_text
from tests.data_sets import CHANGES, draw_slice, encoded, honest_set, leaky_set
from tests.image_files import write_nifti


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("looked-at")


@pytest.fixture(scope="module")
def honest(tmp_path_factory, cache):
    made = honest_set(tmp_path_factory.mktemp("honest"))
    return made, audit(made.folder, AuditOptions(cache=cache))


@pytest.fixture(scope="module")
def leaky(tmp_path_factory, cache):
    made = leaky_set(tmp_path_factory.mktemp("leaky"))
    return made, audit(made.folder, AuditOptions(cache=cache))


def kinds(outcome, severity=Severity.CONDEMNS):
    return {one.kind for one in outcome.audit.findings if one.severity is severity}


def found(outcome, kind):
    return next(one for one in outcome.audit.findings if one.kind is kind)


class TestAnHonestSet:
    def test_is_not_condemned(self, honest):
        outcome = honest[1]
        assert kinds(outcome) == set()
        assert not outcome.verdict.is_condemned
        assert "honest as far as the audit can tell" in audit_lines(outcome.audit)[0]

    def test_has_no_pairs_and_no_shortcuts(self, honest):
        outcome = honest[1]
        assert outcome.audit.pairs == ()
        assert FindingKind.SHORTCUT not in {one.kind for one in outcome.audit.findings}

    def test_patients_are_told_by_names(self, honest):
        outcome = honest[1]
        assert {f.patient_source for f in outcome.audit.files} == {PatientSource.NAME}
        assert len({f.group for f in outcome.audit.files}) == 16

    def test_the_written_split_keeps_patients_and_classes(self, honest):
        outcome = honest[1]
        files = outcome.audit.files
        sides = {(f.patient, outcome.parts[f.path]) for f in files}
        assert len(sides) == 16
        assert {(f.label, outcome.parts[f.path]) for f in files} == {
            (label, part) for label in ("healthy", "sick") for part in ("train", "val")
        }
        held = sum(part == "val" for part in outcome.parts.values()) / len(files)
        assert held == pytest.approx(0.25, abs=0.01)


class TestPlantedLeaks:
    @pytest.mark.parametrize("kind", CHANGES)
    def test_copies_are_found_however_they_were_changed(self, leaky, kind):
        made, outcome = leaky
        planted = list(made.source)[list(CHANGES).index(kind)]
        wanted = {planted, made.source[planted]}
        pair = next(p for p in outcome.audit.pairs if {p.first, p.second} == wanted)
        assert pair.relation is (Relation.EXACT if kind == "same" else Relation.NEAR)
        assert pair.is_mirrored == ("mirrored" in kind)
        turns = {"quarter turn": 90, "turned": 12, "mirrored and turned": 9}
        assert abs(pair.turned_deg) == pytest.approx(turns.get(kind, 0), abs=1)

    def test_a_slice_beside_one_of_train_is_found_by_its_pixels(self, leaky):
        outcome = leaky[1]
        wanted = {"val/healthy/zzzzz.png", "train/healthy/patient08_slice0.png"}
        pair = next(p for p in outcome.audit.pairs if {p.first, p.second} == wanted)
        assert pair.relation is Relation.NEIGHBOUR

    def test_families_and_patients_are_found_by_their_names(self, leaky):
        outcome = leaky[1]
        assert "patient09_slice0" in found(outcome, FindingKind.FAMILY_ACROSS).names
        patients = found(outcome, FindingKind.PATIENT_ACROSS).names
        assert {"patient09", "patient10"} == set(patients)

    def test_no_pair_is_false(self, leaky):
        made, outcome = leaky
        false = [p for p in outcome.audit.pairs if not made.are_related(p.first, p.second)]
        assert len(outcome.audit.pairs) >= 10
        assert false == []

    def test_the_split_is_condemned_with_its_reasons(self, leaky):
        outcome = leaky[1]
        assert outcome.verdict.is_condemned
        assert {
            FindingKind.COPY_ACROSS, FindingKind.NEAR_COPY_ACROSS, FindingKind.FAMILY_ACROSS,
            FindingKind.PATIENT_ACROSS, FindingKind.NEIGHBOUR_ACROSS,
        } <= kinds(outcome)  # fmt: skip
        lines = audit_lines(outcome.audit)
        assert lines[0].startswith("Do not train on this split, because: 1 pair of equal files")
        assert lines[-1].startswith("This split would be honest: ")

    def test_the_honest_split_takes_the_leaks_to_one_side(self, leaky):
        made, outcome = leaky
        for planted, source in made.source.items():
            assert outcome.parts[planted] == outcome.parts[source]


class TestFiles:
    def test_broken_and_odd_files_are_rows(self, tmp_path):
        made = honest_set(tmp_path / "d", patients=8, slices=(0,))
        folder = made.folder / "train" / "sick"
        whole = next(folder.iterdir()).read_bytes()
        (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
        (folder / "empty.png").write_bytes(b"")
        (folder / "text.png").write_text("this is no picture")
        (folder / "named.jpg").write_bytes(whole)
        encoded(np.full((90, 90), 7, np.uint8), folder / "blank.png")
        problems = {
            f.path.rpartition("/")[2]: f.problems for f in audit(tmp_path / "d").audit.files
        }
        assert problems["cut.png"] == (FileProblem.UNREADABLE,)
        assert problems["empty.png"] == (FileProblem.EMPTY,)
        assert problems["text.png"] == (FileProblem.NOT_AN_IMAGE,)
        assert FileProblem.MISNAMED in problems["named.jpg"]
        assert FileProblem.BLANK in problems["blank.png"]

    def test_one_picture_in_two_classes_is_told(self, tmp_path):
        made = honest_set(tmp_path / "d", patients=8, slices=(0,))
        source = made.folder / "train" / "sick" / "patient01_slice0.png"
        shutil.copy(source, made.folder / "train" / "healthy" / "other.png")
        outcome = audit(made.folder)
        assert FindingKind.CONTRADICTING_CLASSES in kinds(outcome)

    def test_a_class_of_one_patient_has_no_honest_split(self, tmp_path):
        for patient, label in ((1, "a"), (2, "b"), (3, "b")):
            for number in (0, 3, 6):
                name = f"{label}/patient{patient}_slice{number}.png"
                encoded(draw_slice(patient, number), tmp_path / "d" / name)
        outcome = audit(tmp_path / "d")
        assert outcome.audit.layout is Layout.CLASS_FOLDERS
        assert outcome.audit.split.blocking == ("a",)
        assert {FindingKind.NO_SPLIT, FindingKind.CLASS_FROM_FEW_PATIENTS} <= kinds(outcome)
        rows = split_csv(outcome, tmp_path).splitlines()
        assert len(rows) == 10
        assert all(row.endswith(",") for row in rows[1:])

    def test_masks_of_another_size_and_missing_ones_are_told(self, tmp_path):
        for number in range(3):
            encoded(draw_slice(number, 0), tmp_path / "images" / f"{number}.png")
        encoded(np.eye(144, dtype=np.uint8), tmp_path / "masks" / "0.png")
        encoded(np.eye(100, dtype=np.uint8), tmp_path / "masks" / "1.png")
        files = {f.path: f.problems for f in audit(tmp_path).audit.files}
        assert files["images/0.png"] == ()
        assert files["images/1.png"] == (FileProblem.MASK_SIZE,)
        assert files["images/2.png"] == (FileProblem.MASK_MISSING,)


def _mha(path, volume, is_packed):
    data = volume.tobytes()
    packed = zlib.compress(data) if is_packed else data
    size = " ".join(str(side) for side in volume.shape[::-1])
    header = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = {is_packed}\n"
        f"DimSize = {size}\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + packed)


class TestVolumes:
    def test_metaimage_and_nifti_of_one_scan_are_copies(self, tmp_path):
        volume = np.stack([draw_slice(5, 0)] * 4).astype(np.int16)
        other = np.stack([draw_slice(6, 0)] * 4).astype(np.int16)
        _mha(tmp_path / "one.mha", volume, is_packed=True)
        _mha(tmp_path / "two.mha", volume, is_packed=False)
        _mha(tmp_path / "other.mha", other, is_packed=True)
        sagittal = np.array([[0, 0, 4, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
        write_nifti(tmp_path / "three.nii.gz", np.asarray(volume.transpose(2, 1, 0)), sagittal)
        outcome = audit(tmp_path)
        joined = {frozenset((p.first, p.second)) for p in outcome.audit.pairs}
        assert frozenset(("one.mha", "two.mha")) in joined
        assert any("three.nii.gz" in pair for pair in joined)
        assert not any("other.mha" in pair for pair in joined)

    def test_a_metaimage_that_claims_too_much_is_broken(self, tmp_path):
        _mha(tmp_path / "one.mha", np.zeros((2, 9, 9), np.int16), is_packed=False)
        (tmp_path / "huge.mha").write_bytes(
            b"NDims = 3\nDimSize = 99999 99999 99999\nElementType = MET_SHORT\n"
            b"ElementDataFile = LOCAL\n"
        )
        files = {f.path: f.problems for f in audit(tmp_path).audit.files}
        assert files["huge.mha"] == (FileProblem.UNREADABLE,)


def test_a_picture_under_two_patients_is_told():
    files = [
        AuditedFile(name, patient=patient, base=name)
        for name, patient in (("a.png", "7"), ("b.png", "8"), ("c.png", "9"), ("d.png", "9"))
    ]
    pairs = [
        Pair("a.png", "b.png", Relation.NEAR), Pair("c.png", "d.png", Relation.NEAR),
        Pair("b.png", "c.png", Relation.NEIGHBOUR),
    ]  # fmt: skip
    findings = {one.kind: one for one in all_findings(files, pairs, [], HonestSplit(True))}
    told = findings[FindingKind.COPIES_OF_TWO_PATIENTS]
    assert (told.count, told.names) == (1, ("7 / 8",))
    assert "named after two patients: “7 / 8”" in finding_text(told)
    assert len({file.group for file in grouped(files, pairs[:2])}) == 2


def _match(correlation):
    return Match(correlation, correlation, 40, 0.0, 1.0, 1.0, is_mirrored=False)


def test_two_pictures_of_one_patient_are_no_copies():
    one = AuditedFile("train/7_t1.png", "train", patient="7", base="7_t1")
    other = AuditedFile("val/7_t2.png", "val", patient="7", base="7_t2")
    pair = pair_of(one, other, _match(0.95))
    assert pair.relation is Relation.NEIGHBOUR
    stranger = replace(other, patient="")
    assert pair_of(one, stranger, _match(0.95)).relation is Relation.NEAR
    assert pair_of(one, other, _match(0.98)).relation is Relation.NEAR
    findings = all_findings([one, other], [pair], [], HonestSplit(True))
    kinds = [told.kind for told in findings]
    assert FindingKind.COPIES not in kinds
    assert FindingKind.NEAR_COPY_ACROSS not in kinds
    told = next(one for one in findings if one.kind is FindingKind.NEIGHBOUR_ACROSS)
    assert "two pictures of one patient" in finding_text(told)


def test_copies_of_one_patient_have_told_whose_they_are():
    files = [AuditedFile(name, patient="7", base=name) for name in ("a.png", "b.png")]
    kinds = {
        relation: {
            one.kind
            for one in all_findings(
                files, [Pair("a.png", "b.png", relation)], [], HonestSplit(True)
            )
        }
        for relation in (Relation.NEAR, Relation.EXACT)
    }
    assert FindingKind.COPIES not in kinds[Relation.NEAR]
    assert FindingKind.COPIES in kinds[Relation.EXACT]


def test_the_written_split_is_a_data_set_itself(leaky, cache, tmp_path):
    outcome = leaky[1]
    write_audit(outcome, tmp_path / "out")
    again = audit(tmp_path / "out" / "split.csv", AuditOptions(cache=cache))
    assert len(again.audit.files) == len(outcome.audit.files)
    assert not any(file.problems for file in again.audit.files)
    assert {one.severity for one in again.audit.findings} <= {Severity.DOUBT, Severity.NOTE}
    assert not again.verdict.is_condemned
    copies = {file.patient for file in again.audit.files if "qqqqq" in file.path}
    assert copies == {
        file.patient for file in again.audit.files if "patient00_slice0" in file.path
    }  # fmt: skip


SECRET = "ZP88231Q"


def _dicom(path, pixels, patient, maker="Acme"):
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    )  # fmt: skip
    dataset.SeriesInstanceUID = pydicom.uid.generate_uid()
    dataset.PatientID, dataset.Modality, dataset.Manufacturer = patient, "MR", maker
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path, enforce_file_format=True)


def test_patients_of_dicom_files_are_told_apart_and_not_written(tmp_path):
    for place in range(12):
        part, label = ("val" if place >= 8 else "train"), "ab"[place % 2]
        patient = f"{SECRET}{0 if place in (2, 10) else place}"
        name = f"{part}/{label}/file{place}"
        _dicom(tmp_path / "d" / name, draw_slice(place, 0), patient, maker=f"Maker {place % 2}")
    outcome = audit(tmp_path / "d")
    finding = found(outcome, FindingKind.PATIENT_ACROSS)
    assert finding.count == 1
    written = write_audit(outcome, tmp_path / "out")
    assert all(SECRET not in path.read_text("utf-8") for path in written)
    assert {f.patient_source for f in outcome.audit.files} == {PatientSource.DICOM}
    told = [one.shortcut.rule for one in outcome.audit.findings if one.shortcut]
    assert any("Manufacturer" in rule for rule in told)


class TestRunning:
    def test_what_was_looked_at_is_not_looked_at_again(self, tmp_path, monkeypatch):
        made = honest_set(tmp_path / "d", patients=8, slices=(0,))
        kept = tmp_path / "kept"
        work = audit_data(made.folder, AuditOptions(cache=kept))
        for _ in range(3):
            next(work)
        work.close()
        assert len(list(kept.iterdir())) == 3
        looked, whole = [], looking._looked
        monkeypatch.setattr(looking, "_looked", lambda *a: (looked.append(a[0].name), whole(*a))[1])
        first = audit(made.folder, AuditOptions(cache=kept))
        assert len(looked) == 5
        looked.clear()
        again = audit(made.folder, AuditOptions(cache=kept))
        assert looked == []
        assert audit_json(again.audit) == audit_json(first.audit)

    def test_what_is_kept_belongs_to_the_content(self, tmp_path):
        made = honest_set(tmp_path / "d", patients=8, slices=(0,))
        kept = tmp_path / "kept"
        first = audit(made.folder, AuditOptions(cache=kept))
        for path in kept.iterdir():
            path.write_bytes(b"damaged")
        assert audit_json(audit(made.folder, AuditOptions(cache=kept)).audit) == audit_json(
            first.audit
        )
        changed = next((made.folder / "train" / "sick").iterdir())
        encoded(draw_slice(40, 0)[:120], changed)
        again = audit(made.folder, AuditOptions(cache=kept)).audit
        assert again.fingerprint != first.audit.fingerprint
        heights = {file.path.rpartition("/")[2]: file.height for file in again.files}
        assert heights.pop(changed.name) == 120
        assert set(heights.values()) == {144}


class TestReport:
    def test_json_reads_back_as_what_was_found(self, leaky, tmp_path):
        outcome = leaky[1]
        write_audit(outcome, tmp_path)
        kept = read_json(tmp_path / "audit.json", DataAudit)
        assert kept == outcome.audit
        assert json.loads(audit_json(outcome.audit))["verdict"]["is_condemned"] is True

    def test_html_needs_nothing_else_and_shows_pairs(self, leaky, tmp_path):
        outcome = leaky[1]
        write_audit(outcome, tmp_path)
        text = (tmp_path / "audit.html").read_text("utf-8")
        page = html_reader.fromstring(text)
        assert page.xpath("//meta[@http-equiv]/@content") == [
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        ]
        sources = page.xpath("//img/@src")
        assert len(sources) >= 10
        assert all(source.startswith("data:image/png;base64,") for source in sources)
        assert not page.xpath("//script|//link|//iframe|//@href")
        told = page.text_content()
        for finding in outcome.audit.findings:
            assert finding_text(finding) in told

    def test_hostile_names_are_escaped(self, tmp_path):
        made = honest_set(tmp_path / "d", patients=8, slices=(0,))
        folder = made.folder / "train" / "sick"
        (folder / "<img src=x onerror=alert(1)>.png").write_bytes(b"no picture")
        write_audit(audit(made.folder), tmp_path / "out")
        text = (tmp_path / "out" / "audit.html").read_text("utf-8")
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
