"""The impression: sentences from what a reader accepted or changed, and the reader's phrases."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from spinealign.domain.discs import GradeName
from spinealign.domain.errors import ReadingError, ReadingProblem
from spinealign.domain.findings import WarningCode
from spinealign.domain.measurements import UnmeasurableReason
from spinealign.domain.measures import (
    MEASURES,
    Extent,
    MeasureCode,
    MeasureDefinition,
    MeasureGroup,
)
from spinealign.domain.reading import (
    CONTEXT_KINDS,
    Decision,
    Disagreement,
    Finding,
    FindingKind,
    Impression,
    Normality,
    NumberValue,
    Reading,
)
from spinealign.reading.decisions import ReadFinding, read_findings
from spinealign.reading.findings import canal_lines
from spinealign.wording.curve_pattern import dictated_curves
from spinealign.wording.reading_page import (
    COUNTED_LEVELS,
    LEVELS_FROM_SACRUM,
    OVERRULED_TYPE,
    REJECTED_LEVELS,
    REJECTED_TYPE,
    UNCERTAIN_LEVELS,
    bare_phrase,
    canal_sentence,
    closed_canal_sentence,
    dictated_measure,
    finding_name,
    finding_title,
    finding_value_text,
    level_phrase,
    measure_phrase,
    measure_sentence_of,
    normal_bodies_phrase,
    normal_discs_phrase,
    normal_measures_phrase,
    normal_sentence,
    places_sentence,
    undetermined_measures_sentence,
    undetermined_sentence,
    unjudged_sentence,
)

MOST_CHARACTERS = 20_000
"""Length of an impression (`domain.reading.FreeText`)."""

_WAITS_FOR_POINTS = frozenset(
    {
        UnmeasurableReason.FEMORAL_HEADS_MISSING,
        UnmeasurableReason.PLUMB_POINTS_MISSING,
        UnmeasurableReason.CHEST_EDGES_MISSING,
    }
)
"""Reasons that only wait for points which a person places."""

MOST_PHRASES = 500


def impression_text(read: Sequence[ReadFinding]) -> str:
    """Return what was accepted or changed as sentences, a line each.

    Parameters
    ----------
    read : sequence of ReadFinding
        Undecided, outdated and rejected ones are not mentioned.

    Returns
    -------
    str
        Abnormal findings by place, worst first; what is normal in one sentence; grades that are
        not determined; measures without a reference; heights, curvatures and measures of balance
        that are not determined; how the levels were named. Empty if nothing was decided. Where the
        reader rejected the image type or the levels, nothing that rests on them is told; an image
        that a person had taken for another type says so first.
    """
    rejected = {each.finding.kind for each in read if each.state is Decision.REJECTED}
    if FindingKind.EXAMINATION in rejected:
        return REJECTED_TYPE
    if FindingKind.LEVELS in rejected:
        rest = [each for each in read if not each.finding.levels]
        rest = [each for each in rest if each.finding.kind is not FindingKind.LEVELS]
        return "\n".join(filter(None, (REJECTED_LEVELS, impression_text(rest))))
    said = [found for each in read if (found := each.said) is not None]
    closed = closed_canal_sentence(_undetermined_canal(read))
    lines = [*filter(None, [closed]), *_curves_together(said), *_abnormal_sentences(said)]
    normal = normal_sentence(_normal_parts(read, said))
    unjudged = unjudged_sentence([found for found in said if _is_unjudged_measure(found)])
    gaps = undetermined_sentence(*_undetermined_grades(read))
    untold = undetermined_measures_sentence(
        _undetermined_heights(read), _undetermined_measures(read, said), _undetermined_canal(read)
    )
    told = [*lines, *filter(None, (normal, gaps, unjudged))]
    if not told:
        return ""
    lines = [*_type_reservation(read), *told, *filter(None, [untold]), *_level_reservation(read)]
    return "\n".join(lines)


def _abnormal_sentences(said: Iterable[Finding]) -> list[str]:
    """Return a sentence a place, worst first; places that show the same share one."""
    abnormal = (finding for finding in said if finding.normality is Normality.ABNORMAL)
    ordered = sorted(abnormal, key=lambda found: -found.rank)
    lines = canal_lines(ordered)
    wide: dict[str, list[Finding]] = {}
    for finding in ordered:
        line = finding.canal_line
        wide.setdefault(line if line in lines else _dictated_at(finding), []).append(finding)
    alike: dict[str, list[Finding]] = {}
    for key, found in wide.items():
        is_place = _has_one_place(found[0]) and key not in lines
        alike.setdefault(level_phrase(found) if is_place else found[0].key, []).append(found[0])
    canal = {wide[line][0].key: wide[line] for line in lines}
    return [
        canal_sentence(canal[phrase]) if phrase in canal else _sentence(phrase, found)
        for phrase, found in alike.items()
    ]


def _curves_together(said: Sequence[Finding]) -> list[str]:
    """Return which curves a spine from the front has together, where there are several."""
    bent = [
        (MeasureCode(found.code), found.curve, found.value.value)
        for found in sorted(said, key=lambda found: _top(found.box))
        if found.curve is not None and isinstance(found.value, NumberValue)
    ]
    told = dictated_curves(bent)
    return [told] if told else []


def _dictated_at(finding: Finding) -> str:
    return finding.place if _has_one_place(finding) else finding.key


def _sentence(phrase: str, found: Sequence[Finding]) -> str:
    if not _has_one_place(found[0]):
        return measure_sentence_of(found[0])
    ordered = sorted(found, key=lambda finding: _top(finding.box))
    return places_sentence([finding.place for finding in ordered], phrase)


def _has_one_place(finding: Finding) -> bool:
    """Whether a finding belongs to one disc or body, as dictation groups them."""
    if finding.kind is FindingKind.MEASURE:
        return MEASURES[MeasureCode(finding.code)].extent.has_one_level
    return finding.kind in (FindingKind.DISC_GRADE, FindingKind.HEIGHT_LOSS)


def _normal_parts(read: Sequence[ReadFinding], said: Sequence[Finding]) -> list[str]:
    normal = [found for found in said if found.normality is Normality.NORMAL]
    bodies = [found.place for found in normal if found.kind is FindingKind.HEIGHT_LOSS]
    measures = [found for found in normal if _is_main_measure(found)]
    parts = _normal_discs(read)
    parts += [normal_bodies_phrase(_from_top(read, bodies))] if bodies else []
    return parts + ([normal_measures_phrase(measures)] if measures else [])


def _normal_discs(read: Sequence[ReadFinding]) -> list[str]:
    """Return the discs on which every grade was accepted as normal; none may be undetermined."""
    slipped = _measured_slips(read)
    quiet = [
        place
        for place, grades in _quiet_discs(read).items()
        if place not in slipped and not any(map(_is_open, grades))
    ]
    return [normal_discs_phrase(_from_top(read, quiet))] if quiet else []


def _measured_slips(read: Sequence[ReadFinding]) -> set[str]:
    """Return the discs at which a slip was measured and accepted: its grade says nothing more."""
    return {
        found.place
        for each in read
        if (found := each.said) is not None
        and found.code == MeasureCode.LISTHESIS_PERCENT
        and found.normality is Normality.ABNORMAL
    }


def _undetermined_grades(
    read: Sequence[ReadFinding],
) -> tuple[dict[str, list[str]], Collection[str]]:
    """Return grades that are not determined by disc, from the top; and the discs with a change.

    A disc of which nothing was decided has no part in it.
    """
    graded = _graded_discs(read)
    told = {
        place
        for place, grades in graded.items()
        if _is_quiet(grades) or any(each.said is not None for each in grades)
    }
    slipped = _measured_slips(read)
    gaps = {
        place: [
            finding_name(each.finding)
            for each in graded[place]
            if _is_open(each) and not (_is_slip(each) and place in slipped)
        ]
        for place in _from_top(read, [*told])
    }
    changed = told - (set(_quiet_discs(read)) - slipped)
    return {place: names for place, names in gaps.items() if names}, changed


def _is_slip(each: ReadFinding) -> bool:
    return each.finding.code == GradeName.SPONDYLOLISTHESIS


def _undetermined_heights(read: Sequence[ReadFinding]) -> list[str]:
    """Return the bodies of which nobody says whether they lost height."""
    heights = [each for each in read if each.finding.kind is FindingKind.HEIGHT_LOSS]
    return [each.finding.place for each in heights if _is_open(each)]


def _undetermined_canal(read: Sequence[ReadFinding]) -> list[Finding]:
    """Return the levels at which nobody says how wide the canal is."""
    wanted = MeasureCode.CANAL_DIAMETER
    return [each.finding for each in read if each.finding.code == wanted and _is_open(each)]


def _undetermined_measures(read: Sequence[ReadFinding], said: Sequence[Finding]) -> list[Finding]:
    """Return curvatures and measures of balance that nobody says, nor one that stands in for them.

    What only waits for femoral heads, which a person places, is none of them.
    """
    told = {MEASURES[MeasureCode(f.code)] for f in said if f.kind is FindingKind.MEASURE}
    covered = {definition.stands_in_for for definition in told}
    measures = [each for each in read if each.finding.kind is FindingKind.MEASURE]
    return [
        each.finding
        for each in measures
        if _is_open(each)
        and _is_to_be_told(definition := MEASURES[MeasureCode(each.finding.code)], each.finding)
        and definition.stands_in_for is None
        and definition.code not in covered
    ]


def _is_to_be_told(definition: MeasureDefinition, finding: Finding) -> bool:
    why = finding.unmeasurable
    waits = why is not None and why.reason in _WAITS_FOR_POINTS
    return (definition.is_lordosis or definition.group is MeasureGroup.BALANCE) and not waits


def _graded_discs(read: Sequence[ReadFinding]) -> dict[str, list[ReadFinding]]:
    graded: dict[str, list[ReadFinding]] = {}
    for each in read:
        if each.finding.kind is FindingKind.DISC_GRADE:
            graded.setdefault(each.finding.place, []).append(each)
    return graded


def _quiet_discs(read: Sequence[ReadFinding]) -> dict[str, list[ReadFinding]]:
    """Return the discs on which every grade that there is was accepted as normal."""
    return {place: grades for place, grades in _graded_discs(read).items() if _is_quiet(grades)}


def _is_quiet(grades: Sequence[ReadFinding]) -> bool:
    told = [each.said for each in grades if not _is_open(each)]
    is_normal = all(found is not None and found.normality is Normality.NORMAL for found in told)
    return is_normal and len(told) > len(GradeName) // 2


def _is_open(each: ReadFinding) -> bool:
    """Whether neither the program nor the reader says what a finding is."""
    is_doubt = each.finding.normality is Normality.UNDETERMINED
    return is_doubt and each.state is Decision.UNDECIDED


def _from_top(read: Sequence[ReadFinding], places: Sequence[str]) -> list[str]:
    """Return places in the order from the head down."""
    tops = {each.finding.place: each.finding.box for each in read if each.finding.box}
    return sorted(dict.fromkeys(places), key=lambda place: _top(tops.get(place)))


def _top(box: tuple[float, float, float, float] | None) -> float:
    return 0.0 if box is None else box[1] + box[3]


def _is_main_measure(finding: Finding) -> bool:
    if finding.kind is not FindingKind.MEASURE:
        return False
    return MEASURES[MeasureCode(finding.code)].extent is not Extent.BODY


def _is_unjudged_measure(finding: Finding) -> bool:
    """Whether a measure is told without a reference; pixels mean nothing to who reads it."""
    is_measure = finding.kind is FindingKind.MEASURE and not finding.unit.startswith("px")
    return is_measure and finding.normality is Normality.UNJUDGED


def _type_reservation(read: Sequence[ReadFinding]) -> list[str]:
    """Return that a person had the image taken for another type than the program."""
    types = (each.finding for each in read if each.finding.kind is FindingKind.EXAMINATION)
    is_overruled = any(WarningCode.VIEW_OVERRULED in finding.cautions for finding in types)
    return [OVERRULED_TYPE] if is_overruled else []


def _level_reservation(read: Sequence[ReadFinding]) -> list[str]:
    """Return how far the levels are to be trusted, where no reader confirmed them."""
    for each in read:
        if each.finding.kind is FindingKind.LEVELS and each.said is None:
            if each.finding.value is None:
                return [UNCERTAIN_LEVELS]
            if WarningCode.LEVELS_COUNTED in each.finding.cautions:
                return [COUNTED_LEVELS]
            if WarningCode.LEVELS_FROM_SACRUM in each.finding.cautions:
                return [LEVELS_FROM_SACRUM]
    return []


def disagreement(read: Sequence[ReadFinding], impression: Impression) -> Disagreement:
    """Return where an impression that the reader typed does not agree with the decisions."""
    if not impression.is_edited:
        return Disagreement()
    now, before = impression_text(read).splitlines(), impression.followed.splitlines()
    stale = tuple(line for line in before if line not in now and line in impression.text)
    abnormal = _abnormal_sentences(found for each in read if (found := each.said) is not None)
    missing = tuple(line for line in abnormal if line not in before and line not in impression.text)
    overruled = (words for words in contradicted(read, impression.text) if not _is_in(words, stale))
    return Disagreement(tuple(overruled), stale, missing)


def _is_in(words: str, lines: Sequence[str]) -> bool:
    """Whether a line says something dictated: all of "L4/L5: bulging", in any order."""
    parts = words.casefold().split(": ")
    return any(all(part in line.casefold() for part in parts) for line in lines)


def contradicted(read: Sequence[ReadFinding], text: str) -> tuple[str, ...]:
    """Return what an impression still says although the reader changed or rejected it.

    Parameters
    ----------
    read : sequence of ReadFinding
    text : str
        As the reader typed it.

    Returns
    -------
    tuple of str
        As it is dictated: "C2–C7 Cobb kyphosis 17.8°", "L4/L5: disc bulging".
    """
    overruled = (Decision.CHANGED, Decision.REJECTED)
    doubtful = [
        msgspec.structs.replace(each.finding, value=each.decision.shown)
        for each in read
        if each.decision is not None and each.state in overruled
    ]
    lines = text.casefold().splitlines()
    return tuple(words for found in doubtful if (words := _still_said(found, lines)))


def _still_said(finding: Finding, lines: Sequence[str]) -> str:
    ways: list[tuple[tuple[str, ...], str]]
    if finding.value is None or finding.kind in CONTEXT_KINDS:
        return ""
    if finding.kind is FindingKind.MEASURE:
        phrase, value = measure_phrase(finding), finding_value_text(finding.value)
        title = finding_title(finding)
        ways = [
            ((dictated_measure(phrase, finding),), dictated_measure(title, finding)),
            ((phrase, value), f"{title} {value}"),
        ]
        if finding.is_of_canal:  # told for several levels at once
            ways.append((("canal", value.partition(" ")[0]), f"{title} {value}"))
    else:
        words = f"{finding.place}: {bare_phrase(finding)}"
        ways = [((finding.place, bare_phrase(finding)), words)]
    said = (
        words
        for parts, words in ways
        if any(all(part.casefold() in line for part in parts) for line in lines)
    )
    return next(said, "")


def with_fresh_impression(reading: Reading, findings: Iterable[Finding]) -> Reading:
    """Return a reading whose impression follows from its decisions, unless the reader wrote it."""
    if reading.impression.is_edited or reading.signed_utc is not None:
        return reading
    text = impression_text(read_findings(findings, reading))
    return reading.with_changes(impression=Impression(text))


def with_edited_impression(reading: Reading, text: str, followed: str = "") -> Reading:
    """Return a reading with what the reader typed.

    Parameters
    ----------
    reading : Reading
    text : str
    followed : str
        What follows from the decisions meanwhile, as the reader has it before their eyes.

    Raises
    ------
    ReadingError
        It is signed, or the text is too long.
    """
    if reading.signed_utc is not None:
        raise ReadingError(ReadingProblem.SIGNED_ALREADY)
    if len(text) > MOST_CHARACTERS:
        raise ReadingError(ReadingProblem.TOO_LONG, limits=(0, MOST_CHARACTERS))
    if text == reading.impression.text:
        return reading
    stale = (line for line in reading.impression.followed.splitlines() if line in text)
    lines = dict.fromkeys([*followed.splitlines(), *stale])
    kept = "\n".join(lines)[:MOST_CHARACTERS]
    return reading.with_changes(impression=Impression(text, is_edited=True, followed=kept))


def refilled(read: Sequence[ReadFinding], impression: Impression) -> Impression:
    """Return an impression with fresh sentences of the decisions, and the reader's own words below.

    Raises
    ------
    ReadingError
        Both together are too long.
    """
    text = impression_text(read)
    own = _own_words(impression, text)
    if not own:
        return Impression(text)
    whole = "\n".join([text, *own] if text else own)
    if len(whole) > MOST_CHARACTERS:
        raise ReadingError(ReadingProblem.TOO_LONG, limits=(0, MOST_CHARACTERS))
    return Impression(whole, is_edited=True, followed=text)


def _own_words(impression: Impression, text: str) -> list[str]:
    """Return the lines of an impression without the sentences that follow, or followed once."""
    sentences = [*impression.followed.splitlines(), *text.splitlines()]
    own = []
    for line in impression.text.splitlines():
        for sentence in sentences:
            line = line.replace(sentence, " ")
        own.append(" ".join(line.split()))
    return [line for line in own if line]


# Phrases


class Phrase(msgspec.Struct, frozen=True):
    """A text of the reader's own that a short key stands for.

    Parameters
    ----------
    key : str
        Letters, digits, "-" and "_" of any script.
    text : str
    """

    key: Annotated[str, Meta(pattern=r"^[\w-]{1,20}$(?!\n)")]
    text: Annotated[str, Meta(min_length=1, max_length=2000)]


Phrases = Annotated[tuple[Phrase, ...], Meta(max_length=MOST_PHRASES)]
"""All phrases of a reader, as settings keep them."""


def repeated_keys(phrases: Iterable[Phrase]) -> tuple[str, ...]:
    """Return keys that stand for more than one text; upper and lower case are alike."""
    keys = [phrase.key.casefold() for phrase in phrases]
    return tuple(dict.fromkeys(key for key in keys if keys.count(key) > 1))


def expanded(text: str, caret: int, phrases: Iterable[Phrase]) -> tuple[str, int] | None:
    """Return a text in which the key just before the caret is replaced by its phrase.

    Parameters
    ----------
    text : str
    caret : int
        How many characters stand before the caret.
    phrases : iterable of Phrase

    Returns
    -------
    tuple of str and int, or None
        The new text and the caret behind the phrase; None where no key stands there. A key
        counts only as a whole word.
    """
    before = text[:caret]
    start = len(before)
    while start and (before[start - 1].isalnum() or before[start - 1] in "-_"):
        start -= 1
    word = before[start:].casefold()
    found = next((phrase for phrase in phrases if phrase.key.casefold() == word), None)
    if found is None:
        return None
    return f"{before[:start]}{found.text}{text[caret:]}", start + len(found.text)
