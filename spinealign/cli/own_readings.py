"""Readings and corrections of the profile for one command; encrypted ones by whoever signs in."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import is_named, own_place, signed_in
from spinealign.domain.findings import Analysis
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.paths import has_archive, profile_dir
from spinealign.domain.presentation import Presentation
from spinealign.domain.protection import Right

if TYPE_CHECKING:
    from spinealign.audit.events import EventKind
    from spinealign.domain.errors import SpineAlignError
    from spinealign.domain.findings import Corrections
    from spinealign.domain.reading import Reading
    from spinealign.domain.report_details import LeftOutReading
    from spinealign.reading.store import ReadingStore
    from spinealign.vault.session import Session


@dataclass(frozen=True)
class OwnReadings:
    """What the profile knows about images, and who looks at it.

    Parameters
    ----------
    folder : Path or None
        Where readings lie, and corrections that are not beside their image; None is the profile.
    session : Session or None
        Of whoever signed in; None where nothing is encrypted, or nobody did.
    is_closed : bool
        Whether `folder` is encrypted and nobody signed in: only names of files are known.
    """

    folder: Path | None = None
    session: Session | None = None
    is_closed: bool = False

    @property
    def store(self) -> ReadingStore:
        """The readings."""
        from spinealign.reading.store import ReadingStore

        return ReadingStore(self.folder)

    def presentation(self, image: SpineImage) -> Presentation:
        """Return how a person wants a picture to be shown."""
        from spinealign.export.corrections import load_presentation

        return load_presentation(image, self.folder)

    def corrected(self, analysis: Analysis, *, is_reading_ignored: bool) -> Analysis:
        """Apply what is saved, or signed; what cannot be used is named and left alone."""
        from spinealign.domain.errors import CorrectionsError
        from spinealign.export.corrections import load_corrections, view_set_aside
        from spinealign.measure.correction.corrected import apply_corrections
        from spinealign.wording.corrections import other_view_message
        from spinealign.wording.reading_window import SHOWN_AS_SIGNED_MESSAGE

        wanted: Corrections | None = None
        beside: Corrections | None = None
        try:
            wanted = beside = load_corrections(analysis, profile_dir=self.folder)
            other = view_set_aside(analysis, profile_dir=self.folder)
            if other:
                message = other_view_message(analysis, other)
                sys.stderr.write(f"{message.sentence} {message.advice}\n")
        except CorrectionsError as error:
            print_error(error)
        if not is_reading_ignored:
            wanted = self.store.corrections_that_hold(analysis, beside)
        if wanted != beside:
            sys.stderr.write(f"{SHOWN_AS_SIGNED_MESSAGE.sentence}\n")
        return analysis if wanted is None else apply_corrections(analysis, wanted)

    def reading(
        self, analysis: Analysis, *, is_ignored: bool
    ) -> tuple[Reading | None, LeftOutReading | None]:
        """Return the reading that is stored; one with faults is named and left out."""
        from spinealign.domain.report_details import LeftOutReading, ReadingUse
        from spinealign.reading.store import image_of, taken_in

        store, image = self.store, image_of(analysis)
        if self.is_closed:
            status = store.status_by_names(image)
            return None, None if status is None else LeftOutReading(ReadingUse.LEFT_OUT, status)
        stored = store.load(image)
        for fault in stored.faults:
            print_error(fault)
        reading, left_out = taken_in(analysis, stored)
        if reading is not None and is_ignored:
            return None, LeftOutReading(ReadingUse.LEFT_OUT, reading.status)
        return reading, left_out

    def record(self, kind: EventKind, image: SpineImage) -> None:
        """Write into the audit trail, where there is one, what is about to be done with an image.

        Raises
        ------
        SpineAlignError
            It could not be written, and must not be done.
        """
        if self.session is None:
            return
        from spinealign.audit.events import AuditObject, ObjectKind
        from spinealign.imaging.study import read_patient

        part = image.part or ImagePart(image.source_path)
        facts, dicom = read_patient(part), image.dicom
        study = "" if dicom is None else dicom.study_instance_uid
        objects = [AuditObject(ObjectKind.STUDY, study or image.sha256)]
        if facts.identifier or facts.name:
            objects.insert(0, AuditObject(ObjectKind.PATIENT, facts.identifier, facts.name))
        self.session.record(kind, *objects)

    def record_view(self, sha256: str) -> None:
        """Write into the audit trail that the reading of an image is looked at; see `record`."""
        if self.session is not None:
            from spinealign.audit.events import AuditObject, EventKind, ObjectKind

            self.session.record(EventKind.VIEW, AuditObject(ObjectKind.STUDY, sha256))


@contextmanager
def own_readings(
    options: argparse.Namespace, right: Right, *, are_ignored: bool = False, without: str = ""
) -> Iterator[OwnReadings]:
    """Open what the profile knows about images, for one command.

    Parameters
    ----------
    options : argparse.Namespace
        With those of `add_sign_in_options`.
    right : Right
        Which right of an account the command takes.
    are_ignored : bool
        Whether the command does without readings and corrections: then nobody has to sign in.
    without : str
        Options by which it would.

    Raises
    ------
    WrongUseError
        They are encrypted for accounts, and none was named.
    SpineAlignError
        The account may not do that, or the archive does not open.
    """
    if not has_archive(profile_dir()):
        if is_named(options):
            # Of a mistyped profile nobody's readings would count, unsaid.
            from spinealign.wording.archive import NOBODY_SIGNS_IN

            raise WrongUseError(NOBODY_SIGNS_IN)
        yield OwnReadings()
        return
    from spinealign.vault.place import Protection
    from spinealign.vault.taking_in import TAKEN_IN, take_in
    from spinealign.wording.archive import readings_are_encrypted_text

    place = own_place()
    if place.protection is Protection.NONE:
        yield OwnReadings()
        return
    is_anonymous = place.protection is Protection.ACCOUNTS and not is_named(options)
    if are_ignored and not is_named(options):
        place.close_folders()
        yield OwnReadings(place.kept, is_closed=True)
        return
    if is_anonymous:
        raise WrongUseError(readings_are_encrypted_text(without))
    with signed_in(options) as session:
        session.require(right)
        take_in(place, TAKEN_IN)
        yield OwnReadings(place.kept, session)


def print_error(error: SpineAlignError) -> None:
    """Say what went wrong, and what to do, where errors go."""
    from spinealign.wording import explain

    message = explain(error)
    sys.stderr.write(f"{message.sentence} {message.advice}\n")
