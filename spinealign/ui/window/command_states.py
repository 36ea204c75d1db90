"""Which commands are offered, and what they are called, in the present state of the window."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QToolButton

from spinealign.domain.examination import Plane
from spinealign.domain.findings import WarningCode
from spinealign.domain.study import FEWEST_SLICES
from spinealign.export.exporters import EXPORTERS, OVERLAY
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.picture.drawing_tools import FRONTAL_TOOLS, ToolName
from spinealign.ui.widgets.labels import offer
from spinealign.ui.window.actions import (
    IMAGE_TYPE_COMMANDS,
    REPORTS,
    Actions,
    deidentified_command,
    image_type_command,
)
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.workbench import Workbench
from spinealign.wording import examination_label

NEEDS_FINDING = ("save", "copy_finding", "compare", "send")
IMAGE_TYPES = tuple(command.name for command in IMAGE_TYPE_COMMANDS)
NEEDS_CASE = ("close_case",)
NO_CASE, NO_RESULT = "Open an image first", "There is no result yet"
NO_RESULT_HERE = "There is no result of this image: it can be measured by hand only"
AT_START = "The start page is shown"
NO_SERIES = "The image is no series of slices"
NOTHING_RUNS = "Nothing is being analysed"
NOT_IN_RESULT = "The result holds nothing of this kind"
NO_HEAT_MAP = "There is no heat map: only a classifier makes one, and none answered"
NO_FILM = "This is for lateral films of the spine"
NO_SIDES = "There is no vertebra seen from the side"
DATE_STATED = "The file of the image states its date"
NOT_GRADED = "Discs are graded on sagittal MR of the lumbar spine only"
NO_VOLUME = "This needs a series of sagittal MR slices"
NO_COMPANION = "No other contrast was added"
SIGNED = "The reading is signed: only an addendum changes it"
"""Why commands are not offered."""

EDIT_TOOLS = tuple(f"tool_{name.value}" for name in ToolName)


class CommandStates(QObject):
    """Offers what the case that is shown allows.

    Parameters
    ----------
    patient : PatientStrip
        Knows whether there are patient data to put on a report.
    image_type_button : QToolButton
        Says which image type was chosen.
    """

    def __init__(
        self,
        actions: Actions,
        bench: Workbench,
        patient: PatientStrip,
        image_type_button: QToolButton,
    ) -> None:
        super().__init__(bench)
        self._actions, self._bench = actions, bench
        self._patient, self._image_type_button = patient, image_type_button
        for signal in (
            bench.current_changed, bench.current_updated, bench.work_changed,
            bench.session.added, bench.session.removed,
        ):  # fmt: skip
            signal.connect(self.refresh)
        patient.facts_changed.connect(self._offer_reports)
        patient.facts_changed.connect(self._offer_edits)
        bench.undoing.changed.connect(self._offer_edits)
        bench.readings.changed.connect(self._offer_edits)
        self.refresh()

    def refresh(self) -> None:
        """Offer what is possible now, and show the image type that was chosen."""
        case = self._bench.current
        self._offer(NEEDS_CASE, "" if case is not None else NO_CASE)
        cases = self._bench.session.cases
        self._actions.offer("close_all", "" if cases else NO_CASE)
        has_result = any(each.finding is not None for each in cases)
        self._actions.offer("save_all", "" if has_result else NO_RESULT)
        self._actions.offer("start_page", AT_START if case is None else "")
        self._offer(("cancel",), "" if self._bench.can_be_stopped else NOTHING_RUNS)
        self._offer_results(case.finding if case is not None else None)
        self._offer_volume(case)
        self._show_image_type(case)
        self._offer_edits()

    def _offer_results(self, finding: Finding | None) -> None:
        actions, result = self._actions, finding.analysis if finding is not None else None
        self._offer(NEEDS_FINDING, "" if result is not None else NO_RESULT)
        for kind, exporter in EXPORTERS.items():
            has_content = result is not None and exporter.is_available(result)
            missing = NO_RESULT if result is None else NOT_IN_RESULT
            actions.offer(f"save_{kind}", "" if has_content else missing)
        self._offer_reports()

    def _offer(self, names: Iterable[str], reason: str) -> None:
        for name in names:
            self._actions.offer(name, reason)

    def _offer_reports(self) -> None:
        """Say in each command whether the report will name the patient."""
        reason = "" if self._bench.current_analysis is not None else NO_RESULT
        self._offer(("print", *map(deidentified_command, REPORTS)), reason)
        words = self._patient.report_patient.words
        for kind, exporter in REPORTS.items():
            text = exporter.menu_text
            self._actions.rename(
                f"save_{kind}", text.replace(" (", f" {words} (") if words else text
            )
        self._actions.rename("print", f"Pr&int report {words}".rstrip() + "…")

    def _offer_volume(self, case: Case | None) -> None:
        result = self._bench.current_analysis
        examination = None if result is None else result.examination
        is_slice = examination is not None and examination.is_sagittal_slice
        entry = case.stack.first if case is not None else None
        is_volume = (
            entry is not None and entry.plane is Plane.SAGITTAL and len(entry) >= FEWEST_SLICES
        )
        absent = NO_CASE if case is None else NO_RESULT if result is None else ""
        self._actions.offer("all_slices", absent or ("" if is_slice and is_volume else NO_VOLUME))

    def _offer_companions(self, signed: str) -> None:
        """Offer the other contrast, unless the reading is signed: it rests on what was seen."""
        case, result = self._bench.current, self._bench.current_analysis
        examination = None if result is None else result.examination
        is_graded = examination is not None and examination.grades_discs
        absent = NO_CASE if case is None else NO_RESULT if result is None else ""
        locked = absent or ("" if is_graded else NOT_GRADED) or signed
        has_companion = case is not None and case.companion is not None
        self._actions.offer("add_companion", locked)
        self._actions.offer("drop_companion", locked or ("" if has_companion else NO_COMPANION))

    def _show_image_type(self, case: Case | None) -> None:
        wanted = case.wanted_examination if case is not None else None
        words = "automatic" if wanted is None else examination_label(wanted)
        self._image_type_button.setText(f"Image type: {words} ▾")
        self._actions.check(image_type_command(wanted))

    def _offer_image_types(self, signed: str) -> None:
        """Offer other kinds, unless the reading is signed: it was signed as this kind."""
        reason = NO_CASE if self._bench.current is None else signed
        self._offer(IMAGE_TYPES, reason)
        offer(self._image_type_button, reason)

    def _offer_edits(self) -> None:
        actions, editing = self._actions, self._bench.editing
        _name_step(actions, "undo", "Undo", self._bench.undoing.undo_label)
        _name_step(actions, "redo", "Redo", self._bench.undoing.redo_label)
        state, shown = editing.corrections, editing.analysis
        examination = None if shown is None else shown.examination
        shows_hips = examination is not None and examination.shows_hips
        is_frontal = examination is not None and examination.is_frontal_film
        actions.show((f"tool_{ToolName.FEMORAL_HEADS.value}",), shows_hips)
        actions.show(tuple(f"tool_{tool.value}" for tool in FRONTAL_TOOLS), is_frontal)
        no_result = "" if state is not None else NO_RESULT
        signed = SIGNED if self._bench.readings.is_signed else ""
        locked = no_result or signed
        has_bodies = state is not None and bool(state.vertebrae)
        has_discs = has_bodies and shown is not None and bool(shown.discs)
        self._offer(EDIT_TOOLS, no_result if editing.is_bare else locked)
        if editing.is_bare:
            locked = NO_RESULT_HERE
            actions.offer(f"save_{OVERLAY}")
            for tool in (ToolName.VERTEBRA, ToolName.FEMORAL_HEADS, *FRONTAL_TOOLS):
                actions.offer(f"tool_{tool.value}", NO_RESULT_HERE)
        self._offer_image_types(signed)
        self._offer_companions(signed)
        # Without a tool there is no way to look about.
        actions.offer(f"tool_{ToolName.POINTER.value}", no_result)
        for names, is_there, missing in (
            (("reset_edits",), editing.is_edited, "Nothing is corrected"),
            (("swap_anterior_posterior",), has_bodies and not is_frontal, NO_SIDES),
            (("accept_suggestions",), bool(shown and shown.suggestions), "No body is suggested"),
            (("levels_up", "levels_down"), has_discs, "There are no discs with levels"),
        ):
            self._offer(names, locked or ("" if is_there else missing))
        for name, is_there, missing in (
            ("remove_calibration", bool(state and state.calibration), "Nothing is calibrated"),
            ("delete_drawings", bool(state and state.drawings), "Nothing is drawn"),
        ):
            drawn_lock = no_result if editing.is_bare else no_result or signed
            actions.offer(name, drawn_lock or ("" if is_there else missing))
        stated = self._patient.facts.examination_date
        undated = no_result or (NO_RESULT_HERE if editing.is_bare else "")
        actions.offer("examination_date", undated or (DATE_STATED if stated else ""))
        is_film = shown is not None and shown.is_lateral_film
        actions.offer("bent_film", locked or ("" if is_film else NO_FILM))
        is_said = shown is not None and WarningCode.BENT_FILM in {c.code for c in shown.cautions}
        actions.check("bent_film", is_film and is_said)


def _name_step(actions: Actions, name: str, word: str, label: str) -> None:
    actions.rename(name, f"&{word} {label}".rstrip())
    actions.offer(name, "" if label else f"There is nothing to {word.lower()}")
