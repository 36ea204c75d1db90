"""One reading at work: each step is on the disk before it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from spinealign import __version__
from spinealign.domain.errors import ReadingError, ReadingProblem, StoredReadingError
from spinealign.domain.findings import Analysis
from spinealign.domain.reading import (
    AddendumDraft,
    Decision,
    Disagreement,
    Finding,
    FindingDecision,
    FindingValue,
    Joined,
    Reading,
    ReadingStatus,
    ReadModel,
)
from spinealign.reading.decisions import (
    ReadFinding,
    accept_rest,
    acceptable,
    decide,
    following,
    pending,
    read_findings,
    rekeyed,
    renamed_keys,
    require_unsigned,
    unmatched_decisions,
    with_changes_on_picture,
)
from spinealign.reading.findings import FindingPage, findings_of, page_of
from spinealign.reading.impression import (
    disagreement,
    impression_text,
    refilled,
    with_edited_impression,
    with_fresh_impression,
)
from spinealign.reading.merging import has_both_texts, in_order, joined_text, merged
from spinealign.reading.signing import (
    corrections_checksum,
    corrections_of,
    differs_from_signed,
    signed,
    with_addendum,
)
from spinealign.reading.store import ReadingStore, StoredReading, image_of


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ReadingSession:
    """The reading of one picture, from opening it to the signed version and its addenda.

    It belongs to one thread at a time: each call writes to the disk and returns the new reading.
    `faults` says what on the disk is not as it was written, `versions` are the signed ones.
    Another window of the program, in another process, may work on the same reading: before
    something is written, the disk is looked at again. What both wrote is put together, `joined`
    says so; what contradicts each other is refused, and then the other's is `reading`.

    Parameters
    ----------
    analysis : Analysis
    store : ReadingStore
    reader : str
        Name of the reader, as settings remember it; empty where it is not known yet.
    now : callable, optional
        Returns the time with its time zone.
    """

    def __init__(
        self,
        analysis: Analysis,
        store: ReadingStore,
        reader: str = "",
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._store, self._now = store, now
        self._reader = reader.strip()
        self._undone: list[dict[str, FindingDecision | None]] = []
        self._analysis = analysis
        self._findings = findings_of(analysis)
        self.joined: Joined | None = None
        self.addendum_draft: AddendumDraft = store.addendum_draft(image_of(analysis))
        self._take(store.load(image_of(analysis)))

    # What there is

    @property
    def reading(self) -> Reading:
        """The reading as it is on the disk; an untouched one is on no disk."""
        return self._reading

    @property
    def analysis(self) -> Analysis:
        """The result that is read."""
        return self._analysis

    @property
    def status(self) -> ReadingStatus:
        """How far it is."""
        return self._reading.status

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is read: of the analysis, or as they were signed."""
        return self._reading.findings if self.status.is_verified else self._findings

    @property
    def page(self) -> FindingPage:
        """The findings sorted for reading."""
        return page_of(self.findings)

    @property
    def read(self) -> tuple[ReadFinding, ...]:
        """The findings with the decisions on them."""
        return read_findings(self.findings, self._reading)

    @property
    def pending(self) -> tuple[Finding, ...]:
        """What waits for a decision before the reading can be signed, worst first."""
        return () if self.status.is_verified else pending(self._findings, self._reading)

    @property
    def acceptable(self) -> tuple[Finding, ...]:
        """What of it may be accepted unseen, with all the rest."""
        return () if self.status.is_verified else acceptable(self._findings, self._reading)

    @property
    def unmatched(self) -> tuple[FindingDecision, ...]:
        """Decisions on findings that the analysis no longer has."""
        return unmatched_decisions(self.findings, self._reading)

    @property
    def is_of_another_view(self) -> bool:
        """Whether the reading was begun or signed with the image taken for another kind."""
        return self._reading.view != self._analysis.view_name

    @property
    def is_changed_since_signed(self) -> bool:
        """Whether the result, and so the picture, is not the one that was signed."""
        return differs_from_signed(self._analysis, self._findings, self._reading)

    @property
    def offered_impression(self) -> str:
        """What the impression would be with fresh sentences, where the reader wrote another one."""
        impression = self._reading.impression
        if not impression.is_edited or self.status.is_verified:
            return ""
        with suppress(ReadingError):
            text = refilled(self.read, impression).text
            return "" if text == impression.text else text
        return ""

    @property
    def disagreement(self) -> Disagreement:
        """Where an impression that the reader typed does not agree with the decisions."""
        if self.status.is_verified:
            return Disagreement()
        return disagreement(self.read, self._reading.impression)

    def finding(self, key: str) -> Finding:
        """Return a finding.

        Raises
        ------
        ReadingError
            There is none of this key.
        """
        for found in self.findings:
            if found.key == key:
                return found
        raise ReadingError(ReadingProblem.NO_SUCH_FINDING, (key,))

    # What the reader does

    def follow(self, analysis: Analysis) -> Reading:
        """Read another analysis of the same picture: a point was moved, a level renamed.

        Decisions on what it says differently become outdated; levels or a kind that a person
        changed are kept as changed, with the program's.

        Raises
        ------
        ExportError
            The fresh impression could not be written; the reading is as it was.
        """
        if image_of(analysis) != image_of(self._analysis):
            raise ValueError("an analysis of another picture")
        before = self._findings
        self._analysis, self._findings = analysis, findings_of(analysis)
        if self.status.is_verified:
            return self._reading
        renamed = renamed_keys(before, self._findings)
        self._undone = [_renamed_steps(steps, renamed) for steps in self._undone]
        moved = following(self._reading, self._findings)
        return self._keep(with_changes_on_picture(moved, before, self._findings, self._now()))

    @property
    def is_signed_elsewhere(self) -> bool:
        """Whether it was signed since, by another window."""
        return not self.status.is_verified and self._store.is_signed(self._reading.image)

    def set_aside(self) -> Reading:
        """Begin anew where the signed reading is not as it was written; it is kept elsewhere.

        Raises
        ------
        ReadingError
            It is as it was written, or a newer program wrote it.
        ExportError
            It could not be moved.
        """
        image = self._reading.image
        self._store.set_aside(image, self._now())
        self._take(self._store.load(image))
        return self._reading

    def look_again(self) -> Reading:
        """Take over what another window signed."""
        stored = self._store.load(self._reading.image)
        if stored.versions:
            self._take(stored)
        return self._reading

    def name_reader(self, reader: str) -> Reading:
        """Give decisions from now on to a reader."""
        require_unsigned(self._reading)
        self._reader = reader.strip()
        return self._keep(self._reading.with_changes(reader=self._reader))

    def decide(self, key: str, decision: Decision, human: FindingValue | None = None) -> Reading:
        """Accept, change (to `human`) or reject a finding, or take its decision back.

        Raises
        ------
        ReadingError
            As `decisions.decide`; the reading is as it was.
        ExportError
            It could not be written; the reading is as it was.
        """
        return self.decide_all({key: (decision, human)})

    def decide_all(self, wanted: Mapping[str, tuple[Decision, FindingValue | None]]) -> Reading:
        """Decide on several findings in one step, as on all grades of a disc; see `decide`.

        Parameters
        ----------
        wanted : mapping of str to tuple
            Decision and the reader's value by key of the finding.
        """
        made, now = self._reading, self._now()
        for key, (decision, human) in wanted.items():
            made = decide(made, self.finding(key), decision, human, now)
        return self._step(made)

    def accept_all(self, keys: tuple[str, ...]) -> Reading:
        """Accept several findings in one step: all that one line shows."""
        return self.decide_all(dict.fromkeys(keys, (Decision.ACCEPTED, None)))

    def accept_rest(self) -> Reading:
        """Accept all that still waits for a decision."""
        return self._step(accept_rest(self._reading, self._findings, self._now()))

    @property
    def can_undo(self) -> bool:
        """Whether `undo` does something."""
        return bool(self._undone) and not self.status.is_verified

    def undo(self) -> Reading:
        """Take the last step of this session back; the impression is not one."""
        require_unsigned(self._reading)
        if not self._undone:
            return self._reading
        before = self._undone[-1]
        others = [made for made in self._reading.decisions if made.key not in before]
        again = [made for made in before.values() if made is not None]
        kept = self._keep(self._reading.with_changes(decisions=in_order([*others, *again])))
        self._undone.pop()
        return kept

    def write_impression(self, text: str) -> Reading:
        """Keep what the reader typed; from now on decisions leave it alone.

        Where another window signed meanwhile, the text is kept as an addendum that is not signed.
        """
        try:
            followed = impression_text(self.read)
            return self._keep(with_edited_impression(self._reading, text, followed))
        except ReadingError as error:
            if error.problem is ReadingProblem.SIGNED_ELSEWHERE:
                before = self.addendum_draft
                kept = joined_text("", before.text, text)
                name = before.reader or self._reader
                self.write_addendum_draft(AddendumDraft(kept, before.reason, name))
            raise

    def take_offered_impression(self) -> Reading:
        """Put the sentences that follow from the decisions in place of earlier ones.

        The reader's own words stay below them.
        """
        require_unsigned(self._reading)
        fresh = refilled(self.read, self._reading.impression)
        return self._keep(self._reading.with_changes(impression=fresh))

    def sign(self, reader: str = "") -> Reading:
        """Sign: nothing but an addendum changes the reading afterwards.

        Parameters
        ----------
        reader : str
            Who signs; without it the reader that is known.

        Raises
        ------
        ReadingError
            As `signing.signed`; something on the disk is not as it was written; or another
            window changed the reading, which is shown before it can be signed.
        ExportError
            It could not be written; the reading is not signed.
        """
        name = reader.strip() or self._reading.reader
        made = self._reading.with_changes(
            view=self._analysis.view_name,
            models=_models(self._analysis),
            program_version=__version__,
            corrections_sha256=corrections_checksum(self._analysis),
            corrections=corrections_of(self._analysis),
        )
        return self._add(signed(made, self._findings, name, self._now()))

    def write_addendum_draft(self, draft: AddendumDraft) -> AddendumDraft:
        """Keep an addendum that is being typed; an empty one takes it away.

        Returns
        -------
        AddendumDraft
            With what another window typed meanwhile.
        """
        image, before = self._reading.image, self.addendum_draft
        with self._store.held(image):
            there = self._store.addendum_draft(image)
            kept = draft if there == before else _both(before, there, draft)
            self._store.save_addendum_draft(image, kept)
        self.addendum_draft = kept
        return kept

    def add_addendum(self, text: str, reason: str, reader: str = "") -> Reading:
        """Add to a signed reading; the earlier version is kept.

        Raises
        ------
        ReadingError
            As `signing.with_addendum`, or something on the disk is not as it was written.
        ExportError
            It could not be written.
        """
        name = reader.strip() or self._reading.reader
        made = self._add(with_addendum(self._reading, text, reason, name, self._now()))
        self._forget_addendum_draft()
        return made

    # How it is kept

    def _take(self, stored: StoredReading) -> None:
        """Let what is on the disk be the reading."""
        self.faults: tuple[StoredReadingError, ...] = stored.faults
        self.unverified: Reading | None = stored.unverified
        self.versions: tuple[Reading, ...] = stored.versions
        self.is_unvouched: bool = stored.is_unvouched
        self.may_be_set_aside: bool = stored.may_be_set_aside
        self._undone.clear()
        self._on_disk = stored.reading
        self._reading = stored.reading or _begun(self._analysis)
        if not self._reading.status.is_verified:
            aside = self._store.set_aside_utc(self._reading.image)
            begun = self._reading.with_changes(reader=self._reader, set_aside_utc=aside)
            self._reading = self._fresh(following(begun, self._findings))

    def _step(self, made: Reading) -> Reading:
        before = self._reading
        kept = self._keep(made)
        changed = {*made.decisions} ^ {*before.decisions}
        if changed:
            self._undone.append({each.key: before.decision_on(each.key) for each in changed})
        return kept

    def _keep(self, made: Reading) -> Reading:
        """Write a draft, with what another window wrote meanwhile, then let it be the reading."""
        fresh = self._fresh(made.with_changes(view=self._analysis.view_name))
        if fresh.status is ReadingStatus.AUTOMATIC and self._on_disk is None:
            self._reading = fresh
            return fresh
        with self._store.held(fresh.image):
            fresh = self._with_the_other_s(fresh)
            is_left = fresh.status is not ReadingStatus.AUTOMATIC
            if is_left:
                self._store.save_draft(fresh)
            else:
                self._store.discard_draft(fresh.image)
        self._reading, self._on_disk = fresh, fresh if is_left else None
        return fresh

    def _with_the_other_s(self, fresh: Reading) -> Reading:
        """Return a draft with what another window wrote since this one last looked."""
        stored = self._store.load(fresh.image)
        if stored.versions:
            self._take(stored)
            raise ReadingError(ReadingProblem.SIGNED_ELSEWHERE)
        theirs = stored.reading
        if theirs == self._on_disk:
            return fresh
        try:
            made = self._fresh(merged(self._on_disk, theirs, fresh))
        except ReadingError:
            self._take(stored)
            raise
        is_both = has_both_texts(theirs, fresh, made)
        self.joined = Joined.TEXTS if is_both else Joined.DECISIONS
        return made

    def _require_as_shown(self) -> None:
        """Refuse to sign what another window changed: nobody looked at it here."""
        stored = self._store.load(self._reading.image)
        if stored.faults or stored.reading == self._on_disk:
            return
        self._take(stored)
        is_signed = bool(stored.versions)
        raise ReadingError(
            ReadingProblem.SIGNED_ELSEWHERE if is_signed else ReadingProblem.CHANGED_ELSEWHERE
        )

    def _forget_addendum_draft(self) -> None:
        """Take the typed addendum away, unless another window typed on since it was signed."""
        image = self._reading.image
        with self._store.held(image):
            if self._store.addendum_draft(image) == self.addendum_draft:
                self._store.save_addendum_draft(image, AddendumDraft())
        self.addendum_draft = self._store.addendum_draft(image)

    def _fresh(self, made: Reading) -> Reading:
        return with_fresh_impression(made, self._findings)

    def _add(self, made: Reading) -> Reading:
        with self._store.held(made.image):
            self._require_as_shown()
            self._store.add_version(made)
        self._reading, self.versions = made, (*self.versions, made)
        self._on_disk = made
        self._undone.clear()
        return made


def _renamed_steps(
    steps: Mapping[str, FindingDecision | None], renamed: Mapping[str, str]
) -> dict[str, FindingDecision | None]:
    return {
        renamed.get(key, key): None if made is None else rekeyed(made, renamed)
        for key, made in steps.items()
    }


def _both(base: AddendumDraft, theirs: AddendumDraft, ours: AddendumDraft) -> AddendumDraft:
    return AddendumDraft(
        joined_text(base.text, theirs.text, ours.text),
        joined_text(base.reason, theirs.reason, ours.reason).replace("\n", "; "),
        ours.reader or theirs.reader,
    )


def _begun(analysis: Analysis) -> Reading:
    return Reading(
        image=image_of(analysis),
        view=analysis.view_name,
        program_version=__version__,
        models=_models(analysis),
    )


def _models(analysis: Analysis) -> tuple[ReadModel, ...]:
    return tuple(ReadModel(model.name, model.version, model.sha256) for model in analysis.models)
