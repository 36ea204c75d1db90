"""Every picture of a data set looked at once: can it be read, what is in it, whose is it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, replace

from spinealign.domain.errors import DataSetError, ImageReadError
from spinealign.domain.examination import Modality
from spinealign.domain.findings import Caution
from spinealign.domain.identifiers import PatientKey
from spinealign.domain.image import SpineImage
from spinealign.imaging.likeness import content_mark
from spinealign.imaging.quality import check_quality
from spinealign.imaging.read import read_image
from spinealign.training.own.pictures import Picture, PictureSet, numbered_patients
from spinealign.wording import training as words
from spinealign.wording.cautions import caution_text
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
    poor : tuple of Skipped
        Those that can be read, and that a check speaks against that was asked for.
    """

    found: PictureSet
    skipped: tuple[Skipped, ...]
    modalities: frozenset[Modality]
    poor: tuple[Skipped, ...] = ()


def look_at(
    found: PictureSet,
    most_broken: float = MOST_BROKEN,
    told: Callable[[int, int], None] = lambda done, of: None,
    leave_out: Collection[str] = (),
) -> LookedAt:
    """Read every picture once.

    Parameters
    ----------
    found : PictureSet
    most_broken : float
        Share of pictures that may be unreadable.
    told : callable
        Takes how many are done, and of how many.
    leave_out : collection of str
        Codes of the program's own checks (`imaging.quality`): what they find is not used.

    Raises
    ------
    DataSetError
        More pictures than that cannot be read.
    """
    good: list[Picture] = []
    skipped: list[Skipped] = []
    poor: list[Skipped] = []
    keys: list[Hashable | None] = []
    modalities: set[Modality] = set()
    for number, picture in enumerate(found.pictures, start=1):
        try:
            image = read_image(picture.path)
        except (ImageReadError, OSError) as error:
            skipped.append(Skipped(picture.name, _reason(error)))
            told(number, len(found.pictures))
            continue
        caution = _of_these(image, leave_out)
        if caution is not None:
            poor.append(Skipped(picture.name, caution_text(caution)))
        else:
            mark = content_mark(image.pixels)
            good.append(replace(picture, sha256=image.sha256, content=mark))
            keys.append(_patient(image))
            modalities.update(_MODALITIES.get(image.modality or "", ()))
        told(number, len(found.pictures))
    if len(skipped) > most_broken * len(found.pictures):
        of = len(found.pictures)
        raise DataSetError(words.too_many_broken(len(skipped), of, skipped[0], most_broken))
    kept = numbered_patients(replace(found, pictures=tuple(good)), keys)
    return LookedAt(kept, tuple(skipped), frozenset(modalities), tuple(poor))


def _of_these(image: SpineImage, codes: Collection[str]) -> Caution | None:
    """Return the first of the program's checks that speaks against a picture; None if none does."""
    if not codes:
        return None
    return next((each for each in check_quality(image) if each.code.value in codes), None)


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
