"""What a worker of a cluster runs for one image: a process like those of a batch on one computer.

Dask calls `analyse` in a thread of its worker, which has one process of its own for the analysis.
So a crash, a step without end or a full memory meets that process only, as it does on one computer.
Nothing here knows Dask.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import json
import multiprocessing
import pickle
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path

from spinealign import __version__
from spinealign.batch.options import BatchOptions, models_of
from spinealign.batch.pool import Pool
from spinealign.batch.state import Outcome, picture_path, results_place
from spinealign.batch.worker import Look, Task, serve
from spinealign.domain.errors import ModelError
from spinealign.domain.paths import models_dirs, profile_dir
from spinealign.domain.study import ImageSource, SeriesEntry, SeriesPicture
from spinealign.imaging.find import values_beside
from spinealign.inference.catalog import ModelStore
from spinealign.inference.choices import INSTALLED, SETTINGS
from spinealign.working_files import private_working_folder

ServeAs = Callable[[Connection, BatchOptions], None]


@dataclass(frozen=True)
class Identity:
    """What results depend on besides image and options.

    Parameters
    ----------
    version : str
        Of the program.
    models : str
        Checksum of names, weights and versions of all models that answer.
    """

    version: str
    models: str


@dataclass(frozen=True)
class Job:
    """An image for a worker, which may be on another computer.

    Parameters
    ----------
    task : Task
        Where files are sent, its source holds names in `files`; else paths that the worker reads.
    options : BatchOptions
    step_limit_s : float
    files : mapping of str to bytes
        Of the image; empty where the worker reads them itself.
    serve_as : callable
        What the worker's process runs.
    """

    task: Task
    options: BatchOptions
    step_limit_s: float
    files: Mapping[str, bytes]
    serve_as: ServeAs = serve


@dataclass(frozen=True)
class Answer:
    """What became of an image, with the files of its folder of results and its small picture."""

    outcome: Outcome
    files: Mapping[str, bytes]
    picture: bytes | None


def identity_of(chosen: Sequence[str]) -> Identity:
    """Return the identity of the program that runs this; `chosen` as for `BatchOptions.models`."""
    return _identity(tuple(chosen), _stamps(chosen))


def _stamps(chosen: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """Return what tells that models were changed, without reading them: once for each image."""
    profile = profile_dir()
    folders = [*models_dirs(), profile / INSTALLED, *map(Path, chosen)]
    files = [path for folder in folders for path in (*folder.glob("*"), *folder.glob("*/*"))]
    stamped = sorted({*files, profile / SETTINGS})
    return tuple(
        (str(path), state.st_mtime_ns, state.st_size)
        for path in stamped
        if path.is_file() and (state := path.stat())
    )


@lru_cache(maxsize=4)
def _identity(chosen: tuple[str, ...], _stamps: object) -> Identity:
    try:
        models = models_of(ModelStore(chosen=chosen))
        told = json.dumps({name: asdict(models[name]) for name in sorted(models)})
    except ModelError as error:
        told = f"{error.model} {error.problem}"
    return Identity(__version__, hashlib.sha256(told.encode()).hexdigest())


def analyse(
    version: str, models: str, chosen: tuple[str, ...], packed: bytes
) -> Answer | tuple[str, str] | None:
    """Analyse one image on a worker.

    Parameters
    ----------
    version, models : str
        Of the `Identity` that the batch has.
    chosen : tuple of str
        Models that answer for their tasks.
    packed : bytes
        A `Job`; it is not looked at where the program is another one, which may not know it.

    Returns
    -------
    Answer, tuple of str, or None
        The fields of this worker's `Identity` where it is another one; None where `let_go` came.
    """
    ours = identity_of(chosen)
    if (ours.version, ours.models) != (version, models):
        return ours.version, ours.models
    job: Job = pickle.loads(packed)
    with tempfile.TemporaryDirectory(dir=_working_folder()) as name:
        place = Path(name)
        (place / "input").mkdir()
        source = unpacked(job.task.source, job.files, place / "input")
        # The small picture lies beside the folder of results.
        task = replace(job.task, source=source, folder=place / "out" / job.task.folder.name)
        picture_path(task.folder).parent.mkdir(parents=True)
        outcome = _outcome(task, job)
        if outcome is None:
            return None
        picture = picture_path(task.folder)
        results, _ = results_place(task.folder, is_flat=job.options.is_flat)
        return Answer(
            outcome, _contents(results), picture.read_bytes() if picture.exists() else None
        )


def _contents(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# Files of a job


def packed(source: ImageSource) -> tuple[ImageSource, dict[str, bytes]]:
    """Return a source with names in place of paths, and the content of its files by these names.

    Of an archive only the members are taken that belong to the source.

    Raises
    ------
    OSError
    """
    if isinstance(source, Path):
        return Path(source.name), {path.name: path.read_bytes() for path in _with_values([source])}
    entry = source.series if isinstance(source, SeriesPicture) else source
    paths = _with_values(part.path for part in entry.parts)
    folders = {folder: str(k) for k, folder in enumerate(dict.fromkeys(p.parent for p in paths))}
    names = {path: f"{folders[path.parent]}/{path.name}" for path in paths}
    members: dict[Path, list[str]] = {}
    for part in entry.parts:
        if part.member:
            members.setdefault(part.path, []).append(part.member)
    files = {
        name: _some_of(path, members[path]) if path in members else path.read_bytes()
        for path, name in names.items()
    }
    return _moved(source, {path: Path(name) for path, name in names.items()}), files


def unpacked(source: ImageSource, files: Mapping[str, bytes], folder: Path) -> ImageSource:
    """Write what `packed` returned into a folder, and return the source as it lies there."""
    if not files:
        return source
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)  # the folder is private, and nothing of it outlasts the image
    if isinstance(source, Path):
        return folder / source
    return _moved(source, {Path(name): folder / name for name in files})


def absolute(source: ImageSource) -> ImageSource:
    """Return a source whose paths lead to the same files from any folder."""
    if isinstance(source, Path):
        return source.absolute()
    entry = source.series if isinstance(source, SeriesPicture) else source
    return _moved(source, {part.path: part.path.absolute() for part in entry.parts})


def _with_values(paths: Iterable[Path]) -> list[Path]:
    """Return files, each once, with those that hold the values of a NIfTI header."""
    found = dict.fromkeys(paths)
    beside = [values_beside(path) for path in found if path.name.lower().endswith(_HEADERS)]
    return [*dict.fromkeys([*found, *(path for path in beside if path is not None)])]


_HEADERS = (".hdr", ".hdr.gz")


def _some_of(archive: Path, members: Iterable[str]) -> bytes:
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(archive) as file, zipfile.ZipFile(made, "w") as fewer:
            for name in dict.fromkeys(members):
                fewer.writestr(zipfile.ZipInfo(name), file.read(name))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError, EOFError, ValueError):
        return archive.read_bytes()  # the worker says what is wrong with it
    return made.getvalue()


def _moved(source: SeriesEntry | SeriesPicture, places: Mapping[Path, Path]) -> ImageSource:
    if isinstance(source, SeriesPicture):
        entry = _moved(source.series, places)
        assert isinstance(entry, SeriesEntry)
        return replace(source, series=entry)
    parts = tuple(replace(part, path=places[part.path]) for part in source.parts)
    return replace(source, parts=parts)


# The process of each of a worker's threads


class _Kept:
    """A process that analyses, kept from one image of a batch to the next."""

    def __init__(self, job: Job) -> None:
        self._made_for = (job.options, job.step_limit_s, job.serve_as)
        self.ends, self.at_work = threading.Event(), threading.Lock()
        self.pool = Pool(
            1, job.options, job.step_limit_s, serve_as=job.serve_as, is_stopped=self.ends.is_set
        )

    def fits(self, job: Job) -> bool:
        return self._made_for == (job.options, job.step_limit_s, job.serve_as)


_lock = threading.Lock()
_kept: dict[int, _Kept] = {}
_working = ExitStack()
_folders: list[Path | None] = []


def let_go() -> None:
    """End the processes of this worker's threads, those too that are in the middle of an image."""
    with _lock:
        ending = list(_kept.values())
        _kept.clear()
    for kept in ending:
        kept.ends.set()
    for kept in ending:
        with kept.at_work:  # what is in the middle of an image ends within a look
            kept.pool.stop()


def _outcome(task: Task, job: Job) -> Outcome | None:
    kept, attempts = _kept_for(job), 0

    def hand_out(_identity: str) -> int:
        nonlocal attempts
        attempts += 1
        return attempts

    outcome = None
    _allow_children()
    with kept.at_work:
        for what in kept.pool.run([task], hand_out):
            if not isinstance(what, Look):
                outcome = what[1]
    return outcome


def _kept_for(job: Job) -> _Kept:
    me = threading.get_ident()
    with _lock:
        kept = _kept.get(me)
        if kept is not None and kept.fits(job):
            return kept
        made = _kept[me] = _Kept(job)
    if kept is not None:
        kept.pool.stop()
    return made


def _working_folder() -> Path | None:
    """Return this process's private folder; what a killed one left is cleared by the next."""
    with _lock:
        if not _folders:
            _folders.append(_working.enter_context(private_working_folder()))
            atexit.register(_working.close)
        return _folders[0]


def _allow_children() -> None:
    """Let a worker that Dask's nanny started have a process of its own.

    Python forbids it to processes that end with another one, because theirs would not; ours end by
    themselves when their pipe does.
    """
    config: dict[str, bool] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    config["daemon"] = False
