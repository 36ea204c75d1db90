"""The table of tasks: every row is carried out, by every door."""

from __future__ import annotations

import importlib
from typing import get_args

import pytest

from spinealign.cli.own_training import ARGUMENTS
from spinealign.domain.own_tasks import (
    KEYS_OF_SOME,
    OWN_TASKS,
    LayoutName,
    OwnTaskName,
    Preset,
    own_task_of,
)


def test_the_table_holds_every_name_once():
    assert tuple(OWN_TASKS) == get_args(OwnTaskName)
    assert list(ARGUMENTS) == list(OWN_TASKS)
    tasks = OWN_TASKS.values()
    assert {p for task in tasks for p in task.presets} == set(get_args(Preset))
    assert {name for task in tasks for name in task.layouts} == set(get_args(LayoutName))
    assert len({task.card_task for task in tasks}) == len(OWN_TASKS)
    assert all(own_task_of(task.card_task) is task for task in tasks)
    assert own_task_of("view") is None


@pytest.mark.parametrize("task", OWN_TASKS.values(), ids=OWN_TASKS)
def test_keys_are_for_presets_that_the_task_has(task):
    assert set(task.needed) <= set(task.keys) <= KEYS_OF_SOME
    for key, presets in task.keys.items():
        assert presets, key
        assert set(presets) <= set(task.presets), key


@pytest.mark.train
@pytest.mark.parametrize("task", OWN_TASKS.values(), ids=OWN_TASKS)
def test_every_task_is_trained_and_evaluated_by_what_the_table_names(task):
    pytest.importorskip("keras")
    trainer = importlib.import_module(f"spinealign.training.own.{task.trainer}")
    assert callable(trainer.by_options)
    assert callable(trainer.by_recipe)
    module, _, name = task.evaluator.partition(":")
    assert callable(getattr(importlib.import_module(f"spinealign.evaluation.{module}"), name))
