"""What other programs find in DICOM objects of every kind of examination; what is read back.

Writes segmentation (binary and label map), structured report, presentation state, overlay picture,
report document and, of pictures that are no DICOM file, the image itself, and asks dicom3tools'
`dciodvfy` about each object and DCMTK's `dsrdump` about the report; reads masks and numbers back.

    python -m benchmarks.dicom_objects
"""

from __future__ import annotations

import argparse
import io
import math
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import dcmread

from spinealign.dicom.contents import contents_of
from spinealign.dicom.report_file import read_report
from spinealign.dicom.segmentation_file import read_segmentation
from spinealign.dicom.source import source_of
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.findings import Analysis
from spinealign.domain.reading import NumberValue
from spinealign.domain.report_details import ReportDetails
from spinealign.export.dicom_objects import made_objects
from spinealign.export.exporters import object_writers
from tests.dicom_objects import PATIENT, dciodvfy_errors
from tests.dicom_reports import CASES, case, dsrdump

_SIX_DIGITS = 1e-6
_OF_UTF8 = "Specific Character Set: ISO_IR 192"
"""DCMTK warns of every object in UTF-8, which it then prints."""

_OF_LABEL_MAPS = ("Information Object Not found", "SegmentNumber not monotonically increasing")
"""What Debian's dciodvfy says of a class that it does not know: docs/conformance.md, A.1."""


@dataclass
class Row:
    """Figures of one kind of examination."""

    objects: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    warnings: int = 0
    pixels: int = 0
    wrong_pixels: int = 0
    numbers: int = 0
    wrong_numbers: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether no judge finds anything, and all is read back equal."""
        return not (self.errors or self.warnings or self.wrong_pixels or self.wrong_numbers)


def measure(name: str, folder: Path) -> Row:
    """Write and judge every object of one kind of examination."""
    analysis, row = case(name, folder), Row()
    for is_label_map in (False, True):
        details = ReportDetails(dicom=DicomChoices(PATIENT, "", is_label_map, True))
        told, missing = made_objects(analysis, details, object_writers(analysis))
        row.errors.update(f"{one.kind} not made" for one in missing)
        for kind, content in (told.objects or {}).items():
            path = folder / f"{kind}.dcm"
            path.write_bytes(content)
            _judge(kind, path, row)
            if kind == "dicom_seg":
                _compare_masks(path, analysis, row)
            elif kind == "dicom_sr":
                _compare_numbers(path, analysis, row)
    return row


def _judge(kind: str, path: Path, row: Row) -> None:
    row.objects += 1
    is_label_map = str(dcmread(path).get("SegmentationType") or "") == "LABELMAP"
    for words in dciodvfy_errors(path):
        if is_label_map and any(known in words for known in _OF_LABEL_MAPS):
            row.unknown += 1
        else:
            row.errors[f"{kind}: {words}"] += 1
    if kind == "dicom_sr":
        printed, said = dsrdump(path)
        row.warnings += sum(_OF_UTF8 not in words for words in said) + (not printed)


def _compare_masks(path: Path, analysis: Analysis, row: Row) -> None:
    source = source_of(analysis.image, DicomChoices(PATIENT))
    found = np.zeros(analysis.image.shape, bool)
    for one in read_segmentation(path).segments_on(source):
        found |= one.mask
    assert analysis.segmentation is not None
    wanted = analysis.segmentation.mask > 0
    row.pixels += int(wanted.sum())
    row.wrong_pixels += int((found != wanted).sum())


def _compare_numbers(path: Path, analysis: Analysis, row: Row) -> None:
    source = source_of(analysis.image, DicomChoices(PATIENT))
    told = {item.key: item.number for item in read_report(path).items_on(source)}
    for one in contents_of(analysis, None).statements:
        value = one.finding.value
        if isinstance(value, NumberValue):
            row.numbers += 1
            number = told.get(one.finding.key)
            is_same = number is not None and math.isclose(
                number, value.value, rel_tol=_SIX_DIGITS, abs_tol=1e-9
            )
            row.wrong_numbers += not is_same


def table(rows: dict[str, Row]) -> str:
    """Return the figures as a table."""
    out = io.StringIO()
    head = ("examination", "objects", "errors", "label map*", "dsrdump", "pixels", "off", "numbers")
    out.write("| " + " | ".join((*head, "off")) + " |\n|" + "---|" * (len(head) + 1) + "\n")
    for name, row in rows.items():
        cells = (
            name, row.objects, sum(row.errors.values()), row.unknown, row.warnings, row.pixels,
            row.wrong_pixels, row.numbers, row.wrong_numbers,
        )  # fmt: skip
        out.write("| " + " | ".join(map(str, cells)) + " |\n")
    out.write("* said by dciodvfy of a class that it does not know (docs/conformance.md, A.1)\n")
    return out.getvalue()


def main() -> int:
    """Print the figures; 1 where a judge found something, 2 where one is not installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="examinations whose name holds this")
    options = parser.parse_args()
    absent = [name for name in ("dciodvfy", "dsrdump") if shutil.which(name) is None]
    if absent:
        sys.stderr.write(f"not installed: {', '.join(absent)}\n")
        return 2
    rows = {}
    with tempfile.TemporaryDirectory(prefix="spinealign-objects-") as folder:
        for name in (each for each in CASES if options.only in each):
            place = Path(folder) / name.replace(" ", "_")
            place.mkdir()
            rows[name] = measure(name, place)
    print(table(rows))
    for name, row in rows.items():
        for words, count in row.errors.items():
            print(f"{name}: {words} ({count})")
    return 0 if all(row.is_clean for row in rows.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
