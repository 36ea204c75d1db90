"""How many objects of 40 kB a second go out and come in: ``python -m benchmarks.network_speed``.

Everything happens on a loopback of its own (root on Linux). Sent: from the queue to Orthanc, with
the queue's rows and copies on the disk. Received: pushed by DCMTK's storescu, one and four at once,
kept and acknowledged one by one.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from spinealign.domain.generators import run_to_end
from spinealign.domain.network import DeliveryState
from spinealign.network.peers import ReceiverSettings, Rule
from tests.loopback import only_loopback
from tests.network.conftest import missing
from tests.network.nodes import OWN_TITLE, Orthanc, free_port, node, run, slices


def sent(folder: Path, count: int) -> tuple[float, float]:
    """Return objects a second queued and delivered to Orthanc, and by DICOMweb."""
    paths = slices(folder / "in", count)
    rates = []
    (folder / "orthanc").mkdir()
    with Orthanc(folder / "orthanc") as archive:
        web = archive.web_peer()
        with closing(node(folder / "profile", archive.peer(), web)) as own:
            own._secrets.set(web.name, "s3cret ü")
            for name in ("Archive", web.name):
                own.send([name], paths)
                started = time.perf_counter()
                run_to_end(own.deliver())
                rates.append(count / (time.perf_counter() - started))
            assert {row.state for row in own.deliveries} == {DeliveryState.DELIVERED}
        assert len(archive.uids()) == count
    return rates[0], rates[1]


def received(folder: Path, senders: int, count: int) -> float:
    """Return objects a second taken in from storescu."""
    each = count // senders
    for number in range(senders):
        slices(folder / f"in{number}", each)
    own = node(
        folder / "profile",
        receiver=ReceiverSettings(
            address="127.0.0.1", port=free_port(), rules=(Rule(calling_title="SCANNER"),)
        ),
    )
    with closing(own):
        own.start_receiver()
        address = ("127.0.0.1", own.settings.receiver.port)

        def push(number: int) -> None:
            files = folder / f"in{number}"
            done = run("storescu", "-aet", "SCANNER", "-aec", OWN_TITLE, *address, "+sd", files)
            assert done.returncode == 0, done.stderr

        threads = [threading.Thread(target=push, args=(number,)) for number in range(senders)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        assert sum(series.instance_count for series in own.arrivals) == each * senders
    return each * senders / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--count", type=int, default=200,
        help="objects of each measurement: a CT slice of 39 kB with a UID of its own",
    )  # fmt: skip
    options = parser.parse_args()
    reason = missing()
    if reason:
        raise SystemExit(reason)
    with only_loopback(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        by_dicom, by_web = sent(folder / "sent", options.count)
        print(f"sent to Orthanc, C-STORE: {by_dicom:.0f} objects/s")
        print(f"sent to Orthanc, STOW-RS: {by_web:.0f} objects/s")
        for senders in (1, 4):
            rate = received(folder / f"received{senders}", senders, options.count)
            print(f"received from {senders} storescu: {rate:.0f} objects/s")


if __name__ == "__main__":
    main()
