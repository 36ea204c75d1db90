"""What is said about where a case stands."""

from __future__ import annotations

from spinealign.ui.case_session import Case, CaseStatus

STATUS_WORDS = {
    CaseStatus.WAITING: "waiting for its turn",
    CaseStatus.RUNNING: "being analysed",
    CaseStatus.DONE: "analysed",
    CaseStatus.FAILED: "could not be analysed",
    CaseStatus.STOPPED: "stopped; press F5 to analyse it",
}

_INSTEAD_OF_A_PICTURE = {
    CaseStatus.WAITING: "Waiting for its turn",
    CaseStatus.RUNNING: "Reading the image…",
    CaseStatus.STOPPED: "Stopped; press F5 to analyse it",
    CaseStatus.FAILED: "There is no picture to show",
}


def placeholder_text(case: Case) -> str:
    """Return what stands where the picture will be."""
    return f"{case.title}\n{_INSTEAD_OF_A_PICTURE.get(case.status, '')}".strip()


def progress_text(case: Case) -> str:
    """Return what stands where the first result will be."""
    if case.status is CaseStatus.WAITING:
        return "Other cases are analysed first."
    return "The result appears here as soon as it is ready; the picture can be looked at already."


def earlier_result_text(case: Case) -> str:
    """Return what is said above a result that is being made again, or nothing."""
    return {
        CaseStatus.RUNNING: "Analysing again… this is the earlier result.",
        CaseStatus.WAITING: "Waiting to be analysed again; this is the earlier result.",
    }.get(case.status, "")
