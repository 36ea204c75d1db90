"""Where a window keeps corrections and readings, and which of them it wrote itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from spinealign.domain.findings import Analysis
from spinealign.domain.study import ImageSource

if TYPE_CHECKING:
    from spinealign.vault.kept_result import KeptResult


class SaveCorrections(Protocol):
    """Writes what a person corrected on a picture."""

    def __call__(
        self,
        analysis: Analysis,
        known: frozenset[str] | None = None,
        keeps_other: bool = False,
    ) -> Path:
        """Return the file written.

        Parameters
        ----------
        analysis : Analysis
        known : frozenset of str, optional
            Marks of what this window read there (`corrections_marks`); what it wrote itself is
            known anyway. None does not look whether another window wrote.
        keeps_other : bool
            Whether what another window wrote is moved aside and not counted any more.

        Raises
        ------
        CorrectionsError
            Another window wrote there since; its file stays as it is.
        """


@dataclass
class Profile:
    """Where readings, and corrections that cannot lie beside their image, are kept.

    Parameters
    ----------
    folder : Path or None
        The profile; None is the user's own.
    kept : Path or None
        With accounts an encrypted folder in its place.
    """

    folder: Path | None
    kept: Path | None = None
    kept_result_of: Callable[[ImageSource], KeptResult | None] | None = None
    """Finds the result that the archive keeps of what is opened; None while there is none."""

    own_marks: set[str] = field(default_factory=set)
    """Of corrections that this window wrote."""

    @property
    def readings(self) -> Path | None:
        """The folder that is in use."""
        return self.kept or self.folder

    def take_results_from(self, find: Callable[[ImageSource], KeptResult | None] | None) -> None:
        """Let an archive say which results it keeps; None for no archive."""
        self.kept_result_of = find

    def kept_result(self, source: ImageSource) -> KeptResult | None:
        """Return the result that the archive keeps of what is opened, if any."""
        return None if self.kept_result_of is None else self.kept_result_of(source)

    def keep_in(self, folder: Path | None) -> None:
        """Keep them in an encrypted folder from now on; None for the profile."""
        self.kept = folder
