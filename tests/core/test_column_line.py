"""Levels and lines of a column from pieces that a network might see."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from spinealign.measure.outlines.bodies import Blob
from spinealign.measure.outlines.corners import Peak
from spinealign.radiograph.candidates import _seen_height
from spinealign.radiograph.column_levels import name_line, pitch_factor
from spinealign.radiograph.column_line import (
    FREE_LINE,
    GUIDED_LINE,
    best_line,
    distance_to_line,
    level_along,
    sharp_places,
)
from spinealign.radiograph.looks import COLUMN_LEVELS, FIRST_LEVEL_NUMBER
from spinealign.radiograph.whole_column import _is_weak

PITCH = {"C": 1.29, "T": 1.20, "L": 1.28}


@dataclass(frozen=True)
class Piece:
    """What `best_line` and `name_line` ask of a candidate."""

    name: str
    centre: np.ndarray
    height: float
    level: float
    spread: float = 0.8
    worth: float = 0.9
    is_c2: bool = False
    is_s1: bool = False


def column(first="C2", last="S1", bias=0.0, spread=0.8, factor=1.0):
    """Bodies 47 px high in the neck, 100 in the lumbar part; levels seen are off by `bias`."""
    pieces, y = [], 0.0
    heights = [*[47.0] * 5, 52.0, *np.linspace(56, 91, 12), *[100.0] * 6]
    for place, (name, height) in enumerate(zip(COLUMN_LEVELS, heights, strict=True)):
        x = 300 + 60 * np.sin(place / 4)
        level = place + FIRST_LEVEL_NUMBER + bias
        ends = {"is_c2": name == "C2", "is_s1": name == "S1"}
        pieces.append(Piece(name, np.array([x, y]), height, level, spread, **ends))
        y += height * factor * PITCH.get(name[0], 1.28)
    names = [piece.name for piece in pieces]
    return pieces[names.index(first) : names.index(last) + 1]


def named(chain):
    return [COLUMN_LEVELS[number - FIRST_LEVEL_NUMBER] for number in name_line(chain).numbers]


def all_sure(chain):
    names = name_line(chain)
    return all(names.is_sure(place) for place in range(len(chain)))


def names_of(pieces):
    return [piece.name for piece in pieces]


@pytest.mark.parametrize("bias", [-1.4, 0.0, 1.4])
def test_ends_of_the_column_outweigh_what_the_network_takes_levels_for(bias):
    chain = column(bias=bias)
    assert named(chain) == names_of(chain)
    assert all_sure(chain)


@pytest.mark.parametrize("missing", [("C5",), ("T1", "T2", "T3"), ("T1", "T2", "T3", "T4", "T5")])
def test_bodies_that_were_not_found_are_counted_by_their_room(missing):
    chain = [piece for piece in column(last="L5") if piece.name not in missing]
    assert named(chain) == names_of(chain)


@pytest.mark.parametrize("factor", [0.92, 1.12])
def test_high_discs_do_not_shift_names(factor):
    chain = [p for p in column(last="L5", factor=factor) if p.name not in ("T1", "T2", "T3")]
    assert named(chain) == names_of(chain)


def test_without_either_end_nor_a_sure_network_names_are_in_doubt():
    chain = column("T5", "T9", bias=0.5, spread=4.0)
    names = name_line(chain)
    assert not any(names.is_sure(place) for place in range(len(chain)))


def test_a_sure_network_names_a_part_of_the_column():
    chain = column("C4", "C7", spread=0.35)
    assert named(chain) == names_of(chain)
    assert all_sure(chain)


def test_a_line_leaves_out_what_lies_beside_the_column():
    pieces = column()
    beside = [
        replace(p, name="stray", centre=p.centre + p.height * np.array([-2.2, 0.3]), worth=0.8)
        for p in pieces[2:16:5]
    ]
    assert names_of(best_line([*beside, *pieces])) == names_of(pieces)


def test_a_line_goes_on_behind_the_shoulders():
    pieces = [p for p in column() if p.name not in ("T1", "T2", "T3", "T4")]
    assert names_of(best_line(pieces)) == names_of(pieces)


def test_c2_has_nothing_above_and_the_sacrum_nothing_below():
    pieces = column("C2", "C7")
    skull = replace(pieces[1], name="skull", centre=pieces[0].centre - np.array([0, 60.0]))
    assert names_of(best_line([skull, *pieces])) == names_of(pieces)


def test_no_pieces_make_no_line():
    assert best_line([]) == []


def test_the_pitch_of_one_column_is_its_own():
    assert pitch_factor([1.29 * 1.1] * 4, [3, 4, 5, 6]) == pytest.approx(1.1)
    assert pitch_factor([5.0], [3]) == 1.0


@pytest.mark.parametrize(("first", "last"), [("C2", "C7"), ("C2", "S1"), ("C3", "C4")])
def test_sharp_looks_cover_the_line_and_its_ends(first, last):
    pieces = column(first, last)
    places = list(sharp_places(pieces))
    for piece in pieces:
        inside = [np.abs(piece.centre - c).max() / h < 3.7 for c, h in places]
        assert any(inside), piece.name
    for end in (pieces[0], pieces[-1]):
        centre, height = min(places, key=lambda p: np.hypot(*(p[0] - end.centre)))
        assert abs(centre[1] - end.centre[1]) < 2.4 * height


def test_heights_tell_a_lumbar_from_a_cervical_part_of_the_same_film():
    """The network takes the lumbar bodies for cervical ones, as an untrained one did."""
    pieces = [p for p in column() if not p.name.startswith("T")]
    fooled = [
        replace(p, level=p.level - 17, spread=2.5) if p.name[0] in "LS" else p for p in pieces
    ]
    assert named(fooled) == names_of(pieces)


def test_distance_from_a_line_goes_on_beyond_its_ends():
    first = Piece("a", np.array([100.0, 100.0]), 40, 5)
    line = [first, replace(first, centre=np.array([100.0, 200.0]))]
    assert distance_to_line(line, np.array([130.0, 150.0])) == pytest.approx(30)
    assert distance_to_line(line, np.array([120.0, 400.0])) == pytest.approx(20)
    assert distance_to_line(line[:1], np.array([90.0, 400.0])) == pytest.approx(10)


def test_what_a_sharp_look_takes_for_c2_far_below_is_another_body():
    line = column("C2", "L5")
    place = line[18].centre
    level, spread = level_along(line, place + 5)
    assert level == pytest.approx(line[18].level, abs=0.3)
    assert spread < 1.5


def test_levels_go_on_beyond_the_ends_of_a_line_and_are_less_sure():
    line = column("C4", "C7")
    last = line[-1]
    level, spread = level_along(line, last.centre + np.array([0, 2 * 1.25 * last.height]))
    assert level == pytest.approx(last.level + 2, abs=0.3)
    assert spread > last.spread + 0.8


def test_neck_and_lumbar_part_are_named_across_a_thorax_that_was_not_seen():
    pieces = [p for p in column(last="L5") if p.name[0] in "CL" and p.name != "C7"]
    unsure = [replace(p, spread=4.0) for p in pieces]
    assert named(unsure) == names_of(pieces)


def test_a_part_that_might_lie_one_level_higher_keeps_no_names_and_the_other_part_does():
    pieces = [p for p in column(last="L5") if p.name[0] in "CL" and p.name != "C7"]
    off = [replace(p, spread=4.0, level=p.level - 2 * (p.name[0] == "L")) for p in pieces]
    names = name_line(off)
    sure = [p.name for place, p in enumerate(off) if names.is_sure(place)]
    assert sure == ["C2", "C3", "C4", "C5", "C6"]


def test_a_body_s_height_is_not_taken_from_wrong_corners():
    rows, cols = np.mgrid[100:148, 100:160] + 0.5
    body = Blob(1, np.stack([cols.ravel(), rows.ravel()], axis=1), 0.9, 0.0)

    def peaks(height_px):
        ends = [(160, 100), (100, 100), (100, 100 + height_px), (160, 100 + height_px)]
        return tuple(Peak(np.array(end, float), 0.9) for end in ends)

    assert _seen_height(body, peaks(50.0)) == pytest.approx(50, abs=3)
    for wrong in (20.0, 120.0):
        assert _seen_height(body, peaks(wrong)) == pytest.approx(48, abs=5)


def test_a_neck_keeps_its_names_where_the_room_below_speaks_for_lower_ones():
    pieces = column()
    room = sum(p.height * PITCH["T"] for p in pieces if p.name in ("T1", "T2", "T3"))
    neck = [
        replace(p, centre=p.centre + np.array([0, room]), spread=4.0) for p in column("C2", "C7")
    ]
    chain = [*neck, *column("T9", "S1")]
    assert named(chain) == names_of(chain)
    assert all_sure(chain)


def test_a_low_body_a_little_beside_the_line_is_kept_where_the_line_is_known():
    pieces = [replace(p, worth=0.72) for p in column("C2", "T2")]
    shifted = replace(
        pieces[5], height=0.8 * pieces[5].height, centre=pieces[5].centre + np.array([16, 0])
    )
    chain = [*pieces[:5], shifted, *pieces[6:]]
    assert names_of(best_line(chain, GUIDED_LINE)) == names_of(chain)
    assert names_of(best_line(chain, replace(GUIDED_LINE, bend=FREE_LINE.bend))) != names_of(chain)


def chain_of(seen, s1):
    """Pieces from name, x, y, height, level and spread; the one named `s1` looks like S1."""
    return [
        Piece(name, np.array([x, y]), height, level, spread, 0.9, name == "C2", name == s1)
        for name, x, y, height, level, spread in seen
    ]


def with_s2_taken_for_s1(spread):
    """A column without T2 to T5 whose S1 is taken for a body, and S2 for S1."""
    pieces = [replace(p, spread=spread) for p in column() if p.name not in ("T2", "T3", "T4", "T5")]
    s1 = replace(pieces[-1], is_s1=False, level=24.0)
    below = s1.centre + np.array([0, 1.2 * s1.height])
    s2 = replace(pieces[-1], name="S2", centre=below, level=23.5)
    return [*pieces[:-1], s1, s2]


@pytest.mark.parametrize("spread", [1.5, 3.0])
def test_what_is_taken_for_s1_may_be_s2(spread):
    chain = with_s2_taken_for_s1(spread)
    names = name_line(chain)
    told = [names.level(i) if names.is_sure(i) else None for i in range(len(chain))]
    assert told[:7] == ["C2", "C3", "C4", "C5", "C6", "C7", "T1"]
    assert told[7:] == [None] * len(told[7:])
    right = name_line([p for p in column() if p.name not in ("T2", "T3", "T4", "T5")])
    assert all(right.is_sure(i) for i in range(20))


def test_s1_that_looks_like_s1_leaves_the_names_above_it():
    chain = [p for p in column() if p.name not in ("T1", "T2", "T3", "T4", "T5", "T6")]
    assert named(chain) == names_of(chain)
    assert all_sure(chain)


def test_a_body_at_the_place_of_two_keeps_no_name_and_the_others_keep_theirs():
    pieces = [p for p in column() if p.name not in ("T1", "T2", "T3")]
    upper, lower = (next(p for p in pieces if p.name == name) for name in ("T5", "T6"))
    merged = replace(
        upper,
        name="T5 and T6",
        centre=(upper.centre + lower.centre) / 2,
        level=(upper.level + lower.level) / 2,
    )
    chain = [merged if p is upper else p for p in pieces if p is not lower]
    names = name_line(chain)
    sure = [p.name for place, p in enumerate(chain) if names.is_sure(place)]
    assert sure == [p.name for p in chain if p is not merged]
    assert [names.level(place) for place, p in enumerate(chain) if p is not merged] == sure


def test_s2_below_a_missing_s1_gives_no_names_to_the_bodies_above_it():
    """On one film S1 was not found, and the body below it looks like S1."""
    seen = [
        ("C2", 765, 440, 48.6, 2.0, 0.36),
        ("C3", 763, 511, 48.6, 3.1, 0.35),
        ("C4", 747, 575, 50.3, 4.0, 0.35),
        ("C5", 718, 631, 48.4, 5.2, 0.35),
        ("C7", 666, 736, 60.8, 7.0, 0.53),
        ("T1", 615, 788, 61.5, 7.1, 0.68),
        ("T2", 552, 843, 107.2, 7.8, 0.89),
        ("T5", 425, 1005, 94.6, 12.9, 1.65),
        ("T6", 374, 1079, 91.2, 12.5, 1.60),
        ("T8", 344, 1198, 100.9, 12.7, 1.59),
        ("T10", 364, 1405, 117.1, 16.4, 1.45),
        ("T12", 422, 1562, 116.4, 20.9, 1.08),
        ("L1", 473, 1689, 104.8, 21.8, 0.86),
        ("L2", 517, 1814, 106.4, 22.2, 0.78),
        ("L3", 544, 1937, 108.1, 22.2, 0.79),
        ("L4", 560, 2063, 106.4, 22.3, 0.81),
        ("L5", 551, 2187, 103.0, 22.7, 0.79),
        ("S2", 459, 2405, 104.8, 24.8, 0.85),
    ]
    chain = chain_of(seen, s1="S2")
    names = name_line(chain)
    lower = names_of(chain).index("T10")
    assert all(names.is_sure(place) for place in range(4))
    assert not any(names.is_sure(place) for place in range(lower, len(chain)))


def test_without_s1_no_names_are_told_below_a_gap_behind_the_shoulders():
    """A film that ends above L4: twelve bodies had names one level too low."""
    chain = [p for p in column(last="L3") if p.name not in ("T1", "T3", "T4")]
    names = name_line(chain)
    told = [p.name for place, p in enumerate(chain) if names.is_sure(place)]
    assert told == ["C2", "C3", "C4", "C5", "C6", "C7"]
    whole = [p for p in column() if p.name not in ("T1", "T3", "T4")]
    assert all(name_line(whole).is_sure(place) for place in range(6))
    assert name_line(whole).is_sure(len(whole) - 1)


def test_two_bodies_seen_as_one_leave_no_name_to_what_lies_below_them():
    """On one dark film C5 and C6 were one, and C7 was counted as C6."""
    seen = [
        ("C2", 335, 248, 47.4, 2.1, 0.36),
        ("C3", 314, 306, 47.4, 3.0, 0.35),
        ("C4", 301, 367, 48.1, 4.0, 0.36),
        ("C5", 259, 450, 53.4, 5.0, 0.39),
        ("C7", 238, 532, 56.2, 6.4, 0.42),
    ]
    names = name_line(chain_of(seen, s1=None))
    assert [names.is_sure(place) for place in range(5)] == [True, True, True, False, False]


def test_an_unbroken_neck_keeps_names_that_the_network_takes_for_lower_ones():
    """On one film C5 to C7 seem to lie a level too low, and L5 was taken for S1."""
    seen = [
        ("C2", 639, 318, 62.6, 2.1, 0.35),
        ("C3", 624, 390, 56.4, 3.2, 0.35),
        ("C4", 608, 457, 51.7, 4.5, 0.35),
        ("C5", 594, 527, 58.1, 6.1, 0.39),
        ("C6", 585, 590, 59.0, 7.0, 0.50),
        ("C7", 566, 653, 68.7, 8.1, 1.02),
        ("T1", 524, 749, 71.6, 12.1, 1.95),
        ("T3", 486, 851, 69.4, 13.2, 2.32),
        ("T7", 400, 1188, 91.0, 16.6, 1.51),
        ("T8", 414, 1289, 102.7, 17.7, 1.57),
        ("T11", 469, 1539, 99.9, 21.6, 1.07),
        ("T12", 504, 1683, 111.8, 21.8, 0.94),
        ("L1", 540, 1804, 110.5, 21.7, 0.91),
        ("L2", 564, 1946, 114.3, 21.7, 0.95),
        ("L3", 571, 2090, 114.3, 21.8, 1.11),
        ("L4", 541, 2225, 107.6, 22.9, 0.98),
        ("L5", 493, 2360, 107.6, 25.3, 0.98),
    ]
    chain = chain_of(seen, s1="L5")
    names = name_line(chain)
    assert [names.level(place) for place in range(6)] == names_of(chain)[:6]
    sure = [piece.name for place, piece in enumerate(chain) if names.is_sure(place)]
    assert sure == names_of(chain)[:6]


def test_what_shoulders_and_ribs_make_is_suggested_and_pale_lumbar_bodies_are_outlined():
    pale = Piece("T4", np.zeros(2), 60.0, 10.0, worth=0.55)
    assert _is_weak(pale, "T4")
    assert not _is_weak(replace(pale, worth=0.65), "T4")
    assert not any(_is_weak(pale, level) for level in ("C7", "L5", "S1"))
