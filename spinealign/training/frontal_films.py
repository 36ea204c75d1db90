"""Frontal films of the spine: corners, patients, parts, and what is wrong with the points.

Points are (x, y) float64 in image pixels, pixel ``i`` spanning ``i`` to ``i + 1``. Left and right
are those of the picture.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import DataSetError
from spinealign.domain.image import SpineImage
from spinealign.frontal import FRONTAL_LEVELS
from spinealign.training.dataset import read_grey

FOLDER = "xray_spine_ap"

FOLDS = 4
"""Folds of the development part."""

HELD_OUT = "held out"
"""Patients that are for reporting only: no training, no choice of a setting."""

TRAINING_ONLY = "training only"
"""Patients who are never judged: their number is not known, or they are the same as such a one."""

_HELD_OUT_PERCENT = 15

_SAME_PATIENT = (
    ("77", "141"), ("78", "153"), ("79", "157"), ("238", "239"),
    ("48", "coronal12"), ("5", "coronal8"), ("35", "coronal9"), ("1", "coronal4"),
)  # fmt: skip
"""Numbers under which one and the same film is stored, found by correlation and looked at."""

_BETWEEN_BODIES = frozenset(["ap_029"])
"""Films whose points mark discs as bodies on a part of the column, as one saw on the picture."""

_NAMES_MOVED = {
    "ap_034": 3, "ap_083": -2, "ap_480": 3,
    **dict.fromkeys(
        (
            "ap_013", "ap_022", "ap_033", "ap_039", "ap_056", "ap_065", "ap_067", "ap_073",
            "ap_076", "ap_081", "ap_082", "ap_086", "ap_090", "ap_091", "ap_093", "ap_107",
            "ap_143", "ap_152", "ap_155", "ap_156", "ap_162", "ap_175", "ap_176", "ap_177",
            "ap_180", "ap_181", "ap_182", "ap_183", "ap_194", "ap_215", "ap_249", "ap_250",
            "ap_251",
        ),
        -1,
    ),
}  # fmt: skip
"""Levels by which the names of a film have to be moved down: bodies marked as lumbar lie in the
sacrum (1 or more), or a lumbar body below the last one has no marks (-1 or less).

Seen by one who is no radiologist, by first and last ribs and the sacrum, on the films where a
network's names differ; what was not plain is not here (docs/design/frontal-spine.md).
"""

_ENDS = ("tl", "tr", "br", "bl")
_NUMBER = re.compile(r"-(\d+|coronal\d+) ?(?:[A-Z]\b.*)?$")

_LEAST_STEP = 0.35
"""Bodies nearer to the one above than this share of the usual distance are no bodies."""

_WIDTH_CHANGE, _HEIGHT_CHANGE, _TILT_CHANGE_DEG = 1.55, 2.0, 32.0
"""From which change against both neighbours on a body's points are doubtful."""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrontalFilm:
    """A frontal film with the corners of its bodies.

    Parameters
    ----------
    name : str
    patient : str
        The same for all films of a patient.
    pixels : ndarray of uint8, shape (H, W)
    levels : tuple of str
        From the top down, of `FRONTAL_LEVELS`.
    corners : ndarray of float64, shape (n, 4, 2)
        Superior left, superior right, inferior right, inferior left.
    doubtful : frozenset of str
        Levels whose corners cannot be right.
    is_complete : bool
        All 17 bodies were marked; otherwise names may be off by one or more.
    published_deg : tuple of float
        The data set's three angles; computed from the points as they were stored.
    repairs : tuple of str
        What was changed about the points, in words.
    """

    name: str
    patient: str
    pixels: NDArray[np.uint8]
    levels: tuple[str, ...]
    corners: Points
    doubtful: frozenset[str] = frozenset()
    is_complete: bool = True
    published_deg: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    repairs: tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """`HELD_OUT`, `TRAINING_ONLY`, or the fold's number as text."""
        return part_of(self.patient)

    @property
    def is_usable(self) -> bool:
        """Whether bodies and names are right but for at most one body."""
        is_right = self.is_complete and self.name not in _BETWEEN_BODIES
        return is_right and len(self.doubtful) <= 1

    @property
    def pitch_px(self) -> float:
        """Mean distance of neighbouring bodies' centres, in pixels."""
        return float(pitches(self.corners).mean())


def load_frontal(folder: Path, names: Sequence[str] | None = None) -> list[FrontalFilm]:
    """Load ``images/*.webp`` and ``landmarks.csv``, with broken points repaired or marked.

    Parameters
    ----------
    names : sequence of str, optional
        Only these films.

    Raises
    ------
    DataSetError
        There is no table of points.
    """
    return [
        frontal_film(row, read_grey(folder / "images" / f"{row['name']}.webp"))
        for row in table(folder)
        if names is None or row["name"] in names
    ]


def table(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of ``landmarks.csv``.

    Raises
    ------
    DataSetError
        There is none.
    """
    path = folder / "landmarks.csv"
    if not path.is_file():
        raise DataSetError(f"{folder} has no landmarks.csv")
    with path.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


def frontal_film(row: Mapping[str, str], pixels: NDArray[np.uint8]) -> FrontalFilm:
    """Turn a row of the table into a film."""
    corners, repairs = in_order(stored_corners(row))
    kept = _real_bodies(corners)
    if not kept.all():
        repairs = (*repairs, f"{int((~kept).sum())} bodies that repeat others left out")
    # Readers who lacked a body repeated the last one: the names count from T1.
    levels = FRONTAL_LEVELS[: int(kept.sum())]
    film = FrontalFilm(
        row["name"], patient_of(row["source_name"]), pixels, levels, corners[kept],
        is_complete=bool(kept.all()), published_deg=_published(row), repairs=repairs,
    )  # fmt: skip
    return replace(film, doubtful=frozenset(doubtful_levels(film)))


def stored_corners(row: Mapping[str, str]) -> Points:
    """Return a row's points as they are stored, (17, 4, 2)."""
    values = [
        [[float(row[f"{level}_{end}_{axis}"]) for axis in ("x", "y")] for end in _ENDS]
        for level in FRONTAL_LEVELS
    ]
    return np.array(values)


def _published(row: Mapping[str, str]) -> tuple[float, float, float]:
    one, two, three = (float(row.get(f"cobb_{n}_deg") or "nan") for n in (1, 2, 3))
    return one, two, three


def in_order(corners: Points) -> tuple[Points, tuple[str, ...]]:
    """Move endplates that were stored behind the last one, but lie above the first, to the front.

    On 17 films the points begin at T2 and end with T1; on two of them, whose last body was
    stored upside down, and on another it is turned.
    """
    plates = np.concatenate([corners[:, :2], corners[:, (3, 2)]], axis=1).reshape(-1, 2, 2)
    heights = plates[:, :, 1].mean(axis=1)
    above = 0
    while above < len(plates) // 2 and heights[-1 - above] < heights[0]:
        above += 1
    repairs: tuple[str, ...] = ()
    if above:
        corners = np.roll(plates, above, axis=0).reshape(-1, 4, 2)[:, (0, 1, 3, 2)]
        repairs = (f"{above} endplates moved from the end to the top",)
    is_turned = corners[:, :2, 1].mean(axis=1) > corners[:, 2:, 1].mean(axis=1)
    if is_turned.any():
        repairs = (*repairs, f"{int(is_turned.sum())} bodies turned right side up")
        corners = np.where(is_turned[:, None, None], corners[:, ::-1], corners)
    return corners, repairs


def _real_bodies(corners: Points) -> NDArray[np.bool_]:
    steps = np.diff(corners.mean(axis=1)[:, 1])
    usual = float(np.median(steps))
    return np.concatenate([[True], steps > _LEAST_STEP * usual])


def doubtful_levels(film: FrontalFilm) -> Iterator[str]:
    """Yield levels whose corners do not fit those of their neighbours, or make no body."""
    width, height, tilt = _shape(film.corners)
    for place, level in enumerate(film.levels):
        near = [n for n in (place - 2, place - 1, place + 1, place + 2) if 0 <= n < len(width)]
        is_off = (
            _change(width[place], width[near]) > _WIDTH_CHANGE
            or _change(height[place], height[near]) > _HEIGHT_CHANGE
            or float(np.abs(tilt[near] - tilt[place]).min()) > _TILT_CHANGE_DEG
        )
        if is_off or not _is_convex(film.corners[place]):
            yield level


def _shape(corners: Points) -> tuple[Points, Points, Points]:
    """Return width, height and tilt in degrees of each body, (n,) each."""
    across = (corners[:, 1] + corners[:, 2] - corners[:, 0] - corners[:, 3]) / 2
    down = (corners[:, 2] + corners[:, 3] - corners[:, 0] - corners[:, 1]) / 2
    tilt = np.degrees(np.arctan2(across[:, 1], across[:, 0]))
    return np.linalg.norm(across, axis=1), np.linalg.norm(down, axis=1), np.asarray(tilt)


def _change(value: float, near: Points) -> float:
    """Return the least factor by which a value differs from its neighbours'."""
    ratios = value / np.maximum(near, 1e-6)
    return float(np.maximum(ratios, 1 / np.maximum(ratios, 1e-6)).min())


def _is_convex(corners: Points) -> bool:
    sides = np.roll(corners, -1, axis=0) - corners
    following = np.roll(sides, -1, axis=0)
    return bool((sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0] > 0).all())


def pitches(corners: Points) -> Points:
    """Return the distances of neighbouring bodies' centres, (n - 1,)."""
    return np.asarray(np.linalg.norm(np.diff(corners.mean(axis=1), axis=0), axis=1))


def patient_of(source_name: str) -> str:
    """Return the patient's number in a film's source name; numbers of one patient are joined."""
    found = _NUMBER.search(source_name)
    number = found.group(1) if found else source_name
    for first, *others in _SAME_PATIENT:
        if number in others:
            return first
    return number


def part_of(patient: str) -> str:
    """Return the part that a patient belongs to, the same one every time."""
    if not patient.isdigit() or any(
        patient == first and not other.isdigit() for first, other in _SAME_PATIENT
    ):
        return TRAINING_ONLY
    drawn = int(hashlib.sha256(f"frontal {patient}".encode()).hexdigest(), 16)
    if drawn % 100 < _HELD_OUT_PERCENT:
        return HELD_OUT
    return str(drawn // 100 % FOLDS)


def image_of(film: FrontalFilm) -> SpineImage:
    """Return a film as the program opens it."""
    return SpineImage(film.pixels.astype(np.float32), 8, Path(film.name), "0" * 64)


def as_seen(film: FrontalFilm) -> FrontalFilm:
    """Return a film whose bodies have the names that the picture shows, as far as that is plain.

    What was marked below L5 or above T1 is left out, so that such a film has fewer than 17
    bodies. The challenge's angles are those of all that was marked: they need the film itself.
    """
    moved = _NAMES_MOVED.get(film.name, 0)
    if not moved:
        return film
    numbers = [FRONTAL_LEVELS.index(level) + moved for level in film.levels]
    kept = [place for place, number in enumerate(numbers) if 0 <= number < len(FRONTAL_LEVELS)]
    name_of = {film.levels[place]: FRONTAL_LEVELS[numbers[place]] for place in kept}
    return replace(
        film, levels=tuple(name_of.values()), corners=film.corners[kept],
        doubtful=frozenset(name_of[level] for level in film.doubtful if level in name_of),
        repairs=(*film.repairs, f"names moved by {moved:+d} levels"),
    )  # fmt: skip


def training_films(films: Sequence[FrontalFilm], left_out: Sequence[str]) -> list[FrontalFilm]:
    """Return the usable films of all parts but those that are left out, named as they show."""
    return [as_seen(film) for film in films if film.is_usable and film.part not in left_out]


def cut_film(film: FrontalFilm, first: str, last: str, margin: float = 0.7) -> FrontalFilm:
    """Cut a film above one level and below another, as a film of a part of the spine is.

    Parameters
    ----------
    margin : float
        Room above and below, in distances of neighbouring bodies: at most so much of the
        next body is shown.
    """
    kept = FRONTAL_LEVELS[FRONTAL_LEVELS.index(first) : FRONTAL_LEVELS.index(last) + 1]
    places = [place for place, level in enumerate(film.levels) if level in kept]
    corners = film.corners[places]
    room = margin * float(pitches(corners).mean())
    top = max(0, int(corners[0, :2, 1].min() - room))
    bottom = min(film.pixels.shape[0], int(np.ceil(corners[-1, 2:, 1].max() + room)))
    levels = tuple(film.levels[place] for place in places)
    return replace(
        film, pixels=np.ascontiguousarray(film.pixels[top:bottom]), levels=levels,
        corners=corners - [0, top], doubtful=film.doubtful & set(levels),
    )  # fmt: skip
