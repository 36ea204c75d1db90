"""The parsers of training on a researcher's own data."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spinealign.cli.data_options import add_coordinates, add_layout, add_patient_pattern
from spinealign.cli.passphrases import add_passphrase_option
from spinealign.domain.examination import (
    EXAMINATIONS,
    Examination,
    ImageKind,
    examination_named,
    kinds_without_analysis,
)
from spinealign.domain.own_tasks import OWN_TASKS, OwnTaskName


def add_own_training(recipes: Any) -> list[argparse.ArgumentParser]:
    """Add the parser of each task of the table of tasks, and return them."""
    parsers = []
    for name in OWN_TASKS:
        help_text, add = ARGUMENTS[name]
        parser = recipes.add_parser(name, help=help_text)
        add(parser)
        add_about(parser)
        parser.set_defaults(recipe=name)
        parsers.append(parser)
    return parsers


def _add_classifier(parser: argparse.ArgumentParser) -> None:
    _add_pictures(parser, "class")
    parser.add_argument("--positive", required=True, help="the class that means abnormal")
    _add_learning(parser, "weights")


def _add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", type=Path, metavar="DATA",
        help="CSV table with the columns image, patient, split where known, and one for each "
        "finding: 1 or yes, 0 or no, empty where nobody knows",
    )  # fmt: skip
    parser.add_argument(
        "--labels", nargs="+", metavar="NAME", help="columns of findings (default: all others)"
    )
    _add_learning(parser, "none")


def _add_grades(parser: argparse.ArgumentParser) -> None:
    _add_pictures(parser, "grade")
    parser.add_argument(
        "--grades", nargs="+", required=True, metavar="GRADE",
        help="all grades from the lowest to the highest; their order is not guessed from names",
    )  # fmt: skip
    _add_learning(parser, "none")


def _add_segmentation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", type=Path, metavar="DATA",
        help="folder with images, masks (pictures of class numbers under the same names) and, "
        "where known, manifest.csv (name, patient, split) and classes.csv (value, name)",
    )  # fmt: skip
    parser.add_argument(
        "--classes", nargs="+", metavar="NAME",
        help="what the masks' values mean, from 0 (background) on; else classes.csv says it",
    )  # fmt: skip
    _add_crops(parser, 2600)


def _add_landmarks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", type=Path, metavar="DATA",
        help="CSV table with image and <point>_x, <point>_y, or with image, point, x, y; COCO file "
        "with keypoints; labelme files with points; or a folder with one of them",
    )  # fmt: skip
    add_coordinates(parser)
    parser.add_argument(
        "--points", nargs="+", metavar="NAME", help="only these points (default: all)"
    )
    parser.add_argument(
        "--mirror-pairs", nargs="+", metavar="LEFT=RIGHT",
        help="with --flip: which point takes the place of which in a mirror image; “none” says "
        "that no point has a side",
    )  # fmt: skip
    _add_crops(parser, 3000)


def _add_pictures(parser: argparse.ArgumentParser, named: str) -> None:
    """Add pictures in folders or a table that tell a class, or a grade, of each."""
    parser.add_argument(
        "data", type=Path, metavar="DATA",
        help=f"folder train|val/<{named}> or <{named}>, or a CSV table with the columns image, "
        "label and, where known, patient and split",
    )  # fmt: skip
    parser.add_argument(
        "--label-column", metavar="NAME",
        help=f"column of a table that tells the {named} (default: label, class or so)",
    )  # fmt: skip


def _add_learning(parser: argparse.ArgumentParser, balance: str) -> None:
    """Add how a head learns from whole pictures."""
    add_head(parser)
    _add_balance(parser, balance)
    add_folds(parser)


def _add_crops(parser: argparse.ArgumentParser, steps: int) -> None:
    """Add how long a network learns from crops of pictures."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help=f"updates of the weights (default: {steps})")
    length.add_argument("--epochs", type=int, help="as many crops as pictures, so often")
    parser.add_argument("--batch", type=int, help="crops a step")


ARGUMENTS: Mapping[OwnTaskName, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "classifier": (
        "tell two classes of your own pictures apart, by patient",
        _add_classifier,
    ),
    "multi-label": (
        "tell which of several findings your own pictures show, by patient",
        _add_labels,
    ),
    "ordinal": (
        "give your own pictures one of several ordered grades, by patient",
        _add_grades,
    ),
    "segmentation": (
        "outline the structures that your own masks show, by patient",
        _add_segmentation,
    ),
    "landmarks": (
        "place the points that your own data name, by patient",
        _add_landmarks,
    ),
}
"""Of each task what it does, and its own options."""


RECIPE_SUFFIXES = (".yaml", ".yml")


def with_recipe_named(arguments: Sequence[str]) -> list[str]:
    """Return a command line in which ``train FILE.yaml`` is ``train recipe FILE.yaml``."""
    words = list(arguments)
    if words[:1] == ["train"] and words[1:] and words[1].lower().endswith(RECIPE_SUFFIXES):
        words.insert(1, "recipe")
    return words


def add_recipe(recipes: Any) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """Add the parsers of `train FILE.yaml` and `train new-recipe`, and return them."""
    recipe = recipes.add_parser(
        "recipe", help="train what a YAML file describes; “train FILE.yaml” for short"
    )
    recipe.add_argument("file", type=Path, metavar="FILE")
    add_replace(recipe)
    recipe.set_defaults(recipe="recipe")
    new = recipes.add_parser("new-recipe", help="write a YAML file that explains every key")
    new.add_argument("task", choices=list(OWN_TASKS))
    new.add_argument("file", type=Path, metavar="FILE")
    return recipe, new


def add_head(parser: argparse.ArgumentParser) -> None:
    """Let a command choose the head of a classifier and how long it is trained."""
    parser.add_argument("--head", choices=["lean", "report", "plain-cnn"], default="lean")
    parser.add_argument(
        "--imagenet", type=Path, metavar="FILE",
        help="VGG16's ImageNet convolutions (.npz); docs/training.md says where they come from; "
        "not for the head plain-cnn",
    )  # fmt: skip
    parser.add_argument(
        "--schedule", choices=["constant", "cosine", "step", "exponential", "plateau"],
        help="how the learning rate changes from epoch to epoch (default: constant); a recipe says "
        "more of it; not for lean",
    )  # fmt: skip
    parser.add_argument("--epochs", type=int, help="most passes over the data; not for lean")
    parser.add_argument("--steps", type=int, help="most updates of the weights; not for lean")
    parser.add_argument("--batch", type=int, help="pictures an update")


def _add_balance(parser: argparse.ArgumentParser, usual: str) -> None:
    parser.add_argument(
        "--balance", choices=["weights", "oversample", "none"],
        help="against unequal classes: rare pictures weigh more, are shown more often, or nothing "
        f"(default: {usual})",
    )  # fmt: skip


def add_folds(parser: argparse.ArgumentParser) -> None:
    """Let a command choose folds, and changed copies of pictures."""
    parser.add_argument("--folds", type=int, help="of the cross-validation (default: 3)")
    parser.add_argument("--copies", type=int, help="changed copies of each picture")


def add_about(parser: argparse.ArgumentParser) -> None:
    """Add what every training on own data is told: where it works, and what the card says."""
    add_layout(parser)
    add_patient_pattern(
        parser,
        "finds the patient in a picture's name below DATA: its first group; without it the table "
        "or the DICOM files say it",
        None,
    )
    parser.add_argument(
        "--split", type=Path, metavar="FILE",
        help="table with path and part (train, val) of each picture, such as the split.csv that "
        "an audit writes",
    )  # fmt: skip
    parser.add_argument(
        "--although", metavar="REASON",
        help="train even if the audit of the data advises against it; the card shows the reason",
    )  # fmt: skip
    parser.add_argument(
        "--held-out", metavar="PART",
        help="what no training sees: a split such as val, a share of patients such as 0.2, or "
        "none (default: every split but train)",
    )  # fmt: skip
    parser.add_argument("--work", type=Path, required=True, help="kept work; goes on from there")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    add_replace(parser)
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--most-broken", type=float, default=0.1, metavar="SHARE",
        help="of pictures that may be unreadable (default: 0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--flip", action="store_true",
        help="train on mirrored pictures too; not where sides matter",
    )  # fmt: skip
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="write curves there too")
    add_card_texts(parser)


def add_replace(parser: argparse.ArgumentParser) -> None:
    """Let a command put a model in the place of another one, which it refuses otherwise."""
    parser.add_argument(
        "--replace", action="store_true",
        help="another model may lie in the model folder already, and goes; without this only what "
        "the same training left there is written anew",
    )  # fmt: skip


def add_card_texts(parser: argparse.ArgumentParser) -> None:
    """Add what only a person can tell a card; what is left out is said to be not stated."""
    parser.add_argument(
        "--image-kind", type=ImageKind, choices=kinds_without_analysis(), metavar="KIND",
        help="of images that SpineAlign does not analyse: oblique_film, "
        "other_radiograph, other_ct or other_mr; “analyze --model” and “models use” ask "
        "the model for these",
    )  # fmt: skip
    parser.add_argument(
        "--examination", "--view", type=_examination, metavar="KIND",
        help="which images the model is for: lateral-neck, neck-ct, spine-mr, lateral-spine or "
        "frontal-spine; without it the model answers only where --model names it",
    )  # fmt: skip
    parser.add_argument("--title", help="what the model is called in the window")
    parser.add_argument("--licence", help="of the weights, which follows from that of the data")
    parser.add_argument("--source", help="where the data come from")
    parser.add_argument("--intended-use", metavar="TEXT")
    parser.add_argument(
        "--window-hu", type=float, nargs=2, metavar=("LOW", "HIGH"),
        help="Hounsfield units that become black and white; for images that have them",
    )  # fmt: skip


def _examination(name: str) -> Examination:
    try:
        return examination_named(name)
    except ValueError as error:
        known = ", ".join(each.key for each in EXAMINATIONS.values())
        raise argparse.ArgumentTypeError(
            f"{name!r} is none of {known}; for any other kind leave the option out"
        ) from error


def add_package(parser: argparse.ArgumentParser) -> None:
    """Add what `package` is told of a network: its input, its output, its preprocessing."""
    parser.add_argument("weights", type=Path, help="whole model (.keras, .h5) or .weights.h5")
    parser.add_argument(
        "--architecture", choices=["report", "plain-cnn"],
        help="of bare weights; a whole model brings its own",
    )  # fmt: skip
    outputs = parser.add_mutually_exclusive_group(required=True)
    outputs.add_argument(
        "--classes", nargs="+", metavar="CLASS",
        help="what the outputs mean, in their order (Keras sorts folder names); of a single output "
        "what 0 and 1 mean; of an output for each pixel background first",
    )  # fmt: skip
    outputs.add_argument(
        "--points", nargs="+", metavar="NAME",
        help="of a network with a heat map for each named point: their names in its order",
    )  # fmt: skip
    parser.add_argument(
        "--second-look", type=float, metavar="ZOOM",
        help="of named points: magnification of the second look over the first, which sees the "
        "whole picture; 1 without one",
    )  # fmt: skip
    parser.add_argument(
        "--least-peak", type=float, default=0.1, metavar="HEIGHT",
        help="of named points: found where heat maps rise to this (default: 0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--trusted-peak", type=float, default=0.5, metavar="HEIGHT",
        help="of named points: sure from this height on (default: 0.5)",
    )  # fmt: skip
    parser.add_argument("--positive", help="of a classifier: the class that means abnormal")
    parser.add_argument(
        "--scaling", choices=["unit", "bytes", "symmetric", "torch", "caffe", "grey"],
        help="three channels in 0..1, 0..255, -1..1, less ImageNet's means over their deviations, "
        "or BGR less VGG16's means; grey: one channel in 0..1 (default: unit; of the model.keras "
        "that the lean head of 'train classifier' leaves, caffe)",
    )  # fmt: skip
    parser.add_argument(
        "--percentiles", type=float, nargs=2, metavar=("LOW", "HIGH"),
        help="grey values at these percentiles become 0 and 1",
    )  # fmt: skip
    parser.add_argument(
        "--clahe", type=float, default=0.0, metavar="LIMIT",
        help="clip limit of adaptive equalisation (CLAHE) before that; train landmarks has 2",
    )  # fmt: skip
    parser.add_argument("--input-size", type=int, nargs=2, metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--output", choices=["probability", "logits"])
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    add_replace(parser)
    parser.add_argument(
        "--sign", type=Path, metavar="KEY",
        help="private key that signs the folder; “spinealign models new-key” makes one",
    )  # fmt: skip
    add_passphrase_option(parser)
    add_card_texts(parser)
