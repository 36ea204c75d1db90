"""What to do with an image that was refused: read why, or say what it is."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from spinealign.domain.findings import Analysis
from spinealign.domain.image import View
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import refusal_message, view_text, who_said_text

_WAYS = (View.XRAY, View.CT, View.MR)


class RefusalBox(QWidget):
    """Advice on a refused image, and one button for each way to analyse it all the same."""

    view_chosen = pyqtSignal(object)

    def __init__(self, analysis: Analysis, colours: Colours) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(wrapped_label(refusal_message(analysis).advice))
        column.addWidget(wrapped_label("Analyse it anyway", "section"))
        for view in _WAYS:
            button = QPushButton(f"As a {view_text(view)}")
            button.setIcon(icon(view.value, colours.text))
            button.setToolTip("Overrule the check; the result records that you did")
            button.clicked.connect(partial(self._choose, view))
            column.addWidget(button)
        if analysis.view_check is not None:
            column.addWidget(wrapped_label(who_said_text(analysis.view_check), "muted"))

    def _choose(self, view: View, _checked: bool) -> None:
        self.view_chosen.emit(view)
