"""The disc grader as it ships: one network of all heads, and its card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.discs import GradeName
from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import GradingRule, ModelCard
from spinealign.lumbar.crops import CROP_SHAPE
from spinealign.lumbar.signs import SIGN_NAMES
from spinealign.training import networks
from spinealign.training.disc_data import FEATURE_SCALE, DiscSet
from spinealign.training.disc_grading import OUTPUTS, STEPS_ABOVE, Basis, DiscRecipe, Grader


def assemble(
    graders: Mapping[str, Grader], imagenet: Path, recipe: DiscRecipe
) -> tuple[keras.Model, dict[str, Any]]:
    """Put VGG16's convolutions and all heads into the network that ships.

    The features' scaling and main components are folded into the heads' first
    convolution.

    Returns
    -------
    model, arguments
        `arguments` rebuild it with `networks.disc_grader`.
    """
    arguments: dict[str, Any] = {
        "input_shape": [*CROP_SHAPE, 3],
        "signs": len(SIGN_NAMES),
        "sequences": list(graders),
        "experts": recipe.experts,
        "outputs": OUTPUTS,
        "widths": list(recipe.widths),
        "blocks": [list(block) for block in networks.VGG16_BLOCKS[:4]],
    }
    model = networks.disc_grader(**arguments)
    networks.load_imagenet_base(model, str(imagenet))
    kernels, biases = [], []
    number = 0
    for grader in graders.values():
        for head in grader.experts:
            kernel, bias = _folded(grader.basis, head)
            kernels.append(kernel)
            biases.append(bias)
            _copy_head(head, model, f"head{number}", recipe)
            number += 1
    conv = model.get_layer("heads_conv")
    conv.set_weights([np.concatenate(kernels, axis=1)[None, None], np.concatenate(biases)])
    return model, arguments


def _folded(basis: Basis, head: keras.Model) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    kernel, bias = head.get_layer("conv").get_weights()
    whole = basis.matrix @ kernel[0, 0] / basis.spread[:, None]
    return whole / FEATURE_SCALE[:, None], bias - basis.mean @ whole


def _copy_head(head: keras.Model, model: keras.Model, name: str, recipe: DiscRecipe) -> None:
    model.get_layer(f"{name}_image").set_weights(head.get_layer("image").get_weights())
    model.get_layer(f"{name}_signs").set_weights(head.get_layer("told").get_weights())
    kernel, bias = head.get_layer("join").get_weights()
    wide = recipe.widths[1]
    parts = {"image": kernel[:wide], "signs": kernel[wide:]}
    model.get_layer(f"{name}_join_image").set_weights([parts["image"], np.zeros_like(bias)])
    model.get_layer(f"{name}_join_signs").set_weights([parts["signs"], bias])
    direction = head.get_layer("pfirrmann").get_weights()[0]
    offsets = head.get_layer("offsets").get_weights()[0]
    findings, offset = head.get_layer("findings").get_weights()
    kernel = np.concatenate([np.repeat(direction, STEPS_ABOVE, axis=1), findings], axis=1)
    model.get_layer(f"{name}_logits").set_weights([kernel, np.concatenate([offsets, offset])])


def disc_card(
    recipe: DiscRecipe, arguments: Mapping[str, Any], grading: GradingRule,
    metrics: Mapping[str, Any], discs: DiscSet,
) -> ModelCard:  # fmt: skip
    """Describe the disc grader, with what its figures do not say."""
    return ModelCard(
        name="disc_grading",
        title="VGG16 disc grading on sagittal lumbar MR",
        version="1.0.0",
        status=ModelStatus.INTERNALLY_VALIDATED,
        task="disc_grading",
        examinations=(ExaminationKind.SAGITTAL_SPINE_MR,),
        weights="model.tflite",
        sha256="",
        architecture={"name": "disc_grader", "arguments": dict(arguments)},
        input_shape=CROP_SHAPE,
        intensity=recipe.rule,
        classes=tuple(name.value for name in GradeName),
        training_data=(
            "SPIDER (van der Graaf et al., Sci Data 2024, s41597-024-03090-w), CC BY 4.0: one "
            f"mid-sagittal slice per sequence of {len(set(discs.patients))} patients with "
            "radiologists' grades per disc; VGG16's first four blocks from ImageNet (Oxford VGG, "
            "CC BY 4.0), frozen; discs found by the program's own segmentation"
        ),
        licence="CC BY 4.0 (weights trained on SPIDER; ImageNet weights Oxford VGG)",
        metrics=metrics,
        intended_use=(
            "Pointing a reader of lumbar MR to degenerated discs, for research and education."
        ),
        known_failures=(
            "Figures are of cross-validation; the shipped heads were trained on all patients and "
            "calibrated on the cross-validation's answers.",
            "The segmentation that finds the discs was trained on 25 of these patients' outlines "
            "and, without outlines, on slices of the others: detection is slightly optimistic.",
            "Discs are counted from the lowest one that the segmentation shows. Discs between S1 "
            "and S2 are left out by a rule that was set while looking at these very patients; with "
            "other transitional anatomy all levels are off by one until the user shifts them.",
            "Patients without T2 have Pfirrmann grade 1 on every disc in the data, a placeholder: "
            "it was neither learned nor counted.",
            "In strong scoliosis discs that leave the slice are missed.",
            "Pictures that stand on their head are noticed, but the segmentation is worse on them.",
            "A grade belongs to the whole disc, the network sees one slice: paramedian herniation "
            "can be invisible.",
            "Herniation and spondylolisthesis stand on few positive discs.",
            "Modic changes are nearly all type 2 in the training data; only presence is told.",
            "One data set, several scanners of a few hospitals, patients with low back pain.",
        ),
        limits=(
            "Grades follow the radiologists of one data set, who differ among themselves; "
            "confirm each disc on all slices."
        ),
        calibrated=True,
        training={"recipe": "spinealign train disc-grading", **_settings(recipe)},
        grading=grading,
    )


def _settings(recipe: DiscRecipe) -> dict[str, Any]:
    names = ("copies", "folds", "experts", "epochs", "batch", "components", "seed", "fold_seed")
    return {name: getattr(recipe, name) for name in names}
