"""What an analysis found: frozen values, each with the model it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, TypeVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from spinealign.domain.discs import Disc, Overall, overall_of
from spinealign.domain.examination import (
    LEVEL_SEQUENCE,
    Examination,
    ExaminationKind,
    ImageKind,
    Modality,
    Plane,
)
from spinealign.domain.image import DecisionSource, KindCheck, ReaderNote, SpineImage
from spinealign.domain.landmarks import NamedPoint
from spinealign.domain.measurements import (
    Calibration,
    Coordinate,
    Drawing,
    IntervalRule,
    Measurement,
    Point,
    Share,
)
from spinealign.domain.presentation import AS_IN_FILE, Presentation

DISCLAIMER = (
    "SpineAlign is decision support for research and education. It is not a certified "
    "medical device; a qualified professional must confirm every result."
)


class ModelStatus(StrEnum):
    """How far a model has been tested."""

    DEMONSTRATION = "demonstration"
    INTERNALLY_VALIDATED = "internally validated"
    EXTERNALLY_VALIDATED = "externally validated"


class WarningCode(StrEnum):
    """What the user must know beside a result; worded in `spinealign.wording`."""

    DEMONSTRATION_MODEL = "demonstration_model"
    OTHER_MODELS = "other_models"
    NAMED_MODEL_ALONE = "named_model_alone"
    CHOSEN_MODEL_GONE = "chosen_model_gone"
    DAMAGED_MODEL = "damaged_model"
    NO_SPACING = "no_spacing"
    MAGNIFIED_SPACING = "magnified_spacing"
    VIEW_UNCERTAIN = "view_uncertain"
    VIEW_OVERRULED = "view_overruled"
    VIEW_DISPUTED = "view_disputed"
    VIEW_OF_SAMPLE = "view_of_sample"
    TURNED = "turned"
    NO_MODEL_FOR_VIEW = "no_model_for_view"
    NOTHING_SEGMENTED = "nothing_segmented"
    LOW_RESOLUTION = "low_resolution"
    LOW_CONTRAST = "low_contrast"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    CUT_OFF = "cut_off"
    BURNED_IN = "burned_in"
    READER_NOTE = "reader_note"
    PROBABILITY_NOT_CALIBRATED = "probability_not_calibrated"
    LEVELS_UNCERTAIN = "levels_uncertain"
    LEVELS_COUNTED = "levels_counted"
    LEVELS_FROM_SACRUM = "levels_from_sacrum"
    LUMBAR_COUNT_DOUBTFUL = "lumbar_count_doubtful"
    USUAL_COUNT_ASSUMED = "usual_count_assumed"
    ENDPLATE_FROM_DISC = "endplate_from_disc"
    NO_COLUMN = "no_column"
    SLICE_BESIDE_CANAL = "slice_beside_canal"
    BODY_CUT = "body_cut"
    BODY_HIDDEN = "body_hidden"
    NOT_OUTLINED = "not_outlined"
    BODIES_SUGGESTED = "bodies_suggested"
    NAMES_UNCONFIRMED = "names_unconfirmed"
    ACCEPTED_IMPLAUSIBLE = "accepted_implausible"
    FACING_DISPUTED = "facing_disputed"
    FACING_UNCERTAIN = "facing_uncertain"
    CORRECTED_BY_USER = "corrected_by_user"
    DISC_COUNT_UNCERTAIN = "disc_count_uncertain"
    DISC_INFERRED = "disc_inferred"
    UPSIDE_DOWN = "upside_down"
    ANALYSED_AS_NEGATIVE = "analysed_as_negative"
    COMPANION_UNMATCHED = "companion_unmatched"
    COMPANION_ALIKE = "companion_alike"
    COMPANION_UNUSED = "companion_unused"
    HEIGHT_LOSS = "height_loss"
    SEVERE_NARROWING = "severe_narrowing"
    BENT_FILM = "bent_film"
    T1_ALONE = "t1_alone"
    WEIGHTING_ASSUMED = "weighting_assumed"


COUNT_CAUTIONS = frozenset({WarningCode.LEVELS_COUNTED, WarningCode.LEVELS_FROM_SACRUM})
"""That levels are the program's count upwards, from the lowest disc or from the sacrum."""


class Facing(StrEnum):
    """Which side of the picture the patient looks to, the head being up."""

    LEFT = "left"
    RIGHT = "right"


class LevelUncertainty(StrEnum):
    """Why bodies have numbers instead of levels."""

    NO_C2 = "no_c2"
    SEVERAL_C2 = "several_c2"
    BODIES_ABOVE_C2 = "bodies_above_c2"
    IRREGULAR = "irregular"
    NO_SACRUM = "no_sacrum"
    NO_LOWEST_BODY = "no_lowest_body"
    PARTIAL_LOWEST_BODY = "partial_lowest_body"
    SMALL_LOWEST_DISC = "small_lowest_disc"
    NO_ENDS = "no_ends"


class CorrectionKind(StrEnum):
    """What a person changed."""

    POINTS_MOVED = "points_moved"
    POINTS_CONFIRMED = "points_confirmed"
    BODIES_ADDED = "bodies_added"
    SUGGESTIONS_ACCEPTED = "suggestions_accepted"
    BODIES_DELETED = "bodies_deleted"
    LEVELS_RENAMED = "levels_renamed"
    FACING_CHANGED = "facing_changed"
    CALIBRATED = "calibrated"


@dataclass(frozen=True)
class Caution:
    """One warning and what it speaks of.

    Each code carries the one field that `CAUTION_FIELDS` names, or none.

    Parameters
    ----------
    code : WarningCode
    levels : tuple of str
        Names of the bodies or discs concerned.
    kind : ImageKind or None
        What the image looks like, or is by its tags.
    examination : ExaminationKind or None
        The examination that was asked for.
    facing : Facing or None
        Which side the file says that the patient looks to.
    doubt : LevelUncertainty or None
    quarter_turns : int or None
        Turns to the left after which the picture stands upright.
    confidence : float or None
        The gate's, 0..1.
    size_px : tuple of int or None
        (width, height) of the image.
    model_title : str
    note : ReaderNote or None
    corrections : tuple of CorrectionKind

    Raises
    ------
    ValueError
        The fields given are not those that the code carries.
    """

    code: WarningCode
    levels: tuple[str, ...] = ()
    kind: ImageKind | None = None
    examination: ExaminationKind | None = None
    facing: Facing | None = None
    doubt: LevelUncertainty | None = None
    quarter_turns: int | None = None
    confidence: float | None = None
    size_px: tuple[int, int] | None = None
    model_title: str = ""
    note: ReaderNote | None = None
    corrections: tuple[CorrectionKind, ...] = ()

    @property
    def carried(self) -> object:
        """What the warning speaks of, or None where the code says it all."""
        name = CAUTION_FIELDS.get(self.code)
        return None if name is None else getattr(self, name)

    def __post_init__(self) -> None:
        """Check that the code carries what it needs, and nothing else."""
        given = {f.name for f in fields(self) if f.name != "code"}
        given = {name for name in given if getattr(self, name) not in (None, (), "")}
        carried = CAUTION_FIELDS.get(self.code)
        if given != ({carried} if carried else set()):
            raise ValueError(f"{self.code} carries {carried or 'nothing'}, not {sorted(given)}")


CAUTION_FIELDS: Mapping[WarningCode, str] = MappingProxyType(
    {
        WarningCode.DEMONSTRATION_MODEL: "model_title",
        WarningCode.OTHER_MODELS: "model_title",
        WarningCode.NAMED_MODEL_ALONE: "kind",
        WarningCode.CHOSEN_MODEL_GONE: "model_title",
        WarningCode.DAMAGED_MODEL: "model_title",
        WarningCode.VIEW_UNCERTAIN: "confidence",
        WarningCode.VIEW_OVERRULED: "kind",
        WarningCode.VIEW_DISPUTED: "kind",
        WarningCode.VIEW_OF_SAMPLE: "kind",
        WarningCode.TURNED: "quarter_turns",
        WarningCode.NO_MODEL_FOR_VIEW: "examination",
        WarningCode.LOW_RESOLUTION: "size_px",
        WarningCode.CUT_OFF: "levels",
        WarningCode.READER_NOTE: "note",
        WarningCode.LEVELS_UNCERTAIN: "doubt",
        WarningCode.ENDPLATE_FROM_DISC: "levels",
        WarningCode.BODY_CUT: "levels",
        WarningCode.BODY_HIDDEN: "levels",
        WarningCode.BODIES_SUGGESTED: "levels",
        WarningCode.NAMES_UNCONFIRMED: "levels",
        WarningCode.ACCEPTED_IMPLAUSIBLE: "levels",
        WarningCode.FACING_DISPUTED: "facing",
        WarningCode.CORRECTED_BY_USER: "corrections",
        WarningCode.DISC_INFERRED: "levels",
        WarningCode.HEIGHT_LOSS: "levels",
        WarningCode.SEVERE_NARROWING: "levels",
    }
)
"""Which field of `Caution` a code carries; a code that is not here carries none."""


@dataclass(frozen=True)
class ModelIdentity:
    """Which model spoke: enough to find it again.

    `limits` is the card's one-sentence honest statement about what the model's
    answers mean; it is shown wherever the model speaks.
    """

    name: str
    title: str
    version: str
    sha256: str
    status: ModelStatus
    engine: str
    limits: str = ""


@dataclass(frozen=True, eq=False)
class Classification:
    """A classifier's answer for the whole image.

    Parameters
    ----------
    labels : tuple of str
        Class names in the card's order.
    probabilities : tuple of float
        Same order, summing to 1.
    positive_label : str
        The class that means "abnormal".
    threshold : float
        `positive_label` is reported at or above this probability.
    predicted : str
        The label reported.
    calibrated : bool
        Whether the probabilities were calibrated on held-out cases.
    heatmap : ndarray of float32, shape (H, W), or None
        0..1 in image pixels: what spoke for `positive_label`.
    """

    model: ModelIdentity
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    positive_label: str
    threshold: float
    predicted: str
    calibrated: bool
    heatmap: NDArray[np.float32] | None = None

    @property
    def positive_probability(self) -> float:
        """Probability of `positive_label`."""
        return self.probabilities[self.labels.index(self.positive_label)]

    @property
    def is_positive(self) -> bool:
        """Whether the reported label is the abnormal one."""
        return self.predicted == self.positive_label


@dataclass(frozen=True)
class LabelAnswer:
    """What a network says of one of several findings, each of which is there or not.

    Parameters
    ----------
    name : str
    probability : float
        That it is there, 0..1; those of several findings do not add up to 1.
    threshold : float
        It is reported at or above this probability.
    prevalence : float
        Share of the pictures that the network learned from in which it was there.
    """

    name: str
    probability: float
    threshold: float
    prevalence: float

    @property
    def is_present(self) -> bool:
        """Whether it is reported."""
        return self.probability >= self.threshold


@dataclass(frozen=True)
class LabelledPicture:
    """What a network says of several findings of one picture, in the card's order.

    `heatmap` (H, W), 0..1, is what spoke for those that are reported, or None.
    """

    model: ModelIdentity
    labels: tuple[LabelAnswer, ...]
    calibrated: bool
    heatmap: NDArray[np.float32] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class GradedPicture:
    """A grade of a whole picture.

    Parameters
    ----------
    grades : tuple of str
        From the lowest to the highest, as whoever trained the network ordered them.
    probabilities : tuple of float
        Of each grade, summing to 1.
    calibrated : bool
    heatmap : ndarray of float32, shape (H, W), or None
        What spoke for higher grades more than the picture does on average, 0..1.
    """

    model: ModelIdentity
    grades: tuple[str, ...]
    probabilities: tuple[float, ...]
    calibrated: bool
    heatmap: NDArray[np.float32] | None = field(default=None, compare=False)

    @property
    def predicted(self) -> str:
        """The median grade: that or a lower one is at least as likely as not."""
        return self.grades[median_grade(self.probabilities)]

    @property
    def probability(self) -> float:
        """Of the grade that is predicted."""
        return self.probabilities[median_grade(self.probabilities)]

    @property
    def is_likeliest(self) -> bool:
        """Whether no other grade has a higher probability than the median one."""
        return self.probability >= max(self.probabilities)

    @property
    def middle_half(self) -> tuple[str, str]:
        """The grades at the quartiles: between them lies at least half of the probability."""
        ends = (_quantile(self.probabilities, share) for share in (0.25, 0.75))
        low, high = (self.grades[place] for place in ends)
        return low, high

    @property
    def told(self) -> tuple[str, ...]:
        """The grades that are told: the median one, or those between the quartiles."""
        if self.is_likeliest:
            return (self.predicted,)
        low, high = (self.grades.index(end) for end in self.middle_half)
        return self.grades[low : high + 1]

    @property
    def expected(self) -> float:
        """The expected place in `grades`, 1 for the lowest."""
        return sum(place * p for place, p in enumerate(self.probabilities, start=1))


def median_grade(probabilities: Sequence[float]) -> int:
    """Return the index of the grade up to which at least half of the probability lies.

    Of all grades it has the least expected absolute error.
    """
    return _quantile(probabilities, 0.5)


def _quantile(probabilities: Sequence[float], share: float) -> int:
    """Return the index of the grade up to which at least a share of the probability lies."""
    total = 0.0
    for place, probability in enumerate(probabilities):
        total += probability
        if total >= share:
            return place
    return len(probabilities) - 1


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A segmentation network's answer.

    Parameters
    ----------
    classes : mapping of int to str
        Mask value to structure name, background (0) not included.
    mask : ndarray of uint8, shape (H, W)
        Class of each image pixel.
    confidence : ndarray of float32, shape (H, W)
        Probability of the class chosen.
    """

    model: ModelIdentity
    classes: Mapping[int, str]
    mask: NDArray[np.uint8]
    confidence: NDArray[np.float32]


class LandmarkName(StrEnum):
    """The points of a vertebral body; only C2 has a dens, and it has no superior endplate.

    Left and right are those of the picture: on a frontal film a body has these corners, and no
    anterior and posterior ones.
    """

    ANTERIOR_SUPERIOR = "anterior_superior"
    POSTERIOR_SUPERIOR = "posterior_superior"
    SUPERIOR_MIDDLE = "superior_middle"
    POSTERIOR_INFERIOR = "posterior_inferior"
    ANTERIOR_INFERIOR = "anterior_inferior"
    INFERIOR_MIDDLE = "inferior_middle"
    DENS_TIP = "dens_tip"
    SUPERIOR_LEFT = "superior_left"
    SUPERIOR_RIGHT = "superior_right"
    INFERIOR_RIGHT = "inferior_right"
    INFERIOR_LEFT = "inferior_left"


FRONTAL_CORNERS = (
    LandmarkName.SUPERIOR_LEFT,
    LandmarkName.SUPERIOR_RIGHT,
    LandmarkName.INFERIOR_RIGHT,
    LandmarkName.INFERIOR_LEFT,
)
"""Corners of a body on a frontal film, in order round it."""


class LandmarkSource(StrEnum):
    """Where a landmark comes from: `CONFIRMED` is the program's own that a person found right."""

    NETWORK = "network"
    CONTOUR = "contour"
    USER = "user"
    CONFIRMED = "confirmed"


BY_PERSON = frozenset({LandmarkSource.USER, LandmarkSource.CONFIRMED})
"""Sources of landmarks that a person stands for."""


Level = Annotated[str, Meta(pattern=rf"^(?:{'|'.join(LEVEL_SEQUENCE)})$(?!\n)")]
"""One of `LEVEL_SEQUENCE`."""

MOST_BODIES = 90
"""As many bodies without a level as a mask has values for (`measure/outlines/class_ids.py`)."""


class VertebraState(StrEnum):
    """How much of a body can be relied on."""

    COMPLETE = "complete"
    CUT = "cut"
    HIDDEN = "hidden"
    ADDED = "added"
    ACCEPTED = "accepted"
    NAME_OPEN = "name_open"
    ENDPLATE = "endplate"


TAKEN_OVER = frozenset({VertebraState.ACCEPTED, VertebraState.NAME_OPEN})
"""States of bodies that the program had only suggested and a person took over."""

BY_HAND = frozenset({VertebraState.ADDED, *TAKEN_OVER})
"""States of bodies that are there because a person wants them."""

UNSURE = frozenset({VertebraState.HIDDEN, *TAKEN_OVER})
"""States of bodies whose points the program itself placed and was unsure of."""


@dataclass(frozen=True)
class Landmark:
    """A named point in image pixels: pixel i covers i to i + 1, y runs down.

    `confidence` is 0..1: the height of the network's peak, or, for a point taken
    from the outline, half of the network's certainty of the body on a radiograph, and the
    whole of it on MR, where all corners come from outlines.
    """

    name: LandmarkName
    x: Coordinate
    y: Coordinate
    confidence: Share
    source: LandmarkSource


@dataclass(frozen=True)
class Vertebra:
    """One vertebral body on a radiograph.

    Parameters
    ----------
    level : str or None
        "C2" to "T1"; None when the levels of the film are uncertain.
    index : int
        1 for the uppermost body found, counting down without gaps.
    outline : tuple of (x, y)
        Closed contour in image pixels (pixel i covers i to i + 1), the first point
        not repeated.
    landmarks : tuple of Landmark
        Only those that could be placed: none on a side that the film cuts off.
    confidence : float
        0..1, from the network's certainty inside the outline and at the corners.
    state : VertebraState
        "cut" when the outline touches the film's border, "hidden" when the
        network was unsure of it, "added" by a person, "accepted" when a person took over
        a body that the program had only suggested, "name_open" when he took over its outline
        with many others and nobody stands for its level, "endplate" when only its superior
        endplate is known (S1 on MR, where the network does not outline the sacrum; the outline
        is a thin strip below it).
    """

    level: Level | None
    index: Annotated[int, Meta(ge=1, le=MOST_BODIES)]
    outline: Annotated[tuple[Point, ...], Meta(max_length=5000)]
    landmarks: Annotated[tuple[Landmark, ...], Meta(max_length=50)]
    confidence: Share
    state: VertebraState

    @property
    def name(self) -> str:
        """The level, or "body 1" counted from the top where it is unknown."""
        return self.level or f"body {self.index}"

    @property
    def is_name_open(self) -> bool:
        """Whether its level is only the program's likeliest one: nothing is measured by it."""
        return self.state is VertebraState.NAME_OPEN and self.level is not None

    @property
    def is_seen_from_front(self) -> bool:
        """Whether its corners are those of a frontal film."""
        return any(mark.name in FRONTAL_CORNERS for mark in self.landmarks)

    def landmark(self, name: str) -> Landmark | None:
        """Return the landmark called `name`, or None if it could not be placed."""
        return next((mark for mark in self.landmarks if mark.name == name), None)


@dataclass(frozen=True)
class LocatedPoints:
    """What a model that places named points answers for one image.

    Parameters
    ----------
    model : ModelIdentity
    points : tuple of NamedPoint
        Those that were found, in the order of the model's card.
    not_found : tuple of str
        The others. Whether the image shows them is not known.
    trusted_from : float
        Confidence from which on a point is sure, as the card says.
    """

    model: ModelIdentity
    points: tuple[NamedPoint, ...]
    not_found: tuple[str, ...]
    trusted_from: float

    @property
    def sure(self) -> tuple[NamedPoint, ...]:
        """The points that reach the trusted confidence."""
        return tuple(point for point in self.points if point.is_sure)

    @property
    def unsure(self) -> tuple[NamedPoint, ...]:
        """The points that were found below the trusted confidence."""
        return tuple(point for point in self.points if not point.is_sure)


@dataclass(frozen=True)
class Region:
    """Pixel statistics of one structure (or of all of them, or of the background).

    Percentages are of the whole image and of all segmented structures together;
    the latter is None for the background. `area_mm2` is None without spacing.
    """

    class_id: int | None
    name: str
    pixels: int
    percent_of_image: float
    percent_of_structures: float | None
    area_mm2: float | None
    parts: int
    mean_confidence: float | None


@dataclass(frozen=True)
class ForeignOutlines:
    """Whose outlines the bodies are, where the segmentation of another program brought them.

    Parameters
    ----------
    maker : str
        Manufacturer; empty where its file is silent, as are the others.
    algorithms : tuple of str
        Segment Algorithm Names of what is used.
    kinds : tuple of str
        Their Segment Algorithm Types: MANUAL, SEMIAUTOMATIC, AUTOMATIC.
    unused : tuple of str
        What else the segmentation outlines on the image, and no part of the analysis uses.
    """

    maker: str
    algorithms: tuple[str, ...]
    kinds: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class Corrections:
    """How a person wants the bodies of one image to be, and what they drew on it.

    The whole wanted state, not a list of steps, so that undo, saving and opening again
    are one value each.

    Parameters
    ----------
    vertebrae : tuple of Vertebra
        From the top, `index` counting from 1 without gaps; points that a person placed
        have the source "user". The names of landmarks fit `facing`.
    facing : Facing or None
    levels_uncertain : bool
        False as soon as a person named a level.
    drawings : tuple of Drawing
    calibration : Calibration or None
    is_bent : bool or None
        Whether a person said that the patient is bent, in flexion or extension, or is not; None
        where nobody said anything.
    examination_date : date or None
        Of an image whose file states none, as a person gave it.
    presentation : Presentation
        How the picture is shown, and which way it stands; it moves none of the points.
    outlined_by : ForeignOutlines or None
        Whose outlines the bodies are, where they are another program's.
    """

    vertebrae: tuple[Vertebra, ...] = ()
    facing: Facing | None = None
    levels_uncertain: bool = False
    drawings: tuple[Drawing, ...] = ()
    calibration: Calibration | None = None
    is_bent: bool | None = None
    examination_date: date | None = None
    presentation: Presentation = AS_IN_FILE
    outlined_by: ForeignOutlines | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """Progress of an analysis: what is being done, and how much is done (0..1).

    `image` comes with the first step after reading, so that a window can show
    the picture while the networks still work on it.
    """

    name: str
    fraction: float
    image: SpineImage | None = None


_Answer = TypeVar("_Answer", Classification, LabelledPicture, GradedPicture)
_LATERAL_FILM = (Modality.RADIOGRAPH, Plane.SAGITTAL)


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that one run found on one image, ready to be shown or exported.

    `corrections` and `automatic` are None as long as nobody changed anything; then
    vertebrae, measurements and what depends on them are the corrected ones, and
    `automatic` is the program's own analysis. `discs` run from the sacrum up and were
    graded by `disc_model`; `interval_rule` is that of the network which placed the points;
    `companion` is the other contrast of the same patient, if one was given. `suggestions` are
    bodies that the network saw and that are not counted among `vertebrae`, because they cannot
    be neighbours of the others or their names are in doubt: a level is the likeliest one; those
    that a person accepted are gone; `removed` are levels of bodies that a person deleted.
    `examination` is None where the image is of no kind that can be analysed, `kind_check` where
    nobody asked what kind of image it is. `withheld` is a classifier that is only a demonstration
    and did not answer, because nobody asked it to.
    """

    image: SpineImage
    examination: Examination | None
    decided_by: DecisionSource
    kind_confidence: float | None
    program_version: str
    created_utc: str
    kind_check: KindCheck | None = None
    classification: Classification | None = None
    labelled: LabelledPicture | None = None
    picture_grade: GradedPicture | None = None
    located: LocatedPoints | None = None
    withheld: ModelIdentity | None = None
    segmentation: Segmentation | None = None
    regions: tuple[Region, ...] = ()
    vertebrae: tuple[Vertebra, ...] = ()
    facing: str | None = None
    facing_confidence: float | None = None
    levels_uncertain: bool = False
    suggestions: tuple[Vertebra, ...] = ()
    removed: tuple[str, ...] = ()
    discs: tuple[Disc, ...] = ()
    disc_model: ModelIdentity | None = None
    companion: SpineImage | None = None
    measurements: tuple[Measurement, ...] = ()
    interval_rule: IntervalRule = field(default_factory=IntervalRule)
    corrections: Corrections | None = None
    automatic: Analysis | None = None
    cautions: tuple[Caution, ...] = ()
    models: tuple[ModelIdentity, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def view_name(self) -> str:
        """What result and corrections files call the examination; "other" for none."""
        return "other" if self.examination is None else self.examination.view_name

    @property
    def uncorrected(self) -> Corrections:
        """The corrections that change nothing: what the program itself found."""
        found = self.automatic or self
        facing = None if found.facing is None else Facing(found.facing)
        return Corrections(
            found.vertebrae,
            facing,
            found.levels_uncertain,
            presentation=found.image.presentation,
        )

    @property
    def outlined_by(self) -> ForeignOutlines | None:
        """Whose outlines the bodies are, where another program's segmentation brought them."""
        return None if self.corrections is None else self.corrections.outlined_by

    @property
    def is_turned_since(self) -> bool:
        """Whether a person wants the picture to be analysed another way up than it was."""
        looked = (self.automatic or self).image.presentation
        return self.image.presentation.analysed_deg != looked.analysed_deg

    @property
    def explained(self) -> Classification | LabelledPicture | GradedPicture | None:
        """The answer on the whole picture whose heat map is shown; None without a heat map."""
        answers = (self.classification, self.labelled, self.picture_grade)
        return next((one for one in answers if one is not None and one.heatmap is not None), None)

    @property
    def heatmap(self) -> NDArray[np.float32] | None:
        """The heat map (H, W), 0..1, of the answer on the whole picture that has one."""
        answer = self.explained
        return None if answer is None else answer.heatmap

    @property
    def is_lateral_film(self) -> bool:
        """Whether the image is taken for a lateral film of the spine."""
        kind = self.examination
        return kind is not None and (kind.modality, kind.plane) == _LATERAL_FILM

    @property
    def is_refused(self) -> bool:
        """Whether nothing was analysed because the image is of another kind."""
        is_other = self.kind_check is not None and self.examination is None
        return is_other and not self.is_for_named_model

    @property
    def is_for_named_model(self) -> bool:
        """Whether only a model for such images was asked: no examination has them."""
        return self.named_kind is not None

    @property
    def named_kind(self) -> ImageKind | None:
        """The kind of image, which no examination has, that only a model for it was asked of."""
        alone = (one for one in self.cautions if one.code is WarningCode.NAMED_MODEL_ALONE)
        return next((one.kind for one in alone), None)

    @property
    def demonstration(self) -> Classification | None:
        """The answer of a classifier that is only a demonstration; None unless it was asked."""
        answer = self.classification
        is_one = answer is not None and answer.model.status is ModelStatus.DEMONSTRATION
        return answer if is_one else None

    @property
    def demonstrations(self) -> tuple[ModelIdentity, ...]:
        """The models that said something of the whole picture and are only demonstrations."""
        answers = (self.classification, self.labelled, self.picture_grade)
        models = [answer.model for answer in answers if answer is not None]
        return tuple(m for m in models if m.status is ModelStatus.DEMONSTRATION)

    @property
    def without_demonstration(self) -> Analysis:
        """What may stand in a finding, a report or a reading: all but `demonstrations`."""
        gone = self.demonstrations
        if not gone:
            return self

        def kept(answer: _Answer | None) -> _Answer | None:
            return None if answer is None or answer.model in gone else answer

        told = {WarningCode.DEMONSTRATION_MODEL, WarningCode.PROBABILITY_NOT_CALIBRATED}
        return replace(
            self,
            classification=kept(self.classification),
            labelled=kept(self.labelled),
            picture_grade=kept(self.picture_grade),
            withheld=gone[0],
            models=tuple(m for m in self.models if m not in gone),
            cautions=tuple(
                caution
                for caution in self.cautions
                if caution.code not in told
                or caution.model_title not in ("", *(model.title for model in gone))
            ),
        )

    @property
    def overall(self) -> Overall | None:
        """What all discs come to; None where none was graded."""
        return overall_of(self.discs) if any(disc.grades for disc in self.discs) else None
