"""The findings one below the other, and the keys that decide on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from spinealign.domain.discs import GradeName
from spinealign.domain.examination import ExaminationKind
from spinealign.domain.reading import (
    GRADE_LIMITS,
    Decision,
    Finding,
    FindingKind,
    FindingValue,
    GradeValue,
    NameValue,
    Normality,
)
from spinealign.reading.decisions import ReadFinding, allowed_grades, is_same_value
from spinealign.reading.findings import FindingLine
from spinealign.ui.reading.case_readings import ReadingSnapshot
from spinealign.ui.reading.finding_row import FindingRow
from spinealign.ui.reading.value_editor import Wanted, scale_of
from spinealign.ui.widgets.chunked_fill import ChunkedFill
from spinealign.ui.widgets.labels import Fold, wrapped_label
from spinealign.ui.widgets.theme import Colours
from spinealign.wording.reading_window import line_title, normal_text

FOLDED, NORMAL, DOUBTS = "folded", "normal", "doubts"

_ACCEPT = (Qt.Key.Key_A, Qt.Key.Key_Return, Qt.Key.Key_Enter)
_CHANGE = (Qt.Key.Key_C, Qt.Key.Key_F2)
_REJECT = (Qt.Key.Key_R, Qt.Key.Key_Delete)
_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
_KEYS = (*_ACCEPT, *_CHANGE, *_REJECT, Qt.Key.Key_Up, Qt.Key.Key_Down)

Decided = Mapping[str, tuple[Decision, FindingValue | None]]


class FindingList(QWidget):
    """Shows a reading's findings; A accepts the current one, C changes, R rejects it.

    After a decision the next undecided line is current by itself.
    """

    decided = pyqtSignal(object, str)
    looked_at = pyqtSignal(object)
    examination_chosen = pyqtSignal(object)
    levels_shifted = pyqtSignal(int)
    current_changed = pyqtSignal(object)

    def __init__(self, colours: Colours, open_folds: set[str]) -> None:
        super().__init__()
        self._colours, self._open_folds = colours, open_folds
        self._snapshot: ReadingSnapshot | None = None
        self._rows: dict[str, FindingRow] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._folds: dict[str, Fold] = {}
        self._closed: ChunkedFill | None = None
        self._layout_shown: dict[str, tuple[tuple[str, ...], ...]] = {}
        self._open: set[str] = set()
        self._sent: set[str] = set()
        self.current: FindingRow | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Findings")
        self.setObjectName("findingList")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._body: QWidget | None = None

    # What is shown

    def show_reading(self, snapshot: ReadingSnapshot, is_saving: bool) -> None:
        """Show findings and decisions; rows are kept where the findings are the same.

        While a step is written the next undecided row is told from what was asked for.
        """
        wanted = _sections(snapshot)
        self._snapshot = snapshot
        if not is_saving:
            self._sent.clear()
        self._open = {finding.key for finding in snapshot.pending}
        layout = {
            name: tuple((line.key, *(finding.key for finding in line.findings)) for line in lines)
            for name, lines in wanted.items()
        }
        if layout != self._layout_shown:
            self._layout_shown = layout
            self._build(wanted)
        for row in self._rows.values():
            self._tell(row)
        self._title_folds(wanted)
        if self.current is None:
            self.begin()

    def _tell(self, row: FindingRow) -> None:
        """Show in a row what is read now."""
        snapshot = self._snapshot
        assert snapshot is not None
        told = self._told(snapshot, self._keys[row.key])
        row.show_findings(told, bool(snapshot.why_fixed), _gaps(snapshot, told))

    @staticmethod
    def _told(snapshot: ReadingSnapshot, keys: Sequence[str]) -> list[ReadFinding]:
        """Return the findings of a row: of a disc also its grade, and what the reader changed."""
        own = [snapshot.read[key] for key in keys]
        first = own[0].finding
        if first.kind is not FindingKind.DISC_GRADE:
            return own
        disc = [r for r in snapshot.read.values() if _is_of_disc(r.finding, first.place)]
        others = (r for r in disc if r.finding.key not in keys)
        return own + [r for r in others if _is_told_anyway(r)]

    @property
    def rows(self) -> list[FindingRow]:
        """All rows from the top, those in closed sections too."""
        self._finish()
        return [self._rows[key] for key in self._keys]

    def row(self, key: str) -> FindingRow:
        """Return the row of a line by its key."""
        self._finish()
        return self._rows[key]

    def _finish(self) -> None:
        """Make the rows of closed sections that are not made yet."""
        if self._closed is not None:
            self._closed.finish()

    def make_current(self, row: FindingRow | None, look: bool = True) -> None:
        """Offer the decisions on a row, and go to its place in the picture."""
        if self.current is not None and self.current is not row:
            self.current.set_current(False)
        self.current = row
        if row is not None:
            row.set_current(True, self.hasFocus())
            if look:
                self.looked_at.emit(row.findings)
                self.current_changed.emit(row)

    def begin(self) -> None:
        """Make the first undecided line the current one, without moving the picture."""
        self.make_current(self._next_open(None), look=False)

    def _build(self, wanted: Mapping[str, Sequence[FindingLine]]) -> None:
        kept = None if self.current is None else self.current.key
        self.current = None
        if self._body is not None:
            self._column.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
            if self._closed is not None:
                self._closed.stop()
        self._rows, self._keys, self._folds = {}, {}, {}
        later: list[Callable[[], object]] = []
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for line in wanted[""]:
            column.addWidget(self._new_row(line))
        if not wanted[""]:
            column.addWidget(wrapped_label(_nothing_abnormal(wanted), strong=True))
        self._normal = wrapped_label("", "muted")
        for name in (FOLDED, NORMAL, DOUBTS):
            if name == NORMAL:
                column.addWidget(self._normal)
            if wanted[name]:
                column.addWidget(self._new_fold(name, wanted[name], later))
        for line in wanted["context"]:
            column.addWidget(self._new_row(line))
        self._closed = ChunkedFill(later, self._body)
        self._column.addWidget(self._body)
        if self.isVisible():
            # Qt would show what is added to a visible list only after the list was painted.
            self._body.show()
            self._column.activate()
        if kept in self._keys:
            self.make_current(self._rows.get(kept) or self.row(kept), look=False)

    def _new_row(self, line: FindingLine) -> FindingRow:
        self._keys[line.key] = tuple(finding.key for finding in line.findings)
        row = FindingRow(line.key, self._colours)
        row.pressed.connect(self._press)
        row.decided.connect(self._decide)
        row.change_wanted.connect(self._change)
        row.values_chosen.connect(self._take_values)
        row.editing_ended.connect(self._end_editing)
        row.levels_shifted.connect(self._shift_levels)
        self._rows[line.key] = row
        return row

    def _new_fold(
        self, name: str, lines: Sequence[FindingLine], later: list[Callable[[], object]]
    ) -> Fold:
        """Return a section; the rows of a closed one are made piece by piece, or as it opens."""
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(8, 0, 0, 0)
        column.setSpacing(4)
        title = f"reading {name}"
        is_open = title in self._open_folds
        for line in lines:
            # The order of all rows is known before they are made.
            self._keys[line.key] = tuple(finding.key for finding in line.findings)
            if is_open:
                column.addWidget(self._new_row(line))
            else:
                later.append(partial(self._add_late, column, line))
        fold = Fold("", content, is_open)
        fold.about_to_open.connect(self._finish)
        remember, forget = self._open_folds.add, self._open_folds.discard
        fold.toggled.connect(lambda is_open: (remember if is_open else forget)(title))
        self._folds[name] = fold
        return fold

    def _add_late(self, column: QVBoxLayout, line: FindingLine) -> None:
        row = self._new_row(line)
        self._tell(row)
        column.addWidget(row)

    def _title_folds(self, wanted: Mapping[str, Sequence[FindingLine]]) -> None:
        titles = {
            FOLDED: "More abnormal findings",
            NORMAL: "Normal and unjudged findings one by one",
            DOUBTS: "Not determined",
        }
        for name, fold in self._folds.items():
            fold.set_title(f"{titles[name]} ({len(wanted[name])})")
        told = [finding for line in wanted[NORMAL] for finding in line.findings]
        self._normal.setText(normal_text(told))
        self._normal.setVisible(bool(told))

    # What the reader does

    def _press(self, row: FindingRow) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.make_current(row)

    def _decide(self, row: FindingRow, decision: Decision) -> None:
        taken = {read.finding.key: (decision, None) for read in row.read}
        if decision is Decision.ACCEPTED:
            taken = _accepted(row.read)
        if taken:
            word = {Decision.ACCEPTED: "accept", Decision.REJECTED: "reject"}[decision]
            self._announce(row, taken, word)

    def _change(self, row: FindingRow) -> None:
        if self._snapshot is None or self._snapshot.why_fixed:
            return
        self.make_current(row, look=False)
        row.begin_editing([read.said or read.finding for read in self._editable(row)])

    def _editable(self, row: FindingRow) -> list[ReadFinding]:
        """Return the findings that a row changes: of a disc all its grades."""
        assert self._snapshot is not None
        first = row.read[0].finding
        if first.kind is not FindingKind.DISC_GRADE:
            return list(row.read)
        every = self._snapshot.read.values()
        return [read for read in every if _is_of_disc(read.finding, first.place)]

    def _take_values(self, row: FindingRow, wanted: Wanted) -> None:
        assert self._snapshot is not None
        own = {read.finding.key for read in row.read}
        decided: dict[str, tuple[Decision, FindingValue | None]] = {}
        for key, value in wanted.items():
            read = self._snapshot.read[key]
            if not is_same_value(value, read.finding.value):
                decided[key] = (Decision.CHANGED, value)
            elif key in own or read.decision is not None:
                decided[key] = (Decision.ACCEPTED, None)
        self._end_editing()
        kind = decided.get(FindingKind.EXAMINATION.value)
        if kind is not None and isinstance(kind[1], NameValue):
            # The image is analysed again as that kind, and the finding is what was chosen.
            self.examination_chosen.emit(ExaminationKind(kind[1].name).examination)
        elif decided:
            self._announce(row, decided, "change")

    def _shift_levels(self, steps: int) -> None:
        self._end_editing()
        self.levels_shifted.emit(steps)

    def _end_editing(self) -> None:
        if self.current is not None:
            self.current.end_editing()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _announce(self, row: FindingRow, decided: Decided, word: str) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self._sent.update(decided)
        self.decided.emit(decided, f"{word} {line_title(row.findings)}")
        following = self._next_open(row)
        if following is not None:
            self.make_current(following)

    def _next_open(self, row: FindingRow | None) -> FindingRow | None:
        """Return the next row without a decision after one, from the top again at the end."""
        rows = self._reachable()
        if not rows:
            return None
        start = rows.index(row) + 1 if row in rows else 0
        ring = [*rows[start:], *rows[:start]]
        open_keys = self._open - self._sent
        return next((r for r in ring if r is not row and open_keys & {*self._keys[r.key]}), None)

    def _reachable(self) -> list[FindingRow]:
        """Return the rows that are not in a closed section."""
        made = [self._rows[key] for key in self._keys if key in self._rows]
        return [row for row in made if not self._is_folded(row)]

    def _is_folded(self, row: FindingRow) -> bool:
        """Whether a row is put away; one that is only not shown yet is not."""
        part: QWidget | None = row
        put_away = Qt.WidgetAttribute.WA_WState_ExplicitShowHide
        while part is not None and part is not self:
            if part.isHidden() and part.testAttribute(put_away):
                return True
            part = part.parentWidget()
        return False

    # Keys

    def event(self, event: QEvent | None) -> bool:
        """Keep the keys of decisions from the tools of the window, whose letters they are."""
        is_claim = event is not None and event.type() == QEvent.Type.ShortcutOverride
        if is_claim and isinstance(event, QKeyEvent) and self._is_ours(event):
            event.accept()
            return True
        return super().event(event)

    def _is_ours(self, event: QKeyEvent) -> bool:
        row, plain = self.current, event.modifiers() in _PLAIN
        return row is not None and plain and (event.key() in _KEYS or _is_typed(row, event))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Decide on the current row, or go to its neighbour."""
        row = self.current
        if event is None or row is None or event.modifiers() not in _PLAIN:
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step(1 if event.key() == Qt.Key.Key_Down else -1)
        elif self._snapshot is None or self._snapshot.why_fixed:
            super().keyPressEvent(event)
        elif event.key() in _ACCEPT:
            self._decide(row, Decision.ACCEPTED)
        elif event.key() in _REJECT:
            self._decide(row, Decision.REJECTED)
        elif event.key() in _CHANGE:
            self._change(row)
        elif _is_typed(row, event):
            self._type(row, event)
        else:
            super().keyPressEvent(event)

    def _type(self, row: FindingRow, event: QKeyEvent) -> None:
        """Change a grade by its digit at once; of a measure begin to type the number."""
        if row.read[0].finding.kind is FindingKind.MEASURE:
            self._change(row)
            if row.editor is not None:
                row.editor.type(event.text())
            return
        graded = next(r.finding for r in self._editable(row) if allowed_grades(r.finding))
        told = [read.said or read.finding for read in row.read]
        wanted = {finding.key: finding.value for finding in told if finding.value is not None}
        scale = scale_of(graded)
        self._take_values(row, {**wanted, graded.key: GradeValue(scale, int(event.text()))})

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show which row the keys act on."""
        super().focusInEvent(event)
        if self.current is None:
            self.begin()
        else:
            self.current.set_current(True, has_keys=True)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Show that the keys act on something else."""
        super().focusOutEvent(event)
        if self.current is not None:
            self.current.set_current(True, has_keys=False)

    def _step(self, forward: int) -> None:
        rows = self._reachable()
        if self.current in rows:
            place = rows.index(self.current) + forward
            self.make_current(rows[min(max(place, 0), len(rows) - 1)])


def _is_of_disc(finding: Finding, place: str) -> bool:
    return finding.kind is FindingKind.DISC_GRADE and finding.place == place


def _gaps(snapshot: ReadingSnapshot, told: Sequence[ReadFinding]) -> list[Finding]:
    """Return the grades of the disc of a row that nobody determined."""
    first, keys = told[0].finding, {read.finding.key for read in told}
    if first.kind is not FindingKind.DISC_GRADE:
        return []
    return [
        read.finding
        for key, read in snapshot.read.items()
        if key not in keys
        and _is_of_disc(read.finding, first.place)
        and read.finding.normality is Normality.UNDETERMINED
        and read.said is None
    ]


def _is_told_anyway(read: ReadFinding) -> bool:
    """Whether a row shows a grade that is not abnormal: Pfirrmann's, and what was changed."""
    is_grade = read.finding.code == GradeName.PFIRRMANN and read.finding.value is not None
    return is_grade or read.state in (Decision.CHANGED, Decision.REJECTED)


def _is_typed(row: FindingRow, event: QKeyEvent) -> bool:
    """Whether a key is a grade, or begins the number, of a row."""
    first, text = row.read[0].finding, event.text()
    if first.kind is FindingKind.MEASURE:
        return len(text) == 1 and text in "-0123456789"
    if first.kind not in (FindingKind.DISC_GRADE, FindingKind.HEIGHT_LOSS):
        return False
    low, high = GRADE_LIMITS[scale_of(first)]
    return len(text) == 1 and text.isdecimal() and low <= int(text) <= high


def _sections(snapshot: ReadingSnapshot) -> dict[str, Sequence[FindingLine]]:
    """Return the lines of each section; "" are those always shown.

    Grades of a disc stand together: normal and undetermined ones of a disc with an abnormal one
    are changed in its line. What became uncertain after it was decided on waits above all folds.
    What the reader made abnormal stands among what is abnormal, by the reader's value.
    """
    page = snapshot.page
    told = {line.key for line in (*page.lines, *page.folded)}
    rest = [line for line in _grouped((*page.normal, *page.doubts)) if line.key not in told]
    ranks = {line.key: _reader_rank(snapshot, line) for line in rest}
    risen = [line for line in rest if ranks[line.key] > 0]
    rest = [line for line in rest if line not in risen]
    lines = sorted(
        [*page.lines, *risen], key=lambda line: -max(line.rank, ranks.get(line.key, 0.0))
    )
    waiting = {finding.key for finding in snapshot.pending}
    doubts = {finding.key for finding in page.doubts}
    lost = [line for line in rest if waiting & doubts & {one.key for one in line.findings}]
    rest = [line for line in rest if line not in lost]
    return {
        "": [*lines, *lost],
        FOLDED: page.folded,
        NORMAL: [line for line in rest if line.findings[0].key not in doubts],
        DOUBTS: [line for line in rest if line.findings[0].key in doubts],
        "context": [FindingLine(finding.key, (finding,)) for finding in page.context],
    }


def _reader_rank(snapshot: ReadingSnapshot, line: FindingLine) -> float:
    """Return the rank of the worst value that the reader gave on a line; 0 if none is abnormal."""
    read = (snapshot.read[finding.key] for finding in line.findings)
    said = (each.said for each in read if each.state is Decision.CHANGED)
    abnormal = (f.rank for f in said if f is not None and f.normality is Normality.ABNORMAL)
    return max(abnormal, default=0.0)


def _grouped(findings: Sequence[Finding]) -> list[FindingLine]:
    """Return findings as lines, all of one disc together."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        is_disc = finding.kind is FindingKind.DISC_GRADE
        found.setdefault(f"disc/{finding.place}" if is_disc else finding.key, []).append(finding)
    return [FindingLine(key, tuple(members)) for key, members in found.items()]


def _accepted(read: Sequence[ReadFinding]) -> dict[str, tuple[Decision, None]]:
    """Return what accepting a row decides: a value that was decided on and is gone is let go."""
    found = {
        each.finding.key: Decision.UNDECIDED if each.finding.value is None else Decision.ACCEPTED
        for each in read
        if each.finding.value is not None or each.is_outdated
    }
    return {key: (decision, None) for key, decision in found.items()}


def _nothing_abnormal(wanted: Mapping[str, Sequence[FindingLine]]) -> str:
    """Return what stands where no finding is abnormal; what was not judged is no normal finding."""
    judged = {
        f.normality for name in (NORMAL, DOUBTS) for line in wanted[name] for f in line.findings
    }
    if Normality.NORMAL not in judged:
        return "None of the main findings could be judged."
    if judged == {Normality.NORMAL}:
        return "No abnormal finding."
    return "No abnormal finding among those that could be judged."
