"""Commands on the network: nodes, From PACS, Send, Transfers; its dialogs are loaded when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QWidget

from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.findings import Analysis
from spinealign.domain.reading import Reading
from spinealign.export.exporters import EXPORTERS
from spinealign.ui.network.desk import NetworkDesk, NetworkState
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.dicom_commands import DICOM_KINDS, DicomCommands
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.window.status_line import StatusLine
from spinealign.ui.workbench import Workbench
from spinealign.wording.network_window import (
    INDICATOR_TIP,
    IS_SIGNED,
    NOT_READ_HERE,
    NOT_SIGNED,
    SEND_BUTTON,
    SIGNED_NOTICE,
    indicator_text,
)


class NetworkCommands(QObject):
    """Connects the commands of the network, and says in the status bar what waits or failed.

    Parameters
    ----------
    dicom : DicomCommands
        Knows whose images are that do not say so.
    patient : PatientStrip
        Knows whether reports name the patient.
    window : QWidget
        Over which dialogs open.
    """

    def __init__(
        self, actions: Actions, bench: Workbench, dicom: DicomCommands, patient: PatientStrip,
        status: StatusLine, window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._actions, self._bench, self._dicom = actions, bench, dicom
        self._patient, self._status, self._window = patient, status, window
        self.desk = NetworkDesk(bench, self._choices, self)
        actions.on("nodes", partial(self.show_nodes, window))
        actions.on("from_pacs", self.find)
        actions.on("send", self.send)
        actions.on("transfers", self.show_transfers)
        status.transfers_requested.connect(self.show_transfers)
        self.desk.changed.connect(self._show_state)
        bench.readings.signed.connect(self._offer_sending)

    def show_nodes(self, over: QWidget) -> None:
        """Configure nodes and receiver."""
        from spinealign.ui.network.nodes_dialog import NodesDialog

        NodesDialog(self.desk, over).open()

    def find(self) -> None:
        """Search a node, retrieve from it, and open what came."""
        from spinealign.ui.network.find_dialog import FindDialog

        preferences = self._bench.preferences
        dialog = FindDialog(self.desk, preferences.state.searched_node, self._window)
        dialog.may_ask = lambda name: self._bench.at_work.record("query", (), name)
        dialog.retrieved.connect(self._open)
        dialog.nodes_wanted.connect(lambda: self.show_nodes(dialog))
        dialog.node_chosen.connect(lambda name: preferences.note(searched_node=name))
        dialog.open()

    def show_transfers(self) -> None:
        """Show what waits, failed and was done."""
        from spinealign.ui.network.transfers_dialog import TransfersDialog

        dialog = TransfersDialog(self.desk, self._window)
        dialog.open_wanted.connect(self._open)
        dialog.open()

    def send(self) -> None:
        """Send results of the case that is shown, with its reading as it is on the disk."""
        self._bench.readings.when_saved(self._open_sending)

    def _open_sending(self) -> None:
        from spinealign.ui.network.send_dialog import Sendable, SendDialog

        result = self._bench.current_analysis
        if result is None:
            return
        kinds = {kind: EXPORTERS[kind].is_available(result) for kind in DICOM_KINDS}
        words, is_signed = self._reading_words()
        sendable = Sendable(kinds, self._dicom.has_patient(result), words, is_signed)
        state = self._bench.preferences.state
        dialog = SendDialog(self.desk, sendable, state.sent_kinds, state.sent_to, self._window)
        dialog.nodes_wanted.connect(lambda: self.show_nodes(dialog))

        def begin(name: str, chosen: Sequence[str]) -> None:
            ticked = tuple(kind for kind, box in dialog.boxes.items() if box.isChecked())
            self._bench.preferences.note(sent_kinds=ticked, sent_to=name)
            self._with_patient(result, lambda: self._begin(dialog, result, name, chosen))

        dialog.wanted.connect(begin)
        dialog.open()

    def _with_patient(self, result: Analysis, act: Callable[[], None]) -> None:
        if self._dicom.has_patient(result):
            act()
        else:
            self._dicom.ask_patient(act)

    def _begin(self, dialog: object, result: Analysis, name: str, kinds: Sequence[str]) -> None:
        from spinealign.ui.network.jobs import send_objects
        from spinealign.ui.network.send_dialog import SendDialog

        assert isinstance(dialog, SendDialog)
        if not self._bench.at_work.record("send", [result.image.source_path], name):
            return
        details = self._bench.saver.report_details(result, self._patient.report_patient)
        details = replace(details, dicom=self._dicom.choices(result))
        services = self._bench.services
        dialog.send(name, partial(send_objects, services, result, kinds, details, name))

    def _reading_words(self) -> tuple[str, bool]:
        shown = self._bench.readings.shown
        if shown is None:
            return NOT_READ_HERE, False
        return (IS_SIGNED, True) if shown.is_signed else (NOT_SIGNED, False)

    def _choices(self) -> DicomChoices:
        settings = self._bench.preferences.settings
        return DicomChoices(None, settings.dicom_uid_root, settings.dicom_label_map)

    def _open(self, folders: Sequence[Path]) -> None:
        self._bench.opener.open_private(folders)

    def _show_state(self, state: NetworkState) -> None:
        text = indicator_text(state.waiting_count, state.failed_count)
        self._status.show_transfers(text, INDICATOR_TIP)

    def _offer_sending(self, _reading: Reading) -> None:
        state = self.desk.state
        if state is not None and state.settings.peers:
            self._bench.messages.notice(SIGNED_NOTICE, SEND_BUTTON, self.send)
