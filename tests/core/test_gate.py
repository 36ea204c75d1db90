"""Tags and pixels together decide; a person's word counts more, and is recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from spinealign.domain.examination import (
    EXAMINATIONS,
    Examination,
    ImageKind,
)
from spinealign.domain.findings import WarningCode
from spinealign.domain.image import DecisionSource, SpineImage
from spinealign.domain.model_card import GateRule
from spinealign.gate import KindPrediction, choose_examination, judge
from spinealign.gate.classify import classify_kind
from spinealign.imaging.dicom_kind import says_burned_in, stated_kind
from spinealign.imaging.orientation import turned_left
from spinealign.imaging.samples import list_samples
from spinealign.inference.engine import LoadedModel
from tests.cards import gate_card
from tests.examinations import FRONTAL, LATERAL_NECK, NECK_CT, SPINE_MR
from tests.gates import OneGate, gate_that_sees

RULE = GateRule(0.5, 0.9, 5.0, ((0.0,),))
K = ImageKind


def image(
    stated: ImageKind | None = None, hint: tuple[Examination, ...] | None = None
) -> SpineImage:
    pixels = np.arange(200 * 240, dtype=np.float32).reshape(200, 240)
    return SpineImage(
        pixels, 16, Path("x.dcm"), "0" * 64, stated_kind=stated, possible_examinations=hint
    )


def answer(kind: ImageKind, p: float = 0.95, ood_distance: float = 2.0) -> KindPrediction:
    rest = (1 - p) / (len(K) - 1)
    return KindPrediction({k: p if k is kind else rest for k in K}, ood_distance)


@pytest.mark.parametrize(
    ("stated", "seen", "kind", "accepted"),
    [
        pytest.param(None, answer(K.LATERAL_FILM), K.LATERAL_FILM, True, id="pixels accept"),
        pytest.param(None, answer(K.NONE_OF_THESE), K.NONE_OF_THESE, False, id="pixels refuse"),
        pytest.param(None, answer(K.NECK_CT, 0.4), K.NONE_OF_THESE, False, id="unsure"),
        pytest.param(
            None, answer(K.SPINE_MR, 0.99, 6.0), K.NONE_OF_THESE, False, id="sure but strange"
        ),
        pytest.param(K.SPINE_MR, answer(K.OTHER_MR, 0.7), K.SPINE_MR, True, id="tags, in doubt"),
        pytest.param(K.SPINE_MR, answer(K.OTHER_MR), K.OTHER_MR, False, id="pixels surely foreign"),
        pytest.param(K.NECK_CT, answer(K.NECK_CT, 0.9, 9.0), K.NECK_CT, True, id="tags, strange"),
        pytest.param(K.OTHER_CT, answer(K.NECK_CT), K.OTHER_CT, False, id="tags foreign"),
    ],
)
def test_the_verdict(
    stated: ImageKind | None, seen: KindPrediction, kind: ImageKind, accepted: bool
) -> None:
    check = judge(image(stated), seen, RULE)
    assert (check.kind, check.accepted) == (kind, accepted)
    assert (check.tags, check.ood_distance) == (
        stated,
        seen.ood_distance,
    )


@pytest.mark.parametrize(
    ("stated", "probabilities", "accepted"),
    [
        pytest.param(None, {K.NECK_CT: 0.5, K.OTHER_CT: 0.5}, True, id="at the limit of accepting"),
        pytest.param(None, {K.NECK_CT: 0.49, K.OTHER_CT: 0.26}, True, id="above it by its share"),
        pytest.param(None, {K.NECK_CT: 0.4, K.OTHER_CT: 0.3, K.OTHER_MR: 0.3}, False, id="below"),
        pytest.param(
            K.SPINE_MR, {K.OTHER_MR: 0.9, K.SPINE_MR: 0.1}, False, id="at the limit of refusing"
        ),
        pytest.param(K.SPINE_MR, {K.OTHER_MR: 0.89, K.SPINE_MR: 0.11}, True, id="below that"),
    ],
)
def test_the_limits_themselves_count(
    stated: ImageKind | None, probabilities: dict[ImageKind, float], accepted: bool
) -> None:
    seen = KindPrediction({kind: probabilities.get(kind, 0.0) for kind in K}, 2.0)
    assert judge(image(stated), seen, RULE).accepted is accepted


@pytest.mark.parametrize(("p", "accepted"), [(0.4, True), (0.39, False)])
def test_a_kind_may_have_a_threshold_of_its_own(p: float, accepted: bool) -> None:
    rule = replace(RULE, accept_from_of={K.LATERAL_FILM.value: 0.4})
    assert judge(image(), answer(K.LATERAL_FILM, p), rule).accepted is accepted
    assert not judge(image(), answer(K.NECK_CT, p), rule).accepted


@pytest.mark.parametrize(("ood_distance", "accepted"), [(5.0, True), (5.01, False)])
def test_a_picture_at_the_limit_of_distance_is_not_yet_foreign(
    ood_distance: float, accepted: bool
) -> None:
    assert judge(image(), answer(K.NECK_CT, ood_distance=ood_distance), RULE).accepted is accepted


def test_a_stated_modality_rules_out_kinds_of_others() -> None:
    seen = KindPrediction({k: {K.OTHER_MR: 0.5, K.NECK_CT: 0.4}.get(k, 0.02) for k in K}, 2.0)
    assert not judge(image(), seen, RULE).accepted
    check = judge(image(hint=(NECK_CT,)), seen, RULE)
    assert check.accepted
    assert check.pixels is K.NECK_CT


@pytest.mark.parametrize("kind", [K.FRONTAL_FILM, K.OBLIQUE_FILM, K.OTHER_RADIOGRAPH])
def test_a_stated_radiograph_may_be_of_every_projection(kind: ImageKind) -> None:
    seen = KindPrediction({k: {kind: 0.6, K.LATERAL_FILM: 0.3}.get(k, 0.01) for k in K}, 2.0)
    check = judge(image(hint=(LATERAL_NECK,)), seen, RULE)
    assert (check.kind, check.accepted) == (kind, False)


@given(
    weights=st.lists(st.floats(0.001, 1), min_size=len(K), max_size=len(K)),
    ood_distance=st.floats(0, 20),
    stated=st.sampled_from([None, *K]),
    hint=st.sampled_from([None, (), *((each,) for each in EXAMINATIONS.values())]),
)
def test_what_is_accepted_has_a_way_and_what_is_foreign_by_its_tags_never(
    weights: list[float],
    ood_distance: float,
    stated: ImageKind | None,
    hint: tuple[Examination, ...] | None,
) -> None:
    total = sum(weights)
    seen = KindPrediction({k: w / total for k, w in zip(K, weights, strict=True)}, ood_distance)
    check = judge(image(stated, hint), seen, RULE)
    assert not check.accepted or check.kind.examination is not None
    assert not (stated is not None and stated.examination is None and check.accepted)
    assert check.confidence is not None
    assert 0 < check.confidence <= 1


@pytest.mark.parametrize("kind", list(ImageKind), ids=str)
def test_an_examination_leads_back_to_its_kind(kind: ImageKind) -> None:
    assert kind.examination is None or kind.examination.image_kind is kind


@pytest.fixture
def frontal() -> Examination:
    """A second kind of radiograph, of another plane."""
    return FRONTAL


def test_without_a_gate_none_of_several_possible_kinds_is_guessed(frontal: Examination) -> None:
    check = judge(image(hint=(LATERAL_NECK, frontal)), None, None)
    assert (check.kind, check.accepted) == (K.NONE_OF_THESE, False)


def test_pixels_sure_of_another_kind_of_the_modality_deny_the_tags(frontal: Examination) -> None:
    radiograph = image(K.LATERAL_FILM, (LATERAL_NECK, frontal))
    sure, unsure = answer(frontal.image_kind), answer(frontal.image_kind, 0.7)
    assert not judge(radiograph, sure, RULE).accepted
    assert judge(radiograph, unsure, RULE).kind is K.LATERAL_FILM
    assert judge(radiograph, answer(K.SPINE_MR, 0.9999), RULE).accepted


@pytest.mark.parametrize(
    ("part", "projection", "kind"),
    [
        ("CSPINE", "", K.LATERAL_FILM), ("CSPINE", "LL", K.LATERAL_FILM),
        ("CSPINE", "AP", K.OTHER_RADIOGRAPH), ("LSPINE", "AP", K.FRONTAL_FILM),
        ("LSPINE", "", None), ("LSPINE", "LL", K.OTHER_RADIOGRAPH), ("SPINE", "AP", None),
        ("CHEST", "PA", K.OTHER_RADIOGRAPH),
    ],
)  # fmt: skip
def test_tags_choose_among_kinds_of_one_modality(
    frontal: Examination, part: str, projection: str, kind: ImageKind | None
) -> None:
    tags = Dataset()
    tags.Modality, tags.BodyPartExamined, tags.ViewPosition = "DX", part, projection
    assert stated_kind(tags, 0) is kind


@pytest.mark.parametrize(
    ("part", "projection", "kind"),
    [
        ("WHOLE SPINE", "LL", K.LATERAL_WHOLE_SPINE), ("WHOLESPINE", "RL", K.LATERAL_WHOLE_SPINE),
        ("FULL_SPINE", "LL", K.LATERAL_WHOLE_SPINE), ("SCOLIOSIS", "LL", K.LATERAL_WHOLE_SPINE),
        ("WHOLE SPINE", "", None), ("SPINE", "LL", None), ("LSPINE", "LL", K.OTHER_RADIOGRAPH),
        ("TSPINE", "LL", K.OTHER_RADIOGRAPH), ("CSPINE", "LL", K.LATERAL_FILM),
        ("WHOLE SPINE", "AP", K.FRONTAL_FILM),
    ],
)  # fmt: skip
def test_only_words_for_the_whole_spine_mean_a_film_of_all_of_it(
    part: str, projection: str, kind: ImageKind | None
) -> None:
    tags = Dataset()
    tags.Modality, tags.BodyPartExamined, tags.ViewPosition = "DX", part, projection
    assert stated_kind(tags, 0) is kind


def test_an_mr_of_the_whole_spine_is_a_spine_mr() -> None:
    tags = Dataset()
    tags.Modality, tags.BodyPartExamined = "MR", "WHOLE SPINE"
    tags.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    assert stated_kind(tags, 0) is K.SPINE_MR


@pytest.mark.parametrize(
    ("seen", "accepted"),
    [
        (K.OTHER_RADIOGRAPH, True), (K.LATERAL_FILM, True), (K.FRONTAL_FILM, False),
        (K.NONE_OF_THESE, False), (K.OTHER_MR, False),
    ],
)  # fmt: skip
def test_a_gate_that_has_not_learned_a_kind_does_not_deny_it(
    seen: ImageKind, accepted: bool
) -> None:
    known = [kind for kind in K if kind is not K.LATERAL_WHOLE_SPINE]
    look = KindPrediction({k: 0.95 if k is seen else 0.05 / len(known) for k in known}, 2.0)
    check = judge(image(K.LATERAL_WHOLE_SPINE), look, RULE)
    assert check.accepted is accepted
    assert (check.kind is K.LATERAL_WHOLE_SPINE) is accepted
    assert (check.pixels is None) is accepted
    knowing = KindPrediction({**look.probabilities, K.LATERAL_WHOLE_SPINE: 0.0}, 2.0)
    assert not judge(image(K.LATERAL_WHOLE_SPINE), knowing, RULE).accepted


def test_a_persons_word_overrules_and_is_recorded() -> None:
    choice = choose_examination(image(), OneGate(gate_that_sees(K.NONE_OF_THESE)), LATERAL_NECK)
    assert (choice.examination, choice.source) == (LATERAL_NECK, DecisionSource.USER)
    assert choice.check.overruled
    assert not choice.check.accepted
    assert [c.code for c in choice.cautions] == [WarningCode.VIEW_OVERRULED]


def test_a_persons_word_that_agrees_overrules_nothing() -> None:
    choice = choose_examination(image(), OneGate(gate_that_sees(K.LATERAL_FILM)), LATERAL_NECK)
    assert not choice.check.overruled
    assert choice.cautions == ()


def test_a_refused_image_goes_nowhere() -> None:
    choice = choose_examination(image(), OneGate(gate_that_sees(K.OTHER_RADIOGRAPH)), None)
    assert choice.is_refusal
    assert choice.gate is not None


def test_tags_that_the_picture_contradicts_are_followed_with_a_warning() -> None:
    models = OneGate(gate_that_sees(K.OTHER_MR, 0.7))
    choice = choose_examination(image(K.SPINE_MR), models, None)
    assert choice.examination is SPINE_MR
    assert [c.code for c in choice.cautions] == [WarningCode.VIEW_DISPUTED]


def test_a_sample_is_opened_as_its_own_record_says() -> None:
    sample = next(case for case in list_samples() if case.examination is NECK_CT)
    of_sample = replace(image(), source_path=sample.path)
    choice = choose_examination(of_sample, OneGate(gate_that_sees(K.OTHER_CT)), None)
    assert (choice.examination, choice.source) == (NECK_CT, DecisionSource.SAMPLE)
    assert not choice.check.overruled
    assert [c.code for c in choice.cautions] == [WarningCode.VIEW_OF_SAMPLE]


def test_without_a_gate_the_modality_counts() -> None:
    assert choose_examination(image(hint=(SPINE_MR,)), OneGate(None), None).examination is SPINE_MR
    assert choose_examination(image(), OneGate(None), None).is_refusal


def test_a_turned_film_is_told_from_a_foreign_one() -> None:
    upright = image()
    lying = turned_left(upright, 3)
    gate = gate_that_sees(K.LATERAL_FILM, only_shape=upright.shape)
    choice = choose_examination(lying, OneGate(gate), None)
    assert choice.is_refusal
    assert choice.check.quarter_turns in (1, 3)
    assert [c.code for c in choice.cautions] == [WarningCode.TURNED]


class Told:
    """A gate that is as sure of an upright picture and of one upside down as a test wants."""

    name = "told"

    def __init__(self, upright: float, upside_down: float) -> None:
        self.upright, self.upside_down = upright, upside_down

    def run(self, batch: np.ndarray, **others: np.ndarray) -> dict[str, np.ndarray]:
        top, bottom = (float(half.mean()) for half in np.array_split(batch[0, :, :, 0], 2))
        lies_on_its_side = abs(bottom - top) < 0.2 * float(np.ptp(batch))
        p = 0.1 if lies_on_its_side else self.upright if top < bottom else self.upside_down
        rest = {k: (1 - p) / (len(K) - 1) for k in K}
        logits = np.log([{**rest, K.LATERAL_FILM: p}[k] for k in K], dtype=np.float32)
        return {"logits": logits[None], "place": np.zeros((1, 1), np.float32)}


@pytest.mark.parametrize(
    ("upside_down", "is_refusal"), [(0.6, True), (0.5, False), (0.9, False)],
    ids=["unsure", "as sure as upright", "sure"],
)  # fmt: skip
def test_a_picture_that_is_accepted_unsurely_is_looked_at_turned_too(
    upside_down: float, is_refusal: bool
) -> None:
    upright_p = {0.6: 0.95, 0.5: 0.5, 0.9: 0.95}[upside_down]
    gate = LoadedModel(gate_card(), Told(upright_p, upside_down))
    choice = choose_examination(turned_left(image(), 2), OneGate(gate), None)
    assert choice.is_refusal is is_refusal
    assert (choice.check.quarter_turns == 2) is is_refusal


class Upright:
    """A gate that names a film while it stands and takes it for a lateral one upside down."""

    name = "upright"

    def __init__(self, kind: ImageKind, p: float) -> None:
        self.kind, self.p = kind, p

    def run(self, batch: np.ndarray, **others: np.ndarray) -> dict[str, np.ndarray]:
        top, bottom = (float(half.mean()) for half in np.array_split(batch[0, :, :, 0], 2))
        seen, p = (self.kind, self.p) if top < bottom else (K.LATERAL_FILM, 0.99)
        rest = {k: (1 - p) / (len(K) - 1) for k in K}
        logits = np.log([{**rest, seen: p}[k] for k in K], dtype=np.float32)
        return {"logits": logits[None], "place": np.zeros((1, 1), np.float32)}


@pytest.mark.parametrize(
    ("kind", "p", "turns"),
    [
        (K.OBLIQUE_FILM, 0.66, False), (K.OBLIQUE_FILM, 0.95, False), (K.OBLIQUE_FILM, 0.4, True),
        (K.OTHER_RADIOGRAPH, 0.99, True),
    ],
    ids=["oblique", "surely oblique", "hardly oblique", "other"],
)  # fmt: skip
def test_a_projection_that_is_told_by_name_is_not_to_be_turned(
    kind: ImageKind, p: float, turns: bool
) -> None:
    gate = LoadedModel(gate_card(), Upright(kind, p))
    choice = choose_examination(image(), OneGate(gate), None)
    assert choice.is_refusal
    assert bool(choice.check.quarter_turns) is turns
    assert choice.check.kind is kind
    assert (WarningCode.TURNED in [c.code for c in choice.cautions]) is turns


@pytest.mark.parametrize(("p", "is_unsure"), [(0.66, True), (0.95, False)])
def test_a_frontal_film_is_analysed_as_it_stands(p: float, is_unsure: bool) -> None:
    gate = LoadedModel(gate_card(), Upright(K.FRONTAL_FILM, p))
    choice = choose_examination(image(), OneGate(gate), None)
    assert choice.examination is FRONTAL
    assert not choice.check.quarter_turns
    assert (WarningCode.VIEW_UNCERTAIN in [c.code for c in choice.cautions]) is is_unsure


def test_turning_four_times_changes_nothing() -> None:
    first = replace(image(), spacing_mm=(0.5, 0.25))
    again = first
    for _ in range(4):
        again = turned_left(again, 1)
    assert np.array_equal(first.pixels, again.pixels)
    assert again.spacing_mm == first.spacing_mm
    assert turned_left(first, 1).spacing_mm == (0.25, 0.5)


def test_ood_distance_is_the_distance_from_the_nearest_anchor() -> None:
    class Fixed:
        name = "fixed"

        def run(self, batch: np.ndarray, **others: np.ndarray) -> dict[str, np.ndarray]:
            return {"logits": np.zeros((1, len(K)), np.float32), "place": np.float32([[3.0, 4.0]])}

    card = gate_card(anchors=((0.0, 0.0), (3.0, 6.0)))
    seen = classify_kind(image(), LoadedModel(card, Fixed()))
    assert seen.ood_distance == pytest.approx(2.0)
    assert sum(seen.probabilities.values()) == pytest.approx(1.0)


AXIAL, SAGITTAL = [1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1]


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        pytest.param({"Modality": "DX", "BodyPartExamined": "CSPINE"}, K.LATERAL_FILM, id="neck"),
        pytest.param(
            {"Modality": "DX", "BodyPartExamined": "CSPINE", "ViewPosition": "AP"},
            K.OTHER_RADIOGRAPH, id="neck from in front",
        ),
        pytest.param(
            {"Modality": "CR", "BodyPartExamined": "LSPINE", "ViewPosition": "AP"},
            K.FRONTAL_FILM, id="lumbar spine from in front",
        ),
        pytest.param(
            {"Modality": "CR", "BodyPartExamined": "CSPINE", "ViewPosition": "RLO"},
            K.OBLIQUE_FILM, id="oblique neck",
        ),
        pytest.param(
            {"Modality": "CR", "BodyPartExamined": "SHOULDER", "ViewPosition": "AP"},
            K.OTHER_RADIOGRAPH, id="shoulder from in front",
        ),
        pytest.param({"Modality": "CR", "ViewPosition": "AP"}, None, id="something in front"),
        pytest.param(
            {"Modality": "CR", "BodyPartExamined": "SHOULDER", "ViewPosition": "RAO"},
            K.OTHER_RADIOGRAPH, id="oblique shoulder",
        ),
        pytest.param({"Modality": "CR", "ViewPosition": "RAO"}, None, id="something oblique"),
        pytest.param(
            {"Modality": "CR", "BodyPartExamined": "CHEST"}, K.OTHER_RADIOGRAPH, id="chest"
        ),
        pytest.param({"Modality": "CR", "BodyPartExamined": "SPINE"}, None, id="some spine film"),
        pytest.param({"Modality": "CR"}, None, id="film of nothing stated"),
        pytest.param(
            {"Modality": "DX", "SeriesDescription": "HWS seitl."}, K.LATERAL_FILM, id="German"
        ),
        pytest.param({"Modality": "MG"}, K.OTHER_RADIOGRAPH, id="mammography"),
        pytest.param({"Modality": "CT", "ImageOrientationPatient": AXIAL}, None, id="CT"),
        pytest.param(
            {"Modality": "CT", "BodyPartExamined": "HEADNECK"}, K.NECK_CT, id="head and neck"
        ),
        pytest.param({"Modality": "CT", "BodyPartExamined": "ABDOMEN"}, K.OTHER_CT, id="abdomen"),
        pytest.param(
            {"Modality": "CT", "BodyPartExamined": "NECK", "ImageOrientationPatient": SAGITTAL},
            K.OTHER_CT, id="sagittal CT",
        ),
        pytest.param({"Modality": "MR", "BodyPartExamined": "LSPINE"}, K.SPINE_MR, id="lumbar MR"),
        pytest.param(
            {"Modality": "MR", "BodyPartExamined": "LSPINE", "ImageOrientationPatient": AXIAL},
            K.OTHER_MR, id="axial MR",
        ),
        pytest.param({"Modality": "MR", "BodyPartExamined": "BRAIN"}, K.OTHER_MR, id="brain MR"),
        pytest.param({"Modality": "MR", "ImageOrientationPatient": SAGITTAL}, None, id="some MR"),
        pytest.param({"Modality": "US"}, K.NONE_OF_THESE, id="ultrasound"),
        pytest.param({"Modality": "OT"}, None, id="other"),
        pytest.param(
            {"Modality": "CT", "BodyPartExamined": "CHEST",
             "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
            None, id="secondary capture",
        ),
    ],
)  # fmt: skip
def test_what_tags_say(tags: dict[str, object], kind: ImageKind | None) -> None:
    dataset = Dataset()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    assert stated_kind(dataset, 0) is kind


@pytest.mark.parametrize(("said", "found"), [("YES", True), ("NO", False), (None, False)])
def test_burnt_in_text_is_taken_from_the_tags(said: str | None, found: bool) -> None:
    dataset = Dataset()
    if said is not None:
        dataset.BurnedInAnnotation = said
    assert says_burned_in(dataset) is found
