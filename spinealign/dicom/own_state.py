"""What a segmentation cannot say in pixels: points, names and drawings, in a private attribute.

Archives may take private attributes out; then outlines alone are restored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from spinealign.dicom.program_state import ProgramState, program_state
from spinealign.domain.findings import MOST_BODIES, Analysis, Corrections
from spinealign.json_files import JsonError, parse_json

if TYPE_CHECKING:
    from pydicom import Dataset

PRIVATE_CREATOR: Final = "SPINEALIGN"
"""Of the block (PS3.5 section 7.8.1)."""

_GROUP, _ELEMENT = 0x0071, 0x01
_SCHEMA: Final = "spinealign-segmentation-1"
_MOST_BYTES = 8_000_000
_MOST_CLASSES = 256


@dataclass(frozen=True)
class OwnState:
    """What belongs to the masks of a segmentation of this program's own.

    Parameters
    ----------
    schema : str
    program_version : str
    view : str
        `Analysis.view_name`.
    classes : mapping of str to str
        Mask value to the name of its class, as in `Segmentation.classes`; keys in decimal.
    corrections : Corrections
        Bodies, points and drawings as they are shown; those of the program itself where nobody
        changed anything.
    is_corrected : bool
        Whether a person changed something.
    mask_sha256 : str
        Of the mask, a byte a pixel, row by row as it is shown: outlines that another program
        changed afterwards do not go with these points.
    program : ProgramState or None
        What the program itself said; None in objects of earlier versions.
    """

    schema: Literal["spinealign-segmentation-1"]
    program_version: str
    view: str
    classes: Annotated[Mapping[str, str], Meta(max_length=_MOST_CLASSES)]
    corrections: Corrections
    is_corrected: bool
    mask_sha256: str
    program: ProgramState | None = None


def own_state(analysis: Analysis) -> OwnState:
    """Return what belongs to the masks of an analysis."""
    found = analysis.segmentation
    classes = {} if found is None else {str(value): name for value, name in found.classes.items()}
    return OwnState(
        _SCHEMA,
        analysis.program_version,
        analysis.view_name,
        classes,
        analysis.corrections or analysis.uncorrected,
        analysis.corrections is not None,
        "" if found is None else mask_checksum(found.mask),
        program_state(analysis),
    )


def mask_checksum(mask: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of a mask (H, W)."""
    return hashlib.sha256(np.ascontiguousarray(mask, np.uint8).tobytes()).hexdigest()


def add_own_state(dataset: Dataset, analysis: Analysis) -> None:
    """Put what belongs to the masks into an object, in place."""
    content = msgspec.to_builtins(own_state(analysis))
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    block = dataset.private_block(_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(_ELEMENT, "UT", text)


def read_own_state(dataset: Dataset) -> OwnState | None:
    """Return what belongs to the masks of an object; None where it is not there or not whole."""
    try:
        value = dataset.private_block(_GROUP, PRIVATE_CREATOR)[_ELEMENT].value
    except KeyError:
        return None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > _MOST_BYTES:
        return None
    try:
        found = parse_json(text, OwnState)
    except JsonError:
        return None
    return found if len(found.corrections.vertebrae) <= MOST_BODIES else None
