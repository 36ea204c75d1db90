"""A kill of either side at ten moments: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import ArrivalState, DeliveryState
from spinealign.network.node import Network
from spinealign.network.peers import (
    DicomPeer,
    NetworkSettings,
    ReceiverSettings,
    Rule,
    save_settings,
)
from tests.network.killed import NOW, TIMEOUTS
from tests.network.nodes import OWN_TITLE, Orthanc, OtherPeer, free_port, node, slices, uid_of
from tests.network.test_receiver import result_of

MOMENTS = 10
FEWEST_KILLED = 8
"""Threads make the moments of two runs differ a little: the last may come after the end."""


def killed_runs(mode: str, folder: Path, files: list[Path]) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.network.killed", mode, folder, str(MOMENTS), *files],
        capture_output=True, text=True, timeout=200, check=False,
        cwd=Path(__file__).resolve().parents[2], env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(runs) == MOMENTS
    assert sum(run["killed"] for run in runs) >= FEWEST_KILLED, runs
    return runs


def restarted(profile: Path, later: float = 1e5) -> Network:
    return Network(profile, now=lambda: NOW + later, timeouts=TIMEOUTS)


def homes(folder: Path) -> list[Path]:
    return [folder / name for name in ("whole", *map(str, range(1, MOMENTS + 1)))]


def test_a_sender_that_is_killed_loses_nothing_and_sends_nothing_twice(orthanc, tmp_path):
    paths = slices(tmp_path / "in", 3)
    for home in homes(tmp_path):
        save_settings(home / "profile", NetworkSettings(peers=(orthanc.peer(name="Peer"),)))
    for run in killed_runs("send", tmp_path, paths):
        profile = tmp_path / str(run["run"]) / "profile"
        with closing(restarted(profile)) as own:
            before = {row.sop_uid for row in own.deliveries}
            assert before >= {*map(uid_of, paths[: run["acknowledged"]])}, run
            own.send(["Peer"], paths)  # whoever saw the kill sends everything once more
            run_to_end(own.deliver())
            assert sorted(row.sop_uid for row in own.deliveries) == sorted(map(uid_of, paths)), run
            assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}, run
        assert list((profile / "network" / "outbox").iterdir()) == [], run
    assert orthanc.uids() == sorted(map(uid_of, paths))


def test_what_was_delivered_before_a_kill_is_not_sent_again(tmp_path):
    """Only the object whose answer the kill cut off goes out a second time, as the same one."""
    paths = slices(tmp_path / "in", 3)
    other = OtherPeer()
    for home in homes(tmp_path):
        save_settings(home / "profile", NetworkSettings(peers=(other.peer(name="Peer"),)))
    with other.listening():
        runs = killed_runs("send", tmp_path, paths)
        for run in runs:
            delivered = set()
            with closing(restarted(tmp_path / str(run["run"]) / "profile")) as own:
                for row in own.deliveries:
                    if row.state is DeliveryState.DELIVERED:
                        delivered.add(row.sop_uid)
                other.stored.clear()
                run_to_end(own.deliver())
                assert delivered.isdisjoint(other.stored), run
                assert sorted([*delivered, *other.stored]) == sorted(
                    row.sop_uid for row in own.deliveries
                ), run


def receiving(home: Path, rule: Rule) -> None:
    port = free_port()
    own = ReceiverSettings(address="127.0.0.1", port=port, rules=(rule,), quiet_seconds=0)
    other = DicomPeer(name="Other", called_title="OTHER", host="127.0.0.1", port=1)
    save_settings(home / "profile", NetworkSettings(peers=(other,), receiver=own))
    peer = DicomPeer(
        name="Peer", called_title=OWN_TITLE, calling_title="SCANNER", host="127.0.0.1", port=port
    )
    save_settings(home / "sender", NetworkSettings(peers=(peer,)))


def test_a_receiver_that_is_killed_loses_nothing_and_keeps_nothing_twice(tmp_path):
    paths = slices(tmp_path / "in", 3)
    rule = Rule(calling_title="SCANNER")
    for home in homes(tmp_path):
        receiving(home, rule)
    for run in killed_runs("receive", tmp_path, paths):
        home = tmp_path / str(run["run"])
        with (
            closing(restarted(home / "profile")) as own,
            closing(restarted(home / "sender")) as sender,
        ):
            own.start_receiver()
            run_to_end(sender.deliver())
            assert {row.state for row in sender.deliveries} == {DeliveryState.DELIVERED}, run
            kept = [p for s in own.arrivals for p in own.folder_of(s).iterdir()]
            assert sorted(map(uid_of, kept)) == sorted(map(uid_of, paths)), run
            assert [series.instance_count for series in own.arrivals] == [3], run


def test_an_analysis_that_is_killed_gives_its_results_once(tmp_path):
    paths = slices(tmp_path / "in", 2)
    rule = Rule(calling_title="SCANNER", results_to=("Other",))
    for home in homes(tmp_path):
        receiving(home, rule)
        with (
            closing(restarted(home / "profile", 0)) as own,
            closing(restarted(home / "sender", 0)) as sender,
        ):
            own.start_receiver()
            sender.send(["Peer"], paths)
            run_to_end(sender.deliver())
    runs = killed_runs("analyse", tmp_path, [])
    for run in runs:
        home = tmp_path / str(run["run"])
        other = OtherPeer()
        with other.listening(), closing(restarted(home / "profile", 2e6)) as own:
            own.save_peer(other.peer(), replaces=True)
            run_to_end(
                own.analyse(
                    lambda _, folder, home=home: [result_of(home, next(folder.glob("*.dcm")))]
                )
            )
            run_to_end(own.deliver())
            assert [series.state for series in own.arrivals] == [ArrivalState.DONE], run
            assert [row.state for row in own.deliveries] == [DeliveryState.DELIVERED], run
            assert other.stored == [own.deliveries[0].sop_uid], run
            assert list((home / "profile" / "network" / "outbox").iterdir()) == [], run


def test_an_archive_that_is_killed_gets_all_of_it_once(loopback, tmp_path):
    paths = slices(tmp_path / "in", 6)
    (tmp_path / "orthanc").mkdir()
    with Orthanc(tmp_path / "orthanc") as archive:
        with closing(node(tmp_path / "profile", archive.peer())) as own:
            clock = own._now
            own.send(["Archive"], paths)
            for sent in own.deliver():
                if sent.done == 3 and sent.failure is None:
                    archive.kill()
            states = [row.state for row in own.deliveries]
            assert states == [DeliveryState.DELIVERED] * 3 + [DeliveryState.WAITING] * 3
            archive.start()
            clock.pass_by(10)
            run_to_end(own.deliver())
            assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}
        assert archive.uids() == sorted(map(uid_of, paths))
