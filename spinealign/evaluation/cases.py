"""What a model answered on cases whose truth is known, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.errors import AnswersError


@dataclass(frozen=True, eq=False)
class ClassifiedCases:
    """Answers of a classifier, one row a picture.

    Parameters
    ----------
    images, patients : tuple of str
        One a picture.
    classes : tuple of str
        In the order of the columns of `probabilities`; of two, the last one is positive.
    truth : (n,) int64
        Index of the true class.
    probabilities : (n, c) float64 or None
        Sum 1 a row; None where only decisions are known.
    decided : (n,) int64 or None
        Index of the class that the other program decided for; None where probabilities decide.
    groups : mapping of str to tuple of str
        Further columns, such as the source; one value a picture, empty where unknown.
    knows_patients : bool
        False where every picture had to be taken for a patient of its own.
    is_ordinal : bool
        Whether the classes are grades in their order.
    """

    images: tuple[str, ...]
    patients: tuple[str, ...]
    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None
    decided: NDArray[np.int64] | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    knows_patients: bool = True
    is_ordinal: bool = False

    def __post_init__(self) -> None:
        if self.probabilities is None and self.decided is None:
            raise AnswersError("answers need probabilities or decisions")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes."""
        return len(self.classes) == 2

    @property
    def positive(self) -> NDArray[np.float64] | None:
        """Probability (n,) of the positive class of two."""
        return None if self.probabilities is None else self.probabilities[:, -1]

    def decisions(self, threshold: float | None) -> NDArray[np.int64]:
        """Return the class decided for (n,): by a threshold on the positive one, or the likeliest.

        What another program decided counts unless a threshold is given.
        """
        if self.decided is not None and threshold is None:
            return self.decided
        assert self.probabilities is not None
        if self.is_binary:
            least = 0.5 if threshold is None else threshold
            return (self.probabilities[:, -1] >= least).astype(np.int64)
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    def only(self, places: NDArray[np.intp]) -> ClassifiedCases:
        """Return some of the cases."""
        return replace(
            self,
            images=tuple(self.images[k] for k in places),
            patients=tuple(self.patients[k] for k in places),
            truth=self.truth[places],
            probabilities=None if self.probabilities is None else self.probabilities[places],
            decided=None if self.decided is None else self.decided[places],
            groups={name: tuple(values[k] for k in places) for name, values in self.groups.items()},
        )


@dataclass(frozen=True, eq=False)
class MeasuredCases:
    """Two series of numbers of the same things: what is true, and what was measured.

    Parameters
    ----------
    images, patients : tuple of str
    truth, measured : (n,) float64
    unit : str
        Of both, such as ``deg`` or ``mm``.
    groups : mapping of str to tuple of str
    knows_patients : bool
    """

    images: tuple[str, ...]
    patients: tuple[str, ...]
    truth: NDArray[np.float64]
    measured: NDArray[np.float64]
    unit: str = ""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    knows_patients: bool = True

    def __len__(self) -> int:
        return len(self.images)

    def only(self, places: NDArray[np.intp]) -> MeasuredCases:
        """Return some of the cases."""
        return replace(
            self,
            images=tuple(self.images[k] for k in places),
            patients=tuple(self.patients[k] for k in places),
            truth=self.truth[places],
            measured=self.measured[places],
            groups={name: tuple(values[k] for k in places) for name, values in self.groups.items()},
        )


@dataclass(frozen=True, eq=False)
class OutlinedCases:
    """Outlines of pictures whose true outlines are known.

    Parameters
    ----------
    images, patients : tuple of str
    classes : tuple of str
        Without the background.
    rows : tuple
        Of each picture, by class, its figures (`overlaps.overlap`).
    unit : str
        Of distances.
    groups : mapping of str to tuple of str
    knows_patients : bool
    """

    images: tuple[str, ...]
    patients: tuple[str, ...]
    classes: tuple[str, ...]
    rows: tuple[Mapping[str, Mapping[str, float]], ...]
    unit: str = "px"
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    knows_patients: bool = True

    def __len__(self) -> int:
        return len(self.images)

    def only(self, places: NDArray[np.intp]) -> OutlinedCases:
        """Return some of the cases."""
        return replace(
            self,
            images=tuple(self.images[k] for k in places),
            patients=tuple(self.patients[k] for k in places),
            rows=tuple(self.rows[k] for k in places),
            groups={name: tuple(values[k] for k in places) for name, values in self.groups.items()},
        )


@dataclass(frozen=True, eq=False)
class LabelledCases:
    """Several findings of pictures, each there, absent or unknown.

    Parameters
    ----------
    images, patients : tuple of str
    classes : tuple of str
        The findings, in the order of the columns.
    truth : (n, c) float64
        1 there, 0 absent, NaN unknown.
    probabilities : (n, c) float64
        That each is there.
    thresholds : tuple of float
        One a finding.
    groups : mapping of str to tuple of str
    knows_patients : bool
    """

    images: tuple[str, ...]
    patients: tuple[str, ...]
    classes: tuple[str, ...]
    truth: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    thresholds: tuple[float, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    knows_patients: bool = True

    def __len__(self) -> int:
        return len(self.images)

    def of_label(self, place: int) -> ClassifiedCases:
        """Return the pictures of which one finding is known; it is the positive class."""
        known = np.flatnonzero(~np.isnan(self.truth[:, place]))
        p = self.probabilities[known, place]
        return ClassifiedCases(
            tuple(self.images[k] for k in known),
            tuple(self.patients[k] for k in known),
            (f"no {self.classes[place]}", self.classes[place]),
            self.truth[known, place].astype(np.int64),
            np.stack([1 - p, p], axis=1),
            knows_patients=self.knows_patients,
        )

    def only(self, places: NDArray[np.intp]) -> LabelledCases:
        """Return some of the cases."""
        return replace(
            self,
            images=tuple(self.images[k] for k in places),
            patients=tuple(self.patients[k] for k in places),
            truth=self.truth[places],
            probabilities=self.probabilities[places],
            groups={name: tuple(values[k] for k in places) for name, values in self.groups.items()},
        )


Cases = LabelledCases | ClassifiedCases | MeasuredCases | OutlinedCases


def numbered(names: Sequence[str]) -> NDArray[np.int64]:
    """Return an index (n,) of equal names, from 0 in the order of their first appearance."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64)
