"""Films of every source as training sees them, and their crops; no TensorFlow."""

import json

import cv2
import numpy as np
import pytest

from spinealign.domain.errors import DataSetError
from spinealign.radiograph.looks import COLUMN_LEVELS
from spinealign.training import xray_appearance as appearance
from spinealign.training.dataset import IGNORE
from spinealign.training.spine_films import (
    HEAD_SOURCE,
    SPINE_SOURCE,
    as_record,
    fold_by_film,
    fold_of_spine_films,
    from_outlined,
    from_record,
    frontal_film,
    level_number,
    load_spine_films,
)
from spinealign.training.spine_patches import (
    C2,
    CHANNELS,
    LOWER_BODY,
    S1,
    SpinePatches,
    SpinePatchSettings,
    local_height,
)
from spinealign.training.xray_patches import rasterise
from tests.films import make_film

SIDE, PITCH = 20.0, 26.0


def spine_points():
    """A straight column, the face to the right; readers mark C2's base and S1's top only."""
    points = {}
    for place, level in enumerate(COLUMN_LEVELS):
        top = 60 + PITCH * place
        for end, y in (("T", top), ("B", top + SIDE)):
            if (level, end) not in (("C2", "T"), ("S1", "B")):
                points[f"{level}{end}B"] = (100.0, y)
                points[f"{level}{end}F"] = (100.0 + SIDE, y)
    return points


@pytest.fixture
def spine_folder(tmp_path):
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (760, 240), np.uint8)
    cv2.imwrite(str(tmp_path / "images" / "7.webp"), pixels)
    rows = [f"7,{name},{x},{y}" for name, (x, y) in spine_points().items()]
    (tmp_path / "landmarks.csv").write_text("\n".join(["name,point,x,y", *rows]), "utf-8")
    return tmp_path


@pytest.fixture
def spine(spine_folder):
    return load_spine_films(spine_folder)[0]


def mask_of(film, shape=(760, 240)):
    settings = SpinePatchSettings(shares={film.source: 1.0}, styled_share=0)
    drawn = SpinePatches([film], [], [], settings, 0)
    del drawn
    from spinealign.training.spine_patches import _Labels

    unmoved = np.array([[1.0, 0, 0], [0, 1, 0]])
    return _Labels(film, unmoved, shape).packed(np.zeros(shape, bool))


class TestWholeSpine:
    def test_every_level_is_a_body_with_the_corners_that_were_marked(self, spine):
        assert tuple(body.level for body in spine.bodies) == COLUMN_LEVELS
        assert np.isnan(spine.bodies[0].corners[:2]).all()
        assert np.isnan(spine.bodies[-1].corners[2:]).all()
        c3 = spine.bodies[1]
        assert c3.corners.tolist() == [[120, 86], [100, 86], [100, 106], [120, 106]]

    def test_outlines_are_a_little_hollow_and_as_large_as_their_corners(self, spine):
        area = rasterise([spine.bodies[3].outline], (760, 240)).sum()
        assert 0.85 * SIDE**2 < area < SIDE**2

    def test_classes_unknown_regions_and_levels_of_the_labels(self, spine):
        labels = mask_of(spine)
        at = {body.level: body.outline.mean(axis=0).astype(int)[::-1] for body in spine.bodies}
        assert labels[(*at["C2"], 0)] == C2
        assert labels[(*at["C5"], 0)] == labels[(*at["L3"], 0)] == LOWER_BODY
        assert labels[(*at["S1"], 0)] == S1
        assert labels[50, 110, 0] == IGNORE  # the dens, which readers left out
        row, col = at["T2"]  # behind the shoulders the middle is taught and the border is not
        assert labels[row, col, 0] == LOWER_BODY
        assert labels[row, 100, 0] == labels[row, 101, 0] == IGNORE
        assert labels[row - round(PITCH / 2), col, 0] == 0
        assert labels[700, 110, 0] == IGNORE  # the sacrum below its endplate
        assert labels[30, 20, 0] == labels[400, 40, 0] == 0
        for level in ("C2", "C7", "T2", "L5", "S1"):
            assert labels[(*at[level], 6)] == level_number(level)
        assert labels[(*at["T2"], 7)] < labels[(*at["L2"], 7)] == 255
        assert labels[(*at["T2"], 5)] < labels[(*at["L2"], 5)] == 255

    def test_heights_are_those_of_the_bodies_around(self, spine):
        assert local_height(spine, 0) == local_height(spine, 12) == pytest.approx(SIDE)

    def test_a_folder_without_a_table_says_so(self, tmp_path):
        with pytest.raises(DataSetError):
            load_spine_films(tmp_path)


class TestFrontal:
    @pytest.fixture
    def frontal(self):
        row = {}
        for place, level in enumerate(COLUMN_LEVELS[6:-1]):
            for end in ("tl", "tr", "bl", "br"):
                row[f"{level}_{end}_x"] = str(100 + SIDE * (end[1] == "r"))
                row[f"{level}_{end}_y"] = str(60 + PITCH * place + SIDE * (end[0] == "b"))
        return frontal_film("1", np.zeros((760, 240), np.uint8), row)

    def test_bodies_are_t1_to_l5_with_corners_around(self, frontal):
        assert [b.level for b in frontal.bodies] == [*COLUMN_LEVELS[6:-1]]
        assert frontal.bodies[0].corners.tolist() == [[100, 60], [120, 60], [120, 80], [100, 80]]

    def test_either_side_may_be_the_anterior_one(self, frontal):
        heat = mask_of(frontal)[..., 1:5]
        upper_left, lower_left = heat[60, 100], heat[80, 100]
        assert upper_left[:2].tolist() == pytest.approx([126, 126], abs=8)
        assert lower_left[2:].tolist() == pytest.approx([126, 126], abs=8)
        assert max(*upper_left[2:], *lower_left[:2]) < 20

    def test_neck_and_sacrum_are_unknown(self, frontal):
        mask = mask_of(frontal)[..., 0]
        assert mask[40, 110] == mask[520, 110] == IGNORE
        assert mask[70, 110] == LOWER_BODY


def test_folds_part_the_films_without_overlap():
    names = [str(n) for n in range(19)]
    folds = [fold_of_spine_films(names, fold) for fold in range(3)]
    assert set.union(*folds) == set(names)
    assert sum(len(fold) for fold in folds) == len(names)
    assert folds == [fold_of_spine_films(names[::-1], fold) for fold in range(3)]
    assert all(name in folds[fold] for name, fold in fold_by_film(names).items())
    assert set(fold_by_film(names)) == set(names)


def test_what_a_network_outlined_is_kept_as_json():
    film = from_outlined(make_film(), HEAD_SOURCE, is_continued=True)
    record = json.loads(json.dumps(as_record(film)))
    again = from_record(film.name, film.pixels, record)
    assert [b.level for b in again.bodies] == [b.level for b in film.bodies]
    for one, other in zip(film.bodies, again.bodies, strict=True):
        assert other.outline == pytest.approx(one.outline, abs=0.01)
        np.testing.assert_allclose(other.corners, one.corners)


class TestPatches:
    def patches(self, spine, seed=0, **changes):
        head = from_outlined(make_film(), HEAD_SOURCE, is_continued=True)
        empty = np.random.default_rng(1).integers(0, 255, (90, 70), np.uint8)
        shares = {HEAD_SOURCE: 0.5, SPINE_SOURCE: 0.5}
        settings = SpinePatchSettings(crop=(128, 96), shares=shares, **changes)
        return SpinePatches([head, spine], [empty], [empty, spine.pixels], settings, seed)

    def test_crops_are_inputs_of_the_network_with_their_labels(self, spine):
        images, labels = next(self.patches(spine).batches(12))
        assert images.shape == (12, 128, 96, 1)
        assert images.min() >= 0
        assert images.max() <= 1
        assert labels.shape == (12, 128, 96, CHANNELS)
        assert labels.dtype == np.uint8
        assert set(np.unique(labels[..., 0])) <= {0, C2, LOWER_BODY, S1, IGNORE}
        body = np.isin(labels[..., 0], (C2, LOWER_BODY, S1))
        assert (labels[..., 6][body] > 0).all()

    def test_the_same_seed_gives_the_same_crops(self, spine):
        one, other = (next(self.patches(spine, seed=3).batches(4)) for _ in range(2))
        assert all((a == b).all() for a, b in zip(one, other, strict=True))

    def test_pictures_without_a_column_teach_background_only(self, spine):
        _, labels = next(self.patches(spine, negative_share=1.0).batches(6))
        assert not labels[..., :5].any()
        assert not labels[..., 6:].any()

    def test_a_source_without_a_share_is_not_drawn(self, spine):
        patches = self.patches(spine, negative_share=0.0)
        patches._shares = np.array([1.0, 0.0])
        _, labels = next(patches.batches(12))
        assert labels[..., 6].max() <= level_number("C5")


class TestAppearance:
    @pytest.fixture
    def image(self):
        rows, cols = np.mgrid[:96, :80].astype(np.float32)
        return (0.5 + 0.2 * np.sin(rows / 9) * np.cos(cols / 7)).astype(np.float32)

    def test_every_change_keeps_size_and_range(self, image):
        rng = np.random.default_rng(0)
        dark = (0.3 * image).astype(np.float32)
        for _ in range(25):
            for out in (
                appearance.exchange_amplitudes(image, dark, rng),
                appearance.match_histogram(image, dark, rng),
                appearance.harsh(image, rng),
                appearance.bright_side(image, rng),
                appearance.doubled(image, 20.0, rng),
                appearance.foreign_lines(image, 20.0, rng),
                appearance.compressed(image, rng),
            ):
                assert out.shape == image.shape
                assert out.dtype == np.float32
                assert out.min() >= 0
                assert out.max() <= 1

    def test_amplitudes_bring_brightness_and_leave_edges(self, image):
        dark = np.full_like(image, 0.1)
        out = appearance.exchange_amplitudes(image, dark, np.random.default_rng(0))
        assert out.mean() < 0.85 * image.mean()
        edges = [np.diff(p - cv2.GaussianBlur(p, (0, 0), 3), axis=0).ravel() for p in (image, out)]
        assert np.corrcoef(*edges)[0, 1] > 0.9

    def test_grey_values_are_distributed_as_in_the_other_picture(self, image):
        other = np.linspace(0, 0.2, image.size, dtype=np.float32).reshape(image.shape)
        rng = np.random.default_rng(0)
        means = [appearance.match_histogram(image, other, rng).mean() for _ in range(20)]
        assert 0.1 <= min(means) < max(means) < image.mean()
