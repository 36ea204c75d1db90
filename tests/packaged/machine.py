"""A clean Debian of its own to install the package in, and a screen to look at it on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
USER, UID = "clinician", 4711
HOME = "/home/Zoë Müller"
PROGRAM_FOLDER = "/usr/lib/spinealign"
SAMPLES = f"{PROGRAM_FOLDER}/_internal/resources/samples"
FILM = f"{SAMPLES}/xray_lateral_phantom/neck_phantom.dcm"
CT = f"{SAMPLES}/ct_axial/CT_small.dcm"
PATIENCE_S = 60


@dataclass(frozen=True)
class Ended:
    """How a program ended and all it wrote."""

    code: int
    output: str


@dataclass
class Machine:
    """The clean root; programs run in it as a user whose home has a blank and an umlaut."""

    folder: Path
    display: str
    mounts: list[Path] = field(default_factory=list)

    def at(self, path: str) -> Path:
        """Return where a path of the clean root lies outside."""
        return self.folder / path.lstrip("/")

    def mount(self, *arguments: str, at: str) -> None:
        """Mount something in the root until it is closed."""
        place = self.at(at)
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *arguments, str(place)], check=True)
        self.mounts.append(place)

    def unmount(self, at: str) -> None:
        """Take a mount away again."""
        subprocess.run(["umount", str(self.at(at))], check=True)
        self.mounts.remove(self.at(at))

    def close(self) -> None:
        """Take all mounts away."""
        for place in reversed(self.mounts):
            subprocess.run(["umount", "--lazy", str(place)], check=False)
        self.mounts.clear()

    def as_root(self, *command: str) -> Ended:
        """Run a command as root, such as the package manager; it must succeed."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            ["chroot", str(self.folder), *command], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return Ended(0, done.stdout)

    def command(
        self, program: Sequence[str], *, network: bool = False, uid: int = UID,
        prefix: Sequence[str] = (), home: str | None = HOME, **variables: str,
    ) -> list[str]:  # fmt: skip
        """Return the command line that runs a program as the user.

        Without any network, not even a loopback, unless it shall have that of its caller.
        """
        known = {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "DISPLAY": self.display,
            **({} if home is None else {"HOME": home}), **variables,
        }  # fmt: skip
        return [
            *(() if network else ("unshare", "--net")),
            *prefix,
            "chroot", f"--userspec={uid}:{uid}", str(self.folder),
            "/usr/bin/env", "-i", "-C", "/tmp" if home is None else home,
            *(f"{name}={value}" for name, value in known.items()),
            *program,
        ]  # fmt: skip

    def run(self, *program: str, typed: str = "", **how) -> Ended:
        """Run a program to its end; `typed` is what it reads from its standard input."""
        done = subprocess.run(
            self.command(program, **how), input=typed, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=900, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout)


def make_clean_root(folder: Path, package: Path) -> None:
    """Make a minimal Debian in `folder` and install the package with what it depends on."""
    if not (folder / "etc" / "debian_version").exists():
        mirror = "http://deb.debian.org/debian"
        subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(folder), mirror], check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
    for name in ("etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/resolv.conf"):
        source = Path("/") / name
        target = folder / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copyfile(source, target)
    home = folder / HOME.lstrip("/")
    home.mkdir(parents=True, exist_ok=True)
    os.chown(home, UID, UID)
    passwd = folder / "etc" / "passwd"
    if USER not in passwd.read_text():
        with passwd.open("a") as file:
            file.write(f"{USER}:x:{UID}:{UID}::{HOME}:/bin/sh\n")
    shutil.copyfile(package, folder / "tmp" / package.name)


@contextmanager
def screen(display: str, size: str = "1366x768", extensions: Sequence[str] = ()) -> Iterator[None]:
    """Run an X server and a window manager."""
    log = subprocess.DEVNULL
    server = subprocess.Popen(
        ["Xvfb", display, "-screen", "0", f"{size}x24", "-ac", "-nolisten", "tcp", *extensions],
        stdout=log, stderr=log,
    )  # fmt: skip
    environment = {**os.environ, "DISPLAY": display}
    wait_until(lambda: _answers(environment), "the X server")
    manager = subprocess.Popen(["openbox"], env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        for process in (manager, server):
            process.terminate()
            process.wait()


def _answers(environment: dict[str, str]) -> bool:
    command = ["xdotool", "getdisplaygeometry"]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def wait_until(is_so, what: str, patience_s: float = PATIENCE_S):
    """Ask again until the answer is true, and return it; a test that waits in vain fails."""
    end = time.monotonic() + patience_s
    while not (answer := is_so()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.2)
    return answer
