"""What the program says at the end with each engine, beside what it says with LiteRT."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.engine_files import GATE, LITERT, Picture, Way
from spinealign.analysis import analyze_image
from spinealign.domain.discs import Disc
from spinealign.domain.findings import Analysis, Vertebra
from spinealign.domain.generators import run_to_end
from spinealign.gate.classify import KindPrediction, classify_kind
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.measure.outlines.regions import dice_coefficient

TOLERANCES = {
    "dice": 0.995,
    "probability": 0.01,
    "grades, mean": 0.01,
    "grades, largest": 0.06,
    "corners, mean": 1.3,
}
"""Within these, answers are the same: the least Dice coefficient, the largest gap of a
probability, and the mean distance of corners in hundredths of a body's height.

Source: what tests/model/test_shipped.py allows between LiteRT and Keras; corners: the distance
between two readings of a film by one reader, 1.1 of 85 pixels.
"""


@dataclass
class Gaps:
    """How far the answers of one engine to pictures of one kind lie from LiteRT's.

    Parameters
    ----------
    pictures, renamed, other_kind : int
        All; those with other bodies or discs; those of which the gate says another kind.
    dice, probability, gate, grades, corners, degrees : list of float
        Of every class of every picture; every class; every picture's largest; every probability;
        every corner in hundredths of its body's height; every angle.
    seconds, seconds_litert : list of float
        Of each analysis, the processor's.
    """

    pictures: int = 0
    renamed: int = 0
    other_kind: int = 0
    dice: list[float] = field(default_factory=list)
    probability: list[float] = field(default_factory=list)
    gate: list[float] = field(default_factory=list)
    grades: list[float] = field(default_factory=list)
    corners: list[float] = field(default_factory=list)
    degrees: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    seconds_litert: list[float] = field(default_factory=list)

    def add(self, ours: Answer, theirs: Answer) -> None:
        """Add one picture's answers; `theirs` are LiteRT's."""
        self.pictures += 1
        self.renamed += names_of(ours.analysis) != names_of(theirs.analysis)
        kinds = [max(a.gate.probabilities, key=a.gate.probabilities.get) for a in (ours, theirs)]
        self.other_kind += kinds[0] != kinds[1]
        self.gate.append(
            max(abs(p - theirs.gate.probabilities[k]) for k, p in ours.gate.probabilities.items())
        )
        self.dice += dice_of(ours.analysis, theirs.analysis)
        self.probability += probability_gaps(ours.analysis, theirs.analysis)
        self.grades += grade_gaps(ours.analysis.discs, theirs.analysis.discs)
        self.corners += corner_gaps(ours.analysis.vertebrae, theirs.analysis.vertebrae)
        self.degrees += angle_gaps(ours.analysis, theirs.analysis)
        self.seconds.append(ours.seconds)
        self.seconds_litert.append(theirs.seconds)

    def beyond(self) -> list[str]:
        """Return in what the answers are not the same."""
        limits = TOLERANCES
        found = {
            "names": self.renamed > 0,
            "kind": self.other_kind > 0,
            "outlines": min(self.dice, default=1) <= limits["dice"],
            "probability": max(self.probability, default=0) > limits["probability"],
            "gate": max(self.gate, default=0) > limits["probability"],
            "grades": _mean(self.grades) > limits["grades, mean"]
            or max(self.grades, default=0) > limits["grades, largest"],
            "corners": _mean(self.corners) > limits["corners, mean"],
        }
        return [what for what, is_other in found.items() if is_other]


@dataclass(frozen=True, eq=False)
class Answer:
    """What gate and analysis said of one picture, and the processor's seconds of the analysis."""

    gate: KindPrediction
    analysis: Analysis
    seconds: float


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0


def answer(store: ModelStore, picture: Picture) -> Answer:
    """Analyse one picture; the time is the processor's, of networks and rules without reading."""
    path, kind = picture
    image = read_image(path)
    gate = classify_kind(image, store.load(GATE))
    started = time.process_time()
    analysis = run_to_end(analyze_image(image, store, kind.examination, demonstration=True))
    return Answer(gate, analysis, time.process_time() - started)


def names_of(analysis: Analysis) -> list[str]:
    """Return the bodies and discs that were found."""
    return [one.name for one in (*analysis.vertebrae, *analysis.discs)]


def dice_of(ours: Analysis, theirs: Analysis) -> list[float]:
    """Return the Dice coefficient of each class that either mask shows."""
    if ours.segmentation is None or theirs.segmentation is None:
        return [] if ours.segmentation is theirs.segmentation else [0.0]
    one, other = ours.segmentation, theirs.segmentation
    shown = {*np.unique(one.mask).tolist(), *np.unique(other.mask).tolist()} - {0}
    return [dice_coefficient(one.mask == value, other.mask == value) for value in sorted(shown)]


def probability_gaps(ours: Analysis, theirs: Analysis) -> list[float]:
    """Return how far the classifier's probabilities differ."""
    if ours.classification is None or theirs.classification is None:
        return []
    pairs = zip(ours.classification.probabilities, theirs.classification.probabilities, strict=True)
    return [abs(a - b) for a, b in pairs]


def grade_gaps(ours: Sequence[Disc], theirs: Sequence[Disc]) -> list[float]:
    """Return how far the probabilities of grades differ, of discs that both found."""
    others = {disc.name: disc for disc in theirs}
    return [
        abs(a - b)
        for disc in ours
        if disc.name in others
        for one, other in zip(disc.grades, others[disc.name].grades, strict=True)
        for a, b in zip(one.probabilities, other.probabilities, strict=True)
    ]


def corner_gaps(ours: Sequence[Vertebra], theirs: Sequence[Vertebra]) -> list[float]:
    """Return distances of corners in hundredths of the height of the body, of bodies of both."""
    others, found = {body.name: body for body in theirs}, []
    for body in ours:
        other = others.get(body.name)
        if other is None:
            continue
        height = float(np.ptp(np.array(other.outline)[:, 1]))
        places = {mark.name: (mark.x, mark.y) for mark in other.landmarks}
        found += [
            100 * float(np.hypot(mark.x - x, mark.y - y)) / height
            for mark in body.landmarks
            if mark.name in places
            for x, y in [places[mark.name]]
        ]
    return found


def angle_gaps(ours: Analysis, theirs: Analysis) -> list[float]:
    """Return how far angles differ, in degrees, of those that both measured."""
    others = {each.key: each for each in theirs.measurements}
    return [
        abs(each.value - others[each.key].value)
        for each in ours.measurements
        if each.unit == "deg" and each.value is not None and each.key in others
        if others[each.key].value is not None
    ]


def compare_answers(
    ways: Sequence[Way], made: Path, pictures: Sequence[Picture], threads: int
) -> Mapping[tuple[str, str], Gaps]:
    """Analyse each picture with every engine in turn; gaps by engine and kind of picture."""
    stores = {way.name: way.store(made, threads) for way in ways}
    for store in stores.values():
        for card in store.cards():
            store.load(card.name)
    found: dict[tuple[str, str], Gaps] = defaultdict(Gaps)
    for picture in pictures:
        answers = {name: answer(store, picture) for name, store in stores.items()}
        for name, ours in answers.items():
            if name != LITERT.name:
                found[name, picture[1]].add(ours, answers[LITERT.name])
    return found


def told(name: str, kind: str, gaps: Gaps) -> str:
    """Return the lines of one engine and kind of picture."""
    ours, theirs = (statistics.median(each) for each in (gaps.seconds, gaps.seconds_litert))
    beyond = ", ".join(gaps.beyond()) or "nothing"
    parts = [f"gate to {max(gaps.gate):.4f} ({gaps.other_kind} of another kind)"]
    if gaps.dice:
        parts.append(f"Dice {_mean(gaps.dice):.4f}, least {min(gaps.dice):.4f}")
    if gaps.corners:
        parts.append(f"corners {_mean(gaps.corners):.2f} %, largest {max(gaps.corners):.1f} %")
    if gaps.degrees:
        parts.append(f"angles {_mean(gaps.degrees):.2f}, largest {max(gaps.degrees):.1f} degrees")
    if gaps.probability:
        parts.append(f"probability to {max(gaps.probability):.4f}")
    if gaps.grades:
        parts.append(f"grades {_mean(gaps.grades):.4f}, largest {max(gaps.grades):.3f}")
    return (
        f"{kind}, {name}: {gaps.pictures} pictures, {gaps.renamed} with other bodies or discs; "
        f"processor {ours:.2f} s an analysis, LiteRT {theirs:.2f} s "
        f"({theirs / ours:.2f} times as fast)\n"
        f"  {'; '.join(parts)}\n  beyond the tolerance: {beyond}"
    )
