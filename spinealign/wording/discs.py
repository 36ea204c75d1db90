"""Graded discs in words: what each disc shows, and one line for the patient."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.findings import Disc, DiscGrade, GradeName, Overall
from spinealign.wording.text import listed

GRADE_TITLES = {
    GradeName.PFIRRMANN: "Pfirrmann grade",
    GradeName.NARROWING: "Disc narrowing",
    GradeName.BULGING: "Disc bulging",
    GradeName.HERNIATION: "Disc herniation",
    GradeName.SPONDYLOLISTHESIS: "Spondylolisthesis",
    GradeName.UPPER_ENDPLATE: "Upper endplate change",
    GradeName.LOWER_ENDPLATE: "Lower endplate change",
    GradeName.MODIC: "Modic change",
}
"""What each grade is called for people."""

DISC_HEADINGS = ("Disc", *GRADE_TITLES.values())

_SHORT = {
    GradeName.NARROWING: "narrowed",
    GradeName.BULGING: "bulging",
    GradeName.HERNIATION: "herniated",
    GradeName.SPONDYLOLISTHESIS: "slipped vertebra",
    GradeName.UPPER_ENDPLATE: "upper endplate change",
    GradeName.LOWER_ENDPLATE: "lower endplate change",
    GradeName.MODIC: "Modic change",
}
_OVERALL_TEXTS = {
    Overall.HEALTHY: "Healthy",
    Overall.ABNORMAL: "Abnormal",
    Overall.UNCERTAIN: "Uncertain",
}
NOTHING_ABOVE_THRESHOLD = "no abnormality seen above threshold"
OVERALL_RULE = (
    "Abnormal: at least one disc has a finding above its threshold or Pfirrmann grade 4 or 5. "
    "Uncertain: none has, but a grade of some disc is uncertain. Healthy: neither."
)
COUNTED_FROM_BELOW = (
    "Discs are counted from the lowest one upwards, which is taken for L5/S1; with a transitional "
    "vertebra every level may be off by one."
)


def overall_text(overall: Overall) -> str:
    """Return the overall word: "Healthy", "Abnormal" or "Uncertain"."""
    return _OVERALL_TEXTS[overall]


def discs_line(discs: Sequence[Disc]) -> str:
    """Return what all discs show as one line, from the top down.

    Discs on which nothing is reported are left out; where that leaves none the line
    says so, and names the discs that are uncertain.
    """
    parts = [f"{disc.name}: {text}" for disc in reversed(discs) if (text := disc_text(disc))]
    if parts:
        return "; ".join(parts)
    unsure = [disc.name for disc in reversed(discs) if any(g.value is None for g in disc.grades)]
    return f"{NOTHING_ABOVE_THRESHOLD}{f' (uncertain: {listed(unsure)})' if unsure else ''}"


def disc_text(disc: Disc) -> str:
    """Return what one disc shows ("Pfirrmann 4, narrowed"), "" where nothing is reported."""
    if not disc.is_abnormal:
        return ""
    words = [_SHORT[g.name] for g in disc.grades if g.name in _SHORT and g.value is True]
    pfirrmann = disc.grade(GradeName.PFIRRMANN)
    if pfirrmann is not None and pfirrmann.value is not None:
        words.insert(0, f"Pfirrmann {pfirrmann.value}")
    return ", ".join(words)


def grade_text(grade: DiscGrade) -> str:
    """Return one grade for a table: "4 (62 %)", "yes (91 %)", "no (3 %)", "uncertain (48 %)"."""
    if grade.name is GradeName.PFIRRMANN:
        if grade.value is None:
            return f"uncertain (about {grade.severity:.1f})"
        return f"{grade.value} ({100 * grade.probabilities[grade.value - 1]:.0f} %)"
    word = "uncertain" if grade.value is None else "yes" if grade.value else "no"
    return f"{word} ({100 * grade.probabilities[1]:.0f} %)"


def format_disc_row(disc: Disc) -> tuple[str, ...]:
    """Return the cells of one disc under `DISC_HEADINGS`."""
    grades = [disc.grade(name) for name in GRADE_TITLES]
    return (disc.name, *("not graded" if g is None else grade_text(g) for g in grades))
