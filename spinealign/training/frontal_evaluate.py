"""Held-out figures of frontal films: bodies, corners, names and the challenge's angles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spinealign.domain.image import SpineImage
from spinealign.frontal import FRONTAL_LEVELS, FrontalSpine
from spinealign.measure.geometry.challenge_cobb import challenge_cobb
from spinealign.training.evaluate import Figure, bootstrap
from spinealign.training.frontal_films import FrontalFilm, as_seen, pitches

SEVERITIES = (
    ("below 10", 0.0, 10.0), ("10 to 25", 10.0, 25.0), ("25 to 45", 25.0, 45.0),
    ("above 45", 45.0, 180.0),
)  # fmt: skip
"""Largest angle of the film, in degrees."""

MATCHED = 0.5
"""A found body is the reader's whose centre lies within this share of the bodies' distance."""

_FEWEST = 3

Finder = Callable[[SpineImage], FrontalSpine]
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FrontalScore:
    """How one film went.

    Parameters
    ----------
    outlined, found, named : int
        Bodies of the reader; of these found; of these under the reader's name.
    strays : int
        Bodies found where the reader has none.
    corner_errors : tuple of float
        In the film's mean body height.
    truth_deg, answer_deg : tuple of float
        The challenge's three angles of the reader's corners and of the bodies found; NaN where
        fewer than three bodies were found.
    ends_off : int
        Levels by which the worse of both end vertebrae of the largest angle is off; the
        number of levels there are where it was not found.
    published_deg : tuple of float
        The data set's own three angles; on a few films they come from points out of order.
    seen, named_as_seen : int
        Bodies of the reader that are T1 to L5 by what the film shows (`frontal_films.as_seen`);
        of these found under that name.
    """

    name: str
    patient: str
    outlined: int
    found: int
    named: int
    strays: int
    corner_errors: tuple[float, ...]
    truth_deg: tuple[float, float, float]
    answer_deg: tuple[float, float, float]
    ends_off: int
    published_deg: tuple[float, float, float]
    seconds: float = 0.0
    seen: int = 0
    named_as_seen: int = 0


def score_film(film: FrontalFilm, spine: FrontalSpine, seconds: float = 0.0) -> FrontalScore:
    """Compare what the program found on a film with the reader's corners."""
    levels = [level for level in film.levels if level not in film.doubtful]
    truth = {level: film.corners[film.levels.index(level)] for level in film.levels}
    answers = np.array([body.corners for body in spine.bodies]).reshape(-1, 4, 2)
    pairs = matched(film, answers.mean(axis=1))
    height = mean_height(film.corners)
    errors = [
        float(e) / height
        for level in levels
        if level in pairs
        for e in np.linalg.norm(spine.bodies[pairs[level]].corners - truth[level], axis=1)
    ]
    reader, reader_ends = _angles(film.corners, film.levels, film.pixels.shape[0])
    answer, ends = _angles(answers, [b.level for b in spine.bodies], film.pixels.shape[0])
    named = _named(spine, pairs)
    seen = as_seen(film)
    return FrontalScore(
        film.name, film.patient, len(film.levels), len(pairs), named,
        len(spine.bodies) - len(pairs), tuple(errors), reader, answer,
        max(abs(a - b) for a, b in zip(reader_ends, ends, strict=True)),
        film.published_deg, seconds,
        len(seen.levels), _named(spine, matched(seen, answers.mean(axis=1))),
    )  # fmt: skip


def _named(spine: FrontalSpine, pairs: Mapping[str, int]) -> int:
    return sum(spine.bodies[place].level == level for level, place in pairs.items())


def matched(film: FrontalFilm, centres: Points) -> dict[str, int]:
    """Return the place of the body found for each level of the reader; nearest pairs first.

    Parameters
    ----------
    film : FrontalFilm
    centres : ndarray of float64, shape (n, 2)
        Of the bodies found, in pixels of the film.
    """
    limit = MATCHED * float(pitches(film.corners).mean())
    gaps = sorted(
        (float(np.linalg.norm(centre - corners.mean(axis=0))), level, place)
        for level, corners in zip(film.levels, film.corners, strict=True)
        for place, centre in enumerate(centres)
    )
    pairs: dict[str, int] = {}
    for gap, level, place in gaps:
        if gap <= limit and level not in pairs and place not in pairs.values():
            pairs[level] = place
    return pairs


def mean_height(corners: Points) -> float:
    """Return the mean height of bodies (n, 4, 2)."""
    down = (corners[:, 2] + corners[:, 3] - corners[:, 0] - corners[:, 1]) / 2
    return float(np.linalg.norm(down, axis=1).mean())


def _angles(
    corners: Points, levels: Sequence[str], height_px: int
) -> tuple[tuple[float, float, float], tuple[int, int]]:
    """Return the challenge's angles, and the numbers of the largest one's end vertebrae."""
    if len(corners) < _FEWEST:
        return (np.nan, np.nan, np.nan), (-len(FRONTAL_LEVELS), -len(FRONTAL_LEVELS))
    cobb = challenge_cobb(corners, height_px)
    upper, lower = (FRONTAL_LEVELS.index(levels[place]) for place in cobb.ends)
    return cobb.angles_deg, (upper, lower)


def by_patient(scores: Sequence[FrontalScore]) -> list[list[FrontalScore]]:
    """Group scores by patient, which is what intervals resample."""
    groups: dict[str, list[FrontalScore]] = defaultdict(list)
    for score in scores:
        groups[score.patient].append(score)
    return list(groups.values())


def errors_deg(scores: Sequence[FrontalScore]) -> Points:
    """Return the absolute errors of the three angles (n, 3); what was not measured counts whole.

    A film on which nothing was found is answered with 0 degrees, as the challenge does.
    """
    truth, answer = _both(scores)
    return np.asarray(np.abs(answer - truth))


def _both(scores: Sequence[FrontalScore]) -> tuple[Points, Points]:
    truth = np.array([s.truth_deg for s in scores]).reshape(-1, 3)
    answer = np.nan_to_num(np.array([s.answer_deg for s in scores]).reshape(-1, 3))
    return truth, answer


def smape_percent(scores: Sequence[FrontalScore], *, is_published: bool = False) -> float:
    """Return the challenge's error: per film, the sum of differences over the sum of both sums.

    Parameters
    ----------
    is_published : bool
        Against the data set's own angles instead of those of the repaired points.

    Notes
    -----
    Source: the AASCE challenge (MICCAI 2019).
    """
    truth, answer = _both(scores)
    if is_published:
        truth = np.array([s.published_deg for s in scores]).reshape(-1, 3)
    share = np.abs(answer - truth).sum(axis=1) / np.maximum((answer + truth).sum(axis=1), 1e-6)
    return float(100 * share.mean())


def figures(scores: Sequence[FrontalScore]) -> dict[str, Figure]:
    """Return figures with intervals by resampling patients."""
    patients = by_patient(scores)

    def over(statistic: Callable[[list[FrontalScore]], float]) -> Figure:
        return bootstrap(patients, lambda draw: statistic([s for one in draw for s in one]))

    row = {
        "largest angle, mean error": over(lambda s: float(errors_deg(s)[:, 0].mean())),
        "largest angle, median error": over(lambda s: float(np.median(errors_deg(s)[:, 0]))),
        "three angles, mean error": over(lambda s: float(errors_deg(s).mean())),
        "SMAPE in per cent": over(smape_percent),
        "end vertebrae within one level": over(_share(lambda s: s.ends_off <= 1)),
        "every body found": over(_share(lambda s: s.found == s.outlined)),
        "every body found and named": over(_share(lambda s: s.named == s.outlined)),
        "every body named as the film shows": over(_share(lambda s: s.named_as_seen == s.seen)),
        "bodies found": over(lambda s: sum(i.found for i in s) / sum(i.outlined for i in s)),
        "bodies named rightly": over(
            lambda s: sum(i.named for i in s) / max(1, sum(i.found for i in s))
        ),
        "films with strays": over(_share(lambda s: s.strays > 0)),
    }
    if any(score.corner_errors for score in scores):
        row["corner error in heights, median"] = over(lambda s: _corner_quantile(s, 0.5))
        row["corner error in heights, 90th percentile"] = over(lambda s: _corner_quantile(s, 0.9))
    if np.isfinite([score.published_deg for score in scores]).all():
        row["SMAPE against published angles"] = over(lambda s: smape_percent(s, is_published=True))
    return row


def _share(holds: Callable[[FrontalScore], bool]) -> Callable[[Sequence[FrontalScore]], float]:
    return lambda scores: float(np.mean([holds(score) for score in scores]))


def _corner_quantile(scores: Sequence[FrontalScore], at: float) -> float:
    errors = [e for score in scores for e in score.corner_errors]
    return float(np.quantile(errors, at)) if errors else float("nan")


def by_severity(scores: Sequence[FrontalScore]) -> dict[str, list[FrontalScore]]:
    """Group films by the reader's largest angle; groups without films are left out."""
    groups = {
        name: [s for s in scores if low <= s.truth_deg[0] < high] for name, low, high in SEVERITIES
    }
    return {name: group for name, group in groups.items() if group}


def as_text(row: Mapping[str, Figure]) -> str:
    """Write a row's figures, one a line."""
    return "\n".join(f"  {name:42} {_told(value)}" for name, value in row.items())


def _told(figure: Figure) -> str:
    """Write a figure with its interval, which a single patient does not have."""
    value, low, high = (
        "-" if figure[name] is None else f"{figure[name]:.3f}" for name in ("value", "low", "high")
    )
    return f"{value} ({low}-{high})"


def bland_altman(scores: Sequence[FrontalScore]) -> bytes:
    """Draw differences of the largest angle against means of reader and program, as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    truth, answer = (values[:, 0] for values in _both(scores))
    away, middle = answer - truth, (answer + truth) / 2
    drawing = Drawing(figsize=(6, 4.5))
    axes = drawing.add_subplot()
    axes.scatter(middle, away, s=12)
    bias, spread = float(away.mean()), float(away.std(ddof=1)) if len(away) > 1 else 0.0
    for level in (bias, bias - 1.96 * spread, bias + 1.96 * spread):
        axes.axhline(level, linewidth=1, linestyle="-" if level == bias else "--")
        axes.annotate(f"{level:.1f}", (float(middle.max()), level))
    axes.set_xlabel("mean of reader and program (degrees)")
    axes.set_ylabel("program less reader (degrees)")
    axes.set_title(f"largest angle, {len(away)} films")
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    rgba = np.asarray(canvas.buffer_rgba())
    _, png = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR))
    return png.tobytes()
