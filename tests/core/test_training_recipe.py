"""A training as one YAML file: read, refused with line and key, written anew."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("yaml")

from spinealign.cli.main import run_command
from spinealign.cli.own_training import with_recipe_named
from spinealign.domain.errors import RecipeError
from spinealign.domain.own_tasks import KEYS_OF_SOME, OWN_TASKS
from spinealign.training.own.recipe_file import (
    keys_of,
    new_recipe,
    read_recipe,
    write_new_recipe,
)
from spinealign.wording import explain
from spinealign.wording.training_recipe import KEYS

SMALL = """\
task: classifier
data:
  path: pictures
  positive: narrow
work: work
out: models/mine
"""
OUTLINES = SMALL.replace("classifier", "segmentation").replace("  positive: narrow\n", "")


def recipe(tmp_path, text=SMALL, name="r.yaml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_recipe(tmp_path / name)


def test_a_recipe_says_what_it_says_and_paths_begin_at_its_folder(tmp_path):
    found = recipe(tmp_path, SMALL + "training: {learning_rate: 1e-3}\npreset: report\n")
    assert found.recipe.training.learning_rate == 1e-3
    assert found.recipe.network == "report"
    assert found.place(found.recipe.data.path) == tmp_path / "pictures"
    assert found.recipe.augmentation.flip is False
    assert recipe(tmp_path).recipe.network == "lean"
    assert recipe(tmp_path, OUTLINES).recipe.network == "u-net"


@pytest.mark.parametrize("word", ["no", "off", "1e", "2020-01-01", "y"])
def test_a_class_may_be_called_what_yaml_once_read_as_something_else(tmp_path, word):
    assert recipe(tmp_path, SMALL.replace("narrow", word)).recipe.data.positive == word


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("preset", "preprocessing:\n  denoise: gausian\n"),
         "line 8: “preprocessing.denoise” is gausian, and must be gaussian, median, none or wav"),
        (("preset", "colour: red\n"), "line 7: “colour” is no key; a recipe takes task, data,"),
        (("preset", "training:\n  epoch: 3\n"),
         "line 8: “epoch” is no key; “training” takes folds, epochs, steps, batch, learning_rate"),
        (("preset", "seed: -1\n"), "line 7: “seed” is -1, and must be a whole number from 0 to"),
        (("preset", "seed: seven\n"), "“seed” is seven, and must be a whole number"),
        (("preset", "preset: u-net\n"), "“preset” is u-net, and must be lean, report or plain"),
        (("preset", "preprocessing: {size: 100}\n"),
         "“preprocessing.size” is 100, and must be a whole number divisible by 32 from 64 to"),
        (("preset", "augmentation: {zoom: [1.2, 0.9]}\n"),
         "“augmentation.zoom” is [1.2, 0.9], and must be two numbers, the smaller one first"),
        (("preset", "augmentation: {flip: yes}\n"), "is yes, and must be true or false"),
        (("preset", "card: {examination: knee}\n"),
         "“card.examination” is knee, and must be lateral-neck, neck-ct, spine-mr"),
        (("preset", "card: {image_kind: knee}\n"),
         "“card.image_kind” is knee, and must be other_radiograph, oblique_film, "),
        (("preset", "preprocessing: {leave_out: [ugly]}\n"),
         "“preprocessing.leave_out” is [ugly], and must be a list of blurred, low_contrast, low"),
        (("preset", "data: 3\n"), "line 7: “data” is said twice"),
        (("preset", "training: {epochs: 3}\n"),
         "“training.epochs” is for report or plain-cnn, and the preset is lean; leave it out"),
        (("preset", "training: {regularisation: 2}\npreset: report\n"),
         "“training.regularisation” is for lean, and the preset is report; leave it out"),
        (("positive: narrow", "positive: narrow\n  classes: [a, b]"),
         "line 5: “data.classes” is for the task segmentation, and the task is classifier"),
        (("positive: narrow", "positive: 1"),
         "line 4: “data.positive” is 1, and must be text (with quotes"),
        (("  positive: narrow\n", ""), "lacks “data.positive”: the class that means abnormal"),
        (("work: work\n", ""), "lacks “work”: folder for what is kept"),
        (("work: work\n", "work:\n"), "lacks “work”"),
        (("preset", "card: &c {title: T}\nimagenet: *c\n"), "without references"),
        (("preset", "a: [[[[[[[[[[1]]]]]]]]]]\n"), "not nested so deep"),
        (("preset", "a: [\n"), "line 8 is not YAML"),
        (("preset", "\tx: 1\n"), "line 7 is not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_its_key_and_what_is_allowed(tmp_path, changed, told):
    old, new = changed
    text = SMALL + new if old == "preset" else SMALL.replace(old, new)
    with pytest.raises(RecipeError) as caught:
        recipe(tmp_path, text)
    message = explain(caught.value)
    assert told in message.sentence
    assert message.sentence.startswith("The recipe cannot be used: “r.yaml”")
    assert message.sentence.endswith(".")
    assert "new-recipe" in message.advice


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"- a\n", b"[" * 100_000, b"x" * 200_001]
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, content):
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(RecipeError):
        read_recipe(tmp_path / "r.yaml")


def test_steps_and_epochs_of_a_segmentation_exclude_each_other(tmp_path):
    with pytest.raises(RecipeError, match="cannot stand beside “training"):
        recipe(tmp_path, OUTLINES + "training: {epochs: 3, steps: 9}\n")


def test_the_key_of_kept_work_holds_all_that_counts_and_no_more(tmp_path):
    first = recipe(tmp_path).sha256
    same = "# a comment\nout: elsewhere\n" + SMALL.replace(
        "out: models/mine\n", "card: {title: T}\n"
    )
    assert recipe(tmp_path, same).sha256 == first
    for more in ("seed: 8\n", "balance: none\n", "preprocessing: {denoise: median}\n"):
        assert recipe(tmp_path, SMALL + more).sha256 != first


@pytest.mark.parametrize("task", OWN_TASKS)
def test_a_new_recipe_explains_every_key_and_is_one(tmp_path, task):
    path = tmp_path / "new.yaml"
    assert run_command(["train", "new-recipe", task, str(path)]) == 0
    text = path.read_text()
    found = read_recipe(path).recipe
    assert found.task == task
    # With every comment that is a key taken for one, it still is a recipe, but for the length.
    whole = re.sub(r"^( *)# (\w+: )", r"\1\2", text, flags=re.MULTILINE)
    whole = re.sub(
        r"^ *(steps|epochs|batch|learning_rate|patience|schedule|warm_up|decay\w*): .*\n",
        "",
        whole,
        flags=re.M,
    )
    path.write_text(whole)
    assert read_recipe(path).recipe.card.examination == "spine-mr"
    with pytest.raises(RecipeError, match="is there already"):
        write_new_recipe(task, path)


def test_every_key_is_explained():
    def below(part=""):
        for key in keys_of(part):
            place = f"{part}.{key}".lstrip(".")
            yield place
            yield from below(place)

    assert set(below()) == set(KEYS)
    assert set(KEYS_OF_SOME) <= set(KEYS)
    told = "".join(map(new_recipe, OWN_TASKS))
    assert "something else" not in told
    assert "Takes other_radiograph, oblique_film, " in told
    assert "Takes lateral-neck, neck-ct, " in told
    for place in KEYS:
        assert re.search(rf"^ *(# )?{place.rpartition('.')[2]}:", told, re.MULTILINE), place


def test_a_recipe_may_be_named_in_place_of_the_task():
    assert with_recipe_named(["train", "a.YAML"]) == ["train", "recipe", "a.YAML"]
    for words in (["train", "classifier", "a.yaml"], ["train"], ["analyze", "a.yaml"], []):
        assert with_recipe_named(words) == words


def test_a_mistake_in_the_file_is_told_by_the_command(tmp_path, capsys):
    (tmp_path / "r.yaml").write_text(SMALL + "colour: red\n")
    assert run_command(["train", str(tmp_path / "r.yaml")]) == 1
    assert "“colour” is no key" in capsys.readouterr().err
