"""One rule of the receiver: from whom, of what, what then, and who gets the results."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QPushButton,
    QWidget,
)

from spinealign.domain.network import NetworkError
from spinealign.network.peers import Rule, checked
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.forms import Form, Told, column_of, fit
from spinealign.ui.widgets.labels import offer, without_icons, wrapped_label
from spinealign.wording.network_window import (
    KEEP_RULE,
    NEW_RULE_TITLE,
    NO_NODES_YET,
    RULE_LABELS,
    RULE_NOTES,
    failure_words,
    missing_text,
    plain,
)

_WIDTH_EM, _HEIGHT_EM = 84, 66


class RuleDialog(QDialog):
    """Takes a rule that there can be; `chosen` brings it.

    Parameters
    ----------
    rule : Rule or None
        None for a new one.
    nodes : sequence of str
        Names of the nodes that results can go to.
    """

    chosen = pyqtSignal(object)

    def __init__(self, rule: Rule | None, nodes: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(NEW_RULE_TITLE)
        explain(self, "pacs")
        names = ("calling_title", "modalities", "body_parts")
        self.lines = {name: QLineEdit() for name in names}
        self.analysed = QCheckBox(RULE_LABELS["is_analysed"])
        self.results = {name: QCheckBox(name.replace("&", "&&")) for name in nodes}
        self.told = Told()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.keep = QPushButton(KEEP_RULE)
        self.keep.setProperty("primary", "true")
        self.keep.setDefault(True)
        self.buttons.addButton(self.keep, QDialogButtonBox.ButtonRole.AcceptRole)
        without_icons(self.buttons)
        self._lay_out()
        self._show(rule)
        for line in self.lines.values():
            line.textChanged.connect(self._offer)
        self.analysed.toggled.connect(self._offer)
        self.buttons.accepted.connect(self._keep)
        self.buttons.rejected.connect(self.reject)
        self._offer()
        fit(self, _WIDTH_EM, _HEIGHT_EM)

    @property
    def rule(self) -> Rule:
        """The rule as it is filled in, within no limits yet."""
        is_analysed = self.analysed.isChecked()
        results = [name for name, box in self.results.items() if box.isChecked()]
        return Rule(
            calling_title=self.lines["calling_title"].text().strip(),
            modalities=_codes(self.lines["modalities"].text()),
            body_parts=_codes(self.lines["body_parts"].text()),
            is_analysed=is_analysed,
            results_to=tuple(results) if is_analysed else (),
        )

    def _lay_out(self) -> None:
        form = Form(RULE_LABELS, RULE_NOTES)
        for name, line in self.lines.items():
            form.put(name, line)
        form.put("is_analysed", self.analysed, is_tick=True)
        form.say(wrapped_label(plain(RULE_LABELS["results_to"]), strong=True))
        form.say(wrapped_label(RULE_NOTES["results_to"], "muted"))
        for box in self.results.values():
            form.say(box)
        if not self.results:
            form.say(wrapped_label(f"{NO_NODES_YET}.", "muted"))
        form.end()
        column = column_of(self)
        column.addWidget(form, 1)
        column.addWidget(self.told)
        column.addWidget(self.buttons)

    def _show(self, rule: Rule | None) -> None:
        self.analysed.setChecked(rule is None or rule.is_analysed)
        if rule is not None:
            self.lines["calling_title"].setText(rule.calling_title)
            self.lines["modalities"].setText(", ".join(rule.modalities))
            self.lines["body_parts"].setText(", ".join(rule.body_parts))
            for name, box in self.results.items():
                box.setChecked(name in rule.results_to)

    def _offer(self) -> None:
        for box in self.results.values():
            box.setEnabled(self.analysed.isChecked())
        fault = self._fault()
        offer(self.keep, fault)
        self.told.say(fault, "muted")

    def _fault(self) -> str:
        if not self.lines["calling_title"].text().strip():
            return missing_text([RULE_LABELS["calling_title"]])
        try:
            checked(self.rule)
        except NetworkError as error:
            return failure_words(error)
        return ""

    def _keep(self) -> None:
        if not self._fault():
            self.chosen.emit(self.rule)
            self.accept()


def _codes(text: str) -> tuple[str, ...]:
    """Return codes as DICOM has them, in capitals, parted by commas, semicolons or slashes."""
    parts = text.replace(";", ",").replace("/", ",").split(",")
    return tuple(dict.fromkeys(part.strip().upper() for part in parts if part.strip()))
