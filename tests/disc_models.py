"""A disc grader that says what a test tells it to, and the analysis it then makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from spinealign.domain.discs import GradeName
from spinealign.domain.findings import ModelStatus, Segmentation
from spinealign.domain.model_card import GradeRule, GradingRule, IntensityRule, ModelCard
from spinealign.inference.catalog import ModelStore
from spinealign.inference.engine import LoadedModel
from spinealign.lumbar.signs import SIGN_NAMES
from spinealign.measure.outlines.regions import region_statistics
from tests.examinations import SPINE_MR
from tests.phantoms import mr_analysis
from tools.phantoms.lumbar import CLASSES, SHIPPED_SEED, render_lumbar_phantom

FINDINGS = tuple(name for name in GradeName if name is not GradeName.PFIRRMANN)
PLACES = 56
WEIGHTS = b"a grader that only tests know"

HEALTHY: Mapping[GradeName, float] = dict.fromkeys(FINDINGS, -4.0)
"""Logits of the findings of a disc without any; Pfirrmann's grade is 2 without more said."""


def grading_card(status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED) -> ModelCard:
    """Return a card whose findings are reported from 0.5 and uncertain between 0.4 and 0.6."""
    rules = {
        GradeName.PFIRRMANN.value: GradeRule(
            0, 4, 1.0, (0.0,) * 4, 0.0, (0.6, 1.0), (1.5, 2.5, 3.5, 4.5)
        ),
        **{
            name.value: GradeRule(4 + i, 1, 1.0, (0.0,), 0.5, (0.4, 0.6))
            for i, name in enumerate(FINDINGS)
        },
    }
    return ModelCard(
        name="disc_grading",
        title="Disc grader for tests",
        version="1",
        status=status,
        task="disc_grading",
        examinations=(SPINE_MR.kind,),
        weights="model.tflite",
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        architecture={"name": "told", "arguments": {}},
        input_shape=(112, 128),
        intensity=IntensityRule(),
        classes=tuple(rules),
        training_data="none",
        licence="none",
        metrics={"none": True},
        intended_use="tests",
        known_failures=(),
        limits="Says what a test told it.",
        calibrated=True,
        grading=GradingRule(
            sign_names=SIGN_NAMES,
            sign_knots={name: ((-1e6, 1e6),) * len(SIGN_NAMES) for name in ("t2", "t1")},
            knot_values=(-1.0, 1.0),
            outputs=("t2", "t1"),
            weights={"t1": (0.5,) * 11},
            grades=dict.fromkeys(("t2", "t1", "t2_t1"), rules),
        ),
    )


@dataclass
class ToldEngine:
    """Answers with the logits of one disc after the other, from the lowest up.

    `told` holds a finding's logit under its name, and Pfirrmann's grade under its own;
    discs beyond its end are healthy. The heat maps point at the crop's first place.
    """

    told: Sequence[Mapping[GradeName, float]] = ()
    name: str = "told"
    calls: int = field(default=0)

    def run(self, batch, signs=None):
        disc = self.told[self.calls] if self.calls < len(self.told) else {}
        self.calls += 1
        grade = disc.get(GradeName.PFIRRMANN, 2)
        steps = [8.0 if grade > step else -8.0 for step in (1, 2, 3, 4)]
        row = [*steps, *({**HEALTHY, **disc}[name] for name in FINDINGS)]
        logits = np.tile(np.array(row, np.float32), (1 + PLACES, 1))
        logits[1] -= 1.0
        return {"t2": logits, "t1": logits}


SICK = (
    {GradeName.PFIRRMANN: 4, GradeName.NARROWING: 3.0, GradeName.BULGING: 2.0},
    {GradeName.PFIRRMANN: 5, GradeName.HERNIATION: 0.1},
)
"""L5/S1 graded 4, narrowed and bulging; L4/L5 graded 5, perhaps herniated."""


def told_model(
    told: Sequence[Mapping[GradeName, float]] = SICK,
    status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED,
) -> LoadedModel:
    """Return a loaded grader that says what it is told."""
    return LoadedModel(grading_card(status), ToldEngine(told))


def told_store(folder: Path, told: Sequence[Mapping[GradeName, float]] = SICK) -> ModelStore:
    """Return a store with the shipped models and a grader that says what it is told."""
    from spinealign.domain.paths import models_dirs
    from spinealign.inference.catalog import open_litert

    home = folder / "disc_grading"
    home.mkdir(parents=True)
    (home / "model.tflite").write_bytes(WEIGHTS)
    (home / "card.json").write_text(json.dumps(grading_card().to_json()), encoding="utf-8")

    def open_engine(weights: Path, card: ModelCard):
        return ToldEngine(told) if card.task == "disc_grading" else open_litert(weights, card)

    return ModelStore((folder, *models_dirs()), open_engine)


@cache
def drawn_segmentation(rows: int | None = None) -> tuple[Segmentation, np.ndarray]:
    """Return the true mask of the rendered phantom as a network's answer, and its pixels."""
    pixels, mask = (part[:rows] for part in render_lumbar_phantom(SHIPPED_SEED))
    found = replace(
        mr_analysis().segmentation,
        classes=CLASSES,
        mask=mask,
        confidence=np.full(mask.shape, 0.97, np.float32),
    )
    return found, pixels.astype(np.float32)


def graded_analysis(
    told: Sequence[Mapping[GradeName, float]] = SICK,
    rows: int | None = None,
    status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED,
):
    """Return an analysis of the rendered phantom (its uppermost `rows`) with graded discs."""
    return _graded(tuple(tuple(grades.items()) for grades in told), rows, status)


@cache
def _graded(
    told: tuple[tuple[tuple[GradeName, float], ...], ...], rows: int | None, status: ModelStatus
):
    from spinealign.lumbar import grade_discs
    from spinealign.measure.outlines.disc_levels import named_by_bodies
    from spinealign.measure.outlines.mr_bodies import bodies_from_mask

    found, pixels = drawn_segmentation(rows)
    plain, model = mr_analysis(), told_model([dict(grades) for grades in told], status)
    image = replace(plain.image, pixels=pixels)
    column = bodies_from_mask(found.mask, CLASSES, found.confidence)
    graded = grade_discs(found, image, model, found=column.found)
    return replace(
        plain,
        image=image,
        segmentation=found,
        regions=region_statistics(found, None),
        vertebrae=column.vertebrae,
        facing=column.facing,
        facing_confidence=column.facing_confidence,
        levels_uncertain=column.levels_uncertain,
        discs=named_by_bodies(graded.discs, column.vertebrae),
        disc_model=model.identity,
        models=(plain.segmentation.model, model.identity),
        cautions=column.cautions,
    )
