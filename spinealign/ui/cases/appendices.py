"""What a person wants beside the findings in the report of an examination."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.domain.comparison import Course, PatientExamination
from spinealign.domain.findings import Analysis
from spinealign.domain.image import ImagePart
from spinealign.domain.motion import Motion

AppendedPart = PatientExamination | Course | Motion


class Appendix(StrEnum):
    """Sections that a report can have besides: names of the fields of `ReportDetails`."""

    PRIOR = "prior"
    COURSE = "course"
    MOTION = "motion"


class Appendices(QObject):
    """Remembers for this session which sections the report of each examination has.

    A section is made when a report is: what was corrected since is in it.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._makers: dict[tuple[ImagePart, Appendix], Callable[[], AppendedPart | None]] = {}

    def append(
        self, analysis: Analysis, kind: Appendix, make: Callable[[], AppendedPart | None]
    ) -> None:
        """Put a section into the report of an examination, in the place of one of its kind."""
        self._makers[analysis.image.place, kind] = make
        self.changed.emit()

    def remove(self, analysis: Analysis, kind: Appendix) -> None:
        """Take a section out of a report again."""
        self._makers.pop((analysis.image.place, kind), None)
        self.changed.emit()

    def has(self, analysis: Analysis, kind: Appendix) -> bool:
        """Whether a report has a section."""
        return (analysis.image.place, kind) in self._makers

    def parts_of(self, analysis: Analysis) -> dict[str, AppendedPart]:
        """Return the sections of the report of an examination, by their names."""
        made = {
            kind.value: make()
            for (place, kind), make in self._makers.items()
            if place == analysis.image.place
        }
        return {name: part for name, part in made.items() if part is not None}
