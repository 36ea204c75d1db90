"""The line at the bottom: what is being done, how far it is, and what lies under the cursor."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QStatusBar, QWidget

from spinealign.ui.cases.case import Case
from spinealign.ui.cases.jobs import Progress
from spinealign.ui.picture.scene import PixelReading
from spinealign.ui.widgets.labels import ElidedLabel
from spinealign.ui.workbench import Workbench
from spinealign.wording.accounts_window import USER_TEXT, USER_TIP
from spinealign.wording.worklist import analysed_text

WIDE_EM = 22
"""How wide the bar of progress is where there is room."""


class StatusLine(QStatusBar):
    """Step, progress and Cancel at the left; pixel and zoom at the right."""

    cancel_requested = pyqtSignal()
    transfers_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        # Long hints are cut at the window's edge instead of making the window wider.
        self.step = ElidedLabel("Ready")
        self._idle_text = "Ready"
        self.step.setAccessibleName("Status")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress")
        em = self.fontMetrics().averageCharWidth()
        self.progress.setMaximumHeight(self.fontMetrics().height())
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop the analysis (Esc)")
        self.cancel.clicked.connect(self.cancel_requested)
        for widget in (self.progress, self.cancel):
            # The line must not change its height, or the picture above would jump.
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        self._pixel = QLabel()
        self._pixel.setAccessibleName("Pixel under the cursor")
        self._pixel.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._zoom = QLabel()
        self._zoom.setAccessibleName("Zoom")
        self._zoom.setMinimumWidth(9 * em)
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._user = QLabel()
        self._user.hide()
        self.transfers = QPushButton()
        self.transfers.setProperty("quiet", "true")
        self.transfers.clicked.connect(self.transfers_requested)
        self.transfers.hide()
        self._lay_out()
        self.show_idle("Ready")

    @property
    def pixel_text(self) -> str:
        """What is said about the pixel under the cursor."""
        return self._pixel.text()

    @property
    def idle_text(self) -> str:
        """What is said while nothing is being done."""
        return self._idle_text

    @property
    def zoom_text(self) -> str:
        """What is said about the zoom."""
        return self._zoom.text()

    def show_work(self, text: str, fraction: float | None) -> None:
        """Show that something is being done; None when nobody knows how much there is to do."""
        # A name at the beginning and what waits at the end matter more than what lies between.
        self._say(text, Qt.TextElideMode.ElideMiddle)
        # A progress bar draws itself, and all else that is due, at once; here it waits its turn.
        self.progress.setUpdatesEnabled(False)
        self.progress.setMaximum(0 if fraction is None else 1000)
        self.progress.setValue(round(1000 * (fraction or 0.0)))
        self.progress.setUpdatesEnabled(True)
        self.progress.show()
        self.cancel.show()

    def show_idle(self, text: str) -> None:
        """Show that nothing is being done."""
        self._idle_text = text
        self._say(text)
        self.progress.setMaximum(1000)
        self.progress.hide()
        self.cancel.hide()

    def tell(self, text: str) -> None:
        """Report something that was done, unless work is being shown."""
        if self.progress.isHidden():
            self.show_idle(text)

    def show_hint(self, text: str) -> None:
        """Say what can be done with what is under the cursor; nothing brings back the rest."""
        if self.progress.isHidden():
            self._say(text or self._idle_text)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave the words of a narrow window more of the room."""
        super().resizeEvent(event)
        em = self.fontMetrics().averageCharWidth()
        self.progress.setFixedWidth(min(WIDE_EM * em, self.width() // 8))

    def _say(self, text: str, elide_mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        """Write a line; what the window has no room for is a tool tip as well."""
        self.step.elide_mode = elide_mode
        self.step.setText(text)
        self.step.setToolTip(text)

    def show_pixel(self, reading: PixelReading | None) -> None:
        """Show place, value and structure of the pixel under the cursor."""
        self._pixel.setText("" if reading is None else pixel_text(reading))

    def show_transfers(self, text: str, tip: str) -> None:
        """Say what waits to be sent or failed, as a button; nothing where there is nothing."""
        self.transfers.setText(text)
        self.transfers.setToolTip(tip)
        self.transfers.setAccessibleDescription(tip)
        self.transfers.setVisible(bool(text))

    def show_user(self, name: str) -> None:
        """Show who is signed in; nothing where there are no accounts."""
        self._user.setText(USER_TEXT.format(name=name) if name else "")
        self._user.setToolTip(USER_TIP if name else "")
        self._user.setVisible(bool(name))

    def show_zoom(self, zoom: float | None) -> None:
        """Show the zoom in percent; None while there is no picture."""
        self._zoom.setText("" if zoom is None else f"{100 * zoom:.0f} %")

    def _lay_out(self) -> None:
        left = QWidget()
        row = QHBoxLayout(left)
        row.setContentsMargins(6, 2, 0, 2)
        row.setSpacing(8)
        row.addWidget(self.step)
        row.addWidget(self.progress)
        row.addWidget(self.cancel)
        row.addStretch(1)
        self.addWidget(left, 1)
        self.addPermanentWidget(self._user)
        self.addPermanentWidget(self.transfers)
        self.addPermanentWidget(self._pixel)
        self.addPermanentWidget(self._zoom)


def pixel_text(reading: PixelReading) -> str:
    """Return such as "x 120  y 88   42 HU   vertebra"."""
    size = abs(reading.value)
    kind = ".0f" if float(size).is_integer() or size >= 100 else ".2f" if size >= 1 else ".3g"
    unit = " HU" if reading.is_hounsfield else ""
    text = f"x {reading.col}  y {reading.row}   {reading.value:{kind}}{unit}"
    return f"{text}   {reading.structure}" if reading.structure else text


class WorkStatus(QObject):
    """Puts the most telling of several works into one line: analysing, looking, saving."""

    def __init__(self, bench: Workbench, line: StatusLine) -> None:
        super().__init__(line)
        self._bench, self._line = bench, line
        self._is_held = False
        self._of_case = ""
        bench.session.progressed.connect(self._show_progress)
        bench.opener.searching.connect(self._show_scanning)
        bench.saver.progressed.connect(self._show_saving)
        bench.work_changed.connect(self.refresh)
        bench.messages.told.connect(line.tell)
        bench.messages.told_of_case.connect(self._tell_of_case)
        bench.current_changed.connect(self._leave)

    def refresh(self) -> None:
        """Say that nothing is being done, if that is so."""
        if not self._bench.can_be_stopped and not self._is_held:
            self._line.show_idle(self._rest_words())

    def stop(self) -> None:
        """Stop what can be stopped, and say so."""
        if self._bench.can_be_stopped:
            self._bench.stop()
            self._line.show_idle("Stopped")

    def hold(self, text: str) -> None:
        """Say this until `let_go`, whatever ends meanwhile."""
        self._is_held = True
        self._line.show_work(text, 1.0)

    def let_go(self) -> None:
        """Say again what is being done."""
        self._is_held = False
        self._line.show_idle("Ready")

    def _show_progress(self, case: Case, progress: Progress) -> None:
        waiting = self._bench.session.waiting_count
        rest = f" ({waiting} more waiting)" if waiting else ""
        text = f"{case.work_title}: {progress.name}…{rest}"
        self._line.show_work(text, progress.fraction)

    def _show_scanning(self, text: str) -> None:
        if not self._bench.session.is_busy:
            self._line.show_work(text, None)

    def _show_saving(self, progress: Progress) -> None:
        if not self._bench.can_be_stopped:
            self._line.show_work(f"{progress.name}…", progress.fraction)

    def _tell_of_case(self, text: str, image: Path) -> None:
        """Tell what was done to the case that is shown; of another one it would be misread."""
        if _lies_at(self._bench.current, image):
            self._of_case = text
            self._line.tell(text)

    def _leave(self, _case: Case | None) -> None:
        """Take back what was told of the case that was shown."""
        text, self._of_case = self._of_case, ""
        if text and self._line.idle_text == text:
            self._line.tell(self._rest_words())

    def _rest_words(self) -> str:
        return analysed_text(Counter(case.standing for case in self._bench.session.cases))


def _lies_at(case: Case | None, image: Path) -> bool:
    """Whether a file holds pictures of the case."""
    if case is None:
        return False
    return any(part.path == image for entry in case.stack.volumes for part in entry.parts)
