"""Each statement of a report as items of a group: numbers, grades, doubts, rejections."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spinealign import __version__
from spinealign.dicom.anatomy import CodedConcept
from spinealign.dicom.codes import (
    ABSENT,
    APEX,
    CONVEX_TO,
    DEFORMITY,
    DEFORMITY_VALUES,
    EXAMINATION,
    EXAMINATION_VALUES,
    FINDING_LEVELS,
    GENANT,
    GRADE_TERMS,
    HEIGHT_LOST,
    MEASURE_TERMS,
    METHOD,
    NO_UNITS,
    NOT_DETERMINED,
    OTHER_IMAGE,
    PATIENT_SIDES,
    PICTURE_SIDES,
    PRESENT,
    PROBABILITY,
    REASON_VALUES,
    REJECTED_FINDING,
    SCALE_VALUES,
    SEVERITY,
    SEVERITY_VALUES,
    STATUS,
    STATUS_VALUES,
    UNCERTAIN,
    UNITS,
    body_term,
    disc_term,
    site_terms,
)
from spinealign.dicom.contents import Statement, graphics_of, is_undetermined
from spinealign.dicom.identifiers import Tracking, tracking_of
from spinealign.dicom.report_items import (
    CONTAINS,
    MODIFIER,
    PROPERTY,
    add_below,
    automatic_items,
    code_item,
    concept,
    coordinates,
    judged_items,
    key_item,
    number_item,
    possible_items,
    site_items,
    state_items,
    text_item,
    uncertainty_items,
)
from spinealign.dicom.segments import Algorithm
from spinealign.dicom.source import SourceImage
from spinealign.domain.discs import GradeName
from spinealign.domain.examination import ExaminationKind, SpineRegion
from spinealign.domain.measurements import CurveShape
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import (
    Decision,
    Finding,
    FindingKind,
    FindingValue,
    GradeValue,
    NameValue,
    NumberValue,
    PresenceValue,
)
from spinealign.reading.findings import is_drawn

if TYPE_CHECKING:
    from highdicom.sr import AlgorithmIdentification, ContentItem, Measurement

_INTERVAL_NOTE = "uncertainty = 95 % interval"
_BY_HAND = "by hand"


@dataclass(frozen=True, eq=False)
class Scene:
    """What statements are told of.

    Parameters
    ----------
    source : SourceImage
    regions : collection of SpineRegion
        What the image shows.
    algorithm, disc_algorithm : Algorithm
        What outlined and measured, and what graded discs.
    uid_root : str
    """

    source: SourceImage
    regions: Collection[SpineRegion]
    algorithm: Algorithm
    disc_algorithm: Algorithm
    uid_root: str = ""

    def tracking(self, key: str, algorithm: str | None = None) -> Tracking:
        """Return how a finding, a body or a disc is tracked."""
        name = self.algorithm.tracking_name if algorithm is None else algorithm
        source = self.source
        uid, frame = source.sop_instance_uid, source.frame_number
        return tracking_of(uid, frame, name, key, self.uid_root)


def algorithm_items(algorithm: Algorithm, *notes: str) -> AlgorithmIdentification:
    """Return name, version and parameters of what gave a value (PS3.16 TID 4019)."""
    from highdicom.sr import AlgorithmIdentification

    parameters = [*algorithm.parameters, f"program=SpineAlign {__version__}", *notes]
    return AlgorithmIdentification(algorithm.name, algorithm.version, parameters)


def sites_of(finding: Finding, scene: Scene) -> list[CodedConcept]:
    """Return where a finding is."""
    is_measure = finding.kind is FindingKind.MEASURE
    code = MeasureCode(finding.code) if is_measure else None
    levels = [level.removesuffix("?") for level in finding.levels]
    return site_terms(code, levels, scene.regions)


def group_items(statement: Statement, scene: Scene) -> list[ContentItem]:
    """Return what a statement adds to its measurement group, in the order it is read."""
    finding = statement.finding
    if is_undetermined(finding):
        return [undetermined_item(finding, scene)]
    if finding.kind is FindingKind.MEASURE:
        return [*number_of(statement, scene), *_severity_items(statement, scene)]
    if finding.kind in (FindingKind.DISC_GRADE, FindingKind.HEIGHT_LOSS):
        return [_grade_item(statement, scene)]
    return [_context_item(statement)]


# Numbers


def number_of(statement: Statement, scene: Scene) -> Measurement:
    """Return a measure with unit, method, site, uncertainty, meaning, points and origin."""
    from highdicom.sr import FindingSite, Measurement, TrackingIdentifier

    finding, value = statement.finding, statement.finding.value
    assert isinstance(value, NumberValue)
    terms = MEASURE_TERMS[MeasureCode(finding.code)]
    origin, by = (_BY_HAND, None) if statement.is_by_person else (None, scene.algorithm)
    tracking = scene.tracking(finding.key, origin)
    measure = statement.measure
    graphics = () if measure is None else graphics_of(measure)
    made = Measurement(
        concept(terms.concept),
        float(value.value),
        concept(UNITS[value.unit]),
        tracking_identifier=TrackingIdentifier(tracking.uid, tracking.text),
        method=concept(terms.method),
        finding_sites=[FindingSite(concept(site)) for site in sites_of(finding, scene)],
        referenced_coordinates=coordinates(graphics, scene.source) or None,
        algorithm_id=None if by is None else algorithm_items(by, _INTERVAL_NOTE),
    )
    below = (state_items, automatic_items)
    add_below(
        made[0],
        [
            *(item for items in below for item in items(statement)),
            *judged_items(finding),
            *uncertainty_items(value),
            *_curve_items(finding.curve),
        ],
    )
    return made


def _curve_items(curve: CurveShape | None) -> list[ContentItem]:
    """Return apex and side of a curve: the patient's where the file says it, else the picture's."""
    if curve is None:
        return []
    apex = disc_term(curve.apex) if len(curve.apex) > 1 else body_term(curve.apex[0])
    side = PICTURE_SIDES[curve.convex_to]
    if curve.patient_side is not None:
        side = PATIENT_SIDES[curve.patient_side]
    named = [] if apex is None else [code_item(APEX, apex, PROPERTY)]
    return [*named, code_item(CONVEX_TO, side, PROPERTY)]


def _severity_items(statement: Statement, scene: Scene) -> list[ContentItem]:
    severity = statement.finding.severity
    if severity is None:
        return []
    method = MEASURE_TERMS[MeasureCode(statement.finding.code)].method
    below = [
        code_item(METHOD, method, MODIFIER),
        *site_items(sites_of(statement.finding, scene)),
        code_item(STATUS, STATUS_VALUES[statement.state], MODIFIER),
        *possible_items(severity.is_possible),
    ]
    return [code_item(SEVERITY, SEVERITY_VALUES[severity.grade], CONTAINS, below)]


# Grades, kind of examination, levels


def _grade_item(statement: Statement, scene: Scene) -> ContentItem:
    finding, value = statement.finding, statement.finding.value
    if isinstance(value, GradeValue):
        said = SCALE_VALUES[value.scale, value.grade]
    else:
        said = PRESENT if isinstance(value, PresenceValue) and value.is_present else ABSENT
    below = [*site_items(sites_of(finding, scene)), *state_items(statement), key_item(finding)]
    if not statement.is_by_person:
        is_disc = finding.kind is FindingKind.DISC_GRADE
        below += algorithm_items(scene.disc_algorithm if is_disc else scene.algorithm)
    below += [*automatic_items(statement), *judged_items(finding)]
    below += _graded_items(finding)
    return code_item(grade_term(finding), said, CONTAINS, below)


def _graded_items(finding: Finding) -> list[ContentItem]:
    """Return probability, shape and lost height of what the program graded."""
    value, loss, items = finding.value, finding.height_loss, []
    probability = probability_of(value)
    if probability is not None:
        items.append(number_item(PROBABILITY, probability, NO_UNITS, PROPERTY))
    if isinstance(value, GradeValue) and value.percent is not None:
        items.append(number_item(HEIGHT_LOST, value.percent, UNITS["%"], PROPERTY))
    if loss is not None:
        items.append(code_item(DEFORMITY, DEFORMITY_VALUES[loss.deformity], PROPERTY))
    return [*items, *possible_items(finding.is_possible)]


def probability_of(value: FindingValue | None) -> float | None:
    """Return how likely the stated value is, 0..1: of an absent finding, that it is absent."""
    if isinstance(value, PresenceValue) and value.probability is not None:
        return value.probability if value.is_present else 1 - value.probability
    return value.probability if isinstance(value, GradeValue) else None


def grade_term(finding: Finding) -> CodedConcept:
    """Return what is graded."""
    if finding.kind is FindingKind.HEIGHT_LOSS:
        return GENANT
    return GRADE_TERMS[GradeName(finding.code)]


def _context_item(statement: Statement) -> ContentItem:
    finding, value = statement.finding, statement.finding.value
    assert isinstance(value, NameValue)
    below = [*state_items(statement), key_item(finding), *automatic_items(statement)]
    if finding.kind is FindingKind.LEVELS:
        return text_item(FINDING_LEVELS, value.name, CONTAINS, below)
    kinds = {kind.value: kind for kind in ExaminationKind}
    known = EXAMINATION_VALUES[kinds[value.name]] if value.name in kinds else OTHER_IMAGE
    return code_item(EXAMINATION, known, CONTAINS, below)


# What does not hold


def _subject(finding: Finding) -> CodedConcept:
    """Return which measure or grade a finding is, whatever it says."""
    if finding.kind is FindingKind.MEASURE:
        return MEASURE_TERMS[MeasureCode(finding.code)].method
    if finding.kind is FindingKind.EXAMINATION:
        return EXAMINATION
    return FINDING_LEVELS if finding.kind is FindingKind.LEVELS else grade_term(finding)


def undetermined_item(finding: Finding, scene: Scene) -> ContentItem:
    """Return that a measure or grade is not determined, and why: never a number without a value.

    A NUM without a value is legal (PS3.3 C.18.1), and several readers of reports fail on it.
    """
    why = finding.unmeasurable
    reason = UNCERTAIN if why is None else REASON_VALUES[why.reason]
    below = [
        code_item(METHOD, _subject(finding), MODIFIER),
        *site_items(sites_of(finding, scene)),
        key_item(finding),
    ]
    return code_item(NOT_DETERMINED, reason, CONTAINS, below)


def rejected_item(finding: Finding, scene: Scene) -> ContentItem:
    """Return which statement of the program the reader rejected: what it said is not repeated.

    Whose statement it was stays, so that it is not held against another network.
    """
    below = [
        *site_items(sites_of(finding, scene)),
        code_item(STATUS, STATUS_VALUES[Decision.REJECTED], MODIFIER),
        key_item(finding),
    ]
    if not is_drawn(finding):
        is_disc = finding.kind is FindingKind.DISC_GRADE
        below += algorithm_items(scene.disc_algorithm if is_disc else scene.algorithm)
    return code_item(REJECTED_FINDING, _subject(finding), CONTAINS, below)
