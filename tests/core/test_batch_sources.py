"""Inputs of a batch that are no files yet: studies of a PACS."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from spinealign.batch import sources
from spinealign.batch.sources import Unlocked, retrieve
from spinealign.cli.main import run_command
from spinealign.domain.generators import run_to_end
from spinealign.domain.network import FoundStudy, NetworkError, NetworkProblem, StudyQuery
from spinealign.network.node import Network
from spinealign.network.peers import NetworkSettings, save_settings
from tests.pacs import Pacs

MOST = 4
FILES = [Path(str(get_testdata_file(name))) for name in ("CT_small.dcm", "MR_small.dcm")]


@pytest.fixture
def pacs(tmp_path):
    with Pacs(FILES).listening() as pacs:
        save_settings(tmp_path / "profile", NetworkSettings(peers=(pacs.peer(),)))
        yield pacs


@pytest.fixture
def network(tmp_path, pacs):
    node = Network(tmp_path / "profile")
    yield node
    node.close()


def _nothing_comes(_self, _name, folder, _study_uid):
    folder.mkdir(parents=True)
    yield from ()


class TestRetrieve:
    def test_each_study_comes_once_into_a_folder_that_tells_nobody(self, network, pacs, tmp_path):
        folder = tmp_path / "retrieved"
        told = []
        studies = run_to_end(retrieve(network, "Archive", StudyQuery(), folder), told.append)
        assert len(studies) == len(set(studies)) == 2
        assert (told[-1].done, told[-1].total) == (2, 2)
        images = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
        assert len(images) == 2
        for image in pacs.images:
            assert not any(image.StudyInstanceUID in str(path) for path in images)
        before = {path: path.stat().st_mtime_ns for path in images}
        assert run_to_end(retrieve(network, "Archive", StudyQuery(), folder)) == studies
        assert {path: path.stat().st_mtime_ns for path in images} == before

    def test_only_what_the_query_finds_comes(self, network, tmp_path):
        query = StudyQuery(patient_id="4MR1")
        assert len(run_to_end(retrieve(network, "Archive", query, tmp_path / "r"))) == 1

    def test_a_study_that_does_not_come_is_told_and_asked_for_again(
        self, network, tmp_path, monkeypatch
    ):
        fetch, failing = Network.fetch, [True]

        def sometimes(self, name, folder, study_uid, series_uid=""):
            if failing:
                failing.clear()
                raise NetworkError(NetworkProblem.CLOSED, name)
            return fetch(self, name, folder, study_uid, series_uid)

        monkeypatch.setattr(Network, "fetch", sometimes)
        told = []
        steps = retrieve(network, "Archive", StudyQuery(), tmp_path / "r")
        assert len(run_to_end(steps, told.append)) == 1
        assert [one.failure is not None for one in told if one.total and one.failure] == [True]
        assert len(run_to_end(retrieve(network, "Archive", StudyQuery(), tmp_path / "r"))) == 2

    def test_more_than_a_query_answers_with_is_asked_for_in_parts(
        self, network, tmp_path, monkeypatch
    ):
        days = [f"200401{day:02}" for day in range(1, 32)]
        study = {day: FoundStudy(f"2.25.{day}") for day in days}
        asked = []

        def find(_self, _name, query):
            asked.append((query.first_date, query.last_date))
            yield 1
            found = [study[day] for day in days if query.first_date <= day <= query.last_date]
            return tuple(found[:MOST])

        monkeypatch.setattr(sources, "MOST_ANSWERS", MOST)
        monkeypatch.setattr(Network, "find", find)
        monkeypatch.setattr(Network, "fetch", _nothing_comes)
        told = []
        query = StudyQuery(first_date=days[0], last_date=days[-1])
        run_to_end(retrieve(network, "Archive", query, tmp_path / "r"), told.append)
        assert (told[-1].done, told[-1].total) == (31, 31)
        assert not any(one.is_cut for one in told)
        assert len(asked) == len(set(asked))

    @pytest.mark.parametrize("dates", [{}, {"first_date": "20040101", "last_date": "20040101"}])
    def test_without_days_between_it_says_that_there_may_be_more(
        self, network, tmp_path, monkeypatch, dates
    ):
        monkeypatch.setattr(sources, "MOST_ANSWERS", 2)
        found = (FoundStudy("2.25.1"), FoundStudy("2.25.2"))

        def find(_self, _name, _query):
            yield 1
            return found

        monkeypatch.setattr(Network, "find", find)
        monkeypatch.setattr(Network, "fetch", _nothing_comes)
        told = []
        steps = retrieve(network, "Archive", StudyQuery(**dates), tmp_path / "r")
        run_to_end(steps, told.append)
        assert sum(one.is_cut for one in told) == 1


def test_keys_of_an_archive_are_in_no_representation():
    assert "secret" not in repr(Unlocked(Path("files"), b"secret"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "name files"), (["--modality", "MR"], "belong to --peer"),
        (["x.png", "--tag", "t"], "belongs to --archive"),
        (["--peer", "P", "--date", "yesterday"], "YYYYMMDD"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_told(given, said, tmp_path, capsys):
    assert run_command(["batch", *given, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
