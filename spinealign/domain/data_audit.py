"""What an audit of a data set found: files, pairs, shortcuts, a verdict, and an honest split.

All of it is written as audit.json; the sentences are `wording.data_audit`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

AUDIT_SCHEMA = "spinealign-data-audit-1"
"""What `DataAudit.schema` says."""


class Layout(StrEnum):
    """How files were told apart."""

    SPLIT_FOLDERS = "split_folders"
    CLASS_FOLDERS = "class_folders"
    LIST = "list"
    MASKS = "masks"
    FILES = "files"


class PatientSource(StrEnum):
    """What tells whose picture a file is, the surest first."""

    LIST = "list"
    DICOM = "dicom"
    FOLDER = "folder"
    NAME = "name"
    UNKNOWN = "unknown"


class FileProblem(StrEnum):
    """What is wrong or odd about one file; those of `BROKEN` cannot be used at all."""

    EMPTY = "empty"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    NOT_AN_IMAGE = "not_an_image"
    BLANK = "blank"
    MISNAMED = "misnamed"
    TINY = "tiny"
    OTHER_SIZE = "other_size"
    OTHER_DEPTH = "other_depth"
    COLOUR = "colour"
    TRANSPARENT = "transparent"
    SEVERAL_PICTURES = "several_pictures"
    CLIPPED = "clipped"
    MASK_MISSING = "mask_missing"
    MASK_SIZE = "mask_size"
    MASK_EMPTY = "mask_empty"
    MASK_UNREADABLE = "mask_unreadable"
    MASK_ODD_VALUES = "mask_odd_values"
    TEXT_BURNT_IN = "text_burnt_in"


BROKEN = frozenset(
    {FileProblem.EMPTY, FileProblem.UNREADABLE, FileProblem.MISSING, FileProblem.NOT_AN_IMAGE}
)
"""Problems after which nothing else is known of a file."""


class Relation(StrEnum):
    """How two files are related."""

    EXACT = "exact"
    NEAR = "near"
    NEIGHBOUR = "neighbour"


class ShortcutKind(StrEnum):
    """What a network could read the class from without looking at what the class means."""

    SIZE = "size"
    FORMAT = "format"
    COMPRESSION = "compression"
    HISTOGRAM = "histogram"
    NOISE = "noise"
    BORDER = "border"
    MARK = "mark"
    MARK_PLACE = "mark_place"
    MARKER = "marker"
    TEXT = "text"
    THUMBNAIL = "thumbnail"
    LEVEL = "level"
    METADATA = "metadata"
    PROCESSING = "processing"


class FindingKind(StrEnum):
    """What an audit can find, in the order in which it is told."""

    COPY_ACROSS = "copy_across"
    FAMILY_ACROSS = "family_across"
    NEAR_COPY_ACROSS = "near_copy_across"
    PATIENT_ACROSS = "patient_across"
    SERIES_ACROSS = "series_across"
    NEIGHBOUR_ACROSS = "neighbour_across"
    CONTRADICTING_CLASSES = "contradicting_classes"
    ONE_CLASS = "one_class"
    CLASS_FROM_FEW_PATIENTS = "class_from_few_patients"
    PART_FROM_ONE_SERIES = "part_from_one_series"
    SHORTCUT = "shortcut"
    COPIES_OF_TWO_PATIENTS = "copies_of_two_patients"
    PERHAPS_ONE_PATIENT = "perhaps_one_patient"
    COPIES = "copies"
    PREPARED_COPIES = "prepared_copies"
    REPEATED_PATIENTS = "repeated_patients"
    BROKEN_FILES = "broken_files"
    ODD_FILES = "odd_files"
    IMBALANCE = "imbalance"
    CLASS_MISSING_IN_PART = "class_missing_in_part"
    PATIENTS_UNKNOWN = "patients_unknown"
    NO_SPLIT = "no_split"


class Severity(StrEnum):
    """What a finding means for a training."""

    CONDEMNS = "condemns"
    DOUBT = "doubt"
    NOTE = "note"


@dataclass(frozen=True)
class AuditedFile:
    """One file as the audit understood it.

    Parameters
    ----------
    path : str
        Relative to the data set, with forward slashes.
    part : str
        "train", "val" or "test" as the data set says; empty where it says nothing.
    label : str
        Class; empty where there are none.
    patient : str
        Whose picture it is, as far as told: a word of the list, folder or file name; for DICOM
        files a number of this audit, never the identifier.
    patient_source : PatientSource
    series : str
        Empty where nothing tells.
    slice_number : int or None
        Place in the series.
    base : str
        What all prepared copies of one picture share; the path itself where it has none.
    group : int
        Files of one group belong on one side of a split.
    problems : tuple of FileProblem
    width, height : int
        Pixels; 0 where the file cannot be read.
    sha256 : str
        Of the file's bytes; empty where there are none.
    perhaps : tuple of int
        Numbers that files share which a list gives to several patients, and which are perhaps one
        person's by endings of names or by DICOM identifiers.
    """

    path: str
    part: str = ""
    label: str = ""
    patient: str = ""
    patient_source: PatientSource = PatientSource.UNKNOWN
    series: str = ""
    slice_number: int | None = None
    base: str = ""
    group: int = 0
    problems: tuple[FileProblem, ...] = ()
    width: int = 0
    height: int = 0
    sha256: str = ""
    perhaps: tuple[int, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether nothing of it can be used."""
        return not BROKEN.isdisjoint(self.problems)


@dataclass(frozen=True)
class Pair:
    """Two files that show the same, or slices that lie beside each other.

    Parameters
    ----------
    first, second : str
        Paths of `AuditedFile`.
    relation : Relation
    correlation : float
        Median correlation of fine detail over the tiles of the shared area, after the second was
        laid over the first; 1 for exact copies.
    turned_deg : float
        By how much the second is turned, anticlockwise.
    scale : float
        Size of the second's picture relative to the first's, frame taken as 1.
    is_mirrored : bool
    overlap : float
        Share of the first that the second covers.
    """

    first: str
    second: str
    relation: Relation
    correlation: float = 1.0
    turned_deg: float = 0.0
    scale: float = 1.0
    is_mirrored: bool = False
    overlap: float = 1.0


@dataclass(frozen=True)
class Shortcut:
    """How well a class can be told by something that should not tell it.

    Parameters
    ----------
    kind : ShortcutKind
    label : str
        The class against all others.
    auc, low, high : float
        Area under the ROC curve of predictions for files of other groups than those learned from,
        and its 95 % interval by bootstrap over those groups; 0 and 1 where there is no interval.
    unit : str
        What was kept together and drawn: "patient", "series", "picture" or "file".
    units : int
        How many of them.
    held_out_accuracy : float or None
        Learned on the data set's training part, the share of its other parts that is told rightly.
    rule : str
        What decides, such as "mean <= 97.2", where a tree decided.
    examples : tuple of str
        Files that are told most surely, the class first, then others.
    """

    kind: ShortcutKind
    label: str
    auc: float
    low: float
    high: float
    unit: str
    units: int
    held_out_accuracy: float | None = None
    rule: str = ""
    examples: tuple[str, ...] = ()

    @property
    def has_interval(self) -> bool:
        """Whether drawing groups again told anything."""
        return self.low > 0 or self.high < 1


@dataclass(frozen=True)
class Finding:
    """One thing that the audit found.

    Parameters
    ----------
    kind : FindingKind
    severity : Severity
    count : int
        Of what the sentence counts.
    of : int
        Among how many.
    labels : tuple of str
        Classes or parts it is about.
    names : tuple of str
        Patients, series or base pictures it is about, the first few.
    paths : tuple of str
        Files it is about, the first few.
    shortcut : Shortcut or None
    problems : tuple of FileProblem
        Which of them, for files.
    """

    kind: FindingKind
    severity: Severity
    count: int
    of: int = 0
    labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    shortcut: Shortcut | None = None
    problems: tuple[FileProblem, ...] = ()


@dataclass(frozen=True)
class SplitPart:
    """How many files and groups of one class lie in one part of a split."""

    part: str
    label: str
    files: int
    groups: int


@dataclass(frozen=True)
class HonestSplit:
    """A split that keeps every group on one side.

    Parameters
    ----------
    is_possible : bool
        Whether every class has groups for both sides.
    parts : tuple of SplitPart
        Empty where no honest split is possible.
    blocking : tuple of str
        Classes with one group only, which no split can have on both sides.
    """

    is_possible: bool
    parts: tuple[SplitPart, ...] = ()
    blocking: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a training on this data set, with its split, may be believed.

    Parameters
    ----------
    is_condemned : bool
        Whether no training should start on this split without a person's reason.
    reasons : tuple of Finding
        Those that condemn, the worst first.
    """

    is_condemned: bool
    reasons: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Counted:
    """How many files, groups and patients of one class lie in one part."""

    part: str
    label: str
    files: int
    pictures: int
    groups: int
    patients: int


@dataclass(frozen=True)
class DataAudit:
    """The whole audit, as audit.json holds it.

    Parameters
    ----------
    schema : str
        `AUDIT_SCHEMA`.
    program : str
        Version of SpineAlign.
    name : str
        Of the folder or list.
    layout : Layout
    fingerprint : str
        Of the content of all files and of what the data set says about them; equal for equal data.
    files : tuple of AuditedFile
    counts : tuple of Counted
    pairs : tuple of Pair
    shortcuts : tuple of Shortcut
        Of every kind and class, whether or not they were findings.
    findings : tuple of Finding
        The worst first.
    split : HonestSplit
    verdict : Verdict
    patients_known : float
        Share of the files whose patient something tells.
    """

    schema: str
    program: str
    name: str
    layout: Layout
    fingerprint: str
    files: tuple[AuditedFile, ...]
    counts: tuple[Counted, ...]
    pairs: tuple[Pair, ...]
    shortcuts: tuple[Shortcut, ...]
    findings: tuple[Finding, ...]
    split: HonestSplit
    verdict: Verdict
    patients_known: float
