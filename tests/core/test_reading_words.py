"""Patients, sides and directions in words."""

import pytest

from spinealign.domain.image import DisplayWindow, WindowKind
from spinealign.domain.study import PatientFacts
from spinealign.wording.reading import (
    directions_text,
    patient_line,
    patient_rows,
    side_text,
    window_name,
    window_text,
)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            {"name": "Doe^Jane", "age": "054Y", "sex": "F", "identifier": "7", "institution": "K"},
            "Doe, Jane  ·  Sex: female  ·  54 years  ·  Patient ID: 7",
        ),
        ({"age": "003M", "study_date": "20200102"}, "3 months  ·  Examined: 2020-01-02"),
        ({"age": "old", "sex": "X"}, "Sex: X  ·  old"),
        ({"age": "Y"}, "Y"),
        (
            {"institution": "Clinic", "series_description": "t2"},
            "Series: t2  ·  Institution: Clinic",
        ),
        ({"name": "A\nB"}, "A\N{REPLACEMENT CHARACTER}B"),
        ({}, ""),
    ],
    ids=["whole", "infant", "odd", "unit only", "no person", "line break", "nothing"],
)
def test_the_patient_in_one_line(facts: dict[str, str], line: str) -> None:
    assert patient_line(PatientFacts(**facts)) == line


def test_rows_word_sex_and_age() -> None:
    rows = patient_rows(PatientFacts(sex="M", age="010D"))
    assert rows == (("Sex", "male"), ("Age", "10 days"))


@pytest.mark.parametrize(
    ("orientation", "text"),
    [
        (("P", "F"), "To the right lies the back, below the feet"),
        (("L", "P"), "To the right lies the patient’s left, below the back"),
        (None, ""),
    ],
)
def test_directions(orientation: tuple[str, str] | None, text: str) -> None:
    assert directions_text(orientation) == text


@pytest.mark.parametrize(
    ("code", "text"), [("L", "Left side"), ("R", "Right side"), ("B", "Both sides"), ("", "")]
)
def test_sides(code: str, text: str) -> None:
    assert side_text(code) == text


@pytest.mark.parametrize("kind", WindowKind)
def test_every_kind_of_window_has_a_name(kind: WindowKind) -> None:
    window = DisplayWindow(-37.515625, 1645.96875, kind)
    assert window_name(window)
    assert window_text(window) == f"{window_name(window)} (C -37.5156, W 1645.97)"
