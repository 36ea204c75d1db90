"""Makes the fonts of the report (resources/fonts) from the published ones.

    python -m tools.fonts FOLDER

FOLDER holds, at any depth, the fonts of Debian 12's packages fonts-noto-core (20201225-1),
fonts-droid-fallback (1:6.0.1r16-1.1) and fonts-nanum (20200506-1), unpacked. What only screens of
few pixels need (hinting) is left out; no letter is. Nanum's licence reserves its name, so that
file is copied as it is.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import uharfbuzz as hb

TARGET = Path(__file__).resolve().parents[1] / "resources" / "fonts"

MADE_SMALLER = (
    "NotoSans-Regular.ttf", "NotoSans-Bold.ttf", "DroidSansFallbackFull.ttf",
    *(
        f"NotoSans{script}-Regular.ttf"
        for script in (
            "Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati",
            "Gurmukhi", "Hebrew", "Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya",
            "Sinhala", "Tamil", "Telugu", "Thai",
        )
    ),
)  # fmt: skip
COPIED = ("NanumSquareR.ttf",)


def main() -> None:
    """Write every font."""
    source = Path(sys.argv[1])
    TARGET.mkdir(exist_ok=True)
    for name in MADE_SMALLER:
        (TARGET / name).write_bytes(without_hinting(_found(source, name)))
    for name in COPIED:
        shutil.copyfile(_found(source, name), TARGET / name)


def without_hinting(path: Path) -> bytes:
    """Return a font with all its letters and their shaping, without hinting."""
    face = hb.Face(hb.Blob.from_file_path(str(path)))
    wanted = hb.SubsetInput()
    wanted.keep_everything()
    wanted.flags = wanted.flags | hb.SubsetFlags.NO_HINTING
    return bytes(hb.subset(face, wanted).blob.data)


def _found(folder: Path, name: str) -> Path:
    return next(folder.rglob(name))


if __name__ == "__main__":
    main()
