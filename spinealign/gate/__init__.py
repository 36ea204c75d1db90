"""The gate: which kind of examination an image is of, or that it is refused."""

from spinealign.gate.choice import ExaminationChoice, choose_examination
from spinealign.gate.classify import KindPrediction, classify_kind
from spinealign.gate.verdict import judge

__all__ = ["ExaminationChoice", "KindPrediction", "choose_examination", "classify_kind", "judge"]
