"""What each measure is, which values are known for it, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

from spinealign.domain.measurements import MeasureCode, NormalRange


@dataclass(frozen=True)
class SeverityBand:
    """A word for values from `low` (included) to `high` (not included); an open end is None."""

    word: str
    low: float | None
    high: float | None
    source: str

    def holds(self, value: float) -> bool:
        """Whether a value lies in the band."""
        return (self.low is None or value >= self.low) and (self.high is None or value < self.high)


@dataclass(frozen=True)
class MeasureDefinition:
    """How a measure is taken and read.

    Parameters
    ----------
    code : MeasureCode
    title : str
        Without levels: "Segmental angle".
    unit : str
        "deg", "mm", "mm²", "%" or ""; lengths and areas are in pixels where spacing is unknown.
    importance : int
        1 is listed first.
    definition : str
        One sentence.
    how_to_read : str
        Sign, and what is known about values.
    sources : tuple of str
    normal : NormalRange or None
        Millimetres of the patient where the unit is a length.
    severities : tuple of SeverityBand
    contradictions : str
        Thresholds that disagree, or why there is none; empty if there is nothing to say.
    """

    code: MeasureCode
    title: str
    unit: str
    importance: int
    definition: str
    how_to_read: str
    sources: tuple[str, ...]
    normal: NormalRange | None = None
    severities: tuple[SeverityBand, ...] = ()
    contradictions: str = ""

    @property
    def is_length(self) -> bool:
        """Whether values, ranges and thresholds are millimetres."""
        return self.unit == "mm"


SPINEBASE = "spinebase.org"
DAFFIN = "Daffin 2017"
HARRISON = "Harrison 2000, PMID 10954638"
TANG = "Tang 2012, doi:10.1227/NEU.0b013e31826100c9"
PROTOPSALTIS = "Protopsaltis 2018"
AMES = "Ames 2015"
WHITE_PANJABI = "White and Panjabi’s checklist, PMID 3437146"
SUZUKI = "Suzuki, kinetic MR"
GENANT = "Genant’s grades"
MEYERDING = "Meyerding’s grades"
RADIOPAEDIA = "Radiopaedia"
DISC_INDEX = "spinebase.org; Chen 2022, doi:10.1016/j.jocn.2022.07.018"
BY_HAND = "drawn by the user"

_SIGN = "Lordosis is positive, kyphosis negative."
_TANGENT_DIFFERS = (
    "The posterior tangent and the Cobb method differ by about 7 to 9° on the same films "
    "(Cobb 17° against tangent 26°, Harrison 2000): never compare one with the other."
)
_KYPHOTIC_QUARTER = (
    "The range of 6 to 19° does not mean that other values are ill: about a quarter of people "
    "without complaints are kyphotic, and 66 % of 150 young people without complaints were not "
    "lordotic (Daffin 2017)."
)
_SLOPE_SIGN = "Positive when the endplate falls towards the front. It depends on the posture."
_HEIGHTS = "No absolute height separates normal from abnormal: use the ratios."
_WEDGE = (
    "Genant’s grades of 20, 25 and 40 % loss were made for the thoracolumbar spine, and C5 and C6 "
    "are normally wedged: in the neck the program reports ratios and gives no grade."
)
_GENANT_BANDS = (
    SeverityBand("severe height loss", None, 0.60, f"{GENANT}: over 40 % loss"),
    SeverityBand("moderate height loss", 0.60, 0.75, f"{GENANT}: 25 to 40 % loss"),
    SeverityBand("mild height loss", 0.75, 0.80, f"{GENANT}: 20 to 25 % loss"),
)

DEFINITION_TABLE = (
    MeasureDefinition(
        MeasureCode.COBB_C2_C7, "C2–C7 Cobb lordosis", "deg", 1,
        "Angle between the inferior endplate of C2 and the inferior endplate of C7.",
        f"{_SIGN} The mean of people without complaints is 12.7°.",
        (SPINEBASE, DAFFIN, HARRISON),
        normal=NormalRange(
            6.0, 19.0, f"mean 12.7°, {SPINEBASE}",
            "About a quarter of people without complaints are kyphotic.",
        ),
        contradictions=f"{_KYPHOTIC_QUARTER} {_TANGENT_DIFFERS}",
    ),
    MeasureDefinition(
        MeasureCode.COBB_C2_C6, "C2–C6 Cobb lordosis", "deg", 2,
        "Angle between the inferior endplates of C2 and C6, taken because C7 cannot be measured.",
        f"{_SIGN} It is another measure than C2–C7, so that measure’s normal values do not apply.",
        (SPINEBASE,),
        contradictions=(
            "C7 is partly hidden by the shoulders on about 62 % and fully on 20 % of films; "
            "no normal values are known to the program for C2–C6."
        ),
    ),
    MeasureDefinition(
        MeasureCode.COBB_C2_LOWEST, "Cobb angle, C2 to the lowest visible body", "deg", 2,
        "Angle between the inferior endplate of C2 and that of the lowest body that is seen, "
        "taken because C6 and C7 cannot be measured.",
        f"{_SIGN} Compare it only with the same levels of another film of the same patient.",
        (SPINEBASE,),
        contradictions="The normal values of C2–C7 do not apply to fewer levels.",
    ),
    MeasureDefinition(
        MeasureCode.POSTERIOR_TANGENT, "Posterior tangent angle", "deg", 3,
        "Angle between the posterior walls of C2 and of C7, or of the lowest body that is seen.",
        f"{_SIGN} The mean from C2 to C7 is 18.6°.",
        (HARRISON,),
        contradictions=_TANGENT_DIFFERS,
    ),
    MeasureDefinition(
        MeasureCode.SAGITTAL_VERTICAL_AXIS, "C2–C7 sagittal vertical axis", "mm", 4,
        "Horizontal distance from a plumb line through the centre of the body of C2, without the "
        "dens, to the posterior-superior corner of C7.",
        "Positive when C2 lies in front of C7. It needs an upright film.",
        (TANG, "normal values: 15.6 ± 11.2 mm"),
        normal=NormalRange(
            4.4, 26.8, "15.6 ± 11.2 mm",
            "Mean and one standard deviation: about a third of healthy people lie outside.",
        ),
        severities=(SeverityBand("over 40 mm, related to disability", 40.0, None, TANG),),
        contradictions=(
            "Values between 26.8 mm (mean and one standard deviation of healthy people) and 40 mm "
            "(relation to disability, Tang 2012) are neither clearly normal nor clearly ill."
        ),
    ),
    MeasureDefinition(
        MeasureCode.C7_SLOPE, "C7 slope", "deg", 6,
        "Angle between the superior endplate of C7 and the horizontal.",
        f"{_SLOPE_SIGN} It stands in for the T1 slope where T1 is hidden, and is not equal to it.",
        (PROTOPSALTIS, AMES),
        contradictions=(
            "Some authors take the inferior endplate of C7; no accepted cut-off is known to the "
            "program, and those of the T1 slope do not apply."
        ),
    ),
    MeasureDefinition(
        MeasureCode.T1_SLOPE, "T1 slope", "deg", 5,
        "Angle between the superior endplate of T1 and the horizontal.",
        f"{_SLOPE_SIGN} Studies group it as under 20°, 20 to 30° and over 30°.",
        (PROTOPSALTIS, AMES),
        contradictions="The groups describe build and are no degrees of illness.",
    ),
    MeasureDefinition(
        MeasureCode.T1_SLOPE_MINUS_LORDOSIS, "T1 slope minus C2–C7 lordosis", "deg", 7,
        "T1 slope less the C2–C7 Cobb lordosis.",
        "The larger, the less the lordosis fits the slope of T1.",
        (PROTOPSALTIS, AMES),
        severities=(
            SeverityBand("under 15° (Ames modifier 0)", None, 15.0, AMES),
            SeverityBand("15 to 20° (Ames modifier 1)", 15.0, 20.0, AMES),
            SeverityBand("over 20° (Ames modifier 2)", 20.0, None, AMES),
        ),
        contradictions=(
            "Ames 2015 draws lines at 15 and 20°; Protopsaltis 2018 found that 17° corresponds to "
            "a sagittal vertical axis of 40 mm. Between 15 and 20° the two disagree."
        ),
    ),
    MeasureDefinition(
        MeasureCode.LUMBAR_LORDOSIS_L1_S1, "L1–S1 lumbar lordosis", "deg", 1,
        "Angle between the superior endplate of L1 and the superior endplate of S1.",
        f"{_SIGN} It depends on posture: lying in a scanner is not standing.",
        (SPINEBASE,),
        contradictions=(
            "What is normal depends on the shape of the pelvis, which this image does not show, "
            "so no range is given."
        ),
    ),
    MeasureDefinition(
        MeasureCode.LUMBAR_LORDOSIS_L1_L5, "L1–L5 lumbar lordosis", "deg", 2,
        "Angle between the superior endplate of L1 and the inferior endplate of L5, taken because "
        "the sacrum is not outlined.",
        f"{_SIGN} It is another measure than L1–S1, and smaller.",
        (SPINEBASE,),
        contradictions="Values of L1–S1 do not apply to it.",
    ),
    MeasureDefinition(
        MeasureCode.SEGMENTAL_ANGLE, "segmental angle", "deg", 11,
        "Angle between the two endplates that face one disc.",
        f"{_SIGN} Compare it with the neighbouring levels.",
        (WHITE_PANJABI,),
        severities=(
            SeverityBand(
                "over 11° more kyphotic than its neighbours", 11.0, None, f"{WHITE_PANJABI}: 11°"
            ),
        ),
        contradictions=(
            "White and Panjabi’s 11° is a point on a list for injured spines, not a diagnosis; the "
            "program compares each level with those above and below it that it could measure."
        ),
    ),
    MeasureDefinition(
        MeasureCode.TRANSLATION, "translation", "mm", 10,
        "Offset of the posterior lines of the two bodies at the height of the disc’s middle.",
        "Positive when the upper body lies in front (anterolisthesis), negative behind.",
        (WHITE_PANJABI, SUZUKI),
        severities=(
            SeverityBand("over 3.5 mm", 3.5, None, f"{WHITE_PANJABI}: 3.5 mm, neutral film"),
        ),
        contradictions=(
            "White and Panjabi count more than 3.5 mm on a neutral film; on kinetic MR Suzuki "
            "counts from 2 mm (grade 1: 2 to 3 mm, grade 2: over 3 mm). Meyerding’s percentages "
            "belong to the lumbar spine."
        ),
    ),
    MeasureDefinition(
        MeasureCode.LISTHESIS_PERCENT, "listhesis", "%", 10,
        "Where the upper body’s posterior wall, prolonged, meets the lower body’s superior "
        "endplate: distance from that endplate’s posterior corner, as a share of its length.",
        "Positive when the upper body has slipped forwards. A grade is given only to a forward "
        "slip that is larger than the uncertainty of the corners.",
        (MEYERDING,),
        severities=(
            SeverityBand("Meyerding grade I", 0.0, 25.0, f"{MEYERDING}: up to 25 %"),
            SeverityBand("Meyerding grade II", 25.0, 50.0, f"{MEYERDING}: 25 to 50 %"),
            SeverityBand("Meyerding grade III", 50.0, 75.0, f"{MEYERDING}: 50 to 75 %"),
            SeverityBand("Meyerding grade IV", 75.0, 100.0, f"{MEYERDING}: 75 to 100 %"),
            SeverityBand("slipped off (over grade IV)", 100.0, None, f"{MEYERDING}: over 100 %"),
        ),
        contradictions=(
            "The grades say nothing about how small a slip is still normal: in bodies without a "
            "slip the percentage scatters by about 5 either way."
        ),
    ),
    MeasureDefinition(
        MeasureCode.CANAL_DIAMETER, "canal diameter", "mm", 12,
        "Shortest distance across the segmented canal at the disc.",
        "The smaller, the narrower the canal in this slice.",
        (RADIOPAEDIA,),
        severities=(
            SeverityBand("absolute stenosis", None, 10.0, f"{RADIOPAEDIA}: under 10 mm"),
            SeverityBand("relative stenosis", 10.0, 13.0, f"{RADIOPAEDIA}: 10 to 13 mm"),
        ),
        contradictions=(
            "Stenosis is judged on axial slices too, and on what presses on nerves: one diameter "
            "in one sagittal slice, which may miss the middle, does not decide."
        ),
    ),
    MeasureDefinition(
        MeasureCode.DISC_HEIGHT, "disc height", "mm", 20,
        "Distance between the middles of the two endplates, across the disc.",
        "Measured at right angles to the disc, so that a slip does not make it higher.",
        ("method of this program",),
        contradictions="There is no accepted absolute cut-off: use the ratio to the neighbours.",
    ),
    MeasureDefinition(
        MeasureCode.DISC_HEIGHT_RATIO, "disc height ratio", "", 21,
        "Height of the disc over the mean height of the discs above and below it that are seen.",
        "Below 1 the disc is lower than its neighbours; it needs no calibration.",
        ("method of this program",),
        contradictions="No accepted cut-off exists.",
    ),
    MeasureDefinition(
        MeasureCode.DISC_HEIGHT_INDEX, "disc height index", "", 22,
        "Mean of the disc’s anterior, middle and posterior heights over the mean middle height of "
        "the neighbouring bodies.",
        "It needs no calibration. For L5/S1 only L5 counts, as the sacrum has no body height.",
        (DISC_INDEX,),
        contradictions=(
            "spinebase.org calls 0.40 and more normal, whatever the level; as upper lumbar discs "
            "are lower by nature, the program does not grade by it."
        ),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_ANTERIOR, "anterior height", "mm", 32,
        "Distance between the anterior corners of the body.", _HEIGHTS, (GENANT,),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_MIDDLE, "middle height", "mm", 33,
        "Distance between the middles of the body’s endplates.", _HEIGHTS, (GENANT,),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_POSTERIOR, "posterior height", "mm", 34,
        "Distance between the posterior corners of the body.", _HEIGHTS, (GENANT,),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_RATIO, "anterior/posterior height", "", 30,
        "Anterior height of the body over its posterior height.",
        "Below 1 the body is wedged to the front; it needs no calibration.",
        (GENANT,), severities=_GENANT_BANDS, contradictions=_WEDGE,
    ),
    MeasureDefinition(
        MeasureCode.MIDDLE_HEIGHT_RATIO, "middle/posterior height", "", 31,
        "Middle height of the body over its posterior height.",
        "Below 1 the endplates are hollow; it needs no calibration.",
        (GENANT,), severities=_GENANT_BANDS, contradictions=_WEDGE,
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_DISTANCE, "Distance", "mm", 50,
        "Length of the line that was drawn.",
        "In millimetres only where the pixel spacing is known.", (BY_HAND,),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_ANGLE, "Angle", "deg", 51,
        "Angle at the middle one of the three points that were drawn.",
        "From 0 to 180°.", (BY_HAND,),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_COBB, "Cobb angle between two lines", "deg", 52,
        "Smaller angle between the two lines that were drawn.",
        "From 0 to 90°, without a sign: the program does not know what was drawn.", (BY_HAND,),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_AREA, "Area", "mm²", 53,
        "Area inside the line that was drawn.",
        "In square millimetres only where the pixel spacing is known.", (BY_HAND,),
    ),
)  # fmt: skip
"""Every measure of the program; `spinealign.wording.measures` looks it up by code."""
