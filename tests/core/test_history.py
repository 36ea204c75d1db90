import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinealign.measure.correction.history import History

changes = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, "drag", "nudge"])))


def filled(steps):
    history = History(-1)
    for state, key in steps:
        history.push(state, f"to {state}", key)
    return history


def test_a_new_history_has_nothing_to_undo():
    history = History("start")
    assert not history.can_undo
    assert not history.can_redo
    assert (history.undo_label, history.redo_label) == ("", "")
    assert history.undo() == history.redo() == history.state == "start"


@given(changes)
def test_undoing_everything_leads_back_and_redoing_everything_leads_here(steps):
    history = filled(steps)
    last = history.state
    visited = [last]
    while history.can_undo:
        visited.append(history.undo())
    assert history.state == -1
    for state in reversed(visited[:-1]):
        assert history.redo() == state
    assert history.state == last
    assert not history.can_redo


@given(changes, st.integers(0, 5))
def test_redo_is_the_inverse_of_undo(steps, back):
    history = filled(steps)
    for _ in range(back):
        history.undo()
    before, label = history.state, history.undo_label
    if history.can_undo:
        history.undo()
        assert history.redo_label == label
        assert history.redo() == before
        assert history.undo_label == label


@given(changes)
def test_every_step_changes_something(steps):
    history = filled(steps)
    while history.can_undo:
        here = history.state
        assert history.undo() != here


def test_a_new_change_ends_the_way_forward():
    history = filled([(1, None), (2, None)])
    history.undo()
    history.push(3, "other")
    assert not history.can_redo
    assert history.undo() == 1


def test_moves_of_one_drag_are_one_step_that_starts_where_the_drag_did():
    history = filled([(0, None), (1, "drag"), (2, "drag"), (3, "drag")])
    assert history.base("drag") == 0
    assert history.base("other") == history.base(None) == 3
    assert history.undo_label == "to 3"
    assert history.undo() == 0
    assert history.redo() == 3


@pytest.mark.parametrize("end", ["close", "undo and redo", "another key"])
def test_a_run_ends(end):
    history = filled([(1, "drag")])
    if end == "close":
        history.close()
    elif end == "undo and redo":
        history.undo()
        history.redo()
    else:
        history.push(5, "else", "nudge")
    before = history.state
    history.push(2, "again", "drag")
    assert history.undo() == before


def test_a_drag_there_and_back_leaves_no_step():
    history = filled([(0, None), (1, "drag"), (0, "drag")])
    assert history.undo_label == "to 0"
    assert history.undo() == -1


def test_a_drag_back_to_its_start_does_not_join_an_earlier_drag():
    history = filled([(1, "drag")])
    history.close()
    for state in (2, 1, 3):
        history.push(state, "second drag", "drag")
    assert history.undo() == 1


def test_hundred_thousand_steps_can_be_undone():
    history = filled([(number, None) for number in range(100_000)])
    for _ in range(100_000):
        history.undo()
    assert history.state == -1
    assert not history.can_undo
