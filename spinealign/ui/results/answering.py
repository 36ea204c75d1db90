"""Which models answer now, and whether a result was made by others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from spinealign.domain.examination import ALONE_TASKS, Examination, ImageKind, Task
from spinealign.domain.findings import Analysis, ModelIdentity
from spinealign.domain.model_store import ListedModel
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.wording.model_manager import (
    ANALYSE_AGAIN,
    gone_text,
    not_asked_text,
    outdated_text,
    titled,
)

Shown = Examination | ImageKind | None
"""What an image shows: an examination, or a kind that none is of."""


@dataclass(frozen=True)
class Answering:
    """The models that are there, after one of them was installed, removed or chosen.

    Parameters
    ----------
    models : sequence of ListedModel
    """

    models: Sequence[ListedModel]

    def words_of(self, analysis: Analysis) -> str:
        """Return in a sentence that a result was made by other models; empty where it was not."""
        kind = analysis.examination or analysis.named_kind or _refused_kind(analysis)
        if not self.models:  # nothing changed since the program started
            return ""
        gone, idle, tasks = [], [], list[Task]()
        for made_by in analysis.models:
            here = self._same(made_by)
            title = titled(made_by.title, made_by.version)
            if not here:
                gone.append(title)
            elif not any(_answers(one, kind) for one in here):
                idle.append(title)
                tasks += [one.card.task for one in here[:1] if one.card is not None]
        if idle:
            return outdated_text(idle, self._now(tasks, kind))
        if gone:
            return gone_text(gone)
        unasked = self._now(_unanswered(analysis), kind, True)
        return not_asked_text(unasked) if unasked else ""

    def _same(self, made_by: ModelIdentity) -> list[ListedModel]:
        """Return the model of a result as it is there now, or under another name if that is gone.

        Two models may share their weights and differ in what their cards make of the answers.
        """
        alike = [one for one in self.models if _sha256(one) == made_by.sha256]
        return [one for one in alike if one.name == made_by.name] or alike

    def _now(self, tasks: Iterable[Task], kind: Shown, is_chosen: bool = False) -> list[str]:
        return [
            titled(one.card.title, one.card.version)
            for one in self.models
            if one.card is not None and one.card.task in tasks and _answers(one, kind)
            if one.is_chosen or not is_chosen
        ]


def _sha256(model: ListedModel) -> str:
    return "" if model.card is None else model.card.sha256


def _answers(model: ListedModel, kind: Shown) -> bool:
    if isinstance(kind, ImageKind):
        return model.answers_all or kind in model.answers_alone
    return model.answers_all or (kind is not None and kind.kind in model.answers_for)


def _refused_kind(analysis: Analysis) -> ImageKind | None:
    """Return what kind a refused image is of; a model for it may have been chosen since."""
    return None if analysis.kind_check is None else analysis.kind_check.kind


def _unanswered(analysis: Analysis) -> frozenset[Task]:
    """Return the tasks of which a model that was chosen since would be asked."""
    if analysis.is_refused:
        return ALONE_TASKS
    is_asked = analysis.classification is not None or analysis.withheld is not None
    return frozenset() if is_asked else frozenset({"classification"})


class ModelNote(QFrame):
    """Says above a result that other models answer now; hidden where none do."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("strip", "info")
        self.words = wrapped_label("")
        self.again = QPushButton(ANALYSE_AGAIN)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.addWidget(self.words, 1)
        row.addWidget(self.again)
        self.hide()

    def show_words(self, words: str) -> None:
        """Say this, or nothing."""
        self.words.setText(words)
        self.setAccessibleName(words)
        self.setVisible(bool(words))
