"""Foreign pictures for the view gate that need no collection: drawn, computed, cut, turned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from spinealign.domain.examination import ImageKind
from spinealign.training.dataset import read_grey
from spinealign.training.gate_data import GatePicture, Grey, shrunk

Rng = np.random.Generator
_LETTERS = list("abcdefghijklmnopqrstuvwxyz      ABCDEFG0123456789.,:")


def library_photographs() -> Iterator[GatePicture]:
    """Return the photographs that come inside scikit-image, scikit-learn and Matplotlib."""
    import matplotlib
    import skimage
    import sklearn

    places = {
        "scikit-image": Path(skimage.__file__).parent / "data",
        "scikit-learn": Path(sklearn.__file__).parent / "datasets" / "images",
        "matplotlib": Path(matplotlib.get_data_path()) / "sample_data",
    }
    for source, folder in places.items():
        for path in sorted(folder.glob("*")):
            if path.suffix in (".png", ".jpg", ".jpeg"):
                pixels = shrunk(read_grey(path))
                yield GatePicture(pixels, ImageKind.NONE_OF_THESE, source, f"{source}/{path.name}")


def drawings(count: int, rng: Rng) -> Iterator[GatePicture]:
    """Draw pages, charts, windows, patterns, gradients, noise and blank pictures."""
    for number in range(count):
        draw = _DRAWINGS[number % len(_DRAWINGS)]
        rows, cols = (int(v) for v in rng.integers(140, 257, 2))
        pixels = draw(rows, cols, rng)
        name = f"drawn_{draw.__name__.strip('_')}"
        yield GatePicture(
            pixels, ImageKind.NONE_OF_THESE, name, f"{name}/{number}", is_made=True
        )  # fmt: skip


def _page(rows: int, cols: int, rng: Rng) -> Grey:
    page = np.full((rows, cols), int(rng.choice([0, 255, 240, 30])), np.uint8)
    ink = 255 - int(page[0, 0])
    size = float(rng.uniform(0.3, 0.9))
    for y in range(20, rows, int(rng.integers(12, 34))):
        words = "".join(rng.choice(_LETTERS, int(rng.integers(4, 40))))
        cv2.putText(page, words, (8, y), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1)
    return page


def _boxes(rows: int, cols: int, rng: Rng) -> Grey:
    page = np.full((rows, cols), int(rng.integers(0, 256)), np.uint8)
    for _ in range(int(rng.integers(3, 25))):
        a, b = rng.integers(0, [cols, rows], (2, 2)).tolist()
        shade, thick = int(rng.integers(0, 256)), int(rng.integers(-1, 5))
        if rng.random() < 0.5:
            cv2.rectangle(page, a, b, shade, thick)
        else:
            cv2.circle(page, a, int(rng.integers(3, 80)), shade, thick)
    return page


def _chart(rows: int, cols: int, rng: Rng) -> Grey:
    page = np.full((rows, cols), int(rng.choice([255, 245, 20])), np.uint8)
    ink = 255 - int(page[0, 0])
    cv2.line(page, (20, 10), (20, rows - 20), ink, 1)
    cv2.line(page, (20, rows - 20), (cols - 10, rows - 20), ink, 1)
    for _ in range(int(rng.integers(1, 6))):
        x = np.linspace(20, cols - 10, 40)
        y = np.clip(np.cumsum(rng.normal(0, rows / 25, 40)) + rows * rng.uniform(0.2, 0.8), 5, rows)
        points = np.stack([x, y], axis=1).astype(np.int32)
        cv2.polylines(page, [points], False, int(rng.integers(0, 200)), int(rng.integers(1, 3)))
    return page


def _window(rows: int, cols: int, rng: Rng) -> Grey:
    page = _page(rows, cols, rng)
    top = int(rows * rng.uniform(0.05, 0.2))
    page[:top] = int(rng.integers(40, 220))
    left = int(cols * rng.uniform(0, 0.35))
    page[top:, :left] = int(rng.integers(20, 240))
    cv2.putText(page, "File  Edit  View", (6, top - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 0, 1)
    return page


def _noise(rows: int, cols: int, rng: Rng) -> Grey:
    coarse = int(rng.choice([1, 1, 2, 4, 8]))
    grain = rng.normal(128, rng.uniform(20, 90), (rows // coarse + 1, cols // coarse + 1))
    grown = np.clip(grain, 0, 255).astype(np.uint8).repeat(coarse, 0).repeat(coarse, 1)
    return np.ascontiguousarray(grown[:rows, :cols])


def _gradient(rows: int, cols: int, rng: Rng) -> Grey:
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : cols * 1j]
    a, b, c = rng.uniform(-1, 1, 3)
    ramp = a * x + b * y + c * (x**2 + y**2)
    return np.asarray(
        np.interp(ramp, (ramp.min(), ramp.max()), rng.permutation([0, 255])), np.uint8
    )


def _clouds(rows: int, cols: int, rng: Rng) -> Grey:
    total = np.zeros((rows, cols), np.float32)
    for level in range(1, int(rng.integers(2, 6))):
        knots = rng.uniform(0, 1, (3 * 2**level, 3 * 2**level)).astype(np.float32)
        total += cv2.resize(knots, (cols, rows), interpolation=cv2.INTER_CUBIC) / level
    return np.asarray(np.interp(total, (total.min(), total.max()), (0, 255)), np.uint8)


def _blank(rows: int, cols: int, rng: Rng) -> Grey:
    page = np.full((rows, cols), int(rng.integers(0, 256)), np.uint8)
    page[0, 0] = 255 - page[0, 0]
    if rng.random() < 0.5:
        words = "".join(rng.choice(_LETTERS, 8))
        at = (int(rng.uniform(0, 0.5) * cols), int(rng.uniform(0.1, 0.95) * rows))
        cv2.putText(page, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255 - int(page[1, 1]), 1)
    return page


def _code(rows: int, cols: int, rng: Rng) -> Grey:
    cell = int(rng.integers(4, 14))
    side = min(rows, cols) // cell
    squares = (rng.random((side, side)) < 0.5).astype(np.uint8) * 255
    return np.ascontiguousarray(squares.repeat(cell, 0).repeat(cell, 1))


_DRAWINGS: tuple[Callable[[int, int, Rng], Grey], ...] = (
    _page, _boxes, _chart, _window, _noise, _gradient, _clouds, _blank, _code,
)  # fmt: skip


def drawn_radiographs(count: int, rng: Rng) -> Iterator[GatePicture]:
    """Draw limbs, hands and ribs the way rays add up; they look like films of other parts."""
    for number in range(count):
        rows, cols = (int(v) for v in rng.integers(170, 257, 2))
        film = np.zeros((rows, cols), np.float32)
        kind = number % 3
        if kind == 0:
            _add_limb(film, rng)
        elif kind == 1:
            _add_hand(film, rng)
        else:
            _add_chest(film, rng)
        soft = np.asarray(cv2.GaussianBlur(film, (0, 0), float(rng.uniform(0.8, 2.0))))
        grainy = soft + rng.normal(0, 0.015, film.shape)
        pixels = np.interp(grainy, (grainy.min(), grainy.max()), (0, 255)).astype(np.uint8)
        yield GatePicture(
            pixels, ImageKind.OTHER_RADIOGRAPH, "drawn_radiograph",
            f"drawn_radiograph/{number}", is_made=True,
        )  # fmt: skip


def _add_bone(film: np.ndarray, a: np.ndarray, b: np.ndarray, width: float, grey: float) -> None:
    """Add a shaft with a bright cortex and thick ends."""
    ends = [tuple(int(v) for v in p) for p in (a, b)]
    layer = np.zeros_like(film)
    cv2.line(layer, ends[0], ends[1], 1.0, max(1, int(width)))
    for end in ends:
        cv2.circle(layer, end, max(1, int(width * 0.75)), 1.0, -1)
    inside = cv2.GaussianBlur(layer, (0, 0), max(0.6, width / 5))
    film += np.asarray(grey * (layer * (1.25 - 0.7 * inside)), np.float32)


def _add_limb(film: np.ndarray, rng: Rng) -> None:
    rows, cols = film.shape
    start = np.array([cols * rng.uniform(0.35, 0.65), -rows * 0.1])
    end = np.array([cols * rng.uniform(0.35, 0.65), rows * 1.1])
    cv2.line(film, tuple(map(int, start)), tuple(map(int, end)), 0.35, int(cols * 0.55))
    joint = start + (end - start) * rng.uniform(0.3, 0.7)
    for shift in (0.0, cols * rng.uniform(0.08, 0.16)):
        aside = np.array([shift, 0.0])
        width = cols * rng.uniform(0.07, 0.15)
        _add_bone(film, start + aside, joint + aside - [0, 6], width, 0.5)
        _add_bone(film, joint + aside + [0, 6], end + aside, width * 0.9, 0.5)


def _add_hand(film: np.ndarray, rng: Rng) -> None:
    rows, cols = film.shape
    palm = np.array([cols / 2, rows * 0.72])
    cv2.ellipse(film, (int(palm[0]), int(palm[1])), (cols // 4, rows // 5), 0, 0, 360, 0.3, -1)
    for finger in range(5):
        direction = np.deg2rad(-90 + (finger - 2) * rng.uniform(14, 20))
        step = np.array([np.cos(direction), np.sin(direction)])
        place = palm + step * rows * 0.1
        tip = palm + step * rows * rng.uniform(0.52, 0.62)
        cv2.line(film, tuple(map(int, place)), tuple(map(int, tip)), 0.3, int(cols * 0.09))
        for length in (0.17, 0.13, 0.09, 0.07):
            then = place + step * rows * length
            _add_bone(film, place + step * 3, then - step * 3, cols * 0.028, 0.5)
            place = then
    for _ in range(7):
        at = palm + rng.normal(0, rows * 0.04, 2) + [0, rows * 0.05]
        cv2.circle(film, tuple(map(int, at)), int(rows * 0.035), 0.8, -1)


def _add_chest(film: np.ndarray, rng: Rng) -> None:
    rows, cols = film.shape
    film += np.float32(0.55)
    for side in (-1, 1):
        centre = (int(cols * (0.5 + side * 0.21)), int(rows * 0.48))
        axes = (int(cols * 0.17), int(rows * 0.36))
        cv2.ellipse(film, centre, axes, side * 8, 0, 360, 0.15, -1)
    heart = (int(cols * 0.55), int(rows * 0.62))
    cv2.ellipse(film, heart, (int(cols * 0.16), int(rows * 0.17)), 30, 0, 360, 0.75, -1)
    spine = np.zeros_like(film)
    cv2.line(spine, (cols // 2, 0), (cols // 2, rows), 0.2, int(cols * 0.1))
    for rib in range(9):
        y = int(rows * (0.12 + 0.085 * rib))
        for side in (-1, 1):
            centre = (int(cols * (0.5 + side * 0.2)), y)
            axes = (int(cols * 0.2), int(rows * 0.09))
            cv2.ellipse(spine, centre, axes, side * 20, 180, 360, 0.2, max(2, rows // 50))
    film += spine


def turned(own: Sequence[GatePicture], count: int, rng: Rng) -> Iterator[GatePicture]:
    """Turn films and MR a quarter or upside down: as they stand they cannot be analysed."""
    kinds = {
        ImageKind.LATERAL_FILM: (ImageKind.OTHER_RADIOGRAPH, (1, 2, 3)),
        ImageKind.LATERAL_WHOLE_SPINE: (ImageKind.OTHER_RADIOGRAPH, (1, 2, 3)),
        ImageKind.SPINE_MR: (ImageKind.OTHER_MR, (1, 3)),
    }
    for kind, (becomes, turns) in kinds.items():
        members = [picture for picture in own if picture.kind is kind]
        for index in rng.integers(0, len(members), count):
            one = members[index]
            pixels = np.ascontiguousarray(np.rot90(one.pixels, int(rng.choice(turns))))
            yield GatePicture(pixels, becomes, f"{one.source}_turned", one.group, is_made=True)


def beside_the_column(own: Sequence[GatePicture], count: int, rng: Rng) -> Iterator[GatePicture]:
    """Cut jaws, skulls, bellies and backs out of films and MR, where no column is seen."""
    kinds = {
        ImageKind.LATERAL_FILM: ImageKind.OTHER_RADIOGRAPH,
        ImageKind.SPINE_MR: ImageKind.OTHER_MR,
    }
    for kind, becomes in kinds.items():
        members = [picture for picture in own if picture.kind is kind]
        for index in rng.integers(0, len(members), count):
            one = members[index]
            cut = _cut_beside(one, rng)
            if cut is not None:
                yield GatePicture(cut, becomes, f"{one.source}_beside", one.group, is_made=True)


def _cut_beside(one: GatePicture, rng: Rng) -> Grey | None:
    rows, cols = one.pixels.shape
    assert one.keep is not None
    top, left, _, right = one.keep
    # On MR the column wanders inside its band, so more is left out there.
    spare = 0.1 if one.kind is ImageKind.SPINE_MR else 0.02
    bands = [
        (0, rows, 0, int((left - spare) * cols)),
        (0, rows, int((right + spare) * cols), cols),
    ]
    if one.kind is ImageKind.LATERAL_FILM:
        bands.append((0, int((top - 0.02) * rows), 0, cols))
    wide = [band for band in bands if band[1] - band[0] > 60 and band[3] - band[2] > 60]
    if not wide:
        return None
    y0, y1, x0, x1 = wide[int(rng.integers(len(wide)))]
    high = int(rng.uniform(0.5, 1) * (y1 - y0))
    start = int(rng.integers(y0, y1 - high + 1))
    cut = one.pixels[start : start + high, x0:x1]
    return np.ascontiguousarray(cut) if np.ptp(cut) > 40 else None
