"""A network of the tests' own, and the nodes in it.

The thread that runs the tests gets a network namespace with nothing but a loopback; threads and
programs that it starts inherit it. So no port is ever taken, and nothing outside is reachable.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.loopback import only_loopback
from tests.network.nodes import Orthanc

PROGRAMS = (
    "/usr/sbin/Orthanc", "/usr/share/orthanc/plugins/libOrthancDicomWeb.so", "/usr/bin/storescu",
    "/usr/bin/findscu", "/usr/bin/movescu", "/usr/bin/dcmqrscp", "/usr/bin/dump2dcm",
)  # fmt: skip


def missing() -> str:
    """Return why there can be no such network here; empty if there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a network of the tests' own needs root on Linux"
    absent = [path for path in PROGRAMS if not Path(path).exists()]
    return f"not installed: {', '.join(absent)}" if absent else ""


@pytest.fixture(scope="package", autouse=True)
def loopback() -> Iterator[None]:
    """Run the tests of this package in a network namespace of their own."""
    give_up = pytest.fail if os.environ.get("CI") else pytest.skip
    if reason := missing():
        give_up(reason)
    with ExitStack() as stack:
        try:
            stack.enter_context(only_loopback())
        except OSError as error:
            give_up(str(error))
        yield


@pytest.fixture(scope="package")
def running_orthanc(loopback, tmp_path_factory) -> Iterator[Orthanc]:
    """Orthanc, started once for all tests and stopped by its process id."""
    with Orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc:
        yield orthanc


@pytest.fixture
def orthanc(running_orthanc: Orthanc) -> Orthanc:
    """Orthanc without any images."""
    running_orthanc.empty()
    return running_orthanc
