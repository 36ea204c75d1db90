"""What every training on a user's own data is told, by the command line or by a recipe's file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spinealign.domain.examination import examination_named
from spinealign.training.augment import Exposure, Geometry
from spinealign.training.own.about import Judgement, Stated
from spinealign.training.own.auditing import Auditor, audited, earlier_audits
from spinealign.training.own.kept import digest
from spinealign.training.own.looking import MOST_BROKEN
from spinealign.training.own.pictures import PictureSet
from spinealign.training.own.places import begin_results, require_free
from spinealign.wording import training as words

if TYPE_CHECKING:
    from spinealign.training.own.recipe_file import RecipeFile
    from spinealign.training.own.recipe_types import TrainingRecipe

_Recipe = TypeVar("_Recipe", bound=Any)
_Job = TypeVar("_Job", bound="OwnJob")


@dataclass(frozen=True, kw_only=True)
class OwnJob:
    """What a user asks for, whatever the task.

    Parameters
    ----------
    data, work, out : Path
        Folder or table; working folder; model folder to write.
    stated : Stated
    layout : str
        See `layouts.Asked`.
    pattern : str or None
        Finds the patient in a picture's name.
    held_out : str or None
        See `pictures.held_out`.
    most_broken : float
        Share of pictures that may be unreadable.
    leave_out : tuple of str
        See `looking.look_at`.
    tensorboard : Path or None
    split : Path or None
        Table of the parts of a split, such as split.csv of an audit; see `pictures.with_split`.
    audit : callable
        Looks at the data before they are trained on.
    is_replacing : bool
        Whether another model that lies in `out` may go.
    key : str
        Tells this training from all others; see `begun`.
    """

    data: Path
    work: Path
    out: Path
    stated: Stated = field(default_factory=Stated)
    layout: str = ""
    pattern: str | None = None
    held_out: str | None = None
    most_broken: float = MOST_BROKEN
    leave_out: tuple[str, ...] = ()
    tensorboard: Path | None = None
    split: Path | None = None
    audit: Auditor = audited
    is_replacing: bool = False
    key: str = ""

    def judge(self, found: PictureSet, held: set[str]) -> Judgement:
        """Audit what is about to be trained on; see `auditing.audited`."""
        earlier = earlier_audits(self.data, self.split)
        return self.audit(found, held, self.work, self.stated.although, earlier)


def begun(
    job: _Job, task: str, found: PictureSet, held: set[str], settings: Mapping[str, Any]
) -> _Job:
    """Make room for a training, and return its job with the key by which its traces are known.

    The same pictures, labels, patients, held-out ones and settings are one training: it takes up
    its own model folder and its own results. Results of another one are moved aside.

    Parameters
    ----------
    job : OwnJob
    task : str
        As cards call it.
    found : PictureSet
        All pictures that could be read.
    held : set of str
        Names of those that no training sees.
    settings : mapping of str to value
        All else that decides what is learned; values are anything that JSON can say.

    Raises
    ------
    ModelStoreError
        OTHER_THERE: the model folder holds another model, and nobody said that it may go.
    """
    data = [(p.name, p.sha256, p.label, p.patient) for p in found.pictures]
    key = digest([task, data, sorted(held), dict(settings)])[:16]
    require_free(job.out, key, job.is_replacing)
    aside = begin_results(job.work, key, task)
    if aside is not None:
        print(words.results_aside_text(aside), flush=True)
    return replace(job, key=key)


def told_by_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of an `OwnJob` that a command line says."""
    return {
        "data": options.data,
        "work": options.work,
        "out": options.out,
        "stated": stated_by_options(options),
        "layout": options.layout or "",
        "pattern": options.patient_pattern,
        "held_out": options.held_out,
        "most_broken": options.most_broken,
        "tensorboard": options.tensorboard,
        "split": options.split,
        "is_replacing": options.replace,
    }


def told_by_recipe(file: RecipeFile) -> dict[str, Any]:
    """Return the fields of an `OwnJob` that a recipe says."""
    told, data = file.recipe, file.recipe.data
    return {
        "data": file.place(data.path),
        "work": file.place(told.work),
        "out": file.place(told.out),
        "stated": stated_by_recipe(told),
        "layout": data.layout or "",
        "pattern": data.patient_pattern,
        "held_out": None if data.held_out is None else str(data.held_out),
        "most_broken": data.most_broken,
        "leave_out": told.preprocessing.leave_out or (),
        "tensorboard": place_of(file, told.tensorboard),
        "split": place_of(file, data.split),
        "is_replacing": file.is_replacing,
    }


def stated_by_options(options: argparse.Namespace) -> Stated:
    """Return what the command line says of data and purpose."""
    return Stated(
        title=options.title or "",
        licence=options.licence or "",
        source=options.source or "",
        intended_use=options.intended_use or "",
        examination=options.examination,
        image_kind=options.image_kind,
        although=options.although or "",
    )


def stated_by_recipe(told: TrainingRecipe) -> Stated:
    """Return what a recipe says of data and purpose."""
    card = told.card
    return Stated(
        title=card.title or "",
        licence=card.licence or "",
        source=card.source or "",
        intended_use=card.intended_use or "",
        examination=examination_named(card.examination) if card.examination else None,
        image_kind=card.image_kind,
        although=told.although or "",
    )


def place_of(file: RecipeFile, name: str | None) -> Path | None:
    """Return a path of a recipe, None where it names none."""
    return None if name is None else file.place(name)


def window_of(options: argparse.Namespace) -> tuple[float, float] | None:
    """Return the window that a command line states."""
    if options.window_hu is None:
        return None
    low, high = options.window_hu
    return low, high


def changed(recipe: _Recipe, options: argparse.Namespace, names: Sequence[str]) -> _Recipe:
    """Return a recipe with the numbers that the command line states."""
    given = {name: getattr(options, name, None) for name in names}
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


def geometry_of(told: TrainingRecipe) -> Geometry:
    """Return how a recipe turns, scales and shifts pictures."""
    asked = told.augmentation
    return Geometry(
        rotation_deg=asked.rotation_deg,
        scale=asked.zoom,
        anisotropy=0.0,
        shear=asked.shear,
        shift=asked.shift,
        flip=asked.flip,
    )


def exposure_of(told: TrainingRecipe) -> Exposure:
    """Return how a recipe changes grey values."""
    asked = told.augmentation
    return Exposure(asked.brightness, asked.contrast, asked.noise)
