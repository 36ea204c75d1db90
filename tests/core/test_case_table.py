"""One table of several images: a row each, units apart, empty where there is no value."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from spinealign.domain.findings import (
    Analysis,
    Caution,
    CorrectionKind,
    Corrections,
    ModelStatus,
    WarningCode,
)  # fmt: skip
from spinealign.domain.measurements import Calibration
from spinealign.domain.measures import MeasureCode
from spinealign.domain.paths import telling_folders
from spinealign.domain.presentation import AS_IN_FILE
from spinealign.domain.reading import Decision, Reading
from spinealign.export.case_table import CASE_COLUMNS, CaseRow, cases_csv, write_case_table
from spinealign.reading.findings import measure_key
from spinealign.reading.session import ReadingSession
from tests import phantoms
from tests.readings import Clock, back_analysis, degrees, neck_analysis, store_in

COBB, AXIS = "C2–C7 Cobb lordosis (deg)", "C2–C7 sagittal vertical axis"


def row_of(analysis: Analysis, status: str, reading: Reading | None = None) -> CaseRow:
    return CaseRow(analysis.image.source_path, status, analysis, reading)


def table(*rows: CaseRow) -> list[dict[str, str]]:
    text = cases_csv(rows)
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_an_image_and_what_it_comes_from() -> None:
    film, photo = neck_analysis(path=Path("a.png")), phantoms.failed_view_analysis()
    first, second = table(row_of(film, "to check"), row_of(photo, "refused"))
    assert tuple(first)[: len(CASE_COLUMNS)] == CASE_COLUMNS
    assert (first["image"], first["status"], second["status"]) == ("a.png", "to check", "refused")
    assert first["image_sha256"] == film.image.sha256
    assert second["examination"] == "other"
    assert second[COBB] == ""


def test_what_has_no_result_has_a_row_too() -> None:
    first, second = table(row_of(neck_analysis(), "to check"), CaseRow(Path("x.jpg"), "failed"))
    assert first[COBB]
    told = {name: cell for name, cell in second.items() if cell}
    assert told == {"image": "x.jpg", "status": "failed"}


def test_values_stand_with_their_intervals_and_segments_elsewhere() -> None:
    film = neck_analysis(12.0)
    [row] = table(row_of(film, "to check"))
    low, high = next(m.interval for m in film.measurements if m.code is MeasureCode.COBB_C2_C7)
    said = [float(row[f"{COBB}{part}"]) for part in ("", " low", " high")]
    assert said == pytest.approx([12.0, low, high], abs=1e-4)
    assert not any("translation" in name or "T1 slope" in name for name in row)


def test_two_files_of_one_name_are_told_apart_by_as_little_of_their_folders_as_needed() -> None:
    paths = ("/x/jane/before/a.png", "/x/jane/after/a.png", "/x/jane/after/b.png")
    rows = [row_of(neck_analysis(path=Path(path)), "to check") for path in paths]
    told = table(*rows, CaseRow(Path("/y/after/a.png"), "failed"))
    assert [row["folder"] for row in told] == ["before", "jane/after", "", "y/after"]
    [alone] = table(row_of(neck_analysis(path=Path("/x/jane/a.png")), "to check"))
    assert alone["folder"] == ""


def test_the_same_file_twice_has_no_folder() -> None:
    assert telling_folders([Path("/x/a.png"), Path("/x/a.png")]) == ["", ""]


def test_what_was_done_by_hand_is_told() -> None:
    film = neck_analysis()
    shown = replace(film.image, presentation=AS_IN_FILE.turned(1).mirrored())
    calibrated = Corrections(calibration=Calibration((0.0, 0.0), (10.0, 0.0), 20.0, (2.0, 2.0)))
    caution = Caution(WarningCode.CORRECTED_BY_USER, corrections=(CorrectionKind.POINTS_MOVED,))
    by_hand = replace(film, image=shown, corrections=calibrated, cautions=(*film.cautions, caution))
    first, second = table(row_of(film, "to check"), row_of(by_hand, "to check"))
    assert first["changed_by_hand"] == ""
    assert second["changed_by_hand"] == (
        "corrected, calibrated, turned by 90° to the left, mirrored against its file"
    )


def test_pixels_and_millimetres_are_never_in_one_column() -> None:
    film = neck_analysis()
    axis = next(m for m in film.measurements if m.code is MeasureCode.SAGITTAL_VERTICAL_AXIS)
    other = replace(axis, unit="px" if axis.unit == "mm" else "mm")
    second = replace(film, measurements=(other,))
    rows = table(row_of(film, "to check"), row_of(second, "to check"))
    columns = {f"{AXIS} ({unit})" for unit in ("px", "mm")}
    assert columns <= set(rows[0])
    assert [sorted(bool(row[name]) for name in columns) for row in rows] == [[False, True]] * 2


def test_discs_stand_by_level_from_the_top() -> None:
    [row] = table(row_of(back_analysis(), "to check"))
    columns = [name for name in row if "Pfirrmann" in name]
    assert columns == [f"L{n}/L{n + 1} Pfirrmann grade" for n in range(1, 5)] + [
        "L5/S1 Pfirrmann grade"
    ]
    assert [row[name] for name in columns] == ["uncertain", "2", "2", "5", "4"]
    assert row["L5/S1 Disc herniation"] == "yes"


def test_grades_of_a_demonstration_are_left_out() -> None:
    [row] = table(row_of(back_analysis(status=ModelStatus.DEMONSTRATION), "to check"))
    assert not any("Pfirrmann" in name for name in row)


def test_what_was_signed_stands_beside_the_value_of_the_program(tmp_path: Path) -> None:
    film, untouched = neck_analysis(12.0), neck_analysis(14.0, path=Path("b.png"))
    session = ReadingSession(film, store_in(tmp_path), "A. Reader", Clock())
    cobb = next(m for m in film.measurements if m.code is MeasureCode.COBB_C2_C7)
    session.decide(measure_key(cobb), Decision.CHANGED, degrees(20.0))
    session.accept_rest()
    session.sign("A. Reader")
    first, second = table(row_of(film, "signed", session.reading), row_of(untouched, "to check"))
    assert (first[COBB], first[f"{COBB} reader"]) == ("12.0", "20.0")
    assert (first["reading_status"], second["reading_status"]) == ("signed", "")
    assert second[f"{COBB} reader"] == ""
    [alone] = table(row_of(untouched, "to check"))
    assert f"{COBB} reader" not in alone


def test_the_file_holds_the_table(tmp_path: Path) -> None:
    rows = [row_of(neck_analysis(), "to check")]
    write_case_table(rows, tmp_path / "cases.csv")
    assert (tmp_path / "cases.csv").read_bytes().decode() == cases_csv(rows)
