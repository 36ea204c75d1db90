"""Two batches compared: what is the same image, what differs, and how far measures agree."""

import csv
import json
import math
from pathlib import Path

import pytest

from spinealign.batch.listing import BatchItem
from spinealign.batch.options import UsedModel
from spinealign.batch.state import STATE_NAME, BatchState, ItemStatus, Outcome
from spinealign.cli.main import run_command
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.evaluation.batch_pages import comparison_html, write_comparison
from spinealign.evaluation.batch_runs import compare_batches
from spinealign.wording.batch_comparison import COMPARED_COLUMNS

COBB, SLOPE, RATIO = "cobb_c2_c7", "t1_slope", "body_height_ratio"


def measure(code, value, width=2.0, unit="deg"):
    interval = None if value is None or width is None else [value - width / 2, value + width / 2]
    return {
        "code": code, "name": code.title(), "levels": ["C2", "C7"], "value": value, "unit": unit,
        "interval": interval, "reason": "" if value is not None else "Not in the picture.",
    }  # fmt: skip


def done(sha256, *measures, place=None):
    record = {
        "input": {"sha256": sha256, "place": place}, "headline": f"Result of {sha256}",
        "measures": list(measures), "models": [], "examination": "lateral_neck_radiograph",
    }  # fmt: skip
    return Outcome(ItemStatus.DONE, record=json.dumps(record))


FAILED = Outcome(ItemStatus.FAILED, "It is <damaged>.", "Copy it.")


def batch(folder, version, model, **outcomes):
    """Write a batch; an image's identity is its key, its path the key without what follows "__"."""
    folder.mkdir()
    state = BatchState(folder / STATE_NAME)
    paths = {name: Path("/films") / f"{name.partition('__')[0]}.png" for name in outcomes}
    items = [BatchItem(name, path, path) for name, path in paths.items()]
    state.begin(items, f"{version}\n", {"film": UsedModel(f"abc {model}", ())})
    for name, outcome in outcomes.items():
        state.note(name, outcome)
    state.close()
    return folder


@pytest.fixture
def runs(tmp_path):
    first = batch(
        tmp_path / "one", "1.0", "3",
        same=done("s", measure(COBB, 10.0), measure(SLOPE, 5.0)),
        moved=done("m", measure(COBB, 20.0)), edited__1=done("e1", measure(COBB, 30.0)),
        broken=done("b", measure(COBB, 1.0)), gone=FAILED,
        twin_a=done("t"), twin_b=done("t"),
    )  # fmt: skip
    second = batch(
        tmp_path / "two", "2.0", "4",
        same=done("s", measure(COBB, 10.0), measure(SLOPE, None)),
        elsewhere=done("m", measure(COBB, 23.0)), edited__2=done("e2", measure(COBB, 29.0, 8.0)),
        broken=FAILED, new=done("n"), twin_c=done("t"),
    )  # fmt: skip
    return first, second


def test_images_are_the_same_by_file_then_content_then_path(runs):
    found = compare_batches(*runs)
    told = {(image.path.stem, image.place) for image in found.images}
    assert told == {
        ("same", "both"), ("elsewhere", "both"), ("edited", "both"), ("broken", "both"),
        ("gone", "first"), ("new", "second"), ("twin_a", "first"), ("twin_b", "first"),
        ("twin_c", "second"),
    }  # fmt: skip
    assert found.counts() == (4, 3, 2, 1, 4)
    assert [(run.program_version, dict(run.models), run.images) for run in found.runs] == [
        ("1.0", {"film": "3"}, 7), ("2.0", {"film": "4"}, 6),
    ]  # fmt: skip


def test_differences_are_second_minus_first_and_the_largest_of_their_intervals_come_first(runs):
    told = [
        (one.path.stem, one.key[0], one.difference, one.times)
        for one in compare_batches(*runs).worst
    ]
    assert told[:2] == [("elsewhere", COBB, 3.0, 3.0), ("edited", COBB, -1.0, 0.25)]
    assert set(told[2:]) == {("broken", COBB, None, None), ("same", SLOPE, None, None)}


def test_agreement_is_that_of_bland_and_altman(runs):
    [cobb, *others] = sorted(compare_batches(*runs).agreements, key=lambda one: -one.pairs)
    assert (cobb.code, cobb.pairs, cobb.alike, cobb.largest) == (COBB, 3, 1, 3.0)
    differences = (0.0, 3.0, -1.0)
    bias = sum(differences) / 3
    spread = math.sqrt(sum((one - bias) ** 2 for one in differences) / 2)
    assert cobb.figures["bias"] == pytest.approx(bias)
    assert cobb.figures["standard_deviation"] == pytest.approx(spread)
    assert cobb.figures["limit_low"] == pytest.approx(bias - 1.96 * spread)
    assert cobb.figures["limit_high"] == pytest.approx(bias + 1.96 * spread)
    assert cobb.one_only == 1
    assert [(one.code, one.pairs, one.one_only) for one in others] == [(SLOPE, 0, 1)]


def test_values_in_two_units_have_no_difference(tmp_path):
    first = batch(tmp_path / "one", "1", "1", a=done("a", measure(COBB, 10.0, unit="mm")))
    second = batch(tmp_path / "two", "1", "1", a=done("a", measure(COBB, 10.0, unit="px")))
    found = compare_batches(first, second)
    [one] = found.worst
    assert (one.difference, one.unit, found.images[0].alike) == (None, "", 0)
    assert [agreement.pairs for agreement in found.agreements] == [0]


def test_ratios_have_no_unit_and_are_compared(tmp_path):
    first = batch(tmp_path / "one", "1", "1", a=done("a", measure(RATIO, 0.9, 0.1, unit="")))
    same = batch(tmp_path / "two", "1", "1", a=done("a", measure(RATIO, 0.9, 0.1, unit="")))
    found = compare_batches(first, same)
    assert found.worst == []
    assert [(one.pairs, one.alike, one.one_only) for one in found.agreements] == [(1, 1, 0)]
    other = batch(tmp_path / "three", "1", "1", a=done("a", measure(RATIO, 0.8, 0.1, unit="")))
    [one] = compare_batches(first, other).worst
    assert one.difference == pytest.approx(-0.1)
    assert not one.has_two_units


def test_tables_and_page_say_it_and_every_column_has_a_meaning(runs, tmp_path, capsys):
    out = tmp_path / "out"
    assert run_command(["compare-batches", *map(str, runs), "--out", str(out)]) == 0
    assert "4 images in both, 3 only in the first, 2 only in the second" in capsys.readouterr().out
    tables = {
        path.stem: list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        for path in out.glob("*.csv")
    }
    images = {Path(row["path"]).stem: row for row in tables["compared_images"]}
    broken = images["broken"]
    assert (broken["first_status"], broken["second_status"]) == ("done", "failed")
    assert (images["gone"]["in"], images["gone"]["second_status"]) == ("first", "")
    assert tables["compared_measures"][0]["difference"] == "3.0"
    dictionary = tables.pop("compared_dictionary")
    for name, rows in tables.items():
        assert list(rows[0]) == [row["column"] for row in dictionary if row["table"] == name]
    assert {row["column"] for row in dictionary} == set(COMPARED_COLUMNS)
    page = (out / "comparison.html").read_text(encoding="utf-8")
    assert "It is &lt;damaged&gt;." in page
    assert "<damaged>" not in page
    assert "film 4" in page


def test_a_folder_without_a_batch_is_told_and_stays_as_it_is(runs, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BatchError) as caught:
        compare_batches(runs[0], empty)
    assert caught.value.problem is BatchProblem.NO_BATCH
    assert not list(empty.iterdir())


def test_a_run_compared_with_itself_differs_in_nothing(runs, tmp_path):
    found = compare_batches(runs[0], runs[0])
    assert found.counts() == (7, 0, 0, 0, 0)
    assert "None." in comparison_html(found)
    assert len(write_comparison(found, tmp_path)) == 5
