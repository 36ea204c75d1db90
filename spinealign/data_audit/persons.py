"""Which of a list's patients are perhaps one person, by endings of names or DICOM identifiers.

A list is believed: its patients stay as they are. What speaks against it is said as a doubt, and
what hangs together so is kept on one side of the split that the audit writes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from spinealign.data_audit.dicom_facts import DicomFacts
from spinealign.data_audit.listing import PARTS, ListedFile
from spinealign.data_audit.names import Named
from spinealign.domain.data_audit import AuditedFile, PatientSource

_MOST_EXAMINATIONS: Final = 6
"""Of one person in one set; what more of a list's patients share is a place or a device."""

_VIEW: Final = (
    r"l|r|left|right|(?:ap|pa|lat(?:eral)?)\d?|frontal|sag(?:ittal)?|ax(?:ial)?|cor(?:onal)?|"
    r"t1w?|t2w?|t2s|stir|tirm|flair|pdw?|dwi|adc"
)
_TIME: Final = (
    r"pre|post|pre[_-]?op|post[_-]?op|before|after|baseline|follow[_-]?up|"
    r"(?:visit|session|ses|exam(?:ination)?|scan|follow[_-]?up|fu|time|tp|month|year|film|acq|run|"
    r"v|t|m|y)[\s_-]?\d{1,3}|\d{1,3}[_-]?(?:months?|years?|weeks?|mo|yr|wk)"
)
_DATE: Final = (
    r"(?:19|20)\d{2}[._-]?(?:0[1-9]|1[0-2])[._-]?(?:0[1-9]|[12]\d|3[01])|"
    r"(?:0[1-9]|[12]\d|3[01])[._-](?:0[1-9]|1[0-2])[._-](?:19|20)\d{2}"
)
_LETTER: Final = r"[a-e]"
"""M, F and W are a sex, N, P and Y a finding, more often than an examination."""

_ENDING: Final = re.compile(
    rf"^(.*[^\s._-])[\s._-]+(?:{_VIEW}|{_TIME}|{_DATE}|{_LETTER})$", re.IGNORECASE
)
_NUMBERED: Final = re.compile(r"^([a-z]{0,6}[\s._-]?)\d+[a-e]?$", re.IGNORECASE)
"""“12”, “12a”, “P12b”. The letter is an ending where all patients of a list are named so."""

_IS_DATE: Final = re.compile(rf"^(?:{_DATE})$")
_NOBODY: Final = re.compile(
    r"(?:^|[\s._-])(?:site|cent(?:er|re)|hospital|clinic|ward|group|grp|batch|cohort|study|project|"
    r"set|dataset|fold|class|grade|level|scanner|device|day|week|part|block|room|lab|arm)"
    r"[\s._-]?\d+$",
    re.IGNORECASE,
)
"""What has a number and is no person."""


def person_of(name: str, *, has_letters: bool = False) -> str:
    """Return a name without endings that tell an examination, a view, a side or a date.

    Parameters
    ----------
    name : str
        A list's patient, or a file's name without its suffix.
    has_letters : bool
        Whether a letter right behind the number is such an ending, as in "12a".

    Returns
    -------
    str
        In lower case; empty where there is no such ending, or what is left names nobody.
    """
    rest = name.strip()
    while found := _ENDING.match(rest):
        rest = found[1]
    if has_letters and rest[-1:].isalpha() and _NUMBERED.match(rest):
        rest = rest[:-1]
    names_somebody = any(letter.isdigit() for letter in rest)
    if rest == name.strip() or not names_somebody or _IS_DATE.match(rest) or _NOBODY.search(rest):
        return ""
    return rest.lower()


def with_doubts(
    files: Sequence[AuditedFile], listed: Sequence[ListedFile], names: Sequence[Named],
    facts: Sequence[DicomFacts | None],
) -> list[AuditedFile]:  # fmt: skip
    """Say of files of which other patients of the list they perhaps are, by `perhaps`.

    Parameters
    ----------
    files : sequence of AuditedFile
    listed : sequence of ListedFile
    names : sequence of Named
        What the file names tell.
    facts : sequence of DicomFacts or None
    """
    told = [file for file in files if file.patient_source is PatientSource.LIST]
    by_list = _list_persons({file.patient for file in told})
    keys = [
        _keys(file, by_list, one, name, fact) if file.patient_source is PatientSource.LIST else ()
        for file, one, name, fact in zip(files, listed, names, facts, strict=True)
    ]
    shared = _shared(zip(files, keys, strict=True))
    numbers = {key: number for number, key in enumerate(sorted(shared), start=1)}
    return [
        replace(file, perhaps=tuple(numbers[key] for key in mine if key in shared))
        for file, mine in zip(files, keys, strict=True)
    ]


def _list_persons(patients: set[str]) -> dict[str, str]:
    """Return who each patient of a list perhaps is; those with an ending and those without."""
    starts = {found[1].lower() if (found := _NUMBERED.match(one)) else None for one in patients}
    has_letters = len(starts) == 1 and None not in starts
    return {one: person_of(one, has_letters=has_letters) or one.lower() for one in patients}


def _keys(
    file: AuditedFile, by_list: dict[str, str], listed: ListedFile, name: Named,
    fact: DicomFacts | None,
) -> tuple[tuple[str, str], ...]:  # fmt: skip
    found = [("list", by_list[file.patient])]
    if listed.told_name:
        told = person_of(PurePosixPath(listed.told_name).stem)
    else:
        told = person_of(name.base)
    if told:
        found.append(("name", f"{_place(file)}/{told}"))
    if fact is not None and fact.patient:
        found.append(("identifier", fact.patient))
    return tuple(found)


def _place(file: AuditedFile) -> str:
    """Return a file's folders without those of parts and classes: a bare name counts in its own."""
    folders = PurePosixPath(file.path).parts[:-1]
    return "/".join(one for one in folders if one.lower() not in PARTS and one != file.label)


def _shared(
    told: Iterable[tuple[AuditedFile, tuple[tuple[str, str], ...]]],
) -> set[tuple[str, str]]:
    """Return what several patients of a list share, and not too many of them."""
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file, keys in told:
        for key in keys:
            owners[key].add(file.patient)
    return {key for key, patients in owners.items() if 2 <= len(patients) <= _MOST_EXAMINATIONS}
