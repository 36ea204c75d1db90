"""Selection of the measures drawn on the image, in step with table and settings."""

from __future__ import annotations

from collections.abc import Iterator

from PyQt6.QtCore import QObject

from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import DrawingTool, Measurement
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import Decision
from spinealign.reading.findings import measure_key
from spinealign.ui.correcting.edit_session import EditSession
from spinealign.ui.picture.measure_overlay import Key
from spinealign.ui.picture.scene import PictureScene
from spinealign.ui.reading.case_readings import CaseReadings
from spinealign.ui.results.measure_model import MeasureChoices
from spinealign.ui.settings.preferences import Preferences

_BETWEEN = "|"
_OF_ONE_CASE = "drawn_"
_TOOLS = {
    MeasureCode(f"{_OF_ONE_CASE}{tool.value}"): tool
    for tool in DrawingTool
    if f"{_OF_ONE_CASE}{tool.value}" in {code.value for code in MeasureCode}
}
"""What each measure of a drawing was drawn with."""


class ShownMeasures(QObject):
    """Draws what is ticked in the table and what the reader let stand, and remembers the ticks.

    Parameters
    ----------
    picture : PictureScene
        Where measures are drawn.
    session : EditSession
        Whose measures.
    choices : MeasureChoices
        The ticks; the table changes them in place.
    readings : CaseReadings
        What the reader changed or rejected there is not drawn, selected or not: its lines and its
        number are the program's.
    """

    def __init__(
        self,
        picture: PictureScene,
        session: EditSession,
        choices: MeasureChoices,
        preferences: Preferences,
        readings: CaseReadings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._picture = picture
        self._session = session
        self._choices = choices
        self._preferences = preferences
        self._readings = readings
        self._selected: Key | None = None
        self.recall()
        session.began.connect(self._begin)
        session.changed.connect(self._show)
        readings.changed.connect(self._show_again)

    def set_shown(self, shown: bool) -> None:
        """Draw the ticked measures, or none."""
        self._preferences.choose(show_measures=shown)
        self._show(self._session.analysis)

    def toggle(self, key: Key, shown: bool) -> None:
        """Draw one measure from now on, or leave it out."""
        self._choices.shown[key] = shown
        kept = {k: on for k, on in self._choices.shown.items() if not k[0].startswith(_OF_ONE_CASE)}
        self._preferences.choose(
            shown_measures=tuple(_text(k) for k, on in kept.items() if on),
            hidden_measures=tuple(_text(k) for k, on in kept.items() if not on),
        )
        self._show(self._session.analysis)

    @property
    def has_drawable(self) -> bool:
        """Whether a measure of the picture could be drawn, ticked or not."""
        return any(True for _ in self._drawable())

    @property
    def has_ticked(self) -> bool:
        """Whether one of them is ticked."""
        return any(self._choices.is_shown(m) for m in self._drawable())

    def _drawable(self) -> Iterator[Measurement]:
        analysis = self._session.analysis
        measured = () if analysis is None else analysis.measurements
        return (m for m in measured if m.strokes and not self._is_overruled(m))

    def select(self, key: Key | None) -> None:
        """Let one measure stand out, drawn even if it is not ticked."""
        self._selected = key
        self._show(self._session.analysis)

    def _begin(self, analysis: Analysis | None) -> None:
        self._selected = None
        self._show(analysis)

    def _show(self, analysis: Analysis | None) -> None:
        if analysis is None:
            return
        wanted = self._preferences.settings.show_measures
        shown = [
            m
            for m in analysis.measurements
            if (m.key == self._selected or (wanted and self._choices.is_shown(m)))
            and not self._is_overruled(m)
        ]
        drawn = {m.key for m in shown}
        hidden = frozenset(
            (_TOOLS[m.code], m.drawing)
            for m in analysis.measurements
            if m.code in _TOOLS and m.strokes and m.key not in drawn
        )
        self._picture.show_measures(shown, self._selected, hidden)

    def _show_again(self) -> None:
        self._show(self._session.analysis)

    def _is_overruled(self, measured: Measurement) -> bool:
        shown = None if self._session.is_bare else self._readings.shown
        read = None if shown is None else shown.read.get(measure_key(measured))
        return read is not None and read.state in (Decision.CHANGED, Decision.REJECTED)

    def recall(self) -> None:
        """Go by the settings from now on."""
        self._picture.set_lengths(self._preferences.settings.drawn_lengths)
        settings, shown = self._preferences.settings, self._choices.shown
        for key in [key for key in shown if not key[0].startswith(_OF_ONE_CASE)]:
            del shown[key]
        for texts, on in ((settings.shown_measures, True), (settings.hidden_measures, False)):
            for text in texts:
                code, *levels = text.split(_BETWEEN)
                shown[(code, tuple(levels))] = on
        self._show(self._session.analysis)


def _text(key: Key) -> str:
    code, levels = key
    return _BETWEEN.join((code, *levels))
