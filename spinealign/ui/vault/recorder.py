"""Writes into the audit trail what the window does; what cannot be written down is not done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject

from spinealign.audit.events import AuditObject, EventKind, ObjectKind
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.protection import ArchiveError, ArchiveProblem, AuditDamagedError
from spinealign.domain.study import PatientFacts
from spinealign.ui.cases.jobs import read_patient
from spinealign.ui.work.tasks import TaskRunner
from spinealign.ui.workbench import Workbench
from spinealign.vault.session import Session
from spinealign.wording import Message, explain


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
        self._known: dict[Path, tuple[PatientFacts, str]] = {}
        self._viewed: object = None
        self._is_reading_changed = False
        self._warning: Message | None = None
        bench.current_changed.connect(self._begin_case)
        bench.editing.saved.connect(lambda path, _: self.record(EventKind.CHANGE, [path]))

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
        except OSError:
            self._bench.messages.report(ArchiveError(ArchiveProblem.NOT_WRITABLE))
            return False
        self.warn_of_damage()
        return True

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
        self._known[image.source_path] = facts or PatientFacts(), image.sha256
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
        """Return patient and study of images; the study by its image where nobody looked at it."""
        found: dict[AuditObject, None] = {}
        for path in dict.fromkeys(paths):
            facts, sha256 = self._known.get(path, (PatientFacts(), ""))
            if facts.identifier or facts.name:
                found[AuditObject(ObjectKind.PATIENT, facts.identifier, facts.name)] = None
            if sha256:
                found[AuditObject(ObjectKind.STUDY, sha256)] = None
            else:
                found[AuditObject(ObjectKind.FILE, path.name)] = None
        return tuple(found)
