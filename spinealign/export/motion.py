"""Flexion and extension as a table for programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.motion import Motion
from spinealign.files import write_export
from spinealign.wording import display_name
from spinealign.wording.motion import MOTION_COLUMNS, motion_record

MOTION_ORIGIN_COLUMNS = (
    "flexion_file", "flexion_sha256", "extension_file", "extension_sha256", "program_version",
    "disclaimer",
)  # fmt: skip


def motion_csv(motion: Motion) -> str:
    """Return motion by level as CSV (RFC 4180).

    Returns
    -------
    str
        `MOTION_COLUMNS` and `MOTION_ORIGIN_COLUMNS`, a line for each level; empty cells mean
        "not measured" or "not published".
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*MOTION_COLUMNS, *MOTION_ORIGIN_COLUMNS))
    analyses = motion.flexion.analysis, motion.extension.analysis
    files = [
        part for one in analyses for part in (display_name(one.image.source_path), one.image.sha256)
    ]
    for segment in motion.segments:
        writer.writerow((*motion_record(segment), *files, analyses[1].program_version, DISCLAIMER))
    return text.getvalue()


def write_motion(motion: Motion, path: Path) -> None:
    """Write `motion_csv` to a file, whole or not at all.

    Raises
    ------
    ExportError
        The file is as it was before.
    """
    write_export(path, motion_csv(motion).encode())
