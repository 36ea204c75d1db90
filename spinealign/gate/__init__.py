"""The view gate: which of the three ways an image goes, or that it goes none of them."""

from spinealign.gate.choice import ViewChoice, choose_view
from spinealign.gate.look import GateAnswer, look_at
from spinealign.gate.verdict import judge

__all__ = ["GateAnswer", "ViewChoice", "choose_view", "judge", "look_at"]
