"""The manual: every page is reached, links and pictures are there, keys those of the commands."""

import re
from pathlib import Path

import pytest

from spinealign.domain.paths import manual_dir
from spinealign.ui.manual.pages import CONTENTS, Page, read_pages, search
from spinealign.ui.window.actions import COMMANDS, plain_text
from spinealign.wording.keys import CASE_KEYS, MOUSE_HELP, PICTURE_KEYS, READING_KEYS
from tools.manual import keyboard_page, write_web

FOLDER = manual_dir()
ROOT = Path(__file__).resolve().parents[2]
FILES = {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.md"))}
PAGES = read_pages(FOLDER)
MOST_BYTES = 1_500_000

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)]+)\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
COMMAND_WITH_KEY = re.compile(r"\*\*([^*]+)\*\* \(`([^`]+)`\)")
KEY = re.compile(r"`((?:(?:Ctrl|Shift|Alt)\+)*(?:[A-Z0-9+\-\[\]]|F\d+|PgUp|PgDown|Home|End|Esc))`")


def by_key():
    """Return command texts by each of their keys."""
    return {key: plain_text(command) for command in COMMANDS for key in command.keys}


def test_there_are_pages():
    assert len(PAGES) >= 15
    assert PAGES[0].name == CONTENTS


def test_every_page_is_reached_from_the_contents_and_no_other_file_lies_there():
    assert {page.name for page in PAGES} == set(FILES)
    assert len({page.title for page in PAGES}) == len(PAGES)
    assert all(text.startswith("# ") for text in FILES.values())


@pytest.mark.parametrize("name", FILES)
def test_every_link_leads_to_a_page_and_every_picture_is_there_with_words(name):
    for target in LINK.findall(FILES[name]):
        assert target.removesuffix(".md") in FILES, target
    for words, target in PICTURE.findall(FILES[name]):
        assert (FOLDER / target).is_file(), target
        assert len(words) > 10, target


def test_every_picture_is_shown_and_all_of_them_are_small():
    shown = {target for text in FILES.values() for _, target in PICTURE.findall(text)}
    there = {f"pictures/{path.name}" for path in (FOLDER / "pictures").iterdir()}
    assert shown == there
    assert sum(path.stat().st_size for path in (FOLDER / "pictures").iterdir()) < MOST_BYTES


@pytest.mark.parametrize("name", sorted(set(FILES) - {"keyboard"}))
def test_every_command_has_the_key_that_the_page_says(name):
    keys = by_key()
    for command, key in COMMAND_WITH_KEY.findall(FILES[name]):
        assert keys.get(key) == " ".join(command.split()), (command, key)


@pytest.mark.parametrize("name", sorted(set(FILES) - {"keyboard"}))
def test_every_key_that_is_named_is_one(name):
    keys = by_key()
    of_cases = {keys for keys, _ in CASE_KEYS}
    for key in KEY.findall(FILES[name]):
        assert key in keys or key in of_cases or key in ("A", "C", "R"), key


def test_keys_are_named_often_enough_for_the_tests_above():
    named = [pair for text in FILES.values() for pair in COMMAND_WITH_KEY.findall(text)]
    assert len(set(named)) > 40


def test_the_page_of_keys_is_made_from_the_commands():
    assert FILES["keyboard"] == keyboard_page(), "run: python -m tools.manual"
    for keys, meaning in (*MOUSE_HELP, *PICTURE_KEYS, *READING_KEYS, *CASE_KEYS):
        assert f"| {keys} | {meaning} |" in FILES["keyboard"]


def test_names_of_commands_and_menus_are_those_of_the_window():
    menus = {"File", "Edit", "Analysis", "Reading", "View", "Measure", "Help"}
    known = {plain_text(command) for command in COMMANDS} | menus
    for name, text in FILES.items():
        for menu, command in re.findall(r"\*\*(\w+)\*\*,\s+\*\*([^*]+)\*\*", text):
            told = " ".join(command.split())
            if menu in menus:
                assert told in known | {
                    "Save one part as",
                    "First steps",
                    "Turn and mirror",
                    "Accounts and lock",
                }, (
                    name,
                    told,
                )


def test_the_installed_and_the_packaged_program_carry_the_manual():
    assert '"docs/manual" = "spinealign/docs/manual"' in (ROOT / "pyproject.toml").read_text()
    assert '(str(ROOT / "docs" / "manual"), "docs/manual")' in (
        ROOT / "build_installer.spec"
    ).read_text("utf-8")


# Search


def page(name, text):
    return Page(name, f"# {name}\n\n{text}")


def test_words_are_found_wherever_they_stand_and_however_they_are_written():
    pages = (page("One", "A **Calibrated** image."), page("Two", "Nothing here."))
    [hit] = search(pages, "CALIBRATED image")
    assert (hit.page.name, hit.count) == ("One", 2)
    assert "Calibrated image" in hit.excerpt
    assert search(pages, "calibrated nothing") == ()
    assert search(pages, "   ") == ()


def test_a_page_whose_title_says_it_comes_first():
    pages = (page("Other", "wheel wheel wheel wheel"), page("Wheel", "The wheel leafs."))
    assert [hit.page.name for hit in search(pages, "wheel")] == ["Wheel", "Other"]


def test_marks_of_the_text_are_no_words():
    found = page("Table", "| a | b |\n|---|---|\n| `Ctrl+K` | [link](x.md) ![seen](p.png) |")
    assert found.words == "Table a b Ctrl+K link seen"


def test_what_a_reader_looks_for_is_found_first():
    for words, name in (
        ("calibrat", "calibrating"), ("letterhead", "settings"), ("pelvic tilt", "film"),
        ("addendum", "reading"), ("exit code", "command-line"), ("hounsfield", "ct"),
        ("heat map", "mr"), ("zip", "opening"),
    ):  # fmt: skip
        names = [hit.page.name for hit in search(PAGES, words)]
        assert name in names[:3], (words, names)


def test_a_page_that_cannot_be_read_is_left_out(tmp_path):
    (tmp_path / "index.md").write_text("# All\n[a](a.md) [b](b.md)")
    (tmp_path / "a.md").write_text("# A")
    (tmp_path / "b.md").write_bytes(b"\xff\xfe")
    assert [page.name for page in read_pages(tmp_path)] == ["index", "a"]
    assert read_pages(tmp_path / "nowhere") == ()


# On the web


def test_the_manual_is_built_as_web_pages_that_load_nothing_from_elsewhere(tmp_path):
    written = write_web(tmp_path, FOLDER)
    assert {path.stem for path in written} == set(FILES)
    for path in written:
        text = path.read_text("utf-8")
        assert "<script" not in text
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
        for target in re.findall(r'(?:src|href)="([^"]+)"', text):
            assert (tmp_path / target).is_file(), target
        assert text.count("aria-current") == 1
