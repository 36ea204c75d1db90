"""How often each check of image quality is raised: on good pictures, and on spoilt copies.

Every picture of the shared sets counts as good (``false alarms``); copies of every tenth are
darkened, blurred, washed out, shrunk or written on (``detected``). Intervals are exact ones
(Clopper & Pearson 1934) over pictures.

Run: ``python benchmarks/quality_checks.py --data FOLDER [--every 4]``.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

FOLDERS = {
    "lateral film": ("xray_lateral/images/*", "xray_lateral_neck/images/*"),
    "neck CT": ("ct_fracture/*/*/*",),
    "spine MR": ("mr_sagittal_segmentation/images/*", "mr_disc_grading/images/*"),
}


def darkened(pixels):
    return pixels * 0.18


def washed_out(pixels):
    return 130 + pixels * 0.05


def blurred(pixels):
    return cv2.GaussianBlur(pixels, (0, 0), max(pixels.shape) / 90)


def shrunk(pixels):
    factor = 150 / min(pixels.shape)
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def written_on(pixels):
    out = np.clip(pixels, 0, 255).astype(np.uint8)
    size = max(out.shape) / 900
    at = (round(0.05 * out.shape[1]), round(0.1 * out.shape[0]))
    thick = max(1, round(1.5 * size))
    cv2.putText(out, "SMITH JOHN 1961", at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, thick)
    return out.astype(np.float32)


SPOILT: dict[str, tuple[Callable, str]] = {
    "darkened": (darkened, "too_dark"),
    "washed out": (washed_out, "low_contrast"),
    "blurred": (blurred, "blurred"),
    "shrunk": (shrunk, "low_resolution"),
    "written on": (written_on, "burned_in"),
}


def interval(count: int, of: int) -> str:
    """Return a proportion with its exact 95 % interval."""
    from scipy.stats import beta

    if not of:
        return "no picture"
    low = beta.ppf(0.025, count, of - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, of - count) if count < of else 1.0
    return f"{count}/{of} = {100 * count / of:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def main(arguments: Sequence[str] | None = None) -> None:
    from spinealign.domain.image import SpineImage
    from spinealign.imaging.quality import check_quality
    from spinealign.imaging.read import read_image

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=4, help="take every so manieth picture")
    options = parser.parse_args(arguments)
    checks = ("too_dark", "too_bright", "low_contrast", "blurred", "low_resolution", "burned_in")
    for name, patterns in FOLDERS.items():
        files = [p for pattern in patterns for p in sorted(options.data.glob(pattern))]
        raised: Counter[str] = Counter()
        found: Counter[str] = Counter()
        files = files[:: options.every]
        spoilt_count = 0
        for number, path in enumerate(files):
            image = read_image(path)
            raised.update(c.code.value for c in check_quality(image))
            if number % 5:
                continue
            spoilt_count += 1
            for title, (spoil, code) in SPOILT.items():
                bad = SpineImage(spoil(image.pixels).astype(np.float32), 8, path, "0" * 64)
                found[title] += code in {c.code.value for c in check_quality(bad)}
        print(f"{name}: {len(files)} good pictures, {spoilt_count} spoilt in each way")
        for check in checks:
            print(f"    false alarm  {check:15} {interval(raised[check], len(files))}")
        for title, (_, code) in SPOILT.items():
            print(f"    detected     {title:15} {interval(found[title], spoilt_count)} as {code}")


if __name__ == "__main__":
    main()
