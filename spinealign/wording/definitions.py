"""What each measure is called and means, and the words of its thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from spinealign.domain.measures import MeasureCode, MeasureGroup, SeverityGrade


@dataclass(frozen=True)
class MeasureWords:
    """The words for one entry of `spinealign.domain.measures.MEASURES`.

    Parameters
    ----------
    title : str
        Without levels: "Segmental angle".
    short : str
        For the picture: {0} and {1} are the first and last level, {2} the drawing's number.
    definition : str
        One sentence.
    how_to_read : str
        Sign, and what is known about values.
    contradictions : str
        Thresholds that disagree, or why there is none; empty if there is nothing to say.
    after_levels : str
        What follows the levels in the name of a measure whose levels differ from image to image.
    normal_note : str
        What to know before comparing with the reference range.
    further_sources : str
        What stands beside the references of the definition, or in their place.
    """

    title: str
    short: str
    definition: str
    how_to_read: str
    contradictions: str = ""
    after_levels: str = ""
    normal_note: str = ""
    further_sources: str = ""


GROUP_TITLES: Mapping[MeasureGroup, str] = MappingProxyType(
    {
        MeasureGroup.ALIGNMENT: "Alignment",
        MeasureGroup.BALANCE: "Balance and pelvis",
        MeasureGroup.SEGMENTS: "Segments",
        MeasureGroup.CANAL: "Canal",
        MeasureGroup.DISCS: "Discs",
        MeasureGroup.BODIES: "Bodies",
        MeasureGroup.CHALLENGE: "For comparison with published figures",
        MeasureGroup.DRAWN: "Manual measurements",
    }
)

SEVERITY_WORDS: Mapping[SeverityGrade, tuple[str, str]] = MappingProxyType(
    {
        SeverityGrade.AXIS_OVER_40_MM: ("over 40 mm, related to disability", ""),
        SeverityGrade.AMES_0: ("under 15° (Ames modifier 0)", ""),
        SeverityGrade.AMES_1: ("15 to 20° (Ames modifier 1)", ""),
        SeverityGrade.AMES_2: ("over 20° (Ames modifier 2)", ""),
        SeverityGrade.KYPHOTIC_AGAINST_NEIGHBOURS: (
            "over 11° more kyphotic than its neighbours", "11°",
        ),
        SeverityGrade.TRANSLATION_OVER_3_5_MM: ("over 3.5 mm", "3.5 mm, neutral film"),
        SeverityGrade.MEYERDING_1: ("Meyerding grade I", "up to 25 %"),
        SeverityGrade.MEYERDING_2: ("Meyerding grade II", "25 to 50 %"),
        SeverityGrade.MEYERDING_3: ("Meyerding grade III", "50 to 75 %"),
        SeverityGrade.MEYERDING_4: ("Meyerding grade IV", "75 to 100 %"),
        SeverityGrade.SPONDYLOPTOSIS: ("spondyloptosis (over grade IV)", "over 100 %"),
        SeverityGrade.ABSOLUTE_STENOSIS: ("absolute stenosis", "under 10 mm"),
        SeverityGrade.RELATIVE_STENOSIS: ("relative stenosis", "10 to 13 mm"),
        SeverityGrade.CANAL_BELOW_ONE_THIRD: ("severe narrowing", "under 1/3"),
        SeverityGrade.CANAL_BELOW_TWO_THIRDS: ("moderate narrowing", "1/3 to 2/3"),
        SeverityGrade.GENANT_1: ("mild height loss", "20 to 25 % loss"),
        SeverityGrade.GENANT_2: ("moderate height loss", "25 to 40 % loss"),
        SeverityGrade.GENANT_3: ("severe height loss", "over 40 % loss"),
        SeverityGrade.SVA_UNDER_40_MM: ("under 40 mm (SRS-Schwab modifier 0)", ""),
        SeverityGrade.SVA_40_TO_95_MM: ("40 to 95 mm (SRS-Schwab modifier +)", ""),
        SeverityGrade.SVA_OVER_95_MM: ("over 95 mm (SRS-Schwab modifier ++)", ""),
        SeverityGrade.TILT_UNDER_20: ("under 20° (SRS-Schwab modifier 0)", ""),
        SeverityGrade.TILT_20_TO_30: ("20 to 30° (SRS-Schwab modifier +)", ""),
        SeverityGrade.TILT_OVER_30: ("over 30° (SRS-Schwab modifier ++)", ""),
        SeverityGrade.MISMATCH_UNDER_10: ("under 10° (SRS-Schwab modifier 0)", ""),
        SeverityGrade.MISMATCH_10_TO_20: ("10 to 20° (SRS-Schwab modifier +)", ""),
        SeverityGrade.MISMATCH_OVER_20: ("over 20° (SRS-Schwab modifier ++)", ""),
        SeverityGrade.CURVE_UNDER_10: ("under 10°, no scoliosis by definition", ""),
        SeverityGrade.CURVE_10_TO_25: ("10 to 25°, observation is usual", ""),
        SeverityGrade.CURVE_25_TO_45: ("25 to 45°, a brace is discussed during growth", ""),
        SeverityGrade.CURVE_OVER_45: ("45° and more, surgery is discussed", ""),
        SeverityGrade.IMBALANCE_OVER_20_MM: ("20 mm and more, coronal imbalance", ""),
    }
)  # fmt: skip
"""The word of a grade, and the threshold as its source states it where the word does not."""

_BY_HAND = "drawn by the user"
_BY_PROGRAM = "method of this program"
_SIGN = "Lordosis is positive, kyphosis negative."
_KYPHOSIS_SIGN = "Kyphosis is positive, lordosis negative."
_SCHWAB = (
    "The SRS-Schwab modifiers were set by disability in adults with a spinal deformity; they are "
    "no limits of normal values."
)
_TANGENT_DIFFERS = (
    "The posterior tangent and the Cobb method differ by about 7 to 9° on the same films "
    "(Cobb 17° against tangent 26°, Harrison 2000): never compare one with the other."
)
_KYPHOTIC_QUARTER = (
    "Kyphosis is not pathological by itself: about a quarter of asymptomatic people are kyphotic, "
    "and 66 % of 150 young asymptomatic people were not lordotic (Daffin 2017)."
)
_SLOPE_SIGN = "Positive when the endplate slopes down anteriorly. It depends on the posture."
_CURVE = (
    "Angle between the superior endplate of the upper and the inferior endplate of the lower end "
    "vertebra: the ones that are tilted most towards the curve’s concavity."
)
_CURVE_READ = (
    "Always positive; the side of the convexity is that of the picture. A scoliosis is a curve of "
    "10° and more with rotation of the vertebrae, which corners do not show. A change of 5° and "
    "more is a progression."
)
_CURVE_DIFFERS = (
    "Readers choose other end vertebrae: two readings of one film differ by 3 to 5°, up to 7°. "
    "What is usual at an angle depends on age, growth and symptoms."
)
_TO_THE_RIGHT = "Positive to the right of the picture."
_PLUMB = "It needs the middle of C7 and of S1 from you."
_OF_CHALLENGE = (
    "As the AASCE challenge of 2019 defines it: a body’s tilt is that of the line between the "
    "middles of its two sides."
)
_NOT_CLINICAL = (
    "For comparison with published figures only: the clinical angle takes the steepest endplates. "
    "The challenge has every body from T1 to L5; where one was not found, the angle may be smaller."
)
_HEIGHTS = "No absolute height separates normal from abnormal: use the ratios."
_WEDGE = (
    "Genant’s grades of 20, 25 and 40 % loss were made for the thoracolumbar spine, and C5 and C6 "
    "are normally wedged: in the neck the program reports ratios and gives no grade. Below it a "
    "grade needs this height to be 10 % under the neighbours’ too."
)

MEASURE_WORDS: Mapping[MeasureCode, MeasureWords] = MappingProxyType({
    MeasureCode.COBB_C2_C7: MeasureWords(
        "C2–C7 Cobb lordosis", "{0}–{1} Cobb",
        "Angle between the inferior endplate of C2 and the inferior endplate of C7.",
        f"{_SIGN} The pooled mean of asymptomatic people is 12.7° (95 % interval of the mean 6.6 "
        "to 18.8°, Guo 2018); it rises from 8.0° at 20 to 29 to 19.7° at 70 to 79 years.",
        contradictions=f"{_KYPHOTIC_QUARTER} {_TANGENT_DIFFERS}",
        normal_note="About a quarter of asymptomatic people are kyphotic.",
    ),
    MeasureCode.COBB_C2_C6: MeasureWords(
        "C2–C6 Cobb lordosis", "{0}–{1} Cobb",
        "Angle between the inferior endplates of C2 and C6, used because C7 cannot be measured.",
        f"{_SIGN} It is another measure than C2–C7, so that measure’s normal values do not apply.",
        contradictions=(
            "C7 is partly obscured by the shoulders on about 62 % and fully on 20 % of films; "
            "no normal values are known to the program for C2–C6."
        ),
    ),
    MeasureCode.COBB_C2_LOWEST: MeasureWords(
        "Cobb angle, C2 to the lowest body found", "{0}–{1} Cobb",
        "Angle between the inferior endplate of C2 and that of the lowest body that was found, "
        "used because C6 and C7 cannot be measured.",
        f"{_SIGN} Compare it only with the same levels of another film of the same patient.",
        contradictions="The normal values of C2–C7 do not apply to fewer levels.",
        after_levels="Cobb lordosis",
    ),
    MeasureCode.POSTERIOR_TANGENT: MeasureWords(
        "Posterior tangent angle", "{0}–{1} tangents",
        "Angle between the posterior walls of C2 and of C7, or of the lowest body found.",
        f"{_SIGN} The mean from C2 to C7 is 18.6°.",
        contradictions=_TANGENT_DIFFERS,
        after_levels="posterior tangent angle",
    ),
    MeasureCode.SAGITTAL_VERTICAL_AXIS: MeasureWords(
        "C2–C7 sagittal vertical axis", "{0}–{1} SVA",
        "Horizontal distance from a plumb line through the centre of the body of C2, without the "
        "dens, to the posterior-superior corner of C7.",
        "Positive when C2 lies anterior to C7. It needs a film of the patient standing or sitting.",
        contradictions=(
            "Values between the range’s upper end and 40 mm (relation to disability, Tang 2012) "
            "are neither clearly normal nor clearly abnormal. Another mean and standard deviation "
            "is 15.6 ± 11.2 mm, without a number of people."
        ),
        normal_note="Measured on young adults; no range of older people is known to the program.",
    ),
    MeasureCode.C7_SLOPE: MeasureWords(
        "C7 slope", "C7 slope",
        "Angle between the superior endplate of C7 and the horizontal.",
        f"{_SLOPE_SIGN} It replaces the T1 slope where T1 was not found, and is not equal to it.",
        contradictions=(
            "Some authors take the inferior endplate of C7; no accepted cut-off is known to the "
            "program, and those of the T1 slope do not apply."
        ),
    ),
    MeasureCode.T1_SLOPE: MeasureWords(
        "T1 slope", "T1 slope",
        "Angle between the superior endplate of T1 and the horizontal.",
        f"{_SLOPE_SIGN} Studies group it as under 20°, 20 to 30° and over 30°.",
        contradictions="The groups describe anatomical variation and are not degrees of disease.",
    ),
    MeasureCode.T1_SLOPE_MINUS_LORDOSIS: MeasureWords(
        "T1 slope minus C2–C7 lordosis", "T1 slope − lordosis",
        "T1 slope less the C2–C7 Cobb lordosis.",
        "The larger the value, the less the lordosis matches the slope of T1.",
        contradictions=(
            "Ames 2015 uses thresholds of 15 and 20°; in Protopsaltis 2018, 17° corresponds to "
            "a sagittal vertical axis of 40 mm. Between 15 and 20° the two disagree."
        ),
    ),
    MeasureCode.THORACIC_KYPHOSIS_T4_T12: MeasureWords(
        "T4–T12 thoracic kyphosis", "{0}–{1} kyphosis",
        "Angle between the superior endplate of T4 and the inferior endplate of T12.",
        f"{_KYPHOSIS_SIGN} The pooled mean thoracic kyphosis of healthy adults is 34 to 40° (95 % "
        "interval of the mean, Furlanetto 2018); in elderly people it is 38 to 50°.",
        contradictions=(
            "The pooled studies used several pairs of end vertebrae, and their mean is no limit "
            "of disease."
        ),
    ),
    MeasureCode.THORACIC_KYPHOSIS_T5_T12: MeasureWords(
        "T5–T12 thoracic kyphosis", "{0}–{1} kyphosis",
        "Angle between the superior endplate of T5 and the inferior endplate of T12.",
        f"{_KYPHOSIS_SIGN} Under 10° counts as reduced in Lenke’s classification of adolescent "
        "scoliosis.",
        contradictions=(
            "It is another measure than T4–T12. Lenke’s modifier was made for adolescent "
            "scoliosis, and the program gives no grade by it."
        ),
    ),
    MeasureCode.LUMBAR_LORDOSIS_L1_S1: MeasureWords(
        "L1–S1 lumbar lordosis", "{0}–{1} lordosis",
        "Angle between the superior endplate of L1 and the superior endplate of S1.",
        f"{_SIGN} It depends on posture: supine and standing values differ. The pooled mean of "
        "healthy adults on radiographs is 54 to 62° (95 % interval of the mean, Furlanetto 2018).",
        contradictions=(
            "What is normal for a person depends on the pelvic incidence, so no range is given."
        ),
    ),
    MeasureCode.LUMBAR_LORDOSIS_L1_L5: MeasureWords(
        "L1–L5 lumbar lordosis", "{0}–{1} lordosis",
        "Angle between the superior endplate of L1 and the inferior endplate of L5, used because "
        "the sacrum is not outlined.",
        f"{_SIGN} It is another measure than L1–S1, and smaller.",
        contradictions="Values of L1–S1 do not apply to it.",
    ),
    MeasureCode.LUMBAR_LORDOSIS_L4_S1: MeasureWords(
        "L4–S1 lordosis", "{0}–{1} lordosis",
        "Angle between the superior endplate of L4 and the superior endplate of S1.",
        f"{_SIGN} Standing, it was 71 % of the lordosis from T12 to S1 of 627 adults.",
        contradictions=(
            "The mean is no limit of disease; it decreased with age. Supine values are lower."
        ),
    ),
    MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1: MeasureWords(
        "C7–S1 sagittal vertical axis", "{0}–{1} SVA",
        "Horizontal distance from a plumb line through the centre of the body of C7 to the "
        "posterior-superior corner of S1.",
        "Positive when C7 lies anterior to S1. It needs a film of the patient standing freely, and "
        "increases with age.",
        contradictions=(
            f"{_SCHWAB} A value beyond the asymptomatic people’s is not yet one of a modifier."
        ),
    ),
    MeasureCode.SACRAL_SLOPE: MeasureWords(
        "Sacral slope", "Sacral slope",
        "Angle between the superior endplate of S1 and the horizontal.",
        "Positive when the endplate slopes down anteriorly. It depends on posture.",
        contradictions="The mean is no limit of disease; it decreased with age.",
    ),
    MeasureCode.PELVIC_TILT: MeasureWords(
        "Pelvic tilt", "Pelvic tilt",
        "Angle between the vertical and the line from the middle of the superior endplate of S1 "
        "to the hip axis, the middle between the centres of both femoral heads.",
        "Positive when the hip axis lies anterior to the sacrum: the more, the more the pelvis is "
        "retroverted; it increases with age.",
        contradictions=(
            f"{_SCHWAB} The threshold of 20° lies within one standard deviation of the mean of "
            "asymptomatic people."
        ),
    ),
    MeasureCode.PELVIC_INCIDENCE: MeasureWords(
        "Pelvic incidence", "Pelvic incidence",
        "Angle between the perpendicular to the superior endplate of S1 at its middle and the "
        "line from there to the hip axis, the middle between the centres of both femoral heads.",
        "It is the sum of pelvic tilt and sacral slope, belongs to the person, and does not "
        "change with posture.",
        contradictions="No value is abnormal by itself: it tells which lordosis fits the person.",
    ),
    MeasureCode.PELVIC_INCIDENCE_MINUS_LORDOSIS: MeasureWords(
        "Pelvic incidence minus L1–S1 lordosis", "PI − LL",
        "Pelvic incidence less the L1–S1 lumbar lordosis.",
        "The larger the value, the less lordosis there is for this pelvis.",
        contradictions=(
            f"{_SCHWAB} The classification has no grade for more lordosis than the pelvic "
            "incidence."
        ),
    ),
    MeasureCode.BODY_SEGMENTAL_ANGLE: MeasureWords(
        "segmental angle", "{0}/{1}",
        "Angle from body to body: in the neck between the inferior endplates of the two bodies, "
        "below T1 between their superior endplates.",
        f"{_SIGN} C2/C3 to C6/C7 add up to the C2–C7 Cobb lordosis, L1/L2 to L5/S1 to the L1–S1 "
        "lordosis.",
        contradictions=(
            "White and Panjabi’s 11° holds in the neck only, against the levels above and below; "
            "it is one item of an injury checklist, not a diagnosis."
        ),
    ),
    MeasureCode.DISC_ANGLE: MeasureWords(
        "disc angle", "{0}/{1} disc angle",
        "Angle between the two endplates that face one disc.",
        f"{_SIGN} Lordotic discs in a kyphotic curve lie between wedged bodies.",
        contradictions=(
            "No range for single discs; C2/C3 to C6/C7 together 9.1 ± 12.1° in 126 adults aged 18 "
            "to 30 (Tang 2021)."
        ),
    ),
    MeasureCode.TRANSLATION: MeasureWords(
        "translation", "{0}/{1} translation",
        "Offset of the posterior lines of the two bodies at the height of the disc’s middle.",
        "Positive for anterolisthesis, negative for retrolisthesis of the upper body.",
        contradictions=(
            "White and Panjabi count more than 3.5 mm on a neutral film; on kinetic MR Suzuki "
            "counts from 2 mm (grade 1: 2 to 3 mm, grade 2: over 3 mm). Meyerding’s percentages "
            "belong to the lumbar spine."
        ),
    ),
    MeasureCode.LISTHESIS_PERCENT: MeasureWords(
        "listhesis", "{0}/{1} listhesis",
        "Where the upper body’s posterior wall, prolonged, meets the lower body’s superior "
        "endplate: distance from that endplate’s posterior corner, as a share of its length.",
        "Positive for anterolisthesis, negative for retrolisthesis. A grade is given only to an "
        "anterolisthesis that is larger than the uncertainty of the corners.",
        contradictions=(
            "The grades do not define how small a listhesis is still normal: in bodies without "
            "listhesis the percentage varies by about ±5."
        ),
    ),
    MeasureCode.DISC_HEIGHT: MeasureWords(
        "disc height", "{0}/{1} disc",
        "Distance between the middles of the two endplates, across the disc.",
        "Measured at right angles to the disc, so that a listhesis does not increase it.",
        contradictions="There is no accepted absolute cut-off: use the ratio to the neighbours.",
        further_sources=_BY_PROGRAM,
    ),
    MeasureCode.DISC_HEIGHT_RATIO: MeasureWords(
        "disc height ratio", "{0}/{1} disc ratio",
        "Height of the disc over the mean height of the discs above and below it that were found.",
        "Below 1 the disc is lower than its neighbours; it needs no calibration.",
        contradictions="No accepted cut-off exists.",
        further_sources=_BY_PROGRAM,
    ),
    MeasureCode.DISC_HEIGHT_INDEX: MeasureWords(
        "disc height index", "{0}/{1} disc index",
        "Mean of the disc’s anterior, middle and posterior heights over the mean middle height of "
        "the neighbouring bodies.",
        "It needs no calibration. For L5/S1 only L5 counts, as the sacrum has no body height.",
        contradictions=(
            "spinebase.org gives 0.40 and more as normal for all levels; as upper lumbar discs "
            "are normally lower, the program does not grade by it."
        ),
    ),
    MeasureCode.CANAL_DIAMETER: MeasureWords(
        "canal diameter", "{0}/{1} canal diameter",
        "Shortest distance across the segmented canal at the disc.",
        "The smaller the value, the narrower the canal in this slice.",
        contradictions=(
            "Stenosis is also assessed on axial slices and by nerve compression: a diameter in one "
            "sagittal slice, which may not be midsagittal, does not suffice."
        ),
    ),
    MeasureCode.CANAL_RATIO: MeasureWords(
        "canal ratio", "{0}/{1} canal ratio",
        "Canal diameter at the disc over the canal diameter behind the body above it.",
        "Below 1 the canal is narrower at the disc; it needs no calibration.",
        contradictions=(
            "The source grades by eye how much of the canal is compromised, on axial slices too: "
            "less than a third, up to two thirds, more. The outline is that of the dural sac, "
            "which tapers towards the sacrum."
        ),
    ),
    MeasureCode.CANAL_DIAMETER_BEHIND_BODY: MeasureWords(
        "canal diameter behind the body", "{0} canal diameter",
        "Shortest distance across the segmented canal behind the middle of the body.",
        "What the diameters at the discs beside it are compared with.",
        further_sources=_BY_PROGRAM,
    ),
    MeasureCode.BODY_HEIGHT_ANTERIOR: MeasureWords(
        "anterior height", "{0} anterior",
        "Distance between the anterior corners of the body.", _HEIGHTS,
    ),
    MeasureCode.BODY_HEIGHT_MIDDLE: MeasureWords(
        "middle height", "{0} middle",
        "Distance between the middles of the body’s endplates.", _HEIGHTS,
    ),
    MeasureCode.BODY_HEIGHT_POSTERIOR: MeasureWords(
        "posterior height", "{0} posterior",
        "Distance between the posterior corners of the body.", _HEIGHTS,
    ),
    MeasureCode.BODY_HEIGHT_RATIO: MeasureWords(
        "ratio of anterior to posterior height", "{0} anterior : posterior",
        "Anterior height of the body over its posterior height.",
        "Below 1 the body is wedged anteriorly; it needs no calibration.",
        contradictions=_WEDGE,
        normal_note="Healthy bodies of the thoracolumbar junction are wedged; measured on MR.",
    ),
    MeasureCode.MIDDLE_HEIGHT_RATIO: MeasureWords(
        "ratio of middle to posterior height", "{0} middle : posterior",
        "Middle height of the body over its posterior height.",
        "Below 1 the endplates are concave; it needs no calibration.",
        contradictions=_WEDGE,
    ),
    MeasureCode.HEIGHT_TO_NEIGHBOURS: MeasureWords(
        "height against neighbours", "{0} height : neighbours",
        "The least of the anterior, middle and posterior heights, each over the mean of the same "
        "height of the bodies above and below; of L5 over 1.03, 0.97 and 0.88 of the mean of L3 "
        "and L4.",
        "Below 1 the body is lower than its neighbours; it needs no calibration, and both "
        "neighbours with all three heights.",
        contradictions=(
            "A grade is given where all three heights are lost by 20 % or more. Where a neighbour "
            "is flat too, the loss is underestimated."
        ),
    ),
    MeasureCode.DRAWN_DISTANCE: MeasureWords(
        "Distance", "Distance {2}",
        "Length of the line that was drawn.",
        "In millimetres only where the pixel spacing is known.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.DRAWN_ANGLE: MeasureWords(
        "Angle", "Angle {2}",
        "Angle at the middle one of the three points that were drawn.",
        "From 0 to 180°.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.DRAWN_COBB: MeasureWords(
        "Cobb angle between two lines", "Cobb angle {2}",
        "Smaller angle between the two lines that were drawn.",
        "From 0 to 90°, without a sign: the program does not know what was drawn.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.DRAWN_AREA: MeasureWords(
        "Area", "Area {2}",
        "Area inside the line that was drawn, and the grey values of the pixels whose middle lies "
        "inside.",
        "In square millimetres only where the pixel spacing is known; grey values in Hounsfield "
        "units only where the file of a CT slice states them.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.DRAWN_RECTANGLE: MeasureWords(
        "Rectangle", "Rectangle {2}",
        "Area of the rectangle that was drawn, and the grey values of the pixels whose middle lies "
        "inside.",
        "In square millimetres only where the pixel spacing is known; grey values in Hounsfield "
        "units only where the file of a CT slice states them.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.DRAWN_ELLIPSE: MeasureWords(
        "Ellipse", "Ellipse {2}",
        "Area of the ellipse that was drawn, and the grey values of the pixels whose middle lies "
        "inside.",
        "In square millimetres only where the pixel spacing is known; grey values in Hounsfield "
        "units only where the file of a CT slice states them.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.FEMORAL_HEADS: MeasureWords(
        "Femoral head diameter", "Femoral heads",
        "Mean diameter of both femoral heads, each a circle through two opposite points on its "
        "rim that were placed.",
        "In millimetres only where the pixel spacing is known. The middle between the circles’ "
        "centres is the hip axis.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.CURVE_PROXIMAL_THORACIC: MeasureWords(
        "Proximal thoracic curve", "{0}–{1} Cobb",
        f"{_CURVE} The apex lies at T5 or above.", _CURVE_READ, contradictions=_CURVE_DIFFERS,
    ),
    MeasureCode.CURVE_MAIN_THORACIC: MeasureWords(
        "Main thoracic curve", "{0}–{1} Cobb",
        f"{_CURVE} The apex lies between the disc T5/T6 and the disc T11/T12.", _CURVE_READ,
        contradictions=_CURVE_DIFFERS,
    ),
    MeasureCode.CURVE_THORACOLUMBAR: MeasureWords(
        "Thoracolumbar curve", "{0}–{1} Cobb",
        f"{_CURVE} The apex lies at T12 or L1, or their disc.", _CURVE_READ,
        contradictions=_CURVE_DIFFERS,
    ),
    MeasureCode.CURVE_LUMBAR: MeasureWords(
        "Lumbar curve", "{0}–{1} Cobb",
        f"{_CURVE} The apex lies at the disc L1/L2 or below.", _CURVE_READ,
        contradictions=_CURVE_DIFFERS,
    ),
    MeasureCode.CURVE_FURTHER: MeasureWords(
        "Further curve", "{0}–{1} Cobb",
        f"{_CURVE} Another curve with its apex in the same part of the spine is larger.",
        _CURVE_READ, contradictions=_CURVE_DIFFERS,
    ),
    MeasureCode.CURVE_UNNAMED: MeasureWords(
        "Largest curve", "{0} to {1} Cobb",
        f"{_CURVE} Its bodies are counted from the top, as their levels are uncertain, so that "
        "nothing tells which part of the spine it lies in.",
        _CURVE_READ, contradictions=_CURVE_DIFFERS,
    ),
    MeasureCode.T1_TILT: MeasureWords(
        "T1 tilt", "T1 tilt",
        "Angle between the superior endplate of T1 and the horizontal of the picture.",
        "Positive where its right side in the picture is lower. A film that was turned shows "
        "another value.",
        contradictions="No value is abnormal by itself.",
    ),
    MeasureCode.L5_TILT: MeasureWords(
        "L5 tilt", "L5 tilt",
        "Angle between the inferior endplate of L5 and the horizontal of the picture.",
        "Positive where its right side in the picture is lower. An oblique pelvis is part of it.",
        contradictions="No value is abnormal by itself.",
    ),
    MeasureCode.CORONAL_BALANCE: MeasureWords(
        "Coronal balance", "C7 to sacral midline",
        "Horizontal distance of a plumb line through the middle of C7 from the central sacral "
        "vertical line.",
        f"{_TO_THE_RIGHT} {_PLUMB}",
        contradictions="Needs true millimetres: a film without a scale has no limit.",
    ),
    MeasureCode.TRUNK_SHIFT: MeasureWords(
        "Trunk shift", "Trunk shift",
        "Horizontal distance of the middle between both edges of the chest, at the height of the "
        "thoracic apex, from the central sacral vertical line.",
        f"{_TO_THE_RIGHT} {_PLUMB} The edges of the chest come from you too.",
        contradictions="No limit is agreed on.",
    ),
    MeasureCode.APICAL_TRANSLATION: MeasureWords(
        "apical vertebral translation", "{0} translation",
        "Horizontal distance of the middle of the apex from the plumb line of C7 in a thoracic "
        "curve, and from the central sacral vertical line in a thoracolumbar or lumbar one.",
        f"{_TO_THE_RIGHT} {_PLUMB}",
        contradictions="No limit is agreed on.",
    ),
    MeasureCode.CHALLENGE_COBB_1: MeasureWords(
        "Cobb angle 1 of the AASCE challenge", "Challenge 1",
        f"{_OF_CHALLENGE} This is the largest angle between two bodies.", _NOT_CLINICAL,
    ),
    MeasureCode.CHALLENGE_COBB_2: MeasureWords(
        "Cobb angle 2 of the AASCE challenge", "Challenge 2",
        f"{_OF_CHALLENGE} This is the angle beside the largest one, above it.", _NOT_CLINICAL,
    ),
    MeasureCode.CHALLENGE_COBB_3: MeasureWords(
        "Cobb angle 3 of the AASCE challenge", "Challenge 3",
        f"{_OF_CHALLENGE} This is the angle beside the largest one, below it or further above.",
        _NOT_CLINICAL,
    ),
    MeasureCode.PLUMB_POINTS: MeasureWords(
        "Distance from C7 to S1", "Plumb points",
        "Length of the line between the middle of C7 and the middle of S1 that were placed.",
        "In millimetres only where the pixel spacing is known. The plumb line of C7 and the "
        "central sacral vertical line run through these points.",
        further_sources=_BY_HAND,
    ),
    MeasureCode.CHEST_EDGES: MeasureWords(
        "Width of the chest", "Chest edges",
        "Length of the line between both edges of the chest that were placed.",
        "In millimetres only where the pixel spacing is known.",
        further_sources=_BY_HAND,
    ),
})  # fmt: skip
"""The words of every measure; a test holds the table against `MEASURES`."""
