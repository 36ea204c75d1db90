"""Own data listed for an evaluation: the same table of layouts that a training reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from spinealign.data_audit.tables import Columns
from spinealign.domain.own_tasks import OwnTask
from spinealign.evaluation.known import KnownPicture, KnownSet, listed_pictures
from spinealign.training.own.layouts import (
    CLASSIFIED,
    OUTLINED,
    Asked,
    Layout,
    chosen_layout,
)
from spinealign.training.own.outlined import CLASS_TABLE, OutlinedSet, class_names
from spinealign.training.own.pictures import Picture
from spinealign.wording import evaluation as words

_OF_AUDIT: Final = ("folders", "table", "masks")
"""Layouts that the audit's listing reads with more names of parts, folders and columns."""

_CUT: Final = ("volumes", "spider")


def known_set(
    task: OwnTask, asked: Asked, classes: Sequence[str], columns: Columns | None = None
) -> KnownSet | None:
    """List pictures with their classes or masks; None for tasks that read layouts of their own.

    Parameters
    ----------
    task : OwnTask
        Of the model that will answer.
    asked : Asked
        Its `classes` are not read.
    classes : sequence of str
        Of the model's card; what values of masks mean where nothing beside them says it.
    columns : Columns, optional
        Of a table.

    Raises
    ------
    DataSetError
        The data have no layout that the task reads, or not the stated one, or that one is broken.
    """
    tables: dict[str, Sequence[Layout[Any]]] = {
        "classifier": CLASSIFIED, "ordinal": CLASSIFIED, "segmentation": OUTLINED,
    }  # fmt: skip
    if task.name not in tables:
        return None
    layout = chosen_layout(tables[task.name], asked)
    is_named = (asked.data / CLASS_TABLE).is_file()
    if layout.name in _OF_AUDIT:
        found = listed_pictures(asked.data, columns)
        names = class_names(asked.data) if layout.name == "masks" and is_named else ()
        return replace(found, meanings=names)
    if layout.name == "volumes" and not is_named:
        asked = replace(asked, classes=tuple(classes))
    told = layout.read(asked)
    masks = told.masks if isinstance(told, OutlinedSet) else {}
    pictures = (told.found if isinstance(told, OutlinedSet) else told).pictures
    return KnownSet(
        tuple(_known(picture, masks) for picture in pictures),
        told.classes if isinstance(told, OutlinedSet) else (),
        (words.SLICES_WITH_STRUCTURES,) if layout.name in _CUT else (),
    )


def _known(picture: Picture, masks: Any) -> KnownPicture:
    # Where nothing tells patients the name stands for one: DICOM tags may still tell it.
    patient = "" if picture.patient == picture.name else picture.patient
    mask = masks.get(picture.name)
    return KnownPicture(
        picture.path, picture.name, picture.label, picture.split, patient,
        None if mask is None else mask.values,
    )  # fmt: skip
