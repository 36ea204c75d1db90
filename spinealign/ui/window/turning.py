"""Turns, mirrors, straightens and inverts the picture of a case, and shows it so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PyQt6.QtCore import QObject, pyqtSignal

from spinealign.domain.findings import Analysis, Corrections, WarningCode
from spinealign.domain.presentation import AS_IN_FILE, Presentation, levelling_turn_deg
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.jobs import Turned
from spinealign.ui.picture.drawing_tools import Points
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.workbench import Workbench
from spinealign.wording import Message
from spinealign.wording.presentation import (
    MIRRORED_MESSAGE,
    TURN_AND_ANALYSE,
    lies_message,
    turn_label,
)

_HALF_TURN = 2
"""Quarter turns after which a picture that stands on its head is upright."""


class Turning(QObject):
    """Keeps the viewer to how the person wants the picture shown, and changes that.

    How a picture is shown is part of its corrections, so that it is undone, written and found
    again like these. All slices of a series are shown as the picture of its result. `presented`
    says that the case is shown otherwise than before.
    """

    presented = pyqtSignal()

    def __init__(self, bench: Workbench, viewer: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._bench, self._viewer = bench, viewer
        self._offered: Message | None = None
        self._warned_of: Case | None = None
        self._presented = AS_IN_FILE
        bench.editing.began.connect(self.follow)
        bench.editing.changed.connect(self.follow)
        bench.current_changed.connect(self._offer_upright)
        bench.session.finding_ready.connect(self._on_finding)

    @property
    def shown(self) -> Presentation:
        """How the picture is shown, or ought to be."""
        case, analysis = self._bench.current, self._bench.editing.analysis
        if case is not None and case.presentation is not None:
            return case.presentation
        if case is not None and case.finding is not None:
            return case.finding.analysis.image.presentation
        return AS_IN_FILE if analysis is None else analysis.image.presentation

    @property
    def is_elsewhere(self) -> bool:
        """Whether a slice is looked at that is turned with another one, which has the result."""
        case = self._bench.current
        return self._bench.editing.is_bare and case is not None and case.finding is not None

    @property
    def quarter_turns(self) -> int:
        """Turns to the left after which the picture that was analysed would stand; 0 for none.

        Also 0 where it was turned and is not analysed so yet: what was found speaks of another
        way to stand.
        """
        analysis = self._bench.current_analysis
        if analysis is None or analysis.is_turned_since:
            return 0
        return turns_to_upright(analysis)

    def follow(self) -> None:
        """Show the picture as it is wanted."""
        shown = self.shown
        if self._offers_upright != (self._offered is not None):
            self._offer_upright(self._bench.current)
        self._warn_of_mirroring(shown.is_mirrored)
        self._viewer.present(shown)
        if shown != self._presented:
            self._presented = shown
            self.presented.emit()

    def _warn_of_mirroring(self, is_mirrored: bool) -> None:
        """Say once that the case that is shown is mirrored, whenever it comes to be so."""
        case = self._bench.current if is_mirrored else None
        if case is None:
            self._bench.messages.withdraw(MIRRORED_MESSAGE)
        elif case is not self._warned_of:
            self._bench.messages.warn(MIRRORED_MESSAGE)
        self._warned_of = case

    def turn(self, quarter_turns: int) -> None:
        """Turn what is seen by quarter turns to the left."""
        self._change(turn_label(quarter_turns), lambda p: p.turned(quarter_turns))

    def mirror(self) -> None:
        """Exchange left and right of what is seen; a mirrored picture gets a warning."""
        self._change("mirror the image", Presentation.mirrored)

    def invert(self) -> None:
        """Exchange bright and dark, on a slice without a result too; the series is shown so."""
        picture = self._viewer.picture
        if self._bench.editing.corrections is None:
            picture.set_inverted(not picture.is_inverted)
            return
        self._change("invert the grey values", Presentation.inverted, is_elsewhere_too=True)

    def reset_window(self) -> None:
        """Show the picture with the greys that it began with."""
        if self._viewer.picture.is_inverted:
            self.invert()
        self._viewer.picture.reset_window()

    def straighten(self, ends: Points) -> None:
        """Turn the picture so that a line in it is level or upright."""
        root = self._viewer.picture.root
        (x0, y0), (x1, y1) = ends
        start, end = root.transform().map(x0, y0), root.transform().map(x1, y1)
        left_deg = levelling_turn_deg(end[0] - start[0], end[1] - start[1])
        self._change("straighten the image", lambda p: p.straightened(left_deg), is_of_result=True)

    def show_as_in_file(self) -> None:
        """Show the picture unturned; the result stays."""
        self._change("show the image as in its file", lambda p: p.of_result)

    def analyse_as_shown(self) -> None:
        """Let the networks look at the picture the way that it stands now."""
        self._analyse(Presentation.analysed_as_shown)

    def turn_and_analyse(self) -> None:
        """Turn a picture that lies so that it stands, and analyse it."""
        turns = self.quarter_turns
        if turns:
            self._analyse(lambda p: p.upright_after(turns))

    def _analyse(self, change: Callable[[Presentation], Presentation]) -> None:
        case, editing = self._bench.current, self._bench.editing
        if case is None or self.is_elsewhere:
            return
        keeps = editing.has_own_bodies
        if self._change(TURN_AND_ANALYSE.lower(), change, is_of_result=True):
            state = editing.corrections
            if state is not None:
                self._bench.session.analyse_turned(case, Turned(state, keeps))

    def _change(
        self,
        label: str,
        change: Callable[[Presentation], Presentation],
        is_of_result: bool = False,
        is_elsewhere_too: bool = False,
    ) -> bool:
        if self.is_elsewhere and not is_elsewhere_too:
            return False

        def changed(state: Corrections) -> Corrections:
            # A slice without a result is shown as the others of its series.
            return replace(state, presentation=change(self.shown))

        return self._bench.editing.change(label, changed, is_of_result=is_of_result)

    def _on_finding(self, case: Case) -> None:
        if case is self._bench.current:
            self._offer_upright(case)

    def _offer_upright(self, case: Case | None) -> None:
        """Say that the picture lies, with a button that puts it right."""
        if self._offered is not None:
            self._bench.messages.withdraw(self._offered)
            self._offered = None
        if case is not None and self._offers_upright:
            self._offered = lies_message(self.quarter_turns, is_refused=self._is_refused)
            self._bench.messages.notice(self._offered, TURN_AND_ANALYSE, self.turn_and_analyse)

    @property
    def _offers_upright(self) -> bool:
        return bool(self.quarter_turns) and not self.is_elsewhere

    @property
    def _is_refused(self) -> bool:
        analysis = self._bench.current_analysis
        return analysis is not None and analysis.is_refused


def turns_to_upright(analysis: Analysis) -> int:
    """Return the quarter turns to the left after which a picture would stand; 0 where it does."""
    check = analysis.kind_check
    if check is not None and check.quarter_turns:
        return check.quarter_turns
    codes = {caution.code for caution in analysis.cautions}
    return _HALF_TURN if WarningCode.UPSIDE_DOWN in codes else 0
