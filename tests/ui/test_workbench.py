"""The state and work behind a window, without one."""

import pytest

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.workbench import Workbench


@pytest.fixture
def bench(qtbot, fake, tmp_path):
    """A workbench that no window belongs to; its threads have left at the end."""
    bench = Workbench(fake.build(), SettingsStore(tmp_path / "profile"))
    yield bench
    fake.analyser.gate.set()
    bench.shut_down_runners()
    qtbot.waitUntil(lambda: not bench.is_working)
    bench.shut_down()


@pytest.fixture
def opened(qtbot, bench, files):
    """Three cases, all analysed."""
    bench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm", "ct_3.dcm"))
    qtbot.waitUntil(lambda: len(bench.session.cases) == 3 and not bench.session.is_busy)
    return list(bench.session.cases)


def test_files_become_cases_and_the_first_one_is_shown(bench, opened):
    assert bench.current is opened[0]
    assert bench.current_analysis is opened[0].finding.analysis
    assert not bench.can_be_stopped


def test_the_list_is_drawn_before_the_window_turns_to_the_first_picture(qtbot, bench, files):
    shown_at = []
    bench.session.added.connect(lambda _: shown_at.append(bench.current))
    bench.opener.opened.connect(lambda _: shown_at.append(bench.current))
    bench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm"))
    qtbot.waitUntil(lambda: bench.current is not None)
    assert shown_at == [None, None]
    assert bench.current is bench.session.cases[0]


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_first_picture_yields_to_what_was_done_meanwhile(qtbot, bench, files, is_closed):
    seen = []

    def meanwhile(_):
        if is_closed:
            bench.close(bench.session.cases[:1])
        else:
            bench.select(bench.session.cases[1])

    bench.current_changed.connect(seen.append)
    bench.opener.opened.connect(meanwhile)
    bench.opener.open_paths(files("ct_1.dcm", "ct_2.dcm"))
    qtbot.waitUntil(lambda: bool(bench.session.cases) and not bench.session.is_busy)
    qtbot.waitUntil(lambda: not bench._begin_soon.isActive())
    assert seen == [bench.session.cases[-1]]
    assert len(bench.session.cases) == (1 if is_closed else 2)


@pytest.mark.parametrize(("closed", "shown"), [(0, 1), (1, 2), (2, 1)])
def test_closing_shows_the_next_case_or_else_the_one_before(bench, opened, closed, shown):
    seen = []
    bench.select(opened[closed])
    bench.current_changed.connect(seen.append)
    bench.close([opened[closed]])
    assert bench.current is opened[shown]
    assert seen == [opened[shown]]


def test_closing_another_case_leaves_what_is_shown(bench, opened):
    bench.close([opened[2]])
    assert bench.current is opened[0]
    assert bench.session.cases == opened[:2]


def test_closing_all_shows_none_of_them_on_the_way(bench, opened):
    seen = []
    bench.current_changed.connect(seen.append)
    bench.close_all()
    assert (bench.current, bench.session.cases, seen) == (None, [], [None])


def test_selecting_what_is_shown_changes_nothing(bench, opened):
    seen = []
    bench.current_changed.connect(seen.append)
    bench.select(opened[0])
    assert seen == []


@pytest.mark.parametrize("runner", ["inference", "files", "looking", "reading", "patients"])
def test_no_failure_of_any_thread_gets_lost(qtbot, bench, runner):
    def fail():
        yield
        raise ModelError("segmentation", ModelProblem.MISSING)

    with qtbot.waitSignal(bench.messages.failed):
        getattr(bench, runner).submit(fail)


def test_stopping_for_good_lets_files_be_written(qtbot, bench, fake):
    written = []

    def write():
        yield
        yield
        written.append(True)

    bench.files.submit(write)
    bench.shut_down_runners()
    qtbot.waitUntil(lambda: not bench.is_working)
    assert written == [True]
