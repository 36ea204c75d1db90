"""What the card of a user's own training says: what the data and the options say, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from spinealign.domain.errors import DataSetError
from spinealign.domain.examination import Examination, ExaminationKind, ImageKind, Modality
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import IntensityRule
from spinealign.training import augment
from spinealign.training.own.looking import LookedAt
from spinealign.training.own.pictures import PictureSet
from spinealign.wording import training as words

LEAST_PATIENTS = 20
"""Held-out patients from which on a classifier may be called internally validated; set by hand:
with fewer, a sensitivity of 0.9 has an interval 0.3 wide."""

LEAST_OF_A_CLASS = 8
"""Of these, in each class; set by hand."""

LEAST_AUC = 0.7
"""Lower end of the AUC's 95 % interval; 0.7 is where Hosmer and Lemeshow (Applied Logistic
Regression, 2000) begin to call discrimination acceptable."""

LEAST_OUTLINED_PATIENTS = 8
"""Held-out patients of a segmentation; the shipped one was measured on 8."""

LEAST_DICE = 0.7
"""Lower end of the 95 % interval of every structure's Dice; Zijdenbos et al. 1994
(10.1109/42.363096) call more than 0.7 a good agreement."""

MOST_ERROR_MM = 2.0
"""Upper end of the 95 % interval of every point's mean error; 2 mm is the accepted range of the
challenges of landmarks on cephalograms (Wang et al. 2016, 10.1016/j.media.2016.02.004)."""

LEAST_FOUND = 0.8
"""Lower end of the 95 % interval of the share of pictures in which a point is found; set by hand:
errors of found points alone say nothing of a network that finds few."""


@dataclass(frozen=True)
class Judgement:
    """What an audit says of data that are about to be trained on.

    Parameters
    ----------
    verdict : str
        In words, with the doubts; empty where nothing was audited.
    is_condemned : bool
        Whether it advises against the training.
    """

    verdict: str = ""
    is_condemned: bool = False


@dataclass(frozen=True)
class Stated:
    """What whoever trains says of data and purpose; empty where nothing was said.

    Parameters
    ----------
    title, licence, source, intended_use : str
    examination : Examination or None
        Which images the model is for.
    although : str
        Why the training was done although the audit advised against it.
    verdict : str
        What the audit says of the data, doubts included; empty without an audit.
    image_kind : ImageKind or None
        Which images the model is for, where they are of no examination.
    """

    title: str = ""
    licence: str = ""
    source: str = ""
    intended_use: str = ""
    examination: Examination | None = None
    although: str = ""
    verdict: str = ""
    image_kind: ImageKind | None = None

    @property
    def image_kinds(self) -> tuple[ImageKind, ...]:
        """For the card; empty where it was not stated."""
        return () if self.image_kind is None else (self.image_kind,)

    @property
    def examinations(self) -> tuple[ExaminationKind, ...]:
        """For the card; empty where it was not stated."""
        return () if self.examination is None else (self.examination.kind,)

    def judged(self, found: Judgement) -> Stated:
        """Return this with what the audit says; a reason is needed only against its advice."""
        although = self.although if found.is_condemned else ""
        return replace(self, verdict=found.verdict, although=although)


def require_modality(looked: LookedAt, examination: Examination | None) -> None:
    """Refuse files that say that they are of another modality than the model is for.

    Raises
    ------
    DataSetError
    """
    if examination is None or looked.modalities <= {examination.modality}:
        return
    raise DataSetError(words.other_modality(sorted(looked.modalities), examination))


def intensity_rule(
    examination: Examination | None,
    window_hu: tuple[float, float] | None,
    channels: Any,
    percentiles: tuple[float, float] | None = None,
) -> IntensityRule:
    """Return how grey values become input, from what was stated.

    A window counts for images in Hounsfield units. MR and radiographs have no unit, so that
    percentiles of each picture become black and white; pictures of 8 bits of an unknown or CT
    examination are taken as they are.
    """
    has_unit = examination is None or examination.modality is Modality.CT
    if percentiles is None and not has_unit:
        percentiles = (0.5, 99.5)
    return IntensityRule(percentiles=percentiles, window_hu=window_hu, channels=channels)


def told_augmentation(
    geometry: augment.Geometry, exposure: augment.Exposure | None
) -> dict[str, Any]:
    """Return how pictures were changed for the training, as the card says it."""
    grey = "random_exposure" if exposure is None else asdict(exposure)
    # A list, as the card's JSON gives it back.
    told = {**asdict(geometry), "scale": list(geometry.scale)}
    return {"geometry": told, "grey_values": grey}


def class_counts(found: PictureSet, order: Sequence[str]) -> str:
    """Return pictures and patients of each class in words."""
    counts = {
        label: (sum(p.label == label for p in found.pictures), len(found.patients(label)))
        for label in order
    }
    return words.classes_text(counts, found.has_patients)


def earned_status(
    found: PictureSet, held: PictureSet, figures: Mapping[str, Any], although: str
) -> ModelStatus:
    """Return the status that the figures on held-out patients earn a classifier.

    Parameters
    ----------
    found, held : PictureSet
        What was trained on, and what was held out.
    figures : mapping
        Of `evaluate.classification_figures` on `held`, resampled by patient.
    """
    enough = (
        found.has_patients
        and held.has_patients
        and not although
        and len(held.patients()) >= LEAST_PATIENTS
        and held.classes == found.classes
        and all(len(held.patients(label)) >= LEAST_OF_A_CLASS for label in held.classes)
    )
    low = figures.get("auc", {}).get("low")
    if enough and low is not None and low >= LEAST_AUC:
        return ModelStatus.INTERNALLY_VALIDATED
    return ModelStatus.DEMONSTRATION


def earned_by_outlines(
    dice: Mapping[str, Mapping[str, Any]], *, has_patients: bool = True, although: str = ""
) -> ModelStatus:
    """Return the status that Dice figures over held-out patients earn a segmentation."""
    enough = bool(dice) and has_patients and not although
    for figure in dice.values():
        low, patients = figure.get("low"), figure.get("units") or 0
        enough = enough and patients >= LEAST_OUTLINED_PATIENTS
        enough = enough and low is not None and low >= LEAST_DICE
    return ModelStatus.INTERNALLY_VALIDATED if enough else ModelStatus.DEMONSTRATION


def earned_by_points(
    figures: Mapping[str, Any], names: Sequence[str], *, has_patients: bool, although: str
) -> ModelStatus:
    """Return the status that errors in millimetres on held-out patients earn named points."""
    enough = has_patients and not although
    for name in names:
        error, found = (figures.get(f"{each}/{name}", {}) for each in ("error_mm", "found"))
        enough = enough and (error.get("units") or 0) >= LEAST_PATIENTS
        enough = enough and error.get("high") is not None and error["high"] <= MOST_ERROR_MM
        enough = enough and found.get("low") is not None and found["low"] >= LEAST_FOUND
    return ModelStatus.INTERNALLY_VALIDATED if enough else ModelStatus.DEMONSTRATION
