"""Model cards: purpose, input, classes, thresholds and figures of each model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Literal

from msgspec import Meta

from spinealign.domain.card_figures import require_possible
from spinealign.domain.examination import (
    ALONE_TASKS,
    PICTURE_TASKS,
    Examination,
    ExaminationKind,
    ImageKind,
    Task,
    are_among,
    examination_named,
    formerly_alone,
    kinds_without_analysis,
)
from spinealign.domain.findings import ModelStatus
from spinealign.domain.measurements import Share
from spinealign.domain.measures import MeasureCode
from spinealign.json_files import typed

Denoise = Literal["none", "gaussian", "median", "wavelet"]
Channels = Literal["grey", "rgb_unit", "vgg_caffe"]
Percentile = Annotated[float, Meta(ge=0, le=100)]
Side = Annotated[int, Meta(ge=1, le=4096)]
"""Of a network's input or a tile, in pixels; ours are at most 384."""
MOST_TEMPERATURE = 20.0
Temperature = Annotated[float, Meta(ge=0.2, le=MOST_TEMPERATURE)]
"""A logit's divisor; near 0 every answer would be certain, far above 1 none.

Fitted ones of networks lie between 0.5 and 5; set by hand.
"""

Hounsfield = Annotated[float, Meta(ge=-100_000, le=100_000)]
Slope = Annotated[float, Meta(gt=0, le=1000)]
"""A logit's factor; a negative one would turn every answer round."""
Logit = Annotated[float, Meta(ge=-1000, le=1000)]
Distance = Annotated[float, Meta(gt=0, le=1e6)]
Coordinate = Annotated[float, Meta(ge=-1e6, le=1e6)]
OutputIndex = Annotated[int, Meta(ge=0, le=10_000)]
OutputCount = Annotated[int, Meta(ge=1, le=100)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=20_000)]
FileName = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_][0-9A-Za-z_. -]{0,99}\Z")]
"""Of a file in the model's own folder, on every system."""
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


@dataclass(frozen=True)
class IntensityRule:
    """How grey values become network input.

    Parameters
    ----------
    percentiles : tuple of float or None
        Grey values at these percentiles become 0 and 1. None: the image is
        taken as already windowed, 0..255 becoming 0..1.
    window_hu : tuple of float or None
        (low, high) in Hounsfield units; used instead of `percentiles` when the
        image is in Hounsfield units.
    denoise : {"none", "gaussian", "median", "wavelet"}
        Noise reduction before everything else.
    clahe_clip_limit : float
        Contrast-limited adaptive histogram equalisation (Zuiderveld 1994);
        0 switches it off.
    clahe_tile_px : int
        Side of an equalisation tile in network pixels.
    channels : {"grey", "rgb_unit", "vgg_caffe"}
        One channel in 0..1; three equal channels in 0..1 (the Spine Align
        report's 1/255); or B, G, R in 0..255 less the ImageNet means.
    """

    percentiles: tuple[Percentile, Percentile] | None = None
    window_hu: tuple[Hounsfield, Hounsfield] | None = None
    denoise: Denoise = "none"
    clahe_clip_limit: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    clahe_tile_px: Side = 48
    channels: Channels = "grey"


@dataclass(frozen=True)
class RegionRule:
    """Which part of a picture a classifier sees: the box around what another model outlines.

    Where nothing is outlined it sees the whole picture.

    Parameters
    ----------
    model : str
        Name of the segmentation.
    sha256 : str
        Of its weights.
    margin : float
        How much wider the box is on each side, as a share of its longer side.
    """

    model: Name
    sha256: Sha256
    margin: Share = 0.1


@dataclass(frozen=True)
class LandmarkRule:
    """How a network that places named points looks, and what it takes for found.

    Parameters
    ----------
    zoom : float
        Magnification of the second look over the first, which sees the whole picture.
    stride : int
        Pixels of the network's input to a cell of its heat maps.
    search_cells : float
        How far from where the first look sees a point the second may place it, in cells of the
        first look.
    least_peak : float
        A point is told where the heat maps of both looks rise to this.
    trusted_peak : float
        Below this at the second look a point is told as unsure. Half of the height that training
        gives the middle of a spot, where a card does not say otherwise.
    """

    zoom: Annotated[float, Meta(ge=1, le=16)]
    stride: Annotated[int, Meta(ge=1, le=16)]
    search_cells: Annotated[float, Meta(gt=0, le=64)]
    least_peak: Share
    trusted_peak: Share = 0.5


@dataclass(frozen=True)
class LabelRule:
    """How a logit of a network for several findings becomes one of them.

    Parameters
    ----------
    threshold : float
        The finding is reported from this probability on.
    prevalence : float
        Share of the pictures that were learned from in which it was there.
    temperature : float
        The logit is divided by it.
    """

    threshold: Share
    prevalence: Share
    temperature: Temperature = 1.0


@dataclass(frozen=True)
class GradeRule:
    """How logits of a disc grader become one grade, for one choice of sequences.

    Parameters
    ----------
    first_output, outputs : int
        Which logits: one of a finding, or of "above 1", "above 2"... of an ordinal grade.
    slope, offsets : float, tuple of float
        Calibration: probability = sigmoid(slope * logit + offset), one offset a logit.
    threshold : float
        A finding is reported from this probability on; not used by ordinal grades.
    uncertain : tuple of float
        (low, high): a finding of a probability between them is "uncertain". For an
        ordinal grade: (least, 1), the least probability that the grade chosen must have.
    cuts : tuple of float
        Expected grades from which the next higher grade is chosen; empty for a finding.
    """

    first_output: OutputIndex
    outputs: OutputCount
    slope: Slope
    offsets: tuple[Logit, ...]
    threshold: Share
    uncertain: tuple[Share, Share]
    cuts: tuple[float, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether there is an offset an output, and what must rise does."""
        is_whole = len(self.offsets) == self.outputs
        is_ordinal = len(self.cuts) == self.outputs or (self.outputs == 1 and not self.cuts)
        return is_whole and is_ordinal and _rises(self.cuts) and _rises(self.uncertain)


@dataclass(frozen=True)
class GradingRule:
    """What a disc grader needs beside its pixels, and what its numbers mean.

    Parameters
    ----------
    sign_names : tuple of str
        Numbers counted in each crop, in the network's order.
    sign_knots : mapping of str to tuple of tuple of float
        For each sequence ("t2", "t1") and sign: values in the training data at
        evenly spaced ranks; `knot_values` is what they become in between.
    knot_values : tuple of float
        As many as there are knots.
    outputs : tuple of str
        The network's outputs, named by sequence.
    weights : mapping of str to float
        Share of each sequence where both are given.
    grades : mapping of str to mapping of str to GradeRule
        For "t2", "t1" and "t2_t1" (both), every grade's rule under its name.
    """

    sign_names: tuple[str, ...]
    sign_knots: Mapping[str, tuple[tuple[float, ...], ...]]
    knot_values: tuple[float, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, tuple[Share, ...]]
    grades: Mapping[str, Mapping[str, GradeRule]]


@dataclass(frozen=True)
class GateRule:
    """From when on the view gate takes an image for one of the analysed kinds, or for foreign.

    Parameters
    ----------
    accept_from : float
        Least probability of an analysed kind, where the tags leave it open.
    refuse_from : float
        Probability of another kind from which pixels overrule what the tags say.
    ood_limit : float
        A picture farther than this from all `anchors` is foreign however it looks.
    anchors : tuple of tuple of float
        Where pictures of the analysed kinds lie in the space of the network's output ``place``.
    accept_from_of : mapping of str to float
        Least probability of kinds for which it is not `accept_from`.
    """

    accept_from: Share
    refuse_from: Share
    ood_limit: Distance
    anchors: tuple[tuple[Coordinate, ...], ...]
    accept_from_of: Mapping[str, Share] = field(default_factory=dict)

    def least_probability(self, kind: ImageKind) -> float:
        """Return from when on a picture is taken for a kind, where the tags leave it open."""
        return self.accept_from_of.get(kind.value, self.accept_from)


@dataclass(frozen=True)
class IntervalFactor:
    """How wide the 95 % intervals of one measure are with the points of a network.

    Parameters
    ----------
    factor : float
        Half of the interval in standard deviations of the value, as they follow from the points.
    films, values : int
        What it was calibrated on.
    coverage : float
        Share of the reader's values inside the interval, each film left out of its own factor.
    sources : tuple of str
        Data sets of the films.
    """

    factor: Annotated[float, Meta(gt=0, le=100)]
    films: Annotated[int, Meta(ge=1)]
    values: Annotated[int, Meta(ge=1)]
    coverage: Share
    sources: tuple[str, ...]


@dataclass(frozen=True)
class ChangeFactor:
    """How far a measure may differ between two examinations that show no change.

    Parameters
    ----------
    factor : float
        Half of the 95 % interval of a difference in its standard deviations, as they follow
        from the points of both examinations.
    repeated : float or None
        The same of one film in two simulated exposures, where errors that one patient
        repeats cancel altogether; nothing is judged by it.
    patients, pairs : int
        What it was calibrated on.
    coverage : float
        Share of differences inside the interval, each patient left out of his own factor.
    sources : tuple of str
        What the pairs are.
    """

    factor: Annotated[float, Meta(gt=0, le=100)]
    repeated: Annotated[float, Meta(gt=0, le=100)] | None
    patients: Annotated[int, Meta(ge=1)]
    pairs: Annotated[int, Meta(ge=1)]
    coverage: Share
    sources: tuple[str, ...]


def titled_by_name(title: str, name: str) -> str:
    """Return the title of a model with its folder's name behind it, unless they are one."""
    return title if title == name else f"{title} ({name})"


def _rises(values: tuple[float, ...]) -> bool:
    return all(low < high for low, high in pairwise(values))


def _as_of_today(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a card with `examinations`; former versions wrote one ``view``, "other" for a gate.

    Kinds of image that have an examination now, as frontal films do, are told by that.
    """
    if "view" in card:
        view = card["view"]
        kinds = [] if view == "other" else [examination_named(view).kind.value]
        return {**{key: card[key] for key in card if key != "view"}, "examinations": kinds}
    former = {kind.value: each.kind.value for kind, each in formerly_alone().items()}
    named = card.get("image_kinds", ())
    added = [former[kind] for kind in former if kind in named]
    if not added:
        return card
    kept = [kind for kind in named if kind not in former]
    examinations = list(dict.fromkeys([*card.get("examinations", ()), *added]))
    return {**card, "image_kinds": kept, "examinations": examinations}


@dataclass(frozen=True)
class ModelCard:
    """A model's ``card.json``.

    Parameters
    ----------
    name, title, version, status
        Identity; `title` is for people.
    task, examinations
        What the model does and on which kinds of examination; none for the gate, which
        looks at all images. Cards of former versions say one ``view`` instead.
    weights, sha256
        File beside the card and its checksum.
    architecture
        ``{"name": function of training.networks, "arguments": {...}}``.
    input_shape
        (rows, columns) of the network's input.
    intensity
        How grey values become network input.
    classes
        Class names in output order, background included for segmentation.
    positive_class, threshold
        For classification: which class means abnormal, and from which
        probability it is reported.
    positive_output
        For a single sigmoid output: the class whose probability it is.
    temperature, calibrated
        The logit is divided by `temperature`; `calibrated` says that the
        temperature was fitted on held-out cases.
    metrics
        Held-out figures with confidence intervals and independent patients.
    limits
        One honest sentence on what the answers mean.
    landmarks
        For landmarks: how it looks; `classes` are the names of the points.
    region
        For classification: which part of the picture the network sees; None for all of it.
    label_rules
        Of several findings (``multi_label``), by name: all of `classes`. The
        `classes` of an ``ordinal`` model are its grades, the lowest first.
    image_kinds
        Kinds of image that belong to no examination, such as frontal films, for which the model is
        asked all the same where a person names or chose it. A card that names neither these nor
        `examinations` is for all images, as far as a person names its model.
    grading
        For disc grading: everything beside the pixels; `classes` are the grades' names.
    gate
        For the gate: when it accepts and refuses; `classes` are kinds of image.
    interval_factors
        Of a network that outlines bodies on films: what the spread of its points comes to, by
        measure. `spinealign train interval-factors` writes them.
    change_factors
        How far a measure may differ between two examinations without a change, by measure.
        `spinealign train change-factors` writes them.
    """

    name: Name
    title: Name
    version: Name
    status: ModelStatus
    task: Task
    examinations: tuple[ExaminationKind, ...]
    weights: FileName
    sha256: Sha256
    architecture: Mapping[str, Any]
    input_shape: tuple[Side, Side]
    intensity: IntensityRule
    classes: Annotated[tuple[Name, ...], Meta(max_length=1000)]
    training_data: Text
    licence: Text
    metrics: Mapping[str, Any]
    intended_use: Text
    known_failures: Annotated[tuple[Text, ...], Meta(max_length=100)]
    limits: Text
    positive_class: str | None = None
    positive_output: str | None = None
    threshold: Share | None = None
    temperature: Temperature = 1.0
    calibrated: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    grading: GradingRule | None = None
    gate: GateRule | None = None
    interval_factors: Mapping[MeasureCode, IntervalFactor] = field(default_factory=dict)
    change_factors: Mapping[MeasureCode, ChangeFactor] = field(default_factory=dict)
    region: RegionRule | None = None
    landmarks: LandmarkRule | None = None
    label_rules: Mapping[Name, LabelRule] = field(default_factory=dict)
    image_kinds: tuple[ImageKind, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelCard:
        """Build a card from its JSON object.

        Raises
        ------
        ValueError
            A part is missing, unknown or impossible; the card is not usable. Guessing
            what an unknown one means could change the pixels or turn round an answer.
        """
        json.dumps(values, ensure_ascii=False).encode()  # half letters could not be shown
        card = typed(_as_of_today(values), cls, is_strict=True)
        card._check()
        return card

    def to_json(self) -> dict[str, Any]:
        """Return the card as a JSON object."""
        return asdict(self)

    @property
    def is_for_all(self) -> bool:
        """Whether the card names no images at all, so that nothing speaks against any."""
        return are_among(None, self.examinations, self.image_kinds)

    def serves(self, shown: Examination | ImageKind | None) -> bool:
        """Whether the model is for images of an examination, or of a kind that none is of.

        None asks for all images.
        """
        if isinstance(shown, ImageKind) and self.task not in ALONE_TASKS:
            return False
        return are_among(shown, self.examinations, self.image_kinds)

    def _check(self) -> None:
        least = {"multi_label": 1, "landmarks": 1, "ordinal": 3}.get(self.task, 2)
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < least:
            raise ValueError("classes")
        self._check_labels()
        if not self.limits or not self.intended_use or not self.metrics:
            raise ValueError("limits, intended_use and metrics must not be empty")
        require_possible(self.metrics)
        for ends in (self.intensity.percentiles, self.intensity.window_hu):
            if ends is not None and not _rises(ends):
                raise ValueError("intensity: the lower end comes first")
        if not set(self.image_kinds) <= set(kinds_without_analysis()):
            raise ValueError("image_kinds: only those that are no examination's")
        if self.region is not None and self.task not in PICTURE_TASKS:
            raise ValueError("region is for answers on whole pictures")
        if (self.landmarks is None) == (self.task == "landmarks"):
            raise ValueError("landmarks")
        if self.landmarks is not None and self.landmarks.trusted_peak < self.landmarks.least_peak:
            raise ValueError("landmarks: trusted_peak is least_peak or more")
        if self.task == "disc_grading":
            self._check_grading()
        if self.task == "view":
            self._check_gate()
        if self.task == "classification":
            if self.positive_class not in self.classes or self.positive_output not in self.classes:
                raise ValueError("positive_class and positive_output must be classes")
            if self.threshold is None or not 0 < self.threshold < 1:
                raise ValueError("threshold")

    def _check_labels(self) -> None:
        """Check that every finding has a rule; their order is that of `classes`."""
        wanted = self.classes if self.task == "multi_label" else ()
        if set(self.label_rules) != set(wanted):
            raise ValueError("label_rules are those of the classes")
        if any(not 0 < rule.threshold < 1 for rule in self.label_rules.values()):
            raise ValueError("threshold of a label")

    def _check_gate(self) -> None:
        if self.gate is None or not self.gate.anchors:
            raise ValueError("gate")
        if len({len(anchor) for anchor in self.gate.anchors} | {0}) != 2:
            raise ValueError("anchors of a gate lie in one space")
        if not set(self.gate.accept_from_of) <= set(self.classes):
            raise ValueError("accept_from_of names classes")
        if not {ImageKind.NONE_OF_THESE} <= set(self.classes) <= set(ImageKind):
            raise ValueError("the classes of a gate are kinds of image")

    def _check_grading(self) -> None:
        rule = self.grading
        if rule is None:
            raise ValueError("grading")
        sizes = {len(rule.sign_names)}
        if {len(rows) for rows in rule.sign_knots.values()} != sizes:
            raise ValueError("a sign without knots")
        if any(set(rules) != set(self.classes) for rules in rule.grades.values()):
            raise ValueError("every grade needs a rule for every choice of sequences")
        if not all(each.is_sound for rules in rule.grades.values() for each in rules.values()):
            raise ValueError("the rule of a grade contradicts itself")
        ends = [
            each.first_output + each.outputs for of in rule.grades.values() for each in of.values()
        ]
        if {len(shares) for shares in rule.weights.values()} != {max(ends, default=0)}:
            raise ValueError("weights: one an output")
        if not set(rule.weights) < set(rule.outputs) or set(rule.outputs) != set(rule.sign_knots):
            raise ValueError("outputs are named by sequences")
        knots = {len(knots) for rows in rule.sign_knots.values() for knots in rows}
        if knots != {len(rule.knot_values)} or len(rule.knot_values) < 2:
            raise ValueError("as many values of knots as knots")
        if not _rises(rule.knot_values):
            raise ValueError("values of knots rise")
