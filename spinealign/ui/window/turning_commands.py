"""Commands that turn, mirror, straighten and invert the picture, and what of them is offered."""

from __future__ import annotations

from functools import partial

from PyQt6.QtCore import QObject

from spinealign.domain.presentation import Presentation
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.command_states import NO_CASE, NO_RESULT, SIGNED
from spinealign.ui.window.turning import Turning
from spinealign.ui.workbench import Workbench
from spinealign.wording.presentation import (
    ANALYSED_SO,
    AS_FILE,
    SHOWN_ELSEWHERE,
    STANDS,
    TURNED_SINCE,
)

LOOKING = ("turn_left", "turn_right", "mirror")


class TurningCommands(QObject):
    """Connects the commands, and offers those that do something."""

    def __init__(self, actions: Actions, bench: Workbench, turning: Turning) -> None:
        super().__init__(bench)
        self._actions, self._bench, self._turning = actions, bench, turning
        actions.on("turn_left", partial(turning.turn, 1))
        actions.on("turn_right", partial(turning.turn, -1))
        actions.on("mirror", turning.mirror)
        actions.on("invert", turning.invert)
        actions.on("reset_window", turning.reset_window)
        actions.on("show_as_in_file", turning.show_as_in_file)
        actions.on("analyse_as_shown", turning.analyse_as_shown)
        actions.on("turn_and_analyse", turning.turn_and_analyse)
        for signal in (
            bench.current_changed, bench.session.changed, bench.work_changed,
            bench.undoing.changed, bench.readings.changed,
        ):  # fmt: skip
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer what is possible now."""
        actions, editing, turning = self._actions, self._bench.editing, self._turning
        shown = turning.shown
        absent = NO_CASE if self._bench.current is None else ""
        locked = absent or (SHOWN_ELSEWHERE if turning.is_elsewhere else "")
        locked = locked or ("" if editing.corrections is not None else NO_RESULT)
        for name in LOOKING:
            actions.offer(name, locked)
        actions.check("mirror", shown.is_mirrored)
        is_plain = not (shown.is_moved or shown.is_inverted)
        actions.offer("show_as_in_file", locked or (AS_FILE if is_plain else ""))
        if turning.is_elsewhere:
            actions.offer("tool_straighten", SHOWN_ELSEWHERE)
        self._offer_analysis(shown, locked)

    def _offer_analysis(self, shown: Presentation, locked: str) -> None:
        analysis = self._bench.current_analysis
        held = locked or (NO_RESULT if analysis is None else "")
        held = held or (SIGNED if self._bench.readings.is_signed else "")
        same = ANALYSED_SO if shown.is_analysed_as_shown else ""
        self._actions.offer("analyse_as_shown", held or same)
        stands = "" if self._turning.quarter_turns else STANDS
        if analysis is not None and analysis.is_turned_since:
            stands = TURNED_SINCE
        self._actions.offer("turn_and_analyse", held or stands)
