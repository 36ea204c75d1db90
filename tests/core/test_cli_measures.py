"""Measures on the command line: printed, corrected as saved, compared, defined."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spinealign.cli import main as cli
from spinealign.cli.series import source_of
from spinealign.domain.findings import LandmarkName
from spinealign.domain.image import ImagePart
from spinealign.domain.measures import MeasureCode
from spinealign.domain.study import PatientFacts, SeriesEntry
from spinealign.export.corrections import corrections_path, save_corrections
from spinealign.measure.correction.changes import move_landmark
from spinealign.measure.correction.corrected import apply_corrections, initial_corrections
from spinealign.wording.definitions import MEASURE_WORDS
from tests.phantoms_xray import analysed, draw_column

FILM = analysed(draw_column("T1"))


@pytest.fixture
def film(tmp_path, monkeypatch):
    """A file that is analysed as the drawn film."""
    path = tmp_path / "neck.png"
    path.write_bytes(b"stands for the film")

    def analyze_file(given: Path, *_options):
        yield from ()
        return replace(FILM, image=replace(FILM.image, source_path=given))

    monkeypatch.setattr("spinealign.analysis.analyze_file", analyze_file)
    monkeypatch.setattr("spinealign.imaging.find.all_images", list)
    return path


def correct(path):
    """Save corrections beside a file, as the window does."""
    analysis = replace(FILM, image=replace(FILM.image, source_path=path))
    wanted = initial_corrections(analysis)
    mark = wanted.vertebrae[5].landmark(LandmarkName.POSTERIOR_INFERIOR)
    moved = move_landmark(wanted, wanted.vertebrae[5].index, mark.name, mark.x, mark.y - 8)
    assert save_corrections(apply_corrections(analysis, moved)) == corrections_path(path)


def analyze(path, capsys, *options):
    out = path.parent / "out"
    assert cli.run_command(["analyze", str(path), "--out", str(out), *options]) == 0
    table = json.loads((out / "neck" / "analysis.json").read_text("utf-8"))
    cobb = next(m for m in table["measurements"] if m["code"] == "cobb_c2_c7")
    return capsys.readouterr().out, table, cobb


def test_main_measures_are_printed_and_written(film, capsys):
    text, table, cobb = analyze(film, capsys)
    assert f"C2–C7 Cobb lordosis: {cobb['value']:.1f}°, 95 % interval" in text
    assert "T1 slope: " in text
    assert table["files"]["measurements"] == "measurements.csv"
    assert (film.parent / "out" / "neck" / "measurements.csv").is_file()


def test_saved_corrections_count(film, capsys):
    _, _, before = analyze(film, capsys)
    correct(film)
    text, table, cobb = analyze(film, capsys)
    assert cobb["state"] == "edited"
    assert cobb["automatic_value"] == before["value"] != cobb["value"]
    assert table["corrections"]["points_placed"] == 1
    assert f"manually corrected; automatic {before['value']:.1f}°" in text


def test_corrections_can_be_left_out(film, capsys):
    correct(film)
    _, table, cobb = analyze(film, capsys, "--ignore-corrections")
    assert (table["corrections"], cobb["state"]) == (None, "automatic")


def test_broken_corrections_are_named_and_kept(film, capsys):
    corrections_path(film).write_text("{", encoding="utf-8")
    out = film.parent / "out"
    assert cli.run_command(["analyze", str(film), "--out", str(out)]) == 0
    assert "are damaged" in capsys.readouterr().err
    assert corrections_path(film).read_text(encoding="utf-8") == "{"


class TestCompare:
    def test_prints_differences_and_what_to_know(self, film, capsys):
        other = film.with_name("later.png")
        other.write_bytes(b"stands for the film, later")
        correct(other)
        assert cli.run_command(["compare", str(film), str(other)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.rpartition("  ·  ")[2] for line in lines[:2]] == ["neck.png", "later.png"]
        cobb = next(line for line in lines if line.startswith("C2–C7 Cobb lordosis\t"))
        assert "manually corrected; automatic" in cobb
        assert "Both are the same file." in lines

    def test_json_holds_the_same_difference(self, film, capsys):
        other = film.with_name("later.png")
        other.write_bytes(b"stands for the film, later")
        correct(other)
        assert cli.run_command(["compare", str(film), str(other), "--json"]) == 0
        table = json.loads(capsys.readouterr().out)
        cobb = next(m for m in table["measures"] if m["name"] == "C2–C7 Cobb lordosis")
        assert cobb["difference"] == pytest.approx(
            cobb["second"]["value"] - cobb["first"]["value"], abs=2e-4
        )
        assert cobb["difference"] != 0


class TestPatients:
    @pytest.fixture
    def films(self, film, monkeypatch):
        """Three files, the last of another patient; dates as their names say."""
        facts = {
            "20240301.png": PatientFacts(identifier="1", birth_date="b", study_date="20240301"),
            "20250505.png": PatientFacts(identifier="1", birth_date="b", study_date="20250505"),
            "other.png": PatientFacts(identifier="2", birth_date="c", study_date="20250101"),
        }

        def analyze_file(given: Path, *_):
            yield from ()
            return replace(FILM, image=replace(FILM.image, source_path=given, sha256=given.name))

        monkeypatch.setattr("spinealign.analysis.analyze_file", analyze_file)
        monkeypatch.setattr(
            "spinealign.imaging.study.read_patient", lambda part: facts[part.path.name]
        )
        paths = [film.with_name(name) for name in facts]
        for path in paths:
            path.write_bytes(b"stands for a film")
        return paths

    @pytest.mark.parametrize("command", ["compare", "course", "motion"])
    def test_two_patients_are_never_mixed(self, films, command, capsys):
        assert cli.run_command([command, str(films[0]), str(films[2])]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "two different patients" in told.err
        assert "--patient-confirmed" in told.err

    @pytest.mark.parametrize("command", ["compare", "course", "motion"])
    def test_a_person_can_confirm_that_it_is_one_patient(self, films, command, capsys):
        arguments = [command, str(films[0]), str(films[2]), "--patient-confirmed"]
        assert cli.run_command(arguments) == 0
        assert "a person confirmed it" in capsys.readouterr().out

    def test_a_course_is_by_date_and_written(self, films, tmp_path, capsys):
        table = tmp_path / "course.csv"
        arguments = ["course", str(films[1]), str(films[0]), "--out", str(table)]
        assert cli.run_command(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line[:10] for line in lines[:2]] == ["2024-03-01", "2025-05-05"]
        assert table.read_text("utf-8").startswith("measure,code,levels,unit,date,days,")

    def test_a_folder_without_one_series_that_stands_out_is_wrong_use(
        self, films, tmp_path, monkeypatch, capsys
    ):
        entry = SeriesEntry((ImagePart(films[0]),), "DICOM")
        other = SeriesEntry((ImagePart(films[1]),), "DICOM")
        monkeypatch.setattr("spinealign.imaging.study.list_series", lambda _: [entry, other])
        (tmp_path / "study").mkdir()
        assert cli.run_command(["compare", str(tmp_path / "study"), str(films[0])]) == 2
        assert "holds 2 series" in capsys.readouterr().err
        monkeypatch.setattr("spinealign.imaging.study.list_series", lambda _: [entry])
        assert source_of(tmp_path / "study") is entry
        assert source_of(films[0]) == films[0]

    def test_motion_is_printed_by_level_and_can_be_swapped(self, films, tmp_path, capsys):
        table = tmp_path / "motion.csv"
        arguments = ["motion", str(films[0]), str(films[1]), "--out", str(table)]
        assert cli.run_command(arguments) == 0
        first = capsys.readouterr().out.splitlines()
        assert first[0].startswith("Flexion: 2024-03-01")
        assert any("14 months apart" in line for line in first)
        assert cli.run_command([*arguments, "--swap"]) == 0
        assert capsys.readouterr().out.startswith("Flexion: 2025-05-05")
        assert table.read_text("utf-8").startswith("level,angle_flexion_deg")


class TestDefine:
    def test_lists_every_measure(self, capsys):
        assert cli.run_command(["define"]) == 0
        codes = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
        assert codes == list(MEASURE_WORDS)

    @pytest.mark.parametrize("code", list(MeasureCode))
    def test_tells_definition_and_source(self, code, capsys):
        assert cli.run_command(["define", code.value.replace("_", "-")]) == 0
        text = capsys.readouterr().out
        assert MEASURE_WORDS[code].definition in text
        assert "Sources: " in text

    def test_an_unknown_measure_is_wrong_use(self, capsys):
        assert cli.run_command(["define", "beauty"]) == 2
        assert "beauty" in capsys.readouterr().err


def test_what_is_withheld_is_printed_with_what_to_do(film, capsys, monkeypatch):
    faint = analysed(replace(draw_column("T1"), corner_height=0.36))

    def analyze_file(path, *_options):
        yield from ()
        return replace(faint, image=replace(faint.image, source_path=path))

    monkeypatch.setattr("spinealign.analysis.analyze_file", analyze_file)
    text, _, cobb = analyze(film, capsys)
    assert (cobb["value"], cobb["reason_code"]) == (None, "outlines_uncertain")
    assert "check and correct the corners of C2" in text
    assert "Not measurable: C2–C7 Cobb lordosis" in text
