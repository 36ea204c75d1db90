"""Which studies of which node are meant: fields that stand above the search of a node."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from spinealign.domain.network import StudyQuery
from spinealign.ui.network.desk import NetworkState
from spinealign.ui.network.forms import Told, choice, offer_nodes
from spinealign.wording.network_window import (
    DATE_HINT,
    DATES_TURNED,
    FIND_LABELS,
    MODALITY_HINT,
    NAME_HINT,
    NO_NODES_YET,
    NOT_A_DATE,
    SOMETHING_TO_SEARCH,
    dicom_date,
    plain,
    typed_name,
)

ON_A_LINE = 4
_FIELDS = ("name", "patient_id", "accession", "first_date", "last_date", "modality")
_HINTS = {
    "name": NAME_HINT, "first_date": DATE_HINT, "last_date": DATE_HINT, "modality": MODALITY_HINT,
}  # fmt: skip


class QueryForm(QWidget):
    """The fields `node` and `lines`; `changed` says that something else is filled in.

    Parameters
    ----------
    last_node : str
        Searched the last time; empty for none.
    """

    changed = pyqtSignal()

    def __init__(self, last_node: str) -> None:
        super().__init__()
        self._last_node = last_node
        self._web_names: frozenset[str] = frozenset()
        self.node = choice({})
        self.node.setAccessibleName(plain(FIND_LABELS["node"]))
        self.lines = {name: QLineEdit() for name in _FIELDS}
        for name, line in self.lines.items():
            line.setAccessibleName(plain(FIND_LABELS[name]))
            line.setPlaceholderText(_HINTS.get(name, ""))
            line.textChanged.connect(self.changed)
        self.node.currentIndexChanged.connect(self.changed)
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        for place, name in enumerate(("node", *_FIELDS)):
            label = QLabel(FIND_LABELS[name])
            field = self.node if name == "node" else self.lines[name]
            label.setBuddy(field)
            row, column = 2 * (place // ON_A_LINE), place % ON_A_LINE
            self.grid.addWidget(label, row, column)
            self.grid.addWidget(field, row + 1, column)
        for column in range(ON_A_LINE):
            self.grid.setColumnStretch(column, 1)
        self.grid.setVerticalSpacing(2)

    def show_nodes(self, state: NetworkState, told: Told) -> None:
        """Offer the nodes that are configured; where there are none, `told` says so."""
        names = [peer.name for peer in state.settings.peers]
        self._web_names = frozenset(p.name for p in state.settings.peers if hasattr(p, "url"))
        offer_nodes(self.node, names, self._last_node, told)
        self.changed.emit()

    @property
    def is_web(self) -> bool:
        """Whether the node is a DICOMweb server."""
        return self.node.currentText() in self._web_names

    @property
    def query(self) -> StudyQuery | None:
        """What is searched for; None where a date is none."""
        said = {name: line.text().strip() for name, line in self.lines.items()}
        first, last = dicom_date(said["first_date"]), dicom_date(said["last_date"])
        if first is None or last is None:
            return None
        return StudyQuery(
            typed_name(said["name"]), said["patient_id"], said["accession"], first, last,
            said["modality"].upper(),
        )  # fmt: skip

    @property
    def fault(self) -> str:
        """Why nothing can be searched for; empty where it can."""
        query = self.query
        if not self.node.count():
            return NO_NODES_YET
        if query is None:
            return NOT_A_DATE
        if not any(line.text().strip() for line in self.lines.values()):
            return SOMETHING_TO_SEARCH
        is_turned = query.first_date and query.last_date and query.first_date > query.last_date
        return DATES_TURNED if is_turned else ""
