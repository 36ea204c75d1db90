"""The software bill of materials: CycloneDX 1.6, checked against its schema."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from installer.contents import (
    INTERNAL,
    debian_owner,
    distributions,
    is_elf,
    model_cards,
    sha256,
)
from installer.identity import IDENTITY


def write_bill(folder: Path, path: Path, epoch: int) -> None:
    """Describe a built folder.

    Parameters
    ----------
    folder : Path
        Holds the programs and ``_internal``.
    path : Path
        JSON file to write.
    epoch : int
        Time that the document bears, in seconds; the same folder gives the same bytes.

    Raises
    ------
    ValueError
        The document breaks the schema of CycloneDX.
    """
    program = Component(
        name=IDENTITY.name,
        version=IDENTITY.version,
        type=ComponentType.APPLICATION,
        bom_ref="spinealign",
        licenses=[_licence("GPL-3.0-or-later")],
    )
    parts = [*_python_parts(), *_library_parts(folder), *_model_parts(folder)]
    bom = Bom(
        components=parts,
        serial_number=uuid5(NAMESPACE_URL, "".join(sorted(str(part.bom_ref) for part in parts))),
        metadata=BomMetaData(component=program, timestamp=datetime.fromtimestamp(epoch, UTC)),
    )
    bom.register_dependency(program, parts)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem is not None:
        raise ValueError(f"the bill of materials breaks its schema: {problem}")
    path.write_text(f"{text}\n", encoding="utf-8")


def _licence(name: str) -> DisjunctiveLicense:
    return DisjunctiveLicense(name=name[:200])


def _python_parts() -> Iterable[Component]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Component(
        name="Python", version=version, type=ComponentType.PLATFORM, bom_ref=f"python@{version}",
        licenses=[_licence("PSF-2.0")], purl=PackageURL("generic", name="python", version=version),
    )  # fmt: skip
    for found in distributions():
        is_qt = found.name.lower() == "pyqt6-qt6"
        yield Component(
            name="Qt" if is_qt else found.name,
            version=found.version,
            bom_ref=f"{found.name}@{found.version}",
            licenses=[_licence("LGPL-3.0-only" if is_qt else found.licence)],
            purl=PackageURL("pypi", name=found.name.lower(), version=found.version),
        )
        for part in found.inside:
            yield Component(
                name=part.name,
                version=part.version or None,
                bom_ref=f"{found.name}@{found.version}:{part.name}@{part.version}",
                licenses=[_licence(part.licence)] if part.licence else (),
                purl=PackageURL.from_string(part.purl) if part.purl else None,
                properties=[Property(name="spinealign:compiled-into", value=found.name)],
            )


def _library_parts(folder: Path) -> Iterable[Component]:
    """Yield every shared library by its checksum, and where it came from."""
    internal = folder / INTERNAL
    for path in sorted(p for p in internal.rglob("*") if _is_library(p)):
        place = path.relative_to(internal).as_posix()
        owner = debian_owner(path.name) if "/" not in place and is_elf(path) else None
        yield Component(
            name=path.name,
            version=owner[1] if owner else None,
            bom_ref=f"file:{place}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(path))],
            purl=PackageURL("deb", "debian", owner[0], owner[1]) if owner else None,
            properties=[Property(name="spinealign:place", value=f"{INTERNAL}/{place}")],
        )


def _is_library(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    return path.suffix in (".dll", ".pyd", ".dylib") or is_elf(path)


def _model_parts(folder: Path) -> Iterable[Component]:
    for card in model_cards(folder):
        yield Component(
            name=card["name"],
            version=card["version"],
            type=ComponentType.MACHINE_LEARNING_MODEL,
            bom_ref=f"model:{card['name']}@{card['version']}",
            description=card["title"],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=card["sha256"])],
            licenses=[_licence(card["licence"])],
        )
