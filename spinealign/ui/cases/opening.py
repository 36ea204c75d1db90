"""Opening images: dialogs, folders, archives, drag and drop, clipboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QDir, QMimeData, QObject, QSysInfo, QTemporaryDir, QUrl, pyqtSignal
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QFileDialog, QWidget

from spinealign.domain.errors import ReadProblem
from spinealign.domain.formats import ARCHIVE_SUFFIX, DICOM_INDEX_NAME, IMAGE_FORMATS
from spinealign.domain.image import ImagePart
from spinealign.domain.study import (
    Scan,
    SeriesStack,
    SkippedFile,
    stacked,
)
from spinealign.ui.cases.case import Case, Opening
from spinealign.ui.cases.jobs import save_picture, scan_each
from spinealign.ui.cases.planning import Study, becomes_case, planned
from spinealign.ui.cases.skipped_dialog import Skipped
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.recent import Recent
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import PASTED_PREFIX, Sample, Services
from spinealign.ui.work.tasks import Task, TaskRunner, Work
from spinealign.wording import Message
from spinealign.wording.series import (
    listed_once_message,
    refused_message,
    retrieved_name,
    scanning_text,
)

_OBJECTS = frozenset((ReadProblem.SEGMENTATION, ReadProblem.REPORT))
"""DICOM objects that belong to the case of their image."""


def file_filters() -> str:
    """Return what the dialog offers to list, as Qt wants it."""
    groups = {each.group: "" for each in IMAGE_FORMATS}
    for each in IMAGE_FORMATS:
        groups[each.group] += "".join(f" *{suffix}" for suffix in each.suffixes)
    images = [f"{group} ({patterns.strip()})" for group, patterns in groups.items()]
    archives = f"Archives and indexes of studies (*{ARCHIVE_SUFFIX} {DICOM_INDEX_NAME})"
    # All first, because DICOM files often have no suffix at all.
    return ";;".join(("All files (*)", *images, archives))


NO_LOCAL_FILES = Message(
    "Only files on this computer can be opened.",
    "Save the image to a folder first, then drop it here.",
)
NOTHING_TO_PASTE = Message(
    "There is no image on the clipboard.",
    "Copy a picture, or files in the file manager, and paste again.",
)


class Opener(QObject):
    """Turns what the user points at into series, and says which to open.

    `opened` brings openings, `study_found` a study with several series to choose among
    (the openings come with `opened`, when there are any, before it), `skipped` the files of
    folders and archives that were not opened, as `Skipped`; `object_met` the path of a
    segmentation or report that was to be opened.
    """

    opened = pyqtSignal(object)
    study_found = pyqtSignal(object)
    skipped = pyqtSignal(object)
    object_met = pyqtSignal(object)
    searching = pyqtSignal(str)
    search_ended = pyqtSignal()

    def __init__(
        self,
        services: Services,
        runner: TaskRunner,
        preferences: Preferences,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._messages = messages
        self._services = services
        self._runner = runner
        self._preferences = preferences
        self._chosen: set[Path] = set()
        self._scanning: list[Task] = []
        self._pasted_folder: QTemporaryDir | None = None
        self._pasted_count = 0

    def ask_files(self, asking: QWidget) -> None:
        """Let the user choose files, in front of the window `asking`."""
        names, _ = QFileDialog.getOpenFileNames(
            asking, "Open images", self._preferences.state.last_folder, file_filters()
        )
        self.open_paths([Path(name) for name in names])

    def ask_folder(self, asking: QWidget) -> None:
        """Let the user choose a folder with images or series."""
        name = QFileDialog.getExistingDirectory(
            asking,
            "Open the images and series of a folder",
            self._preferences.state.last_folder,
        )
        if name:
            self.open_paths([Path(name)])

    def ask_companion(self, asking: QWidget) -> Path | None:
        """Let the user choose the other contrast of a case."""
        name, _ = QFileDialog.getOpenFileName(
            asking,
            "Add the other contrast of the same patient",
            self._preferences.state.last_folder,
            file_filters(),
        )
        return Path(name).absolute() if name else None

    @property
    def is_scanning(self) -> bool:
        """Whether files are being looked at."""
        return bool(self._scanning)

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Look in the background at what files and folders hold, then open it."""
        if not paths:
            return
        absolute = [path.absolute() for path in paths]
        self._preferences.note(last_folder=str(absolute[0].parent))
        self._chosen.update(absolute)
        self._scan(absolute)

    def open_quietly(self, path: Path, take: Callable[[list[Opening]], object]) -> None:
        """PointerTool over what would be opened of a path, instead of announcing it.

        Of several series the one to begin with is handed over.
        """
        self._preferences.note(last_folder=str(path.parent))
        self._chosen.add(path)
        self._scan([path], take=take)

    def open_recent(self, recent: Recent) -> None:
        """Open a path again, at the series and picture chosen then."""
        self._chosen.add(recent.path)
        self._scan([recent.path], recent=recent)

    def open_again(self, recents: Sequence[Recent]) -> None:
        """Open what was open in another session, each at the series and picture chosen then."""
        paths = list(dict.fromkeys(recent.path for recent in recents))
        self._chosen.update(paths)
        task = self._begin(lambda: scan_each(self._services, paths))
        task.finished.connect(lambda scans: self._take_again(recents, dict(scans)))

    def _take_again(self, recents: Sequence[Recent], scans: Mapping[Path, Scan]) -> None:
        openings, missing = [], []
        for recent in recents:
            stack = _series_of(recent, stacked(scans[recent.path].found))
            if stack is not None:
                openings.append(Opening(stack, _within(recent, stack)))
            else:
                missing.append(SkippedFile(ImagePart(recent.path), _why(scans[recent.path])))
        if openings:
            self.opened.emit(openings)
        if missing:
            self.skipped.emit(Skipped(tuple(missing)))

    def to_remember(self, cases: Sequence[Case]) -> list[Recent] | None:
        """Return how these cases are opened again; None where the user chose nothing to open.

        Samples and pasted pictures are left out.
        """
        if not self._chosen:
            return None
        return [case.again for case in cases if case.recent.path in self._chosen]

    def open_private(self, folders: Sequence[Path], title: str = "") -> None:
        """Open images in folders of this program's own; they are not remembered.

        Files and folders are named by checksums: the images are called as their series are, or
        by a title where there is one only.
        """
        self._scan(list(folders), title, is_private=True)

    def open_sample(self, sample: Sample) -> None:
        """Open a sample case under its title; it is not remembered."""
        self._scan([sample.path], sample.title)

    def cancel(self) -> None:
        """Stop looking at files; the window stays as it is."""
        for task in self._scanning:
            task.cancel()

    def open_mime(self, data: QMimeData) -> None:
        """Open what was dropped or pasted as files."""
        found = [path for url in data.urls() if (path := _local(url)) is not None]
        picture = _picture_of(data)
        # A browser names the page too, or a file that it took away again.
        if picture is not None and not any(path.exists() for path in found):
            self._open_picture(picture)
        elif found:
            self.open_paths(found)
            if len(found) < len(data.urls()):
                self._messages.notice(NO_LOCAL_FILES)
        else:
            self._messages.fail(NO_LOCAL_FILES)

    def paste(self) -> None:
        """Open files, or the picture, that lie on the clipboard."""
        clipboard = QApplication.clipboard()
        data = clipboard.mimeData() if clipboard is not None else None
        if data is not None and data.hasUrls():
            self.open_mime(data)
        elif clipboard is not None and not clipboard.image().isNull():
            self._open_picture(clipboard.image())
        else:
            self._messages.fail(NOTHING_TO_PASTE)

    def note_success(self, recent: Recent) -> None:
        """Remember what could be analysed, if it was the user who chose it."""
        if recent.path in self._chosen:
            self._preferences.remember(recent)

    def clean_up(self) -> None:
        """Delete pasted pictures."""
        if self._pasted_folder is not None:
            self._pasted_folder.remove()

    def _scan(
        self,
        paths: Sequence[Path],
        title: str = "",
        recent: Recent | None = None,
        take: Callable[[list[Opening]], object] | None = None,
        is_private: bool = False,
    ) -> None:
        task = self._begin(lambda: self._services.scan(paths))
        task.finished.connect(lambda scan: self._take(paths, scan, title, recent, take, is_private))

    def _begin(self, look: Callable[[], Work]) -> Task:
        task = self._runner.submit(look)
        self._scanning.append(task)
        task.progressed.connect(self._show_count)
        task.ended.connect(lambda: self._end(task))
        return task

    def _show_count(self, count: int) -> None:
        # One file is looked at faster than words about it are read.
        if count > 1:
            self.searching.emit(scanning_text(count))

    def _end(self, task: Task) -> None:
        self._scanning.remove(task)
        self.search_ended.emit()

    def _take(
        self,
        paths: Sequence[Path],
        scan: Scan,
        title: str,
        recent: Recent | None,
        take: Callable[[list[Opening]], object] | None,
        is_private: bool,
    ) -> None:
        if recent is not None and self._open_again(recent, stacked(scan.found)):
            return
        openings, study = planned(paths, scan)
        if title and len(openings) == 1:
            openings = [replace(openings[0], title=title)]
        elif is_private:
            openings = [replace(one, title=retrieved_name(one.stack.first)) for one in openings]
        if is_private:
            study = None if study is None else replace(study, is_private=True)
        if take is not None:
            begin = [study.opening(study.preselected)] if study is not None else openings[:1]
            take(begin)
        elif openings:
            self.opened.emit(openings)
        if study is not None and take is None:
            self.study_found.emit(study)
        self._tell(paths, scan)

    def _tell(self, paths: Sequence[Path], scan: Scan) -> None:
        """Say what was not opened, and why."""
        chosen = frozenset(paths)
        met = [one for one in scan.refused if one.problem in _OBJECTS]
        # Outlines first: what a report says is held against them.
        for refusal in sorted(met, key=lambda one: one.problem is ReadProblem.REPORT):
            self.object_met.emit(refusal.path)
        rest = [refusal for refusal in scan.refused if refusal not in met]
        told = [refusal for refusal in rest if not becomes_case(refusal, chosen)]
        if told and not scan.found:
            self._messages.fail(refused_message(told))
        elif scan.skipped:
            self.skipped.emit(Skipped(scan.skipped, scan.skipped_beyond))
        elif told:
            self._messages.notice(refused_message(told))
        elif scan.other_names:
            self._messages.notice(listed_once_message(scan.other_names))

    def _open_again(self, recent: Recent, stacks: tuple[SeriesStack, ...]) -> bool:
        """Open the series chosen then, if it is still there; the others stay at hand."""
        stack = _series_of(recent, stacks)
        if stack is None:
            return False
        self.opened.emit([Opening(stack, _within(recent, stack))])
        if len(stacks) > 1:
            self.study_found.emit(Study(stacks, (recent.path,), stack, is_choice=False))
        return True

    def _open_picture(self, image: QImage) -> None:
        if self._pasted_folder is None:
            self._pasted_folder = QTemporaryDir(f"{QDir.tempPath()}/{PASTED_PREFIX}XXXXXX")
        self._pasted_count += 1
        title = f"Pasted image {self._pasted_count}"
        path = Path(self._pasted_folder.filePath(f"pasted-{self._pasted_count}.png"))
        task = self._runner.submit(lambda: save_picture(image, path))
        task.finished.connect(lambda saved: self._scan([saved], title))


def _series_of(recent: Recent, stacks: Sequence[SeriesStack]) -> SeriesStack | None:
    number = 1 if recent.series is None and len(stacks) == 1 else recent.series
    return next((stack for stack in stacks if stack.number == number), None)


def _within(recent: Recent, stack: SeriesStack) -> Recent:
    """Return how a series is opened again, without the pictures that it does not have any more."""
    place, seen = (p if stack.has_position(p) else None for p in (recent.place, recent.seen))
    return replace(recent, place=place, seen=seen)


def _why(scan: Scan) -> ReadProblem:
    """Return why nothing of a path could be opened again; its series may be another now."""
    return scan.refused[0].problem if scan.refused else ReadProblem.MISSING


def _local(url: QUrl) -> Path | None:
    """Return the path of a local file; this computer may be named (RFC 8089)."""
    if not url.isLocalFile() or not url.path():
        return None
    plain = QUrl(url)
    if url.host() in ("localhost", "127.0.0.1", "::1", QSysInfo.machineHostName().lower()):
        plain.setHost("")
    return Path(plain.toLocalFile())


def _picture_of(data: QMimeData) -> QImage | None:
    picture = data.imageData() if data.hasImage() else None
    return picture if isinstance(picture, QImage) and not picture.isNull() else None
