"""The tutorial's commands really run, at their smallest; page and notebook have the same ones."""

from __future__ import annotations

import csv
import json
import re
import shlex

import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("sklearn")

from spinealign.cli.main import run_command
from spinealign.inference.catalog import read_card
from tools import tutorial_set
from tools.tutorial_notebook import NOTEBOOK, PAGE, commands_in, commands_of, notebook_of

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
COMMANDS = commands_of(PAGE.read_text(encoding="utf-8"))
SMALLEST = (
    (r"--steps \d+", "--steps 1"),
    (r"--batch \d+", "--batch 1"),
    (r"--patients \d+", "--patients 4"),
)


def run(line: str) -> int:
    for long, short in SMALLEST:
        line = re.sub(long, short, line)
    program, *words = shlex.split(line)
    if program == "spinealign":
        return run_command(words)
    assert words[:2] == ["-m", "tools.tutorial_set"]
    return tutorial_set.main(words[2:])


def test_the_notebook_is_made_from_the_page():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert text == notebook_of(PAGE.read_text(encoding="utf-8"))
    assert commands_in(text) == COMMANDS
    book = json.loads(text)
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    for cell in book["cells"]:
        fields = {"cell_type", "id", "metadata", "source"}
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == fields | code
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell["id"])
    compile("".join(book["cells"][0]["source"]), "begin", "exec")


def test_drawn_patients_differ_and_are_the_same_again():
    one, outlines = tutorial_set.drawn_patient(1)
    assert (one == tutorial_set.drawn_patient(1)[0]).all()
    other, others = tutorial_set.drawn_patient(3)  # of the same phantom
    assert (outlines != others).mean() > 0.03
    assert (one != other).mean() > 0.5
    assert set(outlines.ravel()) == {0, 1, 2, 3}


def test_the_tutorial_runs_from_the_pictures_to_an_answer(tmp_path, monkeypatch, capsys):
    """Half a minute on two cores: it trains, converts and packages a whole U-Net."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPINEALIGN_PROFILE", str(tmp_path / "profile"))
    programs = [shlex.split(line)[1] for line in COMMANDS if line.startswith("spinealign")]
    assert programs == ["audit", "train", "evaluate", "package", "models", "analyze", "models"]
    for line in COMMANDS[:-1]:
        assert run(line) == 0, line
    told = capsys.readouterr().out
    assert "split.csv has one that is honest" in told
    assert "Status: demonstration." in told
    here = tmp_path / "tutorial"
    card = read_card(here / "models" / "drawn_spine")
    assert card.classes == ("background", "vertebra", "disc", "canal")
    assert card.title == "Drawn spines"
    evaluated = json.loads((here / "evaluation" / "evaluation.json").read_text())
    assert evaluated["patients"] == tutorial_set.TEST_PATIENTS
    assert evaluated["cautions"] == []
    answered = json.loads((here / "results" / "new_patient" / "analysis.json").read_text())
    assert "Drawn spines" in json.dumps(answered["models"], ensure_ascii=False)
    assert (here / "models" / "packaged" / "card.json").is_file()
    # What the page says of evaluating on pictures that were learned from.
    assert (
        run("spinealign evaluate tutorial/models/drawn_spine tutorial/learn --out tutorial/e") == 0
    )
    with (here / "audit" / "split.csv").open(newline="") as stream:
        learned = sum(row["split"] == "train" for row in csv.DictReader(stream))
    assert (
        f"{learned} of these 4 are pictures that the model learned from" in capsys.readouterr().out
    )
    installed = tmp_path / "profile" / "models" / "drawn_spine"
    assert installed.is_dir()
    assert run(COMMANDS[-1]) == 0
    assert not installed.exists()
