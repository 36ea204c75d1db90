"""The files of an audit: audit.html, audit.json and split.csv, written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from spinealign.data_audit.report_html import report_html
from spinealign.data_audit.run import AuditOutcome
from spinealign.domain.data_audit import AuditedFile, DataAudit
from spinealign.files import write_whole
from spinealign.json_files import json_schema

SCHEMA_URI: Final = "urn:spinealign:schema:data-audit-1"
HTML, JSON, SPLIT = "audit.html", "audit.json", "split.csv"
CACHE: Final = "looked-at"
"""Folder beside them with what was seen of each file, for the next audit of the same files."""

_COLUMNS: Final = ("file", "class", "patient", "group", "split")


def usual_folder(data: Path) -> Path:
    """Return where the command `audit` writes if nobody says otherwise, in the current folder."""
    return Path(f"{data.resolve().stem}-audit")


def audit_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of audit.json, as it is published in `resources`."""
    return json_schema(DataAudit, SCHEMA_URI, "SpineAlign audit of a data set")


def audit_json(audit: DataAudit) -> str:
    """Return audit.json."""
    told = msgspec.to_builtins(audit)
    return f"{json.dumps(told, indent=1, ensure_ascii=True, allow_nan=False)}\n"


def split_csv(outcome: AuditOutcome, folder: Path) -> str:
    """Return split.csv: every usable file with its class, patient, group and honest part.

    Paths are relative to the folder that it will lie in, so that it can be trained on and audited
    as it is. A group that joins several patients, or files without one, stands for the patient.
    The part is empty where no honest split is possible.
    """
    owners = _owners(outcome.audit.files)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for file in outcome.audit.files:
        if not file.is_broken:
            part = outcome.parts.get(file.path, "")
            place = _relative(outcome.places[file.path], folder)
            writer.writerow([place, file.label, owners[file.group], file.group, part])
    return stream.getvalue()


def _owners(files: Sequence[AuditedFile]) -> dict[int, str]:
    """Return what stands for the patient of each group."""
    patients: dict[int, set[str]] = defaultdict(set)
    for file in files:
        patients[file.group].add(file.patient)
    return {
        group: next(iter(names)) if len(names) == 1 and names != {""} else f"group {group}"
        for group, names in patients.items()
    }


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        # Another drive of Windows.
        return path.resolve().as_posix()


def write_audit(outcome: AuditOutcome, folder: Path) -> list[Path]:
    """Write the report, the document and the split into a folder.

    Raises
    ------
    ExportError
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        JSON: audit_json(outcome.audit),
        SPLIT: split_csv(outcome, folder),
        HTML: report_html(outcome),
    }
    for name, text in contents.items():
        write_whole(folder / name, text.encode("utf-8", "backslashreplace"))
    return [folder / name for name in contents]
