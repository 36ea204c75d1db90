"""Model cards for tests."""

from __future__ import annotations

from dataclasses import replace

from spinealign.domain.discs import GradeName
from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import GateRule, GradeRule, GradingRule, IntensityRule, ModelCard
from spinealign.lumbar.crops import CROP_SHAPE
from spinealign.lumbar.signs import SIGN_NAMES
from tests.examinations import NECK_CT, SPINE_MR


def classifier_card(
    classes: tuple[str, ...] = ("normal", "fracture"), positive_output: str = "fracture"
) -> ModelCard:
    return ModelCard(
        name="tiny",
        title="Tiny classifier",
        version="1",
        status=ModelStatus.DEMONSTRATION,
        task="classification",
        examinations=(NECK_CT.kind,),
        weights="model.tflite",
        sha256="0" * 64,
        architecture={"name": "vgg16_cam", "arguments": {}},
        input_shape=(32, 32),
        intensity=IntensityRule(channels="vgg_caffe"),
        classes=classes,
        training_data="none",
        licence="none",
        metrics={"none": True},
        intended_use="tests",
        known_failures=(),
        limits="Knows nothing.",
        positive_class="fracture",
        positive_output=positive_output,
        threshold=0.5,
    )


def grading_card() -> ModelCard:
    """A disc grader whose logits are its answers; signs pass unchanged between -10 and 10."""
    ordinal = GradeRule(0, 4, 1.0, (0.0,) * 4, 0.0, (0.3, 1.0), (1.5, 2.5, 3.5, 4.5))
    rules = {GradeName.PFIRRMANN.value: ordinal}
    for i, name in enumerate(list(GradeName)[1:]):
        rules[name.value] = GradeRule(4 + i, 1, 1.0, (0.0,), 0.5, (0.4, 0.6))
    knots = tuple((-10.0, 10.0) for _ in SIGN_NAMES)
    rule = GradingRule(
        sign_names=SIGN_NAMES,
        sign_knots={"t2": knots, "t1": knots},
        knot_values=(-10.0, 10.0),
        outputs=("t2", "t1"),
        weights={"t1": (0.25,) * 11},
        grades={"t2": rules, "t1": rules, "t2_t1": rules},
    )
    return replace(
        classifier_card(),
        task="disc_grading",
        examinations=(SPINE_MR.kind,),
        input_shape=CROP_SHAPE,
        intensity=IntensityRule(percentiles=(1.0, 99.5), channels="vgg_caffe"),
        classes=tuple(name.value for name in GradeName),
        calibrated=True,
        positive_class=None,
        positive_output=None,
        threshold=None,
        grading=rule,
    )


def gate_card(anchors: tuple[tuple[float, ...], ...] = ((0.0,),)) -> ModelCard:
    """A gate that accepts from one half on, and what lies within 5 of its anchors."""
    return replace(
        classifier_card(),
        task="view",
        examinations=(),
        classes=tuple(kind.value for kind in ImageKind),
        positive_class=None,
        positive_output=None,
        threshold=None,
        intensity=IntensityRule(percentiles=(0.5, 99.5)),
        gate=GateRule(0.5, 0.9, 5.0, anchors),
    )
