"""A reading in analysis.json: decisions and both values, without names and typed text."""

from __future__ import annotations

import csv
import io
import json

import jsonschema
import pytest

from spinealign.domain.reading import Decision
from spinealign.domain.report_details import ReportDetails
from spinealign.export.bundle import write_one
from spinealign.export.disc_tables import discs_csv
from spinealign.export.measure_tables import measurements_csv
from spinealign.export.tables import analysis_json, analysis_schema
from tests.killed_readings import begun, steps_of
from tests.readings import back_analysis, neck_analysis


def test_without_a_reading_there_is_none():
    assert analysis_json(neck_analysis(), {})["reading"] is None


@pytest.fixture
def tables(tmp_path):
    """The table after each step of a reading, as it stands in a file."""
    session = begun(tmp_path)
    readings = [step() for step in steps_of(session)]
    texts = [json.dumps(analysis_json(back_analysis(), {}, reading)) for reading in readings]
    return [json.loads(text) for text in texts]


def test_every_state_of_a_reading_fits_the_published_schema(tables):
    validator = jsonschema.Draft202012Validator(analysis_schema())
    for table in tables:
        validator.validate(table)
    states = [table["reading"]["status"] for table in tables]
    assert [states[0], *states[-3:]] == ["being_read", "signed", "amended", "amended"]
    assert tables[-1]["reading"]["version"] == 3


def test_both_values_are_there_and_what_holds(tables):
    made = {each["finding"]: each for each in tables[-1]["reading"]["decisions"]}
    grade = made["disc_grade/pfirrmann/L4/L5"]
    assert (grade["decision"], grade["shown"]["grade"], grade["value"]["grade"]) == (
        "changed",
        5,
        4,
    )
    assert grade["automatic"]["probability"] == pytest.approx(0.6)
    height = made["height_loss/L1"]
    assert (height["value"]["grade"], height["value"]["percent"]) == (1, None)
    assert made["disc_grade/modic/L5/S1"]["value"]["is_present"] is True


def test_a_rejected_finding_has_no_value(tmp_path):
    session = begun(tmp_path)
    session.decide("height_loss/L1", Decision.REJECTED)
    [made] = analysis_json(back_analysis(), {}, session.reading)["reading"]["decisions"]
    assert (made["decision"], made["value"]) == ("rejected", None)


def test_a_folder_of_results_holds_the_reading(tmp_path):
    session = begun(tmp_path)
    session.accept_rest()
    signed = session.sign("A. Reader")
    write_one(back_analysis(), "json", tmp_path / "a.json", ReportDetails(reading=signed))
    table = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert table["reading"]["status"] == "signed"
    assert len(table["reading"]["decisions"]) == len(signed.decisions)


def test_nothing_that_a_person_typed_is_there(tables):
    text = json.dumps(tables[-1])
    for typed in ("A. Reader", "B. Reader", "Mild loss of height", "known before", "by the ward"):
        assert typed not in text


def csv_rows(analysis, reading):
    """The rows of both tables by disc, and by code and levels."""
    discs = csv.DictReader(io.StringIO(discs_csv(analysis, reading)))
    measures = csv.DictReader(io.StringIO(measurements_csv(analysis, reading)))
    return (
        {row["level"]: row for row in discs},
        {(row["code"], row["levels"]): row for row in measures},
    )


def test_tables_hold_what_was_signed_beside_what_the_program_says(tmp_path):
    session = begun(tmp_path)
    readings = [step() for step in steps_of(session)]
    analysis = back_analysis()
    discs, measures = csv_rows(analysis, readings[-1])
    row = discs["L4/L5"]
    assert (row["pfirrmann"], row["pfirrmann_reader"]) == ("5", "4")
    assert row["reading_status"] == "amended"
    assert discs["L5/S1"]["herniation_reader"] in ("yes", "no", "rejected")
    canal = measures["canal_diameter", "L4/L5"]
    made = readings[-1].decision_on("measure/canal_diameter/L4/L5")
    wanted = "rejected" if made.effective is None else str(made.effective.value)
    assert (float(canal["value"]), canal["reader"]) == (9.0, wanted)


def test_a_draft_tells_its_status_and_no_values(tmp_path):
    session = begun(tmp_path)
    draft = [step() for step in steps_of(session)][1]
    discs, measures = csv_rows(back_analysis(), draft)
    assert {row["reading_status"] for row in discs.values()} == {"being_read"}
    assert {row["pfirrmann_reader"] for row in discs.values()} == {""}
    assert {row["reader"] for row in measures.values()} == {""}
    assert {row["reading_status"] for row in csv_rows(back_analysis(), None)[0].values()} == {""}
