"""Readings on the command line: printed, checked, never signed."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import jsonschema
import pypdf
import pytest

from spinealign import __main__ as entry
from spinealign.cli import main as cli
from spinealign.domain.paths import PROFILE_VARIABLE, resources_dir
from spinealign.domain.reading import Decision
from spinealign.domain.study import PatientFacts
from spinealign.export.tables import analysis_schema
from spinealign.imaging.read import read_image
from spinealign.measure.correction.corrected import apply_corrections
from spinealign.reading.session import ReadingSession
from spinealign.reading.store import ReadingStore
from spinealign.wording.reading_window import SHOWN_AS_SIGNED_MESSAGE
from spinealign.wording.report import CHANGED_SINCE_SIGNED, PICTURE_CAPTION_READ
from tests.readings import Clock, back_analysis, degrees, neck_analysis

SAMPLE = resources_dir() / "samples" / "xray_lateral_phantom" / "truth_mask.png"
COBB = "measure/cobb_c2_c7/C2/C7"


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(PROFILE_VARIABLE, str(tmp_path / "profile"))
    return Path(shutil.copy(SAMPLE, tmp_path / "neck.png"))


def session_of(film: Path) -> ReadingSession:
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
        "Decisions so far, also those on earlier results (open the image in the window to see "
        "which of them still hold):",
        "  C2–C7 Cobb lordosis: -4.0°; changed by the reader (automatic: 12.0°); "
        "A. Reader, 2026-11-28 21:00 UTC.",
        "  C7 slope: rejected by the reader (automatic: 15.0°); A. Reader, 2026-11-28 21:00 UTC.",
        "Impression:",
        "  C2–C7 Cobb kyphosis 4.0°, below the reference range (lordosis 0 to 30°).",
    ]
    assert run(capsys, "check", film) == (0, ["being read, not signed"], "")


@pytest.fixture
def analysing(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Return a function that runs `analyze` on the film with a result made by hand."""

    def analysed(source, *_):
        yield
        return replace(neck_analysis(), image=read_image(film))

    monkeypatch.setattr("spinealign.analysis.analyze_file", analysed)

    def analyze(*options: str):
        out = tmp_path / "out"
        code = cli.run_command(["analyze", str(film), "--out", str(out), *options])
        said, errors = capsys.readouterr()
        table = json.loads(next(out.rglob("analysis.json")).read_text(encoding="utf-8"))
        jsonschema.validate(table, analysis_schema())
        pdf = pypdf.PdfReader(next(out.rglob("report.pdf")))
        pages = " ".join(" ".join(page.extract_text().split()) for page in pdf.pages)
        return code, said, errors, table["reading"], pages

    return analyze


def test_a_reading_in_a_stated_profile_is_found(film, tmp_path, monkeypatch, capsys):
    session_of(film).decide(COBB, Decision.ACCEPTED)
    monkeypatch.setenv(PROFILE_VARIABLE, str(tmp_path / "other"))
    assert run(capsys, "show", film)[0] == 1
    stated = ("--profile-dir", str(tmp_path / "profile"))
    code, lines = run(capsys, "show", film, *stated)[:2]
    assert code == 0
    assert any(line.startswith("Decisions so far, also those on earlier results") for line in lines)
    assert "Findings:" not in lines
    assert os.environ[PROFILE_VARIABLE] == str(tmp_path / "other")
    assert entry.main([*stated, "reading", "show", str(film)]) == 0
    assert "C2–C7 Cobb lordosis" in capsys.readouterr().out
    assert entry.main(["reading", "show", "--help"]) == 0
    assert "--profile-dir" in capsys.readouterr().out


def test_shares_of_a_signed_reading_are_printed_as_they_are(film, capsys):
    analysis = replace(back_analysis(), image=read_image(film))
    session = ReadingSession(analysis, ReadingStore(), "A. Reader", Clock())
    session.accept_rest()
    session.sign()
    lines = run(capsys, "show", film)[1]
    assert any("(probability 90\u00a0%)" in line for line in lines)
    assert "\ufffd" not in "".join(lines)


def test_a_signed_reading_is_in_the_results_of_analyze(signed, analysing):
    code, said, errors, table, pages = analysing()
    assert (code, errors) == (0, "")
    assert "    reading: signed by A. Reader, 2026-11-28" in said
    assert "; amended by B. Reader, 2026-11-28" in said
    assert (table["use"], table["status"], table["version"]) == ("taken_in", "amended", 2)
    assert "Signed by A. Reader on 2026-11-28" in pages
    assert "; addendum by B. Reader on 2026-11-28" in pages
    assert "C1 as well." in pages
    assert "Nobody has read them yet" not in pages
    assert "DRAFT" not in pages


def test_a_draft_is_in_the_results_of_analyze_as_a_draft(film, analysing):
    session_of(film).decide(COBB, Decision.CHANGED, degrees(-4.0))
    _, said, _, table, pages = analysing()
    assert "    reading: being read, not signed\n" in said
    assert (table["use"], table["status"], len(table["decisions"])) == ("taken_in", "being_read", 1)
    assert "DRAFT: Being read, not signed" in pages
    assert "-4.0°" in pages
    assert "program: 12.0°" in pages


def test_a_reading_that_is_left_out_is_told(signed, analysing):
    code, said, _, table, pages = analysing("--ignore-reading")
    told = "Automatic result; the stored reading of this image (amended) was left out"
    assert code == 0
    assert f"    reading: {told}" in said
    assert (table["use"], table["status"], table["decisions"]) == ("left_out", "amended", [])
    assert f"DRAFT: {told}" in pages
    assert "without the stored reading of this image" in pages
    assert "C1 as well." not in pages


def test_a_reading_that_was_changed_on_the_disk_is_left_out_and_told(signed, tmp_path, analysing):
    version = next(tmp_path.rglob("version-0002.json"))
    version.write_text(version.read_text().replace("C1 as well", "C1 is not"))
    code, said, errors, table, pages = analysing()
    assert code == 0
    assert "was changed after it was signed" in errors
    assert table["use"] == "faulty"
    assert "is not as it was written and was left out" in said
    assert "is not as it was written and was left out" in pages
    assert "C1" not in pages.replace("C1–", "")


def test_a_reading_of_another_kind_is_left_out_and_told(film, analysing, monkeypatch):
    session = session_of(film)
    session.decide(COBB, Decision.ACCEPTED)
    path = next(film.parent.rglob("draft.json"))
    path.write_text(path.read_text().replace(session.reading.view, "spine_mr"))
    _, said, _, table, _ = analysing()
    assert table["use"] == "of_another_kind"
    assert "is of another kind of examination and was left out" in said


def test_what_a_reader_typed_does_not_name_the_patient_in_results(film, analysing, monkeypatch):
    monkeypatch.setattr(
        "spinealign.imaging.study.read_patient", lambda _: PatientFacts(name="Doe^Jane")
    )
    session_of(film).write_impression("Jane Doe: straight.")
    assert "[left out] [left out]: straight." in analysing()[-1]
    assert "Jane Doe: straight." in analysing("--patient-data")[-1]


@pytest.fixture
def signed(film: Path) -> Path:
    session = session_of(film)
    session.accept_rest()
    session.sign()
    session.add_addendum("C1 as well.\nNo change.", "asked", "B. Reader")
    return film


def test_a_signed_picture_is_shown_as_signed_without_its_file_of_corrections(film, analysing):
    before = replace(neck_analysis(), image=read_image(film))
    wanted = replace(before.uncorrected, vertebrae=before.vertebrae[:-1])
    session = ReadingSession(apply_corrections(before, wanted), ReadingStore(), "A. Reader")
    session.accept_rest()
    session.write_impression("Seen.")
    session.sign()
    code, _, errors, table, pages = analysing()
    assert code == 0
    assert errors == f"{SHOWN_AS_SIGNED_MESSAGE.sentence}\n"
    assert table["use"] == "taken_in"
    assert CHANGED_SINCE_SIGNED not in pages
    assert PICTURE_CAPTION_READ in pages
    for option, is_told in (("--ignore-corrections", True), ("--ignore-reading", False)):
        _, _, errors, _, pages = analysing(option)
        assert errors == ""
        assert (CHANGED_SINCE_SIGNED in pages) is is_told


def test_a_signed_reading_is_printed_with_its_addenda(signed, capsys):
    code, lines, _ = run(capsys, "show", signed)
    assert code == 0
    assert lines[0].startswith("Reading: signed by A. Reader, 2026-11-28 21:00 UTC; amended by B. ")
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


def test_a_draft_is_printed_worst_first(film, capsys):
    analysis = replace(back_analysis(), image=read_image(film))
    session = ReadingSession(analysis, ReadingStore(), "A. Reader", Clock())
    for key in ("disc_grade/pfirrmann/L2/L3", "disc_grade/herniation/L5/S1", "height_loss/L1"):
        session.decide(key, Decision.ACCEPTED)
    lines = run(capsys, "show", film)[1]
    told = [line.strip() for line in lines if line.startswith("  ")][:3]
    assert told[0].startswith("L1 height loss")
    assert told[1].startswith("L5/S1 disc herniation")
    assert told[2].startswith("L2/L3 Pfirrmann grade")
