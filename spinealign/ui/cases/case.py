"""One opened series, where it stands in the queue, and what the worklist says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from spinealign.domain.examination import Examination
from spinealign.domain.findings import Corrections
from spinealign.domain.image import ImagePart, PatientPlane, SpineImage
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.domain.reading import ReadingStatus
from spinealign.domain.study import ImageSource, SeriesEntry, SeriesStack, SlicePosition
from spinealign.ui.cases.jobs import Finding, Outlines, Progress, Turned
from spinealign.ui.picture.display_images import DisplayImage
from spinealign.ui.settings.recent import Recent
from spinealign.ui.work.services import Companion
from spinealign.wording import Message
from spinealign.wording.corrections import edit_state_text
from spinealign.wording.series import case_name, position_text
from spinealign.wording.worklist import Standing, listed_kind


class CaseStatus(StrEnum):
    """Where a case stands in the queue; `OPENED` are never in it before a person asks."""

    OPENED = "opened"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


_UNDONE = {
    CaseStatus.OPENED: Standing.NOT_ANALYSED,
    CaseStatus.WAITING: Standing.WAITING,
    CaseStatus.RUNNING: Standing.RUNNING,
    CaseStatus.FAILED: Standing.FAILED,
    CaseStatus.STOPPED: Standing.STOPPED,
}


UNFINISHED = (CaseStatus.WAITING, CaseStatus.RUNNING)
"""Of cases that are analysed or wait to be."""


@dataclass(frozen=True)
class Opening:
    """A series to open as a case.

    Parameters
    ----------
    stack : SeriesStack
        The pictures one leafs through; often only one.
    recent : Recent
        How the user came to it, and comes to it again.
    title : str
        Instead of the series' own name; may be empty.
    again : Recent or None
        How another session comes to it again, where `recent` stands for several.
    """

    stack: SeriesStack
    recent: Recent
    title: str = ""
    again: Recent | None = None


@dataclass(frozen=True)
class SeenSlice:
    """Where the slice that somebody looks at lies, in its series and in the patient."""

    plane: PatientPlane | None
    shape: tuple[int, int]
    place: SlicePosition | None

    @classmethod
    def of(cls, image: SpineImage, place: SlicePosition | None) -> SeenSlice:
        """Return where a picture lies."""
        return cls(image.patient_plane, image.shape, place)


class Case:
    """One opened series and what is known about it.

    `wanted_examination` is the user's choice for the analysis that runs or comes next,
    `shown_examination` the one that `finding` was made with; None means automatic. So are
    `wanted_place` and `shown_place`, the picture of the series, and `companion` and
    `shown_companion`, the same patient's other contrast, where None means without. `looked_at` is
    the picture that was looked at last, None where that is the one of the result.
    `presentation` is how a person has the pictures of the series shown, None where nobody turned,
    mirrored or inverted one.
    `takes_kept` is whether a result that the archive keeps counts: until somebody analyses anew.
    `wants_demonstration` is whether a demonstration classifier was asked to answer, and
    `reading_status` how far a person has read the result. `is_refused` and `kind` outlive a
    result that was let go to save memory; `is_first_look` says that `display` was read before
    the analysis brought its own, `is_unseen` that it could not be.
    """

    def __init__(self, opening: Opening) -> None:
        self.stack = opening.stack
        self.recent = opening.recent
        self._again = opening.again or opening.recent
        self._name = opening.title or case_name(opening.stack)
        self.wanted_place: SlicePosition | None = opening.recent.place
        self.shown_place: SlicePosition | None = None
        self.looked_at = opening.recent.seen
        self.status = CaseStatus.WAITING
        self.wanted_examination: Examination | None = None
        self.shown_examination: Examination | None = None
        self.wants_demonstration = False
        self.takes_kept = True
        self.turned: Turned | None = None
        self.outlines: Outlines | None = None
        self.presentation: Presentation | None = None
        self.companion: Companion | None = None
        self.shown_companion: Companion | None = None
        self.display: DisplayImage | None = None
        self.seen: SeenSlice | None = None
        self.finding: Finding | None = None
        self.message: Message | None = None
        self.reading_status = ReadingStatus.AUTOMATIC
        self.progress: Progress | None = None
        self.is_refused = False
        self.is_first_look = self.is_unseen = False
        self.kind = ""

    @property
    def standing(self) -> Standing:
        """What the worklist says of the case."""
        if self.status is not CaseStatus.DONE:
            return _UNDONE[self.status]
        if self.is_refused:
            return Standing.REFUSED
        return Standing.SIGNED if self.reading_status.is_verified else Standing.TO_CHECK

    @property
    def is_coming(self) -> bool:
        """Whether its picture is not there, and will be."""
        return self.display is None and not (self.is_unseen or self.status is CaseStatus.FAILED)

    def note_result(self) -> None:
        """Remember of a new result what is told of it even when it was let go."""
        if self.finding is not None:
            analysis = self.finding.analysis
            self.is_refused, self.kind = analysis.is_refused, listed_kind(analysis)

    def note_presentation(self, presentation: Presentation) -> None:
        """Remember how a picture of the series is shown, as soon as a person chose that."""
        if self.presentation is not None or presentation != AS_IN_FILE:
            self.presentation = presentation

    @property
    def wanted_turn(self) -> Turned | None:
        """What the next analysis takes along: the whole series is shown as this picture."""
        if self.turned is not None or self.presentation is None or self.stack.is_single:
            return self.turned
        is_other = self.finding is None or self.wanted_place != self.shown_place
        state = Corrections(presentation=self.presentation)
        return Turned(state, keeps_bodies=False, is_of_series=True) if is_other else None

    @property
    def path(self) -> Path:
        """The file; of a series in many files, what the user chose to come to it."""
        paths = {part.path for entry in self.stack.volumes for part in entry.parts}
        return paths.pop() if len(paths) == 1 else self.recent.path

    @property
    def title(self) -> str:
        """What to call it, with the picture analysed where there are several."""
        return self._titled(self.place)

    @property
    def work_title(self) -> str:
        """What to call what is being analysed: that may be another picture than the one shown."""
        return self._titled(self.wanted_place or self.place)

    def title_of(self, place: SlicePosition) -> str:
        """Return what to call one picture of the case."""
        return self._titled(place)

    def _titled(self, place: SlicePosition | None) -> str:
        if place is None or self.stack.is_single:
            return self._name
        return f"{self._name}, {position_text(self.stack, place).lower()}"

    @property
    def place(self) -> SlicePosition | None:
        """Which picture `display` is; None before there is one."""
        return None if self.display is None else self.stack.place_of(self.display.image.place)

    @property
    def source(self) -> ImageSource:
        """What the next analysis reads."""
        entry = self.stack.first
        if self.stack.is_single:
            [part] = entry.parts
            return entry if part.member else part.path
        return entry if self.wanted_place is None else self.stack.picture_at(self.wanted_place)

    def holds(self, part: ImagePart) -> bool:
        """Whether a picture is one of this case."""
        if self.stack.is_single:
            return part.path == self.path and part.member == self.stack.first.parts[0].member
        return self.stack.place_of(part) is not None

    @property
    def edit_words(self) -> str:
        """Whether a person corrected the result, in words; empty if not."""
        return "" if self.finding is None else edit_state_text(self.finding.analysis)

    @property
    def again(self) -> Recent:
        """How another session comes to the picture of the result."""
        place = self.shown_place or self._again.place
        return replace(self._again, place=place, seen=self.looked_at)

    @property
    def remembered(self) -> Recent:
        """How the list of recent files comes to it, and to the picture that was looked at last."""
        return replace(self.recent, place=self.shown_place, seen=self.looked_at)

    def first_look(self) -> tuple[SeriesEntry, int]:
        """Return which picture of which series is shown before there is a result."""
        place = self.wanted_place or SlicePosition(0, self.stack.first.middle)
        return self.stack.volumes[place.volume], place.index
