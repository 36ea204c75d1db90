"""Pictures whose truth is known, as every layout of a data set tells them.

Which layouts there are is the table of the training (`training.own.layouts`); this package lies
below it, so whoever asks for an evaluation lists the pictures and hands them in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.data_audit.listing import ListedFile, has_no_mask, list_files
from spinealign.data_audit.masks import read_mask
from spinealign.data_audit.tables import Columns
from spinealign.domain.errors import AnswersError, DataSetError
from spinealign.wording import evaluation as words

NOT_KNOWN = 255
"""Value of a mask's pixels of which nobody said what they are."""


@dataclass(frozen=True, eq=False)
class KnownPicture:
    """A picture whose class or outline is known.

    Parameters
    ----------
    path : Path
    name : str
        No two pictures of a set have the same.
    label : str
        Its class; empty where there is none.
    part : str
        Of a split; empty without one.
    patient : str
        Empty where nothing but the file's own tags may tell.
    values : callable or None
        Returns what each pixel is, (rows, cols), or None where that cannot be read.
    further : tuple of (str, str)
        Titles and values of a list's columns that mean nothing to the program; they make subgroups.
    """

    path: Path
    name: str
    label: str = ""
    part: str = ""
    patient: str = ""
    values: Callable[[], NDArray[Any] | None] | None = None
    further: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class KnownSet:
    """Pictures whose truth is known.

    Parameters
    ----------
    pictures : tuple of KnownPicture
    meanings : tuple of str
        Names of the values of masks, from 0; empty where a value is the index of a class of the
        model.
    cautions : tuple of str
        What to know of how they were listed.
    """

    pictures: tuple[KnownPicture, ...]
    meanings: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


def listed_pictures(data: Path, columns: Columns | None = None) -> KnownSet:
    """List folders, a table, or images with masks, as the audit of data sets does.

    Raises
    ------
    AnswersError
        There is nothing of that.
    """
    try:
        files = list_files(data, columns=columns)[1]
    except DataSetError as error:
        raise AnswersError(str(error)) from error
    return KnownSet(tuple(_known(file) for file in files))


def _known(file: ListedFile) -> KnownPicture:
    has_mask = file.mask is not None and not has_no_mask(file)
    values = partial(read_mask, file.mask) if file.mask is not None and has_mask else None
    return KnownPicture(
        file.path, file.name, file.label, file.part, file.patient, values, file.further
    )


@dataclass(frozen=True, eq=False)
class SharedClasses:
    """Which values of masks are which classes of a model.

    Parameters
    ----------
    classes : tuple of str
        Of the model, that the masks tell too; without the background.
    of_model : tuple of int
        Their indices in the model's card.
    of_value : (256,) int64
        Place of each value of a mask in `classes`, from 1; 0 for none of them, `NOT_KNOWN` for
        pixels of which nothing is known, -1 for values that have no meaning.
    cautions : tuple of str
        Which classes of one side the other does not have.
    """

    classes: tuple[str, ...]
    of_model: tuple[int, ...]
    of_value: NDArray[np.int64]
    cautions: tuple[str, ...] = ()


def shared_classes(of_model: Sequence[str], meanings: Sequence[str]) -> SharedClasses:
    """Find classes by their names; without names a value is the index of a class of the model.

    Parameters
    ----------
    of_model : sequence of str
        Classes of the card, background first.
    meanings : sequence of str
        See `KnownSet`.

    Raises
    ------
    AnswersError
        No class but the background is in both.
    """
    told = [name.casefold() for name in meanings or of_model]
    wanted = [name.casefold() for name in of_model]
    places = [k for k, name in enumerate(wanted[1:], start=1) if name in told[1:]]
    if not places:
        raise AnswersError(words.strange_outlines(meanings[1:], of_model[1:]))
    of_value = np.full(NOT_KNOWN + 1, -1, np.int64)
    of_value[: len(told)] = 0
    for number, place in enumerate(places, start=1):
        of_value[told.index(wanted[place], 1)] = number
    of_value[NOT_KNOWN] = NOT_KNOWN
    missing = [of_model[k] for k in range(1, len(wanted)) if k not in places]
    strays = [name for name in meanings[1:] if name.casefold() not in wanted[1:]]
    cautions = [words.classes_without_truth(missing)] if missing else []
    cautions += [words.classes_not_of_model(strays)] if strays else []
    return SharedClasses(
        tuple(of_model[k] for k in places), tuple(places), of_value, tuple(cautions)
    )
