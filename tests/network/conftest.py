"""A network of the tests' own, and the nodes in it.

The thread that runs the tests gets a network namespace with nothing but a loopback; threads and
programs that it starts inherit it. So no port is ever taken, and nothing outside is reachable.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network.nodes import Orthanc

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
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
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET):
            give_up(os.strerror(ctypes.get_errno()))
        bring_up_loopback()
        yield
    finally:
        libc.setns(before, _CLONE_NEWNET)
        os.close(before)


def bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        [flags] = struct.unpack("16xh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))


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
