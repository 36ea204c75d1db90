"""The reading page: whose image, how far it is read, what was found, the impression, the signature.

Everything else that an analysis says stands below it, under the details.
"""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from spinealign.domain.findings import Analysis
from spinealign.domain.reading import ReadingStatus
from spinealign.domain.study import PatientFacts
from spinealign.reading.decisions import told_changes
from spinealign.ui.reading.case_readings import CaseReadings, ReadingSnapshot
from spinealign.ui.reading.caution_chips import CautionChips, chips_of
from spinealign.ui.reading.finding_list import FindingList
from spinealign.ui.reading.impression_box import ImpressionBox
from spinealign.ui.widgets.flow import FlowLayout
from spinealign.ui.widgets.labels import Strip, offer, rule, wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording import Message, examination_text, explain
from spinealign.wording.examinations import scope_text
from spinealign.wording.reading import PATIENT_NOT_NAMED, patient_line
from spinealign.wording.reading_page import STATUS_WORDS, set_aside_text, signature_text
from spinealign.wording.reading_window import (
    ANOTHER_VIEW_MESSAGE,
    CHANGED_SINCE_MESSAGE,
    LEFT_UNCERTAIN,
    SET_ASIDE_ADVICE,
    UNVOUCHED,
    addendum_text,
    left_text,
)
from spinealign.wording.report import OVERRULED_TITLE
from spinealign.wording.results import forced_text

_TONES = {
    ReadingStatus.AUTOMATIC: "automatic",
    ReadingStatus.BEING_READ: "reading",
    ReadingStatus.SIGNED: "signed",
    ReadingStatus.AMENDED: "signed",
}


_UNVOUCHED_TONE = "unvouched"
SIGN_TIP = "Look at the page, then sign; only an addendum changes a signed reading (Ctrl+Return)"
SAVING_TOLD_MS = 300
"""A step that is on the disk sooner is not said to be on its way there: words must not flash."""


def is_readable(analysis: Analysis) -> bool:
    """Whether an image of this kind is read: its bodies have names."""
    return analysis.examination is not None and bool(analysis.examination.levels)


class ReadingPage(QWidget):
    """Shows the reading of the case that is shown, and asks for what the reader wants.

    Parameters
    ----------
    readings : CaseReadings
        What is shown, and what takes the decisions.
    open_folds : set of str
        Names of the sections that the user keeps open; changed in place.
    """

    looked_at = pyqtSignal(object)
    examination_chosen = pyqtSignal(object)
    levels_shifted = pyqtSignal(int)
    suggestions_accepted = pyqtSignal()
    names_confirmed = pyqtSignal()
    sign_wanted = pyqtSignal()
    addendum_wanted = pyqtSignal()
    versions_wanted = pyqtSignal()
    phrases_wanted = pyqtSignal()
    setting_aside_wanted = pyqtSignal()

    def __init__(self, readings: CaseReadings, colours: Colours, open_folds: set[str]) -> None:
        super().__init__()
        self.setObjectName("readingPage")
        self._readings = readings
        self.patient = wrapped_label("", strong=True)
        self.examination, self.status = wrapped_label("", "muted"), QLabel()
        self.status.setObjectName("readingStatus")
        self.signature = wrapped_label("", "good")
        self.faults = QVBoxLayout()
        self.forced = wrapped_label("", "danger", strong=True)
        self.others = wrapped_label("", "warning")
        """That other slices of the series are read."""
        self.others.hide()
        self.chips = CautionChips()
        self.findings = FindingList(colours, open_folds)
        self.scope = wrapped_label("", "muted")
        """What of the image was assessed, and what was not."""
        self.left = wrapped_label("", "muted")
        self.accept_rest = QPushButton("Accept all the rest (Ctrl+R)")
        self.accept_rest.setToolTip(
            "Accept everything that is not decided yet, normal findings too (Ctrl+R)"
        )
        self.impression = ImpressionBox()
        self.sign = QPushButton("Sign and save…")
        self.sign.setProperty("primary", "true")
        self.addendum = QPushButton("Add addendum…")
        self.addenda = wrapped_label("")
        self.versions = QPushButton("Earlier versions…")
        self.set_aside = QPushButton("Set it aside and read anew…")
        self.set_aside.setToolTip(
            "Keep the signed reading elsewhere, as it is not as it was written, and read anew"
        )
        self.overruled = wrapped_label("")
        """What was changed or rejected, with who and when: stands under the details."""
        self._shown_faults: tuple[str, ...] | None = None
        self._saving_soon = QTimer(self)
        self._saving_soon.setSingleShot(True)
        self._saving_soon.setInterval(SAVING_TOLD_MS)
        self._saving_soon.timeout.connect(self._tell_saving)
        self._lay_out()
        self._connect()

    def show_reading(self) -> None:
        """Show the reading as it is on the disk now."""
        snapshot = self._readings.shown
        if snapshot is None:
            return
        is_saving = self._readings.is_saving
        self._show_status(snapshot)
        if not is_saving:
            self._saving_soon.stop()
        elif not self._saving_soon.isActive():
            self._saving_soon.start()
        self._show_faults(snapshot)
        self.findings.show_reading(snapshot, is_saving)
        self.impression.show_reading(snapshot, is_saving)
        self._show_end(snapshot)

    def show_analysis(self, analysis: Analysis) -> None:
        """Show what the image is, and what changes the meaning of its numbers."""
        kind = examination_text(analysis.examination)
        self.examination.setText(kind[0].upper() + kind[1:])
        self.chips.show_chips(chips_of(analysis))
        scope = scope_text(analysis)
        self.scope.setText(scope)
        self.scope.setVisible(bool(scope))
        forced = forced_text(analysis)
        self.forced.setText(forced)
        self.forced.setVisible(bool(forced))

    def show_patient(self, facts: PatientFacts, is_unnamed: bool) -> None:
        """Show whose image it is, as far as the window may show it, or that the file says nothing.

        Parameters
        ----------
        is_unnamed : bool
            Whether the file was read and says nothing.
        """
        line = patient_line(facts) or (PATIENT_NOT_NAMED if is_unnamed else "")
        self.patient.setText(line)
        self.patient.setVisible(bool(line))

    def show_others(self, text: str) -> None:
        """Say that other slices of the series have readings of their own."""
        self.others.setText(text)
        self.others.setVisible(bool(text))

    def finish_typing(self) -> None:
        """Hand on what was typed into the impression."""
        self.impression.keep()

    def _tell_saving(self) -> None:
        if self._readings.is_saving:
            self._put_status("saving…")

    def _put_status(self, words: str) -> None:
        self.status.setText(words[0].upper() + words[1:])
        self.status.setAccessibleName(f"Status of the reading: {words}")

    def _show_status(self, snapshot: ReadingSnapshot) -> None:
        reading = snapshot.reading
        words = STATUS_WORDS[reading.status] if not snapshot.is_unvouched else UNVOUCHED
        self._put_status(words)
        self.signature.setText(signature_text(reading))
        self.signature.setVisible(snapshot.is_signed)
        tone = _TONES[reading.status] if not snapshot.is_unvouched else _UNVOUCHED_TONE
        if self.status.property("status") != tone:
            self.status.setProperty("status", tone)
            style = self.status.style()
            if style is not None:
                style.unpolish(self.status)
                style.polish(self.status)

    def _show_faults(self, snapshot: ReadingSnapshot) -> None:
        told = [explain(fault) for fault in snapshot.faults]
        if snapshot.may_be_set_aside:
            last = told.pop()
            told.append(Message(last.sentence, f"{last.advice} {SET_ASIDE_ADVICE}"))
        if snapshot.reading.set_aside_utc is not None:
            told.append(Message(set_aside_text(snapshot.reading.set_aside_utc), ""))
        if snapshot.is_of_another_view:
            told.append(ANOTHER_VIEW_MESSAGE)
        elif snapshot.is_changed_since_signed:
            told.append(CHANGED_SINCE_MESSAGE)
        sentences = tuple(message.sentence for message in told)
        if sentences == self._shown_faults:
            return
        self._shown_faults = sentences
        while (item := self.faults.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for message in told:
            self.faults.addWidget(Strip("danger", message.sentence, message.advice))

    def _show_end(self, snapshot: ReadingSnapshot) -> None:
        """Offer what can be done with the whole reading, and say why something cannot."""
        waiting, is_signed = len(snapshot.pending), snapshot.is_signed
        self.left.setText(left_text(snapshot.pending))
        for part in (self.left, self.accept_rest, self.sign):
            part.setVisible(not snapshot.is_locked)
        self.set_aside.setVisible(snapshot.may_be_set_aside and not snapshot.refusal)
        left = LEFT_UNCERTAIN if waiting else "Every finding is decided"
        offer(self.accept_rest, snapshot.refusal or ("" if snapshot.acceptable else left))
        self.sign.setEnabled(not snapshot.refusal)
        self.sign.setToolTip(snapshot.refusal or SIGN_TIP)
        self.addendum.setVisible(is_signed and not snapshot.refusal)
        is_typed = not snapshot.addendum_draft.is_empty
        self.addendum.setText("Go on with the addendum…" if is_typed else "Add addendum…")
        self.addendum.setToolTip(
            "An addendum was typed and is not signed yet"
            if is_typed
            else "Add to the signed reading, with the reason"
        )
        self.versions.setVisible(len(snapshot.versions) > 1)
        told = [addendum_text(addendum) for addendum in snapshot.reading.addenda]
        self.addenda.setText("\n\n".join(told))
        self.addenda.setVisible(bool(told))
        overruled = "\n".join(told_changes(snapshot.reading))
        self.overruled.setText(f"{OVERRULED_TITLE}\n{overruled}" if overruled else "")
        self.overruled.setVisible(bool(overruled))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.examination, 1)
        head.addWidget(self.status, 0, Qt.AlignmentFlag.AlignRight)
        rest = QHBoxLayout()
        rest.addWidget(self.left, 1)
        rest.addWidget(self.accept_rest)
        # A row of all three would be wider than a small window has room for.
        end = FlowLayout()
        for button in (self.sign, self.addendum, self.versions):
            end.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.patient)
        column.addLayout(head)
        column.addWidget(self.signature)
        column.addWidget(self.forced)
        column.addLayout(self.faults)
        column.addWidget(self.set_aside, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.others)
        column.addWidget(self.chips)
        column.addWidget(wrapped_label("Findings", "section"))
        column.addWidget(self.findings)
        column.addWidget(self.scope)
        column.addLayout(rest)
        column.addWidget(rule())
        column.addWidget(self.impression)
        column.addWidget(self.addenda)
        column.addLayout(end)

    def _connect(self) -> None:
        readings, findings, impression = self._readings, self.findings, self.impression
        findings.decided.connect(readings.decide)
        findings.looked_at.connect(self.looked_at)
        findings.examination_chosen.connect(self.examination_chosen)
        findings.levels_shifted.connect(self.levels_shifted)
        self.chips.suggestions_accepted.connect(self.suggestions_accepted)
        self.chips.names_confirmed.connect(self.names_confirmed)
        self.accept_rest.clicked.connect(lambda: readings.accept_rest())
        impression.edited.connect(readings.write_impression)
        impression.fill_wanted.connect(readings.take_offered_impression)
        impression.phrases_wanted.connect(self.phrases_wanted)
        self.sign.clicked.connect(lambda: self.sign_wanted.emit())
        self.addendum.clicked.connect(lambda: self.addendum_wanted.emit())
        self.versions.clicked.connect(lambda: self.versions_wanted.emit())
        self.set_aside.clicked.connect(lambda: self.setting_aside_wanted.emit())
