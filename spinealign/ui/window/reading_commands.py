"""What the reader does with a whole reading: go to it, accept the rest, sign, add, use phrases."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

from spinealign.domain.reading import Reading
from spinealign.reading.impression import Phrases
from spinealign.ui.reading.case_readings import CaseReadings
from spinealign.ui.reading.phrases_dialog import PhrasesDialog
from spinealign.ui.reading.reading_page import is_readable
from spinealign.ui.reading.sign_dialog import AddendumDialog, SignDialog
from spinealign.ui.reading.versions_dialog import VersionsDialog
from spinealign.ui.results.results_panel import ResultsPanel
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.widgets.labels import wrapped_label
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.workbench import Workbench
from spinealign.wording.reading_window import LEFT_UNCERTAIN, SET_ASIDE_QUESTION, status_text

NO_PREVIEW = "The page could not be made. What is signed is the reading as its page shows it."
NOTHING_READ = "There is no reading: open a lateral film of the spine or a sagittal MR"


class ReadingCommands(QObject):
    """Connects the commands of a reading, and offers those that are possible.

    Parameters
    ----------
    patient : PatientStrip
        Knows whether reports name the patient.
    window : QWidget
        Over which dialogs open.
    """

    def __init__(
        self,
        actions: Actions,
        bench: Workbench,
        results: ResultsPanel,
        patient: PatientStrip,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._patient = patient
        self._actions, self._bench, self._results = actions, bench, results
        self._window = window
        self._addendum: AddendumDialog | None = None
        self._readings: CaseReadings = bench.readings
        self._preferences: Preferences = bench.preferences
        actions.on("go_to_findings", self.go_to_findings)
        actions.on("accept_rest", self.accept_rest)
        actions.on("sign", self.sign)
        actions.on("addendum", self.add_addendum)
        actions.on("versions", self.show_versions)
        actions.on("phrases", self.edit_phrases)
        results.sign_wanted.connect(self.sign)
        results.addendum_wanted.connect(self.add_addendum)
        results.versions_wanted.connect(self.show_versions)
        results.phrases_wanted.connect(self.edit_phrases)
        results.setting_aside_wanted.connect(self.set_aside)
        results.set_phrases(self._preferences.settings.phrases)
        self._readings.changed.connect(self.refresh)
        self._readings.signed.connect(self._tell)
        self._readings.amended.connect(self._tell)
        for signal in (bench.current_changed, bench.current_updated):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer what is possible now, and say why something is not."""
        stored = None if self._readings.is_saving else self._readings.shown
        if self._addendum is not None and stored is not None:
            self._addendum.show_draft(stored.addendum_draft)
        analysis = self._bench.current_analysis
        is_read = analysis is not None and is_readable(analysis)
        shown = self._readings.shown if is_read else None
        offer = self._actions.offer
        signed = "The reading is signed" if shown is not None and shown.is_locked else ""
        is_signed = shown is not None and shown.is_signed
        unsigned = "" if is_signed else "The reading is not signed, or not as it was written"
        nothing = NOTHING_READ if shown is None else ""
        unseen = self._readings.elsewhere
        left = "Every finding is decided"
        if shown is not None and shown.pending:
            left = LEFT_UNCERTAIN
        decided = "" if shown is None or shown.acceptable else left
        single = "" if shown is not None and len(shown.versions) > 1 else "There is one version"
        offer("go_to_findings", nothing)
        offer("accept_rest", nothing or signed or unseen or decided)
        offer("sign", nothing or signed or unseen)
        offer("addendum", nothing or unsigned or unseen)
        offer("versions", nothing or unsigned or single)

    def go_to_findings(self) -> None:
        """Put the keys on the findings."""
        page = self._results.reading
        if page is not None:
            page.findings.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def accept_rest(self) -> None:
        """Accept all that is not decided."""
        self._readings.accept_rest()

    def sign(self) -> None:
        """Show the page as it will be, and sign it."""
        page = self._results.reading
        if page is not None:
            page.finish_typing()
        self._readings.when_saved(self._open_signing)

    def _open_signing(self) -> None:
        shown = self._readings.shown
        if shown is not None and not shown.is_locked and not self._readings.elsewhere:
            dialog = SignDialog(
                shown, self._reader, self._window, self._bench.at_work.is_with_accounts
            )
            dialog.signed.connect(self._sign)
            self._preview(dialog)
            dialog.open_fitted()

    def add_addendum(self) -> None:
        """Ask for an addendum to the signed reading."""
        shown = self._readings.shown
        if shown is not None and shown.is_signed:
            at_work = self._bench.at_work
            dialog = AddendumDialog(
                self._reader, shown.addendum_draft, self._window, at_work.is_with_accounts
            )
            image = shown.reading.image
            dialog.edited.connect(partial(self._readings.write_addendum_draft, image))
            dialog.added.connect(self._add)
            self._addendum = dialog
            dialog.finished.connect(self._forget_addendum)
            dialog.open()

    def set_aside(self) -> None:
        """Ask whether a signed reading that is not as it was written makes room for a new one."""
        answer = QMessageBox.warning(
            self._window,
            "Set the signed reading aside",
            SET_ASIDE_QUESTION,
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._readings.set_aside()

    def finish_typing(self) -> None:
        """Hand on what was typed into an addendum: the window is about to close."""
        if self._addendum is not None:
            self._addendum.keep()

    def _forget_addendum(self) -> None:
        self._addendum = None

    def show_versions(self) -> None:
        """Show every version of the signed reading."""
        shown = self._readings.shown
        if shown is not None:
            VersionsDialog(shown.versions, self._window).open()

    def edit_phrases(self) -> None:
        """Edit the reader's phrases."""
        dialog = PhrasesDialog(self._preferences.settings.phrases, self._window)
        dialog.chosen.connect(self._keep_phrases)
        dialog.open()

    def _preview(self, dialog: SignDialog) -> None:
        """Show the report in the dialog as soon as it is made, if the dialog still stands."""
        analysis, waiting = self._bench.current_analysis, [dialog]
        dialog.finished.connect(lambda _: waiting.clear())

        def show(data: bytes) -> None:
            from spinealign.ui.printing.pages import PdfPages
            from spinealign.ui.printing.preview import PageView

            for each in waiting:
                view = PageView()
                view.show_pages(PdfPages(data))
                each.show_preview(view)

        def tell(_error: object) -> None:
            for each in waiting:
                each.show_preview(wrapped_label(NO_PREVIEW, "muted"))

        if analysis is not None:
            whose = self._patient.report_patient
            self._bench.saver.preview_report(analysis, whose, show).failed.connect(tell)

    def _sign(self, reader: str) -> None:
        self._remember(reader)
        self._confirm(lambda: self._readings.sign(reader))

    def _add(self, text: str, reason: str, reader: str) -> None:
        self._remember(reader)
        self._confirm(lambda: self._readings.add_addendum(text, reason, reader))

    @property
    def _reader(self) -> str:
        """Who signs: the account, or whose name was typed last time."""
        at_work = self._bench.at_work
        if at_work.is_with_accounts:
            return at_work.full_name
        return self._preferences.settings.reader_name

    def _confirm(self, sign: Callable[[], object]) -> None:
        """Sign, after the password was typed again where that is wanted."""
        if self._preferences.settings.asks_password_to_sign:
            self._bench.at_work.confirm(sign)
        else:
            sign()

    def _remember(self, reader: str) -> None:
        if self._bench.at_work.is_with_accounts:
            return
        if reader != self._preferences.settings.reader_name:
            self._preferences.choose(reader_name=reader)
            self._preferences.save()

    def _keep_phrases(self, phrases: Phrases) -> None:
        self._preferences.choose(phrases=tuple(phrases))
        self._preferences.save()
        self._results.set_phrases(phrases)

    def _tell(self, reading: Reading) -> None:
        words = status_text(reading)
        self._bench.messages.tell(f"The reading is {words}.")
