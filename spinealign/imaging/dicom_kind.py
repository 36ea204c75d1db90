"""What DICOM tags say that a frame shows: modality, body part, projection and plane together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from spinealign.domain.image import ImageKind, View
from spinealign.imaging.dicom_tags import RADIOGRAPH_MODALITIES, view_hint

if TYPE_CHECKING:
    from pydicom import Dataset

_NECK = r"C[-_ ]?SPINE|CSP|CERVIC\w*|CERVIK\w*|NECK|HALS\w*|HWS|HEADNECK|CTSPINE"
_LOWER_SPINE = r"[LTS][-_ ]?SPINE|LSP|LUMB\w*|LWS|THORACIC SPINE|BWS|SACR\w*|ISG|WHOLE SPINE"
_ANY_SPINE = r"SPINE|SPINAL|WIRBELS\w*|COLUMNA|RACHIS|MYELO\w*"
_FOREIGN = (
    r"CHEST|THORAX|LUNGS?|RIBS?|BREAST|ABDOMEN|ABDOM\w*|PELVIS|BECKEN|HIP|LIVER|PANCREAS|KIDNEYS?|PROSTATE|"
    r"HEART|CARDIAC|BRAIN|HEAD|SKULL|SCHAEDEL|KOPF|FACE|SINUS\w*|ORBITS?|MAXILLA|MANDIBLE|JAW|"
    r"TEETH|DENTAL|EAR|SHOULDER|SCHULTER|CLAVICLE|SCAPULA|HUMERUS|ARM|ELBOW|FOREARM|WRIST|HAND|"
    r"FINGERS?|EXTREMITY|LEG|FEMUR|KNEE|KNIE|TIBIA|ANKLE|FOOT|FUSS|TOES?|CALCANEUS|HEEL|BONE AGE"
)
_REGIONS = (
    ("neck", _NECK), ("lower", _LOWER_SPINE), ("spine", _ANY_SPINE), ("foreign", _FOREIGN)
)  # fmt: skip
_FRONTAL = frozenset(("AP", "PA"))
_PROJECTIONS = frozenset(("MG", "IO", "PX", "XA", "RF", "DG", "BMD", "RTIMAGE"))
_PICTURES = frozenset(
    ("US", "IVUS", "NM", "PT", "XC", "ES", "SM", "GM", "OP", "OPT", "OCT", "ECG", "SEG", "BDUS",
     "EPS", "HD", "DMS", "TG", "LS", "RTDOSE")
)  # fmt: skip
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "StudyDescription")


def stated_kind(dataset: Dataset, frame: int) -> ImageKind | None:
    """Return what the tags say that the frame shows.

    A modality that other things are stored under too (OT, secondary captures, screen
    shots) says nothing. The body part counts before the descriptions, which may name
    what the whole examination was for; words of the neck count before others, because
    an examination of head and neck shows it.

    Returns
    -------
    ImageKind or None
        None where the tags leave it open.
    """
    modality = str(dataset.get("Modality") or "")
    if is_capture(dataset):
        return None
    if modality in _PICTURES:
        return ImageKind.NONE_OF_THESE
    if modality in _PROJECTIONS:
        return ImageKind.OTHER_RADIOGRAPH
    if modality in RADIOGRAPH_MODALITIES:
        return _of_film(_region(dataset), str(dataset.get("ViewPosition") or ""))
    hint, _ = view_hint(dataset, frame)
    if modality == "CT":
        return ImageKind.OTHER_CT if hint is View.OTHER else _of_ct(_region(dataset))
    if modality == "MR":
        return ImageKind.OTHER_MR if hint is View.OTHER else _of_mr(_region(dataset))
    return None


def says_burned_in(dataset: Dataset) -> bool:
    """Tell whether the tags say that text is burnt into the pixels."""
    return str(dataset.get("BurnedInAnnotation") or "").upper() == "YES"


def is_capture(dataset: Dataset) -> bool:
    """Tell whether the file holds a picture of a screen or scan, whatever its modality says."""
    return str(dataset.get("SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)


def _of_film(region: str, projection: str) -> ImageKind | None:
    if region == "neck":
        is_frontal = projection.upper() in _FRONTAL
        return ImageKind.OTHER_RADIOGRAPH if is_frontal else ImageKind.LATERAL_FILM
    return ImageKind.OTHER_RADIOGRAPH if region in ("lower", "foreign") else None


def _of_ct(region: str) -> ImageKind | None:
    if region == "neck":
        return ImageKind.NECK_CT
    return ImageKind.OTHER_CT if region in ("lower", "foreign") else None


def _of_mr(region: str) -> ImageKind | None:
    if region in ("neck", "lower", "spine"):
        return ImageKind.SPINE_MR
    return ImageKind.OTHER_MR if region == "foreign" else None


def _region(dataset: Dataset) -> str:
    """Return "neck", "lower", "spine", "foreign", or "" where nothing is said."""
    anatomy = dataset.get("AnatomicRegionSequence") or []
    codes = [str(item.get("CodeMeaning") or "") for item in anatomy[:1]]
    body_part = " ".join([str(dataset.get("BodyPartExamined") or ""), *codes])
    named = [body_part, *(str(dataset.get(keyword) or "") for keyword in _DESCRIPTIONS)]
    return next(filter(None, map(_region_in, named)), "")


def _region_in(text: str) -> str:
    said = text.upper()
    found = (
        name for name, words in _REGIONS if re.search(rf"(?<![A-Z])(?:{words})(?![A-Z])", said)
    )
    return next(found, "")
