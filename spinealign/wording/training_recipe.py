"""What recipes say: every key explained, and every mistake told with what is allowed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from spinealign.wording.text import listed, safe_text

HEAD = (
    "# A training of SpineAlign: spinealign train THIS-FILE.yaml",
    "# Paths are relative to the folder of this file. Keys behind a # may be left out.",
)
TEXT = "text (with quotes where it looks like a number)"
LIST_OF_TEXTS = "a list of texts, such as [background, disc]"
LIST_OF = "a list of {each}"
TRUE_OR_FALSE = "true or false"
RISING = "two numbers, the smaller one first"
RECIPE_ADVICE = (
    "Correct the file; “spinealign train new-recipe” writes one that explains every key."
)
_WIDTH = 92

KEYS: Mapping[str, str] = {
    "task": "What is learned: one of two classes, several findings or an ordered grade of each "
    "picture, outlines from masks, or named points.",
    "data": "Which pictures, and what tells patients apart.",
    "data.path": "Folder or CSV table; docs/training.md shows the layouts.",
    "data.layout": "How the data lie there; without it as they look.",
    "data.label_column": "Column of a table that tells the class; without it label, class or so.",
    "data.positive": "The class that means abnormal.",
    "data.labels": "Columns of a list, each a finding that is there (1), absent (0) or unknown "
    "(empty); without it every column beside image, patient and split.",
    "data.grades": "Grades from the lowest to the highest; their order is never guessed.",
    "data.classes": "What the values of the masks mean, from 0 (background) on; else classes.csv.",
    "data.coordinates": "What 0 means: the outer edge of the first pixel, its centre, or shares of "
    "width and height. Tables must say it.",
    "data.points": "Only these points; without it all that the data name.",
    "data.mirror_pairs": "With augmentation.flip: which point takes the place of which in a mirror "
    "image, as LEFT=RIGHT; the others keep their names. [none] says that no point has a side.",
    "data.patient_pattern": "Regular expression whose first group is the patient in a file's name.",
    "data.split": "Table with path and part of each picture, such as the split.csv of an audit.",
    "data.held_out": "What no training sees: a part such as val, a share of patients, or none.",
    "data.most_broken": "Share of pictures that may be unreadable.",
    "work": "Folder for what is kept; a training that was cut goes on from there.",
    "out": "Model folder to write.",
    "preset": "The network: lean (VGG16 and a regression on its features), report (the Spine Align "
    "report's VGG16), plain-cnn (its plain CNN), u-net (outlines), two-looks (points).",
    "imagenet": "VGG16's ImageNet convolutions; docs/training.md says where they come from.",
    "preprocessing": "Done to every picture, in training and in use alike; the card says it.",
    "preprocessing.size": "Side of the network's input in pixels.",
    "preprocessing.percentiles": "Grey values at these percentiles become black and white.",
    "preprocessing.window_hu": "Hounsfield units that become black and white, where images have "
    "them.",
    "preprocessing.denoise": "Noise reduction.",
    "preprocessing.clahe": "Contrast-limited histogram equalisation: clip limit; 0 for none.",
    "preprocessing.second_look": "Magnification of the second look over the first.",
    "preprocessing.region": "Only the box around what this segmentation outlines is seen, such as "
    "mr_segmentation.",
    "preprocessing.region_margin": "How much wider the box is, as a share of its longer side.",
    "preprocessing.leave_out": "Pictures that the program warns of are not trained on.",
    "augmentation": "How the pictures that are trained on are changed at random.",
    "augmentation.copies": "Changed copies of each picture.",
    "augmentation.rotation_deg": "Turned by at most so many degrees.",
    "augmentation.shift": "Shifted by at most this share of the side.",
    "augmentation.zoom": "Scaled between these factors.",
    "augmentation.shear": "Sheared by at most this factor.",
    "augmentation.flip": "Mirrored, half of them; never where sides matter.",
    "augmentation.brightness": "Brighter or darker by at most this share of the grey scale.",
    "augmentation.contrast": "More or less contrast by at most this share.",
    "augmentation.noise": "Standard deviation of the noise, at most this share of the grey scale.",
    "balance": "Against unequal classes: rare pictures weigh more, are shown more often, or none; "
    "without it weights for two classes, and none for findings and grades.",
    "training": "How long and how fast.",
    "training.folds": "Of the cross-validation by patient.",
    "training.epochs": "At most so many passes over the data.",
    "training.steps": "At most so many updates of the weights.",
    "training.batch": "Pictures an update.",
    "training.learning_rate": "Of Adam.",
    "training.schedule": "How the learning rate changes: cosine falls to nothing, step and "
    "exponential are multiplied by decay every decay_every epochs, plateau after so many without "
    "a better loss.",
    "training.warm_up": "Epochs in which the learning rate rises before.",
    "training.decay": "By what the learning rate is multiplied.",
    "training.decay_every": "Epochs after which it is.",
    "training.patience": "Epochs without a better held-out loss after which a fold stops.",
    "training.regularisation": "Inverse strength; a smaller one keeps weights smaller.",
    "seed": "Every draw follows from it.",
    "card": "What only you can tell; what is left out is said to be not stated.",
    "card.title": "What the model is called in the window.",
    "card.examination": "Which images it is for.",
    "card.image_kind": "Which images it is for, where SpineAlign analyses none of their "
    "kind: it is then asked where a person names it.",
    "card.source": "Where the data come from.",
    "card.licence": "Of the weights, which follows from that of the data.",
    "card.intended_use": "What it is meant for.",
    "although": "Why to train even if the audit of the data advises against it.",
    "tensorboard": "Folder for the curves.",
}

EXAMPLES: Mapping[tuple[str, str], str] = {
    ("data.path", ""): "my_pictures",
    ("data.layout", "classifier"): "folders",
    ("data.layout", "segmentation"): "masks",
    ("data.layout", "landmarks"): "point-table",
    ("data.label_column", ""): "diagnosis",
    ("data.layout", "multi-label"): "label-table",
    ("data.layout", "ordinal"): "table",
    ("data.positive", ""): "abnormal",
    ("data.labels", ""): "[narrowing, bulging]",
    ("data.grades", ""): "['1', '2', '3', '4', '5']",
    ("data.classes", ""): "[background, disc]",
    ("data.coordinates", ""): "edges",
    ("data.points", ""): "[L1_tl, L1_tr]",
    ("data.mirror_pairs", ""): "[L1_tl=L1_tr]",
    ("data.patient_pattern", ""): "'(p[0-9]+)_'",
    ("data.split", ""): "my_pictures-audit/split.csv",
    ("data.held_out", ""): "val",
    ("work", ""): "work",
    ("out", ""): "my_models/mine",
    ("preset", "classifier"): "lean",
    ("preset", "multi-label"): "lean",
    ("preset", "ordinal"): "lean",
    ("preset", "segmentation"): "u-net",
    ("preset", "landmarks"): "two-looks",
    ("imagenet", ""): "vgg16_notop_float16.npz",
    ("preprocessing.size", "classifier"): "224",
    ("preprocessing.size", "multi-label"): "224",
    ("preprocessing.size", "ordinal"): "224",
    ("preprocessing.size", "segmentation"): "384",
    ("preprocessing.size", "landmarks"): "256",
    ("preprocessing.second_look", ""): "3",
    ("preprocessing.percentiles", ""): "[0.5, 99.5]",
    ("preprocessing.window_hu", ""): "[-200, 800]",
    ("preprocessing.clahe", ""): "2",
    ("preprocessing.region", ""): "mr_segmentation",
    ("preprocessing.leave_out", ""): "[blurred, low_contrast]",
    ("augmentation.copies", ""): "2",
    ("balance", ""): "weights",
    ("training.folds", ""): "3",
    ("training.epochs", ""): "40",
    ("training.steps", ""): "2600",
    ("training.batch", ""): "8",
    ("training.learning_rate", ""): "1e-4",
    ("training.schedule", ""): "cosine",
    ("training.warm_up", ""): "2",
    ("training.decay", ""): "0.5",
    ("training.decay_every", ""): "5",
    ("training.patience", ""): "15",
    ("training.regularisation", ""): "1e-3",
    ("card.title", ""): "My model",
    ("card.examination", ""): "spine-mr",
    ("card.image_kind", ""): "oblique_film",
    ("card.source", ""): "our ward, 2025",
    ("card.licence", ""): "CC BY 4.0",
    ("card.intended_use", ""): "teaching",
    ("although", ""): "the only data there are",
    ("tensorboard", ""): "work/curves",
}


def explained(place: str, allowed: str) -> list[str]:
    """Return the comment above a key: what it is for, and what it takes."""
    is_part = place in {key.rpartition(".")[0] for key in KEYS}
    is_told = is_part or allowed == TEXT
    told = KEYS[place] if is_told else f"{KEYS[place]} Takes {allowed}."
    return textwrap.wrap(told, _WIDTH)


def _at(path: Path, line: int) -> str:
    where = f"“{safe_text(path.name)}”"
    return f"{where}, line {line}" if line else where


def no_recipe(path: Path) -> str:
    """Return that a file cannot be read."""
    return f"“{safe_text(str(path))}” is missing, or is no text file in UTF-8 of at most 200 kB"


def no_yaml(path: Path, line: int, problem: str | None) -> str:
    """Return that a file is no YAML."""
    why = f" ({safe_text(problem)})" if problem else ""
    return f"{_at(path, line)} is not YAML{why}"


def not_plain(path: Path, line: int) -> str:
    """Return that a file uses what recipes do not have."""
    return (
        f"{_at(path, line)}: a recipe has keys with values and lists, without references (*) and "
        "not nested so deep"
    )


def no_mapping(path: Path) -> str:
    """Return that a file has no keys."""
    return f"{_at(path, 0)} has no keys such as task and data"


def key_twice(path: Path, line: int, place: str) -> str:
    """Return that a key stands in a file twice."""
    return f"{_at(path, line)}: “{safe_text(place)}” is said twice"


def key_missing(path: Path, place: str) -> str:
    """Return that a key must be there."""
    told = KEYS.get(place, "")
    return f"{_at(path, 0)} lacks “{place}”" + (f": {told[0].lower()}{told[1:]}" if told else "")


def unknown_key(path: Path, line: int, place: str, known: Sequence[str]) -> str:
    """Return that a key is not known, and which are."""
    part, _, key = place.rpartition(".")
    where = f"“{part}” takes" if part else "a recipe takes"
    return f"{_at(path, line)}: “{safe_text(key)}” is no key; {where} {listed(known)}"


def wrong_value(path: Path, line: int, place: str, value: str, allowed: str) -> str:
    """Return that the value of a key is not allowed, and what is."""
    return f"{_at(path, line)}: “{place}” is {safe_text(value)[:80]}, and must be {allowed}"


def key_without_use(path: Path, line: int, place: str, use: str, here: str) -> str:
    """Return that a key means nothing with what else the recipe says."""
    if not use:
        return f"{_at(path, line)}: “{place}” cannot stand beside “{here}”; leave one of them out"
    return f"{_at(path, line)}: “{place}” is for {use}, and the preset is {here}; leave it out"


def key_of_other_task(path: Path, line: int, place: str, tasks: Sequence[str], here: str) -> str:
    """Return that a key means nothing for the task of a recipe."""
    many = "tasks" if len(tasks) > 1 else "task"
    return (
        f"{_at(path, line)}: “{place}” is for the {many} {listed(tasks)}, and the task is {here}; "
        "leave it out"
    )


def recipe_is_there(path: Path) -> str:
    """Return that a file would be written over."""
    return f"“{safe_text(path.name)}” is there already; name another file"


def one_of(values: Sequence[object]) -> str:
    """Return a choice: "lean, report or plain-cnn"."""
    return listed([str(value) for value in values], "or")


def number_between(
    low: float | None, high: float | None, is_closed: bool, is_whole: bool, step: float | None
) -> str:
    """Return which numbers are allowed: "a whole number from 1 to 10"."""
    what = "a whole number" if is_whole else "a number"
    if step:
        what += f" divisible by {step:g}"
    if low is None or high is None:
        return what
    if is_closed:
        return f"{what} from {low:,.12g} to {high:,.12g}"
    return f"{what} above {low:,.12g}, at most {high:,.12g}"


def numbers_of(each: Sequence[str]) -> str:
    """Return how a pair of numbers is written."""
    return f"two numbers [low, high], each {each[0]}"


def part_with(keys: Sequence[str]) -> str:
    """Return that a key holds keys of its own."""
    return f"a part with the keys {listed(keys)}" if keys else "something else"
