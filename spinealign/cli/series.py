"""The part of the command line that chooses among files, series and their pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.study import ImageSource, SeriesStack, SlicePosition, likeliest, stacked


class WrongUseError(Exception):
    """Options that do not fit together, or the input; the message says which."""


@dataclass(frozen=True)
class Job:
    """One analysis: what the user named, what is read, and where the result goes."""

    path: Path
    folder: Path
    source: ImageSource


@dataclass
class Plan:
    """What to analyse, which inputs cannot be, with the reason, and how many are other names."""

    jobs: list[Job] = field(default_factory=list)
    failed: list[tuple[Path, SpineAlignError]] = field(default_factory=list)
    other_names: int = 0


def add_series_options(parser: argparse.ArgumentParser) -> None:
    """Let a command choose a series and a picture of it; numbers count from 1."""
    parser.add_argument(
        "--list", action="store_true",
        help="list the series that the inputs hold, and analyse nothing",
    )  # fmt: skip
    for name, words in (
        ("series", "which series, by its number in --list (of a sagittal MR series the slice in "
                   "which the canal is widest is analysed, else the middle one)"),
        ("slice", "which slice, frame or page of the series"),
        ("volume", "which volume of a NIfTI series in time"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=_number, metavar="N", help=words)


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("numbers count from 1")
    return number


def print_series(paths: Sequence[Path]) -> list[tuple[Path, SpineAlignError]]:
    """Print the series of each input; return the inputs that hold none, and why."""
    from spinealign.domain.generators import run_to_end
    from spinealign.imaging.study import scan_paths
    from spinealign.wording.series import refused_message, series_lines

    failed: list[tuple[Path, SpineAlignError]] = []
    for path in paths:
        scan = run_to_end(scan_paths([path]))
        if not scan.found:
            failed.append((path, scan.refused[0]))
            continue
        if len(paths) > 1:
            print(f"{path.name}:")
        print("\n".join(series_lines(stacked(scan.found))))
        if scan.refused:
            print(f"    note: {refused_message(scan.refused).sentence}")
    return failed


def plan(options: argparse.Namespace) -> Plan:
    """List what to analyse and where each result goes; inputs of one name get numbers.

    Raises
    ------
    WrongUseError
        The options do not fit the input.
    """
    if options.out is None:
        raise WrongUseError("the following arguments are required: --out")
    if (options.series, options.slice, options.volume) == (None, None, None):
        return _plan_files(options.inputs, options.out)
    if len(options.inputs) != 1:
        raise WrongUseError("--series, --slice and --volume choose in one input; name just one")
    [path] = options.inputs
    try:
        return Plan([_chosen_job(path, options)])
    except SpineAlignError as error:
        return Plan(failed=[(path, error)])


def _plan_files(inputs: Sequence[Path], out: Path) -> Plan:
    from spinealign.imaging.find import all_images, distinct, folder_stem, free_name

    planned = Plan()
    named: list[Path] = []
    taken: set[str] = set()
    for given in inputs:
        try:
            named += all_images([given])
        except SpineAlignError as error:
            planned.failed.append((given, error))
    for path in distinct(named):
        name = free_name(folder_stem(path), taken)
        planned.jobs.append(Job(path, out / name, path))
    planned.other_names = len(named) - len(planned.jobs)
    return planned


def _chosen_job(path: Path, options: argparse.Namespace) -> Job:
    from spinealign.imaging.find import folder_stem
    from spinealign.imaging.study import list_series

    stack = _chosen_stack(stacked(list_series(path)), options.series)
    name = f"{folder_stem(path)}_series-{stack.number}"
    if options.slice is None and options.volume is None:
        return Job(path, options.out / name, stack.first)
    volume, index = (options.volume or 1) - 1, options.slice
    if volume >= len(stack.volumes):
        raise WrongUseError(f"--volume: the series has {len(stack.volumes)}")
    if len(stack.volumes) > 1:
        name = f"{name}_volume-{volume + 1}"
    if index is None:
        return Job(path, options.out / name, stack.volumes[volume])
    place = SlicePosition(volume, index - 1)
    if not stack.has_position(place):
        raise WrongUseError(f"--slice: the series has {len(stack.first)}")
    return Job(path, options.out / f"{name}_slice-{index}", stack.picture_at(place))


def source_of(path: Path) -> ImageSource:
    """Return what one examination is read from: a file, or the likeliest series of a folder.

    Raises
    ------
    WrongUseError
        A folder holds no series that stands out.
    SpineAlignError
        A folder holds no images.
    """
    from spinealign.imaging.study import list_series

    if not path.is_dir():
        return path
    stacks = stacked(list_series(path))
    best = likeliest(stacks) if len(stacks) > 1 else stacks
    if len(best) != 1:
        raise WrongUseError(f"{path.name} holds {len(stacks)} series; name the folder of one")
    return best[0].first


def _chosen_stack(stacks: Sequence[SeriesStack], number: int | None) -> SeriesStack:
    if number is None:
        best = likeliest(stacks) if len(stacks) > 1 else stacks
        if len(best) != 1:
            raise WrongUseError(f"of {len(stacks)} series choose one with --series (see --list)")
        return best[0]
    if number > len(stacks):
        raise WrongUseError(f"--series: there are {len(stacks)} (see --list)")
    return stacks[number - 1]
