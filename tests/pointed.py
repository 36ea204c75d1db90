"""Pictures with named points, as a researcher would have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def pointed(folder: Path, patients: int = 6, size: tuple[int, int] = (64, 48)) -> Path:
    """Write pictures with a bright and a dark spot, and ``points.csv`` that tells where.

    The bright one is called ``a``, the dark one ``b``; of the second picture nobody knows ``b``.
    Coordinates count from the outer edge of the first pixel.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = ["image,patient,a_x,a_y,b_x,b_y"]
    down, across = np.indices(size) + 0.5
    for number in range(patients):
        rng = np.random.default_rng(number)
        a, b = rng.uniform(12, 20, 2), rng.uniform((28, 40), (36, 48))
        grey = 120 + rng.normal(0, 3, size)
        for (x, y), height in ((a, 110), (b, -110)):
            grey += height * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 18)
        name = f"p{number}.png"
        Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(folder / "images" / name)
        told = ["", ""] if number == 1 else [f"{v:.2f}" for v in b]
        rows.append(",".join([name, f"p{number}", *(f"{v:.2f}" for v in a), *told]))
    (folder / "points.csv").write_text("\n".join(rows) + "\n")
    return folder
