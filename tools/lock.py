"""Refresh ``requirements.lock`` and say what changed; run by ``python3 start.py lock``.

``uv`` resolves everything once for all systems and both Pythons. The sections of the file are cut
from that one resolution, so that a package has one version wherever it is installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from start import LOCK, ROOT, locked_sections

# What each section adds to the dependencies of the program, as options of ``uv pip compile``.
SECTIONS = {
    "program": (),
    "build": ("--group", "build"),
    "train": ("--extra", "train"),
    "cohort": ("--extra", "cohort"),
    "cluster": ("--extra", "cluster"),
    "dev": ("--extra", "dev"),
    "installer": ("--group", "installer"),
    "lock": ("--group", "lock"),
}
# The oldest Python decides; one version serves both, and nothing is built from source.
RESOLUTION = (
    *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
    *("--only-binary", ":all:"),
)
FORM = ("--generate-hashes", "--no-header", "--no-annotate", "--no-config", "--quiet")
HEADER = """\
# Every package that start.py installs, with checksums, for Python 3.11 and 3.12 on Linux, Windows
# and macOS. Written by: python3 start.py lock
"""


def main(names: Sequence[str]) -> int:
    """Refresh the named packages, or all of them, within the ranges of pyproject.toml.

    Parameters
    ----------
    names : sequence of str
        Distribution names; none means all.

    Returns
    -------
    int
        Exit code.
    """
    if any(name.startswith("-") for name in names):
        print("usage: python3 start.py lock [PACKAGE ...]    without a name, all packages")
        return 2
    before = locked_sections() if LOCK.is_file() else {}
    try:
        sections = resolved(before, names)
    except subprocess.CalledProcessError:
        print("Nothing was changed: the packages could not be resolved, for the reason above.")
        return 1
    write(sections)
    print("\n".join(changes(pins(before), pins(sections))) or "Nothing changed.")
    return 0


def resolved(before: dict[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the new text of every section."""
    chosen = [word for name in names for word in ("--upgrade-package", name)] or ["--upgrade"]
    everything = [option for options in SECTIONS.values() for option in options]
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.txt"
        whole.write_text("".join(entries(before)), encoding="utf-8")
        compile_to(whole, *everything, *chosen)
        found = {}
        for name, options in SECTIONS.items():
            part = Path(folder) / f"{name}.txt"
            compile_to(part, *options, "--constraint", str(whole))
            found[name] = part.read_text(encoding="utf-8")
    program = set(split(found["program"]))
    return {
        name: text
        if name == "program"
        else "".join(entry for entry in split(text) if entry not in program)
        for name, text in found.items()
    }


def compile_to(path: Path, *options: str) -> None:
    """Resolve pyproject.toml into a file, which also says which versions to keep."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "compile", "pyproject.toml", *RESOLUTION, *FORM, *options]
    subprocess.run([*command, "-o", str(path)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def entries(sections: dict[str, str]) -> list[str]:
    """Return every requirement once, with its checksums."""
    return sorted({entry for text in sections.values() for entry in split(text)})


def split(text: str) -> list[str]:
    """Return the requirements of a section, each with its lines of checksums."""
    return re.findall(r"^\S.*\n(?:\s+--hash.*\n)+", text, re.MULTILINE)


def pins(sections: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return version and checksums by package."""
    return {
        name: (version, hashes)
        for entry in entries(sections)
        for name, version, hashes in re.findall(r"(?s)^([\w.-]+)==(\S+)(.*)", entry)
    }


def changes(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> list[str]:
    """Return a line for each package that was added, removed, or is another version or file.

    Parameters
    ----------
    before, after : dict
        Version and checksums by package.
    """
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None:
            lines.append(f"added    {name} {after[name][0]}")
        elif new is None:
            lines.append(f"removed  {name} {old[0]}")
        elif old[0] != new[0]:
            lines.append(f"changed  {name} {old[0]} -> {new[0]}")
        elif old[1] != new[1]:
            lines.append(f"files    {name} {old[0]}: other files or systems")
    return lines


def write(sections: dict[str, str]) -> None:
    """Write the lock file; each section stands under its name in brackets."""
    parts = [f"\n# [{name}]\n{text}" for name, text in sections.items()]
    LOCK.write_text(HEADER + "".join(parts), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
