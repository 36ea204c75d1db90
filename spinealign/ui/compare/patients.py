"""What the files of open cases say about the patient and the date, read in the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.domain.comparison import PatientExamination, given_date
from spinealign.domain.findings import Analysis
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.image import ImagePart
from spinealign.domain.study import PatientFacts
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.jobs import read_patient
from spinealign.ui.workbench import Workbench
from spinealign.wording.comparison import DATE_GIVEN, date_text
from spinealign.wording.reading import name_text
from spinealign.wording.text import safe_text

_SAID_OF = {
    PatientMatch.OTHER: ("another patient",),
    PatientMatch.DOUBTFUL: ("another name or sex",),
}
_MATCH_ORDER = (
    PatientMatch.SAME, PatientMatch.UNKNOWN, PatientMatch.DOUBTFUL, PatientMatch.OTHER,
)  # fmt: skip
_NO_DISTANCE = 10**9
"""Days between examinations of which one has no date: they come last."""


def without_pictures(analysis: Analysis) -> Analysis:
    """Return an analysis whose arrays are a single pixel: measures and their points stay."""
    image = replace(analysis.image, pixels=np.zeros((1, 1), np.float32))
    return replace(
        analysis, image=image, segmentation=None, classification=None, automatic=None,
        companion=None,
    )  # fmt: skip


class PatientReader(QObject):
    """Knows whose the open cases are and when they were taken, as long as its window is open."""

    changed = pyqtSignal()

    def __init__(self, bench: Workbench, parent: QObject) -> None:
        super().__init__(parent)
        self._bench = bench
        self._facts: dict[ImagePart, PatientFacts] = {}
        self._asked: set[ImagePart] = set()
        self._measured: dict[int, Analysis] = {}

    @property
    def shows_names(self) -> bool:
        """Whether the user wants to see names of patients."""
        return not self._bench.preferences.settings.hide_patient_data

    def facts_of(self, case: Case) -> PatientFacts:
        """Return what is known by now; what is not is read, and `changed` tells."""
        part = case.stack.first.parts[0]
        if part not in self._asked:
            self._asked.add(part)
            task = self._bench.patients.submit(partial(read_patient, self._bench.services, part))
            task.finished.connect(partial(self._take, part))
        return self._facts.get(part, PatientFacts())

    def is_known(self, case: Case) -> bool:
        """Whether what the file says about the patient has been read."""
        return case.stack.first.parts[0] in self._facts

    def examination_of(self, case: Case | None) -> PatientExamination | None:
        """Return a case as it is corrected now; None without a result."""
        if case is None or case.finding is None:
            return None
        return PatientExamination(case.finding.analysis, self.facts_of(case))

    def measured_of(self, case: Case) -> PatientExamination | None:
        """Return the measures of a case without its pictures, kept when these are let go.

        A course over more examinations than there is memory for would otherwise analyse them
        again and again, each one taking the place of another.
        """
        if case.finding is not None:
            self._measured[id(case)] = without_pictures(case.finding.analysis)
        kept = self._measured.get(id(case))
        return None if kept is None else PatientExamination(kept, self.facts_of(case))

    def match(self, one: Case, other: Case) -> PatientMatch:
        """Return whether two cases are of one patient, as far as it is known by now."""
        found = self.examination_of(one), self.examination_of(other)
        if one is other:
            return PatientMatch.SAME
        if found[0] is not None and found[1] is not None:
            return found[0].match(found[1])
        return self.facts_of(one).key.match(self.facts_of(other).key)

    def in_order(self, case: Case | None, cases: Sequence[Case]) -> tuple[Case, ...]:
        """Return cases as they are offered beside one: same patient, same kind, nearest in time."""
        if case is None:
            return tuple(cases)
        here = cases.index(case) if case in cases else len(cases)
        places = {id(other): place for place, other in enumerate(cases)}

        def rank(other: Case) -> tuple[bool, int, bool, int, int, bool]:
            place = places[id(other)]
            return (
                other is case,
                _MATCH_ORDER.index(self.match(case, other)),
                not self.is_alike(case, other),
                self._days_apart(case, other),
                abs(place - here),
                place > here,
            )

        return tuple(sorted(cases, key=rank))

    def is_alike(self, one: Case, other: Case) -> bool:
        """Whether two cases are the same kind of examination, as far as it is known by now."""
        found = self.examination_of(one), self.examination_of(other)
        return found[0] is None or found[1] is None or found[0].is_of_kind(found[1])

    def date_of(self, case: Case) -> date | None:
        """Return when a case was taken: by its file, else as a person gave it."""
        return self.facts_of(case).examination_date or self._given_date(case)

    def _given_date(self, case: Case) -> date | None:
        kept = self._measured.get(id(case)) if case.finding is None else case.finding.analysis
        return None if kept is None else given_date(kept)

    def _days_apart(self, one: Case, other: Case) -> int:
        days = self.date_of(one), self.date_of(other)
        return _NO_DISTANCE if days[0] is None or days[1] is None else abs((days[0] - days[1]).days)

    def by_date(self, case: Case | None, cases: Sequence[Case]) -> tuple[Case, ...]:
        """Return cases as a course lists them: the same patient's first, each by date."""

        def rank(other: Case) -> tuple[int, date]:
            match = PatientMatch.SAME if case is None else self.match(case, other)
            return _MATCH_ORDER.index(match), self.date_of(other) or date.max

        return tuple(sorted(cases, key=rank))

    def is_earlier(self, case: Case, than: Case) -> bool:
        """Whether a case is an earlier examination that is known to be of the same patient."""
        days = self.date_of(case), self.date_of(than)
        is_before = days[0] is not None and days[1] is not None and days[0] < days[1]
        return is_before and self.match(case, than) is PatientMatch.SAME

    def caption(self, case: Case, beside: Case | None) -> str:
        """Return what a case is offered as: date, file, whose it is, and whether of another."""
        facts = self.facts_of(case)
        given = self._given_date(case)
        words = [date_text(facts.examination_date)] if facts.examination_date else []
        words += [f"{date_text(given)} ({DATE_GIVEN})"] if given and not words else []
        words.append(case.title)
        if self.shows_names and facts.name:
            words.append(name_text(facts.name))
        if self.shows_names and facts.identifier:
            words.append(f"ID {safe_text(facts.identifier.strip())}")
        if beside is not None:
            words += _SAID_OF.get(self.match(beside, case), ())
        return "  ·  ".join(words)

    def _take(self, part: ImagePart, facts: PatientFacts) -> None:
        # Reading may outlast the window that asked.
        if not sip.isdeleted(self):
            self._facts[part] = facts
            self.changed.emit()
