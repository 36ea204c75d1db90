import numpy as np
import pytest
from PIL import Image

from spinealign.domain.errors import DataSetError
from spinealign.training.dataset import (
    ClassifiedFile,
    list_classified,
    load_mr_segmentation,
    regroup,
    shrink,
    split_patients,
)


def file(label, series, number, variant=""):
    path = f"train/{label}/{series} ({number}){variant}.png"
    return ClassifiedFile(path, "train", label, series, number)


FILES = [
    *(file("fracture", s, n, v) for s in "XYZ" for n in range(6) for v in ("", "-rotated1")),
    *(file("normal", "X", n, v) for n in range(100, 120) for v in ("", "-sharpened")),
]


@pytest.mark.parametrize("seed", range(5))
def test_no_base_slice_is_on_both_sides(seed):
    train, held = regroup(FILES, 0.3, seed)
    assert {f.group for f in train} & {f.group for f in held} == set()
    assert len(train) + len(held) == len(FILES)
    assert {f.label for f in train} == {f.label for f in held} == {"fracture", "normal"}


def test_whole_series_are_held_out_where_there_are_several():
    train, held = regroup(FILES, 0.3, 0)
    series_held = {f.series for f in held if f.label == "fracture"}
    assert series_held & {f.series for f in train if f.label == "fracture"} == set()


def test_a_single_series_is_held_out_as_one_block_of_neighbours():
    _, held = regroup(FILES, 0.3, 0)
    numbers = sorted({f.slice_number for f in held if f.label == "normal"})
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_patients_are_split_whole_and_the_same_way_every_time():
    patients = [str(n % 20) for n in range(200)]
    train, held = split_patients(patients, 0.25, 3)
    assert train | held == set(patients)
    assert train & held == set()
    assert len(held) == 5
    assert split_patients(reversed(patients), 0.25, 3) == (train, held)


def test_series_and_slice_are_read_from_the_file_name(tmp_path):
    for name in ("fracture/CSFDV1B10 (18)-sharpened1-rotated2.png", "normal/plain.png"):
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(path)
    (tmp_path / "train" / "normal" / "notes.txt").write_text("not an image")
    first, second = list_classified(tmp_path)
    assert (first.series, first.slice_number, first.label) == ("CSFDV1B10", 18, "fracture")
    assert (second.group, second.slice_number) == ("plain", None)


def test_one_class_is_no_training_set(tmp_path):
    with pytest.raises(DataSetError):
        list_classified(tmp_path)


def test_masks_and_patients_come_from_the_manifest(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    mask = np.zeros((40, 30), np.uint8)
    mask[10:20, 5:15] = 2
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    Image.fromarray(mask * 100).save(tmp_path / "images" / "a.webp", lossless=True)
    (tmp_path / "manifest.csv").write_text("name,patient\na,7\n")
    (one,) = load_mr_segmentation(tmp_path)
    assert one.patient == "7"
    assert np.array_equal(one.mask, mask)
    with pytest.raises(DataSetError):
        load_mr_segmentation(tmp_path / "images")


def test_shrinking_keeps_class_numbers():
    mask = np.random.default_rng(0).integers(0, 4, (200, 100)).astype(np.uint8)
    small = shrink(mask, 50, 0)
    assert small.shape == (50, 25)
    assert set(np.unique(small)) <= {0, 1, 2, 3}
