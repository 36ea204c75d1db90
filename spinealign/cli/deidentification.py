"""De-identification on the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from spinealign.cli.reading import EXIT_DONE
from spinealign.cli.signing_in import add_profile_option
from spinealign.domain.generators import run_to_end

EXIT_SOME_LEFT_OUT = 1


def add_deidentify(commands: Any) -> None:
    """Add the command `deidentify`."""
    parser = commands.add_parser(
        "deidentify", help="write images without what names the patient (DICOM PS3.15 Annex E)"
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="files or folders")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR",
        help="results go here; apart from the inputs, which are never changed",
    )  # fmt: skip
    parser.add_argument(
        "--retain-dates", choices=["shifted", "full"],
        help="shifted: all dates of a patient moved back by the same number of days, which only "
        "the key of this profile knows; full: as they are (default: removed)",
    )  # fmt: skip
    for option, words in (
        ("uids", "keep the UIDs (default: new ones, the same in all files)"),
        ("patient", "keep sex, age, size and weight; of ages over 89 only that they are"),
        ("device", "keep names and serial numbers of devices"),
        ("institution", "keep names and addresses of institutions"),
    ):
        parser.add_argument(f"--retain-{option}", action="store_true", help=words)
    for option, words in (
        ("descriptors", "keep of descriptions the words of imaging (default: removed)"),
        ("structured", "keep codes, numbers and references of structured reports"),
        ("graphics", "keep drawings of presentation states; their labels with --clean-descriptors"),
    ):
        parser.add_argument(f"--clean-{option}", action="store_true", help=words)
    parser.add_argument(
        "--pixels", choices=["checked", "unchecked"], default="checked",
        help="unchecked: also pass on images in which text may be burned in and that nobody "
        "looked at",
    )  # fmt: skip
    looking = parser.add_mutually_exclusive_group()
    looking.add_argument(
        "--review",
        action="store_true",
        help="only look for text in the pixels: write boxes.json and previews to DIR",
    )
    looking.add_argument(
        "--boxes",
        type=Path,
        metavar="FILE",
        help="boxes.json of a review in which a person set “looked”: its boxes are blackened",
    )
    add_profile_option(parser)
    parser.set_defaults(run=_deidentify)


def _deidentify(options: argparse.Namespace) -> int:
    return _review(options) if options.review else _write(options)


def _review(options: argparse.Namespace) -> int:
    from spinealign.deidentification.run import propose
    from spinealign.wording.deidentification import review_lines

    images = run_to_end(propose(options.inputs, options.out), _shown())
    _clear_line()
    with_boxes = sum(bool(image.boxes) for image in images)
    print("\n".join(review_lines(len(images), with_boxes, str(options.out))))
    return EXIT_DONE


def _write(options: argparse.Namespace) -> int:
    from spinealign.deidentification.boxes import load_review
    from spinealign.deidentification.options import Dates, Options, Pixels
    from spinealign.deidentification.pseudonyms import load_key
    from spinealign.deidentification.run import deidentify
    from spinealign.wording import explain
    from spinealign.wording.deidentification import summary_lines

    chosen = Options(
        dates=Dates(options.retain_dates or "removed"),
        retain_uids=options.retain_uids,
        retain_patient=options.retain_patient,
        retain_device=options.retain_device,
        retain_institution=options.retain_institution,
        clean_descriptors=options.clean_descriptors,
        clean_structured=options.clean_structured,
        clean_graphics=options.clean_graphics,
        pixels=Pixels(options.pixels),
    )
    review = load_review(options.boxes) if options.boxes is not None else {}
    work = deidentify(options.inputs, options.out, chosen, key=load_key(), review=review)
    report = run_to_end(work, _shown())
    _clear_line()
    for error in report.failures:
        message = explain(error)
        sys.stderr.write(f"{message.sentence} {message.advice}\n")
    left_out = len(report.failures) - report.held_back
    lines = summary_lines(report.written, report.held_back, left_out, str(report.out))
    print("\n".join(lines))
    return EXIT_SOME_LEFT_OUT if report.failures else EXIT_DONE


def _shown() -> Any:
    if not sys.stderr.isatty():
        return None
    return lambda step: sys.stderr.write(f"\r\033[K{step.name} ({step.fraction:.0%})")


def _clear_line() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
