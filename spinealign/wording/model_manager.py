"""Words of the window in which models are listed, installed, removed and chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.model_store import (
    ListedModel,
    ModelPlace,
    ModelStoreError,
    ShadowResult,
    SignatureState,
    StoreProblem,
    Verified,
)
from spinealign.wording.examinations import examination_label, kind_label
from spinealign.wording.failures import Message, explain
from spinealign.wording.model_card import kinds_text, task_text
from spinealign.wording.models import broken_file_text, shadow_lines, signature_text
from spinealign.wording.text import as_sentence, listed, safe_text

MODELS_TITLE = "Models"
INTRODUCTION = (
    "The networks on this computer: those that came with SpineAlign, and your own. One answers for "
    "each task and kind of image; a candidate runs beside it, and only its differences are shown."
)
MODEL_LIST, MODEL_CARD, PROGRESS = "Models", "Model card", "Progress"
HEADINGS = ("Model", "In use", "From", "Status", "Task", "Images", "Version")
ANSWERS, CANDIDATE, IDLE, DAMAGED = "answers", "candidate", "", "damaged"
SHIPPED = "SpineAlign"
_OWN: Mapping[ModelPlace, str] = {
    ModelPlace.INSTALLED: "own",
    ModelPlace.NAMED_FOLDER: "SPINEALIGN_MODELS",
}
_SIGNED: Mapping[SignatureState, str] = {
    SignatureState.TRUSTED: "signer trusted",
    SignatureState.UNKNOWN: "signer unknown",
    SignatureState.UNSIGNED: "not signed",
    SignatureState.BROKEN: "signature broken",
}
CARD_PROBLEM = "Its card cannot be used: {problem}"
CANNOT_ANSWER = "Its card is damaged: it can only be removed"
IS_NAMED_FOLDER = "Its folder is named by SPINEALIGN_MODELS: take it away there"
NO_OWN_MODELS = (
    "No model of your own is installed. Install a folder or zip file that “spinealign package” or "
    "“spinealign train” wrote, or drop it here."
)
LOADING = "Reading the model cards…"

INSTALL, REMOVE, VERIFY = "&Install", "&Remove…", "&Verify"
FROM_FOLDER, FROM_ZIP = "From a &folder…", "From a &zip file…"
USE, END_USE = "&Use for this task", "Do not &use"
SHADOW, END_SHADOW, STOP = "Run in s&hadow", "End s&hadow run", "S&top"
INSTALL_TIP = "Check a model folder or zip file, and copy it to your own models"
REMOVE_TIP = "Delete your own model from this computer"
VERIFY_TIP = "Compare card, weights and signature of the chosen model with its checksums"
USE_TIP = "Let the chosen model answer for its task from now on"
END_USE_TIP = (
    "Let the chosen model answer no more: what it stood for answers again, and of images that only "
    "it is asked of, none"
)
SHADOW_TIP = (
    "Run the chosen model beside the one that answers; only what it finds otherwise is shown"
)
FOLDER_TITLE, ZIP_TITLE = "Install a model folder", "Install a model from a zip file"
ZIP_FILTER = "Zip files (*.zip)"

NO_MODEL_CHOSEN = "Choose a model in the list"
IS_SHIPPED = "This model came with SpineAlign and stays"
ANSWERS_ALREADY = "This model answers already"
CANDIDATE_ALREADY = "This model answers: it cannot be its own candidate"
BUSY = "Wait until it is done, or stop it"
NOT_ADMINISTRATOR = "Only administrators change which models answer"
NOT_IN_SHADOW: Mapping[str, str] = MappingProxyType(
    {
        "view": "The image type is told by one model alone",
        "multi_label": "Several findings are not compared beside one another yet",
        "ordinal": "Grades of whole pictures are not compared beside one another yet",
        "landmarks": "Named points are not compared beside one another yet",
    }
)
"""Why models of a task cannot run as candidates."""

WORKING: Mapping[str, str] = MappingProxyType(
    {
        "install": "Checking and copying “{name}”…",
        "remove": "Removing “{name}”…",
        "verify": "Checking “{name}”…",
        "choose": "Choosing “{name}”…",
        "end_use": "Letting “{name}” go…",
        "shadow": "Choosing “{name}”…",
        "end_shadow": "Ending the shadow run of “{name}”…",
    }
)
DONE: Mapping[str, str] = MappingProxyType(
    {
        "install": "“{name}” is installed. It answers once you choose “Use for this task”.",
        "remove": "“{name}” is removed.",
        "choose": "“{name}” answers for its task from now on.",
        "end_use": "“{name}” is not chosen any more.",
        "shadow": "“{name}” runs in shadow from the next analysis on.",
        "end_shadow": "“{name}” does not run in shadow any more.",
    }
)
STOPPED, STOPPING = "Stopped. Nothing was installed.", "Stopping…"
ONE_AT_A_TIME = "Drop one model folder or one zip file."

REMOVE_QUESTION = "Remove the model “{name}”?"
REMOVE_MEANS = (
    "Its folder is deleted from your own models. Results that it made keep its name and checksum, "
    "but it can analyse nothing again."
)
REMOVE_MEANS_IN_USE = "It answers now; the model that came with SpineAlign answers again then."
REPLACE_QUESTION = "Replace the model “{name}” that is installed?"
REPLACE_MEANS = (
    "The one that is installed is deleted, and the new one takes its place. If it answered or ran "
    "in shadow, the new one does so where it is for the same images."
)
REPLACE_NOW = "Replace"
REMOVE_NOW, KEEP_IT = "Remove", "Keep"

FILES_CAPTION, FOLDER_CAPTION, SIGNATURE_CAPTION = "Files", "Folder", "Signature"
IN_USE_CAPTION = "In use"
ALL_FIGURES = "All figures ({count})"
UNITS_NOTE = (
    "CI: confidence interval. Independent units are patients, or films or series where the card "
    "says so."
)
NO_INTERVALS = "The card states no figure with a confidence interval."


def model_title(model: ListedModel) -> str:
    """Return what a model is called: by its card, or by its folder where that is damaged."""
    return safe_text(model.name if model.card is None else model.card.title)


def model_cells(model: ListedModel) -> tuple[str, ...]:
    """Return a model in the columns of `HEADINGS`."""
    card, origin = model.card, SHIPPED
    if model.place is not ModelPlace.SHIPPED:
        origin = f"{_OWN[model.place]}, {_SIGNED[model.signature.state]}"
    if card is None:
        return (model_title(model), DAMAGED, origin, "", "", "", "")
    use = ANSWERS if model.answers else CANDIDATE if model.is_shadow else IDLE
    said = (card.status.value, task_text(card), kinds_text(card), safe_text(card.version))
    return (model_title(model), use, origin, *said)


def use_text(model: ListedModel) -> str:
    """Return for which kinds of image a model answers now, in a sentence."""
    if model.answers_all:
        return "It is asked for every image."
    if model.answers_for or model.answers_alone:
        kinds = [examination_label(kind.examination) for kind in model.answers_for]
        return f"It answers for: {listed([*kinds, *map(kind_label, model.answers_alone)])}."
    if model.is_shadow:
        return "It runs in shadow: only what it finds otherwise is shown, and nothing is reported."
    return "It is not asked now."


def removal_text(model: ListedModel) -> str:
    """Return what removing a model means, and what answers then."""
    parts = [REMOVE_MEANS]
    if model.answers_for or model.answers_all:
        parts.append(REMOVE_MEANS_IN_USE)
    if model.answers_alone:
        kinds = listed([kind_label(kind) for kind in model.answers_alone])
        parts.append(f"It alone is asked of these images, and then none is: {kinds}.")
    return " ".join(parts)


def verified_text(found: Verified, title: str) -> str:
    """Return what came of looking through a model folder, in one sentence."""
    name = safe_text(title)
    if found.card_problem:
        return f"The card of “{name}” cannot be used: {as_sentence(found.card_problem)}"
    if found.files:
        files = listed([broken_file_text(one) for one in found.files])
        return f"“{name}” is not as its checksums say: {files}."
    signed = signature_text(found.signature)
    if found.signature.state is SignatureState.BROKEN:
        return f"“{name}” is not to be used; {signed}."
    return f"“{name}” is whole, its card and weights are as their checksums say; it is {signed}."


_ADVICE: Mapping[StoreProblem, str] = {
    StoreProblem.UNSAFE_NAME: "Names have letters from a to z, digits, spaces and _ . -",
    StoreProblem.OTHER_INSTALLED: "Replace it, or keep it and leave the other one out.",
    StoreProblem.NAME_OF_SHIPPED: (
        "Give it another name in its card.json, or install it with “spinealign models install "
        "--as NAME”."
    ),
    StoreProblem.NOT_INSTALLED: "Close this window and open it again: it lists what is there now.",
    StoreProblem.NOT_REMOVABLE: "Models that came with SpineAlign stay.",
    StoreProblem.NO_EXAMINATION: (
        "Its card has to name images that it can be asked of before it can answer here; "
        "“spinealign analyze --model” asks it for one image."
    ),
    StoreProblem.ANSWERS_ALREADY: "Let another model answer for its task first.",
}
"""What to do in the window, where the command line has other ways."""


def failure_text(error: SpineAlignError) -> str:
    """Return why something was not done, and what to do in the window of the models."""
    message = explain(error)
    advice = _ADVICE.get(error.problem) if isinstance(error, ModelStoreError) else None
    return f"{message.sentence} {advice or message.advice}"


def size_text(size: int) -> str:
    """Return how large a file is, in bytes, kB or MB."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def files_text(files: Sequence[tuple[str, int]]) -> str:
    """Return the files of a model with their sizes in bytes, a line each."""
    return "\n".join(f"{safe_text(name)}, {size_text(size)}" for name, size in files)


def folder_text(folder: Path) -> str:
    """Return where a model lies."""
    return safe_text(str(folder))


def changed_message(titles: Sequence[str]) -> Message:
    """Return what to know once open cases were analysed by models that do not answer any more."""
    is_one = len(titles) == 1
    cases = f"“{safe_text(titles[0])}” was" if is_one else f"{len(titles)} open cases were"
    return Message(
        f"{cases} analysed by another model than the one that answers now.",
        f"{'The result stays and names its' if is_one else 'The results stay and name their'} "
        "model until you analyse again.",
    )


ANALYSE_AGAIN = "Analyse again"


def outdated_text(made_by: Sequence[str], now: Sequence[str]) -> str:
    """Return which models made a result, and which answer now, all by title and version."""
    made = f"This result was made by {_quoted(made_by)}"
    if not now:
        verb = "does" if len(made_by) == 1 else "do"
        return f"{made}, which {verb} not answer any more."
    return f"{made}; {_quoted(now)} {'answers' if len(now) == 1 else 'answer'} now."


def gone_text(made_by: Sequence[str]) -> str:
    """Return that models which made a result are not installed any more."""
    verb = "is" if len(made_by) == 1 else "are"
    return f"This result was made by {_quoted(made_by)}, which {verb} not installed any more."


def not_asked_text(now: Sequence[str]) -> str:
    """Return that a model answers now which did not when a result was made."""
    verbs = ("answers", "was") if len(now) == 1 else ("answer", "were")
    return f"{_quoted(now)} {verbs[0]} for such images now and {verbs[1]} not asked here."


def titled(title: str, version: str) -> str:
    """Return a model with its version, as results name it."""
    return safe_text(f"{title} {version}")


def _quoted(names: Sequence[str]) -> str:
    return listed([f"“{name}”" for name in names])


def candidate_step(step: str) -> str:
    """Return what is being done for a candidate."""
    return f"Candidate: {step[0].lower()}{step[1:]}"


def candidate_title(result: ShadowResult) -> str:
    """Return the heading of what a candidate finds otherwise."""
    title = titled(result.candidate.title, result.candidate.version)
    return f"Candidate: {title}" if result.has_differences else f"Candidate: {title}, no difference"


def candidate_text(result: ShadowResult) -> str:
    """Return what a candidate finds otherwise than the model that answered, a line each."""
    if not result.has_differences:
        return SAYS_THE_SAME
    _, *lines = shadow_lines(result)
    return "\n".join([NOT_IN_THE_RESULT, *(f"• {line.strip()}" for line in lines)])


SAYS_THE_SAME = "It finds the same as the model that answered."
NOT_IN_THE_RESULT = (
    "Only differences; nothing of this is part of the result, a report or a reading."
)
CANDIDATE_FAILED = "Candidate: no answer"
