"""Several objects a request of STOW-RS, and what a server says of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import DeliveryState, NetworkProblem
from spinealign.network import web_services
from spinealign.network.peers import WebPeer
from tests.network.nodes import node, slices, uid_of

JSON = "application/dicom+json"


class Server:
    """A server that stores what it is sent, and answers as a test says.

    Parameters
    ----------
    answer : callable
        Takes the UIDs of a request; returns status, kind and content of the answer.
    """

    def __init__(self, answer: Callable[[list[str]], tuple[int, str, bytes]]) -> None:
        self.answer = answer
        self.requests: list[list[str]] = []
        self.url = ""

    @contextmanager
    def listening(self) -> Iterator[Server]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                uids = uids_in(content)
                server.requests.append(uids)
                status, kind, body = server.answer(uids)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        listener = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=listener.serve_forever)
        thread.start()
        self.url = f"http://127.0.0.1:{listener.server_port}/dicom-web"
        try:
            yield self
        finally:
            listener.shutdown()
            thread.join()
            listener.server_close()

    def peer(self) -> WebPeer:
        return WebPeer(name="Web", url=self.url)


def uids_in(content: bytes) -> list[str]:
    """Return the UIDs of the objects of a request, in their order."""
    from io import BytesIO

    from pydicom import dcmread

    parts = content.split(b"Content-Type: application/dicom\r\n\r\n")[1:]
    return [str(dcmread(BytesIO(p), stop_before_pixels=True).SOPInstanceUID) for p in parts]


def references(uids: list[str], reason: int | None = None) -> dict[str, object]:
    items = []
    for uid in uids:
        item = {"00081155": {"vr": "UI", "Value": [uid]}}
        if reason is not None:
            item["00081197"] = {"vr": "US", "Value": [reason]}
        items.append(item)
    return {"vr": "SQ", "Value": items}


def told(stored: list[str], failed: list[str] = [], reason: int = 0x0110) -> bytes:  # noqa: B006
    answer = {}
    if stored:
        answer["00081199"] = references(stored)
    if failed:
        answer["00081198"] = references(failed, reason)
    return json.dumps(answer).encode()


def told_in_xml(stored: list[str], failed: list[str]) -> bytes:
    def items(uids: list[str], more: str) -> str:
        return "".join(
            f'<Item number="{n}"><DicomAttribute tag="00081155" vr="UI" '
            f'keyword="ReferencedSOPInstanceUID"><Value number="1">{uid}</Value>'
            f"</DicomAttribute>{more}</Item>"
            for n, uid in enumerate(uids, 1)
        )

    reason = (
        '<DicomAttribute tag="00081197" vr="US" keyword="FailureReason"><Value number="1">42752'
        "</Value></DicomAttribute>"
    )
    return (
        '<?xml version="1.0"?><NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/'
        'NativeDICOM"><DicomAttribute tag="00081198" vr="SQ" keyword="FailedSOPSequence">'
        f'{items(failed, reason)}</DicomAttribute><DicomAttribute tag="00081199" vr="SQ" '
        f'keyword="ReferencedSOPSequence">{items(stored, "")}</DicomAttribute></NativeDicomModel>'
    ).encode()


def delivered(server: Server, tmp_path, paths):
    """Send files; return state and problem of each."""
    with server.listening(), closing(node(tmp_path / "profile", server.peer())) as own:
        own.send(["Web"], paths)
        run_to_end(own.deliver())
        return [(each.state, each.failure and each.failure.problem) for each in own.deliveries]


DONE = (DeliveryState.DELIVERED, None)


def test_objects_go_several_a_request(tmp_path, monkeypatch):
    monkeypatch.setattr(web_services, "MOST_OBJECTS", 3)
    server = Server(lambda uids: (200, JSON, told(uids)))
    paths = slices(tmp_path / "in", 7)
    assert delivered(server, tmp_path, paths) == [DONE] * 7
    assert [len(request) for request in server.requests] == [3, 3, 1]
    assert [uid for request in server.requests for uid in request] == list(map(uid_of, paths))


def test_a_request_is_no_larger_than_the_limit(tmp_path, monkeypatch):
    paths = slices(tmp_path / "in", 4)
    monkeypatch.setattr(web_services, "MOST_BYTES", 2 * paths[0].stat().st_size + 1)
    server = Server(lambda uids: (200, JSON, told(uids)))
    assert delivered(server, tmp_path, paths) == [DONE] * 4
    assert [len(request) for request in server.requests] == [2, 2]
    monkeypatch.setattr(web_services, "MOST_BYTES", 1)
    assert delivered(server, tmp_path / "other", paths) == [DONE] * 4
    assert [len(request) for request in server.requests[2:]] == [1] * 4


@pytest.mark.parametrize("kind", [JSON, f"{JSON};charset=utf-8", "application/dicom+xml"])
@pytest.mark.parametrize("status", [202, 409])
def test_each_object_is_told_of_by_itself(tmp_path, kind, status):
    def answer(uids):
        kept, refused = (uids[:1], uids[1:]) if status == 202 else ([], uids)
        body = told(kept, refused, 0xA700) if "json" in kind else told_in_xml(kept, refused)
        return status, kind, body

    full = (DeliveryState.WAITING, NetworkProblem.PEER_FULL)
    first = DONE if status == 202 else full
    server = Server(answer)
    assert delivered(server, tmp_path, slices(tmp_path / "in", 3)) == [first, full, full]
    assert len(server.requests) == 1


def test_one_that_is_refused_keeps_no_other_back(tmp_path):
    paths = slices(tmp_path / "in", 3)
    bad = uid_of(paths[1])

    def answer(uids):
        return 202, JSON, told([u for u in uids if u != bad], [bad], 0x0122)

    refused = (DeliveryState.FAILED, NetworkProblem.NOT_SUPPORTED)
    assert delivered(Server(answer), tmp_path, paths) == [DONE, refused, DONE]


def test_what_an_answer_does_not_name_was_not_stored(tmp_path):
    server = Server(lambda uids: (202, JSON, told(uids[:1])))
    left = (DeliveryState.WAITING, NetworkProblem.HTTP_STATUS)
    assert delivered(server, tmp_path, slices(tmp_path / "in", 2)) == [DONE, left]


def test_an_object_whose_identifier_was_not_read_there(tmp_path):
    item = {"00081197": {"vr": "US", "Value": [0xC000]}}

    def answer(uids):
        others = {"0008119A": {"vr": "SQ", "Value": [item]}}
        return 200, JSON, json.dumps({"00081199": references(uids[:1]), **others}).encode()

    refused = (DeliveryState.FAILED, NetworkProblem.OBJECT_REFUSED)
    assert delivered(Server(answer), tmp_path, slices(tmp_path / "in", 2)) == [DONE, refused]


@pytest.mark.parametrize("status", [400, 413, 500])
def test_a_request_that_fails_as_a_whole_is_sent_object_by_object(tmp_path, status):
    """A large request that a server does not take, or one object that it stumbles over."""
    paths = slices(tmp_path / "in", 3)
    bad = uid_of(paths[1])

    def answer(uids):
        stumbles = len(uids) > 1 or (status != 413 and bad in uids)
        return (status, "text/html", b"") if stumbles else (200, JSON, told(uids))

    second = DONE if status == 413 else (DeliveryState.WAITING, NetworkProblem.HTTP_STATUS)
    server = Server(answer)
    assert delivered(server, tmp_path, paths) == [DONE, second, DONE]
    assert [len(request) for request in server.requests] == [3, 1, 1, 1]


@pytest.mark.parametrize(
    ("status", "problem", "requests"),
    [
        (401, NetworkProblem.HTTP_UNAUTHORISED, [3]),
        (404, NetworkProblem.HTTP_NOT_FOUND, [3]),
        (503, NetworkProblem.HTTP_STATUS, [3, 1]),
        (507, NetworkProblem.PEER_FULL, [3, 1]),
    ],
)
def test_a_server_that_takes_nothing_is_not_asked_for_each(tmp_path, status, problem, requests):
    server = Server(lambda uids: (status, "text/html", b""))
    found = delivered(server, tmp_path, slices(tmp_path / "in", 3))
    assert {each[1] for each in found} == {problem}
    assert [len(request) for request in server.requests] == requests
