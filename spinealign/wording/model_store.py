"""Why a model was not installed, removed, chosen or signed, and what is wrong about its card."""

from __future__ import annotations

import re
from collections.abc import Mapping

from spinealign.domain.model_store import ModelStoreError, StoreProblem
from spinealign.json_files import MOST_LEVELS, JsonError, JsonProblem
from spinealign.wording.text import safe_text

_AGAIN = "Get the model once more from whoever made it; what is installed stays as it is."

_MESSAGES: Mapping[StoreProblem, tuple[str, str]] = {
    StoreProblem.NOT_THERE: (
        "“{name}” is neither a folder nor a file that can be read.",
        "Name a model folder, or a zip file that holds one.",
    ),
    StoreProblem.NO_CARD: (
        "“{name}” is no model folder: it has no card.json.",
        "Name the folder in which card.json lies, or a zip file of it.",
    ),
    StoreProblem.BAD_CARD: (
        "The model “{name}” is refused: {detail}.",
        "Whoever made the model has to complete its card.json.",
    ),
    StoreProblem.BAD_ARCHIVE: (
        "“{name}” is no zip file of a model, or a damaged one.",
        "Name a zip file that holds one model folder.",
    ),
    StoreProblem.UNSAFE_NAME: (
        "The model “{name}” is refused: “{detail}” is no name that a file of a model may have.",
        "Names have letters from a to z, digits, spaces and _ . -, and lead to no other folder; "
        "“--as NAME” gives the model itself another name.",
    ),
    StoreProblem.NO_ORDINARY_FILE: (
        "The model “{name}” is refused: “{detail}” is a link, encrypted or no ordinary file.",
        "Put the file itself into the model folder.",
    ),
    StoreProblem.TOO_LARGE: (
        "The model “{name}” is refused: it has more than 2 GB.",
        "Take out of its folder what does not belong to the model.",
    ),
    StoreProblem.BAD_CHECKSUMS: (
        "The model “{name}” is refused: its list of checksums is damaged, or does not name the "
        "card.",
        _AGAIN,
    ),
    StoreProblem.FILE_CHANGED: (
        "The model “{name}” is refused: “{detail}” is not the file that its checksum was taken of.",
        _AGAIN,
    ),
    StoreProblem.FILE_MISSING: ("The model “{name}” is refused: it lacks “{detail}”.", _AGAIN),
    StoreProblem.FILE_UNLISTED: (
        "The model “{name}” is refused: its list of checksums does not name “{detail}”.",
        "Take the file out of the folder, or have whoever made the model list and sign it anew.",
    ),
    StoreProblem.SIGNATURE_BROKEN: (
        "The model “{name}” is refused: its signature does not fit its list of checksums.",
        "It was changed after it was signed, or damaged. " + _AGAIN,
    ),
    StoreProblem.NETWORK_FAILED: (
        "The model “{name}” is refused: its network was tried once, and {detail}.",
        "Whoever made the model has to correct its weights or its card.",
    ),
    StoreProblem.OTHER_INSTALLED: (
        "Another model is installed as “{name}”{detail}.",
        "“--replace” puts the new one in its place, “--as NAME” beside it.",
    ),
    StoreProblem.OTHER_THERE: (
        "“{name}” holds another model already{detail}, and it was left as it is.",
        "Name another folder with --out; “--replace” puts the new model in the place of the old "
        "one.",
    ),
    StoreProblem.NAME_OF_SHIPPED: (
        "A model that comes with SpineAlign, or lies in the folder of SPINEALIGN_MODELS, is called "
        "“{name}” already.",
        "“--as NAME” installs it under another name.",
    ),
    StoreProblem.NOT_INSTALLED: (
        "There is no model “{name}”.",
        "“spinealign models list” names those that are there.",
    ),
    StoreProblem.NOT_REMOVABLE: (
        "“{name}” was not installed by “spinealign models install”, so it is not removed.",
        "Models that come with SpineAlign stay; a folder of your own you can take away yourself.",
    ),
    StoreProblem.NO_EXAMINATION: (
        "The card of “{name}” names no images of which it could be asked for good or run in "
        "shadow.",
        "“spinealign analyze --model” asks it for one image. To be chosen, its card has to name "
        "kinds of examination, or of other images unless it outlines; to run in shadow, kinds of "
        "examination.",
    ),
    StoreProblem.NOT_CHOSEN: (
        "The model “{name}” was not chosen, so nothing changed.",
        "“spinealign models list” says which ones answer.",
    ),
    StoreProblem.ANSWERS_ALREADY: (
        "“{name}” answers already, so it cannot run beside itself.",
        "“spinealign models use --shipped TASK” lets the models of SpineAlign answer again.",
    ),
    StoreProblem.NOT_COMPARED: (
        "“{name}” cannot run in shadow: {detail}.",
        "“spinealign analyze --model” asks it for one image, “spinealign models use” lets it "
        "answer.",
    ),
    StoreProblem.NO_KEY: (
        "“{name}” holds no {detail} Ed25519 key as PEM text.",
        "“spinealign models new-key FILE” makes a pair: FILE is private and signs, FILE.pub is "
        "public and is what others trust.",
    ),
    StoreProblem.KEY_EXISTS: (
        "“{name}” or “{name}.pub” exists already, and a key is never written over.",
        "Choose another name for the new key.",
    ),
    StoreProblem.KEY_LOCKED: (
        "The private key “{name}” is protected by a passphrase, and none was given.",
        "Type it when you are asked, or give --passphrase-file with the file that holds it.",
    ),
    StoreProblem.WRONG_PASSPHRASE: (
        "This is not the passphrase of the private key “{name}”, or the file is damaged.",
        "Try again; without its passphrase nobody can sign with this key any more.",
    ),
    StoreProblem.SHORT_PASSPHRASE: (
        "A passphrase has at least {detail} letters; no key was made.",
        "Take several words that you remember: whoever copies the file of the key can guess as "
        "long as they like.",
    ),
    StoreProblem.KEY_TRUSTED: (
        "This key, or another one under this name, is trusted already: “{name}”.",
        "“spinealign models distrust NAME” takes one out of the list.",
    ),
    StoreProblem.NO_SIGNER: (
        "Nobody called “{name}” is trusted.",
        "“spinealign models signers” names those who are.",
    ),
    StoreProblem.NOT_WRITABLE: (
        "“{name}” could not be written{detail}.",
        "Check that you may write there and that the disk is not full.",
    ),
    StoreProblem.BAD_SETTINGS: (
        "“{name}” is damaged, so nobody can tell which models were chosen and whose signatures are "
        "trusted; no image is analysed while that is so.",
        "Restore the file from a backup, or delete it: then the models of SpineAlign answer, and "
        "what you chose and trusted is to be chosen and trusted again.",
    ),
}

_BRACKETED = (StoreProblem.OTHER_INSTALLED, StoreProblem.OTHER_THERE, StoreProblem.NOT_WRITABLE)


def store_words(error: ModelStoreError) -> tuple[str, str]:
    """Return what happened, and what to do next."""
    sentence, advice = _MESSAGES[error.problem]
    detail = safe_text(error.detail)
    if error.problem is StoreProblem.OTHER_INSTALLED:
        detail = f"version {detail}" if detail else "and its card cannot be read"
    if error.problem in _BRACKETED:
        detail = f" ({detail})" if detail else ""
    name = safe_text(error.name)
    return sentence.format(name=name, detail=detail), advice.format(name=name)


_EXPECTED = (
    (re.compile(r"Object missing required field [`'\"](.+)[`'\"]"), "“{0}” is missing"),
    (re.compile(r"Expected `(int|float)`? ?(>=|<=|>|<) ([-0-9.e+]+)`?"), "{0} {1} {2}"),
    (re.compile(r"Expected `array` of length (\d+)`?"), "a list of {0} is expected"),
    (re.compile(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`"), "{0} is expected, not {1}"),
    (re.compile(r"Invalid enum value ['\"](.{0,60})['\"]"), "“{0}” is not known"),
    (re.compile(r"Expected `str` of length <= (\d+)"), "at most {0} letters are expected"),
    (re.compile(r"Expected `str` of length >= (\d+)"), "at least {0} letters are expected"),
    (re.compile(r"Expected `str` matching regex"), "it is written otherwise than it must be"),
)
_TYPES = {
    "int": "a whole number", "float": "a number", "str": "text", "bool": "true or false",
    "array": "a list", "object": "an object", "null": "nothing",
}  # fmt: skip
_LIMITS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}


def _expected(detail: str) -> str:
    """Return what a type demands, in words."""
    for pattern, words in _EXPECTED:
        match = pattern.match(detail)
        if match is None:
            continue
        parts = [_TYPES.get(part, _LIMITS.get(part, part)) for part in match.groups()]
        text = words.format(*parts)
        return f"{text} is expected" if parts[1:2] and parts[1] in _LIMITS.values() else text
    return "it is not possible"


def _json_error(detail: str) -> JsonError | None:
    """Return the error of which only the text is left, as from another process."""
    problem, _, rest = detail.partition(": ")
    if problem not in set(JsonProblem):
        return None
    place, has_place, expected = rest.partition(": ")
    is_place = bool(has_place) or JsonProblem(problem) is not JsonProblem.WRONG_VALUE
    return JsonError(JsonProblem(problem), *((place, expected) if is_place else ("", rest)))


def card_problem_text(error: BaseException | None, detail: str = "") -> str:
    """Return what is wrong about a model card, fit for the end of a sentence.

    Parameters
    ----------
    error : BaseException or None
        What reading the card raised: `JsonError`, another `ValueError` of the card's own checks,
        or `OSError`.
    detail : str
        What is told where the error says nothing.
    """
    if isinstance(error, OSError):
        return "its card.json is missing or cannot be read"
    error = error or _json_error(detail)
    if not isinstance(error, JsonError):
        told = safe_text(str(error) if error is not None else detail)[:200]
        return f"its card is incomplete or contradicts itself ({told})"
    place = f" at “{safe_text(error.place)[:100]}”" if error.place else ""
    match error.problem:
        case JsonProblem.TOO_DEEP:
            return f"its card is nested more than {MOST_LEVELS} levels deep"
        case JsonProblem.TOO_LARGE:
            return f"its card is larger than {error.detail}"
        case JsonProblem.NOT_FINITE | JsonProblem.NOT_A_NUMBER:
            return "its card has a number that is none, or too large for any"
        case JsonProblem.WRONG_VALUE:
            return f"its card has an impossible or missing value{place}: {_expected(error.detail)}"
        case JsonProblem.UNKNOWN_KEY:
            return f"its card has an entry that SpineAlign does not know{place}"
        case JsonProblem.REPEATED_KEY:
            return f"its card has the same entry twice{place}"
    return "its card.json is no ordinary file of JSON text, or is cut off"


CARD_CHANGED = "its card.json is not the file that its checksum was taken of"

_TRIALS = {
    "too_slow": "it did not answer in two minutes",
    "ended": "the process that ran it ended before it answered",
    "misfit": "it does not take the input or give the output that its card describes",
}


def trial_problem_text(problem: str) -> str:
    """Return how a network failed its trial, fit for the end of a sentence."""
    return _TRIALS[problem]
