"""Texts of disc grades: findings of each disc, and one summary line."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.discs import Disc, DiscGrade, GradeName, Overall
from spinealign.domain.findings import COUNT_CAUTIONS, Analysis, ModelStatus, WarningCode
from spinealign.wording.text import display_name

GRADE_TITLES = {
    GradeName.PFIRRMANN: "Pfirrmann grade",
    GradeName.NARROWING: "Disc narrowing",
    GradeName.BULGING: "Disc bulging",
    GradeName.HERNIATION: "Disc herniation",
    GradeName.SPONDYLOLISTHESIS: "Listhesis",
    GradeName.UPPER_ENDPLATE: "Upper endplate change",
    GradeName.LOWER_ENDPLATE: "Lower endplate change",
    GradeName.MODIC: "Modic change",
}
"""What each grade is called for people."""

_SHORT = {
    GradeName.NARROWING: "narrowed",
    GradeName.BULGING: "bulging",
    GradeName.HERNIATION: "herniated",
    GradeName.SPONDYLOLISTHESIS: "listhesis",
    GradeName.UPPER_ENDPLATE: "upper endplate change",
    GradeName.LOWER_ENDPLATE: "lower endplate change",
    GradeName.MODIC: "Modic change",
}
_OVERALL_TEXTS = {
    Overall.HEALTHY: "No abnormality detected",
    Overall.ABNORMAL: "Abnormal",
    Overall.UNCERTAIN: "Uncertain",
}
NO_ABNORMALITY = "no abnormality detected"
OVERALL_RULE = (
    "Abnormal: at least one disc has a finding above its threshold or Pfirrmann grade 4 or 5. "
    "Uncertain: none has, but a grade of some disc is uncertain. No abnormality detected: neither. "
    "“Pfirrmann grade about 1.5” means that the disc lies between two whole grades."
)
OVERALL_OF_PROGRAM = "Overall, by the program’s own grades"
COUNTED_FROM_BELOW = (
    "Discs are counted upwards from the lowest one, assumed to be L5/S1; with a transitional "
    "vertebra every level may be off by one."
)


def overall_text(overall: Overall) -> str:
    """Return the overall result: "No abnormality detected", "Abnormal" or "Uncertain"."""
    return _OVERALL_TEXTS[overall]


def discs_headline(analysis: Analysis) -> str:
    """Return what the discs show, the worst first, and how many are in doubt; "" without grades.

    What is uncertain on which disc stands in `disc_doubt_lines`.
    """
    overall, model = analysis.overall, analysis.disc_model
    if overall is None or model is None:
        return ""
    doubts = len(disc_doubt_lines(analysis.discs))
    word = "disc" if doubts == 1 else "discs"
    text = f"Discs: {NO_ABNORMALITY}."
    if overall is Overall.UNCERTAIN:
        text = f"Uncertain grades of {doubts} {word}, otherwise {NO_ABNORMALITY}."
    if overall is Overall.ABNORMAL:
        text = f"Abnormal discs: {'; '.join(_findings(analysis.discs))}."
        text += f" Uncertain grades of {doubts} {word}." if doubts else ""
    if model.status is ModelStatus.DEMONSTRATION:
        return f"Demonstration model: {text} This model’s results are not reliable."
    return text


def are_levels_counted(analysis: Analysis) -> bool:
    """Whether the levels are the program's count from below, and no person named them."""
    counted = {*COUNT_CAUTIONS, WarningCode.DISC_COUNT_UNCERTAIN}
    return any(caution.code in counted for caution in analysis.cautions)


def companion_text(analysis: Analysis) -> str:
    """Return that discs were graded on two contrasts, and with which image; "" if not."""
    other = analysis.companion
    codes = {caution.code for caution in analysis.cautions}
    if other is None or codes & _COMPANION_LEFT_OUT:
        return ""
    weighting = "" if other.weighting is None else f" ({other.weighting.value.upper()}-weighted)"
    name = display_name(other.source_path)
    return f"The discs were graded together with the other contrast, {name}{weighting}."


_COMPANION_LEFT_OUT = frozenset(
    {
        WarningCode.COMPANION_UNMATCHED,
        WarningCode.COMPANION_ALIKE,
        WarningCode.COMPANION_UNUSED,
    }
)


def discs_line(discs: Sequence[Disc]) -> str:
    """Return what all discs show as one line, the worst first.

    Discs on which nothing is reported are left out; where that leaves none the line
    says so. What is uncertain is named at its end.
    """
    line = "; ".join(_findings(discs)) or NO_ABNORMALITY
    unsure = disc_doubt_lines(discs)
    return f"{line}; uncertain: {', '.join(unsure)}" if unsure else line


def disc_doubt_lines(discs: Sequence[Disc]) -> list[str]:
    """Return what is uncertain, a disc a line from the top down: "L3/L4 (disc herniation)"."""
    return [
        f"{disc.name} ({doubts})"
        for disc in reversed(discs)
        if (doubts := uncertain_grades_text(disc))
    ]


def _findings(discs: Sequence[Disc]) -> list[str]:
    """Return what each abnormal disc shows; the worst first, of equal ones the upper."""
    from_top = list(reversed(discs))
    worst_first = sorted(from_top, key=_badness, reverse=True)
    return [f"{disc.name}: {text}" for disc in worst_first if (text := disc_text(disc))]


def _badness(disc: Disc) -> tuple[bool, int, int]:
    """Return what discs are put in order by: herniation, Pfirrmann's grade, number of findings."""
    pfirrmann, herniation = (disc.grade(n) for n in (GradeName.PFIRRMANN, GradeName.HERNIATION))
    grade = 0 if pfirrmann is None or pfirrmann.value is None else int(pfirrmann.value)
    is_herniated = herniation is not None and herniation.value is True
    return (is_herniated, grade, sum(one.value is True for one in disc.grades))


def disc_text(disc: Disc) -> str:
    """Return what one disc shows ("Pfirrmann 4, narrowed"), "" where nothing is reported."""
    if not disc.is_abnormal:
        return ""
    words = [_SHORT[g.name] for g in disc.grades if g.name in _SHORT and g.value is True]
    pfirrmann = disc.grade(GradeName.PFIRRMANN)
    if pfirrmann is not None and pfirrmann.value is not None:
        words.insert(0, f"Pfirrmann {pfirrmann.value}")
    return ", ".join(words)


def uncertain_grades_text(disc: Disc) -> str:
    """Return what is uncertain on a disc ("Pfirrmann grade about 3.6, disc bulging"), or ""."""
    return ", ".join(_doubt(grade) for grade in disc.grades if grade.value is None)


def _doubt(grade: DiscGrade) -> str:
    about = "" if grade.severity is None else f" about {grade.severity:.1f}"
    return f"{_in_sentence(grade.name)}{' (T2 needed)' if grade.needs_t2 else about}"


def disc_summary(disc: Disc) -> str:
    """Return one disc in words for a list: "Pfirrmann 4, narrowed; uncertain: disc bulging"."""
    shown = disc_text(disc)
    if not shown:
        pfirrmann = disc.grade(GradeName.PFIRRMANN)
        shown = NO_ABNORMALITY
        if pfirrmann is not None and pfirrmann.value is not None:
            shown = f"Pfirrmann {pfirrmann.value}"
    doubts = uncertain_grades_text(disc)
    return f"{shown}; uncertain: {doubts}" if doubts else shown


def finding_lines(disc: Disc) -> tuple[str, ...]:
    """Return what is reported or uncertain on a disc beside Pfirrmann's grade, in short words."""
    present, unsure = [], []
    for grade in disc.grades:
        if grade.name is GradeName.PFIRRMANN or grade.value is False:
            continue
        if grade.needs_t2:
            unsure.append(f"{_finding_word(grade)} not determined (T2 needed)")
            continue
        percent = percent_text(grade.probabilities[-1])
        if grade.value is None:
            unsure.append(f"{_finding_word(grade)} uncertain ({percent})")
        else:
            present.append(f"{_SHORT[grade.name].removesuffix(' change')} ({percent})")
    return (*present, *unsure) or (NO_ABNORMALITY,)


def _finding_word(grade: DiscGrade) -> str:
    return _in_sentence(grade.name).removeprefix("disc ").removesuffix(" change")


def disc_lines(analysis: Analysis) -> tuple[str, ...]:
    """Return a line a disc from the top down, and the rule behind the overall word."""
    if analysis.overall is None:
        return ()
    width = max(len(disc.name) for disc in analysis.discs)
    rows = [f"{disc.name:{width}}  {disc_summary(disc)}" for disc in reversed(analysis.discs)]
    return (*rows, OVERALL_RULE)


def disc_detail_lines(disc: Disc) -> tuple[str, ...]:
    """Return what is reported or uncertain on a disc beside Pfirrmann's grade, a line each."""
    lines = [
        f"{GRADE_TITLES[grade.name]}: {grade_text(grade)}"
        for grade in disc.grades
        if grade.name is not GradeName.PFIRRMANN and grade.value is not False
    ]
    return tuple(lines) or (overall_text(Overall.HEALTHY),)


def grade_title(name: GradeName) -> str:
    """Return what a grade is called for people."""
    return GRADE_TITLES[name]


def _in_sentence(name: GradeName) -> str:
    title = GRADE_TITLES[name]
    is_named_after_someone = name in (GradeName.PFIRRMANN, GradeName.MODIC)
    return title if is_named_after_someone else title[0].lower() + title[1:]


def grade_text(grade: DiscGrade) -> str:
    """Return one grade for a table: "4 (62 %)", "yes (91 %)", "no (3 %)", "uncertain (48 %)"."""
    if grade.needs_t2:
        return "not determined (T2 needed)"
    if grade.name is GradeName.PFIRRMANN:
        if grade.value is None:
            return f"uncertain (about {grade.severity:.1f})"
        return f"{grade.value} ({percent_text(grade.probabilities[grade.value - 1])})"
    word = "uncertain" if grade.value is None else "yes" if grade.value else "no"
    return f"{word} ({percent_text(grade.probabilities[-1])})"


def percent_text(probability: float) -> str:
    """Return a probability in whole per cent, never rounded to certainty, never torn apart."""
    if probability < 0.01:
        return "under 1\u00a0%"
    if probability > 0.99:
        return "over 99\u00a0%"
    return f"{100 * probability:.0f}\u00a0%"
