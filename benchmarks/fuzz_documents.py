"""JSON files of ours for `benchmarks.fuzz_readers`: whole ones, and who reads them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from spinealign.domain.errors import CorrectionsError, ModelError
from spinealign.domain.findings import Analysis
from spinealign.domain.paths import models_dirs
from spinealign.domain.report_details import ReportDetails
from spinealign.export.corrections import load_corrections, save_corrections
from spinealign.export.exporters import EXPORTERS
from spinealign.inference.catalog import read_card
from spinealign.measure.correction.corrected import apply_corrections
from spinealign.reading.session import ReadingSession
from spinealign.reading.store import image_of
from spinealign.ui.settings.settings import Settings, SettingsStore
from tests.cards import classifier_card, grading_card
from tests.core.test_corrections_export import at
from tests.killed_readings import begun, steps_of
from tests.readings import back_analysis, store_in

IMAGE = "scan.dcm"
CARD_FOLDER = "card"


@lru_cache(maxsize=1)
def corrected_case(folder: Path) -> Analysis:
    """Return an analysis of an image in this folder with a correction of every kind."""
    return at(folder / IMAGE)


def documents() -> Iterator[tuple[str, bytes]]:
    """Yield the kind and the content of whole documents."""
    cards = [card.to_json() for card in (classifier_card(), grading_card())]
    for folder in models_dirs():
        cards += [json.loads(path.read_bytes()) for path in sorted(folder.glob("*/card.json"))]
    for card in cards:
        yield "card", json.dumps({**card, "name": CARD_FOLDER}).encode()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = save_corrections(at(folder / IMAGE), folder / "corrections.json")
        yield from [("corrections", path.read_bytes())] * 6
        store = SettingsStore(folder / "settings")
        store.save(Settings())
        yield from [("settings", (folder / "settings" / "settings.json").read_bytes())] * 2
    for path in sorted((_whole_reading() / "profile").rglob("*.json")):
        yield f"reading/{path.name}", path.read_bytes()


def read_document(kind: str, content: bytes, folder: Path) -> str:
    """Read a changed document as the program does; return the outcome, or raise what must not."""
    return READERS[kind.partition("/")[0]](kind, content, folder)


def _read_card(_: str, content: bytes, folder: Path) -> str:
    place = folder / CARD_FOLDER
    place.mkdir()
    (place / "card.json").write_bytes(content)
    try:
        read_card(place)
    except ModelError as error:
        return f"card: {error.problem.value}"
    return "card: taken"


def _read_corrections(_: str, content: bytes, folder: Path) -> str:
    path = folder / "corrections.json"
    path.write_bytes(content)
    case = corrected_case(folder)
    try:
        wanted = load_corrections(case, path)
    except CorrectionsError as error:
        return f"corrections: {error.problem.value}"
    if wanted is None:
        return "corrections: none"
    corrected = apply_corrections(replace(case, corrections=None), wanted)
    EXPORTERS["json"].write(corrected, ReportDetails())
    return "corrections: taken"


def _read_settings(_: str, content: bytes, folder: Path) -> str:
    (folder / "settings.json").write_bytes(content)
    store = SettingsStore(folder)
    store.load_settings()
    with suppress(OSError):
        (folder / "settings.damaged.json").unlink()
    return f"settings: {'damaged' if store.notices else 'taken'}"


def _read_reading(kind: str, content: bytes, folder: Path) -> str:
    analysis = back_analysis()
    shutil.copytree(_whole_reading() / "profile", folder / "profile")
    next((folder / "profile").rglob(kind.partition("/")[2])).write_bytes(content)
    store = store_in(folder)
    stored = store.load(image_of(analysis))
    store.addendum_draft(image_of(analysis))
    ReadingSession(analysis, store)
    return f"reading: {'faults' if stored.faults else 'taken'}"


@lru_cache(maxsize=1)
def _whole_reading() -> Path:
    folder = Path(tempfile.mkdtemp())
    for step in steps_of(begun(folder)):
        step()
    return folder


READERS: dict[str, Callable[[str, bytes, Path], str]] = {
    "card": _read_card,
    "corrections": _read_corrections,
    "settings": _read_settings,
    "reading": _read_reading,
}
