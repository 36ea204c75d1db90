"""A page of all results of a batch, to be leafed through, filtered and sorted in any browser.

The page holds its data and its script; only the small pictures lie beside it, and a browser reads
those that are looked at. Nothing on it names the patient but what paths and pictures say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from spinealign.batch.state import (
    GALLERY_NAME,
    PICTURES_FOLDER,
    BatchState,
    ItemStatus,
    Row,
    picture_path,
)
from spinealign.domain.examination import EXAMINATIONS
from spinealign.domain.formats import BATCH_FLAT_FOLDER, flat_prefix
from spinealign.domain.paths import resources_dir
from spinealign.files import as_export_error, write_export
from spinealign.html_pages import html_note, html_page, html_text
from spinealign.wording import NOT_FOR_DIAGNOSIS, examination_text
from spinealign.wording import batch_gallery as words
from spinealign.wording.text import display_name, safe_text

PAGE_SIZE: Final = 60
_NAMES: Final = {
    examination.kind.value: examination_text(examination) for examination in EXAMINATIONS.values()
}

LinksOf = Callable[[str], list[Mapping[str, str]]]
"""Returns what a card leads to, by the name of the folder of results."""


def write_gallery(state: BatchState, folder: Path, *, is_flat: bool = False) -> Path:
    """Write the page of a batch, whole or not at all, and return where it lies.

    Parameters
    ----------
    state : BatchState
    folder : Path
        Of the batch.
    is_flat : bool
        Whether the files of all images lie in one folder.

    Raises
    ------
    ExportError
        The page is as it was before.
    """
    cautions: dict[tuple[str, str], int] = {}
    links = _FlatLinks(folder) if is_flat else partial(_links, folder)
    rows = [_card(row, folder, cautions, links) for row in state.rows()]
    data = {
        "rows": rows,
        "cautions": [{"code": code, "text": text} for code, text in cautions],
        "words": {**words.SHOWN, "statuses": words.STATUSES},
        "pageSize": PAGE_SIZE,
    }
    path = folder / GALLERY_NAME
    write_export(path, _page(data).encode())
    return path


def remove_gallery(state: BatchState, folder: Path) -> None:
    """Remove the page that an earlier run wrote for a batch, and its small pictures.

    Other files in the folder of pictures stay.

    Raises
    ------
    ExportError
        One cannot be removed.
    """
    page, pictures = folder / GALLERY_NAME, folder / PICTURES_FOLDER
    if not page.is_file():
        return
    with as_export_error(page):
        for row in state.rows():
            picture_path(folder / row.folder).unlink(missing_ok=True)
        page.unlink()
        if pictures.is_dir() and not any(pictures.iterdir()):
            pictures.rmdir()


def _card(
    row: Row, folder: Path, cautions: dict[tuple[str, str], int], links: LinksOf
) -> Mapping[str, Any]:
    """Return what the page shows of an image; cautions are counted into a table of all."""
    is_ended = row.status in (ItemStatus.DONE, ItemStatus.REFUSED)
    record = json.loads(row.record) if is_ended else {}
    told = [(one["code"], safe_text(one["message"])) for one in record.get("warnings", ())]
    picture = picture_path(folder / row.folder)
    return {
        "number": row.number,
        "name": display_name(row.path),
        "folder": safe_text(row.folder),
        "status": row.status.value,
        "kind": _NAMES.get(record.get("examination", ""), ""),
        "said": record["headline"] if record else safe_text(row.sentence),
        "confidence": confidence(record) if row.status is ItemStatus.DONE else None,
        "cautions": [cautions.setdefault(one, len(cautions)) for one in dict.fromkeys(told)],
        "picture": _link(picture.relative_to(folder)) if is_ended and picture.exists() else "",
        "links": links(row.folder) if is_ended else [],
    }


def confidence(record: Mapping[str, Any]) -> float | None:
    """Return the least confidence that a result states, 0 to 1; None where it states none.

    Parameters
    ----------
    record : mapping
        Of `worker.record_of`.
    """
    answer = record["classification"]
    stated = [record["least_confidence"], record["view"]["confidence"]]
    if answer is not None:
        chosen = answer["predicted"]
        stated += [one["probability"] for one in answer["classes"] if one["name"] == chosen]
    # Records of former versions have neither findings nor grades.
    for one in (record.get("findings") or {}).get("findings", ()):
        stated.append(one["probability"] if one["reported"] else 1 - one["probability"])
    grade = record.get("picture_grade")
    if grade is not None:
        chosen = grade["predicted"]
        stated += [one["probability"] for one in grade["grades"] if one["name"] == chosen]
    return min((one for one in stated if one is not None), default=None)


def _links(folder: Path, name: str) -> list[Mapping[str, str]]:
    try:
        with os.scandir(folder / name) as entries:
            there = {"", *(entry.name for entry in entries)}
    except OSError:
        return []
    return [
        {"name": title, "target": _link(Path(name) / file) + ("" if file else "/")}
        for file, title in words.LINKS.items()
        if file in there
    ]


class _FlatLinks:
    """Links where the files of all images lie in one folder, which is looked into once."""

    def __init__(self, folder: Path) -> None:
        try:
            self._names = {path.name for path in (folder / BATCH_FLAT_FOLDER).iterdir()}
        except OSError:
            self._names = set()

    def __call__(self, name: str) -> list[Mapping[str, str]]:
        place = Path(BATCH_FLAT_FOLDER)
        files = {f"{flat_prefix(name)}{file}": title for file, title in words.LINKS.items() if file}
        found = [
            {"name": title, "target": _link(place / file)}
            for file, title in files.items()
            if file in self._names
        ]
        return [*found, {"name": words.LINKS[""], "target": f"{_link(place)}/"}]


def _link(path: Path) -> str:
    return quote(os.fsencode(path.as_posix()))


def _page(data: Mapping[str, Any]) -> str:
    pages = resources_dir() / "pages"
    # "<" would let a text end the block that holds it.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    body = (
        f"<h1>{html_text(words.TITLE)}</h1>",
        html_note(f"{NOT_FOR_DIAGNOSIS}. {words.ABOUT} {words.KEYS}"),
        f"<noscript><p>{html_text(words.NEEDS_SCRIPTS)}</p></noscript>",
        _controls(data),
        '<ul id="cards"></ul>',
        f'<script type="application/json" id="data">{text}</script>',
    )
    return html_page(
        words.TITLE, body,
        style=(pages / "gallery.css").read_text(encoding="utf-8"),
        script=(pages / "gallery.js").read_text(encoding="utf-8"),
        has_pictures_beside=True,
    )  # fmt: skip


def _controls(data: Mapping[str, Any]) -> str:
    rows = data["rows"]
    kinds = sorted({row["kind"] for row in rows if row["kind"]})
    codes = sorted({one["code"] for one in data["cautions"]})
    present = {row["status"] for row in rows}
    statuses = {key: name for key, name in words.STATUSES.items() if key in present}
    titles = {"none": words.NO_CAUTION} | {code: words.caution_title(code) for code in codes}
    fields = (
        _field(words.SEARCH, '<input type="search" name="text" autocomplete="off">'),
        _field(words.STATUS, _choice("status", {"": words.ALL, **statuses})),
        _field(words.KIND, _choice("kind", {"": words.ALL} | {kind: kind for kind in kinds})),
        _field(words.CAUTION, _choice("caution", {"": words.ALL, **titles})),
        _field(words.ORDER, _choice("sort", words.ORDERS)),
    )
    buttons = "".join(
        f'<button type="button" id="{key}">{html_text(title)}</button>'
        for key, title in (("previous", words.PREVIOUS), ("next", words.NEXT))
    )
    return (
        f"<form>{''.join(fields)}"
        f'<div class="leaf">{buttons}<p id="count" role="status"></p></div></form>'
    )


def _field(title: str, control: str) -> str:
    return f"<label>{html_text(title)}{control}</label>"


def _choice(name: str, options: Mapping[str, str]) -> str:
    listed: Iterable[str] = (
        f'<option value="{html_text(value)}">{html_text(title)}</option>'
        for value, title in options.items()
    )
    return f'<select name="{name}">{"".join(listed)}</select>'
