"""The one way from an image to an `Analysis`: every caution and every field, by fake networks.

Each row of `CAUTIONS` is a picture that must be warned of, and one like it that must not; each
entry of `FIELDS` tells from what a field must come. A new `WarningCode` or a new field without a
row fails.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spinealign import __version__
from spinealign.analysis import analyze_file, analyze_image
from spinealign.domain.discs import GradeName
from spinealign.domain.examination import Examination, ImageKind
from spinealign.domain.findings import (
    Analysis,
    Facing,
    ModelStatus,
    Vertebra,
    WarningCode,
)
from spinealign.domain.generators import run_to_end
from spinealign.domain.image import (
    DecisionSource,
    NoteKind,
    ReaderNote,
    SpacingSource,
    SpineImage,
    Weighting,
)
from spinealign.domain.measurements import IntervalRule, MeasureCode
from spinealign.domain.model_card import IntensityRule, ModelCard
from spinealign.domain.model_store import ChosenModel
from spinealign.domain.structures import STRUCTURES
from spinealign.export.bundle import write_bundle
from spinealign.imaging.samples import list_samples
from spinealign.inference.engine import LoadedModel
from spinealign.measure.correction.changes import (
    apply_corrections,
    calibrate,
    confirm_names,
    delete_vertebra,
    initial_corrections,
    set_bent,
)
from spinealign.measure.correction.suggestions import accept_suggestion, accept_suggestions
from spinealign.wording import caution_text, headline
from tests import disc_models
from tests.cards import classifier_card
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR
from tests.frontal import film_analysis, frontal_model
from tests.gates import gate_that_sees
from tests.image_files import write_nifti
from tests.phantoms_xray import (
    DrawnColumn,
    draw_column,
    film_of,
    ideal_model,
    negative_of,
    turned,
)
from tests.structured import CANAL, sacral_disc, structured_mask
from tools.phantoms.lumbar import CLASSES, SHIPPED_SEED, render_lumbar_phantom

Pixels = NDArray[np.float32]
C = WarningCode

TRUE_MM = {"spacing_mm": (0.3, 0.3), "spacing_source": SpacingSource.CALIBRATED}
AT_DETECTOR = {"spacing_mm": (0.3, 0.3), "spacing_source": SpacingSource.DETECTOR_PLANE}
MASK = render_lumbar_phantom(SHIPPED_SEED)[1]
LEVELS = ["T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1"]


# ------------------------------------------------------------------------------- networks


class Store:
    """The networks that a test installs, and no other."""

    chosen: Sequence[ModelCard] = ()

    def __init__(
        self, *models: LoadedModel, gone: Sequence[ChosenModel] = (), damaged: Sequence[str] = ()
    ) -> None:
        self._models = models
        self._damaged = tuple(damaged)
        self._gone = tuple(gone)
        self.loaded: list[str] = []

    def gone(self, examination: Examination) -> tuple[ChosenModel, ...]:
        return self._gone

    def damaged(self) -> tuple[str, ...]:
        return self._damaged

    def find(self, task: str, examination: Examination | None = None) -> ModelCard | None:
        return next(iter(self.find_all(task, examination)), None)

    def find_all(self, task: str, examination: Examination | None = None) -> tuple[ModelCard, ...]:
        cards = (model.card for model in self._models)
        return tuple(c for c in cards if c.task == task and c.serves(examination))

    find_everywhere = find_all

    def named_for(self, kind: ImageKind) -> tuple[ModelCard, ...]:
        return tuple(model.card for model in self._models if kind in model.card.image_kinds)

    def load(self, name: str) -> LoadedModel:
        self.loaded.append(name)
        return next(model for model in self._models if model.card.name == name)


class GreyReader:
    """A segmentation network that tells the structure of a pixel from its grey value."""

    name = "grey reader"
    T2, T1 = (20, 90, 60, 220), (20, 160, 120, 40)
    """Grey of background, vertebra, disc and canal: fluid is brighter than bone only in T2."""

    def run(self, batch: Pixels) -> dict[str, Pixels]:
        greys = np.array([*self.T2, *self.T1[1:]], np.float32)
        place = np.abs(batch[0, ..., :1] * 255 - greys).argmin(axis=-1)
        structure = np.array([0, 1, 2, 3, 1, 2, 3])[place]
        return {"logits": np.asarray(9 * np.eye(4)[structure][None], np.float32)}


class StructureReader:
    """A network that tells bodies and the sacrum apart from their grey values."""

    name = "structure reader"
    GREYS = (20, 90, 120, 150, 60, 220)

    def run(self, batch: Pixels) -> dict[str, Pixels]:
        greys = np.array(self.GREYS, np.float32)
        place = np.abs(batch[0, ..., :1] * 255 - greys).argmin(axis=-1)
        return {"logits": np.asarray(9 * np.eye(len(greys))[place][None], np.float32)}


@dataclass
class Says:
    """A classifier with one output that says the same of every picture."""

    logit: float
    activation: Pixels | None = None
    name: str = "says"

    def run(self, batch: Pixels) -> dict[str, Pixels]:
        answer = {"logit": np.array([[self.logit]], np.float32)}
        if self.activation is not None:
            answer["activation_map"] = self.activation[None, ..., None].astype(np.float32)
        return answer


def segmenter(status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED, **changes) -> LoadedModel:
    card = replace(
        classifier_card(), name="mr_segmentation", title="Grey reader", status=status,
        task="segmentation", examinations=(SPINE_MR.kind,), input_shape=MASK.shape,
        intensity=IntensityRule(),
        classes=("background", *CLASSES.values()), positive_class=None, positive_output=None,
        threshold=None,
    )  # fmt: skip
    return LoadedModel(replace(card, **changes), GreyReader())


def structure_segmenter() -> LoadedModel:
    model = segmenter(classes=STRUCTURES)
    return LoadedModel(model.card, StructureReader())


def classifier(logit: float = 3.0, activation: Pixels | None = None, **changes) -> LoadedModel:
    plain = {
        "name": "ct_fracture",
        "status": ModelStatus.INTERNALLY_VALIDATED,
        "calibrated": True,
        **changes,
    }
    return LoadedModel(replace(classifier_card(), **plain), Says(logit, activation))


def grader(status: ModelStatus = ModelStatus.INTERNALLY_VALIDATED) -> LoadedModel:
    return disc_models.told_model(status=status)


def gate(kind: ImageKind, p: float = 0.95, only_shape: tuple[int, int] | None = None):
    model = gate_that_sees(kind, p, only_shape)
    return LoadedModel(replace(model.card, name="view_gate"), model.engine)


def outliner(column: DrawnColumn, **changes) -> LoadedModel:
    model = ideal_model(column, side=256)
    return LoadedModel(replace(model.card, **changes), model.engine)


# ------------------------------------------------------------------------------- pictures


def painted(mask: NDArray[np.uint8], greys: tuple[int, ...] = GreyReader.T2) -> SpineImage:
    """A sagittal MR in which every structure has one grey value, and a little noise."""
    noise = np.random.default_rng(2).integers(0, 8, mask.shape)
    return SpineImage(
        pixels=np.array(greys, np.float32)[mask] + noise,
        bits=8,
        source_path=Path("spine.dcm"),
        sha256="2" * 64,
        possible_examinations=(SPINE_MR,),
        spacing_mm=(0.6, 0.6),
        spacing_source=SpacingSource.PATIENT_PLANE,
    )


def neck_ct(**changes) -> SpineImage:
    """A CT slice with everything that a good picture has."""
    noise = np.random.default_rng(3).integers(0, 256, (240, 320))
    image = SpineImage(
        noise.astype(np.float32), 8, Path("neck.dcm"), "1" * 64, possible_examinations=(NECK_CT,),
        spacing_mm=(0.5, 0.8), spacing_source=SpacingSource.PATIENT_PLANE,
    )  # fmt: skip
    return replace(image, **changes)


def analysed(
    image: SpineImage, *models: LoadedModel, wanted: Examination | None = None, companion=None,
    asked=False,
):  # fmt: skip
    return run_to_end(analyze_image(image, Store(*models), wanted, companion, asked))


def film(column: DrawnColumn | None = None, *models: LoadedModel, **changes) -> Analysis:
    """Analyse a lateral film of a drawn neck, which looks to the right."""
    column = column or draw_column("C7")
    image = replace(film_of(column), **{**TRUE_MM, **changes})
    return analysed(image, *(models or (outliner(column),)))


def negative_film() -> Analysis:
    column = draw_column("C7")
    return film(column, pixels=negative_of(film_of(column)).pixels)


def spine(mask: NDArray[np.uint8] = MASK, *models: LoadedModel, companion=None, **changes):
    """Analyse a sagittal MR of a lumbar column, which looks to the left."""
    image = replace(painted(mask), **changes)
    return analysed(image, *(models or (segmenter(), grader())), companion=companion)


def structured(mask: NDArray[np.uint8] | None = None, *models: LoadedModel, **changes) -> Analysis:
    """Analyse the column with a network that tells bodies and the sacrum apart."""
    mask = structured_mask() if mask is None else mask
    image = replace(painted(mask, StructureReader.GREYS), **changes)
    return analysed(image, *(models or (structure_segmenter(), grader())))


def slice_of_neck(
    *models: LoadedModel, wanted: Examination | None = None, asked=False, **changes
) -> Analysis:
    return analysed(neck_ct(**changes), *(models or (classifier(),)), wanted=wanted, asked=asked)


def slice_without_chosen() -> Analysis:
    """Analyse a slice for which a model was chosen that somebody took away."""
    chosen = ChosenModel("mine", "Mine", "0" * 64, "classification", (NECK_CT.kind,))
    return run_to_end(analyze_image(neck_ct(), Store(classifier(), gone=[chosen]), NECK_CT))


def from_front(**how) -> Analysis:
    """Analyse a drawn frontal film."""
    return film_analysis(Store(frontal_model()), **how)


def slice_beside_damaged() -> Analysis:
    """Analyse a slice while the card of a person's own model is damaged."""
    models = Store(classifier(), damaged=["mine"])
    return run_to_end(analyze_image(neck_ct(), models, NECK_CT))


def oblique(**changes) -> Analysis:
    """Analyse an oblique film, which is no examination's, with a named classifier."""
    changes = {"name": "mine", "examinations": (), "calibrated": True, **changes}
    return slice_of_neck(
        classifier(**changes), classifier(), gate(OBLIQUE), possible_examinations=None
    )


def unknown(model: LoadedModel, **changes) -> Analysis:
    """Analyse a picture without any tags."""
    return slice_of_neck(model, possible_examinations=None, **changes)


plain_film = cache(film)
plain_spine = cache(spine)
plain_slice = cache(slice_of_neck)
plain_structured = cache(structured)


def without_canal() -> NDArray[np.uint8]:
    """The column on a slice beside the canal."""
    mask = structured_mask()
    return np.where(mask == CANAL, 0, mask).astype(np.uint8)


def closed_canal() -> NDArray[np.uint8]:
    """The column with a canal that is closed at the fourth disc from above."""
    _, _, _, centres = cv2.connectedComponentsWithStats((MASK == 2).astype(np.uint8))
    row = sorted(int(centre[1]) for centre in centres[1:])[3]
    rows = np.abs(np.arange(len(MASK)) - row) < 6
    return np.where((MASK == 3) & rows[:, None], 0, MASK).astype(np.uint8)


def one_disc() -> NDArray[np.uint8]:
    """Only the largest disc and the bone, so that no column can be found."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((MASK == 2).astype(np.uint8))
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    assert count > 2
    return np.where((MASK == 2) & (labels != largest), 0, MASK).astype(np.uint8)


def without_a_disc() -> NDArray[np.uint8]:
    """The column with one disc in its middle missing."""
    count, labels, _, centres = cv2.connectedComponentsWithStats((MASK == 2).astype(np.uint8))
    third = 1 + int(np.argsort(centres[1:, 1])[2])
    assert count > 4
    return np.where(labels == third, 0, MASK).astype(np.uint8)


def wedged() -> NDArray[np.uint8]:
    """The column with one body in its middle low in front, where the patient looks: left."""
    _, _, _, centres = cv2.connectedComponentsWithStats((MASK == 2).astype(np.uint8))
    above, below = sorted(centres[1:].tolist(), key=lambda centre: centre[1])[2:4]
    x, y = (above[0] + below[0]) / 2, (above[1] + below[1]) / 2
    gone = np.zeros_like(MASK)
    corners = [(x + 20, y - 40), (x + 20, y - 17), (x - 40, y), (x - 40, y - 40)]
    cv2.fillPoly(gone, [np.array(corners).round().astype(np.int32)], 1)
    return np.where((MASK == 1) & (gone > 0), 0, MASK).astype(np.uint8)


def without_sacrum() -> NDArray[np.uint8]:
    """The picture ends within L5, so that nobody can count."""
    return np.where(np.arange(MASK.shape[0])[:, None] < lowest_row() - 70, MASK, 0)[
        : lowest_row() - 70
    ].astype(np.uint8)


def lowest_row() -> int:
    return int(np.nonzero(MASK == 2)[0].max())


def mute_bodies() -> NDArray[np.uint8]:
    """Bodies without processes and without a canal: nothing tells the back."""
    from tools.phantoms.lumbar_anatomy import Anatomy

    anatomy = Anatomy()
    bodies = np.any([anatomy.body(level) > -1 for level in anatomy.levels[:7]], axis=0)
    return np.where((MASK == 2) | ((MASK == 1) & bodies), MASK, 0).astype(np.uint8)


def companion_of(mask: NDArray[np.uint8], greys: tuple[int, ...]) -> SpineImage:
    return replace(painted(mask, greys), sha256="3" * 64, source_path=Path("other.dcm"))


@cache
def edited_film() -> Analysis:
    found = plain_film()
    start = initial_corrections(found)
    return apply_corrections(
        found, calibrate(start, (100.0, 100.0), (200.0, 100.0), 25.0, found.image)
    )


# ------------------------------------------------------------------------------- cautions


@dataclass(frozen=True)
class Row:
    """A code, an analysis that must carry it with certain words, and one that must not."""

    code: WarningCode
    provoked: Callable[[], Analysis]
    calm: Callable[[], Analysis]
    says: str = ""
    of: str = ""

    @property
    def id(self) -> str:
        return f"{self.code.value}{f', {self.of}' if self.of else ''}"


DEMO = ModelStatus.DEMONSTRATION
LOW = turned(draw_column("C7"), shift=(0, 300))
SHORT = turned(draw_column("C5"), shift=(0, 320))
UNSURE = replace(draw_column(), certainty=0.6, corner_height=0.5)
DARK = neck_ct().pixels / 6
FLAT = 120 + neck_ct().pixels / 30
BRIGHT = 210 + neck_ct().pixels / 7
SOFT = np.asarray(cv2.GaussianBlur(neck_ct().pixels, (0, 0), 12))
BLURRED = (SOFT - SOFT.min()) * (255 / np.ptp(SOFT))
SAMPLE = next(sample for sample in list_samples() if sample.examination is NECK_CT).path
LATERAL, NECK, FOREIGN = ImageKind.LATERAL_FILM, ImageKind.NECK_CT, ImageKind.NONE_OF_THESE
OBLIQUE = ImageKind.OBLIQUE_FILM

CAUTIONS = (
    Row(C.DEMONSTRATION_MODEL, lambda: slice_of_neck(classifier(status=DEMO), asked=True),
        plain_slice,
        "Tiny classifier", "classifier"),
    Row(C.DEMONSTRATION_MODEL,
        lambda: slice_of_neck(
            segmenter(examinations=(NECK_CT.kind,)), classifier(status=DEMO), asked=True
        ),
        lambda: slice_of_neck(segmenter(examinations=(NECK_CT.kind,)), classifier()),
        "Tiny classifier", "classifier beside a segmentation"),
    Row(C.DEMONSTRATION_MODEL, lambda: film(None, outliner(draw_column("C7"), status=DEMO)),
        plain_film, "Ideal network", "segmentation"),
    Row(C.DEMONSTRATION_MODEL, lambda: spine(MASK, segmenter(), grader(DEMO)), plain_spine,
        "Disc grader for tests", "disc grader"),
    Row(C.OTHER_MODELS,
        lambda: slice_of_neck(classifier(), classifier(name="other", title="Second classifier")),
        plain_slice, "not asked: Second classifier", "classifier"),
    Row(C.OTHER_MODELS,
        lambda: spine(MASK, segmenter(), segmenter(name="other", title="Second reader"), grader()),
        plain_spine, "not asked: Second reader", "segmentation"),
    Row(C.NAMED_MODEL_ALONE, lambda: oblique(image_kinds=(OBLIQUE,)), plain_slice,
        "does not analyse an oblique"),
    Row(C.CHOSEN_MODEL_GONE, slice_without_chosen, plain_slice, "no longer there"),
    Row(C.DAMAGED_MODEL, slice_beside_damaged, plain_slice, "not asked: mine"),
    Row(C.NO_SPACING, lambda: slice_of_neck(spacing_mm=None, spacing_source=SpacingSource.UNKNOWN),
        plain_slice),
    Row(C.MAGNIFIED_SPACING, lambda: film(**AT_DETECTOR), plain_film),
    Row(C.VIEW_UNCERTAIN, lambda: slice_of_neck(classifier(), gate(NECK, 0.35)),
        lambda: slice_of_neck(classifier(), gate(NECK, 0.95)), "uncertain (confidence 0."),
    Row(C.VIEW_OVERRULED,
        lambda: slice_of_neck(classifier(), gate(FOREIGN), wanted=NECK_CT),
        lambda: slice_of_neck(classifier(), gate(NECK), wanted=NECK_CT)),
    Row(C.VIEW_DISPUTED,
        lambda: slice_of_neck(classifier(), gate(ImageKind.OTHER_CT, 0.5), stated_kind=NECK),
        lambda: slice_of_neck(classifier(), gate(NECK, 0.6), stated_kind=NECK)),
    Row(C.VIEW_OF_SAMPLE, lambda: slice_of_neck(classifier(), gate(FOREIGN), source_path=SAMPLE),
        lambda: slice_of_neck(classifier(), gate(NECK), source_path=SAMPLE)),
    Row(C.TURNED, lambda: unknown(gate(LATERAL, only_shape=(320, 240))),
        lambda: unknown(gate(LATERAL, only_shape=(240, 320)))),
    Row(C.ANALYSED_AS_NEGATIVE, negative_film, plain_film),
    Row(C.NO_MODEL_FOR_VIEW, lambda: slice_of_neck(segmenter()), plain_slice),
    Row(C.NOTHING_SEGMENTED, lambda: spine(np.zeros_like(MASK)), plain_spine, of="MR"),
    Row(C.NOTHING_SEGMENTED, lambda: film(draw_column().without("C3", "C4", "C5", "C6", "C7")),
        plain_film, of="film"),
    Row(C.LOW_RESOLUTION, lambda: slice_of_neck(pixels=neck_ct().pixels[:150]), plain_slice, "150"),
    Row(C.LOW_CONTRAST, lambda: slice_of_neck(pixels=FLAT), plain_slice),
    Row(C.TOO_DARK, lambda: slice_of_neck(pixels=DARK), plain_slice),
    Row(C.TOO_BRIGHT, lambda: slice_of_neck(pixels=BRIGHT), plain_slice),
    Row(C.BLURRED, lambda: slice_of_neck(pixels=BLURRED), plain_slice),
    Row(C.BURNED_IN, lambda: slice_of_neck(burned_in=True), plain_slice),
    Row(C.CUT_OFF, lambda: film(SHORT), lambda: film(turned(draw_column("C5"), shift=(0, 130))),
        "C5"),
    Row(C.READER_NOTE, lambda: slice_of_neck(notes=(ReaderNote(NoteKind.FRAME_TAKEN, (4, 9)),)),
        plain_slice, "4"),
    Row(C.PROBABILITY_NOT_CALIBRATED, lambda: slice_of_neck(classifier(calibrated=False)),
        plain_slice),
    Row(C.LEVELS_UNCERTAIN, lambda: film(draw_column().without("C2")), plain_film, "C2", "film"),
    Row(C.LEVELS_UNCERTAIN, lambda: spine(without_sacrum()), plain_spine, "sacrum", "MR"),
    Row(C.LEVELS_UNCERTAIN, lambda: from_front(level_error=0.6), from_front, "further up",
        "frontal"),
    Row(C.USUAL_COUNT_ASSUMED, from_front, lambda: from_front(level_error=0.6), "five lumbar"),
    Row(C.LEVELS_COUNTED, plain_spine, lambda: spine(without_sacrum())),
    Row(C.LEVELS_COUNTED, plain_spine, plain_structured, of="with a sacrum"),
    Row(C.LEVELS_FROM_SACRUM, plain_structured, lambda: structured(structured_mask(sacral=())),
        "from the sacrum"),
    Row(C.LEVELS_FROM_SACRUM, plain_structured, plain_spine, of="without a sacrum"),
    Row(C.LUMBAR_COUNT_DOUBTFUL, lambda: structured(sacral_disc(0.95)), plain_structured,
        "more or fewer"),
    Row(C.SLICE_BESIDE_CANAL, lambda: structured(without_canal()), plain_structured,
        "beside the spinal canal"),
    Row(C.ENDPLATE_FROM_DISC, plain_spine, plain_structured, "S1", "with a sacrum"),
    Row(C.ENDPLATE_FROM_DISC, plain_spine, lambda: spine(without_sacrum()), "S1"),
    Row(C.NO_COLUMN, lambda: spine(one_disc()), plain_spine),
    Row(C.BODY_CUT, lambda: film(LOW), plain_film, "C6", "film"),
    Row(C.BODY_CUT, plain_spine, lambda: spine(mute_top()), "T11", "MR"),
    Row(C.BODY_HIDDEN, lambda: film(replace(draw_column(), certainty=0.86, corner_height=0.33)),
        plain_film, "C2, C3"),
    Row(C.NOT_OUTLINED, lambda: film(UNSURE), plain_film),
    Row(C.BODIES_SUGGESTED, lambda: film(UNSURE), plain_film, "C2, C3"),
    Row(C.NAMES_UNCONFIRMED, lambda: all_accepted(film(UNSURE)),
        lambda: all_accepted(film(UNSURE), is_confirmed=True), "C2, C3"),
    Row(C.ACCEPTED_IMPLAUSIBLE, lambda: one_accepted(film(UNSURE), grown=1.7),
        lambda: one_accepted(film(UNSURE), grown=1.0), "C4"),
    Row(C.FACING_DISPUTED, lambda: film(orientation=("P", "F")),
        lambda: film(orientation=("A", "F")), "left", "film"),
    Row(C.FACING_DISPUTED, lambda: spine(orientation=("A", "F")),
        lambda: spine(orientation=("P", "F")), "right", "MR"),
    Row(C.FACING_UNCERTAIN, lambda: film(replace(draw_column(), corner_height=0.01)), plain_film,
        of="film"),
    Row(C.FACING_UNCERTAIN, lambda: spine(mute_bodies()), plain_spine, of="MR"),
    Row(C.CORRECTED_BY_USER, edited_film, plain_film, "calibrated"),
    Row(C.DISC_COUNT_UNCERTAIN, lambda: spine(without_sacrum()), plain_spine),
    Row(C.DISC_INFERRED, lambda: spine(without_a_disc()), plain_spine, "L"),
    Row(C.BENT_FILM, lambda: film(is_bent=True), plain_film, of="by the file"),
    Row(C.BENT_FILM, lambda: bent(plain_film(), True), lambda: bent(film(is_bent=True), False),
        of="by a person"),
    Row(C.HEIGHT_LOSS, lambda: spine(wedged()), plain_spine, "L"),
    Row(C.SEVERE_NARROWING, lambda: spine(closed_canal()), plain_spine, "L2/L3"),
    Row(C.T1_ALONE, lambda: analysed(painted(MASK, GreyReader.T1), segmenter(), grader()),
        lambda: spine(companion=companion_of(MASK, GreyReader.T1))),
    Row(C.WEIGHTING_ASSUMED, plain_spine, lambda: spine(weighting=Weighting.T2)),
    Row(C.UPSIDE_DOWN, lambda: spine(np.ascontiguousarray(MASK[::-1, ::-1])), plain_spine),
    Row(C.COMPANION_ALIKE, lambda: spine(companion=companion_of(MASK, GreyReader.T2)),
        lambda: spine(companion=companion_of(MASK, GreyReader.T1))),
    Row(C.COMPANION_UNMATCHED, lambda: spine(companion=companion_of(0 * MASK, GreyReader.T1)),
        lambda: spine(companion=companion_of(MASK, GreyReader.T1)), of="nothing in it"),
    Row(C.COMPANION_UNUSED,
        lambda: spine(MASK, segmenter(), companion=companion_of(MASK, GreyReader.T1)),
        lambda: spine(MASK, segmenter())),
)  # fmt: skip


def all_accepted(analysis: Analysis, *, is_confirmed: bool = False) -> Analysis:
    """Accept all suggestions at once, and then their names."""
    state = accept_suggestions(initial_corrections(analysis), analysis.suggestions).corrections
    return apply_corrections(analysis, confirm_names(state) if is_confirmed else state)


def one_accepted(analysis: Analysis, grown: float) -> Analysis:
    """Accept all suggestions one after the other, of which C4 is grown downwards."""
    state = initial_corrections(analysis)
    for one in analysis.suggestions:
        offered = grown_downwards(one, grown) if one.level == "C4" else one
        state = accept_suggestion(state, offered)
    return apply_corrections(analysis, state)


def grown_downwards(body: Vertebra, times: float) -> Vertebra:
    """Return a body that many times as high, its upper border where it was."""
    top = min(mark.y for mark in body.landmarks)
    marks = tuple(replace(m, y=top + times * (m.y - top)) for m in body.landmarks)
    return replace(body, landmarks=marks)


def bent(analysis: Analysis, is_bent: bool) -> Analysis:
    """The film after a person said whether it is taken in flexion or extension."""
    said = set_bent(initial_corrections(analysis), is_bent, analysis.image)
    return apply_corrections(analysis, said)


def mute_top() -> NDArray[np.uint8]:
    """The column without its uppermost body, which the picture cuts off."""
    top = int(np.nonzero(MASK == 2)[0].min())
    return np.where(np.arange(MASK.shape[0])[:, None] < top, 0, MASK).astype(np.uint8)


def sentences(analysis: Analysis, code: WarningCode) -> list[str]:
    return [caution_text(caution) for caution in analysis.cautions if caution.code is code]


@pytest.mark.parametrize("row", CAUTIONS, ids=lambda row: row.id)
def test_a_caution_is_told_once_where_it_is_due_and_nowhere_else(row: Row) -> None:
    told = sentences(row.provoked(), row.code)
    assert len(told) == 1
    assert row.says in told[0]
    assert sentences(row.calm(), row.code) == []


def test_every_caution_has_a_row() -> None:
    assert {row.code for row in CAUTIONS} == set(WarningCode)


@pytest.mark.parametrize("found", [plain_film, plain_slice], ids=["film", "CT"])
def test_a_good_picture_is_told_to_be_nothing_but_soft(found: Callable[[], Analysis]) -> None:
    # The drawn film is a slow gradient, and so without any edge.
    assert {caution.code for caution in found().cautions} <= {C.BLURRED}


def test_a_good_mr_carries_what_always_holds_there() -> None:
    expected = {C.LEVELS_COUNTED, C.ENDPLATE_FROM_DISC, C.BODY_CUT, C.WEIGHTING_ASSUMED}
    assert {caution.code for caution in plain_spine().cautions} == expected


def test_a_network_that_tells_the_sacrum_gives_s1_and_graded_discs() -> None:
    found = plain_structured()
    assert {caution.code for caution in found.cautions} == {
        C.LEVELS_FROM_SACRUM, C.BODY_CUT, C.WEIGHTING_ASSUMED,
    }  # fmt: skip
    assert [body.name for body in found.vertebrae][-2:] == ["L5", "S1"]
    assert [disc.name for disc in found.discs] == [disc.name for disc in plain_spine().discs]
    assert found.discs[0].level == "L5/S1"
    assert headline(found).startswith("Abnormal discs")
    alone = structured(None, structure_segmenter())
    assert "vertebrae (T11 to L5), posterior elements, the sacrum, 7 discs" in headline(alone)


def test_a_slice_beside_the_canal_is_told_and_not_graded() -> None:
    beside = structured(without_canal())
    assert beside.discs == ()
    assert beside.disc_model is None
    assert "beside the spinal canal, so no disc was graded" in headline(beside)
    assert [body.name for body in beside.vertebrae] == [
        body.name for body in plain_structured().vertebrae
    ]


# --------------------------------------------------------------------------------- fields


def check_image(found: Analysis) -> None:
    assert np.array_equal(found.image.pixels, painted(MASK).pixels)


def check_examination(found: Analysis) -> None:
    others = plain_film().examination, plain_slice().examination
    assert (found.examination, *others) == (SPINE_MR, LATERAL_NECK, NECK_CT)
    assert slice_of_neck(classifier(), gate(FOREIGN)).examination is None


def check_decided_by(_: Analysis) -> None:
    by = [
        slice_of_neck(classifier(), wanted=NECK_CT),
        slice_of_neck(classifier(), gate(NECK)),
        slice_of_neck(classifier(), gate(NECK), stated_kind=NECK),
        slice_of_neck(classifier(), gate(FOREIGN), source_path=SAMPLE),
    ]
    assert [found.decided_by for found in by] == [
        DecisionSource.USER, DecisionSource.PIXELS, DecisionSource.DICOM, DecisionSource.SAMPLE,
    ]  # fmt: skip


def check_kind_confidence(found: Analysis) -> None:
    assert found.kind_confidence is None
    sure = slice_of_neck(classifier(), gate(NECK, 0.95)).kind_confidence
    assert sure == pytest.approx(0.95, abs=0.05)
    assert slice_of_neck(classifier(), gate(NECK), stated_kind=NECK).kind_confidence is None


def check_kind_check(_: Analysis) -> None:
    check = slice_of_neck(classifier(), gate(NECK), stated_kind=NECK).kind_check
    assert check is not None
    assert (check.kind, check.tags, check.pixels, check.accepted) == (NECK, NECK, NECK, True)
    assert not check.overruled
    refused = slice_of_neck(classifier(), gate(FOREIGN), wanted=NECK_CT).kind_check
    assert refused is not None
    assert (refused.kind, refused.accepted, refused.overruled) == (FOREIGN, False, True)
    sample = slice_of_neck(classifier(), gate(FOREIGN), source_path=SAMPLE).kind_check
    assert sample is not None
    assert not sample.overruled


def check_program_version(found: Analysis) -> None:
    assert found.program_version == __version__


def check_created_utc(found: Analysis) -> None:
    age = datetime.now(UTC) - datetime.fromisoformat(found.created_utc)
    assert timedelta(seconds=-1) < age < timedelta(hours=1)


def check_classification(_: Analysis) -> None:
    answer = plain_slice().classification
    assert answer is not None
    assert (answer.predicted, answer.positive_label, answer.is_positive) == (
        "fracture", "fracture", True,
    )  # fmt: skip
    assert answer.labels == ("normal", "fracture")
    assert answer.probabilities == pytest.approx((0.0474, 0.9526), abs=1e-4)
    assert answer.calibrated
    assert plain_spine().classification is None


def check_labelled(found: Analysis) -> None:
    assert found.labelled is None  # no model for findings; test_picture_answers.py asks one


def check_picture_grade(found: Analysis) -> None:
    assert found.picture_grade is None


def check_located(found: Analysis) -> None:
    assert found.located is None  # no model for points; test_points.py asks one


def check_withheld(_: Analysis) -> None:
    demonstration = classifier(status=DEMO)
    unasked = slice_of_neck(demonstration)
    assert unasked.withheld == demonstration.identity
    assert (unasked.classification, unasked.models, unasked.cautions) == (None, (), ())
    asked = slice_of_neck(demonstration, asked=True)
    assert asked.withheld is None
    assert asked.demonstration is asked.classification is not None
    assert asked.without_demonstration.withheld == demonstration.identity
    assert plain_slice().withheld is None
    assert slice_of_neck(classifier(), asked=True).demonstration is None


def check_removed(found: Analysis) -> None:
    own = initial_corrections(found)
    assert found.removed == ()
    fewer = delete_vertebra(own, own.vertebrae[1].index)
    assert apply_corrections(found, fewer).removed == (own.vertebrae[1].level,)


def check_segmentation(found: Analysis) -> None:
    assert found.segmentation is not None
    assert np.array_equal(found.segmentation.mask, MASK)
    assert found.segmentation.classes == CLASSES
    assert found.segmentation.confidence.min() > 0.99
    assert plain_slice().segmentation is None


def check_regions(found: Analysis) -> None:
    pixels = {name: int((value == MASK).sum()) for value, name in CLASSES.items()}
    pixels |= {"all structures": int((MASK > 0).sum()), "background": int((MASK == 0).sum())}
    rows = {region.name: region for region in found.regions}
    assert {name: row.pixels for name, row in rows.items()} == pixels
    for row in rows.values():
        assert row.percent_of_image == pytest.approx(100 * row.pixels / MASK.size)
    for name in CLASSES.values():
        share = 100 * pixels[name] / pixels["all structures"]
        assert rows[name].percent_of_structures == pytest.approx(share)
    for row in spine(spacing_mm=(0.5, 0.7)).regions:
        assert row.area_mm2 == pytest.approx(row.pixels * 0.5 * 0.7)
    none = spine(spacing_mm=None, spacing_source=SpacingSource.UNKNOWN).regions
    assert {region.area_mm2 for region in none} == {None}
    assert plain_slice().regions == ()


def check_vertebrae(found: Analysis) -> None:
    assert [body.level for body in found.vertebrae] == LEVELS
    film_levels = [body.level for body in plain_film().vertebrae]
    assert film_levels == ["C2", "C3", "C4", "C5", "C6", "C7"]
    assert plain_slice().vertebrae == ()


def check_facing(found: Analysis) -> None:
    assert (found.facing, plain_film().facing) == (Facing.LEFT, Facing.RIGHT)
    mirrored = spine(np.ascontiguousarray(MASK[:, ::-1]))
    assert mirrored.facing is Facing.RIGHT
    assert film(turned(draw_column("C7"), mirrored=True)).facing is Facing.LEFT


def check_facing_confidence(found: Analysis) -> None:
    for analysis in (found, plain_film()):
        assert analysis.facing_confidence is not None
        assert 0.8 < analysis.facing_confidence <= 1
    assert plain_slice().facing_confidence is None


def check_levels_uncertain(found: Analysis) -> None:
    assert (found.levels_uncertain, plain_film().levels_uncertain) == (False, False)
    assert spine(without_sacrum()).levels_uncertain
    assert film(draw_column().without("C2")).levels_uncertain


def check_suggestions(found: Analysis) -> None:
    assert (found.suggestions, plain_film().suggestions) == ((), ())
    offered = film(UNSURE)
    assert [body.level for body in offered.suggestions] == ["C2", "C3", "C4", "C5", "C6", "C7"]
    assert offered.vertebrae == ()


def check_discs(found: Analysis) -> None:
    names = ["L5/S1", "L4/L5", "L3/L4", "L2/L3", "L1/L2", "T12/L1", "T11/T12"]
    assert [disc.name for disc in found.discs] == names
    grades = [disc.grade(GradeName.PFIRRMANN) for disc in found.discs]
    assert [grade.value for grade in grades if grade] == [4, 5, 2, 2, 2, 2, 2]
    assert [disc.is_abnormal for disc in found.discs[:3]] == [True, True, False]
    assumed = spine(without_sacrum()).discs
    assert all(disc.is_level_assumed for disc in assumed)
    assert spine(MASK, segmenter()).discs == ()


def check_disc_model(found: Analysis) -> None:
    assert found.disc_model is not None
    assert found.disc_model.name == "disc_grading"
    assert spine(MASK, segmenter()).disc_model is None


def check_companion(found: Analysis) -> None:
    assert found.companion is None
    other = companion_of(MASK, GreyReader.T1)
    assert spine(companion=other).companion is other
    assert spine(MASK, segmenter(), companion=other).companion is None


def check_measurements(found: Analysis) -> None:
    codes = {measure.code for measure in found.measurements}
    assert {MeasureCode.LUMBAR_LORDOSIS_L1_S1, MeasureCode.CANAL_DIAMETER} <= codes
    canal = [m for m in found.measurements if m.code is MeasureCode.CANAL_DIAMETER]
    assert {measure.unit for measure in canal} == {"mm"}
    neck = {measure.code for measure in plain_film().measurements}
    assert {MeasureCode.COBB_C2_C7, MeasureCode.SAGITTAL_VERTICAL_AXIS} <= neck
    assert plain_slice().measurements == ()


def check_interval_rule(found: Analysis) -> None:
    assert found.interval_rule == IntervalRule()
    assert not found.interval_rule.is_limited
    film = plain_film().interval_rule
    assert (film.is_limited, film.factor_of(MeasureCode.COBB_C2_C7)) == (True, 1.96)
    assert edited_film().interval_rule is film


def check_corrections(found: Analysis) -> None:
    assert found.corrections is None
    corrected = edited_film()
    assert corrected.corrections is not None
    assert corrected.corrections.calibration is not None
    assert corrected.image.spacing_source is SpacingSource.USER


def check_automatic(found: Analysis) -> None:
    assert found.automatic is None
    assert edited_film().automatic is plain_film()


def check_cautions(found: Analysis) -> None:
    codes = [caution.code for caution in found.cautions]
    assert len(codes) == len(set(codes))
    assert C.LEVELS_COUNTED in codes


def check_models(found: Analysis) -> None:
    assert [model.name for model in found.models] == ["mr_segmentation", "disc_grading"]
    with_gate = slice_of_neck(classifier(), gate(NECK))
    assert [model.name for model in with_gate.models] == ["view_gate", "ct_fracture"]
    refused = slice_of_neck(classifier(), gate(FOREIGN))
    assert [model.name for model in refused.models] == ["view_gate"]


def check_seconds(found: Analysis) -> None:
    steps = ["check", "check quality", "segment", "classify", "tell apart", "grade discs"]
    assert list(found.seconds)[: len(steps)] == steps
    assert all(value >= 0 for value in found.seconds.values())


FIELDS: dict[str, Callable[[Analysis], None]] = {
    name.removeprefix("check_"): check
    for name, check in list(globals().items())
    if name.startswith("check_")
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_holds_what_it_says(name: str) -> None:
    FIELDS[name](plain_spine())


def test_every_field_has_a_check() -> None:
    assert set(FIELDS) == {field.name for field in dataclasses.fields(Analysis)}


# -------------------------------------------------------------------- what must never happen


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        (SpacingSource.PATIENT_PLANE, True),
        (SpacingSource.CALIBRATED, True),
        (SpacingSource.DEMAGNIFIED, True),
        (SpacingSource.NIFTI_HEADER, True),
        (SpacingSource.USER, True),
        (SpacingSource.DETECTOR_PLANE, False),
        (SpacingSource.UNKNOWN, False),
    ],
    ids=lambda value: str(value),
)
def test_thresholds_in_millimetres_hold_only_in_the_patient(
    source: SpacingSource, holds: bool
) -> None:
    found = film(spacing_source=source)
    axis = next(m for m in found.measurements if m.code is MeasureCode.SAGITTAL_VERTICAL_AXIS)
    cobb = next(m for m in found.measurements if m.code is MeasureCode.COBB_C2_C7)
    assert axis.value is not None
    assert (axis.normal is not None) is holds
    assert cobb.normal is not None


def test_a_refused_picture_is_shown_to_no_network_but_the_gate() -> None:
    store = Store(classifier(), gate(FOREIGN))
    found = run_to_end(analyze_image(neck_ct(), store))
    assert store.loaded == ["view_gate"]
    assert found.is_refused
    assert (found.classification, found.segmentation, found.regions) == (None, None, ())


class TestNamedModel:
    """A model that a person named, for a kind of image that no examination is of."""

    def test_it_is_asked_alone(self) -> None:
        segments = segmenter(examinations=(NECK_CT.kind,))
        mine = classifier(name="mine", examinations=(), image_kinds=(OBLIQUE,))
        store = Store(mine, classifier(), segments, gate(OBLIQUE))
        found = run_to_end(analyze_image(neck_ct(possible_examinations=None), store))
        assert store.loaded == ["view_gate", "mine"]
        assert found.examination is None
        assert not found.is_refused
        assert (found.segmentation, found.vertebrae, found.measurements) == (None, (), ())
        assert [model.name for model in found.models] == ["view_gate", "mine"]
        assert "fracture" in headline(found)
        assert not found.kind_check.accepted

    @pytest.mark.parametrize("kinds", [(), (ImageKind.OTHER_RADIOGRAPH,)])
    def test_its_card_has_to_name_the_kind(self, kinds) -> None:
        found = oblique(image_kinds=kinds)
        assert found.is_refused
        assert found.classification is None

    def test_a_demonstration_is_withheld_unless_it_is_wanted(self) -> None:
        found = oblique(image_kinds=(OBLIQUE,), status=ModelStatus.DEMONSTRATION)
        assert (found.classification, found.withheld.name) == (None, "mine")
        assert not found.is_refused
        assert "is a demonstration" in headline(found)

    def test_its_result_is_written_whole(self, tmp_path) -> None:
        found = oblique(image_kinds=(OBLIQUE,))
        write_bundle(found, tmp_path)
        told = json.loads((tmp_path / "analysis.json").read_text(encoding="utf-8"))
        assert told["warnings"][0]["code"] == "named_model_alone"
        assert (told["examination"], told["view"]["check"]["kind"]) == (None, "oblique_film")
        assert told["classification"]["model"] == "mine"


@pytest.mark.parametrize(
    ("corner", "turns"), [((0, -1), 1), ((-1, -1), 2), ((-1, 0), 3)], ids=["left", "half", "right"]
)
def test_a_refused_picture_is_told_how_to_be_turned(corner: tuple[int, int], turns: int) -> None:
    class BrightAtTheTopLeft:
        """Takes a picture for a lateral film if its brightest quarter is at the top left."""

        name = "bright at the top left"

        def run(self, batch: Pixels) -> dict[str, Pixels]:
            grey = batch[0].mean(axis=-1)
            quarters = [g.mean() for half in np.array_split(grey, 2) for g in halves(half)]
            seen = LATERAL if int(np.argmax(quarters)) == 0 else FOREIGN
            logits = np.log([[0.95 if kind is seen else 0.05 / 6 for kind in ImageKind]])
            return {"logits": logits.astype(np.float32), "place": np.zeros((1, 1), np.float32)}

    pixels = neck_ct().pixels[:, :240] / 4
    rows, cols = (slice(0, 120) if side == 0 else slice(120, None) for side in corner)
    pixels[rows, cols] += 150
    model = LoadedModel(gate(LATERAL).card, BrightAtTheTopLeft())
    check = unknown(model, pixels=pixels).kind_check
    assert check is not None
    assert (check.accepted, check.quarter_turns) == (False, turns)


def halves(values: Pixels) -> list[Pixels]:
    return np.array_split(values, 2, axis=1)


@pytest.mark.parametrize(
    ("classes", "output"),
    [
        (("normal", "fracture"), "fracture"),
        (("fracture", "normal"), "normal"),
        (("fracture", "normal"), "fracture"),
        (("normal", "fracture"), "normal"),
    ],
    ids=["as expected", "sorted folders", "first output", "inverted output"],
)
@pytest.mark.parametrize("logit", [3.0, -3.0])
def test_no_order_of_classes_inverts_a_diagnosis(
    classes: tuple[str, str], output: str, logit: float
) -> None:
    activation = np.zeros((8, 8), np.float32)
    activation[1:3], activation[5:7] = 1.0, -1.0
    model = classifier(logit, activation, classes=classes, positive_output=output)
    answer = slice_of_neck(model).classification
    assert answer is not None
    is_fracture = (logit > 0) == (output == "fracture")
    assert (answer.predicted == "fracture", answer.is_positive) == (is_fracture, is_fracture)
    assert (answer.positive_probability > 0.9) is is_fracture
    # What spoke for the fracture lies at the top if the output is its, else at the bottom.
    assert answer.heatmap is not None
    top, bottom = float(answer.heatmap[:60].mean()), float(answer.heatmap[-60:].mean())
    assert (top > bottom) is (output == "fracture")
    assert min(top, bottom) < 0.05 < 0.5 < max(top, bottom)


def test_a_probability_exactly_at_the_threshold_is_reported() -> None:
    p = slice_of_neck(classifier(0.25)).classification.positive_probability
    at, above = (
        slice_of_neck(classifier(0.25, threshold=t)).classification
        for t in (p, np.nextafter(p, 1.0))
    )
    assert (at.predicted, above.predicted) == ("fracture", "normal")


def test_of_several_other_classes_the_likeliest_is_named() -> None:
    class ThreeOutputs:
        name = "three outputs"

        def run(self, batch: Pixels) -> dict[str, Pixels]:
            return {"logits": np.array([[0.0, 2.0, 1.0]], np.float32)}

    card = replace(
        classifier().card, classes=("fracture", "normal", "healed"), positive_output=None
    )
    answer = slice_of_neck(LoadedModel(card, ThreeOutputs())).classification
    assert answer is not None
    assert answer.predicted == "normal"
    assert answer.probabilities == pytest.approx((0.0900, 0.6652, 0.2447), abs=1e-4)


def test_a_speck_that_is_left_out_has_the_certainty_of_the_background() -> None:
    mask = MASK.copy()
    assert not mask[5:8, 5:8].any()
    mask[5:8, 5:8] = 3
    found = spine(mask).segmentation
    assert found is not None
    assert not found.mask[5:8, 5:8].any()
    assert found.confidence[6, 6] < 0.01


def test_pixels_that_are_not_square_reach_the_network_square() -> None:
    shapes: list[tuple[int, int]] = []

    class Extent:
        name = "extent"

        def run(self, batch: Pixels) -> dict[str, Pixels]:
            content = batch[0, ..., 0] > 0.1
            shapes.append((int(content.any(axis=1).sum()), int(content.any(axis=0).sum())))
            return {"logit": np.zeros((1, 1), np.float32)}

    card = replace(classifier().card, input_shape=(200, 200), intensity=IntensityRule())
    bright = np.full((240, 320), 200, np.float32)
    slice_of_neck(LoadedModel(card, Extent()), pixels=bright, spacing_mm=(1.0, 0.5))
    assert shapes == [(200, 133)]


def test_the_second_contrast_is_outlined_by_itself() -> None:
    wide = np.pad(MASK, ((0, 0), (0, 100)))
    found = spine(companion=companion_of(wide, GreyReader.T1))
    assert sentences(found, C.COMPANION_UNMATCHED) == []
    other = companion_of(np.roll(MASK, 40, axis=1), GreyReader.T1)
    # Where the second contrast shows no column, its outlines cannot be those of the first.
    assert sentences(spine(companion=other), C.COMPANION_UNMATCHED) == []
    empty = companion_of(0 * MASK, GreyReader.T1)
    assert sentences(spine(companion=empty), C.COMPANION_UNMATCHED) != []


def test_of_a_series_the_slice_with_the_widest_canal_is_analysed(tmp_path: Path) -> None:
    widths = (0.2, 0.4, 0.6, 0.9, 0.5)
    masks = [narrowed(MASK[::2, ::2], width) for width in widths]
    values = np.stack([np.array(GreyReader.T2, np.uint8)[mask] for mask in masks])
    # Axes to the right, to the front and to the head; a sagittal slice shows the front left.
    volume = values[:, ::-1, ::-1].transpose(0, 2, 1)
    path = write_nifti(tmp_path / "series.nii.gz", volume, np.diag([4.0, 1.2, 1.2, 1.0]))
    steps = analyze_file(path, Store(segmenter(input_shape=(256, 256)), grader()))
    found = run_to_end(steps)
    note = next(n for n in found.image.notes if n.kind is NoteKind.CANAL_WIDEST)
    canal = int((found.segmentation.mask == 3).sum())
    assert canal == max(int((mask == 3).sum()) for mask in masks)
    assert found.image.part is not None
    number, count = note.values
    assert count == len(widths)
    assert number == chosen_place(path, found)


def chosen_place(path: Path, found: Analysis) -> int:
    """Return the place, from 1, of the slice found in the series of a file."""
    from spinealign.imaging.study import scan_series

    (series,) = run_to_end(scan_series(path))
    return 1 + series.parts.index(found.image.part)


def narrowed(mask: NDArray[np.uint8], width: float) -> NDArray[np.uint8]:
    """Return a mask in which only a part of the canal, from its front, is left."""
    cut = mask.copy()
    for row in np.flatnonzero((mask == 3).any(axis=1)):
        cols = np.flatnonzero(mask[row] == 3)
        cut[row, cols[int(np.ceil(width * cols.size)) :]] = 0
    return cut
