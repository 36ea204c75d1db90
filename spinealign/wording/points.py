"""Named points that a user's own model placed on an image, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinealign.wording.text import listed, probability_text, safe_text

if TYPE_CHECKING:
    from spinealign.domain.findings import LocatedPoints
    from spinealign.domain.landmarks import NamedPoint

POINTS_TITLE = "Points of the model"
POINT_HEADINGS = ("Point", "x, y (px)", "x, y (mm)", "Confidence", "")
POINT_MEANINGS = (
    "Name of the point in the data that the model learned from",
    "Pixels to the right and down from the upper left corner of the file’s picture",
    "Millimetres to the right and down from the upper left corner of the file’s picture",
    "Height of the network’s peak at its second look, 0 to 1",
    "Points below the trusted confidence are unsure",
)
SURE, UNSURE, NOT_FOUND = "", "unsure", "not found"
STATES = {SURE: "sure", UNSURE: "unsure", NOT_FOUND: "not_found"}
"""What tables for programs call them."""

LEGEND = "points of the model"
LEGEND_UNSURE = "ring with “?”: unsure"
COPY, COPY_TIP = "Copy", "Copy the points as text"
SAVE, SAVE_TIP = "CSV…", "Save the points as a table"
_MOST_NAMED = 6
_NOTHING = "–"


def shown_point(point: NamedPoint) -> str:
    """Return what is written beside a point; a question mark where it is unsure."""
    name = safe_text(point.name)
    return name if point.is_sure else f"{name} ?"


def points_headline(found: LocatedPoints) -> str:
    """Return how many points were placed, and which of them are in doubt, in a sentence."""
    of = len(found.points) + len(found.not_found)
    title = safe_text(found.model.title)
    if not found.points:
        return f"None of the {of} points of “{title}” was found."
    doubts = []
    if found.unsure:
        doubts.append(f"unsure: {_some([point.name for point in found.unsure])}")
    if found.not_found:
        doubts.append(f"not found: {_some(found.not_found)}")
    noun = "point" if of == 1 else "points"
    return f"Placed {len(found.points)} of {of} {noun} of “{title}”" + "".join(
        f"; {doubt}" for doubt in doubts
    ) + "."  # fmt: skip


def _some(names: Sequence[str]) -> str:
    shown = [f"“{safe_text(name)}”" for name in names[:_MOST_NAMED]]
    rest = len(names) - len(shown)
    return listed([*shown, f"{rest} more"] if rest else shown)


def point_rows(
    found: LocatedPoints, spacing_mm: tuple[float, float] | None
) -> list[tuple[str, ...]]:
    """Return the cells of each point under `POINT_HEADINGS`; those not found come last."""
    rows = []
    for point in found.points:
        at_mm = point.place_mm(spacing_mm)
        rows.append(
            (
                safe_text(point.name),
                f"{point.x:.1f}, {point.y:.1f}",
                _NOTHING if at_mm is None else f"{at_mm[0]:.1f}, {at_mm[1]:.1f}",
                probability_text(point.confidence),
                SURE if point.is_sure else UNSURE,
            )
        )
    gone = [(safe_text(name), *[_NOTHING] * 3, NOT_FOUND) for name in found.not_found]
    return [*rows, *gone]


def points_note(found: LocatedPoints) -> str:
    """Return from when on points count as sure, and what an absent one means."""
    return (
        f"Points are sure from a confidence of {found.trusted_from:.2f} on, as the model’s card "
        "says. A point that was not found may be on the picture all the same, and nothing is "
        "measured with these points."
    )


def point_lines(
    found: LocatedPoints | None, spacing_mm: tuple[float, float] | None
) -> list[str]:  # fmt: skip
    """Return the points as lines of tab-separated cells with their note; empty without any."""
    if found is None:
        return []
    table = (POINT_HEADINGS, *point_rows(found, spacing_mm))
    return [*("\t".join(row).rstrip() for row in table), points_note(found)]
