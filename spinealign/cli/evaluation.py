"""The evaluation of a model's answers on the command line."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.cli.data_options import (
    DATA_COLUMNS,
    Told,
    add_columns,
    add_coordinates,
    add_json,
    add_layout,
    add_patient_pattern,
)
from spinealign.cli.evaluation_options import require_used
from spinealign.cli.series import WrongUseError
from spinealign.domain.errors import ModelError, ModelProblem

if TYPE_CHECKING:
    from spinealign.domain.model_card import ModelCard
    from spinealign.domain.own_tasks import OwnTask
    from spinealign.evaluation.answering import Choose, Evaluated
    from spinealign.evaluation.cases import ClassifiedCases
    from spinealign.evaluation.known import KnownSet
    from spinealign.evaluation.run import Evaluation, Threshold
    from spinealign.evaluation.tables import Wanted
    from spinealign.inference.engine import LoadedModel

EXIT_DONE, EXIT_SOME_FAILED = 0, 1
_COLUMNS = {**DATA_COLUMNS, "predicted": "the answers"}


def add_evaluation(commands: Any) -> None:
    """Add the command `evaluate`."""
    parser = commands.add_parser(
        "evaluate",
        help="figures, curves and worst cases of a model's answers (needs the 'train' extra)",
    )
    parser.add_argument(
        "answers", metavar="MODEL_OR_TABLE",
        help="model by name or folder, or a CSV table of any program's answers: image, patient, "
        "truth, predicted, probability_<class>",
    )  # fmt: skip
    parser.add_argument(
        "data", type=Path, nargs="?", metavar="DATA",
        help="for a model: pictures with what is known of them, in any layout that “train” reads: "
        "<class>/ folders, train|val/<class>/ (val alone is answered), a CSV list, DICOM files "
        "with a table, images/ with masks/, volumes, COCO, labelme",
    )  # fmt: skip
    add_layout(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help="evaluation.html, evaluation.json and predictions.csv go here (default: the name of "
        "the model or table with -evaluation, in the current folder)",
    )  # fmt: skip
    parser.add_argument(
        "--points", action="store_true",
        help="the table tells named points: image, point, truth_x, truth_y, x, y and, where known, "
        "patient, mm_per_pixel, width, height",
    )  # fmt: skip
    parser.add_argument(
        "--angle", action="append", default=[], metavar="NAME=A,B,C,D",
        help="of named points: the angle between the lines from A to B and from C to D",
    )  # fmt: skip
    add_coordinates(parser)
    parser.add_argument("--numbers", action="store_true", help="truth and answers are numbers")
    parser.add_argument("--unit", default="", help="of numbers, such as deg or mm")
    parser.add_argument(
        "--positive", default="", metavar="CLASS", help="the class that means abnormal"
    )
    parser.add_argument(
        "--order", nargs="+", default=[], metavar="CLASS", help="grades from lowest to highest"
    )
    add_columns(parser, _COLUMNS)
    add_patient_pattern(
        parser, "finds the patient in a file's name: its first group, or all that it matched"
    )
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--threshold", type=float, help="probability from which a case is positive")
    chosen.add_argument(
        "--threshold-from", type=Path, metavar="TABLE",
        help="answers on other patients, on which the threshold is chosen",
    )  # fmt: skip
    parser.add_argument(
        "--sensitivity", type=float, metavar="SHARE",
        help="with --threshold-from: at least this sensitivity, instead of Youden's index",
    )  # fmt: skip
    parser.add_argument(
        "--against", type=Path, metavar="TABLE", help="another model's answers on the same pictures"
    )
    add_json(parser, "evaluation.json")
    parser.set_defaults(run=_evaluate)


def evaluation_module(name: str, package: str = "evaluation") -> Any:
    """Import a module of the evaluation, or one of another package that it needs.

    Raises
    ------
    ModelError
        ENGINE_UNAVAILABLE: scikit-learn is an extra, and the message says what to install.
    """
    try:
        return importlib.import_module(f"spinealign.{package}.{name}")
    except ModuleNotFoundError as error:
        is_packaged = getattr(sys, "frozen", False)
        if error.name and error.name.startswith("spinealign") and not is_packaged:
            raise
        raise ModelError(
            "scikit-learn", ModelProblem.ENGINE_UNAVAILABLE, str(error.name)
        ) from error


def _evaluate(options: argparse.Namespace) -> int:
    from spinealign.wording import evaluation as words
    from spinealign.wording.text import safe_text

    told = Told()
    writing = evaluation_module("writing")
    given = Path(options.answers)
    folder = options.out or Path(f"{given.resolve().stem}-evaluation")
    gallery: Mapping[str, bytes] = {}
    card: ModelCard | None = None
    try:
        if given.suffix.lower() == ".csv" and options.data is None:
            found = _of_table(options, given, told)
        elif options.data is not None:
            found, card, gallery = _of_model(options, told)
        else:
            raise WrongUseError(words.NOTHING_TO_EVALUATE)
    except KeyboardInterrupt:
        told.done()
        sys.stderr.write(words.STOPPED)
        return EXIT_SOME_FAILED
    told.done()
    items = evaluation_module("checklists").items(found, card)
    writing.write_evaluation(found, folder, items, gallery)
    if options.json:
        sys.stdout.write(writing.evaluation_json(found, items))
    else:
        print("\n".join(words.evaluation_lines(found)))
        print(words.WRITTEN.format(folder=safe_text(str(folder))))
    return EXIT_DONE


def _of_table(options: argparse.Namespace, table: Path, told: Told) -> Evaluation:
    run = evaluation_module("run")
    if options.points:
        require_used(options, "landmarks")
        points = evaluation_module("answering_points")
        placed = points.read_points(table)
        found: Evaluation = points.evaluate_points(
            table.name, placed.cases, options.angle, placed.left_out, show=told
        )
        return found
    require_used(options, "classification")
    read = evaluation_module("tables").read_answers(table, _wanted(options))
    if options.numbers:
        measured: Evaluation = run.evaluate_measured(
            table.name, read.cases, read.left_out, show=told
        )
        return replace(measured, cautions=(*read.cautions, *measured.cautions))
    threshold = _threshold(options, read.cases, None)
    found = run.evaluate_classified(table.name, read.cases, threshold, read.left_out, show=told)
    return _compared(options, replace(found, cautions=read.cautions))


def _of_model(
    options: argparse.Namespace, told: Told
) -> tuple[Evaluation, ModelCard, Mapping[str, bytes]]:
    from spinealign.inference.catalog import ModelStore

    store = ModelStore(chosen=[options.answers])
    model = store.load(Path(options.answers).resolve().name)
    choose = partial(_threshold, options)
    evaluated = evaluated_by(model, options, told, choose)
    return _compared(options, evaluated.evaluation), model.card, evaluated.gallery


def evaluated_by(
    model: LoadedModel, options: argparse.Namespace, told: Told, choose: Choose | None = None
) -> Evaluated:
    """Let a model answer on data in any layout that a training reads, and evaluate it.

    Parameters
    ----------
    model : LoadedModel
    options : Namespace
        Where the data lie and how: of `evaluate`, or of another command with these options.
    told : Told
    choose : callable, optional
        Chooses the threshold of a classifier of two classes; the card's without it.

    Raises
    ------
    WrongUseError
        No evaluation knows what the model does, or an option has no use for it.
    """
    from spinealign.domain.own_tasks import own_task_of
    from spinealign.wording import evaluation as words

    def count(name: str, done: int, total: int) -> None:
        told(f"{done} / {total}  {name}")

    task = own_task_of(model.card.task)
    if task is None:
        raise WrongUseError(words.no_evaluation_of(model.card.title))
    require_used(options, model.card.task)
    module, _, name = task.evaluator.partition(":")
    # Volumes are cut into pictures, which nobody needs once they are answered.
    with tempfile.TemporaryDirectory(prefix="spinealign-evaluate-") as work:
        known = known_pictures(options, task, model.card.classes, Path(work), told)
        asked = evaluation_module("answering").AskedOfModel(
            options.data,
            options.patient_pattern,
            options.coordinates,
            tuple(getattr(options, "angle", ())),
            choose or (lambda cases, of_card: of_card),
            options.layout or "",
            known,
        )
        found: Evaluated = getattr(evaluation_module(module), name)(model, asked, count, told)
    return found


def known_pictures(
    options: argparse.Namespace, task: OwnTask, classes: Sequence[str], work: Path, told: Told
) -> KnownSet | None:
    """List pictures with what is known of them, in any layout that a training reads.

    Parameters
    ----------
    classes : sequence of str
        Of the model's card.
    work : Path
        Volumes are cut into pictures there.
    """
    from spinealign.data_audit.tables import Columns
    from spinealign.wording.training import cutting_text

    def cut(done: int, total: int) -> None:
        told(cutting_text(done, total))

    asked = evaluation_module("layouts", "training.own").Asked(
        options.data, options.layout or "", None, options.truth_column, None, work, cut
    )
    columns = Columns(options.image_column, options.truth_column, options.patient_column)
    found: KnownSet | None = evaluation_module("known", "training.own").known_set(
        task, asked, classes, columns
    )
    return found


def _wanted(options: argparse.Namespace) -> Wanted:
    wanted: Wanted = evaluation_module("tables").Wanted(
        options.image_column, options.patient_column, options.truth_column,
        options.predicted_column, options.positive, tuple(options.order), options.unit,
        options.numbers,
    )  # fmt: skip
    return wanted


def _threshold(
    options: argparse.Namespace, cases: ClassifiedCases, of_card: Threshold | None
) -> Threshold | None:
    from spinealign.wording import evaluation as words

    run = evaluation_module("run")
    if options.threshold is not None:
        note = words.THRESHOLD_GIVEN.format(threshold=options.threshold)
        given: Threshold = run.Threshold(options.threshold, note)
        return given
    if options.threshold_from is None:
        return of_card
    wanted = replace(_wanted(options), positive=cases.classes[-1])
    others = evaluation_module("tables").read_answers(options.threshold_from, wanted)
    chosen: Threshold = run.chosen_threshold(others.cases, cases, options.sensitivity)
    return chosen


def _compared(options: argparse.Namespace, found: Evaluation) -> Evaluation:
    if options.against is None:
        return found
    wanted = replace(_wanted(options), positive=found.cases.classes[-1])  # type: ignore[union-attr]
    other = evaluation_module("tables").read_answers(options.against, wanted)
    threshold = evaluation_module("run").default_threshold(other.cases)
    compared = evaluation_module("pairing").compare(
        found.cases, other.cases, (found.threshold, threshold.value)
    )
    return replace(found, compared=compared, compared_name=options.against.name)
