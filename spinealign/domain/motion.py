"""Flexion and extension read as one examination: range of motion and translation by level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from spinealign.domain.comparison import ComparedMeasure, PatientExamination
from spinealign.domain.measures import Reference

Levels = tuple[str, str]


@dataclass(frozen=True)
class NormalMotion:
    """Mean and standard deviation of people without complaints; None where none is published."""

    mean: float
    sd: float | None
    source: Reference

    @property
    def range_95(self) -> tuple[float, float] | None:
        """Where 95 % of people without complaints lie, mean and twice the standard deviation.

        Motion has a size: the range begins at 0 at the earliest.
        """
        if self.sd is None:
            return None
        return max(0.0, self.mean - 2 * self.sd), self.mean + 2 * self.sd


NORMAL_ROTATION_DEG: Mapping[Levels, NormalMotion] = MappingProxyType(
    {
        ("L2", "L3"): NormalMotion(10.7, 4.56, Reference.ABBOTT),
        ("L3", "L4"): NormalMotion(10.0, 4.83, Reference.ABBOTT),
        ("L4", "L5"): NormalMotion(8.2, 5.31, Reference.ABBOTT),
        ("L5", "S1"): NormalMotion(6.8, 6.25, Reference.ABBOTT),
    }
)
"""Flexion to extension, degrees; the back only.

Source: Abbott 2006, table 5. Of the neck no numbers with a standard deviation for each level could
be read at their source: the abstract of Lind 1989 (Arch Phys Med Rehabil 70:692, 70 healthy
people) has none, that of Wu 2007 the means of two levels (13.5 and 22.6), and that of Xiong 2015
(doi:10.1007/s00586-015-4101-0, kinetic MR) those of patients with complaints.
"""

NORMAL_TRANSLATION_PERCENT: Mapping[Levels, NormalMotion] = MappingProxyType(
    {
        ("C2", "C3"): NormalMotion(9.5, None, Reference.WU),
        ("C3", "C4"): NormalMotion(13.7, None, Reference.WU),
        ("C4", "C5"): NormalMotion(16.6, None, Reference.WU),
        ("C5", "C6"): NormalMotion(15.0, None, Reference.WU),
        ("C6", "C7"): NormalMotion(8.6, None, Reference.WU),
        ("L2", "L3"): NormalMotion(7.9, 4.0, Reference.ABBOTT),
        ("L3", "L4"): NormalMotion(6.6, 4.0, Reference.ABBOTT),
        ("L4", "L5"): NormalMotion(5.8, 3.0, Reference.ABBOTT),
        ("L5", "S1"): NormalMotion(3.2, 4.0, Reference.ABBOTT),
    }
)
"""Flexion to extension, per cent of the depth of the body.

Source: neck: means of 56 healthy adults in videofluoroscopy, Wu 2007 (abstract; no standard
deviations there). Back: Abbott 2006, table 5, in depths of a body.
"""


class MotionSign(StrEnum):
    """Which of White and Panjabi's radiographic criteria a level meets."""

    ROTATION = "rotation"
    TRANSLATION_MM = "translation_mm"
    TRANSLATION_PERCENT = "translation_percent"
    ANGLE_AGAINST_NEIGHBOURS = "angle_against_neighbours"


@dataclass(frozen=True)
class MotionLimits:
    """From when on a level counts in White and Panjabi's checklist of clinical instability.

    Parameters
    ----------
    rotation_deg : float
        Sagittal rotation between flexion and extension.
    translation_mm : float
        Sagittal displacement, on either film or between both, in millimetres of the patient.
    translation_percent : float
        The same in per cent of the depth of the body.
    excess_deg : float or None
        How much more kyphotic than a neighbour, on one film; None below the neck, where the
        limit (22 degrees) holds for resting films only.
    """

    rotation_deg: float
    translation_mm: float
    translation_percent: float
    excess_deg: float | None


_NECK = MotionLimits(20.0, 3.5, 20.0, 11.0)
_UPPER_BACK = MotionLimits(15.0, 4.5, 15.0, None)

MOTION_LIMITS: Mapping[Levels, MotionLimits] = MappingProxyType(
    {
        ("C2", "C3"): _NECK,
        ("C3", "C4"): _NECK,
        ("C4", "C5"): _NECK,
        ("C5", "C6"): _NECK,
        ("C6", "C7"): _NECK,
        ("C7", "T1"): _NECK,
        ("L1", "L2"): _UPPER_BACK,
        ("L2", "L3"): _UPPER_BACK,
        ("L3", "L4"): _UPPER_BACK,
        ("L4", "L5"): MotionLimits(20.0, 4.5, 15.0, None),
        ("L5", "S1"): MotionLimits(25.0, 4.5, 15.0, None),
    }
)
"""By level; each criterion that is met is worth 2 points of a list, of which 5 are unstable.

Source: White and Panjabi, Clinical Biomechanics of the Spine, 2nd edition 1990, checklists for the
middle and lower cervical and the lumbar spine.
"""


@dataclass(frozen=True)
class MetSign:
    """A criterion that a level meets; `is_possible` where the error of the value leaves it open."""

    sign: MotionSign
    is_possible: bool


@dataclass(frozen=True)
class SegmentMotion:
    """Motion of one level between flexion and extension.

    Parameters
    ----------
    levels : tuple of str
        Body above and body below.
    rotation : ComparedMeasure
        Segmental angle in flexion, then in extension: the difference is the range of motion,
        positive where extension opens the front of the segment.
    translation : ComparedMeasure or None
        Offset of the upper body in flexion, then in extension, as a length.
    translation_percent : ComparedMeasure or None
        The same in per cent of the depth of the body below, each film in its own.
    excess_deg : float or None
        How much more kyphotic the segment is in flexion than the less kyphotic of its neighbours.
    signs : tuple of MetSign
        Criteria of `MOTION_LIMITS` that it meets.
    unjudged : tuple of MotionSign
        Those that nothing is known of, because what they are about was not measured.
    """

    levels: Levels
    rotation: ComparedMeasure
    translation: ComparedMeasure | None = None
    translation_percent: ComparedMeasure | None = None
    excess_deg: float | None = None
    signs: tuple[MetSign, ...] = ()
    unjudged: tuple[MotionSign, ...] = ()

    @property
    def normal_rotation(self) -> NormalMotion | None:
        """Of people without complaints, in degrees."""
        return NORMAL_ROTATION_DEG.get(self.levels)

    @property
    def normal_translation(self) -> NormalMotion | None:
        """Of people without complaints, in per cent of the depth of the body."""
        return NORMAL_TRANSLATION_PERCENT.get(self.levels)


@dataclass(frozen=True, eq=False)
class Motion:
    """Flexion and extension of one patient, read as one examination.

    Parameters
    ----------
    flexion, extension : PatientExamination
    total : ComparedMeasure or None
        Lordosis of the neck or back in flexion and in extension; None without a common one.
    segments : tuple of SegmentMotion
        From the top.
    unmeasured : tuple of tuple of str
        Levels that a film shows and that have no angle on both, from the top.
    is_told : bool
        Whether the lordosis told which is flexion; a person decides otherwise.
    """

    flexion: PatientExamination
    extension: PatientExamination
    total: ComparedMeasure | None
    segments: tuple[SegmentMotion, ...]
    unmeasured: tuple[Levels, ...]
    is_told: bool
