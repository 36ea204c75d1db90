#!/usr/bin/env python3
"""Set everything up on a fresh computer and run it; needs nothing but Python 3.11 or 3.12.

python3 start.py          set up, then analyse a shipped sample (in the window, or without a
                          display on the command line)
python3 start.py test     set up with the developers' tools, then run every check and test
python3 start.py build-installer [--compare-unpruned]
                          set up what builds the packages, then build this system's into dist/
python3 start.py test-installer
                          install the built Debian package in a clean system and try it there
                          under every condition (as root on Debian or Ubuntu)
python3 start.py lock [NAME...]
                          bring requirements.lock up to date (or only the named packages) and
                          say what changed
python3 start.py ARGS...  set up, then run "spinealign ARGS..."
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
BUILD_ENVIRONMENT = ROOT / ".venv-installer"
LOCK_ENVIRONMENT = ROOT / ".venv-lock"
LOCK = ROOT / "requirements.lock"
SAMPLES = ROOT / "resources" / "samples"
FILM_SAMPLE = SAMPLES / "xray_lateral_phantom" / "neck_phantom.dcm"
MR_SAMPLE = SAMPLES / "mr_lumbar_phantom" / "lumbar_phantom.dcm"
CT_SAMPLE = SAMPLES / "ct_axial" / "CT_small.dcm"

# What Qt needs of a Linux system, as (library, Debian package).
LINUX_LIBRARIES = (
    ("libEGL.so.1", "libegl1"),
    ("libGL.so.1", "libgl1"),
    ("libxkbcommon.so.0", "libxkbcommon0"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libfontconfig.so.1", "libfontconfig1"),
    ("libxcb-cursor.so.0", "libxcb-cursor0"),
    ("libxcb-icccm.so.4", "libxcb-icccm4"),
    ("libxcb-image.so.0", "libxcb-image0"),
    ("libxcb-keysyms.so.1", "libxcb-keysyms1"),
    ("libxcb-render-util.so.0", "libxcb-render-util0"),
    ("libxcb-shape.so.0", "libxcb-shape0"),
)


# What the tests check DICOM files and services against: Debian package, a program or file of it.
REFERENCE_PROGRAMS = (
    ("dcmtk", "dcmj2pnm"),
    ("dicom3tools", "dciodvfy"),
    ("orthanc", "/usr/sbin/Orthanc"),
    ("orthanc-dicomweb", "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
)

# What builds and tries the packages on Debian, as (program, Debian package).
BUILD_TOOLS = (
    ("cc", "gcc"),
    ("readelf", "binutils"),
    ("zstd", "zstd"),
    ("dpkg-deb", "dpkg"),
)
TRIAL_TOOLS = (
    ("debootstrap", "debootstrap"),
    ("Xvfb", "xvfb"),
    ("openbox", "openbox"),
    ("xdotool", "xdotool"),
    ("xclip", "xclip"),
    ("import", "imagemagick"),
    ("strace", "strace"),
    ("qemu-x86_64-static", "qemu-user-static"),
    ("makensis", "nsis"),
    ("wine", "wine"),
    ("/usr/lib/wine/wine64", "wine64"),
    ("desktop-file-validate", "desktop-file-utils"),
    ("appstreamcli", "appstream"),
)
# One process a core, four at most, since each may hold TensorFlow. Tests of a file stay together,
# so that what they share is made once.
TEST_PROCESSES = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")


def main() -> int:
    """Set up and run; returns the exit code of what was run."""
    arguments = sys.argv[1:]
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        return run_with_another_python(arguments)
    if arguments[:1] == ["lock"]:
        return refresh_lock(arguments[1:])
    require_system_libraries()
    if arguments[:1] == ["build-installer"]:
        return build_installer(arguments[1:])
    if arguments[:1] == ["test-installer"]:
        return try_installer(arguments[1:])
    testing = arguments == ["test"]
    python = set_up_program(*needed_extras(arguments))
    if testing:
        install_reference_programs()
        return run_tests(python)
    return subprocess.call([python, "-m", "spinealign", *(arguments or sample_arguments())])


def run_with_another_python(arguments: list[str]) -> int:
    """Start this file again with a Python that fits."""
    for name in ("python3.12", "python3.11"):
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return subprocess.call([found, str(ROOT / "start.py"), *arguments])
    print("SpineAlign needs Python 3.11 or 3.12; install one of them and try again.")
    return 1


def needed_extras(arguments: list[str]) -> tuple[str, ...]:
    """Return the sections of the lock file that a command needs besides."""
    if arguments == ["test"]:
        return ("train", "cohort", "cluster", "dev")
    return ("train", "dev") if needs_training(arguments) else ()


def needs_training(arguments: list[str]) -> bool:
    """Whether the command needs TensorFlow."""
    return bool(arguments) and (arguments[0] in {"train", "package"} or "keras" in arguments)


def require_system_libraries() -> None:
    """Install what Qt needs of the system, or say how."""
    if sys.platform != "linux":
        return
    missing = [package for library, package in LINUX_LIBRARIES if not loads(library)]
    if shutil.which("fc-list") is None or not any(Path("/usr/share/fonts").glob("**/*.ttf")):
        missing += ["fontconfig", "fonts-dejavu-core"]
    if missing:
        install_debian(missing)


def loads(library: str) -> bool:
    """Whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_debian(packages: list[str]) -> None:
    """Install Debian packages as root; else print the command and stop."""
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(f"Some system libraries are missing. Please run:\n  sudo {' '.join(command)}")
    quiet = {"stdout": subprocess.DEVNULL}
    subprocess.run(["apt-get", "update", "-q"], check=False, **quiet)
    subprocess.run(command, check=True, **quiet)


def install_reference_programs() -> None:
    """Install what DICOM files and services are checked against, where no password is needed."""
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    missing = [name for name, file in REFERENCE_PROGRAMS if not has_program(file)]
    if missing and may_install:
        install_debian(missing)


def has_program(file: str) -> bool:
    """Whether a program is on the PATH or a file stands where its package puts it."""
    return Path(file).is_file() or shutil.which(file) is not None


def build_installer(options: list[str]) -> int:
    """Build the packages in an environment of their own."""
    require_tools(BUILD_TOOLS)
    python = set_up(BUILD_ENVIRONMENT, "program", "installer")
    return subprocess.call([python, "-m", "installer", *options], cwd=ROOT)


def refresh_lock(names: list[str]) -> int:
    """Bring the locked versions up to date, with the resolver that the lock itself names."""
    python = set_up(LOCK_ENVIRONMENT, "lock")
    return subprocess.call([python, "-m", "tools.lock", *names], cwd=ROOT)


def try_installer(options: list[str]) -> int:
    """Try the packages in ``dist/`` in a clean system; the outcomes go to dist/outcomes.md."""
    if sys.platform != "linux" or os.geteuid() != 0:
        sys.exit("The trial makes a clean system of its own, which needs root on Debian or Ubuntu.")
    require_tools(TRIAL_TOOLS)
    install_reference_programs()
    python = set_up_program("dev")
    environment = {**os.environ, "SPINEALIGN_DIST": str(ROOT / "dist")}
    command = [python, "-m", "pytest", "-q", "tests/packaged", *options]
    return subprocess.call(command, cwd=ROOT, env=environment)


def require_tools(tools: tuple[tuple[str, str], ...]) -> None:
    """Install programs that are missing, or say how; only Debian's have a package here."""
    missing = [package for program, package in tools if shutil.which(program) is None]
    if missing and sys.platform == "linux":
        install_debian(missing)


def set_up_program(*sections: str) -> str:
    """Make the program's environment, with itself in it as it stands here; returns its Python."""
    return set_up(ENVIRONMENT, "program", "build", *sections)


def set_up(folder: Path, *sections: str) -> str:
    """Make a virtual environment once, again whenever the locked requirements change."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    described = LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    wanted = hashlib.sha256(described).hexdigest()
    stamp = folder / "installed"
    have = stamp.read_text().split() if stamp.is_file() else []
    if have[:1] == [wanted] and set(sections) <= set(have):
        return str(python)
    print("Setting up (once, a few minutes) ...", flush=True)
    if not python.is_file():
        make_environment(folder)
    install(str(python), folder / "requirements.txt", sections)
    stamp.write_text(" ".join((wanted, *sections)))
    return str(python)


def install(python: str, listed: Path, sections: tuple[str, ...]) -> None:
    """Install the locked packages, each checked and none built here, then the program itself."""
    lock = locked_sections()
    listed.write_text("".join(lock[name] for name in sections), encoding="utf-8")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(listed)]
    subprocess.run([*pip, *locked], check=True)
    if "build" in sections:
        itself = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
        subprocess.run([*pip, *itself], check=True)


def locked_sections() -> dict[str, str]:
    """Return the requirements in the lock file by the name of their section."""
    parts = re.split(r"^# \[(\w+)\]\n", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def make_environment(folder: Path) -> None:
    """Make a virtual environment; Debian keeps a part of Python's own in a package."""
    command = [sys.executable, "-m", "venv", str(folder)]
    if subprocess.call(command, stdout=subprocess.DEVNULL) == 0:
        return
    install_debian([f"python{sys.version_info.major}.{sys.version_info.minor}-venv"])
    subprocess.run([*command, "--clear"], check=True)


def sample_arguments() -> list[str]:
    """Open the sample in the window where there is a display, else analyse it."""
    shown = (
        sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if shown:
        return [str(FILM_SAMPLE)]
    samples = [str(FILM_SAMPLE), str(MR_SAMPLE), str(CT_SAMPLE)]
    return ["analyze", *samples, "--out", str(ROOT / "results")]


def run_tests(python: str) -> int:
    """Run the checks that cost seconds, then the tests; stops at the first that fails."""
    checks = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["importlinter"],
        ["pytest", "-q", *TEST_PROCESSES],
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for module, *options in checks:
        print(f"--- {module} {' '.join(options)}", flush=True)
        command = [python, "-m", module, *options]
        if module == "importlinter":
            command = [str(Path(python).with_name("lint-imports")), *options]
        code = subprocess.call(command, cwd=ROOT, env=environment)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
