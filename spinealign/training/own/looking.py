"""Every picture of a data set looked at once: can it be read, what is in it, whose is it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

from spinealign.domain.errors import DataSetError, ImageReadError
from spinealign.domain.examination import Modality
from spinealign.domain.identifiers import PatientKey
from spinealign.domain.image import SpineImage
from spinealign.imaging.read import read_image
from spinealign.training.own.pictures import Picture, PictureSet, numbered_patients
from spinealign.wording import training as words
from spinealign.wording.failures import explain

MOST_BROKEN = 0.1
"""Share of pictures that may be unreadable before the training is refused; set by hand."""

_MODALITIES: Mapping[str, tuple[Modality, ...]] = {
    "CT": (Modality.CT,),
    "MR": (Modality.MR,),
    **dict.fromkeys(("CR", "DX", "RG", "XR"), (Modality.RADIOGRAPH,)),
}
"""By what DICOM calls them."""


@dataclass(frozen=True)
class Skipped:
    """A picture that could not be used, and why, in a sentence."""

    name: str
    reason: str


@dataclass(frozen=True)
class LookedAt:
    """A data set after each of its files was read once.

    Parameters
    ----------
    found : PictureSet
        Those that can be read, with the checksums of their files.
    skipped : tuple of Skipped
    modalities : frozenset of Modality
        Of the pictures that state one.
    """

    found: PictureSet
    skipped: tuple[Skipped, ...]
    modalities: frozenset[Modality]


def look_at(
    found: PictureSet,
    most_broken: float = MOST_BROKEN,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> LookedAt:
    """Read every picture once.

    Parameters
    ----------
    found : PictureSet
    most_broken : float
        Share of pictures that may be unreadable.
    told : callable
        Takes how many are done, and of how many.

    Raises
    ------
    DataSetError
        More pictures than that cannot be read.
    """
    good: list[Picture] = []
    skipped: list[Skipped] = []
    keys: list[Hashable | None] = []
    modalities: set[Modality] = set()
    for number, picture in enumerate(found.pictures, start=1):
        try:
            image = read_image(picture.path)
        except (ImageReadError, OSError) as error:
            skipped.append(Skipped(picture.name, _reason(error)))
        else:
            good.append(replace(picture, sha256=image.sha256))
            keys.append(_patient(image))
            modalities.update(_MODALITIES.get(image.modality or "", ()))
        told(number, len(found.pictures))
    if len(skipped) > most_broken * len(found.pictures):
        raise DataSetError(words.too_many_broken(len(skipped), len(found.pictures), skipped[0]))
    kept = numbered_patients(replace(found, pictures=tuple(good)), keys)
    return LookedAt(kept, tuple(skipped), frozenset(modalities))


def _reason(error: ImageReadError | OSError) -> str:
    if isinstance(error, ImageReadError):
        return explain(error).sentence
    return words.not_readable(error.strerror or "")


def _patient(image: SpineImage) -> Hashable | None:
    """Return what is equal for pictures of one patient, by the tags; None if they do not say."""
    key = PatientKey() if image.dicom is None else image.dicom.patient
    if key.identifier:
        return (key.identifier, key.issuer)
    return (key.name, key.birth_date) if key.name and key.birth_date else None
