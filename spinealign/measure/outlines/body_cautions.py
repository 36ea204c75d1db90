"""Which bodies are not to be trusted as others are, as cautions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from spinealign.domain.findings import Caution, Vertebra, VertebraState, WarningCode

_OF_STATES: Mapping[VertebraState, WarningCode] = MappingProxyType(
    {
        VertebraState.CUT: WarningCode.BODY_CUT,
        VertebraState.HIDDEN: WarningCode.BODY_HIDDEN,
        VertebraState.ENDPLATE: WarningCode.ENDPLATE_FROM_DISC,
    }
)


def state_cautions(bodies: Sequence[Vertebra]) -> Iterator[Caution]:
    """Yield which bodies the border cuts, which are hardly seen, and which a disc alone tells."""
    for state, code in _OF_STATES.items():
        names = tuple(body.name for body in bodies if body.state is state)
        if names:
            yield Caution(code, levels=names)
