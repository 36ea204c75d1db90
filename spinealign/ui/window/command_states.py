"""Which commands are offered, and what they are called, in the present state of the window."""

from __future__ import annotations

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QToolButton

from spinealign.domain.image import View
from spinealign.domain.study import FEWEST_SLICES
from spinealign.ui.cases.case_session import Case
from spinealign.ui.cases.jobs import Finding
from spinealign.ui.picture.drawing_tools import ToolName
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.patient_strip import PatientStrip
from spinealign.ui.workbench import Workbench

NEEDS_FINDING = (
    "save", "save_all", "save_report", "save_overlay", "save_json", "copy_finding", "compare",
)  # fmt: skip
NEEDS_CASE = (
    "again", "close_case", "close_all", "view_auto", "view_xray", "view_ct", "view_mr",
    "next_case", "previous_case", "fit", "one_to_one", "zoom_in", "zoom_out", "invert",
    "reset_window",
)  # fmt: skip
NEEDS_SERIES = ("next_slice", "previous_slice", "result_slice")
VIEW_WORDS = {None: "automatic", View.XRAY: "X-ray", View.CT: "CT", View.MR: "MR"}
EDIT_TOOLS = tuple(f"tool_{name.value}" for name in ToolName)


class CommandStates(QObject):
    """Offers what the case that is shown allows.

    Parameters
    ----------
    patient : PatientStrip
        Knows whether there are patient data to put on a report.
    view_button : QToolButton
        Says which view was chosen.
    """

    def __init__(
        self, actions: Actions, bench: Workbench, patient: PatientStrip, view_button: QToolButton
    ) -> None:
        super().__init__(bench)
        self._actions, self._bench = actions, bench
        self._patient, self._view_button = patient, view_button
        for signal in (bench.current_changed, bench.session.changed, bench.work_changed):
            signal.connect(self.refresh)
        patient.facts_changed.connect(self._offer_named_report)
        bench.editing.history_changed.connect(self._offer_edits)
        self.refresh()

    def refresh(self) -> None:
        """Offer what is possible now, and show the view that was chosen."""
        case = self._bench.current
        self._actions.enable(NEEDS_CASE, case is not None)
        self._actions.enable(NEEDS_SERIES, case is not None and not case.stack.is_single)
        self._actions.enable(("cancel",), self._bench.can_be_stopped)
        self._offer_results(case.finding if case is not None else None)
        self._offer_volume(case)
        self._show_view(case)
        self._offer_edits()

    def _offer_results(self, finding: Finding | None) -> None:
        actions, result = self._actions, finding.analysis if finding is not None else None
        actions.enable(NEEDS_FINDING, result is not None)
        segmented = result is not None and result.segmentation is not None
        actions.enable(("save_mask", "save_regions"), segmented)
        actions.enable(("save_measurements",), result is not None and bool(result.measurements))
        actions.enable(("save_discs",), result is not None and bool(result.discs))
        has_heat = finding is not None and finding.overlay.heatmap is not None
        actions.enable(("save_heatmap",), has_heat)
        self._offer_named_report()

    def _offer_named_report(self) -> None:
        has_result = self._bench.current_analysis is not None
        self._actions.enable(("save_named_report",), has_result and bool(self._patient.facts))

    def _offer_volume(self, case: Case | None) -> None:
        result = self._bench.current_analysis
        is_mr = result is not None and result.view is View.MR
        entry = case.stack.first if case is not None else None
        is_volume = entry is not None and entry.plane == "sagittal" and len(entry) >= FEWEST_SLICES
        has_companion = case is not None and case.companion is not None
        self._actions.enable(("add_companion",), is_mr)
        self._actions.enable(("all_slices",), is_mr and is_volume)
        self._actions.enable(("drop_companion",), is_mr and has_companion)

    def _show_view(self, case: Case | None) -> None:
        wanted = case.wanted_view if case is not None else None
        self._view_button.setEnabled(case is not None)
        self._view_button.setText(f"View: {VIEW_WORDS[wanted]} ▾")
        self._actions.check(f"view_{wanted.value if wanted else 'auto'}")

    def _offer_edits(self) -> None:
        actions, editing = self._actions, self._bench.editing
        _name_step(actions, "undo", "Undo", editing.undo_label)
        _name_step(actions, "redo", "Redo", editing.redo_label)
        state, shown = editing.corrections, editing.analysis
        actions.enable(("reset_edits",), editing.is_edited)
        actions.enable(EDIT_TOOLS, state is not None)
        actions.enable(("flip_facing",), state is not None and bool(state.vertebrae))
        has_discs = shown is not None and bool(shown.discs) and bool(shown.vertebrae)
        actions.enable(("levels_up", "levels_down"), has_discs)
        actions.enable(("remove_calibration",), state is not None and state.calibration is not None)
        actions.enable(("delete_drawings",), state is not None and bool(state.drawings))


def _name_step(actions: Actions, name: str, word: str, label: str) -> None:
    actions.rename(name, f"&{word} {label}".rstrip())
    actions.enable((name,), bool(label))
