"""The view gate: which of the three ways an image goes, or that it goes none of them."""

from spinealign.gate.choice import ViewChoice, choose_view
from spinealign.gate.classify import KindPrediction, classify_kind
from spinealign.gate.verdict import judge

__all__ = ["KindPrediction", "ViewChoice", "choose_view", "classify_kind", "judge"]
