"""A researcher's data: whose pictures, which of them held out, what is broken, what is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from spinealign.cli.main import run_command
from spinealign.data_audit import looking, run
from spinealign.domain.errors import CondemnedDataError, DataSetError
from spinealign.domain.examination import Modality
from spinealign.domain.findings import ModelStatus
from spinealign.training import dataset
from spinealign.training.own.about import (
    Stated,
    earned_by_outlines,
    earned_status,
    intensity_rule,
    require_modality,
)
from spinealign.training.own.auditing import audited, earlier_audits
from spinealign.training.own.kept import kept_under
from spinealign.training.own.looking import look_at
from spinealign.training.own.outlined import list_outlined, load_slices
from spinealign.training.own.pictures import (
    PatientSource,
    Picture,
    PictureSet,
    folds_by_patient,
    held_out,
    list_pictures,
    with_split,
)
from spinealign.training.progress import Progress
from spinealign.wording import explain
from spinealign.wording.training import failures_of, folds_text, no_classes
from tests.examinations import NECK_CT, SPINE_MR
from tests.image_files import GREY, write_dicom
from tests.own_data import grey_picture, outlined, two_classes

BY_NAME = r"([nw]\d+)_t\d"


def patients_of(found, names):
    return {p.patient for p in found.pictures if p.name in names}


def test_two_folders_pictures_of_one_name_are_two_pictures(tmp_path):
    for label in ("narrow", "wide"):
        (tmp_path / label).mkdir()
        grey_picture(0, label == "wide").save(tmp_path / label / "img0.png")
    found = list_pictures(tmp_path)
    assert [p.name for p in found.pictures] == ["narrow/img0.png", "wide/img0.png"]
    assert len(found.patients()) == 2
    assert found.source is PatientSource.UNKNOWN
    assert found.classes == ("narrow", "wide")


def test_a_pattern_finds_the_patient_and_folds_keep_patients_whole(tmp_path):
    found = list_pictures(two_classes(tmp_path, patients=7, each=3), BY_NAME)
    assert len(found.patients()) == 14
    folds = folds_by_patient(found, 3, seed=1)
    assert len(folds) == 3
    assert sorted(name for fold in folds for name in fold) == sorted(p.name for p in found.pictures)
    for number, fold in enumerate(folds):
        others = set().union(*(f for n, f in enumerate(folds) if n != number))
        assert patients_of(found, fold) & patients_of(found, others) == set()
        held = [p.label for p in found.pictures if p.name in fold]
        assert held.count("narrow") >= 6
        assert held.count("wide") >= 6
    assert folds_by_patient(found, 3, seed=1) == folds


def test_there_are_no_folds_where_a_class_has_one_patient(tmp_path):
    found = list_pictures(two_classes(tmp_path, patients=1, each=5), BY_NAME)
    assert folds_by_patient(found, 3, seed=1) == []


def test_folds_by_several_marks_part_the_patients_of_the_rarest(tmp_path):
    found = list_pictures(two_classes(tmp_path, patients=8, each=2), BY_NAME)
    patients = sorted(found.patients())
    marks = {p.name: {"common"} for p in found.pictures}
    for picture in found.pictures:
        # A finding of two patients, one of three, and one of half of them.
        marks[picture.name] |= {"rare"} if picture.patient in patients[:2] else set()
        marks[picture.name] |= {"scarce"} if picture.patient in patients[1:4] else set()
        marks[picture.name] |= {"half"} if patients.index(picture.patient) % 2 else set()
    folds = folds_by_patient(found, 3, 0, marks)
    assert [len(fold) for fold in folds] != []
    assert sum(map(len, folds)) == len(found.pictures)
    for mark, most in (("rare", 1), ("scarce", 1), ("half", 3)):
        with_it = {p.patient for p in found.pictures if mark in marks[p.name]}
        for fold in folds:
            assert len(patients_of(found, fold) & with_it) <= most, mark
    # A picture of which nothing is known goes somewhere, and a mark of one patient parts nobody.
    marks[found.pictures[0].name] = set()
    assert sum(map(len, folds_by_patient(found, 3, 0, marks))) == len(found.pictures)
    marks[found.pictures[0].name] = {"single"}
    assert folds_by_patient(found, 3, 0, marks) == []


def test_what_has_a_single_patient_is_named_where_there_is_no_cross_validation():
    assert folds_text(0, ["narrow"]) == (
        "no cross-validation: “narrow” has a single patient, so that none can be held out"
    )
    told = failures_of(True, False, "", True, single=["narrow", "wide"])
    assert "There was no cross-validation: “narrow” and “wide” have a single patient each." in told
    told = failures_of(False, True, "", True, single=["odd"])
    assert "“odd” has a single picture, so it has no cross-validated figures." in told
    assert folds_text(3) == "cross-validation in 3 folds that share no patient"


@pytest.mark.parametrize("pattern", ["(", "nobody", "x*"])
def test_a_pattern_that_finds_nobody_is_refused(tmp_path, pattern):
    with pytest.raises(DataSetError, match="pattern"):
        list_pictures(two_classes(tmp_path), pattern)


def table(tmp_path, text):
    two_classes(tmp_path / "images", patients=2, each=1)
    (tmp_path / "list.csv").write_text(text)
    return tmp_path / "list.csv"


def test_a_table_tells_class_patient_and_split(tmp_path):
    found = list_pictures(
        table(
            tmp_path,
            "file,class,patient,split\nimages/narrow/n0_t1.png,a,7,train\n"
            "images/wide/w0_t1.png,b,7,val\nimages/wide/w1_t1.png,b,8,val\n",
        )
    )
    assert [(p.label, p.patient, p.split) for p in found.pictures] == [
        ("a", "7", "train"), ("b", "7", "val"), ("b", "8", "val"),
    ]  # fmt: skip
    assert found.source is PatientSource.TABLE
    assert all(p.path.is_file() for p in found.pictures)


def test_groups_of_an_audit_do_not_make_patients_known(tmp_path):
    rows = "file,class,patient,group,split\nimages/narrow/n0_t1.png,a,{0},1,train\n"
    rows += "images/wide/w0_t1.png,b,p2,2,val\n"
    assert not list_pictures(table(tmp_path, rows.format("group 1"))).has_patients
    (tmp_path / "list.csv").write_text(rows.format("p1"))
    assert list_pictures(tmp_path / "list.csv").has_patients


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n", "columns image and label"),
        ("image,label\nx.png,\n", "without a class"),
        ("image,label\nx.png,a\nx.png,b\n", "listed twice"),
        ("image,label,patient\nx.png,a,1\ny.png,b,\n", "no patient"),
    ],
)
def test_a_table_that_says_too_little_is_refused(tmp_path, text, told):
    with pytest.raises(DataSetError, match=told):
        list_pictures(table(tmp_path, text))


def split_set(tmp_path, first_of_val=6):
    two_classes(tmp_path / "train", patients=6, each=2)
    two_classes(tmp_path / "val", patients=3, each=2, first=first_of_val)
    return list_pictures(tmp_path, BY_NAME)


def test_val_is_held_out_and_not_pooled(tmp_path):
    found = split_set(tmp_path)
    expected = {p.name for p in found.pictures if p.split == "val"}
    assert held_out(found, None, 1) == expected
    assert held_out(found, "val", 1) == expected
    assert held_out(found, "none", 1) == set()


def test_a_share_of_patients_is_held_out_whole(tmp_path):
    found = split_set(tmp_path)
    names = held_out(found, "0.25", 1)
    held = patients_of(found, names)
    assert held & patients_of(found, {p.name for p in found.pictures} - names) == set()
    assert len([p for p in held if p[0] == "n"]) == 2
    assert len([p for p in held if p[0] == "w"]) == 2


def test_a_patient_in_train_and_val_is_refused(tmp_path):
    with pytest.raises(DataSetError, match="2 patients would be trained on and held out"):
        held_out(split_set(tmp_path, first_of_val=5), None, 1)


@pytest.mark.parametrize("wanted", ["test", "1.5", "0"])
def test_what_cannot_be_held_out_is_refused(tmp_path, wanted):
    with pytest.raises(DataSetError, match="neither a split"):
        held_out(split_set(tmp_path), wanted, 1)


def test_the_split_of_an_audit_parts_groups_and_leaves_out_what_it_does_not_name(tmp_path):
    found = list_pictures(two_classes(tmp_path / "data", patients=3))
    (tmp_path / "split.csv").write_text(
        "path,class,patient,group,part\n"
        "narrow/n0_t1.png,narrow,,g1,train\nnarrow/n1_t1.png,narrow,,g2,val\n"
        "wide/w0_t1.png,wide,,g1,train\nwide/w2_t1.png,wide,,g3,val\n"
    )
    parted = with_split(found, tmp_path / "split.csv")
    assert [(p.name, p.patient, p.split) for p in parted.pictures] == [
        ("narrow/n0_t1.png", "g1", "train"), ("narrow/n1_t1.png", "g2", "val"),
        ("wide/w0_t1.png", "g1", "train"), ("wide/w2_t1.png", "g3", "val"),
    ]  # fmt: skip
    assert not parted.has_patients
    assert held_out(parted, None, 1) == {"narrow/n1_t1.png", "wide/w2_t1.png"}
    assert with_split(found, None) is found
    (tmp_path / "split.csv").write_text("path,part\nelsewhere.png,train\n")
    with pytest.raises(DataSetError, match="names none of the pictures"):
        with_split(found, tmp_path / "split.csv")


def test_one_broken_picture_is_a_named_row_and_many_are_a_refusal(tmp_path):
    two_classes(tmp_path, patients=6)
    (tmp_path / "wide" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    looked = look_at(list_pictures(tmp_path))
    assert len(looked.found.pictures) == 12
    assert [each.name for each in looked.skipped] == ["wide/broken.png"]
    assert looked.skipped[0].reason.endswith(".")
    assert all(len(p.sha256) == 64 for p in looked.found.pictures)
    assert all(len(p.content) == 32 for p in looked.found.pictures)
    with pytest.raises(DataSetError) as refused:
        look_at(list_pictures(tmp_path), most_broken=0.05)
    told = str(refused.value)
    assert "1 of 13 pictures cannot be used, more than the 5% that may be left out" in told
    assert "“wide/broken.png”: " in told
    assert told.endswith("or allow more with --most-broken 0.08 (data.most_broken in a recipe)")
    # What it advises is enough.
    assert len(look_at(list_pictures(tmp_path), most_broken=0.08).skipped) == 1


def test_pictures_of_one_class_are_told_as_such():
    assert no_classes(["narrow"], "narrow") == (
        "all pictures are of one class, “narrow”; a classifier needs pictures of two"
    )
    assert "found: a, b, c" in no_classes(["a", "b", "c"], "a")


def dicom_set(tmp_path, modality="MR"):
    for label, patient in (("narrow", "A"), ("wide", "A"), ("wide", "B")):
        folder = tmp_path / label
        folder.mkdir(exist_ok=True)
        write_dicom(
            folder / f"{patient}.dcm", GREY, Modality=modality, PatientID=f"secret-{patient}"
        )
    return tmp_path


def test_dicom_files_tell_patients_apart_without_telling_who_they_are(tmp_path):
    looked = look_at(list_pictures(dicom_set(tmp_path)))
    assert [p.patient for p in looked.found.pictures] == ["patient 1", "patient 1", "patient 2"]
    assert looked.found.source is PatientSource.DICOM
    assert "secret" not in repr(looked)


def test_files_of_another_modality_than_stated_are_refused(tmp_path):
    looked = look_at(list_pictures(dicom_set(tmp_path)))
    assert looked.modalities == {Modality.MR}
    require_modality(looked, SPINE_MR)
    require_modality(looked, None)
    with pytest.raises(DataSetError, match="they are MR, and --examination neck-ct is for CT"):
        require_modality(looked, NECK_CT)


def test_nothing_made_of_other_data_labels_or_settings_is_taken_up(tmp_path):
    parts = {"data": ["a", "b"], "labels": {"positive": "narrow"}, "settings": {"seed": 1}}
    first = kept_under(tmp_path, "training", parts)
    assert first.is_new
    (first.folder / "fold1.json").write_text("{}")
    again = kept_under(tmp_path, "training", json.loads(json.dumps(parts)))
    assert (again.folder, again.is_new) == (first.folder, False)
    other = kept_under(tmp_path, "training", {**parts, "labels": {"positive": "wide"}})
    assert other.is_new
    assert other.differs_in == ("labels",)
    assert list(other.folder.glob("fold*")) == []


def test_a_folder_whose_key_was_cut_is_not_taken_up(tmp_path):
    parts = {"data": [1]}
    folder = kept_under(tmp_path, "features", parts).folder
    (folder / "key.json").write_text("{")
    assert kept_under(tmp_path, "features", parts).is_new


def held_set(patients, labels=("a", "b")):
    pictures = tuple(
        Picture(None, f"{label}{n}", label, "val", f"{label}{n}")
        for label in labels
        for n in range(patients)
    )
    return PictureSet(pictures, PatientSource.TABLE)


GOOD = {"auc": {"value": 0.9, "low": 0.8, "high": 0.95, "units": 40}}


def test_only_an_evaluation_on_enough_held_out_patients_earns_a_status():
    many = held_set(20)
    assert earned_status(many, many, GOOD, "") is ModelStatus.INTERNALLY_VALIDATED
    unknown = replace(many, source=PatientSource.UNKNOWN)
    low = {"auc": {"value": 0.9, "low": 0.69, "high": 1.0, "units": 40}}
    for args in (
        (many, held_set(9), GOOD, ""),
        (many, held_set(20, ("a",)), GOOD, ""),
        (many, many, low, ""),
        (many, many, {}, ""),
        (many, many, GOOD, "the only data there are"),
        (unknown, unknown, GOOD, ""),
    ):
        assert earned_status(*args) is ModelStatus.DEMONSTRATION


def test_a_dice_of_nothing_earns_a_segmentation_nothing():
    good = {"vertebra": {"value": 0.9, "low": 0.88, "units": 8}}
    assert earned_by_outlines(good) is ModelStatus.INTERNALLY_VALIDATED
    for other in (
        {},
        {**good, "disc": {"value": 0.0, "low": 0.0, "units": 8}},
        {"vertebra": {"value": 0.9, "low": 0.88, "units": 7}},
        {"vertebra": {"value": None, "low": None, "units": 0}},
    ):
        assert earned_by_outlines(other) is ModelStatus.DEMONSTRATION
    assert earned_by_outlines(good, has_patients=False) is ModelStatus.DEMONSTRATION


def test_no_window_comes_from_nowhere():
    assert intensity_rule(NECK_CT, None, "grey").window_hu is None
    assert intensity_rule(NECK_CT, (-100.0, 300.0), "grey").window_hu == (-100.0, 300.0)
    assert intensity_rule(SPINE_MR, None, "grey").percentiles == (0.5, 99.5)
    assert Stated().examinations == ()


@pytest.mark.parametrize("command", ["ct-fracture", "mr-segmentation"])
def test_recipes_of_this_project_refuse_other_data(tmp_path, command):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(DataSetError, match="says in the card what they are"):
        dataset.require_own_data(command, tmp_path)


def test_a_changed_byte_is_another_data_set(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    first = dataset.content_of(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    assert dataset.content_of(tmp_path) != first


def test_progress_tells_loss_and_remaining_time():
    now, lines = [0.0], []
    tell = Progress("fold 1 of 3", "step", begun=10, clock=lambda: now[0], tell=lines.append)
    for done in (11, 12, 20):
        now[0] += 3.0
        tell(done, 20, loss=0.5)
    assert lines[0] == "fold 1 of 3: step 11 of 20, loss 0.500, about 27 s left"
    assert lines[1:] == ["fold 1 of 3: step 20 of 20, loss 0.500, about 0 s left"]


NAMES = ("background", "disc")


def slices_of(found):
    rule = intensity_rule(None, None, "grey")
    return load_slices(found, look_at(found.found), rule, None)


def test_every_format_is_read_for_segmentation_and_patients_come_from_the_table(tmp_path):
    found = list_outlined(outlined(tmp_path), NAMES)
    slices, skipped = slices_of(found)
    assert skipped == []
    assert [s.name.rpartition(".")[2] for s in slices] == ["png", "tif", "webp", "bmp"]
    assert [s.patient for s in slices] == ["p0", "p1", "p2", "p3"]
    for one in slices:
        assert one.pixels[one.mask > 0].min() > one.pixels[one.mask == 0].max()


def test_pictures_of_sixteen_bits_become_grey_as_the_program_shows_them(tmp_path):
    outlined(tmp_path, 1)
    mask = np.asarray(Image.open(tmp_path / "masks" / "s0.png"))
    (tmp_path / "images" / "s0.png").unlink()
    pixels = 2000 * mask.astype(np.uint16) + 500
    write_dicom(tmp_path / "images" / "s0.dcm", pixels, Modality="MR")
    slices, _ = slices_of(list_outlined(tmp_path, NAMES))
    assert slices[0].pixels.dtype == np.uint8
    assert set(np.unique(slices[0].pixels)) == {0, 255}


def test_classes_come_with_the_data_or_are_asked_for(tmp_path):
    outlined(tmp_path)
    with pytest.raises(DataSetError, match="does not say what the values of the masks mean"):
        list_outlined(tmp_path)
    (tmp_path / "classes.csv").write_text("value,name\n1,disc\n0,background\n")
    assert list_outlined(tmp_path).classes == NAMES
    (tmp_path / "classes.csv").write_text("value,name\n0,background\n2,disc\n")
    with pytest.raises(DataSetError, match=r"classes\.csv"):
        list_outlined(tmp_path)


def test_a_mask_value_without_a_class_is_refused_with_its_picture(tmp_path):
    outlined(tmp_path, 3, disc=2)
    with pytest.raises(DataSetError, match=r"“images/s0.png” holds the value 2"):
        slices_of(list_outlined(tmp_path, NAMES))


def test_pixels_whose_class_is_not_known_are_no_class(tmp_path):
    found = list_outlined(outlined(tmp_path, 2, disc=255), NAMES)
    assert len(slices_of(found)[0]) == 2


def test_a_mask_of_another_size_is_a_named_row(tmp_path):
    found = list_outlined(outlined(tmp_path), NAMES)
    Image.new("L", (20, 20)).save(tmp_path / "masks" / "s1.png")
    (tmp_path / "masks" / "s2.png").write_bytes(b"nothing")
    slices, skipped = slices_of(found)
    assert [s.name for s in slices] == ["images/s0.png", "images/s3.bmp"]
    assert [each.name for each in skipped] == ["images/s1.tif", "images/s2.webp"]
    assert "20 x 20" in skipped[0].reason


def test_a_picture_without_a_mask_is_named(tmp_path):
    outlined(tmp_path)
    (tmp_path / "masks" / "s3.png").unlink()
    with pytest.raises(DataSetError, match=r"“images/s3.bmp” has no mask"):
        list_outlined(tmp_path, NAMES)


def test_what_the_command_audit_saw_is_not_looked_at_again(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    data = two_classes(tmp_path / "data", patients=6, side=72)
    monkeypatch.chdir(tmp_path)
    run_command(["audit", str(data)])
    seen, compared = [], []
    look, compare = looking._looked, run.matched
    monkeypatch.setattr(looking, "_looked", lambda *a: (seen.append(a), look(*a))[1])
    monkeypatch.setattr(run, "matched", lambda *a: (compared.append(a), compare(*a))[1])
    found = look_at(list_pictures(data, BY_NAME)).found
    held = held_out(found, "0.25", 1)
    for place, split in (
        (data, None), (tmp_path / "elsewhere", tmp_path / "data-audit" / "split.csv"),
        (tmp_path / "data-audit" / "split.csv", None),
    ):  # fmt: skip
        earlier = earlier_audits(place, split)
        assert earlier[0].resolve() == tmp_path / "data-audit" / "looked-at"
        capsys.readouterr()
        audited(found, held, tmp_path / "work", "a trial", earlier)
        assert "12 of 12 pictures were looked at by an earlier audit" in capsys.readouterr().out
    assert (seen, compared) == ([], [])
    assert earlier_audits(tmp_path / "elsewhere", None) == ()
    # Another picture is looked at, and all of them are compared anew.
    picture = next(data.rglob("*.png"))
    grey_picture(999, True, 72).save(picture)
    changed = look_at(list_pictures(data, BY_NAME)).found
    audited(changed, held, tmp_path / "other", "a trial", earlier_audits(data, None))
    assert (len(seen), len(compared)) == (1, 1)


def test_the_split_of_an_audit_is_trained_with_as_it_is(tmp_path, monkeypatch, capsys):
    """Its columns are called file, class, patient, group and split."""
    data = two_classes(tmp_path / "data", patients=6, side=72)
    monkeypatch.chdir(tmp_path)
    run_command(["audit", str(data), "--patient-pattern", BY_NAME])
    assert "leaves the parts empty" not in capsys.readouterr().out
    split = tmp_path / "data-audit" / "split.csv"
    assert split.read_text().splitlines()[0] == "file,class,patient,group,split"
    found = list_pictures(split)
    assert found.classes == list_pictures(data).classes
    assert {p.split for p in found.pictures} == {"train", "val"}
    assert found.source is PatientSource.TABLE
    # Without a split that is honest no picture has a part, and the command says so.
    for picture in sorted((data / "narrow").iterdir())[1:]:
        picture.unlink()
    run_command(["audit", str(data), "--patient-pattern", BY_NAME])
    assert "leaves the parts empty" in capsys.readouterr().out
    assert {p.split for p in list_pictures(split).pictures} == {""}


def test_a_condemned_training_needs_a_reason(tmp_path):
    """Bright and dark squares: five numbers of the histogram tell the classes apart."""
    pytest.importorskip("sklearn")
    found = list_pictures(two_classes(tmp_path / "data", patients=10, side=72), BY_NAME)
    held = held_out(found, "0.25", 1)
    work = tmp_path / "work"
    with pytest.raises(CondemnedDataError, match=r"Do not train on this split") as refused:
        audited(found, held, work, "")
    told = explain(refused.value)
    assert "histogram" in told.sentence
    assert "Nothing was trained." in told.sentence
    assert "--although" in told.advice
    assert (work / "audit" / "audit.html").is_file()
    said = audited(found, held, work, "a trial")
    assert said.is_condemned
    assert said.verdict.startswith("Do not train on this split")
    # The split that it writes is one that the same data can be trained with.
    parted = with_split(found, work / "audit" / "split.csv")
    assert len(parted.pictures) == len(found.pictures)
    listed = list_pictures(work / "audit" / "split.csv")
    assert sorted(p.label for p in listed.pictures) == sorted(p.label for p in found.pictures)
    assert all(p.path.is_file() for p in listed.pictures)


def test_what_an_audit_doubts_is_said_where_it_does_not_condemn(tmp_path):
    pytest.importorskip("sklearn")
    found = list_pictures(two_classes(tmp_path / "data", patients=3, side=72), BY_NAME)
    said = audited(found, held_out(found, "0.34", 1), tmp_path / "work", "")
    assert not said.is_condemned
    assert said.verdict.startswith("This split is honest as far as the audit can tell, but for ")
    assert "comes from only 3 patients" in said.verdict
