"""Makes the manual's page of keys from the commands, and web pages of the whole manual.

python -m tools.manual            # write docs/manual/keyboard.md anew
python -m tools.manual OUT        # and the manual as web pages into the folder OUT
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from markdown_it import MarkdownIt

from spinealign.domain.paths import manual_dir
from spinealign.ui.manual.manual_window import KEYBOARD_PAGE
from spinealign.ui.manual.pages import CONTENTS, Page, read_pages
from spinealign.ui.window.actions import COMMANDS, plain_text
from spinealign.wording.keys import CASE_KEYS, MOUSE_HELP, PICTURE_KEYS, READING_KEYS

FROM_ELSEWHERE = "<!-- Made by python -m tools.manual; do not edit. -->"

_STYLE = """
:root { color-scheme: light dark; --line: #c9ced6; --link: #0a5fb8; --shade: #f2f4f7; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3b4552; --link: #6ab4ff; --shade: #1d232b; } }
body { font: 1rem/1.55 "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif; margin: 0;
  display: grid; grid-template-columns: minmax(11rem, 15rem) minmax(0, 46rem); gap: 2.5rem;
  padding: 1.5rem; }
nav { position: sticky; top: 1.5rem; align-self: start; font-size: .92rem; }
nav a { display: block; padding: .2rem 0; text-decoration: none; }
nav a[aria-current] { font-weight: 700; color: inherit; }
a { color: var(--link); } img { max-width: 100%; border: 1px solid var(--line); }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: start; vertical-align: top; padding: .3rem .9rem .3rem 0;
  border-bottom: 1px solid var(--line); }
code { background: var(--shade); border-radius: 3px; padding: .05em .3em; }
pre { background: var(--shade); padding: .8rem; overflow-x: auto; } pre code { padding: 0; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; } }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · SpineAlign</title>
<link rel="stylesheet" href="manual.css">
</head>
<body>
<nav aria-label="Pages">
{links}
</nav>
<main>
{body}
</main>
</body>
</html>
"""


def keyboard_page() -> str:
    """Return the page of all keys and of what the mouse does, as Markdown."""
    commands = [
        (" or ".join(command.keys), f"**{plain_text(command)}**{_tip(command.tip)}")
        for command in COMMANDS
        if command.keys
    ]
    tables = (
        ("Mouse", MOUSE_HELP),
        ("Points", PICTURE_KEYS),
        ("Findings (after a click on one, or G)", READING_KEYS),
        ("Cases (in the list)", CASE_KEYS),
        ("Commands", commands),
    )
    parts = [line for title, rows in tables for line in ("", f"## {title}", "", *_table(rows))]
    return "\n".join(["# Keyboard and mouse", *parts, "", FROM_ELSEWHERE, ""])


def _tip(tip: str) -> str:
    return f": {tip}" if tip else ""


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    told = [" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows]
    return ["| keys | what they do |", "|---|---|", *(f"| {row} |" for row in told)]


def web_page(page: Page, pages: Sequence[Page]) -> str:
    """Return a page as HTML, with links to all others."""
    rendered = MarkdownIt("commonmark").enable("table").render(page.markdown)
    links = "\n".join(
        f'<a href="{other.name}.html"{" aria-current=page" if other is page else ""}>'
        f"{html.escape(other.title)}</a>"
        for other in pages
    )
    body = re.sub(r'href="([\w-]+)\.md"', r'href="\1.html"', rendered)
    return _PAGE.format(title=html.escape(page.title), links=links, body=body)


def write_web(folder: Path, source: Path) -> list[Path]:
    """Write the manual as web pages with their pictures; return the pages."""
    pages = read_pages(source)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manual.css").write_text(_STYLE, encoding="utf-8")
    shutil.copytree(source / "pictures", folder / "pictures", dirs_exist_ok=True)
    written = []
    for page in pages:
        path = folder / f"{page.name}.html"
        path.write_text(web_page(page, pages), encoding="utf-8")
        written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page of keys, and the web pages where a folder is given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, help="folder of the web pages")
    options = parser.parse_args(arguments)
    source = manual_dir()
    (source / f"{KEYBOARD_PAGE}.md").write_text(keyboard_page(), encoding="utf-8")
    if options.out is not None:
        written = write_web(options.out, source)
        print(f"{len(written)} pages; begin with {options.out / CONTENTS}.html")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
