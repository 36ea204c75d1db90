"""An analysis as a PDF report on A4, for people to read, file and print."""

from __future__ import annotations

import io

from PIL import Image
from reportlab.lib.units import mm
from reportlab.platypus import Image as Picture
from reportlab.platypus import Spacer, Table

from spinealign.domain.findings import Analysis, Classification, ModelIdentity, ModelStatus
from spinealign.domain.image import SpineImage
from spinealign.domain.study import PatientFacts
from spinealign.export import page
from spinealign.export.alignment_pages import alignment_story
from spinealign.export.disc_pages import discs_story
from spinealign.export.overlay import heatmap_picture, overlay_picture, plain_picture
from spinealign.export.page import Story, facts, grid, paragraph, section
from spinealign.wording import (
    NOTHING,
    REGION_HEADINGS,
    VERTEBRA_HEADINGS,
    caution_text,
    examination_text,
    format_region_row,
    format_vertebra_row,
    headline,
    is_demonstration,
    kind_check_text,
    probability_text,
    size_text,
    source_text,
    spacing_text,
)
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.reading import patient_rows
from spinealign.wording.series import picture_name

_PICTURE_HEIGHT = 100 * mm
_TALL_PICTURE_HEIGHT = 165 * mm
_PICTURE_GAP = 4 * mm
_MAX_PICTURE_PX = 1400
_SHORT_SHA = 16


def report_pdf(analysis: Analysis, patient: PatientFacts | None = None) -> bytes:
    """Return the report as a PDF; the same analysis always gives the same bytes.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    patient : PatientFacts, optional
        Only where the user asked for it: whose picture this is, printed at the top.
    """
    analysis, target = analysis.without_demonstration, io.BytesIO()
    story = [
        *_top(analysis, patient or PatientFacts()),
        *_classification(analysis.classification),
        *discs_story(analysis),
        *alignment_story(analysis),
        *_vertebrae(analysis),
        *_regions(analysis),
        *_warnings(analysis),
        *_models(analysis),
        *_image_facts(analysis),
    ]
    page.build(story, target, analysis.program_version, is_demonstration(analysis))
    return target.getvalue()


def _top(analysis: Analysis, patient: PatientFacts) -> Story:
    lines = [paragraph(headline(analysis), page.FINDING)]
    alignment = alignment_sentences(analysis)
    if alignment:
        lines.append(paragraph(alignment, page.BODY))
    box = Table([[lines]], colWidths=[page.TEXT_WIDTH])
    shade = page.AMBER if is_demonstration(analysis) else page.LINE
    box.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), page.SHADE),
            ("LINEBEFORE", (0, 0), (0, -1), 4, shade),
            ("LEFTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
        ]
    )
    name = picture_name(analysis.image.place)
    return [
        paragraph("SpineAlign report", page.TITLE),
        paragraph(f"{name}, analysed {_readable_time(analysis.created_utc)}", page.BREAKABLE),
        Spacer(0, 4 * mm),
        *([facts(rows), Spacer(0, 4 * mm)] if (rows := patient_rows(patient)) else ()),
        box,
        Spacer(0, 4 * mm),
        _pictures(analysis),
        paragraph(_picture_caption(analysis), page.SMALL),
    ]


def _readable_time(created_utc: str) -> str:
    return f"{created_utc[:16].replace('T', ' ')} UTC"


def _pictures(analysis: Analysis) -> Table:
    pictures = [overlay_picture(analysis, paper=True)]
    if analysis.segmentation is not None:
        pictures.insert(0, plain_picture(analysis, paper=True))
    if analysis.classification is not None and analysis.classification.heatmap is not None:
        pictures.append(heatmap_picture(analysis, paper=True))
    gaps = _PICTURE_GAP * (len(pictures) - 1)
    factor = min(
        (page.TEXT_WIDTH - gaps) / sum(picture.width for picture in pictures),
        _picture_height(analysis) / max(picture.height for picture in pictures),
    )
    images = [_printed(picture, factor) for picture in pictures]
    row = Table([images], colWidths=[image.drawWidth + _PICTURE_GAP for image in images])
    row.setStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    row.hAlign = "LEFT"
    return row


def _picture_height(analysis: Analysis) -> float:
    """Return how high pictures may be printed: a whole spine is higher than it is wide."""
    whole = analysis.examination is not None and analysis.examination.shows_all_regions
    return float(_TALL_PICTURE_HEIGHT if whole else _PICTURE_HEIGHT)


def _picture_caption(analysis: Analysis) -> str:
    if analysis.segmentation is not None:
        return "The image, and the outlines the model drew; check them against the anatomy."
    if analysis.classification is not None:
        return (
            "Image regions that the classification is based on. They mark no finding and no "
            "anatomical border."
        )
    return "The image as it was opened."


def _printed(picture: Image.Image, points_per_px: float) -> Picture:
    size = (picture.width * points_per_px, picture.height * points_per_px)
    reduced = picture.copy()
    reduced.thumbnail((_MAX_PICTURE_PX, _MAX_PICTURE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    reduced.save(buffer, "PNG", compress_level=1)
    buffer.seek(0)
    return Picture(buffer, *size)


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


def _warnings(analysis: Analysis) -> Story:
    if not analysis.cautions:
        return []
    texts = [paragraph(f"• {caution_text(caution)}") for caution in analysis.cautions]
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


def _image_facts(analysis: Analysis) -> Story:
    image = analysis.image
    rows = [
        ("File", picture_name(image.place)),
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
