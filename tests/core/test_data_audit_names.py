"""What file names, folders and lists tell an audit."""

from pathlib import Path

import numpy as np
import pytest

from spinealign.data_audit.dicom_facts import DicomFacts
from spinealign.data_audit.findings import all_findings, counts_of, verdict_of
from spinealign.data_audit.grouping import audited, grouped, names_told
from spinealign.data_audit.listing import list_files
from spinealign.data_audit.looking import Looked
from spinealign.data_audit.names import Named, named
from spinealign.data_audit.persons import with_doubts
from spinealign.data_audit.splitting import honest_split
from spinealign.data_audit.tables import Columns
from spinealign.domain.data_audit import FindingKind, Layout, PatientSource, Severity
from spinealign.domain.errors import DataSetError
from spinealign.wording.data_audit import finding_text
from tests.data_sets import draw_slice, encoded

PIXELS = draw_slice(1, 0)


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        ("CSFDV1B10 (18)", Named("CSFDV1B10 (18)", (), "CSFDV1B10", 18, "CSFDV1B10")),
        (
            "CSFDV1B10 (18)-sharpened1-rotated2",
            Named("CSFDV1B10 (18)", ("rotated", "sharpened"), "CSFDV1B10", 18, "CSFDV1B10"),
        ),
        ("patient7_slice3", Named("patient7_slice3", (), "patient7", 3, "patient7")),
        ("002_t2_slice012", Named("002_t2_slice012", (), "002_t2", 12, "002")),
        ("002_t1", Named("002_t1", (), "002_t1", None, "002")),
        ("P012-12", Named("P012-12", (), "P012", 12, "p012")),
        ("sub-01_ses-02_T2w", Named("sub-01_ses-02_T2w", (), "sub-01_ses-02_T2w", None, "sub01")),
        (
            "sunhl-1th-02-Jan-2017-162 A AP",
            Named(
                "sunhl-1th-02-Jan-2017-162 A AP", (), "sunhl-1th-02-Jan-2017-162 A AP", None,
                "sunhl-1th-02-Jan-2017-162",
            ),
        ),
        ("site-9 M AP2", Named("site-9 M AP2", (), "site-9 M AP2", None, "site-9")),
        ("img0", Named("img0")),
        ("ap_001", Named("ap_001")),
        ("fracture (3)", Named("fracture (3)")),
        ("045", Named("045")),
        ("film12_hflip", Named("film12", ("hflip",))),
        ("aug_3_1234", Named("3", ("aug",))),
        ("x (2) - Copy", Named("x (2)", ("copy",))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_names_are_taken_apart(stem, told):
    assert named(stem) == told


def files_of(place, **options):
    layout, files = list_files(place, **options)
    return layout, {file.name: (file.part, file.label, file.patient) for file in files}


def test_parts_classes_and_patients_by_folders(tmp_path):
    for name in ("train/a/7/x.png", "train/b/8/x.png", "Validation/a/9/y.png"):
        encoded(PIXELS, tmp_path / name)
    assert files_of(tmp_path) == (
        Layout.SPLIT_FOLDERS,
        {
            "train/a/7/x.png": ("train", "a", "7"),
            "train/b/8/x.png": ("train", "b", "8"),
            "Validation/a/9/y.png": ("val", "a", "9"),
        },
    )


def test_classes_alone_and_hidden_files_left_out(tmp_path):
    for name in ("a/x.png", "b/y.png", "b/.hidden.png"):
        encoded(PIXELS, tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    layout, files = files_of(tmp_path)
    assert (layout, files) == (
        Layout.CLASS_FOLDERS, {"a/x.png": ("", "a", ""), "b/y.png": ("", "b", "")}
    )  # fmt: skip


def test_a_list_tells_classes_patients_and_parts_and_names_what_is_missing(tmp_path):
    encoded(PIXELS, tmp_path / "pictures" / "x.png")
    (tmp_path / "list.csv").write_text(
        "Image;Label;Patient_ID;Split\nx.png;a;11;train\ngone.png;b;12;validation\n"
    )
    assert files_of(tmp_path / "list.csv") == (
        Layout.LIST,
        {"pictures/x.png": ("train", "a", "11"), "gone.png": ("val", "b", "12")},
    )


def test_columns_of_a_list_may_be_named(tmp_path):
    encoded(PIXELS, tmp_path / "x.png")
    (tmp_path / "list.csv").write_text("what,grade,who\nx.png,3,11\n")
    columns = Columns(file="what", label="grade", patient="who")
    assert files_of(tmp_path / "list.csv", columns=columns)[1] == {"x.png": ("", "3", "11")}
    with pytest.raises(DataSetError, match="no column hue"):
        list_files(tmp_path / "list.csv", columns=Columns(file="hue"))


def test_a_list_of_names_at_the_source_tells_patients(tmp_path):
    for name in ("ap_1", "ap_2"):
        encoded(PIXELS, tmp_path / "images" / f"{name}.png")
    (tmp_path / "landmarks.csv").write_text(
        "name,source_name\nap_1,site-2017-162 A AP\nap_2,site-2017-162 B AP\n"
    )
    layout, files = list_files(tmp_path)
    assert (layout, [file.told_name for file in files]) == (
        Layout.LIST, ["site-2017-162 A AP", "site-2017-162 B AP"]
    )  # fmt: skip


def test_a_bare_name_in_two_folders_is_nobodys(tmp_path):
    for name in ("train/a/img0.png", "val/b/img0.png"):
        encoded(PIXELS, tmp_path / name)
    (tmp_path / "list.csv").write_text("file,patient\nimg0.png,7\nval/b/img0.png,8\n")
    assert files_of(tmp_path)[1] == {
        "train/a/img0.png": ("train", "a", ""),
        "val/b/img0.png": ("val", "b", "8"),
    }
    names = names_told(list_files(tmp_path)[1])
    assert {name.patient for name in names} == {""}


def test_masks_stand_beside_pictures(tmp_path):
    encoded(PIXELS, tmp_path / "images" / "001_s1.png")
    encoded(PIXELS, tmp_path / "images" / "001_s2.png")
    encoded(PIXELS, tmp_path / "masks" / "001_s1.png")
    (tmp_path / "manifest.csv").write_text("name,patient\n001_s1,1\n001_s2,1\n")
    layout, files = list_files(tmp_path)
    masks = {file.name: (file.mask and file.mask.name) for file in files}
    assert (layout, masks) == (
        Layout.MASKS, {"images/001_s1.png": "001_s1.png", "images/001_s2.png": ""}
    )  # fmt: skip
    assert {(file.patient, file.patient_source) for file in files} == {("1", PatientSource.LIST)}


@pytest.mark.parametrize("make", [lambda p: p / "gone", lambda p: p], ids=["no folder", "empty"])
def test_what_is_no_data_set_is_refused(tmp_path, make):
    with pytest.raises(DataSetError):
        list_files(make(tmp_path))


SHARED = Path(__file__).parents[3] / "shared" / "data"


def by_names(folder):
    """Return the findings of a real data set as far as names tell, and its counts."""
    _, listed = list_files(SHARED / folder)
    looks = [Looked(file.name, ()) for file in listed]
    files = audited(listed, names_told(listed), [None] * len(listed), looks)
    files = grouped(files, [])
    split, _ = honest_split(files)
    findings = {one.kind: one for one in all_findings(files, [], [], split)}
    return findings, {(c.part, c.label): (c.files, c.pictures) for c in counts_of(files)}, split


@pytest.mark.skipif(not (SHARED / "ct_fracture").is_dir(), reason="no shared data")
def test_names_alone_tell_most_about_the_fracture_set():
    findings, counts, split = by_names("ct_fracture")
    assert counts == {
        ("train", "fracture"): (150, 25), ("train", "normal"): (150, 25),
        ("val", "fracture"): (60, 10), ("val", "normal"): (60, 10),
    }  # fmt: skip
    family = findings[FindingKind.FAMILY_ACROSS]
    assert family.names == ("CSFDV1B10 (109)", "CSFDV1B10 (18)")
    few = findings[FindingKind.CLASS_FROM_FEW_PATIENTS]
    assert (few.labels, few.names) == (("fracture",), ("CSFDV1B10", "CSFDV1B11", "CSFDV1B12"))
    part = findings[FindingKind.PART_FROM_ONE_SERIES]
    assert (part.labels, part.names) == (("val",), ("CSFDV1B10",))
    assert split.blocking == ("normal",)


@pytest.mark.skipif(not (SHARED / "xray_spine_ap").is_dir(), reason="no shared data")
def test_names_tell_the_repeated_patients_of_the_frontal_films():
    findings, counts, split = by_names("xray_spine_ap")
    repeated = findings[FindingKind.REPEATED_PATIENTS]
    assert counts == {("", ""): (481, 481)}
    assert (repeated.count, repeated.of) == (121, 248)
    assert split.is_possible


def listed_set(folder, rows):
    """Return files and findings of a list of (file, patient, part), as far as names tell."""
    for name, _, _ in rows:
        encoded(PIXELS, folder / name)
    told = "".join(
        f"{name},{'ab'[k // 3 % 2]},{p},{part}\n" for k, (name, p, part) in enumerate(rows)
    )
    (folder / "list.csv").write_text(f"file,class,patient,split\n{told}")
    _, listed = list_files(folder / "list.csv")
    names, facts = names_told(listed), [None] * len(listed)
    files = audited(listed, names, facts, [Looked(file.name, ()) for file in listed])
    files = grouped(with_doubts(files, listed, names, facts), [])
    return files, all_findings(files, [], [], honest_split(files)[0])


def doubted(findings):
    return [one for one in findings if one.kind is FindingKind.PERHAPS_ONE_PATIENT]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12_a", "12_b"), ("12a", "12b"), ("12", "12_v2"), ("P12-left", "P12-right"),
        ("12_2019-03-04", "12_2020-01-31"), ("12 T1", "12 T2"), ("p12_pre", "p12_post-op"),
        ("sub-12_ses-01", "sub-12_ses-02"), ("12_baseline", "12_6months"),
    ],
)  # fmt: skip
def test_patients_of_a_list_who_differ_by_an_examination_are_doubted(tmp_path, one, other):
    others = [(f"{n}.png", f"{n}", "val" if n % 4 == 3 else "train") for n in range(20, 32)]
    rows = [("x.png", one, "train"), ("y.png", other, "val"), *others]
    files, findings = listed_set(tmp_path, rows)
    (found,) = doubted(findings)
    assert found.severity is Severity.DOUBT
    assert (found.count, found.names) == (1, (" / ".join(sorted((one, other))),))
    assert (found.labels, sorted(found.paths)) == (("train", "val"), ["x.png", "y.png"])
    told = finding_text(found)
    assert "1 person perhaps stands in the list as several patients, on both sides of the" in told
    assert "x.png" in told
    assert "give them one name in the list" in told
    assert {file.patient for file in files} >= {one, other}, "the list is not overruled"
    groups = {file.path: file.group for file in files}
    assert groups["x.png"] == groups["y.png"]
    assert not verdict_of(findings).is_condemned
    assert not doubted(listed_set(tmp_path, [(n, p, "train") for n, p, _ in rows])[1])
    (unsplit,) = doubted(listed_set(tmp_path, [(n, p, "") for n, p, _ in rows])[1])
    assert "both sides" not in finding_text(unsplit)


def test_file_names_raise_the_doubt_where_the_lists_patients_tell_nothing(tmp_path):
    rows = [("12_ap.png", "k1", "train"), ("12_lat.png", "k2", "val")]
    rows += [(f"{n}_ap.png", f"k{n}", "train" if n % 4 else "val") for n in range(20, 32)]
    (found,) = doubted(listed_set(tmp_path, rows)[1])
    assert found.names == ("k1 / k2",)
    one = [(f"one/{name}" if k % 2 else f"two/{name}", p, s) for k, (name, p, s) in enumerate(rows)]
    assert not doubted(listed_set(tmp_path, one)[1]), "a bare name in two folders is nobody's"


@pytest.mark.parametrize(
    "name",
    [
        "{:03d}", "P{:03d}", "site1_{:03d}", "site{}_a", "ward 2 {}", "2019-03-04_{}",
        "study2-{:02d}", "case {}", "12_{}", "ID{:04x}", "{:08x}",
        "A-{}-m", "c{}_f", "proj_s{:02d}", "group {}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["{}.png", "{}_t2.png", "scan7_{}.png"])
def test_no_honest_list_is_doubted_or_condemned_by_its_names(tmp_path, name, suffix):
    """Each patient is one person, of whom two pictures lie in one part."""
    rng = np.random.default_rng(19)
    numbers = rng.choice(0xFFFF_FFFF if "x" in name else 400, 40, replace=False).tolist()
    rows = []
    for place, number in enumerate(numbers):
        part = "val" if place % 4 == 3 else "train"
        patient = name.format(number % 0xFFFF if "04x" in name else number)
        rows += [(suffix.format(f"{2 * place + k:03d}"), patient, part) for k in (0, 1)]
    _, findings = listed_set(tmp_path, rows)
    kinds = {one.kind for one in findings if one.severity is not Severity.NOTE}
    assert kinds == set()
    by_name = [(f"{patient} {k}.png", patient, part) for k, (_, patient, part) in enumerate(rows)]
    _, findings = listed_set(tmp_path, by_name)
    assert {one.kind for one in findings if one.severity is not Severity.NOTE} == set()


def test_pictures_of_one_name_in_folders_of_two_hospitals_are_two(tmp_path):
    rows = [
        (f"{where}/patient{n}.png", f"{where}{n}", part)
        for where, part in (("north", "train"), ("south", "val"))
        for n in range(8)
    ]
    files, findings = listed_set(tmp_path, rows)
    assert not [one for one in findings if one.severity is not Severity.NOTE]
    assert len({file.group for file in files}) == 16
    rows[8] = ("south/patient0-rotated2.png", "south0", "val")
    _, findings = listed_set(tmp_path, rows)
    assert FindingKind.FAMILY_ACROSS in {one.kind for one in findings}


@pytest.mark.parametrize(("shared", "is_doubted"), [(2, True), (6, True), (7, False)])
def test_identifiers_that_several_of_a_lists_patients_share_are_a_doubt(
    tmp_path, shared, is_doubted
):
    """One that more share stands for nobody, such as "anonymous"."""
    rows = [(f"{n:02d}.png", f"k{n}", "val" if n % 2 else "train") for n in range(16)]
    files, _ = listed_set(tmp_path, rows)
    _, listed = list_files(tmp_path / "list.csv")
    facts = [
        DicomFacts("one" if n < shared else f"own {n}", "", None, {}, {}) for n in range(len(rows))
    ]
    files = grouped(with_doubts(files, listed, names_told(listed), facts), [])
    found = doubted(all_findings(files, [], [], honest_split(files)[0]))
    assert [one.count for one in found] == [1] * is_doubted
    assert len({file.group for file in files}) == (17 - shared if is_doubted else 16)
