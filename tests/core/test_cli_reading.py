"""Readings on the command line: printed, checked, never signed."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import jsonschema
import pytest

from spinealign.cli import main as cli
from spinealign.domain.paths import PROFILE_VARIABLE, resources_dir
from spinealign.domain.reading import Decision
from spinealign.imaging.read import read_image
from spinealign.reading.session import ReadingSession
from spinealign.reading.store import ReadingStore
from tests.readings import Clock, degrees, neck_analysis

SAMPLE = resources_dir() / "samples" / "xray_lateral_phantom" / "truth_mask.png"
COBB = "measure/cobb_c2_c7/C2/C7"


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(PROFILE_VARIABLE, str(tmp_path / "profile"))
    return Path(shutil.copy(SAMPLE, tmp_path / "neck.png"))


def session_of(film: Path) -> ReadingSession:
    from dataclasses import replace

    analysis = replace(neck_analysis(), image=read_image(film))
    return ReadingSession(analysis, ReadingStore(), "A. Reader", Clock())


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str], str]:
    code = cli.run_command(["reading", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_an_image_that_nobody_read_says_so(film, capsys):
    for action in ("show", "check"):
        code, lines, said = run(capsys, action, film)
        assert (code, lines) == (1, [])
        assert said == "No reading of this image is saved in the profile.\n"


def test_what_is_not_signed_is_printed_as_such(film, capsys):
    session = session_of(film)
    session.decide(COBB, Decision.CHANGED, degrees(-4.0))
    session.decide("measure/c7_slope/C7", Decision.REJECTED)
    code, lines, said = run(capsys, "show", film)
    assert (code, said) == (0, "")
    assert lines == [
        "Reading: being read, not signed",
        "Image type: lateral cervical radiograph",
        "Findings:",
        "  C2–C7 Cobb lordosis: -4.0°; changed by the reader (automatic: 12.0°).",
        "  C7 slope: rejected by the reader (automatic: 15.0°).",
        "Impression:",
        "  C2–C7 Cobb lordosis -4.0°, below the reference range (0 to 30°).",
    ]
    assert run(capsys, "check", film) == (0, ["being read, not signed"], "")


@pytest.fixture
def signed(film: Path) -> Path:
    session = session_of(film)
    session.accept_rest()
    session.sign()
    session.add_addendum("C1 as well.\nNo change.", "asked", "B. Reader")
    return film


def test_a_signed_reading_is_printed_with_its_addenda(signed, capsys):
    code, lines, _ = run(capsys, "show", signed)
    assert code == 0
    assert lines[0].startswith("Reading: amended, signed by A. Reader, 2026-11-28 21:00 UTC")
    assert lines[0].endswith("version 2")
    assert "  Levels: C2 to C7." in lines
    assert lines[-3:] == [
        "Addendum by B. Reader, 2026-11-28 21:00 UTC; reason: asked",
        "  C1 as well.",
        "  No change.",
    ]


def test_a_signed_reading_is_checked_version_by_version(signed, capsys, tmp_path):
    code, lines, said = run(capsys, "check", signed)
    assert (code, len(lines), said) == (0, 2, "")
    assert all(line.endswith(": as it was signed") for line in lines)
    path = next(tmp_path.rglob("version-0001.json"))
    path.write_text(path.read_text().replace("A. Reader", "B. Reader"))
    code, lines, said = run(capsys, "check", signed)
    assert (code, len(lines)) == (1, 1)
    assert said.startswith("The signed reading in “version-0001.json” was changed after it was")


def test_a_reading_is_found_by_the_image_and_not_by_its_name(signed, capsys, tmp_path):
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(signed, "other name.png")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    signed.rename(moved / "film.png")
    for place in (archive, moved):
        assert run(capsys, "check", place)[0] == 0


def test_a_missing_image_is_told(film, capsys):
    code, lines, said = run(capsys, "show", film.with_name("missing.png"))
    assert (code, lines) == (1, [])
    assert "does not exist" in said


def test_the_command_line_cannot_sign(signed, capsys):
    for action in ("sign", "decide", "amend"):
        assert cli.run_command(["reading", action, str(signed)]) == 2
    capsys.readouterr()


def test_files_of_readings_fit_the_published_schema(signed, tmp_path):
    schema = json.loads((resources_dir() / "schemas" / "reading.schema.json").read_text("utf-8"))
    session_of(signed)
    files = sorted((tmp_path / "profile" / "readings").rglob("*.json"))
    assert len(files) == 2
    for file in files:
        jsonschema.validate(json.loads(file.read_text("utf-8")), schema)
