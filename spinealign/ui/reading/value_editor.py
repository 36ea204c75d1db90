"""Editors of a finding's value, by what kind of value it is; each is worked by keys alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QValidator
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.discs import GradeName
from spinealign.domain.examination import EXAMINATIONS
from spinealign.domain.reading import (
    Finding,
    FindingKind,
    FindingValue,
    GradeScale,
    GradeValue,
    NameValue,
    NumberValue,
    PresenceValue,
)
from spinealign.reading.decisions import allowed_grades
from spinealign.wording import examination_label
from spinealign.wording.measure_rows import unit_text
from spinealign.wording.reading_page import finding_name, finding_value_text

Wanted = Mapping[str, FindingValue]
"""The reader's values by key of the finding."""

DECIMALS = {"%": 0, "": 2}
MOST_TYPED = 1e9
"""More than any limit of `number_limits`."""

STEP = {"": 0.05}
_RETURNS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class ValueEditor(QWidget):
    """Base: Return applies, Escape leaves everything as it was."""

    chosen = pyqtSignal(object)
    cancelled = pyqtSignal()

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__()
        self.findings = tuple(findings)

    def wanted(self) -> Wanted:
        """Return the values that are set now."""
        raise NotImplementedError

    def begin(self) -> None:
        """Take the keyboard."""
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def type(self, text: str) -> None:
        """Take a letter that was typed before there was an editor."""

    def apply(self) -> None:
        """Announce the values."""
        self.chosen.emit(self.wanted())

    def take_key(self, event: QKeyEvent) -> bool:
        """Do what a key means here; return whether it means anything."""
        if event.key() in _RETURNS:
            self.apply()
        elif event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            return False
        return True

    def event(self, event: QEvent | None) -> bool:
        """Keep keys that belong to the editor from the tools of the window."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            plain = event.modifiers() in (
                Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier,
            )  # fmt: skip
            if plain:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Take the keys that nothing inside wanted."""
        if event is not None and not self.take_key(event):
            super().keyPressEvent(event)


class NumberBox(QDoubleSpinBox):
    """Takes a comma for the decimal point; what is impossible is refused with a sentence later.

    A box with limits would leave out the digits that lead beyond them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setRange(-MOST_TYPED, MOST_TYPED)

    def validate(self, text: str | None, at: int) -> tuple[QValidator.State, str, int]:
        """Return whether a text can become a number."""
        return super().validate((text or "").replace(",", "."), at)

    def valueFromText(self, text: str | None) -> float:
        """Return the number."""
        return super().valueFromText((text or "").replace(",", "."))


class NumberEditor(ValueEditor):
    """A spin box with the unit of the measure; one for each level where several share a line."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings)
        self.boxes = {finding.key: self._new_box(finding) for finding in findings}
        self.box = self.boxes[findings[0].key]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, finding in enumerate(findings):
            if len(findings) > 1:
                grid.addWidget(QLabel(finding.place), row, 0)
            grid.addWidget(self.boxes[finding.key], row, 1)
        grid.setColumnStretch(1, 1)
        grid.addWidget(_apply_button(self), len(findings) - 1, 2)
        self.setFocusProxy(self.box)

    def _new_box(self, finding: Finding) -> NumberBox:
        box = NumberBox()
        box.setDecimals(DECIMALS.get(finding.unit, 1))
        box.setSingleStep(STEP.get(finding.unit, 1.0))
        box.setSuffix(unit_text(finding.unit))
        box.setAccessibleName("Value" if len(self.findings) == 1 else f"{finding.place} value")
        if isinstance(finding.value, NumberValue):
            box.setValue(finding.value.value)
        box.installEventFilter(self)
        return box

    def begin(self) -> None:
        """Take the keyboard, so that the first digit replaces the value."""
        super().begin()
        self.box.selectAll()

    def type(self, text: str) -> None:
        """Begin the number with this letter."""
        line = self.box.lineEdit()
        if line is not None:
            line.insert(text)

    def wanted(self) -> Wanted:
        """Return the numbers in the units of the findings."""
        for box in self.boxes.values():
            box.interpretText()
        return {
            finding.key: NumberValue(self.boxes[finding.key].value(), finding.unit)
            for finding in self.findings
        }

    def eventFilter(self, watched: object, event: QEvent | None) -> bool:
        """Let Return and Escape reach the editor: the spin box would keep them."""
        is_key = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        return bool(is_key and isinstance(event, QKeyEvent) and self.take_key(event))


class GradeEditor(ValueEditor):
    """A button for each grade; a digit chooses one at once."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings)
        [finding] = findings
        self.buttons: dict[int, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._scale = scale_of(finding)
        for grade in allowed_grades(finding):
            button = QPushButton(str(grade))
            button.setToolTip(finding_value_text(GradeValue(self._scale, grade)))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(partial(self._choose, grade))
            row.addWidget(button)
            self.buttons[grade] = button
        row.addStretch(1)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wanted(self) -> Wanted:
        """Return nothing: a grade is chosen by its button or digit."""
        return {}

    def take_key(self, event: QKeyEvent) -> bool:
        """Choose the grade of a digit."""
        grade = _digit(event)
        if grade in self.buttons:
            self._choose(grade)
            return True
        return super().take_key(event)

    def _choose(self, grade: int, _checked: bool = False) -> None:
        [finding] = self.findings
        self.chosen.emit({finding.key: GradeValue(self._scale, grade)})


class DiscEditor(ValueEditor):
    """All grades of a disc: Pfirrmann by digit, the rest by ticks."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.grades: dict[int, QPushButton] = {}
        self.ticks: dict[str, QCheckBox] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._pfirrmann = next((f for f in findings if f.code == GradeName.PFIRRMANN), None)
        if self._pfirrmann is not None:
            column.addLayout(self._grade_row(self._pfirrmann))
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        ticked = [f for f in findings if f is not self._pfirrmann]
        for place, finding in enumerate(ticked):
            grid.addWidget(self._tick(finding), place // 2, place % 2)
        column.addLayout(grid)
        column.addWidget(_apply_button(self))

    def wanted(self) -> Wanted:
        """Return all grades that are set."""
        values = {finding.key: self._value_of(finding) for finding in self.findings}
        return {key: value for key, value in values.items() if value is not None}

    def take_key(self, event: QKeyEvent) -> bool:
        """Tick the grade of a digit."""
        button = self.grades.get(_digit(event))
        if button is not None:
            button.setChecked(True)
            return True
        return super().take_key(event)

    def _grade_row(self, finding: Finding) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(QLabel("Pfirrmann"))
        now = finding.value.grade if isinstance(finding.value, GradeValue) else None
        for grade in allowed_grades(finding):
            button = QPushButton(str(grade))
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setChecked(grade == now)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setProperty("grade", "true")
            button.setAccessibleName(f"Pfirrmann grade {grade}")
            row.addWidget(button)
            self.grades[grade] = button
        row.addStretch(1)
        return row

    def _tick(self, finding: Finding) -> QCheckBox:
        name = finding_name(finding)
        box = QCheckBox(name.removeprefix("disc "))
        box.setAccessibleName(name)
        box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if isinstance(finding.value, PresenceValue):
            box.setChecked(finding.value.is_present)
        else:
            box.setTristate(True)
            box.setCheckState(Qt.CheckState.PartiallyChecked)
            box.setToolTip("Not determined by the program")
        self.ticks[finding.key] = box
        return box

    def _value_of(self, finding: Finding) -> FindingValue | None:
        if finding is self._pfirrmann:
            chosen = [grade for grade, button in self.grades.items() if button.isChecked()]
            return GradeValue(GradeScale.PFIRRMANN, chosen[0]) if chosen else None
        state = self.ticks[finding.key].checkState()
        if state is Qt.CheckState.PartiallyChecked:
            return None
        return PresenceValue(state is Qt.CheckState.Checked)


class ExaminationEditor(ValueEditor):
    """A list of the kinds of examination; the image is analysed again as the one chosen."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings)
        [finding] = findings
        self.list = QComboBox()
        self.list.setAccessibleName("Image type")
        for each in EXAMINATIONS.values():
            self.list.addItem(examination_label(each), each)
        name = finding.value.name if isinstance(finding.value, NameValue) else ""
        self.list.setCurrentIndex([each.kind.value for each in EXAMINATIONS.values()].index(name))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.list, 1)
        row.addWidget(_apply_button(self))
        self.setFocusProxy(self.list)

    def wanted(self) -> Wanted:
        """Return the kind."""
        [finding] = self.findings
        return {finding.key: NameValue(self.list.currentData().kind.value)}


class LevelsEditor(ValueEditor):
    """Shifts all levels by one: the change is made on the picture, and all values follow."""

    shifted = pyqtSignal(int)

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(findings)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.buttons: dict[int, QPushButton] = {}
        for steps, text, tip in (
            (1, "One higher ▲", "Rename every vertebra and disc one level higher (Up)"),
            (-1, "One lower ▼", "Rename every vertebra and disc one level lower (Down)"),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.clicked.connect(partial(self._shift, steps))
            row.addWidget(button)
            self.buttons[steps] = button
        row.addStretch(1)

    def wanted(self) -> Wanted:
        """Return nothing: the levels are changed on the picture."""
        return {}

    def take_key(self, event: QKeyEvent) -> bool:
        """Shift by the arrow keys."""
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if steps is not None:
            self._shift(steps)
            return True
        return super().take_key(event)

    def _shift(self, steps: int, _checked: bool = False) -> None:
        self.shifted.emit(steps)


_EDITORS: Mapping[FindingKind, Callable[[Sequence[Finding]], ValueEditor]] = {
    FindingKind.MEASURE: NumberEditor,
    FindingKind.HEIGHT_LOSS: GradeEditor,
    FindingKind.DISC_GRADE: DiscEditor,
    FindingKind.EXAMINATION: ExaminationEditor,
    FindingKind.LEVELS: LevelsEditor,
}


def editor_of(findings: Sequence[Finding]) -> ValueEditor:
    """Return the editor that fits the values of findings that share a line."""
    return _EDITORS[findings[0].kind](findings)


def scale_of(finding: Finding) -> GradeScale:
    """Return the scale of a finding that has whole grades, or of those of its disc."""
    is_height = finding.kind is FindingKind.HEIGHT_LOSS
    return GradeScale.GENANT if is_height else GradeScale.PFIRRMANN


def _digit(event: QKeyEvent) -> int:
    text = event.text()
    return int(text) if len(text) == 1 and text in "0123456789" else -1


def _apply_button(editor: ValueEditor) -> QPushButton:
    button = QPushButton("Apply ⏎")
    button.setToolTip("Take this value (Return); Escape leaves the finding as it was")
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(lambda: editor.apply())
    return button
