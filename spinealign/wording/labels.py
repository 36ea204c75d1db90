"""Several findings of one picture, and grades of pictures, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.wording.text import listed, probability_text, safe_text

if TYPE_CHECKING:
    from spinealign.domain.findings import Analysis, GradedPicture, LabelAnswer, LabelledPicture

FINDINGS_TITLE = "Findings of the model"
GRADE_TITLE = "Grade of the model"
FINDING_HEADINGS = ("Finding", "Probability", "Reported from", "Answer")
GRADE_HEADINGS = ("Grade", "Probability")
HIGHER_GRADE = "a higher grade"
REPORTED, NOT_REPORTED = "reported", "not reported"
NOT_CALIBRATED = "The probabilities are not calibrated."
MEDIAN_GRADE = "The median grade counts: that or a lower one is at least as likely as not."
NOT_LIKELIEST = (
    "Here another grade is likelier than the median one, so the quartiles are told: at least half "
    "of the probability lies between them."
)
CARD_THRESHOLDS = "Each finding counts from the threshold of the model’s card on."


def odd_rows(table: Path, count: int) -> str:
    """Return that rows of a list have more or fewer fields than it has columns."""
    return (
        f"{count} rows of “{safe_text(table.name)}” have more or fewer fields than there are "
        "columns; put quotes around fields that hold the separator"
    )


def other_layout(asked: str, known: str) -> str:
    """Return that findings are told by one layout only."""
    return f"Several findings are told by the layout {known}, not by “{safe_text(asked)}”"


def no_pictures(table: Path) -> str:
    """Return that a list does not name pictures."""
    return f"“{safe_text(table.name)}” needs a column image with the names of the pictures"


def no_labels(table: Path) -> str:
    """Return that a list has no finding."""
    return f"“{safe_text(table.name)}” has no column of a finding beside image, patient and split"


def labels_missing(table: Path, missing: Sequence[str], columns: Sequence[str]) -> str:
    """Return which findings a list lacks."""
    return (
        f"“{safe_text(table.name)}” has no column {safe_text(listed(missing, 'or'))}; it has "
        f"{safe_text(listed(columns))}"
    )


def neither_yes_nor_no(table: Path, column: str, text: str) -> str:
    """Return that a cell says neither that a finding is there nor that it is absent."""
    return (
        f"column “{safe_text(column)}” of “{safe_text(table.name)}” holds "
        f"“{safe_text(text)[:40]}”; "
        "a finding is 1 or yes, 0 or no, and empty where nobody knows"
    )


def not_both(label: str) -> str:
    """Return that a finding cannot be learned."""
    return (
        f"“{safe_text(label)}” cannot be learned: the pictures that are trained on must have it "
        "in one and lack it in another; leave it out with --labels"
    )


def grades_without_order(stray: Sequence[str], order: Sequence[str]) -> str:
    """Return that pictures have grades that the stated order does not hold."""
    return (
        f"pictures have the grades {safe_text(listed(stray))}, and --grades names "
        f"{safe_text(listed(order))} from the lowest to the highest; name all of them in order"
    )


def too_few_grades(order: Sequence[str]) -> str:
    """Return that there are no three grades in an order."""
    return (
        "grades are three or more different names from the lowest to the highest (--grades); of "
        f"two classes take “train classifier” (stated: {safe_text(', '.join(order)) or 'none'})"
    )


def grade_not_learned(label: str) -> str:
    """Return that no picture of a grade is left to train on."""
    return f"no picture of the grade “{safe_text(label)}” is left to train on"


def untitled_labels(labels: Sequence[str]) -> str:
    """Return what a model for several findings is called whose user gave no title."""
    return f"Findings: {', '.join(labels)}"[:200]


def untitled_grades(grades: Sequence[str]) -> str:
    """Return what a model of grades is called whose user gave no title."""
    return f"Grades {grades[0]} to {grades[-1]}"[:200]


def label_counts_text(name: str, present: int, absent: int, unknown: int) -> str:
    """Return in how many pictures a finding is there, absent and unknown."""
    more = f", {unknown} unknown (not learned from)" if unknown else ""
    return f"{safe_text(name)}: there in {present}, absent in {absent}{more}"


def label_line(answer: LabelAnswer) -> str:
    """Return what a network says of one finding, in a line."""
    said = REPORTED if answer.is_present else NOT_REPORTED
    return (
        f"{safe_text(answer.name)}: {said} (probability {probability_text(answer.probability)}, "
        f"reported from {answer.threshold:.2f}; {100 * answer.prevalence:.0f} % of the pictures "
        "that it learned from had it)"
    )


def labels_headline(answer: LabelledPicture) -> str:
    """Return what a network says of several findings, in a sentence."""
    told = [
        f"“{safe_text(one.name)}” (probability {probability_text(one.probability)})"
        for one in answer.labels
        if one.is_present
    ]
    if told:
        return f"Findings above their thresholds: {listed(told)}."
    names = listed([f"“{safe_text(one.name)}”" for one in answer.labels], "or")
    return f"No finding above its threshold ({names})."


def grade_headline(answer: GradedPicture) -> str:
    """Return which grade a network gives, in a sentence."""
    place = (
        f"expected place {answer.expected:.1f} of {len(answer.grades)}, counted from "
        f"“{safe_text(answer.grades[0])}”"
    )
    p = probability_text(answer.probability)
    if answer.is_likeliest:
        return f"Grade “{safe_text(answer.predicted)}” (probability {p}; {place})."
    return (
        f"Grade {grade_words(answer)}: no single grade is clear (median "
        f"“{safe_text(answer.predicted)}”, of probability {p}; {place})."
    )


def grade_words(answer: GradedPicture) -> str:
    """Return the grade, or between which ones it lies where the median one is not the likeliest."""
    if answer.is_likeliest:
        return f"“{safe_text(answer.predicted)}”"
    low, high = (safe_text(end) for end in answer.middle_half)
    return f"between “{low}” and “{high}”"


def heat_words(analysis: Analysis) -> str:
    """Return what a heat map is evidence for, as in its legend; empty without one."""
    answer = analysis.explained
    if answer is None:
        return ""
    if answer is analysis.classification:
        return f"“{safe_text(analysis.classification.positive_label)}”"
    if answer is analysis.labelled:
        return listed([f"“{safe_text(one.name)}”" for one in answer.labels if one.is_present])
    return HIGHER_GRADE


def finding_rows(answer: LabelledPicture) -> list[tuple[str, ...]]:
    """Return the cells of each finding under `FINDING_HEADINGS`."""
    return [
        (
            safe_text(one.name),
            probability_text(one.probability),
            f"{one.threshold:.2f}",
            REPORTED if one.is_present else NOT_REPORTED,
        )
        for one in answer.labels
    ]


def grade_rows(answer: GradedPicture) -> list[tuple[str, ...]]:
    """Return the cells of each grade under `GRADE_HEADINGS`, the lowest first."""
    pairs = zip(answer.grades, answer.probabilities, strict=True)
    return [(safe_text(name), probability_text(p)) for name, p in pairs]


def findings_note(answer: LabelledPicture) -> str:
    """Return what the probabilities of several findings are worth."""
    shares = listed(
        [f"{safe_text(one.name)} {100 * one.prevalence:.0f} %" for one in answer.labels]
    )
    note = f"Share of the pictures that the model learned from: {shares}."
    return note if answer.calibrated else f"{note} {NOT_CALIBRATED}"


def grade_note(answer: GradedPicture) -> str:
    """Return how a grade was chosen, and what its probabilities are worth."""
    chosen = MEDIAN_GRADE if answer.is_likeliest else f"{MEDIAN_GRADE} {NOT_LIKELIEST}"
    note = (
        f"{chosen} Expected place: {answer.expected:.1f} of {len(answer.grades)}, counted from "
        f"“{safe_text(answer.grades[0])}”."
    )
    return note if answer.calibrated else f"{note} {NOT_CALIBRATED}"


def picture_lines(labelled: LabelledPicture | None, grade: GradedPicture | None) -> list[str]:
    """Return what networks say of findings and of a grade of the whole picture, in lines."""
    lines = [] if labelled is None else [label_line(one) for one in labelled.labels]
    if grade is not None:
        lines += [f"Probability of grade {name}: {p}" for name, p in grade_rows(grade)]
        lines.append(grade_note(grade))
    return lines


def columns_text(taken: Mapping[str, str], titles: Sequence[str]) -> str:
    """Return which column of a list was taken as what.

    Parameters
    ----------
    taken : mapping of str to str
        Title of the column for file, class, patient and split; empty where there is none.
    titles : sequence of str
        Of all columns.
    """
    told = listed([f"“{safe_text(title)}” as {what}" for what, title in taken.items() if title])
    missing = [what for what, title in taken.items() if not title]
    text = f"Columns taken: {told}."
    if missing:
        text += f" None was taken as {listed(missing, 'or')}"
        rest = [title.strip() for title in titles if title.strip() not in taken.values()]
        text += f"; left: {listed([f'“{safe_text(one)}”' for one in rest])}." if rest else "."
    if "class" in missing:
        text += " Without classes no shortcut can be asked for; --class-column names the column."
    return text
