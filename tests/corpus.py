"""Test files as a table: what opens with what, what is refused with which words.

``python -m tests.corpus`` writes the table anew (see CONTRIBUTING.md); read the difference
before committing it. The files of pydicom and pydicom-data ship with these packages; real series
lie in a folder beside the repository that is not shipped, and their rows stay where it is absent.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pydicom

from spinealign.domain.errors import ImageReadError
from spinealign.domain.image import SpineImage
from spinealign.imaging.read import read_image
from spinealign.wording.failures import explain
from spinealign.wording.reading import note_text

TABLE = Path(__file__).with_name("corpus.tsv")
COLUMNS = ("file", "outcome", "picture", "pixel spacing", "window", "view", "checksum", "words")
_FOLDERS = ("test_files", "charset_files", "palettes")
SERIES_ROOT = Path(__file__).resolve().parents[2] / "shared" / "data" / "dicom_series"
"""Two lumbar MR series of one patient and a tilted head CT; not shipped."""

SERIES_PREFIX = "dicom_series"
SERIES_MISSING = "the real series are not beside the repository (shared/data/dicom_series)"


def corpus_files() -> Mapping[str, Path]:
    """Return every file of the corpus by the name it has in the table."""
    bundled = Path(pydicom.__file__).parent / "data"
    found = {}
    for folder in _FOLDERS:
        found.update(_files(bundled / folder, f"pydicom/{folder}"))
    found.update(_files(_external_root(), "pydicom-data"))
    series = _files(SERIES_ROOT, SERIES_PREFIX)
    found.update({name: path for name, path in series.items() if path.suffix == ".dcm"})
    return dict(sorted(found.items()))


def is_of_series(name: str) -> bool:
    """Tell the files that are not shipped."""
    return name.startswith(f"{SERIES_PREFIX}/")


def _external_root() -> Path:
    import data_store

    return Path(data_store.__file__).parent / "data"


def _files(root: Path, prefix: str) -> dict[str, Path]:
    return {
        f"{prefix}/{path.relative_to(root).as_posix()}": path
        for path in root.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }


def describe(name: str, path: Path) -> dict[str, str]:
    """Read one file and return its row of the table."""
    try:
        image = read_image(path)
    except ImageReadError as error:
        words = explain(error).sentence
        return _row(name, "refused", words=words)
    spacing = "" if image.spacing_mm is None else " x ".join(f"{v:.6g}" for v in image.spacing_mm)
    unit = " HU" if image.is_hounsfield else ""
    return _row(
        name,
        "opened",
        picture=f"{image.shape[1]} x {image.shape[0]}, {image.bits} bits{unit}",
        spacing=f"{spacing} {image.spacing_source.value}".strip(),
        window="" if image.window is None else "{:g} / {:g}".format(*image.window),
        view=possible(image),
        checksum=checksum(image.pixels),
        words=" ".join(note_text(note) for note in image.notes),
    )


def possible(image: SpineImage) -> str:
    """Return what the tags allow: names, "other" for nothing, and nothing if they do not say."""
    if image.possible_examinations is None:
        return ""
    return " ".join(each.view_name for each in image.possible_examinations) or "other"


def checksum(pixels: np.ndarray) -> str:
    """Return a short checksum of grey values, blind to rounding of lossy decoders below 1/8."""
    return hashlib.sha256(np.rint(pixels * 8).astype("<i8").tobytes()).hexdigest()[:12]


def _row(name: str, outcome: str, **cells: str) -> dict[str, str]:
    keys = ("picture", "spacing", "window", "view", "checksum", "words")
    values = (name, outcome, *(cells.get(key, "") for key in keys))
    return dict(zip(COLUMNS, values, strict=True))


def read_table() -> dict[str, dict[str, str]]:
    """Return the kept rows by file."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}


def write_table() -> None:
    """Read the whole corpus and keep what came out; rows of absent series as they are."""
    files = corpus_files()
    has_series = any(map(is_of_series, files))
    kept = {} if has_series else read_table()
    rows = {name: row for name, row in kept.items() if is_of_series(name)}
    rows |= {name: describe(name, path) for name, path in files.items()}
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))


if __name__ == "__main__":
    write_table()
