"""Every service against Orthanc: verify, store, find, get, move, worklist, QIDO, WADO, STOW."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import (
    DeliveryState,
    NetworkError,
    NetworkProblem,
    Service,
    StudyQuery,
)
from spinealign.network.peers import RetrieveWay
from tests.network.nodes import data_of, node, run, slice_file, slices, uid_of

NAMED = {
    "PatientName": "Müller^Jörg",
    "SpecificCharacterSet": "ISO_IR 100",
    "AccessionNumber": "A7",
}


def secrets():
    from tests.network.nodes import Secrets

    kept = Secrets()
    kept.set("Web archive", "s3cret ü")
    return kept


@pytest.fixture
def archive(orthanc, tmp_path):
    """SpineAlign as a node that knows Orthanc by both protocols."""
    own = node(
        tmp_path / "profile", orthanc.peer(), orthanc.web_peer(), receiver=orthanc.own(),
        secrets=secrets(),
    )  # fmt: skip
    yield own
    own.close()


def sent(own, name, paths):
    own.send([name], paths)
    run_to_end(own.deliver())
    assert {each.state for each in own.deliveries} == {DeliveryState.DELIVERED}


def test_verify_tells_what_the_peer_accepts(archive, orthanc):
    found = archive.test(orthanc.peer())
    assert found.has_passed
    assert {Service.VERIFY, Service.FIND, Service.MOVE, Service.GET, Service.STORE} <= {
        *found.services
    }
    assert {Service.WORKLIST, Service.COMMITMENT} <= {*found.services}


def test_verify_of_a_web_server(archive, orthanc):
    assert archive.test(orthanc.web_peer()).has_passed


@pytest.mark.parametrize("name", ["Archive", "Web archive"])
def test_what_was_stored_is_the_same_byte_by_byte(archive, orthanc, tmp_path, name):
    paths = slices(tmp_path / "in", 3)
    sent(archive, name, paths)
    assert orthanc.uids() == sorted(map(uid_of, paths))
    kept = {}
    for key in orthanc.rest("instances"):
        path = tmp_path / f"{key}.dcm"
        path.write_bytes(orthanc.rest(f"instances/{key}/file"))
        kept[uid_of(path)] = path
    for path in paths:
        assert data_of(kept[uid_of(path)]) == data_of(path)


@pytest.mark.parametrize("name", ["Archive", "Web archive"])
@pytest.mark.parametrize(
    ("query", "count"),
    [
        (StudyQuery(), 2),
        (StudyQuery(patient_name="Müller"), 1),
        (StudyQuery(patient_name="mül*jö*"), 1),
        (StudyQuery(patient_name="Jörg"), 0),
        (StudyQuery(patient_id="P2"), 1),
        (StudyQuery(patient_id="P"), 0),
        (StudyQuery(accession_number="A7"), 1),
        (StudyQuery(first_date="20040101", last_date="20041231"), 2),
        (StudyQuery(first_date="20040120"), 0),
        (StudyQuery(last_date="20040118"), 0),
        (StudyQuery(first_date="20040119", last_date="20040119"), 2),
        (StudyQuery(modality="CT"), 2),
        (StudyQuery(modality="MR"), 0),
    ],
    ids=str,
)
def test_studies_are_found_by_what_is_asked(archive, tmp_path, name, query, count):
    sent(
        archive, "Archive",
        [slice_file(tmp_path, patient="P1", study="1.2.3", **NAMED),
         slice_file(
             tmp_path, patient="P2", study="1.2.4", series="1.2.4.1", PatientName="Miller^Jan",
         )],
    )  # fmt: skip
    found = run_to_end(archive.find(name, query))
    assert len(found) == count
    if query.patient_name:
        for study in found:
            assert study.patient_name == "Müller^Jörg"
            assert (study.patient_id, study.accession_number) == ("P1", "A7")
            assert (study.study_uid, study.date, study.modalities) == ("1.2.3", "20040119", ("CT",))
            assert (study.series_count, study.instance_count) == (1, 1)
            assert "ller" not in repr(study)


@pytest.mark.parametrize("name", ["Archive", "Web archive"])
def test_series_of_a_study_are_listed(archive, tmp_path, name):
    for series in ("1.2.3.1", "1.2.3.2"):
        sent(archive, "Archive", slices(tmp_path / series, 2, study="1.2.3", series=series))
    found = run_to_end(archive.find_series(name, "1.2.3"))
    assert sorted(each.series_uid for each in found) == ["1.2.3.1", "1.2.3.2"]
    assert {(each.modality, each.study_uid) for each in found} == {("CT", "1.2.3")}


@pytest.mark.parametrize(
    ("name", "way"),
    [("Archive", RetrieveWay.GET), ("Archive", RetrieveWay.MOVE), ("Web archive", None)],
    ids=["C-GET", "C-MOVE", "WADO"],
)
@pytest.mark.parametrize("series", ["", "1.2.3.2"], ids=["study", "series"])
def test_what_is_fetched_is_what_was_sent(orthanc, tmp_path, name, way, series):
    peer = orthanc.peer(retrieve_by=way or RetrieveWay.GET)
    own = node(
        tmp_path / "profile", peer, orthanc.web_peer(), receiver=orthanc.own(), secrets=secrets()
    )
    paths = {uid: slices(tmp_path / uid, 2, study="1.2.3", series=uid)
             for uid in ("1.2.3.1", "1.2.3.2")}  # fmt: skip
    sent(own, "Archive", [*paths["1.2.3.1"], *paths["1.2.3.2"]])
    sent(own, "Archive", [slice_file(tmp_path / "else", study="1.2.9", series="1.2.9.1")])
    fetched = run_to_end(own.fetch(name, tmp_path / "out", "1.2.3", series))
    wanted = paths[series] if series else [*paths["1.2.3.1"], *paths["1.2.3.2"]]
    assert {uid_of(p): data_of(p) for p in fetched.paths} == {uid_of(p): data_of(p) for p in wanted}
    assert len({path.parent for path in fetched.paths}) == (1 if series else 2)
    own.close()


def test_fetched_images_keep_their_compression(archive, orthanc, tmp_path):
    path = get_testdata_file("JPEG2000.dcm")
    head = dcmread(path, stop_before_pixels=True)
    orthanc.rest("instances", "post", data=Path(path).read_bytes())
    for name in ("Archive", "Web archive"):
        folder = tmp_path / name
        [kept] = run_to_end(archive.fetch(name, folder, head.StudyInstanceUID)).paths
        assert dcmread(kept).file_meta.TransferSyntaxUID == head.file_meta.TransferSyntaxUID


def test_a_study_that_is_not_there_is_told(archive, tmp_path):
    for name in ("Archive", "Web archive"):
        with pytest.raises(NetworkError) as told:
            run_to_end(archive.fetch(name, tmp_path / "out", "1.2.3.4.5"))
        assert told.value.problem in (NetworkProblem.NOTHING_FOUND, NetworkProblem.HTTP_NOT_FOUND)


WORKLIST = """
(0008,0005) CS [ISO_IR 100]
(0008,0050) SH [ACC1]
(0010,0010) PN [Meier^Änne]
(0010,0020) LO [W1]
(0020,000d) UI [1.2.77]
(0032,1060) LO [MR lumbar spine]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [MR]
(0040,0001) AE [SCANNER]
(0040,0002) DA [20261129]
(0040,0003) TM [0930]
(0040,0009) SH [S1]
(fffe,e00d) -
(fffe,e0dd) -
"""


def test_a_worklist_is_read(archive, orthanc, tmp_path):
    text = tmp_path / "item.txt"
    text.write_text(WORKLIST.strip() + "\n", encoding="latin-1")
    done = run("dump2dcm", "+te", text, orthanc.worklists / "item.wl")
    assert done.returncode == 0, done.stderr
    query = StudyQuery(patient_name="Meier", first_date="20261129", last_date="20261129")
    [item] = run_to_end(archive.find_worklist("Archive", query))
    assert (item.patient_name, item.patient_id, item.accession_number) == (
        "Meier^Änne", "W1", "ACC1",
    )  # fmt: skip
    assert (item.study_uid, item.procedure, item.modality) == ("1.2.77", "MR lumbar spine", "MR")
    assert (item.station, item.date, item.time) == ("SCANNER", "20261129", "0930")
    other_day = replace(query, first_date="20261130", last_date="20261130")
    assert run_to_end(archive.find_worklist("Archive", other_day)) == ()
    (orthanc.worklists / "item.wl").unlink()


def test_orthanc_commits_itself(orthanc, tmp_path):
    """It reports on an association of its own, which the receiver takes in."""
    from spinealign.network.peers import Rule

    own = node(
        tmp_path / "profile", orthanc.peer(asks_commitment=True),
        receiver=orthanc.own(rules=(Rule(calling_title="ORTHANC"),)),
    )  # fmt: skip
    own.start_receiver()
    try:
        own.send(["Archive"], slices(tmp_path / "in", 2))
        run_to_end(own.deliver())
        assert own.has_been_told.wait(20)
        assert {each.state for each in own.deliveries} == {DeliveryState.DELIVERED}
    finally:
        own.close()
