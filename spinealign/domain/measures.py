"""Table of measure definitions: quantity, group, levels, reference ranges and thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from spinealign.domain.examination import REGION_OF_LETTER, SpineRegion


class MeasureCode(StrEnum):
    """Key of a measure's definition in `MEASURES`.

    Cards and settings of former versions call the disc angle "segmental_angle".
    """

    COBB_C2_C7 = "cobb_c2_c7"
    COBB_C2_C6 = "cobb_c2_c6"
    COBB_C2_LOWEST = "cobb_c2_lowest"
    POSTERIOR_TANGENT = "posterior_tangent"
    BODY_SEGMENTAL_ANGLE = "body_segmental_angle"
    DISC_ANGLE = "disc_angle"
    SAGITTAL_VERTICAL_AXIS = "sagittal_vertical_axis"
    C7_SLOPE = "c7_slope"
    T1_SLOPE = "t1_slope"
    T1_SLOPE_MINUS_LORDOSIS = "t1_slope_minus_lordosis"
    TRANSLATION = "translation"
    BODY_HEIGHT_ANTERIOR = "body_height_anterior"
    BODY_HEIGHT_MIDDLE = "body_height_middle"
    BODY_HEIGHT_POSTERIOR = "body_height_posterior"
    BODY_HEIGHT_RATIO = "body_height_ratio"
    MIDDLE_HEIGHT_RATIO = "middle_height_ratio"
    HEIGHT_TO_NEIGHBOURS = "height_to_neighbours"
    DISC_HEIGHT = "disc_height"
    DISC_HEIGHT_RATIO = "disc_height_ratio"
    LUMBAR_LORDOSIS_L1_S1 = "lumbar_lordosis_l1_s1"
    LUMBAR_LORDOSIS_L1_L5 = "lumbar_lordosis_l1_l5"
    DISC_HEIGHT_INDEX = "disc_height_index"
    LISTHESIS_PERCENT = "listhesis_percent"
    CANAL_DIAMETER = "canal_diameter"
    CANAL_DIAMETER_BEHIND_BODY = "canal_diameter_behind_body"
    CANAL_RATIO = "canal_ratio"
    THORACIC_KYPHOSIS_T4_T12 = "thoracic_kyphosis_t4_t12"
    THORACIC_KYPHOSIS_T5_T12 = "thoracic_kyphosis_t5_t12"
    LUMBAR_LORDOSIS_L4_S1 = "lumbar_lordosis_l4_s1"
    SAGITTAL_VERTICAL_AXIS_C7_S1 = "sagittal_vertical_axis_c7_s1"
    SACRAL_SLOPE = "sacral_slope"
    PELVIC_TILT = "pelvic_tilt"
    PELVIC_INCIDENCE = "pelvic_incidence"
    PELVIC_INCIDENCE_MINUS_LORDOSIS = "pelvic_incidence_minus_lordosis"
    DRAWN_DISTANCE = "drawn_distance"
    DRAWN_ANGLE = "drawn_angle"
    DRAWN_COBB = "drawn_cobb"
    DRAWN_AREA = "drawn_area"
    DRAWN_RECTANGLE = "drawn_rectangle"
    DRAWN_ELLIPSE = "drawn_ellipse"
    FEMORAL_HEADS = "femoral_heads"
    CURVE_PROXIMAL_THORACIC = "curve_proximal_thoracic"
    CURVE_MAIN_THORACIC = "curve_main_thoracic"
    CURVE_THORACOLUMBAR = "curve_thoracolumbar"
    CURVE_LUMBAR = "curve_lumbar"
    CURVE_FURTHER = "curve_further"
    CURVE_UNNAMED = "curve_unnamed"
    CORONAL_BALANCE = "coronal_balance"
    TRUNK_SHIFT = "trunk_shift"
    APICAL_TRANSLATION = "apical_translation"
    T1_TILT = "t1_tilt"
    L5_TILT = "l5_tilt"
    CHALLENGE_COBB_1 = "cobb_1"
    CHALLENGE_COBB_2 = "cobb_2"
    CHALLENGE_COBB_3 = "cobb_3"
    PLUMB_POINTS = "plumb_points"
    CHEST_EDGES = "chest_edges"

    @classmethod
    def _missing_(cls, value: object) -> MeasureCode | None:
        return cls.DISC_ANGLE if value == "segmental_angle" else None


class MeasureGroup(StrEnum):
    """Under which heading a measure stands, in the order of the headings."""

    ALIGNMENT = "alignment"
    BALANCE = "balance"
    SEGMENTS = "segments"
    CANAL = "canal"
    DISCS = "discs"
    BODIES = "bodies"
    CHALLENGE = "challenge"
    DRAWN = "drawn"


class Quantity(StrEnum):
    """Kind of a measure's value: its unit where the pixel spacing is known."""

    ANGLE = "deg"
    LENGTH = "mm"
    AREA = "mm²"
    PERCENT = "%"
    RATIO = ""


class Extent(StrEnum):
    """What one value of a measure belongs to.

    `SPINE` is named in its title; `SPAN` runs between the first and the last of the
    levels measured, which differ from image to image; so does `CURVE`, which is the same curve
    on another film whatever its end vertebrae are there; `DRAWING` has no levels.
    """

    SPINE = "spine"
    SPAN = "span"
    CURVE = "curve"
    DISC = "disc"
    BODY = "body"
    DRAWING = "drawing"

    @property
    def has_one_level(self) -> bool:
        """Whether there is a value for each disc or body."""
        return self in (Extent.DISC, Extent.BODY)


class DrawnOn(StrEnum):
    """Where the lines of a measure are drawn unless the user says otherwise."""

    NOTHING = "nothing"
    REPORT = "report"
    SCREEN_AND_REPORT = "screen_and_report"


class Reference(StrEnum):
    """Publications that definitions, reference ranges and thresholds are taken from."""

    SPINEBASE = "spinebase.org"
    DAFFIN = "Daffin 2017"
    HARRISON = "Harrison 2000, PMID 10954638"
    TANG = "Tang 2012, doi:10.1227/NEU.0b013e31826100c9"
    PROTOPSALTIS = "Protopsaltis 2018"
    AMES = "Ames 2015"
    WHITE_PANJABI = "White and Panjabi’s checklist, PMID 3437146"
    SUZUKI = "Suzuki, kinetic MR"
    GENANT = "Genant 1993, J Bone Miner Res 8:1137"
    MEYERDING = "Meyerding’s grades"
    RADIOPAEDIA = "Radiopaedia"
    LURIE = "Lurie 2008, doi:10.1097/BRS.0b013e3181791af3"
    CHEN = "Chen 2022, doi:10.1016/j.jocn.2022.07.018"
    SRS_SCHWAB = "SRS-Schwab, doi:10.1097/BRS.0b013e31823e15e2"
    LE_HUEC = "Le Huec 2011, doi:10.1007/s00586-011-1940-1"
    YUKAWA = "Yukawa 2018, Eur Spine J 27:426"
    YUKAWA_2012 = "Yukawa 2012, PMID 22310883"
    GUO = "Guo 2018, doi:10.1186/s13018-018-0854-6"
    ZHU = "Zhu 2022, doi:10.1186/s12891-022-05792-x"
    JUNCTION = "Surg Radiol Anat 2011;33:223, doi:10.1007/s00276-010-0746-x"
    TANG_2021 = "Tang 2021, doi:10.1007/s00586-021-06756-w"
    FURLANETTO = "Furlanetto 2018, doi:10.6063/motricidade.10890"
    LENKE = "Lenke’s sagittal modifier"
    WAKAYAMA_LORDOSIS = "627 volunteers, PMCID PMC6680033"
    CERVICAL_READERS = "Asian Spine J 2020;14:169, doi:10.31616/asj.2019.0069"
    TANGENT_READERS = "Chiropr Man Therap 2015, doi:10.1186/s12998-015-0078-3"
    LUMBAR_READERS = "Polly 1996, PMID 8817780"
    BALANCE_READERS = "PMID 31495478"
    SLIP_READERS = "Eur J Radiol 1994;18:227, doi:10.1016/0720-048X(94)90341-7"
    DISC_READERS = "Chiropr Man Therap 2013, doi:10.1186/2045-709X-21-26"
    KYPHOSIS_READERS = "Spine 2002, PMID 12394929"
    THORACIC_READERS = "Ohrt-Nissen 2017, doi:10.1186/s13013-017-0112-4"
    ABBOTT = "Abbott 2006, doi:10.1186/1471-2474-7-45"
    WU = "Wu 2007, doi:10.1007/s00586-007-0372-4"
    WHITE_PANJABI_BOOK = "White and Panjabi, Clinical Biomechanics of the Spine, 1990"
    SRS = "Scoliosis Research Society"
    SOSORT = "SOSORT 2016, doi:10.1186/s13013-017-0145-8"
    COBB = "Cobb 1948"
    DEFORMITY_MANUAL = "Spinal Deformity Study Group, Radiographic Measurement Manual, 2008"
    LENKE_2001 = "Lenke 2001, J Bone Joint Surg Am 83:1169"
    CORONAL_READERS = "Morrissy 1990, J Bone Joint Surg Am 72:320"
    AASCE = "AASCE challenge 2019, SpineWeb data set 16"
    SET_BY_HAND = "no published value found: set by hand"
    OTHER_VERSION = "as another version of this program names it"

    @classmethod
    def _missing_(cls, value: object) -> Reference | None:
        """Take the text of another version: signed readings stay readable when it is reworded."""
        return cls.OTHER_VERSION if isinstance(value, str) else None


class SeverityGrade(StrEnum):
    """What a value means by a published threshold."""

    AXIS_OVER_40_MM = "axis_over_40_mm"
    AMES_0 = "ames_0"
    AMES_1 = "ames_1"
    AMES_2 = "ames_2"
    KYPHOTIC_AGAINST_NEIGHBOURS = "kyphotic_against_neighbours"
    TRANSLATION_OVER_3_5_MM = "translation_over_3_5_mm"
    MEYERDING_1 = "meyerding_1"
    MEYERDING_2 = "meyerding_2"
    MEYERDING_3 = "meyerding_3"
    MEYERDING_4 = "meyerding_4"
    SPONDYLOPTOSIS = "spondyloptosis"
    ABSOLUTE_STENOSIS = "absolute_stenosis"
    RELATIVE_STENOSIS = "relative_stenosis"
    CANAL_BELOW_ONE_THIRD = "canal_below_one_third"
    CANAL_BELOW_TWO_THIRDS = "canal_below_two_thirds"
    GENANT_1 = "genant_1"
    GENANT_2 = "genant_2"
    GENANT_3 = "genant_3"
    SVA_UNDER_40_MM = "sva_under_40_mm"
    SVA_40_TO_95_MM = "sva_40_to_95_mm"
    SVA_OVER_95_MM = "sva_over_95_mm"
    TILT_UNDER_20 = "tilt_under_20"
    TILT_20_TO_30 = "tilt_20_to_30"
    TILT_OVER_30 = "tilt_over_30"
    MISMATCH_UNDER_10 = "mismatch_under_10"
    MISMATCH_10_TO_20 = "mismatch_10_to_20"
    MISMATCH_OVER_20 = "mismatch_over_20"
    CURVE_UNDER_10 = "curve_under_10"
    CURVE_10_TO_25 = "curve_10_to_25"
    CURVE_25_TO_45 = "curve_25_to_45"
    CURVE_OVER_45 = "curve_over_45"
    IMBALANCE_OVER_20_MM = "imbalance_over_20_mm"


@dataclass(frozen=True)
class NormalRange:
    """A 95 % reference range: 95 of 100 people without complaints lie inside.

    Parameters
    ----------
    low, high : float or None
        In the measure's unit; an open end is None.
    mean, sd : float or None
        Of the same people; not a range by themselves, as a third lies beyond one standard
        deviation.
    people : int
        How many were measured; 0 where that is not stated.
    ages : tuple of int or None
        Youngest and oldest, in years, both included; None where ages are not told apart.
    levels : tuple of str
        Bodies that it holds for; empty for all.
    source : Reference or None
    """

    low: float | None
    high: float | None
    mean: float | None = None
    sd: float | None = None
    people: int = 0
    ages: tuple[int, int] | None = None
    levels: tuple[str, ...] = ()
    source: Reference | None = None

    def holds(self, value: float) -> bool:
        """Whether a value lies inside, ends included."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def is_for(self, levels: tuple[str, ...], age_years: int | None) -> bool:
        """Whether it holds at some levels, and at an age where that is known."""
        is_here = not self.levels or bool(levels and levels[0] in self.levels)
        if self.ages is None or age_years is None:
            return is_here
        youngest, oldest = self.ages
        return is_here and youngest <= age_years <= oldest

    @property
    def age_span(self) -> float:
        """How many years it covers."""
        return math.inf if self.ages is None else self.ages[1] - self.ages[0]


@dataclass(frozen=True)
class Severity:
    """The grade of a value; `is_possible` where its 95 % interval reaches beyond the grade."""

    grade: SeverityGrade
    source: Reference
    is_possible: bool = False


@dataclass(frozen=True)
class SeverityBand:
    """Values of one grade, from `low` (included) to `high` (not included); an open end is None."""

    grade: SeverityGrade
    low: float | None
    high: float | None
    source: Reference

    def holds(self, value: float) -> bool:
        """Whether a value lies in the band."""
        return (self.low is None or value >= self.low) and (self.high is None or value < self.high)


@dataclass(frozen=True)
class ReaderLimit:
    """How far two readers of a radiograph without a program differ on 95 % of images.

    Parameters
    ----------
    half_width : float
        To either side, in degrees, millimetres, per cent or as a ratio. A value of this program
        whose 95 % interval reaches farther is worth less than a reader's, and is withheld.
    source : Reference
        docs/design/intervals.md says how the number follows from it.
    """

    half_width: float
    source: Reference


@dataclass(frozen=True)
class MeasureDefinition:
    """How a measure is taken and read; its words are in `spinealign.wording.definitions`.

    Parameters
    ----------
    code : MeasureCode
    quantity : Quantity
        Lengths and areas are in pixels where the spacing is unknown.
    group : MeasureGroup
    importance : int
        1 is listed first.
    extent : Extent
    scope : frozenset of SpineRegion
        Where it is measured: by the lower body of a disc, a body itself, or any body of the
        image. Bodies without levels lie in the examination's `body_region`.
    drawn_on : DrawnOn
    sources : tuple of Reference
        Empty for what this program or its user defined.
    ranges : tuple of NormalRange
        Millimetres of the patient where the value is a length. Empty where no mean, standard
        deviation and number of people by this definition is known.
    severities : tuple of SeverityBand
    graded_in : frozenset of SpineRegion or None
        Where `severities` count; None means all of `scope`.
    ungraded_beside : frozenset of SpineRegion
        Where they do not count as soon as one of several bodies lies there.
    stands_in_for : MeasureCode or None
        The measure whose place this one takes where that one cannot be taken.
    made_of : tuple of MeasureCode
        The measures whose sum or difference it is.
    is_lordosis : bool
        Whether it is the curvature of its region that a finding begins with.
    is_graded_if_surely_positive : bool
        Whether `severities` count only where the whole 95 % interval lies above zero.
    is_graded_on_films_if_sure : bool
        Whether `severities` of points that a network placed on a film count only where the whole
        95 % interval has a grade. Source: five of 19 standing films had a body of which a
        network's outlines, and not the reader's, told height loss of 20 to 35 %; no interval was
        wholly beyond 20 % (docs/design/height-loss.md).
    whole_spine_only : bool
        Whether it is taken only of images that show the whole spine and that the patient
        stands for (`Examination.shows_all_regions`).
    reader_limit : ReaderLimit or None
        None for what no body is measured for: drawings, and the canal.
    counts_both_ways : bool
        Whether `severities` are of the size of a value, whatever its sign.
    """

    code: MeasureCode
    quantity: Quantity
    group: MeasureGroup
    importance: int
    extent: Extent
    scope: frozenset[SpineRegion]
    drawn_on: DrawnOn
    sources: tuple[Reference, ...]
    ranges: tuple[NormalRange, ...] = ()
    severities: tuple[SeverityBand, ...] = ()
    graded_in: frozenset[SpineRegion] | None = None
    ungraded_beside: frozenset[SpineRegion] = frozenset()
    stands_in_for: MeasureCode | None = None
    made_of: tuple[MeasureCode, ...] = ()
    is_lordosis: bool = False
    is_graded_if_surely_positive: bool = False
    is_graded_on_films_if_sure: bool = False
    whole_spine_only: bool = False
    reader_limit: ReaderLimit | None = None
    counts_both_ways: bool = False

    def normal_for(
        self, levels: tuple[str, ...] = (), age_years: int | None = None
    ) -> NormalRange | None:
        """Return the reference range of some levels at an age, or None.

        Of several it is the one of the fewest years where the age is known, else that of the
        most. A known age outside of all that were measured has none.
        """
        fitting = [one for one in self.ranges if one.is_for(levels, age_years)]
        sign = 1 if age_years is not None else -1
        return min(fitting, key=lambda one: sign * one.age_span, default=None)

    @property
    def is_size(self) -> bool:
        """Whether values are heights, diameters or their ratios, which are never negative."""
        return self.group in (MeasureGroup.CANAL, MeasureGroup.DISCS, MeasureGroup.BODIES)

    @property
    def is_of_posture(self) -> bool:
        """Whether limits and ranges of neutral posture say nothing of a bent spine.

        Pelvic incidence is a constant of the pelvis: bending does not change it.
        """
        is_of_whole = self.group in (MeasureGroup.ALIGNMENT, MeasureGroup.BALANCE)
        return is_of_whole and self.code is not MeasureCode.PELVIC_INCIDENCE

    @property
    def is_length(self) -> bool:
        """Whether values, ranges and thresholds are millimetres."""
        return self.quantity is Quantity.LENGTH

    def is_graded_in(self, region: SpineRegion) -> bool:
        """Whether thresholds count in a region."""
        return region in (self.scope if self.graded_in is None else self.graded_in)

    def is_graded_between(self, levels: Sequence[str]) -> bool:
        """Whether thresholds count between named bodies; a body without a level never forbids."""
        return not {REGION_OF_LETTER.get(level[:1]) for level in levels} & self.ungraded_beside

    @property
    def ungraded(self) -> NormalRange | None:
        """Values that the published thresholds call normal, of an adult; None where none do.

        Of thresholds on the difference from the neighbours, not on the value, there are none.
        """
        bands = self.severities
        if not bands or bands[0].grade in _NO_LIMIT_OF_THE_VALUE:
            return None
        first, last = bands[0], bands[-1]
        if first.low is None and last.high is None:
            return NormalRange(None, first.high, source=first.source)
        if first.low is None:
            return NormalRange(last.high, None, source=first.source)
        low = -first.low if self.counts_both_ways else None
        return NormalRange(low, first.low, source=first.source)

    def severity_of(self, value: float, low: float, high: float) -> Severity | None:
        """Return the grade of a value by the published thresholds, or None.

        Parameters
        ----------
        value, low, high : float
            The number that is graded, and its 95 % interval. Where the interval reaches
            beyond the grade's band, the grade is only possible.
        """
        for band in self.severities:
            if band.holds(value):
                is_sure = band.holds(low) and band.holds(high)
                return Severity(band.grade, band.source, not is_sure)
        return None


_NO_LIMIT_OF_THE_VALUE = (SeverityGrade.KYPHOTIC_AGAINST_NEIGHBOURS, SeverityGrade.MEYERDING_1)
"""Grades of a difference from neighbours, and of any slip at all."""

_EVERYWHERE = frozenset(SpineRegion)
_NECK = frozenset({SpineRegion.CERVICAL})
_BELOW_NECK = _EVERYWHERE - _NECK
_BACK = frozenset({SpineRegion.LUMBAR, SpineRegion.SACRAL})
_THORAX = frozenset({SpineRegion.THORACIC})

_IN_95_PERCENT = 1.96
"""Standard deviations within which 95 % of a normal distribution lie.

Source: JCGM 100:2008, annex G, table G.1, rounded as reference ranges are published.
"""

_ADULTS = (20, 79)
"""Ages of the volunteers of Yukawa and colleagues: the third to the eighth decade of life.

Source: PMID 22310883; Eur Spine J 2018;27:426; Asian Spine J 2019;13:663.
"""

_JUNCTION_PEOPLE = 115
"""People whose thoracolumbar bodies were measured on MR.

Source: Surg Radiol Anat 2011;33:223, doi:10.1007/s00276-010-0746-x.
"""


def _range_of(
    mean: float, sd: float, people: int, source: Reference, *, ages: tuple[int, int] | None = None,
    levels: tuple[str, ...] = (), decimals: int = 1,
) -> NormalRange:  # fmt: skip
    """Return the 95 % range of a published mean and standard deviation, rounded."""
    low, high = (round(mean + sign * _IN_95_PERCENT * sd, decimals) for sign in (-1, 1))
    return NormalRange(low, high, mean, sd, people, ages, levels, source)


_CERVICAL_LORDOSES = (
    _range_of(13.9, 12.3, 1230, Reference.YUKAWA_2012, ages=_ADULTS),
    _range_of(8.0, 11.8, 200, Reference.YUKAWA_2012, ages=(20, 29)),
    _range_of(19.7, 11.3, 200, Reference.YUKAWA_2012, ages=(70, 79)),
    _range_of(7.7, 12.1, 111, Reference.ZHU, ages=(15, 19)),
)
"""C2-C7 Cobb angle, standing or sitting, degrees.

Source: PMID 22310883 (1,230 volunteers, at least 200 a decade; of the decades its abstract
states the third and the eighth); doi:10.1186/s12891-022-05792-x (111 adolescents of 15 to 20).
"""

_JUNCTION_WEDGES = tuple(
    _range_of(mean, sd, _JUNCTION_PEOPLE, Reference.JUNCTION, levels=levels, decimals=2)
    for levels, mean, sd in (
        (("T10", "T11"), 0.92, 0.08), (("T12",), 0.90, 0.06), (("L1",), 0.89, 0.06),
        (("L2",), 0.90, 0.07),
    )
)  # fmt: skip
"""Anterior over posterior height of bodies of the thoracolumbar junction, on MR.

Source: doi:10.1007/s00276-010-0746-x, 115 people of 49.5 years on average.
"""

_GENANT = (
    SeverityBand(SeverityGrade.GENANT_3, None, 0.60, Reference.GENANT),
    SeverityBand(SeverityGrade.GENANT_2, 0.60, 0.75, Reference.GENANT),
    SeverityBand(SeverityGrade.GENANT_1, 0.75, 0.80, Reference.GENANT),
)
"""Height over the greatest height: 40, 25 and 20 % loss; made for the thoracolumbar spine."""

_CURVES = (
    SeverityBand(SeverityGrade.CURVE_UNDER_10, None, 10.0, Reference.SRS),
    SeverityBand(SeverityGrade.CURVE_10_TO_25, 10.0, 25.0, Reference.SRS),
    SeverityBand(SeverityGrade.CURVE_25_TO_45, 25.0, 45.0, Reference.SOSORT),
    SeverityBand(SeverityGrade.CURVE_OVER_45, 45.0, None, Reference.SOSORT),
)
"""Cobb angles of a curve: no scoliosis below 10 degrees; treatment is discussed by the others.

Source: Scoliosis Research Society (definition); SOSORT 2016, doi:10.1186/s13013-017-0145-8.
"""


def _curve(code: MeasureCode, importance: int) -> MeasureDefinition:
    return MeasureDefinition(
        code, Quantity.ANGLE, MeasureGroup.ALIGNMENT, importance, Extent.CURVE,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT,
        (Reference.COBB, Reference.SRS, Reference.SOSORT),
        severities=_CURVES,
        reader_limit=ReaderLimit(7.2, Reference.CORONAL_READERS),
    )  # fmt: skip


def _of_challenge(code: MeasureCode, importance: int) -> MeasureDefinition:
    return MeasureDefinition(
        code, Quantity.ANGLE, MeasureGroup.CHALLENGE, importance, Extent.SPINE,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.AASCE,),
        reader_limit=ReaderLimit(7.2, Reference.CORONAL_READERS),
    )  # fmt: skip


_TABLE = (
    MeasureDefinition(
        MeasureCode.COBB_C2_C7, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 1, Extent.SPINE,
        _NECK, DrawnOn.SCREEN_AND_REPORT,
        (Reference.YUKAWA_2012, Reference.GUO, Reference.DAFFIN, Reference.HARRISON),
        ranges=_CERVICAL_LORDOSES,
        is_lordosis=True,
        reader_limit=ReaderLimit(8.2, Reference.CERVICAL_READERS),
    ),
    MeasureDefinition(
        MeasureCode.COBB_C2_C6, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 2, Extent.SPINE,
        _NECK, DrawnOn.SCREEN_AND_REPORT, (Reference.SPINEBASE,),
        stands_in_for=MeasureCode.COBB_C2_C7, is_lordosis=True,
        reader_limit=ReaderLimit(8.2, Reference.CERVICAL_READERS),
    ),
    MeasureDefinition(
        MeasureCode.COBB_C2_LOWEST, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 2, Extent.SPAN,
        _NECK, DrawnOn.SCREEN_AND_REPORT, (Reference.SPINEBASE,),
        stands_in_for=MeasureCode.COBB_C2_C7, is_lordosis=True,
        reader_limit=ReaderLimit(8.2, Reference.CERVICAL_READERS),
    ),
    MeasureDefinition(
        MeasureCode.POSTERIOR_TANGENT, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 3, Extent.SPAN,
        _NECK, DrawnOn.NOTHING, (Reference.HARRISON,),
        reader_limit=ReaderLimit(10.0, Reference.TANGENT_READERS),
    ),
    MeasureDefinition(
        MeasureCode.SAGITTAL_VERTICAL_AXIS, Quantity.LENGTH, MeasureGroup.ALIGNMENT, 4,
        Extent.SPINE, _NECK, DrawnOn.SCREEN_AND_REPORT, (Reference.TANG,),
        ranges=(_range_of(18.6, 7.9, 126, Reference.TANG_2021, ages=(18, 30)),),
        severities=(SeverityBand(SeverityGrade.AXIS_OVER_40_MM, 40.0, None, Reference.TANG),),
        reader_limit=ReaderLimit(7.0, Reference.BALANCE_READERS),
    ),
    MeasureDefinition(
        MeasureCode.C7_SLOPE, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 6, Extent.SPINE,
        _NECK, DrawnOn.REPORT, (Reference.PROTOPSALTIS, Reference.AMES),
        stands_in_for=MeasureCode.T1_SLOPE,
        reader_limit=ReaderLimit(6.5, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.T1_SLOPE, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 5, Extent.SPINE,
        _NECK, DrawnOn.REPORT, (Reference.PROTOPSALTIS, Reference.AMES),
        reader_limit=ReaderLimit(6.5, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.T1_SLOPE_MINUS_LORDOSIS, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 7,
        Extent.SPINE, _NECK, DrawnOn.NOTHING, (Reference.PROTOPSALTIS, Reference.AMES),
        made_of=(MeasureCode.T1_SLOPE, MeasureCode.COBB_C2_C7),
        severities=(
            SeverityBand(SeverityGrade.AMES_0, None, 15.0, Reference.AMES),
            SeverityBand(SeverityGrade.AMES_1, 15.0, 20.0, Reference.AMES),
            SeverityBand(SeverityGrade.AMES_2, 20.0, None, Reference.AMES),
        ),
        reader_limit=ReaderLimit(10.5, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.THORACIC_KYPHOSIS_T4_T12, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 8,
        Extent.SPINE, _THORAX, DrawnOn.SCREEN_AND_REPORT, (Reference.FURLANETTO,),
        is_lordosis=True, whole_spine_only=True,
        reader_limit=ReaderLimit(8.7, Reference.KYPHOSIS_READERS),
    ),
    MeasureDefinition(
        MeasureCode.THORACIC_KYPHOSIS_T5_T12, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 8,
        Extent.SPINE, _THORAX, DrawnOn.NOTHING, (Reference.LENKE,),
        is_lordosis=True, whole_spine_only=True,
        reader_limit=ReaderLimit(9.0, Reference.THORACIC_READERS),
    ),
    MeasureDefinition(
        MeasureCode.LUMBAR_LORDOSIS_L1_S1, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 9,
        Extent.SPINE, _BACK, DrawnOn.SCREEN_AND_REPORT,
        (Reference.SPINEBASE, Reference.FURLANETTO),
        is_lordosis=True,
        reader_limit=ReaderLimit(11.2, Reference.LUMBAR_READERS),
    ),
    MeasureDefinition(
        MeasureCode.LUMBAR_LORDOSIS_L1_L5, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 10,
        Extent.SPINE, _BACK, DrawnOn.SCREEN_AND_REPORT, (Reference.SPINEBASE,),
        stands_in_for=MeasureCode.LUMBAR_LORDOSIS_L1_S1, is_lordosis=True,
        reader_limit=ReaderLimit(11.2, Reference.LUMBAR_READERS),
    ),
    MeasureDefinition(
        MeasureCode.LUMBAR_LORDOSIS_L4_S1, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 11,
        Extent.SPINE, _BACK, DrawnOn.NOTHING, (Reference.WAKAYAMA_LORDOSIS,),
        ranges=(_range_of(34.2, 8.3, 627, Reference.WAKAYAMA_LORDOSIS, ages=_ADULTS),),
        whole_spine_only=True,
        reader_limit=ReaderLimit(11.2, Reference.LUMBAR_READERS),
    ),
    MeasureDefinition(
        MeasureCode.SAGITTAL_VERTICAL_AXIS_C7_S1, Quantity.LENGTH, MeasureGroup.BALANCE, 12,
        Extent.SPINE, _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT,
        (Reference.SRS_SCHWAB, Reference.YUKAWA),
        ranges=(_range_of(3.1, 12.6, 626, Reference.YUKAWA, ages=_ADULTS),),
        severities=(
            SeverityBand(SeverityGrade.SVA_UNDER_40_MM, None, 40.0, Reference.SRS_SCHWAB),
            SeverityBand(SeverityGrade.SVA_40_TO_95_MM, 40.0, 95.0, Reference.SRS_SCHWAB),
            SeverityBand(SeverityGrade.SVA_OVER_95_MM, 95.0, None, Reference.SRS_SCHWAB),
        ),
        whole_spine_only=True,
        reader_limit=ReaderLimit(7.0, Reference.BALANCE_READERS),
    ),
    MeasureDefinition(
        MeasureCode.SACRAL_SLOPE, Quantity.ANGLE, MeasureGroup.BALANCE, 13, Extent.SPINE,
        _BACK, DrawnOn.REPORT, (Reference.LE_HUEC, Reference.YUKAWA),
        ranges=(_range_of(39.4, 8.0, 626, Reference.YUKAWA, ages=_ADULTS),),
        whole_spine_only=True,
        reader_limit=ReaderLimit(11.0, Reference.BALANCE_READERS),
    ),
    MeasureDefinition(
        MeasureCode.PELVIC_TILT, Quantity.ANGLE, MeasureGroup.BALANCE, 14, Extent.SPINE,
        _BACK, DrawnOn.NOTHING, (Reference.LE_HUEC, Reference.SRS_SCHWAB, Reference.YUKAWA),
        ranges=(_range_of(14.5, 8.4, 626, Reference.YUKAWA, ages=_ADULTS),),
        severities=(
            SeverityBand(SeverityGrade.TILT_UNDER_20, None, 20.0, Reference.SRS_SCHWAB),
            SeverityBand(SeverityGrade.TILT_20_TO_30, 20.0, 30.0, Reference.SRS_SCHWAB),
            SeverityBand(SeverityGrade.TILT_OVER_30, 30.0, None, Reference.SRS_SCHWAB),
        ),
        whole_spine_only=True,
        reader_limit=ReaderLimit(5.0, Reference.BALANCE_READERS),
    ),
    MeasureDefinition(
        MeasureCode.PELVIC_INCIDENCE, Quantity.ANGLE, MeasureGroup.BALANCE, 15, Extent.SPINE,
        _BACK, DrawnOn.SCREEN_AND_REPORT, (Reference.LE_HUEC, Reference.YUKAWA),
        made_of=(MeasureCode.PELVIC_TILT, MeasureCode.SACRAL_SLOPE),
        ranges=(_range_of(53.7, 10.9, 626, Reference.YUKAWA, ages=_ADULTS),),
        whole_spine_only=True,
        reader_limit=ReaderLimit(14.0, Reference.BALANCE_READERS),
    ),
    MeasureDefinition(
        MeasureCode.PELVIC_INCIDENCE_MINUS_LORDOSIS, Quantity.ANGLE, MeasureGroup.BALANCE, 16,
        Extent.SPINE, _BACK, DrawnOn.NOTHING, (Reference.SRS_SCHWAB,),
        made_of=(MeasureCode.PELVIC_INCIDENCE, MeasureCode.LUMBAR_LORDOSIS_L1_S1),
        severities=(
            SeverityBand(SeverityGrade.MISMATCH_UNDER_10, None, 10.0, Reference.SRS_SCHWAB),
            SeverityBand(SeverityGrade.MISMATCH_10_TO_20, 10.0, 20.0, Reference.SRS_SCHWAB),
            SeverityBand(SeverityGrade.MISMATCH_OVER_20, 20.0, None, Reference.SRS_SCHWAB),
        ),
        whole_spine_only=True,
        reader_limit=ReaderLimit(18.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.BODY_SEGMENTAL_ANGLE, Quantity.ANGLE, MeasureGroup.SEGMENTS, 21, Extent.DISC,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.WHITE_PANJABI,),
        severities=(
            SeverityBand(
                SeverityGrade.KYPHOTIC_AGAINST_NEIGHBOURS, 11.0, None, Reference.WHITE_PANJABI
            ),
        ),
        graded_in=_NECK,
        reader_limit=ReaderLimit(9.2, Reference.CERVICAL_READERS),
    ),
    MeasureDefinition(
        MeasureCode.DISC_ANGLE, Quantity.ANGLE, MeasureGroup.SEGMENTS, 22, Extent.DISC,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.TANG_2021,),
        reader_limit=ReaderLimit(9.2, Reference.CERVICAL_READERS),
    ),
    MeasureDefinition(
        MeasureCode.TRANSLATION, Quantity.LENGTH, MeasureGroup.SEGMENTS, 20, Extent.DISC,
        _NECK, DrawnOn.NOTHING, (Reference.WHITE_PANJABI, Reference.SUZUKI),
        severities=(
            SeverityBand(
                SeverityGrade.TRANSLATION_OVER_3_5_MM, 3.5, None, Reference.WHITE_PANJABI
            ),
        ),
        counts_both_ways=True,
        reader_limit=ReaderLimit(3.3, Reference.SLIP_READERS),
    ),
    MeasureDefinition(
        MeasureCode.LISTHESIS_PERCENT, Quantity.PERCENT, MeasureGroup.SEGMENTS, 20, Extent.DISC,
        _BELOW_NECK, DrawnOn.NOTHING, (Reference.MEYERDING,),
        severities=(
            SeverityBand(SeverityGrade.MEYERDING_1, 0.0, 25.0, Reference.MEYERDING),
            SeverityBand(SeverityGrade.MEYERDING_2, 25.0, 50.0, Reference.MEYERDING),
            SeverityBand(SeverityGrade.MEYERDING_3, 50.0, 75.0, Reference.MEYERDING),
            SeverityBand(SeverityGrade.MEYERDING_4, 75.0, 100.0, Reference.MEYERDING),
            SeverityBand(SeverityGrade.SPONDYLOPTOSIS, 100.0, None, Reference.MEYERDING),
        ),
        is_graded_if_surely_positive=True,
        reader_limit=ReaderLimit(12.0, Reference.SLIP_READERS),
    ),
    MeasureDefinition(
        MeasureCode.DISC_HEIGHT, Quantity.LENGTH, MeasureGroup.DISCS, 30, Extent.DISC,
        _EVERYWHERE, DrawnOn.NOTHING, (),
        reader_limit=ReaderLimit(2.3, Reference.DISC_READERS),
    ),
    MeasureDefinition(
        MeasureCode.DISC_HEIGHT_RATIO, Quantity.RATIO, MeasureGroup.DISCS, 31, Extent.DISC,
        _EVERYWHERE, DrawnOn.NOTHING, (),
        reader_limit=ReaderLimit(0.5, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.DISC_HEIGHT_INDEX, Quantity.RATIO, MeasureGroup.DISCS, 32, Extent.DISC,
        _BELOW_NECK, DrawnOn.NOTHING, (Reference.SPINEBASE, Reference.CHEN),
        reader_limit=ReaderLimit(0.15, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.CANAL_DIAMETER, Quantity.LENGTH, MeasureGroup.CANAL, 23, Extent.DISC,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.RADIOPAEDIA,),
        severities=(
            SeverityBand(SeverityGrade.ABSOLUTE_STENOSIS, None, 10.0, Reference.RADIOPAEDIA),
            SeverityBand(SeverityGrade.RELATIVE_STENOSIS, 10.0, 13.0, Reference.RADIOPAEDIA),
        ),
        ungraded_beside=_NECK | _THORAX,
    ),
    MeasureDefinition(
        MeasureCode.CANAL_RATIO, Quantity.RATIO, MeasureGroup.CANAL, 24, Extent.DISC,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.LURIE,),
        severities=(
            SeverityBand(SeverityGrade.CANAL_BELOW_ONE_THIRD, None, 1 / 3, Reference.LURIE),
            SeverityBand(SeverityGrade.CANAL_BELOW_TWO_THIRDS, 1 / 3, 2 / 3, Reference.LURIE),
        ),
        ungraded_beside=_NECK | _THORAX,
    ),
    MeasureDefinition(
        MeasureCode.CANAL_DIAMETER_BEHIND_BODY, Quantity.LENGTH, MeasureGroup.CANAL, 25,
        Extent.BODY, _EVERYWHERE, DrawnOn.NOTHING, (),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_ANTERIOR, Quantity.LENGTH, MeasureGroup.BODIES, 43, Extent.BODY,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.GENANT,),
        reader_limit=ReaderLimit(3.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_MIDDLE, Quantity.LENGTH, MeasureGroup.BODIES, 44, Extent.BODY,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.GENANT,),
        reader_limit=ReaderLimit(3.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_POSTERIOR, Quantity.LENGTH, MeasureGroup.BODIES, 45, Extent.BODY,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.GENANT,),
        reader_limit=ReaderLimit(3.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.BODY_HEIGHT_RATIO, Quantity.RATIO, MeasureGroup.BODIES, 40, Extent.BODY,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.GENANT, Reference.JUNCTION),
        ranges=_JUNCTION_WEDGES,
        severities=_GENANT, graded_in=_BELOW_NECK, is_graded_on_films_if_sure=True,
        reader_limit=ReaderLimit(0.2, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.MIDDLE_HEIGHT_RATIO, Quantity.RATIO, MeasureGroup.BODIES, 41, Extent.BODY,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.GENANT,),
        severities=_GENANT, graded_in=_BELOW_NECK, is_graded_on_films_if_sure=True,
        reader_limit=ReaderLimit(0.2, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.HEIGHT_TO_NEIGHBOURS, Quantity.RATIO, MeasureGroup.BODIES, 42, Extent.BODY,
        _BELOW_NECK, DrawnOn.NOTHING, (Reference.GENANT,),
        severities=_GENANT, is_graded_on_films_if_sure=True,
        reader_limit=ReaderLimit(0.2, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_DISTANCE, Quantity.LENGTH, MeasureGroup.DRAWN, 50, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_ANGLE, Quantity.ANGLE, MeasureGroup.DRAWN, 51, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_COBB, Quantity.ANGLE, MeasureGroup.DRAWN, 52, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_AREA, Quantity.AREA, MeasureGroup.DRAWN, 53, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_RECTANGLE, Quantity.AREA, MeasureGroup.DRAWN, 55, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    MeasureDefinition(
        MeasureCode.DRAWN_ELLIPSE, Quantity.AREA, MeasureGroup.DRAWN, 56, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    MeasureDefinition(
        MeasureCode.FEMORAL_HEADS, Quantity.LENGTH, MeasureGroup.DRAWN, 54, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    _curve(MeasureCode.CURVE_PROXIMAL_THORACIC, 1),
    _curve(MeasureCode.CURVE_MAIN_THORACIC, 1),
    _curve(MeasureCode.CURVE_THORACOLUMBAR, 1),
    _curve(MeasureCode.CURVE_LUMBAR, 1),
    _curve(MeasureCode.CURVE_FURTHER, 1),
    _curve(MeasureCode.CURVE_UNNAMED, 1),
    MeasureDefinition(
        MeasureCode.T1_TILT, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 5, Extent.SPINE,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.DEFORMITY_MANUAL,),
        reader_limit=ReaderLimit(5.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.L5_TILT, Quantity.ANGLE, MeasureGroup.ALIGNMENT, 6, Extent.SPINE,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.DEFORMITY_MANUAL,),
        reader_limit=ReaderLimit(5.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.CORONAL_BALANCE, Quantity.LENGTH, MeasureGroup.BALANCE, 12, Extent.SPINE,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT,
        (Reference.DEFORMITY_MANUAL, Reference.SRS_SCHWAB),
        severities=(
            SeverityBand(SeverityGrade.IMBALANCE_OVER_20_MM, 20.0, None, Reference.SRS_SCHWAB),
        ),
        counts_both_ways=True,
        reader_limit=ReaderLimit(7.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.TRUNK_SHIFT, Quantity.LENGTH, MeasureGroup.BALANCE, 13, Extent.SPINE,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.DEFORMITY_MANUAL,),
        reader_limit=ReaderLimit(7.0, Reference.SET_BY_HAND),
    ),
    MeasureDefinition(
        MeasureCode.APICAL_TRANSLATION, Quantity.LENGTH, MeasureGroup.BALANCE, 14, Extent.BODY,
        _EVERYWHERE, DrawnOn.NOTHING, (Reference.DEFORMITY_MANUAL,),
        reader_limit=ReaderLimit(7.0, Reference.SET_BY_HAND),
    ),
    _of_challenge(MeasureCode.CHALLENGE_COBB_1, 46),
    _of_challenge(MeasureCode.CHALLENGE_COBB_2, 47),
    _of_challenge(MeasureCode.CHALLENGE_COBB_3, 48),
    MeasureDefinition(
        MeasureCode.PLUMB_POINTS, Quantity.LENGTH, MeasureGroup.DRAWN, 57, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
    MeasureDefinition(
        MeasureCode.CHEST_EDGES, Quantity.LENGTH, MeasureGroup.DRAWN, 58, Extent.DRAWING,
        _EVERYWHERE, DrawnOn.SCREEN_AND_REPORT, (),
    ),
)  # fmt: skip


def _by_code(table: tuple[MeasureDefinition, ...]) -> Mapping[MeasureCode, MeasureDefinition]:
    found = {definition.code: definition for definition in table}
    if set(found) != set(MeasureCode) or len(found) != len(table):
        raise ValueError("every measure has one definition")
    return MappingProxyType(found)


MEASURES: Mapping[MeasureCode, MeasureDefinition] = _by_code(_TABLE)
"""Every measure of the program, in the order in which `spinealign define` lists them."""
