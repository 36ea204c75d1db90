"""The sample cases that ship with the program, each with its source and licence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spinealign.domain.examination import Examination, examination_named
from spinealign.domain.paths import resources_dir
from spinealign.imaging.find import real_path

CASE_FILE = "case.json"
_FOLDER = "samples"


@dataclass(frozen=True)
class SampleCase:
    """One shipped image that anybody may open, keep and pass on.

    Parameters
    ----------
    name : str
        Folder under ``resources/samples``.
    title : str
        For people.
    path : Path
        The image file.
    examination : Examination
        What it shows.
    source, licence : str
        Where it comes from and under which terms.
    note : str
        What to know before looking at a result on it.
    order : int
        Place in the list in which samples are offered.
    true_values : mapping of str to float
        Measures that are known, as of a drawing: code of the measure to degrees.
    """

    name: str
    title: str
    path: Path
    examination: Examination
    source: str
    licence: str
    note: str
    order: int = 0
    true_values: Mapping[str, float] = field(default_factory=dict)


def list_samples() -> tuple[SampleCase, ...]:
    """Return the shipped sample cases in the order in which they are offered.

    The first one shows most of what the program can do. An installation without
    samples has none; that is no error.

    Raises
    ------
    KeyError, ValueError
        A shipped ``case.json`` is broken, which a test rules out.
    """
    cases = sorted((resources_dir() / _FOLDER).glob(f"*/{CASE_FILE}"))
    return tuple(sorted(map(_read_case, cases), key=lambda case: case.order))


def sample_of(path: Path) -> SampleCase | None:
    """Return the shipped sample that a file is, or None."""
    folder = path.parent
    if folder.parent.name != _FOLDER or not (folder / CASE_FILE).is_file():
        return None
    found = (case for case in list_samples() if real_path(case.path) == real_path(path))
    return next(found, None)


def _read_case(file: Path) -> SampleCase:
    values = json.loads(file.read_text(encoding="utf-8"))
    return SampleCase(
        name=values["name"],
        title=values["title"],
        path=file.parent / values["file"],
        examination=examination_named(values["examination"]),
        source=values["source"],
        licence=values["licence"],
        note=values["note"],
        order=values["order"],
        true_values=values.get("true_values", {}),
    )
