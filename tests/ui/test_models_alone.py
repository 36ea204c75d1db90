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
from tests.core.test_one_way import OBLIQUE, classifier, gate, oblique, slice_of_neck

ALONE = {"name": "mine", "examinations": (), "image_kinds": (OBLIQUE,), "sha256": "a" * 64}


def listed(tmp_path, **changes):
    card = replace(classifier_card(), title="Mine", version="1", **ALONE)
    unsigned = Signature(SignatureState.UNSIGNED)
    one = ListedModel("mine", ModelPlace.INSTALLED, tmp_path, card, "", unsigned)
    return replace(one, **changes)


def test_the_list_says_for_which_images_a_model_is(tmp_path):
    assert "Oblique film of the spine" in model_cells(listed(tmp_path))


@pytest.mark.parametrize(
    ("alone", "why"), [((OBLIQUE,), ANSWERS_ALREADY), ((), "")], ids=["answers", "does not"]
)
def test_a_model_for_oblique_films_is_offered_until_it_answers(tmp_path, alone, why):
    assert _why_not_used(listed(tmp_path, answers_alone=alone)) == why


@pytest.mark.parametrize(
    ("kind", "says"),
    [(OBLIQUE, "“Mine 1” answers for such images now and was not asked here."),
     (ImageKind.OTHER_RADIOGRAPH, "")],
)  # fmt: skip
def test_a_refused_film_says_that_a_model_for_it_was_chosen_since(tmp_path, kind, says):
    refused = slice_of_neck(classifier(), gate(kind), possible_examinations=None)
    assert refused.is_refused
    chosen = listed(tmp_path, answers_alone=(OBLIQUE,), is_chosen=True)
    here = [replace(listed(tmp_path), name="gate", card=gate(kind).card, answers_all=True), chosen]
    assert Answering(here).words_of(refused) == says


@pytest.mark.parametrize("answers", [True, False])
def test_a_result_on_an_oblique_film_says_when_its_model_answers_no_more(tmp_path, answers):
    found = oblique(image_kinds=(OBLIQUE,))
    (made_by,) = [one for one in found.models if one.name == "mine"]
    assert isinstance(made_by, ModelIdentity)
    assert made_by.status is not ModelStatus.DEMONSTRATION
    alone = (OBLIQUE,) if answers else ()
    card = replace(listed(tmp_path).card, sha256=made_by.sha256, title=made_by.title)
    mine = listed(tmp_path, answers_alone=alone, is_chosen=answers, card=card)
    shown_gate = replace(mine, name="gate", card=gate(OBLIQUE).card, answers_all=True)
    said = Answering([shown_gate, mine]).words_of(found)
    assert ("not answer any more" in said) == (not answers)
