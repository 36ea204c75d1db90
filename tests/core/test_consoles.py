"""No letter that a terminal lacks, and no name of a file, ends a run; nor one image the others."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spinealign import __main__ as entry
from tests import phantoms

Run = Callable[..., tuple[int, str, str]]
LINE_END, NO_UNICODE = "neck\nfilm.png", "neck\udcfc.png"


@pytest.fixture(params=["ascii", "cp932", "cp1252", "utf-8"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program on a terminal that has few letters; return exit code, output, problems."""

    def run(*arguments: str) -> tuple[int, str, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), request.param) for _ in range(2)]
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            monkeypatch.setattr(sys, name, stream)
        code = entry.main(arguments)
        for stream in streams:
            stream.flush()
        said, problems = (stream.buffer.getvalue().decode(request.param) for stream in streams)
        return code, said, problems

    return run


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file be a film, and fail on those whose name says so."""

    def analyze_file(given: Path, *_options: object):  # type: ignore[no-untyped-def]
        yield from ()
        if "defect" in given.name:
            raise ZeroDivisionError("Doe^Jane")
        found = phantoms.mr_analysis((64, 40))
        return replace(found, image=replace(found.image, source_path=given, part=None))

    monkeypatch.setattr("spinealign.analysis.analyze_file", analyze_file)
    monkeypatch.setattr("spinealign.imaging.find.all_images", list)


def test_a_definition_is_printed_on_any_terminal(run: Run) -> None:
    code, said, _ = run("define", "cobb_c2_c7")
    assert (code, "Cobb lordosis" in said) == (0, True)


def test_our_own_signs_are_printed_by_plain_letters_where_the_terminal_lacks_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "C2\N{EN DASH}C7 3.1\N{DEGREE SIGN} 73\N{NO-BREAK SPACE}% \N{KATAKANA LETTER A}"
    monkeypatch.setattr("spinealign.wording.measures.definition_text", lambda _code: words)
    code, said, _ = run("define", "cobb_c2_c7")
    assert code == 0
    assert "\N{REPLACEMENT CHARACTER}" not in said
    assert "\\xa0" not in said
    assert not said.isascii() or said.strip() == r"C2-C7 3.1 deg 73 % \u30a2"


@pytest.mark.parametrize("name", [LINE_END, NO_UNICODE], ids=["line end", "no unicode"])
def test_a_file_of_any_name_is_analysed_on_any_terminal(
    run: Run, answers: None, tmp_path: Path, name: str
) -> None:
    given = [str(tmp_path / name), str(tmp_path / "two.png")]
    code, said, problems = run("analyze", *given, "--out", str(tmp_path / "out"))
    assert (code, problems) == (0, "")
    assert "2 done, 0 not done" in said
    assert "neck\nfilm" not in said


def test_a_missing_file_of_any_name_is_told(run: Run, tmp_path: Path) -> None:
    given = [str(tmp_path / name) for name in (LINE_END, NO_UNICODE)]
    code, said, _ = run("analyze", *given, "--json", "--out", str(tmp_path / "out"))
    assert code == 1
    assert [json.loads(line)["path"] for line in said.splitlines()] == given


def test_a_defect_with_one_image_does_not_end_the_others(
    answers: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(tmp_path / name) for name in ("defect.png", "two.png")]
    assert entry.main(["analyze", *given, "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert "1 done, 1 not done" in told.out
    assert "“defect.png” could not be analysed because of an error in SpineAlign" in told.err
    assert "ZeroDivisionError, test_consoles.py:" in told.err
    assert "Doe" not in told.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("command", [("define", "cobb_c2_c7"), ("analyze", "ok.png", "--out", "o")])
def test_a_full_disk_behind_the_output_is_told_in_one_sentence(
    answers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with Path("/dev/full").open("w", 1, encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert entry.main(command) == 1
    problems = capsys.readouterr().err
    assert problems.count("\n") == 1
    assert problems.startswith("The output of the command could not be written (No space left")
