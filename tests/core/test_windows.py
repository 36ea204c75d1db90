"""Windows, VOI LUTs and presets: the file's own, in the file's order, and what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from spinealign.domain.image import DisplayWindow, WindowCurve, WindowKind
from spinealign.imaging.read import read_image
from spinealign.imaging.windows import (
    CT_PRESETS,
    apply_window,
    default_display,
    mirrored,
    selectable_windows,
)
from spinealign.wording.reading import window_text
from tests.image_files import notes_of, ramp, write_dicom

GREY = ramp(40, 50)


def voi_table(first: int, entries: np.ndarray[Any, Any], bits: int, name: str = "") -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries.astype("<u2").tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    if name:
        item.LUTExplanation = name
    return item


def test_all_windows_of_a_file_can_be_chosen(tmp_path: Path) -> None:
    image = read_image(
        write_dicom(
            tmp_path / "ct.dcm", GREY, Modality="CT", RescaleSlope=1, RescaleIntercept=-1024,
            WindowCenter=[40, 300], WindowWidth=[400, 1500],
            WindowCenterWidthExplanation=["SOFT", "BONE"],
        )
    )  # fmt: skip
    shown = [window_text(window) for window in selectable_windows(image)]
    assert shown == [
        "SOFT (C 40, W 400)", "BONE (C 300, W 1500)",
        "Bone (C 400, W 1800)", "Soft tissue (C 50, W 250)", "Brain (C 40, W 80)",
    ]  # fmt: skip
    assert image.window == (40, 400)


def test_presets_are_for_hounsfield_units_only(tmp_path: Path) -> None:
    image = read_image(write_dicom(tmp_path / "mr.dcm", GREY, Modality="MR"))
    assert selectable_windows(image) == ()
    assert {window.kind for window in CT_PRESETS} == {
        WindowKind.BONE, WindowKind.SOFT_TISSUE, WindowKind.BRAIN,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("curve", "value", "expected"),
    [
        (WindowCurve.LINEAR, 800, 0),
        (WindowCurve.LINEAR, 1199, 255),
        (WindowCurve.LINEAR, 999.5, 127.5),
        (WindowCurve.LINEAR_EXACT, 800, 0),
        (WindowCurve.LINEAR_EXACT, 1200, 255),
        (WindowCurve.SIGMOID, 1000, 127.5),
        (WindowCurve.SIGMOID, 1100, 255 / (1 + np.exp(-1))),
    ],
)
def test_curves_are_those_of_the_standard(
    curve: WindowCurve, value: float, expected: float
) -> None:
    window = DisplayWindow(1000, 400, curve=curve)
    assert apply_window(np.array([value]), window)[0] == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", "NONSENSE"])
def test_the_function_is_read(tmp_path: Path, function: str) -> None:
    path = write_dicom(
        tmp_path / "a.dcm", GREY, WindowCenter=900, WindowWidth=500, VOILUTFunction=function
    )
    expected = WindowCurve.LINEAR if function == "NONSENSE" else WindowCurve(function.lower())
    assert read_image(path).windows[0].curve is expected


def test_a_window_of_width_1_is_a_threshold() -> None:
    shown = apply_window(np.array([9.0, 9.5, 9.6, 12.0]), DisplayWindow(10, 1))
    assert shown.tolist() == [0, 0, 255, 255]


def test_voi_luts_come_before_windows(tmp_path: Path) -> None:
    entries = (np.arange(1000)[::-1] * 4).astype(np.uint16)
    image = read_image(
        write_dicom(
            tmp_path / "a.dcm", GREY, Modality="DX", WindowCenter=500, WindowWidth=600,
            VOILUTSequence=Sequence([voi_table(500, entries, 12, "HARD")]),
        )
    )  # fmt: skip
    table, window = image.windows
    assert [table.kind, window.kind] == [WindowKind.FILE_TABLE, WindowKind.FILE]
    assert window_text(table) == "HARD"
    places = np.clip(GREY.astype(int) - 500, 0, 999)
    expected = entries[places] / 4095 * 255
    assert np.abs(apply_window(image.pixels, table) - expected).max() <= 0.5


def test_what_a_file_asks_for_first_is_shown_first(tmp_path: Path) -> None:
    entries = (np.arange(1000) * 4).astype(np.uint16)
    table = Sequence([voi_table(500, entries, 12)])
    with_table = read_image(
        write_dicom(tmp_path / "a.dcm", GREY, WindowCenter=5, WindowWidth=6, VOILUTSequence=table)
    )
    assert default_display(with_table) is with_table.windows[0]
    without = read_image(write_dicom(tmp_path / "b.dcm", GREY))
    shown = apply_window(without.pixels, default_display(without))
    assert (shown.min(), shown.max()) == (0, 255)


LEFT_OUT = "A window stored with the image would show nothing of it and is not used."


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({"WindowCenter": 5000, "WindowWidth": 400}, id="above"),
        pytest.param({"WindowCenter": -500, "WindowWidth": 400}, id="below"),
        pytest.param({"WindowCenter": 2048, "WindowWidth": 1e6}, id="far wider"),
        pytest.param({"WindowCenter": 9000, "WindowWidth": 1, "VOILUTFunction": "SIGMOID"},
                     id="curve"),
        pytest.param({"WindowCenter": 9000, "WindowWidth": 5,
                      "PhotometricInterpretation": "MONOCHROME1"}, id="inverted"),
        pytest.param({"WindowCenter": 2048, "WindowWidth": 4096, "RescaleSlope": 1e-4,
                      "RescaleIntercept": 0}, id="for stored values"),
        pytest.param({"VOILUTSequence": Sequence([voi_table(5000, np.arange(500, dtype=np.uint16),
                                                            12)])}, id="table"),
    ],
)  # fmt: skip
def test_a_window_that_shows_nothing_gives_way_to_the_automatic_one_and_is_said(
    tmp_path: Path, tags: dict[str, Any]
) -> None:
    image = read_image(write_dicom(tmp_path / "a.dcm", GREY, Modality="MR", **tags))
    assert (image.windows, image.window) == ((), None)
    assert LEFT_OUT in notes_of(image)
    shown = default_display(image)
    assert shown.kind is WindowKind.AUTOMATIC
    assert np.ptp(apply_window(image.pixels, shown)) == 255


@pytest.mark.parametrize("bright", [1, 200], ids=["a hot pixel", "a burnt-in line"])
def test_a_window_for_a_few_pixels_alone_shows_nothing(tmp_path: Path, bright: int) -> None:
    pixels = np.tile(np.arange(200, dtype=np.uint16), (100, 1))
    pixels[0, :bright] = 4000
    tags = {"WindowCenter": 3800, "WindowWidth": 500, "Modality": "MR"}
    image = read_image(write_dicom(tmp_path / "a.dcm", pixels, **tags))
    assert (image.windows, notes_of(image)) == ((), (LEFT_OUT,))


def test_a_window_in_which_all_is_nearly_one_grey_is_not_used(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(200, dtype=np.uint16), (100, 1))
    tags = {"WindowCenter": 100, "WindowWidth": 17000, "Modality": "MR"}
    image = read_image(write_dicom(tmp_path / "a.dcm", pixels, **tags))
    assert (image.windows, notes_of(image)) == ((), (LEFT_OUT,))


def test_a_small_thing_before_one_grey_is_shown_in_its_window(tmp_path: Path) -> None:
    pixels = np.zeros((100, 200), np.uint16)
    pixels[:3, :3] = 1000
    tags = {"WindowCenter": 500, "WindowWidth": 1000, "Modality": "MR"}
    image = read_image(write_dicom(tmp_path / "a.dcm", pixels, **tags))
    assert (len(image.windows), notes_of(image)) == (1, ())


def test_of_several_windows_only_those_that_show_something_stay(tmp_path: Path) -> None:
    tags = {"WindowCenter": [9000, 1000], "WindowWidth": [10, 1000]}
    image = read_image(write_dicom(tmp_path / "a.dcm", GREY, Modality="MR", **tags))
    assert [window.centre for window in image.windows] == [1000]
    assert notes_of(image) == (LEFT_OUT,)


def test_a_window_that_shows_a_little_stays(tmp_path: Path) -> None:
    tags = {"WindowCenter": 2000, "WindowWidth": 100}
    image = read_image(write_dicom(tmp_path / "a.dcm", GREY, Modality="MR", **tags))
    assert (image.window, notes_of(image)) == ((2000, 100), ())


def test_a_window_for_values_far_below_1_is_taken_exactly(tmp_path: Path) -> None:
    tags = {"RescaleSlope": 1e-4, "RescaleIntercept": 0, "WindowCenter": 0.1, "WindowWidth": 0.2}
    image = read_image(write_dicom(tmp_path / "a.dcm", GREY, Modality="MR", **tags))
    expected = np.clip(GREY * 1e-4 / 0.2, 0, 1) * 255
    assert np.abs(apply_window(image.pixels, image.windows[0]) - expected).max() <= 0.51
    assert notes_of(image) == ()


@pytest.mark.parametrize("broken", ["short", "no data", "bits"])
def test_broken_tables_are_left_out(tmp_path: Path, broken: str) -> None:
    item = voi_table(0, np.arange(100, dtype=np.uint16), 12)
    if broken == "short":
        item.LUTDescriptor = [500, 0, 12]
    elif broken == "no data":
        del item.LUTData
    else:
        item.LUTDescriptor = [100, 0, 99]
    path = write_dicom(tmp_path / "a.dcm", GREY, VOILUTSequence=Sequence([item]))
    image = read_image(path)
    assert image.windows == ()
    said = "A VOI LUT stored with the image is empty or damaged and is not used."
    assert notes_of(image) == (said,)


@pytest.mark.parametrize(
    "window",
    [
        DisplayWindow(30, 11),
        DisplayWindow(30, 11, curve=WindowCurve.LINEAR_EXACT),
        DisplayWindow(30, 11, curve=WindowCurve.SIGMOID),
        DisplayWindow(25, 10, table=np.linspace(0, 1, 10, dtype=np.float32) ** 2),
    ],
    ids=["linear", "exact", "sigmoid", "table"],
)
def test_an_inverted_picture_shows_the_inverse_of_what_it_would(window: DisplayWindow) -> None:
    values = np.arange(64.0)
    seen = apply_window(63 - values, mirrored(window, 63))
    assert np.abs(seen.astype(int) + apply_window(values, window) - 255).max() <= 1
