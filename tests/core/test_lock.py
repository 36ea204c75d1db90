"""The lock file holds what pyproject.toml asks for, with checksums, and nothing of one computer."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import start
from tools import lock

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = {
    "program": PROJECT["project"]["dependencies"],
    **PROJECT["project"]["optional-dependencies"],
    **PROJECT["dependency-groups"],
}
SECTIONS = start.locked_sections()
A, B = "a" * 64, "b" * 64


def test_every_group_of_requirements_has_a_section() -> None:
    assert set(SECTIONS) == set(GROUPS) == set(lock.SECTIONS)


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_asked_for_is_locked_to_one_version_in_range(group: str) -> None:
    held = lock.pins({name: SECTIONS[name] for name in ("program", group)})
    for requirement in map(Requirement, GROUPS[group]):
        version, _ = held[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement
    everywhere = lock.pins(SECTIONS)
    assert {name: everywhere[name][0] for name in held} == {n: v for n, (v, _) in held.items()}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_package_is_pinned_with_checksums(section: str) -> None:
    entries = lock.split(SECTIONS[section])
    assert entries
    assert "".join(entries) == SECTIONS[section].rstrip("\n") + "\n"
    for entry in entries:
        first, *hashes = entry.splitlines()
        assert re.fullmatch(r"[\w.-]+==[\w.+]+( ; .*)? \\", first)
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)


def test_no_place_of_one_computer_is_named() -> None:
    text = start.LOCK.read_text(encoding="utf-8")
    assert not re.search(r"://|@ |--index|--find-links|--extra-index|--trusted|--no-index", text)


def test_every_range_ends_before_a_version_nobody_tried() -> None:
    asked = [Requirement(text) for group in GROUPS.values() for text in group]
    assert [str(one) for one in asked if "<" not in str(one.specifier)] == []


def test_what_changed_is_told() -> None:
    before = {"program": entry("kept", "1", A) + entry("grown", "1.9", A) + entry("gone", "3", A)}
    after = {
        "program": entry("kept", "1", A) + entry("grown", "2.0", B),
        "dev": entry("new", "4", A),
    }
    told = lock.changes(lock.pins(before), lock.pins(after))
    assert told == ["removed  gone 3", "changed  grown 1.9 -> 2.0", "added    new 4"]
    again = {"program": entry("kept", "1", B)}
    told = lock.changes(lock.pins({"program": entry("kept", "1", A)}), lock.pins(again))
    assert told == ["files    kept 1: other files or systems"]


def entry(name: str, version: str, checksum: str) -> str:
    return f"{name}=={version} \\\n    --hash=sha256:{checksum}\n"


class TestSettingUp:
    """`start.set_up` with pip and the making of an environment replaced by a record."""

    @pytest.fixture
    def calls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
        made: list[tuple[str, ...]] = []
        locked = tmp_path / "requirements.lock"
        text = "".join(f"# [{name}]\n{entry(name, '1', A)}" for name in ("program", "build", "dev"))
        locked.write_text(text, encoding="utf-8")
        (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
        monkeypatch.setattr(start, "ROOT", tmp_path)
        monkeypatch.setattr(start, "LOCK", locked)
        monkeypatch.setattr(start, "make_environment", lambda folder: folder.mkdir(exist_ok=True))
        monkeypatch.setattr(start.subprocess, "run", lambda words, **_: made.append(tuple(words)))
        return made

    def test_packages_come_checked_from_the_lock_and_the_program_alone(
        self, tmp_path: Path, calls: list[tuple[str, ...]]
    ) -> None:
        start.set_up(tmp_path / "venv", "program", "build")
        packages, itself = calls
        assert "--require-hashes" in packages
        listed = Path(packages[packages.index("-r") + 1]).read_text(encoding="utf-8")
        assert listed == entry("program", "1", A) + entry("build", "1", A)
        assert {"--no-deps", "--no-build-isolation", "-e"} <= set(itself)

    def test_nothing_is_done_twice_and_less_needs_nothing_more(
        self, tmp_path: Path, calls: list[tuple[str, ...]]
    ) -> None:
        for sections in (["program", "dev"], ["program", "dev"], ["program"]):
            start.set_up(tmp_path / "venv", *sections)
        assert len(calls) == 1
        start.set_up(tmp_path / "venv", "program", "build")
        assert len(calls) == 3

    @pytest.mark.parametrize("file", ["requirements.lock", "pyproject.toml"])
    def test_a_changed_file_is_noticed(
        self, tmp_path: Path, calls: list[tuple[str, ...]], file: str
    ) -> None:
        start.set_up(tmp_path / "venv", "program")
        with (tmp_path / file).open("a", encoding="utf-8") as changed:
            changed.write("# other\n")
        start.set_up(tmp_path / "venv", "program")
        assert len(calls) == 2


def test_an_option_is_wrong_use_and_changes_nothing(monkeypatch, capsys):
    monkeypatch.setattr(lock, "resolved", lambda *_: pytest.fail("it was resolved"))
    assert lock.main(["--help"]) == 2
    assert "usage:" in capsys.readouterr().out


def test_what_cannot_be_resolved_changes_nothing(monkeypatch, capsys):
    def fail(*_):
        raise subprocess.CalledProcessError(1, "uv")

    monkeypatch.setattr(lock, "resolved", fail)
    monkeypatch.setattr(lock, "write", lambda *_: pytest.fail("it was written"))
    assert lock.main([]) == 1
    assert "Nothing was changed" in capsys.readouterr().out
