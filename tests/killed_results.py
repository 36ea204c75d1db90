"""Writes a result in place of an older one and is killed at each step; prints what was left.

Run by itself: `python -m tests.killed_results FOLDER exchange|move`. JSON holds, for each
step, the files in the result folder after the kill and all names after the next run.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from spinealign import files

OLD = {"overlay.png": "old", "heatmap.png": "old", "analysis.json": "old"}
NEW = {"overlay.png": "new", "mask.png": "new", "analysis.json": "new"}
FOREIGN = {"notes.txt": "mine"}
_STEPS = ("open", "os.", "shutil.", "ctypes.")
KILLED = 9


def prepare(folder: Path) -> None:
    """Make a folder that holds an older result and a file of somebody else's."""
    folder.mkdir(parents=True)
    for name, text in (OLD | FOREIGN).items():
        (folder / name).write_text(text)


def write(folder: Path) -> None:
    """Write the new result, without what only the older one has."""
    stale = [name for name in OLD if name not in NEW]
    files.clear_unfinished(folder)
    files.write_together(folder, {k: v.encode() for k, v in NEW.items()}, stale)


def written_until(folder: Path, step: int) -> bool:
    """Write in a process of its own that is killed before a step; tell whether it ended first."""
    child = os.fork()
    if child == 0:
        count = 0

        def kill(event: str, _arguments: object) -> None:
            nonlocal count
            count += event.startswith(_STEPS)
            if count > step:
                os._exit(KILLED)

        sys.addaudithook(kill)
        write(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def main() -> None:
    """Kill at every step there is."""
    where, how = Path(sys.argv[1]), sys.argv[2]
    if how == "move":
        files._exchange = lambda *_: False
    left, step, is_done = [], 0, False
    while not is_done:
        folder = where / str(step) / "case"
        prepare(folder)
        is_done = written_until(folder, step)
        texts = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
        write(folder)
        after = sorted(str(path.relative_to(folder.parent)) for path in folder.parent.rglob("*"))
        left.append({"texts": texts, "after": after})
        step += 1
    print(json.dumps(left))


if __name__ == "__main__":
    main()
