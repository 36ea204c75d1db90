"""A button for cases that are to be compared and have no result: nobody asked for one yet."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtWidgets import QPushButton, QWidget

from spinealign.ui.cases.case import Case, CaseStatus
from spinealign.ui.cases.case_session import CaseSession
from spinealign.wording.comparison import analyse_text, without_result_text

RESTING = (CaseStatus.OPENED, CaseStatus.STOPPED, CaseStatus.FAILED)


class AnalyseOffer(QPushButton):
    """Says how many of some cases are not analysed and will not be by themselves; analyses them."""

    def __init__(self, session: CaseSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._cases: tuple[Case, ...] = ()
        # Return in a field beside it does not press it.
        self.setAutoDefault(False)
        self.clicked.connect(self._analyse)
        self.hide()

    def offer(self, cases: Sequence[Case]) -> None:
        """Offer to analyse those of these cases that rest without a result."""
        resting = [case for case in cases if case.finding is None and case.status in RESTING]
        self._cases = tuple(resting)
        self.setText(analyse_text(len(resting)))
        self.setVisible(bool(resting))

    def _analyse(self) -> None:
        for case in self._cases:
            self._session.analyse(case, case.wanted_examination)


def words_instead(case: Case) -> str:
    """Return what stands in place of the picture of a case without a result."""
    reason = "" if case.message is None else case.message.sentence
    return without_result_text(case.title, case.standing, reason)
