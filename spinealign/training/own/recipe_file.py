"""A recipe read from its YAML file, each mistake told with its line; and a new one, explained."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from spinealign.domain.errors import RecipeError
from spinealign.domain.examination import EXAMINATIONS, kinds_without_analysis
from spinealign.domain.own_tasks import KEYS_OF_SOME, OWN_TASKS, OwnTaskName
from spinealign.files import write_whole
from spinealign.json_files import JsonError, JsonProblem, read_bytes, typed
from spinealign.training.own.kept import digest
from spinealign.training.own.recipe_types import NOT_OF_THE_WEIGHTS, TrainingRecipe
from spinealign.wording import training_recipe as words

MOST_BYTES: Final = 200_000
_MOST_LEVELS: Final = 8
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_PLAIN: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""Words of YAML 1.2; in 1.1, which the library reads, a class called "no" would be false."""


@dataclass(frozen=True)
class RecipeFile:
    """A recipe and where it was read.

    Parameters
    ----------
    path : Path
    recipe : TrainingRecipe
    sha256 : str
        Of all that the file says of the weights; comments and order do not count.
    is_replacing : bool
        Whether another model that lies where this one is to go may go.
    """

    path: Path
    recipe: TrainingRecipe
    sha256: str
    is_replacing: bool = False

    def place(self, name: str) -> Path:
        """Return a path of the recipe; relative ones begin at the file's folder."""
        return self.path.parent / Path(name).expanduser()


def read_recipe(path: Path) -> RecipeFile:
    """Read a training from its YAML file.

    Raises
    ------
    RecipeError
        It cannot be read, or says what no recipe may say; with the line, the key and what is
        allowed there.
    """
    try:
        text = read_bytes(path, MOST_BYTES).decode("utf-8-sig")
    except (OSError, JsonError, UnicodeDecodeError) as error:
        raise RecipeError(words.no_recipe(path)) from error
    lines = _Lines(path)
    value = lines.values(text)
    if not isinstance(value, dict):
        raise RecipeError(words.no_mapping(path))
    try:
        recipe = typed(value, TrainingRecipe, is_strict=True)
    except JsonError as error:
        raise RecipeError(lines.told(error, value)) from error
    _require_sense(recipe, lines, value)
    counting = {key: each for key, each in value.items() if key not in NOT_OF_THE_WEIGHTS}
    return RecipeFile(path, recipe, digest(counting))


class _Lines:
    """The values of a file and the line of each of its keys."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._of: dict[str, int] = {}
        self._seen: set[int] = set()

    def values(self, text: str) -> Any:
        """Return what YAML text says, in plain values."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            told = words.no_yaml(self.path, 0 if mark is None else mark.line + 1, error.problem)
            raise RecipeError(told) from error
        except (yaml.YAMLError, RecursionError) as error:
            raise RecipeError(words.no_yaml(self.path, 0, "")) from error
        return None if node is None else self._value(node, "", 0)

    def _value(self, node: Any, place: str, level: int) -> Any:
        line = node.start_mark.line + 1
        self._of.setdefault(place, line)
        if id(node) in self._seen or level > _MOST_LEVELS:
            raise RecipeError(words.not_plain(self.path, line))
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(part, place, level + 1) for part in node.value]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node.value) if node.style is None else node.value
        made: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise RecipeError(words.not_plain(self.path, line))
            below = f"{place}.{key.value}".lstrip(".")
            if key.value in made:
                raise RecipeError(words.key_twice(self.path, line, below))
            self._of[below] = line
            made[key.value] = self._value(value, below, level + 1)
        # A key without a value, or a part whose keys are all comments, is as good as left out.
        return {key: value for key, value in made.items() if value is not None}

    def line(self, place: str) -> int:
        """Return the line of a key, or of the part that should hold it."""
        while place not in self._of and place:
            place = place.rpartition(".")[0]
        return self._of.get(place, 1)

    def told(self, error: JsonError, value: Any) -> str:
        """Return a sentence on what the recipe's type refused."""
        place = re.sub(r"\[[^]]*\]", "", error.place)
        missing = re.search(r"missing required field `(\w+)`", error.detail)
        if missing:
            lacking = f"{place}.{missing[1]}".lstrip(".")
            return words.key_missing(self.path, lacking)
        if error.problem is JsonProblem.UNKNOWN_KEY:
            part = place.rpartition(".")[0]
            return words.unknown_key(self.path, self.line(place), place, keys_of(part))
        return self.wrong(place, value, allowed_at(place))

    def wrong(self, place: str, value: Any, allowed: str) -> str:
        """Return that the value of a key is not allowed, and what is."""
        return words.wrong_value(
            self.path, self.line(place), place, _text(_found(value, place)), allowed
        )

    def useless(self, place: str, use: str, why: str) -> str:
        """Return that a key has no meaning here."""
        return words.key_without_use(self.path, self.line(place), place, use, why)

    def of_other_task(self, place: str, task: str) -> str:
        """Return that a key is for other tasks."""
        tasks = [name for name, each in OWN_TASKS.items() if place in each.keys]
        return words.key_of_other_task(self.path, self.line(place), place, tasks, task)


def _scalar(text: str) -> Any:
    if text in _PLAIN:
        return _PLAIN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _found(value: Any, place: str) -> Any:
    for key in filter(None, place.split(".")):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return "a part with keys of its own" if isinstance(value, dict) else str(value)


_NAMED: Final[Mapping[str, Callable[[], tuple[str, ...]]]] = {
    "card.examination": lambda: tuple(each.key for each in EXAMINATIONS.values()),
    "card.image_kind": kinds_without_analysis,
}
"""Keys that take names which their types do not tell."""


def keys_of(part: str) -> tuple[str, ...]:
    """Return the keys of the recipe, or of one of its parts."""
    kind = _type_at(part)
    return tuple(each.name for each in kind.fields) if hasattr(kind, "fields") else ()


def allowed_at(place: str) -> str:
    """Return in words which values a key takes."""
    if place in _NAMED:
        return words.one_of(_NAMED[place]())
    return " or ".join(dict.fromkeys(_allowed(each) for each in _options(_type_at(place))))


def _type_at(place: str) -> Any:
    kind: Any = msgspec.inspect.type_info(TrainingRecipe)
    for key in filter(None, place.split(".")):
        kind = next((each.type for each in getattr(kind, "fields", ()) if each.name == key), None)
    return kind


def _options(kind: Any) -> list[Any]:
    options = kind.types if isinstance(kind, msgspec.inspect.UnionType) else [kind]
    return [each for each in options if not isinstance(each, msgspec.inspect.NoneType)]


def _allowed(kind: Any) -> str:
    match kind:
        case msgspec.inspect.LiteralType():
            return words.one_of(kind.values)
        case msgspec.inspect.BoolType():
            return words.TRUE_OR_FALSE
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            low = kind.ge if kind.ge is not None else kind.gt
            is_whole = isinstance(kind, msgspec.inspect.IntType)
            return words.number_between(low, kind.le, kind.gt is None, is_whole, kind.multiple_of)
        case msgspec.inspect.TupleType():
            return words.numbers_of([_allowed(each) for each in kind.item_types])
        case msgspec.inspect.VarTupleType():
            if isinstance(kind.item_type, msgspec.inspect.LiteralType):
                return words.LIST_OF.format(each=_allowed(kind.item_type))
            return words.LIST_OF_TEXTS
        case msgspec.inspect.StrType():
            return words.TEXT
    return words.part_with(tuple(each.name for each in getattr(kind, "fields", ())))


def _require_sense(recipe: TrainingRecipe, lines: _Lines, value: Any) -> None:
    """Refuse what each key may say and all of them together may not."""
    task = OWN_TASKS[recipe.task]
    if recipe.network not in task.presets:
        raise RecipeError(lines.wrong("preset", value, words.one_of(task.presets)))
    for place in sorted(KEYS_OF_SOME):
        if _found(value, place) is None or recipe.network in task.keys.get(place, ()):
            continue
        if place not in task.keys:
            raise RecipeError(lines.of_other_task(place, recipe.task))
        raise RecipeError(lines.useless(place, words.one_of(task.keys[place]), recipe.network))
    for place in task.needed:
        if _found(value, place) is None:
            raise RecipeError(words.key_missing(lines.path, place))
    for place, names in _NAMED.items():
        if _found(value, place) not in (None, *names()):
            raise RecipeError(lines.wrong(place, value, words.one_of(names())))
    pairs = {
        "preprocessing.percentiles": recipe.preprocessing.percentiles,
        "preprocessing.window_hu": recipe.preprocessing.window_hu,
        "augmentation.zoom": recipe.augmentation.zoom,
    }
    for place, pair in pairs.items():
        if pair is not None and not (pair[0] < pair[1] or pair == (1.0, 1.0)):
            raise RecipeError(lines.wrong(place, value, words.RISING))
    lengths = (recipe.training.steps, recipe.training.epochs)
    if recipe.task != "classifier" and None not in lengths:
        raise RecipeError(lines.useless("training.steps", "", "training.epochs"))


def write_new_recipe(task: OwnTaskName, path: Path) -> None:
    """Write a recipe with every key that the task has, each explained.

    Raises
    ------
    RecipeError
        There is a file already.
    """
    if path.exists():
        raise RecipeError(words.recipe_is_there(path))
    write_whole(path, new_recipe(task).encode())


def new_recipe(task: OwnTaskName) -> str:
    """Return a commented recipe; keys that may be left out stand in it as comments."""
    told = [*words.HEAD]
    for place, value, is_required in _keys(TrainingRecipe, task):
        name = place.rpartition(".")[2]
        indent = "  " * place.count(".")
        allowed = words.one_of(OWN_TASKS[task].presets) if place == "preset" else allowed_at(place)
        told += [] if "." in place else [""]
        told += [f"{indent}# {line}" for line in words.explained(place, allowed)]
        if value is dict:
            told.append(f"{indent}{name}:")
            continue
        is_needed = is_required or place in OWN_TASKS[task].needed
        mark = "" if is_needed or value is not None else "# "
        told.append(f"{indent}{mark}{name}: {_example(place, task, value)}")
    return "\n".join(told) + "\n"


def _keys(kind: Any, task: OwnTaskName, above: str = "") -> Iterator[tuple[str, Any, bool]]:
    """Yield place, default and whether it must be there; `dict` stands for a part of its own."""
    ready = msgspec.inspect.type_info(kind)
    by_name = {each.name: each for each in fields(kind)}
    for each in ready.fields:  # type: ignore[attr-defined]
        place = f"{above}{each.name}"
        if place in KEYS_OF_SOME and place not in OWN_TASKS[task].keys:
            continue
        part = each.type.cls if isinstance(each.type, msgspec.inspect.DataclassType) else None
        if part is not None and is_dataclass(part):
            yield place, dict, True
            yield from _keys(part, task, f"{place}.")
            continue
        default = by_name[each.name].default
        yield place, None if each.required else default, each.required


def _example(place: str, task: str, value: Any) -> str:
    if place == "task":
        return task
    if value is not None:
        return _text(list(value) if isinstance(value, tuple) else value)
    return words.EXAMPLES.get((place, task)) or words.EXAMPLES[place, ""]
