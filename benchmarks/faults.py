"""Put known faults into a copy of the program, one at a time, and see whether a test fails.

    python benchmarks/faults.py --results faults.jsonl

The faults are in ``faults.toml``. Every fault meets first the test that caught it in an earlier
run, then the test files listed for its package, each fault alone. Those that survive meet the
rest of the tests together, as long as none of these fails; where one fails, each fault meets the
failed tests alone. At the end all tests that caught a fault run once without any fault.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEAST_CAUGHT_SHARE = 0.95
NICENESS = 10
TIMEOUT_S = 3600
_MOST_FAILURES = 60
_PASSED, _NOTHING_TO_RUN = 0, 5
_COULD_NOT_RUN = (3, 4)
_HUNG = "(the tests did not end)"

_PRELOADED = (
    "numpy", "cv2", "PIL.Image", "pydicom", "nibabel", "reportlab.platypus", "jsonschema",
    "PyQt6.QtWidgets", "PyQt6.QtTest", "hypothesis", "_hypothesis_pytestplugin", "pytestqt.plugin",
)  # fmt: skip
"""Libraries that most tests need, and that no fault is in."""

STAGES: Mapping[str, tuple[str, ...]] = {
    "near": (),
    "core": (
        "tests/core", "--ignore=tests/core/test_corpus.py", "--ignore=tests/core/test_read_fuzz.py",
        "--ignore=tests/core/test_installer.py",
    ),
    "window": ("tests/ui", "tests/model", "--ignore-glob=*training*", "-m", "not train"),
}  # fmt: skip
"""What a fault meets: the files of its package, the rest of the core, the window and models."""


@dataclass(frozen=True)
class Fault:
    """A piece of source, and what stands in its place once the fault is in."""

    title: str
    package: str
    kind: str
    old: str
    new: str
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """What became of a fault: the test that caught it, or None, after how many seconds."""

    title: str
    package: str
    caught_by: str | None
    stage: str
    seconds: float
    tree: str


class Copy:
    """A copy of the tracked files, of which one file at a time is changed."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=source, check=True, capture_output=True, text=True,
        ).stdout.split("\0")  # fmt: skip
        digest = hashlib.sha256()
        for name in sorted(filter(None, names)):
            if not (source / name).is_file():
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, folder / name)
            if name.endswith(".py") and not name.startswith("benchmarks"):
                digest.update((folder / name).read_bytes())
        self.digest = digest.hexdigest()[:16]
        # Python tells a changed file by its time in whole seconds, unless it compares contents.
        subprocess.run(
            [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash",
             "spinealign", "tools"],
            cwd=folder, check=True,
        )  # fmt: skip

    def place_of(self, fault: Fault) -> Path:
        """Return the only file with the fault's piece of source.

        Raises
        ------
        LookupError
            It is there never, or more than once.
        """
        start = self.folder / fault.package
        files = [start] if start.is_file() else sorted(start.rglob("*.py"))
        counts = {file: file.read_text(encoding="utf-8").count(fault.old) for file in files}
        holding = [file for file, count in counts.items() if count]
        if sum(counts.values()) != 1:
            raise LookupError(f"{fault.title}: {sum(counts.values())} times in {fault.package}")
        return holding[0]

    @contextmanager
    def holding(self, faults: Sequence[Fault]) -> Iterator[list[Fault]]:
        """Put faults in as long as the context lasts; yield those whose places were free."""
        before: dict[Path, str] = {}
        inside = []
        try:
            for fault in faults:
                try:
                    path = self.place_of(fault)
                except LookupError:
                    continue
                text = path.read_text(encoding="utf-8")
                before.setdefault(path, text)
                path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
                inside.append(fault)
            yield inside
        finally:
            for path, text in before.items():
                path.write_text(text, encoding="utf-8")

    def failures(self, wanted: Sequence[str], *options: str) -> list[str]:
        """Run tests and return the names of those that failed."""
        notes = self.folder.parent / "pytest-cache"
        shutil.rmtree(notes, ignore_errors=True)
        arguments = (
            "-q", "--no-header", "--tb=line", "-o", f"cache_dir={notes}",
            "-W", "ignore::pytest.PytestAssertRewriteWarning", *options, *wanted,
        )  # fmt: skip
        log = self.folder.parent / "pytest.log"
        code = _in_a_child(self.folder, arguments, log)
        if code is None:
            return [_HUNG]
        if code in (_PASSED, _NOTHING_TO_RUN):
            return []
        if code in _COULD_NOT_RUN:
            raise CouldNotRunError(log.read_text(encoding="utf-8", errors="replace"))
        failed = notes / "v" / "cache" / "lastfailed"
        if not failed.is_file():
            return [f"(pytest ended with {code})"]
        return list(json.loads(failed.read_text(encoding="utf-8")))


class CouldNotRunError(Exception):
    """pytest did not get as far as running a test; the text is what it printed."""


def _in_a_child(folder: Path, arguments: Sequence[str], log: Path) -> int | None:
    """Run pytest in a child of this process; return its exit code, None if it does not end.

    A forked child has the large libraries already, which saves most of the time of a short test.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    child = context.Process(target=_run_pytest, args=(folder, list(arguments), log))
    child.start()
    child.join(TIMEOUT_S)
    if child.is_alive():
        child.kill()
        child.join()
        return None
    return child.exitcode


def _run_pytest(folder: Path, arguments: Sequence[str], log: Path) -> None:
    os.chdir(folder)
    os.environ |= {"PYTHONPATH": str(folder), "QT_QPA_PLATFORM": "offscreen"}
    sys.path.insert(0, str(folder))
    with log.open("wb") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    import pytest
    from hypothesis import Phase, settings

    import spinealign

    # Any example that fails will do; to look for the smallest one takes minutes.
    settings.register_profile("unshrunk", phases=(Phase.explicit, Phase.generate))
    settings.load_profile("unshrunk")

    if not Path(str(spinealign.__file__)).is_relative_to(folder):
        os._exit(_COULD_NOT_RUN[0])
    code = int(pytest.main(list(arguments)))
    sys.stdout.flush()
    os._exit(code)


class Hunt:
    """Lets tests look for faults, and remembers what they found."""

    def __init__(
        self,
        copy: Copy,
        near: Mapping[str, Sequence[str]],
        results: Path | None,
        unreliable: Sequence[str] = (),
    ) -> None:
        self._copy, self._near, self._file = copy, near, results
        self._unreliable = set(unreliable)
        self.results: dict[str, Result] = {}
        self._earlier: dict[str, str] = {}
        if results is not None and results.is_file():
            self._load(results)

    def _load(self, file: Path) -> None:
        for line in file.read_text(encoding="utf-8").splitlines():
            result = Result(**json.loads(line))
            if result.caught_by and not result.caught_by.startswith("("):
                self._earlier[result.title] = result.caught_by
            self.results.pop(result.title, None)
            is_sound = result.caught_by not in self._unreliable
            if result.tree == self._copy.digest and is_sound:
                self.results[result.title] = result

    def _note(self, fault: Fault, caught_by: str | None, stage: str, started: float) -> None:
        seconds = round(time.perf_counter() - started, 1)
        result = Result(fault.title, fault.package, caught_by, stage, seconds, self._copy.digest)
        self.results[fault.title] = result
        print(f"{'caught  ' if caught_by else 'survived'} {seconds:6.1f} s  {fault.title}"
              f"{f'  ({caught_by})' if caught_by else ''}", flush=True)  # fmt: skip
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(result)) + "\n")

    def _survivors(self, faults: Sequence[Fault], stage: str) -> list[Fault]:
        """Return the faults that no test caught before a stage."""
        names = list(STAGES)
        reached = names[: names.index(stage)]
        return [
            fault
            for fault in faults
            if (found := self.results.get(fault.title)) is None
            or (found.caught_by is None and found.stage in reached)
        ]

    def run(self, faults: Sequence[Fault], stages: Sequence[str]) -> None:
        """Let the tests of all stages look for all faults."""
        if "near" in stages:
            for fault in self._survivors(faults, "near"):
                self._look_near(fault)
        for stage in stages:
            if stage != "near":
                self._look_together(self._survivors(faults, stage), stage)
        if self._drop_unreliable(faults):
            self.run(faults, stages)

    def _without_unreliable(self) -> list[str]:
        return [f"--deselect={name}" for name in sorted(self._unreliable)]

    def _look_near(self, fault: Fault) -> None:
        started = time.perf_counter()
        files = self._files_near(fault)
        with self._copy.holding([fault]):
            failed = self._by_earlier(fault) or self._by_file(files)
        self._note(fault, failed[0] if failed else None, "near", started)

    def _by_file(self, files: Sequence[str]) -> list[str]:
        for file in files:
            failed = self._copy.failures([file], "-x", *self._without_unreliable())
            if failed:
                return failed
        return []

    def _by_earlier(self, fault: Fault) -> list[str]:
        name = self._earlier.get(fault.title)
        if name is None or name in self._unreliable or not self._exists(name):
            return []
        try:
            return [found for found in self._copy.failures([name], "-x") if found == name]
        except CouldNotRunError:  # the test has another name by now
            return []

    def _exists(self, name: str) -> bool:
        return (self._copy.folder / name.split("::")[0]).is_file()

    def _files_near(self, fault: Fault) -> list[str]:
        """Return the package's test files, those that name the fault's module first."""
        module = self._copy.place_of(fault).stem
        return sorted(
            filter(self._exists, _near_of(fault.package, self._near)),
            key=lambda name: module not in (self._copy.folder / name).read_text(encoding="utf-8"),
        )

    def _look_together(self, faults: Sequence[Fault], stage: str) -> None:
        """Let the faults meet a stage's tests together until none fails any more.

        A test that fails with all of them and with none alone is not asked again.
        """
        left, aside = list(faults), set[str]()
        while left:
            started = time.perf_counter()
            skipped = [f"--deselect={name}" for name in sorted(self._unreliable | aside)]
            with self._copy.holding(left) as inside:
                failed = self._copy.failures(STAGES[stage], f"--maxfail={_MOST_FAILURES}", *skipped)
            print(f"{len(inside)} faults together, {stage}: {len(failed)} tests fail", flush=True)
            caught = self._caught_alone(inside, failed, stage) if failed else []
            if not failed:
                for fault in inside:
                    self._note(fault, None, stage, started)
            elif not caught:
                aside.update(failed)
            done = caught if failed else inside
            left = [fault for fault in left if fault not in done]

    def _caught_alone(
        self, faults: Sequence[Fault], tests: Sequence[str], stage: str
    ) -> list[Fault]:
        caught = []
        for fault in faults:
            started = time.perf_counter()
            with self._copy.holding([fault]):
                failed = self._copy.failures(tests, "-x")
            if failed:
                self._note(fault, failed[0], stage, started)
                caught.append(fault)
        return caught

    def _drop_unreliable(self, faults: Sequence[Fault]) -> bool:
        """Forget what was caught by tests that fail without a fault; tell whether there was any."""
        wanted = {fault.title for fault in faults}
        found = [r for r in self.results.values() if r.title in wanted and r.caught_by]
        names = sorted({r.caught_by for r in found if r.caught_by and r.caught_by[0] != "("})
        if not names:
            return False
        failed = set(self._copy.failures(names))
        print(f"without a fault {len(failed)} of {len(names)} of these tests fail", flush=True)
        self._unreliable |= failed
        for result in found:
            if result.caught_by in failed:
                del self.results[result.title]
        return bool(failed)


def _near_of(package: str, near: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Return the test files listed for a package or module, else for the folder nearest above."""
    while package and package not in near:
        package = package.rpartition("/")[0]
    return near.get(package, ())


def _preload() -> None:
    for name in _PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)


def load_faults(path: Path) -> tuple[list[Fault], dict[str, list[str]]]:
    """Return the faults of a file, and the test files near each package."""
    with path.open("rb") as stream:
        table = tomllib.load(stream)
    return [Fault(**entry) for entry in table["fault"]], table["tests"]


def print_places(copy: Copy, faults: Sequence[Fault], is_shown: bool) -> None:
    """Check that every fault has its place, and print it.

    Raises
    ------
    SystemExit
        The faults that have none, or more than one; or the titles of several faults, which would
        count as one.
    """
    titles = Counter(fault.title for fault in faults)
    lost = [f"{title}: the title of {count} faults" for title, count in titles.items() if count > 1]
    for fault in faults:
        try:
            place = copy.place_of(fault).relative_to(copy.folder)
        except LookupError as error:
            lost.append(str(error))
        else:
            if is_shown:
                print(f"{place}  [{fault.kind}]  {fault.title}")
    if lost:
        raise SystemExit("\n".join(lost))


def print_table(faults: Sequence[Fault], results: Mapping[str, Result]) -> float:
    """Print what was caught by package, and what survived; return the share caught."""
    print(f"\n{'package':28} faults caught survived  seconds")
    packages = list(dict.fromkeys(fault.package for fault in faults))
    caught_in_all = 0
    for package in packages:
        found = [results[f.title] for f in faults if f.package == package and f.title in results]
        caught = sum(result.caught_by is not None for result in found)
        caught_in_all += caught
        seconds = sum(result.seconds for result in found)
        print(f"{package:28} {len(found):6} {caught:6} {len(found) - caught:8} {seconds:8.0f}")
    survivors = [f for f in faults if f.title in results and not results[f.title].caught_by]
    share = caught_in_all / max(caught_in_all + len(survivors), 1)
    print(f"{'all':28} {caught_in_all + len(survivors):6} {caught_in_all:6} {len(survivors):8}")
    print(f"{share:.1%} caught")
    for fault in survivors:
        print(f"survived: {fault.title} [{fault.kind}, {fault.package}] {fault.reason}")
    return share


def main() -> int:
    """Run the hunt and return 1 if too few faults are caught."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=Path, default=HERE / "faults.toml")
    parser.add_argument("--tree", type=Path, default=HERE.parent, help="what is copied")
    parser.add_argument("--only", default="", help="a part of title, package or kind")
    parser.add_argument("--list", action="store_true", help="print the faults and their places")
    parser.add_argument("--stages", default=",".join(STAGES), help="some of: %(default)s")
    parser.add_argument("--results", type=Path, help="JSON lines that a run adds to and goes by")
    parser.add_argument("--without", action="append", default=[], help="a test that is not asked")
    wanted = parser.parse_args()
    os.nice(NICENESS)
    faults, near = load_faults(wanted.faults)
    faults = [f for f in faults if wanted.only in f"{f.title} {f.package} {f.kind}"]
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        copy = Copy(wanted.tree.resolve(), Path(folder).resolve() / "tree")
        print_places(copy, faults, is_shown=wanted.list)
        if wanted.list:
            return 0
        _preload()
        hunt = Hunt(copy, near, wanted.results, wanted.without)
        hunt.run(faults, wanted.stages.split(","))
    return int(print_table(faults, hunt.results) < LEAST_CAUGHT_SHARE)


if __name__ == "__main__":
    raise SystemExit(main())
