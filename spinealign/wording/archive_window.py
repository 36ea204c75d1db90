"""Words of the archive in the window: kept, searched, followed in time, backed up."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.protection import ArchiveProblem
from spinealign.wording.failures import Message
from spinealign.wording.protection import ARCHIVE_WORDS
from spinealign.wording.text import safe_text

# Keeping

NO_ARCHIVE = "There is no archive yet: set up accounts first (File, Accounts and lock)"
IS_LOCKED = "The archive is locked"
MAY_NOT_KEEP = "Your account may not put images into the archive"
MAY_NOT_VIEW = "Your account may not look at the archive"
NO_CASE_SELECTED = "Select a case first"
IN_ZIP = Message(
    "Images inside a zip archive cannot be kept in the archive by themselves.",
    "Unpack the zip archive, open the images, and keep them again.",
)
STOPPED_BY_LOCK = Message(
    "What the archive was doing when it was locked was stopped.",
    "What was there before is as it was; do it again. Settings, page Privacy, hold after how many "
    "minutes the program locks itself.",
)
LOCKED_BEFORE = Message(*ARCHIVE_WORDS[ArchiveProblem.LOCKED])

# The list

ARCHIVE_TITLE = "Archive"
LIST_PAGE, FOLLOW_PAGE, SAFETY_PAGE = "Examinations", "Follow-up", "Safety"
FIELD_LABELS = {
    "words": "&Words",
    "view": "&List",
    "kind": "&Image type",
    "status": "&Status",
    "level": "Finding a&t",
    "tag": "T&ag",
    "reader": "Read b&y",
    "first_date": "F&rom",
    "last_date": "T&o",
}
WORDS_HINT = "Name, ID, finding, impression, note…"
DATE_HINT = "YYYY-MM-DD"
NOT_A_DATE = "Type dates as YYYY-MM-DD"
DATES_TURNED = "The first date lies after the last one"
VIEW_WORDS = {
    "all": "All", "to_read": "To read", "mine": "Mine", "signed_today": "Signed today",
}  # fmt: skip
STATUS_CHOICES = {
    "automatic": "not read", "being_read": "being read", "signed": "signed",
    "amended": "signed, with addendum",
}  # fmt: skip
ANY = "any"
SEARCH, CLEAR_SEARCH = "Searc&h", "&Clear search"
IS_ALL_SHOWN = "Nothing narrows the list"
LIST_NAME = "Examinations in the archive"
HEADINGS = ("Date", "Patient", "ID", "Image type", "Status", "Reader", "Key value", "Tags")
SEARCHING = "Searching the archive…"
EMPTY_ARCHIVE = (
    "The archive is empty. Open images and choose File, Archive, Keep in archive (Ctrl+K)."
)
NOTHING_FITS = "No examination fits. Take a word or a choice away, or press Clear search."
EMPTY_VIEWS = {
    "to_read": "Nothing is left to read. Keep further cases, or press Clear search to see all.",
    "mine": "You have read nothing in the archive yet. Choose To read to begin.",
    "signed_today": "Nothing was signed today. Choose To read, or press Clear search to see all.",
}
OPEN, FOLLOW, LINK = "O&pen", "&Follow-up", "Lin&k patients…"
EXPORT, IMPORT, DELETE = "&Export package…", "I&mport package…", "&Delete…"
NOTHING_CHOSEN = "Choose an examination in the list"
CHOOSE_ONE = "Choose one examination in the list"
CHOOSE_TWO = "Choose two examinations of different patients in the list"
MAY_NOT_CHANGE = "Your account may not change the archive"
MAY_NOT_DELETE = "Your account may not delete from the archive"
MAY_NOT_EXPORT = "Your account may not export"
MAY_NOT_IMPORT = "Your account may not import"
MAY_NOT_BACK_UP = "Your account may not back up the archive"
OPENING = "Opening {what} of the archive…"
DETAILS_NAME = "The chosen examination"
TAGS_LABEL, NOTE_LABEL = "Ta&gs, parted by commas", "New &note"
SET_TAGS, ADD_NOTE = "Set tags", "Add note"
FINDINGS_TITLE, NOTES_TITLE = "Findings", "Notes"
TAGS_SET, NOTE_ADDED = "The tags are set.", "The note is added."
THUMBNAIL_NAME = "Thumbnail"

DELETE_TITLE = "Delete from the archive"
DELETE_NOW, KEEP_THEM = "&Delete for good", "&Keep"
DELETE_MORE = (
    "Their images in the archive, readings, corrections, tags and notes are deleted too. Only a "
    "back-up brings them back; files outside the archive stay where they are."
)
LINK_TITLE, LINK_NOW, LINK_NOT = "Link patients", "&Link", "Do &not link"
LINK_MORE = "Their examinations are followed up together. The link can be taken back any time."

# Packages

PACKAGE_FILTER = "Examination in an encrypted package (*.spinealign-case)"
EXPORT_TITLE, IMPORT_TITLE = "Export an encrypted package", "Import a package"
EXPORT_NOTE = (
    "The package holds images, readings, tags and notes with the patient's name. It opens with "
    "this password only: tell it on another way than you send the file."
)
IMPORT_NOTE = "Type the password that the package was given."
EXPORT_NOW, IMPORT_NOW = "&Export", "&Import"
PACKING, UNPACKING = "Writing the package…", "Reading the package…"

# Follow-up

FOLLOW_NAME = "All examinations of the person"
FOLLOW_HEADINGS = (
    "Date", "ID", "Image type", "Status", "Value", "Against the first", "Error of a change",
    "Judgement",
)  # fmt: skip
CHANGED_SUFFIX = " (changed)"
UNJUDGED_NOTE = (
    "Not assessed is what an earlier version kept, or what no error is known of: open it and keep "
    "it again (Ctrl+K)."
)
SIDE_NOT_KEPT = "side not kept"
CURVES_NOTE = (
    "Each film is measured between its own most tilted bodies, which stand with the value. What is "
    "convex to another side than on the first film is not subtracted: check whether one of them is "
    "shown from behind or mirrored."
)
UNDATED_NOTE = "Examinations without a date stand at the end, and are not compared."
ONE_DAY_NOTE = "Several examinations are of one day: their differences are no course."
POSTURE_NOTE = (
    "Posture, breathing and the direction of the beam change measures too; among many measures "
    "about one in twenty lies beyond the error by chance."
)
MEASURE_LABEL = "&Measure"
NO_ONE_CHOSEN = "Choose an examination in the list of examinations, then Follow-up."
NO_MEASURES = (
    "No measure of these examinations is in the archive. Open and analyse one, then keep it again "
    "(Ctrl+K)."
)
CHOOSE_TO_UNLINK = "Choose one examination of the patient to be unlinked in the table above"
UNLINK = "&Unlink this patient…"
UNLINK_TITLE, UNLINK_NOW, UNLINK_NOT = "Unlink patient", "&Unlink", "Stay &linked"
UNLINK_MORE = "Nothing is deleted; the other patients stay linked."
ONLY_ONE_PATIENT = "All these examinations are of one patient ID"
LINKED, UNLINKED = "The patients are linked.", "The patient is not linked any more."
TOO_FEW_VALUES = (
    "A chart needs two dated values that can be compared. Keep another examination of this person, "
    "or link the patient under whose ID it is."
)

# Safety

SAFETY_NOTE = (
    "A back-up is encrypted like the archive, copies only what is new, and is read back. Keep it "
    "on another disk, away from this computer; the printed recovery key opens it anywhere. A drill "
    "restores the latest back-up for trial and reads every byte of it."
)
BACK_UP, DRILL, CHECK, STOP = "&Back up…", "&Drill…", "&Check the archive", "&Stop"
WHAT_TO_DO = "&What to do…"
BACK_UP_TITLE = "Folder for back-ups, at best on another disk"
DRILL_TITLE = "Folder with back-ups of this archive"
BACKING_UP, DRILLING = "Backing up…", "Restoring the latest back-up for trial…"
CHECKING_ARCHIVE = "Reading the whole archive…"
STOPPED, STOPPING = "Stopped. What was there before is as it was.", "Stopping…"
IS_WORKING = "Wait until this is done, or stop it"
NO_BACK_UP_THERE = (
    "There is no back-up in this folder. Choose the folder that back-ups were made to."
)
PROGRESS_NAME = "Progress"
DUE_NOTE = (
    "What has not changed for some years may be deleted. Nothing is deleted before you have seen "
    "the list; how long examinations have to be kept is a matter of law."
)
DUE_LABEL, YEARS_SUFFIX = "&Not changed for", " years"
KEEP_UNSIGNED = "Keep &what was never signed"
PREVIEW, DELETE_DUE = "&List them", "D&elete what is listed…"
DUE_NAME = "What may be deleted"
NOTHING_DUE = "List first what may be deleted"

# Restoring

ARCHIVE_IS_THERE = "There is an archive on this computer already"
CASES_ARE_OPEN = "Close all cases first"
RESTORE_TITLE, RESTORE_NOW = "Restore a back-up", "&Restore"
RESTORE_OVER_NOTE = (
    "The archive that does not open is set aside first: its folder is renamed, nothing of it is "
    "deleted. What was kept after the back-up is in that folder only."
)
RESTORE_NOTE = (
    "Makes the archive of a back-up on this computer, with its accounts. The back-up stays as it "
    "is. You need the password of an account of that time, or the printed recovery key."
)
CHOOSE_FOLDER, COPY_LABEL = "Choose the &folder with back-ups…", "&Back-up"
NAME_LABEL, WAY_LABEL = "A&ccount", "Opened &with"
WAYS = {"password": "its password", "key": "the recovery key, and a new password"}
CHOOSE_BACK_UP, TYPE_NAME = "Choose the folder with back-ups", "Type the name of the account"
RESTORING = "Restoring the archive…"


def accounts_text(names: Sequence[str]) -> str:
    """Return which accounts a back-up has."""
    return f"Accounts of this back-up: {', '.join(map(safe_text, names))}."


THERE_ALREADY = Message(
    "There is an archive on this computer already, so nothing was restored.",
    "Choose another profile, or move the archive and its anchor away.",
)


def restored_text(file_count: int) -> str:
    """Return that an archive was restored."""
    return f"The archive is restored with {_counted(file_count, 'file')}. Sign in."


STOP_KEEPING = "Stop"


def keeping_question(count: int) -> str:
    """Return what is said beside the button that stops it."""
    return f"{_counted(count, 'case')} of many files: being put into the archive."


def keeping_text(title: str, done: int, count: int) -> str:
    """Return what is being put into the archive, and how much of it is done."""
    share = f" {100 * done // count} %" if done else ""
    return f"Keeping {safe_text(title)} in the archive…{share}"


def keeping_stopped_text(done: int, count: int) -> str:
    """Return how many cases are in the archive once it was stopped."""
    return f"Stopped: {done} of {_counted(count, 'case')} put into the archive."


def kept_text(titles: Sequence[str], file_count: int) -> str:
    """Return what was put into the archive."""
    files = _counted(file_count, "file")
    if len(titles) == 1:
        return f"Kept in the archive: {safe_text(titles[0])}, {files}"
    return f"Kept in the archive: {_counted(len(titles), 'case')}, {files}"


def _counted(count: int, noun: str) -> str:
    # Not that of the module of the archive's lines, which a window without an archive never loads.
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
