"""The commands of the network, against Orthanc."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from pydicom import dcmread

from spinealign.cli import main as cli
from spinealign.domain.paths import PROFILE_VARIABLE, resources_dir
from spinealign.network.connecting import Timeouts
from spinealign.network.peers import (
    SETTINGS_FILE,
    ReceiverSettings,
    load_settings,
    save_settings,
)
from tests.network.nodes import OWN_TITLE, OtherPeer, free_port, run, slice_file, slices, uid_of


@pytest.fixture
def profile(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(PROFILE_VARIABLE, str(tmp_path / "profile"))
    return tmp_path / "profile"


@pytest.fixture
def command(profile, capsys):
    def run_it(*arguments: object) -> tuple[int, str, str]:
        code = cli.run_command(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return code, out, err

    return run_it


def add_archive(command, orthanc, *more):
    return command(
        "peers", "add", "Archive", "--host", "127.0.0.1", "--port", orthanc.dicom_port,
        "--called", "ORTHANC", *more,
    )  # fmt: skip


def test_peers_are_added_tested_listed_and_removed(command, orthanc, profile):
    assert command("peers", "list")[:2] == (
        0,
        "No peer is configured; “spinealign peers add” adds one.\n",
    )
    assert not profile.exists()
    assert add_archive(command, orthanc)[:2] == (0, "Peer “Archive” is configured.\n")
    code, out, _ = command("peers", "test", "Archive")
    assert code == 0
    assert out.startswith("“Archive” answered in ")
    assert "can be searched" in out
    assert command("peers", "list")[1] == f"Archive  ORTHANC  127.0.0.1:{orthanc.dicom_port}\n"
    code, _, err = add_archive(command, orthanc)
    assert (code, err.split(".")[0]) == (1, "There is a peer “Archive” already")
    assert add_archive(command, orthanc, "--replace", "--calling", "STRANGER")[0] == 0
    code, out, err = command("peers", "test", "Archive")
    assert (code, out) == (1, "")
    assert err.startswith("The peer “Archive” broke off the connection.")
    schema = json.loads((resources_dir() / "schemas" / "network.schema.json").read_text("utf-8"))
    written = json.loads((profile / SETTINGS_FILE).read_text("utf-8"))
    jsonschema.validate(written, schema)
    assert command("peers", "remove", "Archive")[0] == 0
    assert command("peers", "remove", "Archive")[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("peers", "add", "A"),
        ("peers", "add", "A", "--host", "h", "--url", "http://h/x"),
        ("peers", "add", "A", "--host", "h"),
        ("send",),
        ("send", "a.dcm"),
        ("send", "--to", "A"),
        ("fetch", "A", "--out", "x"),
        ("fetch", "A", "--date", "2026"),
        ("receive", "--modality", "CT"),
    ],
    ids=" ".join,
)
def test_wrong_use(command, arguments):
    if arguments == ("send",):  # sends what is due: nothing
        assert command(*arguments)[:2] == (0, "0 delivered\n")
        return
    if arguments[0] == "fetch":
        command("peers", "add", "A", "--host", "h", "--called", "X")
    code, _, err = command(*arguments)
    assert code == 2
    assert err.startswith("spinealign: ")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--called", "SEVENTEEN_LETTERS"), "called_title"),
        (("--called", "A\\B"), "called_title"),
        (("--called", "X", "--port", "0"), "port"),
    ],
)
def test_impossible_values_are_told(command, more, words):
    code, _, err = command("peers", "add", "A", "--host", "h", *more)
    assert code == 1
    assert f"({words})" in err


def test_sent_fetched_and_the_same(command, orthanc, profile, tmp_path):
    add_archive(command, orthanc, "--retrieve", "get")
    paths = slices(tmp_path / "in", 3, study="1.2.3", series="1.2.3.1", PatientName="DOE^JOHN")
    (tmp_path / "in" / "notes.txt").write_text("no DICOM")
    assert command("send", tmp_path / "in", "--to", "Archive") == (
        0, "3 delivered\n", "1 file is no DICOM, and not sent.\n",
    )  # fmt: skip
    assert orthanc.uids() == sorted(map(uid_of, paths))
    code, out, _ = command("fetch", "Archive", "--name", "doe", "--date", "2004-")
    assert code == 2
    code, out, _ = command("fetch", "Archive", "--name", "doe", "--date", "20040101-")
    assert (code, out.split("  ")[:2], out.split("  ")[-1]) == (
        0,
        ["2004-01-19", "DOE, JOHN"],
        "1.2.3\n",
    )
    assert command("fetch", "Archive", "--name", "roe")[1] == "Nothing was found.\n"
    assert command("fetch", "Archive", "--study", "1.2.3")[1].endswith("1.2.3.1\n")
    code, out, _ = command("fetch", "Archive", "--study", "1.2.3", "--out", tmp_path / "out")
    assert (code, out) == (0, f"3 images in {tmp_path / 'out'}\n")
    fetched = sorted((tmp_path / "out").rglob("*.dcm"))
    assert sorted(map(uid_of, fetched)) == sorted(map(uid_of, paths))
    assert not any("DOE" in str(path) or "1CT1" in str(path) for path in fetched)


def test_a_failure_is_one_sentence_and_retry_sends_it(command, orthanc, profile, tmp_path):
    port = free_port()
    command("peers", "add", "Other", "--host", "127.0.0.1", "--port", port, "--called", "OTHER")
    path = slice_file(tmp_path / "in")
    code, out, err = command("send", path, "--to", "Other")
    assert (code, out) == (1, "0 delivered, 1 waiting to be tried again\n")
    assert err.startswith(f"Nobody listens where “Other” should be (127.0.0.1, port {port}).")
    listed = command("send", "--list")[1]
    assert listed.startswith(f"1  {path.name}  series 1, number 1  {uid_of(path)}  Nobody listens")
    other = OtherPeer()
    other.port = port
    with other.listening():
        assert command("send")[0] == 1  # its pause is not over
        assert command("send", "--retry")[:2] == (0, "1 delivered\n")
    assert other.stored == [uid_of(path)]
    nothing = "Nothing waits to be sent, and nothing was received.\n"
    assert command("send", "--list") == (0, nothing, "")


def test_what_cannot_be_queued_is_named_and_keeps_no_other_back(command, profile, tmp_path):
    other = OtherPeer()
    address = ("--host", "127.0.0.1", "--port", other.port, "--called", "OTHER")
    command("peers", "add", "Other", *address)
    folder = tmp_path / "in"
    good = [*slices(folder, 2), slice_file(folder, sop_uid="1.2.3.4")]
    twin = slice_file(folder, sop_uid="1.2.3.4", PatientComments="another object")
    (folder / "a.dcm").write_bytes(bytes(128) + b"DICM and then nothing of it")
    (folder / "b.dcm").symlink_to("/proc/self/mem")  # is there, and nobody can read it
    with other.listening():
        code, out, err = command("send", folder, "--to", "Other")
    assert (code, out) == (1, "3 delivered, 3 not queued\n")
    assert sorted(other.stored) == sorted(map(uid_of, good))
    said = dict(line.split(": ", 1) for line in err.splitlines())
    assert list(said) == [str(twin), str(folder / "a.dcm"), str(folder / "b.dcm")]
    assert said[str(twin)].startswith("Another object with the same identifier was queued for")
    assert said[str(folder / "a.dcm")].startswith("The file is no DICOM object")
    assert said[str(folder / "b.dcm")].startswith("The file that was to be sent cannot be read")


def test_what_only_calls_itself_dicom_is_named(command, profile, tmp_path):
    other = OtherPeer()
    address = ("--host", "127.0.0.1", "--port", other.port, "--called", "OTHER")
    command("peers", "add", "Other", *address)
    folder = tmp_path / "in"
    slices(folder, 2)
    (folder / "bad.dcm").write_text("no DICOM")
    (folder / "notes.txt").write_text("no DICOM")
    with other.listening():
        code, out, err = command("send", folder, "--to", "Other")
    assert (code, out) == (1, "2 delivered, 1 not queued\n")
    left_out, named = err.splitlines()
    assert left_out == "1 file is no DICOM, and not sent."
    assert named.startswith(f"{folder / 'bad.dcm'}: The file is no DICOM object")


def test_objects_are_taken_out_of_the_queue(command, profile, tmp_path):
    address = ("--host", "127.0.0.1", "--port", free_port(), "--called", "OTHER")
    command("peers", "add", "Other", *address)
    paths = slices(tmp_path / "in", 3)
    command("send", *paths, "--to", "Other")
    code, _, err = command("send", "--remove", "1", "--remove", "1.2.3")
    assert (code, "“1.2.3”" in err) == (2, True)
    assert len(command("send", "--list")[1].splitlines()) == 3
    removed = command("send", "--remove", "1", "--remove", uid_of(paths[1]))
    assert removed == (0, "2 objects were taken out of the queue and will not be sent.\n", "")
    [left] = command("send", "--list")[1].splitlines()
    assert left.split("  ")[3] == uid_of(paths[2])
    assert command("send", "--remove", "3", "--retry")[0] == 2


@pytest.mark.parametrize("reports_on", ["same", "other", "never"])
def test_commitment_that_is_pending_is_no_failure(
    command, profile, tmp_path, monkeypatch, reports_on
):
    monkeypatch.setattr(Timeouts.__init__, "__defaults__", (10.0, 10.0, 60.0, 1.0))
    other = OtherPeer()
    other.reports_on, other.own_port = "never", free_port()
    address = ("--host", "127.0.0.1", "--port", other.port, "--called", "OTHER", "--commitment")
    command("peers", "add", "Other", *address)
    receiver = ReceiverSettings(address="127.0.0.1", port=other.own_port)
    save_settings(profile, load_settings(profile).with_receiver(receiver))
    with other.listening():
        first = slice_file(tmp_path / "in")
        code, out, err = command("send", first, "--to", "Other", "--wait", "0.1")
        assert (code, out, err) == (0, "0 delivered, 1 sent, storage commitment pending\n", "")
        said = command("send", "--list")[1]
        assert said.endswith("  To “Other”: sent, waits for commitment.\n")
        other.reports_on = reports_on
        path = slice_file(tmp_path / "in")
        if reports_on == "never":
            assert command("send", path, "--to", "Other", "--wait", "0.1")[:2] == (
                0, "0 delivered, 2 sent, storage commitment pending\n",
            )  # fmt: skip
            return
        code, out, err = command("send", path, "--to", "Other", "--wait", "0.5")
        assert (code, out, err) == (0, "1 delivered, 1 sent, storage commitment pending\n", "")
        assert other.report_status == [0x0000]


@pytest.mark.parametrize("kind", ["node", "server"])
@pytest.mark.parametrize("option", ["--ca", "--certificate"])
@pytest.mark.parametrize("content", [None, b"no certificate"], ids=["missing", "another file"])
def test_a_file_that_is_no_certificate_is_refused(
    command, profile, tmp_path, kind, option, content
):
    where = {"node": ("--host", "h", "--called", "X", "--tls"), "server": ("--url", "https://h/x")}
    path = tmp_path / "hospital.pem"
    if content is not None:
        path.write_bytes(content)
    code, out, err = command("peers", "add", "A", *where[kind], option, path)
    assert (code, out) == (1, "")
    whose = {"--ca": "The file of trusted authorities for “A”", "--certificate": "The files of"}
    assert err.startswith(whose[option])
    assert not (profile / SETTINGS_FILE).exists()


def test_a_password_is_asked_for_where_there_is_no_key_store(
    command, orthanc, profile, monkeypatch
):
    from spinealign.accounts.key_store import KeyStore

    monkeypatch.setattr(KeyStore, "is_there", property(lambda self: False))
    code, _, err = command(
        "peers", "add", "Web", "--url", f"http://127.0.0.1:{orthanc.http_port}/dicom-web",
        "--user", "reader",
    )  # fmt: skip
    assert code == 0
    assert err.startswith("This system has no key store")
    for typed, wanted in (("s3cret ü\n", 0), ("wrong\n", 1), ("", 1)):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        assert command("peers", "test", "Web")[0] == wanted
    assert b"cret" not in (profile / SETTINGS_FILE).read_bytes()


SAMPLE = resources_dir() / "samples" / "xray_lateral_phantom" / "neck_phantom.dcm"


def test_receive_analyses_what_comes_and_sends_its_results(command, profile, tmp_path):
    """The program in a process of its own; storescu sends a film, a peer gets the results."""
    port, other = free_port(), OtherPeer()
    film = dcmread(SAMPLE, stop_before_pixels=True)
    address = ("--host", "127.0.0.1", "--port", other.port, "--called", "OTHER")
    assert command("peers", "add", "Other", *address)[0] == 0
    environment = {**os.environ, PROFILE_VARIABLE: str(profile)}
    with other.listening():
        receiving = subprocess.Popen(
            [sys.executable, "-m", "spinealign", "receive", "--from", "SCANNER",
             "--modality", film.Modality, "--port", str(port), "--address", "127.0.0.1",
             "--quiet", "0", "--once", "--results-to", "Other", "--out", str(tmp_path / "results")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        try:
            said = receiving.stdout.readline()
            assert said == f"Listening as {OWN_TITLE} on port {port}; Ctrl+C stops.\n"
            pushed = ("-aec", OWN_TITLE, "127.0.0.1", port, SAMPLE)
            assert run("storescu", "-aet", "STRANGER", *pushed).returncode != 0
            done = run("storescu", "-aet", "SCANNER", *pushed)
            assert done.returncode == 0, done.stderr
            out, err = receiving.communicate(timeout=200)
        finally:
            if receiving.poll() is None:
                receiving.send_signal(signal.SIGINT)
                receiving.wait(20)
    assert (receiving.returncode, err) == (0, "")
    assert out == f"1 image ({film.Modality}) from SCANNER: analysed.\n"
    [results] = (tmp_path / "results").iterdir()
    assert (results / "analysis.json").is_file()
    objects = sorted(results.rglob("*.dcm"))
    assert objects
    assert sorted(other.stored) == sorted(map(uid_of, objects))
    for path in objects:
        made = dcmread(path, stop_before_pixels=True)
        assert made.StudyInstanceUID == film.StudyInstanceUID
        assert made.PatientID == film.PatientID
