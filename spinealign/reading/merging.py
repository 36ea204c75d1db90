"""Two windows at one reading: what both wrote is put together, or the later step is refused."""

from __future__ import annotations

from collections.abc import Iterable

from spinealign.domain.errors import ReadingError, ReadingProblem
from spinealign.domain.reading import FindingDecision, Impression, Reading


def merged(base: Reading | None, theirs: Reading | None, ours: Reading) -> Reading:
    """Return a draft with what two windows made of it.

    Parameters
    ----------
    base : Reading or None
        The draft as this window last read or wrote it; None where there was none.
    theirs : Reading or None
        As it is on the disk now.
    ours : Reading
        As this window wants to write it.

    Returns
    -------
    Reading
        `ours` with the decisions and the impression that only the other window changed. An
        impression that both typed has both texts.

    Raises
    ------
    ReadingError
        Both decided differently on one finding.
    """
    before, there, here = (_decisions(reading) for reading in (base, theirs, ours))
    keys = dict.fromkeys([*there, *here])
    both = [key for key in keys if _is_contrary(before.get(key), there.get(key), here.get(key))]
    if both:
        raise ReadingError(ReadingProblem.CHANGED_ELSEWHERE, tuple(both))
    own = {key: made for key, made in here.items() if made != before.get(key)}
    kept = {key: made for key, made in there.items() if key in here or key not in before}
    decisions = in_order({**kept, **own}.values())
    impression = _impression(_impression_of(base), _impression_of(theirs), ours.impression)
    return ours.with_changes(decisions=decisions, impression=impression)


def in_order(decisions: Iterable[FindingDecision]) -> tuple[FindingDecision, ...]:
    """Return decisions in the order in which they were made."""
    return tuple(sorted(decisions, key=lambda made: made.decided_utc))


def has_both_texts(theirs: Reading | None, ours: Reading, made: Reading) -> bool:
    """Whether an impression was put together from two."""
    return made.impression.text not in (ours.impression.text, _impression_of(theirs).text)


def joined_text(base: str, theirs: str, ours: str) -> str:
    """Return a text that two windows went on typing: nothing that one of them typed is lost."""
    if theirs in (base, ours) or _has_lines(ours, theirs):
        return ours
    if ours == base or _has_lines(theirs, ours):
        return theirs
    if base and f"\n{base}\n" in f"\n{theirs}\n":  # one typed on, the other added lines
        return f"\n{theirs}\n".replace(f"\n{base}\n", f"\n{ours}\n", 1)[1:-1]
    return f"{theirs.rstrip()}\n{ours}"


def _has_lines(whole: str, part: str) -> bool:
    return {*part.splitlines()} <= {*whole.splitlines()}


def _decisions(reading: Reading | None) -> dict[str, FindingDecision]:
    return {made.key: made for made in reading.decisions} if reading is not None else {}


def _impression_of(reading: Reading | None) -> Impression:
    return Impression() if reading is None else reading.impression


def _is_contrary(
    before: FindingDecision | None, there: FindingDecision | None, here: FindingDecision | None
) -> bool:
    """Whether both windows changed what holds of a finding, and not to the same."""
    if there == before or here == before:
        return False
    return _held(there) != _held(here)


def _held(made: FindingDecision | None) -> object:
    return None if made is None else (made.decision, made.human)


def _impression(base: Impression, theirs: Impression, ours: Impression) -> Impression:
    if ours == base or (theirs.is_edited and not ours.is_edited):
        return theirs
    if theirs == base or not theirs.is_edited:
        return ours
    return Impression(
        joined_text(base.text, theirs.text, ours.text),
        is_edited=True,
        followed=joined_text(base.followed, theirs.followed, ours.followed),
    )
