"""Identifiers of what is written: new ones for objects, lasting ones for what is tracked."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from spinealign import __version__
from spinealign.domain.dicom_choices import is_uid_root

OWN_ROOT = "2.25"
"""Root of identifiers made of a UUID (PS3.5 annex B.2)."""

IMPLEMENTATION_UID = "2.25.186063208306905113817163396513936190463"
"""Of this program as a DICOM implementation (PS3.7 D.3.3.2); made once from a UUID."""

IMPLEMENTATION_NAME = f"SPINEALIGN_{__version__.replace('.', '')}"[:16]

_LONGEST = 64
_NAMESPACE = uuid.UUID("5d1f3a52-8f5c-4b0e-9a3b-2f4f8c6f7a17")
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Tracking:
    """What ties one finding together in segmentation, report and presentation state.

    Parameters
    ----------
    text : str
        Tracking Identifier (0062,0020).
    uid : str
        Tracking Unique Identifier (0062,0021).
    """

    text: str
    uid: str = field(repr=False)


def new_uid(root: str = "") -> str:
    """Return an identifier that nobody has used.

    Parameters
    ----------
    root : str
        Of an organisation, without the last dot; empty for 2.25.

    Raises
    ------
    ValueError
        The root is none (`is_uid_root`).
    """
    return _numbered(uuid.uuid4(), root)


def derived_uid(*names: str, root: str = "") -> str:
    """Return the identifier that stands for some names, the same at every call.

    Parameters
    ----------
    *names : str
        Their order counts.
    root : str
        As in `new_uid`.
    """
    return _numbered(uuid.uuid5(_NAMESPACE, _SEPARATOR.join(names)), root)


def tracking_of(
    sop_instance_uid: str, frame_number: int | None, algorithm: str, key: str, root: str = ""
) -> Tracking:
    """Return how one finding of one picture is tracked, the same in every object and export.

    Parameters
    ----------
    sop_instance_uid : str
        Of the picture.
    frame_number : int or None
        Counted from 1.
    algorithm : str
        What found it, with its version.
    key : str
        Such as "C5", "L4/L5" or the key of a measure.
    root : str
        As in `new_uid`.
    """
    frame = "" if frame_number is None else str(frame_number)
    return Tracking(key, derived_uid(sop_instance_uid, frame, algorithm, key, root=root))


def _numbered(number: uuid.UUID, root: str) -> str:
    if not is_uid_root(root):
        raise ValueError("no root of identifiers")
    base = root or OWN_ROOT
    digits = str(number.int)[-(_LONGEST - len(base) - 1) :].lstrip("0")
    return f"{base}.{digits or '0'}"
