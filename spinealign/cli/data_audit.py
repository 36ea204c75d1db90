"""The audit of a data set on the command line."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.cli.data_options import Told, add_columns, add_json, add_patient_pattern
from spinealign.cli.series import WrongUseError

if TYPE_CHECKING:
    from spinealign.data_audit import AuditStep

EXIT_DONE, EXIT_SOME_FAILED, EXIT_CONDEMNED = 0, 1, 3
_LAYOUTS = ("auto", "split-folders", "class-folders", "list", "masks", "files")
_COLUMNS = {
    "file": "the files", "class": "the classes", "patient": "the patients",
    "split": "the parts of the split",
}  # fmt: skip


def add_data_audit(commands: Any) -> None:
    """Add the command `audit`."""
    parser = commands.add_parser(
        "audit",
        help="look for leaks, copies, shortcuts and broken files in a data set before training",
    )
    parser.add_argument(
        "data", type=Path, metavar="FOLDER",
        help="train|val/<class>/, <class>/, images/ with masks/, DICOM files, or a CSV list",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="audit.html, audit.json and split.csv go here (default: FOLDER's name with -audit, "
        "in the current folder); train takes split.csv as DATA or by --split, and what the audit "
        "kept of the files spares it looking at them again",
    )  # fmt: skip
    parser.add_argument(
        "--layout", choices=_LAYOUTS, default="auto", help="what folders mean (default: looked at)"
    )
    add_columns(parser, _COLUMNS)
    add_patient_pattern(
        parser,
        "the first group of this regular expression on a file's path below FOLDER is its patient",
    )
    add_json(parser, "audit.json")
    parser.set_defaults(run=_audit)


def _audit(options: argparse.Namespace) -> int:
    from spinealign.data_audit import AuditOptions, Columns, audit
    from spinealign.data_audit.tables import table_of
    from spinealign.data_audit.writing import CACHE, audit_json, usual_folder, write_audit
    from spinealign.domain.data_audit import Layout
    from spinealign.wording.data_audit import (
        NO_PATTERN,
        NOTHING_INSIDE,
        STOPPED,
        audit_lines,
        progress_text,
        written_text,
    )
    from spinealign.wording.labels import columns_text

    folder = options.out or usual_folder(options.data)
    if options.data.is_dir() and folder.resolve().is_relative_to(options.data.resolve()):
        raise WrongUseError(NOTHING_INSIDE)
    columns = Columns(
        options.file_column, options.class_column, options.patient_column, options.split_column
    )
    layout = None if options.layout == "auto" else Layout(options.layout.replace("-", "_"))
    if not _is_pattern(options.patient_pattern):
        raise WrongUseError(NO_PATTERN)
    chosen = AuditOptions(layout, columns, folder / CACHE, options.patient_pattern)
    told = Told()

    def show(step: AuditStep) -> None:
        told(progress_text(step.stage, step.done, step.total))

    try:
        outcome = audit(options.data, chosen, show)
    except KeyboardInterrupt:
        told.done()
        sys.stderr.write(STOPPED)
        return EXIT_SOME_FAILED
    told.done()
    write_audit(outcome, folder)
    if options.json:
        sys.stdout.write(audit_json(outcome.audit))
    else:
        print("\n".join(audit_lines(outcome.audit)))
        if options.data.is_file():
            table = table_of(options.data)
            print(columns_text(table.taken(columns), table.titles))
        print(written_text(str(folder), has_parts=bool(outcome.parts)))
    return EXIT_CONDEMNED if outcome.verdict.is_condemned else EXIT_DONE


def _is_pattern(text: str) -> bool:
    """Tell whether a text is a regular expression with a group, or empty."""
    try:
        return not text or re.compile(text).groups >= 1
    except re.error:
        return False
