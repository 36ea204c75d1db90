"""Image type of a DICOM frame from modality, body part, projection and plane."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from spinealign.domain.examination import (
    OTHER_KINDS,
    Examination,
    ImageKind,
    Modality,
    Plane,
    SpineRegion,
)
from spinealign.imaging.dicom_tags import modality_of, possible_examinations

if TYPE_CHECKING:
    from pydicom import Dataset

_WHOLE_SPINE = (
    r"(?:WHOLE|FULL|ENTIRE|TOTAL|COMPLETE)[-_ ]?SPINE|SPINE[-_ ](?:WHOLE|FULL|ENTIRE|TOTAL)|"
    r"C[-_ ]?T[-_ ]?L[-_ ]?SPINE|SCOLIOSIS|SKOLIOSE|GANZE? WIRBELS\w*|WS[-_ ]GANZ\w*"
)
_NECK = r"C[-_ ]?SPINE|CSP|CERVIC\w*|CERVIK\w*|NECK|HALS\w*|HWS|HEADNECK|CTSPINE"
_LOWER_SPINE = r"[LTS][-_ ]?SPINE|LSP|LUMB\w*|LWS|THORACIC SPINE|BWS|SACR\w*|ISG"
_ANY_SPINE = r"SPINE|SPINAL|WIRBELS\w*|COLUMNA|RACHIS|MYELO\w*"
_FOREIGN = (
    r"CHEST|THORAX|LUNGS?|RIBS?|BREAST|ABDOMEN|ABDOM\w*|PELVIS|BECKEN|HIP|LIVER|PANCREAS|KIDNEYS?|PROSTATE|"
    r"HEART|CARDIAC|BRAIN|HEAD|SKULL|SCHAEDEL|KOPF|FACE|SINUS\w*|ORBITS?|MAXILLA|MANDIBLE|JAW|"
    r"TEETH|DENTAL|EAR|SHOULDER|SCHULTER|CLAVICLE|SCAPULA|HUMERUS|ARM|ELBOW|FOREARM|WRIST|HAND|"
    r"FINGERS?|EXTREMITY|LEG|FEMUR|KNEE|KNIE|TIBIA|ANKLE|FOOT|FUSS|TOES?|CALCANEUS|HEEL|BONE AGE"
)
_REGIONS = (
    ("whole", _WHOLE_SPINE), ("neck", _NECK), ("lower", _LOWER_SPINE), ("spine", _ANY_SPINE),
    ("foreign", _FOREIGN),
)  # fmt: skip
_REGIONS_NAMED: Mapping[str, frozenset[SpineRegion]] = {
    "whole": frozenset({SpineRegion.THORACIC, SpineRegion.LUMBAR}),
    "neck": frozenset({SpineRegion.CERVICAL}),
    "lower": frozenset({SpineRegion.THORACIC, SpineRegion.LUMBAR, SpineRegion.SACRAL}),
    "spine": frozenset(SpineRegion),
    "foreign": frozenset(),
}
"""Parts of the spine that words of a group may mean; those of "whole" mean these and
more."""

_PLANE_OF_PROJECTION = {
    "AP": Plane.CORONAL, "PA": Plane.CORONAL, "LL": Plane.SAGITTAL, "RL": Plane.SAGITTAL
}  # fmt: skip
"""DICOM's View Position (0018,5101) of radiographs; other values leave the plane open."""

_KIND_OF_PROJECTION = dict.fromkeys(
    ("RLO", "LLO", "RAO", "LAO", "RPO", "LPO"), ImageKind.OBLIQUE_FILM
)
"""Projections of a radiograph of the spine that are told by name.

Source: View Position (0018,5101) of CR and DX images, PS3.3 C.8.1.1 and C.8.11.5; the anterior
and posterior obliques are the patient orientations of PS3.16, CID 4010.
"""

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
    known = modality_of(dataset)
    if known is None:
        return None
    possible, _ = possible_examinations(dataset, frame)
    return _of_region(known, possible or (), dataset)


def says_burned_in(dataset: Dataset) -> bool:
    """Tell whether the tags say that text is burnt into the pixels."""
    return str(dataset.get("BurnedInAnnotation") or "").upper() == "YES"


def is_capture(dataset: Dataset) -> bool:
    """Tell whether the file holds a picture of a screen or scan, whatever its modality says."""
    return str(dataset.get("SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)


def _of_region(
    modality: Modality, possible: Sequence[Examination], dataset: Dataset
) -> ImageKind | None:
    """Return the one kind whose regions hold all that the tags may mean, if there is one.

    A kind that shows only some of these regions leaves the question open. A kind that shows
    the whole spine is meant by words for the whole spine only.
    """
    named = _region(dataset)
    if not possible:
        return OTHER_KINDS[modality]
    told = _told_projection(modality, possible, dataset)
    if told is not None and _REGIONS_NAMED.get(named):
        return told
    if not named:
        return None
    regions = _REGIONS_NAMED[named]
    meant = [each for each in possible if named == "whole" or not each.shows_all_regions]
    holding = [each for each in meant if regions and regions <= each.regions]
    if holding:
        return _of_projection(modality, holding, dataset)
    is_open = any(regions & each.regions for each in meant)
    return None if is_open else OTHER_KINDS[modality]


def _of_projection(
    modality: Modality, possible: Sequence[Examination], dataset: Dataset
) -> ImageKind | None:
    """Choose among kinds that hold the region; the plane of a slice has chosen already."""
    plane = None
    if modality is Modality.RADIOGRAPH:
        plane = _PLANE_OF_PROJECTION.get(str(dataset.get("ViewPosition") or "").upper())
        possible = [each for each in possible if _fits_projection(each, plane)]
    if len(possible) == 1:
        return possible[0].image_kind
    return OTHER_KINDS[modality] if plane is not None and not possible else None


def _told_projection(
    modality: Modality, possible: Sequence[Examination], dataset: Dataset
) -> ImageKind | None:
    """Return the kind of a radiograph whose projection no examination lies in."""
    projection = str(dataset.get("ViewPosition") or "").upper()
    plane = _PLANE_OF_PROJECTION.get(projection)
    if modality is not Modality.RADIOGRAPH or any(each.plane is plane for each in possible):
        return None
    return _KIND_OF_PROJECTION.get(projection)


def _fits_projection(examination: Examination, plane: Plane | None) -> bool:
    return examination.assumed_projection if plane is None else examination.plane is plane


def _region(dataset: Dataset) -> str:
    """Return "whole", "neck", "lower", "spine", "foreign", or "" where nothing is said."""
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
