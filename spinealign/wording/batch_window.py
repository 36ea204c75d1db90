"""Words of the window that analyses thousands of images at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spinealign.wording.batch import batch_end_text
from spinealign.wording.text import count_text

TITLE = "Analyse many images"
INTRODUCTION = (
    "All images of files, folders, archives and lists are analysed by processes of their own, and "
    "the results written to a folder. Cases that are open here stay as they are."
)
INPUTS = "Images"
ADD_FILES, ADD_FOLDER, REMOVE = "Add &files or lists…", "Add f&older…", "&Remove"
NOTHING_CHOSEN = "Choose entries in the list"
NO_INPUTS = (
    "Add files, folders, zip archives, or lists (CSV files with a column “path”), or drop them "
    "here."
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
GALLERY = "Galler&y of all results, with small pictures"
PATIENT_COLUMNS = "&Patient and examination in the table of images"
PARQUET = "Tables as Par&quet files too"
NO_PARQUET = "The software that writes them is not installed here (the extra “cohort”)"
TRY_AGAIN = "Analyse images again that fai&led before"
START, STOP, PAUSE, GO_ON = "&Start", "S&top", "&Pause", "&Go on"
SHOW_FOLDER, SHOW_GALLERY, BACK = "Show in fol&der", "Show gallery", "&Back"
NEEDS_INPUTS, NEEDS_TARGET = "Add images first", "Choose a folder for the results first"
FAILURES = "Images that failed"
HEADINGS = ("Image", "Reason", "What to do")
STARTING = "Starting…"
STOPPING = "Stopping…"
PAUSING = "Pausing: what is being analysed comes to its end…"
NO_GALLERY = "No gallery was wanted"
CLOSE_QUESTION = (
    "Stop the batch?",
    "Images are still being analysed.",
    "What is done is kept; the same folder goes on later.",
    "Stop and close",
    "Go on",
)
PROGRESS = "Progress of the batch"

CHOICES: Mapping[str, str] = MappingProxyType(
    {"all": ALL_RESULTS, "masks": TABLES_AND_MASKS, "tables": TABLES_ONLY}
)


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
