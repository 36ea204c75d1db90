"""A reading as a structured report: PS3.16 TID 1500, in a Comprehensive SR beside the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from spinealign import __version__
from spinealign.dicom.anatomy import CodedConcept
from spinealign.dicom.codes import (
    ADDENDUM,
    CLASS_FOUND,
    EXAMINATION,
    EXAMINATION_VALUES,
    IMPRESSION,
    IMPRESSIONS,
    NO_PICTURE_FINDING,
    NO_UNITS,
    OTHER_IMAGE,
    PICTURE_FINDING,
    PICTURE_GRADE,
    PROBABILITY,
    body_term,
    disc_term,
)
from spinealign.dicom.contents import Contents, Statement, contents_of
from spinealign.dicom.identifiers import derived_uid, new_uid
from spinealign.dicom.objects import SeriesNumber
from spinealign.dicom.picture import MANUFACTURER
from spinealign.dicom.report_context import image_library, predecessors
from spinealign.dicom.report_items import (
    CONTAINS,
    PROPERTY,
    add_below,
    code_item,
    concept,
    container,
    identify_private_scheme,
    number_item,
    text_item,
)
from spinealign.dicom.segmentation_file import LABEL_MAP_STORAGE
from spinealign.dicom.segments import algorithm_of, outlining_algorithm
from spinealign.dicom.source import SourceImage, source_of
from spinealign.dicom.statements import Scene, algorithm_items, group_items, rejected_item
from spinealign.domain.findings import Analysis, Classification, GradedPicture, LabelledPicture
from spinealign.domain.reading import Reading
from spinealign.domain.report_details import ReportDetails

if TYPE_CHECKING:
    from highdicom.sr import (
        ContentItem,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom import Dataset

SERIES_DESCRIPTION = "SpineAlign measurement report"
_NOT_STATED = "not stated"
_MOST_NAME_LETTERS = 63
"""Of one component group, and the caret that ends it. Source: PS3.5 table 6.2-1."""


def measurement_report(
    analysis: Analysis, details: ReportDetails, segmentation: Dataset | None = None
) -> Dataset:
    """Return the structured report of an analysis and its reading.

    Parameters
    ----------
    analysis : Analysis
    details : ReportDetails
        `reading` says what a reader decided and signed, `dicom` whose image it is where the file
        does not say.
    segmentation : pydicom.Dataset, optional
        The Segmentation object of the same picture: its segments are referred to.

    Returns
    -------
    pydicom.Dataset
        A Comprehensive SR. Signed: COMPLETE, VERIFIED and FINAL, the reader being the verifying
        observer. Else PARTIAL, UNVERIFIED and PRELIMINARY (PS3.3 C.17.2).

    Raises
    ------
    DicomObjectError, ImageReadError
        As `source_of`.
    """
    source = source_of(analysis.image, details.dicom)
    contents = contents_of(analysis, details.reading)
    scene = _scene(analysis, source, details.dicom.uid_root)
    groups, regions = _groups(contents, scene), _segment_groups(segmentation, scene)
    # highdicom copies and searches the whole tree several times: what it needs to see are those
    # groups that refer to an object first.
    report = _content(contents, [*groups[:1], *regions], analysis, details.dicom.uid_root)
    evidence = [source.header, *([segmentation] if segmentation is not None else [])]
    made = _document(evidence, report, contents, details)
    _insert(made, [group[0] for group in groups[1:]], image_library(source))
    if details.dicom.earlier_reports:
        made.PredecessorDocumentsSequence = predecessors(details.dicom.earlier_reports)
    return made


def _insert(report: Dataset, groups: Sequence[ContentItem], library: ContentItem) -> None:
    """Put measurement groups after the first one, and the library before them all, in place."""
    from pydicom import Sequence as Items
    from pydicom.sr.codedict import codes

    name = codes.DCM.ImagingMeasurements.value
    items = list(report.ContentSequence)
    [place] = [i for i, one in enumerate(items) if one.ConceptNameCodeSequence[0].CodeValue == name]
    first, *regions = items[place].ContentSequence
    items[place].ContentSequence = Items([first, *groups, *regions])
    report.ContentSequence = Items([*items[:place], library, *items[place:]])


def _scene(analysis: Analysis, source: SourceImage, uid_root: str) -> Scene:
    kind = analysis.examination
    version = analysis.program_version
    return Scene(
        source,
        frozenset() if kind is None else kind.regions,
        outlining_algorithm(analysis),
        algorithm_of(analysis.disc_model, version),
        uid_root,
    )


# Groups of measurements


def _groups(contents: Contents, scene: Scene) -> list[Any]:
    """Return the measurement groups: kind and levels, each body and disc, the spine, by hand."""
    groups = []
    for key, statements in (
        ("examination", contents.context),
        *contents.places().items(),
        ("spine", contents.of_spine),
        ("drawn", contents.drawn),
    ):
        items = [item for one in statements for item in group_items(one, scene)]
        if items:
            groups.append(_group(key, items, scene, _place_term(statements)))
    if contents.classification is not None:
        items = _class_items(contents.classification)
        groups.append(_group("classification", items, scene))
    if contents.labelled is not None:
        groups.append(_group("picture findings", _label_items(contents.labelled), scene))
    if contents.picture_grade is not None:
        groups.append(_group("picture grade", _grade_items(contents.picture_grade), scene))
    if contents.rejected:
        items = [rejected_item(finding, scene) for finding in contents.rejected]
        groups.append(_group("rejected", items, scene))
    return groups or [_group("examination", [code_item(EXAMINATION, OTHER_IMAGE, CONTAINS)], scene)]


def _place_term(statements: Sequence[Statement]) -> CodedConcept | None:
    levels = statements[0].finding.levels if statements else ()
    bare = [level.removesuffix("?") for level in levels]
    return body_term(bare[0]) if len(bare) == 1 else disc_term(bare)


def _group(
    key: str, items: Iterable[ContentItem], scene: Scene, place: CodedConcept | None = None
) -> Any:
    """Return a group without a region of its own (PS3.16 TID 1501)."""
    from highdicom.sr import (
        FindingSite,
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )

    source, tracking = scene.source, scene.tracking(key)
    frames = None if source.frame_number is None else [source.frame_number]
    group = MeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(tracking.uid, tracking.text),
        finding_type=None if place is None else concept(place),
        finding_sites=None if place is None else [FindingSite(concept(place))],
        source_images=[
            SourceImageForMeasurementGroup(source.sop_class_uid, source.sop_instance_uid, frames)
        ],
    )
    add_below(group[0], items)
    return group


def _class_items(answer: Classification) -> list[ContentItem]:
    """Return what a classifier says of the whole image: the class in words, its probability."""
    algorithm = algorithm_of(answer.model, __version__)
    probability = number_item(PROBABILITY, answer.positive_probability, NO_UNITS, PROPERTY)
    below = [*algorithm_items(algorithm), probability]
    return [text_item(CLASS_FOUND, answer.predicted, CONTAINS, below)]


def _label_items(answer: LabelledPicture) -> list[ContentItem]:
    """Return what is said of several findings of the whole image: each by name, reported or not."""
    algorithm = algorithm_of(answer.model, __version__)
    return [
        text_item(
            PICTURE_FINDING if one.is_present else NO_PICTURE_FINDING,
            one.name,
            CONTAINS,
            [
                *algorithm_items(algorithm),
                number_item(PROBABILITY, one.probability, NO_UNITS, PROPERTY),
            ],
        )
        for one in answer.labels
    ]


def _grade_items(answer: GradedPicture) -> list[ContentItem]:
    """Return the grade of the whole image in words; a single probability where one is clear."""
    below = [*algorithm_items(algorithm_of(answer.model, __version__))]
    if not answer.is_likeliest:
        low, high = answer.middle_half
        return [text_item(PICTURE_GRADE, f"{low} to {high}", CONTAINS, below)]
    below.append(number_item(PROBABILITY, answer.probability, NO_UNITS, PROPERTY))
    return [text_item(PICTURE_GRADE, answer.predicted, CONTAINS, below)]


def _segment_groups(segmentation: Dataset | None, scene: Scene) -> list[Any]:
    """Return a group for each segment (PS3.16 TID 1410), tracked as the segment is.

    None of a label map: readers of reports that do not know its class give the whole report up
    (DCMTK 3.6.7). It is evidence all the same, and tracked alike.
    """
    if segmentation is None or segmentation.SOPClassUID == LABEL_MAP_STORAGE:
        return []
    from highdicom.sr import (
        PlanarROIMeasurementsAndQualitativeEvaluations,
        ReferencedSegmentationFrame,
        SourceImageForSegmentation,
        TrackingIdentifier,
    )

    source = scene.source
    frames = None if source.frame_number is None else [source.frame_number]
    groups = []
    for segment in segmentation.SegmentSequence:
        region = ReferencedSegmentationFrame(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            1,
            int(segment.SegmentNumber),
            SourceImageForSegmentation(source.sop_class_uid, source.sop_instance_uid, frames),
        )
        for item in region:
            for reference in item.get("ReferencedSOPSequence", []):
                # Frame and segment exclude each other (PS3.3 C.18.4), highdicom writes both.
                if "ReferencedSegmentNumber" in reference:
                    del reference.ReferencedFrameNumber
        found = segment.SegmentedPropertyTypeCodeSequence[0]
        group = PlanarROIMeasurementsAndQualitativeEvaluations(
            TrackingIdentifier(segment.TrackingUID, segment.TrackingID),
            referenced_segment=region,
            finding_type=concept(_coded(found)),
        )
        groups.append(group)
    return groups


def _coded(item: Dataset) -> CodedConcept:
    value = item.get("CodeValue") or item.get("LongCodeValue")
    return CodedConcept(str(value), str(item.CodingSchemeDesignator), str(item.CodeMeaning))


# The document


def _content(
    contents: Contents, groups: Sequence[Any], analysis: Analysis, uid_root: str
) -> MeasurementReport:
    from highdicom.sr import LanguageOfContentItemAndDescendants, MeasurementReport
    from pydicom.sr.codedict import codes

    kind = analysis.examination
    procedure = OTHER_IMAGE if kind is None else EXAMINATION_VALUES[kind.kind]
    language = CodedConcept("en", "RFC5646", "English")
    report = MeasurementReport(
        _observers(contents.reading, uid_root),
        concept(procedure),
        list(groups),
        title=codes.DCM.ImagingMeasurementReport,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            concept(language)
        ),
    )
    add_below(report[0], _narrative(contents.reading))
    return report


def _observers(reading: Reading | None, uid_root: str) -> ObservationContext:
    """Return who observed: the reader where one worked on it, and the program always."""
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        ObservationContext,
        ObserverContext,
        PersonObserverIdentifyingAttributes,
    )
    from pydicom.sr.codedict import codes

    device = DeviceObserverIdentifyingAttributes(
        derived_uid("device", MANUFACTURER, __version__, root=uid_root),
        MANUFACTURER,
        MANUFACTURER,
        MANUFACTURER,
    )
    person: ObserverContext | None = None
    if reading is not None and reading.reader.strip():
        name = PersonObserverIdentifyingAttributes(person_name(reading.reader))
        person = ObserverContext(codes.DCM.Person, name)
    return ObservationContext(person, ObserverContext(codes.DCM.Device, device))


def person_name(typed: str) -> str:
    """Return a name as it was typed as one of DICOM: nobody knows which part is the family name."""
    letters = (" " if letter in "^=\\" or not letter.isprintable() else letter for letter in typed)
    return f"{' '.join(''.join(letters).split())[:_MOST_NAME_LETTERS]}^"


def _narrative(reading: Reading | None) -> list[ContentItem]:
    """Return impression and addenda, as they were typed."""
    if reading is None:
        return []
    items = []
    if reading.impression.text.strip():
        impression = text_item(IMPRESSION, reading.impression.text, CONTAINS)
        items.append(container(IMPRESSIONS, [impression]))
    for addendum in reading.addenda:
        head = f"{addendum.reader}, {addendum.added_utc:%Y-%m-%d %H:%M} UTC ({addendum.reason})"
        items.append(text_item(ADDENDUM, f"{head}:\n{addendum.text}", CONTAINS))
    return items


def _document(
    evidence: Sequence[Dataset],
    report: MeasurementReport,
    contents: Contents,
    details: ReportDetails,
) -> Dataset:
    from highdicom.sr import ComprehensiveSR

    root, is_signed = details.dicom.uid_root, contents.status.is_verified
    reading, header = contents.reading, evidence[0]
    hospital = details.institution.name.strip() or str(header.get("InstitutionName") or "")
    made: Dataset = ComprehensiveSR(
        evidence,
        report,
        derived_uid("reports", header.SOPInstanceUID, root=root),
        int(SeriesNumber.REPORT),
        new_uid(root),
        1,
        MANUFACTURER,
        is_complete=is_signed,
        is_final=is_signed,
        is_verified=is_signed,
        institution_name=hospital[:64] or None,
        verifying_observer_name=person_name(reading.reader) if is_signed and reading else None,
        verifying_organization=(hospital or _NOT_STATED)[:64] if is_signed else None,
        performed_procedure_codes=[],
        series_description=SERIES_DESCRIPTION,
        manufacturer_model_name=MANUFACTURER,
        software_versions=__version__,
        specific_character_set="ISO_IR 192",
    )
    if is_signed and reading is not None and reading.signed_utc is not None:
        last = reading.addenda[-1].added_utc if reading.addenda else reading.signed_utc
        observer = made.VerifyingObserverSequence[0]
        observer.VerificationDateTime = f"{last:%Y%m%d%H%M%S.%f}+0000"
    identify_private_scheme(made)
    return made
