"""Stand-ins for the worker process of a batch, and a program that runs one with them.

Run by itself: `python -m tests.batch_workers INPUT... --out DIR --workers N` is `spinealign batch`
with workers that write the name of each image instead of analysing it.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from spinealign import protected_folders
from spinealign.batch import pool
from spinealign.batch.state import ItemStatus, Outcome, picture_path
from spinealign.batch.worker import WorkerMessage

HANG, DIE, DIE_ONCE, SLOW_S = "hang", "die", "once", 0.05


def serve_names(connection, options):
    """Do what the name of each image says."""
    connection.send(WorkerMessage())
    try:
        while (task := connection.recv()) is not None:
            connection.send(WorkerMessage(task.identity, "Reading the image"))
            connection.send(WorkerMessage(task.identity, outcome=_outcome(task)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _outcome(task):
    name = task.path.stem
    if name.startswith(HANG):
        time.sleep(15)
    marker = task.folder.parent / f"{task.folder.name}.died"
    if name.startswith(DIE) or (name.startswith(DIE_ONCE) and not marker.exists()):
        marker.parent.mkdir(exist_ok=True)
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(SLOW_S)
    with (task.folder.parent / "analysed.txt").open("a") as file:
        file.write(f"{name}\n")
    return Outcome(ItemStatus.DONE, seconds=SLOW_S, record=_outcome_record(name))


def _outcome_record(name):
    given = {"sha256": name, "modality": None, "spacing_mm": None, "spacing_source": "unknown"}
    record = {
        "input": given,
        "view": {"confidence": 1.0}, "headline": name, "classification": None, "warnings": [],
        "examination": "neck_ct_slice", "program_version": "1", "models": ["m"],
        "model_versions": ["m 1"], "bodies": [], "least_confidence": None, "measures": [],
    }  # fmt: skip
    return json.dumps(record)


def serve_folders(connection, options):
    """Write a folder of results for each image; a name “kill_PID” kills that process once."""
    connection.send(WorkerMessage())
    try:
        while (task := connection.recv()) is not None:
            connection.send(WorkerMessage(task.identity, outcome=_folder(task)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _folder(task):
    name = task.path.stem
    if name.startswith("kill_"):
        kill_once(int(name.removeprefix("kill_")))
    source = task.source if isinstance(task.source, Path) else task.source.parts[0].path
    task.folder.mkdir(parents=True)
    (task.folder / "analysis.json").write_bytes(source.read_bytes()[:40])
    picture_path(task.folder).write_bytes(b"picture")
    return Outcome(ItemStatus.DONE, record=str(source.parent))


def kill_once(process):
    """Kill a process, and return at once where it was killed before."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def serve_contents(connection, options):
    """Write what each file holds, read as an image is; what is locked fails."""
    connection.send(WorkerMessage())
    try:
        while (task := connection.recv()) is not None:
            connection.send(WorkerMessage(task.identity, outcome=_contents(task)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _contents(task):
    if task.folder.parent.joinpath("hang").exists():
        time.sleep(60)
    source = task.source if isinstance(task.source, Path) else task.source.parts[0].path
    try:
        with protected_folders.open_binary(source) as file:
            content = file.read()
    except protected_folders.LockedFolderError:
        return Outcome(ItemStatus.FAILED, "It is locked.", "")
    with (task.folder.parent / "contents.txt").open("a") as file:
        file.write(f"{hashlib.sha256(content).hexdigest()}\n")
    return Outcome(ItemStatus.DONE, seconds=SLOW_S, record=_outcome_record(task.path.stem))


def serve_nothing(connection, options):
    """End before it is ready."""
    sys.exit(3)


if __name__ == "__main__":
    pool.Pool = partial(pool.Pool, serve_as=serve_names)
    from spinealign.cli.main import run_command

    sys.exit(run_command(["batch", *sys.argv[1:]]))
