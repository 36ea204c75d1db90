"""Start page, shown while no case is open."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSize, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.formats import FORMAT_NAMES
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.icons import application_icon, icon
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.work.services import Sample
from spinealign.wording.text import listed
from spinealign.wording.worklist import last_session_text

PAGE_WIDTH_CHARACTERS = 92
GAP_PX, SIDE_PX = 6, 20
LOW_LINES = 30
"""Where there is room for fewer, the page begins nearer to its edge."""


class SampleButtons(QWidget):
    """One button for each sample case."""

    sample_chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._samples: Sequence[Sample] = ()

    def set_samples(self, samples: Sequence[Sample]) -> None:
        """Offer these samples."""
        self._samples = samples
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for sample in samples:
            self._column.addWidget(self._button_for(sample))

    def refresh_icons(self) -> None:
        """Draw the icons in the colours of the theme."""
        self.set_samples(self._samples)

    def _button_for(self, sample: Sample) -> QPushButton:
        button = QPushButton(icon(sample.examination.modality.value), sample.title)
        button.setProperty("choice", "true")
        button.setIconSize(QSize(22, 22))
        button.setMinimumWidth(60)
        button.setToolTip(f"{sample.note}\n{sample.source} ({sample.licence})")
        button.setAccessibleName(f"Try the sample: {sample.title}")
        button.setAccessibleDescription(sample.note)
        button.clicked.connect(lambda: self.sample_chosen.emit(sample))
        return button


class Welcome(QScrollArea):
    """Says what the program does, and offers a file dialog and the samples."""

    open_requested = pyqtSignal()
    folder_requested = pyqtSignal()
    sample_chosen = pyqtSignal(object)
    last_session_requested = pyqtSignal()
    forget_session_requested = pyqtSignal()

    def __init__(self, is_first_start: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_first_start, self._free_px = is_first_start, 0
        self.samples = SampleButtons()
        self.samples.sample_chosen.connect(self.sample_chosen)
        self._try = wrapped_label("", "section")
        self._try.hide()
        self._open = QPushButton("Open image…")
        self._folder = QPushButton("Open folder…")
        self._open.clicked.connect(self.open_requested)
        self._folder.clicked.connect(self.folder_requested)
        self.last_session, self.forget_session = QPushButton(), QPushButton("Forget them")
        self.last_session.clicked.connect(self.last_session_requested)
        self.forget_session.clicked.connect(self.forget_session_requested)
        self.setWidgetResizable(True)
        self.setWidget(self._page())
        self.setAcceptDrops(False)
        self.setAccessibleName("Start page")

    def set_samples(self, samples: Sequence[Sample]) -> None:
        """Offer these samples."""
        self.samples.set_samples(samples)
        self._try.setVisible(bool(samples))
        words = "New here? See a full result in under a minute:"
        self._try.setText(words if self._is_first_start else "Or try a sample case:")

    def offer_session(self, count: int) -> None:
        """Offer what was open when the window was closed last; only how many images is said."""
        self.last_session.setText(last_session_text(count))
        self.forget_session.setText("Forget it" if count == 1 else "Forget them")
        for button in (self.last_session, self.forget_session):
            button.setVisible(count > 0)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the lines short enough to read."""
        super().resizeEvent(event)
        widest = PAGE_WIDTH_CHARACTERS * self.fontMetrics().averageCharWidth()
        side = max(SIDE_PX, (self.width() - widest) // 2)
        self._set_margins(side)

    def keep_free(self, height_px: int) -> None:
        """Leave the upper part to a message that lies over it."""
        self._free_px = height_px
        self._set_margins(self._margins.contentsMargins().left())

    def _set_margins(self, side_px: int) -> None:
        end = SIDE_PX if self.height() > LOW_LINES * self.fontMetrics().height() else SIDE_PX // 2
        self._margins.setContentsMargins(side_px, end + self._free_px, side_px, end)

    def _page(self) -> QWidget:
        page = QWidget()
        page.setObjectName("welcome")
        self._margins = column = QVBoxLayout(page)
        column.setSpacing(12)
        column.addStretch(2)
        column.addLayout(self._heading())
        column.addWidget(
            wrapped_label(
                "Opens spine images, finds vertebrae, discs and canal with neural networks, "
                "measures them, and writes overlays, tables and a report. "
                "Nothing leaves this computer unless you send it."
            )
        )
        # Who was here before goes on where they were; who was not sees what comes out.
        column.addLayout(self._session_buttons())
        samples, own = (self._try, self.samples), wrapped_label("Open your own images:", "section")
        if self._is_first_start:
            _add_all(column, samples)
        column.addWidget(own)
        column.addLayout(self._buttons())
        if not self._is_first_start:
            _add_all(column, samples)
        column.addWidget(
            wrapped_label(
                "Or drop files and folders anywhere on this window, or paste an image (Ctrl+V). "
                f"{listed(FORMAT_NAMES)}.",
                "muted",
            )
        )
        column.addStretch(3)
        return page

    def _heading(self) -> QHBoxLayout:
        row = QHBoxLayout()
        picture = QLabel()
        side = 3 * self.fontMetrics().height()
        picture.setPixmap(application_icon().pixmap(side, side))
        title = wrapped_label("SpineAlign", "title")
        row.addWidget(picture)
        row.addSpacing(6)
        row.addWidget(title, 1)
        return row

    def _buttons(self) -> FlowLayout:
        row = FlowLayout(GAP_PX)
        self._open.setProperty("primary", "true")
        self._open.setToolTip("Choose image files (Ctrl+O)")
        self._folder.setToolTip("Analyse all images of a folder (Ctrl+Shift+O)")
        row.addWidget(self._open)
        row.addWidget(self._folder)
        return row

    def _session_buttons(self) -> FlowLayout:
        row = FlowLayout(GAP_PX)
        self.last_session.setToolTip("Open again what was open when the program was closed")
        self.forget_session.setToolTip("Delete the list of what was open, which holds only paths")
        self.forget_session.setProperty("quiet", "true")
        for button in (self.last_session, self.forget_session):
            row.addWidget(button)
            button.hide()
        return row


def _add_all(column: QVBoxLayout, widgets: Sequence[QWidget]) -> None:
    for widget in widgets:
        column.addWidget(widget)
