"""What a recipe may say: a training as one file, its keys, their limits and what they are for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

from msgspec import Meta

from spinealign.data_audit.landmarks import Coordinates
from spinealign.domain.examination import ImageKind
from spinealign.domain.measurements import Share
from spinealign.domain.model_card import Denoise, Hounsfield, IntensityRule, Name, Percentile
from spinealign.domain.own_tasks import OWN_TASKS, LayoutName, OwnTaskName, Preset
from spinealign.training.schedules import Schedule

Quality = Literal["low_resolution", "low_contrast", "too_dark", "too_bright", "blurred"]
"""What the program's own checks of a picture say; `imaging.quality` makes them."""

Balance = Literal["weights", "oversample", "none"]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Place = Annotated[str, Meta(min_length=1, max_length=4000)]
Sentences = Annotated[str, Meta(min_length=1, max_length=4000)]
Strength = Annotated[float, Meta(ge=0, le=0.5)]
Zoom = Annotated[float, Meta(ge=0.25, le=4)]
Size = Annotated[int, Meta(ge=64, le=1024, multiple_of=32)]
"""Side of a network's input; each of up to five poolings halves it."""


@dataclass(frozen=True)
class DataPart:
    """Which pictures, whose, and what is held out; as the options of the commands."""

    path: Place
    layout: LayoutName | None = None
    label_column: Name | None = None
    positive: Name | None = None
    labels: tuple[Name, ...] | None = None
    grades: tuple[Name, ...] | None = None
    classes: tuple[Name, ...] | None = None
    coordinates: Coordinates | None = None
    points: tuple[Name, ...] | None = None
    mirror_pairs: tuple[Name, ...] | None = None
    patient_pattern: Name | None = None
    split: Place | None = None
    held_out: Annotated[float, Meta(gt=0, le=0.9)] | Name | None = None
    most_broken: Share = 0.1


@dataclass(frozen=True)
class PreprocessingPart:
    """What is done to every picture, in training and in use alike; None as the examination asks."""

    size: Size | None = None
    percentiles: tuple[Percentile, Percentile] | None = None
    window_hu: tuple[Hounsfield, Hounsfield] | None = None
    denoise: Denoise = "none"
    clahe: Annotated[float, Meta(ge=0, le=100)] | None = None
    second_look: Annotated[float, Meta(ge=1, le=16)] | None = None
    region: Name | None = None
    region_margin: Share = 0.1
    leave_out: tuple[Quality, ...] | None = None

    def applied_to(self, rule: IntensityRule) -> IntensityRule:
        """Return a rule with what the recipe says of it; a card carries it, and use repeats it."""
        return replace(
            rule,
            percentiles=self.percentiles or rule.percentiles,
            denoise=self.denoise,
            clahe_clip_limit=rule.clahe_clip_limit if self.clahe is None else self.clahe,
        )


@dataclass(frozen=True)
class AugmentationPart:
    """How the pictures that are trained on are changed; None as the preset does."""

    copies: Annotated[int, Meta(ge=0, le=100)] | None = None
    rotation_deg: Annotated[float, Meta(ge=0, le=180)] = 15.0
    shift: Strength = 0.08
    zoom: tuple[Zoom, Zoom] = (0.85, 1.18)
    shear: Strength = 0.1
    flip: bool = False
    brightness: Strength = 0.15
    contrast: Strength = 0.25
    noise: Annotated[float, Meta(ge=0, le=0.2)] = 0.03


@dataclass(frozen=True)
class TrainingPart:
    """How long and how fast; None as the preset does."""

    folds: Annotated[int, Meta(ge=2, le=20)] | None = None
    epochs: Count | None = None
    steps: Count | None = None
    batch: Annotated[int, Meta(ge=1, le=1024)] | None = None
    learning_rate: Annotated[float, Meta(gt=0, le=1)] | None = None
    schedule: Schedule | None = None
    warm_up: Annotated[int, Meta(ge=0, le=1000)] | None = None
    decay: Annotated[float, Meta(gt=0, lt=1)] | None = None
    decay_every: Annotated[int, Meta(ge=1, le=1000)] | None = None
    patience: Count | None = None
    regularisation: Annotated[float, Meta(gt=0, le=1e6)] | None = None


@dataclass(frozen=True)
class CardPart:
    """What only a person can tell the card; what is left out is said to be not stated."""

    title: Name | None = None
    examination: Name | None = None
    image_kind: ImageKind | None = None
    source: Sentences | None = None
    licence: Sentences | None = None
    intended_use: Sentences | None = None


@dataclass(frozen=True)
class TrainingRecipe:
    """One training as its file says it; paths are relative to the file's folder."""

    task: OwnTaskName
    data: DataPart
    work: Place
    out: Place
    preset: Preset | None = None
    imagenet: Place | None = None
    preprocessing: PreprocessingPart = field(default_factory=PreprocessingPart)
    augmentation: AugmentationPart = field(default_factory=AugmentationPart)
    balance: Balance | None = None
    training: TrainingPart = field(default_factory=TrainingPart)
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 7
    card: CardPart = field(default_factory=CardPart)
    although: Sentences | None = None
    tensorboard: Place | None = None

    @property
    def network(self) -> Preset:
        """The preset, or the one that the task has without."""
        return self.preset or OWN_TASKS[self.task].presets[0]


NOT_OF_THE_WEIGHTS: Final = ("work", "out", "tensorboard", "card", "although")
"""Keys that change nothing of what is learned, so that kept work stays good."""
