"""Words of the first steps that the window shows once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TourStep:
    """What one bubble says."""

    title: str
    text: str


BEGIN = TourStep(
    "Begin here",
    "Press a sample, drop files anywhere on the window, or open your own images (Ctrl+O). They "
    "are analysed on this computer and nowhere else.",
)
CASES = TourStep(
    "What is open",
    "Every image waits here for its turn. The sign says where it stands; the one you select comes "
    "first.",
)
RESULTS = TourStep(
    "What was found",
    "Whose image it is, findings worst first, the impression, the signature. G puts the keys "
    "here: A accepts, C changes, R rejects. Every number says how sure it is.",
)
HELP = TourStep(
    "When you want to know more",
    "F1 opens the manual at the page that fits. Settings are in the Edit menu (Ctrl+,), and "
    "these four steps in the Help menu.",
)


def progress_text(number: int, count: int) -> str:
    """Return how far the steps are."""
    return f"{number} of {count}"
