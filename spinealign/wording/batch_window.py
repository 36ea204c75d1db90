"""Words of the window that analyses thousands of images at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spinealign.domain.network import MOST_ANSWERS, StudyQuery
from spinealign.wording.batch import batch_end_text, retrieving_text
from spinealign.wording.network import date_text, name_text
from spinealign.wording.text import count_text, safe_text

TITLE = "Analyse many images"
INTRODUCTION = (
    "All images of files, folders, zip archives and lists, of a PACS and of the encrypted archive "
    "are analysed by processes of their own, and the results written to a folder. Cases that are "
    "open here stay as they are."
)
INPUTS = "Images"
ADD_FILES, ADD_FOLDER, REMOVE = "Add &files or lists…", "Add f&older…", "&Remove"
ADD_STUDIES, ADD_EXAMINATIONS = "Add from PA&CS…", "Add from &archive…"
NOTHING_CHOSEN = "Choose entries in the list"
NO_INPUTS = (
    "Add files, folders, zip archives, or lists (CSV files with a column “path”), or drop them "
    "here; or add studies of a PACS or examinations of the encrypted archive."
)
TARGET, BROWSE, ASK_TARGET = "Results &go to", "&Browse…", "Results go to this folder"
TARGET_NOTE = (
    "A folder that holds a batch already is gone on with: what is done is not done again, unless "
    "options, models or images changed."
)
IMAGE_TYPE, AUTOMATIC = "Images s&how", "each its own type (automatic)"
WORKERS = "Analysed at o&nce"
RESULTS = "Of each image"
ALL_RESULTS = "&all results, report and pictures too"
TABLES_AND_MASKS = "&masks and tables"
TABLES_ONLY = "&tables only"
FLAT = "All files &in one folder, in place of one for each image"
GALLERY = "Galler&y of all results, with small pictures"
PATIENT_COLUMNS = "&Patient and examination in the table of images"
PARQUET = "Tables as Par&quet files too"
NO_PARQUET = "The software that writes them is not installed here (the extra “cohort”)"
TRY_AGAIN = "Analyse images again that fai&led before"
START, STOP, PAUSE, GO_ON = "&Start", "S&top", "&Pause", "&Go on"
SHOW_FOLDER, SHOW_GALLERY, BACK = "Show in fol&der", "Show gallery", "&Back"
NEEDS_INPUTS, NEEDS_TARGET = "Add images first", "Choose a folder for the results first"
FAILURES = "Images that failed"
NO_FAILURES = (
    "Images that fail are named here, with why and what to do. A refused image is one of another "
    "kind: its result in the folder says so."
)
HEADINGS = ("Image", "Reason", "What to do")
STARTING = "Starting…"
STOPPING = "Stopping…"
PAUSING = "Pausing: what is being analysed comes to its end…"
NO_GALLERY = "No gallery was wanted"
STOPPED_RETRIEVING = "Stopped while studies were retrieved. Start goes on with the same folder."
CLOSE_QUESTION = (
    "Stop the batch?",
    "Images are still being analysed.",
    "What is done is kept; the same folder goes on later.",
    "Stop and close",
    "Go on",
)
PROGRESS = "Progress of the batch"

ADD = "Add to the &batch"
STUDIES_TITLE = "Studies of a PACS"
STUDIES_NOTE = (
    "The node is asked now how many studies there are. They are retrieved when the batch starts, "
    "into the folder of the results, and stay there: a batch that goes on reads them again."
)
NO_STUDIES = "No study was found. Fill in less, or check the spelling."
EXAMINATIONS_TITLE = "Examinations of the archive"
EXAMINATIONS_NOTE = (
    "Without words and tag, all examinations are meant. Their images are read as they lie in the "
    "archive; the results are written to the folder unencrypted. Locking the archive stops the "
    "batch."
)
NO_EXAMINATIONS = "No examination fits. Use fewer words, or another tag."
MAY_NOT_RETRIEVE = "Your account may not retrieve images"
LOCKED_MEANWHILE = "The archive was locked: unlock it, then Start goes on with the same folder."

CHOICES: Mapping[str, str] = MappingProxyType(
    {"all": ALL_RESULTS, "masks": TABLES_AND_MASKS, "tables": TABLES_ONLY}
)


def studies_text(node: str, query: StudyQuery, count: int) -> str:
    """Return which studies of a node are meant, as the list of inputs has them."""
    named = zip(
        ("name", "ID", "accession number", "from", "to", "modality"),
        (
            name_text(query.patient_name), query.patient_id, query.accession_number,
            date_text(query.first_date), date_text(query.last_date), query.modality,
        ),
        strict=True,
    )  # fmt: skip
    asked = ", ".join(f"{name} {safe_text(value)}" for name, value in named if value)
    more = " or more" if count >= MOST_ANSWERS else ""
    return f"PACS “{safe_text(node)}”: {asked} ({count_text(count, 'study', 'studies')}{more})"


def examinations_text(asked: str, count: int) -> str:
    """Return which examinations of the archive are meant, as the list of inputs has them."""
    return f"Archive: {asked} ({count_text(count, 'examination')})"


def cut_text(count: int) -> str:
    """Say why a query is not taken that finds more than it answers with."""
    return (
        f"The node answers with no more than {count:,} studies, and may have more. Fill in the "
        "first and the last date: then they are asked for in parts."
    )


def retrieved_text(done: int, total: int) -> str:
    """Return how many studies came so far; before any is found, that they are searched for."""
    return f"{retrieving_text(done, total)}…" if total else "Searching for studies…"


def study_of(node: str) -> str:
    """Name a study in the list of what failed, without its patient."""
    return f"A study of “{safe_text(node)}”"


def missing_text(count: int) -> str:
    """Say that studies did not come; empty where all did."""
    if not count:
        return ""
    return f" {count_text(count, 'study', 'studies')} did not come: Start asks for them again."


def looking_text(files: int) -> str:
    """Return how many files were looked at."""
    return f"Looking at files: {files:,}"


def paused_text(said: str) -> str:
    """Return how far a batch is that waits for a person."""
    return f"Paused. {said}"


def ended_text(done: int, refused: int, failed: int, waiting: int) -> str:
    """Return how a run ended."""
    if not waiting:
        return f"Finished: {batch_end_text(done, refused, failed, 0)}."
    left = count_text(waiting, "image")
    said = batch_end_text(done, refused, failed, 0)
    return f"Stopped: {said}, {left} not analysed yet. Start goes on with the same folder."
