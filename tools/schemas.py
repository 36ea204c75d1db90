"""Writes the published JSON Schemas anew from the types: ``python -m tools.schemas``.

Run it after a change of a type that is saved; a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spinealign.data_audit.writing import audit_schema
from spinealign.domain.paths import resources_dir
from spinealign.export.corrections import corrections_schema
from spinealign.inference.choices import settings_schema
from spinealign.network.peers import network_schema
from spinealign.reading.signing import reading_schema

SCHEMAS = {
    "corrections.schema.json": corrections_schema,
    "data-audit.schema.json": audit_schema,
    "model-store.schema.json": settings_schema,
    "network.schema.json": network_schema,
    "reading.schema.json": reading_schema,
}
"""Name of each file, and what makes its content."""


def schema_text(schema: dict[str, Any]) -> str:
    """Return a schema as it is published."""
    return f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write all schemas into a folder and return their paths."""
    paths = [folder / name for name in SCHEMAS]
    for path, make in zip(paths, SCHEMAS.values(), strict=True):
        path.write_text(schema_text(make()), encoding="utf-8", newline="\n")
    return paths


if __name__ == "__main__":
    for written in write_schemas(resources_dir() / "schemas"):
        print(written)
