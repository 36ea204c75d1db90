"""Expected failures in words: what happened, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from spinealign.domain.errors import (
    AnswersError,
    BatchError,
    Cancelled,
    CondemnedDataError,
    CorrectionsError,
    CorrectionsProblem,
    DataSetError,
    DeidentificationError,
    DicomObjectError,
    ExportError,
    ExportProblem,
    ImageReadError,
    ModelError,
    ModelProblem,
    PatientsDifferError,
    ReadingError,
    ReadingProblem,
    ReadProblem,
    RecipeError,
    SpineAlignError,
    StartingWeightsError,
    StoredReadingError,
    StoredReadingProblem,
    UnexpectedError,
    UnknownExaminationError,
)
from spinealign.domain.formats import FORMAT_NAMES
from spinealign.domain.model_store import ModelStoreError
from spinealign.domain.network import NetworkError
from spinealign.domain.worker import WorkerError
from spinealign.json_files import JsonError, JsonProblem
from spinealign.wording.batch import BATCH_MESSAGES
from spinealign.wording.deidentification import problem_words
from spinealign.wording.dicom_objects import dicom_object_words
from spinealign.wording.model_store import card_problem_text, store_words
from spinealign.wording.network import network_failure
from spinealign.wording.protection import protection_words
from spinealign.wording.text import as_sentence, display_name, listed, safe_text
from spinealign.wording.training import CONDEMNED_ADVICE, PACKAGE_TAKES
from spinealign.wording.training_recipe import RECIPE_ADVICE
from spinealign.wording.worker import worker_words


@dataclass(frozen=True)
class Message:
    """One clear sentence, and what to do next."""

    sentence: str
    advice: str


_FORMATS = listed(FORMAT_NAMES, "or")

_READ_MESSAGES = {
    ReadProblem.MISSING: (
        "“{name}” does not exist.",
        "Check the spelling and whether the drive is connected.",
    ),
    ReadProblem.UNREADABLE: (
        "“{name}” could not be read{detail}.",
        "Check that you may read the file and that no other program has it open, "
        "or copy it to another folder.",
    ),
    ReadProblem.EMPTY: (
        "“{name}” is empty.",
        "Copy or export the image again: the first copy did not finish.",
    ),
    ReadProblem.NOT_AN_IMAGE: (
        "“{name}” is not an image that SpineAlign can read{detail}.",
        f"Open a {_FORMATS} file, or a zip archive of such files.",
    ),
    ReadProblem.TRUNCATED: (
        "“{name}” is damaged or incomplete{detail}.",
        "Copy or export the image again and open the new file.",
    ),
    ReadProblem.TOO_LARGE: (
        "“{name}” is too large{detail}.",
        "Crop it to the spine or export it at a lower resolution.",
    ),
    ReadProblem.TOO_SMALL: (
        "“{name}” is too small to analyse{detail}.",
        "A picture needs at least 32 pixels on each side; where this is a thumbnail or a tile, "
        "open the whole picture instead.",
    ),
    ReadProblem.TOO_MANY: (
        "“{name}” holds more than SpineAlign looks through at once{detail}.",
        "Open the files of one examination or series by themselves.",
    ),
    ReadProblem.NO_PIXELS: (
        "“{name}” is a DICOM file without an image{detail}.",
        "Choose an image of the same examination instead of a report or an index.",
    ),
    ReadProblem.SEGMENTATION: (
        "“{name}” is a DICOM segmentation: outlines on an image, and not an image itself{detail}.",
        "Open the image that it was made of, then the segmentation (File menu, Open a DICOM "
        "segmentation or report), or keep both in one folder and open the segmentation again.",
    ),
    ReadProblem.REPORT: (
        "“{name}” is a DICOM report or document, and not an image{detail}.",
        "Open the image that it speaks of, then a structured report (File menu, Open a DICOM "
        "segmentation or report); other viewers show the text of reports and documents.",
    ),
    ReadProblem.OWN_PICTURE: (
        "“{name}” is a picture of results of SpineAlign, and not an image to be analysed{detail}.",
        "Open the image that it was made of; it lies in the same study.",
    ),
    ReadProblem.UNSUPPORTED_COMPRESSION: (
        "“{name}” is compressed in a way that SpineAlign cannot read{detail}.",
        "Export it uncompressed, or as JPEG, JPEG-LS or JPEG 2000.",
    ),
    ReadProblem.UNSUPPORTED_PACKING: (
        "“{name}” is packed in a way that SpineAlign cannot unpack{detail}.",
        "Unpack it with another program, then open the folder.",
    ),
    ReadProblem.UNSUPPORTED_LAYOUT: (
        "“{name}” does not contain a single greyscale image{detail}.",
        "Export one slice or frame of it as DICOM or PNG.",
    ),
    ReadProblem.UNSUPPORTED_PIXELS: (
        "“{name}” stores its pixels in a way that SpineAlign cannot read{detail}.",
        "Export it as 8-bit or 16-bit greyscale DICOM, PNG or TIFF.",
    ),
    ReadProblem.CONSTANT: (
        "“{name}” is blank: every pixel has the same value.",
        "Open another image, or export this one again.",
    ),
    ReadProblem.NO_SAGITTAL_SERIES: (
        "There is no sagittal MR series of at least three slices in “{name}”.",
        "Choose a NIfTI volume, or a folder or archive with the slices of one series; single "
        "slices can be analysed as images.",
    ),
    ReadProblem.NO_IMAGES_IN_FOLDER: (
        "There are no images in the folder “{name}”.",
        f"Choose a folder with {_FORMATS} files.",
    ),
    ReadProblem.NO_IMAGES_IN_ARCHIVE: (
        "There are no images in the archive “{name}”.",
        f"Choose an archive with {_FORMATS} files.",
    ),
    ReadProblem.NO_FILES_OF_INDEX: (
        "“{name}” is the index of a DICOM medium whose images are not there.",
        "Open it where the medium’s folders lie beside it, or open the folder with the images.",
    ),
    ReadProblem.ENCRYPTED: (
        "“{name}” is protected by a password.",
        "Unpack it with the password first, then open the folder.",
    ),
    ReadProblem.NESTED_ARCHIVE: (
        "“{name}” contains further archives instead of images.",
        "Unpack it once, then open the folder or one of the archives in it.",
    ),
    ReadProblem.OTHER_HALF_MISSING: (
        "“{name}” is one half of a NIfTI image in two files, and the other half is not there.",
        "Put the .hdr and the .img file side by side under the same name, or convert them "
        "to one .nii file.",
    ),
}

_MODEL_MESSAGES = {
    ModelProblem.MISSING: (
        "The model “{name}” is not installed.",
        "Run “spinealign models” to see the installed models, or install SpineAlign again.",
    ),
    ModelProblem.NO_FILE: (
        "The model “{name}” lacks a file, or it cannot be read{detail}.",
        "Copy the whole model folder once more, or install SpineAlign again.",
    ),
    ModelProblem.INCOMPLETE_CARD: (
        "The model “{name}” cannot be used{detail}.",
        "Complete its card.json or take its folder away; of a model that came with SpineAlign, "
        "install SpineAlign again.",
    ),
    ModelProblem.WRONG_CHECKSUM: (
        "The weights of the model “{name}” do not match the checksum of its card; it is not used.",
        "Install SpineAlign again, or copy the whole model folder once more.",
    ),
    ModelProblem.WRONG_CARD: (
        "The card of the model “{name}” was changed after its checksums were taken{detail}; it is "
        "not used.",
        "Install the model again; of one that you changed yourself, “spinealign models sign” lists "
        "its files anew.",
    ),
    ModelProblem.WRONG_SIGNATURE: (
        "The model “{name}” was changed after it was signed; it is not used.",
        "Get it once more from whoever made it, and install it again.",
    ),
    ModelProblem.WRONG_ARCHITECTURE: (
        "The weights given for the model “{name}” do not fit its architecture{detail}.",
        "Use weights that were trained with the architecture named in the card.",
    ),
    ModelProblem.NOT_TAKEN: (
        "“{name}” cannot be made into a model folder{detail}.",
        PACKAGE_TAKES,
    ),
    ModelProblem.ENGINE_UNAVAILABLE: (
        "The software that runs the model “{name}” is not installed{detail}.",
        "For .keras and .h5 weights run: pip install “spinealign[train]”.",
    ),
    ModelProblem.OTHER_REGION: (
        "The model “{name}” looks at what another model outlines{detail}, and that one is missing, "
        "or is not the version that it was trained with.",
        "Install that model beside it, in the version that the card names.",
    ),
    ModelProblem.UNLOADABLE: (
        "The model “{name}” could not be loaded{detail}.",
        "Of a model of your own, check its weights; else close other programs and try again, or "
        "install SpineAlign again.",
    ),
    ModelProblem.FAILED: (
        "The model “{name}” could not answer{detail}.",
        "Its network and its card may not fit each other; results of other models stand.",
    ),
    ModelProblem.NONE_FOR_KIND: (
        "No model is named or chosen for such images ({name}), which SpineAlign itself does not "
        "analyse.",
        "Name a model whose card is for them by --model, or choose it by “spinealign models use”.",
    ),
}

_EXPORT_MESSAGES = {
    ExportProblem.NOT_WRITABLE: (
        "“{name}” could not be written: writing is not allowed there.",
        "Choose another folder, or close the program that has the file open.",
    ),
    ExportProblem.DISK_FULL: (
        "“{name}” could not be written: the disk is full.",
        "Free some space or choose another drive; no incomplete file was left.",
    ),
    ExportProblem.FAILED: (
        "“{name}” could not be written{detail}.",
        "Try again, or choose another folder; no incomplete file was left.",
    ),
}

_CORRECTIONS_MESSAGES = {
    CorrectionsProblem.BROKEN: (
        "The saved corrections in “{name}” are damaged{detail} and were not used.",
        "The result shown is the program’s own; that file is kept, also when you save again.",
    ),
    CorrectionsProblem.FOREIGN: (
        "The saved corrections in “{name}” belong to another image and were not used.",
        "The result shown is the program’s own; that file is kept, also when you save again.",
    ),
    CorrectionsProblem.NEWER: (
        "The saved corrections in “{name}” were written by a newer SpineAlign and were not used.",
        "Update SpineAlign to see them; that file is kept, also when you save again.",
    ),
    CorrectionsProblem.CHANGED_ELSEWHERE: (
        "Another window changed the corrections in “{name}”; yours are not written.",
        "Choose whose corrections count: until then both are kept.",
    ),
}

_READING_MESSAGES = {
    ReadingProblem.SIGNED_ALREADY: (
        "The reading is signed and cannot be changed.",
        "Add an addendum with its reason.",
    ),
    ReadingProblem.NOT_SIGNED: (
        "The reading is not signed, so that there is nothing to add an addendum to.",
        "Change the reading itself, or sign it first.",
    ),
    ReadingProblem.NO_READER: (
        "A reading cannot be signed without the reader’s name.",
        "Enter your name.",
    ),
    ReadingProblem.NO_REASON: (
        "An addendum needs a reason.",
        "Say in a few words why the signed reading is amended.",
    ),
    ReadingProblem.NO_TEXT: (
        "There is no text.",
        "Write the impression or the addendum first.",
    ),
    ReadingProblem.UNDECIDED: (
        "The reading is not complete: findings still wait for a decision{detail}.",
        "Accept, change or reject each of them, or accept all the rest.",
    ),
    ReadingProblem.NO_SUCH_FINDING: (
        "The result has no such finding.",
        "Choose one of the findings listed.",
    ),
    ReadingProblem.NOTHING_TO_ACCEPT: (
        "The program has no value here that could be accepted.",
        "Enter a value, or leave it undetermined.",
    ),
    ReadingProblem.WRONG_TYPE: (
        "This finding cannot have such a value.",
        "Enter a value of the kind that is shown.",
    ),
    ReadingProblem.OUT_OF_LIMITS: (
        "The value is impossible{detail}.",
        "Check the value and its unit.",
    ),
    ReadingProblem.UNKNOWN_NAME: (
        "These names do not fit the image.",
        "Name as many levels as there are bodies, from the top, or choose a kind of examination.",
    ),
    ReadingProblem.NOT_CARRIED_OUT: (
        "The levels or the image type were changed in the reading and not in the result.",
        "Rename the levels on the image or choose the image type, so that all values follow.",
    ),
    ReadingProblem.TOO_LONG: (
        "The text is too long{detail}.",
        "Shorten it.",
    ),
    ReadingProblem.FAULTY: (
        "What is saved of this reading is not as it was signed, so that nothing was added.",
        "Run “spinealign reading check” on the image: it names the file and what is wrong.",
    ),
    ReadingProblem.CHANGED_ELSEWHERE: (
        "Another window of SpineAlign changed this reading meanwhile, and shows here now.",
        "Look at it, then do the last step again if it still holds.",
    ),
    ReadingProblem.SIGNED_ELSEWHERE: (
        "The reading was signed or amended in another window of SpineAlign meanwhile.",
        "It is shown as it was signed; what you typed waits as an addendum that is not signed.",
    ),
    ReadingProblem.CHANGES_WHAT_IS_SIGNED: (
        "The reading of this picture is signed, perhaps in another window, and the last change "
        "would change its result: it was not kept.",
        "The picture is shown as it was kept; say in an addendum what is to be added.",
    ),
}

_STORED_READING_MESSAGES = {
    StoredReadingProblem.BROKEN: (
        "The saved reading in “{name}” is damaged or incomplete{detail}.",
        "Restore the file from a backup; it is kept as it is.",
    ),
    StoredReadingProblem.NEWER: (
        "The saved reading in “{name}” was written by a newer SpineAlign.",
        "Update SpineAlign to see it; the file is kept as it is.",
    ),
    StoredReadingProblem.FOREIGN: (
        "The saved reading in “{name}” belongs to another image, or is not what it should be.",
        "Put the files of the profile back where they were; the file is kept as it is.",
    ),
    StoredReadingProblem.CHANGED: (
        "The signed reading in “{name}” was changed after it was signed.",
        "Restore the file from a backup; what it says now is not what was signed.",
    ),
    StoredReadingProblem.OUT_OF_ORDER: (
        "The signed reading in “{name}” does not follow the version before it.",
        "Restore all versions from one backup.",
    ),
    StoredReadingProblem.VERSION_MISSING: (
        "An earlier version of the signed reading is missing: “{name}”.",
        "Restore the file from a backup.",
    ),
    StoredReadingProblem.LAST_VERSION_MISSING: (
        "The last version of the signed reading is missing: “{name}”.",
        "Restore the file from a backup; what is shown is not the latest.",
    ),
    StoredReadingProblem.KEY_MISSING: (
        "It cannot be checked whether the signed reading in “{name}” was changed: the key of the "
        "profile is missing.",
        "Restore reading.key in the profile folder from a backup.",
    ),
    StoredReadingProblem.OTHER_KEY: (
        "It cannot be checked whether the signed reading in “{name}” was changed: it was signed "
        "with another key.",
        "Restore the reading.key with which it was signed in the profile folder.",
    ),
    StoredReadingProblem.COUNT_MISSING: (
        "The record of how many versions the signed reading has is missing: “{name}”.",
        "Restore the file from a backup; a later version may be missing.",
    ),
    StoredReadingProblem.COUNT_CHANGED: (
        "The record of how many versions the signed reading has was changed: “{name}”.",
        "Restore the file from a backup; a later version may be missing or exchanged.",
    ),
}

_JSON_REASONS = {
    JsonProblem.NOT_A_FILE: "not an ordinary file",
    JsonProblem.TOO_LARGE: "larger than {detail}",
    JsonProblem.NOT_JSON: "not JSON text, or incomplete",
    JsonProblem.TOO_DEEP: "nested too deeply",
    JsonProblem.NOT_FINITE: "a number that is too large",
    JsonProblem.NOT_A_NUMBER: "NaN, which is no number",
    JsonProblem.WRONG_VALUE: "a missing or impossible value at {place}",
    JsonProblem.UNKNOWN_KEY: "an unknown key: {place}",
    JsonProblem.REPEATED_KEY: "a key that stands there twice: {place}",
}


def not_printed_text(reason: str) -> str:
    """Return that what a command says cannot be printed or redirected any further."""
    bracketed = f" ({safe_text(reason)})" if reason else ""
    return (
        f"The output of the command could not be written{bracketed}, so it stopped. Results that "
        "were finished before are whole; the rest was not analysed."
    )


def json_reason(error: JsonError) -> str:
    """Return what is wrong with a JSON file of ours, to stand in brackets."""
    place = error.place or "its top level"
    return _JSON_REASONS[error.problem].format(place=place, detail=error.detail)


def explain(error: SpineAlignError) -> Message:
    """Word an expected failure.

    Parameters
    ----------
    error : SpineAlignError
        Any failure that SpineAlign expects.

    Returns
    -------
    Message
        One sentence naming the file or model, and what to do next.
    """
    match error:
        case ImageReadError():
            name = display_name(error.path / error.member)
            return _fill(_READ_MESSAGES[error.problem], name, error.detail)
        case ModelError(problem=ModelProblem.INCOMPLETE_CARD):
            reason = card_problem_text(error.__cause__, error.detail)
            return _fill(_MODEL_MESSAGES[error.problem], safe_text(error.model), reason)
        case ModelError():
            return _fill(_MODEL_MESSAGES[error.problem], safe_text(error.model), error.detail)
        case ExportError():
            return _fill(_EXPORT_MESSAGES[error.problem], safe_text(str(error.path)), error.detail)
        case BatchError():
            return _fill(BATCH_MESSAGES[error.problem], safe_text(str(error.path)), error.detail)
        case CorrectionsError():
            damage = json_reason(error.damage) if error.damage is not None else ""
            return _fill(_CORRECTIONS_MESSAGES[error.problem], display_name(error.path), damage)
        case DicomObjectError():
            return Message(*dicom_object_words(error))
        case ReadingError():
            return _fill(_READING_MESSAGES[error.problem], "", _reading_detail(error))
        case StoredReadingError():
            damage = json_reason(error.damage) if error.damage is not None else ""
            name = display_name(error.path)
            return _fill(_STORED_READING_MESSAGES[error.problem], name, damage)
        case ModelStoreError():
            return Message(*store_words(error))
        case NetworkError():
            return Message(*network_failure(error))
        case DeidentificationError():
            sentence, advice, name, detail = problem_words(error)
            return _fill((sentence, advice), name, detail)
        case PatientsDifferError(is_companion=True):
            return Message(
                f"“{display_name(error.first)}” and “{display_name(error.second)}” state different "
                "patients (name, sex, birth date or identifier), so they are not graded together.",
                "Choose the other contrast of the same examination.",
            )
        case PatientsDifferError():
            return Message(
                f"By their files, “{display_name(error.first)}” and "
                f"“{display_name(error.second)}” are of two different patients.",
                "Compare examinations of one patient, or confirm that the patient is the same.",
            )
        case UnknownExaminationError():
            return Message(
                f"“{safe_text(error.name)[:60]}” is no kind of examination.",
                f"Write {listed(error.known, 'or')}, or leave it out.",
            )
        case UnexpectedError():
            return Message(
                f"“{display_name(error.path)}” could not be analysed because of an error in "
                f"SpineAlign ({error.detail}).",
                "Try this image alone with more memory free; if it fails again, report the words "
                "in brackets.",
            )
        case WorkerError():
            return Message(*worker_words(error))
        case Cancelled():
            return Message("Stopped.", "Nothing was written; start again whenever you like.")
        case AnswersError():
            return Message(
                f"The answers cannot be evaluated: {as_sentence(str(error))}",
                "“spinealign evaluate --help” names the options; docs/training.md shows what a "
                "table looks like.",
            )
        case CondemnedDataError():
            return Message(str(error), CONDEMNED_ADVICE)
        case StartingWeightsError():
            return Message(
                f"The training did not start: {as_sentence(str(error))}",
                "“spinealign train --help” and docs/training.md name the options.",
            )
        case RecipeError():
            return Message(f"The recipe cannot be used: {as_sentence(str(error))}", RECIPE_ADVICE)
        case DataSetError():
            return Message(
                f"The folder or list cannot be used: {as_sentence(str(error))}",
                "docs/training.md shows which folders and lists can be used.",
            )
    words = protection_words(error)
    if words is not None:
        return Message(*words)
    return Message(
        f"SpineAlign could not finish: {as_sentence(str(error))}",
        "Try again; if it happens again, report it with the steps that led here.",
    )


def _reading_detail(error: ReadingError) -> str:
    if error.limits is not None:
        return "{:g} to {:g}".format(*error.limits)
    return str(len(error.keys)) if error.problem is ReadingProblem.UNDECIDED else ""


def _fill(words: tuple[str, str], name: str, detail: str) -> Message:
    bracketed = f" ({safe_text(detail)})" if detail else ""
    return Message(words[0].format(name=name, detail=bracketed), words[1])
