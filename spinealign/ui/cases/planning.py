"""What to open of what was found: at once, or after a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.image import ImagePart
from spinealign.domain.study import (
    Scan,
    SeriesEntry,
    SeriesStack,
    SlicePosition,
    likeliest,
    stacked,
)
from spinealign.ui.cases.case import Opening
from spinealign.ui.settings.recent import Recent
from spinealign.wording.series import recent_name, retrieved_name

MOST_ALONE = 50
"""Of a folder that holds series too, so many single pictures are opened at once; more are for a
person to choose among."""

_OF_SEVERAL = frozenset(
    (ReadProblem.ENCRYPTED, ReadProblem.NO_IMAGES_IN_ARCHIVE, ReadProblem.NO_FILES_OF_INDEX)
)


@dataclass(frozen=True)
class Study:
    """Several series that were found together, to choose among.

    Parameters
    ----------
    stacks : tuple of SeriesStack
    roots : tuple of Path
        What the user chose to come to them.
    preselected : SeriesStack
        The one to begin with.
    is_choice : bool
        Whether a person has to choose or may want another one: then the list comes to the front.
    is_private : bool
        Whether they lie in folders of this program's own, whose names say nothing.
    """

    stacks: tuple[SeriesStack, ...]
    roots: tuple[Path, ...]
    preselected: SeriesStack
    is_choice: bool = True
    is_private: bool = False

    def opening(self, stack: SeriesStack, place: SlicePosition | None = None) -> Opening:
        """Return how one of the series is opened."""
        root = self.roots[0] if len(self.roots) == 1 else stack.first.parts[0].path
        number = stack.number if len(self.roots) == 1 else None
        name = "" if number is None else recent_name(stack, root)
        title = retrieved_name(stack.first) if self.is_private else ""
        return Opening(stack, Recent(root, number, place, name), title)


def planned(paths: Sequence[Path], scan: Scan) -> tuple[list[Opening], Study | None]:
    """Decide what to open at once, and whether there is a choice to offer.

    One series, pictures that stand alone, and files that were chosen one by one open at
    once. Of several series the sensible one opens, if there is exactly one, and all stay
    at hand; nothing else is analysed before it is chosen. Pictures that lie beside series and
    belong to none of their studies stand alone too, if there are few. Chosen files that were
    refused are opened as well: the list of cases says why they failed.

    Returns
    -------
    openings : list of Opening
        What to open now, in the order of the paths.
    study : Study or None
        Series to choose among.
    """
    stacks, chosen = stacked(scan.found), frozenset(paths)
    refused = [refusal.path for refusal in scan.refused if becomes_case(refusal, chosen)]
    failing = [Opening(_unread(path), Recent(path)) for path in refused]
    if len(stacks) > 1 and not _stand_alone(stacks, paths):
        films = _films_beside_series(stacks)
        series = [stack for stack in stacks if stack not in films]
        best = series if len(series) == 1 else likeliest(series)
        alone = [_alone(stack, chosen) for stack in films]
        begun = [*alone, *failing]
        study = Study(
            stacks,
            tuple(paths),
            best[0] if best else series[0],
            is_choice=not films or len(best) != 1,
        )
        return [*(study.opening(stack) for stack in best if len(best) == 1), *begun], study
    openings = [_alone(stack, chosen) for stack in stacks]
    order = {path: number for number, path in enumerate(paths)}
    both = [*openings, *failing]
    return sorted(both, key=lambda opening: order.get(opening.recent.path, -1)), None


def _stand_alone(stacks: Sequence[SeriesStack], paths: Sequence[Path]) -> bool:
    """Whether all are single pictures, or every series is a file that was chosen by itself."""
    if all(stack.is_single for stack in stacks):
        return True
    files = [{part.path for part in stack.first.parts} for stack in stacks]
    chosen = set(paths)
    is_each_one_file = all(len(parts) == 1 and parts <= chosen for parts in files)
    return is_each_one_file and len(set().union(*files)) == len(stacks)


def _alone(stack: SeriesStack, chosen: frozenset[Path]) -> Opening:
    return Opening(stack, Recent(_root_of(stack, chosen)), again=_again(stack, chosen))


def _films_beside_series(stacks: Sequence[SeriesStack]) -> list[SeriesStack]:
    """Return the single pictures that belong to no series, as scouts and captures of one do."""
    whole = {stack.first.study for stack in stacks if not stack.is_single} - {""}
    films = [stack for stack in stacks if stack.is_single and stack.first.study not in whole]
    return films if len(films) <= MOST_ALONE else []


def _root_of(stack: SeriesStack, chosen: frozenset[Path]) -> Path:
    """Return which of the chosen paths holds a series, else the series' own first file."""
    first = stack.first.parts[0].path
    if len(chosen) == 1:
        return next(iter(chosen))
    return next((path for path in (first, *first.parents) if path in chosen), first)


def _again(stack: SeriesStack, chosen: frozenset[Path]) -> Recent | None:
    """Return how one picture of several that stand alone is found again; None as it was chosen."""
    [first, *others] = stack.first.parts
    if not others and not first.member and first.path not in chosen:
        return Recent(first.path)
    if len(chosen) != 1:
        return None
    root = next(iter(chosen))
    return Recent(root, stack.number, name=recent_name(stack, root))


OF_IMAGES = frozenset((ReadProblem.SEGMENTATION, ReadProblem.REPORT, ReadProblem.OWN_PICTURE))
"""What speaks of an image and is none: it belongs to the case of that image."""


def becomes_case(refusal: ImageReadError, chosen: frozenset[Path]) -> bool:
    """Whether a refused path is a single image: it is listed with its reason, to try again."""
    is_several = refusal.path.is_dir() or refusal.path.suffix.lower() == ".zip"
    is_single = refusal.path in chosen and not is_several and refusal.problem not in _OF_SEVERAL
    return is_single and refusal.problem not in OF_IMAGES


def _unread(path: Path) -> SeriesStack:
    return SeriesStack((SeriesEntry((ImagePart(path),), ""),))
