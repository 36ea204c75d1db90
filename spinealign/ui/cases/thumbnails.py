"""Thumbnails, first looks and patients' names, read one by one while nothing is more urgent."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Hashable, Sequence
from functools import partial

import numpy as np
from PyQt6.QtCore import QObject, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QImage, QTransform

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.image import ImagePart
from spinealign.domain.presentation import Presentation
from spinealign.domain.study import SeriesEntry
from spinealign.ui.cases.jobs import read_patient
from spinealign.ui.picture.display_images import DisplayImage, prepare_image
from spinealign.ui.work.services import Services
from spinealign.ui.work.tasks import Task, TaskRunner, Work

SIDE_PX = 128
"""Twice what is shown, for screens with double resolution."""


class Thumbnails(QObject):
    """Reads what is in sight, one at a time, so that a picture to be shown waits for one at most.

    First comes the one picture that is looked at, then whose the studies are if these are few,
    then thumbnails. `drawn` and `facts_read` bring the key that was asked with; so does
    `looked_at`, with the picture in full, or None where it cannot be read.
    """

    drawn = pyqtSignal(object, object)
    facts_read = pyqtSignal(object, object)
    looked_at = pyqtSignal(object, object)

    def __init__(
        self,
        services: Services,
        runner: TaskRunner,
        parent: QObject,
        facts_last: bool = False,
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._runner = runner
        self._facts_last = facts_last
        self._look: tuple[Hashable, SeriesEntry, int] | None = None
        self._studies: deque[tuple[Hashable, ImagePart]] = deque()
        self._wanted: deque[tuple[Hashable, SeriesEntry]] = deque()
        self._asked: set[Hashable] = set()
        self._task: Task | None = None

    def begin(self) -> None:
        """Forget everything that was wanted: another study is listed."""
        self._drop_task()
        self._look = None
        self._studies.clear()
        self._wanted.clear()
        self._asked.clear()

    def forget_facts(self) -> None:
        """Read whose the studies are no longer."""
        self._studies.clear()

    def forget(self, keys: Sequence[Hashable]) -> None:
        """Read nothing of these any more; they may be asked for again."""
        gone = set(keys)
        self._asked -= gone
        self._studies = deque(each for each in self._studies if each[0] not in gone)
        self._wanted = deque(each for each in self._wanted if each[0] not in gone)
        if self._look is not None and self._look[0] in gone:
            self._look = None

    def look_at(self, key: Hashable, entry: SeriesEntry, index: int) -> None:
        """Read a picture in full before all else; only the latest wish counts."""
        self._look = (key, entry, index)
        self._go_on()

    def look_away(self) -> None:
        """Read no picture in full: what is looked at is there."""
        self._look = None

    def want_facts(self, key: Hashable, part: ImagePart) -> None:
        """Read whose a study is."""
        self._studies.append((key, part))

    def want(self, entries: Sequence[tuple[Hashable, SeriesEntry]]) -> None:
        """Make the thumbnails of these series next, and no others."""
        self._wanted = deque(each for each in entries if each[0] not in self._asked)
        self._go_on()

    def _go_on(self) -> None:
        if self._task is not None:
            return
        if self._look is not None:
            (key, entry, index), self._look = self._look, None
            self._submit(partial(_first_look, self._services, entry, index), self._show_look, key)
        elif self._studies and not (self._facts_last and self._wanted):
            key, part = self._studies.popleft()
            self._submit(partial(read_patient, self._services, part), self._tell, key)
        elif self._wanted:
            key, entry = self._wanted.popleft()
            self._asked.add(key)
            self._submit(partial(make_thumbnail, self._services, entry, SIDE_PX), self._show, key)

    def _submit(
        self, work: Callable[[], Work], take: Callable[[Hashable, object], None], key: Hashable
    ) -> None:
        self._task = self._runner.submit(work)
        self._task.finished.connect(partial(take, key))
        self._task.failed.connect(partial(self._fail, key))
        self._task.cancelled.connect(self._went)

    def _drop_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = None

    def _tell(self, key: Hashable, facts: object) -> None:
        self._task = None
        self.facts_read.emit(key, facts)
        self._go_on()

    def _show(self, key: Hashable, picture: object) -> None:
        self._task = None
        self.drawn.emit(key, picture)
        self._go_on()

    def _show_look(self, key: Hashable, display: object) -> None:
        self._task = None
        self.looked_at.emit(key, display)
        self._go_on()

    def _went(self) -> None:
        self._go_on()

    def _fail(self, key: Hashable, _error: Exception) -> None:
        """Go on; what failed is told by the runner."""
        self._task = None
        if key in self._asked:
            self.drawn.emit(key, None)
        self._go_on()


def make_thumbnail(
    services: Services, entry: SeriesEntry, side_px: int
) -> Generator[None, None, QImage | None]:
    """Draw the middle picture of a series small, or another one if that cannot be read.

    Returns
    -------
    QImage or None
        At most `side_px` wide and high; None when no picture could be read.
    """
    # A file that was refused has no format, and nothing to be read.
    indices = (entry.middle, 0, len(entry) - 1) if entry.file_format else ()
    for index in dict.fromkeys(indices):
        yield
        with contextlib.suppress(SpineAlignError):
            [image] = services.read_slices(entry, [index])
            return small_picture(prepare_image(image), side_px)
    return None


def _first_look(
    services: Services, entry: SeriesEntry, index: int
) -> Generator[None, None, DisplayImage | None]:
    """Read one picture to be shown; None where it cannot be read, which its analysis tells."""
    yield
    if not entry.file_format:
        return None
    with contextlib.suppress(SpineAlignError):
        [image] = services.read_slices(entry, [index])
        return prepare_image(image)
    return None


def presented(picture: QImage, presentation: Presentation) -> QImage:
    """Return a small picture turned, mirrored and inverted as the large one is shown."""
    shown = picture
    if presentation.is_inverted:
        shown = shown.copy()
        shown.invertPixels()
    if presentation.turn_deg:
        # Qt turns with the hands of a clock.
        turn = QTransform().rotate(-presentation.turn_deg)
        shown = shown.transformed(turn, Qt.TransformationMode.SmoothTransformation)
    return shown.mirrored(True, False) if presentation.is_mirrored else shown


def small_picture(display: DisplayImage, side_px: int) -> QImage:
    """Return a picture as it is first shown, at most `side_px` wide and high."""
    table = display.grey_table(display.default_window, False)
    level = next(
        (fine for fine in reversed(display.levels) if min(fine.shape) >= side_px), display.levels[0]
    )
    grey = np.ascontiguousarray(table[level])
    rows, cols = grey.shape
    whole = QImage(grey.tobytes(), cols, rows, cols, QImage.Format.Format_Grayscale8).copy()
    full = display.image.shape
    true_size = QSize(full[1], max(round(full[0] * display.row_stretch), 1))
    size = true_size.scaled(side_px, side_px, Qt.AspectRatioMode.KeepAspectRatio)
    return whole.scaled(
        size.expandedTo(QSize(1, 1)),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
