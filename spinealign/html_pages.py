"""Reports of the research commands: one HTML file each that needs nothing else, fit to print."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from spinealign.wording.text import safe_text

_STYLE: Final = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 15px/1.5 "Noto Sans", "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #111;
  max-width: 1000px; margin: 24px auto; padding: 0 16px; background: #fff; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 32px 0 8px;
  border-bottom: 1px solid #c9ced6; } h3 { font-size: 15px; margin: 18px 0 4px; }
p { margin: 0 0 8px; } .small { font-size: 13px; color: #5a6068; }
.verdict { border-left: 6px solid #1b7f3b; background: #eef7f0; padding: 12px 16px; margin: 16px 0;
  font-size: 17px; }
.verdict.condemned { border-color: #b3261e; background: #fdeeed; }
.split { border-left: 6px solid #c9ced6; background: #f2f4f7; padding: 12px 16px; }
ul { padding-left: 20px; margin: 4px 0 12px; } li { margin: 0 0 6px; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: start; vertical-align: top;
  padding: 4px 12px 4px 0; border-bottom: 1px solid #e2e5ea; overflow-wrap: anywhere; }
th { border-bottom-color: #111; overflow-wrap: normal; } .table { overflow-x: auto; }
td .small { white-space: nowrap; } td .rule { white-space: normal; }
td:first-child { min-width: 7em; }
td.number, th.number { text-align: end; white-space: nowrap; } th.number { white-space: normal; }
.condemns { color: #b3261e; font-weight: bold; } .doubt { color: #8a5a00; font-weight: bold; }
figure { margin: 8px 0 16px; break-inside: avoid; } figure img { max-width: 100%; display: block; }
figcaption { font-size: 13px; color: #5a6068; overflow-wrap: anywhere; }
.pairs { display: flex; flex-wrap: wrap; gap: 16px; } .pairs figure { width: 300px; }
.curves { display: flex; flex-wrap: wrap; gap: 16px; } .curves figure { width: 460px; }
svg { display: block; } td svg { max-width: 100%; }
@media print { body { margin: 0; } tr, .split, .verdict { break-inside: avoid; }
  h2, h3, h2 + p { break-after: avoid; } td .small { white-space: normal; }
  .table { overflow: visible; } .curves figure { width: 45%; } }
"""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def html_page(
    title: str,
    body: Iterable[str],
    *,
    style: str = "",
    script: str = "",
    has_pictures_beside: bool = False,
) -> str:
    """Return a whole page from parts that are HTML already.

    Parameters
    ----------
    title : str
    body : iterable of str
    style : str
        CSS besides that of all pages.
    script : str
        The only one that a browser runs; without it, a browser runs none.
    has_pictures_beside : bool
        Whether pictures may come from files beside the page.
    """
    policy = _POLICY + (" 'self' file:" if has_pictures_beside else "")
    run = ""
    if script:
        checksum = b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy += f"; script-src 'sha256-{checksum}'"
        run = f"<script>{script}</script>"
    return (
        '<!DOCTYPE html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html_text(title)}</title><style>{_STYLE}{style}</style></head>"
        f"<body>{''.join(body)}{run}</body></html>\n"
    )


def html_text(words: str) -> str:
    """Return words as HTML that shows them and nothing else."""
    return escape(safe_text(words))


def html_note(words: str) -> str:
    """Return a paragraph in small letters."""
    return f'<p class="small">{html_text(words)}</p>'


def html_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    numbers: int = 0,
    shares: Sequence[int] = (),
) -> str:
    """Return a table of cells that are HTML already; the last `numbers` columns are numbers.

    Parameters
    ----------
    shares : sequence of int
        Of the width, in per cent, of each column; empty for what the words need.
    """
    first = len(head) - numbers

    def line(tag: str, cells: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="number">{cell}</{tag}>' if place >= first else f"<{tag}>{cell}</{tag}>"
            for place, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    widths = "".join(f'<col style="width: {share}%">' for share in shares)
    columns = f"<colgroup>{widths}</colgroup>" if widths else ""
    return (
        f'<div class="table"><table>{columns}<thead><tr>{line("th", head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
