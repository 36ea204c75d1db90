"""Layouts of a researcher's data, each on a tiny made-up copy: listed, and read as they lie."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from spinealign.data_audit.metaimage import read_metaimage
from spinealign.domain.errors import DataSetError
from spinealign.imaging.read import read_image
from spinealign.training.own.drawn_masks import DrawnMask, filled
from spinealign.training.own.layouts import Asked, list_classes, list_outlines
from spinealign.training.own.looking import look_at
from spinealign.training.own.mask_volumes import of_spider
from spinealign.training.own.pictures import PatientSource
from spinealign.training.own.tables import read_table
from tests.image_files import GREY, write_dicom

NAMES = ("background", "disc")


def picture(path, shape=(20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    Image.fromarray(rng.integers(0, 200, shape).astype(np.uint8)).save(path)


def written(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


# Tables


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_with_any_separator_and_any_usual_names(tmp_path, separator):
    lines = ["Filename,Diagnosis,Subject_ID,fold", "a.png,ill,p1,train", "b.png,well,p2,val"]
    table = written(tmp_path / "t.csv", "\n".join(lines).replace(",", separator))
    rows = read_table(table)
    assert [[row[key] for key in ("image", "label", "patient", "split")] for row in rows] == [
        ["a.png", "ill", "p1", "train"], ["b.png", "well", "p2", "val"],
    ]  # fmt: skip


def test_a_row_that_does_not_fit_its_columns_is_not_passed_over(tmp_path):
    table = written(tmp_path / "t.csv", "image,label\na.png,x\nb.png,x,y\n")
    with pytest.raises(DataSetError, match="1 row has more or fewer fields"):
        read_table(table)


def test_the_column_of_the_class_may_be_named(tmp_path):
    table = written(tmp_path / "t.csv", "image,label,Side\na.png,x,left\nb.png,x,right\n")
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    assert list_classes(Asked(table)).classes == ("x",)
    assert list_classes(Asked(table, label_column="side")).classes == ("left", "right")
    with pytest.raises(DataSetError, match="needs rows with the columns grade"):
        list_classes(Asked(table, label_column="grade"))


# DICOM files with a table


def dicom(path, patient, series="1.2.3", instance="1.2.3.4"):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_dicom(path, GREY, PatientID=patient, SeriesInstanceUID=series, SOPInstanceUID=instance)


@pytest.mark.parametrize("column", ["PatientID", "patient_id"])
def test_a_table_tells_the_class_of_each_patients_dicom_files(tmp_path, column):
    for patient in ("anna", "ben", "cora"):
        for number in range(2):
            dicom(tmp_path / patient / f"{number}.dcm", patient)
    written(tmp_path / "labels.csv", f"{column},label\nanna,ill\nben,well\n")
    found = list_classes(Asked(tmp_path))
    assert sorted((p.name, p.label) for p in found.pictures) == [
        ("anna/0.dcm", "ill"), ("anna/1.dcm", "ill"), ("ben/0.dcm", "well"), ("ben/1.dcm", "well"),
    ]  # fmt: skip
    looked = look_at(found).found
    assert looked.source is PatientSource.DICOM
    assert looked.patients() == {"patient 1", "patient 2"}


def test_the_narrowest_identifier_of_a_table_counts(tmp_path):
    dicom(tmp_path / "a.dcm", "anna", instance="1.2.3.1")
    dicom(tmp_path / "b.dcm", "anna", instance="1.2.3.2")
    written(
        tmp_path / "labels.csv",
        "PatientID,SOPInstanceUID,label\nanna,1.2.3.1,ill\nanna,1.2.3.2,well\n",
    )
    assert {p.name: p.label for p in list_classes(Asked(tmp_path)).pictures} == {
        "a.dcm": "ill", "b.dcm": "well",
    }  # fmt: skip


def test_a_table_of_others_is_told(tmp_path):
    dicom(tmp_path / "a.dcm", "anna")
    written(tmp_path / "labels.csv", "PatientID,label\nzoe,ill\n")
    with pytest.raises(DataSetError, match="names none of the DICOM files"):
        list_classes(Asked(tmp_path))


def rsna(tmp_path):
    for study, count in (("1.1", 3), ("1.2", 2)):
        for number in range(1, count + 1):
            dicom(tmp_path / "train_images" / study / f"{number}.dcm", "nobody")
    written(tmp_path / "train.csv", "StudyInstanceUID,patient_overall,C1\n1.1,1,1\n1.2,0,0\n")
    boxes = "StudyInstanceUID,x,y,width,height,slice_number\n1.1,1,1,2,2,2\n1.1,3,3,2,2,2\n"
    return written(tmp_path / "train_bounding_boxes.csv", boxes).parent


def test_of_a_fractured_study_only_the_slices_with_a_box_are_fractured(tmp_path):
    found = list_classes(Asked(rsna(tmp_path)))
    assert sorted((p.name.removeprefix("train_images/"), p.label) for p in found.pictures) == [
        ("1.1/2.dcm", "fracture"), ("1.2/1.dcm", "normal"), ("1.2/2.dcm", "normal"),
    ]  # fmt: skip
    assert found.source is PatientSource.TABLE
    assert found.patients("normal") == {"1.2"}


def test_without_boxes_no_slice_is_called_fractured(tmp_path):
    (rsna(tmp_path) / "train_bounding_boxes.csv").unlink()
    with pytest.raises(DataSetError, match="train_bounding_boxes"):
        list_classes(Asked(tmp_path))


def test_a_list_of_files_beside_class_folders_is_no_table_of_identifiers(tmp_path):
    for label in ("ill", "well"):
        picture(tmp_path / label / "a.png")
    written(tmp_path / "list.csv", "image,patient_id\nill/a.png,p1\n")
    assert list_classes(Asked(tmp_path)).classes == ("ill", "well")


# Outlines


SQUARE = [10, 4, 20, 4, 20, 9, 10, 9]


def coco(tmp_path, segmentation, **more):
    picture(tmp_path / "images" / "a.png")
    written(
        tmp_path / "annotations" / "instances.json",
        {
            "images": [{"id": 7, "file_name": "a.png", "height": 20, "width": 30}],
            "categories": [{"id": 5, "name": "disc"}],
            "annotations": [{"image_id": 7, "category_id": 5, "segmentation": segmentation}],
            **more,
        },
    )
    return tmp_path


def expected():
    mask = np.zeros((20, 30), np.uint8)
    mask[4:9, 10:20] = 1
    return mask


RUNS = [10 * 20 + 4, *[5, 15] * 9, 5, 11 + 10 * 20]


def packed(runs):
    """Write runs as COCO's own code does."""
    text = ""
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text += chr((bits | 0x20 if more else bits) + 48)
    return text


@pytest.mark.parametrize(
    "segmentation",
    [
        [SQUARE],
        {"size": [20, 30], "counts": RUNS},
        {"size": [20, 30], "counts": packed(RUNS)},
    ],
    ids=["polygon", "runs", "packed runs"],
)
def test_coco_outlines_become_masks(tmp_path, segmentation):
    found = list_outlines(Asked(coco(tmp_path, segmentation)))
    assert found.classes == NAMES
    assert [p.name for p in found.found.pictures] == ["images/a.png"]
    assert np.array_equal(found.masks["images/a.png"].values(), expected())


def test_runs_are_packed_as_coco_packs_them():
    assert packed([3, 2, 1]) == "321"
    assert packed([200, 5]) == "X65"


def test_smaller_outlines_lie_on_larger_ones_and_change_the_key():
    large = [0, 0, 30, 0, 30, 20, 0, 20]
    for parts in (((1, [large]), (2, [SQUARE])), ((2, [SQUARE]), (1, [large]))):
        mask = DrawnMask((20, 30), parts)
        assert np.array_equal(mask.values(), 1 + expected())
    assert mask.sha256() != DrawnMask((20, 30), ((1, [SQUARE]),)).sha256()


@pytest.mark.parametrize(
    "runs", [{"counts": RUNS[:-1]}, {"size": [30, 20], "counts": RUNS}], ids=["short", "turned"]
)
def test_runs_of_another_size_are_no_mask(runs):
    with pytest.raises(ValueError, match="another size"):
        filled(runs, (20, 30))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"images": [{"id": 7, "file_name": "b.png", "height": 20, "width": 30}]},
            "“b.png”, which .* names, is not there; name",
        ),
        (
            {"images": [{"id": 7, "file_name": "../../x.png", "height": 2, "width": 3}]},
            "not below the data set; put the pictures into its folder",
        ),
        ({"categories": [{"id": 4, "name": "disc"}]}, "without a name"),
        ({"images": [{"id": "seven"}]}, "is no COCO file of outlines"),
    ],
)
def test_a_coco_file_that_does_not_fit_is_told(tmp_path, changes, told):
    (tmp_path.parent / "x.png").write_bytes(b"")
    with pytest.raises(DataSetError, match=told):
        list_outlines(Asked(coco(tmp_path, [SQUARE], **changes)))


def labelme(tmp_path, shape_type, points, label="disc"):
    picture(tmp_path / "a.png")
    written(
        tmp_path / "a.json",
        {
            "shapes": [{"label": label, "points": points, "shape_type": shape_type}],
            "imagePath": "a.png", "imageHeight": 20, "imageWidth": 30, "imageData": None,
        },
    )  # fmt: skip
    return tmp_path


@pytest.mark.parametrize(
    ("shape_type", "points"),
    [
        ("polygon", np.reshape(SQUARE, (-1, 2)).tolist()),
        ("rectangle", [[10, 4], [20, 9]]),
        ("rectangle", [[20, 9], [10, 4]]),
    ],
)
def test_labelme_outlines_become_masks(tmp_path, shape_type, points):
    found = list_outlines(Asked(labelme(tmp_path, shape_type, points)))
    assert found.classes == NAMES
    assert np.array_equal(found.masks["a.png"].values(), expected())


def test_a_circle_is_its_centre_and_a_point_on_it(tmp_path):
    found = list_outlines(Asked(labelme(tmp_path, "circle", [[15, 10], [20, 10]])))
    area = int((found.masks["a.png"].values() == 1).sum())
    assert area == pytest.approx(np.pi * 25, abs=6)


@pytest.mark.parametrize("shape_type", ["line", "point", "mask"])
def test_what_is_no_area_is_told(tmp_path, shape_type):
    with pytest.raises(DataSetError, match=f"“disc” as {shape_type}"):
        list_outlines(Asked(labelme(tmp_path, shape_type, [[1, 1], [2, 2]])))


def test_an_outline_of_a_class_that_was_not_named_is_told(tmp_path):
    data = labelme(tmp_path, "rectangle", [[1, 1], [2, 2]], label="tumour")
    with pytest.raises(DataSetError, match="“tumour”"):
        list_outlines(Asked(data, classes=NAMES))


# Volumes


def volumes(tmp_path, suffix, stems, value=1, moved=0.0):
    """Write oblique sagittal volumes of thick slices, as a scanner gives them, with masks."""
    pixels = np.zeros((6, 48, 40), np.int16)  # left-right, down, front-back, as SimpleITK has them
    pixels[:, 6:12, :] = 500
    pixels[:, :, 24:] += 100
    labels = np.zeros_like(pixels)
    labels[1:4, 6:12, 9:27] = value
    turn = np.deg2rad(8)
    across = [np.cos(turn), np.sin(turn), 0]
    back = [-np.sin(turn), np.cos(turn), 0]
    directions = np.array([back, [0, 0, -1], across]).T  # columns: image x, y, z
    for stem in stems:
        for folder, values in (("images", pixels), ("masks", labels)):
            image = SimpleITK.GetImageFromArray(values)
            image.SetSpacing((0.5, 0.6, 4.0))
            image.SetDirection(directions.ravel())
            image.SetOrigin((10 + (moved if folder == "masks" else 0), -30, 80))
            (tmp_path / folder).mkdir(exist_ok=True)
            SimpleITK.WriteImage(image, str(tmp_path / folder / f"{stem}{suffix}"), True)
    return tmp_path


@pytest.mark.parametrize("suffix", [".mha", ".nii.gz", ".mhd"])
def test_volumes_are_cut_where_they_are_thick_and_the_mask_stays_on_its_picture(tmp_path, suffix):
    data = volumes(tmp_path, suffix, ["a"])
    found = list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work"))
    names = [f"a/slice{n:04d}" for n in (1, 2, 3)]
    assert [p.name for p in found.found.pictures] == names
    for one in found.found.pictures:
        image, mask = read_image(one.path), found.masks[one.name].values()
        assert image.shape == mask.shape == (48, 40)
        assert image.spacing_mm == pytest.approx((0.6, 0.5), abs=1e-4)
        bright = image.pixels >= 500
        # The head is up, and the bright band near it; what lies to the back is on the right.
        assert bright.any(axis=1).nonzero()[0].tolist() == list(range(6, 12))
        assert (image.pixels[20] >= 100).nonzero()[0].tolist() == list(range(24, 40))
        assert mask.any(axis=1).nonzero()[0].tolist() == list(range(6, 12))
        assert mask.any(axis=0).nonzero()[0].tolist() == list(range(9, 27))
    again = list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work"))
    assert again.found == found.found


def test_a_metaimage_lies_where_simpleitk_says(tmp_path):
    path = volumes(tmp_path, ".mha", ["a"]) / "images" / "a.mha"
    image, found = SimpleITK.ReadImage(str(path)), read_metaimage(path)
    assert np.array_equal(found.values, SimpleITK.GetArrayFromImage(image))
    assert found.spacing_mm == pytest.approx(image.GetSpacing())
    assert found.origin_mm == pytest.approx(image.GetOrigin())
    for axis, step in enumerate(np.eye(3, dtype=int).tolist()):
        place = np.subtract(image.TransformIndexToPhysicalPoint(step), image.GetOrigin())
        assert found.directions[axis] * found.spacing_mm[axis] == pytest.approx(place)


def test_slices_of_a_volume_are_never_parted_even_if_nobody_tells_patients(tmp_path):
    data = volumes(tmp_path, ".nii.gz", ["a", "b"])
    found = list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work")).found
    assert found.source is PatientSource.UNKNOWN
    assert found.patients() == {"a", "b"}
    written(data / "manifest.csv", "name,patient,split\na,p1,train\nb,p1,train\n")
    told = list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work")).found
    assert told.source is PatientSource.TABLE
    assert told.patients() == {"p1"}
    assert {p.split for p in told.pictures} == {"train"}


def test_a_mask_in_another_place_is_refused(tmp_path):
    data = volumes(tmp_path, ".mha", ["a"], moved=2.0)
    with pytest.raises(DataSetError, match="another place"):
        list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work"))


def test_a_volume_that_is_none_is_told(tmp_path):
    data = volumes(tmp_path, ".mha", ["a"])
    (data / "images" / "a.mha").write_bytes(b"ObjectType = Image\n")
    with pytest.raises(DataSetError, match=r"“a\.mha” cannot be read as a volume"):
        list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work"))


def test_spider_knows_its_classes_and_its_patients(tmp_path):
    data = volumes(tmp_path, ".mha", ["12_t1", "12_t2", "3_t2_SPACE"], value=201)
    found = list_outlines(Asked(data, work=tmp_path / "work"))
    assert found.classes == ("background", "vertebra", "disc", "canal")
    assert found.found.patients() == {"12", "3"}
    assert found.found.has_patients
    values = [np.unique(mask.values()).tolist() for mask in found.masks.values()]
    assert values == [[0, 2]] * 9


def test_spiders_numbers_mean_what_its_authors_say():
    stored = np.array([0, 1, 9, 25, 100, 101, 125, 201, 225, 26, 300])
    assert of_spider(stored).tolist() == [0, 1, 1, 1, 3, 255, 255, 2, 2, 255, 255]


def test_a_mask_of_volumes_holds_class_numbers_only(tmp_path):
    data = volumes(tmp_path, ".nii.gz", ["a"], value=300)
    found = list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work"))
    assert [mask.values() for mask in found.masks.values()] == [None] * 3


# Which one


def test_a_layout_may_be_stated_and_must_then_fit(tmp_path):
    data = labelme(tmp_path, "rectangle", [[1, 1], [20, 10]])
    assert list_outlines(Asked(data, "labelme")).classes == NAMES
    with pytest.raises(DataSetError, match="does not look like the layout coco"):
        list_outlines(Asked(data, "coco"))
    with pytest.raises(DataSetError, match="known are rsna-2022, dicom-table, table and folders"):
        list_classes(Asked(data, "coco"))


def test_a_nifti_that_is_scaled_keeps_its_values(tmp_path):
    data = volumes(tmp_path, ".nii", ["a"])
    path = data / "images" / "a.nii"
    image = nib.load(path)
    image.header.set_slope_inter(0.5, 7)
    nib.Nifti1Image(np.asarray(image.dataobj, float), image.affine, image.header).to_filename(path)
    found = list_outlines(Asked(data, classes=NAMES, work=tmp_path / "work"))
    assert read_image(found.found.pictures[0].path).pixels.max() == pytest.approx(600, abs=0.5)
