"""The corrections of one picture with all their past, and what of them is on the disk."""

from __future__ import annotations

from spinealign.domain.findings import Analysis, Corrections
from spinealign.measure.correction.bare import has_bodies_of, with_bodies_of
from spinealign.measure.correction.history import History
from spinealign.ui.cases.jobs import Finding


class CaseEdits:
    """The corrections of one image as one examination, with all their past.

    `kept` is the state on disk, None where that is another one, `to_write` what goes there as
    soon as it can, `on_its_way` the states that are being written, the latest last; `has_failed`
    says that the last try to write did. `marks` tells the corrections that were read from the disk
    from those of another window. `found` holds what the program found, whichever way the picture
    stood, this time first: none of it is a person's own.
    """

    def __init__(self, finding: Finding) -> None:
        from spinealign.measure.correction.corrected import initial_corrections

        self.image_path = finding.analysis.image.source_path
        self.first = initial_corrections(finding.analysis)
        self.found: list[Corrections] = [self.first]
        self.kept: Corrections | None = finding.analysis.corrections or self.first
        self.history: History[Corrections] = History(self.kept)
        self.to_write: Analysis | None = None
        self.has_failed = False
        self.on_its_way: list[Corrections] = []
        self.marks = finding.marks

    @property
    def present(self) -> Corrections:
        """What is wanted now."""
        return self.history.state

    @property
    def is_unsaved(self) -> bool:
        """Whether the present state is not on disk."""
        return self.present != self.kept

    @property
    def has_own_bodies(self) -> bool:
        """Whether a person changed what the program found of the bodies.

        What was found before the picture was turned stands in the state after it until the
        analysis ends: of a refused picture that is no body at all.
        """
        return not any(has_bodies_of(self.present, found) for found in self.found)

    def take_over(self, before: CaseEdits, looked_deg: float) -> None:
        """Go on from the changes before a turn; every state of it gets what was found now.

        Parameters
        ----------
        before : CaseEdits
            Of the same picture.
        looked_deg : float
            The turn with which the networks saw the picture now.
        """
        self.history, self.marks = before.history, before.marks

        def of_now(state: Corrections) -> Corrections:
            is_old = any(has_bodies_of(state, found) for found in before.found)
            is_now = state.presentation.analysed_deg == looked_deg
            return with_bodies_of(state, self.first) if is_now and is_old else state

        self.history.revise(of_now)
        self.found += [found for found in before.found if found not in self.found]
