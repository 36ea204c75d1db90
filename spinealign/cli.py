"""The command line: analyse, compare, define measures, test the installation, train models."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinealign import __version__
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.findings import Analysis, Step
from spinealign.domain.image import View

COMMANDS = ("analyze", "volume", "compare", "define", "models", "self-test", "train", "package")
EXIT_DONE, EXIT_SOME_FAILED, EXIT_WRONG_USE = 0, 1, 2


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0 done, 1 something failed, 2 wrong use."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return int(options.run(options))
    except SpineAlignError as error:
        _complain(error)
        return EXIT_SOME_FAILED
    except BrokenPipeError:
        # The reader of our output (such as `head`) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SOME_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return EXIT_SOME_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spinealign")
    parser.add_argument("--version", action="version", version=f"SpineAlign {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_analyze(commands)
    _add_volume(commands)
    _add_measures(commands)
    listing = commands.add_parser("models", help="list the models and what they are good for")
    listing.add_argument("--json", action="store_true", help="print the whole cards as JSON")
    listing.set_defaults(run=_models)
    test = commands.add_parser("self-test", help="analyse the shipped samples and check the result")
    test.set_defaults(run=_self_test)
    _add_training(commands)
    return parser


def _add_analyze(commands: Any) -> None:
    analyze = commands.add_parser("analyze", help="analyse images and write results to a folder")
    analyze.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="files or folders")
    analyze.add_argument("--out", required=True, type=Path, metavar="DIR", help="results go here")
    analyze.add_argument(
        "--view", choices=["auto", "xray", "ct", "mr"], default="auto",
        help="what the images show (default: look at tags and pixels)",
    )  # fmt: skip
    analyze.add_argument(
        "--json", action="store_true",
        help="print one JSON object a line for each input instead of text",
    )  # fmt: skip
    analyze.add_argument(
        "--engine", choices=["litert", "keras"], default="litert",
        help="keras is the reference and needs the 'train' extra",
    )  # fmt: skip
    analyze.add_argument(
        "--companion", type=Path, metavar="FILE",
        help="the same patient's slice in the other contrast (T1 beside T2): helps to grade discs",
    )  # fmt: skip
    _add_ignore_corrections(analyze)
    analyze.set_defaults(run=_analyze)


def _add_volume(commands: Any) -> None:
    volume = commands.add_parser(
        "volume", help="segment every slice of a sagittal MR series and measure volumes"
    )
    volume.add_argument(
        "input", type=Path, metavar="INPUT", help="NIfTI file, folder, archive or DICOMDIR"
    )
    volume.add_argument("--out", required=True, type=Path, metavar="DIR", help="results go here")
    volume.set_defaults(run=_volume)


def _volume(options: argparse.Namespace) -> int:
    from spinealign.export.volumes import write_volume
    from spinealign.volumes import segment_volume
    from spinealign.wording.volumes import volume_lines

    work = segment_volume(options.input, _model_store("litert"))
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            found = done.value
            break
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{step.name} ({step.fraction:.0%})")
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    files = write_volume(found, options.out)
    print("\n".join(volume_lines(found)))
    print(f"{len(files)} files in {options.out}")
    return EXIT_DONE


def _add_ignore_corrections(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ignore-corrections", action="store_true",
        help="give the program's own result, even where corrections are saved for the image",
    )  # fmt: skip


def _add_measures(commands: Any) -> None:
    comparison = commands.add_parser(
        "compare", help="analyse two examinations of one patient and print what changed"
    )
    for name in ("first", "second"):
        comparison.add_argument(name, type=Path, metavar=name.upper(), help="image file")
    comparison.add_argument("--json", action="store_true", help="print one JSON object")
    _add_ignore_corrections(comparison)
    comparison.set_defaults(run=_compare)
    define = commands.add_parser("define", help="tell how a measure is taken, and who says so")
    define.add_argument(
        "measure",
        nargs="?",
        metavar="MEASURE",
        help="code of a measure; without it, all are listed",
    )
    define.set_defaults(run=_define)


def _analyze(options: argparse.Namespace) -> int:
    jobs, failed = _plan(options.inputs, options.out)
    if options.companion is not None and len(jobs) + len(failed) != 1:
        sys.stderr.write("A companion belongs to one image; name just one.\n")
        return EXIT_WRONG_USE
    view = None if options.view == "auto" else View(options.view)
    models = _model_store(options.engine)
    for path, error in failed:
        _report_failure(path, error, options.json)
    failures = len(failed)
    for job in jobs:
        try:
            analysis = _analyze_one(job.path, models, view, options, options.companion)
            files = _write(analysis, job.folder)
        except SpineAlignError as error:
            _report_failure(job.path, error, options.json)
            failures += 1
            continue
        _report_result(job, analysis, files, options.json)
    if not options.json:
        done = len(jobs) + len(failed) - failures
        place = f"; results are in {options.out}" if done else ""
        print(f"{done} done, {failures} not done{place}")
    return EXIT_SOME_FAILED if failures else EXIT_DONE


@dataclass(frozen=True)
class _Job:
    path: Path
    folder: Path


def _plan(
    inputs: Sequence[Path], out: Path
) -> tuple[list[_Job], list[tuple[Path, SpineAlignError]]]:
    """List what to analyse and where each result goes; inputs of one name get numbers."""
    from spinealign.imaging.find import find_images

    jobs: list[_Job] = []
    failed: list[tuple[Path, SpineAlignError]] = []
    taken: set[str] = set()
    for given in inputs:
        try:
            found = find_images([given])
        except SpineAlignError as error:
            failed.append((given, error))
            continue
        for path in found:
            stem = path.name.removesuffix(".gz")
            stem = Path(stem).stem or stem
            name, count = stem, 1
            while name.casefold() in taken:
                count += 1
                name = f"{stem}_{count}"
            taken.add(name.casefold())
            jobs.append(_Job(path, out / name))
    return jobs, failed


def _analyze_one(
    path: Path,
    models: Any,
    view: View | None,
    options: argparse.Namespace,
    companion: Path | None = None,
) -> Analysis:
    """Analyse an image and apply the corrections that are saved for it."""
    from spinealign.analysis import analyze_file, run_to_end

    def show(step: Step) -> None:
        sys.stderr.write(f"\r\033[K{path.name}: {step.name} ({step.fraction:.0%})")

    is_watched = sys.stderr.isatty() and not options.json
    work = analyze_file(path, models, view, companion)
    analysis = run_to_end(work, show if is_watched else None)
    if is_watched:
        sys.stderr.write("\r\033[K")
    return analysis if options.ignore_corrections else _corrected(analysis)


def _corrected(analysis: Analysis) -> Analysis:
    """Apply what is saved; corrections that cannot be used are named and left alone."""
    from spinealign.domain.errors import CorrectionsError
    from spinealign.export.corrections import load_corrections
    from spinealign.measure.corrected import apply_corrections

    try:
        wanted = load_corrections(analysis)
    except CorrectionsError as error:
        _complain(error)
        return analysis
    return analysis if wanted is None else apply_corrections(analysis, wanted)


def _write(analysis: Analysis, folder: Path) -> Sequence[Path]:
    from spinealign.export.bundle import write_bundle

    return write_bundle(analysis, folder)


def _report_result(job: _Job, analysis: Analysis, files: Sequence[Path], as_json: bool) -> None:
    from spinealign.wording import caution_text, headline
    from spinealign.wording.alignment import alignment_sentences
    from spinealign.wording.discs import disc_lines
    from spinealign.wording.measure_rows import main_lines

    if as_json:
        result = json.loads((job.folder / "analysis.json").read_text(encoding="utf-8"))
        print(json.dumps({"path": str(job.path), "folder": str(job.folder), "result": result}))
        return
    print(f"{job.path.name}: {headline(analysis)} {alignment_sentences(analysis)}".rstrip())
    for line in (*disc_lines(analysis), *main_lines(analysis.measurements)):
        print(f"    {line}")
    for caution in analysis.cautions:
        print(f"    note: {caution_text(caution)}")
    print(f"    {len(files)} files in {job.folder} ({sum(analysis.seconds.values()):.2f} s)")


def _compare(options: argparse.Namespace) -> int:
    from spinealign.export.comparison import comparison_json
    from spinealign.measure.comparison import compare
    from spinealign.wording.comparison import comparison_lines

    models = _model_store("litert")
    first, second = (
        _analyze_one(path, models, None, options) for path in (options.first, options.second)
    )
    if options.json:
        print(json.dumps(comparison_json(first, second), ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(comparison_lines(first, second, compare(first, second))))
    return EXIT_DONE


def _define(options: argparse.Namespace) -> int:
    from spinealign.wording.measures import DEFINITIONS, definition_text

    if options.measure is None:
        width = max(map(len, DEFINITIONS))
        for code, definition in DEFINITIONS.items():
            print(f"{code:{width}}  {definition.title}")
        return EXIT_DONE
    found = [
        code for code in DEFINITIONS if code.value == options.measure.replace("-", "_").lower()
    ]
    if not found:
        sys.stderr.write(
            f"There is no measure “{options.measure}”; “spinealign define” lists all.\n"
        )
        return EXIT_WRONG_USE
    print(definition_text(found[0]))
    return EXIT_DONE


def _report_failure(path: Path, error: SpineAlignError, as_json: bool) -> None:
    from spinealign.wording import explain

    message = explain(error)
    if as_json:
        problem = {"sentence": message.sentence, "advice": message.advice}
        print(json.dumps({"path": str(path), "error": problem}))
    _complain(error)


def _complain(error: SpineAlignError) -> None:
    from spinealign.wording import explain

    message = explain(error)
    sys.stderr.write(f"{message.sentence} {message.advice}\n")


def _model_store(engine: str) -> Any:
    from spinealign.inference.catalog import ModelStore

    if engine == "litert":
        return ModelStore()
    open_keras = _training_module("keras_engine").open_keras
    return ModelStore(open_engine=open_keras)


def _models(options: argparse.Namespace) -> int:
    from spinealign.inference.catalog import ModelStore

    cards = ModelStore().cards()
    if options.json:
        print(json.dumps([card.to_json() for card in cards], indent=2, ensure_ascii=False))
        return EXIT_DONE
    for card in cards:
        print(f"{card.name} {card.version}  [{card.status}]  {card.title}")
        print(f"    {card.limits}")
    return EXIT_DONE


def _self_test(_options: argparse.Namespace) -> int:
    from spinealign.selftest import run_self_test

    with tempfile.TemporaryDirectory(prefix="spinealign-self-test-") as folder:
        problems = run_self_test(Path(folder), print)
    for problem in problems:
        sys.stderr.write(f"self-test failed: {problem}\n")
    if not problems:
        print(f"SpineAlign {__version__} self-test passed")
    return EXIT_SOME_FAILED if problems else EXIT_DONE


def _add_training(commands: Any) -> None:
    train = commands.add_parser("train", help="train a model (needs the 'train' extra)")
    recipes = train.add_subparsers(required=True, metavar="MODEL")
    mr = recipes.add_parser("mr-segmentation", help="outline vertebrae, discs and canal on MR")
    mr.add_argument("--unlabelled", type=Path, help="folder of slices without outlines")
    mr.add_argument("--self-training-steps", type=int)
    ct = recipes.add_parser("ct-fracture", help="VGG16 classifier of a train|val/<class> folder")
    ct.add_argument("--imagenet", type=Path, required=True, help="VGG16 weights (.npz)")
    ct.add_argument("--head", choices=["lean", "report", "plain-cnn"], default="lean")
    ct.add_argument("--positive", default="fracture", help="the class that means abnormal")
    gate = recipes.add_parser("view-gate", help="tell radiograph, CT and MR apart")
    bodies = recipes.add_parser("xray-bodies", help="outline C2 to T1 on lateral cervical films")
    bodies.add_argument(
        "--negatives", type=Path, nargs="+", help="folders of pictures without a cervical column"
    )
    bodies.add_argument("--start", type=Path, help="model folder of a U-Net to start from")
    bodies.add_argument("--necks", type=Path, help="further outlined films, only to measure on")
    bodies.add_argument("--report", type=Path, help="picture (.png) of the worst films to write")
    discs = recipes.add_parser("disc-grading", help="grade every disc on sagittal lumbar MR")
    discs.add_argument("--imagenet", type=Path, required=True, help="VGG16 weights (.npz)")
    for parser in (mr, ct, gate, bodies, discs):
        parser.add_argument("--data", type=Path, required=True)
        parser.add_argument("--work", type=Path, required=True, help="checkpoints; resumes there")
        parser.add_argument("--out", type=Path, required=True, help="model folder to write")
        parser.add_argument("--steps", type=int, help="instead of the recipe's own number")
        parser.set_defaults(run=_train)
    mr.set_defaults(recipe="mr-segmentation")
    ct.set_defaults(recipe="ct-fracture")
    gate.set_defaults(recipe="view-gate")
    bodies.set_defaults(recipe="xray-bodies")
    discs.set_defaults(recipe="disc-grading")
    package = commands.add_parser("package", help="make a model folder of your own Keras weights")
    package.add_argument("weights", type=Path, help=".keras, .h5 or .weights.h5")
    package.add_argument("--architecture", choices=["report", "plain-cnn"], default="report")
    package.add_argument(
        "--classes", nargs=2, required=True, metavar=("OUTPUT0", "OUTPUT1"),
        help="what an output of 0 and of 1 mean, in this order (Keras sorts folder names)",
    )  # fmt: skip
    package.add_argument("--positive", required=True, help="which of them means abnormal")
    package.add_argument("--scaling", choices=["unit", "caffe"], default="unit")
    package.add_argument("--threshold", type=float, default=0.5)
    package.add_argument("--out", type=Path, required=True, help="model folder to write")
    package.set_defaults(run=_train, recipe="package")


def _train(options: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = _training_module("commands").run
    return run(options)


def _training_module(name: str) -> Any:
    import importlib

    # TensorFlow is an extra: without it the command says what to install.
    from spinealign.domain.errors import ModelError, ModelProblem

    try:
        return importlib.import_module(f"spinealign.training.{name}")
    except ModuleNotFoundError as error:
        is_packaged = getattr(sys, "frozen", False)
        if error.name and error.name.startswith("spinealign") and not is_packaged:
            raise
        raise ModelError("Keras", ModelProblem.ENGINE_UNAVAILABLE, str(error.name)) from error
