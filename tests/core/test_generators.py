"""Generators of progress, run to their end and one inside the other."""

import pytest

from spinealign.domain.generators import mapped, run_to_end


class Counting:
    """Yields 0, 1, 2 and returns "done"; notes whether it was closed before its end."""

    def __init__(self):
        self.was_cut_short = False

    def work(self):
        try:
            yield from range(3)
        except GeneratorExit:
            self.was_cut_short = True
            raise
        return "done"


def failing():
    yield 0
    raise ValueError("no")


def test_every_step_is_told_and_the_result_is_returned():
    steps = []
    assert run_to_end(Counting().work(), steps.append) == "done"
    assert steps == [0, 1, 2]
    assert run_to_end(Counting().work()) == "done"


def test_a_step_that_raises_ends_the_work():
    counting = Counting()

    def refuse(step):
        if step == 1:
            raise KeyError(step)

    with pytest.raises(KeyError):
        run_to_end(counting.work(), refuse)
    assert counting.was_cut_short


def test_a_failure_of_the_work_comes_through():
    with pytest.raises(ValueError, match="no"):
        run_to_end(mapped(failing(), str))


def test_other_steps_take_the_place_of_the_inner_ones():
    steps = []
    assert run_to_end(mapped(Counting().work(), lambda step: 10 * step), steps.append) == "done"
    assert steps == [0, 10, 20]


def test_closing_the_outer_generator_closes_the_inner_one():
    counting = Counting()
    outer = mapped(counting.work(), str)
    assert next(outer) == "0"
    outer.close()
    assert counting.was_cut_short
