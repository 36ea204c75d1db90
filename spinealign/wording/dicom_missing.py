"""DICOM objects that were not made, in words."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.errors import SpineAlignError
from spinealign.wording.failures import explain
from spinealign.wording.text import listed

OBJECT_NAMES = {
    "dicom_seg": "segmentation",
    "dicom_sr": "measures and findings",
    "dicom_pr": "lines and labels",
    "dicom_sc": "overlay picture",
    "dicom_pdf": "report document",
    "dicom_source": "the image itself",
}
"""What sentences call a DICOM object, by its kind in the table of exporters."""

REFUSED_OBJECTS = (
    "No DICOM objects were written, because the image was refused: nothing of it belongs in the "
    "archive."
)


def missing_objects_lines(
    missing: Sequence[tuple[str, SpineAlignError]], is_alone: bool = True
) -> tuple[str, ...]:
    """Return which DICOM objects could not be made, and why: one line for each reason.

    Parameters
    ----------
    missing : sequence of (str, SpineAlignError)
        Kinds of objects, each with what kept it from being made.
    is_alone : bool
        Whether the other results were written all the same.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for kind, error in missing:
        kinds.setdefault(_words_of(error), []).append(OBJECT_NAMES[kind])
    rest = " Everything else was written." if is_alone else ""
    return tuple(
        f"{sentence} DICOM objects that could not be made: {listed(names)}.{rest} {advice}"
        for (sentence, advice), names in kinds.items()
    )


def _words_of(error: SpineAlignError) -> tuple[str, str]:
    message = explain(error)
    return message.sentence, message.advice
