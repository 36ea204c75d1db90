"""The Debian package: the built folder under /usr/lib, and what a desktop wants to know of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from installer.contents import INTERNAL, files_in, is_elf, needed_libraries, size_of
from installer.file_kinds import filled, mime_xml
from installer.icons import DRAWING, PNG_SIDES
from installer.identity import IDENTITY
from installer.notices import NAME as NOTICES

HERE = Path(__file__).resolve().parent / "linux"
PROGRAM_FOLDER = Path("usr/lib/spinealign")

PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libXau.so.6": "libxau6",
    "libxcb.so.1": "libxcb1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libexpat.so.1": "libexpat1",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libglib-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64",
    "libgthread-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64",
    "libgio-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64",
    "libgobject-2.0.so.0": "libglib2.0-0 | libglib2.0-0t64",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
    "libcups.so.2": "libcups2 | libcups2t64",
    "libcrypto.so.3": "libssl3 | libssl3t64",
    "libssl.so.3": "libssl3 | libssl3t64",
}
"""Debian packages of the libraries that are not in the folder."""

SYSTEM_LIBRARY_NAMES = {library.split(".so")[0] for library in PACKAGES}

C_LIBRARY = {
    "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1",
    "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libresolv.so.2",
}  # fmt: skip

FONTS = "fonts-dejavu-core | fonts-liberation | fonts-liberation2 | fonts-noto-core"

DESCRIPTION = """\
Opens lateral neck radiographs, neck CT slices and sagittal spine MR (@FORMATS@), \
outlines what its networks see in them, measures alignment with its uncertainty, grades \
lumbar discs, and writes pictures, tables, a PDF report and DICOM objects. It works on the \
processor, and talks only to the DICOM nodes that somebody configured.

Decision support for research and education; not a certified medical device.
"""


def build_deb(folder: Path, icons: Path, work: Path, out: Path, epoch: int) -> Path:
    """Pack a built folder as a Debian package.

    Parameters
    ----------
    folder, icons : Path
        The built folder, and the folder of PNG icons.
    work, out : Path
        Scratch folder, and the folder for the package.
    epoch : int
        Time that every file gets.

    Raises
    ------
    LookupError
        The program needs a library of which `PACKAGES` does not say who has it.
    subprocess.CalledProcessError
        ``dpkg-deb`` failed.
    """
    root = work / "deb"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(folder, root / PROGRAM_FOLDER, symlinks=True)
    _lay_out(root, icons, epoch)
    _write_control(root, folder)
    _even_out(root)
    path = out / f"spinealign_{IDENTITY.version}_{_architecture()}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(path)]
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return path


def depends(folder: Path) -> list[str]:
    """Return what a Debian system must have for the folder's programs and libraries."""
    elves = [path for path in files_in(folder) if is_elf(path)]
    present = {path.name for path in files_in(folder) if path.exists()}
    wanted = needed_libraries(elves) - present - C_LIBRARY
    unknown = wanted - set(PACKAGES)
    if unknown:
        raise LookupError(f"nobody says which Debian package has {sorted(unknown)}")
    return [
        f"libc6 (>= {newest_glibc(elves)})",
        *sorted({PACKAGES[library] for library in wanted}),
        "fontconfig",
        FONTS,
    ]


def newest_glibc(elves: Iterable[Path]) -> str:
    """Return the newest version of the C library that any of these files asks for."""
    listed = subprocess.run(
        ["readelf", "--version-info", "--wide", *map(str, elves)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    versions = {tuple(map(int, v.split("."))) for v in re.findall(r"GLIBC_([\d.]+)", listed.stdout)}
    return ".".join(map(str, max(versions)))


def _architecture() -> str:
    shown = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    )
    return shown.stdout.strip()


def _lay_out(root: Path, icons: Path, epoch: int) -> None:
    """Put everything but the program itself where a desktop looks for it."""
    share = root / "usr" / "share"
    for side in PNG_SIDES:
        _place(icons / f"{side}.png", share / f"icons/hicolor/{side}x{side}/apps/spinealign.png")
    _place(DRAWING, share / "icons/hicolor/scalable/apps/spinealign.svg")
    entry = (HERE / "spinealign.desktop").read_text("utf-8")
    _write(share / "applications/spinealign.desktop", filled(entry))
    _write(share / "mime/packages/spinealign.xml", mime_xml())
    metainfo = "org.spinealign.SpineAlign.metainfo.xml"
    _write(share / "metainfo" / metainfo, dated((HERE / metainfo).read_text("utf-8"), epoch))
    manual = share / "man/man1/spinealign.1"
    _write(manual, dated((HERE / "spinealign.1").read_text("utf-8"), epoch))
    subprocess.run(["gzip", "-9n", str(manual)], check=True)
    documents = share / "doc/spinealign"
    _place(root / PROGRAM_FOLDER / NOTICES, documents / NOTICES)
    _write(documents / "copyright", _copyright())
    command = root / "usr/bin/spinealign"
    command.parent.mkdir(parents=True)
    command.symlink_to(f"../lib/spinealign/{IDENTITY.command_program('linux')}")


def dated(text: str, epoch: int) -> str:
    """Fill version, day and file formats into a text."""
    day = datetime.fromtimestamp(epoch, UTC).date().isoformat()
    return filled(text).replace("@VERSION@", IDENTITY.version).replace("@DATE@", day)


def _write_control(root: Path, folder: Path) -> None:
    control = root / "DEBIAN"
    control.mkdir()
    first, second = filled(DESCRIPTION).split("\n\n")
    lines = [*textwrap.wrap(first, 78), ".", *textwrap.wrap(second, 78)]
    fields = {
        "Package": "spinealign",
        "Version": IDENTITY.version,
        "Architecture": _architecture(),
        "Maintainer": "SpineAlign authors <spinealign@localhost>",
        "Installed-Size": str(sum(map(size_of, files_in(folder))) // 1024),
        "Depends": ", ".join(depends(folder)),
        "Recommends": "libssl3 | libssl3t64",
        "Section": "science",
        "Priority": "optional",
        "Description": "\n ".join([IDENTITY.summary, *lines]),
    }
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    _write(control / "control", text)
    for script in ("postinst", "postrm"):
        _place(HERE / script, control / script)
        (control / script).chmod(0o755)


def _copyright() -> str:
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {IDENTITY.name}\n\n"
        "Files: *\n"
        f"Copyright: the {IDENTITY.name} authors\n"
        "License: GPL-3.0-or-later\n"
        " On Debian systems the whole text is in /usr/share/common-licenses/GPL-3.\n"
        f" Third-party software and models have their own terms, all of them in\n"
        f" /usr/share/doc/spinealign/{NOTICES}.\n"
    )


def _even_out(root: Path) -> None:
    """Give every file the rights of an installed one, whatever those of the builder are."""
    for path in root.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or (is_elf(path) and path.parent.name != INTERNAL)
        runs = runs or (path.parent.name == "DEBIAN" and path.name != "control")
        path.chmod(0o755 if runs else 0o644)


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
