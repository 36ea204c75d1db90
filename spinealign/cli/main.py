"""The command line: analyse, compare, define measures, test the installation, train models."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spinealign import __version__
from spinealign.cli.accounts import add_accounts, add_audit_trail
from spinealign.cli.archive import add_archive
from spinealign.cli.batch import add_batch, add_compare_batches
from spinealign.cli.data_audit import add_data_audit
from spinealign.cli.deidentification import add_deidentify
from spinealign.cli.dicom_objects import (
    add_dicom_options,
    add_object_options,
    check_dicom_use,
    dicom_choices,
    outlined_option,
    require_silent_image,
    restored_case,
)
from spinealign.cli.evaluation import add_evaluation
from spinealign.cli.model_choice import add_model_choice, candidate_lines, silent_models_lines
from spinealign.cli.model_store import add_models
from spinealign.cli.network import add_network
from spinealign.cli.own_readings import OwnReadings, own_readings, print_error
from spinealign.cli.own_training import with_recipe_named
from spinealign.cli.reading import add_reading
from spinealign.cli.series import (
    Job,
    WrongUseError,
    add_series_options,
    plan,
    print_series,
    source_of,
)
from spinealign.cli.signing_in import add_profile_option, add_sign_in_options
from spinealign.cli.training import add_training, training_module
from spinealign.domain.comparison import PatientExamination
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.errors import PatientsDifferError, SpineAlignError, UnexpectedError
from spinealign.domain.examination import EXAMINATIONS, Examination, ImageKind, image_type_named
from spinealign.domain.findings import Analysis, Step
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import ImagePart
from spinealign.domain.paths import PROFILE_VARIABLE
from spinealign.domain.protection import Right
from spinealign.domain.study import ImageSource

if TYPE_CHECKING:
    from spinealign.domain.reading import Reading
    from spinealign.domain.report_details import ReportDetails
    from spinealign.export.dicom_objects import MissingObject

_Result = TypeVar("_Result")
_OUTPUT_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
EXIT_DONE, EXIT_SOME_FAILED, EXIT_WRONG_USE, EXIT_REFUSED, EXIT_PARTIAL = 0, 1, 2, 3, 4


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Returns
    -------
    int
        0 done, 1 something failed, 2 wrong use, 3 nothing failed but the gate refused
        an image, 4 nothing failed but DICOM objects could not all be made.
    """
    try:
        options = _parser().parse_args(with_recipe_named(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        with _profile_at(getattr(options, "profile_dir", None)):
            code = int(options.run(options))
        sys.stdout.flush()
        return code
    except PatientsDifferError as error:
        print_error(error)
        if not error.is_companion:
            sys.stderr.write("To compare all the same: --patient-confirmed\n")
        return EXIT_SOME_FAILED
    except SpineAlignError as error:
        print_error(error)
        return EXIT_SOME_FAILED
    except WrongUseError as problem:
        sys.stderr.write(f"spinealign: {problem}\n")
        return EXIT_WRONG_USE
    except BrokenPipeError:
        # The reader of our output (such as `head`) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SOME_FAILED
    except OSError as error:
        if not _is_of_output(error):
            raise
        from spinealign.wording.failures import not_printed_text

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"{not_printed_text(error.strerror or '')}\n")
        return EXIT_SOME_FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return EXIT_SOME_FAILED


def _is_of_output(error: Exception) -> bool:
    """Tell that printing failed; files that cannot be read or written are told by their names."""
    is_of_system = isinstance(error, OSError) and error.filename is None
    return is_of_system and getattr(error, "errno", None) in _OUTPUT_FAILED


@contextmanager
def _profile_at(folder: Path | None) -> Iterator[None]:
    """State the profile for one command where `domain.paths` looks first."""
    before = os.environ.get(PROFILE_VARIABLE)
    if folder is not None:
        os.environ[PROFILE_VARIABLE] = str(folder.absolute())
    try:
        yield
    finally:
        if folder is not None:
            os.environ.pop(PROFILE_VARIABLE, None)
        if before is not None:
            os.environ[PROFILE_VARIABLE] = before


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="spinealign")
    parser.add_argument("--version", action="version", version=f"SpineAlign {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_analyze(commands)
    add_batch(commands)
    add_compare_batches(commands)
    _add_volume(commands)
    _add_measures(commands)
    add_reading(commands)
    add_deidentify(commands)
    add_models(commands)
    test = commands.add_parser("self-test", help="analyse the shipped samples and check the result")
    add_profile_option(test)
    test.set_defaults(run=_self_test)
    add_data_audit(commands)
    add_evaluation(commands)
    add_training(commands)
    add_network(commands, _analyse_folder)
    add_archive(commands)
    add_accounts(commands)
    add_audit_trail(commands)
    return parser


def _add_analyze(commands: Any) -> None:
    analyze = commands.add_parser("analyze", help="analyse images and write results to a folder")
    analyze.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="files or folders")
    analyze.add_argument("--out", type=Path, metavar="DIR", help="results go here")
    add_series_options(analyze)
    keys = [examination.key for examination in EXAMINATIONS.values()]
    analyze.add_argument(
        "--examination", "--view", type=examination_option, default=None,
        metavar=f"{{{','.join(['auto', *keys])}}}",
        help="what the images show (default: look at tags and pixels; an image of another kind "
        "is refused with exit code 3, and this option overrules that); "
        "oblique_film, other_radiograph, other_ct and other_mr are for models of your own that "
        "are named or chosen for such images; xray, ct and mr, the names of former versions, are "
        "understood too",
    )  # fmt: skip
    analyze.add_argument(
        "--json", action="store_true",
        help="print one JSON object a line for each input instead of text",
    )  # fmt: skip
    analyze.add_argument(
        "--engine", choices=["litert", "keras"], default="litert",
        help="keras is the reference and needs the 'train' extra",
    )  # fmt: skip
    add_model_choice(analyze)
    analyze.add_argument(
        "--companion", type=Path, metavar="FILE",
        help="the same patient's slice in the other contrast (T1 beside T2): helps to grade discs",
    )  # fmt: skip
    analyze.add_argument(
        "--demonstration", action="store_true",
        help="show also what a classifier answers that is only a demonstration, for one image; "
        "its answer is not for diagnosis and never part of the report",
    )  # fmt: skip
    analyze.add_argument(
        "--patient-data", action="store_true",
        help="let the report name the patient as the file does; without it no result holds patient "
        "data",
    )  # fmt: skip
    _add_ignore_corrections(analyze)
    add_sign_in_options(analyze)
    analyze.add_argument(
        "--ignore-reading", action="store_true",
        help="leave out the reading that is saved in the profile for an image; without it report "
        "and analysis.json take the reading in, signed or not, and either way they say so",
    )  # fmt: skip
    add_dicom_options(analyze)
    analyze.set_defaults(run=_analyze, parser=analyze)


def examination_option(name: str) -> Examination | ImageKind | None:
    """Return the examination, or kind without one, that the command line names; None for "auto"."""
    if name == "auto":
        return None
    try:
        return image_type_named(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add_volume(commands: Any) -> None:
    volume = commands.add_parser(
        "volume", help="segment every slice of a sagittal MR series and measure volumes"
    )
    volume.add_argument(
        "input", type=Path, metavar="INPUT", help="NIfTI file, folder, archive or DICOMDIR"
    )
    volume.add_argument("--out", required=True, type=Path, metavar="DIR", help="results go here")
    add_object_options(volume, "the segmentation of the whole series as a DICOM object")
    volume.set_defaults(run=_volume)


def _volume(options: argparse.Namespace) -> int:
    from spinealign.export.volumes import write_volume
    from spinealign.volumes import segment_volume
    from spinealign.wording.volumes import volume_lines

    work = segment_volume(options.input, _model_store("litert"))
    found = _watched(work, sys.stderr.isatty())
    files = [*write_volume(found, options.out)]
    if options.dicom:
        from spinealign.export.dicom_objects import write_volume_segmentation

        chosen = DicomChoices(None, options.uid_root, options.label_map)
        files.append(write_volume_segmentation(found, options.out, chosen))
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
        comparison.add_argument(name, type=Path, metavar=name.upper(), help="image file or folder")
    comparison.add_argument("--json", action="store_true", help="print one JSON object")
    _add_of_patient(comparison)
    comparison.set_defaults(run=_compare)
    course = commands.add_parser(
        "course", help="analyse several examinations of one patient and print the course by date"
    )
    course.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="image files or folders"
    )
    course.add_argument("--out", type=Path, metavar="FILE", help="write the course as CSV")
    _add_of_patient(course)
    course.set_defaults(run=_course, json=False)
    motion = commands.add_parser(
        "motion", help="analyse flexion and extension of one patient and print motion by level"
    )
    for name in ("one", "other"):
        motion.add_argument(name, type=Path, metavar=name.upper(), help="image file or folder")
    motion.add_argument("--swap", action="store_true", help="flexion and extension are swapped")
    motion.add_argument("--out", type=Path, metavar="FILE", help="write the motion as CSV")
    _add_of_patient(motion)
    motion.set_defaults(run=_motion, json=False)
    define = commands.add_parser("define", help="print the definition of a measure and its sources")
    define.add_argument(
        "measure",
        nargs="?",
        metavar="MEASURE",
        help="code of a measure; without it, all are listed",
    )
    define.set_defaults(run=_define)


def _add_of_patient(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--patient-confirmed", action="store_true",
        help="compare although the files state different patients: you know that it is one",
    )  # fmt: skip
    _add_ignore_corrections(parser)
    add_sign_in_options(parser)
    parser.set_defaults(examination=None, companion=None, demonstration=False)


def _analyze(options: argparse.Namespace) -> int:
    if options.list:
        unlisted = print_series(options.inputs)
        for path, error in unlisted:
            _report_failure(path, error, options.json)
        return EXIT_SOME_FAILED if unlisted else EXIT_DONE
    try:
        planned = plan(options)
    except WrongUseError as problem:
        options.parser.print_usage(sys.stderr)
        sys.stderr.write(f"spinealign analyze: {problem}\n")
        return EXIT_WRONG_USE
    jobs, failed = planned.jobs, planned.failed
    named = len(jobs) + len(failed) + planned.other_names
    if options.companion is not None and named != 1:
        sys.stderr.write("A companion belongs to one image; name just one.\n")
        return EXIT_WRONG_USE
    if options.demonstration and named != 1:
        sys.stderr.write("A demonstration is opened for one image; name just one.\n")
        return EXIT_WRONG_USE
    check_dicom_use(options, named)
    models = _model_store(options.engine, options.model)
    for path, error in failed:
        _report_failure(path, error, options.json)
    failures, refused, partial = len(failed), 0, 0
    with _own_readings_to_export(options) as own:
        for job in jobs:
            try:
                with _one_of_many(job.path):
                    analysis, missing = _analyze_job(job, models, options, own)
            except SpineAlignError as error:
                _report_failure(job.path, error, options.json)
                failures += 1
                continue
            refused += analysis.is_refused
            partial += bool(missing)
    if not options.json:
        done = len(jobs) + len(failed) - failures
        place = f"; results are in {options.out}" if done else ""
        turned_away = f", {refused} refused" if refused else ""
        turned_away += f", {partial} without all DICOM objects" if partial else ""
        if planned.other_names:
            from spinealign.wording.series import other_names_text

            print(other_names_text(planned.other_names))
        print(f"{done - refused} done{turned_away}, {failures} not done{place}")
    if failures:
        return EXIT_SOME_FAILED
    if partial:
        return EXIT_PARTIAL
    return EXIT_REFUSED if refused else EXIT_DONE


def _own_readings_to_export(options: argparse.Namespace) -> AbstractContextManager[OwnReadings]:
    are_ignored = options.ignore_corrections and options.ignore_reading
    without = "--ignore-reading --ignore-corrections"
    return own_readings(options, Right.EXPORT, are_ignored=are_ignored, without=without)


def _analyze_job(
    job: Job, models: Any, options: argparse.Namespace, own: OwnReadings
) -> tuple[Analysis, Sequence[MissingObject]]:
    from spinealign.audit.events import EventKind

    made: list[Analysis] = []
    found = _analyze_one(job.source, models, options, own, made.append)
    require_silent_image(found.image, options)
    analysis, told = restored_case(found, options)
    details = _details(analysis, options, own, told)
    own.record(EventKind.EXPORT, analysis.image)
    files, missing = _write(analysis, job.folder, details)
    _report_result(job, analysis, details, files, missing, options.json)
    for line in silent_models_lines(models.chosen, analysis):
        sys.stderr.write(f"{line}\n")
    output = sys.stderr if options.json else sys.stdout
    for line in () if outlined_option(options) else candidate_lines(made[0], models):
        output.write(f"    {line}\n")
    return analysis, missing


@contextmanager
def _one_of_many(path: Path) -> Iterator[None]:
    """Keep a defect that shows with one image from ending the run over all the others."""
    try:
        yield
    except (SpineAlignError, BrokenPipeError):
        raise
    except Exception as error:
        if _is_of_output(error):
            raise
        raise UnexpectedError(path, error) from error


def _analyse_folder(folder: Path, out: Path) -> None:
    """Analyse the likeliest picture of a received series; results with its patient go to a folder.

    Nobody has corrected or read what has just come.
    """
    chosen = ("--dicom", "--ignore-corrections", "--ignore-reading")
    options = _parser().parse_args(["analyze", str(folder), "--out", str(out), *chosen])
    with _one_of_many(folder):
        own = OwnReadings()
        analysis = _analyze_one(source_of(folder), _model_store(options.engine), options, own)
        _, missing = _write(analysis, out, _details(analysis, options, own))
        if missing:
            raise missing[0].error


def _analyze_one(
    source: ImageSource,
    models: Any,
    options: argparse.Namespace,
    own: OwnReadings,
    on_made: Callable[[Analysis], object] = lambda _: None,
) -> Analysis:
    """Analyse an image and apply the corrections that are saved for it.

    `on_made` takes the result before that.
    """
    from spinealign.analysis import analyze_file

    turned_as = None if options.ignore_corrections else own.presentation
    work = analyze_file(
        source, models, options.examination, options.companion, options.demonstration, turned_as,
        outlined_option(options),
    )  # fmt: skip
    analysis = _watched(work, sys.stderr.isatty() and not options.json)
    on_made(analysis)
    if options.ignore_corrections:
        return analysis
    is_ignored = getattr(options, "ignore_reading", False)
    return own.corrected(analysis, is_reading_ignored=is_ignored)


def _watched(work: Generator[Step, None, _Result], is_watched: bool) -> _Result:
    """Run work to its end, showing its steps on one line of the terminal if that is wanted."""

    def show(step: Step) -> None:
        sys.stderr.write(f"\r\033[K{step.name} ({step.fraction:.0%})")

    result = run_to_end(work, show if is_watched else None)
    if is_watched:
        sys.stderr.write("\r\033[K")
    return result


def _write(
    analysis: Analysis, folder: Path, details: ReportDetails
) -> tuple[Sequence[Path], Sequence[MissingObject]]:
    """Write all results, and return which DICOM objects could not be made."""
    from spinealign.export.bundle import with_objects, write_bundle

    told, missing = with_objects(analysis, folder, details)
    return write_bundle(analysis, folder, told), missing


def _details(
    analysis: Analysis,
    options: argparse.Namespace,
    own: OwnReadings,
    told: Reading | None = None,
) -> ReportDetails:
    """Return the stored reading, or that it is left out, and the patient if that is asked for.

    Without a stored one, `told` counts: the reading that a structured report tells.
    """
    from spinealign.domain.report_details import ReportDetails
    from spinealign.export.report_content import deidentified_reading
    from spinealign.imaging.study import read_patient
    from spinealign.wording.dicom_report import STORED_READING_COUNTS

    reading, left_out = own.reading(analysis, is_ignored=options.ignore_reading)
    if reading is None and left_out is None:
        reading = told
    elif told is not None:
        sys.stderr.write(f"{STORED_READING_COUNTS}\n")
    image, chosen = analysis.image, dicom_choices(options)
    if reading is None and not options.patient_data:
        return ReportDetails(left_out=left_out, dicom=chosen)
    patient = read_patient(image.part or ImagePart(image.source_path))
    if options.patient_data:
        return ReportDetails(patient, reading, left_out=left_out, dicom=chosen)
    assert reading is not None
    silent = deidentified_reading(analysis, reading, patient)
    return ReportDetails(reading=silent, dicom=chosen)


def _report_result(
    job: Job,
    analysis: Analysis,
    details: ReportDetails,
    files: Sequence[Path],
    missing: Sequence[MissingObject],
    as_json: bool,
) -> None:
    from spinealign.wording import caution_text, demonstration_text, headline, refusal_message
    from spinealign.wording.alignment import alignment_sentences
    from spinealign.wording.dicom_missing import REFUSED_OBJECTS, missing_objects_lines
    from spinealign.wording.discs import disc_lines
    from spinealign.wording.measure_rows import main_lines, uncertain_lines
    from spinealign.wording.report import stored_reading_lines
    from spinealign.wording.series import picture_name
    from spinealign.wording.text import listed, safe_text

    if missing:
        for line in missing_objects_lines([(one.kind, one.error) for one in missing]):
            sys.stderr.write(f"{line}\n")
    elif analysis.is_refused and details.dicom.is_in_folder:
        sys.stderr.write(f"{REFUSED_OBJECTS}\n")
    if as_json:
        result = json.loads((job.folder / "analysis.json").read_text(encoding="utf-8"))
        told = {"path": str(job.path), "folder": str(job.folder), "result": result}
        told |= {"not_made": [one.kind for one in missing]} if missing else {}
        print(json.dumps(told))
        return
    said = f"{headline(analysis)} {alignment_sentences(analysis)}".rstrip()
    print(f"{picture_name(analysis.image.place)}: {said}")
    for line in stored_reading_lines(details):
        print(f"    {line}")
    if analysis.is_refused:
        keys = listed([examination.key for examination in EXAMINATIONS.values()], "or")
        print(f"    {refusal_message(analysis).advice} (--examination {keys})")
    measures = (*main_lines(analysis.measurements), *uncertain_lines(analysis.measurements))
    demonstrated = filter(None, (demonstration_text(analysis),))
    for line in (*disc_lines(analysis), *measures, *demonstrated):
        print(f"    {line}")
    for caution in analysis.cautions:
        print(f"    note: {caution_text(caution)}")
    folder = safe_text(str(job.folder))
    print(f"    {len(files)} files in {folder} ({sum(analysis.seconds.values()):.2f} s)")


def _compare(options: argparse.Namespace) -> int:
    from spinealign.export.comparison import comparison_json
    from spinealign.measure.geometry.comparison import compare
    from spinealign.wording.comparison import comparison_lines

    first, second = _of_patient([options.first, options.second], options)
    if options.json:
        print(json.dumps(comparison_json(first, second), allow_nan=False))
    else:
        rows = compare(first.analysis, second.analysis)
        print("\n".join(comparison_lines(first, second, rows)))
    return EXIT_DONE


def _course(options: argparse.Namespace) -> int:
    from spinealign.export.comparison import write_course
    from spinealign.measure.geometry.comparison import course_of
    from spinealign.wording.course import course_lines

    course = course_of(_of_patient(options.inputs, options))
    print("\n".join(course_lines(course)))
    if options.out is not None:
        write_course(course, options.out)
    return EXIT_DONE


def _motion(options: argparse.Namespace) -> int:
    from spinealign.export.motion import write_motion
    from spinealign.measure.motion import motion_of
    from spinealign.wording.motion import motion_lines

    one, other = _of_patient([options.one, options.other], options)
    motion = motion_of(one, other, is_swapped=options.swap)
    print("\n".join(motion_lines(motion)))
    if options.out is not None:
        write_motion(motion, options.out)
    return EXIT_DONE


def _of_patient(paths: Sequence[Path], options: argparse.Namespace) -> list[PatientExamination]:
    """Analyse examinations of one patient; different ones are refused unless confirmed."""
    from spinealign.audit.events import EventKind
    from spinealign.imaging.study import read_patient
    from spinealign.measure.geometry.comparison import require_one_patient

    models, are_ignored = _model_store("litert"), options.ignore_corrections
    is_written = getattr(options, "out", None) is not None
    right, kind = (Right.EXPORT, EventKind.EXPORT) if is_written else (Right.VIEW, EventKind.VIEW)
    without = "--ignore-corrections"
    with own_readings(options, right, are_ignored=are_ignored, without=without) as own:
        analyses = [_analyze_one(source_of(path), models, options, own) for path in paths]
        for analysis in analyses:
            own.record(kind, analysis.image)
    found = [PatientExamination(one, read_patient(one.image.place)) for one in analyses]
    if not options.patient_confirmed:
        require_one_patient(found)
    return found


def _define(options: argparse.Namespace) -> int:
    from spinealign.wording.definitions import MEASURE_WORDS
    from spinealign.wording.measures import definition_text

    if options.measure is None:
        width = max(map(len, MEASURE_WORDS))
        for code, words in MEASURE_WORDS.items():
            print(f"{code:{width}}  {words.title}")
        return EXIT_DONE
    found = [
        code for code in MEASURE_WORDS if code.value == options.measure.replace("-", "_").lower()
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
    print_error(error)


def _model_store(engine: str, chosen: Sequence[str] = ()) -> Any:
    from spinealign.inference.catalog import ModelStore

    if engine == "litert":
        return ModelStore(chosen=chosen)
    open_keras = training_module("keras_engine").open_keras
    return ModelStore(open_engine=open_keras, chosen=chosen)


def _self_test(_options: argparse.Namespace) -> int:
    from spinealign.selftest import run_self_test

    with tempfile.TemporaryDirectory(prefix="spinealign-self-test-") as folder:
        problems = run_self_test(Path(folder), print)
    for problem in problems:
        sys.stderr.write(f"self-test failed: {problem}\n")
    if not problems:
        print(f"SpineAlign {__version__} self-test passed")
    return EXIT_SOME_FAILED if problems else EXIT_DONE
