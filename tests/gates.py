"""Gates that see what a test wants."""

from __future__ import annotations

import numpy as np

from spinealign.domain.examination import Examination, ImageKind
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import ChosenModel
from spinealign.inference.engine import LoadedModel
from tests.cards import gate_card


class OneGate:
    """A model store with a gate, or with nothing."""

    def __init__(self, gate: LoadedModel | None) -> None:
        self._gate = gate

    def find(self, task: str, examination: Examination | None = None) -> ModelCard | None:
        return self._gate.card if self._gate is not None and task == "view" else None

    def find_all(self, task: str, examination: Examination | None = None) -> tuple[ModelCard, ...]:
        card = self.find(task, examination)
        return () if card is None else (card,)

    find_everywhere = find_all

    def named_for(self, kind: ImageKind) -> tuple[ModelCard, ...]:
        return ()

    def gone(self, examination: Examination) -> tuple[ChosenModel, ...]:
        return ()

    def damaged(self) -> tuple[str, ...]:
        return ()

    def load(self, name: str) -> LoadedModel:
        assert self._gate is not None
        return self._gate


def gate_that_sees(
    kind: ImageKind, p: float = 0.95, only_shape: tuple[int, int] | None = None
) -> LoadedModel:
    """A gate that takes every picture for one kind.

    With `only_shape`, only wide or only tall pictures as that shape is; others are foreign.
    """

    class Engine:
        name = "fake"

        def run(self, batch: np.ndarray, **others: np.ndarray) -> dict[str, np.ndarray]:
            seen = kind
            if only_shape is not None:
                content = batch[0, ..., 0] > 0.01
                is_tall = content.any(axis=1).sum() > content.any(axis=0).sum()
                if is_tall != (only_shape[0] > only_shape[1]):
                    seen = ImageKind.NONE_OF_THESE
            rest = (1 - p) / (len(ImageKind) - 1)
            logits = np.log([[p if each is seen else rest for each in ImageKind]])
            return {"logits": logits.astype(np.float32), "place": np.zeros((1, 1), np.float32)}

    return LoadedModel(gate_card(), Engine())
