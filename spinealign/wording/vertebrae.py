"""Texts of vertebral bodies: levels found, levels missing, and uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.examination import LEVEL_SEQUENCE, BodySource
from spinealign.domain.findings import (
    Analysis,
    ForeignOutlines,
    LandmarkSource,
    LevelUncertainty,
    Vertebra,
    VertebraState,
)
from spinealign.wording.examinations import examination_text
from spinealign.wording.text import listed, probability_text

VERTEBRA_HEADINGS = ("Body", "State", "Corners detected", "Confidence")

_DOUBT_TEXTS = {
    LevelUncertainty.NO_C2: "C2 was not found",
    LevelUncertainty.SEVERAL_C2: "more than one body was classified as C2",
    LevelUncertainty.BODIES_ABOVE_C2: "there seem to be bodies above C2",
    LevelUncertainty.IRREGULAR: "the bodies are not evenly spaced",
    LevelUncertainty.NO_SACRUM: "the upper border of the sacrum was not found",
    LevelUncertainty.NO_LOWEST_BODY: "no vertebra was found above the lowest disc",
    LevelUncertainty.PARTIAL_LOWEST_BODY: (
        "the lowest body was found only in part and may be the sacrum"
    ),
    LevelUncertainty.SMALL_LOWEST_DISC: "the lowest disc is small and may lie inside the sacrum",
    LevelUncertainty.NO_ENDS: "names one or two bodies further up or down fit as well or better",
}
_STATE_TEXTS = {
    VertebraState.COMPLETE: "complete",
    VertebraState.CUT: "cut off by the image border",
    VertebraState.ENDPLATE: "superior endplate only",
    VertebraState.HIDDEN: "low confidence",
    VertebraState.ADDED: "added manually",
    VertebraState.ACCEPTED: "suggested, accepted manually",
    VertebraState.NAME_OPEN: "suggested, accepted manually, name not confirmed",
}


def level_uncertainty_text(doubt: LevelUncertainty) -> str:
    """Return why levels are uncertain, fit to follow "because"."""
    return _DOUBT_TEXTS[doubt]


def suggested_name(body: Vertebra) -> str:
    """Return what a suggested body is called: its likeliest level with a question mark."""
    return f"{body.level}?" if body.level else "?"


def shown_name(body: Vertebra) -> str:
    """Return what a body is called where people read it: "T5?" while nobody confirmed that."""
    return suggested_name(body) if body.is_name_open else body.name


def outlines_headline(analysis: Analysis) -> str:
    """Return which bodies were outlined, as one sentence.

    Parameters
    ----------
    analysis : Analysis
        Its `vertebrae` may be empty.
    """
    bodies, image = analysis.vertebrae, examination_text(analysis.examination)
    if not bodies:
        return f"No vertebral body was outlined on this {image}, because {_why_none(analysis)}."
    if analysis.outlined_by is not None:
        return _foreign_headline(analysis, analysis.outlined_by)
    facing = f", facing {analysis.facing}" if analysis.facing else ""
    if analysis.levels_uncertain:
        found = f"{len(bodies)} vertebral bodies"
        rest = f"their levels are uncertain because {_doubt_of(analysis)}"
    else:
        levels = [shown_name(body) for body in bodies]
        found, rest = _run_text(levels), _missing_text(analysis)
    more = [rest] if rest else []
    more += [_suggested_text(analysis)] if analysis.suggestions else []
    return f"Outlined {found} on this {'; '.join([f'{image}{facing}', *more])}."


def _foreign_headline(analysis: Analysis, whose: ForeignOutlines) -> str:
    bodies, image = analysis.vertebrae, examination_text(analysis.examination)
    facing = f", facing {analysis.facing}" if analysis.facing else ""
    known = [shown_name(body) for body in bodies if body.level is not None]
    found = _run_text(known) if len(known) == len(bodies) else f"{len(bodies)} vertebral bodies"
    unused = f"; not used of it: {listed(whose.unused)}" if whose.unused else ""
    return f"Outlined {found} only on this {image}{facing}, by {outlines_from(whose)}{unused}."


_HOW_OUTLINED = {
    "MANUAL": "drawn by hand",
    "SEMIAUTOMATIC": "semi-automatic",
    "AUTOMATIC": "automatic",
}


def outlines_from(whose: ForeignOutlines) -> str:
    """Return whose outlines they are: "another program's segmentation (X; drawn by hand)"."""
    how = [_HOW_OUTLINED[kind] for kind in whose.kinds if kind in _HOW_OUTLINED]
    told = "; ".join(filter(None, (whose.maker, *whose.algorithms, listed(how) if how else "")))
    return f"another program's segmentation ({told})" if told else "another program's segmentation"


def _why_none(analysis: Analysis) -> str:
    if not analysis.suggestions:
        return "fewer than two plausible bodies were found"
    return f"what was seen does not form a plausible column; {_suggested_text(analysis)}"


def _suggested_text(analysis: Analysis) -> str:
    named = [body for body in analysis.suggestions if body.level is not None]
    count = len(analysis.suggestions)
    said = "1 body is suggested" if count == 1 else f"{count} bodies are suggested"
    if len(named) < count:
        return said
    return f"{said} ({_run_text(sorted(map(suggested_name, named), key=_rank))})"


def _doubt_of(analysis: Analysis) -> str:
    doubts = [c.doubt for c in analysis.cautions if c.doubt is not None]
    return level_uncertainty_text(doubts[0] if doubts else LevelUncertainty.NO_C2)


def _run_text(levels: Sequence[str]) -> str:
    """Return levels for a sentence, three or more in a row by the first and the last of them."""
    runs: list[list[str]] = []
    for level in levels:
        is_next = runs and _rank(level) == _rank(runs[-1][-1]) + 1
        runs = [*runs[:-1], [*runs[-1], level]] if is_next else [*runs, [level]]
    parts = [[f"{run[0]} to {run[-1]}"] if len(run) > 2 else run for run in runs]
    return listed([part for run in parts for part in run])


def _rank(level: str) -> int:
    return LEVEL_SEQUENCE.index(level.removesuffix("?"))


def _looked_for(analysis: Analysis) -> Sequence[str]:
    return () if analysis.examination is None else analysis.examination.levels


def missing_levels(analysis: Analysis) -> tuple[str, ...]:
    """Return the levels that the image should show, or that lie between others, and are not found.

    Empty where levels are uncertain, or another program outlined the bodies; a body that a person
    removed is none of them.
    """
    levels = [body.level for body in analysis.vertebrae if body.level is not None]
    if not levels or analysis.levels_uncertain or analysis.outlined_by is not None:
        return ()
    looked_for = _looked_for(analysis)
    first, last = (LEVEL_SEQUENCE.index(level) for level in (levels[0], levels[-1]))
    if levels[0] in looked_for:
        first = LEVEL_SEQUENCE.index(looked_for[0])
    between = [level for level in LEVEL_SEQUENCE[first:last] if level not in levels]
    below = [level for level in looked_for if LEVEL_SEQUENCE.index(level) > last]
    return tuple(level for level in between + below if level not in analysis.removed)


def unseen_levels(analysis: Analysis) -> tuple[str, ...]:
    """Return the `missing_levels` for which no body is suggested either."""
    suggested = {body.level for body in analysis.suggestions}
    return tuple(level for level in missing_levels(analysis) if level not in suggested)


def _missing_text(analysis: Analysis) -> str:
    missing, removed = unseen_levels(analysis), analysis.removed
    said = [f"{_run_text(missing)} {_was(missing)} not found"] if missing else []
    return "; ".join([*said, *([removed_text(removed)] if removed else [])])


def removed_text(levels: Sequence[str]) -> str:
    """Return that a person deleted bodies: "C4 was removed by the reader"."""
    return f"{listed(levels)} {_was(levels)} removed by the reader"


def _was(levels: Sequence[str]) -> str:
    return "was" if len(levels) == 1 else "were"


def format_vertebra_row(body: Vertebra) -> tuple[str, ...]:
    """Return the cells of one body under `VERTEBRA_HEADINGS`."""
    return (
        shown_name(body),
        _STATE_TEXTS[body.state],
        _corners_seen(body),
        probability_text(body.confidence),
    )


def _corners_seen(body: Vertebra) -> str:
    sources = [mark.source for mark in body.landmarks]
    if sources and all(source is LandmarkSource.CONTOUR for source in sources):
        return "from the outline"
    if LandmarkSource.CONFIRMED in sources:
        return "confirmed"
    seen = sources.count(LandmarkSource.NETWORK)
    return f"{seen} of {2 if body.level == 'C2' else 4}"


def bodies_phrase(bodies: Sequence[Vertebra]) -> str:
    """Return which bodies were told apart in a mask of all vertebrae, for a sentence."""
    whole = [body for body in bodies if body.state is not VertebraState.ENDPLATE]
    if not whole:
        return "vertebrae"
    if any(body.level is None for body in whole):
        return f"{len(whole)} vertebral bodies"
    return f"vertebrae ({_run_text([shown_name(body) for body in whole])})"


def is_body_segmentation(analysis: Analysis) -> bool:
    """Whether a network that finds nothing but vertebral bodies looked at this image."""
    found = analysis.segmentation
    if found is None or analysis.examination is None:
        return False
    if analysis.examination.body_source is not BodySource.CORNER_MAPS:
        return False
    return bool(analysis.vertebrae) or not found.classes
