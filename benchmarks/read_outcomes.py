"""Print what the readers make of each file: `python -m benchmarks.read_outcomes FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.image import SpineImage
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of files, its folders left out")
    print_outcomes(parser.parse_args().folder)


def print_outcomes(folder: Path) -> None:
    """Print a row a file: series found, and the picture that is read first, or why none is."""
    print("| input | series (pictures each) | size | spacing mm | values | notes or refusal |")
    print("|---|---|---|---|---|---|")
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        print(f"| {path.name} | {_series(path)} | {_picture(path)} |", flush=True)


def _series(path: Path) -> str:
    try:
        return " ".join(str(len(entry)) for entry in list_series(path))
    except SpineAlignError:
        return "-"


def _picture(path: Path) -> str:
    try:
        return _described(read_image(path))
    except SpineAlignError as error:
        problem = getattr(error, "problem", type(error).__name__)
        return f"- | - | - | refused: {problem}"


def _described(image: SpineImage) -> str:
    spacing = "none" if image.spacing_mm is None else " x ".join(f"{s:g}" for s in image.spacing_mm)
    values = f"{image.pixels.min():g} to {image.pixels.max():g}"
    rows, cols = image.shape
    return f"{cols} x {rows} | {spacing} | {values} | {' '.join(n.kind.value for n in image.notes)}"


if __name__ == "__main__":
    main()
