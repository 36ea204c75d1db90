"""Empty libraries in place of large ones that are linked and that SpineAlign never calls.

OpenCV's wheel for Linux is linked with FFmpeg and with an OpenBLAS of its own, and Qt's PDF library
with Qt's network, so none of them can simply be left out. A stand-in has the same name and the same
symbols; whoever calls one is told which, and the program stops. `tests/core/test_installer.py`
lists the OpenCV functions that the program may use without calling any of them; Qt's
PDF library calls Qt's network only for a PDF that is still being downloaded.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from installer.pruning import Entry


@dataclass(frozen=True)
class Replacement:
    """Libraries of one folder that get stand-ins.

    Parameters
    ----------
    reason : str
        For the table of sizes.
    folder : str
        Where in the package they are.
    replaced : tuple of str
        Beginnings of the names of the libraries that get a stand-in.
    needed_by_replaced : tuple of str
        Of those that only the replaced ones need; they go altogether.
    users : str
        Folder whose libraries take symbols of them too.
    """

    reason: str
    folder: str
    replaced: tuple[str, ...]
    needed_by_replaced: tuple[str, ...]
    users: str


REPLACEMENTS = (
    Replacement(
        "FFmpeg, AV1 and second OpenBLAS of OpenCV (empty stand-ins of 15 KB each)",
        "opencv_python_headless.libs",
        ("libavcodec-", "libavformat-", "libavutil-", "libswscale-", "libopenblas", "libaom-"),
        (
            "libswresample-", "libvpx-", "libcrypto-", "libssl-", "libdrm-", "libgfortran-",
            "libquadmath-",
        ),
        "cv2",
    ),
    Replacement(
        "network of Qt (an empty stand-in of 15 KB)",
        "PyQt6/Qt6/lib", ("libQt6Network.",), (), "PyQt6/Qt6/plugins",
    ),
)  # fmt: skip

_HEAD = """\
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void left_out(const char *name) {
    const char words[] = "SpineAlign's package leaves this function out: ";
    if (write(2, words, sizeof words - 1) < 0 || write(2, name, strlen(name)) < 0) abort();
    if (write(2, "\\n", 1) < 0) abort();
    abort();
}
"""


def replace_libraries(
    entries: Iterable[Entry], replacement: Replacement, folder: Path
) -> tuple[list[Entry], list[Entry]]:
    """Put stand-ins, built in `folder`, in place of what is never called.

    Returns
    -------
    kept, left_out : list
        What the package holds now, and the entries that it no longer holds.
    """
    entries = list(entries)
    ours = [e for e in entries if _is_in(e, replacement.folder) and e[2] == "BINARY"]
    replaced = [e for e in ours if Path(e[0]).name.startswith(replacement.replaced)]
    needless = [e for e in ours if Path(e[0]).name.startswith(replacement.needed_by_replaced)]
    gone = {Path(e[0]).name for e in needless}
    staying = [e for e in ours if e not in replaced and e not in needless]
    users = [Path(e[1]) for e in staying]
    users += [Path(e[1]) for e in entries if _is_in(e, replacement.users) and ".so" in e[0]]
    made = {e[0]: str(build_stand_in(Path(e[1]), users, folder)) for e in replaced}
    kept = [
        (place, made.get(place, source), kind)
        for place, source, kind in entries
        if Path(place).name not in gone
    ]
    return kept, [*replaced, *needless]


def _is_in(entry: Entry, folder: str) -> bool:
    return entry[0].startswith(f"{folder}/")


def build_stand_in(library: Path, users: Iterable[Path], folder: Path) -> Path:
    """Compile an empty library with the name of `library` and the symbols its users take.

    Raises
    ------
    subprocess.CalledProcessError
        ``nm`` or ``cc`` failed: binutils and a C compiler are needed.
    """
    offered = set(_symbols(library, "--defined-only"))
    wanted = {s for user in users for s in _symbols(user, "--undefined-only")} & offered
    by_version: dict[str, list[str]] = defaultdict(list)
    for name, version in sorted(wanted):
        by_version[version].append(name)
    folder.mkdir(parents=True, exist_ok=True)
    source, script = folder / f"{library.name}.c", folder / f"{library.name}.map"
    functions = [f'void {n}(void) {{ left_out("{n}"); }}\n' for n, _ in sorted(wanted)]
    source.write_text(_HEAD + "".join(functions))
    script.write_text("".join(map(_version_block, by_version.items())))
    made = folder / library.name
    command = ["cc", "-shared", "-fPIC", "-Os", "-s", "-nostartfiles", "-fno-builtin", "-w"]
    command += [f"-Wl,-soname,{library.name}", "-Wl,--build-id=none"]
    command += [f"-Wl,--version-script,{script.name}"] if any(by_version) else []
    subprocess.run([*command, "-o", made.name, source.name], check=True, cwd=folder)
    return made


def _version_block(names_of_version: tuple[str, list[str]]) -> str:
    version, names = names_of_version
    return f"{version} {{ global: {' '.join(f'{name};' for name in names)} }};\n"


def _symbols(library: Path, which: str) -> Iterable[tuple[str, str]]:
    """Yield (name, version or empty) of a library's dynamic symbols."""
    command = ["nm", "--dynamic", "--with-symbol-versions", which, str(library)]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    ):
        if line:
            name, _, version = line.split()[-1].partition("@")
            yield name, version.lstrip("@")
