"""Texts shown to users, for the window, the command line and the reports."""

from spinealign.wording.cautions import caution_statement, caution_text
from spinealign.wording.examinations import (
    examination_label,
    examination_text,
    kind_check_text,
    kind_text,
    refusal_message,
    source_text,
)
from spinealign.wording.failures import (
    Message,
    explain,
)
from spinealign.wording.results import (
    DEMONSTRATION_BAND,
    NOT_FOR_DIAGNOSIS,
    NOTHING,
    REGION_HEADINGS,
    demonstration_text,
    format_region_row,
    headline,
    is_demonstration,
    model_text,
    size_text,
    spacing_text,
)
from spinealign.wording.text import (
    as_sentence,
    display_name,
    probability_text,
    safe_text,
)
from spinealign.wording.vertebrae import (
    VERTEBRA_HEADINGS,
    format_vertebra_row,
    is_body_segmentation,
)

__all__ = [
    "DEMONSTRATION_BAND",
    "NOTHING",
    "NOT_FOR_DIAGNOSIS",
    "REGION_HEADINGS",
    "VERTEBRA_HEADINGS",
    "Message",
    "as_sentence",
    "caution_statement",
    "caution_text",
    "demonstration_text",
    "display_name",
    "examination_label",
    "examination_text",
    "explain",
    "format_region_row",
    "format_vertebra_row",
    "headline",
    "is_body_segmentation",
    "is_demonstration",
    "kind_check_text",
    "kind_text",
    "model_text",
    "probability_text",
    "refusal_message",
    "safe_text",
    "size_text",
    "source_text",
    "spacing_text",
]
