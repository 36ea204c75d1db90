"""Model cards for tests."""

from __future__ import annotations

from spinealign.domain.findings import ModelStatus
from spinealign.domain.image import View
from spinealign.domain.model_card import IntensityRule, ModelCard


def classifier_card(
    classes: tuple[str, ...] = ("normal", "fracture"), positive_output: str = "fracture"
) -> ModelCard:
    return ModelCard(
        name="tiny",
        title="Tiny classifier",
        version="1",
        status=ModelStatus.DEMONSTRATION,
        task="classification",
        view=View.CT,
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
