"""How much of text drawn into real pictures the search for burned-in text finds, and false alarms.

    python benchmarks/burned_in_text.py --pictures 40

Names, numbers and dates are drawn into films, MR and CT slices beside the repository
(``shared/data``): two fonts, 10 to 64 pixels high, white, black or white on a black bar, smooth or
not, a third of them compressed as JPEG afterwards. One more text a picture is on its side, along
the left or the right edge. A text is touched when a box meets it, and
covered when boxes hold at least 98 % of its ink. Pictures as they are give the false alarms; films
carry true markers here and there, which count as false ones.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from spinealign.deidentification.boxes import Box
from spinealign.deidentification.text_on_pixels import text_boxes

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
SOURCES = {
    "lateral neck films": "xray_lateral/images/*.jpg",
    "frontal spine films": "xray_spine_ap/images/*.webp",
    "whole-spine films": "xray_spine_lateral/images/*.webp",
    "MR T2 SPACE": "mr_sagittal_segmentation/images/*.webp",
    "MR T1": "mr_lumbar_t1/images/*.webp",
    "MR T1 and T2": "mr_disc_grading/images/*.webp",
    "CT": "ct_fracture/train/*/*.png",
}
WORDS = (
    "MUELLER HANS", "Patient: Smith, John", "1950-03-12", "ID 4711-0815", "St. Marys Hospital",
    "DOB 12.03.1950", "Yamada Taro", "12345678",
)  # fmt: skip
COVERED = 0.98


def drawn(grey: np.ndarray, chance: random.Random) -> tuple[np.ndarray, np.ndarray, str] | None:
    """Return a picture with a text, the text's ink, and its kind; None where it cannot be read."""
    height, width = grey.shape
    is_large = max(height, width) >= 1000
    size = chance.choice((14, 18, 24, 32, 48, 64) if is_large else (10, 12, 14, 18, 24, 32))
    text, ink = chance.choice(WORDS), np.zeros((height, width), np.uint8)
    is_plain = chance.random() < 0.5
    if is_plain:
        scale, thick = size / 22 * 0.7, max(1, size // 12)
        (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    else:
        name = chance.choice(("Regular", "Bold"))
        font = ImageFont.truetype(str(ROOT / f"resources/fonts/NotoSans-{name}.ttf"), size)
        _, _, wide, high = (round(edge) for edge in font.getbbox(text))
        below = 0
    if wide + 10 > width or high + 10 > height:
        return None
    x = chance.choice((4, width - wide - 4, chance.randint(4, width - wide - 4)))
    y = chance.choice((4, height - high - 4 - below))
    if is_plain:
        kind = cv2.LINE_AA if chance.random() < 0.5 else cv2.LINE_8
        cv2.putText(ink, text, (x, y + high), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, kind)
    else:
        picture = Image.fromarray(ink)
        ImageDraw.Draw(picture).text((x, y), text, fill=255, font=font)
        ink = np.array(picture)
    style = chance.choice(("white", "white", "black", "on a bar"))
    result, share = grey.astype(np.float32), ink / 255.0
    if style == "on a bar":
        result[max(y - 3, 0) : y + high + below + 6, max(x - 3, 0) : x + wide + 3] = 0
    result = result * (1 - share) + share * (0 if style == "black" else 255)
    rows, columns = np.nonzero(ink)
    behind = np.median(grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
    if (style == "white" and behind > 190) or (style == "black" and behind < 65):
        return None
    result = result.clip(0, 255).astype(np.uint8)
    if chance.random() < 0.3:
        packed = cv2.imencode(".jpg", result, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        result = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    return result, ink, style


def on_its_side(grey: np.ndarray, chance: random.Random) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a picture with a text that reads up or down along an edge, and the text's ink."""
    turns = chance.choice((1, 3))
    made = drawn(np.ascontiguousarray(np.rot90(grey, turns)), chance)
    if made is None:
        return None
    picture, ink = (np.ascontiguousarray(np.rot90(each, -turns)) for each in made[:2])
    return picture, ink


def covered(ink: np.ndarray, boxes: list[Box]) -> float:
    inside = np.zeros(ink.shape, bool)
    for box in boxes:
        inside[box.top : box.bottom, box.left : box.right] = True
    return float((inside & (ink > 100)).sum() / (ink > 100).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=40, help="of each source")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--data", type=Path, default=DATA, help="the shared sets")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    for name, pattern in SOURCES.items():
        chance, aside = random.Random(options.seed), random.Random(options.seed + 1)
        files = sorted(options.data.glob(pattern))
        here: Counter[str] = Counter()
        for path in chance.sample(files, min(options.pictures, len(files))):
            grey = np.array(Image.open(path).convert("L"))
            here["pictures"] += 1
            here["alarms"] += bool(text_boxes(grey))
            for _ in range(2):
                made = drawn(grey, chance)
                if made is None:
                    continue
                share = covered(made[1], text_boxes(made[0]))
                for key, holds in (("texts", True), ("touched", share > 0),
                                   ("covered", share >= COVERED)):  # fmt: skip
                    here[key] += holds
                    here[f"{key} {made[2]}"] += holds
            side = on_its_side(grey, aside)
            if side is not None:
                share = covered(side[1], text_boxes(side[0]))
                here["texts on their side"] += 1
                here["touched on their side"] += share > 0
                here["covered on their side"] += share >= COVERED
        total += here
        print(told(name, here), flush=True)
    print(told("all", total))
    for style in ("white", "black", "on a bar"):
        counts = [total[f"{key} {style}"] for key in ("texts", "touched", "covered")]
        print(f"  {style}: {counts[0]} texts, {counts[1]} touched, {counts[2]} covered")


def told(name: str, counts: Counter[str]) -> str:
    return (
        f"{name}: {counts['pictures']} pictures, false alarm in {counts['alarms']}; "
        f"{counts['texts']} texts, {counts['touched']} touched, {counts['covered']} covered; "
        f"on their side {counts['texts on their side']}, {counts['touched on their side']} "
        f"touched, {counts['covered on their side']} covered"
    )


if __name__ == "__main__":
    main()
