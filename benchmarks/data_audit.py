"""What the audit says of the real data sets: ``python -m benchmarks.data_audit``.

Writes a report of each, prints the verdicts, and counts pairs that join what belongs to two series
(`ct_fracture`) or patients (`mr_sagittal_segmentation`): false ones, as far as names can tell.
Films of `xray_spine_ap` are not counted so: the same film is in it under two patients.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from spinealign.data_audit import AuditOptions, AuditOutcome, audit
from spinealign.data_audit.writing import write_audit
from spinealign.wording.data_audit import audit_lines

SETS = ("ct_fracture", "mr_sagittal_segmentation", "xray_spine_ap")


def false_pairs(outcome: AuditOutcome) -> int:
    """Count pairs of files whose names or lists tell different patients."""
    patients = {file.path: file.patient for file in outcome.audit.files}
    return sum(patients[pair.first] != patients[pair.second] for pair in outcome.audit.pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="reports go here")
    parser.add_argument("--sets", nargs="*", default=SETS)
    options = parser.parse_args()
    for name in options.sets:
        folder = options.out / name
        begun = time.perf_counter()
        outcome = audit(options.data / name, AuditOptions(cache=folder / "looked-at"))
        seconds = time.perf_counter() - begun
        write_audit(outcome, folder)
        print(f"## {name} ({seconds:.0f} s)")
        print("\n".join(audit_lines(outcome.audit)))
        print(f"pairs: {len(outcome.audit.pairs)}, of two patients: {false_pairs(outcome)}\n")


if __name__ == "__main__":
    main()
