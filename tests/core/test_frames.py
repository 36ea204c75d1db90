"""The frame of a secondary capture is cut away for gate and networks, and results come back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.analysis import analyze_image
from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import WarningCode
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import SpineImage
from spinealign.gate import choose_examination
from spinealign.imaging.frames import Inside, inside_frame
from tests.gates import OneGate, gate_that_sees
from tests.phantoms_xray import FilmModels, draw_column, film_of, ideal_model

widths = st.tuples(*(st.sampled_from([0, 4, 7, 40, 130]) for _ in range(4)))


def noise(rows: int = 90, columns: int = 70, seed: int = 3):
    return np.random.default_rng(seed).uniform(20, 200, (rows, columns)).astype(np.float32)


def framed(pixels, above, below, before, behind, value):
    return np.pad(pixels, ((above, below), (before, behind)), constant_values=value)


@settings(deadline=None, max_examples=60)
@given(around=widths, value=st.sampled_from([0.0, 255.0]))
def test_a_frame_of_any_width_is_found_to_the_pixel(around, value):
    pixels = framed(noise(), *around, value)
    found = inside_frame(pixels)
    above, below, before, behind = around
    rows, columns = pixels.shape
    assert found == Inside(above, rows - below, before, columns - behind, (rows, columns))


def test_sides_of_several_values_are_one_frame():
    letterbox = framed(noise(), 30, 30, 0, 0, 0.0)
    found = inside_frame(framed(letterbox, 0, 0, 20, 20, 255.0))
    assert (found.top, found.bottom, found.left, found.right) == (30, 120, 20, 90)


@pytest.mark.parametrize(
    "pixels",
    [
        noise(),
        framed(noise(300, 300), 2, 0, 0, 2, 0.0),
        np.zeros((40, 40), np.float32),
        framed(noise(4, 4), 60, 60, 60, 60, 0.0),
        framed(noise(), 30, 30, 30, 30, 120.0),
    ],
    ids=["none", "single rows", "one value", "a mark", "neither black nor white"],
)
def test_these_have_no_frame(pixels):
    assert inside_frame(pixels).is_whole


def test_air_that_is_merely_dark_stays():
    dark = np.random.default_rng(1).integers(0, 3, (40, 70)).astype(np.float32)
    assert inside_frame(np.vstack([dark, noise(), dark])).is_whole


@pytest.fixture(scope="module")
def column():
    return draw_column()


@pytest.fixture(scope="module")
def plain(column):
    return run_to_end(analyze_image(film_of(column), FilmModels(ideal_model(column))))


@pytest.mark.parametrize("value", [0.0, 255.0], ids=["black", "white"])
@pytest.mark.parametrize("around", [(60, 60, 60, 60), (0, 0, 300, 300), (20, 200, 0, 90)])
def test_a_film_in_a_frame_has_the_same_outlines(column, plain, around, value):
    film = film_of(column)
    wide = replace(film, pixels=framed(film.pixels, *around, value))
    found = run_to_end(analyze_image(wide, FilmModels(ideal_model(column))))
    above, _, before, _ = around
    assert [b.level for b in found.vertebrae] == [b.level for b in plain.vertebrae]
    for one, other in zip(found.vertebrae, plain.vertebrae, strict=True):
        np.testing.assert_allclose(
            np.array(one.outline) - (before, above), other.outline, atol=1e-6
        )
        for mark, same in zip(one.landmarks, other.landmarks, strict=True):
            assert (mark.x - before, mark.y - above) == pytest.approx((same.x, same.y))
    rows, columns = film.shape
    assert found.segmentation.mask.shape == wide.shape
    inner = found.segmentation.mask[above : above + rows, before : before + columns]
    assert (inner == plain.segmentation.mask).all()
    assert found.segmentation.mask.sum() == inner.sum()
    assert found.measurements[0].value == pytest.approx(plain.measurements[0].value)


def test_a_neck_that_the_inner_edge_cuts_is_cut_off_in_a_frame_too(column):
    cut = column.without("C7", "T1")
    film = film_of(cut)
    lowest = max(y for b in analysed_bodies(cut, film) for _, y in b.outline)
    short = replace(film, pixels=film.pixels[: int(lowest) + 3])
    models = FilmModels(ideal_model(cut))
    codes = [
        {c.code for c in run_to_end(analyze_image(one, models)).cautions}
        for one in (short, replace(short, pixels=framed(short.pixels, 0, 300, 0, 0, 0.0)))
    ]
    assert WarningCode.CUT_OFF in codes[0]
    assert WarningCode.CUT_OFF in codes[1]


def analysed_bodies(column, film):
    return run_to_end(analyze_image(film, FilmModels(ideal_model(column)))).vertebrae


def picture(pixels) -> SpineImage:
    return SpineImage(pixels, 8, Path("x.png"), "0" * 64)


def test_the_gate_looks_at_a_film_without_its_frame():
    tall = picture(framed(noise(200, 100), 0, 0, 200, 200, 255.0))
    gate = gate_that_sees(ImageKind.LATERAL_FILM, only_shape=(200, 100))
    assert choose_examination(tall, OneGate(gate), None).check.accepted
    grey = replace(tall, pixels=framed(noise(200, 100), 0, 0, 200, 200, 120.0))
    assert not choose_examination(grey, OneGate(gate), None).check.accepted


def test_the_gate_looks_at_other_pictures_as_they_are():
    wide = picture(framed(noise(200, 100), 0, 0, 200, 200, 255.0))
    gate = gate_that_sees(ImageKind.SPINE_MR, only_shape=(100, 200))
    choice = choose_examination(wide, OneGate(gate), None)
    assert choice.check.kind is ImageKind.SPINE_MR
