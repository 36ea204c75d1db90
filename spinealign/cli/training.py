"""The commands that train and package models, and need an extra for it."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spinealign.cli.own_training import (
    add_head,
    add_own_training,
    add_package,
    add_recipe,
    add_replace,
)
from spinealign.cli.passphrases import asked_passphrase
from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.quiet_imports import native_messages_dropped


def add_training(commands: Any) -> None:
    """Add the parsers of `train` and `package`."""
    train = commands.add_parser("train", help="train a model (needs the 'train' extra)")
    recipes = train.add_subparsers(required=True, metavar="MODEL")
    for name, (help_text, add) in _SHIPPED.items():
        parser = recipes.add_parser(name, help=help_text)
        add(parser)
        parser.add_argument("--data", type=Path, required=True)
        parser.add_argument("--work", type=Path, required=True, help="checkpoints; resumes there")
        parser.add_argument("--out", type=Path, required=True, help="model folder to write")
        add_replace(parser)
        if name not in _WITHOUT_STEPS:
            parser.add_argument("--steps", type=int, help="instead of the recipe's own number")
        parser.set_defaults(run=_train, recipe=name)
    for parser in add_own_training(recipes):
        parser.set_defaults(run=_train)
    recipe, new_recipe = add_recipe(recipes)
    recipe.set_defaults(run=_train_recipe)
    new_recipe.set_defaults(run=_new_recipe)
    _add_factors(recipes)
    package = commands.add_parser("package", help="make a model folder of your own Keras network")
    add_package(package)
    package.set_defaults(run=_package, recipe="package")


def _add_mr(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--unlabelled", type=Path, help="folder of slices without outlines")
    parser.add_argument("--self-training-steps", type=int)


def _add_structures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", type=Path, help="model folder of a U-Net to start from")
    parser.add_argument(
        "--leave-out", nargs="*", default=[], metavar="SOURCE",
        help="sources that training never sees: spider, t1, vb2, vb3, ivd, unlabelled",
    )  # fmt: skip
    parser.add_argument("--self-training-steps", type=int)
    parser.add_argument("--cache", type=Path, help="what several trainings compute once")


def _add_ct(parser: argparse.ArgumentParser) -> None:
    add_head(parser)
    parser.add_argument("--positive", default="fracture", help="the class that means abnormal")


def _add_gate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--negatives", type=Path, metavar="FOLDER",
        help="foreign pictures and NIfTI volumes as FOLDER/<kind>/<source>/<file>; kinds are "
        "other_radiograph, oblique_film, other_ct, other_mr and none",
    )  # fmt: skip
    parser.add_argument(
        "--held-out", type=Path, metavar="FOLDER", help="more of them, only to measure on"
    )
    _add_imagenet(parser)


def _add_bodies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--negatives", type=Path, nargs="+", help="folders of pictures without a cervical column"
    )
    parser.add_argument("--start", type=Path, help="model folder of a U-Net to start from")
    parser.add_argument("--necks", type=Path, help="further outlined films, only to measure on")
    parser.add_argument("--report", type=Path, help="picture (.png) of the worst films to write")


def _add_spine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", type=Path, help="model folder of xray-bodies to start from")
    parser.add_argument(
        "--leave-out", nargs="*", default=[], metavar="SOURCE",
        help="sources that training never sees: home, unlabelled, 'three necks', 'whole spine' "
        "or a third of the last, 'whole spine/0' to 'whole spine/2'",
    )  # fmt: skip
    parser.add_argument(
        "--spine-films", type=int, help="at most so many whole-spine films: for a learning curve"
    )
    parser.add_argument(
        "--appearance-share", type=float, help="how often a crop gets the appearance of others"
    )
    _add_workers(parser)


def _add_frontal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--start",
        type=Path,
        help="model folder of xray-bodies or frontal-bodies, or checkpoints, to start from",
    )
    parser.add_argument(
        "--leave-out", nargs="*", default=["held out", "0"], metavar="PART",
        help="patients that training never sees: 'held out', and folds 0 to 3",
    )  # fmt: skip
    parser.add_argument("--films", type=int, help="at most so many films: for a learning curve")
    _add_workers(parser)


def _add_imagenet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--imagenet", type=Path, required=True, help="VGG16 weights (.npz)")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that draw crops; for an accelerator"
    )


_SHIPPED: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "mr-segmentation": ("outline vertebrae, discs and canal on MR", _add_mr),
    "mr-structures": (
        "outline bodies, sacrum, discs and canal on MR of any scanner",
        _add_structures,
    ),
    "ct-fracture": ("the shipped demonstration, of its own data", _add_ct),
    "view-gate": ("tell the analysed kinds of image from all others", _add_gate),
    "xray-bodies": ("outline C2 to T1 on lateral cervical films", _add_bodies),
    "spine-bodies": ("outline C2 to S1 on lateral films of any kind", _add_spine),
    "spine-frontal": ("find T1 to L5 on frontal films", _add_frontal),
    "disc-grading": ("grade every disc on sagittal lumbar MR", _add_imagenet),
}
"""Of each shipped model what its recipe does, and its own options."""

_WITHOUT_STEPS = ("ct-fracture",)
"""Its head has the option `--steps` itself."""


def _add_factors(recipes: Any) -> None:
    factors = recipes.add_parser(
        "interval-factors",
        help="calibrate the 95 %% intervals of a network for films on films kept aside",
    )
    factors.add_argument("--model", type=Path, required=True, help="model folder to calibrate")
    factors.add_argument("--data", type=Path, required=True, help="folder of the film data sets")
    factors.add_argument(
        "--folds", type=Path, nargs="*", default=[], metavar="FOLDER",
        help="models trained without whole-spine films of fold 0, 1 and 2, in this order; without "
        "them whole-spine films are left out",
    )  # fmt: skip
    factors.add_argument(
        "--part", nargs="+", default=["held out"], metavar="PART",
        help="of frontal films: the parts that the network was not trained on, numbers of folds "
        "or 'held out' (default: held out)",
    )  # fmt: skip
    factors.add_argument("--write", action="store_true", help="write the factors into the card")
    factors.set_defaults(run=_calibrate)
    changes = recipes.add_parser(
        "change-factors",
        help="calibrate how far measures differ between two examinations without a change",
    )
    changes.add_argument("--model", type=Path, required=True, help="model folder to calibrate")
    changes.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    changes.add_argument(
        "--patients", type=int, default=60,
        help="how many patients of an MR data set are looked at (default: 60)",
    )  # fmt: skip
    changes.add_argument("--write", action="store_true", help="write the factors into the card")
    changes.set_defaults(run=_calibrate_changes)


def _package(options: argparse.Namespace) -> int:
    options.ask_passphrase = asked_passphrase(options)
    return _train(options)


def _train(options: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = training_module("commands").run
    return run(options)


def _train_recipe(options: argparse.Namespace) -> int:
    # A mistake in the file is told at once, not after TensorFlow was loaded.
    training_module("own.recipe_file").read_recipe(options.file)
    return _train(options)


def _new_recipe(options: argparse.Namespace) -> int:
    training_module("own.recipe_file").write_new_recipe(options.task, options.file)
    sys.stdout.write(f"wrote {options.file}\n")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = training_module("frontal_intervals").run_for_kind
    return run(options)


def _calibrate_changes(options: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = training_module("change_factors").run
    return run(options)


def training_module(name: str) -> Any:
    """Import a module of the training package.

    Raises
    ------
    ModelError
        ENGINE_UNAVAILABLE: TensorFlow is an extra, and the message says what to install.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Its own allocator never gives memory back: the plain CNN took twice as much with it.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with native_messages_dropped():
            return importlib.import_module(f"spinealign.training.{name}")
    except ModuleNotFoundError as error:
        is_packaged = getattr(sys, "frozen", False)
        if error.name and error.name.startswith("spinealign") and not is_packaged:
            raise
        raise ModelError("Keras", ModelProblem.ENGINE_UNAVAILABLE, str(error.name)) from error
