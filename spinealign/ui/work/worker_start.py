"""What the window's worker process is for; it loads nothing, so that the process starts first."""

from __future__ import annotations

from pathlib import Path

from spinealign.worker.process import Process
from spinealign.worker.served import Served
from spinealign.worker.starting import start_process

MODULES = (
    "spinealign.ui.work.in_worker",
    "spinealign.imaging.study",
    "spinealign.imaging.dicom",
    "spinealign.imaging.volume",
    "spinealign.analysis",
    "spinealign.imaging.render",
)
"""Loaded in the process before anything is asked, in the order in which it is needed."""

AT_START = "spinealign.ui.work.in_worker:get_ready"
"""Called in the process after that."""

AT_REST = "spinealign.ui.work.in_worker:let_go"
"""Called in the process when nothing was asked for a while."""

ADMITTED = (
    "spinealign.deidentification.boxes:Box",
    "spinealign.deidentification.boxes:ReviewedImage",
    "spinealign.deidentification.counting:Change",
    "spinealign.deidentification.report:FileOutcome",
    "spinealign.deidentification.steps:Begun",
    "spinealign.deidentification.steps:FileDone",
    "spinealign.dicom.beside:DescribedImages",
    "spinealign.dicom.program_state:ProgramState",
    "spinealign.dicom.program_state:SaidDisc",
    "spinealign.dicom.program_state:SaidGrade",
    "spinealign.dicom.restoring:Restored",
    "spinealign.dicom.restoring_report:RestoredReport",
    "spinealign.ui.deidentify.jobs:Picture",
    "spinealign.ui.work.services:TakenOver",
)
"""What the functions return beside values of the domain; the window takes nothing else."""


def served_to_window(profile: Path | None) -> Served:
    """Return what the process of a window with this profile does."""
    return Served(MODULES, admitted=ADMITTED, at_rest=AT_REST, at_start=AT_START, given=(profile,))


def started_process(profile: Path | None) -> Process:
    """Start the process of a window with this profile."""
    return start_process(served_to_window(profile))
