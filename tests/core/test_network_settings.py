"""What is configured of the network: kept, checked, worded; without a socket."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from spinealign.accounts.key_store import KeyStore
from spinealign.domain.network import (
    ArrivalState,
    Delivery,
    DeliveryState,
    NetworkError,
    NetworkProblem,
    PeerTest,
    Service,
    StudyQuery,
)
from spinealign.network.node import Network
from spinealign.network.peers import (
    SETTINGS_FILE,
    DicomPeer,
    NetworkSettings,
    ReceiverSettings,
    RetrieveWay,
    Rule,
    SignIn,
    Tls,
    WebPeer,
    load_settings,
    network_schema,
    save_settings,
)
from spinealign.wording import explain
from spinealign.wording.network import (
    ARRIVAL_WORDS,
    DELIVERY_WORDS,
    SERVICE_WORDS,
    name_text,
    peer_test_text,
)
from spinealign.wording.network_window import delivery_cells

NODE = DicomPeer(
    name="Archive", called_title="ORTHANC", host="pacs.example", port=11112, tls=Tls("/ca.pem"),
    retrieve_by=RetrieveWay.MOVE, asks_commitment=True,
)  # fmt: skip
SERVER = WebPeer(name="Web", url="https://pacs.example/dicom-web", sign_in=SignIn.TOKEN)
WHOLE = NetworkSettings(
    peers=(NODE, SERVER),
    receiver=ReceiverSettings(
        is_on=True, rules=(Rule(calling_title="CT1", modalities=("CT",), results_to=("Web",)),)
    ),
)


def problem_of(call, *arguments, **named) -> NetworkError:
    with pytest.raises(NetworkError) as told:
        call(*arguments, **named)
    return told.value


def test_settings_come_back_as_they_were_kept(tmp_path):
    assert load_settings(tmp_path) == NetworkSettings()
    save_settings(tmp_path, WHOLE)
    assert load_settings(tmp_path) == WHOLE
    assert (tmp_path / SETTINGS_FILE).stat().st_mode & 0o077 == 0
    written = json.loads((tmp_path / SETTINGS_FILE).read_text(encoding="utf-8"))
    jsonschema.validate(written, network_schema())
    assert [peer["kind"] for peer in written["peers"]] == ["dicom", "dicomweb"]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["peers"][0].update(port=70000),
        lambda data: data["peers"][0].update(password="secret"),
        lambda data: data["peers"][0].update(kind="ftp"),
        lambda data: data["peers"][1].update(url="https://user:secret@pacs.example/x"),
        lambda data: data["peers"][1].update(url="ftp://pacs.example/x"),
        lambda data: data["peers"].append(data["peers"][0]),
        lambda data: data.update(schema="spinealign-network-2"),
        lambda data: data["receiver"]["rules"][0].update(calling_title="A\\B"),
        lambda data: data["receiver"]["rules"][0].pop("calling_title"),
    ],
)
def test_settings_that_are_not_ours_are_refused(tmp_path, change):
    data = json.loads(msgspec.json.encode(WHOLE))
    change(data)
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(data), encoding="utf-8")
    assert problem_of(load_settings, tmp_path).problem is NetworkProblem.SETTINGS_BROKEN


@pytest.mark.parametrize(
    "named",
    [
        {"called_title": ""},
        {"called_title": " A"},
        {"called_title": "A" * 17},
        {"called_title": "ÄRZTE"},
        {"port": 0},
        {"host": ""},
        {"host": "a b"},
        {"name": ""},
        {"name": "a\nb"},
    ],
    ids=str,
)
def test_impossible_peers_are_refused_with_the_place(named):
    peer = msgspec.structs.replace(NODE, **named)
    error = problem_of(NetworkSettings().with_peer, peer)
    assert error.problem is NetworkProblem.SETTINGS_INVALID
    assert error.detail == next(iter(named))


def test_peers_are_known_by_their_names():
    assert problem_of(WHOLE.with_peer, NODE).problem is NetworkProblem.PEER_EXISTS
    other = msgspec.structs.replace(NODE, port=104)
    assert WHOLE.with_peer(other, replaces=True).peer("Archive") == other
    assert len(WHOLE.with_peer(other, replaces=True).peers) == 2
    assert problem_of(WHOLE.without_peer("Web").peer, "Web").problem is NetworkProblem.UNKNOWN_PEER


@pytest.mark.parametrize(
    ("url", "is_private"),
    [
        ("https://pacs.example/x", True),
        ("http://pacs.example/x", False),
        ("http://localhost:8042/x", True),
        ("http://127.0.0.9:8042/x", True),
        ("http://[::1]:8042/x", True),
        ("http://10.0.0.1/x", False),
        ("http://localhost.example/x", False),
    ],
)
def test_what_others_could_read(url, is_private):
    assert WebPeer(name="W", url=url).is_private is is_private


@pytest.mark.parametrize(
    ("rule", "is_taken"),
    [
        (Rule(calling_title="CT1"), True),
        (Rule(calling_title="ct1"), False),
        (Rule(calling_title="CT1", modalities=("MR", "CT")), True),
        (Rule(calling_title="CT1", modalities=("MR",)), False),
        (Rule(calling_title="CT1", body_parts=("CSPINE",)), True),
        (Rule(calling_title="CT1", body_parts=("LSPINE",)), False),
        (Rule(calling_title="CT1", modalities=("MR",), body_parts=("CSPINE",)), False),
    ],
    ids=str,
)
def test_all_of_a_rule_must_hold(rule, is_taken):
    own = ReceiverSettings(rules=(Rule(calling_title="ELSE"), rule))
    assert (own.rule_for("CT1", "CT", "CSPINE") is rule) is is_taken


def test_the_first_rule_counts():
    first, second = Rule(calling_title="CT1", is_analysed=False), Rule(calling_title="CT1")
    assert ReceiverSettings(rules=(first, second)).rule_for("CT1", "", "") is first


@pytest.mark.parametrize(
    ("query", "dates"),
    [
        (StudyQuery(), ""),
        (StudyQuery(first_date="20260101"), "20260101-"),
        (StudyQuery(last_date="20260101"), "-20260101"),
        (StudyQuery(first_date="20260101", last_date="20260101"), "20260101"),
        (StudyQuery(first_date="20260101", last_date="20260102"), "20260101-20260102"),
    ],
    ids=str,
)
def test_dates_are_matched_as_a_range(query, dates):
    assert query.dates == dates


@pytest.mark.parametrize("problem", NetworkProblem)
def test_every_problem_is_one_sentence_and_what_to_do(problem):
    message = explain(NetworkError(problem, "Archive {name}", "A700"))
    assert message.sentence.endswith(".")
    assert ". " not in message.sentence
    assert message.sentence[0].isupper()
    assert message.advice.endswith(".")
    assert "{detail}" not in message.sentence + message.advice
    assert "_" not in message.sentence
    assert "  " not in explain(NetworkError(problem)).sentence


def test_problems_are_told_apart():
    sentences = {explain(NetworkError(problem, "A")).sentence for problem in NetworkProblem}
    assert len(sentences) == len(NetworkProblem)


def test_every_state_and_service_has_words():
    assert set(SERVICE_WORDS) == set(Service)
    assert set(DELIVERY_WORDS) == set(DeliveryState)
    assert set(ARRIVAL_WORDS) == set(ArrivalState)


def test_a_test_is_told_as_one_sentence():
    offered = PeerTest("A", None, (Service.VERIFY, Service.FIND, Service.GET), 0.0123)
    assert peer_test_text(offered) == (
        "“A” answered in 12 ms; it can be searched and sends images (C-GET)."
    )
    assert peer_test_text(PeerTest("A", None, (Service.VERIFY,), 0.5)) == "“A” answered in 500 ms."
    failed = PeerTest("A", NetworkError(NetworkProblem.CALLED_TITLE, "A", "X"))
    assert peer_test_text(failed) == "The peer “A” says that it has another AE title (X)."


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DOE^JOHN", "DOE, JOHN"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
        ("Doe^Jane^Mary^Dr^MD", "Doe, Jane Mary"),
        ("DOE", "DOE"),
        ("DOE\x1b[31m^J", "DOE\ufffd[31m, J"),
    ],
)
def test_names_are_written_as_people_do(name, words):
    assert name_text(name) == words


class Backend:
    priority = 5

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service, user):
        return self.kept.get((service, user))

    def set_password(self, service, user, secret):
        self.kept[service, user] = secret

    def delete_password(self, service, user):
        from keyring.errors import PasswordDeleteError

        if (service, user) not in self.kept:
            raise PasswordDeleteError(user)
        del self.kept[service, user]


@pytest.mark.parametrize(
    ("module", "priority", "is_there"),
    [
        ("keyring.backends.SecretService", 5, True),
        ("keyring.backends.Windows", 5, True),
        ("keyring.backends.macOS", 5, True),
        ("keyring.backends.fail", 0, False),
        ("keyring.backends.null", -1, False),
        ("keyrings.alt.file", 0.5, False),
        ("elsewhere.Windows", 5, False),
    ],
)
def test_only_the_systems_own_key_store_counts(monkeypatch, module, priority, is_there):
    backend = type("Kind", (Backend,), {"__module__": module, "priority": priority})()
    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(f"keyring.{name}", getattr(backend, name))
    monkeypatch.setattr("keyring.get_keyring", lambda: backend)
    store = KeyStore()
    assert store.is_there is is_there
    assert store.set("A", "s3cret") is is_there
    assert store.get("A") == ("s3cret" if is_there else None)
    store.forget("A")
    store.forget("A")
    assert backend.kept == {}


def test_a_key_store_that_is_locked_counts_as_none(monkeypatch):
    from keyring.errors import KeyringLocked

    def locked(*_):
        raise KeyringLocked

    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(f"keyring.{name}", locked)
    monkeypatch.setattr(KeyStore, "is_there", True)
    assert KeyStore().get("A") is None
    assert not KeyStore().set("A", "x")
    KeyStore().forget("A")


def test_a_node_writes_nothing_before_it_is_asked_to(tmp_path):
    own = Network(tmp_path / "profile")
    assert not own.is_configured
    assert own.settings == NetworkSettings()
    own.close()
    assert not Path(tmp_path / "profile").exists()


@pytest.mark.parametrize(
    ("state", "problem", "words"),
    [
        (DeliveryState.WAITING, None, "waits"),
        (DeliveryState.WAITING, NetworkProblem.REFUSED, "waits to be tried again"),
        (DeliveryState.SENT, None, "sent, commitment not asked for yet"),
        (DeliveryState.SENT, NetworkProblem.REFUSED, "sent, commitment to be asked for again"),
        (DeliveryState.ASKED, None, "sent, waits for commitment"),
        (DeliveryState.ASKED, NetworkProblem.NO_COMMITMENT_RESULT,
         "sent, asked for commitment again"),
        (DeliveryState.FAILED, NetworkProblem.CALLED_TITLE, "failed, waits for Retry"),
        (DeliveryState.DELIVERED, None, "delivered"),
    ],
)  # fmt: skip
def test_the_list_tells_waiting_for_commitment_from_what_is_tried_again(state, problem, words):
    failure = None if problem is None else NetworkError(problem, "Archive")
    row = Delivery(1, "Archive", "1.2.3", state, 2, 100.0, failure)
    cells = delivery_cells(row, now=200.0)
    assert cells[2] == words
    assert bool(cells[4]) is (state not in (DeliveryState.DELIVERED, DeliveryState.FAILED))
