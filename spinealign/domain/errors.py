"""Expected failures, as exceptions that carry data and no user-interface wording.

``spinealign.wording`` turns them into one sentence and the next step to take.
"""

from __future__ import annotations

import traceback
from enum import StrEnum
from pathlib import Path

from spinealign.json_files import JsonError


class SpineAlignError(Exception):
    """Base of every failure that SpineAlign expects and words for the user."""


class ReadProblem(StrEnum):
    """Why an image file was refused."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    TOO_MANY = "too_many"
    NO_PIXELS = "no_pixels"
    SEGMENTATION = "segmentation"
    REPORT = "report"
    OWN_PICTURE = "own_picture"
    UNSUPPORTED_COMPRESSION = "unsupported_compression"
    UNSUPPORTED_PACKING = "unsupported_packing"
    UNSUPPORTED_LAYOUT = "unsupported_layout"
    UNSUPPORTED_PIXELS = "unsupported_pixels"
    CONSTANT = "constant"
    NO_IMAGES_IN_FOLDER = "no_images_in_folder"
    NO_IMAGES_IN_ARCHIVE = "no_images_in_archive"
    NO_FILES_OF_INDEX = "no_files_of_index"
    NO_SAGITTAL_SERIES = "no_sagittal_series"
    ENCRYPTED = "encrypted"
    NESTED_ARCHIVE = "nested_archive"
    OTHER_HALF_MISSING = "other_half_missing"


class ImageReadError(SpineAlignError):
    """A file or folder could not become a `SpineImage`.

    Parameters
    ----------
    path : Path
        What the user asked for.
    problem : ReadProblem
        Why it was refused.
    detail : str
        Numbers that help the user, such as the size found; never patient data.
    member : str
        The file inside the archive `path`, where it is told apart from others there.
    """

    def __init__(
        self, path: Path, problem: ReadProblem, detail: str = "", member: str = ""
    ) -> None:
        super().__init__(f"{problem.value}: {detail}" if detail else problem.value)
        self.path = path
        self.problem = problem
        self.detail = detail
        self.member = member


class UnknownExaminationError(SpineAlignError, ValueError):
    """What an image is said to show is no kind of examination.

    Parameters
    ----------
    name : str
    known : tuple of str
        Names that are ones.
    """

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"{name!r} is no kind of examination")
        self.name = name
        self.known = known


class UnexpectedError(SpineAlignError):
    """The program itself failed on one image of many; a defect, or memory that ran out.

    Parameters
    ----------
    path : Path
        What the user asked for.
    cause : BaseException
        Its own text is not kept: it may quote values of the patient.
    """

    def __init__(self, path: Path, cause: BaseException) -> None:
        frame = traceback.extract_tb(cause.__traceback__)[-1:]
        where = "".join(f", {Path(each.filename).name}:{each.lineno}" for each in frame)
        self.detail = f"{type(cause).__name__}{where}"
        super().__init__(self.detail)
        self.path = path


class PatientsDifferError(SpineAlignError):
    """Images that by their files are of different patients were to be used together.

    `is_companion` where the second one was to be graded with the first one.
    """

    def __init__(self, first: Path, second: Path, *, is_companion: bool = False) -> None:
        super().__init__("different patients")
        self.first = first
        self.second = second
        self.is_companion = is_companion


class ModelProblem(StrEnum):
    """Why a model folder was refused."""

    MISSING = "missing"
    NO_FILE = "no_file"
    INCOMPLETE_CARD = "incomplete_card"
    WRONG_CHECKSUM = "wrong_checksum"
    WRONG_CARD = "wrong_card"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_ARCHITECTURE = "wrong_architecture"
    NOT_TAKEN = "not_taken"
    ENGINE_UNAVAILABLE = "engine_unavailable"
    UNLOADABLE = "unloadable"
    OTHER_REGION = "other_region"
    FAILED = "failed"
    NONE_FOR_KIND = "none_for_kind"


class ModelError(SpineAlignError):
    """A model could not be found, trusted or loaded."""

    def __init__(self, model: str, problem: ModelProblem, detail: str = "") -> None:
        super().__init__(f"{model}: {problem.value}" + (f" ({detail})" if detail else ""))
        self.model = model
        self.problem = problem
        self.detail = detail


class ExportProblem(StrEnum):
    """Why a result could not be written."""

    NOT_WRITABLE = "not_writable"
    DISK_FULL = "disk_full"
    FAILED = "failed"


class ExportError(SpineAlignError):
    """A result could not be written; nothing half-written is left behind."""

    def __init__(self, path: Path, problem: ExportProblem, detail: str = "") -> None:
        super().__init__(f"{problem.value}: {detail}" if detail else problem.value)
        self.path = path
        self.problem = problem
        self.detail = detail


class BatchProblem(StrEnum):
    """Why a batch cannot go on."""

    DAMAGED = "damaged"
    NEWER = "newer"
    NOT_WRITABLE = "not_writable"
    RUNNING = "running"
    NO_LIST = "no_list"
    NOTHING_FOUND = "nothing_found"
    NO_WORKER = "no_worker"
    NO_PARQUET = "no_parquet"
    NO_BATCH = "no_batch"
    NO_CLUSTER = "no_cluster"
    FAULTY_CLUSTER = "faulty_cluster"
    NO_SCHEDULER = "no_scheduler"
    SCHEDULER_LOST = "scheduler_lost"
    OTHER_WORKERS = "other_workers"


class BatchError(SpineAlignError):
    """A batch cannot begin or go on.

    Parameters
    ----------
    path : Path or str
        Its database, folder, list or file of options; of a cluster the scheduler's address.
    problem : BatchProblem
    detail : str
        What another program said of it; never patient data.
    """

    def __init__(self, path: Path | str, problem: BatchProblem, detail: str = "") -> None:
        super().__init__(problem.value)
        self.path = path
        self.problem = problem
        self.detail = detail


class DicomObjectProblem(StrEnum):
    """Why a result cannot become a DICOM object, or a DICOM object no result."""

    NO_PATIENT = "no_patient"
    FAULTY_PATIENT = "faulty_patient"
    PATIENT_STATED = "patient_stated"
    FAULTY_ROOT = "faulty_root"
    NO_IDENTIFIERS = "no_identifiers"
    FILE_CHANGED = "file_changed"
    RESAMPLED = "resampled"
    NOTHING_OUTLINED = "nothing_outlined"
    TOO_MANY_FRAMES = "too_many_frames"
    NO_PLACE = "no_place"
    FAULTY_TAGS = "faulty_tags"
    NO_OBJECT = "no_object"
    NO_SEGMENTATION = "no_segmentation"
    DAMAGED = "damaged"
    OTHER_IMAGE = "other_image"
    OTHER_MATRIX = "other_matrix"
    OTHER_PATIENT = "other_patient"
    NO_SPINE = "no_spine"
    NO_REPORT = "no_report"
    DAMAGED_REPORT = "damaged_report"
    REPORT_OF_OTHER = "report_of_other"
    NOTHING_REPORTED = "nothing_reported"


class DicomObjectError(SpineAlignError):
    """A DICOM object cannot be made of a result, or a result not be restored from one.

    Parameters
    ----------
    path : Path
        Of the image, or of the object that was opened.
    problem : DicomObjectProblem
    fields : tuple of str
        Of `StatedPatient`, those that DICOM does not take; or attributes that are missing.
    """

    def __init__(
        self, path: Path, problem: DicomObjectProblem, fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(problem.value)
        self.path = path
        self.problem = problem
        self.fields = fields


class CorrectionsProblem(StrEnum):
    """Why saved corrections were not taken."""

    BROKEN = "broken"
    FOREIGN = "foreign"
    NEWER = "newer"
    CHANGED_ELSEWHERE = "changed_elsewhere"


class CorrectionsError(SpineAlignError):
    """Saved corrections cannot be used, or not be replaced; their file stays as it is.

    Parameters
    ----------
    path : Path
        The file; never written to logs.
    problem : CorrectionsProblem
        Damaged, of another image, of a newer version of the program, or changed by another window.
    damage : JsonError or None
        What is wrong with a damaged file, where that is known.
    """

    def __init__(
        self, path: Path, problem: CorrectionsProblem, damage: JsonError | None = None
    ) -> None:
        super().__init__(problem.value)
        self.path = path
        self.problem = problem
        self.damage = damage


class ReadingProblem(StrEnum):
    """Why a reader cannot do something with a reading."""

    SIGNED_ALREADY = "signed_already"
    NOT_SIGNED = "not_signed"
    NO_READER = "no_reader"
    NO_REASON = "no_reason"
    NO_TEXT = "no_text"
    UNDECIDED = "undecided"
    NO_SUCH_FINDING = "no_such_finding"
    NOTHING_TO_ACCEPT = "nothing_to_accept"
    WRONG_TYPE = "wrong_type"
    OUT_OF_LIMITS = "out_of_limits"
    UNKNOWN_NAME = "unknown_name"
    NOT_CARRIED_OUT = "not_carried_out"
    TOO_LONG = "too_long"
    FAULTY = "faulty"
    CHANGED_ELSEWHERE = "changed_elsewhere"
    SIGNED_ELSEWHERE = "signed_elsewhere"
    CHANGES_WHAT_IS_SIGNED = "changes_what_is_signed"


class ReadingError(SpineAlignError):
    """A reader wanted what cannot be done; the reading is as it was.

    Parameters
    ----------
    problem : ReadingProblem
    keys : tuple of str
        Findings concerned.
    limits : tuple of float or None
        Lowest and highest value allowed.
    """

    def __init__(
        self,
        problem: ReadingProblem,
        keys: tuple[str, ...] = (),
        limits: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.keys = keys
        self.limits = limits


class StoredReadingProblem(StrEnum):
    """What is wrong with a reading on the disk."""

    BROKEN = "broken"
    NEWER = "newer"
    FOREIGN = "foreign"
    CHANGED = "changed"
    OUT_OF_ORDER = "out_of_order"
    VERSION_MISSING = "version_missing"
    LAST_VERSION_MISSING = "last_version_missing"
    KEY_MISSING = "key_missing"
    OTHER_KEY = "other_key"
    COUNT_MISSING = "count_missing"
    COUNT_CHANGED = "count_changed"


class StoredReadingError(SpineAlignError):
    """A reading on the disk is not as it was written.

    Parameters
    ----------
    path : Path
        The file; never written to logs.
    problem : StoredReadingProblem
    version : int
        Of the signed reading concerned; 0 for one that is not signed.
    damage : JsonError or None
        What is wrong with a damaged file, where that is known.
    """

    def __init__(
        self,
        path: Path,
        problem: StoredReadingProblem,
        version: int = 0,
        damage: JsonError | None = None,
    ) -> None:
        super().__init__(f"version {version}: {problem.value}" if version else problem.value)
        self.path = path
        self.problem = problem
        self.version = version
        self.damage = damage


class DeidentificationProblem(StrEnum):
    """Why a file, or all of them, could not be de-identified."""

    KEY = "key"
    SAME_FOLDER = "same_folder"
    BOXES = "boxes"
    NOT_DICOM_OR_PICTURE = "not_dicom_or_picture"
    ARCHIVE = "archive"
    INDEX = "index"
    DOCUMENT = "document"
    UNKNOWN_CLASS = "unknown_class"
    UNREADABLE = "unreadable"
    TOO_DEEP = "too_deep"
    LEFTOVER = "leftover"
    LAYOUT = "layout"
    PIXELS_CHANGED = "pixels_changed"
    TEXT_FOUND = "text_found"
    TEXT_STATED = "text_stated"
    PIXELS_UNSEEN = "pixels_unseen"
    NOT_BLACKENED = "not_blackened"
    SAME_INSTANCE = "same_instance"
    CRASHED = "crashed"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"


class DeidentificationError(SpineAlignError):
    """A file could not be de-identified safely; nothing of it was written.

    Parameters
    ----------
    path : Path
        The source, for the person at this computer; never written to reports or logs.
    problem : DeidentificationProblem
    detail : str
        What kind of thing it was; never a value of the patient.
    """

    def __init__(self, path: Path, problem: DeidentificationProblem, detail: str = "") -> None:
        super().__init__(f"{problem.value}: {detail}" if detail else problem.value)
        self.path = path
        self.problem = problem
        self.detail = detail


class DataSetError(SpineAlignError):
    """A training folder does not have the layout that the command needs."""


class CondemnedDataError(DataSetError):
    """The audit advises against training on these data, and nobody gave a reason to do it."""


class StartingWeightsError(DataSetError):
    """The weights that a network starts from are not named, not there, or others."""


class RecipeError(DataSetError):
    """The file of a training says what no recipe may say."""


class AnswersError(DataSetError):
    """A table of a model's answers, or a data set to be answered, cannot be evaluated."""


class Cancelled(SpineAlignError):  # noqa: N818 - stopping on request is no error
    """The user stopped the work; not a failure, and nothing was written."""
