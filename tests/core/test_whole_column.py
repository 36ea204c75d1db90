"""Films of the whole column, drawn, and seen by a network that sees them ideally."""

import numpy as np
import pytest

from spinealign.domain.errors import ModelError
from spinealign.domain.findings import LandmarkName, LevelUncertainty, VertebraState, WarningCode
from spinealign.inference.engine import LoadedModel
from spinealign.measure.outlines.corners import CORNERS
from spinealign.radiograph import finds_bodies, outline_vertebrae
from spinealign.radiograph.bodies_on_film import vertebra_of
from spinealign.radiograph.looks import COLUMN_LEVELS, coarse_look
from spinealign.radiograph.turned_film import turned_back
from spinealign.radiograph.verdict import VertebraOutlines
from tests.examinations import LATERAL_NECK, WHOLE_SPINE
from tests.phantoms_column import SHAPE, column_model, draw_whole_spine
from tests.phantoms_xray import FilmModels, film_of, replace, turned

SPINE = draw_whole_spine()
NECK = draw_whole_spine("C2", "T1")
LYING = (SHAPE[1], SHAPE[0])


@pytest.fixture(scope="module")
def whole():
    """The drawn spine as it is found."""
    return outlined(SPINE)


def outlined(column, levels=COLUMN_LEVELS, **looks):
    return outline_vertebrae(column_model(column, **looks), film_of(column), levels)


def names(bodies):
    return [body.name for body in bodies]


def codes(found):
    return [caution.code for caution in found.cautions]


def corner_errors_px(found, column):
    errors = []
    for body in found.vertebrae:
        for name, truth in zip(CORNERS, column.named(body.level).corners, strict=True):
            mark = body.landmark(name)
            if mark is not None and np.isfinite(truth).all():
                errors.append(float(np.hypot(mark.x - truth[0], mark.y - truth[1])))
    return errors


def changed(column, level, change):
    bodies = (change(body) if body.level == level else body for body in column.bodies)
    return replace(column, bodies=tuple(bodies))


def stretched(body, x, y):
    middle, factor = body.outline.mean(axis=0), np.array([x, y])
    return replace(
        body,
        outline=middle + (body.outline - middle) * factor,
        corners=middle + (body.corners - middle) * factor,
    )


def test_every_body_from_c2_to_s1_is_named_with_its_corners(whole):
    found = whole
    assert names(found.vertebrae) == list(COLUMN_LEVELS)
    assert [body.index for body in found.vertebrae] == list(range(1, 25))
    assert found.facing == "left"
    assert found.facing_confidence > 0.8
    errors = corner_errors_px(found, SPINE)
    assert len(errors) == 2 + 22 * 4 + 2
    assert max(errors) < 1.5
    assert found.suggestions == ()
    assert found.cautions == ()


class OneSided:
    """Sees bone at the right of whatever it is shown."""

    name = "one-sided"

    def run(self, batch):
        across = np.linspace(-4, 4, batch.shape[2], dtype=np.float32)
        bone = np.broadcast_to(across, batch.shape[:3])
        logits = np.stack([-bone, -bone - 9, bone, -bone - 9], axis=-1)
        corners = np.repeat(bone[..., None], 4, axis=-1)
        return {"logits": logits, "corners": corners, "levels": corners[..., :2]}


@pytest.mark.parametrize(("is_averaged", "is_symmetric"), [(True, True), (False, False)])
def test_a_look_is_the_mean_over_the_film_and_its_mirror_image(is_averaged, is_symmetric):
    model = LoadedModel(column_model(NECK).card, OneSided())
    look = coarse_look(model, film_of(NECK), is_averaged=is_averaged)
    for seen in (look.bodies, look.corners, look.level):
        assert np.allclose(seen, seen[:, ::-1], atol=1e-5) is is_symmetric


@pytest.mark.parametrize("answer", [ValueError("dimensions"), {"logits": 0}])
def test_a_network_that_does_not_fit_its_card_is_an_error_of_the_model(answer):
    class Misfit(OneSided):
        def run(self, batch):
            if isinstance(answer, Exception):
                raise answer
            return answer

    with pytest.raises(ModelError):
        coarse_look(LoadedModel(column_model(NECK).card, Misfit()), film_of(NECK))


def test_mask_classes_and_outlines_tell_the_same(whole):
    found = whole
    mask, classes = found.segmentation.mask, found.segmentation.classes
    assert {value: name for value, name in classes.items() if value < 100} == dict(
        enumerate(("C2", "C3", "C4", "C5", "C6", "C7", "T1"), start=1)
    )
    assert classes[109] == "T2"
    assert classes[125] == "S1"
    assert set(np.unique(mask)) == {0, *classes}
    for value, body in zip(classes, found.vertebrae, strict=True):
        x, y = np.mean(body.outline, axis=0).astype(int)
        assert mask[y, x] == value
    assert found.segmentation.confidence[mask > 0].mean() > 0.9
    assert found.segmentation.confidence[mask == 0].mean() > 0.98


def test_of_s1_only_the_superior_corners_are_placed(whole):
    s1 = whole.vertebrae[-1]
    assert {mark.name for mark in s1.landmarks} == {
        LandmarkName.ANTERIOR_SUPERIOR,
        LandmarkName.POSTERIOR_SUPERIOR,
    }


@pytest.mark.parametrize(
    ("level", "confidence", "state"),
    [
        ("S1", 0.51, VertebraState.COMPLETE), ("S1", 0.49, VertebraState.HIDDEN),
        ("L5", 0.69, VertebraState.HIDDEN), (None, 0.51, VertebraState.HIDDEN),
    ],
)  # fmt: skip
def test_the_strip_of_s1_is_relied_on_from_a_confidence_of_its_own(level, confidence, state):
    square = np.array([[20.0, 20], [40, 20], [40, 40], [20, 40]])
    assert vertebra_of(square, (), confidence, (100, 100), level).state is state


def test_a_neck_film_names_what_its_examination_names():
    found = outlined(SPINE, LATERAL_NECK.levels)
    assert names(found.vertebrae) == list(LATERAL_NECK.levels)
    assert found.suggestions == ()
    assert set(found.segmentation.classes.values()) == set(LATERAL_NECK.levels)


@pytest.mark.parametrize(("degrees", "shape"), [(90, LYING), (180, SHAPE), (270, LYING)])
def test_up_is_where_the_corners_say_and_not_where_the_film_has_its_top(degrees, shape):
    column = turned(NECK, degrees, shape=shape)
    found = outlined(column)
    assert names(found.vertebrae) == ["C2", "C3", "C4", "C5", "C6", "C7", "T1"]
    assert found.facing == "left"
    assert max(corner_errors_px(found, column)) < 1.5
    x, y = column.named("C5").outline.mean(axis=0).astype(int)
    assert found.segmentation.mask[y, x] == 4


@pytest.mark.parametrize("squeeze", [(1.0, 0.4), (0.4, 1.0)])
def test_pixels_that_are_not_square_change_nothing(whole, squeeze):
    rows, cols = round(SHAPE[0] * squeeze[1]), round(SHAPE[1] * squeeze[0])
    column = SPINE.moved(np.column_stack([np.diag(squeeze), np.zeros(2)]), (rows, cols))
    film = replace(film_of(column), spacing_mm=(0.5 / squeeze[1], 0.5 / squeeze[0]))
    found = outline_vertebrae(column_model(column), film, COLUMN_LEVELS)
    assert names(found.vertebrae) == names(whole.vertebrae)
    assert found.facing == whole.facing
    assert max(corner_errors_px(found, column)) < 1.5
    mask = found.segmentation.mask
    assert mask.shape == found.segmentation.confidence.shape == column.shape
    for value, body in zip(found.segmentation.classes, found.vertebrae, strict=True):
        x, y = np.mean(body.outline, axis=0).astype(int)
        assert mask[y, x] == value


@pytest.mark.parametrize("missing", ["C4", "C7", "T6"])
def test_a_body_that_was_not_found_leaves_its_name_out(missing):
    found = outlined(SPINE.without(missing))
    assert names(found.vertebrae) == [level for level in COLUMN_LEVELS if level != missing]


def test_without_either_end_bodies_are_numbered_and_not_named():
    found = outlined(draw_whole_spine("T5", "T9"), spread=4.0)
    assert names(found.vertebrae) == [f"body {i}" for i in range(1, 6)]
    assert found.levels_uncertain
    assert codes(found)[0] is WarningCode.LEVELS_UNCERTAIN
    assert found.cautions[0].doubt is LevelUncertainty.NO_C2
    assert list(found.segmentation.classes) == [11, 12, 13, 14, 15]


def test_a_part_whose_levels_are_in_doubt_is_suggested_with_its_likeliest_levels():
    gap = {"C7", *(f"T{number}" for number in range(1, 13))}
    column = SPINE.without(*gap, "S1")
    model = column_model(column, spread=4.0)
    model.engine.levels_off = -2.0
    found = outline_vertebrae(model, film_of(column), COLUMN_LEVELS)
    assert names(found.vertebrae) == ["C2", "C3", "C4", "C5", "C6"]
    assert not found.levels_uncertain
    assert len(found.suggestions) == 5
    assert all(body.level in COLUMN_LEVELS for body in found.suggestions)
    assert WarningCode.BODIES_SUGGESTED in codes(found)
    for body in found.suggestions:
        x, y = np.mean(body.outline, axis=0).astype(int)
        assert found.segmentation.mask[y, x] == 0


def test_a_body_that_cannot_be_a_neighbour_is_suggested():
    found = outlined(changed(NECK, "C5", lambda body: stretched(body, 1.15, 0.4)))
    assert "C5" not in names(found.vertebrae)
    assert "C5" in names(found.suggestions)
    assert found.suggestions[0].index == len(found.vertebrae) + 1


def test_a_film_of_nothing_shows_nothing():
    found = outlined(SPINE.without(*COLUMN_LEVELS))
    assert found.vertebrae == found.suggestions == found.cautions == ()
    assert not found.segmentation.mask.any()


def test_a_body_at_the_border_is_cut_and_has_no_corners_there():
    rows = int(NECK.named("C6").outline[:, 1].mean())
    lowest = outlined(replace(NECK.without("C7", "T1"), shape=(rows, SHAPE[1])))
    assert lowest.vertebrae[-1].state is VertebraState.CUT
    assert all(mark.y < rows - 1.5 for mark in lowest.vertebrae[-1].landmarks)
    assert WarningCode.BODY_CUT in codes(lowest)


def test_the_program_s_analysis_carries_the_column_and_what_is_suggested():
    from spinealign.analysis import analyze_image
    from spinealign.domain.generators import run_to_end

    column = changed(NECK, "C5", lambda body: stretched(body, 1.15, 0.4))
    film = replace(film_of(column), possible_examinations=(WHOLE_SPINE,))
    analysis = run_to_end(analyze_image(film, FilmModels(column_model(column)), WHOLE_SPINE))
    assert "C5" in [body.level for body in analysis.suggestions]
    assert "C4" in [body.level for body in analysis.vertebrae]
    assert "C5" not in [region.name for region in analysis.regions]


def test_networks_of_the_whole_column_find_bodies():
    assert finds_bodies(column_model(NECK).card)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_points_go_where_the_pixels_go(whole, turns):
    rows, cols = 30, 20
    film = np.zeros((rows, cols))
    film[7, 12] = 1
    row, col = np.argwhere(np.rot90(film, turns))[0]
    body = replace(whole.vertebrae[1], outline=((col + 0.5, row + 0.5),), landmarks=())
    back = turned_back(VertebraOutlines(vertebrae=(body,)), turns, (rows, cols))
    assert back.vertebrae[0].outline == ((12.5, 7.5),)
