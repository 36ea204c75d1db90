"""What names the patient in a data set, taken up before anything is removed."""

from __future__ import annotations

from typing import Final

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag

from spinealign.deidentification.identity import Identity
from spinealign.deidentification.options import Options

_NUMBERS: Final = frozenset([
    "PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "AdmissionID",
    "ServiceEpisodeID", "MedicalRecordLocator", "PatientTelephoneNumbers",
    "InsurancePlanIdentification", "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest", "RequestedProcedureID", "ClinicalTrialSubjectID",
    "ReferringPhysicianTelephoneNumbers", "PersonTelephoneNumbers", "MilitaryRank",
    "ContainerIdentifier", "SpecimenIdentifier",
])  # fmt: skip
_PHRASES: Final = frozenset([
    "PatientAddress", "ReferringPhysicianAddress", "PersonAddress", "RequestingService",
    "IssuerOfPatientID", "ResponsibleOrganization", "ClinicalTrialSiteName",
    "CurrentPatientLocation", "PatientInstitutionResidence",
])  # fmt: skip
_INSTITUTION: Final = frozenset(
    ["InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName"]
)
_DEVICE: Final = frozenset(["StationName", "DeviceSerialNumber"])
_MOST_LEVELS: Final = 60


def take_up(dataset: Dataset, options: Options, identity: Identity, level: int = 0) -> None:
    """Add what names the patient, staff and places in a data set and its sequences.

    Parameters
    ----------
    dataset : Dataset
    options : Options
        Institutions and devices that are kept are not looked for elsewhere.
    identity : Identity
        Is added to.
    """
    if level > _MOST_LEVELS:
        return
    phrases = _PHRASES
    if not options.retain_institution:
        phrases |= _INSTITUTION
    if not options.retain_device:
        phrases |= _DEVICE
    for tag in list(dataset.keys()):
        if tag.group % 2:
            continue
        try:
            element = dataset[tag]
        except Exception:  # noqa: BLE001 - damaged values name nobody; the cleaner removes them
            continue
        if element.VR == "SQ":
            for item in element.value or ():
                take_up(item, options, identity, level + 1)
            continue
        keyword = keyword_for_tag(tag)
        values = element.value if element.VM > 1 else [element.value]
        for value in map(str, filter(None, values)):
            if element.VR == "PN":
                identity.add_name(value)
            elif keyword in _NUMBERS:
                identity.add_number(value)
            elif keyword == "PatientBirthDate":
                identity.add_birth_date(value)
            elif keyword in phrases:
                identity.add_phrase(value)
