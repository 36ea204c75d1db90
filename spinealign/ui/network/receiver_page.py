"""The program as a receiver: what it is called, where it listens, and what it takes in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.network import NetworkError
from spinealign.network.peers import ReceiverSettings, Rule, Tls, checked
from spinealign.ui.network.forms import FileField, Form, Told
from spinealign.ui.network.rule_dialog import RuleDialog
from spinealign.ui.network.tables import Rows
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.wording.network_window import (
    ADD_RULE,
    ADDRESS_NOTE,
    ANALYSED,
    ANY,
    EDIT_RULE,
    KEEP_RECEIVER,
    KEPT_ONLY,
    NO_RULE_CHOSEN,
    NOBODY,
    NODE_LABELS,
    NODE_NOTES,
    NOTHING_CHANGED,
    RECEIVER_INTRODUCTION,
    RECEIVER_LABELS,
    RECEIVER_NEEDS_RULE,
    RECEIVER_ON,
    RECEIVER_STATE,
    REMOVE_RULE,
    RULE_HEADINGS,
    failure_words,
)

_MOST_PORT, _MOST_SECONDS = 65535, 3600
_FILES = ("ca_file", "certificate_file", "key_file")
_RULE_ROWS = 4


class ReceiverPage(QWidget):
    """Shows the receiver's settings; `wanted` brings those that a person saves."""

    wanted = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._before = ReceiverSettings()
        self._nodes: tuple[str, ...] = ()
        self._rules: list[Rule] = []
        self.is_on = QCheckBox(RECEIVER_ON)
        self.title, self.address = QLineEdit(), QLineEdit()
        self.port, self.quiet = QSpinBox(), QDoubleSpinBox()
        self.port.setRange(1, _MOST_PORT)
        self.quiet.setRange(0, _MOST_SECONDS)
        self.quiet.setDecimals(0)
        self.encrypted = QCheckBox(NODE_LABELS["is_encrypted"])
        self.files = {name: FileField(NODE_LABELS[name].replace("&", "")) for name in _FILES}
        self.rules = Rows("Rules", RULE_HEADINGS)
        self.add, self.edit = QPushButton(ADD_RULE), QPushButton(EDIT_RULE)
        self.remove, self.save = QPushButton(REMOVE_RULE), QPushButton(KEEP_RECEIVER)
        for button in (self.add, self.edit, self.remove, self.save):
            button.setAutoDefault(False)
        self.save.setProperty("primary", "true")
        self.state, self.told = Told(), Told()
        self._lay_out()
        self._connect()

    @property
    def settings(self) -> ReceiverSettings:
        """What is filled in, within no limits yet."""
        files = {name: field.line.text().strip() for name, field in self.files.items()}
        return msgspec.structs.replace(
            self._before, is_on=self.is_on.isChecked(), title=self.title.text().strip(),
            address=self.address.text().strip(), port=self.port.value(),
            quiet_seconds=self.quiet.value(), rules=tuple(self._rules),
            tls=Tls(**files) if self.encrypted.isChecked() else None,
        )  # fmt: skip

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self.settings != self._before

    def show_settings(
        self, settings: ReceiverSettings, nodes: Sequence[str], is_receiving: bool
    ) -> None:
        """Show what is configured; what a person has changed and not saved stays."""
        self.state.say(RECEIVER_STATE[is_receiving], "good" if is_receiving else "muted")
        is_other = settings != self._before or not self.title.text()
        self._nodes = tuple(nodes)
        if not is_other:
            self._follow()
            return
        self._before, self._rules = settings, list(settings.rules)
        self.is_on.setChecked(settings.is_on)
        self.title.setText(settings.title)
        self.address.setText(settings.address)
        self.port.setValue(settings.port)
        self.quiet.setValue(settings.quiet_seconds)
        self.encrypted.setChecked(settings.tls is not None)
        for name in _FILES:
            self.files[name].line.setText(getattr(settings.tls or Tls(), name))
        self._show_rules()

    def tell_failure(self, error: NetworkError) -> None:
        """Say why what was saved does not work."""
        self.told.say(failure_words(error), "danger")

    def _lay_out(self) -> None:
        notes = {**NODE_NOTES, "address": ADDRESS_NOTE}
        form = self.form = Form({**NODE_LABELS, **RECEIVER_LABELS}, notes)
        form.say(wrapped_label(RECEIVER_INTRODUCTION, "muted"))
        form.say(self.is_on)
        form.say(self.state)
        form.say(self.rules)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.add, self.edit, self.remove):
            row.addWidget(button)
        row.addStretch(1)
        form.say(buttons)
        for name, field in (
            ("title", self.title), ("port", self.port), ("address", self.address),
            ("quiet_seconds", self.quiet),
        ):  # fmt: skip
            form.put(name, field)
        form.put("is_encrypted", self.encrypted, is_tick=True)
        for name in _FILES:
            form.put(name, self.files[name])
        form.end()
        rows_px = (_RULE_ROWS + 2) * 2 * self.fontMetrics().lineSpacing() // 2
        self.rules.setFixedHeight(rows_px + self.fontMetrics().lineSpacing())
        last = QHBoxLayout()
        last.addWidget(self.told, 1)
        last.addWidget(self.save)
        column = QVBoxLayout(self)
        column.addWidget(form, 1)
        column.addLayout(last)

    def _connect(self) -> None:
        for line in (self.title, self.address, *(field.line for field in self.files.values())):
            line.textChanged.connect(self._follow)
        for tick in (self.is_on, self.encrypted):
            tick.toggled.connect(self._follow)
        self.port.valueChanged.connect(self._follow)
        self.quiet.valueChanged.connect(self._follow)
        self.rules.itemSelectionChanged.connect(self._follow)
        self.rules.itemActivated.connect(self._edit_rule)
        self.add.clicked.connect(partial(self._ask_rule, None))
        self.edit.clicked.connect(self._edit_rule)
        self.remove.clicked.connect(self._remove_rules)
        self.save.clicked.connect(self._save)

    def _follow(self) -> None:
        shown = {"title", "port", "address", "quiet_seconds", "is_encrypted"}
        files = set(_FILES) if self.encrypted.isChecked() else set()
        self.form.show_only(frozenset(shown | files))
        chosen = "" if self.rules.chosen else NO_RULE_CHOSEN
        offer(self.edit, chosen)
        offer(self.remove, chosen)
        fault = self._fault()
        offer(self.save, fault or ("" if self.is_changed else NOTHING_CHANGED))
        self.told.say(fault, "muted")

    def _fault(self) -> str:
        if self.is_on.isChecked() and not self._rules:
            return f"{RECEIVER_NEEDS_RULE}."
        try:
            checked(self.settings)
        except NetworkError as error:
            return failure_words(error)
        return ""

    def _save(self) -> None:
        if not self._fault():
            self.wanted.emit(self.settings)

    # Rules

    def _show_rules(self) -> None:
        self.rules.put([(rule_cells(rule), number) for number, rule in enumerate(self._rules)])
        self._follow()

    def _edit_rule(self) -> None:
        for number in self.rules.chosen[:1]:
            self._ask_rule(number)

    def _ask_rule(self, number: object) -> None:
        known = self._rules[number] if isinstance(number, int) and number is not False else None
        dialog = RuleDialog(known, self._nodes, self)

        def keep(rule: Rule) -> None:
            if known is not None and isinstance(number, int):
                self._rules[number] = rule
            else:
                self._rules.append(rule)
            self._show_rules()

        dialog.chosen.connect(keep)
        dialog.open()

    def _remove_rules(self) -> None:
        gone = set(self.rules.chosen)
        self._rules = [rule for number, rule in enumerate(self._rules) if number not in gone]
        self._show_rules()


def rule_cells(rule: Rule) -> tuple[str, ...]:
    """Return a rule in the columns of `RULE_HEADINGS`."""
    return (
        rule.calling_title, "/".join(rule.modalities) or ANY, "/".join(rule.body_parts) or ANY,
        ANALYSED if rule.is_analysed else KEPT_ONLY, ", ".join(rule.results_to) or NOBODY,
    )  # fmt: skip
