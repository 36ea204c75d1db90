"""A finding as plain text, for the clipboard."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.curve_pattern import pattern_of
from spinealign.domain.findings import DISCLAIMER, Analysis
from spinealign.domain.reading import Reading
from spinealign.wording import (
    REGION_HEADINGS,
    VERTEBRA_HEADINGS,
    caution_text,
    examination_text,
    format_region_row,
    format_vertebra_row,
    headline,
    model_text,
    probability_text,
    safe_text,
    source_text,
    spacing_text,
)
from spinealign.wording.alignment import alignment_sentences
from spinealign.wording.curve_pattern import pattern_notes
from spinealign.wording.discs import disc_doubt_lines
from spinealign.wording.examinations import scope_text
from spinealign.wording.labels import picture_lines
from spinealign.wording.measure_rows import (
    grouped,
    measure_lines,
    measure_sentence,
    unmeasurable_lines,
)
from spinealign.wording.points import point_lines
from spinealign.wording.reading_page import reading_lines
from spinealign.wording.series import picture_name


def finding_text(analysis: Analysis) -> str:
    """Return what the results panel says, as lines to paste into a letter or a message."""
    analysis = analysis.without_demonstration
    image = analysis.image
    blocks = [
        [part for part in (headline(analysis), alignment_sentences(analysis)) if part],
        [f"Uncertain: {line}" for line in disc_doubt_lines(analysis.discs)],
        [
            f"Image: {picture_name(image.place)}",
            f"Image type: {examination_line(analysis)}",
            f"Pixel spacing: {spacing_text(image)}",
        ],
        _curves(analysis),
        _probabilities(analysis),
        picture_lines(analysis.labelled, analysis.picture_grade),
        point_lines(analysis.located, analysis.image.spacing_mm),
        _bodies(analysis),
        _regions(analysis),
        _measures(analysis),
        [f"Caution: {caution_text(caution)}" for caution in analysis.cautions],
        [f"Model: {model_text(model)}. {safe_text(model.limits)}" for model in analysis.models],
        [f"SpineAlign {analysis.program_version}, {analysis.created_utc}", DISCLAIMER],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def reading_text(analysis: Analysis, reading: Reading, statements: Sequence[str]) -> str:
    """Return what a reader made of an image, as lines to paste into a letter or a message.

    The program's own findings are left out: they are not what the reader says.

    Parameters
    ----------
    analysis : Analysis
    reading : Reading
        A draft says that it is one.
    statements : sequence of str
        A sentence for each decision.
    """
    blocks = [
        reading_lines(reading, statements),
        [scope_text(analysis)],
        [f"Image: {picture_name(analysis.image.place)}"],
        [f"SpineAlign {analysis.program_version}, {analysis.created_utc}", DISCLAIMER],
    ]
    return "\n\n".join("\n".join(filter(None, block)) for block in blocks if any(block))


def measures_text(analysis: Analysis) -> str:
    """Return the measures as a table of tab-separated lines, for a spreadsheet or a letter."""
    made = f"SpineAlign {analysis.program_version}, {analysis.created_utc}"
    heading = f"Measures of {picture_name(analysis.image.place)} ({made})"
    return "\n".join([heading, *measure_lines(analysis.measurements), DISCLAIMER])


def examination_line(analysis: Analysis) -> str:
    """Return the image type, its source and its confidence."""
    sure = ""
    if analysis.kind_confidence is not None:
        sure = f", confidence {probability_text(analysis.kind_confidence)}"
    return f"{examination_text(analysis.examination)} ({source_text(analysis.decided_by)}{sure})"


def _curves(analysis: Analysis) -> list[str]:
    pattern = pattern_of(analysis)
    return [] if pattern is None else pattern_notes(pattern)


def _probabilities(analysis: Analysis) -> list[str]:
    answer = analysis.classification
    if answer is None:
        return []
    pairs = zip(answer.labels, answer.probabilities, strict=True)
    lines = [f"Probability of {safe_text(name)}: {probability_text(p)}" for name, p in pairs]
    return [*lines, f"Reported from {answer.threshold:.2f}"]


def _bodies(analysis: Analysis) -> list[str]:
    if not analysis.vertebrae:
        return []
    rows = [VERTEBRA_HEADINGS, *(format_vertebra_row(body) for body in analysis.vertebrae)]
    return ["\t".join(row) for row in rows]


def _measures(analysis: Analysis) -> list[str]:
    measured = [m for _, members in grouped(analysis.measurements) for m in members]
    missing = unmeasurable_lines(analysis.measurements)
    return [*map(measure_sentence, measured), *(f"Not measurable: {line}" for line in missing)]


def _regions(analysis: Analysis) -> list[str]:
    if not analysis.regions:
        return []
    rows = [REGION_HEADINGS, *(format_region_row(region) for region in analysis.regions)]
    return ["\t".join(row) for row in rows]
