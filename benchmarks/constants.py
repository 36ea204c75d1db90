"""What each constant of the rules decides: every one is varied, and the answers are compared.

``python benchmarks/constants.py DATA``: DATA holds ``xray_lateral`` and
``mr_sagittal_segmentation``. The rules
behind the networks (`measure`, `radiograph`, `lumbar`, `gate`) hold constants that were chosen by
experiment on training images. This script multiplies each by 0.8 and by 1.25 (whole numbers: one
less and one more), analyses the same training images again and prints

- images on which a body or a disc got another name, was lost, or was found in addition,
- images with other cautions,
- the largest change of an angle, in degrees, and of a length or ratio, in per cent,
- the largest change of the width of a 95 % interval, in per cent.

A row of zeros says that the answers do not hang on the value; a constant with changes in one
direction only is a limit, and one with changes in both is a choice that has to have a source.
No image that a figure of a model card was measured on is used, and the networks' answers to the
unchanged inputs are kept, so that a row costs seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from spinealign.analysis import analyze_file
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.examination import Examination, ExaminationKind
from spinealign.domain.findings import Analysis
from spinealign.domain.generators import run_to_end
from spinealign.domain.model_card import ModelCard
from spinealign.inference.catalog import ModelStore, open_litert
from spinealign.inference.engine import Array, Engine
from spinealign.training.dataset import load_mr_segmentation, split_patients
from spinealign.training.recipes import MrRecipe
from spinealign.training.xray import XrayRecipe
from spinealign.training.xray_data import load_films, split_films

PACKAGES = ("measure", "radiograph", "lumbar", "gate")
FACTORS = (0.8, 1.25)
NO_CHOICE_BELOW = 1e-5
"""Smaller constants only keep a division from failing."""

LATERAL_NECK = ExaminationKind.LATERAL_NECK_RADIOGRAPH.examination
SPINE_MR = ExaminationKind.SAGITTAL_SPINE_MR.examination

NOT_VARIED = {"SEED", "SAMPLES"}
"""Numbers that any other would do for."""

Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Answer:
    """What one image came to.

    Parameters
    ----------
    names : frozenset of str
        Bodies and discs found, under their names; empty after a failure.
    cautions : frozenset of str
    values : mapping
        Value, unit and width of the interval by measure and levels.
    """

    names: frozenset[str] = frozenset()
    cautions: frozenset[str] = frozenset()
    values: Mapping[Key, tuple[float, str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, analysis: Analysis) -> Answer:
        """Return what is compared of an analysis."""
        parts = [body.name for body in analysis.vertebrae]
        parts += [f"disc {disc.name} {_grades(disc)}" for disc in analysis.discs]
        values = {
            m.key: (m.value, m.unit, float(np.ptp(m.interval or (0.0, 0.0))))
            for m in analysis.measurements
            if m.value is not None
        }
        cautions = frozenset(str(caution) for caution in analysis.cautions)
        return cls(frozenset(parts), cautions, values)


@dataclass(frozen=True)
class Change:
    """How far the answers to all images differ from those of the unchanged rules."""

    renamed: int
    cautioned: int
    most_deg: float
    most_percent: float
    most_interval_percent: float

    @classmethod
    def between(cls, before: Sequence[Answer], after: Sequence[Answer]) -> Change:
        """Compare the answers to the same images."""
        pairs = list(zip(before, after, strict=True))
        degrees, percents, widths = [0.0], [0.0], [0.0]
        for old, new in pairs:
            for key in old.values.keys() & new.values.keys():
                (was, unit, width), (now, _, new_width) = old.values[key], new.values[key]
                if unit == "deg":
                    degrees.append(abs(now - was))
                else:
                    percents.append(_percent(was, now))
                widths.append(_percent(width, new_width))
        return cls(
            sum(old.names != new.names for old, new in pairs),
            sum(old.cautions != new.cautions for old, new in pairs),
            max(degrees),
            max(percents),
            max(widths),
        )

    def __str__(self) -> str:
        counts = f"{self.renamed:3d} {self.cautioned:3d} {self.most_deg:6.2f}"
        shares = (min(self.most_percent, 999), min(self.most_interval_percent, 999))
        return f"{counts} {shares[0]:4.0f} {shares[1]:4.0f}"


@dataclass(frozen=True)
class Constant:
    """One number in a module: a constant, or an element of one."""

    module: ModuleType
    name: str
    place: tuple[int, ...]
    value: float

    def __str__(self) -> str:
        where = "".join(f"[{i}]" for i in self.place)
        return f"{self.module.__name__.removeprefix('spinealign.')}.{self.name}{where}"

    def variants(self) -> tuple[float, float]:
        """Return the smaller and the larger value that are tried."""
        if isinstance(self.value, int):
            return self.value - 1, self.value + 1
        return self.value * FACTORS[0], self.value * FACTORS[1]

    @contextmanager
    def set_to(self, value: float) -> Iterator[None]:
        """Change the constant wherever it was imported, for a while."""
        whole = getattr(self.module, self.name)
        users = [m for m in _modules() if getattr(m, self.name, None) is whole]
        for user in users:
            setattr(user, self.name, _with(whole, self.place, value))
        try:
            yield
        finally:
            for user in users:
                setattr(user, self.name, whole)


class RememberingEngine:
    """A network that keeps its answers to the unchanged rules' inputs."""

    is_learning = True
    _answers: dict[bytes, Mapping[str, Array]]

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self._engine = engine
        self._answers = {}

    def run(self, batch: Array, **others: Array) -> Mapping[str, Array]:
        """Return the kept answer, or ask the network."""
        parts = [batch.tobytes(), *(others[key].tobytes() for key in sorted(others))]
        key = hashlib.sha256(b"".join(parts)).digest()
        answer = self._answers.get(key)
        if answer is None:
            answer = self._engine.run(batch, **others)
            if RememberingEngine.is_learning:
                self._answers[key] = answer
        return answer


def main() -> None:
    """Vary the constants and print what changes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--films", type=int, default=10)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--only", default="", help="constants whose name holds this")
    options = parser.parse_args()
    os.nice(10)
    models = ModelStore(open_engine=_remembering)
    images = [*_films(options.data, options.films), *_slices(options.data, options.slices)]
    before = answers(images, models)
    RememberingEngine.is_learning = False
    print(f"{len(images)} images, {sum(bool(a.names) for a in before)} with bodies or discs")
    print("images renamed, with other cautions; most degrees, per cent, per cent of an interval")
    for constant in constants():
        if options.only in str(constant):
            changes = [
                _change(constant, value, images, models, before) for value in constant.variants()
            ]
            print(
                f"{constant!s:58} {constant.value:8.4g} | {changes[0]} | {changes[1]}", flush=True
            )


def _percent(before: float, after: float) -> float:
    return 100 * abs(after - before) / abs(before) if abs(before) > NO_CHOICE_BELOW else 0.0


def answers(images: Sequence[tuple[Path, Examination]], models: ModelStore) -> list[Answer]:
    """Analyse every image; a failure is an answer too."""
    return [_answer(path, examination, models) for path, examination in images]


def _answer(path: Path, examination: Examination, models: ModelStore) -> Answer:
    try:
        return Answer.of(run_to_end(analyze_file(path, models, examination)))
    except (
        SpineAlignError,
        ArithmeticError,
        RuntimeError,
        LookupError,
        TypeError,
        ValueError,
        cv2.error,
    ) as error:
        return Answer(frozenset({type(error).__name__}), frozenset(), {})


def _change(
    constant: Constant,
    value: float,
    images: Sequence[tuple[Path, Examination]],
    models: ModelStore,
    before: Sequence[Answer],
) -> Change:
    with constant.set_to(value):
        return Change.between(before, answers(images, models))


def constants() -> Iterator[Constant]:
    """Yield every number that the four packages keep in a module's constants."""
    for module in _modules():
        for name, whole in vars(module).items():
            is_own = name.isupper() and name.lstrip("_") not in NOT_VARIED and _home(module, name)
            for place, value in _numbers(whole) if is_own else ():
                if abs(value) > NO_CHOICE_BELOW:
                    yield Constant(module, name, place, value)


def _modules() -> list[ModuleType]:
    found = []
    for package in PACKAGES:
        top = importlib.import_module(f"spinealign.{package}")
        names = [m.name for m in pkgutil.walk_packages(top.__path__, f"{top.__name__}.")]
        found += [importlib.import_module(name) for name in names]
    return found


def _home(module: ModuleType, name: str) -> bool:
    """Whether the constant is written in this module, and not imported into it."""
    assert module.__file__ is not None
    lines = Path(module.__file__).read_text(encoding="utf-8").splitlines()
    return any(name in line.split("=")[0].split("#")[0] and "=" in line for line in lines
               if line[:1] not in " #\"'")  # fmt: skip


def _numbers(whole: Any, place: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], float]]:
    if isinstance(whole, bool):
        return
    if isinstance(whole, int | float):
        yield place, whole
    elif isinstance(whole, tuple):
        for i, part in enumerate(whole):
            yield from _numbers(part, (*place, i))


def _with(whole: Any, place: tuple[int, ...], value: float) -> Any:
    if not place:
        return value
    first, *rest = place
    changed = _with(whole[first], tuple(rest), value)
    return (*whole[:first], changed, *whole[first + 1 :])


def _remembering(weights: Path, card: ModelCard) -> RememberingEngine:
    return RememberingEngine(open_litert(weights, card))


def _films(data: Path, count: int) -> list[tuple[Path, Examination]]:
    folder = data / "xray_lateral"
    recipe = XrayRecipe()
    training, _ = split_films(load_films(folder, 64), recipe.held_out_fraction, recipe.seed)
    step = max(len(training) // count, 1)
    paths = [folder / "images" / f"{film.name}.jpg" for film in training[::step][:count]]
    return [(path, LATERAL_NECK) for path in paths]


def _slices(data: Path, count: int) -> list[tuple[Path, Examination]]:
    folder = data / "mr_sagittal_segmentation"
    recipe, slices = MrRecipe(), load_mr_segmentation(folder)
    patients, _ = split_patients([s.patient for s in slices], recipe.held_out_fraction, recipe.seed)
    middles = []
    for patient in sorted(patients)[:count]:
        own = sorted(s.name for s in slices if s.patient == patient)
        middles.append(own[len(own) // 2])
    return [(folder / "images" / f"{name}.webp", SPINE_MR) for name in middles]


def _grades(disc: Any) -> str:
    return " ".join(f"{grade.name}={grade.value}" for grade in disc.grades)


if __name__ == "__main__":
    sys.exit(main())
