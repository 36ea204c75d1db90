"""All that is on its way to nodes or came from them: its state, its last failure, Retry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.network import (
    ArrivalState,
    ArrivedSeries,
    Delivery,
    DeliveryState,
    NetworkError,
    NetworkProblem,
)
from spinealign.network.node import Network
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.network.desk import NetworkDesk, NetworkState
from spinealign.ui.network.forms import Told, buttons_of, end_with_close, fit, quiet_tabs
from spinealign.ui.network.secret_dialog import SecretDialog
from spinealign.ui.network.tables import Rows
from spinealign.ui.widgets.labels import offer
from spinealign.wording.network_window import (
    ALL_DELIVERED,
    BEING_ANALYSED,
    DELETE_NOW,
    FETCHED_DELETED,
    FETCHED_QUESTION,
    INBOX_HEADINGS,
    INBOX_PAGE,
    KEEP_IT,
    NO_TRANSFER_CHOSEN,
    NOTHING_FETCHED,
    NOTHING_RECEIVED,
    NOTHING_SENT,
    OPEN_ARRIVED,
    OUTBOX_HEADINGS,
    OUTBOX_PAGE,
    RECEIVER_NEEDED,
    REMOVE_ARRIVED_QUESTION,
    REMOVE_FETCHED,
    REMOVE_FETCHED_TIP,
    REMOVE_TRANSFER,
    RETRY,
    TRANSFERS_TITLE,
    arrival_cells,
    delivery_cells,
    failure_words,
    size_text,
    transfer_advice,
)

_WIDTH_EM, _HEIGHT_EM = 150, 84


class TransfersDialog(QDialog):
    """Shows both queues as they are now; `open_wanted` brings folders of received images."""

    open_wanted = pyqtSignal(object)

    def __init__(self, desk: NetworkDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(TRANSFERS_TITLE)
        explain(self, "pacs")
        self._desk = desk
        self._deliveries: dict[object, Delivery] = {}
        self._arrivals: dict[object, ArrivedSeries] = {}
        self._is_receiving = False
        self.outbox = Rows(OUTBOX_PAGE, OUTBOX_HEADINGS)
        self.inbox = Rows(INBOX_PAGE, INBOX_HEADINGS)
        self.retry, self.remove = QPushButton(RETRY), QPushButton(REMOVE_TRANSFER)
        self.again, self.delete = QPushButton(RETRY), QPushButton(REMOVE_TRANSFER)
        self.open_button = QPushButton(OPEN_ARRIVED)
        self.delete_fetched = QPushButton(REMOVE_FETCHED)
        self.delete_fetched.setToolTip(REMOVE_FETCHED_TIP)
        self.told = Told()
        self.tabs = quiet_tabs()
        self._lay_out()
        self._connect()
        if desk.state is not None:
            self._show(desk.state)
        desk.refresh()
        self._follow()
        fit(self, _WIDTH_EM, _HEIGHT_EM)

    def _lay_out(self) -> None:
        pages: tuple[tuple[str, Rows, tuple[QPushButton | None, ...]], ...] = (
            (OUTBOX_PAGE, self.outbox, (self.retry, self.remove, None)),
            (
                INBOX_PAGE,
                self.inbox,
                (self.open_button, self.again, self.delete, None, self.delete_fetched),
            ),
        )
        for title, rows, buttons in pages:
            page = QWidget()
            column = QVBoxLayout(page)
            column.addWidget(rows, 1)
            column.addLayout(buttons_of(*buttons))
            self.tabs.addTab(page, title)
        end_with_close(self, self.tabs, self.told)

    def _connect(self) -> None:
        self._desk.changed.connect(self._show)
        for rows in (self.outbox, self.inbox):
            rows.itemSelectionChanged.connect(self._follow)
        self.tabs.currentChanged.connect(self._follow)
        self.inbox.itemActivated.connect(self.open_arrived)
        self.retry.clicked.connect(self.run_retry)
        self.remove.clicked.connect(self.run_removal)
        self.again.clicked.connect(self.run_analysis)
        self.delete.clicked.connect(self._ask_deletion)
        self.open_button.clicked.connect(self.open_arrived)
        self.delete_fetched.clicked.connect(self._ask_fetched)

    def _show(self, state: NetworkState) -> None:
        now, self._is_receiving = time.time(), state.is_receiving
        self._deliveries = {each.number: each for each in state.deliveries}
        self._arrivals = {each.number: each for each in state.arrivals}
        newest = reversed(state.deliveries)
        self.outbox.put([(delivery_cells(each, now), each.number) for each in newest])
        latest = reversed(state.arrivals)
        self.inbox.put([(arrival_cells(each, now), each.number) for each in latest])
        offer(self.delete_fetched, "" if state.has_fetched else NOTHING_FETCHED)
        self._follow()

    @property
    def _chosen_deliveries(self) -> list[Delivery]:
        chosen = self.outbox.chosen
        return [self._deliveries[number] for number in chosen if number in self._deliveries]

    @property
    def _chosen_arrivals(self) -> list[ArrivedSeries]:
        return [self._arrivals[number] for number in self.inbox.chosen if number in self._arrivals]

    def _follow(self) -> None:
        sent, came = self._chosen_deliveries, self._chosen_arrivals
        can_retry = any(each.state is not DeliveryState.DELIVERED for each in sent)
        none = "" if sent else NO_TRANSFER_CHOSEN
        offer(self.retry, none or ("" if can_retry else ALL_DELIVERED))
        offer(self.remove, none)
        none = "" if came else NO_TRANSFER_CHOSEN
        is_analysed = any(each.state is ArrivalState.ANALYSING for each in came)
        offer(self.open_button, none)
        for button in (self.again, self.delete):
            offer(button, none or (BEING_ANALYSED if is_analysed else ""))
        is_out = self.tabs.currentIndex() == 0
        failures = [each.failure for each in (sent if is_out else came) if each.failure is not None]
        rows = self._deliveries if is_out else self._arrivals
        empty = NOTHING_SENT if is_out else NOTHING_RECEIVED
        said = transfer_advice(failures) if rows else empty
        if is_out and not self._is_receiving and any(map(_waits_for_report, sent)):
            said = f"{said} {RECEIVER_NEEDED}".strip()
        self.told.say(said, "muted")

    # Sent

    def run_retry(self) -> None:
        """Send what is chosen now; where a password is missing, ask for it before."""
        chosen = [e for e in self._chosen_deliveries if e.state is not DeliveryState.DELIVERED]
        numbers = [each.number for each in chosen]
        missing = [
            each.peer
            for each in chosen
            if each.failure is not None and each.failure.problem is NetworkProblem.SECRET_NEEDED
        ]
        if not missing:
            self._desk.retry(numbers)
            return
        name = missing[0]
        dialog = SecretDialog(name, self)

        def keep(secret: str) -> None:
            self._desk.keep_secret(name, secret)
            self._desk.retry(numbers)

        dialog.entered.connect(keep)
        dialog.open()

    def run_removal(self) -> None:
        """Take what is chosen off the list; what is not delivered is not sent any more."""
        numbers = [each.number for each in self._chosen_deliveries]
        self._desk.change(lambda network: network.forget(numbers), self._fail)

    # Received

    def open_arrived(self) -> None:
        """Open the images that are chosen."""
        chosen = self._chosen_arrivals
        if not chosen:
            return

        def folders(network: Network) -> list[Path]:
            return [network.folder_of(each) for each in chosen]

        self._read(folders, self._open)

    def _open(self, folders: Sequence[Path]) -> None:
        self.open_wanted.emit(folders)
        self.accept()

    def run_analysis(self) -> None:
        """Have what is chosen analysed again."""
        numbers = [each.number for each in self._chosen_arrivals]
        task = self._desk.change(lambda network: network.analyse_again(numbers), self._fail)
        task.finished.connect(lambda _: self._desk.go_on())

    def _ask_deletion(self) -> None:
        chosen = self._chosen_arrivals

        def delete(network: Network) -> None:
            for each in chosen:
                network.remove_arrival(each)

        question, more = REMOVE_ARRIVED_QUESTION
        act = lambda: self._desk.change(delete, self._fail)  # noqa: E731 - handed to a button
        self._ask(question, more.format(count=len(chosen)), act)

    def _ask_fetched(self) -> None:
        def ask(size: int) -> None:
            question, more = FETCHED_QUESTION
            self._ask(question, more.format(size=size_text(size)), self._delete_fetched)

        self._read(lambda network: network.fetched_bytes, ask)

    def _delete_fetched(self) -> None:
        task = self._desk.change(lambda network: network.remove_fetched(), self._fail)
        task.finished.connect(self._tell_deleted)

    def _tell_deleted(self) -> None:
        self.told.say(FETCHED_DELETED, "good")

    # Both

    def _read(self, look: Callable[[Network], object], take: Callable[..., None]) -> None:
        def work(network: Network):  # type: ignore[no-untyped-def]
            yield
            return look(network)

        task = self._desk.record(work, self._fail)
        self.finished.connect(task.cancel)
        task.finished.connect(take)

    def _ask(self, question: str, more: str, act: Callable[[], object]) -> None:
        box = QMessageBox(QMessageBox.Icon.Question, TRANSFERS_TITLE, question, parent=self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setInformativeText(more)
        delete = box.addButton(DELETE_NOW, QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(KEEP_IT, QMessageBox.ButtonRole.RejectRole)
        assert delete is not None
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        delete.clicked.connect(lambda: act())
        box.open()

    def _fail(self, error: Exception) -> None:
        if isinstance(error, NetworkError):
            self.told.say(failure_words(error), "danger")
        else:
            self._desk.tell(error)


def _waits_for_report(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.ASKED
