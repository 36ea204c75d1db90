"""What a built folder is made of: files, libraries, Python packages, models."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from installer.identity import ROOT

INTERNAL = "_internal"
LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|COPYRIGHT|AUTHORS)", re.IGNORECASE)

COMPONENTS = (
    ("models", ("_internal/models/",)),
    ("fonts of reports", ("_internal/resources/fonts/", "_internal/uharfbuzz/")),
    ("samples, icons, schemas", ("_internal/resources/",)),
    ("manual", ("_internal/docs/",)),
    ("Qt", ("_internal/PyQt6/Qt6/",)),
    ("PyQt6", ("_internal/PyQt6/",)),
    ("OpenCV", ("_internal/cv2/", "_internal/opencv_python_headless.libs/")),
    ("NumPy", ("_internal/numpy/", "_internal/numpy.libs/", "_internal/numpy-")),
    ("LiteRT", ("_internal/ai_edge_litert/",)),
    ("Pillow", ("_internal/PIL/", "_internal/pillow.libs/")),
    (
        "DICOM decoders",
        ("_internal/_libjpeg", "_internal/_openjpeg", "_internal/pylibjpeg", "_internal/pydicom",
         "_internal/simplejpeg"),
    ),
    ("DICOM objects", ("_internal/highdicom", "_internal/_CharLS", "_internal/pyjpegls")),
    (
        "network and encryption",
        ("_internal/cryptography", "_internal/_cffi_backend", "_internal/_argon2",
         "_internal/sqlcipher3", "_internal/libsqlite3", "_internal/certifi",
         "_internal/charset_normalizer", "_internal/pynetdicom", "_internal/dicomweb_client",
         "_internal/keyring"),
    ),
    ("ReportLab's fonts", ("_internal/reportlab/",)),
    (
        "Python and all its code",
        ("SpineAlign", "spinealign", "_internal/libpython", "_internal/python3.",
         "_internal/base_library.zip"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Inside:
    """One library that is compiled into a distribution, as the distribution's own bill tells."""

    name: str
    version: str
    licence: str
    purl: str


@dataclass(frozen=True)
class Distribution:
    """One Python distribution inside the package."""

    name: str
    version: str
    licence: str
    texts: tuple[tuple[str, str], ...]
    inside: tuple[Inside, ...] = ()


def files_in(folder: Path) -> list[Path]:
    """Return all files and links below a folder, sorted by their path as text."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def size_of(path: Path) -> int:
    """Return the bytes a file takes; a link takes none."""
    return 0 if path.is_symlink() else path.stat().st_size


def component_sizes(folder: Path) -> dict[str, int]:
    """Return how many bytes each component takes, the rest as "system libraries"."""
    sizes = dict.fromkeys([name for name, _ in COMPONENTS], 0)
    sizes["system libraries and the rest"] = 0
    for path in files_in(folder):
        place = path.relative_to(folder).as_posix()
        found = (name for name, starts in COMPONENTS if place.startswith(starts))
        sizes[next(found, "system libraries and the rest")] += size_of(path)
    return sizes


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_elf(path: Path) -> bool:
    """Whether a file is a Linux program or library."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def needed_libraries(paths: Iterable[Path]) -> set[str]:
    """Return the libraries that Linux programs and libraries ask the system for."""
    paths = [str(path) for path in paths]
    listed = subprocess.run(
        ["readelf", "--dynamic", "--wide", *paths], check=True, capture_output=True, text=True
    )
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", listed.stdout))


def distributions() -> list[Distribution]:
    """Return the distributions that the program needs when it runs, from pyproject.toml on."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, found = list(project["dependencies"]), {}
    while waiting:
        name = _canonical(re.split(r"[<>=!~;\[ ]", waiting.pop(), maxsplit=1)[0])
        if name in found:
            continue
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of another system, by its marker
        found[name] = _described(installed)
        waiting += [r for r in installed.requires or () if "extra ==" not in r]
    return [found[name] for name in sorted(found)]


def _described(installed: metadata.Distribution) -> Distribution:
    about = installed.metadata
    classifiers = [
        line.rsplit(" :: ", 1)[-1]
        for line in about.get_all("Classifier") or ()
        if line.startswith("License :: ")
    ]
    words = about.get("License-Expression") or ", ".join(classifiers) or about.get("License") or ""
    texts = [
        (str(file), Path(str(file.locate())).read_text(encoding="utf-8", errors="replace"))
        for file in installed.files or ()
        if LICENCE_FILE.match(file.name) and file.suffix not in (".py", ".pyc")
    ]
    short = words.strip().splitlines()[0] if words.strip() else "see the text"
    bills = [
        json.loads(Path(str(file.locate())).read_text(encoding="utf-8"))
        for file in installed.files or ()
        # What auditwheel lists are files, each of which is in our bill by its checksum.
        if file.parent.name == "sboms" and file.suffix == ".json" and "auditwheel" not in file.name
    ]
    itself = f"pkg:pypi/{about['Name'].lower()}@"
    parts = {one for bill in bills for one in parts_of_bill(bill)}
    inside = sorted(
        (one for one in parts if not one.purl.startswith(itself)),
        key=lambda one: (one.name, one.version),
    )
    return Distribution(
        about["Name"], installed.version, short, tuple(sorted(texts)), tuple(inside)
    )


def parts_of_bill(bill: Mapping[str, Any]) -> list[Inside]:
    """Return the components that a bill of materials (CycloneDX) lists."""
    return [
        Inside(
            part["name"], part.get("version", ""), _licence_of_part(part), part.get("purl", "")
        )
        for part in bill.get("components", ())
    ]  # fmt: skip


def _licence_of_part(part: Mapping[str, Any]) -> str:
    found = part.get("licenses") or [{}]
    named = found[0].get("license", {})
    return found[0].get("expression") or named.get("id") or named.get("name") or ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def model_cards(folder: Path) -> list[Mapping[str, str]]:
    """Return the cards of the models in a built folder, by name."""
    cards = sorted((folder / INTERNAL / "models").glob("*/card.json"))
    return [json.loads(card.read_text(encoding="utf-8")) for card in cards]


def debian_owner(library: str) -> tuple[str, str] | None:
    """Return package and version of a library that came from this Debian, if it did."""
    found = subprocess.run(
        ["dpkg-query", "--search", f"*/{library}"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        return None
    package = found.stdout.split(":", 1)[0].split(",")[0].strip()
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${source:Package} ${Version}", package],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return package, shown.stdout.split()[-1]
