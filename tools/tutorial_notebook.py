"""Makes the tutorial's notebook from its page.

python -m tools.tutorial_notebook     # write docs/tutorial.ipynb anew

Text becomes Markdown cells, and each block of commands a cell that a shell runs. The page stays the
one place where the tutorial is written.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from spinealign.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
PAGE, NOTEBOOK = ROOT / "docs" / "tutorial.md", ROOT / "docs" / "tutorial.ipynb"
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_SHELL = "%%sh\n"
_BEGIN = """\
import os
from pathlib import Path

if Path.cwd().name == "docs":  # commands run in the program's folder
    os.chdir("..")
"""


def commands_of(page: str) -> list[str]:
    """Return the commands of a page's blocks, each on one line."""
    lines = [
        line
        for block in _BLOCK.findall(page)
        for line in block.replace("\\\n", " ").strip().splitlines()
    ]
    return [" ".join(line.split()) for line in lines]


def notebook_of(page: str) -> str:
    """Return a page as a notebook (nbformat 4.5) that has not been run."""
    cells = [_code("begin", _BEGIN)]
    for place, part in enumerate(_BLOCK.split(page)):
        text, name = part.strip(), f"step-{place:02}"
        if place % 2:
            cells.append(_code(name, _SHELL + text))
        elif text:
            cells.append(_cell("markdown", name, text))
    values = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, name: str, source: str) -> dict[str, Any]:
    lines = source.strip().splitlines(keepends=True)
    return {"cell_type": kind, "id": name, "metadata": {}, "source": lines}


def _code(name: str, source: str) -> dict[str, Any]:
    return {**_cell("code", name, source), "execution_count": None, "outputs": []}


def commands_in(notebook: str) -> list[str]:
    """Return the commands of a notebook's cells, each on one line."""
    sources = ["".join(cell["source"]) for cell in json.loads(notebook)["cells"]]
    shells = [each.removeprefix(_SHELL) for each in sources if each.startswith(_SHELL)]
    return commands_of("\n".join(f"```sh\n{shell}\n```" for shell in shells))


def main() -> int:
    """Write the notebook."""
    write_whole(NOTEBOOK, notebook_of(PAGE.read_text(encoding="utf-8")).encode())
    print(NOTEBOOK.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
