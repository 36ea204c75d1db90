"""Words of a batch: progress, what failed, what the columns of its tables mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from spinealign.domain.errors import BatchProblem
from spinealign.wording.text import count_text, display_name, safe_text

BATCH_MESSAGES: Mapping[BatchProblem, tuple[str, str]] = {
    BatchProblem.DAMAGED: (
        "The state of the batch, {name}, is damaged{detail}.",
        "Move it away and start again: the folders of results stay, and are made anew.",
    ),
    BatchProblem.NEWER: (
        "The batch {name} was written by a later version of SpineAlign{detail}.",
        "Use that version, or another folder for the results.",
    ),
    BatchProblem.NOT_WRITABLE: (
        "The state of the batch, {name}, cannot be written{detail}.",
        "Make room or choose another folder for the results; a new start then goes on.",
    ),
    BatchProblem.RUNNING: (
        "Another program works on the batch in {name}{detail}.",
        "Wait until it is done, stop it, or choose another folder for the results.",
    ),
    BatchProblem.NO_LIST: (
        "{name} is no list of images{detail}.",
        "A list is a CSV file in UTF-8 with a column “path”.",
    ),
    BatchProblem.NOTHING_FOUND: (
        "Nothing was found that could be analysed in {name}{detail}.",
        "Name image files, folders, archives or a list.",
    ),
    BatchProblem.NO_WORKER: (
        "No process for the analysis can be started by {name}{detail}.",
        "Try “spinealign self-test”, which says what is missing; what is done is kept.",
    ),
    BatchProblem.NO_BATCH: (
        "{name} holds no batch{detail}.",
        "Name the folder that was given to “spinealign batch” with --out.",
    ),
    BatchProblem.NO_PARQUET: (
        "The software that writes Parquet files is not installed, so none can be written into "
        "{name}{detail}.",
        "Run: pip install “spinealign[cohort]”, or leave Parquet out: the CSV tables hold the "
        "same.",
    ),
    BatchProblem.NO_CLUSTER: (
        "The software that speaks with the cluster {name} is not installed{detail}.",
        "Run: pip install “spinealign[cluster]”, here and where the workers are.",
    ),
    BatchProblem.FAULTY_CLUSTER: (
        "No workers can be asked for from the cluster {name}{detail}.",
        "Start the batch where jobs can be submitted, correct the file of options, or start "
        "workers by hand and name their scheduler with --scheduler.",
    ),
    BatchProblem.NO_SCHEDULER: (
        "The scheduler at {name} does not answer{detail}.",
        "See whether it runs, and whether the address and the certificates are right.",
    ),
    BatchProblem.SCHEDULER_LOST: (
        "The connection to the scheduler at {name} is lost{detail}.",
        "What is done is kept: start the scheduler and its workers again, then the same command.",
    ),
    BatchProblem.OTHER_WORKERS: (
        "No worker of the scheduler at {name} has the program and the models of this computer"
        "{detail}.",
        "Install the same version and the same models there, and start the workers again.",
    ),
}

COLUMN_WORDS: Mapping[str, str] = {
    "number": "Place of the image in the batch, from 1, in the order in which it was listed first.",
    "path": "First file of the image or series.",
    "patient_name": "Of the patient, as the file says.",
    "patient_id": "Identifier of the patient, as the file says.",
    "birth_date": "Of the patient, YYYYMMDD in DICOM files.",
    "sex": "Of the patient, as the file says: M, F or O in DICOM files.",
    "age": "Of the patient at the examination, as the file says.",
    "study_date": "Of the examination, YYYYMMDD in DICOM files.",
    "acquisition_date": "Of the image, YYYYMMDD in DICOM files.",
    "study_description": "As the file says.",
    "series_description": "As the file says.",
    "institution": "Where the image was made, as the file says.",
    "accession_number": "Of the order, as the file says.",
    "folder": "Folder of its results, within the batch's folder; of a flat batch what the names of "
    "its files in the folder “results” begin with.",
    "status": "done, refused (an image of another kind), failed, or waiting.",
    "sentence": "Why it failed.",
    "image_sha256": "Checksum of the file that was analysed.",
    "modality": "As the file says.",
    "examination": "Kind that the image was analysed as; empty where it was refused.",
    "view_confidence": "How sure the program is of that kind, 0 to 1; empty where it was told.",
    "headline": "The result in a sentence.",
    "predicted": "Class that a classifier chose.",
    "findings": "Findings of the whole image that a model reports, separated by semicolons.",
    "finding_probabilities": "Each finding that the model looks for, with its probability.",
    "grade": "Median grade of the whole image by a model of ordered grades.",
    "grade_probability": "Probability of that grade.",
    "expected_grade": "Expected place among the grades, 1 for the lowest.",
    "probability": "Of the classifier's positive class, 0 to 1.",
    "bodies": "Names of the vertebral bodies that were outlined, from the top.",
    "least_confidence": "Of the landmark that is least sure, 0 to 1: sort by it to look at the "
    "most doubtful first.",
    "measures_taken": "How many measures have a value.",
    "measures_missing": "How many measures could not be taken; measures.csv says why.",
    "points_sure": "Named points of your own model that reach its trusted confidence; their places "
    "are in points.csv.",
    "points_unsure": "Named points of your own model that were found below that confidence.",
    "points_not_found": "Named points of your own model that were not found.",
    "cautions": "Codes of what has to be known beside the result.",
    "spacing_row_mm": "Distance of rows; empty where it is unknown.",
    "spacing_column_mm": "Distance of columns; empty where it is unknown.",
    "spacing_source": "Where the distances come from.",
    "models": "Networks that answered, with their versions.",
    "program_version": "Version of SpineAlign that made the result.",
    "code": "Of the measure; docs/design/measures.md defines it.",
    "name": "Of the measure.",
    "levels": "Levels that it is of, joined by “/”.",
    "value": "In `unit`; empty where the measure could not be taken.",
    "unit": "Of value and interval.",
    "interval_low": "Lower end of the 95 % interval of the value.",
    "interval_high": "Upper end of the 95 % interval of the value.",
    "state": "automatic, corrected, manual or confirmed: who vouches for it.",
    "reason": "Why there is no value.",
    "method": "How the value was found.",
    "source": "Publication that defines the measure.",
    "apex": "Of a curve seen from the front: the body farthest out, or both beside that disc.",
    "convex_to": "Side of the picture that the curve is convex to.",
    "patient_side": "Side of the patient that this is; empty where the file does not say it.",
}
"""What each column of a batch's tables means."""


def worker_failure(path: Path, step: str, code: int, limit_s: float | None) -> tuple[str, str]:
    """Return sentence and advice for an image with which a worker ended, without patient data.

    Parameters
    ----------
    path : Path
        Of the image.
    step : str
        What was being done; empty before the first step.
    code : int
        Of the process: a negative one is the signal that ended it.
    limit_s : float or None
        The time that a step may take, where that is why.
    """
    name, during = display_name(path), f" while {_lower(step)}" if step else ""
    if limit_s is not None:
        return (
            f"“{name}” was given up{during}: that took longer than {limit_s:.0f} s.",
            "Analyse it alone; on the command line, --step-limit allows more time.",
        )
    how = f"signal {-code}" if code < 0 else f"code {code}"
    return (
        f"The process that analysed “{name}” ended by {how}{during}, in three attempts.",
        "The file may be damaged, or memory too small; analyse it alone with nothing else open.",
    )


def _lower(step: str) -> str:
    return safe_text(step[:1].lower() + step[1:])


def retrieving_text(done: int, total: int) -> str:
    """Return how many studies came."""
    return f"{count_text(done, 'study', 'studies')} of {total:,} retrieved"


def cut_words(node: str, count: int) -> tuple[str, str]:
    """Say that a node may have more studies than came, and what to do."""
    return (
        f"“{safe_text(node)}” has more studies than the {count:,} that it answered with.",
        "State the first and the last date: then the studies are asked for in parts.",
    )


MORE_FAILED = "More have failed: images.csv names all, with the reason of each."


def batch_begin_text(
    total: int, ended: int, stale: int, skipped: int, copies: int = 0, forgotten: int = 0
) -> str:
    """Return what a batch begins with; the numbers are those of `batch.run.Begun`."""
    parts = [f"{count_text(total, 'image')} or series"]
    if ended:
        parts.append(f"{ended} ended in an earlier run")
    if stale:
        parts.append(f"{stale} made anew, because options, models or the program changed")
    if skipped:
        parts.append(f"{count_text(skipped, 'file')} skipped that {_are(skipped)} no pictures")
    if copies:
        has = "has the identifiers" if copies == 1 else "have the identifiers"
        pictures = "picture" if copies == 1 else "pictures"
        parts.append(f"{copies} {pictures} left out that {has} of one listed already")
    if forgotten:
        parts.append(
            f"{count_text(forgotten, 'result')} of an earlier run {_are(forgotten)} of files that "
            "are not listed any more, or changed: what was written stays, in no table"
        )
    return "; ".join(parts)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def progress_text(ended: int, total: int, failed: int, begun: int, seconds: float) -> str:
    """Return how far a batch is: rate and remaining time once they can be told.

    Parameters
    ----------
    ended, total, failed : int
        Images of the whole batch.
    begun : int
        How many ended in this run, in `seconds`.
    """
    said = f"{ended} of {total}"
    if failed:
        said += f", {failed} failed"
    if begun and seconds > 0:
        rate = begun / seconds
        said += f", {3600 * rate:,.0f} an hour, {duration_text((total - ended) / rate)} left"
    return said


def duration_text(seconds: float) -> str:
    """Return a time in the two largest of hours, minutes and seconds."""
    whole = max(0, math.ceil(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def refused_worker_text(address: str, version: str, ours: str) -> str:
    """Return that a worker of a cluster is given nothing, because its results would differ.

    Parameters
    ----------
    address : str
        Of the worker.
    version, ours : str
        Of the program there and here; equal ones mean that the models differ.
    """
    why = (
        f"it has SpineAlign {safe_text(version)}, and {ours} is here"
        if version != ours
        else "its models are others than those here"
    )
    return f"The worker {safe_text(address)} is left out: {why}."


def no_command_text(command: str) -> str:
    """Return why a queueing system cannot be asked: its command is missing here."""
    return f"the command “{command}” is not found on this computer"


def refused_job_text(system: str, reason: str) -> str:
    """Return that a queueing system gives fewer workers than it was asked for."""
    return f"{safe_text(system)} refused a worker: {safe_text(reason)}. The others are used."


def lost_worker_failure(path: Path) -> tuple[str, str]:
    """Return sentence and advice for an image with which worker after worker was lost."""
    return (
        f"Every worker that was given “{display_name(path)}” was lost before it was done.",
        "See why workers end; then start the same command with --try-again.",
    )


def unreadable_failure(path: Path) -> tuple[str, str]:
    """Return sentence and advice for an image whose files cannot be sent to a worker."""
    return (
        f"“{display_name(path)}” cannot be sent to a worker: its files cannot be read here.",
        "See whether they are still there and may be read.",
    )


WAITING_FOR_WORKERS = "No worker is connected to the scheduler yet; the batch waits for the first."
NOT_ENCRYPTED = (
    "The connection to the scheduler is not encrypted: who reaches its port can run programs on "
    "the workers and see what is sent. Use it inside a closed network, or TLS (--tls-ca)."
)


def batch_paused_text(pause: Path) -> str:
    """Return that a batch begins with no more images, and until when."""
    return (
        "Paused: images being analysed come to their end, no more are begun. To go on, remove "
        f"{safe_text(str(pause))}"
    )


def batch_end_text(done: int, refused: int, failed: int, waiting: int) -> str:
    """Return how a batch ended."""
    said = f"{done} done, {refused} refused, {failed} failed"
    return f"{said}, {waiting} waiting: the same command goes on" if waiting else said
