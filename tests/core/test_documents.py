"""Every command that a document quotes is one that the program or a script takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from spinealign.cli.main import _parser
from spinealign.cli.own_training import with_recipe_named
from spinealign.export.measure_tables import MEASUREMENT_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
OF_START = {"test", "build-installer", "test-installer", "lock"}
OF_WINDOW = {"--self-test", "--version", "--profile-dir"}
PROGRAMS = r"(?:python3? start\.py|spinealign|python3? -m spinealign)"


def quoted() -> list[tuple[str, str]]:
    """Return (page, arguments) of every command in a block of code or in backticks."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        spans = re.findall(
            rf"`({PROGRAMS} [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        )
        for line in [*lines, *(" ".join(span.split()) for span in spans)]:
            if match := re.match(rf"(?:\w+=\S+ )?{PROGRAMS}(?: |$)(.*)", line.strip()):
                found.append((page.name, match[1].split("#")[0].strip()))
    return found


COMMANDS = quoted()


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 25
    pages = {page for page, _ in COMMANDS}
    assert pages >= {"README.md", "training.md", "installing.md", "CONTRIBUTING.md"}


@pytest.mark.parametrize(("page", "line"), sorted(set(COMMANDS)), ids=lambda value: value)
def test_a_quoted_command_is_understood(page: str, line: str) -> None:
    words = shlex.split(line)
    if not words or words[0] in OF_START | OF_WINDOW:
        return
    words = words[: words.index("…")] if "…" in words else words
    options = _parser().parse_args(with_recipe_named(words))
    assert options is not None


def test_every_script_that_is_named_is_there() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"(?:benchmarks|tools|tests|installer|\.ci)/[\w/]+\.\w+", text):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
        for module in re.findall(r"python3? -m ((?:benchmarks|tests|tools)[.\w]+)", text):
            place = ROOT / module.replace(".", "/")
            assert place.with_suffix(".py").is_file() or place.is_dir(), f"{page.name}: {module}"


def test_the_readme_names_every_column_of_the_table_of_measures():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("| columns | meaning |")[1].split("\n\n")[0]
    told = [
        name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])
    ]
    assert sorted(told) == sorted(MEASUREMENT_COLUMNS)
