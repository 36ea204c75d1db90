"""Pictures of a series, read ahead in the background and kept for a while."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.domain.study import SeriesStack, SlicePosition
from spinealign.ui.picture.display_images import DisplayImage
from spinealign.ui.series.reading_jobs import read_pictures
from spinealign.ui.settings.settings import BYTES_IN_MB, Settings
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import Task, TaskRunner
from spinealign.wording import Message

AHEAD, BEHIND = 6, 2
"""How many pictures are read before they are asked for, in the way one leafs and against it."""

DEFAULT_LIMIT_BYTES = Settings.slice_memory_mb * BYTES_IN_MB

Page = DisplayImage | Message
"""A picture, or why it cannot be read."""


class SliceReader(QObject):
    """Reads the picture that is wanted first, then its neighbours; never blocks.

    Only the latest wish counts: what was asked for before and is not near any more is
    not read.
    """

    ready = pyqtSignal(object, object)

    def __init__(self, services: Services, runner: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._runner = runner
        self._stack: SeriesStack | None = None
        self._pages: dict[SlicePosition, Page] = {}
        self._wanted: SlicePosition | None = None
        self._forward = 1
        self._task: Task | None = None
        self._coming: tuple[SlicePosition, ...] = ()
        self._limit_bytes = DEFAULT_LIMIT_BYTES

    @property
    def held_bytes(self) -> int:
        """Memory that the pictures take."""
        return sum(map(_bytes_of, self._pages.values()))

    def limit_memory(self, limit_bytes: int) -> None:
        """Let pictures take so much from now on."""
        self._limit_bytes = limit_bytes
        if self._wanted is not None:
            self._forget_far()

    def begin(self, stack: SeriesStack | None) -> None:
        """Go on with another series; the pictures of the earlier one are forgotten."""
        if stack is not self._stack:
            self._stop()
            self._stack, self._wanted = stack, None
            self._pages.clear()

    def want(self, place: SlicePosition) -> Page | None:
        """Return a picture if it is there; else `ready` brings it. Others near it follow."""
        if self._wanted is not None and place.index != self._wanted.index:
            self._forward = 1 if place.index > self._wanted.index else -1
        self._wanted = place
        if place not in self._pages and place not in self._coming:
            self._stop()
        self._read_on()
        return self._pages.get(place)

    def page(self, place: SlicePosition) -> Page | None:
        """Return what was read of a place; None as long as nothing was."""
        return self._pages.get(place)

    def _read_on(self) -> None:
        if self._task is not None or self._stack is None or self._wanted is None:
            return
        missing = [place for place in self._near(self._wanted) if place not in self._pages]
        if not missing:
            return
        volume = self._wanted.volume
        entry, indices = self._stack.volumes[volume], [place.index for place in missing]
        self._coming = tuple(missing)
        self._task = self._runner.submit(partial(read_pictures, self._services, entry, indices))
        self._task.progressed.connect(partial(self._take, volume))
        self._task.finished.connect(self._ended)
        self._task.failed.connect(self._failed)

    def _near(self, place: SlicePosition) -> list[SlicePosition]:
        """Return a place and those around it, in the order in which they are needed."""
        assert self._stack is not None
        ahead = [self._forward * step for step in range(1, AHEAD + 1)]
        behind = [-self._forward * step for step in range(1, BEHIND + 1)]
        count = len(self._stack.volumes[place.volume])
        indices = (place.index + step for step in (0, *ahead[:1], *behind[:1], *ahead[1:], *behind))
        return [
            SlicePosition(place.volume, index)
            for index in dict.fromkeys(indices)
            if 0 <= index < count
        ]

    def _take(self, volume: int, read: tuple[int, Page]) -> None:
        index, page = read
        place = SlicePosition(volume, index)
        self._pages[place] = page
        self._coming = tuple(other for other in self._coming if other != place)
        self._forget_far()
        if place == self._wanted:
            self.ready.emit(place, page)

    def _ended(self) -> None:
        self._task, self._coming = None, ()
        self._read_on()

    def _failed(self) -> None:
        self._task, self._coming = None, ()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task, self._coming = None, ()

    def _forget_far(self) -> None:
        """Keep within the limit, sparing what is near."""
        wanted = self._wanted
        assert wanted is not None
        total = self.held_bytes
        for place in sorted(self._pages, key=lambda place: -_distance(place, wanted)):
            if total <= self._limit_bytes or _distance(place, wanted) <= AHEAD:
                return
            total -= _bytes_of(self._pages.pop(place))


def _distance(place: SlicePosition, other: SlicePosition) -> int:
    if place.volume != other.volume:
        return 1_000_000
    return abs(place.index - other.index)


def _bytes_of(page: Page) -> int:
    if isinstance(page, Message):
        return 0
    return page.image.pixels.nbytes + sum(level.nbytes for level in page.levels)
