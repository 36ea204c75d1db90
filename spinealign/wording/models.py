"""Models in lists: where they lie, who signed them, which answers; two of them compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spinealign.domain.comparison import Change, ComparedMeasure
from spinealign.domain.examination import (
    ALONE_TASKS,
    EXAMINATIONS,
    PICTURE_TASKS,
    ExaminationKind,
    ImageKind,
    Task,
)
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import (
    BrokenFile,
    CardDifference,
    FileState,
    ListedModel,
    ModelPlace,
    ShadowResult,
    Signature,
    SignatureState,
    TrustedSigner,
    Verified,
)
from spinealign.wording.discs import grade_title
from spinealign.wording.evaluation import PATIENTS_UNKNOWN, turned_text
from spinealign.wording.examinations import examination_text, kind_text
from spinealign.wording.measure_rows import number_text
from spinealign.wording.measures import measurement_name
from spinealign.wording.text import listed, probability_text, safe_text
from spinealign.wording.trained import chance_text

TASK_WORDS: Mapping[Task, str] = {
    "classification": "classification",
    "multi_label": "several findings",
    "ordinal": "ordered grades",
    "segmentation": "outlines",
    "disc_grading": "grades of discs",
    "view": "kind of image",
    "landmarks": "named points",
}

PLACE_WORDS: Mapping[ModelPlace, str] = {
    ModelPlace.SHIPPED: "comes with SpineAlign",
    ModelPlace.INSTALLED: "installed",
    ModelPlace.NAMED_FOLDER: "folder of SPINEALIGN_MODELS",
}

_FILE_WORDS: Mapping[FileState, str] = {
    FileState.MISSING: "“{name}” is missing",
    FileState.CHANGED: "“{name}” is not the file that its checksum was taken of",
    FileState.UNLISTED: "“{name}” is not in the list of checksums",
    FileState.NO_FILE: "“{name}” is no ordinary file",
}


def signature_text(signature: Signature) -> str:
    """Return who signed a model, as a part of a line."""
    match signature.state:
        case SignatureState.SHIPPED:
            return "part of SpineAlign"
        case SignatureState.TRUSTED:
            return f"signed by {safe_text(signature.signer)}, who is trusted"
        case SignatureState.UNKNOWN:
            known = fingerprint_text(signature.fingerprint)
            return f"signed with a key that is not in your list of trusted ones ({known})"
        case SignatureState.UNSIGNED:
            return "not signed"
    return "signature broken: the model was changed after it was signed"


def fingerprint_text(fingerprint: str) -> str:
    """Return the fingerprint of a key in groups of four digits."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def kinds_text(kinds: Sequence[ExaminationKind | ImageKind]) -> str:
    """Return kinds of examination, or of images that none is of, in words."""
    words = [
        kind_text(kind).split(" ", 1)[-1]
        if isinstance(kind, ImageKind)
        else examination_text(EXAMINATIONS[kind])
        for kind in kinds
    ]
    return listed(words) if words else ""


def unchecked_text(stated: ModelStatus) -> str:
    """Return that the status which a card states does not count, and what would make it count."""
    return (
        f"Its card states “{stated.value}”: that is its maker’s word and was not checked, so it "
        "counts as a demonstration until somebody whom you trust signs it."
    )


def images_text(card: ModelCard) -> str:
    """Return which images a model is for, in words."""
    return kinds_text((*card.examinations, *card.image_kinds)) or "all images"


def answers_text(one: ListedModel) -> str:
    """Return for which images a model is asked now, as a sentence."""
    if one.answers_all:
        return "It is asked for every image."
    if one.answers_for or one.answers_alone:
        why = " because you chose it" if one.is_chosen else ""
        alone = "; there it alone is asked" if one.answers_alone and not one.answers_for else ""
        kinds = kinds_text((*one.answers_for, *one.answers_alone))
        return f"It answers for {kinds}{why}{alone}{_demonstration_words(one.card)}."
    if one.is_shadow:
        return "It runs beside the model that answers, and only its differences are told."
    if one.card is not None and one.card.is_for_all:
        return "It names no kind of examination and answers where --model names it."
    if one.card is not None and not one.card.examinations and one.card.task not in ALONE_TASKS:
        return "It does not answer: nothing is outlined or measured on such images."
    return f"It does not answer; “spinealign models use {one.name}” chooses it."


def _demonstration_words(card: ModelCard | None) -> str:
    """Return that a demonstration of the whole picture answers only where somebody wants it."""
    is_shown = card is not None and card.status is ModelStatus.DEMONSTRATION
    if not is_shown or card is None or card.task not in PICTURE_TASKS:
        return ""
    return ", as a demonstration only where “--demonstration” or the window’s button asks it"


def figure_text(card: ModelCard) -> str:
    """Return a figure of a card: one that its task is known by, else the first; or "".

    That of held-out patients comes before the cross-validation of those that were learned from,
    and which one it is, is said; so is a cross-validation that was no better than chance.
    """
    told = _figure_of_task(card)
    if not told or not chance_text(card.metrics):
        return told
    crossed = _figure(("auc",), card.metrics["cross_validation"]["auc"])
    both = told if crossed in told else f"{told}; {crossed}{_PARTS['cross_validation']}"
    return f"{both}: not shown to be better than chance"


def _figure_of_task(card: ModelCard) -> str:
    metrics = dict(sorted(card.metrics.items(), key=lambda part: part[0] != _HELD_OUT))
    for word in _FIGURES[card.task]:
        for path, value in _figures(metrics):
            if word in path[-1] or (word in path and len(path) > 1):
                return f"{_figure(path[1:] or path, value)}{_PARTS.get(path[0], '')}"
    path, value = next(iter(_figures(metrics)), ((), {}))
    return f"{_figure(path[-1:], value)}{_PARTS.get(path[0], '')}" if path else ""


_HELD_OUT = "held_out"
_PARTS: Mapping[str, str] = {
    _HELD_OUT: ", held out", "cross_validation": ", in cross-validation",
}  # fmt: skip


_FIGURES: Mapping[Task, tuple[str, ...]] = {
    "classification": ("auc", "accuracy", "sensitivity"),
    "multi_label": ("auc", "sensitivity"),
    "ordinal": ("kappa_quadratic", "within_one_grade"),
    "segmentation": ("dice_all_bodies", "dice"),
    "disc_grading": ("quadratic_kappa", "auc"),
    "view": ("own_kinds_accepted", "accuracy"),
    "landmarks": ("error_mm", "error_px"),
}
_DEEPEST = 8


def _figures(metrics: Any, path: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Yield every figure with an interval, under the keys that lead to it."""
    if not isinstance(metrics, Mapping) or len(path) > _DEEPEST:
        return
    value = metrics.get("value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield path or ("",), metrics
        return
    for key, part in metrics.items():
        yield from _figures(part, (*path, str(key)))


def _figure(path: tuple[str, ...], figure: Mapping[str, Any]) -> str:
    name = " ".join(path).replace("_", " ")
    ends = [figure.get(end) for end in ("low", "high")]
    text = f"{safe_text(name)} {figure['value']:.3g}"
    if all(isinstance(end, int | float) for end in ends):
        text += f" ({ends[0]:.3g} to {ends[1]:.3g})"
    units = figure.get("units")
    return f"{text}, {units} independent" if isinstance(units, int) else text


def model_lines(models: Sequence[ListedModel]) -> list[str]:
    """Return the list of models as lines."""
    return [line for one in models for line in _lines_of(one)]


def _lines_of(one: ListedModel) -> list[str]:
    where = f"    {PLACE_WORDS[one.place]}; {signature_text(one.signature)}"
    folder = f"    {safe_text(str(one.folder))}"
    if one.card is None or one.card_problem:
        return [f"{safe_text(one.name)}  cannot be used: {one.card_problem}", where, folder]
    card = one.card
    lines = [
        f"{safe_text(f'{one.name} {card.version}')}  [{card.status}]  {safe_text(card.title)}",
        f"    {TASK_WORDS[card.task]}: {images_text(card)}",
        where,
        f"    {answers_text(one)}",
    ]
    lines += [f"    {unchecked_text(one.stated_status)}"] if one.stated_status else []
    figure = figure_text(card)
    lines += [f"    {figure}"] if figure else ["    no figures"]
    return [*lines, folder]


def verified_lines(verified: Sequence[Verified]) -> list[str]:
    """Return what was found of each model, as lines."""
    return [line for one in verified for line in _verified_lines(one)]


def _verified_lines(one: Verified) -> list[str]:
    name = safe_text(one.name)
    if one.is_sound:
        return [f"{name}: sound; {signature_text(one.signature)}"]
    problems = [broken_file_text(broken) for broken in one.files]
    problems += [one.card_problem] if one.card_problem else []
    if one.signature.state is SignatureState.BROKEN:
        problems.append(signature_text(one.signature))
    return [f"{name}: BROKEN: {problem}" for problem in problems]


def broken_file_text(broken: BrokenFile) -> str:
    """Return what is wrong about a file of a model."""
    return _FILE_WORDS[broken.state].format(name=safe_text(broken.name))


def installed_lines(one: ListedModel) -> list[str]:
    """Return what was installed, and that it does not answer by itself."""
    assert one.card is not None
    title, version = safe_text(one.card.title), safe_text(one.card.version)
    return [
        f"Installed {one.name}, {title}, version {version}; {signature_text(one.signature)}.",
        answers_text(one),
        *([unchecked_text(one.stated_status)] if one.stated_status else []),
    ]


def signer_lines(signers: Sequence[TrustedSigner], fingerprints: Sequence[str]) -> list[str]:
    """Return who is trusted, each with the fingerprint of the key."""
    if not signers:
        return ["Nobody's signature is trusted yet."]
    return [
        f"{safe_text(one.name)}  {fingerprint_text(known)}"
        for one, known in zip(signers, fingerprints, strict=True)
    ]


def difference_lines(names: tuple[str, str], differences: Sequence[CardDifference]) -> list[str]:
    """Return where two cards differ, as lines."""
    if not differences:
        return ["The two cards say the same."]
    lines = [f"{safe_text(names[0])} | {safe_text(names[1])}"]
    return lines + [
        f"{safe_text(one.entry)}: {safe_text(one.first) or '-'} | {safe_text(one.second) or '-'}"
        for one in differences
    ]


def shadow_lines(result: ShadowResult) -> list[str]:
    """Return what a candidate says otherwise than the model that answered, as lines."""
    title = safe_text(result.candidate.title)
    head = f"candidate {title} {safe_text(result.candidate.version)}"
    if not result.has_differences:
        return [f"{head}: says the same"]
    lines = [f"{head} says otherwise:"]
    if result.classes is not None:
        lines.append(f"    {_class_text(result)}")
    lines += [
        f"    {one.level} {grade_title(one.grade)}: {_grade_text(one.answering)}, candidate "
        f"{_grade_text(one.candidate)}"
        for one in result.grades
    ]
    both = [row for row in result.measures if row.change not in _ONE_SIDED]
    lines += [f"    {shadow_measure_text(row)}" for row in both]
    for change, words in _ONE_SIDED.items():
        names = [measurement_name(row.either) for row in result.measures if row.change is change]
        lines += [f"    {words}: {', '.join(names)}"] if names else []
    lines += [
        f"    {safe_text(one.structure)}: Dice {_dice_text(one.dice)} between the two outlines"
        for one in result.outlines
    ]
    return lines


def _dice_text(dice: float) -> str:
    """Return a Dice coefficient, never rounded to agreement."""
    return f"{dice:.3f}" if not 0.999 < dice < 1 else "over 0.999"


def _grade_text(value: int | bool | None) -> str:
    if value is None:
        return "uncertain"
    return {True: "present", False: "absent"}[value] if isinstance(value, bool) else str(value)


_ONE_SIDED: Mapping[Change, str] = {
    Change.ONLY_FIRST: "without a value by the candidate",
    Change.ONLY_SECOND: "with a value by the candidate only",
}


def _class_text(result: ShadowResult) -> str:
    assert result.classes is not None
    found = result.classes
    there = f"{safe_text(found.candidate)} ({probability_text(found.candidate_probability)})"
    if not found.answering:
        return f"candidate {there}; no other model answered"
    here = f"{safe_text(found.answering)} ({probability_text(found.answering_probability)})"
    return f"{here}, candidate {there}"


def shadow_measure_text(row: ComparedMeasure) -> str:
    """Return one measure to which a candidate gives another value."""
    title = measurement_name(row.either)
    assert row.first is not None
    assert row.second is not None
    assert row.first.value is not None
    assert row.second.value is not None
    here, there = (number_text(value, row.unit) for value in (row.first.value, row.second.value))
    values = f"{here}, candidate {there}"
    unknown = "" if row.change is Change.BEYOND else "; the error of this measure is not known"
    return f"{title}: {values}{unknown}"


NAME_OR_SHIPPED = "name a model, or a task with --shipped"
EXAMINATION_OF_SHIPPED = (
    "--examination goes with --shipped; a model answers for what its card names"
)
END_OF_A_MODEL = "--end goes with the name of a model that was chosen"
NOT_ONE_TASK = "--data compares the answers of two models that do the same; these do not"


def shipped_text(task: Task, kind: ExaminationKind | ImageKind | None) -> str:
    """Return that the shipped models answer again; of some images there are none."""
    if isinstance(kind, ImageKind):
        return f"No model is asked for {TASK_WORDS[task]} of {kinds_text([kind])} any more."
    where = "" if kind is None else f" on {kinds_text([kind])}"
    return f"The models of SpineAlign answer again for {TASK_WORDS[task]}{where}."


PASSPHRASE_PROMPT = "Passphrase of {file}: "
NEW_PASSPHRASE_PROMPT = "New passphrase of {file} (empty for none): "
AGAIN_PROMPT = "Once more: "
PASSPHRASES_DIFFER = "the two passphrases differ; no key was made"


def end_use_text(name: str, found: ListedModel | None) -> str:
    """Return that a model is chosen no more, and where it answers all the same."""
    told = f"{safe_text(name)} is not chosen any more"
    return f"{told}." if found is None else f"{told}: {answers_text(found)}"


def ended_text(name: str) -> str:
    """Return that a candidate runs no more."""
    return f"{safe_text(name)} does not run beside other models."


def new_key_lines(private: str, public: str, fingerprint: str, is_protected: bool) -> list[str]:
    """Return what became of a new pair of keys, and what to do with each."""
    whoever = (
        "whoever has it and its passphrase"
        if is_protected
        else ("it has no passphrase, so whoever has it")
    )
    return [
        f"Private key: {safe_text(private)} - keep it to yourself; {whoever} signs as you do.",
        f"Public key: {safe_text(public)} - give it to those who are to trust your models.",
        f"Fingerprint: {fingerprint_text(fingerprint)}",
    ]


def signed_text(folder: str, fingerprint: str) -> str:
    """Return that a folder was signed."""
    return f"Signed {safe_text(folder)} with the key {fingerprint_text(fingerprint)}."


def trusted_text(name: str, fingerprint: str) -> str:
    """Return that somebody is trusted from now on, and what to make sure of."""
    return (
        f"What {safe_text(name)} signs is trusted from now on. Make sure, by telephone or in "
        f"person, that the fingerprint of the key is {fingerprint_text(fingerprint)}."
    )


def distrusted_text(name: str) -> str:
    """Return that somebody is trusted no more."""
    return f"What {safe_text(name)} signs is not trusted any more; installed models stay."


def _signed_figure(figure: Any) -> str:
    ends = f" ({figure.low:+.3f} to {figure.high:+.3f})" if math.isfinite(figure.low) else ""
    return f"{figure.value:+.3f}{ends}"


def answers_compared_lines(answers: Any) -> list[str]:
    """Return how two models differ on the same pictures.

    Parameters
    ----------
    answers : Compared or ComparedFigures
        Of `spinealign.evaluation.comparing`.
    """
    known = f"of {answers.patients} patients"
    whose = known if answers.knows_patients else "whose patients are unknown"
    lines = [
        *([] if answers.knows_patients else [PATIENTS_UNKNOWN]),
        f"On {answers.cases} pictures {whose}, second less first:",
        *(
            f"    {safe_text(name.replace('_', ' '))}: {_signed_figure(one)}"
            for name, one in answers.differences.items()
            if one.is_known
        ),
    ]
    if hasattr(answers, "only_first"):
        if answers.turned is not None:
            lines.insert(0, turned_text(*answers.turned))
        only = f"only the first {answers.only_first}, only the second {answers.only_second}"
        lines.append(f"    right: {only}")
    return lines
