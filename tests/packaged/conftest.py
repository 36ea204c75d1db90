"""Runs only for a built package (``python3 start.py test-installer``); writes the outcomes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.packaged.hands import person_at
from tests.packaged.machine import Machine, make_clean_root, screen

DIST = os.environ.get("SPINEALIGN_DIST")
collect_ignore_glob = [] if DIST else ["test_*.py"]
DISPLAY = os.environ.get("SPINEALIGN_DISPLAY", ":47")
OUTCOMES: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def package() -> Path:
    """The Debian package."""
    return next(Path(DIST).glob("spinealign_*.deb"))


@pytest.fixture(scope="session")
def bare_machine(package):
    """A clean root with the package beside it, not yet installed."""
    folder = Path(os.environ.get("SPINEALIGN_CLEAN_ROOT", "/var/tmp/spinealign-clean-root"))
    make_clean_root(folder, package)
    machine = Machine(folder, DISPLAY)
    machine.mount("-t", "proc", "proc", at="/proc")
    machine.mount("--bind", "/dev", at="/dev")
    with screen(DISPLAY):
        machine.mount("--bind", "/tmp/.X11-unix", at="/tmp/.X11-unix")
        yield machine
        machine.close()


@pytest.fixture(scope="session")
def machine(bare_machine, package):
    """The clean root with the package installed."""
    bare_machine.as_root("apt-get", "update", "-q")
    bare_machine.as_root(
        "apt-get", "install", "-q", "-y", "--no-install-recommends", "--allow-downgrades",
        "--reinstall", f"/tmp/{package.name}",
    )  # fmt: skip
    return bare_machine


@pytest.fixture
def pictures() -> Path:
    """Where photographs of the screen go."""
    return Path(DIST) / "pictures"


@pytest.fixture
def person(machine, pictures):
    """Return a function that seats somebody at the installed window."""

    def start(*arguments, **how):
        return person_at(machine, pictures, *arguments, **how)

    return start


@pytest.fixture
def seen(record_property):
    """Note what was seen, for the table of outcomes."""
    return lambda words: record_property("seen", words)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" or report.failed:
        words = "; ".join(str(value) for key, value in item.user_properties if key == "seen")
        title = " ".join((item.function.__doc__ or item.name).split())
        case = f" ({item.callspec.id})" if hasattr(item, "callspec") else ""
        OUTCOMES.append((title.rstrip(".") + case, report.outcome, words))
    return report


def pytest_sessionfinish():
    if OUTCOMES:
        system = subprocess.run(
            ["uname", "-srm"], capture_output=True, text=True, check=True
        ).stdout.strip()
        lines = [f"Tried on {system}, in a clean Debian 12.", ""]
        lines += ["| condition | outcome | seen |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in OUTCOMES]
        (Path(DIST) / "outcomes.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
