"""Queries as data sets, and what peers answer as values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from pydicom import Dataset

from spinealign.domain.network import FoundSeries, FoundStudy, StudyQuery, WorklistItem

_STUDY_TAGS = (
    "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyTime", "StudyDescription",
    "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
)  # fmt: skip
_SERIES_TAGS = (
    "SeriesInstanceUID", "SeriesNumber", "Modality", "SeriesDescription", "BodyPartExamined",
    "NumberOfSeriesRelatedInstances",
)  # fmt: skip
_STEP_TAGS = (
    "ScheduledStationAETitle", "ScheduledProcedureStepStartTime",
    "ScheduledProcedureStepDescription",
)  # fmt: skip


def study_identifier(query: StudyQuery, character_set: str) -> Dataset:
    """Return the identifier of a C-FIND at the level of studies (PS3.4 C.6.2.1)."""
    found = _empty(_STUDY_TAGS)
    found.QueryRetrieveLevel = "STUDY"
    for keyword, value in study_keys(query).items():
        setattr(found, keyword, value)
    return _with_letters(found, character_set)


def study_keys(query: StudyQuery) -> dict[str, str]:
    """Return the matching keys of a query by keyword; an empty text asks for the value."""
    return {
        "PatientName": query.name_key,
        "PatientID": query.patient_id.strip(),
        "AccessionNumber": query.accession_number.strip(),
        "StudyDate": query.dates,
        "ModalitiesInStudy": query.modality,
    }


def web_keys(query: StudyQuery) -> dict[str, str]:
    """Return the matching keys of a query for an address, without empty ones.

    Some servers (Orthanc 1.10) do not decode addresses: signs that would have to be encoded are
    asked for as "*", whatever letters, and what is found is compared with `matches` afterwards.
    """
    keys = {keyword: value for keyword, value in study_keys(query).items() if value}
    return {keyword: _ENCODED.sub("*", value) for keyword, value in keys.items()}


_ENCODED = re.compile(r"[^A-Za-z0-9._~*?-]+")


def matches(study: FoundStudy, query: StudyQuery) -> bool:
    """Whether a study is one that was searched for (PS3.4 C.2.2.2.4), whatever the case."""
    groups = study.patient_name.split("=")
    return (
        any(_is_like(group, query.name_key) for group in groups)
        and _is_like(study.patient_id, query.patient_id.strip())
        and _is_like(study.accession_number, query.accession_number.strip())
    )


def _is_like(value: str, pattern: str) -> bool:
    if not pattern:
        return True
    parts = (_WILD.get(letter) or re.escape(letter) for letter in _folded(pattern))
    return re.fullmatch("".join(parts), _folded(value), re.DOTALL) is not None


_WILD = {"*": ".*", "?": "."}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def series_identifier(study_uid: str) -> Dataset:
    """Return the identifier of a C-FIND for all series of a study."""
    found = _empty(_SERIES_TAGS)
    found.QueryRetrieveLevel = "SERIES"
    found.StudyInstanceUID = study_uid
    return found


def retrieve_identifier(study_uid: str, series_uid: str) -> Dataset:
    """Return the identifier of a C-MOVE or C-GET of a study, or of one series of it."""
    found = Dataset()
    found.QueryRetrieveLevel = "SERIES" if series_uid else "STUDY"
    found.StudyInstanceUID = study_uid
    if series_uid:
        found.SeriesInstanceUID = series_uid
    return found


def worklist_identifier(query: StudyQuery, character_set: str) -> Dataset:
    """Return the identifier of a query of a modality worklist (PS3.4 K.6.1.2)."""
    found = _empty(("PatientBirthDate", "PatientSex", "StudyInstanceUID"))
    found.PatientName, found.PatientID = query.name_key, query.patient_id.strip()
    found.AccessionNumber = query.accession_number.strip()
    found.RequestedProcedureDescription = ""
    step = _empty(_STEP_TAGS)
    step.Modality = query.modality
    step.ScheduledProcedureStepStartDate = query.dates
    found.ScheduledProcedureStepSequence = [step]
    return _with_letters(found, character_set)


def study_of(answer: Dataset) -> FoundStudy:
    """Return a study as a peer described it."""
    modalities = _texts(answer, "ModalitiesInStudy") or _texts(answer, "Modality")
    return FoundStudy(
        study_uid=_text(answer, "StudyInstanceUID"),
        patient_name=_text(answer, "PatientName"),
        patient_id=_text(answer, "PatientID"),
        birth_date=_text(answer, "PatientBirthDate"),
        sex=_text(answer, "PatientSex"),
        date=_text(answer, "StudyDate"),
        time=_text(answer, "StudyTime"),
        description=_text(answer, "StudyDescription"),
        accession_number=_text(answer, "AccessionNumber"),
        modalities=modalities,
        series_count=_count(answer, "NumberOfStudyRelatedSeries"),
        instance_count=_count(answer, "NumberOfStudyRelatedInstances"),
    )


def series_of(answer: Dataset, study_uid: str) -> FoundSeries:
    """Return a series as a peer described it."""
    return FoundSeries(
        study_uid=study_uid,
        series_uid=_text(answer, "SeriesInstanceUID"),
        number=_text(answer, "SeriesNumber"),
        modality=_text(answer, "Modality"),
        description=_text(answer, "SeriesDescription"),
        body_part=_text(answer, "BodyPartExamined"),
        instance_count=_count(answer, "NumberOfSeriesRelatedInstances"),
    )


def worklist_item_of(answer: Dataset) -> WorklistItem:
    """Return an item of a worklist as a peer described it."""
    steps: Any = answer.get("ScheduledProcedureStepSequence") or [Dataset()]
    step = steps[0]
    return WorklistItem(
        patient_name=_text(answer, "PatientName"),
        patient_id=_text(answer, "PatientID"),
        birth_date=_text(answer, "PatientBirthDate"),
        sex=_text(answer, "PatientSex"),
        accession_number=_text(answer, "AccessionNumber"),
        study_uid=_text(answer, "StudyInstanceUID"),
        procedure=_text(answer, "RequestedProcedureDescription")
        or _text(step, "ScheduledProcedureStepDescription"),
        modality=_text(step, "Modality"),
        station=_text(step, "ScheduledStationAETitle"),
        date=_text(step, "ScheduledProcedureStepStartDate"),
        time=_text(step, "ScheduledProcedureStepStartTime"),
    )


def _empty(keywords: Iterable[str]) -> Dataset:
    made = Dataset()
    for keyword in keywords:
        setattr(made, keyword, None if keyword.startswith("NumberOf") else "")
    return made


def _with_letters(identifier: Dataset, character_set: str) -> Dataset:
    """Name the character set where the keys need one: some nodes refuse what they do not know."""
    texts = (str(element.value or "") for element in identifier)
    if not all(text.isascii() for text in texts):
        identifier.SpecificCharacterSet = character_set
    return identifier


def _text(answer: Dataset, keyword: str) -> str:
    """Return a value as text; one that is damaged is left out of what is shown."""
    try:
        value = answer.get(keyword)
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return ""
    if value is None:
        return ""
    if (
        not isinstance(value, str)
        and hasattr(value, "__iter__")
        and not hasattr(value, "components")
    ):
        return "\\".join(map(str, value))
    return str(value).strip()


def _texts(answer: Dataset, keyword: str) -> tuple[str, ...]:
    return tuple(part for part in _text(answer, keyword).split("\\") if part)


def _count(answer: Dataset, keyword: str) -> int | None:
    text = _text(answer, keyword)
    return int(text) if text.isdecimal() else None
