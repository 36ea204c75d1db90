"""The audit in front of every training on a user's own data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from spinealign.data_audit import AuditOptions, AuditStep, audit
from spinealign.data_audit.looking import kept_file
from spinealign.data_audit.writing import CACHE, SPLIT, usual_folder, write_audit
from spinealign.domain.errors import CondemnedDataError
from spinealign.training.own.about import Judgement
from spinealign.training.own.pictures import PictureSet
from spinealign.training.own.results import write_table
from spinealign.training.progress import Progress
from spinealign.wording import training as words
from spinealign.wording.data_audit import STAGE_WORDS, verdict_text

AUDIT = "audit"
"""Folder below the working folder with the audit's report."""

SEEN = "seen"
"""Folder below that one with what the audit saw of each file."""

Auditor = Callable[[PictureSet, set[str], Path, str, Sequence[Path]], Judgement]
"""Takes pictures, names of those held out, the working folder, the user's reason, and folders of
what earlier audits saw."""


def earlier_audits(data: Path, split: Path | None) -> tuple[Path, ...]:
    """Return where the command `audit` kept what it saw of a data set, if it was run.

    That is beside the split.csv that is trained by, or where the command writes by itself.

    Parameters
    ----------
    data : Path
    split : Path or None
        See `jobs.OwnJob`.
    """
    beside = [path.parent for path in (split, data) if path is not None and path.name == SPLIT]
    folders = [*beside, usual_folder(data)]
    return tuple(folder / CACHE for folder in folders if (folder / CACHE).is_dir())


def audited(
    found: PictureSet, held: set[str], work: Path, although: str, earlier: Sequence[Path] = ()
) -> Judgement:
    """Audit the pictures with the split that is about to be used, and return what it says.

    Parameters
    ----------
    found : PictureSet
    held : set of str
        Names of the pictures that no training sees.
    work : Path
        The report goes to its folder "audit".
    although : str
        Why the training is to go on whatever the audit says; empty for no reason.
    earlier : sequence of Path
        What other audits saw; it is not looked at again.

    Raises
    ------
    CondemnedDataError
        The audit condemns the data or the split, and no reason was given.
    """
    place = work / AUDIT
    place.mkdir(parents=True, exist_ok=True)
    listed = place / "list.csv"
    rows = [
        {
            "path": str(picture.path.resolve()),
            "label": picture.label,
            "patient": picture.patient if found.has_patients else "",
            "part": "" if not held else ("val" if picture.name in held else "train"),
        }
        for picture in found.pictures
    ]
    write_table(listed, ["path", "label", "patient", "part"], rows)
    seen = sum(any(kept_file(e, p.sha256).is_file() for e in earlier) for p in found.pictures)
    if seen:
        print(words.seen_before(seen, len(found.pictures)), flush=True)
    outcome = audit(listed, AuditOptions(cache=place / SEEN, earlier=tuple(earlier)), _Told())
    write_audit(outcome, place)
    verdict = verdict_text(outcome.audit)
    if outcome.verdict.is_condemned and not although:
        raise CondemnedDataError(words.audit_condemns(verdict, place))
    print(words.audit_text(verdict, place), flush=True)
    return Judgement(verdict, outcome.verdict.is_condemned)


class _Told:
    """Tells the steps of an audit, a line every few seconds."""

    def __init__(self) -> None:
        self._stage = ""
        self._tell: Progress | None = None

    def __call__(self, step: AuditStep) -> None:
        if step.stage.value != self._stage:
            self._stage = step.stage.value
            self._tell = Progress(f"audit: {STAGE_WORDS[self._stage].lower()}", "step")
        if self._tell is not None and step.total:
            self._tell(step.done, step.total)
