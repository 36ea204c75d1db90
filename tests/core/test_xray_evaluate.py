from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("sklearn")

from spinealign.domain.findings import Facing, Landmark, LandmarkName, LandmarkSource, Vertebra
from spinealign.domain.findings import VertebraState as State
from spinealign.training import xray_evaluate
from spinealign.training.xray_data import CORNERS, unknown_below
from spinealign.training.xray_evaluate import EvaluatedFilm, as_case, score_film, summarise
from tests.films import SIDE, ColumnShape, make_film


@dataclass(frozen=True)
class Answer:
    vertebrae: tuple[Vertebra, ...]
    facing: Facing | None = Facing.RIGHT


def perfect(case: EvaluatedFilm, rename=lambda level: level, shift=0.0):
    """An outliner that knows the truth, its names and corners changed as told."""

    def outline(image):
        assert image.pixels.shape == case.pixels.shape
        found = []
        for index, body in enumerate(case.bodies, start=1):
            marks = tuple(
                Landmark(LandmarkName(n), x + shift, y, 0.9, LandmarkSource.NETWORK)
                for n, (x, y) in zip(CORNERS, body.corners, strict=True)
                if np.isfinite(x)
            )
            points = tuple((float(x), float(y)) for x, y in body.outline)
            level = rename(body.level)
            found.append(Vertebra(level, index, points, marks, 0.9, State.COMPLETE))
        return Answer(tuple(found))

    return outline


def nothing(image):
    return Answer(())


def test_a_perfect_answer_scores_perfectly():
    case = as_case(make_film())
    figures = summarise([score_film(perfect(case), case)])
    assert figures["dice_all_bodies"]["value"] == 1
    assert figures["dice_per_level"]["value"] == 1
    assert figures["corner_error_p90"]["value"] == 0
    assert figures["films_named_right"]["value"] == 1
    assert figures["corners_not_placed"] == 0


def test_an_empty_answer_scores_nothing():
    case = as_case(make_film())
    score = score_film(nothing, case)
    assert score.dice == 0
    assert not score.names_right
    assert score.corners_missing == 2 + 3 * 4
    figures = summarise([score])
    assert figures["corner_error_median"] is None
    assert figures["corners_not_placed"] == 1


def test_wrong_and_withheld_names_are_told_apart():
    case = as_case(make_film())
    wrong = score_film(perfect(case, {"C2": "C2", "C3": "C4", "C4": "C5", "C5": "C6"}.get), case)
    open_ = score_film(perfect(case, lambda level: None), case)
    assert (wrong.wrong_names, wrong.unnamed, wrong.names_right) == (3, 0, False)
    assert (open_.wrong_names, open_.unnamed, open_.names_right) == (0, 4, False)
    assert wrong.dice == open_.dice == 1
    assert wrong.level_dice["C3"] == 0


def test_corner_errors_are_shares_of_the_body_height():
    case = as_case(make_film())
    score = score_film(perfect(case, shift=0.1 * SIDE), case)
    assert [e for e, _ in score.corner_errors] == pytest.approx([0.1] * 14)


def test_bodies_where_the_truth_is_unknown_count_neither_way():
    longer = make_film(ColumnShape(("C2", "C3", "C4", "C5")))
    known = longer.bodies[:3]
    case = EvaluatedFilm("cut", longer.pixels, known, unknown_below(known))
    assert score_film(perfect(as_case(longer)), case).dice == 1


@pytest.mark.parametrize("name", list(xray_evaluate.variants(np.random.default_rng(0))))
def test_truth_follows_every_variant(name):
    film = make_film()
    changed = xray_evaluate.variants(np.random.default_rng(0))[name](as_case(film))
    body = changed.bodies[2]
    x, y = body.outline.mean(axis=0)
    gap = (changed.bodies[2].corners[2:].mean(0) + changed.bodies[3].corners[:2].mean(0)) / 2
    inside = float(changed.pixels[int(y), int(x)])
    between = float(changed.pixels[int(gap[1]), int(gap[0])])
    assert inside > between + 10
    score = score_film(perfect(changed), changed)
    assert score.dice == 1


def test_false_outlines_are_counted():
    picture = np.zeros((40, 40), np.uint8)
    found = perfect(EvaluatedFilm("", picture, make_film().bodies, np.zeros((4, 2))))
    assert xray_evaluate.falsely_outlined(found, [picture]) == {"pictures": 1, "outlined": 1}
    assert xray_evaluate.falsely_outlined(nothing, [picture]) == {"pictures": 1, "outlined": 0}


def test_the_contact_sheet_shows_the_worst_first():
    case = as_case(make_film())
    scores = [score_film(perfect(case), case), score_film(nothing, case)]
    sheet = xray_evaluate.contact_sheet(scores, tile_px=100)
    assert sheet.shape == (100, 400, 3)
    red = (sheet[..., 2] > 200) & (sheet[..., 1] < 120)
    assert not red[:, :100].any()
    assert red[:, 100:200].any()
