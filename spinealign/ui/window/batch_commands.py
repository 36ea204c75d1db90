"""Thousands of images at once: its window, with the PACS and the archive as inputs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QWidget

from spinealign.domain.network import StudyQuery
from spinealign.domain.protection import Right
from spinealign.ui.widgets.labels import offer
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.archive_commands import ArchiveCommands
from spinealign.ui.window.network_commands import NetworkCommands
from spinealign.ui.work.tasks import TaskRunner
from spinealign.ui.workbench import Workbench
from spinealign.wording.batch_window import MAY_NOT_RETRIEVE

if TYPE_CHECKING:
    from spinealign.archive.records import Search
    from spinealign.ui.batch.dialog import BatchDialog
    from spinealign.ui.batch.jobs import Doors, Wanted


class BatchCommands(QObject):
    """Shows the one window of batches, which stays while the work goes on.

    Parameters
    ----------
    network : NetworkCommands
        Knows the nodes that studies come from.
    archive : ArchiveCommands
        Knows whether there is an archive, and its thread.
    window : QWidget
        Over which the dialog opens.
    """

    def __init__(
        self, actions: Actions, bench: Workbench, network: NetworkCommands,
        archive: ArchiveCommands, window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._bench, self._network, self._archive = bench, network, archive
        self._window, self._is_used = window, False
        self._runner = TaskRunner(bench.messages, bench)
        bench.add_runner(self._runner)
        actions.on("batch", self.show)
        bench.at_work.changed.connect(self._follow)

    @property
    def _dialog(self) -> BatchDialog | None:
        if not self._is_used:  # until it is wanted, nothing of it is loaded
            return None
        from spinealign.ui.batch.dialog import BatchDialog

        return self._window.findChild(BatchDialog)

    def show(self) -> None:
        """Show the window of the batch, the same one while it is open."""
        dialog = self._dialog or self._made()
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    def _made(self) -> BatchDialog:
        from spinealign.ui.batch.dialog import BatchDialog

        self._is_used = True
        dialog = BatchDialog(self._runner, self._bench.messages, self._window)
        dialog.may_run, dialog.doors = partial(self._may_run, dialog), self._doors
        dialog.choices.add_studies.clicked.connect(partial(self._ask_studies, dialog))
        dialog.choices.add_examinations.clicked.connect(partial(self._ask_examinations, dialog))
        self._offer(dialog)
        return dialog

    # What may be done

    @property
    def _retrieving_refusal(self) -> str:
        return self._bench.at_work.refusal(Right.IMPORT, MAY_NOT_RETRIEVE)

    def _follow(self) -> None:
        if (dialog := self._dialog) is not None:
            self._offer(dialog)

    def _offer(self, dialog: BatchDialog) -> None:
        offer(dialog.choices.add_studies, self._retrieving_refusal)
        offer(dialog.choices.add_examinations, self._archive.viewing_refusal)

    def _may_run(self, dialog: BatchDialog, wanted: Wanted) -> bool:
        """Write down what is about to be done; where it may not be, say why."""
        refused = self._retrieving_refusal if wanted.studies else ""
        if wanted.examinations:
            refused = refused or self._archive.viewing_refusal
        if refused:
            dialog.told.say(f"{refused}.", "warning")
            return False
        record = self._bench.at_work.record
        asked = all(record("query", (), each.node) for each in wanted.studies)
        return asked and record("export", wanted.paths, "")

    def _doors(self) -> Doors:
        """Return how the batch's thread comes to studies and examinations."""
        from spinealign.ui.batch.jobs import Doors

        session = None if self._archive.viewing_refusal else self._archive.desk.session
        return Doors(self._network.desk.node, session)

    # Inputs that are no files

    def _ask_studies(self, dialog: BatchDialog) -> None:
        from spinealign.ui.batch.jobs import Studies
        from spinealign.ui.network.studies_dialog import StudiesDialog

        preferences = self._bench.preferences
        asking = StudiesDialog(self._network.desk, preferences.state.searched_node, dialog)

        def take(node: str, query: StudyQuery, count: int) -> None:
            preferences.note(searched_node=node)
            dialog.add([Studies(node, query, count)])

        asking.may_ask = lambda node: self._bench.at_work.record("query", (), node)
        asking.nodes_wanted.connect(lambda: self._network.show_nodes(asking))
        asking.chosen.connect(take)
        asking.open()

    def _ask_examinations(self, dialog: BatchDialog) -> None:
        from spinealign.ui.batch.jobs import Examinations
        from spinealign.ui.vault.examinations_dialog import ExaminationsDialog

        desk = self._archive.desk
        asking = ExaminationsDialog(desk, dialog)

        def take(search: Search, count: int) -> None:
            dialog.add([Examinations(search, count)])
            desk.closing.connect(dialog.lock)

        asking.chosen.connect(take)
        asking.open()
