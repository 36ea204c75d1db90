"""Series that were received, analysed one after another; results queued with the same step."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.interrupts import interrupt_of_thread
from spinealign.domain.network import ArrivedSeries, NetworkError, NetworkProblem
from spinealign.files import held_alone
from spinealign.network.inbox import Inbox
from spinealign.network.objects import ObjectHead, parsed_head
from spinealign.network.outbox import Outbox
from spinealign.network.peers import NetworkSettings

Analyse = Callable[[ArrivedSeries, Path], Sequence[Path]]
"""Takes a series and its folder; returns DICOM files of the results that may be sent."""

_IN_USE = "analysing"


@dataclass(frozen=True)
class Analysed:
    """Progress: a series that is done, or why it is not."""

    series: ArrivedSeries
    failure: NetworkError | None = None


def analyse_due(
    inbox: Inbox, outbox: Outbox, settings: NetworkSettings, analyse: Analyse,
    now: Callable[[], float],
) -> Generator[Analysed, None, None]:  # fmt: skip
    """Analyse the series of which nothing more comes, one program at a time.

    Parameters
    ----------
    inbox : Inbox
    outbox : Outbox
        Gets the results, for the peers that the rule names.
    settings : NetworkSettings
    analyse : callable
    now : callable
        Returns seconds since 1970.

    Yields
    ------
    Analysed
        After each series.
    """
    with held_alone(inbox.folder / _IN_USE, interrupt_of_thread()):
        while (series := inbox.begin(now())) is not None:
            failure = None
            try:
                _analyse_one(series, inbox, outbox, settings, analyse)
            except NetworkError as error:
                failure = error
            except SpineAlignError as error:
                detail = type(error).__name__
                failure = NetworkError(NetworkProblem.ANALYSIS_FAILED, detail=detail)
            if failure is not None:
                inbox.fail(series, failure)
            yield Analysed(series, failure)


def _analyse_one(
    series: ArrivedSeries, inbox: Inbox, outbox: Outbox, settings: NetworkSettings,
    analyse: Analyse,
) -> None:  # fmt: skip
    body_part = inbox.body_part_of(series)
    rule = settings.receiver.rule_for(series.calling_title, series.modality, body_part)
    if rule is None or not rule.is_analysed:
        inbox.end(series, (), ())
        return
    source = parsed_head(inbox.files_of(series)[0].read_bytes())
    results = analyse(series, inbox.folder / series.folder)
    if not rule.results_to:
        inbox.end(series, (), ())
        return
    for path in results:
        _require_of_patient(path, source)
    with outbox.in_use():
        inbox.end(series, rule.results_to, [outbox.keep(path) for path in results])


def _require_of_patient(path: Path, source: ObjectHead) -> None:
    """Refuse to send a result that is not of the patient and study that were received."""
    head = parsed_head(path.read_bytes())
    if (head.patient, head.study_uid) != (source.patient, source.study_uid):
        raise NetworkError(NetworkProblem.OTHER_STUDY)
