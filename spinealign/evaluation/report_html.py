"""An evaluation as one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence

from spinealign.evaluation.cases import ClassifiedCases, LabelledCases, MeasuredCases, OutlinedCases
from spinealign.evaluation.checklists import Item
from spinealign.evaluation.intervals import FEWEST_PATIENTS, Figure
from spinealign.evaluation.landmarks import PointedCases
from spinealign.evaluation.pairing import Compared
from spinealign.evaluation.pictures import (
    against_truth,
    bland_altman,
    curve_pictures,
    learning_picture,
)
from spinealign.evaluation.run import Evaluation, Subgroup, roc_points
from spinealign.html_pages import html_note, html_page, html_table, html_text
from spinealign.wording import evaluation as words
from spinealign.wording.text import UNKNOWN_FIGURE

_WORST_NOTES = {
    ClassifiedCases: words.WORST_NOTE,
    MeasuredCases: words.WORST_NUMBERS_NOTE,
    OutlinedCases: words.WORST_OUTLINES_NOTE,
    PointedCases: words.WORST_POINTS_NOTE,
    LabelledCases: words.WORST_NOTE,
}


def report_html(
    found: Evaluation, items: Sequence[Item], gallery: Mapping[str, bytes] | None = None
) -> str:
    """Return the whole report.

    Parameters
    ----------
    found : Evaluation
    items : sequence of Item
        Of reporting guidelines.
    gallery : mapping of str to bytes, optional
        PNG of some of the worst cases, by picture.
    """
    parts = [
        _head(found), _figures(found), _confusion(found), _pictures(found),
        _learning(found), _subgroups(found), _compared(found.compared),
        _worst(found, gallery or {}), _checklist(items),
    ]  # fmt: skip
    return html_page(f"{words.TITLE}: {found.name}", parts)


def _head(found: Evaluation) -> str:
    cases = found.cases
    notes = [words.cases_text(len(cases), found.patients, cases.knows_patients)]
    if found.threshold_note:
        notes.append(found.threshold_note)
    if found.left_out:
        notes.append(words.left_out_text(found.left_out))
    told = [*found.cautions, *([] if cases.knows_patients else [words.PATIENTS_UNKNOWN])]
    warnings = [f'<p class="verdict condemned">{html_text(each)}</p>' for each in told]
    return (
        f"<h1>{html_text(words.TITLE)}</h1><p>{html_text(found.name)}</p>"
        f'<p class="split">{html_text(" ".join(notes))}</p>'
        + "".join(warnings)
        + html_note(f"{words.INTERVALS.format(draws=found.draws)} SpineAlign {found.program}")
    )


def _figures(found: Evaluation) -> str:
    """Return a table of figures, one for each class, point, finding or angle that has its own."""
    is_small = found.patients < FEWEST_PATIENTS
    parts: dict[str, dict[str, Figure]] = {}
    for name, figure in found.figures.items():
        parts.setdefault(name.partition("/")[2], {})[name] = figure
    tables = []
    for part, figures in parts.items():
        rows = _figure_rows(figures, found.unit_of, is_small)
        title = f"<h3>{html_text(part or words.ALL_TITLE)}</h3>" if len(parts) > 1 or part else ""
        tables.append(title + html_table(words.FIGURE_HEADINGS, rows, 2, (50, 20, 30)))
    small = html_note(words.small_note(FEWEST_PATIENTS)) if is_small else ""
    return f"<h2>{words.FIGURES_TITLE}</h2>{''.join(tables)}{small}"


def _figure_rows(
    figures: Mapping[str, Figure], unit_of: Callable[[str], str], is_small: bool
) -> list[tuple[str, str, str]]:
    return [
        (
            html_text(words.figure_name(name.partition("/")[0])),
            html_text(words.figure_text(name, each.value, unit_of(name))),
            html_text(words.interval_text(name, each.low, each.high, is_small)),
        )
        for name, each in figures.items()
    ]


def _confusion(found: Evaluation) -> str:
    if found.confusion is None or not isinstance(found.cases, ClassifiedCases):
        return ""
    names = [html_text(name) for name in found.cases.classes]
    rows = [
        (name, *(f"{int(count):,}" for count in row))
        for name, row in zip(names, found.confusion, strict=True)
    ]
    table = html_table((html_text(words.CONFUSION_CORNER), *names), rows, len(names))
    return f"<h2>{words.CONFUSION_TITLE}</h2>{table}"


def _pictures(found: Evaluation) -> str:
    cases = found.cases
    if isinstance(cases, MeasuredCases):
        drawn = [
            (words.AGREEMENT_TITLE, bland_altman(cases, found.figures)),
            (words.AGAINST_TITLE, against_truth(cases)),
        ]
        note = ""
    elif isinstance(cases, PointedCases):
        drawn = [
            (f"{words.AGREEMENT_TITLE}: {name}", bland_altman(those, _of_angle(found, name)))
            for name, those in found.angles.items()
        ]
        note = ""
    elif isinstance(cases, OutlinedCases | LabelledCases):
        return ""
    else:
        drawn = curve_pictures(roc_points(cases))
        note = html_note(words.CALIBRATION_NOTE)
    if not drawn:
        return ""
    figures = "".join(
        f"<figure>{_picture(svg.encode(), 'image/svg+xml')}"
        f"<figcaption>{html_text(title)}</figcaption></figure>"
        for title, svg in drawn
    )
    return f'<h2>{words.CURVES_TITLE}</h2>{note}<div class="curves">{figures}</div>'


def _of_angle(found: Evaluation, name: str) -> dict[str, Figure]:
    """Return the figures of one angle under their plain names."""
    told = (key.partition("/") for key in found.figures)
    return {kind: found.figures[f"{kind}/{name}"] for kind, _, of in told if of == name}


def _learning(found: Evaluation) -> str:
    points = found.learning
    if not isinstance(found.cases, ClassifiedCases):
        return ""
    note = html_note(words.learning_note(bool(points), found.is_model))
    title = f"<h2>{words.LEARNING_TITLE}</h2>{note}"
    if not points:
        return title
    rows = [
        (
            html_text(words.learned_from_patients(point.patients)),
            f"{point.pictures:,}",
            html_text(words.group_figures(point.figures, "", False)),
        )
        for point in points
    ]
    picture = _picture(learning_picture(points).encode(), "image/svg+xml")
    table = html_table(words.LEARNING_HEADINGS, rows)
    return f'{title}{table}<div class="curves"><figure>{picture}</figure></div>'


def _picture(content: bytes, kind: str) -> str:
    return f'<img alt="" src="data:{kind};base64,{base64.b64encode(content).decode()}">'


def _subgroups(found: Evaluation) -> str:
    groups = found.subgroups
    if not groups:
        return ""
    names = list(dict.fromkeys(name for one in groups for name in one.figures))
    rows = [
        (
            html_text(f"{one.column}: {one.value}"),
            f"{one.cases:,}",
            f"{one.patients:,}",
            *(_group_cell(one, name, found.unit_of(name)) for name in names),
        )
        for one in groups
    ]
    head = (*words.GROUP_HEADINGS, *(html_text(words.figure_name(name)) for name in names))
    has_small = any(one.is_small for one in groups)
    small = html_note(words.small_note(FEWEST_PATIENTS)) if has_small else ""
    return f"<h2>{words.GROUPS_TITLE}</h2>{html_table(head, rows)}{small}"


def _group_cell(group: Subgroup, name: str, unit: str) -> str:
    """Return a figure with its interval below."""
    figure = group.figures.get(name)
    if figure is None or not figure.is_known:
        return html_text(UNKNOWN_FIGURE)
    interval = words.interval_text(name, figure.low, figure.high, group.is_small)
    value = html_text(words.figure_text(name, figure.value, unit))
    return f'{value}<br><span class="small">{html_text(interval)}</span>'


def _compared(compared: Compared | None) -> str:
    if compared is None:
        return ""
    is_small = compared.patients < FEWEST_PATIENTS
    told = words.mcnemar_text(
        compared.only_first, compared.only_second, compared.mcnemar_p, compared.cases
    )
    if compared.turned is not None:
        told = f"{words.turned_text(*compared.turned)} {told}"
    rows = _figure_rows(compared.differences, lambda name: "", is_small)
    table = html_table(words.PAIR_HEADINGS, rows, 2)
    return f"<h2>{words.PAIR_TITLE}</h2><p>{html_text(told)}</p>{table}"


def _worst(found: Evaluation, gallery: Mapping[str, bytes]) -> str:
    if not found.worst:
        return ""
    rows = [
        (
            html_text(one.image), html_text(one.patient), html_text(one.truth),
            html_text(one.answer), html_text(words.error_text(one.error, _unit_of_errors(found))),
        )
        for one in found.worst
    ]  # fmt: skip
    note = _WORST_NOTES[type(found.cases)]
    figures = "".join(
        f"<figure>{_picture(gallery[one.image], 'image/png')}<figcaption>"
        f"{html_text(f'{one.image}: {one.truth}, answered {one.answer}')}</figcaption></figure>"
        for one in found.worst
        if one.image in gallery
    )
    shown = f'<div class="pairs">{figures}</div>' if figures else ""
    # Outlines have neither truth nor answer in words, and some sets no patients.
    told = [at for at in range(len(words.WORST_HEADINGS)) if any(row[at] for row in rows)]
    head = [words.WORST_HEADINGS[at] for at in told]
    table = html_table(head, [[row[at] for at in told] for row in rows], 1)
    return f"<h2>{words.WORST_TITLE}</h2>{html_note(note)}{table}{shown}"


def _unit_of_errors(found: Evaluation) -> str:
    """Return the unit of `WorstCase.error`: of outlines it is 1 minus Dice."""
    return "" if isinstance(found.cases, OutlinedCases) else getattr(found.cases, "unit", "")


def _checklist(items: Sequence[Item]) -> str:
    rows = [
        (
            html_text(one.guideline),
            html_text(one.about),
            f'<span class="doubt">{html_text(words.OPEN_ITEM)}</span>'
            if one.is_open
            else html_text(one.answer),
        )
        for one in items
    ]
    table = html_table(words.CHECKLIST_HEADINGS, rows, shares=(16, 34, 50))
    return f"<h2>{words.CHECKLIST_TITLE}</h2>{html_note(words.CHECKLIST_NOTE)}{table}"
