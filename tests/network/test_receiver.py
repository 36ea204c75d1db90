"""The receiver: takes in what a rule asks for, each object once, and never mixes patients."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.generators import run_to_end
from spinealign.domain.network import ArrivalState, DeliveryState, NetworkError, NetworkProblem
from spinealign.network.peers import ReceiverSettings, Rule
from spinealign.wording.network import arrival_sentence
from tests.network.nodes import (
    OWN_TITLE,
    Clock,
    OtherPeer,
    close,
    data_of,
    free_port,
    node,
    run,
    slice_file,
    slices,
    uid_of,
)

QUIET_S = 20.0


@pytest.fixture
def clock():
    return Clock()


def receiving(tmp_path, clock, *peers, **rule):
    rules = (Rule(**{"calling_title": "SCANNER", **rule}),)
    own = node(
        tmp_path / "profile", *peers, clock=clock,
        receiver=ReceiverSettings(
            address="127.0.0.1", port=free_port(), rules=rules, quiet_seconds=QUIET_S
        ),
    )  # fmt: skip
    own.start_receiver()
    return own


def pushed(own, paths, title="SCANNER"):
    """Send files as a scanner does; return the statuses, or None without an association."""
    entity = AE(title)
    entity.add_requested_context(CTImageStorage)
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", own.settings.receiver.port, ae_title=OWN_TITLE)
    if not association.is_established:
        close(association)
        return None
    statuses = [int(association.send_c_store(path).Status) for path in paths]
    association.release()
    return statuses


def kept(own):
    return sorted(path for series in own.arrivals for path in own.folder_of(series).glob("*.dcm"))


def nothing(*_):
    return ()


def test_storescu_delivers_what_it_has_byte_by_byte(tmp_path, clock):
    paths = slices(tmp_path / "in", 3)
    with closing(receiving(tmp_path, clock)) as own:
        port = own.settings.receiver.port
        done = run("storescu", "-aet", "SCANNER", "-aec", OWN_TITLE, "127.0.0.1", port, *paths)
        assert done.returncode == 0, done.stderr
        assert own.has_arrived.is_set()
        assert {uid_of(p): data_of(p) for p in kept(own)} == {uid_of(p): data_of(p) for p in paths}
        assert [(s.state, s.instance_count, s.modality) for s in own.arrivals] == [
            (ArrivalState.ARRIVING, 3, "CT")
        ]
        for path in (kept(own)[0], kept(own)[0].parent):
            assert path.stat().st_mode & 0o077 == 0


def test_echo_is_answered(tmp_path, clock):
    with closing(receiving(tmp_path, clock)) as own:
        port = own.settings.receiver.port
        for title, code in (("SCANNER", 0), ("STRANGER", 1)):
            done = run("echoscu", "-aet", title, "-aec", OWN_TITLE, "127.0.0.1", port)
            assert done.returncode == code
        assert run("echoscu", "-aet", "SCANNER", "-aec", "ELSE", "127.0.0.1", port).returncode == 1


@pytest.mark.parametrize(
    ("rule", "tags", "status"),
    [
        ({}, {}, 0x0000),
        ({"modalities": ("CT", "MR")}, {}, 0x0000),
        ({"modalities": ("MR",)}, {}, 0x0124),
        ({"body_parts": ("CSPINE",)}, {"BodyPartExamined": "CSPINE"}, 0x0000),
        ({"body_parts": ("CSPINE",)}, {"BodyPartExamined": "HEAD"}, 0x0124),
        ({"body_parts": ("CSPINE",)}, {}, 0x0124),
        ({"calling_title": "OTHERSCANNER"}, {}, None),
    ],
)
def test_only_what_a_rule_asks_for_is_taken_in(tmp_path, clock, rule, tags, status):
    with closing(receiving(tmp_path, clock, **rule)) as own:
        answers = pushed(own, [slice_file(tmp_path / "in", **tags)])
        assert answers == (None if status is None else [status])
        assert len(kept(own)) == (status == 0x0000)
        assert own.has_arrived.is_set() == (status == 0x0000)


def test_a_peer_that_may_call_may_not_store_without_a_rule(tmp_path, clock):
    with closing(receiving(tmp_path, clock, OtherPeer().peer())) as own:
        assert pushed(own, slices(tmp_path / "in", 1), title="OTHER") == [0x0124]
        assert kept(own) == []


def test_without_a_rule_nobody_listens(tmp_path, clock):
    own = node(tmp_path / "profile", clock=clock)
    with pytest.raises(NetworkError) as told:
        own.start_receiver()
    assert told.value.problem is NetworkProblem.NO_RULES


def test_a_port_in_use_is_told(tmp_path, clock):
    with closing(receiving(tmp_path, clock)) as own:
        other = node(tmp_path / "other", receiver=own.settings.receiver)
        with pytest.raises(NetworkError) as told:
            other.start_receiver()
        assert told.value.problem is NetworkProblem.OWN_PORT
        assert str(own.settings.receiver.port) in told.value.detail
        other.close()


def test_objects_that_are_not_what_is_said_are_refused(tmp_path, clock):
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE

    path = slice_file(tmp_path / "in")
    with closing(receiving(tmp_path, clock)) as own:
        entity = AE("SCANNER")
        entity.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
        association = entity.associate("127.0.0.1", own.settings.receiver.port, ae_title=OWN_TITLE)
        statuses = []
        for data in (data_of(path), b"\x08\x00\x18\x00UI\x00"):
            request = C_STORE()
            request.MessageID = 1
            request.AffectedSOPClassUID = CTImageStorage
            request.AffectedSOPInstanceUID = "1.2.3.4.5"
            request.Priority = 2
            request.DataSet = BytesIO(data)
            association._reactor_checkpoint.clear()
            association.dimse.send_msg(request, 1)
            _, answer = association.dimse.get_msg(block=True)
            association._reactor_checkpoint.set()
            statuses.append(answer.Status if answer else None)
        association.abort()
        close(association)
        assert statuses == [0xA900, 0xC000]
        assert kept(own) == []


def test_an_object_that_comes_twice_is_kept_once(tmp_path, clock):
    path = slice_file(tmp_path / "in")
    with closing(receiving(tmp_path, clock)) as own:
        assert pushed(own, [path, path]) == [0, 0]
        assert pushed(own, [path]) == [0]
        assert [series.instance_count for series in own.arrivals] == [1]
        clock.pass_by(QUIET_S)
        analysed = []
        run_to_end(own.analyse(lambda series, folder: analysed.append(folder) or ()))
        assert pushed(own, [path]) == [0]
        clock.pass_by(QUIET_S)
        run_to_end(own.analyse(lambda series, folder: analysed.append(folder) or ()))
        assert len(analysed) == 1


def test_one_identifier_for_two_patients_is_refused(tmp_path, clock):
    uid = generate_uid()
    first = slice_file(tmp_path / "in", sop_uid=uid, patient="P1")
    other = slice_file(tmp_path / "in", sop_uid=uid, patient="P2")
    with closing(receiving(tmp_path, clock)) as own:
        assert pushed(own, [first, other, first]) == [0, 0x0111, 0]
        assert [data_of(path) for path in kept(own)] == [data_of(first)]


def other_pixels(path: Path, folder: Path) -> Path:
    """Return a copy whose last pixel is another one."""
    dataset = dcmread(path)
    dataset.PixelData = dataset.PixelData[:-1] + bytes([dataset.PixelData[-1] ^ 1])
    folder.mkdir()
    dataset.save_as(folder / "other.dcm")
    return folder / "other.dcm"


def test_one_identifier_for_two_contents_is_refused_and_told(tmp_path, clock):
    first = slice_file(tmp_path / "in")
    other = other_pixels(first, tmp_path / "other")
    with closing(receiving(tmp_path, clock)) as own:
        assert pushed(own, [first, other, first, other]) == [0, 0x0111, 0, 0x0111]
        assert [data_of(path) for path in kept(own)] == [data_of(first)]
        [series] = own.arrivals
        assert (series.instance_count, series.conflicts) == (1, 1)
        assert arrival_sentence(series) == (
            "1 image (CT) from SCANNER: arriving. 1 other object with the same identifier as one "
            "of these was refused: ask the sender why."
        )
        own.remove_arrival(series)
        assert pushed(own, [other]) == [0]
        assert [each.conflicts for each in own.arrivals] == [0]


def test_storescu_reads_why_an_object_was_refused(tmp_path, clock):
    first = slice_file(tmp_path / "in")
    other = other_pixels(first, tmp_path / "other")
    with closing(receiving(tmp_path, clock)) as own:
        address = ("-aet", "SCANNER", "-aec", OWN_TITLE, "127.0.0.1", own.settings.receiver.port)
        assert run("storescu", *address, first).returncode == 0
        done = run("storescu", "-d", *address, other)
        assert "0x0111" in done.stdout + done.stderr
        assert "Another object of this SOP Instance UID was received" in done.stdout + done.stderr


@pytest.mark.parametrize("encoding", ["implicit", "undefined lengths", "group lengths, padding"])
def test_an_object_that_comes_twice_in_other_encodings_is_the_same(tmp_path, clock, encoding):
    items = [Dataset(), Dataset()]
    for number, item in enumerate(items):
        item.ReferencedSOPInstanceUID = f"1.2.{number}"
        item.ReferencedSOPClassUID = CTImageStorage
    first = slice_file(tmp_path / "in", ReferencedImageSequence=items)
    dataset = dcmread(first)
    if encoding == "implicit":
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
        dataset.save_as(tmp_path / "again.dcm", implicit_vr=True)
    elif encoding == "undefined lengths":
        dataset["ReferencedImageSequence"].is_undefined_length = True
        dataset.save_as(tmp_path / "again.dcm")
    else:
        dataset.add_new(0x00080000, "UL", 5)
        dataset.add_new(0xFFFCFFFC, "OB", bytes(10))
        dataset.save_as(tmp_path / "again.dcm")
    assert data_of(tmp_path / "again.dcm") != data_of(first)
    with closing(receiving(tmp_path, clock)) as own:
        address = ("-aec", OWN_TITLE, "127.0.0.1", own.settings.receiver.port)
        option = "-xi" if encoding == "implicit" else "-xe"  # proposes this encoding only
        changed = other_pixels(tmp_path / "again.dcm", tmp_path / "other")
        for path, wanted in ((first, 0), (tmp_path / "again.dcm", 0), (changed, 0x0111)):
            syntax = "-xe" if path is first else option
            done = run("storescu", "-v", syntax, "-aet", "SCANNER", *address, path)
            said = "Unknown Status: 0x111" if wanted else "Success"
            assert f"Received Store Response ({said})" in done.stdout + done.stderr
        assert [(each.instance_count, each.conflicts) for each in own.arrivals] == [(1, 1)]


def test_an_image_that_somebody_deleted_is_kept_when_it_comes_again(tmp_path, clock):
    path = slice_file(tmp_path / "in")
    with closing(receiving(tmp_path, clock)) as own:
        assert pushed(own, [path]) == [0]
        [lost] = kept(own)
        lost.unlink()
        assert pushed(own, [path]) == [0]
        assert [data_of(each) for each in kept(own)] == [data_of(path)]


def test_patients_are_never_mixed(tmp_path, clock):
    """One study, one series, and two patients in it: a fault that scanners do make."""
    paths = [
        slice_file(tmp_path / "in", patient=patient, study="1.2.3", series="1.2.3.1")
        for patient in ("P1", "P2", "P1", "P2")
    ]
    seen = []

    def look(series, folder):
        seen.append({str(dcmread(path).PatientID) for path in folder.glob("*.dcm")})
        return ()

    with closing(receiving(tmp_path, clock)) as own:
        assert pushed(own, paths) == [0] * 4
        clock.pass_by(QUIET_S)
        run_to_end(own.analyse(look))
    assert sorted(map(sorted, seen)) == [["P1"], ["P2"]]


def test_a_series_is_analysed_once_nothing_more_comes(tmp_path, clock):
    seen = []

    def look(series, folder):
        seen.append(len(list(folder.glob("*.dcm"))))
        return ()

    with closing(receiving(tmp_path, clock)) as own:
        pushed(own, slices(tmp_path / "in", 2))
        assert own.seconds_to_wait() == QUIET_S
        clock.pass_by(QUIET_S - 1)
        pushed(own, slices(tmp_path / "more", 1))
        clock.pass_by(QUIET_S - 1)
        run_to_end(own.analyse(look))
        assert seen == []
        clock.pass_by(1)
        run_to_end(own.analyse(look))
        run_to_end(own.analyse(look))
        assert seen == [3]
        assert [series.state for series in own.arrivals] == [ArrivalState.DONE]


def test_what_comes_during_an_analysis_is_analysed_too(tmp_path, clock):
    seen = []
    other = OtherPeer()
    with closing(receiving(tmp_path, clock, other.peer(), results_to=("Other",))) as own:

        def look(series, folder):
            images = sorted(folder.glob("*.dcm"))
            seen.append(len(images))
            if len(seen) == 1:
                pushed(own, slices(tmp_path / "late", 1))
            return [result_of(tmp_path, images[0])]

        pushed(own, slices(tmp_path / "in", 2))
        clock.pass_by(QUIET_S)
        run_to_end(own.analyse(look))
        assert [series.state for series in own.arrivals] == [ArrivalState.ARRIVING]
        assert own.deliveries == []  # of half a series nobody gets results
        clock.pass_by(QUIET_S)
        run_to_end(own.analyse(look))
        assert seen == [2, 3]
        assert len(own.deliveries) == 1


def result_of(tmp_path, image, **tags) -> Path:
    """Return a result of an image's patient and study."""
    source = dcmread(image, stop_before_pixels=True)
    return slice_file(
        tmp_path / "results", patient=source.PatientID, study=source.StudyInstanceUID,
        series=generate_uid(), **tags,
    )  # fmt: skip


def test_results_go_where_the_rule_says(tmp_path, clock):
    other = OtherPeer()
    with other.listening(), closing(
        receiving(tmp_path, clock, other.peer(), results_to=("Other",))
    ) as own:  # fmt: skip
        pushed(own, slices(tmp_path / "in", 2))
        clock.pass_by(QUIET_S)
        results = []

        def analyse(series, folder):
            results.append(result_of(tmp_path, next(folder.glob("*.dcm"))))
            return results

        run_to_end(own.analyse(analyse))
        run_to_end(own.deliver())
        assert other.stored == [uid_of(results[0])]
        assert [each.state for each in own.deliveries] == [DeliveryState.DELIVERED]


def test_results_of_another_patient_are_sent_to_nobody(tmp_path, clock):
    with closing(receiving(tmp_path, clock, OtherPeer().peer(), results_to=("Other",))) as own:
        pushed(own, slices(tmp_path / "in", 1))
        clock.pass_by(QUIET_S)
        run_to_end(own.analyse(lambda *_: [slice_file(tmp_path / "results", patient="P2")]))
        [series] = own.arrivals
        assert series.state is ArrivalState.FAILED
        assert series.failure.problem is NetworkProblem.OTHER_STUDY
        assert own.deliveries == []


def test_a_rule_without_analysis_only_keeps(tmp_path, clock):
    with closing(receiving(tmp_path, clock, is_analysed=False)) as own:
        pushed(own, slices(tmp_path / "in", 1))
        clock.pass_by(QUIET_S)
        run_to_end(own.analyse(lambda *_: pytest.fail("analysed")))
        assert [series.state for series in own.arrivals] == [ArrivalState.DONE]
        assert len(kept(own)) == 1


def test_an_analysis_that_fails_waits_for_retry(tmp_path, clock):
    def fail(*_):
        raise SpineAlignError("odd")

    with closing(receiving(tmp_path, clock)) as own:
        pushed(own, slices(tmp_path / "in", 1))
        clock.pass_by(QUIET_S)
        run_to_end(own.analyse(fail))
        [series] = own.arrivals
        assert (series.state, series.attempts) == (ArrivalState.FAILED, 1)
        assert series.failure.problem is NetworkProblem.ANALYSIS_FAILED
        run_to_end(own.analyse(lambda *_: pytest.fail("tried again by itself")))
        own.analyse_again([series.number])
        run_to_end(own.analyse(nothing))
        assert [series.state for series in own.arrivals] == [ArrivalState.DONE]
        own.remove_arrival(own.arrivals[0])
        assert own.arrivals == []
        assert list((tmp_path / "profile" / "network" / "inbox").rglob("*.dcm")) == []


def test_a_full_disk_is_told_to_the_sender(tmp_path, clock, monkeypatch):
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = slice_file(tmp_path / "in")
    with closing(receiving(tmp_path, clock)) as own:
        monkeypatch.setattr("spinealign.network.inbox.write_durably", full)
        assert pushed(own, [path]) == [0xA700]
        monkeypatch.undo()
        assert own.arrivals == []
        assert pushed(own, [path]) == [0]


def test_a_thousand_objects_pushed_at_once_by_four_senders(tmp_path, clock):
    """Four processes of DCMTK; every object is there, once, and in its own patient's folder."""
    content = slice_file(tmp_path / "one").read_bytes()
    uid = uid_of(tmp_path / "one" / "0000.dcm").encode()
    patient = b"1CT1"
    uids = []
    for sender in range(4):
        folder = tmp_path / f"in{sender}"
        folder.mkdir()
        for number in range(250):
            other = f"{sender + 1}{number:03d}".encode()
            new = uid[: -len(other)] + other
            assert len(new) == len(uid)
            mine = content.replace(uid, new).replace(patient, b"P%03d" % sender)
            (folder / f"{number:03d}.dcm").write_bytes(mine)
            uids.append(new.decode())
    with closing(receiving(tmp_path, clock)) as own:
        port = own.settings.receiver.port

        def push(sender):
            done = run(
                "storescu", "-aet", "SCANNER", "-aec", OWN_TITLE, "127.0.0.1", port, "+sd",
                tmp_path / f"in{sender}",
            )  # fmt: skip
            codes.append(done.returncode)

        codes: list[int] = []
        threads = [threading.Thread(target=push, args=(sender,)) for sender in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [0] * 4
        assert sorted(uid_of(path) for path in kept(own)) == sorted(uids)
        assert [series.instance_count for series in own.arrivals] == [250] * 4
