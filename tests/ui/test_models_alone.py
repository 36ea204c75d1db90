"""Models for images that no examination has, as the window tells them."""

from dataclasses import replace

import pytest

from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import ModelIdentity, ModelStatus
from spinealign.domain.model_store import ListedModel, ModelPlace, Signature, SignatureState
from spinealign.ui.models.manager_dialog import _why_not_used
from spinealign.ui.results.answering import Answering
from spinealign.wording.model_manager import ANSWERS_ALREADY, model_cells
from tests.cards import classifier_card
from tests.core.test_one_way import FRONTAL, classifier, frontal, gate, slice_of_neck

ALONE = {"name": "mine", "examinations": (), "image_kinds": (FRONTAL,), "sha256": "a" * 64}


def listed(tmp_path, **changes):
    card = replace(classifier_card(), title="Mine", version="1", **ALONE)
    unsigned = Signature(SignatureState.UNSIGNED)
    one = ListedModel("mine", ModelPlace.INSTALLED, tmp_path, card, "", unsigned)
    return replace(one, **changes)


def test_the_list_says_for_which_images_a_model_is(tmp_path):
    assert "Frontal film of the spine" in model_cells(listed(tmp_path))


@pytest.mark.parametrize(
    ("alone", "why"), [((FRONTAL,), ANSWERS_ALREADY), ((), "")], ids=["answers", "does not"]
)
def test_a_model_for_frontal_films_is_offered_until_it_answers(tmp_path, alone, why):
    assert _why_not_used(listed(tmp_path, answers_alone=alone)) == why


@pytest.mark.parametrize(
    ("kind", "says"),
    [(FRONTAL, "“Mine 1” answers for such images now and was not asked here."),
     (ImageKind.OBLIQUE_FILM, "")],
)  # fmt: skip
def test_a_refused_film_says_that_a_model_for_it_was_chosen_since(tmp_path, kind, says):
    refused = slice_of_neck(classifier(), gate(kind), possible_examinations=None)
    assert refused.is_refused
    chosen = listed(tmp_path, answers_alone=(FRONTAL,), is_chosen=True)
    here = [replace(listed(tmp_path), name="gate", card=gate(kind).card, answers_all=True), chosen]
    assert Answering(here).words_of(refused) == says


@pytest.mark.parametrize("answers", [True, False])
def test_a_result_on_a_frontal_film_says_when_its_model_answers_no_more(tmp_path, answers):
    found = frontal(image_kinds=(FRONTAL,))
    (made_by,) = [one for one in found.models if one.name == "mine"]
    assert isinstance(made_by, ModelIdentity)
    assert made_by.status is not ModelStatus.DEMONSTRATION
    alone = (FRONTAL,) if answers else ()
    card = replace(listed(tmp_path).card, sha256=made_by.sha256, title=made_by.title)
    mine = listed(tmp_path, answers_alone=alone, is_chosen=answers, card=card)
    shown_gate = replace(mine, name="gate", card=gate(FRONTAL).card, answers_all=True)
    said = Answering([shown_gate, mine]).words_of(found)
    assert ("not answer any more" in said) == (not answers)
