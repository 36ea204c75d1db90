"""Tables of answers that cannot be right: one sentence each, with the row and what to do."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("sklearn")

from spinealign.cli.main import run_command
from spinealign.domain.errors import AnswersError
from spinealign.evaluation.answering_points import read_points
from spinealign.evaluation.table_checks import _against_threshold, number_of
from spinealign.evaluation.tables import Wanted, read_answers

GRADES = Wanted(order=("1", "2", "3"))


def table(tmp_path, columns, *rows):
    path = tmp_path / "answers.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return path


def refused(path, wanted=None):
    with pytest.raises(AnswersError) as error:
        read_answers(path, wanted or Wanted(positive="b"))
    return str(error.value)


def test_an_equal_row_counts_once_and_is_told(tmp_path):
    columns = ["", "image", "patient", "truth", "score"]
    rows = [("0", "x", "p", "a", "0.1"), ("1", "y", "q", "b", "0.8"), ("2", "x", "p", "a", "0.1")]
    found = read_answers(table(tmp_path, columns, *rows), Wanted(positive="b"))
    assert found.cases.images == ("x", "y")
    assert found.left_out == ()
    assert found.cautions == (
        "Row 4 repeats row 2 (“x”); 1 repetition in all, counted once. Look whether another "
        "picture was meant.",
    )
    numbers = table(tmp_path, ["image", "truth", "measured"], ("x", 1, 2), ("y", 2, 3), ("x", 1, 2))
    measured = read_answers(numbers, Wanted(is_measured=True))
    assert len(measured.cases) == 2
    assert measured.cautions[0].startswith("Row 4 repeats row 2")


@pytest.mark.parametrize(
    "other", [("x", "p", "b", "0.1"), ("x", "p", "a", "0.2"), ("x", "q", "a", "0.1")]
)
def test_rows_that_tell_different_things_of_one_picture_are_refused(tmp_path, other):
    path = table(
        tmp_path, ["image", "patient", "truth", "score"], ("x", "p", "a", "0.1"),
        ("y", "q", "b", "0.8"), other,
    )  # fmt: skip
    assert refused(path).startswith("rows 2 and 4 of “answers.csv” both tell of “x”, and differ")


def test_rows_that_a_further_column_tells_apart_are_cases_of_their_own(tmp_path):
    path = table(
        tmp_path, ["image", "level", "truth", "measured"], ("x", "L4", 1, 2), ("x", "L5", 3, 4),
        ("x", "L5", 3, 4),
    )  # fmt: skip
    found = read_answers(path, Wanted(is_measured=True))
    assert len(found.cases) == 2
    assert len(found.cautions) == 1
    # Without names of pictures equal rows may be of two of them.
    unnamed = table(tmp_path, ["truth", "measured"], (1, 2), (1, 2))
    assert len(read_answers(unnamed, Wanted(is_measured=True)).cases) == 2


def many(wrong):
    """Return 20 rows of which `wrong` decide against their probability."""
    rows = [(f"i{k}", "ab"[k % 2], "ab"[k % 2], 0.8 if k % 2 else 0.1) for k in range(20)]
    return [(i, t, "ab"[d == "a"] if k < wrong else d, p) for k, (i, t, d, p) in enumerate(rows)]


def test_a_class_against_its_probability_is_told_and_many_are_refused(tmp_path):
    columns = ["image", "truth", "predicted", "probability_b"]
    assert read_answers(table(tmp_path, columns, *many(0)), Wanted()).cautions == ()
    (told,) = read_answers(table(tmp_path, columns, *many(2)), Wanted()).cautions
    assert told.startswith("Row 2 of “answers.csv” (“i0”) says “b” at a probability of 0.1, which")
    assert "2 such rows of 20." in told
    told = refused(table(tmp_path, columns, *many(3)))
    assert told.startswith("in 3 of 20 rows of “answers.csv” decision and probabilities contradict")
    assert "row 2 (“i0”) says “b” at a probability of 0.1; look whether columns are swapped" in told
    # Another threshold than 0.5 decides just as well.
    other = [(i, t, "b" if p > 0.05 else "a", p) for i, t, _, p in many(0)]
    assert read_answers(table(tmp_path, columns, *other), Wanted()).cautions == ()


@pytest.mark.parametrize(
    ("score", "positive", "wrong"),
    [
        ([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], [0, 0, 0, 0]),
        ([0.4, 0.3, 0.2, 0.1], [1, 1, 0, 0], [0, 0, 0, 0]),
        ([0.1, 0.2, 0.3, 0.4], [1, 0, 1, 1], [0, 1, 0, 0]),
        ([0.5, 0.5, 0.5, 0.6], [0, 0, 1, 1], [0, 0, 1, 0]),
        ([0.1, 0.2], [0, 0], [0, 0]),
        ([0.1, 0.2], [1, 1], [0, 0]),
    ],
)
def test_the_fewest_rows_lie_on_the_wrong_side_of_some_threshold(score, positive, wrong):
    found = _against_threshold(np.array(score), np.array(positive, bool))
    assert found.tolist() == [bool(each) for each in wrong]


def test_of_several_classes_the_likeliest_counts_and_of_grades_the_median_too(tmp_path):
    columns = ["image", "truth", "predicted", "p_1", "p_2", "p_3"]
    rows = [("x", "1", "1", 0.6, 0.3, 0.1), ("y", "2", "2", 0.45, 0.1, 0.45)]
    rows += [(f"z{k}", "3", "3", 0.1, 0.2, 0.7) for k in range(10)]
    path = table(tmp_path, columns, *rows)
    assert read_answers(path, GRADES).cautions == ()
    (told,) = read_answers(path, Wanted()).cautions
    assert told.startswith("Row 3 of “answers.csv” (“y”) says “2” at a probability of 0.1")


def test_probabilities_that_do_not_add_up_name_their_row(tmp_path):
    path = table(
        tmp_path, ["truth", "p_a", "p_b"], ("a", 0.9, 0.1), ("b", 0.9, 0.6), ("a", 0.5, 0.5)
    )
    told = refused(path)
    assert told.startswith("in row 3 of “answers.csv” the probabilities of all classes add up to ")
    assert "1.5, not 1;" in told
    percent = table(tmp_path, ["truth", "score"], ("a", 0.2), ("b", 93))
    assert "the number 93 for a probability in row 3" in refused(percent)
    assert "divide percent by 100" in refused(percent)


@pytest.mark.parametrize("text", ["23.5", "23,5"])
def test_numbers_are_no_classes(tmp_path, text):
    path = table(tmp_path, ["truth", "predicted"], ("21", "22"), (text, "24"))
    told = refused(path, Wanted())
    assert f"the number “{text}” in the column “truth” of row 3, where a class is" in told
    assert "--numbers" in told
    decided = table(tmp_path, ["truth", "predicted"], ("a", "0.2"), ("b", "0.9"))
    assert "“0.2” in the column “predicted” of row 2" in refused(decided)
    degrees = table(tmp_path, ["truth", "predicted"], *((k, k) for k in range(30)))
    assert "the number “20” in the column “truth” of row 22" in refused(degrees, Wanted())
    two = table(tmp_path, ["truth", "predicted"], ("1", "1.0"), ("0", "0"))
    assert "“1” and, in row 2, “1.0”" in refused(two, Wanted())
    grades = table(tmp_path, ["truth", "predicted"], ("0", "1"), ("1", "2"), ("2", "2"))
    assert read_answers(grades, Wanted()).cases.classes == ("0", "1", "2")
    halves = table(tmp_path, ["truth", "predicted"], ("0.5", "1.5"), ("1.5", "1.5"))
    assert len(read_answers(halves, Wanted(order=("0.5", "1.5"))).cases) == 2


def test_a_decimal_comma_gets_a_hint(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("image;truth;measured\nx;1,5;2,5\ny;2;3\n")
    told = refused(path, Wanted(is_measured=True))
    assert told == (
        "“t.csv” has “1,5” in row 2 where a number is expected; write decimals with a point: 1.5"
    )
    path.write_text("image,truth,measured\nx,1,2\n\ny,1,5,2,5\n")
    assert refused(path, Wanted(is_measured=True)) == (
        "row 4 of “t.csv” has 5 cells, and there are 3 columns; decimals with a comma must be in "
        "quotes, or cells parted by semicolons"
    )
    path.write_text("image,truth,measured\nx,1,2\ny,1\n")
    told = refused(path, Wanted(is_measured=True))
    assert told == "row 3 of “t.csv” has 2 cells, and there are 3 columns"
    path.write_text("image,truth,measured\n\nx,1,2\ny,1,much\n")
    told = refused(path, Wanted(is_measured=True))
    assert told == "“t.csv” has “much” in row 4 where a number is expected"
    path.write_text("image,point,truth_x,truth_y,x,y\na,p,1,2,3,4\nb,p,1,2,3,4,5\n")
    with pytest.raises(AnswersError, match=r"row 3 of “t\.csv” has 7 cells"):
        read_points(path)
    assert (number_of("1,5"), number_of("-2"), number_of("1,500,000"), number_of("nan")) == (
        1.5, -2.0, None, None,
    )  # fmt: skip


def test_what_is_odd_but_harmless_stands_before_the_figures_of_the_report(tmp_path, capsys):
    rows = [*many(1), many(1)[5]]
    path = table(tmp_path, ["image", "truth", "predicted", "probability_b"], *rows)
    assert run_command(["evaluate", str(path), "--out", str(tmp_path / "out")]) == 0
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert [text[:12] for text in told["cautions"]] == ["Row 22 repea", "Row 2 of “an"]
    assert told["pictures"] == 20
    assert "Row 22 repeats row 7" in capsys.readouterr().out
    assert "Row 22 repeats row 7" in (tmp_path / "out" / "evaluation.html").read_text()
