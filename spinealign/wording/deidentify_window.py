"""Words of the window about de-identification: what, how, where text was found, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TITLE = "De-identify"
INTRODUCTION = (
    "Copies of images are written without what names the patient (DICOM PS3.15 Annex E). The "
    "originals are never changed."
)
SOURCES = "Images"
ADD_FILES, ADD_FOLDER, ADD_CASES, REMOVE = (
    "Add &files…", "Add f&older…", "Add open &cases", "&Remove",
)  # fmt: skip
NO_OPEN_CASES = "No case is open"
NOTHING_CHOSEN = "Choose entries in the list"
TARGET, BROWSE, ASK_TARGET = "Copies &go to", "&Browse…", "Copies go to this folder"
DATES_LABEL = "&Dates"
DATE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "removed": "removed",
        "shifted": "moved back, the same for all images of a patient",
        "full": "kept",
    }
)
OPTION_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "retain_patient": "Keep &sex, age, size and weight",
        "retain_uids": "Keep the &UIDs",
        "retain_device": "Keep de&vices",
        "retain_institution": "Keep &institutions",
        "clean_descriptors": "Keep the words of imaging in descri&ptions",
        "clean_structured": "Keep codes and numbers of structured reports",
        "clean_graphics": "Keep drawings of presentation states",
    }
)
KEY_NOTE = (
    "Each patient gets a pseudonym from a key in the profile, the same each time. Keep the key as "
    "long as more images may follow."
)
LOOK = "&Look for text in the pictures"
NEEDS_SOURCES, NEEDS_TARGET = "Add images first", "Choose a folder for the copies first"
LOOKING, WRITING = "Looking for text in the pictures…", "De-identifying…"
REVIEW_INTRODUCTION = (
    "Look at every picture. The search misses some text: slanted, faint or handwritten, single "
    "letters, and text on its side away from the left and right edge. Drag with the mouse to add a "
    "box, click one to select it. Keys: N adds a box, Tab goes to the next one, arrows move it, "
    "with Shift they size it, Delete takes it away, Return accepts the picture. Pictures without "
    "boxes are written too if you do not accept them, but none of those says that it is free of "
    "text."
)
ACCEPT = "&Accept, next picture"
ADD_BOX, DELETE_BOX = "Add bo&x (N)", "Delete box (Del)"
NO_BOX = "No box is selected"
BACK, RUN, STOP = "&Back", "&De-identify", "&Stop"
PICTURES, PICTURE_NAME = "Pictures", "Picture with boxes of text"
UNSEEN = "cannot be shown"
UNSEEN_PICTURE = "The pixels of this file cannot be decoded here; it is held back."
NO_PICTURES = "None of the files shows a picture; they are written without a look."
SHOW_FOLDER = "Show in &folder"
LEFT_OUT = "Not written:"
LOOK_AGAIN = "Go back, look at it, correct its boxes and accept it."


def picture_row(number: int, boxes: int, is_decided: bool, is_unseen: bool) -> str:
    """Return what the list says of a picture."""
    if is_unseen:
        return f"{number}  {UNSEEN}"
    found = "no box" if not boxes else "1 box" if boxes == 1 else f"{boxes} boxes"
    return f"{number}  {found}{', accepted' if is_decided else ''}"


def decided_text(decided: int, total: int, with_boxes: int) -> str:
    """Say how many pictures were looked at, and what becomes of the others."""
    said = f"{decided} of {total} pictures accepted."
    if not with_boxes:
        return said
    pictures = "1 picture" if with_boxes == 1 else f"{with_boxes} pictures"
    return f"{said} {pictures} with boxes not accepted: held back."
