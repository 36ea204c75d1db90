"""The worklist in words: where a case stands, what was counted, what was skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from spinealign.domain.errors import ReadProblem
from spinealign.domain.findings import Analysis
from spinealign.domain.measures import MeasureCode
from spinealign.domain.reading import CONTEXT_KINDS, Finding, FindingKind
from spinealign.domain.study import SkippedFile
from spinealign.wording.definitions import MEASURE_WORDS
from spinealign.wording.examinations import examination_label, kind_text
from spinealign.wording.failures import Message
from spinealign.wording.reading_page import abnormal_phrase, finding_title, finding_value_text
from spinealign.wording.text import listed, safe_text


class Standing(StrEnum):
    """What a worklist says of a case; sorted by it, what waits for a person comes first."""

    TO_CHECK = "to check"
    RUNNING = "running"
    WAITING = "waiting"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_ANALYSED = "not analysed"
    SIGNED = "signed"


class SortKey(StrEnum):
    """What a worklist can be sorted by, in the words of its menu."""

    OPENED = "Order of opening"
    NAME = "Name of the image"
    PATIENT = "Patient"
    DATE = "Date of the examination"
    KIND = "Kind of image"
    STANDING = "Status"


NO_KIND = "Not known yet"
"""Stands for the kind of what is not analysed, among the kinds to filter by."""

STANDING_TIPS: Mapping[Standing, str] = {
    Standing.TO_CHECK: "Analysed; a person has to check it",
    Standing.RUNNING: "Being analysed",
    Standing.WAITING: "Waiting to be analysed; what is selected comes first",
    Standing.REFUSED: "Refused as another kind of image: nothing was analysed",
    Standing.FAILED: "Could not be analysed",
    Standing.STOPPED: "Stopped; press F5 to analyse it",
    Standing.NOT_ANALYSED: "Opened and not analysed yet; press F5 to analyse it",
    Standing.SIGNED: "Read and signed",
}

_SKIP_REASONS: Mapping[ReadProblem, str] = {
    ReadProblem.MISSING: "not there",
    ReadProblem.UNREADABLE: "could not be read from the disk",
    ReadProblem.EMPTY: "empty",
    ReadProblem.NOT_AN_IMAGE: "not an image",
    ReadProblem.TRUNCATED: "damaged or incomplete",
    ReadProblem.TOO_LARGE: "too large",
    ReadProblem.TOO_SMALL: "too small",
    ReadProblem.TOO_MANY: "too many pictures in one file",
    ReadProblem.NO_PIXELS: "DICOM without an image",
    ReadProblem.SEGMENTATION: "DICOM segmentation",
    ReadProblem.REPORT: "DICOM report or document",
    ReadProblem.OWN_PICTURE: "picture of results of SpineAlign",
    ReadProblem.UNSUPPORTED_COMPRESSION: "compressed in a way that cannot be read",
    ReadProblem.UNSUPPORTED_PACKING: "packed in a way that cannot be unpacked",
    ReadProblem.UNSUPPORTED_LAYOUT: "not a single greyscale image",
    ReadProblem.UNSUPPORTED_PIXELS: "pixels of a type that cannot be read",
    ReadProblem.CONSTANT: "blank",
    ReadProblem.NO_IMAGES_IN_FOLDER: "a folder without images",
    ReadProblem.NO_IMAGES_IN_ARCHIVE: "an archive without images",
    ReadProblem.NO_FILES_OF_INDEX: "an index whose images are not there",
    ReadProblem.NO_SAGITTAL_SERIES: "no sagittal series",
    ReadProblem.ENCRYPTED: "protected by a password",
    ReadProblem.NESTED_ARCHIVE: "an archive of archives",
    ReadProblem.OTHER_HALF_MISSING: "half of an image in two files",
}


def skip_reason(problem: ReadProblem) -> str:
    """Return in a few words why a file is not opened."""
    return _SKIP_REASONS[problem]


def skipped_message(skipped: Sequence[SkippedFile], beyond: int = 0) -> Message:
    """Say how many files of a folder or archive were not opened, and why.

    Parameters
    ----------
    skipped : sequence of SkippedFile
        At least one.
    beyond : int
        How many more there were, whose reasons were not kept.
    """
    reasons = Counter(skip_reason(each.problem) for each in skipped)
    total = len(skipped) + beyond
    if total == 1:
        [reason] = reasons
        return Message(f"1 file was skipped: {skipped_name(skipped[0])} ({reason}).", "")
    parts = [f"{count:,} {reason}" for reason, count in reasons.most_common()]
    parts += [f"{beyond:,} more"] if beyond else []
    return Message(f"{total:,} files were skipped: {listed(parts)}.", "")


def skipped_name(skipped: SkippedFile) -> str:
    """Return which file it is: its name, and of an archive the name in it."""
    part = skipped.part
    name = f"{part.path.name} › {part.member}" if part.member else part.path.name
    return f"“{safe_text(name)}”"


def skipped_rows(skipped: Sequence[SkippedFile]) -> list[tuple[str, str]]:
    """Return (reason, whole path) of each file, in the order in which they were found."""
    return [(skip_reason(each.problem), _place(each)) for each in skipped]


def _place(skipped: SkippedFile) -> str:
    where: Path = skipped.part.path
    inside = f" › {skipped.part.member}" if skipped.part.member else ""
    return safe_text(f"{where}{inside}")


def skipped_text(skipped: Sequence[SkippedFile], beyond: int = 0) -> str:
    """Return the list as tab-separated lines, to be copied."""
    lines = ["\t".join(row) for row in (("Reason", "File"), *skipped_rows(skipped))]
    lines += [f"{beyond:,} more files were skipped and are not named."] if beyond else []
    return "\n".join(lines)


def listed_kind(analysis: Analysis) -> str:
    """Return what kind of image it is, as short as in a list; of a refused one what it is instead.

    Returns
    -------
    str
        "Neck X-ray", "Frontal film of the spine"; empty where nobody knows.
    """
    if analysis.examination is not None:
        words = examination_label(analysis.examination).removeprefix("Lateral ")
        return words[0].upper() + words[1:]
    check = analysis.kind_check
    if check is None:
        return ""
    words = kind_text(analysis.named_kind or check.kind).split(" ", 1)[-1]
    return words[0].upper() + words[1:]


def key_text(finding: Finding) -> str:
    """Return an abnormal finding, or a measure, as short as on a line of a list.

    Returns
    -------
    str
        "L4/L5 Pfirrmann 5", "L4/L5 possibly disc herniation", "C2–C7 Cobb 12.3°".
    """
    value = finding_value_text(finding.value)
    if not value or finding.kind in CONTEXT_KINDS:
        return ""
    if finding.kind is FindingKind.MEASURE:
        ends = (finding.levels[0], finding.levels[-1]) if finding.levels else ("", "")
        name = MEASURE_WORDS[MeasureCode(finding.code)].short.format(*ends, "").strip()
        is_place_alone = name in ("/".join(finding.levels), *finding.levels)
        return safe_text(f"{finding_title(finding) if is_place_alone else name} {value}")
    phrase = abnormal_phrase(finding).replace("Pfirrmann grade", "Pfirrmann")
    return safe_text(f"{finding.place} {phrase}")


def count_text(shown: int, total: int) -> str:
    """Return how many of all cases are listed: "12 cases", "3 of 12"."""
    if shown != total:
        return f"{shown} of {total}"
    return "1 case" if total == 1 else f"{total} cases"


def nothing_listed_text(total: int, words: str, passing: Sequence[str]) -> str:
    """Return why a list of cases is empty though cases are open.

    Parameters
    ----------
    total : int
        How many cases are open; at least 1.
    words : str
        What is searched for; may be empty.
    passing : sequence of str
        What a filter lets pass: statuses and kinds of image, as they are called in its menu.
    """
    parts = [f"holds “{safe_text(shortened(words.strip()))}”"] if words.strip() else []
    parts += [f"passes the filter ({', '.join(passing)})"] if passing else []
    hidden = "1 case is hidden" if total == 1 else f"{total} cases are hidden"
    return f"No case {' and '.join(parts)}. {hidden}."


def hidden_case_text(is_searching: bool, is_filtered: bool) -> str:
    """Return that the case whose picture is shown is not in the list, and what leaves it out.

    Parameters
    ----------
    is_searching, is_filtered : bool
        Whether words are searched for, and whether a filter is set.
    """
    causes = [*(["the search"] if is_searching else []), *(["the filter"] if is_filtered else [])]
    return f"The case that is shown is hidden by {' and '.join(causes) or 'the list'}."


SHOW_ALL, SHOW_IT = "Show all cases", "Show it"
READING, NO_IMAGE = "Reading the image…", "There is no image to show"
UNSEEN = "The image could not be read; press F5 to see why"
"""Stand where a picture will be, where there is none, and where nobody asked for its analysis."""


def analysed_text(counts: Mapping[Standing, int]) -> str:
    """Return what of the cases is done: "3 cases analysed, 1 refused"; "Ready" without any."""
    done = counts.get(Standing.TO_CHECK, 0) + counts.get(Standing.SIGNED, 0)
    parts = [f"{done} case{'' if done == 1 else 's'} analysed"] if done else []
    for standing in (Standing.REFUSED, Standing.FAILED):
        if count := counts.get(standing, 0):
            parts.append(f"{count} {standing.value}")
    return ", ".join(parts) or "Ready"


def last_session_text(count: int) -> str:
    """Return what is offered at the start, without a name: paths may hold those of patients."""
    return "Open the image of last time" if count == 1 else f"Open the {count} images of last time"


GO_ON, KEEP_OPEN = "&Go on", "&Keep open"


def stop_question(count: int) -> tuple[str, str, str]:
    """Return title, question and what to know before one or all analyses are stopped."""
    return (
        "Stop analysing",
        f"{count} images are being analysed or wait. Stop all of them?"
        if count > 1
        else "1 image is being analysed or waits. Stop it?",
        "Results that are there stay. What was stopped is analysed again with F5.",
    )


def quit_question(running: int, waiting: int) -> tuple[str, str, str]:
    """Return title, question and what to know before the window is closed with work to do.

    Parameters
    ----------
    running, waiting : int
        How many images are being analysed, and wait; not both 0.
    """
    parts = [f"{running} image{_s(running)} {_is(running)} being analysed"] if running else []
    if waiting:
        word = f"{waiting} wait{'s' if waiting == 1 else ''}"
        parts.append(word if running else f"{waiting} image{_s(waiting)} wait{_s(waiting, True)}")
    return (
        "Close SpineAlign",
        f"{' and '.join(parts)}. Stop and close all the same?",
        "Results and readings that are there are kept; corrections are written first. "
        "What was stopped is analysed when it is opened again.",
    )


def _s(count: int, is_verb: bool = False) -> str:
    return "s" if (count == 1) is is_verb else ""


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


CLOSE_NOW = "Stop and close"


def stop_one_text(title: str) -> str:
    """Return the words of the button that stops the image being analysed."""
    name = safe_text(shortened(title)).replace("&", "&&")
    return f"&Stop “{name}”"


def stop_all_text(count: int) -> str:
    """Return the words of the button that stops all."""
    return f"Stop &all {count}" if count > 1 else "Stop &it"


def shortened(text: str) -> str:
    """Return a name that fits on a button, cut in the middle where it is longer."""
    if len(text) <= _LONGEST_NAME:
        return text
    half = _LONGEST_NAME // 2
    return f"{text[:half]}…{text[-half:]}"


_LONGEST_NAME = 32
