import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spinealign.imaging.edges import snap_to_edge

SIDE = 96
directions = st.one_of(st.none(), st.tuples(st.sampled_from([-1.0, 0.5, 1.0]), st.floats(-1, 1)))


def step(place, degrees=0.0, low=0.0, high=1.0, blur_px=1.2, noise=0.0, side=SIDE):
    """Return an image with a straight blurred edge at a signed distance from its middle."""
    y, x = np.mgrid[0:side, 0:side] + 0.5 - side / 2
    normal = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    away = x * normal[0] + y * normal[1] - place
    smooth = 1 / (1 + np.exp(np.clip(-1.7 * away / blur_px, -50, 50)))
    grain = np.random.default_rng(1).standard_normal((side, side)) * noise
    return (low + (high - low) * (smooth + grain)).astype(np.float32)


def off_the_edge(found, place, degrees):
    normal = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (found[0] - SIDE / 2) * normal[0] + (found[1] - SIDE / 2) * normal[1] - place


@pytest.mark.parametrize(("low", "high"), [(0, 255), (800, 830), (65535, 100), (-1000, 400)])
@given(st.floats(-5, 5), st.floats(-180, 180))
def test_an_edge_is_found_to_a_fraction_of_a_pixel_at_any_depth_of_grey(low, high, place, degrees):
    image = step(place, degrees, low, high)
    found = snap_to_edge(image, SIDE / 2, SIDE / 2, None, 10)
    assert off_the_edge(found, place, degrees) == pytest.approx(0, abs=0.15)


@given(st.floats(-5, 5), st.floats(-40, 40))
def test_along_a_direction_the_point_stays_on_its_line(place, degrees):
    direction = (np.cos(np.radians(degrees / 2)), np.sin(np.radians(degrees / 2)))
    x, y = snap_to_edge(step(place, degrees), SIDE / 2, SIDE / 2, direction, 10)
    across = (x - SIDE / 2) * direction[1] - (y - SIDE / 2) * direction[0]
    assert across == pytest.approx(0, abs=1e-9)
    assert off_the_edge((x, y), place, degrees) == pytest.approx(0, abs=0.2)


@given(st.floats(-5, 5), st.floats(-180, 180), directions, st.floats(-3, 3), st.floats(-3, 3))
def test_a_mirrored_image_snaps_to_the_mirrored_place(place, degrees, direction, dx, dy):
    image = step(place, degrees)
    x, y = SIDE / 2 + dx, SIDE / 2 + dy
    mirrored_direction = None if direction is None else (-direction[0], direction[1])
    mirrored = np.ascontiguousarray(image[:, ::-1])
    one = snap_to_edge(image, x, y, direction, 10)
    other = snap_to_edge(mirrored, SIDE - x, y, mirrored_direction, 10)
    if direction is not None:
        assert other == pytest.approx((SIDE - one[0], one[1]), abs=0.05)
    # All around, places along a straight edge are equally good but for rounding.
    elif one == (x, y):
        assert other == (SIDE - x, y)
    else:
        seen = off_the_edge((SIDE - other[0], other[1]), place, degrees)
        assert seen == pytest.approx(off_the_edge(one, place, degrees), abs=0.1)


@given(st.floats(-4, 4), st.floats(0.1, 1000), st.floats(-1e4, 1e4))
def test_brightness_and_contrast_do_not_matter(place, gain, offset):
    image = step(place, 30)
    one = snap_to_edge(image, 48, 48, (1, 0.5), 10)
    other = snap_to_edge((image * gain + offset).astype(np.float32), 48, 48, (1, 0.5), 10)
    assert other == pytest.approx(one, abs=0.25)


@pytest.mark.parametrize("degrees", [0, 35, 90])
def test_noise_moves_it_little(degrees):
    image = step(3.0, degrees, 100, 140, noise=0.08)
    found = snap_to_edge(image, SIDE / 2, SIDE / 2, None, 10)
    assert off_the_edge(found, 3.0, degrees) == pytest.approx(0, abs=0.6)


def test_the_nearer_of_two_edges_wins():
    image = step(-2.0) + step(7.0)
    found = snap_to_edge(image, SIDE / 2, SIDE / 2, (1, 0), 9)
    assert off_the_edge(found, -2.0, 0) == pytest.approx(0, abs=0.15)


def test_the_corner_of_a_square_is_kept_near():
    image = np.zeros((SIDE, SIDE), np.float32)
    image[40:, 40:] = 200
    image = cv2.GaussianBlur(image, (0, 0), 1.0)
    x, y = snap_to_edge(image, 42, 39, None, 6)
    assert min(abs(x - 40), abs(y - 40)) < 0.6
    assert np.hypot(x - 42, y - 39) <= 6.5


@pytest.mark.parametrize(
    ("image", "x", "y"),
    [
        (np.full((40, 40), 7, np.float32), 20, 20),
        (step(30.0), 40.0, 48.0),
        (np.random.default_rng(2).normal(size=(60, 60)).astype(np.float32), 200, 5),
        (np.zeros((1, 1), np.float32), 0.5, 0.5),
    ],
    ids=["flat", "too far away", "outside", "one pixel"],
)
def test_without_an_edge_the_point_stays(image, x, y):
    assert snap_to_edge(image, x, y, None, 6) == (x, y)
    assert snap_to_edge(image, x, y, (1, 0), 6) == (x, y)


@given(st.floats(0, 30), st.floats(0, 20), directions, st.floats(0.5, 40))
@example(16.25, 0.0, (1.0, -0.5), 11.0)
def test_it_never_goes_farther_than_allowed_nor_out_of_the_image(x, y, direction, radius):
    image = cv2.GaussianBlur(
        np.random.default_rng(3).normal(size=(20, 30)).astype(np.float32), (0, 0), 2
    )
    found = snap_to_edge(image, x, y, direction, radius)
    assert np.hypot(found[0] - x, found[1] - y) <= radius + 1.6
    assert 0 <= found[0] <= 30
    assert 0 <= found[1] <= 20
