"""De-identification in words: why a file was left out, what was done, the report as text."""

from __future__ import annotations

from collections.abc import Sequence

from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.wording.text import display_name, safe_text

READING_STEP = "Reading who is named"
CLEANING_STEP = "De-identifying"
LOOKING_STEP = "Looking for text in the pixels"

_REVIEW = (
    "Run “spinealign deidentify” with --review, look at every preview, set “looked” in boxes.json "
    "and name that file with --boxes."
)

MESSAGES: dict[DeidentificationProblem, tuple[str, str]] = {
    DeidentificationProblem.KEY: (
        "The key of the pseudonyms, “{name}”, cannot be read or written{detail}.",
        "Restore it from a backup, or take it away: a new key gives every patient a new pseudonym.",
    ),
    DeidentificationProblem.SAME_FOLDER: (
        "The folder for the results, “{name}”, lies among the files to be de-identified, or holds "
        "them{detail}.",
        "Choose a folder of its own.",
    ),
    DeidentificationProblem.BOXES: (
        "“{name}” is not a file of text boxes as --review writes it{detail}.",
        "Run “spinealign deidentify” with --review and change only “looked” and “boxes” in it.",
    ),
    DeidentificationProblem.NOT_DICOM_OR_PICTURE: (
        "“{name}” is neither DICOM nor NIfTI nor a picture, so it was left out{detail}.",
        "Look yourself whether it names anybody before you pass it on.",
    ),
    DeidentificationProblem.ARCHIVE: (
        "“{name}” is an archive, so it was left out{detail}.",
        "Unpack it first, then de-identify the folder.",
    ),
    DeidentificationProblem.INDEX: (
        "“{name}” is the index of a DICOM medium, which names patients and files, so it was left "
        "out{detail}.",
        "The images do not need it.",
    ),
    DeidentificationProblem.DOCUMENT: (
        "“{name}” is a document inside a DICOM file, whose pages cannot be cleaned, so it was left "
        "out{detail}.",
        "Pass on a report that was written without patient data instead.",
    ),
    DeidentificationProblem.UNKNOWN_CLASS: (
        "“{name}” is no DICOM object of the standard's classes, so nobody knows what in it names "
        "the patient, and it was left out{detail}.",
        "Export it as a standard image first.",
    ),
    DeidentificationProblem.UNREADABLE: (
        "“{name}” is damaged or cannot be read to its end, so it was left out{detail}.",
        "Export or copy it again.",
    ),
    DeidentificationProblem.TOO_DEEP: (
        "“{name}” nests its data deeper than any image needs, so it was left out{detail}.",
        "Export it again with another program.",
    ),
    DeidentificationProblem.LEFTOVER: (
        "“{name}” still named the patient in an unexpected place after everything was cleaned, so "
        "it was left out{detail}.",
        "Report this with the kind of scanner, without the file.",
    ),
    DeidentificationProblem.LAYOUT: (
        "“{name}” is not laid out as its format has it, so that metadata may hide in it, and it "
        "was left out{detail}.",
        "Save it anew with another program.",
    ),
    DeidentificationProblem.PIXELS_CHANGED: (
        "“{name}” would not show the same pixels without its metadata, so it was left out{detail}.",
        "Save it anew as PNG, then try again.",
    ),
    DeidentificationProblem.TEXT_FOUND: (
        "“{name}” may have text burned in, so it was held back{detail}.",
        _REVIEW,
    ),
    DeidentificationProblem.TEXT_STATED: (
        "“{name}” says itself that text is burned in, so it was held back{detail}.",
        _REVIEW,
    ),
    DeidentificationProblem.PIXELS_UNSEEN: (
        "“{name}” has pixels that cannot be decoded here and looked through, so it was held "
        "back{detail}.",
        "Look at it with another program; --pixels unchecked passes it on as it is.",
    ),
    DeidentificationProblem.NOT_BLACKENED: (
        "“{name}” cannot be written with its boxes blackened, so it was left out{detail}.",
        "Export it uncompressed, as one picture, and try again.",
    ),
    DeidentificationProblem.SAME_INSTANCE: (
        "“{name}” has the identifier of another file and other content, so it was left "
        "out{detail}.",
        "Find out which of the two is right.",
    ),
    DeidentificationProblem.CRASHED: (
        "“{name}” made the process that reads files end{detail}, so it was left out.",
        "It may be damaged, or made to attack whoever opens it: do not pass it on unseen. The "
        "other files are not affected.",
    ),
    DeidentificationProblem.TOO_LONG: (
        "“{name}” took longer to read than a step may{detail}, so it was left out.",
        "Try it again with nothing else running; it may also be damaged.",
    ),
    DeidentificationProblem.TOO_LARGE: (
        "“{name}” needs more memory than there is for it{detail}, so it was left out.",
        "Close other programs, then try this file alone.",
    ),
}


def problem_words(error: DeidentificationError) -> tuple[str, str, str, str]:
    """Return sentence, advice, and what fills the sentence: name and detail."""
    sentence, advice = MESSAGES[error.problem]
    return sentence, advice, display_name(error.path), error.detail


def problem_line(problem: str) -> str:
    """Return why a file was left out, without its name: for the report."""
    sentence, _ = MESSAGES[DeidentificationProblem(problem)]
    return safe_text(sentence.format(name="A file", detail="").replace("“A file”", "It"))


def summary_lines(written: int, held_back: int, left_out: int, out: str) -> list[str]:
    """Return what a run did, for the command line."""
    lines = [f"{_files(written)} written to {safe_text(out)}"]
    if held_back:
        lines.append(f"{_files(held_back)} held back until a person has looked at the pixels")
    if left_out:
        lines.append(f"{_files(left_out)} left out")
    return lines


def review_lines(images: int, with_boxes: int, out: str) -> list[str]:
    """Return what a review found, and what to do with it."""
    return [
        f"{_files(images)} looked through, boxes proposed in {with_boxes}; {safe_text(out)} holds "
        "boxes.json and the previews, which show what is burned in: keep them as confidential as "
        "the images.",
        "Look at every preview. The search misses some text: add boxes where there is more, take "
        "away those without text, and set “looked” to true for each image that you have looked at.",
    ]


def report_text(
    version: str,
    table: str,
    method: Sequence[str],
    files: Sequence[tuple[int, str, str]],
    changes: Sequence[tuple[str, str, str, int]],
) -> str:
    """Return the report as text.

    Parameters
    ----------
    version : str
        Of the program.
    table : str
        What decides on attributes, with its edition.
    method : sequence of str
        Codes and meanings of what was done.
    files : sequence of (int, str, str)
        Number in the list of sources, where it was written, and the problem where it was not.
    changes : sequence of (str, str, str, int)
        Tag, name, action, how often.
    """
    lines = [f"De-identified by SpineAlign {version}", f"Attributes: DICOM {table}", ""]
    lines += ["Method (DICOM PS3.16, CID 7050):"]
    lines += [f"  {line}" for line in method]
    lines += ["", "Files, by their number in the list of sources:"]
    lines += [f"  {number}: {name or problem_line(problem)}" for number, name, problem in files]
    lines += ["", "What was changed, and how often (values are not kept):"]
    lines += [f"  {count:>6} x {tag} {name}: {action}" for tag, name, action, count in changes]
    lines += [
        "",
        "Faces that could be rebuilt from slices of a head are not removed, and text that a person "
        "overlooked in the pixels is still there.",
    ]
    return "\n".join(lines) + "\n"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
