"""`spinealign audit` as somebody would type it."""

import json

import pytest

from spinealign.cli import main as cli
from spinealign.data_audit import run as auditing
from tests.data_sets import draw_slice, encoded, honest_set


@pytest.fixture
def honest(tmp_path):
    return honest_set(tmp_path / "d", patients=8, slices=(0,)).folder


def test_an_honest_set_ends_well_and_leaves_three_files(honest, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.run_command(["audit", str(honest), "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("This split is honest as far as the audit can tell, but for 2 ")
    assert told.err == ""
    assert {path.name for path in out.iterdir()} == {
        "audit.html", "audit.json", "split.csv", "looked-at"
    }  # fmt: skip
    assert (out / "split.csv").read_text().splitlines()[0] == "file,class,patient,group,split"


def test_a_condemned_set_has_an_exit_code_of_its_own_and_json(honest, tmp_path, capsys):
    encoded(draw_slice(0, 0), honest / "val" / "healthy" / "other.png")
    code = cli.run_command(["audit", str(honest), "--out", str(tmp_path / "out"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 3
    assert told["verdict"]["reasons"][0]["kind"] == "copy_across"


def test_stopping_keeps_what_was_looked_at(honest, tmp_path, capsys, monkeypatch):
    whole = auditing.look

    def stopped(path, cache, earlier):
        if path.name.startswith("patient03"):
            raise KeyboardInterrupt
        return whole(path, cache, earlier)

    monkeypatch.setattr(auditing, "look", stopped)
    out = tmp_path / "out"
    assert cli.run_command(["audit", str(honest), "--out", str(out)]) == 1
    assert capsys.readouterr().err.startswith("Stopped; what was looked at is kept")
    assert [path.name for path in out.iterdir()] == ["looked-at"]
    assert len(list((out / "looked-at").iterdir())) == 4


def test_results_never_lie_inside_the_data(honest, capsys):
    assert cli.run_command(["audit", str(honest), "--out", str(honest / "out")]) == 2
    assert "may not lie inside the data set" in capsys.readouterr().err
    assert not (honest / "out").exists()


def test_patients_by_a_pattern(tmp_path, capsys):
    for place in range(8):
        part = "val" if place > 5 else "train"
        name = f"{part}/{'ab'[place % 2]}/x{place}q{place % 6}.png"
        encoded(draw_slice(place, 0), tmp_path / "d" / name)
    where = [str(tmp_path / "d"), "--out", str(tmp_path / "out")]
    pattern = r"q(\d)\.png$"
    assert cli.run_command(["audit", *where, "--patient-pattern", pattern]) == 3
    assert "Of 6 patients told apart, 2 are on both sides" in capsys.readouterr().out
    assert cli.run_command(["audit", *where, "--patient-pattern", "q("]) == 2


def test_a_folder_without_pictures_is_refused_in_words(tmp_path, capsys):
    (tmp_path / "d").mkdir()
    assert cli.run_command(["audit", str(tmp_path / "d"), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "holds no pictures" in told
    assert "training folder" not in told
    assert "The folder or list cannot be used" in told


def test_a_list_says_which_column_was_taken_as_what(tmp_path, capsys):
    names = []
    for place in range(4):
        names.append(encoded(draw_slice(place, 0), tmp_path / f"i{place}.png").name)
    table = tmp_path / "d.csv"
    rows = "".join(f"{name},{place},x\n" for place, name in enumerate(names))
    table.write_text("Image,patient,Truth\n" + rows)
    cli.run_command(["audit", str(table), "--out", str(tmp_path / "out")])
    told = capsys.readouterr().out
    assert "“Image” as file and “patient” as patient" in told
    assert "None was taken as class or split; left: “Truth”." in told
    assert "--class-column" in told
    cli.run_command(
        ["audit", str(table), "--out", str(tmp_path / "out"), "--class-column", "truth"]
    )
    told = capsys.readouterr().out
    assert "“Truth” as class" in told
    assert "--class-column" not in told


def test_a_list_without_a_column_of_files_names_its_columns(tmp_path, capsys):
    table = tmp_path / "d.csv"
    table.write_text("who,what\n1,2\n")
    assert cli.run_command(["audit", str(table), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "(who, what)" in told
    assert "--file-column" in told


def test_a_list_that_is_no_text_is_told_without_words_of_python(tmp_path, capsys):
    table = tmp_path / "d.csv"
    table.write_bytes("file,class\n1.png,a\n".encode("utf-16"))
    assert cli.run_command(["audit", str(table), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "d.csv is no list in UTF-8; save it again as CSV in UTF-8" in told
    assert "codec" not in told
