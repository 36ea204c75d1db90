"""What the shipped disc grader says of discs that different networks outline.

``python benchmarks/disc_grades.py --data DATA/mr_disc_grading --model FOLDER FOLDER``. The grader
was fitted on these very patients with the outlines of `mr_segmentation`: the figures are no figures
of the grader (docs/models.md has these), and favour that network.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from spinealign.domain.discs import GradeName
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.lumbar import grade_discs
from spinealign.lumbar.segmenting import segment_slice
from spinealign.measure.outlines.mr_bodies import bodies_from_mask
from spinealign.resampling import auc
from spinealign.training.disc_data import (
    SEQUENCES,
    list_slices,
    read_grades,
    without_placeholders,
)
from spinealign.training.disc_evaluate import concordance, quadratic_kappa
from spinealign.training.evaluate import bootstrap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, nargs="+", required=True)
    parser.add_argument("--patients", type=int)
    options = parser.parse_args()
    slices = list_slices(options.data)
    grades = without_placeholders(read_grades(options.data), slices)
    chosen = chosen_slices(slices)
    names = list(chosen)[: options.patients]
    answers = {}
    for folder in options.model:
        segmenter = ModelStore([folder.parent]).load(folder.name)
        answers[folder.name] = {p: answer(segmenter, chosen[p]) for p in names}
        report(folder.name, answers[folder.name], grades)
    if len(answers) > 1:
        compare(*list(answers.values())[:2])


def chosen_slices(slices) -> dict[int, list[Path]]:
    """Return of each patient one slice of each contrast, T2 first."""
    found: dict[int, dict[str, Path]] = defaultdict(dict)
    order = list(SEQUENCES)
    for patient, sequence, path in sorted(slices, key=lambda one: order.index(one[1])):
        found[patient].setdefault(SEQUENCES[sequence], path)
    return {patient: [own[c] for c in ("t2", "t1") if c in own] for patient, own in found.items()}


def answer(segmenter, paths):
    """Return (disc from the bottom -> disc), and the column, of a patient's slices."""
    grader = ModelStore().load("disc_grading")
    read = [read_image(path) for path in paths]
    outlined = [(segment_slice(segmenter, image), image) for image in read]
    found, image = outlined[0]
    column = bodies_from_mask(
        found.mask, found.classes, found.confidence, image.pixels, image.pixel_aspect
    )
    if not column.found.discs:
        return {}, column
    other = outlined[1] if len(outlined) > 1 else None
    graded = grade_discs(found, image, grader, other, column.found)
    return {disc.index_from_bottom: disc for disc in graded.discs}, column


def report(name, answers, grades) -> None:
    discs, found, units = [], 0, []
    for patient, (own, _) in answers.items():
        rows = []
        for (of, number), values in grades.items():
            if of != patient:
                continue
            disc = own.get(number)
            found += disc is not None
            rows.append((values, disc))
        discs += rows
        units.append(rows)
    columns = [column for _, column in answers.values()]
    print(
        f"\n{name}: {len(answers)} patients, {found} of {len(discs)} discs; no column "
        f"{sum(not c.found.discs for c in columns)}, levels uncertain "
        f"{sum(c.levels_uncertain for c in columns)}, beside the canal "
        f"{sum(c.is_beside_canal for c in columns)}, upside down "
        f"{sum(c.found.is_upside_down for c in columns)}, remnants "
        f"{sum(c.found.remnants > 0 for c in columns)}, long "
        f"{sum(c.found.is_remnant_long for c in columns)}"
    )
    ordinal = [part for part in map(severities, units) if len(part)]
    for title, statistic in (
        ("quadratic kappa", lambda v: quadratic_kappa(v[:, 0].astype(int), v[:, 1].astype(int))),
        ("CCC", lambda v: concordance(v[:, 0], v[:, 2])),
        ("within one", lambda v: float(np.mean(np.abs(v[:, 0] - v[:, 1]) <= 1))),
    ):
        told(title, bootstrap(ordinal, lambda d, of=statistic: of(np.concatenate(d))))
    for place, finding in enumerate(GradeName):
        if finding is GradeName.PFIRRMANN:
            continue
        parts = [chances(rows, finding, place) for rows in units]
        parts = [part for part in parts if len(part)]
        told(
            f"AUC {finding.value}",
            bootstrap(parts, lambda d: auc(np.concatenate(d)[:, 1], np.concatenate(d)[:, 0] > 0)),
        )


def severities(rows) -> np.ndarray:
    """Return true grade, grade and severity (n, 3) of graded discs; not found is farthest off."""
    found = []
    for values, disc in rows:
        if values[0] > 0:
            wrong = 1.0 if values[0] > 3 else 5.0
            said = None if disc is None else grade_of(disc, GradeName.PFIRRMANN).severity
            said = wrong if said is None else said
            found.append((values[0], np.floor(said + 0.5), said))
    return np.array(found, float).reshape(-1, 3)


def chances(rows, finding, place) -> np.ndarray:
    """Return truth and probability (n, 2)."""
    found = []
    for values, disc in rows:
        grade = None if disc is None else grade_of(disc, finding)
        if grade is None or grade.probabilities:
            truth = float(values[place] > 0)
            found.append((truth, 1 - truth if grade is None else grade.probabilities[1]))
    return np.array(found, float).reshape(-1, 2)


def grade_of(disc, name):
    return next(grade for grade in disc.grades if grade.name is name)


def compare(one, other) -> None:
    """Print how alike the grades of two networks' discs are."""
    pairs = []
    for patient, (discs, _) in one.items():
        for number, disc in discs.items():
            twin = other[patient][0].get(number)
            said = [d and grade_of(d, GradeName.PFIRRMANN).severity for d in (disc, twin)]
            if None not in said:
                pairs.append(np.floor(np.array(said) + 0.5))
    table = np.array(pairs).astype(int)
    print(
        f"\nboth: {len(table)} discs, the same grade {np.mean(table[:, 0] == table[:, 1]):.3f}, "
        f"quadratic kappa {quadratic_kappa(table[:, 0], table[:, 1]):.3f}"
    )
    counted = [p for p in one if len(one[p][0]) != len(other[p][0])]
    print(f"other number of discs: {len(counted)} patients: {counted[:30]}")


def told(title: str, figure) -> None:
    parts = [figure[name] for name in ("value", "low", "high")]
    value, low, high = ("-" if part is None else f"{part:.3f}" for part in parts)
    print(f"  {title:24} {value} ({low}-{high})", flush=True)


if __name__ == "__main__":
    main()
