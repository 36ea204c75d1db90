"""Coded terms of DICOM objects: places, measures, units, grades, and what a reader did.

One table. A code is taken from PS3.16 (as in pydicom's dictionaries of the standard) or from
RadElement where there is one; else it is of `PRIVATE_SCHEME`, which every object that uses it
identifies in its Coding Scheme Identification Sequence. SNOMED CT codes outside the standard's free
set are not used: they need a licence in many countries.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from spinealign.dicom.anatomy import (
    PRIVATE_SCHEME,
    SPINE,
    CodedConcept,
    StructureKind,
    anatomy_code,
)
from spinealign.domain.discs import GradeName
from spinealign.domain.examination import (
    EXAMINATIONS,
    LEVEL_SEQUENCE,
    ExaminationKind,
    SpineRegion,
)
from spinealign.domain.height_loss import BodyDeformity
from spinealign.domain.measurements import MeasureState, PictureSide, UnmeasurableReason
from spinealign.domain.measures import (
    MEASURES,
    Extent,
    MeasureCode,
    MeasureGroup,
    SeverityGrade,
)
from spinealign.domain.reading import Decision, GradeScale, Normality
from spinealign.wording.examinations import examination_text

PRIVATE_SCHEME_NAME = "SpineAlign measures, grades and states of a reading"

LONGEST_CODE = 16
"""Letters of a Code Value, SH. Source: PS3.5 table 6.2-1."""


def _sct(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, "SCT", meaning)


def _dcm(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, "DCM", meaning)


def _own(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value, PRIVATE_SCHEME, meaning)


# Places

SACRUM = anatomy_code(StructureKind.VERTEBRA, "S1")
CANAL = anatomy_code(StructureKind.CANAL, None)
CORD = _sct("2748008", "Spinal cord")
FEMORAL_HEAD_SITE = _sct("2812003", "Femoral head")

REGIONS: Mapping[SpineRegion, CodedConcept] = MappingProxyType(
    {
        SpineRegion.CERVICAL: _sct("122494005", "Cervical spine"),
        SpineRegion.THORACIC: _sct("122495006", "Thoracic spine"),
        SpineRegion.LUMBAR: _sct("122496007", "Lumbar spine"),
        SpineRegion.SACRAL: SACRUM,
    }
)
"""Parts of the spine. Source: PS3.16 CID 4031."""


def body_term(level: str) -> CodedConcept | None:
    """Return the code of a body by its level; None for a number or a level nobody confirmed."""
    return anatomy_code(StructureKind.VERTEBRA, level) if level in LEVEL_SEQUENCE else None


def disc_term(levels: Sequence[str]) -> CodedConcept | None:
    """Return the code of the disc between two bodies; None where they are no neighbours."""
    found = anatomy_code(StructureKind.DISC, "/".join(levels))
    return found if found.scheme != PRIVATE_SCHEME else None


def site_terms(
    code: MeasureCode | None, levels: Sequence[str], regions: Collection[SpineRegion] = ()
) -> list[CodedConcept]:
    """Return the finding sites of a measure: its disc, its bodies from the top, else a region.

    Parameters
    ----------
    code : MeasureCode or None
        None for a grade, of a disc or a body.
    levels : sequence of str
        Bodies measured.
    regions : collection of SpineRegion
        What the image shows; only one is told, several are the spine.
    """
    if code is MeasureCode.FEMORAL_HEADS:
        return [FEMORAL_HEAD_SITE]
    is_of_disc = code is None or MEASURES[code].extent is Extent.DISC
    disc = disc_term(levels) if is_of_disc else None
    bodies = [term for level in levels if (term := body_term(level)) is not None]
    found = bodies if disc is None else [disc]
    if code is not None and MEASURES[code].group is MeasureGroup.CANAL:
        return [CANAL, *found]
    if found:
        return found
    return [REGIONS[next(iter(regions))]] if len(regions) == 1 else [SPINE]


# Measures

COBB_ANGLE = _sct("285285000", "Cobb angle")
ANGLE = _dcm("110859", "Angle")
DISTANCE = _dcm("121206", "Distance")
HEIGHT = _dcm("121207", "Height")
DIAMETER = _sct("81827009", "Diameter")
AREA = _sct("42798000", "Area")
PROBABILITY = _dcm("122157", "Probability")


class MeasureTerms(NamedTuple):
    """How a measure is coded.

    Parameters
    ----------
    concept : CodedConcept
        Name of the number: the nearest general concept of PS3.16, so that other programs know
        what kind of number it is.
    method : CodedConcept
        Measurement Method: which measure of this program it is, exactly.
    """

    concept: CodedConcept
    method: CodedConcept


_Coded = tuple[CodedConcept | None, str, str]
_METHODS: Mapping[MeasureCode, _Coded] = {
    MeasureCode.COBB_C2_C7: (COBB_ANGLE, "COBB_C2_C7", "Cobb angle C2-C7, inferior endplates"),
    MeasureCode.COBB_C2_C6: (COBB_ANGLE, "COBB_C2_C6", "Cobb angle C2-C6, inferior endplates"),
    MeasureCode.COBB_C2_LOWEST: (
        COBB_ANGLE, "COBB_C2_LOWEST", "Cobb angle from C2 to the lowest body, inferior endplates",
    ),
    MeasureCode.POSTERIOR_TANGENT: (ANGLE, "POST_TANGENT", "Angle of posterior tangents"),
    MeasureCode.BODY_SEGMENTAL_ANGLE: (ANGLE, "SEGMENT_ANGLE", "Segmental angle, body to body"),
    MeasureCode.DISC_ANGLE: (
        ANGLE, "DISC_ANGLE", "Disc angle, between the endplates that face a disc",
    ),
    MeasureCode.SAGITTAL_VERTICAL_AXIS: (DISTANCE, "SVA_C2_C7", "Sagittal vertical axis C2-C7"),
    MeasureCode.C7_SLOPE: (ANGLE, "C7_SLOPE", "C7 slope, superior endplate to the horizontal"),
    MeasureCode.T1_SLOPE: (ANGLE, "T1_SLOPE", "T1 slope, superior endplate to the horizontal"),
    MeasureCode.T1_SLOPE_MINUS_LORDOSIS: (ANGLE, "T1S_MINUS_CL", "T1 slope minus C2-C7 lordosis"),
    MeasureCode.TRANSLATION: (DISTANCE, "TRANSLATION", "Translation between neighbouring bodies"),
    MeasureCode.BODY_HEIGHT_ANTERIOR: (
        HEIGHT, "BODY_ANTERIOR", "Anterior height of a vertebral body",
    ),
    MeasureCode.BODY_HEIGHT_MIDDLE: (HEIGHT, "BODY_MIDDLE", "Middle height of a vertebral body"),
    MeasureCode.BODY_HEIGHT_POSTERIOR: (
        HEIGHT, "BODY_POSTERIOR", "Posterior height of a vertebral body",
    ),
    MeasureCode.BODY_HEIGHT_RATIO: (None, "BODY_RATIO", "Anterior over posterior body height"),
    MeasureCode.MIDDLE_HEIGHT_RATIO: (None, "MIDDLE_RATIO", "Middle over posterior body height"),
    MeasureCode.HEIGHT_TO_NEIGHBOURS: (None, "NEIGHBOUR_RATIO", "Body height over its neighbours'"),
    MeasureCode.DISC_HEIGHT: (HEIGHT, "DISC_HEIGHT", "Height of an intervertebral disc"),
    MeasureCode.DISC_HEIGHT_RATIO: (None, "DISC_RATIO", "Disc height over that of the disc below"),
    MeasureCode.LUMBAR_LORDOSIS_L1_S1: (
        COBB_ANGLE, "LL_L1_S1", "Lumbar lordosis L1-S1, superior endplates",
    ),
    MeasureCode.LUMBAR_LORDOSIS_L1_L5: (COBB_ANGLE, "LL_L1_L5", "Lumbar lordosis L1-L5"),
    MeasureCode.DISC_HEIGHT_INDEX: (None, "DISC_INDEX", "Disc height index"),
    MeasureCode.LISTHESIS_PERCENT: (
        None, "LISTHESIS_PCT", "Slip in per cent of the endplate below",
    ),
    MeasureCode.CANAL_DIAMETER: (
        DIAMETER, "CANAL_DIAMETER", "Sagittal diameter of the spinal canal at a disc",
    ),
    MeasureCode.CANAL_DIAMETER_BEHIND_BODY: (
        DIAMETER, "CANAL_AT_BODY", "Sagittal diameter of the spinal canal behind a body",
    ),
    MeasureCode.CANAL_RATIO: (
        None, "CANAL_RATIO", "Canal diameter at a disc over that behind the body above",
    ),
    MeasureCode.THORACIC_KYPHOSIS_T4_T12: (COBB_ANGLE, "TK_T4_T12", "Thoracic kyphosis T4-T12"),
    MeasureCode.THORACIC_KYPHOSIS_T5_T12: (COBB_ANGLE, "TK_T5_T12", "Thoracic kyphosis T5-T12"),
    MeasureCode.LUMBAR_LORDOSIS_L4_S1: (
        COBB_ANGLE, "LL_L4_S1", "Lumbar lordosis L4-S1, superior endplates",
    ),
    MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1: (
        DISTANCE, "SVA_C7_S1", "Sagittal vertical axis C7-S1",
    ),
    MeasureCode.SACRAL_SLOPE: (ANGLE, "SACRAL_SLOPE", "Sacral slope"),
    MeasureCode.PELVIC_TILT: (ANGLE, "PELVIC_TILT", "Pelvic tilt"),
    MeasureCode.PELVIC_INCIDENCE: (ANGLE, "PELVIC_INCIDENCE", "Pelvic incidence"),
    MeasureCode.PELVIC_INCIDENCE_MINUS_LORDOSIS: (
        ANGLE, "PI_MINUS_LL", "Pelvic incidence minus L1-S1 lordosis",
    ),
    MeasureCode.DRAWN_DISTANCE: (DISTANCE, "DRAWN_DISTANCE", "Distance drawn by a person"),
    MeasureCode.DRAWN_ANGLE: (ANGLE, "DRAWN_ANGLE", "Angle of three points drawn by a person"),
    MeasureCode.DRAWN_COBB: (COBB_ANGLE, "DRAWN_COBB", "Angle between two lines drawn by a person"),
    MeasureCode.DRAWN_AREA: (AREA, "DRAWN_AREA", "Area of a polygon drawn by a person"),
    MeasureCode.DRAWN_RECTANGLE: (AREA, "DRAWN_RECTANGLE", "Area of a rectangle drawn by a person"),
    MeasureCode.DRAWN_ELLIPSE: (AREA, "DRAWN_ELLIPSE", "Area of an ellipse drawn by a person"),
    MeasureCode.FEMORAL_HEADS: (DISTANCE, "FEMORAL_HEADS", "Femoral heads placed by a person"),
    MeasureCode.CURVE_PROXIMAL_THORACIC: (
        COBB_ANGLE, "CURVE_PT", "Cobb angle of a proximal thoracic curve",
    ),
    MeasureCode.CURVE_MAIN_THORACIC: (
        COBB_ANGLE, "CURVE_MT", "Cobb angle of a main thoracic curve",
    ),
    MeasureCode.CURVE_THORACOLUMBAR: (
        COBB_ANGLE, "CURVE_TL", "Cobb angle of a thoracolumbar curve",
    ),
    MeasureCode.CURVE_LUMBAR: (COBB_ANGLE, "CURVE_L", "Cobb angle of a lumbar curve"),
    MeasureCode.CURVE_FURTHER: (
        COBB_ANGLE, "CURVE_F", "Cobb angle of a further curve of one part of the spine",
    ),
    MeasureCode.CURVE_UNNAMED: (
        COBB_ANGLE, "CURVE_U", "Cobb angle of the largest curve, levels uncertain",
    ),
    MeasureCode.T1_TILT: (ANGLE, "T1_TILT", "T1 tilt on a frontal film"),
    MeasureCode.L5_TILT: (ANGLE, "L5_TILT", "L5 tilt on a frontal film"),
    MeasureCode.CORONAL_BALANCE: (
        DISTANCE, "CORONAL_BALANCE", "C7 plumb line to central sacral vertical line",
    ),
    MeasureCode.TRUNK_SHIFT: (DISTANCE, "TRUNK_SHIFT", "Trunk shift on a frontal film"),
    MeasureCode.APICAL_TRANSLATION: (DISTANCE, "APICAL_TRANSL", "Apical vertebral translation"),
    MeasureCode.CHALLENGE_COBB_1: (COBB_ANGLE, "AASCE_COBB_1", "Cobb angle 1, AASCE challenge"),
    MeasureCode.CHALLENGE_COBB_2: (COBB_ANGLE, "AASCE_COBB_2", "Cobb angle 2, AASCE challenge"),
    MeasureCode.CHALLENGE_COBB_3: (COBB_ANGLE, "AASCE_COBB_3", "Cobb angle 3, AASCE challenge"),
    MeasureCode.PLUMB_POINTS: (DISTANCE, "PLUMB_POINTS", "C7 and S1 placed by a person"),
    MeasureCode.CHEST_EDGES: (DISTANCE, "CHEST_EDGES", "Edges of the chest placed by a person"),
}  # fmt: skip
"""Name of the number, and the private code and meaning of the method.

Without a name there is no general concept in PS3.16: the method is the name then.
"""

MEASURE_TERMS: Mapping[MeasureCode, MeasureTerms] = MappingProxyType(
    {
        code: MeasureTerms(concept or _own(value, words), _own(value, words))
        for code, (concept, value, words) in _METHODS.items()
    }
)
"""How every measure of the program is coded."""

UNITS: Mapping[str, CodedConcept] = MappingProxyType(
    {
        "deg": CodedConcept("deg", "UCUM", "degree"),
        "mm": CodedConcept("mm", "UCUM", "millimeter"),
        "mm²": CodedConcept("mm2", "UCUM", "square millimeter"),
        "%": CodedConcept("%", "UCUM", "percent"),
        "": CodedConcept("{ratio}", "UCUM", "ratio"),
        "px": CodedConcept("{pixels}", "UCUM", "pixels"),
        "px²": CodedConcept("{square_pixels}", "UCUM", "square pixels"),
    }
)
"""Units of `Measurement.unit` in the Unified Code for Units of Measure (PS3.16 CID 7181, 7183)."""

NO_UNITS = CodedConcept("1", "UCUM", "no units")


SITE = _sct("363698007", "Finding Site")
METHOD = _sct("370129005", "Measurement Method")
UPPER = _sct("371886008", "+, range of upper measurement uncertainty")
LOWER = _sct("371885007", "-, range of lower measurement uncertainty")
LOWEST_NORMAL = _sct("385524004", "Normal Range Lower Limit")
HIGHEST_NORMAL = _sct("371933006", "Normal Range Upper Limit")
RANGE_AUTHORITY = _dcm("121408", "Normal Range Authority")
"""What is said of a number. Source: PS3.16 TID 300, CID 223 and CID 225."""


# Grades and findings

PRESENT, ABSENT = _sct("52101004", "Present"), _sct("272519000", "Absent")

GRADE_TERMS: Mapping[GradeName, CodedConcept] = MappingProxyType(
    {
        GradeName.PFIRRMANN: CodedConcept(
            "RDES281", "RADELEMENT", "Pfirrmann Spine Disc Degeneration Classification on MR"
        ),
        GradeName.NARROWING: _own("DISC_NARROWING", "Disc narrowing"),
        GradeName.BULGING: _own("DISC_BULGING", "Disc bulging"),
        GradeName.HERNIATION: _own("DISC_HERNIATION", "Disc herniation"),
        GradeName.SPONDYLOLISTHESIS: _own("LISTHESIS", "Spondylolisthesis"),
        GradeName.UPPER_ENDPLATE: _own("UPPER_ENDPLATE", "Change of the upper endplate"),
        GradeName.LOWER_ENDPLATE: _own("LOWER_ENDPLATE", "Change of the lower endplate"),
        GradeName.MODIC: _own("MODIC_CHANGE", "Modic change"),
    }
)
"""What is graded in each disc."""

GENANT = _own("GENANT", "Height loss of a vertebral body, Genant's grade")
DEFORMITY = _own("DEFORMITY", "Shape of a vertebral body that lost height")
APEX = _own("CURVE_APEX", "Apex of a curve of the spine")
CONVEX_TO = _own("CURVE_CONVEX_TO", "Side to which a curve is convex")
HEIGHT_LOST = _own("HEIGHT_LOST", "Height lost, in per cent")

SCALE_VALUES: Mapping[tuple[GradeScale, int], CodedConcept] = MappingProxyType(
    {
        (GradeScale.PFIRRMANN, grade): _own(f"PFIRRMANN_{grade}", f"Pfirrmann grade {grade}")
        for grade in range(1, 6)
    }
    | {
        (GradeScale.GENANT, grade): _own(f"GENANT_{grade}", f"Genant grade {grade}")
        for grade in range(4)
    }
)
"""Whole grades of published scales. Source: Pfirrmann 2001, Genant 1993."""

DEFORMITY_VALUES: Mapping[BodyDeformity, CodedConcept] = MappingProxyType(
    {
        BodyDeformity.WEDGE: _own("WEDGE", "Wedge deformity"),
        BodyDeformity.BICONCAVE: _own("BICONCAVE", "Biconcave deformity"),
        BodyDeformity.CRUSH: _own("CRUSH", "Crush deformity"),
    }
)

LEFT, RIGHT = _sct("7771000", "Left"), _sct("24028007", "Right")
PATIENT_SIDES: Mapping[PictureSide, CodedConcept] = MappingProxyType(
    {PictureSide.LEFT: LEFT, PictureSide.RIGHT: RIGHT}
)
PICTURE_SIDES: Mapping[PictureSide, CodedConcept] = MappingProxyType(
    {
        PictureSide.LEFT: _own("PICTURE_LEFT", "Left of the picture, whose side is not known"),
        PictureSide.RIGHT: _own("PICTURE_RIGHT", "Right of the picture, whose side is not known"),
    }
)
"""What a side of the picture is called where the file does not say whose side it is."""

SEVERITY = _own("SEVERITY", "Grade by a published threshold")
_SEVERITIES = {
    SeverityGrade.AXIS_OVER_40_MM: ("SVA_OVER_40", "Sagittal vertical axis of 40 mm or more"),
    SeverityGrade.AMES_0: ("AMES_0", "Ames modifier 0"),
    SeverityGrade.AMES_1: ("AMES_1", "Ames modifier 1"),
    SeverityGrade.AMES_2: ("AMES_2", "Ames modifier 2"),
    SeverityGrade.KYPHOTIC_AGAINST_NEIGHBOURS: ("KYPHOTIC_11", "11° or more against neighbours"),
    SeverityGrade.TRANSLATION_OVER_3_5_MM: ("SHIFT_OVER_3_5", "Translation of 3.5 mm or more"),
    SeverityGrade.MEYERDING_1: ("MEYERDING_1", "Meyerding grade 1"),
    SeverityGrade.MEYERDING_2: ("MEYERDING_2", "Meyerding grade 2"),
    SeverityGrade.MEYERDING_3: ("MEYERDING_3", "Meyerding grade 3"),
    SeverityGrade.MEYERDING_4: ("MEYERDING_4", "Meyerding grade 4"),
    SeverityGrade.SPONDYLOPTOSIS: ("SPONDYLOPTOSIS", "Spondyloptosis"),
    SeverityGrade.ABSOLUTE_STENOSIS: ("STENOSIS_ABS", "Absolute stenosis of the spinal canal"),
    SeverityGrade.RELATIVE_STENOSIS: ("STENOSIS_REL", "Relative stenosis of the spinal canal"),
    SeverityGrade.CANAL_BELOW_ONE_THIRD: (
        "CANAL_UNDER_1_3", "Spinal canal narrowed by more than two thirds",
    ),
    SeverityGrade.CANAL_BELOW_TWO_THIRDS: (
        "CANAL_UNDER_2_3", "Spinal canal narrowed by one to two thirds",
    ),
    SeverityGrade.GENANT_1: ("GENANT_1", "Genant grade 1"),
    SeverityGrade.GENANT_2: ("GENANT_2", "Genant grade 2"),
    SeverityGrade.GENANT_3: ("GENANT_3", "Genant grade 3"),
    SeverityGrade.SVA_UNDER_40_MM: ("SRS_SVA_0", "SRS-Schwab global alignment 0"),
    SeverityGrade.SVA_40_TO_95_MM: ("SRS_SVA_1", "SRS-Schwab global alignment +"),
    SeverityGrade.SVA_OVER_95_MM: ("SRS_SVA_2", "SRS-Schwab global alignment ++"),
    SeverityGrade.TILT_UNDER_20: ("SRS_PT_0", "SRS-Schwab pelvic tilt 0"),
    SeverityGrade.TILT_20_TO_30: ("SRS_PT_1", "SRS-Schwab pelvic tilt +"),
    SeverityGrade.TILT_OVER_30: ("SRS_PT_2", "SRS-Schwab pelvic tilt ++"),
    SeverityGrade.MISMATCH_UNDER_10: ("SRS_PI_LL_0", "SRS-Schwab PI minus LL 0"),
    SeverityGrade.MISMATCH_10_TO_20: ("SRS_PI_LL_1", "SRS-Schwab PI minus LL +"),
    SeverityGrade.MISMATCH_OVER_20: ("SRS_PI_LL_2", "SRS-Schwab PI minus LL ++"),
    SeverityGrade.CURVE_UNDER_10: ("CURVE_UNDER_10", "Curve under 10°, no scoliosis"),
    SeverityGrade.CURVE_10_TO_25: ("CURVE_10_TO_25", "Curve of 10 to 25°"),
    SeverityGrade.CURVE_25_TO_45: ("CURVE_25_TO_45", "Curve of 25 to 45°"),
    SeverityGrade.CURVE_OVER_45: ("CURVE_OVER_45", "Curve of 45° or more"),
    SeverityGrade.IMBALANCE_OVER_20_MM: ("IMBALANCE_20", "Coronal imbalance of 20 mm or more"),
}  # fmt: skip
SEVERITY_VALUES: Mapping[SeverityGrade, CodedConcept] = MappingProxyType(
    {grade: _own(*words) for grade, words in _SEVERITIES.items()}
)

NORMALITY = _dcm("121402", "Normality")
ABNORMAL = _sct("263654008", "Abnormal")
NORMALITY_VALUES: Mapping[Normality, CodedConcept] = MappingProxyType(
    {
        Normality.NORMAL: _sct("17621005", "Normal"),
        Normality.ABNORMAL: ABNORMAL,
        Normality.UNDETERMINED: _sct("371934000", "Normality Undetermined"),
    }
)
"""Source: PS3.16 CID 222. What has no reference is not judged, and has no entry."""

ABNORMALLY_HIGH = _sct("371879000", "Abnormally High")
ABNORMALLY_LOW = _sct("371880002", "Abnormally Low")

EXAMINATION = _own("EXAMINATION", "Kind of examination")
EXAMINATION_VALUES: Mapping[ExaminationKind, CodedConcept] = MappingProxyType(
    {
        kind: _own(each.key.upper().replace("-", "_"), examination_text(each))
        for kind, each in EXAMINATIONS.items()
    }
)
OTHER_IMAGE = _own("OTHER_IMAGE", "Image of another kind")
IMPRESSIONS, IMPRESSION = _dcm("121072", "Impressions"), _dcm("121073", "Impression")
ADDENDUM = _dcm("121078", "Addendum")
FINDING_LEVELS = _own("LEVELS", "Levels of the bodies seen, from the top")
CLASS_FOUND = _own("CLASS", "Class that a classifier reports of the whole image")
PICTURE_FINDING = _own("PICTURE_FINDING", "Finding that a network reports of the whole image")
NO_PICTURE_FINDING = _own("NOT_REPORTED", "Finding that a network does not report of it")
PICTURE_GRADE = _own("PICTURE_GRADE", "Grade that a network gives the whole image")


# What a reader did

STATUS = _own("READING_STATUS", "Reading status")
STATUS_VALUES: Mapping[Decision, CodedConcept] = MappingProxyType(
    {
        Decision.UNDECIDED: _own("AUTOMATIC", "Automatic, no reader decided on it"),
        Decision.ACCEPTED: _own("ACCEPTED", "Accepted by the reader"),
        Decision.CHANGED: _own("CHANGED", "Value given by the reader"),
        Decision.REJECTED: _own("REJECTED", "Rejected by the reader"),
    }
)
POINTS_BY = _own("POINTS_BY", "Who placed the points")
POINTS_VALUES: Mapping[MeasureState, CodedConcept] = MappingProxyType(
    {
        MeasureState.AUTOMATIC: _own("BY_PROGRAM", "The program"),
        MeasureState.EDITED: _own("CORRECTED", "The program, corrected by a person"),
        MeasureState.DRAWN: _own("BY_PERSON", "A person"),
    }
)
POINTS_OF_OTHER = _own("OTHER_PROGRAM", "Taken from another program's outlines")
AUTOMATIC_VALUE = _own("PROGRAM_VALUE", "What the program itself said before")
FINDING_KEY = _own("FINDING_KEY", "Key of the finding in SpineAlign")
REJECTED_FINDING = _own("REJECTED_ITEM", "Statement of the program that the reader rejected")
NOT_DETERMINED = _own("NOT_DETERMINED", "Not determined, and why")
IS_POSSIBLE = _own("POSSIBLE", "Possible: the 95 % interval reaches beyond this grade")

_REASONS = {
    UnmeasurableReason.LEVELS_UNKNOWN: "Levels are uncertain",
    UnmeasurableReason.FACING_UNKNOWN: "Which way the patient faces is unknown",
    UnmeasurableReason.NOT_OUTLINED: "A body is not outlined",
    UnmeasurableReason.REMOVED: "A body was removed by a person",
    UnmeasurableReason.NAME_UNCONFIRMED: "The name of a body is not confirmed",
    UnmeasurableReason.CUT_OFF: "A body is cut off",
    UnmeasurableReason.CORNERS_MISSING: "Corners are missing",
    UnmeasurableReason.CANAL_INTERRUPTED: "The canal is interrupted",
    UnmeasurableReason.POINTS_COINCIDE: "Points coincide",
    UnmeasurableReason.OUTLINE_CROSSES: "The outline crosses itself",
    UnmeasurableReason.POINTS_MISSING: "Points are missing",
    UnmeasurableReason.FEMORAL_HEADS_MISSING: "Femoral heads are not placed",
    UnmeasurableReason.PLUMB_POINTS_MISSING: "C7 and S1 are not placed",
    UnmeasurableReason.CHEST_EDGES_MISSING: "Edges of the chest are not placed",
    UnmeasurableReason.FEMORAL_HEADS_IMPOSSIBLE: "Femoral heads are placed impossibly",
    UnmeasurableReason.OUTLINES_UNCERTAIN: "Outlines are uncertain",
    UnmeasurableReason.ENDPLATES_TOUCH: "Endplates touch",
    UnmeasurableReason.NEEDS_T2: "Needs a T2-weighted image",
    UnmeasurableReason.NOT_UPRIGHT: "The patient does not stand",
    UnmeasurableReason.CANAL_CLOSED: "The canal is closed between two bodies",
}
REASON_VALUES: Mapping[UnmeasurableReason, CodedConcept] = MappingProxyType(
    {
        reason: _own(f"WHY_{number:02}", words)
        for number, (reason, words) in enumerate(_REASONS.items(), start=1)
    }
)
"""Why there is no value. A new reason goes to the end: the numbers are published."""

UNCERTAIN = _own("UNCERTAIN", "The program is too unsure to say")


def all_terms() -> tuple[CodedConcept, ...]:
    """Return every term of this table that an object may hold, each once; places not included."""
    tables = (
        REGIONS, UNITS, GRADE_TERMS, SCALE_VALUES, DEFORMITY_VALUES, SEVERITY_VALUES,
        PATIENT_SIDES, PICTURE_SIDES,
        NORMALITY_VALUES, EXAMINATION_VALUES, STATUS_VALUES, POINTS_VALUES, REASON_VALUES,
    )  # fmt: skip
    found = [term for table in tables for term in table.values()]
    found += [term for terms in MEASURE_TERMS.values() for term in terms]
    found += [value for value in globals().values() if isinstance(value, CodedConcept)]
    return tuple(dict.fromkeys(found))
