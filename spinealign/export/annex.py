"""The technical annex of a report: every number, model and timing, for whoever checks them."""

from __future__ import annotations

from types import MappingProxyType

from reportlab.lib.units import mm
from reportlab.platypus import Spacer, Table

from spinealign.domain.findings import (
    Analysis,
    Classification,
    GradedPicture,
    LabelledPicture,
    ModelIdentity,
    ModelStatus,
)
from spinealign.domain.image import SpineImage
from spinealign.export import page
from spinealign.export.alignment_pages import Overrulings, alignment_story, methods_story
from spinealign.export.disc_pages import discs_story
from spinealign.export.overlay import heatmap_picture
from spinealign.export.page import Story, facts, grid, paragraph, section
from spinealign.export.report_pictures import jpeg
from spinealign.wording import (
    NOTHING,
    REGION_HEADINGS,
    VERTEBRA_HEADINGS,
    caution_statement,
    examination_text,
    format_region_row,
    format_vertebra_row,
    kind_check_text,
    probability_text,
    size_text,
    source_text,
    spacing_text,
)
from spinealign.wording.labels import (
    FINDING_HEADINGS,
    FINDINGS_TITLE,
    GRADE_HEADINGS,
    GRADE_TITLE,
    finding_rows,
    findings_note,
    grade_note,
    grade_rows,
)
from spinealign.wording.points import POINT_HEADINGS, POINTS_TITLE, point_rows, points_note
from spinealign.wording.report import day_text
from spinealign.wording.series import picture_name

_SHORT_SHA = 16
_PICTURE_HEIGHT, _PICTURE_PX = 90 * mm, 1200
_HEAT_NOTE = (
    "Image regions that the classification is based on. They mark no finding and no anatomical "
    "border."
)


def annex_story(
    analysis: Analysis, show_file: bool = True, overrulings: Overrulings = MappingProxyType({})
) -> Story:
    """Return the annex as reportlab flowables.

    Parameters
    ----------
    analysis : Analysis
    show_file : bool
        Whether the file's name and the time of the analysis are told.
    overrulings : mapping of str to Overruling
        What the reader changed or rejected, by key of the finding.
    """
    return [
        *_classification(analysis.classification),
        *_findings(analysis.labelled),
        *_grade(analysis.picture_grade),
        *_points(analysis),
        *_heat_map(analysis),
        *cautions_story(analysis),
        *discs_story(analysis, overrulings),
        *alignment_story(analysis, overrulings=overrulings),
        *methods_story(analysis),
        *_vertebrae(analysis),
        *_regions(analysis),
        *_models(analysis),
        *_image_facts(analysis, show_file),
    ]


def _classification(answer: Classification | None) -> Story:
    if answer is None:
        return []
    pairs = zip(answer.labels, answer.probabilities, strict=True)
    rows = [(name, probability_text(p)) for name, p in pairs]
    calibrated = "calibrated" if answer.calibrated else "not calibrated"
    note = (
        f"“{answer.positive_label}” is reported from a probability of {answer.threshold:.2f}; "
        f"the probabilities are {calibrated}."
    )
    table = grid(("Class", "Probability"), rows, (0.3, 0.2))
    return section("Classification", table, Spacer(0, 1 * mm), paragraph(note, page.SMALL))


def _findings(answer: LabelledPicture | None) -> Story:
    if answer is None:
        return []
    table = grid(FINDING_HEADINGS, finding_rows(answer), (0.3, 0.15, 0.15, 0.2))
    note = paragraph(findings_note(answer), page.SMALL)
    return section(FINDINGS_TITLE, table, Spacer(0, 1 * mm), note)


def _grade(answer: GradedPicture | None) -> Story:
    if answer is None:
        return []
    table = grid(GRADE_HEADINGS, grade_rows(answer), (0.3, 0.2))
    note = paragraph(grade_note(answer), page.SMALL)
    return section(GRADE_TITLE, table, Spacer(0, 1 * mm), note)


def _points(analysis: Analysis) -> Story:
    found = analysis.located
    if found is None:
        return []
    rows = point_rows(found, analysis.image.spacing_mm)
    table = grid(POINT_HEADINGS, rows, (0.34, 0.2, 0.2, 0.14, 0.12))
    note = paragraph(points_note(found), page.SMALL)
    return section(POINTS_TITLE, table, Spacer(0, 1 * mm), note)


def _heat_map(analysis: Analysis) -> Story:
    if analysis.heatmap is None:
        return []
    drawn = heatmap_picture(analysis, paper=True)
    scale = _PICTURE_HEIGHT / drawn.height
    picture = page.picture(jpeg(drawn, _PICTURE_PX), drawn.width * scale, _PICTURE_HEIGHT)
    return section("Heat map", picture, paragraph(_HEAT_NOTE, page.SMALL))


def _regions(analysis: Analysis) -> Story:
    if not analysis.regions:
        return []
    rows = [format_region_row(region) for region in analysis.regions]
    table = grid(REGION_HEADINGS, rows, (0.22, 0.13, 0.12, 0.13, 0.17, 0.09, 0.14))
    note = (
        "Image and Structures: share of all pixels and of all segmented pixels. "
        "Confidence: mean probability of the class that the model chose."
    )
    return section("Regions", table, Spacer(0, 1 * mm), paragraph(note, page.SMALL))


def _vertebrae(analysis: Analysis) -> Story:
    if not analysis.vertebrae:
        return []
    rows = [format_vertebra_row(body) for body in analysis.vertebrae]
    table = grid(VERTEBRA_HEADINGS, rows, (0.2, 0.25, 0.2, 0.2))
    note = (
        "Corners detected: corners that the network placed (dots in the image); the others "
        "were taken from the outline (rings). Confidence: in outline and corners together."
    )
    return section("Vertebral bodies", table, Spacer(0, 1 * mm), paragraph(note, page.SMALL))


def cautions_story(analysis: Analysis) -> Story:
    """Return all cautions in full, empty without any."""
    if not analysis.cautions:
        return []
    texts = [paragraph(f"• {caution_statement(caution)}") for caution in analysis.cautions]
    return section("Cautions", *texts)


def _models(analysis: Analysis) -> Story:
    if not analysis.models:
        return []
    return section("Models", *(_model_card(model) for model in analysis.models))


def _model_card(model: ModelIdentity) -> Table:
    table = facts(
        [
            ("Model", f"{model.title} ({model.name}), version {model.version}"),
            ("Status", model.status.value),
            ("How to read it", model.limits or NOTHING),
            ("Weights, engine", f"SHA-256 {model.sha256[:_SHORT_SHA]}…, {model.engine}"),
        ]
    )
    if model.status is ModelStatus.DEMONSTRATION:
        table.setStyle([("BACKGROUND", (1, 1), (1, 1), page.AMBER)])
    table.spaceAfter = 2 * mm
    return table


def _image_facts(analysis: Analysis, show_file: bool) -> Story:
    image = analysis.image
    rows = [
        *_file_rows(analysis, show_file),
        ("SHA-256", image.sha256),
        ("File format", _kind_of_file(image)),
        ("Size", size_text(image)),
        ("Pixel spacing", spacing_text(image)),
        ("Image type", _image_type(analysis)),
        *(
            [("Check of the image type", kind_check_text(check))]
            if (check := analysis.kind_check)
            else []
        ),
        ("Time taken", _seconds(analysis)),
    ]
    return section("Image and analysis", facts(rows))


def _file_rows(analysis: Analysis, is_shown: bool) -> list[tuple[str, str]]:
    if not is_shown:
        return []
    name = picture_name(analysis.image.place)
    return [("File", name), ("Analysed", day_text(analysis.created_utc))]


def _kind_of_file(image: SpineImage) -> str:
    return ", ".join(filter(None, (image.file_format, image.modality))) or NOTHING


def _image_type(analysis: Analysis) -> str:
    text = f"{examination_text(analysis.examination)}, {source_text(analysis.decided_by)}"
    if analysis.kind_confidence is None:
        return text
    return f"{text} (confidence {probability_text(analysis.kind_confidence)})"


def _seconds(analysis: Analysis) -> str:
    steps = [f"{name} {seconds:.2f} s" for name, seconds in analysis.seconds.items()]
    return ", ".join(steps) or NOTHING
