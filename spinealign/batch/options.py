"""What is done with every image of a batch, and what makes an older result count no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from spinealign.domain.examination import (
    EXAMINATIONS,
    Examination,
    Task,
    examination_named,
    kinds_without_analysis,
)
from spinealign.domain.findings import Analysis
from spinealign.inference.catalog import ModelStore


@dataclass(frozen=True)
class BatchOptions:
    """The same for every image of a batch.

    Parameters
    ----------
    examination : str
        Key of what all images show; empty lets the program decide for each.
    kinds : tuple of str
        Which files of results are written, by the kinds of `export.exporters.EXPORTERS`; empty
        writes a whole folder of results. ``json`` is always written.
    models : tuple of str
        Models that answer for their tasks, by name or as model folders.
    gallery : bool
        Whether a small picture of each result is written for the gallery.
    threads : int
        Of the networks in each worker process.
    is_flat : bool
        Whether the files of all images lie in one folder; else each image has its own.
    """

    examination: str = ""
    kinds: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    gallery: bool = True
    threads: int = 1
    is_flat: bool = False

    @property
    def wanted_examination(self) -> Examination | None:
        """What all images show; None where the program decides."""
        return examination_named(self.examination) if self.examination else None

    def recipe(self, program_version: str) -> str:
        """Return what every result depends on besides the models: another one counts as anew."""
        also = {"gallery": self.gallery, "flat": self.is_flat}
        named = [name for name, is_wanted in also.items() if is_wanted]
        return "\n".join((program_version, self.examination, *sorted(self.kinds), *named))


@dataclass(frozen=True)
class UsedModel:
    """A model as far as results depend on it.

    Parameters
    ----------
    sha256 : str
        Of its weights, with its version: a card may change without its weights.
    examinations : tuple of str
        Kinds that it serves; empty where it looks at all images.
    """

    sha256: str
    examinations: tuple[str, ...]


Models = Mapping[str, UsedModel]
"""By name."""


def models_of(store: ModelStore) -> dict[str, UsedModel]:
    """Return the models that answer now, with the kinds of examination that they answer for.

    Kinds of image that no examination is of stand among them: a result of such an image counts no
    more once another model is asked of it.

    Raises
    ------
    ModelError
        A card is incomplete.
    """
    found: dict[str, UsedModel] = {}
    for examination in (None, *EXAMINATIONS.values()):
        kinds = () if examination is None else (examination.kind.value,)
        for task in get_args(Task):
            for card in store.find_all(task, examination):
                known = found[card.name].examinations if card.name in found else ()
                served = tuple(sorted({*known, *kinds}))
                found[card.name] = UsedModel(f"{card.sha256} {card.version}", served)
    for kind in kinds_without_analysis():
        for card in store.named_for(kind):
            known = found[card.name].examinations if card.name in found else ()
            served = tuple(sorted({*known, kind.value}))
            found[card.name] = UsedModel(f"{card.sha256} {card.version}", served)
    return found


def examination_of(analysis: Analysis) -> str:
    """Return the kind of examination that an image was analysed as; empty where refused."""
    return "" if analysis.examination is None else analysis.examination.kind.value


def counts_no_more(before: Models, now: Models, used: frozenset[str], examination: str) -> bool:
    """Tell whether a result depends on a model that changed, came or went.

    Parameters
    ----------
    before, now : mapping of str to UsedModel
        All models that were installed then, and that are now.
    used : frozenset of str
        Names of the models that answered.
    examination : str
        Kind that the image was analysed as; of a refused image, or one that failed, any change
        counts: another model may take it.
    """
    names = before.keys() | now.keys()
    changed = {name for name in names if before.get(name) != now.get(name)}
    if not changed or not examination:
        return bool(changed)
    for name in changed:
        kinds = {*_kinds(before, name), *_kinds(now, name)}
        if name in used or not kinds or examination in kinds:
            return True
    return False


def _kinds(models: Models, name: str) -> tuple[str, ...]:
    return models[name].examinations if name in models else ()
