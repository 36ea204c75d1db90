"""Puts opened cases into the archive; what the window knows of them is gathered before."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PyQt6.QtCore import QBuffer, QIODevice

from spinealign.domain.findings import Analysis
from spinealign.domain.generators import mapped
from spinealign.domain.image import ImagePart
from spinealign.domain.reading import Reading
from spinealign.ui.cases.case import Case
from spinealign.ui.cases.thumbnails import SIDE_PX, presented, small_picture
from spinealign.ui.picture.display_images import DisplayImage
from spinealign.ui.reading.key_value import key_value
from spinealign.ui.work.services import Services
from spinealign.ui.workbench import Workbench
from spinealign.vault.keeping import Opened, keeping
from spinealign.vault.session import Session


@dataclass(frozen=True)
class ToKeep:
    """One case as it is when it is to be kept.

    Parameters
    ----------
    title : str
        What the window calls it.
    files : tuple of Path
    part : ImagePart
        Of whose patient the archive is told.
    kind, description, key_value : str
    analysis : Analysis or None
    reading : Reading or None
    display : DisplayImage or None
        What the thumbnail is made of.
    """

    title: str
    files: tuple[Path, ...]
    part: ImagePart
    kind: str
    description: str
    key_value: str
    analysis: Analysis | None
    reading: Reading | None
    display: DisplayImage | None


@dataclass(frozen=True)
class Kept:
    """What was put into the archive: the titles of cases, and how many files they have."""

    titles: tuple[str, ...]
    file_count: int


def is_in_zip(case: Case) -> bool:
    """Whether images of a case lie inside a zip archive, which holds others besides."""
    return any(part.member for entry in case.stack.volumes for part in entry.parts)


def gathered(bench: Workbench, case: Case) -> ToKeep:
    """Return what the window knows of a case now."""
    entry = case.stack.first
    finding = case.finding
    analysis = None if finding is None else finding.analysis
    kind = case.wanted_examination
    if analysis is not None and analysis.examination is not None:
        kind = analysis.examination
    parts = [part.path for each in case.stack.volumes for part in each.parts]
    return ToKeep(
        case.title,
        tuple(dict.fromkeys(parts)),
        entry.parts[0],
        "" if kind is None else kind.key,
        entry.description,
        key_value(bench.readings.shown_of(case)),
        analysis,
        None if analysis is None else bench.readings.reading_of(analysis)[0],
        case.display,
    )


class KeptSoFar(NamedTuple):
    """How far it is: cases that are in the archive, the next one, and how much of it is done."""

    cases: int
    title: str
    done: int
    steps: int


def keep_all(
    session: Session, services: Services, cases: Sequence[ToKeep]
) -> Generator[KeptSoFar, None, Kept]:
    """Put cases into the archive one after another; who stops it keeps those that are done."""
    files = 0
    for number, case in enumerate(cases):
        yield KeptSoFar(number, case.title, 0, 1)
        steps = keeping(session, _opened(services, case))
        told = partial(KeptSoFar, number, case.title)
        yield from mapped(steps, lambda step, told=told: told(*step))  # type: ignore[misc]
        files += len(case.files)
    return Kept(tuple(case.title for case in cases), files)


def _opened(services: Services, case: ToKeep) -> Opened:
    dicom = None if case.analysis is None else case.analysis.image.dicom
    return Opened(
        case.files,
        services.read_patient(case.part),
        case.kind,
        "" if dicom is None else dicom.study_instance_uid,
        case.description,
        case.key_value,
        case.analysis,
        case.reading,
        b"" if case.display is None else _thumbnail(case.display, case.analysis),
    )


def _thumbnail(display: DisplayImage, analysis: Analysis | None) -> bytes:
    """Return a small picture as PNG, turned as the large one is shown."""
    picture = small_picture(display, SIDE_PX)
    if analysis is not None:
        picture = presented(picture, analysis.image.presentation)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    return buffer.data().data()
