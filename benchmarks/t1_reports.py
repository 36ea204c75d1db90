"""What the program says of T1 slices beside the radiologists' free-text reports, disc by disc.

``python benchmarks/t1_reports.py --data DATA [--aside]``: reports of `mr_lumbar_t1` name the discs
that bulge, are herniated, press on the thecal sac or lie at a listhesis; a disc that is not named
counts as without, unless the report only says "multilevel". The radiologists saw all series and
axial slices; the program sees one T1 slice. ``--aside`` keeps to patients whose outlines no network
was trained on; nothing was ever trained on reports. ``--print`` shows what was read in them.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.mr_bodies import told
from spinealign.analysis import Analysis, analyze_file
from spinealign.domain.discs import Disc, GradeName
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind
from spinealign.domain.measures import MeasureCode, SeverityGrade
from spinealign.inference.catalog import ModelStore
from spinealign.resampling import auc
from spinealign.training.evaluate import bootstrap
from spinealign.training.mr_sources import FOLDERS, T1, is_aside

DISCS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
BULGE, HERNIATION, PRESSED, STENOSIS, SLIP = "bulge", "herniation", "pressed", "stenosis", "slip"
WORDS: Mapping[str, str] = {
    BULGE: r"bulg",
    HERNIATION: r"protru|extru|herniat|sequest",
    PRESSED: r"co\w*r\w*es+i\w* .{0,24}(sac|spinal|ca[nl])|compresses .{0,24}sac",
    STENOSIS: r"steno|narrow\w* the spinal canal|canal appeared narrow",
    SLIP: r"listhesis",
}
"""How each finding is written, misspelt too."""

_MILD = re.compile(r"mild\w*\s+c\w+s+i\w+", re.IGNORECASE)
"""Mildly compressing, which is not taken for compressing."""

_DISC = re.compile(r"\bl\s?(\d)\s?(?:[-/]|over)\s?[ls]?(\d)", re.IGNORECASE)
_NEGATED = re.compile(r"\bno\b|without|adequate", re.IGNORECASE)
_GOES_ON = re.compile(r"^\W*(com?p?[rm]+p?r?es|encroach|abut|with|associated)", re.IGNORECASE)
_SEVERAL = re.compile(r"multi-?\s?level", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """What a report says of each disc: True, False, or None where it leaves that open."""

    findings: Mapping[str, Mapping[str, bool | None]]


def read_report(text: str) -> Told:
    """Take a report's sentences to the discs that they name."""
    said: dict[str, dict[str, bool | None]] = {name: dict.fromkeys(DISCS, False) for name in WORDS}
    for sentence in sentences(text):
        discs = discs_in(sentence)
        if _NEGATED.search(sentence):
            continue
        for name, words in WORDS.items():
            if not re.search(words, _MILD.sub("", sentence), re.IGNORECASE):
                continue
            if _SEVERAL.search(sentence) or not discs:
                said[name] = {disc: now or None for disc, now in said[name].items()}
            for disc in discs:
                said[name][disc] = True
    return Told(said)


def sentences(text: str) -> list[str]:
    """Return a report's sentences; one that begins with what a disc does belongs to the last."""
    found: list[str] = []
    for part in re.split(r"[.\n]|\s{2,}|\s-(?=[A-Za-z])", text):
        if found and (
            _GOES_ON.match(part) or (re.match(r"^\W*L\d", part) is None and _is_open(found[-1]))
        ):
            found[-1] += " " + part
        elif part.strip():
            found.append(part.strip())
    return found


def _is_open(sentence: str) -> bool:
    """Whether a sentence is a heading: discs and a colon."""
    return sentence.rstrip().endswith(":") and bool(discs_in(sentence))


def discs_in(sentence: str) -> list[str]:
    """Return the lumbar discs that a sentence names: "L4-L5", "L4/5", "L5 over S1"."""
    pairs = [(int(a), int(b)) for a, b in _DISC.findall(sentence)]
    names = [f"L{a}/S1" if a == 5 else f"L{a}/L{b}" for a, b in pairs if a == 5 or b == a + 1]
    return [name for name in dict.fromkeys(names) if name in DISCS]


@dataclass(frozen=True)
class Answer:
    """The program's of a patient."""

    patient: str
    told: Told
    analysis: Analysis

    def ratio(self, disc: str) -> float | None:
        """Return the canal's diameter at a disc over that behind the body above."""
        return self._measured(MeasureCode.CANAL_RATIO, disc)

    def _measured(self, code: MeasureCode, disc: str) -> float | None:
        levels = tuple(disc.split("/"))
        found = [m for m in self.analysis.measurements if (m.code, m.levels) == (code, levels)]
        return found[0].value if found else None

    def slip(self, disc: str) -> float | None:
        """Return the listhesis at a disc in per cent, to either side."""
        value = self._measured(MeasureCode.LISTHESIS_PERCENT, disc)
        return None if value is None else abs(value)

    def probability(self, disc: str, name: GradeName) -> float | None:
        """Return the grader's probability of a finding of a disc."""
        found: list[Disc] = [one for one in self.analysis.discs if one.level == disc]
        grades = [g for one in found for g in one.grades if g.name is name and g.probabilities]
        return grades[0].probabilities[1] if grades else None


Score = Callable[[Answer, str], float | None]
COMPARED: Sequence[tuple[str, str, Score]] = (
    (BULGE, "grader, bulging", lambda a, d: a.probability(d, GradeName.BULGING)),
    (HERNIATION, "grader, herniation", lambda a, d: a.probability(d, GradeName.HERNIATION)),
    (SLIP, "grader, spondylolisthesis", lambda a, d: a.probability(d, GradeName.SPONDYLOLISTHESIS)),
    (SLIP, "listhesis measured", lambda a, d: a.slip(d)),
    (PRESSED, "canal, narrower by the ratio", lambda a, d: _lost(a.ratio(d))),
    (STENOSIS, "canal, narrower by the ratio", lambda a, d: _lost(a.ratio(d))),
)


def _lost(ratio: float | None) -> float | None:
    return None if ratio is None else 1 - ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--aside", action="store_true")
    parser.add_argument("--patients", type=int)
    parser.add_argument("--print", action="store_true", dest="is_printed")
    options = parser.parse_args()
    folder = options.data / FOLDERS[T1]
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if not options.aside or is_aside(T1, r["patient"])]
    rows = rows[: options.patients]
    if options.is_printed:
        for row in rows:
            print(row["report"], "\n   ", positive(read_report(row["report"])))
    models, answers = ModelStore(), []
    for row in rows:
        answers.append(answer(folder / "images" / f"{row['name']}.webp", row, models))
    report(answers)


def positive(said: Told) -> dict[str, list[str]]:
    """Return the discs with each finding; "L4/L5?" where the report leaves it open."""
    return {
        name: [f"{disc}{'' if now else '?'}" for disc, now in of.items() if now is not False]
        for name, of in said.findings.items()
        if any(now is not False for now in of.values())
    }


def answer(path: Path, row: Mapping[str, str], models: ModelStore) -> Answer:
    """Analyse a slice as the program does."""
    steps = analyze_file(path, models, EXAMINATIONS[ExaminationKind.SAGITTAL_SPINE_MR])
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            return Answer(row["patient"], read_report(row["report"]), ended.value)


def report(answers: Sequence[Answer]) -> None:
    """Print how well each answer tells reported discs from others, and what is flagged."""
    print(f"{len(answers)} patients")
    for finding, title, score in COMPARED:
        units = [pairs for one in answers if len(pairs := pairs_of(one, finding, score))]
        rows = np.concatenate(units) if units else np.zeros((0, 2))
        count = f"{int(rows[:, 0].sum())} of {len(rows)} discs"
        figure = bootstrap(
            units, lambda d: auc(np.concatenate(d)[:, 1], np.concatenate(d)[:, 0] > 0)
        )
        print(f"{finding}, {title}: {count}; AUC {told(figure, 3)}", flush=True)
    ratios(answers)


def pairs_of(one: Answer, finding: str, score: Score) -> np.ndarray:
    """Return what the report says and the program's score (n, 2) of a patient's discs."""
    found = [
        (float(said), value)
        for disc, said in one.told.findings[finding].items()
        if said is not None and (value := score(one, disc)) is not None
    ]
    return np.array(found, float).reshape(-1, 2)


def ratios(answers: Sequence[Answer]) -> None:
    """Print the canal's ratio by disc, and on how many discs it has which grade."""
    for disc in DISCS:
        values = [v for one in answers if (v := one.ratio(disc)) is not None]
        if values:
            low, middle, high = np.percentile(values, (2.5, 50, 97.5))
            print(
                f"canal ratio {disc}: {middle:.2f} ({low:.2f} to {high:.2f}), {len(values)} discs"
            )
    for grade in (SeverityGrade.CANAL_BELOW_ONE_THIRD, SeverityGrade.CANAL_BELOW_TWO_THIRDS):
        flagged = [
            (one, "/".join(m.levels), m)
            for one in answers
            for m in one.analysis.measurements
            if m.severity is not None and m.severity.grade is grade
        ]
        said = [one.told.findings[PRESSED].get(disc) for one, disc, _ in flagged]
        sure = sum(not m.severity.is_possible for _, _, m in flagged)
        print(
            f"{grade.value}: {len(flagged)} discs ({sure} surely), pressed on by the report "
            f"{said.count(True)}, not {said.count(False)}, open {said.count(None)}"
        )
        for one, disc, m in flagged[:25]:
            print(
                f"    {one.patient:>5} {disc} {m.value:.2f} {one.told.findings[PRESSED].get(disc)}"
            )


if __name__ == "__main__":
    main()
