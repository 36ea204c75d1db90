"""Writes into the audit trail what the window does; what cannot be written down is not done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PyQt6.QtCore import QObject

from spinealign.archive.problems import as_archive_error
from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.protection import AuditDamagedError
from spinealign.domain.study import PatientFacts
from spinealign.protected_folders import is_protected
from spinealign.ui.cases.jobs import read_patient
from spinealign.ui.work.tasks import TaskRunner
from spinealign.ui.workbench import Workbench
from spinealign.vault.failed_acts import outcome_of
from spinealign.vault.session import Session
from spinealign.wording import Message, explain
from spinealign.wording.archive import study_name


class _Seen(NamedTuple):
    """Whose image was seen, and of which study: its UID, or the checksum of an image without."""

    facts: PatientFacts
    study: str


class Recorder(QObject):
    """Connects what the window does with `Session.record`.

    A case counts as viewed once its picture is seen and its file told whose it is; another slice
    of it is no other event. Where an event cannot be written, the case is put away.

    Parameters
    ----------
    bench : Workbench
    session_of : callable
        Returns the session of whoever is at work; None where nobody is.
    """

    def __init__(
        self, bench: Workbench, session_of: Callable[[], Session | None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bench, self._session_of = bench, session_of
        self._runner = TaskRunner(bench.messages, self)
        bench.add_runner(self._runner)
        self._known: dict[Path, _Seen] = {}
        self._viewed: object = None
        self._is_reading_changed = False
        self._warning: Message | None = None
        bench.current_changed.connect(self._begin_case)
        bench.editing.saved.connect(
            lambda path, _: self.record(EventKind.CHANGE, [path], "corrections")
        )

    def record(self, kind: str, paths: Sequence[Path] = (), description: str = "",
               peer: str = "") -> bool:  # fmt: skip
        """Write an event about images; return whether that worked, and tell why it did not."""
        session = self._session_of()
        if session is None:
            return False
        try:
            objects = self._objects(paths)
            if peer:
                objects = (*objects, AuditObject(ObjectKind.NODE, peer))
            session.record(EventKind(kind), *objects, description=description, peer=peer)
        except SpineAlignError as error:
            self._bench.messages.report(error)
            return False
        except OSError as error:
            self._bench.messages.report(as_archive_error(error) or error)
            return False
        self.warn_of_damage()
        return True

    def record_failure(self, kind: str, paths: Sequence[Path], error: BaseException | None) -> None:
        """Write that something failed which stands in the trail already; None was stopped."""
        session = self._session_of()
        if session is not None:
            outcome, why = outcome_of(error)
            objects = self._objects(paths)
            session.record_failure(EventKind(kind), *objects, outcome=outcome, description=why)

    def warn_of_damage(self) -> None:
        """Say as long as it holds that the trail is not as it was written."""
        session = self._session_of()
        damage = None if session is None else session.trail_damage
        wanted = None if damage is None else explain(AuditDamagedError(damage))
        if wanted == self._warning:
            return
        if self._warning is not None:
            self._bench.messages.withdraw(self._warning)
        self._warning = wanted
        if wanted is not None:
            self._bench.messages.warn(wanted)

    def record_query(self, node: str) -> bool:
        """Write that a node is asked."""
        return self.record(EventKind.QUERY, peer=node)

    def change_reading(self) -> bool:
        """Write once for each showing of a case that its reading is changed."""
        case = self._bench.current
        if case is None or self._is_reading_changed:
            return True
        self._is_reading_changed = self.record(EventKind.CHANGE, [case.path], "reading")
        return self._is_reading_changed

    def view(self, image: SpineImage | None) -> None:
        """Take note of a picture that is seen."""
        case = self._bench.current
        if image is None or case is None or case is self._viewed or self._session_of() is None:
            return
        self._viewed = case
        part = image.part or ImagePart(image.source_path)
        task = self._runner.submit(
            partial(read_patient, self._bench.services, part),
            lambda _: self._seen(case, image, None),
        )
        task.finished.connect(partial(self._seen, case, image))

    def _seen(self, case: object, image: SpineImage, facts: PatientFacts | None) -> None:
        dicom = image.dicom
        study = (dicom.study_instance_uid if dicom is not None else "") or image.sha256
        self._known[image.source_path] = _Seen(facts or PatientFacts(), study)
        if not self.record(EventKind.VIEW, [image.source_path]) and case is self._bench.current:
            self._bench.select(None)

    def forget(self) -> None:
        """Forget whose images were seen: somebody else signs in."""
        self._known.clear()
        self._viewed = None

    def _begin_case(self, case: object) -> None:
        self._is_reading_changed = False
        if case is not self._viewed:
            self._viewed = None

    def _objects(self, paths: Sequence[Path]) -> tuple[AuditObject, ...]:
        """Return patient and study of images; the file where nobody looked at it."""
        found: dict[AuditObject, None] = {}
        for path in dict.fromkeys(paths):
            seen = self._known.get(path)
            if seen is None:
                found[AuditObject(ObjectKind.FILE, path.name)] = None
                continue
            facts = seen.facts
            if facts.identifier or facts.name:
                found[AuditObject(ObjectKind.PATIENT, facts.identifier, facts.name)] = None
            name = study_name(facts.study_date, self._kind_of(path))
            if not name and not is_protected(path):
                name = path.name
            found[AuditObject(ObjectKind.STUDY, seen.study, name)] = None
        return tuple(found)

    def _kind_of(self, path: Path) -> str:
        """Return what an image shows, as far as that is known by now; else nothing."""
        for case in self._bench.session.cases:
            if case.path == path:
                finding = case.finding
                found = case.wanted_examination if finding is None else finding.analysis.examination
                return "" if found is None else found.key
        return ""
