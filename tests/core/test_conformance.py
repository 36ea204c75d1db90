"""What the conformance statement says of the network is what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinealign.network.connecting import Timeouts
from spinealign.network.objects import COMPRESSED, IMAGE_CLASSES, RESULT_CLASSES, UNCOMPRESSED
from spinealign.network.outbox import COMMITMENT_WAIT_S, PAUSES_S
from spinealign.network.peers import ReceiverSettings

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
    from spinealign.network import associations, dicom_services, receiver, sender

    timeouts, own = Timeouts(), ReceiverSettings()
    pauses = ", ".join(map(str, PAUSES_S[:-1]))
    for words in (
        f"| implementation class UID | {associations.IMPLEMENTATION_UID} |",
        f"| implementation version name | {associations.IMPLEMENTATION_NAME} |",
        f"| maximum length of PDUs received | {associations._MOST_MEMORY_PDU} |",
        f"| associations as SCP at once | {receiver._MOST_ASSOCIATIONS} |",
        f"at most {sender._MOST_AT_ONCE} objects an association",
        f"after {dicom_services.MOST_ANSWERS} answers",
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
