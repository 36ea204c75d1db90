"""One line of the reading page: what was found, how sure, and what the reader makes of it."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from spinealign.domain.reading import Decision, Finding, NumberValue
from spinealign.reading.decisions import ReadFinding
from spinealign.ui.reading.finding_bar import FindingBar, is_drawn
from spinealign.ui.reading.value_editor import ValueEditor, editor_of
from spinealign.ui.widgets.icons import icon
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.reading_page import DECISION_WORDS, OUTDATED, finding_statement
from spinealign.wording.reading_window import (
    decision_text,
    line_note,
    line_title,
    line_value,
    rests_on_text,
)

_MARKS = {
    Decision.UNDECIDED: "undecided",
    Decision.ACCEPTED: "done",
    Decision.CHANGED: "edited",
    Decision.REJECTED: "rejected",
}
"""Icon of each decision."""

_SHORT_VALUE, _SHORT_LINE = 12, 36
"""Letters of a value, or of title and value together, that have room on one line."""


def _badness(finding: Finding) -> tuple[float, float]:
    """Return what findings of a row are put in order by: rank, of a canal the narrowest first."""
    value = finding.value
    if finding.is_of_canal and isinstance(value, NumberValue):
        return -finding.rank, value.value
    return -finding.rank, 0.0


class FindingRow(QFrame):
    """A finding, or all abnormal grades of a disc; the row that is current offers the decisions.

    Parameters
    ----------
    key : str
        Of the line.
    """

    pressed = pyqtSignal(object)
    decided = pyqtSignal(object, object)
    change_wanted = pyqtSignal(object)
    values_chosen = pyqtSignal(object, object)
    editing_ended = pyqtSignal()
    levels_shifted = pyqtSignal(int)

    def __init__(self, key: str, colours: Colours) -> None:
        super().__init__()
        self.key = key
        self._colours = colours
        self.read: tuple[ReadFinding, ...] = ()
        self._told: tuple[tuple[ReadFinding, ...], bool, tuple[Finding, ...]] | None = None
        self.editor: ValueEditor | None = None
        self._mark, self.title = QLabel(), wrapped_label("", strong=True)
        self.value, self.note = wrapped_label(""), wrapped_label("", "muted")
        self.short_value = wrapped_label("", strong=True)
        self.short_value.setWordWrap(False)
        self.state, self.bar = wrapped_label("", "muted"), FindingBar(colours)
        self.buttons = self._make_buttons()
        self._lay_out()
        self.set_current(False)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the row is about, with what the reader made of it."""
        return tuple(read.said or read.finding for read in self.read)

    @property
    def decision(self) -> Decision:
        """What the reader made of it: undecided while one of its findings is."""
        told = [r for r in self.read if r.finding.value is not None or r.decision is not None]
        states = [read.state for read in told]
        if not states or Decision.UNDECIDED in states:
            return Decision.UNDECIDED
        return Decision.CHANGED if Decision.CHANGED in states else states[0]

    def show_findings(
        self, read: Sequence[ReadFinding], is_locked: bool, gaps: Sequence[Finding] = ()
    ) -> None:
        """Show findings with the decisions on them; of a signed reading without buttons.

        `gaps` are the grades of the same disc that are not determined: told, not decided on.
        """
        told = (tuple(read), is_locked, tuple(gaps))
        if told == self._told:
            # A page has a hundred rows, and is told anew with every decision on one of them.
            return
        self._told = told
        self.read = tuple(read)
        self._is_locked = is_locked
        found = self.findings
        note, state = line_note(found), self._state_text()
        self.title.setText(line_title(found))
        value = line_value([*found, *gaps])
        is_short = len(value) <= _SHORT_VALUE or len(line_title(found) + value) <= _SHORT_LINE
        self.short_value.setText(value if is_short else "")
        self.short_value.setVisible(is_short)
        self.value.setText(value)
        self.value.setVisible(not is_short)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.state.setText(state)
        self.state.setVisible(bool(state))
        worst_first = sorted(found, key=_badness)
        self.bar.show_finding(next(filter(is_drawn, worst_first), found[0]))
        side = self.fontMetrics().height()
        is_green = self.decision in (Decision.ACCEPTED, Decision.CHANGED)
        colour = self._colours.good if is_green else self._colours.muted
        self._mark.setPixmap(icon(_MARKS[self.decision], colour).pixmap(QSize(side, side)))
        self._mark.setToolTip(DECISION_WORDS[self.decision])
        self.setProperty("rejected", "true" if self.decision is Decision.REJECTED else "false")
        said = " ".join(map(finding_statement, found))
        self.setToolTip(said)
        self.setAccessibleName(f"{said} {DECISION_WORDS[self.decision]}")
        self._show_buttons()

    def set_current(self, is_current: bool, has_keys: bool = False) -> None:
        """Offer the decisions on this row, or no longer; show whether keys act on it."""
        self._is_current = is_current
        state = "false" if not is_current else "keys" if has_keys else "true"
        if self.property("current") != state:
            self.setProperty("current", state)
            _restyle(self)
        if not is_current:
            self.end_editing()
        self._show_buttons()

    def begin_editing(self, findings: Sequence[Finding]) -> None:
        """Offer to change these findings."""
        self.end_editing()
        self.editor = editor = editor_of(findings)
        editor.chosen.connect(lambda wanted: self.values_chosen.emit(self, wanted))
        editor.cancelled.connect(self.editing_ended)
        shifted = getattr(editor, "shifted", None)
        if shifted is not None:
            shifted.connect(self.levels_shifted)
        self._column.addWidget(editor)
        self._show_buttons()
        # Qt would show it, and let it have the keys, only when it comes to it.
        editor.show()
        editor.begin()

    def end_editing(self) -> None:
        """Put the editor away."""
        editor, self.editor = self.editor, None
        if editor is not None:
            editor.hide()
            editor.deleteLater()
            self._show_buttons()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Make this row the current one."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit(self)

    @property
    def _is_open(self) -> bool:
        return self.decision is Decision.UNDECIDED

    def _state_text(self) -> str:
        made = [read for read in self.read if read.decision is not None]
        has_places = len({read.finding.place for read in self.read}) > 1
        said = [
            decision_text(r.finding, r.decision, r.is_outdated, has_place=has_places)
            for r in made
            if r.decision
        ]
        said += [rests_on_text(read.rests_on) for read in self.read]
        told = list(dict.fromkeys(filter(None, said)))
        # What one of them said goes without saying that it is outdated again.
        is_told = any(OUTDATED in text and text != OUTDATED for text in told)
        return ", ".join(text for text in told if not (is_told and text == OUTDATED))

    def _make_buttons(self) -> dict[Decision, QPushButton]:
        made = {}
        for decision, text, tip in (
            (Decision.ACCEPTED, "Accept (A)", "Accept this finding (A or Return)"),
            (
                Decision.CHANGED,
                "Change (C)",
                "Change the value of this finding (C or F2; a digit is the grade or number)",
            ),
            (Decision.REJECTED, "Reject (R)", "Reject this finding (R or Delete)"),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            # A click must not take the keys away from the list.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            made[decision] = button
        made[Decision.ACCEPTED].clicked.connect(lambda: self.decided.emit(self, Decision.ACCEPTED))
        made[Decision.REJECTED].clicked.connect(lambda: self.decided.emit(self, Decision.REJECTED))
        made[Decision.CHANGED].clicked.connect(lambda: self.change_wanted.emit(self))
        return made

    def _show_buttons(self) -> None:
        is_offered = self._is_current and not self._is_locked and self.editor is None
        self._button_row.setVisible(is_offered)
        can_accept = any(read.finding.value is not None for read in self.read)
        accept = self.buttons[Decision.ACCEPTED]
        accept.setEnabled(can_accept)
        accept.setToolTip(
            "Accept this finding (A or Return)"
            if can_accept
            else "The program has no value here that could be accepted: change it, or leave it"
        )

    def _lay_out(self) -> None:
        self._is_current, self._is_locked = False, False
        self.setProperty("kind", "finding")
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.title, 3)
        top.addWidget(self.short_value, 0)
        top.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignVCenter)
        self._button_row = QWidget()
        row = QHBoxLayout(self._button_row)
        row.setContentsMargins(0, 2, 0, 0)
        row.setSpacing(4)
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 5, 8, 5)
        self._column.setSpacing(2)
        self._column.addLayout(top)
        for part in (self.value, self.note, self.state, self._button_row):
            self._column.addWidget(part)
        for label in (self.title, self.short_value, self.value, self.note, self.state):
            # A press anywhere on the row chooses it.
            label.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)


def _restyle(widget: QWidget) -> None:
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)
