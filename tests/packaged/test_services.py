"""DICOM objects, de-identification and the network, by the installed program."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from tests.dicom_objects import dciodvfy_errors
from tests.loopback import only_loopback
from tests.network.nodes import Orthanc, OtherPeer, free_port, run, uid_of
from tests.network.test_failures import certificates, web_server
from tests.packaged.machine import CT, FILM, PROGRAM_FOLDER, ROOT, SAMPLES, UID, wait_until

FOLDER = "/srv/services"
PROFILE = f"{FOLDER}/profile"
KEY_STORE = ("gnome-keyring", "dbus")
"""Debian packages of a key store, which the clean system lacks."""
PEER_KEPT = "Peer “Web” is configured."
NO_KEY_STORE = (
    "This system has no key store: the password or token was not kept and is asked for each time."
)


@pytest.fixture(scope="module")
def folder(machine) -> Path:
    """An empty folder of the user, as it is seen from outside."""
    place = machine.at(FOLDER)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    os.chown(place, UID, UID)
    return place


@pytest.fixture
def command(machine, folder):
    """Return a function that runs a command with a profile of its own, in the tests' network."""
    shutil.rmtree(machine.at(PROFILE), ignore_errors=True)

    def start(*arguments: object, **how):
        words = [*map(str, arguments), "--profile-dir", PROFILE]
        return machine.run("spinealign", *words, network=True, **how)

    return start


@pytest.fixture
def loopback() -> Iterator[None]:
    """Nothing but a loopback, for the program and who it talks to."""
    with only_loopback():
        yield


@pytest.fixture
def orthanc(loopback, tmp_path) -> Iterator[Orthanc]:
    with Orthanc(tmp_path) as running:
        yield running


def given(folder: Path) -> None:
    """Let the user read files that a test put into the folder."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, UID, UID)


def facts(dataset: Dataset) -> dict[str, object]:
    """Return an object's values without identifiers, times, and text drawn by a system's fonts."""
    drawn = {"EncapsulatedDocument", "EncapsulatedDocumentLength"}
    if dataset.get("SOPClassUID") == SecondaryCaptureImageStorage:
        drawn.add("PixelData")
    found: dict[str, object] = {}
    for element in dataset:
        if element.VR in ("UI", "DA", "TM", "DT") or element.keyword in drawn:
            continue
        is_sequence = element.VR == "SQ"
        found[element.keyword] = list(map(facts, element.value)) if is_sequence else element.value
    return found


@pytest.mark.parametrize("sample", [FILM, CT], ids=["film", "CT"])
def test_dicom_objects_are_those_of_the_source(machine, folder, command, tmp_path, sample, seen):
    """analyze --dicom: the objects beside those from source, judged by dciodvfy."""
    ended = command("analyze", sample, "--dicom", "--out", f"{FOLDER}/objects")
    source = subprocess.run(
        [sys.executable, "-m", "spinealign", "analyze", str(machine.at(sample)), "--dicom",
         "--out", str(tmp_path / "objects"), "--profile-dir", str(tmp_path / "profile")],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert ended.code == 0, ended.output
    words = source.stdout.replace(str(tmp_path / "objects"), f"{FOLDER}/objects")
    assert without_seconds(ended.output) == without_seconds(words)
    stem = Path(sample).stem
    here = {path.name: path for path in (folder / "objects" / stem).glob("*.dcm")}
    there = {path.name: path for path in (tmp_path / "objects" / stem).glob("*.dcm")}
    assert sorted(here) == sorted(there) != []
    for name, path in here.items():
        assert dciodvfy_errors(path) == [], name
        assert facts(dcmread(path)) == facts(dcmread(there[name])), name
    seen(f"{len(here)} objects, no error, the same but for UIDs and times")


def without_seconds(output: str) -> list[str]:
    return [line.split(" files in ")[0] for line in output.splitlines()]


def test_deidentify(machine, folder, command, seen):
    """deidentify: the samples, without a name; files that are no images are left out and told."""
    ended = command("deidentify", SAMPLES, "--out", f"{FOLDER}/shared")
    lines = ended.output.splitlines()
    images = sum(1 for path in machine.at(SAMPLES).rglob("*") if path.suffix in (".dcm", ".png"))
    assert f"{images} files written to {FOLDER}/shared" in lines
    told = [line for line in lines if "is neither DICOM nor NIfTI nor a picture" in line]
    assert len(lines) == len(told) + 2
    assert (ended.code, len(told) > 0) == (1, True)
    samples = machine.at(SAMPLES).rglob("*.dcm")
    known = {error for path in samples for error in dciodvfy_errors(path)}
    written = sorted((folder / "shared").rglob("*.dcm"))
    for path in written:
        assert dcmread(path).PatientIdentityRemoved == "YES"
        assert b"Phantom^" not in path.read_bytes()
        assert b"CompressedSamples" not in path.read_bytes()
        assert set(dciodvfy_errors(path)) <= known
    seen("; ".join(line for line in lines if line not in told))


def test_no_peer(machine, command):
    """peers list, before anything is configured: one sentence, no profile, no network library."""
    ended = command("peers", "list")
    said = "No peer is configured; “spinealign peers add” adds one.\n"
    assert (ended.code, ended.output) == (0, said)
    assert not machine.at(PROFILE).exists()


def test_orthanc(machine, folder, command, orthanc, seen):
    """Orthanc: C-ECHO, C-STORE, C-FIND, C-GET; the same by DICOMweb with a password."""
    address = ("--host", "127.0.0.1", "--port", orthanc.dicom_port, "--called", "ORTHANC")
    added = command("peers", "add", "Archive", *address, "--retrieve", "get")
    assert (added.code, added.output) == (0, "Peer “Archive” is configured.\n")
    url = f"http://127.0.0.1:{orthanc.http_port}/dicom-web"
    added = command("peers", "add", "Web", "--url", url, "--user", "reader")
    assert (added.code, set(added.output.splitlines())) == (0, {PEER_KEPT, NO_KEY_STORE})
    study = dcmread(machine.at(CT)).StudyInstanceUID
    for peer, typed in (("Archive", ""), ("Web", "s3cret ü\n")):
        orthanc.empty()
        tested = command("peers", "test", peer, typed=typed)
        assert tested.code == 0, tested.output
        assert tested.output.startswith(f"“{peer}” answered in ")
        assert len(tested.output.splitlines()) == 1
        sent = command("send", CT, "--to", peer, typed=typed)
        assert (sent.code, sent.output) == (0, "1 delivered\n")
        assert orthanc.uids() == [uid_of(machine.at(CT))]
        found = command("fetch", peer, "--id", "1CT1", typed=typed)
        assert (found.code, found.output.split()[-1]) == (0, study), found.output
        out = f"{FOLDER}/from-{peer}"
        fetched = command("fetch", peer, "--study", study, "--out", out, typed=typed)
        assert (fetched.code, fetched.output) == (0, f"1 images in {out}\n")
        assert list(map(uid_of, machine.at(out).rglob("*.dcm"))) == orthanc.uids()
    assert command("peers", "test", "Web", typed="wrong\n").code == 1
    seen("sent, found and retrieved by both; without a key store the password is asked for")


@contextmanager
def storage_provider(folder: Path, *options: object) -> Iterator[tuple[int, Path]]:
    """Run DCMTK's storescp; yields its port and the folder that it fills."""
    port, received = free_port(), folder / "received"
    received.mkdir()
    process = subprocess.Popen(
        ["/usr/bin/storescp", "-aet", "OTHER", "-od", str(received), *map(str, options), str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: answers(port), "storescp")
        yield port, received
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def test_encrypted(machine, folder, command, loopback, tmp_path, seen):
    """send by TLS to DCMTK's storescp, which wants a certificate; an unknown one is refused."""
    ours, theirs = (certificates(folder / "tls", name) for name in ("ours", "theirs"))
    given(folder)
    own = [
        "/" + str(Path(path).relative_to(machine.folder))
        for path in (theirs.ca_file, ours.certificate_file, ours.key_file)
    ]
    secure = ("+tls", theirs.key_file, theirs.certificate_file, "+cf", ours.ca_file)
    with storage_provider(tmp_path, *secure) as (port, received):
        address = ("--host", "127.0.0.1", "--port", port, "--called", "OTHER")
        command("peers", "add", "Stranger", *address, "--tls")
        refused = command("send", CT, "--to", "Stranger")
        assert refused.code == 1
        assert "certificate" in refused.output
        assert len(refused.output.splitlines()) == 2
        shutil.rmtree(machine.at(PROFILE))  # with what could not be sent
        options = ("--ca", own[0], "--certificate", own[1], "--key", own[2])
        command("peers", "add", "Other", *address, *options)
        sent = command("send", CT, "--to", "Other")
        assert (sent.code, sent.output) == (0, "1 delivered\n")
        assert list(map(uid_of, received.iterdir())) == [uid_of(machine.at(CT))]
    seen(f"delivered; “{refused.output.splitlines()[0]}”")


def test_encrypted_web(machine, folder, command, loopback, seen):
    """HTTPS: an unknown certificate is refused, one that --ca vouches for is taken."""
    tls = certificates(folder / "tls", "web")
    given(folder)
    authority = "/" + str(Path(tls.ca_file).relative_to(machine.folder))
    with web_server(200, b"[]", tls) as (url, heard):
        command("peers", "add", "Unknown", "--url", url)
        command("peers", "add", "Known", "--url", url, "--ca", authority)
        refused = command("peers", "test", "Unknown")
        assert refused.code == 1
        assert heard == []
        assert command("peers", "test", "Known").code == 0
        assert len(heard) > 0
    assert len(refused.output.splitlines()) == 1
    seen(f"“{refused.output.strip()}”")


def test_receive(machine, folder, command, loopback, seen):
    """receive: storescu sends the film; it is analysed and its results are delivered."""
    other, port = OtherPeer(), free_port()
    address = ("--host", "127.0.0.1", "--port", other.port, "--called", "OTHER")
    assert command("peers", "add", "Other", *address).code == 0
    modality = dcmread(machine.at(FILM), stop_before_pixels=True).Modality
    arguments = (
        "spinealign", "receive", "--from", "SCANNER", "--modality", modality, "--port", str(port),
        "--address", "127.0.0.1", "--quiet", "0", "--once", "--results-to", "Other",
        "--out", f"{FOLDER}/results", "--profile-dir", PROFILE,
    )  # fmt: skip
    with other.listening():
        receiving = subprocess.Popen(
            machine.command(arguments, network=True), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            assert receiving.stdout.readline().startswith("Listening as SPINEALIGN")
            pushed = ("-aec", "SPINEALIGN", "127.0.0.1", port, machine.at(FILM))
            assert run("storescu", "-aet", "SCANNER", *pushed).returncode == 0
            said, _ = receiving.communicate(timeout=300)
        finally:
            if receiving.poll() is None:
                receiving.kill()
                receiving.wait()
    assert (receiving.returncode, said) == (0, f"1 image ({modality}) from SCANNER: analysed.\n")
    [results] = (folder / "results").iterdir()
    assert sorted(map(uid_of, results.glob("*.dcm"))) == sorted(other.stored) != []
    seen(f"{said.strip()} {len(other.stored)} objects delivered")


@pytest.fixture
def key_store(machine) -> Iterator[None]:
    """Have a key store in the clean system, and take it away again."""
    quiet = ("-q", "-y", "--no-install-recommends")
    machine.as_root("apt-get", "install", *quiet, *KEY_STORE)
    yield
    machine.as_root("apt-get", "purge", "-q", "-y", "--auto-remove", *KEY_STORE)


def test_key_store(machine, folder, command, key_store, orthanc, seen):
    """With a key store (GNOME's) the password is kept there, and nowhere in the profile."""
    url = f"http://127.0.0.1:{orthanc.http_port}/dicom-web"
    program = f"spinealign peers %s --profile-dir {PROFILE}"
    script = (
        "printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; "
        f"printf 's3cret ü\\n' | {program % f'add Web --url {url} --user reader'} && "
        f"{program % 'test Web'} </dev/null && {program % 'remove Web'} </dev/null"
    )
    shutil.rmtree(machine.at(PROFILE), ignore_errors=True)
    ended = machine.run("dbus-run-session", "--", "sh", "-c", script, network=True)
    lines = ended.output.splitlines()
    assert ended.code == 0, ended.output
    assert lines[0] == PEER_KEPT
    assert lines[1].startswith("“Web” answered in ")
    assert lines[2:] == ["Peer “Web” was removed."]
    kept = b"".join(path.read_bytes() for path in machine.at(PROFILE).rglob("*.json"))
    assert b"cret" not in kept
    seen("kept, used and forgotten")


def test_nothing_of_the_build_is_missing(machine):
    """Data and metadata of the libraries are in the package."""
    inside = machine.at(f"{PROGRAM_FOLDER}/_internal")
    for place in (
        "certifi/cacert.pem", "highdicom/_standard/module_attribute_map.json",
        "highdicom/_icc_profiles/sRGB_v4_ICC_preference.icc", "keyring-*/entry_points.txt",
        "pynetdicom-*/METADATA", "dicomweb_client-*/METADATA", "pylibjpeg_libjpeg-*/METADATA",
    ):  # fmt: skip
        assert list(inside.glob(place)), place
