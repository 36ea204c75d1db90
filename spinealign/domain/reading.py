"""A reading: what a reader accepted, changed and rejected of an analysis, and then signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import Corrections, WarningCode
from spinealign.domain.height_loss import HeightLoss
from spinealign.domain.measurements import Coordinate, CurveShape, Share, Unmeasurable
from spinealign.domain.measures import MEASURES, MeasureCode, NormalRange, Severity

MOST_FINDINGS = 1000
"""Of one image; 23 discs with 8 grades and 400 measures are fewer."""

Moment = Annotated[datetime, Meta(tz=True)]
"""A time with its time zone; ours are UTC."""

PersonName = Annotated[str, Meta(max_length=200)]
"""Name of a reader as typed."""

FreeText = Annotated[str, Meta(max_length=20_000)]
"""What a reader types: four printed pages at most."""

Key = Annotated[str, Meta(min_length=1, max_length=120)]
"""Of a finding: the same for the same finding of the same image, whatever its value is."""


class ReadingStatus(StrEnum):
    """How far a reading is.

    In DICOM structured reports (PS3.3 C.17.2) automatic and being read are Completion Flag
    PARTIAL, Verification Flag UNVERIFIED, Preliminary Flag PRELIMINARY; signed is COMPLETE,
    VERIFIED and FINAL, the reader being the Verifying Observer; amended has its earlier version
    in the Predecessor Documents Sequence besides. In FHIR's DiagnosticReport.status they are
    preliminary, preliminary, final and amended.
    """

    AUTOMATIC = "automatic"
    BEING_READ = "being_read"
    SIGNED = "signed"
    AMENDED = "amended"

    @property
    def is_verified(self) -> bool:
        """Whether a reader signed."""
        return self in (ReadingStatus.SIGNED, ReadingStatus.AMENDED)


class Decision(StrEnum):
    """What a reader made of one finding."""

    UNDECIDED = "undecided"
    ACCEPTED = "accepted"
    CHANGED = "changed"
    REJECTED = "rejected"


class FindingKind(StrEnum):
    """What a finding is about; `spinealign.reading.findings` has the table of all kinds."""

    HEIGHT_LOSS = "height_loss"
    DISC_GRADE = "disc_grade"
    MEASURE = "measure"
    LEVELS = "levels"
    EXAMINATION = "examination"


CONTEXT_KINDS = (FindingKind.EXAMINATION, FindingKind.LEVELS)
"""What the names and numbers of all other findings rest on."""


class Normality(StrEnum):
    """What a value means (DICOM 121402, Normality).

    `UNJUDGED`: there is no reference for it. `UNDETERMINED`: there is no value that can be
    relied on, which is a doubt and no finding.
    """

    ABNORMAL = "abnormal"
    NORMAL = "normal"
    UNJUDGED = "unjudged"
    UNDETERMINED = "undetermined"


class GradeScale(StrEnum):
    """Published scales of whole grades."""

    PFIRRMANN = "pfirrmann"
    GENANT = "genant"


GRADE_LIMITS: Mapping[GradeScale, tuple[int, int]] = MappingProxyType(
    {GradeScale.PFIRRMANN: (1, 5), GradeScale.GENANT: (0, 3)}
)
"""Lowest and highest grade of each scale.

Source: Pfirrmann 2001, Spine 26:1873; Genant 1993, J Bone Miner Res 8:1137.
"""


class NumberValue(msgspec.Struct, frozen=True, tag_field="type", tag="number"):
    """A measured number; `interval` is the 95 % interval (low, high), None if a person gave it."""

    value: float
    unit: Annotated[str, Meta(max_length=8)]
    interval: tuple[float, float] | None = None

    def may_lie_in(self, normal: NormalRange) -> bool:
        """Whether its 95 % interval, or without one the value itself, reaches into a range."""
        low, high = self.interval or (self.value, self.value)
        is_low_enough = normal.high is None or low <= normal.high
        return is_low_enough and (normal.low is None or high >= normal.low)

    def surely_lies_in(self, normal: NormalRange) -> bool:
        """Whether all of its 95 % interval, or without one the value itself, lies in a range."""
        return all(normal.holds(end) for end in self.interval or (self.value,))


class GradeValue(msgspec.Struct, frozen=True, tag_field="type", tag="grade"):
    """A whole grade; what follows it is the program's, None if a person gave the grade.

    Parameters
    ----------
    scale : GradeScale
    grade : int
    probability : float or None
        Of the grade, 0..1; None where it follows from a measure.
    percent : float or None
        Height lost, in per cent, from which one of Genant's grades follows.
    """

    scale: GradeScale
    grade: int
    probability: Share | None = None
    percent: Annotated[float, Meta(ge=0, le=100)] | None = None


class PresenceValue(msgspec.Struct, frozen=True, tag_field="type", tag="presence"):
    """Whether something is there; `probability` is that it is, None if a person said so."""

    is_present: bool
    probability: Share | None = None


class NameValue(msgspec.Struct, frozen=True, tag_field="type", tag="name"):
    """One of several names: a kind of examination, or the bodies from the top ("C2 C3 C4")."""

    name: Annotated[str, Meta(max_length=200)]


FindingValue = NumberValue | GradeValue | PresenceValue | NameValue

Box = tuple[Coordinate, Coordinate, Coordinate, Coordinate]
"""(left, top, right, bottom) in image pixels."""

_CANAL_LINES: Mapping[str, str] = MappingProxyType(
    {MeasureCode.CANAL_DIAMETER: "canal", MeasureCode.CANAL_RATIO: "canal_ratio"}
)


class Finding(msgspec.Struct, frozen=True):
    """One thing that an analysis says, ready to be read.

    Parameters
    ----------
    key : str
        Such as "measure/cobb_c2_c7/C2/C7", "disc_grade/pfirrmann/L4/L5", "height_loss/L1",
        "examination".
    kind : FindingKind
    code : str
        Of its kind: a `MeasureCode`, a `GradeName`; else the kind itself.
    levels : tuple of str
        Bodies concerned, from the top; the two beside a disc.
    normality : Normality
    value : FindingValue or None
        What the analysis says, with the points that a person moved; None where `normality` is
        undetermined and nothing can be said.
    automatic : FindingValue or None
        What the program said before anybody corrected a point; None if it said nothing.
    normal : NormalRange or None
        In the unit of the value.
    severity : Severity or None
        By a published threshold.
    is_possible : bool
        Whether the 95 % interval also allows a normal value.
    unmeasurable : Unmeasurable or None
        Why there is no value.
    cautions : tuple of WarningCode
        Warnings of the analysis that change what this value means.
    rank : float
        How bad it is: 0 is normal, 1 the edge of the normal; findings are listed by it, worst
        first.
    box : tuple of float or None
        (left, top, right, bottom) in image pixels: where to look.
    unit : str
        Of a number, also where there is no value.
    height_loss : HeightLoss or None
        Which part of a body is lower, and how much, as the analysis measured it.
    curve : CurveShape or None
        Apex and side of a curve of the spine seen from the front.
    """

    key: Key
    kind: FindingKind
    code: Annotated[str, Meta(max_length=60)]
    levels: tuple[str, ...]
    normality: Normality
    value: FindingValue | None = None
    automatic: FindingValue | None = None
    normal: NormalRange | None = None
    severity: Severity | None = None
    is_possible: bool = False
    unmeasurable: Unmeasurable | None = None
    cautions: tuple[WarningCode, ...] = ()
    rank: float = 0.0
    box: Box | None = None
    unit: Annotated[str, Meta(max_length=8)] = ""
    height_loss: HeightLoss | None = None
    curve: CurveShape | None = None

    @property
    def place(self) -> str:
        """Where it is: "L4/L5" for neighbours, "C2–C7" for what lies apart, "" for the image."""
        is_disc = len(self.levels) < 2 or _are_neighbours(self.levels)
        return "/".join(self.levels) if is_disc else self.span

    @property
    def canal_line(self) -> str:
        """Key of the line on which widths of the spinal canal are told for all levels, else ""."""
        return _CANAL_LINES.get(self.code, "")

    @property
    def is_of_canal(self) -> bool:
        """Whether it is a width of the spinal canal, which is told once for all levels."""
        return bool(self.canal_line)

    @property
    def reference(self) -> NormalRange | None:
        """What its value is judged by: the reference range, else where no grade begins."""
        if self.normal is not None:
            return self.normal
        is_judged = self.normality in (Normality.ABNORMAL, Normality.NORMAL)
        is_graded = is_judged and self.kind is FindingKind.MEASURE
        return MEASURES[MeasureCode(self.code)].ungraded if is_graded else None

    @property
    def span(self) -> str:
        """First and last of its bodies: "C2–C7"."""
        return f"{self.levels[0]}–{self.levels[-1]}" if self.levels else ""


def _are_neighbours(levels: tuple[str, ...]) -> bool:
    """Whether levels are two bodies beside one disc; an assumed level ends with "?"."""
    places = [_ORDER.get(level.removesuffix("?"), -2) for level in levels]
    return len(places) == 2 and places[1] == places[0] + 1


_ORDER = {level: place for place, level in enumerate(LEVEL_SEQUENCE)}


class FindingDecision(msgspec.Struct, frozen=True):
    """What a reader decided on one finding.

    Parameters
    ----------
    key : str
        Of the finding.
    decision : Decision
        Never `UNDECIDED`: no decision is none.
    shown : FindingValue or None
        `Finding.value` as the reader saw it: the decision is outdated once the analysis says
        something else.
    automatic : FindingValue or None
        `Finding.automatic` at that time.
    human : FindingValue or None
        What the reader says instead, where `decision` is `CHANGED`; else None.
    reader : str
        Empty as long as nobody gave a name; who signs takes such decisions over.
    decided_utc : datetime
    box : tuple of float or None
        `Finding.box` at that time: after levels were renamed, a key may name another place.
    """

    key: Key
    decision: Decision
    shown: FindingValue | None
    automatic: FindingValue | None
    human: FindingValue | None
    reader: PersonName
    decided_utc: Moment
    box: Box | None = None

    def __post_init__(self) -> None:
        """Refuse a change without a value, and a value without a change."""
        if self.decision is Decision.UNDECIDED:
            raise ValueError("an undecided finding has no decision")
        if (self.decision is Decision.CHANGED) != (self.human is not None):
            raise ValueError("a changed finding has the reader's value, and no other has one")

    @property
    def effective(self) -> FindingValue | None:
        """What then holds: the reader's value, the one accepted, or None if it was rejected."""
        if self.decision is Decision.REJECTED:
            return None
        return self.shown if self.human is None else self.human


class Impression(msgspec.Struct, frozen=True):
    """The conclusion of a reading.

    Parameters
    ----------
    text : str
    is_edited : bool
        The reader typed in it: decisions leave it alone.
    followed : str
        What followed from the decisions when it was typed, so that it is noticed where that is
        no longer so.
    """

    text: FreeText = ""
    is_edited: bool = False
    followed: FreeText = ""


class Disagreement(msgspec.Struct, frozen=True):
    """Where an impression that the reader typed no longer agrees with the decisions.

    Parameters
    ----------
    overruled : tuple of str
        What it says although the reader changed or rejected it, as it is dictated.
    stale : tuple of str
        Sentences of it that followed from the decisions, and no longer do.
    missing : tuple of str
        Abnormal findings decided since it was typed that do not stand in it, as sentences.
    """

    overruled: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.overruled or self.stale or self.missing)


class Addendum(msgspec.Struct, frozen=True):
    """What a reader adds to a signed reading, and why."""

    text: FreeText
    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    reader: Annotated[str, Meta(min_length=1, max_length=200)]
    added_utc: Moment


class AddendumDraft(msgspec.Struct, frozen=True):
    """An addendum that is being typed: kept until it is signed or discarded.

    `reader` is who types it, as far as a name was given.
    """

    text: FreeText = ""
    reason: Annotated[str, Meta(max_length=2000)] = ""
    reader: PersonName = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not (self.text.strip() or self.reason.strip())


class Joined(StrEnum):
    """What was put together with what another window wrote of the same reading."""

    DECISIONS = "decisions"
    TEXTS = "texts"


class ReadImage(msgspec.Struct, frozen=True):
    """The picture that a reading belongs to: its file by checksum, and its place in the file."""

    sha256: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,128}$(?!\n)")]
    width_px: Annotated[int, Meta(ge=1)]
    height_px: Annotated[int, Meta(ge=1)]
    index: Annotated[int, Meta(ge=0)] | None = None
    volume: Annotated[int, Meta(ge=0)] = 0


class ReadModel(msgspec.Struct, frozen=True):
    """A network whose result was read."""

    name: str
    version: str
    sha256: str


class Reading(msgspec.Struct, frozen=True):
    """What a reader makes of the analysis of one picture.

    Parameters
    ----------
    image : ReadImage
    view : str
        `Analysis.view_name` of the analysis that was read.
    decisions : tuple of FindingDecision
        One a finding at most; in the order of the decisions.
    impression : Impression
    reader : str
        Name of the reader who works on it, and who signed it; empty until it is asked for.
    program_version : str
    models : tuple of ReadModel
    signed_utc : datetime or None
        None until it is signed.
    findings : tuple of Finding
        All findings as they were signed, those without a decision too; empty until then.
    statements : tuple of str
        A sentence for each of `findings` that had been decided, as the reader saw it.
    addenda : tuple of Addendum
        From the first one.
    corrections_sha256 : str or None
        Of the corrections of the picture as they were when it was signed, empty without any: what
        is drawn follows them. None until it is signed.
    corrections : Corrections or None
        These corrections, without a date of the examination; None without any, until it is
        signed, and where a program signed it that kept their checksum only.
    set_aside_utc : datetime or None
        When an earlier signed reading of the picture was set aside, because it was not as it was
        written; None without one.
    """

    image: ReadImage
    view: Annotated[str, Meta(min_length=1, max_length=60)]
    decisions: Annotated[tuple[FindingDecision, ...], Meta(max_length=MOST_FINDINGS)] = ()
    impression: Impression = Impression()
    reader: PersonName = ""
    program_version: Annotated[str, Meta(max_length=60)] = ""
    models: tuple[ReadModel, ...] = ()
    signed_utc: Moment | None = None
    findings: Annotated[tuple[Finding, ...], Meta(max_length=MOST_FINDINGS)] = ()
    statements: Annotated[tuple[FreeText, ...], Meta(max_length=MOST_FINDINGS)] = ()
    addenda: Annotated[tuple[Addendum, ...], Meta(max_length=1000)] = ()
    corrections_sha256: Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{64})?$(?!\n)")] | None = None
    corrections: Corrections | None = None
    set_aside_utc: Moment | None = None

    def __post_init__(self) -> None:
        """Refuse two decisions on one finding, and addenda to what nobody signed."""
        if len({decision.key for decision in self.decisions}) < len(self.decisions):
            raise ValueError("a finding has one decision")
        if self.signed_utc is None and self.addenda:
            raise ValueError("only a signed reading has addenda")
        if self.signed_utc is not None and not self.reader.strip():
            raise ValueError("a signed reading has a reader")

    @property
    def status(self) -> ReadingStatus:
        """Automatic until a reader did anything; amended once it has an addendum."""
        if self.signed_utc is not None:
            return ReadingStatus.AMENDED if self.addenda else ReadingStatus.SIGNED
        is_begun = bool(self.decisions) or self.impression.is_edited
        return ReadingStatus.BEING_READ if is_begun else ReadingStatus.AUTOMATIC

    @property
    def version(self) -> int:
        """0 until it is signed, then 1, and one more for each addendum."""
        return 0 if self.signed_utc is None else 1 + len(self.addenda)

    def decision_on(self, key: str) -> FindingDecision | None:
        """Return what was decided on a finding, or None."""
        return next((decision for decision in self.decisions if decision.key == key), None)

    def with_changes(self, **changes: Any) -> Reading:
        """Return a copy with some fields replaced, checked like a new one."""
        return msgspec.structs.replace(self, **changes)
