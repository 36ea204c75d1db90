"""Which items of reporting guidelines an evaluation answers; the rest are questions.

CLAIM: Tejani et al. 2024, Checklist for Artificial Intelligence in Medical Imaging: 2024 update,
Radiology: Artificial Intelligence 6:e240300. TRIPOD+AI: Collins et al. 2024, BMJ 385:e078378.
Items are told in this program's words, by what they ask of an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

from spinealign.domain.model_card import ModelCard
from spinealign.evaluation.run import Evaluation
from spinealign.wording import evaluation as words


@dataclass(frozen=True)
class Item:
    """One thing that a guideline wants told.

    Parameters
    ----------
    guideline : str
    about : str
        What is to be told.
    answer : str
        What this program knows of it; empty where whoever reports must say it.
    """

    guideline: str
    about: str
    answer: str

    @property
    def is_open(self) -> bool:
        """Whether it is a question still."""
        return not self.answer


def items(found: Evaluation, card: ModelCard | None) -> tuple[Item, ...]:
    """Return the items that concern an evaluation, with what is known of each."""
    known = {
        "cases": words.cases_text(len(found.cases), found.patients, found.cases.knows_patients),
        "left_out": words.left_out_text(found.left_out) if found.left_out else words.NONE_LEFT_OUT,
        "intervals": words.INTERVALS.format(draws=found.draws),
        "threshold": found.threshold_note,
        "figures": words.listed_figures(found.figures),
        "subgroups": words.listed_groups([(g.column, g.value) for g in found.subgroups]),
        "failures": words.worst_text(len(found.worst)),
        "compared": words.compared_with(found.compared_name) if found.compared else "",
        "model": "" if card is None else words.model_text(card.title, card.version, card.sha256),
        "use": "" if card is None else card.intended_use,
        "training": "" if card is None else card.training_data,
        "limits": "" if card is None else " ".join(card.known_failures),
        "software": words.software_text(found.program),
    }
    return tuple(
        Item(guideline, about, known.get(key, ""))
        for guideline, about, key in words.CHECKLIST_ITEMS
    )
