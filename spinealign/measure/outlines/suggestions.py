"""Bodies that were seen and are not counted: which are still offered, and that they are."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.findings import Caution, Vertebra, WarningCode
from spinealign.measure.outlines.body_places import counterparts


def open_suggestions(
    suggestions: Sequence[Vertebra], bodies: Sequence[Vertebra]
) -> tuple[Vertebra, ...]:
    """Return the suggestions at whose place there is no body."""
    taken = {found.index for found in counterparts(bodies, suggestions).values()}
    return tuple(one for one in suggestions if one.index not in taken)


def suggestion_cautions(suggestions: Sequence[Vertebra]) -> tuple[Caution, ...]:
    """Say which bodies are offered."""
    names = tuple(body.name for body in suggestions)
    return (Caution(WarningCode.BODIES_SUGGESTED, levels=names),) if names else ()
