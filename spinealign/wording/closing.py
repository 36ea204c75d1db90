"""What is asked before cases are closed: what that would cost, with names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spinealign.wording.text import listed, safe_text
from spinealign.wording.worklist import shortened

CLOSE_ANYWAY = "&Close all the same"


@dataclass(frozen=True)
class ClosingCases:
    """What closing cases would cost, by names of cases.

    Parameters
    ----------
    count : int
        How many are closed in all.
    unwritten : sequence of str
        Their corrections could not be written.
    unfinished : sequence of str
        They are being analysed, or wait for it.
    unsigned : sequence of str
        They have a result that nobody signed.
    """

    count: int
    unwritten: Sequence[str] = ()
    unfinished: Sequence[str] = ()
    unsigned: Sequence[str] = ()

    @property
    def is_asked(self) -> bool:
        """Whether a person is asked first: one case without lost corrections is opened again."""
        return bool(self.unwritten) or len(self.unfinished) + len(self.unsigned) > 1


def close_question(closing: ClosingCases) -> tuple[str, str, str]:
    """Return title, question and what to know before cases are closed."""
    parts = []
    if closing.unwritten:
        parts.append(f"Corrections could not be written to disk: {_named(closing.unwritten)}.")
    if closing.unfinished:
        parts.append(f"Being analysed or waiting: {_named(closing.unfinished)}.")
    if closing.unsigned:
        parts.append(f"With a result that is not signed: {_named(closing.unsigned)}.")
    more = _UNWRITTEN_STAY if closing.unwritten else _WRITTEN_STAY
    cases = "case" if closing.count == 1 else f"{closing.count} cases"
    which = "this case" if closing.count == 1 else f"these {closing.count} cases"
    return f"Close {cases}", f"Close {which}?", "\n".join((*parts, more))


def _named(names: Sequence[str]) -> str:
    """Return names in a sentence; of many the first ones, and how many more there are."""
    shown = [f"“{safe_text(shortened(name))}”" for name in names[:_MOST_NAMED]]
    rest = len(names) - len(shown)
    return listed([*shown, f"{rest} more"] if rest else shown)


_MOST_NAMED = 3
_MADE_AGAIN = "Results are made again when the images are opened."
_WRITTEN_STAY = f"Corrections and readings on the disk stay. {_MADE_AGAIN}"
_UNWRITTEN_STAY = (
    "Corrections that could not be written are kept until SpineAlign is closed, and written if "
    f"that becomes possible. {_MADE_AGAIN}"
)
