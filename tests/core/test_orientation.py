"""Which way round a picture is shown, and that letters follow the pixels."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.imaging.orientation import film_turn, main_directions, slice_turn
from spinealign.imaging.read import read_image
from tests.image_files import notes_of, ramp, write_dicom

GREY = ramp(40, 50)
TURNED = "Set to the standard orientation by the patient orientation of the file."
CONVENTIONAL = {"sagittal": ("P", "F"), "coronal": ("L", "F"), "axial": ("L", "P")}
AXES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1),
        "F": (0, 0, -1)}  # fmt: skip
PLANES = {"sagittal": ("AP", "HF"), "coronal": ("LR", "HF"), "axial": ("LR", "AP")}


def stored(plane: str) -> list[tuple[str, str]]:
    """Return every way in which a slice of this plane can be stored."""
    return [pair for across, down in permutations(PLANES[plane]) for pair in product(across, down)]


def anatomy(directions: tuple[str, str], shown: tuple[str, str]) -> np.ndarray[Any, Any]:
    """Return GREY, made for `shown`, as it is stored when rows and columns run otherwise."""
    opposite = dict(zip("LRAPHF", "RLPAFH", strict=True))
    pixels = GREY
    if directions[0] not in (shown[0], opposite[shown[0]]):
        pixels, shown = pixels.T, shown[::-1]
    if directions[0] != shown[0]:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels if directions[1] == shown[1] else pixels[::-1])


CASES = [(plane, pair) for plane in PLANES for pair in stored(plane)]


@pytest.mark.parametrize(("plane", "pair"), CASES, ids=lambda value: "".join(value))
def test_slices_are_shown_the_conventional_way(
    tmp_path: Path, plane: str, pair: tuple[str, str]
) -> None:
    shown = CONVENTIONAL[plane]
    pixels = anatomy(pair, shown)
    spacing = [0.7, 0.5] if pixels.shape == GREY.shape else [0.5, 0.7]
    path = write_dicom(
        tmp_path / "slice.dcm", pixels, Modality="MR", PixelSpacing=spacing,
        ImageOrientationPatient=[*AXES[pair[0]], *AXES[pair[1]]],
    )  # fmt: skip
    image = read_image(path)
    np.testing.assert_array_equal(image.pixels, GREY)
    assert (image.spacing_mm, image.orientation) == ((0.7, 0.5), shown)
    assert (TURNED in notes_of(image)) is (pair != shown)


@pytest.mark.parametrize("pair", stored("sagittal"), ids="".join)
def test_stated_directions_count_where_the_position_is_missing(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    pixels = anatomy(pair, ("P", "F"))
    path = write_dicom(tmp_path / "a.dcm", pixels, Modality="MR", PatientOrientation=list(pair))
    np.testing.assert_array_equal(read_image(path).pixels, GREY)


@pytest.mark.parametrize(
    ("stated", "turns", "shown"),
    [
        (["A", "F"], 0, ("A", "F")),
        (["P", "F"], 0, ("P", "F")),
        (["P", "H"], 2, ("A", "F")),
        (["F", "A"], 3, ("P", "F")),
        (["H", "A"], 1, ("A", "F")),
        (["AF", "FP"], 0, ("A", "F")),
        (["R", "F"], 0, ("R", "F")),
        (["L", "A"], 0, ("L", "A")),
        (["H", "F"], 0, None),
        (["X", "Y"], 0, None),
        ("A", 0, None),
        (None, 0, None),
    ],
    ids=str,
)
def test_films_are_brought_head_up_and_never_mirrored(
    tmp_path: Path, stated: Any, turns: int, shown: tuple[str, str] | None
) -> None:
    tags = {} if stated is None else {"PatientOrientation": stated}
    image = read_image(write_dicom(tmp_path / "film.dcm", GREY, Modality="DX", **tags))
    np.testing.assert_array_equal(image.pixels, np.rot90(GREY, turns))
    assert image.orientation == shown


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=6))
def test_any_oblique_slice_comes_out_nearly_conventional(cosines: list[float]) -> None:
    pair = np.array(cosines).reshape(2, 3)
    lengths = np.linalg.norm(pair, axis=1)
    if lengths.min() < 0.1:
        return
    row = pair[0] / lengths[0]
    col = pair[1] - row * (pair[1] @ row)
    if np.linalg.norm(col) < 0.1:
        return
    turn = slice_turn(np.stack([row, col / np.linalg.norm(col)]))
    across, down = (col, row) if turn.swaps else (row, col)
    across = -across if turn.flips_cols else across
    down = -down if turn.flips_rows else down
    assert turn.directions is not None
    assert across @ AXES[turn.directions[0]] >= -1e-9
    assert down @ AXES[turn.directions[1]] >= -1e-9


@pytest.mark.parametrize("pair", [p for plane in PLANES for p in stored(plane)], ids="".join)
def test_a_film_is_turned_at_most_once(pair: tuple[str, str]) -> None:
    first = film_turn(pair)
    assert first.directions is not None
    assert not film_turn(first.directions)
    flips = first.flips_rows + first.flips_cols + first.swaps
    assert flips % 2 == 0, "an odd number of flips is a mirror"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [(["P", "F"], ("P", "F")), (["LA", "FP"], ("L", "F")), (["L"], None), (["L", "R"], None),
     (["", ""], None)],
    ids=str,
)  # fmt: skip
def test_main_directions(stated: list[str], expected: tuple[str, str] | None) -> None:
    assert main_directions(stated) == expected
