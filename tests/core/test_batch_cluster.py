"""The workers of a cluster: real ones on loopback that are killed, and what is told of them."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
from PIL import Image

from spinealign.batch import cluster, remote
from spinealign.batch.cluster import ClusterPool, Place
from spinealign.batch.listing import list_items
from spinealign.batch.options import BatchOptions
from spinealign.batch.state import ItemStatus, Outcome, picture_path
from spinealign.batch.worker import Look, Task
from spinealign.cli.main import run_command
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.domain.generators import run_to_end
from spinealign.domain.study import SeriesEntry
from spinealign.imaging.study import read_series_slice
from spinealign.wording.batch import WAITING_FOR_WORKERS
from tests.batch_workers import serve_folders
from tests.image_files import write_series

ROOT = Path(__file__).resolve().parents[2]
GATHERED_S = 60


def task_of(path, out):
    return Task(path.stem, path, path, out / path.stem)


def run(pool, tasks, given=None):
    """Return what becomes of each image."""
    told = given if given is not None else []

    def hand_out(identity):
        told.append(identity)
        return 1

    came = [what for what in pool.run(tasks, hand_out) if not isinstance(what, Look)]
    return {task.identity: outcome for task, outcome in came}


# --- real processes ------------------------------------------------------------------


@pytest.fixture
def dask(tmp_path):
    """A scheduler with two workers, one of them under Dask's nanny, as `dask` starts them."""
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    file = tmp_path / "scheduler.json"
    usual = ["--scheduler-file", str(file), "--no-dashboard"]
    names = [
        ["scheduler", "--host", "127.0.0.1", "--port", "0"],
        ["worker", "--no-nanny"], ["worker", "--nanny"],
    ]  # fmt: skip
    of_worker = ["--host", "127.0.0.1", "--nthreads", "1", "--local-directory", str(tmp_path)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{name}", *given, *usual,
             *(of_worker if name == "worker" else ())],
            cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )
        for name, *given in names
    ]  # fmt: skip
    for line in started[0].stderr:
        if "Scheduler at:" in line:
            break
    while not file.exists() or not file.read_text():
        started[0].stderr.readline()
    address = json.loads(file.read_text())["address"]
    yield SimpleNamespace(address=address, scheduler=started[0], workers=started[1:])
    for process in started:
        process.kill()
        process.communicate()


def test_what_a_killed_worker_had_is_done_by_another_and_a_lost_scheduler_is_told(dask, tmp_path):
    out = tmp_path / "out"
    (out / "gallery").mkdir(parents=True)
    paths = [tmp_path / f"{name}.png" for name in ("a", "b", f"kill_{dask.workers[0].pid}", "c")]
    for number, path in enumerate(paths):
        Image.new("L", (8, 8), number).save(path)
    given, sent = [], {"sends_files": True, "serve_as": serve_folders}
    with ClusterPool(Place(dask.address), BatchOptions(), **sent) as pool:
        ended = run(pool, [task_of(path, out) for path in paths], given)
        assert {outcome.status for outcome in ended.values()} == {ItemStatus.DONE}
        assert sorted(given) == sorted(ended) == sorted(path.stem for path in paths)
        for path in paths:
            assert {one.name: one.read_bytes() for one in (out / path.stem).iterdir()} == {
                "analysis.json": path.read_bytes()[:40]
            }
            assert picture_path(out / path.stem).read_bytes() == b"picture"
        # They were sent, and lie nowhere any more.
        folders = {Path(outcome.record) for outcome in ended.values()}
        assert not any(folder.exists() for folder in folders)
        assert tmp_path not in folders
        last = paths[0].rename(tmp_path / f"kill_{dask.scheduler.pid}.png")
        with pytest.raises(BatchError) as caught:
            run(pool, [task_of(last, out)])
    assert caught.value.problem is BatchProblem.SCHEDULER_LOST


# --- what runs on a worker -----------------------------------------------------------


def same_pictures(one, other):
    assert len(one) == len(other)
    for index in range(len(one)):
        first, second = (read_series_slice(entry, index) for entry in (one, other))
        np.testing.assert_array_equal(first.pixels, second.pixels)
        assert first.sha256 == second.sha256
        assert first.source_path.name == second.source_path.name


def entry_of(path):
    [item] = run_to_end(list_items([path])).items
    assert isinstance(item.source, SeriesEntry)
    return item.source


@pytest.mark.parametrize("kind", ["series", "archive", "pair"])
def test_a_sent_series_is_read_as_the_same_pictures(kind, tmp_path):
    paths = write_series(tmp_path / "in", 4)
    given = tmp_path / "in"
    if kind == "archive":
        given = tmp_path / "study.zip"
        with zipfile.ZipFile(given, "w") as archive:
            for path in paths:
                archive.write(path, f"a/{path.name}")
            archive.writestr("a/secret.txt", b"of nobody's business")
    elif kind == "pair":
        given = tmp_path / "volume.hdr"
        volume = np.arange(40**3, dtype=np.int32).reshape(40, 40, 40)
        nibabel.Nifti1Pair(volume, np.eye(4)).to_filename(given)
    entry = entry_of(given)
    source, files = remote.packed(entry)
    there = tmp_path / "there"
    there.mkdir()
    unpacked = remote.unpacked(source, files, there)
    assert all(part.path.is_relative_to(there) for part in unpacked.parts)
    same_pictures(entry, unpacked)
    assert not any(b"nobody's business" in content for content in files.values())


def test_files_of_one_name_from_two_folders_are_both_sent(tmp_path):
    one, other = write_series(tmp_path / "in", 2)
    (tmp_path / "in" / "second").mkdir()
    other.rename(tmp_path / "in" / "second" / one.name)
    source, files = remote.packed(entry_of(tmp_path / "in"))
    assert sorted(files) == [f"0/{one.name}", f"1/{one.name}"]
    assert {str(part.path) for part in source.parts} == set(files)


def test_paths_lead_to_the_same_files_from_any_folder(tmp_path, monkeypatch):
    write_series(tmp_path / "in", 2)
    Image.new("L", (40, 40)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    assert remote.absolute(Path("a.png")) == tmp_path / "a.png"
    parts = remote.absolute(entry_of(Path("in"))).parts
    assert all(part.path.parent == tmp_path / "in" for part in parts)


def test_a_worker_with_another_version_or_other_models_looks_at_nothing():
    ours = remote.identity_of(())
    junk = b"of a later version"
    assert remote.analyse("0.1", ours.models, (), junk) == (ours.version, ours.models)
    assert remote.analyse(ours.version, "other", (), junk) == (ours.version, ours.models)
    assert remote.identity_of(["missing"]).models != ours.models
    with pytest.raises(pickle.UnpicklingError):
        remote.analyse(ours.version, ours.models, (), junk)


def test_a_model_that_changed_is_seen(tmp_path, monkeypatch):
    before = remote.identity_of(())
    monkeypatch.setattr(remote, "models_of", lambda _: {})
    assert remote.identity_of(()) == before
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "card.json").write_text("{}")
    monkeypatch.setattr(remote, "models_dirs", lambda: (tmp_path,))
    assert remote.identity_of(()) != before


# --- answers of a scheduler ----------------------------------------------------------


class FakeFuture:
    def __init__(self, key, status, answer, worker):
        self.key, self.status, self.answer, self.worker = key, status, answer, worker

    def result(self, timeout):
        return self.answer

    def exception(self, timeout):
        return self.answer

    def add_done_callback(self, done):
        done(self)


class FakeClient:
    """Answers at once, by the name of the worker that is idle: the first that may be used."""

    status = "running"

    def __init__(self, workers):
        self.workers, self.answered = workers, []

    def scheduler_info(self, n_workers):
        return {"workers": {address: {"nthreads": 1} for address in self.workers}}

    def submit(self, function, version, models, chosen, packed, *, pure, workers):
        assert (function, pure) == (remote.analyse, False)
        worker = next(one for one in self.workers if workers is None or one in workers)
        self.answered.append(worker)
        assert len(self.answered) < 20
        status, answer = self.workers[worker]
        return FakeFuture(f"key{len(self.answered)}", status, answer, worker)

    def who_has(self, futures):
        return {future.key: (future.worker,) for future in futures}

    def cancel(self, futures):
        pass

    def run(self, function):
        pass


DONE = ("finished", remote.Answer(Outcome(ItemStatus.DONE), {"analysis.json": b"{}"}, None))


@pytest.fixture
def answering(monkeypatch, tmp_path):
    """Return what comes of two images with workers that answer so, and what was told."""
    monkeypatch.setattr(cluster, "_ASK_EVERY_S", -1.0)
    for name in "ab":
        (tmp_path / f"{name}.png").touch()

    def answer(workers, **options):
        client, told = FakeClient(workers), []

        @contextmanager
        def connected(_place, _jobs):
            yield client

        monkeypatch.setattr(cluster, "_connected", connected)
        pool = ClusterPool(Place("tcp://x"), BatchOptions(), tell=told.append, **options)
        with pool:
            tasks = [task_of(tmp_path / f"{name}.png", tmp_path / "out") for name in "ab"]
            ended = run(pool, tasks)
        return SimpleNamespace(client=client, told=told, ended=ended)

    return answer


def test_a_worker_that_is_another_program_is_left_out_and_named_once(answering, tmp_path):
    found = answering({"tcp://old": ("finished", ("0.1", "")), "tcp://good": DONE})
    assert {one.status for one in found.ended.values()} == {ItemStatus.DONE}
    [told] = found.told
    assert told.startswith("The worker tcp://old is left out: it has SpineAlign 0.1, and ")
    assert found.client.answered[-2:] == ["tcp://good", "tcp://good"]
    assert (tmp_path / "out" / "a" / "analysis.json").read_bytes() == b"{}"


def test_where_all_workers_are_others_the_batch_ends(answering):
    models = ("finished", (remote.identity_of(()).version, "other"))
    with pytest.raises(BatchError) as caught:
        answering({"tcp://old": models})
    assert caught.value.problem is BatchProblem.OTHER_WORKERS
    with pytest.raises(BatchError) as caught:
        answering({"tcp://bare": ("error", ModuleNotFoundError("spinealign"))})
    assert caught.value.problem is BatchProblem.OTHER_WORKERS


def test_an_image_that_costs_worker_after_worker_is_a_row_and_so_is_a_defect(answering):
    lost = pytest.importorskip("distributed.scheduler").KilledWorker("a", SimpleNamespace(), 3)
    found = answering({"tcp://x": ("error", lost)})
    assert {one.status for one in found.ended.values()} == {ItemStatus.FAILED}
    assert "Every worker that was given “a.png” was lost" in found.ended["a"].sentence
    found = answering({"tcp://x": ("error", MemoryError())})
    assert "MemoryError" in found.ended["b"].sentence


def test_what_a_lost_scheduler_cancels_ends_the_batch(answering):
    with pytest.raises(BatchError) as caught:
        answering({"tcp://x": ("cancelled", None)})
    assert caught.value.problem is BatchProblem.SCHEDULER_LOST


def test_a_file_that_cannot_be_sent_is_a_row(answering, tmp_path):
    (tmp_path / "a.png").unlink()
    ended = answering({"tcp://x": DONE}, sends_files=True).ended
    assert (ended["a"].status, ended["b"].status) == (ItemStatus.FAILED, ItemStatus.DONE)
    assert "“a.png” cannot be sent" in ended["a"].sentence


def test_a_batch_without_workers_says_once_that_it_waits(answering):
    stops = iter([False, False, False, True])
    found = answering({}, is_stopped=lambda: next(stops))
    assert found.ended == {}
    assert found.told == [WAITING_FOR_WORKERS]


# --- the command ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--send", "bytes"], "need --scheduler or --cluster"),
        (["--tls-ca", "x"], "need --scheduler or --cluster"),
        (["--scheduler", "tcp://x", "--cluster", "pbs"], "not both"),
        (["--scheduler", "tcp://x", "--cluster-options", "x"], "belongs to --cluster"),
        (["--scheduler", "tcp://x", "--archive"], "leave out --archive"),
        (["--scheduler", "tls://x", "--tls-ca", "x"], "belong together"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_told(given, said, tmp_path, capsys):
    assert run_command(["batch", "x.png", *given, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["- a\n", "queue: [", "\udcff", "nonsense: 1\n"])
def test_options_that_no_queue_takes_are_told(text, tmp_path, capsys, monkeypatch):
    pytest.importorskip("dask_jobqueue", reason="the extra cluster is not installed")

    def refuse(**given):
        raise ValueError(f"{given['nonsense']}\nand more")

    refuse.job_cls = SimpleNamespace(submit_command=sys.executable)
    monkeypatch.setattr("dask_jobqueue.SLURMCluster", refuse)
    Image.new("L", (40, 40)).save(tmp_path / "x.png")
    file = tmp_path / "queue.yaml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    given = [str(tmp_path / "x.png"), "--out", str(tmp_path / "out"), "--cluster", "slurm"]
    assert run_command(["batch", *given, "--cluster-options", str(file)]) == 1
    assert "No workers can be asked for from the cluster slurm (" in capsys.readouterr().err


def test_without_the_extra_the_command_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    Image.new("L", (40, 40)).save(tmp_path / "x.png")
    given = [str(tmp_path / "x.png"), "--out", str(tmp_path / "out"), "--scheduler", "tcp://x:1"]
    assert run_command(["batch", *given]) == 1
    told = capsys.readouterr().err
    assert "spinealign[cluster]" in told
    assert "is not encrypted" in told


def test_a_queue_whose_command_is_not_here_is_told(tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue", reason="the extra cluster is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BatchError) as caught, ClusterPool(Place(system="lsf"), BatchOptions()):
        pass
    assert caught.value.problem is BatchProblem.FAULTY_CLUSTER
    assert "“bsub” is not found" in caught.value.detail


@pytest.mark.skipif(os.name == "nt", reason="the queue's commands are stood in for by scripts")
@pytest.mark.parametrize("all_refused", [True, False])
def test_jobs_that_a_queue_refuses_are_told(all_refused, tmp_path, monkeypatch, capfd):
    """Of two jobs one is refused, which is told, or both are, which ends the batch."""
    pytest.importorskip("dask_jobqueue", reason="the extra cluster is not installed")
    refuses = "true" if all_refused else f"! mkdir {tmp_path}/first 2>/dev/null"
    says = "echo 'sbatch: error: invalid partition specified: night' >&2; exit 1"
    for name, does in (("sbatch", f"if {refuses}; then {says}; fi; echo 7"), ("scancel", "true")):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{does}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told, looks = [], iter(range(GATHERED_S))
    place = Place(system="slurm", options={"scheduler_options": {"host": "127.0.0.1"}}, count=2)
    Image.new("L", (40, 40)).save(tmp_path / "x.png")
    reason = "sbatch: error: invalid partition specified: night"

    def is_stopped():
        return any(reason in each for each in told) or next(looks) < 0

    ended = None
    with ClusterPool(place, BatchOptions(), tell=told.append, is_stopped=is_stopped) as pool:
        try:
            run(pool, [task_of(tmp_path / "x.png", tmp_path / "out")])
        except BatchError as error:
            ended = error
    if all_refused:
        assert (ended.problem, ended.detail) == (BatchProblem.FAULTY_CLUSTER, reason)
    else:
        assert [each for each in told if reason in each] == [
            f"slurm refused a worker: {reason}. The others are used."
        ]
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.skipif(os.name == "nt", reason="the queue's commands are stood in for by scripts")
def test_a_queue_is_asked_for_as_many_workers_as_wanted(tmp_path, monkeypatch):
    """`sbatch` is a stand-in that keeps what it is given; the cluster's own part is real."""
    pytest.importorskip("dask_jobqueue", reason="the extra cluster is not installed")
    for name, does in (("sbatch", f'cat "$1" >> {tmp_path}/jobs; echo 7'), ("scancel", "true")):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{does}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    options = {"queue": "short", "walltime": "00:30:00", "memory": "7 GB"}
    options["scheduler_options"] = {"host": "127.0.0.1"}
    place = Place(system="slurm", options=options, count=2)
    looks = iter(range(GATHERED_S))
    asked = []

    def is_stopped():
        if (tmp_path / "jobs").exists():
            asked[:] = (tmp_path / "jobs").read_text().split("#!")[1:]
        return len(asked) == 2 or next(looks) < 0

    Image.new("L", (40, 40)).save(tmp_path / "x.png")
    with ClusterPool(place, BatchOptions(), is_stopped=is_stopped) as pool:
        run(pool, [task_of(tmp_path / "x.png", tmp_path / "out")])
    for script in asked:
        assert "#SBATCH -p short\n" in script
        assert "#SBATCH -t 00:30:00\n" in script
        assert "#SBATCH --mem=7G\n" in script
        assert "distributed.cli.dask_worker tcp://127.0.0.1:" in script
