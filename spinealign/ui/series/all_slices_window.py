"""Window of all slices of a series: background segmentation, slice slider."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from spinealign import wording
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.presentation import AS_IN_FILE
from spinealign.domain.study import SegmentedVolume, SeriesEntry
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.jobs import Progress, segment_slices
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.picture.display_images import prepare_image, prepare_structures
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.series.wheel import WheelLeafing
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.work.tasks import Task
from spinealign.ui.workbench import Workbench
from spinealign.wording.series import series_name
from spinealign.wording.volumes import volume_lines

SIZE_PERCENT = 80


class SlicesWindow(QDialog):
    """Stays open beside the main window; closing it stops the work.

    Parameters
    ----------
    source : Path or SeriesEntry
        A series, or a path that holds one.
    parent : QWidget
        The window that it opens over.
    case : Case, optional
        How a person has its pictures shown counts here too, now and later.
    """

    segmented = pyqtSignal(object)

    def __init__(
        self,
        bench: Workbench,
        source: Path | SeriesEntry,
        parent: QWidget,
        case: Case | None = None,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._messages, self._case = bench.messages, case
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        name = wording.display_name(source) if isinstance(source, Path) else series_name(source)
        self.setWindowTitle(f"All slices of {name} – SpineAlign")
        explain(self, "mr")
        self.found: SegmentedVolume | None = None
        self.viewer = Viewer()
        self.viewer.show_image(None, "Segmenting all slices…")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Slice")
        self.slider.setToolTip("Scroll through the slices (arrow keys, wheel over the image)")
        self.slider.setEnabled(False)
        self.slider.valueChanged.connect(self.show_slice)
        WheelLeafing(
            self.viewer,
            lambda steps: self.slider.setValue(self.slider.value() + steps),
            self.slider.isEnabled,
            lambda: bench.preferences.settings.wheel_leafs,
        )
        self.place = QLabel("")
        self.progress = QProgressBar()
        self.progress.setAccessibleName("Segmenting all slices")
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self.stop)
        self.words = wrapped_label("")
        self._lay_out()
        self.resize(parent.size() * SIZE_PERCENT / 100)
        work = partial(segment_slices, bench.services, source)
        self._task: Task | None = bench.inference.submit(work, self._fail)
        self._task.progressed.connect(self._show_progress)
        self._task.finished.connect(self._take)
        # Methods of a Qt object are let go with it; lambdas would outlive this window.
        for signal in (bench.editing.changed, bench.editing.began):
            signal.connect(self.follow)

    def show_slice(self, index: int) -> None:
        """Show one slice, counted from 0, with the structures found on it."""
        found = self.found
        if found is None:
            return
        display = prepare_image(found.volume.slice_image(index))
        if self.viewer.picture.display is None:
            self.viewer.show_image(display)
        else:
            self.viewer.show_neighbour(display)
        self.follow()
        self.viewer.show_overlay(prepare_structures(found.slice_segmentation(index)))
        middle = ", where the canal is widest" if index == found.mid_index else ""
        self.place.setText(f"Slice {index + 1} of {len(found.volume)}{middle}")

    def follow(self) -> None:
        """Show the slices as the case is shown by now: turned, mirrored, inverted."""
        shown = None if self._case is None else self._case.presentation
        if self.viewer.picture.display is not None:
            self.viewer.present(shown or AS_IN_FILE)

    def stop(self) -> None:
        """Stop segmenting; what was not finished is not shown."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._end("Stopped before all slices were segmented.")

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop the work that nobody waits for any more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        super().closeEvent(event)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.slider, 1)
        row.addWidget(self.place)
        row.addWidget(self.progress)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.addWidget(self.viewer, 1)
        column.addLayout(row)
        column.addWidget(self.words)

    def _show_progress(self, progress: Progress) -> None:
        self.progress.setValue(round(100 * progress.fraction))
        if progress.display is not None:
            self.viewer.show_image(progress.display)
            self.follow()

    def _take(self, found: SegmentedVolume) -> None:
        self._task, self.found = None, found
        self._end("\n".join(line.strip() for line in volume_lines(found)))
        self.slider.setRange(0, len(found.volume) - 1)
        self.slider.setEnabled(True)
        self.slider.setValue(found.mid_index)
        self.show_slice(found.mid_index)
        self.slider.setFocus()
        self.segmented.emit(found)

    def _fail(self, error: Exception) -> None:
        self._task = None
        if isinstance(error, SpineAlignError):
            message = wording.explain(error)
            self._end(f"{message.sentence} {message.advice}")
        else:
            self._end("Something unexpected went wrong while segmenting the slices.")
            self._messages.crash(error)

    def _end(self, words: str) -> None:
        self.progress.hide()
        self.cancel.hide()
        self.words.setText(words)
