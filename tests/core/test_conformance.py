"""What the conformance statement says of network and objects is what the code does."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from spinealign.deidentification.options import (
    BASIC_CODE,
    CLEAN_PIXELS_CODE,
    Dates,
    Options,
    method_codes,
)
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.network import MOST_ANSWERS
from spinealign.domain.report_details import ReportDetails
from spinealign.export.exporters import EXPORTERS
from spinealign.network.connecting import Timeouts
from spinealign.network.objects import COMPRESSED, IMAGE_CLASSES, RESULT_CLASSES, UNCOMPRESSED
from spinealign.network.outbox import COMMITMENT_WAIT_S, PAUSES_S
from spinealign.network.peers import ReceiverSettings
from tests.dicom_objects import PATIENT, kind_analysis

STATEMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"


@pytest.fixture(scope="module")
def statement() -> str:
    return STATEMENT.read_text(encoding="utf-8")


def uids_under(statement: str, heading: str) -> list[str]:
    section = statement.split(heading)[1].split("\n#")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [row.split("|")[2].strip() for row in rows if row.split("|")[2].strip()[:1].isdigit()]


@pytest.mark.parametrize(
    ("heading", "uids"),
    [
        ("#### 4.2.1", IMAGE_CLASSES),
        ("#### 4.2.2", RESULT_CLASSES),
        ("#### 4.2.7", (*UNCOMPRESSED, *COMPRESSED)),
    ],
)
def test_tables_of_identifiers_are_those_of_the_code(statement, heading, uids):
    assert uids_under(statement, heading) == list(uids)


def test_identity_and_numbers_are_those_of_the_code(statement):
    from spinealign.network import associations, receiver, sender

    timeouts, own = Timeouts(), ReceiverSettings()
    pauses = ", ".join(map(str, PAUSES_S[:-1]))
    for words in (
        f"| implementation class UID | {associations.IMPLEMENTATION_UID} |",
        f"| implementation version name | {associations.IMPLEMENTATION_NAME} |",
        f"| maximum length of PDUs received | {associations._MOST_MEMORY_PDU} |",
        f"| associations as SCP at once | {receiver._MOST_ASSOCIATIONS} |",
        f"at most {sender._MOST_AT_ONCE} objects an association",
        f"after {MOST_ANSWERS} answers",
        f"tried again after {pauses} s, then every {PAUSES_S[-1]} s",
        f"Without one for {COMMITMENT_WAIT_S:.0f} s",
        f"| {own.title}, all, {own.port} |",
        f"| {own.quiet_seconds:.0f} s | receiver |",
        f"| time for a connection and its TLS handshake | {timeouts.connect:.0f} s |",
        f"| time for an association (ARTIM) | {timeouts.associate:.0f} s |",
        f"| time for each answer, and without traffic | {timeouts.answer:.0f} s |",
        f"same association | {timeouts.commitment:.0f} s |",
    ):
        assert words in statement, words
    for status in (
        receiver.OUT_OF_RESOURCES, receiver.DOES_NOT_MATCH, receiver.CANNOT_UNDERSTAND,
        receiver.SAME_UID, receiver.NOT_AUTHORISED, receiver.INVALID_ARGUMENT,
    ):  # fmt: skip
        assert f"| {status:04X} | " in statement


def table_under(statement: str, heading: str) -> list[list[str]]:
    section = statement.split(heading)[1].split("\n#")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows]


@pytest.mark.parametrize("kind", ["film", "colour", "picture"])
@pytest.mark.parametrize("is_label_map", [False, True])
def test_objects_that_are_written_are_in_the_table(statement, kind, is_label_map, tmp_path):
    told = {tuple(row[1:4]) for row in table_under(statement, "### A.1")}
    analysis = kind_analysis(kind, tmp_path)
    details = ReportDetails(dicom=DicomChoices(PATIENT, is_label_map=is_label_map))
    written = set()
    for exporter in EXPORTERS.values():
        if exporter.is_dicom and exporter.is_available(analysis):
            one = dcmread(BytesIO(exporter.write(analysis, details)))
            number = "9704" if exporter.kind == "dicom_source" else str(one.SeriesNumber)
            written.add((str(one.SOPClassUID), one.Modality, number))
    assert len(written) >= 5
    assert written <= told


def test_options_of_deidentification_are_those_of_the_code(statement):
    rows = table_under(statement, "### 7.1")
    offered = {row[1] for row in rows if row[1].isdigit() and not row[2].startswith("no")}
    every = Options(
        retain_uids=True,
        retain_device=True,
        retain_institution=True,
        retain_patient=True,
        clean_descriptors=True,
        clean_structured=True,
        clean_graphics=True,
        dates=Dates.FULL,
    )
    codes = {code for code, _ in method_codes(every, pixels_cleaned=True)}
    codes |= {code for code, _ in method_codes(Options(dates=Dates.SHIFTED), pixels_cleaned=False)}
    assert offered == codes | {BASIC_CODE[0], CLEAN_PIXELS_CODE[0]}
